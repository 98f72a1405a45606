//! A folder with a store of its own, and the program run in it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use jiff::{Timestamp, ToSpan};
use serde_json::Value;
use stichtag::store::SqliteStore;

pub struct Office {
    pub folder: tempfile::TempDir,
    variables: Vec<(String, String)>,
}

pub struct Done {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// A server that ends with the test, however that ends.
pub struct Daemon(pub std::process::Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl From<Output> for Done {
    fn from(output: Output) -> Self {
        Done {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Done {
    /// The objects of `--json`, one a line, each with `"v":1`.
    pub fn json(&self) -> Vec<Value> {
        self.out
            .lines()
            .map(|line| {
                let value: Value =
                    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
                assert_eq!(value["v"], 1, "{line}");
                value
            })
            .collect()
    }
}

impl Office {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let mut office = Office {
            folder,
            variables: Vec::new(),
        };
        office.set("SERVER__DATA_DIR", data.to_str().unwrap());
        office.set("AUTHENTICATE__RESOLVERS", "[\"none\"]");
        office.set("ROUTE__DENIC_LIVE__RECIPIENTS", "[\"*\"]");
        office.set("ROUTE__DENIC_LIVE__REQUIRE", "record");
        office.set("ROUTE__DENIC_TEST__REQUIRE", "record");
        office.set("ROUTE__DENIC_TEST__RECIPIENTS", "[\"*\"]");
        office
    }

    /// With customer K-1 and the domain dänic.de.
    pub fn stocked() -> Self {
        let office = Office::new();
        office.write(
            "customers.csv",
            "customer,salutation,language,email,second_email,phone,timezone\n\
             K-1,Änne Öztürk,de,kunde@example.net,,+49 30 1,\n",
        );
        office.write(
            "domains.csv",
            "domain,environment,customer,holders,status\n\
             dänic.de,live,K-1,DENIC-1000002-A DENIC-1000002-B,connect\n\
             denic-test.de,test,K-1,,connect\n",
        );
        assert_eq!(
            office.run(&["import", "customers", "customers.csv"]).code,
            0
        );
        assert_eq!(office.run(&["import", "domains", "domains.csv"]).code, 0);
        office
    }

    /// A setting by its variable.
    pub fn set(&mut self, key: &str, value: &str) {
        self.set_plain(&format!("STICHTAG_{key}"), value);
    }

    /// A variable by its whole name.
    pub fn set_plain(&mut self, name: &str, value: &str) {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = bare(self.folder.path());
        for (key, value) in &self.variables {
            command.env(key, value);
        }
        command.args(arguments);
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Done {
        self.command(arguments).output().unwrap().into()
    }

    /// Runs it, and it must succeed.
    pub fn ok(&self, arguments: &[&str]) -> Done {
        let done = self.run(arguments);
        assert_eq!(done.code, 0, "{arguments:?}: {}{}", done.out, done.err);
        done
    }

    /// Runs it with `--json`.
    pub fn json(&self, arguments: &[&str]) -> Vec<Value> {
        let mut all = arguments.to_vec();
        all.push("--json");
        self.ok(&all).json()
    }

    pub fn piped(&self, arguments: &[&str], input: &[u8]) -> Done {
        use std::io::Write;
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // The program may end without reading all of it.
        let _ = child.stdin.take().unwrap().write_all(input);
        child.wait_with_output().unwrap().into()
    }

    /// Imports a mail given as text.
    pub fn mail(&self, raw: &[u8]) -> Done {
        let path = self.write("mail.eml", raw);
        self.ok(&["import", "mail", path.to_str().unwrap()])
    }

    /// The store itself, for what the command line does not do.
    pub fn store<T>(&self, work: impl AsyncFnOnce(&SqliteStore) -> T) -> T {
        let url = format!("sqlite://{}", self.path("data/stichtag.db").display());
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(async {
                let store = SqliteStore::open(&url).await.unwrap();
                work(&store).await
            })
    }
}

/// The program in `folder`, without any setting of whoever runs the tests.
pub fn bare(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stichtag"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("STICHTAG_") {
            command.env_remove(name);
        }
    }
    command
        .env_remove("NO_COLOR")
        .env("TZ", "Europe/Berlin")
        .current_dir(folder)
        .stdin(Stdio::null());
    command
}

pub fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(fixture_path(name)).unwrap()
}

pub fn fixture_path(name: &str) -> String {
    let folder = match name.ends_with(".eml") {
        true => "denic-mail",
        false => "denic-queue",
    };
    format!("{}/fixtures/{folder}/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// So many days from now, at a full second.
pub fn in_days(days: i64) -> Timestamp {
    let at = Timestamp::now() + (24 * days).hours();
    Timestamp::from_second(at.as_second()).unwrap()
}

/// A live mail about dänic.de, sent `minutes_ago`; deadlines in so many days.
pub fn mail(minutes_ago: i64, status: &str, days: &[(&str, i64)]) -> Vec<u8> {
    mail_about("dänic.de [xn--dnic-loa.de]", minutes_ago, status, days)
}

pub fn mail_about(handle: &str, minutes_ago: i64, status: &str, days: &[(&str, i64)]) -> Vec<u8> {
    let ends: Vec<_> = (days.iter())
        .map(|(word, days)| (*word, in_days(*days)))
        .collect();
    mail_until(handle, minutes_ago, status, &ends)
}

/// The same with the deadlines themselves.
pub fn mail_until(
    handle: &str,
    minutes_ago: i64,
    status: &str,
    ends: &[(&str, Timestamp)],
) -> Vec<u8> {
    let date = jiff::fmt::rfc2822::to_string(
        &(Timestamp::now() - minutes_ago.minutes()).to_zoned(jiff::tz::TimeZone::UTC),
    )
    .unwrap();
    let code = match status {
        "connect" => "53000080013",
        _ => "53000080015",
    };
    let mut text = format!(
        "Return-Path: <registry-response@denic.de>\r\nDate: {date}\r\n\
         From: registry-response@denic.de\r\nSubject: DOMAIN STATUS UPDATE\r\n\
         Message-ID: <{minutes_ago}.{status}@denic.de>\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
         STATUS: success\r\nTICKET:\r\nOBJECT: Domain\r\nHANDLE: {handle}\r\n\
         HOLDER: DENIC-1000002-A\r\nINFO: {code} Domain \"Status\" is \"{status}\"\r\n"
    );
    for (word, at) in ends {
        let number = if *word == "dedelegation" { 40 } else { 41 };
        text.push_str(&format!(
            "INFO: 163500000{number} Verification information must be provided for the holder(s) to \
             avoid {word} by [Date: {at}, VerificationClaims: address;name]\r\n"
        ));
    }
    text.into_bytes()
}

pub const BOTH: [(&str, i64); 2] = [("dedelegation", 20), ("deletion", 60)];
