//! `/orders`: what is ordered at the registry, and what becomes of it.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::{Value, json};

use super::address::{address, named};
use super::wish::{FIELDS, wish};
use super::{Caller, Fault, Fields, Query, Right, Site, Way};
use crate::inspect::cli::order::ways as roads;
use crate::inspect::object;
use crate::model::{DomainName, Environment, OrderId, OrderState};
use crate::process::ordering::{self, OrderError, RENEWED, Step};
use crate::store::{ActionFilter, OrderFilter, RequestFilter};

/// Rows on a page.
const PAGE: usize = 100;

/// The kinds of orders that the form takes.
const KINDS: [&str; 5] = ["register", "transfer", "update", "delete", "renew"];

/// The ways in.
pub fn ways() -> Vec<Way> {
    vec![
        Way::look("/orders", Right::Look, list),
        Way::look("/orders/new", Right::Act, blank),
        Way::act("/orders", Right::Act, Some("order create"), create),
        Way::look("/orders/{id}", Right::Look, show),
        Way::act("/orders/{id}/pay", Right::Act, Some("order pay"), pay),
        Way::act(
            "/orders/{id}/release",
            Right::Act,
            Some("order release"),
            release,
        ),
        Way::act(
            "/orders/{id}/confirm",
            Right::Act,
            Some("order confirm"),
            confirm,
        ),
        Way::act(
            "/orders/{id}/cancel",
            Right::Act,
            Some("order cancel"),
            cancel,
        ),
    ]
}

/// A domain that an address asks for, by its A-label.
pub fn ace(query: &Query) -> Result<Option<String>, Fault> {
    let name = query.read::<DomainName>("domain")?;
    Ok(name.map(|name| name.ace().to_owned()))
}

async fn list(
    State(site): State<Arc<Site>>,
    caller: Caller,
    query: Query,
) -> Result<Response, Fault> {
    let filter = OrderFilter {
        environment: query.read::<Environment>("env")?,
        ace: ace(&query)?,
        state: query.word("state", OrderState::from_word)?,
        newest_first: true,
        after: query.read("after")?,
        limit: Some(PAGE as u32 + 1),
        ..OrderFilter::default()
    };
    let mut found = site.store.orders(&filter).await?;
    let has_more = found.len() > PAGE;
    found.truncate(PAGE);
    let place = |after: &str| {
        let kept = ["state", "env", "domain"].map(|name| (name, query.get(name)));
        address("/orders", &[&kept[..], &[("after", after)]].concat())
    };
    let older = found.last().filter(|_| has_more);
    let values = json!({
        "self_path": "/orders",
        "done_word": query.get("done"),
        "rows": object::orders(&*site.store, &found).await?,
        "state": query.get("state"),
        "states": OrderState::ALL,
        "env": query.get("env"),
        "domain_text": query.get("domain"),
        "may_act": caller.may(Right::Act),
        "newer": (!query.get("after").is_empty()).then(|| place("")),
        "older": older.map(|last| place(&last.id.to_string())),
    });
    site.page(&caller, "orders.html", values).await
}

async fn show(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Path(id): Path<String>,
    query: Query,
) -> Result<Response, Fault> {
    let id: OrderId = named(&id)?;
    let order = site.store.order(id).await?;
    let order = order.ok_or_else(|| Fault::Missing(format!("There is no order {id}.")))?;
    let filter = RequestFilter {
        orders: vec![id],
        ..RequestFilter::default()
    };
    let requests = site.store.requests(&filter).await?;
    let now = site.clock.now();
    let requests: Vec<Value> = requests
        .iter()
        .map(|request| super::requests::row(request, now))
        .collect();
    let filter = ActionFilter {
        environment: Some(order.environment),
        ace: order.request.domain().map(|name| name.ace().to_owned()),
        newest_first: true,
        limit: Some(PAGE as u32),
        ..ActionFilter::default()
    };
    let actions = site.store.actions(&filter).await?;
    let actions: Vec<_> = (actions.iter())
        .filter(|(_, entry)| entry.order == Some(id))
        .map(|(id, entry)| object::action(*id, entry))
        .collect();
    let is_mine = order.placed_by == caller.actor();
    let wanted = object::wanted(&order.request).map_err(OrderError::from)?;
    let values = json!({
        "self_path": "/orders",
        "is_test": order.environment == Environment::Test,
        "done_word": query.get("done"),
        "one": object::orders(&*site.store, std::slice::from_ref(&order)).await?.pop(),
        "requests": requests,
        "wanted": caller.may(Right::People).then_some(wanted),
        "actions": actions,
        "is_mine": is_mine,
        "may_act": caller.may(Right::Act),
    });
    site.page(&caller, "order.html", values).await
}

