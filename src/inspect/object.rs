//! Orders, requests and the action log as objects: the command line and the HTTP API print the same.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::apply::order::Opening;
use crate::model::request::RequestError;
use crate::model::{
    Account, ActionEntry, ActionId, Asking, CaseId, Ctid, CustomerId, DomainName, Environment,
    HIDDEN, InboundId, Lifecycle, Order, OrderId, OrderState, Purpose, RequestId, RequestOutcome,
    RequestState, SentRequest, Waits,
};
use crate::process::ordering::Wish;
use crate::send::registry;
use crate::store::{RequestFilter, Store, StoreError};

/// The version of these forms: what is there keeps its name and meaning, more may be added.
pub const VERSION: u8 = 1;

/// An order.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Order)]
pub struct OrderObject {
    /// Version of this form.
    pub v: u8,
    /// Its number, such as `O-12`.
    #[schema(value_type = String, example = "O-12")]
    pub id: OrderId,
    /// Under which it was placed; of an order over HTTP the token's name and the `Idempotency-Key`.
    pub key: String,
    /// Live or test.
    pub environment: Environment,
    /// The domain, as people read it.
    #[schema(required = true)]
    pub domain: Option<String>,
    /// The domain's A-label.
    #[schema(required = true, example = "example.de")]
    pub ace: Option<String>,
    /// The contact, where it is about one.
    #[schema(required = true)]
    pub contact: Option<String>,
    /// The verification that it answers, such as `V-81`.
    #[schema(required = true, value_type = Option<String>)]
    pub case: Option<CaseId>,
    /// What is asked of the registry, in its own word.
    #[schema(example = "CREATE")]
    pub action: &'static str,
    /// Whose order it is.
    pub account: Account,
    /// The customer whose domain it is.
    #[schema(required = true, value_type = Option<String>)]
    pub customer: Option<CustomerId>,
    /// How far it got.
    pub state: OrderState,
    /// What it waits for.
    #[schema(required = true)]
    pub waits: Option<Waits>,
    /// What the payment is called.
    #[schema(required = true)]
    pub payment: Option<String>,
    /// Who placed it.
    pub placed_by: String,
    /// When it was placed.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it was paid.
    #[schema(required = true, value_type = Option<String>, format = DateTime)]
    pub paid_at: Option<Timestamp>,
    /// When it was done, had failed or was taken back.
    #[schema(required = true, value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
    /// Its request, once it is in the outbox, such as `Q-7`.
    #[schema(required = true, value_type = Option<String>)]
    pub request: Option<RequestId>,
}

/// What was asked of the registry.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Request)]
pub struct RequestObject {
    /// Version of this form.
    pub v: u8,
    /// Its number, such as `Q-7`.
    #[schema(value_type = String, example = "Q-7")]
    pub id: RequestId,
    /// Its reference, which the registry echoes.
    pub ctid: String,
    /// Live or test.
    pub environment: Environment,
    /// What is asked, in the registry's word.
    #[schema(example = "CREATE")]
    pub action: &'static str,
    /// The domain, as people read it.
    #[schema(required = true)]
    pub domain: Option<String>,
    /// The domain's A-label.
    #[schema(required = true)]
    pub ace: Option<String>,
    /// The contact, where it is about one.
    #[schema(required = true)]
    pub contact: Option<String>,
    /// The order behind it.
    #[schema(required = true, value_type = Option<String>)]
    pub order: Option<OrderId>,
    /// What it is made for.
    pub purpose: Purpose,
    /// The request whose outcome it finds out.
    #[schema(required = true, value_type = Option<String>)]
    pub about: Option<RequestId>,
    /// How far it got. `sent` does not mean agreed to.
    pub state: RequestState,
    /// `mail` or `rri`, once it is known.
    #[schema(required = true)]
    pub transport: Option<String>,
    /// When it was put into the outbox.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When the other side took it.
    #[schema(required = true, value_type = Option<String>, format = DateTime)]
    pub sent_at: Option<Timestamp>,
    /// When the answer was read.
    #[schema(required = true, value_type = Option<String>, format = DateTime)]
    pub answered_at: Option<Timestamp>,
    /// How often sending was tried.
    pub attempts: u32,
    /// What the registry said.
    #[schema(required = true)]
    pub outcome: Option<RequestOutcome>,
    /// The message that is the answer.
    #[schema(required = true, value_type = Option<String>)]
    pub message: Option<InboundId>,
    /// What the last try was answered.
    #[schema(required = true)]
    pub last_reply: Option<String>,
    /// What is asked, in the registry's form, without its secret; only where one request is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub text: Option<String>,
}

