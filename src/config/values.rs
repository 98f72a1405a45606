//! Reading single values: durations, sizes, networks, patterns.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::SignedDuration;
use regex::Regex;
use toml::Value;

use super::layers::{ConfigError, Layers, Origin, shown};

/// One key with its value, ready to be read as what it should be.
pub struct Field<'a> {
    key: String,
    value: &'a Value,
    origin: &'a Origin,
}

impl Layers {
    /// The field of that key. Every key asked for is in the defaults.
    pub fn field(&self, key: &str) -> Field<'_> {
        static MISSING: Value = Value::Boolean(false);
        static DEFAULT: Origin = Origin::Default;
        let (value, origin) = self.get(key).unwrap_or((&MISSING, &DEFAULT));
        Field {
            key: key.to_owned(),
            value,
            origin,
        }
    }
}

impl Field<'_> {
    /// An error about this field.
    pub fn error(&self, expected: &str) -> ConfigError {
        ConfigError::new(
            self.origin,
            format!(
                "`{}` is {}, expected {expected}",
                self.key,
                shown(&self.key, self.value)
            ),
        )
    }

    /// An error about what this field leads to.
    pub fn wrong(&self, why: &str) -> ConfigError {
        ConfigError::new(self.origin, format!("`{}`: {why}", self.key))
    }

    /// As text.
    pub fn text(&self) -> String {
        self.value.as_str().unwrap_or_default().to_owned()
    }

    /// As a list of texts.
    pub fn list(&self) -> Result<Vec<String>, ConfigError> {
        self.value
            .as_array()
            .into_iter()
            .flatten()
            .map(|item| item.as_str().map(str::to_owned))
            .collect::<Option<_>>()
            .ok_or_else(|| self.error("a list of texts"))
    }

    /// As a list of whole numbers.
    pub fn numbers(&self) -> Option<Vec<i64>> {
        let items = self.value.as_array()?;
        items.iter().map(Value::as_integer).collect()
    }

    /// As lists of texts by DNS name.
    pub fn texts_by_name(&self) -> Result<BTreeMap<String, Vec<String>>, ConfigError> {
        let wrong = || {
            self.error(
                "TXT records by name, such as {\"s1._domainkey.example.net\" = [\"v=DKIM1; p=…\"]}",
            )
        };
        let is_name = |name: &str| {
            let mut labels = name.trim_end_matches('.').split('.');
            name.is_ascii() && labels.all(|label| (1..=63).contains(&label.len()))
        };
        let table = self.value.as_table().ok_or_else(wrong)?;
        table
            .iter()
            .map(|(name, texts)| {
                let texts: Option<Vec<String>> = texts
                    .as_array()?
                    .iter()
                    .map(|text| text.as_str().map(str::to_owned))
                    .collect();
                Some((name.clone(), texts?)).filter(|_| is_name(name))
            })
            .collect::<Option<_>>()
            .ok_or_else(wrong)
    }

    /// As true or false.
    pub fn truth(&self) -> bool {
        self.value.as_bool().unwrap_or_default()
    }

    /// As a count within `range`.
    pub fn count(&self, range: std::ops::RangeInclusive<usize>) -> Result<usize, ConfigError> {
        self.value
            .as_integer()
            .and_then(|number| usize::try_from(number).ok())
            .filter(|number| range.contains(number))
            .ok_or_else(|| {
                self.error(&format!(
                    "a number from {} to {}",
                    range.start(),
                    range.end()
                ))
            })
    }

    /// As a duration, such as `90s`, `15m`, `24h`, `7d`.
    pub fn duration(&self) -> Result<Duration, ConfigError> {
        duration(&self.text())
            .ok_or_else(|| self.error("a duration such as \"90s\", \"15m\", \"24h\" or \"7d\""))
    }

    /// As a duration; empty text is none.
    pub fn optional_duration(&self) -> Result<Option<Duration>, ConfigError> {
        match self.text().as_str() {
            "" => Ok(None),
            _ => self.duration().map(Some),
        }
    }

    /// As a list of durations.
    pub fn durations(&self) -> Result<Vec<SignedDuration>, ConfigError> {
        let wrong = || self.error("a list of durations such as [\"14d\", \"36h\"]");
        let read = |item: &String| SignedDuration::try_from(duration(item)?).ok();
        (self.list()?.iter())
            .map(|item| read(item).ok_or_else(wrong))
            .collect()
    }

    /// As a size in bytes, such as `256KiB`.
    pub fn size(&self) -> Result<u64, ConfigError> {
        let text = self.text();
        let (number, unit) = split_unit(&text);
        let factor: u64 = match unit {
            "" | "B" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            _ => 0,
        };
        number
            .parse::<u64>()
            .ok()
            .filter(|_| factor > 0)
            .and_then(|number| number.checked_mul(factor))
            .ok_or_else(|| self.error("a size such as \"256KiB\" or \"500MiB\""))
    }

    /// As a regular expression; empty text is none.
    pub fn pattern(&self) -> Result<Option<Regex>, ConfigError> {
        let text = self.text();
        if text.is_empty() {
            return Ok(None);
        }
        Regex::new(&text)
            .map(Some)
            .map_err(|error| self.error(&format!("a regular expression ({error})")))
    }

    /// As anything that can be parsed.
    pub fn parsed<T: std::str::FromStr>(&self, expected: &str) -> Result<T, ConfigError> {
        self.text().parse().map_err(|_| self.error(expected))
    }

    /// As a list of anything that can be parsed.
    pub fn parsed_list<T: std::str::FromStr>(&self, expected: &str) -> Result<Vec<T>, ConfigError> {
        self.list()?
            .iter()
            .map(|item| item.parse().map_err(|_| self.error(expected)))
            .collect()
    }

    /// As one of a few words.
    pub fn choice<T: Copy>(&self, choices: &[(&str, T)]) -> Result<T, ConfigError> {
        let text = self.text();
        choices
            .iter()
            .find(|(word, _)| *word == text)
            .map(|(_, value)| *value)
            .ok_or_else(|| {
                let words: Vec<_> = choices
                    .iter()
                    .map(|(word, _)| format!("\"{word}\""))
                    .collect();
                self.error(&words.join(" or "))
            })
    }
}

fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = split_unit(text);
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    number
        .parse::<u64>()
        .ok()?
        .checked_mul(seconds)
        .filter(|seconds| *seconds <= 10 * 366 * 86_400)
        .map(Duration::from_secs)
}

fn split_unit(text: &str) -> (&str, &str) {
    let text = text.trim();
    let at = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    (&text[..at], text[at..].trim())
}
