//! Counts that are kept beside what they count, for charts and metrics.

use async_trait::async_trait;
use jiff::Timestamp;
use jiff::civil::Date;

use super::{MessageVerdict, StoreError};
use crate::model::{Environment, Source};

/// Counts that cost the same however much is kept.
#[async_trait]
pub trait Counting: Send + Sync {
    /// Messages by the day (UTC) they came in, from the day of `since` on, as they are judged today;
    /// oldest day first. What has no verdict yet is deferred.
    async fn message_days(&self, since: Timestamp) -> Result<Vec<DayCount>, StoreError>;

    /// Everything that is counted, for `/metrics`.
    async fn totals(&self) -> Result<Totals, StoreError>;

    /// Open live cases by the kind of their deadlines: dedelegation, deletion, suspension.
    async fn due_counts(&self, ask: &DueAsk) -> Result<[DueCount; 3], StoreError>;

    /// Adds to what is known of how long something takes.
    async fn note_spells(&self, spells: &[Spell]) -> Result<(), StoreError>;

    /// The OpenPGP keys that only the sender can read, in place of those noted before.
    async fn note_keys(&self, keys: &[KeyEnd]) -> Result<(), StoreError>;
}

/// How many messages of a day, an environment and a source have a verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayCount {
    /// The day they came in, UTC.
    pub day: Date,
    /// Live or test; `None`: not known.
    pub environment: Option<Environment>,
    /// The channel.
    pub source: Source,
    /// As they are judged today.
    pub verdict: MessageVerdict,
    /// How many.
    pub count: u64,
}

/// Everything that is counted. Unless it says otherwise, a number only grows.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// Messages by environment (empty: not known), source and verdict. One that is judged otherwise
    /// later counts again.
    pub messages: Vec<([String; 3], u64)>,
    /// Bytes of judged messages, by source.
    pub bytes: Vec<(String, u64)>,
    /// Reasons by code.
    pub reasons: Vec<(String, u64)>,
    /// Notices by kind, first language and what became of them; one can have come to several ends.
    pub notices: Vec<([String; 3], u64)>,
    /// Recipients whose notice came back, by category.
    pub bounces: Vec<(String, u64)>,
    /// Requests to the registry by action and outcome.
    pub requests: Vec<([String; 2], u64)>,
    /// Cases by environment and state, at present.
    pub cases: Vec<([String; 2], u64)>,
    /// When a message was last understood, by environment and source.
    pub heard: Vec<([String; 2], Timestamp)>,
    /// Messages held by environment (empty: not known), at present: how many, and since when the
    /// oldest is here.
    pub held: Vec<(String, u64, Timestamp)>,
    /// The earliest deadline that a held message names by environment (empty: not known), at present.
    pub held_deadlines: Vec<(String, Timestamp)>,
    /// Requests without an answer in due time by environment, at present.
    pub unanswered: Vec<(String, u64)>,
    /// Alarms that stand by code, at present.
    pub alarms: Vec<(String, u64)>,
    /// Are notices stopped, at present?
    pub is_paused: bool,
    /// When the sender's OpenPGP keys end.
    pub keys: Vec<KeyEnd>,
    /// Bytes of the database, at present.
    pub database_bytes: u64,
    /// How long things took.
    pub spells: Vec<Distribution>,
}

/// What is asked about deadlines.
#[derive(Clone, Debug)]
pub struct DueAsk {
    /// Now.
    pub now: Timestamp,
    /// Deadlines from now on and before each of these count.
    pub within: Vec<Timestamp>,
    /// A customer should have been told of deadlines before this.
    pub told_before: Timestamp,
    /// It is we who ask owners to confirm their addresses: otherwise nobody is to be told of suspensions.
    pub writes_to_owners: bool,
}

/// Open live cases with one kind of deadline.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DueCount {
    /// How many have it within each of the times asked for.
    pub within: Vec<u64>,
    /// The first from now on.
    pub next: Option<Timestamp>,
    /// How many have it before the time asked for, and neither a mail nor a call has told the customer.
    pub untold: u64,
    /// How many have it ahead, while every address of the customer lies under the domain and ends with it.
    pub at_risk: u64,
}

/// What takes time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SpellKind {
    /// From a registry mail to the customer's notice being taken by the smarthost.
    Notice,
    /// From a request to the registry to its answer.
    Request,
    /// One call of the reseller's API.
    Reseller,
}

impl SpellKind {
    /// Every kind.
    pub const ALL: [SpellKind; 3] = [SpellKind::Notice, SpellKind::Request, SpellKind::Reseller];

    /// The word used in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            SpellKind::Notice => "notice",
            SpellKind::Request => "request",
            SpellKind::Reseller => "reseller",
        }
    }

    /// Upper bounds of its buckets, in seconds; one more bucket has none.
    pub fn bounds(self) -> &'static [f64] {
        match self {
            // Mails for one customer are joined for a quarter of an hour.
            SpellKind::Notice => &[
                10.0, 60.0, 300.0, 900.0, 1800.0, 3600.0, 14_400.0, 43_200.0, 86_400.0, 259_200.0,
            ],
            SpellKind::Request => &[
                0.1, 0.5, 1.0, 5.0, 30.0, 120.0, 600.0, 3600.0, 14_400.0, 86_400.0,
            ],
            SpellKind::Reseller => &[0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0],
        }
    }
}

/// How long one thing took.
#[derive(Clone, Debug)]
pub struct Spell {
    /// What.
    pub kind: SpellKind,
    /// The labels of the metric; empty where it has fewer.
    pub labels: [String; 2],
    /// How long.
    pub seconds: f64,
}

/// How long things took with one set of labels.
#[derive(Clone, Debug, PartialEq)]
pub struct Distribution {
    /// What.
    pub kind: SpellKind,
    /// The labels.
    pub labels: [String; 2],
    /// How many in each bucket alone, one more than there are bounds.
    pub buckets: Vec<u64>,
    /// All of them together.
    pub seconds: f64,
}

/// When an OpenPGP key ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyEnd {
    /// Its fingerprint.
    pub fingerprint: String,
    /// From then on it is not valid.
    pub ends_at: Timestamp,
}
