//! Processing kept messages again: what it would change, and doing it.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Work;
use crate::inspect::cli::log;
use crate::inspect::cli::out::json_time;
use crate::model::{CaseState, DomainRecord, InboundId, reason};
use crate::store::{
    CaseChange, Claimed, Decision, LogEntry, MessageVerdict, NoticeOutcome, Outcome,
};
use crate::{process, serve};

/// How long a message that a daemon has taken is waited for, and how often it is looked for.
pub const PATIENCE: Duration = Duration::from_secs(10);
pub const ASK_EVERY: Duration = Duration::from_millis(50);

/// Processes them again, by the rules of today; nobody is told twice.
pub async fn again(work: &Work<'_>, ids: &[InboundId]) -> anyhow::Result<Vec<LogEntry>> {
    let audit = work.audit("replay", "", "");
    work.store.requeue(ids, false, &audit).await?;
    decide(work, ids).await
}

/// Decides what waits, and returns what became of these messages. One that is in line still, for a
/// daemon has taken it and does not come to an end, is waiting.
pub async fn decide(work: &Work<'_>, ids: &[InboundId]) -> anyhow::Result<Vec<LogEntry>> {
    let store = work.store;
    let rules = serve::rules_with(work.config, store).await?;
    let gatherer = serve::gatherer(work.config)?;
    let patience = Instant::now() + PATIENCE;
    loop {
        while process::process_next(store, &rules, &gatherer, work.now()).await? > 0 {}
        let mut entries = Vec::with_capacity(ids.len());
        for id in ids {
            entries.push(log::one(store, *id).await?);
        }
        // A daemon on the same store may have taken some of them, and is about to decide them.
        let is_done = |entry: &LogEntry| !entry.is_waiting || entry.waits_for.is_some();
        if entries.iter().all(is_done) || Instant::now() > patience {
            return Ok(entries);
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}

/// What processing these messages again would change, each with what it was before; writes nothing.
pub async fn rehearse(
    work: &Work<'_>,
    ids: &[InboundId],
    is_released: bool,
) -> anyhow::Result<Vec<(MessageVerdict, Outcome)>> {
    let store = work.store;
    let rules = serve::rules_with(work.config, store).await?;
    let gatherer = serve::gatherer(work.config)?;
    let now = work.now();
    let mut messages = Vec::with_capacity(ids.len());
    // What each was, and what it would wait for.
    let mut known = Vec::with_capacity(ids.len());
    for id in ids {
        let inbound = store.kept(*id).await?.ok_or_else(|| log::missing(*id))?;
        let before = log::one(store, *id).await?.decision;
        let was = (before.as_ref()).map_or(MessageVerdict::Deferred, |was| was.verdict);
        let is_released = is_released || before.as_ref().is_some_and(was_released);
        let claimed = Claimed {
            is_released,
            evidence: store.evidence(*id).await?,
            ..Claimed::new(*id, inbound)
        };
        let (claimed, reading) = process::examine(&rules, &gatherer, claimed, now).await;
        if process::waits_until(&rules, &claimed, &reading, now).is_some() {
            known.push((was, Some(waiting(*id, reading, now))));
        } else {
            known.push((was, None));
            messages.push((claimed, reading));
        }
    }
    let mut outcomes = process::rehearse(store, &rules, &messages, now)
        .await?
        .into_iter();
    // As many outcomes as there are messages that do not wait.
    let all = known
        .into_iter()
        .map_while(|(was, waiting)| Some((was, waiting.or_else(|| outcomes.next())?)));
    Ok(all.collect())
}

/// A message that would wait for DNS changes nothing, itself included.
fn waiting(message: InboundId, reading: process::Reading, now: Timestamp) -> Outcome {
    let decision = Decision {
        message,
        at: now,
        verdict: MessageVerdict::Deferred,
        environment: reading.environment,
        route: reading.route,
        kind: (reading.event.as_ref()).map(|event| event.facts.kind().to_owned()),
        ace: (reading.domain.as_ref()).map(|domain| domain.ace().to_owned()),
        message_id: reading.message_id,
        registry_time: Some(reading.registry_time),
        deadline: (reading.event.as_ref()).and_then(|event| event.facts.deadline()),
        digest: None,
        is_covered: false,
        reasons: reading.reasons,
        trace: reading.trace,
    };
    Outcome {
        decision,
        domains: Vec::new(),
        notices: Vec::new(),
        raised: Vec::new(),
        cleared: Vec::new(),
    }
}

/// A release holds for later replays, unless the message was refused since.
fn was_released(decision: &Decision) -> bool {
    decision.verdict != MessageVerdict::Refused
        && decision
            .reasons
            .iter()
            .any(|reason| reason.code == reason::RELEASED)
}

/// What people see of a record.
pub fn record(record: &DomainRecord) -> Value {
    let due = record.due();
    json!({
        "status": record.status(),
        "lifecycle": record.lifecycle.as_str(),
        "holders": record.holders(),
        "dedelegation_at": json_time(due.dedelegation_at),
        "deletion_at": json_time(due.deletion_at),
        "suspension_at": json_time(due.suspension_at),
        "expire_at": json_time(record.expires_at()),
        "claims": due.claims.unwrap_or_default(),
        "customer": record.customer,
        "source_message": record.source_message,
    })
}

/// What becomes of a case: a word, and its state.
fn step(case: CaseChange) -> (&'static str, Option<CaseState>) {
    match case {
        CaseChange::Keep => ("keep", None),
        CaseChange::Open(state) => ("open", Some(state)),
        CaseChange::Move(state) => ("move", Some(state)),
        CaseChange::Close(state) => ("close", Some(state)),
    }
}

/// A mail that would be written, or that waits already and would be joined.
fn notice(told: &NoticeOutcome) -> Value {
    let notice = &told.notice;
    let domains: Vec<_> = (notice.items.iter())
        .map(|item| item.domain.ace().to_owned())
        .collect();
    json!({
        "kind": notice.kind,
        "customer": notice.customer,
        "recipient": notice.recipient,
        "state": notice.state,
        "joins": (!told.is_new).then_some(notice.id),
        "domains": domains,
    })
}

/// The change as an object.
pub fn object(was: MessageVerdict, outcome: &Outcome) -> Value {
    let decision = &outcome.decision;
    let domains: Vec<_> = outcome
        .domains
        .iter()
        .map(|domain| {
            let key = &domain.after.key;
            let due = domain.after.due();
            let (step, state) = step(domain.case);
            let is_about = |told: &&NoticeOutcome| {
                told.notice.environment == key.environment
                    && told
                        .notice
                        .items
                        .iter()
                        .any(|item| item.domain == key.domain)
            };
            let notices: Vec<_> = outcome
                .notices
                .iter()
                .filter(is_about)
                .map(notice)
                .collect();
            let history: Vec<_> = domain.history.iter().map(|line| &line.summary).collect();
            json!({
                "environment": key.environment,
                "domain": key.domain.unicode(),
                "ace": key.domain.ace(),
                "summary": history.first(),
                "status": domain.after.status(),
                "dedelegation_at": json_time(due.dedelegation_at),
                "deletion_at": json_time(due.deletion_at),
                "before": domain.before.as_ref().map(record),
                "after": record(&domain.after),
                "history": history,
                "case": step,
                "case_state": state,
                "notices": notices,
            })
        })
        .collect();
    json!({
        "id": decision.message,
        "verdict_before": was.as_str(),
        "verdict": decision.verdict.as_str(),
        "environment": decision.environment,
        "registry_time": json_time(decision.registry_time),
        "reasons": decision.reasons.iter().map(|reason| reason.code).collect::<Vec<_>>(),
        "domains": domains,
        "notices": outcome.notices.iter().map(notice).collect::<Vec<_>>(),
        "alarms": outcome.raised,
        "alarms_cleared": outcome.cleared,
    })
}
