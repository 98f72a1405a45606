//! Orders, requests and the action log.

mod reading;

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::Row;

use super::super::{
    ActionFilter, Alarm, AuditEntry, CaseNote, OrderDraft, OrderFilter, OrderRelease, Ordering,
    Placed, RequestAnswer, RequestDelivery, RequestFilter, Sealed, StoreError,
};
use super::{SqliteStore, Writing, audit, books, cases, commit, inbound, row};
use crate::model::request::RegistryRequest;
use crate::model::{
    ActionEntry, ActionId, Ctid, DomainRecord, Environment, InboundId, Order, OrderId, OrderState,
    Purpose, RequestId, RequestState, SentRequest, Waits, reason,
};
use reading::{actions_in, orders_in, read_order, read_request};

pub use reading::{behind, replied, requests_in, unanswered, under, waiting};

#[async_trait]
impl Ordering for SqliteStore {
    async fn place_order(
        &self,
        draft: &OrderDraft,
        audit: &AuditEntry,
    ) -> Result<Placed, StoreError> {
        let mut writing = self.begin().await?;
        let before = sqlx::query("SELECT * FROM registry_order WHERE key = ?")
            .bind(&draft.order.key)
            .fetch_optional(&mut *writing)
            .await?;
        if let Some(before) = before {
            let order = read_order(&before)?;
            self.undo(writing).await?;
            return Ok(Placed {
                order,
                is_new: false,
            });
        }
        let order = insert_order(&mut writing, &draft.order).await?;
        if let Some(ctid) = &draft.ctid {
            queue(&mut writing, &order, ctid, order.created_at).await?;
        }
        let placed = put(
            &mut writing,
            draft.record.as_ref(),
            audit,
            &order.id.to_string(),
        )
        .await;
        self.finish(writing, placed).await?;
        Ok(Placed {
            order,
            is_new: true,
        })
    }

    async fn release_order(
        &self,
        release: &OrderRelease,
        audit: &AuditEntry,
    ) -> Result<bool, StoreError> {
        let mut writing = self.begin().await?;
        let released = release_in(&mut writing, release).await?;
        if !released {
            self.undo(writing).await?;
            return Ok(false);
        }
        let placed = put(
            &mut writing,
            release.record.as_ref(),
            audit,
            &release.order.to_string(),
        )
        .await;
        self.finish(writing, placed).await?;
        Ok(true)
    }

