//! What the rooms need of each other, tied together: routes for the SMTP dialogue, the store for
//! complete messages, templates for the outbox.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::Notify;

use crate::clock::Clock;
use crate::model::{InboundId, Notice, RecipientMatch, Route, RouteParser, Source, mail_source};
use crate::notify::{self, SendWindow, Templates};
use crate::receive::smtp::Admission;
use crate::receive::{KeepBatch, KeepError, Reply};
use crate::send::{Letter, Writer};
use crate::store::{Sealed, Store, StoreError};

/// Decides about recipients by the routes.
pub struct Gate {
    /// The routes that are on.
    pub routes: Vec<Route>,
    /// Refuse senders no route allows, instead of holding their mail.
    pub refuses: bool,
}

impl Admission for Gate {
    fn recipient(&self, mail_from: &str, recipient: &str) -> Result<(), Reply> {
        let mut matching = self
            .routes
            .iter()
            .filter(|route| route.matches(recipient) != RecipientMatch::None)
            .peekable();
        if matching.peek().is_none() {
            return Err(Reply::unknown_recipient());
        }
        // What comes back to a notice may come from anybody: its own address is the proof.
        let allows =
            |route: &Route| route.parser == RouteParser::Dsn || route.allows_envelope(mail_from);
        if self.refuses && !matching.any(allows) {
            return Err(Reply::sender_refused());
        }
        Ok(())
    }

    fn source(&self, recipients: &[String]) -> Source {
        mail_source(&self.routes, recipients)
    }
}

/// Keeps batches in the store, as long as the disk has room.
pub struct Shelf {
    store: Arc<dyn Store>,
    /// Told after every batch.
    kept: Arc<Notify>,
    disk: DiskSpace,
}

impl Shelf {
    /// A shelf in `store`; `kept` is told after every batch.
    pub fn new(store: Arc<dyn Store>, kept: Arc<Notify>, disk: DiskSpace) -> Self {
        Shelf { store, kept, disk }
    }
}

#[async_trait]
impl KeepBatch for Shelf {
    async fn keep(&self, mails: Vec<Sealed>) -> Result<Vec<InboundId>, KeepError> {
        if !self.disk.has_room() {
            return Err(KeepError::Full);
        }
        let kept = self.store.keep(mails).await.map_err(|error| match error {
            StoreError::Full => KeepError::Full,
            other => KeepError::Failed(other.to_string()),
        })?;
        self.kept.notify_one();
        Ok(kept)
    }
}

/// Looks at the free space of the store's disk, at most once a second.
pub struct DiskSpace {
    folder: PathBuf,
    min_free: u64,
    clock: Clock,
    looked_at: AtomicI64,
    has_room: AtomicBool,
}

impl DiskSpace {
    /// Watches the disk that `folder` is on.
    pub fn new(folder: PathBuf, min_free: u64, clock: Clock) -> Self {
        DiskSpace {
            folder,
            min_free,
            clock,
            looked_at: AtomicI64::new(0),
            has_room: AtomicBool::new(true),
        }
    }

    /// The free space. A folder that cannot be looked at is the store's trouble, and it will say so.
    pub fn free_bytes(&self) -> Option<u64> {
        rustix::fs::statvfs(&self.folder)
            .ok()
            .map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize))
    }

    /// Is there more free space than the operator wants to keep?
    pub fn has_room(&self) -> bool {
        let now = self.clock.now().as_second();
        if self.looked_at.swap(now, Ordering::Relaxed) != now {
            let has_room = self.free_bytes().is_none_or(|free| free >= self.min_free);
            if self.has_room.swap(has_room, Ordering::Relaxed) && !has_room {
                tracing::error!("less than {} bytes free; mail gets 452", self.min_free);
            }
        }
        self.has_room.load(Ordering::Relaxed)
    }
}

/// Writes notices with the operator's settings and texts.
pub struct Desk {
    /// Sender, telephone number and so on.
    pub settings: notify::Settings,
    /// The texts.
    pub templates: Templates,
    /// The hours at which reminders leave.
    pub window: SendWindow,
}

impl Writer for Desk {
    fn write(&self, notice: &Notice) -> Result<Letter, String> {
        let rendered = notify::render(notice, &self.settings, &self.templates)
            .map_err(|error| error.to_string())?;
        Ok(Letter {
            envelope_from: rendered.envelope_from,
            envelope_to: rendered.envelope_to,
            message: rendered.message,
            envelope_id: notice.id.to_string(),
        })
    }

    fn waits_until(&self, notice: &Notice, now: Timestamp) -> Option<Timestamp> {
        notify::waits_until(notice, self.window, now)
    }
}
