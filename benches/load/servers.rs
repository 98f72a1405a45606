//! Servers in processes of their own, and what they cost.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

use crate::generator::{Load, Seen};
use crate::sink::Sink;

/// The program under test.
pub const STICHTAG: &str = env!("CARGO_BIN_EXE_stichtag");

/// Something that takes mail.
pub struct Server {
    /// Where it listens.
    pub at: SocketAddr,
    process: Process,
}

enum Process {
    Child(Child),
    /// The folder of a Postfix instance, and the id of its master.
    Postfix(PathBuf, u32),
}

impl Drop for Server {
    fn drop(&mut self) {
        match &mut self.process {
            Process::Child(child) => {
                // Already gone: all the better.
                let _ = child.kill();
                let _ = child.wait();
            }
            Process::Postfix(folder, _) => {
                let _ = postfix(folder, "stop");
            }
        }
    }
}

impl Server {
    /// Our own, keeping in `folder`; `settings` are variables over the usual ones.
    pub fn stichtag(folder: &Path, settings: &[(&str, &str)]) -> anyhow::Result<Self> {
        let mut command = stichtag(folder);
        command
            .arg("serve")
            .env("STICHTAG_SERVER__SMTP_LISTEN", r#"["127.0.0.1:0"]"#)
            .env("STICHTAG_SERVER__ADMIN_LISTEN", "")
            .env("STICHTAG_ROUTE__DENIC_LIVE__RECIPIENTS", r#"["*"]"#)
            .env("STICHTAG_ROUTE__DENIC_LIVE__REQUIRE", "record")
            .envs(settings.iter().copied());
        Self::spawned(command)
    }

    /// One that does less.
    pub fn sink(sink: Sink, folder: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(folder)?;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("sink").arg(sink.word()).arg(folder);
        Self::spawned(command)
    }

    /// A Postfix of its own in `folder`, that puts every mail into its hold queue: accepting costs
    /// what it always costs, and no delivery begins. `None` where Postfix is not installed.
    pub fn postfix(folder: &Path) -> anyhow::Result<Option<Self>> {
        if !Path::new("/usr/sbin/postfix").exists() {
            return Ok(None);
        }
        let at = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let (config, data) = (folder.join("config"), folder.join("data"));
        fs::create_dir_all(&config)?;
        fs::create_dir_all(&data)?;
        fs::create_dir_all(folder.join("queue"))?;
        let owned = Command::new("chown").arg("postfix").arg(&data).status()?;
        ensure!(
            owned.success(),
            "Postfix needs its folder to be its own; run this as root"
        );
        fs::write(config.join("main.cf"), main_cf(folder))?;
        fs::write(config.join("master.cf"), master_cf(at.port()))?;
        postfix(folder, "start")?;
        let pid = fs::read_to_string(folder.join("queue/pid/master.pid"))?;
        let server = Server {
            at,
            process: Process::Postfix(folder.to_owned(), pid.trim().parse()?),
        };
        let started = Instant::now();
        while TcpStream::connect(at).is_err() {
            ensure!(
                started.elapsed() < Duration::from_secs(10),
                "Postfix does not listen"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(Some(server))
    }

    fn spawned(mut command: Command) -> anyhow::Result<Self> {
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take().context("no output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let at = line
            .split_whitespace()
            .find_map(|word| word.strip_prefix("smtp="))
            .with_context(|| format!("server said `{line}`"))?
            .parse()?;
        Ok(Server {
            at,
            process: Process::Child(child),
        })
    }

    /// Memory in MiB that it has now.
    pub fn resident_mib(&self) -> anyhow::Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid()))?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .context("no VmRSS")?;
        let kib: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kib / 1024.0)
    }

    fn pid(&self) -> u32 {
        match &self.process {
            Process::Child(child) => child.id(),
            Process::Postfix(_, master) => *master,
        }
    }

    /// Milliseconds of CPU it has used, with all processes it has started.
    fn cpu_ms(&self) -> anyhow::Result<f64> {
        let own = self.pid();
        let mut ticks = ticks(own)?;
        if matches!(self.process, Process::Postfix(..)) {
            for entry in fs::read_dir("/proc")? {
                let name = entry?.file_name();
                let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else {
                    continue;
                };
                // A process that has just ended is in its parent's account.
                if parent(pid) == Some(own) {
                    ticks += self::ticks(pid).unwrap_or(0);
                }
            }
        }
        // The kernel reports hundredths of seconds, whatever its own clock.
        Ok(ticks as f64 * 10.0)
    }
}

/// A run of one server with one load.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// What the generator has seen.
    pub seen: Seen,
    /// Milliseconds of CPU per mail, the server's.
    pub cpu_ms: f64,
}

