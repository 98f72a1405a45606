//! The signature of a registry request: OpenPGP, by the one key that a file holds. Pure: the instant
//! comes in, and nothing is random: the same text at the same instant has the same signature.
//!
//! Two forms. A clearsigned text (RFC 9580, section 7) is the text itself between two marks; a detached
//! signature is the second part of PGP/MIME (RFC 3156, section 5). Both are signatures of a text, so
//! a reader that stores CRLF as LF still finds them good. Nothing is signed by a key that is not valid
//! at that instant, and no signature leaves that was not verified here.

use std::fmt;
use std::io::Write;

use jiff::Timestamp;
use pgp::composed::{ArmorOptions, DetachedSignature, PublicOrSecret, SignedSecretKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::errors::Error;
use pgp::packet::{
    SecretKey, SecretSubkey, Signature, SignatureConfig, SignatureType, Subpacket, SubpacketData,
};
use pgp::types::{
    KeyDetails, KeyVersion, Password, S2kParams, SecretParams, SigningKey as _, StringToKey,
};
use secrecy::{ExposeSecret, SecretSlice};

use crate::openpgp::{
    self, KeyFault, Part, fingerprint, instant, is_for_signing, primary_ends_at, quietly,
    subkey_ends_at,
};

/// How GnuPG marks a secret key that is elsewhere (`DETAILS`, "gnu-dummy"): in another file, on a card.
const S2K_ELSEWHERE: u8 = 101;

/// A key file that cannot be signed with: its name, and one sentence with what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {fault}")]
pub struct SigningKeyError {
    /// As it was named to [`SigningKey::read`].
    pub file: String,
    /// What is wrong.
    pub fault: SigningKeyFault,
}

/// Why a key file cannot be signed with. Fingerprints are those to be named to gpg.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SigningKeyFault {
    /// Empty, damaged, or of another kind.
    #[error(
        "it holds no OpenPGP key that can be read; \
         write it with `gpg --export-secret-keys FINGERPRINT`"
    )]
    Unreadable,
    /// The wrong export.
    #[error(
        "it holds public key {0} alone, which cannot sign; \
         write the secret one with `gpg --export-secret-keys {0}`"
    )]
    PublicOnly(String),
    /// Nobody can tell which one the registry knows.
    #[error(
        "it holds {count} keys ({list}), and only one can be meant; \
         write that one alone with `gpg --export-secret-keys FINGERPRINT`",
        count = .0.len(), list = .0.join(", ")
    )]
    Several(Vec<String>),
    /// Neither GnuPG 2.2 nor the registry would know it.
    #[error("key {0} is not of OpenPGP version 4; make one with `gpg --quick-gen-key`")]
    Version(String),
    /// Its place is kept by a stub.
    #[error(
        "the secret part of key {0} is not in it (a stub, or on a card); \
         export it with `gpg --export-secret-keys` where it is kept"
    )]
    NoSecret(String),
    /// A key that certifies or encrypts alone.
    #[error(
        "key {0} has no part for signing; \
         add one with `gpg --quick-add-key {0} rsa3072 sign` and export it again"
    )]
    NotForSigning(String),
    /// It was good once.
    #[error(
        "{part} {signer} expired on {day}, and nothing is signed with it; extend it with \
         `gpg --quick-set-expire {primary} 2y{subkey}`, and export it again",
        day = .ended_at.strftime("%Y-%m-%d"),
        subkey = match part { Part::Primary => String::new(), Part::Subkey => format!(" {signer}") }
    )]
    Expired {
        /// The primary key.
        primary: String,
        /// The key that expired.
        signer: String,
        /// Which of them that is.
        part: Part,
        /// Since when.
        ended_at: Timestamp,
    },
    /// Never to be used again.
    #[error("{0} {1} was revoked; make another, and have the registry know it")]
    Revoked(Part, String),
    /// A signature would be older than its key, which nobody accepts.
    #[error("key {0} was made in the future; set the clock right")]
    Future(String),
    /// What ought to bind its parts together is missing or broken.
    #[error("key {0} cannot be used: {1}; export it again from where it was made")]
    Broken(String, KeyFault),
    /// A passphrase is needed.
    #[error("key {0} is locked, and there is no passphrase for it; add it as a credential")]
    Locked(String),
    /// The protection itself cannot be read.
    #[error("key {0} is locked in a way that is not known here; export it again with GnuPG")]
    UnknownLock(String),
    /// The passphrase is another's.
    #[error("the passphrase does not open key {0}; put the right one into the credential")]
    WrongPassphrase(String),
}

