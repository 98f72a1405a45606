//! The forms of what is read, for the description of the API alone: the objects are made by the functions
//! that the command line prints them with, and tests hold every answer against these.

#![expect(dead_code, reason = "they describe objects, and are never made")]

use utoipa::ToSchema;

use crate::model::{Environment, Lifecycle};

/// A message and what became of it.
#[derive(ToSchema)]
#[schema(as = Message)]
pub struct MessageForm {
    /// Version of this form.
    v: u8,
    /// Its number.
    id: String,
    /// When it came in.
    #[schema(format = DateTime)]
    received_at: String,
    /// Live or test, where known.
    #[schema(required = true)]
    environment: Option<Environment>,
    /// The channel.
    source: String,
    /// applied, unchanged, held, refused or deferred.
    verdict: String,
    /// How far its notice got: none, observed, queued, sent, covered, delayed or bounced.
    notice: String,
    /// The notice.
    #[schema(required = true)]
    notice_id: Option<String>,
    /// The domain, as people read it.
    #[schema(required = true)]
    domain: Option<String>,
    /// The domain's A-label.
    #[schema(required = true)]
    ace: Option<String>,
    /// Kind of event.
    #[schema(required = true)]
    kind: Option<String>,
    /// The mail's Message-ID, or the queue's number.
    #[schema(required = true)]
    message_id: Option<String>,
    /// Registry time of the fact.
    #[schema(required = true, format = DateTime)]
    registry_time: Option<String>,
    /// The earliest deadline that its text names.
    #[schema(required = true, format = DateTime)]
    deadline_at: Option<String>,
    /// The route.
    #[schema(required = true)]
    route: Option<String>,
    /// Of its bytes.
    sha256: String,
    /// Postfix's queue id.
    #[schema(required = true)]
    queue_id: Option<String>,
    /// Codes of the reasons.
    reasons: Vec<String>,
}

/// A message with each step of its decision.
#[derive(ToSchema)]
#[schema(as = Decision)]
pub struct DecisionForm {
    /// Version of this form.
    v: u8,
    /// Its number.
    id: String,
    /// When it came in.
    #[schema(format = DateTime)]
    received_at: String,
    /// Live or test, where known.
    #[schema(required = true)]
    environment: Option<Environment>,
    /// The channel.
    source: String,
    /// applied, unchanged, held, refused or deferred.
    verdict: String,
    /// How far its notice got: none, observed, queued, sent, covered, delayed or bounced.
    notice: String,
    /// The notice.
    #[schema(required = true)]
    notice_id: Option<String>,
    /// The domain, as people read it.
    #[schema(required = true)]
    domain: Option<String>,
    /// The domain's A-label.
    #[schema(required = true)]
    ace: Option<String>,
    /// Kind of event.
    #[schema(required = true)]
    kind: Option<String>,
    /// The mail's Message-ID, or the queue's number.
    #[schema(required = true)]
    message_id: Option<String>,
    /// Registry time of the fact.
    #[schema(required = true, format = DateTime)]
    registry_time: Option<String>,
    /// The earliest deadline that its text names.
    #[schema(required = true, format = DateTime)]
    deadline_at: Option<String>,
    /// The route.
    #[schema(required = true)]
    route: Option<String>,
    /// Of its bytes.
    sha256: String,
    /// Postfix's queue id.
    #[schema(required = true)]
    queue_id: Option<String>,
    /// Codes of the reasons.
    reasons: Vec<String>,
    /// Each step, a sentence.
    trace: Vec<String>,
    /// What it waits for.
    #[schema(required = true)]
    waits_for: Option<String>,
    /// Until when.
    #[schema(required = true, format = DateTime)]
    waits_until: Option<String>,
    /// The reasons with their sentences.
    #[schema(required = true)]
    details: Option<Vec<ReasonForm>>,
    /// What people did to it.
    audit: Vec<String>,
}

/// A reason with its sentence.
#[derive(ToSchema)]
#[schema(as = Reason)]
pub struct ReasonForm {
    /// The code.
    code: String,
    /// The sentence.
    detail: String,
}

