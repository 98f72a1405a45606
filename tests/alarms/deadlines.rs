//! A deadline is never silent: past, near, unreadable or undeliverable, it is in the command line's
//! exit status and at every channel within a minute (`reliability.md`, P-21).

use std::time::{Duration, Instant};

use jiff::SignedDuration;

use super::hook::Hook;
use super::house::{DESK, House, KEY, until, verify};
use super::smarthost::{Smarthost, refuses_customers};

const WITHIN: Duration = Duration::from_secs(60);

/// The domain, its deadline in hours from now or as it is written, and the code that must be told.
const CASES: [(&str, Result<i64, &str>, &str); 6] = [
    ("past.de", Ok(-1), "W16"),
    ("near.de", Ok(23), "W16"),
    ("untold.de", Ok(71), "W60"),
    ("unreadable.de", Err("31.02.2026"), "R11"),
    ("no-zone.de", Err("2026-06-06T13:51:08"), "R24"),
    ("undeliverable.de", Ok(500), "W35"),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_deadline_reaches_the_command_line_and_both_channels_within_a_minute() {
    let cases = CASES.map(|(domain, deadline, code)| is_told(domain, deadline, code));
    futures_util::future::join_all(cases).await;
}

async fn is_told(domain: &str, deadline: Result<i64, &str>, code: &str) {
    let (smarthost, hook) = (Smarthost::start(), Hook::start(KEY).await);
    smarthost.set(refuses_customers);
    let mut house = House::with(&smarthost, &hook);
    // Where the mail is what fails, it must be tried.
    let mode = if code == "W35" { "on" } else { "observe" };
    house.set("NOTICES__MODE", mode);
    house.import(&[(domain, "kunde@example.net")]);
    house.start().await;
    assert_eq!(house.run(&["status", "--fail"]).code, 0, "{domain}");
    let written = match deadline {
        Ok(hours) => (house.now() + SignedDuration::from_hours(hours)).to_string(),
        Err(written) => written.to_owned(),
    };
    let far = (house.now() + SignedDuration::from_hours(2_000)).to_string();
    let raw = verify(domain, house.now(), &written, &far);
    let begun = Instant::now();
    house.submit("registry-response@denic.de", &raw).await;
    until(domain, || {
        let posted = hook.posted();
        posted.iter().any(|post| post.json["code"] == code)
    })
    .await;
    let line = format!("{code} {domain}");
    until(domain, || {
        let mails = smarthost.mails(DESK);
        mails.iter().any(|mail| mail.text.contains(&line))
    })
    .await;
    assert_eq!(house.run(&["status", "--fail"]).code, 10, "{domain}");
    assert!(begun.elapsed() < WITHIN, "{domain}: {:?}", begun.elapsed());
    println!("{domain}: told in {:?}", begun.elapsed());
    if deadline.is_ok() {
        let posted = hook.about(domain);
        let at = &posted[0].json["deadline"];
        assert!(at.is_string(), "{posted:?}");
        let mail = &smarthost.mails(DESK)[0];
        assert!(mail.subject.contains(domain), "{}", mail.subject);
        assert!(mail.subject.contains("deadline"), "{}", mail.subject);
    }
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_registrys_reminder_about_its_queue_reaches_both_channels() {
    let (smarthost, hook) = (Smarthost::start(), Hook::start(KEY).await);
    let mut house = House::with(&smarthost, &hook);
    house.start().await;
    let path = format!(
        "{}/fixtures/denic-mail/queue-reminder.eml",
        env!("CARGO_MANIFEST_DIR")
    );
    let raw = std::fs::read(path).unwrap();
    house.submit("registry-response@denic.de", &raw).await;
    until("a POST", || !hook.posted().is_empty()).await;
    assert_eq!(hook.posted()[0].json["code"], "W32", "{:?}", hook.posted());
    until("the mail", || !smarthost.mails(DESK).is_empty()).await;
    let mail = &smarthost.mails(DESK)[0];
    assert!(
        mail.subject.starts_with("Stichtag: 1 alarm: W32 "),
        "{}",
        mail.subject
    );
    house.stop().await;
}
