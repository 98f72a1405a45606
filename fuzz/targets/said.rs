//! A strict reading of an SMTP dialogue from outside: bytes said and replies heard in, mails that must
//! have been kept out. It shares no code with the server; addresses are read by `smtp-proto`.

use smtp_proto::Request;

/// Bytes of a message.
pub const MESSAGE_MAX: usize = 600;
/// Bytes of a command line.
pub const LINE_MAX: usize = 200;

/// Beyond this the end of a message is no longer awaited; dots that go are not counted.
const SWALLOWED_MAX: usize = 15 * MESSAGE_MAX;

/// A mail that was said to be kept. Addresses are `None` where the two parsers need not agree.
pub struct Kept {
    pub raw: Vec<u8>,
    pub sender: Option<String>,
    pub recipients: Vec<Option<String>>,
}

/// Panics where a reply does not fit what was said.
pub fn kept(said: &[u8], heard: &[u8]) -> Vec<Kept> {
    let mut kept = Vec::new();
    let mut replies = replies(heard).into_iter().peekable();
    let greeting = replies.next().expect("a greeting");
    assert!(greeting.starts_with("220 "), "{greeting}");
    let mut rest = said;
    let mut mail: Option<(Option<String>, Vec<Option<String>>)> = None;
    while let Some(reply) = replies.next() {
        let is_last = replies.peek().is_none();
        let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
            // Far too long, and no end in sight.
            assert!(reply.starts_with("500 5.5.6") && is_last, "{reply}");
            return kept;
        };
        let line;
        (line, rest) = rest.split_at(end + 1);
        let shown = line.escape_ascii();
        if !is_strict(line) {
            // The middle of an overlong line is thrown away unread.
            let is_too_long = line.len() > LINE_MAX && is_line_too_long(&reply, is_last);
            let is_refused = reply.starts_with("500 5.5.2 bare") && is_last;
            assert!(is_too_long || is_refused, "{shown}: {reply}");
            continue;
        }
        if line.len() > LINE_MAX {
            assert!(is_line_too_long(&reply, is_last), "{shown}: {reply}");
            continue;
        }
        let command = line.trim_ascii_end();
        let word = command.split(|byte| matches!(byte, b' ' | b'\t')).next();
        let word = word.unwrap_or_default().to_ascii_uppercase();
        match (word.as_slice(), &reply[..3]) {
            (_, "421" | "221") => assert!(is_last, "{shown}: {reply}"),
            (b"MAIL", "250") => {
                assert!(mail.is_none(), "{shown}: a mail within a mail");
                mail = Some((address(line), Vec::new()));
            }
            (b"RCPT", "250") => {
                let (_, recipients) = mail.as_mut().expect("a recipient needs a mail");
                recipients.push(address(line));
            }
            (b"RSET" | b"EHLO" | b"HELO", "250") => mail = None,
            (b"DATA", "354") => {
                let (sender, recipients) = mail.take().expect("DATA needs a mail");
                assert!(!recipients.is_empty(), "DATA needs a recipient");
                let reply = replies.next();
                match message(rest) {
                    Message::Cut => {
                        // So much came that its end was no longer awaited.
                        let is_endless = |reply: &String| {
                            rest.len() > SWALLOWED_MAX && reply.starts_with("552 5.3.4")
                        };
                        assert!(reply.as_ref().is_none_or(is_endless), "{reply:?}: no end");
                        assert_eq!(replies.next(), None, "the connection ends");
                        return kept;
                    }
                    Message::Bare => {
                        let reply = reply.expect("a reply to a bare byte");
                        let is_endless =
                            rest.len() > SWALLOWED_MAX && reply.starts_with("552 5.3.4");
                        assert!(is_endless || reply.starts_with("550 5.5.2 bare"), "{reply}");
                        assert_eq!(replies.next(), None, "the connection ends");
                        return kept;
                    }
                    Message::Whole(raw, after) => {
                        let reply = reply.expect("a reply to the final dot");
                        if raw.len() > SWALLOWED_MAX && replies.peek().is_none() {
                            assert!(reply.starts_with("552 5.3.4"), "{reply}");
                            return kept;
                        }
                        rest = after;
                        let is_too_big = raw.len() > MESSAGE_MAX;
                        match &reply[..3] {
                            "250" => {
                                assert!(!is_too_big, "kept beyond the limit");
                                kept.push(Kept {
                                    raw,
                                    sender,
                                    recipients,
                                });
                                let number = format!("250 2.0.0 kept as {}\r\n", kept.len());
                                assert_eq!(reply, number);
                            }
                            "552" => assert!(is_too_big, "{reply}"),
                            "451" | "452" => assert!(!is_too_big, "{reply}"),
                            _ => {
                                assert!(reply.starts_with("421 4.7.0 too many errors"), "{reply}");
                                assert!(replies.peek().is_none(), "the connection ends");
                            }
                        }
                    }
                }
            }
            (b"NOOP", "250") | (b"VRFY", "252") | (b"XFORWARD", "250") => {}
            (_, code) => assert!(code >= "450", "{shown}: {reply}"),
        }
        if is_last && reply.starts_with("2") && word != b"QUIT" {
            assert!(
                !rest.contains(&b'\n'),
                "{} was not answered",
                rest.escape_ascii()
            );
        }
    }
    kept
}

