//! Who is signed in on the web.

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use sqlx::Row;

use super::super::{SessionBounds, StoreError, WebSession};
use super::{SqliteStore, row};

/// Sessions that somebody may have at once.
const SESSIONS_MAX: i64 = 32;

pub async fn add(
    store: &SqliteStore,
    digest: &str,
    session: &WebSession,
    bounds: SessionBounds,
) -> Result<bool, StoreError> {
    let mut writing = store.begin().await?;
    sqlx::query("DELETE FROM web_session WHERE began_at <= ? OR seen_at <= ?")
        .bind(row::micros(bounds.began_after))
        .bind(row::micros(bounds.seen_after))
        .execute(&mut *writing)
        .await?;
    sqlx::query(
        "DELETE FROM web_session WHERE user = ?1 AND digest NOT IN \
            (SELECT digest FROM web_session WHERE user = ?1 ORDER BY began_at DESC LIMIT ?2)",
    )
    .bind(session.user.as_str())
    .bind(SESSIONS_MAX - 1)
    .execute(&mut *writing)
    .await?;
    let added = sqlx::query(
        "INSERT INTO web_session (digest, user, data, began_at, seen_at) VALUES (?, ?, ?, ?, ?) \
         ON CONFLICT (digest) DO NOTHING",
    )
    .bind(digest)
    .bind(session.user.as_str())
    .bind(session.data.expose_secret())
    .bind(row::micros(session.began_at))
    .bind(row::micros(session.seen_at))
    .execute(&mut *writing)
    .await?;
    store.end(writing).await?;
    Ok(added.rows_affected() > 0)
}

pub async fn save(
    store: &SqliteStore,
    digest: &str,
    data: &SecretString,
) -> Result<(), StoreError> {
    let mut writing = store.begin().await?;
    sqlx::query("UPDATE web_session SET data = ? WHERE digest = ?")
        .bind(data.expose_secret())
        .bind(digest)
        .execute(&mut *writing)
        .await?;
    store.end(writing).await
}

pub async fn load(
    store: &SqliteStore,
    digest: &str,
    bounds: SessionBounds,
) -> Result<Option<WebSession>, StoreError> {
    let found = sqlx::query(
        "SELECT user, data, began_at, seen_at FROM web_session \
         WHERE digest = ? AND began_at > ? AND seen_at > ?",
    )
    .bind(digest)
    .bind(row::micros(bounds.began_after))
    .bind(row::micros(bounds.seen_after))
    .fetch_optional(&store.readers)
    .await?;
    let Some(found) = found else {
        return Ok(None);
    };
    let user: &str = found.try_get("user")?;
    Ok(Some(WebSession {
        user: user.parse().map_err(StoreError::Unreadable)?,
        data: found.try_get::<String, _>("data")?.into(),
        began_at: row::instant(found.try_get("began_at")?)?,
        seen_at: row::instant(found.try_get("seen_at")?)?,
    }))
}

pub async fn touch(store: &SqliteStore, digest: &str, now: Timestamp) -> Result<(), StoreError> {
    let mut writing = store.begin().await?;
    sqlx::query("UPDATE web_session SET seen_at = ? WHERE digest = ?")
        .bind(row::micros(now))
        .bind(digest)
        .execute(&mut *writing)
        .await?;
    store.end(writing).await
}

pub async fn end(store: &SqliteStore, digest: &str) -> Result<(), StoreError> {
    let mut writing = store.begin().await?;
    sqlx::query("DELETE FROM web_session WHERE digest = ?")
        .bind(digest)
        .execute(&mut *writing)
        .await?;
    store.end(writing).await
}
