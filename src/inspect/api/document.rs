//! The API described by itself: OpenAPI 3.1.
//!
//! The forms are taken from the very types that are read and written, so they cannot drift apart;
//! that the routes are the same is compared by a test.

use std::sync::LazyLock;

use axum::http::StatusCode;
use axum::response::Response;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::Type;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{self, Content, Object, Ref, ResponseBuilder};
use utoipa::{Modify, OpenApi};

use super::refusal::json;
use super::{desk, lists, messages, office, orders, payments};

/// What any request with a token may be answered.
const ANY_TIME: [(&str, &str); 5] = [
    ("401", "There is no valid token"),
    ("403", "The token does not allow this"),
    ("408", "It was not done within 30 seconds"),
    ("500", "The server failed"),
    ("503", "The server is busy; send the same again"),
];

static DOCUMENT: LazyLock<utoipa::openapi::OpenApi> = LazyLock::new(Document::openapi);

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Stichtag",
        version = "1",
        description = "Orders for .de domains, and all that the registry has said about them. Every error has a code that `stichtag explain` \
                       explains; fields may be added, none is renamed."
    ),
    paths(
        orders::place,
        orders::show,
        payments::pay,
        payments::withdraw,
        lists::orders,
        lists::requests,
        lists::request,
        lists::actions,
        messages::list,
        messages::show,
        messages::why,
        messages::raw,
        messages::held,
        desk::domains,
        desk::domain,
        desk::history,
        desk::deadlines,
        desk::cases,
        desk::case,
        desk::plan,
        desk::notices,
        desk::notice,
        desk::customer,
        office::audit,
        office::status,
        office::explain,
        show
    ),
    modifiers(&Whole)
)]
struct Document;

/// What is the same everywhere.
struct Whole;

impl Modify for Whole {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("`stichtag token add NAME --scope …` makes one"))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(scheme));
        for item in document.paths.paths.values_mut() {
            item.get.iter_mut().for_each(conditional);
            for operation in [&mut item.get, &mut item.post, &mut item.delete] {
                operation.iter_mut().for_each(complete);
            }
        }
    }
}

/// What is read has an `ETag`.
fn conditional(operation: &mut Operation) {
    let header = ParameterBuilder::new()
        .name("If-None-Match")
        .parameter_in(ParameterIn::Header)
        .description(Some("An `ETag` that was given before"))
        .schema(Some(Object::with_type(Type::String)))
        .build();
    operation.parameters.get_or_insert_default().push(header);
    let same = ResponseBuilder::new()
        .description("It is still what that `ETag` names")
        .build();
    let responses = &mut operation.responses.responses;
    responses.insert("304".to_owned(), same.into());
    if operation.security.is_some() {
        let wrong = refused("A parameter is unknown or wrong");
        responses.entry("422".to_owned()).or_insert(wrong.into());
    }
}

/// An answer that says what was wrong.
fn refused(meaning: &str) -> openapi::Response {
    let content = Content::new(Some(Ref::from_schema_name("Error")));
    ResponseBuilder::new()
        .description(meaning)
        .content("application/json", content)
        .build()
}

fn complete(operation: &mut Operation) {
    if operation.security.is_none() {
        return;
    }
    for (status, meaning) in ANY_TIME {
        let responses = &mut operation.responses.responses;
        responses.insert(status.to_owned(), refused(meaning).into());
    }
}

/// Show this description
#[utoipa::path(
    get,
    path = "/api/v1/openapi.json",
    operation_id = "showDescription",
    responses((status = 200, description = "OpenAPI 3.1", body = Object)),
)]
pub async fn show() -> Response {
    json(StatusCode::OK, &*DOCUMENT)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::{ROOT, routes_under_root};
    use super::*;

    #[test]
    fn the_document_lists_exactly_the_routes_that_there_are() {
        let served: BTreeSet<(String, String)> = routes_under_root()
            .iter()
            .map(|(method, path, _)| (method.to_string(), format!("{ROOT}{path}")))
            .collect();
        let document = serde_json::to_value(&*DOCUMENT).unwrap();
        let mut described = BTreeSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for method in item.as_object().unwrap().keys() {
                described.insert((method.to_uppercase(), path.clone()));
            }
        }
        assert_eq!(described, served);
    }
}
