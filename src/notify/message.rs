//! The mail itself: addresses, headers, parts, in bytes that are the same at every try.

use std::time::SystemTime;

use lettre::message::header::{
    ContentDisposition, ContentTransferEncoding, ContentType, HeaderName, HeaderValue,
};
use lettre::message::{Body, Mailbox, MultiPart, SinglePart};
use lettre::{Address, Message};

use super::{RenderError, Rendered, Settings, clean, verp};
use crate::model::{DomainName, Notice, NoticeId, sha256_hex};

/// Names the notice in every mail, so that our own mail is known when it comes back.
const NOTICE_HEADER: HeaderName = HeaderName::new_from_ascii_str("X-Stichtag-Notice");

/// Octets of a Message-ID, so that its header needs no folding (RFC 5322, 2.1.1).
const MESSAGE_ID_OCTETS_MAX: usize = 250;

/// The envelope sender: unique per notice and signed, so that a bounce names it and nobody can make one
/// up; the From address where no bounce domain is set.
pub fn envelope_from(id: NoticeId, settings: &Settings) -> String {
    let domain = settings.bounce_domain.trim();
    if domain.is_empty() {
        return split_name(&settings.from).1.to_owned();
    }
    let ace = domain
        .parse::<DomainName>()
        .map(|name| name.ace().to_owned());
    let local_part = match &settings.bounce_key {
        Some(key) => verp::sign(key, id),
        None => format!("bounce+N{}", id.0),
    };
    let host = ace.unwrap_or_else(|_| domain.to_owned());
    format!("{local_part}@{host}")
}

/// Who writes to whom: checked, domains as A-labels.
pub(super) struct Addresses {
    from: Mailbox,
    to: Mailbox,
    reply_to: Option<Mailbox>,
    envelope_from: Address,
}

impl Addresses {
    /// Reads the addresses of a notice.
    pub(super) fn read(notice: &Notice, settings: &Settings) -> Result<Self, RenderError> {
        let reply_to = settings
            .reply_to
            .replace("{code}", &clean::value(&notice.code));
        let envelope_from = envelope_from(notice.id, settings);
        Ok(Addresses {
            from: mailbox("notices.from", &settings.from)?,
            to: mailbox_without_name("the customer's address", &notice.recipient)?,
            reply_to: if reply_to.trim().is_empty() {
                None
            } else {
                Some(mailbox("notices.reply_to", &reply_to)?)
            },
            envelope_from: address("notices.bounce_domain", &envelope_from)?,
        })
    }

    /// Our own address.
    pub(super) fn from(&self) -> &str {
        self.from.email.as_ref()
    }

    /// The domain that bounces go to; it also makes the calendar's UIDs unique.
    pub(super) fn bounce_domain(&self) -> &str {
        self.envelope_from.domain()
    }
}

/// Puts the parts together.
pub(super) fn build(
    notice: &Notice,
    addresses: &Addresses,
    parts: Parts,
) -> Result<Rendered, RenderError> {
    // lettre's Date cannot express earlier times.
    if notice.created_at.as_second() < 0 {
        return Err(RenderError::BeforeEpoch);
    }
    let languages: Vec<&str> = notice
        .languages
        .iter()
        .map(|language| language.as_str())
        .collect();
    let mut builder = Message::builder()
        .date(SystemTime::from(notice.created_at))
        .from(addresses.from.clone())
        .to(addresses.to.clone());
    if let Some(reply_to) = &addresses.reply_to {
        builder = builder.reply_to(reply_to.clone());
    }
    if let Some(first) = &notice.in_reply_to {
        builder = builder
            .raw_header(message_id("In-Reply-To", first)?)
            .raw_header(message_id("References", first)?);
    }
    let message = builder
        .subject(parts.subject.clone())
        .raw_header(message_id("Message-ID", &notice.message_id)?)
        .raw_header(header("Auto-Submitted", "auto-generated"))
        .raw_header(header("X-Auto-Response-Suppress", "OOF, AutoReply"))
        // Robots that keep it cut a loop at its first turn; we do so ourselves.
        .raw_header(header("X-Loop", addresses.from()))
        .raw_header(header("Content-Language", &languages.join(", ")))
        .raw_header(HeaderValue::new(NOTICE_HEADER, notice.id.to_string()))
        .multipart(body(notice, &parts)?)
        .map_err(|error| RenderError::Build(error.to_string()))?;
    Ok(Rendered {
        subject: parts.subject,
        text: parts.text,
        html: parts.html,
        calendar: parts.calendar,
        csv: parts.csv,
        message: message.formatted(),
        envelope_from: addresses.envelope_from.to_string(),
        envelope_to: addresses.to.email.to_string(),
    })
}

/// What a mail consists of.
pub(super) struct Parts {
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: String,
    pub(super) calendar: Option<String>,
    pub(super) csv: Option<String>,
}

