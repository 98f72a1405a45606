//! Genuine mails with some bytes changed: none is lost, and none is acted upon that is not one of the
//! genuine ones, byte by byte.
//!
//! So many as take less than a minute; a hundred thousand by
//! `MUTATED_MAILS=100000 cargo test --test survival mutated -- --nocapture` (some minutes).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use stichtag::model::sha256_hex;
use stichtag::store::MessageVerdict;

use super::house::{House, broke, files, number};
use super::wire::{ended, send_all};

/// So many, unless this variable says otherwise.
const COUNT: usize = 30_000;
const COUNT_VARIABLE: &str = "MUTATED_MAILS";

const CONNECTIONS: usize = 48;

/// What readers of mail look for.
const TOKENS: [&[u8]; 20] = [
    b"\r\n",
    b"\r\n\r\n",
    b"\r\n ",
    b"\n",
    b"\r",
    b"\0",
    b".",
    b"\r\nFrom: registry-response@denic.de",
    b"\r\nContent-Type: text/html",
    b"\r\nX-Field: x",
    b"=?utf-8?q?",
    b"<",
    b">",
    b"\"",
    b"(",
    b";",
    b"[Date: 2026-06-04T08:30:00+02:00]",
    b"serverHold",
    b"--",
    b"\xc3\xa4",
];

/// One to four changes of some bytes.
fn mutate(raw: &[u8], random: &mut StdRng) -> Vec<u8> {
    let mut mail = raw.to_vec();
    for _ in 0..random.random_range(1..=4) {
        let at = random.random_range(0..=mail.len());
        let end = (at + random.random_range(1..40)).min(mail.len());
        let token = TOKENS[random.random_range(0..TOKENS.len())];
        match random.random_range(0..7) {
            0 | 1 => {
                if let Some(byte) = mail.get_mut(at) {
                    *byte = random.random();
                }
            }
            2 => drop(mail.splice(at..at, token.iter().copied())),
            3 => drop(mail.splice(at..end, token.iter().copied())),
            4 => drop(mail.drain(at..end)),
            5 => {
                let again = mail[at..end].to_vec();
                let to = random.random_range(0..=mail.len());
                mail.splice(to..to, again);
            }
            _ => mail.truncate(at),
        }
    }
    // Most come through a mail server, which lets no lone line end and no NUL pass.
    if random.random_range(0..10) > 0 {
        mail.retain(|byte| *byte != 0);
        let mut whole = Vec::with_capacity(mail.len());
        for byte in mail {
            match (byte, whole.last()) {
                (b'\n', Some(b'\r')) => whole.push(b'\n'),
                (b'\n', _) => whole.extend_from_slice(b"\r\n"),
                (other, Some(b'\r')) => {
                    whole.pop();
                    whole.extend_from_slice(b" ");
                    whole.push(other);
                }
                (other, _) => whole.push(other),
            }
        }
        mail = whole;
    }
    ended(mail)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_all_changed_mails_none_is_lost_and_none_is_believed() {
    let count = std::env::var(COUNT_VARIABLE).map_or(COUNT, |text| text.parse().unwrap());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/trust");
    let keys = std::fs::read_to_string(folder.join("dns.json")).unwrap();
    let keys: BTreeMap<String, Vec<String>> = serde_json::from_str(&keys).unwrap();
    let house = House::open(&keys, &[]).await;
    let server = house.running.bound.smtp[0];

    // The genuine ones first, so that a copy says nothing new.
    let mut seeds = Vec::new();
    for folder in [
        "fixtures/trust/genuine",
        "fixtures/trust/arc",
        "fixtures/denic-mail",
    ] {
        for path in files(folder) {
            seeds.push(ended(std::fs::read(path).unwrap()));
        }
    }
    let seeds = Arc::new(seeds);
    let genuine: BTreeSet<String> = seeds.iter().map(|raw| sha256_hex(raw)).collect();
    let series = seeds.clone();
    let answers = send_all(
        server,
        Arc::new(move |number: usize| series[number].clone()),
        seeds.len(),
        1,
    )
    .await;
    assert!(answers.iter().all(Option::is_some));
    let first = house.decided().await;
    let applied = first.iter().filter(|entry| {
        let decision = entry.decision.as_ref().unwrap();
        decision.verdict == MessageVerdict::Applied
    });
    assert!(applied.count() >= 3, "some of them are news");
    let before = house.world().await;

    let begin = Instant::now();
    let mails = seeds.clone();
    let series = Arc::new(move |number: usize| {
        let mut random = StdRng::seed_from_u64(number as u64);
        mutate(&mails[number % mails.len()], &mut random)
    });
    let answers = send_all(server, series.clone(), count, CONNECTIONS).await;
    println!("answered after {:?}", begin.elapsed());
    let entries = house.decided().await;
    println!("decided after {:?}", begin.elapsed());
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut kept = 0;
    let log: BTreeMap<_, _> = entries.iter().map(|entry| (entry.id, entry)).collect();
    for (place, answer) in answers.iter().enumerate() {
        let answer = answer
            .as_ref()
            .unwrap_or_else(|| panic!("mail {place} got no answer"));
        let Some(id) = number(answer) else {
            assert!(answer.starts_with("55"), "mail {place}: {answer}");
            *counts.entry("refused").or_default() += 1;
            continue;
        };
        kept += 1;
        let entry = log[&id];
        let raw = series(place);
        assert_eq!(
            entry.sha256,
            sha256_hex(&raw),
            "mail {place} is kept as it came"
        );
        assert!(!broke(entry), "mail {place}: {:?}", entry.decision);
        let verdict = entry.decision.as_ref().unwrap().verdict;
        *counts.entry(verdict.as_str()).or_default() += 1;
        let is_believed = verdict == MessageVerdict::Applied;
        assert!(
            !is_believed || genuine.contains(&entry.sha256),
            "mail {place}: {}",
            String::from_utf8_lossy(&raw)
        );
    }
    println!("{counts:?}");
    assert_eq!(
        entries.len(),
        first.len() + kept,
        "a line of the log for every 250"
    );
    assert!(kept * 10 > count * 8, "{kept} of {count} kept");
    // A signature in relaxed form holds whatever becomes of blanks: such a mail is the genuine one, and
    // may be filed as an older fact.
    let bare = |raw: &[u8]| -> Vec<u8> {
        let bytes = raw.iter().copied();
        bytes.filter(|byte| !byte.is_ascii_whitespace()).collect()
    };
    let bare_seeds: BTreeSet<Vec<u8>> = seeds.iter().map(|raw| bare(raw)).collect();
    let filed: BTreeSet<_> = (0..count)
        .filter(|place| bare_seeds.contains(&bare(&series(*place))))
        .filter_map(|place| number(answers[place].as_ref()?))
        .collect();
    let after = house.world_without(&filed).await;
    let differs = before.lines().zip(after.lines()).find(|(a, b)| a != b);
    assert!(before == after, "a domain was changed: {differs:?}");
    house.running.stop().await;
}
