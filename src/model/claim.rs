//! What must be proven about a holder.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One verification claim, lower case: `name`, `address`, `email`; others stay as the registry
/// wrote them (`denic.md` 5.5).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Claim {
    /// The holder's postal address.
    Address,
    /// The holder's mail address.
    Email,
    /// The holder's name.
    Name,
    /// A claim not known yet.
    Other(String),
}

impl Claim {
    /// The registry's word for it.
    pub fn as_str(&self) -> &str {
        match self {
            Claim::Name => "name",
            Claim::Address => "address",
            Claim::Email => "email",
            Claim::Other(word) => word,
        }
    }
}

impl From<&str> for Claim {
    fn from(word: &str) -> Self {
        match word.trim().to_ascii_lowercase().as_str() {
            "name" => Claim::Name,
            "address" => Claim::Address,
            "email" => Claim::Email,
            _ => Claim::Other(word.trim().to_owned()),
        }
    }
}

impl From<String> for Claim {
    fn from(word: String) -> Self {
        Claim::from(word.as_str())
    }
}

impl From<Claim> for String {
    fn from(claim: Claim) -> String {
        claim.as_str().to_owned()
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
