//! A folder with a store, a real server over it, and the command line beside it.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection};

/// The program that serves, in a folder of its own, until this is dropped.
pub struct Served {
    folder: tempfile::TempDir,
    settings: Vec<(String, String)>,
    pub server: Child,
    /// What it said when it was ready.
    ready: String,
}

impl Drop for Served {
    fn drop(&mut self) {
        // It has ended already, or the test has.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Served {
    /// `suite` are the settings of all tests of a kind, `test` those of one, which come on top.
    pub fn new(suite: &[(&str, &str)], test: &[(&str, &str)]) -> Self {
        let every = [
            ("SERVER__SMTP_LISTEN", "[\"127.0.0.1:0\"]"),
            ("AUTHENTICATE__RESOLVERS", "[\"none\"]"),
            (
                "NOTICES__COMPANY",
                "Muster Hosting GmbH\nMusterweg 1\n60311 Frankfurt",
            ),
            ("NOTICES__PHONE", "+49 69 1234567"),
        ];
        let settings: Vec<_> = [&every, suite, test]
            .concat()
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let folder = tempfile::tempdir().unwrap();
        let log = File::create(folder.path().join("server.log")).unwrap();
        let mut server = command(&folder, &settings)
            .arg("serve")
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut ready = String::new();
        let mut said = BufReader::new(server.stdout.take().unwrap());
        said.read_line(&mut ready).unwrap();
        Self {
            folder,
            settings,
            server,
            ready,
        }
    }

    /// Where it listens: `admin`, `public` or `verify`.
    pub fn listener(&self, name: &str) -> SocketAddr {
        let words = self.ready.split_whitespace();
        let mut addresses = words.filter_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        let Some(address) = addresses.next() else {
            panic!("{name}: {:?}: {}", self.ready, self.log());
        };
        address.parse().unwrap()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn log(&self) -> String {
        let bytes = std::fs::read(self.path("server.log")).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        let mut command = command(&self.folder, &self.settings);
        command.args(arguments).output().unwrap()
    }

    /// What a command that succeeds prints.
    pub fn ok(&self, arguments: &[&str]) -> String {
        let done = self.run(arguments);
        assert!(done.status.success(), "{arguments:?}: {done:?}");
        String::from_utf8(done.stdout).unwrap()
    }

    /// The same with `--json`.
    pub fn objects(&self, arguments: &[&str]) -> Vec<Value> {
        let printed = self.ok(&[arguments, &["--json"]].concat());
        let lines = printed.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// Its database, past the program.
    pub fn database(&self) -> SqliteConnectOptions {
        SqliteConnectOptions::new()
            .filename(self.path("data/stichtag.db"))
            .busy_timeout(std::time::Duration::from_secs(30))
    }

    /// Changes the database past the program.
    pub fn sql(&self, statement: &str) {
        let work = async {
            let mut plain = SqliteConnection::connect_with(&self.database())
                .await
                .unwrap();
            let statement = sqlx::query(AssertSqlSafe(statement.to_owned()));
            statement.execute(&mut plain).await.unwrap();
        };
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_all().build().unwrap().block_on(work);
    }
}

fn command(folder: &tempfile::TempDir, settings: &[(String, String)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stichtag"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("STICHTAG_") {
            command.env_remove(name);
        }
    }
    command
        .current_dir(folder.path())
        .env("STICHTAG_SERVER__DATA_DIR", folder.path().join("data"))
        .stdin(Stdio::null());
    for (name, value) in settings {
        command.env(format!("STICHTAG_{name}"), value);
    }
    command
}
