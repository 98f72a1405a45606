//! Keeping messages, and handing them out to be decided.

use std::sync::LazyLock;
use std::time::Duration;

use jiff::Timestamp;
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{AssertSqlSafe, Row, Sqlite};

use super::super::{AuditEntry, Claimed, MessageVerdict, Sealed, StoreError, Waiting};
use super::counts::{BEFORE, Counts};
use super::{SqliteStore, Writing, audit, cases, row};
use crate::model::{Evidence, Inbound, InboundId, Reason, Source, reason};

/// Rows a single statement inserts at most; larger batches take several.
const ROWS_MAX: usize = 64;

/// For each count of rows the statements that keep them and put them in line. The texts are few and
/// stay the same, so each is prepared once.
static INSERTS: LazyLock<Vec<String>> = LazyLock::new(|| {
    (0..=ROWS_MAX)
        .map(|rows| {
            let values = vec!["(?, ?, ?, ?, ?, ?)"; rows].join(", ");
            // The write lock is held, so the numbers given are the highest and in a row.
            format!(
                "INSERT INTO inbound (received_at, source, environment, envelope, sha256, raw) \
                 VALUES {values}; \
                 INSERT INTO pending (id) SELECT id FROM inbound \
                 WHERE id > (SELECT max(id) FROM inbound) - {rows}"
            )
        })
        .collect()
});

/// The same, each a whole transaction.
static TRANSACTIONS: LazyLock<Vec<String>> = LazyLock::new(|| {
    INSERTS
        .iter()
        .map(|insert| format!("BEGIN IMMEDIATE; {insert}; COMMIT"))
        .collect()
});

pub async fn keep(store: &SqliteStore, mails: Vec<Sealed>) -> Result<Vec<InboundId>, StoreError> {
    let count = mails.len();
    if count == 0 || count > ROWS_MAX {
        return keep_import(store, None, mails).await;
    }
    // In one go: every step of its own would be a way to the thread of SQLite and back, and all who
    // wait for the commit would wait for these as well.
    let mut writing = store.writer().await?;
    let done = insert(&TRANSACTIONS[count], mails)
        .execute(&mut *writing)
        .await?;
    writing.done();
    Ok(numbers(done.last_insert_rowid(), count).collect())
}

/// Keeps messages and, with them, how far the import that brings them has come.
pub async fn keep_import(
    store: &SqliteStore,
    import: Option<(&str, u64)>,
    mails: Vec<Sealed>,
) -> Result<Vec<InboundId>, StoreError> {
    let mut writing = store.begin().await?;
    let mut ids = Vec::with_capacity(mails.len());
    let mut mails = mails.into_iter();
    while mails.len() > 0 {
        let count = mails.len().min(ROWS_MAX);
        let rows = mails.by_ref().take(count);
        let done = insert(&INSERTS[count], rows).execute(&mut *writing).await?;
        ids.extend(numbers(done.last_insert_rowid(), count));
    }
    if let Some((source, done)) = import {
        sqlx::query(
            "INSERT INTO import (source, done) VALUES (?, ?) \
             ON CONFLICT DO UPDATE SET done = excluded.done",
        )
        .bind(source)
        .bind(done as i64)
        .execute(&mut *writing)
        .await?;
    }
    store.end(writing).await?;
    Ok(ids)
}

/// Keeps one message as part of a transaction.
pub async fn keep_in(writing: &mut Writing, mail: Sealed) -> Result<InboundId, StoreError> {
    let done = insert(&INSERTS[1], [mail]).execute(&mut **writing).await?;
    Ok(InboundId(done.last_insert_rowid()))
}

/// `text`, made for so many rows, with these bound.
fn insert(
    text: &'static str,
    rows: impl IntoIterator<Item = Sealed>,
) -> Query<'static, Sqlite, SqliteArguments> {
    let mut insert = sqlx::query(text);
    for Sealed {
        inbound,
        envelope,
        sha256,
    } in rows
    {
        insert = insert
            .bind(row::micros(inbound.received_at))
            .bind(inbound.source.as_str())
            .bind(inbound.environment.map(|environment| environment.as_str()))
            .bind(envelope)
            .bind(sha256)
            .bind(inbound.raw);
    }
    insert
}

/// The numbers of so many rows inserted together.
fn numbers(last: i64, rows: usize) -> impl Iterator<Item = InboundId> {
    (last + 1 - rows as i64..=last).map(InboundId)
}

