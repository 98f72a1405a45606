//! Alerts: which alarms people have not been told of, and the outbox that carries them.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Row};

use super::super::{AlarmEntry, AlertDraft, AlertNews, AuditEntry, Delivery, StoreError};
use super::{SqliteStore, Writing, audit, row};
use crate::model::{
    AlarmId, Alert, AlertEvent, AlertId, AlertState, CaseId, Channel, InboundId, StandingAlarm,
    reason,
};

/// POSTs written at once; the others follow.
const POSTS_MAX: i64 = 256;

/// The columns of [`standing`], of `alarm` and what hangs on it. Those of the domain keep the names
/// that [`row::record`] reads.
fn alarm_columns() -> String {
    format!(
        "alarm.id AS alarm_id, alarm.key AS alarm_key, alarm.code AS alarm_code, \
         alarm.environment AS alarm_environment, alarm.ace AS alarm_ace, \
         alarm.message AS alarm_message, alarm.text AS alarm_text, alarm.raised_at, \
         alarm.cleared_at, verdict.deadline AS held_deadline, open.id AS case_id, {}",
        row::DOMAIN_COLUMNS
    )
}

/// What hangs on an alarm: the message while it is held, the domain, its open case.
const ALARM_JOINS: &str = "LEFT JOIN verdict ON alarm.key > 'message:' AND alarm.key < 'message;' \
         AND verdict.id = alarm.message \
     LEFT JOIN domain ON domain.environment = alarm.environment AND domain.ace = alarm.ace \
     LEFT JOIN verification_case AS open ON open.environment = alarm.environment \
         AND open.ace = alarm.ace AND open.closed_at IS NULL";

fn standing(found: &SqliteRow) -> Result<StandingAlarm, StoreError> {
    let ace: Option<&str> = found.try_get("alarm_ace")?;
    let environment: Option<&str> = found.try_get("alarm_environment")?;
    let of_domain = match found.try_get::<Option<&str>, _>("ace")? {
        Some(_) => {
            let record = row::record(found)?;
            let due = record.due();
            let ends = [due.first(), record.expires_at()];
            ends.into_iter().flatten().min()
        }
        None => None,
    };
    let held = row::optional_instant(found.try_get("held_deadline")?)?;
    Ok(StandingAlarm {
        id: AlarmId(found.try_get("alarm_id")?),
        key: found.try_get("alarm_key")?,
        code: row::word(found.try_get("alarm_code")?, |code| {
            reason::find(code).map(|entry| entry.code)
        })?,
        environment: environment.map(row::environment).transpose()?,
        domain: ace.map(row::name).transpose()?,
        message: found
            .try_get::<Option<i64>, _>("alarm_message")?
            .map(InboundId),
        case: found.try_get::<Option<i64>, _>("case_id")?.map(CaseId),
        deadline: held.or(of_domain),
        text: found.try_get("alarm_text")?,
        raised_at: row::instant(found.try_get("raised_at")?)?,
        cleared_at: row::optional_instant(found.try_get("cleared_at")?)?,
    })
}

fn alert(found: &SqliteRow) -> Result<Alert, StoreError> {
    let attempts: i64 = found.try_get("attempts")?;
    Ok(Alert {
        id: AlertId(found.try_get("id")?),
        channel: row::word(found.try_get("channel")?, |word| word.parse().ok())?,
        event: row::word(found.try_get("event")?, AlertEvent::from_word)?,
        state: row::word(found.try_get("state")?, AlertState::from_word)?,
        created_at: row::instant(found.try_get("created_at")?)?,
        due_at: row::instant(found.try_get("due_at")?)?,
        attempts: attempts.try_into().unwrap_or(u32::MAX),
        body: found.try_get("body")?,
        sent_at: row::optional_instant(found.try_get("sent_at")?)?,
        last_reply: found.try_get("last_reply")?,
    })
}

