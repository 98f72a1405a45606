//! What must happen outside because of an event, as data.

use jiff::Timestamp;

use crate::model::{CaseState, Direction, DomainRecord, Due, NoticeKind, Reason};

/// What one event does to one domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The record afterwards. It can differ from the one before although the outcome is
    /// [`Outcome::Unchanged`]: the same fact, confirmed at a later registry time.
    pub record: DomainRecord,
    /// News, no news, or old news.
    pub outcome: Outcome,
    /// What becomes of the domain's case.
    pub case: CaseStep,
    /// In the order in which they are to happen.
    pub effects: Vec<Effect>,
    /// Oddities met on the way.
    pub reasons: Vec<Reason>,
    /// One line for the history: what changed, from what to what.
    pub summary: String,
}

/// Did the event bring news?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It changed what people see.
    Changed,
    /// We knew.
    Unchanged,
    /// It is older than what we know; history only.
    Older,
}

/// What becomes of the domain's open case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaseStep {
    /// Nothing.
    Keep,
    /// A new one begins, in this state.
    Open(CaseState),
    /// The open one goes on with new facts, in this state.
    Move(CaseState),
    /// The open one ends, in this state.
    Close(CaseState),
}

/// Something that must happen outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Tell the domain's customer.
    Tell {
        /// Which text.
        kind: NoticeKind,
        /// The deadlines to name; for [`NoticeKind::Resolved`], [`NoticeKind::Deleted`] and a
        /// [`NoticeKind::Transfer`] away from us those that no longer apply.
        due: Due,
        /// Registry time of the cause.
        at: Timestamp,
        /// `resolved`: it was off the net. `registered`: proof is still asked for.
        flag: bool,
        /// Which way it went; for [`NoticeKind::Transfer`].
        direction: Option<Direction>,
    },
    /// Tell the operator.
    Alarm(Reason),
}
