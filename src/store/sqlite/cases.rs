//! Cases, alarms and switches.

use jiff::Timestamp;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::super::{Alarm, AuditEntry, CaseEntry, CaseNote, StoreError};
use super::{SqliteStore, Writing, audit, row, tasks, telling};
use crate::model::{CaseId, CaseState, DomainKey, InboundId, reason};

pub async fn cases(store: &SqliteStore, open_only: bool) -> Result<Vec<CaseEntry>, StoreError> {
    sqlx::query("SELECT * FROM verification_case WHERE closed_at IS NULL OR NOT ? ORDER BY id")
        .bind(open_only)
        .fetch_all(&store.readers)
        .await?
        .iter()
        .map(entry)
        .collect()
}

/// One case, if there is one of that number.
pub async fn one(
    connection: &mut SqliteConnection,
    id: CaseId,
) -> Result<Option<CaseEntry>, StoreError> {
    sqlx::query("SELECT * FROM verification_case WHERE id = ?")
        .bind(id.0)
        .fetch_optional(connection)
        .await?
        .as_ref()
        .map(entry)
        .transpose()
}

pub fn entry(found: &SqliteRow) -> Result<CaseEntry, StoreError> {
    Ok(CaseEntry {
        id: CaseId(found.try_get("id")?),
        key: DomainKey {
            environment: row::environment(found.try_get("environment")?)?,
            domain: row::name(found.try_get("ace")?)?,
        },
        state: row::word(found.try_get("state")?, CaseState::from_word)?,
        opened_at: row::instant(found.try_get("opened_at")?)?,
        closed_at: row::optional_instant(found.try_get("closed_at")?)?,
    })
}

pub async fn notes(store: &SqliteStore, id: CaseId) -> Result<Vec<CaseNote>, StoreError> {
    let mut reading = store.readers.acquire().await?;
    notes_in(&mut reading, id).await
}

/// A note as part of a transaction.
pub async fn note_in(writing: &mut Writing, id: CaseId, note: &CaseNote) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO case_note (\"case\", at, actor, text) VALUES (?, ?, ?, ?)")
        .bind(id.0)
        .bind(row::micros(note.at))
        .bind(&note.actor)
        .bind(&note.text)
        .execute(&mut **writing)
        .await?;
    Ok(())
}

pub async fn notes_in(
    connection: &mut SqliteConnection,
    id: CaseId,
) -> Result<Vec<CaseNote>, StoreError> {
    sqlx::query("SELECT at, actor, text FROM case_note WHERE \"case\" = ? ORDER BY id")
        .bind(id.0)
        .fetch_all(connection)
        .await?
        .iter()
        .map(|found| {
            Ok(CaseNote {
                at: row::instant(found.try_get("at")?)?,
                actor: found.try_get("actor")?,
                text: found.try_get("text")?,
            })
        })
        .collect()
}

pub async fn note(
    store: &SqliteStore,
    id: CaseId,
    note: &CaseNote,
    is_closing: bool,
) -> Result<bool, StoreError> {
    let mut writing = store.begin().await?;
    let found: Option<String> = if is_closing {
        sqlx::query_scalar(
            "UPDATE verification_case SET state = 'closed', closed_at = ?2 \
             WHERE id = ?1 AND closed_at IS NULL RETURNING environment || ':' || ace",
        )
        .bind(id.0)
        .bind(row::micros(note.at))
        .fetch_optional(&mut *writing)
        .await?
    } else {
        sqlx::query_scalar("SELECT environment || ':' || ace FROM verification_case WHERE id = ?")
            .bind(id.0)
            .fetch_optional(&mut *writing)
            .await?
    };
    let Some(domain) = found else {
        store.undo(writing).await?;
        return Ok(false);
    };
    note_in(&mut writing, id, note).await?;
    if is_closing {
        tasks::drop(&mut writing, id, note.at, "no longer needed: closed").await?;
        telling::withdraw(&mut writing, id, note.at).await?;
        clear(&mut writing, &format!("domain:{domain}"), note.at).await?;
    }
    let entry = AuditEntry {
        at: note.at,
        actor: note.actor.clone(),
        action: if is_closing {
            "case close"
        } else {
            "case note"
        }
        .to_owned(),
        object: id.to_string(),
        detail: note.text.clone(),
    };
    audit::append(&mut writing, &entry, &entry.object).await?;
    store.end(writing).await?;
    Ok(true)
}

