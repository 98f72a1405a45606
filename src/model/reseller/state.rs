//! What the reseller's system shows of a domain or a contact (`centralnic.md` 5).

use jiff::Timestamp;
use jiff::civil::DateTime;

use super::super::DomainName;
use super::ResellerHandle;

/// A domain, as `StatusDomain` shows it, or as far as a row of a list or another answer does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResellerDomain {
    /// The domain.
    pub domain: DomainName,
    /// `status`, as written: `ACTIVE`, `clientHold`, `serverHold` …; unknown ones too.
    pub statuses: Vec<String>,
    /// `nameserver`, in lower case, without a final dot.
    pub nameservers: Vec<String>,
    /// `ownercontact`, or `contact` of a row.
    pub owner: Option<ResellerHandle>,
    /// `created date`.
    pub created_at: Option<Timestamp>,
    /// `x-time-to-suspension`: it is suspended then, unless its owner is verified (CV-20).
    pub suspension_at: Option<Timestamp>,
    /// `x-de-verificationdeadlinebeforededelegation`, which has no zone.
    pub de_dedelegation: Option<DateTime>,
    /// `x-de-verificationdeadlinebeforedeletion`, which has no zone.
    pub de_deletion: Option<DateTime>,
    /// `verified` of a row: has its owner's address been confirmed?
    pub is_verified: Option<bool>,
}

/// A contact, as `StatusContact` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResellerContact {
    /// Its handle.
    pub handle: ResellerHandle,
    /// `email`.
    pub address: Option<String>,
    /// `validated`: is its form right (`centralnic.md` 8)?
    pub is_validated: Option<bool>,
    /// `verified`: has its address been confirmed?
    pub is_verified: Option<bool>,
    /// `verification requested`: asked for, and not answered yet.
    pub is_requested: Option<bool>,
}
