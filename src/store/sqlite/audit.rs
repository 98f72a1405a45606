//! The audit trail: written at its end, never changed.

use std::collections::BTreeMap;

use futures_util::TryStreamExt;
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{ConnectOptions, Connection, Row, SqliteConnection};

use super::super::chain::{self, AuditCheck, AuditFinding, AuditHead, RawEntry, Walk};
use super::super::{AuditEntry, AuditFilter, AuditLink, AuditPage, StoreError};
use super::{MIGRATIONS, SqliteStore, Writing, row};

/// Entries that one page looks through at most.
const LOOKED_THROUGH: i64 = 20_000;

/// Clocks are set back, too: entries so near to an instant may stand on its other side.
const OUT_OF_ORDER: i64 = 1_000;

/// Writes an entry behind the last one; the only way into the trail.
pub async fn append(
    writing: &mut Writing,
    entry: &AuditEntry,
    object: &str,
) -> Result<(), StoreError> {
    let head = sqlx::query("SELECT entries, hash FROM audit_head")
        .fetch_optional(&mut **writing)
        .await?
        .ok_or_else(no_head)?;
    let id = head.try_get::<i64, _>("entries")? + 1;
    let previous: &str = head.try_get("hash")?;
    let at = row::micros(entry.at);
    let texts = [&entry.actor, &entry.action, object, &entry.detail];
    let hash = chain::hash(id, previous.as_bytes(), at, texts.map(str::as_bytes));
    let mut insert = sqlx::query(
        "INSERT INTO audit (id, at, actor, action, object, detail, previous, hash) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?); \
         UPDATE audit_head SET entries = ?, hash = ?",
    )
    .bind(id)
    .bind(at);
    for text in texts {
        insert = insert.bind(text);
    }
    insert
        .bind(previous)
        .bind(&hash)
        .bind(id)
        .bind(&hash)
        .execute(&mut **writing)
        .await?;
    Ok(())
}

pub async fn of(store: &SqliteStore, object: &str) -> Result<Vec<AuditEntry>, StoreError> {
    let filter = AuditFilter {
        object: Some(object.to_owned()),
        ..AuditFilter::default()
    };
    let found = list(store, &filter).await?;
    Ok(found.into_iter().map(|link| link.entry).collect())
}

pub async fn list(store: &SqliteStore, filter: &AuditFilter) -> Result<Vec<AuditLink>, StoreError> {
    let limit = match filter.limit {
        0 => -1,
        limit => i64::from(limit),
    };
    // An actor is `1000 anna`: either word finds it.
    sqlx::query(
        "SELECT * FROM (SELECT * FROM audit WHERE (?1 IS NULL OR object = ?1) \
            AND (?2 IS NULL OR instr(' ' || actor || ' ', ' ' || ?2 || ' ') > 0) \
            AND (?3 IS NULL OR action = ?3 OR instr(action, ?3 || ' ') = 1) \
            AND (?4 IS NULL OR at >= ?4) AND (?5 IS NULL OR at < ?5) \
            ORDER BY id DESC LIMIT ?6) ORDER BY id",
    )
    .bind(filter.object.as_deref())
    .bind(filter.actor.as_deref())
    .bind(filter.action.as_deref())
    .bind(filter.since.map(row::micros))
    .bind(filter.until.map(row::micros))
    .bind(limit)
    .fetch_all(&store.readers)
    .await?
    .iter()
    .map(link)
    .collect()
}

pub async fn page(
    store: &SqliteStore,
    filter: &AuditFilter,
    below: Option<i64>,
) -> Result<AuditPage, StoreError> {
    let mut reading = store.readers.begin().await?;
    let newest = head_in(&mut reading).await?.entries + 1;
    let mut below = below.unwrap_or(newest).min(newest);
    if let Some(until) = filter.until {
        let last = sqlx::query("SELECT id FROM audit WHERE at < ? ORDER BY at DESC LIMIT 1")
            .bind(row::micros(until))
            .fetch_optional(&mut *reading)
            .await?;
        let last: i64 = last.map_or(Ok(0), |last| last.try_get("id"))?;
        below = below.min(last + OUT_OF_ORDER);
    }
    let mut lowest = 0;
    if let Some(since) = filter.since {
        let first = sqlx::query("SELECT id FROM audit WHERE at >= ? ORDER BY at LIMIT 1")
            .bind(row::micros(since))
            .fetch_optional(&mut *reading)
            .await?;
        let first: i64 = first.map_or(Ok(newest), |first| first.try_get("id"))?;
        lowest = first - OUT_OF_ORDER;
    }
    let floor = match filter.object {
        // It has an index of its own.
        Some(_) => 0,
        None => (below - LOOKED_THROUGH).max(lowest).max(0),
    };
    let limit = i64::from(filter.limit);
    let found = sqlx::query(
        "SELECT * FROM audit WHERE id < ?1 AND id >= ?2 AND (?3 IS NULL OR object = ?3) \
            AND (?4 IS NULL OR instr(' ' || actor || ' ', ' ' || ?4 || ' ') > 0) \
            AND (?5 IS NULL OR action = ?5 OR instr(action, ?5 || ' ') = 1) \
            AND (?6 IS NULL OR at >= ?6) AND (?7 IS NULL OR at < ?7) \
         ORDER BY id DESC LIMIT ?8",
    )
    .bind(below)
    .bind(floor)
    .bind(filter.object.as_deref())
    .bind(filter.actor.as_deref())
    .bind(filter.action.as_deref())
    .bind(filter.since.map(row::micros))
    .bind(filter.until.map(row::micros))
    .bind(limit)
    .fetch_all(&mut *reading)
    .await?;
    reading.commit().await?;
    let links = found.iter().map(link).collect::<Result<Vec<_>, _>>()?;
    let is_full = found.len() as i64 >= limit;
    let last = links.last().map(|link| link.id).filter(|_| is_full);
    Ok(AuditPage {
        below: last.or(Some(floor)).filter(|id| *id > lowest.max(1)),
        links,
    })
}

