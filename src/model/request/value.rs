//! Values of requests: what can be written on one line, and nothing else.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

/// A request, or a value of one, that the registry would refuse or misread.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}`: {why}")]
pub struct RequestError {
    /// The registry's keyword, such as `Nserver`.
    pub field: &'static str,
    /// What is wrong, and what was expected.
    pub why: String,
}

impl RequestError {
    /// An error about one field.
    pub fn new(field: &'static str, why: impl Into<String>) -> Self {
        RequestError {
            field,
            why: why.into(),
        }
    }
}

/// Why a text is no value: key/value text has no escape, so whatever could end a line, or be read
/// as something else, is refused (`denic.md` 4.1, 4.8).
fn fault(text: &str, max: usize) -> Option<String> {
    if let Some(odd) = text.chars().find(|c| c.is_control()) {
        return Some(format!(
            "it holds the control character U+{:04X}",
            u32::from(odd)
        ));
    }
    // Separators that some readers take for the end of a line.
    if text.contains(['\u{2028}', '\u{2029}', '\u{feff}']) {
        return Some("it holds an invisible separator".to_owned());
    }
    let count = text.chars().count();
    if count == 0 {
        return Some("it is empty".to_owned());
    }
    (count > max).then(|| format!("it has {count} characters, at most {max} are allowed"))
}

/// A text of one line and 1 to `MAX` characters, in NFC, without blanks at its ends.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Line<const MAX: usize>(String);

impl<const MAX: usize> Line<MAX> {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> FromStr for Line<MAX> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // Before it is trimmed: a line end at the end of a value is a mistake too.
        let normal: String = text.nfc().collect();
        match fault(&normal, usize::MAX).or_else(|| fault(normal.trim(), MAX)) {
            Some(why) => Err(why),
            None => Ok(Line(normal.trim().to_owned())),
        }
    }
}

impl<const MAX: usize> TryFrom<String> for Line<MAX> {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl<const MAX: usize> From<Line<MAX>> for String {
    fn from(line: Line<MAX>) -> String {
        line.0
    }
}

impl<const MAX: usize> fmt::Display for Line<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The secret of a provider change: 8 to 16 visible characters (`denic.md` 4.6). Whoever knows it
/// can take the domain away, so it is never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AuthInfoSecret(String);

impl AuthInfoSecret {
    /// The secret itself, for the request.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for AuthInfoSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(crate::model::HIDDEN)
    }
}

impl FromStr for AuthInfoSecret {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_fine = (8..=16).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        match is_fine {
            true => Ok(AuthInfoSecret(text.to_owned())),
            false => Err("it has 8 to 16 visible ASCII characters".to_owned()),
        }
    }
}

impl TryFrom<String> for AuthInfoSecret {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<AuthInfoSecret> for String {
    fn from(secret: AuthInfoSecret) -> String {
        secret.0
    }
}

/// SHA-256 of such a secret: one round, no salt, 64 lower-case hex digits (`denic.md` 4.6).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AuthInfoHash(String);

impl AuthInfoHash {
    /// The hash of a secret.
    pub fn of(secret: &AuthInfoSecret) -> Self {
        AuthInfoHash(crate::model::sha256_hex(secret.0.as_bytes()))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for AuthInfoHash {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
            true => Ok(AuthInfoHash(text.to_ascii_lowercase())),
            false => Err("it has 64 hex digits".to_owned()),
        }
    }
}

impl From<AuthInfoHash> for String {
    fn from(hash: AuthInfoHash) -> String {
        hash.0
    }
}

/// Where general requests or reports of abuse go: `mailto:` or `https:`, with variables such as
/// `{Ulabel}` (RFC 6570; `denic.md` 4.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UriTemplate(Line<255>);

impl UriTemplate {
    /// The template.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl FromStr for UriTemplate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let line: Line<255> = text.parse()?;
        let has_scheme = ["mailto:", "https:"].iter().any(|scheme| {
            line.as_str()
                .get(..scheme.len())
                .is_some_and(|front| front.eq_ignore_ascii_case(scheme))
        });
        match has_scheme && !line.as_str().contains(char::is_whitespace) {
            true => Ok(UriTemplate(line)),
            false => Err("it begins with `mailto:` or `https:` and holds no blank".to_owned()),
        }
    }
}

impl TryFrom<String> for UriTemplate {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<UriTemplate> for String {
    fn from(template: UriTemplate) -> String {
        template.0.into()
    }
}
