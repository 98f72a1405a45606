//! What is asked of every frame before anybody reads it.

use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::{NsReader, XmlVersion};

use super::text::{EPP, EXTENSION};

/// Deeper than any frame goes.
const DEPTH_MAX: usize = 32;

/// The head of a response; names by namespace and local name, whatever their prefixes. The first of each
/// counts, and what cannot be read is not there: a frame that breaks further down still has the id by
/// which it is acknowledged. A DOCTYPE leaves nothing (EP-10).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EppHead {
    /// Four digits, of the first result.
    pub code: Option<u16>,
    /// What that result says.
    pub text: String,
    /// `msgQ@id`.
    pub msgid: Option<String>,
    /// `msgQ@count`: messages waiting; in the response to an acknowledgement those that remain.
    pub count: Option<u64>,
    /// `qDate`, as written.
    pub queued: Option<String>,
    /// `msg` of the queue.
    pub msg: Option<String>,
    /// Our own transaction, echoed.
    pub transaction: Option<String>,
    /// Does it have the reseller's extension?
    pub is_extended: bool,
}

/// What a server offers before anybody has logged in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EppGreeting {
    /// `extURI`.
    pub extensions: Vec<String>,
}

impl EppGreeting {
    /// Reads a greeting; `None`: it is none.
    pub fn read(frame: &[u8]) -> Option<Self> {
        let mut greeting = None;
        walk(frame, |path, place| {
            if path.first().is_some_and(|name| name == "greeting") {
                let greeting = greeting.get_or_insert_with(EppGreeting::default);
                if let (Place::End(text), Some("extURI")) = (place, last(path)) {
                    greeting.extensions.push(text.to_owned());
                }
            }
        });
        greeting
    }

    /// Does it offer the reseller's extension?
    pub fn has_extension(&self) -> bool {
        self.extensions.iter().any(|uri| uri == EXTENSION)
    }
}

impl EppHead {
    /// Reads a response.
    pub fn read(frame: &[u8]) -> Self {
        let mut head = EppHead::default();
        let is_allowed = walk(frame, |path, place| head.note(path, place));
        match is_allowed {
            true => head,
            false => EppHead::default(),
        }
    }

    /// The result, in a line for people.
    pub fn why(&self) -> String {
        match self.code {
            Some(code) => format!("{code} {}", self.text),
            None => "the response has no code".to_owned(),
        }
    }

    fn note(&mut self, path: &[String], place: Place<'_>) {
        let names: Vec<&str> = path.iter().map(String::as_str).collect();
        match (names.as_slice(), place) {
            (["response", "result"], Place::Begin(tag)) if self.code.is_none() => {
                self.code = tag.attribute("code").and_then(|code| code.parse().ok());
            }
            (["response", "result", "msg"], Place::End(text)) if self.text.is_empty() => {
                text.clone_into(&mut self.text);
            }
            (["response", "msgQ"], Place::Begin(tag)) if self.msgid.is_none() => {
                self.msgid = tag.attribute("id").filter(|id| !id.is_empty());
                self.count = tag.attribute("count").and_then(|count| count.parse().ok());
            }
            (["response", "msgQ", "qDate"], Place::End(text)) => set(&mut self.queued, text),
            (["response", "msgQ", "msg"], Place::End(text)) => set(&mut self.msg, text),
            (["response", "trID", "clTRID"], Place::End(text)) => set(&mut self.transaction, text),
            (["response", "extension", "keysys:poll"], Place::Begin(_)) => self.is_extended = true,
            _ => {}
        }
    }
}

fn set(slot: &mut Option<String>, text: &str) {
    if slot.is_none() && !text.is_empty() {
        *slot = Some(text.to_owned());
    }
}

fn last(path: &[String]) -> Option<&str> {
    path.last().map(String::as_str)
}

/// The beginning of an element, or its end with the text directly in it.
#[derive(Clone, Copy)]
enum Place<'a> {
    Begin(Tag<'a>),
    End(&'a str),
}

#[derive(Clone, Copy)]
struct Tag<'a>(&'a BytesStart<'a>);

impl Tag<'_> {
    fn attribute(&self, name: &str) -> Option<String> {
        let mut found = self.0.attributes().flatten();
        let found = found.find(|attribute| attribute.key.local_name().as_ref() == name)?;
        let value = found.normalized_value(XmlVersion::Explicit1_0).ok()?;
        Some(value.trim().to_owned())
    }
}

