//! All that any source can tell us, a variant per kind.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;

use super::{
    BounceReport, Claim, Ctid, DomainName, Environment, Handle, QueueMsgId, Reason, RegistryStatus,
    ResellerContact, ResellerDomain, ResellerEvent, Source, Stid, Ticket, TriggerCode,
};

/// One registry message, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryEvent {
    /// The channel it came by.
    pub source: Source,
    /// Set where the text itself names the environment (code 13000000011: test); `None` otherwise.
    pub says_environment: Option<Environment>,
    /// `STATUS` of a mail, `RESULT` of a reply.
    pub result: Option<RequestResult>,
    /// `TICKET`, if not empty.
    pub ticket: Option<Ticket>,
    /// Our transaction id, echoed in a reply.
    pub ctid: Option<Ctid>,
    /// The registry's transaction id.
    pub stid: Option<Stid>,
    /// `msgid` of a queue message.
    pub msgid: Option<QueueMsgId>,
    /// `msgtype` as written (key/value) or the element's name (XML).
    pub msgtype: Option<String>,
    /// `msgcnt`: messages waiting, this one included.
    pub msgcnt: Option<u32>,
    /// `OBJECT` of a mail, as written; of a reseller event what it is about.
    pub object: Option<String>,
    /// The registry's own time of the fact: `msgtime` of a queue message, `DATE` of a reseller event,
    /// `Date` of a mail.
    pub registry_time: Option<Timestamp>,
    /// What it says.
    pub facts: Facts,
    /// `INFO`, `WARNING`, `ERROR` and `message` lines, in order.
    pub messages: Vec<RegistryMessage>,
    /// Lines and fields that nobody knows yet, as written.
    pub unknown: Vec<String>,
    /// Oddities that were accepted, each with its line or field.
    pub warnings: Vec<Reason>,
}

/// What a message says, by kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Facts {
    /// State of a domain, with verification deadlines where it must be verified.
    DomainStatus(DomainStatus),
    /// A holder's data must be verified; concerns every domain of that contact.
    ContactVerificationRequired(ContactVerification),
    /// The registry changed a contact.
    ContactUpdate {
        /// The contact.
        contact: Handle,
        /// The registry's reference, such as `DENIC#:88123`.
        reference: Option<String>,
    },
    /// Contacts were removed after their retention period.
    ContactDelete {
        /// The contacts, 1 to 100.
        handles: Vec<Handle>,
    },
    /// A domain in status `failed` ends in a week.
    ExpireWarning {
        /// The domain.
        domain: DomainName,
        /// When it ends.
        expire_at: Option<Timestamp>,
    },
    /// A domain in status `failed` has ended.
    Expire {
        /// The domain.
        domain: DomainName,
        /// When it ended.
        expire_at: Option<Timestamp>,
    },
    /// An AuthInfo2 was ordered for a domain of ours.
    AuthInfoNotify {
        /// The domain.
        domain: DomainName,
    },
    /// An AuthInfo runs out.
    AuthInfoExpire {
        /// The domain.
        domain: DomainName,
        /// When it runs out.
        expire_at: Option<Timestamp>,
    },
    /// The letter with an AuthInfo2 could not be delivered.
    AuthInfoDelete {
        /// The domain.
        domain: DomainName,
    },
    /// A domain moved to another provider.
    Chprov {
        /// The domain.
        domain: DomainName,
        /// Name of the new provider.
        new_provider: Option<String>,
        /// Name of the old provider.
        old_provider: Option<String>,
    },
    /// The registry deleted a domain.
    DomainDelete {
        /// The domain.
        domain: DomainName,
        /// When, where it is said.
        expire_at: Option<Timestamp>,
    },
    /// The answer to a request of ours (or an empty queue: no domain, no messages).
    RequestAnswer {
        /// The domain, where the answer names one.
        domain: Option<DomainName>,
        /// The status that the answer reports or implies (`failed` with 33300102900).
        status: Option<RegistryStatus>,
        /// Holders it lists.
        holders: Vec<Handle>,
        /// Deadlines and claims, which an answer can carry too (`denic.md` 4.6).
        verification: Option<Verification>,
        /// End of the period of a domain in status `failed`.
        expire_at: Option<Timestamp>,
    },
    /// CentralNic Reseller asks for the confirmation of a mail address.
    ContactVerification {
        /// The event that says so.
        event: ResellerEvent,
        /// The code that confirms the address, where the event carries it.
        trigger: Option<TriggerCode>,
    },
    /// Any other event of CentralNic Reseller, of unknown classes too.
    ResellerEvent(ResellerEvent),
    /// CentralNic Reseller shows domains: the whole state of one, or rows of a list.
    ResellerDomains {
        /// The domains, in order.
        domains: Vec<ResellerDomain>,
        /// All that is known of it there: what is not shown is not so.
        is_whole: bool,
    },
    /// CentralNic Reseller shows a contact.
    ResellerContact(ResellerContact),
    /// CentralNic Reseller answers a command, and shows neither domain nor contact.
    ResellerAnswer {
        /// Three digits (`centralnic.md` 4).
        code: u16,
        /// What it says.
        description: String,
    },
    /// The registry reminds us that its queue is not being read.
    QueueReminder,
    /// A mail system reports what became of a notice of ours.
    Bounce(BounceReport),
    /// A notice of ours was answered by a machine.
    AutoReply {
        /// What shows that, a sentence.
        why: String,
    },
    /// Nothing this version understands; kept whole.
    Unknown {
        /// The domain, where one could be read.
        domain: Option<DomainName>,
    },
}

