//! Recognising the same mail again.

use sha2::{Digest, Sha256};

use crate::model::hex;

/// Header fields that every hop adds or rewrites; two copies of a mail differ in them
/// (`reliability.md`, section 6).
const TRACE_FIELDS: [&str; 10] = [
    "received",
    "return-path",
    "delivered-to",
    "x-original-to",
    "authentication-results",
    "received-spf",
    "arc-seal",
    "arc-message-signature",
    "arc-authentication-results",
    "x-spam-status",
];

/// Digest of a message without its trace fields, in hexadecimal digits. Line ends count as LF, so
/// that a copy from a mailbox file equals the one from the wire.
pub fn content_digest(raw: &[u8]) -> String {
    let mut digest = Sha256::new();
    let mut is_header = true;
    let mut is_trace = false;
    for line in raw.split_inclusive(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if is_header {
            is_header = !line.is_empty();
            let is_folded = line
                .first()
                .is_some_and(|byte| matches!(byte, b' ' | b'\t'));
            if !is_folded {
                let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
                is_trace = TRACE_FIELDS
                    .iter()
                    .any(|trace| name.trim_ascii_end().eq_ignore_ascii_case(trace.as_bytes()));
            }
            if is_trace && is_header {
                continue;
            }
        }
        digest.update(line);
        digest.update(b"\n");
    }
    hex(&digest.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trace_fields_and_line_ends_do_not_make_another_mail() {
        let once = b"Received: from a\r\n\tby b\r\nFrom: x@example.net\r\n\r\nHi\r\n";
        let again = b"Return-Path: <x@example.net>\nReceived: from c\nReceived: from a\n\tby b\nFrom: x@example.net\n\nHi\n";
        assert_eq!(content_digest(once), content_digest(again));
    }

    #[test]
    fn a_changed_body_or_field_makes_another_mail() {
        let once = b"From: x@example.net\r\n\r\nReceived: hi\r\n";
        assert_ne!(
            content_digest(once),
            content_digest(b"From: x@example.net\r\n\r\nReceived: ho\r\n")
        );
        assert_ne!(
            content_digest(once),
            content_digest(b"From: y@example.net\r\n\r\nReceived: hi\r\n")
        );
    }
}