/// A domain as we know it.
#[derive(ToSchema)]
#[schema(as = Domain)]
pub struct DomainForm {
    /// Version of this form.
    v: u8,
    /// Live or test.
    environment: Environment,
    /// As people read it.
    domain: String,
    /// Its A-label.
    ace: String,
    /// The registry's status.
    #[schema(required = true)]
    status: Option<String>,
    /// Where it is in its life with us.
    lifecycle: Lifecycle,
    /// Handles of its holders.
    holders: Vec<String>,
    /// A request for it left; no proof of anything.
    ordered_at_registry: bool,
    /// What is under way.
    #[schema(required = true)]
    action: Option<String>,
    /// Leaves the zone then.
    #[schema(required = true, format = DateTime)]
    dedelegation_at: Option<String>,
    /// Is deleted then.
    #[schema(required = true, format = DateTime)]
    deletion_at: Option<String>,
    /// Is suspended then.
    #[schema(required = true, format = DateTime)]
    suspension_at: Option<String>,
    /// Its deadlines are those that the reseller shows without a zone.
    zone_assumed: bool,
    /// It is off the net until something is proven.
    on_hold: bool,
    /// The owner's handle at the reseller.
    #[schema(required = true)]
    owner_contact: Option<String>,
    /// The owner has confirmed the mail address.
    #[schema(required = true)]
    owner_verified: Option<bool>,
    /// What must be proven.
    claims: Vec<String>,
    /// Ends in status failed.
    #[schema(required = true, format = DateTime)]
    expire_at: Option<String>,
    /// Whose it is.
    #[schema(required = true)]
    customer: Option<String>,
    /// When we wrote it last.
    #[schema(format = DateTime)]
    updated_at: String,
    /// The message that said so.
    #[schema(required = true)]
    source_message: Option<String>,
}

/// What the registry said about a domain.
#[derive(ToSchema)]
#[schema(as = History)]
pub struct HistoryForm {
    /// Version of this form.
    v: u8,
    /// Live or test.
    environment: Environment,
    /// As people read it.
    domain: String,
    /// Its A-label.
    ace: String,
    /// Registry time.
    #[schema(format = DateTime)]
    at: String,
    /// The message.
    #[schema(required = true)]
    message: Option<String>,
    /// What changed.
    summary: String,
}

/// A domain with a deadline.
#[derive(ToSchema)]
#[schema(as = Deadline)]
pub struct DeadlineForm {
    /// Version of this form.
    v: u8,
    /// Live or test.
    environment: Environment,
    /// As people read it.
    domain: String,
    /// Its A-label.
    ace: String,
    /// Whose rules set it: denic or icann-15d.
    scheme: String,
    /// What happens: dedelegation, deletion, suspension or expire.
    next: String,
    /// When.
    #[schema(format = DateTime)]
    at: String,
    /// So much time is left.
    left_seconds: i64,
    /// Leaves the zone then.
    #[schema(required = true, format = DateTime)]
    dedelegation_at: Option<String>,
    /// Is deleted then.
    #[schema(required = true, format = DateTime)]
    deletion_at: Option<String>,
    /// Is suspended then.
    #[schema(required = true, format = DateTime)]
    suspension_at: Option<String>,
    /// Its deadlines are those that the reseller shows without a zone.
    zone_assumed: bool,
    /// Ends in status failed.
    #[schema(required = true, format = DateTime)]
    expire_at: Option<String>,
    /// Whose it is.
    #[schema(required = true)]
    customer: Option<String>,
    /// The open case.
    #[schema(required = true)]
    case: Option<String>,
    /// What the customer was told last.
    #[schema(required = true)]
    last_notice: Option<ToldForm>,
    /// It is off the net until something is proven.
    on_hold: bool,
    /// Since when.
    #[schema(required = true, format = DateTime)]
    on_hold_since: Option<String>,
    /// What a person must do.
    #[schema(required = true)]
    needs: Option<String>,
}

