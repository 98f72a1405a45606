//! The MIME structure: what two readers would take apart differently is not taken apart at all.

use mail_parser::{Encoding, HeaderName, Message, MessagePart, MimeHeaders, PartType};
use memchr::memmem;

use super::super::text::quote;
use crate::model::{Reason, reason};

/// Longest line of a body, without its line end (RFC 5322, section 2.1.1).
const LINE_BYTES_MAX: usize = 998;

/// Longest boundary (RFC 2046, section 5.1.1).
const BOUNDARY_BYTES_MAX: usize = 70;

/// Fields that a part may have once (RFC 2045, section 3).
const SINGULAR: [&str; 6] = [
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "content-disposition",
    "content-id",
    "content-description",
];

/// R36 for bytes in the body that some readers take for a line end or an end, and others do not.
pub(super) fn check_bytes(raw: &[u8]) -> Result<(), Reason> {
    let fault = |line: usize, what: &str| {
        Err(Reason::new(
            reason::BODY_BYTES,
            format!("line {line} of the mail {what}"),
        ))
    };
    let mut is_body = false;
    let mut has_crlf = None;
    let mut line = 0;
    let mut rest = raw;
    while !rest.is_empty() {
        line += 1;
        let end = memchr::memchr(b'\n', rest);
        let (text, tail) = end.map_or((rest, &rest[..0]), |end| (&rest[..end], &rest[end + 1..]));
        let bare = text.strip_suffix(b"\r");
        let is_crlf = bare.is_some();
        let text = bare.unwrap_or(text);
        rest = tail;
        if end.is_some() && *has_crlf.get_or_insert(is_crlf) != is_crlf {
            return fault(line, "ends otherwise than the lines before it");
        }
        if !is_body {
            is_body = text.is_empty();
            continue;
        }
        if memchr::memchr2(b'\r', 0, text).is_some() || end.is_none() && is_crlf {
            return fault(line, "holds a NUL or a bare CR");
        }
        if text.len() > LINE_BYTES_MAX {
            return fault(line, &format!("has more than {LINE_BYTES_MAX} octets"));
        }
    }
    Ok(())
}

/// R31 and R33: every part has one plain description of itself, and boundaries that cannot be
/// mistaken. R35 for what `field` knows beside the parts.
pub(super) fn check_form(
    message: &Message<'_>,
    field: fn(&str) -> Option<&'static str>,
) -> Result<(), Reason> {
    let mut boundaries: Vec<&str> = Vec::new();
    for part in &message.parts {
        for name in SINGULAR {
            let is_named =
                |header: &&mail_parser::Header<'_>| header.name().eq_ignore_ascii_case(name);
            if part.headers.iter().filter(is_named).count() > 1 {
                return Err(Reason::new(
                    reason::REPEATED_FIELD,
                    format!("a part has more than one {name} field"),
                ));
            }
        }
        check_description(message, part).map_err(malformed)?;
        let is_multipart = matches!(part.body, PartType::Multipart(_));
        if !is_multipart {
            continue;
        }
        let boundary = part
            .content_type()
            .and_then(|kind| kind.attribute("boundary"))
            .unwrap_or_default();
        if boundaries.contains(&boundary) {
            return Err(malformed("two multiparts have the same boundary"));
        }
        boundaries.push(boundary);
        check_boundary(message, part, boundary, field)?;
    }
    Ok(())
}

fn malformed(what: impl Into<String>) -> Reason {
    Reason::new(reason::MIME_FORM, what)
}

/// The raw value of a field, unfolded, if the part has it.
fn raw_value(
    message: &Message<'_>,
    part: &MessagePart<'_>,
    name: &HeaderName<'_>,
) -> Option<String> {
    let header = part.headers.iter().find(|header| header.name == *name)?;
    let range = header.offset_start as usize..header.offset_end as usize;
    let value = String::from_utf8_lossy(message.raw_message.get(range)?).replace(['\r', '\n'], "");
    Some(value.trim().to_owned())
}

