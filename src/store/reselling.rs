//! The outbox of commands to CentralNic Reseller.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use super::{Alarm, AuditEntry, Sealed, StoreError};
use crate::model::{
    CommandState, DomainName, Environment, InboundId, ResellerCommand, ResellerCommandId,
    ResellerRequest,
};

/// How a try of a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandReply {
    /// How far the command is now.
    pub state: CommandState,
    /// When it may be tried again, or its state is to be read back.
    pub due_at: Timestamp,
    /// The answer's code; `None`: there was no answer.
    pub code: Option<u16>,
    /// The answer's text, or why there was none; no secret in it.
    pub text: String,
}

/// A filter for commands; empty fields do not filter.
#[derive(Clone, Debug, Default)]
pub struct CommandFilter {
    /// One command.
    pub id: Option<ResellerCommandId>,
    /// Of this environment.
    pub environment: Option<Environment>,
    /// In this state.
    pub state: Option<CommandState>,
    /// Only the newest so many.
    pub newest: Option<u32>,
}

/// The outbox of commands to CentralNic Reseller.
#[async_trait]
pub trait Reselling: Send + Sync {
    /// Puts commands into the outbox, due at `due_at`; one that is queued already stays as it is, and
    /// is due no later. One that needs a second person waits for that. The numbers are those of the
    /// commands in the outbox.
    async fn queue_commands(
        &self,
        environment: Environment,
        commands: &[ResellerCommand],
        due_at: Timestamp,
        audit: &AuditEntry,
    ) -> Result<Vec<ResellerCommandId>, StoreError>;

    /// Takes up to `limit` commands that are due at `now`, those that confirm an address first, then
    /// oldest first, and hides them until `now + lease`.
    async fn claim_commands(
        &self,
        environment: Environment,
        now: Timestamp,
        limit: u32,
        lease: Duration,
    ) -> Result<Vec<ResellerRequest>, StoreError>;

    /// Makes every command claimable at once: for the one sender of the database, at start.
    async fn forget_command_leases(&self) -> Result<(), StoreError>;

    /// Before a changing command is handed over: from now on its outcome is not known. False: it was
    /// taken back meanwhile.
    async fn begin_command(
        &self,
        id: ResellerCommandId,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Writes down how a try ended, and keeps the answer, if there is one, as a message of its own: in
    /// one transaction.
    async fn settle_command(
        &self,
        id: ResellerCommandId,
        reply: &CommandReply,
        answer: Option<&Sealed>,
        alarm: Option<&Alarm>,
        now: Timestamp,
    ) -> Result<Option<InboundId>, StoreError>;

    /// Commands, oldest first.
    async fn commands(&self, filter: &CommandFilter) -> Result<Vec<ResellerRequest>, StoreError>;

    /// Lets a waiting command go, or takes one back that was not begun. False: it is too late.
    async fn decide_command(
        &self,
        id: ResellerCommandId,
        is_confirmed: bool,
        audit: &AuditEntry,
    ) -> Result<bool, StoreError>;

    /// The domains of an environment whose clock runs, or that are suspended, as far as is known.
    async fn reseller_clocks(
        &self,
        environment: Environment,
    ) -> Result<Vec<DomainName>, StoreError>;

    /// Queues what is due to be asked about domains; how many commands that were.
    async fn queue_due_looks(
        &self,
        environment: Environment,
        now: Timestamp,
    ) -> Result<u64, StoreError>;
}
