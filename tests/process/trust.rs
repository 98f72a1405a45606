//! The trust suite (`fixtures/trust`): forged and confusing mails change nothing, genuine ones pass, under
//! the policy that everybody has who sets nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use stichtag::authenticate;
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

/// Signatures that the second implementation lets pass and we refuse by rule: file, and the rule.
const STRICTER: [(&str, &str); 7] = [
    (
        "hostile/confusing-bare-cr-in-header.eml",
        "a bare CR is a byte like others to us, a blank to them; the mail is held for it",
    ),
    ("hostile/dkim-sha1.eml", "SHA-1 is no proof (RFC 8301)"),
    (
        "hostile/dkim-expired.eml",
        "x= is compared with the time of receipt; they compare it with t= only",
    ),
    ("hostile/dkim-length-whole.eml", LENGTH),
    ("hostile/dkim-length-appended.eml", LENGTH),
    ("hostile/dkim-length-zero.eml", LENGTH),
    (
        "hostile/results-length-behind-twenty-signatures.eml",
        LENGTH,
    ),
];

const LENGTH: &str = "l= is not even looked at: text may follow what is signed";

/// What is judged not with the signature but with the mail, and by them at once.
const JUDGED_LATER: [&str; 3] = [
    "does not count: it has expired",
    "does not count: it was made in the future",
    "does not count: SHA-1 is broken",
];

/// Of so many signatures at most each is looked at.
const LOOKED_AT: usize = 20;

/// The mail once for every twenty of its signatures, the others left out.
fn by_twenties(raw: &[u8], count: usize) -> Vec<Vec<u8>> {
    if count <= LOOKED_AT {
        return vec![raw.to_vec()];
    }
    let text: String = raw.iter().map(|byte| char::from(*byte)).collect();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let mut fields: Vec<String> = Vec::new();
    for line in head.split("\r\n") {
        match fields.last_mut() {
            Some(last) if line.starts_with([' ', '\t']) => last.push_str(&format!("\r\n{line}")),
            _ => fields.push(line.to_owned()),
        }
    }
    let is_signature = |field: &str| field.to_ascii_lowercase().starts_with("dkim-signature:");
    let firsts = (0..count).step_by(LOOKED_AT);
    let windows = firsts.map(|first| {
        let mut number = 0;
        let kept = fields.iter().filter(|field| {
            let place = number;
            number += usize::from(is_signature(field));
            !is_signature(field) || (first..first + LOOKED_AT).contains(&place)
        });
        let head: Vec<&str> = kept.map(String::as_str).collect();
        let text = format!("{}\r\n\r\n{body}", head.join("\r\n"));
        text.chars().map(|c| u8::try_from(c).unwrap()).collect()
    });
    windows.collect()
}

/// Every signature of a mail, in its order: does it hold, as of the time of receipt?
async fn hold(desk: &Desk, gatherer: &Gatherer, case: &Case, count: usize) -> Vec<bool> {
    let mut all = Vec::new();
    for raw in by_twenties(&case.inbound(desk).raw, count) {
        let inbound = Inbound {
            raw,
            ..case.inbound(desk)
        };
        let evidence = gatherer.gather(&inbound, inbound.received_at).await;
        for signature in evidence.dkim {
            let holds = signature.finding == Finding::Pass;
            let alone = Evidence {
                dkim: vec![signature],
                ..Evidence::default()
            };
            let verdict = authenticate::authenticate(&desk.rules.policy, &inbound, Some(&alone));
            let said = verdict.checked.join("\n");
            all.push(holds && !JUDGED_LATER.iter().any(|why| said.contains(why)));
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn every_signature_is_judged_as_a_second_implementation_judges_it() {
    let output = Command::new("/usr/bin/python3")
        .arg(folder().join("verify.py"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
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
    let mut stricter = Vec::new();
    for case in cases() {
        let theirs = &second[&case.file];
        let ours = hold(&desk, &gatherer, &case, theirs.len()).await;
        signatures += ours.len();
        if ours == *theirs {
            continue;
        }
        let is_stricter = ours.len() == theirs.len()
            && ours.iter().zip(theirs).all(|(ours, theirs)| ours <= theirs);
        match STRICTER.iter().find(|(file, _)| *file == case.file) {
            Some((file, _)) if is_stricter => stricter.push(*file),
            _ => faults.push(format!("{}: ours {ours:?}, theirs {theirs:?}", case.file)),
        }
    }
    assert!(signatures > 180, "{signatures} signatures");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let mut rules: Vec<&str> = STRICTER.iter().map(|(file, _)| *file).collect();
    rules.sort_unstable();
    stricter.sort_unstable();
    assert_eq!(stricter, rules, "a rule that nothing needs is no rule");
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
