//! Plans: open cases whose next mail is to be thought of.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use sqlx::{AssertSqlSafe, Row, SqliteConnection};

use super::super::{AuditEntry, Desk, NoticeDraft, PlanCase, PlanChange, StoreError, Told};
use super::telling::Telling;
use super::{SqliteStore, Writing, audit, cases, reseller, row, tasks, telling};
use crate::model::{
    CaseId, CaseState, Customer, DomainKey, Environment, NoticeId, NoticeKind, NoticeState,
};

pub async fn claim(
    store: &SqliteStore,
    now: Timestamp,
    limit: u32,
    lease: Duration,
) -> Result<Desk, StoreError> {
    let is_due: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM verification_case \
         WHERE closed_at IS NULL AND plan_at IS NOT NULL AND plan_at <= ?)",
    )
    .bind(row::micros(now))
    .fetch_one(&store.readers)
    .await?;
    if !is_due {
        return Ok(Desk::default());
    }
    let until = now + jiff::SignedDuration::try_from(lease).unwrap_or_default();
    let mut writing = store.begin().await?;
    let ids: Vec<i64> = sqlx::query_scalar(
        "UPDATE verification_case SET plan_at = ?3 WHERE id IN (SELECT id FROM verification_case \
            WHERE closed_at IS NULL AND plan_at IS NOT NULL AND plan_at <= ?1 \
            ORDER BY plan_at, id LIMIT ?2) RETURNING id",
    )
    .bind(row::micros(now))
    .bind(limit)
    .bind(row::micros(until))
    .fetch_all(&mut *writing)
    .await?;
    let desk = read(&mut writing, &ids).await?;
    store.end(writing).await?;
    Ok(desk)
}

pub async fn all(store: &SqliteStore) -> Result<Desk, StoreError> {
    let mut reading = store.readers.begin().await?;
    let ids: Vec<i64> = sqlx::query_scalar(
        "SELECT id FROM verification_case INDEXED BY case_open_id \
         WHERE closed_at IS NULL ORDER BY id",
    )
    .fetch_all(&mut *reading)
    .await?;
    let desk = read(&mut reading, &ids).await?;
    reading.commit().await?;
    Ok(desk)
}

pub async fn one(store: &SqliteStore, id: CaseId) -> Result<Desk, StoreError> {
    let mut reading = store.readers.begin().await?;
    let desk = read(&mut reading, &[id.0]).await?;
    reading.commit().await?;
    Ok(desk)
}

async fn read(connection: &mut SqliteConnection, ids: &[i64]) -> Result<Desk, StoreError> {
    let ids = row::json(&ids)?;
    let mut told: BTreeMap<i64, Vec<Told>> = BTreeMap::new();
    let rows = sqlx::query(
        "SELECT \"case\", notice.id, kind, notice.state, coalesce(sent_at, due_at) AS at, \
         recipient, message_id FROM json_each(?) AS asked \
         CROSS JOIN verification_case ON verification_case.id = asked.value \
         CROSS JOIN domain ON domain.environment = verification_case.environment \
             AND domain.ace = verification_case.ace \
         CROSS JOIN notice_item ON \"case\" = asked.value AND withdrawn = 0 \
         CROSS JOIN notice ON notice.id = notice_item.notice \
             AND notice.customer = domain.customer \
         ORDER BY json_extract(notice_item.body, '$.sequence')",
    )
    .bind(&ids)
    .fetch_all(&mut *connection)
    .await?;
    for found in &rows {
        let of_case = told.entry(found.try_get("case")?).or_default();
        of_case.push(Told {
            notice: NoticeId(found.try_get("id")?),
            kind: row::word(found.try_get("kind")?, NoticeKind::from_word)?,
            state: row::word(found.try_get("state")?, NoticeState::from_word)?,
            at: row::instant(found.try_get("at")?)?,
            recipient: found.try_get("recipient")?,
            message_id: found.try_get("message_id")?,
        });
    }
    let select = format!(
        "SELECT {}, verification_case.id AS case_id, verification_case.state AS case_state, \
         customer.body AS customer_body, (SELECT max(task.closed_at) FROM task \
             WHERE task.\"case\" = verification_case.id AND is_made AND {}) AS called_at \
         FROM json_each(?) AS asked \
         CROSS JOIN verification_case ON verification_case.id = asked.value AND closed_at IS NULL \
         CROSS JOIN domain ON domain.environment = verification_case.environment \
             AND domain.ace = verification_case.ace \
         LEFT JOIN customer ON customer.id = domain.customer ORDER BY verification_case.id",
        row::DOMAIN_COLUMNS,
        tasks::OF_CUSTOMER
    );
    let rows = sqlx::query(AssertSqlSafe(select))
        .bind(&ids)
        .fetch_all(&mut *connection)
        .await?;
    let (codes, asked) = reseller::codes(connection, &ids).await?;
    let mut cases = Vec::with_capacity(rows.len());
    for found in &rows {
        let id: i64 = found.try_get("case_id")?;
        cases.push(PlanCase {
            id: CaseId(id),
            state: row::word(found.try_get("case_state")?, CaseState::from_word)?,
            record: row::record(found)?,
            customer: found
                .try_get::<Option<&str>, _>("customer_body")?
                .map(row::from_json::<Customer>)
                .transpose()?,
            told: told.remove(&id).unwrap_or_default(),
            called_at: row::optional_instant(found.try_get("called_at")?)?,
            has_code: codes.contains(&id),
            code_asked_at: asked.get(&id).copied(),
        });
    }
    let customers = cases.iter().filter_map(|case| {
        let environment = case.record.key.environment;
        Some((environment, case.customer.as_ref()?))
    });
    let open = open_above(connection, customers).await?;
    Ok(Desk { cases, open })
}