fn body(notice: &Notice, parts: &Parts) -> Result<MultiPart, RenderError> {
    // Derived from the Message-ID instead of random, so that every try has the same bytes. `=_`
    // cannot occur in quoted-printable, so no body can contain a boundary.
    let digest = sha256_hex(notice.message_id.as_bytes());
    let multipart = |kind: &str| {
        let boundary = format!("=_{kind}_{}", digest.get(..24).unwrap_or(&digest));
        let form = content_type(&format!("multipart/{kind}; boundary=\"{boundary}\""))?;
        Ok::<_, RenderError>(MultiPart::builder().header(form).build())
    };
    let words = multipart("alternative")?
        .singlepart(single("text/plain; charset=utf-8", None, &parts.text)?)
        .singlepart(single("text/html; charset=utf-8", None, &parts.html)?);
    if parts.calendar.is_none() && parts.csv.is_none() {
        return Ok(words);
    }
    let mut mixed = multipart("mixed")?.multipart(words);
    if let Some(calendar) = &parts.calendar {
        let form = "text/calendar; charset=utf-8; method=PUBLISH; name=\"frist.ics\"";
        mixed = mixed.singlepart(single(form, Some("frist.ics"), calendar)?);
    }
    if let Some(csv) = &parts.csv {
        let form = "text/csv; charset=utf-8; header=present; name=\"domains.csv\"";
        mixed = mixed.singlepart(single(form, Some("domains.csv"), csv)?);
    }
    Ok(mixed)
}

/// Always quoted-printable: 7-bit clean, short lines, and no choice that depends on the text.
fn single(form: &str, file: Option<&str>, text: &str) -> Result<SinglePart, RenderError> {
    let encoding = ContentTransferEncoding::QuotedPrintable;
    let body = Body::new_with_encoding(text.to_owned(), encoding)
        .map_err(|_| RenderError::Build("a part cannot be encoded".to_owned()))?;
    let mut part = SinglePart::builder().header(content_type(form)?);
    if let Some(file) = file {
        part = part.header(ContentDisposition::attachment(file));
    }
    Ok(part.body(body))
}

pub(super) fn content_type(form: &str) -> Result<ContentType, RenderError> {
    ContentType::parse(form).map_err(|error| RenderError::Build(error.to_string()))
}

pub(super) fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

pub(super) fn message_id(field: &'static str, id: &str) -> Result<HeaderValue, RenderError> {
    let is_atom = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
    let is_valid = id.len() <= MESSAGE_ID_OCTETS_MAX
        && id.split_once('@').is_some_and(|(left, right)| {
            [left, right]
                .iter()
                .all(|part| !part.is_empty() && part.chars().all(is_atom))
        });
    if !is_valid {
        return Err(RenderError::MessageId(clean::value(id)));
    }
    let value = format!("<{id}>");
    // Only characters of an atom: nothing to encode, and short enough not to be folded.
    let name = HeaderName::new_from_ascii_str(field);
    Ok(HeaderValue::dangerous_new_pre_encoded(
        name,
        value.clone(),
        value,
    ))
}

/// `Name <addr>` or a bare address; the name may be quoted.
pub(super) fn mailbox(field: &'static str, text: &str) -> Result<Mailbox, RenderError> {
    let (name, bare) = split_name(text);
    let name = clean::value(&name.trim_matches('"').replace("\\\"", "\""));
    Ok(Mailbox::new(
        (!name.is_empty()).then_some(name),
        address(field, bare)?,
    ))
}

pub(super) fn mailbox_without_name(
    field: &'static str,
    text: &str,
) -> Result<Mailbox, RenderError> {
    Ok(Mailbox::new(None, address(field, text)?))
}

fn split_name(text: &str) -> (&str, &str) {
    text.trim()
        .strip_suffix('>')
        .and_then(|start| start.rsplit_once('<'))
        .map_or(("", text.trim()), |(name, address)| {
            (name.trim(), address.trim())
        })
}

/// Can a mail be written to this address? `field` says where it stands.
///
/// # Errors
/// [`RenderError::Address`] and [`RenderError::NeedsSmtputf8`].
pub fn check_address(field: &'static str, text: &str) -> Result<(), RenderError> {
    address(field, text).map(|_| ())
}

/// The address with its domain as A-label, so that no transport needs SMTPUTF8.
fn address(field: &'static str, text: &str) -> Result<Address, RenderError> {
    let text = text.trim();
    let wrong = |why: String| RenderError::Address {
        field,
        address: clean::value(text),
        why,
    };
    let (local, domain) = text
        .rsplit_once('@')
        .ok_or_else(|| wrong("it has no @".to_owned()))?;
    if local.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(wrong(
            "it contains a blank or a control character".to_owned(),
        ));
    }
    if !local.is_ascii() {
        return Err(RenderError::NeedsSmtputf8 {
            field,
            address: clean::value(text),
        });
    }
    let domain: DomainName = domain.parse().map_err(|error| wrong(format!("{error}")))?;
    Address::new(local, domain.ace()).map_err(|error| wrong(error.to_string()))
}
