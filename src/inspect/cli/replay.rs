//! `stichtag replay`

use std::time::{Duration, Instant};

use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::out::json_time;
use super::{Context, exit, log};
use crate::config::Config;
use crate::model::{CaseState, DomainRecord, InboundId, reason};
use crate::store::{
    CaseChange, Claimed, Decision, DomainOutcome, LogEntry, LogFilter, MessageVerdict,
    NoticeOutcome, Outcome, Store,
};
use crate::{process, serve};

/// How long a message that a daemon has taken is waited for, and how often it is looked for.
pub const PATIENCE: Duration = Duration::from_secs(10);
pub const ASK_EVERY: Duration = Duration::from_millis(50);

/// Process kept messages again; nobody is told twice
#[derive(Args, Debug)]
pub struct Replay {
    /// Numbers of messages
    #[arg(required_unless_present = "since")]
    ids: Vec<InboundId>,
    /// Everything received at or after: an instant, or so long ago (2h, 7d)
    #[arg(long, conflicts_with = "ids", value_parser = log::instant)]
    since: Option<Timestamp>,
    /// Only show what would change
    #[arg(long)]
    dry_run: bool,
}

impl Replay {
    pub async fn run(self, context: &Context) -> anyhow::Result<u8> {
        let (store, config) = context.store().await?;
        let ids = match self.since {
            None => self.ids,
            Some(since) => {
                let filter = LogFilter {
                    since: Some(since),
                    ..LogFilter::default()
                };
                let entries = store.log(&filter).await?;
                entries
                    .iter()
                    .filter(|entry| {
                        let decision = entry.decision.as_ref();
                        decision.is_none_or(|decision| decision.verdict != MessageVerdict::Refused)
                    })
                    .map(|entry| entry.id)
                    .collect()
            }
        };
        for id in &ids {
            let inbound = store.kept(*id).await?.ok_or_else(|| log::missing(*id))?;
            log::whole(*id, &inbound.raw, &*store).await?;
        }
        if self.dry_run {
            preview(context, &*store, &config, &ids, false).await?;
            return Ok(exit::DONE);
        }
        let audit = context.audit("replay", "", "");
        store.requeue(&ids, false, &audit).await?;
        process(context, &*store, &config, &ids).await?;
        Ok(exit::DONE)
    }
}

/// Decides what waits, says what became of these messages, and returns it.
pub async fn process(
    context: &Context,
    store: &dyn Store,
    config: &Config,
    ids: &[InboundId],
) -> anyhow::Result<Vec<LogEntry>> {
    let rules = serve::rules_with(config, store).await?;
    let gatherer = serve::gatherer(config)?;
    let patience = Instant::now() + PATIENCE;
    let entries = loop {
        while process::process_next(store, &rules, &gatherer, context.now()).await? > 0 {}
        let mut entries = Vec::with_capacity(ids.len());
        for id in ids {
            entries.push(log::one(store, *id).await?);
        }
        // A daemon on the same store may have taken some of them, and is about to decide them.
        let is_done = |entry: &LogEntry| !entry.is_waiting || entry.waits_for.is_some();
        if entries.iter().all(is_done) || Instant::now() > patience {
            break entries;
        }
        tokio::time::sleep(ASK_EVERY).await;
    };
    log::print(context, &entries, true)?;
    Ok(entries)
}

/// Shows what processing these messages again would change, and returns their verdicts; writes nothing.
pub async fn preview(
    context: &Context,
    store: &dyn Store,
    config: &Config,
    ids: &[InboundId],
    is_released: bool,
) -> anyhow::Result<Vec<MessageVerdict>> {
    let rules = serve::rules_with(config, store).await?;
    let gatherer = serve::gatherer(config)?;
    let now = context.now();
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
    let mut verdicts = Vec::with_capacity(ids.len());
    for (was, waiting) in known {
        // As many outcomes as there are messages that do not wait.
        let Some(outcome) = waiting.or_else(|| outcomes.next()) else {
            break;
        };
        show(context, was, &outcome)?;
        verdicts.push(outcome.decision.verdict);
    }
    Ok(verdicts)
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
fn record(record: &DomainRecord) -> Value {
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

/// The change as an object, for `--json`.
fn object(was: MessageVerdict, outcome: &Outcome) -> Value {
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

/// Shows what would happen to one message that was `was` before.
pub fn show(context: &Context, was: MessageVerdict, outcome: &Outcome) -> std::io::Result<()> {
    let out = &context.out;
    if out.is_json() {
        return out.object(object(was, outcome));
    }
    let decision = &outcome.decision;
    out.heading(&format!(
        "{} would be {} (is {})",
        decision.message,
        decision.verdict.as_str(),
        was.as_str()
    ))?;
    for reason in decision
        .reasons
        .iter()
        .filter(|reason| reason.code.is_hold())
    {
        out.line(format!("  {reason}"))?;
    }
    for domain in &outcome.domains {
        show_domain(context, domain)?;
    }
    for told in &outcome.notices {
        let notice = &told.notice;
        let how = if told.is_new {
            notice.state.to_string()
        } else {
            format!("joins {}, {}", notice.id, notice.state)
        };
        let names: Vec<&str> = (notice.items.iter())
            .map(|item| item.domain.unicode())
            .collect();
        out.line(format!(
            "  notice {} to {} <{}> ({how}) about {}",
            notice.kind,
            notice.customer,
            notice.recipient,
            names.join(", ")
        ))?;
    }
    for alarm in &outcome.raised {
        out.line(format!("  alarm {}: {}", alarm.code, alarm.text))?;
    }
    for alarm in &outcome.cleared {
        out.line(format!("  alarm {} ends: {}", alarm.code, alarm.text))?;
    }
    if outcome.domains.is_empty() && outcome.notices.is_empty() {
        out.line("  no domain, case or notice changes")?;
    }
    Ok(())
}

fn show_domain(context: &Context, domain: &DomainOutcome) -> std::io::Result<()> {
    let out = &context.out;
    let key = &domain.after.key;
    let name = key.domain.unicode();
    let after = record(&domain.after);
    let before = domain.before.as_ref().map(record).unwrap_or_default();
    let mut is_same = true;
    for (field, value) in after.as_object().into_iter().flatten() {
        let was = before.get(field).unwrap_or(&Value::Null);
        if was != value {
            is_same = false;
            let (was, is) = (plain(was), plain(value));
            out.line(format!(
                "  {name} ({}): {field} {was} -> {is}",
                key.environment
            ))?;
        }
    }
    if is_same {
        out.line(format!("  {name} ({}): stays as it is", key.environment))?;
    }
    for line in &domain.history {
        out.line(format!("  {name}: history: {}", line.summary))?;
    }
    match domain.case {
        CaseChange::Keep => Ok(()),
        CaseChange::Open(state) => out.line(format!("  {name}: a case would be opened ({state})")),
        CaseChange::Move(state) => out.line(format!("  {name}: its case would be {state}")),
        CaseChange::Close(state) => out.line(format!("  {name}: its case would end ({state})")),
    }
}

/// A value of a record as people read it.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(all) if all.is_empty() => "-".to_owned(),
        Value::Array(all) => all.iter().map(plain).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}
