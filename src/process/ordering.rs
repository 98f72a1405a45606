//! Orders: placed, paid, released, taken back (HS-03 to HS-33 of `hspcomplete.md`).

use jiff::Timestamp;

use super::answer::new_ctid;
use crate::apply::order::{self, Opening};
use crate::model::reason;
use crate::model::request::RequestError;
use crate::model::{
    Account, ActionEntry, Asking, CustomerId, DomainKey, DomainName, DomainRecord, Environment,
    Lifecycle, Order, OrderId, OrderState, RequestId, RequestOutcome, RequestState, Waits,
};
use crate::store::{
    Alarm, AuditEntry, OrderDraft, OrderFilter, OrderRelease, Placed, RequestAnswer, RequestFilter,
    Store, StoreError,
};

/// How often an order is decided again because somebody else wrote in between.
const CONFLICTS_MAX: u32 = 20;

/// What somebody orders.
#[derive(Clone, Debug)]
pub struct Wish {
    /// Whoever orders gives it: the same order twice is one.
    pub key: String,
    /// Live or test.
    pub environment: Environment,
    /// Whose order it is.
    pub account: Account,
    /// The customer whose domain it is.
    pub customer: Option<CustomerId>,
    /// What is to be asked.
    pub request: Asking,
    /// The ways to the registry of that environment.
    pub ways: Ways,
}

/// The ways there are to a registry.
#[derive(Clone, Copy, Debug)]
pub struct Ways {
    /// What changes something goes by signed mail.
    pub writes_by_mail: bool,
    /// What the registry has can be read by RRI.
    pub has_rri: bool,
}

/// Why an order, or something about one, was not taken.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// The request breaks a rule of the registry.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// It does not fit what is known of the domain.
    #[error("{0}")]
    Refused(String),
    /// The key stands for another order.
    #[error("the key `{key}` belongs to order {order}, which asks for something else")]
    KeyTaken {
        /// The key.
        key: String,
        /// The order that was placed under it.
        order: OrderId,
    },
    /// There is no such order.
    #[error("there is no order {0}; `stichtag order list` shows them")]
    NotFound(OrderId),
    /// There is no such request.
    #[error("there is no request {0}; `stichtag request list` shows them")]
    NoRequest(RequestId),
    /// There is no such customer.
    #[error("there is no customer {0}; `stichtag import customers` brings customers in")]
    NoCustomer(CustomerId),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What became of a payment or of a withdrawal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It was done now.
    Done,
    /// It was so before: nothing changed (HS-25).
    Before,
    /// Too late: what has left is not recalled; a person was told (HS-26).
    TooLate,
}

/// What whoever asks for a renewal is told (HS-15, HS-32).
pub const RENEWED: &str = "the registry renews by itself; nothing is sent";

/// What whoever orders a change of a contact is told: the way that there is (HS-14, HS-31).
pub const CONTACTS: &str = "contacts are not changed by mail or over HTTP; use RRI, \
    Contact UPDATE (`sender.transport = \"rri\"`, then `stichtag order create contact`) or the \
    registry's web pages";

/// Billing systems ask for renewals: it is written down and answered, and is no error (HS-32).
pub async fn renewal(
    store: &dyn Store,
    domain: &DomainName,
    environment: Environment,
    audit: &AuditEntry,
) -> Result<(), StoreError> {
    let entry = ActionEntry {
        at: audit.at,
        environment,
        domain: Some(domain.clone()),
        action: "RENEW".to_owned(),
        order: None,
        request: None,
        message: None,
        codes: Vec::new(),
        text: format!("a renewal was asked for: {RENEWED}"),
        advice: "nothing".to_owned(),
    };
    store.note_action(&entry, None, audit).await
}

/// What would become of an order, without placing it.
pub async fn rehearse(store: &dyn Store, wish: &Wish) -> Result<Opening, OrderError> {
    let (opening, _) = open(store, wish, Timestamp::UNIX_EPOCH).await?;
    Ok(opening)
}

