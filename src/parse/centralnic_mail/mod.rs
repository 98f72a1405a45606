//! Event mail of CentralNic Reseller: lines of `KEY:value`, and their meaning (`centralnic.md` 6.2).

mod event;
mod field;

use super::ParseError;
use super::mail::{self, Format};
use super::notes::Notes;
use super::{reseller, secret};
use crate::model::RegistryEvent;
use field::Fields;

const FORMAT: Format = Format {
    field: field::name,
    event: event::read,
    names_deadline: reseller::names_deadline,
};

pub(super) fn read(raw: &[u8]) -> Result<RegistryEvent, ParseError> {
    secret::hidden(FORMAT.read(raw))
}

pub(super) fn read_signed(raw: &[u8], text: &str) -> Result<RegistryEvent, ParseError> {
    secret::hidden(FORMAT.read_signed(raw, text))
}

/// Does this mail have the lines of an event? Whatever else it says.
pub(super) fn is_event(raw: &[u8]) -> bool {
    let text = mail::text(raw, field::name);
    let fields = Fields::read(&text, &mut Notes::default());
    fields.is_event()
}
