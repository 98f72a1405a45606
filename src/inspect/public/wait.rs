//! What came of a confirmation.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::page::Page;
use crate::model::{CommandState, ResellerCommandId};
use crate::store::{ConfirmationState, Store};

/// How long a visitor waits for the outcome.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often it is looked for.
const LOOK: Duration = Duration::from_millis(100);

/// Answers that say nothing of the code: the reseller refuses us, not the visitor (`centralnic.md` 4,
/// class R2).
const OUR_FAULT: [u16; 4] = [530, 531, 535, 546];

/// Waits for these commands to be carried out.
pub async fn outcome(
    store: &dyn Store,
    ids: &[ResellerCommandId],
    shutdown: &CancellationToken,
) -> Page {
    let given_up_at = Instant::now() + PATIENCE;
    while Instant::now() < given_up_at {
        match store.confirmation_states(ids).await {
            Ok(states) => {
                if let Some(page) = page_for(&states) {
                    return page;
                }
            }
            // It is in the outbox all the same.
            Err(error) => {
                tracing::error!("verification website: {error}");
                return Page::Later;
            }
        }
        tokio::select! {
            () = sleep(LOOK) => {}
            () = shutdown.cancelled() => return Page::Later,
        }
    }
    Page::Later
}

/// `None`: it is not decided yet. One code of an address is enough: it is the address that gets
/// confirmed (`centralnic.md` 8).
fn page_for(states: &[ConfirmationState]) -> Option<Page> {
    let is = |state: CommandState| move |one: &ConfirmationState| one.state == state;
    if states.iter().any(is(CommandState::Done)) {
        return Some(Page::Confirmed);
    }
    if states.iter().all(is(CommandState::Failed)) {
        let is_refused = |code: u16| (500..600).contains(&code) && !OUR_FAULT.contains(&code);
        let mut codes = states.iter().filter_map(|one| one.code);
        return Some(match codes.any(is_refused) {
            true => Page::Unknown,
            false => Page::Trouble,
        });
    }
    // Answered with "not now": the next try is not within a visitor's patience.
    let is_put_off = |one: &ConfirmationState| match one.state {
        CommandState::Failed => true,
        CommandState::Queued => one.code.is_some(),
        _ => false,
    };
    states.iter().all(is_put_off).then_some(Page::Later)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(states: &[(CommandState, Option<u16>)]) -> &'static str {
        let states: Vec<_> = (states.iter().zip(1..))
            .map(|((state, code), id)| ConfirmationState {
                id: ResellerCommandId(id),
                state: *state,
                code: *code,
            })
            .collect();
        match page_for(&states) {
            None => "wait",
            Some(Page::Confirmed) => "confirmed",
            Some(Page::Unknown) => "unknown",
            Some(Page::Later) => "later",
            Some(Page::Trouble) => "trouble",
            Some(_) => "other",
        }
    }

    #[test]
    fn each_state_has_its_page() {
        use CommandState::{Done, Failed, Queued, Sent};
        for (states, expected) in [
            (vec![(Queued, None)], "wait"),
            (vec![(Sent, None)], "wait"),
            (vec![(Done, Some(200))], "confirmed"),
            (vec![(Failed, Some(545)), (Done, Some(200))], "confirmed"),
            (vec![(Failed, Some(545))], "unknown"),
            (vec![(Failed, Some(541)), (Queued, None)], "wait"),
            (vec![(Failed, Some(535))], "trouble"),
            (vec![(Failed, None)], "trouble"),
            (vec![(Queued, Some(421))], "later"),
            (vec![(Queued, Some(421)), (Sent, None)], "wait"),
        ] {
            assert_eq!(page(&states), expected, "{states:?}");
        }
    }
}
