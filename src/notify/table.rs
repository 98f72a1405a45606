//! The domains of a notice as a CSV file, for customers with many of them.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::text::{claim_list, holders};
use super::{RenderError, clean, dates};
use crate::model::{Language, Notice, NoticeItem};

/// Up to this many domains the table in the mail is enough.
const DOMAINS_IN_MAIL_MAX: usize = 20;

/// The file (RFC 4180, UTF-8 with the mark that spreadsheets need), times in RFC 3339 in the
/// customer's zone; `None` where the mail's own table is enough.
pub(super) fn csv(notice: &Notice, language: Language) -> Result<Option<String>, RenderError> {
    if notice.items.len() <= DOMAINS_IN_MAIL_MAX {
        return Ok(None);
    }
    let head = match language {
        Language::De => [
            "Domain",
            "ACE",
            "Vorgang",
            "Aus dem Netz",
            "Löschung",
            "Nachzuweisen",
            "Inhaber",
        ],
        Language::En => [
            "Domain",
            "ACE",
            "Case",
            "Off the net",
            "Deletion",
            "To be proven",
            "Holders",
        ],
    };
    let zone = dates::zone(notice.timezone.as_deref());
    let mut writer = ::csv::WriterBuilder::new()
        .terminator(::csv::Terminator::CRLF)
        .from_writer("\u{feff}".as_bytes().to_vec());
    let wrong = |error: String| RenderError::Build(format!("the table of domains: {error}"));
    writer
        .write_record(head)
        .map_err(|error| wrong(error.to_string()))?;
    for item in &notice.items {
        let row = row(item, &zone, language);
        writer
            .write_record(row.iter().map(|cell| defuse(cell)))
            .map_err(|e| wrong(e.to_string()))?;
    }
    let bytes = writer
        .into_inner()
        .map_err(|error| wrong(error.to_string()))?;
    String::from_utf8(bytes)
        .map(Some)
        .map_err(|error| wrong(error.to_string()))
}

fn row(item: &NoticeItem, zone: &TimeZone, language: Language) -> [String; 7] {
    let when = |at: Option<Timestamp>| {
        at.map(|at| at.display_with_offset(zone.to_offset(at)).to_string())
            .unwrap_or_default()
    };
    [
        item.domain.unicode().to_owned(),
        item.domain.ace().to_owned(),
        item.case.map(|case| case.to_string()).unwrap_or_default(),
        when(item.dedelegation_at),
        when(item.deletion_at),
        claim_list(item.claims.as_ref(), language),
        holders(item).join(" "),
    ]
}

/// A cell that a spreadsheet takes for text, never for a formula.
fn defuse(cell: &str) -> String {
    let cell = clean::line(cell);
    if cell.starts_with(['=', '+', '-', '@']) {
        format!("'{cell}")
    } else {
        cell
    }
}
