//! Lists for pages, never longer than a page, and the keys of the staff's calendar.

use async_trait::async_trait;
use sqlx::{QueryBuilder, Row, Sqlite};

use super::super::{
    AuditEntry, Browsing, CaseEntry, CaseFilter, CustomerFilter, DomainFilter, FeedKey, StoreError,
};
use super::{SqliteStore, audit, cases, row};
use crate::model::{CaseId, Customer, DomainRecord, Environment, UserName};

/// Names looked at in one go for those that begin as asked.
const BATCH: u32 = 200;

/// How often.
const BATCHES_MAX: usize = 20;

/// Behind every A-label that begins in the same way.
const BEHIND_ACE: char = '\u{7f}';

/// Behind every other text that does.
const BEHIND_ALL: char = char::MAX;

#[async_trait]
impl Browsing for SqliteStore {
    async fn case(&self, id: CaseId) -> Result<Option<CaseEntry>, StoreError> {
        let mut reading = self.readers.acquire().await?;
        cases::one(&mut reading, id).await
    }

    async fn case_page(&self, filter: &CaseFilter) -> Result<Vec<CaseEntry>, StoreError> {
        let is_behind_open = filter.after.is_some_and(|mark| mark.is_ended);
        let mut found = Vec::new();
        if filter.is_open != Some(false) && !is_behind_open {
            found = case_part(self, filter, false, filter.limit).await?;
        }
        let left = filter
            .limit
            .saturating_sub(found.len().try_into().unwrap_or(u32::MAX));
        if filter.is_open != Some(true) && left > 0 {
            found.extend(case_part(self, filter, true, left).await?);
        }
        Ok(found)
    }

    async fn domain_page(&self, filter: &DomainFilter) -> Result<Vec<DomainRecord>, StoreError> {
        let mut found = Vec::new();
        for (environment, prefix) in parts(filter) {
            let left = filter
                .limit
                .saturating_sub(found.len().try_into().unwrap_or(u32::MAX));
            if left == 0 {
                break;
            }
            found.extend(domain_part(self, filter, environment, &prefix, left).await?);
        }
        Ok(found)
    }

    async fn customer_page(&self, filter: &CustomerFilter) -> Result<Vec<Customer>, StoreError> {
        let mut select = QueryBuilder::new("SELECT body FROM customer WHERE true");
        if let Some(text) = &filter.text {
            select.push(" AND id IN (SELECT id FROM customer WHERE ");
            begins(&mut select, "id", text);
            // Numbers are written in capitals, and typed as it comes.
            select.push(" UNION SELECT id FROM customer WHERE ");
            begins(&mut select, "id", &text.to_uppercase());
            for column in ["$.email", "$.second_email"]
                .into_iter()
                .filter(|_| filter.or_address)
            {
                select.push(" UNION SELECT id FROM customer WHERE ");
                let column = format!("lower(body ->> '{column}')");
                begins(&mut select, &column, &text.to_ascii_lowercase());
            }
            select.push(")");
        }
        if let Some(after) = &filter.after {
            select.push(" AND id > ").push_bind(&after.0);
        }
        select.push(" ORDER BY id LIMIT ").push_bind(filter.limit);
        select
            .build()
            .fetch_all(&self.readers)
            .await?
            .iter()
            .map(|found| row::from_json(found.try_get("body")?))
            .collect()
    }

    async fn put_feed_key(
        &self,
        user: &UserName,
        digest: &str,
        audit: &AuditEntry,
    ) -> Result<bool, StoreError> {
        let mut writing = self.begin().await?;
        let put = sqlx::query(
            "INSERT INTO web_feed_key (user, digest, created_at) \
             SELECT name, ?2, ?3 FROM web_user WHERE name = ?1 \
             ON CONFLICT (user) DO UPDATE SET digest = excluded.digest, created_at = excluded.created_at",
        )
        .bind(user.as_str())
        .bind(digest)
        .bind(row::micros(audit.at))
        .execute(&mut *writing)
        .await?;
        if put.rows_affected() == 0 {
            self.undo(writing).await?;
            return Ok(false);
        }
        audit::append(&mut writing, audit, &audit.object).await?;
        self.end(writing).await?;
        Ok(true)
    }

