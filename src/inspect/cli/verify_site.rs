//! `stichtag verify-site`

use clap::Subcommand;
use serde_json::{Value, json};

use super::out::json_time;
use super::{Context, exit};
use crate::model::ResellerCommandId;
use crate::store::PendingConfirmation;

/// Confirmations of mail addresses on the website
#[derive(Subcommand, Debug)]
pub enum VerifySite {
    /// List the codes that are not used yet, and how far a confirmation under way is
    Pending,
    /// Have what failed, or has no known outcome, tried at once
    Retry {
        /// One confirmation, such as X-7, whatever it waits for
        id: Option<ResellerCommandId>,
    },
}

impl VerifySite {
    pub async fn run(self, context: &Context) -> anyhow::Result<u8> {
        match self {
            VerifySite::Pending => pending(context).await,
            VerifySite::Retry { id } => retry(context, id).await,
        }
    }
}

async fn pending(context: &Context) -> anyhow::Result<u8> {
    let (store, _) = context.store().await?;
    let pending = store.pending_confirmations().await?;
    let out = &context.out;
    if out.is_json() {
        for one in &pending {
            out.object(object(one))?;
        }
        return Ok(exit::DONE);
    }
    if pending.is_empty() {
        out.line("No address waits for its confirmation.")?;
        return Ok(exit::DONE);
    }
    let rows: Vec<Vec<String>> = pending
        .iter()
        .map(|one| {
            let command = one.command.as_ref();
            vec![
                command.map_or("-".to_owned(), |command| command.id.to_string()),
                one.environment.to_string(),
                (one.handle.as_ref()).map_or("-".to_owned(), |handle| handle.to_string()),
                one.address.clone().unwrap_or("-".to_owned()),
                out.time(one.received_at),
                state(one).to_owned(),
                out.optional_time(command.map(|command| command.due_at)),
                command.map_or("-".to_owned(), |command| command.attempts.to_string()),
                command
                    .and_then(|command| command.code)
                    .map_or("-".to_owned(), |code| code.to_string()),
            ]
        })
        .collect();
    out.table(
        &[
            "ID", "ENV", "CONTACT", "ADDRESS", "SINCE", "STATE", "DUE", "TRIES", "ANSWER",
        ],
        &rows,
    )?;
    Ok(exit::DONE)
}

/// How far it is; of a code whose owner has not been there: `unused`.
fn state(one: &PendingConfirmation) -> &'static str {
    let command = one.command.as_ref();
    command.map_or("unused", |command| command.state.as_str())
}

/// A confirmation as `verify-site pending` prints it, never the code: whoever has it can confirm.
pub fn object(one: &PendingConfirmation) -> Value {
    let command = one.command.as_ref();
    json!({
        "id": command.map(|command| command.id),
        "environment": one.environment,
        "contact": one.handle,
        "address": one.address,
        "received_at": json_time(Some(one.received_at)),
        "state": state(one),
        "asked_at": json_time(command.map(|command| command.created_at)),
        "due_at": json_time(command.map(|command| command.due_at)),
        "attempts": command.map_or(0, |command| command.attempts),
        "answer_code": command.and_then(|command| command.code),
        "answer": command.and_then(|command| command.last_reply.as_deref()),
    })
}

async fn retry(context: &Context, id: Option<ResellerCommandId>) -> anyhow::Result<u8> {
    let (store, _) = context.store().await?;
    let named = id.map_or("all".to_owned(), |id| id.to_string());
    let audit = context.audit("verify-site retry", &named, "");
    let tried = store.retry_confirmations(id, &audit).await?;
    let out = &context.out;
    if let (Some(id), true) = (id, tried.is_empty()) {
        return Err(exit::not_found(format!(
            "there is no confirmation {id} that could be tried again; `stichtag verify-site pending` \
             shows them"
        )));
    }
    if out.is_json() {
        for (before, after) in &tried {
            out.object(json!({"id": after, "before": before}))?;
        }
        return Ok(exit::DONE);
    }
    if tried.is_empty() {
        out.line("No confirmation failed, and none has an unknown outcome.")?;
    }
    for (before, after) in &tried {
        out.line(match before == after {
            true => format!("{after} is due now; `stichtag-send` tries it."),
            false => format!("{before} failed and is tried anew as {after}."),
        })?;
    }
    Ok(exit::DONE)
}
