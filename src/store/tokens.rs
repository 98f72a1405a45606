//! Tokens of programs that order over HTTP.

use async_trait::async_trait;
use jiff::Timestamp;

use super::{AuditEntry, StoreError};
use crate::model::{Token, TokenName};

/// Tokens of programs that order over HTTP.
#[async_trait]
pub trait Tokens: Send + Sync {
    /// Keeps a token by its digest. False: the name belongs to a token that was not taken back.
    async fn add_token(
        &self,
        token: &Token,
        digest: &str,
        audit: &AuditEntry,
    ) -> Result<bool, StoreError>;

    /// Takes a token back. False: there is no such token, or it was taken back before.
    async fn revoke_token(&self, name: &TokenName, audit: &AuditEntry) -> Result<bool, StoreError>;

    /// Every token, oldest first, those taken back too.
    async fn tokens(&self) -> Result<Vec<Token>, StoreError>;

    /// The token with that digest, whether it is still taken or not.
    ///
    /// It is looked up by an index over digests. How long that takes may tell something of digests,
    /// which whoever asks cannot choose; so nothing needs to be compared in constant time.
    async fn token(&self, digest: &str) -> Result<Option<Token>, StoreError>;

    /// Remembers that a token was used, unless it is remembered that it was used after `before`.
    async fn touch_token(
        &self,
        digest: &str,
        before: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError>;
}
