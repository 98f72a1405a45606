//! People who look in on the web.

use async_trait::async_trait;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::super::{AuditEntry, StoreError, Users};
use super::{SqliteStore, audit, row};
use crate::model::{Language, Role, Theme, User, UserName};

#[async_trait]
impl Users for SqliteStore {
    async fn add_user(&self, user: &User, audit: &AuditEntry) -> Result<bool, StoreError> {
        let mut writing = self.begin().await?;
        let added = sqlx::query(
            "INSERT INTO web_user (name, role, created_at, disabled_at, language, theme, has_keys) \
             VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        )
        .bind(user.name.as_str())
        .bind(user.role.as_str())
        .bind(row::micros(user.created_at))
        .bind(user.disabled_at.map(row::micros))
        .bind(user.language.map(|language| language.as_str()))
        .bind(user.theme.as_str())
        .bind(user.has_keys)
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

    async fn user(&self, name: &UserName) -> Result<Option<User>, StoreError> {
        sqlx::query("SELECT * FROM web_user WHERE name = ?")
            .bind(name.as_str())
            .fetch_optional(&self.readers)
            .await?
            .as_ref()
            .map(read)
            .transpose()
    }

    async fn users(&self) -> Result<Vec<User>, StoreError> {
        sqlx::query("SELECT * FROM web_user ORDER BY name")
            .fetch_all(&self.readers)
            .await?
            .iter()
            .map(read)
            .collect()
    }
}

fn read(found: &SqliteRow) -> Result<User, StoreError> {
    let name: &str = found.try_get("name")?;
    let language: Option<&str> = found.try_get("language")?;
    Ok(User {
        name: name.parse().map_err(StoreError::Unreadable)?,
        role: row::word(found.try_get("role")?, Role::from_word)?,
        created_at: row::instant(found.try_get("created_at")?)?,
        disabled_at: row::optional_instant(found.try_get("disabled_at")?)?,
        language: language
            .map(|tag| row::word(tag, Language::from_tag))
            .transpose()?,
        theme: row::word(found.try_get("theme")?, Theme::from_word)?,
        has_keys: found.try_get("has_keys")?,
    })
}
