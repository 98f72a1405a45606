//! All that is known of one case, in one reading transaction.

use sqlx::SqliteConnection;

use super::super::{Dossier, NoticeFilter, StoreError};
use super::{SqliteStore, audit, books, cases, log, outbox, reports, tasks};
use crate::model::{CaseId, DomainKey, InboundId};

pub async fn dossier(store: &SqliteStore, id: CaseId) -> Result<Option<Dossier>, StoreError> {
    let mut reading = store.readers.begin().await?;
    let Some(case) = cases::one(&mut reading, id).await? else {
        return Ok(None);
    };
    let of_case = NoticeFilter {
        case: Some(id),
        ..NoticeFilter::default()
    };
    let notices = outbox::notices_in(&mut reading, &of_case).await?;
    let named = messages(&mut reading, id, &case.key).await?;
    let messages = log::of(&mut reading, &named).await?;
    let gone = (named.into_iter())
        .filter(|id| messages.iter().all(|entry| entry.id != *id))
        .collect::<Vec<_>>();
    let objects: Vec<String> = std::iter::once(id.to_string())
        .chain(messages.iter().map(|entry| entry.id.to_string()))
        .chain(gone.iter().map(InboundId::to_string))
        .chain(notices.iter().map(|entry| entry.notice.id.to_string()))
        .collect();
    let found = Dossier {
        record: books::domain_in(&mut reading, &case.key).await?,
        history: books::history_in(&mut reading, &case.key).await?,
        notes: cases::notes_in(&mut reading, id).await?,
        calls: tasks::tasks_in(&mut reading, Some(id)).await?,
        reports: reports::reports_in(&mut reading, None, Some(id)).await?,
        audit: audit::of_all(&mut reading, &objects).await?,
        head: audit::head_in(&mut reading).await?,
        case,
        notices,
        messages,
        gone,
    };
    reading.commit().await?;
    Ok(Some(found))
}

/// Messages about the domain of a case, those that caused a notice of it, and reports about these, by
/// their numbers.
async fn messages(
    connection: &mut SqliteConnection,
    case: CaseId,
    domain: &DomainKey,
) -> Result<Vec<InboundId>, StoreError> {
    let ids: Vec<i64> = sqlx::query_scalar(
        "SELECT id FROM verdict WHERE ace = ?2 AND (environment IS NULL OR environment = ?1) \
         UNION SELECT message FROM history \
            WHERE environment = ?1 AND ace = ?2 AND message IS NOT NULL \
         UNION SELECT source_message FROM domain \
            WHERE environment = ?1 AND ace = ?2 AND source_message IS NOT NULL \
         UNION SELECT message FROM notice_item WHERE \"case\" = ?3 AND message IS NOT NULL \
         UNION SELECT message FROM report WHERE notice IN \
            (SELECT notice FROM notice_item WHERE \"case\" = ?3) \
         ORDER BY 1",
    )
    .bind(domain.environment.as_str())
    .bind(domain.domain.ace())
    .bind(case.0)
    .fetch_all(connection)
    .await?;
    Ok(ids.into_iter().map(InboundId).collect())
}
