//! Mails to customers: what they say, to whom, and how far they got.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{CaseId, Claim, CustomerId, DomainName, Environment, Handle, Language, NoticeId};

/// A stock notice (`product.md`, chapter 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoticeKind {
    /// The registry asks for proof of the holder data.
    VerificationRequired,
    /// The domain was taken off the net.
    OnHold,
    /// No proof is asked for any more.
    Resolved,
    /// The domain is registered.
    Registered,
}

impl NoticeKind {
    /// Every kind.
    pub const ALL: [NoticeKind; 4] = [
        NoticeKind::VerificationRequired,
        NoticeKind::OnHold,
        NoticeKind::Resolved,
        NoticeKind::Registered,
    ];

    /// The word used in JSON, in the database and as the template's name.
    pub fn as_str(self) -> &'static str {
        match self {
            NoticeKind::VerificationRequired => "verification-required",
            NoticeKind::OnHold => "on-hold",
            NoticeKind::Resolved => "resolved",
            NoticeKind::Registered => "registered",
        }
    }

    /// The kind of that name, if there is one.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == word)
    }
}

impl fmt::Display for NoticeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How far a notice got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NoticeState {
    /// Would have been sent: `notices.mode` was `observe`.
    Observed,
    /// In the outbox, due at `due_at`.
    Queued,
    /// A try failed for now; it is tried again.
    Delayed,
    /// The smarthost has it.
    Sent,
    /// Given up: refused for good, or not accepted for days. Somebody must telephone.
    Failed,
    /// It came back.
    Bounced,
}

impl NoticeState {
    /// The word used in JSON and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            NoticeState::Observed => "observed",
            NoticeState::Queued => "queued",
            NoticeState::Delayed => "delayed",
            NoticeState::Sent => "sent",
            NoticeState::Failed => "failed",
            NoticeState::Bounced => "bounced",
        }
    }

    /// The state of that name, if there is one.
    pub fn from_word(word: &str) -> Option<Self> {
        [
            NoticeState::Observed,
            NoticeState::Queued,
            NoticeState::Delayed,
            NoticeState::Sent,
            NoticeState::Failed,
            NoticeState::Bounced,
        ]
        .into_iter()
        .find(|known| known.as_str() == word)
    }
}

impl fmt::Display for NoticeState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One domain in a notice, with the facts as they stood when it was decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeItem {
    /// The case, where there is one (a mere registration opens none).
    pub case: Option<CaseId>,
    /// The domain.
    pub domain: DomainName,
    /// Its U-label, so that people read it without decoding.
    pub unicode: String,
    /// Its holders.
    pub holders: BTreeSet<Handle>,
    /// What must be proven; `None`: the registry did not say.
    pub claims: Option<BTreeSet<Claim>>,
    /// Leaves the zone then.
    pub dedelegation_at: Option<Timestamp>,
    /// Is deleted then.
    pub deletion_at: Option<Timestamp>,
    /// Registry time of the message that caused the notice; for `on-hold` since when, for
    /// `registered` since when, for `resolved` as of when.
    pub at: Timestamp,
    /// `resolved`: it was off the net before. `registered`: proof is still asked for.
    pub flag: bool,
    /// How often the calendar entry of this case was changed before.
    pub sequence: u32,
}

/// A notice as the outbox holds it: all that is needed to write the mail, and nothing to guess.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Its number.
    pub id: NoticeId,
    /// The environment of the domains it is about.
    pub environment: Environment,
    /// Which text.
    pub kind: NoticeKind,
    /// The languages, first on top; two where the customer's is not known.
    pub languages: Vec<Language>,
    /// Whom it is for.
    pub customer: CustomerId,
    /// What follows "Guten Tag", or empty.
    pub salutation: String,
    /// The customer's IANA time zone, if known.
    pub timezone: Option<String>,
    /// The one address it goes to.
    pub recipient: String,
    /// The domains, at least one.
    pub items: Vec<NoticeItem>,
    /// Random, for the authenticity check, such as `K7QF-2M9X`.
    pub code: String,
    /// The Message-ID without angle brackets; the same at every try.
    pub message_id: String,
    /// When it was decided; the mail's `Date`, so that every try has the same bytes.
    pub created_at: Timestamp,
    /// When it may be sent.
    pub due_at: Timestamp,
    /// How far it got.
    pub state: NoticeState,
    /// How often sending was tried.
    pub attempts: u32,
    /// The exact bytes, once they are fixed (before the first try).
    pub raw: Option<Vec<u8>>,
    /// When the smarthost took it.
    pub sent_at: Option<Timestamp>,
    /// What the last try was answered.
    pub last_reply: Option<String>,
}

impl Notice {
    /// Is the recipient's address under one of the domains it is about (W11)?
    pub fn is_address_at_risk(&self) -> bool {
        self.items
            .iter()
            .any(|item| item.domain.contains_address(&self.recipient))
    }
}
