//! The API: `/api/v1` on the admin listener. Orders, for shops and billing systems; and everything that the
//! command line shows, to be read.
//!
//! A request's way: [`guarded`] (how many, how long), the route, [`Api::caller`] (who asks, and may
//! they), [`body`] (what is said), then the same functions of [`ordering`](crate::process::ordering)
//! that the command line calls. Whatever goes wrong is a [`Refusal`], and leaves as JSON.

mod body;
mod caller;
mod desk;
mod document;
mod forms;
mod lists;
mod messages;
mod office;
mod orders;
mod paging;
mod payments;
mod people;
mod query;
mod refusal;
mod tag;
mod wish;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, Method, StatusCode, Uri};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any, delete, get, post};
use tokio::sync::Semaphore;

use crate::clock::Clock;
use crate::config::Config;
use crate::model::reason;
use crate::process::caught_async;
use crate::store::Store;
use refusal::Refusal;

/// Where all of it is.
const ROOT: &str = "/api/v1";

/// Requests under way at once.
const REQUESTS_MAX: usize = 64;

/// How long one may take, its body's arrival included.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(30);

/// What every request has at hand.
#[derive(Clone)]
struct Api {
    store: Arc<dyn Store>,
    config: Arc<Config>,
    clock: Clock,
    turns: Arc<Semaphore>,
}

/// The routes of the API, for the admin listener.
pub fn router(config: &Config, store: Arc<dyn Store>, clock: Clock) -> Router {
    let api = Api {
        store,
        config: Arc::new(config.clone()),
        clock,
        turns: Arc::new(Semaphore::new(REQUESTS_MAX)),
    };
    let mut routes = Router::new();
    for (_, path, handler) in routes_under_root() {
        routes = routes.route(&format!("{ROOT}{path}"), handler);
    }
    routes = routes.method_not_allowed_fallback(no_method);
    // Whatever else is below, and nothing beside it: the neighbours have their own way.
    for path in ["", "/", "/{*rest}"] {
        routes = routes.route(&format!("{ROOT}{path}"), any(no_path));
    }
    routes
        .layer(from_fn_with_state(api.clone(), guarded))
        .with_state(api)
}

/// Every route; [`document`] describes the same, and a test compares both.
fn routes_under_root() -> [(Method, &'static str, MethodRouter<Api>); 27] {
    [
        (Method::POST, "/orders", post(orders::place)),
        (Method::GET, "/orders", get(lists::orders)),
        (Method::GET, "/orders/{id}", get(orders::show)),
        (Method::POST, "/orders/{id}/payment", post(payments::pay)),
        (
            Method::DELETE,
            "/orders/{id}/payment",
            delete(payments::withdraw),
        ),
        (Method::GET, "/requests", get(lists::requests)),
        (Method::GET, "/requests/{id}", get(lists::request)),
        (Method::GET, "/actions", get(lists::actions)),
        (Method::GET, "/messages", get(messages::list)),
        (Method::GET, "/messages/{id}", get(messages::show)),
        (Method::GET, "/messages/{id}/why", get(messages::why)),
        (Method::GET, "/messages/{id}/raw", get(messages::raw)),
        (Method::GET, "/held", get(messages::held)),
        (Method::GET, "/domains", get(desk::domains)),
        (Method::GET, "/domains/{id}", get(desk::domain)),
        (Method::GET, "/domains/{id}/history", get(desk::history)),
        (Method::GET, "/deadlines", get(desk::deadlines)),
        (Method::GET, "/cases", get(desk::cases)),
        (Method::GET, "/cases/{id}", get(desk::case)),
        (Method::GET, "/cases/{id}/plan", get(desk::plan)),
        (Method::GET, "/notices", get(desk::notices)),
        (Method::GET, "/notices/{id}", get(desk::notice)),
        (Method::GET, "/customers/{id}", get(desk::customer)),
        (Method::GET, "/audit", get(office::audit)),
        (Method::GET, "/status", get(office::status)),
        (Method::GET, "/explain/{id}", get(office::explain)),
        (Method::GET, "/openapi.json", get(document::show)),
    ]
}

/// Bounds how many requests are under way and how long each takes; one that breaks is answered too.
async fn guarded(State(api): State<Api>, request: Request, next: Next) -> Response {
    let reads = (request.method() == Method::GET).then(|| request.headers().clone());
    let mut answer = match api.turns.try_acquire() {
        Ok(_turn) => bounded(request, next).await,
        Err(_) => {
            let why = format!("{REQUESTS_MAX} requests are under way already");
            Refusal::busy(why).into_response()
        }
    };
    // Orders are nobody else's business, a proxy's neither.
    let keep = HeaderValue::from_static("no-store");
    answer.headers_mut().insert(CACHE_CONTROL, keep);
    if let Some(asked) = reads {
        answer = tag::tagged(&asked, answer).await;
    }
    let headers = answer.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}

async fn bounded(request: Request, next: Next) -> Response {
    let work = caught_async(next.run(request));
    match tokio::time::timeout(REQUEST_TIME_MAX, work).await {
        Ok(Ok(answer)) => answer,
        // The log has it, with the way there.
        Ok(Err(_)) => Refusal::trouble().into_response(),
        Err(_) => Refusal::new(
            StatusCode::REQUEST_TIMEOUT,
            reason::API_TIMEOUT,
            format!(
                "the request was not done within {} seconds",
                REQUEST_TIME_MAX.as_secs()
            ),
        )
        .into_response(),
    }
}

async fn no_path(uri: Uri) -> Refusal {
    Refusal::new(
        StatusCode::NOT_FOUND,
        reason::API_PATH,
        format!("there is nothing at `{}`", uri.path()),
    )
}

async fn no_method(method: Method) -> Refusal {
    Refusal::new(
        StatusCode::METHOD_NOT_ALLOWED,
        reason::API_METHOD,
        format!("this path does not take {method}; the header `Allow` names what it takes"),
    )
}
