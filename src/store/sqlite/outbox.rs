//! The outbox: claim, fix, settle.

use std::time::Duration;

use jiff::Timestamp;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{QueryBuilder, Row};

use super::super::{
    Alarm, AuditEntry, Delivery, NoticeEntry, NoticeFilter, SMARTHOST_ALARM, Spell, SpellKind,
    StoreError,
};
use super::{SqliteStore, Writing, audit, cases, counts, row};
use crate::model::{
    CustomerId, InboundId, Language, Notice, NoticeId, NoticeItem, NoticeKind, NoticeState,
};

pub async fn claim(
    store: &SqliteStore,
    now: Timestamp,
    limit: u32,
    lease: Duration,
) -> Result<Vec<Notice>, StoreError> {
    let due = "SELECT id FROM notice WHERE state IN ('queued', 'delayed') AND due_at <= ?1 \
               AND lease_until <= ?1 ORDER BY due_at, id LIMIT ?2";
    let is_due = sqlx::query(due)
        .bind(row::micros(now))
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
        .bind(limit)
        .fetch_all(&mut *writing)
        .await?;
    let until = now + jiff::SignedDuration::try_from(lease).unwrap_or_default();
    let mut claimed = Vec::with_capacity(ids.len());
    for id in ids {
        sqlx::query(
            "UPDATE notice SET lease_until = ?, is_open = 0, attempts = attempts + 1 WHERE id = ?",
        )
        .bind(row::micros(until))
        .bind(id)
        .execute(&mut *writing)
        .await?;
        let found = sqlx::query("SELECT * FROM notice WHERE id = ?")
            .bind(id)
            .fetch_one(&mut *writing)
            .await?;
        claimed.push(notice(&mut writing, &found).await?.notice);
    }
    store.end(writing).await?;
    Ok(claimed)
}

/// Before every try: is the mail still wanted as it was claimed, with so many items? One with fixed
/// bytes is, for as long as it is about anything: an earlier try may have been taken.
pub async fn fix(
    store: &SqliteStore,
    id: NoticeId,
    raw: &[u8],
    items: usize,
) -> Result<bool, StoreError> {
    let mut writing = store.begin().await?;
    let found = sqlx::query(
        "SELECT (SELECT count(*) FROM notice_item WHERE notice = ?1 AND withdrawn = 0) AS standing, \
         (SELECT raw IS NOT NULL FROM notice WHERE id = ?1) AS is_fixed",
    )
    .bind(id.0)
    .fetch_one(&mut *writing)
    .await?;
    let standing: i64 = found.try_get("standing")?;
    let is_fixed = found.try_get::<Option<i64>, _>("is_fixed")? == Some(1);
    let is_wanted = match is_fixed {
        true => standing > 0,
        false => usize::try_from(standing) == Ok(items),
    };
    if is_wanted && is_fixed {
        return store.end(writing).await.map(|()| true);
    }
    if is_wanted {
        sqlx::query(
            "UPDATE notice_item SET withdrawn = 2 WHERE notice = ? AND withdrawn = 1; \
             UPDATE notice SET raw = ? WHERE id = ?",
        )
        .bind(id.0)
        .bind(raw)
        .bind(id.0)
    } else {
        // What still stands of it has its turn again, without the rest.
        sqlx::query(
            "UPDATE notice SET lease_until = 0, attempts = attempts - 1, \
             state = CASE WHEN ?2 = 0 THEN 'withdrawn' ELSE state END WHERE id = ?1",
        )
        .bind(id.0)
        .bind(standing)
    }
    .execute(&mut *writing)
    .await?;
    store.end(writing).await?;
    Ok(is_wanted)
}

/// A notice whose bytes are not fixed is written as of `at`.
pub async fn redate(store: &SqliteStore, id: NoticeId, at: Timestamp) -> Result<(), StoreError> {
    let mut writing = store.begin().await?;
    sqlx::query("UPDATE notice SET created_at = ?2 WHERE id = ?1 AND raw IS NULL")
        .bind(id.0)
        .bind(row::micros(at))
        .execute(&mut *writing)
        .await?;
    store.end(writing).await
}

