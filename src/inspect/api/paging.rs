//! Lists whose next page is named by a text that only we can read.

use axum::http::StatusCode;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::caller::Caller;
use super::lists::{LIMIT, LIMIT_MAX, Page};
use super::people::seen_by;
use super::query::Query;
use super::refusal::{Refusal, json};

/// How many things a page is to have.
pub fn limit(query: &Query) -> Result<u32, Refusal> {
    let limit = query.get::<u32>("limit")?.unwrap_or(LIMIT);
    if !(1..=LIMIT_MAX).contains(&limit) {
        let message = format!("`limit`: 1 to {LIMIT_MAX} is expected");
        return Err(Refusal::field("limit", message));
    }
    Ok(limit)
}

/// The place behind which a page begins, if it is not the first: the parts of [`cursor`].
pub fn after<const PARTS: usize>(query: &Query) -> Result<Option<[String; PARTS]>, Refusal> {
    let Some(text) = query.get::<String>("after")? else {
        return Ok(None);
    };
    let read = || {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let parts: Vec<String> = text.split(' ').map(str::to_owned).collect();
        parts.try_into().ok()
    };
    read().map(Some).ok_or_else(wrong_place)
}

/// `after` is none of ours.
pub fn wrong_place() -> Refusal {
    let message = "`after`: what `next` of a page of the same list said is expected";
    Refusal::field("after", message)
}

/// The name of a place, made of these parts; none of them holds a blank.
pub fn cursor<const PARTS: usize>(parts: [String; PARTS]) -> String {
    URL_SAFE_NO_PAD.encode(parts.join(" "))
}

/// A page of objects as this program may see them.
pub fn page(caller: &Caller, items: Vec<Value>, next: Option<String>) -> Response {
    let items = items.into_iter().map(|item| whole(caller, item));
    json(StatusCode::OK, &Page::new(items.collect(), next))
}

/// One object as this program may see it.
pub fn one(caller: &Caller, object: Value) -> Response {
    json(StatusCode::OK, &whole(caller, object))
}

/// With the version in front, as the command line prints it.
fn whole(caller: &Caller, object: Value) -> Value {
    let mut line = serde_json::Map::new();
    line.insert("v".to_owned(), crate::inspect::object::VERSION.into());
    if let Value::Object(fields) = seen_by(caller, object) {
        line.extend(fields);
    }
    Value::Object(line)
}

/// Of one more than was wanted the first so many, and whether there was more.
pub fn cut<T>(mut items: Vec<T>, limit: u32) -> (Vec<T>, bool) {
    let limit = limit as usize;
    let has_more = items.len() > limit;
    items.truncate(limit);
    (items, has_more)
}
