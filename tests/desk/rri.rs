//! Sessions over TLS: with our own client, and with one that is not ours.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretSlice;
use stichtag::clock::Clock;
use stichtag::model::InboundId;
use stichtag::receive::denic_queue::{self, QueueReader, Stuck};
use stichtag::simulate::desk::{Counter, Fault, Limits, RriServer, User};
use stichtag::store::{SqliteStore, Store};
use stichtag::wire::rri::{RriError, trust};
use stichtag::wire::{LoginError, ReplyHead, RriLogin, RriSession};

use super::*;

pub const PASSWORD: &str = "Kp7mQ2xY9aZ4wR";
const INFO: &str = "Version: 5.0\nAction: INFO\nDomain: segelschule-bodden.de\n";

/// A server, with the file that vouches for it.
pub struct House {
    pub counter: Counter,
    pub server: RriServer,
    folder: tempfile::TempDir,
    /// What our own client speaks.
    pub format: Format,
}

impl House {
    pub async fn new(limits: Limits) -> Self {
        let clock = Clock::system();
        clock.set(start());
        let counter = Counter::new(Office::new(Environment::Test).book, clock);
        let user = |name: &str, regacc: &str| User {
            name: name.to_owned(),
            password: PASSWORD.to_owned(),
            regacc: regacc.to_owned(),
        };
        let users = vec![
            user("DENIC-1000888-RRI", US),
            user("DENIC-1000777-RRI", OTHERS),
        ];
        let server = RriServer::start(counter.clone(), users, limits)
            .await
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        server.write_ca(&folder.path().join("ca.pem")).unwrap();
        House {
            counter,
            server,
            folder,
            format: Format::KeyValue,
        }
    }

    pub async fn open() -> (Self, RriSession) {
        let house = House::new(Limits::default()).await;
        let session = house.session().await.unwrap();
        (house, session)
    }

    fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    fn login(&self, password: &str) -> RriLogin {
        let word = |text: &str| SecretSlice::from(text.as_bytes().to_vec());
        RriLogin {
            host: "localhost".to_owned(),
            port: self.server.address().port(),
            trust: trust(Some(&self.ca())).unwrap(),
            user: word("DENIC-1000888-RRI"),
            password: word(password),
            format: self.format,
        }
    }

    pub async fn session(&self) -> Result<RriSession, LoginError> {
        RriSession::open(&self.login(PASSWORD)).await
    }