/// Places an order. The same key twice is the same order, as it stands by now.
pub async fn place(
    store: &dyn Store,
    wish: &Wish,
    audit: &AuditEntry,
) -> Result<Placed, OrderError> {
    let now = audit.at;
    if let Some(before) = under(store, &wish.key).await? {
        return same(before, wish);
    }
    for _ in 0..CONFLICTS_MAX {
        let (opening, record) = match open(store, wish, now).await {
            // What stands in its way may be itself, placed by somebody else a moment ago.
            Err(OrderError::Refused(why)) => match under(store, &wish.key).await? {
                Some(before) => return same(before, wish),
                None => return Err(OrderError::Refused(why)),
            },
            opened => opened?,
        };
        let (state, waits) = match opening {
            Opening::Ask(_) => (OrderState::Requested, None),
            Opening::Wait(waits, _) => (OrderState::Waiting, Some(waits)),
        };
        let draft = OrderDraft {
            order: Order {
                id: OrderId(0),
                key: wish.key.clone(),
                created_at: now,
                environment: wish.environment,
                account: wish.account,
                customer: wish.customer.clone(),
                request: wish.request.clone(),
                placed_by: audit.actor.clone(),
                state,
                waits,
                payment: None,
                paid_at: None,
                ended_at: None,
            },
            record,
            ctid: waits.is_none().then(new_ctid),
        };
        match store.place_order(&draft, audit).await {
            Err(StoreError::Conflict) => {}
            placed => return same(placed?, wish),
        }
    }
    Err(OrderError::Store(StoreError::Conflict))
}

/// The order that was placed under a key, if one was.
async fn under(store: &dyn Store, key: &str) -> Result<Option<Placed>, StoreError> {
    let filter = OrderFilter {
        key: Some(key.to_owned()),
        ..OrderFilter::default()
    };
    let found = store.orders(&filter).await?.into_iter().next();
    Ok(found.map(|order| Placed {
        order,
        is_new: false,
    }))
}

/// An order under a key that stands for another wish is a mistake, not a repeat.
fn same(placed: Placed, wish: &Wish) -> Result<Placed, OrderError> {
    let order = &placed.order;
    let is_same = order.environment == wish.environment
        && order.account == wish.account
        && order.request == wish.request
        && order.customer == wish.customer;
    match is_same {
        true => Ok(placed),
        false => Err(OrderError::KeyTaken {
            key: wish.key.clone(),
            order: order.id,
        }),
    }
}

/// Decides about a new order, with the domain as it will be.
async fn open(
    store: &dyn Store,
    wish: &Wish,
    now: Timestamp,
) -> Result<(Opening, Option<DomainRecord>), OrderError> {
    has_way(&wish.request, wish.ways)?;
    wish.request.check()?;
    if let Some(customer) = &wish.customer
        && store.customer(customer).await?.is_none()
    {
        return Err(OrderError::NoCustomer(customer.clone()));
    }
    if wish.account == Account::Customer && wish.customer.is_none() {
        return Err(OrderError::Refused(
            "an order of a customer needs the customer".to_owned(),
        ));
    }
    let mut record = record(store, wish.environment, &wish.request, now).await?;
    let before = record
        .as_ref()
        .map_or(Lifecycle::None, |record| record.lifecycle);
    let opening = order::open(&wish.request, wish.account, before).map_err(OrderError::Refused)?;
    if let Some(record) = &mut record {
        record.lifecycle = match opening {
            Opening::Ask(lifecycle) | Opening::Wait(_, lifecycle) => lifecycle,
        };
        record.customer = wish.customer.clone().or(record.customer.take());
        record.updated_at = now;
    }
    Ok((opening, record))
}

/// What the registry does not take by mail is refused with the way that there is (HS-14, HS-31).
fn has_way(asking: &Asking, ways: Ways) -> Result<(), OrderError> {
    let is_contact = asking.domain().is_none();
    if is_contact && ways.writes_by_mail {
        let object = asking.object().unwrap_or_default();
        return Err(OrderError::Refused(format!(
            "{object} was not changed: {CONTACTS}"
        )));
    }
    if matches!(asking, Asking::Change(_)) && !ways.has_rri {
        return Err(OrderError::Refused(
            "an update deletes what it leaves out, and without RRI the registry's present data \
             cannot be read: say everything (`--holder`, `--ns`, `--general-request`, \
             `--abuse-contact`, `--dnskey`, with `none` where there is none), or set `rri.*.host`"
                .to_owned(),
        ));
    }
    Ok(())
}

