//! The envelope sender of a notice: unique, and signed, so that a report about it names the notice and
//! nobody can make one up (variable envelope return paths).
//!
//! Local part `bounce+N310.k2f7q3vxa5bt6dwm`: the notice's number, then the first 80 bits of
//! HMAC-SHA256 over it in base32 (RFC 4648, lower case). Mail servers may fold case, so upper and
//! lower case are the same; at most 43 octets of the 64 that RFC 5321 allows.

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::model::{BounceKey, NoticeId};

/// What every such local part begins with.
const PREFIX: &str = "bounce+n";

/// Separates this use of the key from any other.
const PURPOSE: &[u8] = b"stichtag bounce address 1\0";

/// Bytes of the MAC that are kept: whoever guesses has one try per mail.
const MAC_BYTES: usize = 10;

/// Base32 letters of them.
const SIGNATURE_LETTERS: usize = MAC_BYTES * 8 / 5;

/// Most digits of a notice's number.
const DIGITS_MAX: usize = 19;

const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// The local part for a notice.
pub fn sign(key: &BounceKey, id: NoticeId) -> String {
    let mac = mac(key, id).finalize().into_bytes();
    let signature = base32(&mac[..MAC_BYTES]);
    format!("bounce+N{}.{signature}", id.0)
}

/// The notice that a local part names, if its signature holds. Takes as long for a wrong signature
/// as for a right one.
///
/// Quotes around it are passed over, and what relays put in front of it with a `=` (BATV's
/// `prvs=TAG=`, SRS's `SRS0=HASH=TT=DOMAIN=`): the signature speaks for itself.
pub fn verify(key: &BounceKey, local_part: &str) -> Option<NoticeId> {
    let (id, signature) = split(local_part)?;
    mac(key, id).verify_truncated_left(&signature).ok()?;
    Some(id)
}

fn mac(key: &BounceKey, id: NoticeId) -> Hmac<Sha256> {
    // HMAC takes keys of any length, so this cannot fail; were it to, nothing would verify.
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(key.bytes())
        .unwrap_or_else(|_| unreachable!("HMAC takes keys of any length"));
    mac.update(PURPOSE);
    mac.update(id.0.to_string().as_bytes());
    mac
}

/// Number and signature, as they are written; nothing is verified yet.
fn split(local_part: &str) -> Option<(NoticeId, [u8; MAC_BYTES])> {
    let text = local_part.trim();
    let text = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .unwrap_or(text);
    let text = text.rsplit('=').next()?.to_ascii_lowercase();
    let (number, signature) = text.strip_prefix(PREFIX)?.split_once('.')?;
    let is_plain = (1..=DIGITS_MAX).contains(&number.len())
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && !number.starts_with('0');
    let id = NoticeId(number.parse().ok().filter(|_| is_plain)?);
    Some((id, unbase32(signature)?))
}

fn base32(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(5) * 8);
    for group in bytes.chunks(5) {
        let bits = group
            .iter()
            .fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        for place in (0..group.len() * 8 / 5).rev() {
            let index = (bits >> (place * 5)) & 31;
            text.push(char::from(ALPHABET[index as usize]));
        }
    }
    text
}

fn unbase32(text: &str) -> Option<[u8; MAC_BYTES]> {
    if text.len() != SIGNATURE_LETTERS {
        return None;
    }
    let mut bytes = [0; MAC_BYTES];
    for (group, into) in text.as_bytes().chunks(8).zip(bytes.chunks_mut(5)) {
        let mut bits = 0_u64;
        for letter in group {
            let value = match letter {
                b'a'..=b'z' => letter - b'a',
                b'2'..=b'7' => letter - b'2' + 26,
                _ => return None,
            };
            bits = bits << 5 | u64::from(value);
        }
        into.copy_from_slice(&bits.to_be_bytes()[3..]);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> BounceKey {
        BounceKey::new([byte; 32])
    }

    #[test]
    fn what_is_signed_is_verified_whatever_a_mail_server_does_to_it() {
        for number in [1, 9, 310, 4_711, 123_456_789, i64::MAX] {
            let id = NoticeId(number);
            let local = sign(&key(1), id);
            assert!(local.len() <= 64, "{local}");
            assert!(local.starts_with(&format!("bounce+N{number}.")), "{local}");
            for form in [
                local.clone(),
                local.to_ascii_lowercase(),
                local.to_ascii_uppercase(),
                format!("\"{local}\""),
                format!("prvs=1234abcdef={local}"),
                format!("SRS0=x1Y2=TT=bounce.example.net={local}"),
                format!(" {local} "),
            ] {
                assert_eq!(verify(&key(1), &form), Some(id), "{form}");
            }
        }
    }

    #[test]
    fn nothing_else_is() {
        let good = sign(&key(1), NoticeId(310));
        let (head, signature) = good.split_once('.').unwrap();
        let mut wrong: Vec<String> = [
            String::new(),
            "bounce+N310".to_owned(),
            "bounce+N310.".to_owned(),
            "bounce".to_owned(),
            "postmaster".to_owned(),
            head.to_owned(),
            signature.to_owned(),
            format!("bounce+N311.{signature}"),
            format!("bounce+N0310.{signature}"),
            format!("bounce+N-310.{signature}"),
            format!("bounce+N+310.{signature}"),
            format!("bounce+N310.{}", &signature[1..]),
            format!("{good}a"),
            format!("{good}=x"),
            format!("bounce+N99999999999999999999.{signature}"),
            format!("bounce+N310.{}", "\u{e4}".repeat(8)),
            "=".repeat(10_000),
        ]
        .into();
        // Every letter counts.
        for place in 0..signature.len() {
            let mut changed = signature.as_bytes().to_vec();
            changed[place] = if changed[place] == b'a' { b'b' } else { b'a' };
            wrong.push(format!("{head}.{}", String::from_utf8(changed).unwrap()));
        }
        for text in wrong {
            assert_eq!(verify(&key(1), &text), None, "{text}");
        }
        assert_eq!(verify(&key(2), &good), None, "another key");
    }

    #[test]
    fn the_letters_are_those_of_rfc_4648() {
        assert_eq!(base32(b"foobarbaz1"), "mzxw6ytbojrgc6rr");
        assert_eq!(unbase32("mzxw6ytbojrgc6rr").unwrap(), *b"foobarbaz1");
    }
}
