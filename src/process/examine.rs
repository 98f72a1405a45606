//! What can be found out about a message before anything is decided, and whether that is enough.

use jiff::{SignedDuration, Timestamp};

use super::{Reading, Rules, bounced, read_by};
use crate::evidence::Gatherer;
use crate::model::reason::{self, ReasonCode};
use crate::model::{InboundId, Source};
use crate::store::{Claimed, Store, StoreError, Waiting};

/// The first wait for DNS; each is twice the one before it.
const FIRST_WAIT: SignedDuration = SignedDuration::from_secs(30);

/// The longest wait.
const WAIT_MAX: SignedDuration = SignedDuration::from_mins(15);

/// Gathers what is not known yet of a message's origin, and reads it.
///
/// What was seen when it came in is what a replay judges: keys change. Only where that proves nothing is
/// DNS asked again, and what held then still holds.
pub async fn examine(
    rules: &Rules,
    gatherer: &Gatherer,
    mut message: Claimed,
    now: Timestamp,
) -> (Claimed, Reading) {
    let is_again = message.evidence.is_some();
    // The message queue is read over a connection that proves its origin.
    // What comes back to a notice is proven by the address alone. Who reads it decides, not what it was
    // taken for when it came: the routes may have changed since.
    let is_from_session = matches!(
        message.inbound.source,
        Source::DenicQueue | Source::DenicRri | Source::CentralnicPoll | Source::CentralnicApi
    );
    let asks = !is_from_session && !bounced::is_for_notices(&rules.policy, &message.inbound);
    if message.evidence.is_none() && asks {
        message.evidence = Some(gatherer.gather(&message.inbound, now).await);
    }
    let reading = read_claimed(rules, &message);
    let lacks = |code: ReasonCode| reading.reasons.iter().any(|reason| reason.code == code);
    if !is_again || !(lacks(reason::NO_PROOF) || lacks(reason::DNS_TROUBLE)) {
        return (message, reading);
    }
    let fresh = gatherer.gather(&message.inbound, now).await;
    message.evidence = message.evidence.map(|earlier| fresh.with_earlier(&earlier));
    let reading = read_claimed(rules, &message);
    (message, reading)
}

fn read_claimed(rules: &Rules, message: &Claimed) -> Reading {
    let evidence = message.evidence.as_ref();
    read_by(
        rules.steps.read,
        &rules.policy,
        &message.inbound,
        evidence,
        message.is_released,
    )
}

/// Until when the message waits for DNS; `None`: it is decided now.
pub fn waits_until(
    rules: &Rules,
    message: &Claimed,
    reading: &Reading,
    now: Timestamp,
) -> Option<Timestamp> {
    let mut holds = reading
        .reasons
        .iter()
        .filter(|reason| reason.code.is_hold())
        .peekable();
    // What is held for another reason too is not helped by waiting.
    holds.peek()?;
    if !holds.all(|reason| reason.code == reason::DNS_TROUBLE) {
        return None;
    }
    let is_from_smtp = message.inbound.envelope.peer.is_some();
    let since = match (is_from_smtp, message.deferred_at) {
        (true, _) => message.inbound.received_at,
        (false, first) => first.unwrap_or(now),
    };
    let end = since.checked_add(rules.retry_for).unwrap_or(Timestamp::MAX);
    let doublings = message.attempts.saturating_sub(1).min(16);
    let wait = (FIRST_WAIT * (1 << doublings)).min(WAIT_MAX);
    let wait = wait - spread(message.id, message.attempts, wait);
    (now < end).then(|| now.checked_add(wait).unwrap_or(Timestamp::MAX).min(end))
}

/// By how much less than `wait` this message waits: up to a quarter. What came in together would ask
/// together for ever, or all its retries would fall on one answer that was late. It comes from the
/// message and not from chance, so that the same try always waits the same.
fn spread(id: InboundId, attempts: u32, wait: SignedDuration) -> SignedDuration {
    // The finish of SplitMix64: neighbours in, strangers out.
    let mut mixed = id.0.unsigned_abs() ^ (u64::from(attempts) << 48);
    for factor in [0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb] {
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(factor);
    }
    let share = i32::try_from((mixed >> 32) % 1_000).unwrap_or_default();
    wait / 4_000 * share
}

/// Puts messages back until their time.
pub async fn defer(
    store: &dyn Store,
    waiting: &[(Option<Timestamp>, Claimed, Reading)],
    now: Timestamp,
) -> Result<(), StoreError> {
    let waiting: Vec<Waiting> = waiting
        .iter()
        .filter_map(|(until, message, _)| {
            let evidence = message.evidence.as_ref();
            let trouble = evidence.map(|evidence| evidence.trouble.join("; "));
            Some(Waiting {
                message: message.id,
                until: (*until)?,
                why: trouble.unwrap_or_default(),
                is_released: message.is_released,
            })
        })
        .collect();
    if waiting.is_empty() {
        return Ok(());
    }
    for one in &waiting {
        tracing::warn!(
            msg = %one.message,
            "message {} waits for DNS until {}: {}", one.message, one.until, one.why
        );
    }
    store.defer(&waiting, now).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_spread_over_a_quarter_and_the_same_try_always_waits_the_same() {
        let wait = SignedDuration::from_secs(400);
        let all: Vec<_> = (1..=1_000)
            .map(|id| spread(InboundId(id), 3, wait))
            .collect();
        let quarter = SignedDuration::from_secs(100);
        assert!(
            all.iter()
                .all(|less| (SignedDuration::ZERO..quarter).contains(less))
        );
        // Each tenth of the time gets about a tenth of the messages.
        for tenth in 0..10 {
            let (from, to) = (quarter / 10 * tenth, quarter / 10 * (tenth + 1));
            let count = all.iter().filter(|less| (from..to).contains(less)).count();
            assert!((60..140).contains(&count), "{count} in tenth {tenth}");
        }
        assert_eq!(all[6], spread(InboundId(7), 3, wait));
        assert_ne!(
            all[6],
            spread(InboundId(7), 4, wait),
            "other neighbours each time"
        );
    }
}
