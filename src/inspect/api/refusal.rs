//! What went wrong, as JSON: a code, the field, a sentence, and where to read more.

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::inspect::object::VERSION;
use crate::model::{ReasonCode, reason};
use crate::process::ordering::OrderError;
use crate::store::StoreError;

/// Seconds after which whoever found the server busy may ask again.
const RETRY_SECONDS: &str = "2";

/// A request that was not done.
#[derive(Debug)]
pub struct Refusal {
    status: StatusCode,
    code: ReasonCode,
    field: Option<String>,
    message: String,
    challenge: Option<String>,
}

/// What went wrong.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Error)]
pub struct ErrorObject {
    /// Version of this form.
    pub v: u8,
    /// What went wrong.
    pub error: ErrorDetail,
}

/// What went wrong.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorDetail {
    /// A code that programs can go by.
    #[schema(value_type = String, example = "E10")]
    pub code: ReasonCode,
    /// The field, parameter or header that it is about, such as `name_servers[1].host`.
    #[schema(required = true)]
    pub field: Option<String>,
    /// A sentence for people: what was wrong, and what is expected.
    pub message: String,
    /// The command that says what the code means and what to do.
    #[schema(example = "stichtag explain E10")]
    pub explain: String,
}

impl Refusal {
    /// A refusal with its sentence.
    pub fn new(status: StatusCode, code: ReasonCode, message: impl Into<String>) -> Self {
        Refusal {
            status,
            code,
            field: None,
            message: message.into(),
            challenge: None,
        }
    }

    /// A field, parameter or header that is missing or wrong.
    pub fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, reason::API_FIELD, message).about(field)
    }

    /// No token that is taken. Why is told to nobody who asks: `has_tried` is all that RFC 6750
    /// (section 3.1) lets them tell apart.
    pub fn no_token(has_tried: bool) -> Self {
        let challenge = match has_tried {
            true => "Bearer realm=\"stichtag\", error=\"invalid_token\"",
            false => "Bearer realm=\"stichtag\"",
        };
        let mut refusal = Refusal::new(
            StatusCode::UNAUTHORIZED,
            reason::API_TOKEN,
            "there is no valid token; `Authorization: Bearer st_…` is expected",
        );
        refusal.challenge = Some(challenge.to_owned());
        refusal
    }

    /// There is no such thing, or it is not to be seen.
    pub fn missing(what: impl std::fmt::Display) -> Self {
        Refusal::new(
            StatusCode::NOT_FOUND,
            reason::API_MISSING,
            format!("there is no {what}"),
        )
    }

    /// Nothing was done; the same may be sent again.
    pub fn busy(why: impl std::fmt::Display) -> Self {
        Refusal::new(
            StatusCode::SERVICE_UNAVAILABLE,
            reason::API_BUSY,
            format!("{why}; send the same again in some seconds"),
        )
    }

    /// It is our fault. Why is told by the log alone.
    pub fn trouble() -> Self {
        Refusal::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            reason::API_TROUBLE,
            "the server failed; its log says why",
        )
    }

    /// The same about a field.
    pub fn about(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// The same with what is to stand in `WWW-Authenticate`.
    pub fn challenged(mut self, challenge: impl Into<String>) -> Self {
        self.challenge = Some(challenge.into());
        self
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        tracing::error!("API: {error}");
        match error {
            StoreError::Busy | StoreError::Conflict => Refusal::busy("the database is busy"),
            _ => Refusal::trouble(),
        }
    }
}

impl From<anyhow::Error> for Refusal {
    fn from(error: anyhow::Error) -> Self {
        match error.downcast::<StoreError>() {
            Ok(error) => error.into(),
            Err(error) => {
                tracing::error!("API: {error:#}");
                Refusal::trouble()
            }
        }
    }
}

impl From<OrderError> for Refusal {
    fn from(error: OrderError) -> Self {
        let message = error.to_string();
        match error {
            OrderError::Request(error) => {
                let refusal = Refusal::new(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    reason::API_FIELD,
                    error.why,
                );
                match error.field {
                    "Domain" => refusal.about("domain"),
                    "Holder" => refusal.about("holders"),
                    "Nserver" => refusal.about("name_servers"),
                    "Dnskey" => refusal.about("dnskeys"),
                    _ => refusal,
                }
            }
            OrderError::Refused(why) => {
                Refusal::new(StatusCode::CONFLICT, reason::API_REFUSED, why)
            }
            OrderError::KeyTaken { order, .. } => Refusal::new(
                StatusCode::CONFLICT,
                reason::API_KEY_TAKEN,
                format!("this key belongs to order {order}, which asks for something else"),
            )
            .about("Idempotency-Key"),
            OrderError::NotFound(id) => Refusal::missing(format!("order {id}")),
            OrderError::NoRequest(id) => Refusal::missing(format!("request {id}")),
            OrderError::NoCustomer(_) => Refusal::field("customer", message),
            OrderError::Store(error) => error.into(),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let object = ErrorObject {
            v: VERSION,
            error: ErrorDetail {
                code: self.code,
                field: self.field,
                message: self.message,
                explain: format!("stichtag explain {}", self.code),
            },
        };
        let mut response = json(self.status, &object);
        let headers = response.headers_mut();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static(RETRY_SECONDS));
        }
        let challenge = self.challenge.map(HeaderValue::try_from);
        if let Some(Ok(challenge)) = challenge {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

/// An answer.
pub fn json(status: StatusCode, object: &impl Serialize) -> Response {
    match serde_json::to_vec(object) {
        Ok(mut bytes) => {
            bytes.push(b'\n');
            let kind = [(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
            (status, kind, bytes).into_response()
        }
        Err(error) => {
            tracing::error!("API: an answer cannot be written: {error}");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
