//! Postfix, Stichtag and the customer's mail server, on a loopback address of their own.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::Ipv4Addr;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::instance::{CUSTOMER, Postfix, SMTP, STICHTAG};
use crate::talk::{Catcher, REGISTRY, Talk};

pub const LIVE_SENDER: &str = "registry-response@denic.de";
pub const TEST_SENDER: &str = "registry-response@test.denic.de";
pub const LIVE: &str = "denic@registry.example.net";
pub const TEST: &str = "denic-test@registry.example.net";

const CONFIG: &str = "\
[server]
hostname = \"stichtag.registrar.example\"
smtp_listen = [\"{address}:{stichtag}\"]
admin_listen = \"\"
data_dir = \"{data}\"

[route.denic-live]
recipients = [\"denic@registry.example.net\"]
require = \"record\"

[route.denic-test]
recipients = [\"denic-test@registry.example.net\"]
require = \"record\"

[store]
min_free = \"1MiB\"

[notices]
mode = \"on\"
from = \"Domains <domains@registrar.example>\"
phone = \"+49 69 27235 0\"
company = \"Registrar GmbH\"
bounce_domain = \"bounce.muster.example\"
smarthost = \"smtp://{address}:{smtp}\"
coalesce = \"0s\"
";

/// Checks again and again until there is an answer; the deadline is generous, because only a broken
/// program reaches it.
pub fn until<T>(what: &str, seconds: u64, mut check: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    loop {
        if let Some(found) = check() {
            return found;
        }
        assert!(
            Instant::now() < deadline,
            "{seconds} s over, and not yet: {what}"
        );
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

/// Everything together. Dropped in this order: Stichtag first.
pub struct House {
    pub stichtag: Stichtag,
    pub postfix: Postfix,
    pub customer: Catcher,
}

impl House {
    /// Postfix and the customer's server run; Stichtag is still to be started.
    pub fn new() -> Self {
        House::with("")
    }

    /// The same with further lines in Postfix's main.cf.
    pub fn with(more: &str) -> Self {
        let address = own_address();
        let customer = Catcher::start((address, CUSTOMER));
        let postfix = Postfix::start(address, more);
        House {
            stichtag: Stichtag::new(address),
            postfix,
            customer,
        }
    }

    /// All three run.
    pub fn open() -> Self {
        let mut house = House::new();
        house.stichtag.start();
        house
    }

    /// The registry's mail server, connected to Postfix.
    pub fn registry(&self) -> Talk {
        Talk::from(REGISTRY, (self.postfix.address, SMTP))
    }

    /// Something straight to Stichtag's port, past Postfix.
    pub fn directly(&self) -> Talk {
        Talk::from(Ipv4Addr::LOCALHOST, (self.postfix.address, STICHTAG))
    }

    /// Sends one mail from the registry to the live address; the queue id.
    pub fn registry_writes(&self, message: &[u8]) -> String {
        self.registry().queued(LIVE_SENDER, LIVE, message)
    }
}

/// No two tests, and no two runs of them, share an address: so every one has all ports.
fn own_address() -> Ipv4Addr {
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    let number = TAKEN.fetch_add(1, Ordering::Relaxed) as u8;
    let [_, _, high, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, 64 + number, high, low)
}

/// `stichtag` with a configuration and a data folder of its own.
pub struct Stichtag {
    folder: TempDir,
    variables: Vec<(&'static str, String)>,
    server: Option<Child>,
}

impl Stichtag {
    fn new(address: Ipv4Addr) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = CONFIG
            .replace("{address}", &address.to_string())
            .replace("{smtp}", &SMTP.to_string())
            .replace("{stichtag}", &STICHTAG.to_string())
            .replace("{data}", &folder.path().join("data").display().to_string());
        fs::write(folder.path().join("stichtag.toml"), config).unwrap();
        Stichtag {
            folder,
            variables: Vec::new(),
            server: None,
        }
    }

    /// The database.
    pub fn database(&self) -> std::path::PathBuf {
        self.folder.path().join("data/stichtag.db")
    }

    /// Sets a key by its variable from the next start on; empty takes it back.
    pub fn set(&mut self, name: &'static str, value: &str) {
        self.variables.retain(|(known, _)| *known != name);
        if !value.is_empty() {
            self.variables.push((name, value.to_owned()));
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stichtag"));
        command
            .env("STICHTAG_CONFIG", self.folder.path().join("stichtag.toml"))
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        command
    }

    /// Starts the server and waits until it says that it is ready.
    pub fn start(&mut self) {
        assert!(self.server.is_none(), "it runs");
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(self.folder.path().join("log"))
            .unwrap();
        let mut server = self
            .command()
            .arg("serve")
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut said = String::new();
        let stdout = server.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut said).unwrap();
        self.server = Some(server);
        assert!(said.starts_with("ready smtp="), "{said}{}", self.log());
    }

    /// Asks the server to stop, as systemd does, and waits for it.
    pub fn stop(&mut self) {
        let mut server = self.server.take().unwrap();
        let pid = rustix::process::Pid::from_child(&server);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        assert!(server.wait().unwrap().success());
    }

    /// Kills the server in the middle of whatever it does.
    pub fn kill(&mut self) {
        let mut server = self.server.take().unwrap();
        server.kill().unwrap();
        server.wait().unwrap();
    }

    /// Its log, a JSON object per line.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// What a command prints.
    pub fn bytes(&self, arguments: &[&str]) -> Vec<u8> {
        let output = self.command().args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        output.stdout
    }

    /// What a command prints, as text.
    pub fn text(&self, arguments: &[&str]) -> String {
        String::from_utf8(self.bytes(arguments)).unwrap()
    }

    /// What a command prints with `--json`.
    pub fn json(&self, arguments: &[&str]) -> Vec<Value> {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
        self.text(&arguments)
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// Every message so far.
    pub fn messages(&self) -> Vec<Value> {
        self.json(&["log", "list"])
    }

    /// Waits until there are `count` messages and all are decided.
    pub fn decided(&self, count: usize) -> Vec<Value> {
        until(&format!("{count} messages are decided"), 60, || {
            let messages = self.messages();
            let is_done = messages
                .iter()
                .all(|message| message["verdict"] != "deferred");
            (is_done && messages.len() == count).then_some(messages)
        })
    }

    /// One domain in one environment.
    pub fn domain(&self, name: &str, environment: &str) -> Value {
        let found = self.json(&["domain", "show", name, "--env", environment]);
        assert_eq!(found.len(), 1, "{found:?}");
        found[0].clone()
    }

    /// Brings in a customer with these domains, which are registered, in both environments.
    pub fn knows(&self, customer: &str, domains: &[&str]) {
        let customers = format!("customer,language,email\n{customer},de,{customer}@example.net\n");
        self.import("customers", &customers);
        let mut rows = "domain,environment,customer,status\n".to_owned();
        for domain in domains {
            for environment in ["live", "test"] {
                rows.push_str(&format!("{domain},{environment},{customer},connect\n"));
            }
        }
        self.import("domains", &rows);
    }

    /// Imports a CSV file.
    pub fn import(&self, what: &str, rows: &str) {
        let file = self.folder.path().join(format!("{what}.csv"));
        fs::write(&file, rows).unwrap();
        self.text(&["import", what, &file.display().to_string()]);
    }
}

impl Drop for Stichtag {
    fn drop(&mut self) {
        if let Some(mut server) = self.server.take() {
            // It may have ended by itself.
            let _ = server.kill();
            let _ = server.wait();
        }
        if std::thread::panicking() {
            eprintln!("--- Stichtag's log\n{}", self.log());
        }
    }
}
