//! What the server writes.

use std::sync::LazyLock;

use regex::Regex;

use crate::wire::Element;
use crate::wire::epp::{EPP, EXTENSION};

/// The greeting, with the reseller's extension or without.
pub(super) fn greeting(has_extension: bool) -> String {
    let services = Element::new("svcMenu")
        .child(Element::text("version", "1.0"))
        .child(Element::text("lang", "en"))
        .child(Element::text("objURI", "urn:ietf:params:xml:ns:domain-1.0"))
        .child(Element::text(
            "objURI",
            "urn:ietf:params:xml:ns:contact-1.0",
        ))
        .children(
            has_extension
                .then(|| Element::new("svcExtension").child(Element::text("extURI", EXTENSION))),
        );
    let greeting = Element::new("greeting")
        .child(Element::text("svID", "EPP server for tests"))
        .child(services);
    document(greeting)
}

/// A response without a message; `count` of those that wait, with the id of the first or of the one
/// that is gone.
pub(super) fn result(
    code: u16,
    text: &str,
    queue: Option<(usize, &str)>,
    transaction: Option<&str>,
) -> String {
    let result = Element::new("result").attribute("code", code);
    let queue = queue.map(|(count, id)| {
        let queue = Element::new("msgQ").attribute("count", count);
        queue.attribute("id", id)
    });
    let transactions = Element::new("trID")
        .children(transaction.map(|id| Element::text("clTRID", id)))
        .child(Element::text(
            "svTRID",
            "5a7b3c1d-0000-4000-8000-000000000099",
        ));
    let response = Element::new("response")
        .child(result.child(Element::text("msg", text)))
        .children(queue)
        .child(transactions);
    document(response)
}

fn document(content: Element) -> String {
    Element::new("epp")
        .attribute("xmlns", EPP)
        .child(content)
        .to_document()
}

/// A message as it is given to this client: with its own transaction, and without the extension for
/// whoever did not ask for that.
pub(super) fn message(frame: &str, transaction: Option<&str>, has_extension: bool) -> String {
    static TRANSACTION: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"(<(?:\w+:)?trID>\s*<(?:\w+:)?clTRID>)[^<]*").ok());
    static ADDED: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"(?s)<(?:\w+:)?extension>.*</(?:\w+:)?extension>\s*").ok());
    let mut frame = frame.to_owned();
    if let (Some(form), Some(id)) = (&*TRANSACTION, transaction) {
        frame = form.replace(&frame, format!("${{1}}{id}")).into_owned();
    }
    match (&*ADDED, has_extension) {
        (Some(form), false) => form.replace(&frame, "").into_owned(),
        _ => frame,
    }
}
