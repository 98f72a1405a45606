//! Codes that confirm a mail address, from the visitor's side.

use async_trait::async_trait;
use jiff::Timestamp;

use super::{AuditEntry, StoreError};
use crate::model::{
    CommandState, Environment, InboundId, NoticeId, ResellerCommandId, ResellerHandle, TriggerCode,
};

/// What a visitor brings.
#[derive(Clone, PartialEq, Eq)]
pub enum VisitorCode {
    /// The code of the reseller's system.
    Trigger(TriggerCode),
    /// The code of a notice of ours, such as `K7QF-2M9X`, which stands for the codes of the addresses
    /// of its domains.
    Notice(String),
}

impl std::fmt::Debug for VisitorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("VisitorCode(…)")
    }
}

/// What became of a visitor's wish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Confirmation {
    /// The address was confirmed before.
    Already,
    /// It is being confirmed: these commands are under way.
    Asked(Vec<ResellerCommandId>),
    /// A notice's code that stands for nothing.
    Unknown,
    /// Too many codes that nobody knows wait already.
    TooMany,
}

/// What is known of a code; for the page before the button is pressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeFound {
    /// The address that it confirms.
    pub address: Option<String>,
    /// It was confirmed before.
    pub is_confirmed: bool,
    /// The notice that it belongs to, where it is a notice's code.
    pub notice: Option<NoticeId>,
}

/// How far commands are that confirm an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfirmationState {
    /// The command.
    pub id: ResellerCommandId,
    /// How far it is.
    pub state: CommandState,
    /// The answer's code, if there was an answer.
    pub code: Option<u16>,
}

/// A code that is not used yet, and the command that uses it, if one does; for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingConfirmation {
    /// Live or test.
    pub environment: Environment,
    /// The contact, where it is known.
    pub handle: Option<ResellerHandle>,
    /// The address, where it is known.
    pub address: Option<String>,
    /// When the code came, or was asked about.
    pub received_at: Timestamp,
    /// The last command that is to confirm it; `None`: its owner has not been there.
    pub command: Option<PendingCommand>,
}

/// How far the command of a code is that is not used yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingCommand {
    /// The command.
    pub id: ResellerCommandId,
    /// How far it is.
    pub state: CommandState,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it is tried next.
    pub due_at: Timestamp,
    /// Tries so far.
    pub attempts: u32,
    /// The answer's code, if there was an answer.
    pub code: Option<u16>,
    /// The answer's text, or why there was none.
    pub last_reply: Option<String>,
}

/// Codes that confirm a mail address.
#[async_trait]
pub trait Confirming: Send + Sync {
    /// What is known of a code. `None`: nothing.
    async fn look_up_code(
        &self,
        environment: Environment,
        code: &VisitorCode,
    ) -> Result<Option<CodeFound>, StoreError>;

    /// Queues the confirmation; the same code again joins what is queued. A code that nobody knows is
    /// asked about too, for its event may be late, but no more than `unknown_max` of them wait.
    async fn ask_confirmation(
        &self,
        environment: Environment,
        code: &VisitorCode,
        unknown_max: u32,
        now: Timestamp,
    ) -> Result<Confirmation, StoreError>;

    /// Deletes codes that are used, or were received before `before`, together with the raw bytes of
    /// the messages that carried them; their digests stay. How many codes those were.
    async fn forget_codes(&self, before: Timestamp) -> Result<u64, StoreError>;

    /// Does this message carry a code that is not deleted yet?
    async fn carries_code(&self, message: InboundId) -> Result<bool, StoreError>;

    /// How far these commands are.
    async fn confirmation_states(
        &self,
        ids: &[ResellerCommandId],
    ) -> Result<Vec<ConfirmationState>, StoreError>;

    /// Every code that is not used yet, oldest first.
    async fn pending_confirmations(&self) -> Result<Vec<PendingConfirmation>, StoreError>;

    /// Has the confirmation with that number, or every one that failed, tried at once: what waits or
    /// has no known outcome is due now, what failed is asked anew under a new number. The numbers
    /// before and after; none: there is no such confirmation, or it is done.
    async fn retry_confirmations(
        &self,
        id: Option<ResellerCommandId>,
        audit: &AuditEntry,
    ) -> Result<Vec<(ResellerCommandId, ResellerCommandId)>, StoreError>;
}
