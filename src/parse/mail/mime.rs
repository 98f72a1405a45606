//! The outer form of a mail: bounds, parts, transfer coding, character set, `Date`.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;
use mail_parser::{
    Encoding, HeaderName, Message, MessageParser, MessagePart, MimeHeaders, PartType,
};

use super::super::notes::Notes;
use super::super::text::{clean, collapse, decode, quote};
use super::{html, structure};
use crate::model::{Reason, deceit, reason};

/// Largest mail looked at, in bytes. Registry mail has a few thousand.
const MAIL_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Most fields in all headers together.
const HEADER_FIELDS_MAX: usize = 200;
/// Most MIME parts, attached messages' own parts included.
const PARTS_MAX: usize = 50;
/// Most bytes of lines that look like header fields, wherever they stand.
const FIELD_BYTES_MAX: usize = 64 * 1024;
/// Most lines of the text, blank ones aside: each costs as much as a field.
const LINES_MAX: usize = 10_000;
/// Deepest nesting of parts; the mail itself is 0.
const DEPTH_MAX: usize = 10;

/// What is taken from a mail.
#[derive(Debug)]
pub(in super::super) struct Mail {
    /// The text part, clean.
    pub text: String,
    /// The subject, one blank between words; empty if there is none.
    pub subject: String,
    /// The instant of the one `Date` field.
    pub date: Option<Timestamp>,
}

/// Opens a mail. `texts` receives the decoded text of every text and HTML part, also where an
/// error follows; `field` knows the fields that may not stand beside the parts.
///
/// R16 beyond a limit, R15 without a readable text part, R14 with more than one, R12 and R38 if an HTML
/// part disagrees with it or could; R28, R31, R33, R34, R35 and R36 for what readers disagree about.
pub(super) fn open(
    raw: &[u8],
    field: fn(&str) -> Option<&'static str>,
    texts: &mut String,
    notes: &mut Notes,
) -> Result<Mail, Reason> {
    check_bounds(raw)?;
    let raw = without_from_line(raw);
    let no_text = |why: &str| Reason::new(reason::NO_TEXT, why.to_owned());
    // Only what is needed is interpreted: a broken `Received` field would take those after it along.
    let message = MessageParser::new()
        .with_mime_headers()
        .header_text(HeaderName::Subject)
        .parse(raw)
        .ok_or_else(|| no_text("the mail has no header and no text"))?;
    check_parts(&message)?;
    for part in &message.parts {
        if let PartType::Text(text) | PartType::Html(text) = &part.body {
            // All of it at once: growing by doubling would cost as much again.
            texts.reserve_exact(text.len() + 1);
            texts.push_str(text);
            texts.push('\n');
        }
    }
    if message.parts.iter().any(|part| part.is_encoding_problem) {
        return Err(no_text("a part of the mail is cut off or wrongly encoded"));
    }
    structure::check_bytes(raw)?;
    structure::check_form(&message, field)?;
    let mut plain = message.parts.iter().filter(|part| is_plain(part));
    let part = plain
        .next()
        .ok_or_else(|| no_text("the mail has no part of type text/plain"))?;
    let more = plain.count();
    if more > 0 {
        return Err(Reason::new(
            reason::TWO_TEXTS,
            format!("the mail has {} text/plain parts instead of one", more + 1),
        ));
    }
    let mut others = message.parts.iter().filter(|part| is_other_text(part));
    if let Some(kind) = others.next().and_then(|part| part.content_type()) {
        return Err(Reason::new(
            reason::TWO_TEXTS,
            format!(
                "a second text part is of type text/{}",
                quote(kind.subtype().unwrap_or_default())
            ),
        ));
    }
    structure::check_attached(&message)?;
    let text = part_text(&message, part, notes);
    check_characters(&text)?;
    let text = clean(&text, notes);
    structure::check_inline_files(&text)?;
    if text.trim().is_empty() {
        return Err(no_text("the text part is empty"));
    }
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    if lines.nth(LINES_MAX).is_some() {
        return Err(beyond(LINES_MAX, "lines"));
    }
    for part in &message.parts {
        if let PartType::Html(html) = &part.body {
            html::compare(html, &text)?;
        }
    }
    Ok(Mail {
        text,
        subject: collapse(message.subject().unwrap_or_default()),
        date: date(&message, notes),
    })
}

