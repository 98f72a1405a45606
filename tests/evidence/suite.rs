//! The mails of `fixtures/trust` that turn on what can be proven.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use stichtag::model::{Envelope, Inbound, Source};

use super::house::{House, codes, config};

#[derive(Deserialize)]
struct Case {
    file: PathBuf,
    family: String,
    sender: Option<String>,
    to: String,
    client: Option<String>,
    helo: Option<String>,
    received_at: jiff::Timestamp,
    codes: Vec<String>,
}

#[tokio::test]
async fn no_fault_of_proof_is_overlooked_and_no_genuine_proof_missed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/trust");
    let read = |file: &str| std::fs::read_to_string(folder.join(file)).unwrap();
    let records: BTreeMap<String, Vec<String>> = serde_json::from_str(&read("dns.json")).unwrap();
    let house = House::new(config("[\"none\"]", &records, &[]));
    let mut count = 0;
    let mut wrong = Vec::new();
    for line in read("cases.jsonl").lines() {
        let case: Case = serde_json::from_str(line).unwrap();
        if !["dkim", "no-proof", "genuine"].contains(&case.family.as_str()) {
            continue;
        }
        let mail = Inbound {
            source: Source::DenicMail,
            received_at: case.received_at,
            envelope: Envelope {
                mail_from: case.sender,
                recipients: vec![case.to],
                peer: Some("127.0.0.1".parse().unwrap()),
                client_address: case.client.map(|client| client.parse().unwrap()),
                client_helo: case.helo,
                ..Envelope::default()
            },
            environment: None,
            raw: std::fs::read(folder.join(&case.file)).unwrap(),
        };
        let (evidence, verdict) = house.judge(&mail).await;
        let holds = codes(&verdict);
        let is_right = match case.family.as_str() {
            // Those vouched for by an edge or a key want a configuration of their own.
            "genuine" => verdict.is_trusted || evidence.dkim.is_empty(),
            _ => case.codes.iter().any(|code| holds.contains(&code.as_str())),
        };
        count += 1;
        if !is_right {
            wrong.push(format!(
                "{}: {holds:?}, expected {:?}\n  {}",
                case.file.display(),
                case.codes,
                verdict.checked.join("\n  ")
            ));
        }
    }
    assert!(count > 100, "{count} mails");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