pub async fn import_done(store: &SqliteStore, source: &str) -> Result<u64, StoreError> {
    let done: Option<i64> = sqlx::query_scalar("SELECT done FROM import WHERE source = ?")
        .bind(source)
        .fetch_optional(&store.readers)
        .await?;
    Ok(done.unwrap_or(0).unsigned_abs())
}

pub async fn claim(
    store: &SqliteStore,
    now: Timestamp,
    limit: u32,
    lease: Duration,
) -> Result<Vec<Claimed>, StoreError> {
    let is_waiting: Option<i64> = sqlx::query_scalar(
        "SELECT id FROM pending WHERE not_before <= ?1 AND lease_until <= ?1 LIMIT 1",
    )
    .bind(row::micros(now))
    .fetch_optional(&store.readers)
    .await?;
    if is_waiting.is_none() {
        return Ok(Vec::new());
    }
    let mut writing = store.begin().await?;
    // CROSS JOIN holds SQLite to this order: it would go through all messages ever kept instead.
    let rows = sqlx::query(
        "SELECT inbound.*, released, attempts, deferred_at, \
            (SELECT body FROM evidence WHERE evidence.id = pending.id) AS evidence FROM pending CROSS JOIN inbound ON inbound.id = pending.id \
         WHERE not_before <= ?1 AND lease_until <= ?1 ORDER BY pending.id LIMIT ?2",
    )
    .bind(row::micros(now))
    .bind(limit)
    .fetch_all(&mut *writing)
    .await?;
    let claimed = rows
        .iter()
        .map(|found| {
            Ok(Claimed {
                id: InboundId(found.try_get("id")?),
                inbound: inbound(found)?,
                is_released: found.try_get::<i64, _>("released")? == 1,
                evidence: found
                    .try_get::<Option<&str>, _>("evidence")?
                    .and_then(facts),
                attempts: found.try_get::<u32, _>("attempts")?.saturating_add(1),
                deferred_at: row::optional_instant(found.try_get("deferred_at")?)?,
            })
        })
        .collect::<Result<Vec<_>, StoreError>>()?;
    if let (Some(first), Some(last)) = (claimed.first(), claimed.last()) {
        let until = now + jiff::SignedDuration::try_from(lease).unwrap_or_default();
        sqlx::query(
            "UPDATE pending SET lease_until = ?1, attempts = attempts + 1 \
             WHERE id BETWEEN ?2 AND ?3 AND not_before <= ?4 AND lease_until <= ?4",
        )
        .bind(row::micros(until))
        .bind(first.id.0)
        .bind(last.id.0)
        .bind(row::micros(now))
        .execute(&mut *writing)
        .await?;
    }
    store.end(writing).await?;
    Ok(claimed)
}

/// What another version wrote and this one cannot read is gathered again.
fn facts(body: &str) -> Option<Evidence> {
    serde_json::from_str(body).ok()
}

pub async fn evidence(store: &SqliteStore, id: InboundId) -> Result<Option<Evidence>, StoreError> {
    let body: Option<String> = sqlx::query_scalar("SELECT body FROM evidence WHERE id = ?")
        .bind(id.0)
        .fetch_optional(&store.readers)
        .await?;
    Ok(body.as_deref().and_then(facts))
}

pub async fn defer(
    store: &SqliteStore,
    waiting: &[Waiting],
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut writing = store.begin().await?;
    let rows: Vec<_> = waiting
        .iter()
        .map(|one| {
            let until = row::micros(one.until);
            (
                one.message.0,
                until,
                one.why.as_str(),
                i64::from(one.is_released),
            )
        })
        .collect();
    sqlx::query(
        "UPDATE pending SET lease_until = 0, \
             not_before = iif(released > one.value ->> 3, 0, one.value ->> 1), \
             waits_for = iif(released > one.value ->> 3, NULL, one.value ->> 2), \
             deferred_at = coalesce(deferred_at, ?2) \
         FROM json_each(?1) AS one WHERE pending.id = one.value ->> 0",
    )
    .bind(row::json(&rows)?)
    .bind(row::micros(now))
    .execute(&mut *writing)
    .await?;
    store.end(writing).await
}