    async fn cancel_order(
        &self,
        id: OrderId,
        record: Option<&DomainRecord>,
        audit: &AuditEntry,
    ) -> Result<bool, StoreError> {
        let mut writing = self.begin().await?;
        // What was signed may have left: nobody knows before it is settled. What only reads does no
        // harm.
        let is_out: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM request WHERE \"order\" = ?1 AND state <> 'queued' \
                 AND purpose = 'order') \
             OR NOT EXISTS (SELECT 1 FROM registry_order WHERE id = ?1 \
                 AND state IN ('waiting', 'requested'))",
        )
        .bind(id.0)
        .fetch_one(&mut *writing)
        .await?;
        if is_out {
            self.undo(writing).await?;
            return Ok(false);
        }
        sqlx::query(
            "UPDATE request SET state = 'withdrawn' WHERE \"order\" = ? AND state = 'queued'",
        )
        .bind(id.0)
        .execute(&mut *writing)
        .await?;
        sqlx::query(
            "UPDATE registry_order SET state = 'cancelled', waits = NULL, ended_at = ? WHERE id = ?",
        )
        .bind(row::micros(audit.at))
        .bind(id.0)
        .execute(&mut *writing)
        .await?;
        cases::clear(&mut writing, &format!("order:{id}"), audit.at).await?;
        let placed = put(&mut writing, record, audit, &id.to_string()).await;
        self.finish(writing, placed).await?;
        Ok(true)
    }

    async fn note_action(
        &self,
        entry: &ActionEntry,
        alarm: Option<&Alarm>,
        audit: &AuditEntry,
    ) -> Result<(), StoreError> {
        let mut writing = self.begin().await?;
        note(&mut writing, entry).await?;
        if let Some(alarm) = alarm {
            cases::raise(&mut writing, alarm).await?;
        }
        audit::append(&mut writing, audit, &audit.object).await?;
        self.end(writing).await
    }

    async fn orders(&self, filter: &OrderFilter) -> Result<Vec<Order>, StoreError> {
        let mut reading = self.readers.acquire().await?;
        orders_in(&mut reading, filter).await
    }

    async fn order(&self, id: OrderId) -> Result<Option<Order>, StoreError> {
        sqlx::query("SELECT * FROM registry_order WHERE id = ?")
            .bind(id.0)
            .fetch_optional(&self.readers)
            .await?
            .as_ref()
            .map(read_order)
            .transpose()
    }

    async fn requests(&self, filter: &RequestFilter) -> Result<Vec<SentRequest>, StoreError> {
        let mut reading = self.readers.acquire().await?;
        requests_in(&mut reading, filter).await
    }

    async fn claim_requests(
        &self,
        environment: Environment,
        purposes: &[Purpose],
        now: Timestamp,
        limit: u32,
        lease: Duration,
    ) -> Result<Vec<SentRequest>, StoreError> {
        let purposes = row::json(&purposes)?;
        // Somebody looks every half second; who only looks does not hold up those who write.
        let is_due: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM request WHERE environment = ?1 \
                AND state IN ('queued', 'signed') AND due_at <= ?2 AND lease_until <= ?2 \
                AND purpose IN (SELECT value FROM json_each(?3)))",
        )
        .bind(environment.as_str())
        .bind(row::micros(now))
        .bind(&purposes)
        .fetch_one(&self.readers)
        .await?;
        if !is_due {
            return Ok(Vec::new());
        }
        let mut writing = self.begin().await?;
        let until = now + jiff::SignedDuration::try_from(lease).unwrap_or_default();
        let rows = sqlx::query(
            "UPDATE request SET lease_until = ?, attempts = attempts + 1 WHERE id IN \
                (SELECT id FROM request WHERE environment = ? AND state IN ('queued', 'signed') \
                 AND due_at <= ? AND lease_until <= ? \
                 AND purpose IN (SELECT value FROM json_each(?)) ORDER BY due_at, id LIMIT ?) \
             RETURNING *",
        )
        .bind(row::micros(until))
        .bind(environment.as_str())
        .bind(row::micros(now))
        .bind(row::micros(now))
        .bind(&purposes)
        .bind(limit)
        .fetch_all(&mut *writing)
        .await?;
        self.end(writing).await?;
        let mut claimed = rows
            .iter()
            .map(read_request)
            .collect::<Result<Vec<_>, _>>()?;
        claimed.sort_by_key(|request| (request.due_at, request.id));
        Ok(claimed)
    }

    async fn forget_request_leases(&self) -> Result<(), StoreError> {
        let mut writing = self.begin().await?;
        // A try that was cut short says nothing about the other side: it must not use up the tries.
        sqlx::query(
            "UPDATE request SET lease_until = 0, attempts = max(attempts - 1, 0) \
             WHERE state IN ('queued', 'signed') AND lease_until > 0",
        )
        .execute(&mut *writing)
        .await?;
        self.end(writing).await
    }

    async fn fix_request(
        &self,
        id: RequestId,
        transport: &str,
        raw: &[u8],
        signed_at: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut writing = self.begin().await?;
        let fixed = sqlx::query(
            "UPDATE request SET state = 'signed', transport = ?, raw = ?, signed_at = ? \
             WHERE id = ? AND state IN ('queued', 'signed')",
        )
        .bind(transport)
        .bind(raw)
        .bind(row::micros(signed_at))
        .bind(id.0)
        .execute(&mut *writing)
        .await?;
        self.end(writing).await?;
        Ok(fixed.rows_affected() == 1)
    }

    async fn settle_request(
        &self,
        id: RequestId,
        transport: &str,
        delivery: &RequestDelivery,
        alarm: Option<&Alarm>,
    ) -> Result<(), StoreError> {
        let mut writing = self.begin().await?;
        let (state, due_at, sent_at, reply) = match delivery {
            RequestDelivery::Sent { at, reply } => (RequestState::Sent, None, Some(*at), reply),
            RequestDelivery::Retry { at, reply } => (RequestState::Signed, Some(*at), None, reply),
            RequestDelivery::Withheld { at, reply } => {
                (RequestState::Queued, Some(*at), None, reply)
            }
            RequestDelivery::Unknown { at, reply } => {
                (RequestState::Unanswered, None, Some(*at), reply)
            }
            RequestDelivery::Failed { reply, .. } => (RequestState::Failed, None, None, reply),
        };
        // An answer can be quicker than the word that it was sent.
        sqlx::query(
            "UPDATE request SET state = CASE WHEN state IN ('queued', 'signed') \
                 OR state = 'sent' AND ?1 = 'unanswered' \
                 OR state = 'sent' AND ?1 = 'queued' AND purpose <> 'order' \
                 THEN CASE WHEN ?1 = 'signed' AND raw IS NULL THEN 'queued' ELSE ?1 END \
                 ELSE state END, \
             raw = CASE WHEN ?1 = 'queued' THEN NULL ELSE raw END, \
             due_at = coalesce(?2, due_at), sent_at = coalesce(sent_at, ?3), last_reply = ?4, \
             transport = ?5, lease_until = 0 WHERE id = ?6",
        )
        .bind(state.as_str())
        .bind(due_at.map(row::micros))
        .bind(sent_at.map(row::micros))
        .bind(reply)
        .bind(transport)
        .bind(id.0)
        .execute(&mut *writing)
        .await?;
        match delivery {
            RequestDelivery::Failed { at, entry, .. } => {
                end_order(&mut writing, id, OrderState::Failed, *at).await?;
                note(&mut writing, entry).await?;
                fail_domain(&mut writing, id).await?;
            }
            RequestDelivery::Sent { at, .. } => cases::clear(&mut writing, "signing", *at).await?,
            RequestDelivery::Retry { .. }
            | RequestDelivery::Withheld { .. }
            | RequestDelivery::Unknown { .. } => {}
        }
        if let Some(alarm) = alarm {
            cases::raise(&mut writing, alarm).await?;
        }
        self.end(writing).await
    }

    async fn keep_reply(
        &self,
        id: RequestId,
        transport: &str,
        reply: &Sealed,
    ) -> Result<InboundId, StoreError> {
        let mut writing = self.begin().await?;
        let kept = inbound::keep_in(&mut writing, reply.clone()).await?;
        let at = row::micros(reply.inbound.received_at);
        sqlx::query(
            "UPDATE request SET state = CASE WHEN state IN ('queued', 'signed', 'unanswered') \
                 THEN 'sent' ELSE state END, sent_at = coalesce(sent_at, ?1), last_reply = ?2, \
             transport = ?3, lease_until = 0 WHERE id = ?4",
        )
        .bind(at)
        .bind(format!("kept as {kept}"))
        .bind(transport)
        .bind(id.0)
        .execute(&mut *writing)
        .await?;
        self.end(writing).await?;
        Ok(kept)
    }

    async fn ask_about_unanswered(
        &self,
        environment: Environment,
        before: Timestamp,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        // One question for one request; a person may ask again.
        const OPEN: &str = "SELECT * FROM request WHERE state = 'unanswered' AND environment = ? \
            AND purpose = 'order' AND coalesce(sent_at, created_at) <= ? AND NOT EXISTS \
                (SELECT 1 FROM request AS asked WHERE asked.about = request.id)";
        let open = sqlx::query(OPEN)
            .bind(environment.as_str())
            .bind(row::micros(before))
            .fetch_all(&self.readers)
            .await?;
        if open.is_empty() {
            return Ok(0);
        }
        let mut writing = self.begin().await?;
        let open = sqlx::query(OPEN)
            .bind(environment.as_str())
            .bind(row::micros(before))
            .fetch_all(&mut *writing)
            .await?;
        let mut count = 0;
        for found in &open {
            let request = read_request(found)?;
            if let Some(question) = request.request.question() {
                let asked = Queued {
                    order: request.order,
                    purpose: Purpose::Check,
                    about: Some(request.id),
                    ctid: &Ctid(format!("check-{}", request.id)),
                    environment,
                    request: &question,
                };
                enqueue(&mut writing, &asked, now).await?;
                count += 1;
            }
        }
        self.end(writing).await?;
        Ok(count)
    }

    async fn ask_about(&self, id: RequestId, audit: &AuditEntry) -> Result<bool, StoreError> {
        let mut writing = self.begin().await?;
        let found = sqlx::query(
            "SELECT *, (SELECT count(*) FROM request AS asked WHERE asked.about = request.id) AS times \
             FROM request WHERE id = ? AND state IN ('sent', 'unanswered') AND NOT EXISTS \
                (SELECT 1 FROM request AS asked WHERE asked.about = request.id \
                 AND asked.state IN ('queued', 'signed', 'sent'))",
        )
        .bind(id.0)
        .fetch_optional(&mut *writing)
        .await?;
        let request = found.as_ref().map(read_request).transpose()?;
        let question = request.as_ref().and_then(|one| one.request.question());
        let (Some(found), Some(request), Some(question)) = (found, request, question) else {
            self.undo(writing).await?;
            return Ok(false);
        };
        let times: i64 = found.try_get("times")?;
        let asked = Queued {
            order: request.order,
            purpose: Purpose::Check,
            about: Some(id),
            ctid: &Ctid(format!("check-{id}-{times}")),
            environment: request.environment,
            request: &question,
        };
        enqueue(&mut writing, &asked, audit.at).await?;
        audit::append(&mut writing, audit, &id.to_string()).await?;
        self.end(writing).await?;
        Ok(true)
    }

    async fn conclude(
        &self,
        answer: &RequestAnswer,
        record: Option<&DomainRecord>,
        audit: &AuditEntry,
    ) -> Result<(), StoreError> {
        let mut writing = self.begin().await?;
        write_answer(&mut writing, None, answer, audit.at).await?;
        let object = answer.request.to_string();
        let placed = put(&mut writing, record, audit, &object).await;
        self.finish(writing, placed).await
    }

    async fn mark_unanswered(&self, before: Timestamp, now: Timestamp) -> Result<u64, StoreError> {
        let is_any: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM request WHERE state = 'sent' AND sent_at < ?)",
        )
        .bind(row::micros(before))
        .fetch_one(&self.readers)
        .await?;
        if !is_any {
            return Ok(0);
        }
        let mut writing = self.begin().await?;
        let rows = sqlx::query(
            "UPDATE request SET state = 'unanswered' WHERE state = 'sent' AND sent_at < ? \
             RETURNING *",
        )
        .bind(row::micros(before))
        .fetch_all(&mut *writing)
        .await?;
        for found in &rows {
            let request = read_request(found)?;
            // Of a question, what it is about is alarmed already.
            if request.purpose != Purpose::Check {
                cases::raise(&mut writing, &silence(&request, now)).await?;
            }
        }
        self.end(writing).await?;
        Ok(u64::try_from(rows.len()).unwrap_or(u64::MAX))
    }

    async fn actions(
        &self,
        filter: &ActionFilter,
    ) -> Result<Vec<(ActionId, ActionEntry)>, StoreError> {
        let mut reading = self.readers.acquire().await?;
        actions_in(&mut reading, filter).await
    }
}

