//! The pages for admins and the domain desk, on the admin listener.
//!
//! A request's way: [`guard::guarded`] (how many, how long, the headers of every answer),
//! [`door::enter`] (from where, by TLS or not, with which session), the route, [`guard::permitted`] (who
//! asks, and may they; a form's token), the page's function, [`Site::page`].
//! Each page is a file here and a template beside it; [`ways`] lists every way in with the right that it
//! asks for. What a page does goes through the same functions as the command line.

mod address;
mod assets;
mod audit;
mod board;
mod caller;
mod case;
mod cases;
mod chart;
mod customers;
mod deadlines;
mod domains;
mod door;
mod fault;
mod filter;
mod form;
mod guard;
mod health;
mod held;
mod help;
mod highlight;
mod live;
mod me;
mod message;
mod messages;
mod notices;
mod orders;
mod overview;
mod pages;
mod requests;
mod reseller;
mod sentences;
mod sessions;
mod settings;
mod sign_in;
mod tries;
mod users;
mod verify;
mod way;
mod wish;
mod words;

use std::sync::{Arc, Mutex};

use anyhow::Context;
use axum::Router;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use minijinja::value::Serde;
use minijinja::{Value, context};
use serde::Serialize;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::Config;
use crate::send::PAUSED;
use crate::store::Store;
pub use board::DueNow;
pub use caller::{Caller, veiled};
pub use fault::Fault;
pub use form::{Fields, Query};
pub use way::{Right, Way};

use audit::Checking;
use board::Board;
use door::House;
use health::HealthNow;
use pages::Pages;
use sessions::Sessions;
use tries::Tries;

/// Requests under way at once, live updates aside.
const REQUESTS_MAX: usize = 64;

/// Forms that arrive at once. One that comes slowly holds up other forms, and no page.
const ARRIVALS_MAX: usize = 256;

/// What every page has at hand.
pub struct Site {
    /// The store.
    pub store: Arc<dyn Store>,
    /// The configuration that the server runs with.
    pub config: Config,
    /// The time.
    pub clock: Clock,
    /// Live updates end when it does.
    pub shutdown: CancellationToken,
    sessions: Sessions,
    tries: Tries,
    checking: Checking,
    health: HealthNow,
    board: Board,
    mark: live::Mark,
    /// Faults in the texts of notices, once somebody has asked for them.
    findings: tokio::sync::OnceCell<Vec<crate::notify::Finding>>,
    pages: Pages,
    turns: Semaphore,
    arrivals: Semaphore,
    /// What was last known of a pause, for pages that must not ask the store.
    paused: Mutex<Option<String>>,
}

/// Every way in.
pub fn ways() -> Vec<Way> {
    [
        assets::ways(),
        deadlines::ways(),
        cases::ways(),
        case::ways(),
        verify::ways(),
        domains::ways(),
        customers::ways(),
        orders::ways(),
        requests::ways(),
        reseller::ways(),
        live::ways(),
        overview::ways(),
        messages::ways(),
        message::ways(),
        held::ways(),
        audit::ways(),
        settings::ways(),
        help::ways(),
        notices::ways(),
        me::ways(),
        sign_in::ways(),
        users::ways(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The routes, for the admin listener.
pub fn router(
    config: &Config,
    store: Arc<dyn Store>,
    clock: Clock,
    shutdown: CancellationToken,
) -> anyhow::Result<Router> {
    let site = Arc::new(Site {
        sessions: Sessions::new(store.clone(), clock.clone(), &config.web),
        tries: Tries::default(),
        checking: Checking::default(),
        health: HealthNow::default(),
        store,
        config: config.clone(),
        clock,
        shutdown,
        board: Board::default(),
        mark: live::Mark::default(),
        findings: tokio::sync::OnceCell::new(),
        pages: Pages::new().context("the pages of the web")?,
        turns: Semaphore::new(REQUESTS_MAX),
        arrivals: Semaphore::new(ARRIVALS_MAX),
        paused: Mutex::default(),
    });
    // Reading what is due keeps a thread busy for a while; it must not be one that answers.
    let (runtime, kept) = (tokio::runtime::Handle::current(), site.clone());
    tokio::task::spawn_blocking(move || runtime.block_on(board::keep(kept)));
    tokio::spawn(live::keep(site.clone()));
    let mut routes = Router::new();
    for way in ways() {
        let gate = from_fn_with_state((site.clone(), way.right), guard::permitted);
        routes = routes.route(way.path, way.handler.layer(gate));
    }
    let routes = routes
        .fallback(guard::no_page)
        .method_not_allowed_fallback(guard::no_page);
    let house = Arc::new(House::new(&site, &routes));
    Ok(Router::new()
        .fallback(door::enter)
        .with_state(house)
        .layer(from_fn_with_state(site, guard::guarded)))
}

impl Site {
    /// A page: `values` are what its template shows, beside what stands around every page.
    pub async fn page(
        &self,
        caller: &Caller,
        template: &str,
        values: impl Serialize,
    ) -> Result<Response, Fault> {
        let around = self.around(caller).await?;
        let values = context! { ..Value::from(Serde(values)), ..around };
        let html = self.pages.write(caller, template, values)?;
        Ok(pages::html(StatusCode::OK, caller.language, html))
    }

    /// What stands around every page.
    async fn around(&self, caller: &Caller) -> Result<Value, Fault> {
        let paused = self.store.switch(PAUSED).await?;
        if let Ok(mut known) = self.paused.lock() {
            known.clone_from(&paused);
        }
        Ok(context! {
            caller => Value::from(Serde(caller)),
            paused => paused,
            style => assets::STYLE.path(),
            script => assets::SCRIPT.path(),
            icon => assets::ICON.path(),
            now => self.clock.now().to_string(),
        })
    }
}
