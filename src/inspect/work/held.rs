//! Messages that wait for a person: vouching for them, and refusing them.

use super::{Work, replay};
use crate::inspect::cli::{exit, log};
use crate::model::InboundId;
use crate::model::reason::{self, Reason};
use crate::store::{LogEntry, MessageVerdict, Outcome, Store};

/// Vouches for their senders, and processes them again as of the registry's time.
pub async fn release(
    work: &Work<'_>,
    ids: &[InboundId],
    note: &str,
) -> anyhow::Result<Vec<LogEntry>> {
    let audit = work.audit("held release", "", note);
    work.store.requeue(ids, true, &audit).await?;
    replay::decide(work, ids).await
}

/// Refuses them for good; how many were held still.
pub async fn refuse(work: &Work<'_>, ids: &[InboundId], note: &str) -> anyhow::Result<u64> {
    let audit = work.audit("held refuse", "", note);
    Ok(work.store.refuse(ids, &why(work, note), &audit).await?)
}

fn why(work: &Work<'_>, note: &str) -> Reason {
    let why = format!("refused by {}: {note}", work.actor);
    Reason::new(reason::BY_PERSON, why)
}

/// What refusing a message would do; it touches nothing but the message itself.
pub async fn refusal(work: &Work<'_>, id: InboundId, note: &str) -> anyhow::Result<Outcome> {
    let (store, reason) = (work.store, why(work, note));
    let mut decision = one(store, id, false)
        .await?
        .decision
        .ok_or_else(|| log::missing(id))?;
    decision.verdict = MessageVerdict::Refused;
    decision.at = work.now();
    decision.trace.push(reason.to_string());
    decision.reasons.push(reason);
    let (own, below) = (format!("message:{id}"), format!("message:{id}:"));
    let mut cleared = store.alarms().await?;
    cleared.retain(|alarm| alarm.key == own || alarm.key.starts_with(&below));
    Ok(Outcome {
        decision,
        domains: Vec::new(),
        notices: Vec::new(),
        raised: Vec::new(),
        cleared,
    })
}

/// A message that must be held, or `or_waits` for DNS.
pub async fn one(store: &dyn Store, id: InboundId, or_waits: bool) -> anyhow::Result<LogEntry> {
    let entry = log::one(store, id).await?;
    let verdict = entry.decision.as_ref().map(|decision| decision.verdict);
    let text = match (verdict, &entry.waits_for) {
        (Some(MessageVerdict::Held), _) => return Ok(entry),
        (_, Some(_)) if or_waits => return Ok(entry),
        (_, Some((until, _))) => format!(
            "message {id} is not held: it waits for DNS until {until}; `stichtag held release` \
             decides it now"
        ),
        _ => format!("message {id} is not held; `stichtag held list` shows those that are"),
    };
    Err(exit::not_found(text))
}
