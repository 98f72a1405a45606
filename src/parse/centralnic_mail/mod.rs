//! Event mail of CentralNic Reseller: lines of `KEY:value`, and their meaning (`centralnic.md` 6.2).

mod event;
mod field;
mod secret;

use super::ParseError;
use super::mail::{self, Format};
use super::notes::Notes;
use crate::model::{Facts, RegistryEvent};
use field::Fields;

const FORMAT: Format = Format {
    field: field::name,
    event: event::read,
    names_deadline,
};

pub(super) fn read(raw: &[u8]) -> Result<RegistryEvent, ParseError> {
    hidden(FORMAT.read(raw))
}

pub(super) fn read_signed(raw: &[u8], text: &str) -> Result<RegistryEvent, ParseError> {
    hidden(FORMAT.read_signed(raw, text))
}

/// A sentence may quote a word of the mail, and that word may be the code.
fn hidden(mut read: Result<RegistryEvent, ParseError>) -> Result<RegistryEvent, ParseError> {
    let warnings = match &mut read {
        Ok(event) => &mut event.warnings,
        Err(error) => {
            error.detail = secret::hide(&error.detail, None);
            &mut error.warnings
        }
    };
    for warning in warnings {
        warning.detail = secret::hide(&warning.detail, None);
    }
    read
}

/// Does this mail have the lines of an event? Whatever else it says.
pub(super) fn is_event(raw: &[u8]) -> bool {
    let text = mail::text(raw, field::name);
    let fields = Fields::read(&text, &mut Notes::default());
    fields.is_event()
}

/// Does the event show a deadline, under whatever key? None is documented for event mail, so none
/// is read.
pub(super) fn shows_deadline(event: &RegistryEvent) -> bool {
    let (Facts::ContactVerification { event: told, .. } | Facts::ResellerEvent(told)) =
        &event.facts
    else {
        return false;
    };
    let data = told.data.iter().flat_map(|(key, value)| [key, value]);
    data.chain(&told.texts)
        .chain(&event.unknown)
        .any(|text| names_deadline(text))
}

/// The names that the reseller's answers have for deadlines (`centralnic.md` 5).
fn names_deadline(text: &str) -> bool {
    let text = text.to_ascii_lowercase().replace(['-', '_', ' '], "");
    ["verificationdeadline", "dedelegation", "timetosuspension"]
        .iter()
        .any(|word| text.contains(word))
}
