//! The outer form of the header section: what readers disagree about is held, whoever vouches for it.

use super::header;
use crate::model::reason::{self, Reason};
use crate::model::{deceit, is_hidden};

/// Longest line of a header, without its line end (RFC 5322, section 2.1.1).
const LINE_BYTES_MAX: usize = 998;

/// Fields that may stand there once (RFC 5322, section 3.6). From and Subject have codes of their own,
/// the fields of MIME are counted for every part where the parts are read.
const SINGULAR: [&str; 9] = [
    "Date",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Bcc",
    "Message-ID",
    "In-Reply-To",
    "References",
];

/// Fields that somebody reads, so that bytes above 127 in them matter.
const READ: [&str; 13] = [
    "From",
    "Subject",
    "Date",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Message-ID",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "Content-Disposition",
    "Return-Path",
];

/// What is wrong with the header of `raw`, whose `fields` were read before.
pub(super) fn faults(raw: &[u8], fields: &[(String, String)]) -> Vec<Reason> {
    let mut found = Vec::new();
    for name in SINGULAR {
        let count = header::values(fields, name).len();
        if count > 1 {
            found.push(Reason::new(
                reason::REPEATED_FIELD,
                format!("{count} {name} fields, expected at most one"),
            ));
        }
    }
    if let Some(fault) = lines(raw) {
        found.push(Reason::new(reason::HEADER_FORM, fault));
    }
    for name in ["From", "Subject"] {
        for value in header::values(fields, name) {
            if let Some(fault) = encoded_words(value, name == "From") {
                let text = format!("{name}: {fault}");
                found.push(Reason::new(reason::ENCODED_WORD, text));
            }
        }
    }
    found
}

/// What is wrong with a decoded subject: the sentence of R28.
pub(super) fn subject_fault(subject: &str) -> Option<String> {
    deceit(subject).map(|(c, why)| {
        format!(
            "the subject holds the character U+{:04X} {why}",
            u32::from(c)
        )
    })
}

/// The first line of the header that is none.
fn lines(raw: &[u8]) -> Option<String> {
    let mut is_read_field = false;
    let mut is_after_field = false;
    for (number, line) in (1..).zip(raw.split(|byte| *byte == b'\n')) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            return None;
        }
        if number == 1 && line.starts_with(b"From ") {
            // A file taken from a mailbox begins with its envelope line.
            continue;
        }
        if line.len() > LINE_BYTES_MAX {
            return Some(format!(
                "line {number} of the header has more than {LINE_BYTES_MAX} octets"
            ));
        }
        if matches!(line, [b' ' | b'\t', ..]) {
            if !is_after_field {
                return Some(format!("line {number} of the header continues no field"));
            }
            if line.trim_ascii().is_empty() {
                return Some(format!("line {number} of the header has blanks only"));
            }
        } else {
            // A line that is no field has a code of its own.
            let colon = line.iter().position(|byte| *byte == b':');
            let name = line[..colon.unwrap_or(0)].trim_ascii_end();
            is_after_field = true;
            is_read_field = READ
                .iter()
                .any(|read| read.as_bytes().eq_ignore_ascii_case(name));
        }
        if is_read_field && !line.is_ascii() {
            return Some(format!("line {number} of the header has bytes above 127"));
        }
        let is_control = |byte: &u8| byte.is_ascii_control() && !matches!(byte, b'\t' | b'\r' | 0);
        if is_read_field && line.iter().any(is_control) {
            return Some(format!(
                "line {number} of the header has a control character"
            ));
        }
    }
    None
}

/// What is wrong with the encoded words (RFC 2047) of a field, if anything: readers that decode and
/// readers that do not, or not so, must not be shown different things.
fn encoded_words(value: &str, is_address: bool) -> Option<&'static str> {
    let mut from = 0;
    while let Some(at) = value[from..].find("=?") {
        let start = from + at;
        if is_address && is_quoted(&value[..start]) {
            return Some("an encoded word stands in a quoted string");
        }
        let Some((length, text)) = decode(&value[start..]) else {
            return Some("an encoded word is broken, or of an unknown kind");
        };
        let before = value[..start].chars().next_back();
        let after = value[start + length..].chars().next();
        let is_end = |c: char| c.is_ascii_whitespace() || is_address && "()<".contains(c);
        if !before.is_none_or(is_end) || !after.is_none_or(is_end) {
            return Some("an encoded word stands within a word");
        }
        if text.chars().any(|c| c.is_control()) {
            return Some("an encoded word hides a control character");
        }
        if is_address && text.contains(['@', '<', '>']) {
            return Some("an encoded word hides an address");
        }
        if is_address && (deceit(&text).is_some() || text.chars().any(is_hidden)) {
            return Some("an encoded word hides characters that nobody sees");
        }
        from = start + length;
    }
    None
}

/// Is the end of `before` within a quoted string?
fn is_quoted(before: &str) -> bool {
    let mut is_quoted = false;
    let mut is_escaped = false;
    for c in before.chars() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            _ => {}
        }
    }
    is_quoted
}

