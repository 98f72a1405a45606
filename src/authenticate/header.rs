//! The header section as fields, in order, nothing interpreted.

use crate::model::is_header_too_long;

/// The header fields of a mail: name and value as written, folding kept, without the line end.
/// Bytes that are not UTF-8 become U+FFFD. None where the section is too long.
pub fn fields(raw: &[u8]) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    if is_header_too_long(raw) {
        return found;
    }
    for line in raw.split_inclusive(|byte| *byte == b'\n') {
        let text = String::from_utf8_lossy(line);
        let text = text.trim_end_matches(['\r', '\n']);
        if text.is_empty() {
            break;
        }
        if text.starts_with([' ', '\t']) {
            if let Some((_, value)) = found.last_mut() {
                value.push_str("\r\n");
                value.push_str(text);
            }
            continue;
        }
        let (name, value) = text.split_once(':').unwrap_or((text, ""));
        found.push((name.trim_end().to_owned(), value.to_owned()));
    }
    found
}

/// Does the header section hold a NUL, a CR that ends no line, or a line that is no field? Some
/// readers take such a line for the end of the header.
pub fn is_ambiguous(raw: &[u8]) -> bool {
    // Files taken from a mailbox begin with its `From ` line.
    let is_mailbox = raw.starts_with(b"From ");
    raw.split_inclusive(|byte| *byte == b'\n')
        .skip(usize::from(is_mailbox))
        .map(|line| line.strip_suffix(b"\n").unwrap_or(line))
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .take_while(|line| !line.is_empty())
        .any(|line| line.iter().any(|byte| matches!(byte, b'\0' | b'\r')) || !is_field(line))
}

/// `name:`, a blank before the colon allowed as once it was, or a folded line.
fn is_field(line: &[u8]) -> bool {
    if matches!(line, [b' ' | b'\t', ..]) {
        return true;
    }
    let Some(colon) = line.iter().position(|byte| *byte == b':') else {
        return false;
    };
    let name = line[..colon].trim_ascii_end();
    !name.is_empty() && name.iter().all(u8::is_ascii_graphic)
}

/// The values of every field of that name, in order.
pub fn values<'a>(fields: &'a [(String, String)], name: &str) -> Vec<&'a str> {
    fields
        .iter()
        .filter(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
        .collect()
}

/// The decoded value of a Subject field (RFC 2047), blanks folded to one.
pub fn subject(value: &str) -> String {
    // The other fields are of no use here, and would be paid for.
    let field = format!("Subject:{value}\r\n\r\n");
    let headers = mail_parser::MessageParser::new()
        .with_minimal_headers()
        .parse_headers(field.as_bytes());
    let decoded = headers
        .as_ref()
        .and_then(|mail| mail.subject())
        .unwrap_or_default();
    decoded.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The addresses in To, at most some hundred. Not those in Cc: a signature need not cover it, and then
/// anybody can put one there.
pub fn addressed_to(raw: &[u8]) -> Vec<String> {
    const ADDRESSES_MAX: usize = 200;

    let Some(headers) = mail_parser::MessageParser::new()
        .with_minimal_headers()
        .parse_headers(raw)
    else {
        return Vec::new();
    };
    headers
        .to()
        .into_iter()
        .flat_map(|field| field.iter())
        .filter_map(|mailbox| mailbox.address())
        .filter(|address| address.contains('@'))
        .map(|address| address.trim().to_owned())
        .take(ADDRESSES_MAX)
        .collect()
}

/// The Message-ID without angle brackets and control characters, if there is one.
pub fn message_id(raw: &[u8]) -> Option<String> {
    let fields = fields(raw);
    let value = values(&fields, "Message-ID").first()?.trim();
    let id: String = value
        .trim_start_matches('<')
        .trim_end_matches('>')
        .chars()
        .filter(|c| !c.is_control())
        .take(255)
        .collect();
    (!id.is_empty()).then_some(id)
}
