//! The desk at one registry: one session, for requests and for the message queue.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::SignedDuration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::model::{Environment, Purpose, reason};
use crate::parse;
use crate::receive::denic_queue::{self, QueueReader, Stuck};
use crate::send::{Asker, Line, LineError, ask_due};
use crate::store::{Alarm, AuditEntry, Store, StoreError};
use crate::wire::rri::RriError;
use crate::wire::{LoginError, RriLogin, RriSession};

/// How often the registry's queue is looked into; it costs no quota, and keeps the session open.
const QUEUE_EVERY: Duration = Duration::from_secs(60);

/// Messages of the queue that are taken before requests have their turn again.
const MESSAGES: usize = 100;

/// A session is closed by the registry after five minutes without a request; it is given back before.
const IDLE_MAX: Duration = Duration::from_secs(240);

/// After so many logins in vain a person is asked: ten in a row would block the account, also for the
/// right password.
const REFUSALS_MAX: u32 = 3;

/// The longest wait after troubles on the way.
const DOUBLINGS_MAX: u32 = 6;

/// One registry, and what is done there.
pub struct Desk {
    /// Which.
    pub environment: Environment,
    /// The way to it.
    pub login: RriLogin,
    /// The requests that go this way.
    pub purposes: &'static [Purpose],
    /// Is its message queue read?
    pub reads_queue: bool,
    /// A message that cannot be read is deleted there once it is kept here.
    pub deletes_unreadable: bool,
    /// How long a request is left alone whose outcome is not known.
    pub ask_after: SignedDuration,
}

/// The session, opened when it is needed.
struct Session<'a> {
    login: &'a RriLogin,
    store: &'a dyn Store,
    environment: Environment,
    open: Option<RriSession>,
    used_at: Instant,
}

#[async_trait]
impl Line for Session<'_> {
    async fn open(&mut self) -> Result<(), LineError> {
        if self.open.is_some() {
            return Ok(());
        }
        let refused = refusals(self.store, self.environment).await?;
        if refused >= REFUSALS_MAX {
            return Err(LineError::Refused(format!(
                "{refused} logins in a row were refused, and ten block the account: put the \
                 credential right and try it with `stichtag-send rri FILE`, then this goes on"
            )));
        }
        let session = match RriSession::open(self.login).await {
            Ok(session) => session,
            Err(LoginError::Way(why)) => return Err(LineError::Way(why)),
            Err(LoginError::Busy(why)) => {
                note_refusals(self.store, self.environment, refused + 1).await?;
                return Err(LineError::Way(why));
            }
            Err(LoginError::Refused(why)) => {
                note_refusals(self.store, self.environment, refused + 1).await?;
                return Err(LineError::Refused(why));
            }
        };
        if refused > 0 {
            note_refusals(self.store, self.environment, 0).await?;
        }
        self.open = Some(session);
        self.used_at = Instant::now();
        let key = way(self.environment);
        self.store.clear_alarm(&key, Clock::system().now()).await?;
        Ok(())
    }

    async fn ask(&mut self, request: &str) -> Result<String, RriError> {
        let Some(session) = &mut self.open else {
            return Err(RriError::NotSent("there is no session".to_owned()));
        };
        let reply = session.ask(request).await;
        self.used_at = Instant::now();
        if reply.is_err() {
            self.open = None;
        }
        reply
    }

    fn drop_session(&mut self) {
        self.open = None;
    }
}

impl Session<'_> {
    async fn close(&mut self) {
        if let Some(session) = self.open.take() {
            session.close().await;
        }
    }
}

fn refusals_switch(environment: Environment) -> String {
    format!("rri.refused.{environment}")
}

/// Logins in a row that were answered with a no, by whichever process: a timer that starts one after
/// the other must not block the account.
async fn refusals(store: &dyn Store, environment: Environment) -> Result<u32, StoreError> {
    let noted = store.switch(&refusals_switch(environment)).await?;
    Ok(noted.and_then(|count| count.parse().ok()).unwrap_or(0))
}

/// How many logins in a row were answered with a no; 0: one was taken.
pub async fn note_refusals(
    store: &dyn Store,
    environment: Environment,
    count: u32,
) -> Result<(), StoreError> {
    let audit = AuditEntry {
        at: Clock::system().now(),
        actor: "stichtag-send".to_owned(),
        action: match count {
            0 => "rri login taken",
            _ => "rri login refused",
        }
        .to_owned(),
        object: format!("rri.{environment}"),
        detail: String::new(),
    };
    let text = (count > 0).then(|| count.to_string());
    let name = refusals_switch(environment);
    store.set_switch(&name, text.as_deref(), &audit).await
}

