//! An order is paid, or its payment is withdrawn.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::query::Query;
use super::refusal::{ErrorObject, Refusal, json};
use super::{Api, body};
use crate::inspect::object::{OrderObject, VERSION};
use crate::model::request::Line;
use crate::model::{OrderId, Scope, reason};
use crate::process::ordering::{self, Step};

/// A payment.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Payment)]
pub struct PaymentBody {
    /// What the payment is called in your books.
    #[schema(value_type = String, min_length = 1, max_length = 255, example = "bill-7")]
    reference: Line<255>,
}

/// A payment withdrawn.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Withdrawal)]
pub struct WithdrawalBody {
    /// Why.
    #[schema(value_type = String, min_length = 1, max_length = 255, example = "chargeback")]
    note: Line<255>,
}

/// What became of a payment.
#[derive(Debug, Serialize, ToSchema)]
pub struct PaymentAnswer {
    /// Version of this form.
    v: u8,
    /// It was done now; false: it was so before.
    changed: bool,
    /// The order as it stands.
    order: OrderObject,
}

/// Say that an order is paid
///
/// What was asked for goes to the registry. Said again, it changes nothing.
#[utoipa::path(
    post,
    path = "/api/v1/orders/{id}/payment",
    operation_id = "payOrder",
    params(("id" = String, Path, description = "Such as O-12")),
    request_body = PaymentBody,
    responses(
        (status = 200, description = "It is paid", body = PaymentAnswer),
        (status = 400, description = "The body is no JSON object", body = ErrorObject),
        (status = 404, description = "There is no such order", body = ErrorObject),
        (status = 409, description = "The order was taken back", body = ErrorObject),
        (status = 413, description = "The body is larger than 64 KiB", body = ErrorObject),
        (status = 415, description = "The body is not said to be JSON", body = ErrorObject),
        (status = 422, description = "A field is missing, unknown or wrong", body = ErrorObject),
    ),
    security(("token" = ["payments:write"])),
)]
pub async fn pay(
    State(api): State<Api>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Refusal> {
    let caller = api.caller(request.headers(), Scope::PaymentsWrite).await?;
    Query::read(request.uri(), &[])?;
    let order = api.order(&caller, id).await?;
    let body: PaymentBody = body::read(request).await?;
    let reference = body.reference.as_str();
    let audit = caller.audit("order pay", &order.id.to_string(), reference);
    let step = ordering::pay(&*api.store, order.id, reference, &audit).await?;
    answer(&api, order.id, step).await
}

/// Take an order back, because its payment was withdrawn
///
/// Nothing is recalled: where the request has left, or may have, nothing changes and a person is
/// told.
#[utoipa::path(
    delete,
    path = "/api/v1/orders/{id}/payment",
    operation_id = "withdrawPayment",
    params(("id" = String, Path, description = "Such as O-12")),
    request_body = WithdrawalBody,
    responses(
        (status = 200, description = "The order is taken back, and nothing was sent", body = PaymentAnswer),
        (status = 400, description = "The body is no JSON object", body = ErrorObject),
        (status = 404, description = "There is no such order", body = ErrorObject),
        (status = 409, description = "Too late (W72): its request has left, and an alarm stands", body = ErrorObject),
        (status = 413, description = "The body is larger than 64 KiB", body = ErrorObject),
        (status = 415, description = "The body is not said to be JSON", body = ErrorObject),
        (status = 422, description = "A field is missing, unknown or wrong", body = ErrorObject),
    ),
    security(("token" = ["payments:write"])),
)]
pub async fn withdraw(
    State(api): State<Api>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Refusal> {
    let caller = api.caller(request.headers(), Scope::PaymentsWrite).await?;
    Query::read(request.uri(), &[])?;
    let order = api.order(&caller, id).await?;
    let body: WithdrawalBody = body::read(request).await?;
    let note = body.note.as_str();
    let audit = caller.audit("order cancel", &order.id.to_string(), note);
    let step = ordering::cancel(&*api.store, order.id, note, &audit).await?;
    answer(&api, order.id, step).await
}

async fn answer(api: &Api, id: OrderId, step: Step) -> Result<Response, Refusal> {
    if step == Step::TooLate {
        return Err(Refusal::new(
            StatusCode::CONFLICT,
            reason::TOO_LATE,
            format!(
                "order {id} is not taken back: its request has left, and nothing is recalled; an \
                 alarm tells a person"
            ),
        ));
    }
    let order = api.store.order(id).await?;
    let order = order.ok_or_else(|| Refusal::missing(format!("order {id}")))?;
    let answer = PaymentAnswer {
        v: VERSION,
        changed: step == Step::Done,
        order: api.object(&order).await?,
    };
    Ok(json(StatusCode::OK, &answer))
}
