//! Writing records of domains over the versions that were read: many with few statements.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use sqlx::Row;

use super::super::{CaseChange, StoreError};
use super::{Writing, row};
use crate::model::{CaseId, ContactFact, DomainRecord, Handle, InboundId};

/// A record and what a message does to it; its version is the one that was read.
#[derive(Clone, Copy)]
pub struct Line<'a> {
    /// The record afterwards.
    pub record: &'a DomainRecord,
    /// What else the message does; `None`: no message, just the record.
    pub deed: Option<Deed<'a>>,
}

/// What a message does beside changing the record.
#[derive(Clone, Copy)]
pub struct Deed<'a> {
    /// The message.
    pub message: InboundId,
    /// When it is decided.
    pub now: Timestamp,
    /// It was processed before, and may have its line in the history.
    pub is_again: bool,
    /// The line for the history, with the registry time.
    pub history: Option<&'a (Timestamp, String)>,
    /// What becomes of the case.
    pub case: CaseChange,
}

/// Writes the records, with their holders, the history and the cases; returns of each the case that is
/// concerned, if there is one.
///
/// # Errors
///
/// [`StoreError::Conflict`]: a record has another version by now, a case was opened or closed since, or a
/// new holder was asked for since. What was written must be undone then.
pub async fn write(
    writing: &mut Writing,
    lines: &[Line<'_>],
) -> Result<Vec<Option<CaseId>>, StoreError> {
    let mut cases = vec![None; lines.len()];
    for round in rounds(lines) {
        let rows: Vec<Asked> = round
            .iter()
            .map(|nth| Asked::of(lines[*nth]))
            .collect::<Result<_, _>>()?;
        let asked = row::json(&rows)?;
        put(writing, &asked, rows.len()).await?;
        let lines: Vec<Line> = round.iter().map(|nth| lines[*nth]).collect();
        hold(writing, &asked, &lines).await?;
        if lines.iter().any(|line| line.deed.is_some()) {
            let found = tell_case(writing, &asked).await?;
            for (nth, (line, row)) in round.iter().zip(lines.iter().zip(&rows)) {
                let case = found.get(&(row.environment.to_owned(), row.ace.to_owned()));
                let is_kept = line.deed.is_none_or(|deed| deed.case == CaseChange::Keep);
                if case.is_none() && !is_kept {
                    return Err(StoreError::Conflict);
                }
                cases[*nth] = case.copied();
            }
        }
    }
    Ok(cases)
}

/// Writes one record over the version that was read, with its holders.
pub async fn write_one(writing: &mut Writing, record: &DomainRecord) -> Result<(), StoreError> {
    let line = Line { record, deed: None };
    write(writing, &[line]).await.map(|_| ())
}

/// The numbers of the lines in rounds: each domain once a round, and its lines in their order.
fn rounds(lines: &[Line<'_>]) -> Vec<Vec<usize>> {
    let mut rounds: Vec<Vec<usize>> = Vec::new();
    let mut times: BTreeMap<_, usize> = BTreeMap::new();
    for (nth, line) in lines.iter().enumerate() {
        let time = times.entry(&line.record.key).or_default();
        match rounds.get_mut(*time) {
            Some(round) => round.push(nth),
            None => rounds.push(vec![nth]),
        }
        *time += 1;
    }
    rounds
}

/// A line as the statements read it.
#[derive(Serialize)]
struct Asked<'a> {
    environment: &'a str,
    ace: &'a str,
    version: i64,
    customer: Option<&'a str>,
    lifecycle: &'a str,
    imported_status: Option<&'a str>,
    imported_holders: String,
    facts: String,
    dedelegation_at: Option<i64>,
    deletion_at: Option<i64>,
    suspension_at: Option<i64>,
    reseller_owner: Option<&'a str>,
    reseller_at: Option<i64>,
    source_message: Option<i64>,
    updated_at: i64,
    holders: Vec<String>,
    message: Option<i64>,
    at: Option<i64>,
    summary: Option<&'a str>,
    is_again: bool,
    case: Option<&'static str>,
    state: Option<&'static str>,
    now: Option<i64>,
}

impl<'a> Asked<'a> {
    fn of(Line { record, deed }: Line<'a>) -> Result<Self, StoreError> {
        let due = record.due();
        let reseller = &record.facts.reseller;
        let history = deed.and_then(|deed| deed.history);
        let (case, state) = match deed.map(|deed| deed.case) {
            None => (None, None),
            Some(CaseChange::Keep) => (Some("keep"), None),
            Some(CaseChange::Open(state)) => (Some("open"), Some(state.as_str())),
            Some(CaseChange::Move(state)) => (Some("move"), Some(state.as_str())),
            Some(CaseChange::Close(state)) => (Some("close"), Some(state.as_str())),
        };
        Ok(Asked {
            environment: record.key.environment.as_str(),
            ace: record.key.domain.ace(),
            version: record.version,
            customer: record.customer.as_ref().map(|id| id.0.as_str()),
            lifecycle: record.lifecycle.as_str(),
            imported_status: record
                .imported_status
                .as_ref()
                .map(|status| status.as_str()),
            imported_holders: row::json(&record.imported_holders)?,
            facts: row::json(&record.facts)?,
            dedelegation_at: due.dedelegation_at.map(row::micros),
            deletion_at: due.deletion_at.map(row::micros),
            suspension_at: due.suspension_at.map(row::micros),
            reseller_owner: reseller.owner.as_ref().map(|owner| owner.handle.as_str()),
            reseller_at: reseller.look_at.map(row::micros),
            source_message: record.source_message.map(|id| id.0),
            updated_at: row::micros(record.updated_at),
            holders: record.holders().iter().map(Handle::key).collect(),
            message: deed.map(|deed| deed.message.0),
            at: history.map(|(at, _)| row::micros(*at)),
            summary: history.map(|(_, summary)| summary.as_str()),
            is_again: deed.is_some_and(|deed| deed.is_again),
            case,
            state,
            now: deed.map(|deed| row::micros(deed.now)),
        })
    }
}

/// The records themselves.
async fn put(writing: &mut Writing, asked: &str, count: usize) -> Result<(), StoreError> {
    let done = sqlx::query(
        "INSERT INTO domain (environment, ace, customer, lifecycle, imported_status, \
             imported_holders, facts, dedelegation_at, deletion_at, suspension_at, reseller_owner, \
             reseller_at, source_message, updated_at, version) \
         SELECT value ->> 'environment', value ->> 'ace', value ->> 'customer', \
             value ->> 'lifecycle', value ->> 'imported_status', value ->> 'imported_holders', \
             value ->> 'facts', value ->> 'dedelegation_at', value ->> 'deletion_at', \
             value ->> 'suspension_at', value ->> 'reseller_owner', value ->> 'reseller_at', \
             value ->> 'source_message', value ->> 'updated_at', 1 \
         FROM json_each(?1) WHERE value ->> 'version' = 0 ON CONFLICT DO NOTHING; \
         UPDATE domain SET customer = value ->> 'customer', lifecycle = value ->> 'lifecycle', \
             imported_status = value ->> 'imported_status', \
             imported_holders = value ->> 'imported_holders', facts = value ->> 'facts', \
             dedelegation_at = value ->> 'dedelegation_at', deletion_at = value ->> 'deletion_at', \
             suspension_at = value ->> 'suspension_at', \
             reseller_owner = value ->> 'reseller_owner', reseller_at = value ->> 'reseller_at', \
             source_message = value ->> 'source_message', updated_at = value ->> 'updated_at', \
             version = domain.version + 1 \
         FROM json_each(?1) AS asked \
         WHERE domain.environment = value ->> 'environment' AND domain.ace = value ->> 'ace' \
             AND domain.version = value ->> 'version' AND value ->> 'version' > 0",
    )
    .bind(asked)
    .execute(&mut **writing)
    .await?;
    match usize::try_from(done.rows_affected()) == Ok(count) {
        true => Ok(()),
        false => Err(StoreError::Conflict),
    }
}

/// The holders, to find all domains of a contact. A contact's message reaches the domains that have it as
/// their holder: one that was written since a domain's new holders were looked up is a conflict, as
/// neither has found the other.
async fn hold(writing: &mut Writing, asked: &str, lines: &[Line<'_>]) -> Result<(), StoreError> {
    let newcomers = sqlx::query(
        "DELETE FROM holder WHERE (environment, handle, ace) IN \
             (SELECT old.environment, old.handle, old.ace FROM json_each(?1) AS asked \
              CROSS JOIN holder AS old ON old.environment = value ->> 'environment' \
                  AND old.ace = value ->> 'ace' \
              WHERE old.handle NOT IN (SELECT value FROM json_each(asked.value -> 'holders'))); \
         INSERT INTO holder (environment, ace, handle) \
         SELECT asked.value ->> 'environment', asked.value ->> 'ace', holder.value \
         FROM json_each(?1) AS asked CROSS JOIN json_each(asked.value -> 'holders') AS holder \
         WHERE true ON CONFLICT DO NOTHING RETURNING environment, ace, handle",
    )
    .bind(asked)
    .fetch_all(&mut **writing)
    .await?;
    if newcomers.is_empty() {
        return Ok(());
    }
    let newcomers: Vec<[String; 3]> = newcomers
        .iter()
        .map(|found| {
            Ok([
                found.try_get("environment")?,
                found.try_get("ace")?,
                found.try_get("handle")?,
            ])
        })
        .collect::<Result<_, sqlx::Error>>()?;
    let facts = sqlx::query(
        "SELECT value ->> 1 AS ace, handle, fact FROM json_each(?) AS asked \
         CROSS JOIN contact ON environment = value ->> 0 AND handle = value ->> 2",
    )
    .bind(row::json(&newcomers)?)
    .fetch_all(&mut **writing)
    .await?;
    for found in &facts {
        let (ace, handle): (&str, &str) = (found.try_get("ace")?, found.try_get("handle")?);
        let asked: ContactFact = row::from_json(found.try_get("fact")?)?;
        let line = lines
            .iter()
            .find(|line| line.deed.is_some() && line.record.key.domain.ace() == ace);
        let mut known = line
            .into_iter()
            .flat_map(|line| &line.record.facts.contacts);
        let known = known.find(|(of, _)| of.key() == handle);
        if line.is_some() && known.map(|(_, known)| known) != Some(&asked) {
            return Err(StoreError::Conflict);
        }
    }
    Ok(())
}

/// The lines in the history, and what becomes of the cases; returns the case of each domain. A message
/// that is processed again has its line already.
async fn tell_case(
    writing: &mut Writing,
    asked: &str,
) -> Result<BTreeMap<(String, String), CaseId>, StoreError> {
    let rows = sqlx::query(
        "INSERT INTO history (environment, ace, at, message, summary) \
         SELECT value ->> 'environment', value ->> 'ace', value ->> 'at', value ->> 'message', \
             value ->> 'summary' FROM json_each(?1) AS asked \
         WHERE value ->> 'summary' IS NOT NULL AND (NOT value ->> 'is_again' OR NOT EXISTS \
             (SELECT 1 FROM history AS old WHERE old.environment = value ->> 'environment' \
              AND old.ace = value ->> 'ace' AND old.message = value ->> 'message' \
              AND old.summary = value ->> 'summary')); \
         SELECT environment, ace, verification_case.id FROM json_each(?1) AS asked \
         CROSS JOIN verification_case ON environment = value ->> 'environment' \
             AND ace = value ->> 'ace' AND closed_at IS NULL WHERE value ->> 'case' = 'keep'; \
         INSERT INTO verification_case (environment, ace, state, opened_at) \
         SELECT value ->> 'environment', value ->> 'ace', value ->> 'state', value ->> 'now' \
         FROM json_each(?1) WHERE value ->> 'case' = 'open' \
         ON CONFLICT DO NOTHING RETURNING environment, ace, id; \
         UPDATE verification_case AS open SET state = value ->> 'state', \
             plan_at = iif(value ->> 'case' = 'move', 0, plan_at), \
             closed_at = iif(value ->> 'case' = 'close', value ->> 'now', NULL) \
         FROM json_each(?1) AS asked WHERE value ->> 'case' IN ('move', 'close') \
             AND open.environment = value ->> 'environment' AND open.ace = value ->> 'ace' \
             AND open.closed_at IS NULL RETURNING environment, ace, id",
    )
    .bind(asked)
    .fetch_all(&mut **writing)
    .await?;
    rows.iter()
        .map(|found| {
            let key = (found.try_get("environment")?, found.try_get("ace")?);
            Ok((key, CaseId(found.try_get("id")?)))
        })
        .collect()
}
