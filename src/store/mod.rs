//! One trait, made for two databases; the only place that knows SQL.
//!
//! Every method is one whole transaction: nobody outside holds one open.

mod alerting;
mod browsing;
mod chain;
mod change;
mod confirming;
mod counting;
mod dossier;
mod looking;
mod ordering;
mod plan;
mod report;
mod reseller;
mod reselling;
mod sqlite;
mod tokens;
mod users;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::model::{
    CaseId, Customer, CustomerId, DomainKey, DomainRecord, Environment, Evidence, Inbound,
    InboundId, NoticeId, NoticeState, Task,
};

pub use alerting::{
    AlarmEntry, AlertDraft, AlertNews, Alerting, RouteHeard, RoutesHeard, WatchAsk, WatchFacts,
    WatchRule, WatchedCase,
};
pub use browsing::{Browsing, CaseFilter, CaseMark, CustomerFilter, DomainFilter, FeedKey};
pub use chain::{AuditCheck, AuditFinding, AuditHead};
pub use change::{
    Alarm, Ask, AuditEntry, AuditFilter, AuditLink, AuditPage, CaseChange, CaseEntry, CaseNote,
    Change, ChannelHeard, Claimed, Decision, Delivery, DomainChange, DomainImport, DomainOutcome,
    Figures, HeldMail, HeldWork, HistoryEntry, Known, LogEntry, LogFilter, MessageVerdict,
    NoticeDraft, NoticeEntry, NoticeOutcome, NoticeSeed, Outcome, SMARTHOST_ALARM, Sealed, Waiting,
    World,
};
pub use confirming::{
    CodeFound, Confirmation, ConfirmationState, Confirming, PendingCommand, PendingConfirmation,
    VisitorCode,
};
pub use counting::{
    Counting, DayCount, Distribution, DueAsk, DueCount, KeyEnd, Spell, SpellKind, Totals,
};
pub use dossier::Dossier;
pub use looking::{Looking, MessageField, MessagePage, MessagePlace, MessageQuery, MessageTerm};
pub use ordering::{
    ActionFilter, OrderDraft, OrderFilter, OrderRelease, Ordering, Placed, RequestAnswer,
    RequestDelivery, RequestFilter,
};
pub use plan::{Desk, PlanCase, PlanChange, TaskDraft, Told};
pub use report::{Report, ReportChange, ReportEffect, Standing};
pub use reseller::{
    AskedCommand, Happening, ResellerAsk, ResellerChange, ResellerWorld, SAME_TIME_SECONDS,
    SeenCode,
};
pub use reselling::{CommandFilter, CommandReply, Reselling};
pub use sqlite::SqliteStore;
pub use tokens::Tokens;
pub use users::{SessionBounds, Users, WebSession};

/// Why the store did not do it. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody wrote since the record was read; load it and decide again.
    #[error("the record was changed by somebody else")]
    Conflict,
    /// No room on the disk.
    #[error("no room on the disk")]
    Full,
    /// Another process holds the database.
    #[error("the database is busy")]
    Busy,
    /// What the database said.
    #[error("the database failed: {0}")]
    Database(String),
    /// A row that this version cannot read.
    #[error("a row cannot be read: {0}")]
    Unreadable(String),
    /// The database is newer than this program.
    #[error("the database was written by a newer version: {0}")]
    Newer(String),
}

