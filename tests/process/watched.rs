//! What the watch alarms, and when that ends.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use stichtag::model::{CaseId, NoticeId};
use stichtag::send::PAUSED;
use stichtag::serve::{Watch, WatchRules};
use stichtag::store::{Alerting, AuditEntry, CaseNote, Delivery, SqliteStore, Store};

use super::desk::{
    CONNECT, Desk, LIVE, TEST, TO_LIVE, TO_TEST, at, config, dedelegation, deletion, mail,
};

const DOMAIN: &str = "segelschule-bodden.de";
const NEAR: &str = "2026-05-12T12:00:00Z";
const FAR: &str = "2026-09-02T08:30:00Z";

/// The live registry asks for proof, by this deadline.
fn verify(domain: &str, deadline: &str) -> Vec<u8> {
    let info = [CONNECT, &dedelegation(deadline), &deletion(FAR)];
    let date = "Sat, 09 May 2026 10:00:00 +0200";
    mail(domain, date, &["DENIC-1000888-A"], &info)
}

fn watching(variables: &[(&str, &str)]) -> Watch {
    Watch::new(WatchRules::new(&config(variables)))
}

/// The alarms that the watch knows, after one look: code and key.
async fn look(watch: &mut Watch, store: &SqliteStore, now: Timestamp) -> Vec<String> {
    watch.look(store, now).await.unwrap();
    let alarms = store.alarms().await.unwrap();
    let ours = alarms
        .iter()
        .filter(|alarm| ("W60".."W65").contains(&alarm.code.as_str()));
    ours.map(|alarm| format!("{} {}", alarm.code, alarm.key))
        .collect()
}

fn untold(domain: &str) -> String {
    format!("W60 domain:live:{domain}:W60")
}

fn dead(domain: &str) -> String {
    format!("W62 domain:live:{domain}:W62")
}

/// The oldest notice that waits is answered.
async fn answer(desk: &Desk, delivery: &Delivery) -> NoticeId {
    let soon = desk.now + SignedDuration::from_hours(1);
    let claimed = desk.store.claim_notices(soon, 1, Duration::from_secs(60));
    let notice = claimed.await.unwrap().remove(0);
    let settled = desk.store.settle_notice(notice.id, delivery, None);
    settled.await.unwrap();
    notice.id
}

fn sent(desk: &Desk) -> Delivery {
    Delivery::Sent {
        at: desk.now,
        reply: "250 ok".to_owned(),
    }
}

fn refused() -> Delivery {
    Delivery::Failed {
        reply: "550 no such mailbox".to_owned(),
    }
}

#[tokio::test]
async fn a_customer_who_is_not_told_before_a_near_deadline_is_alarmed_until_the_mail_has_left() {
    let desk = Desk::stocked().await;
    desk.live(&verify(DOMAIN, NEAR)).await;
    let mut watch = watching(&[]);
    let mut now = desk.now;
    assert_eq!(look(&mut watch, &desk.store, now).await, [untold(DOMAIN)]);
    let first = desk.store.standing_alarms(None).await.unwrap();
    let retry = Delivery::Retry {
        at: desk.now,
        reply: "451 later".to_owned(),
    };
    answer(&desk, &retry).await;
    now += SignedDuration::from_mins(5);
    assert_eq!(look(&mut watch, &desk.store, now).await, [untold(DOMAIN)]);
    let again = desk.store.standing_alarms(None).await.unwrap();
    let ids = |alarms: &[stichtag::store::AlarmEntry]| -> Vec<_> {
        alarms.iter().map(|entry| entry.alarm.id).collect()
    };
    assert_eq!(ids(&first), ids(&again), "once");
    answer(&desk, &sent(&desk)).await;
    assert_eq!(look(&mut watch, &desk.store, now).await, [""; 0]);
}

#[tokio::test]
async fn a_deadline_that_is_far_alarms_when_it_comes_near_and_no_more_when_it_moves_away() {
    let desk = Desk::with(&[("STICHTAG_NOTICES__MODE", "observe")])
        .await
        .stock()
        .await;
    desk.live(&verify(DOMAIN, "2026-05-20T12:00:00Z")).await;
    let mut watch = watching(&[("STICHTAG_NOTICES__MODE", "observe")]);
    for (now, is_alarmed) in [
        ("2026-05-17T12:00:00Z", false),
        ("2026-05-17T12:00:01Z", true),
        ("2026-05-21T00:00:00Z", true),
    ] {
        let alarms = look(&mut watch, &desk.store, at(now)).await;
        assert_eq!(alarms.contains(&untold(DOMAIN)), is_alarmed, "{now}");
    }
    let alarms = desk.store.alarms().await.unwrap();
    let alarm = alarms
        .iter()
        .find(|alarm| alarm.code.as_str() == "W60")
        .unwrap();
    assert!(
        alarm.text.contains("notices are only observed"),
        "{}",
        alarm.text
    );
    let later = "Sun, 10 May 2026 10:00:00 +0200";
    let info = [CONNECT, &deletion(FAR)];
    desk.live(&mail(DOMAIN, later, &["DENIC-1000888-A"], &info))
        .await;
    let alarms = look(&mut watch, &desk.store, at("2026-05-21T00:00:00Z")).await;
    assert!(!alarms.contains(&untold(DOMAIN)), "{alarms:?}");
}

