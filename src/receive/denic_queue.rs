//! The registry's message queue (`denic.md` 3.1): read the oldest, keep it, and only then delete it.
//!
//! A crash between keeping and deleting reads the same message once more; it is kept twice and acted
//! upon once. A message that cannot be read is kept, told of, and left where it is unless the
//! configuration says otherwise; reading by type gets around it.

use std::collections::BTreeSet;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::model::{Envelope, Environment, Inbound, Source, reason, sha256_hex};
use crate::store::{Alarm, Sealed, Store, StoreError};
use crate::wire::rri::RriError;
use crate::wire::{Format, ReplyHead, RriSession, queue_delete, queue_read};

/// Somebody else reads the same queue, or it stands still: after so many deletes in vain it is left
/// alone for a while.
const DELETES_MAX: u32 = 3;

/// The types that are known (`denic.md` 3.4): what is not read past a message that cannot be read is
/// of the same type as that.
const TYPES: [&str; 11] = [
    "domainStatusUpdate",
    "contactVerificationRequired",
    "expireWarning",
    "expire",
    "domainDelete",
    "chprovAuthInfo",
    "contactUpdate",
    "contactDelete",
    "authInfoExpire",
    "authInfo2Notify",
    "authInfo2Delete",
];

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

/// What a queue is read with.
pub struct QueueReader<'a> {
    /// Keeps the messages.
    pub store: &'a dyn Store,
    /// Whose queue.
    pub environment: Environment,
    /// How requests are written.
    pub format: Format,
    /// Can this be understood, a type that is not known included?
    pub is_readable: &'a (dyn Fn(&[u8]) -> bool + Send + Sync),
    /// What cannot be read is deleted once it is kept.
    pub deletes_unreadable: bool,
    /// Messages to take at most, so that other work has its turn.
    pub limit: usize,
    /// The present instant.
    pub now: &'a (dyn Fn() -> Timestamp + Send + Sync),
}

/// What stands in a queue and cannot be read: its msgid, or its digest where it has none. Kept
/// already.
pub type Stuck = BTreeSet<String>;

/// What came of one look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Messages kept and deleted.
    pub count: usize,
    /// There may be more.
    pub is_more: bool,
}

/// What was just deleted, or was to be.
#[derive(Default)]
struct Trail {
    last: Option<String>,
    in_vain: u32,
}

enum Step {
    Empty,
    Deleted,
    Blocked,
}

/// Empties the queue, up to the reader's limit. `stuck` remembers what it could not read.
pub async fn drain(
    reader: &QueueReader<'_>,
    queue: &mut dyn Queue,
    stuck: &mut Stuck,
) -> Result<Drained, QueueError> {
    let mut taken = 0;
    let mut blocked = Stuck::new();
    let kinds = std::iter::once(None).chain(TYPES.iter().map(|kind| Some(*kind)));
    for kind in kinds {
        let mut trail = Trail::default();
        loop {
            if taken >= reader.limit {
                return Ok(Drained {
                    count: taken,
                    is_more: true,
                });
            }
            match next(reader, queue, kind, stuck, &mut blocked, &mut trail).await? {
                Step::Deleted => taken += 1,
                Step::Blocked | Step::Empty => break,
            }
        }
        // Only where something cannot be read, the other types are looked for one by one.
        if blocked.is_empty() {
            break;
        }
    }
    if blocked.is_empty() && !stuck.is_empty() {
        let key = stuck_key(reader.environment);
        reader.store.clear_alarm(&key, (reader.now)()).await?;
    }
    *stuck = blocked;
    Ok(Drained {
        count: taken,
        is_more: false,
    })
}

/// The oldest message, of a type if one is named: kept, and deleted.
async fn next(
    reader: &QueueReader<'_>,
    queue: &mut dyn Queue,
    kind: Option<&str>,
    stuck: &Stuck,
    blocked: &mut Stuck,
    trail: &mut Trail,
) -> Result<Step, QueueError> {
    let reply = queue.ask(&queue_read(reader.format, kind)).await?;
    let head = ReplyHead::read(&reply);
    let is_none = head.msgid.is_none() && head.msgcnt.as_deref().is_none_or(|count| count == "0");
    match (head.result.as_deref(), is_none) {
        (Some("success"), true) => return Ok(Step::Empty),
        (Some("success"), false) => {}
        // Not even its head: it may be any message, and others may be read by their type.
        (None, _) => {
            return unreadable(reader, &reply, None, stuck, blocked).await;
        }
        (Some(_), _) => {
            return Err(QueueError::Refused(format!(
                "the queue cannot be read: {}",
                head.why()
            )));
        }
    }
    let Some(msgid) = &head.msgid else {
        return unreadable(reader, &reply, None, stuck, blocked).await;
    };
    let is_readable = (reader.is_readable)(reply.as_bytes());
    if !is_readable && !reader.deletes_unreadable {
        return unreadable(reader, &reply, Some(msgid), stuck, blocked).await;
    }
    // A message that comes again although its delete was a success is kept already.
    let is_again = trail.last.as_ref() == Some(msgid);
    if !is_again {
        keep(reader, &reply).await?;
    }
    // What was read without a type is the oldest of its type too.
    let delete = queue_delete(reader.format, msgid, head.msgtype.as_deref().or(kind));
    let answer = ReplyHead::read(&queue.ask(&delete).await?);
    if answer.is_success() && !is_again {
        trail.in_vain = 0;
        trail.last = Some(msgid.clone());
        return Ok(Step::Deleted);
    }
    // It is not the oldest any more: somebody else deleted it, or another reader is at work.
    trail.in_vain += 1;
    trail.last = Some(msgid.clone());
    if trail.in_vain == DELETES_MAX {
        return Err(QueueError::Refused(format!(
            "the oldest message cannot be deleted (does another reader work on this account?): {}",
            answer.why()
        )));
    }
    Ok(Step::Deleted)
}

/// Kept once, told of, and left where it is.
async fn unreadable(
    reader: &QueueReader<'_>,
    reply: &str,
    msgid: Option<&String>,
    stuck: &Stuck,
    blocked: &mut Stuck,
) -> Result<Step, QueueError> {
    let id = msgid
        .cloned()
        .unwrap_or_else(|| sha256_hex(reply.as_bytes()));
    let is_new = !stuck.contains(&id) && !blocked.contains(&id);
    blocked.insert(id);
    if !is_new {
        return Ok(Step::Blocked);
    }
    keep(reader, reply).await?;
    let environment = reader.environment;
    let which = msgid.map_or("without a msgid".to_owned(), |id| format!("`{id}`"));
    let text = format!(
        "a message {which} in the {environment} queue cannot be read; it is kept here and left \
         there, and others of its type wait behind it"
    );
    tracing::error!("{text}");
    let alarm = Alarm {
        key: stuck_key(environment),
        code: reason::QUEUE_STUCK,
        environment: Some(environment),
        ace: None,
        message: None,
        text,
        raised_at: (reader.now)(),
    };
    reader.store.raise(&[alarm]).await?;
    Ok(Step::Blocked)
}

fn stuck_key(environment: Environment) -> String {
    format!("queue:{environment}:stuck")
}

async fn keep(reader: &QueueReader<'_>, reply: &str) -> Result<(), StoreError> {
    let inbound = Inbound {
        source: Source::DenicQueue,
        received_at: (reader.now)(),
        envelope: Envelope::default(),
        environment: Some(reader.environment),
        raw: reply.as_bytes().to_vec(),
    };
    reader.store.keep(vec![Sealed::new(inbound)?]).await?;
    Ok(())
}
