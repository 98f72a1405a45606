//! One request by RRI: `stichtag-send rri` against a server that speaks frames over TLS.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use stichtag::clock::Clock;
use stichtag::model::{Environment, InboundId, Source};
use stichtag::simulate::desk::{Book, Channel, Counter, Feed, Limits, RriServer, Rules, User};
use stichtag::store::{SqliteStore, Store};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::server::TlsStream;

const PASSWORD: &str = "Kp7mQ2xY9aZ4wR";
const INFO: &str = "version: 5.0\naction: INFO\ndomain: segelschule-bodden.de\n";
const ANSWER: &str = "RESULT: success\nSTID: 0123456789\n\nDomain: segelschule-bodden.de\n";

/// Every text that arrived, in order.
type Heard = Arc<Mutex<Vec<String>>>;

/// A certificate for this machine that vouches for itself.
fn certificate(folder: &Path) {
    let arguments = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
                     -subj /CN=rri -addext subjectAltName=DNS:localhost \
                     -addext basicConstraints=critical,CA:FALSE \
                     -keyout server.key -out server.pem";
    let output = Command::new("openssl")
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

async fn read(stream: &mut TlsStream<TcpStream>) -> Option<String> {
    let length = stream.read_u32().await.ok()?;
    let mut text = vec![0; usize::try_from(length).unwrap()];
    stream.read_exact(&mut text).await.ok()?;
    Some(String::from_utf8(text).unwrap())
}

async fn write(stream: &mut TlsStream<TcpStream>, text: &str) {
    stream
        .write_u32(u32::try_from(text.len()).unwrap())
        .await
        .unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
}

/// What the other side says to a request that is no login; `None` hangs up.
type Answers = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Answers logins by the password, and any other request as it is told.
async fn server(folder: &Path, answers: Answers) -> (u16, Heard) {
    let chain = vec![CertificateDer::from_pem_file(folder.join("server.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_file(folder.join("server.key")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = Heard::default();
    let hears = heard.clone();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            // Whoever does not trust us says nothing.
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            while let Some(text) = read(&mut stream).await {
                hears.lock().unwrap().push(text.clone());
                let is_login = text.contains("action: LOGIN");
                let is_right = text.contains(&format!("password: {PASSWORD}\n"));
                match (is_login, answers(&text)) {
                    (true, _) if is_right => write(&mut stream, "RESULT: success\nSTID: 1\n").await,
                    (true, _) => {
                        let no =
                            "RESULT: failed\nSTID: 1\nERROR: 53000020002 Unauthorized request\n";
                        write(&mut stream, no).await;
                    }
                    (false, Some(answer)) => write(&mut stream, &answer).await,
                    (false, None) => break,
                }
            }
        }
    });
    (port, heard)
}

struct Office {
    folder: tempfile::TempDir,
    variables: Vec<(String, String)>,
}

impl Office {
    fn new(port: u16, folder: tempfile::TempDir) -> Self {
        std::fs::create_dir(folder.path().join("secrets")).unwrap();
        std::fs::write(
            folder.path().join("secrets/rri-user"),
            "DENIC-1000888-RRI\n",
        )
        .unwrap();
        let mut office = Office {
            folder,
            variables: Vec::new(),
        };
        office.password(PASSWORD);
        office.set("RRI__TEST__HOST", "localhost");
        office.set("RRI__TEST__PORT", &port.to_string());
        let ca = office
            .folder
            .path()
            .join("server.pem")
            .display()
            .to_string();
        office.set("RRI__TEST__CA_FILE", &ca);
        office
    }

    fn set(&mut self, key: &str, value: &str) {
        let name = format!("STICHTAG_{key}");
        self.variables.retain(|(known, _)| *known != name);
        self.variables.push((name, value.to_owned()));
    }

    fn password(&self, text: &str) {
        std::fs::write(self.folder.path().join("secrets/rri-password"), text).unwrap();
    }

    async fn ask(&self, request: &str, more: &[&str]) -> Output {
        let file = self.folder.path().join("request.txt");
        std::fs::write(&file, request).unwrap();
        let file = file.display().to_string();
        let arguments: Vec<&str> = ["rri", file.as_str()].iter().chain(more).copied().collect();
        self.run(env!("CARGO_BIN_EXE_stichtag-send"), &arguments)
            .await
    }

    async fn run(&self, program: &str, arguments: &[&str]) -> Output {
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("STICHTAG_") {
                command.env_remove(name);
            }
        }
        command
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .env("CREDENTIALS_DIRECTORY", self.folder.path().join("secrets"))
            .current_dir(self.folder.path())
            .args(arguments);
        tokio::task::spawn_blocking(move || command.output().unwrap())
            .await
            .unwrap()
    }
}