pub async fn forget_leases(store: &SqliteStore) -> Result<(), StoreError> {
    let mut writing = store.begin().await?;
    sqlx::query("UPDATE pending SET lease_until = 0 WHERE lease_until > 0")
        .execute(&mut *writing)
        .await?;
    // A try that was cut short says nothing about the smarthost: it must not use up the tries.
    sqlx::query(
        "UPDATE notice SET lease_until = 0, attempts = max(attempts - 1, 0) \
         WHERE state IN ('queued', 'delayed') AND lease_until > 0; \
         UPDATE alert SET lease_until = 0, attempts = max(attempts - 1, 0) \
         WHERE state IN ('queued', 'delayed') AND lease_until > 0",
    )
    .execute(&mut *writing)
    .await?;
    store.end(writing).await
}

pub async fn kept(store: &SqliteStore, id: InboundId) -> Result<Option<Inbound>, StoreError> {
    sqlx::query("SELECT * FROM inbound WHERE id = ?")
        .bind(id.0)
        .fetch_optional(&store.readers)
        .await?
        .map(|found| inbound(&found))
        .transpose()
}

fn inbound(found: &SqliteRow) -> Result<Inbound, StoreError> {
    Ok(Inbound {
        source: row::word(found.try_get("source")?, Source::from_word)?,
        received_at: row::instant(found.try_get("received_at")?)?,
        envelope: row::from_json(found.try_get("envelope")?)?,
        environment: found
            .try_get::<Option<&str>, _>("environment")?
            .map(row::environment)
            .transpose()?,
        raw: found.try_get("raw")?,
    })
}

pub async fn requeue(
    store: &SqliteStore,
    ids: &[InboundId],
    is_released: bool,
    audit: &AuditEntry,
) -> Result<(), StoreError> {
    let mut writing = store.begin().await?;
    for id in ids {
        // A release holds for every later replay too, unless the message was refused since.
        sqlx::query(
            "INSERT INTO pending (id, released) \
             SELECT id, max(?2, EXISTS (SELECT 1 FROM verdict, json_each(verdict.reasons) AS reason \
                WHERE verdict.id = ?1 AND verdict.verdict <> ?3 \
                AND json_extract(reason.value, '$.code') = ?4)) \
             FROM inbound WHERE id = ?1 \
             ON CONFLICT DO UPDATE SET released = max(released, excluded.released), not_before = 0, \
                waits_for = NULL",
        )
        .bind(id.0)
        .bind(i64::from(is_released))
        .bind(MessageVerdict::Refused.as_str())
        .bind(reason::RELEASED.as_str())
        .execute(&mut *writing)
        .await?;
        audit::append(&mut writing, audit, &id.to_string()).await?;
    }
    store.end(writing).await
}

pub async fn refuse(
    store: &SqliteStore,
    ids: &[InboundId],
    reason: &Reason,
    audit: &AuditEntry,
) -> Result<u64, StoreError> {
    let mut writing = store.begin().await?;
    let mut refused = 0;
    let mut counts = Counts::default();
    for id in ids {
        let Some(before) = held(&mut writing, *id).await? else {
            continue;
        };
        let environment: Option<&str> = before.try_get("judged_in")?;
        let reasons = std::slice::from_ref(reason);
        counts.judge(&before, MessageVerdict::Refused, environment, reasons)?;
        sqlx::query(
            "UPDATE verdict SET verdict = ?2, decided_at = ?3, \
             reasons = json_insert(reasons, '$[#]', json(?4)), \
             trace = json_insert(trace, '$[#]', ?5) WHERE id = ?1",
        )
        .bind(id.0)
        .bind(MessageVerdict::Refused.as_str())
        .bind(row::micros(audit.at))
        .bind(row::json(reason)?)
        .bind(reason.to_string())
        .execute(&mut *writing)
        .await?;
        refused += 1;
        cases::clear(&mut writing, &format!("message:{id}"), audit.at).await?;
        audit::append(&mut writing, audit, &id.to_string()).await?;
    }
    counts.write(&mut writing).await?;
    store.end(writing).await?;
    Ok(refused)
}

/// A message that is held, with the columns of [`BEFORE`].
async fn held(writing: &mut Writing, id: InboundId) -> Result<Option<SqliteRow>, StoreError> {
    let select = format!(
        "SELECT {BEFORE} FROM verdict CROSS JOIN inbound ON inbound.id = verdict.id \
         WHERE verdict.id = ? AND verdict.verdict = 'held'"
    );
    Ok(sqlx::query(AssertSqlSafe(select))
        .bind(id.0)
        .fetch_optional(&mut **writing)
        .await?)
}
