//! What mail systems report about a notice of ours: it came back, it is late, it arrived.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::NoticeId;

/// The key that signs the envelope senders of notices. It is made once for a store, kept there, and
/// shown nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct BounceKey([u8; BounceKey::BYTES]);

impl BounceKey {
    /// Its length.
    pub const BYTES: usize = 32;

    /// A key of these bytes.
    pub fn new(bytes: [u8; Self::BYTES]) -> Self {
        BounceKey(bytes)
    }

    /// Its bytes, for the HMAC and the store alone.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for BounceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BounceKey(…)")
    }
}

/// What a mail to the envelope sender of a notice is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BounceMail {
    /// A report about its delivery.
    Report(BounceReport),
    /// An automatic answer of the recipient's side: on leave, please confirm, seen. It arrived.
    AutoReply {
        /// What shows it, one sentence.
        why: String,
    },
    /// Neither; perhaps a person's words, perhaps a report in a form nobody knows yet.
    Other {
        /// What was missed, one sentence.
        why: String,
    },
}

/// A report about the delivery of one mail (RFC 3464, or what mail systems write instead).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BounceReport {
    /// The recipients it is about, in its order; at least one.
    pub recipients: Vec<BounceRecipient>,
    /// Name of the system that reports.
    pub reporting_mta: Option<String>,
    /// `ENVID` of the mail, as we gave it.
    pub envelope_id: Option<String>,
    /// Message-ID of the mail that was returned, without angle brackets.
    pub message_id: Option<String>,
    /// `X-Stichtag-Notice` of the mail that was returned.
    pub notice: Option<NoticeId>,
}

impl BounceReport {
    /// The gravest that it says of any recipient: given up before late, late before the rest.
    pub fn gravest(&self) -> Option<&BounceRecipient> {
        let gravity = |recipient: &&BounceRecipient| match recipient.action {
            DeliveryAction::Failed => 0,
            DeliveryAction::Delayed => 1,
            DeliveryAction::Delivered | DeliveryAction::Relayed | DeliveryAction::Expanded => 2,
        };
        self.recipients.iter().min_by_key(gravity)
    }
}

/// What became of a mail for one recipient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BounceRecipient {
    /// The address that the report is about at its end of the way; not always one of RFC 5322.
    pub final_recipient: Option<String>,
    /// The address that we wrote to, where the report says so.
    pub original_recipient: Option<String>,
    /// What was done.
    pub action: DeliveryAction,
    /// RFC 3463.
    pub status: Option<MailStatus>,
    /// What kind of trouble it is.
    pub category: BounceCategory,
    /// What the other side said, one line.
    pub diagnostic: Option<String>,
    /// The system that said so.
    pub remote_mta: Option<String>,
}

impl BounceRecipient {
    /// The address at the end of the way, else the original one.
    pub fn address(&self) -> Option<&str> {
        (self.final_recipient.as_deref()).or(self.original_recipient.as_deref())
    }

    /// The address that we wrote to, as far as the report says so: the original one, else the final one.
    pub fn recipient(&self) -> Option<&str> {
        let original = self.original_recipient.as_deref();
        original
            .filter(|text| text.contains('@'))
            .or(self.address())
    }

    /// Nobody tries any more; the mail has not arrived.
    pub fn is_permanent(&self) -> bool {
        self.action == DeliveryAction::Failed
    }
}

/// `Action` of RFC 3464, section 2.3.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryAction {
    /// Given up. Whether the cause may pass (`4.4.7`) or not (`5.1.1`): nobody tries any more.
    Failed,
    /// Not delivered yet; it is tried further.
    Delayed,
    /// Delivered to the recipient.
    Delivered,
    /// Handed on to a system that sends no reports.
    Relayed,
    /// Delivered, and handed on to the members of a list.
    Expanded,
}

