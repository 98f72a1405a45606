//! Events by EPP: the real program against the simulated EPP server, with one book for both ways.

use std::collections::BTreeSet;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use stichtag::config::{Config, Layers};
use stichtag::model::{ResellerCommand, TriggerCode};
use stichtag::process;
use stichtag::simulate::epp::{EppRules, EppServer, EppUser, PollMessages};
use stichtag::simulate::reseller::{Book, Fault};
use stichtag::store::{Confirming as _, LogEntry, LogFilter, MessageVerdict, Store, VisitorCode};

use super::house::{House, LOGIN, PASSWORD, TEST, contact, name, register, start};
use super::program::{Program, said};

const ADDRESS: &str = "ada@orchard-sample.com";

struct Post {
    house: House,
    server: EppServer,
    messages: PollMessages,
    /// Events of the book that are in the queue, or were.
    posted: usize,
    program: Program,
}

impl Post {
    /// A book with one owner and one domain; both ways to it.
    async fn new() -> Self {
        let mut book = Book::default();
        let owner = contact(&mut book, ADDRESS, start());
        register(&mut book, "orchard-sample.com", &owner, start());
        let house = House::new(book).await;
        let messages = PollMessages::default();
        let user = EppUser {
            name: LOGIN.to_owned(),
            password: PASSWORD.to_owned(),
        };
        let server = EppServer::start(user, messages.clone(), EppRules::default())
            .await
            .unwrap();
        let mut program = Program::new(&house);
        let (both, one) = (
            house.folder.path().join("ca.pem"),
            house.folder.path().join("epp.pem"),
        );
        server.write_ca(&one).unwrap();
        let all = [std::fs::read(&both).unwrap(), std::fs::read(&one).unwrap()].concat();
        std::fs::write(&both, all).unwrap();
        program.set("CENTRALNIC__TEST__EVENTS", "epp");
        program.set("CENTRALNIC__TEST__EPP_HOST", "localhost");
        program.set(
            "CENTRALNIC__TEST__EPP_PORT",
            &server.address().port().to_string(),
        );
        let mut post = Post {
            house,
            server,
            messages,
            posted: 0,
            program,
        };
        post.post();
        post
    }

    /// What happened in the book comes into the queue.
    fn post(&mut self) {
        let events = self.house.server.book(|book| book.events().to_vec());
        let mut messages = self.messages.lock().unwrap();
        for event in &events[self.posted..] {
            messages.push_back((event.number.to_string(), event.poll_xml(1)));
        }
        self.posted = events.len();
    }

    fn waiting(&self) -> usize {
        self.messages.lock().unwrap().len()
    }

