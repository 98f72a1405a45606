//! How fast the registry's queue is emptied: read, kept durably, deleted, one after the other over TLS,
//! in both formats; beside it the same session without keeping. `QUEUE_MESSAGES=100000` is the long run.

use std::time::{Duration, Instant};

use stichtag::clock::Clock;
use stichtag::model::Environment;
use stichtag::parse;
use stichtag::receive::denic_queue::{QueueReader, Stuck, drain};
use stichtag::simulate::desk::{Book, Channel, Counter, Feed, Limits, RriServer, Rules, User};
use stichtag::store::SqliteStore;
use stichtag::wire::rri::trust;
use stichtag::wire::{Format, ReplyHead, RriLogin, RriSession, queue_delete, queue_read};

const REGACC: &str = "DENIC-1000888";

/// What is promised, messages a second with durable keeping, deletes included.
const AT_LEAST: f64 = 500.0;

fn count() -> usize {
    let text = std::env::var("QUEUE_MESSAGES").ok();
    text.map_or(10_000, |text| text.parse().expect("a number"))
}

/// A registry whose queue holds so many messages.
fn counter(count: usize) -> Counter {
    let mut book = Book::new(Rules::of(Environment::Live));
    book.open_account(REGACC, "Registrar Example GmbH", Feed::Rri);
    let clock = Clock::system();
    let mut say = |text: &str| {
        let reply = book.answer(REGACC, Channel::Rri, text, clock.now());
        assert_eq!(reply.word(), "success", "{}", reply.to_text());
    };
    say(
        "Version: 5.0\nAction: CREATE\nHandle: DENIC-1000888-A\nType: ORG\nName: Neuland\n\
         Address: Weg 1\nPostalCode: 18311\nCity: Ribnitz\nCountryCode: DE\nEMail: a@example.net\n\
         Phone: +49.1\n",
    );
    for number in 0..count {
        say(&format!(
            "Version: 5.0\nAction: CREATE\nDomain: neuland-{number}.de\nHolder: DENIC-1000888-A\n\
             Nserver: ns1.example.net\nNserver: ns2.example.net\n"
        ));
    }
    assert_eq!(book.waiting(REGACC), count);
    Counter::new(book, clock)
}

async fn session(server: &RriServer, folder: &std::path::Path, format: Format) -> RriSession {
    let ca = folder.join("ca.pem");
    server.write_ca(&ca).expect("the folder is ours");
    let login = RriLogin {
        host: "localhost".to_owned(),
        port: server.address().port(),
        trust: trust(Some(&ca)).expect("it was just written"),
        user: b"DENIC-1000888-RRI".to_vec().into(),
        password: b"Kp7mQ2xY9aZ4wR".to_vec().into(),
        format,
    };
    RriSession::open(&login).await.expect("a session")
}

async fn server(count: usize) -> (RriServer, Counter) {
    let counter = counter(count);
    let user = User {
        name: "DENIC-1000888-RRI".to_owned(),
        password: "Kp7mQ2xY9aZ4wR".to_owned(),
        regacc: REGACC.to_owned(),
    };
    let server = RriServer::start(counter.clone(), vec![user], Limits::default());
    (server.await.expect("loopback"), counter)
}

/// As the sender does it.
async fn kept(count: usize, format: Format) -> Duration {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite://{}/stichtag.db", folder.path().display());
    let store = SqliteStore::open(&url).await.expect("a store");
    let (server, counter) = server(count).await;
    let mut session = session(&server, folder.path(), format).await;
    let clock = Clock::system();
    let reader = QueueReader {
        store: &store,
        environment: Environment::Live,
        format,
        is_readable: &|raw| parse::denic_queue(raw).is_ok(),
        deletes_unreadable: false,
        limit: usize::MAX,
        now: &move || clock.now(),
    };
    let began = Instant::now();
    let drained = drain(&reader, &mut session, &mut Stuck::new())
        .await
        .expect("drained");
    let took = began.elapsed();
    assert_eq!(drained.count, count);
    assert_eq!(counter.book(|book| book.waiting(REGACC)), 0);
    server.shutdown().await;
    took
}

/// The line alone.
async fn thrown_away(count: usize) -> Duration {
    let folder = tempfile::tempdir().expect("a folder");
    let (server, _) = server(count).await;
    let mut session = session(&server, folder.path(), Format::KeyValue).await;
    let began = Instant::now();
    for _ in 0..count {
        let reply = session.ask(&queue_read(Format::KeyValue, None)).await;
        let head = ReplyHead::read(&reply.expect("a reply"));
        let msgid = head.msgid.expect("a message");
        let delete = queue_delete(Format::KeyValue, &msgid, None);
        let reply = session.ask(&delete).await.expect("a reply");
        assert!(ReplyHead::read(&reply).is_success());
    }
    let took = began.elapsed();
    server.shutdown().await;
    took
}

#[tokio::main]
async fn main() {
    let count = count();
    let rate = |took: Duration| count as f64 / took.as_secs_f64();
    let mut worst = f64::MAX;
    for round in 1..=3 {
        let line = rate(thrown_away(count).await);
        let lines = rate(kept(count, Format::KeyValue).await);
        let xml = rate(kept(count, Format::Xml).await);
        worst = worst.min(lines).min(xml);
        println!(
            "round {round}, {count} messages: kept and deleted {lines:.0}/s (key/value), {xml:.0}/s \
             (XML), {:.0} % of the line alone ({line:.0}/s)",
            100.0 * lines / line
        );
    }
    assert!(
        worst >= AT_LEAST,
        "{worst:.0}/s; at least {AT_LEAST}/s are promised"
    );
}