/// A person says what became of a request of which nothing else is known.
pub async fn settle(
    store: &dyn Store,
    id: RequestId,
    outcome: RequestOutcome,
    audit: &AuditEntry,
) -> Result<Step, OrderError> {
    for _ in 0..CONFLICTS_MAX {
        let filter = RequestFilter {
            id: Some(id),
            ..RequestFilter::default()
        };
        let Some(request) = store.requests(&filter).await?.into_iter().next() else {
            return Err(OrderError::NoRequest(id));
        };
        if request.state == RequestState::Answered {
            return Ok(Step::Before);
        }
        if !matches!(request.state, RequestState::Sent | RequestState::Unanswered) {
            return Err(OrderError::Refused(format!(
                "request {id} is {}: there is nothing to find out about it",
                request.state
            )));
        }
        let asking = Asking::from(request.request.clone());
        let mut record = record(store, request.environment, &asking, audit.at).await?;
        let before = record
            .as_ref()
            .map_or(Lifecycle::None, |record| record.lifecycle);
        let said = order::by_hand(&request, outcome, before);
        if let Some(record) = &mut record {
            record.lifecycle = said.lifecycle.unwrap_or(before);
            record.updated_at = audit.at;
        }
        let (text, advice) = said.entry.unwrap_or_default();
        let answer = RequestAnswer {
            request: id,
            outcome,
            order: Some(said.order),
            then: None,
            entry: Some(ActionEntry {
                at: audit.at,
                environment: request.environment,
                domain: request.request.domain().cloned(),
                action: request.request.action().to_owned(),
                order: request.order,
                request: Some(id),
                message: None,
                codes: Vec::new(),
                text: format!("{text} ({})", audit.detail),
                advice,
            }),
            next: Vec::new(),
        };
        match store.conclude(&answer, record.as_ref(), audit).await {
            Err(StoreError::Conflict) => {}
            Err(error) => return Err(error.into()),
            Ok(()) => return Ok(Step::Done),
        }
    }
    Err(OrderError::Store(StoreError::Conflict))
}

/// The domain that is asked for, as it is known, or new; `None`: it is about none.
async fn record(
    store: &dyn Store,
    environment: Environment,
    asking: &Asking,
    now: Timestamp,
) -> Result<Option<DomainRecord>, OrderError> {
    let Some(domain) = asking.domain() else {
        return Ok(None);
    };
    let known = store.domains(Some(environment), Some(domain.ace())).await?;
    Ok(Some(known.into_iter().next().unwrap_or_else(|| {
        let key = DomainKey {
            environment,
            domain: domain.clone(),
        };
        DomainRecord::new(key, now)
    })))
}

/// An order is paid: its request goes into the outbox. `payment` is what the shop's books call it.
pub async fn pay(
    store: &dyn Store,
    id: OrderId,
    payment: &str,
    audit: &AuditEntry,
) -> Result<Step, OrderError> {
    let order = order_of(store, id).await?;
    match (order.state, order.waits) {
        (OrderState::Waiting, Some(Waits::Payment)) => go_on(store, id, Some(payment), audit).await,
        (OrderState::Cancelled, _) => Err(OrderError::Refused(format!(
            "order {id} was taken back; place it anew"
        ))),
        _ => Ok(Step::Before),
    }
}

/// A person lets an order go on that waits for a decision.
pub async fn release(
    store: &dyn Store,
    id: OrderId,
    audit: &AuditEntry,
) -> Result<Step, OrderError> {
    let order = order_of(store, id).await?;
    match (order.state, order.waits) {
        (OrderState::Waiting, Some(Waits::Operator)) => go_on(store, id, None, audit).await,
        (OrderState::Waiting, Some(waits)) => Err(OrderError::Refused(format!(
            "order {id} waits for {waits}, not for a decision"
        ))),
        _ => Ok(Step::Before),
    }
}

