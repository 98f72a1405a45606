//! The desk at CentralNic Reseller: one account, for commands, events and lists.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::{Centralnic, Config, EventWay};
use crate::model::{Environment, ReasonCode, reason};
use crate::receive::centralnic_events::{Backlog, EventError, EventReader, drain, sweep};
use crate::send::centralnic::{CommandError, Commander, Dialect, send_commands};
use crate::store::{Alarm, AuditEntry, Store, StoreError};
use crate::wire::HttpUrl;
use crate::wire::reseller::{Halt, Pace, ResellerApi, ResellerLine, ResellerLogin};
use crate::wire::rri::trust;

/// How often events are looked for.
const EVENTS_EVERY: Duration = Duration::from_secs(60);

/// Events that are taken before commands have their turn again; each takes two seconds.
const EVENTS: usize = 10;

/// A locked account is left alone for so long: "some minutes", says the answer (422).
const LOCKED_FOR: Duration = Duration::from_secs(300);

/// How often to see whether somebody has helped; nothing is sent for that.
const REFUSED_LOOK: Duration = Duration::from_secs(30);

/// A reseller that is not reached for so long is told of.
const SILENT_AFTER: Duration = Duration::from_secs(900);

/// The longest wait after troubles on the way.
const DOUBLINGS_MAX: u32 = 6;

/// One account at the reseller, and what is done there.
pub struct ResellerDesk {
    /// Live or test.
    pub environment: Environment,
    /// Where and as whom.
    pub login: ResellerLogin,
    /// One command a second, by whatever way.
    pub pace: Pace,
    /// How some commands are written.
    pub dialect: Dialect,
    /// Are events read by the API?
    pub reads_events: bool,
    /// How often the lists of domains are read.
    pub sweep_every: Duration,
}

/// Where and as whom, with the credentials of this process.
pub fn reseller_login(
    config: &Config,
    settings: &Centralnic,
    environment: Environment,
) -> anyhow::Result<ResellerLogin> {
    let secret = |name: &str| {
        config.credentials.read(name).with_context(|| {
            format!(
                "the login at CentralNic Reseller is missing: give the service the systemd \
                 credential `{name}`"
            )
        })
    };
    let url: HttpUrl = (settings.api_url.parse())
        .with_context(|| format!("`centralnic.{environment}.api_url`"))?;
    Ok(ResellerLogin {
        url,
        environment,
        trust: trust(settings.ca_file.as_deref()).map_err(anyhow::Error::msg)?,
        user: secret(&settings.login_credential)?,
        password: secret(&settings.password_credential)?,
    })
}

/// The accounts that are configured.
pub fn desks(config: &Config) -> anyhow::Result<Vec<ResellerDesk>> {
    let [live, test] = &config.centralnic;
    let mut desks = Vec::new();
    for (environment, settings) in [(Environment::Live, live), (Environment::Test, test)] {
        if settings.api_url.is_empty() {
            continue;
        }
        desks.push(ResellerDesk {
            environment,
            login: reseller_login(config, settings, environment)?,
            pace: Pace::new(Pace::ALLOWED),
            dialect: settings.dialect,
            reads_events: settings.events == EventWay::Api,
            sweep_every: settings.sweep_every,
        });
    }
    Ok(desks)
}

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

const REFUSED: &str = "refused";
const LOCKED: &str = "locked";
const SILENT: &str = "silent";

fn alarm_key(environment: Environment, what: &str) -> String {
    format!("reseller:{environment}:{what}")
}

