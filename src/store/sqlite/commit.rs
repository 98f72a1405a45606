//! Writing a decision: record, history, case, notices and verdict in one transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{AssertSqlSafe, Row, Sqlite};

use super::super::{CaseChange, Change, Decision, DomainChange, MessageVerdict, StoreError};
use super::counts::{BEFORE, Counts};
use super::{SqliteStore, Writing, cases, orders, reports, reseller, row, tasks, telling};
use crate::model::{CaseId, ContactFact, DomainRecord, Handle, InboundId, NoticeKind};

/// Every statement of its own is a way to the thread of SQLite and back, and others wait to write:
/// what can be said in one call is said in one.
pub async fn commit(store: &SqliteStore, changes: &[Change]) -> Result<(), StoreError> {
    let mut writing = store.begin().await?;
    match write_all(&mut writing, changes).await {
        Ok(()) => store.end(writing).await,
        // Nothing is wrong with the connection.
        Err(StoreError::Conflict) => {
            store.undo(writing).await?;
            Err(StoreError::Conflict)
        }
        Err(error) => Err(error),
    }
}

pub async fn write_all(writing: &mut Writing, changes: &[Change]) -> Result<(), StoreError> {
    let ids: Vec<i64> = changes
        .iter()
        .map(|change| change.decision.message.0)
        .collect();
    let ids = row::json(&ids)?;
    let ours: BTreeSet<i64> = sqlx::query_scalar(
        "DELETE FROM pending WHERE id IN (SELECT value FROM json_each(?)) RETURNING id",
    )
    .bind(&ids)
    .fetch_all(&mut **writing)
    .await?
    .into_iter()
    .collect();
    let before = before(writing, &ids).await?;
    let mut counts = Counts::default();
    let mut verdicts = Vec::with_capacity(changes.len());
    let mut evidence = Vec::new();
    for change in changes {
        let message = change.decision.message.0;
        // What somebody else decided while our lease ran out is passed over; their word stands.
        if ours.contains(&message) {
            let Some(before) = before.get(&message) else {
                continue;
            };
            let was = before.try_get::<Option<&str>, _>("verdict")?;
            let is_covered = write(writing, change, was.is_some()).await?;
            let decision = &change.decision;
            let verdict = standing(was, decision.verdict);
            let environment = decision.environment.map(|environment| environment.as_str());
            counts.judge(before, verdict, environment, &decision.reasons)?;
            verdicts.push(verdict_row(before, verdict, decision, is_covered)?);
            if let Some(facts) = &change.evidence {
                evidence.push((message, row::json(facts)?));
            }
        }
    }
    counts.write(writing).await?;
    write_verdicts(writing, &verdicts, &evidence).await
}

/// The messages of these numbers (a JSON list) that are kept, each with what was thought of it.
async fn before(writing: &mut Writing, ids: &str) -> Result<BTreeMap<i64, SqliteRow>, StoreError> {
    let select = format!(
        "SELECT {BEFORE} FROM json_each(?) AS asked CROSS JOIN inbound ON inbound.id = asked.value \
         LEFT JOIN verdict ON verdict.id = inbound.id"
    );
    let rows = sqlx::query(AssertSqlSafe(select))
        .bind(ids)
        .fetch_all(&mut **writing)
        .await?;
    rows.into_iter()
        .map(|before| Ok((before.try_get("id")?, before)))
        .collect()
}

/// A replay that finds nothing new does not make the first time undone.
fn standing(was: Option<&str>, verdict: MessageVerdict) -> MessageVerdict {
    match (was, verdict) {
        (Some("applied"), MessageVerdict::Unchanged) => MessageVerdict::Applied,
        _ => verdict,
    }
}

