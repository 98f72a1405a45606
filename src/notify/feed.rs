//! The registry's deadlines as a calendar that the staff subscribes to (RFC 5545).

use jiff::Timestamp;

use super::calendar::{escape, fold, utc};
use super::clean;
use crate::model::{CaseId, CustomerId, DomainName, Environment};

/// How often a calendar program is to ask again: a deadline seldom moves, but what a case needs may
/// change within the hour.
const REFRESH: &str = "PT1H";

/// What happens to a domain at a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedEffect {
    /// It leaves the zone.
    Dedelegation,
    /// It is deleted.
    Deletion,
    /// Its time in status `failed` ends.
    Expire,
    /// It is suspended, unless its owner confirms a mail address.
    Suspension,
}

impl FeedEffect {
    /// The word in the UID.
    fn as_str(self) -> &'static str {
        match self {
            FeedEffect::Dedelegation => "dedelegation",
            FeedEffect::Deletion => "deletion",
            FeedEffect::Expire => "expire",
            FeedEffect::Suspension => "suspension",
        }
    }

    /// What happens, in few words.
    fn words(self) -> &'static str {
        match self {
            FeedEffect::Dedelegation => "leaves the zone",
            FeedEffect::Deletion => "is deleted",
            FeedEffect::Suspension => "is switched off unless its owner confirms",
            FeedEffect::Expire => "registration ends (status failed)",
        }
    }
}

/// A deadline of a domain.
#[derive(Clone, Debug)]
pub struct FeedEntry {
    /// The environment: a test must not look like a deadline.
    pub environment: Environment,
    /// The domain.
    pub domain: DomainName,
    /// Whose rules set the deadline, such as `denic`.
    pub scheme: &'static str,
    /// What happens then.
    pub effect: FeedEffect,
    /// When.
    pub at: Timestamp,
    /// The open case, if there is one.
    pub case: Option<CaseId>,
    /// Whose domain it is.
    pub customer: Option<CustomerId>,
    /// What the customer was told last, and how far that got.
    pub told: Option<String>,
    /// What a person must do, if anything.
    pub needs: Option<String>,
    /// When what we know of the domain changed last.
    pub changed_at: Timestamp,
    /// Counts these changes, so that a moved deadline is a newer version of the same entry.
    pub sequence: i64,
}

/// The calendar; lines end in CRLF. `host` makes the UIDs unique in the world, `now` says how old it
/// is.
///
/// It has no METHOD: nothing is sent to anybody, whoever wants it fetches it. An entry keeps its UID
/// as long as its case lives; one that is over is not in the next calendar.
pub fn feed(entries: &[FeedEntry], host: &str, now: Timestamp) -> String {
    let head = [
        "BEGIN:VCALENDAR".to_owned(),
        "VERSION:2.0".to_owned(),
        "PRODID:-//Stichtag//EN".to_owned(),
        "CALSCALE:GREGORIAN".to_owned(),
        "NAME:Stichtag: registry deadlines".to_owned(),
        "X-WR-CALNAME:Stichtag: registry deadlines".to_owned(),
        format!("REFRESH-INTERVAL;VALUE=DURATION:{REFRESH}"),
        format!("X-PUBLISHED-TTL:{REFRESH}"),
    ];
    let events = entries.iter().flat_map(|entry| event(entry, host, now));
    let lines = head.into_iter().chain(events);
    let mut text: String = lines.map(|line| fold(&line)).collect();
    text.push_str(&fold("END:VCALENDAR"));
    text
}

fn event(entry: &FeedEntry, host: &str, now: Timestamp) -> Vec<String> {
    // The same domain may come to a second case one day, and a domain without a case has no number.
    let subject = match entry.case {
        Some(case) => case.to_string(),
        None => format!("{}-{}", entry.environment, entry.domain.ace()),
    };
    let categories = match entry.environment {
        Environment::Live => "live",
        Environment::Test => "TEST",
    };
    vec![
        "BEGIN:VEVENT".to_owned(),
        // Another entry than the one in the customer's calendar, which is at another time.
        format!(
            "UID:{subject}-{}-desk@{}",
            entry.effect.as_str(),
            text(host)
        ),
        format!("DTSTAMP:{}", utc(now)),
        format!("LAST-MODIFIED:{}", utc(entry.changed_at)),
        format!("SEQUENCE:{}", entry.sequence),
        format!("DTSTART:{}", utc(entry.at)),
        "DURATION:PT15M".to_owned(),
        format!("SUMMARY:{}", text(&summary(entry))),
        format!("DESCRIPTION:{}", description(entry)),
        format!("CATEGORIES:{},{}", entry.scheme, categories),
        "STATUS:CONFIRMED".to_owned(),
        "TRANSP:TRANSPARENT".to_owned(),
        "END:VEVENT".to_owned(),
    ]
}

