//! Writing a decision: record, history, case, notices and verdict in one transaction.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row};

use super::super::{
    CaseChange, Change, Decision, DomainChange, MessageVerdict, ResellerChange, StoreError,
};
use super::counts::{BEFORE, Counts};
use super::records::{self, Deed, Line};
use super::telling::Telling;
use super::{SqliteStore, Writing, cases, orders, reports, reseller, row, tasks, telling};
use crate::model::{CaseId, NoticeKind};

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
    // What somebody else decided while our lease ran out is passed over; their word stands.
    let ours: Vec<(&Change, &SqliteRow)> = (changes.iter())
        .filter(|change| ours.contains(&change.decision.message.0))
        .filter_map(|change| Some((change, before.get(&change.decision.message.0)?)))
        .collect();
    let mut alarms = Alarms::default();
    let mut covered = Vec::with_capacity(ours.len());
    for run in ours.chunk_by(|(one, _), (next, _)| is_plain(one) && is_plain(next)) {
        covered.append(&mut write_run(writing, &mut alarms, run).await?);
    }
    alarms.settle(writing).await?;
    let mut counts = Counts::default();
    let mut verdicts = Vec::with_capacity(ours.len());
    let mut evidence = Vec::new();
    for ((change, before), is_covered) in ours.into_iter().zip(covered) {
        let decision = &change.decision;
        let was = before.try_get::<Option<&str>, _>("verdict")?;
        let verdict = standing(was, decision.verdict);
        let environment = decision.environment.map(|environment| environment.as_str());
        counts.judge(before, verdict, environment, &decision.reasons)?;
        verdicts.push(verdict_row(before, verdict, decision, is_covered)?);
        if let Some(facts) = &change.evidence {
            evidence.push((decision.message.0, row::json(facts)?));
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

/// Alarms that end, written together; one that begins finds them written.
#[derive(Default)]
struct Alarms {
    /// Keys, each with its time in microseconds.
    ends: Vec<(String, i64)>,
}

impl Alarms {
    fn clear(&mut self, key: String, at: Timestamp) {
        self.ends.push((key, row::micros(at)));
    }

    async fn settle(&mut self, writing: &mut Writing) -> Result<(), StoreError> {
        let ends = std::mem::take(&mut self.ends);
        match ends.is_empty() {
            true => Ok(()),
            false => cases::clear_all(writing, &ends).await,
        }
    }
}

/// Does it concern domains, customers and alarms alone? Such changes do not read what others of their
/// kind write, but for their own domain and customer, so that many are written together.
fn is_plain(change: &Change) -> bool {
    let is_answer = !change.doubts.is_empty() || !change.answers.is_empty();
    let is_about_others = change.contact.is_some() || change.report.is_some();
    !is_answer && !is_about_others && change.reseller == ResellerChange::default()
}

/// All of some changes but the verdicts; returns of each whether the customer had been told of it before.
async fn write_run(
    writing: &mut Writing,
    alarms: &mut Alarms,
    run: &[(&Change, &SqliteRow)],
) -> Result<Vec<bool>, StoreError> {
    let mut lines = Vec::new();
    for (change, before) in run {
        let is_again = before.try_get::<Option<&str>, _>("verdict")?.is_some();
        lines.extend(change.domains.iter().map(|domain| Line {
            record: &domain.record,
            deed: Some(Deed {
                message: change.decision.message,
                now: change.decision.at,
                is_again,
                history: domain.history.as_ref(),
                case: domain.case,
            }),
        }));
    }
    let mut cases = records::write(writing, &lines).await?.into_iter();
    let covered = run.iter().map(|(change, _)| change.decision.is_covered);
    let mut tellings = Tellings {
        waiting: Vec::new(),
        covered: covered.collect(),
    };
    for (nth, (change, _)) in run.iter().enumerate() {
        for domain in &change.domains {
            let case = cases.next().flatten();
            tell(writing, alarms, &mut tellings, (nth, change), domain, case).await?;
        }
        if !is_plain(change) {
            tellings.settle(writing).await?;
            alarms.settle(writing).await?;
            write_beside(writing, change).await?;
        }
        for key in &change.clears {
            alarms.clear(key.clone(), change.decision.at);
        }
        if !change.alarms.is_empty() {
            alarms.settle(writing).await?;
        }
        for alarm in &change.alarms {
            cases::raise(writing, alarm).await?;
        }
    }
    tellings.settle(writing).await?;
    Ok(tellings.covered)
}

/// What customers are to be told, written together.
struct Tellings<'a> {
    /// Each with the place of its change.
    waiting: Vec<(usize, Telling<'a>)>,
    /// Of each change: had the customer been told of it before?
    covered: Vec<bool>,
}

impl Tellings<'_> {
    async fn settle(&mut self, writing: &mut Writing) -> Result<(), StoreError> {
        let (places, waiting): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.waiting).into_iter().unzip();
        let told = telling::write(writing, &waiting).await?;
        for (place, is_told) in places.into_iter().zip(told) {
            if let Some(covered) = self.covered.get_mut(place) {
                *covered |= !is_told;
            }
        }
        Ok(())
    }
}

/// What a customer is told of a domain, and what ends with its case.
async fn tell<'a>(
    writing: &mut Writing,
    alarms: &mut Alarms,
    tellings: &mut Tellings<'a>,
    (nth, change): (usize, &'a Change),
    domain: &'a DomainChange,
    case: Option<CaseId>,
) -> Result<(), StoreError> {
    let now = change.decision.at;
    let mut ended = None;
    if let (CaseChange::Close(state), Some(case)) = (domain.case, case) {
        let key = &domain.record.key;
        // What was to be said until now is part of what is taken back.
        tellings.settle(writing).await?;
        alarms.clear(
            format!("domain:{}:{}", key.environment, key.domain.ace()),
            now,
        );
        tasks::drop(writing, case, now, &format!("no longer needed: {state}")).await?;
        telling::withdraw(writing, case, now).await?;
        ended = Some(case);
    }
    for draft in &domain.notices {
        // Nobody is told that something is over of which he never heard.
        if let (Some(case), NoticeKind::Resolved) = (ended, draft.notice.kind) {
            tellings.settle(writing).await?;
            if !telling::is_told(writing, case, &draft.notice).await? {
                continue;
            }
        }
        let telling = Telling {
            message: Some(change.decision.message),
            case,
            draft,
        };
        tellings.waiting.push((nth, telling));
    }
    Ok(())
}

/// What a change writes beside domains, cases and notices.
async fn write_beside(writing: &mut Writing, change: &Change) -> Result<(), StoreError> {
    let message = change.decision.message;
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