    /// Runs the client that is not ours; what it printed.
    async fn python(&self, script: &str) -> String {
        let mut command = tokio::process::Command::new("python3");
        command
            .args(["-c", &format!("{CLIENT}\n{script}")])
            .arg(self.server.address().port().to_string())
            .arg(self.ca());
        let output = command.output().await.unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

/// Frames by another hand.
const CLIENT: &str = r#"
import socket, ssl, struct, sys, time
context = ssl.create_default_context(cafile=sys.argv[2])
def connect():
    plain = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return context.wrap_socket(plain, server_hostname="127.0.0.1")
def exactly(rri, count):
    got = b""
    while len(got) < count:
        more = rri.recv(count - len(got))
        if not more:
            raise EOFError
        got += more
    return got
def ask(rri, text, piece=None):
    data = text if isinstance(text, bytes) else text.encode()
    frame = struct.pack(">I", len(data)) + data
    for at in range(0, len(frame), piece or len(frame)):
        rri.sendall(frame[at:at + (piece or len(frame))])
    (length,) = struct.unpack(">I", exactly(rri, 4))
    return exactly(rri, length).decode()
LOGIN = "version: 5.0\naction: LOGIN\nuser: DENIC-1000888-RRI\npassword: %s\n"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn our_own_client_asks_and_leaves() {
    let (house, mut session) = House::open().await;
    let text = write(
        &create("segelschule-bodden.de", &["DENIC-1000888-HOLDER"]),
        &ctid("d-000200"),
    )
    .unwrap();
    let reply = session.ask(&text).await.unwrap();
    assert!(reply.starts_with("RESULT: success\n"), "{reply}");
    assert!(
        reply.contains("CTID: d-000200\nINFO: 13000000011 "),
        "{reply}"
    );
    assert!(
        session
            .ask(INFO)
            .await
            .unwrap()
            .contains("Status: connect\n")
    );
    session.close().await;
    let journal = house.counter.book(|book| book.journal().to_vec());
    assert_eq!(journal.last().unwrap().channel, Channel::Rri);
    assert_eq!(house.server.connections(), 1);
    house.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_not_ours_speaks_both_formats_in_pieces() {
    let house = House::new(Limits {
        piece_bytes: 3,
        ..Limits::default()
    })
    .await;
    let printed = house
        .python(&format!(
            r#"
rri = connect()
print(ask(rri, "version: 5.0\naction: LOGOUT\n", 1))
print(ask(rri, LOGIN % "wrong"))
print(ask(rri, LOGIN % "{PASSWORD}", 5))
print(ask(rri, "Version: 5.0\nAction: CHECK\nDomain: dänic.de\n", 2))
print(ask(rri, '<registry-request xmlns="http://registry.denic.de/global/5.0" xmlns:d="http://registry.denic.de/domain/5.0"><d:check><d:handle>dänic.de</d:handle></d:check></registry-request>', 7))
print(ask(rri, b"x" * 65537))
print(ask(rri, b"\xff\xfe"))
print(ask(rri, "version: 5.0\naction: LOGOUT\n"))
print(len(rri.recv(1)))
"#
        ))
        .await;
    let replies: Vec<&str> = printed
        .split("\nRESULT")
        .flat_map(|part| part.split("<?xml"))
        .collect();
    for (reply, expected) in replies.iter().zip([
        "ERROR: 83000000010 Please login first",
        "ERROR: 83000000010 Please login first",
        "success",
        "Domain: dänic.de\nDomain-Ace: xn--dnic-loa.de\nStatus: free",
        "<domain:handle>dänic.de</domain:handle><domain:ace>xn--dnic-loa.de</domain:ace>\
         <domain:status>free</domain:status>",
        "ERROR: 83000000000 Request message too long",
        "ERROR: 63000000006 ",
        "success",
    ]) {
        assert!(reply.contains(expected), "{expected}\n{printed}");
    }
    assert!(
        printed.ends_with("\n0\n"),
        "the server hangs up after the goodbye"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_wrong_logins_block_the_user_for_the_right_password_too() {
    let house = House::new(Limits {
        blocked_for: Duration::from_millis(300),
        ..Limits::default()
    })
    .await;
    for _ in 0..10 {
        let error = RriSession::open(&house.login("wrong-password"))
            .await
            .err()
            .unwrap();
        assert!(error.to_string().contains("83000000010"), "{error}");
    }
    let error = house.session().await.err().unwrap();
    assert!(error.to_string().contains("83000000013"), "{error}");
    tokio::time::sleep(Duration::from_millis(350)).await;
    house.session().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn more_sessions_than_allowed_are_refused_and_a_dropped_one_counts_on() {
    let lingering = Duration::from_millis(400);
    let house = House::new(Limits {
        sessions: 2,
        lingering,
        ..Limits::default()
    })
    .await;
    let (first, second) = (
        house.session().await.unwrap(),
        house.session().await.unwrap(),
    );
    let refused = house.session().await.err().unwrap();
    assert!(refused.to_string().contains("83000000012"), "{refused}");
    first.close().await;
    let third = house.session().await.unwrap();
    drop((second, third));
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(house.session().await.is_err(), "both were dropped just now");
    tokio::time::sleep(lingering).await;
    house.session().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_silent_is_dropped_before_the_login_and_behind_it() {
    let limits = Limits {
        before_login: Duration::from_millis(300),
        idle: Duration::from_millis(600),
        ..Limits::default()
    };
    let house = House::new(limits).await;
    let printed = house
        .python(&format!(
            r#"
rri = connect()
# Whatever else it says, it must log in.
for _ in range(3):
    try:
        ask(rri, "version: 5.0\naction: queue-read\n")
        time.sleep(0.15)
    except (EOFError, OSError):
        print("gone")
        break
rri = connect()
ask(rri, LOGIN % "{PASSWORD}")
time.sleep(0.4)
print(ask(rri, "version: 5.0\naction: queue-read\n").count("success"))
begin = time.time()
print(len(rri.recv(1)), time.time() - begin < 5)
"#
        ))
        .await;
    assert_eq!(printed, "gone\n1\n0 True\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_end_nobody_answers() {
    let (house, mut session) = House::open().await;
    let (login, House { server, .. }) = (house.login(PASSWORD), house);
    server.shutdown().await;
    assert!(matches!(session.ask(INFO).await, Err(RriError::Unknown(_))));
    assert!(matches!(
        RriSession::open(&login).await,
        Err(LoginError::Way(_))
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_accounts_have_a_queue_each_and_many_sessions_work_at_the_same_time() {
    let house = House::new(Limits {
        sessions: 7,
        ..Limits::default()
    })
    .await;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..7 {
        let login = house.login(PASSWORD);
        tasks.spawn(async move {
            let mut session = RriSession::open(&login).await.unwrap();
            for domain in 0..10 {
                let request = create(
                    &format!("neuland-{number}-{domain}.de"),
                    &["DENIC-1000888-HOLDER"],
                );
                let text = write(&request, &ctid(&format!("d-{number}-{domain}"))).unwrap();
                assert!(
                    session
                        .ask(&text)
                        .await
                        .unwrap()
                        .contains("RESULT: success")
                );
            }
            session.close().await;
        });
    }
    tasks.join_all().await;
    assert_eq!(
        house
            .counter
            .book(|book| (book.waiting(US), book.waiting(OTHERS))),
        (70, 0)
    );
    assert!(house.counter.book(|book| book.twice()).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queue_is_emptied_into_the_store_in_the_format_of_the_session_also_when_a_delete_is_lost()
 {
    for format in [Format::KeyValue, Format::Xml] {
        let mut house = House::new(Limits::default()).await;
        house.format = format;
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/stichtag.db", folder.path().display());
        let store = SqliteStore::open(&url).await.unwrap();
        let mut session = house.session().await.unwrap();
        for number in 0..5 {
            let domain = format!("nisverificationrequired-{number}.de");
            let request = create(&domain, &["DENIC-1000888-HOLDER"]);
            let id = ctid(&format!("d-{number:06}"));
            let text = registry::write(&request, &id, format).unwrap();
            let head = ReplyHead::read(&session.ask(&text).await.unwrap());
            assert!(head.is_success(), "{head:?}");
        }
        house.counter.faults(|faults| {
            faults.order(Fault::KeepMessage, Some("QUEUE-DELETE"), None, 1);
            faults.order(Fault::LoseReply, Some("QUEUE-DELETE"), None, 1);
        });
        let reader = QueueReader {
            store: &store,
            environment: Environment::Test,
            format,
            is_readable: &|raw| parse::denic_queue(raw).is_ok(),
            deletes_unreadable: false,
            limit: 100,
            now: &start,
        };
        let drain = async |session: &mut RriSession| {
            denic_queue::drain(&reader, session, &mut Stuck::new()).await
        };
        assert!(drain(&mut session).await.is_err(), "the connection is gone");
        let mut session = house.session().await.unwrap();
        let drained = drain(&mut session).await.unwrap();
        assert_eq!((drained.count, drained.is_more), (9, false));
        assert_eq!(house.counter.book(|book| book.waiting(US)), 0);
        // Ten messages, each once: what comes again after its delete is kept already.
        let mut ids = Vec::new();
        for number in 1..=10 {
            let kept = store.kept(InboundId(number)).await.unwrap().unwrap();
            let event = parse::denic_queue(&kept.raw).unwrap();
            assert_eq!(kept.raw.starts_with(b"<?xml"), format == Format::Xml);
            ids.push(event.msgid.unwrap());
        }
        let different: std::collections::BTreeSet<_> = ids.iter().map(|id| &id.0).collect();
        assert_eq!(different.len(), ids.len());
        assert!(store.kept(InboundId(11)).await.unwrap().is_none());
        session.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_login_gives_its_reason_in_xml_too() {
    let mut house = House::new(Limits::default()).await;
    house.format = Format::Xml;
    let refused = RriSession::open(&house.login("wrong<&>"))
        .await
        .err()
        .unwrap();
    let why = "the login was refused: 83000000010 Please login first";
    assert!(refused.to_string().starts_with(why), "{refused}");
}
