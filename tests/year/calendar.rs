//! The customer's calendar: what the attached files leave in it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::house::Mail;
use super::registry::Course;

/// One entry, as a calendar keeps it.
#[derive(Clone, Debug)]
struct Entry {
    sequence: u32,
    is_cancelled: bool,
    starts: Timestamp,
    summary: String,
}

/// Reads the files in the order they came; what is not newer by its SEQUENCE is passed over.
fn kept(mails: &[&Mail], domain: &str) -> BTreeMap<String, Entry> {
    let mut calendar: BTreeMap<String, Entry> = BTreeMap::new();
    for file in mails.iter().filter_map(|mail| mail.calendar.as_deref()) {
        let unfolded = file.replace("\r\n ", "");
        for event in unfolded.split("BEGIN:VEVENT").skip(1) {
            let value = |name: &str| {
                let line = event.lines().find(|line| line.starts_with(name)).unwrap();
                line[name.len()..].trim().to_owned()
            };
            let entry = Entry {
                sequence: value("SEQUENCE:").parse().unwrap(),
                is_cancelled: value("STATUS:") == "CANCELLED",
                starts: jiff::fmt::strtime::parse("%Y%m%dT%H%M%SZ", value("DTSTART:"))
                    .unwrap()
                    .to_datetime()
                    .unwrap()
                    .to_zoned(jiff::tz::TimeZone::UTC)
                    .unwrap()
                    .timestamp(),
                summary: value("SUMMARY:"),
            };
            if !entry.summary.starts_with(&format!("{domain}:")) {
                continue;
            }
            let uid = value("UID:");
            if calendar
                .get(&uid)
                .is_none_or(|known| known.sequence < entry.sequence)
            {
                calendar.insert(uid, entry);
            }
        }
    }
    calendar
}

/// Entries that are wrong at the end: of a case that is over none stands for a later time, of one
/// that is open each stands for a deadline in force.
pub fn faults(courses: &[Course], about: &BTreeMap<&str, Vec<&Mail>>) -> Vec<String> {
    let mut faults = Vec::new();
    for course in courses {
        let Some(mails) = about.get(course.domain.ace()) else {
            continue;
        };
        let calendar = kept(mails, course.domain.ace());
        for (uid, entry) in calendar {
            let is_wrong = if super::is_final(course.end) {
                !entry.is_cancelled && entry.starts > course.ends_at()
            } else {
                let (_, dedelegation, deletion) = course.deadlines.last().unwrap();
                let deadline = match uid.contains("dedelegation") {
                    true => *dedelegation,
                    false => Some(*deletion),
                };
                // De-delegation passes; its entry stays as it was.
                !entry.is_cancelled && deadline.is_some_and(|deadline| entry.starts > deadline)
            };
            if is_wrong {
                faults.push(format!(
                    "{}: {uid} {entry:?}, {:?} at {}",
                    course.domain,
                    course.end,
                    course.ends_at()
                ));
            }
        }
    }
    faults
}
