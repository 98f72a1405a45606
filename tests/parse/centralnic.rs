//! Event mail of CentralNic Reseller: the samples in their normal form, and no code shown.

use std::collections::BTreeMap;

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};
use stichtag::model::{Facts, RegistryEvent, ResellerEvent, Source, TriggerCode};
use stichtag::parse::{ParseError, centralnic_mail, centralnic_signed_mail, detect, event_json};

use crate::fixtures;
use crate::properties::{CASES, mutate, mutation};

/// The codes of the samples, which the other fixtures use too.
const CODES: [&str; 3] = [
    "MTc5NDA5ODUzMC43NzEyIzc3MDAxMTIyMzM0NDUgTA==",
    "MTc5NDA5ODUzMi4wMzAxIzc3MDA5OTg4Nzc2NjUgTFg=",
    "MTc5NDMxMjAwMC40NDEwIzc3MDA1NTUxMjEyIEw=",
];

/// So much of a code may never be seen.
const PIECE: usize = 16;

const HEAD: &str = "From: events@registrar.example\r\nSubject: Event\r\n\
    Date: Tue, 10 Nov 2026 12:00:00 +0000\r\n\r\n";

fn events() -> Vec<(String, Vec<u8>)> {
    let all = fixtures().into_iter();
    all.filter(|(_, source, _)| *source == Source::CentralnicMail)
        .map(|(name, _, raw)| (name, raw))
        .collect()
}

fn told(event: &RegistryEvent) -> (&ResellerEvent, Option<&TriggerCode>) {
    match &event.facts {
        Facts::ContactVerification { event, trigger } => (event, trigger.as_ref()),
        Facts::ResellerEvent(event) => (event, None),
        other => panic!("{other:?}"),
    }
}

/// All that anybody is shown of what was read.
fn shown(read: &Result<RegistryEvent, ParseError>) -> String {
    match read {
        Ok(event) => format!("{event:?} {}", event_json(event)),
        Err(error) => format!("{error} {error:?}"),
    }
}

/// A piece of one of the codes that is shown.
fn leak(read: &Result<RegistryEvent, ParseError>) -> Option<&'static str> {
    let shown = shown(read);
    let pieces = CODES
        .iter()
        .flat_map(|code| (0..=code.len() - PIECE).map(|at| &code[at..at + PIECE]));
    pieces.into_iter().find(|piece| shown.contains(piece))
}

#[test]
fn every_sample_reads_as_its_expected_result() {
    let expected: BTreeMap<String, Value> =
        serde_json::from_str(include_str!("centralnic-samples.json")).unwrap();
    let mails: BTreeMap<_, _> = events().into_iter().collect();
    assert_eq!(expected.len(), 10);
    for (name, expected) in expected {
        let read = centralnic_mail(&mails[&name]);
        if expected["outcome"] != "ok" {
            assert!(read.is_err(), "{name}: {read:?}");
            continue;
        }
        let event = read.unwrap_or_else(|error| panic!("{name}: {error}"));
        let (told, trigger) = told(&event);
        let date = |at: Timestamp| at.strftime("%Y-%m-%d %H:%M:%S").to_string();
        let normal = json!({
            "outcome": "ok",
            "class": told.class,
            "subclass": told.subclass,
            "object": told.object.as_ref().map(|object| object.as_str()),
            "trigger": trigger.map(TriggerCode::expose),
            "registrar": told.registrar,
            // Without DATE it is the mail's, which is tested elsewhere.
            "date": expected["date"].as_str().and(event.registry_time).map(date),
            "index": told.index,
            "data": told.data.iter().map(|(key, value)| json!([key, value])).collect::<Value>(),
        });
        assert_eq!(normal, expected, "{name}");
    }
}