/// A claimed notice is given back untried.
pub async fn put_off(store: &SqliteStore, id: NoticeId, at: Timestamp) -> Result<(), StoreError> {
    let mut writing = store.begin().await?;
    sqlx::query(
        "UPDATE notice SET due_at = ?2, lease_until = 0, attempts = attempts - 1, \
         is_open = raw IS NULL WHERE id = ?1",
    )
    .bind(id.0)
    .bind(row::micros(at))
    .execute(&mut *writing)
    .await?;
    store.end(writing).await
}

pub async fn settle(
    store: &SqliteStore,
    id: NoticeId,
    delivery: &Delivery,
    alarm: Option<&Alarm>,
) -> Result<(), StoreError> {
    let mut writing = store.begin().await?;
    let (state, due_at, sent_at, reply) = match delivery {
        Delivery::Sent { at, reply } => (NoticeState::Sent, None, Some(*at), reply),
        Delivery::Retry { at, reply } | Delivery::Unsure { at, reply } => {
            (NoticeState::Delayed, Some(*at), None, reply)
        }
        Delivery::Failed { reply } => (NoticeState::Failed, None, None, reply),
    };
    // It was overtaken while it was under way.
    let is_overtaken: bool = sqlx::query_scalar(
        "SELECT NOT EXISTS (SELECT 1 FROM notice_item WHERE notice = ? AND withdrawn = 0)",
    )
    .bind(id.0)
    .fetch_one(&mut *writing)
    .await?;
    let is_dropped = is_overtaken && state != NoticeState::Sent;
    let state = if is_dropped {
        NoticeState::Withdrawn
    } else {
        state
    };
    if let Some(at) = sent_at {
        note_delay(&mut writing, id, at).await?;
    }
    sqlx::query(
        "UPDATE notice SET state = CASE state WHEN 'bounced' THEN state ELSE ?2 END, due_at = coalesce(?3, due_at), sent_at = coalesce(?4, sent_at), \
         last_reply = CASE state WHEN 'bounced' THEN last_reply ELSE ?5 END, \
         raw = CASE WHEN ?6 AND state <> 'bounced' THEN NULL ELSE raw END, lease_until = 0 WHERE id = ?1",
    )
    .bind(id.0)
    .bind(state.as_str())
    .bind(due_at.map(row::micros))
    .bind(sent_at.map(row::micros))
    .bind(reply)
    // What nobody has seen is written anew, without what is overtaken by then.
    .bind(matches!(delivery, Delivery::Retry { .. }))
    .execute(&mut *writing)
    .await?;
    if sent_at.is_some() {
        // What was overtaken too late has been said all the same.
        sqlx::query("UPDATE notice_item SET withdrawn = 0 WHERE notice = ? AND withdrawn = 1")
            .bind(id.0)
            .execute(&mut *writing)
            .await?;
    }
    if let Some(alarm) = alarm.filter(|_| !is_dropped) {
        cases::raise(&mut writing, alarm).await?;
    }
    if let Some(at) = sent_at {
        cases::clear(&mut writing, &format!("notice:{id}"), at).await?;
        cases::clear(&mut writing, SMARTHOST_ALARM, at).await?;
    }
    if let Some(at) = sent_at.or(alarm.map(|alarm| alarm.raised_at)) {
        clear_told(&mut writing, id, at).await?;
    }
    // Somebody else must be told now, or by other means.
    if state == NoticeState::Failed {
        sqlx::query(
            "UPDATE verification_case SET plan_at = 0 WHERE closed_at IS NULL \
         AND id IN (SELECT \"case\" FROM notice_item WHERE notice = ?)",
        )
        .bind(id.0)
        .execute(&mut *writing)
        .await?;
    }
    store.end(writing).await
}

