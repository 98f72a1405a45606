//! What the watch must know, and how alarms reach people.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use super::{Alarm, AuditEntry, Delivery, StoreError};
use crate::model::{
    AlarmId, Alert, AlertEvent, AlertId, CaseId, Channel, DomainKey, InboundId, NoticeState,
    ReasonCode, StandingAlarm,
};

/// Decides which alarms of the watch must stand, given what is.
pub type WatchRule<'a> = &'a (dyn Fn(&WatchFacts) -> Vec<Alarm> + Send + Sync);

/// Alarms that the watch raises and clears, and the alerts that carry all alarms to people.
#[async_trait]
pub trait Alerting: Send + Sync {
    /// Looks at the facts and makes the alarms of `codes` those that `rule` names: what is missing
    /// is raised, what stands beside them is cleared. Alarms that stand already stay as they are.
    /// Returns what stands then of these codes, and about messages.
    async fn watch(
        &self,
        ask: &WatchAsk,
        codes: &[ReasonCode],
        rule: WatchRule<'_>,
        now: Timestamp,
    ) -> Result<Vec<Alarm>, StoreError>;

    /// Remembers what routes have heard; forgets routes that are not among them.
    async fn remember_routes(&self, heard: &RoutesHeard) -> Result<(), StoreError>;

    /// What was remembered.
    async fn routes_heard(&self) -> Result<RoutesHeard, StoreError>;

    /// What messages above `after` say about routes: when each was heard last. Only mail that was
    /// acted upon counts, and mail held for nothing but `codes`.
    async fn heard_since(
        &self,
        after: InboundId,
        codes: &[ReasonCode],
    ) -> Result<RoutesHeard, StoreError>;

    /// Alarms, oldest first, with how far each got: those that stand, or that one.
    async fn standing_alarms(&self, id: Option<AlarmId>) -> Result<Vec<AlarmEntry>, StoreError>;

    /// What one channel has not been told yet; nothing of a mailbox to which a mail was written or
    /// left between `quiet_since` and `now`.
    async fn alert_news(
        &self,
        channel: &Channel,
        quiet_since: Timestamp,
        now: Timestamp,
    ) -> Result<AlertNews, StoreError>;

    /// Writes alerts into the outbox, each whole or not at all; one whose alarms somebody else has
    /// told of meanwhile is left out. Returns the numbers of those written.
    async fn put_alerts(&self, drafts: &[AlertDraft]) -> Result<Vec<AlertId>, StoreError>;

    /// Takes up to `limit` alerts for `channels` due at `now`, oldest first, and hides them until
    /// `now + lease`; `only`: none but these.
    async fn claim_alerts(
        &self,
        channels: &[Channel],
        only: Option<&[AlertId]>,
        now: Timestamp,
        limit: u32,
        lease: Duration,
    ) -> Result<Vec<Alert>, StoreError>;

    /// Writes down how a try ended.
    async fn settle_alert(&self, id: AlertId, delivery: &Delivery) -> Result<(), StoreError>;

    /// Alerts by number.
    async fn alerts(&self, ids: &[AlertId]) -> Result<Vec<Alert>, StoreError>;

    /// Alerts that did not arrive: those that wait, and those given up about alarms that stand.
    async fn undelivered_alerts(&self) -> Result<Vec<Alert>, StoreError>;

    /// Queues what was given up about alarms that stand again, the same bytes; returns how many.
    async fn requeue_alerts(&self, now: Timestamp, audit: &AuditEntry) -> Result<u64, StoreError>;

    /// Drops what waits for a channel that is none of `channels` any more.
    async fn keep_channels(&self, channels: &[Channel]) -> Result<(), StoreError>;
}

/// What the watch asks for.
#[derive(Clone, Copy, Debug)]
pub struct WatchAsk {
    /// Cases with a deadline before this.
    pub near: Timestamp,
    /// Notices from then on count.
    pub since: Timestamp,
    /// The name of the switch that stops sending.
    pub paused: &'static str,
    /// It is we who ask owners to confirm their addresses: then suspensions count as deadlines.
    pub writes_to_owners: bool,
}

/// What the watch decides by.
#[derive(Clone, Debug, Default)]
pub struct WatchFacts {
    /// Open live cases that are not told although a deadline is near, and those with a notice that
    /// did not arrive.
    pub cases: Vec<WatchedCase>,
    /// Mails handed over since the time asked for, with those refused.
    pub notices: u64,
    /// How many of them were refused for good or came back.
    pub notices_undelivered: u64,
    /// Since when sending is paused, if it is, and why.
    pub paused: Option<(Option<Timestamp>, String)>,
}

/// An open case, as the watch sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchedCase {
    /// Its number.
    pub id: CaseId,
    /// The domain.
    pub key: DomainKey,
    /// The first deadline in force.
    pub deadline: Option<Timestamp>,
    /// The smarthost took a notice of it, and that did not come back.
    pub is_told: bool,
    /// Somebody telephoned, and wrote it down.
    pub is_called: bool,
    /// The state of its last notice.
    pub last_notice: Option<NoticeState>,
    /// The customer's addresses, each with whether mail of this case to it has failed last.
    pub addresses: Vec<(String, bool)>,
}

/// What routes have heard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoutesHeard {
    /// By route.
    pub routes: BTreeMap<String, RouteHeard>,
    /// Messages up to this one are in it.
    pub upto: Option<InboundId>,
}

/// What one route has heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteHeard {
    /// It is watched since.
    pub since: Timestamp,
    /// Its last message from the registry.
    pub heard_at: Option<Timestamp>,
}

/// An alarm with how far it got on each channel.
#[derive(Clone, Debug)]
pub struct AlarmEntry {
    /// The alarm.
    pub alarm: StandingAlarm,
    /// The alert that told of it, by channel.
    pub alerts: Vec<Alert>,
}

/// What a channel has not been told.
#[derive(Clone, Debug, Default)]
pub struct AlertNews {
    /// Alarms that stand and were not told.
    pub raised: Vec<StandingAlarm>,
    /// Alarms that were told and are cleared; for [`Channel::Webhook`] only.
    pub cleared: Vec<StandingAlarm>,
    /// A mail that was refused for now, and the alarms in it that still stand.
    pub delayed: Option<(AlertId, Vec<StandingAlarm>)>,
}

/// An alert to be written into the outbox.
#[derive(Clone, Debug)]
pub struct AlertDraft {
    /// What the other side knows it by; unique.
    pub uid: String,
    /// Where it goes.
    pub channel: Channel,
    /// What it says.
    pub event: AlertEvent,
    /// Of these alarms.
    pub alarms: Vec<AlarmId>,
    /// In place of this one, which was refused for now.
    pub replaces: Option<AlertId>,
    /// The bytes.
    pub body: Vec<u8>,
    /// Now.
    pub created_at: Timestamp,
}
