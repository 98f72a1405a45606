//! Alarms by webhook.

use std::time::Duration;

use stichtag::model::reason;

use super::hook::{Answer, Hook};
use super::house::{DESK, House, KEY, free_port, rounds, until};
use super::smarthost::Smarthost;

#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_is_posted_once_and_its_end_once() {
    let hook = Hook::start(KEY).await;
    let mut house = House::with_hook(&hook);
    house.start().await;
    let mut alarm = house.alarm("xn--dnic-loa.de");
    alarm.text = "it ends at 2026-06-06T13:51:08Z\r\nsoon\u{202e}".to_owned();
    house.raise(&[alarm.clone()]).await;
    until("a POST", || !hook.posted().is_empty()).await;
    // The same cause again, while it stands, and a server that starts anew.
    house.raise(&[alarm.clone()]).await;
    house.stop().await;
    house.start().await;
    rounds().await;
    let posted = hook.posted();
    assert_eq!(posted.len(), 1, "{posted:?}");
    assert_eq!(posted[0].path, "/alarms?of=stichtag");
    let json = &posted[0].json;
    for (field, value) in [
        ("v", 1.into()),
        ("state", "raised".into()),
        ("alarm", "A-1".into()),
        ("code", "W36".into()),
        ("text", "it ends at 2026-06-06T13:51:08Z soon".into()),
        ("do", "stichtag domain show xn--dnic-loa.de".into()),
        ("environment", "live".into()),
        ("domain", "dänic.de".into()),
        ("ace", "xn--dnic-loa.de".into()),
        ("deadline", serde_json::Value::Null),
        ("raised_at", alarm.raised_at.to_string().into()),
        ("cleared_at", serde_json::Value::Null),
    ] {
        assert_eq!(json[field], value, "{field}: {json}");
    }
    house
        .store()
        .clear_alarm(&alarm.key, house.now())
        .await
        .unwrap();
    until("its end", || hook.posted().len() == 2).await;
    // What comes up again is another alarm.
    house.raise(&[alarm]).await;
    until("another one", || hook.posted().len() == 3).await;
    rounds().await;
    let posted = hook.posted();
    let said: Vec<_> = posted
        .iter()
        .map(|post| format!("{} {}", post.json["alarm"], post.json["state"]))
        .collect();
    assert_eq!(
        said,
        [
            "\"A-1\" \"raised\"",
            "\"A-1\" \"cleared\"",
            "\"A-2\" \"raised\""
        ]
    );
    assert!(posted[1].json["cleared_at"].is_string());
    let mut ids: Vec<_> = posted
        .iter()
        .map(|post| post.json["id"].as_str().unwrap())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 3, "each POST has an id of its own");
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_in_trouble_gets_the_same_bytes_again_until_it_takes_them() {
    let hook = Hook::start(KEY).await;
    hook.then(&[500, 503, 408, 429].map(Answer::Status));
    let mut house = House::with_hook(&hook);
    house.start().await;
    house.raise(&[house.alarm("segelschule-bodden.de")]).await;
    for tries in 1..=5 {
        until("a try", || hook.posted().len() == tries).await;
        // The next one is due in less than that.
        house.advance(600);
    }
    rounds().await;
    let posted = hook.posted();
    assert_eq!(posted.len(), 5);
    assert!(posted.iter().all(|post| post.body == posted[0].body));
    // Each try is signed as of its own time, so that a receiver may refuse old ones.
    assert_ne!(posted[0].signature, posted[4].signature);
    let alarms = house.json(&["alarm", "list"]);
    assert_eq!(alarms[0]["alerts"][0]["state"], "sent");
    assert_eq!(alarms[0]["alerts"][0]["attempts"], 5);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_final_and_stays_visible_until_it_is_sent_again() {
    let hook = Hook::start(KEY).await;
    hook.then(&[Answer::Status(410)]);
    let mut house = House::with_hook(&hook);
    house.start().await;
    let alarm = house.alarm("segelschule-bodden.de");
    house.raise(std::slice::from_ref(&alarm)).await;
    until("a try", || house.status()["alerts_failed"] == 1).await;
    house.advance(86_400);
    rounds().await;
    assert_eq!(hook.posted().len(), 1, "never again by itself");
    let status = house.run(&["status", "--fail"]);
    assert_eq!(status.code, 10);
    assert!(
        status.out.contains("UNDELIVERED: webhook failed: 410 Gone"),
        "{}",
        status.out
    );
    let listed = house.run(&["alarm", "list"]);
    assert!(listed.out.contains("webhook failed"), "{}", listed.out);
    assert!(
        house
            .run(&["alarm", "resend"])
            .out
            .contains("1 alert queued")
    );
    until("a try more", || hook.posted().len() == 2).await;
    until("an end of it", || house.status()["alerts_failed"] == 0).await;
    assert_eq!(hook.posted()[0].body, hook.posted()[1].body);
    let audit = house.json(&["audit", "list", "--action", "alarm resend"]);
    assert_eq!(audit.len(), 1);
    // It was heard of, so its end is told.
    house
        .store()
        .clear_alarm(&alarm.key, house.now())
        .await
        .unwrap();
    until("its end", || hook.posted().len() == 3).await;
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_never_heard_of_needs_no_end() {
    let hook = Hook::start(KEY).await;
    hook.then(&[Answer::Status(400)]);
    let mut house = House::with_hook(&hook);
    house.start().await;
    let alarm = house.alarm("segelschule-bodden.de");
    house.raise(std::slice::from_ref(&alarm)).await;
    until("a try", || house.status()["alerts_failed"] == 1).await;
    house
        .store()
        .clear_alarm(&alarm.key, house.now())
        .await
        .unwrap();
    rounds().await;
    assert_eq!(hook.posted().len(), 1);
    assert_eq!(
        house.status()["alerts_failed"],
        0,
        "nothing to mourn any more"
    );
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn alarms_wait_for_a_receiver_that_is_down() {
    let port = free_port();
    let url = format!("http://127.0.0.1:{port}/alarms");
    let mut house = House::new(&[("WATCH__WEBHOOK_URL", &url)]);
    house.start().await;
    house.raise(&[house.alarm("segelschule-bodden.de")]).await;
    let first = || house.json(&["alarm", "list"])[0]["alerts"][0].clone();
    until("a try", || first()["state"] == "delayed").await;
    let reply = first()["last_reply"].as_str().unwrap().to_owned();
    assert!(
        reply.contains("refused") && !reply.contains("/alarms"),
        "{reply}"
    );
    assert_eq!(house.status()["alerts_late"], 1);
    let hook = Hook::at(port, KEY).await;
    house.advance(600);
    until("a POST", || first()["state"] == "sent").await;
    assert_eq!(hook.posted().len(), 1);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_not_followed() {
    let hook = Hook::start(KEY).await;
    hook.usually(Answer::Redirect);
    let mut house = House::with_hook(&hook);
    house.start().await;
    house.raise(&[house.alarm("segelschule-bodden.de")]).await;
    let state = || house.json(&["alarm", "list"])[0]["alerts"][0]["state"].clone();
    until("a try", || state() == "delayed").await;
    let paths: Vec<_> = hook.posted().into_iter().map(|post| post.path).collect();
    assert_eq!(paths, ["/alarms?of=stichtag"]);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_never_answers_holds_up_neither_mail_nor_the_stop() {
    let (smarthost, hook) = (Smarthost::start(), Hook::start(KEY).await);
    hook.usually(Answer::Hang);
    let mut house = House::with(&smarthost, &hook);
    house.start().await;
    house.raise(&[house.alarm("segelschule-bodden.de")]).await;
    until("a POST under way", || hook.posted().len() == 1).await;
    house
        .raise(&[house.alarm_of(reason::COUNT_DIFFERS, None)])
        .await;
    until("the mail", || !smarthost.mails(DESK).is_empty()).await;
    let asked = tokio::time::Instant::now();
    house.stop().await;
    assert!(asked.elapsed() < Duration::from_secs(10));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_alarms_are_a_thousand_posts_each_once() {
    let hook = Hook::start(KEY).await;
    let mut house = House::with_hook(&hook);
    house.start().await;
    let alarms: Vec<_> = (0..1_000)
        .map(|number| house.alarm(&format!("domain-{number}.de")))
        .collect();
    house.raise(&alarms).await;
    until("all of them", || hook.posted().len() >= 1_000).await;
    rounds().await;
    let mut ids: Vec<_> = (hook.posted().iter())
        .map(|post| post.json["id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(ids.len(), 1_000);
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 1_000);
    house.stop().await;
}
