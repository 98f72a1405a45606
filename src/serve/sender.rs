//! `stichtag-send`: the only process that reads the signing key.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use jiff::SignedDuration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::{Config, Rri, Sender, sender_fault};
use crate::model::Environment;
use crate::receive::denic_queue;
use crate::send::{Requests, SigningKey, Smarthost, deliver_requests};
use crate::store::Store;
use crate::wire::rri::trust;
use crate::wire::{LoginError, RriLogin, RriSession};

/// How often to look whether something is to be sent.
const LOOK_AROUND: Duration = Duration::from_millis(500);

/// How often the registry's queue is looked into: well below the five minutes after which an idle
/// session is closed, and free of quota.
const QUEUE_EVERY: Duration = Duration::from_secs(60);

/// A key that ends within this time is told of at every start.
const ENDS_SOON: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The signing key, from the credentials of this process. An error is a sentence.
pub fn signing_key(config: &Config) -> anyhow::Result<SigningKey> {
    let name = &config.sender.key_credential;
    let key = config.credentials.read(name).with_context(|| {
        format!("the signing key is missing: give the service the systemd credential `{name}`")
    })?;
    let passphrase = config
        .credentials
        .read(&format!("{name}{}", Sender::PASSPHRASE))
        .ok();
    let now = Clock::system().now();
    let key = secrecy::ExposeSecret::expose_secret(&key);
    Ok(SigningKey::read(name, key, passphrase.as_ref(), now)?)
}

/// Reads the queues and sends requests until it is told to stop; with `is_once`, until nothing is
/// due.
pub async fn run(
    config: &Config,
    store: Arc<dyn Store>,
    is_once: bool,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let queues = queues(config)?;
    let fault = sender_fault(&config.sender);
    if let (Some(why), true) = (&fault, queues.is_empty() || config.sender.is_mail) {
        anyhow::bail!("{why}");
    }
    let _lock = super::lock(&config.store.url, "send-lock", "stichtag-send run").await?;
    // What was claimed by a life that was cut short has its turn at once.
    store.forget_request_leases().await?;
    let mut readers = JoinSet::new();
    for queue in queues {
        readers.spawn(queue.read(store.clone(), is_once, shutdown.clone()));
    }
    match fault {
        None => send(config, &store, is_once, &shutdown).await?,
        Some(why) => tracing::warn!("requests are not sent, the queue is read: {why}"),
    }
    while let Some(read) = readers.join_next().await {
        read.context("the queue's reader broke")??;
    }
    Ok(())
}

/// Sends until it is told to stop; with `is_once`, until nothing is due.
async fn send(
    config: &Config,
    store: &Arc<dyn Store>,
    is_once: bool,
    shutdown: &CancellationToken,
) -> anyhow::Result<()> {
    let sender = &config.sender;
    let smarthost = Smarthost::new(config.notices.smarthost.expose(), &config.server.hostname)
        .context("`notices.smarthost`")?;
    let key = signing_key(config);
    let clock = Clock::system();
    match &key {
        Ok(key) => say(key, &clock),
        Err(error) => tracing::error!("nothing can be signed: {error:#}"),
    }
    let why = key.as_ref().err().map(|error| format!("{error:#}"));
    let to = [Environment::Live, Environment::Test]
        .map(|environment| (environment, sender.to(environment).to_owned()));
    let now = move || clock.now();
    let is_stopping = || shutdown.is_cancelled();
    let requests = Requests {
        store: &**store,
        to: &to,
        from: &sender.from,
        form: sender.form,
        signature_max_age: SignedDuration::try_from(sender.signature_max_age)
            .context("`sender.signature_max_age`")?,
        key: match (&key, &why) {
            (Ok(key), _) => Ok(key),
            (Err(_), why) => Err(why.as_deref().unwrap_or_default()),
        },
        transport: &smarthost,
        now: &now,
        is_stopping: &is_stopping,
    };
    while !shutdown.is_cancelled() {
        match deliver_requests(&requests).await {
            Ok(0) if is_once => break,
            Ok(0) => {}
            Ok(_) => continue,
            Err(error) if is_once => return Err(error.into()),
            Err(error) => tracing::error!("sending requests stopped for a moment: {error}"),
        }
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep(LOOK_AROUND) => {}
        }
    }
    Ok(())
}