    async fn revoke_feed_key(
        &self,
        user: &UserName,
        audit: &AuditEntry,
    ) -> Result<bool, StoreError> {
        let mut writing = self.begin().await?;
        let revoked = sqlx::query("DELETE FROM web_feed_key WHERE user = ?")
            .bind(user.as_str())
            .execute(&mut *writing)
            .await?;
        if revoked.rows_affected() == 0 {
            self.undo(writing).await?;
            return Ok(false);
        }
        audit::append(&mut writing, audit, &audit.object).await?;
        self.end(writing).await?;
        Ok(true)
    }

    async fn feed_keys(&self) -> Result<Vec<FeedKey>, StoreError> {
        sqlx::query("SELECT user, created_at FROM web_feed_key ORDER BY user")
            .fetch_all(&self.readers)
            .await?
            .iter()
            .map(|found| {
                Ok(FeedKey {
                    user: user(found.try_get("user")?)?,
                    created_at: row::instant(found.try_get("created_at")?)?,
                })
            })
            .collect()
    }

    async fn feed_user(&self, digest: &str) -> Result<Option<UserName>, StoreError> {
        let found: Option<String> = sqlx::query_scalar(
            "SELECT user FROM web_feed_key JOIN web_user ON web_user.name = user \
             WHERE digest = ? AND disabled_at IS NULL",
        )
        .bind(digest)
        .fetch_optional(&self.readers)
        .await?;
        found.as_deref().map(user).transpose()
    }
}

fn user(name: &str) -> Result<UserName, StoreError> {
    name.parse().map_err(StoreError::Unreadable)
}

/// Puts `column` between the ends of what begins with `text`.
fn begins(select: &mut QueryBuilder<Sqlite>, column: &str, text: &str) {
    select
        .push(column)
        .push(" >= ")
        .push_bind(text.to_owned())
        .push(" AND ")
        .push(column)
        .push(" < ")
        .push_bind(format!("{text}{BEHIND_ALL}"));
}

/// Those that are open, or those that have ended.
async fn case_part(
    store: &SqliteStore,
    filter: &CaseFilter,
    is_ended: bool,
    limit: u32,
) -> Result<Vec<CaseEntry>, StoreError> {
    let mut select = QueryBuilder::new("SELECT one.* FROM ");
    match &filter.customer {
        // A customer has few domains, and each of them few cases.
        Some(customer) => select
            .push(
                "domain INDEXED BY domain_customer CROSS JOIN verification_case AS one \
                 ON one.environment = domain.environment AND one.ace = domain.ace \
                 WHERE domain.customer = ",
            )
            .push_bind(&customer.0),
        None if !is_ended && filter.key.is_none() => {
            select.push("verification_case AS one INDEXED BY case_open_id WHERE true")
        }
        None => select.push("verification_case AS one WHERE true"),
    };
    select.push(match is_ended {
        true => " AND one.closed_at IS NOT NULL",
        false => " AND one.closed_at IS NULL",
    });
    if let Some(state) = filter.state {
        select.push(" AND one.state = ").push_bind(state.as_str());
    }
    if let Some(environment) = filter.environment {
        select
            .push(" AND one.environment = ")
            .push_bind(environment.as_str());
    }
    if let Some(key) = &filter.key {
        select
            .push(" AND one.environment = ")
            .push_bind(key.environment.as_str())
            .push(" AND one.ace = ")
            .push_bind(key.domain.ace());
    }
    if let Some(prefix) = &filter.prefix {
        select.push(" AND ");
        begins(&mut select, "one.ace", prefix);
    }
    if let Some(after) = filter.after.filter(|mark| mark.is_ended == is_ended) {
        select
            .push(if is_ended {
                " AND one.id < "
            } else {
                " AND one.id > "
            })
            .push_bind(after.id.0);
    }
    select.push(if is_ended {
        " ORDER BY one.id DESC LIMIT "
    } else {
        " ORDER BY one.id LIMIT "
    });
    select
        .push_bind(limit)
        .build()
        .fetch_all(&store.readers)
        .await?
        .iter()
        .map(cases::entry)
        .collect()
}

