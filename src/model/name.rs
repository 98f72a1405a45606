//! Domain names: the A-label is the key, the U-label is what people read.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

/// A domain name in both forms, lower case, without a final dot.
///
/// Conversion is IDNA2008, non-transitional: `ß` stays `ß` (`denic.md` 2.5). Two names are equal
/// when their A-labels are.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DomainName {
    ace: String,
    unicode: String,
}

impl DomainName {
    /// The A-label form, such as `xn--dnic-loa.de`.
    pub fn ace(&self) -> &str {
        &self.ace
    }

    /// The U-label form, such as `dänic.de`; equal to [`DomainName::ace`] for plain names.
    pub fn unicode(&self) -> &str {
        &self.unicode
    }

    /// Is it below a generic top-level domain, whose rules ICANN makes? Those of countries have two
    /// letters, or are written in a script of their own; of the latter some are generic, too, and not
    /// counted.
    pub fn is_generic(&self) -> bool {
        let top = self.ace.rsplit('.').next().unwrap_or_default();
        top.len() > 2 && !top.starts_with("xn--")
    }

    /// Is `host` this name, or a name below it? Both are compared by A-label.
    pub fn contains_host(&self, host: &str) -> bool {
        let Ok(host) = host.parse::<DomainName>() else {
            return false;
        };
        host.ace == self.ace
            || host
                .ace
                .strip_suffix(&self.ace)
                .is_some_and(|rest| rest.ends_with('.'))
    }

    /// Is the mail address `address` at this name or below it?
    pub fn contains_address(&self, address: &str) -> bool {
        address
            .rsplit_once('@')
            .is_some_and(|(_, host)| self.contains_host(host))
    }
}

impl PartialEq for DomainName {
    fn eq(&self, other: &Self) -> bool {
        self.ace == other.ace
    }
}

impl Eq for DomainName {}

impl PartialOrd for DomainName {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for DomainName {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.ace.cmp(&other.ace)
    }
}

impl std::hash::Hash for DomainName {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.ace.hash(state);
    }
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.unicode)
    }
}

/// The text is not a domain name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a domain name: {why}")]
pub struct NameError {
    /// What was read.
    pub text: String,
    /// What is wrong with it.
    pub why: &'static str,
}

impl FromStr for DomainName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = |why| NameError {
            text: text.chars().take(80).collect(),
            why,
        };
        let trimmed = text.trim();
        let trimmed = trimmed.strip_suffix('.').unwrap_or(trimmed);
        // 253 octets in A-label form; a U-label never takes more characters than its A-label.
        if trimmed.is_empty() || trimmed.chars().count() > 253 {
            return Err(error("it is empty or longer than 253 characters"));
        }
        if !trimmed.contains('.') {
            return Err(error("it has no dot"));
        }
        let normal: String = trimmed.nfc().collect();
        let ace = idna::domain_to_ascii_strict(&normal)
            .map_err(|_| error("it is no valid IDNA2008 name"))?;
        if ace.len() > 253 {
            return Err(error("it is longer than 253 octets"));
        }
        let (unicode, checked) = idna::domain_to_unicode(&ace);
        checked.map_err(|_| error("its A-label does not stand for a valid U-label"))?;
        Ok(DomainName { ace, unicode })
    }
}

impl TryFrom<String> for DomainName {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<DomainName> for String {
    fn from(name: DomainName) -> String {
        name.ace
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_the_same_name() {
        let unicode: DomainName = "dänic.de".parse().unwrap();
        let ace: DomainName = "XN--DNIC-LOA.de.".parse().unwrap();
        assert_eq!(unicode, ace);
        assert_eq!(ace.unicode(), "dänic.de");
        assert_eq!(unicode.ace(), "xn--dnic-loa.de");
    }

    #[test]
    fn sharp_s_stays_sharp_s() {
        let sharp: DomainName = "straße.de".parse().unwrap();
        let plain: DomainName = "strasse.de".parse().unwrap();
        assert_ne!(sharp, plain);
        assert_eq!(sharp.ace(), "xn--strae-oqa.de");
    }

    #[test]
    fn domains_of_countries_are_not_generic() {
        for (name, is_generic) in [("a.com", true), ("a.berlin", true), ("a.de", false)] {
            let name: DomainName = name.parse().unwrap();
            assert_eq!(name.is_generic(), is_generic, "{name}");
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for bad in [
            "", ".", "de", "a b.de", "ä..de", "xn--a.de", "a_b.de", "<a>.de", "a\0.de",
        ] {
            assert!(bad.parse::<DomainName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_address_under_the_name_is_found_in_either_form() {
        let name: DomainName = "dänic.de".parse().unwrap();
        assert!(name.contains_address("info@dänic.de"));
        assert!(name.contains_address("info@mail.xn--dnic-loa.de"));
        assert!(!name.contains_address("info@notdänic.de"));
        assert!(!name.contains_address("info@example.net"));
    }
}
