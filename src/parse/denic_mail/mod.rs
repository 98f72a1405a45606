//! Registry mail: the lines of the text part, and their meaning (`denic.md` 2).

mod event;
mod field;

use super::ParseError;
use super::mail::Format;
use super::text::names_deadline;
use crate::model::RegistryEvent;

const FORMAT: Format = Format {
    field: field::name,
    event: event::read,
    names_deadline,
};

pub(super) fn read(raw: &[u8]) -> Result<RegistryEvent, ParseError> {
    FORMAT.read(raw)
}

pub(super) fn read_signed(raw: &[u8], text: &str) -> Result<RegistryEvent, ParseError> {
    FORMAT.read_signed(raw, text)
}
