//! Contact handles.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A DENIC contact handle, such as `DENIC-1000002-MaybeGoodGuy`.
///
/// Kept as received, compared without regard to case: the registry's examples mix cases while its
/// own client writes upper case (`denic.md` 2.5).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Handle(String);

impl Handle {
    /// As received.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Upper case: the form to compare and to key by.
    pub fn key(&self) -> String {
        self.0.to_ascii_uppercase()
    }
}

impl PartialEq for Handle {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Handle {}

impl PartialOrd for Handle {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Handle {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let upper = |text: &str| {
            text.bytes()
                .map(|b| b.to_ascii_uppercase())
                .collect::<Vec<_>>()
        };
        upper(&self.0).cmp(&upper(&other.0))
    }
}

impl std::hash::Hash for Handle {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The text is not a contact handle.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a contact handle; expected 9 to 32 characters such as `DENIC-1000002-GOODGUY`"
)]
pub struct HandleError(String);

impl FromStr for Handle {
    type Err = HandleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || HandleError(text.chars().take(80).collect());
        // `<RegAccId>-<own part>`, RegAccId = `DENIC-` and digits (`denic.md` 2.5).
        let rest = text
            .get(..6)
            .filter(|start| start.eq_ignore_ascii_case("DENIC-"))
            .and_then(|_| text.get(6..))
            .ok_or_else(error)?;
        let (number, own) = rest.split_once('-').ok_or_else(error)?;
        let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
        let is_own = !own.is_empty() && own.bytes().all(|b| b.is_ascii_graphic());
        if !is_number || !is_own || !(9..=32).contains(&text.len()) {
            return Err(error());
        }
        Ok(Handle(text.to_owned()))
    }
}

impl TryFrom<String> for Handle {
    type Error = HandleError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Handle> for String {
    fn from(handle: Handle) -> String {
        handle.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_does_not_make_another_handle() {
        let a: Handle = "DENIC-1000002-MaybeGoodGuy".parse().unwrap();
        let b: Handle = "DENIC-1000002-MAYBEGOODGUY".parse().unwrap();
        assert_eq!(a, b);
        assert_eq!(a.cmp(&b), std::cmp::Ordering::Equal);
        assert_eq!(a.as_str(), "DENIC-1000002-MaybeGoodGuy");
    }

    #[test]
    fn what_is_no_handle_is_refused() {
        for bad in [
            "",
            "DENIC-",
            "DENIC-1-",
            "DENIC-x-A",
            "ACME-1000002-A",
            "DENIC-1000002-A B",
            "ÄÄÄÄÄÄ-1-a",
        ] {
            assert!(bad.parse::<Handle>().is_err(), "{bad:?}");
        }
        assert!(
            format!("DENIC-1000002-{}", "A".repeat(19))
                .parse::<Handle>()
                .is_err()
        );
    }
}