#[tokio::test]
async fn a_case_that_ends_takes_its_alarm_with_it_at_once() {
    let desk = Desk::stocked().await;
    desk.live(&verify(DOMAIN, NEAR)).await;
    let mut watch = watching(&[]);
    assert_eq!(
        look(&mut watch, &desk.store, desk.now).await,
        [untold(DOMAIN)]
    );
    let note = CaseNote {
        at: desk.now,
        actor: "0 test".to_owned(),
        text: "proof is there".to_owned(),
    };
    let closed = desk.store.note_case(CaseId(1), &note, true).await;
    assert!(closed.unwrap());
    assert!(desk.alarms().await.is_empty());
    assert_eq!(look(&mut watch, &desk.store, desk.now).await, [""; 0]);
}

#[tokio::test]
async fn a_call_that_was_written_down_tells_the_customer_too() {
    let desk = Desk::with(&[("STICHTAG_NOTICES__MODE", "observe")])
        .await
        .stock()
        .await;
    desk.live(&verify(DOMAIN, NEAR)).await;
    let mut watch = watching(&[]);
    assert_eq!(
        look(&mut watch, &desk.store, desk.now).await,
        [untold(DOMAIN)]
    );
    let note = CaseNote {
        at: desk.now,
        actor: "0 test".to_owned(),
        text: "she knows".to_owned(),
    };
    desk.store.call_done(CaseId(1), &note).await.unwrap();
    assert_eq!(look(&mut watch, &desk.store, desk.now).await, [""; 0]);
}

#[tokio::test]
async fn a_test_domain_is_nobodys_loss() {
    let desk = Desk::stocked().await;
    let raw = String::from_utf8(verify(DOMAIN, NEAR)).unwrap();
    let raw = raw
        .replace("@denic.de", "@test.denic.de")
        .replace("Subject: ", "Subject: TEST ")
        .replace(TO_LIVE, TO_TEST);
    let from = "registry-response@test.denic.de";
    desk.smtp(from, TO_TEST, raw.as_bytes()).await;
    assert_eq!(desk.cases().await[0].key.environment, TEST);
    let mut watch = watching(&[]);
    assert_eq!(look(&mut watch, &desk.store, desk.now).await, [""; 0]);
}

#[tokio::test]
async fn a_case_is_alarmed_when_mail_to_all_addresses_of_its_customer_fails() {
    let desk = Desk::stocked().await;
    desk.customer("K-2", "eins@example.net", Some("zwei@example.net"))
        .await;
    desk.domain(LIVE, "dachrinne-saale.de", Some("K-2"), "")
        .await;
    desk.live(&verify(DOMAIN, "2026-06-20T12:00:00Z")).await;
    desk.live(&verify("dachrinne-saale.de", "2026-06-20T12:00:00Z"))
        .await;
    let mut watch = watching(&[]);
    assert_eq!(look(&mut watch, &desk.store, desk.now).await, [""; 0]);
    let one = answer(&desk, &refused()).await;
    answer(&desk, &refused()).await;
    // K-2 has another address that may work.
    assert_eq!(
        look(&mut watch, &desk.store, desk.now).await,
        [dead(DOMAIN)]
    );
    desk.store
        .requeue_notice(one, desk.now, &desk.audit())
        .await
        .unwrap();
    assert_eq!(look(&mut watch, &desk.store, desk.now).await, [""; 0]);
    answer(&desk, &refused()).await;
    assert_eq!(
        look(&mut watch, &desk.store, desk.now).await,
        [dead(DOMAIN)]
    );
    // An address that was not tried yet.
    desk.customer("K-1", "neu@example.net", None).await;
    assert_eq!(look(&mut watch, &desk.store, desk.now).await, [""; 0]);
}

#[tokio::test]
async fn one_notice_in_ten_that_is_refused_is_alarmed_for_as_long_as_it_counts() {
    let desk = Desk::empty().await;
    for number in 0..20 {
        let (customer, domain) = (format!("K-{number}"), format!("domain-{number}.de"));
        let email = format!("kunde{number}@example.net");
        desk.customer(&customer, &email, None).await;
        desk.domain(LIVE, &domain, Some(&customer), "").await;
        desk.live(&verify(&domain, "2026-08-20T12:00:00Z")).await;
    }
    for _ in 0..2 {
        answer(&desk, &refused()).await;
    }
    for _ in 0..17 {
        answer(&desk, &sent(&desk)).await;
    }
    let mut watch = watching(&[]);
    let is_alarmed = async |watch: &mut Watch, now| {
        let alarms = look(watch, &desk.store, now).await;
        alarms.contains(&"W61 bounces".to_owned())
    };
    assert!(!is_alarmed(&mut watch, desk.now).await, "19 say nothing");
    answer(&desk, &sent(&desk)).await;
    assert!(is_alarmed(&mut watch, desk.now).await);
    let text = desk.store.alarms().await.unwrap();
    assert!(
        text.iter()
            .any(|alarm| alarm.text.starts_with("2 of 20 notices"))
    );
    let after = desk.now + SignedDuration::from_hours(30 * 24 + 1);
    assert!(!is_alarmed(&mut watch, after).await);
}

