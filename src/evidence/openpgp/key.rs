//! Pinned keys: whether one of them has signed, and whether it could when it did.
//!
//! The library verifies single signatures; which key may sign, until when, and what was revoked,
//! is decided here.

use jiff::{SignedDuration, Timestamp};
use pgp::composed::{PublicOrSecret, SignedPublicKey, SignedPublicSubKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{
    Packet, PacketParser, Signature, SignatureType, SignatureVersion, SubpacketData,
};
use pgp::ser::Serialize;
use pgp::types::{KeyDetails, Tag};

use super::{Form, Signed, armor, failed};
use crate::model::{Finding, OpenPgpSignature, PinnedKey};

/// A clock may be wrong by so much.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(10);

const BEGIN_KEY: &str = "-----BEGIN PGP ";
const END_KEY: &str = "-----END PGP ";

/// Why a file is no list of public keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Neither armored nor binary keys, or none that can be read.
    #[error("it holds no OpenPGP public key that can be read")]
    None,
    /// Secret keys have no business here.
    #[error("it holds a secret key; export the public key alone (`gpg --armor --export`)")]
    Secret,
}

/// The public keys of a file, armored (one block or several) or binary.
pub fn read_keys(bytes: &[u8]) -> Result<Vec<PinnedKey>, KeyError> {
    let mut found: Vec<PinnedKey> = Vec::new();
    for block in blocks(bytes) {
        let (keys, _) = PublicOrSecret::from_reader_many(block).map_err(|_| KeyError::None)?;
        for key in keys {
            let PublicOrSecret::Public(key) = key.map_err(|_| KeyError::None)? else {
                return Err(KeyError::Secret);
            };
            let fingerprint = fingerprint(&key);
            if found.iter().all(|known| known.fingerprint != fingerprint) {
                found.push(PinnedKey {
                    fingerprint,
                    bytes: key.to_bytes().map_err(|_| KeyError::None)?,
                    file: String::new(),
                });
            }
        }
    }
    if found.is_empty() {
        return Err(KeyError::None);
    }
    Ok(found)
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

/// Why a pinned key cannot sign at `now`; `None`: it can.
pub fn fault(key: &PinnedKey, now: Timestamp) -> Option<String> {
    let Some(certificate) = certificate(key) else {
        return Some("it cannot be read".to_owned());
    };
    let primary = primary_fault(&certificate, now, true)?;
    if let Some(why) = primary_fault(&certificate, now, false) {
        return Some(why);
    }
    let subkeys = certificate.public_subkeys.iter();
    let mut faults: Vec<_> = subkeys
        .filter(|subkey| {
            subkey
                .signatures
                .iter()
                .any(|binding| binding.key_flags().sign())
        })
        .map(|subkey| subkey_fault(&certificate, subkey, now))
        .collect();
    if faults.contains(&None) {
        return None;
    }
    Some(faults.pop().flatten().unwrap_or(primary))
}

/// Verifies a signature that was taken apart.
pub(super) fn verify(
    signed: Signed,
    keys: &[PinnedKey],
    received_at: Timestamp,
) -> OpenPgpSignature {
    let signature = match one_signature(&signed, received_at) {
        Ok(signature) => signature,
        Err(why) => return failed(why),
    };
    let signed_at = signature.created().and_then(instant);
    let mut is_known = false;
    for key in keys {
        let Some(certificate) = certificate(key) else {
            continue;
        };
        let primary = &certificate.primary_key;
        is_known |= is_issuer(&signature, primary);
        let found = if signature.verify(primary, signed.bytes.as_slice()).is_ok() {
            primary_fault(&certificate, received_at, true).or_else(|| too_young(primary, signed_at))
        } else {
            let subkeys = certificate.public_subkeys.iter();
            let mut subkeys = subkeys.inspect(|subkey| is_known |= is_issuer(&signature, subkey));
            let signer = subkeys.find(|subkey| {
                let data = signed.bytes.as_slice();
                signature.verify(&subkey.key, data).is_ok()
            });
            let Some(subkey) = signer else {
                continue;
            };
            primary_fault(&certificate, received_at, false)
                .or_else(|| subkey_fault(&certificate, subkey, received_at))
                .or_else(|| too_young(&subkey.key, signed_at))
        };
        return OpenPgpSignature {
            fingerprint: Some(key.fingerprint.clone()),
            signed_at,
            text: if found.is_none() {
                signed.text
            } else {
                String::new()
            },
            finding: found.map_or(Finding::Pass, Finding::Fail),
        };
    }
    let why = if is_known {
        "the text is not what was signed"
    } else {
        "it was made by no key that is pinned"
    };
    OpenPgpSignature {
        signed_at,
        ..failed(why.to_owned())
    }
}

/// The one signature of a text, if its form is one that counts.
fn one_signature(signed: &Signed, received_at: Timestamp) -> Result<Signature, String> {
    let mut packets = PacketParser::new(signed.signature.as_slice());
    let Some(Ok(Packet::Signature(signature))) = packets.next() else {
        return Err("the signature cannot be read".to_owned());
    };
    if packets.next().is_some() {
        return Err("there is more than one signature".to_owned());
    }
    let config = signature
        .config()
        .filter(|_| {
            matches!(
                signature.version(),
                SignatureVersion::V4 | SignatureVersion::V6
            )
        })
        .ok_or("the signature is of a version that is not accepted")?;
    let is_form = match config.typ() {
        SignatureType::Text => true,
        SignatureType::Binary => signed.form == Form::Mime,
        _ => false,
    };
    if !is_form {
        return Err("the signature is not one of a text".to_owned());
    }
    let hash = config.hash_alg.to_string();
    if !armor::HASHES.contains(&hash.as_str()) {
        return Err(format!("its hash algorithm {hash} is broken or not known"));
    }
    if !signed.hashes.contains(&hash) {
        return Err(format!(
            "its hash algorithm {hash} is not the announced one"
        ));
    }
    let is_strange = |data: &SubpacketData| {
        matches!(
            data,
            SubpacketData::Experimental(..)
                | SubpacketData::Other(..)
                | SubpacketData::Notation(..)
        )
    };
    if config
        .hashed_subpackets()
        .any(|packet| packet.is_critical && is_strange(&packet.data))
    {
        return Err("it demands something that is not known here".to_owned());
    }
    let created = signature
        .created()
        .and_then(instant)
        .ok_or("it does not say when it was made")?;
    if created > received_at + CLOCK_SKEW {
        return Err("it was made in the future".to_owned());
    }
    if has_expired(&signature, received_at) {
        return Err("it has expired".to_owned());
    }
    Ok(signature)
}

/// Why the primary key is not valid at `at`, or, if it `signs` itself, must not sign.
fn primary_fault(certificate: &SignedPublicKey, at: Timestamp, signs: bool) -> Option<String> {
    let key = &certificate.primary_key;
    let details = &certificate.details;
    // Whatever the reason and the date of a revocation: somebody may hold the key who must not.
    if details.revocation_signatures.iter().any(|revocation| {
        revocation.typ() == Some(SignatureType::KeyRevocation)
            && is_sound(revocation)
            && revocation.verify_key(key).is_ok()
    }) {
        return Some("the key was revoked".to_owned());
    }
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
    let statements: Vec<&Signature> = direct.into_iter().chain(users).collect();
    if statements.is_empty() {
        return Some("the key has no valid signature of its own".to_owned());
    }
    // Several may state an end: the earliest counts.
    let expires_at = statements
        .iter()
        .filter_map(|statement| end(key.created_at(), statement))
        .min();
    if let Some(end) = expires_at.filter(|end| *end <= at) {
        return Some(format!("the key expired on {}", end.strftime("%Y-%m-%d")));
    }
    if key.created_at().as_secs() as i64 > (at + CLOCK_SKEW).as_second() {
        return Some("the key was made in the future".to_owned());
    }
    // Keys of before key flags may do everything.
    let may_sign = statements
        .iter()
        .all(|statement| !has_flags(statement) || statement.key_flags().sign());
    (signs && !may_sign).then(|| "the key is not one for signing".to_owned())
}

/// Why a subkey is not valid for signing at `at`.
fn subkey_fault(
    certificate: &SignedPublicKey,
    subkey: &SignedPublicSubKey,
    at: Timestamp,
) -> Option<String> {
    let key = &certificate.primary_key;
    let ours = |kind: SignatureType| {
        subkey.signatures.iter().filter(move |signature| {
            signature.typ() == Some(kind)
                && is_sound(signature)
                && signature.verify_subkey_binding(key, &subkey.key).is_ok()
        })
    };
    if ours(SignatureType::SubkeyRevocation).next().is_some() {
        return Some("the subkey was revoked".to_owned());
    }
    let bindings = ours(SignatureType::SubkeyBinding);
    let Some(binding) = newest(bindings.filter(|binding| is_in_force(binding, at))) else {
        return Some("the subkey does not belong to the key".to_owned());
    };
    if !binding.key_flags().sign() {
        return Some("the subkey is not one for signing".to_owned());
    }
    // Without the subkey's own word, anybody could claim it for their key.
    let is_mutual = binding.embedded_signature().is_some_and(|back| {
        is_in_force(back, at) && back.verify_primary_key_binding(&subkey.key, key).is_ok()
    });
    if !is_mutual {
        return Some("the subkey has not signed that it belongs to the key".to_owned());
    }
    end(subkey.key.created_at(), binding)
        .filter(|end| *end <= at)
        .map(|end| format!("the subkey expired on {}", end.strftime("%Y-%m-%d")))
}

fn too_young(key: &impl KeyDetails, signed_at: Option<Timestamp>) -> Option<String> {
    let is_older = signed_at.is_some_and(|at| at.as_second() >= key.created_at().as_secs() as i64);
    (!is_older).then(|| "it is older than its key".to_owned())
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

fn has_expired(signature: &Signature, at: Timestamp) -> bool {
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

fn instant(of: pgp::types::Timestamp) -> Option<Timestamp> {
    Timestamp::from_second(i64::from(of.as_secs())).ok()
}

fn is_issuer(signature: &Signature, key: &impl KeyDetails) -> bool {
    let id = key.legacy_key_id();
    let fingerprint = key.fingerprint();
    signature.issuer_key_id().contains(&&id)
        || signature.issuer_fingerprint().contains(&&fingerprint)
}

fn certificate(key: &PinnedKey) -> Option<SignedPublicKey> {
    let (mut keys, _) = PublicOrSecret::from_reader_many(key.bytes.as_slice()).ok()?;
    match keys.next()?.ok()? {
        PublicOrSecret::Public(found) => (fingerprint(&found) == key.fingerprint).then_some(found),
        PublicOrSecret::Secret(_) => None,
    }
}

fn fingerprint(key: &impl KeyDetails) -> String {
    let bytes = key.fingerprint();
    bytes
        .as_bytes()
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect()
}
