//! Where a complete message goes.

use async_trait::async_trait;

use crate::model::{Inbound, InboundId};

/// Takes complete messages into keeping.
#[async_trait]
pub trait Inbox: Send + Sync {
    /// Keeps one message and returns its number. When this returns `Ok`, the message is durable.
    ///
    /// The caller may stop waiting; the message may be kept all the same, and comes again from a
    /// sender that got no answer.
    async fn keep(&self, mail: Inbound) -> Result<InboundId, KeepError>;
}

/// The message was not kept; the sender still has it and tries again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeepError {
    /// No room left on the disk, or too little to go on.
    #[error("no room to keep messages")]
    Full,
    /// The store could not do it; the text is for the log.
    #[error("message not kept: {0}")]
    Failed(String),
}
