//! A registrar's folder with both programs, and a registry beside it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use stichtag::clock::Clock;
use stichtag::model::Environment;
use stichtag::model::request::{ContactData, ContactKind, RegistryRequest};
use stichtag::send::registry;
use stichtag::simulate::desk::{Book, Channel, Counter, Feed, Limits, RriServer, Rules, User};

pub const US: &str = "DENIC-1000888";
pub const OTHERS: &str = "DENIC-1000777";
pub const HOLDER: &str = "DENIC-1000888-HOLDER";
pub const PASSWORD: &str = "Kp7mQ2xY9aZ4wR";

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct House {
    pub folder: tempfile::TempDir,
    pub counter: Counter,
    variables: Vec<(String, String)>,
    _server: RriServer,
}

/// A program of ours; it ends with this.
pub struct Running(Child);

impl Running {
    /// Not even a chance to say goodbye.
    pub fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub fn holder(handle: &str) -> ContactData {
    ContactData {
        handle: handle.parse().unwrap(),
        kind: ContactKind::Person,
        name: "Beispiel Inhaberin & Söhne".parse().unwrap(),
        organisations: Vec::new(),
        address: vec!["Hafenstraße 4".parse().unwrap()],
        postal_code: "18311".parse().unwrap(),
        city: "Ribnitz-Damgarten".parse().unwrap(),
        country: "de".parse().unwrap(),
        emails: vec!["inhaberin@segelschule-bodden.example".parse().unwrap()],
        phone: Some("+49.382150001".parse().unwrap()),
        proofs: Vec::new(),
    }
}

impl House {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut book = Book::new(Rules::of(Environment::Live));
        book.open_account(US, "Registrar Example GmbH", Feed::Rri);
        book.open_account(OTHERS, "Nachbar Internet GmbH", Feed::Rri);
        let counter = Counter::new(book, Clock::system());
        let user = User {
            name: format!("{US}-RRI"),
            password: PASSWORD.to_owned(),
            regacc: US.to_owned(),
        };
        let limits = Limits {
            sessions: 1_000,
            ..Limits::default()
        };
        let server = RriServer::start(counter.clone(), vec![user], limits)
            .await
            .unwrap();
        let ca = folder.path().join("ca.pem");
        server.write_ca(&ca).unwrap();
        let secrets = folder.path().join("secrets");
        std::fs::create_dir(&secrets).unwrap();
        std::fs::write(secrets.join("rri-user"), format!("{US}-RRI\n")).unwrap();
        std::fs::write(secrets.join("rri-password"), format!("{PASSWORD}\n")).unwrap();
        let mut house = House {
            counter,
            variables: Vec::new(),
            _server: server,
            folder,
        };
        let port = house._server.address().port().to_string();
        let data = house.folder.path().join("data").display().to_string();
        for (key, value) in [
            ("SERVER__DATA_DIR", data.as_str()),
            ("SERVER__SMTP_LISTEN", "[\"127.0.0.1:0\"]"),
            ("SERVER__ADMIN_LISTEN", "127.0.0.1:0"),
            ("AUTHENTICATE__RESOLVERS", "[\"none\"]"),
            ("SENDER__TRANSPORT", "rri"),
            ("SENDER__ASK_AFTER", "1s"),
            ("RRI__LIVE__HOST", "localhost"),
            ("RRI__LIVE__PORT", &port),
            ("RRI__LIVE__CA_FILE", &ca.display().to_string()),
            ("LOG__FORMAT", "json"),
        ] {
            house.set(key, value);
        }
        house.say(&RegistryRequest::ContactCreate {
            contact: holder(HOLDER),
        });
        house
    }

    pub fn set(&mut self, key: &str, value: &str) {
        let name = format!("STICHTAG_{key}");
        self.variables.retain(|(known, _)| *known != name);
        self.variables.push((name, value.to_owned()));
    }

    /// Asks the registry behind everybody's back.
    pub fn say(&self, request: &RegistryRequest) -> String {
        let ctid = stichtag::process::new_ctid();
        let text = registry::write(request, &ctid, registry::Format::KeyValue).unwrap();
        let now = self.counter.now();
        self.counter
            .book(|book| book.answer(US, Channel::Rri, &text, now))
            .to_text()
    }

    pub fn store(&self) -> String {
        let path = self.folder.path().join("data/stichtag.db");
        format!("sqlite://{}", path.display())
    }

    pub fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("STICHTAG_") {
                command.env_remove(name);
            }
        }
        command
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(self.folder.path())
            .args(arguments);
        command
    }

    pub async fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.command(env!("CARGO_BIN_EXE_stichtag"), arguments);
        tokio::task::spawn_blocking(move || command.output().unwrap())
            .await
            .unwrap()
    }

    pub async fn ok(&self, arguments: &[&str]) -> Vec<Value> {
        let done = self.run(arguments).await;
        assert!(done.status.success(), "{arguments:?}: {done:?}");
        let text = String::from_utf8(done.stdout).unwrap();
        let objects = text.lines().filter(|line| line.starts_with('{'));
        objects
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    pub async fn one(&self, arguments: &[&str]) -> Value {
        self.ok(arguments).await.remove(0)
    }

    fn sender(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_stichtag-send"), arguments);
        command.env("CREDENTIALS_DIRECTORY", self.folder.path().join("secrets"));
        command
    }

    pub async fn send(&self, arguments: &[&str]) -> Output {
        let mut command = self.sender(arguments);
        tokio::task::spawn_blocking(move || command.output().unwrap())
            .await
            .unwrap()
    }

    /// The sender as a service.
    pub fn sending(&self) -> Running {
        let mut command = self.sender(&["run"]);
        command.stdout(Stdio::null()).stderr(self.log("send.log"));
        Running(command.spawn().unwrap())
    }

    /// The daemon; it has said that it is ready.
    pub fn serving(&self) -> Running {
        let mut command = self.command(env!("CARGO_BIN_EXE_stichtag"), &["serve"]);
        command.stdout(Stdio::piped()).stderr(self.log("serve.log"));
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        let out = child.stdout.take().unwrap();
        let running = Running(child);
        BufReader::new(out).read_line(&mut line).unwrap();
        assert!(line.starts_with("ready "), "{line:?}");
        running
    }

    fn log(&self, name: &str) -> Stdio {
        let path = self.folder.path().join(name);
        let file = std::fs::File::options()
            .create(true)
            .append(true)
            .open(path)
            .unwrap();
        Stdio::from(file)
    }

    /// Waits until a command shows what is wanted.
    pub async fn until(&self, arguments: &[&str], is_so: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let given_up_at = Instant::now() + PATIENCE;
        loop {
            let done = self.run(arguments).await;
            let text = String::from_utf8(done.stdout).unwrap();
            let objects: Vec<Value> = text
                .lines()
                .filter(|line| line.starts_with('{'))
                .map(|line| serde_json::from_str(line).unwrap())
                .collect();
            if is_so(&objects) {
                return objects;
            }
            assert!(
                Instant::now() < given_up_at,
                "{arguments:?} still shows {objects:#?}\n{}",
                String::from_utf8_lossy(&done.stderr)
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}
