//! What the operator decided once and for all, and the steps that go by it.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::decide::decide;
use super::read::{Reader, Reading, read};
use super::tell::Telling;
use crate::authenticate::Policy;
use crate::store::{Change, Claimed, World};

/// What the operator decided once and for all.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Whom to trust.
    pub policy: Policy,
    /// Domains nobody imported are created instead of held.
    pub creates_unknown: bool,
    /// How long a message waits for DNS before it is held.
    pub retry_for: SignedDuration,
    /// How customers are told.
    pub telling: Telling,
    /// The name servers of domains that the reseller has suspended, in lower case (CV-24).
    pub interrupt: BTreeSet<String>,
    /// What is done with a message.
    pub steps: Steps,
}

/// The two steps that see a stranger's text, as values: a test puts in ones that break, to show what
/// becomes of the server then. The program itself knows only [`Steps::default`].
#[derive(Clone, Copy, Debug)]
pub struct Steps {
    /// Bytes to a reading.
    pub read: Reader,
    /// A reading to a change.
    pub decide: Decider,
}

impl Default for Steps {
    fn default() -> Self {
        Steps { read, decide }
    }
}

/// What decides about a message. The world is carried along: the next message sees what this one did.
pub type Decider = fn(&Rules, &mut World, &Claimed, &Reading, Timestamp) -> Change;
