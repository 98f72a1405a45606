//! People who look in on the web.

use async_trait::async_trait;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::super::{AuditEntry, SessionBounds, StoreError, Users, WebSession};
use super::{SqliteStore, Writing, audit, row, sessions};
use crate::model::{Language, OneTimeLink, Role, Theme, User, UserChange, UserName, UserProof};

/// Networks that are remembered of somebody.
const PLACES_MAX: i64 = 16;

#[async_trait]
impl Users for SqliteStore {
    async fn add_user(
        &self,
        user: &User,
        link: &OneTimeLink,
        audit: &AuditEntry,
    ) -> Result<bool, StoreError> {
        let mut writing = self.begin().await?;
        let added = sqlx::query(
            "INSERT INTO web_user (name, role, created_at, language, theme, has_keys, \
                link_digest, link_ends_at) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO NOTHING",
        )
        .bind(user.name.as_str())
        .bind(user.role.as_str())
        .bind(row::micros(user.created_at))
        .bind(user.language.map(|language| language.as_str()))
        .bind(user.theme.as_str())
        .bind(user.has_keys)
        .bind(&link.digest)
        .bind(row::micros(link.ends_at))
        .execute(&mut *writing)
        .await?;
        finish(self, writing, added.rows_affected(), audit).await
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

    async fn user_proof(&self, name: &UserName) -> Result<Option<UserProof>, StoreError> {
        let found = sqlx::query("SELECT password, totp FROM web_user WHERE name = ?")
            .bind(name.as_str())
            .fetch_optional(&self.readers)
            .await?;
        let Some(found) = found else {
            return Ok(None);
        };
        let secret = |column| found.try_get::<Option<String>, _>(column);
        Ok(Some(UserProof {
            password: secret("password")?.map(SecretString::from),
            totp: secret("totp")?.map(SecretString::from),
        }))
    }

    async fn change_user(
        &self,
        name: &UserName,
        change: &UserChange,
        audit: &AuditEntry,
    ) -> Result<bool, StoreError> {
        let mut writing = self.begin().await?;
        let changed = write(&mut writing, name, change, audit.at).await?;
        if changed > 0 && change.ends_sessions() {
            end_sessions(&mut writing, name).await?;
        }
        finish(self, writing, changed, audit).await
    }

    async fn linked_user(&self, digest: &str, now: Timestamp) -> Result<Option<User>, StoreError> {
        sqlx::query(
            "SELECT * FROM web_user \
             WHERE link_digest = ? AND link_ends_at > ? AND disabled_at IS NULL",
        )
        .bind(digest)
        .bind(row::micros(now))
        .fetch_optional(&self.readers)
        .await?
        .as_ref()
        .map(read)
        .transpose()
    }

    async fn use_link(
        &self,
        digest: &str,
        password: &SecretString,
        audit: &AuditEntry,
    ) -> Result<bool, StoreError> {
        let mut writing = self.begin().await?;
        let used = sqlx::query(
            "UPDATE web_user SET password = ?, link_digest = NULL, link_ends_at = NULL \
             WHERE link_digest = ? AND link_ends_at > ? AND disabled_at IS NULL RETURNING name",
        )
        .bind(password.expose_secret())
        .bind(digest)
        .bind(row::micros(audit.at))
        .fetch_optional(&mut *writing)
        .await?;
        let Some(used) = used else {
            self.undo(writing).await?;
            return Ok(false);
        };
        let name: &str = used.try_get("name")?;
        end_sessions(&mut writing, &name.parse().map_err(StoreError::Unreadable)?).await?;
        finish(self, writing, 1, audit).await
    }

    async fn use_totp(&self, name: &UserName, step: u64) -> Result<bool, StoreError> {
        let step = i64::try_from(step).unwrap_or(i64::MAX);
        let mut writing = self.begin().await?;
        let taken =
            sqlx::query("UPDATE web_user SET totp_step = ?1 WHERE name = ?2 AND totp_step < ?1")
                .bind(step)
                .bind(name.as_str())
                .execute(&mut *writing)
                .await?;
        self.end(writing).await?;
        Ok(taken.rows_affected() > 0)
    }

    async fn signed_in(
        &self,
        name: &UserName,
        network: &str,
        audit: &AuditEntry,
    ) -> Result<(), StoreError> {
        let mut writing = self.begin().await?;
        sqlx::query(
            "INSERT INTO web_place (user, network, at) VALUES (?1, ?2, ?3) \
             ON CONFLICT DO UPDATE SET at = ?3",
        )
        .bind(name.as_str())
        .bind(network)
        .bind(row::micros(audit.at))
        .execute(&mut *writing)
        .await?;
        sqlx::query(
            "DELETE FROM web_place WHERE user = ?1 AND network NOT IN \
                (SELECT network FROM web_place WHERE user = ?1 ORDER BY at DESC LIMIT ?2)",
        )
        .bind(name.as_str())
        .bind(PLACES_MAX)
        .execute(&mut *writing)
        .await?;
        finish(self, writing, 1, audit).await?;
        Ok(())
    }

    async fn is_known_place(&self, name: &UserName, network: &str) -> Result<bool, StoreError> {
        let found = sqlx::query("SELECT 1 FROM web_place WHERE user = ? AND network = ?")
            .bind(name.as_str())
            .bind(network)
            .fetch_optional(&self.readers)
            .await?;
        Ok(found.is_some())
    }

    async fn add_session(
        &self,
        digest: &str,
        session: &WebSession,
        bounds: SessionBounds,
    ) -> Result<bool, StoreError> {
        sessions::add(self, digest, session, bounds).await
    }

    async fn save_session(&self, digest: &str, data: &SecretString) -> Result<(), StoreError> {
        sessions::save(self, digest, data).await
    }

    async fn session(
        &self,
        digest: &str,
        bounds: SessionBounds,
    ) -> Result<Option<WebSession>, StoreError> {
        sessions::load(self, digest, bounds).await
    }

    async fn touch_session(&self, digest: &str, now: Timestamp) -> Result<(), StoreError> {
        sessions::touch(self, digest, now).await
    }

    async fn end_session(&self, digest: &str) -> Result<(), StoreError> {
        sessions::end(self, digest).await
    }
}

/// Writes the entry of the trail and ends the transaction, where anything was changed.
async fn finish(
    store: &SqliteStore,
    mut writing: Writing,
    changed: u64,
    audit: &AuditEntry,
) -> Result<bool, StoreError> {
    if changed == 0 {
        store.undo(writing).await?;
        return Ok(false);
    }
    audit::append(&mut writing, audit, &audit.object).await?;
    store.end(writing).await?;
    Ok(true)
}

async fn write(
    writing: &mut Writing,
    name: &UserName,
    change: &UserChange,
    at: Timestamp,
) -> Result<u64, StoreError> {
    let change = match change {
        UserChange::Role(role) => {
            sqlx::query("UPDATE web_user SET role = ? WHERE name = ?").bind(role.as_str())
        }
        UserChange::IsDisabled(is_disabled) => {
            sqlx::query("UPDATE web_user SET disabled_at = ? WHERE name = ?")
                .bind(is_disabled.then(|| row::micros(at)))
        }
        // Whoever sets the password needs the link no longer, and nobody else may have it.
        UserChange::Password(hash) => sqlx::query(
            "UPDATE web_user SET password = ?, link_digest = NULL, link_ends_at = NULL \
             WHERE name = ?",
        )
        .bind(hash.expose_secret()),
        UserChange::Totp(Some((secret, step))) => {
            sqlx::query("UPDATE web_user SET totp = ?, totp_step = ? WHERE name = ?")
                .bind(secret.expose_secret())
                .bind(i64::try_from(*step).unwrap_or(i64::MAX))
        }
        UserChange::Totp(None) => sqlx::query("UPDATE web_user SET totp = NULL WHERE name = ?"),
        UserChange::Link(link) => {
            sqlx::query("UPDATE web_user SET link_digest = ?, link_ends_at = ? WHERE name = ?")
                .bind(&link.digest)
                .bind(row::micros(link.ends_at))
        }
        UserChange::Looks {
            language,
            theme,
            has_keys,
        } => {
            sqlx::query("UPDATE web_user SET language = ?, theme = ?, has_keys = ? WHERE name = ?")
                .bind(language.map(|language| language.as_str()))
                .bind(theme.as_str())
                .bind(*has_keys)
        }
        // What ends with them is all that changes.
        UserChange::SignOut => sqlx::query("UPDATE web_user SET stamp = stamp WHERE name = ?"),
    };
    let changed = change.bind(name.as_str()).execute(&mut **writing).await?;
    Ok(changed.rows_affected())
}

async fn end_sessions(writing: &mut Writing, name: &UserName) -> Result<(), StoreError> {
    for statement in [
        "UPDATE web_user SET stamp = stamp + 1 WHERE name = ?",
        "DELETE FROM web_session WHERE user = ?",
    ] {
        sqlx::query(statement)
            .bind(name.as_str())
            .execute(&mut **writing)
            .await?;
    }
    Ok(())
}

fn read(found: &SqliteRow) -> Result<User, StoreError> {
    let name: &str = found.try_get("name")?;
    let language: Option<&str> = found.try_get("language")?;
    let is_set = |column| Ok::<_, StoreError>(found.try_get::<Option<&str>, _>(column)?.is_some());
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
        has_password: is_set("password")?,
        has_totp: is_set("totp")?,
        link_ends_at: row::optional_instant(found.try_get("link_ends_at")?)?,
        stamp: found.try_get("stamp")?,
    })
}
