//! Tokens of programs that order over HTTP.

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::super::{AuditEntry, StoreError, Tokens};
use super::{SqliteStore, audit, row};
use crate::model::{Scope, Token, TokenName};

#[async_trait]
impl Tokens for SqliteStore {
    async fn add_token(
        &self,
        token: &Token,
        digest: &str,
        audit: &AuditEntry,
    ) -> Result<bool, StoreError> {
        let scopes: Vec<_> = token.scopes.iter().map(|scope| scope.as_str()).collect();
        let mut writing = self.begin().await?;
        let added = sqlx::query(
            "INSERT INTO token (name, digest, scopes, environment, created_at, expires_at) \
             SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE NOT EXISTS \
                (SELECT 1 FROM token WHERE name = ?1 AND revoked_at IS NULL)",
        )
        .bind(token.name.as_str())
        .bind(digest)
        .bind(scopes.join(" "))
        .bind(token.environment.map(|environment| environment.as_str()))
        .bind(row::micros(token.created_at))
        .bind(row::micros(token.expires_at))
        .execute(&mut *writing)
        .await?;
        if added.rows_affected() == 0 {
            self.undo(writing).await?;
            return Ok(false);
        }
        audit::append(&mut writing, audit, &audit.object).await?;
        self.end(writing).await?;
        Ok(true)
    }

    async fn revoke_token(&self, name: &TokenName, audit: &AuditEntry) -> Result<bool, StoreError> {
        let mut writing = self.begin().await?;
        let revoked =
            sqlx::query("UPDATE token SET revoked_at = ? WHERE name = ? AND revoked_at IS NULL")
                .bind(row::micros(audit.at))
                .bind(name.as_str())
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

    async fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        sqlx::query("SELECT * FROM token ORDER BY id")
            .fetch_all(&self.readers)
            .await?
            .iter()
            .map(read)
            .collect()
    }

    async fn token(&self, digest: &str) -> Result<Option<Token>, StoreError> {
        sqlx::query("SELECT * FROM token WHERE digest = ?")
            .bind(digest)
            .fetch_optional(&self.readers)
            .await?
            .as_ref()
            .map(read)
            .transpose()
    }

    async fn touch_token(
        &self,
        digest: &str,
        before: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut writing = self.begin().await?;
        sqlx::query(
            "UPDATE token SET last_used_at = ? \
             WHERE digest = ? AND (last_used_at IS NULL OR last_used_at <= ?)",
        )
        .bind(row::micros(now))
        .bind(digest)
        .bind(row::micros(before))
        .execute(&mut *writing)
        .await?;
        self.end(writing).await
    }
}

fn read(found: &SqliteRow) -> Result<Token, StoreError> {
    let name: &str = found.try_get("name")?;
    let scopes: &str = found.try_get("scopes")?;
    Ok(Token {
        name: name.parse().map_err(StoreError::Unreadable)?,
        scopes: scopes
            .split(' ')
            .map(|word| row::word(word, Scope::from_word))
            .collect::<Result<_, _>>()?,
        environment: found
            .try_get::<Option<&str>, _>("environment")?
            .map(row::environment)
            .transpose()?,
        created_at: row::instant(found.try_get("created_at")?)?,
        expires_at: row::instant(found.try_get("expires_at")?)?,
        revoked_at: row::optional_instant(found.try_get("revoked_at")?)?,
        last_used_at: row::optional_instant(found.try_get("last_used_at")?)?,
    })
}
