//! A mail taken apart as far as a report about delivery needs it: leniently, because such mail is cut
//! off, nested and broken more often than not, and only what it says is read, never what it shows.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};
use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::html::html_to_text;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;
use mail_parser::parsers::MessageStream;
use mail_parser::{ContentType, HeaderValue};
use memchr::{memchr, memmem};

/// Largest mail looked at, in bytes.
const MAIL_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Most fields of one header that are read.
const FIELDS_MAX: usize = 500;
/// Most bytes of one field's value.
const VALUE_BYTES_MAX: usize = 8 * 1024;
/// Most parts.
const PARTS_MAX: usize = 50;
/// Deepest nesting of parts; the mail itself is 0.
const DEPTH_MAX: usize = 10;
/// Longest boundary that is looked for.
const BOUNDARY_BYTES_MAX: usize = 200;
/// Most bytes of one text that are read: a report says what it has to say at its beginning.
const TEXT_BYTES_MAX: usize = 64 * 1024;

/// A mail: its header, and what it holds.
pub(super) struct Mail<'a> {
    pub header: Header<'a>,
    pub parts: Vec<Part<'a>>,
}

/// A part that holds no parts; an attached mail is one too, and not opened here.
pub(super) struct Part<'a> {
    header: Header<'a>,
    /// Type and subtype in lower case; `text/plain` where none is given.
    pub kind: String,
    charset: Option<String>,
    body: &'a [u8],
}

/// The fields of a header, in order.
#[derive(Clone, Default)]
pub(super) struct Header<'a> {
    fields: Vec<(&'a [u8], &'a [u8])>,
}

/// Takes a mail apart; `Err` is a sentence.
pub(super) fn open(raw: &[u8]) -> Result<Mail<'_>, String> {
    if raw.len() > MAIL_BYTES_MAX {
        return Err(format!("the mail has more than {MAIL_BYTES_MAX} bytes"));
    }
    let raw = without_from_line(raw);
    let (header, body) = split(raw);
    if header.fields.is_empty() {
        return Err("the mail has no header".to_owned());
    }
    let mut parts = Vec::new();
    take_apart(header.clone(), body, 0, &mut parts);
    Ok(Mail { header, parts })
}

/// Files taken from a mailbox begin with its `From ` line, some with blank lines.
fn without_from_line(raw: &[u8]) -> &[u8] {
    let raw = raw.strip_prefix(b"\xef\xbb\xbf").unwrap_or(raw);
    let raw = raw.trim_ascii_start();
    let is_from = raw.starts_with(b"From ") || raw.starts_with(b">From ");
    match memchr(b'\n', raw) {
        Some(end) if is_from => &raw[end + 1..],
        _ => raw,
    }
}

fn take_apart<'a>(header: Header<'a>, body: &'a [u8], depth: usize, parts: &mut Vec<Part<'a>>) {
    if parts.len() >= PARTS_MAX {
        return;
    }
    let content = header.content_type();
    let kind = content.as_ref().map_or_else(
        || "text/plain".to_owned(),
        |content| {
            let subtype = content.subtype().unwrap_or("plain");
            format!("{}/{subtype}", content.ctype()).to_ascii_lowercase()
        },
    );
    let attribute = |name: &str| {
        let content = content.as_ref()?;
        content.attribute(name).map(str::to_owned)
    };
    if kind.starts_with("multipart/")
        && depth < DEPTH_MAX
        && let Some(boundary) = attribute("boundary")
    {
        let sections = sections(body, &boundary);
        if !sections.is_empty() {
            for section in sections {
                let (header, body) = split(section);
                take_apart(header, body, depth + 1, parts);
            }
            return;
        }
    }
    let charset = attribute("charset");
    parts.push(Part {
        header,
        kind,
        charset,
        body,
    });
}