/// Alarms that stand, or the one of that number.
pub async fn standing_alarms(
    store: &SqliteStore,
    id: Option<AlarmId>,
) -> Result<Vec<AlarmEntry>, StoreError> {
    let (columns, which) = (
        alarm_columns(),
        match id {
            Some(_) => "alarm WHERE id = ?1",
            None => "alarm INDEXED BY alarm_open WHERE cleared_at IS NULL AND ?1 IS NULL",
        },
    );
    let alarms = format!(
        "SELECT {columns} FROM (SELECT * FROM {which}) AS alarm {ALARM_JOINS} ORDER BY alarm.id"
    );
    let alerts = format!(
        "SELECT told.alarm, alert.* FROM (SELECT * FROM {which}) AS alarm CROSS JOIN alert_alarm AS told ON told.alarm = alarm.id \
         CROSS JOIN alert ON alert.id = told.alert ORDER BY told.alarm, told.channel"
    );
    let id = id.map(|id| id.0);
    let mut reading = store.readers.begin().await?;
    let mut told: BTreeMap<i64, Vec<Alert>> = BTreeMap::new();
    let rows = sqlx::query(AssertSqlSafe(alerts))
        .bind(id)
        .fetch_all(&mut *reading)
        .await?;
    for found in &rows {
        let of = told.entry(found.try_get("alarm")?).or_default();
        of.push(alert(found)?);
    }
    let rows = sqlx::query(AssertSqlSafe(alarms))
        .bind(id)
        .fetch_all(&mut *reading)
        .await?;
    reading.commit().await?;
    rows.iter()
        .map(|found| {
            let alarm = standing(found)?;
            let alerts = told.remove(&alarm.id.0).unwrap_or_default();
            Ok(AlarmEntry { alarm, alerts })
        })
        .collect()
}

pub async fn news(
    store: &SqliteStore,
    channel: &Channel,
    quiet_since: Timestamp,
    now: Timestamp,
) -> Result<AlertNews, StoreError> {
    let word = channel.to_string();
    let columns = alarm_columns();
    let is_webhook = *channel == Channel::Webhook;
    let mut news = AlertNews::default();
    let mut reading = store.readers.begin().await?;
    if !is_webhook && is_early(&mut reading, &word, quiet_since, now).await? {
        reading.commit().await?;
        return Ok(news);
    }
    let raised = format!(
        "SELECT {columns} FROM alarm INDEXED BY alarm_open {ALARM_JOINS} \
         WHERE alarm.cleared_at IS NULL AND NOT EXISTS \
            (SELECT 1 FROM alert_alarm AS told WHERE told.alarm = alarm.id AND told.channel = ?1) \
         ORDER BY alarm.id LIMIT ?2"
    );
    news.raised = sqlx::query(AssertSqlSafe(raised))
        .bind(&word)
        .bind(if is_webhook { POSTS_MAX } else { -1 })
        .fetch_all(&mut *reading)
        .await?
        .iter()
        .map(standing)
        .collect::<Result<_, _>>()?;
    if is_webhook {
        // What was never heard of needs no end.
        let cleared = format!(
            "SELECT {columns} FROM alert_alarm AS told \
             CROSS JOIN alarm ON alarm.id = told.alarm AND alarm.cleared_at IS NOT NULL \
             CROSS JOIN alert ON alert.id = told.alert AND alert.state = 'sent' {ALARM_JOINS} \
             WHERE told.channel = ?1 AND told.is_open = 1 ORDER BY alarm.id LIMIT ?2"
        );
        news.cleared = sqlx::query(AssertSqlSafe(cleared))
            .bind(&word)
            .bind(POSTS_MAX)
            .fetch_all(&mut *reading)
            .await?
            .iter()
            .map(standing)
            .collect::<Result<_, _>>()?;
    } else if !news.raised.is_empty() {
        news.delayed = delayed(&mut reading, &word, &columns).await?;
    }
    reading.commit().await?;
    Ok(news)
}

/// Was a mail to this address written, or did one leave, so lately?
async fn is_early(
    reading: &mut SqliteConnection,
    channel: &str,
    quiet_since: Timestamp,
    now: Timestamp,
) -> Result<bool, StoreError> {
    // One that was replaced was written before the one that replaced it, so a few are enough. What
    // lies ahead was written before the clock was set back.
    let found: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM (SELECT * FROM alert WHERE channel = ?1 AND event = 'raised' \
             ORDER BY id DESC LIMIT 8) \
         WHERE created_at > ?2 AND created_at <= ?3 OR sent_at > ?2 AND sent_at <= ?3",
    )
    .bind(channel)
    .bind(row::micros(quiet_since))
    .bind(row::micros(now))
    .fetch_one(reading)
    .await?;
    Ok(found > 0)
}

