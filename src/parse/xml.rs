//! XML as registries send it, faults included, as a small tree (`denic.md` 3.5, `centralnic.md` 7).
//!
//! Refused: DOCTYPE, entities other than the five of XML, what is not well-formed, more than one
//! root, nesting too deep. Accepted with a warning: prefixes nobody declared, text between
//! elements, other versions of the namespaces.

use std::ops::Range;

use quick_xml::NsReader;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;

use super::notes::Notes;
use super::text::{collapse, quote};
use crate::model::{Reason, reason};

/// Deepest nesting of elements. The registry's own messages have eight levels.
const DEPTH_MAX: usize = 32;
/// Beginning of every namespace of DENIC: `…/<part>/<version>` follows.
const NAMESPACES: &str = "http://registry.denic.de/";
/// The version that is current (`denic.md` 1.6).
const VERSION: &str = "5.0";

/// One element.
#[derive(Debug)]
pub(super) struct Node<'a> {
    /// Name without prefix, lower case.
    pub name: String,
    /// Name without prefix, as written.
    pub written: String,
    /// Its namespace, where it has one that is declared.
    pub namespace: Option<String>,
    /// Line of its start tag, from 1.
    pub line: usize,
    /// Part of DENIC's namespace, such as `msg`; for an undeclared prefix the prefix.
    /// `None`: another namespace, or none.
    pub part: Option<String>,
    /// Attributes without their prefixes, names in lower case.
    pub attributes: Vec<(String, String)>,
    /// Text directly inside, one blank between words.
    pub text: String,
    /// Elements directly inside.
    pub children: Vec<Node<'a>>,
    /// The element as written.
    pub raw: &'a str,
}

impl Node<'_> {
    /// The value of an attribute.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Reads a clean text into its root element.
pub(super) fn tree<'a>(text: &'a str, notes: &mut Notes) -> Result<Node<'a>, Reason> {
    let begin = text.len() - text.trim_start().len();
    let first_line = text[..begin].matches('\n').count() + 1;
    let text = text.trim();
    let mut reader = NsReader::from_str(text);
    reader.config_mut().check_comments = false;
    let mut lines = Lines {
        text,
        place: 0,
        line: first_line,
    };
    let mut open: Vec<(Node<'a>, usize)> = Vec::new();
    let mut root: Option<Node<'a>> = None;
    let mut is_old = false;
    loop {
        let start = position(&reader);
        let line = lines.at(start);
        let refused =
            |why: &str| Reason::new(reason::NOT_UNDERSTOOD, format!("line {line}: {why}"));
        let event = reader.read_event().map_err(|error| {
            refused(&format!(
                "the XML is not well-formed: {}",
                quote(&error.to_string())
            ))
        })?;
        let end = position(&reader);
        match event {
            Event::Start(ref tag) | Event::Empty(ref tag) => {
                if root.is_some() {
                    return Err(refused(
                        "a second root element begins after the end of the first",
                    ));
                }
                if open.len() >= DEPTH_MAX {
                    return Err(Reason::new(
                        reason::LIMITS,
                        format!("line {line}: elements are nested more than {DEPTH_MAX} deep"),
                    ));
                }
                let node = element(&reader, tag, line, &mut is_old, notes)?;
                if let Event::Empty(_) = event {
                    close(node, start..end, text, &mut open, &mut root, notes);
                } else {
                    open.push((node, start));
                }
            }
            Event::End(_) => {
                let (node, start) = open
                    .pop()
                    .ok_or_else(|| refused("an element ends that has not begun"))?;
                close(node, start..end, text, &mut open, &mut root, notes);
            }
            Event::Text(content) => add_text(&content.xml10_content(), &mut open)
                .map_err(|()| refused("text stands outside the root element"))?,
            Event::CData(content) => add_text(&content.xml10_content(), &mut open)
                .map_err(|()| refused("text stands outside the root element"))?,
            Event::GeneralRef(reference) => {
                let name = reference.xml10_content();
                let letter = if reference.is_char_ref() {
                    reference
                        .resolve_char_ref()
                        .ok()
                        .flatten()
                        .map(String::from)
                } else {
                    quick_xml::escape::resolve_predefined_entity(&name).map(str::to_owned)
                };
                let letter = letter.filter(|letter| !letter.contains(char::is_control));
                let letter = letter
                    .ok_or_else(|| refused(&format!("entity `{}` is refused", quote(&name))))?;
                add_text(&letter, &mut open)
                    .map_err(|()| refused("text stands outside the root element"))?;
            }
            Event::DocType(_) => return Err(refused("a DOCTYPE is refused")),
            Event::Decl(declaration) => {
                if let Some(Ok(encoding)) = declaration.encoding() {
                    let is_utf8 = ["utf-8", "utf8", "us-ascii"]
                        .iter()
                        .any(|known| encoding.eq_ignore_ascii_case(known));
                    if !is_utf8 && !text.is_ascii() {
                        return Err(refused(&format!(
                            "encoding `{}` is refused",
                            quote(&encoding)
                        )));
                    }
                }
            }
            Event::Comment(_) | Event::PI(_) => {}
            Event::Eof => {
                if !open.is_empty() {
                    return Err(refused("the XML ends before its root element does"));
                }
                return root.ok_or_else(|| refused("the XML has no element"));
            }
        }
    }
}