impl SqliteStore {
    /// Ends a transaction, or undoes it where the domain changed since it was read.
    async fn finish(
        &self,
        writing: Writing,
        done: Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        match done {
            Ok(()) => self.end(writing).await,
            Err(StoreError::Conflict) => {
                self.undo(writing).await?;
                Err(StoreError::Conflict)
            }
            Err(error) => Err(error),
        }
    }
}

/// What a message that answers a request changes; part of the message's own transaction.
pub async fn write_answer(
    writing: &mut Writing,
    message: Option<InboundId>,
    answer: &RequestAnswer,
    at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE request SET state = 'answered', outcome = ?, answered_at = ?, \
         message = coalesce(?, message), lease_until = 0, sent_at = coalesce(sent_at, ?) WHERE id = ?",
    )
    .bind(answer.outcome.as_str())
    .bind(row::micros(at))
    .bind(message.map(|message| message.0))
    .bind(row::micros(at))
    .bind(answer.request.0)
    .execute(&mut **writing)
    .await?;
    if let Some(state) = answer.order {
        end_order(writing, answer.request, state, at).await?;
    }
    if let Some((request, ctid)) = &answer.then {
        go_on(writing, answer.request, request, ctid, at).await?;
    }
    cases::clear(writing, &format!("request:{}", answer.request), at).await?;
    if let Some(entry) = &answer.entry {
        note(writing, entry).await?;
    }
    if let Some(state) = answer.order {
        note_case(writing, answer, state, at).await?;
    }
    for (id, next) in &answer.next {
        match next {
            Ok(ctid) => {
                let found =
                    sqlx::query("SELECT * FROM registry_order WHERE id = ? AND state = 'waiting'")
                        .bind(id.0)
                        .fetch_optional(&mut **writing)
                        .await?;
                if let Some(found) = found {
                    queue(writing, &read_order(&found)?, ctid, at).await?;
                }
            }
            Err(waits) => {
                let found = sqlx::query(
                    "UPDATE registry_order SET waits = ? WHERE id = ? AND state = 'waiting' RETURNING *",
                )
                .bind(waits.as_str())
                .bind(id.0)
                .fetch_optional(&mut **writing)
                .await?;
                if let Some(found) = found {
                    cases::raise(writing, &decision(&read_order(&found)?, at)).await?;
                }
            }
        }
    }
    Ok(())
}

