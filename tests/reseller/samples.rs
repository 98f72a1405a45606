//! Every answer of the samples reads as they say.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use stichtag::model::{ReplyOutcome, ResellerReply};

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
