//! A private Postfix: the files of `postfix/` as they are shipped, and the least they need to run.

use std::collections::BTreeMap;
use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde_json::Value;
use tempfile::TempDir;

use crate::house::until;

/// Where Postfix takes mail.
pub const SMTP: u16 = 10025;

/// Where the customer's mail server is.
pub const CUSTOMER: u16 = 10026;

/// Where Stichtag is, as the shipped files have it.
pub const STICHTAG: u16 = 10027;

const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/postfix");

const TABLES: [&str; 4] = [
    "stichtag_transport",
    "stichtag_recipients",
    "stichtag_access",
    "stichtag_senders",
];

/// What an operator has before the lines of Stichtag come in, for a Postfix that lives in one folder.
/// Waiting times are cut down to seconds.
const BEFORE: &str = "\
compatibility_level = 3.6
queue_directory = {dir}/queue
data_directory = {dir}/data
maillog_file = {dir}/log/mail.log
maillog_file_prefixes = {dir}/log
myhostname = mx.registrar.example
mydestination =
alias_maps =
alias_database =
local_recipient_maps =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.1/32, {address}/32
smtpd_peername_lookup = no
smtp_dns_support_level = disabled
smtp_host_lookup = native
smtpd_recipient_restrictions = reject_non_fqdn_recipient
transport_maps = texthash:{dir}/etc/customers_transport
queue_run_delay = 1s
minimal_backoff_time = 1s
maximal_backoff_time = 2s
transport_retry_time = 1s
";

/// A master.cf without chroot, TLS and local delivery.
const SERVICES: &str = "\
{address}:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
local unix - n n - - local
virtual unix - n n - - virtual
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
";

/// A running Postfix; it stops when dropped.
pub struct Postfix {
    pub address: Ipv4Addr,
    folder: TempDir,
}

impl Postfix {
    /// `more` are further lines for main.cf.
    pub fn start(address: Ipv4Addr, more: &str) -> Self {
        assert!(
            rustix::process::geteuid().is_root(),
            "Postfix can only be started by root; run these tests as root"
        );
        let folder = tempfile::Builder::new()
            .prefix("stichtag-postfix-")
            .tempdir()
            .unwrap();
        let postfix = Postfix { address, folder };
        postfix.write(more);
        assert!(postfix.run("postfix", &["start"]), "postfix start");
        until("Postfix listens", 20, || {
            std::net::TcpStream::connect((address, SMTP)).ok()
        });
        postfix
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, more: &str) {
        // Postfix's daemons run as another user and must get to their folders.
        let all_may_pass = fs::Permissions::from_mode(0o755);
        fs::set_permissions(self.folder.path(), all_may_pass).unwrap();
        for name in ["etc", "queue", "data", "log"] {
            fs::create_dir(self.path(name)).unwrap();
        }
        let (user, group) = user_and_group("postfix");
        chown(self.path("data"), Some(user), Some(group)).unwrap();

        let etc = self.path("etc");
        for table in TABLES {
            self.put(&etc.join(table), &shipped(table));
        }
        let customers = format!("example.net smtp:[{}]:{CUSTOMER}\n", self.address);
        self.put(&etc.join("customers_transport"), &customers);
        self.put(
            &etc.join("main.cf"),
            &joined(&with(BEFORE, more), &shipped("main.cf.stichtag")),
        );
        let services = format!("{SERVICES}{}", shipped("master.cf.stichtag"));
        self.put(&etc.join("master.cf"), &services);
    }

    /// Writes a file with this instance's folder and addresses.
    fn put(&self, path: &Path, text: &str) {
        let folder = self.folder.path().display().to_string();
        let text = text
            .replace("/etc/postfix/", &format!("{folder}/etc/"))
            .replace("{dir}", &folder)
            .replace("{address}", &self.address.to_string())
            .replace("{port}", &SMTP.to_string())
            .replace("[127.0.0.1]", &format!("[{}]", self.address));
        fs::write(path, text).unwrap();
    }

