//! Alarms by mail to the desk.

use jiff::SignedDuration;
use stichtag::model::{Environment, reason};

use super::house::{DESK, Daemon, House, free_port, rounds, until, verify};
use super::smarthost::{Smarthost, is_busy, refuses_all};

/// The lines of a mail that speak of alarms.
fn lines(text: &str) -> Vec<&str> {
    let is_one = |line: &&str| line.starts_with('W') && line.as_bytes()[1].is_ascii_digit();
    text.lines().filter(is_one).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_is_one_mail_with_the_most_pressing_first_and_the_next_comes_a_minute_later() {
    let smarthost = Smarthost::start();
    let mut house = House::with_mail(&smarthost);
    // One of them is a domain with a deadline.
    house.import(&[("dänic.de", "kunde@example.net")]);
    house.start().await;
    let at = |days: i64| house.now() + SignedDuration::from_hours(days * 24);
    let (first, last) = (at(5).to_string(), at(60).to_string());
    let raw = verify("dänic.de", house.now(), &first, &last);
    let raw = String::from_utf8(raw)
        .unwrap()
        .replace("[dänic.de]", "[xn--dnic-loa.de]");
    house
        .submit("registry-response@denic.de", raw.as_bytes())
        .await;
    until("the message", || house.status()["pending"] == 0).await;
    let mut alarms: Vec<_> = (0..1_000)
        .map(|number| house.alarm(&format!("domain-{number}.de")))
        .collect();
    alarms[500] = house.alarm("xn--dnic-loa.de");
    house.raise(&alarms).await;
    until("the mail", || !smarthost.mails(DESK).is_empty()).await;
    house
        .raise(&[house.alarm_of(reason::COUNT_DIFFERS, None)])
        .await;
    rounds().await;
    let mails = smarthost.mails(DESK);
    assert_eq!(mails.len(), 1);
    let mail = &mails[0];
    let subject = &mail.subject;
    let expected = "Stichtag: 1000 alarms: W36 dänic.de, deadline ";
    assert!(subject.starts_with(expected), "{subject}");
    let said = lines(&mail.text);
    assert_eq!(said.len(), 1_000);
    assert!(
        said[0].starts_with("W36 dänic.de (xn--dnic-loa.de), deadline "),
        "{}",
        said[0]
    );
    assert!(said[0].contains(": something about xn--dnic-loa.de -> stichtag case show V-1"));
    for domain in ["domain-0.de", "domain-999.de"] {
        let todo = format!("-> stichtag domain show {domain}");
        assert!(said.iter().any(|line| line.ends_with(&todo)), "{domain}");
    }
    let header = String::from_utf8(mail.raw.clone()).unwrap();
    let header = header.split("\r\n\r\n").next().unwrap();
    for field in [
        "From: \"Muster Hosting\" <domains@example.net>",
        "To: desk@example.org",
        "Auto-Submitted: auto-generated",
        "X-Loop: domains@example.net",
        "X-Stichtag-Alert: alert.",
        "Content-Type: text/plain; charset=utf-8",
    ] {
        assert!(
            header.lines().any(|line| line.starts_with(field)),
            "{field} in {header}"
        );
    }
    assert!(mail.raw.is_ascii() && mail.raw.split(|b| *b == b'\n').all(|line| line.len() < 999));
    assert_eq!(mail.mail_from, "domains@example.net");
    assert!(
        mail.message_id.ends_with("@example.net"),
        "{}",
        mail.message_id
    );
    house.advance(61);
    until("the next mail", || smarthost.mails(DESK).len() == 2).await;
    let next = &smarthost.mails(DESK)[1];
    assert!(
        next.subject.starts_with("Stichtag: 1 alarm: W22 "),
        "{}",
        next.subject
    );
    assert_eq!(lines(&next.text).len(), 1);
    assert_ne!(next.message_id, mail.message_id);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_desk_hears_though_nothing_goes_to_customers() {
    for mode in ["observe", "off", "on"] {
        let smarthost = Smarthost::start();
        let mut house = House::with_mail(&smarthost);
        house.set("NOTICES__MODE", mode);
        assert_eq!(house.run(&["notice", "pause", "--note", "holiday"]).code, 0);
        house.start().await;
        house.raise(&[house.alarm("segelschule-bodden.de")]).await;
        until(mode, || smarthost.mails(DESK).len() == 1).await;
        house.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_address_of_the_desk_gets_its_own_mail_and_a_new_one_what_stands() {
    let smarthost = Smarthost::start();
    let mut house = House::with_mail(&smarthost);
    house.set("WATCH__ALERT_MAIL", "desk@example.org, chef@dänic.de");
    house.start().await;
    house.raise(&[house.alarm("segelschule-bodden.de")]).await;
    for address in [DESK, "chef@xn--dnic-loa.de"] {
        until(address, || smarthost.mails(address).len() == 1).await;
    }
    house.stop().await;
    house.set("WATCH__ALERT_MAIL", "desk@example.org,night@example.net");
    house.start().await;
    until("the new one", || {
        smarthost.mails("night@example.net").len() == 1
    })
    .await;
    rounds().await;
    assert_eq!(smarthost.mails(DESK).len(), 1);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_was_off_hears_what_it_missed_and_nothing_twice() {
    let smarthost = Smarthost::start();
    smarthost.set(is_busy);
    let mut house = House::with_mail(&smarthost);
    house.start().await;
    house.raise(&[house.alarm("missed.de")]).await;
    until("a try", || smarthost.turned_away() > 0).await;
    house.stop().await;
    house.set("WATCH__ALERT_MAIL", "");
    house.start().await;
    assert_eq!(
        house.status()["alerts_late"],
        0,
        "nobody waits for it any more"
    );
    house.stop().await;
    smarthost.set(super::smarthost::takes_all);
    house.set("WATCH__ALERT_MAIL", DESK);
    for _ in 0..2 {
        house.advance(61);
        house.start().await;
        until("the mail", || smarthost.mails(DESK).len() == 1).await;
        rounds().await;
        house.stop().await;
    }
    assert_eq!(smarthost.mails(DESK).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn test_alarms_are_marked_and_come_last() {
    let smarthost = Smarthost::start();
    let mut house = House::with_mail(&smarthost);
    house.start().await;
    let mut test = house.alarm("aaa.de");
    test.environment = Some(Environment::Test);
    house.raise(&[test, house.alarm("zzz.de")]).await;
    until("the mail", || !smarthost.mails(DESK).is_empty()).await;
    let mail = &smarthost.mails(DESK)[0];
    assert_eq!(mail.subject, "Stichtag: 2 alarms: W36 zzz.de");
    let said = lines(&mail.text);
    assert!(said[1].starts_with("W36 aaa.de [TEST]: "), "{said:?}");
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_smarthost_that_is_away_is_said_loudly_and_finds_one_mail_when_it_is_back() {
    let port = free_port();
    let mut house = House::new(&[("WATCH__ALERT_MAIL", DESK)]);
    house.set("NOTICES__SMARTHOST", &format!("smtp://127.0.0.1:{port}"));
    let daemon = Daemon::start(&house);
    let store = house.open().await;
    store.raise(&[house.alarm("eins.de")]).await.unwrap();
    until("a line in the log", || {
        let log = house.log();
        let mut lines = log.lines();
        lines.any(|line| line.contains("\"ERROR\"") && line.contains("does not reach the desk"))
    })
    .await;
    let status = house.run(&["status", "--fail"]);
    assert_eq!(status.code, 10);
    let line = format!("UNDELIVERED: mail:{DESK} delayed: ");
    assert!(status.out.contains(&line), "{}", status.out);
    drop(daemon);
    // More comes up, minute by minute, while it is away.
    house.clock.set(house.now() + SignedDuration::from_mins(5));
    house.start().await;
    for domain in ["zwei.de", "drei.de"] {
        house.raise(&[house.alarm(domain)]).await;
        let is_written = || {
            house
                .json(&["alarm", "list"])
                .iter()
                .all(|alarm| alarm["alerts"][0]["state"] == "delayed")
        };
        until("another mail that waits", is_written).await;
        house.advance(61);
    }
    let smarthost = Smarthost::at(port);
    house.advance(7_200);
    until("the mail", || !smarthost.mails(DESK).is_empty()).await;
    rounds().await;
    let mails = smarthost.mails(DESK);
    assert_eq!(mails.len(), 1, "{mails:?}");
    let said = lines(&mails[0].text).join("\n");
    for domain in ["eins.de", "zwei.de", "drei.de"] {
        assert!(said.contains(domain), "{domain}: {said}");
    }
    assert_eq!(house.status()["alerts_late"], 0);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_smarthost_gets_the_same_mail_again() {
    let smarthost = Smarthost::start();
    smarthost.set(is_busy);
    let mut house = House::with_mail(&smarthost);
    house.start().await;
    house.raise(&[house.alarm("segelschule-bodden.de")]).await;
    until("two tries", || {
        house.advance(30);
        smarthost.turned_away() >= 2
    })
    .await;
    let alert = house.json(&["alarm", "list"])[0]["alerts"][0]["id"].clone();
    smarthost.set(super::smarthost::takes_all);
    house.advance(600);
    until("the mail", || smarthost.mails(DESK).len() == 1).await;
    until("its end", || {
        house.json(&["alarm", "list"])[0]["alerts"][0]["state"] == "sent"
    })
    .await;
    assert_eq!(house.json(&["alarm", "list"])[0]["alerts"][0]["id"], alert);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_desk_that_nobody_knows_is_said_loudly_and_keeps_no_later_alarm_back() {
    let smarthost = Smarthost::start();
    smarthost.set(refuses_all);
    let mut house = House::with_mail(&smarthost);
    let daemon = Daemon::start(&house);
    let store = house.open().await;
    store.raise(&[house.alarm("eins.de")]).await.unwrap();
    until("a line in the log", || {
        let log = house.log();
        let mut lines = log.lines();
        lines.any(|line| line.contains("\"ERROR\"") && line.contains("given up"))
    })
    .await;
    let status = house.run(&["status", "--fail"]);
    assert_eq!(status.code, 10);
    let line = format!("UNDELIVERED: mail:{DESK} failed: ");
    assert!(status.out.contains(&line), "{}", status.out);
    drop(daemon);
    assert_eq!(smarthost.turned_away(), 1, "a 5xx is not tried again");
    smarthost.set(super::smarthost::takes_all);
    house.advance(61);
    house.start().await;
    house.raise(&[house.alarm("zwei.de")]).await;
    until("the next mail", || smarthost.mails(DESK).len() == 1).await;
    assert_eq!(house.run(&["alarm", "resend"]).code, 0);
    until("the first once more", || smarthost.mails(DESK).len() == 2).await;
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_under_a_domain_with_an_alarm_is_warned_of() {
    let smarthost = Smarthost::start();
    let mut house = House::with_mail(&smarthost);
    house.set("WATCH__ALERT_MAIL", "desk@mail.xn--dnic-loa.de");
    let daemon = Daemon::start(&house);
    let store = house.open().await;
    store
        .raise(&[house.alarm("xn--dnic-loa.de")])
        .await
        .unwrap();
    until("the mail", || {
        smarthost.mails("desk@mail.xn--dnic-loa.de").len() == 1
    })
    .await;
    let log = house.log();
    let warning = "lies under xn--dnic-loa.de, which has an alarm itself";
    let mut lines = log.lines();
    assert!(lines.any(|line| line.contains("\"ERROR\"") && line.contains(warning)));
    assert!(house.run(&["status"]).out.contains(warning));
    drop(daemon);
}
