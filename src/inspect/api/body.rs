//! What is said: a JSON body, strictly read.

use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::error::Category;

use super::refusal::Refusal;
use crate::model::reason;

/// The largest body.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// Of a body that is too large, so much is read and thrown away: a client that is cut off while it
/// sends does not read the answer.
const DISCARDED_BYTES_MAX: usize = 1024 * 1024;

/// Reads the body of a request.
pub async fn read<T: DeserializeOwned>(request: Request) -> Result<T, Refusal> {
    let has_type = is_json(request.headers());
    let is_large = length(request.headers()).is_some_and(|length| length > BODY_BYTES_MAX);
    let too_large = || {
        Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            reason::API_SIZE,
            "the body is too large; at most 64 KiB are expected",
        )
    };
    let bytes = to_bytes(request.into_body(), DISCARDED_BYTES_MAX).await;
    if is_large {
        return Err(too_large());
    }
    if !has_type {
        return Err(Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            reason::API_TYPE,
            "the body is not said to be JSON; `Content-Type: application/json` is expected",
        )
        .about("Content-Type"));
    }
    match bytes {
        Ok(bytes) if bytes.len() <= BODY_BYTES_MAX => parse(&bytes),
        // Cut off on its way: nobody reads the answer then.
        Ok(_) | Err(_) => Err(too_large()),
    }
}

fn length(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).map(|kind| kind.as_bytes());
    let kind = kind.map(|kind| kind.split(|b| *b == b';').next().unwrap_or_default());
    kind.is_some_and(|kind| kind.trim_ascii().eq_ignore_ascii_case(b"application/json"))
}

/// Reads JSON. Values are never quoted in what went wrong: one of them may be a secret in a wrong
/// place.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refusal> {
    let no_json = |why: &str| {
        Refusal::new(
            StatusCode::BAD_REQUEST,
            reason::API_JSON,
            format!("the body is not the JSON object that is expected: {why}"),
        )
    };
    // serde takes a list for a struct, value by value.
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err(no_json("it does not begin with `{`"));
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    match serde_path_to_error::deserialize(&mut json) {
        Ok(value) => match json.end() {
            Ok(()) => Ok(value),
            Err(error) => Err(no_json(&error.to_string())),
        },
        Err(error) => {
            let path = error.path().to_string();
            let error = error.into_inner();
            // Of `null` where a word is expected serde_json says that it is no JSON.
            let is_json = error.classify() == Category::Data
                || serde_json::from_slice::<Value>(bytes).is_ok();
            match is_json {
                true => Err(wrong(&path, &error.to_string())),
                false => Err(no_json(&error.to_string())),
            }
        }
    }
}

/// What serde says of a value, in our words.
fn wrong(path: &str, said: &str) -> Refusal {
    let said = match said.rsplit_once(" at line ") {
        Some((front, _)) => front,
        None => said,
    };
    let path = if path == "." { "" } else { path };
    if let Some(name) = said.strip_prefix("missing field ") {
        let name = name.trim_matches('`');
        let field = match path {
            "" => name.to_owned(),
            path => format!("{path}.{name}"),
        };
        let message = format!("`{field}` is missing");
        return Refusal::field(field, message);
    }
    let expected = said
        .rsplit_once(", expected ")
        .map(|(_, expected)| expected);
    let message = match expected {
        Some(expected) if said.starts_with("unknown field ") => {
            format!("`{path}` is not known; expected is {expected}")
        }
        Some(expected) if said.starts_with("invalid ") || said.starts_with("unknown variant ") => {
            format!("`{path}` is not what it should be; expected is {expected}")
        }
        None if said == "expected value" => format!("`{path}` is not what it should be"),
        _ => format!("`{path}`: {said}"),
    };
    Refusal::field(path, message)
}
