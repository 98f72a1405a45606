//! The answers of the reseller's API (`centralnic.md` 3).

use std::collections::BTreeMap;
use std::fmt;

/// Octets of an answer; the longest ones, lists of a thousand rows, have some hundred thousand.
pub const REPLY_BYTES_MAX: usize = 4 << 20;

/// An answer of the API, whole and well formed.
#[derive(Clone, PartialEq)]
pub struct ResellerReply {
    /// Three digits (`centralnic.md` 4).
    pub code: u16,
    /// The fixed text, and behind `;` what is special about this answer.
    pub description: String,
    /// Seconds.
    pub runtime: Option<f64>,
    /// Seconds.
    pub queuetime: Option<f64>,
    properties: BTreeMap<String, Values>,
}

/// The values of one property.
#[derive(Clone, Default, PartialEq)]
struct Values {
    texts: Vec<String>,
    /// The index of each, rising; `None`: one has none or one stands twice, so that arrival counts.
    indexes: Option<Vec<u32>>,
}

/// Without the values: session ids and trigger codes are among them.
impl fmt::Debug for ResellerReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResellerReply")
            .field("code", &self.code)
            .field("properties", &self.properties.keys())
            .finish_non_exhaustive()
    }
}

/// What the first digit of a code says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyOutcome {
    /// 2xx: done.
    Success,
    /// 4xx: not done, and may be later.
    Temporary,
    /// 5xx: not done.
    Permanent,
}

/// The bytes are no whole answer: as good as none. A sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ReplyError(pub String);

/// What is to be done after an answer that is no success, or without one (`centralnic.md` 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RetryClass {
    /// R0: later the same may go well. Of what changes something the state is read before.
    Again,
    /// R1: nothing at all is to be sent for some minutes.
    SlowDown,
    /// R2: only a person can help.
    Operator,
    /// R3: it stays a no.
    Final,
    /// R4: it may have been done. The state is read before any second try.
    Unknown,
}

impl RetryClass {
    /// The class of an answer's code, `None` where there is no answer; none for a success.
    ///
    /// `is_reading`: the command changes nothing, so that without an answer it is just asked again.
    pub fn of(code: Option<u16>, is_reading: bool) -> Option<Self> {
        Some(match code {
            Some(200..=299) => return None,
            Some(422 | 521) => RetryClass::SlowDown,
            Some(400..=499 | 520) => RetryClass::Again,
            Some(530 | 531 | 535 | 546) => RetryClass::Operator,
            Some(500..=599) => RetryClass::Final,
            Some(_) | None if is_reading => RetryClass::Again,
            Some(_) | None => RetryClass::Unknown,
        })
    }
}

impl ResellerReply {
    /// Reads an answer; LF or CRLF end a line, and what stands behind `EOF` is left alone.
    pub fn read(raw: &[u8]) -> Result<Self, ReplyError> {
        let wrong = |text: String| ReplyError(text);
        if raw.len() > REPLY_BYTES_MAX {
            return Err(wrong(format!(
                "the answer has more than {REPLY_BYTES_MAX} bytes"
            )));
        }
        let text = String::from_utf8_lossy(raw);
        let mut lines = (1..).zip(text.lines().map(str::trim));
        let mut filled = lines.by_ref().filter(|(_, line)| !line.is_empty());
        if !filled
            .next()
            .is_some_and(|(_, line)| line.eq_ignore_ascii_case("[RESPONSE]"))
        {
            return Err(wrong(
                "the answer does not begin with `[RESPONSE]`".to_owned(),
            ));
        }
        let mut draft = Draft::default();
        for (number, line) in lines {
            if line.eq_ignore_ascii_case("EOF") {
                return draft.whole();
            }
            draft.take(number, line)?;
        }
        Err(wrong("the answer is cut: it has no line `EOF`".to_owned()))
    }

    /// What the first digit of the code says.
    pub fn outcome(&self) -> ReplyOutcome {
        match self.code {
            200..=299 => ReplyOutcome::Success,
            400..=499 => ReplyOutcome::Temporary,
            _ => ReplyOutcome::Permanent,
        }
    }

    /// The values of a property, by its normalised name (`verificationrequested`): in the order of
    /// their index, or as they arrived where an index is missing or stands twice.
    pub fn values(&self, name: &str) -> &[String] {
        (self.properties.get(name)).map_or(&[], |values| values.texts.as_slice())
    }