    /// Runs one of Postfix's commands on this instance. What it says goes to a file: a daemon that
    /// inherited a pipe would keep it open.
    fn run(&self, program: &str, arguments: &[&str]) -> bool {
        let said = fs::File::options()
            .create(true)
            .append(true)
            .open(self.path("log/commands"))
            .unwrap();
        let status = Command::new(found(program))
            .arg("-c")
            .arg(self.path("etc"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(said.try_clone().unwrap())
            .stderr(said)
            .status()
            .unwrap();
        status.success()
    }

    /// Tries everything that is deferred again, at once.
    pub fn flush(&self) {
        self.run("postqueue", &["-f"]);
    }

    /// Reads configuration and tables again.
    pub fn reload(&self) {
        assert!(self.run("postfix", &["reload"]), "postfix reload");
    }

    /// The mails in the queue, each as `postqueue -j` shows it; once, though one that moves from the active
    /// queue to the deferred one meanwhile is listed in both.
    pub fn queue(&self) -> Vec<Value> {
        let output = Command::new(found("postqueue"))
            .arg("-c")
            .arg(self.path("etc"))
            .arg("-j")
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let listed = String::from_utf8(output.stdout).unwrap();
        let mails = listed
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        let by_id: BTreeMap<String, Value> = mails
            .map(|mail| (mail["queue_id"].as_str().unwrap().to_owned(), mail))
            .collect();
        by_id.into_values().collect()
    }

    /// Waits until everything is delivered.
    pub fn drained(&self, seconds: u64) {
        until("the queue is empty", seconds, || {
            let is_empty = self.queue().is_empty();
            if !is_empty {
                self.flush();
            }
            is_empty.then_some(())
        });
    }

    /// The mail log so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.path("log/mail.log")).unwrap_or_default()
    }

    /// The lines of the mail log that hold all of `words`.
    pub fn lines(&self, words: &[&str]) -> Vec<String> {
        self.log()
            .lines()
            .filter(|line| words.iter().all(|word| line.contains(word)))
            .map(str::to_owned)
            .collect()
    }

    /// No mail was bounced, and nobody was told that one was.
    pub fn assert_nothing_bounced(&self) {
        for word in ["status=bounced", "non-delivery notification"] {
            assert_eq!(self.lines(&[word]), Vec::<String>::new());
        }
    }
}

/// Ends a master as `postfix stop` does, but without Postfix's programs: they write to the mail log through
/// the process that is ending, and may wait for it for ever.
fn stop(master: Pid) {
    // It may have ended by itself.
    let _ = kill_process(master, Signal::TERM);
    let stat = format!("/proc/{}/stat", master.as_raw_nonzero());
    let has_ended = || match fs::read_to_string(&stat) {
        Ok(stat) => stat.contains(") Z "),
        Err(_) => true,
    };
    let begun = Instant::now();
    while !has_ended() {
        if begun.elapsed() > Duration::from_secs(5) {
            let _ = kill_process_group(master, Signal::KILL);
            break;
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        let master = fs::read_to_string(self.path("queue/pid/master.pid")).unwrap_or_default();
        if let Some(master) = master.trim().parse().ok().and_then(Pid::from_raw) {
            stop(master);
        }
        if std::thread::panicking() {
            let said = fs::read_to_string(self.path("log/commands")).unwrap_or_default();
            eprintln!(
                "--- Postfix's commands\n{said}--- Postfix's log\n{}",
                self.log()
            );
        }
    }
}

/// A file as it is shipped.
fn shipped(name: &str) -> String {
    fs::read_to_string(format!("{SHIPPED}/{name}")).unwrap()
}

/// Lines of main.cf, and others in place of those that set the same. Of a setting that stands there twice
/// Postfix's programs warn in the mail log, which its writer then waits for itself.
fn with(lines: &str, more: &str) -> String {
    let name = |line: &str| line.split('=').next().unwrap_or_default().trim().to_owned();
    let set: Vec<String> = more.lines().map(name).collect();
    let kept = lines.lines().filter(|line| !set.contains(&name(line)));
    kept.chain(more.lines())
        .map(|line| format!("{line}\n"))
        .collect()
}

/// Two main.cf as one, lists joined as the README says.
fn joined(before: &str, shipped: &str) -> String {
    let settings = |text: &str| -> Vec<(String, String)> {
        text.lines()
            .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
            .map(|line| {
                let (name, value) = line.split_once('=').unwrap();
                (name.trim().to_owned(), value.trim().to_owned())
            })
            .collect()
    };
    let mut all = settings(before);
    for (name, ours) in settings(shipped) {
        match all.iter_mut().find(|(known, _)| *known == name) {
            None => all.push((name, ours)),
            Some((_, yours)) if name == "smtpd_recipient_restrictions" => {
                *yours = format!("{ours}, {yours}");
            }
            Some((_, yours)) => *yours = format!("{yours}, {ours}"),
        }
    }
    all.iter()
        .map(|(name, value)| format!("{name} = {value}\n"))
        .collect()
}

/// Postfix's programs are not on everybody's path.
fn found(program: &str) -> PathBuf {
    let path = Path::new("/usr/sbin").join(program);
    assert!(
        path.exists(),
        "{} is missing; tests/run installs Postfix",
        path.display()
    );
    path
}

pub fn user_and_group(name: &str) -> (u32, u32) {
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let fields: Vec<&str> = users
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .find(|fields| fields[0] == name)
        .unwrap_or_else(|| panic!("there is no user {name}; tests/run installs Postfix"));
    (fields[2].parse().unwrap(), fields[3].parse().unwrap())
}
