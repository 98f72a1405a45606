//! The public listeners: the website on which owners confirm their mail addresses, and the authenticity
//! check.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::response::Redirect;
use axum::routing::get;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::bind;
use crate::clock::Clock;
use crate::config::Config;
use crate::inspect::public::{Public, Visits, check_router};
use crate::store::Store;

/// Where they are.
#[derive(Default)]
pub struct PublicBound {
    /// `server.public_listen`
    pub public: Option<SocketAddr>,
    /// `verify_site.listen`
    pub verify: Option<SocketAddr>,
}

/// Opens those that are switched on, and answers until `shutdown`; what visitors of the verification
/// website are answered is counted in `visits`.
pub async fn open(
    config: &Config,
    store: &Arc<dyn Store>,
    clock: &Clock,
    visits: Visits,
    shutdown: &CancellationToken,
    tasks: &mut JoinSet<()>,
) -> anyhow::Result<PublicBound> {
    let website = Public::new(
        config,
        store.clone(),
        clock.clone(),
        visits,
        shutdown.clone(),
    )?;
    let check = check_router(config, store.clone(), clock.clone())?;
    let website = website.map(|website| website.router().merge(check.clone()));
    let mut bound = PublicBound::default();
    if let Some(routes) = website.clone() {
        bound.verify = Some(serve(&config.verify_site.listen, routes, shutdown, tasks).await?);
    }
    if let Some(address) = &config.server.public_listen {
        // Without a website to confirm on, the check is all there is.
        let alone = || check.route("/", get(|| async { Redirect::to("/check") }));
        let routes = website.unwrap_or_else(alone);
        bound.public = Some(serve(address, routes, shutdown, tasks).await?);
    }
    Ok(bound)
}

async fn serve(
    address: &str,
    routes: Router,
    shutdown: &CancellationToken,
    tasks: &mut JoinSet<()>,
) -> anyhow::Result<SocketAddr> {
    let listener = bind(address).await?;
    let bound = listener.local_addr()?;
    let shutdown = shutdown.clone();
    let service = routes.into_make_service_with_connect_info::<SocketAddr>();
    tasks.spawn(async move {
        let served = axum::serve(listener, service)
            .with_graceful_shutdown(shutdown.cancelled_owned())
            .await;
        if let Err(error) = served {
            tracing::error!("the public listener at {bound} ended: {error}");
        }
    });
    Ok(bound)
}
