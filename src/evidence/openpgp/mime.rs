//! The form of a signed mail: one clearsigned text, or `multipart/signed` with its two parts.
//!
//! Only what can be read in one way is read at all; this is no general MIME parser.

use std::borrow::Cow;

use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;

use super::{Form, Signed, armor};

/// A header section and what follows it.
struct Entity<'a> {
    fields: Vec<(String, String)>,
    body: &'a [u8],
}

/// A `Content-Type`, everything but values in lower case.
struct ContentType {
    kind: String,
    parameters: Vec<(String, String)>,
}

/// A mail taken from a mailbox file begins with its `From ` line.
pub(super) fn without_from_line(raw: &[u8]) -> &[u8] {
    match raw.strip_prefix(b"From ") {
        Some(rest) => memchr::memchr(b'\n', rest).map_or(&[], |end| &rest[end + 1..]),
        None => raw,
    }
}

/// Takes a signed mail apart; the error says what stands where it must not.
pub(super) fn open(raw: &[u8]) -> Result<Signed, String> {
    let mail = Entity::read(without_from_line(raw))?;
    let kind = mail.content_type()?;
    match kind.kind.as_str() {
        "text/plain" => {
            armor::clearsigned(&mail.decoded()?, |bytes| decode(bytes, kind.get("charset")))
        }
        "multipart/signed" => signed_parts(&mail, &kind),
        other => Err(format!(
            "the signature stands within {}, not around all text",
            other.chars().take(40).collect::<String>()
        )),
    }
}

impl<'a> Entity<'a> {
    fn read(raw: &'a [u8]) -> Result<Self, String> {
        let mut fields: Vec<(String, String)> = Vec::new();
        let mut at = 0;
        for line in raw.split_inclusive(|byte| *byte == b'\n') {
            at += line.len();
            let text = String::from_utf8_lossy(line);
            let text = text.trim_end_matches(['\r', '\n']);
            if text.is_empty() {
                let body = &raw[at..];
                return Ok(Entity { fields, body });
            }
            match (text.starts_with([' ', '\t']), fields.last_mut()) {
                (true, Some((_, value))) => value.push_str(text),
                (true, None) => return Err("a header begins with a folded line".to_owned()),
                (false, _) => {
                    let (name, value) = text
                        .split_once(':')
                        .ok_or("a header holds a line that is no field")?;
                    fields.push((name.trim_end().to_ascii_lowercase(), value.to_owned()));
                }
            }
        }
        Err("a header without a body".to_owned())
    }

    /// The value of a field that may be there once.
    fn field(&self, name: &str) -> Result<Option<&str>, String> {
        let mut values = self.fields.iter().filter(|(known, _)| known == name);
        let first = values.next().map(|(_, value)| value.trim());
        if values.next().is_some() {
            return Err(format!("two fields {name}"));
        }
        Ok(first)
    }

    fn content_type(&self) -> Result<ContentType, String> {
        match self.field("content-type")? {
            None => Ok(ContentType {
                kind: "text/plain".to_owned(),
                parameters: Vec::new(),
            }),
            Some(value) => {
                ContentType::read(value).ok_or("the Content-Type cannot be read".to_owned())
            }
        }
    }

    /// The body without its transfer coding.
    fn decoded(&self) -> Result<Cow<'a, [u8]>, String> {
        let coding = self
            .field("content-transfer-encoding")?
            .unwrap_or("7bit")
            .to_ascii_lowercase();
        let broken = || format!("the body is not in {coding}");
        match coding.as_str() {
            "7bit" | "8bit" | "binary" => Ok(Cow::Borrowed(self.body)),
            "quoted-printable" => quoted_printable_decode(self.body)
                .map(Cow::Owned)
                .ok_or_else(broken),
            "base64" => {
                let end = memchr::memchr(b'=', self.body).unwrap_or(self.body.len());
                let (digits, padding) = self.body.split_at(end);
                let is_digit = |byte: &u8| {
                    byte.is_ascii_alphanumeric()
                        || b"+/".contains(byte)
                        || byte.is_ascii_whitespace()
                };
                let is_padding = |byte: &u8| *byte == b'=' || byte.is_ascii_whitespace();
                // What stands behind the padding is text to some readers, and nothing to others.
                if !digits.iter().all(is_digit) || !padding.iter().all(is_padding) {
                    return Err(broken());
                }
                base64_decode(self.body).map(Cow::Owned).ok_or_else(broken)
            }
            _ => Err("the transfer coding is not known".to_owned()),
        }
    }
}

