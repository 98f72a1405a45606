//! Outcome to reply code: the only place where codes are chosen.

use std::borrow::Cow;
use std::io::Write;

use crate::model::InboundId;

/// Longest text; with code, status and line end the reply stays below the 512 bytes of RFC 5321.
const TEXT_MAX: usize = 400;

/// An SMTP reply of one line: code, enhanced status (RFC 3463), text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    code: u16,
    /// Empty where RFC 2034 wants none: greeting, HELO, 354.
    status: &'static str,
    text: Cow<'static, str>,
}

impl Reply {
    /// The text loses what could break the line or is not ASCII.
    fn new(code: u16, status: &'static str, text: impl Into<Cow<'static, str>>) -> Self {
        let mut text = text.into();
        if text.len() > TEXT_MAX || text.bytes().any(|byte| !(b' '..=b'~').contains(&byte)) {
            let clean = |c: char| if matches!(c, ' '..='~') { c } else { '?' };
            text = text
                .chars()
                .take(TEXT_MAX)
                .map(clean)
                .collect::<String>()
                .into();
        }
        Reply { code, status, text }
    }

    /// The three digits.
    pub fn code(&self) -> u16 {
        self.code
    }

    /// The enhanced status code; empty for the few replies that have none.
    pub fn status(&self) -> &'static str {
        self.status
    }

    /// The text behind both.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Transient or permanent.
    pub fn is_error(&self) -> bool {
        self.code >= 400
    }

    /// Appends the reply, line end included.
    pub(super) fn write_to(&self, out: &mut Vec<u8>) {
        let Reply { code, status, text } = self;
        let blank = if status.is_empty() { "" } else { " " };
        // Writing to memory cannot fail.
        let _ = write!(out, "{code} {status}{blank}{text}\r\n");
    }
}

/// What a route may answer to a recipient.
impl Reply {
    /// Recipient of no route.
    pub fn unknown_recipient() -> Self {
        Reply::new(550, "5.1.1", "no such recipient here")
    }

    /// Envelope sender that the route does not list; only where the operator wants refusals.
    pub fn sender_refused() -> Self {
        Reply::new(550, "5.7.1", "sender not accepted for this recipient")
    }
}

/// The life of a connection.
impl Reply {
    pub(super) fn greeting(hostname: &str) -> Self {
        Reply::new(220, "", format!("{hostname} ESMTP"))
    }

    pub(super) fn not_a_relay() -> Self {
        Reply::new(
            554,
            "5.7.1",
            "not for you: this server takes mail from its own relays only",
        )
    }

    pub(super) fn too_many_connections() -> Self {
        Reply::new(421, "4.3.2", "too many connections, try again")
    }

    pub(super) fn made_room() -> Self {
        Reply::new(421, "4.3.2", "idle too long while others wait, closing")
    }

    pub(super) fn shutting_down() -> Self {
        Reply::new(421, "4.3.2", "shutting down")
    }

    pub(super) fn idle_too_long() -> Self {
        Reply::new(421, "4.4.2", "timeout, closing")
    }

    pub(super) fn session_too_long() -> Self {
        Reply::new(421, "4.4.2", "session took too long, closing")
    }

    pub(super) fn too_many_commands() -> Self {
        Reply::new(421, "4.7.0", "too many commands, closing")
    }

    pub(super) fn too_many_errors() -> Self {
        Reply::new(421, "4.7.0", "too many errors, closing")
    }

    pub(super) fn not_http() -> Self {
        Reply::new(421, "4.7.0", "this is no web server, closing")
    }

    pub(super) fn goodbye() -> Self {
        Reply::new(221, "2.0.0", "goodbye")
    }
}

/// Commands.
impl Reply {
    pub(super) fn helo(hostname: &str) -> Self {
        Reply::new(250, "", hostname.to_owned())
    }

    /// The lines that answer EHLO: our name, then a keyword each.
    pub(super) fn ehlo(hostname: &str, keywords: &[&str]) -> Vec<u8> {
        let name = Reply::helo(hostname);
        let mut lines = std::iter::once(name.text())
            .chain(keywords.iter().copied())
            .peekable();
        let mut out = Vec::new();
        while let Some(line) = lines.next() {
            let mark = if lines.peek().is_some() { '-' } else { ' ' };
            let _ = write!(out, "{}{mark}{line}\r\n", name.code);
        }
        out
    }

    pub(super) fn ok() -> Self {
        Reply::new(250, "2.0.0", "ok")
    }

