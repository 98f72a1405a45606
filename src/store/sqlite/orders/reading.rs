//! Rows of orders and requests, and how they are looked up.

use std::collections::BTreeMap;

use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{QueryBuilder, Row, Sqlite};

use super::super::row;
use crate::model::request::RegistryRequest;
use crate::model::{
    Account, ActionEntry, ActionId, Asking, Ctid, CustomerId, InboundId, Order, OrderId,
    OrderState, Purpose, RequestId, RequestOutcome, RequestState, SentRequest, Waits,
};
use crate::store::{ActionFilter, OrderFilter, RequestFilter, StoreError};

/// Orders, as the filter orders them.
pub async fn orders_in(
    connection: &mut SqliteConnection,
    filter: &OrderFilter,
) -> Result<Vec<Order>, StoreError> {
    let mut select = QueryBuilder::new("SELECT * FROM registry_order WHERE true");
    if let Some(environment) = filter.environment {
        select
            .push(" AND environment = ")
            .push_bind(environment.as_str());
    }
    if let Some(ace) = &filter.ace {
        select.push(" AND ace = ").push_bind(ace);
    }
    if let Some(key) = &filter.key {
        select.push(" AND key = ").push_bind(key);
    }
    if let Some(case) = filter.case {
        let case = case.to_string();
        select.push(" AND body ->> '$.case' = ").push_bind(case);
    }
    if let Some(state) = filter.state {
        select.push(" AND state = ").push_bind(state.as_str());
    }
    let after = filter.after.map(|id| id.0);
    page(&mut select, filter.newest_first, after, filter.limit)
        .build()
        .fetch_all(connection)
        .await?
        .iter()
        .map(read_order)
        .collect()
}

/// The action log, as the filter orders it.
pub async fn actions_in(
    connection: &mut SqliteConnection,
    filter: &ActionFilter,
) -> Result<Vec<(ActionId, ActionEntry)>, StoreError> {
    let mut select = QueryBuilder::new("SELECT id, body FROM action WHERE true");
    if let Some(environment) = filter.environment {
        select
            .push(" AND body ->> 'environment' = ")
            .push_bind(environment.as_str());
    }
    if let Some(ace) = &filter.ace {
        select.push(" AND ace = ").push_bind(ace);
    }
    let after = filter.after.map(|id| id.0);
    page(&mut select, filter.newest_first, after, filter.limit)
        .build()
        .fetch_all(connection)
        .await?
        .iter()
        .map(|found| {
            let entry = row::from_json(found.try_get("body")?)?;
            Ok((ActionId(found.try_get("id")?), entry))
        })
        .collect()
}

/// The part of a list that is wanted: what comes behind `after`, in the order of the numbers or the other
/// way round.
fn page(
    select: &mut QueryBuilder<Sqlite>,
    newest_first: bool,
    after: Option<i64>,
    limit: Option<u32>,
) -> &mut QueryBuilder<Sqlite> {
    if let Some(after) = after {
        let behind = if newest_first {
            " AND id < "
        } else {
            " AND id > "
        };
        select.push(behind).push_bind(after);
    }
    select.push(if newest_first {
        " ORDER BY id DESC"
    } else {
        " ORDER BY id"
    });
    if let Some(limit) = limit {
        select.push(" LIMIT ").push_bind(limit);
    }
    select
}

/// Requests, as the filter orders them.
pub async fn requests_in(
    connection: &mut SqliteConnection,
    filter: &RequestFilter,
) -> Result<Vec<SentRequest>, StoreError> {
    let mut select = QueryBuilder::new("SELECT * FROM request WHERE true");
    if let Some(id) = filter.id {
        select.push(" AND id = ").push_bind(id.0);
    }
    if let Some(environment) = filter.environment {
        select
            .push(" AND environment = ")
            .push_bind(environment.as_str());
    }
    if let Some(ace) = &filter.ace {
        select.push(" AND ace = ").push_bind(ace);
    }
    if let Some(state) = filter.state {
        select.push(" AND state = ").push_bind(state.as_str());
    }
    if let Some(ctid) = &filter.ctid {
        select.push(" AND ctid = ").push_bind(&ctid.0);
    }
    if !filter.orders.is_empty() {
        let numbers: Vec<i64> = filter.orders.iter().map(|id| id.0).collect();
        select
            .push(" AND \"order\" IN (SELECT value FROM json_each(")
            .push_bind(row::json(&numbers)?)
            .push("))");
    }
    let after = filter.after.map(|id| id.0);
    page(&mut select, filter.newest_first, after, filter.limit)
        .build()
        .fetch_all(connection)
        .await?
        .iter()
        .map(read_request)
        .collect()
}

/// The requests under these references.
pub async fn under(
    connection: &mut SqliteConnection,
    references: &[&String],
) -> Result<Vec<SentRequest>, StoreError> {
    sqlx::query("SELECT * FROM request WHERE ctid IN (SELECT value FROM json_each(?)) ORDER BY id")
        .bind(row::json(&references)?)
        .fetch_all(connection)
        .await?
        .iter()
        .map(read_request)
        .collect()
}

