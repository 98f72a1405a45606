//! Orders, requests and the action log.

mod reading;
mod writing;

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::{AssertSqlSafe, Row};

use super::super::{
    ActionFilter, Alarm, AuditEntry, OrderDraft, OrderFilter, OrderRelease, Ordering, Placed,
    RequestAnswer, RequestDelivery, RequestFilter, Sealed, StoreError,
};
use super::{SqliteStore, Writing, audit, cases, inbound, row};
use crate::model::{
    ActionEntry, ActionId, Ctid, DomainRecord, Environment, InboundId, Order, OrderId, OrderState,
    Purpose, RequestId, RequestState, SentRequest,
};
use reading::{actions_in, orders_in, read_order, read_request};
use writing::{
    Queued, end_order, enqueue, fail_domain, insert_order, note, put, queue, release_in, silence,
};

pub use reading::{behind, replied, requests_in, unanswered, under, waiting};
pub use writing::{doubt, write_answer};

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
        // Who reads before an earlier change of the same thing is settled would take it back.
        const IN_TURN: &str = "(request.purpose <> 'read' OR NOT EXISTS (SELECT 1 FROM request AS other \
            WHERE other.environment = request.environment AND other.\"order\" < request.\"order\" \
            AND other.purpose <> 'check' \
            AND other.state IN ('queued', 'signed', 'sent', 'unanswered') \
            AND coalesce(other.ace, upper(coalesce(other.body ->> '$.handle', \
                other.body ->> '$.contact.handle'))) \
              = coalesce(request.ace, upper(coalesce(request.body ->> '$.handle', \
                request.body ->> '$.contact.handle')))))";
        let purposes = row::json(&purposes)?;
        // Somebody looks every half second; who only looks does not hold up those who write.
        let is_due: bool = sqlx::query_scalar(AssertSqlSafe(format!(
            "SELECT EXISTS (SELECT 1 FROM request WHERE environment = ?1 \
                AND state IN ('queued', 'signed') AND due_at <= ?2 AND lease_until <= ?2 \
                AND purpose IN (SELECT value FROM json_each(?3)) AND {IN_TURN})"
        )))
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
        let rows = sqlx::query(AssertSqlSafe(format!(
            "UPDATE request SET lease_until = ?, attempts = attempts + 1 WHERE id IN \
                (SELECT id FROM request WHERE environment = ? AND state IN ('queued', 'signed') \
                 AND due_at <= ? AND lease_until <= ? \
                 AND purpose IN (SELECT value FROM json_each(?)) AND {IN_TURN} \
                 ORDER BY due_at, id LIMIT ?) \
             RETURNING *"
        )))
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
