//! What waits for a person, and how loudly.

use std::io::Write;
use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use stichtag::model::{InboundId, Reason, reason};
use stichtag::serve::{Watch, WatchRules};
use stichtag::store::MessageVerdict::{Applied, Held};
use stichtag::store::Store;

use super::desk::{
    CONNECT, Desk, LIVE, TO_LIVE, TO_TEST, at, config, dedelegation, deletion, mail,
};

const HELD_AGE: SignedDuration = SignedDuration::from_hours(4);
const DOMAIN: &str = "segelschule-bodden.de";

/// A message held for its envelope sender, with a deadline at `deadline`.
async fn odd(desk: &Desk, domain: &str, deadline: &str) -> InboundId {
    let raw = mail(
        domain,
        "Sat, 09 May 2026 10:00:00 +0200",
        &["DENIC-1000888-A"],
        &[CONNECT, &deletion(deadline)],
    );
    let id = desk.smtp("bounce@denic.de", TO_LIVE, &raw).await;
    assert_eq!(desk.verdict(id).await, Held);
    id
}

fn watching(held_age: SignedDuration) -> Watch {
    // What else is watched has tests of its own.
    Watch::new(WatchRules {
        held_age,
        routes: Vec::new(),
        unnotified_before: SignedDuration::ZERO,
        ..WatchRules::new(&config(&[]))
    })
}

async fn look(watch: &mut Watch, desk: &Desk, now: Timestamp) -> Vec<(&'static str, InboundId)> {
    watch.look(&desk.store, now).await.unwrap();
    let alarms = desk.store.alarms().await.unwrap();
    let alarms = alarms.iter();
    alarms
        .map(|alarm| (alarm.code.as_str(), alarm.message.unwrap()))
        .collect()
}

#[tokio::test]
async fn a_held_message_with_a_deadline_near_or_past_is_alarmed_as_it_is_decided() {
    for (deadline, is_near) in [
        ("2026-05-12T23:59:59Z", true),
        ("2026-05-13T00:00:00Z", false),
        ("2026-05-10T00:00:01Z", true),
        ("2026-05-09T00:00:00Z", true),
        ("2025-05-09T00:00:00Z", true),
    ] {
        let desk = Desk::stocked().await;
        let id = odd(&desk, DOMAIN, deadline).await;
        let alarms = desk.store.alarms().await.unwrap();
        assert_eq!(!alarms.is_empty(), is_near, "{deadline}");
        for alarm in alarms {
            assert_eq!(alarm.code, reason::HELD_DEADLINE);
            assert_eq!((alarm.message, alarm.environment), (Some(id), Some(LIVE)));
            assert_eq!(alarm.ace.as_deref(), Some(DOMAIN));
            assert!(
                alarm.text.contains(&at(deadline).to_string()),
                "{}",
                alarm.text
            );
        }
    }
}

#[tokio::test]
async fn the_earlier_of_two_deadlines_counts_and_an_applied_message_is_not_alarmed() {
    let desk = Desk::stocked().await;
    let info = [
        CONNECT,
        &dedelegation("2026-05-12T08:30:00+02:00"),
        &deletion("2026-09-02T08:30:00+02:00"),
    ];
    let date = "Sat, 09 May 2026 10:00:00 +0200";
    let raw = mail(DOMAIN, date, &["DENIC-1000888-A"], &info);
    let id = desk.smtp("bounce@denic.de", TO_LIVE, &raw).await;
    assert_eq!(desk.alarms().await, ["W51"]);
    let decision = desk.entry(id).await.decision.unwrap();
    assert_eq!(decision.deadline, Some(at("2026-05-12T06:30:00Z")));
    desk.again(id, true).await;
    assert_eq!(desk.verdict(id).await, Applied);
    assert!(desk.alarms().await.is_empty());
}

#[tokio::test]
async fn a_deadline_that_comes_near_while_its_message_is_held_is_alarmed_then() {
    let desk = Desk::stocked().await;
    let id = odd(&desk, DOMAIN, "2026-05-20T12:00:00Z").await;
    // Held for longer than it should be is another matter.
    let mut watch = watching(SignedDuration::from_hours(365 * 24));
    let look_at = async |watch: &mut Watch, now: &str| look(watch, &desk, at(now)).await;
    assert_eq!(look_at(&mut watch, "2026-05-10T00:00:00Z").await, []);
    assert_eq!(look_at(&mut watch, "2026-05-17T12:00:00Z").await, []);
    let near = [("W51", id)];
    assert_eq!(look_at(&mut watch, "2026-05-17T12:00:01Z").await, near);
    assert_eq!(
        look_at(&mut watch, "2026-05-19T12:00:01Z").await,
        near,
        "once"
    );
    let reason = Reason::new(reason::BY_PERSON, "not from DENIC");
    desk.store
        .refuse(&[id], &reason, &desk.audit())
        .await
        .unwrap();
    assert_eq!(look_at(&mut watch, "2026-05-19T12:00:02Z").await, []);
}

