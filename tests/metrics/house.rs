//! A folder with a store, a real server over it, and what it is scraped for.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Longer than anything here takes.
const SOON: Duration = Duration::from_secs(60);

pub struct House {
    folder: tempfile::TempDir,
    settings: Vec<(String, String)>,
    server: Option<Child>,
    pub smtp: Option<SocketAddr>,
    pub admin: Option<SocketAddr>,
}

impl Drop for House {
    fn drop(&mut self) {
        if let Some(server) = &mut self.server {
            // It has ended already, or the test has.
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

impl House {
    /// Not started yet; `settings` come on top.
    pub fn new(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let own = [
            ("SERVER__DATA_DIR", data.to_str().unwrap()),
            ("SERVER__SMTP_LISTEN", "[\"127.0.0.1:0\"]"),
            ("SERVER__ADMIN_LISTEN", "127.0.0.1:0"),
            ("AUTHENTICATE__RESOLVERS", "[\"none\"]"),
            ("ROUTE__DENIC_LIVE__RECIPIENTS", "[\"*\"]"),
            ("ROUTE__DENIC_TEST__RECIPIENTS", "[\"*\"]"),
            ("ROUTE__DENIC_LIVE__REQUIRE", "record"),
            ("ROUTE__DENIC_TEST__REQUIRE", "record"),
        ];
        let all = own.iter().chain(settings);
        House {
            settings: all
                .map(|(name, value)| (format!("STICHTAG_{name}"), (*value).to_owned()))
                .collect(),
            server: None,
            smtp: None,
            admin: None,
            folder,
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn database(&self) -> String {
        format!("sqlite://{}", self.path("data/stichtag.db").display())
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stichtag"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("STICHTAG_") {
                command.env_remove(name);
            }
        }
        command
            .current_dir(self.folder.path())
            .envs(self.settings.iter().cloned())
            .stdin(Stdio::null());
        command
    }

    pub fn start(&mut self) {
        let log = File::create(self.path("server.log")).unwrap();
        let mut command = self.command();
        command.arg("serve").stdout(Stdio::piped()).stderr(log);
        let mut server = command.spawn().unwrap();
        let mut ready = String::new();
        let mut said = BufReader::new(server.stdout.take().unwrap());
        said.read_line(&mut ready).unwrap();
        self.server = Some(server);
        let address = |name: &str| {
            let (_, rest) = ready
                .split_once(name)
                .unwrap_or_else(|| panic!("{ready:?}"));
            Some(rest.split_whitespace().next().unwrap().parse().unwrap())
        };
        self.smtp = address(" smtp=");
        self.admin = address(" admin=");
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        let mut server = self.server.take().unwrap();
        server.kill().unwrap();
        server.wait().unwrap();
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        let done = self.command().args(arguments).output().unwrap();
        assert!(done.status.success(), "{arguments:?}: {done:?}");
        done
    }

    /// Customer K-1 and domains of his.
    pub fn import(&self, domains: &[&str]) {
        let customers = "customer,language,email\nK-1,de,kunde@example.net\n";
        let rows = domains
            .iter()
            .map(|domain| format!("{domain},live,K-1,connect\n"));
        let domains = "domain,environment,customer,status\n".to_owned() + &rows.collect::<String>();
        for (what, text) in [("customers", customers), ("domains", &domains)] {
            let path = self.path(&format!("{what}.csv"));
            std::fs::write(&path, text).unwrap();
            self.run(&["import", what, path.to_str().unwrap()]);
        }
    }

    /// The text of `/metrics`.
    pub fn scrape(&self) -> String {
        let mut stream = TcpStream::connect(self.admin.unwrap()).unwrap();
        stream
            .write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, text) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{answer}");
        let kind = "content-type: text/plain; version=0.0.4; charset=utf-8";
        assert!(head.to_ascii_lowercase().contains(kind), "{head}");
        text.to_owned()
    }

    /// Scrapes until it is so.
    pub fn until(&self, what: &str, is_so: impl Fn(&Series) -> bool) -> Series {
        let given_up_at = Instant::now() + SOON;
        loop {
            let series = series(&self.scrape());
            if is_so(&series) {
                return series;
            }
            assert!(
                Instant::now() < given_up_at,
                "not in time: {what}: {series:#?}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Values by metric with its labels, the prefix left out.
pub type Series = BTreeMap<String, f64>;

/// The lines of a scrape.
pub fn series(text: &str) -> Series {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            let name = name
                .strip_prefix("stichtag_")
                .unwrap_or_else(|| panic!("{line}"));
            (name.to_owned(), value.parse().unwrap())
        })
        .collect()
}

/// The names of a scrape.
pub fn names(text: &str) -> Vec<String> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    lines
        .map(|line| line.split(' ').next().unwrap().to_owned())
        .collect()
}

/// Runs promtool, which `tests/run` has fetched.
pub fn promtool(arguments: &[&str], input: &str) -> Output {
    let program =
        Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("promtool/usr/bin/promtool");
    let mut child = Command::new(&program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}; run tests/run", program.display()));
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    child.wait_with_output().unwrap()
}
