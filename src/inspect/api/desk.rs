//! What the desk works with: domains, deadlines, cases, mails to customers, customers.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::Uri;
use axum::response::Response;
use jiff::Timestamp;
use serde_json::{Value, json};
use utoipa::IntoParams;

use super::Api;
use super::caller::Caller;
use super::forms::{
    CaseDetailForm, CaseForm, CustomerForm, DeadlineForm, DomainForm, HistoryForm,
    NoticeDetailForm, NoticeForm, PlanForm,
};
use super::lists::Page;
use super::messages::named;
use super::paging::{after, cursor, cut, limit, one, page, wrong_place};
use super::query::Query;
use super::refusal::{ErrorObject, Refusal};
use crate::inspect::cli::{case, customer, domain, notice};
use crate::inspect::web::veiled;
use crate::inspect::work::{Work, cases, due, notice as mails};
use crate::model::{
    CaseId, CaseState, CustomerId, DomainKey, DomainName, DomainRecord, Environment, NoticeId,
    NoticeState, Scope,
};
use crate::store::{CaseEntry, CaseFilter, CaseMark, DomainFilter, NoticeFilter, RequestFilter};

/// What a list is asked with. Only read by its derived description.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes the parameters, and is never made")]
struct PlaceParameters {
    /// Only of this environment.
    environment: Option<Environment>,
    /// So many at most, 1 to 500; else 100.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// Only what comes behind: `next` of the page before.
    after: Option<String>,
}

/// List domains, by environment and A-label
#[utoipa::path(
    get,
    path = "/api/v1/domains",
    operation_id = "listDomains",
    params(
        PlaceParameters,
        ("customer" = Option<String>, Query, description = "Only of this customer"),
    ),
    responses(
        (status = 200, description = "A page of them", body = Page<DomainForm>),
        (status = 422, description = "A parameter is unknown or wrong", body = ErrorObject),
    ),
    security(("token" = ["domains:read"])),
)]
pub async fn domains(State(api): State<Api>, request: Request) -> Result<Response, Refusal> {
    let caller = api.caller(request.headers(), Scope::DomainsRead).await?;
    let query = Query::read(
        request.uri(),
        &["environment", "customer", "limit", "after"],
    )?;
    let limit = limit(&query)?;
    let filter = DomainFilter {
        environment: caller.sees(query.get("environment")?)?,
        customer: query.get::<String>("customer")?.map(CustomerId),
        after: key(&query)?,
        limit: limit + 1,
        ..DomainFilter::default()
    };
    let (records, has_more) = cut(api.store.domain_page(&filter).await?, limit);
    let next = records.last().filter(|_| has_more).map(|last| {
        cursor([
            last.key.environment.to_string(),
            last.key.domain.ace().to_owned(),
        ])
    });
    let items = objects(&api, &records).await?;
    Ok(page(&caller, items, next))
}

fn key(query: &Query) -> Result<Option<DomainKey>, Refusal> {
    let Some([environment, ace]) = after(query)? else {
        return Ok(None);
    };
    let read = || {
        Some(DomainKey {
            environment: environment.parse().ok()?,
            domain: ace.parse().ok()?,
        })
    };
    read().map(Some).ok_or_else(wrong_place)
}

async fn objects(api: &Api, records: &[DomainRecord]) -> Result<Vec<serde_json::Value>, Refusal> {
    let filter = RequestFilter {
        ace: match records {
            [one] => Some(one.key.domain.ace().to_owned()),
            _ => None,
        },
        ..RequestFilter::default()
    };
    let requests = api.store.requests(&filter).await?;
    Ok((records.iter())
        .map(|record| domain::object(record, &requests))
        .collect())
}

