//! `stichtag request` and `stichtag action`

use clap::Subcommand;

use super::order::{failure, ways};
use super::{Context, exit, held};
use crate::inspect::object::{self, hidden};
use crate::inspect::work::Work;
use crate::model::{ActionId, DomainName, RequestId, RequestOutcome, RequestState, SentRequest};
use crate::process::ordering::{self, Step};
use crate::send::registry;
use crate::store::{ActionFilter, RequestFilter, Store};

/// What was asked of the registry
#[derive(Subcommand, Debug)]
pub enum Requests {
    /// List them, oldest first
    List {
        /// Only about this domain, U- or A-label
        #[arg(long)]
        domain: Option<DomainName>,
    },
    /// Show one, with its text
    Show {
        /// The request, such as Q-7
        id: RequestId,
        /// The exact bytes that were sent
        #[arg(long)]
        raw: bool,
    },
    /// Ask the registry by RRI what became of one; `stichtag-send` does it
    Ask {
        /// The request, such as Q-7
        id: RequestId,
    },
    /// Say what became of one, where the registry's data do not tell
    Settle {
        /// The request, such as Q-7
        id: RequestId,
        /// success: it was carried out; failed: it was not
        #[arg(long, value_name = "OUTCOME")]
        outcome: RequestOutcome,
        /// How you know
        #[arg(long, value_parser = held::note)]
        note: String,
    },
}

/// What was asked, what came of it, what to do
#[derive(Subcommand, Debug)]
pub enum Actions {
    /// List the entries, oldest first
    List {
        /// Only about this domain, U- or A-label
        #[arg(long)]
        domain: Option<DomainName>,
    },
    /// Show one
    Show {
        /// The entry, such as L-3
        id: ActionId,
    },
}

impl Requests {
    pub async fn run(self, context: &Context) -> anyhow::Result<u8> {
        match self {
            Requests::List { domain } => list(context, domain).await,
            Requests::Show { id, raw } => show(context, id, raw).await,
            Requests::Ask { id } => ask(context, id).await,
            Requests::Settle { id, outcome, note } => {
                let (store, _) = context.store().await?;
                let audit = context.audit("request settle", &id.to_string(), &note);
                let step = ordering::settle(&*store, id, outcome, &audit).await;
                context.out.line(match step.map_err(failure)? {
                    Step::Done => format!("{id}: {outcome}."),
                    Step::Before | Step::TooLate => {
                        "It is answered already; nothing changed.".to_owned()
                    }
                })?;
                Ok(exit::DONE)
            }
        }
    }
}

async fn ask(context: &Context, id: RequestId) -> anyhow::Result<u8> {
    let (store, config) = context.store().await?;
    let asked = ask_about(&context.work(&*store, &config), id).await?;
    context.out.line(match asked {
        Ok(()) => format!("The registry is asked what became of {id}."),
        Err(state) => format!("{id} is {state}: there is nothing to ask, or it is asked already."),
    })?;
    Ok(exit::DONE)
}

/// Has the registry asked by RRI what became of a request; or the state in which there is nothing to ask.
pub async fn ask_about(work: &Work<'_>, id: RequestId) -> anyhow::Result<Result<(), RequestState>> {
    let request = find(work.store, id).await?;
    if !ways(work.config, request.environment).has_rri {
        return Err(exit::Failure {
            code: exit::INVALID,
            text: format!(
                "`rri.{}.host` is not set: nothing can be asked",
                request.environment
            ),
        }
        .into());
    }
    let audit = work.audit("request ask", &id.to_string(), "");
    Ok(match work.store.ask_about(id, &audit).await? {
        true => Ok(()),
        false => Err(request.state),
    })
}

async fn list(context: &Context, domain: Option<DomainName>) -> anyhow::Result<u8> {
    let (store, _) = context.store().await?;
    let filter = RequestFilter {
        ace: domain.map(|domain| domain.ace().to_owned()),
        ..RequestFilter::default()
    };
    let requests = store.requests(&filter).await?;
    let out = &context.out;
    if out.is_json() {
        for request in &requests {
            out.object(serde_json::to_value(object::request(request))?)?;
        }
        return Ok(exit::DONE);
    }
    if requests.is_empty() {
        out.line("Nothing was asked of the registry.")?;
        return Ok(exit::DONE);
    }
    let rows: Vec<Vec<String>> = requests
        .iter()
        .map(|request| {
            vec![
                request.id.to_string(),
                request.request.action().to_owned(),
                request.request.object().unwrap_or("-".to_owned()),
                request.environment.to_string(),
                request.state.to_string(),
                out.optional_time(request.sent_at),
                out.optional_time(request.answered_at),
                request
                    .outcome
                    .map_or("-".to_owned(), |outcome| outcome.to_string()),
                request.message.map_or("-".to_owned(), |id| id.to_string()),
            ]
        })
        .collect();
    out.table(
        &[
            "REQUEST", "ACTION", "ABOUT", "ENV", "STATE", "SENT", "ANSWERED", "OUTCOME", "MESSAGE",
        ],
        &rows,
    )?;
    Ok(exit::DONE)
}

