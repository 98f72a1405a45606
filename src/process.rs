//! One kept message through evidence, authenticate, parse, apply, notify, commit: the whole story.
//!
//! Messages are taken in batches and decided one after the other, each seeing what those before it
//! did; what they change is written in one transaction. A crash at any line means that the batch
//! is decided again, with the same result.

mod answer;
mod bounced;
mod caught;
mod contact;
mod decide;
mod examine;
pub mod ordering;
mod read;
mod remind;
pub mod reselling;
mod rules;
mod tell;
mod token;

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use jiff::Timestamp;

use crate::evidence::Gatherer;
use crate::model::Source;
use crate::store::{Ask, Change, Claimed, Outcome, Store, StoreError};

pub use answer::new_ctid;
pub use bounced::bounce_key;
pub use caught::{Panic, caught, caught_async};
pub use contact::{Reach, reach};
pub use decide::{DEADLINE_NEAR, deadline_key, decide, near_deadline};
pub use examine::{examine, waits_until};
pub use read::{Reader, Reading, read, read_by};
pub use remind::{future, is_told, plan_next};
pub use rules::{Decider, Rules, Steps};
pub use tell::Telling;
pub use token::{new_bytes, new_code, new_token};

/// Messages decided in one transaction.
const BATCH: u32 = 64;

/// After so long a batch whose worker died comes up again.
const LEASE: Duration = Duration::from_secs(60);

/// Messages whose evidence is gathered at once: whoever waits for DNS keeps few from their turn.
const GATHER: usize = 32;

/// How often a decision is taken again because somebody else wrote in between.
const CONFLICTS_MAX: u32 = 20;

/// Decides the messages that wait, oldest first; returns how many had their turn, 0 meaning caught up.
/// One that only DNS could vouch for, while DNS does not answer, is put back for later.
pub async fn process_next(
    store: &dyn Store,
    rules: &Rules,
    gatherer: &Gatherer,
    now: Timestamp,
) -> Result<usize, StoreError> {
    let sources = process_batch(store, rules, gatherer, now).await?;
    Ok(sources.len())
}

/// The same; returns by which channel each of those that had their turn came.
pub async fn process_batch(
    store: &dyn Store,
    rules: &Rules,
    gatherer: &Gatherer,
    now: Timestamp,
) -> Result<Vec<Source>, StoreError> {
    let claimed = store.claim_kept(now, BATCH, LEASE).await?;
    let sources = (claimed.iter())
        .map(|message| message.inbound.source)
        .collect();
    let examined: Vec<(Claimed, Reading)> = stream::iter(claimed)
        .map(|message| examine(rules, gatherer, message, now))
        .buffered(GATHER)
        .collect()
        .await;
    let (waiting, messages): (Vec<_>, Vec<_>) = examined
        .into_iter()
        .map(|(message, reading)| {
            let until = examine::waits_until(rules, &message, &reading, now);
            (until, message, reading)
        })
        .partition(|(until, _, _)| until.is_some());
    examine::defer(store, &waiting, now).await?;
    let messages: Vec<(Claimed, Reading)> = messages
        .into_iter()
        .map(|(_, message, reading)| (message, reading))
        .collect();
    match write(store, rules, &messages, now).await {
        Err(StoreError::Conflict) => {
            for message in messages.chunks(1) {
                write_until_done(store, rules, message, now).await?;
            }
        }
        written => written?,
    }
    Ok(sources)
}

async fn write_until_done(
    store: &dyn Store,
    rules: &Rules,
    message: &[(Claimed, Reading)],
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut tries = 0;
    loop {
        match write(store, rules, message, now).await {
            Err(StoreError::Conflict) if tries < CONFLICTS_MAX => tries += 1,
            written => return written,
        }
    }
}

async fn write(
    store: &dyn Store,
    rules: &Rules,
    messages: &[(Claimed, Reading)],
    now: Timestamp,
) -> Result<(), StoreError> {
    if messages.is_empty() {
        return Ok(());
    }
    let changes = decide_all(store, rules, messages, now).await?;
    store.commit(&changes).await?;
    for change in &changes {
        let decision = &change.decision;
        tracing::info!(
            msg = %decision.message,
            verdict = decision.verdict.as_str(),
            environment = decision.environment.map(|environment| environment.as_str()),
            domain = decision.ace.as_deref(),
            kind = decision.kind.as_deref(),
            "message {} is {}",
            decision.message,
            decision.verdict.as_str(),
        );
    }
    Ok(())
}

/// What processing these messages would change; nothing is written.
pub async fn decide_all(
    store: &dyn Store,
    rules: &Rules,
    messages: &[(Claimed, Reading)],
    now: Timestamp,
) -> Result<Vec<Change>, StoreError> {
    let mut ask = Ask::default();
    for (_, reading) in messages {
        decide::ask(reading, &mut ask);
    }
    let mut broken: BTreeMap<usize, Reading> = BTreeMap::new();
    loop {
        let mut world = store.load(&ask).await?;
        let mut changes = Vec::with_capacity(messages.len());
        for (place, (message, reading)) in messages.iter().enumerate() {
            let reading = broken.get(&place).unwrap_or(reading);
            match caught(|| (rules.steps.decide)(rules, &mut world, message, reading, now)) {
                Ok(change) => changes.push(change),
                // What it has left behind in the world is not known: that message is held, and the
                // others are decided anew.
                Err(panic) => {
                    let mut reading = reading.clone();
                    reading.hold_for_panic(&panic);
                    let is_again = broken.insert(place, reading).is_some();
                    if is_again {
                        let text = format!("message {} cannot even be held: {panic}", message.id);
                        return Err(StoreError::Unreadable(text));
                    }
                    break;
                }
            }
        }
        if changes.len() == messages.len() {
            return Ok(changes);
        }
    }
}

/// What processing these messages would do, down to the notices they would join; all of it is
/// undone again.
pub async fn rehearse(
    store: &dyn Store,
    rules: &Rules,
    messages: &[(Claimed, Reading)],
    now: Timestamp,
) -> Result<Vec<Outcome>, StoreError> {
    let mut tries = 0;
    loop {
        let changes = decide_all(store, rules, messages, now).await?;
        match store.rehearse(&changes).await {
            Err(StoreError::Conflict) if tries < CONFLICTS_MAX => tries += 1,
            done => return done,
        }
    }
}
