//! Orders, requests and the action log.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use super::{Alarm, AuditEntry, Sealed, StoreError};
use crate::model::request::RegistryRequest;
use crate::model::{
    ActionEntry, ActionId, CaseId, Ctid, DomainRecord, Environment, InboundId, Order, OrderId,
    OrderState, Purpose, RequestId, RequestOutcome, RequestState, SentRequest, Waits,
};

/// A new order, with what it does to its domain.
#[derive(Clone, Debug)]
pub struct OrderDraft {
    /// The order; its number is given by the store.
    pub order: Order,
    /// The domain afterwards, where it is about one; its version is the one that was read.
    pub record: Option<DomainRecord>,
    /// The reference of its request, where it is asked at once.
    pub ctid: Option<Ctid>,
}

/// What came of placing an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The order, as it stands.
    pub order: Order,
    /// It was placed now; false: it was there before under its key.
    pub is_new: bool,
}

/// An order that goes on: its request is put into the outbox.
#[derive(Clone, Debug)]
pub struct OrderRelease {
    /// The order.
    pub order: OrderId,
    /// The domain afterwards, where it is about one; its version is the one that was read.
    pub record: Option<DomainRecord>,
    /// The reference of its request.
    pub ctid: Ctid,
    /// When.
    pub at: Timestamp,
    /// What the payment is called, where it was paid.
    pub payment: Option<String>,
}

/// What a message that answers a request changes.
#[derive(Clone, Debug)]
pub struct RequestAnswer {
    /// The request.
    pub request: RequestId,
    /// What the registry said.
    pub outcome: RequestOutcome,
    /// What becomes of its order; `None`: it goes on.
    pub order: Option<OrderState>,
    /// What is asked for the order now that its present data are known.
    pub then: Option<(RegistryRequest, Ctid)>,
    /// What the action log says.
    pub entry: Option<ActionEntry>,
    /// Orders for the same domain that waited for this answer: those that are asked now with their
    /// reference, those that go on waiting.
    pub next: Vec<(OrderId, Result<Ctid, Waits>)>,
}

/// How a try to send a request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestDelivery {
    /// The other side has it.
    Sent {
        /// When.
        at: Timestamp,
        /// Its reply.
        reply: String,
    },
    /// Not now.
    Retry {
        /// The next try.
        at: Timestamp,
        /// Why.
        reply: String,
    },
    /// Nothing of it has left, and it is as if it had not been tried.
    Withheld {
        /// The next try.
        at: Timestamp,
        /// Why.
        reply: String,
    },
    /// It may have been carried out, or not: it is asked about, never sent again.
    Unknown {
        /// When that was found.
        at: Timestamp,
        /// Why.
        reply: String,
    },
    /// Never.
    Failed {
        /// When that was found.
        at: Timestamp,
        /// Why.
        reply: String,
        /// What the action log says.
        entry: Box<ActionEntry>,
    },
}

/// Which orders to list.
#[derive(Clone, Debug, Default)]
pub struct OrderFilter {
    /// Of one environment.
    pub environment: Option<Environment>,
    /// About one domain, by A-label.
    pub ace: Option<String>,
    /// Under this key.
    pub key: Option<String>,
    /// What the registry was told for this case.
    pub case: Option<CaseId>,
    /// In this state.
    pub state: Option<OrderState>,
    /// The newest on top.
    pub newest_first: bool,
    /// Only those behind this one, in that order.
    pub after: Option<OrderId>,
    /// So many at most.
    pub limit: Option<u32>,
}

/// Which requests to list.
#[derive(Clone, Debug, Default)]
pub struct RequestFilter {
    /// One request.
    pub id: Option<RequestId>,
    /// Those of these orders; empty: of any, or of none.
    pub orders: Vec<OrderId>,
    /// Of one environment.
    pub environment: Option<Environment>,
    /// About one domain, by A-label.
    pub ace: Option<String>,
    /// Under one reference.
    pub ctid: Option<Ctid>,
    /// In this state.
    pub state: Option<RequestState>,
    /// The newest on top.
    pub newest_first: bool,
    /// Only those behind this one, in that order.
    pub after: Option<RequestId>,
    /// So many at most.
    pub limit: Option<u32>,
}

/// Which entries of the action log to list.
#[derive(Clone, Debug, Default)]
pub struct ActionFilter {
    /// Of one environment.
    pub environment: Option<Environment>,
    /// About one domain, by A-label.
    pub ace: Option<String>,
    /// The newest on top.
    pub newest_first: bool,
    /// Only those behind this one, in that order.
    pub after: Option<ActionId>,
    /// So many at most.
    pub limit: Option<u32>,
}

