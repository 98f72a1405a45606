//! Reports about notices, and the key that proves what they are about.

use sqlx::{Row, SqliteConnection};

use super::super::{AuditEntry, Report, ReportChange, ReportEffect, Standing, StoreError};
use super::{SqliteStore, Writing, audit, row};
use crate::model::{CaseId, InboundId, NoticeId, NoticeState};

/// The secret of that name; `fresh` becomes it where there is none yet.
pub async fn secret(store: &SqliteStore, name: &str, fresh: &[u8]) -> Result<Vec<u8>, StoreError> {
    const SELECT: &str = "SELECT value FROM secret WHERE name = ?";
    let known: Option<Vec<u8>> = sqlx::query_scalar(SELECT)
        .bind(name)
        .fetch_optional(&store.readers)
        .await?;
    if let Some(known) = known {
        return Ok(known);
    }
    // Another process may do the same at this moment: what stands there first is it.
    let mut writing = store.begin().await?;
    sqlx::query("INSERT INTO secret (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING")
        .bind(name)
        .bind(fresh)
        .execute(&mut *writing)
        .await?;
    let value = sqlx::query_scalar(SELECT)
        .bind(name)
        .fetch_one(&mut *writing)
        .await?;
    store.end(writing).await?;
    Ok(value)
}

/// Writes what a report changes. [`StoreError::Conflict`]: the notice changed since it was read.
pub async fn write(
    writing: &mut Writing,
    message: InboundId,
    change: &ReportChange,
    now: jiff::Timestamp,
) -> Result<(), StoreError> {
    for (number, recipient) in (0_i64..).zip(&change.recipients) {
        sqlx::query(
            "INSERT INTO report (message, number, notice, at, body) VALUES (?, ?, ?, ?, ?) \
             ON CONFLICT DO UPDATE SET body = excluded.body",
        )
        .bind(message.0)
        .bind(number)
        .bind(change.notice.0)
        .bind(row::micros(now))
        .bind(row::json(recipient)?)
        .execute(&mut **writing)
        .await?;
    }
    let (set, action) = match change.effect {
        ReportEffect::None => return Ok(()),
        ReportEffect::Late => ("late_at = ?5", "notice delayed"),
        ReportEffect::Arrived => ("late_at = NULL", "notice arrived"),
        ReportEffect::Bounced => (
            "state = 'bounced', is_open = 0, last_reply = ?6",
            "notice bounced",
        ),
    };
    let update = format!(
        "UPDATE notice SET {set} WHERE id = ?1 AND state = ?2 AND attempts = ?3 \
         AND (late_at IS NOT NULL) = ?4"
    );
    let written = sqlx::query(sqlx::AssertSqlSafe(update))
        .bind(change.notice.0)
        .bind(change.seen.state.as_str())
        .bind(change.seen.attempts)
        .bind(change.seen.is_late)
        .bind(row::micros(now))
        .bind(&change.summary)
        .execute(&mut **writing)
        .await?;
    if written.rows_affected() == 0 {
        return Err(StoreError::Conflict);
    }
    if change.effect == ReportEffect::Bounced {
        sqlx::query(
            "UPDATE verification_case SET plan_at = 0 WHERE closed_at IS NULL \
             AND id IN (SELECT \"case\" FROM notice_item WHERE notice = ?)",
        )
        .bind(change.notice.0)
        .execute(&mut **writing)
        .await?;
    }
    let entry = AuditEntry {
        at: now,
        actor: "stichtag".to_owned(),
        action: action.to_owned(),
        object: change.notice.to_string(),
        detail: format!("message {message}: {}", change.summary),
    };
    audit::append(writing, &entry, &entry.object).await
}

/// How far a notice is.
pub async fn standing(
    connection: &mut SqliteConnection,
    id: NoticeId,
) -> Result<Option<Standing>, StoreError> {
    let found = sqlx::query(
        "SELECT environment, state, late_at IS NOT NULL AS is_late, attempts, \
         (SELECT ace FROM notice_item WHERE notice = notice.id \
             ORDER BY message, \"case\", key LIMIT 1) AS ace FROM notice WHERE id = ?",
    )
    .bind(id.0)
    .fetch_optional(connection)
    .await?;
    found
        .map(|found| {
            Ok(Standing {
                environment: row::environment(found.try_get("environment")?)?,
                ace: found.try_get("ace")?,
                state: row::word(found.try_get("state")?, NoticeState::from_word)?,
                is_late: found.try_get::<i64, _>("is_late")? == 1,
                attempts: found
                    .try_get::<i64, _>("attempts")?
                    .try_into()
                    .unwrap_or(u32::MAX),
            })
        })
        .transpose()
}

/// What was reported about one notice, or about all of a case, oldest first.
pub async fn reports(
    store: &SqliteStore,
    notice: Option<NoticeId>,
    case: Option<CaseId>,
) -> Result<Vec<Report>, StoreError> {
    let mut reading = store.readers.acquire().await?;
    reports_in(&mut reading, notice, case).await
}

/// The same within a transaction.
pub async fn reports_in(
    connection: &mut SqliteConnection,
    notice: Option<NoticeId>,
    case: Option<CaseId>,
) -> Result<Vec<Report>, StoreError> {
    sqlx::query(
        "SELECT notice, message, at, body FROM report WHERE notice = ?1 \
         OR notice IN (SELECT notice FROM notice_item WHERE \"case\" = ?2) \
         ORDER BY message, number",
    )
    .bind(notice.map(|id| id.0))
    .bind(case.map(|id| id.0))
    .fetch_all(connection)
    .await?
    .iter()
    .map(|found| {
        Ok(Report {
            notice: NoticeId(found.try_get("notice")?),
            message: InboundId(found.try_get("message")?),
            at: row::instant(found.try_get("at")?)?,
            recipient: row::from_json(found.try_get("body")?)?,
        })
    })
    .collect()
}