#[test]
fn cv_16_a_request_for_confirmation_is_known_by_its_class_and_carries_its_code() {
    for (text, is_there) in [
        (
            "REASON:CONTACTVERIFICATION WITH TRIGGERCODE: abcd\r\n",
            true,
        ),
        ("REASON:CONTACTVERIFICATION WITH TRIGGERCODE:abcd\r\n", true),
        ("", false),
    ] {
        let mail = format!(
            "{HEAD}{text}OBJECT:P-ABC1234\r\nCLASS:CONTACT_REGISTRATION\r\n\
             SUBCLASS:CONTACT_REGISTRATION_NOTIFY\r\n"
        );
        let event = centralnic_mail(mail.as_bytes()).unwrap();
        assert_eq!(event.facts.kind(), "contact-verification");
        assert_eq!(
            told(&event).1.map(TriggerCode::expose),
            is_there.then_some("abcd")
        );
        let json = event_json(&event);
        assert_eq!(json["trigger_present"], is_there);
        assert_eq!(json["contact"], "P-ABC1234");
        assert_eq!(json["object"], "P-ABC1234");
    }
}

#[test]
fn every_documented_class_is_an_event_and_so_is_one_that_nobody_knows() {
    let plain = ["_SUCCESSFUL", "_PENDING", "_NOTIFY", "_FAILED"];
    let mut kinds: Vec<(String, String)> = Vec::new();
    for what in [
        "REGISTRATION",
        "MODIFICATION",
        "DELETION",
        "RENEWAL",
        "TRADE",
        "TRANSFER",
        "RESTORE",
    ] {
        for end in plain {
            kinds.push((format!("DOMAIN_{what}"), format!("{what}{end}")));
            kinds.push((format!("CERTIFICATE_{what}"), format!("{what}{end}")));
        }
    }
    for (class, subclass) in [
        ("CONTACT_MODIFICATION", "MODIFICATION_NOTIFY"),
        ("CONTACT_DELETION", "DELETION_SUCCESSFUL"),
        ("DOMAIN_TRANSFER", "FOREIGN_TRANSFER_PENDING"),
        ("DOMAINAPPLICATION", "NOTIFY"),
        ("ACCOUNT_MODIFICATION", "SEPA_EXPIRED"),
        ("X9", "Y_1"),
    ] {
        kinds.push((class.to_owned(), subclass.to_owned()));
    }
    for (class, subclass) in kinds {
        let mail = format!("{HEAD}CLASS:{class}\r\nSUBCLASS:{subclass}\r\nOBJECT:a.example\r\n");
        let event = centralnic_mail(mail.as_bytes()).unwrap();
        assert_eq!(event.facts.kind(), "reseller-event");
        assert_eq!(event.facts.domain().unwrap().ace(), "a.example");
        let json = event_json(&event);
        assert_eq!(
            (&json["class"], &json["subclass"]),
            (&json!(class), &json!(subclass))
        );
        assert_eq!(json["trigger_present"], false);
        assert!(event.warnings.is_empty(), "{:?}", event.warnings);
    }
}

#[test]
fn of_a_signed_event_only_the_signed_text_is_read() {
    let mail = format!("{HEAD}CLASS:DOMAIN_DELETION\r\nSUBCLASS:DELETION_PENDING\r\n");
    let signed = "CLASS:DOMAIN_RENEWAL\r\nSUBCLASS:RENEWAL_NOTIFY\r\n";
    let event = centralnic_signed_mail(mail.as_bytes(), signed).unwrap();
    assert_eq!(told(&event).0.class, "DOMAIN_RENEWAL");
    assert!(event.registry_time.is_some());
}

#[test]
fn no_fixture_shows_a_code() {
    for (name, raw) in events() {
        let read = centralnic_mail(&raw);
        assert_eq!(leak(&read), None, "{name}: {}", shown(&read));
    }
}

