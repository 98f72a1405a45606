//! Coded lines of replies and messages (`denic.md` 6).

use crate::model::Level;
use crate::wire::Element;

/// A code with its level and text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Code {
    level: Level,
    code: &'static str,
    text: &'static str,
}

impl Code {
    const fn new(level: Level, code: &'static str, text: &'static str) -> Self {
        Code { level, code, text }
    }

    /// Without arguments.
    pub fn line(self) -> Line {
        Line {
            level: self.level,
            code: self.code.to_owned(),
            text: self.text.to_owned(),
            arguments: Vec::new(),
        }
    }

    /// With one argument.
    pub fn with(self, argument: impl ToString) -> Line {
        Line {
            arguments: vec![argument.to_string()],
            ..self.line()
        }
    }
}

/// `INFO`, `WARNING` or `ERROR` of a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Which of them.
    pub level: Level,
    /// Eleven digits.
    pub code: String,
    /// What it says.
    pub text: String,
    /// What stands in the brackets.
    pub arguments: Vec<String>,
}

impl Line {
    /// Code, text and arguments, as they stand behind the keyword.
    pub fn value(&self) -> String {
        let bracket = match self.arguments.is_empty() {
            true => String::new(),
            false => format!(" [{}]", self.arguments.join(", ")),
        };
        format!("{} {}{bracket}", self.code, self.text)
    }

    /// `ERROR: 63300062009 Domain doesn't exist [example.de]`.
    pub(super) fn key_value(&self) -> String {
        let keyword = match self.level {
            Level::Info => "INFO",
            Level::Warning => "WARNING",
            Level::Error => "ERROR",
        };
        format!("{keyword}: {}", self.value())
    }

    pub(super) fn element(&self, name: &str) -> Element {
        let level = match self.level {
            Level::Info => "info",
            Level::Warning => "warning",
            Level::Error => "error",
        };
        let arguments = self.arguments.iter();
        Element::new(name)
            .attribute("level", level)
            .attribute("code", &self.code)
            .child(Element::text("tr:text", &self.text))
            .children(arguments.map(|argument| Element::text("tr:argument", argument)))
    }
}

/// The codes that are used here. Where no source has one for a fact, one of the right class was
/// chosen, and is marked so: nothing may depend on it.
pub(super) mod code {
    use super::Code;
    use crate::model::Level::{Error, Info, Warning};

    macro_rules! codes {
        ($($(#[$doc:meta])* $name:ident = $level:ident $code:literal $text:literal;)+) => {
            $($(#[$doc])* pub(in super::super) const $name: Code = Code::new($level, $code, $text);)+
        };
    }

    codes! {
        TEST = Info "13000000011" "Request was processed in test environment - not valid in real world";
        DNS_ACCEPTED = Info "16000063119" "DNS data was checked and accepted";
        AUTH_INFO_REMOVED = Info "16330088732" "An action determines the removal of the AuthInfo";
        CONNECT = Info "53000080013" "Domain \"Status\" is \"connect\"";
        /// Not documented; the number between `connect` and `serverHold`.
        PENDING = Info "53000080014" "Domain \"Status\" is \"pendingCreate\"";
        DNS_FAILED = Warning "33300102900"
            "The provided DNS data are not acceptable. Domain \"Status\" is \"failed\".";
        CHECK_WARNING = Warning "33300102912" "Predelegation Check warning";
        NO_SEP = Warning "46000108827" "Secure Entry Point flag should be set in DNSKEY";
        QUOTA = Error "53000000008" "Daily quota exceeded";
        CONCURRENT = Error "53000000012"
            "Concurrent write access to the same business object is prohibited";
        UNAUTHORIZED = Error "53000020002" "Unauthorized request";
        NO_CONTACT = Error "53000060009" "At least one Contact does not exist";
        NO_GLUE = Error "53300102902" "Required glue record is missing";
        NAME_SERVER = Error "53300102912" "Nameserver error";
        KEY = Error "60009500901" "The PGP key does not comply with the requirements:";
        /// Not documented for XML; the neighbour of the one for key/value.
        XML = Error "63000000005" "The request is no valid XML of this version";
        FORMAT = Error "63000000006" "The request has an invalid key/value pair format";
        SEMANTICS = Error "63000000007" "Request shows semantics error";
        NO_DOMAIN = Error "63300062009" "Domain doesn't exist";
        /// Not documented.
        DOMAIN_EXISTS = Error "63300062010" "Domain already exists";
        /// Not documented.
        INVALID_NAME = Error "63300062011" "Domain name is invalid";
        /// Not documented.
        WRONG_STATUS = Error "63300062012" "Domain \"Status\" does not allow this request";
        /// Not documented.
        OTHER_HOLDERS = Error "63300062013" "The given holders are not those of the domain";
        /// Not documented.
        WRONG_AUTH_INFO = Error "63300062014" "AuthInfo is missing or wrong";
        /// Not documented.
        AUTH_INFO_EXISTS = Error "63300062015" "AuthInfo already exists";
        /// Not documented.
        HANDLE_EXISTS = Error "63000060010" "Contact already exists";
        /// Not documented.
        NO_HANDLE = Error "63000060011" "Contact does not exist";
        /// Not documented.
        NAME_FIXED = Error "63000060012" "Contact \"Name\" cannot be changed";
        /// Not documented.
        NO_REGACC = Error "63000040009" "RegAcc does not exist";
        /// Not documented; of class 7, "technical error, temporary".
        FAULT = Error "73000000001" "System fault";
        TOO_LONG = Error "83000000000" "Request message too long";
        LOGIN_FIRST = Error "83000000010" "Please login first";
        /// Not documented.
        SESSIONS = Error "83000000012" "Too many sessions";
        /// Not documented.
        BLOCKED = Error "83000000013" "User is blocked";
    }
}