/// These requests, and those that they are about.
pub async fn replied(
    connection: &mut SqliteConnection,
    ids: &[RequestId],
) -> Result<Vec<SentRequest>, StoreError> {
    let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
    sqlx::query(
        "SELECT * FROM request WHERE id IN (SELECT value FROM json_each(?1)) OR id IN \
            (SELECT about FROM request WHERE id IN (SELECT value FROM json_each(?1))) ORDER BY id",
    )
    .bind(row::json(&ids)?)
    .fetch_all(connection)
    .await?
    .iter()
    .map(read_request)
    .collect()
}

/// The orders behind these requests.
pub async fn behind(
    connection: &mut SqliteConnection,
    requests: &[SentRequest],
) -> Result<BTreeMap<OrderId, Order>, StoreError> {
    let ids: Vec<i64> = requests
        .iter()
        .filter_map(|request| Some(request.order?.0))
        .collect();
    sqlx::query("SELECT * FROM registry_order WHERE id IN (SELECT value FROM json_each(?))")
        .bind(row::json(&ids)?)
        .fetch_all(connection)
        .await?
        .iter()
        .map(|found| read_order(found).map(|order| (order.id, order)))
        .collect()
}

/// The requests about these domains, by environment and A-label, that have no answer yet.
pub async fn unanswered(
    connection: &mut SqliteConnection,
    domains: &[(&str, &String)],
) -> Result<Vec<SentRequest>, StoreError> {
    sqlx::query(
        "SELECT request.* FROM json_each(?) AS asked CROSS JOIN request \
         ON request.environment = asked.value ->> 0 AND request.ace = asked.value ->> 1 \
         WHERE request.state IN ('signed', 'sent', 'unanswered') AND request.purpose = 'order' \
         ORDER BY request.id",
    )
    .bind(row::json(&domains)?)
    .fetch_all(connection)
    .await?
    .iter()
    .map(read_request)
    .collect()
}

/// Orders for these domains that wait for the answer to an earlier request.
pub async fn waiting(
    connection: &mut SqliteConnection,
    domains: &[(&str, &String)],
) -> Result<Vec<Order>, StoreError> {
    sqlx::query(
        "SELECT placed.* FROM json_each(?) AS asked CROSS JOIN registry_order AS placed \
         ON placed.environment = asked.value ->> 0 AND placed.ace = asked.value ->> 1 \
         WHERE placed.state = 'waiting' AND placed.waits = 'answer' ORDER BY placed.id",
    )
    .bind(row::json(&domains)?)
    .fetch_all(connection)
    .await?
    .iter()
    .map(read_order)
    .collect()
}

pub fn read_order(found: &SqliteRow) -> Result<Order, StoreError> {
    Ok(Order {
        id: OrderId(found.try_get("id")?),
        key: found.try_get("key")?,
        created_at: row::instant(found.try_get("created_at")?)?,
        environment: row::environment(found.try_get("environment")?)?,
        account: row::word(found.try_get("account")?, Account::from_word)?,
        customer: found
            .try_get::<Option<String>, _>("customer")?
            .map(CustomerId),
        request: row::from_json::<Asking>(found.try_get("body")?)?,
        placed_by: found.try_get("placed_by")?,
        state: row::word(found.try_get("state")?, OrderState::from_word)?,
        waits: found
            .try_get::<Option<&str>, _>("waits")?
            .map(|word| row::word(word, Waits::from_word))
            .transpose()?,
        payment: found.try_get("payment")?,
        paid_at: row::optional_instant(found.try_get("paid_at")?)?,
        ended_at: row::optional_instant(found.try_get("ended_at")?)?,
    })
}

pub fn read_request(found: &SqliteRow) -> Result<SentRequest, StoreError> {
    Ok(SentRequest {
        id: RequestId(found.try_get("id")?),
        order: found.try_get::<Option<i64>, _>("order")?.map(OrderId),
        purpose: row::word(found.try_get("purpose")?, Purpose::from_word)?,
        about: found.try_get::<Option<i64>, _>("about")?.map(RequestId),
        ctid: Ctid(found.try_get("ctid")?),
        environment: row::environment(found.try_get("environment")?)?,
        request: row::from_json::<RegistryRequest>(found.try_get("body")?)?,
        state: row::word(found.try_get("state")?, RequestState::from_word)?,
        transport: found.try_get("transport")?,
        created_at: row::instant(found.try_get("created_at")?)?,
        due_at: row::instant(found.try_get("due_at")?)?,
        attempts: found
            .try_get::<i64, _>("attempts")?
            .try_into()
            .unwrap_or(u32::MAX),
        raw: found.try_get("raw")?,
        signed_at: row::optional_instant(found.try_get("signed_at")?)?,
        sent_at: row::optional_instant(found.try_get("sent_at")?)?,
        answered_at: row::optional_instant(found.try_get("answered_at")?)?,
        outcome: found
            .try_get::<Option<&str>, _>("outcome")?
            .map(|word| row::word(word, RequestOutcome::from_word))
            .transpose()?,
        message: found.try_get::<Option<i64>, _>("message")?.map(InboundId),
        last_reply: found.try_get("last_reply")?,
    })
}
