//! What is ordered, and what is asked of the registry for it (design, section 3; `hspcomplete.md`).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::request::{Change, RegistryRequest, RequestError};
use super::words::words;
use super::{CaseId, Ctid, CustomerId, DomainName, Environment, InboundId, OrderId, RequestId};

words!(
    /// Whose order it is.
    Account {
        /// The operator's own: it goes at once (HS-03, HS-09).
        Provider = "provider",
        /// A customer's: it waits for payment (HS-06, HS-11).
        Customer = "customer",
    }
);

words!(
    /// How far an order got.
    OrderState {
        /// Nothing was asked yet; [`Waits`] says for what.
        Waiting = "waiting",
        /// Its request is in the outbox, or was sent.
        Requested = "requested",
        /// The registry carried it out.
        Done = "done",
        /// The registry refused it, or it could not be sent.
        Failed = "failed",
        /// It was taken back before anything was sent.
        Cancelled = "cancelled",
    }
);

words!(
    /// What an order waits for.
    Waits {
        /// The customer's payment.
        Payment = "payment",
        /// The answer to an earlier request about the domain (HS-30, HS-33).
        Answer = "answer",
        /// A person's decision (HS-33).
        Operator = "operator",
        /// The confirmation of a person other than the one who placed it.
        SecondPerson = "second-person",
    }
);

words!(
    /// What a request is made for.
    Purpose {
        /// It is what was ordered.
        Order = "order",
        /// It reads what an ordered change is to be made to (`denic.md` 4.8).
        Read = "read",
        /// It finds out whether an earlier request was carried out.
        Check = "check",
    }
);

words!(
    /// How far a request got.
    RequestState {
        /// In the outbox.
        Queued = "queued",
        /// Its bytes are fixed and signed; whether it left is not known before it is settled.
        Signed = "signed",
        /// The other side has it.
        Sent = "sent",
        /// The registry answered.
        Answered = "answered",
        /// The registry has not answered for too long.
        Unanswered = "unanswered",
        /// Taken back unsent.
        Withdrawn = "withdrawn",
        /// It could not be sent, for good.
        Failed = "failed",
    }
);

words!(
    /// What the registry said to a request.
    RequestOutcome {
        /// Carried out.
        Success = "success",
        /// Not carried out.
        Failed = "failed",
        /// A fault at the registry; not carried out.
        Exception = "exception",
    }
);

/// What an order asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Asking {
    /// A change of some fields: the registry's data are read first, and all of them sent back.
    Change(Change),
    /// A request that is whole.
    Request(RegistryRequest),
}

impl Asking {
    /// The registry's word for it.
    pub fn action(&self) -> &'static str {
        match self {
            Asking::Change(_) => "UPDATE",
            Asking::Request(request) => request.action(),
        }
    }

    /// The domain it is about, if it is about one.
    pub fn domain(&self) -> Option<&DomainName> {
        match self {
            Asking::Change(Change::Domain { domain, .. }) => Some(domain),
            Asking::Change(Change::Contact { .. }) => None,
            Asking::Request(request) => request.domain(),
        }
    }

    /// Domain or contact, for people.
    pub fn object(&self) -> Option<String> {
        match self {
            Asking::Change(Change::Domain { domain, .. }) => Some(domain.to_string()),
            Asking::Change(Change::Contact { handle, .. }) => Some(handle.to_string()),
            Asking::Request(request) => request.object(),
        }
    }

    /// The verification that it answers, if it answers one.
    pub fn case(&self) -> Option<CaseId> {
        match self {
            Asking::Change(Change::Contact { case, .. }) => *case,
            _ => None,
        }
    }

    /// What is asked of the registry first.
    pub fn first(&self) -> (RegistryRequest, Purpose) {
        match self {
            Asking::Change(change) => (change.question(), Purpose::Read),
            Asking::Request(request) => (request.clone(), Purpose::Order),
        }
    }

    /// The first rule that it breaks, if it breaks one.
    pub fn check(&self) -> Result<(), RequestError> {
        match self {
            Asking::Change(change) => change.check(),
            Asking::Request(request) => request.check(),
        }
    }

    /// What is allowed and yet likely to be a mistake, a sentence each.
    pub fn warnings(&self) -> Vec<String> {
        match self {
            Asking::Change(_) => Vec::new(),
            Asking::Request(request) => request.warnings(),
        }
    }

    /// Does it say of a holder that the proof failed? The registry then takes the domains out of the
    /// zone at once.
    pub fn is_disproof(&self) -> bool {
        match self {
            Asking::Change(change) => change.is_disproof(),
            Asking::Request(
                RegistryRequest::ContactCreate { contact }
                | RegistryRequest::ContactUpdate { contact },
            ) => contact.proofs.iter().any(|proof| proof.is_disproof()),
            Asking::Request(_) => false,
        }
    }
}