fn position(reader: &NsReader<&[u8]>) -> usize {
    // The readers take no text of more than a megabyte.
    usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX)
}

/// Counts lines as the reader moves on.
struct Lines<'a> {
    text: &'a str,
    place: usize,
    line: usize,
}

impl Lines<'_> {
    /// The line of `place`, which never goes back.
    fn at(&mut self, place: usize) -> usize {
        let between = self
            .text
            .as_bytes()
            .get(self.place..place)
            .unwrap_or_default();
        self.line += between.iter().filter(|byte| **byte == b'\n').count();
        self.place = self.place.max(place);
        self.line
    }
}

fn element<'a>(
    reader: &NsReader<&[u8]>,
    tag: &BytesStart<'_>,
    line: usize,
    is_old: &mut bool,
    notes: &mut Notes,
) -> Result<Node<'a>, Reason> {
    let broken = |why: &str| {
        Reason::new(
            reason::NOT_UNDERSTOOD,
            format!("line {line}: the XML is not well-formed: {}", quote(why)),
        )
    };
    // The reader lets attributes stick together; the registry's documentation has such an example.
    if !has_blanks_between(tag.attributes_raw()) {
        return Err(broken("no blank between two attributes"));
    }
    let mut attributes = Vec::new();
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(|error| broken(&error.to_string()))?;
        let value = attribute
            .normalized_value(XmlVersion::Explicit1_0)
            .map_err(|error| broken(&error.to_string()))?;
        if attribute.key.as_namespace_binding().is_some() {
            check_version(&value, line, is_old, notes);
            continue;
        }
        let (namespace, local) = reader.resolver().resolve_attribute(attribute.key);
        if let ResolveResult::Unknown(prefix) = namespace {
            undeclared(&prefix, line, notes);
        }
        attributes.push((
            AsRef::<str>::as_ref(&local).to_ascii_lowercase(),
            value.trim().to_owned(),
        ));
    }
    let (namespace, local) = reader.resolver().resolve_element(tag.name());
    let written: &str = local.as_ref();
    let bound = match &namespace {
        ResolveResult::Bound(namespace) => Some(AsRef::<str>::as_ref(namespace).to_owned()),
        _ => None,
    };
    let part = match namespace {
        ResolveResult::Bound(namespace) => AsRef::<str>::as_ref(&namespace)
            .strip_prefix(NAMESPACES)
            .and_then(|rest| rest.split('/').next())
            .map(str::to_owned),
        ResolveResult::Unknown(prefix) => {
            undeclared(&prefix, line, notes);
            Some(prefix)
        }
        ResolveResult::Unbound => None,
    };
    Ok(Node {
        name: written.to_ascii_lowercase(),
        written: written.to_owned(),
        namespace: bound,
        line,
        part,
        attributes,
        text: String::new(),
        children: Vec::new(),
        raw: "",
    })
}

/// Is every closing quote followed by a blank, or by the end of the tag?
fn has_blanks_between(attributes: &str) -> bool {
    let mut open: Option<char> = None;
    let mut is_just_closed = false;
    for letter in attributes.chars() {
        if is_just_closed && !letter.is_whitespace() {
            return false;
        }
        is_just_closed = open == Some(letter);
        match open {
            Some(_) if is_just_closed => open = None,
            None if letter == '"' || letter == '\'' => open = Some(letter),
            _ => {}
        }
    }
    true
}

fn undeclared(prefix: &str, line: usize, notes: &mut Notes) {
    notes.at(
        reason::UNDECLARED_PREFIX,
        line,
        format!("prefix `{}` is not declared", quote(prefix)),
    );
}

/// Mentions the first namespace of another version (W19).
fn check_version(namespace: &str, line: usize, is_old: &mut bool, notes: &mut Notes) {
    let version = namespace
        .strip_prefix(NAMESPACES)
        .and_then(|rest| rest.split_once('/'))
        .map(|(_, version)| version);
    if let Some(version) = version.filter(|version| *version != VERSION)
        && !*is_old
    {
        *is_old = true;
        notes.at(
            reason::OLD_NAMESPACE,
            line,
            format!("the namespace has version `{}`", quote(version)),
        );
    }
}

/// Adds text to the element that is open; an error for more than blanks where none is.
fn add_text(text: &str, open: &mut [(Node<'_>, usize)]) -> Result<(), ()> {
    match open.last_mut() {
        Some((node, _)) => node.text.push_str(text),
        None if text.trim().is_empty() => {}
        None => return Err(()),
    }
    Ok(())
}

/// Ends an element: its text is put in order, and it joins its parent.
fn close<'a>(
    mut node: Node<'a>,
    range: Range<usize>,
    text: &'a str,
    open: &mut [(Node<'a>, usize)],
    root: &mut Option<Node<'a>>,
    notes: &mut Notes,
) {
    node.text = collapse(&node.text);
    node.raw = text.get(range).unwrap_or_default();
    if !node.children.is_empty() && !node.text.is_empty() {
        notes.at(
            reason::STRAY_TEXT,
            node.line,
            format!(
                "stray characters inside element `{}` were ignored",
                quote(&node.name)
            ),
        );
    }
    match open.last_mut() {
        Some((parent, _)) => parent.children.push(node),
        None => *root = Some(node),
    }
}
