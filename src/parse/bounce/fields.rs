//! The part of a report that programs read: `message/delivery-status` (RFC 3464) and
//! `message/global-delivery-status` (RFC 6533), and what mail systems make of them.

use super::address;
use super::words::{category, line};
use crate::model::{BounceRecipient, DeliveryAction, MailStatus};

/// Most recipients of one report that are read.
pub(super) const RECIPIENTS_MAX: usize = 100;
/// Most fields of it.
const FIELDS_MAX: usize = 2_000;

/// What the part says.
#[derive(Default)]
pub(super) struct Status {
    pub reporting_mta: Option<String>,
    pub envelope_id: Option<String>,
    pub recipients: Vec<BounceRecipient>,
}

/// Do these lines seem to be such a part, whatever its type says?
pub(super) fn looks_like_status(text: &str) -> bool {
    let mut names = text.lines().filter_map(|line| line.split_once(':'));
    names.any(|(name, _)| name.trim().eq_ignore_ascii_case("final-recipient"))
}

/// Reads the fields. Groups are told apart by blank lines and by fields that stand there once: some
/// systems leave the blank lines out, others put more in.
pub(super) fn read(text: &str) -> Status {
    let mut status = Status::default();
    let mut one: Option<Fields> = None;
    let mut is_new_group = false;
    for field in fields(text).into_iter().take(FIELDS_MAX) {
        let Some((name, value)) = field else {
            is_new_group = true;
            continue;
        };
        match name.as_str() {
            "reporting-mta" => {
                status.reporting_mta.get_or_insert(after_type(&value));
            }
            "original-envelope-id" => {
                status.envelope_id.get_or_insert(unxtext(&value));
            }
            _ => {
                let is_recipient = ["final-recipient", "original-recipient"].contains(&&*name);
                let begins = one.as_ref().is_none_or(|one| {
                    one.has(&name) || is_recipient && is_new_group && one.has_recipient()
                });
                let is_ours = is_recipient || ["action", "status"].contains(&&*name);
                if is_ours && begins {
                    status
                        .recipients
                        .extend(one.take().and_then(Fields::finish));
                    one = Some(Fields::default());
                }
                if let Some(one) = &mut one {
                    one.put(&name, value);
                }
            }
        }
        is_new_group = false;
        if status.recipients.len() >= RECIPIENTS_MAX {
            return status;
        }
    }
    status.recipients.extend(one.and_then(Fields::finish));
    status
}

/// Name (lower case) and value of each field; `None` for a blank line between groups.
fn fields(text: &str) -> Vec<Option<(String, String)>> {
    let mut found: Vec<Option<(String, String)>> = Vec::new();
    for line in text.lines() {
        let is_folded = line.starts_with([' ', '\t']);
        if line.trim().is_empty() {
            found.push(None);
        } else if let (true, Some(Some((_, value)))) = (is_folded, found.last_mut()) {
            value.push(' ');
            value.push_str(line.trim());
        } else if let Some((name, value)) = line.trim_start().split_once(':') {
            let name = name.trim().to_ascii_lowercase();
            found.push(Some((name, value.trim().to_owned())));
        } else if let Some(Some((_, value))) = found.last_mut() {
            // A line that lost its indent on the way.
            value.push(' ');
            value.push_str(line.trim());
        }
    }
    found
}

/// The fields of one recipient.
#[derive(Default)]
struct Fields {
    final_recipient: Option<String>,
    original_recipient: Option<String>,
    action: Option<String>,
    status: Option<String>,
    diagnostic: Option<String>,
    remote_mta: Option<String>,
}

impl Fields {
    fn has_recipient(&self) -> bool {
        self.final_recipient.is_some() || self.original_recipient.is_some()
    }

    fn place(&mut self, name: &str) -> Option<&mut Option<String>> {
        Some(match name {
            "final-recipient" => &mut self.final_recipient,
            "original-recipient" => &mut self.original_recipient,
            "action" => &mut self.action,
            "status" => &mut self.status,
            "diagnostic-code" => &mut self.diagnostic,
            "remote-mta" => &mut self.remote_mta,
            _ => return None,
        })
    }

    fn has(&self, name: &str) -> bool {
        match name {
            "final-recipient" => self.final_recipient.is_some(),
            "original-recipient" => self.original_recipient.is_some(),
            "action" => self.action.is_some(),
            "status" => self.status.is_some(),
            _ => false,
        }
    }

    fn put(&mut self, name: &str, value: String) {
        if let Some(place) = self.place(name) {
            place.get_or_insert(value);
        }
    }

