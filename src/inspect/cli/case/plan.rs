//! `stichtag case plan` and `stichtag case calls`

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::super::Context;
use super::super::out::json_time;
use crate::config::Config;
use crate::model::{CaseState, NoticeKind, NoticeState, Task};
use crate::notify::{Fate, Step};
use crate::process;
use crate::serve;
use crate::store::{CaseEntry, PlanCase, Store, Told};

/// A line of a plan.
struct Planned {
    at: Timestamp,
    kind: NoticeKind,
    /// `due`, `planned`, or why it is left out.
    state: &'static str,
    reason: String,
}

pub async fn show(
    context: &Context,
    store: &dyn Store,
    config: &Config,
    case: &CaseEntry,
) -> anyhow::Result<()> {
    let now = context.now();
    let desk = store.plan_of(case.id).await?;
    let lines = match desk.cases.first() {
        Some(case) => plan(config, case, now),
        None => Vec::new(),
    };
    let out = &context.out;
    if out.is_json() {
        for line in &lines {
            out.object(json!({
                "case": case.id,
                "at": json_time(Some(line.at)),
                "kind": line.kind,
                "state": line.state,
                "reason": line.reason,
            }))?;
        }
        return Ok(());
    }
    if lines.is_empty() {
        let why = match case.state.is_open() {
            true => "nobody can be told, or no deadline is ahead",
            false => "the case has ended",
        };
        return Ok(out.line(format!("{}: no mail is planned; {why}.", case.id))?);
    }
    let rows: Vec<Vec<String>> = lines
        .iter()
        .map(|line| {
            vec![
                out.time(line.at),
                line.kind.to_string(),
                line.state.to_owned(),
                line.reason.clone(),
            ]
        })
        .collect();
    Ok(out.table(&["AT", "NOTICE", "STATE", "REASON"], &rows)?)
}

fn plan(config: &Config, case: &PlanCase, now: Timestamp) -> Vec<Planned> {
    let telling = serve::rules(config).telling;
    if telling.state.is_none() {
        return Vec::new();
    }
    let is_waiting =
        |told: &&Told| matches!(told.state, NoticeState::Queued | NoticeState::Delayed);
    let mut lines: Vec<Planned> = (case.told.iter().filter(is_waiting))
        .map(|told| Planned {
            at: told.at,
            kind: told.kind,
            state: told.state.as_str(),
            reason: format!("{} waits to leave", told.notice),
        })
        .collect();
    let steps = process::future(&telling, case, now);
    let is_untold = !process::is_told(&telling, case);
    if is_untold && case.record.due().is_some() && case.customer.is_some() {
        lines.push(Planned {
            at: now,
            kind: match case.state {
                CaseState::OnHold => NoticeKind::OnHold,
                _ => NoticeKind::VerificationRequired,
            },
            state: "due",
            reason: "nobody was told so far".to_owned(),
        });
    }
    lines.extend(steps.iter().map(|step| Planned {
        at: step.at,
        kind: NoticeKind::Reminder,
        state: fate(step, now),
        reason: format!("{} before {}", span(step.before), step.deadline),
    }));
    lines.sort_by_key(|line| line.at);
    lines
}

fn fate(step: &Step, now: Timestamp) -> &'static str {
    match step.fate {
        Fate::Planned if step.is_due(now) => "due",
        Fate::Planned => "planned",
        Fate::Past => "left out: past",
        Fate::TooClose => "left out: too close to another mail",
    }
}

/// As it is written in the configuration: `14d`, `36h`.
fn span(span: SignedDuration) -> String {
    let seconds = span.as_secs();
    match (seconds % 86_400, seconds % 3_600, seconds % 60) {
        (0, _, _) => format!("{}d", seconds / 86_400),
        (_, 0, _) => format!("{}h", seconds / 3_600),
        (_, _, 0) => format!("{}m", seconds / 60),
        _ => format!("{seconds}s"),
    }
}

pub async fn calls(context: &Context, store: &dyn Store) -> anyhow::Result<()> {
    let calls = store.tasks(None).await?;
    let out = &context.out;
    if out.is_json() {
        for call in &calls {
            out.object(call_object(call))?;
        }
        return Ok(());
    }
    if calls.is_empty() {
        return Ok(out.line("No call is to be made.")?);
    }
    let mut rows = Vec::with_capacity(calls.len());
    for call in &calls {
        let customer = match &call.customer {
            Some(id) => store.customer(id).await?,
            None => None,
        };
        let phone = customer.and_then(|customer| customer.phone);
        rows.push(vec![
            call.case.to_string(),
            call.domain.domain.unicode().to_owned(),
            call.domain.environment.to_string(),
            (call.customer.as_ref()).map_or("-".to_owned(), |id| id.to_string()),
            phone.unwrap_or_else(|| "-".to_owned()),
            out.time(call.opened_at),
            format!("{} {}", call.code, call.text),
        ]);
    }
    let heading = ["CASE", "DOMAIN", "ENV", "CUSTOMER", "PHONE", "SINCE", "WHY"];
    Ok(out.table(&heading, &rows)?)
}

pub fn call_object(call: &Task) -> Value {
    json!({
        "case": call.case,
        "environment": call.domain.environment,
        "domain": call.domain.domain.unicode(),
        "ace": call.domain.domain.ace(),
        "customer": call.customer,
        "code": call.code,
        "text": call.text,
        "opened_at": json_time(Some(call.opened_at)),
        "closed_at": json_time(call.closed_at),
        "outcome": call.outcome,
    })
}
