//! Events of CentralNic Reseller: what is acted upon, what is shown to a person, and that no code is seen.

use std::fs;
use std::path::PathBuf;

use stichtag::model::Environment;
use stichtag::store::MessageVerdict::{Applied, Held};
use stichtag::store::{CommandFilter, Reselling, Store};

use super::desk::{Desk, LIVE, TEST};

pub const FROM: &str = "events@registrar.example";
pub const TO: &str = "events@reseller.example";
const CODE: &str = "MTc5NDA5ODUzMC43NzEyIzc3MDAxMTIyMzM0NDUgTA==";

pub fn event(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/centralnic-mail");
    fs::read(folder.join(name)).unwrap()
}

/// A desk with a route for events, on the day after the samples.
pub async fn desk(environment: Environment) -> Desk {
    let mut desk = Desk::with(&[
        ("STICHTAG_ROUTE__CENTRALNIC__PARSER", "centralnic"),
        (
            "STICHTAG_ROUTE__CENTRALNIC__ENVIRONMENT",
            environment.as_str(),
        ),
        (
            "STICHTAG_ROUTE__CENTRALNIC__RECIPIENTS",
            &format!("[\"{TO}\"]"),
        ),
        (
            "STICHTAG_ROUTE__CENTRALNIC__ENVELOPE_FROM",
            &format!("[\"{FROM}\"]"),
        ),
        (
            "STICHTAG_ROUTE__CENTRALNIC__HEADER_FROM",
            &format!("[\"{FROM}\"]"),
        ),
        ("STICHTAG_ROUTE__CENTRALNIC__REQUIRE", "record"),
        ("STICHTAG_DOMAINS__UNKNOWN_DOMAIN", "create"),
    ])
    .await;
    desk.now = "2026-11-11T12:00:00Z".parse().unwrap();
    desk
}

#[tokio::test]
async fn events_of_known_classes_are_acted_upon_and_the_state_of_what_they_name_is_read() {
    for environment in [LIVE, TEST] {
        let desk = desk(environment).await;
        for (name, kind, ace, asked) in [
            (
                "event-contactverification-handle.eml",
                "contact-verification",
                None,
                "StatusContact",
            ),
            (
                "event-transfer-internal.eml",
                "reseller-event",
                Some("brook-sample.net"),
                "StatusDomain",
            ),
            (
                "event-registration-notify-de.eml",
                "reseller-event",
                Some("orchard-sample.de"),
                "StatusDomain",
            ),
        ] {
            let id = desk.smtp(FROM, TO, &event(name)).await;
            let decision = desk.entry(id).await.decision.unwrap();
            assert_eq!(decision.verdict, Applied, "{name}");
            assert_eq!(decision.kind.as_deref(), Some(kind), "{name}");
            assert_eq!(decision.ace.as_deref(), ace, "{name}");
            assert_eq!(decision.environment, Some(environment), "{name}");
            assert_eq!(decision.route.as_deref(), Some("centralnic"), "{name}");
            assert_eq!(decision.deadline, None, "{name}");
            let filter = CommandFilter::default();
            let last = desk.store.commands(&filter).await.unwrap().pop().unwrap();
            assert_eq!(
                (last.command.name(), last.environment),
                (asked, environment),
                "{name}"
            );
        }
        assert!(desk.store.alarms().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn an_event_of_an_unknown_class_is_held_changes_nothing_and_stays_so() {
    let desk = desk(LIVE).await;
    let raw = event("event-unknown-class.eml");
    let id = desk.smtp(FROM, TO, &raw).await;
    assert_eq!(
        (desk.verdict(id).await, desk.codes(id).await),
        (Held, vec!["R42"])
    );
    desk.again(id, true).await;
    assert_eq!(desk.verdict(id).await, Held);
    assert!(desk.codes(id).await.contains(&"R42"));
    // A copy is no copy of anything that was acted upon.
    let copy = desk.smtp(FROM, TO, &raw).await;
    assert_eq!(desk.codes(copy).await, ["R42"]);
    assert!(desk.store.domains(None, None).await.unwrap().is_empty());
    assert!(desk.store.alarms().await.unwrap().is_empty());
}

#[tokio::test]
async fn cv_31_a_contact_that_vanishes_has_its_domains_read() {
    let desk = desk(LIVE).await;
    let id = desk
        .smtp(FROM, TO, &event("event-contact-deletion.eml"))
        .await;
    assert_eq!(desk.verdict(id).await, Applied);
}

#[tokio::test]
async fn an_event_of_somebody_else_is_held_for_its_sender_too() {
    let desk = desk(LIVE).await;
    let raw = event("event-contactverification-handle.eml");
    let id = desk.smtp("somebody@example.net", TO, &raw).await;
    assert_eq!(desk.codes(id).await, ["R02"]);
    let filter = CommandFilter::default();
    assert!(desk.store.commands(&filter).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_held_and_alarms_nobody() {
    let desk = desk(LIVE).await;
    for (name, code) in [
        ("bad-event-no-class.eml", "R10"),
        ("bad-event-two-classes.eml", "R12"),
        ("trigger-cut-in-two.eml", "R10"),
        ("verification-mail-to-registrant.eml", "R10"),
    ] {
        let id = desk.smtp(FROM, TO, &event(name)).await;
        assert_eq!(desk.verdict(id).await, Held, "{name}");
        assert!(desk.codes(id).await.contains(&code), "{name}");
    }
    assert!(desk.store.alarms().await.unwrap().is_empty());
}

#[tokio::test]
async fn an_event_that_shows_a_deadline_is_alarmed_at_once() {
    let desk = desk(LIVE).await;
    let id = desk
        .smtp(FROM, TO, &event("event-deadline-in-data.eml"))
        .await;
    let alarms = desk.store.alarms().await.unwrap();
    assert_eq!(alarms.len(), 1);
    assert_eq!(alarms[0].message, Some(id));
    assert_eq!(alarms[0].code.as_str(), "R42");
    assert_eq!(alarms[0].ace.as_deref(), Some("orchard-sample.de"));
}

#[tokio::test]
async fn what_is_written_down_of_an_event_has_no_code() {
    let desk = desk(LIVE).await;
    for entry in
        fs::read_dir(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/centralnic-mail"))
            .unwrap()
    {
        desk.smtp(FROM, TO, &fs::read(entry.unwrap().path()).unwrap())
            .await;
    }
    let filter = stichtag::store::LogFilter::default();
    let log = desk.store.log(&filter).await.unwrap();
    assert!(log.len() > 50);
    for entry in log {
        let decision = format!("{:?}", entry.decision.unwrap());
        for at in 0..=CODE.len() - 16 {
            assert!(!decision.contains(&CODE[at..at + 16]), "{decision}");
        }
    }
}
