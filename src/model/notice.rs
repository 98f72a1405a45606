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
    /// Proof is still missing, and a deadline draws near.
    Reminder,
    /// The domain changed its provider: to us, or away from us.
    Transfer,
    /// The registry deleted the domain.
    Deleted,
    /// The owner's mail address must be confirmed (CentralNic Reseller).
    EmailConfirmation,
}

impl NoticeKind {
    /// Every kind.
    pub const ALL: [NoticeKind; 8] = [
        NoticeKind::VerificationRequired,
        NoticeKind::Reminder,
        NoticeKind::OnHold,
        NoticeKind::Resolved,
        NoticeKind::Registered,
        NoticeKind::Transfer,
        NoticeKind::Deleted,
        NoticeKind::EmailConfirmation,
    ];

    /// The word used in JSON, in the database and as the template's name.
    pub fn as_str(self) -> &'static str {
        match self {
            NoticeKind::VerificationRequired => "verification-required",
            NoticeKind::OnHold => "on-hold",
            NoticeKind::Resolved => "resolved",
            NoticeKind::Registered => "registered",
            NoticeKind::Reminder => "reminder",
            NoticeKind::Transfer => "transfer",
            NoticeKind::Deleted => "deleted",
            NoticeKind::EmailConfirmation => "email-confirmation",
        }
    }

    /// The kind of that name, if there is one.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == word)
    }

    /// Does it ask the customer for proof by a date?
    pub fn asks_for_proof(self) -> bool {
        matches!(
            self,
            NoticeKind::VerificationRequired | NoticeKind::Reminder | NoticeKind::OnHold
        )
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
    /// Later news overtook it before it left.
    Withdrawn,
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
            NoticeState::Withdrawn => "withdrawn",
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
            NoticeState::Withdrawn,
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

/// Which way a domain went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// From another provider to us.
    ToUs,
    /// From us to another provider.
    Away,
}

impl Direction {
    /// The word used in JSON, in the database and in templates.
    pub fn as_str(self) -> &'static str {
        match self {
            Direction::ToUs => "to-us",
            Direction::Away => "away",
        }
    }
}

/// The deadlines that stand in the customer's calendar: what earlier notices of a case put there
/// and none has cancelled since.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announced {
    /// The registry's deadline behind the entry `…-dedelegation`.
    pub dedelegation_at: Option<Timestamp>,
    /// The registry's deadline behind the entry `…-deletion`.
    pub deletion_at: Option<Timestamp>,
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
    /// Is suspended then, unless the recipient confirms the address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspension_at: Option<Timestamp>,
    /// It is, or was, about the owner's mail address, not about proof.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_confirmation: bool,
    /// Registry time of the message that caused the notice: for `on-hold`, `registered` and
    /// `transfer` since when, for `resolved` as of when, for `deleted` when; for `reminder` that of
    /// the facts it rests on.
    pub at: Timestamp,
    /// `resolved`: it was off the net before. `registered`: proof is still asked for. `reminder`: it
    /// is off the net, so that only deletion is ahead. `email-confirmation`: it is off the net.
    pub flag: bool,
    /// How often the calendar entries of this case were changed before: at least one more than in
    /// the notice before, since readers of calendars pass over what is not newer.
    pub sequence: u32,
    /// When the customer was first told of this case; for `reminder`. `None`: not known.
    #[serde(default)]
    pub first_notice_at: Option<Timestamp>,
    /// The recipient's address lies under this domain, or under another one whose case was open when
    /// the notice was decided (W11).
    #[serde(default)]
    pub is_address_at_risk: bool,
    /// Which way it went; for `transfer`. `None` is read as [`Direction::ToUs`].
    #[serde(default)]
    pub direction: Option<Direction>,
    /// What stands in the customer's calendar because of earlier notices of this case, so that this
    /// one can cancel what no longer holds. To be filled when the item is written, from the case's
    /// item before it in a notice that left or will leave us (not an observed one):
    /// [`NoticeItem::announces`] of that one; `Some(Announced::default())` where there is none.
    ///
    /// `None`: not known (rows of earlier versions); then the deadlines of the item itself are
    /// taken to be announced where a notice cancels everything.
    #[serde(default)]
    pub announced: Option<Announced>,
}

impl NoticeItem {
    /// What stands in the customer's calendar once a notice of `kind` with this item was sent; the
    /// next item of the case takes it as its [`announced`](Self::announced).
    pub fn announces(&self, kind: NoticeKind) -> Announced {
        let is_off = kind == NoticeKind::OnHold || kind == NoticeKind::Reminder && self.flag;
        match (kind, self.direction) {
            (NoticeKind::VerificationRequired, _)
            | (NoticeKind::Reminder | NoticeKind::OnHold, _) => Announced {
                dedelegation_at: self.dedelegation_at.filter(|_| !is_off),
                deletion_at: self.deletion_at,
            },
            (NoticeKind::Resolved | NoticeKind::Deleted, _)
            | (NoticeKind::Transfer, Some(Direction::Away)) => Announced::default(),
            // They touch no calendar.
            (NoticeKind::Registered | NoticeKind::EmailConfirmation | NoticeKind::Transfer, _) => {
                self.announced.unwrap_or_default()
            }
        }
    }
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
    /// The Message-ID of the first notice of the case, without angle brackets, so that mail
    /// programs show a reminder below it; `None` for first notices and where it is not known.
    pub in_reply_to: Option<String>,
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
    /// Does the recipient's address lie under one of the domains it is about, or under another one
    /// that must be verified (W11)?
    pub fn is_address_at_risk(&self) -> bool {
        self.items
            .iter()
            .any(|item| item.is_address_at_risk || item.domain.contains_address(&self.recipient))
    }
}
