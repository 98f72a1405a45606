//! `kill -9` at the worst moment: the other side has it, and nobody has written that down.

use std::time::Duration;

use super::hook::{Answer, Hook};
use super::house::{DESK, Daemon, House, KEY, rounds, until};
use super::smarthost::Smarthost;

#[tokio::test(flavor = "multi_thread")]
async fn a_post_that_was_cut_is_repeated_once_with_the_same_id() {
    let hook = Hook::start(KEY).await;
    hook.usually(Answer::Late(Duration::from_secs(2)));
    let house = House::with_hook(&hook);
    let daemon = Daemon::start(&house);
    let store = house.open().await;
    let alarms: Vec<_> = (0..20)
        .map(|n| house.alarm(&format!("domain-{n}.de")))
        .collect();
    store.raise(&alarms).await.unwrap();
    // Some are settled, some are under way, some have not been tried.
    let sent = || {
        let alarms = house.json(&["alarm", "list"]);
        let is_sent = |alarm: &&serde_json::Value| alarm["alerts"][0]["state"] == "sent";
        alarms.iter().filter(is_sent).count()
    };
    until("some that are settled", || sent() > 0).await;
    let before = hook.posted().len();
    until("more under way", || {
        hook.posted().len() > before.max(sent())
    })
    .await;
    daemon.kill();
    let settled = sent();
    assert!(settled < 20);
    hook.usually(Answer::Status(200));
    let daemon = Daemon::start(&house);
    until("all of them", || sent() == 20).await;
    rounds().await;
    let posted = hook.posted();
    for alarm in house.json(&["alarm", "list"]) {
        let of = |post: &&super::hook::Posted| post.json["alarm"] == alarm["id"];
        let copies: Vec<_> = posted.iter().filter(of).collect();
        assert!((1..=2).contains(&copies.len()), "{alarm}: {copies:?}");
        assert!(copies.iter().all(|copy| copy.body == copies[0].body));
        assert_eq!(
            alarm["alerts"][0]["attempts"], 1,
            "a cut try counts: {alarm}"
        );
    }
    println!("{settled} of 20 settled, {} POSTs in all", posted.len());
    daemon.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn under_kill_nine_an_alarm_is_one_mail_and_one_post_with_one_copy_per_kill_at_most() {
    let (smarthost, hook) = (Smarthost::start(), Hook::start(KEY).await);
    let house = House::with(&smarthost, &hook);
    let mut kills = 0;
    for round in 0..12 {
        let daemon = Daemon::start(&house);
        if round == 0 {
            let store = house.open().await;
            let alarms: Vec<_> = (0..40)
                .map(|n| house.alarm(&format!("domain-{n}.de")))
                .collect();
            store.raise(&alarms).await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(60 + 47 * round)).await;
        daemon.kill();
        kills += 1;
    }
    let daemon = Daemon::start(&house);
    until("everything", || {
        let alarms = house.json(&["alarm", "list"]);
        alarms.iter().all(|alarm| {
            let alerts = alarm["alerts"].as_array().unwrap();
            alerts.len() == 2 && alerts.iter().all(|alert| alert["state"] == "sent")
        })
    })
    .await;
    daemon.kill();
    let mails = smarthost.mails(DESK);
    let mut ids: Vec<_> = mails.iter().map(|mail| mail.message_id.clone()).collect();
    ids.dedup();
    assert_eq!(ids.len(), 1, "{mails:?}");
    assert!(mails.iter().all(|mail| mail.raw == mails[0].raw));
    let posted = hook.posted();
    for number in 0..40 {
        let copies = hook.about(&format!("domain-{number}.de"));
        assert!(!copies.is_empty(), "domain-{number}.de");
        assert!(copies.iter().all(|copy| copy.body == copies[0].body));
    }
    println!(
        "{kills} kills: {} mails, {} POSTs about 40 alarms",
        mails.len(),
        posted.len()
    );
    assert!(mails.len() + posted.len() <= 41 + 8 * kills);
}
