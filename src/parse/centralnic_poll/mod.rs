//! Frames of EPP: a message of the poll queue, or another response (`centralnic.md` 7).

mod event;
mod frame;

use super::notes::Notes;
use super::text::{clean, decode};
use super::{ParseError, reseller, secret, xml};
use crate::model::{Reason, RegistryEvent, reason};
use frame::Frame;

/// Largest frame. The documented ones have two kilobytes.
const FRAME_BYTES_MAX: usize = 1 << 20;

pub(super) fn read(raw: &[u8]) -> Result<RegistryEvent, ParseError> {
    let mut notes = Notes::default();
    secret::hidden(match open(raw, &mut notes) {
        Ok(mut event) => {
            event.warnings = notes.finish().1;
            Ok(event)
        }
        Err(reason) => {
            let names_deadline = reseller::names_deadline(&String::from_utf8_lossy(raw));
            Err(ParseError::new(reason, notes, names_deadline))
        }
    })
}

fn open(raw: &[u8], notes: &mut Notes) -> Result<RegistryEvent, Reason> {
    if raw.len() > FRAME_BYTES_MAX {
        return Err(Reason::new(
            reason::LIMITS,
            format!("the frame has more than {FRAME_BYTES_MAX} bytes"),
        ));
    }
    let text = clean(&decode(raw, notes), notes);
    let root = xml::tree(&text, notes)?;
    event::read(Frame::read(&root)?, notes)
}

/// Is it XML with the root of EPP? Whatever else it says.
pub(super) fn is_frame(raw: &[u8]) -> bool {
    let text = String::from_utf8_lossy(raw);
    let mut text = text.trim_start_matches('\u{feff}').trim_start();
    // Before the root stand the declaration, comments, and the DOCTYPE of those who try it.
    while let Some(rest) = ["<?", "<!"]
        .iter()
        .find_map(|begin| text.strip_prefix(begin))
    {
        let end = match rest.starts_with("--") {
            true => rest.find("-->").map(|at| at + 3),
            false if rest.starts_with("DOCTYPE") && rest.contains("]>") => {
                rest.find("]>").map(|at| at + 2)
            }
            false => rest.find('>').map(|at| at + 1),
        };
        let Some(end) = end else {
            return false;
        };
        text = rest[end..].trim_start();
    }
    let Some(tag) = text.strip_prefix('<') else {
        return false;
    };
    let end = |c: char| c.is_whitespace() || c == '>' || c == '/';
    let name = tag.split(end).next().unwrap_or_default();
    name.rsplit(':').next() == Some("epp")
}
