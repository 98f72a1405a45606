//! Who brought the mail to our own Postfix, in Postfix's own words.

use std::net::IpAddr;

use super::domain_of;
use crate::model::{Client, Envelope};

/// The client: by XFORWARD, else by the topmost `Received` if `edge` wrote it. What stands below was
/// there before our Postfix took the mail, so anybody can have written it.
pub fn client(envelope: &Envelope, headers: &[(&[u8], &[u8])], edge: &str) -> Option<Client> {
    if let Some(address) = envelope.client_address {
        return Some(Client {
            address: address.to_canonical(),
            helo: envelope.client_helo.clone(),
        });
    }
    let (_, value) = headers
        .iter()
        .find(|(name, _)| name.trim_ascii().eq_ignore_ascii_case(b"Received"))?;
    let text = std::str::from_utf8(value).ok()?;
    received(&text.replace("\r\n", "\n").replace('\n', ""), edge)
}

/// The envelope sender, or what the final delivery wrote down of it for a mail read from a file.
pub fn sender(envelope: &Envelope, headers: &[(&[u8], &[u8])]) -> Option<String> {
    if let Some(sender) = &envelope.mail_from {
        return Some(sender.clone());
    }
    let (_, value) = headers
        .iter()
        .find(|(name, _)| name.trim_ascii().eq_ignore_ascii_case(b"Return-Path"))?;
    let path = std::str::from_utf8(value).ok()?.trim();
    let path = path.strip_prefix('<')?.strip_suffix('>')?;
    (path.is_empty() || domain_of(path).is_some()).then(|| path.to_owned())
}

/// Postfix's `from HELO (NAME [ADDRESS]) (comments) by EDGE (Postfix) with …`, unfolded.
fn received(text: &str, edge: &str) -> Option<Client> {
    let rest = text.trim_start().strip_prefix("from ")?;
    let (helo, rest) = rest.split_once(' ')?;
    let (name, rest) = rest.strip_prefix('(')?.split_once(" [")?;
    let (address, rest) = rest.split_once("])")?;
    let is_word = |word: &str| {
        !word.is_empty()
            && word
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && !b"()\\\"".contains(&byte))
    };
    if !is_word(helo) || !is_word(name) {
        return None;
    }
    let address = match address.strip_prefix("IPv6:") {
        Some(address) => IpAddr::V6(address.parse().ok()?),
        None => IpAddr::V4(address.parse().ok()?),
    };
    // How the session was encrypted, who logged in.
    let mut rest = rest.trim_start();
    while rest.starts_with('(') {
        rest = comment(rest)?.trim_start();
    }
    let (host, rest) = rest.strip_prefix("by ")?.split_once(' ')?;
    let is_ours = !edge.is_empty() && host.eq_ignore_ascii_case(edge);
    let is_postfix = rest.trim_start().starts_with("(Postfix) with ");
    (is_ours && is_postfix).then(|| Client {
        address: address.to_canonical(),
        helo: Some(helo.to_owned()),
    })
}

/// What follows the comment that `text` begins with; comments nest.
fn comment(text: &str) -> Option<&str> {
    let mut depth = 0_u32;
    let mut is_quoted = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if std::mem::take(&mut is_quoted) => {}
            '\\' => is_quoted = true,
            '(' => depth += 1,
            ')' => {
                depth -= 1;
                if depth == 0 {
                    return text.get(at + 1..);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const EDGE: &str = "mx.registrar.example";

    fn read(text: &str) -> Option<(String, String)> {
        let client = received(text, EDGE)?;
        Some((client.address.to_string(), client.helo?))
    }

    #[test]
    fn what_postfix_writes_is_read() {
        for (text, address, helo) in [
            (
                " from smtp.denic.de (smtp.denic.de [81.91.161.30]) by mx.registrar.example (Postfix) with ESMTPS id 4A for <r@registrar.example>; Mon, 4 May 2026 09:12:31 +0200 (CEST)",
                "81.91.161.30",
                "smtp.denic.de",
            ),
            (
                " from smtp.denic.de (unknown [IPv6:2a02:568:201:302::30])\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)\t key-exchange ECDHE (P-256) server-signature RSA-PSS (2048 bits) server-digest SHA256)\t(No client certificate requested)\tby MX.registrar.example (Postfix) with ESMTPS id 4A; Mon, 4 May 2026 09:12:31 +0200",
                "2a02:568:201:302::30",
                "smtp.denic.de",
            ),
            (
                " from [192.0.2.1] (unknown [192.0.2.1]) by mx.registrar.example (Postfix) with SMTP id 4A; x",
                "192.0.2.1",
                "[192.0.2.1]",
            ),
        ] {
            assert_eq!(
                read(text),
                Some((address.to_owned(), helo.to_owned())),
                "{text}"
            );
        }
    }

    #[test]
    fn what_postfix_does_not_write_is_not_believed() {
        for text in [
            " from a (a [192.0.2.1]) by other.example (Postfix) with SMTP id 4A; x",
            " from a (a [192.0.2.1]) by mx.registrar.example.evil.example (Postfix) with SMTP id 4A; x",
            " from a (a [192.0.2.1]) by mx.registrar.example with SMTP id 4A; x",
            " from a (a [192.0.2.1]) (by mx.registrar.example (Postfix) with SMTP",
            " from a (b [192.0.2.1]) (by mx.registrar.example (Postfix) with SMTP) by x (Postfix) with SMTP",
            " from a (a [192.0.2.1] [192.0.2.2]) by mx.registrar.example (Postfix) with SMTP id 4A; x",
            " from a b (a [192.0.2.1]) by mx.registrar.example (Postfix) with SMTP id 4A; x",
            " from a (a [2a02:568::1]) by mx.registrar.example (Postfix) with SMTP id 4A; x",
            " from a (a [IPv6:192.0.2.1]) by mx.registrar.example (Postfix) with SMTP id 4A; x",
            " from a (a [192.0.2.300]) by mx.registrar.example (Postfix) with SMTP id 4A; x",
            " from a (a 192.0.2.1) by mx.registrar.example (Postfix) with SMTP id 4A; x",
            " by mx.registrar.example (Postfix, from userid 0) id 4A; x",
            "",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(
            received(" from a (a [192.0.2.1]) by  (Postfix) with SMTP", ""),
            None
        );
    }
}
