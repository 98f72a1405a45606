//! What forms and addresses say: names with values, in their order.

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use url::form_urlencoded;

use super::Fault;

/// The largest form: a thousand messages to be released, with a note.
pub const FORM_BYTES_MAX: usize = 64 * 1024;

/// The longest query of an address that is read.
const QUERY_BYTES_MAX: usize = 4 * 1024;

/// The fields of a form that [`guard`](super::guard) has let through.
#[derive(Clone, Debug, Default)]
pub struct Fields(Vec<(String, String)>);

/// The query of an address.
#[derive(Clone, Debug, Default)]
pub struct Query(pub Fields);

impl Fields {
    /// Reads what browsers send.
    pub fn parse(bytes: &[u8]) -> Self {
        Fields(form_urlencoded::parse(bytes).into_owned().collect())
    }

    /// The value of that name, without blanks around it; empty where there is none.
    pub fn get<'a>(&'a self, name: &'a str) -> &'a str {
        self.all(name).next().unwrap_or_default()
    }

    /// The first value of that name just as it was typed: a password may begin with a blank.
    pub fn raw(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }

    /// Every value of that name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.0.iter().filter(move |(known, _)| known == name);
        named.map(|(_, value)| value.trim())
    }

    /// A note of a person, neither empty nor longer than 2,000 characters. It stands in lists, an entry a
    /// line, so its own lines are joined by a stroke.
    pub fn note(&self) -> Result<String, Fault> {
        let lines = self.get("note").lines().map(str::trim);
        let lines: Vec<_> = lines.filter(|line| !line.is_empty()).collect();
        match lines.join(" / ") {
            note if note.is_empty() => Err(Fault::Wrong(
                "a note is needed: why is this done?".to_owned(),
            )),
            note if note.chars().count() > 2_000 => Err(Fault::Wrong(
                "a note has 2,000 characters at most".to_owned(),
            )),
            note => Ok(note),
        }
    }
}

impl std::ops::Deref for Query {
    type Target = Fields;

    fn deref(&self) -> &Fields {
        &self.0
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Fault> {
        let query = parts.uri.query().unwrap_or_default();
        match query.len() <= QUERY_BYTES_MAX {
            true => Ok(Query(Fields::parse(query.as_bytes()))),
            false => Err(Fault::Large),
        }
    }
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Fault;

    async fn from_request(request: Request, _: &S) -> Result<Self, Fault> {
        request
            .extensions()
            .get::<Fields>()
            .cloned()
            .ok_or_else(|| {
                tracing::error!("web: a form without its guard");
                Fault::Trouble
            })
    }
}
