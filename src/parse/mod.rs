//! Bytes into events: what a registry message says, or a reason why it cannot be read.
//!
//! Nothing here looks at a clock, a network or a file. A reader is strict about what it knows and
//! patient with the rest: what nobody knows is kept and shown, what contradicts itself is an error,
//! and no instant is ever made up (`denic.md` 2 to 4).

mod bounce;
mod centralnic_api;
mod centralnic_mail;
mod centralnic_poll;
mod code;
mod deadline;
mod denic_mail;
mod denic_queue;
mod event_json;
mod instant;
mod mail;
mod name;
mod notes;
mod reseller;
mod secret;
mod text;
mod xml;

pub use event_json::{event_json, recipient_json};

use crate::model::{
    BounceMail, DomainName, Reason, ReasonCode, RegistryEvent, RegistryInfo, Source,
};
use notes::Notes;

/// Why a message could not be read. It is kept whole all the same; a person has to look at it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct ParseError {
    /// `R10` to `R17` or `R24`.
    pub code: ReasonCode,
    /// One sentence; names the line (from 1, in the decoded text) and the field.
    pub detail: String,
    /// The domain it is about, where that much could be read.
    pub domain: Option<DomainName>,
    /// Oddities met before the reader gave up.
    pub warnings: Vec<Reason>,
    /// Does the text seem to carry a verification deadline? Then somebody must look at once.
    pub names_deadline: bool,
}

impl ParseError {
    fn new(reason: Reason, notes: Notes, names_deadline: bool) -> Self {
        let (domain, warnings) = notes.finish();
        ParseError {
            code: reason.code,
            detail: reason.detail,
            domain,
            warnings,
            names_deadline,
        }
    }
}

/// Reads a registry mail (RFC 5322 with MIME) of `denic.md` chapter 2.
///
/// `registry_time` of the event is the instant of its one `Date` field. Meaning is taken from the
/// one text/plain part alone.
pub fn denic_mail(raw: &[u8]) -> Result<RegistryEvent, ParseError> {
    denic_mail::read(raw)
}

/// Reads a registry mail of which `text` was signed: meaning is taken from that text alone, only
/// `Subject` and `Date` from the header.
pub fn denic_signed_mail(raw: &[u8], text: &str) -> Result<RegistryEvent, ParseError> {
    denic_mail::read_signed(raw, text)
}

/// Reads a message of the registry's queue, or the reply to a request (`denic.md` 3 and 4.2).
///
/// Key/value or XML, with or without the outer reply; without the length prefix of the wire.
pub fn denic_queue(raw: &[u8]) -> Result<RegistryEvent, ParseError> {
    denic_queue::read(raw)
}

/// Reads the data in a reply to INFO (`denic.md` 4.7), key/value or XML. An error is a sentence.
pub fn denic_info(raw: &[u8]) -> Result<RegistryInfo, String> {
    denic_queue::info::read(raw)
}

/// Reads an event mail of CentralNic Reseller (`centralnic.md` 6.2).
///
/// `registry_time` of the event is its `DATE`, which is in UTC, else the instant of the mail's one
/// `Date` field. Neither the event nor an error shows a trigger code.
pub fn centralnic_mail(raw: &[u8]) -> Result<RegistryEvent, ParseError> {
    centralnic_mail::read(raw)
}

/// Reads an event mail of which `text` was signed: meaning is taken from that text alone.
pub fn centralnic_signed_mail(raw: &[u8], text: &str) -> Result<RegistryEvent, ParseError> {
    centralnic_mail::read_signed(raw, text)
}

/// Reads a response of EPP, as CentralNic Reseller's server sends it (`centralnic.md` 7): a message of
/// the poll queue is an event, anything else an answer. Without the length prefix of the wire.
///
/// `registry_time` of the event is its `qDate`. Neither the event nor an error shows a trigger code.
pub fn centralnic_poll(raw: &[u8]) -> Result<RegistryEvent, ParseError> {
    centralnic_poll::read(raw)
}

/// Reads an answer of CentralNic Reseller's API (`centralnic.md` 3 and 5), from `[RESPONSE]` to `EOF`.
///
/// `asked` is the command that it answers, as `StatusDomain domain=orchard-sample.com`; without it the
/// properties tell. R11 for a deadline that cannot be read, R10 for anything else. Neither the event nor
/// an error shows a trigger code.
pub fn centralnic_api(raw: &[u8], asked: Option<&str>) -> Result<RegistryEvent, ParseError> {
    centralnic_api::read(raw, asked)
}

