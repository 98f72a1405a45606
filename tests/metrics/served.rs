//! What a scrape says.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use stichtag::model::{Claim, Environment};
use stichtag::simulate::{Body, Catcher, Dates, DomainFact, StatusMail, submit};
use stichtag::store::{KeyEnd, Spell, SpellKind};

use super::house::{House, Series, names, promtool, series};

/// What `product.md`, chapter 7 names, but for what there is nothing of yet: backups, and reloading the
/// configuration. Beyond it: the alarms that stand, and the deadlines of held messages.
pub const NAMES: [&str; 27] = [
    "alarms",
    "build_info",
    "cases",
    "cases_address_at_risk",
    "cases_due",
    "cases_unnotified",
    "database_size_bytes",
    "held_deadline_timestamp_seconds",
    "held_messages",
    "held_oldest_timestamp_seconds",
    "last_message_timestamp_seconds",
    "message_bytes_total",
    "message_processing_seconds",
    "message_reasons_total",
    "messages_total",
    "next_deadline_timestamp_seconds",
    "notice_bounces_total",
    "notice_delay_seconds",
    "notices_total",
    "pgp_key_expiry_timestamp_seconds",
    "request_answer_seconds",
    "requests_total",
    "requests_unanswered",
    "reseller_api_seconds",
    "sending_paused",
    "smtp_connections_total",
    "verify_visits_total",
];

const TO: &str = "registry@registrar.example.net";

/// The registry asks for proof of the holder data of a domain, by dates so many days ahead.
async fn ask(house: &House, domain: &str, days: i64) {
    let now = Timestamp::now();
    let day =
        |days: i64| now + SignedDuration::from_hours(24 * days) + SignedDuration::from_mins(9);
    let holder = "DENIC-1000002-MAX".parse().unwrap();
    let fact = DomainFact::connect(domain.parse().unwrap(), vec![holder]).verification(
        day(days),
        day(days + 30),
        vec![Claim::Name],
    );
    let body = Body::Status(fact, Dates::default());
    hand_over(house, &StatusMail::new(Environment::Live, TO, now, body)).await;
}

async fn hand_over(house: &House, mail: &StatusMail) {
    let from = StatusMail::sender(mail.environment);
    let reply = submit(house.smtp.unwrap(), from, &[TO], &mail.to_bytes()).await;
    assert!(reply.unwrap().starts_with("250"));
}

fn value(series: &Series, name: &str) -> f64 {
    let found = series.get(name).copied();
    found.unwrap_or_else(|| panic!("{name} is not in {series:#?}"))
}

const APPLIED: &str =
    "messages_total{environment=\"live\",source=\"denic-mail\",verdict=\"applied\"}";
const HELD: &str = "messages_total{environment=\"live\",source=\"denic-mail\",verdict=\"held\"}";
const SENT: &str = "notices_total{kind=\"verification-required\",language=\"de\",outcome=\"sent\"}";

