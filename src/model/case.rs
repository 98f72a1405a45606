//! Cases: one verification of one domain.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How far a case is (`product.md`, chapter 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CaseState {
    /// Proof is asked for; the domain is in the zone.
    Open,
    /// Proof is asked for; the domain is out of the zone.
    OnHold,
    /// No proof is asked for any more.
    Resolved,
    /// The domain was deleted.
    Deleted,
    /// Another provider looks after it now.
    Moved,
    /// A person closed it.
    Closed,
}

impl CaseState {
    /// Every state.
    pub const ALL: [CaseState; 6] = [
        CaseState::Open,
        CaseState::OnHold,
        CaseState::Resolved,
        CaseState::Deleted,
        CaseState::Moved,
        CaseState::Closed,
    ];

    /// The word used in JSON and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            CaseState::Open => "open",
            CaseState::OnHold => "on-hold",
            CaseState::Resolved => "resolved",
            CaseState::Deleted => "deleted",
            CaseState::Moved => "moved",
            CaseState::Closed => "closed",
        }
    }

    /// The state of that name, if there is one.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == word)
    }

    /// Is there still something to do?
    pub fn is_open(self) -> bool {
        matches!(self, CaseState::Open | CaseState::OnHold)
    }
}

impl fmt::Display for CaseState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
