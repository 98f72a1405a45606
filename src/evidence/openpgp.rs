//! OpenPGP signatures of mails: clearsigned text (RFC 9580, section 7) and PGP/MIME (RFC 3156).
//!
//! A signature says who signed *those bytes*, nothing else. So a mail passes only where the signed
//! text is all of its text: anything before, after or beside it, another block, or a wrapper around
//! it makes the signature fail with its reason. What passes carries the signed text along, and
//! nothing but that is parsed. We are stricter than `gpg --verify`, never more lenient.

mod armor;
mod key;
mod mime;

use std::panic::{AssertUnwindSafe, catch_unwind};

use jiff::Timestamp;
use mail_parser::{Message, MessageParser, MimeHeaders, PartType};

use crate::model::{Finding, OpenPgpSignature, PinnedKey, is_header_too_long};

pub use key::{KeyError, ends_at, fault, read_keys};

/// A text and the signature over it, taken apart; nothing is verified yet.
struct Signed {
    /// The bytes that were signed, in canonical form.
    bytes: Vec<u8>,
    /// What they say.
    text: String,
    /// The signature packets, out of their armor.
    signature: Vec<u8>,
    form: Form,
    /// The hash algorithms that are announced, upper case.
    hashes: Vec<String>,
}

/// How a mail carries its signature.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Clearsigned,
    Mime,
}

/// Most Content-Type fields of a mail that is searched for hidden signatures; the parser refuses
/// mails with more.
const CONTENT_TYPES_MAX: usize = 100;
/// Most lines of it that could begin or end a part; the parser refuses mails with more.
const DELIMITERS_MAX: usize = 1_000;

/// The OpenPGP signature of a mail, verified against `keys` as of `received_at`; `None`: it
/// carries none, or there are no keys to verify it with.
///
/// `Pass` only where one pinned key, valid at that time, has signed exactly all text of the mail.
pub fn signature(
    raw: &[u8],
    keys: &[PinnedKey],
    received_at: Timestamp,
) -> Option<OpenPgpSignature> {
    // The bytes are a stranger's, and much of what reads them is not ours.
    catch_unwind(AssertUnwindSafe(|| {
        (!keys.is_empty() && is_signed(raw)).then(|| match mime::open(raw) {
            Ok(signed) => key::verify(signed, keys, received_at),
            Err(why) => failed(why),
        })
    }))
    .unwrap_or_else(|_| Some(failed("the signature could not be read".to_owned())))
}

fn failed(why: String) -> OpenPgpSignature {
    OpenPgpSignature {
        fingerprint: None,
        finding: Finding::Fail(why),
        signed_at: None,
        text: String::new(),
    }
}

/// Does anything in the mail look like a signature, wherever it is hidden?
fn is_signed(raw: &[u8]) -> bool {
    if armor::has_block(raw) {
        return true;
    }
    let finder = memchr::memmem::Finder::new(b"ontent-");
    if finder.find_iter(raw).count() > CONTENT_TYPES_MAX {
        return false;
    }
    let finder = memchr::memmem::Finder::new(b"\n--");
    if finder.find_iter(raw).count() > DELIMITERS_MAX || is_header_too_long(raw) {
        return false;
    }
    let mail = MessageParser::default().parse(mime::without_from_line(raw));
    mail.is_some_and(|mail| has_signature(&mail))
}

fn has_signature(mail: &Message<'_>) -> bool {
    let mut waiting = vec![mail];
    while let Some(mail) = waiting.pop() {
        for part in &mail.parts {
            let is_pgp = part.content_type().is_some_and(|kind| {
                let protocol = kind.attribute("protocol").unwrap_or_default();
                let subtype = kind.subtype().unwrap_or_default();
                [protocol, subtype]
                    .iter()
                    .any(|said| said.to_ascii_lowercase().contains("pgp-"))
            });
            let has_block = match &part.body {
                PartType::Text(text) | PartType::Html(text) => armor::has_block(text.as_bytes()),
                PartType::Binary(bytes) | PartType::InlineBinary(bytes) => armor::has_block(bytes),
                PartType::Message(inner) => {
                    waiting.push(inner);
                    false
                }
                PartType::Multipart(_) => false,
            };
            if is_pgp || has_block {
                return true;
            }
        }
    }
    false
}
