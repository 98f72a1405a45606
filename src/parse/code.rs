//! Coded lines: `<11 digits> <text>[ [<arguments>]]`, and what the codes say (`denic.md` 6).

use jiff::Timestamp;

use super::instant;
use super::notes::Notes;
use super::text::quote;
use crate::model::{Environment, Level, Reason, RegistryMessage, RegistryStatus, reason};

/// The domain is connected.
pub(super) const CONNECT: &str = "53000080013";
/// The domain is on serverHold.
pub(super) const SERVER_HOLD: &str = "53000080015";
/// The name servers were refused: status `failed`; the argument is the end of its period.
pub(super) const FAILED: &str = "33300102900";
/// The message comes from the test environment.
pub(super) const TEST: &str = "13000000011";
/// A deadline before dedelegation.
pub(super) const DEDELEGATION: &str = "16350000040";
/// A deadline before deletion; in a contactUpdate: the contact was changed.
pub(super) const DELETION: &str = "16350000041";
/// A contact's change concerns all its domains.
pub(super) const CONTACT_DOMAINS: &str = "16350000042";
/// A contact must be verified.
pub(super) const CONTACT_ASKED: &str = "16350000050";
/// How to verify a contact.
pub(super) const CONTACT_HOW: &str = "16350000051";

/// The codes of `denic.md` 6.2, in order.
const KNOWN: [&str; 33] = [
    "11300077725",
    "11300077726",
    TEST,
    "13000000022",
    "13350000001",
    "16000063119",
    "16330088732",
    DEDELEGATION,
    DELETION,
    CONTACT_DOMAINS,
    CONTACT_ASKED,
    CONTACT_HOW,
    "33000000022",
    FAILED,
    "33300102912",
    "46000108827",
    "53000000008",
    "53000000012",
    "53000020002",
    "53000060009",
    "53000080011",
    CONNECT,
    SERVER_HOLD,
    "53300081600",
    "53300100021",
    "53300102902",
    "53300102912",
    "60009500901",
    "63000000006",
    "63000000007",
    "63300062009",
    "83000000000",
    "83000000010",
];

/// A coded line and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Coded {
    /// Line, from 1.
    pub line: usize,
    /// What it says.
    pub message: RegistryMessage,
}

impl Coded {
    /// Reads the value of an INFO, WARNING, ERROR or message line; `None` without an 11-digit code.
    pub fn read(line: usize, level: Level, value: &str) -> Option<Self> {
        if !has_code(value) {
            return None;
        }
        let (code, rest) = value.split_at(11);
        let (text, arguments) = split_arguments(rest.trim());
        Some(Coded {
            line,
            message: RegistryMessage {
                level,
                code: code.to_owned(),
                text: text.to_owned(),
                arguments,
            },
        })
    }

    /// The beginning of a sentence about it.
    pub fn place(&self) -> String {
        format!("line {}, code {}", self.line, self.message.code)
    }

    /// Is the code in the registry's published tables?
    pub fn is_known(&self) -> bool {
        KNOWN.binary_search(&self.message.code.as_str()).is_ok()
    }

    /// The status that the line states: by its code, or as `Domain "Status" is "<value>"`.
    ///
    /// R12 if code and text disagree.
    pub fn status(&self) -> Result<Option<RegistryStatus>, Reason> {
        let by_code = match self.message.code.as_str() {
            CONNECT => Some(RegistryStatus::Connect),
            SERVER_HOLD => Some(RegistryStatus::ServerHold),
            FAILED => Some(RegistryStatus::Failed),
            _ => None,
        };
        let by_text = quoted_status(&self.message.text).map(RegistryStatus::from);
        match (by_code, by_text) {
            (Some(code), Some(text)) if code != text => Err(Reason::new(
                reason::CONTRADICTION,
                format!(
                    "{}: the code stands for status `{code}`, the text says `{}`",
                    self.place(),
                    quote(text.as_str())
                ),
            )),
            (by_code, by_text) => Ok(by_code.or(by_text)),
        }
    }

