//! `stichtag alarm`, and what the configuration says.

use stichtag::model::reason;

use super::hook::{Answer, Hook};
use super::house::{DESK, House, KEY, free_port, until};
use super::smarthost::{Smarthost, refuses_all};

#[tokio::test(flavor = "multi_thread")]
async fn a_test_goes_through_the_running_server_to_every_channel() {
    let (smarthost, hook) = (Smarthost::start(), Hook::start(KEY).await);
    let mut house = House::with(&smarthost, &hook);
    house.start().await;
    // The key belongs to the server alone.
    let done = house.run(&["alarm", "test"]);
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    let lines: Vec<_> = done.out.lines().collect();
    assert_eq!(
        lines,
        [
            "mail:desk@example.org: sent, 250 2.0.0 queued",
            "webhook: sent, 200 OK"
        ]
    );
    let mail = &smarthost.mails(DESK)[0];
    assert_eq!(
        mail.subject,
        "Stichtag: test alert from stichtag.example.net"
    );
    assert!(mail.text.contains("nothing is wrong"), "{}", mail.text);
    let json = &hook.posted()[0].json;
    assert_eq!(
        (&json["state"], &json["code"]),
        (&"test".into(), &"W65".into()),
        "{json}"
    );
    // It is no alarm, and keeps none back.
    assert_eq!(house.status()["alarms"], serde_json::json!([]));
    house.raise(&[house.alarm("segelschule-bodden.de")]).await;
    until("the mail", || smarthost.mails(DESK).len() == 2).await;
    until("the POST", || hook.posted().len() == 2).await;
    smarthost.set(refuses_all);
    hook.then(&[Answer::Status(503)]);
    let done = house.run(&["alarm", "test", "--json"]);
    assert_eq!(done.code, 10, "{}{}", done.out, done.err);
    let outcomes = done.json();
    assert_eq!(outcomes[0]["state"], "failed");
    assert!(
        outcomes[0]["last_reply"]
            .as_str()
            .unwrap()
            .contains("no such mailbox")
    );
    assert_eq!(outcomes[1]["last_reply"], "503 Service Unavailable");
    // A test that failed is not a debt.
    assert_eq!(house.status()["alerts_failed"], 0);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_server_the_test_is_sent_by_the_command_itself() {
    let (smarthost, hook) = (Smarthost::start(), Hook::start(KEY).await);
    let house = House::with(&smarthost, &hook);
    let done = house.trusted(&["alarm", "test"]).output().unwrap();
    assert_eq!(
        done.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    assert_eq!((smarthost.mails(DESK).len(), hook.posted().len()), (1, 1));
    let done = house.run(&["alarm", "test"]);
    assert_eq!(done.code, 3, "{}", done.err);
    assert!(done.err.contains("webhook-key"), "{}", done.err);
    let none = House::new(&[]).run(&["alarm", "test"]);
    assert_eq!(none.code, 4);
    assert!(none.err.contains("watch.alert_mail"), "{}", none.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_shows_what_stands_and_whom_it_reached() {
    let smarthost = Smarthost::start();
    let mut house = House::with_mail(&smarthost);
    let url = format!("http://127.0.0.1:{}/", free_port());
    house.set("WATCH__WEBHOOK_URL", &url);
    assert_eq!(house.run(&["alarm", "list"]).out, "No alarm stands.\n");
    house.start().await;
    let mut hostile = house.alarm_of(reason::COUNT_DIFFERS, None);
    hostile.text = "a\u{1b}[2Jb\u{202e}c".to_owned();
    house
        .raise(&[house.alarm("xn--dnic-loa.de"), hostile])
        .await;
    until("both ways tried", || {
        let alarms = house.json(&["alarm", "list"]);
        let states = alarms[0]["alerts"].as_array().unwrap().iter();
        let states: Vec<_> = states.map(|alert| alert["state"].clone()).collect();
        states == ["sent", "delayed"]
    })
    .await;
    let alarms = house.json(&["alarm", "list"]);
    assert_eq!(alarms[0]["id"], "A-1");
    assert_eq!(alarms[0]["domain"], "dänic.de");
    assert_eq!(alarms[0]["v"], 1);
    assert_eq!(alarms[0]["alerts"][0]["channel"], "mail:desk@example.org");
    assert_eq!(alarms[1]["do"], "stichtag explain W22");
    let text = house.run(&["alarm", "list"]).out;
    assert!(text.contains("mail sent, webhook delayed"), "{text}");
    assert!(
        !text.contains('\u{1b}') && !text.contains('\u{202e}'),
        "{text:?}"
    );
    house.stop().await;
}

#[test]
fn every_cause_is_explained() {
    let house = House::new(&[]);
    for code in ["W60", "W61", "W62", "W63", "W64", "W65"] {
        let done = house.run(&["explain", code]);
        assert_eq!(done.code, 0, "{code}");
        assert!(done.out.lines().count() >= 2, "{}", done.out);
    }
}

#[test]
fn the_configuration_knows_the_keys_and_says_what_is_wrong_with_them() {
    let mut house = House::new(&[("WATCH__WEBHOOK_URL", "https://desk.example.net/alarms")]);
    house.set("WATCH__ALERT_MAIL", "desk@example.org, night@example.net");
    let check = |house: &House| {
        super::house::Done::from(house.trusted(&["config", "check"]).output().unwrap())
    };
    let done = check(&house);
    assert_eq!((done.code, done.err.as_str()), (0, ""), "{}", done.out);
    for (key, value, parts) in [
        (
            "WATCH__ALERT_MAIL",
            "desk",
            vec!["watch.alert_mail", "desk", "no @"],
        ),
        (
            "WATCH__ALERT_MAIL",
            "a@example.org b@example.org",
            vec!["watch.alert_mail"],
        ),
        (
            "WATCH__ALERT_MAIL",
            "Desk <desk@example.org>",
            vec!["watch.alert_mail"],
        ),
        (
            "WATCH__WEBHOOK_URL",
            "http://desk.example.net/",
            vec!["watch.webhook_url", "https://"],
        ),
        (
            "WATCH__WEBHOOK_URL",
            "desk.example.net",
            vec!["watch.webhook_url", "URL"],
        ),
        (
            "WATCH__REGISTRY_SILENCE",
            "soon",
            vec!["watch.registry_silence", "a duration"],
        ),
        (
            "NOTICES__FROM",
            "",
            vec!["watch.alert_mail", "notices.from"],
        ),
    ] {
        let mut house = House::new(&[("WATCH__ALERT_MAIL", DESK)]);
        house.set(key, value);
        let done = check(&house);
        assert_eq!(done.code, 3, "{key} = {value}: {}", done.out);
        for part in parts {
            assert!(done.err.contains(part), "{part} in {}", done.err);
        }
    }
    // A key that is missing, or too short.
    let done = house.run(&["config", "check"]);
    assert_eq!(done.code, 3);
    for part in [
        "watch.webhook_url",
        "webhook-key",
        "LoadCredential",
        "CREDENTIALS_DIRECTORY",
    ] {
        assert!(done.err.contains(part), "{part} in {}", done.err);
    }
    std::fs::write(house.path("credentials/webhook-key"), "too-short-123\n").unwrap();
    let done = check(&house);
    assert_eq!(done.code, 3);
    assert!(
        done.err.contains("16 bytes") && !done.err.contains("too-short"),
        "{}",
        done.err
    );
    std::fs::remove_file(house.path("credentials/webhook-key")).unwrap();
    let done = super::house::Done::from(house.trusted(&["serve"]).output().unwrap());
    assert_eq!(done.code, 3, "{}", done.err);
    assert!(done.err.contains("webhook-key"), "{}", done.err);
    // Whoever only looks at the log needs no key.
    assert_eq!(house.run(&["log", "list"]).code, 0);
}
