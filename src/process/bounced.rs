//! Mail that came back to a notice's envelope sender: whose notice it is, what it says, and what that
//! changes.
//!
//! The address is the proof: it is unique to the notice and signed, and only those it was sent to, and
//! the mail systems on the way, have seen it. Nothing here ever writes to the sender of such a mail.

use rand::Rng;

use super::read::Reading;
use crate::authenticate::{self, Policy};
use crate::model::reason::{self, Reason};
use crate::model::{
    BounceKey, BounceMail, BounceRecipient, BounceReport, DeliveryAction, Facts, Inbound, NoticeId,
    NoticeState, RegistryEvent, Source,
};
use crate::notify::verp;
use crate::parse;
use crate::store::{
    Change, MessageVerdict, ReportChange, ReportEffect, Standing, Store, StoreError, World,
};

/// The key's name in the store.
const KEY: &str = "bounce-key";

/// The key that signs the envelope senders of notices: made at first use, the same for every process
/// of one store.
pub async fn bounce_key(store: &dyn Store) -> Result<BounceKey, StoreError> {
    let mut fresh = [0; BounceKey::BYTES];
    rand::rng().fill(&mut fresh);
    let key = store.secret(KEY, &fresh).await?;
    let key = <[u8; BounceKey::BYTES]>::try_from(key)
        .map_err(|key| StoreError::Unreadable(format!("{KEY} has {} bytes", key.len())))?;
    Ok(BounceKey::new(key))
}

/// Did it come to the address of a notice, or is it a file with such a mail?
pub(super) fn is_for_notices(policy: &Policy, inbound: &Inbound) -> bool {
    let recipients = &inbound.envelope.recipients;
    policy.bounce_route(recipients).is_some()
        || recipients.is_empty() && inbound.source == Source::Dsn
}

/// Reads a mail to the address of a notice.
pub(super) fn read(policy: &Policy, inbound: &Inbound, reading: &mut Reading) {
    let recipients = &inbound.envelope.recipients;
    let route = policy.bounce_route(recipients);
    reading.route = route.map(|route| route.name.clone());
    reading.message_id = authenticate::message_id(&inbound.raw);
    reading.notice = match (recipients.as_slice(), &policy.bounce_key) {
        ([], _) => None,
        ([address], Some(key)) => named(key, address),
        // Two notices in one mail: no report is about both.
        _ => None,
    };
    match (reading.notice, recipients.is_empty()) {
        (Some(notice), _) => reading.trace.push(format!(
            "it came back to notice {notice}; the signature of the address holds"
        )),
        (None, true) => reading
            .trace
            .push("a file: no signed address says which notice it came back to".to_owned()),
        (None, false) => {
            let why = "no notice of ours has this address";
            return reading.hold(Reason::new(reason::NOT_SIGNED, why));
        }
    }
    let is_null_sender = inbound.envelope.mail_from.as_deref() == Some("");
    let facts = match parse::bounce(&inbound.raw, is_null_sender) {
        BounceMail::Report(report) => Facts::Bounce(report),
        BounceMail::AutoReply { why } => Facts::AutoReply { why },
        BounceMail::Other { why } => {
            return reading.hold(Reason::new(reason::NOT_A_REPORT, why));
        }
    };
    reading.event = Some(RegistryEvent::of_notice(facts));
}

fn named(key: &BounceKey, address: &str) -> Option<NoticeId> {
    let (local_part, _) = address.rsplit_once('@')?;
    verp::verify(key, local_part)
}

/// Decides about such a mail. `world` is carried along: the next one sees what this one did.
pub(super) fn decide(change: &mut Change, world: &mut World, reading: &Reading) {
    let Some(notice) = reading.notice else {
        // Strangers can write to any address of the domain: that must not fill a list that people read.
        change.decision.verdict = MessageVerdict::Refused;
        return;
    };
    let standing = world.notices.get(&notice).cloned();
    if let Some(standing) = &standing {
        change.decision.environment = Some(standing.environment);
        change.decision.ace = standing.ace.clone();
    }
    let facts = match &reading.event {
        Some(event) if !reading.is_held() => &event.facts,
        // A person wrote, or a mail system in a form that nobody knows yet.
        _ => {
            change.decision.verdict = MessageVerdict::Held;
            return;
        }
    };
    change.decision.verdict = MessageVerdict::Unchanged;
    let report = match facts {
        Facts::Bounce(report) => report,
        Facts::AutoReply { why } => {
            return note(
                change,
                Reason::new(reason::AUTO_REPLY, format!("{notice}: {why}")),
            );
        }
        _ => return,
    };
    let Some(standing) = standing else {
        return note(
            change,
            Reason::new(reason::NO_NOTICE, format!("there is no notice {notice}")),
        );
    };
    let reported = judge(notice, &standing, report);
    note(
        change,
        Reason::new(reported.code, reported.change.summary.clone()),
    );
    if reported.change.effect != ReportEffect::None {
        change.decision.verdict = MessageVerdict::Applied;
    }
    let after = after(&standing, reported.change.effect);
    world.notices.insert(notice, after);
    change.report = Some(reported.change);
}

fn note(change: &mut Change, reason: Reason) {
    change.decision.trace.push(reason.to_string());
    change.decision.reasons.push(reason);
}

