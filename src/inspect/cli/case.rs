//! `stichtag case`

mod export;
mod letter;
mod plan;
mod verify;

use clap::Subcommand;
use serde_json::{Value, json};

use super::out::json_time;
use super::{Context, exit, held, notice};
use crate::inspect::work::cases;
use crate::model::{CaseId, DomainRecord};
use crate::store::{CaseEntry, Dossier, Store};

/// Verifications
#[derive(Subcommand, Debug)]
pub enum Case {
    /// List cases, oldest first
    List {
        /// Also those that have ended
        #[arg(long)]
        all: bool,
    },
    /// Show one with its notices and notes
    Show {
        /// Its number, such as V-81
        id: CaseId,
    },
    /// Show every mail that a case still has before it, with its date and reason
    Plan {
        /// Its number, such as V-81
        id: CaseId,
    },
    /// List the telephone calls to be made, oldest first: no mail reaches these customers
    Calls,
    /// Write down that the customer of a case was telephoned; takes its call off the list
    CallDone {
        /// Its number, such as V-81
        id: CaseId,
        /// Who was reached, and what came of it
        #[arg(long, value_parser = held::note)]
        note: String,
    },
    /// Write something down
    Note {
        /// Its number, such as V-81
        id: CaseId,
        /// What
        #[arg(value_parser = held::note)]
        text: String,
    },
    /// Tell the registry what was proven about a holder of the case's domain
    ///
    /// By RRI: the contact is read, the proof added, and all of it sent back. The case ends when the
    /// registry asks for nothing any more.
    Verify(Box<verify::Verify>),
    /// End it by hand; the registry's deadlines stay
    Close {
        /// Its number, such as V-81
        id: CaseId,
        /// Why
        #[arg(long, value_parser = held::note)]
        note: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    Export(export::Export),
    Letter(letter::Letter),
}

impl Case {
    pub async fn run(self, context: &Context) -> anyhow::Result<u8> {
        let (store, config) = context.store().await?;
        let work = context.work(&*store, &config);
        match self {
            Case::List { all } => list(context, &store.cases(!all).await?)?,
            Case::Show { id } => show(context, &*store, id).await?,
            Case::Plan { id } => {
                let case = cases::one(&*store, id).await?;
                plan::show(context, &*store, &config, &case).await?;
            }
            Case::Calls => plan::calls(context, &*store).await?,
            Case::CallDone { id, note } => {
                let what = match cases::call_done(&work, id, &note).await? {
                    0 => "noted; no call was asked for",
                    _ => "noted, and off the list",
                };
                context.out.line(format!("{id} {what}"))?;
            }
            Case::Note { id, text } => {
                cases::note(&work, id, &text).await?;
                context.out.line(format!("{id} noted"))?;
            }
            Case::Verify(verify) => return verify.run(context, &*store, &config).await,
            Case::Close { id, note, yes } => {
                cases::one(&*store, id).await?;
                held::confirm(yes, &format!("end case {id}"))?;
                cases::close(&work, id, &note).await?;
                context.out.line(format!("{id} closed"))?;
            }
            Case::Export(export) => return export.run(context, &*store, &config).await,
            Case::Letter(letter) => return letter.run(context, &*store, &config).await,
        }
        Ok(exit::DONE)
    }
}

/// A case as `case list` prints it.
pub fn object(case: &CaseEntry) -> Value {
    json!({
        "id": case.id,
        "environment": case.key.environment,
        "domain": case.key.domain.unicode(),
        "ace": case.key.domain.ace(),
        "state": case.state,
        "opened_at": json_time(Some(case.opened_at)),
        "closed_at": json_time(case.closed_at),
    })
}

fn list(context: &Context, cases: &[CaseEntry]) -> std::io::Result<()> {
    if context.out.is_json() {
        return cases
            .iter()
            .try_for_each(|case| context.out.object(object(case)));
    }
    let rows: Vec<Vec<String>> = cases
        .iter()
        .map(|case| {
            vec![
                case.id.to_string(),
                case.state.to_string(),
                case.key.domain.unicode().to_owned(),
                case.key.environment.to_string(),
                context.out.time(case.opened_at),
                context.out.optional_time(case.closed_at),
            ]
        })
        .collect();
    context.out.table(
        &["CASE", "STATE", "DOMAIN", "ENV", "OPENED", "ENDED"],
        &rows,
    )
}

/// A case as `case show` prints it.
pub fn detail(dossier: &Dossier) -> Value {
    let Dossier {
        case,
        record,
        history,
        notices,
        notes,
        calls,
        reports,
        ..
    } = dossier;
    let due = record.as_ref().map(DomainRecord::due).unwrap_or_default();
    let mut object = object(case);
    object["customer"] = json!(record.as_ref().and_then(|record| record.customer.as_ref()));
    object["dedelegation_at"] = json_time(due.dedelegation_at);
    object["deletion_at"] = json_time(due.deletion_at);
    object["suspension_at"] = json_time(due.suspension_at);
    object["claims"] = json!(due.claims.unwrap_or_default());
    object["history"] = history
        .iter()
        .map(|entry| {
            json!({
                "at": json_time(Some(entry.at)),
                "message": entry.message,
                "summary": entry.summary,
            })
        })
        .collect();
    object["notices"] = notices
        .iter()
        .map(|entry| {
            json!({
                "id": entry.notice.id,
                "kind": entry.notice.kind,
                "state": entry.notice.state,
            })
        })
        .collect();
    object["reports"] = reports.iter().map(notice::report).collect();
    object["calls"] = calls.iter().map(cases::call_object).collect();
    object["notes"] = notes
        .iter()
        .map(|note| {
            json!({
                "at": json_time(Some(note.at)),
                "actor": note.actor,
                "text": note.text,
            })
        })
        .collect();
    object
}

async fn show(context: &Context, store: &dyn Store, id: CaseId) -> anyhow::Result<()> {
    let dossier = store.dossier(id).await?.ok_or_else(|| cases::missing(id))?;
    let out = &context.out;
    if out.is_json() {
        return Ok(out.object(detail(&dossier))?);
    }
    let Dossier {
        case,
        record,
        history,
        notices,
        notes,
        calls,
        reports,
        ..
    } = dossier;
    let due = record.as_ref().map(DomainRecord::due).unwrap_or_default();
    let customer = record.and_then(|record| record.customer);
    list(context, std::slice::from_ref(&case))?;
    let customer = customer.map_or("-".to_owned(), |id| id.to_string());
    out.line(format!("customer       {customer}"))?;
    out.line(format!(
        "de-delegation  {}",
        out.optional_time(due.dedelegation_at)
    ))?;
    out.line(format!(
        "deletion       {}",
        out.optional_time(due.deletion_at)
    ))?;
    if due.suspension_at.is_some() {
        let at = out.optional_time(due.suspension_at);
        out.line(format!("suspension     {at}"))?;
    }
    let claims: Vec<_> = due
        .claims
        .iter()
        .flatten()
        .map(|claim| claim.as_str())
        .collect();
    if !claims.is_empty() {
        out.line(format!("to be proven   {}", claims.join(", ")))?;
    }
    for entry in &history {
        out.line(format!(
            "{}  registry  {}",
            out.time(entry.at),
            entry.summary
        ))?;
    }
    for entry in &notices {
        let notice = &entry.notice;
        let at = out.time(notice.sent_at.unwrap_or(notice.due_at));
        out.line(format!(
            "{at}  notice    {} {} {}",
            notice.id, notice.kind, notice.state
        ))?;
    }
    for report in &reports {
        let at = out.time(report.at);
        let line = notice::report_line(report);
        out.line(format!(
            "{at}  report    {line} (message {})",
            report.message
        ))?;
    }
    for call in &calls {
        let outcome = call.outcome.as_deref().unwrap_or("to be made");
        out.line(format!(
            "{}  call      {} {}: {outcome}",
            out.time(call.opened_at),
            call.code,
            call.text
        ))?;
    }
    for note in &notes {
        out.line(format!(
            "{}  note      {}: {}",
            out.time(note.at),
            note.actor,
            note.text
        ))?;
    }
    Ok(())
}