/// Orders, requests and the action log.
#[async_trait]
pub trait Ordering: Send + Sync {
    /// Places an order, and its request where it is asked at once. An order with a key that is there
    /// already comes back as it stands, and nothing is written.
    /// [`StoreError::Conflict`]: the domain changed since it was read.
    async fn place_order(
        &self,
        draft: &OrderDraft,
        audit: &AuditEntry,
    ) -> Result<Placed, StoreError>;

    /// Puts the request of a waiting order into the outbox. False: it does not wait any more.
    /// [`StoreError::Conflict`]: the domain changed since it was read.
    async fn release_order(
        &self,
        release: &OrderRelease,
        audit: &AuditEntry,
    ) -> Result<bool, StoreError>;

    /// Takes an order back if nothing has been sent for it, not even perhaps: its request leaves the
    /// outbox. False: it is too late. [`StoreError::Conflict`]: the domain changed since it was read.
    async fn cancel_order(
        &self,
        id: OrderId,
        record: Option<&DomainRecord>,
        audit: &AuditEntry,
    ) -> Result<bool, StoreError>;

    /// An entry in the action log that no answer caused; `alarm`: a person must act.
    async fn note_action(
        &self,
        entry: &ActionEntry,
        alarm: Option<&Alarm>,
        audit: &AuditEntry,
    ) -> Result<(), StoreError>;

    /// Orders, oldest first unless the filter says otherwise.
    async fn orders(&self, filter: &OrderFilter) -> Result<Vec<Order>, StoreError>;

    /// One order.
    async fn order(&self, id: OrderId) -> Result<Option<Order>, StoreError>;

    /// Requests, oldest first unless the filter says otherwise.
    async fn requests(&self, filter: &RequestFilter) -> Result<Vec<SentRequest>, StoreError>;

    /// Takes up to `limit` requests of an environment, made for these purposes, that are due at `now`,
    /// oldest first, and hides them until `now + lease`.
    async fn claim_requests(
        &self,
        environment: Environment,
        purposes: &[Purpose],
        now: Timestamp,
        limit: u32,
        lease: Duration,
    ) -> Result<Vec<SentRequest>, StoreError>;

    /// Makes every request claimable at once: for the one sender of the database, at start.
    async fn forget_request_leases(&self) -> Result<(), StoreError>;

    /// Before every try: fixes the bytes of a request, and the way it goes. False: it was taken back meanwhile.
    async fn fix_request(
        &self,
        id: RequestId,
        transport: &str,
        raw: &[u8],
        signed_at: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Writes down how a try ended; a failure raises `alarm`.
    async fn settle_request(
        &self,
        id: RequestId,
        transport: &str,
        delivery: &RequestDelivery,
        alarm: Option<&Alarm>,
    ) -> Result<(), StoreError>;

    /// Keeps the reply to a request, as a message of its own, and notes that the request was sent: in
    /// one transaction.
    async fn keep_reply(
        &self,
        id: RequestId,
        transport: &str,
        reply: &Sealed,
    ) -> Result<InboundId, StoreError>;

    /// Puts a question into the outbox for every request of an environment whose outcome has not been
    /// known since `before`, and that is not being asked about; how many there were.
    async fn ask_about_unanswered(
        &self,
        environment: Environment,
        before: Timestamp,
        now: Timestamp,
    ) -> Result<u64, StoreError>;

    /// Asks once more what became of a request, or for the first time. False: it is being asked about
    /// already, or is answered.
    async fn ask_about(&self, id: RequestId, audit: &AuditEntry) -> Result<bool, StoreError>;

    /// Writes down what a person found out about a request.
    /// [`StoreError::Conflict`]: the domain changed since it was read.
    async fn conclude(
        &self,
        answer: &RequestAnswer,
        record: Option<&DomainRecord>,
        audit: &AuditEntry,
    ) -> Result<(), StoreError>;

    /// Requests that were sent before `before` and not answered become unanswered, with an alarm
    /// each; how many there were.
    async fn mark_unanswered(&self, before: Timestamp, now: Timestamp) -> Result<u64, StoreError>;

    /// The action log, oldest first unless the filter says otherwise.
    async fn actions(
        &self,
        filter: &ActionFilter,
    ) -> Result<Vec<(ActionId, ActionEntry)>, StoreError>;
}
