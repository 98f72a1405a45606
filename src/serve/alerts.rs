//! The ways by which alarms reach people, from the configuration.

use jiff::Timestamp;
use secrecy::ExposeSecret;

use crate::config::{AlertWays, Config, ConfigError};
use crate::model::{AlertEvent, Channel, StandingAlarm};
use crate::notify::{self, AlertMail};
use crate::send::{AlertWriter, Webhook, WebhookKey};

/// The ways that are set up.
pub fn channels(config: &Config) -> Vec<Channel> {
    let AlertWays { mail, webhook_url } = &config.alerts;
    let mail = mail.iter().cloned().map(Channel::Mail);
    let webhook = webhook_url.iter().map(|_| Channel::Webhook);
    mail.chain(webhook).collect()
}

/// The webhook, if there is one, with its key.
///
/// # Errors
/// The URL may not be used, or the key is missing or too short.
pub fn webhook(config: &Config) -> Result<Option<Webhook>, ConfigError> {
    let Some(url) = &config.alerts.webhook_url else {
        return Ok(None);
    };
    let key = "watch.webhook_url";
    let wrong = |why: String| ConfigError::new(&config.origin(key), format!("`{key}`: {why}"));
    let secret = config.credentials.read(AlertWays::KEY).map_err(|error| {
        wrong(format!(
            "its key is missing ({error}): give the service the systemd credential `{name}` \
             (`LoadCredential={name}:/etc/stichtag/{name}`, a file made with `openssl rand -hex 32`); \
             outside systemd, set CREDENTIALS_DIRECTORY to the folder that holds `{name}`",
            name = AlertWays::KEY
        ))
    })?;
    let key = WebhookKey::new(secret)
        .map_err(|error| wrong(format!("credential `{}`: {error}", AlertWays::KEY)))?;
    Webhook::new(url.expose_secret(), key)
        .map(Some)
        .map_err(|error| wrong(error.to_string()))
}

/// Writes alerts.
#[derive(Clone, Debug)]
pub struct AlertDesk {
    from: String,
    message_id_host: String,
    hostname: String,
}

impl AlertDesk {
    /// With the operator's settings.
    pub fn new(config: &Config) -> Self {
        AlertDesk {
            from: config.notices.settings.from.clone(),
            message_id_host: super::notice_host(config),
            hostname: config.server.hostname.clone(),
        }
    }
}

impl AlertWriter for AlertDesk {
    fn mail(
        &self,
        to: &str,
        uid: &str,
        alarms: &[StandingAlarm],
        at: Timestamp,
    ) -> Result<Vec<u8>, String> {
        // The form by which our own mail is known when it comes back.
        let id = format!(
            "alert.{}@{}",
            uid.get(..16).unwrap_or(uid),
            self.message_id_host
        );
        notify::alert_mail(&AlertMail {
            from: &self.from,
            to,
            message_id: &id,
            hostname: &self.hostname,
            at,
            alarms,
        })
        .map_err(|error| error.to_string())
    }

    fn post(
        &self,
        uid: &str,
        event: AlertEvent,
        alarm: Option<&StandingAlarm>,
        at: Timestamp,
    ) -> Vec<u8> {
        match alarm {
            Some(alarm) => notify::alert_json(uid, event, alarm),
            None => notify::test_json(uid, &self.hostname, at),
        }
    }

    fn envelope_from(&self) -> String {
        notify::bare_address(&self.from)
    }
}