/// Does an event of CentralNic Reseller show a deadline? None is documented, so none is read.
pub fn shows_deadline(event: &RegistryEvent) -> bool {
    reseller::shows_deadline(event)
}

/// Reads a mail that came to the envelope sender of a notice: a report about delivery, an automatic
/// answer, or neither. `is_null_sender`: its envelope sender was `<>`.
pub fn bounce(raw: &[u8], is_null_sender: bool) -> BounceMail {
    bounce::read(raw, is_null_sender)
}

/// Do these bytes, whatever they are, seem to name a verification deadline? Errs on the side of
/// yes; for messages that no reader could read.
pub fn names_deadline(raw: &[u8]) -> bool {
    text::names_deadline(&String::from_utf8_lossy(raw))
}

/// Which reader a file is for: [`Source::DenicMail`], [`Source::CentralnicMail`],
/// [`Source::CentralnicPoll`], [`Source::CentralnicApi`] or [`Source::DenicQueue`].
///
/// XML with the root of EPP is a frame of the poll, `[RESPONSE]` begins an answer of the API. Other XML, and key/value lines such as `RESULT` or `msgid` among the first ones, belong to the queue;
/// fields of a mail header belong to a mail, and that to CentralNic Reseller if it has the lines of
/// an event; without either sign it is taken for the queue, whose reader names what is missing.
pub fn detect(raw: &[u8]) -> Source {
    match is_mail(raw) {
        false if centralnic_poll::is_frame(raw) => Source::CentralnicPoll,
        false if centralnic_api::is_answer(raw) => Source::CentralnicApi,
        false => Source::DenicQueue,
        true if centralnic_mail::is_event(raw) => Source::CentralnicMail,
        true => Source::DenicMail,
    }
}

fn is_mail(raw: &[u8]) -> bool {
    const MAIL: [&str; 16] = [
        "arc-seal",
        "authentication-results",
        "content-type",
        "date",
        "delivered-to",
        "dkim-signature",
        "from",
        "message-id",
        "mime-version",
        "received",
        "received-spf",
        "reply-to",
        "return-path",
        "sender",
        "subject",
        "to",
    ];
    const QUEUE: [&str; 7] = [
        "ctid", "msgcnt", "msgid", "msgtime", "msgtype", "result", "stid",
    ];
    const LINES_MAX: usize = 200;

    let raw = raw
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(raw)
        .trim_ascii_start();
    if raw.starts_with(b"<") {
        return false;
    }
    if raw.starts_with(b"From ") {
        return true;
    }
    for line in raw.split(|byte| *byte == b'\n').take(LINES_MAX) {
        if line.trim_ascii().is_empty() {
            break;
        }
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            continue;
        };
        let key = line[..colon].trim_ascii_end();
        let is = |known: &&str| known.as_bytes().eq_ignore_ascii_case(key);
        if QUEUE.iter().any(&is) {
            return false;
        }
        if MAIL.iter().any(is) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_is_told_from_a_queue_message_by_its_first_lines() {
        for mail in [
            &b"Return-Path: <a@example.net>\r\nSubject: x\r\n\r\n"[..],
            b"X-Seen: yes\r\nFROM : a@example.net\r\n\r\nmsgid: 1\r\n",
            b"From a@example.net Mon May  4 09:12:31 2026\nTo: b@example.net\n\n",
        ] {
            assert_eq!(detect(mail), Source::DenicMail, "{mail:?}");
        }
        for event in [
            &b"Subject: x\r\n\r\nOBJECT:a\r\nCLASS:SOMETHING\r\n"[..],
            b"Subject: x\r\n\r\nREASON:CONTACTVERIFICATION WITH TRIGGERCODE: abc\r\n",
            b"Subject: x\r\nContent-Transfer-Encoding: base64\r\n\r\nU1VCQ0xBU1M6QQ==\r\n",
        ] {
            assert_eq!(detect(event), Source::CentralnicMail, "{event:?}");
        }
        for queue in [
            &b"RESULT: success\nSTID: 1\n"[..],
            b"Info: 13000000011 test\nmsgtype: expire\n",
            b"\xef\xbb\xbf\n<?xml version=\"1.0\"?><registry-response/>",
            b"",
            b"nothing of either",
        ] {
            assert_eq!(detect(queue), Source::DenicQueue, "{queue:?}");
        }
    }
}