/// All but the verdict; returns whether the customer had been told of it before.
async fn write(writing: &mut Writing, change: &Change, is_again: bool) -> Result<bool, StoreError> {
    let message = change.decision.message;
    let mut is_covered = change.decision.is_covered;
    for domain in &change.domains {
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
    reseller::write(writing, message, &change.reseller, change.decision.at).await?;
    if let Some(report) = &change.report {
        reports::write(writing, message, report, change.decision.at).await?;
    }
    for request in &change.doubts {
        orders::doubt(writing, *request).await?;
    }
    for answer in &change.answers {
        orders::write_answer(writing, Some(message), answer, change.decision.at).await?;
    }
    for key in &change.clears {
        cases::clear(writing, key, change.decision.at).await?;
    }
    for alarm in &change.alarms {
        cases::raise(writing, alarm).await?;
    }
    Ok(is_covered)
}

/// Returns whether the customer had been told of it before.
async fn write_domain(
    writing: &mut Writing,
    message: InboundId,
    change: &DomainChange,
    now: jiff::Timestamp,
    is_again: bool,
) -> Result<bool, StoreError> {
    let record = &change.record;
    let (texts, state) = match change.case {
        CaseChange::Keep => (&*KEEP_CASE, None),
        CaseChange::Open(state) => (&*OPEN_CASE, Some(state)),
        CaseChange::Move(state) => (&*MOVE_CASE, Some(state)),
        CaseChange::Close(state) => (&*CLOSE_CASE, Some(state)),
    };
    let history = change.history.as_ref();
    let (environment, ace) = (record.key.environment.as_str(), record.key.domain.ace());
    let rows = bind_record(texts, record)?
        .bind(environment)
        .bind(ace)
        .bind(history.map(|(at, _)| row::micros(*at)))
        .bind(message.0)
        .bind(history.map(|(_, summary)| summary.as_str()))
        .bind(is_again)
        .bind(environment)
        .bind(ace)
        .bind(state.map(|state| state.as_str()))
        .bind(row::micros(now))
        .fetch_all(&mut **writing)
        .await?;
    let written = Written::read(&rows, record)?;
    // A case was opened or closed since the record was read.
    let is_case_gone = change.case != CaseChange::Keep && written.case.is_none();
    if is_case_gone || written.is_contact_missing {
        return Err(StoreError::Conflict);
    }
    let mut ended = None;
    if let (CaseChange::Close(state), Some(case)) = (change.case, written.case) {
        cases::clear(writing, &format!("domain:{environment}:{ace}"), now).await?;
        tasks::drop(writing, case, now, &format!("no longer needed: {state}")).await?;
        telling::withdraw(writing, case, now).await?;
        ended = Some(case);
    }
    let mut is_covered = false;
    for draft in &change.notices {
        // Nobody is told that something is over of which he never heard.
        if let (Some(case), NoticeKind::Resolved) = (ended, draft.notice.kind)
            && !telling::is_told(writing, case, &draft.notice).await?
        {
            continue;
        }
        is_covered |= !telling::write(writing, Some(message), written.case, draft).await?;
    }
    Ok(is_covered)
}

/// Statements for a record that is new, and for one that is there.
struct Texts {
    insert: String,
    update: String,
}

impl Texts {
    /// A record, its holders, then `more`.
    ///
    /// They answer with rows (handle, fact, case): one with an empty handle if the record was
    /// written, one for each holder who is new, one with the fact for each who was ever asked for,
    /// and one with the number of the case concerned.
    fn with(more: &str) -> Self {
        let with = |record: &str| {
            format!(
                "{record} RETURNING '' AS handle, NULL AS fact, NULL AS \"case\"; \
                 DELETE FROM holder WHERE environment = ? AND ace = ? \
                     AND handle NOT IN (SELECT value FROM json_each(?)); \
                 INSERT INTO holder (environment, ace, handle) \
                     SELECT ?, ?, value FROM json_each(?) WHERE true \
                     ON CONFLICT DO NOTHING RETURNING handle, NULL AS fact, NULL AS \"case\"; \
                 SELECT handle, fact, NULL AS \"case\" FROM contact \
                     WHERE environment = ? AND handle IN (SELECT value FROM json_each(?)){more}"
            )
        };
        Texts {
            insert: with(
                "INSERT INTO domain (customer, lifecycle, imported_status, imported_holders, \
                     facts, dedelegation_at, deletion_at, suspension_at, reseller_owner, \
                     reseller_at, source_message, updated_at, version, environment, ace) \
                 SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? + 1, ?, ? WHERE ? = 0 ON CONFLICT DO NOTHING",
            ),
            update: with(
                "UPDATE domain SET customer = ?, lifecycle = ?, imported_status = ?, \
                     imported_holders = ?, facts = ?, dedelegation_at = ?, deletion_at = ?, \
                     suspension_at = ?, reseller_owner = ?, reseller_at = ?, source_message = ?, updated_at = ?, version = ? + 1 \
                 WHERE environment = ? AND ace = ? AND version = ?",
            ),
        }
    }

    /// The same, then the line in the history, if there is one, and what becomes of the case. A
    /// message that is processed again has its line already.
    fn with_case(case: &str) -> Self {
        Texts::with(&format!(
            "; WITH line (environment, ace, at, message, summary) AS (SELECT ?, ?, ?, ?, ?) \
                 INSERT INTO history (environment, ace, at, message, summary) \
                 SELECT line.* FROM line WHERE summary IS NOT NULL AND (NOT ? OR NOT EXISTS \
                     (SELECT 1 FROM history AS old WHERE old.environment = line.environment \
                      AND old.ace = line.ace AND old.message = line.message \
                      AND old.summary = line.summary)); \
             WITH asked (environment, ace, state, at) AS (SELECT ?, ?, ?, ?) {case}"
        ))
    }
}

static RECORD_ALONE: LazyLock<Texts> = LazyLock::new(|| Texts::with(""));
static KEEP_CASE: LazyLock<Texts> = LazyLock::new(|| {
    Texts::with_case(
        "SELECT NULL AS handle, NULL AS fact, old.id AS \"case\" \
         FROM asked CROSS JOIN verification_case AS old \
         WHERE old.environment = asked.environment AND old.ace = asked.ace \
             AND old.closed_at IS NULL",
    )
});
static OPEN_CASE: LazyLock<Texts> = LazyLock::new(|| {
    Texts::with_case(
        "INSERT INTO verification_case (environment, ace, state, opened_at) \
         SELECT asked.* FROM asked WHERE true ON CONFLICT DO NOTHING \
         RETURNING NULL AS handle, NULL AS fact, id AS \"case\"",
    )
});
static MOVE_CASE: LazyLock<Texts> = LazyLock::new(|| {
    Texts::with_case(
        "UPDATE verification_case AS old SET state = asked.state, plan_at = 0 FROM asked \
         WHERE old.environment = asked.environment AND old.ace = asked.ace \
             AND old.closed_at IS NULL \
         RETURNING NULL AS handle, NULL AS fact, id AS \"case\"",
    )
});
static CLOSE_CASE: LazyLock<Texts> = LazyLock::new(|| {
    Texts::with_case(
        "UPDATE verification_case AS old SET state = asked.state, closed_at = asked.at FROM asked \
         WHERE old.environment = asked.environment AND old.ace = asked.ace \
             AND old.closed_at IS NULL \
         RETURNING NULL AS handle, NULL AS fact, id AS \"case\"",
    )
});

/// The statements with the values of the record.
///
/// Values are bound in the order of their question marks, over all statements of a text: with
/// numbered ones sqlx would count the numbers that a statement leaves out.
fn bind_record<'q>(
    texts: &'static Texts,
    record: &'q DomainRecord,
) -> Result<Query<'q, Sqlite, SqliteArguments>, StoreError> {
    let due = record.due();
    let owner = record.facts.reseller.owner.as_ref();
    let holders: Vec<String> = record.holders().iter().map(Handle::key).collect();
    let holders = row::json(&holders)?;
    let status = record.imported_status.as_ref();
    let (environment, ace) = (record.key.environment.as_str(), record.key.domain.ace());
    let text = if record.version == 0 {
        &texts.insert
    } else {
        &texts.update
    };
    Ok(sqlx::query(text.as_str())
        .bind(record.customer.as_ref().map(|id| id.0.as_str()))
        .bind(record.lifecycle.as_str())
        .bind(status.map(|status| status.as_str()))
        .bind(row::json(&record.imported_holders)?)
        .bind(row::json(&record.facts)?)
        .bind(due.dedelegation_at.map(row::micros))
        .bind(due.deletion_at.map(row::micros))
        .bind(due.suspension_at.map(row::micros))
        .bind(owner.map(|owner| owner.handle.as_str()))
        .bind(record.facts.reseller.look_at.map(row::micros))
        .bind(record.source_message.map(|id| id.0))
        .bind(row::micros(record.updated_at))
        .bind(record.version)
        .bind(environment)
        .bind(ace)
        .bind(record.version)
        .bind(environment)
        .bind(ace)
        .bind(holders.clone())
        .bind(environment)
        .bind(ace)
        .bind(holders.clone())
        .bind(environment)
        .bind(holders))
}

