//! Orders, requests and the action log, page by page.

use std::fmt::Display;
use std::str::FromStr;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::caller::Caller;
use super::query::Query;
use super::refusal::{ErrorObject, Refusal, json};
use crate::inspect::object::{self, ActionObject, OrderObject, RequestObject, VERSION, hidden};
use crate::model::{DomainName, Environment, RequestId, Scope};
use crate::process::ordering::OrderError;
use crate::send::registry;
use crate::store::{ActionFilter, OrderFilter, RequestFilter};

/// How many things are on a page, unless it is asked for otherwise.
pub const LIMIT: u32 = 100;

/// How many at most.
pub const LIMIT_MAX: u32 = 500;

/// A part of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// Version of this form.
    v: u8,
    /// What is on it.
    items: Vec<T>,
    /// Give it as `after` for the next page; null on the last one.
    #[schema(required = true)]
    next: Option<String>,
}

impl<T> Page<T> {
    /// A page, and where the next one begins, if there is one.
    pub fn new(items: Vec<T>, next: Option<String>) -> Self {
        Page {
            v: VERSION,
            items,
            next,
        }
    }
}

/// What a list is asked with. Only read by its derived description: [`Asked`] is what is asked.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes the parameters, and is never made")]
struct ListParameters {
    /// Only about this domain, U- or A-label.
    domain: Option<String>,
    /// Only of this environment.
    environment: Option<Environment>,
    /// So many at most, 1 to 500; else 100.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// Only what comes behind this one: `next` of the page before.
    after: Option<String>,
}

/// What a list is asked with.
struct Asked<I> {
    ace: Option<String>,
    environment: Option<Environment>,
    limit: u32,
    after: Option<I>,
}

impl<I: FromStr<Err: Display>> Asked<I> {
    fn read(caller: &Caller, request: &Request) -> Result<Self, Refusal> {
        let known = ["domain", "environment", "limit", "after"];
        let query = Query::read(request.uri(), &known)?;
        let limit = query.get::<u32>("limit")?.unwrap_or(LIMIT);
        if !(1..=LIMIT_MAX).contains(&limit) {
            return Err(Refusal::field(
                "limit",
                format!("`limit`: 1 to {LIMIT_MAX} is expected"),
            ));
        }
        let domain: Option<DomainName> = query.get("domain")?;
        Ok(Asked {
            ace: domain.map(|domain| domain.ace().to_owned()),
            environment: caller.sees(query.get("environment")?)?,
            limit,
            after: query.get("after")?,
        })
    }

    /// One more than is shown tells whether there is a next page.
    fn fetched(&self) -> Option<u32> {
        Some(self.limit + 1)
    }

    fn page<T: Serialize>(&self, mut items: Vec<T>, id: impl Fn(&T) -> String) -> Response {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let has_next = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| has_next).map(id);
        json(StatusCode::OK, &Page::new(items, next))
    }
}

/// List orders
#[utoipa::path(
    get,
    path = "/api/v1/orders",
    operation_id = "listOrders",
    params(ListParameters),
    responses(
        (status = 200, description = "A page of them, oldest first", body = Page<OrderObject>),
        (status = 422, description = "A parameter is unknown or wrong", body = ErrorObject),
    ),
    security(("token" = ["orders:read"])),
)]
pub async fn orders(State(api): State<Api>, request: Request) -> Result<Response, Refusal> {
    let caller = api.caller(request.headers(), Scope::OrdersRead).await?;
    let asked = Asked::read(&caller, &request)?;
    let filter = OrderFilter {
        environment: asked.environment,
        ace: asked.ace.clone(),
        after: asked.after,
        limit: asked.fetched(),
        ..OrderFilter::default()
    };
    let orders = api.store.orders(&filter).await?;
    let objects = object::orders(&*api.store, &orders).await?;
    Ok(asked.page(objects, |order| order.id.to_string()))
}

/// List what was asked of the registry
#[utoipa::path(
    get,
    path = "/api/v1/requests",
    operation_id = "listRequests",
    params(ListParameters),
    responses(
        (status = 200, description = "A page of them, oldest first", body = Page<RequestObject>),
        (status = 422, description = "A parameter is unknown or wrong", body = ErrorObject),
    ),
    security(("token" = ["orders:read"])),
)]
pub async fn requests(State(api): State<Api>, request: Request) -> Result<Response, Refusal> {
    let caller = api.caller(request.headers(), Scope::OrdersRead).await?;
    let asked = Asked::read(&caller, &request)?;
    let filter = RequestFilter {
        environment: asked.environment,
        ace: asked.ace.clone(),
        after: asked.after,
        limit: asked.fetched(),
        ..RequestFilter::default()
    };
    let requests = api.store.requests(&filter).await?;
    let objects = requests.iter().map(object::request).collect();
    Ok(asked.page(objects, |request: &RequestObject| request.id.to_string()))
}

/// Show what was asked of the registry, with its text
#[utoipa::path(
    get,
    path = "/api/v1/requests/{id}",
    operation_id = "showRequest",
    params(("id" = String, Path, description = "Such as Q-7")),
    responses(
        (status = 200, description = "The request as it stands; its text only with the scope people:read", body = RequestObject),
        (status = 404, description = "There is no such request", body = ErrorObject),
    ),
    security(("token" = ["orders:read"])),
)]
pub async fn request(
    State(api): State<Api>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Refusal> {
    let caller = api.caller(request.headers(), Scope::OrdersRead).await?;
    Query::read(request.uri(), &[])?;
    let Path(text) = id.map_err(|_| Refusal::missing("such request"))?;
    let id: RequestId = text
        .parse()
        .map_err(|why| Refusal::missing(format!("such request: {why}")))?;
    let filter = RequestFilter {
        id: Some(id),
        ..RequestFilter::default()
    };
    let found = api.store.requests(&filter).await?.into_iter().next();
    let found = found
        .filter(|found| caller.may_touch(found.environment))
        .ok_or_else(|| Refusal::missing(format!("request {id}")))?;
    let mut object = object::request(&found);
    // It may name people.
    if caller.may(Scope::PeopleRead) {
        let text = registry::write(&found.request, &found.ctid, registry::Format::KeyValue)
            .map_err(OrderError::from)?;
        object.text = Some(hidden(&text));
    }
    Ok(json(StatusCode::OK, &object))
}

/// List the action log: what was asked, what came of it, what to do
#[utoipa::path(
    get,
    path = "/api/v1/actions",
    operation_id = "listActions",
    params(ListParameters),
    responses(
        (status = 200, description = "A page of entries, oldest first", body = Page<ActionObject>),
        (status = 422, description = "A parameter is unknown or wrong", body = ErrorObject),
    ),
    security(("token" = ["orders:read"])),
)]
pub async fn actions(State(api): State<Api>, request: Request) -> Result<Response, Refusal> {
    let caller = api.caller(request.headers(), Scope::OrdersRead).await?;
    let asked = Asked::read(&caller, &request)?;
    let filter = ActionFilter {
        environment: asked.environment,
        ace: asked.ace.clone(),
        after: asked.after,
        limit: asked.fetched(),
        ..ActionFilter::default()
    };
    let entries = api.store.actions(&filter).await?;
    let objects = entries
        .iter()
        .map(|(id, entry)| object::action(*id, entry))
        .collect();
    Ok(asked.page(objects, |entry: &ActionObject| entry.id.to_string()))
}
