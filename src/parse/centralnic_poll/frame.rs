//! What stands in a response, by namespace and local name (`centralnic.md` 7.2).

use super::super::instant;
use super::super::xml::Node;
use crate::model::{Reason, reason};

const EPP: &str = "urn:ietf:params:xml:ns:epp-1.0";
const KEYSYS: &str = "http://www.key-systems.net/epp/keysys-1.0";
/// Beginning of the namespaces of objects: `contact-1.0`, `domain-1.0` follow.
const OBJECTS: &str = "urn:ietf:params:xml:ns:";

/// One response.
#[derive(Debug, Default)]
pub(super) struct Frame {
    /// The result's code.
    pub code: u16,
    /// The result's text.
    pub said: String,
    /// `msgQ@id`.
    pub id: Option<String>,
    /// `msgQ@count`: messages waiting, this one included.
    pub count: Option<u32>,
    /// `qDate`, as written.
    pub queued: Option<String>,
    /// `msg` of the queue: object word, `_`, subclass.
    pub msg: Option<String>,
    /// The kind of object in `resData`: `contact`, `domain`.
    pub object_type: Option<String>,
    /// The object in `resData`: its id or its name.
    pub object: Option<String>,
    /// `paResult`: was it done? In a notice `false` is no error (EP-04).
    pub pa_result: Option<bool>,
    /// What else `resData` says, in order.
    pub shown: Vec<(String, String)>,
    /// Children of `keysys:data`, in order.
    pub data: Vec<(String, String)>,
    /// `keysys:info`.
    pub info: Option<String>,
    /// Is there an element `keysys:poll`?
    pub is_extended: bool,
    /// The server's transaction.
    pub sv_trid: Option<String>,
    /// What nobody knows here, as `name = value`.
    pub unknown: Vec<String>,
}

fn misfit(line: usize, why: &str) -> Reason {
    Reason::new(reason::NOT_UNDERSTOOD, format!("line {line}: {why}"))
}

impl Node<'_> {
    fn is(&self, namespace: &str, name: &str) -> bool {
        self.namespace.as_deref() == Some(namespace) && self.written == name
    }

    /// The one child of that name; R12 for two.
    fn only(&self, namespace: &str, name: &str) -> Result<Option<&Self>, Reason> {
        let mut found = self
            .children
            .iter()
            .filter(|child| child.is(namespace, name));
        let first = found.next();
        match found.next() {
            None => Ok(first),
            Some(second) => Err(Reason::new(
                reason::CONTRADICTION,
                format!("line {}: a second `{name}`", second.line),
            )),
        }
    }

    /// The text, unless it is empty.
    fn said(&self) -> Option<String> {
        Some(self.text.clone()).filter(|text| !text.is_empty())
    }
}

impl Frame {
    /// Reads a response. R10: it is none, or has no code; R12: it has two of what there is one of.
    pub fn read(root: &Node<'_>) -> Result<Self, Reason> {
        if !root.is(EPP, "epp") {
            return Err(misfit(root.line, "the root is not `epp` of EPP 1.0"));
        }
        let response = root
            .only(EPP, "response")?
            .ok_or_else(|| misfit(root.line, "`epp` has no element `response`"))?;
        let mut frame = Frame::default();
        frame.result(response)?;
        if let Some(queue) = response.only(EPP, "msgQ")? {
            frame.queue(queue)?;
        }
        if let Some(data) = response.only(EPP, "resData")? {
            for object in &data.children {
                frame.object(object)?;
            }
        }
        if let Some(extension) = response.only(EPP, "extension")? {
            frame.extension(extension)?;
        }
        if let Some(transaction) = response.only(EPP, "trID")? {
            let server = transaction.only(EPP, "svTRID")?;
            frame.sv_trid = server.and_then(Node::said).filter(|id| is_id(id));
        }
        Ok(frame)
    }

    fn result(&mut self, response: &Node<'_>) -> Result<(), Reason> {
        // A response that refuses may have several results; the first is the one that counts.
        let result = response
            .children
            .iter()
            .find(|child| child.is(EPP, "result"))
            .ok_or_else(|| misfit(response.line, "`response` has no element `result`"))?;
        let code = result.attribute("code").unwrap_or_default();
        let is_code = code.len() == 4 && code.bytes().all(|byte| byte.is_ascii_digit());
        self.code = code
            .parse()
            .ok()
            .filter(|_| is_code)
            .ok_or_else(|| misfit(result.line, "the code of `result` is not four digits"))?;
        let said = result.only(EPP, "msg")?;
        self.said = said.map(|said| said.text.clone()).unwrap_or_default();
        Ok(())
    }

    fn queue(&mut self, queue: &Node<'_>) -> Result<(), Reason> {
        self.id = queue
            .attribute("id")
            .filter(|id| !id.is_empty())
            .map(str::to_owned);
        if let Some(count) = queue.attribute("count") {
            let count = count
                .parse()
                .map_err(|_| misfit(queue.line, "the count of `msgQ` is not a number"))?;
            self.count = Some(count);
        }
        self.queued = queue.only(EPP, "qDate")?.and_then(Node::said);
        self.msg = queue.only(EPP, "msg")?.and_then(Node::said);
        Ok(())
    }

