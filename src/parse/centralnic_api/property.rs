//! The properties of an answer, and which of them were read.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::DateTime;

use super::super::instant::{self, is_unknown};
use super::super::reseller::names_deadline;
use super::super::secret::{MARK, hide, is_secret};
use super::super::text::quote;
use crate::model::{Reason, ReasonCode, ResellerReply, TriggerCode, reason};

/// So many values that nobody reads are shown; a list has thousands.
const SHOWN_MAX: usize = 200;

/// What a list says of itself.
const OF_LISTS: [&str; 6] = ["column", "count", "first", "last", "limit", "total"];

/// A person's data, which nothing here is decided by.
const OF_PERSONS: [&str; 14] = [
    "title",
    "firstname",
    "middlename",
    "lastname",
    "organization",
    "street",
    "street0",
    "street1",
    "city",
    "zip",
    "state",
    "country",
    "phone",
    "fax",
];

/// The reason for a value that cannot be read.
pub(super) fn refused(name: &str, expected: &str) -> Reason {
    Reason::new(
        reason::NOT_UNDERSTOOD,
        format!("property `{name}`: {expected}"),
    )
}

/// What an answer shows; names are normalised (`verificationrequested`).
pub(super) struct Properties<'a> {
    reply: &'a ResellerReply,
    read: BTreeSet<String>,
}

impl<'a> Properties<'a> {
    pub fn of(reply: &'a ResellerReply) -> Self {
        Properties {
            reply,
            read: BTreeSet::new(),
        }
    }

    /// All values of one name.
    pub fn all(&mut self, name: &str) -> &'a [String] {
        self.read.insert(name.to_owned());
        self.reply.values(name)
    }

    /// The one value that is not empty; R12 for two that differ.
    pub fn one(&mut self, name: &str) -> Result<Option<String>, Reason> {
        let mut values = self.all(name).iter().filter(|value| !value.is_empty());
        let first = values.next();
        match first.is_some() && values.any(|other| Some(other) != first) {
            false => Ok(first.cloned()),
            true => Err(Reason::new(
                reason::CONTRADICTION,
                format!("property `{name}`: it has values that differ"),
            )),
        }
    }

    /// `1` or `0`.
    pub fn flag(&mut self, name: &str) -> Result<Option<bool>, Reason> {
        read_flag(name, self.one(name)?.as_deref())
    }

    /// An instant; `code` is the reason to hold what cannot be read.
    pub fn at(&mut self, name: &str, code: ReasonCode) -> Result<Option<Timestamp>, Reason> {
        read_at(name, self.one(name)?.as_deref(), code)
    }

    /// A date and time without a zone, a deadline.
    pub fn local(&mut self, name: &str) -> Result<Option<DateTime>, Reason> {
        let Some(text) = self.one(name)?.filter(|text| !is_unknown(text)) else {
            return Ok(None);
        };
        instant::read_local(&text).map(Some).map_err(|_| {
            let text = quote(&text);
            let expected = "is not a date and time such as `2026-11-04T10:15:00`";
            Reason::new(
                reason::DEADLINE_UNREADABLE,
                format!("property `{name}`: `{text}` {expected}"),
            )
        })
    }

    /// The rows of a list: the indexes of its first column.
    pub fn rows(&mut self, name: &str) -> Vec<u32> {
        self.read.insert(name.to_owned());
        for name in OF_LISTS {
            self.read.insert(name.to_owned());
        }
        self.reply.indexes(name)
    }

    /// A value of a row, unless it is empty.
    pub fn cell(&mut self, name: &str, row: u32) -> Option<&'a str> {
        self.read.insert(name.to_owned());
        self.reply.at(name, row).filter(|value| !value.is_empty())
    }

    /// Some row has no value of its own: those of a column that is not whole cannot be told apart.
    pub fn is_uneven(&self, name: &str, rows: usize) -> bool {
        self.reply.values(name).len() > rows
    }

    /// What a contact says of a person is kept in the message, and not shown beside it.
    pub fn is_of_person(&mut self) {
        for name in OF_PERSONS {
            self.read.insert(name.to_owned());
        }
    }

    /// R11 for a deadline that nobody reads.
    pub fn no_deadline_left(&self) -> Result<(), Reason> {
        let mut names = self.reply.properties().map(|(name, _)| name);
        match names.find(|name| !self.read.contains(*name) && names_deadline(name)) {
            None => Ok(()),
            Some(name) => Err(Reason::new(
                reason::DEADLINE_UNREADABLE,
                format!("property `{}`: a deadline that is not known", quote(name)),
            )),
        }
    }

    /// What nobody has read, as `name = value`, without secrets.
    pub fn left(&self, code: Option<&TriggerCode>) -> Vec<String> {
        let left = self.reply.properties();
        let left = left.filter(|(name, _)| !self.read.contains(*name));
        let mut lines: Vec<String> = left
            .flat_map(|(name, values)| values.iter().map(move |value| (name, value)))
            .map(|(name, value)| match is_secret(name) {
                true => format!("{} = {MARK}", hide(name, code)),
                false => format!("{} = {}", hide(name, code), hide(value, code)),
            })
            .collect();
        let more = lines.len().saturating_sub(SHOWN_MAX);
        if more > 0 {
            lines.truncate(SHOWN_MAX);
            lines.push(format!("{more} more values"));
        }
        lines
    }
}

/// `1` or `0`.
pub(super) fn read_flag(name: &str, text: Option<&str>) -> Result<Option<bool>, Reason> {
    match text {
        None => Ok(None),
        Some("1") => Ok(Some(true)),
        Some("0") => Ok(Some(false)),
        Some(_) => Err(refused(name, "expected `0` or `1`")),
    }
}

/// An instant in UTC; `code` is the reason to hold what cannot be read.
pub(super) fn read_at(
    name: &str,
    text: Option<&str>,
    code: ReasonCode,
) -> Result<Option<Timestamp>, Reason> {
    let Some(text) = text.filter(|text| !is_unknown(text)) else {
        return Ok(None);
    };
    instant::read_utc(text).map(Some).map_err(|_| {
        let text = quote(text);
        let expected = "is not a date and time such as `2026-11-23 00:41:49`";
        Reason::new(code, format!("property `{name}`: `{text}` {expected}"))
    })
}