/// The queue of one account, and the way to it.
struct QueueReader {
    environment: Environment,
    login: RriLogin,
}

/// The queues that are to be read.
fn queues(config: &Config) -> anyhow::Result<Vec<QueueReader>> {
    let [live, test] = &config.rri;
    let named = [(Environment::Live, live), (Environment::Test, test)];
    let mut readers = Vec::new();
    for (environment, rri) in named {
        if rri.host.is_empty() || !rri.reads_queue {
            continue;
        }
        readers.push(QueueReader {
            environment,
            login: rri_login(config, rri)?,
        });
    }
    Ok(readers)
}

/// Where and as whom, with the credentials of this process.
pub fn rri_login(config: &Config, rri: &Rri) -> anyhow::Result<RriLogin> {
    let secret = |name: &str| {
        config.credentials.read(name).with_context(|| {
            format!("the RRI login is missing: give the service the systemd credential `{name}`")
        })
    };
    Ok(RriLogin {
        host: rri.host.clone(),
        port: rri.port,
        trust: trust(rri.ca_file.as_deref()).map_err(anyhow::Error::msg)?,
        user: secret(&rri.user_credential)?,
        password: secret(&rri.password_credential)?,
        format: rri.format,
    })
}

impl QueueReader {
    /// Empties the queue again and again; the reading keeps the session alive.
    async fn read(
        self,
        store: Arc<dyn Store>,
        is_once: bool,
        shutdown: CancellationToken,
    ) -> anyhow::Result<()> {
        let mut session: Option<RriSession> = None;
        let mut stuck: Option<String> = None;
        let mut troubles = 0;
        while !shutdown.is_cancelled() {
            let turn = self.turn(&*store, &mut session, &mut stuck).await;
            match turn {
                Ok(_) if is_once => break,
                Ok(_) => troubles = 0,
                Err(error) if is_once => return Err(error),
                // Nothing but a person can help, and more tries block the account.
                Err(error) if matches!(error.downcast_ref(), Some(LoginError::Refused(_))) => {
                    tracing::error!(
                        "the {} queue is not read any more: {error:#}",
                        self.environment
                    );
                    return Ok(());
                }
                Err(error) => {
                    tracing::error!("the {} queue: {error:#}", self.environment);
                    session = None;
                    troubles += 1;
                }
            }
            // Sessions that were cut off count for a while: a loop would lock us out.
            let pause = QUEUE_EVERY * 2_u32.pow(troubles.min(4));
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        if let Some(session) = session {
            session.close().await;
        }
        Ok(())
    }

    /// One look at the queue; how many messages were in it.
    async fn turn(
        &self,
        store: &dyn Store,
        session: &mut Option<RriSession>,
        stuck: &mut Option<String>,
    ) -> anyhow::Result<usize> {
        let open = match session {
            Some(open) => open,
            None => session.insert(RriSession::open(&self.login).await?),
        };
        let clock = Clock::system();
        let now = move || clock.now();
        let drained =
            denic_queue::drain(store, open, self.environment, stuck.as_deref(), &now).await?;
        if drained.count > 0 {
            let environment = self.environment;
            tracing::info!(
                "{} messages of the {environment} queue are kept",
                drained.count
            );
        }
        if drained.stuck.is_some() && drained.stuck != *stuck {
            tracing::error!(
                "a message without a readable msgid stands in front of the {} queue: it is kept here, and cannot be deleted there",
                self.environment
            );
        }
        *stuck = drained.stuck;
        Ok(drained.count)
    }
}

fn say(key: &SigningKey, clock: &Clock) {
    let print = key.fingerprint();
    match key.expires_at() {
        Some(at) if at.duration_since(clock.now()) < ENDS_SOON => {
            tracing::warn!("the signing key {print} ends at {at}: extend it before that");
        }
        _ => tracing::info!("requests are signed by the key {print}"),
    }
}
