//! What mail systems say about trouble, in the words they use for it.

use std::sync::LazyLock;

use regex::Regex;

use super::phrases::{BLOCKED, DELAYED, FAILED, FULL, GIVEN_UP, NO_DOMAIN, NO_USER};
use crate::model::{BounceCategory, MailStatus};

/// Longest line that is shown, in characters.
const LINE_MAX: usize = 300;

/// The text on one line, without control characters, short enough to be shown.
pub(super) fn line(text: &str) -> String {
    let mut line = String::new();
    let mut count = 0;
    for word in text.split(|letter: char| letter.is_whitespace() || letter.is_control()) {
        if word.is_empty() {
            continue;
        }
        if count > 0 {
            line.push(' ');
        }
        line.push_str(word);
        count += 1 + word.chars().count();
        if count > LINE_MAX {
            break;
        }
    }
    if let Some((end, _)) = line.char_indices().nth(LINE_MAX) {
        line.truncate(end);
        line.push('…');
    }
    line
}

/// The first enhanced status in a text. Versions and addresses have the same form: a number beside it,
/// or a word such as "version" before it, rules it out.
pub(super) fn status(text: &str) -> Option<MailStatus> {
    static STATUS: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?:^|[\s(\[#<;:,=/-])([245]\.\d{1,3}\.\d{1,3})(?:$|[\s)\]>;:,#-]|\.(?:\s|$))")
            .unwrap_or_else(|error| unreachable!("a constant pattern: {error}"))
    });
    STATUS
        .captures_iter(text)
        .filter_map(|found| found.get(1))
        .find(|found| {
            let before = text[..found.start()].trim_end_matches(['(', ' ', '[']);
            let word = before
                .rsplit(char::is_whitespace)
                .next()
                .unwrap_or_default();
            ![
                "version", "v", "ver.", "release", "postfix", "exim", "sendmail", "mdaemon",
            ]
            .iter()
            .any(|name| name.eq_ignore_ascii_case(word))
        })
        .and_then(|found| found.as_str().parse().ok())
}

/// What kind of trouble status and words tell of.
pub(super) fn category(status: Option<MailStatus>, text: &str) -> BounceCategory {
    let of_status = |generic: bool| {
        let status = status.filter(|status| status.class != 2)?;
        Some(match (status.subject, status.detail) {
            (1, 1) => BounceCategory::UnknownUser,
            (1, 2) | (4, 4) => BounceCategory::DomainUnknown,
            (2, 2) => BounceCategory::MailboxFull,
            (1, 3 | 6) | (2, 1) if generic => BounceCategory::UnknownUser,
            (1, 10) if generic => BounceCategory::DomainUnknown,
            (1, 7 | 8) | (7, _) if generic => BounceCategory::Blocked,
            _ => return None,
        })
    };
    let words = text.to_lowercase();
    of_status(false)
        .or_else(|| of_words(&words))
        .or_else(|| of_status(true))
        .unwrap_or(BounceCategory::Other)
}

fn of_words(text: &str) -> Option<BounceCategory> {
    [
        (BounceCategory::MailboxFull, FULL),
        (BounceCategory::DomainUnknown, NO_DOMAIN),
        (BounceCategory::UnknownUser, NO_USER),
        (BounceCategory::Blocked, BLOCKED),
    ]
    .into_iter()
    .find(|(_, words)| has(text, words))
    .map(|(category, _)| category)
}

/// Does the text, in lower case, hold one of the words?
pub(super) fn has(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.contains(word))
}

/// Does the text, in lower case, say that a mail did not arrive?
pub(super) fn tells_failure(text: &str) -> bool {
    has(text, FAILED) || has(text, FULL) || has(text, NO_DOMAIN) || has(text, NO_USER)
}

/// Does the text, in lower case, say that it is tried further?
pub(super) fn tells_delay(text: &str) -> bool {
    has(text, DELAYED) && !has(text, GIVEN_UP)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_told_from_versions_and_addresses() {
        for (text, want) in [
            ("550 5.1.1 <a@example.net>: no such user", Some("5.1.1")),
            ("#5.7.1 smtp;550", Some("5.7.1")),
            ("550-5.7.26 This mail", Some("5.7.26")),
            ("(#4.4.3)", Some("4.4.3")),
            ("status 5.2.2.", Some("5.2.2")),
            ("192.5.1.1 refused", None),
            ("host mx[2.5.1.1] said: 550 no", None),
            ("MDaemon 5.0.1 says 550 5.1.1", Some("5.1.1")),
            ("version 2.1.0", None),
            ("12.5.2026", None),
        ] {
            let got = status(text).map(|status| status.to_string());
            assert_eq!(got.as_deref(), want, "{text}");
        }
    }

    #[test]
    fn trouble_is_sorted_by_status_and_words() {
        use BounceCategory::*;
        for (status, text, want) in [
            ("5.1.1", "", UnknownUser),
            ("5.2.2", "", MailboxFull),
            ("5.0.0", "552 Mailbox full", MailboxFull),
            ("5.7.1", "550 relaying denied", Blocked),
            ("5.7.1", "", Blocked),
            ("5.4.4", "Host not found", DomainUnknown),
            (
                "5.1.10",
                "RESOLVER.ADR.RecipientNotFound; Recipient not found",
                UnknownUser,
            ),
            (
                "5.1.10",
                "recipient domain has no mail service",
                DomainUnknown,
            ),
            ("5.0.0", "Der Empfänger unbekannt", UnknownUser),
            ("4.4.1", "connection timed out", Other),
        ] {
            assert_eq!(category(status.parse().ok(), text), want, "{status} {text}");
        }
    }

    #[test]
    fn a_line_is_one_line() {
        assert_eq!(line(" a\r\n\tb\0c\u{1b}[31m "), "a b c [31m");
        assert_eq!(line(&"x".repeat(1_000)).chars().count(), LINE_MAX + 1);
        assert_eq!(line(&"x ".repeat(1_000)).chars().count(), LINE_MAX + 1);
    }
}
