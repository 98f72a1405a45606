//! People who look in on the web.

use async_trait::async_trait;

use super::{AuditEntry, StoreError};
use crate::model::{User, UserName};

/// People who look in on the web.
#[async_trait]
pub trait Users: Send + Sync {
    /// Adds somebody. False: the name is taken.
    async fn add_user(&self, user: &User, audit: &AuditEntry) -> Result<bool, StoreError>;

    /// The user of that name, whether still let in or not.
    async fn user(&self, name: &UserName) -> Result<Option<User>, StoreError>;

    /// Everybody, by name.
    async fn users(&self) -> Result<Vec<User>, StoreError>;
}