    /// The messages of the poll queue that are kept here, in order, decided first.
    async fn decided(&self) -> Vec<LogEntry> {
        let variables = [
            ("STICHTAG_AUTHENTICATE__RESOLVERS", "[\"none\"]"),
            ("STICHTAG_DOMAINS__UNKNOWN_DOMAIN", "create"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let layers = Layers::read(None, variables.into_iter());
        let config = Config::from_layers(&layers.unwrap()).unwrap();
        let rules = stichtag::serve::rules(&config);
        let gatherer = stichtag::serve::gatherer(&config).unwrap();
        while process::process_next(&self.house.store, &rules, &gatherer, jiff::Timestamp::now())
            .await
            .unwrap()
            > 0
        {}
        let mut log = self.house.store.log(&LogFilter::default()).await.unwrap();
        log.retain(|entry| entry.source == "centralnic-poll");
        log.sort_by_key(|entry| entry.id);
        log
    }

    async fn knows_every_code(&self) {
        let mails = self.house.server.book(|book| book.mails().to_vec());
        assert!(!mails.is_empty());
        for mail in mails {
            let code: TriggerCode = mail.code.parse().unwrap();
            let code = VisitorCode::Trigger(code);
            let found = self.house.store.look_up_code(TEST, &code).await.unwrap();
            assert!(found.is_some(), "a code is not known");
        }
    }

    fn spawn(&self) -> Child {
        self.program
            .command(&["run"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cv_17_events_by_poll_are_kept_acknowledged_decided_and_their_codes_known() {
    let post = Post::new().await;
    let count = post.waiting();
    let domain = name("orchard-sample.com");
    post.house
        .queue(ResellerCommand::StatusDomain { domain })
        .await;
    let done = post.program.run(&["run", "--once"]).await;
    let text = said(&done, &post.house.server);
    assert!(done.status.success(), "{text}");
    assert_eq!(post.waiting(), 0);
    assert_eq!(post.server.acknowledged().len(), count);
    let log = post.decided().await;
    assert_eq!(log.len(), count);
    for entry in &log {
        let decision = entry.decision.as_ref().unwrap();
        // Of a domain nobody need have told anything new.
        let is_confirmation = decision.kind.as_deref() == Some("contact-verification");
        let allowed: &[MessageVerdict] = match is_confirmation {
            true => &[MessageVerdict::Applied],
            false => &[MessageVerdict::Applied, MessageVerdict::Unchanged],
        };
        assert!(allowed.contains(&decision.verdict), "{decision:?}");
        assert_eq!(decision.environment, Some(TEST));
    }
    post.knows_every_code().await;
    let alarms = post.house.alarms().await;
    let of_poll = ["W80", "W83", "W84", "W85", "W86"];
    assert!(
        !alarms.iter().any(|code| of_poll.contains(code)),
        "{alarms:?}"
    );
    // Events come by one way, commands by the other.
    let heard = post.house.server.heard();
    assert!(heard.contains(&"statusdomain".to_owned()), "{heard:?}");
    assert!(
        !heard.iter().any(|name| name.contains("event")),
        "{heard:?}"
    );
    assert_eq!(post.server.hurries(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_again_and_again_it_loses_nothing_and_acts_on_nothing_twice() {
    let mut post = Post::new().await;
    post.house.server.book(|book| {
        for number in 0..4 {
            let address = format!("owner{number}@orchard-sample.com");
            let owner = contact(book, &address, start());
            register(
                book,
                &format!("orchard{number}-sample.com"),
                &owner,
                start(),
            );
        }
    });
    post.post();
    let count = post.waiting();
    let begun = Instant::now();
    let mut rounds = 0;
    while post.waiting() > 0 {
        assert!(begun.elapsed() < Duration::from_secs(120));
        let kept = kept(&post).await;
        let mut child = post.spawn();
        // As soon as one more is kept: its acknowledgement waits for its turn then.
        while kept == self::kept(&post).await && post.waiting() > 0 {
            assert!(begun.elapsed() < Duration::from_secs(120));
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let is_last = rounds >= 4;
        while is_last && post.waiting() > 0 {
            assert!(begun.elapsed() < Duration::from_secs(120));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        rounds += 1;
    }
    assert!(rounds > 4, "{rounds}");
    let log = post.decided().await;
    assert!(log.len() > count, "nothing was read again");
    let mut ids = BTreeSet::new();
    let mut confirmations = 0;
    for entry in &log {
        let decision = entry.decision.as_ref().unwrap();
        assert_ne!(decision.verdict, MessageVerdict::Held, "{decision:?}");
        ids.insert(decision.message_id.clone().unwrap());
        let is_confirmation = decision.kind.as_deref() == Some("contact-verification");
        let is_applied = decision.verdict == MessageVerdict::Applied;
        confirmations += usize::from(is_confirmation && is_applied);
    }
    assert_eq!(ids.len(), count);
    let mails = post.house.server.book(|book| book.mails().len());
    assert_eq!(confirmations, mails);
    post.knows_every_code().await;
}

async fn kept(post: &Post) -> usize {
    let log = post.house.store.log(&LogFilter::default()).await.unwrap();
    let log = log.iter().filter(|entry| entry.source == "centralnic-poll");
    log.count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_login_stops_the_account_until_a_login_succeeds() {
    let mut post = Post::new().await;
    // Only the poll queue is used.
    post.program.set("CENTRALNIC__TEST__API_URL", "");
    let secret = post.program.folder.join("secrets/centralnic-password");
    std::fs::write(&secret, "another-password").unwrap();
    let done = post.program.run(&["run", "--once"]).await;
    let text = said(&done, &post.house.server);
    assert!(!done.status.success(), "{text}");
    assert!(
        text.contains("2200") && !text.contains("another-password"),
        "{text}"
    );
    assert_eq!(post.house.alarms().await, ["W80"]);
    std::fs::write(&secret, PASSWORD).unwrap();
    let done = post.program.run(&["run", "--once"]).await;
    assert!(!done.status.success());
    assert_eq!(post.server.logins(), 0);
    let done = post
        .program
        .run(&["reseller", "login", "--env", "test"])
        .await;
    assert_eq!(
        done.status.code(),
        Some(0),
        "{}",
        said(&done, &post.house.server)
    );
    assert!(post.house.alarms().await.is_empty());
    let done = post.program.run(&["run", "--once"]).await;
    assert!(done.status.success(), "{}", said(&done, &post.house.server));
    assert_eq!(post.waiting(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_without_a_way_wait_loudly_until_there_is_one() {
    let mut post = Post::new().await;
    let url = post.house.server.url();
    post.program.set("CENTRALNIC__TEST__API_URL", "");
    let domain = name("orchard-sample.com");
    post.house
        .queue(ResellerCommand::StatusDomain { domain })
        .await;
    let done = post.program.run(&["run", "--once"]).await;
    let text = said(&done, &post.house.server);
    assert!(done.status.success(), "{text}");
    let alarms = post.house.store.alarms().await.unwrap();
    assert_eq!(alarms.len(), 1);
    assert_eq!(alarms[0].code.as_str(), "W77");
    assert!(
        alarms[0].text.contains("centralnic.test.api_url"),
        "{}",
        alarms[0].text
    );
    post.program.set("CENTRALNIC__TEST__API_URL", &url);
    let done = post.program.run(&["run", "--once"]).await;
    assert!(done.status.success(), "{}", said(&done, &post.house.server));
    assert!(post.house.alarms().await.is_empty());
    // Nothing is configured at all: mail may still have asked for something.
    let domain = name("orchard-sample.com");
    post.house
        .queue(ResellerCommand::StatusDomain { domain })
        .await;
    post.program.set("CENTRALNIC__TEST__API_URL", "");
    post.program.set("CENTRALNIC__TEST__EVENTS", "api");
    post.program.set("SENDER__FROM", "registrar@example.net");
    post.program.set("RRI__TEST__HOST", "localhost");
    post.program.set("RRI__TEST__PORT", "1");
    for credential in ["rri-user", "rri-password"] {
        std::fs::write(post.program.folder.join("secrets").join(credential), "x").unwrap();
    }
    let done = post.program.run(&["run", "--once"]).await;
    let text = said(&done, &post.house.server);
    let alarms = post.house.store.alarms().await.unwrap();
    let texts: Vec<&str> = alarms.iter().map(|alarm| alarm.text.as_str()).collect();
    assert!(
        texts
            .iter()
            .any(|text| text.contains("centralnic.test.api_url")),
        "{texts:?} {text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_with_the_api_does_not_hold_up_the_poll_queue() {
    let post = Post::new().await;
    post.house.fault(Fault::Page, "QueryDomainList", 1);
    let done = post.program.run(&["run", "--once"]).await;
    assert!(
        !done.status.success(),
        "{}",
        said(&done, &post.house.server)
    );
    assert_eq!(post.waiting(), 0);
    assert_eq!(post.house.alarms().await, ["W83"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_and_answers_are_imported_from_files() {
    let post = Post::new().await;
    for (file, kind) in [
        (
            "centralnic-poll/poll-contact-registration-notify.xml",
            "centralnic-poll",
        ),
        (
            "centralnic-api/resp-statusdomain-candidate.txt",
            "centralnic-api",
        ),
    ] {
        let path = format!("{}/fixtures/{file}", env!("CARGO_MANIFEST_DIR"));
        let mut command = post.program.program(
            env!("CARGO_BIN_EXE_stichtag"),
            &["import", "queue", &path, "--env", "test"],
        );
        let done = tokio::task::spawn_blocking(move || command.output().unwrap())
            .await
            .unwrap();
        let text = said(&done, &post.house.server);
        assert!(done.status.success(), "{text}");
        let log = post.house.store.log(&LogFilter::default()).await.unwrap();
        let newest = log.iter().max_by_key(|entry| entry.id).unwrap();
        assert_eq!(newest.source, kind);
        let decision = newest.decision.as_ref().unwrap();
        assert_eq!(decision.environment, Some(TEST), "{text}");
    }
}
