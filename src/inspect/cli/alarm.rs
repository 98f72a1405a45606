//! `stichtag alarm`

use std::time::Duration;

use clap::Subcommand;
use serde_json::{Value, json};

use super::out::json_time;
use super::{Context, exit, status};
use crate::config::Config;
use crate::model::{Alert, AlertId, AlertState, Channel};
use crate::notify::what_to_do;
use crate::send::{self, Alerts};
use crate::serve;
use crate::store::{Alarm, AlarmEntry, Store};

/// How long a running server gets for a test.
const TEST_MAX: Duration = Duration::from_secs(60);

/// How often it is looked whether it is done.
const LOOK: Duration = Duration::from_millis(200);

/// What needs a person, and how that reaches one
#[derive(Subcommand, Debug)]
pub enum Alarms {
    /// List the alarms that stand, and whom they reached
    List,
    /// Send a marked test alert through every channel, and say what became of each
    ///
    /// A running server sends it, with its own key; without one, this command does. Exit 10 if one
    /// did not arrive.
    Test,
    /// Send again what was given up about alarms that stand
    Resend,
}

impl Alarms {
    pub async fn run(self, context: &Context) -> anyhow::Result<u8> {
        match self {
            Alarms::List => list(context).await,
            Alarms::Test => test(context).await,
            Alarms::Resend => resend(context).await,
        }
    }
}

/// An address of the desk that lies under a domain with an alarm, and that domain.
pub fn own_address<'a>(mail: &'a [String], alarms: &[Alarm]) -> Option<(&'a String, String)> {
    alarms.iter().find_map(|alarm| {
        let domain: crate::model::DomainName = alarm.ace.as_ref()?.parse().ok()?;
        let address = mail
            .iter()
            .find(|address| domain.contains_address(address))?;
        Some((address, domain.ace().to_owned()))
    })
}

async fn list(context: &Context) -> anyhow::Result<u8> {
    let (store, _) = context.store().await?;
    let entries = store.standing_alarms(None).await?;
    let out = &context.out;
    if out.is_json() {
        for entry in &entries {
            out.object(object(entry))?;
        }
        return Ok(exit::DONE);
    }
    if entries.is_empty() {
        out.line("No alarm stands.")?;
        return Ok(exit::DONE);
    }
    let rows: Vec<Vec<String>> = entries
        .iter()
        .map(|AlarmEntry { alarm, alerts }| {
            let told: Vec<String> = alerts
                .iter()
                .map(|alert| format!("{} {}", alert.channel.kind(), alert.state.as_str()))
                .collect();
            let domain = alarm.domain.as_ref();
            vec![
                alarm.id.to_string(),
                alarm.code.to_string(),
                domain.map_or("-".to_owned(), |domain| domain.unicode().to_owned()),
                alarm
                    .environment
                    .map_or("-".to_owned(), |env| env.to_string()),
                out.optional_time(alarm.deadline),
                out.time(alarm.raised_at),
                if told.is_empty() {
                    "-".to_owned()
                } else {
                    told.join(", ")
                },
                what_to_do(alarm),
                alarm.text.clone(),
            ]
        })
        .collect();
    let heading = [
        "ALARM", "CODE", "DOMAIN", "ENV", "DEADLINE", "SINCE", "TOLD", "DO", "WHAT",
    ];
    out.table(&heading, &rows)?;
    Ok(exit::DONE)
}

fn object(entry: &AlarmEntry) -> Value {
    let AlarmEntry { alarm, alerts } = entry;
    let domain = alarm.domain.as_ref();
    let alerts: Vec<Value> = alerts.iter().map(alert_object).collect();
    json!({
        "id": alarm.id,
        "code": alarm.code,
        "text": alarm.text,
        "do": what_to_do(alarm),
        "environment": alarm.environment,
        "domain": domain.map(|domain| domain.unicode()),
        "ace": domain.map(|domain| domain.ace()),
        "deadline": json_time(alarm.deadline),
        "message": alarm.message,
        "case": alarm.case,
        "raised_at": json_time(Some(alarm.raised_at)),
        "alerts": alerts,
    })
}

