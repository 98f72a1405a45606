//! Customers: who is told, in which language, at which address.

use serde::{Deserialize, Serialize};

use super::{CustomerId, DomainName};

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
    /// Every language notices are written in.
    pub const ALL: [Language; 2] = [Language::De, Language::En];

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

impl Customer {
    /// The mail addresses in the order in which they are used; none that is empty.
    pub fn addresses(&self) -> impl Iterator<Item = &str> {
        [Some(self.email.as_str()), self.second_email.as_deref()]
            .into_iter()
            .flatten()
            .map(str::trim)
            .filter(|address| !address.is_empty())
    }

    /// Every domain that one of the addresses lies under, from the host's own name up to two labels.
    pub fn address_domains(&self) -> Vec<DomainName> {
        let hosts = self.addresses().filter_map(|address| {
            let (_, host) = address.rsplit_once('@')?;
            host.parse::<DomainName>().ok()
        });
        hosts
            .flat_map(|host| {
                let labels: Vec<&str> = host.ace().split('.').collect();
                (0..labels.len().saturating_sub(1))
                    .filter_map(|from| labels[from..].join(".").parse().ok())
                    .collect::<Vec<DomainName>>()
            })
            .collect()
    }
}