    pub(super) fn sender_ok() -> Self {
        Reply::new(250, "2.1.0", "sender ok")
    }

    pub(super) fn recipient_ok() -> Self {
        Reply::new(250, "2.1.5", "recipient ok")
    }

    pub(super) fn send_data() -> Self {
        Reply::new(354, "", "send the mail, end with <CRLF>.<CRLF>")
    }

    pub(super) fn cannot_verify() -> Self {
        Reply::new(252, "2.0.0", "cannot verify, send the mail")
    }

    pub(super) fn unknown_command() -> Self {
        Reply::new(500, "5.5.2", "command not recognised")
    }

    pub(super) fn bare_in_command(what: &'static str) -> Self {
        Reply::new(500, "5.5.2", format!("bare {what} in command, closing"))
    }

    pub(super) fn line_too_long() -> Self {
        Reply::new(500, "5.5.6", "line too long")
    }

    pub(super) fn bad_argument() -> Self {
        Reply::new(501, "5.5.4", "syntax error in arguments")
    }

    pub(super) fn not_offered() -> Self {
        Reply::new(502, "5.5.1", "command not offered")
    }

    pub(super) fn out_of_order() -> Self {
        Reply::new(503, "5.5.1", "bad sequence of commands")
    }

    pub(super) fn xforward_not_permitted() -> Self {
        Reply::new(550, "5.7.1", "XFORWARD not permitted")
    }

    /// Transient: after a permanent reply the relay would give the mail up.
    pub(super) fn xforward_required() -> Self {
        Reply::new(451, "4.7.1", "XFORWARD required")
    }
}

/// Envelope addresses and parameters.
impl Reply {
    pub(super) fn bad_sender() -> Self {
        Reply::new(501, "5.1.7", "syntax error in sender address")
    }

    pub(super) fn bad_recipient() -> Self {
        Reply::new(501, "5.1.3", "syntax error in recipient address")
    }

    pub(super) fn unusual_sender() -> Self {
        Reply::new(553, "5.1.7", "quoted sender address not supported")
    }

    pub(super) fn unusual_recipient() -> Self {
        Reply::new(553, "5.1.3", "quoted recipient address not supported")
    }

    pub(super) fn needs_smtputf8() -> Self {
        Reply::new(553, "5.6.7", "non-ASCII address without SMTPUTF8")
    }

    pub(super) fn unknown_parameter() -> Self {
        Reply::new(555, "5.5.4", "parameter not supported")
    }

    pub(super) fn too_many_recipients() -> Self {
        Reply::new(452, "4.5.3", "too many recipients")
    }
}

/// The end of DATA.
impl Reply {
    pub(super) fn kept(id: InboundId) -> Self {
        Reply::new(250, "2.0.0", format!("kept as {id}"))
    }

    pub(super) fn no_room() -> Self {
        Reply::new(452, "4.3.1", "no room, try again")
    }

    pub(super) fn not_stored() -> Self {
        Reply::new(451, "4.3.0", "not stored, try again")
    }

    pub(super) fn internal_error() -> Self {
        Reply::new(451, "4.3.0", "internal error, try again")
    }

    pub(super) fn too_big() -> Self {
        Reply::new(552, "5.3.4", "message too big")
    }

    pub(super) fn bare_in_message(what: &'static str) -> Self {
        Reply::new(550, "5.5.2", format!("bare {what} in message, closing"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(reply: &Reply) -> String {
        let mut out = Vec::new();
        reply.write_to(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_reply_is_one_line_whatever_its_text_says() {
        let sly = Reply::greeting("a\r\n250 b\0c\u{7f}d\u{e4}");
        assert_eq!(line(&sly), "220 a??250 b?c?d? ESMTP\r\n");
    }

    #[test]
    fn a_reply_stays_within_the_length_of_rfc_5321() {
        assert!(line(&Reply::greeting(&"x".repeat(5000))).len() <= 512);
    }

    #[test]
    fn the_number_of_a_kept_message_stands_behind_its_status() {
        assert_eq!(
            line(&Reply::kept(InboundId(1042))),
            "250 2.0.0 kept as 1042\r\n"
        );
    }

    #[test]
    fn where_no_status_belongs_there_is_none() {
        assert_eq!(
            line(&Reply::helo("mx.example.net")),
            "250 mx.example.net\r\n"
        );
        assert!(line(&Reply::send_data()).starts_with("354 send"));
    }
}
