//! `stichtag-send`: the only process that reads the signing key.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use jiff::SignedDuration;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::{Config, Sender, sender_fault};
use crate::model::Environment;
use crate::send::{Requests, SigningKey, Smarthost, deliver_requests};
use crate::store::Store;

/// How often to look whether something is to be sent.
const LOOK_AROUND: Duration = Duration::from_millis(500);

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

/// Sends until it is told to stop; with `is_once`, until nothing is due.
pub async fn run(
    config: &Config,
    store: Arc<dyn Store>,
    is_once: bool,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    if let Some(why) = sender_fault(&config.sender) {
        anyhow::bail!("{why}");
    }
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
        store: &*store,
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

fn say(key: &SigningKey, clock: &Clock) {
    let print = key.fingerprint();
    match key.expires_at() {
        Some(at) if at.duration_since(clock.now()) < ENDS_SOON => {
            tracing::warn!("the signing key {print} ends at {at}: extend it before that");
        }
        _ => tracing::info!("requests are signed by the key {print}"),
    }
}
