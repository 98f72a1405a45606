//! What a client asks, by namespace and local name.

use std::collections::BTreeMap;

use quick_xml::events::Event;
use quick_xml::name::ResolveResult;
use quick_xml::{NsReader, XmlVersion};

use crate::wire::epp::EPP;

/// A frame of a client.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Hello,
    Login {
        user: String,
        password: String,
        extensions: Vec<String>,
    },
    Poll,
    Acknowledge(String),
    Logout,
}

/// A command with its own transaction id.
#[derive(Debug)]
pub(super) struct Request {
    pub asked: Asked,
    pub transaction: Option<String>,
}

impl Request {
    /// Reads a frame; `None`: it is no EPP that is known here.
    pub fn read(frame: &[u8]) -> Option<Self> {
        let found = leaves(frame)?;
        let text = |path: &str| found.get(path).and_then(|texts| texts.first()).cloned();
        let has = |path: &str| found.keys().any(|known| known.starts_with(path));
        let asked = if has("epp/hello") {
            Asked::Hello
        } else if has("epp/command/login") {
            Asked::Login {
                user: text("epp/command/login/clID")?,
                password: text("epp/command/login/pw")?,
                extensions: (found
                    .get("epp/command/login/svcs/svcExtension/extURI")
                    .cloned())
                .unwrap_or_default(),
            }
        } else if has("epp/command/logout") {
            Asked::Logout
        } else {
            match text("epp/command/poll@op")?.as_str() {
                "req" => Asked::Poll,
                "ack" => Asked::Acknowledge(text("epp/command/poll@msgID")?),
                _ => return None,
            }
        };
        Some(Request {
            asked,
            transaction: text("epp/command/clTRID"),
        })
    }
}

/// Texts and attributes by their place, such as `epp/command/poll@op`.
fn leaves(frame: &[u8]) -> Option<BTreeMap<String, Vec<String>>> {
    let text = std::str::from_utf8(frame).ok()?;
    let mut reader = NsReader::from_str(text);
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut path: Vec<String> = Vec::new();
    let mut content = String::new();
    loop {
        match reader.read_event().ok()? {
            Event::Eof => return path.is_empty().then_some(found),
            Event::DocType(_) => return None,
            ref event @ (Event::Start(ref tag) | Event::Empty(ref tag)) => {
                let (namespace, local) = reader.resolver().resolve_element(tag.name());
                if !matches!(namespace, ResolveResult::Bound(of) if AsRef::<str>::as_ref(&of) == EPP)
                {
                    return None;
                }
                path.push(AsRef::<str>::as_ref(&local).to_owned());
                content.clear();
                for attribute in tag.attributes() {
                    let attribute = attribute.ok()?;
                    let value = attribute.normalized_value(XmlVersion::Explicit1_0).ok()?;
                    let place = format!("{}@{}", path.join("/"), attribute.key.as_ref() as &str);
                    found.entry(place).or_default().push(value.into_owned());
                }
                if let Event::Empty(_) = event {
                    found.entry(path.join("/")).or_default();
                    path.pop();
                }
            }
            Event::End(_) => {
                let texts = found.entry(path.join("/")).or_default();
                texts.push(content.trim().to_owned());
                content.clear();
                path.pop();
            }
            Event::Text(text) => content.push_str(&text.xml10_content()),
            Event::GeneralRef(reference) => match reference.resolve_char_ref().ok()? {
                Some(letter) => content.push(letter),
                None => content.push_str(quick_xml::escape::resolve_predefined_entity(
                    &reference.xml10_content(),
                )?),
            },
            _ => {}
        }
    }
}