fn alert_object(alert: &Alert) -> Value {
    json!({
        "id": alert.id,
        "channel": alert.channel,
        "state": alert.state,
        "attempts": alert.attempts,
        "due_at": json_time(Some(alert.due_at)),
        "sent_at": json_time(alert.sent_at),
        "last_reply": alert.last_reply,
    })
}

async fn test(context: &Context) -> anyhow::Result<u8> {
    let (store, config) = context.store().await?;
    let channels = serve::channels(&config);
    if channels.is_empty() {
        return Err(exit::not_found(
            "no channel is set up; set `watch.alert_mail` or `watch.webhook_url`",
        ));
    }
    let audit = context.audit("alarm test", "alerts", "");
    store.audit(&audit).await?;
    let done = if status::is_running(&config.store.url) {
        let ids = with_alerts(context, &*store, &config, &channels, None, async |alerts| {
            Ok(send::try_channels(alerts).await?)
        });
        wait(&*store, &ids.await?).await?
    } else {
        let webhook = serve::webhook(&config)?;
        let sending = async |alerts: &Alerts<'_>| {
            let ids = send::try_channels(alerts).await?;
            while send::deliver_alerts(alerts, Some(&ids)).await? > 0 {}
            Ok(ids)
        };
        let ids = with_alerts(
            context,
            &*store,
            &config,
            &channels,
            webhook.as_ref(),
            sending,
        );
        store.alerts(&ids.await?).await?
    };
    print(context, &done)?;
    let is_all_sent = done.iter().all(|alert| alert.state == AlertState::Sent);
    Ok(if is_all_sent {
        exit::DONE
    } else {
        exit::ATTENTION
    })
}

/// Does something with what alerts need.
async fn with_alerts<T>(
    context: &Context,
    store: &dyn Store,
    config: &Config,
    channels: &[Channel],
    webhook: Option<&send::Webhook>,
    work: impl AsyncFnOnce(&Alerts<'_>) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let desk = serve::AlertDesk::new(config);
    let smarthost = serve::smarthost(config)?;
    work(&Alerts {
        store,
        writer: &desk,
        transport: &smarthost,
        webhook,
        channels,
        now: &|| context.now(),
        is_stopping: &|| false,
    })
    .await
}

/// Waits until the running server has tried them all.
async fn wait(store: &dyn Store, ids: &[AlertId]) -> anyhow::Result<Vec<Alert>> {
    let given_up_at = tokio::time::Instant::now() + TEST_MAX;
    loop {
        let alerts = store.alerts(ids).await?;
        let is_waiting = alerts.iter().any(|alert| alert.state.is_waiting());
        if !is_waiting || tokio::time::Instant::now() >= given_up_at {
            return Ok(alerts);
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn print(context: &Context, alerts: &[Alert]) -> anyhow::Result<()> {
    for alert in alerts {
        if context.out.is_json() {
            context.out.object(alert_object(alert))?;
            continue;
        }
        let (channel, reply) = (&alert.channel, alert.last_reply.as_deref());
        let line = match (alert.state, reply) {
            (AlertState::Sent, reply) => format!("{channel}: sent, {}", reply.unwrap_or("-")),
            (state, Some(reply)) => format!("{channel}: {}, {reply}", state.as_str()),
            (_, None) => format!(
                "{channel}: the running server has not sent it within {} s; restart it if this \
                 channel is new",
                TEST_MAX.as_secs()
            ),
        };
        context.out.line(line)?;
    }
    Ok(())
}

async fn resend(context: &Context) -> anyhow::Result<u8> {
    let (store, _) = context.store().await?;
    let audit = context.audit("alarm resend", "alerts", "");
    let count = store.requeue_alerts(context.now(), &audit).await?;
    let text = match count {
        0 => "nothing was given up".to_owned(),
        1 => "1 alert queued".to_owned(),
        count => format!("{count} alerts queued"),
    };
    context.out.line(text)?;
    Ok(exit::DONE)
}
