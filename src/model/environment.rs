//! Live or test: part of every key, so that a test message can never touch a live record.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Which of the registry's two worlds a fact belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// The real registry: what it says has consequences.
    Live,
    /// The registry's test system: same forms, no consequences.
    Test,
}

impl Environment {
    /// The word used in JSON, in the database and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Environment::Live => "live",
            Environment::Test => "test",
        }
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text was neither `live` nor `test`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an environment; expected `live` or `test`")]
pub struct EnvironmentError(String);

impl FromStr for Environment {
    type Err = EnvironmentError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "live" => Ok(Environment::Live),
            "test" => Ok(Environment::Test),
            other => Err(EnvironmentError(other.to_owned())),
        }
    }
}