fn way(environment: Environment) -> String {
    format!("way:{environment}")
}

impl Desk {
    /// Asks and reads until it is told to stop; with `is_once`, until nothing is due.
    pub async fn work(
        self,
        store: Arc<dyn Store>,
        is_once: bool,
        shutdown: CancellationToken,
    ) -> anyhow::Result<()> {
        let mut session = Session {
            login: &self.login,
            store: &*store,
            environment: self.environment,
            open: None,
            used_at: Instant::now(),
        };
        let mut stuck = Stuck::new();
        let mut queue_at = Instant::now();
        let mut troubles = 0;
        while !shutdown.is_cancelled() {
            let mut is_busy = false;
            let asked = self.ask(&mut session, &shutdown).await;
            let turn = match asked {
                Ok(count) => {
                    is_busy = count > 0;
                    // What was asked makes news.
                    if is_busy {
                        queue_at = Instant::now();
                    }
                    if self.reads_queue && Instant::now() >= queue_at {
                        queue_at = Instant::now() + QUEUE_EVERY;
                        let read = self.read_queue(&mut session, &mut stuck).await;
                        if matches!(read, Ok(true)) {
                            queue_at = Instant::now();
                            is_busy = true;
                        }
                        read.map(|_| ())
                    } else {
                        Ok(())
                    }
                }
                Err(error) => Err(error),
            };
            let pause = match turn {
                Ok(()) => {
                    troubles = 0;
                    super::LOOK_AROUND
                }
                Err(error) if is_once => return Err(error.into()),
                // More tries would block the account (`denic.md` 1.4).
                Err(LineError::Refused(why)) => {
                    self.tell(&*store, &why).await?;
                    return Ok(());
                }
                Err(error) => {
                    tracing::error!("the {} registry: {error}", self.environment);
                    session.open = None;
                    troubles += 1;
                    // Sessions that were cut off count for a while: a loop would lock us out.
                    super::TROUBLE * 2_u32.pow((troubles - 1).min(DOUBLINGS_MAX))
                }
            };
            if is_busy && troubles == 0 {
                continue;
            }
            if is_once {
                break;
            }
            if session.used_at.elapsed() > IDLE_MAX {
                session.close().await;
            }
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        session.close().await;
        Ok(())
    }

    async fn ask(
        &self,
        session: &mut Session<'_>,
        shutdown: &CancellationToken,
    ) -> Result<usize, LineError> {
        let clock = Clock::system();
        let now = move || clock.now();
        let is_stopping = || shutdown.is_cancelled();
        let asker = Asker {
            store: session.store,
            environment: self.environment,
            purposes: self.purposes,
            format: self.login.format,
            ask_after: self.ask_after,
            now: &now,
            is_stopping: &is_stopping,
        };
        ask_due(&asker, session).await
    }

    /// One look at the queue; true: there is more.
    async fn read_queue(
        &self,
        session: &mut Session<'_>,
        stuck: &mut Stuck,
    ) -> Result<bool, LineError> {
        session.open().await?;
        let (store, environment) = (session.store, self.environment);
        let Some(open) = &mut session.open else {
            return Ok(false);
        };
        let clock = Clock::system();
        let now = move || clock.now();
        let reader = QueueReader {
            store,
            environment,
            format: self.login.format,
            is_readable: &|raw| parse::denic_queue(raw).is_ok(),
            deletes_unreadable: self.deletes_unreadable,
            limit: MESSAGES,
            now: &now,
        };
        let drained = denic_queue::drain(&reader, open, stuck)
            .await
            .map_err(|error| LineError::Way(format!("the queue: {error}")))?;
        session.used_at = Instant::now();
        if drained.count > 0 {
            let count = drained.count;
            tracing::info!("{count} messages of the {environment} queue are kept");
        }
        Ok(drained.is_more)
    }

    /// Nothing goes on here before a person has helped.
    async fn tell(&self, store: &dyn Store, why: &str) -> anyhow::Result<()> {
        let text = format!(
            "nothing more is asked of the {} registry: {why}",
            self.environment
        );
        tracing::error!("{text}");
        let alarm = Alarm {
            key: way(self.environment),
            code: reason::NO_WAY,
            environment: Some(self.environment),
            ace: None,
            message: None,
            text,
            raised_at: Clock::system().now(),
        };
        Ok(store.raise(&[alarm]).await?)
    }
}
