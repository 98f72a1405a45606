//! Tellings: what a customer is told of one case, in which mail, and what takes it back.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jiff::Timestamp;
use serde::Serialize;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::super::{NoticeDraft, NoticeSeed, StoreError};
use super::{Writing, row};
use crate::model::{
    Announced, CaseId, CustomerId, Direction, DomainKey, InboundId, NoticeItem, NoticeKind,
    NoticeState,
};

/// Something a customer is to be told.
#[derive(Clone, Copy)]
pub struct Telling<'a> {
    /// The message that tells it; `None`: the plan of the case.
    pub message: Option<InboundId>,
    /// The domain's case.
    pub case: Option<CaseId>,
    /// The mail.
    pub draft: &'a NoticeDraft,
}

impl Telling<'_> {
    /// The case, if this is about it.
    fn of_case(&self) -> Option<CaseId> {
        self.case.filter(|_| is_about_case(self.draft))
    }

    /// The key without its number.
    fn key(&self) -> String {
        let of_case = self
            .of_case()
            .map_or("-".to_owned(), |case| case.to_string());
        format!("{of_case}:{}", self.draft.key)
    }
}

/// Each joins its customer's open notice of the same kind, or begins one; `false`: told before.
pub async fn write(
    writing: &mut Writing,
    tellings: &[Telling<'_>],
) -> Result<Vec<bool>, StoreError> {
    let mut told = vec![false; tellings.len()];
    for round in rounds(tellings) {
        let asked: Vec<Telling> = round.iter().map(|nth| tellings[*nth]).collect();
        let rows = Before::read(writing, &asked).await?;
        let rows = (asked.iter().zip(rows)).map(|(telling, before)| {
            let is_known = before.told.as_deref() == Some(telling.key().as_str());
            (!is_known).then(|| Said::of(telling, before)).transpose()
        });
        let rows: Vec<Option<Said>> = rows.collect::<Result<_, _>>()?;
        for (nth, row) in round.iter().zip(&rows) {
            told[*nth] = row.is_some();
        }
        put(writing, &rows.into_iter().flatten().collect::<Vec<_>>()).await?;
    }
    Ok(told)
}

/// The numbers of the tellings in rounds: what is told of the same case, to the same customer or under
/// the same key reads what was written before it.
fn rounds(tellings: &[Telling<'_>]) -> Vec<Vec<usize>> {
    let mut rounds: Vec<Vec<usize>> = Vec::new();
    let mut begins: BTreeMap<String, usize> = BTreeMap::new();
    for (nth, telling) in tellings.iter().enumerate() {
        let of_case = telling.of_case().map(|case| format!("case {case}"));
        let customer = format!("customer {}", telling.draft.notice.customer);
        let keys: Vec<String> = [customer, telling.key()]
            .into_iter()
            .chain(of_case)
            .collect();
        let round = keys.iter().filter_map(|key| begins.get(key)).max();
        let round = round.copied().unwrap_or(0);
        match rounds.get_mut(round) {
            Some(round) => round.push(nth),
            None => rounds.push(vec![nth]),
        }
        begins.extend(keys.into_iter().map(|key| (key, round + 1)));
    }
    rounds
}

/// What is written, as the statements read it.
#[derive(Serialize)]
struct Said<'a> {
    open: Option<i64>,
    environment: &'static str,
    kind: &'static str,
    languages: String,
    customer: &'a str,
    salutation: &'a str,
    timezone: Option<&'a str>,
    recipient: &'a str,
    code: &'a str,
    message_id: &'a str,
    created_at: i64,
    due_at: i64,
    state: &'static str,
    in_reply_to: Option<&'a str>,
    key: String,
    message: Option<i64>,
    case: Option<i64>,
    ace: &'a str,
    body: String,
}

impl<'a> Said<'a> {
    fn of(telling: &Telling<'a>, before: Before) -> Result<Self, StoreError> {
        let seed = &telling.draft.notice;
        let case = telling.of_case();
        let mut key = telling.key();
        if case.is_some() {
            key = format!("{key}#{}", before.sequence);
        }
        let item = NoticeItem {
            case,
            sequence: u32::try_from(before.sequence).unwrap_or(u32::MAX),
            announced: Some(before.announced),
            ..telling.draft.item.clone()
        };
        Ok(Said {
            open: before.open,
            environment: seed.environment.as_str(),
            kind: seed.kind.as_str(),
            languages: row::json(&seed.languages)?,
            customer: &seed.customer.0,
            salutation: &seed.salutation,
            timezone: seed.timezone.as_deref(),
            recipient: &seed.recipient,
            code: &seed.code,
            message_id: &seed.message_id,
            created_at: row::micros(seed.created_at),
            due_at: row::micros(seed.due_at),
            state: seed.state.as_str(),
            in_reply_to: seed.in_reply_to.as_deref(),
            key,
            message: telling.message.map(|message| message.0),
            case: case.map(|case| case.0),
            ace: telling.draft.item.domain.ace(),
            body: row::json(&item)?,
        })
    }
}

/// Writes them; whatever still waits to be said about their cases is overtaken.
async fn put(writing: &mut Writing, said: &[Said<'_>]) -> Result<(), StoreError> {
    let Some(now) = said.iter().map(|said| said.created_at).max() else {
        return Ok(());
    };
    let cases: Vec<i64> = said.iter().filter_map(|said| said.case).collect();
    let overtaken = sqlx::query_scalar(PUT.as_str())
        .bind(row::json(&cases)?)
        .bind(row::json(&said)?)
        .fetch_all(&mut **writing)
        .await?;
    drop_empty(writing, &overtaken, now).await
}

static PUT: LazyLock<String> = LazyLock::new(|| {
    format!(
        "{WITHDRAW}; \
         UPDATE verification_case SET sequence = sequence + 1, plan_at = 0 \
         WHERE id IN (SELECT value FROM json_each(?1)); \
         INSERT INTO notice (environment, kind, languages, customer, salutation, timezone, \
             recipient, code, message_id, created_at, due_at, state, in_reply_to) \
         SELECT value ->> 'environment', value ->> 'kind', value ->> 'languages', \
             value ->> 'customer', value ->> 'salutation', value ->> 'timezone', \
             value ->> 'recipient', value ->> 'code', value ->> 'message_id', \
             value ->> 'created_at', value ->> 'due_at', value ->> 'state', \
             value ->> 'in_reply_to' FROM json_each(?2) WHERE value ->> 'open' IS NULL; \
         INSERT INTO notice_item (notice, key, message, \"case\", ace, body) \
         SELECT coalesce(value ->> 'open', (SELECT id FROM notice \
                 WHERE notice.message_id = value ->> 'message_id')), \
             value ->> 'key', value ->> 'message', value ->> 'case', value ->> 'ace', \
             value ->> 'body' FROM json_each(?2)"
    )
});

/// What was said before, of a case or to a customer.
struct Before {
    /// The key of the last telling, without its number.
    told: Option<String>,
    /// How often the case was told of.
    sequence: i64,
    /// The customer's notice that this may go into.
    open: Option<i64>,
    /// What stands in the customer's calendar because of earlier mails about the case.
    announced: Announced,
}

impl Before {
    /// Of a case only the last telling to this customer counts: a date that was moved away and comes
    /// back is news. What was only written down while nothing was sent is no telling once mails are.
    ///
    /// A calendar has what may have left: an item that is not overtaken, or whose mail has its bytes.
    async fn read(
        writing: &mut Writing,
        tellings: &[Telling<'_>],
    ) -> Result<Vec<Self>, StoreError> {
        let asked: Vec<_> = (tellings.iter())
            .map(|telling| {
                let seed = &telling.draft.notice;
                serde_json::json!({
                    "case": telling.of_case().map(|case| case.0),
                    "key": telling.key(),
                    "customer": seed.customer.0,
                    "environment": seed.environment.as_str(),
                    "kind": seed.kind.as_str(),
                    "recipient": seed.recipient,
                    "state": seed.state.as_str(),
                    "created_at": row::micros(seed.created_at),
                    "message": telling.message.map(|message| message.0),
                })
            })
            .collect();
        sqlx::query(
            "SELECT CASE WHEN value ->> 'case' IS NULL \
                THEN (SELECT key FROM notice_item WHERE key = value ->> 'key') \
                ELSE (SELECT item.key FROM notice_item AS item \
                    CROSS JOIN notice ON notice.id = item.notice \
                    WHERE item.\"case\" = value ->> 'case' AND withdrawn = 0 \
                        AND notice.customer = value ->> 'customer' \
                        AND (value ->> 'state' = 'observed' OR notice.state <> 'observed') \
                    ORDER BY json_extract(item.body, '$.sequence') DESC LIMIT 1) END AS told, \
             coalesce((SELECT sequence FROM verification_case WHERE id = value ->> 'case'), 0) \
                AS sequence, \
             (SELECT id FROM notice WHERE is_open = 1 AND customer = value ->> 'customer' \
                AND environment = value ->> 'environment' AND kind = value ->> 'kind' \
                AND recipient = value ->> 'recipient' AND state = value ->> 'state' \
                AND (due_at > value ->> 'created_at' OR EXISTS (SELECT 1 FROM notice_item \
                    WHERE notice = notice.id AND message = value ->> 'message')) \
                ORDER BY id LIMIT 1) AS open, \
             (SELECT json_array(notice.kind, item.body) FROM notice_item AS item \
                CROSS JOIN notice ON notice.id = item.notice \
                WHERE item.\"case\" = value ->> 'case' \
                    AND notice.customer = value ->> 'customer' AND notice.state <> 'observed' \
                    AND (raw IS NOT NULL \
                        OR withdrawn = 0 AND notice.state NOT IN ('queued', 'delayed')) \
                ORDER BY json_extract(item.body, '$.sequence') DESC LIMIT 1) AS last \
             FROM json_each(?) ORDER BY json_each.id",
        )
        .bind(row::json(&asked)?)
        .fetch_all(&mut **writing)
        .await?
        .iter()
        .map(Before::of)
        .collect()
    }

    fn of(found: &SqliteRow) -> Result<Self, StoreError> {
        let told: Option<&str> = found.try_get("told")?;
        let told = told.map(|last| last.rsplit_once('#').map_or(last, |(told, _)| told));
        let announced = match found.try_get::<Option<&str>, _>("last")? {
            Some(last) => {
                let (kind, body): (String, String) = row::from_json(last)?;
                let item: NoticeItem = row::from_json(&body)?;
                item.announces(row::word(&kind, NoticeKind::from_word)?)
            }
            None => Announced::default(),
        };
        Ok(Before {
            told: told.map(str::to_owned),
            sequence: found.try_get("sequence")?,
            open: found.try_get("open")?,
            announced,
        })
    }
}

/// That a domain is registered, or with us now, is news of its own: what the registry asks for in the
/// same breath has a mail of its own and does not overtake it.
fn is_about_case(draft: &NoticeDraft) -> bool {
    draft.notice.kind != NoticeKind::Registered && draft.item.direction != Some(Direction::ToUs)
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
    let notices: Vec<i64> = sqlx::query_scalar(WITHDRAW)
        .bind(row::json(&[case.0])?)
        .fetch_all(&mut **writing)
        .await?;
    drop_empty(writing, &notices, row::micros(now)).await
}

/// Marks what waits to be said about cases (a JSON list); answers with the mails it is in.
const WITHDRAW: &str = "UPDATE notice_item SET withdrawn = 1 WHERE withdrawn = 0 \
     AND \"case\" IN (SELECT value FROM json_each(?1)) \
     AND EXISTS (SELECT 1 FROM notice WHERE notice.id = notice_item.notice \
        AND notice.state IN ('queued', 'delayed')) RETURNING notice";

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
    drop_empty(writing, &notices, row::micros(now)).await
}

/// Those of these mails that are about nothing any more stay unsent. `now` in microseconds.
async fn drop_empty(writing: &mut Writing, notices: &[i64], now: i64) -> Result<(), StoreError> {
    if notices.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "UPDATE notice SET state = 'withdrawn', is_open = 0 \
         WHERE id IN (SELECT value FROM json_each(?1)) AND lease_until <= ?2 \
         AND NOT EXISTS (SELECT 1 FROM notice_item WHERE notice = notice.id AND withdrawn = 0)",
    )
    .bind(row::json(&notices)?)
    .bind(now)
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