/// What stands between the boundary's lines; the last may be cut off. Text before the first belongs
/// to no part; nor does what follows the last.
fn sections<'a>(body: &'a [u8], boundary: &str) -> Vec<&'a [u8]> {
    let mut sections = Vec::new();
    if boundary.is_empty() || boundary.len() > BOUNDARY_BYTES_MAX {
        return sections;
    }
    let delimiter = format!("--{boundary}");
    let mut begin = None;
    for at in memmem::find_iter(body, delimiter.as_bytes()) {
        let tail = &body[at + delimiter.len()..];
        let end = memchr(b'\n', tail).unwrap_or(tail.len());
        let rest = tail[..end].trim_ascii_end();
        let is_line = at == 0 || body[at - 1] == b'\n';
        let is_close = rest == b"--";
        if !is_line || !(rest.is_empty() || is_close) {
            continue;
        }
        if let Some(begin) = begin.take() {
            sections.push(&body[begin..at]);
        }
        if is_close || sections.len() >= PARTS_MAX {
            return sections;
        }
        begin = Some((at + delimiter.len() + end + 1).min(body.len()));
    }
    sections.extend(begin.map(|begin| &body[begin..]));
    sections
}

/// A header and what follows its blank line. Lines that are no fields are passed over.
pub(super) fn split(raw: &[u8]) -> (Header<'_>, &[u8]) {
    let mut fields: Vec<(&[u8], &[u8])> = Vec::new();
    let mut at = 0;
    // Name and the place where the value begins, while further lines may belong to it.
    let mut open: Option<(&[u8], usize)> = None;
    while at < raw.len() {
        let end = memchr(b'\n', &raw[at..]).map_or(raw.len(), |end| at + end + 1);
        let line = &raw[at..end];
        let is_folded = line.starts_with(b" ") || line.starts_with(b"\t");
        let is_blank = line.trim_ascii().is_empty();
        if !is_folded || is_blank {
            if let Some((name, begin)) = open.take()
                && fields.len() < FIELDS_MAX
            {
                fields.push((name, &raw[begin..at.min(begin + VALUE_BYTES_MAX)]));
            }
            if is_blank {
                return (Header { fields }, &raw[end..]);
            }
            let colon = memchr(b':', line).filter(|colon| {
                let name = line[..*colon].trim_ascii_end();
                !name.is_empty() && name.iter().all(u8::is_ascii_graphic)
            });
            open = colon.map(|colon| (line[..colon].trim_ascii_end(), at + colon + 1));
        }
        at = end;
    }
    if let Some((name, begin)) = open
        && fields.len() < FIELDS_MAX
    {
        let end = raw.len().min(begin + VALUE_BYTES_MAX);
        fields.push((name, &raw[begin..end]));
    }
    (Header { fields }, &[])
}

impl<'a> Header<'a> {
    /// The values of all fields of that name, as they stand.
    fn raw<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'a [u8]> + 's {
        self.fields
            .iter()
            .filter(move |(known, _)| known.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| *value)
    }

    /// Is there such a field?
    pub fn has(&self, name: &str) -> bool {
        self.raw(name).next().is_some()
    }

    /// The values of all fields of that name, unfolded; nothing is decoded.
    pub fn values(&self, name: &str) -> Vec<String> {
        self.raw(name).map(unfolded).collect()
    }

    /// The first of them.
    pub fn value(&self, name: &str) -> Option<String> {
        self.raw(name).next().map(unfolded)
    }

