//! Codes that confirm a mail address, from the visitor's side.

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::super::{
    AuditEntry, CodeFound, Confirmation, ConfirmationState, Confirming, PendingCommand,
    PendingConfirmation, StoreError, VisitorCode,
};
use super::reselling::{self, Asked};
use super::{SqliteStore, Writing, audit, reseller, row};
use crate::model::{
    CommandState, Environment, InboundId, NoticeId, ResellerCommand, ResellerCommandId,
    TriggerCode, sha256_hex,
};

/// Who asked for a confirmation on the website.
const VISITOR: &str = "visitor";

/// Of the row of a code: the address that it confirms.
const ADDRESS: &str = "coalesce(trigger_code.address, (SELECT address FROM reseller_contact \
    WHERE environment = trigger_code.environment AND handle = trigger_code.handle))";

/// The last command about the code in the row beside it.
const LAST_COMMAND: &str = "(SELECT max(id) FROM reseller_command \
    WHERE environment = trigger_code.environment \
    AND body = '{\"command\":\"ActivateContact\",\"code\":' || trigger_code.id || '}')";

/// What is held of one code.
struct Held {
    row: i64,
    address: Option<String>,
    is_confirmed: bool,
    last: Option<(ResellerCommandId, CommandState)>,
}

impl Held {
    fn read(found: &SqliteRow) -> Result<Self, StoreError> {
        let confirmed_at: Option<i64> = found.try_get("confirmed_at")?;
        let last = match found.try_get::<Option<i64>, _>("command")? {
            None => None,
            Some(id) => {
                let state = row::word(found.try_get("state")?, CommandState::from_word)?;
                Some((ResellerCommandId(id), state))
            }
        };
        // The answer is here before what it means is written down.
        let is_done = matches!(last, Some((_, CommandState::Done)));
        Ok(Held {
            row: found.try_get("id")?,
            address: found.try_get("address")?,
            is_confirmed: confirmed_at.is_some() || is_done,
            last,
        })
    }
}

#[async_trait]
impl Confirming for SqliteStore {
    async fn look_up_code(
        &self,
        environment: Environment,
        code: &VisitorCode,
    ) -> Result<Option<CodeFound>, StoreError> {
        let mut reader = self.readers.acquire().await?;
        match code {
            VisitorCode::Trigger(trigger) => {
                let held = by_trigger(&mut reader, environment, trigger).await?;
                Ok(held.map(|held| CodeFound {
                    address: held.address,
                    is_confirmed: held.is_confirmed,
                    notice: None,
                }))
            }
            VisitorCode::Notice(code) => {
                let Some((notice, address)) = notice(&mut reader, environment, code).await? else {
                    return Ok(None);
                };
                let held = by_address(&mut reader, environment, &address).await?;
                Ok(Some(CodeFound {
                    address: Some(address),
                    is_confirmed: !held.is_empty() && held.iter().all(|held| held.is_confirmed),
                    notice: Some(notice),
                }))
            }
        }
    }

    async fn ask_confirmation(
        &self,
        environment: Environment,
        code: &VisitorCode,
        unknown_max: u32,
        now: Timestamp,
    ) -> Result<Confirmation, StoreError> {
        let mut writing = self.begin().await?;
        let held = match code {
            VisitorCode::Trigger(trigger) => {
                match by_trigger(&mut writing, environment, trigger).await? {
                    Some(held) => {
                        put_back(&mut writing, held.row, trigger, now).await?;
                        vec![held]
                    }
                    None if unknown_waiting(&mut writing, environment).await? >= unknown_max => {
                        self.undo(writing).await?;
                        return Ok(Confirmation::TooMany);
                    }
                    None => vec![insert(&mut writing, environment, trigger, now).await?],
                }
            }
            VisitorCode::Notice(code) => match notice(&mut writing, environment, code).await? {
                Some((_, address)) => by_address(&mut writing, environment, &address).await?,
                None => Vec::new(),
            },
        };
        if held.is_empty() {
            self.undo(writing).await?;
            return Ok(Confirmation::Unknown);
        }
        let open: Vec<_> = held.iter().filter(|held| !held.is_confirmed).collect();
        if open.is_empty() {
            self.undo(writing).await?;
            return Ok(Confirmation::Already);
        }
        let mut asked = Vec::new();
        for held in open {
            asked.push(match held.last {
                Some((id, state)) if state != CommandState::Failed => id,
                _ => queue(&mut writing, environment, held.row, VISITOR, now).await?,
            });
        }
        self.end(writing).await?;
        Ok(Confirmation::Asked(asked))
    }

    async fn forget_codes(&self, before: Timestamp) -> Result<u64, StoreError> {
        reseller::forget_codes(self, before).await
    }

    async fn carries_code(&self, message: InboundId) -> Result<bool, StoreError> {
        reseller::carries_code(self, message).await
    }

