//! What is asked of the reseller's system (`centralnic.md` 5), and how far that is.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::{DomainName, Environment, InboundId};
use super::{ResellerHandle, TriggerCode};

super::super::id::numbered!(
    /// A command to the reseller's system, such as `X-7`.
    ResellerCommandId, "X-", "a command, such as `X-7`"
);

/// A command that others than the operator ask for, written into the store for `stichtag-send`.
///
/// It is stored without its secret: a trigger code stands in a table of its own, which retention
/// empties.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "command", rename_all_fields = "snake_case")]
pub enum ResellerCommand {
    /// Reads the state of a domain.
    StatusDomain {
        /// The domain.
        domain: DomainName,
    },
    /// Reads the state of a contact.
    StatusContact {
        /// The contact.
        contact: ResellerHandle,
    },
    /// Confirms a mail address (CV-15).
    ActivateContact {
        /// The row of the code.
        code: i64,
    },
    /// Has the verification mail, and its event, sent once more.
    ResendNotification {
        /// The address.
        address: String,
    },
    /// Frees a suspended domain whose owner is verified (CV-12).
    ReleaseDomain {
        /// The domain.
        domain: DomainName,
    },
    /// Reports results of a verification of a .de holder (`centralnic.md` 13).
    ReportVerification {
        /// The contact.
        contact: ResellerHandle,
        /// The results.
        proofs: Vec<ResellerProof>,
        /// The domain that gets a copy of the contact once they are there: the registry hears of them
        /// at once then. `None`: it does with the hourly push.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        clone_for: Option<DomainName>,
    },
    /// Copies a contact: the copy keeps what is verified.
    CloneContact {
        /// The contact.
        contact: ResellerHandle,
        /// The domain that the copy is put on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        for_domain: Option<DomainName>,
    },
    /// Puts another contact on a domain as its owner.
    ChangeOwner {
        /// The domain.
        domain: DomainName,
        /// The new owner.
        contact: ResellerHandle,
    },
}

impl ResellerCommand {
    /// The command's name at the reseller.
    pub fn name(&self) -> &'static str {
        match self {
            ResellerCommand::StatusDomain { .. } => "StatusDomain",
            ResellerCommand::StatusContact { .. } => "StatusContact",
            ResellerCommand::ActivateContact { .. } => "ActivateContact",
            ResellerCommand::ResendNotification { .. } => "ResendNotification",
            ResellerCommand::ReleaseDomain { .. } | ResellerCommand::ChangeOwner { .. } => {
                "ModifyDomain"
            }
            ResellerCommand::ReportVerification { .. } => "ModifyContact",
            ResellerCommand::CloneContact { .. } => "CloneContact",
        }
    }

    /// The domain that it is about.
    pub fn domain(&self) -> Option<&DomainName> {
        match self {
            ResellerCommand::StatusDomain { domain }
            | ResellerCommand::ReleaseDomain { domain }
            | ResellerCommand::ChangeOwner { domain, .. } => Some(domain),
            ResellerCommand::ReportVerification { clone_for, .. } => clone_for.as_ref(),
            ResellerCommand::CloneContact { for_domain, .. } => for_domain.as_ref(),
            ResellerCommand::StatusContact { .. }
            | ResellerCommand::ActivateContact { .. }
            | ResellerCommand::ResendNotification { .. } => None,
        }
    }

    /// The contact that it is about; of an owner change the new one.
    pub fn contact(&self) -> Option<&ResellerHandle> {
        match self {
            ResellerCommand::StatusContact { contact }
            | ResellerCommand::ReportVerification { contact, .. }
            | ResellerCommand::CloneContact { contact, .. }
            | ResellerCommand::ChangeOwner { contact, .. } => Some(contact),
            ResellerCommand::StatusDomain { .. }
            | ResellerCommand::ActivateContact { .. }
            | ResellerCommand::ResendNotification { .. }
            | ResellerCommand::ReleaseDomain { .. } => None,
        }
    }

    /// Does a second person have to agree? A verification that failed always costs the domain its
    /// place in the zone (`centralnic.md` 13).
    pub fn needs_second_person(&self) -> bool {
        match self {
            ResellerCommand::ReportVerification { proofs, .. } => {
                proofs.iter().any(|proof| !proof.is_success)
            }
            _ => false,
        }
    }

    /// Does it leave everything as it is? Then a second try does no harm.
    pub fn is_reading(&self) -> bool {
        matches!(
            self,
            ResellerCommand::StatusDomain { .. } | ResellerCommand::StatusContact { .. }
        )
    }
}

/// One result of a verification, one index of `X-VERIFICATION-*`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ResellerProof {
    /// `DATA`: `email`, `phone`, `name` or `address`.
    pub data: String,
    /// `RESULT`: was it proven?
    pub is_success: bool,
    /// `TIMESTAMP`.
    pub at: Timestamp,
    /// `TRUSTFRAMEWORK`.
    pub trust_framework: Option<String>,
    /// `METHOD`.
    pub method: Option<String>,
    /// `REFERENCE`.
    pub reference: Option<String>,
    /// `EVIDENCE`.
    pub evidence: Option<String>,
}

/// How far a command is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CommandState {
    /// Waits for a second person.
    Waiting,
    /// In the outbox, due at its time.
    Queued,
    /// Under way, or its outcome is not known: the state is read before any second try (R4).
    Sent,
    /// Answered with success.
    Done,
    /// Answered with a no, or given up.
    Failed,
}

impl CommandState {
    /// Every value.
    pub const ALL: [CommandState; 5] = [
        CommandState::Waiting,
        CommandState::Queued,
        CommandState::Sent,
        CommandState::Done,
        CommandState::Failed,
    ];

    /// The word used in JSON and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            CommandState::Waiting => "waiting",
            CommandState::Queued => "queued",
            CommandState::Sent => "sent",
            CommandState::Done => "done",
            CommandState::Failed => "failed",
        }
    }

    /// The state of that name, if there is one.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == word)
    }
}

impl fmt::Display for CommandState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A command in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResellerRequest {
    /// Its number.
    pub id: ResellerCommandId,
    /// Live or test.
    pub environment: Environment,
    /// The command.
    pub command: ResellerCommand,
    /// The code of an `ActivateContact`; `None`: of another command, or deleted.
    pub trigger: Option<TriggerCode>,
    /// Who asked for it, as the audit trail names people; a case, or the program itself.
    pub asked_by: String,
    /// How far it is.
    pub state: CommandState,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it may be tried next.
    pub due_at: Timestamp,
    /// Tries so far, with the present one.
    pub attempts: u32,
    /// The code of the last answer.
    pub code: Option<u16>,
    /// The text of the last answer, or why there was none.
    pub last_reply: Option<String>,
    /// The kept answer.
    pub message: Option<InboundId>,
}