/// Why nothing was signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The key.
    #[error(transparent)]
    Key(#[from] SigningKeyError),
    /// There is nothing to sign.
    #[error("the text is empty, so there is nothing to sign")]
    Empty,
    /// Readers disagree about what a NUL or a lone CR is.
    #[error("line {line} of the text holds a NUL or a lone CR, which no signature survives")]
    Control {
        /// Counted from 1.
        line: usize,
    },
    /// The library failed, or what it made did not verify.
    #[error("{file}: no signature could be made: {why}")]
    Failed {
        /// The file of the key.
        file: String,
        /// What the library says.
        why: String,
    },
}

/// The secret key that signs requests, unlocked. What [`fmt::Debug`] shows of it is public.
pub struct SigningKey {
    file: String,
    fingerprint: String,
    /// Those that may sign, the preferred one first; never empty.
    signers: Vec<Signer>,
}

/// A primary key or subkey that may sign.
struct Signer {
    packet: Packet,
    fingerprint: String,
    created_at: Timestamp,
    ends_at: Option<Timestamp>,
}

enum Packet {
    Primary(SecretKey),
    Subkey(SecretSubkey),
}

/// A signature that stands beside what it signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detached {
    /// Armored; lines end with CRLF, the last one too.
    pub armored: String,
    /// What `multipart/signed` calls its hash (RFC 3156, section 5), such as `pgp-sha256`.
    pub micalg: &'static str,
}

impl SigningKey {
    /// Reads what `gpg --export-secret-keys` wrote, armored or binary, and unlocks it: once, for that
    /// takes long. `file` is the name that errors give it.
    ///
    /// Of the parts that may sign at `now`, the newest subkey is preferred, and the primary key comes
    /// last, as GnuPG has it. A line end behind the passphrase is none of it.
    ///
    /// # Errors
    /// Where nothing could be signed at `now`; a wrong passphrase is found here too.
    pub fn read(
        file: &str,
        bytes: &[u8],
        passphrase: Option<&SecretSlice<u8>>,
        now: Timestamp,
    ) -> Result<Self, SigningKeyError> {
        let read = || {
            let key = only_key(bytes)?;
            let mut signers = signers(&key, now)?;
            for signer in &mut signers {
                signer.unlock(passphrase)?;
            }
            Ok((fingerprint(&key.primary_key), signers))
        };
        match quietly(read) {
            Ok((fingerprint, signers)) => Ok(SigningKey {
                file: file.to_owned(),
                fingerprint,
                signers,
            }),
            Err(fault) => Err(SigningKeyError {
                file: file.to_owned(),
                fault,
            }),
        }
    }

    /// The primary key's fingerprint, which the registry knows the key by: 40 hexadecimal digits.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The fingerprint of the part that signs at `now`: 40 hexadecimal digits.
    ///
    /// # Errors
    /// Where none may sign then.
    pub fn signer(&self, now: Timestamp) -> Result<&str, SigningKeyError> {
        Ok(&self.valid(now)?.fingerprint)
    }

    /// From when on nothing can be signed any more; `None`: never.
    ///
    /// A subkey ends with its primary key at the latest; where there are several, the last counts.
    pub fn expires_at(&self) -> Option<Timestamp> {
        let ends = self.signers.iter().map(|signer| signer.ends_at);
        let ends: Option<Vec<Timestamp>> = ends.collect();
        ends?.into_iter().max()
    }

    /// The text between the marks of a clearsigned text, its signature below. Lines end with CRLF, the
    /// last one too. One line end at the end of `text` is none of it: it belongs to the mark.
    ///
    /// Blanks at the ends of lines are cut off, as they may be lost on the way and no signature covers
    /// them. Lines that begin with a dash, `From ` or a dot are dash-escaped: the first must be, the others
    /// are changed by programs that store or carry mail.
    ///
    /// # Errors
    /// Where the key is not valid at `now`, or `text` is empty or holds what no mail carries.
    pub fn clearsign(&self, text: &str, now: Timestamp) -> Result<String, SignError> {
        let lines = lines(text)?;
        let lines: Vec<&str> = lines.iter().map(|line| trim_end(line)).collect();
        let (signature, hash) = self.sign(lines.join("\r\n").as_bytes(), now)?;
        let mut out = format!("-----BEGIN PGP SIGNED MESSAGE-----\r\nHash: {hash}\r\n\r\n");
        for line in lines {
            let is_escaped = ["-", "From ", "."]
                .iter()
                .any(|start| line.starts_with(start));
            out.push_str(if is_escaped { "- " } else { "" });
            out.push_str(line);
            out.push_str("\r\n");
        }
        out.push_str(&self.armored(signature)?);
        Ok(out)
    }