pub async fn raise(writing: &mut Writing, alarm: &Alarm) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO alarm (key, code, environment, ace, message, text, raised_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    )
    .bind(&alarm.key)
    .bind(alarm.code.as_str())
    .bind(alarm.environment.map(|environment| environment.as_str()))
    .bind(alarm.ace.as_deref())
    .bind(alarm.message.map(|id| id.0))
    .bind(&alarm.text)
    .bind(row::micros(alarm.raised_at))
    .execute(&mut **writing)
    .await?;
    Ok(())
}

/// Raises an alarm about a message, as long as that is held.
pub async fn raise_held(writing: &mut Writing, alarm: &Alarm) -> Result<(), StoreError> {
    let held: Option<i64> =
        sqlx::query_scalar("SELECT id FROM verdict WHERE id = ? AND verdict = 'held'")
            .bind(alarm.message.map(|id| id.0))
            .fetch_optional(&mut **writing)
            .await?;
    match held {
        Some(_) => raise(writing, alarm).await,
        None => Ok(()),
    }
}

/// Clears the alarms of that key and those below it (`key:…`).
pub async fn clear(writing: &mut Writing, key: &str, now: Timestamp) -> Result<(), StoreError> {
    clear_all(writing, &[(key.to_owned(), row::micros(now))]).await
}

/// The same for many, each key with its time in microseconds. Each looks for its own alarms (CROSS JOIN
/// and MATERIALIZED hold SQLite to that order), however many stand.
pub async fn clear_all(writing: &mut Writing, ends: &[(String, i64)]) -> Result<(), StoreError> {
    sqlx::query(
        "WITH ended AS MATERIALIZED ( \
             SELECT open.id, asked.value ->> 1 AS at FROM json_each(?1) AS asked \
             CROSS JOIN alarm AS open INDEXED BY alarm_open ON open.cleared_at IS NULL \
                 AND open.key = asked.value ->> 0 \
             UNION ALL SELECT open.id, asked.value ->> 1 FROM json_each(?1) AS asked \
             CROSS JOIN alarm AS open INDEXED BY alarm_open ON open.cleared_at IS NULL \
                 AND open.key > (asked.value ->> 0) || ':' \
                 AND open.key < (asked.value ->> 0) || ';') \
         UPDATE alarm SET cleared_at = (SELECT min(at) FROM ended WHERE ended.id = alarm.id) \
         WHERE id IN (SELECT id FROM ended)",
    )
    .bind(row::json(&ends)?)
    .execute(&mut **writing)
    .await?;
    Ok(())
}

pub async fn alarms(store: &SqliteStore) -> Result<Vec<Alarm>, StoreError> {
    let mut reading = store.readers.acquire().await?;
    alarms_in(&mut reading).await
}

pub async fn alarms_in(connection: &mut SqliteConnection) -> Result<Vec<Alarm>, StoreError> {
    sqlx::query("SELECT * FROM alarm INDEXED BY alarm_open WHERE cleared_at IS NULL ORDER BY id")
        .fetch_all(connection)
        .await?
        .iter()
        .map(alarm)
        .collect()
}

pub fn alarm(found: &SqliteRow) -> Result<Alarm, StoreError> {
    Ok(Alarm {
        key: found.try_get("key")?,
        code: row::word(found.try_get("code")?, |code| {
            reason::find(code).map(|entry| entry.code)
        })?,
        environment: found
            .try_get::<Option<&str>, _>("environment")?
            .map(row::environment)
            .transpose()?,
        ace: found.try_get("ace")?,
        message: found.try_get::<Option<i64>, _>("message")?.map(InboundId),
        text: found.try_get("text")?,
        raised_at: row::instant(found.try_get("raised_at")?)?,
    })
}

pub async fn switch(store: &SqliteStore, name: &str) -> Result<Option<String>, StoreError> {
    Ok(
        sqlx::query_scalar("SELECT value FROM switch WHERE name = ?")
            .bind(name)
            .fetch_optional(&store.readers)
            .await?,
    )
}

pub async fn set_switch(
    store: &SqliteStore,
    name: &str,
    value: Option<&str>,
    entry: &AuditEntry,
) -> Result<(), StoreError> {
    let mut writing = store.begin().await?;
    match value {
        Some(value) => {
            sqlx::query(
                "INSERT INTO switch (name, value) VALUES (?, ?) \
                 ON CONFLICT DO UPDATE SET value = excluded.value",
            )
            .bind(name)
            .bind(value)
            .execute(&mut *writing)
            .await?;
        }
        None => {
            sqlx::query("DELETE FROM switch WHERE name = ?")
                .bind(name)
                .execute(&mut *writing)
                .await?;
        }
    }
    audit::append(&mut writing, entry, &entry.object).await?;
    store.end(writing).await
}
