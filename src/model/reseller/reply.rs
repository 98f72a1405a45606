//! The answers of the reseller's API (`centralnic.md` 3).

use std::collections::BTreeMap;

/// An answer of the API, whole and well formed.
#[derive(Clone, Debug, PartialEq)]
pub struct ResellerReply {
    /// Three digits (`centralnic.md` 4).
    pub code: u16,
    /// The fixed text, and behind `;` what is special about this answer.
    pub description: String,
    /// Seconds.
    pub runtime: Option<f64>,
    /// Seconds.
    pub queuetime: Option<f64>,
    properties: BTreeMap<String, Vec<String>>,
}

/// What the first digit of a code says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyOutcome {
    /// 2xx: done.
    Success,
    /// 4xx: not done, and may be later.
    Temporary,
    /// 5xx: not done.
    Permanent,
}

/// The bytes are no whole answer: as good as none. A sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ReplyError(pub String);
