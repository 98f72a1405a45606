//! The domains of a notice as a table: in the mail where there are several, and as a CSV file where
//! there are many.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::page::Table;
use super::text::{claim_list, direction, holders, is_off, known_claims, shared};
use super::{RenderError, clean, dates};
use crate::model::{Direction, Language, Notice, NoticeItem, NoticeKind};

/// Up to this many domains the table in the mail is enough.
const DOMAINS_IN_MAIL_MAX: usize = 20;

/// Stands for a fact that is not known or does not apply.
const NONE: &str = "–";

/// What a column tells of a domain.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Column {
    Domain,
    Ace,
    Case,
    Dedelegation,
    Deletion,
    Suspension,
    /// [`NoticeItem::at`], in the words of the notice's kind.
    At,
    ManagedBy,
    Claims,
    Holders,
    /// [`NoticeItem::flag`], likewise.
    Flag,
}

/// The dates and facts a kind of notice tells of each domain.
fn facts(kind: NoticeKind) -> &'static [Column] {
    use Column::*;
    match kind {
        NoticeKind::VerificationRequired | NoticeKind::Reminder => {
            &[Dedelegation, Deletion, Claims, Holders]
        }
        NoticeKind::OnHold => &[At, Deletion, Claims, Holders],
        NoticeKind::Resolved => &[At, Flag],
        NoticeKind::Registered => &[At, Holders, Flag],
        NoticeKind::Transfer => &[At, ManagedBy],
        NoticeKind::Deleted => &[At],
        NoticeKind::EmailConfirmation => &[Suspension],
    }
}

fn head(column: Column, kind: NoticeKind, language: Language) -> &'static str {
    let (de, en) = match (column, kind) {
        (Column::Domain, _) => ("Domain", "Domain"),
        (Column::Ace, _) => ("ACE", "ACE"),
        (Column::Case, _) => ("Vorgang", "Case"),
        (Column::Dedelegation, _) => ("Aus dem Netz", "Off the net"),
        (Column::Deletion, _) => ("Löschung", "Deletion"),
        (Column::Suspension, _) => ("Abschaltung", "Switched off"),
        (Column::At, NoticeKind::OnHold) => ("Aus dem Netz seit", "Off the net since"),
        (Column::At, NoticeKind::Registered) => ("Registriert seit", "Registered since"),
        (Column::At, NoticeKind::Transfer) => ("Seit", "Since"),
        (Column::At, NoticeKind::Deleted) => ("Gelöscht am", "Deleted on"),
        (Column::At, _) => ("Stand", "As of"),
        (Column::ManagedBy, _) => ("Verwaltet von", "Managed by"),
        (Column::Claims, _) => ("Nachzuweisen", "To be proven"),
        (Column::Holders, _) => ("Inhaber", "Holders"),
        (Column::Flag, NoticeKind::Registered) => ("Nachweis verlangt", "Proof required"),
        (Column::Flag, _) => ("Wieder im Netz", "Back on the net"),
    };
    match language {
        Language::De => de,
        Language::En => en,
    }
}

/// The table in the mail; only what differs between the domains needs a column beside the dates.
pub(super) fn table(notice: &Notice, zone: &TimeZone, language: Language) -> Table {
    let items = &notice.items;
    let differs = |column: &Column| match column {
        Column::Claims => shared(items, known_claims).is_none(),
        Column::Holders => shared(items, holders).is_none(),
        Column::ManagedBy => shared(items, direction).is_none(),
        Column::Flag => items.iter().any(|item| item.flag),
        _ => true,
    };
    let facts = facts(notice.kind).iter().copied().filter(differs);
    let columns: Vec<Column> = std::iter::once(Column::Domain).chain(facts).collect();
    let row = |item: &NoticeItem| {
        let cell = |column: &Column| {
            let cell = cell(item, *column, notice.kind, zone, language);
            if cell.is_empty() {
                NONE.to_owned()
            } else {
                cell
            }
        };
        columns.iter().map(cell).collect()
    };
    Table {
        head: columns
            .iter()
            .map(|column| head(*column, notice.kind, language).to_owned())
            .collect(),
        rows: items.iter().map(row).collect(),
    }
}

