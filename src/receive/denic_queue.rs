//! The registry's message queue (`denic.md` 3.1): read the oldest, keep it, and only then delete it.
//!
//! A crash between keeping and deleting reads the same message once more; it is kept twice and acted
//! upon once. What is kept is judged by `process` like all else; a message that cannot be understood
//! is held there, with its bytes, so that it need not block the queue.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::model::{Envelope, Environment, Inbound, Source, sha256_hex};
use crate::store::{Sealed, Store, StoreError};
use crate::wire::rri::{RriError, field_of, result_of};
use crate::wire::{RriSession, VERSION};

/// Somebody else reads the same queue, or it stands still: after so many deletes in vain it is left
/// alone for a while.
const DELETES_MAX: u32 = 3;

/// What answers requests: a session of RRI.
#[async_trait]
pub trait Queue: Send {
    /// Sends one request and reads its reply.
    async fn ask(&mut self, request: &str) -> Result<String, RriError>;
}

#[async_trait]
impl Queue for RriSession {
    async fn ask(&mut self, request: &str) -> Result<String, RriError> {
        RriSession::ask(self, request).await
    }
}

/// Why the queue could not be emptied.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The way to the registry. Whatever was not kept is still there.
    #[error(transparent)]
    Rri(#[from] RriError),
    /// Nothing was deleted that was not kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The registry says no.
    #[error("{0}")]
    Refused(String),
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// Messages kept and deleted.
    pub count: usize,
    /// The digest of a reply that has no readable `msgid`, and so cannot be deleted: kept once, it
    /// stands in front of all others.
    pub stuck: Option<String>,
}

/// Empties the queue. `stuck` is what stood in front of it the last time.
pub async fn drain(
    store: &dyn Store,
    queue: &mut dyn Queue,
    environment: Environment,
    stuck: Option<&str>,
    now: &(dyn Fn() -> Timestamp + Send + Sync),
) -> Result<Drained, QueueError> {
    let mut drained = Drained::default();
    let mut in_vain = 0;
    loop {
        let reply = queue
            .ask(&format!("version: {VERSION}\naction: queue-read\n"))
            .await?;
        if result_of(&reply).as_deref() != Some("success") {
            return Err(QueueError::Refused(format!(
                "the queue cannot be read: {}",
                first_error(&reply)
            )));
        }
        let Some(msgid) = field_of(&reply, "msgid") else {
            if field_of(&reply, "msgcnt").is_none_or(|count| count == "0") {
                return Ok(drained);
            }
            let digest = sha256_hex(reply.as_bytes());
            if stuck != Some(digest.as_str()) {
                keep(store, environment, &reply, now()).await?;
            }
            drained.stuck = Some(digest);
            return Ok(drained);
        };
        keep(store, environment, &reply, now()).await?;
        let mut delete = format!("version: {VERSION}\naction: queue-delete\nmsgid: {msgid}\n");
        if let Some(msgtype) = field_of(&reply, "msgtype") {
            delete.push_str(&format!("msgtype: {msgtype}\n"));
        }
        let reply = queue.ask(&delete).await?;
        if result_of(&reply).as_deref() == Some("success") {
            drained.count += 1;
            in_vain = 0;
            continue;
        }
        // It is not the oldest any more: somebody else deleted it, or another reader is at work.
        in_vain += 1;
        if in_vain == DELETES_MAX {
            return Err(QueueError::Refused(format!(
                "the oldest message cannot be deleted (does another reader work on this account?): {}",
                first_error(&reply)
            )));
        }
    }
}

async fn keep(
    store: &dyn Store,
    environment: Environment,
    reply: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let inbound = Inbound {
        source: Source::DenicQueue,
        received_at: now,
        envelope: Envelope::default(),
        environment: Some(environment),
        raw: reply.as_bytes().to_vec(),
    };
    store.keep(vec![Sealed::new(inbound)?]).await?;
    Ok(())
}

fn first_error(reply: &str) -> &str {
    reply
        .lines()
        .find(|line| line.to_ascii_uppercase().starts_with("ERROR"))
        .unwrap_or("no reason is given")
}
