//! How all stands, as it was a moment ago: with a million messages, counting them takes longer than a page
//! may.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::Mutex;

use super::{Fault, Site};
use crate::inspect::work::health::health;

/// Older it is read anew, while the page shows what was.
const FRESH: Duration = Duration::from_secs(10);

/// Older it is not shown.
const AGE_MAX: Duration = Duration::from_secs(60);

/// What was read last.
#[derive(Default)]
pub struct HealthNow {
    kept: Mutex<Option<Kept>>,
}

#[derive(Clone)]
struct Kept {
    made: Instant,
    object: Value,
}

impl Site {
    /// How all stands: an object as `status --json` has it.
    pub async fn health_now(self: &Arc<Self>) -> Result<Value, Fault> {
        let mut kept = self.health.kept.lock().await;
        let shown = kept.clone().filter(|kept| kept.made.elapsed() < AGE_MAX);
        if let Some(shown) = shown {
            if shown.made.elapsed() > FRESH {
                self.read_health_behind();
            }
            return Ok(shown.object);
        }
        let read = self.read_health().await?;
        *kept = Some(read.clone());
        Ok(read.object)
    }

    async fn read_health(&self) -> anyhow::Result<Kept> {
        let read = health(&*self.store, &self.config, &self.clock).await?;
        Ok(Kept {
            made: Instant::now(),
            object: read.object(&self.config, true),
        })
    }

    fn read_health_behind(self: &Arc<Self>) {
        let site = self.clone();
        tokio::spawn(async move {
            match site.read_health().await {
                Ok(read) => *site.health.kept.lock().await = Some(read),
                Err(error) => tracing::error!("web: health cannot be read: {error:#}"),
            }
        });
    }
}
