//! The requests that belong to the session itself and to the queue, in both formats (`denic.md` 3.2,
//! 4.3).

use super::{Format, VERSION};

/// `Keyword: value` lines, or the same as XML; values are escaped there.
fn global(inner: &str) -> String {
    format!(
        "<registry-request xmlns=\"http://registry.denic.de/global/{VERSION}\">{inner}</registry-request>"
    )
}

fn queue(inner: &str) -> String {
    format!(
        "<registry-request xmlns=\"http://registry.denic.de/global/{VERSION}\" \
         xmlns:msg=\"http://registry.denic.de/msg/{VERSION}\">{inner}</registry-request>"
    )
}

fn escaped(value: &str) -> std::borrow::Cow<'_, str> {
    quick_xml::escape::escape(value)
}

/// LOGIN; it must never be logged.
pub fn login(format: Format, user: &str, password: &str) -> String {
    match format {
        Format::KeyValue => {
            format!("version: {VERSION}\naction: LOGIN\nuser: {user}\npassword: {password}\n")
        }
        Format::Xml => global(&format!(
            "<login><user>{}</user><password>{}</password></login>",
            escaped(user),
            escaped(password)
        )),
    }
}

/// LOGOUT.
pub fn logout(format: Format) -> String {
    match format {
        Format::KeyValue => format!("version: {VERSION}\naction: LOGOUT\n"),
        Format::Xml => global("<logout/>"),
    }
}

/// QUEUE-READ: the oldest message, of a type if one is named.
pub fn queue_read(format: Format, msgtype: Option<&str>) -> String {
    match (format, msgtype) {
        (Format::KeyValue, None) => format!("version: {VERSION}\naction: queue-read\n"),
        (Format::KeyValue, Some(kind)) => {
            format!("version: {VERSION}\naction: queue-read\nmsgtype: {kind}\n")
        }
        (Format::Xml, None) => queue("<msg:queue-read/>"),
        (Format::Xml, Some(kind)) => {
            queue(&format!("<msg:queue-read msgType=\"{}\"/>", escaped(kind)))
        }
    }
}

/// QUEUE-DELETE; the element is called `delete`.
pub fn queue_delete(format: Format, msgid: &str, msgtype: Option<&str>) -> String {
    match format {
        Format::KeyValue => {
            let kind = msgtype.map_or(String::new(), |kind| format!("msgtype: {kind}\n"));
            format!("version: {VERSION}\naction: queue-delete\nmsgid: {msgid}\n{kind}")
        }
        Format::Xml => {
            let kind = msgtype.map_or(String::new(), |kind| {
                format!(" msgType=\"{}\"", escaped(kind))
            });
            queue(&format!("<msg:delete msgid=\"{}\"{kind}/>", escaped(msgid)))
        }
    }
}
