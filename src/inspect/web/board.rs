//! What is due, as it was a moment ago: with thousands of open cases, reading it takes longer than a
//! page may.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::{Fault, Site};
use crate::inspect::work::due::{Due, due};

/// How long it stays as it is, while somebody looks.
const PAUSE: Duration = Duration::from_secs(2);

/// Reading it takes at most one part in so many of the time.
const SHARE: u32 = 9;

/// Older it is not shown.
const AGE_MAX: Duration = Duration::from_secs(15);

/// So long after the last page it is still kept up to date.
const WATCHED: Duration = Duration::from_secs(10 * 60);

/// Every domain with a deadline, the first to die on top, as it was at one moment.
pub struct DueNow {
    /// When it was read.
    pub at: Timestamp,
    /// The domains.
    pub rows: Vec<Due>,
}

impl DueNow {
    /// How many need a person.
    pub fn waiting(&self) -> usize {
        self.rows.iter().filter(|due| due.needs.is_some()).count()
    }
}

/// What is kept of it.
#[derive(Default)]
pub struct Board {
    kept: Mutex<Option<Kept>>,
    /// Held by whoever reads it anew; others wait for the same.
    making: tokio::sync::Mutex<()>,
    /// Counts what people did here.
    changes: AtomicU64,
    asked: Mutex<Option<Instant>>,
    wake: Notify,
}

struct Kept {
    due: Arc<DueNow>,
    made: Instant,
    /// What had been done when it was read.
    changes: u64,
}

impl Board {
    fn fresh(&self) -> Option<Arc<DueNow>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let is_fresh = |kept: &&Kept| {
            kept.changes == self.changes.load(Ordering::Acquire) && kept.made.elapsed() < AGE_MAX
        };
        kept.as_ref().filter(is_fresh).map(|kept| kept.due.clone())
    }

    fn is_watched(&self) -> bool {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.is_some_and(|asked| asked.elapsed() < WATCHED)
    }
}

impl Site {
    /// What is due: some seconds old at most, and never older than what was done here last.
    pub async fn due(&self) -> Result<Arc<DueNow>, Fault> {
        let board = &self.board;
        let was_watched = board.is_watched();
        *board.asked.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        if !was_watched {
            board.wake.notify_one();
        }
        if let Some(due) = board.fresh() {
            return Ok(due);
        }
        let _making = board.making.lock().await;
        match board.fresh() {
            Some(due) => Ok(due),
            None => self.read_due().await,
        }
    }

    /// Something was done that may change what is due.
    pub fn due_changed(&self) {
        self.board.changes.fetch_add(1, Ordering::AcqRel);
        self.board.wake.notify_one();
    }

    async fn read_due(&self) -> Result<Arc<DueNow>, Fault> {
        let board = &self.board;
        let changes = board.changes.load(Ordering::Acquire);
        let now = self.clock.now();
        let rows = due(&*self.store, self.config.unnotified_before, now).await?;
        let due = Arc::new(DueNow { at: now, rows });
        *board.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(Kept {
            due: due.clone(),
            made: Instant::now(),
            changes,
        });
        Ok(due)
    }
}

/// Keeps it up to date for as long as somebody looks, until the server ends.
pub async fn keep(site: Arc<Site>) {
    let mut pause = PAUSE;
    loop {
        tokio::select! {
            () = site.shutdown.cancelled() => return,
            () = site.board.wake.notified() => {}
            () = tokio::time::sleep(pause), if site.board.is_watched() => {}
        }
        if !site.board.is_watched() {
            continue;
        }
        let _making = site.board.making.lock().await;
        let begun = Instant::now();
        // The log has it; the page that asks next tries again, and says so.
        let _ = site.read_due().await;
        pause = PAUSE.max(begun.elapsed() * SHARE);
    }
}