/// A mail that was told.
#[derive(ToSchema)]
#[schema(as = Told)]
pub struct ToldForm {
    /// Its number.
    id: String,
    /// Which text.
    kind: String,
    /// How far it got.
    state: String,
}

/// A verification of one domain.
#[derive(ToSchema)]
#[schema(as = Case)]
pub struct CaseForm {
    /// Version of this form.
    v: u8,
    /// Its number.
    id: String,
    /// Live or test.
    environment: Environment,
    /// As people read it.
    domain: String,
    /// Its A-label.
    ace: String,
    /// open, on-hold, resolved, deleted, moved or closed.
    state: String,
    /// When it began.
    #[schema(format = DateTime)]
    opened_at: String,
    /// When it ended.
    #[schema(required = true, format = DateTime)]
    closed_at: Option<String>,
}

/// A case with all that belongs to it.
#[derive(ToSchema)]
#[schema(as = CaseDetail)]
pub struct CaseDetailForm {
    /// Version of this form.
    v: u8,
    /// Its number.
    id: String,
    /// Live or test.
    environment: Environment,
    /// As people read it.
    domain: String,
    /// Its A-label.
    ace: String,
    /// open, on-hold, resolved, deleted, moved or closed.
    state: String,
    /// When it began.
    #[schema(format = DateTime)]
    opened_at: String,
    /// When it ended.
    #[schema(required = true, format = DateTime)]
    closed_at: Option<String>,
    /// Whose the domain is.
    #[schema(required = true)]
    customer: Option<String>,
    /// Leaves the zone then.
    #[schema(required = true, format = DateTime)]
    dedelegation_at: Option<String>,
    /// Is deleted then.
    #[schema(required = true, format = DateTime)]
    deletion_at: Option<String>,
    /// Is suspended then.
    #[schema(required = true, format = DateTime)]
    suspension_at: Option<String>,
    /// What must be proven.
    claims: Vec<String>,
    /// What the registry said.
    history: Vec<CaseHistoryForm>,
    /// What the customer was told.
    notices: Vec<ToldForm>,
    /// What mail systems reported.
    reports: Vec<ReportForm>,
    /// Telephone calls.
    calls: Vec<CallForm>,
    /// What people wrote down.
    notes: Vec<NoteForm>,
}

/// A line of what the registry said.
#[derive(ToSchema)]
#[schema(as = CaseHistory)]
pub struct CaseHistoryForm {
    /// Registry time.
    #[schema(format = DateTime)]
    at: String,
    /// The message.
    #[schema(required = true)]
    message: Option<String>,
    /// What changed.
    summary: String,
}

/// A telephone call that is to be made, or was.
#[derive(ToSchema)]
#[schema(as = Call)]
pub struct CallForm {
    /// The case.
    case: String,
    /// Live or test.
    environment: Environment,
    /// As people read it.
    domain: String,
    /// Its A-label.
    ace: String,
    /// Whom.
    #[schema(required = true)]
    customer: Option<String>,
    /// Why, a code.
    code: String,
    /// Why, a sentence.
    text: String,
    /// On the list since.
    #[schema(format = DateTime)]
    opened_at: String,
    /// Off the list since.
    #[schema(required = true, format = DateTime)]
    closed_at: Option<String>,
    /// What came of it.
    #[schema(required = true)]
    outcome: Option<String>,
}

/// What somebody wrote down.
#[derive(ToSchema)]
#[schema(as = Note)]
pub struct NoteForm {
    /// When.
    #[schema(format = DateTime)]
    at: String,
    /// Who.
    actor: String,
    /// What.
    text: String,
}

/// A mail that a case still has before it.
#[derive(ToSchema)]
#[schema(as = Plan)]
pub struct PlanForm {
    /// Version of this form.
    v: u8,
    /// The case.
    case: String,
    /// When.
    #[schema(format = DateTime)]
    at: String,
    /// Which text.
    kind: String,
    /// due, planned, waiting, or why it is left out.
    state: String,
    /// Why then.
    reason: String,
}