impl DeliveryAction {
    /// The word used in RFC 3464, in JSON and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            DeliveryAction::Failed => "failed",
            DeliveryAction::Delayed => "delayed",
            DeliveryAction::Delivered => "delivered",
            DeliveryAction::Relayed => "relayed",
            DeliveryAction::Expanded => "expanded",
        }
    }

    /// The action of that name, any case.
    pub fn from_word(word: &str) -> Option<Self> {
        [
            DeliveryAction::Failed,
            DeliveryAction::Delayed,
            DeliveryAction::Delivered,
            DeliveryAction::Relayed,
            DeliveryAction::Expanded,
        ]
        .into_iter()
        .find(|known| known.as_str().eq_ignore_ascii_case(word))
    }
}

impl fmt::Display for DeliveryAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// An enhanced status of RFC 3463, such as `5.1.1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MailStatus {
    /// 2 success, 4 for now, 5 for good.
    pub class: u8,
    /// What it is about: 1 address, 2 mailbox, 3 system, 4 network, 5 protocol, 6 content, 7 policy.
    pub subject: u16,
    /// The detail.
    pub detail: u16,
}

/// The text is no enhanced status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an enhanced status such as 5.1.1")]
pub struct MailStatusError;

impl FromStr for MailStatus {
    type Err = MailStatusError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut numbers = text.trim().split('.');
        let mut next = |digits_max: usize| {
            let number = numbers.next().ok_or(MailStatusError)?;
            let is_plain = (1..=digits_max).contains(&number.len())
                && number.bytes().all(|byte| byte.is_ascii_digit());
            let number = number.parse::<u16>().map_err(|_| MailStatusError)?;
            is_plain.then_some(number).ok_or(MailStatusError)
        };
        let (class, subject, detail) = (next(1)?, next(3)?, next(3)?);
        let class = match class {
            2 => 2,
            4 => 4,
            5 => 5,
            _ => return Err(MailStatusError),
        };
        if numbers.next().is_some() {
            return Err(MailStatusError);
        }
        Ok(MailStatus {
            class,
            subject,
            detail,
        })
    }
}

impl fmt::Display for MailStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MailStatus {
            class,
            subject,
            detail,
        } = self;
        f.pad(&format!("{class}.{subject}.{detail}"))
    }
}

impl Serialize for MailStatus {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MailStatus {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// What kind of trouble a recipient had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BounceCategory {
    /// There is no such mailbox, or no more.
    UnknownUser,
    /// It takes no more.
    MailboxFull,
    /// The other side does not want this mail, or mail of ours.
    Blocked,
    /// The domain does not exist, or takes no mail.
    DomainUnknown,
    /// Something else, or not said.
    Other,
}

impl BounceCategory {
    /// Every category.
    pub const ALL: [BounceCategory; 5] = [
        BounceCategory::UnknownUser,
        BounceCategory::MailboxFull,
        BounceCategory::Blocked,
        BounceCategory::DomainUnknown,
        BounceCategory::Other,
    ];

    /// The word used in JSON, in the database and as a metric's label.
    pub fn as_str(self) -> &'static str {
        match self {
            BounceCategory::UnknownUser => "unknown-user",
            BounceCategory::MailboxFull => "mailbox-full",
            BounceCategory::Blocked => "blocked",
            BounceCategory::DomainUnknown => "domain-unknown",
            BounceCategory::Other => "other",
        }
    }

    /// The category of that name, if there is one.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == word)
    }

    /// In words, for a sentence.
    pub fn sentence(self) -> &'static str {
        match self {
            BounceCategory::UnknownUser => "no such mailbox",
            BounceCategory::MailboxFull => "the mailbox is full",
            BounceCategory::Blocked => "refused by the other side",
            BounceCategory::DomainUnknown => "the domain takes no mail",
            BounceCategory::Other => "not delivered",
        }
    }
}

impl fmt::Display for BounceCategory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_three_numbers_and_nothing_else() {
        let good: MailStatus = " 5.1.10".parse().unwrap();
        assert_eq!((good.class, good.subject, good.detail), (5, 1, 10));
        assert_eq!(good.to_string(), "5.1.10");
        for text in [
            "", "5", "5.1", "5.1.1.1", "3.1.1", "55.1.1", "5.1.x", "5..1", "5.1.1000", "+5.1.1",
        ] {
            assert!(text.parse::<MailStatus>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_key_is_never_shown() {
        assert_eq!(format!("{:?}", BounceKey::new([7; 32])), "BounceKey(…)");
    }
}