/// What the statements answered.
#[derive(Default)]
struct Written {
    case: Option<CaseId>,
    /// A contact's message reaches the domains that have it as their holder. One was written since
    /// this domain's new holders were looked up, so that neither found the other.
    is_contact_missing: bool,
}

impl Written {
    /// A record that was not written is a conflict.
    fn read(rows: &[SqliteRow], record: &DomainRecord) -> Result<Self, StoreError> {
        let mut written = Written::default();
        let mut newcomers = BTreeSet::new();
        let mut is_written = false;
        for found in rows {
            let fact: Option<&str> = found.try_get("fact")?;
            match (found.try_get::<Option<&str>, _>("handle")?, fact) {
                (None, _) => written.case = Some(CaseId(found.try_get("case")?)),
                (Some(""), _) => is_written = true,
                (Some(handle), None) => {
                    newcomers.insert(handle);
                }
                (Some(handle), Some(fact)) if newcomers.contains(handle) => {
                    let asked: ContactFact = row::from_json(fact)?;
                    let mut known = record.facts.contacts.iter();
                    let known = known.find(|(of, _)| of.key() == handle);
                    written.is_contact_missing |= known.map(|(_, known)| known) != Some(&asked);
                }
                (Some(_), Some(_)) => {}
            }
        }
        is_written.then_some(written).ok_or(StoreError::Conflict)
    }
}