/// The mail that the smarthost would not take yet, and what still stands of it.
async fn delayed(
    reading: &mut SqliteConnection,
    channel: &str,
    columns: &str,
) -> Result<Option<(AlertId, Vec<StandingAlarm>)>, StoreError> {
    let delayed: Option<i64> = sqlx::query_scalar(
        "SELECT id FROM alert WHERE channel = ? AND event = 'raised' AND state = 'delayed' \
         AND lease_until = 0 ORDER BY id DESC LIMIT 1",
    )
    .bind(channel)
    .fetch_optional(&mut *reading)
    .await?;
    let Some(delayed) = delayed else {
        return Ok(None);
    };
    let within = format!(
        "SELECT {columns} FROM alert_alarm AS told CROSS JOIN alarm ON alarm.id = told.alarm \
             AND alarm.cleared_at IS NULL {ALARM_JOINS} WHERE told.alert = ? ORDER BY alarm.id"
    );
    let rows = sqlx::query(AssertSqlSafe(within))
        .bind(delayed)
        .fetch_all(&mut *reading)
        .await?;
    let within = rows.iter().map(standing).collect::<Result<_, _>>()?;
    Ok(Some((AlertId(delayed), within)))
}

pub async fn put(store: &SqliteStore, drafts: &[AlertDraft]) -> Result<Vec<AlertId>, StoreError> {
    let mut writing = store.begin().await?;
    let mut written = Vec::with_capacity(drafts.len());
    for draft in drafts {
        written.extend(put_one(&mut writing, draft).await?);
    }
    store.end(writing).await?;
    Ok(written)
}

/// `None`: it was told meanwhile, and nothing was written.
async fn put_one(writing: &mut Writing, draft: &AlertDraft) -> Result<Option<AlertId>, StoreError> {
    let channel = draft.channel.to_string();
    let alarms: Vec<i64> = draft.alarms.iter().map(|id| id.0).collect();
    let alarms = row::json(&alarms)?;
    let is_free = match draft.event {
        AlertEvent::Test => true,
        AlertEvent::Raised => is_untold(writing, draft, &channel, &alarms).await?,
        AlertEvent::Cleared => is_end_untold(writing, &channel, &alarms).await?,
    };
    if !is_free {
        return Ok(None);
    }
    let at = row::micros(draft.created_at);
    let id: Option<i64> = sqlx::query_scalar(
        "INSERT INTO alert (uid, channel, event, state, created_at, due_at, body) \
         VALUES (?1, ?2, ?3, 'queued', ?4, ?4, ?5) ON CONFLICT DO NOTHING RETURNING id",
    )
    .bind(&draft.uid)
    .bind(&channel)
    .bind(draft.event.as_str())
    .bind(at)
    .bind(&draft.body)
    .fetch_optional(&mut **writing)
    .await?;
    let Some(id) = id else {
        return Ok(None);
    };
    match draft.event {
        AlertEvent::Test => {}
        AlertEvent::Raised => {
            if let Some(replaced) = draft.replaces {
                // Its bytes would grow with every mail that has to say all of it again.
                sqlx::query("UPDATE alert SET state = 'dropped', body = x'' WHERE id = ?")
                    .bind(replaced.0)
                    .execute(&mut **writing)
                    .await?;
            }
            sqlx::query(
                "INSERT INTO alert_alarm (alarm, channel, alert, is_open) \
                 SELECT value, ?1, ?2, ?1 = 'webhook' FROM json_each(?3) WHERE true \
                 ON CONFLICT DO UPDATE SET alert = excluded.alert",
            )
            .bind(&channel)
            .bind(id)
            .bind(&alarms)
            .execute(&mut **writing)
            .await?;
        }
        AlertEvent::Cleared => {
            sqlx::query(
                "UPDATE alert_alarm SET is_open = 0 WHERE channel = ? \
                 AND alarm IN (SELECT value FROM json_each(?))",
            )
            .bind(&channel)
            .bind(&alarms)
            .execute(&mut **writing)
            .await?;
        }
    }
    Ok(Some(AlertId(id)))
}