    async fn confirmation_states(
        &self,
        ids: &[ResellerCommandId],
    ) -> Result<Vec<ConfirmationState>, StoreError> {
        let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
        sqlx::query(
            "SELECT id, state, code FROM reseller_command \
             WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id",
        )
        .bind(row::json(&ids)?)
        .fetch_all(&self.readers)
        .await?
        .iter()
        .map(|found| {
            Ok(ConfirmationState {
                id: ResellerCommandId(found.try_get("id")?),
                state: row::word(found.try_get("state")?, CommandState::from_word)?,
                code: found.try_get("code")?,
            })
        })
        .collect()
    }

    async fn pending_confirmations(&self) -> Result<Vec<PendingConfirmation>, StoreError> {
        let sql = format!(
            "SELECT trigger_code.environment, handle, {ADDRESS} AS address, received_at, \
                command.id AS command, command.state, command.created_at, command.due_at, \
                command.attempts, command.code AS answer, command.last_reply \
             FROM trigger_code LEFT JOIN reseller_command AS command ON command.id = {LAST_COMMAND} \
             WHERE confirmed_at IS NULL AND trigger_code.code IS NOT NULL \
                AND command.state IS NOT 'done' \
             ORDER BY trigger_code.id"
        );
        sqlx::query(sqlx::AssertSqlSafe(sql))
            .fetch_all(&self.readers)
            .await?
            .iter()
            .map(pending)
            .collect()
    }

    async fn retry_confirmations(
        &self,
        id: Option<ResellerCommandId>,
        audit: &AuditEntry,
    ) -> Result<Vec<(ResellerCommandId, ResellerCommandId)>, StoreError> {
        let mut writing = self.begin().await?;
        // One that is named is asked about whatever it waits for; else those that wait for nothing.
        let sql = format!(
            "SELECT trigger_code.environment, trigger_code.id, command.id AS command, command.state \
             FROM trigger_code JOIN reseller_command AS command ON command.id = {LAST_COMMAND} \
             WHERE confirmed_at IS NULL AND trigger_code.code IS NOT NULL \
                AND (command.id = ?1 OR ?1 IS NULL AND command.state IN ('failed', 'sent')) \
                AND command.state IN ('failed', 'queued', 'sent') \
             ORDER BY command.id"
        );
        let found = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(id.map(|id| id.0))
            .fetch_all(&mut *writing)
            .await?;
        let mut tried = Vec::new();
        for found in &found {
            let before = ResellerCommandId(found.try_get("command")?);
            let after = match row::word(found.try_get("state")?, CommandState::from_word)? {
                CommandState::Failed => {
                    let environment = row::environment(found.try_get("environment")?)?;
                    let row = found.try_get("id")?;
                    queue(&mut writing, environment, row, &audit.actor, audit.at).await?
                }
                _ => {
                    hasten(&mut writing, before, audit.at).await?;
                    before
                }
            };
            let entry = AuditEntry {
                detail: match after == before {
                    true => "due now".to_owned(),
                    false => format!("{before} failed"),
                },
                ..audit.clone()
            };
            audit::append(&mut writing, &entry, &after.to_string()).await?;
            tried.push((before, after));
        }
        self.end(writing).await?;
        Ok(tried)
    }
}

async fn by_trigger(
    connection: &mut SqliteConnection,
    environment: Environment,
    trigger: &TriggerCode,
) -> Result<Option<Held>, StoreError> {
    let sql = held_where(
        "trigger_code.environment = ?1 AND (trigger_code.code = ?2 OR trigger_code.digest = ?3)",
    );
    sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(environment.as_str())
        .bind(trigger.expose())
        .bind(sha256_hex(trigger.expose().as_bytes()))
        .fetch_optional(connection)
        .await?
        .as_ref()
        .map(Held::read)
        .transpose()
}

/// The codes of an address, those that are used too; of a code that was deleted nothing can be asked.
async fn by_address(
    connection: &mut SqliteConnection,
    environment: Environment,
    address: &str,
) -> Result<Vec<Held>, StoreError> {
    let sql = held_where(
        "trigger_code.environment = ?1 AND (trigger_code.code IS NOT NULL \
            OR confirmed_at IS NOT NULL) \
         AND (address = ?2 OR address IS NULL AND handle IN (SELECT handle FROM reseller_contact \
            WHERE environment = ?1 AND address = ?2))",
    );
    sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(environment.as_str())
        .bind(address)
        .fetch_all(connection)
        .await?
        .iter()
        .map(Held::read)
        .collect()
}

fn held_where(condition: &str) -> String {
    format!(
        "SELECT trigger_code.id, {ADDRESS} AS address, confirmed_at, command.id AS command, \
            command.state \
         FROM trigger_code LEFT JOIN reseller_command AS command ON command.id = {LAST_COMMAND} \
         WHERE {condition} ORDER BY trigger_code.id"
    )
}