impl From<RegistryRequest> for Asking {
    fn from(request: RegistryRequest) -> Self {
        Asking::Request(request)
    }
}

impl From<Change> for Asking {
    fn from(change: Change) -> Self {
        Asking::Change(change)
    }
}

/// An order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Its number.
    pub id: OrderId,
    /// Whoever orders gives it, so that the same order twice is one (HS-25).
    pub key: String,
    /// When it was placed.
    pub created_at: Timestamp,
    /// Live or test.
    pub environment: Environment,
    /// Whose it is.
    pub account: Account,
    /// The customer, where it is a customer's.
    pub customer: Option<CustomerId>,
    /// What is to be asked.
    pub request: Asking,
    /// Who placed it.
    pub placed_by: String,
    /// How far it got.
    pub state: OrderState,
    /// For what it waits, if it does.
    pub waits: Option<Waits>,
    /// What the payment is called in the shop's books.
    pub payment: Option<String>,
    /// When it was paid.
    pub paid_at: Option<Timestamp>,
    /// When it ended: done, failed or cancelled.
    pub ended_at: Option<Timestamp>,
}

/// A request on its way, or behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentRequest {
    /// Its number.
    pub id: RequestId,
    /// The order behind it.
    pub order: Option<OrderId>,
    /// What it is made for.
    pub purpose: Purpose,
    /// The request whose outcome it finds out.
    pub about: Option<RequestId>,
    /// Its reference: the same at every try, echoed by the registry.
    pub ctid: Ctid,
    /// Live or test.
    pub environment: Environment,
    /// What is asked.
    pub request: RegistryRequest,
    /// How far it got.
    pub state: RequestState,
    /// `mail` or `rri`, once it is known.
    pub transport: Option<String>,
    /// When it was put into the outbox.
    pub created_at: Timestamp,
    /// When it may leave, or may be tried again.
    pub due_at: Timestamp,
    /// How often sending was tried.
    pub attempts: u32,
    /// The exact bytes, once they are fixed.
    pub raw: Option<Vec<u8>>,
    /// When they were signed.
    pub signed_at: Option<Timestamp>,
    /// When the other side took it. Not: agreed to it.
    pub sent_at: Option<Timestamp>,
    /// When the answer was read.
    pub answered_at: Option<Timestamp>,
    /// What it said.
    pub outcome: Option<RequestOutcome>,
    /// The message that is the answer.
    pub message: Option<InboundId>,
    /// What the last try was answered.
    pub last_reply: Option<String>,
}

/// An entry of the action log: what was asked, what came of it, what to do (HS-08, HS-35).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionEntry {
    /// When it was written.
    pub at: Timestamp,
    /// The domain, by environment and name.
    pub environment: Environment,
    /// Its name.
    pub domain: Option<DomainName>,
    /// What was asked for, such as `CREATE`.
    pub action: String,
    /// The order it is about, if it is about one.
    pub order: Option<OrderId>,
    /// The request it is about, if one was made.
    pub request: Option<RequestId>,
    /// The raw answer, where one came.
    pub message: Option<InboundId>,
    /// The registry's codes, errors first.
    pub codes: Vec<String>,
    /// What happened, a sentence.
    pub text: String,
    /// What to do, a sentence.
    pub advice: String,
}
