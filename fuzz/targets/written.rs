//! No instant is made up: what an event tells must stand in the text.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use jiff::Timestamp;
use mail_parser::{MessageParser, PartType};
use regex::Regex;
use stichtag::model::{Facts, RegistryEvent, Source};

/// Every deadline, end of a period and queue time that the event holds.
pub fn instants(event: &RegistryEvent) -> Vec<Timestamp> {
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
    static FORM: LazyLock<Regex> = LazyLock::new(|| {
        let form = r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.[0-9]+)?(?:([Zz])|([+-][0-9]{2}):?([0-9]{2}))";
        Regex::new(form).expect("the form is well formed")
    });
    FORM.captures_iter(text)
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

/// Panics if the event tells an instant that `raw` does not show.
pub fn check(event: &RegistryEvent, raw: &[u8]) {
    let told = instants(event);
    if told.is_empty() {
        return;
    }
    let written = timestamps(&visible(raw, event.source));
    for at in told {
        assert!(written.contains(&at), "{at} is not in the text: {event:?}");
    }
}
