//! The outbox of commands to CentralNic Reseller.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::super::{Alarm, AuditEntry, CommandFilter, CommandReply, Reselling, Sealed, StoreError};
use super::{SqliteStore, Writing, audit, cases, inbound, row};
use crate::model::{
    CommandState, DomainName, Environment, InboundId, ResellerCommand, ResellerCommandId,
    ResellerRequest, TriggerCode,
};

/// Domains that are queued to be asked about in one transaction; the rest has its turn with the next.
const LOOKS: u32 = 200;

/// Who asks where nobody in particular does.
const OURSELVES: &str = "stichtag";

/// The columns of a command, with the code that it needs.
const COLUMNS: &str = "reseller_command.*, (SELECT trigger_code.code FROM trigger_code \
    WHERE trigger_code.id = reseller_command.body ->> '$.code') AS trigger_code";

/// What is due at `?2` in environment `?1`; who waits for a confirmed address does so at a screen.
const DUE: &str = "SELECT id FROM reseller_command WHERE environment = ?1 \
    AND state IN ('queued', 'sent') AND due_at <= ?2 AND lease_until <= ?2 \
    ORDER BY body ->> '$.command' <> 'ActivateContact', due_at, id LIMIT ?3";

#[async_trait]
impl Reselling for SqliteStore {
    async fn queue_commands(
        &self,
        environment: Environment,
        commands: &[ResellerCommand],
        due_at: Timestamp,
        audit: &AuditEntry,
    ) -> Result<Vec<ResellerCommandId>, StoreError> {
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        let mut writing = self.begin().await?;
        let mut ids = Vec::with_capacity(commands.len());
        for command in commands {
            let asked = Asked {
                environment,
                command,
                due_at,
                by: &audit.actor,
                at: audit.at,
            };
            ids.push(queue(&mut writing, &asked).await?);
        }
        audit::append(&mut writing, audit, &audit.object).await?;
        self.end(writing).await?;
        Ok(ids)
    }

    async fn claim_commands(
        &self,
        environment: Environment,
        now: Timestamp,
        limit: u32,
        lease: Duration,
    ) -> Result<Vec<ResellerRequest>, StoreError> {
        let at = row::micros(now);
        // Somebody looks every half second; who only looks does not hold up those who write.
        let is_due = sqlx::query(DUE)
            .bind(environment.as_str())
            .bind(at)
            .bind(1)
            .fetch_optional(&self.readers)
            .await?
            .is_some();
        if !is_due {
            return Ok(Vec::new());
        }
        let mut writing = self.begin().await?;
        let ids: Vec<i64> = sqlx::query_scalar(DUE)
            .bind(environment.as_str())
            .bind(at)
            .bind(limit)
            .fetch_all(&mut *writing)
            .await?;
        let until = now + jiff::SignedDuration::try_from(lease).unwrap_or_default();
        let mut claimed = Vec::with_capacity(ids.len());
        for id in ids {
            sqlx::query(
                "UPDATE reseller_command SET lease_until = ?, attempts = attempts + 1 WHERE id = ?",
            )
            .bind(row::micros(until))
            .bind(id)
            .execute(&mut *writing)
            .await?;
            let select = format!("SELECT {COLUMNS} FROM reseller_command WHERE id = ?");
            let found = sqlx::query(sqlx::AssertSqlSafe(select))
                .bind(id)
                .fetch_one(&mut *writing)
                .await?;
            claimed.push(request(&found)?);
        }
        self.end(writing).await?;
        Ok(claimed)
    }

    async fn forget_command_leases(&self) -> Result<(), StoreError> {
        let mut writing = self.begin().await?;
        // A try that was cut short says nothing about the other side: it must not use up the tries.
        sqlx::query(
            "UPDATE reseller_command SET lease_until = 0, attempts = max(attempts - 1, 0) \
             WHERE state IN ('queued', 'sent') AND lease_until > 0",
        )
        .execute(&mut *writing)
        .await?;
        self.end(writing).await
    }

    async fn begin_command(
        &self,
        id: ResellerCommandId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut writing = self.begin().await?;
        let begun = sqlx::query(
            "UPDATE reseller_command SET state = 'sent', due_at = min(due_at, ?) \
             WHERE id = ? AND state IN ('queued', 'sent')",
        )
        .bind(row::micros(now))
        .bind(id.0)
        .execute(&mut *writing)
        .await?;
        self.end(writing).await?;
        Ok(begun.rows_affected() == 1)
    }