/// Lets the generator loose on `server`.
pub fn measure(
    server: &Server,
    connections: usize,
    idle: usize,
    millis: u64,
    mails: u64,
) -> anyhow::Result<Measured> {
    let load = Load {
        to: server.at,
        connections,
        idle,
        millis,
        mails,
    };
    let before = server.cpu_ms()?;
    let output = Command::new(std::env::current_exe()?)
        .arg("generate")
        .args(load.words())
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(output.status.success(), "the generator failed at {load:?}");
    let seen: Seen = String::from_utf8(output.stdout)?.trim().parse()?;
    Ok(Measured {
        seen,
        cpu_ms: (server.cpu_ms()? - before) / seen.mails as f64,
    })
}

/// `stichtag` on the store in `folder`.
pub fn stichtag(folder: &Path) -> Command {
    let mut command = Command::new(STICHTAG);
    command
        .env("STICHTAG_SERVER__DATA_DIR", folder)
        .env("STICHTAG_SERVER__HOSTNAME", "mx.example.net");
    match fs::create_dir_all(folder).and_then(|()| fs::File::create(folder.join("log"))) {
        Ok(log) => command.stderr(log),
        Err(_) => command.stderr(Stdio::null()),
    };
    command
}

fn ticks(pid: u32) -> anyhow::Result<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // Behind the name, which may hold anything: state is the 3rd field, CPU times are 14 to 17.
    let (_, fields) = stat.rsplit_once(')').context("odd stat")?;
    fields
        .split_whitespace()
        .skip(11)
        .take(4)
        .map(|field| Ok(field.parse::<u64>()?))
        .sum()
}

fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?
        .1
        .split_whitespace()
        .nth(1)?
        .parse()
        .ok()
}

fn postfix(folder: &Path, word: &str) -> anyhow::Result<()> {
    let output = Command::new("/usr/sbin/postfix")
        .arg("-c")
        .arg(folder.join("config"))
        .arg(word)
        .output()?;
    if !output.status.success() {
        bail!(
            "postfix {word}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(())
}

fn main_cf(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "compatibility_level = 3.6\nqueue_directory = {folder}/queue\ndata_directory = {folder}/data\n\
         maillog_file = {folder}/data/log\nmaillog_file_prefixes = {folder}\n\
         multi_instance_enable = yes\nmulti_instance_name = postfix-load\n\
         myhostname = mx.example.net\nmydestination =\ninet_interfaces = loopback-only\n\
         inet_protocols = ipv4\nmynetworks = 127.0.0.0/8\nlocal_recipient_maps =\n\
         alias_maps =\nsmtpd_peername_lookup = no\n\
         smtpd_client_connection_count_limit = 0\nsmtpd_client_connection_rate_limit = 0\n\
         smtpd_relay_restrictions = permit_mynetworks, reject\n\
         smtpd_recipient_restrictions = check_client_access static:HOLD, permit_mynetworks, reject\n"
    )
}

fn master_cf(port: u16) -> String {
    format!(
        "127.0.0.1:{port} inet n - n - 200 smtpd\n\
         cleanup unix n - n - 0 cleanup\n\
         qmgr unix n - n 300 1 qmgr\n\
         rewrite unix - - n - - trivial-rewrite\n\
         bounce unix - - n - 0 bounce\n\
         defer unix - - n - 0 bounce\n\
         trace unix - - n - 0 bounce\n\
         verify unix - - n - 1 verify\n\
         proxymap unix - - n - - proxymap\n\
         smtp unix - - n - - smtp\n\
         relay unix - - n - - smtp\n\
         error unix - - n - - error\n\
         retry unix - - n - - error\n\
         discard unix - - n - - discard\n\
         local unix - n n - - local\n\
         virtual unix - n n - - virtual\n\
         anvil unix - - n - 1 anvil\n\
         scache unix - - n - 1 scache\n\
         showq unix n - n - - showq\n\
         flush unix n - n 1000? 0 flush\n\
         tlsmgr unix - - n 1000? 1 tlsmgr\n\
         postlog unix-dgram n - n - 1 postlogd\n"
    )
}
