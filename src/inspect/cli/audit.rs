//! `stichtag audit`

use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::out::json_time;
use super::{Context, exit, log};
use crate::store::{AuditFilter, AuditHead, AuditLink};

/// Who did what
#[derive(Subcommand, Debug)]
pub enum Audit {
    /// List what was done, oldest first
    List(Filter),
    /// Prove that nothing was changed or removed; exit 10 if something was
    ///
    /// Each entry carries the hash of the one before it, so what was changed, removed or put in is
    /// named. Somebody who may write to the database can hash the whole trail anew; note the head
    /// that this prints in another place, and compare with `--expect`.
    Verify {
        /// A head printed earlier, which must still be in the trail
        #[arg(long, value_name = "NUMBER:HASH")]
        expect: Option<AuditHead>,
    },
}

/// Which entries
#[derive(Args, Debug)]
pub struct Filter {
    /// Done to this: a message, case or notice by its number, a switch, a file
    #[arg(long)]
    object: Option<String>,
    /// Done by this user id or name
    #[arg(long)]
    actor: Option<String>,
    /// What was done, such as `held release`, or all of `held`
    #[arg(long)]
    action: Option<String>,
    /// At or after: an instant, or so long ago (2h, 7d)
    #[arg(long, value_parser = log::instant)]
    since: Option<Timestamp>,
    /// Before: an instant, or so long ago
    #[arg(long, value_parser = log::instant)]
    until: Option<Timestamp>,
    /// The newest so many
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    limit: u32,
}

impl Audit {
    pub async fn run(self, context: &Context) -> anyhow::Result<u8> {
        match self {
            Audit::List(filter) => list(context, filter).await,
            Audit::Verify { expect } => verify(context, expect).await,
        }
    }
}

async fn list(context: &Context, filter: Filter) -> anyhow::Result<u8> {
    let (store, _) = context.store().await?;
    let filter = AuditFilter {
        object: filter.object,
        actor: filter.actor,
        action: filter.action,
        since: filter.since,
        until: filter.until,
        limit: filter.limit,
    };
    let links = store.audit_list(&filter).await?;
    let out = &context.out;
    if out.is_json() {
        for link in &links {
            out.object(object(link))?;
        }
        return Ok(exit::DONE);
    }
    let rows: Vec<Vec<String>> = links
        .iter()
        .map(|link| {
            let entry = &link.entry;
            vec![
                link.id.to_string(),
                out.time(entry.at),
                entry.actor.clone(),
                entry.action.clone(),
                entry.object.clone(),
                entry.detail.clone(),
            ]
        })
        .collect();
    out.table(&["NO", "AT", "BY", "ACTION", "OBJECT", "NOTE"], &rows)?;
    Ok(exit::DONE)
}

/// An entry as the contract wants it.
pub fn object(link: &AuditLink) -> Value {
    let entry = &link.entry;
    json!({
        "id": link.id.to_string(),
        "at": json_time(Some(entry.at)),
        "actor": entry.actor,
        "action": entry.action,
        "object": entry.object,
        "detail": entry.detail,
        "previous": link.previous,
        "hash": link.hash,
    })
}

async fn verify(context: &Context, expect: Option<AuditHead>) -> anyhow::Result<u8> {
    let (store, _) = context.store().await?;
    let check = store.audit_verify(expect.as_ref()).await?;
    let is_whole = check.findings.is_empty();
    let out = &context.out;
    if out.is_json() {
        let findings: Vec<_> = check
            .findings
            .iter()
            .map(|found| {
                let entry = found.entry.map(|id| id.to_string());
                json!({"entry": entry, "what": found.what})
            })
            .collect();
        out.object(json!({
            "whole": is_whole,
            "entries": check.entries,
            "head": check.head.to_string(),
            "findings": findings,
        }))?;
    } else {
        for found in &check.findings {
            out.line(&found.what)?;
        }
        let word = if is_whole { "whole" } else { "NOT whole" };
        out.line(format!(
            "the audit trail is {word}: {} entries",
            check.entries
        ))?;
        out.line(format!("head {}", check.head))?;
    }
    Ok(if is_whole {
        exit::DONE
    } else {
        exit::ATTENTION
    })
}
