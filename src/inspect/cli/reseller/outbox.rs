//! `stichtag reseller`

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::super::out::json_time;
use super::super::{Context, exit, held};
use crate::model::{CommandState, ResellerCommandId, ResellerRequest};
use crate::process::ordering::Step;
use crate::process::reselling::{self, ResellingError};
use crate::store::CommandFilter;

/// Commands to CentralNic Reseller
#[derive(Subcommand, Debug)]
pub enum Commands {
    /// List them, oldest first
    List(List),
    /// Confirm that an owner's proof failed, as a second person
    ///
    /// The registry takes the domains of that owner out of the zone.
    Confirm {
        /// The command, such as X-7
        id: ResellerCommandId,
        /// What you looked at
        #[arg(long, value_parser = held::note)]
        note: String,
    },
    /// Take it back, if nothing has left yet
    ///
    /// Exit 10 where it has left: nothing is recalled.
    Cancel {
        /// The command, such as X-7
        id: ResellerCommandId,
        /// Why
        #[arg(long, value_parser = held::note)]
        note: String,
    },
}

#[derive(Args, Debug)]
pub struct List {
    /// Only those: waiting (for a second person), queued, sent, done or failed
    #[arg(long, value_name = "STATE", value_parser = state)]
    state: Option<CommandState>,
}

fn state(word: &str) -> Result<CommandState, String> {
    CommandState::from_word(word).ok_or_else(|| {
        let words = CommandState::ALL.map(CommandState::as_str);
        format!("expected one of {}", words.join(", "))
    })
}

impl Commands {
    pub async fn run(self, context: &Context) -> anyhow::Result<u8> {
        match self {
            Commands::List(filter) => list(context, filter).await,
            Commands::Confirm { id, note } => {
                let (store, _) = context.store().await?;
                let audit = context.audit("reseller confirm", &id.to_string(), &note);
                let step = reselling::confirm(&*store, id, &audit).await;
                said(
                    context,
                    step,
                    &format!("{id} is confirmed, and in the outbox"),
                )
            }
            Commands::Cancel { id, note } => {
                let (store, _) = context.store().await?;
                let audit = context.audit("reseller cancel", &id.to_string(), &note);
                let step = reselling::cancel(&*store, id, &audit).await;
                said(
                    context,
                    step,
                    &format!("{id} is taken back; nothing was sent"),
                )
            }
        }
    }
}

fn said(context: &Context, step: Result<Step, ResellingError>, done: &str) -> anyhow::Result<u8> {
    let out = &context.out;
    match step.map_err(failure)? {
        Step::Done => out.line(done)?,
        Step::Before => out.line("It was so before; nothing changed.")?,
        Step::TooLate => {
            out.line("Too late: it has left or has ended, and nothing changed.")?;
            return Ok(exit::ATTENTION);
        }
    }
    Ok(exit::DONE)
}

/// What whoever asked is told.
pub fn failure(error: ResellingError) -> anyhow::Error {
    match error {
        ResellingError::NotFound(_) => exit::not_found(error.to_string()),
        error => error.into(),
    }
}

async fn list(context: &Context, filter: List) -> anyhow::Result<u8> {
    let (store, _) = context.store().await?;
    let filter = CommandFilter {
        state: filter.state,
        ..CommandFilter::default()
    };
    let commands = store.commands(&filter).await?;
    let out = &context.out;
    if out.is_json() {
        for one in &commands {
            out.object(object(one))?;
        }
        return Ok(exit::DONE);
    }
    if commands.is_empty() {
        out.line("Nothing is asked of CentralNic Reseller.")?;
        return Ok(exit::DONE);
    }
    let rows: Vec<Vec<String>> = commands
        .iter()
        .map(|one| {
            vec![
                one.id.to_string(),
                out.time(one.created_at),
                one.environment.to_string(),
                one.command.name().to_owned(),
                subject(one),
                one.state.to_string(),
                one.attempts.to_string(),
                one.code.map_or("-".to_owned(), |code| code.to_string()),
            ]
        })
        .collect();
    out.table(
        &[
            "COMMAND", "ASKED", "ENV", "NAME", "ABOUT", "STATE", "TRIES", "ANSWER",
        ],
        &rows,
    )?;
    Ok(exit::DONE)
}

/// The domain, or else the contact.
fn subject(one: &ResellerRequest) -> String {
    let domain = one.command.domain().map(|domain| domain.to_string());
    let contact = one.command.contact().map(|contact| contact.to_string());
    domain.or(contact).unwrap_or("-".to_owned())
}

/// A command as `reseller list` prints it, never a code: whoever has it can confirm.
pub fn object(one: &ResellerRequest) -> Value {
    json!({
        "id": one.id,
        "environment": one.environment,
        "command": one.command.name(),
        "domain": one.command.domain().map(|domain| domain.unicode()),
        "ace": one.command.domain().map(|domain| domain.ace()),
        "contact": one.command.contact(),
        "state": one.state,
        "asked_by": one.asked_by,
        "attempts": one.attempts,
        "code": one.code,
        "last_reply": one.last_reply,
        "created_at": json_time(Some(one.created_at)),
        "due_at": json_time(Some(one.due_at)),
    })
}
