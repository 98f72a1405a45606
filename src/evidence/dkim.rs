//! DKIM (RFC 6376): every signature of a mail, checked against the key that DNS holds.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::join_all;
use jiff::Timestamp;
use mail_auth::common::crypto::{CryptoError, HashAlgorithm};
use mail_auth::common::headers::Header;
use mail_auth::common::verify::VerifySignature;
use mail_auth::dkim::{DkimError, Signature};
use mail_auth::{AuthenticatedMessage, DkimOutput, DkimResult, Error, Parameters, Txt};

use super::Asks;
use super::dns::{NoAnswer, Table, absent, typed};
use crate::model::{DkimSignature, Finding};

/// Signatures looked at; a mail that its author, a list and a filter have signed has three.
pub const SIGNATURES_MAX: usize = 20;

/// A signature is some hundred bytes; each name in `h=` is looked for in the whole header.
const SIGNATURE_BYTES_MAX: usize = 8_192;

/// Takes out of the signatures what would have the library ask its own clock, or DNS more than needed;
/// expiry is judged by the time of receipt. Returns those that it could not read.
pub fn disarm<'x>(message: &mut AuthenticatedMessage<'x>) -> Vec<Header<'x, Error>> {
    message.dkim_headers.truncate(SIGNATURES_MAX);
    for signature in &mut message.dkim_headers {
        let signature = &mut signature.header;
        signature.x = 0;
        signature.r = false;
        signature.atps = None;
    }
    for signature in &mut message.ams_headers {
        signature.header.x = 0;
    }
    let (arc, broken) = std::mem::take(&mut message.errors)
        .into_iter()
        .partition(|field| matches!(field.header, Error::Arc(_)));
    message.errors = arc;
    broken
}