/// What came of a proof is written on the verification that it was for.
async fn note_case(
    writing: &mut Writing,
    answer: &RequestAnswer,
    state: OrderState,
    at: Timestamp,
) -> Result<(), StoreError> {
    let found = sqlx::query(
        "SELECT placed.* FROM registry_order AS placed JOIN request ON request.\"order\" = placed.id \
         WHERE request.id = ?",
    )
    .bind(answer.request.0)
    .fetch_optional(&mut **writing)
    .await?;
    let Some(order) = found.as_ref().map(read_order).transpose()? else {
        return Ok(());
    };
    let Some(case) = order.request.case() else {
        return Ok(());
    };
    let why = answer.entry.as_ref().map(|entry| entry.text.as_str());
    let text = match (state, why) {
        (OrderState::Done, None) => format!(
            "the registry took the proof ({}); the case ends when it asks for nothing any more",
            order.id
        ),
        (_, why) => format!("{}: {}", order.id, why.unwrap_or("no reason is given")),
    };
    let note = CaseNote {
        at,
        actor: "stichtag".to_owned(),
        text,
    };
    cases::note_in(writing, case, &note).await
}

async fn insert_order(writing: &mut Writing, order: &Order) -> Result<Order, StoreError> {
    let ace = order.request.domain().map(|domain| domain.ace());
    let found = sqlx::query(
        "INSERT INTO registry_order (key, created_at, environment, ace, account, customer, body, state, \
             waits, payment, paid_at, placed_by) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING *",
    )
    .bind(&order.key)
    .bind(row::micros(order.created_at))
    .bind(order.environment.as_str())
    .bind(ace.unwrap_or_default())
    .bind(order.account.as_str())
    .bind(order.customer.as_ref().map(|id| id.0.as_str()))
    .bind(row::json(&order.request)?)
    .bind(order.state.as_str())
    .bind(order.waits.map(Waits::as_str))
    .bind(&order.payment)
    .bind(order.paid_at.map(row::micros))
    .bind(&order.placed_by)
    .fetch_one(&mut **writing)
    .await?;
    read_order(&found)
}

