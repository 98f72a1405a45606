//! Whatever the bytes: no panic, and no instant that the text does not contain.

use std::collections::BTreeSet;

use jiff::Timestamp;
use mail_parser::{MessageParser, PartType};
use proptest::prelude::*;
use stichtag::model::{Facts, RegistryEvent, Source};
use stichtag::parse::{denic_mail, denic_queue, detect};

use crate::fixtures;

pub const CASES: u32 = 10_000;

/// One change to a message; numbers are taken modulo what there is.
#[derive(Clone, Debug)]
pub enum Mutation {
    FlipByte(usize, u8),
    DeleteLine(usize),
    DoubleLine(usize),
    SwapLines(usize, usize),
    Truncate(usize),
}

pub fn mutation() -> impl Strategy<Value = Mutation> {
    prop_oneof![
        4 => (any::<usize>(), 1..=255_u8).prop_map(|(place, bits)| Mutation::FlipByte(place, bits)),
        2 => any::<usize>().prop_map(Mutation::DeleteLine),
        2 => any::<usize>().prop_map(Mutation::DoubleLine),
        2 => (any::<usize>(), any::<usize>()).prop_map(|(a, b)| Mutation::SwapLines(a, b)),
        1 => any::<usize>().prop_map(Mutation::Truncate),
    ]
}

pub fn mutate(raw: &[u8], mutations: &[Mutation]) -> Vec<u8> {
    let mut raw = raw.to_vec();
    for mutation in mutations {
        if raw.is_empty() {
            break;
        }
        match *mutation {
            Mutation::FlipByte(place, bits) => {
                let place = place % raw.len();
                raw[place] ^= bits;
            }
            Mutation::Truncate(place) => raw.truncate(place % raw.len()),
            Mutation::DeleteLine(_) | Mutation::DoubleLine(_) | Mutation::SwapLines(..) => {
                let mut lines: Vec<&[u8]> = raw.split_inclusive(|byte| *byte == b'\n').collect();
                match *mutation {
                    Mutation::DeleteLine(line) => {
                        lines.remove(line % lines.len());
                    }
                    Mutation::DoubleLine(line) => {
                        let line = line % lines.len();
                        lines.insert(line, lines[line]);
                    }
                    Mutation::SwapLines(a, b) => {
                        let count = lines.len();
                        lines.swap(a % count, b % count);
                    }
                    _ => unreachable!("handled above"),
                }
                raw = lines.concat();
            }
        }
    }
    raw
}

/// Every deadline, end of a period and queue time that the event holds.
fn instants(event: &RegistryEvent) -> Vec<Timestamp> {
    let mut found = Vec::new();
    match &event.facts {
        Facts::DomainStatus(state) => {
            let asked = state.verification.iter();
            found.extend(asked.flat_map(|asked| [asked.dedelegation_at, asked.deletion_at]));
        }
        Facts::RequestAnswer {
            verification,
            expire_at,
            ..
        } => {
            let asked = verification.iter();
            found.extend(asked.flat_map(|asked| [asked.dedelegation_at, asked.deletion_at]));
            found.push(*expire_at);
        }
        Facts::ContactVerificationRequired(contact) => {
            found.push(contact.earliest_dedelegation.as_ref().map(|(_, at)| *at));
            found.push(contact.earliest_deletion.as_ref().map(|(_, at)| *at));
        }
        Facts::ExpireWarning { expire_at, .. }
        | Facts::Expire { expire_at, .. }
        | Facts::AuthInfoExpire { expire_at, .. }
        | Facts::DomainDelete { expire_at, .. } => found.push(*expire_at),
        _ => {}
    }
    if event.source == Source::DenicQueue {
        found.push(event.registry_time);
    }
    found.into_iter().flatten().collect()
}