fn check_description(message: &Message<'_>, part: &MessagePart<'_>) -> Result<(), &'static str> {
    let has_encoding =
        |header: &mail_parser::Header<'_>| header.name().eq_ignore_ascii_case("content-encoding");
    if part.headers.iter().any(has_encoding) {
        return Err("a part has a Content-Encoding; nothing is unpacked");
    }
    let coding = raw_value(message, part, &HeaderName::ContentTransferEncoding)
        .map(|coding| coding.to_ascii_lowercase());
    let kind = raw_value(message, part, &HeaderName::ContentType);
    let kind = kind.map(|kind| Kind::read(&kind)).transpose()?;
    let is_composite = kind
        .as_ref()
        .is_some_and(|kind| ["multipart", "message"].contains(&kind.top.as_str()));
    match coding.as_deref() {
        None | Some("7bit" | "8bit" | "binary") => {}
        Some("quoted-printable" | "base64") if !is_composite => {}
        Some("quoted-printable" | "base64") => {
            return Err("a part that holds parts has a transfer coding");
        }
        Some(_) => return Err("a transfer coding is not known"),
    }
    if part.encoding == Encoding::Base64 && !is_whole_base64(body(message, part)) {
        return Err("a part in base64 holds more or less than base64");
    }
    let Some(kind) = kind else {
        return Ok(());
    };
    let read = part.content_type();
    let is_same = read.is_some_and(|read| {
        read.ctype().eq_ignore_ascii_case(&kind.top)
            && read
                .subtype()
                .is_some_and(|sub| sub.eq_ignore_ascii_case(&kind.sub))
            && ["boundary", "charset"].iter().all(|name| {
                read.attribute(name).map(str::to_ascii_lowercase)
                    == kind.value(name).map(str::to_ascii_lowercase)
            })
    });
    if !is_same {
        return Err("a Content-Type can be read in two ways");
    }
    match kind.top.as_str() {
        "multipart" => {
            let boundary = kind.value("boundary").unwrap_or_default();
            let is_boundary = !boundary.is_empty()
                && boundary.len() <= BOUNDARY_BYTES_MAX
                && boundary
                    .bytes()
                    .all(|byte| byte.is_ascii_graphic() || byte == b' ')
                && !boundary.ends_with(' ');
            if !is_boundary || !matches!(part.body, PartType::Multipart(_)) {
                return Err("a multipart has no usable boundary");
            }
        }
        "text" => check_charset(part, &kind)?,
        _ => {}
    }
    Ok(())
}

/// Character sets whose ASCII is ASCII are read; so is UTF-16 that is nothing else. A set with shifts
/// and escapes shows one text to who knows it, and another to who does not.
fn check_charset(part: &MessagePart<'_>, kind: &Kind) -> Result<(), &'static str> {
    let charset = kind
        .value("charset")
        .unwrap_or("us-ascii")
        .to_ascii_lowercase();
    let is_shifting = [
        "utf-7",
        "utf7",
        "unicode-1-1-utf-7",
        "csunicode11utf7",
        "hz",
        "iso-2022",
        "csiso2022",
        "utf-ebcdic",
        "ebcdic",
        "ibm037",
        "cp037",
    ]
    .iter()
    .any(|start| charset.starts_with(start));
    if is_shifting {
        return Err("a text is in a character set with shifts");
    }
    let is_wide = ["utf-16", "utf16", "utf-32", "utf32", "ucs", "iso-10646"]
        .iter()
        .any(|start| charset.starts_with(start));
    let is_clean = part
        .text_contents()
        .is_some_and(|text| !text.contains(['\u{fffd}', '\0']));
    if is_wide && (part.encoding != Encoding::Base64 || !is_clean) {
        return Err("a text is not in the wide characters it claims");
    }
    if kind
        .value("delsp")
        .is_some_and(|delsp| !delsp.eq_ignore_ascii_case("no"))
    {
        return Err("a text drops the blanks at its line ends (delsp)");
    }
    Ok(())
}

/// The bytes of a part as they stand in the mail.
fn body<'a>(message: &'a Message<'_>, part: &MessagePart<'_>) -> &'a [u8] {
    message
        .raw_message
        .get(part.raw_body_offset() as usize..part.raw_end_offset() as usize)
        .unwrap_or_default()
}

/// Nothing but base64: whole groups, and what pads them at the very end alone.
fn is_whole_base64(bytes: &[u8]) -> bool {
    let mut count = 0_usize;
    let mut padding = 0_usize;
    for byte in bytes.iter().filter(|byte| !byte.is_ascii_whitespace()) {
        count += 1;
        match byte {
            b'=' => padding += 1,
            _ if padding > 0 => return false,
            b'+' | b'/' => {}
            _ if byte.is_ascii_alphanumeric() => {}
            _ => return false,
        }
    }
    padding <= 2 && count.is_multiple_of(4)
}