    /// The signature of `part`: one part of a mail, header and body, as it stands in the mail without the
    /// line end before the next delimiter (RFC 3156, section 5). LF counts as CRLF.
    ///
    /// # Errors
    /// Where the key is not valid at `now`.
    pub fn sign_detached(&self, part: &[u8], now: Timestamp) -> Result<Detached, SignError> {
        let (signature, hash) = self.sign(part, now)?;
        Ok(Detached {
            armored: self.armored(signature)?,
            micalg: match hash {
                HashAlgorithm::Sha384 => "pgp-sha384",
                HashAlgorithm::Sha512 => "pgp-sha512",
                _ => "pgp-sha256",
            },
        })
    }

    fn sign(&self, data: &[u8], now: Timestamp) -> Result<(Signature, HashAlgorithm), SignError> {
        let signer = self.valid(now)?;
        let hash = signer.hash();
        let signed = quietly(|| signer.sign(data, hash, now));
        let signature = signed.map_err(|why| self.failed(&why))?;
        Ok((signature, hash))
    }

    fn armored(&self, signature: Signature) -> Result<String, SignError> {
        let armored = DetachedSignature::new(signature).to_armored_string(ArmorOptions::default());
        let armored = armored.map_err(|why| self.failed(&why))?;
        Ok(armored.lines().fold(String::new(), |mut out, line| {
            out.push_str(line);
            out.push_str("\r\n");
            out
        }))
    }

    fn valid(&self, now: Timestamp) -> Result<&Signer, SigningKeyError> {
        let mut signers = self.signers.iter();
        signers
            .find(|signer| signer.is_valid(now))
            .ok_or_else(|| SigningKeyError {
                file: self.file.clone(),
                fault: self.fault(now),
            })
    }

    /// Why none may sign at `now`: of those that have ended, the last.
    fn fault(&self, now: Timestamp) -> SigningKeyFault {
        let ended = self.signers.iter().filter_map(|signer| {
            let ended_at = signer.ends_at.filter(|end| *end <= now)?;
            Some((ended_at, signer))
        });
        match ended.max_by_key(|(ended_at, _)| *ended_at) {
            None => SigningKeyFault::Future(self.fingerprint.clone()),
            Some((ended_at, signer)) => SigningKeyFault::Expired {
                primary: self.fingerprint.clone(),
                signer: signer.fingerprint.clone(),
                part: signer.part(),
                ended_at,
            },
        }
    }

    fn failed(&self, why: &Error) -> SignError {
        SignError::Failed {
            file: self.file.clone(),
            why: why.to_string(),
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("file", &self.file)
            .field("fingerprint", &self.fingerprint)
            .field("expires_at", &self.expires_at())
            .finish_non_exhaustive()
    }
}

impl Signer {
    fn is_valid(&self, now: Timestamp) -> bool {
        self.created_at <= now && self.ends_at.is_none_or(|end| now < end)
    }

    fn part(&self) -> Part {
        match self.packet {
            Packet::Primary(_) => Part::Primary,
            Packet::Subkey(_) => Part::Subkey,
        }
    }

    fn unlock(&mut self, passphrase: Option<&SecretSlice<u8>>) -> Result<(), SigningKeyFault> {
        if !self.packet.secret().is_encrypted() {
            return Ok(());
        }
        let passphrase =
            passphrase.ok_or_else(|| SigningKeyFault::Locked(self.fingerprint.clone()))?;
        let bytes = passphrase.expose_secret();
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let password = Password::from(bytes.strip_suffix(b"\r").unwrap_or(bytes));
        let unlocked = match &mut self.packet {
            Packet::Primary(key) => key.remove_password(&password),
            Packet::Subkey(key) => key.remove_password(&password),
        };
        unlocked.map_err(|error| match error {
            Error::Unimplemented { .. } | Error::Unsupported { .. } => {
                SigningKeyFault::UnknownLock(self.fingerprint.clone())
            }
            // The library says "invalid input" or less.
            _ => SigningKeyFault::WrongPassphrase(self.fingerprint.clone()),
        })
    }

    /// SHA-256, or what a longer key needs.
    fn hash(&self) -> HashAlgorithm {
        let wanted = match &self.packet {
            Packet::Primary(key) => key.hash_alg(),
            Packet::Subkey(key) => key.hash_alg(),
        };
        match wanted {
            HashAlgorithm::Sha384 => HashAlgorithm::Sha384,
            HashAlgorithm::Sha512 | HashAlgorithm::Sha3_512 => HashAlgorithm::Sha512,
            _ => HashAlgorithm::Sha256,
        }
    }

