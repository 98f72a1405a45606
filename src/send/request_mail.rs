//! A registry request as a finished, signed mail. Pure; the same request gives the same header.
//!
//! A signature holds only while every byte arrives, and a relay may change what it cannot carry: where
//! the next server lacks 8BITMIME it recodes 8-bit parts, and lines of more than 998 bytes are cut
//! (RFC 5321, 4.5.3.1.6). So nothing but 7-bit text in short lines leaves, in either form:
//!
//! - **Clearsigned**: one `text/plain` in UTF-8 whose content is the whole clearsigned block. ASCII in
//!   lines of at most 998 bytes goes as it is, for readers that know no MIME; anything else
//!   (umlauts, long lines) goes as quoted-printable around the block, which every mail reader
//!   undoes before it looks at the signature.
//! - **PGP/MIME**: the signed part is always quoted-printable and the signature covers it in that form
//!   (RFC 3156, sections 3 and 5), so nobody has a reason to touch it.
//!
//! Quoted-printable here never begins a line with `From ` or a dot, nor ends one with a blank.
//! There is no `Auto-Submitted`: programs do not answer mails that have it (RFC 3834), and this one
//! is to be answered.

use std::time::SystemTime;

use jiff::Timestamp;
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Body, Mailbox, MessageBuilder, MultiPart, SinglePart};
use lettre::{Address, Message};

use super::outbox::Letter;
use super::sign::{self, SignError, SigningKey};
use crate::model::{Ctid, DomainName, sha256_hex};

/// The longest line that every server must carry, without its end (RFC 5321, 4.5.3.1.6).
const LINE_BYTES_MAX: usize = 998;

/// The longest line of quoted-printable, without its end (RFC 2045, 6.7).
const QUOTED_LINE_MAX: usize = 76;

/// How a request carries its signature; `sender.format` names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureForm {
    /// `clearsign`: the text between two marks.
    Clearsign,
    /// `mime`: PGP/MIME, the signature as a second part.
    Mime,
}

/// What a request mail is made of.
#[derive(Clone, Copy, Debug)]
pub struct RequestMail<'a> {
    /// `sender.from`: `Name <address>` or the address alone; its address is the envelope sender too.
    pub from: &'a str,
    /// The address of the registry.
    pub to: &'a str,
    /// One line.
    pub subject: &'a str,
    /// `Date`.
    pub date: Timestamp,
    /// Our transaction id; the Message-ID is made of it, so a repeat carries the same.
    pub ctid: &'a Ctid,
    /// The request: LF or CRLF, any length of line.
    pub text: &'a str,
}

/// Why there is no mail; nothing is sent unsigned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestMailError {
    /// Its signature.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// An address that cannot be used.
    #[error("{field} `{address}` cannot be used: {why}")]
    Address {
        /// `from` or `to`.
        field: &'static str,
        /// As it was given.
        address: String,
        /// What is wrong.
        why: String,
    },
    /// It would end the header line.
    #[error("the subject holds a control character")]
    Subject,
    /// The mail library cannot write it.
    #[error("the mail cannot be built: {0}")]
    Build(String),
}

/// The mail, signed at `now`, with its envelope.
///
/// # Errors
/// Where the key may not sign at `now`, or an address, the subject or the text cannot be used.
pub fn signed_request(
    mail: &RequestMail<'_>,
    form: SignatureForm,
    key: &SigningKey,
    now: Timestamp,
) -> Result<Letter, RequestMailError> {
    let from = mailbox("from", mail.from)?;
    let to = mailbox("to", mail.to)?;
    let (envelope_from, envelope_to) = (from.email.to_string(), to.email.to_string());
    let id = message_id(mail.ctid, &from.email);
    let builder = header(mail, from, to, &id)?;
    let message = match form {
        SignatureForm::Clearsign => builder.singlepart(clearsigned(mail.text, key, now)?),
        SignatureForm::Mime => builder.multipart(signed_parts(mail.text, &id, key, now)?),
    };
    let message = message.map_err(|error| RequestMailError::Build(error.to_string()))?;
    Ok(Letter {
        envelope_from,
        envelope_to,
        message: message.formatted(),
        envelope_id: mail.ctid.to_string(),
    })
}