/// An entry of the action log: what was asked, what came of it, what to do.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Action)]
pub struct ActionObject {
    /// Version of this form.
    pub v: u8,
    /// Its number, such as `L-3`.
    #[schema(value_type = String, example = "L-3")]
    pub id: ActionId,
    /// When it was written.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Live or test.
    pub environment: Environment,
    /// The domain, as people read it.
    #[schema(required = true)]
    pub domain: Option<String>,
    /// The domain's A-label.
    #[schema(required = true)]
    pub ace: Option<String>,
    /// What was asked for, such as `CREATE`.
    pub action: String,
    /// The order it is about.
    #[schema(required = true, value_type = Option<String>)]
    pub order: Option<OrderId>,
    /// The request it is about.
    #[schema(required = true, value_type = Option<String>)]
    pub request: Option<RequestId>,
    /// The message with the registry's answer.
    #[schema(required = true, value_type = Option<String>)]
    pub message: Option<InboundId>,
    /// The registry's codes, errors first.
    pub codes: Vec<String>,
    /// What happened.
    pub text: String,
    /// What to do.
    pub advice: String,
}

/// What would become of an order, and what exactly would be asked. Nothing was placed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Rehearsal)]
pub struct RehearsalObject {
    /// Version of this form.
    pub v: u8,
    /// Live or test.
    pub environment: Environment,
    /// What would be asked, in the registry's word.
    #[schema(example = "CREATE")]
    pub action: &'static str,
    /// `at once`, or `after payment`, `after answer`.
    pub goes: String,
    /// What the domain would be.
    pub lifecycle: Lifecycle,
    /// What the text is for: `read` reads what a change is made to, and what is there decides what is
    /// sent then.
    pub purpose: Purpose,
    /// What would be asked, in the registry's form, without its secret.
    pub text: String,
    /// What is allowed and yet likely to be a mistake.
    pub warnings: Vec<String>,
}

/// The words of the model as schemas: every value, and no other.
macro_rules! word_schemas {
    ($($name:ident: $values:expr),+ $(,)?) => {
        $(
            impl PartialSchema for $name {
                fn schema() -> RefOr<Schema> {
                    let words: Vec<&str> = $values.iter().map(|value| value.as_str()).collect();
                    ObjectBuilder::new()
                        .schema_type(Type::String)
                        .enum_values(Some(words))
                        .build()
                        .into()
                }
            }

            impl ToSchema for $name {}
        )+
    };
}

word_schemas!(
    Environment: [Environment::Live, Environment::Test],
    Account: Account::ALL,
    Purpose: Purpose::ALL,
    OrderState: OrderState::ALL,
    Waits: Waits::ALL,
    RequestState: RequestState::ALL,
    RequestOutcome: RequestOutcome::ALL,
    Lifecycle: Lifecycle::ALL,
);

/// Both forms of a name.
fn names(domain: Option<&DomainName>) -> (Option<String>, Option<String>) {
    (
        domain.map(|domain| domain.unicode().to_owned()),
        domain.map(|domain| domain.ace().to_owned()),
    )
}

/// Orders as objects, each with the number of its request.
pub async fn orders(store: &dyn Store, orders: &[Order]) -> Result<Vec<OrderObject>, StoreError> {
    if orders.is_empty() {
        return Ok(Vec::new());
    }
    let filter = RequestFilter {
        orders: orders.iter().map(|order| order.id).collect(),
        ..RequestFilter::default()
    };
    let requests = store.requests(&filter).await?;
    let request = |order: &Order| {
        // What was ordered, rather than what was read for it.
        let found = requests
            .iter()
            .rfind(|one| one.order == Some(order.id) && one.purpose != Purpose::Check);
        found.map(|request| request.id)
    };
    Ok(orders
        .iter()
        .map(|order| {
            let (domain, ace) = names(order.request.domain());
            OrderObject {
                v: VERSION,
                id: order.id,
                key: order.key.clone(),
                environment: order.environment,
                contact: order.request.object().filter(|_| ace.is_none()),
                case: order.request.case(),
                domain,
                ace,
                action: order.request.action(),
                account: order.account,
                customer: order.customer.clone(),
                state: order.state,
                waits: order.waits,
                payment: order.payment.clone(),
                placed_by: order.placed_by.clone(),
                created_at: order.created_at,
                paid_at: order.paid_at,
                ended_at: order.ended_at,
                request: request(order),
            }
        })
        .collect())
}

