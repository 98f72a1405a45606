//! Registry mail: MIME, then the lines of the text part, then their meaning (`denic.md` 2).

mod event;
mod field;
mod html;
mod mime;
mod structure;

use super::ParseError;
use super::notes::Notes;
use super::text::names_deadline;
use crate::model::{Reason, RegistryEvent};
use mime::Mail;

pub(super) fn read(raw: &[u8]) -> Result<RegistryEvent, ParseError> {
    read_opened(raw, |texts, notes| mime::open(raw, texts, notes))
}

pub(super) fn read_signed(raw: &[u8], text: &str) -> Result<RegistryEvent, ParseError> {
    read_opened(raw, |texts, notes| {
        texts.push_str(text);
        mime::open_signed(raw, text, notes)
    })
}

fn read_opened(
    raw: &[u8],
    open: impl FnOnce(&mut String, &mut Notes) -> Result<Mail, Reason>,
) -> Result<RegistryEvent, ParseError> {
    let mut notes = Notes::default();
    let mut texts = String::new();
    let read = open(&mut texts, &mut notes).and_then(|mail| event::read(&mail, &mut notes));
    match read {
        Ok(mut event) => {
            event.warnings = notes.finish().1;
            Ok(event)
        }
        Err(reason) => {
            // Undecoded bytes too: what could not be opened may still show a deadline.
            let names_deadline =
                names_deadline(&texts) || names_deadline(&String::from_utf8_lossy(raw));
            Err(ParseError::new(reason, notes, names_deadline))
        }
    }
}