    /// Signs, and sees that the signature is good: a fault of the machine can spoil one of RSA and give
    /// the key away.
    fn sign(
        &self,
        data: &[u8],
        hash: HashAlgorithm,
        now: Timestamp,
    ) -> pgp::errors::Result<Signature> {
        match &self.packet {
            Packet::Primary(key) => {
                let signature = signature(key, data, hash, now)?;
                signature.verify(key.public_key(), data)?;
                Ok(signature)
            }
            Packet::Subkey(key) => {
                let signature = signature(key, data, hash, now)?;
                signature.verify(key.public_key(), data)?;
                Ok(signature)
            }
        }
    }
}

impl Packet {
    fn secret(&self) -> &SecretParams {
        match self {
            Packet::Primary(key) => key.secret_params(),
            Packet::Subkey(key) => key.secret_params(),
        }
    }

    /// Is this only the place of a key that is elsewhere?
    fn is_stub(&self) -> bool {
        let SecretParams::Encrypted(secret) = self.secret() else {
            return false;
        };
        let s2k = match secret.string_to_key_params() {
            S2kParams::Unprotected | S2kParams::LegacyCfb { .. } => return false,
            S2kParams::Aead { s2k, .. }
            | S2kParams::Cfb { s2k, .. }
            | S2kParams::MalleableCfb { s2k, .. } => s2k,
        };
        matches!(s2k, StringToKey::Private { typ, .. } if *typ == S2K_ELSEWHERE)
    }
}

/// A signature of a text, of version 4, which names its key by fingerprint and, for old readers, by id.
fn signature(
    key: &impl pgp::types::SigningKey,
    data: &[u8],
    hash: HashAlgorithm,
    now: Timestamp,
) -> pgp::errors::Result<Signature> {
    let seconds = u32::try_from(now.as_second()).unwrap_or(u32::MAX);
    let created_at = pgp::types::Timestamp::from_secs(seconds);
    let mut config = SignatureConfig::v4(SignatureType::Text, key.algorithm(), hash);
    config.hashed_subpackets = vec![
        Subpacket::regular(SubpacketData::SignatureCreationTime(created_at))?,
        Subpacket::regular(SubpacketData::IssuerFingerprint(key.fingerprint()))?,
    ];
    let id = SubpacketData::IssuerKeyId(key.legacy_key_id());
    config.unhashed_subpackets = vec![Subpacket::regular(id)?];
    let mut hasher = config.into_hasher()?;
    hasher.write_all(data)?;
    hasher.sign(key, &Password::empty())
}

/// The one secret key of a file.
fn only_key(bytes: &[u8]) -> Result<SignedSecretKey, SigningKeyFault> {
    let keys = openpgp::read(bytes).ok_or(SigningKeyFault::Unreadable)?;
    let mut public = None;
    let mut secret = Vec::new();
    for key in keys {
        match key {
            PublicOrSecret::Public(key) => public = Some(fingerprint(&key.primary_key)),
            PublicOrSecret::Secret(key) => secret.push(key),
        }
    }
    if secret.len() > 1 {
        let prints = secret.iter().map(|key| fingerprint(&key.primary_key));
        return Err(SigningKeyFault::Several(prints.collect()));
    }
    secret.pop().ok_or(match public {
        Some(print) => SigningKeyFault::PublicOnly(print),
        None => SigningKeyFault::Unreadable,
    })
}

/// The parts that may sign at `now`, the preferred one first; or why there are none.
fn signers(key: &SignedSecretKey, now: Timestamp) -> Result<Vec<Signer>, SigningKeyFault> {
    let primary = fingerprint(&key.primary_key);
    if key.primary_key.version() != KeyVersion::V4 {
        return Err(SigningKeyFault::Version(primary));
    }
    let certificate = key.to_public_key();
    // A subkey is worth no more than its primary key.
    let ends_at = primary_ends_at(&certificate, now, false)
        .map_err(|fault| SigningKeyFault::of(fault, &primary, &primary))?;
    let mut found = Vec::new();
    let mut faults = Vec::new();
    for subkey in &certificate.public_subkeys {
        if !is_for_signing(subkey) {
            continue;
        }
        let print = fingerprint(&subkey.key);
        let mut secrets = key.secret_subkeys.iter();
        let secret = secrets.find(|secret| fingerprint(&secret.key) == print);
        let packet = secret.map(|secret| Packet::Subkey(secret.key.clone()));
        let ends_at = subkey_ends_at(&certificate, subkey, now)
            .map(|end| [end, ends_at].into_iter().flatten().min())
            .map_err(|fault| SigningKeyFault::of(fault, &primary, &print));
        let made = subkey.key.created_at();
        match ends_at.and_then(|ends_at| signer(packet, print, made, ends_at, now)) {
            Ok(signer) => found.push(signer),
            Err(fault) => faults.push(fault),
        }
    }
    found.sort_by_key(|signer| std::cmp::Reverse(signer.created_at));
    if primary_ends_at(&certificate, now, true).is_ok() {
        let packet = Some(Packet::Primary(key.primary_key.clone()));
        let made = key.primary_key.created_at();
        match signer(packet, primary.clone(), made, ends_at, now) {
            Ok(signer) => found.push(signer),
            Err(fault) => faults.push(fault),
        }
    }
    match found.is_empty() {
        false => Ok(found),
        true => Err(worst(faults).unwrap_or(SigningKeyFault::NotForSigning(primary))),
    }
}

/// One part that is valid, if its secret is there.
fn signer(
    packet: Option<Packet>,
    fingerprint: String,
    made: pgp::types::Timestamp,
    ends_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<Signer, SigningKeyFault> {
    let created_at = instant(made).filter(|created_at| *created_at <= now);
    let Some(created_at) = created_at else {
        return Err(SigningKeyFault::Future(fingerprint));
    };
    match packet.filter(|packet| !packet.is_stub()) {
        None => Err(SigningKeyFault::NoSecret(fingerprint)),
        Some(packet) => Ok(Signer {
            packet,
            fingerprint,
            created_at,
            ends_at,
        }),
    }
}

/// Of several reasons, the one that is nearest to being put right: a secret that is elsewhere, then the
/// part that expired last.
fn worst(faults: Vec<SigningKeyFault>) -> Option<SigningKeyFault> {
    faults.into_iter().max_by_key(|fault| match fault {
        SigningKeyFault::NoSecret(_) => (2, Timestamp::MIN),
        SigningKeyFault::Expired { ended_at, .. } => (1, *ended_at),
        _ => (0, Timestamp::MIN),
    })
}

impl SigningKeyFault {
    fn of(fault: KeyFault, primary: &str, signer: &str) -> Self {
        match fault {
            KeyFault::Revoked(part) => SigningKeyFault::Revoked(part, signer.to_owned()),
            KeyFault::Expired(part, ended_at) => SigningKeyFault::Expired {
                primary: primary.to_owned(),
                signer: signer.to_owned(),
                part,
                ended_at,
            },
            KeyFault::Future => SigningKeyFault::Future(signer.to_owned()),
            KeyFault::NotForSigning(_) => SigningKeyFault::NotForSigning(primary.to_owned()),
            KeyFault::NoStatement | KeyFault::Unbound | KeyFault::NotMutual => {
                SigningKeyFault::Broken(signer.to_owned(), fault)
            }
        }
    }
}

/// The lines of a text without their ends, CRLF or LF; a line end at its end begins no further line.
pub(super) fn lines(text: &str) -> Result<Vec<&str>, SignError> {
    let whole = text.strip_suffix('\n').unwrap_or(text);
    if whole.trim().is_empty() {
        return Err(SignError::Empty);
    }
    let mut lines = Vec::new();
    for (number, line) in (1..).zip(whole.split('\n')) {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.contains(['\0', '\r']) {
            return Err(SignError::Control { line: number });
        }
        lines.push(line);
    }
    Ok(lines)
}

/// Space and tab, and nothing else, are what signatures do not cover (RFC 9580, section 7.2).
fn trim_end(line: &str) -> &str {
    line.trim_end_matches([' ', '\t'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_with_lf_or_crlf_and_the_last_end_begins_none() {
        assert_eq!(lines("a\r\nb\n\n"), Ok(vec!["a", "b", ""]));
        assert_eq!(lines("a"), lines("a\r\n"));
        assert_eq!(lines(" \n"), Err(SignError::Empty));
        assert_eq!(lines("a\nb\rc"), Err(SignError::Control { line: 2 }));
        assert_eq!(lines("a\0"), Err(SignError::Control { line: 1 }));
    }

    #[test]
    fn blanks_at_the_end_are_space_and_tab_alone() {
        assert_eq!(trim_end("a \t "), "a");
        assert_eq!(trim_end("a\u{a0}"), "a\u{a0}");
    }
}
