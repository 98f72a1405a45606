//! Writing a decision: record, history, case, notices and verdict in one transaction.

use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::super::{
    CaseChange, Change, Decision, DomainChange, MessageVerdict, NoticeDraft, StoreError,
};
use super::{SqliteStore, Writing, cases, row};
use crate::model::{CaseId, ContactFact, DomainRecord, Handle, InboundId, NoticeItem};

pub async fn commit(store: &SqliteStore, changes: &[Change]) -> Result<(), StoreError> {
    let mut writing = store.begin().await?;
    for change in changes {
        if let Err(error) = write(&mut writing, change).await {
            writing
                .rollback()
                .await
                .map_err(|error| store.noted(error))?;
            return Err(error);
        }
    }
    store.end(writing).await
}

async fn write(writing: &mut Writing<'_>, change: &Change) -> Result<(), StoreError> {
    let message = change.decision.message;
    let is_ours = sqlx::query("DELETE FROM pending WHERE id = ?")
        .bind(message.0)
        .execute(&mut **writing)
        .await?
        .rows_affected()
        > 0;
    // Somebody else decided it while our lease ran out; their word stands.
    if !is_ours {
        return Ok(());
    }
    let before = sqlx::query("SELECT verdict, is_covered, trace FROM verdict WHERE id = ?")
        .bind(message.0)
        .fetch_optional(&mut **writing)
        .await?;
    let mut is_covered = change.decision.is_covered;
    for domain in &change.domains {
        let is_again = before.is_some();
        is_covered |= write_domain(writing, message, domain, change.decision.at, is_again).await?;
    }
    if let Some((environment, handle, fact)) = &change.contact {
        sqlx::query(
            "INSERT INTO contact (environment, handle, fact) VALUES (?, ?, ?) \
             ON CONFLICT DO UPDATE SET fact = excluded.fact",
        )
        .bind(environment.as_str())
        .bind(handle.key())
        .bind(row::json(fact)?)
        .execute(&mut **writing)
        .await?;
    }
    for key in &change.clears {
        cases::clear(writing, key, change.decision.at).await?;
    }
    for alarm in &change.alarms {
        cases::raise(writing, alarm).await?;
    }
    if change.decision.verdict != MessageVerdict::Held {
        cases::clear(writing, &format!("message:{message}"), change.decision.at).await?;
    }
    write_verdict(writing, before.as_ref(), &change.decision, is_covered).await
}

/// Returns whether the customer had been told of it before.
async fn write_domain(
    writing: &mut Writing<'_>,
    message: InboundId,
    change: &DomainChange,
    now: jiff::Timestamp,
    is_again: bool,
) -> Result<bool, StoreError> {
    let record = &change.record;
    let environment = record.key.environment.as_str();
    let ace = record.key.domain.ace();
    let newcomers = write_record(writing, record).await?;
    check_contacts(writing, record, &newcomers).await?;
    if let Some((at, summary)) = &change.history {
        // A message that is processed again has its line already.
        sqlx::query(
            "INSERT INTO history (environment, ace, at, message, summary) \
             SELECT ?1, ?2, ?3, ?4, ?5 WHERE NOT ?6 OR NOT EXISTS (SELECT 1 FROM history \
                WHERE environment = ?1 AND ace = ?2 AND message = ?4 AND summary = ?5)",
        )
        .bind(environment)
        .bind(ace)
        .bind(row::micros(*at))
        .bind(message.0)
        .bind(summary)
        .bind(is_again)
        .execute(&mut **writing)
        .await?;
    }
    let case = write_case(writing, change, now).await?;
    let mut is_covered = false;
    for draft in &change.notices {
        is_covered |= !write_notice(writing, message, case, draft).await?;
    }
    Ok(is_covered)
}

/// A contact's message reaches the domains that have it as their holder. If one was written since
/// this domain's new holders were looked up, neither found the other: decide again.
async fn check_contacts(
    writing: &mut Writing<'_>,
    record: &DomainRecord,
    newcomers: &[Handle],
) -> Result<(), StoreError> {
    for handle in newcomers {
        let asked: Option<String> =
            sqlx::query_scalar("SELECT fact FROM contact WHERE environment = ? AND handle = ?")
                .bind(record.key.environment.as_str())
                .bind(handle.key())
                .fetch_optional(&mut **writing)
                .await?;
        let asked: Option<ContactFact> = asked.as_deref().map(row::from_json).transpose()?;
        if asked.is_some() && asked.as_ref() != record.facts.contacts.get(handle) {
            return Err(StoreError::Conflict);
        }
    }
    Ok(())
}

