//! What the registry and we say about a domain in one word.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The registry's status of a domain (`denic.md` 5.1). Unknown values are kept as text.
///
/// The order is by how much is at stake; it decides between two statuses of the same instant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum RegistryStatus {
    /// Not registered.
    Free,
    /// Registered and in the zone.
    Connect,
    /// Being assessed, not in the zone.
    PendingCreate,
    /// Registered, name servers not accepted, not in the zone.
    Failed,
    /// Taken out of the zone until the holder is verified.
    ServerHold,
    /// Deleted, can be restored.
    RedemptionPeriod,
    /// A status this version does not know.
    Other(String),
}

impl RegistryStatus {
    /// The registry's word for it.
    pub fn as_str(&self) -> &str {
        match self {
            RegistryStatus::Free => "free",
            RegistryStatus::Connect => "connect",
            RegistryStatus::PendingCreate => "pendingCreate",
            RegistryStatus::Failed => "failed",
            RegistryStatus::ServerHold => "serverHold",
            RegistryStatus::RedemptionPeriod => "redemptionPeriod",
            RegistryStatus::Other(word) => word,
        }
    }
}

impl From<&str> for RegistryStatus {
    fn from(word: &str) -> Self {
        let word = word.trim();
        [
            RegistryStatus::Free,
            RegistryStatus::Connect,
            RegistryStatus::PendingCreate,
            RegistryStatus::Failed,
            RegistryStatus::ServerHold,
            RegistryStatus::RedemptionPeriod,
        ]
        .into_iter()
        .find(|known| known.as_str().eq_ignore_ascii_case(word))
        .unwrap_or_else(|| RegistryStatus::Other(word.to_owned()))
    }
}

impl From<String> for RegistryStatus {
    fn from(word: String) -> Self {
        RegistryStatus::from(word.as_str())
    }
}

impl From<RegistryStatus> for String {
    fn from(status: RegistryStatus) -> String {
        status.as_str().to_owned()
    }
}

impl fmt::Display for RegistryStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Where a domain stands in our own books (`hspcomplete.md` 1.1; design, section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lifecycle {
    /// Known by name only.
    None,
    /// Ordered, waiting for payment.
    Ordered,
    /// A registration was asked for.
    Registering,
    /// A transfer to us was asked for.
    Transferring,
    /// The registry confirmed it.
    Registered,
    /// A request had errors.
    Error,
    /// Gone for good.
    Deleted,
    /// With another provider.
    Moved,
    /// Handed back to the registry.
    Transit,
}

impl Lifecycle {
    /// Every value, in order.
    pub const ALL: [Lifecycle; 9] = [
        Lifecycle::None,
        Lifecycle::Ordered,
        Lifecycle::Registering,
        Lifecycle::Transferring,
        Lifecycle::Registered,
        Lifecycle::Error,
        Lifecycle::Deleted,
        Lifecycle::Moved,
        Lifecycle::Transit,
    ];

    /// The word used in JSON, in the database and in imports.
    pub fn as_str(self) -> &'static str {
        match self {
            Lifecycle::None => "none",
            Lifecycle::Ordered => "ordered",
            Lifecycle::Registering => "registering",
            Lifecycle::Transferring => "transferring",
            Lifecycle::Registered => "registered",
            Lifecycle::Error => "error",
            Lifecycle::Deleted => "deleted",
            Lifecycle::Moved => "moved",
            Lifecycle::Transit => "transit",
        }
    }

    /// The lifecycle of that name, if there is one.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == word)
    }
}

impl fmt::Display for Lifecycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