fn header(
    mail: &RequestMail<'_>,
    from: Mailbox,
    to: Mailbox,
    id: &str,
) -> Result<MessageBuilder, RequestMailError> {
    if mail.subject.chars().any(char::is_control) {
        return Err(RequestMailError::Subject);
    }
    // lettre's Date cannot express other times.
    let seconds = mail.date.as_second();
    if !(0..=i64::from(u32::MAX)).contains(&seconds) {
        return Err(RequestMailError::Build(format!(
            "its date is {}",
            mail.date
        )));
    }
    let name = HeaderName::new_from_ascii_str("Message-ID");
    let id = format!("<{id}>");
    Ok(Message::builder()
        .date(SystemTime::from(mail.date))
        .from(from)
        .to(to)
        .subject(mail.subject)
        // Characters of an atom alone, and short: nothing to encode or to fold.
        .raw_header(HeaderValue::dangerous_new_pre_encoded(name, id.clone(), id)))
}

/// Made of the ctid alone, whatever characters that has.
fn message_id(ctid: &Ctid, from: &Address) -> String {
    let digest = sha256_hex(format!("request {ctid}").as_bytes());
    let digest = digest.get(..32).unwrap_or(&digest);
    format!("request.{digest}@{}", from.domain())
}

fn clearsigned(
    text: &str,
    key: &SigningKey,
    now: Timestamp,
) -> Result<SinglePart, RequestMailError> {
    let block = key.clearsign(text, now)?;
    let body = if is_carried(&block) {
        Body::dangerous_pre_encoded(whole(&block), ContentTransferEncoding::SevenBit)
    } else {
        quoted(&block)
    };
    Ok(SinglePart::builder()
        .header(content_type("text/plain; charset=utf-8")?)
        .body(body))
}

/// Does every server carry the text as it is?
fn is_carried(text: &str) -> bool {
    let is_plain = |byte| matches!(byte, b' '..=b'~' | b'\t');
    text.split("\r\n")
        .all(|line| line.len() <= LINE_BYTES_MAX && line.bytes().all(is_plain))
}

fn signed_parts(
    text: &str,
    id: &str,
    key: &SigningKey,
    now: Timestamp,
) -> Result<MultiPart, RequestMailError> {
    let lines = sign::lines(text)?;
    // The text ends with a line end of its own; lettre writes the one that belongs to the delimiter.
    let part = SinglePart::builder()
        .header(content_type("text/plain; charset=utf-8")?)
        .body(quoted(&format!("{}\r\n\r\n", lines.join("\r\n"))));
    let formatted = part.formatted();
    let signature = key.sign_detached(whole_bytes(&formatted), now)?;
    let armored =
        Body::dangerous_pre_encoded(whole(&signature.armored), ContentTransferEncoding::SevenBit);
    let attached = SinglePart::builder()
        .header(content_type(
            "application/pgp-signature; name=\"signature.asc\"",
        )?)
        .body(armored);
    // Of the Message-ID instead of random; `=_` occurs neither in quoted-printable nor in armor.
    let digest = sha256_hex(id.as_bytes());
    let boundary = format!("=_signed_{}", digest.get(..24).unwrap_or(&digest));
    let form = format!(
        "multipart/signed; micalg={}; protocol=\"application/pgp-signature\"; boundary=\"{boundary}\"",
        signature.micalg
    );
    Ok(MultiPart::builder()
        .header(content_type(&form)?)
        .singlepart(part)
        .singlepart(attached))
}

/// Without the line end that lettre writes behind a body.
fn whole(text: &str) -> Vec<u8> {
    whole_bytes(text.as_bytes()).to_vec()
}

fn whole_bytes(bytes: &[u8]) -> &[u8] {
    bytes.strip_suffix(b"\r\n").unwrap_or(bytes)
}

fn quoted(text: &str) -> Body {
    let text = text.strip_suffix("\r\n").unwrap_or(text);
    let lines: Vec<String> = text.split("\r\n").map(quoted_line).collect();
    let encoding = ContentTransferEncoding::QuotedPrintable;
    Body::dangerous_pre_encoded(lines.join("\r\n").into_bytes(), encoding)
}