async fn blank(
    State(site): State<Arc<Site>>,
    caller: Caller,
    query: Query,
) -> Result<Response, Fault> {
    form(&site, &caller, &query, None).await
}

/// The form, filled in as it was, with what would be asked. A secret is not written into it.
async fn form(
    site: &Site,
    caller: &Caller,
    fields: &Fields,
    shown: Option<Value>,
) -> Result<Response, Fault> {
    let key = match fields.get("key") {
        "" => crate::process::new_ctid().0,
        key => key.to_owned(),
    };
    let filled: serde_json::Map<_, _> = FIELDS
        .map(|name| (name.to_owned(), json!(fields.get(name))))
        .into_iter()
        .collect();
    let values = json!({
        "self_path": "/orders",
        "is_test": fields.get("env") == "test",
        "kinds": KINDS,
        "filled": filled,
        "key": key,
        "shown": shown,
    });
    site.page(caller, "order_new.html", values).await
}

async fn create(
    State(site): State<Arc<Site>>,
    caller: Caller,
    fields: Fields,
) -> Result<Response, Fault> {
    let environment: Environment = fields.needed("env")?;
    let work = site.work(&caller);
    if fields.get("kind") == "renew" {
        let domain: DomainName = fields.needed("domain")?;
        let audit = work.audit("order renew", domain.ace(), RENEWED);
        ordering::renewal(&*site.store, &domain, environment, &audit).await?;
        return Ok(Redirect::to("/orders?done=renewed").into_response());
    }
    let wish = wish(&fields, roads(&site.config, environment))?;
    if fields.get("step") != "place" {
        let opening = ordering::rehearse(&*site.store, &wish).await?;
        let would = object::rehearsal(&wish, opening).map_err(OrderError::from)?;
        return form(&site, &caller, &fields, Some(json!(would))).await;
    }
    let action = format!("order {}", wish.request.action().to_ascii_lowercase());
    let audit = work.audit(&action, "", &wish.key);
    let placed = ordering::place(&*site.store, &wish, &audit).await?;
    let to = format!("/orders/{}?done=placed", placed.order.id);
    Ok(Redirect::to(&to).into_response())
}

/// Back to the order, with a word of what became of it.
fn back(id: OrderId, step: Step, done: &str) -> Redirect {
    let word = match step {
        Step::Done => done,
        Step::Before => "before",
        Step::TooLate => "late",
    };
    Redirect::to(&format!("/orders/{id}?done={word}"))
}

async fn pay(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Redirect, Fault> {
    let id = named(&id)?;
    let reference = fields.get("reference");
    let audit = site
        .work(&caller)
        .audit("order pay", &format!("{id}"), reference);
    let step = ordering::pay(&*site.store, id, reference, &audit).await?;
    Ok(back(id, step, "paid"))
}

async fn release(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Path(id): Path<String>,
    _: Fields,
) -> Result<Redirect, Fault> {
    let id = named(&id)?;
    let audit = site
        .work(&caller)
        .audit("order release", &format!("{id}"), "");
    let step = ordering::release(&*site.store, id, &audit).await?;
    Ok(back(id, step, "released"))
}

async fn confirm(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Redirect, Fault> {
    let id = named(&id)?;
    let audit = site
        .work(&caller)
        .audit("order confirm", &format!("{id}"), &fields.note()?);
    let step = ordering::confirm(&*site.store, id, &audit).await?;
    Ok(back(id, step, "confirmed"))
}

async fn cancel(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Redirect, Fault> {
    let id = named(&id)?;
    let note = &fields.note()?;
    let audit = site
        .work(&caller)
        .audit("order cancel", &format!("{id}"), note);
    let step = ordering::cancel(&*site.store, id, note, &audit).await?;
    Ok(back(id, step, "cancelled"))
}