impl ContentType {
    /// RFC 2045 without comments and RFC 2231 continuations; `None`: it says something else.
    fn read(value: &str) -> Option<Self> {
        let is_token = |text: &str| {
            !text.is_empty()
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=*'%".contains(&byte))
        };
        let (kind, mut rest) = value.split_at(value.find(';').unwrap_or(value.len()));
        let (main, sub) = kind.trim().split_once('/')?;
        let mut parameters: Vec<(String, String)> = Vec::new();
        while let Some(parameter) = rest.strip_prefix(';') {
            if parameter.trim().is_empty() {
                rest = "";
                break;
            }
            let (name, behind) = parameter.split_once('=')?;
            let name = name.trim().to_ascii_lowercase();
            let value;
            if let Some(quoted) = behind.strip_prefix('"') {
                let (inside, after) = quoted.split_once('"')?;
                if inside.contains('\\') {
                    return None;
                }
                (value, rest) = (inside, after.trim_start());
            } else {
                let end = behind.find([';', ' ', '\t']).unwrap_or(behind.len());
                let (token, after) = behind.split_at(end);
                if token.is_empty() || token.contains(['"', '(', '\\']) {
                    return None;
                }
                (value, rest) = (token, after.trim_start());
            }
            if !is_token(&name) || parameters.iter().any(|(known, _)| *known == name) {
                return None;
            }
            parameters.push((name, value.to_owned()));
        }
        (rest.is_empty() && is_token(main) && is_token(sub)).then(|| ContentType {
            kind: format!("{main}/{sub}").to_ascii_lowercase(),
            parameters,
        })
    }

    fn get(&self, name: &str) -> Option<&str> {
        let mut parameters = self.parameters.iter();
        let found = parameters.find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// `multipart/signed` (RFC 3156, section 5): the text, then its signature, and nothing else.
fn signed_parts(mail: &Entity<'_>, kind: &ContentType) -> Result<Signed, String> {
    let protocol = kind.get("protocol").unwrap_or_default();
    if !protocol.eq_ignore_ascii_case("application/pgp-signature") {
        return Err("multipart/signed of another protocol".to_owned());
    }
    let hash = kind
        .get("micalg")
        .and_then(|name| {
            name.get(..4)
                .filter(|start| start.eq_ignore_ascii_case("pgp-"))
                .map(|_| name[4..].to_ascii_uppercase())
        })
        .filter(|name| armor::HASHES.contains(&name.as_str()))
        .ok_or("micalg is missing, or not accepted")?;
    if !["7bit", "8bit", "binary"].contains(
        &mail
            .field("content-transfer-encoding")?
            .unwrap_or("7bit")
            .to_ascii_lowercase()
            .as_str(),
    ) {
        return Err("multipart/signed in a transfer coding".to_owned());
    }
    let [signed, signature] = two_parts(mail.body, kind.get("boundary").unwrap_or_default())?;
    let part = Entity::read(signed)?;
    let part_kind = part.content_type()?;
    if part_kind.kind != "text/plain" {
        return Err("the signed part is not one plain text".to_owned());
    }
    let text = decode(&part.decoded()?, part_kind.get("charset"))?;
    let other = Entity::read(signature)?;
    if other.content_type()?.kind != "application/pgp-signature" {
        return Err("the second part is no signature".to_owned());
    }
    let armored = other.decoded()?;
    Ok(Signed {
        text: armor::plain(text)?,
        bytes: armor::lines(signed)?.join(&b"\r\n"[..]),
        signature: armor::signature(&armor::lines(&armored)?)?,
        form: Form::Mime,
        hashes: vec![hash],
    })
}

/// The two parts of a multipart body, without the line ends that belong to the delimiters.
fn two_parts<'a>(body: &'a [u8], boundary: &str) -> Result<[&'a [u8]; 2], String> {
    if boundary.is_empty() || boundary.len() > 70 || boundary.ends_with(' ') {
        return Err("the boundary of the parts is missing or cannot be used".to_owned());
    }
    let mut parts: Vec<&[u8]> = Vec::new();
    // Where the part that is being read begins; before the first delimiter, that is the preamble.
    let (mut begin, mut at, mut is_closed) = (0, 0, false);
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        let start = at;
        at += line.len();
        let Some(behind) = line
            .strip_prefix(b"--")
            .and_then(|line| line.strip_prefix(boundary.as_bytes()))
        else {
            continue;
        };
        let (is_last, blank) = match behind.strip_prefix(b"--") {
            Some(blank) => (true, blank),
            None => (false, behind),
        };
        if is_closed || !blank.trim_ascii().is_empty() {
            return Err("the parts are not clearly separated".to_owned());
        }
        let part = &body[begin..start];
        let part = part.strip_suffix(b"\n").unwrap_or(part);
        parts.push(part.strip_suffix(b"\r").unwrap_or(part));
        (begin, is_closed) = (at, is_last);
    }
    if !is_closed {
        return Err("multipart/signed is cut off".to_owned());
    }
    if !parts[0].trim_ascii().is_empty() || !body[begin..].trim_ascii().is_empty() {
        return Err("text stands before or after the signed part".to_owned());
    }
    match parts.as_slice() {
        [_, signed, signature] => Ok([signed, signature]),
        parts => Err(format!(
            "multipart/signed has {} parts instead of two",
            parts.len() - 1
        )),
    }
}

