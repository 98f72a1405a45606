//! From the registry's XML to the names that key/value uses. Elements are looked up by their level,
//! never by name anywhere below: `expire` stands inside `expire` (`denic.md` 3.4).

use super::super::notes::Notes;
use super::super::xml::Node;
use super::payload::Payload;
use crate::model::{Level, Reason, reason};

/// Reads `registry-response`, or a bare `message`.
pub(super) fn read(root: &Node<'_>, notes: &mut Notes) -> Result<Payload, Reason> {
    let mut payload = Payload::default();
    match (root.part.as_deref(), root.name.as_str()) {
        (Some(_), "message") => message(root, &mut payload, notes)?,
        (Some(_), "registry-response") => {
            let mut transaction = None;
            for child in &root.children {
                match child.name.as_str() {
                    "transaction" => set_once(&mut transaction, child)?,
                    _ => unknown(child, &mut payload, notes),
                }
            }
            let transaction = transaction.ok_or_else(|| {
                misfit(
                    root.line,
                    "`registry-response` has no element `transaction`",
                )
            })?;
            self::transaction(transaction, &mut payload, notes)?;
        }
        _ => {
            return Err(misfit(
                root.line,
                "the root is neither `registry-response` nor `message` of the registry",
            ));
        }
    }
    Ok(payload)
}

fn misfit(line: usize, why: &str) -> Reason {
    Reason::new(reason::NOT_UNDERSTOOD, format!("line {line}: {why}"))
}

fn set_once<'a, 'b>(slot: &mut Option<&'b Node<'a>>, node: &'b Node<'a>) -> Result<(), Reason> {
    match slot.replace(node) {
        None => Ok(()),
        Some(first) => Err(Reason::new(
            reason::CONTRADICTION,
            format!(
                "line {}: a second `{}` after line {}",
                node.line, node.name, first.line
            ),
        )),
    }
}

fn unknown(node: &Node<'_>, payload: &mut Payload, notes: &mut Notes) {
    payload.push_unknown(
        node.line,
        node.raw,
        "not an element that is known here",
        notes,
    );
}

fn transaction(node: &Node<'_>, payload: &mut Payload, notes: &mut Notes) -> Result<(), Reason> {
    let mut content = None;
    for child in &node.children {
        match child.name.as_str() {
            _ if child.part.is_none() => unknown(child, payload, notes),
            "stid" | "ctid" | "result" => {
                payload.push(child.line, &child.name, &child.text, child.raw)
            }
            "message" => coded(child, payload, notes),
            "data" => {
                for inner in &child.children {
                    set_once(&mut content, inner)?;
                }
            }
            _ => unknown(child, payload, notes),
        }
    }
    match content {
        None => Ok(()),
        Some(node) if node.name == "message" => message(node, payload, notes),
        Some(node) => {
            data(node, payload, notes);
            Ok(())
        }
    }
}

/// A queue message: its type is the name of its only child.
fn message(node: &Node<'_>, payload: &mut Payload, notes: &mut Notes) -> Result<(), Reason> {
    for name in ["msgid", "msgcnt", "msgtime"] {
        if let Some(value) = node.attribute(name) {
            payload.push(node.line, name, value, &format!("{name}: {value}"));
        }
    }
    let mut kind = None;
    for child in &node.children {
        set_once(&mut kind, child)?;
    }
    let kind = kind.ok_or_else(|| misfit(node.line, "`message` is empty: it has no type"))?;
    if kind.part.is_none() {
        return Err(misfit(
            kind.line,
            "the type of the message is not in a namespace of the registry",
        ));
    }
    // Past the prefix, as written: `msgtype` is shown to people.
    let written = kind.raw.trim_start_matches('<');
    let end = written
        .find(|letter: char| letter.is_whitespace() || letter == '>' || letter == '/')
        .unwrap_or(written.len());
    let written = written[..end].rsplit(':').next().unwrap_or_default();
    payload.push(
        kind.line,
        "msgtype",
        written,
        &format!("msgtype: {written}"),
    );
    for child in &kind.children {
        if child.name == "message" {
            coded(child, payload, notes);
        } else {
            inside(child, &child.name, payload, notes);
        }
    }
    Ok(())
}

