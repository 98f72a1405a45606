//! `stichtag status`

use clap::Args;
use jiff::SignedDuration;

use super::{Context, alarm, deadlines, exit};
use crate::inspect::work::health::health;
use crate::model::without_logins;
use crate::store::database_file;

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
        let health = health(&*store, &config, &context.clock).await?;
        let now = health.at;
        let figures = &health.figures;
        let own_address = alarm::own_address(&config.alerts.mail, &health.alarms);
        if out.is_json() {
            out.object(health.object(&config, is_running))?;
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
            for channel in &health.channels {
                out.line(format!(
                    "heard           {} {}, last {}",
                    channel.environment,
                    channel.source,
                    out.time(channel.last_at)
                ))?;
            }
            for channel in &health.lone {
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
            if health.is_overdue {
                let held_age = SignedDuration::try_from(config.held_age)?;
                let limit = deadlines::age(now - held_age, now);
                out.line(format!(
                    "held            OVERDUE: longer than {limit}; see `stichtag held list`"
                ))?;
            }
            if health.urgent > 0 {
                out.line(format!(
                    "held            URGENT: {} with a deadline near, past or unreadable",
                    health.urgent
                ))?;
            }
            out.line(format!("domains         {}", figures.domains))?;
            out.line(format!("open cases      {}", figures.cases))?;
            out.line(format!(
                "deadlines       {} need a person",
                health.deadlines
            ))?;
            let (waiting, failed) = (figures.notices_waiting, figures.notices_failed);
            out.line(format!(
                "notices         {waiting} waiting, {failed} failed"
            ))?;
            if !health.has_room {
                let (free, least) = (health.free_bytes.unwrap_or(0), config.store.min_free);
                out.line(format!(
                    "disk            LOW: {free} bytes free, {least} wanted; mail gets 452"
                ))?;
            }
            if let Some(why) = &health.paused {
                out.line(format!("sending         PAUSED: {why}"))?;
            }
            for alert in health.late.iter().chain(&health.lost) {
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
            for alarm in &health.alarms {
                let at = out.time(alarm.raised_at);
                out.line(format!(
                    "alarm           {} {} (since {at})",
                    alarm.code, alarm.text
                ))?;
            }
        }
        let is_urgent = health.is_overdue || health.urgent > 0;
        let is_attention = self.fail && health.needs_a_person() || is_running && is_urgent;
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
