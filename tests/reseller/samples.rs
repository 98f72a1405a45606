//! Every answer of the samples reads as they say.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use stichtag::model::{Facts, ReplyOutcome, ResellerReply};
use stichtag::parse;

#[derive(Deserialize)]
struct Expected {
    outcome: String,
    code: Option<u16>,
    description: Option<String>,
    runtime: Option<f64>,
    queuetime: Option<f64>,
    #[serde(default)]
    properties: BTreeMap<String, Vec<String>>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/centralnic-api")
}

#[test]
fn every_answer_reads_as_its_sample_says() {
    let expected = fs::read(folder().join("expected.json")).unwrap();
    let expected: BTreeMap<String, Expected> = serde_json::from_slice(&expected).unwrap();
    assert!(expected.len() > 35, "{}", expected.len());
    for (name, expected) in expected {
        let read = ResellerReply::read(&fs::read(folder().join(&name)).unwrap());
        let Ok(reply) = read else {
            assert_eq!(expected.outcome, "malformed", "{name}: {read:?}");
            continue;
        };
        let outcome = match reply.outcome() {
            ReplyOutcome::Success => "success",
            ReplyOutcome::Temporary => "temporary",
            ReplyOutcome::Permanent => "permanent",
        };
        assert_eq!(outcome, expected.outcome, "{name}");
        assert_eq!(Some(reply.code), expected.code, "{name}");
        assert_eq!(
            Some(&reply.description),
            expected.description.as_ref(),
            "{name}"
        );
        assert_eq!(reply.runtime, expected.runtime, "{name}");
        assert_eq!(reply.queuetime, expected.queuetime, "{name}");
        let properties: BTreeMap<_, _> = reply
            .properties()
            .map(|(name, values)| (name.to_owned(), values.to_vec()))
            .collect();
        assert_eq!(properties, expected.properties, "{name}");
    }
}

#[test]
fn an_answer_cut_anywhere_before_its_end_is_none() {
    let whole = fs::read(folder().join("resp-statusdomain-candidate.txt")).unwrap();
    let end = whole.windows(3).rposition(|word| word == b"EOF").unwrap() + 3;
    for at in 0..end {
        assert!(ResellerReply::read(&whole[..at]).is_err(), "{at}");
    }
    assert!(ResellerReply::read(&whole[..end]).is_ok());
}

/// What every answer of the samples tells, asked as it was; how many domains, and whether that is all of
/// them.
const FACTS: [(&str, &str, &str); 18] = [
    (
        "resp-activatecontact-ok",
        "ActivateContact trigger=***",
        "reseller-answer",
    ),
    (
        "resp-adddomain-unverified-owner",
        "AddDomain domain=orchard-sample.com",
        "1 more",
    ),
    (
        "resp-modifycontact-checkonly",
        "ModifyContact contact=P-QRT1207",
        "reseller-contact",
    ),
    (
        "resp-modifycontact-already-verified",
        "ModifyContact contact=P-QRT1207",
        "reseller-contact",
    ),
    (
        "resp-modifycontact-preverify",
        "ModifyContact contact=P-QRT1207",
        "reseller-contact",
    ),
    (
        "resp-querycontactlist-verification-requested",
        "QueryContactList",
        "reseller-answer",
    ),
    (
        "resp-querydomainlist-unverified-page1",
        "QueryDomainList type=SHOWUNVERIFIED",
        "2 more",
    ),
    (
        "resp-querydomainlist-unverified-page2",
        "QueryDomainList type=SHOWUNVERIFIED",
        "1 more",
    ),
    (
        "resp-statuscontact-pending",
        "StatusContact contact=P-QRT1207",
        "reseller-contact",
    ),
    (
        "resp-statuscontact-underscore-names",
        "StatusContact contact=P-QRT1207",
        "reseller-contact",
    ),
    (
        "resp-statuscontact-unvalidated",
        "StatusContact contact=O-UNV7",
        "reseller-contact",
    ),
    ("resp-statusdomain-candidate", "StatusDomain", "1 whole"),
    ("resp-statusdomain-clienthold", "StatusDomain", "1 whole"),
    ("resp-statusdomain-de-serverhold", "StatusDomain", "1 whole"),
    (
        "resp-statusdomain-de-verification",
        "StatusDomain",
        "1 whole",
    ),
    (
        "resp-statusdomain-interrupt-nameservers",
        "StatusDomain",
        "1 whole",
    ),
    (
        "resp-statusevent-contactverification",
        "StatusEvent event=700102",
        "contact-verification",
    ),
    (
        "resp-statusevent-transfer",
        "StatusEvent event=700103",
        "reseller-event",
    ),
];

#[test]
fn every_answer_becomes_the_facts_that_it_tells() {
    let mut wrong = Vec::new();
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        if !(name.starts_with("resp-") || name.starts_with("bad-")) || name.contains("bad-req") {
            continue;
        }
        let raw = fs::read(&path).unwrap();
        let (asked, expected) = match FACTS.iter().find(|(known, ..)| *known == name) {
            Some((_, asked, expected)) => (*asked, *expected),
            None if name.starts_with("bad-") => ("", "R10"),
            None if name.contains("statusevent") => ("StatusEvent event=1", "reseller-event"),
            // No other has anything but its code to tell.
            None => ("SetProperty", "reseller-answer"),
        };
        let told = match parse::centralnic_api(&raw, Some(asked)) {
            Ok(event) => match event.facts {
                Facts::ResellerDomains { domains, is_whole } => {
                    format!(
                        "{} {}",
                        domains.len(),
                        if is_whole { "whole" } else { "more" }
                    )
                }
                facts => facts.kind().to_owned(),
            },
            Err(error) => error.code.as_str().to_owned(),
        };
        if told != expected {
            wrong.push(format!("{name}: {told}, not {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
