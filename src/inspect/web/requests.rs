//! `/requests` and `/actions`: what was asked of the registry, what came of it, what to do.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{Redirect, Response};
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

use super::address::{address, named};
use super::orders::ace;
use super::{Caller, Fault, Fields, Query, Right, Site, Way};
use crate::inspect::cli::request;
use crate::inspect::object::{self, hidden};
use crate::model::{Environment, RequestId, RequestOutcome, RequestState, SentRequest};
use crate::process::ordering::{self, OrderError, Step};
use crate::send::registry;
use crate::store::{ActionFilter, RequestFilter};

/// Rows on a page.
const PAGE: usize = 100;

/// The ways in.
pub fn ways() -> Vec<Way> {
    vec![
        Way::look("/requests", Right::Look, list),
        Way::look("/requests/{id}", Right::Look, show),
        Way::act("/requests/{id}/ask", Right::Act, Some("request ask"), ask),
        Way::act(
            "/requests/{id}/settle",
            Right::Act,
            Some("request settle"),
            settle,
        ),
        Way::look("/actions", Right::Look, actions),
    ]
}

/// A request in a list: how long it has waited, and whether its answer may be lost.
pub fn row(request: &SentRequest, now: Timestamp) -> Value {
    let mut row = json!(object::request(request));
    let is_open = matches!(request.state, RequestState::Sent | RequestState::Unanswered);
    let waits = request.sent_at.filter(|_| is_open);
    row["waits_seconds"] = json!(waits.map(|at| now.duration_since(at).as_secs()));
    let is_late = waits.is_some_and(|at| at + 24.hours() <= now);
    row["is_lost"] = json!(request.state == RequestState::Unanswered || is_late);
    row["is_open"] = json!(is_open);
    row
}

async fn list(
    State(site): State<Arc<Site>>,
    caller: Caller,
    query: Query,
) -> Result<Response, Fault> {
    let filter = RequestFilter {
        environment: query.read::<Environment>("env")?,
        ace: ace(&query)?,
        state: query.word("state", RequestState::from_word)?,
        newest_first: true,
        after: query.read("after")?,
        limit: Some(PAGE as u32 + 1),
        ..RequestFilter::default()
    };
    let mut found = site.store.requests(&filter).await?;
    let has_more = found.len() > PAGE;
    found.truncate(PAGE);
    let now = site.clock.now();
    let place = |after: &str| {
        let kept = ["state", "env", "domain"].map(|name| (name, query.get(name)));
        address("/requests", &[&kept[..], &[("after", after)]].concat())
    };
    let older = found.last().filter(|_| has_more);
    let values = json!({
        "self_path": "/requests",
        "rows": found.iter().map(|request| row(request, now)).collect::<Vec<_>>(),
        "state": query.get("state"),
        "states": RequestState::ALL,
        "env": query.get("env"),
        "domain_text": query.get("domain"),
        "newer": (!query.get("after").is_empty()).then(|| place("")),
        "older": older.map(|last| place(&last.id.to_string())),
    });
    site.page(&caller, "requests.html", values).await
}

async fn show(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Path(id): Path<String>,
    query: Query,
) -> Result<Response, Fault> {
    let found = request::find(&*site.store, named(&id)?).await?;
    let format = registry::Format::KeyValue;
    let text = registry::write(&found.request, &found.ctid, format).map_err(OrderError::from)?;
    let values = json!({
        "self_path": "/requests",
        "is_test": found.environment == Environment::Test,
        "done_word": query.get("done"),
        "one": row(&found, site.clock.now()),
        "text": caller.may(Right::People).then(|| hidden(&text)),
        "outcomes": RequestOutcome::ALL,
        "may_act": caller.may(Right::Act),
    });
    site.page(&caller, "request.html", values).await
}

async fn ask(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Path(id): Path<String>,
    _: Fields,
) -> Result<Redirect, Fault> {
    let id: RequestId = named(&id)?;
    let done = match request::ask_about(&site.work(&caller), id).await? {
        Ok(()) => "asked",
        Err(_) => "nothing",
    };
    Ok(Redirect::to(&format!("/requests/{id}?done={done}")))
}

async fn settle(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Redirect, Fault> {
    let id: RequestId = named(&id)?;
    let outcome: RequestOutcome = fields.needed("outcome")?;
    let audit = (site.work(&caller)).audit("request settle", &id.to_string(), &fields.note()?);
    let done = match ordering::settle(&*site.store, id, outcome, &audit).await? {
        Step::Done => "settled",
        Step::Before | Step::TooLate => "before",
    };
    Ok(Redirect::to(&format!("/requests/{id}?done={done}")))
}

async fn actions(
    State(site): State<Arc<Site>>,
    caller: Caller,
    query: Query,
) -> Result<Response, Fault> {
    let filter = ActionFilter {
        environment: query.read::<Environment>("env")?,
        ace: ace(&query)?,
        newest_first: true,
        after: query.read("after")?,
        limit: Some(PAGE as u32 + 1),
    };
    let mut found = site.store.actions(&filter).await?;
    let has_more = found.len() > PAGE;
    found.truncate(PAGE);
    let place = |after: &str| {
        let kept = ["env", "domain"].map(|name| (name, query.get(name)));
        address("/actions", &[&kept[..], &[("after", after)]].concat())
    };
    let older = found.last().filter(|_| has_more);
    let rows = found.iter().map(|(id, entry)| object::action(*id, entry));
    let values = json!({
        "self_path": "/orders",
        "rows": rows.collect::<Vec<_>>(),
        "env": query.get("env"),
        "domain_text": query.get("domain"),
        "newer": (!query.get("after").is_empty()).then(|| place("")),
        "older": older.map(|(last, _)| place(&last.to_string())),
    });
    site.page(&caller, "actions.html", values).await
}
