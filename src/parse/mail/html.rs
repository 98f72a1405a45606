//! The HTML part has no say, but a reader of it must not be told something else than the text says.

use std::collections::HashSet;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::super::text::quote;
use crate::model::{DomainName, Reason, deceit, reason};

/// Elements that show their text as it stands. The first ones begin a new line.
const BLOCKS: [&str; 31] = [
    "html",
    "head",
    "body",
    "meta",
    "title",
    "p",
    "br",
    "hr",
    "div",
    "pre",
    "table",
    "thead",
    "tbody",
    "tfoot",
    "tr",
    "td",
    "th",
    "ul",
    "ol",
    "li",
    "dl",
    "dt",
    "dd",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "blockquote",
    "center",
];
const INLINE: [&str; 12] = [
    "a", "b", "i", "u", "em", "strong", "tt", "code", "span", "small", "big", "font",
];
/// Attributes that change nothing about what is seen. `href` is compared like text.
const ATTRIBUTES: [&str; 13] = [
    "href",
    "lang",
    "charset",
    "http-equiv",
    "content",
    "name",
    "align",
    "valign",
    "border",
    "cellpadding",
    "cellspacing",
    "colspan",
    "rowspan",
];
/// Words that state something about a domain. What is not among them is prose.
const STATEMENTS: [&str; 21] = [
    "serverhold",
    "pendingcreate",
    "redemptionperiod",
    "pendingdelete",
    "connect",
    "failed",
    "exception",
    "success",
    "dedelegation",
    "deletion",
    "deleted",
    "deadline",
    "verification",
    "verified",
    "transit",
    "test",
    "address",
    "name",
    "email",
    "phone",
    "expires",
];

/// R38 for HTML that can hide something, R28 for letters that deceive, R12 if it names what the text
/// does not: a domain, an address, a status, a claim, a date, a number.
pub(super) fn compare(html: &str, text: &str) -> Result<(), Reason> {
    let shown = shown(html).map_err(|what| Reason::new(reason::HTML_HIDES, what))?;
    if let Some((c, why)) = deceit(&shown) {
        return Err(Reason::new(
            reason::CHARACTERS,
            format!(
                "the HTML part holds the character U+{:04X} {why}",
                u32::from(c)
            ),
        ));
    }
    let mut in_text = HashSet::new();
    for word in words(text) {
        // A date alone may repeat what the text gives with its time.
        if let Some(date) = word.get(..10).filter(|_| is_date(&word)) {
            in_text.insert(date.to_owned());
        }
        if let Some(ace) = ace(&word) {
            in_text.insert(ace);
        }
        in_text.insert(word);
    }
    for word in words(&shown) {
        let is_known = in_text.contains(&word)
            || ace(&word).is_some_and(|ace| in_text.contains(&ace) || is_registry(&ace));
        if is_told(&word) && !is_known {
            return Err(Reason::new(
                reason::CONTRADICTION,
                format!(
                    "the HTML part names `{}`, the text part does not",
                    quote(&word)
                ),
            ));
        }
    }
    Ok(())
}

/// Does the word state a fact?
fn is_told(word: &str) -> bool {
    STATEMENTS.contains(&word)
        || word.contains('@')
        || word.chars().any(char::is_numeric)
        || word.split('.').filter(|label| !label.is_empty()).count() > 1
}

/// The registry's own hosts may be linked.
fn is_registry(ace: &str) -> bool {
    ace == "denic.de" || ace.ends_with(".denic.de")
}

/// A name by its A-label, so that both forms are the same word.
fn ace(word: &str) -> Option<String> {
    let is_name = word.contains('.') && !word.contains(['@', '+', ':', '_']);
    is_name
        .then(|| word.parse::<DomainName>().ok())
        .flatten()
        .map(|name| name.ace().to_owned())
}

/// The words of a text in lower case, dates, names and addresses whole.
fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    let is_inside = |c: char| c.is_alphanumeric() || "-.:+@_".contains(c) || is_combining_mark(c);
    text.split(move |c| !is_inside(c))
        .map(|word| word.trim_matches(['.', ':', '-', '_', '+']))
        .filter(|word| !word.is_empty())
        .map(|word| word.nfc().collect::<String>().to_lowercase())
}

/// Does the word begin with a day (`2026-06-04`)?
fn is_date(word: &str) -> bool {
    word.as_bytes().get(..10).is_some_and(|day| {
        day.iter()
            .zip(b"0000-00-00")
            .all(|(byte, form)| match form {
                b'0' => byte.is_ascii_digit(),
                _ => byte == form,
            })
    })
}

/// What is seen of the HTML, and the values of its attributes; or what could hide something.
fn shown(html: &str) -> Result<String, String> {
    let mut shown = String::with_capacity(html.len());
    let mut links = String::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        push_text(&mut shown, &rest[..at])?;
        rest = &rest[at + 1..];
        let end = tag_end(rest).ok_or("a tag of the HTML part does not end")?;
        let tag = &rest[..end];
        rest = &rest[end + 1..];
        if tag.to_ascii_lowercase().starts_with("!doctype html") {
            continue;
        }
        let inner = tag.strip_prefix('/').unwrap_or(tag);
        let inner = inner.strip_suffix('/').unwrap_or(inner);
        let length = inner
            .find(|c: char| !c.is_ascii_alphanumeric())
            .unwrap_or(inner.len());
        let name = inner[..length].to_ascii_lowercase();
        if BLOCKS.contains(&name.as_str()) {
            shown.push('\n');
        } else if !INLINE.contains(&name.as_str()) {
            return Err(format!("the HTML part has the element `{}`", quote(inner)));
        }
        push_attributes(&mut links, &inner[length..])?;
    }
    push_text(&mut shown, rest)?;
    // Links are told, though they are no part of the sentence.
    shown.push('\n');
    shown.push_str(&links);
    Ok(shown)
}

