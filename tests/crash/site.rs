//! The real program: its folder, its ports, its lives and its command line.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rand::Rng;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// The program under test.
const PROGRAM: &str = env!("CARGO_BIN_EXE_stichtag");

/// Where both registry routes take mail.
pub const RECIPIENT: &str = "registry@registrar.example.net";

/// Lets others run for a moment.
pub fn pause(time: Duration) {
    let (_open, nothing) = mpsc::channel::<()>();
    let _ = nothing.recv_timeout(time);
}

/// Waits until `is_so`, looking often; panics after `within`, naming `what`.
pub fn until(what: &str, within: Duration, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + within;
    while !is_so() {
        assert!(Instant::now() < deadline, "not within {within:?}: {what}");
        pause(Duration::from_millis(20));
    }
}

/// A port that nobody uses, below those the system gives to outgoing connections: while the server
/// is down, none of its clients may be given its port.
pub fn free_port() -> u16 {
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    std::iter::repeat_with(|| rand::rng().random_range(10_000..32_000))
        .find(is_free)
        .unwrap()
}

/// A connection to a port of this machine.
pub fn connect(port: u16) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    Ok(stream)
}

/// A database with its ports and settings; servers come and go.
pub struct Site {
    folder: TempDir,
    /// Where registry mail comes in.
    pub smtp: u16,
    /// Where notices go.
    pub smarthost: u16,
    settings: Vec<(String, String)>,
}

impl Site {
    /// A new, empty database; notices are on and leave at once. `settings` come on top, by the name
    /// behind `STICHTAG_`.
    pub fn new(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("stichtag-crash-")
            .tempdir()
            .unwrap();
        let (smtp, admin, smarthost) = (free_port(), free_port(), free_port());
        let database = folder.path().join("stichtag.db");
        let own = [
            ("STORE__URL", format!("sqlite://{}", database.display())),
            ("SERVER__HOSTNAME", "stichtag.example.net".to_owned()),
            ("SERVER__SMTP_LISTEN", format!("[\"127.0.0.1:{smtp}\"]")),
            ("SERVER__ADMIN_LISTEN", format!("127.0.0.1:{admin}")),
            (
                "ROUTE__DENIC_LIVE__RECIPIENTS",
                format!("[\"{RECIPIENT}\"]"),
            ),
            (
                "ROUTE__DENIC_TEST__RECIPIENTS",
                format!("[\"{RECIPIENT}\"]"),
            ),
            ("ROUTE__DENIC_LIVE__REQUIRE", "record".to_owned()),
            ("ROUTE__DENIC_TEST__REQUIRE", "record".to_owned()),
            ("NOTICES__MODE", "on".to_owned()),
            ("NOTICES__FROM", "Domains <domains@example.net>".to_owned()),
            ("NOTICES__PHONE", "+49 69 000000".to_owned()),
            ("NOTICES__COMPANY", "Registrar Beispiel".to_owned()),
            (
                "NOTICES__SMARTHOST",
                format!("smtp://127.0.0.1:{smarthost}"),
            ),
            ("NOTICES__COALESCE", "0s".to_owned()),
            ("NOTICES__MAX_PER_HOUR", "1000000".to_owned()),
        ];
        let given = settings
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        let settings = own
            .into_iter()
            .chain(given)
            .map(|(name, value)| (format!("STICHTAG_{name}"), value))
            .collect();
        Site {
            folder,
            smtp,
            smarthost,
            settings,
        }
    }

    /// The folder of the database.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The store's URL.
    pub fn url(&self) -> String {
        format!("sqlite://{}", self.path().join("stichtag.db").display())
    }

    fn with_settings(&self, mut command: Command) -> Command {
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("STICHTAG_") {
                command.env_remove(name);
            }
        }
        command.envs(self.settings.iter().cloned());
        command.current_dir(self.path()).stdin(Stdio::null());
        command
    }

    /// Runs one command to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.with_settings(Command::new(PROGRAM));
        command.args(arguments).output().unwrap()
    }

    /// What a command prints; it must succeed.
    pub fn said(&self, arguments: &[&str]) -> Vec<u8> {
        let output = self.run(arguments);
        assert!(
            output.status.success(),
            "stichtag {}: {} {}",
            arguments.join(" "),
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        output.stdout
    }

    /// The objects a command prints, one a line.
    pub fn objects(&self, arguments: &[&str]) -> Vec<Value> {
        let said = self.said(&[arguments, &["--json"]].concat());
        said.split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect()
    }

    /// The one object of `status`, whatever its exit code.
    pub fn status(&self) -> Value {
        serde_json::from_slice(&self.run(&["status", "--json"]).stdout).unwrap()
    }

    /// Brings in customers or domains.
    pub fn import(&self, what: &str, table: &str) {
        let file = self.path().join(format!("{what}.csv"));
        std::fs::write(&file, table).unwrap();
        self.said(&["import", what, file.to_str().unwrap()]);
    }

    /// Where all servers of this site write their log.
    pub fn log_file(&self) -> PathBuf {
        self.path().join("server.log")
    }

    /// Starts a server, its log appended to [`Site::log_file`].
    pub fn start(&self) -> Server {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log_file())
            .unwrap();
        self.start_as(Command::new(PROGRAM), log.into())
    }

    /// Starts `command` with `serve` as its last argument, its log going to `log`.
    pub fn start_as(&self, command: Command, log: Stdio) -> Server {
        let mut command = self.with_settings(command);
        command.arg("serve").stdout(Stdio::null()).stderr(log);
        Server {
            started: Instant::now(),
            smtp: self.smtp,
            child: command.spawn().unwrap(),
        }
    }

    /// Waits until every message is decided and every notice settled.
    pub fn wait_until_done(&self, within: Duration) {
        until(
            "every message decided, every notice settled",
            within,
            || {
                let status = self.status();
                status["pending"] == 0 && status["notices_waiting"] == 0
            },
        );
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let mut log = String::new();
            if let Ok(mut file) = File::open(self.log_file()) {
                let _ = file.read_to_string(&mut log);
            }
            let lines: Vec<&str> = log.lines().collect();
            for line in &lines[lines.len().saturating_sub(15)..] {
                eprintln!("{line}");
            }
        }
    }
}

/// A server that lives.
pub struct Server {
    started: Instant,
    smtp: u16,
    child: Child,
}

impl Server {
    /// Waits for the greeting; how long after the start it came.
    pub fn greeting(&mut self, within: Duration) -> Duration {
        until("the greeting", within, || {
            let ended = self.child.try_wait().unwrap();
            assert_eq!(ended, None, "the server ended by itself");
            greets(self.smtp)
        });
        self.started.elapsed()
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM; the exit status, and how long it took.
    pub fn terminate(&mut self) -> (ExitStatus, Duration) {
        let asked = Instant::now();
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::TERM).unwrap();
        let mut status = None;
        until("the end after SIGTERM", Duration::from_secs(20), || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        (status.unwrap(), asked.elapsed())
    }

    /// SIGTERM, and nothing to complain about.
    pub fn stop(mut self) {
        let (status, _) = self.terminate();
        assert!(status.success(), "{status}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended already, unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Does somebody answer there as an SMTP server should?
fn greets(port: u16) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_secs(1)) else {
        return false;
    };
    let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
    let mut line = String::new();
    let read = BufReader::new(stream).read_line(&mut line);
    read.is_ok() && line.starts_with("220 ")
}