    /// The first value of that name, its encoded words decoded.
    pub fn text(&self, name: &str) -> Option<String> {
        let raw = self.raw(name).next()?;
        let value = [raw, b"\n"].concat();
        let decoded = match MessageStream::new(&value).parse_unstructured() {
            HeaderValue::Text(text) => text.into_owned(),
            _ => return None,
        };
        Some(decoded.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    fn content_type(&self) -> Option<ContentType<'static>> {
        let value = [self.raw("Content-Type").next()?, b"\n"].concat();
        match MessageStream::new(&value).parse_content_type().into_owned() {
            HeaderValue::ContentType(content) => Some(content),
            _ => None,
        }
    }

    /// `report-type` of a `multipart/report`, in lower case; empty where it is not said.
    pub fn report_type(&self) -> Option<String> {
        let content = self.content_type()?;
        let is_report = content.ctype().eq_ignore_ascii_case("multipart")
            && content
                .subtype()
                .is_some_and(|subtype| subtype.eq_ignore_ascii_case("report"));
        let kind = content.attribute("report-type").unwrap_or_default();
        is_report.then(|| kind.to_ascii_lowercase())
    }
}

fn unfolded(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Part<'_> {
    /// Is it a mail, or the header of one, that comes back?
    pub fn is_returned(&self) -> bool {
        matches!(
            self.kind.as_str(),
            "message/rfc822"
                | "message/global"
                | "message/partial"
                | "message/rfc822-headers"
                | "message/global-headers"
                | "text/rfc822-headers"
                | "text/rfc822-header"
                | "text/rfc822"
        )
    }

    /// Is it a text that a person reads first?
    pub fn is_text(&self) -> bool {
        self.kind.starts_with("text/") && !self.is_returned()
    }

    /// Is it the part that a program reads?
    pub fn is_status(&self) -> bool {
        matches!(
            self.kind.as_str(),
            "message/delivery-status" | "message/global-delivery-status"
        )
    }

    /// The bytes, transfer coding undone; broken coding is passed over.
    pub fn bytes(&self) -> Cow<'_, [u8]> {
        let coding = self
            .header
            .value("Content-Transfer-Encoding")
            .unwrap_or_default()
            .to_ascii_lowercase();
        let decoded = match coding.split([' ', ';']).next().unwrap_or_default() {
            "base64" => base64_decode(self.body),
            "quoted-printable" => quoted_printable_decode(self.body),
            _ => None,
        };
        decoded.map_or(Cow::Borrowed(self.body), Cow::Owned)
    }

    /// The text, in lines that end with LF; HTML as a reader sees it.
    pub fn text(&self) -> String {
        let bytes = self.bytes();
        let bytes = &bytes[..bytes.len().min(TEXT_BYTES_MAX)];
        let known = self
            .charset
            .as_ref()
            .and_then(|charset| Encoding::for_label(charset.trim().as_bytes()))
            .filter(|encoding| *encoding != UTF_8);
        let text = match known {
            // The bytes may be in another character set than they say; a text that is UTF-8 hardly
            // ever is something else.
            Some(encoding) if std::str::from_utf8(bytes).is_err() || encoding_is_wide(encoding) => {
                encoding.decode_without_bom_handling(bytes).0
            }
            _ => utf8_or_latin(bytes),
        };
        let text = if self.kind == "text/html" {
            html_to_text(&with_breaks(&text))
        } else {
            text.into_owned()
        };
        text.replace("\r\n", "\n").replace(['\r', '\u{2028}'], "\n")
    }
}

/// HTML whose preformatted lines stay lines.
fn with_breaks(html: &str) -> Cow<'_, str> {
    let lower = html.to_ascii_lowercase();
    let mut broken = String::new();
    let mut done = 0;
    while let Some(begin) = lower[done..].find("<pre").map(|at| done + at) {
        let end = lower[begin..]
            .find("</pre")
            .map_or(html.len(), |at| begin + at);
        broken.push_str(&html[done..begin]);
        broken.push_str(&html[begin..end].replace('\n', "<br>\n"));
        done = end;
    }
    match done {
        0 => Cow::Borrowed(html),
        _ => Cow::Owned(broken + &html[done..]),
    }
}

/// Is ASCII not written as ASCII in it?
fn encoding_is_wide(encoding: &'static Encoding) -> bool {
    !encoding.is_ascii_compatible() || encoding == encoding_rs::ISO_2022_JP
}

fn utf8_or_latin(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        // The end may be cut off within a letter.
        Err(error) if error.error_len().is_none() => String::from_utf8_lossy(bytes),
        Err(_) => WINDOWS_1252.decode_without_bom_handling(bytes).0,
    }
}
