//! Tokens of programs that order and look in over HTTP.

use jiff::Timestamp;

use super::words::words;
use super::{Environment, sha256_hex};

words!(
    /// What a token allows.
    Scope {
        /// To see orders, requests and the action log.
        OrdersRead = "orders:read",
        /// To place orders.
        OrdersWrite = "orders:write",
        /// To say that an order is paid, and to take that back.
        PaymentsWrite = "payments:write",
        /// To see messages, what is held, and how all stands.
        MessagesRead = "messages:read",
        /// To see domains, deadlines, cases, mails to customers and customers, names and addresses masked.
        DomainsRead = "domains:read",
        /// To see who did what.
        AuditRead = "audit:read",
        /// To see names, addresses and the bytes of mails wherever the other scopes let in.
        PeopleRead = "people:read",
    }
);

/// A token as it is kept: without the token itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Whose it is: the actor in the audit trail, and the front of its orders' keys.
    pub name: TokenName,
    /// What it allows.
    pub scopes: Vec<Scope>,
    /// The one environment that it may touch; `None`: both.
    pub environment: Option<Environment>,
    /// Since when.
    pub created_at: Timestamp,
    /// Until when.
    pub expires_at: Timestamp,
    /// Since when it is no longer taken.
    pub revoked_at: Option<Timestamp>,
    /// When it was used, to a minute.
    pub last_used_at: Option<Timestamp>,
}

/// How a token stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenState {
    /// It is taken.
    Valid,
    /// Its time is over.
    Expired,
    /// It was taken back.
    Revoked,
}

impl TokenState {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            TokenState::Valid => "valid",
            TokenState::Expired => "expired",
            TokenState::Revoked => "revoked",
        }
    }
}

impl Token {
    /// What a token is kept and looked up by: SHA-256, hexadecimal. One round is enough: a token is
    /// 43 letters and digits by chance, which nobody guesses.
    pub fn digest(text: &str) -> String {
        sha256_hex(text.as_bytes())
    }

    /// Is it still taken?
    pub fn state(&self, now: Timestamp) -> TokenState {
        match self.revoked_at {
            Some(_) => TokenState::Revoked,
            None if now >= self.expires_at => TokenState::Expired,
            None => TokenState::Valid,
        }
    }

    /// May it touch what belongs to that environment?
    pub fn may_touch(&self, environment: Environment) -> bool {
        self.environment.is_none_or(|only| only == environment)
    }
}

/// A name of a token, such as `shop-1`: 1 to 64 letters, digits, `.`, `-` and `_`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TokenName(String);

impl TokenName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for TokenName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

impl std::str::FromStr for TokenName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_fine = (1..=64).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b".-_".contains(&b));
        match is_fine {
            true => Ok(TokenName(text.to_owned())),
            false => Err("a name has 1 to 64 letters, digits, `.`, `-` and `_`".to_owned()),
        }
    }
}
