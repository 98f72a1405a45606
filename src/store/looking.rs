//! Looking into large tables a page at a time, newest first.

use async_trait::async_trait;
use jiff::Timestamp;

use super::{Alarm, LogEntry, StoreError};
use crate::model::InboundId;

/// What a message is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageField {
    /// A-label of the domain.
    Domain,
    /// The verdict's word; `deferred` is what is not decided.
    Verdict,
    /// Name of the route.
    Route,
    /// `live` or `test`.
    Environment,
    /// The source's word.
    Source,
    /// Kind of event.
    Kind,
    /// A reason code.
    Reason,
    /// Postfix's queue id.
    Queue,
    /// A part of its names: domain, Message-ID, queue id, digest, envelope sender.
    Text,
}

/// One thing that a message must be, or must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageTerm {
    /// What is looked at.
    pub field: MessageField,
    /// What it is to be.
    pub value: String,
    /// It must not be.
    pub is_not: bool,
}

/// Which messages, and from where on.
#[derive(Clone, Debug, Default)]
pub struct MessageQuery {
    /// All of these.
    pub terms: Vec<MessageTerm>,
    /// Received at or after.
    pub since: Option<Timestamp>,
    /// Received before.
    pub until: Option<Timestamp>,
    /// Older than this place.
    pub below: Option<MessagePlace>,
    /// At most so many.
    pub limit: u32,
}

/// A place in the order of arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessagePlace {
    /// When it was received.
    pub at: Timestamp,
    /// Its number.
    pub id: InboundId,
}

/// Messages, newest first.
#[derive(Clone, Debug, Default)]
pub struct MessagePage {
    /// The messages.
    pub entries: Vec<LogEntry>,
    /// There may be older ones below this place.
    pub below: Option<MessagePlace>,
    /// It was looked so far back and no further: what is older was not looked at.
    pub looked_back_to: Option<Timestamp>,
}

/// Looking into large tables a page at a time: no question goes through all of one.
#[async_trait]
pub trait Looking: Send + Sync {
    /// Messages, newest first.
    async fn messages(&self, query: &MessageQuery) -> Result<MessagePage, StoreError>;

    /// The newest alarms that stand, newest first; at most so many.
    async fn newest_alarms(&self, limit: u32) -> Result<Vec<Alarm>, StoreError>;

    /// Telephone calls to be made.
    async fn open_calls(&self) -> Result<u64, StoreError>;

    /// A text that is another one once something has changed that people look at.
    async fn mark(&self) -> Result<String, StoreError>;
}