/// The text that signed bytes are. The header that names the character set of a clearsigned text is
/// not signed, so none is taken that gives ASCII bytes another meaning.
fn decode(bytes: &[u8], charset: Option<&str>) -> Result<String, String> {
    let charset = charset.unwrap_or("us-ascii").to_ascii_lowercase();
    let encoding = match charset.as_str() {
        "us-ascii" | "ascii" | "utf-8" | "utf8" => None,
        "iso-8859-1" | "windows-1252" => Some(encoding_rs::WINDOWS_1252),
        "iso-8859-15" => Some(encoding_rs::ISO_8859_15),
        _ => return Err("the character set of the signed text is not accepted".to_owned()),
    };
    match (std::str::from_utf8(bytes), encoding) {
        (Ok(text), _) => Ok(text.to_owned()),
        (Err(_), Some(encoding)) => {
            let (text, _) = encoding.decode_without_bom_handling(bytes);
            Ok(text.into_owned())
        }
        (Err(_), None) => Err("the signed text is not in its character set".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_type_is_read_in_one_way_or_not_at_all() {
        let kind = ContentType::read(
            "Multipart/Signed; micalg=pgp-sha256;\tprotocol=\"application/pgp-signature\"; boundary=\"a;b\"",
        );
        let kind = kind.unwrap();
        assert_eq!(kind.kind, "multipart/signed");
        assert_eq!(kind.get("boundary"), Some("a;b"));
        assert_eq!(kind.get("micalg"), Some("pgp-sha256"));
        for wrong in [
            "text",
            "text/plain (comment)",
            "text/plain; charset=utf-8; charset=utf-7",
            "text/plain; charset=\"utf-8",
            "multipart/signed; boundary*0=a; boundary*1=b",
            "multipart/signed; boundary=\"a\\\"b\"",
            "text/plain charset=utf-8",
            "text/plain, text/html",
        ] {
            assert!(ContentType::read(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn parts_are_cut_exactly() {
        let body = b"\n--x\r\na: b\r\n\r\ntext \r\n\r\n--x \nc: d\n\nsig\n--x--\n\n";
        let [one, two] = two_parts(body, "x").unwrap();
        assert_eq!(one, b"a: b\r\n\r\ntext \r\n");
        assert_eq!(two, b"c: d\n\nsig");
        for wrong in [
            &b"hello\n--x\n\na\n--x\n\nb\n--x--\n"[..],
            b"--x\n\na\n--x\n\nb\n--x--\nhello\n",
            b"--x\n\na\n--x\n\nb\n--x\n\nc\n--x--\n",
            b"--x\n\na\n--x\n\nb\n",
            b"--x\n\na\n--x--\n",
            b"--x\n\na\n--xy\n\nb\n--x--\n",
            b"--x\n\na\n--x\n\nb\n--x--\n--x--\n",
        ] {
            assert!(two_parts(wrong, "x").is_err(), "{wrong:?}");
        }
    }
}
