//! The desk at CentralNic Reseller: one account, for commands, events and lists.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use secrecy::SecretSlice;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::poll::PollDesk;
use super::trouble::{Troubles, TurnError, stopped};
use crate::clock::Clock;
use crate::config::{Centralnic, Config, EventWay};
use crate::model::Environment;
use crate::receive::centralnic_events::{Backlog, EventReader, drain, sweep};
use crate::send::centralnic::{Commander, Dialect, send_commands, way_key};
use crate::store::{Spell, SpellKind, Store};
use crate::wire::HttpUrl;
use crate::wire::epp::EppLogin;
use crate::wire::reseller::{Call, Pace, ResellerApi, ResellerLine, ResellerLogin};
use crate::wire::rri::trust;

/// How often events are looked for.
pub(super) const EVENTS_EVERY: Duration = Duration::from_secs(60);

/// Events that are taken before commands have their turn again; each takes two seconds.
pub(super) const EVENTS: usize = 10;

/// One account at the reseller, and what is done there by the API.
struct ResellerDesk {
    /// Live or test.
    environment: Environment,
    /// Where and as whom.
    login: ResellerLogin,
    /// One command a second, by whatever way.
    pace: Pace,
    /// How some commands are written.
    dialect: Dialect,
    /// Are events read by the API?
    reads_events: bool,
    /// How often the lists of domains are read.
    sweep_every: Duration,
    /// Whoever reads the events by another way is told when there may be some.
    news: Arc<Notify>,
}

/// The ways to one account: the API, the poll queue, or both.
pub(super) struct Account {
    environment: Environment,
    api: Option<ResellerDesk>,
    poll: Option<PollDesk>,
}

/// Login and password of this process.
fn credentials(
    config: &Config,
    settings: &Centralnic,
) -> anyhow::Result<(SecretSlice<u8>, SecretSlice<u8>)> {
    let secret = |name: &str| {
        config.credentials.read(name).with_context(|| {
            format!(
                "the login at CentralNic Reseller is missing: give the service the systemd \
                 credential `{name}`"
            )
        })
    };
    Ok((
        secret(&settings.login_credential)?,
        secret(&settings.password_credential)?,
    ))
}

/// Where the API is and as whom, with the credentials of this process.
pub fn reseller_login(
    config: &Config,
    settings: &Centralnic,
    environment: Environment,
) -> anyhow::Result<ResellerLogin> {
    let (user, password) = credentials(config, settings)?;
    let url: HttpUrl = (settings.api_url.parse())
        .with_context(|| format!("`centralnic.{environment}.api_url`"))?;
    Ok(ResellerLogin {
        url,
        environment,
        trust: trust(settings.ca_file.as_deref()).map_err(anyhow::Error::msg)?,
        user,
        password,
    })
}

/// Where the poll queue is and as whom. `pace`: that of the account.
pub fn epp_login(config: &Config, settings: &Centralnic, pace: Pace) -> anyhow::Result<EppLogin> {
    let (user, password) = credentials(config, settings)?;
    Ok(EppLogin {
        host: settings.epp_host.clone(),
        port: settings.epp_port,
        trust: trust(settings.ca_file.as_deref()).map_err(anyhow::Error::msg)?,
        user,
        password,
        pace,
    })
}

/// The accounts that are configured.
pub(super) fn accounts(config: &Config) -> anyhow::Result<Vec<Account>> {
    let [live, test] = &config.centralnic;
    let mut accounts = Vec::new();
    for (environment, settings) in [(Environment::Live, live), (Environment::Test, test)] {
        if !settings.is_used() {
            continue;
        }
        let pace = Pace::new(Pace::ALLOWED);
        let news = Arc::new(Notify::new());
        let mut account = Account {
            environment,
            api: None,
            poll: None,
        };
        if !settings.api_url.is_empty() {
            account.api = Some(ResellerDesk {
                environment,
                login: reseller_login(config, settings, environment)?,
                pace: pace.clone(),
                dialect: settings.dialect,
                reads_events: settings.events == EventWay::Api,
                sweep_every: settings.sweep_every,
                news: news.clone(),
            });
        }
        if settings.events == EventWay::Epp {
            account.poll = Some(PollDesk {
                environment,
                login: epp_login(config, settings, pace)?,
                policy: crate::serve::policy(config),
                news,
            });
        }
        accounts.push(account);
    }
    Ok(accounts)
}

impl Account {
    /// Live or test, where commands can be sent.
    pub fn takes_commands(&self) -> Option<Environment> {
        self.api.as_ref().map(|_| self.environment)
    }

    /// Works until it is told to stop; with `is_once`, until nothing is due.
    pub async fn work(
        self,
        store: Arc<dyn Store>,
        is_once: bool,
        shutdown: CancellationToken,
    ) -> anyhow::Result<()> {
        let Account { api, poll, .. } = self;
        let asking = async {
            match api {
                Some(desk) => desk.work(&*store, is_once, &shutdown).await,
                None => Ok(()),
            }
        };
        let polling = async {
            match poll {
                Some(desk) => desk.work(&*store, is_once, &shutdown).await,
                None => Ok(()),
            }
        };
        if is_once {
            // What was asked makes news.
            let asked = asking.await;
            return asked.and(polling.await);
        }
        tokio::try_join!(asking, polling)?;
        Ok(())
    }
}

/// What stands between one turn and the next.
struct Plan {
    backlog: Backlog,
    events_at: Instant,
    sweep_at: Instant,
}

/// Writes down how long calls took. What fails here fails for what matters, too, and is told then.
async fn note_calls(store: &dyn Store, calls: Vec<Call>) {
    if calls.is_empty() {
        return;
    }
    let spell = |call: Call| Spell {
        kind: SpellKind::Reseller,
        labels: [call.command, call.result.to_owned()],
        seconds: call.took.as_secs_f64(),
    };
    let spells: Vec<Spell> = calls.into_iter().map(spell).collect();
    if let Err(error) = store.note_spells(&spells).await {
        tracing::debug!("calls of the API are not counted: {error}");
    }
}

impl ResellerDesk {
    async fn work(
        self,
        store: &dyn Store,
        is_once: bool,
        shutdown: &CancellationToken,
    ) -> anyhow::Result<()> {
        let now = || Clock::system().now();
        let mut api =
            ResellerApi::new(&self.login, self.pace.clone(), now).map_err(anyhow::Error::msg)?;
        let mut plan = Plan {
            backlog: Backlog::default(),
            events_at: Instant::now(),
            sweep_at: Instant::now(),
        };
        let mut troubles = Troubles::new(self.environment, "");
        // Whoever ran before may have had no way.
        store.clear_alarm(&way_key(self.environment), now()).await?;
        while !shutdown.is_cancelled() {
            let turn = self.turn(store, &mut api, &mut plan, shutdown).await;
            note_calls(store, api.take_calls()).await;
            let pause = match turn {
                Ok(is_more) => {
                    troubles.end(store).await?;
                    if is_more {
                        continue;
                    }
                    super::LOOK_AROUND
                }
                Err(error) if is_once => {
                    troubles.tell_last(store, &error).await?;
                    return Err(error.into());
                }
                Err(error) => troubles.tell(store, &error).await?,
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
        stopped(store, self.environment).await?;
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
        let is_busy = send_commands(&commander, line).await? > 0;
        if is_busy {
            // What was asked makes news. However many commands wait, events and lists have their turn
            // after each batch.
            plan.events_at = Instant::now();
            self.news.notify_one();
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
            return Ok(sweep(&reader, line).await? > 0 || is_busy);
        }
        Ok(is_busy)
    }
}
