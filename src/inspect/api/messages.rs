//! Messages: what came in, how it was decided, its bytes.

use std::fmt::Display;
use std::str::FromStr;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::Uri;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use utoipa::IntoParams;

use super::Api;
use super::caller::Caller;
use super::forms::{DecisionForm, MessageForm};
use super::lists::Page;
use super::paging::{after, cursor, limit, one, page, wrong_place};
use super::query::Query;
use super::refusal::{ErrorObject, Refusal};
use crate::inspect::cli::log;
use crate::model::{DomainName, Environment, InboundId, Scope, Source, reason};
use crate::store::{
    LogEntry, LogFilter, MessageField, MessagePlace, MessageQuery, MessageTerm, MessageVerdict,
};

/// What messages are asked with. Only read by its derived description.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes the parameters, and is never made")]
struct MessageParameters {
    /// Only about this domain, U- or A-label.
    domain: Option<String>,
    /// With this verdict: applied, unchanged, held, refused or deferred.
    verdict: Option<String>,
    /// Received at or after.
    #[param(format = DateTime)]
    since: Option<String>,
    /// Received before.
    #[param(format = DateTime)]
    until: Option<String>,
    /// By this route.
    route: Option<String>,
    /// Only of this environment.
    environment: Option<Environment>,
    /// By this channel, such as denic-mail.
    source: Option<String>,
    /// Of this kind, such as domain-status.
    kind: Option<String>,
    /// With this reason code, such as R20.
    reason: Option<String>,
    /// With this queue id of Postfix.
    queue_id: Option<String>,
    /// With this text in domain, Message-ID, queue id, digest or envelope sender.
    grep: Option<String>,
    /// So many at most, 1 to 500; else 100.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// Only what comes behind: `next` of the page before.
    after: Option<String>,
}

/// List messages, newest first
///
/// A page may have fewer than wanted, or none, and a next page all the same: only so many messages are
/// looked at for one.
#[utoipa::path(
    get,
    path = "/api/v1/messages",
    operation_id = "listMessages",
    params(MessageParameters),
    responses(
        (status = 200, description = "A page of them, newest first", body = Page<MessageForm>),
        (status = 422, description = "A parameter is unknown or wrong", body = ErrorObject),
    ),
    security(("token" = ["messages:read"])),
)]
pub async fn list(State(api): State<Api>, request: Request) -> Result<Response, Refusal> {
    let caller = api.caller(request.headers(), Scope::MessagesRead).await?;
    listed(&api, &caller, request.uri(), None).await
}

/// List what is held, newest first
#[utoipa::path(
    get,
    path = "/api/v1/held",
    operation_id = "listHeld",
    params(MessageParameters),
    responses(
        (status = 200, description = "A page of them, newest first", body = Page<MessageForm>),
        (status = 422, description = "A parameter is unknown or wrong", body = ErrorObject),
    ),
    security(("token" = ["messages:read"])),
)]
pub async fn held(State(api): State<Api>, request: Request) -> Result<Response, Refusal> {
    let caller = api.caller(request.headers(), Scope::MessagesRead).await?;
    listed(&api, &caller, request.uri(), Some(MessageVerdict::Held)).await
}

async fn listed(
    api: &Api,
    caller: &Caller,
    uri: &Uri,
    only: Option<MessageVerdict>,
) -> Result<Response, Refusal> {
    let known = [
        "domain",
        "verdict",
        "since",
        "until",
        "route",
        "environment",
        "source",
        "kind",
        "reason",
        "queue_id",
        "grep",
        "limit",
        "after",
    ];
    let query = Query::read(uri, &known)?;
    let wanted = MessageQuery {
        terms: terms(caller, &query, only)?,
        since: query.get("since")?,
        until: query.get("until")?,
        below: place(&query)?,
        limit: limit(&query)?,
    };
    let found = api.store.messages(&wanted).await?;
    let next = found
        .below
        .map(|place| cursor([place.at.as_microsecond().to_string(), place.id.to_string()]));
    let items = found.entries.iter().map(log::object).collect();
    Ok(page(caller, items, next))
}

fn place(query: &Query) -> Result<Option<MessagePlace>, Refusal> {
    let Some([at, id]) = after(query)? else {
        return Ok(None);
    };
    let read = || {
        Some(MessagePlace {
            at: Timestamp::from_microsecond(at.parse().ok()?).ok()?,
            id: id.parse().ok()?,
        })
    };
    read().map(Some).ok_or_else(wrong_place)
}