/// Open cases of the domains that the addresses of these customers lie under; of those that have
/// moved away, were deleted or are on hold, that.
pub async fn open_above(
    connection: &mut SqliteConnection,
    customers: impl Iterator<Item = (Environment, &Customer)>,
) -> Result<BTreeMap<DomainKey, CaseState>, StoreError> {
    let asked: BTreeSet<(&str, String)> = customers
        .flat_map(|(environment, customer)| {
            let above = customer.address_domains();
            (above.into_iter()).map(move |domain| (environment.as_str(), domain.ace().to_owned()))
        })
        .collect();
    if asked.is_empty() {
        return Ok(BTreeMap::new());
    }
    sqlx::query(
        "SELECT environment, ace, state FROM json_each(?) AS asked \
         CROSS JOIN verification_case ON environment = asked.value ->> 0 \
             AND ace = asked.value ->> 1 AND closed_at IS NULL \
         UNION ALL SELECT environment, ace, CASE WHEN lifecycle IN ('moved', 'deleted') \
             THEN lifecycle ELSE 'on-hold' END FROM json_each(?) AS asked \
         CROSS JOIN domain ON environment = asked.value ->> 0 AND ace = asked.value ->> 1 \
         WHERE lifecycle IN ('moved', 'deleted') OR facts ->> '$.status.status' = 'serverHold' \
            OR facts ->> '$.reseller.state.is_parked' \
            OR facts ->> '$.reseller.state.is_client_hold' \
            OR facts ->> '$.reseller.state.is_server_hold'",
    )
    .bind(row::json(&asked)?)
    .bind(row::json(&asked)?)
    .fetch_all(connection)
    .await?
    .iter()
    .map(|found| {
        let key = DomainKey {
            environment: row::environment(found.try_get("environment")?)?,
            domain: row::name(found.try_get("ace")?)?,
        };
        let state = row::word(found.try_get("state")?, CaseState::from_word)?;
        Ok((key, state))
    })
    .collect()
}