    async fn settle_command(
        &self,
        id: ResellerCommandId,
        reply: &CommandReply,
        answer: Option<&Sealed>,
        alarm: Option<&Alarm>,
        now: Timestamp,
    ) -> Result<Option<InboundId>, StoreError> {
        let mut writing = self.begin().await?;
        let kept = match answer {
            Some(answer) => Some(inbound::keep_in(&mut writing, answer.clone()).await?),
            None => None,
        };
        let is_over = matches!(reply.state, CommandState::Done | CommandState::Failed);
        // The same command may have been asked for meanwhile: two of it must not be queued. One that
        // stays begun is looked after before it is sent again, which is right for both.
        sqlx::query(
            "UPDATE reseller_command SET state = CASE WHEN ?1 = 'queued' AND state = 'sent' \
                AND EXISTS (SELECT 1 FROM reseller_command AS other \
                    WHERE other.environment = reseller_command.environment \
                    AND other.body = reseller_command.body AND other.id <> reseller_command.id \
                    AND other.state IN ('waiting', 'queued')) THEN 'sent' ELSE ?1 END, \
             due_at = ?2, code = ?3, last_reply = ?4, message = coalesce(?5, message), \
             settled_at = CASE WHEN ?6 THEN ?7 END, lease_until = 0 \
             WHERE id = ?8 AND state IN ('queued', 'sent')",
        )
        .bind(reply.state.as_str())
        .bind(row::micros(reply.due_at))
        .bind(reply.code)
        .bind(&reply.text)
        .bind(kept.map(|kept| kept.0))
        .bind(is_over)
        .bind(row::micros(now))
        .bind(id.0)
        .execute(&mut *writing)
        .await?;
        if reply.state == CommandState::Done {
            cases::clear(&mut writing, &alarm_key(id), now).await?;
        }
        if let Some(alarm) = alarm {
            cases::raise(&mut writing, alarm).await?;
        }
        self.end(writing).await?;
        Ok(kept)
    }

    async fn commands(&self, filter: &CommandFilter) -> Result<Vec<ResellerRequest>, StoreError> {
        let select = format!(
            "SELECT {COLUMNS} FROM reseller_command WHERE (?1 IS NULL OR id = ?1) \
             AND (?2 IS NULL OR environment = ?2) AND (?3 IS NULL OR state = ?3) \
             ORDER BY id DESC LIMIT coalesce(?4, -1)"
        );
        let found = sqlx::query(sqlx::AssertSqlSafe(select))
            .bind(filter.id.map(|id| id.0))
            .bind(filter.environment.map(|environment| environment.as_str()))
            .bind(filter.state.map(|state| state.as_str()))
            .bind(filter.newest)
            .fetch_all(&self.readers)
            .await?;
        found.iter().rev().map(request).collect()
    }

    async fn decide_command(
        &self,
        id: ResellerCommandId,
        is_confirmed: bool,
        audit: &AuditEntry,
    ) -> Result<bool, StoreError> {
        let mut writing = self.begin().await?;
        let decided = match is_confirmed {
            true => {
                sqlx::query(
                    "UPDATE reseller_command SET state = 'queued', due_at = max(due_at, ?) \
                     WHERE id = ? AND state = 'waiting'",
                )
                .bind(row::micros(audit.at))
                .bind(id.0)
                .execute(&mut *writing)
                .await?
            }
            false => {
                sqlx::query(
                    "UPDATE reseller_command SET state = 'failed', settled_at = ?, \
                     last_reply = 'taken back', lease_until = 0 \
                     WHERE id = ? AND state IN ('waiting', 'queued')",
                )
                .bind(row::micros(audit.at))
                .bind(id.0)
                .execute(&mut *writing)
                .await?
            }
        };
        if decided.rows_affected() == 0 {
            self.undo(writing).await?;
            return Ok(false);
        }
        audit::append(&mut writing, audit, &audit.object).await?;
        self.end(writing).await?;
        Ok(true)
    }