    /// The first value of a property.
    pub fn one(&self, name: &str) -> Option<&str> {
        self.values(name).first().map(String::as_str)
    }

    /// The value of a property with that index: a field of a row of a list. Rows that lack a field do
    /// not take it from the next.
    pub fn at(&self, name: &str, index: u32) -> Option<&str> {
        let values = self.properties.get(name)?;
        let place = match &values.indexes {
            Some(indexes) => indexes.binary_search(&index).ok()?,
            None => usize::try_from(index).ok()?,
        };
        values.texts.get(place).map(String::as_str)
    }

    /// The indexes of a property's values, for [`ResellerReply::at`].
    pub fn indexes(&self, name: &str) -> Vec<u32> {
        match self.properties.get(name) {
            Some(values) => match &values.indexes {
                Some(indexes) => indexes.clone(),
                None => (0..).take(values.texts.len()).collect(),
            },
            None => Vec::new(),
        }
    }

    /// All properties by normalised name.
    pub fn properties(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.properties
            .iter()
            .map(|(name, values)| (name.as_str(), values.texts.as_slice()))
    }
}

/// A property's name as code knows it: lower case, without blanks and underscores; hyphens stay.
pub fn property_name(name: &str) -> String {
    name.chars()
        .filter(|c| !c.is_whitespace() && *c != '_')
        .flat_map(char::to_lowercase)
        .collect()
}

/// An answer while its lines are read.
#[derive(Default)]
struct Draft {
    code: Option<u16>,
    description: Option<String>,
    runtime: Option<f64>,
    queuetime: Option<f64>,
    properties: BTreeMap<String, Vec<(Option<u32>, String)>>,
}

impl Draft {
    /// One line; what no one knows is left alone.
    fn take(&mut self, number: usize, line: &str) -> Result<(), ReplyError> {
        let Some((key, value)) = line.split_once('=') else {
            return Ok(());
        };
        let (key, value) = (key.trim_end(), value.trim_start());
        if let Some((name, index)) = property(key) {
            let values = self.properties.entry(name).or_default();
            values.push((index, value.to_owned()));
            return Ok(());
        }
        match key.to_ascii_lowercase().as_str() {
            "code" => {
                let code = three_digits(value).ok_or_else(|| {
                    ReplyError(format!("line {number}: `code` is not 200 to 599"))
                })?;
                if self.code.replace(code).is_some_and(|before| before != code) {
                    return Err(ReplyError(format!(
                        "line {number}: `code` stands twice and differs"
                    )));
                }
            }
            "description" => {
                self.description.get_or_insert_with(|| value.to_owned());
            }
            "runtime" => self.runtime = seconds(value),
            "queuetime" => self.queuetime = seconds(value),
            _ => {}
        }
        Ok(())
    }

    fn whole(self) -> Result<ResellerReply, ReplyError> {
        let missing = |what: &str| ReplyError(format!("the answer has no {what}"));
        Ok(ResellerReply {
            code: self.code.ok_or_else(|| missing("code"))?,
            description: self
                .description
                .filter(|text| !text.is_empty())
                .ok_or_else(|| missing("description"))?,
            runtime: self.runtime,
            queuetime: self.queuetime,
            properties: self
                .properties
                .into_iter()
                .map(|(name, values)| (name, Values::of(values)))
                .collect(),
        })
    }
}

impl Values {
    fn of(mut read: Vec<(Option<u32>, String)>) -> Self {
        let indexes: Option<Vec<u32>> = read.iter().map(|(index, _)| *index).collect();
        let indexes = indexes.and_then(|mut indexes| {
            indexes.sort_unstable();
            let is_each_once = indexes.windows(2).all(|pair| pair[0] != pair[1]);
            is_each_once.then_some(indexes)
        });
        if indexes.is_some() {
            read.sort_by_key(|(index, _)| *index);
        }
        Values {
            texts: read.into_iter().map(|(_, text)| text).collect(),
            indexes,
        }
    }
}

/// A time; what is no number counts for nothing.
fn seconds(text: &str) -> Option<f64> {
    text.parse()
        .ok()
        .filter(|seconds: &f64| seconds.is_finite())
}

