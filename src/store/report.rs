//! What mail systems report about notices, and what comes of it.

use jiff::Timestamp;

use crate::model::{BounceRecipient, InboundId, NoticeId, NoticeState};

/// How far a notice is, as far as a report about it needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The environment of its domains.
    pub environment: crate::model::Environment,
    /// A-label of its first domain.
    pub ace: Option<String>,
    /// How far it got on our side.
    pub state: NoticeState,
    /// A mail system said that it is late.
    pub is_late: bool,
    /// How often sending was tried.
    pub attempts: u32,
}

/// What a report changes about a notice.
#[derive(Clone, Debug)]
pub struct ReportChange {
    /// The notice.
    pub notice: NoticeId,
    /// What it was when it was read; with anything else the report is decided again.
    pub seen: Standing,
    /// What is reported, to be kept beside the notice.
    pub recipients: Vec<BounceRecipient>,
    /// What becomes of the notice.
    pub effect: ReportEffect,
    /// The same as a sentence.
    pub summary: String,
}

/// What becomes of a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportEffect {
    /// Nothing.
    None,
    /// It is late.
    Late,
    /// It was late, and has arrived.
    Arrived,
    /// It came back: whom its cases are told next is thought of anew.
    Bounced,
}

/// One line of a report that was kept.
#[derive(Clone, Debug)]
pub struct Report {
    /// The notice it is about.
    pub notice: NoticeId,
    /// The message it came in.
    pub message: InboundId,
    /// When that came.
    pub at: Timestamp,
    /// What is said.
    pub recipient: BounceRecipient,
}
