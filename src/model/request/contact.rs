//! A contact's data as a request carries it (`denic.md` 4.4).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Line, Proof, RequestError, UriTemplate};
use crate::model::Handle;

/// Whom a contact stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ContactKind {
    /// A natural person.
    Person,
    /// An organisation.
    Org,
}

impl ContactKind {
    /// The registry's word.
    pub fn as_str(self) -> &'static str {
        match self {
            ContactKind::Person => "PERSON",
            ContactKind::Org => "ORG",
        }
    }
}

/// A holder. What is left out of an UPDATE is deleted, proofs too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactData {
    /// Its handle, with our own account in front.
    pub handle: Handle,
    /// Person or organisation.
    pub kind: ContactKind,
    /// The holder's full name; it can never be changed.
    pub name: Line<255>,
    /// For persons only; gives no rights in the domain.
    pub organisations: Vec<Line<255>>,
    /// Street and number, one to five lines.
    pub address: Vec<Line<255>>,
    /// Postal code.
    pub postal_code: Line<20>,
    /// City.
    pub city: Line<80>,
    /// Country.
    pub country: Country,
    /// At least one.
    pub emails: Vec<Line<254>>,
    /// Asked for since version 5.0; contacts from before may lack it, so it may be missing from an
    /// UPDATE.
    pub phone: Option<Phone>,
    /// What has been proven.
    pub proofs: Vec<Proof>,
}

impl ContactData {
    pub(super) fn check(&self) -> Result<(), RequestError> {
        let wrong = |field, why: &str| Err(RequestError::new(field, why));
        if self.kind == ContactKind::Org && !self.organisations.is_empty() {
            return wrong("Organisation", "only a PERSON may have one");
        }
        if !(1..=5).contains(&self.address.len()) {
            return wrong("Address", "1 to 5 lines are expected");
        }
        if self.emails.is_empty() {
            return wrong("EMail", "at least one is expected");
        }
        if let Some(email) = self.emails.iter().find(|email| !is_mailbox(email.as_str())) {
            let why = format!("`{email}` is no mail address such as `holder@example.net`");
            return Err(RequestError::new("EMail", why));
        }
        self.proofs.iter().try_for_each(Proof::check)
    }
}

/// One `@`, something in front, a host behind, nothing that would need quoting.
fn is_mailbox(text: &str) -> bool {
    let Some((local, host)) = text.split_once('@') else {
        return false;
    };
    let is_plain = |c: char| !c.is_whitespace() && !"\"<>(),;:\\[]@".contains(c);
    !local.is_empty()
        && local.chars().all(is_plain)
        && host.parse::<crate::model::DomainName>().is_ok()
}

/// A contact for general requests or abuse.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestContact {
    /// Its handle.
    pub handle: Handle,
    /// Where requests go.
    pub uri_template: UriTemplate,
}

/// ISO 3166-1 alpha-2, upper case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Country(String);

impl FromStr for Country {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.len() == 2 && text.bytes().all(|b| b.is_ascii_alphabetic()) {
            true => Ok(Country(text.to_ascii_uppercase())),
            false => Err(format!(
                "`{text}` is no country of two letters such as `DE`"
            )),
        }
    }
}

/// `+49.6927235x290`: country, number, extension.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Phone(String);

impl FromStr for Phone {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_number = |part: &str, max| {
            (1..=max).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit())
        };
        let is_fine = text
            .strip_prefix('+')
            .and_then(|rest| rest.split_once('.'))
            .is_some_and(|(country, rest)| {
                let (number, extension) = match rest.split_once('x') {
                    Some((number, extension)) => (number, Some(extension)),
                    None => (rest, None),
                };
                is_number(country, 3)
                    && is_number(number, 14)
                    && extension.is_none_or(|extension| is_number(extension, 10))
            });
        match is_fine {
            true => Ok(Phone(text.to_owned())),
            false => Err(format!(
                "`{text}` is no number such as `+49.6927235` or `+49.6927235x290`"
            )),
        }
    }
}

macro_rules! as_text {
    ($name:ident) => {
        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> String {
                value.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}
as_text!(Country);
as_text!(Phone);