/// How long a customer waited for what the registry had written. A reminder answers no mail, and one
/// that is sent again says nothing new.
async fn note_delay(writing: &mut Writing, id: NoticeId, at: Timestamp) -> Result<(), StoreError> {
    let found = sqlx::query(
        "SELECT kind, (SELECT min(received_at) FROM notice_item CROSS JOIN inbound \
            ON inbound.id = notice_item.message WHERE notice_item.notice = notice.id) AS since \
         FROM notice WHERE id = ? AND sent_at IS NULL",
    )
    .bind(id.0)
    .fetch_optional(&mut **writing)
    .await?;
    let Some(found) = found else { return Ok(()) };
    let Some(since) = row::optional_instant(found.try_get("since")?)? else {
        return Ok(());
    };
    let spell = Spell {
        kind: SpellKind::Notice,
        labels: [found.try_get("kind")?, String::new()],
        seconds: at.duration_since(since).as_secs_f64().max(0.0),
    };
    counts::note_spell(writing, &spell).await
}

/// That a mail failed is no alarm any more once somebody has been told, by a later one, of every case
/// that it was about.
async fn clear_told(writing: &mut Writing, id: NoticeId, at: Timestamp) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE alarm SET cleared_at = ?2 \
         WHERE cleared_at IS NULL AND key IN (SELECT 'notice:N-' || failed.id \
            FROM notice_item AS item \
            JOIN notice_item AS same ON same.\"case\" = item.\"case\" AND same.notice <= item.notice \
            JOIN notice AS failed ON failed.id = same.notice AND failed.state IN ('failed', 'bounced') \
            WHERE item.notice = ?1 AND NOT EXISTS (SELECT 1 FROM notice_item AS untold \
                WHERE untold.notice = failed.id AND untold.withdrawn = 0 AND NOT EXISTS \
                    (SELECT 1 FROM notice_item AS later \
                     JOIN notice AS told ON told.id = later.notice AND told.state = 'sent' \
                     WHERE later.\"case\" = untold.\"case\" AND later.notice > failed.id \
                        AND later.withdrawn = 0)))",
    )
    .bind(id.0)
    .bind(row::micros(at))
    .execute(&mut **writing)
    .await?;
    Ok(())
}

pub async fn sent_since(store: &SqliteStore, since: Timestamp) -> Result<u64, StoreError> {
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM notice WHERE sent_at >= ?")
        .bind(row::micros(since))
        .fetch_one(&store.readers)
        .await?;
    Ok(count.unsigned_abs())
}

pub async fn next_at(store: &SqliteStore) -> Result<Option<Timestamp>, StoreError> {
    let next: Option<i64> = sqlx::query_scalar(
        "SELECT min(max(due_at, lease_until)) FROM notice WHERE state IN ('queued', 'delayed')",
    )
    .fetch_one(&store.readers)
    .await?;
    row::optional_instant(next)
}

pub async fn notices(
    store: &SqliteStore,
    filter: &NoticeFilter,
) -> Result<Vec<NoticeEntry>, StoreError> {
    let mut reading = store.readers.begin().await?;
    let found = notices_in(&mut reading, filter).await?;
    reading.commit().await?;
    Ok(found)
}

/// The same within a transaction.
pub async fn notices_in(
    connection: &mut SqliteConnection,
    filter: &NoticeFilter,
) -> Result<Vec<NoticeEntry>, StoreError> {
    let mut select = QueryBuilder::new("SELECT * FROM notice WHERE true");
    if let Some(id) = filter.id {
        select.push(" AND id = ").push_bind(id.0);
    }
    if let Some(code) = &filter.code {
        select.push(" AND code = ").push_bind(code);
    }
    if let Some(state) = filter.state {
        let shown = format!(" AND {} = ", row::NOTICE_STATE);
        select.push(shown).push_bind(state.as_str());
    }
    if let Some(customer) = &filter.customer {
        select.push(" AND customer = ").push_bind(&customer.0);
    }
    if let Some(environment) = filter.environment {
        (select.push(" AND environment = ")).push_bind(environment.as_str());
    }
    if let Some(below) = filter.below {
        select.push(" AND id < ").push_bind(below.0);
    }
    if let Some(ace) = &filter.ace {
        (select.push(" AND id IN (SELECT notice FROM notice_item WHERE ace = "))
            .push_bind(ace)
            .push(")");
    }
    for (column, number) in [
        ("\"case\"", filter.case.map(|case| case.0)),
        ("message", filter.message.map(|message| message.0)),
    ] {
        if let Some(number) = number {
            select.push(format!(
                " AND id IN (SELECT notice FROM notice_item WHERE {column} = "
            ));
            select.push_bind(number).push(")");
        }
    }
    match filter.limit {
        0 => select.push(" ORDER BY id"),
        limit => (select.push(" ORDER BY id DESC LIMIT ")).push_bind(i64::from(limit)),
    };
    let mut rows = select.build().fetch_all(&mut *connection).await?;
    if filter.limit > 0 {
        rows.reverse();
    }
    let mut found = Vec::with_capacity(rows.len());
    for row in &rows {
        found.push(notice(&mut *connection, row).await?);
    }
    Ok(found)
}