pub async fn commit(store: &SqliteStore, changes: &[PlanChange]) -> Result<(), StoreError> {
    let mut writing = store.begin().await?;
    let same = same(&mut writing, changes).await?;
    let (same, changed): (Vec<_>, Vec<_>) =
        (changes.iter()).partition(|change| same.contains(&change.case.0));
    let mut drafts = Vec::new();
    for change in &same {
        drafts.extend(change.notices.iter().map(|draft| (*change, draft)));
    }
    let tellings: Vec<Telling> = (drafts.iter())
        .map(|(change, draft)| Telling {
            message: None,
            case: Some(change.case),
            draft,
        })
        .collect();
    let told = telling::write(&mut writing, &tellings).await?;
    for ((change, draft), is_told) in drafts.into_iter().zip(told) {
        if let Some(lost) = change.again.filter(|_| is_told) {
            let entry = said_again(change.case, lost, draft);
            audit::append(&mut writing, &entry, &entry.object).await?;
        }
    }
    let mut plans = Vec::with_capacity(changes.len());
    let mut ends = Vec::new();
    for change in same {
        let at = row::micros(change.at);
        ends.extend(change.clears.iter().map(|key| (key.clone(), at)));
        for command in &change.commands {
            reseller::queue_for_case(&mut writing, change.case, command, change.at).await?;
        }
        for draft in &change.tasks {
            tasks::open(&mut writing, change.case, draft).await?;
        }
        let next_at = change.next_at.map(row::micros);
        let is_reached = change.tasks.is_empty();
        plans.push((change.case.0, next_at, is_reached, row::micros(change.at)));
    }
    plans.extend(
        changed
            .iter()
            .map(|change| (change.case.0, Some(0), false, 0)),
    );
    if !ends.is_empty() {
        cases::clear_all(&mut writing, &ends).await?;
    }
    let plans = row::json(&plans)?;
    sqlx::query(
        "UPDATE task SET closed_at = plan.value ->> 3, outcome = ? FROM json_each(?) AS plan \
         WHERE task.closed_at IS NULL AND task.\"case\" = plan.value ->> 0 AND plan.value ->> 2; \
         UPDATE verification_case AS open SET plan_at = plan.value ->> 1 FROM json_each(?) AS plan \
         WHERE open.id = plan.value ->> 0 AND open.closed_at IS NULL",
    )
    .bind("no longer needed: mail reaches the customer")
    .bind(&plans)
    .bind(&plans)
    .execute(&mut *writing)
    .await?;
    store.end(writing).await
}

/// The cases that stand as they were read. Since one was claimed, whatever matters to its plan, such as
/// a mail that came back, has put it first in line again: what was read then is old.
async fn same(writing: &mut Writing, changes: &[PlanChange]) -> Result<BTreeSet<i64>, StoreError> {
    let asked: Vec<_> = (changes.iter())
        .map(|change| (change.case.0, change.state.as_str(), change.version))
        .collect();
    let ids: Vec<i64> = sqlx::query_scalar(
        "SELECT open.id FROM json_each(?) AS asked \
         CROSS JOIN verification_case AS open ON open.id = asked.value ->> 0 \
            AND open.closed_at IS NULL AND open.state = asked.value ->> 1 \
            AND open.plan_at IS NOT 0 \
         CROSS JOIN domain ON domain.environment = open.environment AND domain.ace = open.ace \
            AND domain.version = asked.value ->> 2",
    )
    .bind(row::json(&asked)?)
    .fetch_all(&mut **writing)
    .await?;
    Ok(ids.into_iter().collect())
}

fn said_again(case: CaseId, lost: NoticeId, draft: &NoticeDraft) -> AuditEntry {
    AuditEntry {
        at: draft.notice.created_at,
        actor: "stichtag".to_owned(),
        action: "notice again".to_owned(),
        object: case.to_string(),
        detail: format!(
            "{} to the next address of customer {}, because {lost} did not arrive",
            draft.notice.kind, draft.notice.customer
        ),
    }
}

pub async fn next_at(store: &SqliteStore) -> Result<Option<Timestamp>, StoreError> {
    let next: Option<i64> = sqlx::query_scalar(
        "SELECT min(plan_at) FROM verification_case \
         WHERE closed_at IS NULL AND plan_at IS NOT NULL",
    )
    .fetch_one(&store.readers)
    .await?;
    row::optional_instant(next)
}

pub async fn again(store: &SqliteStore) -> Result<(), StoreError> {
    let mut writing = store.begin().await?;
    sqlx::query("UPDATE verification_case SET plan_at = 0 WHERE closed_at IS NULL")
        .execute(&mut *writing)
        .await?;
    store.end(writing).await
}