/// A mail to a customer.
#[derive(ToSchema)]
#[schema(as = Notice)]
pub struct NoticeForm {
    /// Version of this form.
    v: u8,
    /// Its number.
    id: String,
    /// Live or test.
    environment: Environment,
    /// Which text.
    kind: String,
    /// The language, the first of several.
    #[schema(required = true)]
    language: Option<String>,
    /// The case, the first of several.
    #[schema(required = true)]
    case: Option<String>,
    /// The cases.
    cases: Vec<String>,
    /// The domains.
    domains: Vec<String>,
    /// Whom it is for.
    customer: String,
    /// The address; masked without the scope people:read.
    recipient: String,
    /// observed, queued, delayed, sent, failed, bounced or withdrawn.
    state: String,
    /// When it was decided.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it may leave.
    #[schema(format = DateTime)]
    due_at: String,
    /// When the smarthost took it.
    #[schema(required = true, format = DateTime)]
    sent_at: Option<String>,
    /// How often sending was tried.
    attempts: u32,
    /// Its Message-ID.
    message_id: String,
    /// By which it is recognised.
    code: String,
    /// What the last try was answered.
    #[schema(required = true)]
    last_reply: Option<String>,
    /// The messages that caused it.
    messages: Vec<String>,
}

/// A mail to a customer, with what became of it.
#[derive(ToSchema)]
#[schema(as = NoticeDetail)]
pub struct NoticeDetailForm {
    /// Version of this form.
    v: u8,
    /// Its number.
    id: String,
    /// Live or test.
    environment: Environment,
    /// Which text.
    kind: String,
    /// The language, the first of several.
    #[schema(required = true)]
    language: Option<String>,
    /// The case, the first of several.
    #[schema(required = true)]
    case: Option<String>,
    /// The cases.
    cases: Vec<String>,
    /// The domains.
    domains: Vec<String>,
    /// Whom it is for.
    customer: String,
    /// The address; masked without the scope people:read.
    recipient: String,
    /// observed, queued, delayed, sent, failed, bounced or withdrawn.
    state: String,
    /// When it was decided.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it may leave.
    #[schema(format = DateTime)]
    due_at: String,
    /// When the smarthost took it.
    #[schema(required = true, format = DateTime)]
    sent_at: Option<String>,
    /// How often sending was tried.
    attempts: u32,
    /// Its Message-ID.
    message_id: String,
    /// By which it is recognised.
    code: String,
    /// What the last try was answered.
    #[schema(required = true)]
    last_reply: Option<String>,
    /// The messages that caused it.
    messages: Vec<String>,
    /// What mail systems reported.
    reports: Vec<ReportForm>,
    /// The mail; null without the scope people:read.
    #[schema(required = true)]
    mail: Option<String>,
}

/// What a mail system reported about a recipient.
#[derive(ToSchema)]
#[schema(as = Report)]
pub struct ReportForm {
    /// The notice.
    notice: String,
    /// The message that said so.
    message: String,
    /// When.
    #[schema(format = DateTime)]
    at: String,
    /// The address.
    #[schema(required = true)]
    recipient: Option<String>,
    /// The address at the end of the way.
    #[schema(required = true)]
    final_recipient: Option<String>,
    /// The address that we wrote to.
    #[schema(required = true)]
    original_recipient: Option<String>,
    /// failed, delayed, delivered, relayed or expanded.
    action: String,
    /// RFC 3463, such as 5.1.1.
    #[schema(required = true)]
    status: Option<String>,
    /// What kind of trouble it is.
    category: String,
    /// What the other side said.
    #[schema(required = true)]
    diagnostic: Option<String>,
    /// Who said so.
    #[schema(required = true)]
    remote_mta: Option<String>,
    /// Nobody tries any more.
    permanent: bool,
}