/// A request that is to be put into the outbox.
struct Queued<'a> {
    order: Option<OrderId>,
    purpose: Purpose,
    about: Option<RequestId>,
    ctid: &'a Ctid,
    environment: Environment,
    request: &'a RegistryRequest,
}

async fn enqueue(
    writing: &mut Writing,
    queued: &Queued<'_>,
    at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO request (\"order\", purpose, about, ctid, environment, action, ace, body, \
             state, created_at, due_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'queued', ?, ?)",
    )
    .bind(queued.order.map(|order| order.0))
    .bind(queued.purpose.as_str())
    .bind(queued.about.map(|about| about.0))
    .bind(&queued.ctid.0)
    .bind(queued.environment.as_str())
    .bind(queued.request.action())
    .bind(queued.request.domain().map(|domain| domain.ace()))
    .bind(row::json(queued.request)?)
    .bind(row::micros(at))
    .bind(row::micros(at))
    .execute(&mut **writing)
    .await?;
    Ok(())
}

/// The first request of an order into the outbox.
async fn queue(
    writing: &mut Writing,
    order: &Order,
    ctid: &Ctid,
    at: Timestamp,
) -> Result<(), StoreError> {
    let (request, purpose) = order.request.first();
    let queued = Queued {
        order: Some(order.id),
        purpose,
        about: None,
        ctid,
        environment: order.environment,
        request: &request,
    };
    enqueue(writing, &queued, at).await?;
    sqlx::query("UPDATE registry_order SET state = 'requested', waits = NULL WHERE id = ?")
        .bind(order.id.0)
        .execute(&mut **writing)
        .await?;
    Ok(())
}

/// What was read is changed: the request that an order is about, unless it was taken back meanwhile.
async fn go_on(
    writing: &mut Writing,
    read: RequestId,
    request: &RegistryRequest,
    ctid: &Ctid,
    at: Timestamp,
) -> Result<(), StoreError> {
    let found = sqlx::query(
        "SELECT placed.id, placed.environment FROM registry_order AS placed \
         JOIN request ON request.\"order\" = placed.id \
         WHERE request.id = ? AND placed.state = 'requested'",
    )
    .bind(read.0)
    .fetch_optional(&mut **writing)
    .await?;
    let Some(found) = found else { return Ok(()) };
    let queued = Queued {
        order: Some(OrderId(found.try_get("id")?)),
        purpose: Purpose::Order,
        about: None,
        ctid,
        environment: row::environment(found.try_get("environment")?)?,
        request,
    };
    enqueue(writing, &queued, at).await
}

