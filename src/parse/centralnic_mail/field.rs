//! The lines of an event: `KEY:value`, upper case in the head, lower case in the data.

use super::super::notes::Notes;
use super::super::reseller::says_trigger;
use crate::model::{Reason, reason};

/// A key of the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Head {
    Registrar,
    Date,
    Index,
    Class,
    Subclass,
    Reason,
    Message,
    Object,
}

const HEADS: [(&str, Head); 8] = [
    ("REGISTRAR", Head::Registrar),
    ("DATE", Head::Date),
    ("INDEX", Head::Index),
    ("CLASS", Head::Class),
    ("SUBCLASS", Head::Subclass),
    ("REASON", Head::Reason),
    ("MESSAGE", Head::Message),
    ("OBJECT", Head::Object),
];

/// Longest data key; the documented ones have up to 20 characters.
const KEY_MAX: usize = 64;

impl Head {
    /// As the reseller writes it.
    pub fn as_str(self) -> &'static str {
        HEADS
            .iter()
            .find(|(_, head)| *head == self)
            .map_or("REASON", |(word, _)| word)
    }
}

/// One line with a key.
#[derive(Debug)]
pub(super) struct Field<'a, K> {
    /// Its number, from 1.
    pub line: usize,
    /// Its key.
    pub key: K,
    /// Its value, trimmed; may be empty.
    pub value: &'a str,
}

/// The lines of a text, in order.
#[derive(Debug, Default)]
pub(super) struct Fields<'a> {
    /// The head.
    pub head: Vec<Field<'a, Head>>,
    /// The data.
    pub data: Vec<Field<'a, &'a str>>,
    /// Other lines with their numbers.
    pub unknown: Vec<(usize, &'a str)>,
    /// First key of the head that stands where none is read: behind a signature mark, or quoted.
    pub aside: Option<usize>,
    /// A line without a key right behind one with a trigger code: the code may go on there.
    pub cut: Option<usize>,
}

/// The key of the head that begins this line, if one does.
pub(super) fn name(content: &str) -> Option<&'static str> {
    let (key, _) = content.split_once(':')?;
    head(key.trim_end()).map(Head::as_str)
}

fn head(key: &str) -> Option<Head> {
    HEADS
        .iter()
        .find(|(word, _)| *word == key)
        .map(|(_, head)| *head)
}

/// Lower-case letters, digits, blanks, `_` and `-`, a letter first.
fn is_data_key(key: &str) -> bool {
    key.starts_with(|first: char| first.is_ascii_lowercase())
        && key.len() <= KEY_MAX
        && key
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b' ' | b'_' | b'-'))
}

impl<'a> Fields<'a> {
    /// Reads a clean text. Never fails: what has no key is kept as unknown.
    pub fn read(text: &'a str, notes: &mut Notes) -> Self {
        let mut fields = Fields::default();
        let mut is_behind = false;
        let mut is_at_code = false;
        for (line, content) in (1..).zip(text.lines().map(str::trim)) {
            let quoted = content.trim_start_matches(['>', '|', ' ']);
            if (is_behind || quoted.len() < content.len()) && name(quoted).is_some() {
                fields.aside.get_or_insert(line);
            }
            if content == "--" || content.starts_with("-----BEGIN PGP SIGNATURE-----") {
                is_behind = true;
            }
            if is_behind || content.is_empty() {
                continue;
            }
            let was_at_code = std::mem::replace(&mut is_at_code, says_trigger(content));
            let split = content
                .split_once(':')
                .map(|(key, value)| (key.trim_end(), value.trim()));
            match split {
                Some((key, value)) if head(key).is_some() => {
                    fields
                        .head
                        .extend(head(key).map(|key| Field { line, key, value }));
                }
                Some((key, value)) if is_data_key(key) => {
                    fields.data.push(Field { line, key, value });
                }
                _ => {
                    if was_at_code {
                        fields.cut.get_or_insert(line);
                    }
                    notes.at(reason::UNKNOWN_FIELD, line, "not a field that is known");
                    fields.unknown.push((line, content));
                }
            }
        }
        fields
    }

    /// Is there anything that only an event has?
    pub fn is_event(&self) -> bool {
        let mut head = self.head.iter();
        head.any(|field| {
            matches!(field.key, Head::Class | Head::Subclass) || says_trigger(field.value)
        })
    }

    /// The one value of that key; R12 if it is there twice with different values. Empty is missing.
    pub fn one(&self, key: Head, notes: &mut Notes) -> Result<Option<(usize, &'a str)>, Reason> {
        let mut fields = self.head.iter().filter(|field| field.key == key);
        let Some(first) = fields.next() else {
            return Ok(None);
        };
        for again in fields {
            if first.value != again.value {
                return Err(Reason::new(
                    reason::CONTRADICTION,
                    format!(
                        "line {}, {}: it differs from line {}",
                        again.line,
                        key.as_str(),
                        first.line
                    ),
                ));
            }
            let repeated = format!("{} is repeated", key.as_str());
            notes.at(reason::REPEATED, again.line, repeated);
        }
        Ok(Some((first.line, first.value)).filter(|(_, value)| !value.is_empty()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_colon_separates_and_blanks_around_it_do_not_matter() {
        let text = "CLASS:A_B\nDATE: 2026-11-09 17:26:33\ncurrent registrar:a\nx-time_2 : b:c\n";
        let fields = Fields::read(text, &mut Notes::default());
        let head: Vec<_> = fields.head.iter().map(|f| (f.key, f.value)).collect();
        let data: Vec<_> = fields.data.iter().map(|f| (f.key, f.value)).collect();
        assert_eq!(
            head,
            [(Head::Class, "A_B"), (Head::Date, "2026-11-09 17:26:33")]
        );
        assert_eq!(data, [("current registrar", "a"), ("x-time_2", "b:c")]);
        assert!(fields.unknown.is_empty());
    }

    #[test]
    fn other_keys_and_lines_are_unknown() {
        for other in [
            "Class:A",
            "NEW:b",
            "2026-11-23 00:41",
            "no key",
            ":x",
            "a.b:c",
        ] {
            let fields = Fields::read(other, &mut Notes::default());
            assert_eq!(fields.unknown, [(1, other)]);
            assert!(!fields.is_event());
        }
    }

    #[test]
    fn keys_that_are_not_read_are_noticed() {
        let aside = |text: &str| Fields::read(text, &mut Notes::default()).aside;
        assert_eq!(aside("CLASS:A\n-- \nSUBCLASS:B"), Some(3));
        assert_eq!(aside("CLASS:A\n> OBJECT:B"), Some(2));
        assert_eq!(aside("CLASS:A\n-- \nregards: us"), None);
    }

    #[test]
    fn a_line_without_a_key_behind_a_code_is_noticed() {
        let cut = |text: &str| Fields::read(text, &mut Notes::default()).cut;
        assert_eq!(cut("REASON:WITH TRIGGERCODE: ab\ncd=="), Some(2));
        assert_eq!(cut("REASON:WITH TRIGGERCODE: ab\n\ncd=="), Some(3));
        assert_eq!(cut("REASON:WITH TRIGGERCODE: ab\nCLASS:A\ncd"), None);
    }
}
