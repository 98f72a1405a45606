//! What stands behind the `?`.

use std::fmt::Display;
use std::str::FromStr;

use axum::http::Uri;

use super::refusal::Refusal;

/// The parameters of a request, each known and given once.
#[derive(Debug)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads them; `known` are all that there may be.
    pub fn read(uri: &Uri, known: &[&str]) -> Result<Self, Refusal> {
        let mut found: Vec<(String, String)> = Vec::new();
        let text = uri.query().unwrap_or_default();
        for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
            if !known.contains(&name.as_ref()) {
                let known: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
                let message = format!(
                    "the parameter `{name}` is not known; expected is one of {}",
                    known.join(", ")
                );
                return Err(Refusal::field(name, message));
            }
            if found.iter().any(|(before, _)| *before == name) {
                let message = format!("the parameter `{name}` is given twice; once is expected");
                return Err(Refusal::field(name, message));
            }
            found.push((name.into_owned(), value.into_owned()));
        }
        Ok(Query(found))
    }

    /// The value of a parameter, if it is given.
    pub fn get<T: FromStr<Err: Display>>(&self, name: &str) -> Result<Option<T>, Refusal> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found
            .map(|(name, value)| {
                value
                    .parse()
                    .map_err(|why| Refusal::field(name, format!("`{name}`: {why}")))
            })
            .transpose()
    }
}
