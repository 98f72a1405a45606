//! Stichtag is down, its database is locked, its disk is full: Postfix keeps the mail and tries again.

use serde_json::Value;
use sqlx::Connection;

use crate::house::{House, LIVE, LIVE_SENDER, until};
use crate::mails::verification;

const DOMAINS: [&str; 6] = [
    "eins.de", "zwei.de", "drei.de", "vier.de", "fuenf.de", "sechs.de",
];

/// Sends a verification for each of the domains.
fn registry_writes_about(house: &House, domains: &[&str]) {
    let mut talk = house.registry();
    for (number, domain) in domains.iter().enumerate() {
        talk.queued(LIVE_SENDER, LIVE, &verification(domain, number));
    }
}

/// Every domain got its dates from one message, and there is no other message.
fn assert_applied_once(house: &House, domains: &[&str]) {
    let messages = house.stichtag.decided(domains.len());
    for domain in domains {
        let about: Vec<_> = messages
            .iter()
            .filter(|message| message["ace"] == *domain)
            .collect();
        assert_eq!(about.len(), 1, "{domain}: {about:?}");
        assert_eq!(about[0]["verdict"], "applied");
        let record = house.stichtag.domain(domain, "live");
        assert!(record["dedelegation_at"].is_string(), "{record}");
    }
}

#[test]
fn mail_waits_in_the_queue_while_stichtag_is_stopped() {
    let mut house = House::open();
    house.stichtag.knows("kaja", &DOMAINS[..2]);
    house.stichtag.stop();
    registry_writes_about(&house, &DOMAINS[..2]);
    until("both mails are deferred", 30, || {
        let queue = house.postfix.queue();
        let is_waiting = queue.iter().all(|mail| {
            let why = mail["recipients"][0]["delay_reason"].as_str();
            why.is_some_and(|why| why.contains("Connection refused"))
        });
        (queue.len() == 2 && is_waiting).then_some(())
    });
    assert!(house.stichtag.messages().is_empty());

    house.stichtag.start();
    house.postfix.flush();
    assert_applied_once(&house, &DOMAINS[..2]);
    house.postfix.drained(30);
    house.postfix.assert_nothing_bounced();
}

#[test]
fn a_locked_database_gets_451_and_the_next_mail_on_the_connection_is_kept() {
    // Postfix keeps connections for the next mail when there are many; here it always does.
    let mut house = House::with("smtp_connection_cache_destinations = static:all\n");
    // Each kept mail with its connection.
    house
        .stichtag
        .set("STICHTAG_LOG__LEVEL", "info,stichtag::receive=debug");
    house.stichtag.start();
    house.stichtag.knows("kaja", &DOMAINS);
    let lock = Lock::hold(&house);
    registry_writes_about(&house, &DOMAINS);
    until("a mail got 451", 40, || {
        let said = house
            .postfix
            .lines(&["status=deferred", "said: 451 4.3.0 not stored, try again"]);
        (!said.is_empty()).then_some(())
    });
    assert_eq!(house.postfix.queue().len(), DOMAINS.len());
    lock.release();

    house.postfix.drained(40);
    assert_applied_once(&house, &DOMAINS);
    let log = house.stichtag.log();
    let (refused_at, refused) = said(&log, "message not kept")[0].clone();
    assert!(refused.is_number(), "{log}");
    let mut kept = said(&log, "kept as").into_iter();
    assert!(
        kept.any(|(at, session)| at > refused_at && session == refused),
        "nothing was kept on the connection that got 451: {log}"
    );
    house.postfix.assert_nothing_bounced();
}

/// Where Stichtag's log says something that begins so, with the number of the connection.
fn said(log: &str, start: &str) -> Vec<(usize, Value)> {
    let entries = log
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let is_said = |entry: &Value| {
        entry["message"]
            .as_str()
            .is_some_and(|said| said.starts_with(start))
    };
    let found = entries.enumerate().filter(|(_, entry)| is_said(entry));
    found
        .map(|(line, entry)| (line, entry["session"].clone()))
        .collect()
}

#[test]
fn a_full_disk_gets_452_until_there_is_room_again() {
    let mut house = House::new();
    house
        .stichtag
        .set("STICHTAG_STORE__MIN_FREE", "1000000000GiB");
    house.stichtag.start();
    house.stichtag.knows("kaja", &DOMAINS);
    registry_writes_about(&house, &DOMAINS);
    until("every mail got 452", 40, || {
        let said = house
            .postfix
            .lines(&["status=deferred", "said: 452 4.3.1 no room, try again"]);
        (said.len() >= DOMAINS.len()).then_some(())
    });
    assert!(house.stichtag.messages().is_empty());
    assert_eq!(house.postfix.queue().len(), DOMAINS.len());

    house.stichtag.stop();
    house.stichtag.set("STICHTAG_STORE__MIN_FREE", "");
    house.stichtag.start();
    house.postfix.drained(40);
    assert_applied_once(&house, &DOMAINS);
    house.postfix.assert_nothing_bounced();
}

/// Another program that writes to the database and does not end.
struct Lock {
    runtime: tokio::runtime::Runtime,
    connection: sqlx::SqliteConnection,
}

impl Lock {
    fn hold(house: &House) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let url = format!("sqlite://{}", house.stichtag.database().display());
        let connection = runtime.block_on(async {
            let mut connection = sqlx::SqliteConnection::connect(&url).await?;
            sqlx::query("BEGIN EXCLUSIVE")
                .execute(&mut connection)
                .await?;
            Ok::<_, sqlx::Error>(connection)
        });
        Lock {
            connection: connection.unwrap(),
            runtime,
        }
    }

    fn release(mut self) {
        let rollback = sqlx::query("ROLLBACK").execute(&mut self.connection);
        self.runtime.block_on(rollback).unwrap();
    }
}