/// Show a domain: in each environment where it is known
#[utoipa::path(
    get,
    path = "/api/v1/domains/{id}",
    operation_id = "showDomain",
    params(("id" = String, Path, description = "U- or A-label")),
    responses(
        (status = 200, description = "One, or two of them", body = Page<DomainForm>),
        (status = 404, description = "There is no such domain", body = ErrorObject),
    ),
    security(("token" = ["domains:read"])),
)]
pub async fn domain(
    State(api): State<Api>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Refusal> {
    let caller = api.caller(request.headers(), Scope::DomainsRead).await?;
    let records = records(&api, &caller, id, request.uri()).await?;
    let items = objects(&api, &records).await?;
    Ok(page(&caller, items, None))
}

/// Show what the registry said about a domain, oldest first
#[utoipa::path(
    get,
    path = "/api/v1/domains/{id}/history",
    operation_id = "showDomainHistory",
    params(("id" = String, Path, description = "U- or A-label")),
    responses(
        (status = 200, description = "All of it", body = Page<HistoryForm>),
        (status = 404, description = "There is no such domain", body = ErrorObject),
    ),
    security(("token" = ["domains:read"])),
)]
pub async fn history(
    State(api): State<Api>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Refusal> {
    let caller = api.caller(request.headers(), Scope::DomainsRead).await?;
    let mut items = Vec::new();
    for record in records(&api, &caller, id, request.uri()).await? {
        let entries = api.store.history(&record.key).await?;
        let lines = entries
            .iter()
            .map(|entry| domain::history_object(&record, entry));
        items.extend(lines);
    }
    Ok(page(&caller, items, None))
}

async fn records(
    api: &Api,
    caller: &Caller,
    id: Result<Path<String>, PathRejection>,
    uri: &Uri,
) -> Result<Vec<DomainRecord>, Refusal> {
    Query::read(uri, &[])?;
    let name: DomainName = named(id, "domain")?;
    let only = caller.sees(None)?;
    let records = api.store.domains(only, Some(name.ace())).await?;
    match records.is_empty() {
        true => Err(Refusal::missing(format!("domain {name}"))),
        false => Ok(records),
    }
}

/// List what dies next
#[utoipa::path(
    get,
    path = "/api/v1/deadlines",
    operation_id = "listDeadlines",
    params(
        PlaceParameters,
        ("until" = Option<String>, Query, format = DateTime, description = "Only what is due before"),
    ),
    responses(
        (status = 200, description = "A page of domains, the first to die on top", body = Page<DeadlineForm>),
        (status = 422, description = "A parameter is unknown or wrong", body = ErrorObject),
    ),
    security(("token" = ["domains:read"])),
)]
pub async fn deadlines(State(api): State<Api>, request: Request) -> Result<Response, Refusal> {
    let caller = api.caller(request.headers(), Scope::DomainsRead).await?;
    let query = Query::read(request.uri(), &["environment", "until", "limit", "after"])?;
    let environment = caller.sees(query.get("environment")?)?;
    let until: Option<Timestamp> = query.get("until")?;
    let limit = limit(&query)?;
    let after = match after(&query)? {
        None => None,
        Some([at, environment, ace]) => {
            let at = at.parse::<i64>().map_err(|_| wrong_place())?;
            Some((at, environment, ace))
        }
    };
    let place = |due: &due::Due| {
        let key = &due.record.key;
        let environment = key.environment.to_string();
        (
            due.at.as_microsecond(),
            environment,
            key.domain.ace().to_owned(),
        )
    };
    let mut rows = due::due(&*api.store, api.config.unnotified_before, caller.now).await?;
    rows.retain(|due| {
        environment.is_none_or(|only| only == due.record.key.environment)
            && until.is_none_or(|until| due.at < until)
            && after.as_ref().is_none_or(|after| place(due) > *after)
    });
    rows.sort_by_key(place);
    let (rows, has_more) = cut(rows, limit);
    let next = rows.last().filter(|_| has_more).map(|last| {
        let (at, environment, ace) = place(last);
        cursor([at.to_string(), environment, ace])
    });
    let items = (rows.iter())
        .map(|due| due::object(due, caller.now))
        .collect();
    Ok(page(&caller, items, next))
}

/// List cases: the open ones first, then those that have ended, the newest on top
#[utoipa::path(
    get,
    path = "/api/v1/cases",
    operation_id = "listCases",
    params(
        PlaceParameters,
        ("state" = Option<String>, Query, description = "open, on-hold, resolved, deleted, moved or closed"),
        ("domain" = Option<String>, Query, description = "Only of this domain, U- or A-label"),
        ("customer" = Option<String>, Query, description = "Only of the domains of this customer"),
    ),
    responses(
        (status = 200, description = "A page of them", body = Page<CaseForm>),
        (status = 422, description = "A parameter is unknown or wrong", body = ErrorObject),
    ),
    security(("token" = ["domains:read"])),
)]
pub async fn cases(State(api): State<Api>, request: Request) -> Result<Response, Refusal> {
    let caller = api.caller(request.headers(), Scope::DomainsRead).await?;
    let known = [
        "environment",
        "state",
        "domain",
        "customer",
        "limit",
        "after",
    ];
    let query = Query::read(request.uri(), &known)?;
    let limit = limit(&query)?;
    let state = query.get::<String>("state")?.map(|word| {
        let expected = CaseState::ALL.map(CaseState::as_str).join(", ");
        let message = format!("`state`: one of {expected} is expected");
        CaseState::from_word(&word).ok_or_else(|| Refusal::field("state", message))
    });
    let domain: Option<DomainName> = query.get("domain")?;
    let filter = CaseFilter {
        state: state.transpose()?,
        environment: caller.sees(query.get("environment")?)?,
        prefix: domain.as_ref().map(|domain| domain.ace().to_owned()),
        customer: query.get::<String>("customer")?.map(CustomerId),
        after: mark(&query)?,
        limit: limit + 1,
        ..CaseFilter::default()
    };
    let (mut entries, has_more) = cut(api.store.case_page(&filter).await?, limit);
    let next = entries.last().filter(|_| has_more).map(|last| {
        cursor([
            u8::from(last.closed_at.is_some()).to_string(),
            last.id.to_string(),
        ])
    });
    entries.retain(|entry| {
        domain
            .as_ref()
            .is_none_or(|domain| entry.key.domain == *domain)
    });
    let items = entries.iter().map(case::object).collect();
    Ok(page(&caller, items, next))
}

