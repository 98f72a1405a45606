//! Mails of the registry.

use jiff::{SignedDuration, Timestamp};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/denic-mail");

/// A mail as it came off the wire.
pub fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(format!("{FIXTURES}/{name}")).unwrap()
}

/// DENIC asks for a verification: in three weeks the domain goes off the net, in three months it is
/// deleted. `number` makes the mail one of its kind.
pub fn verification(domain: &str, number: usize) -> Vec<u8> {
    let now = Timestamp::now();
    let in_days = |days: i64| now + SignedDuration::from_hours(24 * days);
    let day = |at: Timestamp| at.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string();
    let date = now.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string();
    let text = String::from_utf8(fixture("03-live-verification-required.eml")).unwrap();
    let changes = [
        ("segelschule-bodden.de", domain),
        ("2026-06-04T08:30:00+02:00", &day(in_days(21))),
        ("2026-09-02T08:30:00+02:00", &day(in_days(91))),
        (
            "Date: Tue, 05 May 2026 08:30:05 +0200",
            &format!("Date: {date}"),
        ),
        ("20260505083005.b4@", &format!("{number}.b4@")),
    ];
    let changed = changes.iter().fold(text, |text, (old, new)| {
        assert!(text.contains(old), "{old}");
        text.replace(old, new)
    });
    changed.into_bytes()
}
