//! What key/value and XML have in common: named values with their lines.

use super::super::code::Coded;
use super::super::instant;
use super::super::notes::Notes;
use crate::model::{Level, Reason, reason};
use jiff::Timestamp;

/// A value under a name.
#[derive(Clone, Debug)]
pub(super) struct Field {
    /// Line, from 1.
    pub line: usize,
    /// Lower case, the key/value name also for what came as XML.
    pub key: String,
    /// Trimmed; may be empty.
    pub value: String,
    /// The line or element as written.
    pub raw: String,
    is_taken: bool,
}

/// A message or reply, before anybody has asked what it means.
#[derive(Debug, Default)]
pub(super) struct Payload {
    /// Coded lines, in order.
    pub messages: Vec<Coded>,
    /// What has no place, as written, with its line.
    pub unknown: Vec<(usize, String)>,
    fields: Vec<Field>,
}

impl Payload {
    /// Adds a field.
    pub fn push(&mut self, line: usize, key: &str, value: &str, raw: &str) {
        self.fields.push(Field {
            line,
            key: key.to_ascii_lowercase(),
            value: value.trim().to_owned(),
            raw: raw.trim().to_owned(),
            is_taken: false,
        });
    }

    /// Adds a coded line; without an 11-digit code it is unknown.
    pub fn push_coded(
        &mut self,
        line: usize,
        level: Level,
        value: &str,
        raw: &str,
        notes: &mut Notes,
    ) {
        match Coded::read(line, level, value) {
            Some(coded) => self.messages.push(coded),
            None => self.push_unknown(line, raw, "no 11-digit code", notes),
        }
    }

    /// Keeps what has no place, and mentions it (W01).
    pub fn push_unknown(&mut self, line: usize, raw: &str, why: &str, notes: &mut Notes) {
        notes.at(reason::UNKNOWN_FIELD, line, why);
        self.unknown.push((line, raw.trim().to_owned()));
    }

    /// Is there such a field, taken or not?
    pub fn has(&self, key: &str) -> bool {
        self.fields
            .iter()
            .any(|field| field.key == key && !field.value.is_empty())
    }

    /// Takes the one field of that name; `None` if missing or empty. R12 if it is there twice with
    /// different values, W12 if with equal ones.
    pub fn one(&mut self, key: &str, notes: &mut Notes) -> Result<Option<Field>, Reason> {
        let mut first: Option<Field> = None;
        for field in self.take(key) {
            match &first {
                Some(first) if !first.value.eq_ignore_ascii_case(&field.value) => {
                    return Err(Reason::new(
                        reason::CONTRADICTION,
                        format!(
                            "line {}, {key}: it differs from line {}",
                            field.line, first.line
                        ),
                    ));
                }
                Some(_) => notes.at(reason::REPEATED, field.line, format!("{key} is repeated")),
                None => first = Some(field),
            }
        }
        Ok(first)
    }

    /// The text of the one field of that name.
    pub fn text(&mut self, key: &str, notes: &mut Notes) -> Result<Option<String>, Reason> {
        Ok(self.one(key, notes)?.map(|field| field.value))
    }

    /// Takes every field of that name that has a value.
    pub fn all(&mut self, key: &str) -> Vec<Field> {
        self.take(key).collect()
    }

    /// The instant in the one field of that name; R10 if it cannot be read, R24 without zone.
    pub fn instant(&mut self, key: &str, notes: &mut Notes) -> Result<Option<Timestamp>, Reason> {
        let Some(field) = self.one(key, notes)? else {
            return Ok(None);
        };
        let place = format!("line {}, {key}", field.line);
        instant::read(&field.value)
            .map(Some)
            .map_err(|no| no.reason(&place, &field.value, reason::NOT_UNDERSTOOD))
    }

    /// A deadline field with its line: R11 if it cannot be read, R24 without zone; of several that
    /// differ the earlier, with W12.
    pub fn deadline(
        &mut self,
        key: &str,
        notes: &mut Notes,
    ) -> Result<Option<(Timestamp, usize)>, Reason> {
        let mut earliest: Option<(Timestamp, usize)> = None;
        // An empty field is taken too: a deadline that says nothing cannot be read.
        for field in self
            .fields
            .iter_mut()
            .filter(|field| field.key == key && !field.is_taken)
        {
            field.is_taken = true;
            let place = format!("line {}, {key}", field.line);
            let at = instant::read(&field.value)
                .map_err(|no| no.reason(&place, &field.value, reason::DEADLINE_UNREADABLE))?;
            earliest = match earliest {
                None => Some((at, field.line)),
                Some(first) => {
                    let what = if first.0 == at {
                        "is repeated"
                    } else {
                        "differs; the earlier was taken"
                    };
                    notes.at(reason::REPEATED, field.line, format!("{key} {what}"));
                    Some(first.min((at, field.line)))
                }
            };
        }
        Ok(earliest)
    }

    /// The fields that nobody has taken, in order.
    pub fn left(&mut self) -> impl Iterator<Item = Field> + '_ {
        self.fields
            .iter_mut()
            .filter(|field| !field.is_taken)
            .map(|field| {
                field.is_taken = true;
                field.clone()
            })
    }

    /// Puts a field back that turned out to mean nothing, as unknown.
    pub fn give_up(&mut self, field: &Field, notes: &mut Notes) {
        self.push_unknown(
            field.line,
            &field.raw,
            "not a field that is known here",
            notes,
        );
    }

    fn take<'a>(&'a mut self, key: &'a str) -> impl Iterator<Item = Field> + 'a {
        self.fields
            .iter_mut()
            .filter(move |field| field.key == key && !field.is_taken)
            .filter_map(|field| {
                field.is_taken = true;
                (!field.value.is_empty()).then(|| field.clone())
            })
    }
}
