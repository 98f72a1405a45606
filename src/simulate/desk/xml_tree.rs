//! A request in XML as elements. Nothing of the registry's own faults is tolerated in what we send.

use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::{NsReader, XmlVersion};

use super::line::{Line, code};
use crate::wire::VERSION;

/// Deeper than any request goes.
const DEPTH_MAX: usize = 8;

/// An element: its name as `part:name`, without regard to the prefix it was written with.
#[derive(Default)]
pub(super) struct Node {
    pub name: String,
    pub attributes: Vec<(String, String)>,
    pub text: String,
    pub children: Vec<Node>,
}

/// What is wrong with it.
pub(super) fn wrong(detail: impl ToString) -> Line {
    code::XML.with(detail)
}

impl Node {
    /// The text of an element that holds nothing else, and something.
    pub fn leaf(&self) -> Result<&str, Line> {
        let text = self.text.trim();
        match self.children.is_empty() && !text.is_empty() {
            true => Ok(text),
            false => Err(wrong(&self.name)),
        }
    }

    pub fn attribute(&self, name: &str) -> Option<&str> {
        let mut attributes = self.attributes.iter();
        let found = attributes.find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Its children, each with its place in `order`; a place may be taken by several, never one
    /// before it again.
    pub fn in_order(&self, order: &[&str]) -> Result<(), Line> {
        let mut reached = 0;
        for child in &self.children {
            let place = order[reached..]
                .iter()
                .position(|allowed| allowed.split('|').any(|name| name == child.name));
            reached += place.ok_or_else(|| wrong(&child.name))?;
        }
        match self.text.trim().is_empty() {
            true => Ok(()),
            false => Err(wrong(&self.name)),
        }
    }

    pub fn children(&self, name: &str) -> impl Iterator<Item = &Node> {
        self.children.iter().filter(move |child| child.name == name)
    }

    pub fn child(&self, name: &str) -> Result<&Node, Line> {
        let mut found = self.children(name);
        match (found.next(), found.next()) {
            (Some(child), None) => Ok(child),
            _ => Err(wrong(name)),
        }
    }
}

/// The root element with all that it holds.
pub(super) fn tree(text: &str) -> Result<Node, Line> {
    let mut reader = NsReader::from_str(text.trim_start_matches('\u{feff}'));
    let broken = |why: &dyn ToString| wrong(why.to_string());
    let mut open = vec![Node::default()];
    loop {
        let event = reader.read_event().map_err(|error| broken(&error))?;
        match event {
            Event::Start(ref tag) | Event::Empty(ref tag) => {
                if open.len() > DEPTH_MAX {
                    return Err(wrong("too deep"));
                }
                open.push(element(&reader, tag)?);
                if let Event::Empty(_) = event {
                    close(&mut open)?;
                }
            }
            Event::End(_) => close(&mut open)?,
            Event::Text(content) => add(&mut open, &content.xml10_content()),
            Event::CData(content) => add(&mut open, &content.xml10_content()),
            Event::GeneralRef(reference) => {
                let letter = match reference.resolve_char_ref() {
                    Ok(Some(letter)) => letter.to_string(),
                    Ok(None) => {
                        quick_xml::escape::resolve_predefined_entity(&reference.xml10_content())
                            .ok_or_else(|| wrong("entity"))?
                            .to_owned()
                    }
                    Err(error) => return Err(broken(&error)),
                };
                add(&mut open, &letter);
            }
            Event::DocType(_) => return Err(wrong("DOCTYPE")),
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
            Event::Eof => break,
        }
    }
    let mut outside = open.pop().unwrap_or_default();
    match (open.is_empty(), outside.children.pop()) {
        (true, Some(root)) if outside.children.is_empty() && outside.text.trim().is_empty() => {
            Ok(root)
        }
        _ => Err(wrong("not one root")),
    }
}

fn add(open: &mut [Node], text: &str) {
    if let Some(node) = open.last_mut() {
        node.text.push_str(text);
    }
}

fn close(open: &mut Vec<Node>) -> Result<(), Line> {
    match (open.pop(), open.last_mut()) {
        (Some(node), Some(parent)) => {
            parent.children.push(node);
            Ok(())
        }
        _ => Err(wrong("an end without a beginning")),
    }
}

/// An element without its content; attributes that bind a prefix are none of its own.
fn element(reader: &NsReader<&[u8]>, tag: &BytesStart<'_>) -> Result<Node, Line> {
    let (namespace, local) = reader.resolver().resolve_element(tag.name());
    let ResolveResult::Bound(namespace) = namespace else {
        return Err(wrong("no namespace"));
    };
    let part = AsRef::<str>::as_ref(&namespace)
        .strip_prefix("http://registry.denic.de/")
        .and_then(|rest| rest.strip_suffix(VERSION))
        .and_then(|rest| rest.strip_suffix('/'))
        .ok_or_else(|| wrong("namespace"))?;
    let mut attributes = Vec::new();
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(|error| wrong(error.to_string()))?;
        if attribute.key.as_namespace_binding().is_some() {
            continue;
        }
        let (namespace, name) = reader.resolver().resolve_attribute(attribute.key);
        if let ResolveResult::Unknown(prefix) = namespace {
            return Err(wrong(format!("prefix {prefix}")));
        }
        let value = attribute
            .normalized_value(XmlVersion::Explicit1_0)
            .map_err(|error| wrong(error.to_string()))?;
        if value.is_empty() {
            return Err(wrong(AsRef::<str>::as_ref(&name)));
        }
        attributes.push((AsRef::<str>::as_ref(&name).to_owned(), value.into_owned()));
    }
    Ok(Node {
        name: format!("{part}:{}", AsRef::<str>::as_ref(&local)),
        attributes,
        ..Node::default()
    })
}