/// Checks every signature of a disarmed message.
pub async fn check(
    asks: &Asks<'_>,
    message: &AuthenticatedMessage<'_>,
    broken: &[Header<'_, Error>],
) -> Vec<DkimSignature> {
    let is_signature = |name: &[u8]| name.trim_ascii().eq_ignore_ascii_case(b"DKIM-Signature");
    let mut fields = Vec::new();
    for (_, value) in message
        .headers
        .iter()
        .filter(|(name, _)| is_signature(name))
    {
        if fields.len() == SIGNATURES_MAX {
            break;
        }
        fields.push(Field::read(asks, message, broken, value));
    }
    let mut keys = BTreeMap::new();
    for field in &fields {
        if let Step::Ask(_, key) = &field.step {
            keys.insert(key.clone(), Key::default());
        }
    }
    let found = join_all(keys.keys().map(|name| asks.dns.txt(name, asks.now))).await;
    for ((name, key), found) in keys.iter_mut().zip(found) {
        *key = Key::read(name, found);
    }
    let table = keys
        .iter()
        .map(|(name, key)| (name.clone(), key.record.clone()));
    let table = Table::closed(table);
    let parameters = Parameters::new(message).with_txt_cache(&table);
    let outputs = asks.dns.authenticator().verify_dkim(parameters).await;
    fields
        .into_iter()
        .map(|field| field.settle(&keys, &outputs))
        .collect()
}

/// One field on its way to a finding.
struct Field {
    signature: DkimSignature,
    step: Step,
}

enum Step {
    /// It cannot hold, whatever DNS says.
    Fault(String),
    /// The library's output of that place decides, with the key of that name.
    Ask(usize, String),
}

impl Field {
    fn read(
        asks: &Asks<'_>,
        message: &AuthenticatedMessage<'_>,
        broken: &[Header<'_, Error>],
        value: &[u8],
    ) -> Self {
        let tags = tags(value);
        let tag = |name: &str| {
            let tags = tags.as_ref().ok()?;
            let found = tags.iter().find(|(known, _)| known == name)?;
            Some(found.1.as_str())
        };
        let seconds = |name: &str| tag(name).and_then(|text| text.parse().ok());
        let instant = |name| Timestamp::from_second(seconds(name)?).ok();
        let plain = |name| shorten(tag(name).unwrap_or_default());
        let signature = DkimSignature {
            domain: plain("d").to_ascii_lowercase(),
            selector: plain("s"),
            algorithm: plain("a").to_ascii_lowercase(),
            finding: Finding::Fail(String::new()),
            fields: tag("h")
                .unwrap_or_default()
                .split(':')
                .map(|name| shorten(name.trim()).to_ascii_lowercase())
                .collect(),
            has_length: tag("l").is_some(),
            key_bits: None,
            signed_at: instant("t"),
            expires_at: instant("x"),
        };
        let is_wrong = |name| tag(name).is_some() && instant(name).is_none();
        let is_here = |other: &[u8]| std::ptr::eq(other.as_ptr(), value.as_ptr());
        let place = message
            .dkim_headers
            .iter()
            .position(|known| is_here(known.value));
        let fault = if let Err(fault) = &tags {
            Some(fault.clone())
        } else if value.len() > SIGNATURE_BYTES_MAX {
            Some(format!("it is longer than {SIGNATURE_BYTES_MAX} bytes"))
        } else if tag("v") != Some("1") {
            Some("it is not of version 1".to_owned())
        } else if tag("l").is_some() {
            Some("it covers only the beginning of the body (l=)".to_owned())
        } else if !["b", "bh"].map(tag).into_iter().flatten().all(is_base64) {
            Some("b= or bh= is cut or damaged".to_owned())
        } else if is_wrong("t") || is_wrong("x") {
            Some("t= or x= is no time".to_owned())
        } else if signature.expires_at.is_some() && signature.expires_at <= signature.signed_at {
            Some("it expires before it was made".to_owned())
        } else {
            let known = broken.iter().find(|known| is_here(known.value));
            known.map(|known| words(&known.header))
        };
        let step = match (fault, place) {
            (Some(fault), _) => Step::Fault(fault),
            (None, None) => Step::Fault("it cannot be read".to_owned()),
            (None, Some(place)) => {
                let known = &message.dkim_headers[place].header;
                let key = known.domain_key().trim_end_matches('.').to_owned();
                if !has_body(message, known) {
                    Step::Fault(words(&Error::Dkim(DkimError::FailedBodyHashMatch)))
                } else if asks.dns.known(&key).is_none() && !asks.may_ask(&known.d) {
                    Step::Fault("its key was not asked for: no route knows its domain".to_owned())
                } else {
                    Step::Ask(place, key)
                }
            }
        };
        Field { signature, step }
    }

    fn settle(self, keys: &BTreeMap<String, Key>, outputs: &[DkimOutput<'_>]) -> DkimSignature {
        let mut signature = self.signature;
        let (place, name) = match self.step {
            Step::Fault(fault) => {
                signature.finding = Finding::Fail(fault);
                return signature;
            }
            Step::Ask(place, name) => (place, name),
        };
        let nothing = Key::default();
        let key = keys.get(&name).unwrap_or(&nothing);
        signature.key_bits = key.bits;
        signature.finding = match (&key.trouble, &key.fault, outputs.get(place)) {
            (Some(why), _, _) => Finding::Unknown(why.clone()),
            (None, Some(fault), _) => Finding::Fail(fault.clone()),
            (None, None, None) => Finding::Fail("it cannot be read".to_owned()),
            (None, None, Some(output)) => match output.result() {
                DkimResult::Pass => Finding::Pass,
                DkimResult::TempError(error) => Finding::Unknown(error.to_string()),
                DkimResult::Neutral(error)
                | DkimResult::Fail(error)
                | DkimResult::PermError(error) => Finding::Fail(words(error)),
                DkimResult::None => Finding::Fail("it was not checked".to_owned()),
            },
        };
        signature
    }
}

/// What DNS says of a key.
struct Key {
    record: Txt,
    bits: Option<u32>,
    trouble: Option<String>,
    fault: Option<String>,
}

impl Default for Key {
    fn default() -> Self {
        Key {
            record: absent(),
            bits: None,
            trouble: None,
            fault: None,
        }
    }
}

impl Key {
    fn read(name: &str, found: Result<Vec<Vec<u8>>, NoAnswer>) -> Self {
        let texts = match found {
            Ok(texts) => texts,
            Err(NoAnswer::Absent) => {
                return Key {
                    fault: Some(format!("there is no key record {name}")),
                    ..Key::default()
                };
            }
            Err(NoAnswer::Trouble(why) | NoAnswer::Silence(why)) => {
                return Key {
                    trouble: Some(format!("{name}: {why}")),
                    ..Key::default()
                };
            }
        };
        let record = typed(name, texts.iter().map(Vec::as_slice));
        let bits = match &record {
            // Keys of other kinds have one size, which the library gives as the largest number.
            Txt::DomainKey(key) => u32::try_from(key.p.public_key_bits()).ok(),
            _ => None,
        };
        Key {
            fault: texts.iter().find_map(|text| restriction(text)),
            record,
            bits,
            trouble: None,
        }
    }
}

/// What a key record says against using it here (RFC 6376, section 3.6.1).
fn restriction(record: &[u8]) -> Option<String> {
    let tags = tags(record).ok()?;
    let list = |name: &str| {
        let found = tags.iter().find(|(known, _)| known == name)?;
        let items = found.1.split(':');
        Some(
            items
                .map(|item| item.trim().to_ascii_lowercase())
                .collect::<Vec<_>>(),
        )
    };
    let has = |name, words: &[&str]| {
        list(name).is_none_or(|items| items.iter().any(|item| words.contains(&item.as_str())))
    };
    if list("t").is_some_and(|flags| flags.iter().any(|flag| flag == "y")) {
        Some("its key is on trial (t=y)".to_owned())
    } else if !has("s", &["*", "email"]) {
        Some("its key is not for mail (s=)".to_owned())
    } else if !has("h", &["sha256"]) {
        Some("its key is not for SHA-256 (h=)".to_owned())
    } else {
        None
    }
}

/// Is the body what the signature says?
fn has_body(message: &AuthenticatedMessage<'_>, signature: &Signature) -> bool {
    let hash = HashAlgorithm::from(signature.a);
    message.body_hashes.iter().any(|(form, by, length, body)| {
        (form, by, length) == (&signature.cb, &hash, &signature.l) && *body == signature.bh
    })
}

/// A tag list (RFC 6376, section 3.2): names with their values, blanks at their ends left out.
fn tags(text: &[u8]) -> Result<Vec<(String, String)>, String> {
    let text = std::str::from_utf8(text).map_err(|_| "it is not text".to_owned())?;
    let mut tags: Vec<(String, String)> = Vec::new();
    let mut items: Vec<&str> = text.split(';').collect();
    // The last semicolon may be there or not.
    if items.last().is_some_and(|last| last.trim().is_empty()) {
        items.pop();
    }
    for item in items {
        let (name, value) = item
            .split_once('=')
            .ok_or_else(|| format!("`{}` is no tag", shorten(item.trim())))?;
        let name = name.trim();
        if tags.iter().any(|(known, _)| known == name) {
            return Err(format!("{}= is there twice", shorten(name)));
        }
        tags.push((name.to_owned(), value.trim().to_owned()));
    }
    Ok(tags)
}

/// Is it base64 with all of its padding? The library takes it without.
fn is_base64(text: &str) -> bool {
    let text: String = text.split_ascii_whitespace().collect();
    STANDARD.decode(text).is_ok()
}

/// Why a signature does not hold, in our words.
fn words(error: &Error) -> String {
    let text = match error {
        Error::Dkim(DkimError::FailedBodyHashMatch) => "the body was changed since (bh=)",
        Error::Crypto(CryptoError::FailedVerification) => {
            "the header was changed since, or another key has signed"
        }
        Error::Dkim(DkimError::RevokedPublicKey) => "its key was revoked (p= is empty)",
        Error::Dkim(DkimError::FailedAuidMatch) => "i= is not within d=",
        Error::Dns(mail_auth::DnsError::InvalidRecordType) => "the record of its key is no key",
        Error::MissingParameters => "a tag is missing",
        other => return other.to_string(),
    };
    text.to_owned()
}

/// For sentences: no more than a line of it, nothing that moves a terminal.
fn shorten(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(255).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_list_is_read_strictly() {
        let read = |text: &str| tags(text.as_bytes());
        let found = read(" v=1; d=example.net;\r\n\th=From:To ; b= ab\r\n\t cd=;").unwrap();
        assert_eq!(found[1], ("d".to_owned(), "example.net".to_owned()));
        assert_eq!(found[3].1, "ab\r\n\t cd=");
        for wrong in [
            "v=1; d=a.example; d=b.example",
            "v=1; x",
            "v=1;; d=a.example",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_key_that_is_not_meant_for_this_is_none() {
        for (record, is_good) in [
            ("v=DKIM1; p=AAAA", true),
            ("v=DKIM1; t=s; h=sha1:sha256; s=email; p=AAAA", true),
            ("v=DKIM1; t=y; p=AAAA", false),
            ("v=DKIM1; t=s:y; p=AAAA", false),
            ("v=DKIM1; h=sha1; p=AAAA", false),
            ("v=DKIM1; s=tlsrpt; p=AAAA", false),
        ] {
            assert_eq!(
                restriction(record.as_bytes()).is_none(),
                is_good,
                "{record}"
            );
        }
    }
}
