//! Registry mails, and what a customer reads.

pub use crate::registry_mails::{fixture, verification};

/// What Postfix makes of a message on its way: `Return-Path` is its own to write, so it takes one
/// that came along out. The rest stays, behind a new `Received`.
pub fn without_return_path(message: &[u8]) -> Vec<u8> {
    let mut lines: Vec<&[u8]> = message.split_inclusive(|byte| *byte == b'\n').collect();
    if lines[0].starts_with(b"Return-Path:") {
        lines.remove(0);
    }
    lines.concat()
}

/// A message cut behind its first header field.
pub fn first_field(message: &[u8]) -> (String, Vec<u8>) {
    let mut lines = message.split_inclusive(|byte| *byte == b'\n').peekable();
    let mut field = lines.next().unwrap().to_vec();
    while let Some(more) = lines.next_if(|line| line.starts_with(b" ") || line.starts_with(b"\t")) {
        field.extend(more);
    }
    let rest: Vec<&[u8]> = lines.collect();
    (String::from_utf8(field).unwrap(), rest.concat())
}

/// The words of a text, rules and dashes left out.
pub fn words(text: &str) -> Vec<String> {
    text.split_whitespace()
        .filter(|word| word.chars().any(char::is_alphanumeric))
        .map(str::to_owned)
        .collect()
}

/// The words somebody reads who opens an HTML mail.
pub fn words_of_html(html: &str) -> Vec<String> {
    let (_, body) = html.split_once("<body>").unwrap();
    let body = body.replace("<strong>", "").replace("</strong>", "");
    let shown: Vec<&str> = body
        .split('<')
        .map(|piece| piece.split_once('>').map_or(piece, |(_, text)| text))
        .collect();
    let marks = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#x2f;", "/"),
        ("&amp;", "&"),
    ];
    let text = marks.iter().fold(shown.join(" "), |text, (mark, sign)| {
        text.replace(mark, sign)
    });
    words(&text)
}

/// A calendar with its long lines unfolded.
pub fn calendar_lines(calendar: &str) -> Vec<String> {
    calendar
        .replace("\r\n ", "")
        .split("\r\n")
        .map(str::to_owned)
        .collect()
}