/// Writes a record over the version that was read, with its holders; returns those that are new.
pub async fn write_record(
    writing: &mut Writing<'_>,
    record: &DomainRecord,
) -> Result<Vec<Handle>, StoreError> {
    let environment = record.key.environment.as_str();
    let ace = record.key.domain.ace();
    let due = record.due();
    let sql = if record.version == 0 {
        "INSERT INTO domain (environment, ace, customer, lifecycle, imported_status, \
         imported_holders, facts, dedelegation_at, deletion_at, source_message, updated_at, version) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12 + 1) ON CONFLICT DO NOTHING"
    } else {
        "UPDATE domain SET customer = ?3, lifecycle = ?4, imported_status = ?5, \
         imported_holders = ?6, facts = ?7, dedelegation_at = ?8, deletion_at = ?9, \
         source_message = ?10, updated_at = ?11, version = ?12 + 1 \
         WHERE environment = ?1 AND ace = ?2 AND version = ?12"
    };
    let written = sqlx::query(sql)
        .bind(environment)
        .bind(ace)
        .bind(record.customer.as_ref().map(|id| id.0.as_str()))
        .bind(record.lifecycle.as_str())
        .bind(
            record
                .imported_status
                .as_ref()
                .map(|status| status.as_str()),
        )
        .bind(row::json(&record.imported_holders)?)
        .bind(row::json(&record.facts)?)
        .bind(due.dedelegation_at.map(row::micros))
        .bind(due.deletion_at.map(row::micros))
        .bind(record.source_message.map(|id| id.0))
        .bind(row::micros(record.updated_at))
        .bind(record.version)
        .execute(&mut **writing)
        .await?
        .rows_affected();
    if written == 0 {
        return Err(StoreError::Conflict);
    }
    write_holders(writing, environment, ace, record).await
}

async fn write_holders(
    writing: &mut Writing<'_>,
    environment: &str,
    ace: &str,
    record: &DomainRecord,
) -> Result<Vec<Handle>, StoreError> {
    let known: Vec<String> =
        sqlx::query_scalar("SELECT handle FROM holder WHERE environment = ? AND ace = ?")
            .bind(environment)
            .bind(ace)
            .fetch_all(&mut **writing)
            .await?;
    let wanted: Vec<String> = record.holders().iter().map(Handle::key).collect();
    for handle in known.iter().filter(|handle| !wanted.contains(handle)) {
        sqlx::query("DELETE FROM holder WHERE environment = ? AND handle = ? AND ace = ?")
            .bind(environment)
            .bind(handle)
            .bind(ace)
            .execute(&mut **writing)
            .await?;
    }
    let newcomers: Vec<Handle> = record
        .holders()
        .iter()
        .filter(|handle| !known.contains(&handle.key()))
        .cloned()
        .collect();
    for handle in &newcomers {
        sqlx::query("INSERT INTO holder (environment, handle, ace) VALUES (?, ?, ?)")
            .bind(environment)
            .bind(handle.key())
            .bind(ace)
            .execute(&mut **writing)
            .await?;
    }
    Ok(newcomers)
}

/// Moves the case along; the number of the case concerned, if there is one.
async fn write_case(
    writing: &mut Writing<'_>,
    change: &DomainChange,
    now: jiff::Timestamp,
) -> Result<Option<CaseId>, StoreError> {
    let key = &change.record.key;
    let open: Option<i64> = sqlx::query_scalar(
        "SELECT id FROM verification_case WHERE environment = ? AND ace = ? AND closed_at IS NULL",
    )
    .bind(key.environment.as_str())
    .bind(key.domain.ace())
    .fetch_optional(&mut **writing)
    .await?;
    let id = match (change.case, open) {
        (CaseChange::Keep, open) => open,
        (CaseChange::Open(state), None) => Some(
            sqlx::query(
                "INSERT INTO verification_case (environment, ace, state, opened_at) VALUES (?, ?, ?, ?)",
            )
            .bind(key.environment.as_str())
            .bind(key.domain.ace())
            .bind(state.as_str())
            .bind(row::micros(now))
            .execute(&mut **writing)
            .await?
            .last_insert_rowid(),
        ),
        (CaseChange::Move(state), Some(id)) => {
            sqlx::query("UPDATE verification_case SET state = ? WHERE id = ?")
                .bind(state.as_str())
                .bind(id)
                .execute(&mut **writing)
                .await?;
            Some(id)
        }
        (CaseChange::Close(state), Some(id)) => {
            sqlx::query("UPDATE verification_case SET state = ?, closed_at = ? WHERE id = ?")
                .bind(state.as_str())
                .bind(row::micros(now))
                .bind(id)
                .execute(&mut **writing)
                .await?;
            let of_domain = format!("domain:{}:{}", key.environment, key.domain.ace());
            cases::clear(writing, &of_domain, now).await?;
            Some(id)
        }
        // A case was opened or closed since the record was read.
        (CaseChange::Open(_), Some(_)) | (CaseChange::Move(_) | CaseChange::Close(_), None) => {
            return Err(StoreError::Conflict);
        }
    };
    Ok(id.map(CaseId))
}

