//! Events: what happened, and to what (`centralnic.md` 6).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::super::DomainName;

/// One event: what happened, and to what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResellerEvent {
    /// `CLASS`, such as `CONTACT_REGISTRATION`; unknown ones too.
    pub class: String,
    /// `SUBCLASS`, such as `CONTACT_REGISTRATION_NOTIFY`; unknown ones too.
    pub subclass: String,
    /// What it is about: `OBJECT`, else the data key `domain` or `contact`.
    pub object: Option<ResellerObject>,
    /// The one domain that it names, as object or in the data.
    pub domain: Option<DomainName>,
    /// `REGISTRAR`: our account there.
    pub registrar: Option<String>,
    /// `INDEX`: the event's number, where the mail gives one.
    pub index: Option<String>,
    /// `REASON` and `MESSAGE` but for a trigger code, in order.
    pub texts: Vec<String>,
    /// All other keys with their values, in order. A key may repeat, even with another value.
    pub data: Vec<(String, String)>,
}

/// What an event is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResellerObject {
    /// A contact.
    Contact(ResellerHandle),
    /// A mail address.
    Address(String),
    /// A domain.
    Domain(DomainName),
    /// Something else, as written.
    Other(String),
}

impl ResellerObject {
    /// As people read it.
    pub fn as_str(&self) -> &str {
        match self {
            ResellerObject::Contact(handle) => handle.as_str(),
            ResellerObject::Address(text) | ResellerObject::Other(text) => text,
            ResellerObject::Domain(domain) => domain.unicode(),
        }
    }
}

/// A contact handle of CentralNic Reseller, such as `P-ABC1234`: `P-` or `O-`, three capitals, digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ResellerHandle(String);

/// Longest handle; the documented ones have nine characters.
const HANDLE_MAX: usize = 32;

impl ResellerHandle {
    /// As received.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ResellerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<String> for ResellerHandle {
    type Error = ResellerHandleError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ResellerHandle> for String {
    fn from(handle: ResellerHandle) -> String {
        handle.0
    }
}

/// The text is no contact handle of CentralNic Reseller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a contact handle of CentralNic Reseller; expected a form such as `P-ABC1234`")]
pub struct ResellerHandleError;

impl FromStr for ResellerHandle {
    type Err = ResellerHandleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (letters, digits) = ["P-", "O-"]
            .iter()
            .find_map(|kind| text.strip_prefix(kind))
            .and_then(|rest| rest.split_at_checked(3))
            .ok_or(ResellerHandleError)?;
        let is_handle = letters.bytes().all(|byte| byte.is_ascii_uppercase())
            && !digits.is_empty()
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && text.len() <= HANDLE_MAX;
        match is_handle {
            true => Ok(ResellerHandle(text.to_owned())),
            false => Err(ResellerHandleError),
        }
    }
}

/// The code that confirms a mail address, byte for byte.
///
/// A secret: whoever has it can confirm, and it never expires (CV-25). It cannot be shown by
/// accident, for it has neither `Display` nor `Serialize`, and its `Debug` is a mark.
#[derive(Clone, PartialEq, Eq)]
pub struct TriggerCode(String);

/// Longest code; the documented ones have 44 characters.
const TRIGGER_MAX: usize = 512;

impl TriggerCode {
    /// The code itself, for the one command that it is meant for.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Has it the length of whole base64? One that has not may have lost a `=` on its way.
    pub fn is_whole(&self) -> bool {
        self.0.len().is_multiple_of(4)
    }
}

impl fmt::Debug for TriggerCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TriggerCode(…)")
    }
}

/// The text is no trigger code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a trigger code: 1 to 512 letters, digits, `+`, `/` and `=`")]
pub struct TriggerError;

impl FromStr for TriggerCode {
    type Err = TriggerError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_code = (1..=TRIGGER_MAX).contains(&text.len()) && text.bytes().all(is_of_code);
        match is_code {
            true => Ok(TriggerCode(text.to_owned())),
            false => Err(TriggerError),
        }
    }
}

/// May `byte` stand in a trigger code?
fn is_of_code(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_has_its_kind_three_capitals_and_digits() {
        for good in ["P-ABC1234", "O-UNV7", "P-LMN88"] {
            assert_eq!(good.parse::<ResellerHandle>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "P-",
            "P-ABC",
            "P-AB1234",
            "P-abc1234",
            "X-ABC1234",
            "P-ABC12 4",
            "p-ABC1234",
            "P-ÄBC1",
            "DENIC-1000002-A",
            "P-ABC1234567890123456789012345678",
        ] {
            assert!(bad.parse::<ResellerHandle>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_trigger_code_is_kept_byte_for_byte_and_never_shown() {
        let code: TriggerCode = "ab+/c1==".parse().unwrap();
        assert_eq!(code.expose(), "ab+/c1==");
        assert!(code.is_whole());
        assert_eq!(
            format!("{code:?} {code:#?}"),
            "TriggerCode(…) TriggerCode(…)"
        );
        assert!(!"abc1=".parse::<TriggerCode>().unwrap().is_whole());
    }

    #[test]
    fn what_is_no_trigger_code_is_refused_and_not_repeated() {
        let long = "a".repeat(513);
        for bad in ["", "ab c", "ab-c", "a:b", "ä", long.as_str()] {
            let error = bad.parse::<TriggerCode>().unwrap_err().to_string();
            assert!(
                bad.is_empty() || bad.len() < 3 || !error.contains(bad),
                "{error}"
            );
        }
    }
}
