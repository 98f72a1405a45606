//! Cases: what is planned for them, and what people do about them.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::Work;
use crate::config::Config;
use crate::inspect::cli::exit;
use crate::inspect::cli::out::json_time;
use crate::model::{CaseId, CaseState, NoticeKind, NoticeState, Task};
use crate::notify::{Fate, Step};
use crate::process;
use crate::serve;
use crate::store::{CaseEntry, CaseNote, PlanCase, Store, Told};

/// A line of a plan.
pub struct Planned {
    /// When.
    pub at: Timestamp,
    /// Which text.
    pub kind: NoticeKind,
    /// `due`, `planned`, or why it is left out.
    pub state: &'static str,
    /// Why then.
    pub reason: String,
}

/// The case of that number.
pub async fn one(store: &dyn Store, id: CaseId) -> anyhow::Result<CaseEntry> {
    store.case(id).await?.ok_or_else(|| missing(id))
}

/// There is no such case.
pub fn missing(id: CaseId) -> anyhow::Error {
    exit::not_found(format!(
        "there is no case {id}; `stichtag case list --all` shows them"
    ))
}

/// The customer was telephoned; how many calls are off the list.
pub async fn call_done(work: &Work<'_>, id: CaseId, text: &str) -> anyhow::Result<u64> {
    if one(work.store, id).await?.closed_at.is_some() {
        return Err(ended(format!(
            "case {id} has ended already; a note can be added"
        )));
    }
    Ok(work.store.call_done(id, &said(work, text)).await?)
}

/// Writes something down.
pub async fn note(work: &Work<'_>, id: CaseId, text: &str) -> anyhow::Result<()> {
    one(work.store, id).await?;
    work.store.note_case(id, &said(work, text), false).await?;
    Ok(())
}

/// Ends it by hand; the registry's deadlines stay.
pub async fn close(work: &Work<'_>, id: CaseId, why: &str) -> anyhow::Result<()> {
    one(work.store, id).await?;
    match work.store.note_case(id, &said(work, why), true).await? {
        true => Ok(()),
        false => Err(ended(format!("case {id} has ended already"))),
    }
}

/// It cannot be done any more: a sentence.
pub fn ended(text: String) -> anyhow::Error {
    exit::Failure {
        code: exit::FAILED,
        text,
    }
    .into()
}

fn said(work: &Work<'_>, text: &str) -> CaseNote {
    CaseNote {
        at: work.now(),
        actor: work.actor.clone(),
        text: text.to_owned(),
    }
}

/// Every mail that an open case still has before it, in the order of time.
pub async fn plan(work: &Work<'_>, id: CaseId) -> anyhow::Result<Vec<Planned>> {
    let desk = work.store.plan_of(id).await?;
    Ok(match desk.cases.first() {
        Some(case) => lines(work.config, case, work.now()),
        None => Vec::new(),
    })
}

/// A line of a plan as `case plan` prints it.
pub fn plan_object(case: CaseId, line: &Planned) -> Value {
    json!({
        "case": case,
        "at": json_time(Some(line.at)),
        "kind": line.kind,
        "state": line.state,
        "reason": line.reason,
    })
}

fn lines(config: &Config, case: &PlanCase, now: Timestamp) -> Vec<Planned> {
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
        reason: counted(step),
    }));
    lines.sort_by_key(|line| line.at);
    lines
}

/// What a reminder is counted back from, and how far.
pub fn counted(step: &Step) -> String {
    format!("{} before {}", span(step.before), step.deadline)
}

/// Whether it leaves.
pub fn fate(step: &Step, now: Timestamp) -> &'static str {
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

/// A call as `case calls` prints it.
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
