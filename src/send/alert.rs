//! Alarms on their way to people: what is new becomes a mail or a POST with fixed bytes, what is due
//! is claimed, sent and settled.
//!
//! A crash between the other side's answer and the settling sends it again, the same bytes under
//! the same id. Sending to customers may be off or paused: this goes to the operator.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use jiff::{SignedDuration, Timestamp};

use super::backoff::backoff;
use super::outbox::{Letter, SendError, Transport};
use super::webhook::Webhook;
use crate::model::{Alert, AlertEvent, AlertId, Channel, StandingAlarm, sha256_hex};
use crate::store::{AlertDraft, AlertNews, Delivery, Store, StoreError};

/// Alerts claimed at once, and POSTs under way at once.
const BATCH: u32 = 8;

/// After so long an alert whose worker died comes up again; longer than one try can take.
const LEASE: Duration = Duration::from_secs(900);

/// How long to try to write down how a try ended; with the try itself it stays below [`LEASE`].
const SETTLE_MAX: Duration = Duration::from_secs(200);

/// The pause between those tries.
const SETTLE_PAUSE: Duration = Duration::from_secs(1);

/// What comes up together is told together: a mail waits so long for more alarms.
const GATHER: SignedDuration = SignedDuration::from_secs(4);

/// The least time between two mails to one address.
const MAIL_EVERY: SignedDuration = SignedDuration::from_mins(1);

/// Writes what an alert says; the same alarms give the same bytes.
pub trait AlertWriter: Send + Sync {
    /// A mail to `to`, about no alarm where it is a test; an error is a sentence.
    fn mail(
        &self,
        to: &str,
        uid: &str,
        alarms: &[StandingAlarm],
        at: Timestamp,
    ) -> Result<Vec<u8>, String>;

    /// The body of a POST about `alarm`; `None`: a test.
    fn post(
        &self,
        uid: &str,
        event: AlertEvent,
        alarm: Option<&StandingAlarm>,
        at: Timestamp,
    ) -> Vec<u8>;

    /// `MAIL FROM` of mails to the desk.
    fn envelope_from(&self) -> String;
}

/// What one turn of alerting works with.
pub struct Alerts<'a> {
    /// Holds alarms and alerts.
    pub store: &'a dyn Store,
    /// Writes what they say.
    pub writer: &'a dyn AlertWriter,
    /// Takes mails away.
    pub transport: &'a dyn Transport,
    /// Takes POSTs away, if there is one.
    pub webhook: Option<&'a Webhook>,
    /// The ways that are set up.
    pub channels: &'a [Channel],
    /// The present instant.
    pub now: &'a (dyn Fn() -> Timestamp + Send + Sync),
    /// Once true, nothing further is begun; what is under way is finished.
    pub is_stopping: &'a (dyn Fn() -> bool + Send + Sync),
}

/// Writes down what is new and sends what is due; returns how many alerts were tried.
pub async fn alert_due(alerts: &Alerts<'_>) -> Result<usize, StoreError> {
    for channel in alerts.channels {
        let now = (alerts.now)();
        let quiet_since = now - MAIL_EVERY;
        let news = (alerts.store.alert_news(channel, quiet_since, now)).await?;
        let drafts = match channel {
            Channel::Mail(to) => mail(alerts, channel, to, news),
            Channel::Webhook => posts(alerts, &news),
        };
        if !drafts.is_empty() {
            alerts.store.put_alerts(&drafts).await?;
        }
    }
    deliver_alerts(alerts, None).await
}

/// Puts a test on every channel; the numbers of the alerts.
pub async fn try_channels(alerts: &Alerts<'_>) -> Result<Vec<AlertId>, StoreError> {
    let now = (alerts.now)();
    let mut drafts = Vec::new();
    for channel in alerts.channels {
        let uid = uid(channel, AlertEvent::Test, &[], now);
        let body = match channel {
            Channel::Mail(to) => written(alerts.writer.mail(to, &uid, &[], now)),
            Channel::Webhook => Some(alerts.writer.post(&uid, AlertEvent::Test, None, now)),
        };
        drafts.extend(body.map(|body| AlertDraft {
            uid,
            channel: channel.clone(),
            event: AlertEvent::Test,
            alarms: Vec::new(),
            replaces: None,
            body,
            created_at: now,
        }));
    }
    alerts.store.put_alerts(&drafts).await
}

/// All that is new in one mail. What the smarthost has refused for now is
/// said again in it, so that a smarthost that comes back finds one mail, not one for every minute.
fn mail(alerts: &Alerts<'_>, channel: &Channel, to: &str, news: AlertNews) -> Vec<AlertDraft> {
    let now = (alerts.now)();
    // A clock that was set back must not hold anything up.
    let is_gathering = |alarm: &StandingAlarm| now.duration_since(alarm.raised_at).abs() < GATHER;
    if news.raised.iter().all(is_gathering) {
        return Vec::new();
    }
    let (replaces, mut alarms) = news.delayed.unzip();
    let alarms = alarms.get_or_insert_default();
    alarms.extend(news.raised);
    let uid = uid(channel, AlertEvent::Raised, alarms, now);
    let body = written(alerts.writer.mail(to, &uid, alarms, now));
    warn_of_own_address(to, alarms);
    body.map(|body| AlertDraft {
        uid,
        channel: channel.clone(),
        event: AlertEvent::Raised,
        alarms: alarms.iter().map(|alarm| alarm.id).collect(),
        replaces,
        body,
        created_at: now,
    })
    .into_iter()
    .collect()
}

/// Addresses are checked at the start, so this happens only where the settings are of no use at all.
fn written(mail: Result<Vec<u8>, String>) -> Option<Vec<u8>> {
    mail.inspect_err(|error| tracing::error!("no mail to the desk can be written: {error}"))
        .ok()
}

