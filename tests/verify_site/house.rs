//! A folder with a store, a real server over it, and who plays the part of `stichtag-send`.

use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Connection, Row};

use super::http::{Answer, Line, encoded};
use super::served::Served;
use stichtag::model::sha256_hex;

/// Where visitors find the website.
pub const BASE_URL: &str = "https://confirm.example.net/";

pub const COMPANY: &str = "Muster Hosting GmbH";
pub const PHONE: &str = "+49 69 1234567";

pub struct House {
    served: Served,
    pub address: SocketAddr,
}

impl Deref for House {
    type Target = Served;

    fn deref(&self) -> &Served {
        &self.served
    }
}

impl House {
    /// `settings` come on top.
    pub fn new(settings: &[(&str, &str)]) -> Self {
        let site = [
            ("SERVER__ADMIN_LISTEN", ""),
            ("LOG__LEVEL", "trace"),
            ("VERIFY_SITE__BASE_URL", BASE_URL),
            ("VERIFY_SITE__ENVIRONMENT", "live"),
            ("VERIFY_SITE__LISTEN", "127.0.0.1:0"),
            ("VERIFY_SITE__RATE_LIMIT", "100000/min"),
        ];
        let served = Served::new(&site, settings);
        // A used code is deleted; which one it was is written down here, where nothing else reads it.
        served.sql(
            "CREATE TABLE deleted_code (id INTEGER PRIMARY KEY, code TEXT); \
             CREATE TRIGGER deleted_code_kept AFTER UPDATE OF code ON trigger_code \
                WHEN NEW.code IS NULL AND OLD.code IS NOT NULL \
                BEGIN INSERT INTO deleted_code VALUES (OLD.id, OLD.code); END",
        );
        House {
            address: served.listener("verify"),
            served,
        }
    }

    /// Asks the server to end, and waits until it has.
    pub fn terminate(&self) {
        let id = i32::try_from(self.server.id()).unwrap();
        let id = rustix::process::Pid::from_raw(id).unwrap();
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        let options =
            rustix::process::WaitIdOptions::EXITED | rustix::process::WaitIdOptions::NOWAIT;
        rustix::process::waitid(rustix::process::WaitId::Pid(id), options).unwrap();
    }

    pub fn get(&self, path: &str) -> Answer {
        Line::open(self.address).send("GET", path, &[], "")
    }

    pub fn post_with(&self, headers: &[(&str, &str)], body: &str) -> Answer {
        let kind = ("Content-Type", "application/x-www-form-urlencoded");
        let headers = [headers, &[kind]].concat();
        Line::open(self.address).send("POST", "/confirm", &headers, body)
    }

    pub fn post(&self, body: &str) -> Answer {
        self.post_with(&[], body)
    }

    /// Opens the link of a mail and presses the button.
    pub fn press(&self, code: &str) -> Answer {
        let page = self.get(&format!("/?trigger={}", encoded(code)));
        assert_eq!(page.status, 200, "{page:?}");
        self.post(&format!(
            "lang=de&trigger={}",
            encoded(&page.hidden("trigger"))
        ))
    }

    /// A column of what a question finds, as text.
    pub fn column(&self, question: &str) -> Vec<String> {
        let work = async {
            let mut plain = SqliteConnection::connect_with(&self.database())
                .await
                .unwrap();
            let question = sqlx::query(AssertSqlSafe(question.to_owned()));
            let rows = question.fetch_all(&mut plain).await.unwrap();
            let text = |row: &sqlx::sqlite::SqliteRow| row.try_get_unchecked(0).unwrap();
            rows.iter().map(text).collect()
        };
        runtime().block_on(work)
    }

    /// The codes that are being confirmed, in the order in which they were asked for.
    pub fn asked(&self) -> Vec<String> {
        self.column(
            "SELECT coalesce(trigger_code.code, deleted_code.code) FROM reseller_command \
             JOIN trigger_code ON trigger_code.id = reseller_command.body ->> 'code' \
             LEFT JOIN deleted_code ON deleted_code.id = trigger_code.id \
             ORDER BY reseller_command.id",
        )
    }

    /// What an event told: a code of an address.
    pub fn knows(&self, code: &str, address: &str) {
        self.sql(&format!(
            "INSERT INTO trigger_code (environment, code, digest, handle, address, received_at) \
             VALUES ('live', '{code}', '{}', 'P-ABC1234', '{address}', unixepoch() * 1000000)",
            sha256_hex(code.as_bytes())
        ));
    }

    /// Plays the part of `stichtag-send`: answers every command by the beginning of its code.
    pub fn sender(&self) -> Sender {
        let database = self.database();
        let is_over = Arc::new(AtomicBool::new(false));
        let ends = is_over.clone();
        let work = async move {
            let mut plain = SqliteConnection::connect_with(&database).await.unwrap();
            while !ends.load(Ordering::Relaxed) {
                sqlx::query(ANSWERS).execute(&mut plain).await.unwrap();
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        Sender {
            is_over,
            thread: Some(std::thread::spawn(move || runtime().block_on(work))),
        }
    }
}

/// `DONE…`: 200; `NONE…`: 545; `WAIT…`: 421, to be tried again; `OURS…`: 535; others: no answer yet.
const ANSWERS: &str = "WITH answer (front, state, code) AS \
        (VALUES ('DONE', 'done', 200), ('NONE', 'failed', 545), ('WAIT', 'queued', 421), \
            ('OURS', 'failed', 535)) \
    UPDATE reseller_command SET attempts = 1, state = answer.state, code = answer.code \
    FROM answer, trigger_code \
    WHERE trigger_code.id = reseller_command.body ->> 'code' \
        AND substr(trigger_code.code, 1, 4) = answer.front \
        AND reseller_command.state = 'queued' AND reseller_command.code IS NULL";

pub struct Sender {
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking());
        }
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}
