//! An open case → what its customer is told next, and when; or who has to telephone.

mod confirm;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::contact::{Reach, reach};
use super::rules::Rules;
use super::tell::{self, Reachability, Telling};
use crate::apply::Effect;
use crate::model::reason;
use crate::model::{CaseState, Customer, DomainKey, Due, NoticeKind, NoticeState};
use crate::notify::{self, Fate, Step};
use crate::store::{NoticeDraft, PlanCase, PlanChange, Store, StoreError, TaskDraft, Told};

/// Cases looked at in one transaction.
const BATCH: u32 = 64;

/// So long a mail to the next address waits for the other domains of the one that came back.
const TOGETHER: SignedDuration = SignedDuration::from_secs(1);

/// After so long a batch whose worker died comes up again.
const LEASE: Duration = Duration::from_secs(60);

/// Looks at the open cases whose turn has come; returns how many, 0 meaning caught up.
pub async fn plan_next(
    store: &dyn Store,
    rules: &Rules,
    now: Timestamp,
) -> Result<usize, StoreError> {
    let desk = store.claim_plans(now, BATCH, LEASE).await?;
    if desk.cases.is_empty() {
        return Ok(0);
    }
    let changes: Vec<PlanChange> = desk
        .cases
        .iter()
        .map(|case| decide(&rules.telling, &desk.open, case, now))
        .collect();
    store.commit_plans(&changes).await?;
    for change in &changes {
        for draft in &change.notices {
            tracing::info!(case = %change.case, "case {}: {} is due", change.case, draft.notice.kind);
        }
        for task in &change.tasks {
            tracing::warn!(case = %change.case, reason = task.code.as_str(), "case {}: {}", change.case, task.text);
        }
    }
    Ok(changes.len())
}

/// Has the customer of the case been told of it, or is he about to be?
pub fn is_told(telling: &Telling, case: &PlanCase) -> bool {
    heard(telling, case).next().is_some()
}

/// The mails that a case still has before it, those that are left out among them; empty where
/// nobody can be told.
pub fn future(telling: &Telling, case: &PlanCase, now: Timestamp) -> Vec<Step> {
    let last = heard(telling, case).map(|told| told.at).max();
    steps(telling, case, last.unwrap_or(now), now)
}

fn steps(telling: &Telling, case: &PlanCase, last_told_at: Timestamp, now: Timestamp) -> Vec<Step> {
    let customer =
        (case.customer.as_ref()).filter(|customer| customer.addresses().next().is_some());
    customer.map_or_else(Vec::new, |customer| {
        notify::plan(
            &case.record.due(),
            last_told_at,
            customer.timezone.as_deref(),
            &telling.timetable,
            now,
        )
    })
}

fn decide(
    telling: &Telling,
    open: &BTreeMap<DomainKey, CaseState>,
    case: &PlanCase,
    now: Timestamp,
) -> PlanChange {
    let mut change = PlanChange {
        case: case.id,
        state: case.state,
        version: case.record.version,
        notices: Vec::new(),
        tasks: Vec::new(),
        at: now,
        again: None,
        commands: Vec::new(),
        clears: Vec::new(),
        next_at: None,
    };
    let due = case.record.due();
    if !due.is_proof() && case.record.facts.reseller.is_known() {
        confirm::plan(telling, case, now, &mut change);
        return change;
    }
    if !due.is_some() {
        return change;
    }
    let bounced = came_back(case);
    let is_off = case.record.is_on_hold();
    let reached = case.customer.as_ref().and_then(|customer| {
        let reached = reach(customer, &case.record.key, is_off, open, &bounced)?;
        Some((customer, reached))
    });
    change.tasks = call(case, reached.as_ref(), &bounced, now);
    if reached.as_ref().is_some_and(|(_, reach)| !reach.is_at_risk) {
        let key = &case.record.key;
        let (environment, ace) = (key.environment, key.domain.ace());
        let at_risk = format!("domain:{environment}:{ace}:{}", reason::ADDRESS_AT_RISK);
        change.clears.push(at_risk);
    }
    let Some((customer, _)) = reached else {
        return change;
    };
    let reachability = Reachability {
        open,
        bounced: &bounced,
    };
    let retold = lost(telling, case, &bounced).and_then(|lost| {
        let draft = again(telling, case, customer, reachability, lost, now)?;
        Some((lost.notice, draft))
    });
    if let Some((lost, draft)) = retold {
        change.again = Some(lost);
        change.notices.push(draft);
    } else if let Some(first) = heard(telling, case).next() {
        let steps = future(telling, case, now);
        let next = steps.iter().find(|step| step.is_due(now));
        let draft = next.and_then(|step| {
            let effect = remind(case, &due, is_off);
            let told = tell::draft(
                telling,
                &case.record,
                Some(customer),
                reachability,
                &effect,
                now,
            );
            Some(reminder(telling, first, step, customer, told?.ok()?.0, now))
        });
        change.notices.extend(draft);
    } else {
        // Nobody was told so far: for want of a customer, an address, or leave to send.
        let effect = first_telling(case);
        let told = tell::draft(
            telling,
            &case.record,
            Some(customer),
            reachability,
            &effect,
            now,
        );
        change
            .notices
            .extend(told.and_then(Result::ok).map(|(draft, _)| draft));
    }
    // What comes next is counted from the mail that leaves now, if one does.
    let leaves = change.notices.first().map(|draft| draft.notice.due_at);
    let last = leaves.or(heard(telling, case).map(|told| told.at).max());
    change.next_at = (steps(telling, case, last.unwrap_or(now), now).iter())
        .filter(|step| step.fate == Fate::Planned && step.at > now)
        .map(|step| step.at)
        .min();
    change
}

