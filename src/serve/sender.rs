//! `stichtag-send`: the only process that reads the signing key and the registry's logins.

mod desk;
mod poll;
mod reseller;
mod trouble;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use jiff::SignedDuration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::{Config, Rri, Sender, sender_fault};
use crate::model::{Environment, Purpose};
use crate::send::centralnic::strand_commands;
use crate::send::{Requests, SigningKey, Smarthost, deliver_requests, strand};
use crate::store::{KeyEnd, Store};
use crate::wire::RriLogin;
use crate::wire::rri::trust;
use desk::Desk;
pub use desk::note_refusals;
pub use reseller::{epp_login, reseller_login};
pub use trouble::note_reseller_refusal;

/// How often to look whether something is to be sent.
const LOOK_AROUND: Duration = Duration::from_millis(500);

/// How often to look whether something waits that has no way out.
const LOST_LOOK: Duration = Duration::from_secs(5);

/// The first wait after trouble on the way to a registry.
const TROUBLE: Duration = Duration::from_secs(5);

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

/// What is ordered, what it needs to be known first, and what finds out how it ended.
const ALL: &[Purpose] = &[Purpose::Order, Purpose::Read, Purpose::Check];

/// What changes nothing.
const READING: &[Purpose] = &[Purpose::Read, Purpose::Check];

/// What goes by mail where RRI does the reading.
const ORDERED: &[Purpose] = &[Purpose::Order];

/// Reads the queues and sends requests until it is told to stop; with `is_once`, until nothing is
/// due.
pub async fn run(
    config: &Config,
    store: Arc<dyn Store>,
    is_once: bool,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let desks = desks(config)?;
    let resellers = reseller::accounts(config)?;
    if let Some(why) = config.sending_fault() {
        anyhow::bail!("{why}");
    }
    let _lock = super::lock(&config.store.url, "send-lock", "stichtag-send run").await?;
    // What was claimed by a life that was cut short has its turn at once.
    store.forget_request_leases().await?;
    store.forget_command_leases().await?;
    // Of the keys of before nobody knows whether they are still there.
    store.note_keys(&[]).await?;
    let mut working = JoinSet::new();
    let has_desk = |environment| {
        desks
            .iter()
            .any(|desk: &Desk| desk.environment == environment)
    };
    let has_api = |environment| {
        resellers
            .iter()
            .any(|account| account.takes_commands() == Some(environment))
    };
    let both = [Environment::Live, Environment::Test];
    let lost = Lost {
        registries: (both.into_iter())
            .filter(|environment| !config.sender.is_mail && !has_desk(*environment))
            .collect(),
        resellers: (both.into_iter())
            .filter(|environment| !has_api(*environment))
            .collect(),
    };
    // Before trouble of others can end it.
    lost.tell(&*store).await?;
    if !is_once {
        working.spawn(lost.keep_telling(store.clone(), shutdown.clone()));
    }
    for desk in desks {
        working.spawn(desk.work(store.clone(), is_once, shutdown.clone()));
    }
    for account in resellers {
        working.spawn(account.work(store.clone(), is_once, shutdown.clone()));
    }
    if config.sender.is_mail && sender_fault(&config.sender, &config.rri).is_none() {
        send(config, &store, is_once, &shutdown).await?;
    }
    while let Some(done) = working.join_next().await {
        done.context("a desk broke")??;
    }
    Ok(())
}

/// The environments to which there is no way.
struct Lost {
    registries: Vec<Environment>,
    resellers: Vec<Environment>,
}

impl Lost {
    /// Requests and commands of these environments wait, and somebody is told.
    async fn tell(&self, store: &dyn Store) -> anyhow::Result<()> {
        for environment in &self.registries {
            let why = format!("`rri.{environment}.host` is not set");
            let now = Clock::system().now();
            strand(store, *environment, ALL, &why, now).await?;
        }
        for environment in &self.resellers {
            let why = format!("`centralnic.{environment}.api_url` is not set");
            let now = Clock::system().now();
            strand_commands(store, *environment, &why, now).await?;
        }
        Ok(())
    }

    /// The same until it is told to stop.
    async fn keep_telling(
        self,
        store: Arc<dyn Store>,
        shutdown: CancellationToken,
    ) -> anyhow::Result<()> {
        while !shutdown.is_cancelled() {
            self.tell(&*store).await?;
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = tokio::time::sleep(LOST_LOOK) => {}
            }
        }
        Ok(())
    }
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
        Ok(key) => {
            say(key, &clock);
            let ends = key.expires_at().map(|ends_at| KeyEnd {
                fingerprint: key.fingerprint().to_owned(),
                ends_at,
            });
            store.note_keys(ends.as_slice()).await?;
        }
        Err(error) => tracing::error!("nothing can be signed: {error:#}"),
    }
    let why = key.as_ref().err().map(|error| format!("{error:#}"));
    let to = [Environment::Live, Environment::Test]
        .map(|environment| (environment, sender.to(environment).to_owned()));
    let now = move || clock.now();
    let is_stopping = || shutdown.is_cancelled();
    let [live, test] = &config.rri;
    let purposes = |environment| {
        let rri = match environment {
            Environment::Live => live,
            Environment::Test => test,
        };
        match rri.host.is_empty() {
            true => ALL,
            false => ORDERED,
        }
    };
    let requests = Requests {
        store: &**store,
        to: &to,
        purposes: &purposes,
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

/// The registries that are spoken to by RRI.
fn desks(config: &Config) -> anyhow::Result<Vec<Desk>> {
    let [live, test] = &config.rri;
    let named = [(Environment::Live, live), (Environment::Test, test)];
    let mut desks = Vec::new();
    for (environment, rri) in named {
        if rri.host.is_empty() {
            continue;
        }
        desks.push(Desk {
            environment,
            login: rri_login(config, rri)?,
            purposes: match config.sender.is_mail {
                true => READING,
                false => ALL,
            },
            reads_queue: rri.reads_queue,
            deletes_unreadable: rri.deletes_unreadable,
            ask_after: SignedDuration::try_from(config.sender.ask_after)
                .context("`sender.ask_after`")?,
        });
    }
    Ok(desks)
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

fn say(key: &SigningKey, clock: &Clock) {
    let print = key.fingerprint();
    match key.expires_at() {
        Some(at) if at.duration_since(clock.now()) < ENDS_SOON => {
            tracing::warn!("the signing key {print} ends at {at}: extend it before that");
        }
        _ => tracing::info!("requests are signed by the key {print}"),
    }
}
