//! The trust suite (`fixtures/trust`): forged and confusing mails change nothing, genuine ones pass, under
//! the policy that everybody has who sets nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use stichtag::evidence::{Gatherer, Resolvers, Settings};
use stichtag::model::{Evidence, Finding, Inbound};
use stichtag::process;
use stichtag::store::MessageVerdict;

use super::desk::{Desk, LIVE, TEST, at};

const EDGE: &str = "mx1.registrar.example";

/// A line of `cases.jsonl`.
#[derive(Debug, Deserialize)]
struct Case {
    file: String,
    sender: String,
    to: String,
    client: Option<std::net::IpAddr>,
    helo: String,
    received_at: String,
    domain: String,
    verdict: String,
    codes: Vec<String>,
}

impl Case {
    fn is_genuine(&self) -> bool {
        self.file.starts_with("genuine/")
    }

    fn inbound(&self, desk: &Desk) -> Inbound {
        let raw = std::fs::read(folder().join(&self.file)).unwrap();
        let mut inbound = desk.inbound(&self.sender, &[&self.to], &raw);
        inbound.received_at = at(&self.received_at);
        inbound.envelope.peer = Some([127, 0, 0, 1].into());
        inbound.envelope.client_address = self.client;
        inbound.envelope.client_helo = self.client.map(|_| self.helo.clone());
        inbound
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/trust")
}

fn cases() -> Vec<Case> {
    let text = std::fs::read_to_string(folder().join("cases.jsonl")).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

async fn desk() -> Desk {
    let authserv_ids = format!("[\"{EDGE}\"]");
    let desk = Desk::with(&[
        ("STICHTAG_ROUTE__DENIC_LIVE__REQUIRE", "aligned"),
        ("STICHTAG_ROUTE__DENIC_TEST__REQUIRE", "aligned"),
        ("STICHTAG_AUTHENTICATE__AUTHSERV_IDS", &authserv_ids),
    ])
    .await;
    desk.stock().await
}

fn gatherer(desk: &Desk) -> Gatherer {
    let records = std::fs::read(folder().join("dns.json")).unwrap();
    let dns_static: BTreeMap<String, Vec<String>> = serde_json::from_slice(&records).unwrap();
    Gatherer::new(Settings {
        routes: desk.rules.policy.routes.clone(),
        edge_hostname: EDGE.to_owned(),
        resolvers: Resolvers::None,
        dns_static,
    })
    .unwrap()
}

/// Decides one case in a world of its own; says what is wrong about the outcome.
async fn fault(case: &Case) -> Option<String> {
    let mut desk = desk().await;
    desk.now = at(&case.received_at);
    let before = desk.world(None).await;
    let id = desk.keep(case.inbound(&desk)).await;
    let gatherer = gatherer(&desk);
    while process::process_next(&desk.store, &desk.rules, &gatherer, desk.now)
        .await
        .unwrap()
        > 0
    {}
    let codes = desk.codes(id).await;
    let decision = desk.entry(id).await.decision.unwrap();
    let verdict = decision.verdict.as_str();
    let say = |what: &str| {
        Some(format!(
            "{}: {what}; {verdict} {codes:?} {:#?}",
            case.file, decision.trace
        ))
    };
    if verdict != case.verdict {
        return say(&format!("expected {}", case.verdict));
    }
    if case.is_genuine() {
        let environment = if case.to.contains("-test@") {
            TEST
        } else {
            LIVE
        };
        let record = desk.record(environment, &case.domain).await;
        return match record.source_message {
            Some(source) if source == id => None,
            _ => say("its domain was not changed by it"),
        };
    }
    if desk.world(None).await != before {
        return say("it changed something");
    }
    let is_said = codes
        .iter()
        .any(|code| case.codes.iter().any(|one| one == code));
    if !is_said {
        return say(&format!("expected one of {:?}", case.codes));
    }
    None
}

async fn assert_all(cases: impl Iterator<Item = Case>, least: usize) {
    let mut count = 0;
    let mut faults = Vec::new();
    for case in cases {
        count += 1;
        faults.extend(fault(&case).await);
    }
    assert!(count >= least, "{count} cases");
    assert!(
        faults.is_empty(),
        "{} of {count}:\n{}",
        faults.len(),
        faults.join("\n")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_all_forged_and_confusing_mails_none_is_applied() {
    assert_all(cases().into_iter().filter(|case| !case.is_genuine()), 150).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_all_genuine_mails_every_one_is_applied() {
    assert_all(cases().into_iter().filter(Case::is_genuine), 50).await;
}

/// What the second implementation says (`verify.py`).
#[derive(Deserialize)]
struct Second {
    file: String,
    passes: Vec<bool>,
}

/// Signatures that hold as mathematics and that one side refuses by rule: file, ours, and why.
const RULES: [(&str, bool, &str); 8] = [
    (
        "hostile/confusing-bare-cr-in-header.eml",
        false,
        "a bare CR is a byte like others to us, a blank to them; the mail is held for it",
    ),
    (
        "hostile/dkim-weak-key.eml",
        false,
        "keys below 1024 bits (RFC 8301)",
    ),
    ("hostile/dkim-sha1.eml", true, "SHA-1 is judged later"),
    (
        "hostile/dkim-length-whole.eml",
        false,
        "l= is not even looked at: text may follow what is signed",
    ),
    (
        "hostile/dkim-length-appended.eml",
        false,
        "l= is not even looked at: text may follow what is signed",
    ),
    (
        "hostile/dkim-length-zero.eml",
        false,
        "l= is not even looked at: text may follow what is signed",
    ),
    (
        "hostile/dkim-expired.eml",
        true,
        "x= is judged later, with the time of receipt",
    ),
    (
        "hostile/dkim-made-in-the-future.eml",
        true,
        "t= is judged later, with the time of receipt",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_signature_is_judged_as_a_second_implementation_judges_it() {
    let output = Command::new("/usr/bin/python3")
        .arg(folder().join("verify.py"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let second: BTreeMap<String, Vec<bool>> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<Second>(line).unwrap())
        .map(|said| (said.file, said.passes))
        .collect();
    let desk = desk().await;
    let gatherer = gatherer(&desk);
    let mut signatures = 0;
    let mut faults = Vec::new();
    for case in cases() {
        let inbound = case.inbound(&desk);
        let evidence: Evidence = gatherer.gather(&inbound, inbound.received_at).await;
        let ours: Vec<bool> = evidence
            .dkim
            .iter()
            .map(|signature| signature.finding == Finding::Pass)
            .collect();
        let theirs = &second[&case.file];
        // So many are looked at.
        let theirs = theirs[..theirs.len().min(20)].to_vec();
        signatures += theirs.len();
        let rule = RULES.iter().find(|(file, _, _)| *file == case.file);
        let expected = match rule {
            Some((_, ours, _)) => vec![*ours],
            None => theirs.clone(),
        };
        if ours != expected {
            faults.push(format!(
                "{}: ours {:?}, theirs {theirs:?}",
                case.file, evidence.dkim
            ));
        }
    }
    assert!(signatures > 150, "{signatures} signatures");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[tokio::test]
async fn without_any_setting_an_unproven_mail_is_held_and_a_record_route_notes_it_only() {
    let case = cases()
        .into_iter()
        .find(|case| case.file == "hostile/no-proof-plain.eml")
        .unwrap();
    assert_eq!(fault(&case).await, None);
    let mut desk = Desk::stocked().await;
    desk.now = at(&case.received_at);
    let id = desk.keep(case.inbound(&desk)).await;
    let gatherer = gatherer(&desk);
    process::process_next(&desk.store, &desk.rules, &gatherer, desk.now)
        .await
        .unwrap();
    assert_eq!(desk.verdict(id).await, MessageVerdict::Applied);
    let trace = desk.entry(id).await.decision.unwrap().trace.join("\n");
    assert!(trace.contains("nothing vouches for denic.de"), "{trace}");
}
