//! OpenPGP keys: what a file holds, and whether a key may sign at an instant, and until when.
//!
//! The library reads packets and checks single signatures; which key may sign, until when, and what
//! was revoked, is decided here, once for `evidence`, which verifies, and `send`, which signs.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use pgp::composed::{PublicOrSecret, SignedPublicKey, SignedPublicSubKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{Signature, SignatureType, SubpacketData};
use pgp::types::{KeyDetails, Tag};

/// A clock may be wrong by so much.
pub const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(10);

const BEGIN_KEY: &str = "-----BEGIN PGP ";
const END_KEY: &str = "-----END PGP ";

/// Which key of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The primary key.
    Primary,
    /// One of its subkeys.
    Subkey,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Part::Primary => "key",
            Part::Subkey => "subkey",
        })
    }
}

/// Why a key must not sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// Whatever the reason and the date of a revocation: somebody may hold the key who must not.
    #[error("the {0} was revoked")]
    Revoked(Part),
    /// It ended at that instant.
    #[error("the {0} expired on {day}", day = .1.strftime("%Y-%m-%d"))]
    Expired(Part, Timestamp),
    /// Nothing states what the primary key is for.
    #[error("the key has no valid signature of its own")]
    NoStatement,
    /// It is younger than the instant that was asked for.
    #[error("the key was made in the future")]
    Future,
    /// Its flags do not say "sign".
    #[error("the {0} is not one for signing")]
    NotForSigning(Part),
    /// The primary key has not bound it.
    #[error("the subkey does not belong to the key")]
    Unbound,
    /// Without the subkey's own word, anybody could claim it for their key.
    #[error("the subkey has not signed that it belongs to the key")]
    NotMutual,
}

/// The keys of a file, armored (one block or several) or binary; `None`: something cannot be read.
pub fn read(bytes: &[u8]) -> Option<Vec<PublicOrSecret>> {
    quietly(|| {
        let mut found = Vec::new();
        for block in blocks(bytes) {
            let (keys, _) = PublicOrSecret::from_reader_many(block).ok()?;
            for key in keys {
                found.push(key.ok()?);
            }
        }
        Some(found)
    })
}

/// Runs what handles secret keys unheard: the library writes their numbers into the log (pgp 0.21,
/// `secret_key_parser.rs`, level debug).
pub fn quietly<T>(work: impl FnOnce() -> T) -> T {
    tracing::subscriber::with_default(tracing::subscriber::NoSubscriber::new(), work)
}

/// The armored blocks of a file, or all of a binary one.
fn blocks(bytes: &[u8]) -> Vec<&[u8]> {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return vec![bytes];
    };
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(begin) = rest.find(BEGIN_KEY) {
        let end = rest[begin..]
            .find(END_KEY)
            .map_or(rest.len(), |end| begin + end);
        let end = rest[end..]
            .find('\n')
            .map_or(rest.len(), |line| end + line + 1);
        found.push(&rest.as_bytes()[begin..end]);
        rest = &rest[end..];
    }
    found
}

/// When the primary key ends (`None`: never), if it is valid at `at` and, where it `signs` itself,
/// may sign.
pub fn primary_ends_at(
    certificate: &SignedPublicKey,
    at: Timestamp,
    signs: bool,
) -> Result<Option<Timestamp>, KeyFault> {
    let key = &certificate.primary_key;
    let is_revoked = |revocation: &Signature| {
        revocation.typ() == Some(SignatureType::KeyRevocation)
            && is_sound(revocation)
            && revocation.verify_key(key).is_ok()
    };
    let revocations = &certificate.details.revocation_signatures;
    if revocations.iter().any(is_revoked) {
        return Err(KeyFault::Revoked(Part::Primary));
    }
    let statements = statements(certificate, at);
    if statements.is_empty() {
        return Err(KeyFault::NoStatement);
    }
    // Several may state an end: the earliest counts.
    let ends_at = statements
        .iter()
        .filter_map(|statement| end(key.created_at(), statement))
        .min();
    if let Some(end) = ends_at.filter(|end| *end <= at) {
        return Err(KeyFault::Expired(Part::Primary, end));
    }
    if i64::from(key.created_at().as_secs()) > (at + CLOCK_SKEW).as_second() {
        return Err(KeyFault::Future);
    }
    // Keys of before key flags may do everything.
    let may_sign = statements
        .iter()
        .all(|statement| !has_flags(statement) || statement.key_flags().sign());
    if signs && !may_sign {
        return Err(KeyFault::NotForSigning(Part::Primary));
    }
    Ok(ends_at)
}

