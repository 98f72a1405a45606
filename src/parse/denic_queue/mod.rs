//! Queue messages and replies: key/value or XML into one payload, then its meaning (`denic.md` 3
//! and 4).

mod contact;
mod event;
pub(super) mod info;
mod key_value;
mod payload;
mod xml_payload;

use super::ParseError;
use super::notes::Notes;
use super::text::{clean, decode, names_deadline};
use super::xml;
use crate::model::{Reason, RegistryEvent, reason};

/// Largest payload: what the length prefix of the wire allows, and one byte more
/// (`denic.md` 1.2).
const PAYLOAD_BYTES_MAX: usize = 65_536;

pub(super) fn read(raw: &[u8]) -> Result<RegistryEvent, ParseError> {
    let mut notes = Notes::default();
    match open(raw, &mut notes) {
        Ok(mut event) => {
            event.warnings = notes.finish().1;
            Ok(event)
        }
        Err(reason) => {
            let names_deadline = names_deadline(&String::from_utf8_lossy(raw));
            Err(ParseError::new(reason, notes, names_deadline))
        }
    }
}

fn open(raw: &[u8], notes: &mut Notes) -> Result<RegistryEvent, Reason> {
    if raw.len() > PAYLOAD_BYTES_MAX {
        return Err(Reason::new(
            reason::LIMITS,
            format!("the message has more than {PAYLOAD_BYTES_MAX} bytes"),
        ));
    }
    let text = clean(&decode(raw, notes), notes);
    if let Some(place) = text.find(|letter: char| letter.is_ascii_control() && letter != '\n') {
        let line = text[..place].matches('\n').count() + 1;
        return Err(Reason::new(
            reason::NOT_UNDERSTOOD,
            format!("line {line}: it has a control character"),
        ));
    }
    let payload = if text.trim_start().starts_with('<') {
        let root = xml::tree(&text, notes)?;
        xml_payload::read(&root, notes)?
    } else {
        key_value::read(&text, notes)
    };
    event::read(payload, notes)
}