/// No other alert tells of these alarms, and the one to be replaced is not under way.
async fn is_untold(
    writing: &mut Writing,
    draft: &AlertDraft,
    channel: &str,
    alarms: &str,
) -> Result<bool, StoreError> {
    let replaces = draft.replaces.map(|id| id.0);
    let is_free: i64 = sqlx::query_scalar(
        "SELECT NOT EXISTS (SELECT 1 FROM alert_alarm WHERE channel = ?1 \
                AND alarm IN (SELECT value FROM json_each(?2)) AND alert IS NOT ?3) \
            AND (?3 IS NULL OR EXISTS (SELECT 1 FROM alert \
                WHERE id = ?3 AND state = 'delayed' AND lease_until = 0))",
    )
    .bind(channel)
    .bind(alarms)
    .bind(replaces)
    .fetch_one(&mut **writing)
    .await?;
    Ok(is_free == 1)
}

/// Nobody has told yet that these alarms are cleared.
async fn is_end_untold(
    writing: &mut Writing,
    channel: &str,
    alarms: &str,
) -> Result<bool, StoreError> {
    let is_free: i64 = sqlx::query_scalar(
        "SELECT NOT EXISTS (SELECT 1 FROM json_each(?2) AS asked WHERE NOT EXISTS \
            (SELECT 1 FROM alert_alarm WHERE alarm = asked.value AND channel = ?1 AND is_open = 1))",
    )
    .bind(channel)
    .bind(alarms)
    .fetch_one(&mut **writing)
    .await?;
    Ok(is_free == 1)
}

pub async fn claim(
    store: &SqliteStore,
    channels: &[Channel],
    only: Option<&[AlertId]>,
    now: Timestamp,
    limit: u32,
    lease: Duration,
) -> Result<Vec<Alert>, StoreError> {
    let channels = row::json(&channels)?;
    let only = only.map(|ids| ids.iter().map(|id| id.0).collect::<Vec<_>>());
    let only = only.map(|ids| row::json(&ids)).transpose()?;
    let due = "SELECT id FROM alert INDEXED BY alert_due WHERE state IN ('queued', 'delayed') AND due_at <= ?1 \
               AND lease_until <= ?1 AND channel IN (SELECT value FROM json_each(?2)) \
               AND (?3 IS NULL OR id IN (SELECT value FROM json_each(?3))) \
               ORDER BY due_at, id LIMIT ?4";
    let is_due = sqlx::query(due)
        .bind(row::micros(now))
        .bind(&channels)
        .bind(&only)
        .bind(1)
        .fetch_optional(&store.readers)
        .await?
        .is_some();
    if !is_due {
        return Ok(Vec::new());
    }
    let mut writing = store.begin().await?;
    let ids: Vec<i64> = sqlx::query_scalar(due)
        .bind(row::micros(now))
        .bind(&channels)
        .bind(&only)
        .bind(limit)
        .fetch_all(&mut *writing)
        .await?;
    let until = now + jiff::SignedDuration::try_from(lease).unwrap_or_default();
    let mut claimed = Vec::with_capacity(ids.len());
    for id in ids {
        let found = sqlx::query(
            "UPDATE alert SET lease_until = ?, attempts = attempts + 1 WHERE id = ? RETURNING *",
        )
        .bind(row::micros(until))
        .bind(id)
        .fetch_one(&mut *writing)
        .await?;
        claimed.push(alert(&found)?);
    }
    store.end(writing).await?;
    Ok(claimed)
}

