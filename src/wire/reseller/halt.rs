//! What stops a whole account, not just one command.

use super::line::CallError;
use crate::model::RetryClass;

/// Why nothing more can be asked for now. Nothing of it quotes a command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Halt {
    /// The way: later there may be one.
    #[error("{0}")]
    Way(String),
    /// The account is locked for some minutes (R1).
    #[error("{0}")]
    Locked(String),
    /// Only a person can help (R2).
    #[error("{0}")]
    Refused(String),
}

impl Halt {
    /// Does an answer stop the account?
    pub fn of(code: u16, text: &str) -> Option<Self> {
        let said = || format!("CentralNic Reseller says {code} {text}");
        match RetryClass::of(Some(code), true) {
            Some(RetryClass::SlowDown) => Some(Halt::Locked(said())),
            Some(RetryClass::Operator) => Some(Halt::Refused(said())),
            Some(RetryClass::Again | RetryClass::Final | RetryClass::Unknown) | None => None,
        }
    }
}

impl From<CallError> for Halt {
    fn from(error: CallError) -> Self {
        match &error {
            CallError::NotSent(_) | CallError::Unknown(_) => Halt::Way(error.to_string()),
            CallError::Login { code, text } => {
                Halt::of(*code, text).unwrap_or_else(|| Halt::Way(error.to_string()))
            }
        }
    }
}