/// A customer with the domains. Names and addresses are masked without the scope people:read.
#[derive(ToSchema)]
#[schema(as = Customer)]
pub struct CustomerForm {
    /// Version of this form.
    v: u8,
    /// The number.
    id: String,
    /// What follows "Guten Tag".
    salutation: String,
    /// The language.
    #[schema(required = true)]
    language: Option<String>,
    /// The mail address.
    email: String,
    /// A second one.
    #[schema(required = true)]
    second_email: Option<String>,
    /// Telephone.
    #[schema(required = true)]
    phone: Option<String>,
    /// IANA time zone.
    #[schema(required = true)]
    timezone: Option<String>,
    /// Domains that the address lies under.
    address_at_risk: Vec<String>,
    /// The domains.
    domains: Vec<NameForm>,
}

/// A domain of a customer.
#[derive(ToSchema)]
#[schema(as = DomainName)]
pub struct NameForm {
    /// Live or test.
    environment: Environment,
    /// As people read it.
    domain: String,
    /// Its A-label.
    ace: String,
}

/// What somebody did.
#[derive(ToSchema)]
#[schema(as = AuditEntry)]
pub struct AuditForm {
    /// Version of this form.
    v: u8,
    /// Its number.
    id: String,
    /// When.
    #[schema(format = DateTime)]
    at: String,
    /// Who.
    actor: String,
    /// What.
    action: String,
    /// To what.
    object: String,
    /// The note.
    detail: String,
    /// The hash of the entry before it.
    previous: String,
    /// Its own.
    hash: String,
}

/// How all stands.
#[derive(ToSchema)]
#[schema(as = Status)]
pub struct StatusForm {
    /// Version of this form.
    v: u8,
    /// The server runs.
    running: bool,
    /// Where the store is.
    store: String,
    /// Messages kept.
    messages: u64,
    /// Not decided yet.
    pending: u64,
    /// Held.
    held: u64,
    /// Since when the oldest is here.
    #[schema(required = true, format = DateTime)]
    held_oldest_at: Option<String>,
    /// For how long.
    #[schema(required = true)]
    held_oldest_seconds: Option<i64>,
    /// Longer than it should be.
    held_overdue: bool,
    /// Held with a deadline near.
    held_urgent: u64,
    /// When the last message came in.
    #[schema(required = true, format = DateTime)]
    last_message_at: Option<String>,
    /// Domains.
    domains: u64,
    /// Open cases.
    open_cases: u64,
    /// Deadlines that need a person.
    deadlines_waiting: u64,
    /// Notices that wait.
    notices_waiting: u64,
    /// Notices that failed.
    notices_failed: u64,
    /// Alerts that are late.
    alerts_late: u64,
    /// Alerts that reached nobody.
    alerts_failed: u64,
    /// Why sending is paused.
    #[schema(required = true)]
    paused: Option<String>,
    /// Free on the disk.
    #[schema(required = true)]
    disk_free_bytes: Option<u64>,
    /// Too little.
    disk_low: bool,
    /// Which channels spoke last.
    channels: Vec<ChannelForm>,
    /// Where only one speaks.
    only_channel: Vec<ChannelForm>,
    /// Alarms that stand.
    alarms: Vec<AlarmForm>,
}

/// When a channel spoke last.
#[derive(ToSchema)]
#[schema(as = Channel)]
pub struct ChannelForm {
    /// Of which registry.
    environment: Environment,
    /// The channel.
    source: String,
    /// When.
    #[schema(format = DateTime)]
    last_at: String,
}

/// What an operator must see.
#[derive(ToSchema)]
#[schema(as = Alarm)]
pub struct AlarmForm {
    /// One cause.
    key: String,
    /// Why.
    code: String,
    /// Where known.
    #[schema(required = true)]
    environment: Option<Environment>,
    /// The domain.
    #[schema(required = true)]
    ace: Option<String>,
    /// The message.
    #[schema(required = true)]
    message: Option<String>,
    /// One sentence.
    text: String,
    /// When.
    #[schema(format = DateTime)]
    raised_at: String,
}

/// What a code means.
#[derive(ToSchema)]
#[schema(as = Explanation)]
pub struct ExplanationForm {
    /// Version of this form.
    v: u8,
    /// The code.
    code: String,
    /// What it means.
    meaning: String,
    /// What to do.
    remedy: String,
}
