//! A simulated reseller, a store, and a way between them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use stichtag::model::{
    CommandState, DomainName, Environment, ResellerCommand, ResellerReply, ResellerRequest,
};
use stichtag::receive::centralnic_events::EventReader;
use stichtag::send::centralnic::{
    CommandError, Commander, Dialect, Spelling, TimestampForm, send_commands,
};
use stichtag::simulate::reseller::{Book, Fault, ResellerServer, Rules};
use stichtag::store::{AuditEntry, CommandFilter, LogFilter, Reselling, SqliteStore, Store};
use stichtag::wire::reseller::{Pace, ResellerApi, ResellerLogin};
use stichtag::wire::rri::trust;

pub const LOGIN: &str = "samplereseller:apiuser";
pub const PASSWORD: &str = "not-a-real-password";
pub const TEST: Environment = Environment::Test;

pub const DIALECT: Dialect = Dialect {
    spelling: Spelling::Framework,
    timestamps: TimestampForm::Offset,
};

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// When tests begin.
pub fn start() -> Timestamp {
    at("2026-11-08T00:41:49Z")
}

pub fn name(text: &str) -> DomainName {
    text.parse().unwrap()
}

pub fn days(count: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * count)
}

pub fn rules() -> Rules {
    Rules {
        login: LOGIN.to_owned(),
        password: PASSWORD.to_owned(),
        is_test: true,
        pace: None,
        session_life: days(365),
    }
}

/// The fields of a contact that is valid.
pub fn valid(address: &str) -> String {
    format!(
        "FIRSTNAME=Ada\nLASTNAME=Beispiel\nSTREET0=Hafenstrasse 4\nCITY=Ribnitz\nZIP=18311\n\
         COUNTRY=DE\nPHONE=+49.382150001\nEMAIL={address}"
    )
}

/// What the book answers.
pub fn ask(book: &mut Book, command: &str, now: Timestamp) -> ResellerReply {
    ResellerReply::read(book.call(command, now).as_bytes()).unwrap()
}

/// A valid contact in the book; its handle.
pub fn contact(book: &mut Book, address: &str, now: Timestamp) -> String {
    let reply = ask(
        book,
        &format!("COMMAND=AddContact\nNEW=1\n{}", valid(address)),
        now,
    );
    reply.one("contact").unwrap().to_owned()
}

/// A domain in the book.
pub fn register(book: &mut Book, domain: &str, owner: &str, now: Timestamp) -> ResellerReply {
    let command = format!(
        "COMMAND=AddDomain\nDOMAIN={domain}\nOWNERCONTACT0={owner}\n\
         NAMESERVER0=ns1.hosting.example\nNAMESERVER1=ns2.hosting.example"
    );
    ask(book, &command, now)
}

pub struct House {
    pub server: ResellerServer,
    pub store: SqliteStore,
    pub folder: tempfile::TempDir,
    clock: Arc<Mutex<Timestamp>>,
}

impl House {
    pub async fn new(book: Book) -> Self {
        House::with(book, rules()).await
    }

    pub async fn with(book: Book, rules: Rules) -> Self {
        let clock = Arc::new(Mutex::new(start()));
        let time = clock.clone();
        let now = Arc::new(move || *time.lock().unwrap());
        let folder = tempfile::tempdir().unwrap();
        let server = ResellerServer::start(book, rules, now).await.unwrap();
        server.write_ca(&folder.path().join("ca.pem")).unwrap();
        let url = format!("sqlite://{}", folder.path().join("stichtag.db").display());
        House {
            server,
            store: SqliteStore::open(&url).await.unwrap(),
            folder,
            clock,
        }
    }

    pub fn now(&self) -> Timestamp {
        *self.clock.lock().unwrap()
    }

    pub fn wait(&self, duration: SignedDuration) {
        *self.clock.lock().unwrap() += duration;
    }

    pub fn login(&self) -> ResellerLogin {
        ResellerLogin {
            url: self.server.url().parse().unwrap(),
            environment: TEST,
            trust: trust(Some(&self.folder.path().join("ca.pem"))).unwrap(),
            user: LOGIN.as_bytes().to_vec().into(),
            password: format!("{PASSWORD}\n").into_bytes().into(),
        }
    }

    /// A way without a pace, on which nobody waits long.
    pub fn api(&self) -> ResellerApi {
        ResellerApi::new(&self.login(), Pace::new(Duration::ZERO), start)
            .unwrap()
            .within(Duration::from_secs(2))
    }

    pub fn fault(&self, fault: Fault, command: &str, times: usize) {
        self.server
            .faults(|faults| faults.order(fault, Some(command), times));
    }

    pub async fn queue(&self, command: ResellerCommand) {
        let audit = AuditEntry {
            at: self.now(),
            actor: "0:root".to_owned(),
            action: "reseller ask".to_owned(),
            object: "centralnic.test".to_owned(),
            detail: String::new(),
        };
        self.store
            .queue_commands(TEST, &[command], self.now(), &audit)
            .await
            .unwrap();
    }

    /// One turn of the worker over this way.
    pub async fn send(&self, api: &mut ResellerApi) -> Result<usize, CommandError> {
        let now = || self.now();
        let commander = Commander {
            store: &self.store,
            environment: TEST,
            dialect: DIALECT,
            now: &now,
            is_stopping: &|| false,
        };
        send_commands(&commander, api).await
    }

    pub async fn commands(&self) -> Vec<ResellerRequest> {
        self.store
            .commands(&CommandFilter::default())
            .await
            .unwrap()
    }

    pub async fn states(&self) -> Vec<CommandState> {
        self.commands().await.iter().map(|one| one.state).collect()
    }

    pub fn reader<'a>(&'a self, now: &'a (dyn Fn() -> Timestamp + Send + Sync)) -> EventReader<'a> {
        EventReader {
            store: &self.store,
            environment: TEST,
            limit: 100,
            now,
        }
    }

    /// What was asked for each kept answer, and the answer, oldest first.
    pub async fn kept(&self) -> Vec<(String, String)> {
        let log = self.store.log(&LogFilter::default()).await.unwrap();
        let mut kept = Vec::new();
        for entry in log {
            let message = self.store.kept(entry.id).await.unwrap().unwrap();
            assert_eq!(message.environment, Some(TEST));
            let asked = message.envelope.asked.unwrap();
            kept.push((asked, String::from_utf8(message.raw).unwrap()));
        }
        kept.sort_by(|one, other| one.0.cmp(&other.0));
        kept
    }

    /// What others write into the database.
    pub async fn write(&self, statement: String) {
        use sqlx::Connection as _;
        let file = self.folder.path().join("stichtag.db");
        let url = format!("sqlite://{}", file.display());
        let mut database = sqlx::SqliteConnection::connect(&url).await.unwrap();
        sqlx::query(sqlx::AssertSqlSafe(statement))
            .execute(&mut database)
            .await
            .unwrap();
    }

    pub async fn alarms(&self) -> Vec<&'static str> {
        let alarms = self.store.alarms().await.unwrap();
        alarms.iter().map(|alarm| alarm.code.as_str()).collect()
    }
}
