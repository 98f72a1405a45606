//! Customers: who is told, in which language, at which address.

use serde::{Deserialize, Serialize};

use super::CustomerId;

/// A language that notices are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// German.
    De,
    /// English.
    En,
}

impl Language {
    /// The word used in JSON, in the database and in `Content-Language`.
    pub fn as_str(self) -> &'static str {
        match self {
            Language::De => "de",
            Language::En => "en",
        }
    }

    /// The language of that tag (`de`, `en`, `de-AT` …), if notices are written in it.
    pub fn from_tag(tag: &str) -> Option<Self> {
        match tag
            .trim()
            .split(['-', '_'])
            .next()?
            .to_ascii_lowercase()
            .as_str()
        {
            "de" => Some(Language::De),
            "en" => Some(Language::En),
            _ => None,
        }
    }
}

/// A customer, as imported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// The operator's number, such as `K-10482`.
    pub id: CustomerId,
    /// What follows "Guten Tag": a name, or empty.
    pub salutation: String,
    /// `None`: not known; notices then carry all languages.
    pub language: Option<Language>,
    /// Mail address.
    pub email: String,
    /// A second address, best at another domain.
    pub second_email: Option<String>,
    /// Telephone number.
    pub phone: Option<String>,
    /// IANA time zone; `None`: Europe/Berlin.
    pub timezone: Option<String>,
}
