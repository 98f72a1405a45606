//! Elements to be written as XML; the library escapes what they hold.

use std::fmt::Display;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

use super::VERSION;

/// Namespace of `xsi:type`.
const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// An element with what it holds.
#[derive(Clone, Debug)]
pub struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    text: String,
    children: Vec<Element>,
}

impl Element {
    /// An empty element; the name with its prefix.
    pub fn new(name: &str) -> Self {
        Element {
            name: name.to_owned(),
            attributes: Vec::new(),
            text: String::new(),
            children: Vec::new(),
        }
    }

    /// An element that holds text.
    pub fn text(name: &str, text: impl Display) -> Self {
        Element {
            text: text.to_string(),
            ..Element::new(name)
        }
    }

    /// With an attribute.
    pub fn attribute(mut self, name: &str, value: impl Display) -> Self {
        self.attributes.push((name.to_owned(), value.to_string()));
        self
    }

    /// With the binding of a prefix to that part of the registry's schema; `""` is the default one.
    pub fn binding(self, prefix: &str, part: &str) -> Self {
        let name = match prefix {
            "" => "xmlns".to_owned(),
            prefix => format!("xmlns:{prefix}"),
        };
        self.attribute(&name, format!("http://registry.denic.de/{part}/{VERSION}"))
    }

    /// With the prefix `xsi` bound.
    pub fn typed(self) -> Self {
        self.attribute("xmlns:xsi", XSI)
    }

    /// With one more element in it.
    pub fn child(mut self, child: Element) -> Self {
        self.children.push(child);
        self
    }

    /// With more elements in it.
    pub fn children(mut self, children: impl IntoIterator<Item = Element>) -> Self {
        self.children.extend(children);
        self
    }

    /// As a document of its own, UTF-8.
    pub fn to_document(&self) -> String {
        let mut writer = Writer::new(Vec::new());
        let declaration = BytesDecl::new("1.0", Some("UTF-8"), None);
        let written = writer
            .write_event(Event::Decl(declaration))
            .and_then(|()| writer.write_event(Event::Text(BytesText::from_escaped("\n"))))
            .and_then(|()| self.write(&mut writer));
        // A Vec takes whatever it is given, and what was written is UTF-8 because all parts are.
        debug_assert!(written.is_ok());
        String::from_utf8_lossy(&writer.into_inner()).into_owned()
    }

    fn write(&self, writer: &mut Writer<Vec<u8>>) -> std::io::Result<()> {
        let mut start = BytesStart::new(self.name.as_str());
        for (name, value) in &self.attributes {
            start.push_attribute((name.as_str(), value.as_str()));
        }
        if self.text.is_empty() && self.children.is_empty() {
            return writer.write_event(Event::Empty(start));
        }
        writer.write_event(Event::Start(start))?;
        if !self.text.is_empty() {
            writer.write_event(Event::Text(BytesText::new(&self.text)))?;
        }
        self.children
            .iter()
            .try_for_each(|child| child.write(writer))?;
        writer.write_event(Event::End(BytesEnd::new(self.name.as_str())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_meaning_in_xml_is_escaped() {
        let element = Element::new("a")
            .attribute("b", "\"<&>'")
            .child(Element::text("c", "<d>&amp;]]></d>"))
            .child(Element::new("e"));
        assert_eq!(
            element.to_document(),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <a b=\"&quot;&lt;&amp;&gt;&apos;\"><c>&lt;d&gt;&amp;amp;]]&gt;&lt;/d&gt;</c><e/></a>"
        );
    }
}