/// Where the tag ends whose `<` stands before `rest`; quoted values may hold a `>`.
fn tag_end(rest: &str) -> Option<usize> {
    let mut quote = None;
    for (at, c) in rest.char_indices() {
        match (quote, c) {
            (None, '>') => return Some(at),
            (None, '<') => return None,
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            _ => {}
        }
    }
    None
}

fn push_attributes(links: &mut String, text: &str) -> Result<(), String> {
    let mut rest = text.trim();
    while !rest.is_empty() {
        let end = rest
            .find(|c: char| c == '=' || c.is_whitespace())
            .unwrap_or(rest.len());
        let name = rest[..end].to_ascii_lowercase();
        if !ATTRIBUTES.contains(&name.as_str()) {
            return Err(format!(
                "the HTML part has the attribute `{}`",
                quote(&name)
            ));
        }
        rest = rest[end..].trim_start();
        let Some(value) = rest.strip_prefix('=') else {
            continue;
        };
        let value = value.trim_start();
        let (value, tail) = match value.chars().next() {
            Some(mark @ ('"' | '\'')) => value[1..]
                .split_once(mark)
                .ok_or("an attribute of the HTML part does not end")?,
            _ => value.split_once(char::is_whitespace).unwrap_or((value, "")),
        };
        if name == "href" || name == "content" {
            push_text(links, value)?;
            links.push('\n');
        }
        rest = tail.trim_start();
    }
    Ok(())
}

/// Adds text with its character references resolved.
fn push_text(shown: &mut String, text: &str) -> Result<(), String> {
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        shown.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '#'));
        let (name, tail) = rest.split_at(end.unwrap_or(rest.len()));
        let is_reference = tail.starts_with(';');
        let number = name.strip_prefix('#').map(|digits| {
            match digits.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16),
                None => digits.parse(),
            }
            .ok()
            .and_then(char::from_u32)
        });
        let c = match (name, number) {
            (_, Some(Some(c))) => c,
            ("amp", _) => '&',
            ("lt", _) => '<',
            ("gt", _) => '>',
            ("quot", _) => '"',
            ("apos", _) => '\'',
            ("nbsp", _) => ' ',
            ("auml", _) => 'ä',
            ("ouml", _) => 'ö',
            ("uuml", _) => 'ü',
            ("Auml", _) => 'Ä',
            ("Ouml", _) => 'Ö',
            ("Uuml", _) => 'Ü',
            ("szlig", _) => 'ß',
            // An ampersand that begins no reference, as people write it.
            ("", None) => {
                shown.push('&');
                continue;
            }
            _ => {
                return Err(format!(
                    "the HTML part has the reference `&{}`",
                    quote(name)
                ));
            }
        };
        if !is_reference {
            return Err(format!(
                "the HTML part has the reference `&{}`",
                quote(name)
            ));
        }
        shown.push(c);
        rest = &tail[1..];
    }
    shown.push_str(rest);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "STATUS: success\nHANDLE: dänic.de [xn--dnic-loa.de]\n\
        INFO: 53000080013 Domain \"Status\" is \"connect\"\n\
        to avoid deletion by [Date: 2025-06-13T15:51:08+02:00, VerificationClaims: address]";

    fn code(html: &str) -> &'static str {
        compare(html, TEXT).map_or_else(|reason| reason.code.as_str(), |()| "")
    }

    #[test]
    fn html_that_says_the_same_or_less_agrees() {
        for html in [
            "",
            "<html><body><pre>STATUS: success</pre><p>see text part</p></body></html>",
            "<!DOCTYPE html><p lang='de'>D&auml;nic.de, XN--DNIC-LOA.de &amp; d&#228;nic.de</p>",
            "<p>2025-06-13, <a href=\"https://www.denic.de/\">denic.de</a> & more</p>",
            "<b>con</b>nect",
        ] {
            assert_eq!(code(html), "", "{html}");
        }
    }

    #[test]
    fn html_that_says_more_contradicts() {
        for html in [
            "other.de",
            "öther.de",
            "<p>server<b>Hold</b></p>",
            "&#115;erverHold",
            "2025-07-13",
            "13.06.2025",
            "13 June",
            "email",
            "write to a@example.net",
            "<a href='https://evil.example/'>dänic.de</a>",
            "xn--other-loa.de",
            "DENIC-1000002-Evil",
            "16350000040",
            "dedelegation",
        ] {
            assert_eq!(code(html), "R12", "{html}");
        }
    }

    #[test]
    fn html_that_can_hide_text_is_refused() {
        for html in [
            "<!-- other.de -->",
            "<style>p{display:none}</style>",
            "<p style='display:none'>x</p>",
            "<p hidden>x</p>",
            "<script>x</script>",
            "<img alt='other.de'>",
            "<span class=x>x</span>",
            "<p dir=rtl>x</p>",
            "<template>x</template>",
            "<bdo>x</bdo>",
            "<del>x</del>",
            "<p",
            "<<p>",
            "&shy;",
            "&serverHold",
            "&#xffffffff;",
        ] {
            assert_eq!(code(html), "R38", "{html}");
        }
        for html in ["a&#8238;b", "con\u{200b}nect", "d&#1072;nic.de"] {
            assert_eq!(code(html), "R28", "{html}");
        }
    }
}
