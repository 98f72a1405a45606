//! `stichtag status`

use std::collections::BTreeSet;

use clap::Args;
use jiff::SignedDuration;
use serde_json::json;

use super::out::json_time;
use super::{Context, alarm, deadlines, exit};
use crate::inspect::work::due;
use crate::model::{InboundId, Source, without_logins};
use crate::process::{DEADLINE_NEAR, deadline_key};
use crate::send::PAUSED;
use crate::store::{Alarm, ChannelHeard, database_file};

/// Messages that are looked at for who spoke.
const CHANNELS_OF: u32 = 2_000;

/// Where of mail and queue, which can tell the same, only one speaks. A hint and no alarm: what the
/// registry sends by which is its own choice (`denic.md` 7, no. 1).
fn lone(channels: &[ChannelHeard]) -> Vec<&ChannelHeard> {
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
        .collect()
}

/// Health on one screen; exit 3 if the daemon does not run, 10 if held mail waits too long
#[derive(Args, Debug)]
pub struct Status {
    /// Exit 10 when something needs a person
    #[arg(long)]
    fail: bool,
}

impl Status {
    pub async fn run(self, context: &Context) -> anyhow::Result<u8> {
        let (store, config) = context.store().await?;
        let out = &context.out;
        let is_running = is_running(&config.store.url);
        let figures = store.figures().await?;
        let alarms = store.alarms().await?;
        let paused = store.switch(PAUSED).await?;
        let disk = crate::serve::disk_space(&config, context.clock.clone());
        let has_room = disk.has_room();
        let now = context.now();
        let held = store.held_work(now + DEADLINE_NEAR).await?;
        let held_age = SignedDuration::try_from(config.held_age)?;
        let is_overdue = (held.oldest.as_ref())
            .is_some_and(|oldest| crate::serve::is_overdue(oldest, held_age, now));
        // Most are alarmed already, as those must be whose deadline could not be read.
        let is_urgent = |alarm: &Alarm| {
            let message = alarm.message.map(deadline_key);
            message.is_some_and(|key| key == alarm.key)
        };
        let mut urgent: BTreeSet<InboundId> = held.due.iter().map(|mail| mail.id).collect();
        let alarmed = alarms.iter().filter(|alarm| is_urgent(alarm));
        urgent.extend(alarmed.filter_map(|alarm| alarm.message));
        let deadlines = due::waiting(&*store, &config, now).await?;
        let undelivered = store.undelivered_alerts().await?;
        let (late, lost) = alarm::undelivered(&undelivered, now);
        let channels = store.channels(CHANNELS_OF).await?;
        let lone = lone(&channels);
        let own_address = alarm::own_address(&config.alerts.mail, &alarms);
        if out.is_json() {
            out.object(json!({
                "running": is_running,
                "store": without_logins(&config.store.url),
                "messages": figures.messages,
                "pending": figures.pending,
                "held": figures.held,
                "held_oldest_at": json_time(figures.held_oldest),
                "held_oldest_seconds": figures.held_oldest.map(|at| now.duration_since(at).as_secs()),
                "held_overdue": is_overdue,
                "held_urgent": urgent.len(),
                "last_message_at": json_time(figures.last_message),
                "domains": figures.domains,
                "open_cases": figures.cases,
                "deadlines_waiting": deadlines,
                "notices_waiting": figures.notices_waiting,
                "notices_failed": figures.notices_failed,
                "alerts_late": late.len(),
                "alerts_failed": lost.len(),
                "paused": paused,
                "disk_free_bytes": disk.free_bytes(),
                "disk_low": !has_room,
                "channels": channels,
                "only_channel": lone,
                "alarms": alarms,
            }))?;
        } else {
            let running = if is_running { "running" } else { "not running" };
            out.heading(&format!("stichtag is {running}"))?;
            let url = without_logins(&config.store.url);
            out.line(format!("store           {url}"))?;
            let last = out.optional_time(figures.last_message);
            out.line(format!(
                "messages        {} kept, last {last}",
                figures.messages
            ))?;
            for channel in &channels {
                out.line(format!(
                    "heard           {} {}, last {}",
                    channel.environment,
                    channel.source,
                    out.time(channel.last_at)
                ))?;
            }
            for channel in &lone {
                out.line(format!(
                    "heard           only {} speaks for {}: the registry's other channel is silent, or not set up",
                    channel.source, channel.environment
                ))?;
            }
            out.line(format!("not decided     {}", figures.pending))?;
            let oldest = out.optional_time(figures.held_oldest);
            let age = figures.held_oldest.map(|at| deadlines::age(at, now));
            let age = age.map(|age| format!(" ({age})")).unwrap_or_default();
            out.line(format!(
                "held            {}, oldest {oldest}{age}",
                figures.held
            ))?;
            if is_overdue {
                let limit = deadlines::age(now - held_age, now);
                out.line(format!(
                    "held            OVERDUE: longer than {limit}; see `stichtag held list`"
                ))?;
            }
            if !urgent.is_empty() {
                out.line(format!(
                    "held            URGENT: {} with a deadline near, past or unreadable",
                    urgent.len()
                ))?;
            }
            out.line(format!("domains         {}", figures.domains))?;
            out.line(format!("open cases      {}", figures.cases))?;
            out.line(format!("deadlines       {deadlines} need a person"))?;
            let (waiting, failed) = (figures.notices_waiting, figures.notices_failed);
            out.line(format!(
                "notices         {waiting} waiting, {failed} failed"
            ))?;
            if !has_room {
                let (free, least) = (disk.free_bytes().unwrap_or(0), config.store.min_free);
                out.line(format!(
                    "disk            LOW: {free} bytes free, {least} wanted; mail gets 452"
                ))?;
            }
            if let Some(why) = &paused {
                out.line(format!("sending         PAUSED: {why}"))?;
            }
            for alert in late.iter().chain(&lost) {
                let (state, channel) = (alert.state.as_str(), &alert.channel);
                let reply = alert.last_reply.as_deref().unwrap_or("not tried yet");
                out.line(format!(
                    "alert           UNDELIVERED: {channel} {state}: {reply}"
                ))?;
            }
            if let Some((address, ace)) = &own_address {
                out.line(format!(
                    "alert           {address} lies under {ace}, which has an alarm itself; name another one in `watch.alert_mail`"
                ))?;
            }
            for alarm in &alarms {
                let at = out.time(alarm.raised_at);
                out.line(format!(
                    "alarm           {} {} (since {at})",
                    alarm.code, alarm.text
                ))?;
            }
        }
        let needs_a_person = figures.held > 0
            || deadlines > 0
            || figures.notices_failed > 0
            || !has_room
            || !alarms.is_empty()
            || !late.is_empty()
            || !lost.is_empty()
            || paused.is_some();
        let is_urgent = is_overdue || !urgent.is_empty();
        let is_attention = self.fail && needs_a_person || is_running && is_urgent;
        Ok(match (is_running, is_attention) {
            (_, true) => exit::ATTENTION,
            (false, false) => exit::INVALID,
            (true, false) => exit::DONE,
        })
    }
}

/// The daemon holds a lock beside its database for as long as it lives. Asking for a shared one,
/// two that look at the same time do not take each other for the daemon.
pub fn is_running(url: &str) -> bool {
    database_file(url)
        .and_then(|file| std::fs::File::open(file.with_extension("lock")).ok())
        .is_some_and(|lock| lock.try_lock_shared().is_err())
}
