//! Calendars of notices, as another program reads them.

use std::collections::BTreeMap;
use std::fs;

use jiff::Timestamp;
use stichtag::model::{
    Announced, Direction, Environment, Language, Notice, NoticeItem, NoticeKind,
};
use stichtag::notify::{Region, reply_by, specimen};

use super::{DOMAIN, Entry, folder, look, notices, written};

/// An entry as it was meant.
#[derive(Debug, PartialEq)]
struct Meant {
    uid: String,
    sequence: u32,
    is_cancelled: bool,
    start: Timestamp,
}

/// What a calendar program reads of each notice, by the name of its file.
fn read_back(notices: &BTreeMap<String, Notice>, name: &str) -> BTreeMap<String, Vec<Entry>> {
    let folder = folder(name);
    for (name, notice) in notices {
        if let Some(calendar) = written(notice).calendar {
            fs::write(folder.join(format!("{name}.ics")), calendar).unwrap();
        }
    }
    let (_, calendars) = look(&folder);
    let mut read = BTreeMap::new();
    for calendar in calendars {
        let name = calendar.calendar.replace(".ics", "");
        assert_eq!(calendar.method.as_deref(), Some("PUBLISH"), "{name}");
        assert_eq!(calendar.version.as_deref(), Some("2.0"), "{name}");
        let notice = &notices[&name];
        for entry in &calendar.entries {
            check_form(notice, entry);
        }
        read.insert(name, calendar.entries);
    }
    read
}

/// What is the same for every entry.
fn check_form(notice: &Notice, entry: &Entry) {
    assert!(entry.is_utc, "{entry:?}");
    assert_eq!(entry.duration, "PT15M");
    assert_eq!(
        (entry.class.as_str(), entry.transparency.as_str()),
        ("PRIVATE", "TRANSPARENT")
    );
    assert_eq!(
        entry.stamp,
        Timestamp::from_second(notice.created_at.as_second()).unwrap()
    );
    assert_eq!(entry.organizer, "mailto:domains@muster.example");
    assert_eq!(entry.attendees, 0, "nobody is to answer");
    let case = entry.uid.split('-').nth(1).unwrap();
    let is_its = |item: &&NoticeItem| item.case.is_some_and(|id| id.0.to_string() == case);
    let item = notice.items.iter().rev().find(is_its).unwrap();
    let task = match notice.languages[0] {
        Language::De => "Nachweis einreichen",
        Language::En => "submit proof",
    };
    let mark = match notice.environment {
        Environment::Live => "",
        Environment::Test => " [TEST]",
    };
    assert_eq!(
        entry.summary,
        format!("{}: {task}{mark}", item.domain.unicode())
    );
    let alarms: Vec<String> = match entry.status.as_str() {
        "CONFIRMED" => ["-P3D", "-P1D"]
            .map(|before| format!("DISPLAY {before} {}", entry.summary))
            .into(),
        _ => Vec::new(),
    };
    assert_eq!(entry.alarms, alarms);
}

fn meant(notice: &Notice, entries: &[Entry]) -> Vec<Meant> {
    let entries = entries.iter().map(|entry| Meant {
        uid: entry.uid.clone(),
        sequence: entry.sequence,
        is_cancelled: match entry.status.as_str() {
            "CANCELLED" => true,
            "CONFIRMED" => false,
            other => panic!("{:?}: {other}", notice.kind),
        },
        start: entry.start,
    });
    entries.collect()
}

#[test]
fn every_calendar_is_read_by_another_program_as_it_was_meant() {
    let notices = notices();
    let mut read = read_back(&notices, "calendars");
    for (name, notice) in &notices {
        let mut expected = Vec::new();
        for item in &notice.items {
            let is_away = item.direction == Some(Direction::Away);
            let (tells, is_cancelled) = match notice.kind {
                NoticeKind::VerificationRequired | NoticeKind::Reminder | NoticeKind::OnHold => {
                    (true, false)
                }
                NoticeKind::Resolved | NoticeKind::Deleted => (true, true),
                NoticeKind::Transfer => (is_away, true),
                NoticeKind::Registered | NoticeKind::EmailConfirmation => (false, false),
            };
            let is_off = notice.kind == NoticeKind::OnHold
                || notice.kind == NoticeKind::Reminder && item.flag;
            let deadlines = [
                ("dedelegation", item.dedelegation_at.filter(|_| !is_off)),
                ("deletion", item.deletion_at),
            ];
            for (word, at) in deadlines {
                let (Some(case), Some(at), true) = (item.case, at, tells) else {
                    continue;
                };
                expected.push(Meant {
                    uid: format!("{case}-{word}@{DOMAIN}"),
                    sequence: item.sequence,
                    is_cancelled,
                    start: reply_by(at, notice.created_at, 2, &Region::Hessen),
                });
            }
        }
        let found = read.remove(name).unwrap_or_default();
        assert_eq!(meant(notice, &found), expected, "{name}");
    }
    assert!(read.is_empty(), "{read:?}");
}

/// The customer's calendar, as programs keep it: by UID, where a higher SEQUENCE replaces a lower
/// one; a cancelled entry is gone.
#[derive(Debug, Default)]
struct Kept(BTreeMap<String, (u32, Option<Timestamp>)>);