/// Every timestamp that stands in the text, found without the reader's help.
fn timestamps(text: &str) -> BTreeSet<Timestamp> {
    let form = regex::Regex::new(
        r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(?:([Zz])|([+-]\d\d):?(\d\d))",
    )
    .unwrap();
    form.captures_iter(text)
        .filter_map(|found| {
            let zone = match found.get(3) {
                Some(hours) => format!("{}:{}", hours.as_str(), &found[4]),
                None => "Z".to_owned(),
            };
            format!("{}{zone}", &found[1]).parse().ok()
        })
        .collect()
}

fn is_zero_width(letter: char) -> bool {
    matches!(letter, '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}')
}

/// The text as a person would see it: raw, and for a mail every part decoded.
fn visible(raw: &[u8], source: Source) -> String {
    let mut text = String::from_utf8_lossy(raw).into_owned();
    if source == Source::DenicMail
        && let Some(mail) = MessageParser::default().parse(raw)
    {
        for part in &mail.parts {
            if let PartType::Text(part) | PartType::Html(part) = &part.body {
                text.push('\n');
                text.push_str(part);
            }
        }
    }
    text.retain(|letter| !is_zero_width(letter));
    text
}

fn check(raw: &[u8]) -> Result<(), TestCaseError> {
    detect(raw);
    for event in [denic_mail(raw), denic_queue(raw)].into_iter().flatten() {
        let told = instants(&event);
        if told.is_empty() {
            continue;
        }
        let written = timestamps(&visible(raw, event.source));
        for at in told {
            prop_assert!(written.contains(&at), "{at} is not in the text: {event:?}");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_are_read_or_refused(raw in prop::collection::vec(any::<u8>(), 0..400)) {
        check(&raw)?;
    }

    #[test]
    fn a_changed_message_is_read_or_refused_and_no_deadline_is_made_up(
        which in any::<prop::sample::Index>(),
        mutations in prop::collection::vec(mutation(), 1..6),
    ) {
        thread_local! {
            static FIXTURES: Vec<(String, Source, Vec<u8>)> = fixtures();
        }
        let raw = FIXTURES.with(|all| mutate(&which.get(all).2, &mutations));
        check(&raw)?;
    }
}

#[test]
fn the_check_itself_would_see_an_invented_deadline() {
    let written = timestamps("[Date: 2026-06-04T08:30:00+02:00]");
    assert!(written.contains(&"2026-06-04T06:30:00Z".parse().unwrap()));
    assert!(!written.contains(&"2026-06-04T08:30:00Z".parse().unwrap()));
}

/// Both deadlines are there, or the message is not acted on at all.
fn is_safe(raw: &[u8], source: Source) -> bool {
    let Ok(event) = crate::read(source, raw) else {
        return true;
    };
    let asked = match &event.facts {
        Facts::DomainStatus(state) => state.verification.as_ref(),
        Facts::RequestAnswer { verification, .. } => verification.as_ref(),
        Facts::Unknown { .. } => return true,
        _ => None,
    };
    asked.is_some_and(|asked| asked.dedelegation_at.is_some() && asked.deletion_at.is_some())
}

#[test]
fn no_single_wrong_bit_makes_a_deadline_vanish() {
    let with_both = [
        "03-live-verification-required.eml",
        "06-live-old-argument-format.eml",
        "21-queue-domainStatusUpdate-verification.kv",
        "40-bare-message-undeclared-prefix-nbsp.xml",
        "deadline-brackets-alone.kv",
        "deadline-fields-alone.kv",
    ];
    let mut lost = String::new();
    for (name, source, raw) in fixtures() {
        if !with_both.contains(&name.as_str()) {
            continue;
        }
        assert!(is_safe(&raw, source), "{name}");
        for place in 0..raw.len() {
            for bit in 0..8 {
                let mut wrong = raw.clone();
                wrong[place] ^= 1 << bit;
                if !is_safe(&wrong, source) {
                    let around = &wrong[place.saturating_sub(20)..wrong.len().min(place + 20)];
                    lost += &format!("{name}: {:?}\n", String::from_utf8_lossy(around));
                }
            }
        }
    }
    assert!(lost.is_empty(), "{lost}");
}