/// A second person confirms that a holder's proof failed: not the one who says so.
pub async fn confirm(
    store: &dyn Store,
    id: OrderId,
    audit: &AuditEntry,
) -> Result<Step, OrderError> {
    let order = order_of(store, id).await?;
    match (order.state, order.waits) {
        (OrderState::Waiting, Some(Waits::SecondPerson)) if order.placed_by == audit.actor => {
            Err(OrderError::Refused(format!(
                "order {id} was placed by you: a second person must confirm it"
            )))
        }
        (OrderState::Waiting, Some(Waits::SecondPerson)) => go_on(store, id, None, audit).await,
        (OrderState::Waiting, Some(waits)) => Err(OrderError::Refused(format!(
            "order {id} waits for {waits}, not for a second person"
        ))),
        _ => Ok(Step::Before),
    }
}

async fn go_on(
    store: &dyn Store,
    id: OrderId,
    payment: Option<&str>,
    audit: &AuditEntry,
) -> Result<Step, OrderError> {
    for _ in 0..CONFLICTS_MAX {
        let order = order_of(store, id).await?;
        let mut record = record(store, order.environment, &order.request, audit.at).await?;
        if let Some(record) = &mut record {
            record.lifecycle = order::asked(&order.request, record.lifecycle);
            record.updated_at = audit.at;
        }
        let release = OrderRelease {
            order: id,
            record,
            ctid: new_ctid(),
            at: audit.at,
            payment: payment.map(str::to_owned),
        };
        match store.release_order(&release, audit).await {
            Err(StoreError::Conflict) => {}
            Ok(true) => return Ok(Step::Done),
            // Somebody else was quicker.
            Ok(false) => return Ok(Step::Before),
            Err(error) => return Err(error.into()),
        }
    }
    Err(OrderError::Store(StoreError::Conflict))
}

/// An order is taken back: its payment was withdrawn, or nobody wants it any more. What has left is
/// not recalled; a person is told.
pub async fn cancel(
    store: &dyn Store,
    id: OrderId,
    note: &str,
    audit: &AuditEntry,
) -> Result<Step, OrderError> {
    for _ in 0..CONFLICTS_MAX {
        let order = order_of(store, id).await?;
        if order.state == OrderState::Cancelled {
            return Ok(Step::Before);
        }
        let mut record = record(store, order.environment, &order.request, audit.at).await?;
        if let Some(record) = &mut record {
            record.lifecycle = taken_back(record, &order);
            record.updated_at = audit.at;
        }
        match store.cancel_order(id, record.as_ref(), audit).await {
            Err(StoreError::Conflict) => {}
            Ok(true) => return Ok(Step::Done),
            Ok(false) => {
                too_late(store, &order, note, audit).await?;
                return Ok(Step::TooLate);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(OrderError::Store(StoreError::Conflict))
}

/// Where a domain stands once it is no longer asked for.
fn taken_back(record: &DomainRecord, order: &Order) -> Lifecycle {
    let begins = order::asked(&order.request, Lifecycle::None) != Lifecycle::None;
    match (begins, record.gone()) {
        (false, _) => record.lifecycle,
        (true, Some(crate::model::Gone::Moved)) => Lifecycle::Moved,
        (true, Some(crate::model::Gone::Deleted)) => Lifecycle::Deleted,
        (true, None) => Lifecycle::None,
    }
}

async fn too_late(
    store: &dyn Store,
    order: &Order,
    note: &str,
    audit: &AuditEntry,
) -> Result<(), OrderError> {
    let domain = order.request.domain();
    let object = order.request.object();
    let about = object.map_or(String::new(), |object| format!(" about {object}"));
    let text = format!(
        "order {}{about} was taken back after its request had left ({note})",
        order.id
    );
    let entry = ActionEntry {
        at: audit.at,
        environment: order.environment,
        domain: domain.cloned(),
        action: order.request.action().to_owned(),
        order: Some(order.id),
        request: None,
        message: None,
        codes: Vec::new(),
        text: text.clone(),
        advice: "nothing is recalled by itself: ask the customer, then the registry".to_owned(),
    };
    let alarm = Alarm {
        key: format!("order:{}", order.id),
        code: reason::TOO_LATE,
        environment: Some(order.environment),
        ace: domain.map(|domain| domain.ace().to_owned()),
        message: None,
        text,
        raised_at: audit.at,
    };
    Ok(store.note_action(&entry, Some(&alarm), audit).await?)
}

async fn order_of(store: &dyn Store, id: OrderId) -> Result<Order, OrderError> {
    store.order(id).await?.ok_or(OrderError::NotFound(id))
}
