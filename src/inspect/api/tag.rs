//! `ETag`: whoever has the answer already is not sent it again.

use axum::body::{Body, to_bytes};
use axum::http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::refusal::Refusal;
use crate::model::sha256_hex;

/// No answer is larger: a list has at most 500 things.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Names an answer by its bytes, and leaves them out where the asker has them.
pub async fn tagged(asked: &HeaderMap, answer: Response) -> Response {
    if answer.status() != StatusCode::OK {
        return answer;
    }
    let (mut parts, body) = answer.into_parts();
    let Ok(bytes) = to_bytes(body, ANSWER_BYTES_MAX).await else {
        tracing::error!("API: an answer has more than {ANSWER_BYTES_MAX} bytes");
        return Refusal::trouble().into_response();
    };
    let tag = format!("\"{}\"", &sha256_hex(&bytes)[..32]);
    if let Ok(value) = HeaderValue::try_from(&tag) {
        parts.headers.insert(ETAG, value);
    }
    // Whoever keeps it asks each time whether it still holds; nobody in between keeps it.
    let keep = HeaderValue::from_static("private, no-cache");
    parts.headers.insert(CACHE_CONTROL, keep);
    if is_known(asked, &tag) {
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(axum::http::header::CONTENT_TYPE);
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(parts, Body::from(bytes))
}

/// Does `If-None-Match` name it (RFC 9110, section 13.1.2)?
fn is_known(asked: &HeaderMap, tag: &str) -> bool {
    let fields = asked.get_all(IF_NONE_MATCH).iter();
    let mut tags = fields
        .filter_map(|field| field.to_str().ok())
        .flat_map(|field| field.split(','))
        .map(|known| known.trim().trim_start_matches("W/"));
    tags.any(|known| known == tag || known == "*")
}