fn mark(query: &Query) -> Result<Option<CaseMark>, Refusal> {
    let Some([is_ended, id]) = after(query)? else {
        return Ok(None);
    };
    let id = id.parse().map_err(|_| wrong_place())?;
    let is_ended = is_ended == "1";
    Ok(Some(CaseMark { is_ended, id }))
}

/// Show a case with all that belongs to it
#[utoipa::path(
    get,
    path = "/api/v1/cases/{id}",
    operation_id = "showCase",
    params(("id" = String, Path, description = "Such as V-81")),
    responses(
        (status = 200, description = "The case", body = CaseDetailForm),
        (status = 404, description = "There is no such case", body = ErrorObject),
    ),
    security(("token" = ["domains:read"])),
)]
pub async fn case(
    State(api): State<Api>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Refusal> {
    let caller = api.caller(request.headers(), Scope::DomainsRead).await?;
    let id = known_case(&api, &caller, id, request.uri()).await?.id;
    let dossier = api.store.dossier(id).await?;
    let dossier = dossier.ok_or_else(|| Refusal::missing(format!("case {id}")))?;
    let mut object = case::detail(&dossier);
    if !caller.may(Scope::PeopleRead) {
        veil_notes(&mut object);
    }
    Ok(one(&caller, object))
}

/// What people wrote down about a case, for programs that may not see people.
fn veil_notes(case: &mut Value) {
    for (list, field) in [("notes", "text"), ("calls", "outcome"), ("calls", "text")] {
        for entry in case[list].as_array_mut().into_iter().flatten() {
            if let Some(text) = entry[field].as_str().map(veiled) {
                entry[field] = Value::String(text);
            }
        }
    }
}

/// Show every mail that a case still has before it
#[utoipa::path(
    get,
    path = "/api/v1/cases/{id}/plan",
    operation_id = "showCasePlan",
    params(("id" = String, Path, description = "Such as V-81")),
    responses(
        (status = 200, description = "All of them, in the order of time", body = Page<PlanForm>),
        (status = 404, description = "There is no such case", body = ErrorObject),
    ),
    security(("token" = ["domains:read"])),
)]
pub async fn plan(
    State(api): State<Api>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Refusal> {
    let caller = api.caller(request.headers(), Scope::DomainsRead).await?;
    let id = known_case(&api, &caller, id, request.uri()).await?.id;
    let work = Work {
        store: &*api.store,
        config: &api.config,
        clock: &api.clock,
        actor: String::new(),
    };
    let lines = cases::plan(&work, id).await?;
    let items = lines.iter().map(|line| cases::plan_object(id, line));
    Ok(page(&caller, items.collect(), None))
}

async fn known_case(
    api: &Api,
    caller: &Caller,
    id: Result<Path<String>, PathRejection>,
    uri: &Uri,
) -> Result<CaseEntry, Refusal> {
    Query::read(uri, &[])?;
    let id: CaseId = named(id, "case")?;
    let entry = api.store.case(id).await?;
    entry
        .filter(|entry| caller.may_touch(entry.key.environment))
        .ok_or_else(|| Refusal::missing(format!("case {id}")))
}

/// List mails to customers, newest first
#[utoipa::path(
    get,
    path = "/api/v1/notices",
    operation_id = "listNotices",
    params(
        PlaceParameters,
        ("state" = Option<String>, Query, description = "observed, queued, delayed, sent, failed, bounced or withdrawn"),
        ("customer" = Option<String>, Query, description = "Only to this customer"),
        ("case" = Option<String>, Query, description = "Only of this case"),
        ("domain" = Option<String>, Query, description = "Only about this domain, U- or A-label"),
    ),
    responses(
        (status = 200, description = "A page of them, newest first", body = Page<NoticeForm>),
        (status = 422, description = "A parameter is unknown or wrong", body = ErrorObject),
    ),
    security(("token" = ["domains:read"])),
)]
pub async fn notices(State(api): State<Api>, request: Request) -> Result<Response, Refusal> {
    let caller = api.caller(request.headers(), Scope::DomainsRead).await?;
    let known = [
        "environment",
        "state",
        "customer",
        "case",
        "domain",
        "limit",
        "after",
    ];
    let query = Query::read(request.uri(), &known)?;
    let limit = limit(&query)?;
    let state = query.get::<String>("state")?.map(|word| {
        let message =
            "`state`: observed, queued, delayed, sent, failed, bounced or withdrawn is expected";
        NoticeState::from_word(&word).ok_or_else(|| Refusal::field("state", message))
    });
    let below = match after(&query)? {
        None => None,
        Some([id]) => Some(id.parse().map_err(|_| wrong_place())?),
    };
    let domain: Option<DomainName> = query.get("domain")?;
    let filter = NoticeFilter {
        state: state.transpose()?,
        environment: caller.sees(query.get("environment")?)?,
        customer: query.get::<String>("customer")?.map(CustomerId),
        case: query.get("case")?,
        ace: domain.map(|domain| domain.ace().to_owned()),
        below,
        limit: limit + 1,
        ..NoticeFilter::default()
    };
    let mut entries = api.store.notices(&filter).await?;
    entries.reverse();
    let (entries, has_more) = cut(entries, limit);
    let next =
        (entries.last().filter(|_| has_more)).map(|last| cursor([last.notice.id.to_string()]));
    let items = entries.iter().map(notice::object).collect();
    Ok(page(&caller, items, next))
}

