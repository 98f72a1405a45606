//! What keeps the account at CentralNic Reseller from being asked: who is told, and how long to wait.

use std::time::Duration;

use tokio::time::Instant;

use crate::clock::Clock;
use crate::model::{Environment, ReasonCode, reason};
use crate::receive::centralnic_events::EventError;
use crate::receive::centralnic_poll::PollError;
use crate::send::centralnic::CommandError;
use crate::store::{Alarm, AuditEntry, Store, StoreError};
use crate::wire::epp::EppError;
use crate::wire::reseller::Halt;

/// A locked account is left alone for so long: "some minutes", says the answer (422).
const LOCKED_FOR: Duration = Duration::from_secs(300);

/// How often to see whether somebody has helped; nothing is sent for that.
const REFUSED_LOOK: Duration = Duration::from_secs(30);

/// A reseller that is not reached for so long is told of.
const SILENT_AFTER: Duration = Duration::from_secs(900);

/// The longest wait after troubles on the way.
const DOUBLINGS_MAX: u32 = 6;

/// The switch that says why a person must help first.
fn refused_switch(environment: Environment) -> String {
    format!("centralnic.refused.{environment}")
}

/// Whether the account may be asked; `None`: it may. It is set by an answer that only a person can do
/// something about, and lifted by one command that succeeds, by whichever process.
pub async fn note_reseller_refusal(
    store: &dyn Store,
    environment: Environment,
    why: Option<&str>,
) -> Result<(), StoreError> {
    let name = refused_switch(environment);
    if store.switch(&name).await?.as_deref() == why {
        return Ok(());
    }
    let now = Clock::system().now();
    let audit = AuditEntry {
        at: now,
        actor: "stichtag-send".to_owned(),
        action: match why {
            Some(_) => "reseller account stopped",
            None => "reseller account released",
        }
        .to_owned(),
        object: format!("centralnic.{environment}"),
        detail: why.unwrap_or_default().to_owned(),
    };
    store.set_switch(&name, why, &audit).await?;
    if why.is_none() {
        store
            .clear_alarm(&alarm_key(environment, REFUSED), now)
            .await?;
    }
    Ok(())
}

/// An account that a person must help is not asked. One command that succeeds lifts it:
/// `stichtag-send reseller call`, or `stichtag-send reseller login` where only EPP is used.
pub(super) async fn stopped(store: &dyn Store, environment: Environment) -> Result<(), TurnError> {
    match store.switch(&refused_switch(environment)).await? {
        Some(why) => Err(Halt::Refused(why).into()),
        None => Ok(()),
    }
}

const REFUSED: &str = "refused";
const LOCKED: &str = "locked";
const SILENT: &str = "silent";
const STUCK: &str = "stuck";

fn alarm_key(environment: Environment, what: &str) -> String {
    format!("reseller:{environment}:{what}")
}

/// Why a turn broke off.
#[derive(Debug, thiserror::Error)]
pub(super) enum TurnError {
    #[error(transparent)]
    Halt(#[from] Halt),
    /// The poll queue stands still.
    #[error("{0}")]
    Stuck(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<CommandError> for TurnError {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Halt(halt) => TurnError::Halt(halt),
            CommandError::Store(error) => TurnError::Store(error),
        }
    }
}

impl From<EventError> for TurnError {
    fn from(error: EventError) -> Self {
        match error {
            EventError::Halt(halt) => TurnError::Halt(halt),
            EventError::Store(error) => TurnError::Store(error),
        }
    }
}

impl From<PollError> for TurnError {
    fn from(error: PollError) -> Self {
        match error {
            PollError::Epp(error @ EppError::Refused(_)) => {
                TurnError::Halt(Halt::Refused(error.to_string()))
            }
            PollError::Epp(error) => TurnError::Halt(Halt::Way(error.to_string())),
            PollError::Refused(why) => TurnError::Stuck(why),
            PollError::Store(error) => TurnError::Store(error),
        }
    }
}

/// The troubles of one way to the account.
pub(super) struct Troubles {
    environment: Environment,
    /// Before the names of its alarms: each way ends its own.
    way: &'static str,
    count: u32,
    heard_at: Instant,
}

impl Troubles {
    /// None yet. An alarm of an earlier life ends with the first turn that succeeds.
    pub fn new(environment: Environment, way: &'static str) -> Self {
        Troubles {
            environment,
            way,
            count: 1,
            heard_at: Instant::now(),
        }
    }

    /// It goes on.
    pub async fn end(&mut self, store: &dyn Store) -> Result<(), StoreError> {
        self.heard_at = Instant::now();
        if std::mem::take(&mut self.count) == 0 {
            return Ok(());
        }
        let now = Clock::system().now();
        for what in [LOCKED, SILENT, STUCK] {
            store.clear_alarm(&self.key(what), now).await?;
        }
        let refused = alarm_key(self.environment, REFUSED);
        store.clear_alarm(&refused, now).await
    }

    /// Somebody is told, where that is due; how long to wait.
    pub async fn tell(
        &mut self,
        store: &dyn Store,
        error: &TurnError,
    ) -> Result<Duration, StoreError> {
        tracing::error!("CentralNic Reseller, {}: {error}", self.environment);
        self.raise(store, error, self.heard_at.elapsed()).await?;
        self.count += 1;
        Ok(match error {
            TurnError::Halt(Halt::Locked(_)) => LOCKED_FOR,
            TurnError::Halt(Halt::Refused(_)) => REFUSED_LOOK,
            _ => super::TROUBLE * 2_u32.pow((self.count - 1).min(DOUBLINGS_MAX)),
        })
    }

    /// Somebody is told, whatever it is: nobody tries again.
    pub async fn tell_last(&self, store: &dyn Store, error: &TurnError) -> Result<(), StoreError> {
        self.raise(store, error, SILENT_AFTER).await
    }

    async fn raise(
        &self,
        store: &dyn Store,
        error: &TurnError,
        silent_for: Duration,
    ) -> Result<(), StoreError> {
        let (key, code): (String, ReasonCode) = match error {
            TurnError::Store(_) => return Ok(()),
            TurnError::Halt(Halt::Refused(why)) => {
                note_reseller_refusal(store, self.environment, Some(why)).await?;
                (
                    alarm_key(self.environment, REFUSED),
                    reason::RESELLER_REFUSED,
                )
            }
            TurnError::Halt(Halt::Locked(_)) => (self.key(LOCKED), reason::RESELLER_LOCKED),
            TurnError::Halt(Halt::Way(_)) if silent_for >= SILENT_AFTER => {
                (self.key(SILENT), reason::RESELLER_SILENT)
            }
            TurnError::Halt(Halt::Way(_)) => return Ok(()),
            TurnError::Stuck(_) => (self.key(STUCK), reason::EVENT_STUCK),
        };
        let alarm = Alarm {
            key,
            code,
            environment: Some(self.environment),
            ace: None,
            message: None,
            text: format!("CentralNic Reseller, {}: {error}", self.environment),
            raised_at: Clock::system().now(),
        };
        store.raise(&[alarm]).await
    }

    fn key(&self, what: &str) -> String {
        alarm_key(self.environment, &format!("{}{what}", self.way))
    }
}
