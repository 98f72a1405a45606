//! A domain whose owner must confirm a mail address → what the owner is told next, and when.

use jiff::{SignedDuration, Timestamp};

use super::{came_back, heard, is_among};
use crate::apply::Effect;
use crate::model::reason::{self, ReasonCode};
use crate::model::{Customer, NoticeKind, ResellerCommand};
use crate::notify::{self, Fate, Step, Timetable};
use crate::process::tell::{self, Reachability, Telling};
use crate::store::{NoticeDraft, PlanCase, PlanChange, TaskDraft, Told};

/// Between two mails that ask to confirm an address: days are counted, and the first day counts.
const GAP: SignedDuration = SignedDuration::from_hours(12);

/// After so long without a code one is asked for again, and a case that waits is looked at again.
const CODE_AGAIN: SignedDuration = SignedDuration::from_hours(24);

/// How soon a case is looked at again that waits for a code or for the owner's address.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_mins(15);

/// Plans the mails to the owner, where it is we who write to owners.
pub fn plan(telling: &Telling, case: &PlanCase, now: Timestamp, change: &mut PlanChange) {
    let facts = &case.record.facts.reseller;
    let due = case.record.due();
    let is_off = case.record.is_on_hold();
    let is_over = facts.is_verified() || !(due.suspension_at.is_some() || facts.is_suspended());
    if is_over || !telling.writes_to_owners {
        return;
    }
    let domain = &case.record.key.domain;
    let Some(customer) = &case.customer else {
        let text = format!("{domain} has no customer");
        change.tasks.push(task(
            "nobody".to_owned(),
            None,
            reason::NO_CUSTOMER,
            text,
            now,
        ));
        return;
    };
    let Some(owner) = facts.owner.as_ref().filter(|owner| owner.address.is_some()) else {
        change.next_at = Some(now + LOOK_AGAIN);
        return;
    };
    let address = owner.address.clone().unwrap_or_default();
    change
        .tasks
        .extend(call(case, customer, &address, is_off, now));
    if !change.tasks.is_empty() {
        return;
    }
    if !case.has_code {
        let is_asked = case
            .code_asked_at
            .is_some_and(|at| now.duration_since(at) < CODE_AGAIN);
        if !is_asked && owner.is_validated != Some(false) {
            change
                .commands
                .push(ResellerCommand::ResendNotification { address });
        }
        change.next_at = Some(now + LOOK_AGAIN);
        return;
    }
    let timetable = Timetable {
        min_gap: GAP,
        ..telling.timetable.clone()
    };
    let told: Vec<&Told> = heard(telling, case)
        .filter(|told| told.recipient.eq_ignore_ascii_case(&address))
        .collect();
    let steps = |last: Timestamp| {
        let zone = customer.timezone.as_deref();
        notify::plan(&due, last, zone, &timetable, now)
    };
    let last = told.iter().map(|told| told.at).max();
    let is_told_off = last.is_some_and(|last| {
        (facts.state.as_ref()).is_some_and(|state| last >= off_since(case, state.at))
    });
    let draft = match last {
        None => write(telling, case, customer, is_off, None, now),
        Some(_) if is_off && !is_told_off => write(telling, case, customer, is_off, None, now),
        Some(last) => steps(last)
            .iter()
            .find(|step| step.is_due(now))
            .and_then(|step| write(telling, case, customer, is_off, Some((step, &told)), now)),
    };
    change.notices.extend(draft);
    let leaves = change.notices.first().map(|draft| draft.notice.due_at);
    change.next_at = (steps(leaves.or(last).unwrap_or(now)).iter())
        .filter(|step| step.fate == Fate::Planned && step.at > now)
        .map(|step| step.at)
        .min();
}

/// Since when the domain is off the net, as far as is known: not before its deadline.
fn off_since(case: &PlanCase, read_at: Timestamp) -> Timestamp {
    let due = case.record.due();
    due.suspension_at.unwrap_or(read_at).min(read_at)
}

fn write(
    telling: &Telling,
    case: &PlanCase,
    customer: &Customer,
    is_off: bool,
    step: Option<(&Step, &[&Told])>,
    now: Timestamp,
) -> Option<NoticeDraft> {
    let effect = Effect::Tell {
        kind: NoticeKind::EmailConfirmation,
        due: case.record.due(),
        at: case.record.updated_at,
        flag: is_off,
        direction: None,
    };
    // The owner's address alone counts: whoever reads its mail confirms it.
    let nobody = Reachability {
        open: &std::collections::BTreeMap::new(),
        bounced: &std::collections::BTreeSet::new(),
    };
    let told = tell::draft(telling, &case.record, Some(customer), nobody, &effect, now);
    let (mut draft, _) = told?.ok()?;
    if let Some((step, told)) = step {
        draft.key = format!("{}:{}", draft.key, step.before);
        draft.notice.due_at = notify::wait_until(
            now,
            telling.coalesce,
            customer.timezone.as_deref(),
            telling.timetable.window,
        );
        draft.notice.in_reply_to = told.first().map(|first| first.message_id.clone());
        draft.item.first_notice_at = told.first().map(|first| first.at);
    }
    Some(draft)
}

/// The call that the desk has to make, if no mail will do: nobody else may confirm the address.
fn call(
    case: &PlanCase,
    customer: &Customer,
    address: &str,
    is_off: bool,
    now: Timestamp,
) -> Option<TaskDraft> {
    let domain = &case.record.key.domain;
    if is_among(&came_back(case), address) {
        let text = format!("the owner's address of {domain} takes no mail, and must be confirmed");
        let key = format!("bounced:{address}");
        return Some(task(key, Some(customer), reason::NOTICE_BOUNCED, text, now));
    }
    if is_off && domain.contains_address(address) {
        let text = format!(
            "the address that must be confirmed lies under {domain}, which is off the net: give the \
             owner contact another address"
        );
        let key = format!("off:{address}");
        return Some(task(
            key,
            Some(customer),
            reason::ADDRESS_AT_RISK,
            text,
            now,
        ));
    }
    None
}

fn task(
    key: String,
    customer: Option<&Customer>,
    code: ReasonCode,
    text: String,
    now: Timestamp,
) -> TaskDraft {
    TaskDraft {
        key,
        customer: customer.map(|customer| customer.id.clone()),
        code,
        text,
        opened_at: now,
    }
}
