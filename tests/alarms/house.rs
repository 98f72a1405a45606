//! A registrar's house: folder, settings, clock, the running server, the command line.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use stichtag::clock::Clock;
use stichtag::config::{Config, Credentials, Layers};
use stichtag::model::{Environment, ReasonCode, reason};
use stichtag::serve::{self, Running};
use stichtag::simulate::submit;
use stichtag::store::{Alarm, Store};

use super::hook::Hook;
use super::smarthost::Smarthost;

/// What signs the POSTs.
pub const KEY: &str = "a-key-that-nobody-else-has-0815";

/// The desk's address.
pub const DESK: &str = "desk@example.org";

/// Where both registry routes take mail.
pub const RECIPIENT: &str = "registry@registrar.example.net";

/// Longer than anything here takes.
pub const SOON: Duration = Duration::from_secs(60);

pub struct House {
    folder: tempfile::TempDir,
    variables: Vec<(String, String)>,
    pub clock: Clock,
    running: Option<Running>,
}

pub struct Done {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Done {
    /// The objects of `--json`, one a line.
    pub fn json(&self) -> Vec<Value> {
        let lines = self.out.lines();
        let read =
            |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        lines.map(read).collect()
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

/// Waits until it is so, looking often; panics naming `what`.
pub async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let given_up_at = tokio::time::Instant::now() + SOON;
    while !is_so() {
        assert!(
            tokio::time::Instant::now() < given_up_at,
            "not within {SOON:?}: {what}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Lets the workers look around a few times: for what must not happen.
pub async fn rounds() {
    tokio::time::sleep(Duration::from_millis(3_500)).await;
}

/// A port that nobody listens on.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

impl House {
    /// Nothing goes to customers, alarms go nowhere; `settings` come on top.
    pub fn new(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let mut house = House {
            variables: Vec::new(),
            clock: Clock::system(),
            running: None,
            folder,
        };
        std::fs::create_dir(house.path("credentials")).unwrap();
        std::fs::write(house.path("credentials/webhook-key"), format!("{KEY}\n")).unwrap();
        let recipients = format!("[\"{RECIPIENT}\"]");
        for (name, value) in [
            ("SERVER__DATA_DIR", data.to_str().unwrap()),
            ("SERVER__HOSTNAME", "stichtag.example.net"),
            ("SERVER__SMTP_LISTEN", "[\"127.0.0.1:0\"]"),
            ("SERVER__ADMIN_LISTEN", ""),
            ("AUTHENTICATE__RESOLVERS", "[\"none\"]"),
            ("ROUTE__DENIC_LIVE__RECIPIENTS", &recipients),
            ("ROUTE__DENIC_TEST__RECIPIENTS", &recipients),
            ("ROUTE__DENIC_LIVE__REQUIRE", "record"),
            ("ROUTE__DENIC_TEST__REQUIRE", "record"),
            ("NOTICES__FROM", "Muster Hosting <domains@example.net>"),
            ("NOTICES__PHONE", "+49 30 901820"),
            ("NOTICES__COMPANY", "Muster Hosting GmbH"),
            ("NOTICES__COALESCE", "0s"),
        ]
        .iter()
        .chain(settings)
        {
            house.set(name, value);
        }
        house
    }

    /// With both channels.
    pub fn with(smarthost: &Smarthost, hook: &Hook) -> Self {
        let mut house = House::with_mail(smarthost);
        house.set("WATCH__WEBHOOK_URL", &hook.url());
        house
    }

    /// With mail to the desk alone.
    pub fn with_mail(smarthost: &Smarthost) -> Self {
        let mut house = House::new(&[("WATCH__ALERT_MAIL", DESK)]);
        house.set("NOTICES__SMARTHOST", &smarthost.url());
        house
    }

    /// With the webhook alone.
    pub fn with_hook(hook: &Hook) -> Self {
        House::new(&[("WATCH__WEBHOOK_URL", &hook.url())])
    }

    pub fn set(&mut self, key: &str, value: &str) {
        let name = format!("STICHTAG_{key}");
        self.variables.retain(|(known, _)| *known != name);
        self.variables.push((name, value.to_owned()));
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn config(&self) -> Config {
        let layers = Layers::read(None, self.variables.iter().cloned()).unwrap();
        let mut config = Config::from_layers(&layers).unwrap();
        config.credentials = Credentials::in_folder(&self.path("credentials"));
        config
    }

    /// Starts the server within the test.
    pub async fn start(&mut self) {
        let running = serve::start(&self.config(), self.clock.clone()).await;
        self.running = Some(running.unwrap());
    }

    pub async fn stop(&mut self) {
        self.running.take().unwrap().stop().await;
    }

    pub fn store(&self) -> &dyn Store {
        &*self.running.as_ref().unwrap().store
    }

    /// As exact as the database.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_microsecond(self.clock.now().as_microsecond()).unwrap()
    }

    /// Moves the clock of the server ahead.
    pub fn advance(&self, seconds: i64) {
        self.clock
            .set(self.now() + SignedDuration::from_secs(seconds));
    }

    /// An alarm about a live domain, raised a minute ago.
    pub fn alarm(&self, domain: &str) -> Alarm {
        Alarm {
            key: format!("domain:live:{domain}:W36"),
            ..self.alarm_of(reason::EXPIRES, Some(domain))
        }
    }

    pub fn alarm_of(&self, code: ReasonCode, domain: Option<&str>) -> Alarm {
        Alarm {
            key: format!("test:{code}"),
            code,
            environment: Some(Environment::Live),
            ace: domain.map(str::to_owned),
            message: None,
            text: format!("something about {}", domain.unwrap_or("nothing")),
            raised_at: self.now() - SignedDuration::from_mins(1),
        }
    }

    pub async fn raise(&self, alarms: &[Alarm]) {
        self.store().raise(alarms).await.unwrap();
    }

    /// Hands a mail to the server, as Postfix does.
    pub async fn submit(&self, from: &str, raw: &[u8]) {
        let address = self.running.as_ref().unwrap().bound.smtp[0];
        let reply = submit(address, from, &[RECIPIENT], raw).await.unwrap();
        assert!(reply.starts_with("250"), "{reply}");
    }

    /// One command, ready to run.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stichtag"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("STICHTAG_") {
                command.env_remove(name);
            }
        }
        command
            .envs(self.variables.iter().cloned())
            .env_remove("CREDENTIALS_DIRECTORY")
            .env_remove("NO_COLOR")
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .args(arguments);
        command
    }

    /// One command, with the credentials of the service.
    pub fn trusted(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(arguments);
        command.env("CREDENTIALS_DIRECTORY", self.path("credentials"));
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Done {
        self.command(arguments).output().unwrap().into()
    }

    /// What a command says as JSON.
    pub fn json(&self, arguments: &[&str]) -> Vec<Value> {
        let done = self.run(&[arguments, &["--json"]].concat());
        assert_eq!(done.code, 0, "{arguments:?}: {}", done.err);
        done.json()
    }

    pub fn status(&self) -> Value {
        self.run(&["status", "--json"]).json().remove(0)
    }

    /// Customers and domains.
    pub fn import(&self, domains: &[(&str, &str)]) {
        let mut customers = "customer,email\n".to_owned();
        let mut table = "domain,environment,customer,status\n".to_owned();
        for (number, (domain, email)) in domains.iter().enumerate() {
            customers.push_str(&format!("K-{number},{email}\n"));
            table.push_str(&format!("{domain},live,K-{number},connect\n"));
        }
        for (what, text) in [("customers", customers), ("domains", table)] {
            let path = self.path(&format!("{what}.csv"));
            std::fs::write(&path, text).unwrap();
            let done = self.run(&["import", what, path.to_str().unwrap()]);
            assert_eq!(done.code, 0, "{}", done.err);
        }
    }
}

/// The real program, serving; its log goes to `server.log`.
pub struct Daemon(Child);

impl Daemon {
    /// Starts, and waits until it is ready.
    pub fn start(house: &House) -> Self {
        let log = File::options()
            .create(true)
            .append(true)
            .open(house.path("server.log"))
            .unwrap();
        let mut command = house.trusted(&["serve"]);
        let mut child = command
            .env("STICHTAG_LOG__LEVEL", "trace")
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        said.read_line(&mut line).unwrap();
        assert!(line.starts_with("ready "), "{line}");
        Daemon(child)
    }

    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It has ended already, or the test has.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl House {
    /// What the daemons of this house have logged.
    pub fn log(&self) -> String {
        let bytes = std::fs::read(self.path("server.log")).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The store, while a daemon serves it.
    pub async fn open(&self) -> std::sync::Arc<dyn Store> {
        stichtag::store::open(&self.config().store.url)
            .await
            .unwrap()
    }
}

/// A genuine live mail that asks for proof, by these deadlines as they are written.
pub fn verify(domain: &str, at: Timestamp, dedelegation: &str, deletion: &str) -> Vec<u8> {
    let date = jiff::fmt::rfc2822::to_string(&at.to_zoned(jiff::tz::TimeZone::UTC)).unwrap();
    let info = |number: u32, word: &str, at: &str| {
        format!(
            "INFO: 163500000{number} Verification information must be provided for the holder(s) to \
             avoid {word} by [Date: {at}, VerificationClaims: address;name]\r\n"
        )
    };
    format!(
        "Date: {date}\r\nFrom: registry-response@denic.de\r\nTo: {RECIPIENT}\r\n\
         Subject: DOMAIN STATUS UPDATE\r\nMessage-ID: <{}@denic.de>\r\n\
         MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\
         STATUS: success\r\nTICKET:\r\nOBJECT: Domain\r\nHANDLE: {domain} [{domain}]\r\n\
         HOLDER: DENIC-1000002-A\r\nINFO: 53000080013 Domain \"Status\" is \"connect\"\r\n{}{}",
        at.as_second(),
        info(40, "dedelegation", dedelegation),
        info(41, "deletion", deletion),
    )
    .into_bytes()
}
