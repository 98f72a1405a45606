//! Signs mail as a registry's mail server does (DKIM, RFC 6376), for the demo, the tests and the
//! fixtures. Written apart from the library that verifies, so that neither hides a fault of the other.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use mail_auth::common::crypto::{RsaKey, Sha256 as Rsa, SigningKey};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use sha2::{Digest, Sha256};

/// Signs the demo's and the fixtures' registry mail. Anybody can read it: it must prove nothing outside
/// of them.
const REGISTRY_KEY: &str = include_str!("../../fixtures/trust/keys/dkim-registry.pem");

/// What is signed: each field once more than it is there, so that no second one can be added.
const FIELDS: [&str; 9] = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Reply-To",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
];

/// A key cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the key cannot be used: {0}")]
pub struct KeyError(String);

/// Makes a signature over bytes.
type Sign = Box<dyn Fn(&[u8]) -> Vec<u8> + Send + Sync>;

/// A domain that signs with one key.
pub struct Signer {
    /// `d=`
    pub domain: String,
    /// `s=`
    pub selector: String,
    /// The TXT record of the key.
    pub record: String,
    sign: Sign,
}

/// What a signature says beside its key; the default is what a careful signer says.
#[derive(Clone, Debug)]
pub struct Tags {
    /// `a=`
    pub algorithm: String,
    /// `h=`; a name that is there more often than the field covers that no more of them are added.
    pub fields: Vec<String>,
    /// `t=`
    pub signed_at: Option<Timestamp>,
    /// `x=`
    pub expires_at: Option<Timestamp>,
    /// `l=`: only so many bytes of the body are signed.
    pub length: Option<usize>,
    /// More tags as they stand, such as `i=@example.net`.
    pub more: Vec<String>,
}

impl Default for Tags {
    fn default() -> Self {
        Tags {
            algorithm: "rsa-sha256".to_owned(),
            fields: FIELDS.map(str::to_owned).to_vec(),
            signed_at: None,
            expires_at: None,
            length: None,
            more: Vec::new(),
        }
    }
}

impl Signer {
    /// A signer with any key: `record` is its TXT record, `sign` makes signatures with it.
    pub fn new(
        domain: &str,
        selector: &str,
        record: String,
        sign: impl Fn(&[u8]) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        Signer {
            domain: domain.to_owned(),
            selector: selector.to_owned(),
            record,
            sign: Box::new(sign),
        }
    }

    /// A signer with an RSA key of 2,048 bits or more (PEM, PKCS #8 or PKCS #1).
    pub fn from_pem(domain: &str, selector: &str, pem: &str) -> Result<Self, KeyError> {
        let key = PrivateKeyDer::from_pem_slice(pem.as_bytes())
            .map_err(|error| KeyError(error.to_string()))?;
        let key: RsaKey<Rsa> =
            RsaKey::from_key_der(key).map_err(|error| KeyError(error.to_string()))?;
        let public = STANDARD.encode(subject_public_key(&key.public_key()));
        let record = format!("v=DKIM1; k=rsa; p={public}");
        // A key that was taken signs; an empty signature would be seen by whoever verifies it.
        let sign = move |input: &[u8]| key.sign(input).unwrap_or_default();
        Ok(Signer::new(domain, selector, record, sign))
    }

    /// The registry of the demo and the fixtures, as `domain`.
    pub fn registry(domain: &str) -> Result<Self, KeyError> {
        Signer::from_pem(domain, "s1", REGISTRY_KEY)
    }

    /// The name of the key's record, such as `s1._domainkey.denic.de`.
    pub fn record_name(&self) -> String {
        format!("{}._domainkey.{}", self.selector, self.domain)
    }

    /// `mail` with a careful signature on top, made at `at`.
    pub fn sign(&self, mail: &[u8], at: Timestamp) -> Vec<u8> {
        let mut tags = Tags {
            signed_at: Some(at),
            ..Tags::default()
        };
        let header = header(mail).0;
        tags.fields = FIELDS
            .iter()
            .flat_map(|name| {
                let there = header
                    .iter()
                    .filter(|(known, _)| known.eq_ignore_ascii_case(name));
                vec![(*name).to_owned(); there.count() + 1]
            })
            .collect();
        self.sign_with(mail, &tags)
    }