/// Writes a record over the version that was read, with its holders.
pub async fn write_record(writing: &mut Writing, record: &DomainRecord) -> Result<(), StoreError> {
    let rows = bind_record(&RECORD_ALONE, record)?
        .fetch_all(&mut **writing)
        .await?;
    Written::read(&rows, record)?;
    Ok(())
}

/// A row of `verdict`, its columns in the order of [`write_verdicts`], as JSON.
fn verdict_row(
    before: &SqliteRow,
    verdict: MessageVerdict,
    decision: &Decision,
    is_covered: bool,
) -> Result<serde_json::Value, StoreError> {
    let mut covered = is_covered;
    let mut trace = decision.trace.clone();
    if let Some(earlier) = before.try_get::<Option<&str>, _>("trace")? {
        if verdict != decision.verdict {
            covered = before.try_get::<i64, _>("is_covered")? == 1;
        }
        let mut earlier: Vec<String> = row::from_json(earlier)?;
        earlier.push(format!("processed again at {}", decision.at));
        earlier.append(&mut trace);
        trace = earlier;
    }
    Ok(serde_json::json!([
        decision.message.0,
        row::micros(decision.at),
        verdict.as_str(),
        decision.environment.map(|environment| environment.as_str()),
        decision.route,
        decision.kind,
        decision.ace,
        decision.message_id,
        decision.registry_time.map(row::micros),
        decision.deadline.map(row::micros),
        decision.digest,
        i64::from(covered),
        row::json(&decision.reasons)?,
        row::json(&trace)?,
    ]))
}

/// Writes the verdicts, and the evidence they rest on; what was alarming about a message ends when it is
/// held no longer. Each message looks for its own alarms (CROSS JOIN and MATERIALIZED hold SQLite to
/// that order): of a flood of forged mails each may have one, and to go through all of them for every
/// message would bring everything to a standstill.
async fn write_verdicts(
    writing: &mut Writing,
    verdicts: &[serde_json::Value],
    evidence: &[(i64, String)],
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT OR REPLACE INTO verdict (id, decided_at, verdict, environment, route, kind, ace, \
             message_id, registry_time, deadline, digest, is_covered, reasons, trace) \
         SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, \
             value ->> 6, value ->> 7, value ->> 8, value ->> 9, value ->> 10, value ->> 11, \
             value ->> 12, value ->> 13 FROM json_each(?1); \
         WITH ended AS MATERIALIZED ( \
             SELECT open.id, decided.value ->> 1 AS at FROM json_each(?1) AS decided \
             CROSS JOIN alarm AS open ON open.cleared_at IS NULL \
                 AND open.key > 'message:' || (decided.value ->> 0) || ':' \
                 AND open.key < 'message:' || (decided.value ->> 0) || ';' \
             WHERE decided.value ->> 2 <> ?2) \
         UPDATE alarm SET cleared_at = (SELECT at FROM ended WHERE ended.id = alarm.id) \
         WHERE id IN (SELECT id FROM ended); \
         INSERT OR REPLACE INTO evidence (id, body) \
         SELECT value ->> 0, value ->> 1 FROM json_each(?3)",
    )
    .bind(row::json(&verdicts)?)
    .bind(MessageVerdict::Held.as_str())
    .bind(row::json(&evidence)?)
    .execute(&mut **writing)
    .await?;
    Ok(())
}
