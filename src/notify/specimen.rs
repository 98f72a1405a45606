//! Notices with made-up facts, to show a text and to try it out before a customer reads it.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use crate::model::{
    CaseId, Claim, CustomerId, Direction, DomainName, Environment, Handle, Language, Notice,
    NoticeId, NoticeItem, NoticeKind, NoticeState,
};

/// The names a specimen is about, the first alone or all of them.
const DOMAINS: [&str; 3] = [
    "beispiel.de",
    "müller-und-söhne.de",
    "der-laengste-name-den-man-sich-fuer-eine-domain-denken-kann.de",
];

/// A notice with every fact known, about one domain or about three that differ in their facts.
pub fn specimen(kind: NoticeKind, language: Language, has_several: bool) -> Notice {
    // Cannot fail: the constants are an instant of our time, names and handles, and the tests of
    // this room use them all.
    let created_at: Timestamp = "2025-06-02T07:00:00Z".parse().expect("an instant");
    let count = if has_several { DOMAINS.len() } else { 1 };
    let items = (1..)
        .zip(DOMAINS)
        .take(count)
        .map(|(number, domain)| item(kind, number, domain, created_at))
        .collect();
    Notice {
        id: NoticeId(0),
        environment: Environment::Live,
        kind,
        languages: vec![language],
        customer: CustomerId("K-10482".to_owned()),
        salutation: "Erika Beispiel".to_owned(),
        timezone: None,
        recipient: "kunde@example.net".to_owned(),
        items,
        code: "K7QF-2M9X".to_owned(),
        message_id: "specimen@example.net".to_owned(),
        in_reply_to: None,
        created_at,
        due_at: created_at,
        state: NoticeState::Observed,
        attempts: 0,
        raw: None,
        sent_at: None,
        last_reply: None,
    }
}

fn item(kind: NoticeKind, number: i64, domain: &str, now: Timestamp) -> NoticeItem {
    let name: DomainName = domain.parse().expect("a name");
    let holder: Handle = "DENIC-1000002-BEISPIEL".parse().expect("a handle");
    let days = |days: i64| Some(now + SignedDuration::from_hours(24 * days + 7));
    // The second of several differs in what can differ.
    let is_other = number == 2;
    NoticeItem {
        case: Some(CaseId(80 + number)),
        unicode: name.unicode().to_owned(),
        domain: name,
        holders: BTreeSet::from([holder]),
        claims: Some(if is_other {
            BTreeSet::from([Claim::Email])
        } else {
            BTreeSet::from([Claim::Address, Claim::Name])
        }),
        dedelegation_at: days(10 + number),
        deletion_at: days(17 + number),
        suspension_at: (kind == NoticeKind::EmailConfirmation)
            .then(|| now + SignedDuration::from_hours(24 * 13 + number)),
        is_confirmation: kind == NoticeKind::EmailConfirmation,
        at: now - SignedDuration::from_mins(9),
        flag: is_other,
        sequence: 0,
        first_notice_at: (kind == NoticeKind::Reminder)
            .then(|| now - SignedDuration::from_hours(97)),
        is_address_at_risk: false,
        direction: match kind {
            NoticeKind::Transfer if is_other => Some(Direction::Away),
            NoticeKind::Transfer => Some(Direction::ToUs),
            _ => None,
        },
        announced: None,
    }
}