/// State of one domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainStatus {
    /// The domain.
    pub domain: DomainName,
    /// Its status.
    pub status: RegistryStatus,
    /// Holders listed, as received; the registry does not say which one must be verified.
    pub holders: Vec<Handle>,
    /// Deadlines and claims; `None` means that no verification is asked for.
    pub verification: Option<Verification>,
}

/// A request for verification: at least one deadline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// The domain leaves the zone then. Not given once it has.
    pub dedelegation_at: Option<Timestamp>,
    /// The domain is deleted then, for good.
    pub deletion_at: Option<Timestamp>,
    /// What must be proven; `None`: the message does not say.
    pub claims: Option<BTreeSet<Claim>>,
}

/// One contact must be verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContactVerification {
    /// The contact.
    pub contact: Handle,
    /// What must be proven.
    pub claims: Option<BTreeSet<Claim>>,
    /// How many domains the registry counts for this contact.
    pub domain_count: Option<u32>,
    /// The domain that leaves the zone first, and when.
    pub earliest_dedelegation: Option<(DomainName, Timestamp)>,
    /// The domain that is deleted first, and when.
    pub earliest_deletion: Option<(DomainName, Timestamp)>,
}

impl Facts {
    /// The word for the kind in JSON (design, section 5).
    pub fn kind(&self) -> &'static str {
        match self {
            Facts::DomainStatus(_) => "domain-status",
            Facts::ContactVerificationRequired(_) => "contact-verification-required",
            Facts::ContactUpdate { .. } => "contact-update",
            Facts::ContactDelete { .. } => "contact-delete",
            Facts::ExpireWarning { .. } => "expire-warning",
            Facts::Expire { .. } => "expire",
            Facts::AuthInfoNotify { .. } => "authinfo-notify",
            Facts::AuthInfoExpire { .. } => "authinfo-expire",
            Facts::AuthInfoDelete { .. } => "authinfo-delete",
            Facts::Chprov { .. } => "chprov",
            Facts::DomainDelete { .. } => "domain-delete",
            Facts::RequestAnswer { .. } => "request-answer",
            Facts::ContactVerification { .. } => "contact-verification",
            Facts::ResellerEvent(_) => "reseller-event",
            Facts::ResellerDomains { .. } => "reseller-domain",
            Facts::ResellerContact(_) => "reseller-contact",
            Facts::ResellerAnswer { .. } => "reseller-answer",
            Facts::QueueReminder => "queue-reminder",
            Facts::Bounce(_) => "bounce",
            Facts::AutoReply { .. } => "auto-reply",
            Facts::Unknown { .. } => "unknown",
        }
    }

    /// The earliest instant named at which something is lost unless somebody acts.
    pub fn deadline(&self) -> Option<Timestamp> {
        let earliest = |asked: &Verification| {
            let named = [asked.dedelegation_at, asked.deletion_at];
            named.into_iter().flatten().min()
        };
        match self {
            Facts::DomainStatus(status) => status.verification.as_ref().and_then(earliest),
            Facts::ContactVerificationRequired(asked) => {
                let named = [&asked.earliest_dedelegation, &asked.earliest_deletion];
                named.into_iter().flatten().map(|(_, at)| *at).min()
            }
            Facts::RequestAnswer {
                verification,
                expire_at,
                ..
            } => {
                let asked = verification.as_ref().and_then(earliest);
                [asked, *expire_at].into_iter().flatten().min()
            }
            Facts::ExpireWarning { expire_at, .. } => *expire_at,
            Facts::ResellerDomains { domains, .. } => {
                domains.iter().filter_map(|shown| shown.suspension_at).min()
            }
            Facts::ContactUpdate { .. }
            | Facts::ContactDelete { .. }
            | Facts::Expire { .. }
            | Facts::AuthInfoNotify { .. }
            | Facts::AuthInfoExpire { .. }
            | Facts::AuthInfoDelete { .. }
            | Facts::Chprov { .. }
            | Facts::DomainDelete { .. }
            | Facts::ContactVerification { .. }
            | Facts::ResellerEvent(_)
            | Facts::ResellerContact(_)
            | Facts::ResellerAnswer { .. }
            | Facts::QueueReminder
            | Facts::Bounce(_)
            | Facts::AutoReply { .. }
            | Facts::Unknown { .. } => None,
        }
    }

    /// The one domain it is about, if it is about one.
    pub fn domain(&self) -> Option<&DomainName> {
        match self {
            Facts::DomainStatus(status) => Some(&status.domain),
            Facts::ExpireWarning { domain, .. }
            | Facts::Expire { domain, .. }
            | Facts::AuthInfoNotify { domain }
            | Facts::AuthInfoExpire { domain, .. }
            | Facts::AuthInfoDelete { domain }
            | Facts::Chprov { domain, .. }
            | Facts::DomainDelete { domain, .. } => Some(domain),
            Facts::RequestAnswer { domain, .. } | Facts::Unknown { domain } => domain.as_ref(),
            Facts::ContactVerification { event, .. } | Facts::ResellerEvent(event) => {
                event.domain.as_ref()
            }
            Facts::ResellerDomains { domains, .. } => match domains.as_slice() {
                [only] => Some(&only.domain),
                _ => None,
            },
            Facts::ContactVerificationRequired(_)
            | Facts::ContactUpdate { .. }
            | Facts::ContactDelete { .. }
            | Facts::ResellerContact(_)
            | Facts::ResellerAnswer { .. }
            | Facts::QueueReminder
            | Facts::Bounce(_)
            | Facts::AutoReply { .. } => None,
        }
    }
}

