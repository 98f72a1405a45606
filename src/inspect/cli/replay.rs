//! `stichtag replay`

use clap::Args;
use jiff::Timestamp;
use serde_json::Value;

use super::{Context, exit, log};
use crate::inspect::work::replay;
use crate::model::InboundId;
use crate::store::{CaseChange, DomainOutcome, LogFilter, MessageVerdict, Outcome};

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
        let work = context.work(&*store, &config);
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
            for (was, outcome) in replay::rehearse(&work, &ids, false).await? {
                show(context, was, &outcome)?;
            }
            return Ok(exit::DONE);
        }
        log::print(context, &replay::again(&work, &ids).await?, true)?;
        Ok(exit::DONE)
    }
}

/// Shows what would happen to one message that was `was` before.
pub fn show(context: &Context, was: MessageVerdict, outcome: &Outcome) -> std::io::Result<()> {
    let out = &context.out;
    if out.is_json() {
        return out.object(replay::object(was, outcome));
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
    let after = replay::record(&domain.after);
    let before = domain
        .before
        .as_ref()
        .map(replay::record)
        .unwrap_or_default();
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
