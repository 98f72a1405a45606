//! `stichtag replay`

use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::out::json_time;
use super::{Context, exit, log};
use crate::config::Config;
use crate::model::{Evidence, InboundId, reason};
use crate::process;
use crate::store::{CaseChange, Change, Claimed, Decision, LogFilter, MessageVerdict, Store};

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
            store.kept(*id).await?.ok_or_else(|| log::missing(*id))?;
        }
        if self.dry_run {
            preview(context, &*store, &config, &ids, false).await?;
            return Ok(exit::DONE);
        }
        let audit = context.audit("replay", "", "");
        store.requeue(&ids, false, &audit).await?;
        process(context, &*store, &config, &ids).await
    }
}

/// Decides what waits, and says what became of these messages.
pub async fn process(
    context: &Context,
    store: &dyn Store,
    config: &Config,
    ids: &[InboundId],
) -> anyhow::Result<u8> {
    let rules = crate::serve::rules(config);
    while process::process_next(store, &rules, context.now()).await? > 0 {}
    let mut entries = Vec::with_capacity(ids.len());
    for id in ids {
        entries.push(log::one(store, *id).await?);
    }
    log::print(context, &entries, true)?;
    Ok(exit::DONE)
}

/// Shows what processing these messages again would change; writes nothing.
pub async fn preview(
    context: &Context,
    store: &dyn Store,
    config: &Config,
    ids: &[InboundId],
    is_released: bool,
) -> anyhow::Result<()> {
    let rules = crate::serve::rules(config);
    let mut messages = Vec::with_capacity(ids.len());
    for id in ids {
        let inbound = store.kept(*id).await?.ok_or_else(|| log::missing(*id))?;
        let before = log::one(store, *id).await?.decision;
        let is_released = is_released || before.as_ref().is_some_and(was_released);
        let reading = process::read(
            &rules.policy,
            &inbound,
            Some(&Evidence::default()),
            is_released,
        );
        let claimed = Claimed {
            id: *id,
            inbound,
            is_released,
        };
        messages.push((claimed, reading));
    }
    for change in process::decide_all(store, &rules, &messages, context.now()).await? {
        show(context, &change)?;
    }
    Ok(())
}

/// A release holds for later replays, unless the message was refused since.
fn was_released(decision: &Decision) -> bool {
    decision.verdict != MessageVerdict::Refused
        && decision
            .reasons
            .iter()
            .any(|reason| reason.code == reason::RELEASED)
}

/// The change as an object, for `--json`.
fn object(change: &Change) -> Value {
    let decision = &change.decision;
    let domains: Vec<_> = change
        .domains
        .iter()
        .map(|domain| {
            let due = domain.record.due();
            let (step, state) = match domain.case {
                CaseChange::Keep => ("keep", None),
                CaseChange::Open(state) => ("open", Some(state)),
                CaseChange::Move(state) => ("move", Some(state)),
                CaseChange::Close(state) => ("close", Some(state)),
            };
            let notices: Vec<_> = domain
                .notices
                .iter()
                .map(|draft| json!({"kind": draft.notice.kind, "customer": draft.notice.customer}))
                .collect();
            json!({
                "environment": domain.record.key.environment,
                "domain": domain.record.key.domain.unicode(),
                "ace": domain.record.key.domain.ace(),
                "summary": domain.history.as_ref().map(|(_, summary)| summary),
                "status": domain.record.status(),
                "dedelegation_at": json_time(due.dedelegation_at),
                "deletion_at": json_time(due.deletion_at),
                "case": step,
                "case_state": state,
                "notices": notices,
            })
        })
        .collect();
    json!({
        "id": decision.message,
        "verdict": decision.verdict.as_str(),
        "environment": decision.environment,
        "reasons": decision.reasons.iter().map(|reason| reason.code).collect::<Vec<_>>(),
        "domains": domains,
        "alarms": change.alarms,
    })
}

fn show(context: &Context, change: &Change) -> std::io::Result<()> {
    let out = &context.out;
    if out.is_json() {
        return out.object(object(change));
    }
    let decision = &change.decision;
    out.heading(&format!(
        "{} would be {}",
        decision.message,
        decision.verdict.as_str()
    ))?;
    for reason in decision
        .reasons
        .iter()
        .filter(|reason| reason.code.is_hold())
    {
        out.line(format!("  {reason}"))?;
    }
    for domain in &change.domains {
        let name = domain.record.key.domain.unicode();
        if let Some((_, summary)) = &domain.history {
            out.line(format!("  {name}: {summary}"))?;
        }
        match domain.case {
            CaseChange::Keep => {}
            CaseChange::Open(state) => {
                out.line(format!("  {name}: a case would be opened ({state})"))?
            }
            CaseChange::Move(state) => out.line(format!("  {name}: its case would be {state}"))?,
            CaseChange::Close(state) => {
                out.line(format!("  {name}: its case would end ({state})"))?
            }
        }
        for draft in &domain.notices {
            let (kind, customer) = (draft.notice.kind, &draft.notice.customer);
            out.line(format!(
                "  {name}: notice {kind} to {customer}, unless it was told this before"
            ))?;
        }
    }
    for alarm in &change.alarms {
        out.line(format!("  alarm {}: {}", alarm.code, alarm.text))?;
    }
    Ok(())
}