/// The notice of that code, and whom it was written to; typed in any case, with its hyphen or without.
async fn notice(
    connection: &mut SqliteConnection,
    environment: Environment,
    code: &str,
) -> Result<Option<(NoticeId, String)>, StoreError> {
    let mut letters: String = (code.chars().filter(char::is_ascii_alphanumeric))
        .map(|c| c.to_ascii_uppercase())
        .collect();
    if letters.len() > 4 {
        letters.insert(4, '-');
    }
    let found = sqlx::query(
        "SELECT id, recipient FROM notice \
         WHERE code = ? AND environment = ? AND kind = 'email-confirmation'",
    )
    .bind(letters)
    .bind(environment.as_str())
    .fetch_optional(connection)
    .await?;
    let Some(found) = found else {
        return Ok(None);
    };
    let recipient: &str = found.try_get("recipient")?;
    Ok(Some((
        NoticeId(found.try_get("id")?),
        recipient.to_lowercase(),
    )))
}

/// How many codes that nobody knows are being asked about.
async fn unknown_waiting(
    connection: &mut SqliteConnection,
    environment: Environment,
) -> Result<u32, StoreError> {
    let waiting: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM reseller_command JOIN trigger_code \
            ON trigger_code.id = reseller_command.body ->> 'code' \
         WHERE reseller_command.environment = ? \
            AND reseller_command.state IN ('waiting', 'queued', 'sent') \
            AND reseller_command.body ->> 'command' = 'ActivateContact' \
            AND handle IS NULL AND address IS NULL",
    )
    .bind(environment.as_str())
    .fetch_one(connection)
    .await?;
    Ok(u32::try_from(waiting).unwrap_or(u32::MAX))
}

/// A code does not expire (CV-25): one that was deleted for its age is here again with its visitor.
async fn put_back(
    writing: &mut Writing,
    row: i64,
    trigger: &TriggerCode,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE trigger_code SET code = ?, received_at = ? \
         WHERE id = ? AND code IS NULL AND confirmed_at IS NULL",
    )
    .bind(trigger.expose())
    .bind(row::micros(now))
    .bind(row)
    .execute(&mut **writing)
    .await?;
    Ok(())
}

/// Keeps a code that nobody knows.
async fn insert(
    writing: &mut Writing,
    environment: Environment,
    trigger: &TriggerCode,
    now: Timestamp,
) -> Result<Held, StoreError> {
    let inserted = sqlx::query(
        "INSERT INTO trigger_code (environment, code, digest, received_at) VALUES (?, ?, ?, ?)",
    )
    .bind(environment.as_str())
    .bind(trigger.expose())
    .bind(sha256_hex(trigger.expose().as_bytes()))
    .bind(row::micros(now))
    .execute(&mut **writing)
    .await?;
    Ok(Held {
        row: inserted.last_insert_rowid(),
        address: None,
        is_confirmed: false,
        last: None,
    })
}

async fn queue(
    writing: &mut Writing,
    environment: Environment,
    code: i64,
    asked_by: &str,
    now: Timestamp,
) -> Result<ResellerCommandId, StoreError> {
    let asked = Asked {
        environment,
        command: &ResellerCommand::ActivateContact { code },
        due_at: now,
        by: asked_by,
        at: now,
    };
    reselling::queue(writing, &asked).await
}

async fn hasten(
    writing: &mut Writing,
    id: ResellerCommandId,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE reseller_command SET due_at = min(due_at, ?) WHERE id = ?")
        .bind(row::micros(now))
        .bind(id.0)
        .execute(&mut **writing)
        .await?;
    Ok(())
}

fn pending(found: &SqliteRow) -> Result<PendingConfirmation, StoreError> {
    let handle = found.try_get::<Option<&str>, _>("handle")?;
    let command = match found.try_get::<Option<i64>, _>("command")? {
        None => None,
        Some(id) => Some(PendingCommand {
            id: ResellerCommandId(id),
            state: row::word(found.try_get("state")?, CommandState::from_word)?,
            created_at: row::instant(found.try_get("created_at")?)?,
            due_at: row::instant(found.try_get("due_at")?)?,
            attempts: found.try_get("attempts")?,
            code: found.try_get("answer")?,
            last_reply: found.try_get("last_reply")?,
        }),
    };
    Ok(PendingConfirmation {
        environment: row::environment(found.try_get("environment")?)?,
        handle: handle
            .map(|handle| row::word(handle, |handle| handle.parse().ok()))
            .transpose()?,
        address: found.try_get("address")?,
        received_at: row::instant(found.try_get("received_at")?)?,
        command,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_of_a_code_is_found_by_how_it_is_written() {
        let body = row::json(&ResellerCommand::ActivateContact { code: 7 }).unwrap();
        let written = LAST_COMMAND.replace("' || trigger_code.id || '", "7");
        assert!(written.contains(&format!("'{body}'")), "{written}");
    }
}