async fn office(answer: Option<&'static str>) -> (Office, Heard) {
    office_with(Arc::new(move |_| answer.map(str::to_owned))).await
}

async fn office_with(answers: Answers) -> (Office, Heard) {
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path());
    let (port, heard) = server(folder.path(), answers).await;
    (Office::new(port, folder), heard)
}

fn said(output: &Output) -> String {
    let both = [output.stdout.as_slice(), &output.stderr].concat();
    let text = String::from_utf8(both).unwrap();
    assert!(!text.contains(PASSWORD), "{text}");
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_goes_between_login_and_logout_and_its_answer_is_printed_as_it_came() {
    let (office, heard) = office(Some(ANSWER)).await;
    let done = office.ask(INFO, &[]).await;
    assert_eq!(done.status.code(), Some(0), "{}", said(&done));
    assert_eq!(String::from_utf8(done.stdout).unwrap(), ANSWER);
    let login =
        format!("version: 5.0\naction: LOGIN\nuser: DENIC-1000888-RRI\npassword: {PASSWORD}\n");
    let logout = "version: 5.0\naction: LOGOUT\n";
    assert_eq!(*heard.lock().unwrap(), [login.as_str(), INFO, logout]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_carried_out_exits_with_one() {
    let failed = "RESULT: failed\nSTID: 1\nERROR: 63300062009 Domain doesn't exist\n";
    let (office, _) = office(Some(failed)).await;
    let done = office.ask(INFO, &[]).await;
    assert_eq!(done.status.code(), Some(1));
    assert_eq!(String::from_utf8(done.stdout).unwrap(), failed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_login_is_tried_once_and_no_request_follows() {
    let (office, heard) = office(Some(ANSWER)).await;
    office.password("wrong-password");
    let done = office.ask(INFO, &[]).await;
    assert_eq!(done.status.code(), Some(6));
    assert!(said(&done).contains("53000020002"), "{}", said(&done));
    assert_eq!(heard.lock().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_answer_nobody_knows_and_it_is_not_sent_again() {
    let (office, heard) = office(None).await;
    let done = office.ask(INFO, &[]).await;
    assert_eq!(done.status.code(), Some(10));
    assert!(said(&done).contains("not known"), "{}", said(&done));
    let heard = heard.lock().unwrap();
    assert_eq!(heard.iter().filter(|text| *text == INFO).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_nobody_vouches_for_hears_nothing() {
    let (mut office, heard) = office(Some(ANSWER)).await;
    office.set("RRI__TEST__CA_FILE", "");
    let done = office.ask(INFO, &[]).await;
    assert_eq!(done.status.code(), Some(6), "{}", said(&done));
    assert!(heard.lock().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn live_and_test_are_never_taken_for_each_other() {
    let (mut office, heard) = office(Some(ANSWER)).await;
    assert_eq!(
        office.ask(INFO, &["--env", "live"]).await.status.code(),
        Some(3)
    );
    let port = office.variables[1].1.clone();
    office.set("RRI__LIVE__HOST", "LOCALHOST");
    office.set("RRI__LIVE__PORT", "51131");
    // Both are there: which one is meant must be said.
    assert_eq!(office.ask(INFO, &[]).await.status.code(), Some(2));
    office.set("RRI__LIVE__PORT", &port);
    assert_eq!(
        office.ask(INFO, &["--env", "test"]).await.status.code(),
        Some(3)
    );
    assert!(heard.lock().unwrap().is_empty());
}

/// What waits, by msgid.
type Messages = Arc<Mutex<Vec<(String, String)>>>;

/// A queue as the registry keeps it: it gives the oldest, of a type if one is named, and deletes no
/// other.
fn queue(messages: Vec<(String, String)>) -> (Answers, Messages) {
    let waiting = Arc::new(Mutex::new(messages));
    let queue = waiting.clone();
    let answers = move |request: &str| {
        let mut queue = queue.lock().unwrap();
        let line = |name: &str| {
            let mut lines = request.lines();
            lines.find_map(|line| line.strip_prefix(name).map(str::to_owned))
        };
        let kind = line("msgtype: ");
        let is_of_kind = |text: &str| {
            kind.as_ref()
                .is_none_or(|kind| text.contains(&format!("msgtype: {kind}\n")))
        };
        let oldest = queue.iter().position(|(_, text)| is_of_kind(text));
        let count = queue.iter().filter(|(_, text)| is_of_kind(text)).count();
        if request.contains("queue-read") {
            return Some(match oldest {
                None => "RESULT: success\nSTID: 1\nmsgcnt: 0\n".to_owned(),
                Some(place) => {
                    let (_, text) = &queue[place];
                    format!("RESULT: success\nSTID: 1\nmsgcnt: {count}\n{text}")
                }
            });
        }
        if request.contains("LOGOUT") {
            return Some("RESULT: success\nSTID: 1\n".to_owned());
        }
        match oldest.filter(|place| line("msgid: ").as_ref() == Some(&queue[*place].0)) {
            Some(place) => {
                queue.remove(place);
                Some("RESULT: success\nSTID: 1\n".to_owned())
            }
            None => Some(
                "RESULT: failed\nSTID: 1\nERROR: 63000000007 Request shows semantics error\n"
                    .to_owned(),
            ),
        }
    };
    (Arc::new(answers), waiting)
}

fn message(number: usize, body: &str) -> (String, String) {
    let id = format!("1f3c9a10-7d42-4b11-8a55-{number:012}");
    let text = format!(
        "msgtime: 2026-11-29T09:00:{:02}+01:00\nmsgid: {id}\n{body}",
        number % 60
    );
    (id, text)
}

fn status(number: usize) -> (String, String) {
    message(
        number,
        &format!(
            "msgtype: domainStatusUpdate\ndomain: neuland-{number}.de\n\
             domain-ace: neuland-{number}.de\nholder: DENIC-1000888-A\nstatus: connect\n"
        ),
    )
}

async fn drained(office: &Office) -> Output {
    let sender = env!("CARGO_BIN_EXE_stichtag-send");
    office.run(sender, &["run", "--once"]).await
}

async fn log(office: &Office) -> Vec<serde_json::Value> {
    let arguments = ["log", "list", "--limit", "1000", "--json"];
    let done = office.run(env!("CARGO_BIN_EXE_stichtag"), &arguments).await;
    let text = String::from_utf8(done.stdout).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queue_is_kept_in_order_and_then_deleted_with_what_nobody_understands() {
    let mut messages: Vec<_> = (0..120).map(status).collect();
    messages.insert(60, message(600, "msgtype: somethingNew\nfield: value\n"));
    let (answers, waiting) = queue(messages.clone());
    let (mut office, heard) = office_with(answers).await;
    let data = office.folder.path().join("data").display().to_string();
    office.set("SERVER__DATA_DIR", &data);
    let done = drained(&office).await;
    assert!(done.status.success(), "{}", said(&done));
    assert!(waiting.lock().unwrap().is_empty());
    let ids: Vec<_> = messages.iter().map(|(id, _)| id.as_str()).collect();
    let url = format!("sqlite://{data}/stichtag.db");
    let store = SqliteStore::open(&url).await.unwrap();
    for (number, id) in (1..).zip(&ids) {
        let kept = store.kept(InboundId(number)).await.unwrap().unwrap();
        assert_eq!(kept.source, Source::DenicQueue);
        assert_eq!(kept.environment, Some(Environment::Test));
        assert!(String::from_utf8(kept.raw).unwrap().contains(id));
    }
    let next = InboundId(i64::try_from(ids.len()).unwrap() + 1);
    assert!(store.kept(next).await.unwrap().is_none());
    // One login for all of it, and a goodbye.
    let heard = heard.lock().unwrap();
    let logins = heard.iter().filter(|text| text.contains("LOGIN")).count();
    assert_eq!((logins, heard.len()), (1, 1 + 2 * ids.len() + 1 + 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_reader_of_the_queue_is_noticed_and_nothing_is_lost() {
    let answers = |request: &str| {
        let (_, text) = status(1);
        Some(match request.contains("queue-read") {
            true => format!("RESULT: success\nSTID: 1\nmsgcnt: 1\n{text}"),
            false => "RESULT: failed\nSTID: 1\nERROR: 63000000007 no\n".to_owned(),
        })
    };
    let (mut office, _) = office_with(Arc::new(answers)).await;
    let data = office.folder.path().join("data").display().to_string();
    office.set("SERVER__DATA_DIR", &data);
    let done = drained(&office).await;
    assert_eq!(done.status.code(), Some(1));
    assert!(said(&done).contains("another reader"), "{}", said(&done));
    assert!(!log(&office).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_cannot_be_deleted_is_kept_once() {
    let answers = |request: &str| {
        assert!(!request.contains("queue-delete"));
        Some("RESULT: success\nSTID: 1\nmsgcnt: 1\nmsgtype: domainStatusUpdate\n".to_owned())
    };
    let (mut office, _) = office_with(Arc::new(answers)).await;
    let data = office.folder.path().join("data").display().to_string();
    office.set("SERVER__DATA_DIR", &data);
    let done = drained(&office).await;
    assert!(done.status.success(), "{}", said(&done));
    assert_eq!(log(&office).await.len(), 1);
}

/// Two kinds of messages, and among them one that nobody can read.
fn mixed() -> Vec<(String, String)> {
    let expiry = |number| {
        let domain = format!("neuland-{number}.de");
        let body = format!(
            "msgtype: expireWarning\ndomain: {domain}\ndomain-ace: {domain}\n\
             expire: 2026-12-27T07:44:58+01:00\n"
        );
        message(number, &body)
    };
    let broken = "msgtype: domainStatusUpdate\ndomain: neuland-3.de\nstatus: connect\n\
                  verificationDeadlineBeforeDeletion: soon\n";
    vec![
        status(1),
        message(3, broken),
        expiry(4),
        status(5),
        expiry(6),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_cannot_be_read_stays_and_others_are_read_around_it() {
    let (answers, waiting) = queue(mixed());
    let (mut office, _) = office_with(answers).await;
    let data = office.folder.path().join("data").display().to_string();
    office.set("SERVER__DATA_DIR", &data);
    for _ in 0..2 {
        let done = drained(&office).await;
        assert!(done.status.success(), "{}", said(&done));
    }
    // What is behind it of its own type waits with it.
    let left: Vec<_> = waiting
        .lock()
        .unwrap()
        .iter()
        .map(|(id, _)| id.clone())
        .collect();
    assert_eq!(left, [mixed()[1].0.clone(), mixed()[3].0.clone()]);
    let store = SqliteStore::open(&format!("sqlite://{data}/stichtag.db"))
        .await
        .unwrap();
    let alarms = store.alarms().await.unwrap();
    assert_eq!(alarms.len(), 1);
    assert_eq!(alarms[0].code.as_str(), "W78");
    assert!(alarms[0].text.contains(&left[0]), "{}", alarms[0].text);
    // Kept by each life once: the message itself is not lost, whatever happens there.
    assert_eq!(log(&office).await.len(), 3 + 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_deleted_after_it_is_kept_where_the_configuration_says_so() {
    let (answers, waiting) = queue(mixed());
    let (mut office, _) = office_with(answers).await;
    let data = office.folder.path().join("data").display().to_string();
    office.set("SERVER__DATA_DIR", &data);
    office.set("RRI__TEST__DELETE_UNREADABLE", "true");
    let done = drained(&office).await;
    assert!(done.status.success(), "{}", said(&done));
    assert!(waiting.lock().unwrap().is_empty());
    assert_eq!(log(&office).await.len(), mixed().len());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sender_too_tries_a_wrong_login_once() {
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path());
    let (port, heard) = server(folder.path(), Arc::new(|_| None)).await;
    let mut office = Office::new(port, folder);
    office.password("wrong-password");
    let data = office.folder.path().join("data").display().to_string();
    office.set("SERVER__DATA_DIR", &data);
    let done = drained(&office).await;
    assert_eq!(done.status.code(), Some(1), "{}", said(&done));
    assert!(said(&done).contains("53000020002"), "{}", said(&done));
    assert_eq!(heard.lock().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_format_set_to_xml_the_queue_is_read_in_xml_and_another_word_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut book = Book::new(Rules::of(Environment::Test));
    book.open_account("DENIC-1000888", "Registrar Example GmbH", Feed::Rri);
    let now = "2026-11-29T08:00:00Z".parse().unwrap();
    for text in [
        "Version: 5.0\nAction: CREATE\nHandle: DENIC-1000888-A\nType: ORG\nName: Neuland\n\
         Address: Weg 1\nPostalCode: 18311\nCity: Ribnitz\nCountryCode: DE\n\
         EMail: a@example.net\nPhone: +49.1\n",
        "Version: 5.0\nAction: CREATE\nDomain: neuland.de\nHolder: DENIC-1000888-A\n\
         Nserver: ns1.example.net\nNserver: ns2.example.net\n",
    ] {
        let reply = book.answer("DENIC-1000888", Channel::Rri, text, now);
        assert_eq!(reply.word(), "success", "{}", reply.to_text());
    }
    let counter = Counter::new(book, Clock::system());
    let user = User {
        name: "DENIC-1000888-RRI".to_owned(),
        password: PASSWORD.to_owned(),
        regacc: "DENIC-1000888".to_owned(),
    };
    let limits = Limits::default();
    let server = RriServer::start(counter.clone(), vec![user], limits)
        .await
        .unwrap();
    server.write_ca(&folder.path().join("server.pem")).unwrap();
    let mut office = Office::new(server.address().port(), folder);
    let data = office.folder.path().join("data").display().to_string();
    office.set("SERVER__DATA_DIR", &data);
    office.set("RRI__TEST__FORMAT", "csv");
    let refused = drained(&office).await;
    assert_eq!(refused.status.code(), Some(3), "{}", said(&refused));
    assert!(
        said(&refused).contains("rri.test.format"),
        "{}",
        said(&refused)
    );
    office.set("RRI__TEST__FORMAT", "xml");
    let done = drained(&office).await;
    assert!(done.status.success(), "{}", said(&done));
    assert_eq!(counter.book(|book| book.waiting("DENIC-1000888")), 0);
    let url = format!("sqlite://{data}/stichtag.db");
    let store = SqliteStore::open(&url).await.unwrap();
    let kept = store.kept(InboundId(1)).await.unwrap().unwrap();
    assert!(kept.raw.starts_with(b"<?xml"), "{kept:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_does_not_say_how_it_came_out_is_no_failure_but_unknown() {
    for answer in ["STID: 1\n", "RESULT: maybe\nSTID: 1\n"] {
        let (office, _) = office(Some(answer)).await;
        assert_eq!(
            office.ask(INFO, &[]).await.status.code(),
            Some(10),
            "{answer}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_comes_again_after_its_delete_is_kept_once_and_told() {
    let answers = |request: &str| {
        let (_, text) = status(1);
        Some(match request.contains("queue-read") {
            true => format!("RESULT: success\nSTID: 1\nmsgcnt: 1\n{text}"),
            false => "RESULT: success\nSTID: 1\n".to_owned(),
        })
    };
    let (mut office, _) = office_with(Arc::new(answers)).await;
    let data = office.folder.path().join("data").display().to_string();
    office.set("SERVER__DATA_DIR", &data);
    let done = drained(&office).await;
    assert_eq!(done.status.code(), Some(1), "{}", said(&done));
    assert!(said(&done).contains("another reader"), "{}", said(&done));
    assert_eq!(log(&office).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_after_the_other_does_not_block_the_account() {
    let (answers, _) = queue(Vec::new());
    let (mut office, heard) = office_with(answers).await;
    let data = office.folder.path().join("data").display().to_string();
    office.set("SERVER__DATA_DIR", &data);
    let logins = || {
        let heard = heard.lock().unwrap();
        heard.iter().filter(|text| text.contains("LOGIN")).count()
    };
    office.password("wrong-password");
    for _ in 0..6 {
        assert_eq!(drained(&office).await.status.code(), Some(1));
    }
    assert_eq!(logins(), 3);
    // The right one is tried by a person, and then the sender goes on.
    office.password(PASSWORD);
    let done = drained(&office).await;
    assert!(
        said(&done).contains("stichtag-send rri FILE"),
        "{}",
        said(&done)
    );
    assert_eq!(logins(), 3);
    office.ask("version: 5.0\naction: queue-read\n", &[]).await;
    let done = drained(&office).await;
    assert!(done.status.success(), "{}", said(&done));
    assert_eq!(logins(), 5);
}