fn warn_of_own_address(to: &str, alarms: &[StandingAlarm]) {
    let mut domains = alarms.iter().filter_map(|alarm| alarm.domain.as_ref());
    if let Some(domain) = domains.find(|domain| domain.contains_address(to)) {
        tracing::error!(
            domain = domain.ace(),
            "an address in `watch.alert_mail` lies under {}, which has an alarm itself: its mail may \
             not arrive; name one of another domain",
            domain.ace(),
        );
    }
}

fn posts(alerts: &Alerts<'_>, news: &AlertNews) -> Vec<AlertDraft> {
    let now = (alerts.now)();
    let raised = news.raised.iter().map(|alarm| (AlertEvent::Raised, alarm));
    let cleared = (news.cleared.iter()).map(|alarm| (AlertEvent::Cleared, alarm));
    raised
        .chain(cleared)
        .map(|(event, alarm)| {
            let uid = uid(&Channel::Webhook, event, std::slice::from_ref(alarm), now);
            AlertDraft {
                body: alerts.writer.post(&uid, event, Some(alarm), now),
                uid,
                channel: Channel::Webhook,
                event,
                alarms: vec![alarm.id],
                replaces: None,
                created_at: now,
            }
        })
        .collect()
}

/// What the other side knows an alert by. Alarms are numbered anew in a database that was restored,
/// so instants are part of it.
fn uid(channel: &Channel, event: AlertEvent, alarms: &[StandingAlarm], now: Timestamp) -> String {
    let mut text = format!("{channel} {} {now}", event.as_str());
    for alarm in alarms {
        text.push_str(&format!(" {} {}", alarm.id, alarm.raised_at));
    }
    let mut uid = sha256_hex(text.as_bytes());
    uid.truncate(32);
    uid
}

/// Sends what is due, or of it `only` these; returns how many alerts were claimed.
pub async fn deliver_alerts(
    alerts: &Alerts<'_>,
    only: Option<&[AlertId]>,
) -> Result<usize, StoreError> {
    let (store, now) = (alerts.store, alerts.now);
    let due = store
        .claim_alerts(alerts.channels, only, now(), BATCH, LEASE)
        .await?;
    let mut under_way = FuturesUnordered::new();
    for alert in &due {
        // What was claimed and not begun is taken up by the next life.
        if (alerts.is_stopping)() {
            break;
        }
        under_way.push(async move { (alert, send(alerts, alert).await) });
    }
    let mut settled = Ok(());
    while let Some((alert, outcome)) = under_way.next().await {
        settled = settle(store, alert, outcome, now()).await.and(settled);
    }
    settled.map(|()| due.len())
}

async fn send(alerts: &Alerts<'_>, alert: &Alert) -> Result<String, SendError> {
    match (&alert.channel, alerts.webhook) {
        (Channel::Mail(to), _) => {
            let letter = Letter {
                envelope_from: alerts.writer.envelope_from(),
                envelope_to: to.clone(),
                message: alert.body.clone(),
                envelope_id: alert.id.to_string(),
            };
            alerts.transport.send(&letter).await
        }
        (Channel::Webhook, Some(webhook)) => webhook.post(&alert.body, (alerts.now)()).await,
        (Channel::Webhook, None) => Err(SendError::Permanent("no webhook is set up".to_owned())),
    }
}

/// Writes down how a try ended. What has arrived must not be sent again because the database was
/// busy at that moment, so this waits for it, as long as the alert is ours.
async fn settle(
    store: &dyn Store,
    alert: &Alert,
    outcome: Result<String, SendError>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let delivery = match (outcome, backoff(alert.attempts)) {
        (Ok(reply), _) => Delivery::Sent { at: now, reply },
        // Whoever tries the way wants to know now.
        (Err(error), Some(delay)) if error.can_pass() && alert.event != AlertEvent::Test => {
            Delivery::Retry {
                at: now + SignedDuration::try_from(delay).unwrap_or_default(),
                reply: error.to_string(),
            }
        }
        (Err(error), _) => Delivery::Failed {
            reply: error.to_string(),
        },
    };
    say(alert, &delivery);
    let given_up_at = tokio::time::Instant::now() + SETTLE_MAX;
    loop {
        match store.settle_alert(alert.id, &delivery).await {
            Err(error) if tokio::time::Instant::now() < given_up_at => {
                tracing::error!(alert = %alert.id, "alert {} not settled: {error}", alert.id);
                tokio::time::sleep(SETTLE_PAUSE).await;
            }
            settled => return settled,
        }
    }
}

/// That nobody can be reached is said as loudly as can be; later tries only repeat it.
fn say(alert: &Alert, delivery: &Delivery) {
    let (id, channel) = (alert.id, alert.channel.kind());
    let attempts = alert.attempts;
    match delivery {
        Delivery::Sent { .. } => {
            tracing::info!(alert = %id, channel, attempts, "alert {id} is sent");
        }
        Delivery::Retry { reply, .. } | Delivery::Unsure { reply, .. } if attempts > 1 => {
            tracing::warn!(alert = %id, channel, attempts, "alert {id} is delayed: {reply}");
        }
        Delivery::Retry { reply, .. } | Delivery::Unsure { reply, .. } => {
            tracing::error!(alert = %id, channel, attempts, "alert {id} does not reach the desk yet: {reply}");
        }
        Delivery::Failed { reply } => {
            tracing::error!(
                alert = %id, channel, attempts,
                "alert {id} does not reach the desk and is given up: {reply}; see `stichtag alarm list`",
            );
        }
    }
}
