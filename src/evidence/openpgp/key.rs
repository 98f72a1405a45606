//! Pinned keys: whether one of them has signed, and whether it could when it did.

use jiff::Timestamp;
use pgp::composed::{PublicOrSecret, SignedPublicKey, SignedPublicSubKey};
use pgp::packet::{
    Packet, PacketParser, Signature, SignatureType, SignatureVersion, SubpacketData,
};
use pgp::ser::Serialize;
use pgp::types::KeyDetails;

use super::{Form, Signed, armor, failed};
use crate::model::{Finding, OpenPgpSignature, PinnedKey};
use crate::openpgp::{
    self, CLOCK_SKEW, KeyFault, fingerprint, has_expired, instant, is_for_signing, primary_ends_at,
    subkey_ends_at,
};

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
    for key in openpgp::read(bytes).ok_or(KeyError::None)? {
        let PublicOrSecret::Public(key) = key else {
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
    if found.is_empty() {
        return Err(KeyError::None);
    }
    Ok(found)
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
        .filter(|subkey| is_for_signing(subkey))
        .map(|subkey| subkey_fault(&certificate, subkey, now))
        .collect();
    if faults.contains(&None) {
        return None;
    }
    Some(faults.pop().flatten().unwrap_or(primary))
}

/// From when on nothing of a pinned key can sign any more, as of `now`; `None`: never, or it cannot be
/// read. Of several parts that sign, the last counts.
pub fn ends_at(key: &PinnedKey, now: Timestamp) -> Option<Timestamp> {
    let certificate = certificate(key)?;
    let end = |checked: Result<Option<Timestamp>, KeyFault>| match checked {
        Ok(end) => Some(end.unwrap_or(Timestamp::MAX)),
        Err(KeyFault::Expired(_, at)) => Some(at),
        Err(_) => None,
    };
    let primary = end(primary_ends_at(&certificate, now, false))?;
    let subkeys = certificate.public_subkeys.iter();
    let last = subkeys
        .filter_map(|subkey| end(subkey_ends_at(&certificate, subkey, now)))
        .chain(end(primary_ends_at(&certificate, now, true)))
        .max()
        .map_or(primary, |last| last.min(primary));
    (last < Timestamp::MAX).then_some(last)
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
    let checked = primary_ends_at(certificate, at, signs);
    checked.err().map(|fault: KeyFault| fault.to_string())
}

/// Why a subkey is not valid for signing at `at`.
fn subkey_fault(
    certificate: &SignedPublicKey,
    subkey: &SignedPublicSubKey,
    at: Timestamp,
) -> Option<String> {
    let checked = subkey_ends_at(certificate, subkey, at);
    checked.err().map(|fault| fault.to_string())
}

fn too_young(key: &impl KeyDetails, signed_at: Option<Timestamp>) -> Option<String> {
    let is_older = signed_at.is_some_and(|at| at.as_second() >= key.created_at().as_secs() as i64);
    (!is_older).then(|| "it is older than its key".to_owned())
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
