//! The registry's message queue (`denic.md` 3.1): read the oldest, keep it, and only then delete it.
//!
//! A crash between keeping and deleting reads the same message once more; it is kept twice and acted
//! upon once. What is kept is judged by `process` like all else; a message that cannot be understood
//! is held there, with its bytes, so that it need not block the queue.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::model::{Envelope, Environment, Inbound, Source, sha256_hex};
use crate::store::{Sealed, Store, StoreError};
use crate::wire::rri::RriError;
use crate::wire::{Element, Format, ReplyHead, RriSession, VERSION};

/// Somebody else reads the same queue, or it stands still: after so many deletes in vain it is left
/// alone for a while.
const DELETES_MAX: u32 = 3;

/// What answers requests: a session of RRI.
#[async_trait]
pub trait Queue: Send {
    /// Sends one request and reads its reply.
    async fn ask(&mut self, request: &str) -> Result<String, RriError>;

    /// What it speaks.
    fn format(&self) -> Format;
}

#[async_trait]
impl Queue for RriSession {
    async fn ask(&mut self, request: &str) -> Result<String, RriError> {
        RriSession::ask(self, request).await
    }

    fn format(&self) -> Format {
        RriSession::format(self)
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
    let format = queue.format();
    loop {
        let reply = queue.ask(&read_request(format)).await?;
        let head = ReplyHead::read(&reply);
        if !head.is_success() {
            return Err(QueueError::Refused(format!(
                "the queue cannot be read: {}",
                head.first_error()
            )));
        }
        let Some(msgid) = head.msgid else {
            // In XML an empty queue is told by nothing at all.
            let is_empty = head.msgcnt.is_none_or(|count| count == "0");
            if is_empty && head.msgtype.is_none() {
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
        let delete = delete_request(format, &msgid, head.msgtype.as_deref());
        let head = ReplyHead::read(&queue.ask(&delete).await?);
        if head.is_success() {
            drained.count += 1;
            in_vain = 0;
            continue;
        }
        // It is not the oldest any more: somebody else deleted it, or another reader is at work.
        in_vain += 1;
        if in_vain == DELETES_MAX {
            return Err(QueueError::Refused(format!(
                "the oldest message cannot be deleted (does another reader work on this account?): {}",
                head.first_error()
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

fn read_request(format: Format) -> String {
    match format {
        Format::KeyValue => format!("version: {VERSION}\naction: queue-read\n"),
        Format::Xml => queue_request(Element::new("msg:queue-read")),
    }
}

/// In XML the element is called `delete` (`denic.md` 3.2).
fn delete_request(format: Format, msgid: &str, msgtype: Option<&str>) -> String {
    match format {
        Format::KeyValue => {
            let mut text = format!("version: {VERSION}\naction: queue-delete\nmsgid: {msgid}\n");
            if let Some(msgtype) = msgtype {
                text.push_str(&format!("msgtype: {msgtype}\n"));
            }
            text
        }
        Format::Xml => {
            let delete = Element::new("msg:delete").attribute("msgid", msgid);
            queue_request(match msgtype {
                Some(msgtype) => delete.attribute("msgType", msgtype),
                None => delete,
            })
        }
    }
}

fn queue_request(body: Element) -> String {
    let root = Element::new("registry-request");
    let root = root.binding("", "global").binding("msg", "msg");
    root.child(body).to_document()
}
