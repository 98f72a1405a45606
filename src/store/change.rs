//! What goes into the store and what comes out, in the words of the field.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{
    CaseId, CaseState, ContactFact, Ctid, Customer, CustomerId, DomainKey, DomainRecord,
    Environment, Evidence, Handle, Inbound, InboundId, Language, Notice, NoticeId, NoticeItem,
    NoticeKind, NoticeState, Order, OrderId, Reason, ReasonCode, RequestId, SentRequest,
    sha256_hex,
};

use super::{
    ReportChange, RequestAnswer, ResellerAsk, ResellerChange, ResellerWorld, Standing, StoreError,
};

/// A message made ready to be kept: what takes time and no lock is done by whoever brings it, so that
/// it does not add up in front of the one writer.
#[derive(Clone, Debug)]
pub struct Sealed {
    /// The message.
    pub inbound: Inbound,
    /// Its envelope as JSON.
    pub(super) envelope: String,
    /// SHA-256 of the raw bytes, hexadecimal.
    pub(super) sha256: String,
}

impl Sealed {
    /// Works out what is stored beside the message.
    pub fn new(inbound: Inbound) -> Result<Self, StoreError> {
        Ok(Sealed {
            envelope: serde_json::to_string(&inbound.envelope)
                .map_err(|error| StoreError::Unreadable(error.to_string()))?,
            sha256: sha256_hex(&inbound.raw),
            inbound,
        })
    }
}

/// A kept message whose turn it is.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// Its number.
    pub id: InboundId,
    /// The message.
    pub inbound: Inbound,
    /// A person vouches for its sender.
    pub is_released: bool,
    /// What was found about its origin when it had its turn before.
    pub evidence: Option<Evidence>,
    /// How often it has had its turn, with this one.
    pub attempts: u32,
    /// When it was put back for the first time.
    pub deferred_at: Option<Timestamp>,
}

impl Claimed {
    /// A message that has its turn for the first time.
    pub fn new(id: InboundId, inbound: Inbound) -> Self {
        Claimed {
            id,
            inbound,
            is_released: false,
            evidence: None,
            attempts: 1,
            deferred_at: None,
        }
    }
}

/// A message that is put back for later.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// The message.
    pub message: InboundId,
    /// When it has its turn again.
    pub until: Timestamp,
    /// What it waits for.
    pub why: String,
    /// A person had vouched for it when it was claimed; who does so meanwhile is not made to wait.
    pub is_released: bool,
}

/// What was decided about a message (design, section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageVerdict {
    /// It changed something.
    Applied,
    /// Valid, no news.
    Unchanged,
    /// A person decides.
    Held,
    /// A person refused it.
    Refused,
    /// Kept, its turn has not come.
    Deferred,
}

impl MessageVerdict {
    /// The word used in JSON and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            MessageVerdict::Applied => "applied",
            MessageVerdict::Unchanged => "unchanged",
            MessageVerdict::Held => "held",
            MessageVerdict::Refused => "refused",
            MessageVerdict::Deferred => "deferred",
        }
    }

    /// The verdict of that name, if there is one.
    pub fn from_word(word: &str) -> Option<Self> {
        [
            MessageVerdict::Applied,
            MessageVerdict::Unchanged,
            MessageVerdict::Held,
            MessageVerdict::Refused,
            MessageVerdict::Deferred,
        ]
        .into_iter()
        .find(|known| known.as_str() == word)
    }
}

/// What must be known to decide a batch of messages.
#[derive(Clone, Debug, Default)]
pub struct Ask {
    /// Domains to load.
    pub domains: Vec<DomainKey>,
    /// Contacts whose verification to load.
    pub contacts: Vec<(Environment, Handle)>,
    /// Contacts all of whose domains to load.
    pub fan_out: Vec<(Environment, Handle)>,
    /// Content digests to look for among messages acted upon.
    pub digests: Vec<String>,
    /// Notices that reports are about.
    pub notices: Vec<NoticeId>,
    /// References of ours that answers name.
    pub references: Vec<Ctid>,
    /// Requests of ours that messages are replies to.
    pub replies: Vec<RequestId>,
    /// What the reseller's messages need.
    pub reseller: ResellerAsk,
}

/// One domain with all that a decision about it needs.
#[derive(Clone, Debug)]
pub struct Known {
    /// The record.
    pub record: DomainRecord,
    /// Its open case.
    pub case: Option<(CaseId, CaseState)>,
    /// Has its customer been told about this case?
    pub is_told: bool,
    /// Addresses that mail about this case came back from.
    pub bounced: BTreeSet<String>,
    /// Its customer.
    pub customer: Option<Customer>,
}

