//! Customers and domains.

use jiff::Timestamp;
use sqlx::{AssertSqlSafe, QueryBuilder, Row, SqliteConnection};

use super::super::{AuditEntry, DomainImport, HistoryEntry, StoreError};
use super::{SqliteStore, Writing, audit, records, row, tasks, telling};
use crate::model::{
    CaseId, Customer, CustomerId, DomainKey, DomainRecord, Environment, InboundId, Lifecycle,
    RegistryStatus, reason,
};

pub async fn put_customers(store: &SqliteStore, customers: &[Customer]) -> Result<(), StoreError> {
    let mut writing = store.begin().await?;
    for customer in customers {
        let before = customer_in(&mut writing, &customer.id).await?;
        put_customer(&mut writing, before.as_ref(), customer).await?;
    }
    clear_nobody(&mut writing).await?;
    store.end(writing).await
}

pub async fn change_customer(
    store: &SqliteStore,
    before: &Customer,
    after: &Customer,
    entry: &AuditEntry,
) -> Result<(), StoreError> {
    let mut writing = store.begin().await?;
    if customer_in(&mut writing, &after.id).await?.as_ref() != Some(before) {
        store.undo(writing).await?;
        return Err(StoreError::Conflict);
    }
    put_customer(&mut writing, Some(before), after).await?;
    clear_nobody(&mut writing).await?;
    audit::append(&mut writing, entry, &entry.object).await?;
    store.end(writing).await
}

async fn put_customer(
    writing: &mut Writing,
    before: Option<&Customer>,
    customer: &Customer,
) -> Result<(), StoreError> {
    if let Some(before) = before {
        readdress(writing, before, customer).await?;
    }
    sqlx::query(
        "INSERT INTO customer (id, body) VALUES (?, ?) \
         ON CONFLICT DO UPDATE SET body = excluded.body",
    )
    .bind(&customer.id.0)
    .bind(row::json(customer)?)
    .execute(&mut **writing)
    .await?;
    // Another address, language or zone may change what is planned.
    sqlx::query(
        "UPDATE verification_case SET plan_at = 0 WHERE closed_at IS NULL AND EXISTS \
            (SELECT 1 FROM domain WHERE domain.environment = verification_case.environment \
             AND domain.ace = verification_case.ace AND domain.customer = ?)",
    )
    .bind(&customer.id.0)
    .execute(&mut **writing)
    .await?;
    Ok(())
}

/// "Nobody to tell" ends once there is somebody; with an open case it stands until that somebody
/// is told.
async fn clear_nobody(writing: &mut Writing) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE alarm SET cleared_at = CAST(unixepoch('subsec') * 1000000 AS INTEGER) \
         WHERE cleared_at IS NULL AND code = ?1 \
         AND EXISTS (SELECT 1 FROM domain JOIN customer ON customer.id = domain.customer \
            WHERE domain.environment = alarm.environment AND domain.ace = alarm.ace \
            AND json_extract(customer.body, '$.email') <> '') \
         AND NOT EXISTS (SELECT 1 FROM verification_case AS open WHERE open.closed_at IS NULL \
            AND open.environment = alarm.environment AND open.ace = alarm.ace)",
    )
    .bind(reason::NO_CUSTOMER.as_str())
    .execute(&mut **writing)
    .await?;
    Ok(())
}

pub async fn customer(
    store: &SqliteStore,
    id: &CustomerId,
) -> Result<Option<Customer>, StoreError> {
    let mut reading = store.readers.acquire().await?;
    customer_in(&mut reading, id).await
}

async fn customer_in(
    connection: &mut SqliteConnection,
    id: &CustomerId,
) -> Result<Option<Customer>, StoreError> {
    let body: Option<String> = sqlx::query_scalar("SELECT body FROM customer WHERE id = ?")
        .bind(&id.0)
        .fetch_optional(connection)
        .await?;
    body.as_deref().map(row::from_json).transpose()
}

/// What waits for a customer goes to the address that stands where the former one stood, unless it
/// may have left already. What failed at the former one is thought of anew by the planner.
async fn readdress(
    writing: &mut Writing,
    before: &Customer,
    after: &Customer,
) -> Result<(), StoreError> {
    for former in before.addresses() {
        if after.addresses().any(|address| address == former) {
            continue;
        }
        let mut places = after.addresses();
        let present = match former == before.email {
            true => places.next(),
            false => places.last(),
        };
        sqlx::query(
            "UPDATE notice SET recipient = coalesce(?3, recipient) WHERE customer = ?1 \
             AND recipient = ?2 AND state IN ('queued', 'delayed') AND raw IS NULL \
             AND lease_until = 0",
        )
        .bind(&before.id.0)
        .bind(former)
        .bind(present)
        .execute(&mut **writing)
        .await?;
    }
    Ok(())
}

