//! All that is known of one case, for whoever has to prove it.

use super::{
    AuditHead, AuditLink, CaseEntry, CaseNote, HistoryEntry, LogEntry, NoticeEntry, Report,
};
use crate::model::{DomainRecord, InboundId, Task};

/// A case with everything that belongs to it, as it was at one moment.
#[derive(Clone, Debug)]
pub struct Dossier {
    /// The case.
    pub case: CaseEntry,
    /// Its domain, if that is still in the books.
    pub record: Option<DomainRecord>,
    /// The domain's history, oldest first.
    pub history: Vec<HistoryEntry>,
    /// Notes on the case, oldest first.
    pub notes: Vec<CaseNote>,
    /// Calls that were put on the desk's list for it, oldest first.
    pub calls: Vec<Task>,
    /// Notices about it, oldest first; what such a mail said of other cases is in them too.
    pub notices: Vec<NoticeEntry>,
    /// What mail systems reported about these notices, oldest first.
    pub reports: Vec<Report>,
    /// Messages about the domain, those about a contact that changed something of it, and those
    /// that caused a notice of the case or report about one, in the order of arrival. Their bytes
    /// are not among it: ask for them one by one ([`super::Store::kept`]).
    pub messages: Vec<LogEntry>,
    /// Messages that are named somewhere and are kept no more, not even their envelope.
    pub gone: Vec<InboundId>,
    /// What was done to the case, its messages and its notices, oldest first.
    pub audit: Vec<AuditLink>,
    /// The newest entry of the whole trail at that moment.
    pub head: AuditHead,
}