/// The answer to an [`Ask`].
#[derive(Clone, Debug, Default)]
pub struct World {
    /// Domains found; one that is missing here is not in the database.
    pub domains: BTreeMap<DomainKey, Known>,
    /// Verification asked for contacts.
    pub contacts: BTreeMap<(Environment, Handle), ContactFact>,
    /// Open cases of the domains that the customers' addresses lie under.
    pub open: BTreeMap<DomainKey, CaseState>,
    /// Messages acted upon, by digest: number and recipients.
    pub seen: BTreeMap<String, Vec<(InboundId, Vec<String>)>>,
    /// Notices found.
    pub notices: BTreeMap<NoticeId, Standing>,
    /// Requests under the references asked for, and those about the domains that have no answer yet.
    pub requests: Vec<SentRequest>,
    /// Orders for the domains of these requests that wait for an answer.
    pub orders: Vec<Order>,
    /// The orders behind the requests that messages are replies to.
    pub ordered: BTreeMap<OrderId, Order>,
    /// What the reseller's messages need.
    pub reseller: ResellerWorld,
}

/// All that one message changes: written whole, or not at all.
#[derive(Clone, Debug)]
pub struct Change {
    /// What was decided.
    pub decision: Decision,
    /// The domains it touches.
    pub domains: Vec<DomainChange>,
    /// Verification asked for a contact.
    pub contact: Option<(Environment, Handle, ContactFact)>,
    /// What mail systems report about a notice.
    pub report: Option<ReportChange>,
    /// The requests of ours that it answers.
    pub answers: Vec<RequestAnswer>,
    /// Requests whose reply is held: what became of them is not known.
    pub doubts: Vec<RequestId>,
    /// What a message of the reseller changes beside the domains.
    pub reseller: ResellerChange,
    /// Keys of alarms whose cause is gone; those below a key (`key:…`) go with it.
    pub clears: Vec<String>,
    /// What the operator must see.
    pub alarms: Vec<Alarm>,
    /// What was found about the message's origin, to be judged again by a replay.
    pub evidence: Option<Evidence>,
}

/// The verdict on one message, with its trace.
#[derive(Clone, Debug)]
pub struct Decision {
    /// The message.
    pub message: InboundId,
    /// When it was decided.
    pub at: Timestamp,
    /// The verdict.
    pub verdict: MessageVerdict,
    /// Live or test, where known.
    pub environment: Option<Environment>,
    /// The route.
    pub route: Option<String>,
    /// Kind of event.
    pub kind: Option<String>,
    /// A-label of the one domain it is about.
    pub ace: Option<String>,
    /// The mail's Message-ID, or the queue's msgid.
    pub message_id: Option<String>,
    /// Registry time of the fact.
    pub registry_time: Option<Timestamp>,
    /// The earliest deadline that its text names, where it could be read.
    pub deadline: Option<Timestamp>,
    /// Content digest, if the message was acted upon.
    pub digest: Option<String>,
    /// The customer had been told already.
    pub is_covered: bool,
    /// Codes with their sentences.
    pub reasons: Vec<Reason>,
    /// Each step, a sentence.
    pub trace: Vec<String>,
}

/// What a message changes about one domain.
#[derive(Clone, Debug)]
pub struct DomainChange {
    /// The record afterwards; its version is the one that was read.
    pub record: DomainRecord,
    /// A line for its history, with the registry time.
    pub history: Option<(Timestamp, String)>,
    /// What becomes of its case.
    pub case: CaseChange,
    /// Mails it causes.
    pub notices: Vec<NoticeDraft>,
}

/// What becomes of a domain's case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaseChange {
    /// Nothing.
    Keep,
    /// A new one begins.
    Open(CaseState),
    /// The open one goes on.
    Move(CaseState),
    /// The open one ends.
    Close(CaseState),
}

/// A mail to be written, for one domain; the store joins drafts for one customer into one notice.
#[derive(Clone, Debug)]
pub struct NoticeDraft {
    /// One telling of one fact. A draft with the key of the last telling of its case (without a
    /// case: of any telling) is not queued again; the store puts the number of the case in front.
    pub key: String,
    /// The notice, with this one item and without a number.
    pub notice: NoticeSeed,
    /// The domain.
    pub item: NoticeItem,
}