/// The reply to a line too long, which may be one error too many.
fn is_line_too_long(reply: &str, is_last: bool) -> bool {
    reply.starts_with("500 5.5.6") || (reply.starts_with("421 4.7.0 too many errors") && is_last)
}

/// Replies, those of several lines as one.
fn replies(heard: &[u8]) -> Vec<String> {
    let heard = std::str::from_utf8(heard).expect("replies are ASCII");
    let mut found: Vec<String> = Vec::new();
    let mut is_open = false;
    for line in heard.split_inclusive('\n') {
        let is_form = line.is_ascii()
            && line.len() > 4
            && line.len() <= 512
            && line.ends_with("\r\n")
            && !line[..line.len() - 2].contains(char::is_control)
            && line.as_bytes()[..3].iter().all(u8::is_ascii_digit);
        assert!(is_form, "{line:?}");
        match found.last_mut() {
            Some(last) if is_open => last.push_str(line),
            _ => found.push(line.to_owned()),
        }
        is_open = line.as_bytes()[3] == b'-';
    }
    assert!(!is_open, "a reply is not complete");
    found
}

/// Ended by CRLF, and no other CR, LF or NUL in it.
fn is_strict(line: &[u8]) -> bool {
    line.strip_suffix(b"\r\n").is_some_and(|text| {
        !text
            .iter()
            .any(|byte| matches!(byte, b'\r' | b'\n' | b'\0'))
    })
}

enum Message<'a> {
    /// The bytes without dot-stuffing, and what follows the end.
    Whole(Vec<u8>, &'a [u8]),
    /// A CR, LF or NUL where none may stand.
    Bare,
    /// No end.
    Cut,
}

/// Reads up to CRLF.CRLF, the CRLF of the DATA line being the first.
fn message(said: &[u8]) -> Message<'_> {
    let mut raw = Vec::new();
    let mut at = 0;
    for line in said.split_inclusive(|byte| *byte == b'\n') {
        at += line.len();
        if !line.ends_with(b"\n") {
            // The CR may be the first half of a line end.
            let text = line.strip_suffix(b"\r").unwrap_or(line);
            let is_bare = text.iter().any(|byte| matches!(byte, b'\r' | b'\0'));
            return if is_bare { Message::Bare } else { Message::Cut };
        }
        if !is_strict(line) {
            return Message::Bare;
        }
        if line == b".\r\n" {
            return Message::Whole(raw, &said[at..]);
        }
        raw.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
    }
    Message::Cut
}

/// The address of MAIL or RCPT, if it is a plain one that everybody reads alike.
fn address(line: &[u8]) -> Option<String> {
    // Quoting and source routes are undone by one and kept by the other.
    if line.iter().any(|byte| b"\"\\".contains(byte)) || line.windows(2).any(|two| two == b"<@") {
        return None;
    }
    let address = match Request::parse(&mut line.iter()) {
        Ok(Request::Mail { from }) => from.address,
        Ok(Request::Rcpt { to }) => to.address,
        _ => return None,
    };
    let is_plain = address
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b".@-_+=".contains(&byte));
    is_plain.then(|| address.into_owned())
}