#[test]
fn an_error_tells_line_and_field_and_no_value() {
    let mails: BTreeMap<_, _> = events().into_iter().collect();
    for (name, sentence) in [
        (
            "bad-event-no-class.eml",
            "R10: the field CLASS is missing or empty",
        ),
        (
            "bad-event-two-classes.eml",
            "R12: line 2, CLASS: it differs from line 1",
        ),
        (
            "class-not-a-word.eml",
            "R10: line 1, CLASS: it is not a word in capitals",
        ),
        (
            "event-date-unreadable.eml",
            "R10: line 1, DATE: it is not a date and time such as `2026-11-09 17:26:33`",
        ),
        (
            "trigger-codes-differ.eml",
            "R12: line 2, MESSAGE: the trigger code differs from line 1",
        ),
        (
            "trigger-cut-in-two.eml",
            "R10: line 2: the trigger code before it may go on here",
        ),
        (
            "trigger-without-colon.eml",
            "R10: line 1, REASON: it does not give a trigger code as documented",
        ),
        (
            "trigger-qp-padding-swallows-next-line.eml",
            "R10: line 1, REASON: what follows is not one trigger code",
        ),
        (
            "event-field-beside-the-parts.eml",
            "R35: a field REASON stands beside the parts",
        ),
    ] {
        assert_eq!(
            centralnic_mail(&mails[name]).unwrap_err().to_string(),
            sentence
        );
    }
}

fn check(raw: &[u8]) -> Result<(), TestCaseError> {
    detect(raw);
    let read = centralnic_mail(raw);
    let leak = leak(&read);
    prop_assert!(leak.is_none(), "{leak:?} in {}", shown(&read));
    Ok(())
}

/// Lines that an event may have beside its class, the code in the wrong places too.
fn line() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec![
        "REASON",
        "MESSAGE",
        "OBJECT",
        "INDEX",
        "REGISTRAR",
        "domain",
        "contact",
        "reason",
        "trigger",
        "future key",
        "NEW",
        "Class",
        "no key",
    ]);
    let between = prop::sample::select(vec![":", ": ", " ", "=", ":\u{a0}"]);
    let value = prop::sample::select(vec![
        "",
        "P-QRT1207 ",
        "orchard-sample.com/",
        "CONTACTVERIFICATION WITH TRIGGERCODE:",
        "https://verify.example/?trigger=",
        "see ",
    ]);
    let code = prop::sample::select(vec!["", "", CODES[0], CODES[1], &CODES[2][..20]]);
    let end = prop::sample::select(vec!["", "", " ", "&email=a"]);
    (key, between, value, code, end).prop_map(|(key, between, value, code, end)| {
        format!("{key}{between}{value}{code}{end}\r\n")
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_are_read_or_refused(raw in prop::collection::vec(any::<u8>(), 0..400)) {
        check(&raw)?;
        check(&[HEAD.as_bytes(), &raw].concat())?;
    }

    #[test]
    fn random_lines_show_no_code(lines in prop::collection::vec(line(), 1..5)) {
        let class = "CLASS:CONTACT_REGISTRATION\r\nSUBCLASS:CONTACT_REGISTRATION_NOTIFY\r\n";
        check(format!("{HEAD}{class}{}", lines.concat()).as_bytes())?;
    }

    #[test]
    fn a_changed_event_is_read_or_refused_and_shows_no_code(
        which in any::<prop::sample::Index>(),
        mutations in prop::collection::vec(mutation(), 1..6),
    ) {
        thread_local! {
            static EVENTS: Vec<(String, Vec<u8>)> = events();
        }
        let raw = EVENTS.with(|all| mutate(&which.get(all).1, &mutations));
        check(&raw)?;
    }
}

#[test]
fn the_check_itself_would_see_a_code() {
    let mail = format!("{HEAD}CLASS:A\r\nSUBCLASS:B\r\nOBJECT:a@a.example\r\n");
    let mut event = centralnic_mail(mail.as_bytes()).unwrap();
    event.unknown.push(CODES[0][8..30].to_owned());
    assert!(leak(&Ok(event)).is_some());
}
