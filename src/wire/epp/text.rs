//! The commands that are sent (RFC 5730, sections 2.9.1 and 2.9.2.3).

use super::super::Element;

/// The namespace of EPP 1.0.
pub const EPP: &str = "urn:ietf:params:xml:ns:epp-1.0";

/// The reseller's extension. A login that does not name it gets messages without their trigger codes.
pub const EXTENSION: &str = "http://www.key-systems.net/epp/keysys-1.0";

/// The services that the login names.
const OBJECTS: [&str; 3] = [
    "urn:ietf:params:xml:ns:domain-1.0",
    "urn:ietf:params:xml:ns:contact-1.0",
    "urn:ietf:params:xml:ns:host-1.0",
];

/// `login`; it must never be logged. `extension`: the server offers it.
pub fn login(user: &str, password: &str, extension: bool, transaction: &str) -> String {
    let options = Element::new("options")
        .child(Element::text("version", "1.0"))
        .child(Element::text("lang", "en"));
    let services = Element::new("svcs")
        .children(OBJECTS.map(|uri| Element::text("objURI", uri)))
        .children(
            extension
                .then(|| Element::new("svcExtension").child(Element::text("extURI", EXTENSION))),
        );
    let login = Element::new("login")
        .child(Element::text("clID", user))
        .child(Element::text("pw", password))
        .child(options)
        .child(services);
    command(login, transaction)
}

/// `hello`, which is no command: the server answers with its greeting.
pub fn hello() -> String {
    document(Element::new("hello"))
}

/// `poll`: the oldest message.
pub fn poll_request(transaction: &str) -> String {
    command(Element::new("poll").attribute("op", "req"), transaction)
}

/// `poll`: that message is kept here and may go.
pub fn poll_ack(msgid: &str, transaction: &str) -> String {
    let poll = Element::new("poll").attribute("op", "ack");
    command(poll.attribute("msgID", msgid), transaction)
}

/// `logout`.
pub fn logout(transaction: &str) -> String {
    command(Element::new("logout"), transaction)
}

fn command(command: Element, transaction: &str) -> String {
    document(
        Element::new("command")
            .child(command)
            .child(Element::text("clTRID", transaction)),
    )
}

fn document(content: Element) -> String {
    Element::new("epp")
        .attribute("xmlns", EPP)
        .child(content)
        .to_document()
}