/// Show a mail to a customer, with its text
#[utoipa::path(
    get,
    path = "/api/v1/notices/{id}",
    operation_id = "showNotice",
    params(("id" = String, Path, description = "Such as N-310")),
    responses(
        (status = 200, description = "The notice; its text only with the scope people:read", body = NoticeDetailForm),
        (status = 404, description = "There is no such notice", body = ErrorObject),
    ),
    security(("token" = ["domains:read"])),
)]
pub async fn notice(
    State(api): State<Api>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Refusal> {
    let caller = api.caller(request.headers(), Scope::DomainsRead).await?;
    Query::read(request.uri(), &[])?;
    let id: NoticeId = named(id, "notice")?;
    let filter = NoticeFilter {
        id: Some(id),
        ..NoticeFilter::default()
    };
    let entry = api.store.notices(&filter).await?.pop();
    let entry = entry
        .filter(|entry| caller.may_touch(entry.notice.environment))
        .ok_or_else(|| Refusal::missing(format!("notice {id}")))?;
    let reports = api.store.reports(Some(id), None).await?;
    let bytes = match &entry.notice.raw {
        Some(bytes) => bytes.clone(),
        None => mails::render(&api.config.notices, &entry.notice)?.message,
    };
    let mut object = notice::object(&entry);
    object["reports"] = reports.iter().map(notice::report).collect();
    object["mail"] = json!(String::from_utf8_lossy(&bytes));
    Ok(one(&caller, object))
}

/// Show a customer with the domains
#[utoipa::path(
    get,
    path = "/api/v1/customers/{id}",
    operation_id = "showCustomer",
    params(("id" = String, Path, description = "Such as K-10482")),
    responses(
        (status = 200, description = "The customer; names and addresses whole only with the scope people:read", body = CustomerForm),
        (status = 404, description = "There is no such customer", body = ErrorObject),
    ),
    security(("token" = ["domains:read"])),
)]
pub async fn customer(
    State(api): State<Api>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Refusal> {
    let caller = api.caller(request.headers(), Scope::DomainsRead).await?;
    Query::read(request.uri(), &[])?;
    let Path(id) = id.map_err(|_| Refusal::missing("such customer"))?;
    let id = CustomerId(id);
    let known = api.store.customer(&id).await?;
    let known = known.ok_or_else(|| Refusal::missing(format!("customer {id}")))?;
    let mut records = api.store.domains_of(&id).await?;
    let is_elsewhere = !records.is_empty();
    records.retain(|record| caller.may_touch(record.key.environment));
    // Whoever has domains in the other environment alone is of no concern to the token.
    if is_elsewhere && records.is_empty() {
        return Err(Refusal::missing(format!("customer {id}")));
    }
    Ok(one(&caller, customer::object(&known, &records)))
}