/// What a mail seems to say, to tell what it is: its text, or its bytes if it cannot be opened.
pub(in super::super) fn text(raw: &[u8], field: fn(&str) -> Option<&'static str>) -> String {
    match open(raw, field, &mut String::new(), &mut Notes::default()) {
        Ok(mail) => mail.text,
        Err(_) => clean(&String::from_utf8_lossy(raw), &mut Notes::default()),
    }
}

/// Opens a mail whose signed text is `text`: the header gives `Subject` and `Date`, the body nothing.
///
/// R16 beyond a limit, R15 without a header or a text.
pub(super) fn open_signed(raw: &[u8], text: &str, notes: &mut Notes) -> Result<Mail, Reason> {
    check_bounds(raw)?;
    let no_text = |why: &str| Reason::new(reason::NO_TEXT, why.to_owned());
    let message = MessageParser::default()
        .parse_headers(without_from_line(raw))
        .ok_or_else(|| no_text("the mail has no header"))?;
    check_characters(text)?;
    let text = clean(text, notes);
    if text.trim().is_empty() {
        return Err(no_text("the signed text is empty"));
    }
    Ok(Mail {
        text,
        subject: collapse(message.subject().unwrap_or_default()),
        date: date(&message, notes),
    })
}

/// Files taken from a mailbox begin with its `From ` line.
fn without_from_line(raw: &[u8]) -> &[u8] {
    match raw.strip_prefix(b"From ") {
        Some(rest) => match rest.iter().position(|byte| *byte == b'\n') {
            Some(end) => &rest[end + 1..],
            None => rest,
        },
        None => raw,
    }
}

fn beyond(limit: usize, what: &str) -> Reason {
    Reason::new(
        reason::LIMITS,
        format!("the mail has more than {limit} {what}"),
    )
}

/// Refuses what would cost the MIME parser memory or stack, before it is asked.
///
/// Every level of nesting needs a Content-Type field, every part a line that begins with `--`.
fn check_bounds(raw: &[u8]) -> Result<(), Reason> {
    const CONTENT_TYPES_MAX: usize = 100;
    const DELIMITERS_MAX: usize = 1_000;
    const FIELDS_RUN_MAX: usize = 1_000;

    if raw.len() > MAIL_BYTES_MAX {
        return Err(beyond(MAIL_BYTES_MAX, "bytes"));
    }
    let (mut is_header, mut run, mut content_types, mut delimiters) = (true, 0, 0, 0);
    let (mut is_inside, mut field_bytes) = (false, 0);
    for line in raw.split(|byte| *byte == b'\n') {
        let text = line.trim_ascii_start();
        if text.is_empty() {
            (is_header, run, is_inside) = (false, 0, false);
            continue;
        }
        if text.starts_with(b"--") {
            delimiters += 1;
        }
        let is_folded = text.len() < line.len();
        // `:` begins no field name but stands early in every field.
        let is_field = !is_folded
            && text
                .iter()
                .take_while(|byte| byte.is_ascii_graphic())
                .any(|byte| *byte == b':');
        is_inside = is_field || (is_folded && is_inside);
        if is_inside {
            field_bytes += line.len();
        }
        if is_field {
            run += 1;
            content_types += usize::from(
                text.get(..12)
                    .is_some_and(|name| name.eq_ignore_ascii_case(b"content-type")),
            );
        }
        if is_header && run > HEADER_FIELDS_MAX {
            return Err(beyond(HEADER_FIELDS_MAX, "header fields"));
        }
        if run > FIELDS_RUN_MAX {
            return Err(beyond(FIELDS_RUN_MAX, "fields without a blank line"));
        }
        if field_bytes > FIELD_BYTES_MAX {
            return Err(beyond(FIELD_BYTES_MAX, "bytes of fields"));
        }
        if content_types > CONTENT_TYPES_MAX || delimiters > DELIMITERS_MAX {
            return Err(beyond(PARTS_MAX, "parts"));
        }
    }
    Ok(())
}