/// What a calendar shows in one line: what matters first.
fn summary(entry: &FeedEntry) -> String {
    let test = match entry.environment {
        Environment::Live => "",
        Environment::Test => "[TEST] ",
    };
    let mut summary = format!("{test}{}: {}", entry.domain.unicode(), entry.effect.words());
    if let Some(customer) = &entry.customer {
        summary.push_str(&format!(" · {customer}"));
    }
    if let Some(needs) = &entry.needs {
        summary.push_str(&format!(" · NEEDS {needs}"));
    }
    summary
}

fn description(entry: &FeedEntry) -> String {
    let test = "TEST: this is about the registry's test system, nothing happens to a real domain.";
    let known = |word: &str, value: Option<String>| Some(format!("{word}: {}", value?));
    let lines = [
        (entry.environment == Environment::Test).then(|| test.to_owned()),
        Some(format!(
            "{} ({}) {} then (rules of {}).",
            entry.domain.unicode(),
            entry.domain.ace(),
            entry.effect.words(),
            entry.scheme
        )),
        known("Customer", entry.customer.as_ref().map(|id| id.to_string())),
        known("Last notice", entry.told.clone()),
        known("Needs", entry.needs.clone()),
        entry.case.map(|case| format!("stichtag case show {case}")),
    ];
    let lines: Vec<String> = (lines.iter().flatten()).map(|line| text(line)).collect();
    lines.join("\\n")
}

fn text(value: &str) -> String {
    escape(&clean::line(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> FeedEntry {
        FeedEntry {
            environment: Environment::Live,
            domain: "dänic.de".parse().unwrap(),
            scheme: "denic",
            effect: FeedEffect::Deletion,
            at: "2025-06-13T13:51:08Z".parse().unwrap(),
            case: Some(CaseId(81)),
            customer: Some(CustomerId("K-1".to_owned())),
            told: None,
            needs: None,
            changed_at: "2025-06-01T13:51:12Z".parse().unwrap(),
            sequence: 7,
        }
    }

    fn written(entry: &FeedEntry) -> String {
        let now = "2025-06-02T08:00:00Z".parse().unwrap();
        feed(std::slice::from_ref(entry), "example.net", now).replace("\r\n ", "")
    }

    fn line<'a>(text: &'a str, name: &str) -> &'a str {
        let mut lines = text.split("\r\n");
        lines.find_map(|line| line.strip_prefix(name)).unwrap()
    }

    #[test]
    fn an_entry_keeps_its_uid_when_its_deadline_moves() {
        let before = written(&entry());
        let moved = FeedEntry {
            at: "2025-07-13T13:51:08Z".parse().unwrap(),
            sequence: 8,
            ..entry()
        };
        let after = written(&moved);
        assert_eq!(line(&before, "UID:"), "V-81-deletion-desk@example.net");
        assert_eq!(line(&before, "UID:"), line(&after, "UID:"));
        assert_eq!(line(&before, "SEQUENCE:"), "7");
        assert_eq!(line(&after, "SEQUENCE:"), "8");
        assert_eq!(line(&after, "DTSTART:"), "20250713T135108Z");
        assert_eq!(line(&after, "DTSTAMP:"), "20250602T080000Z");
    }

    #[test]
    fn a_test_is_never_taken_for_a_deadline() {
        let test = written(&FeedEntry {
            environment: Environment::Test,
            case: None,
            ..entry()
        });
        assert!(line(&test, "SUMMARY:").starts_with("[TEST] dänic.de"));
        assert!(line(&test, "DESCRIPTION:").starts_with("TEST: "));
        assert_eq!(
            line(&test, "UID:"),
            "test-xn--dnic-loa.de-deletion-desk@example.net"
        );
    }

    #[test]
    fn no_value_can_break_a_line() {
        let hostile = "K;1,\\n\r\nEND:VEVENT\r\nBEGIN:VEVENT\u{2028}\u{202e}x";
        let text = written(&FeedEntry {
            customer: Some(CustomerId(hostile.to_owned())),
            needs: Some(hostile.to_owned()),
            told: Some(hostile.to_owned()),
            ..entry()
        });
        let begins = text.split("\r\n").filter(|line| line.starts_with("BEGIN:"));
        assert_eq!(begins.count(), 2, "{text}");
        assert!(
            text.split("\r\n")
                .all(|line| !line.contains(['\r', '\n', '\u{202e}']))
        );
        assert!(
            line(&text, "SUMMARY:").contains(r"K\;1\,\\n END:VEVENT"),
            "{text}"
        );
    }
}