#[tokio::test]
async fn a_live_route_that_falls_silent_is_alarmed_until_the_registry_writes_again() {
    let mut desk = Desk::stocked().await;
    let silent = ["W63 route:denic-live".to_owned()];
    let day = SignedDuration::from_hours(24);
    let begin = desk.now;
    let mut watch = watching(&[]);
    assert_eq!(look(&mut watch, &desk.store, begin).await, [""; 0]);
    // It counts from the first look where nothing was heard, across restarts.
    let mut watch = watching(&[]);
    assert_eq!(
        look(&mut watch, &desk.store, begin + day * 7).await,
        [""; 0]
    );
    let late = begin + day * 7 + SignedDuration::from_secs(1);
    assert_eq!(look(&mut watch, &desk.store, late).await, silent);
    // A forgery is no word from the registry; neither is test mail.
    desk.now = late;
    desk.smtp("x@example.net", TO_LIVE, &verify(DOMAIN, FAR))
        .await;
    let raw = "From: registry-response@test.denic.de\r\nSubject: TEST x\r\n\r\nx\r\n";
    desk.smtp("registry-response@test.denic.de", TO_TEST, raw.as_bytes())
        .await;
    assert_eq!(look(&mut watch, &desk.store, late).await, silent);
    // What is held because the domain is not ours was written by the registry all the same.
    desk.live(&verify("fremd.de", FAR)).await;
    assert_eq!(look(&mut watch, &desk.store, late).await, [""; 0]);
    // The next silence begins there, also for a server that starts anew.
    for extra in [0, 1] {
        let mut watch = watching(&[]);
        let now = late + day * 7 + SignedDuration::from_secs(extra);
        let alarms = look(&mut watch, &desk.store, now).await;
        assert_eq!(alarms.contains(&silent[0]), extra == 1, "{extra}");
    }
    // Off is off.
    let mut off = watching(&[("STICHTAG_WATCH__REGISTRY_SILENCE", "")]);
    let alarms = look(&mut off, &desk.store, late + day * 30).await;
    assert!(!alarms.contains(&silent[0]), "{alarms:?}");
}

#[tokio::test]
async fn a_route_that_was_off_for_a_while_begins_anew() {
    let desk = Desk::stocked().await;
    let day = SignedDuration::from_hours(24);
    look(&mut watching(&[]), &desk.store, desk.now).await;
    let off = [("STICHTAG_ROUTE__DENIC_LIVE__RECIPIENTS", "[]")];
    let month = desk.now + day * 30;
    assert_eq!(look(&mut watching(&off), &desk.store, month).await, [""; 0]);
    assert_eq!(look(&mut watching(&[]), &desk.store, month).await, [""; 0]);
}

#[tokio::test]
async fn sending_that_is_paused_for_long_is_alarmed_until_it_goes_on() {
    let desk = Desk::stocked().await;
    let switch = async |action: &str, value: Option<&str>, at| {
        let audit = AuditEntry {
            at,
            actor: "0 root".to_owned(),
            action: format!("notice {action}"),
            object: PAUSED.to_owned(),
            detail: String::new(),
        };
        desk.store.set_switch(PAUSED, value, &audit).await.unwrap();
    };
    let paused = ["W64 sending:paused".to_owned()];
    let after = |minutes| desk.now + SignedDuration::from_mins(minutes);
    let mut watch = watching(&[]);
    switch("pause", Some("by 0 root: the smarthost moves"), desk.now).await;
    assert_eq!(look(&mut watch, &desk.store, after(30)).await, [""; 0]);
    assert_eq!(look(&mut watch, &desk.store, after(31)).await, paused);
    let text = &desk.store.alarms().await.unwrap()[0].text;
    assert!(text.contains("the smarthost moves"), "{text}");
    switch("resume", None, after(40)).await;
    assert_eq!(look(&mut watch, &desk.store, after(41)).await, [""; 0]);
    // Another pause has its own half hour, and a word more does not begin it anew.
    switch("pause", Some("by 0 root: again"), after(50)).await;
    switch("pause", Some("by 0 root: still"), after(70)).await;
    assert_eq!(look(&mut watch, &desk.store, after(80)).await, [""; 0]);
    assert_eq!(look(&mut watch, &desk.store, after(81)).await, paused);
}
