//! Dates as people read them, and the day by which the customer has to reply.

use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::civil::Weekday;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::holidays::{Region, is_workday};
use crate::model::Language;

/// The zones compiled in: what a mail says must not depend on the machine that writes it.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// The registry's and our own zone.
pub(super) fn berlin() -> TimeZone {
    // Cannot fail: the zones are compiled in (feature `tzdb-bundle-always`), and every test here
    // would notice if this one were not among them.
    ZONES
        .get("Europe/Berlin")
        .expect("Europe/Berlin is compiled in")
}

/// The customer's zone; Europe/Berlin where none or no known one is given.
pub(super) fn zone(name: Option<&str>) -> TimeZone {
    name.and_then(|name| ZONES.get(name.trim()).ok())
        .unwrap_or_else(berlin)
}

/// The day and time by which the customer has to reply, so that we can still review: the registry's
/// deadline less `review_workdays` working days in `region`, at the same local time in
/// Europe/Berlin.
///
/// Where that is no longer ahead of `now`, the deadline itself. Never after the deadline.
pub fn reply_by(
    deadline: Timestamp,
    now: Timestamp,
    review_workdays: u32,
    region: &Region,
) -> Timestamp {
    if review_workdays == 0 {
        return deadline;
    }
    let zone = berlin();
    let local = zone.to_datetime(deadline);
    let today = zone.to_datetime(now).date();
    let mut date = local.date();
    let mut left = review_workdays;
    while left > 0 {
        date = match date.yesterday() {
            Ok(before) if before >= today => before,
            _ => return deadline,
        };
        left -= u32::from(is_workday(date, region));
    }
    // In a gap the later, in a repeated hour the earlier instant: both are days before the deadline.
    zone.to_timestamp(date.to_datetime(local.time()))
        .ok()
        .filter(|reply_by| *reply_by > now && *reply_by <= deadline)
        .unwrap_or(deadline)
}

/// With weekday: "Freitag, 6. Juni 2025, 15:51 Uhr (MESZ)", "Friday, 6 June 2025, 15:51 (CEST)".
/// Seconds are cut off, so the written time is never later than the real one.
pub(super) fn long(at: Timestamp, zone: &TimeZone, language: Language) -> String {
    let weekday = weekday(zone.to_datetime(at).date().weekday(), language);
    format!("{weekday}, {}", medium(at, zone, language))
}

/// Without weekday: "6. Juni 2025, 15:51 Uhr (MESZ)", "6 June 2025, 15:51 (CEST)".
pub(super) fn medium(at: Timestamp, zone: &TimeZone, language: Language) -> String {
    let local = zone.to_datetime(at);
    let date = day(at, zone, language);
    let (hour, minute) = (local.hour(), local.minute());
    let zone = zone_name(at, zone, language);
    match language {
        Language::De => format!("{date}, {hour:02}:{minute:02} Uhr ({zone})"),
        Language::En => format!("{date}, {hour:02}:{minute:02} ({zone})"),
    }
}

/// For letters: "6. Juni 2025", "6 June 2025".
pub(super) fn day(at: Timestamp, zone: &TimeZone, language: Language) -> String {
    format!(
        "{} {}",
        short(at, zone, language),
        zone.to_datetime(at).year()
    )
}

/// For subjects: "4. Juni", "4 June".
pub(super) fn short(at: Timestamp, zone: &TimeZone, language: Language) -> String {
    let local = zone.to_datetime(at);
    let month = month(local.month(), language);
    match language {
        Language::De => format!("{}. {month}", local.day()),
        Language::En => format!("{} {month}", local.day()),
    }
}

/// Whole calendar days from `from` to `to` in `zone`; 0 on the same day and in the past.
pub(super) fn days_between(from: Timestamp, to: Timestamp, zone: &TimeZone) -> i32 {
    let (from, to) = (zone.to_datetime(from).date(), zone.to_datetime(to).date());
    from.until(to).map_or(0, |span| span.get_days().max(0))
}

/// Only Central European Time is written by name: other abbreviations mean different zones to
/// different people.
fn zone_name(at: Timestamp, zone: &TimeZone, language: Language) -> String {
    let info = zone.to_offset_info(at);
    match (info.abbreviation(), language) {
        ("CET", Language::De) => "MEZ".to_owned(),
        ("CEST", Language::De) => "MESZ".to_owned(),
        (name @ ("CET" | "CEST"), Language::En) => name.to_owned(),
        _ => {
            let minutes = info.offset().seconds() / 60;
            let sign = if minutes < 0 { '-' } else { '+' };
            match (minutes.abs() / 60, minutes.abs() % 60) {
                (0, 0) => "UTC".to_owned(),
                (hours, 0) => format!("UTC{sign}{hours}"),
                (hours, minutes) => format!("UTC{sign}{hours}:{minutes:02}"),
            }
        }
    }
}

