//! Codes that confirm a mail address, from the visitor's side.

use async_trait::async_trait;
use jiff::Timestamp;

use super::StoreError;
use crate::model::{CommandState, Environment, NoticeId, ResellerCommandId, TriggerCode};

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

    /// How far these commands are.
    async fn confirmation_states(
        &self,
        ids: &[ResellerCommandId],
    ) -> Result<Vec<ConfirmationState>, StoreError>;
}
