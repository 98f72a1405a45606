//! `/check`: whoever has a message that claims to be ours finds out whether it is (`product.md`,
//! chapter 5). It asks for the code alone, and says nothing that is personal.

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
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use minijinja::{Environment, UndefinedBehavior, context};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use super::form;
use super::limit::Limiter;
use super::visitor;
use crate::clock::Clock;
use crate::config::{Config, Rate};
use crate::inspect::work;
use crate::model::{Language, Network};
use crate::notify::{self, Answer, Settings};
use crate::store::Store;

/// Questions of one network: nobody tries out codes, of which there are a million millions.
const RATE: Rate = Rate {
    count: 10,
    per: Duration::from_secs(60),
};

/// Questions under way at once.
const REQUESTS_MAX: usize = 32;

/// How long one may take, its arrival included.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(20);

/// Letters and digits of a code.
const CODE_LETTERS: usize = 8;

const TEMPLATE: &str = include_str!("templates/check.html");
const STYLE: &str = include_str!("templates/style.css");

/// Where it is.
const PATH: &str = "/check";

struct Check {
    store: Arc<dyn Store>,
    clock: Clock,
    settings: Settings,
    proxies: Vec<Network>,
    limiter: Mutex<Limiter>,
    turns: Semaphore,
    engine: Environment<'static>,
    policy: HeaderValue,
}

/// What is shown below the heading.
enum Shown {
    /// The form.
    Form,
    /// Whether it is from us.
    Said(Option<Answer>),
    /// What was typed is no code.
    Wrong,
    /// The network asks too often.
    Limited(Duration),
    /// We failed.
    Trouble,
}

/// The page, to be merged into whatever the public listener serves.
pub fn router(config: &Config, store: Arc<dyn Store>, clock: Clock) -> anyhow::Result<Router> {
    let mut engine = Environment::new();
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    // Escaping follows from the name.
    (engine.add_template("check.html", TEMPLATE)).context("the page of the authenticity check")?;
    let style = STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; \
         frame-ancestors 'none'; base-uri 'none'"
    );
    let check = Arc::new(Check {
        store,
        clock,
        settings: config.notices.settings.clone(),
        proxies: config.verify_site.trusted_proxies.clone(),
        limiter: Mutex::new(Limiter::new(RATE)),
        turns: Semaphore::new(REQUESTS_MAX),
        engine,
        policy: HeaderValue::try_from(policy)?,
    });
    Ok(Router::new()
        .route(PATH, get(show).post(ask))
        .with_state(check))
}

async fn show(
    State(check): State<Arc<Check>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let wanted = query.and_then(|query| form::value(&query, "lang"));
    check.answer(&Shown::Form, visitor::language(wanted.as_deref(), &headers))
}

async fn ask(
    State(check): State<Arc<Check>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let headers = request.headers().clone();
    let language = visitor::language(None, &headers);
    let Ok(_turn) = check.turns.try_acquire() else {
        return check.answer(&Shown::Limited(Duration::from_secs(5)), language);
    };
    let asked = tokio::time::timeout(REQUEST_TIME_MAX, form::typed(request)).await;
    let Ok(Some((typed, wanted))) = asked else {
        return check.answer(&Shown::Wrong, language);
    };
    let language = visitor::language(wanted.as_deref(), &headers);
    let address = visitor::address(peer.ip(), &headers, &check.proxies);
    let turn = {
        let mut limiter = check.limiter.lock().unwrap_or_else(PoisonError::into_inner);
        limiter.take(address, Instant::now())
    };
    let shown = match turn {
        Err(wait) => Shown::Limited(wait),
        Ok(()) => check.look_up(&typed).await,
    };
    check.answer(&shown, language)
}

impl Check {
    async fn look_up(&self, typed: &str) -> Shown {
        let letters = typed.chars().filter(|c| c.is_alphanumeric());
        if letters.count() != CODE_LETTERS {
            return Shown::Wrong;
        }
        match work::notice::genuine(&*self.store, typed, &self.settings).await {
            Ok(found) => Shown::Said(found.map(|(answer, _)| answer)),
            Err(error) => {
                tracing::error!("authenticity check: {error:#}");
                Shown::Trouble
            }
        }
    }

    fn answer(&self, shown: &Shown, language: Language) -> Response {
        let (status, fault, wait) = match shown {
            Shown::Form | Shown::Said(Some(_)) => (StatusCode::OK, "", None),
            Shown::Said(None) => (StatusCode::NOT_FOUND, "", None),
            Shown::Wrong => (StatusCode::UNPROCESSABLE_ENTITY, "wrong", None),
            Shown::Limited(wait) => (StatusCode::TOO_MANY_REQUESTS, "limited", Some(*wait)),
            Shown::Trouble => (StatusCode::SERVICE_UNAVAILABLE, "trouble", None),
        };
        let said = match shown {
            Shown::Said(answer) => notify::say(answer.as_ref(), self.clock.now(), language),
            _ => String::new(),
        };
        let phone = &self.settings.phone;
        let dial = phone.chars().filter(|c| c.is_ascii_digit() || *c == '+');
        let seconds = wait.map(|wait| wait.as_millis().div_ceil(1000).max(1) as u64);
        let values = context! {
            lang => language.as_str(),
            css => STYLE,
            company => self.settings.company.lines().next().unwrap_or_default().trim(),
            phone => phone,
            dial => dial.collect::<String>(),
            action => PATH,
            fault => fault,
            said => said,
            is_genuine => matches!(shown, Shown::Said(Some(_))),
            seconds => seconds.unwrap_or_default(),
        };
        let page = self.engine.get_template("check.html");
        let html = match page.and_then(|page| page.render(values)) {
            Ok(html) => html,
            Err(error) => {
                tracing::error!("authenticity check: the page cannot be written: {error}");
                return StatusCode::INTERNAL_SERVER_ERROR.into_response();
            }
        };
        let fields = [
            (
                CONTENT_TYPE,
                HeaderValue::from_static("text/html; charset=utf-8"),
            ),
            (
                CONTENT_LANGUAGE,
                HeaderValue::from_static(language.as_str()),
            ),
            (CONTENT_SECURITY_POLICY, self.policy.clone()),
            (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
            (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
            (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ];
        let mut answer = (status, fields, html).into_response();
        if let Some(seconds) = seconds {
            answer.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        answer
    }
}
