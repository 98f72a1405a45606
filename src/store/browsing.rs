//! Lists for pages, never longer than a page, and the keys of the staff's calendar.

use async_trait::async_trait;
use jiff::Timestamp;

use super::{AuditEntry, CaseEntry, StoreError};
use crate::model::{
    CaseId, CaseState, Customer, CustomerId, DomainKey, DomainRecord, Environment, UserName,
};

/// Which cases to list: the open ones first, the oldest on top; then those that have ended, the newest
/// on top. Empty fields do not filter.
#[derive(Clone, Debug, Default)]
pub struct CaseFilter {
    /// In this state.
    pub state: Option<CaseState>,
    /// Open ones, or ended ones, only.
    pub is_open: Option<bool>,
    /// Live or test.
    pub environment: Option<Environment>,
    /// Of this domain alone.
    pub key: Option<DomainKey>,
    /// The A-label begins like this.
    pub prefix: Option<String>,
    /// Of the domains that this customer has now.
    pub customer: Option<CustomerId>,
    /// Only those behind this one.
    pub after: Option<CaseMark>,
    /// So many at most.
    pub limit: u32,
}

/// A place in the list of cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaseMark {
    /// Among those that have ended.
    pub is_ended: bool,
    /// The case.
    pub id: CaseId,
}

/// Which domains to list, by environment and A-label. Empty fields do not filter.
#[derive(Clone, Debug, Default)]
pub struct DomainFilter {
    /// Either form of the name begins like this.
    pub text: Option<String>,
    /// Live or test.
    pub environment: Option<Environment>,
    /// Of this customer.
    pub customer: Option<CustomerId>,
    /// Only those behind this one.
    pub after: Option<DomainKey>,
    /// So many at most.
    pub limit: u32,
}

/// Which customers to list, by number.
#[derive(Clone, Debug, Default)]
pub struct CustomerFilter {
    /// The number begins like this.
    pub text: Option<String>,
    /// A mail address that begins like it will do, too.
    pub or_address: bool,
    /// Only those behind this one.
    pub after: Option<CustomerId>,
    /// So many at most.
    pub limit: u32,
}

/// Somebody's key of the staff's calendar; the key itself is kept nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedKey {
    /// Whose it is.
    pub user: UserName,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Lists for pages, never longer than a page, and the keys of the staff's calendar.
#[async_trait]
pub trait Browsing: Send + Sync {
    /// One case.
    async fn case(&self, id: CaseId) -> Result<Option<CaseEntry>, StoreError>;

    /// Cases, the open ones first.
    async fn case_page(&self, filter: &CaseFilter) -> Result<Vec<CaseEntry>, StoreError>;

    /// Domains, by environment and A-label. Of names that are no ASCII, at most some thousand are looked
    /// through.
    async fn domain_page(&self, filter: &DomainFilter) -> Result<Vec<DomainRecord>, StoreError>;

    /// Customers, by number.
    async fn customer_page(&self, filter: &CustomerFilter) -> Result<Vec<Customer>, StoreError>;

    /// Keeps the digest of a key, in the place of the one that the user had. False: there is no such
    /// user.
    async fn put_feed_key(
        &self,
        user: &UserName,
        digest: &str,
        audit: &AuditEntry,
    ) -> Result<bool, StoreError>;

    /// Takes a user's key back. False: there is none.
    async fn revoke_feed_key(
        &self,
        user: &UserName,
        audit: &AuditEntry,
    ) -> Result<bool, StoreError>;

    /// Every key, by user.
    async fn feed_keys(&self) -> Result<Vec<FeedKey>, StoreError>;

    /// The user with the key of that digest, if they are still let in.
    async fn feed_user(&self, digest: &str) -> Result<Option<UserName>, StoreError>;
}