/// What was done to any of the objects, oldest first.
pub async fn of_all(
    connection: &mut SqliteConnection,
    objects: &[String],
) -> Result<Vec<AuditLink>, StoreError> {
    sqlx::query("SELECT * FROM audit WHERE object IN (SELECT value FROM json_each(?)) ORDER BY id")
        .bind(row::json(&objects)?)
        .fetch_all(connection)
        .await?
        .iter()
        .map(link)
        .collect()
}

fn link(found: &SqliteRow) -> Result<AuditLink, StoreError> {
    Ok(AuditLink {
        id: found.try_get("id")?,
        entry: AuditEntry {
            at: row::instant(found.try_get("at")?)?,
            actor: found.try_get("actor")?,
            action: found.try_get("action")?,
            object: found.try_get("object")?,
            detail: found.try_get("detail")?,
        },
        previous: found.try_get("previous")?,
        hash: found.try_get("hash")?,
    })
}

/// The newest entry.
pub async fn head_in(connection: &mut SqliteConnection) -> Result<AuditHead, StoreError> {
    let found = sqlx::query("SELECT entries, hash FROM audit_head")
        .fetch_optional(connection)
        .await?;
    found.as_ref().map(head).transpose()?.ok_or_else(no_head)
}

fn head(found: &SqliteRow) -> Result<AuditHead, StoreError> {
    Ok(AuditHead {
        entries: found.try_get("entries")?,
        hash: found.try_get("hash")?,
    })
}

fn no_head() -> StoreError {
    StoreError::Unreadable(
        "the audit trail has lost its head; see `stichtag audit verify`".to_owned(),
    )
}

/// All in one reading transaction: what is written meanwhile belongs to the next walk.
pub async fn verify(
    store: &SqliteStore,
    noted: Option<&AuditHead>,
) -> Result<AuditCheck, StoreError> {
    let mut reading = store.readers.begin().await?;
    let mut walk = Walk::begin(noted);
    {
        let mut rows = sqlx::query("SELECT * FROM audit ORDER BY id").fetch(&mut *reading);
        while let Some(found) = rows.try_next().await? {
            walk.step(&raw(&found)?);
        }
    }
    let head = sqlx::query("SELECT entries, hash FROM audit_head")
        .fetch_optional(&mut *reading)
        .await?
        .as_ref()
        .map(self::head)
        .transpose()?;
    let guards = guards(&mut reading).await?;
    reading.commit().await?;
    let mut check = walk.end(head.as_ref());
    check.findings.extend(unguarded(&guards).await?);
    Ok(check)
}

/// The triggers on the trail and its head: name and text.
async fn guards(connection: &mut SqliteConnection) -> Result<BTreeMap<String, String>, StoreError> {
    let rows = sqlx::query(
        "SELECT name, sql FROM sqlite_schema \
         WHERE type = 'trigger' AND tbl_name IN ('audit', 'audit_head')",
    )
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|found| Ok((found.try_get("name")?, found.try_get("sql")?)))
        .collect()
}

/// What is amiss with the triggers that refuse changes: whoever wants to change the trail drops them
/// first. They are compared with those of a new database.
async fn unguarded(found: &BTreeMap<String, String>) -> Result<Vec<AuditFinding>, StoreError> {
    let mut fresh = SqliteConnectOptions::new()
        .in_memory(true)
        .connect()
        .await?;
    for (_, _, sql) in MIGRATIONS {
        sqlx::raw_sql(sql).execute(&mut fresh).await?;
    }
    let meant = guards(&mut fresh).await?;
    fresh.close().await?;
    let amiss = |what: String| AuditFinding { entry: None, what };
    let missing = meant.iter().filter_map(|(name, text)| {
        let what = match found.get(name) {
            Some(there) if there == text => return None,
            Some(_) => "was changed",
            None => "is missing",
        };
        Some(amiss(format!(
            "the trigger {name} {what}: since then entries could be changed unseen by the database"
        )))
    });
    let foreign = found
        .keys()
        .filter(|name| !meant.contains_key(*name))
        .map(|name| amiss(format!("the trigger {name} is not one of ours")));
    Ok(missing.chain(foreign).collect())
}

/// An entry as bytes: one that somebody damaged must still be named.
fn raw(found: &SqliteRow) -> Result<RawEntry, StoreError> {
    Ok(RawEntry {
        id: found.try_get("id")?,
        at: found.try_get("at")?,
        texts: [
            found.try_get("actor")?,
            found.try_get("action")?,
            found.try_get("object")?,
            found.try_get("detail")?,
        ],
        previous: found.try_get("previous")?,
        hash: found.try_get("hash")?,
    })
}
