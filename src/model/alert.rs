//! Alerts: how alarms reach people.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{AlarmId, AlertId, CaseId, DomainName, Environment, InboundId, ReasonCode};

/// A way to the desk.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// A mail to this address.
    Mail(String),
    /// A POST to `watch.webhook_url`, whatever that is at the time.
    Webhook,
}

impl Channel {
    /// `mail` or `webhook`, for logs, which name no address.
    pub fn kind(&self) -> &'static str {
        match self {
            Channel::Mail(_) => "mail",
            Channel::Webhook => "webhook",
        }
    }
}

/// The word used in JSON and in the database: `webhook`, or `mail:` and the address.
impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Channel::Mail(address) => f.pad(&format!("mail:{address}")),
            Channel::Webhook => f.pad("webhook"),
        }
    }
}

impl FromStr for Channel {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        match word.split_once(':') {
            None if word == "webhook" => Ok(Channel::Webhook),
            Some(("mail", address)) if !address.is_empty() => Ok(Channel::Mail(address.to_owned())),
            _ => Err(format!("`{word}` is neither `webhook` nor `mail:ADDRESS`")),
        }
    }
}

impl Serialize for Channel {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// What an alert says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlertEvent {
    /// A cause came up.
    Raised,
    /// A cause is gone.
    Cleared,
    /// Somebody tries the channel.
    Test,
}

impl AlertEvent {
    /// The word used in JSON and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            AlertEvent::Raised => "raised",
            AlertEvent::Cleared => "cleared",
            AlertEvent::Test => "test",
        }
    }

    /// The event of that name, if there is one.
    pub fn from_word(word: &str) -> Option<Self> {
        [AlertEvent::Raised, AlertEvent::Cleared, AlertEvent::Test]
            .into_iter()
            .find(|known| known.as_str() == word)
    }
}

/// How far an alert got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlertState {
    /// In the outbox, due at `due_at`.
    Queued,
    /// A try failed for now; it is tried again.
    Delayed,
    /// The other side has it.
    Sent,
    /// Given up: refused for good, or not accepted for days.
    Failed,
    /// A later mail says what this one could not, or nobody is to hear of it any more.
    Dropped,
}

impl AlertState {
    /// The word used in JSON and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            AlertState::Queued => "queued",
            AlertState::Delayed => "delayed",
            AlertState::Sent => "sent",
            AlertState::Failed => "failed",
            AlertState::Dropped => "dropped",
        }
    }

    /// The state of that name, if there is one.
    pub fn from_word(word: &str) -> Option<Self> {
        [
            AlertState::Queued,
            AlertState::Delayed,
            AlertState::Sent,
            AlertState::Failed,
            AlertState::Dropped,
        ]
        .into_iter()
        .find(|known| known.as_str() == word)
    }

    /// Is it still to be delivered?
    pub fn is_waiting(self) -> bool {
        matches!(self, AlertState::Queued | AlertState::Delayed)
    }
}

/// An alarm as people read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandingAlarm {
    /// Its number.
    pub id: AlarmId,
    /// The cause, such as `message:1042:deadline`.
    pub key: String,
    /// Why.
    pub code: ReasonCode,
    /// The environment, where known.
    pub environment: Option<Environment>,
    /// The domain, where there is one.
    pub domain: Option<DomainName>,
    /// The message, where there is one.
    pub message: Option<InboundId>,
    /// The domain's open case, where there is one.
    pub case: Option<CaseId>,
    /// The next deadline that hangs on it: of the held message, or of the domain.
    pub deadline: Option<Timestamp>,
    /// One sentence; it may quote a foreign text, and instants stand in it as RFC 3339.
    pub text: String,
    /// When it was raised.
    pub raised_at: Timestamp,
    /// When its cause was gone.
    pub cleared_at: Option<Timestamp>,
}

/// An alert as the outbox holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// Its number.
    pub id: AlertId,
    /// Where it goes.
    pub channel: Channel,
    /// What it says.
    pub event: AlertEvent,
    /// How far it got.
    pub state: AlertState,
    /// When its bytes were fixed.
    pub created_at: Timestamp,
    /// When it may be sent.
    pub due_at: Timestamp,
    /// How often sending was tried.
    pub attempts: u32,
    /// The exact bytes of the mail, or of the body.
    pub body: Vec<u8>,
    /// When the other side took it.
    pub sent_at: Option<Timestamp>,
    /// What the last try was answered.
    pub last_reply: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_reads_back_from_its_word() {
        for channel in [
            Channel::Webhook,
            Channel::Mail("desk@example.net".to_owned()),
        ] {
            assert_eq!(channel.to_string().parse(), Ok(channel.clone()));
        }
        for wrong in ["", "mail", "mail:", "webhook:x", "fax:1"] {
            assert!(wrong.parse::<Channel>().is_err(), "{wrong}");
        }
    }
}