/// Outcome of a request, or of the transport (`denic.md` 4.2). `failed` here is not the domain
/// status of that name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestResult {
    /// Carried out (errors beside it are possible).
    Success,
    /// Not carried out.
    Failed,
    /// System fault, not carried out.
    Exception,
    /// Another word.
    Other(String),
}

impl RegistryEvent {
    /// What came back to a notice of ours says this.
    pub fn of_notice(facts: Facts) -> Self {
        RegistryEvent {
            source: Source::Dsn,
            says_environment: None,
            result: None,
            ticket: None,
            ctid: None,
            stid: None,
            msgid: None,
            msgtype: None,
            msgcnt: None,
            object: None,
            registry_time: None,
            facts,
            messages: Vec::new(),
            unknown: Vec::new(),
            warnings: Vec::new(),
        }
    }
}

impl RequestResult {
    /// The registry's word for it.
    pub fn as_str(&self) -> &str {
        match self {
            RequestResult::Success => "success",
            RequestResult::Failed => "failed",
            RequestResult::Exception => "exception",
            RequestResult::Other(word) => word,
        }
    }
}

impl From<&str> for RequestResult {
    fn from(word: &str) -> Self {
        match word.trim().to_ascii_lowercase().as_str() {
            "success" => RequestResult::Success,
            "failed" => RequestResult::Failed,
            "exception" => RequestResult::Exception,
            _ => RequestResult::Other(word.trim().to_owned()),
        }
    }
}

/// How serious a message line is; the level of the line, never the code's first digit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// `INFO`, or a `message` line of the queue.
    Info,
    /// `WARNING`.
    Warning,
    /// `ERROR`.
    Error,
}

/// One coded line, such as `INFO: 53000080013 Domain "Status" is "connect"`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RegistryMessage {
    /// Its level.
    pub level: Level,
    /// Eleven characters; leading digits matter, so it is text.
    pub code: String,
    /// The sentence, without the arguments.
    pub text: String,
    /// What stood in brackets, split where a new argument begins.
    pub arguments: Vec<String>,
}
