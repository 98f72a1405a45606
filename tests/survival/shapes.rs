//! Every file that lies in this repository as a mail, and the mails that others have published, where
//! `tests/run` could get them: each twice as it is, and twice with the line ends that Postfix makes.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use stichtag::model::sha256_hex;
use stichtag::store::MessageVerdict;

use super::house::{House, below, broke, files, number};
use super::wire::{ended, send_all};

/// Where `tests/run` puts what others have published; nothing of it is in this repository.
const PUBLIC: &str = "PUBLIC_MAILS";

fn mails() -> Vec<(PathBuf, Vec<u8>)> {
    let mut paths = files("fixtures");
    let ours = paths.len();
    assert!(ours > 550, "{ours} fixtures");
    paths.extend(files("fuzz/corpus"));
    if let Some(folder) = std::env::var_os(PUBLIC) {
        let before = paths.len();
        below(&PathBuf::from(folder), &mut paths);
        println!("{} public files", paths.len() - before);
    }
    let read = |path: PathBuf| {
        let raw = std::fs::read(&path).unwrap();
        (path, raw)
    };
    paths.into_iter().map(read).collect()
}

/// As a mail server in front makes of it: every line ends in CRLF, no NUL.
fn as_postfix_would(raw: &[u8]) -> Vec<u8> {
    let mut mail = Vec::with_capacity(raw.len());
    for (place, byte) in raw.iter().enumerate() {
        match byte {
            0 => {}
            b'\r' if raw.get(place + 1) == Some(&b'\n') => {}
            b'\r' | b'\n' => mail.extend_from_slice(b"\r\n"),
            other => mail.push(*other),
        }
    }
    mail
}

/// Sends everything to a server, and says what is in its world before and afterwards.
async fn survive(policy: &[(&str, &str)]) -> (String, String) {
    let house = House::open(&BTreeMap::new(), policy).await;
    let before = house.world().await;
    let mut sent: Vec<(String, Vec<u8>)> = Vec::new();
    for (path, raw) in mails() {
        let name = path.display().to_string();
        let plain = as_postfix_would(&raw);
        for (how, raw) in [("as it is", raw), ("by Postfix", plain)] {
            for time in ["first", "second"] {
                sent.push((format!("{name}, {how}, {time}"), ended(raw.clone())));
            }
        }
    }
    let sent = Arc::new(sent);
    let series = sent.clone();
    let series = Arc::new(move |number: usize| series[number].1.clone());
    let answers = send_all(house.running.bound.smtp[0], series, sent.len(), 8).await;
    let entries = house.decided().await;
    let by_id: BTreeMap<_, _> = entries.iter().map(|entry| (entry.id, entry)).collect();
    let mut kept = 0;
    for ((name, raw), answer) in sent.iter().zip(&answers) {
        let answer = answer
            .as_ref()
            .unwrap_or_else(|| panic!("{name} got no answer"));
        let Some(id) = number(answer) else {
            assert!(answer.starts_with("55"), "{name}: {answer}");
            continue;
        };
        kept += 1;
        let entry = by_id[&id];
        assert_eq!(entry.sha256, sha256_hex(raw), "{name} is kept as it came");
        assert!(!broke(entry), "{name}: {:?}", entry.decision);
    }
    assert_eq!(entries.len(), kept, "a line of the log for every 250");
    assert!(kept * 10 > sent.len() * 6, "{kept} of {} kept", sent.len());
    let after = house.world().await;
    // A stranger changed nothing, be it only that it counts as decided.
    let applied = entries.iter().filter(|entry| {
        let decision = entry.decision.as_ref();
        decision.is_some_and(|one| one.verdict == MessageVerdict::Applied)
    });
    println!(
        "{} mails, {kept} kept, {} applied",
        sent.len(),
        applied.count()
    );
    house.running.stop().await;
    (before, after)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mail_of_every_shape_is_answered_and_decided_and_changes_no_domain() {
    let (before, after) = survive(&[]).await;
    assert_eq!(after, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_is_survived_where_nobody_has_to_prove_anything() {
    let (before, after) = survive(&[
        ("ROUTE__DENIC_LIVE__REQUIRE", "record"),
        ("DOMAINS__UNKNOWN_DOMAIN", "create"),
    ])
    .await;
    // Here the genuine ones among them are believed, and so is much else.
    assert_ne!(after, before);
}
