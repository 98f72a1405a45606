//! The chain of the audit trail: each entry carries the hash of the one before it.
//!
//! Whoever may write to the database can drop its triggers, change an entry and hash everything
//! behind it anew, the head included. No program that runs beside such a person can prevent that;
//! it is found by comparing with a head that was noted somewhere else (`stichtag audit verify`
//! prints it). Everything short of that is found without one.

use std::fmt;
use std::str::FromStr;

use crate::model::sha256_hex;

/// What stands for the hash before the first entry.
const BEGINNING: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// An entry as it lies in the database, whatever was done to it.
#[derive(Clone, Debug)]
pub struct RawEntry {
    /// Its number.
    pub id: i64,
    /// Microseconds since 1970.
    pub at: i64,
    /// Actor, action, object and detail, in this order.
    pub texts: [Vec<u8>; 4],
    /// Hash of the entry before it.
    pub previous: Vec<u8>,
    /// Its own.
    pub hash: Vec<u8>,
}

/// The hash of an entry: SHA-256, 64 lower-case hexadecimal digits, over
///
/// ```text
/// stichtag audit 1 LF
/// number LF  previous hash LF  microseconds since 1970 LF
/// length SP actor LF  length SP action LF  length SP object LF  length SP detail LF
/// ```
///
/// Numbers are decimal, lengths count bytes of UTF-8. Each text stands behind its length, so no
/// two different entries have the same form.
pub fn hash(id: i64, previous: &[u8], at: i64, texts: [&[u8]; 4]) -> String {
    let mut form = format!("stichtag audit 1\n{id}\n").into_bytes();
    form.extend_from_slice(previous);
    form.extend_from_slice(format!("\n{at}\n").as_bytes());
    for text in texts {
        form.extend_from_slice(format!("{} ", text.len()).as_bytes());
        form.extend_from_slice(text);
        form.push(b'\n');
    }
    sha256_hex(&form)
}

/// The newest entry: how many there are, and its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditHead {
    /// Its number, which is the number of entries.
    pub entries: i64,
    /// Its hash.
    pub hash: String,
}

impl fmt::Display for AuditHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.entries, self.hash)
    }
}

impl FromStr for AuditHead {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected =
            || "expected a number, a colon and 64 hexadecimal digits, as `audit verify` prints";
        let (entries, hash) = text.split_once(':').ok_or_else(expected)?;
        let entries: i64 = entries.parse().map_err(|_| expected())?;
        let is_hash = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        if entries < 0 || !is_hash {
            return Err(expected().to_owned());
        }
        Ok(AuditHead {
            entries,
            hash: hash.to_ascii_lowercase(),
        })
    }
}

/// Something that does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditFinding {
    /// The entry concerned; the first one where several are missing. `None`: the trail as a whole.
    pub entry: Option<i64>,
    /// One sentence.
    pub what: String,
}

/// What a walk through the trail found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditCheck {
    /// Entries there are.
    pub entries: u64,
    /// The last one of them, to be noted elsewhere.
    pub head: AuditHead,
    /// What does not fit, in the order of the entries; empty: all is well.
    pub findings: Vec<AuditFinding>,
}

/// A walk through the trail, from the first entry to the last.
pub struct Walk<'a> {
    noted: Option<&'a AuditHead>,
    is_noted_there: bool,
    entries: u64,
    last: AuditHead,
    /// What the last entry hashes to, which is another than it says if it was changed.
    computed: String,
    findings: Vec<AuditFinding>,
}

impl<'a> Walk<'a> {
    /// Before the first entry.
    pub fn begin(noted: Option<&'a AuditHead>) -> Self {
        let last = AuditHead {
            entries: 0,
            hash: BEGINNING.to_owned(),
        };
        Walk {
            noted,
            is_noted_there: noted.is_none_or(|noted| *noted == last),
            entries: 0,
            computed: last.hash.clone(),
            last,
            findings: Vec::new(),
        }
    }

    fn find(&mut self, entry: Option<i64>, what: impl Into<String>) {
        let what = what.into();
        self.findings.push(AuditFinding { entry, what });
    }