/// A notice before it has a number.
#[derive(Clone, Debug)]
pub struct NoticeSeed {
    /// Environment of its domains.
    pub environment: Environment,
    /// Which text.
    pub kind: NoticeKind,
    /// The languages.
    pub languages: Vec<Language>,
    /// Whom it is for.
    pub customer: CustomerId,
    /// What follows "Guten Tag".
    pub salutation: String,
    /// IANA time zone.
    pub timezone: Option<String>,
    /// The address.
    pub recipient: String,
    /// Random code.
    pub code: String,
    /// Message-ID without angle brackets.
    pub message_id: String,
    /// When it was decided.
    pub created_at: Timestamp,
    /// When it may leave.
    pub due_at: Timestamp,
    /// Queued or observed.
    pub state: NoticeState,
    /// The Message-ID of the case's first notice, for a reminder.
    pub in_reply_to: Option<String>,
}

/// Something an operator must see until it is cleared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    /// One cause; a second alarm for it is not raised while the first is open.
    pub key: String,
    /// Why.
    pub code: ReasonCode,
    /// The environment, where known.
    pub environment: Option<Environment>,
    /// A-label of the domain, where there is one.
    pub ace: Option<String>,
    /// The message, where there is one.
    pub message: Option<InboundId>,
    /// One sentence.
    pub text: String,
    /// When.
    pub raised_at: Timestamp,
}

/// The key of the alarm that the smarthost takes no mail from us; it ends when it takes a notice.
pub const SMARTHOST_ALARM: &str = "smarthost";

/// How a try to send ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The smarthost took it.
    Sent {
        /// When.
        at: Timestamp,
        /// Its reply.
        reply: String,
    },
    /// Not now, and nothing was taken: the next try may say something else.
    Retry {
        /// The next try.
        at: Timestamp,
        /// Why.
        reply: String,
    },
    /// Nobody knows whether this try or an earlier one was taken: the next one sends the same bytes.
    Unsure {
        /// The next try.
        at: Timestamp,
        /// Why.
        reply: String,
    },
    /// Never.
    Failed {
        /// Why.
        reply: String,
    },
}

/// A line of the log: a message and what became of it.
#[derive(Clone, Debug)]
pub struct LogEntry {
    /// The message's number.
    pub id: InboundId,
    /// When it was complete here.
    pub received_at: Timestamp,
    /// The channel.
    pub source: String,
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// The envelope.
    pub envelope: crate::model::Envelope,
    /// What was decided, once it was.
    pub decision: Option<Decision>,
    /// It is in line to be decided, for the first time or again.
    pub is_waiting: bool,
    /// How far its notice got, if it caused one.
    pub notice: Option<(crate::model::NoticeId, NoticeState)>,
    /// What it waits for, and until when, if it was put back.
    pub waits_for: Option<(Timestamp, String)>,
}

/// A filter for the log; empty fields do not filter.
#[derive(Clone, Debug, Default)]
pub struct LogFilter {
    /// A-label.
    pub ace: Option<String>,
    /// Verdicts.
    pub verdict: Option<MessageVerdict>,
    /// Received at or after.
    pub since: Option<Timestamp>,
    /// Received before.
    pub until: Option<Timestamp>,
    /// Name of the route.
    pub route: Option<String>,
    /// Live or test.
    pub environment: Option<Environment>,
    /// With this reason.
    pub reason: Option<ReasonCode>,
    /// Postfix's queue id.
    pub queue_id: Option<String>,
    /// This message alone.
    pub id: Option<InboundId>,
    /// Numbers above this one only.
    pub after: Option<InboundId>,
    /// At most so many, in the order of arrival: the newest, or with `after` the next. 0: all.
    pub limit: u32,
}

/// A case with what is shown of it.
#[derive(Clone, Debug)]
pub struct CaseEntry {
    /// Its number.
    pub id: CaseId,
    /// The domain.
    pub key: DomainKey,
    /// Its state.
    pub state: CaseState,
    /// When it began.
    pub opened_at: Timestamp,
    /// When it ended.
    pub closed_at: Option<Timestamp>,
}

/// A note on a case.
#[derive(Clone, Debug)]
pub struct CaseNote {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// What.
    pub text: String,
}

/// A line of a domain's history.
#[derive(Clone, Debug)]
pub struct HistoryEntry {
    /// Registry time.
    pub at: Timestamp,
    /// The message.
    pub message: Option<InboundId>,
    /// What changed.
    pub summary: String,
}

