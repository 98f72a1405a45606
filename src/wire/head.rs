//! The head of a reply: whether a request was carried out, and which message it brings.

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::Format;

/// Deeper than any reply goes.
const DEPTH_MAX: usize = 32;

/// What is asked of every reply before anybody reads it (`denic.md` 3.3, 4.2). The first of each
/// name counts; what cannot be read is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplyHead {
    /// `success`, `failed` or `exception`, in lower case.
    pub result: Option<String>,
    /// The id of the message of the queue that it holds.
    pub msgid: Option<String>,
    /// The type of that message, as written.
    pub msgtype: Option<String>,
    /// How many messages wait, as written.
    pub msgcnt: Option<String>,
    /// Each error: code, text and arguments.
    pub errors: Vec<String>,
}

impl ReplyHead {
    /// Reads a reply in either format. XML that is broken, or has a DOCTYPE, has no head at all.
    pub fn read(reply: &str) -> Self {
        match Format::of(reply) {
            Format::KeyValue => key_value(reply),
            Format::Xml => xml(reply).unwrap_or_default(),
        }
    }

    /// Was it carried out?
    pub fn is_success(&self) -> bool {
        self.result.as_deref() == Some("success")
    }

    /// The errors, in a line for people.
    pub fn why(&self) -> String {
        match self.errors.is_empty() {
            true => "no reason is given".to_owned(),
            false => self.errors.join("; "),
        }
    }
}

fn set(slot: &mut Option<String>, value: &str) {
    if slot.is_none() && !value.is_empty() {
        *slot = Some(value.to_owned());
    }
}

fn key_value(reply: &str) -> ReplyHead {
    let mut head = ReplyHead::default();
    for line in reply.lines() {
        let Some((keyword, value)) = line.split_once(':') else {
            continue;
        };
        let value = value.trim();
        match keyword.trim().to_ascii_lowercase().as_str() {
            "result" => set(&mut head.result, &value.to_ascii_lowercase()),
            "msgid" => set(&mut head.msgid, value),
            "msgtype" => set(&mut head.msgtype, value),
            "msgcnt" => set(&mut head.msgcnt, value),
            "error" => head.errors.push(value.to_owned()),
            _ => {}
        }
    }
    head
}

/// An error that is being read.
#[derive(Default)]
struct Error {
    code: String,
    text: String,
    arguments: Vec<String>,
}

/// `None` for what is no XML.
fn xml(reply: &str) -> Option<ReplyHead> {
    let mut reader = Reader::from_str(reply.trim_start_matches('\u{feff}').trim());
    let mut head = ReplyHead::default();
    // Names without prefixes: the registry's own examples leave some undeclared (`denic.md` 3.5).
    let mut path: Vec<String> = Vec::new();
    let mut text = String::new();
    let mut error: Option<Error> = None;
    loop {
        match reader.read_event().ok()? {
            Event::Start(tag) => {
                text.clear();
                open(&tag, &mut path, &mut head, &mut error)?;
            }
            Event::Empty(tag) => {
                text.clear();
                open(&tag, &mut path, &mut head, &mut error)?;
                close(&mut path, "", &mut head, &mut error);
            }
            Event::End(_) => {
                close(&mut path, text.trim(), &mut head, &mut error);
                text.clear();
            }
            Event::Text(content) => text.push_str(&content.xml10_content()),
            Event::CData(content) => text.push_str(&content.xml10_content()),
            Event::GeneralRef(reference) => match reference.resolve_char_ref().ok()? {
                Some(letter) => text.push(letter),
                None => text.push_str(quick_xml::escape::resolve_predefined_entity(
                    &reference.xml10_content(),
                )?),
            },
            Event::DocType(_) => return None,
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
            Event::Eof => return path.is_empty().then_some(head),
        }
    }
}

/// Is that where the path has come to?
fn is_at(path: &[String], place: &[&str]) -> bool {
    path.iter().map(String::as_str).eq(place.iter().copied())
}

const ERROR: [&str; 3] = ["registry-response", "transaction", "message"];
const MESSAGE: [&str; 4] = ["registry-response", "transaction", "data", "message"];