/// The request of that number.
pub async fn find(store: &dyn Store, id: RequestId) -> anyhow::Result<SentRequest> {
    let filter = RequestFilter {
        id: Some(id),
        ..RequestFilter::default()
    };
    let found = store.requests(&filter).await?;
    found.into_iter().next().ok_or_else(|| {
        exit::not_found(format!(
            "there is no request {id}; `stichtag request list` shows them"
        ))
    })
}

async fn show(context: &Context, id: RequestId, is_raw: bool) -> anyhow::Result<u8> {
    let (store, _) = context.store().await?;
    let request = &find(&*store, id).await?;
    if is_raw {
        let raw = request.raw.as_ref().ok_or_else(|| {
            exit::not_found(format!("{id} has not been signed yet, so it has no bytes"))
        })?;
        std::io::Write::write_all(&mut std::io::stdout(), raw)?;
        return Ok(exit::DONE);
    }
    let text = hidden(&registry::write(
        &request.request,
        &request.ctid,
        registry::Format::KeyValue,
    )?);
    let out = &context.out;
    if out.is_json() {
        let mut object = object::request(request);
        object.text = Some(text);
        out.object(serde_json::to_value(object)?)?;
        return Ok(exit::DONE);
    }
    out.heading(&format!("{id}  {}", request.request.action()))?;
    for (word, value) in [
        ("ctid", request.ctid.to_string()),
        ("environment", request.environment.to_string()),
        ("state", request.state.to_string()),
        ("made", out.time(request.created_at)),
        ("sent", out.optional_time(request.sent_at)),
        ("answered", out.optional_time(request.answered_at)),
        (
            "outcome",
            request
                .outcome
                .map_or("-".to_owned(), |outcome| outcome.to_string()),
        ),
        (
            "answer",
            request
                .message
                .map_or("-".to_owned(), |id| format!("message {id}")),
        ),
    ] {
        out.line(format!("{word:<14}{value}"))?;
    }
    out.line("")?;
    for line in text.lines() {
        out.line(line)?;
    }
    Ok(exit::DONE)
}

impl Actions {
    pub async fn run(self, context: &Context) -> anyhow::Result<u8> {
        let (store, _) = context.store().await?;
        let out = &context.out;
        let (domain, one) = match self {
            Actions::List { domain } => (domain, None),
            Actions::Show { id } => (None, Some(id)),
        };
        let entries = store
            .actions(&ActionFilter {
                ace: domain.map(|domain| domain.ace().to_owned()),
                ..ActionFilter::default()
            })
            .await?;
        let entries: Vec<_> = entries
            .into_iter()
            .filter(|(id, _)| one.is_none_or(|one| one == *id))
            .collect();
        if let (Some(id), true) = (one, entries.is_empty()) {
            return Err(exit::not_found(format!(
                "there is no entry {id}; `stichtag action list` shows them"
            )));
        }
        if out.is_json() {
            for (id, entry) in &entries {
                out.object(serde_json::to_value(object::action(*id, entry))?)?;
            }
            return Ok(exit::DONE);
        }
        if entries.is_empty() {
            out.line("The action log is empty.")?;
        }
        for (id, entry) in &entries {
            let domain = entry.domain.as_ref();
            let domain = domain.map_or("-".to_owned(), |domain| domain.to_string());
            out.line(format!(
                "{id}  {}  {domain} ({})  {}",
                out.time(entry.at),
                entry.environment,
                entry.text
            ))?;
            out.line(format!("      to do: {}", entry.advice))?;
            if let Some(message) = entry.message {
                out.line(format!("      answer: `stichtag log raw {message}`"))?;
            }
        }
        Ok(exit::DONE)
    }
}
