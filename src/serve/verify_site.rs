//! The website on which owners confirm their mail addresses.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::bind;
use crate::clock::Clock;
use crate::config::Config;
use crate::inspect::public::{Public, Visits};
use crate::store::Store;

/// Opens its listener, if it is switched on, and answers until `shutdown`; what visitors
/// are answered is counted in `visits`.
pub async fn open(
    config: &Config,
    store: &Arc<dyn Store>,
    clock: &Clock,
    visits: Visits,
    shutdown: &CancellationToken,
    tasks: &mut JoinSet<()>,
) -> anyhow::Result<Option<SocketAddr>> {
    let website = Public::new(
        config,
        store.clone(),
        clock.clone(),
        visits,
        shutdown.clone(),
    )?;
    let Some(website) = website else {
        return Ok(None);
    };
    let listener = bind(&config.verify_site.listen).await?;
    let address = listener.local_addr()?;
    tasks.spawn(async move {
        if let Err(error) = website.serve(listener).await {
            tracing::error!("the verification website's listener ended: {error}");
        }
    });
    Ok(Some(address))
}
