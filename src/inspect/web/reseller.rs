//! `/reseller`: commands to CentralNic Reseller, and confirmations of mail addresses under way.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{Redirect, Response};
use serde_json::{Value, json};

use super::address::named;
use super::{Caller, Fault, Fields, Query, Right, Site, Way};
use crate::inspect::cli::reseller::outbox;
use crate::inspect::cli::verify_site;
use crate::model::{CommandState, ResellerCommandId};
use crate::process::ordering::Step;
use crate::process::reselling;
use crate::store::CommandFilter;

/// Rows of each list.
const PAGE: usize = 100;

/// The ways in.
pub fn ways() -> Vec<Way> {
    vec![
        Way::look("/reseller", Right::Look, list),
        Way::act(
            "/reseller/{id}/confirm",
            Right::Act,
            Some("reseller confirm"),
            confirm,
        ),
        Way::act(
            "/reseller/{id}/cancel",
            Right::Act,
            Some("reseller cancel"),
            cancel,
        ),
        Way::act(
            "/reseller/retry",
            Right::Act,
            Some("verify-site retry"),
            retry,
        ),
    ]
}

async fn list(
    State(site): State<Arc<Site>>,
    caller: Caller,
    query: Query,
) -> Result<Response, Fault> {
    let filter = CommandFilter {
        state: query.word("state", CommandState::from_word)?,
        newest: Some(PAGE as u32),
        ..CommandFilter::default()
    };
    let found = site.store.commands(&filter).await?;
    let rows: Vec<Value> = (found.iter().rev())
        .map(|one| {
            let mut row = outbox::object(one);
            row["is_mine"] = json!(one.asked_by == caller.actor());
            row
        })
        .collect();
    let pending = site.store.pending_confirmations().await?;
    let under_way = pending.iter().filter(|one| one.command.is_some());
    let values = json!({
        "self_path": "/requests",
        "done_word": query.get("done"),
        "rows": rows,
        "state": query.get("state"),
        "states": CommandState::ALL,
        "page": PAGE,
        "pending": under_way.take(PAGE).map(verify_site::object).collect::<Vec<_>>(),
        "may_act": caller.may(Right::Act),
    });
    site.page(&caller, "reseller.html", values).await
}

/// Back to the list, with a word of what became of it.
fn back(step: Step, done: &str) -> Redirect {
    let word = match step {
        Step::Done => done,
        Step::Before => "before",
        Step::TooLate => "late",
    };
    Redirect::to(&format!("/reseller?done={word}"))
}

async fn confirm(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Redirect, Fault> {
    let id: ResellerCommandId = named(&id)?;
    let audit = (site.work(&caller)).audit("reseller confirm", &id.to_string(), &fields.note()?);
    let step = reselling::confirm(&*site.store, id, &audit).await?;
    Ok(back(step, "confirmed"))
}

async fn cancel(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Redirect, Fault> {
    let id: ResellerCommandId = named(&id)?;
    let audit = (site.work(&caller)).audit("reseller cancel", &id.to_string(), &fields.note()?);
    let step = reselling::cancel(&*site.store, id, &audit).await?;
    Ok(back(step, "cancelled"))
}

async fn retry(
    State(site): State<Arc<Site>>,
    caller: Caller,
    fields: Fields,
) -> Result<Redirect, Fault> {
    let id = fields.read::<ResellerCommandId>("id")?;
    let named = id.map_or("all".to_owned(), |id| id.to_string());
    let audit = site.work(&caller).audit("verify-site retry", &named, "");
    let tried = site.store.retry_confirmations(id, &audit).await?;
    Ok(Redirect::to(match tried.is_empty() {
        true => "/reseller?done=nothing",
        false => "/reseller?done=tried",
    }))
}