/// 2xx, 4xx or 5xx.
fn three_digits(text: &str) -> Option<u16> {
    let is_three = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    let code = text.parse().ok().filter(|_| is_three)?;
    matches!(code, 200..=299 | 400..=599).then_some(code)
}

/// The normalised name and the index of `property[NAME][INDEX]`.
fn property(key: &str) -> Option<(String, Option<u32>)> {
    const WORD: &str = "property";
    let word = key
        .get(..WORD.len())
        .filter(|word| word.eq_ignore_ascii_case(WORD))?;
    let rest = key[word.len()..].trim().strip_prefix('[')?;
    let (name, rest) = rest.split_once(']')?;
    let index = rest.trim().strip_prefix('[').and_then(|rest| {
        let digits = rest.strip_suffix(']')?;
        digits.trim().parse().ok()
    });
    Some((property_name(name), index))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &str) -> ResellerReply {
        let text = format!("[RESPONSE]\ncode = 200\ndescription = Done\n{lines}EOF\n");
        ResellerReply::read(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_row_that_lacks_a_field_does_not_take_the_next_ones() {
        let reply = read(
            "property[domain][0] = a.example\nproperty[domain][1] = b.example\n\
             property[domain][2] = c.example\nproperty[at][2] = 3\nproperty[at][0] = 1\n",
        );
        assert_eq!(reply.values("at"), ["1", "3"]);
        let rows: Vec<_> = reply.indexes("domain");
        let rows: Vec<_> = rows.iter().map(|index| reply.at("at", *index)).collect();
        assert_eq!(rows, [Some("1"), None, Some("3")]);
    }

    #[test]
    fn names_are_known_however_they_are_written() {
        for name in [
            "verification requested",
            "VERIFICATION_REQUESTED",
            " Verification Requested ",
        ] {
            let reply = read(&format!("PROPERTY[{name}][0]=1\n"));
            assert_eq!(reply.one("verificationrequested"), Some("1"), "{name}");
        }
        let hyphens = read("property[X-Time-To-Suspension][0] = x\n");
        assert_eq!(hyphens.one("x-time-to-suspension"), Some("x"));
    }

    #[test]
    fn a_debug_line_shows_no_value() {
        let reply = read("property[sessionid][0] = 0f0e0d0c\n");
        assert!(!format!("{reply:?}").contains("0f0e0d0c"));
    }

    #[test]
    fn an_answer_that_is_not_whole_is_none() {
        for (text, why) in [
            ("", "[RESPONSE]"),
            ("<html>", "[RESPONSE]"),
            ("[RESPONSE]\ncode=200\ndescription=Done\n", "EOF"),
            ("[RESPONSE]\ncode=200\ndescription=\nEOF\n", "description"),
            ("[RESPONSE]\ndescription=Done\nEOF\n", "code"),
            ("[RESPONSE]\ncode=2000\ndescription=Done\nEOF\n", "line 2"),
            ("[RESPONSE]\ncode=300\ndescription=Done\nEOF\n", "line 2"),
            ("[RESPONSE]\ncode=+20\ndescription=Done\nEOF\n", "line 2"),
            (
                "[RESPONSE]\ncode=200\ncode=500\ndescription=Done\nEOF\n",
                "twice",
            ),
        ] {
            let error = ResellerReply::read(text.as_bytes())
                .unwrap_err()
                .to_string();
            assert!(error.contains(why), "{text:?}: {error}");
        }
        let long = vec![b' '; REPLY_BYTES_MAX + 1];
        assert!(ResellerReply::read(&long).is_err());
    }

    #[test]
    fn every_code_has_its_class_and_no_answer_leaves_a_change_in_doubt() {
        for (codes, class) in [
            (&[200, 210, 220][..], None),
            (&[420, 421, 423, 520], Some(RetryClass::Again)),
            (&[422, 521], Some(RetryClass::SlowDown)),
            (&[530, 531, 535, 546], Some(RetryClass::Operator)),
            (&[500, 541, 545, 549, 552], Some(RetryClass::Final)),
        ] {
            for code in codes {
                assert_eq!(RetryClass::of(Some(*code), false), class, "{code}");
                assert_eq!(RetryClass::of(Some(*code), true), class, "{code}");
            }
        }
        assert_eq!(RetryClass::of(None, false), Some(RetryClass::Unknown));
        assert_eq!(RetryClass::of(None, true), Some(RetryClass::Again));
    }
}