/// An element at `path` below the type of the message.
fn inside(node: &Node<'_>, path: &str, payload: &mut Payload, notes: &mut Notes) {
    const CONTAINERS: [&str; 8] = [
        "domain",
        "holders",
        "contact",
        "verificationclaims",
        "earliestdomainfordedelegation",
        "earliestdomainfordeletion",
        "earliestdomainfordedelegation/domain",
        "earliestdomainfordeletion/domain",
    ];
    if node.part.is_none() {
        return unknown(node, payload, notes);
    }
    if !node.children.is_empty() {
        if !CONTAINERS.contains(&path) {
            return unknown(node, payload, notes);
        }
        for child in &node.children {
            inside(child, &format!("{path}/{}", child.name), payload, notes);
        }
        return;
    }
    let key = match path {
        "domain/handle" => "domain",
        "domain/ace" => "domain-ace",
        "domain/expire" => "expire",
        "domain/authinfoexpire" => "authinfoexpire",
        "holders/handle" => "holder",
        "contact/handle" => "handle",
        "verificationclaims/claim" => "verificationclaim",
        "earliestdomainfordedelegation/domain/handle" => "earliestdomainfordedelegation",
        "earliestdomainfordedelegation/domain/ace" => "earliestdomainfordedelegation-ace",
        "earliestdomainfordedelegation/verificationdeadline" => {
            "verificationdeadlinebeforededelegation"
        }
        "earliestdomainfordeletion/domain/handle" => "earliestdomainfordeletion",
        "earliestdomainfordeletion/domain/ace" => "earliestdomainfordeletion-ace",
        "earliestdomainfordeletion/verificationdeadline" => "verificationdeadlinebeforedeletion",
        other if !other.contains('/') => other,
        _ => return unknown(node, payload, notes),
    };
    payload.push(node.line, key, &node.text, node.raw);
}

/// The data of a reply to a request: of a domain, what is told about it; of anything else, nothing.
fn data(node: &Node<'_>, payload: &mut Payload, notes: &mut Notes) {
    if node.part.as_deref() != Some("domain") {
        return unknown(node, payload, notes);
    }
    for child in &node.children {
        let is_holder = child
            .attribute("role")
            .is_some_and(|role| role.eq_ignore_ascii_case("holder"));
        match child.name.as_str() {
            "handle" => payload.push(child.line, "domain", &child.text, child.raw),
            "ace" => payload.push(child.line, "domain-ace", &child.text, child.raw),
            "status" => payload.push(child.line, "status", &child.text, child.raw),
            "contact" if is_holder => {
                let handle = child
                    .children
                    .iter()
                    .find(|inner| inner.name == "handle")
                    .unwrap_or(child);
                payload.push(child.line, "holder", &handle.text, child.raw);
            }
            name if name.starts_with("verificationdeadline") => {
                payload.push(child.line, name, &child.text, child.raw);
            }
            _ => unknown(child, payload, notes),
        }
    }
}

/// `message level="…" code="…"` with `text` and `argument`s.
fn coded(node: &Node<'_>, payload: &mut Payload, notes: &mut Notes) {
    let level = match node
        .attribute("level")
        .map(str::to_ascii_lowercase)
        .as_deref()
    {
        Some("error") => Level::Error,
        Some("warning") => Level::Warning,
        _ => Level::Info,
    };
    let mut text = String::new();
    let mut arguments: Vec<&str> = Vec::new();
    for child in &node.children {
        match child.name.as_str() {
            "text" => {
                if !text.is_empty() {
                    text.push(' ');
                }
                text.push_str(&child.text);
            }
            "argument" => arguments.push(&child.text),
            _ => unknown(child, payload, notes),
        }
    }
    // The key/value form of the same message, so that both are read by one reader.
    let code = node.attribute("code").unwrap_or_default();
    let mut value = format!("{code} {text}");
    if !arguments.is_empty() {
        value.push_str(&format!(" [{}]", arguments.join(", ")));
    }
    payload.push_coded(node.line, level, value.trim(), node.raw, notes);
}
