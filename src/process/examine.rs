//! What can be found out about a message before anything is decided, and whether that is enough.

use jiff::{SignedDuration, Timestamp};

use super::{Reading, Rules, read};
use crate::evidence::Gatherer;
use crate::model::Source;
use crate::model::reason::{self, ReasonCode};
use crate::store::{Claimed, Store, StoreError, Waiting};

/// The first wait for DNS; each is twice the one before it.
const FIRST_WAIT: SignedDuration = SignedDuration::from_secs(30);

/// The longest wait.
const WAIT_MAX: SignedDuration = SignedDuration::from_mins(15);

/// Gathers what is not known yet of a message's origin, and reads it.
///
/// What was seen when it came in is what a replay judges: keys change. Only where that proves nothing is
/// DNS asked again, and what held then still holds.
pub async fn examine(
    rules: &Rules,
    gatherer: &Gatherer,
    mut message: Claimed,
    now: Timestamp,
) -> (Claimed, Reading) {
    let is_again = message.evidence.is_some();
    // The message queue is read over a connection that proves its origin.
    // What comes back to a notice is proven by the address alone.
    let asks = ![Source::DenicQueue, Source::Dsn].contains(&message.inbound.source);
    if message.evidence.is_none() && asks {
        message.evidence = Some(gatherer.gather(&message.inbound, now).await);
    }
    let reading = read_claimed(rules, &message);
    let lacks = |code: ReasonCode| reading.reasons.iter().any(|reason| reason.code == code);
    if !is_again || !(lacks(reason::NO_PROOF) || lacks(reason::DNS_TROUBLE)) {
        return (message, reading);
    }
    let fresh = gatherer.gather(&message.inbound, now).await;
    message.evidence = message.evidence.map(|earlier| fresh.with_earlier(&earlier));
    let reading = read_claimed(rules, &message);
    (message, reading)
}

fn read_claimed(rules: &Rules, message: &Claimed) -> Reading {
    let evidence = message.evidence.as_ref();
    read(
        &rules.policy,
        &message.inbound,
        evidence,
        message.is_released,
    )
}

/// Until when the message waits for DNS; `None`: it is decided now.
pub fn waits_until(
    rules: &Rules,
    message: &Claimed,
    reading: &Reading,
    now: Timestamp,
) -> Option<Timestamp> {
    let mut holds = reading
        .reasons
        .iter()
        .filter(|reason| reason.code.is_hold())
        .peekable();
    // What is held for another reason too is not helped by waiting.
    holds.peek()?;
    if !holds.all(|reason| reason.code == reason::DNS_TROUBLE) {
        return None;
    }
    let is_from_smtp = message.inbound.envelope.peer.is_some();
    let since = match (is_from_smtp, message.deferred_at) {
        (true, _) => message.inbound.received_at,
        (false, first) => first.unwrap_or(now),
    };
    let end = since.checked_add(rules.retry_for).unwrap_or(Timestamp::MAX);
    let doublings = message.attempts.saturating_sub(1).min(16);
    let wait = (FIRST_WAIT * (1 << doublings)).min(WAIT_MAX);
    (now < end).then(|| now.checked_add(wait).unwrap_or(Timestamp::MAX).min(end))
}

/// Puts messages back until their time.
pub async fn defer(
    store: &dyn Store,
    waiting: &[(Option<Timestamp>, Claimed, Reading)],
    now: Timestamp,
) -> Result<(), StoreError> {
    let waiting: Vec<Waiting> = waiting
        .iter()
        .filter_map(|(until, message, _)| {
            let evidence = message.evidence.as_ref();
            let trouble = evidence.map(|evidence| evidence.trouble.join("; "));
            Some(Waiting {
                message: message.id,
                until: (*until)?,
                why: trouble.unwrap_or_default(),
            })
        })
        .collect();
    if waiting.is_empty() {
        return Ok(());
    }
    for one in &waiting {
        tracing::warn!(
            msg = %one.message,
            "message {} waits for DNS until {}: {}", one.message, one.until, one.why
        );
    }
    store.defer(&waiting, now).await
}
