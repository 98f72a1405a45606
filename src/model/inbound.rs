//! A message as it came in: raw bytes and what the transport knew.

use std::fmt;
use std::net::IpAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Environment, RequestId, ResellerCommandId};

/// The channel a message came by (design, section 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// Registry mail, over SMTP or imported.
    DenicMail,
    /// The registry's message queue.
    DenicQueue,
    /// The reply to a request of ours, by RRI.
    DenicRri,
    /// Reseller mail.
    CentralnicMail,
    /// Reseller EPP poll.
    CentralnicPoll,
    /// Reseller API.
    CentralnicApi,
    /// A delivery status notification.
    Dsn,
    /// A file of no known kind.
    File,
}

impl Source {
    /// The word used in JSON and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Source::DenicMail => "denic-mail",
            Source::DenicQueue => "denic-queue",
            Source::DenicRri => "denic-rri",
            Source::CentralnicMail => "centralnic-mail",
            Source::CentralnicPoll => "centralnic-poll",
            Source::CentralnicApi => "centralnic-api",
            Source::Dsn => "dsn",
            Source::File => "file",
        }
    }

    /// The source of that name, if there is one.
    pub fn from_word(word: &str) -> Option<Self> {
        [
            Source::DenicMail,
            Source::DenicQueue,
            Source::DenicRri,
            Source::CentralnicMail,
            Source::CentralnicPoll,
            Source::CentralnicApi,
            Source::Dsn,
            Source::File,
        ]
        .into_iter()
        .find(|known| known.as_str() == word)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What the SMTP dialogue said, or nothing for a message read from a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// `MAIL FROM`; empty is the null sender `<>`; `None`: there was no dialogue.
    pub mail_from: Option<String>,
    /// `RCPT TO`, in order.
    pub recipients: Vec<String>,
    /// The HELO or EHLO name the peer gave.
    pub helo: Option<String>,
    /// The peer that connected to us: our own Postfix.
    pub peer: Option<IpAddr>,
    /// What our Postfix knew of the client before it (XFORWARD ADDR), from a trusted relay only.
    pub client_address: Option<IpAddr>,
    /// XFORWARD NAME.
    pub client_name: Option<String>,
    /// XFORWARD HELO.
    pub client_helo: Option<String>,
    /// XFORWARD IDENT: the queue id in Postfix's log.
    pub queue_id: Option<String>,
    /// The request of ours that it is the reply to, on the connection that asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<RequestId>,
    /// The command to the reseller that it is the answer to, as it may be shown: `StatusEvent
    /// event=700101`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<String>,
    /// The command's number, where others asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<ResellerCommandId>,
}

/// A message to keep. Nothing in it has been looked at yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inbound {
    /// The channel.
    pub source: Source,
    /// When it was complete here.
    pub received_at: Timestamp,
    /// What the transport knew.
    pub envelope: Envelope,
    /// Set where a person named the environment (`import queue --env`); queue files carry none.
    pub environment: Option<Environment>,
    /// The exact bytes, dot-stuffing undone.
    pub raw: Vec<u8>,
}

/// Most bytes of a header section that is read. Registry mail has two thousand.
const HEADER_BYTES_MAX: usize = 64 * 1024;
/// Most lines of it.
const HEADER_LINES_MAX: usize = 2_000;

/// Is the header section longer than what is read of any?
pub fn is_header_too_long(raw: &[u8]) -> bool {
    let mut lines = 0;
    let mut bytes = 0;
    for line in raw.split_inclusive(|byte| *byte == b'\n') {
        if line.trim_ascii_end().is_empty() && !line.starts_with(b" ") && !line.starts_with(b"\t") {
            return false;
        }
        lines += 1;
        bytes += line.len();
        if lines > HEADER_LINES_MAX || bytes > HEADER_BYTES_MAX {
            return true;
        }
    }
    false
}

/// To whom a message is addressed: its recipients, or the environment a person named for it. The
/// same content addressed to somebody else is another message.
pub fn addressees(envelope: &Envelope, environment: Option<Environment>) -> Vec<String> {
    let named = environment.map(|environment| environment.to_string());
    envelope.recipients.iter().cloned().chain(named).collect()
}

/// SHA-256 of `bytes` in lower-case hexadecimal digits.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Lower-case hexadecimal digits of `bytes`.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|nibble| char::from(DIGITS[usize::from(nibble)]))
        .collect()
}