fn weekday(weekday: Weekday, language: Language) -> &'static str {
    const DE: [&str; 7] = [
        "Montag",
        "Dienstag",
        "Mittwoch",
        "Donnerstag",
        "Freitag",
        "Samstag",
        "Sonntag",
    ];
    const EN: [&str; 7] = [
        "Monday",
        "Tuesday",
        "Wednesday",
        "Thursday",
        "Friday",
        "Saturday",
        "Sunday",
    ];
    let names = match language {
        Language::De => DE,
        Language::En => EN,
    };
    names[usize::from(weekday.to_monday_zero_offset().unsigned_abs()) % 7]
}

fn month(month: i8, language: Language) -> &'static str {
    const DE: [&str; 12] = [
        "Januar",
        "Februar",
        "März",
        "April",
        "Mai",
        "Juni",
        "Juli",
        "August",
        "September",
        "Oktober",
        "November",
        "Dezember",
    ];
    const EN: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let names = match language {
        Language::De => DE,
        Language::En => EN,
    };
    names[usize::from(month.unsigned_abs().saturating_sub(1)) % 12]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn dates_are_written_as_the_customer_s_clock_shows_them() {
        let table = [
            (
                "2025-06-06T13:51:08Z",
                None,
                "Freitag, 6. Juni 2025, 15:51 Uhr (MESZ)",
                "Friday, 6 June 2025, 15:51 (CEST)",
            ),
            (
                "2025-01-01T00:00:00Z",
                Some("Europe/Vienna"),
                "Mittwoch, 1. Januar 2025, 01:00 Uhr (MEZ)",
                "Wednesday, 1 January 2025, 01:00 (CET)",
            ),
            // The hour that is missing in spring, and the hour that comes twice in autumn.
            (
                "2025-03-30T00:59:59Z",
                None,
                "Sonntag, 30. März 2025, 01:59 Uhr (MEZ)",
                "Sunday, 30 March 2025, 01:59 (CET)",
            ),
            (
                "2025-03-30T01:00:00Z",
                None,
                "Sonntag, 30. März 2025, 03:00 Uhr (MESZ)",
                "Sunday, 30 March 2025, 03:00 (CEST)",
            ),
            (
                "2025-10-26T00:30:00Z",
                None,
                "Sonntag, 26. Oktober 2025, 02:30 Uhr (MESZ)",
                "Sunday, 26 October 2025, 02:30 (CEST)",
            ),
            (
                "2025-10-26T01:30:00Z",
                None,
                "Sonntag, 26. Oktober 2025, 02:30 Uhr (MEZ)",
                "Sunday, 26 October 2025, 02:30 (CET)",
            ),
            (
                "2025-06-06T03:00:00Z",
                Some("America/New_York"),
                "Donnerstag, 5. Juni 2025, 23:00 Uhr (UTC-4)",
                "Thursday, 5 June 2025, 23:00 (UTC-4)",
            ),
            (
                "2025-12-31T20:00:00Z",
                Some("Asia/Kolkata"),
                "Donnerstag, 1. Januar 2026, 01:30 Uhr (UTC+5:30)",
                "Thursday, 1 January 2026, 01:30 (UTC+5:30)",
            ),
            (
                "2025-12-31T20:00:00Z",
                Some("Europe/Lisbon"),
                "Mittwoch, 31. Dezember 2025, 20:00 Uhr (UTC)",
                "Wednesday, 31 December 2025, 20:00 (UTC)",
            ),
            (
                "2025-06-06T13:51:08Z",
                Some("Mars/Olympus"),
                "Freitag, 6. Juni 2025, 15:51 Uhr (MESZ)",
                "Friday, 6 June 2025, 15:51 (CEST)",
            ),
            (
                "2025-06-06T13:51:08Z",
                Some("../../etc/passwd"),
                "Freitag, 6. Juni 2025, 15:51 Uhr (MESZ)",
                "Friday, 6 June 2025, 15:51 (CEST)",
            ),
        ];
        for (instant, name, de, en) in table {
            let zone = zone(name);
            assert_eq!(long(at(instant), &zone, Language::De), de);
            assert_eq!(long(at(instant), &zone, Language::En), en);
        }
        assert_eq!(
            short(at("2025-06-04T13:51:08Z"), &berlin(), Language::De),
            "4. Juni"
        );
        assert_eq!(
            short(at("2025-06-04T13:51:08Z"), &berlin(), Language::En),
            "4 June"
        );
    }

    #[test]
    fn days_are_counted_by_the_calendar_of_the_customer() {
        let (from, to) = (at("2025-06-01T21:59:00Z"), at("2025-06-03T22:01:00Z"));
        assert_eq!(days_between(from, to, &berlin()), 3);
        assert_eq!(days_between(from, to, &zone(Some("UTC"))), 2);
        assert_eq!(days_between(to, from, &berlin()), 0);
    }

    #[test]
    fn reply_by_leaves_working_days_for_the_review() {
        let long_ago = "2020-01-01T00:00:00Z";
        let table = [
            // deadline, now, working days, region, reply-by; all in Berlin's local time.
            (
                "2025-06-06T15:51:08+02:00",
                "2025-06-01T15:51:12+02:00",
                2,
                "DE-HE",
                "2025-06-04T15:51:08+02:00",
            ),
            (
                "2025-06-13T15:51:08+02:00",
                "2025-06-01T15:51:12+02:00",
                2,
                "DE-HE",
                "2025-06-11T15:51:08+02:00",
            ),
            // Over a weekend, and from one.
            (
                "2025-06-16T09:00:00+02:00",
                long_ago,
                2,
                "DE",
                "2025-06-12T09:00:00+02:00",
            ),
            (
                "2025-06-15T09:00:00+02:00",
                long_ago,
                2,
                "DE",
                "2025-06-12T09:00:00+02:00",
            ),
            // Pentecost Monday, 9 June.
            (
                "2025-06-10T09:00:00+02:00",
                long_ago,
                2,
                "DE",
                "2025-06-05T09:00:00+02:00",
            ),
            // Over Easter: Good Friday 18 April to Easter Monday 21 April 2025.
            (
                "2025-04-22T12:00:00+02:00",
                long_ago,
                2,
                "DE-BY",
                "2025-04-16T12:00:00+02:00",
            ),
            // Over Christmas 2025 and New Year: 25, 26 December and 1 January.
            (
                "2025-12-29T12:00:00+01:00",
                long_ago,
                2,
                "DE-HE",
                "2025-12-23T12:00:00+01:00",
            ),
            (
                "2026-01-02T12:00:00+01:00",
                long_ago,
                2,
                "DE-HE",
                "2025-12-30T12:00:00+01:00",
            ),
            (
                "2026-01-07T12:00:00+01:00",
                long_ago,
                1,
                "DE-HE",
                "2026-01-06T12:00:00+01:00",
            ),
            (
                "2026-01-07T12:00:00+01:00",
                long_ago,
                1,
                "DE-BW",
                "2026-01-05T12:00:00+01:00",
            ),
            // Corpus Christi, 19 June 2025, in Hessen but not in Berlin.
            (
                "2025-06-20T12:00:00+02:00",
                long_ago,
                1,
                "DE-HE",
                "2025-06-18T12:00:00+02:00",
            ),
            (
                "2025-06-20T12:00:00+02:00",
                long_ago,
                1,
                "DE-BE",
                "2025-06-19T12:00:00+02:00",
            ),
            // Same local time on the other side of the change of clocks.
            (
                "2025-03-31T12:00:00+02:00",
                long_ago,
                1,
                "DE",
                "2025-03-28T12:00:00+01:00",
            ),
            (
                "2025-10-27T12:00:00+01:00",
                long_ago,
                1,
                "DE",
                "2025-10-24T12:00:00+02:00",
            ),
            // Less time than the review takes: the deadline itself.
            (
                "2025-06-06T15:51:08+02:00",
                "2025-06-04T15:51:08+02:00",
                2,
                "DE-HE",
                "2025-06-06T15:51:08+02:00",
            ),
            (
                "2025-06-06T15:51:08+02:00",
                "2025-06-05T10:00:00+02:00",
                2,
                "DE-HE",
                "2025-06-06T15:51:08+02:00",
            ),
            (
                "2025-06-06T15:51:08+02:00",
                "2025-06-04T15:51:07+02:00",
                2,
                "DE-HE",
                "2025-06-04T15:51:08+02:00",
            ),
            // A deadline that has passed, no review, a review without end.
            (
                "2025-06-06T15:51:08+02:00",
                "2025-07-01T00:00:00+02:00",
                2,
                "DE-HE",
                "2025-06-06T15:51:08+02:00",
            ),
            (
                "2025-06-06T15:51:08+02:00",
                long_ago,
                0,
                "DE-HE",
                "2025-06-06T15:51:08+02:00",
            ),
            (
                "2025-06-06T15:51:08+02:00",
                long_ago,
                u32::MAX,
                "DE-HE",
                "2025-06-06T15:51:08+02:00",
            ),
        ];
        for (deadline, now, workdays, region, expected) in table {
            let found = reply_by(at(deadline), at(now), workdays, &region.parse().unwrap());
            assert_eq!(found, at(expected), "{deadline} {now} {workdays} {region}");
        }
    }

    #[test]
    fn reply_by_exists_at_the_ends_of_time() {
        for deadline in [Timestamp::MIN, Timestamp::MAX] {
            for now in [Timestamp::MIN, Timestamp::UNIX_EPOCH, Timestamp::MAX] {
                assert!(reply_by(deadline, now, 2, &Region::Hessen) <= deadline);
                long(deadline, &zone(Some("Pacific/Apia")), Language::De);
                days_between(now, deadline, &berlin());
            }
        }
    }
}