    /// The next entry, in the order of their numbers.
    pub fn step(&mut self, entry: &RawEntry) {
        self.entries += 1;
        let id = entry.id;
        if id < 1 {
            self.find(
                Some(id),
                format!("entry {id} was put in: the first one is 1"),
            );
            return;
        }
        let next = self.last.entries + 1;
        if id > next {
            self.find(Some(next), missing(next, id - 1));
        } else if entry.previous != self.last.hash.as_bytes()
            && entry.previous != self.computed.as_bytes()
        {
            let before = id - 1;
            let what = if before == 0 {
                "entry 1 was changed: nothing stands before it".to_owned()
            } else {
                format!(
                    "entry {before} is not the one that entry {id} was written after: \
                     it was changed, or another was put in its place"
                )
            };
            self.find(Some(before.max(1)), what);
        }
        let texts = [0, 1, 2, 3].map(|nth: usize| entry.texts[nth].as_slice());
        self.computed = hash(id, &entry.previous, entry.at, texts);
        if self.computed.as_bytes() != entry.hash {
            let what = format!("entry {id} was changed: its hash is not that of what it says");
            self.find(Some(id), what);
        }
        self.last = AuditHead {
            entries: id,
            hash: String::from_utf8_lossy(&entry.hash).into_owned(),
        };
        self.is_noted_there |= self.noted == Some(&self.last);
    }

    /// Behind the last entry, with the head that the database keeps.
    pub fn end(mut self, head: Option<&AuditHead>) -> AuditCheck {
        let last = self.last.entries;
        match head {
            None => self.find(None, "the head of the trail is missing: its end may be too"),
            Some(head) if head.entries > last => {
                self.find(
                    Some(last + 1),
                    missing(last + 1, head.entries) + " at the end",
                );
            }
            Some(head) if head.entries < last => {
                let first = head.entries.max(0) + 1;
                let what = format!(
                    "entry {first} was put in behind the end: the program wrote {}",
                    head.entries
                );
                self.find(Some(first), what);
            }
            Some(head) if head.hash != self.last.hash => {
                let what = format!("entry {last} is not the last one that the program wrote");
                self.find(Some(last), what);
            }
            Some(_) => {}
        }
        if let Some(noted) = self.noted.filter(|_| !self.is_noted_there) {
            let number = noted.entries;
            let what = format!(
                "entry {number} is not the one that was noted: the trail was written anew or cut \
                 since then"
            );
            self.find(Some(number), what);
        }
        AuditCheck {
            entries: self.entries,
            head: self.last,
            findings: self.findings,
        }
    }
}

fn missing(first: i64, last: i64) -> String {
    if first == last {
        format!("entry {first} is missing")
    } else {
        format!("entries {first} to {last} are missing")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_entries_have_the_same_form() {
        let previous = BEGINNING.as_bytes();
        let hash = |texts: [&str; 4]| hash(1, previous, 5, texts.map(str::as_bytes));
        // Moved from one field to the next, with every character that stands between them.
        for (one, other) in [
            (["ab", "c", "", ""], ["a", "bc", "", ""]),
            (["a\n1 b", "c", "", ""], ["a", "b\n1 c", "", ""]),
            (["a", "", "b", ""], ["a", "b", "", ""]),
            (["1 a", "x", "", ""], ["a", "x", "", ""]),
        ] {
            assert_ne!(hash(one), hash(other), "{one:?} {other:?}");
        }
    }

    #[test]
    fn the_form_is_the_documented_one() {
        let form = format!(
            "stichtag audit 1\n7\n{BEGINNING}\n1780000000000000\n6 1000 a\n12 held release\n1 5\n3 \u{fc}b\n"
        );
        let texts = ["1000 a", "held release", "5", "\u{fc}b"].map(str::as_bytes);
        assert_eq!(
            hash(7, BEGINNING.as_bytes(), 1_780_000_000_000_000, texts),
            sha256_hex(form.as_bytes())
        );
    }

    #[test]
    fn a_head_is_read_as_it_is_printed() {
        let head = AuditHead {
            entries: 42,
            hash: BEGINNING.replace('0', "a"),
        };
        assert_eq!(head.to_string().parse(), Ok(head));
        for text in ["", "42", "42:abc", "-1:00", "x:00"] {
            assert!(text.parse::<AuditHead>().is_err(), "{text}");
        }
    }
}