    async fn reseller_clocks(
        &self,
        environment: Environment,
    ) -> Result<Vec<DomainName>, StoreError> {
        let names: Vec<String> = sqlx::query_scalar(
            "SELECT ace FROM domain WHERE environment = ? AND suspension_at IS NOT NULL \
             ORDER BY ace",
        )
        .bind(environment.as_str())
        .fetch_all(&self.readers)
        .await?;
        names.iter().map(|ace| row::name(ace)).collect()
    }

    async fn queue_due_looks(
        &self,
        environment: Environment,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        const LOOK: &str = "SELECT ace FROM domain WHERE environment = ? \
            AND reseller_at IS NOT NULL AND reseller_at <= ? ORDER BY reseller_at LIMIT ?";
        let look = |limit: u32| {
            sqlx::query_scalar::<_, String>(LOOK)
                .bind(environment.as_str())
                .bind(row::micros(now))
                .bind(limit)
        };
        if look(1).fetch_optional(&self.readers).await?.is_none() {
            return Ok(0);
        }
        let mut writing = self.begin().await?;
        let names = look(LOOKS).fetch_all(&mut *writing).await?;
        for ace in &names {
            let asked = Asked {
                environment,
                command: &ResellerCommand::StatusDomain {
                    domain: row::name(ace)?,
                },
                due_at: now,
                by: OURSELVES,
                at: now,
            };
            queue(&mut writing, &asked).await?;
            sqlx::query("UPDATE domain SET reseller_at = NULL WHERE environment = ? AND ace = ?")
                .bind(environment.as_str())
                .bind(ace)
                .execute(&mut *writing)
                .await?;
        }
        self.end(writing).await?;
        Ok(u64::try_from(names.len()).unwrap_or(u64::MAX))
    }
}

/// The key of the alarms about a command.
fn alarm_key(id: ResellerCommandId) -> String {
    format!("command:{id}")
}

/// A command that is asked for.
pub struct Asked<'a> {
    pub environment: Environment,
    pub command: &'a ResellerCommand,
    pub due_at: Timestamp,
    pub by: &'a str,
    pub at: Timestamp,
}

/// Puts a command into the outbox, as part of a transaction; the number of the one in it.
pub async fn queue(
    writing: &mut Writing,
    asked: &Asked<'_>,
) -> Result<ResellerCommandId, StoreError> {
    let state = match asked.command.needs_second_person() {
        true => CommandState::Waiting,
        false => CommandState::Queued,
    };
    let id: i64 = sqlx::query_scalar(
        "INSERT INTO reseller_command (environment, body, state, asked_by, created_at, due_at) \
         VALUES (?, ?, ?, ?, ?, ?) \
         ON CONFLICT (environment, body) WHERE state IN ('waiting', 'queued') \
         DO UPDATE SET due_at = min(due_at, excluded.due_at) RETURNING id",
    )
    .bind(asked.environment.as_str())
    .bind(row::json(asked.command)?)
    .bind(state.as_str())
    .bind(asked.by)
    .bind(row::micros(asked.at))
    .bind(row::micros(asked.due_at))
    .fetch_one(&mut **writing)
    .await?;
    Ok(ResellerCommandId(id))
}

fn request(found: &SqliteRow) -> Result<ResellerRequest, StoreError> {
    let trigger: Option<String> = found.try_get("trigger_code")?;
    let trigger = trigger.map(|code| {
        // The error shows no code.
        (code.parse::<TriggerCode>()).map_err(|error| StoreError::Unreadable(error.to_string()))
    });
    Ok(ResellerRequest {
        id: ResellerCommandId(found.try_get("id")?),
        environment: row::environment(found.try_get("environment")?)?,
        command: row::from_json(found.try_get("body")?)?,
        trigger: trigger.transpose()?,
        asked_by: found.try_get("asked_by")?,
        state: row::word(found.try_get("state")?, CommandState::from_word)?,
        created_at: row::instant(found.try_get("created_at")?)?,
        due_at: row::instant(found.try_get("due_at")?)?,
        attempts: found.try_get("attempts")?,
        code: found.try_get("code")?,
        last_reply: found.try_get("last_reply")?,
        message: found.try_get::<Option<i64>, _>("message")?.map(InboundId),
    })
}