    /// Does it say that a contact was changed (16350000041 with its other meaning)?
    pub fn is_contact_changed(&self) -> bool {
        self.message.code == DELETION
            && self
                .message
                .text
                .to_ascii_lowercase()
                .starts_with("contact has been updated")
    }
}

/// Does the value begin with exactly 11 digits and then a blank, or nothing?
pub(super) fn has_code(value: &str) -> bool {
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    digits == 11 && matches!(value.as_bytes().get(11), None | Some(b' '))
}

/// Splits what an XML message gives as one argument; it may hold several, joined as in key/value.
pub(super) fn split_list(list: &str, arguments: &mut Vec<String>) {
    let mut start = 0;
    for (comma, _) in list.match_indices(',') {
        if comma >= start && begins_argument(&list[comma + 1..]) {
            arguments.push(list[start..comma].trim().to_owned());
            start = comma + 1;
        }
    }
    arguments.push(list[start..].trim().to_owned());
}

/// Mentions unknown codes (W02) and finds the environment that the codes name.
pub(super) fn survey(messages: &[Coded], notes: &mut Notes) -> Option<Environment> {
    for coded in messages.iter().filter(|coded| !coded.is_known()) {
        let code = &coded.message.code;
        notes.at(
            reason::UNKNOWN_CODE,
            coded.line,
            format!("code {code} is not known"),
        );
    }
    messages
        .iter()
        .any(|coded| coded.message.code == TEST)
        .then_some(Environment::Test)
}

/// The one status that the messages state; R12 if they state two.
pub(super) fn one_status(messages: &[Coded]) -> Result<Option<(RegistryStatus, usize)>, Reason> {
    let mut stated: Option<(RegistryStatus, usize)> = None;
    for coded in messages {
        let Some(status) = coded.status()? else {
            continue;
        };
        match &stated {
            Some((first, _)) if *first != status => {
                return Err(Reason::new(
                    reason::CONTRADICTION,
                    format!(
                        "{}: it says status `{}` after `{}`",
                        coded.place(),
                        quote(status.as_str()),
                        quote(first.as_str())
                    ),
                ));
            }
            Some(_) => {}
            None => stated = Some((status, coded.line)),
        }
    }
    Ok(stated)
}

/// Is it one of the two deadline lines, in the sense of a domain's verification?
pub(super) fn is_deadline(coded: &Coded) -> bool {
    match coded.message.code.as_str() {
        DEDELEGATION => true,
        DELETION => !coded.is_contact_changed(),
        _ => false,
    }
}

/// End of the period of a domain in status `failed`: the argument of 33300102900, where it has one.
pub(super) fn failed_until(messages: &[Coded]) -> Result<Option<Timestamp>, Reason> {
    let Some(coded) = messages.iter().find(|coded| coded.message.code == FAILED) else {
        return Ok(None);
    };
    let Some(argument) = coded.message.arguments.first() else {
        return Ok(None);
    };
    instant::read(argument)
        .map(Some)
        .map_err(|no| no.reason(&coded.place(), argument, reason::NOT_UNDERSTOOD))
}

/// The registry's reference for a changed contact: `request-reference DENIC#:88123`.
pub(super) fn reference(messages: &[Coded]) -> Option<String> {
    messages
        .iter()
        .flat_map(|coded| &coded.message.arguments)
        .find_map(|argument| argument.strip_prefix("request-reference"))
        .map(|reference| reference.trim_start_matches(':').trim().to_owned())
        .filter(|reference| !reference.is_empty())
}

/// Takes the last top-level `[…]` at the end of the line as arguments.
fn split_arguments(rest: &str) -> (&str, Vec<String>) {
    let Some(inner_end) = rest.len().checked_sub(1).filter(|_| rest.ends_with(']')) else {
        return (rest, Vec::new());
    };
    let mut depth = 0_usize;
    for (place, byte) in rest.bytes().enumerate().rev() {
        match byte {
            b']' => depth += 1,
            b'[' if depth == 1 => {
                let mut arguments = Vec::new();
                split_list(&rest[place + 1..inner_end], &mut arguments);
                arguments.retain(|argument| !argument.is_empty());
                return (rest[..place].trim_end(), arguments);
            }
            b'[' => depth -= 1,
            _ => {}
        }
    }
    (rest, Vec::new())
}

