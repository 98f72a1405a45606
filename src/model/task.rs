//! What the desk has to do by telephone, because no mail reaches the customer.

use jiff::Timestamp;

use super::{CaseId, CustomerId, DomainKey, ReasonCode};

/// A telephone call to be made about a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// The case.
    pub case: CaseId,
    /// Environment and name of its domain.
    pub domain: DomainKey,
    /// Whom to call, where the domain has a customer.
    pub customer: Option<CustomerId>,
    /// What makes it the same task, such as `W11`: of one case never put on the list twice.
    pub key: String,
    /// Why no mail will do.
    pub code: ReasonCode,
    /// The same as a sentence.
    pub text: String,
    /// When it was put on the list.
    pub opened_at: Timestamp,
    /// When it was done, or no longer needed.
    pub closed_at: Option<Timestamp>,
    /// Who made the call, and what came of it; or why it was not needed.
    pub outcome: Option<String>,
}
