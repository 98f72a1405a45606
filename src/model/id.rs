//! Identifiers, each its own type so that none can stand in for another.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The text is no id of the expected kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {expected}")]
pub struct IdError {
    text: String,
    expected: &'static str,
}

impl IdError {
    pub(in crate::model) fn new(text: &str, expected: &'static str) -> Self {
        IdError {
            text: text.to_owned(),
            expected,
        }
    }
}

macro_rules! numbered {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $expected:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub i64);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&format!(concat!($prefix, "{}"), self.0))
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::model::IdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.strip_prefix($prefix)
                    .unwrap_or(text)
                    .parse()
                    .ok()
                    .filter(|number| *number > 0)
                    .map($name)
                    .ok_or_else(|| $crate::model::IdError::new(text, $expected))
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                <String as serde::Deserialize>::deserialize(from)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

pub(in crate::model) use numbered;

numbered!(
    /// Number of a kept message, as `log list` shows it.
    InboundId, "", "the number of a message, such as `1042`"
);
numbered!(
    /// One verification of one domain, such as `V-81`.
    CaseId, "V-", "a case, such as `V-81`"
);
numbered!(
    /// One mail to one customer, such as `N-310`.
    NoticeId, "N-", "a notice, such as `N-310`"
);

numbered!(
    /// A cause that needs a person, such as `A-17`; raised anew it has a new number.
    AlarmId, "A-", "an alarm, such as `A-17`"
);
numbered!(
    /// One mail or call about alarms, such as `AL-5`.
    AlertId, "AL-", "an alert, such as `AL-5`"
);

numbered!(
    /// What a customer or the operator ordered, such as `O-12`.
    OrderId, "O-", "an order, such as `O-12`"
);
numbered!(
    /// What was asked of the registry, such as `Q-7`.
    RequestId, "Q-", "a request, such as `Q-7`"
);
numbered!(
    /// An entry of the action log, such as `L-3`.
    ActionId, "L-", "an entry of the action log, such as `L-3`"
);

macro_rules! text {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

text!(
    /// The TICKET field of a mail: our own reference, where the mail answers a request.
    Ticket
);
text!(
    /// `msgid` of a queue message: opaque text, 30 to 255 characters.
    QueueMsgId
);
text!(
    /// The server's transaction id in a reply.
    Stid
);
text!(
    /// Our own transaction id, echoed in a reply.
    Ctid
);
text!(
    /// A customer's number, such as `K-10482`: given by the operator.
    CustomerId
);
