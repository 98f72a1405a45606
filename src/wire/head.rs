//! What the ends of a connection must know of a reply: how it came out, and which message it carries
//! (`denic.md` 3.3, 4.2). What it means is read by `parse`.

use quick_xml::NsReader;
use quick_xml::events::{BytesStart, Event};

/// The head of a reply. Empty where it could not be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplyHead {
    /// `success`, `failed`, `exception`, or whatever stands there, in lower case.
    pub result: Option<String>,
    /// The message's id.
    pub msgid: Option<String>,
    /// How many messages wait, this one included.
    pub msgcnt: Option<String>,
    /// The message's type; in XML the name of the element.
    pub msgtype: Option<String>,
    /// Errors, each with its code in front.
    pub errors: Vec<String>,
}

impl ReplyHead {
    /// Reads it from either format.
    pub fn read(reply: &str) -> Self {
        match reply.trim_start().starts_with('<') {
            true => of_xml(reply).unwrap_or_default(),
            false => of_lines(reply),
        }
    }

    /// Was it carried out?
    pub fn is_success(&self) -> bool {
        self.result.as_deref() == Some("success")
    }

    /// The errors in one line.
    pub fn why(&self) -> String {
        match self.errors.is_empty() {
            true => "no reason is given".to_owned(),
            false => self.errors.join("; "),
        }
    }
}

fn of_lines(reply: &str) -> ReplyHead {
    let mut head = ReplyHead::default();
    for line in reply.lines() {
        let Some((keyword, value)) = line.split_once(':') else {
            continue;
        };
        let value = value.trim().to_owned();
        let slot = match keyword.trim().to_ascii_lowercase().as_str() {
            "result" => {
                head.result
                    .get_or_insert_with(|| value.to_ascii_lowercase());
                continue;
            }
            "error" => {
                head.errors.push(value);
                continue;
            }
            "msgid" => &mut head.msgid,
            "msgcnt" => &mut head.msgcnt,
            "msgtype" => &mut head.msgtype,
            _ => continue,
        };
        if slot.is_none() && !value.is_empty() {
            *slot = Some(value);
        }
    }
    head
}

/// `None`: not well-formed, or with a DOCTYPE, which no reply has.
fn of_xml(reply: &str) -> Option<ReplyHead> {
    let mut reader = NsReader::from_str(reply);
    let mut head = ReplyHead::default();
    // Names without prefixes, from the root to where we are.
    let mut path: Vec<String> = Vec::new();
    let mut is_error = false;
    loop {
        match reader.read_event().ok()? {
            Event::Eof => return path.is_empty().then_some(head),
            Event::DocType(_) => return None,
            Event::Start(element) => {
                path.push(local(&element));
                begun(&element, &path, &mut head, &mut is_error);
            }
            Event::Empty(element) => {
                path.push(local(&element));
                begun(&element, &path, &mut head, &mut is_error);
                path.pop();
            }
            Event::End(_) => {
                path.pop()?;
            }
            Event::Text(text) => {
                let text = text.xml10_content();
                let text = text.trim();
                match path
                    .iter()
                    .map(String::as_str)
                    .collect::<Vec<_>>()
                    .as_slice()
                {
                    [_, "transaction", "result"] if !text.is_empty() => {
                        head.result.get_or_insert_with(|| text.to_ascii_lowercase());
                    }
                    [_, "transaction", "message", "text"] if !text.is_empty() => {
                        if is_error && let Some(error) = head.errors.last_mut() {
                            error.push(' ');
                            error.push_str(text);
                        }
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }
}

/// Takes what an element says; `is_error`: the coded line that was begun last is one.
fn begun(element: &BytesStart<'_>, path: &[String], head: &mut ReplyHead, is_error: &mut bool) {
    let value = |name: &str| {
        element.attributes().flatten().find_map(|attribute| {
            let key = attribute.key.local_name();
            key.as_ref()
                .eq_ignore_ascii_case(name)
                .then(|| attribute.value.into_owned())
        })
    };
    match path
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        [_, "transaction", "message"] => {
            *is_error = value("level").is_some_and(|level| level.eq_ignore_ascii_case("error"));
            if *is_error {
                head.errors.push(value("code").unwrap_or_default());
            }
        }
        [_, "transaction", "data", "message"] => {
            head.msgid = value("msgid");
            head.msgcnt = value("msgcnt");
        }
        [_, "transaction", "data", "message", kind] => {
            head.msgtype.get_or_insert_with(|| (*kind).to_owned());
        }
        _ => {}
    }
}

fn local(element: &BytesStart<'_>) -> String {
    element.local_name().as_ref().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_have_the_same_head() {
        let lines = "RESULT: failed\nSTID: 1\nERROR: 53000060009 At least one\n";
        let xml = "<registry-response xmlns=\"http://registry.denic.de/global/5.0\" \
            xmlns:tr=\"http://registry.denic.de/transaction/5.0\"><tr:transaction><tr:stid>1</tr:stid>\
            <tr:result>failed</tr:result><tr:message level=\"info\" code=\"13000000011\">\
            <tr:text>test</tr:text></tr:message><tr:message level=\"error\" code=\"53000060009\">\
            <tr:text>At least one</tr:text></tr:message></tr:transaction></registry-response>";
        assert_eq!(ReplyHead::read(lines), ReplyHead::read(xml));
        assert_eq!(ReplyHead::read(xml).errors, ["53000060009 At least one"]);
    }

    #[test]
    fn a_message_of_the_queue_is_named_in_both_forms() {
        let lines = "RESULT: success\nSTID: 1\nmsgcnt: 3\nmsgid: abc\nmsgtype: expire\n";
        let xml = "<registry-response><tr:transaction><tr:result>success</tr:result><tr:data>\
            <msg:message msgid=\"abc\" msgcnt=\"3\" msgtime=\"x\"><msg:expire><msg:expire>y\
            </msg:expire></msg:expire></msg:message></tr:data></tr:transaction></registry-response>";
        let head = ReplyHead::read(xml);
        assert_eq!(head, ReplyHead::read(lines));
        assert!(head.is_success());
        assert_eq!(head.msgtype.as_deref(), Some("expire"));
    }

    #[test]
    fn what_is_no_reply_has_no_head() {
        for text in ["", "<a", "<!DOCTYPE a><a/>", "hello", "<a><b></a>"] {
            assert_eq!(ReplyHead::read(text), ReplyHead::default(), "{text}");
        }
    }
}
