//! Orders are placed and looked at.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::caller::Caller;
use super::query::Query;
use super::refusal::{ErrorObject, Refusal, json};
use super::wish::{OrderAction, OrderBody};
use super::{Api, ROOT, body};
use crate::inspect::object::{self, OrderObject, RehearsalObject, VERSION};
use crate::model::{Order, OrderId, Scope, reason};
use crate::process::ordering::{self, CONTACTS, RENEWED};

/// What whoever asks for a renewal is told.
#[derive(Debug, Serialize, ToSchema)]
pub struct Renewal {
    /// Version of this form.
    v: u8,
    /// What becomes of it.
    #[schema(value_type = String, example = "the registry renews by itself; nothing is sent")]
    answer: &'static str,
}

/// The order as it stands by now; or, with `dry_run`, what would become of it; or what is said to a
/// renewal.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum OrderAnswer {
    /// The order.
    Order(Box<OrderObject>),
    /// What would become of it.
    Rehearsal(RehearsalObject),
    /// A renewal.
    Renewal(Renewal),
}

/// Place an order
///
/// The same order under the same `Idempotency-Key` is placed once, however often it is sent.
#[utoipa::path(
    post,
    path = "/api/v1/orders",
    operation_id = "placeOrder",
    params(
        ("Idempotency-Key" = String, Header, min_length = 8, max_length = 255,
         description = "Your own reference, visible ASCII characters: the same order under the same key is placed once"),
        ("dry_run" = Option<bool>, Query, description = "Show what would be asked, and place nothing"),
    ),
    request_body = OrderBody,
    responses(
        (status = 201, description = "It is placed", body = OrderObject,
         headers(("Location" = String, description = "Where it is"))),
        (status = 200, description = "It was placed before, or nothing is placed", body = OrderAnswer),
        (status = 400, description = "The body is no JSON object, or the key is missing", body = ErrorObject),
        (status = 409, description = "The key belongs to another order, or the order does not fit how the domain stands", body = ErrorObject),
        (status = 413, description = "The body is larger than 64 KiB", body = ErrorObject),
        (status = 415, description = "The body is not said to be JSON", body = ErrorObject),
        (status = 422, description = "A field is missing, unknown or wrong", body = ErrorObject),
    ),
    security(("token" = ["orders:write"])),
)]
pub async fn place(State(api): State<Api>, request: Request) -> Result<Response, Refusal> {
    let caller = api.caller(request.headers(), Scope::OrdersWrite).await?;
    let query = Query::read(request.uri(), &["dry_run"])?;
    let is_dry = query.get::<bool>("dry_run")?.unwrap_or(false);
    let key = idempotency_key(request.headers())?;
    let body: OrderBody = body::read(request).await?;
    caller.touches(body.environment)?;
    match body.action {
        OrderAction::Renew => return renew(&api, &caller, &body).await,
        OrderAction::ContactUpdate => {
            return Err(Refusal::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                reason::API_CONTACT,
                CONTACTS,
            )
            .about("action"));
        }
        _ => {}
    }
    let wish = body.wish(caller.order_key(&key))?;
    if is_dry {
        let opening = ordering::rehearse(&*api.store, &wish).await?;
        let would = object::rehearsal(&wish, opening).map_err(ordering::OrderError::from)?;
        return Ok(json(StatusCode::OK, &OrderAnswer::Rehearsal(would)));
    }
    let action = format!("order {}", wish.request.action().to_ascii_lowercase());
    let audit = caller.audit(&action, "", &wish.key);
    let placed = ordering::place(&*api.store, &wish, &audit).await?;
    let object = api.object(&placed.order).await?;
    if !placed.is_new {
        return Ok(json(StatusCode::OK, &OrderAnswer::Order(Box::new(object))));
    }
    let mut response = json(StatusCode::CREATED, &object);
    let place = HeaderValue::try_from(format!("{ROOT}/orders/{}", placed.order.id));
    if let Ok(place) = place {
        response.headers_mut().insert(LOCATION, place);
    }
    Ok(response)
}

async fn renew(api: &Api, caller: &Caller, body: &OrderBody) -> Result<Response, Refusal> {
    let domain = body.needed_domain()?;
    let audit = caller.audit("order renew", domain.ace(), RENEWED);
    ordering::renewal(&*api.store, &domain, body.environment, &audit).await?;
    let answer = Renewal {
        v: VERSION,
        answer: RENEWED,
    };
    Ok(json(StatusCode::OK, &OrderAnswer::Renewal(answer)))
}

/// The header that makes an order sent twice one order.
fn idempotency_key(headers: &HeaderMap) -> Result<String, Refusal> {
    let mut fields = headers.get_all("idempotency-key").iter();
    let key = match (fields.next(), fields.next()) {
        (Some(one), None) => one.to_str().unwrap_or_default(),
        _ => "",
    };
    let is_fine = (8..=255).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic());
    match is_fine {
        true => Ok(key.to_owned()),
        false => Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            reason::API_KEY,
            "the header `Idempotency-Key` is expected once, with 8 to 255 visible ASCII characters",
        )
        .about("Idempotency-Key")),
    }
}

/// Show an order
#[utoipa::path(
    get,
    path = "/api/v1/orders/{id}",
    operation_id = "showOrder",
    params(("id" = String, Path, description = "Such as O-12")),
    responses(
        (status = 200, description = "The order as it stands", body = OrderObject),
        (status = 404, description = "There is no such order", body = ErrorObject),
    ),
    security(("token" = ["orders:read"])),
)]
pub async fn show(
    State(api): State<Api>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Refusal> {
    let caller = api.caller(request.headers(), Scope::OrdersRead).await?;
    Query::read(request.uri(), &[])?;
    let order = api.order(&caller, id).await?;
    Ok(json(StatusCode::OK, &api.object(&order).await?))
}

impl Api {
    /// The order that a path names, if the caller may see it.
    pub async fn order(
        &self,
        caller: &Caller,
        id: Result<Path<String>, PathRejection>,
    ) -> Result<Order, Refusal> {
        let Path(text) = id.map_err(|_| Refusal::missing("such order"))?;
        let id: OrderId = text
            .parse()
            .map_err(|why| Refusal::missing(format!("such order: {why}")))?;
        let found = self.store.order(id).await?;
        found
            .filter(|order| caller.may_touch(order.environment))
            .ok_or_else(|| Refusal::missing(format!("order {id}")))
    }

    /// An order as an object.
    pub async fn object(&self, order: &Order) -> Result<OrderObject, Refusal> {
        let objects = object::orders(&*self.store, std::slice::from_ref(order)).await?;
        let object = objects.into_iter().next();
        object.ok_or_else(|| Refusal::missing(format!("order {}", order.id)))
    }
}