/// What the messages must be.
fn terms(
    caller: &Caller,
    query: &Query,
    only: Option<MessageVerdict>,
) -> Result<Vec<MessageTerm>, Refusal> {
    let domain: Option<DomainName> = query.get("domain")?;
    let environment = caller.sees(query.get("environment")?)?;
    let reason = word(query, "reason", "a reason code such as R20", |code| {
        reason::find(code).map(|entry| entry.code.as_str().to_owned())
    })?;
    let verdict = word(
        query,
        "verdict",
        "applied, unchanged, held, refused or deferred",
        |word| MessageVerdict::from_word(word).map(|verdict| verdict.as_str().to_owned()),
    )?;
    let source = word(query, "source", "a channel such as denic-mail", |word| {
        Source::from_word(word).map(|source| source.as_str().to_owned())
    })?;
    let grep: Option<String> = query.get("grep")?;
    let all = [
        (
            MessageField::Domain,
            domain.map(|domain| domain.ace().to_owned()),
        ),
        (MessageField::Verdict, verdict),
        (
            MessageField::Verdict,
            only.map(|only| only.as_str().to_owned()),
        ),
        (MessageField::Route, query.get("route")?),
        (
            MessageField::Environment,
            environment.map(|environment| environment.to_string()),
        ),
        (MessageField::Source, source),
        (MessageField::Kind, query.get("kind")?),
        (MessageField::Reason, reason),
        (MessageField::Queue, query.get("queue_id")?),
        (MessageField::Text, grep.map(|text| text.to_lowercase())),
    ];
    let terms = all.into_iter().filter_map(|(field, value)| {
        let value = value?;
        Some(MessageTerm {
            field,
            value,
            is_not: false,
        })
    });
    Ok(terms.collect())
}

/// A parameter that is one of some words.
fn word(
    query: &Query,
    name: &str,
    expected: &str,
    known: impl Fn(&str) -> Option<String>,
) -> Result<Option<String>, Refusal> {
    let text: Option<String> = query.get(name)?;
    text.map(|text| {
        known(&text).ok_or_else(|| Refusal::field(name, format!("`{name}`: expected {expected}")))
    })
    .transpose()
}

/// Show a message
#[utoipa::path(
    get,
    path = "/api/v1/messages/{id}",
    operation_id = "showMessage",
    params(("id" = String, Path, description = "Such as 1042")),
    responses(
        (status = 200, description = "The message with its verdict", body = MessageForm),
        (status = 404, description = "There is no such message", body = ErrorObject),
    ),
    security(("token" = ["messages:read"])),
)]
pub async fn show(
    State(api): State<Api>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Refusal> {
    let caller = api.caller(request.headers(), Scope::MessagesRead).await?;
    let entry = found(&api, &caller, id, request.uri()).await?;
    Ok(one(&caller, log::object(&entry)))
}

/// Show how a message was decided, step by step
#[utoipa::path(
    get,
    path = "/api/v1/messages/{id}/why",
    operation_id = "showDecision",
    params(("id" = String, Path, description = "Such as 1042")),
    responses(
        (status = 200, description = "The message with each step", body = DecisionForm),
        (status = 404, description = "There is no such message", body = ErrorObject),
    ),
    security(("token" = ["messages:read"])),
)]
pub async fn why(
    State(api): State<Api>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Refusal> {
    let caller = api.caller(request.headers(), Scope::MessagesRead).await?;
    let entry = found(&api, &caller, id, request.uri()).await?;
    let deeds = api.store.audit_of(&entry.id.to_string()).await?;
    let deeds: Vec<String> = deeds.iter().map(|deed| log::deed(deed, deed.at)).collect();
    Ok(one(&caller, log::why_object(&entry, &deeds)))
}

/// The exact bytes of a message, as they came in
#[utoipa::path(
    get,
    path = "/api/v1/messages/{id}/raw",
    operation_id = "showRawMessage",
    params(("id" = String, Path, description = "Such as 1042")),
    responses(
        (status = 200, description = "The bytes; none where they are deleted",
         content_type = "application/octet-stream", body = [u8]),
        (status = 404, description = "There is no such message", body = ErrorObject),
    ),
    security(("token" = ["messages:read", "people:read"])),
)]
pub async fn raw(
    State(api): State<Api>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Refusal> {
    let caller = api.caller(request.headers(), Scope::MessagesRead).await?;
    caller.needs(Scope::PeopleRead)?;
    let id = found(&api, &caller, id, request.uri()).await?.id;
    let kept = api.store.kept(id).await?;
    let kept = kept.ok_or_else(|| Refusal::missing(format!("message {id}")))?;
    let fields = [
        (CONTENT_TYPE, "application/octet-stream".to_owned()),
        (
            CONTENT_DISPOSITION,
            format!("attachment; filename=\"{id}\""),
        ),
    ];
    Ok((fields, kept.raw).into_response())
}

/// The message that a path names, if this program may see it.
async fn found(
    api: &Api,
    caller: &Caller,
    id: Result<Path<String>, PathRejection>,
    uri: &Uri,
) -> Result<LogEntry, Refusal> {
    Query::read(uri, &[])?;
    let id: InboundId = named(id, "message")?;
    let filter = LogFilter {
        id: Some(id),
        ..LogFilter::default()
    };
    let entry = api.store.log(&filter).await?.pop();
    let is_seen = |entry: &LogEntry| {
        let environment = entry
            .decision
            .as_ref()
            .and_then(|decision| decision.environment);
        caller.may_see(environment)
    };
    entry
        .filter(is_seen)
        .ok_or_else(|| Refusal::missing(format!("message {id}")))
}

/// What a path names.
pub fn named<I: FromStr<Err: Display>>(
    text: Result<Path<String>, PathRejection>,
    what: &str,
) -> Result<I, Refusal> {
    let Path(text) = text.map_err(|_| Refusal::missing(format!("such {what}")))?;
    text.parse()
        .map_err(|why| Refusal::missing(format!("such {what}: {why}")))
}