/// What a person reads; empty where the fact is not known or does not apply.
fn cell(
    item: &NoticeItem,
    column: Column,
    kind: NoticeKind,
    zone: &TimeZone,
    language: Language,
) -> String {
    let say = |de: &str, en: &str| match language {
        Language::De => de.to_owned(),
        Language::En => en.to_owned(),
    };
    let when = |at: Option<Timestamp>| {
        at.map(|at| dates::medium(at, zone, language))
            .unwrap_or_default()
    };
    match column {
        Column::Domain => item.domain.unicode().to_owned(),
        Column::Ace => item.domain.ace().to_owned(),
        Column::Case => item.case.map(|case| case.to_string()).unwrap_or_default(),
        Column::Dedelegation if is_off(item, kind) => say("schon geschehen", "already"),
        Column::Dedelegation => when(item.dedelegation_at),
        Column::Deletion => when(item.deletion_at),
        Column::Suspension if is_off(item, kind) => say("schon geschehen", "already"),
        Column::Suspension => when(item.suspension_at),
        Column::At => when(Some(item.at)),
        Column::ManagedBy => match direction(item) {
            Direction::ToUs => say("uns", "us"),
            Direction::Away => say("einem anderen Anbieter", "another provider"),
        },
        Column::Claims if known_claims(item).is_empty() => say("nicht mitgeteilt", "not stated"),
        Column::Claims => claim_list(item.claims.as_ref(), language),
        Column::Holders => holders(item).join(", "),
        Column::Flag if item.flag => say("ja", "yes"),
        Column::Flag if kind == NoticeKind::Registered => say("nein", "no"),
        // It never left the net.
        Column::Flag => String::new(),
    }
}

/// The file (RFC 4180, UTF-8 with the mark that spreadsheets need), times in RFC 3339 in the
/// customer's zone; `None` where the mail's own table is enough.
pub(super) fn csv(notice: &Notice, language: Language) -> Result<Option<String>, RenderError> {
    if notice.items.len() <= DOMAINS_IN_MAIL_MAX {
        return Ok(None);
    }
    let zone = dates::zone(notice.timezone.as_deref());
    let names = [Column::Domain, Column::Ace, Column::Case];
    let columns: Vec<Column> = names.iter().chain(facts(notice.kind)).copied().collect();
    let mut writer = ::csv::WriterBuilder::new()
        .terminator(::csv::Terminator::CRLF)
        .from_writer("\u{feff}".as_bytes().to_vec());
    let wrong = |error: String| RenderError::Build(format!("the table of domains: {error}"));
    let heads = columns
        .iter()
        .map(|column| head(*column, notice.kind, language));
    writer
        .write_record(heads)
        .map_err(|error| wrong(error.to_string()))?;
    for item in &notice.items {
        let field = |column: &Column| defuse(&field(item, *column, notice.kind, &zone, language));
        writer
            .write_record(columns.iter().map(field))
            .map_err(|error| wrong(error.to_string()))?;
    }
    let bytes = writer
        .into_inner()
        .map_err(|error| wrong(error.to_string()))?;
    String::from_utf8(bytes)
        .map(Some)
        .map_err(|error| wrong(error.to_string()))
}

/// What a spreadsheet reads; empty where nothing is known.
fn field(
    item: &NoticeItem,
    column: Column,
    kind: NoticeKind,
    zone: &TimeZone,
    language: Language,
) -> String {
    let when = |at: Option<Timestamp>| {
        at.map(|at| at.display_with_offset(zone.to_offset(at)).to_string())
            .unwrap_or_default()
    };
    match column {
        Column::Dedelegation => when(item.dedelegation_at),
        Column::Deletion => when(item.deletion_at),
        Column::Suspension => when(item.suspension_at),
        Column::At => when(Some(item.at)),
        Column::Claims => claim_list(item.claims.as_ref(), language),
        Column::Holders => holders(item).join(" "),
        _ => cell(item, column, kind, zone, language),
    }
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
