//! Tellings: what a customer is told of one case, in which mail, and what takes it back.

use jiff::Timestamp;
use sqlx::Row;

use super::super::{NoticeDraft, NoticeSeed, StoreError};
use super::{Writing, row};
use crate::model::{
    Announced, CaseId, CustomerId, Direction, DomainKey, InboundId, NoticeItem, NoticeKind,
    NoticeState,
};

/// Joins the customer's open notice of the same kind, or begins one; false: told before.
pub async fn write(
    writing: &mut Writing,
    message: Option<InboundId>,
    case: Option<CaseId>,
    draft: &NoticeDraft,
) -> Result<bool, StoreError> {
    let seed = &draft.notice;
    let case = case.filter(|_| is_about_case(draft));
    let of_case = case.map_or("-".to_owned(), |case| case.to_string());
    let mut key = format!("{of_case}:{}", draft.key);
    // Of a case only the last telling to this customer counts: a date that was moved away and comes
    // back is news. What was only written down while nothing was sent is no telling once mails are.
    let found = sqlx::query(
        "SELECT CASE WHEN ?1 IS NULL THEN (SELECT key FROM notice_item WHERE key = ?2) \
            ELSE (SELECT key FROM notice_item WHERE \"case\" = ?1 AND withdrawn = 0 \
                AND EXISTS (SELECT 1 FROM notice WHERE notice.id = notice_item.notice \
                    AND customer = ?4 AND (?3 = 'observed' OR state <> 'observed')) \
                ORDER BY json_extract(body, '$.sequence') DESC LIMIT 1) END AS last, \
         coalesce((SELECT sequence FROM verification_case WHERE id = ?1), 0) AS sequence",
    )
    .bind(case.map(|case| case.0))
    .bind(&key)
    .bind(seed.state.as_str())
    .bind(&seed.customer.0)
    .fetch_one(&mut **writing)
    .await?;
    let told = found
        .try_get::<Option<&str>, _>("last")?
        .map(|last| last.rsplit_once('#').map_or(last, |(told, _)| told));
    if told == Some(key.as_str()) {
        return Ok(false);
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
    .bind(message.map(|message| message.0))
    .fetch_optional(&mut **writing)
    .await?;
    let sequence: i64 = found.try_get("sequence")?;
    let mut overtaken = Vec::new();
    let mut announced = Announced::default();
    if let Some(case) = case {
        key = format!("{key}#{sequence}");
        // Whatever still waits to be said about this case is overtaken.
        overtaken = withdraw_items(writing, case).await?;
        announced = announced_before(writing, case, &seed.customer).await?;
    }
    let item = NoticeItem {
        case,
        sequence: u32::try_from(sequence).unwrap_or(u32::MAX),
        announced: Some(announced),
        ..draft.item.clone()
    };
    let case = case.map(|case| case.0);
    let insert = match open {
        Some(open) => sqlx::query(JOIN).bind(case).bind(open),
        None => sqlx::query(BEGIN)
            .bind(case)
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
            .bind(seed.in_reply_to.as_deref()),
    };
    insert
        .bind(&key)
        .bind(message.map(|message| message.0))
        .bind(case)
        .bind(item.domain.ace())
        .bind(row::json(&item)?)
        .execute(&mut **writing)
        .await?;
    drop_empty(writing, &overtaken, seed.created_at).await?;
    Ok(true)
}

const JOIN: &str = "UPDATE verification_case SET sequence = sequence + 1, plan_at = 0 WHERE id = ?; \
     INSERT INTO notice_item (notice, key, message, \"case\", ace, body) \
     VALUES (?, ?, ?, ?, ?, ?)";

const BEGIN: &str = "UPDATE verification_case SET sequence = sequence + 1, plan_at = 0 WHERE id = ?; \
     INSERT INTO notice (environment, kind, languages, customer, salutation, timezone, \
         recipient, code, message_id, created_at, due_at, state, in_reply_to) \
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?); \
     INSERT INTO notice_item (notice, key, message, \"case\", ace, body) \
     VALUES (last_insert_rowid(), ?, ?, ?, ?, ?)";

/// That a domain is registered, or with us now, is news of its own: what the registry asks for in the
/// same breath has a mail of its own and does not overtake it.
fn is_about_case(draft: &NoticeDraft) -> bool {
    draft.notice.kind != NoticeKind::Registered && draft.item.direction != Some(Direction::ToUs)
}

/// What stands in the customer's calendar because of earlier mails about the case.
async fn announced_before(
    writing: &mut Writing,
    case: CaseId,
    customer: &CustomerId,
) -> Result<Announced, StoreError> {
    let last = sqlx::query(
        "SELECT body, kind FROM notice_item JOIN notice ON notice.id = notice_item.notice \
         WHERE \"case\" = ? AND customer = ? AND state <> 'observed' \
            AND (withdrawn = 0 OR withdrawn = 1 AND raw IS NOT NULL) \
         ORDER BY json_extract(body, '$.sequence') DESC LIMIT 1",
    )
    .bind(case.0)
    .bind(&customer.0)
    .fetch_optional(&mut **writing)
    .await?;
    let Some(last) = last else {
        return Ok(Announced::default());
    };
    let item: NoticeItem = row::from_json(last.try_get("body")?)?;
    let kind = row::word(last.try_get("kind")?, NoticeKind::from_word)?;
    Ok(item.announces(kind))
}

/// Takes back what waits to be said about a case: it is left out of mails that are not written yet,
/// and a mail about nothing else stays unsent, even if its bytes are fixed because an earlier try may
/// have left. One with fixed bytes that is about something else too goes out whole.
///
/// A mail that is under way right now cannot be called back; if it turns out not to have left, it is
/// not tried again, or without this ([`super::outbox`]).
pub async fn withdraw(
    writing: &mut Writing,
    case: CaseId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let notices = withdraw_items(writing, case).await?;
    drop_empty(writing, &notices, now).await
}

/// Marks what waits to be said about a case; returns the mails it is in.
async fn withdraw_items(writing: &mut Writing, case: CaseId) -> Result<Vec<i64>, StoreError> {
    Ok(sqlx::query_scalar(
        "UPDATE notice_item SET withdrawn = 1 WHERE \"case\" = ?1 AND withdrawn = 0 \
         AND EXISTS (SELECT 1 FROM notice WHERE notice.id = notice_item.notice \
            AND notice.state IN ('queued', 'delayed')) RETURNING notice",
    )
    .bind(case.0)
    .fetch_all(&mut **writing)
    .await?)
}

/// The same for a domain that is another customer's now: the former one hears nothing more of it.
pub async fn withdraw_from_others(
    writing: &mut Writing,
    domain: &DomainKey,
    customer: Option<&CustomerId>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let notices: Vec<i64> = sqlx::query_scalar(
        "UPDATE notice_item SET withdrawn = 1 WHERE ace = ?1 AND withdrawn = 0 \
         AND notice IN (SELECT id FROM notice WHERE state IN ('queued', 'delayed') \
            AND environment = ?2 AND customer IS NOT ?3) RETURNING notice",
    )
    .bind(domain.domain.ace())
    .bind(domain.environment.as_str())
    .bind(customer.map(|id| id.0.as_str()))
    .fetch_all(&mut **writing)
    .await?;
    drop_empty(writing, &notices, now).await
}

/// Those of these mails that are about nothing any more stay unsent.
async fn drop_empty(
    writing: &mut Writing,
    notices: &[i64],
    now: Timestamp,
) -> Result<(), StoreError> {
    if notices.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "UPDATE notice SET state = 'withdrawn', is_open = 0 \
         WHERE id IN (SELECT value FROM json_each(?1)) AND lease_until <= ?2 \
         AND NOT EXISTS (SELECT 1 FROM notice_item WHERE notice = notice.id AND withdrawn = 0)",
    )
    .bind(row::json(&notices)?)
    .bind(row::micros(now))
    .execute(&mut **writing)
    .await?;
    Ok(())
}

/// Has the customer that is now to be told of this case heard of it, or may he have? What was only
/// observed is nothing once mails are sent; what may have left counts, whatever overtook it since.
pub async fn is_told(
    writing: &mut Writing,
    case: CaseId,
    seed: &NoticeSeed,
) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM notice_item JOIN notice ON notice.id = notice_item.notice \
         WHERE \"case\" = ?1 AND customer = ?2 AND (?3 OR state <> 'observed') \
            AND (withdrawn = 0 OR withdrawn = 1 AND raw IS NOT NULL))",
    )
    .bind(case.0)
    .bind(&seed.customer.0)
    .bind(seed.state == NoticeState::Observed)
    .fetch_one(&mut **writing)
    .await?)
}