    /// `mail` with a signature on top that says `tags`.
    pub fn sign_with(&self, mail: &[u8], tags: &Tags) -> Vec<u8> {
        let (header, body) = header(mail);
        let mut body = relaxed_body(body);
        body.truncate(tags.length.unwrap_or(usize::MAX));
        let body_hash = STANDARD.encode(Sha256::digest(&body));
        let mut said = vec![
            "v=1".to_owned(),
            format!("a={}", tags.algorithm),
            "c=relaxed/relaxed".to_owned(),
            format!("d={}", self.domain),
            format!("s={}", self.selector),
        ];
        said.extend(tags.signed_at.map(|at| format!("t={}", at.as_second())));
        said.extend(tags.expires_at.map(|at| format!("x={}", at.as_second())));
        said.extend(tags.length.map(|length| format!("l={length}")));
        said.extend(tags.more.iter().cloned());
        said.push(format!("h={}", tags.fields.join(":\r\n\t ")));
        said.push(format!("bh={body_hash}"));
        said.push("b=".to_owned());
        let field = format!(" {}", said.join(";\r\n\t"));
        let mut input = Vec::new();
        let mut used: BTreeMap<String, usize> = BTreeMap::new();
        for name in &tags.fields {
            let name = name.to_ascii_lowercase();
            let nth = used.entry(name.clone()).or_default();
            // From the bottom up, as RFC 6376, section 5.4.2 counts them; none is left: nothing.
            let mut fields = header.iter().rev();
            let is_meant = |(known, _): &&(String, Vec<u8>)| known.eq_ignore_ascii_case(&name);
            if let Some((_, value)) = fields.by_ref().filter(is_meant).nth(*nth) {
                input.extend(format!("{name}:").bytes());
                input.extend(relaxed_value(value));
                input.extend(b"\r\n");
            }
            *nth += 1;
        }
        input.extend(b"dkim-signature:");
        input.extend(relaxed_value(field.as_bytes()));
        let signature = STANDARD.encode((self.sign)(&input));
        let folded: Vec<&str> = (0..signature.len())
            .step_by(72)
            .map(|at| &signature[at..signature.len().min(at + 72)])
            .collect();
        let mut signed =
            format!("DKIM-Signature:{field}{}\r\n", folded.join("\r\n\t ")).into_bytes();
        signed.extend(mail);
        signed
    }
}

/// The records of these signers, as `authenticate.dns_static` wants them.
pub fn dns_static<'a>(
    signers: impl IntoIterator<Item = &'a Signer>,
) -> BTreeMap<String, Vec<String>> {
    let mut records: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for signer in signers {
        let record = records.entry(signer.record_name()).or_default();
        record.push(signer.record.clone());
    }
    records
}

/// The fields of a mail, as written, and its body. Lines end in CRLF.
fn header(mail: &[u8]) -> (Vec<(String, Vec<u8>)>, &[u8]) {
    let mut fields: Vec<(String, Vec<u8>)> = Vec::new();
    let mut rest = mail;
    while let Some(end) = rest.windows(2).position(|pair| pair == b"\r\n") {
        let line = &rest[..end];
        rest = &rest[end + 2..];
        if line.is_empty() {
            break;
        }
        match (line.first(), fields.last_mut()) {
            (Some(b' ' | b'\t'), Some((_, value))) => value.extend([b"\r\n", line].concat()),
            _ => {
                let colon = line.iter().position(|byte| *byte == b':');
                let (name, value) = line.split_at(colon.unwrap_or(line.len()));
                let name = String::from_utf8_lossy(name).trim_end().to_owned();
                fields.push((name, value.get(1..).unwrap_or_default().to_vec()));
            }
        }
    }
    (fields, rest)
}

/// A value with its blanks and folds made one blank each, none at its ends (RFC 6376, 3.4.2).
fn relaxed_value(value: &[u8]) -> Vec<u8> {
    let words = value.split(|byte| b" \t\r\n".contains(byte));
    let words: Vec<&[u8]> = words.filter(|word| !word.is_empty()).collect();
    words.join(&b' ')
}

/// A body with its blanks made one each, none at the ends of lines, no empty lines at its end
/// (RFC 6376, 3.4.4).
fn relaxed_body(body: &[u8]) -> Vec<u8> {
    let mut relaxed = Vec::with_capacity(body.len());
    let mut rest = body;
    while !rest.is_empty() {
        let end = rest.windows(2).position(|pair| pair == b"\r\n");
        let line = &rest[..end.unwrap_or(rest.len())];
        rest = end.map_or(&[][..], |end| &rest[end + 2..]);
        let mut is_blank = false;
        for byte in line {
            if b" \t".contains(byte) {
                is_blank = true;
                continue;
            }
            if std::mem::take(&mut is_blank) {
                relaxed.push(b' ');
            }
            relaxed.push(*byte);
        }
        relaxed.extend(b"\r\n");
    }
    while relaxed.ends_with(b"\r\n\r\n") || relaxed == b"\r\n" {
        relaxed.truncate(relaxed.len() - 2);
    }
    relaxed
}

/// An RSA public key (RFC 8017) as the SubjectPublicKeyInfo (RFC 5280) that DNS carries.
fn subject_public_key(key: &[u8]) -> Vec<u8> {
    /// rsaEncryption, without parameters.
    const ALGORITHM: [u8; 15] = [
        0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 1, 5, 0,
    ];
    let bits = der(3, &[&[0], key].concat());
    der(0x30, &[&ALGORITHM[..], &bits].concat())
}

/// A value in DER.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let length: Vec<u8> = length.into_iter().skip_while(|byte| *byte == 0).collect();
    let mut value = vec![tag];
    if content.len() < 0x80 {
        value.push(content.len() as u8);
    } else {
        value.push(0x80 | length.len() as u8);
        value.extend(length);
    }
    value.extend(content);
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_are_relaxed_as_the_rfc_shows() {
        assert_eq!(relaxed_body(b" C \r\nD \t E\r\n\r\n\r\n"), b" C\r\nD E\r\n");
        assert_eq!(relaxed_value(b" X \t\r\n Y "), b"X Y");
        assert_eq!(relaxed_body(b"\r\n\r\n"), b"");
    }
}