async fn release_in(writing: &mut Writing, release: &OrderRelease) -> Result<bool, StoreError> {
    let found = sqlx::query(
        "UPDATE registry_order SET payment = coalesce(payment, ?1), \
             paid_at = CASE WHEN ?1 IS NULL THEN paid_at ELSE coalesce(paid_at, ?2) END \
         WHERE id = ?3 AND state = 'waiting' RETURNING *",
    )
    .bind(&release.payment)
    .bind(row::micros(release.at))
    .bind(release.order.0)
    .fetch_optional(&mut **writing)
    .await?;
    let Some(found) = found else {
        return Ok(false);
    };
    queue(writing, &read_order(&found)?, &release.ctid, release.at).await?;
    cases::clear(writing, &format!("order:{}", release.order), release.at).await?;
    Ok(true)
}

/// The domain and the trail.
async fn put(
    writing: &mut Writing,
    record: Option<&DomainRecord>,
    audit: &AuditEntry,
    object: &str,
) -> Result<(), StoreError> {
    if let Some(record) = record {
        put_record(writing, record, audit, object).await?;
    }
    audit::append(writing, audit, object).await
}

async fn put_record(
    writing: &mut Writing,
    record: &DomainRecord,
    audit: &AuditEntry,
    object: &str,
) -> Result<(), StoreError> {
    let before = books::domain_in(writing, &record.key).await?;
    commit::write_record(writing, record).await?;
    if before.is_some_and(|before| before.customer != record.customer) {
        books::change_hands(writing, record, audit.at).await?;
    }
    sqlx::query("INSERT INTO history (environment, ace, at, summary) VALUES (?, ?, ?, ?)")
        .bind(record.key.environment.as_str())
        .bind(record.key.domain.ace())
        .bind(row::micros(audit.at))
        .bind(format!("{} {object}", audit.action))
        .execute(&mut **writing)
        .await?;
    Ok(())
}

async fn end_order(
    writing: &mut Writing,
    request: RequestId,
    state: OrderState,
    at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE registry_order SET state = ?, ended_at = ? \
         WHERE id = (SELECT \"order\" FROM request WHERE id = ?)",
    )
    .bind(state.as_str())
    .bind(row::micros(at))
    .bind(request.0)
    .execute(&mut **writing)
    .await?;
    Ok(())
}

/// What was to begin with a request that could not be sent has not begun (HS-08).
async fn fail_domain(writing: &mut Writing, id: RequestId) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE domain SET lifecycle = 'error', version = version + 1 \
         WHERE lifecycle IN ('registering', 'transferring') AND (environment, ace) IN \
            (SELECT environment, ace FROM request WHERE id = ?)",
    )
    .bind(id.0)
    .execute(&mut **writing)
    .await?;
    Ok(())
}

async fn note(writing: &mut Writing, entry: &ActionEntry) -> Result<(), StoreError> {
    let ace = entry.domain.as_ref().map(|domain| domain.ace());
    sqlx::query("INSERT INTO action (ace, body) VALUES (?, ?)")
        .bind(ace)
        .bind(row::json(entry)?)
        .execute(&mut **writing)
        .await?;
    Ok(())
}

/// An order that a person must decide about.
fn decision(order: &Order, now: Timestamp) -> Alarm {
    let domain = order.request.domain();
    let object = order.request.object();
    let about = object.map_or(String::new(), |object| format!(" about {object}"));
    Alarm {
        key: format!("order:{}", order.id),
        code: reason::DECIDE,
        environment: Some(order.environment),
        ace: domain.map(|domain| domain.ace().to_owned()),
        message: None,
        text: format!(
            "order {} ({}){about} waits for a decision",
            order.id,
            order.request.action()
        ),
        raised_at: now,
    }
}

fn silence(request: &SentRequest, now: Timestamp) -> Alarm {
    let domain = request.request.domain();
    let object = request.request.object();
    let about = object.map_or(String::new(), |object| format!(" about {object}"));
    let sent_at = request
        .sent_at
        .map_or(String::new(), |at| format!(", sent {at},"));
    Alarm {
        key: format!("request:{}", request.id),
        code: reason::UNANSWERED,
        environment: Some(request.environment),
        ace: domain.map(|domain| domain.ace().to_owned()),
        message: None,
        text: format!(
            "request {} ({}){about}{sent_at} has no answer",
            request.id,
            request.request.action(),
        ),
        raised_at: now,
    }
}