/// What the primary key states of itself at `at`: once directly, and once for each user.
fn statements(certificate: &SignedPublicKey, at: Timestamp) -> Vec<&Signature> {
    let key = &certificate.primary_key;
    let details = &certificate.details;
    let direct = newest(details.direct_signatures.iter().filter(|signature| {
        signature.typ() == Some(SignatureType::Key)
            && is_in_force(signature, at)
            && signature.verify_key(key).is_ok()
    }));
    let users = details.users.iter().filter_map(|user| {
        let is_ours = |signature: &&Signature| {
            is_sound(signature)
                && signature
                    .verify_certification(key, Tag::UserId, &user.id)
                    .is_ok()
        };
        let newest = newest(
            user.signatures
                .iter()
                .filter(|signature| is_in_force(signature, at))
                .filter(is_ours),
        )?;
        (newest.typ() != Some(SignatureType::CertRevocation)).then_some(newest)
    });
    direct.into_iter().chain(users).collect()
}

/// When a subkey ends by itself (`None`: never), if it is valid for signing at `at`.
pub fn subkey_ends_at(
    certificate: &SignedPublicKey,
    subkey: &SignedPublicSubKey,
    at: Timestamp,
) -> Result<Option<Timestamp>, KeyFault> {
    let key = &certificate.primary_key;
    let ours = |kind: SignatureType| {
        subkey.signatures.iter().filter(move |signature| {
            signature.typ() == Some(kind)
                && is_sound(signature)
                && signature.verify_subkey_binding(key, &subkey.key).is_ok()
        })
    };
    if ours(SignatureType::SubkeyRevocation).next().is_some() {
        return Err(KeyFault::Revoked(Part::Subkey));
    }
    let bindings = ours(SignatureType::SubkeyBinding);
    let binding =
        newest(bindings.filter(|binding| is_in_force(binding, at))).ok_or(KeyFault::Unbound)?;
    if !binding.key_flags().sign() {
        return Err(KeyFault::NotForSigning(Part::Subkey));
    }
    let is_mutual = binding.embedded_signature().is_some_and(|back| {
        is_in_force(back, at) && back.verify_primary_key_binding(&subkey.key, key).is_ok()
    });
    if !is_mutual {
        return Err(KeyFault::NotMutual);
    }
    match end(subkey.key.created_at(), binding) {
        Some(end) if end <= at => Err(KeyFault::Expired(Part::Subkey, end)),
        ends_at => Ok(ends_at),
    }
}

/// Is the subkey meant for signing, valid or not?
pub fn is_for_signing(subkey: &SignedPublicSubKey) -> bool {
    let mut bindings = subkey.signatures.iter();
    bindings.any(|binding| binding.key_flags().sign())
}

/// SHA-1 is accepted here, and only here: these signatures came with a file that the operator chose.
fn is_sound(signature: &Signature) -> bool {
    !matches!(
        signature.hash_alg(),
        None | Some(HashAlgorithm::None | HashAlgorithm::Md5 | HashAlgorithm::Ripemd160)
    )
}

/// A sound statement that was made by then and has not ended.
fn is_in_force(signature: &Signature, at: Timestamp) -> bool {
    is_sound(signature)
        && !has_expired(signature, at)
        && signature
            .created()
            .and_then(instant)
            .is_some_and(|made| made <= at + CLOCK_SKEW)
}

fn newest<'a>(signatures: impl Iterator<Item = &'a Signature>) -> Option<&'a Signature> {
    signatures.max_by_key(|signature| signature.created())
}

fn has_flags(signature: &Signature) -> bool {
    signature.config().is_some_and(|config| {
        config
            .hashed_subpackets()
            .any(|packet| matches!(packet.data, SubpacketData::KeyFlags(_)))
    })
}

/// Has a signature ended, by what it says of itself?
pub fn has_expired(signature: &Signature, at: Timestamp) -> bool {
    let (Some(created), Some(lasts)) = (signature.created(), signature.signature_expiration_time())
    else {
        return false;
    };
    let end = i64::from(created.as_secs()) + i64::from(lasts.as_secs());
    lasts.as_secs() > 0 && end <= at.as_second()
}

/// When a key ends, by what a signature states.
fn end(created: pgp::types::Timestamp, statement: &Signature) -> Option<Timestamp> {
    let lasts = statement.key_expiration_time()?.as_secs();
    let end = i64::from(created.as_secs()) + i64::from(lasts);
    Timestamp::from_second(end).ok().filter(|_| lasts > 0)
}

/// OpenPGP's seconds as an instant.
pub fn instant(of: pgp::types::Timestamp) -> Option<Timestamp> {
    Timestamp::from_second(i64::from(of.as_secs())).ok()
}

/// The fingerprint in full, upper case: 40 digits for a key of version 4.
pub fn fingerprint(key: &impl KeyDetails) -> String {
    let bytes = key.fingerprint();
    bytes
        .as_bytes()
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect()
}