pub async fn settle(
    store: &SqliteStore,
    id: AlertId,
    delivery: &Delivery,
) -> Result<(), StoreError> {
    let (state, due_at, sent_at, reply) = match delivery {
        Delivery::Sent { at, reply } => (AlertState::Sent, None, Some(*at), reply),
        Delivery::Retry { at, reply } | Delivery::Unsure { at, reply } => {
            (AlertState::Delayed, Some(*at), None, reply)
        }
        Delivery::Failed { reply } => (AlertState::Failed, None, None, reply),
    };
    let mut writing = store.begin().await?;
    sqlx::query(
        "UPDATE alert SET state = ?2, due_at = coalesce(?3, due_at), sent_at = coalesce(?4, sent_at), \
         last_reply = ?5, lease_until = 0 WHERE id = ?1",
    )
    .bind(id.0)
    .bind(state.as_str())
    .bind(due_at.map(row::micros))
    .bind(sent_at.map(row::micros))
    .bind(reply)
    .execute(&mut *writing)
    .await?;
    if state == AlertState::Failed {
        sqlx::query("UPDATE alert_alarm SET is_open = 0 WHERE alert = ?")
            .bind(id.0)
            .execute(&mut *writing)
            .await?;
    }
    store.end(writing).await
}

pub async fn alerts(store: &SqliteStore, ids: &[AlertId]) -> Result<Vec<Alert>, StoreError> {
    let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
    let rows =
        sqlx::query("SELECT * FROM alert WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id")
            .bind(row::json(&ids)?)
            .fetch_all(&store.readers)
            .await?;
    rows.iter().map(alert).collect()
}

/// Given up, and about an alarm that stands.
const GIVEN_UP: &str = "state = 'failed' AND EXISTS (SELECT 1 FROM alert_alarm AS told \
     CROSS JOIN alarm ON alarm.id = told.alarm AND alarm.cleared_at IS NULL \
     WHERE told.alert = alert.id)";

pub async fn undelivered(store: &SqliteStore) -> Result<Vec<Alert>, StoreError> {
    let select = format!(
        "SELECT * FROM alert INDEXED BY alert_due \
             WHERE event <> 'test' AND state IN ('queued', 'delayed') \
         UNION ALL SELECT * FROM alert INDEXED BY alert_failed WHERE {GIVEN_UP} ORDER BY id"
    );
    let rows = sqlx::query(AssertSqlSafe(select))
        .fetch_all(&store.readers)
        .await?;
    rows.iter().map(alert).collect()
}

pub async fn requeue(
    store: &SqliteStore,
    now: Timestamp,
    entry: &AuditEntry,
) -> Result<u64, StoreError> {
    let mut writing = store.begin().await?;
    let update = format!(
        "UPDATE alert INDEXED BY alert_failed \
         SET state = 'queued', due_at = ?, attempts = 0, lease_until = 0 \
         WHERE {GIVEN_UP} RETURNING id"
    );
    let ids: Vec<i64> = sqlx::query_scalar(AssertSqlSafe(update))
        .bind(row::micros(now))
        .fetch_all(&mut *writing)
        .await?;
    sqlx::query(
        "UPDATE alert_alarm SET is_open = channel = 'webhook' \
         WHERE alert IN (SELECT value FROM json_each(?))",
    )
    .bind(row::json(&ids)?)
    .execute(&mut *writing)
    .await?;
    if !ids.is_empty() {
        audit::append(&mut writing, entry, &entry.object).await?;
    }
    store.end(writing).await?;
    Ok(u64::try_from(ids.len()).unwrap_or(u64::MAX))
}

/// What is dropped was not told: should its channel come back, it is news again.
pub async fn keep_channels(store: &SqliteStore, channels: &[Channel]) -> Result<(), StoreError> {
    let mut writing = store.begin().await?;
    let dropped: Vec<i64> = sqlx::query_scalar(
        "UPDATE alert SET state = 'dropped', lease_until = 0, body = x'' \
         WHERE state IN ('queued', 'delayed', 'failed') \
         AND channel NOT IN (SELECT value FROM json_each(?)) RETURNING id",
    )
    .bind(row::json(&channels)?)
    .fetch_all(&mut *writing)
    .await?;
    sqlx::query("DELETE FROM alert_alarm WHERE alert IN (SELECT value FROM json_each(?))")
        .bind(row::json(&dropped)?)
        .execute(&mut *writing)
        .await?;
    store.end(writing).await
}