/// A request as an object.
pub fn request(request: &SentRequest) -> RequestObject {
    let (domain, ace) = names(request.request.domain());
    RequestObject {
        v: VERSION,
        id: request.id,
        ctid: request.ctid.0.clone(),
        environment: request.environment,
        action: request.request.action(),
        domain,
        ace,
        contact: request.request.handle().map(ToString::to_string),
        order: request.order,
        purpose: request.purpose,
        about: request.about,
        state: request.state,
        transport: request.transport.clone(),
        created_at: request.created_at,
        sent_at: request.sent_at,
        answered_at: request.answered_at,
        attempts: request.attempts,
        outcome: request.outcome,
        message: request.message,
        last_reply: request.last_reply.clone(),
        text: None,
    }
}

/// An entry of the action log as an object.
pub fn action(id: ActionId, entry: &ActionEntry) -> ActionObject {
    let (domain, ace) = names(entry.domain.as_ref());
    ActionObject {
        v: VERSION,
        id,
        at: entry.at,
        environment: entry.environment,
        domain,
        ace,
        action: entry.action.clone(),
        order: entry.order,
        request: entry.request,
        message: entry.message,
        codes: entry.codes.clone(),
        text: entry.text.clone(),
        advice: entry.advice.clone(),
    }
}

/// What would become of a wish.
pub fn rehearsal(wish: &Wish, opening: Opening) -> Result<RehearsalObject, RequestError> {
    let (goes, lifecycle) = match opening {
        Opening::Ask(lifecycle) => ("at once".to_owned(), lifecycle),
        Opening::Wait(waits, lifecycle) => (format!("after {waits}"), lifecycle),
    };
    // The ctid is given when the request is made.
    wish.request.check()?;
    let (first, purpose) = wish.request.first();
    let ctid = Ctid("st-preview".to_owned());
    let text = registry::write(&first, &ctid, registry::Format::KeyValue)?;
    Ok(RehearsalObject {
        v: VERSION,
        environment: wish.environment,
        action: wish.request.action(),
        goes,
        lifecycle,
        purpose,
        text: hidden(&text),
        warnings: wish.request.warnings(),
    })
}

/// What an order asks for, a line each: the request in the registry's form, or of a change the fields that
/// it changes. Secrets are left out.
pub fn wanted(asking: &Asking) -> Result<Vec<String>, RequestError> {
    match asking {
        Asking::Request(request) => {
            // The ctid is given when the request is made.
            let ctid = Ctid("st-preview".to_owned());
            let text = registry::write(request, &ctid, registry::Format::KeyValue)?;
            let lines = text.lines().filter(|line| !line.starts_with("Ctid: "));
            Ok(lines.map(hidden_line).collect())
        }
        Asking::Change(change) => {
            let fields = serde_json::to_value(change).unwrap_or_default();
            let mut lines = Vec::new();
            fields_of(&fields["change"], "", &mut lines);
            Ok(lines)
        }
    }
}

/// Every value within `value` as a line with its path.
fn fields_of(value: &Value, path: &str, lines: &mut Vec<String>) {
    match value {
        Value::Null => {}
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = match path {
                    "" => name.clone(),
                    _ => format!("{path}.{name}"),
                };
                fields_of(value, &path, lines);
            }
        }
        Value::Array(values) => values
            .iter()
            .for_each(|value| fields_of(value, path, lines)),
        Value::String(text) => lines.push(format!("{path}: {text}")),
        other => lines.push(format!("{path}: {other}")),
    }
}

/// The text of a request without the secret of a provider change.
pub fn hidden(text: &str) -> String {
    text.lines().map(|line| hidden_line(line) + "\n").collect()
}

fn hidden_line(line: &str) -> String {
    match line.strip_prefix("AuthInfo: ") {
        Some(_) => format!("AuthInfo: {HIDDEN}"),
        None => line.to_owned(),
    }
}