    /// A group without any address and without an action says nothing about anybody.
    fn finish(self) -> Option<BounceRecipient> {
        if !self.has_recipient() && self.action.is_none() {
            return None;
        }
        let status: Option<MailStatus> = self.status.as_deref().and_then(|value| {
            value
                .split([' ', '\t', '(', ';', ','])
                .find_map(|word| word.parse().ok())
        });
        let diagnostic = self
            .diagnostic
            .as_deref()
            .map(after_type)
            .map(|text| line(&text));
        let said = diagnostic.as_deref().and_then(super::words::status);
        let action = action(self.action.as_deref(), status.or(said));
        // "5.0.0" says less than what the other side said.
        let status = match (status, said) {
            (Some(own), Some(said)) if own.subject == 0 && said.class == own.class => Some(said),
            (own, said) => own.or(said),
        };
        let beside = self.status.as_deref().unwrap_or_default();
        let text = format!("{beside} {}", diagnostic.as_deref().unwrap_or_default());
        Some(BounceRecipient {
            final_recipient: self.final_recipient.as_deref().and_then(recipient),
            original_recipient: self.original_recipient.as_deref().and_then(recipient),
            action,
            status,
            category: category(status, &text),
            diagnostic: diagnostic
                .filter(|text| !text.is_empty())
                .or_else(|| comment(beside)),
            remote_mta: self.remote_mta.as_deref().map(after_type),
        })
    }
}

/// The words in brackets behind a status.
fn comment(value: &str) -> Option<String> {
    let begin = value.find('(')? + 1;
    let end = value.rfind(')').filter(|end| *end > begin)?;
    Some(line(&value[begin..end]))
}

/// `Action`, or what the status makes of it where the word is missing or unknown.
fn action(word: Option<&str>, status: Option<MailStatus>) -> DeliveryAction {
    let word = word.unwrap_or_default().trim().to_ascii_lowercase();
    let begins = |starts: &[&str]| starts.iter().any(|start| word.starts_with(start));
    if begins(&[
        "fail",
        "error",
        "expired",
        "undeliver",
        "not deliver",
        "non-deliver",
    ]) {
        return DeliveryAction::Failed;
    }
    if begins(&["delay", "defer", "warn"]) {
        return DeliveryAction::Delayed;
    }
    for (start, action) in [
        ("deliver", DeliveryAction::Delivered),
        ("relay", DeliveryAction::Relayed),
        ("expand", DeliveryAction::Expanded),
    ] {
        if begins(&[start]) {
            return action;
        }
    }
    match status.map(|status| status.class) {
        Some(4) => DeliveryAction::Delayed,
        Some(2) => DeliveryAction::Delivered,
        _ => DeliveryAction::Failed,
    }
}

/// What stands behind `rfc822;`, `dns;`, `smtp;` and the like.
fn after_type(value: &str) -> String {
    let is_type = |kind: &str| {
        let kind = kind.trim();
        !kind.is_empty()
            && kind.len() <= 32
            && kind
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    match value.split_once(';') {
        Some((kind, rest)) if is_type(kind) => line(rest),
        _ => line(value),
    }
}

/// The address of a recipient field: a mail address where there is one, else the words as they stand.
fn recipient(value: &str) -> Option<String> {
    let (kind, _) = value.split_once(';').unwrap_or_default();
    let is_utf8 = kind.trim().eq_ignore_ascii_case("utf-8");
    let text = after_type(value);
    let text = match is_utf8 {
        true => unescape(&text),
        false => text,
    };
    let text = text.trim().trim_matches(['<', '>', '"']).trim();
    let text = unxtext(text);
    let text = address::first(&text).unwrap_or_else(|| line(&text));
    (!text.is_empty()).then_some(text)
}

/// `+2B` of xtext (RFC 3461, section 4). What is no xtext, or would come out as a blank or a control
/// character, is left as it is.
fn unxtext(text: &str) -> String {
    let mut plain = Vec::with_capacity(text.len());
    let mut bytes = text.as_bytes().iter();
    while let Some(&byte) = bytes.next() {
        let digits = bytes.as_slice().get(..2).filter(|_| byte == b'+');
        let is_hex = |byte: &u8| byte.is_ascii_digit() || (b'A'..=b'F').contains(byte);
        let value = digits
            .filter(|digits| digits.iter().all(is_hex))
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok())
            .filter(|value| value.is_ascii_graphic());
        match value {
            Some(value) => {
                plain.push(value);
                bytes.nth(1);
            }
            None => plain.push(byte),
        }
    }
    String::from_utf8(plain).unwrap_or_else(|_| text.to_owned())
}