    /// `panData`, `trnData`, `creData`, `renData` of a contact or a domain.
    fn object(&mut self, object: &Node<'_>) -> Result<(), Reason> {
        let namespace = object.namespace.as_deref().unwrap_or_default();
        let kind = namespace
            .strip_prefix(OBJECTS)
            .and_then(|rest| rest.strip_suffix("-1.0"))
            .filter(|kind| ["contact", "domain", "host"].contains(kind));
        let Some(kind) = kind.filter(|_| self.object_type.is_none()) else {
            self.leaves(object);
            return Ok(());
        };
        self.object_type = Some(kind.to_owned());
        for child in &object.children {
            let is_here = child.namespace.as_deref() == Some(namespace);
            match child.written.as_str() {
                "id" | "name" if is_here && self.object.is_none() => {
                    self.object = child.said();
                    self.pa_result = match child.attribute("paresult") {
                        None => None,
                        Some("true" | "1") => Some(true),
                        Some("false" | "0") => Some(false),
                        Some(_) => {
                            let why = "paResult is none of `true`, `false`, `1` and `0`";
                            return Err(misfit(child.line, why));
                        }
                    };
                }
                // The message's own date once more.
                "paDate" if is_here => {}
                "paTRID" if is_here => self.transaction(child),
                _ => self.shown(child),
            }
        }
        Ok(())
    }

    /// The ids of the job behind the message, as event mail names them.
    fn transaction(&mut self, ids: &Node<'_>) {
        for child in &ids.children {
            if is_id(&child.text) {
                self.shown.push((child.name.clone(), child.text.clone()));
            }
        }
    }

    /// A date in year 1 means that it is not known (EP-06).
    fn shown(&mut self, node: &Node<'_>) {
        match node.children.is_empty() {
            true if node.text.is_empty() || instant::is_unknown(&node.text) => {}
            true => self.shown.push((node.written.clone(), node.text.clone())),
            false => node.children.iter().for_each(|child| self.shown(child)),
        }
    }

    fn extension(&mut self, extension: &Node<'_>) -> Result<(), Reason> {
        let poll = extension.only(KEYSYS, "poll")?;
        for other in &extension.children {
            if !other.is(KEYSYS, "poll") {
                self.leaves(other);
            }
        }
        let Some(poll) = poll else {
            return Ok(());
        };
        self.is_extended = true;
        for child in &poll.children {
            // The children of `data` have no prefix in the samples, and so are EPP's (EP-02).
            match child.written.as_str() {
                "data" if child.is(KEYSYS, "data") => {
                    child.children.iter().for_each(|field| self.datum(field));
                }
                "info" if child.is(KEYSYS, "info") && self.info.is_none() => {
                    self.info = child.said();
                }
                _ => self.leaves(child),
            }
        }
        Ok(())
    }

    fn datum(&mut self, field: &Node<'_>) {
        let namespace = field.namespace.as_deref();
        let is_known = namespace == Some(EPP) || namespace == Some(KEYSYS);
        match is_known && field.children.is_empty() {
            true => self.data.push((field.written.clone(), field.text.clone())),
            false => self.leaves(field),
        }
    }

    /// Everything in it, however deep.
    fn leaves(&mut self, node: &Node<'_>) {
        match node.children.is_empty() {
            true => self
                .unknown
                .push(format!("{} = {}", node.written, node.text)),
            false => node.children.iter().for_each(|child| self.leaves(child)),
        }
    }
}

/// Transaction ids may be the word `UNDEF` (EP-05).
fn is_id(text: &str) -> bool {
    !text.is_empty() && text != "UNDEF"
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::{Value, json};

    use super::super::super::notes::Notes;
    use super::super::super::reseller::code_of;
    use super::super::super::xml;
    use super::super::event::class;
    use super::*;

    fn normal(frame: &Frame) -> Value {
        let said = frame.data.iter().map(|(_, value)| value.as_str());
        let said = said.chain(frame.info.as_deref());
        let code = said.filter_map(|text| code_of(text).ok().flatten()).next();
        let pair = |(key, value): &(String, String)| json!([key, value]);
        let subclass = frame.msg.as_deref().map(|msg| class(msg, frame).1);
        let members = [
            ("outcome", json!("ok")),
            ("code", json!(frame.code)),
            ("id", json!(frame.id)),
            ("count", json!(frame.count)),
            ("qdate", json!(frame.queued)),
            ("msg", json!(frame.msg)),
            ("object_type", json!(frame.object_type)),
            ("object", json!(frame.object)),
            ("subclass", json!(subclass)),
            ("pa_result", json!(frame.pa_result)),
            ("info", json!(frame.info)),
            ("trigger", json!(code.map(|code| code.expose().to_owned()))),
            ("data", frame.data.iter().map(pair).collect()),
        ];
        let is_there = |(_, value): &(&str, Value)| !value.is_null() && *value != json!([]);
        let mut normal: serde_json::Map<_, _> = (members.into_iter())
            .filter(is_there)
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        if frame.code == 1000 && !frame.unknown.is_empty() {
            let lines = frame
                .unknown
                .iter()
                .map(|line| line.split_once(" = ").unwrap());
            let contact = lines.map(|(name, value)| (name.replace('-', ""), json!(value)));
            normal.insert("contact".to_owned(), Value::Object(contact.collect()));
        }
        Value::Object(normal)
    }

    #[test]
    fn every_sample_frame_reads_as_its_expected_result() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/centralnic-poll");
        let expected = std::fs::read_to_string(folder.join("expected.json")).unwrap();
        let expected: serde_json::Map<String, Value> = serde_json::from_str(&expected).unwrap();
        assert_eq!(expected.len(), 13);
        for (name, expected) in &expected {
            let text = std::fs::read_to_string(folder.join(name)).unwrap();
            let mut notes = Notes::default();
            let read = xml::tree(&text, &mut notes).and_then(|root| Frame::read(&root));
            match expected["outcome"].as_str() {
                Some("ok") => assert_eq!(normal(&read.unwrap()), *expected, "{name}"),
                _ => assert!(read.is_err(), "{name}"),
            }
        }
    }
}