/// Does a new argument begin here, right after a comma? A comma alone does not part arguments:
/// `(ns1.example.net, 192.0.2.53)` holds one.
fn begins_argument(after_comma: &str) -> bool {
    let text = after_comma.trim_start();
    if instant::begins(text) {
        return true;
    }
    let name_end = text
        .bytes()
        .take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'-' || *byte == b'_')
        .count();
    let (name, rest) = text.split_at(name_end);
    if !name.starts_with(|first: char| first.is_ascii_alphabetic()) {
        return false;
    }
    // A blank must follow the colon (`fe80::1` is no name), except where the name is known.
    rest.starts_with(": ")
        || (rest.starts_with(':')
            && ["date", "ate", "verificationclaims"]
                .iter()
                .any(|known| known.eq_ignore_ascii_case(name)))
}

/// The value in the second pair of quotes of `… Domain "Status" is "<value>" …`.
fn quoted_status(text: &str) -> Option<&str> {
    let mut pieces = text.split(['"', '\u{201c}', '\u{201d}', '\u{201e}']);
    let before = pieces.next()?.trim_end();
    let word = before.rsplit(' ').next()?;
    let is_statement = word.eq_ignore_ascii_case("domain")
        && pieces.next()?.trim().eq_ignore_ascii_case("status")
        && pieces.next()?.trim().eq_ignore_ascii_case("is");
    let value = pieces.next()?.trim();
    // Without the closing quote there is no further piece.
    (is_statement && !value.is_empty() && pieces.next().is_some()).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> RegistryMessage {
        Coded::read(1, Level::Info, value).unwrap().message
    }

    #[test]
    fn the_table_of_codes_is_in_order() {
        assert!(KNOWN.is_sorted());
    }

    #[test]
    fn arguments_are_split_only_where_one_begins() {
        let deadline = read(
            "16350000040 by [Date: 2026-06-04T08:30:00+02:00, VerificationClaims: address;name]",
        );
        assert_eq!(deadline.text, "by");
        assert_eq!(
            deadline.arguments,
            [
                "Date: 2026-06-04T08:30:00+02:00",
                "VerificationClaims: address;name"
            ]
        );
        let nested = read(
            "53300102912 Nameserver error [ERROR: 118 Inconsistent [x] (ns1.example.net, fe80::1)]",
        );
        assert_eq!(
            nested.arguments,
            ["ERROR: 118 Inconsistent [x] (ns1.example.net, fe80::1)"]
        );
        let bare = read("16350000040 by [2026-06-04T08:30:00+02:00, 2026-06-05T08:30:00+02:00]");
        assert_eq!(bare.arguments.len(), 2);
    }

    #[test]
    fn brackets_inside_the_sentence_are_no_arguments() {
        for value in [
            "53000080013 a [b] c",
            "53000080013 a b]",
            "53000080013",
            "53000080013 []",
        ] {
            assert!(read(value).arguments.is_empty(), "{value}");
        }
    }

    #[test]
    fn a_code_has_eleven_digits() {
        for value in [
            "",
            "5300008001 x",
            "530000800131 x",
            "53000080013x",
            "5300008001a x",
        ] {
            assert!(Coded::read(1, Level::Info, value).is_none(), "{value}");
        }
    }

    #[test]
    fn a_status_is_stated_by_code_or_by_text() {
        let status = |value| Coded::read(1, Level::Info, value).unwrap().status();
        assert_eq!(
            status("53000080013 Domain \"Status\" is \"connect\"").unwrap(),
            Some(RegistryStatus::Connect)
        );
        assert_eq!(
            status("53000080099 Domain \"Status\" is \"pendingCreate\"").unwrap(),
            Some(RegistryStatus::PendingCreate)
        );
        assert_eq!(
            status("53000080099 Domain \"Status\" is \"open").unwrap(),
            None
        );
        assert_eq!(
            status("53000080015 Domain \"Status\" is \"connect\"")
                .unwrap_err()
                .code,
            reason::CONTRADICTION
        );
    }
}