/// The parts of the list of domains, in its order, from the one on that `after` lies in.
///
/// The A-label of a name that is not ASCII begins with the mark of its kind and its ASCII letters; it may
/// be meant by its beginning as people read it.
fn parts(filter: &DomainFilter) -> Vec<(Environment, String)> {
    let text = filter.text.as_deref().unwrap_or_default().to_lowercase();
    let plain: String = text
        .chars()
        .take_while(|c| *c != '.')
        .filter(char::is_ascii)
        .collect();
    let other = format!("xn--{plain}");
    let mut prefixes = Vec::new();
    if text.is_ascii() {
        prefixes.push(text.clone());
    }
    if !text.is_empty() && !text.starts_with("xn--") {
        prefixes.push(other);
    }
    let mut all = Vec::new();
    for environment in [Environment::Live, Environment::Test] {
        if filter.environment.is_none_or(|only| only == environment) {
            all.extend(prefixes.iter().map(|prefix| (environment, prefix.clone())));
        }
    }
    if let Some(after) = &filter.after {
        let is_there = |(environment, prefix): &(Environment, String)| {
            *environment == after.environment && after.domain.ace().starts_with(prefix.as_str())
        };
        let from = all.iter().position(is_there).unwrap_or(all.len());
        all.drain(..from);
    }
    all
}

/// Up to `limit` domains of one part.
async fn domain_part(
    store: &SqliteStore,
    filter: &DomainFilter,
    environment: Environment,
    prefix: &str,
    limit: u32,
) -> Result<Vec<DomainRecord>, StoreError> {
    let text = filter.text.as_deref().unwrap_or_default().to_lowercase();
    let is_meant = |record: &DomainRecord| {
        let name = &record.key.domain;
        name.ace().starts_with(&text) || name.unicode().starts_with(&text)
    };
    let begun = (filter.after.as_ref())
        .filter(|after| after.environment == environment && after.domain.ace().starts_with(prefix));
    let mut after = begun.map(|key| key.domain.ace().to_owned());
    let mut found = Vec::new();
    for _ in 0..BATCHES_MAX {
        let batch = domain_batch(store, filter, environment, prefix, after.as_deref()).await?;
        let is_last = batch.len() < BATCH as usize;
        after = batch
            .last()
            .map(|record| record.key.domain.ace().to_owned());
        let left = limit as usize - found.len();
        found.extend(batch.into_iter().filter(is_meant).take(left));
        if is_last || found.len() >= limit as usize {
            break;
        }
    }
    Ok(found)
}

async fn domain_batch(
    store: &SqliteStore,
    filter: &DomainFilter,
    environment: Environment,
    prefix: &str,
    after: Option<&str>,
) -> Result<Vec<DomainRecord>, StoreError> {
    let mut select = QueryBuilder::new("SELECT ");
    select.push(row::DOMAIN_COLUMNS).push(" FROM domain");
    match &filter.customer {
        Some(customer) => select
            .push(" INDEXED BY domain_customer WHERE customer = ")
            .push_bind(&customer.0)
            .push(" AND"),
        None => select.push(" WHERE"),
    };
    select
        .push(" environment = ")
        .push_bind(environment.as_str())
        .push(" AND ace < ")
        .push_bind(format!("{prefix}{BEHIND_ACE}"));
    match after {
        Some(after) => select.push(" AND ace > ").push_bind(after),
        None => select.push(" AND ace >= ").push_bind(prefix),
    };
    select
        .push(" ORDER BY ace LIMIT ")
        .push_bind(BATCH)
        .build()
        .fetch_all(&store.readers)
        .await?
        .iter()
        .map(row::record)
        .collect()
}
