//! The requests that belong to the session itself and to the queue, in both formats (`denic.md` 3.2,
//! 4.3).

use super::{Element, Format, VERSION};

/// LOGIN; it must never be logged.
pub fn login(format: Format, user: &str, password: &str) -> String {
    match format {
        Format::KeyValue => {
            format!("version: {VERSION}\naction: LOGIN\nuser: {user}\npassword: {password}\n")
        }
        Format::Xml => document(
            Element::new("login")
                .child(Element::text("user", user))
                .child(Element::text("password", password)),
        ),
    }
}

/// LOGOUT.
pub fn logout(format: Format) -> String {
    match format {
        Format::KeyValue => format!("version: {VERSION}\naction: LOGOUT\n"),
        Format::Xml => document(Element::new("logout")),
    }
}

/// QUEUE-READ: the oldest message, of a type if one is named.
pub fn queue_read(format: Format, msgtype: Option<&str>) -> String {
    match format {
        Format::KeyValue => {
            let kind = msgtype.map_or(String::new(), |kind| format!("msgtype: {kind}\n"));
            format!("version: {VERSION}\naction: queue-read\n{kind}")
        }
        Format::Xml => queue(Element::new("msg:queue-read"), msgtype),
    }
}

/// QUEUE-DELETE; the element is called `delete`.
pub fn queue_delete(format: Format, msgid: &str, msgtype: Option<&str>) -> String {
    match format {
        Format::KeyValue => {
            let kind = msgtype.map_or(String::new(), |kind| format!("msgtype: {kind}\n"));
            format!("version: {VERSION}\naction: queue-delete\nmsgid: {msgid}\n{kind}")
        }
        Format::Xml => queue(
            Element::new("msg:delete").attribute("msgid", msgid),
            msgtype,
        ),
    }
}

fn document(body: Element) -> String {
    let root = Element::new("registry-request").binding("", "global");
    root.child(body).to_document()
}

fn queue(body: Element, msgtype: Option<&str>) -> String {
    let body = match msgtype {
        Some(kind) => body.attribute("msgType", kind),
        None => body,
    };
    let root = Element::new("registry-request").binding("", "global");
    root.binding("msg", "msg").child(body).to_document()
}
