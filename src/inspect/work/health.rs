//! How all stands: what `stichtag status` and `/settings` show.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::due;
use crate::clock::Clock;
use crate::config::Config;
use crate::inspect::cli::out::json_time;
use crate::model::{Alert, AlertState, InboundId, Source, without_logins};
use crate::process::{DEADLINE_NEAR, deadline_key};
use crate::send::PAUSED;
use crate::store::{Alarm, ChannelHeard, Figures, Store};

/// Messages that are looked at for who spoke.
const CHANNELS_OF: u32 = 2_000;

/// An alert that waits longer than this is late.
const LATE: SignedDuration = SignedDuration::from_secs(90);

/// How all stands.
pub struct Health {
    /// When it was looked at.
    pub at: Timestamp,
    /// How much there is of what.
    pub figures: Figures,
    /// Alarms that nobody has cleared.
    pub alarms: Vec<Alarm>,
    /// Who paused sending, and why.
    pub paused: Option<String>,
    /// Bytes free on the store's disk.
    pub free_bytes: Option<u64>,
    /// They are enough.
    pub has_room: bool,
    /// Held mail waits longer than it should.
    pub is_overdue: bool,
    /// Held messages with a deadline near, past or unreadable.
    pub urgent: usize,
    /// Deadlines that need a person.
    pub deadlines: usize,
    /// Alerts that have not reached anybody yet, though it is time.
    pub late: Vec<Alert>,
    /// Alerts that reach nobody.
    pub lost: Vec<Alert>,
    /// Which channels spoke last.
    pub channels: Vec<ChannelHeard>,
    /// Where of mail and queue, which can tell the same, only one speaks.
    pub lone: Vec<ChannelHeard>,
}

/// Looks at everything.
pub async fn health(store: &dyn Store, config: &Config, clock: &Clock) -> anyhow::Result<Health> {
    let now = clock.now();
    let alarms = store.alarms().await?;
    let disk = crate::serve::disk_space(config, clock.clone());
    let held = store.held_work(now + DEADLINE_NEAR).await?;
    let held_age = SignedDuration::try_from(config.held_age)?;
    let is_overdue = (held.oldest.as_ref())
        .is_some_and(|oldest| crate::serve::is_overdue(oldest, held_age, now));
    let mut urgent: BTreeSet<InboundId> = held.due.iter().map(|mail| mail.id).collect();
    let alarmed = alarms.iter().filter(|alarm| is_urgent(alarm));
    urgent.extend(alarmed.filter_map(|alarm| alarm.message));
    let (late, lost) = undelivered(store.undelivered_alerts().await?, now);
    let channels = store.channels(CHANNELS_OF).await?;
    Ok(Health {
        at: now,
        figures: store.figures().await?,
        paused: store.switch(PAUSED).await?,
        free_bytes: disk.free_bytes(),
        has_room: disk.has_room(),
        is_overdue,
        urgent: urgent.len(),
        deadlines: due::waiting(store, config, now).await?,
        late,
        lost,
        lone: lone(&channels),
        channels,
        alarms,
    })
}

/// Most are alarmed already, as those must be whose deadline could not be read.
fn is_urgent(alarm: &Alarm) -> bool {
    let message = alarm.message.map(deadline_key);
    message.is_some_and(|key| key == alarm.key)
}

/// Of alerts that did not arrive: those that wait for long or in vain, and those given up.
fn undelivered(alerts: Vec<Alert>, now: Timestamp) -> (Vec<Alert>, Vec<Alert>) {
    let (lost, waiting): (Vec<_>, Vec<_>) =
        (alerts.into_iter()).partition(|alert| alert.state == AlertState::Failed);
    let is_late = |alert: &Alert| {
        alert.state == AlertState::Delayed || now.duration_since(alert.created_at) > LATE
    };
    (waiting.into_iter().filter(is_late).collect(), lost)
}

/// A hint and no alarm: what the registry sends by which is its own choice (`denic.md` 7, no. 1).
fn lone(channels: &[ChannelHeard]) -> Vec<ChannelHeard> {
    let both = [Source::DenicMail, Source::DenicQueue].map(Source::as_str);
    let is_one = |channel: &&ChannelHeard| both.contains(&channel.source.as_str());
    channels
        .iter()
        .filter(is_one)
        .filter(|channel| {
            let mut others = channels.iter().filter(is_one);
            !others.any(|other| {
                other.environment == channel.environment && other.source != channel.source
            })
        })
        .cloned()
        .collect()
}

impl Health {
    /// Is there work for a person?
    pub fn needs_a_person(&self) -> bool {
        self.figures.held > 0
            || self.deadlines > 0
            || self.figures.notices_failed > 0
            || !self.has_room
            || !self.alarms.is_empty()
            || !self.late.is_empty()
            || !self.lost.is_empty()
            || self.paused.is_some()
    }

    /// As the contract wants it; `is_running`: the daemon runs.
    pub fn object(&self, config: &Config, is_running: bool) -> Value {
        let figures = &self.figures;
        let oldest = figures.held_oldest;
        json!({
            "running": is_running,
            "store": without_logins(&config.store.url),
            "messages": figures.messages,
            "pending": figures.pending,
            "held": figures.held,
            "held_oldest_at": json_time(oldest),
            "held_oldest_seconds": oldest.map(|at| self.at.duration_since(at).as_secs()),
            "held_overdue": self.is_overdue,
            "held_urgent": self.urgent,
            "last_message_at": json_time(figures.last_message),
            "domains": figures.domains,
            "open_cases": figures.cases,
            "deadlines_waiting": self.deadlines,
            "notices_waiting": figures.notices_waiting,
            "notices_failed": figures.notices_failed,
            "alerts_late": self.late.len(),
            "alerts_failed": self.lost.len(),
            "paused": self.paused,
            "disk_free_bytes": self.free_bytes,
            "disk_low": !self.has_room,
            "channels": self.channels,
            "only_channel": self.lone,
            "alarms": self.alarms,
        })
    }
}