/// The length of the encoded word at the start of `text`, and what it stands for.
fn decode(text: &str) -> Option<(usize, String)> {
    let mut pieces = text.strip_prefix("=?")?.splitn(3, '?');
    let (charset, coding) = (pieces.next()?, pieces.next()?);
    let (encoded, _) = pieces.next()?.split_once("?=")?;
    if !encoded.bytes().all(|byte| byte.is_ascii_graphic()) || encoded.contains('?') {
        return None;
    }
    let bytes = match coding {
        "q" | "Q" => unquote(encoded)?,
        "b" | "B" => {
            let is_whole = encoded.len().is_multiple_of(4)
                && encoded
                    .trim_end_matches('=')
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'));
            is_whole.then_some(())?;
            mail_parser::decoders::base64::base64_decode(encoded.as_bytes())?
        }
        _ => return None,
    };
    let charset = charset.to_ascii_lowercase();
    let text = match charset.as_str() {
        // A character split between two words is none in either.
        "utf-8" | "utf8" => String::from_utf8(bytes).ok()?,
        "us-ascii" | "ascii" => bytes
            .is_ascii()
            .then(|| String::from_utf8(bytes).ok())
            .flatten()?,
        _ if charset.starts_with("iso-8859-") || charset.starts_with("windows-125") => {
            let decoder =
                mail_parser::decoders::charsets::map::charset_decoder(charset.as_bytes())?;
            decoder(&bytes)
        }
        _ => return None,
    };
    let length = "=?".len() + charset.len() + coding.len() + encoded.len() + "??".len() + 2;
    Some((length, text))
}

/// The Q encoding of RFC 2047.
fn unquote(encoded: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        match first {
            b'_' => bytes.push(b' '),
            b'=' => {
                let (high, low) = (*rest.first()?, *rest.get(1)?);
                let digit = |byte: u8| char::from(byte).to_digit(16);
                bytes.push(u8::try_from(digit(high)? * 16 + digit(low)?).ok()?);
                rest = &rest[2..];
            }
            other => bytes.push(*other),
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_encoded_words_are_fine() {
        for value in [
            " DOMAIN STATUS UPDATE",
            " =?utf-8?q?DOMAIN_STATUS_UPDATE_-_2026-05-09?=",
            " =?UTF-8?B?RE9NQUlO?=\r\n =?ISO-8859-15?Q?=E4?= x",
        ] {
            assert_eq!(encoded_words(value, false), None, "{value:?}");
        }
        for value in [
            " =?utf-8?q?DENIC=2C_eG?= <a@denic.de>",
            "=?utf-8?q?D=C3=A4?=<a@denic.de>",
        ] {
            assert_eq!(encoded_words(value, true), None, "{value:?}");
        }
    }

    #[test]
    fn tricks_with_encoded_words_are_named() {
        for value in [
            "x=?utf-8?q?TEST?=",
            "=?utf-8?q?TEST?=x",
            "=?utf-8?q?=C3?= =?utf-8?q?=A4?=",
            "=?utf-8?q?a=0D=0Ab?=",
            "=?utf-8?q?a=00?=",
            "=?utf-8?q?a b?=",
            "=?utf-8?q?a=G1?=",
            "=?utf-8?q?a",
            "=?utf-8?x?a?=",
            "=?utf-7?q?+AEE-?=",
            "=?utf-16?b?AEEA?=",
            "=?utf-8?b?RE9NQUlO=?=",
        ] {
            assert!(encoded_words(value, false).is_some(), "{value:?}");
        }
        for value in [
            "\"=?utf-8?q?DENIC?=\" <a@denic.de>",
            "=?utf-8?q?b=40example.net?= <a@denic.de>",
            "=?utf-8?q?b=E2=80=AE?= <a@denic.de>",
            "<=?utf-8?q?a?=@denic.de>",
        ] {
            assert!(encoded_words(value, true).is_some(), "{value:?}");
        }
    }

    #[test]
    fn lines_that_are_no_header_are_named() {
        let long = |length: usize| format!("X: {}\r\n\r\n", "x".repeat(length - 3));
        assert_eq!(lines(long(998).as_bytes()), None);
        assert!(lines(long(999).as_bytes()).is_some());
        for raw in [
            " From: a@b\r\n\r\n",
            "A: b\r\n \r\nC: d\r\n\r\n",
            "Subject: \u{e4}\r\n\r\n",
            "From: a\u{1b}b\r\n\r\n",
        ] {
            assert!(lines(raw.as_bytes()).is_some(), "{raw:?}");
        }
        for raw in [
            "From a@b Mon May  4 09:12:31 2026\nX: \u{e4}\nSubject : a\n\tb\n\n\u{e4}\nno field\n",
            "",
        ] {
            assert_eq!(lines(raw.as_bytes()), None, "{raw:?}");
        }
    }
}