#[tokio::test(flavor = "multi_thread")]
async fn what_becomes_of_real_mails_is_served_and_outlives_a_crash() {
    let smarthost = Catcher::start().await.unwrap();
    let url = format!("smtp://{}", smarthost.address());
    let mut house = House::new(&[
        ("NOTICES__MODE", "on"),
        ("NOTICES__SMARTHOST", &url),
        ("NOTICES__COALESCE", "0s"),
        ("NOTICES__FROM", "Muster Hosting <domains@example.net>"),
        ("NOTICES__PHONE", "+49 30 901820"),
        ("NOTICES__COMPANY", "Muster Hosting GmbH"),
    ]);
    house.import(&["dänic.de", "muster.de"]);
    house.start();
    let begun = Timestamp::now().as_second() as f64;
    ask(&house, "dänic.de", 2).await;
    ask(&house, "muster.de", 20).await;
    ask(&house, "fremd.de", 5).await;
    let seen = house.until("two are told, one is held", |series| {
        series.get(SENT) == Some(&2.0) && series.get(HELD) == Some(&1.0)
    });
    for (name, expected) in [
        (APPLIED, 2.0),
        (HELD, 1.0),
        ("held_messages{environment=\"live\"}", 1.0),
        ("held_messages{environment=\"test\"}", 0.0),
        ("message_reasons_total{code=\"R20\"}", 1.0),
        ("cases{environment=\"live\",state=\"open\"}", 2.0),
        ("cases{environment=\"test\",state=\"open\"}", 0.0),
        ("cases_due{deadline=\"dedelegation\",within=\"1d\"}", 0.0),
        ("cases_due{deadline=\"dedelegation\",within=\"3d\"}", 1.0),
        ("cases_due{deadline=\"dedelegation\",within=\"30d\"}", 2.0),
        ("cases_due{deadline=\"deletion\",within=\"30d\"}", 0.0),
        ("cases_unnotified{deadline=\"dedelegation\"}", 0.0),
        ("cases_address_at_risk{deadline=\"dedelegation\"}", 0.0),
        ("smtp_connections_total{result=\"taken\"}", 3.0),
        ("smtp_connections_total{result=\"full\"}", 0.0),
        ("notice_bounces_total{class=\"unknown-user\"}", 0.0),
        ("requests_unanswered{environment=\"live\"}", 0.0),
        ("sending_paused", 0.0),
        (
            "message_processing_seconds_count{source=\"denic-mail\"}",
            3.0,
        ),
        (
            "notice_delay_seconds_count{kind=\"verification-required\"}",
            2.0,
        ),
    ] {
        assert!(
            (value(&seen, name) - expected).abs() < f64::EPSILON,
            "{name}: {seen:#?}"
        );
    }
    assert_eq!(smarthost.mails().len(), 2);
    let bytes = value(&seen, "message_bytes_total{source=\"denic-mail\"}");
    let raw: usize = (1..=3)
        .map(|id| house.run(&["log", "raw", &id.to_string()]).stdout.len())
        .sum();
    assert!((bytes - raw as f64).abs() < f64::EPSILON, "{bytes} {raw}");
    let heard = "last_message_timestamp_seconds{environment=\"live\",source=\"denic-mail\"}";
    let since = value(&seen, heard) - begun;
    assert!((-1.0..=60.0).contains(&since), "{since}");
    let next = value(
        &seen,
        "next_deadline_timestamp_seconds{deadline=\"dedelegation\"}",
    ) - begun;
    assert!((next - 2.0 * 86_400.0).abs() < 900.0, "{next}");
    assert!(value(&seen, "database_size_bytes") > 100_000.0);
    let version = format!("build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"));
    assert!((value(&seen, &version) - 1.0).abs() < f64::EPSILON);

    let named = "held_deadline_timestamp_seconds{environment=\"live\"}";
    assert!((value(&seen, named) - begun - 5.0 * 86_400.0).abs() < 900.0);

    // By the command line.
    house.run(&["held", "refuse", "3", "--note", "not ours", "--yes"]);
    house.run(&["notice", "pause", "--note", "the smarthost moves"]);
    let seen = house.until("it is refused", |series| {
        series.contains_key("sending_paused")
    });
    assert!((value(&seen, "sending_paused") - 1.0).abs() < f64::EPSILON);
    assert!(value(&seen, "held_messages{environment=\"live\"}").abs() < f64::EPSILON);
    assert!(
        !seen.keys().any(|name| name.starts_with("held_oldest")),
        "{seen:#?}"
    );
    assert!((value(&seen, &HELD.replace("held", "refused")) - 1.0).abs() < f64::EPSILON);

    house.kill();
    house.start();
    let again = series(&house.scrape());
    let lasts = |name: &&String| {
        [
            "messages",
            "notices",
            "message_b",
            "message_r",
            "cases",
            "held",
            "notice_",
        ]
        .iter()
        .any(|start| name.starts_with(start))
    };
    for name in seen.keys().filter(lasts) {
        assert_eq!(again.get(name), seen.get(name), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_name_of_the_chapter_is_served_in_the_format_and_names_nobody() {
    let mut house = House::new(&[]);
    house.import(&["dänic.de"]);
    house.start();
    ask(&house, "dänic.de", 2).await;
    ask(&house, "fremd.de", 2).await;
    {
        // What `stichtag-send` notes.
        let store = stichtag::store::open(&house.database()).await.unwrap();
        let key = KeyEnd {
            fingerprint: "AB".repeat(20),
            ends_at: "2030-01-01T00:00:00Z".parse().unwrap(),
        };
        store.note_keys(&[key]).await.unwrap();
        let spell = |kind, labels: [&str; 2]| Spell {
            kind,
            labels: labels.map(str::to_owned),
            seconds: 0.4,
        };
        let spells = [
            spell(SpellKind::Reseller, ["StatusDomain", "success"]),
            spell(SpellKind::Request, ["CREATE", "success"]),
        ];
        store.note_spells(&spells).await.unwrap();
    }
    house.until("both are decided", |series| {
        series.contains_key(APPLIED) && series.contains_key(HELD)
    });
    let text = house.scrape();
    let served: BTreeSet<String> = names(&text).into_iter().collect();
    let expected = NAMES.map(|name| format!("stichtag_{name}"));
    assert_eq!(served, expected.into_iter().collect());

    let checked = promtool(&["check", "metrics"], &text);
    assert!(checked.status.success(), "{checked:?}");
    assert!(checked.stderr.is_empty(), "{checked:?}");

    let seen = series(&text);
    let bucket = "reseller_api_seconds_bucket{command=\"StatusDomain\",result=\"success\",le=";
    assert!(value(&seen, &format!("{bucket}\"0.25\"}}")).abs() < f64::EPSILON);
    assert!((value(&seen, &format!("{bucket}\"0.5\"}}")) - 1.0).abs() < f64::EPSILON);
    assert!((value(&seen, &format!("{bucket}\"+Inf\"}}")) - 1.0).abs() < f64::EPSILON);
    let ends = format!(
        "pgp_key_expiry_timestamp_seconds{{key=\"{}\"}}",
        "AB".repeat(20)
    );
    assert!((value(&seen, &ends) - 1_893_456_000.0).abs() < f64::EPSILON);
    for name in seen.keys() {
        let labels = name.split_once('{').map_or("", |(_, labels)| labels);
        for word in [".de", "xn--", "nic", "@", "K-1", "DENIC-", "example"] {
            let is_source = labels.contains("source=\"denic-mail\"") && word == "nic";
            assert!(is_source || !labels.contains(word), "{word} in {name}");
        }
    }
}
