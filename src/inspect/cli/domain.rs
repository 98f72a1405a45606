//! `stichtag domain`

use clap::Subcommand;
use serde_json::{Value, json};

use super::out::json_time;
use super::{Context, exit};
use crate::model::request::RegistryRequest;
use crate::model::{DomainName, DomainRecord, Environment, Lifecycle, RequestState, SentRequest};
use crate::store::{HistoryEntry, RequestFilter, Store};

/// Domains as we know them
#[derive(Subcommand, Debug)]
pub enum Domain {
    /// List them
    List {
        /// Only of this environment
        #[arg(long)]
        env: Option<Environment>,
    },
    /// Show one
    Show {
        /// The domain, in either form
        domain: DomainName,
        /// Only in this environment
        #[arg(long)]
        env: Option<Environment>,
    },
    /// What the registry said about it, oldest first
    History {
        /// The domain, in either form
        domain: DomainName,
        /// Only in this environment
        #[arg(long)]
        env: Option<Environment>,
    },
}

impl Domain {
    pub async fn run(self, context: &Context) -> anyhow::Result<u8> {
        let (store, _) = context.store().await?;
        let (env, domain, has_history) = match self {
            Domain::List { env } => (env, None, false),
            Domain::Show { domain, env } => (env, Some(domain), false),
            Domain::History { domain, env } => (env, Some(domain), true),
        };
        let records = store
            .domains(env, domain.as_ref().map(DomainName::ace))
            .await?;
        if let (Some(domain), true) = (&domain, records.is_empty()) {
            return Err(exit::not_found(format!(
                "{domain} is not in the database; `stichtag import domains` brings domains in"
            )));
        }
        if !has_history {
            print(context, &*store, &records).await?;
            return Ok(exit::DONE);
        }
        for record in &records {
            for entry in store.history(&record.key).await? {
                if context.out.is_json() {
                    context.out.object(history_object(record, &entry))?;
                } else {
                    let message = entry.message.map_or("-".to_owned(), |id| id.to_string());
                    let (at, environment) = (context.out.time(entry.at), record.key.environment);
                    let summary = &entry.summary;
                    context
                        .out
                        .line(format!("{at}  {environment}  {message:>6}  {summary}"))?;
                }
            }
        }
        Ok(exit::DONE)
    }
}

/// Prints domains as objects or as a table.
pub async fn print(
    context: &Context,
    store: &dyn Store,
    records: &[DomainRecord],
) -> anyhow::Result<()> {
    if context.out.is_json() {
        let filter = RequestFilter {
            ace: match records {
                [one] => Some(one.key.domain.ace().to_owned()),
                _ => None,
            },
            ..RequestFilter::default()
        };
        let requests = store.requests(&filter).await?;
        for record in records {
            context.out.object(object(record, &requests))?;
        }
        return Ok(());
    }
    let rows: Vec<Vec<String>> = records
        .iter()
        .map(|record| {
            let due = record.due();
            vec![
                record.key.domain.unicode().to_owned(),
                record.key.environment.to_string(),
                record
                    .status()
                    .map_or("-".to_owned(), |status| status.to_string()),
                record.lifecycle.to_string(),
                context.out.optional_time(due.dedelegation_at),
                context.out.optional_time(due.deletion_at),
                record
                    .customer
                    .as_ref()
                    .map_or("-".to_owned(), |id| id.to_string()),
            ]
        })
        .collect();
    let heading = [
        "DOMAIN",
        "ENV",
        "STATUS",
        "LIFECYCLE",
        "DE-DELEGATION",
        "DELETION",
        "CUSTOMER",
    ];
    Ok(context.out.table(&heading, &rows)?)
}

/// Did a request for the domain as such leave? Says nothing about the registry's agreeing (HS-04,
/// HS-34).
fn is_ordered(record: &DomainRecord, requests: &[SentRequest]) -> bool {
    record.lifecycle == Lifecycle::Registered
        || about(record, requests).any(|request| {
            let begins = matches!(
                request.request,
                RegistryRequest::DomainCreate { .. } | RegistryRequest::DomainChprov { .. }
            );
            begins && request.sent_at.is_some()
        })
}

/// What is under way for a domain that is registered (HS-13).
fn pending(record: &DomainRecord, requests: &[SentRequest]) -> Option<String> {
    let is_open = |state| {
        matches!(
            state,
            RequestState::Queued
                | RequestState::Signed
                | RequestState::Sent
                | RequestState::Unanswered
        )
    };
    about(record, requests)
        .filter(|request| is_open(request.state))
        .map(|request| request.request.action().to_ascii_lowercase())
        .find(|action| action == "update" || action == "delete")
}

fn about<'a>(
    record: &'a DomainRecord,
    requests: &'a [SentRequest],
) -> impl Iterator<Item = &'a SentRequest> {
    requests.iter().filter(|request| {
        request.environment == record.key.environment
            && request.request.domain() == Some(&record.key.domain)
    })
}

/// A line of a domain's history as `domain history` prints it.
pub fn history_object(record: &DomainRecord, entry: &HistoryEntry) -> Value {
    json!({
        "environment": record.key.environment,
        "domain": record.key.domain.unicode(),
        "ace": record.key.domain.ace(),
        "at": json_time(Some(entry.at)),
        "message": entry.message,
        "summary": entry.summary,
    })
}

/// A domain as the contract wants it; `requests` holds those about it.
pub fn object(record: &DomainRecord, requests: &[SentRequest]) -> Value {
    let due = record.due();
    let owner = record.facts.reseller.owner.as_ref();
    json!({
        "environment": record.key.environment,
        "domain": record.key.domain.unicode(),
        "ace": record.key.domain.ace(),
        "status": record.status(),
        "lifecycle": record.lifecycle,
        "holders": record.holders(),
        "ordered_at_registry": is_ordered(record, requests),
        "action": pending(record, requests),
        "dedelegation_at": json_time(due.dedelegation_at),
        "deletion_at": json_time(due.deletion_at),
        "suspension_at": json_time(due.suspension_at),
        "zone_assumed": record.is_zone_assumed(),
        "on_hold": record.is_on_hold(),
        "owner_contact": owner.map(|owner| owner.handle.as_str()),
        "owner_verified": owner.and_then(|owner| owner.is_verified),
        "claims": due.claims.unwrap_or_default(),
        "expire_at": json_time(record.facts.expire.map(|(_, at)| at)),
        "customer": record.customer,
        "updated_at": json_time(Some(record.updated_at)),
        "source_message": record.source_message,
    })
}