/// The boundary stands at the start of lines only, as a whole, and ends the parts once. What stands
/// before and behind them carries no field of the registry (R35).
fn check_boundary(
    message: &Message<'_>,
    part: &MessagePart<'_>,
    boundary: &str,
    field: fn(&str) -> Option<&'static str>,
) -> Result<(), Reason> {
    let start = part.raw_body_offset() as usize;
    let bytes = message.raw_message.get(start..).unwrap_or_default();
    let delimiter = format!("--{boundary}");
    let mut first = None;
    let mut closed_at = None;
    for at in memmem::find_iter(bytes, delimiter.as_bytes()) {
        let tail = &bytes[at + delimiter.len()..];
        let end = memchr::memchr(b'\n', tail).unwrap_or(tail.len());
        let is_line = at == 0 || bytes[at - 1] == b'\n';
        let is_close = match tail[..end].trim_ascii() {
            b"" => false,
            b"--" => true,
            _ => return Err(malformed("a boundary is the beginning of another line")),
        };
        if !is_line || closed_at.is_some() {
            return Err(malformed("a boundary stands where no part begins or ends"));
        }
        first.get_or_insert(at);
        if is_close {
            closed_at = Some(at + delimiter.len() + end);
        }
    }
    let (Some(first), Some(closed_at)) = (first, closed_at) else {
        return Err(malformed("a multipart does not end"));
    };
    let is_root = std::ptr::eq(part, message.root_part());
    // Behind an inner multipart come the parts of the outer one.
    let after = if is_root {
        &bytes[closed_at..]
    } else {
        &[][..]
    };
    for beside in [&bytes[..first], after] {
        let text = String::from_utf8_lossy(beside);
        if let Some(name) = text.lines().find_map(|line| field(line.trim())) {
            return Err(Reason::new(
                reason::TEXT_ASIDE,
                format!("a field {name} stands beside the parts"),
            ));
        }
    }
    Ok(())
}

/// R34 for parts that another reader opens. Images and detached signatures are passed over.
pub(super) fn check_attached(message: &Message<'_>) -> Result<(), Reason> {
    for part in &message.parts {
        let attached = |what: String| Err(Reason::new(reason::ATTACHED, what));
        let kind = part.content_type().map_or_else(
            || "text/plain".to_owned(),
            |kind| format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or_default()),
        );
        let name = part.attachment_name().unwrap_or_default();
        let is_image = kind.starts_with("image/") && kind != "image/svg+xml";
        let is_passed = is_image
            || [
                "application/pgp-signature",
                "application/pkcs7-signature",
                "application/x-pkcs7-signature",
                "multipart/alternative",
                "multipart/mixed",
                "multipart/related",
                "multipart/signed",
            ]
            .contains(&kind.as_str());
        if matches!(part.body, PartType::Message(_))
            || !is_passed && !["text/plain", "text/html"].contains(&kind.as_str())
        {
            return attached(format!("a part of type {}", quote(&kind)));
        }
        let is_file = part
            .content_disposition()
            .is_some_and(|disposition| !disposition.ctype().eq_ignore_ascii_case("inline"));
        if kind.starts_with("text/") && (is_file || !name.is_empty()) {
            return attached(format!("a text that is a file: `{}`", quote(name)));
        }
        let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
        let is_image_name = ["png", "gif", "jpg", "jpeg", "webp", "asc", "sig", "p7s", ""];
        if !is_image_name
            .iter()
            .any(|known| known.eq_ignore_ascii_case(ending))
        {
            return attached(format!("a file named `{}`", quote(name)));
        }
    }
    Ok(())
}

/// R34 for files in the text itself.
pub(super) fn check_inline_files(text: &str) -> Result<(), Reason> {
    let is_begin = |line: &str| {
        line.strip_prefix("begin ").is_some_and(|rest| {
            let mode = rest.split(' ').next().unwrap_or_default();
            matches!(mode.len(), 3 | 4) && mode.bytes().all(|byte| matches!(byte, b'0'..=b'7'))
        }) || line.starts_with("begin-base64 ")
            || line.starts_with("=ybegin ")
    };
    match (1..).zip(text.lines()).find(|(_, line)| is_begin(line)) {
        Some((line, _)) => Err(Reason::new(
            reason::ATTACHED,
            format!("line {line}: a file begins in the text"),
        )),
        None => Ok(()),
    }
}

/// A Content-Type, read strictly.
struct Kind {
    top: String,
    sub: String,
    parameters: Vec<(String, String)>,
}

