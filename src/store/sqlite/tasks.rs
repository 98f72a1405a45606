//! Calls that the desk has to make.

use jiff::Timestamp;
use sqlx::{AssertSqlSafe, Row, SqliteConnection};

use super::super::{CaseNote, StoreError};
use super::{SqliteStore, Writing, audit, row};
use crate::model::{CaseId, CustomerId, DomainKey, Task, reason};
use crate::store::{AuditEntry, TaskDraft};

/// Is a call about the customer that the domain has now? One that was made while it had none is.
pub const OF_CUSTOMER: &str = "(task.customer IS NULL OR task.customer = domain.customer)";

/// Puts a call on the list; one that was on it before stays as it is, unless it was to be made to
/// another customer.
pub async fn open(
    writing: &mut Writing,
    case: CaseId,
    draft: &TaskDraft,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO task (\"case\", key, customer, code, text, opened_at) \
         VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET customer = excluded.customer, \
             code = excluded.code, text = excluded.text, opened_at = excluded.opened_at, \
             closed_at = NULL, is_made = 0, outcome = NULL \
         WHERE task.customer IS NOT excluded.customer",
    )
    .bind(case.0)
    .bind(&draft.key)
    .bind(draft.customer.as_ref().map(|id| id.0.as_str()))
    .bind(draft.code.as_str())
    .bind(&draft.text)
    .bind(row::micros(draft.opened_at))
    .execute(&mut **writing)
    .await?;
    Ok(())
}

/// Takes the open calls of a case off the list; returns how many there were.
pub async fn drop(
    writing: &mut Writing,
    case: CaseId,
    now: Timestamp,
    outcome: &str,
) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "UPDATE task SET closed_at = ?2, outcome = ?3 WHERE \"case\" = ?1 AND closed_at IS NULL",
    )
    .bind(case.0)
    .bind(row::micros(now))
    .bind(outcome)
    .execute(&mut **writing)
    .await?;
    Ok(done.rows_affected())
}

pub async fn done(store: &SqliteStore, case: CaseId, note: &CaseNote) -> Result<u64, StoreError> {
    let mut writing = store.begin().await?;
    let outcome = format!("{}: {}", note.actor, note.text);
    sqlx::query("UPDATE task SET is_made = 1 WHERE \"case\" = ? AND closed_at IS NULL")
        .bind(case.0)
        .execute(&mut *writing)
        .await?;
    let count = drop(&mut writing, case, note.at, &outcome).await?;
    sqlx::query("INSERT INTO case_note (\"case\", at, actor, text) VALUES (?, ?, ?, ?)")
        .bind(case.0)
        .bind(row::micros(note.at))
        .bind(&note.actor)
        .bind(format!("telephone call: {}", note.text))
        .execute(&mut *writing)
        .await?;
    // A call that nobody had asked for counts as well: the customer knows.
    if count == 0 {
        sqlx::query(
            "INSERT INTO task \
                (\"case\", key, customer, code, text, opened_at, closed_at, is_made, outcome) \
             SELECT ?1, 'own:' || count(*), (SELECT domain.customer FROM verification_case \
                 JOIN domain USING (environment, ace) WHERE verification_case.id = ?1), \
                 ?2, ?3, ?4, ?4, 1, ?5 FROM task WHERE \"case\" = ?1",
        )
        .bind(case.0)
        .bind(reason::CALLED.as_str())
        .bind("the desk called without being asked to")
        .bind(row::micros(note.at))
        .bind(&outcome)
        .execute(&mut *writing)
        .await?;
    }
    let entry = AuditEntry {
        at: note.at,
        actor: note.actor.clone(),
        action: "case call-done".to_owned(),
        object: case.to_string(),
        detail: note.text.clone(),
    };
    audit::append(&mut writing, &entry, &entry.object).await?;
    store.end(writing).await?;
    Ok(count)
}

pub async fn tasks(store: &SqliteStore, case: Option<CaseId>) -> Result<Vec<Task>, StoreError> {
    let mut reading = store.readers.acquire().await?;
    tasks_in(&mut reading, case).await
}

pub async fn tasks_in(
    connection: &mut SqliteConnection,
    case: Option<CaseId>,
) -> Result<Vec<Task>, StoreError> {
    // Either way few are looked at: those of one case, or those that are open.
    let which = match case {
        Some(_) => "task WHERE task.\"case\" = ?",
        None => "task INDEXED BY task_open WHERE ? IS NULL AND task.closed_at IS NULL",
    };
    let select = format!(
        "SELECT task.*, verification_case.environment, ace FROM (SELECT task.* FROM {which}) AS task \
         CROSS JOIN verification_case ON verification_case.id = task.\"case\" ORDER BY task.id"
    );
    sqlx::query(AssertSqlSafe(select))
        .bind(case.map(|case| case.0))
        .fetch_all(connection)
        .await?
        .iter()
        .map(|found| {
            Ok(Task {
                case: CaseId(found.try_get("case")?),
                domain: DomainKey {
                    environment: row::environment(found.try_get("environment")?)?,
                    domain: row::name(found.try_get("ace")?)?,
                },
                customer: found
                    .try_get::<Option<String>, _>("customer")?
                    .map(CustomerId),
                key: found.try_get("key")?,
                code: row::word(found.try_get("code")?, |code| {
                    reason::find(code).map(|entry| entry.code)
                })?,
                text: found.try_get("text")?,
                opened_at: row::instant(found.try_get("opened_at")?)?,
                closed_at: row::optional_instant(found.try_get("closed_at")?)?,
                outcome: found.try_get("outcome")?,
            })
        })
        .collect()
}
