//! What mails of every sender have in common: MIME, one text, a subject, a date. What their lines
//! mean is the matter of a [`Format`].

mod html;
mod mime;
mod structure;

use super::ParseError;
use super::notes::Notes;
use crate::model::{Reason, RegistryEvent};
pub(super) use mime::{Mail, text};

/// What the mails of one sender have of their own.
pub(super) struct Format {
    /// The name of the field that begins on this line, if one does. Fields are refused where they are
    /// not read, so the name must tell nothing of the value.
    pub field: fn(&str) -> Option<&'static str>,
    /// The meaning of an opened mail. Warnings stay in the notes.
    pub event: fn(&Mail, &mut Notes) -> Result<RegistryEvent, Reason>,
    /// Does the text seem to name a verification deadline? Errs on the side of yes.
    pub names_deadline: fn(&str) -> bool,
}

impl Format {
    /// Reads a mail. Meaning is taken from its one text/plain part alone.
    pub fn read(&self, raw: &[u8]) -> Result<RegistryEvent, ParseError> {
        self.read_opened(raw, |texts, notes| {
            mime::open(raw, self.field, texts, notes)
        })
    }

    /// Reads a mail of which `text` was signed. Meaning is taken from that text alone.
    pub fn read_signed(&self, raw: &[u8], text: &str) -> Result<RegistryEvent, ParseError> {
        self.read_opened(raw, |texts, notes| {
            texts.push_str(text);
            mime::open_signed(raw, text, notes)
        })
    }

    fn read_opened(
        &self,
        raw: &[u8],
        open: impl FnOnce(&mut String, &mut Notes) -> Result<Mail, Reason>,
    ) -> Result<RegistryEvent, ParseError> {
        let mut notes = Notes::default();
        let mut texts = String::new();
        let read = open(&mut texts, &mut notes).and_then(|mail| (self.event)(&mail, &mut notes));
        match read {
            Ok(mut event) => {
                event.warnings = notes.finish().1;
                Ok(event)
            }
            Err(reason) => {
                // Undecoded bytes too: what could not be opened may still show a deadline.
                let names_deadline = (self.names_deadline)(&texts)
                    || (self.names_deadline)(&String::from_utf8_lossy(raw));
                Err(ParseError::new(reason, notes, names_deadline))
            }
        }
    }
}
