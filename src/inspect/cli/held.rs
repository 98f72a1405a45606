//! `stichtag held`

use std::io::IsTerminal;

use clap::{Args, Subcommand};

use super::log::{self, Filter};
use super::{Context, exit, replay};
use crate::model::InboundId;
use crate::model::reason::{self, Reason};
use crate::store::{LogEntry, MessageVerdict, Store};

/// Messages that wait for a person
#[derive(Subcommand, Debug)]
pub enum Held {
    /// List them, oldest first
    List(Filter),
    /// Show one, with the reasons
    Show {
        /// Its number
        id: InboundId,
    },
    /// Vouch for the sender and process again
    Release(Selection),
    /// Refuse for good
    Refuse(Selection),
}

/// Which messages, and why
#[derive(Args, Debug)]
pub struct Selection {
    /// Numbers of messages
    #[arg(required_unless_present = "all_matching")]
    ids: Vec<InboundId>,
    /// Everything held that the filter names
    #[arg(long, conflicts_with = "ids")]
    all_matching: bool,
    #[command(flatten)]
    filter: Filter,
    /// Why; kept in the audit trail
    #[arg(long)]
    note: String,
    /// Only show what would happen
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

impl Held {
    pub async fn run(self, context: &Context) -> anyhow::Result<u8> {
        let (store, config) = context.store().await?;
        match self {
            Held::List(filter) => {
                let entries = held(&*store, &filter).await?;
                log::print(context, &entries, true)?;
                Ok(exit::DONE)
            }
            Held::Show { id } => {
                let entry = log::one(&*store, id).await?;
                let verdict = entry.decision.map(|decision| decision.verdict);
                if verdict != Some(MessageVerdict::Held) {
                    return Err(not_held(id));
                }
                log::Log::Show { id }.run(context).await
            }
            Held::Release(selection) => {
                let ids = selection.ids(&*store).await?;
                if selection.dry_run {
                    replay::preview(context, &*store, &config, &ids, true).await?;
                    return Ok(exit::DONE);
                }
                confirm(selection.yes, &format!("release {} messages", ids.len()))?;
                let audit = context.audit("held release", "", &selection.note);
                store.requeue(&ids, true, &audit).await?;
                replay::process(context, &*store, &config, &ids).await
            }
            Held::Refuse(selection) => {
                let ids = selection.ids(&*store).await?;
                if selection.dry_run {
                    for id in &ids {
                        context
                            .out
                            .line(format!("{id} would be refused for good"))?;
                    }
                    return Ok(exit::DONE);
                }
                confirm(selection.yes, &format!("refuse {} messages", ids.len()))?;
                let audit = context.audit("held refuse", "", &selection.note);
                let reason = Reason::new(
                    reason::BY_PERSON,
                    format!("refused by {}: {}", audit.actor, selection.note),
                );
                let refused = store.refuse(&ids, &reason, &audit).await?;
                context.out.line(format!("{refused} refused"))?;
                Ok(exit::DONE)
            }
        }
    }
}

async fn held(store: &dyn Store, filter: &Filter) -> anyhow::Result<Vec<LogEntry>> {
    let wanted = crate::store::LogFilter {
        verdict: Some(MessageVerdict::Held),
        ..filter.store()
    };
    Ok(filter.cut(store.log(&wanted).await?))
}

impl Selection {
    /// The messages meant; every number given must be held.
    async fn ids(&self, store: &dyn Store) -> anyhow::Result<Vec<InboundId>> {
        let all: Vec<InboundId> = held(store, &self.filter)
            .await?
            .into_iter()
            .map(|entry| entry.id)
            .collect();
        if self.all_matching {
            return Ok(all);
        }
        match self.ids.iter().find(|id| !all.contains(id)) {
            Some(id) => Err(not_held(*id)),
            None => Ok(self.ids.clone()),
        }
    }
}

fn not_held(id: InboundId) -> anyhow::Error {
    exit::not_found(format!(
        "message {id} is not held; `stichtag held list` shows those that are"
    ))
}

/// Asks on a terminal; without one `--yes` is needed.
pub fn confirm(is_confirmed: bool, what: &str) -> anyhow::Result<()> {
    if is_confirmed {
        return Ok(());
    }
    let refused = |text: String| exit::Failure {
        code: exit::UNCONFIRMED,
        text,
    };
    if !std::io::stdin().is_terminal() {
        return Err(refused(format!("this would {what}; say `--yes` to do it")).into());
    }
    eprint!("This will {what}. Type yes: ");
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    if answer.trim() == "yes" {
        Ok(())
    } else {
        Err(refused("nothing was done".to_owned()).into())
    }
}