fn check_parts(message: &Message<'_>) -> Result<(), Reason> {
    let mut fields = 0;
    let mut parts = 0;
    // Attached messages are not read, but they count.
    let mut waiting: Vec<(&Message<'_>, u32, usize)> = vec![(message, 0, 0)];
    while let Some((message, id, depth)) = waiting.pop() {
        let Some(part) = message.part(id) else {
            continue;
        };
        parts += 1;
        fields += part.headers.len();
        if depth > DEPTH_MAX {
            return Err(beyond(DEPTH_MAX, "levels of parts within parts"));
        }
        if parts > PARTS_MAX {
            return Err(beyond(PARTS_MAX, "parts"));
        }
        if fields > HEADER_FIELDS_MAX {
            return Err(beyond(HEADER_FIELDS_MAX, "header fields"));
        }
        match &part.body {
            PartType::Multipart(ids) => {
                waiting.extend(ids.iter().map(|id| (message, *id, depth + 1)));
            }
            PartType::Message(inner) => waiting.push((inner, 0, depth + 1)),
            _ => {}
        }
    }
    Ok(())
}

fn is_plain(part: &MessagePart<'_>) -> bool {
    let is_plain_type = part.content_type().is_none_or(|kind| {
        kind.ctype() == "text" && kind.subtype().is_none_or(|subtype| subtype == "plain")
    });
    is_plain_type && matches!(part.body, PartType::Text(_))
}

/// R28 for characters that deceive.
fn check_characters(text: &str) -> Result<(), Reason> {
    for (line, text) in (1..).zip(text.split('\n')) {
        if let Some((c, why)) = deceit(text) {
            return Err(Reason::new(
                reason::CHARACTERS,
                format!(
                    "line {line} holds the character U+{:04X} {why}",
                    u32::from(c)
                ),
            ));
        }
    }
    Ok(())
}

/// Text that is neither plain nor HTML, such as text/enriched: another reader shows it.
fn is_other_text(part: &MessagePart<'_>) -> bool {
    part.content_type().is_some_and(|kind| {
        kind.ctype() == "text" && !matches!(kind.subtype(), Some("plain" | "html"))
    })
}

/// The text of a part. Its character set is believed unless the bytes contradict it.
fn part_text<'a>(
    message: &'a Message<'_>,
    part: &'a MessagePart<'_>,
    notes: &mut Notes,
) -> Cow<'a, str> {
    let decoded = part.text_contents().unwrap_or_default();
    if decoded.is_ascii() {
        return Cow::Borrowed(decoded);
    }
    let body = message
        .raw_message
        .get(part.raw_body_offset() as usize..part.raw_end_offset() as usize)
        .unwrap_or_default();
    let bytes = match part.encoding {
        Encoding::None => Some(Cow::Borrowed(body)),
        Encoding::QuotedPrintable => quoted_printable_decode(body).map(Cow::Owned),
        Encoding::Base64 => base64_decode(body).map(Cow::Owned),
    };
    let Some(bytes) = bytes else {
        return Cow::Borrowed(decoded);
    };
    let charset = part
        .content_type()
        .and_then(|kind| kind.attribute("charset"))
        .unwrap_or("utf-8")
        .to_ascii_lowercase();
    let is_utf8 = std::str::from_utf8(&bytes).is_ok();
    let is_single_byte = [
        "iso-8859-",
        "iso8859-",
        "windows-125",
        "us-ascii",
        "ascii",
        "latin",
    ]
    .iter()
    .any(|start| charset.starts_with(start));
    if is_utf8 && is_single_byte {
        // Letters of one byte hardly ever form valid UTF-8 by chance; `Ã¤` in a name always would.
        notes.warn(
            reason::CHARSET,
            format!("the text says it is {charset}, but it is UTF-8 and was read so"),
        );
        return Cow::Owned(String::from_utf8_lossy(&bytes).into_owned());
    }
    if !is_utf8 && decoded.contains('\u{fffd}') {
        return Cow::Owned(decode(&bytes, notes).into_owned());
    }
    Cow::Borrowed(decoded)
}

/// The instant of the one `Date` field; of two that differ, neither is believed.
fn date(message: &Message<'_>, notes: &mut Notes) -> Option<Timestamp> {
    static PARSER: DateTimeParser = DateTimeParser::new().relaxed_weekday(true);
    let mut instants = message
        .root_part()
        .headers
        .iter()
        .filter(|header| header.name == HeaderName::Date)
        .map(|header| {
            let range = header.offset_start as usize..header.offset_end as usize;
            let value = message.raw_message.get(range)?;
            PARSER.parse_timestamp(value.trim_ascii()).ok()
        });
    let first = instants.next()?;
    let mut rest = instants.peekable();
    if rest.peek().is_some() {
        notes.warn(reason::REPEATED, "the header has more than one Date field");
    }
    first.filter(|_| rest.all(|other| other == first))
}
