//! `stichtag held`

use std::io::IsTerminal;

use clap::{Args, Subcommand};

use super::log::{self, Filter};
use super::{Context, deadlines, exit, replay};
use crate::inspect::work;
use crate::model::InboundId;
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
    /// Vouch for the sender and process again, as of the registry's time; exit 10 if one stays held
    ///
    /// A number may also be that of a message that waits for DNS (`log list --verdict deferred`).
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
    /// Everything held that the filters name
    #[arg(long, conflicts_with = "ids")]
    all_matching: bool,
    #[command(flatten)]
    filter: Filter,
    /// Why; kept in the audit trail
    #[arg(long, value_parser = note)]
    note: String,
    /// Only show what would happen
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// A note that says something.
pub fn note(text: &str) -> Result<String, String> {
    let text = text.trim();
    match text.is_empty() {
        true => Err("the note must say why".to_owned()),
        false => Ok(text.to_owned()),
    }
}

impl Held {
    pub async fn run(self, context: &Context) -> anyhow::Result<u8> {
        let (store, config) = context.store().await?;
        let work = context.work(&*store, &config);
        match self {
            Held::List(filter) => {
                print(context, &held(&*store, &filter).await?)?;
                Ok(exit::DONE)
            }
            Held::Show { id } => {
                work::held::one(&*store, id, false).await?;
                log::Log::Show { id }.run(context).await
            }
            Held::Release(selection) => {
                let ids = selection.ids(&*store, true).await?;
                if ids.is_empty() {
                    return Ok(exit::DONE);
                }
                if selection.dry_run {
                    let outcomes = work::replay::rehearse(&work, &ids, true).await?;
                    for (was, outcome) in &outcomes {
                        replay::show(context, *was, outcome)?;
                    }
                    let is_left = outcomes.iter().any(|(_, outcome)| {
                        let verdict = outcome.decision.verdict;
                        matches!(verdict, MessageVerdict::Held | MessageVerdict::Deferred)
                    });
                    return Ok(if is_left { exit::ATTENTION } else { exit::DONE });
                }
                confirm(selection.yes, &format!("release {}", messages(&ids)))?;
                let entries = work::held::release(&work, &ids, &selection.note).await?;
                log::print(context, &entries, true)?;
                Ok(report_left(&entries))
            }
            Held::Refuse(selection) => {
                let ids = selection.ids(&*store, false).await?;
                if ids.is_empty() {
                    return Ok(exit::DONE);
                }
                if selection.dry_run {
                    for id in &ids {
                        let outcome = work::held::refusal(&work, *id, &selection.note).await?;
                        replay::show(context, MessageVerdict::Held, &outcome)?;
                    }
                    return Ok(exit::DONE);
                }
                confirm(selection.yes, &format!("refuse {}", messages(&ids)))?;
                let refused = work::held::refuse(&work, &ids, &selection.note).await?;
                if context.out.is_json() {
                    let mut entries = Vec::with_capacity(ids.len());
                    for id in &ids {
                        entries.push(log::one(&*store, *id).await?);
                    }
                    log::print(context, &entries, true)?;
                } else {
                    context.out.line(format!("{refused} refused"))?;
                }
                let wanted = ids.len() as u64;
                if refused < wanted {
                    let left = wanted - refused;
                    eprintln!("stichtag: {left} of {wanted} were not held any more");
                    return Ok(exit::ATTENTION);
                }
                Ok(exit::DONE)
            }
        }
    }
}

fn messages(ids: &[InboundId]) -> String {
    match ids {
        [id] => format!("message {id}"),
        all => format!("{} messages", all.len()),
    }
}

/// Says which of the released messages wait for a person all the same.
fn report_left(entries: &[LogEntry]) -> u8 {
    let mut code = exit::DONE;
    for entry in entries {
        let decision = entry.decision.as_ref();
        let is_held = decision.is_some_and(|decision| decision.verdict == MessageVerdict::Held);
        let why = if entry.is_waiting {
            "not decided yet: it is in line".to_owned()
        } else if is_held {
            let reasons = decision.iter().flat_map(|decision| &decision.reasons);
            let holds: Vec<String> = reasons
                .filter(|reason| reason.code.is_hold())
                .map(ToString::to_string)
                .collect();
            format!("still held: {}", holds.join("; "))
        } else {
            continue;
        };
        let text = format!("message {} is {why}", entry.id);
        eprintln!("stichtag: {}", super::out::clean(&text));
        code = exit::ATTENTION;
    }
    code
}

async fn held(store: &dyn Store, filter: &Filter) -> anyhow::Result<Vec<LogEntry>> {
    let wanted = crate::store::LogFilter {
        verdict: Some(MessageVerdict::Held),
        ..filter.store()
    };
    Ok(filter.cut(store.log(&wanted).await?))
}

/// Prints them with what makes them urgent.
fn print(context: &Context, entries: &[LogEntry]) -> std::io::Result<()> {
    let out = &context.out;
    if out.is_json() {
        return log::print(context, entries, true);
    }
    let now = context.now();
    let rows: Vec<Vec<String>> = entries
        .iter()
        .map(|entry| {
            let decision = entry.decision.as_ref();
            let word = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
            let deadline = decision.and_then(|decision| decision.deadline);
            vec![
                entry.id.to_string(),
                out.time(entry.received_at),
                deadlines::age(entry.received_at, now),
                word(decision.and_then(|d| d.environment).map(|e| e.to_string())),
                word(decision.and_then(|d| d.ace.as_deref()).map(log::unicode)),
                word(decision.and_then(|d| d.kind.clone())),
                out.optional_time(deadline),
                log::codes(entry).join(" "),
                word(entry.envelope.queue_id.clone()),
            ]
        })
        .collect();
    let heading = [
        "ID", "RECEIVED", "AGE", "ENV", "DOMAIN", "KIND", "DEADLINE", "REASONS", "POSTFIX",
    ];
    out.table(&heading, &rows)
}

impl Selection {
    /// The messages meant, in the order of arrival; every number given must be held, or `or_waits`
    /// for DNS.
    async fn ids(&self, store: &dyn Store, or_waits: bool) -> anyhow::Result<Vec<InboundId>> {
        if self.all_matching {
            let found = held(store, &self.filter).await?;
            if found.is_empty() {
                eprintln!("nothing held matches");
            }
            return Ok(found.into_iter().map(|entry| entry.id).collect());
        }
        if !self.filter.is_empty() {
            return Err(exit::Failure {
                code: exit::USAGE,
                text: "filters go with --all-matching, not with numbers".to_owned(),
            }
            .into());
        }
        let mut ids = self.ids.clone();
        ids.sort_unstable();
        ids.dedup();
        for id in &ids {
            work::held::one(store, *id, or_waits).await?;
        }
        Ok(ids)
    }
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