fn after(standing: &Standing, effect: ReportEffect) -> Standing {
    let mut after = standing.clone();
    match effect {
        ReportEffect::None => {}
        ReportEffect::Late => after.is_late = true,
        ReportEffect::Arrived => after.is_late = false,
        ReportEffect::Bounced => after.state = NoticeState::Bounced,
    }
    after
}

struct Reported {
    code: crate::model::ReasonCode,
    change: ReportChange,
}

/// What a report does to a notice. The last word stands: what came back is not late, and what comes
/// back twice came back.
fn judge(notice: NoticeId, standing: &Standing, report: &BounceReport) -> Reported {
    let action = report.gravest().map(|one| one.action);
    let said = report.gravest().map(sentence).unwrap_or_default();
    // It never left, or somebody sends it anew: then this is about an earlier try.
    let has_left = standing.attempts > 0
        && !matches!(
            standing.state,
            NoticeState::Observed | NoticeState::Withdrawn
        );
    let is_over = matches!(standing.state, NoticeState::Bounced | NoticeState::Failed);
    let (effect, code, summary) =
        match action {
            _ if !has_left => (
                ReportEffect::None,
                reason::REPORT_NO_NEWS,
                format!("{notice} has not left since ({}): {said}", standing.state),
            ),
            _ if is_over => (
                ReportEffect::None,
                reason::REPORT_NO_NEWS,
                format!("{notice} is {} already: {said}", standing.state),
            ),
            Some(DeliveryAction::Failed) => (
                ReportEffect::Bounced,
                reason::NOTICE_BOUNCED,
                format!("{notice} came back: {said}"),
            ),
            Some(DeliveryAction::Delayed) if standing.is_late => (
                ReportEffect::None,
                reason::REPORT_NO_NEWS,
                format!("{notice} is still late: {said}"),
            ),
            Some(DeliveryAction::Delayed) => (
                ReportEffect::Late,
                reason::NOTICE_LATE,
                format!("{notice} is late: {said}"),
            ),
            Some(
                DeliveryAction::Delivered | DeliveryAction::Relayed | DeliveryAction::Expanded,
            ) if standing.is_late => (
                ReportEffect::Arrived,
                reason::REPORT_NO_NEWS,
                format!("{notice} has arrived, late: {said}"),
            ),
            _ => (
                ReportEffect::None,
                reason::REPORT_NO_NEWS,
                format!("{notice} goes on: {said}"),
            ),
        };
    Reported {
        code,
        change: ReportChange {
            notice,
            seen: standing.clone(),
            recipients: report.recipients.clone(),
            effect,
            summary,
        },
    }
}

/// One recipient's fate in a sentence; no address, as it goes into logs.
fn sentence(one: &BounceRecipient) -> String {
    let status = one
        .status
        .map(|status| format!(" {status}"))
        .unwrap_or_default();
    format!("{}{status}, {}", one.action, one.category.sentence())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{BounceCategory, Environment};

    fn report(actions: &[DeliveryAction]) -> BounceReport {
        let one = |action: &DeliveryAction| BounceRecipient {
            final_recipient: Some("max@example.net".to_owned()),
            original_recipient: None,
            action: *action,
            status: None,
            category: BounceCategory::Other,
            diagnostic: None,
            remote_mta: None,
        };
        BounceReport {
            recipients: actions.iter().map(one).collect(),
            ..BounceReport::default()
        }
    }

    fn effect(
        state: NoticeState,
        is_late: bool,
        attempts: u32,
        actions: &[DeliveryAction],
    ) -> ReportEffect {
        let standing = Standing {
            environment: Environment::Live,
            ace: None,
            state,
            is_late,
            attempts,
        };
        judge(NoticeId(1), &standing, &report(actions))
            .change
            .effect
    }

    #[test]
    fn the_last_word_stands() {
        use DeliveryAction as A;
        use NoticeState::*;
        use ReportEffect as E;
        for (state, is_late, attempts, actions, want) in [
            (Sent, false, 1, &[A::Failed][..], E::Bounced),
            (Sent, true, 1, &[A::Failed], E::Bounced),
            (Sent, false, 1, &[A::Delayed], E::Late),
            (Sent, true, 1, &[A::Delayed], E::None),
            (Sent, false, 1, &[A::Relayed], E::None),
            (Sent, false, 1, &[A::Expanded], E::None),
            (Sent, false, 1, &[A::Delivered], E::None),
            (Sent, false, 1, &[A::Delivered, A::Failed], E::Bounced),
            (Sent, false, 1, &[A::Delivered, A::Delayed], E::Late),
            (Bounced, false, 1, &[A::Failed], E::None),
            (Bounced, false, 1, &[A::Delayed], E::None),
            (Failed, false, 3, &[A::Failed], E::None),
            // The report overtakes our own note that the mail left.
            (Queued, false, 1, &[A::Failed], E::Bounced),
            (Delayed, false, 2, &[A::Failed], E::Bounced),
            // Queued anew by a person, or never sent.
            (Queued, false, 0, &[A::Failed], E::None),
            (Observed, false, 0, &[A::Failed], E::None),
            (Withdrawn, false, 1, &[A::Failed], E::None),
        ] {
            assert_eq!(
                effect(state, is_late, attempts, actions),
                want,
                "{state} {actions:?}"
            );
        }
    }
}
