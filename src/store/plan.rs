//! What planning the mails of a case needs, and what comes of it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::NoticeDraft;
use crate::model::{
    CaseId, CaseState, Customer, CustomerId, DomainKey, DomainRecord, NoticeId, NoticeKind,
    NoticeState, ReasonCode, ResellerCommand,
};

/// Open cases whose plan is to be looked at, with all that a decision about them needs.
#[derive(Clone, Debug, Default)]
pub struct Desk {
    /// The cases.
    pub cases: Vec<PlanCase>,
    /// Open cases of the domains that their customers' addresses lie under.
    pub open: BTreeMap<DomainKey, CaseState>,
}

/// An open case.
#[derive(Clone, Debug)]
pub struct PlanCase {
    /// Its number.
    pub id: CaseId,
    /// Its state.
    pub state: CaseState,
    /// Its domain.
    pub record: DomainRecord,
    /// Whose that is.
    pub customer: Option<Customer>,
    /// What the customer was told, or is about to be told, of this case, oldest first.
    pub told: Vec<Told>,
    /// When the customer was telephoned last about it.
    pub called_at: Option<Timestamp>,
    /// There is a code with which the owner's address can be confirmed, and it has not been used.
    pub has_code: bool,
    /// When a code was asked for last.
    pub code_asked_at: Option<Timestamp>,
}

/// One mail about a case to the customer that its domain has now; a former one does not count.
#[derive(Clone, Debug)]
pub struct Told {
    /// Its number.
    pub notice: NoticeId,
    /// Which text.
    pub kind: NoticeKind,
    /// How far it got.
    pub state: NoticeState,
    /// When it left, or will leave.
    pub at: Timestamp,
    /// Where to.
    pub recipient: String,
    /// Its Message-ID without angle brackets.
    pub message_id: String,
}

/// What is to be done about a case, and when it is looked at next.
#[derive(Clone, Debug)]
pub struct PlanChange {
    /// The case.
    pub case: CaseId,
    /// Its state when it was read.
    pub state: CaseState,
    /// The version of its domain's record when it was read; with another one it is looked at again.
    pub version: i64,
    /// Mails to be sent.
    pub notices: Vec<NoticeDraft>,
    /// The notice that came back and that these stand for.
    pub again: Option<NoticeId>,
    /// Calls to be made; where none is, those that were are no longer needed.
    pub tasks: Vec<TaskDraft>,
    /// What is to be asked of the reseller.
    pub commands: Vec<ResellerCommand>,
    /// Keys of alarms whose cause is gone.
    pub clears: Vec<String>,
    /// When it was decided.
    pub at: Timestamp,
    /// The next reminder; `None`: nothing is planned until something changes.
    pub next_at: Option<Timestamp>,
}

/// A call to be put on the desk's list.
#[derive(Clone, Debug)]
pub struct TaskDraft {
    /// What makes it the same task; of one case never put on the list twice.
    pub key: String,
    /// Whom to call, where the domain has a customer.
    pub customer: Option<CustomerId>,
    /// Why no mail will do.
    pub code: ReasonCode,
    /// The same as a sentence.
    pub text: String,
    /// When.
    pub opened_at: Timestamp,
}