/// One notice that is there.
pub async fn one(connection: &mut SqliteConnection, id: i64) -> Result<Notice, StoreError> {
    let found = sqlx::query("SELECT * FROM notice WHERE id = ?")
        .bind(id)
        .fetch_one(&mut *connection)
        .await?;
    Ok(notice(connection, &found).await?.notice)
}

async fn notice(
    connection: &mut SqliteConnection,
    found: &SqliteRow,
) -> Result<NoticeEntry, StoreError> {
    let id: i64 = found.try_get("id")?;
    let state: &str = found.try_get("state")?;
    // The order of an item is the order in which its message came.
    let rows = sqlx::query(
        "SELECT body, message FROM notice_item WHERE notice = ? \
         AND (withdrawn = 0 OR ? = 'withdrawn') ORDER BY message, \"case\", key",
    )
    .bind(id)
    .bind(state)
    .fetch_all(connection)
    .await?;
    let mut items: Vec<NoticeItem> = Vec::with_capacity(rows.len());
    let mut messages = Vec::with_capacity(rows.len());
    for row in &rows {
        items.push(row::from_json(row.try_get("body")?)?);
        messages.extend(row.try_get::<Option<i64>, _>("message")?.map(InboundId));
    }
    messages.dedup();
    Ok(NoticeEntry {
        notice: Notice {
            id: NoticeId(id),
            environment: row::environment(found.try_get("environment")?)?,
            kind: row::word(found.try_get("kind")?, NoticeKind::from_word)?,
            languages: row::from_json::<Vec<Language>>(found.try_get("languages")?)?,
            customer: CustomerId(found.try_get("customer")?),
            salutation: found.try_get("salutation")?,
            timezone: found.try_get("timezone")?,
            recipient: found.try_get("recipient")?,
            items,
            code: found.try_get("code")?,
            message_id: found.try_get("message_id")?,
            in_reply_to: found.try_get("in_reply_to")?,
            created_at: row::instant(found.try_get("created_at")?)?,
            due_at: row::instant(found.try_get("due_at")?)?,
            state: match row::word(state, NoticeState::from_word)? {
                NoticeState::Sent if found.try_get::<Option<i64>, _>("late_at")?.is_some() => {
                    NoticeState::Delayed
                }
                state => state,
            },
            attempts: found
                .try_get::<i64, _>("attempts")?
                .try_into()
                .unwrap_or(u32::MAX),
            raw: found.try_get("raw")?,
            sent_at: row::optional_instant(found.try_get("sent_at")?)?,
            last_reply: found.try_get("last_reply")?,
        },
        messages,
    })
}

pub async fn requeue(
    store: &SqliteStore,
    id: NoticeId,
    now: Timestamp,
    audit: &AuditEntry,
) -> Result<bool, StoreError> {
    let mut writing = store.begin().await?;
    let is_there = sqlx::query(
        "UPDATE notice SET state = 'queued', due_at = ?2, attempts = 0, lease_until = 0, \
         is_open = 0, late_at = NULL WHERE id = ?1",
    )
    .bind(id.0)
    .bind(row::micros(now))
    .execute(&mut *writing)
    .await?
    .rows_affected()
        > 0;
    if is_there {
        cases::clear(&mut writing, &format!("notice:{id}"), now).await?;
        audit::append(&mut writing, audit, &id.to_string()).await?;
    }
    store.end(writing).await?;
    Ok(is_there)
}
