//! People who look in on the web, and what they are signed in with.

use async_trait::async_trait;
use jiff::Timestamp;
use secrecy::SecretString;

use super::{AuditEntry, StoreError};
use crate::model::{OneTimeLink, User, UserChange, UserName, UserProof};

/// Somebody is signed in, somewhere.
#[derive(Clone, Debug)]
pub struct WebSession {
    /// Who.
    pub user: UserName,
    /// What the pages remember meanwhile: a JSON object.
    pub data: SecretString,
    /// Since when.
    pub began_at: Timestamp,
    /// When they asked for something, to a minute.
    pub seen_at: Timestamp,
}

/// Sessions older than this are over.
#[derive(Clone, Copy, Debug)]
pub struct SessionBounds {
    /// Those that began before.
    pub began_after: Timestamp,
    /// Those that have not been heard of since.
    pub seen_after: Timestamp,
}

/// People who look in on the web, and what they are signed in with.
#[async_trait]
pub trait Users: Send + Sync {
    /// Adds somebody, with a link to sign in by for the first time. False: the name is taken.
    async fn add_user(
        &self,
        user: &User,
        link: &OneTimeLink,
        audit: &AuditEntry,
    ) -> Result<bool, StoreError>;

    /// The user of that name, whether still let in or not.
    async fn user(&self, name: &UserName) -> Result<Option<User>, StoreError>;

    /// Everybody, by name.
    async fn users(&self) -> Result<Vec<User>, StoreError>;

    /// What that user proves with that it is them.
    async fn user_proof(&self, name: &UserName) -> Result<Option<UserProof>, StoreError>;

    /// Changes something about somebody, and ends their sessions where that follows from it. False:
    /// there is no such user.
    async fn change_user(
        &self,
        name: &UserName,
        change: &UserChange,
        audit: &AuditEntry,
    ) -> Result<bool, StoreError>;

    /// Whose link that is, if it may be used at `now`.
    async fn linked_user(&self, digest: &str, now: Timestamp) -> Result<Option<User>, StoreError>;

    /// Uses a link: sets the password, and ends all sessions. False: it has been used meanwhile.
    async fn use_link(
        &self,
        digest: &str,
        password: &SecretString,
        audit: &AuditEntry,
    ) -> Result<bool, StoreError>;

    /// Takes a code of somebody's authenticator. False: this or a later one was taken before.
    async fn use_totp(&self, name: &UserName, step: u64) -> Result<bool, StoreError>;

    /// Somebody has signed in from this network.
    async fn signed_in(
        &self,
        name: &UserName,
        network: &str,
        audit: &AuditEntry,
    ) -> Result<(), StoreError>;

    /// Has this user signed in from this network?
    async fn is_known_place(&self, name: &UserName, network: &str) -> Result<bool, StoreError>;

    /// Keeps a session by the digest of its id, and forgets those that are over, and of its user the
    /// oldest where there are too many. False: there is one with this digest.
    async fn add_session(
        &self,
        digest: &str,
        session: &WebSession,
        bounds: SessionBounds,
    ) -> Result<bool, StoreError>;

    /// Writes what pages remember. A session that has ended meanwhile does not begin anew.
    async fn save_session(&self, digest: &str, data: &SecretString) -> Result<(), StoreError>;

    /// The session with that digest, unless it is over.
    async fn session(
        &self,
        digest: &str,
        bounds: SessionBounds,
    ) -> Result<Option<WebSession>, StoreError>;

    /// They have asked for something.
    async fn touch_session(&self, digest: &str, now: Timestamp) -> Result<(), StoreError>;

    /// Ends a session.
    async fn end_session(&self, digest: &str) -> Result<(), StoreError>;
}