impl Kept {
    fn take(&mut self, entries: &[Entry]) {
        for entry in entries {
            let start = (entry.status == "CONFIRMED").then_some(entry.start);
            let known = self.0.get(&entry.uid).map(|(sequence, _)| *sequence);
            assert!(
                known.is_none_or(|known| entry.sequence > known),
                "{entry:?} is not newer"
            );
            assert!(
                known.is_some() || start.is_some(),
                "{entry:?} cancels what never was"
            );
            self.0.insert(entry.uid.clone(), (entry.sequence, start));
        }
    }

    /// What is still to come, by the word in its UID.
    fn ahead(&self, now: Timestamp) -> Vec<(String, String)> {
        let entries = self.0.iter().filter_map(|(uid, (_, start))| {
            let start = start.filter(|start| *start > now)?;
            let word = uid.split(['-', '@']).nth(2)?.to_owned();
            Some((word, start.to_string()))
        });
        entries.collect()
    }
}

#[test]
fn a_calendar_shows_at_every_step_of_a_case_what_is_still_due_and_nothing_else() {
    use NoticeKind::*;
    let day = |text: &str| {
        Some(
            format!("2025-{text}T08:00:00Z")
                .parse::<Timestamp>()
                .unwrap(),
        )
    };
    // When and of what kind, the deadlines as they then stand, and what is then ahead; dates are
    // two working days before the deadlines.
    type Step<'s> = (
        &'s str,
        NoticeKind,
        Option<&'s str>,
        Option<&'s str>,
        &'s [(&'s str, &'s str)],
    );
    let lives: [(&str, &[Step<'_>]); 4] = [
        (
            "resolved",
            &[
                (
                    "06-02",
                    VerificationRequired,
                    Some("06-12"),
                    Some("06-26"),
                    &[("dedelegation", "06-10"), ("deletion", "06-24")],
                ),
                // One moves, and one more is told of again as it stands.
                (
                    "06-03",
                    VerificationRequired,
                    Some("06-13"),
                    Some("06-26"),
                    &[("dedelegation", "06-11"), ("deletion", "06-24")],
                ),
                (
                    "06-06",
                    Reminder,
                    Some("06-13"),
                    Some("06-26"),
                    &[("dedelegation", "06-11"), ("deletion", "06-24")],
                ),
                // Off the net before its time.
                (
                    "06-10",
                    OnHold,
                    Some("06-13"),
                    Some("06-26"),
                    &[("deletion", "06-24")],
                ),
                (
                    "06-16",
                    Reminder,
                    Some("06-13"),
                    Some("06-27"),
                    &[("deletion", "06-25")],
                ),
                ("06-20", Resolved, Some("06-13"), Some("06-27"), &[]),
            ],
        ),
        (
            "vanished",
            &[
                (
                    "06-02",
                    VerificationRequired,
                    Some("06-12"),
                    Some("06-26"),
                    &[("dedelegation", "06-10"), ("deletion", "06-24")],
                ),
                (
                    "06-03",
                    VerificationRequired,
                    None,
                    Some("06-26"),
                    &[("deletion", "06-24")],
                ),
                (
                    "06-04",
                    VerificationRequired,
                    Some("06-12"),
                    None,
                    &[("dedelegation", "06-10")],
                ),
                ("06-05", Deleted, Some("06-12"), None, &[]),
            ],
        ),
        (
            "moved",
            &[
                (
                    "06-02",
                    OnHold,
                    None,
                    Some("06-26"),
                    &[("deletion", "06-24")],
                ),
                ("06-03", Transfer, None, Some("06-26"), &[]),
            ],
        ),
        (
            "deleted in time",
            &[
                (
                    "06-02",
                    VerificationRequired,
                    Some("06-05"),
                    Some("06-12"),
                    &[("dedelegation", "06-03"), ("deletion", "06-10")],
                ),
                // De-delegation is over: its entry stays as it was, in the past.
                (
                    "06-06",
                    OnHold,
                    Some("06-05"),
                    Some("06-12"),
                    &[("deletion", "06-10")],
                ),
                ("06-12", Deleted, Some("06-05"), Some("06-12"), &[]),
            ],
        ),
    ];
    let mut notices = BTreeMap::new();
    for (life, steps) in &lives {
        let mut announced = Announced::default();
        for (number, (at, kind, dedelegation, deletion, _)) in (0..).zip(*steps) {
            let mut notice = specimen(*kind, Language::De, false);
            notice.created_at = day(at).unwrap();
            let item = &mut notice.items[0];
            item.dedelegation_at = dedelegation.and_then(day);
            item.deletion_at = deletion.and_then(day);
            item.sequence = number;
            item.flag = *kind == Reminder && number > 3;
            item.direction = (*kind == Transfer).then_some(Direction::Away);
            item.announced = Some(announced);
            announced = item.announces(*kind);
            notices.insert(format!("{life} {number}"), notice);
        }
    }
    let read = read_back(&notices, "lives");
    for (life, steps) in &lives {
        let mut kept = Kept::default();
        for (number, (at, .., ahead)) in (0..).zip(*steps) {
            let name = format!("{life} {number}");
            kept.take(read.get(&name).map_or(&[], Vec::as_slice));
            let expected: Vec<(String, String)> = ahead
                .iter()
                .map(|(word, at)| ((*word).to_owned(), day(at).unwrap().to_string()))
                .collect();
            assert_eq!(kept.ahead(day(at).unwrap()), expected, "{name}: {kept:?}");
        }
    }
}