/// A notice with the numbers of its cases and messages.
#[derive(Clone, Debug)]
pub struct NoticeEntry {
    /// The notice.
    pub notice: Notice,
    /// The messages that caused it.
    pub messages: Vec<InboundId>,
}

/// An entry for the audit trail.
#[derive(Clone, Debug)]
pub struct AuditEntry {
    /// When.
    pub at: Timestamp,
    /// Who: user id and name.
    pub actor: String,
    /// What was done, such as `held release`.
    pub action: String,
    /// To what, such as `1042`.
    pub object: String,
    /// The note.
    pub detail: String,
}

/// An entry of the audit trail with its place in the chain.
#[derive(Clone, Debug)]
pub struct AuditLink {
    /// Its number: 1, 2, 3 …
    pub id: i64,
    /// What it says.
    pub entry: AuditEntry,
    /// The hash of the entry before it.
    pub previous: String,
    /// Its own.
    pub hash: String,
}

/// A filter for the audit trail; empty fields do not filter.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// To this object, such as message `1042`.
    pub object: Option<String>,
    /// By this user id or name.
    pub actor: Option<String>,
    /// This action, or all of a group, such as `held`.
    pub action: Option<String>,
    /// At or after.
    pub since: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
    /// The newest so many; 0: all.
    pub limit: u32,
}

/// A part of the audit trail, newest first.
#[derive(Clone, Debug, Default)]
pub struct AuditPage {
    /// The entries.
    pub links: Vec<AuditLink>,
    /// From where to go on, if there may be more: below this number.
    pub below: Option<i64>,
}

/// What writing a change did, or would do.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What is written down about the message.
    pub decision: Decision,
    /// The domains it touches.
    pub domains: Vec<DomainOutcome>,
    /// Notices that its items are in.
    pub notices: Vec<NoticeOutcome>,
    /// Alarms that were not there before.
    pub raised: Vec<Alarm>,
    /// Alarms that are there no more.
    pub cleared: Vec<Alarm>,
}

/// What becomes of one domain.
#[derive(Clone, Debug)]
pub struct DomainOutcome {
    /// As it was, if it was there.
    pub before: Option<DomainRecord>,
    /// As it is then.
    pub after: DomainRecord,
    /// Lines in its history that were not there before.
    pub history: Vec<HistoryEntry>,
    /// What becomes of its case.
    pub case: CaseChange,
}

/// A mail that a message causes or joins.
#[derive(Clone, Debug)]
pub struct NoticeOutcome {
    /// The mail.
    pub notice: Notice,
    /// It did not wait already for this customer.
    pub is_new: bool,
}

/// What waits for a person.
#[derive(Clone, Debug, Default)]
pub struct HeldWork {
    /// Messages held.
    pub count: u64,
    /// The oldest.
    pub oldest: Option<HeldMail>,
    /// Those whose text names a deadline before the instant asked for, and no alarm says so yet.
    pub due: Vec<HeldMail>,
}

/// A held message.
#[derive(Clone, Debug)]
pub struct HeldMail {
    /// Its number.
    pub id: InboundId,
    /// When it was complete here.
    pub received_at: Timestamp,
    /// Live or test, where known.
    pub environment: Option<Environment>,
    /// A-label of the domain, where known.
    pub ace: Option<String>,
    /// The earliest deadline that its text names.
    pub deadline: Option<Timestamp>,
}

/// A domain to import.
#[derive(Clone, Debug)]
pub struct DomainImport {
    /// Environment and name.
    pub key: DomainKey,
    /// Whose it is.
    pub customer: Option<CustomerId>,
    /// Its holders.
    pub holders: Vec<Handle>,
    /// Its status, if given.
    pub status: Option<crate::model::RegistryStatus>,
    /// Its lifecycle, if given.
    pub lifecycle: Option<crate::model::Lifecycle>,
}

/// Figures for `status`.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Messages kept.
    pub messages: u64,
    /// Messages not decided yet.
    pub pending: u64,
    /// Messages held.
    pub held: u64,
    /// When the oldest held one came in.
    pub held_oldest: Option<Timestamp>,
    /// When the last message came in.
    pub last_message: Option<Timestamp>,
    /// Open cases.
    pub cases: u64,
    /// Notices not sent yet.
    pub notices_waiting: u64,
    /// Notices given up or bounced.
    pub notices_failed: u64,
    /// Domains.
    pub domains: u64,
}

/// When a channel spoke last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChannelHeard {
    /// Of which registry.
    pub environment: Environment,
    /// The channel.
    pub source: String,
    /// When.
    pub last_at: Timestamp,
}
