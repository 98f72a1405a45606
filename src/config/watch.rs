//! `[watch]`: how alarms reach people.

use secrecy::SecretString;

use super::layers::{ConfigError, Layers};
use crate::notify;

/// `watch.alert_mail` and `watch.webhook_url`
#[derive(Clone, Debug, Default)]
pub struct AlertWays {
    /// Addresses of the desk, their domains as A-labels.
    pub mail: Vec<String>,
    /// Where alarms are POSTed, which is a secret like any address of that kind; its key is the
    /// credential [`AlertWays::KEY`].
    pub webhook_url: Option<SecretString>,
}

impl AlertWays {
    /// The name of the credential that signs what is POSTed.
    pub const KEY: &str = "webhook-key";
}

/// Reads both, and what they need of the others.
pub fn alert_ways(layers: &Layers) -> Result<AlertWays, ConfigError> {
    let field = layers.field("watch.alert_mail");
    let text = field.text();
    let addresses = text.split(',').map(str::trim);
    let mut mail = Vec::new();
    for address in addresses.filter(|address| !address.is_empty()) {
        let address =
            notify::mail_address(address).map_err(|error| field.wrong(&error.to_string()))?;
        if !mail.contains(&address) {
            mail.push(address);
        }
    }
    if !mail.is_empty() && layers.field("notices.from").text().is_empty() {
        return Err(field.wrong("mail needs a sender: set `notices.from`"));
    }
    let webhook_url = layers.field("watch.webhook_url").text();
    Ok(AlertWays {
        mail,
        webhook_url: Some(webhook_url)
            .filter(|url| !url.is_empty())
            .map(SecretString::from),
    })
}