/// One line in quoted-printable (RFC 2045, 6.7), cut by soft line ends. More is encoded than must be:
/// what programs change at the start of a line.
fn quoted_line(line: &str) -> String {
    let mut out = String::with_capacity(line.len() + 8);
    let mut used = 0;
    let bytes = line.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        let is_last = at + 1 == bytes.len();
        // A soft line end needs one place itself.
        let room = |used: usize| QUOTED_LINE_MAX - usize::from(!is_last) - used;
        let must_be = |is_first: bool| match byte {
            b'=' => true,
            b' ' | b'\t' => is_last,
            b'.' => is_first,
            b'F' => is_first && bytes[at..].starts_with(b"From "),
            b'!'..=b'~' => false,
            _ => true,
        };
        let is_cut = room(used) < if must_be(used == 0) { 3 } else { 1 };
        if is_cut {
            out.push_str("=\r\n");
            used = 0;
        }
        if must_be(used == 0) {
            out.push_str(&format!("={byte:02X}"));
            used += 3;
        } else {
            out.push(char::from(*byte));
            used += 1;
        }
    }
    out
}

fn content_type(form: &str) -> Result<ContentType, RequestMailError> {
    ContentType::parse(form).map_err(|error| RequestMailError::Build(error.to_string()))
}

/// `Name <address>` or an address, its domain as A-label: so no server needs SMTPUTF8.
fn mailbox(field: &'static str, text: &str) -> Result<Mailbox, RequestMailError> {
    let text = text.trim();
    let wrong = |why: String| RequestMailError::Address {
        field,
        address: text.escape_default().to_string(),
        why,
    };
    if text.chars().any(char::is_control) {
        return Err(wrong("it holds a control character".to_owned()));
    }
    let (name, address) = text
        .strip_suffix('>')
        .and_then(|start| start.rsplit_once('<'))
        .map_or(("", text), |(name, address)| (name.trim(), address));
    let (local, domain) = address
        .rsplit_once('@')
        .ok_or_else(|| wrong("it has no @".to_owned()))?;
    if !local.is_ascii() {
        return Err(wrong("its part before the @ is not ASCII".to_owned()));
    }
    let domain: DomainName = domain.parse().map_err(|error| wrong(format!("{error}")))?;
    let address = Address::new(local, domain.ace()).map_err(|error| wrong(error.to_string()))?;
    let name = name.trim_matches('"');
    Ok(Mailbox::new(
        (!name.is_empty()).then(|| name.to_owned()),
        address,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_quoted_line_is_long_or_begins_or_ends_as_none_should() {
        for line in [
            "From here = there ",
            ".",
            "ends with a tab\t",
            &"From ".repeat(60),
            &"ä".repeat(200),
            &".".repeat(300),
            &"a ".repeat(400),
            &"=".repeat(76),
            &"x".repeat(76),
            &"x".repeat(77),
            &format!("{}ä", "x".repeat(73)),
            &format!("{} ", "x".repeat(75)),
        ] {
            let encoded = quoted_line(line);
            for part in encoded.split("\r\n") {
                assert!(part.len() <= QUOTED_LINE_MAX, "{part}");
                assert!(!part.starts_with("From ") && !part.starts_with('.'));
                assert!(!part.ends_with([' ', '\t']), "{part}");
            }
            let bytes = encoded.as_bytes();
            let decoded = mail_parser::decoders::quoted_printable::quoted_printable_decode(bytes);
            assert_eq!(decoded.unwrap(), line.as_bytes());
        }
        assert_eq!(quoted_line(&"x".repeat(76)).len(), 76);
    }

    #[test]
    fn a_repeat_has_the_same_message_id_and_another_request_another() {
        let from = Address::new("a", "muster.example").unwrap();
        let id = |ctid: &str| message_id(&Ctid(ctid.to_owned()), &from);
        assert_eq!(id("C-1 <>"), id("C-1 <>"));
        assert_ne!(id("C-1"), id("C-2"));
        assert!(id("C-1 <>\r\n").is_ascii() && !id("C-1 <>").contains(['<', ' ']));
    }

    #[test]
    fn an_address_is_ascii_in_the_envelope_and_may_have_a_name() {
        let read = |text| mailbox("from", text);
        let found = read("Müller & Söhne <anfragen@dänic.de>").unwrap();
        assert_eq!(found.email.to_string(), "anfragen@xn--dnic-loa.de");
        assert_eq!(found.name.as_deref(), Some("Müller & Söhne"));
        assert_eq!(read("a@b.example").unwrap().name, None);
        for wrong in [
            "",
            "a",
            "a@",
            "ä@b.example",
            "a@b.example\r\nBcc: c@d.example",
            "a b@c.de",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