/// Goes through a frame as far as it can be read, and shows each place below `epp`. False: there is a
/// DOCTYPE.
fn walk(frame: &[u8], mut show: impl FnMut(&[String], Place<'_>)) -> bool {
    let text = String::from_utf8_lossy(frame);
    let mut reader = NsReader::from_str(text.trim_start_matches('\u{feff}').trim());
    let mut path: Vec<String> = Vec::new();
    let mut text = String::new();
    while let Ok(event) = reader.read_event() {
        match event {
            Event::Start(ref tag) | Event::Empty(ref tag) => {
                if path.len() > DEPTH_MAX || (path.is_empty() && name(&reader, tag) != "epp") {
                    break;
                }
                path.push(name(&reader, tag));
                text.clear();
                show(&path[1..], Place::Begin(Tag(tag)));
                if let Event::Empty(_) = event {
                    show(&path[1..], Place::End(""));
                    path.pop();
                }
            }
            Event::End(_) if path.is_empty() => break,
            Event::End(_) => {
                show(&path[1..], Place::End(text.trim()));
                text.clear();
                path.pop();
            }
            Event::Text(content) => text.push_str(&content.xml10_content()),
            Event::CData(content) => text.push_str(&content.xml10_content()),
            Event::GeneralRef(reference) => {
                let letter = match reference.resolve_char_ref() {
                    Ok(Some(letter)) => Some(letter.to_string()),
                    _ => quick_xml::escape::resolve_predefined_entity(&reference.xml10_content())
                        .map(str::to_owned),
                };
                text.push_str(&letter.unwrap_or_default());
            }
            Event::DocType(_) => return false,
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
            Event::Eof => break,
        }
    }
    true
}

/// The local name of what is EPP's, with `keysys:` before what is the reseller's, and `?` for all else.
fn name(reader: &NsReader<&[u8]>, tag: &BytesStart<'_>) -> String {
    let (namespace, local) = reader.resolver().resolve_element(tag.name());
    let local: &str = local.as_ref();
    match namespace {
        ResolveResult::Bound(namespace) => match AsRef::<str>::as_ref(&namespace) {
            EPP => local.to_owned(),
            EXTENSION => format!("keysys:{local}"),
            _ => "?".to_owned(),
        },
        _ => "?".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OTHER: &[u8] = include_bytes!(
        "../../../fixtures/centralnic-poll/poll-contact-registration-notify-other-prefixes.xml"
    );

    #[test]
    fn a_head_is_read_whatever_the_prefixes_are() {
        let head = EppHead::read(OTHER);
        assert_eq!(head.code, Some(1301));
        assert_eq!(head.msgid.as_deref(), Some("81002"));
        assert_eq!(head.count, Some(2));
        assert_eq!(head.transaction.as_deref(), Some("sample-poll-4"));
        assert_eq!(head.queued.as_deref(), Some("2026-11-08T00:42:12Z"));
        assert!(head.is_extended);
    }

    #[test]
    fn ep_10_a_doctype_leaves_nothing_and_a_break_further_down_the_id() {
        let text = String::from_utf8(OTHER.to_vec()).unwrap();
        let (front, back) = text.split_once("<e:epp").unwrap();
        let doctype = format!("{front}<!DOCTYPE epp><e:epp{back}");
        assert_eq!(EppHead::read(doctype.as_bytes()), EppHead::default());
        let broken = text.replace("</data>", "</date>");
        assert_eq!(
            EppHead::read(broken.as_bytes()).msgid.as_deref(),
            Some("81002")
        );
        for wrong in ["", "<", "x", "<epp><response/></epp>", "<e:epp/>"] {
            assert_eq!(
                EppHead::read(wrong.as_bytes()),
                EppHead::default(),
                "{wrong}"
            );
        }
        let deep = "<a>".repeat(100_000);
        let deep = format!("<epp xmlns=\"{EPP}\">{deep}");
        assert_eq!(EppHead::read(deep.as_bytes()), EppHead::default());
    }

    #[test]
    fn a_greeting_tells_its_extensions() {
        let greeting = format!(
            "<g:epp xmlns:g=\"{EPP}\"><g:greeting><g:svcMenu><g:svcExtension>\
             <g:extURI>\n{EXTENSION} </g:extURI></g:svcExtension></g:svcMenu></g:greeting></g:epp>"
        );
        assert!(
            EppGreeting::read(greeting.as_bytes())
                .unwrap()
                .has_extension()
        );
        let without = format!("<epp xmlns=\"{EPP}\"><greeting/></epp>");
        assert!(
            !EppGreeting::read(without.as_bytes())
                .unwrap()
                .has_extension()
        );
        assert_eq!(EppGreeting::read(OTHER), None);
    }
}