/// Why a turn broke off.
#[derive(Debug, thiserror::Error)]
enum TurnError {
    #[error(transparent)]
    Halt(#[from] Halt),
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

/// What stands between one turn and the next.
struct Plan {
    backlog: Backlog,
    events_at: Instant,
    sweep_at: Instant,
}

impl ResellerDesk {
    /// Works until it is told to stop; with `is_once`, until nothing is due.
    pub async fn work(
        self,
        store: Arc<dyn Store>,
        is_once: bool,
        shutdown: CancellationToken,
    ) -> anyhow::Result<()> {
        let now = || Clock::system().now();
        let mut api =
            ResellerApi::new(&self.login, self.pace.clone(), now).map_err(anyhow::Error::msg)?;
        let mut plan = Plan {
            backlog: Backlog::default(),
            events_at: Instant::now(),
            sweep_at: Instant::now(),
        };
        let mut troubles = 0;
        let mut heard_at = Instant::now();
        while !shutdown.is_cancelled() {
            let pause = match self.turn(&*store, &mut api, &mut plan, &shutdown).await {
                Ok(is_more) => {
                    if troubles > 0 {
                        self.clear(&*store).await?;
                    }
                    troubles = 0;
                    heard_at = Instant::now();
                    if is_more {
                        continue;
                    }
                    super::LOOK_AROUND
                }
                Err(error) if is_once => {
                    self.tell(&*store, &error, SILENT_AFTER).await?;
                    return Err(error.into());
                }
                Err(error) => {
                    tracing::error!("CentralNic Reseller, {}: {error}", self.environment);
                    self.tell(&*store, &error, heard_at.elapsed()).await?;
                    troubles += 1;
                    match error {
                        TurnError::Halt(Halt::Locked(_)) => LOCKED_FOR,
                        TurnError::Halt(Halt::Refused(_)) => REFUSED_LOOK,
                        _ => super::TROUBLE * 2_u32.pow((troubles - 1).min(DOUBLINGS_MAX)),
                    }
                }
            };
            if is_once {
                break;
            }
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        api.close().await;
        Ok(())
    }

    /// One turn: commands, then events, then the lists; true: there is more.
    async fn turn(
        &self,
        store: &dyn Store,
        line: &mut dyn ResellerLine,
        plan: &mut Plan,
        shutdown: &CancellationToken,
    ) -> Result<bool, TurnError> {
        // One command that succeeds lifts it: `stichtag-send reseller call`.
        if let Some(why) = store.switch(&refused_switch(self.environment)).await? {
            return Err(Halt::Refused(why).into());
        }
        let clock = Clock::system();
        let now = move || clock.now();
        let is_stopping = || shutdown.is_cancelled();
        store.queue_due_looks(self.environment, now()).await?;
        let commander = Commander {
            store,
            environment: self.environment,
            dialect: self.dialect,
            now: &now,
            is_stopping: &is_stopping,
        };
        if send_commands(&commander, line).await? > 0 {
            // What was asked makes news, and more may be due.
            plan.events_at = Instant::now();
            return Ok(true);
        }
        let reader = EventReader {
            store,
            environment: self.environment,
            limit: EVENTS,
            now: &now,
        };
        if self.reads_events && Instant::now() >= plan.events_at {
            let read = drain(&reader, line, &mut plan.backlog).await?;
            if read.is_more {
                return Ok(true);
            }
            plan.events_at = Instant::now() + EVENTS_EVERY;
        }
        if Instant::now() >= plan.sweep_at {
            plan.sweep_at = Instant::now() + self.sweep_every;
            return Ok(sweep(&reader, line).await? > 0);
        }
        Ok(false)
    }

    /// What stops the account is told of.
    async fn tell(
        &self,
        store: &dyn Store,
        error: &TurnError,
        silent_for: Duration,
    ) -> Result<(), StoreError> {
        let TurnError::Halt(halt) = error else {
            return Ok(());
        };
        let (what, code): (&str, ReasonCode) = match halt {
            Halt::Refused(why) => {
                note_reseller_refusal(store, self.environment, Some(why)).await?;
                (REFUSED, reason::RESELLER_REFUSED)
            }
            Halt::Locked(_) => (LOCKED, reason::RESELLER_LOCKED),
            Halt::Way(_) if silent_for >= SILENT_AFTER => (SILENT, reason::RESELLER_SILENT),
            Halt::Way(_) => return Ok(()),
        };
        let text = format!("CentralNic Reseller, {}: {halt}", self.environment);
        let alarm = Alarm {
            key: alarm_key(self.environment, what),
            code,
            environment: Some(self.environment),
            ace: None,
            message: None,
            text,
            raised_at: Clock::system().now(),
        };
        store.raise(&[alarm]).await
    }

    /// It goes on.
    async fn clear(&self, store: &dyn Store) -> Result<(), StoreError> {
        let now = Clock::system().now();
        for what in [REFUSED, LOCKED, SILENT] {
            store
                .clear_alarm(&alarm_key(self.environment, what), now)
                .await?;
        }
        Ok(())
    }
}