/// What is kept, for as long as it is needed.
#[async_trait]
pub trait Store:
    Alerting
    + Browsing
    + Confirming
    + Counting
    + Looking
    + Ordering
    + Reselling
    + Tokens
    + Users
    + Send
    + Sync
{
    /// Keeps messages, durably when it returns: all, or none. Numbers rise in the order given.
    async fn keep(&self, mails: Vec<Sealed>) -> Result<Vec<InboundId>, StoreError>;

    /// Takes up to `limit` undecided messages, oldest first, and hides them until `now + lease`.
    /// A worker that dies loses nothing: they come up again.
    async fn claim_kept(
        &self,
        now: Timestamp,
        limit: u32,
        lease: Duration,
    ) -> Result<Vec<Claimed>, StoreError>;

    /// Puts claimed messages back; what was decided meanwhile stays so.
    async fn defer(&self, waiting: &[Waiting], now: Timestamp) -> Result<(), StoreError>;

    /// Makes everything claimable at once: for the one process that owns the database, at start.
    async fn forget_leases(&self) -> Result<(), StoreError>;

    /// What was found about a message's origin when it was decided.
    async fn evidence(&self, id: InboundId) -> Result<Option<Evidence>, StoreError>;

    /// One kept message.
    async fn kept(&self, id: InboundId) -> Result<Option<Inbound>, StoreError>;

    /// Loads what a decision needs.
    async fn load(&self, ask: &Ask) -> Result<World, StoreError>;

    /// Writes records, history, cases, notices and verdicts of several messages: all, or none.
    /// A message that was decided by somebody else meanwhile is passed over.
    /// [`StoreError::Conflict`]: a record changed since it was read; load and decide again.
    async fn commit(&self, changes: &[Change]) -> Result<(), StoreError>;

    /// Writes changes as [`Store::commit`] would, one after the other, looks at what became of
    /// each, and undoes all of it: nothing is written.
    async fn rehearse(&self, changes: &[Change]) -> Result<Vec<Outcome>, StoreError>;

    /// Puts decided messages back in line. `is_released`: a person vouches for their senders; who
    /// was vouched for once stays so until the message is refused.
    async fn requeue(
        &self,
        ids: &[InboundId],
        is_released: bool,
        audit: &AuditEntry,
    ) -> Result<(), StoreError>;

    /// Refuses held messages for good; returns how many were held.
    async fn refuse(
        &self,
        ids: &[InboundId],
        reason: &crate::model::Reason,
        audit: &AuditEntry,
    ) -> Result<u64, StoreError>;

    /// The log, in the order of arrival: the newest so many, or with `after` the next so many.
    async fn log(&self, filter: &LogFilter) -> Result<Vec<LogEntry>, StoreError>;

    /// Writes or overwrites customers.
    async fn put_customers(&self, customers: &[Customer]) -> Result<(), StoreError>;

    /// Writes a customer that a person changed; what waits for a former address goes to the one in its
    /// place, and what is planned is thought of anew.
    /// [`StoreError::Conflict`]: it is no longer as it was `before`.
    async fn change_customer(
        &self,
        before: &Customer,
        after: &Customer,
        audit: &AuditEntry,
    ) -> Result<(), StoreError>;

    /// One customer.
    async fn customer(&self, id: &CustomerId) -> Result<Option<Customer>, StoreError>;

    /// Writes domains; what the registry has said about them stays.
    async fn put_domains(&self, domains: &[DomainImport], now: Timestamp)
    -> Result<(), StoreError>;

    /// Domains by A-label, in both environments or one; all where no name is given.
    async fn domains(
        &self,
        environment: Option<Environment>,
        ace: Option<&str>,
    ) -> Result<Vec<DomainRecord>, StoreError>;

    /// Domains with a deadline in force.
    async fn domains_due(&self) -> Result<Vec<DomainRecord>, StoreError>;

    /// Domains of one customer.
    async fn domains_of(&self, customer: &CustomerId) -> Result<Vec<DomainRecord>, StoreError>;

    /// A domain's history, oldest first.
    async fn history(&self, key: &DomainKey) -> Result<Vec<HistoryEntry>, StoreError>;

    /// Cases, oldest first; all, or the open ones.
    async fn cases(&self, open_only: bool) -> Result<Vec<CaseEntry>, StoreError>;

    /// A case with everything that belongs to it, as it is at one moment.
    async fn dossier(&self, id: CaseId) -> Result<Option<Dossier>, StoreError>;

    /// The notes on a case, oldest first.
    async fn case_notes(&self, id: CaseId) -> Result<Vec<CaseNote>, StoreError>;

    /// Adds a note to a case, and closes it where asked; false: there is no such open case to close.
    async fn note_case(
        &self,
        id: CaseId,
        note: &CaseNote,
        is_closing: bool,
    ) -> Result<bool, StoreError>;

    /// Takes up to `limit` open cases whose plan is due to be looked at, and hides them until
    /// `now + lease`. A worker that dies loses nothing: they come up again.
    async fn claim_plans(
        &self,
        now: Timestamp,
        limit: u32,
        lease: Duration,
    ) -> Result<Desk, StoreError>;

    /// Writes what planning came to: mails, calls, and when to look again. A case that changed
    /// since it was read is passed over and looked at once more.
    async fn commit_plans(&self, changes: &[PlanChange]) -> Result<(), StoreError>;

    /// When the next plan is to be looked at, if any is.
    async fn next_plan_at(&self) -> Result<Option<Timestamp>, StoreError>;

    /// Has every open case looked at: the settings may have changed.
    async fn plan_again(&self) -> Result<(), StoreError>;

    /// Every open case with all that planning needs.
    async fn desk(&self) -> Result<Desk, StoreError>;

    /// One open case with all that planning needs; no case in it where there is no such open case.
    async fn plan_of(&self, id: CaseId) -> Result<Desk, StoreError>;

    /// Calls to be made, oldest first; of one case also those that are done.
    async fn tasks(&self, case: Option<CaseId>) -> Result<Vec<Task>, StoreError>;

    /// A call was made: takes the open calls of the case off the list, writes down who made it and
    /// what came of it; returns how many were open.
    async fn call_done(&self, case: CaseId, note: &CaseNote) -> Result<u64, StoreError>;

    /// Takes up to `limit` notices due at `now`, oldest first, and hides them until `now + lease`.
    /// Nothing joins them any more.
    async fn claim_notices(
        &self,
        now: Timestamp,
        limit: u32,
        lease: Duration,
    ) -> Result<Vec<Notice>, StoreError>;

    /// Before every try: fixes the bytes of a notice, if they are not fixed yet. False: later news
    /// overtook one of its `items` since it was claimed; it is not to be sent, and comes up again
    /// with what still stands of it.
    async fn fix_notice(&self, id: NoticeId, raw: &[u8], items: usize) -> Result<bool, StoreError>;

    /// A notice whose bytes are not fixed is written as of `at`: what it says of days to come must
    /// still be to come.
    async fn redate_notice(&self, id: NoticeId, at: Timestamp) -> Result<(), StoreError>;

    /// Gives a claimed notice back untried, to have its turn at `at`; what comes up before then may
    /// join it, unless its bytes are fixed.
    async fn put_off_notice(&self, id: NoticeId, at: Timestamp) -> Result<(), StoreError>;

    /// Writes down how a try ended; a failure raises `alarm`.
    async fn settle_notice(
        &self,
        id: NoticeId,
        delivery: &Delivery,
        alarm: Option<&Alarm>,
    ) -> Result<(), StoreError>;

    /// What mail systems reported about one notice, or about all of a case, oldest first.
    async fn reports(
        &self,
        notice: Option<NoticeId>,
        case: Option<CaseId>,
    ) -> Result<Vec<Report>, StoreError>;

    /// The key of that name; `fresh` becomes it where there is none yet. All processes get the same.
    async fn secret(&self, name: &str, fresh: &[u8]) -> Result<Vec<u8>, StoreError>;

    /// How many mails left since `since`.
    async fn sent_since(&self, since: Timestamp) -> Result<u64, StoreError>;

    /// When the next notice is due, if one is waiting.
    async fn next_notice_at(&self) -> Result<Option<Timestamp>, StoreError>;

    /// Notices, oldest first: of one customer, case or state, or all.
    async fn notices(&self, filter: &NoticeFilter) -> Result<Vec<NoticeEntry>, StoreError>;

    /// Queues a notice (again) with the same bytes; false: there is no such notice.
    async fn requeue_notice(
        &self,
        id: NoticeId,
        now: Timestamp,
        audit: &AuditEntry,
    ) -> Result<bool, StoreError>;

    /// Alarms that nobody has cleared, oldest first.
    async fn alarms(&self) -> Result<Vec<Alarm>, StoreError>;

    /// Raises alarms; one whose key is raised already stays as it is.
    async fn raise(&self, alarms: &[Alarm]) -> Result<(), StoreError>;

    /// Raises alarms about messages, each as long as its message is held.
    async fn raise_held(&self, alarms: &[Alarm]) -> Result<(), StoreError>;

    /// What is held, and which of it names a deadline before `until` that is not alarmed yet.
    async fn held_work(&self, until: Timestamp) -> Result<HeldWork, StoreError>;

    /// Clears the alarms of that key.
    async fn clear_alarm(&self, key: &str, now: Timestamp) -> Result<(), StoreError>;

    /// A switch, such as `notices.paused`.
    async fn switch(&self, name: &str) -> Result<Option<String>, StoreError>;

    /// Sets or removes a switch.
    async fn set_switch(
        &self,
        name: &str,
        value: Option<&str>,
        audit: &AuditEntry,
    ) -> Result<(), StoreError>;

    /// What was done to an object, such as message `1042`, oldest first.
    async fn audit_of(&self, object: &str) -> Result<Vec<AuditEntry>, StoreError>;

    /// Writes an entry of the audit trail about something that is done in many small steps.
    async fn audit(&self, entry: &AuditEntry) -> Result<(), StoreError>;

    /// The audit trail, oldest first.
    async fn audit_list(&self, filter: &AuditFilter) -> Result<Vec<AuditLink>, StoreError>;

    /// The newest so many entries that the filter lets through, of those below a number. Only so many
    /// are looked through that it stays quick: where `below` of the page is set, there may be more.
    async fn audit_page(
        &self,
        filter: &AuditFilter,
        below: Option<i64>,
    ) -> Result<AuditPage, StoreError>;

    /// Walks through the whole audit trail and names what does not fit. `noted`: a head that
    /// somebody wrote down earlier; its entry must still be there.
    async fn audit_verify(&self, noted: Option<&AuditHead>) -> Result<AuditCheck, StoreError>;

    /// Which channels spoke last, by environment: among the latest `limit` messages those that were
    /// understood.
    async fn channels(&self, limit: u32) -> Result<Vec<ChannelHeard>, StoreError>;

    /// Figures for `status`.
    async fn figures(&self) -> Result<Figures, StoreError>;

    /// Keeps messages of an import and remembers how far it got, in one transaction.
    async fn keep_import(
        &self,
        source: &str,
        done: u64,
        mails: &[Inbound],
    ) -> Result<Vec<InboundId>, StoreError>;

    /// How far the import of `source` got.
    async fn import_done(&self, source: &str) -> Result<u64, StoreError>;

    /// Can it be written to? For `/readyz`.
    async fn check(&self) -> Result<(), StoreError>;
}

use crate::model::Notice;

/// A filter for notices; empty fields do not filter.
#[derive(Clone, Debug, Default)]
pub struct NoticeFilter {
    /// One notice.
    pub id: Option<NoticeId>,
    /// By code.
    pub code: Option<String>,
    /// In this state.
    pub state: Option<NoticeState>,
    /// Of this customer.
    pub customer: Option<CustomerId>,
    /// Of this case.
    pub case: Option<CaseId>,
    /// Caused by this message.
    pub message: Option<InboundId>,
    /// About this domain: its A-label.
    pub ace: Option<String>,
    /// Live or test.
    pub environment: Option<Environment>,
    /// Numbers below this one only.
    pub below: Option<NoticeId>,
    /// The newest so many, in the order of their numbers. 0: all.
    pub limit: u32,
}

/// Opens the store at `url` and brings its tables up to date.
pub async fn open(url: &str) -> Result<Arc<dyn Store>, StoreError> {
    Ok(Arc::new(SqliteStore::open(url).await?))
}

/// The file behind `url`, where the store is a file.
pub fn database_file(url: &str) -> Option<std::path::PathBuf> {
    sqlite::database_file(url)
}