pub async fn put_domains(
    store: &SqliteStore,
    domains: &[DomainImport],
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut writing = store.begin().await?;
    let select = format!(
        "SELECT {} FROM domain WHERE environment = ? AND ace = ?",
        row::DOMAIN_COLUMNS
    );
    for import in domains {
        let known = sqlx::query(AssertSqlSafe(select.as_str()))
            .bind(import.key.environment.as_str())
            .bind(import.key.domain.ace())
            .fetch_optional(&mut *writing)
            .await?
            .map(|found| row::record(&found))
            .transpose()?;
        let mut record = known.unwrap_or_else(|| DomainRecord::new(import.key.clone(), now));
        let before = record.clone();
        record.customer = import.customer.clone().or(record.customer);
        if !import.holders.is_empty() {
            record.imported_holders = import.holders.iter().cloned().collect();
        }
        if import.status.is_some() {
            record.imported_status = import.status.clone();
        }
        // What the registry has said is worth more than any list.
        if record.facts.status.is_none() {
            record.lifecycle = import.lifecycle.unwrap_or(match record.imported_status {
                Some(RegistryStatus::Free | RegistryStatus::RedemptionPeriod) => Lifecycle::Deleted,
                Some(_) => Lifecycle::Registered,
                None => record.lifecycle,
            });
        }
        if record == before && record.version > 0 {
            continue;
        }
        record.updated_at = now;
        // Holders on a list are not yet what the registry says; its next message brings the rest.
        records::write_one(&mut writing, &record).await?;
        plan_again(&mut writing, &record.key).await?;
        if record.customer != before.customer {
            change_hands(&mut writing, &record, now).await?;
        }
    }
    clear_nobody(&mut writing).await?;
    store.end(writing).await
}

/// Whom to tell of the open case of a domain is thought of anew; its number, if there is one.
async fn plan_again(writing: &mut Writing, key: &DomainKey) -> Result<Option<CaseId>, StoreError> {
    let case: Option<i64> = sqlx::query_scalar(
        "UPDATE verification_case SET plan_at = 0 \
         WHERE closed_at IS NULL AND environment = ? AND ace = ? RETURNING id",
    )
    .bind(key.environment.as_str())
    .bind(key.domain.ace())
    .fetch_optional(&mut **writing)
    .await?;
    Ok(case.map(CaseId))
}

/// A domain has another customer now: what waits for the former one, mail or call, is taken back, and
/// whom to tell is thought of anew.
pub async fn change_hands(
    writing: &mut Writing,
    record: &DomainRecord,
    now: Timestamp,
) -> Result<(), StoreError> {
    telling::withdraw_from_others(writing, &record.key, record.customer.as_ref(), now).await?;
    if let Some(case) = plan_again(writing, &record.key).await? {
        let outcome = "no longer needed: the domain has another customer";
        tasks::drop(writing, case, now, outcome).await?;
    }
    Ok(())
}

pub async fn domains(
    store: &SqliteStore,
    environment: Option<Environment>,
    ace: Option<&str>,
) -> Result<Vec<DomainRecord>, StoreError> {
    let mut select = QueryBuilder::new("SELECT ");
    select
        .push(row::DOMAIN_COLUMNS)
        .push(" FROM domain WHERE true");
    // Of one name both environments are looked up: the key begins with the environment.
    match (environment, ace) {
        (Some(environment), _) => {
            select
                .push(" AND environment = ")
                .push_bind(environment.as_str());
        }
        (None, Some(_)) => {
            select.push(" AND environment IN ('live', 'test')");
        }
        (None, None) => {}
    }
    if let Some(ace) = ace {
        select.push(" AND ace = ").push_bind(ace);
    }
    select
        .push(" ORDER BY environment, ace")
        .build()
        .fetch_all(&store.readers)
        .await?
        .iter()
        .map(row::record)
        .collect()
}

/// One domain, if it is in the books.
pub async fn domain_in(
    connection: &mut SqliteConnection,
    key: &DomainKey,
) -> Result<Option<DomainRecord>, StoreError> {
    let select = format!(
        "SELECT {} FROM domain WHERE environment = ? AND ace = ?",
        row::DOMAIN_COLUMNS
    );
    sqlx::query(AssertSqlSafe(select))
        .bind(key.environment.as_str())
        .bind(key.domain.ace())
        .fetch_optional(connection)
        .await?
        .as_ref()
        .map(row::record)
        .transpose()
}

pub async fn domains_due(store: &SqliteStore) -> Result<Vec<DomainRecord>, StoreError> {
    let select = format!(
        "SELECT {} FROM domain INDEXED BY domain_due WHERE dedelegation_at IS NOT NULL \
         OR deletion_at IS NOT NULL OR suspension_at IS NOT NULL \
         OR json_extract(facts, '$.expire') IS NOT NULL",
        row::DOMAIN_COLUMNS
    );
    sqlx::query(AssertSqlSafe(select))
        .fetch_all(&store.readers)
        .await?
        .iter()
        .map(row::record)
        .collect()
}

pub async fn domains_of(
    store: &SqliteStore,
    customer: &CustomerId,
) -> Result<Vec<DomainRecord>, StoreError> {
    let select = format!(
        "SELECT {} FROM domain WHERE customer = ? ORDER BY environment, ace",
        row::DOMAIN_COLUMNS
    );
    sqlx::query(AssertSqlSafe(select))
        .bind(&customer.0)
        .fetch_all(&store.readers)
        .await?
        .iter()
        .map(row::record)
        .collect()
}

pub async fn history(
    store: &SqliteStore,
    key: &DomainKey,
) -> Result<Vec<HistoryEntry>, StoreError> {
    let mut reading = store.readers.acquire().await?;
    history_in(&mut reading, key).await
}

pub async fn history_in(
    connection: &mut SqliteConnection,
    key: &DomainKey,
) -> Result<Vec<HistoryEntry>, StoreError> {
    sqlx::query(
        "SELECT at, message, summary FROM history WHERE environment = ? AND ace = ? ORDER BY id",
    )
    .bind(key.environment.as_str())
    .bind(key.domain.ace())
    .fetch_all(connection)
    .await?
    .iter()
    .map(|found| {
        Ok(HistoryEntry {
            at: row::instant(found.try_get("at")?)?,
            message: found.try_get::<Option<i64>, _>("message")?.map(InboundId),
            summary: found.try_get("summary")?,
        })
    })
    .collect()
}
