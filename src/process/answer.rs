//! Which request of ours a message answers (HS-20 to HS-35 of `hspcomplete.md`).

use jiff::{SignedDuration, Timestamp};
use rand::distr::{Alphanumeric, SampleString};

use crate::apply::order::{self, Answered};
use crate::model::request::RegistryRequest;
use crate::model::{
    ActionEntry, Ctid, DomainKey, Environment, Facts, InboundId, Level, Lifecycle, OrderId,
    Purpose, RegistryEvent, RequestResult, RequestState, SentRequest, Waits,
};
use crate::store::{RequestAnswer, World};

/// The registry's clock and ours may differ by so much.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_mins(10);

/// What was found.
pub enum Found {
    /// A request of ours.
    Ours(SentRequest),
    /// A request of ours in the other environment.
    OtherEnvironment(SentRequest),
    /// None.
    Nothing,
}

/// A new reference for a request, unique by chance: 24 letters and digits.
pub fn new_ctid() -> Ctid {
    Ctid(format!(
        "st-{}",
        Alphanumeric.sample_string(&mut rand::rng(), 24)
    ))
}

/// The reference that an answer names: TICKET of a mail, ctid of a reply.
pub fn reference(event: &RegistryEvent) -> Option<Ctid> {
    let ticket = event.ticket.as_ref().map(|ticket| Ctid(ticket.0.clone()));
    event.ctid.clone().or(ticket)
}

/// Does it confirm something under a reference, and say nothing else?
pub fn is_stray(event: &RegistryEvent) -> bool {
    let is_bare = matches!(
        event.facts,
        Facts::RequestAnswer {
            status: None,
            verification: None,
            ..
        }
    );
    is_bare && reference(event).is_some() && event.result == Some(RequestResult::Success)
}

/// The request that a message answers: by reference, else by domain and time.
///
/// News about a domain's state answers what asked for the domain as such; it says nothing about a
/// change of name servers.
pub fn find(
    world: &World,
    event: &RegistryEvent,
    environment: Environment,
    at: Timestamp,
) -> Found {
    if let Some(reference) = reference(event) {
        let named = world.requests.iter().find(|one| one.ctid == reference);
        return match named {
            Some(request) if request.environment == environment => Found::Ours(request.clone()),
            Some(request) => Found::OtherEnvironment(request.clone()),
            None => Found::Nothing,
        };
    }
    let is_answer = matches!(event.facts, Facts::RequestAnswer { .. });
    if !is_answer && !matches!(event.facts, Facts::DomainStatus(_)) {
        return Found::Nothing;
    }
    let candidates = world.requests.iter().rev().filter(|one| {
        let is_open = matches!(
            one.state,
            RequestState::Signed | RequestState::Sent | RequestState::Unanswered
        );
        let begins = matches!(
            one.request,
            RegistryRequest::DomainCreate { .. } | RegistryRequest::DomainChprov { .. }
        );
        is_open
            && one.purpose == Purpose::Order
            && one.environment == environment
            && one.request.domain() == event.facts.domain()
            && (is_answer || begins)
            && one.created_at <= at + CLOCKS_DIFFER
    });
    let candidate = candidates.clone().next();
    // Without a reference, of two that are open nobody knows which is meant.
    match (candidate, candidates.count()) {
        (Some(request), 1) if event.facts.domain().is_some() => Found::Ours(request.clone()),
        _ => Found::Nothing,
    }
}

/// What becomes of the orders that waited for this answer.
pub fn next(
    world: &World,
    key: Option<&DomainKey>,
    lifecycle: Lifecycle,
) -> Vec<(OrderId, Result<Ctid, Waits>)> {
    let waiting = world.orders.iter().filter(|order| {
        key.is_some_and(|key| {
            key.environment == order.environment && Some(&key.domain) == order.request.domain()
        })
    });
    waiting
        .map(|order| {
            let next = match order::after_answer(&order.request, lifecycle) {
                None => Ok(new_ctid()),
                Some(waits) => Err(waits),
            };
            (order.id, next)
        })
        .collect()
}

/// The change to be written.
pub fn change(
    request: &SentRequest,
    event: &RegistryEvent,
    answered: &Answered,
    next: Vec<(OrderId, Result<Ctid, Waits>)>,
    message: InboundId,
    now: Timestamp,
) -> RequestAnswer {
    let entry = answered.entry.clone();
    let entry = entry.map(|(text, advice)| entry_of(request, event, text, advice, message, now));
    RequestAnswer {
        request: request.id,
        outcome: answered.outcome,
        order: Some(answered.order),
        then: None,
        entry,
        next,
    }
}

/// A line of the action log about an answer, with the registry's codes, errors first.
pub fn entry_of(
    request: &SentRequest,
    event: &RegistryEvent,
    text: String,
    advice: String,
    message: InboundId,
    now: Timestamp,
) -> ActionEntry {
    let mut lines: Vec<_> = event.messages.iter().collect();
    lines.sort_by_key(|line| match line.level {
        Level::Error => 0,
        Level::Warning => 1,
        Level::Info => 2,
    });
    ActionEntry {
        at: now,
        environment: request.environment,
        domain: request.request.domain().cloned(),
        action: request.request.action().to_owned(),
        order: request.order,
        request: Some(request.id),
        message: Some(message),
        codes: lines.iter().map(|line| line.code.clone()).collect(),
        text,
        advice,
    }
}
