//! `/events`: pages learn that something has changed, and look anew (server-sent events).

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::sync::watch;

use super::{Caller, Fault, Right, Site, Way};

/// How often the store is asked, while somebody listens.
const LOOK: Duration = Duration::from_secs(2);

/// Listeners at once.
const LISTENERS_MAX: usize = 64;

/// After this the browser comes again, so that whoever may no longer look is sent away.
const LIFETIME: Duration = Duration::from_secs(5 * 60);

/// The ways in.
pub fn ways() -> Vec<Way> {
    vec![Way::look("/events", Right::Look, listen)]
}

/// What the store looked like; another text is another state.
pub type Mark = watch::Sender<String>;

async fn listen(State(site): State<Arc<Site>>, _: Caller) -> Result<Response, Fault> {
    if site.mark.receiver_count() >= LISTENERS_MAX {
        return Err(Fault::Busy);
    }
    let changes = site.mark.subscribe();
    let until = tokio::time::Instant::now() + LIFETIME;
    let shutdown = site.shutdown.clone();
    let events = stream::unfold(
        (changes, shutdown),
        move |(mut changes, shutdown)| async move {
            tokio::select! {
                () = shutdown.cancelled() => None,
                () = tokio::time::sleep_until(until) => None,
                changed = changes.changed() => {
                    changed.ok()?;
                    // Browsers pass an event without data over.
                    let event = Event::default().event("change").data("1");
                    Some((Ok::<_, Infallible>(event), (changes, shutdown)))
                }
            }
        },
    );
    Ok(Sse::new(events)
        .keep_alive(KeepAlive::default())
        .into_response())
}

/// Looks for changes while somebody listens, until the server ends.
pub async fn keep(site: Arc<Site>) {
    loop {
        tokio::select! {
            () = site.shutdown.cancelled() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
        if site.mark.receiver_count() == 0 {
            continue;
        }
        match site.store.mark().await {
            Ok(mark) => {
                site.mark.send_if_modified(|known| {
                    // The first look is no change.
                    let is_news = !known.is_empty() && *known != mark;
                    *known = mark;
                    is_news
                });
            }
            Err(error) => tracing::warn!("live updates: {error}"),
        }
    }
}
