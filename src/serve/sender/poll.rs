//! The reader of the poll queue at CentralNic Reseller, where events come by EPP.

use std::sync::Arc;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::reseller::{EVENTS, EVENTS_EVERY};
use super::trouble::{Troubles, TurnError, stopped};
use crate::authenticate::Policy;
use crate::clock::Clock;
use crate::model::{Envelope, Environment, Inbound, Source};
use crate::process;
use crate::receive::centralnic_poll::{PollLine, PollReader};
use crate::store::Store;
use crate::wire::epp::EppLogin;

/// Reads one account's poll queue.
pub(super) struct PollDesk {
    /// Live or test.
    pub environment: Environment,
    /// Where and as whom; its pace is that of the account.
    pub login: EppLogin,
    /// Tells what is understood from what a person must look at.
    pub policy: Policy,
    /// There may be news before the minute is over.
    pub news: Arc<Notify>,
}

impl PollDesk {
    /// Looks every minute until it is told to stop; with `is_once`, until nothing waits there.
    pub async fn work(
        self,
        store: &dyn Store,
        is_once: bool,
        shutdown: &CancellationToken,
    ) -> anyhow::Result<()> {
        let mut line = PollLine::new(self.login.clone());
        let mut troubles = Troubles::new(self.environment, "poll-");
        while !shutdown.is_cancelled() {
            let pause = match self.turn(store, &mut line).await {
                Ok(is_more) => {
                    troubles.end(store).await?;
                    if is_more {
                        continue;
                    }
                    EVENTS_EVERY
                }
                Err(error) if is_once => {
                    troubles.tell_last(store, &error).await?;
                    line.close().await;
                    return Err(error.into());
                }
                Err(error) => {
                    // Nobody looks until a person has helped, or for some time.
                    line.close().await;
                    troubles.tell(store, &error).await?
                }
            };
            if is_once {
                break;
            }
            let is_well = pause == EVENTS_EVERY;
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = self.news.notified(), if is_well => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        line.close().await;
        Ok(())
    }

    /// One look; true: there may be more.
    async fn turn(&self, store: &dyn Store, line: &mut PollLine) -> Result<bool, TurnError> {
        stopped(store, self.environment).await?;
        let clock = Clock::system();
        let now = move || clock.now();
        let is_understood = |raw: &[u8]| {
            let inbound = Inbound {
                source: Source::CentralnicPoll,
                received_at: now(),
                envelope: Envelope::default(),
                environment: Some(self.environment),
                raw: raw.to_vec(),
            };
            !process::read(&self.policy, &inbound, None, false).is_held()
        };
        let reader = PollReader {
            store,
            environment: self.environment,
            is_understood: &is_understood,
            limit: EVENTS,
            now: &now,
        };
        Ok(line.look(&reader).await?.is_more)
    }
}