/// Joins the customer's open notice of the same kind, or begins one; false: told before.
async fn write_notice(
    writing: &mut Writing<'_>,
    message: InboundId,
    case: Option<CaseId>,
    draft: &NoticeDraft,
) -> Result<bool, StoreError> {
    let seed = &draft.notice;
    let of_case = case.map_or("-".to_owned(), |case| case.to_string());
    let mut key = format!("{of_case}:{}", draft.key);
    // Of a case only the last telling counts: a date that was moved away and comes back is news.
    let last: Option<String> = match case {
        Some(case) => {
            sqlx::query_scalar(
                "SELECT key FROM notice_item WHERE \"case\" = ? \
                 ORDER BY json_extract(body, '$.sequence') DESC LIMIT 1",
            )
            .bind(case.0)
            .fetch_optional(&mut **writing)
            .await?
        }
        None => {
            sqlx::query_scalar("SELECT key FROM notice_item WHERE key = ?")
                .bind(&key)
                .fetch_optional(&mut **writing)
                .await?
        }
    };
    let told = last
        .as_deref()
        .map(|last| last.rsplit_once('#').map_or(last, |(told, _)| told));
    if told == Some(key.as_str()) {
        return Ok(false);
    }
    let mut sequence = 0_i64;
    if let Some(case) = case {
        sequence = sqlx::query_scalar(
            "UPDATE verification_case SET sequence = sequence + 1 WHERE id = ? RETURNING sequence - 1",
        )
        .bind(case.0)
        .fetch_one(&mut **writing)
        .await?;
        key = format!("{key}#{sequence}");
    }
    let open: Option<i64> = sqlx::query_scalar(
        "SELECT id FROM notice WHERE is_open = 1 AND customer = ?1 AND environment = ?2 \
         AND kind = ?3 AND recipient = ?4 AND state = ?5 AND (due_at > ?6 OR EXISTS \
            (SELECT 1 FROM notice_item WHERE notice = notice.id AND message = ?7)) \
         ORDER BY id LIMIT 1",
    )
    .bind(&seed.customer.0)
    .bind(seed.environment.as_str())
    .bind(seed.kind.as_str())
    .bind(&seed.recipient)
    .bind(seed.state.as_str())
    .bind(row::micros(seed.created_at))
    .bind(message.0)
    .fetch_optional(&mut **writing)
    .await?;
    let notice = match open {
        Some(id) => id,
        None => begin_notice(writing, draft).await?,
    };
    let item = NoticeItem {
        case,
        sequence: u32::try_from(sequence).unwrap_or(u32::MAX),
        ..draft.item.clone()
    };
    sqlx::query(
        "INSERT INTO notice_item (key, notice, message, \"case\", ace, body) VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(&key)
    .bind(notice)
    .bind(message.0)
    .bind(case.map(|case| case.0))
    .bind(item.domain.ace())
    .bind(row::json(&item)?)
    .execute(&mut **writing)
    .await?;
    Ok(true)
}

async fn begin_notice(writing: &mut Writing<'_>, draft: &NoticeDraft) -> Result<i64, StoreError> {
    let seed = &draft.notice;
    Ok(sqlx::query(
        "INSERT INTO notice (environment, kind, languages, customer, salutation, timezone, \
         recipient, code, message_id, created_at, due_at, state) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(seed.environment.as_str())
    .bind(seed.kind.as_str())
    .bind(row::json(&seed.languages)?)
    .bind(&seed.customer.0)
    .bind(&seed.salutation)
    .bind(seed.timezone.as_deref())
    .bind(&seed.recipient)
    .bind(&seed.code)
    .bind(&seed.message_id)
    .bind(row::micros(seed.created_at))
    .bind(row::micros(seed.due_at))
    .bind(seed.state.as_str())
    .execute(&mut **writing)
    .await?
    .last_insert_rowid())
}

async fn write_verdict(
    writing: &mut Writing<'_>,
    before: Option<&SqliteRow>,
    decision: &Decision,
    is_covered: bool,
) -> Result<(), StoreError> {
    let mut verdict = decision.verdict.as_str();
    let mut covered = is_covered;
    let mut trace = decision.trace.clone();
    if let Some(before) = before {
        let was: &str = before.try_get("verdict")?;
        let mut earlier: Vec<String> = row::from_json(before.try_get("trace")?)?;
        // A replay that finds nothing new does not make the first time undone.
        if was == MessageVerdict::Applied.as_str() && decision.verdict == MessageVerdict::Unchanged
        {
            verdict = MessageVerdict::Applied.as_str();
            covered = before.try_get::<i64, _>("is_covered")? == 1;
        }
        earlier.push(format!("processed again at {}", decision.at));
        earlier.append(&mut trace);
        trace = earlier;
    }
    sqlx::query(
        "INSERT OR REPLACE INTO verdict (id, decided_at, verdict, environment, route, kind, ace, \
         message_id, registry_time, digest, is_covered, reasons, trace) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(decision.message.0)
    .bind(row::micros(decision.at))
    .bind(verdict)
    .bind(decision.environment.map(|environment| environment.as_str()))
    .bind(decision.route.as_deref())
    .bind(decision.kind.as_deref())
    .bind(decision.ace.as_deref())
    .bind(decision.message_id.as_deref())
    .bind(decision.registry_time.map(row::micros))
    .bind(decision.digest.as_deref())
    .bind(i64::from(covered))
    .bind(row::json(&decision.reasons)?)
    .bind(row::json(&trace)?)
    .execute(&mut **writing)
    .await?;
    Ok(())
}
