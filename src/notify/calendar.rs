//! The deadlines as a calendar file (RFC 5545), one entry per deadline and domain.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Settings, clean, dates};
use crate::model::{Announced, Direction, Environment, Language, Notice, NoticeItem, NoticeKind};

/// Octets of a line without its CRLF (RFC 5545, 3.1).
const LINE_OCTETS_MAX: usize = 75;

/// The calendar of a notice, with one item a case; `None` where it has no entry. `domain` makes the UIDs unique,
/// `organizer` is our own address, which RFC 5546 asks of every published entry.
///
/// `METHOD:PUBLISH`: nobody is to accept or decline. An entry keeps its UID as long as its case
/// lives; what no longer holds is published once more as cancelled: all of a case that is over, a
/// deadline that vanished while the other stays, and the de-delegation of a domain that is on hold
/// before its time.
pub(super) fn render(
    notice: &Notice,
    items: &[NoticeItem],
    settings: &Settings,
    domain: &str,
    organizer: &str,
) -> Option<String> {
    if !settings.calendar_attachment {
        return None;
    }
    let mut lines: Vec<String> = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Stichtag//EN"]
        .into_iter()
        .chain(["CALSCALE:GREGORIAN", "METHOD:PUBLISH"])
        .map(str::to_owned)
        .collect();
    let before = lines.len();
    let house = House {
        settings,
        domain,
        organizer,
    };
    for (item, entry) in items.iter().flat_map(|item| entries(notice, item)) {
        lines.extend(house.write(notice, item, &entry));
    }
    if lines.len() == before {
        return None;
    }
    lines.push("END:VCALENDAR".to_owned());
    Some(lines.iter().map(|line| fold(line)).collect())
}

/// One entry of the calendar: that of a deadline, as it stands now or as it was told before.
struct Entry {
    /// The word in its UID.
    deadline: &'static str,
    /// The registry's deadline.
    at: Timestamp,
    is_cancelled: bool,
}

/// What a notice says about the calendar entries of one domain; they need a case, which names them.
fn entries<'n>(notice: &Notice, item: &'n NoticeItem) -> Vec<(&'n NoticeItem, Entry)> {
    if item.case.is_none() {
        return Vec::new();
    }
    let kind = notice.kind;
    let now = item.announces(kind);
    let is_over = matches!(kind, NoticeKind::Resolved | NoticeKind::Deleted)
        || kind == NoticeKind::Transfer && item.direction == Some(Direction::Away);
    let before = match item.announced {
        Some(announced) => announced,
        None if is_over => Announced {
            dedelegation_at: item.dedelegation_at,
            deletion_at: item.deletion_at,
        },
        None => Announced::default(),
    };
    let touches_calendar = is_over || kind.asks_for_proof();
    let deadlines = [
        ("dedelegation", now.dedelegation_at, before.dedelegation_at),
        ("deletion", now.deletion_at, before.deletion_at),
    ];
    let entry = |(deadline, now, before)| {
        let (at, is_cancelled) = match (now, before) {
            (Some(at), _) => (at, false),
            // An entry whose time has come is not wrong, as long as the case goes on.
            (None, Some(at)) if is_over || at > notice.created_at => (at, true),
            (None, _) => return None,
        };
        let entry = Entry {
            deadline,
            at,
            is_cancelled,
        };
        Some((item, entry))
    };
    let written = deadlines.into_iter().filter_map(entry);
    written.filter(|_| touches_calendar).collect()
}

/// What all entries share.
struct House<'a> {
    settings: &'a Settings,
    domain: &'a str,
    organizer: &'a str,
}

impl House<'_> {
    fn write(&self, notice: &Notice, item: &NoticeItem, entry: &Entry) -> Vec<String> {
        let Some(case) = item.case else {
            return Vec::new();
        };
        let start = dates::reply_by(
            entry.at,
            notice.created_at,
            self.settings.review_workdays,
            &self.settings.region,
        );
        let status = if entry.is_cancelled {
            "CANCELLED"
        } else {
            "CONFIRMED"
        };
        let summary = escape(&summary(notice, item));
        let mut lines = vec![
            "BEGIN:VEVENT".to_owned(),
            format!("UID:{case}-{}@{}", entry.deadline, self.domain),
            format!("DTSTAMP:{}", utc(notice.created_at)),
            format!("SEQUENCE:{}", item.sequence),
            format!("ORGANIZER:mailto:{}", self.organizer),
            format!("DTSTART:{}", utc(start)),
            "DURATION:PT15M".to_owned(),
            format!("SUMMARY:{summary}"),
            format!("STATUS:{status}"),
            "TRANSP:TRANSPARENT".to_owned(),
            "CLASS:PRIVATE".to_owned(),
        ];
        if !entry.is_cancelled {
            for before in ["-P3D", "-P1D"] {
                lines.extend([
                    "BEGIN:VALARM".to_owned(),
                    "ACTION:DISPLAY".to_owned(),
                    format!("DESCRIPTION:{summary}"),
                    format!("TRIGGER:{before}"),
                    "END:VALARM".to_owned(),
                ]);
            }
        }
        lines.push("END:VEVENT".to_owned());
        lines
    }
}

fn summary(notice: &Notice, item: &NoticeItem) -> String {
    let task = match notice.languages.first() {
        Some(Language::En) => "submit proof",
        Some(Language::De) | None => "Nachweis einreichen",
    };
    let mark = match notice.environment {
        Environment::Live => "",
        Environment::Test => " [TEST]",
    };
    clean::line(&format!("{}: {task}{mark}", item.domain.unicode()))
}

pub(super) fn utc(at: Timestamp) -> String {
    let at = TimeZone::UTC.to_datetime(at);
    let (hour, minute, second) = (at.hour(), at.minute(), at.second());
    format!(
        "{:04}{:02}{:02}T{hour:02}{minute:02}{second:02}Z",
        at.year(),
        at.month(),
        at.day()
    )
}

/// A value of type TEXT (RFC 5545, 3.3.11); line ends are gone before.
pub(super) fn escape(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace(';', "\\;")
        .replace(',', "\\,")
}

/// One content line with its CRLF, continued on further lines where it is too long, never within a
/// character.
pub(super) fn fold(line: &str) -> String {
    let mut folded = String::with_capacity(line.len() + 2);
    let mut octets = 0;
    for c in line.chars() {
        if octets + c.len_utf8() > LINE_OCTETS_MAX {
            folded.push_str("\r\n ");
            octets = 1;
        }
        folded.push(c);
        octets += c.len_utf8();
    }
    folded.push_str("\r\n");
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_folded_between_characters_and_read_back_whole() {
        for text in [
            "x".repeat(75),
            "x".repeat(76),
            "ä".repeat(200),
            format!("x{}", "€".repeat(99)),
        ] {
            let folded = fold(&text);
            assert!(
                folded.split("\r\n").all(|line| line.len() <= 75),
                "{folded}"
            );
            assert_eq!(folded.replace("\r\n ", ""), format!("{text}\r\n"));
        }
    }

    #[test]
    fn separators_are_escaped() {
        assert_eq!(escape(r"a;b,c\d"), r"a\;b\,c\\d");
    }
}
