//! What a reader notices on its way: warnings, and the domain as soon as it is known.

use std::collections::HashMap;
use std::fmt::Write as _;

use crate::model::{DomainName, Reason, ReasonCode};

/// How many line numbers one warning lists.
const LINES_MAX: usize = 10;

/// Collects warnings. The same one on several lines becomes one reason that lists the lines, so
/// that a long message cannot flood the log.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// The domain the message is about, for a later error to name.
    pub domain: Option<DomainName>,
    found: Vec<Note>,
    index: HashMap<(ReasonCode, String), usize>,
}

#[derive(Debug)]
struct Note {
    code: ReasonCode,
    what: String,
    lines: Vec<usize>,
    more: usize,
}

impl Notes {
    /// A warning about the message as a whole.
    pub fn warn(&mut self, code: ReasonCode, what: impl Into<String>) {
        self.note(code, what.into());
    }

    /// A warning about one line, counted from 1.
    pub fn at(&mut self, code: ReasonCode, line: usize, what: impl Into<String>) {
        let note = self.note(code, what.into());
        if note.lines.len() < LINES_MAX {
            note.lines.push(line);
        } else {
            note.more += 1;
        }
    }

    fn note(&mut self, code: ReasonCode, what: String) -> &mut Note {
        let place = *self.index.entry((code, what.clone())).or_insert_with(|| {
            self.found.push(Note {
                code,
                what,
                lines: Vec::new(),
                more: 0,
            });
            self.found.len() - 1
        });
        &mut self.found[place]
    }

    /// The domain and the warnings in the order they were met.
    pub fn finish(self) -> (Option<DomainName>, Vec<Reason>) {
        let warnings = self.found.into_iter().map(Note::into_reason).collect();
        (self.domain, warnings)
    }
}

impl Note {
    fn into_reason(self) -> Reason {
        let mut detail = String::new();
        for (place, line) in self.lines.iter().enumerate() {
            detail += match (place, self.lines.len()) {
                (0, 1) => "line ",
                (0, _) => "lines ",
                _ => ", ",
            };
            // Writing into a String cannot fail.
            let _ = write!(detail, "{line}");
        }
        if self.more > 0 {
            let _ = write!(detail, " and {} more", self.more);
        }
        if !detail.is_empty() {
            detail += ": ";
        }
        detail += &self.what;
        Reason::new(self.code, detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::reason;

    #[test]
    fn the_same_warning_on_many_lines_is_one_reason() {
        let mut notes = Notes::default();
        for line in 5..=20 {
            notes.at(reason::NO_COLON, line, "`HOLDER` without its colon");
        }
        notes.warn(reason::SPECIAL_BLANKS, "special blanks");
        notes.at(reason::REPEATED, 2, "STATUS is repeated");
        let (_, reasons) = notes.finish();
        let shown: Vec<_> = reasons.iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            [
                "W03 lines 5, 6, 7, 8, 9, 10, 11, 12, 13, 14 and 6 more: `HOLDER` without its colon",
                "W06 special blanks",
                "W12 line 2: STATUS is repeated",
            ]
        );
    }
}
