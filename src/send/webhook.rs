//! The operator's webhook: JSON with a signature.

use hmac::{Hmac, Mac};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretSlice};
use sha2::Sha256;

use super::outbox::SendError;
use crate::model::hex;
use crate::wire::{HttpClient, HttpRequest, HttpUrl, HttpUrlError};

/// A key shorter than this can be guessed.
const KEY_BYTES_MIN: usize = 16;

/// Proves that a POST comes from us: `t=UNIX,v1=HEX`.
const SIGNATURE: &str = "stichtag-signature";

/// The key of the signature. Never shown: not in logs, not with `{:?}`.
#[derive(Clone, Debug)]
pub struct WebhookKey {
    content: SecretSlice<u8>,
    /// Octets of it that count.
    len: usize,
}

impl WebhookKey {
    /// From the content of a file; line ends behind it are no part of it.
    ///
    /// # Errors
    /// [`WebhookError::ShortKey`]
    pub fn new(content: SecretSlice<u8>) -> Result<Self, WebhookError> {
        let bytes = content.expose_secret();
        let is_end = |byte: &&u8| matches!(byte, b'\r' | b'\n');
        let len = bytes.len() - bytes.iter().rev().take_while(is_end).count();
        if len < KEY_BYTES_MIN {
            return Err(WebhookError::ShortKey);
        }
        Ok(WebhookKey { content, len })
    }

    fn bytes(&self) -> &[u8] {
        &self.content.expose_secret()[..self.len]
    }
}

/// The webhook cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// The address.
    #[error(transparent)]
    Url(#[from] HttpUrlError),
    /// The key.
    #[error("the key is shorter than {KEY_BYTES_MIN} bytes; make one with `openssl rand -hex 32`")]
    ShortKey,
    /// TLS.
    #[error("{0}")]
    Tls(String),
}

/// The way to the operator's webhook.
pub struct Webhook {
    client: HttpClient,
    url: HttpUrl,
    key: WebhookKey,
}

impl Webhook {
    /// POSTs to `url`, signed with `key`.
    ///
    /// # Errors
    /// The URL may not be used, or this machine trusts no certificate.
    pub fn new(url: &str, key: WebhookKey) -> Result<Self, WebhookError> {
        let url: HttpUrl = url.parse()?;
        let client = HttpClient::new().map_err(WebhookError::Tls)?;
        if !client.can_call(&url) {
            let why = "this machine trusts no certificate at all; install `ca-certificates`";
            return Err(WebhookError::Tls(why.to_owned()));
        }
        Ok(Webhook { client, url, key })
    }

    /// Hands over one body, signed as of `at`; the reply of the other side. 2xx is taken; 4xx is
    /// never, but for 408 and 429; all else may be later.
    pub async fn post(&self, body: &[u8], at: Timestamp) -> Result<String, SendError> {
        let signature = signature(&self.key, at, body);
        let request = HttpRequest {
            url: &self.url,
            headers: &[
                ("content-type", "application/json"),
                (SIGNATURE, &signature),
            ],
            body,
        };
        let reply = self
            .client
            .post(&request)
            .await
            .map_err(|error| SendError::Transient(error.to_string()))?;
        match reply.status {
            200..=299 => Ok(reply.line),
            300..=399 => Err(SendError::Transient(format!(
                "{}: redirects are not followed",
                reply.line
            ))),
            408 | 429 => Err(SendError::Transient(reply.line)),
            400..=499 => Err(SendError::Permanent(reply.line)),
            _ => Err(SendError::Transient(reply.line)),
        }
    }
}

/// `t=UNIX,v1=HEX`: HMAC-SHA256 over `UNIX.` and the body. Whoever checks it refuses an old `t`, so
/// that nobody can send an old alert again.
pub fn signature(key: &WebhookKey, at: Timestamp, body: &[u8]) -> String {
    let seconds = at.as_second();
    // HMAC takes keys of any length (RFC 2104, section 2), so this cannot fail.
    let mut mac =
        Hmac::<Sha256>::new_from_slice(key.bytes()).expect("HMAC takes keys of any length");
    mac.update(format!("{seconds}.").as_bytes());
    mac.update(body);
    format!("t={seconds},v1={}", hex(&mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> WebhookKey {
        WebhookKey::new(text.as_bytes().to_vec().into()).unwrap()
    }

    #[test]
    fn the_signature_is_what_openssl_says() {
        // printf '1746835200.{"v":1}' | openssl dgst -sha256 -hmac 0123456789abcdef
        let at = Timestamp::from_second(1_746_835_200).unwrap();
        assert_eq!(
            signature(&key("0123456789abcdef"), at, br#"{"v":1}"#),
            "t=1746835200,v1=b359e6eb29749e90a06cf2a8285c04139531344c5b3e77da82e74cbec8cf0615"
        );
    }

    #[test]
    fn a_line_end_is_no_part_of_the_key_and_a_short_key_is_none() {
        let at = Timestamp::UNIX_EPOCH;
        for content in ["0123456789abcdef\n", "0123456789abcdef\r\n"] {
            let same = signature(&key(content), at, b"x");
            assert_eq!(same, signature(&key("0123456789abcdef"), at, b"x"));
        }
        for short in ["", "\n", "0123456789abcde\n"] {
            let refused = WebhookKey::new(short.as_bytes().to_vec().into());
            assert_eq!(refused.err(), Some(WebhookError::ShortKey));
        }
    }

    #[test]
    fn a_key_is_never_shown() {
        let shown = format!("{:?}", key("0123456789abcdef"));
        assert!(
            !shown.contains("0123") && !shown.contains("48, 49"),
            "{shown}"
        );
    }
}
