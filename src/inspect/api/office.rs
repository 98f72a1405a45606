//! Who did what, how all stands, what a code means.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use utoipa::IntoParams;

use super::Api;
use super::forms::{AuditForm, ExplanationForm, StatusForm};
use super::lists::Page;
use super::paging::{after, cursor, limit, one, page, wrong_place};
use super::query::Query;
use super::refusal::{ErrorObject, Refusal, json};
use crate::inspect::cli::{audit, explain};
use crate::inspect::object::VERSION;
use crate::inspect::work::health::health;
use crate::model::{Environment, Scope, reason};
use crate::store::AuditFilter;

/// What the trail is asked with. Only read by its derived description.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes the parameters, and is never made")]
struct AuditParameters {
    /// Done to this: a message, case or notice by its number, a switch, a file.
    object: Option<String>,
    /// Done by this user id or name.
    actor: Option<String>,
    /// What was done, such as `held release`, or all of `held`.
    action: Option<String>,
    /// At or after.
    #[param(format = DateTime)]
    since: Option<String>,
    /// Before.
    #[param(format = DateTime)]
    until: Option<String>,
    /// So many at most, 1 to 500; else 100.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// Only what comes behind: `next` of the page before.
    after: Option<String>,
}

/// List what was done, newest first
///
/// Of both environments, so a token that may touch one of them is refused.
#[utoipa::path(
    get,
    path = "/api/v1/audit",
    operation_id = "listAudit",
    params(AuditParameters),
    responses(
        (status = 200, description = "A page of entries, newest first", body = Page<AuditForm>),
        (status = 422, description = "A parameter is unknown or wrong", body = ErrorObject),
    ),
    security(("token" = ["audit:read"])),
)]
pub async fn audit(State(api): State<Api>, request: Request) -> Result<Response, Refusal> {
    let caller = api.caller(request.headers(), Scope::AuditRead).await?;
    caller.touches(Environment::Live)?;
    caller.touches(Environment::Test)?;
    let known = [
        "object", "actor", "action", "since", "until", "limit", "after",
    ];
    let query = Query::read(request.uri(), &known)?;
    let filter = AuditFilter {
        object: query.get("object")?,
        actor: query.get("actor")?,
        action: query.get("action")?,
        since: query.get("since")?,
        until: query.get("until")?,
        limit: limit(&query)?,
    };
    let below = match after(&query)? {
        None => None,
        Some([number]) => Some(number.parse().map_err(|_| wrong_place())?),
    };
    let found = api.store.audit_page(&filter, below).await?;
    let next = found.below.map(|below| cursor([below.to_string()]));
    let items = found.links.iter().map(audit::object).collect();
    Ok(page(&caller, items, next))
}

/// Show how all stands
///
/// Of both environments, so a token that may touch one of them is refused.
#[utoipa::path(
    get,
    path = "/api/v1/status",
    operation_id = "showStatus",
    responses((status = 200, description = "Health", body = StatusForm)),
    security(("token" = ["messages:read"])),
)]
pub async fn status(State(api): State<Api>, request: Request) -> Result<Response, Refusal> {
    let caller = api.caller(request.headers(), Scope::MessagesRead).await?;
    caller.touches(Environment::Live)?;
    caller.touches(Environment::Test)?;
    Query::read(request.uri(), &[])?;
    let health = health(&*api.store, &api.config, &api.clock).await?;
    Ok(one(&caller, health.object(&api.config, true)))
}

/// Explain a reason code
#[utoipa::path(
    get,
    path = "/api/v1/explain/{id}",
    operation_id = "explain",
    params(("id" = String, Path, description = "Such as R20")),
    responses(
        (status = 200, description = "What it means, and what to do", body = ExplanationForm),
        (status = 404, description = "There is no such code", body = ErrorObject),
    ),
)]
pub async fn explain(id: Result<Path<String>, PathRejection>) -> Result<Response, Refusal> {
    let Path(code) = id.map_err(|_| Refusal::missing("such code"))?;
    let entry = reason::find(&code).ok_or_else(|| Refusal::missing("such code"))?;
    let mut object = explain::object(entry);
    object["v"] = VERSION.into();
    Ok(json(StatusCode::OK, &object))
}
