//! What writing a change would do: it is written, looked at and undone.

use sqlx::{AssertSqlSafe, Row};

use super::super::{
    Alarm, Change, DomainOutcome, HistoryEntry, NoticeOutcome, Outcome, StoreError,
};
use super::{SqliteStore, Writing, books, cases, commit, log, outbox, row};
use crate::model::{DomainKey, DomainRecord};

/// The write lock is held for as long as it takes; readers see nothing of it.
pub async fn rehearse(store: &SqliteStore, changes: &[Change]) -> Result<Vec<Outcome>, StoreError> {
    let mut writing = store.begin().await?;
    let mut outcomes = Vec::with_capacity(changes.len());
    for change in changes {
        match one(&mut writing, change).await {
            Ok(outcome) => outcomes.push(outcome),
            Err(StoreError::Conflict) => {
                store.undo(writing).await?;
                return Err(StoreError::Conflict);
            }
            Err(error) => return Err(error),
        }
    }
    store.undo(writing).await?;
    Ok(outcomes)
}

async fn one(writing: &mut Writing, change: &Change) -> Result<Outcome, StoreError> {
    let message = change.decision.message;
    // As if it had been put back in line.
    sqlx::query("INSERT INTO pending (id) VALUES (?) ON CONFLICT DO NOTHING")
        .bind(message.0)
        .execute(&mut **writing)
        .await?;
    let keys: Vec<DomainKey> = change
        .domains
        .iter()
        .map(|domain| domain.record.key.clone())
        .collect();
    let before = look(writing, change, &keys).await?;
    commit::write_all(writing, std::slice::from_ref(change)).await?;
    let after = look(writing, change, &keys).await?;

    let found = sqlx::query("SELECT * FROM verdict WHERE id = ?")
        .bind(message.0)
        .fetch_one(&mut **writing)
        .await?;
    let decision = log::decision(message, found.try_get("decided_at")?, &found)?;
    let mut domains = Vec::with_capacity(keys.len());
    let seen = before.domains.into_iter().zip(after.domains);
    for (domain, (was, is)) in change.domains.iter().zip(seen) {
        let Some(record) = is.record else { continue };
        domains.push(DomainOutcome {
            before: was.record,
            after: record,
            history: is.history.into_iter().skip(was.history.len()).collect(),
            case: domain.case,
        });
    }
    let notices = after
        .notices
        .into_iter()
        .filter(|(id, items)| {
            let earlier = before.notices.iter().find(|(earlier, _)| earlier == id);
            earlier.is_none_or(|(_, had)| had < items)
        })
        .collect::<Vec<_>>();
    let mut told = Vec::with_capacity(notices.len());
    for (id, _) in notices {
        told.push(NoticeOutcome {
            is_new: id > before.last_notice,
            notice: outbox::one(writing, id).await?,
        });
    }
    let is_in = |alarm: &Alarm, all: &[Alarm]| all.iter().any(|other| other.key == alarm.key);
    Ok(Outcome {
        decision,
        domains,
        notices: told,
        raised: (after.alarms.iter())
            .filter(|alarm| !is_in(alarm, &before.alarms))
            .cloned()
            .collect(),
        cleared: (before.alarms.iter())
            .filter(|alarm| !is_in(alarm, &after.alarms))
            .cloned()
            .collect(),
    })
}

/// What a change can touch.
struct Sight {
    domains: Vec<DomainSight>,
    /// Notices with so many items of the message.
    notices: Vec<(i64, i64)>,
    last_notice: i64,
    alarms: Vec<Alarm>,
}

struct DomainSight {
    record: Option<DomainRecord>,
    history: Vec<HistoryEntry>,
}

async fn look(
    writing: &mut Writing,
    change: &Change,
    keys: &[DomainKey],
) -> Result<Sight, StoreError> {
    let select = format!(
        "SELECT {} FROM domain WHERE environment = ? AND ace = ?",
        row::DOMAIN_COLUMNS
    );
    let mut domains = Vec::with_capacity(keys.len());
    for key in keys {
        let record = sqlx::query(AssertSqlSafe(select.as_str()))
            .bind(key.environment.as_str())
            .bind(key.domain.ace())
            .fetch_optional(&mut **writing)
            .await?
            .map(|found| row::record(&found))
            .transpose()?;
        let history = books::history_in(writing, key).await?;
        domains.push(DomainSight { record, history });
    }
    let rows = sqlx::query(
        "SELECT notice, count(*) AS items FROM notice_item WHERE message = ? \
         GROUP BY notice ORDER BY notice",
    )
    .bind(change.decision.message.0)
    .fetch_all(&mut **writing)
    .await?;
    let mut notices = Vec::with_capacity(rows.len());
    for found in &rows {
        notices.push((found.try_get("notice")?, found.try_get("items")?));
    }
    let last_notice = sqlx::query_scalar("SELECT coalesce(max(id), 0) FROM notice")
        .fetch_one(&mut **writing)
        .await?;
    Ok(Sight {
        domains,
        notices,
        last_notice,
        alarms: cases::alarms_in(writing).await?,
    })
}