impl Kind {
    /// RFC 2045, section 5.1; comments are passed over. Refuses repeated parameters, and the forms of
    /// RFC 2231 for those that decide how the part is read.
    fn read(value: &str) -> Result<Self, &'static str> {
        const BROKEN: &str = "a Content-Type is broken";
        let mut rest = value;
        let mut next = || Piece::next(&mut rest);
        let (Piece::Word(top), Piece::Mark('/'), Piece::Word(sub)) = (next()?, next()?, next()?)
        else {
            return Err(BROKEN);
        };
        let mut parameters: Vec<(String, String)> = Vec::new();
        loop {
            match next()? {
                Piece::End => break,
                Piece::Mark(';') => {}
                _ => return Err(BROKEN),
            }
            let name = match next()? {
                Piece::End => break,
                Piece::Word(name) => name.to_ascii_lowercase(),
                _ => return Err(BROKEN),
            };
            let (Piece::Mark('='), Piece::Word(value) | Piece::Quoted(value)) = (next()?, next()?)
            else {
                return Err(BROKEN);
            };
            if parameters.iter().any(|(known, _)| *known == name) {
                return Err("a Content-Type gives a parameter twice");
            }
            let plain = name.split('*').next().unwrap_or_default();
            if plain != name && ["boundary", "charset", "format", "delsp"].contains(&plain) {
                return Err("a Content-Type gives a parameter in pieces or encoded");
            }
            parameters.push((name, value));
        }
        let (top, sub) = (top.to_ascii_lowercase(), sub.to_ascii_lowercase());
        Ok(Kind {
            top,
            sub,
            parameters,
        })
    }

    fn value(&self, name: &str) -> Option<&str> {
        let mut parameters = self.parameters.iter();
        parameters
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

enum Piece {
    Word(String),
    Quoted(String),
    Mark(char),
    End,
}

impl Piece {
    fn next(rest: &mut &str) -> Result<Self, &'static str> {
        loop {
            *rest = rest.trim_start();
            if !rest.starts_with('(') {
                break;
            }
            let end = rest.find(')').ok_or("a comment does not end")?;
            *rest = &rest[end + 1..];
        }
        let Some(first) = rest.chars().next() else {
            return Ok(Piece::End);
        };
        if ";/=".contains(first) {
            *rest = &rest[1..];
            return Ok(Piece::Mark(first));
        }
        if first == '"' {
            let end = rest[1..].find('"').ok_or("a quoted string does not end")?;
            let text = &rest[1..=end];
            if text.contains('\\') {
                return Err("a parameter has quoted characters");
            }
            *rest = &rest[end + 2..];
            return Ok(Piece::Quoted(text.to_owned()));
        }
        let is_token = |c: char| c.is_ascii_graphic() && !"()<>@,;:\\\"/[]?=".contains(c);
        let end = rest.find(|c| !is_token(c)).unwrap_or(rest.len());
        if end == 0 {
            return Err("a Content-Type is broken");
        }
        let word = rest[..end].to_owned();
        *rest = &rest[end..];
        Ok(Piece::Word(word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_content_type_is_read() {
        for (value, charset) in [
            ("text/plain", None),
            ("text/plain;", None),
            (
                "Text/Plain; Charset=\"UTF-8\"; format=flowed",
                Some("UTF-8"),
            ),
            ("text/plain; charset = utf-8 (Unicode)", Some("utf-8")),
        ] {
            let kind = Kind::read(value).unwrap_or_else(|why| panic!("{value}: {why}"));
            assert_eq!((kind.top.as_str(), kind.sub.as_str()), ("text", "plain"));
            assert_eq!(kind.value("charset"), charset, "{value}");
        }
    }

    #[test]
    fn a_content_type_that_can_be_read_in_two_ways_is_refused() {
        for value in [
            "",
            "text",
            "plain; charset=utf-8",
            "text/plain, text/html",
            "text/plain; charset=utf-8; charset=utf-7",
            "text/plain; charset=utf-8; CHARSET=utf-8",
            "text/plain; charset*0=utf; charset*1=-7",
            "text/plain; charset*=utf-8''utf-7",
            "multipart/mixed; boundary*0=a; boundary*1=b",
            "text/plain; charset",
            "text/plain; charset=",
            "text/plain; charset=\"utf-8",
            "text/plain; charset=\"utf\\-8\"",
            "text/plain (x",
            "text/plain charset=utf-8",
        ] {
            assert!(Kind::read(value).is_err(), "{value}");
        }
    }

    #[test]
    fn base64_is_whole_or_refused() {
        for whole in ["", "YQ==", "YWI=\r\n", "YWJj\r\nYWJj\r\n"] {
            assert!(is_whole_base64(whole.as_bytes()), "{whole:?}");
        }
        for not in [
            "YQ",
            "YQ==YQ==",
            "YWJj!",
            "YWJjYW",
            "====",
            "YQ==\r\n_____\r\nlist",
        ] {
            assert!(!is_whole_base64(not.as_bytes()), "{not:?}");
        }
    }
}