/// What the customer has really been told: while mails are sent, what was only observed is nothing.
fn heard<'a>(telling: &Telling, case: &'a PlanCase) -> impl Iterator<Item = &'a Told> {
    let is_sending = telling.state == Some(NoticeState::Queued);
    (case.told.iter()).filter(move |told| !is_sending || told.state != NoticeState::Observed)
}

/// Addresses that mail about the case came back from.
fn came_back(case: &PlanCase) -> BTreeSet<&str> {
    (case.told.iter())
        .filter(|told| matches!(told.state, NoticeState::Bounced | NoticeState::Failed))
        .map(|told| told.recipient.as_str())
        .collect()
}

/// The last that was to be told of the case, if it came back and another address is not tried yet.
fn lost<'a>(telling: &Telling, case: &'a PlanCase, bounced: &BTreeSet<&str>) -> Option<&'a Told> {
    let last = heard(telling, case).last()?;
    let is_lost = matches!(last.state, NoticeState::Bounced | NoticeState::Failed);
    let mut others = case.customer.as_ref()?.addresses();
    (is_lost && others.any(|address| !is_among(bounced, address))).then_some(last)
}

fn is_among(bounced: &BTreeSet<&str>, address: &str) -> bool {
    (bounced.iter()).any(|known| known.eq_ignore_ascii_case(address))
}

/// The notice once more, to the customer's next address: a mail of its own, with the facts of today. It
/// reminds nobody who has not heard of it. `None`: no other address works.
fn again(
    telling: &Telling,
    case: &PlanCase,
    customer: &Customer,
    reachability: Reachability<'_>,
    lost: &Told,
    now: Timestamp,
) -> Option<NoticeDraft> {
    let effect = first_telling(case);
    let told = tell::draft(
        telling,
        &case.record,
        Some(customer),
        reachability,
        &effect,
        now,
    );
    let (mut draft, _) = told?.ok()?;
    if is_among(reachability.bounced, &draft.notice.recipient) {
        return None;
    }
    draft.key = format!("again:{}:{}", lost.notice, draft.key);
    // Cases that were in one mail are thought of at one instant, and go into one mail again.
    draft.notice.due_at = now + telling.coalesce.max(TOGETHER);
    Some(draft)
}

/// What is told of a case to somebody who has not heard of it.
fn first_telling(case: &PlanCase) -> Effect {
    Effect::Tell {
        kind: match case.state {
            CaseState::OnHold => NoticeKind::OnHold,
            _ => NoticeKind::VerificationRequired,
        },
        due: case.record.due(),
        at: (case.record.facts.status.as_ref()).map_or(case.record.updated_at, |fact| fact.at),
        flag: false,
        direction: None,
    }
}

fn remind(case: &PlanCase, due: &Due, is_off: bool) -> Effect {
    Effect::Tell {
        kind: NoticeKind::Reminder,
        due: due.clone(),
        at: (case.record.facts.status.as_ref()).map_or(case.record.updated_at, |fact| fact.at),
        flag: is_off,
        direction: None,
    }
}

fn reminder(
    telling: &Telling,
    first: &Told,
    step: &Step,
    customer: &Customer,
    draft: NoticeDraft,
    now: Timestamp,
) -> NoticeDraft {
    let timezone = customer.timezone.as_deref();
    let mut draft = NoticeDraft {
        key: format!(
            "reminder:{}:{}:{}",
            step.deadline, step.deadline_at, step.before
        ),
        ..draft
    };
    draft.notice.due_at =
        notify::wait_until(now, telling.coalesce, timezone, telling.timetable.window);
    draft.notice.in_reply_to = Some(first.message_id.clone());
    draft.item.first_notice_at = Some(first.at);
    draft
}

/// The call that the desk has to make, if no mail will do.
fn call(
    case: &PlanCase,
    reached: Option<&(&Customer, Reach)>,
    bounced: &BTreeSet<&str>,
    now: Timestamp,
) -> Vec<TaskDraft> {
    let domain = &case.record.key.domain;
    let (key, code, text) = match reached {
        None => {
            let text = match &case.customer {
                Some(customer) => format!("customer {} has no mail address", customer.id),
                None => format!("{domain} has no customer"),
            };
            ("nobody".to_owned(), reason::NO_CUSTOMER, text)
        }
        Some((customer, reach)) if reach.is_dead && bounced.contains(reach.address.as_str()) => (
            format!("bounced:{}", reach.address),
            reason::NOTICE_BOUNCED,
            format!("no address of customer {} takes our mail", customer.id),
        ),
        Some((customer, reach)) if reach.is_dead => (
            format!("off:{}", reach.address),
            reason::ADDRESS_AT_RISK,
            format!(
                "every address of customer {} lies under a domain that is off the net",
                customer.id
            ),
        ),
        Some(_) => return Vec::new(),
    };
    vec![TaskDraft {
        key,
        customer: case.record.customer.clone(),
        code,
        text: format!("{domain}: {text}"),
        opened_at: now,
    }]
}
