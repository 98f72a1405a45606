//! The deadlines as a calendar file (RFC 5545), one entry per deadline and domain.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Settings, clean, dates};
use crate::model::{Environment, Language, Notice, NoticeItem, NoticeKind};

/// Octets of a line without its CRLF (RFC 5545, 3.1).
const LINE_OCTETS_MAX: usize = 75;

/// The calendar of a notice; `None` where it has no entry. `domain` makes the UIDs unique,
/// `organizer` is our own address, which RFC 5546 asks of every published entry.
///
/// `METHOD:PUBLISH`: nobody is to accept or decline. A resolved notice publishes the same entries
/// as cancelled.
pub(super) fn render(
    notice: &Notice,
    settings: &Settings,
    domain: &str,
    organizer: &str,
) -> Option<String> {
    if !settings.calendar_attachment || notice.kind == NoticeKind::Registered {
        return None;
    }
    let mut lines: Vec<String> = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Stichtag//EN"]
        .into_iter()
        .chain(["CALSCALE:GREGORIAN", "METHOD:PUBLISH"])
        .map(str::to_owned)
        .collect();
    let before = lines.len();
    for item in &notice.items {
        // Once it is on hold, the day of de-delegation is over.
        if notice.kind != NoticeKind::OnHold {
            lines.extend(entry(
                notice,
                item,
                "dedelegation",
                settings,
                domain,
                organizer,
            ));
        }
        lines.extend(entry(notice, item, "deletion", settings, domain, organizer));
    }
    if lines.len() == before {
        return None;
    }
    lines.push("END:VCALENDAR".to_owned());
    Some(lines.iter().map(|line| fold(line)).collect())
}

fn entry(
    notice: &Notice,
    item: &NoticeItem,
    deadline: &str,
    settings: &Settings,
    domain: &str,
    organizer: &str,
) -> Vec<String> {
    let at = match deadline {
        "dedelegation" => item.dedelegation_at,
        _ => item.deletion_at,
    };
    let (Some(case), Some(at)) = (item.case, at) else {
        return Vec::new();
    };
    let start = dates::reply_by(
        at,
        notice.created_at,
        settings.review_workdays,
        &settings.region,
    );
    let is_void = notice.kind == NoticeKind::Resolved;
    let sequence = item.sequence.saturating_add(u32::from(is_void));
    let status = if is_void { "CANCELLED" } else { "CONFIRMED" };
    let summary = escape(&summary(notice, item));
    let mut lines = vec![
        "BEGIN:VEVENT".to_owned(),
        format!("UID:{case}-{deadline}@{domain}"),
        format!("DTSTAMP:{}", utc(notice.created_at)),
        format!("SEQUENCE:{sequence}"),
        format!("ORGANIZER:mailto:{organizer}"),
        format!("DTSTART:{}", utc(start)),
        "DURATION:PT15M".to_owned(),
        format!("SUMMARY:{summary}"),
        format!("STATUS:{status}"),
        "TRANSP:TRANSPARENT".to_owned(),
        "CLASS:PRIVATE".to_owned(),
    ];
    if !is_void {
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

fn utc(at: Timestamp) -> String {
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
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace(';', "\\;")
        .replace(',', "\\,")
}

/// One content line with its CRLF, continued on further lines where it is too long, never within a
/// character.
fn fold(line: &str) -> String {
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
