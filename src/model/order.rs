//! What is ordered, and what is asked of the registry for it (design, section 3; `hspcomplete.md`).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::request::RegistryRequest;
use super::words::words;
use super::{Ctid, CustomerId, DomainName, Environment, InboundId, OrderId, RequestId};

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
    pub request: RegistryRequest,
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