fn open(
    tag: &BytesStart<'_>,
    path: &mut Vec<String>,
    head: &mut ReplyHead,
    error: &mut Option<Error>,
) -> Option<()> {
    let local = tag.local_name();
    let name: &str = local.as_ref();
    if is_at(path, &MESSAGE) {
        set(&mut head.msgtype, name);
    }
    path.push(name.to_owned());
    if path.len() > DEPTH_MAX {
        return None;
    }
    let attribute = |name: &str| {
        let found = tag.attributes().flatten();
        let found = found
            .into_iter()
            .find(|attribute| attribute.key.local_name().as_ref() == name)?;
        let value = found.normalized_value(XmlVersion::Explicit1_0).ok()?;
        Some(value.trim().to_owned())
    };
    if is_at(path, &MESSAGE) {
        set(&mut head.msgid, &attribute("msgid").unwrap_or_default());
        set(&mut head.msgcnt, &attribute("msgcnt").unwrap_or_default());
    }
    if is_at(path, &ERROR) && attribute("level").as_deref() == Some("error") {
        *error = Some(Error {
            code: attribute("code").unwrap_or_default(),
            ..Error::default()
        });
    }
    Some(())
}

fn close(path: &mut Vec<String>, text: &str, head: &mut ReplyHead, error: &mut Option<Error>) {
    if is_at(path, &["registry-response", "transaction", "result"]) {
        set(&mut head.result, &text.to_ascii_lowercase());
    }
    match (path.last().map(String::as_str), error.as_mut()) {
        (Some("text"), Some(error)) => text.clone_into(&mut error.text),
        (Some("argument"), Some(error)) => error.arguments.push(text.to_owned()),
        _ => {}
    }
    if is_at(path, &ERROR)
        && let Some(error) = error.take()
    {
        let bracket = match error.arguments.is_empty() {
            true => String::new(),
            false => format!(" [{}]", error.arguments.join(", ")),
        };
        head.errors
            .push(format!("{} {}{bracket}", error.code, error.text));
    }
    path.pop();
}

#[cfg(test)]
mod tests {
    use super::*;

    const XML: &str = "<?xml version=\"1.0\"?><registry-response xmlns=\"x\"><tr:transaction>\
        <tr:stid>1</tr:stid><tr:result> Success </tr:result>\
        <tr:message level=\"info\" code=\"1\"><tr:text>a</tr:text></tr:message>\
        <tr:message level=\"error\" code=\"53300102912\"><tr:text>b &amp; c</tr:text>\
        <tr:argument>d</tr:argument><tr:argument>e</tr:argument></tr:message><tr:data>\
        <msg:message msgid=\"m-1\" msgcnt=\"7\" msgtime=\"x\"><msg:expire><msg:result>no</msg:result>\
        </msg:expire></msg:message></tr:data></tr:transaction></registry-response>";

    #[test]
    fn both_forms_have_the_same_head() {
        let plain = "Result: Success\nINFO: 1 a\nerror: 53300102912 b & c [d, e]\n\
                     msgcnt: 7\nmsgid: m-1\nmsgtype: expire\nresult: no\n";
        let head = ReplyHead::read(XML);
        assert_eq!(head, ReplyHead::read(plain));
        assert!(head.is_success());
        assert_eq!(head.msgtype.as_deref(), Some("expire"));
        assert_eq!(head.why(), "53300102912 b & c [d, e]");
    }

    #[test]
    fn what_is_broken_or_tricky_has_no_head() {
        let doctype = XML.replace("<registry-response", "<!DOCTYPE a><registry-response");
        let entity = XML.replace("&amp;", "&lol;");
        let deep = format!("{}{}", "<a>".repeat(40), "</a>".repeat(40));
        for text in [
            &doctype,
            &entity,
            &XML[..XML.len() - 5],
            &deep,
            "<",
            "",
            "STID: 1",
        ] {
            assert_eq!(ReplyHead::read(text), ReplyHead::default(), "{text}");
        }
        // A result elsewhere says nothing of this request.
        let elsewhere = XML.replace("<tr:result> Success </tr:result>", "");
        assert_eq!(ReplyHead::read(&elsewhere).result, None);
    }
}
