//! What orders and answers write, each as part of a transaction.

use jiff::Timestamp;
use sqlx::Row;

use super::super::{Writing, audit, books, cases, counts, records, row};
use super::reading::read_order;
use crate::model::request::RegistryRequest;
use crate::model::{
    ActionEntry, Ctid, DomainRecord, Environment, InboundId, Order, OrderId, OrderState, Purpose,
    RequestId, SentRequest, Waits, reason,
};
use crate::store::{
    Alarm, AuditEntry, CaseNote, OrderRelease, RequestAnswer, Spell, SpellKind, StoreError,
};

/// The reply to a request is held.
pub async fn doubt(writing: &mut Writing, request: RequestId) -> Result<(), StoreError> {
    sqlx::query("UPDATE request SET state = 'unanswered' WHERE id = ? AND state = 'sent'")
        .bind(request.0)
        .execute(&mut **writing)
        .await?;
    Ok(())
}

/// What a message that answers a request changes; part of the message's own transaction.
pub async fn write_answer(
    writing: &mut Writing,
    message: Option<InboundId>,
    answer: &RequestAnswer,
    at: Timestamp,
) -> Result<(), StoreError> {
    note_wait(writing, answer, at).await?;
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

/// How long the registry took for its first answer.
async fn note_wait(
    writing: &mut Writing,
    answer: &RequestAnswer,
    at: Timestamp,
) -> Result<(), StoreError> {
    let found = sqlx::query(
        "SELECT action, sent_at FROM request WHERE id = ? AND answered_at IS NULL \
         AND sent_at IS NOT NULL",
    )
    .bind(answer.request.0)
    .fetch_optional(&mut **writing)
    .await?;
    let Some(found) = found else { return Ok(()) };
    let sent_at = row::instant(found.try_get("sent_at")?)?;
    let spell = Spell {
        kind: SpellKind::Request,
        labels: [found.try_get("action")?, answer.outcome.as_str().to_owned()],
        seconds: at.duration_since(sent_at).as_secs_f64().max(0.0),
    };
    counts::note_spell(writing, &spell).await
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

/// A new order, as it is stored.
pub async fn insert_order(writing: &mut Writing, order: &Order) -> Result<Order, StoreError> {
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
pub struct Queued<'a> {
    pub order: Option<OrderId>,
    pub purpose: Purpose,
    pub about: Option<RequestId>,
    pub ctid: &'a Ctid,
    pub environment: Environment,
    pub request: &'a RegistryRequest,
}

/// A request into the outbox.
pub async fn enqueue(
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
pub async fn queue(
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

/// A waiting order goes on; false: it does not wait any more.
pub async fn release_in(writing: &mut Writing, release: &OrderRelease) -> Result<bool, StoreError> {
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
pub async fn put(
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
    records::write_one(writing, record).await?;
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

/// What becomes of the order behind a request.
pub async fn end_order(
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
pub async fn fail_domain(writing: &mut Writing, id: RequestId) -> Result<(), StoreError> {
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

/// A line of the action log.
pub async fn note(writing: &mut Writing, entry: &ActionEntry) -> Result<(), StoreError> {
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

/// A request without an answer.
pub fn silence(request: &SentRequest, now: Timestamp) -> Alarm {
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
