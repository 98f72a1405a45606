//! The admin listener: `/healthz`, `/readyz`, `/metrics`, the HTTP API, and the pages for people.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::gate::DiskSpace;
use super::metrics::{self, Metrics};
use crate::clock::Clock;
use crate::config::Config;
use crate::inspect::{api, web};
use crate::store::Store;

/// What readiness is made of.
#[derive(Clone)]
pub struct Readiness {
    /// The database must be writable.
    pub store: Arc<dyn Store>,
    /// The disk must have room.
    pub disk: Arc<DiskSpace>,
    /// Nothing is ready any more once this is cancelled.
    pub shutdown: CancellationToken,
}

/// Answers until `shutdown`.
pub async fn serve(
    listener: TcpListener,
    readiness: Readiness,
    metrics: Metrics,
    clock: Clock,
    config: &Config,
) -> anyhow::Result<()> {
    let shutdown = readiness.shutdown.clone();
    let api = api::router(config, readiness.store.clone(), clock.clone());
    let web = web::router(config, readiness.store.clone(), clock, shutdown.clone())?;
    let pages = Router::new()
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .with_state(readiness)
        .route("/metrics", get(scrape).with_state(metrics))
        .merge(api)
        .merge(web)
        .into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, pages)
        .with_graceful_shutdown(shutdown.cancelled_owned())
        .await?;
    Ok(())
}

async fn ready(State(readiness): State<Readiness>) -> (StatusCode, String) {
    if readiness.shutdown.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n".to_owned());
    }
    if let Err(error) = readiness.store.check().await {
        return (StatusCode::SERVICE_UNAVAILABLE, format!("store: {error}\n"));
    }
    if !readiness.disk.has_room() {
        return (
            StatusCode::SERVICE_UNAVAILABLE,
            "disk: too little room\n".to_owned(),
        );
    }
    (StatusCode::OK, "ready\n".to_owned())
}

async fn scrape(State(metrics): State<Metrics>) -> Response {
    match metrics.text().await {
        Ok(text) => ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response(),
        Err(error) => {
            tracing::error!("metrics: {error}");
            (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")).into_response()
        }
    }
}
