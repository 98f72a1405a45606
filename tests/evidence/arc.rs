//! ARC chains (RFC 8617), sealed by another implementation (`fixtures/trust/arc.py`): written down, and
//! deciding nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use stichtag::authenticate::Verdict;
use stichtag::model::Evidence;

use super::house::{House, codes, config, inbound};

/// What each chain is, and what is written down of it.
const CHAINS: [(&str, &str); 9] = [
    ("one-set", "pass (1 sets)"),
    ("two-sets", "pass (2 sets)"),
    ("not-signed-by-the-registry", "pass (1 sets)"),
    ("body-changed", "fail"),
    ("subject-changed", "fail"),
    ("results-changed", "fail"),
    ("first-seal-changed", "fail"),
    ("first-set-missing", "fail"),
    ("key-of-another", "fail"),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/trust")
}

async fn judge(name: &str) -> (Evidence, Verdict) {
    let records = std::fs::read_to_string(folder().join("dns.json")).unwrap();
    let house = House::new(config(
        "[\"none\"]",
        &serde_json::from_str(&records).unwrap(),
        &[],
    ));
    let raw = std::fs::read(folder().join(format!("arc/{name}.eml"))).unwrap();
    house.judge(&inbound(raw)).await
}

#[tokio::test]
async fn a_chain_is_written_down_as_holding_or_broken() {
    for (name, expected) in CHAINS {
        let (evidence, verdict) = judge(name).await;
        let said = evidence.arc.unwrap_or_default();
        assert!(said.starts_with(expected), "{name}: {said}");
        let line = format!("ARC: {said} (recorded only)");
        assert!(
            verdict.checked.iter().any(|step| step.contains(&line)),
            "{name}: {:?}",
            verdict.checked
        );
    }
}

#[tokio::test]
async fn a_second_implementation_says_the_same_of_every_chain() {
    let output = Command::new("/usr/bin/python3")
        .arg(folder().join("verify.py"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let second: BTreeMap<String, String> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| {
            let said: serde_json::Value = serde_json::from_str(line).unwrap();
            let word = |field: &str| said[field].as_str().unwrap().to_owned();
            (word("file"), word("arc"))
        })
        .collect();
    let files = std::fs::read_dir(folder().join("arc")).unwrap().count();
    assert_eq!(files, CHAINS.len());
    for (name, expected) in CHAINS {
        let theirs = &second[&format!("arc/{name}.eml")];
        assert!(expected.starts_with(theirs), "{name}: {theirs}");
    }
}

#[tokio::test]
async fn a_chain_that_holds_vouches_for_nobody() {
    // The forwarder swears that it has seen the registry's signature; nobody else has.
    let (evidence, verdict) = judge("not-signed-by-the-registry").await;
    assert_eq!(evidence.arc.as_deref(), Some("pass (1 sets)"));
    assert!(!verdict.is_trusted, "{verdict:?}");
    assert_eq!(codes(&verdict), ["R09"]);
    // Nor does it mend a signature that a change has broken.
    let (_, verdict) = judge("body-changed").await;
    assert_eq!(codes(&verdict), ["R09"]);
}

#[tokio::test]
async fn a_broken_chain_takes_nothing_from_what_the_registry_has_signed() {
    for name in ["results-changed", "first-seal-changed", "first-set-missing"] {
        let (evidence, verdict) = judge(name).await;
        assert!(evidence.arc.unwrap().starts_with("fail"), "{name}");
        assert!(verdict.is_trusted, "{name}: {verdict:?}");
    }
}
