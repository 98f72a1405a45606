//! What is special about single kinds of notice, and about news that joins a notice.

use std::collections::BTreeSet;

use mail_parser::MessageParser;
use stichtag::model::{Announced, Claim, Direction, Language, NoticeKind};
use stichtag::notify::{RenderError, Templates, render};

use super::samples::*;

fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_reminder_is_shown_below_the_first_notice_of_its_case() {
    let mut notice = notice(NoticeKind::Reminder);
    let parsed = written(&notice).message;
    let parsed = MessageParser::default().parse(&parsed).unwrap();
    assert!(parsed.header("In-Reply-To").is_none() && parsed.header("References").is_none());

    notice.in_reply_to = Some("k7qf-2m9x.00ab@muster.example".to_owned());
    let message = written(&notice).message;
    let parsed = MessageParser::default().parse(&message).unwrap();
    for field in ["In-Reply-To", "References"] {
        let value = parsed.header_raw(field).map(str::trim);
        assert_eq!(value, Some("<k7qf-2m9x.00ab@muster.example>"), "{field}");
    }
    notice.in_reply_to = Some("x@y>\r\nBcc: <a@b".to_owned());
    let error = render(&notice, &settings(), &Templates::stock()).unwrap_err();
    assert!(matches!(error, RenderError::MessageId(_)), "{error}");
}

#[test]
fn a_reminder_says_what_happens_next_and_how_long_there_is() {
    let mut notice = notice(NoticeKind::Reminder);
    let text = flat(&written(&notice).text);
    let first = "am Dienstag, 27. Mai 2025, 08:12 Uhr (MESZ) haben wir Ihnen geschrieben. Für beispiel.de fehlt noch der Nachweis";
    assert!(text.contains(first), "{text}");
    let next = "Sonst gilt ab Freitag, 6. Juni 2025, 15:51 Uhr (MESZ): DENIC nimmt die Domain aus dem Netz; Website und E-Mail fallen aus.";
    assert!(text.contains(next), "{text}");

    // Off the net, though the day for that is still ahead.
    notice.items[0].flag = true;
    let mail = written(&notice);
    let text = flat(&mail.text);
    assert!(mail.subject.contains("noch 12 Tage"), "{}", mail.subject);
    let next = "Sonst gilt ab Freitag, 13. Juni 2025, 15:51 Uhr (MESZ): die Domain wird gelöscht, ohne Rückholfrist.";
    assert!(text.contains(next), "{text}");
    assert!(
        text.contains("DENIC hat die Domain schon aus dem Netz genommen."),
        "{text}"
    );

    for (now, left) in [
        ("2025-06-12T13:51:09Z", "noch weniger als ein Tag"),
        ("2025-06-12T13:51:07Z", "noch 1 Tag"),
        ("2025-06-11T21:00:00Z", "noch 2 Tage"),
    ] {
        notice.created_at = at(now);
        let subject = written(&notice).subject;
        assert!(subject.contains(left), "{now}: {subject}");
    }
    // Nothing is ahead any more: no date, and no threat.
    notice.created_at = at("2025-06-14T00:00:00Z");
    let mail = written(&notice);
    assert!(
        mail.subject.starts_with("beispiel.de: Nachweis fehlt"),
        "{}",
        mail.subject
    );
    assert!(!mail.text.contains("Sonst"), "{}", mail.text);
}

#[test]
fn a_reminder_of_several_names_the_domain_that_comes_first() {
    let mut notice = notice(NoticeKind::Reminder);
    notice.items.push(item("dänic.de", 82));
    notice.items.push(item("muster-drei.de", 83));
    notice.items[1].dedelegation_at = Some(at("2025-06-05T13:51:08Z"));
    let text = flat(&written(&notice).text);
    assert!(
        text.contains("15:51 Uhr (MESZ): DENIC nimmt dänic.de aus dem Netz;"),
        "{text}"
    );
    notice.items[1].dedelegation_at = notice.items[0].dedelegation_at;
    let text = flat(&written(&notice).text);
    assert!(
        text.contains("15:51 Uhr (MESZ): DENIC nimmt 3 der Domains aus dem Netz;"),
        "{text}"
    );
    notice.languages = vec![Language::En];
    let text = flat(&written(&notice).text);
    assert!(
        text.contains("15:51 (CEST): DENIC takes 3 of the domains off the net;"),
        "{text}"
    );
}

#[test]
fn a_transfer_says_which_way_each_domain_went() {
    let mut notice = notice(NoticeKind::Transfer);
    notice.languages = vec![Language::En];
    let to_us = flat(&written(&notice).text);
    assert!(
        to_us.contains("We have managed beispiel.de since Sunday, 1 June 2025"),
        "{to_us}"
    );
    assert!(!to_us.contains("Not your doing?"), "{to_us}");
    assert_eq!(written(&notice).calendar, None);

    notice.items[0].direction = Some(Direction::Away);
    let away = written(&notice);
    assert!(away.calendar.unwrap().contains("STATUS:CANCELLED\r\n"));
    let away = flat(&away.text);
    let alarm = "Not your doing? Call us at once: +49 69 1234567.";
    assert!(
        away.contains("Another provider has managed beispiel.de since") && away.contains(alarm),
        "{away}"
    );
    assert!(!away.contains("We have managed"), "{away}");

    notice.items.push(item("dänic.de", 82));
    let both = flat(&written(&notice).text);
    for said in [
        "2 domains have changed their provider",
        "beispiel.de Since: 1 June 2025, 15:51 (CEST) Managed by: another provider",
        "dänic.de Since: 1 June 2025, 15:51 (CEST) Managed by: us",
        alarm,
    ] {
        assert!(both.contains(said), "{said}: {both}");
    }
}

