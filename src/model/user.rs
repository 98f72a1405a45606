//! People who look in on the web.

use jiff::Timestamp;
use secrecy::SecretString;

use super::words::words;

words!(
    /// What somebody may (`product.md`, chapter 5).
    Role {
        /// Looks; personal data are masked.
        Viewer = "viewer",
        /// Sees all and acts on it: releases, replays, sends again, writes notes.
        Operator = "operator",
        /// The same, and administers people, pausing and what is deleted.
        Admin = "admin",
        /// Sees and exports all, and does nothing.
        Auditor = "auditor",
    }
);

words!(
    /// How pages look.
    Theme {
        /// As the system has it.
        Auto = "auto",
        /// Dark on light.
        Light = "light",
        /// Light on dark.
        Dark = "dark",
    }
);

/// A user's name, such as `anna` or `anna@example.net`: 1 to 64 letters, digits, `.`, `-`, `_` and `@`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserName(String);

impl UserName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for UserName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

impl std::str::FromStr for UserName {
    type Err = String;

    /// Upper and lower case are the same: people type names.
    fn from_str(text: &str) -> Result<Self, String> {
        let is_fine = (1..=64).contains(&text.len())
            && (text.bytes()).all(|b| b.is_ascii_alphanumeric() || b".-_@".contains(&b));
        match is_fine {
            true => Ok(UserName(text.to_ascii_lowercase())),
            false => Err("a name has 1 to 64 letters, digits, `.`, `-`, `_` and `@`".to_owned()),
        }
    }
}

/// Somebody who may look in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name.
    pub name: UserName,
    /// What they may.
    pub role: Role,
    /// Since when.
    pub created_at: Timestamp,
    /// Since when no longer.
    pub disabled_at: Option<Timestamp>,
    /// The language of their pages; `None`: the browser's.
    pub language: Option<super::Language>,
    /// How their pages look.
    pub theme: Theme,
    /// Keys of the keyboard do something.
    pub has_keys: bool,
    /// A password is set.
    pub has_password: bool,
    /// A code of an authenticator is asked for beside it.
    pub has_totp: bool,
    /// Until when the one-time link may be used, if there is one.
    pub link_ends_at: Option<Timestamp>,
    /// Counts what ends their sessions: another role or password, being disabled.
    pub stamp: i64,
}

/// What somebody proves with that it is them.
#[derive(Clone, Debug)]
pub struct UserProof {
    /// The password's argon2id hash, as a PHC string.
    pub password: Option<SecretString>,
    /// The secret of their authenticator, base32.
    pub totp: Option<SecretString>,
}

/// A one-time link, as it is kept: without its code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneTimeLink {
    /// SHA-256 of the code, hexadecimal. One round is enough: a code is 43 letters and digits by chance.
    pub digest: String,
    /// Until when it may be used.
    pub ends_at: Timestamp,
}

/// What is changed about somebody.
#[derive(Clone, Debug)]
pub enum UserChange {
    /// What they may.
    Role(Role),
    /// Whether they are let in.
    IsDisabled(bool),
    /// The password's hash, as a PHC string.
    Password(SecretString),
    /// The secret of their authenticator, base32, and the step of the code that proved it; `None`: no
    /// second factor any more.
    Totp(Option<(SecretString, u64)>),
    /// A link takes the place of the one before.
    Link(OneTimeLink),
    /// How pages look to them.
    Looks {
        /// `None`: the browser's.
        language: Option<super::Language>,
        /// Light or dark.
        theme: Theme,
        /// Keys of the keyboard do something.
        has_keys: bool,
    },
    /// All that they are signed in with ends.
    SignOut,
}

impl UserChange {
    /// Must they sign in anew?
    pub fn ends_sessions(&self) -> bool {
        !matches!(self, UserChange::Link(_) | UserChange::Looks { .. })
    }
}
