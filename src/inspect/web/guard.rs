//! What stands in front of every page.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::form::FORM_BYTES_MAX;
use super::{Caller, Fault, Fields, Right, Site, pages};
use crate::inspect::public::language;
use crate::process::caught_async;

/// How long an answer may take.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(30);

/// How long a form may take to arrive.
const FORM_TIME_MAX: Duration = Duration::from_secs(10);

/// Of pages; the preview of a notice has its own.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
     connect-src 'self'; frame-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Bounds how many requests are under way and how long each takes; every answer gets its headers, and
/// a fault its page.
pub async fn guarded(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    let stranger = Caller::stranger(language(None, request.headers()));
    let arrived = arrived(&site, request).await;
    let mut answer = match arrived.and_then(|request| {
        let turn = site.turns.try_acquire().map_err(|_| Fault::Busy)?;
        Ok((turn, request))
    }) {
        Err(fault) => fault.into_response(),
        Ok((_turn, request)) => {
            let work = caught_async(next.run(request));
            match tokio::time::timeout(REQUEST_TIME_MAX, work).await {
                Ok(Ok(answer)) => answer,
                // The log has it, with the way there.
                Ok(Err(_)) | Err(_) => Fault::Trouble.into_response(),
            }
        }
    };
    // A session that cannot be kept.
    if answer.status() == StatusCode::INTERNAL_SERVER_ERROR {
        answer = Fault::Trouble.into_response();
    }
    if let Some(fault) = answer.extensions_mut().remove::<Fault>() {
        let caller = answer.extensions_mut().remove::<Caller>();
        answer = site.fault(&caller.unwrap_or(stranger), &fault);
    }
    let headers = answer.headers_mut();
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, POLICY),
        // Cases and messages of a page that was seen are not left in a browser for the next to see.
        (CACHE_CONTROL, "no-store"),
    ] {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    for (name, value) in [
        (REFERRER_POLICY, "same-origin"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (OPENER_POLICY, "same-origin"),
        (RESOURCE_POLICY, "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    answer
}

/// The request with all of its form, which may come slowly.
async fn arrived(site: &Site, request: Request) -> Result<Request, Fault> {
    if request.method() != Method::POST {
        return Ok(request);
    }
    let _place = site.arrivals.try_acquire().map_err(|_| Fault::Busy)?;
    let (parts, body) = request.into_parts();
    let bytes = tokio::time::timeout(FORM_TIME_MAX, to_bytes(body, FORM_BYTES_MAX)).await;
    let bytes = bytes.map_err(|_| Fault::Busy)?;
    Ok(Request::from_parts(
        parts,
        Body::from(bytes.map_err(|_| Fault::Large)?),
    ))
}

/// Lets through who may, and of forms those that a page of ours made for this caller.
pub async fn permitted(
    State((site, right)): State<(Arc<Site>, Right)>,
    request: Request,
    next: Next,
) -> Response {
    let (parts, body) = request.into_parts();
    let caller = match site.caller(&parts).await {
        Ok(caller) => caller,
        Err(fault) => return fault.into_response(),
    };
    let mut request = Request::from_parts(parts, body);
    let answer = match admit(&site, &caller, right, &mut request).await {
        Ok(()) => {
            request.extensions_mut().insert(caller.clone());
            let is_action = request.method() == Method::POST;
            let answer = next.run(request).await;
            if is_action {
                site.due_changed();
            }
            answer
        }
        Err(Fault::Stranger) if request.method() == Method::GET => sign_in(&request),
        Err(fault) => fault.into_response(),
    };
    with_caller(answer, caller)
}

/// A fault's page is in the caller's language.
fn with_caller(mut answer: Response, caller: Caller) -> Response {
    if answer.extensions().get::<Fault>().is_some() {
        answer.extensions_mut().insert(caller);
    }
    answer
}

async fn admit(
    site: &Site,
    caller: &Caller,
    right: Right,
    request: &mut Request,
) -> Result<(), Fault> {
    if !caller.may(right) {
        return Err(match caller.is_known() {
            true => Fault::Forbidden,
            false => Fault::Stranger,
        });
    }
    if request.method() != Method::POST {
        return Ok(());
    }
    let body = std::mem::take(request.body_mut());
    let bytes = to_bytes(body, FORM_BYTES_MAX)
        .await
        .map_err(|_| Fault::Large)?;
    let kind = request.headers().get(CONTENT_TYPE);
    let kind = kind.map_or(&b""[..], |kind| kind.as_bytes());
    let kind = kind.split(|byte| *byte == b';').next().unwrap_or_default();
    if !(kind.trim_ascii()).eq_ignore_ascii_case(b"application/x-www-form-urlencoded") {
        return Err(Fault::Foreign);
    }
    let fields = Fields::parse(&bytes);
    caller.check(site, request.headers(), &fields)?;
    request.extensions_mut().insert(fields);
    Ok(())
}

/// The way to the sign-in, and from there back.
fn sign_in(request: &Request) -> Response {
    let wanted = request.uri().path_and_query();
    let wanted = wanted.map_or("/", |path| path.as_str());
    let back = utf8_percent_encode(wanted, NON_ALPHANUMERIC);
    let to = match wanted {
        "/" => "/sign-in".to_owned(),
        _ => format!("/sign-in?next={back}"),
    };
    (StatusCode::SEE_OTHER, [(LOCATION, to)]).into_response()
}

/// No such page, or not this way.
pub async fn no_page() -> Fault {
    Fault::Missing(String::new())
}

impl Site {
    fn fault(&self, caller: &Caller, fault: &Fault) -> Response {
        let paused = self.paused.lock().ok().and_then(|known| known.clone());
        match self.pages.fault(caller, fault, paused.as_deref()) {
            Ok(html) => pages::html(fault.status(), caller.language, html),
            Err(error) => {
                tracing::error!("web: a page cannot be written: {error:#}");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}