#[test]
fn an_address_under_another_domain_that_may_go_is_warned_about_as_such() {
    for kind in [NoticeKind::VerificationRequired, NoticeKind::Reminder] {
        let mut notice = notice(kind);
        notice.items[0].is_address_at_risk = true;
        let text = flat(&written(&notice).text);
        let other = "kunde@example.net gehört zu einer anderen Domain, für die ein Nachweis fehlt";
        assert!(text.contains(other), "{text}");
        notice.recipient = "info@beispiel.de".to_owned();
        let text = flat(&written(&notice).text);
        assert!(
            text.contains("info@beispiel.de gehört zu dieser Domain und fällt dann mit aus"),
            "{text}"
        );
    }
}

#[test]
fn news_that_joins_a_notice_replaces_what_it_said_of_the_same_domain() {
    let mut notice = notice(NoticeKind::VerificationRequired);
    let announced = Announced {
        dedelegation_at: Some(at("2025-06-05T13:51:08Z")),
        deletion_at: None,
    };
    notice.items[0].announced = Some(announced);
    let mut news = item("beispiel.de", 81);
    news.sequence = 1;
    news.claims = Some(BTreeSet::from([Claim::Email]));
    news.dedelegation_at = None;
    news.deletion_at = Some(at("2025-06-20T13:51:08Z"));
    // As if the one before had been sent, which it was not.
    news.announced = Some(notice.items[0].announces(notice.kind));
    for order in [[0, 1], [1, 0]] {
        let items = [notice.items[0].clone(), news.clone()];
        let mut joined = notice.clone();
        joined.items = order.map(|at| items[at].clone()).to_vec();
        let mail = written(&joined);
        let text = flat(&mail.text);
        assert!(!mail.subject.contains("weitere"), "{}", mail.subject);
        assert!(
            text.contains("Nachzuweisen: E-Mail-Adresse.") && !text.contains("Anschrift"),
            "{text}"
        );
        assert!(
            text.contains("20. Juni") && !text.contains("6. Juni"),
            "{text}"
        );
        let calendar = mail.calendar.unwrap();
        let lines: Vec<&str> = calendar
            .lines()
            .filter(|line| line.starts_with("UID") || line.starts_with("S"))
            .filter(|line| !line.starts_with("SUMMARY"))
            .collect();
        assert_eq!(
            lines,
            [
                "UID:V-81-dedelegation@bounce.muster.example",
                "SEQUENCE:1",
                "STATUS:CANCELLED",
                "UID:V-81-deletion@bounce.muster.example",
                "SEQUENCE:1",
                "STATUS:CONFIRMED",
            ]
        );
    }
}

#[test]
fn only_what_stands_in_the_calendar_is_cancelled() {
    let mut notice = notice(NoticeKind::Resolved);
    notice.items[0].announced = Some(Announced::default());
    let mail = written(&notice);
    assert_eq!(mail.calendar, None);
    assert!(!mail.text.contains("Kalendereintrag"), "{}", mail.text);
    notice.items[0].announced = Some(Announced {
        dedelegation_at: None,
        deletion_at: Some(at("2025-05-30T13:51:08Z")),
    });
    let calendar = written(&notice).calendar.unwrap();
    assert!(calendar.contains("UID:V-81-deletion@") && !calendar.contains("dedelegation"));
}

#[test]
fn the_table_of_many_domains_tells_what_the_mail_tells_of_each_kind() {
    for (kind, column, cell) in [
        (
            NoticeKind::Reminder,
            "Löschung",
            "2025-06-13T15:51:08+02:00",
        ),
        (
            NoticeKind::OnHold,
            "Aus dem Netz seit",
            "2025-06-01T15:51:08+02:00",
        ),
        (NoticeKind::Resolved, "Stand", "2025-06-01T15:51:08+02:00"),
        (
            NoticeKind::Registered,
            "Registriert seit",
            "2025-06-01T15:51:08+02:00",
        ),
        (NoticeKind::Transfer, "Verwaltet von", "uns"),
        (
            NoticeKind::Deleted,
            "Gelöscht am",
            "2025-06-01T15:51:08+02:00",
        ),
    ] {
        let mut notice = notice(kind);
        notice.items = (0..21)
            .map(|n| item(&format!("d{n}.de"), 100 + n))
            .collect();
        let csv = written(&notice).csv.unwrap();
        let mut reader = csv::Reader::from_reader(csv.trim_start_matches('\u{feff}').as_bytes());
        let at = reader
            .headers()
            .unwrap()
            .iter()
            .position(|head| head == column);
        let at = at.unwrap_or_else(|| panic!("{kind}: {csv}"));
        let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
        assert_eq!(rows.len(), 21);
        assert!(rows.iter().all(|row| &row[at] == cell), "{kind}: {csv}");
    }
}