/// `\x{FC}` of a UTF-8 address (RFC 6533, section 3).
fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("\\x{") {
        plain.push_str(&rest[..at]);
        let tail = &rest[at + 3..];
        let letter = tail.find('}').and_then(|end| {
            let digits = tail.get(..end).filter(|digits| digits.len() <= 6)?;
            let letter = char::from_u32(u32::from_str_radix(digits, 16).ok()?)?;
            (!letter.is_control()).then_some((letter, end))
        });
        match letter {
            Some((letter, end)) => {
                plain.push(letter);
                rest = &tail[end + 1..];
            }
            None => {
                plain.push_str("\\x{");
                rest = tail;
            }
        }
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> BounceRecipient {
        let mut read = read(text).recipients;
        assert_eq!(read.len(), 1, "{text}");
        read.remove(0)
    }

    #[test]
    fn addresses_are_read_in_every_form() {
        for (field, address) in [
            ("rfc822; max@example.net", "max@example.net"),
            ("RFC822;max@example.net", "max@example.net"),
            ("rfc822; <max@example.net>", "max@example.net"),
            ("<max@example.net>", "max@example.net"),
            ("max@example.net", "max@example.net"),
            ("rfc822; max+2Bnews@example.net", "max+news@example.net"),
            ("rfc822; max+news@example.net", "max+news@example.net"),
            ("rfc822; max+20x@example.net", "max+20x@example.net"),
            ("utf-8; j\\x{FC}rgen@example.net", "jürgen@example.net"),
            ("utf-8; jürgen@dänic.de", "jürgen@dänic.de"),
            ("unknown; nair_s", "nair_s"),
            ("x400; /S=max/O=example/C=de/", "/S=max/O=example/C=de/"),
            ("LOCAL; max", "max"),
        ] {
            let read = one(&format!("Final-Recipient: {field}\nAction: failed\n"));
            assert_eq!(read.final_recipient.as_deref(), Some(address), "{field}");
        }
    }

    #[test]
    fn groups_are_told_apart_with_and_without_blank_lines() {
        let joined = "Reporting-MTA: dns; mx.example.net\nFinal-Recipient: rfc822; a@example.net\n\
            Action: failed\nStatus: 5.1.1\nFinal-Recipient: rfc822; b@example.net\nAction: delayed\n";
        let torn = "Reporting-MTA: dns; mx.example.net\n\n\nOriginal-Recipient: rfc822; a@example.net\n\
            Final-Recipient: rfc822; a@example.net\n\nAction: failed\n\nStatus: 5.1.1\n\n\
            Original-Recipient: rfc822; b@example.net\nFinal-Recipient: rfc822; b@example.net\n\
            Action: delayed\n";
        for text in [joined, torn] {
            let read = read(text);
            assert_eq!(read.reporting_mta.as_deref(), Some("mx.example.net"));
            let got: Vec<_> = read
                .recipients
                .iter()
                .map(|one| (one.address().unwrap(), one.action))
                .collect();
            let want = [
                ("a@example.net", DeliveryAction::Failed),
                ("b@example.net", DeliveryAction::Delayed),
            ];
            assert_eq!(got, want, "{text}");
        }
    }

    #[test]
    fn an_action_that_is_missing_is_seen_from_the_status() {
        for (fields, action) in [
            ("Status: 5.1.1", DeliveryAction::Failed),
            ("Status: 4.4.1", DeliveryAction::Delayed),
            ("Status: 2.0.0", DeliveryAction::Delivered),
            ("Action: error", DeliveryAction::Failed),
            ("Action: FAILED (user unknown)", DeliveryAction::Failed),
            ("Action: expired\nStatus: 4.4.7", DeliveryAction::Failed),
            ("Action: failed\nStatus: 4.0.0", DeliveryAction::Failed),
            ("Diagnostic-Code: smtp; 550 no", DeliveryAction::Failed),
        ] {
            let read = one(&format!(
                "Final-Recipient: rfc822; a@example.net\n{fields}\n"
            ));
            assert_eq!(read.action, action, "{fields}");
        }
    }

    #[test]
    fn a_folded_diagnostic_is_one_line() {
        let read = one(
            "Final-Recipient: rfc822; a@example.net\nAction: failed\nStatus: 5.0.0 (permanent)\n\
             Diagnostic-Code: smtp; 550 5.1.1\n\t<a@example.net>:\n   no such user\n",
        );
        assert_eq!(
            read.diagnostic.as_deref(),
            Some("550 5.1.1 <a@example.net>: no such user")
        );
        assert_eq!(read.status.unwrap().to_string(), "5.1.1");
    }
}