#[tokio::test]
async fn the_oldest_held_message_is_alarmed_when_it_waits_too_long() {
    let mut desk = Desk::stocked().await;
    let far = "2026-09-02T08:30:00Z";
    let first = odd(&desk, DOMAIN, far).await;
    desk.now += SignedDuration::from_hours(1);
    let second = odd(&desk, "dachrinne-saale.de", far).await;
    let mut watch = watching(HELD_AGE);
    let received = at("2026-05-10T00:00:00Z");
    let after = |seconds: i64| received + SignedDuration::from_secs(seconds);
    assert_eq!(look(&mut watch, &desk, after(4 * 3600)).await, []);
    let overdue = after(4 * 3600 + 1);
    assert_eq!(look(&mut watch, &desk, overdue).await, [("W50", first)]);
    // Both are too old, one alarm is enough; the next one follows when the first is done.
    let later = after(6 * 3600);
    assert_eq!(look(&mut watch, &desk, later).await, [("W50", first)]);
    desk.again(first, true).await;
    assert_eq!(desk.verdict(first).await, Applied);
    assert!(desk.alarms().await.is_empty());
    assert_eq!(look(&mut watch, &desk, later).await, [("W50", second)]);
    desk.again(second, true).await;
    assert_eq!(look(&mut watch, &desk, later).await, []);
    // A server that starts anew raises nothing twice.
    let third = odd(&desk, DOMAIN, far).await;
    let late = desk.now + SignedDuration::from_hours(5);
    for _ in 0..2 {
        let mut watch = watching(HELD_AGE);
        assert_eq!(look(&mut watch, &desk, late).await, [("W50", third)]);
    }
}

#[tokio::test]
async fn a_message_that_is_not_held_any_more_gets_no_late_alarm() {
    let desk = Desk::stocked().await;
    let id = odd(&desk, DOMAIN, "2026-05-11T12:00:00Z").await;
    let alarm = desk.store.alarms().await.unwrap().remove(0);
    desk.again(id, true).await;
    // Somebody looked before, and raises it after the release.
    desk.store.raise_held(&[alarm]).await.unwrap();
    assert!(desk.store.alarms().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_deadline_is_alarmed_also_where_the_message_cannot_be_read() {
    let desk = Desk::with(&[("STICHTAG_ROUTE__DENIC_TEST__PARSER", "centralnic")]).await;
    for (text, is_alarmed) in [
        ("Your domain is subject to dedelegation.", true),
        ("Good morning.", false),
    ] {
        let raw =
            format!("From: registry-response@test.denic.de\r\nSubject: TEST x\r\n\r\n{text}\r\n");
        let before = desk.alarms().await.len();
        let id = desk
            .smtp("registry-response@test.denic.de", TO_TEST, raw.as_bytes())
            .await;
        assert!(
            desk.codes(id).await.contains(&"R10"),
            "{:?}",
            desk.codes(id).await
        );
        assert_eq!(desk.alarms().await.len() > before, is_alarmed, "{text}");
    }
}

/// What was said in the log.
#[derive(Clone, Default)]
struct Said(Arc<Mutex<Vec<u8>>>);

impl Write for Said {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_log_says_an_alarm_once_and_then_every_hour() {
    let desk = Desk::stocked().await;
    let id = odd(&desk, DOMAIN, "2026-05-11T12:00:00Z").await;
    let said = Said::default();
    let writer = said.clone();
    let log = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_writer(move || writer.clone())
        .finish();
    let _log = tracing::subscriber::set_default(log);
    let lines = || {
        let text = String::from_utf8(said.0.lock().unwrap().clone()).unwrap();
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let mut watch = watching(HELD_AGE);
    for (minutes, expected) in [
        (0, 1),
        (1, 1),
        (59, 1),
        (60, 2),
        (61, 2),
        (119, 2),
        (120, 3),
    ] {
        let now = desk.now + SignedDuration::from_mins(minutes);
        look(&mut watch, &desk, now).await;
        assert_eq!(lines().len(), expected, "after {minutes} minutes");
    }
    let line: serde_json::Value = serde_json::from_str(&lines()[0]).unwrap();
    assert_eq!(line["level"], "ERROR");
    assert_eq!(line["msg"], id.to_string());
    assert_eq!(line["reason"], "W51");
    assert_eq!(line["domain"], DOMAIN);
    // Nothing more once it is released, though an hour has passed.
    desk.again(id, true).await;
    let before = lines().len();
    look(&mut watch, &desk, desk.now + SignedDuration::from_hours(3)).await;
    let more = lines().split_off(before);
    assert!(more.is_empty(), "{more:?}");
}
