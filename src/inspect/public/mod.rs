//! The website on which owners confirm their mail addresses: the public listener.
//!
//! Looking at a page changes nothing, for scanners of mail follow every link (`centralnic.md` 11); only
//! the form's POST asks for the confirmation. `stichtag-send` carries it out, for no login is at hand
//! here, and the answer waits some seconds for what comes of it. Whoever has the code can confirm, so
//! neither it nor the address is logged, and after the POST the code stands in no address.

mod check;
mod code;
mod form;
mod limit;
mod page;
mod visitor;
mod visits;
mod wait;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use axum::Router;
use axum::extract::{ConnectInfo, RawQuery, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY,
    RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::{Config, Site};
use crate::model::{Environment, Language, Network};
use crate::process::caught_async;
use crate::store::{CodeFound, Confirmation, Store, StoreError, VisitorCode};
use code::Readings;
use page::{Page, Pages, Provider};

pub use limit::{Limiter, Subnet};
pub use page::masked;
pub use visitor::{address, language};
pub use visits::Visits;

pub use check::router as check_router;

/// The longest query that is read.
const QUERY_BYTES_MAX: usize = 4096;

/// Requests under way at once, those that wait for an outcome aside.
const REQUESTS_MAX: usize = 64;

/// Visitors who wait for an outcome at once; more are told that it comes later.
const WAITING_MAX: usize = 256;

/// How long a request may take, its body's arrival and the wait for an outcome included.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(20);

/// Codes that nobody knows, and that are asked about at once.
const UNKNOWN_MAX: u32 = 100;

const ROBOTS: &str = "User-agent: *\nDisallow: /\n";

const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const ROBOTS_TAG: HeaderName = HeaderName::from_static("x-robots-tag");

/// What every visit has at hand.
struct Website {
    store: Arc<dyn Store>,
    clock: Clock,
    site: Site,
    pages: Pages,
    policy: HeaderValue,
    limiter: Mutex<Limiter>,
    proxies: Vec<Network>,
    turns: Semaphore,
    waiting: Semaphore,
    visits: Visits,
    shutdown: CancellationToken,
}

/// The website, ready to be served.
pub struct Public(Arc<Website>);

impl Public {
    /// `None`: the configuration names no website. `visits`: where its answers are counted.
    pub fn new(
        config: &Config,
        store: Arc<dyn Store>,
        clock: Clock,
        visits: Visits,
        shutdown: CancellationToken,
    ) -> anyhow::Result<Option<Self>> {
        let settings = &config.verify_site;
        let Some(site) = &settings.site else {
            return Ok(None);
        };
        let notices = &config.notices.settings;
        let pages = Pages::new(Provider {
            company: notices
                .company
                .lines()
                .next()
                .unwrap_or_default()
                .trim()
                .to_owned(),
            phone: notices.phone.clone(),
            is_test: site.environment == Environment::Test,
            prefix: prefix(site).to_owned(),
        })
        .context("the pages of the website")?;
        Ok(Some(Public(Arc::new(Website {
            store,
            clock,
            site: site.clone(),
            policy: HeaderValue::try_from(&pages.policy)?,
            pages,
            limiter: Mutex::new(Limiter::new(settings.rate_limit)),
            proxies: settings.trusted_proxies.clone(),
            turns: Semaphore::new(REQUESTS_MAX + WAITING_MAX),
            waiting: Semaphore::new(WAITING_MAX),
            visits,
            shutdown,
        }))))
    }

    /// What it answers.
    pub fn router(&self) -> Router {
        let mut routes = Router::new().route("/robots.txt", get(|| async { ROBOTS }));
        // The web server in front may take the path of `base_url` away, or leave it.
        let mut fronts = vec!["", prefix(&self.0.site)];
        fronts.dedup();
        for front in fronts {
            routes = routes
                .route(&format!("{front}/"), get(show))
                .route(&format!("{front}/confirm"), post(confirm));
            if !front.is_empty() {
                routes = routes.route(front, get(show));
            }
        }
        routes
            .fallback(
                |State(site): State<Arc<Website>>, headers: HeaderMap| async move {
                    site.answer(&Page::Missing, visitor::language(None, &headers))
                },
            )
            .method_not_allowed_fallback(
                |State(site): State<Arc<Website>>, headers: HeaderMap| async move {
                    site.answer(&Page::Method, visitor::language(None, &headers))
                },
            )
            .layer(from_fn_with_state(self.0.clone(), guarded))
            .with_state(self.0.clone())
    }
}

/// What stands in front of every path: `/confirm-mail` of `https://example.net/confirm-mail/`.
fn prefix(site: &Site) -> &str {
    site.base_url.path().trim_end_matches('/')
}

/// Bounds how many requests are under way and how long each takes; every answer gets its headers.
async fn guarded(State(site): State<Arc<Website>>, request: Request, next: Next) -> Response {
    let language = visitor::language(None, request.headers());
    let mut answer = match site.turns.try_acquire() {
        Err(_) => site.answer(&Page::Busy, language),
        Ok(_turn) => {
            let work = caught_async(next.run(request));
            match tokio::time::timeout(REQUEST_TIME_MAX, work).await {
                Ok(Ok(answer)) => answer,
                // The log has it, with the way there.
                Ok(Err(_)) | Err(_) => site.answer(&Page::Trouble, language),
            }
        }
    };
    let headers = answer.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, site.policy.clone());
    for (name, value) in [
        (REFERRER_POLICY, "no-referrer"),
        (ROBOTS_TAG, "noindex, nofollow"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CACHE_CONTROL, "no-store"),
        (OPENER_POLICY, "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    answer
}

/// Shows the button, or the field for the code. It reads, and does nothing else.
async fn show(
    State(site): State<Arc<Website>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let query = query.unwrap_or_default();
    let language = visitor::language(form::value(&query, "lang").as_deref(), &headers);
    if query.len() > QUERY_BYTES_MAX {
        return site.answer(&Page::Large, language);
    }
    let page = match code::in_query(&query) {
        None => Page::Enter { is_wrong: false },
        Some(Err(())) => Page::Enter { is_wrong: true },
        Some(Ok(readings)) => match site.look_up(readings).await {
            Ok((_, Some(found))) if found.is_confirmed => Page::Already,
            Ok((code, found)) => ask(&code, found),
            Err(error) => trouble(&error),
        },
    };
    site.answer(&page, language)
}

fn ask(code: &VisitorCode, found: Option<CodeFound>) -> Page {
    let code = code::text(code);
    let address = found.and_then(|found| found.address);
    Page::Ask {
        code: code.to_owned(),
        address: address.as_deref().and_then(masked),
        other: format!("trigger={}", utf8_percent_encode(code, NON_ALPHANUMERIC)),
    }
}

/// Has the confirmation carried out, and says what came of it.
async fn confirm(
    State(site): State<Arc<Website>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let headers = request.headers().clone();
    let language = visitor::language(None, &headers);
    if !visitor::is_from_us(&headers, &site.site.base_url) {
        return site.answer(&Page::Foreign, language);
    }
    // Read first: it says in which language the visitor is told to wait.
    let form = match form::read(request).await {
        Ok(form) => form,
        Err(page) => return site.answer(&page, language),
    };
    let language = visitor::language(form.lang.as_deref(), &headers);
    let address = visitor::address(peer.ip(), &headers, &site.proxies);
    let turn = {
        let mut limiter = site.limiter.lock().unwrap_or_else(PoisonError::into_inner);
        limiter.take(address, Instant::now())
    };
    if let Err(wait) = turn {
        return site.answer(&Page::Limited { wait }, language);
    }
    let page = match form.code {
        Err(()) => Page::Enter { is_wrong: true },
        Ok(readings) => match site.confirm(readings).await {
            Ok(page) => page,
            Err(error) => trouble(&error),
        },
    };
    site.answer(&page, language)
}

/// The store failed; what it says of that names no code.
fn trouble(error: &StoreError) -> Page {
    tracing::error!("verification website: {error}");
    Page::Trouble
}

impl Website {
    /// Which of its readings a code is, and what is known of it.
    async fn look_up(
        &self,
        readings: Readings,
    ) -> Result<(VisitorCode, Option<CodeFound>), StoreError> {
        let environment = self.site.environment;
        let mut unknown = None;
        for code in readings {
            let found = self.store.look_up_code(environment, &code).await?;
            if found.is_some() {
                return Ok((code, found));
            }
            unknown = unknown.or(Some(code));
        }
        // There is always one.
        Ok((unknown.unwrap_or(VisitorCode::Notice(String::new())), None))
    }

    async fn confirm(&self, readings: Readings) -> Result<Page, StoreError> {
        let (code, _) = self.look_up(readings).await?;
        let now = self.clock.now();
        let environment = self.site.environment;
        let asked = self
            .store
            .ask_confirmation(environment, &code, UNKNOWN_MAX, now);
        Ok(match asked.await? {
            Confirmation::Already => Page::Already,
            Confirmation::Unknown => Page::Unknown,
            Confirmation::TooMany => {
                tracing::warn!("{UNKNOWN_MAX} codes that nobody knows wait: no more are taken");
                Page::Busy
            }
            Confirmation::Asked(ids) => {
                let named: Vec<_> = ids.iter().map(ToString::to_string).collect();
                tracing::info!("a visitor asks for a confirmation: {}", named.join(", "));
                match self.waiting.try_acquire() {
                    Ok(_place) => wait::outcome(&*self.store, &ids, &self.shutdown).await,
                    Err(_) => Page::Later,
                }
            }
        })
    }

    fn answer(&self, page: &Page, language: Language) -> Response {
        self.visits.add(page.name());
        let html = match self.pages.write(page, language) {
            Ok(html) => html,
            Err(error) => {
                tracing::error!("verification website: a page cannot be written: {error}");
                return StatusCode::INTERNAL_SERVER_ERROR.into_response();
            }
        };
        let fields = [
            (CONTENT_TYPE, "text/html; charset=utf-8"),
            (CONTENT_LANGUAGE, language.as_str()),
        ];
        let mut answer = (page.status(), fields, html).into_response();
        if let Some(seconds) = page.retry_after() {
            answer.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        answer
    }
}
