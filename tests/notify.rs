//! Notices to customers: what they say, and the form they have.

#[path = "notify/hostile.rs"]
mod hostile;
#[path = "notify/kinds.rs"]
mod kinds;
#[path = "notify/lint.rs"]
mod linted;
#[path = "notify/samples.rs"]
mod samples;

use std::collections::{BTreeMap, BTreeSet};

use mail_parser::{MessageParser, MimeHeaders};
use samples::*;
use stichtag::model::{CaseId, Claim, Environment, Language, NoticeId, NoticeKind};
use stichtag::notify::{RenderError, Rendered, TemplateError, Templates, envelope_from, render};

const LANGUAGES: [&[Language]; 3] = [
    &[Language::De],
    &[Language::En],
    &[Language::De, Language::En],
];

fn shown(mail: &Rendered) -> String {
    format!("Subject: {}\n\n{}", mail.subject, mail.text)
}

#[test]
fn every_stock_text_reads_as_its_snapshot() {
    for kind in NoticeKind::ALL {
        for languages in LANGUAGES {
            let mut notice = notice(kind);
            notice.languages = languages.to_vec();
            let words: Vec<&str> = languages.iter().map(|language| language.as_str()).collect();
            let name = format!("{kind}-{}", words.join("-"));
            insta::assert_snapshot!(name, shown(&written(&notice)));
        }
    }
}

#[test]
fn a_mail_about_several_domains_reads_as_its_snapshot() {
    for kind in NoticeKind::ALL {
        let mut notice = notice(kind);
        notice.languages = vec![Language::De, Language::En];
        let mut second = item("dänic.de", 82);
        second.claims = None;
        second.flag = true;
        notice.items.push(second);
        let mut third = item("muster-drei.de", 83);
        third.dedelegation_at = None;
        notice.items.push(third);
        insta::assert_snapshot!(format!("several-{kind}"), shown(&written(&notice)));
    }
}

#[test]
fn html_calendar_and_bytes_read_as_their_snapshots() {
    let mail = written(&notice(NoticeKind::VerificationRequired));
    let unix = |text: &str| text.replace("\r\n", "\n");
    insta::assert_snapshot!("html", mail.html);
    insta::assert_snapshot!("calendar", unix(mail.calendar.as_deref().unwrap()));
    insta::assert_snapshot!("message", unix(std::str::from_utf8(&mail.message).unwrap()));
    let cancelled = written(&notice(NoticeKind::Resolved)).calendar.unwrap();
    insta::assert_snapshot!("calendar-cancelled", unix(&cancelled));
}

#[test]
fn the_machine_s_time_zone_changes_nothing() {
    let this = std::env::current_exe().unwrap();
    for zone in ["America/New_York", "Asia/Kolkata", "Pacific/Apia"] {
        let output = std::process::Command::new(&this)
            .args(["--exact", "every_stock_text_reads_as_its_snapshot"])
            .env("TZ", zone)
            .env("INSTA_UPDATE", "no")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && said.contains("1 passed"),
            "{zone}: {said}"
        );
    }
}

#[test]
fn the_same_notice_gives_the_same_bytes() {
    for kind in NoticeKind::ALL {
        let notice = notice(kind);
        assert_eq!(written(&notice), written(&notice));
    }
}

#[test]
fn a_mail_reads_back_part_by_part() {
    let mail = written(&notice(NoticeKind::VerificationRequired));
    let parsed = MessageParser::default().parse(&mail.message).unwrap();
    let same = |part: Option<std::borrow::Cow<'_, str>>, text: &str| {
        assert_eq!(
            part.unwrap().replace("\r\n", "\n").trim_end(),
            text.trim_end()
        );
    };
    same(parsed.body_text(0), &mail.text);
    same(parsed.body_html(0), &mail.html);
    assert_eq!((parsed.text_body_count(), parsed.html_body_count()), (1, 1));
    assert_eq!(parsed.attachment_count(), 1);
    let calendar = parsed.attachment(0).unwrap();
    assert_eq!(calendar.attachment_name(), Some("frist.ics"));
    let form = calendar.content_type().unwrap();
    assert_eq!((form.ctype(), form.subtype()), ("text", Some("calendar")));
    assert_eq!(form.attribute("method"), Some("PUBLISH"));
    let contents = calendar.text_contents().unwrap();
    assert_eq!(contents.trim_end(), mail.calendar.unwrap().trim_end());

    let top = parsed.content_type().unwrap();
    assert_eq!((top.ctype(), top.subtype()), ("multipart", Some("mixed")));
    assert_eq!(parsed.subject(), Some(mail.subject.as_str()));
    assert_eq!(parsed.message_id(), Some("n310.k7qf@bounce.muster.example"));
    assert_eq!(parsed.date().unwrap().to_rfc3339(), "2025-06-01T13:51:12Z");
    let from = parsed.from().unwrap().first().unwrap();
    assert_eq!(from.address(), Some("domains@muster.example"));
    assert_eq!(from.name(), Some("Muster Hosting Domains"));
    let to = parsed.to().unwrap().first().unwrap();
    assert_eq!(to.address(), Some("kunde@example.net"));
    let reply_to = parsed.reply_to().unwrap().first().unwrap();
    assert_eq!(reply_to.address(), Some("domains+K7QF-2M9X@muster.example"));
    for (name, value) in [
        ("Auto-Submitted", "auto-generated"),
        ("X-Auto-Response-Suppress", "OOF, AutoReply"),
        ("X-Loop", "domains@muster.example"),
        ("Content-Language", "de"),
        ("X-Stichtag-Notice", "N-310"),
    ] {
        assert_eq!(parsed.header_raw(name).map(str::trim), Some(value));
    }
    assert!(parsed.header("List-Unsubscribe").is_none());
    assert_eq!(mail.envelope_from, "bounce+N310@bounce.muster.example");
    assert_eq!(mail.envelope_to, "kunde@example.net");
}

#[test]
fn without_attachments_the_mail_is_text_and_html_only() {
    let mail = written(&notice(NoticeKind::Registered));
    assert_eq!((mail.calendar, mail.csv), (None, None));
    let parsed = MessageParser::default().parse(&mail.message).unwrap();
    let form = parsed.content_type().unwrap();
    assert_eq!(form.subtype(), Some("alternative"));
    assert_eq!(parsed.attachment_count(), 0);
    let mut settings = settings();
    settings.calendar_attachment = false;
    let notice = notice(NoticeKind::VerificationRequired);
    let mail = render(&notice, &settings, &Templates::stock()).unwrap();
    assert_eq!(mail.calendar, None);
}

#[test]
fn reply_to_and_bounce_domain_may_be_empty() {
    let mut settings = settings();
    settings.reply_to.clear();
    settings.bounce_domain.clear();
    let notice = notice(NoticeKind::VerificationRequired);
    let mail = render(&notice, &settings, &Templates::stock()).unwrap();
    let parsed = MessageParser::default().parse(&mail.message).unwrap();
    assert!(parsed.reply_to().is_none());
    assert_eq!(mail.envelope_from, "domains@muster.example");
    let calendar = mail.calendar.unwrap();
    assert!(calendar.contains("UID:V-81-dedelegation@muster.example\r\n"));
    let from = envelope_from(NoticeId(7), &settings);
    assert_eq!(from, "domains@muster.example");
    settings.bounce_domain = "bounce.dänic.de".to_owned();
    let from = envelope_from(NoticeId(7), &settings);
    assert_eq!(from, "bounce+N7@bounce.xn--dnic-loa.de");
}

#[test]
fn a_test_notice_says_so_first_and_in_the_subject() {
    for kind in NoticeKind::ALL {
        let mut notice = notice(kind);
        notice.environment = Environment::Test;
        notice.languages = vec![Language::De, Language::En];
        let mail = written(&notice);
        assert!(mail.subject.starts_with("beispiel.de"), "{}", mail.subject);
        assert!(mail.subject.ends_with(" [TEST]"), "{}", mail.subject);
        let text = mail.text.replace('\n', " ");
        let de =
            "TEST: Diese Nachricht betrifft nur das Testsystem der Registrierungsstelle DENIC.";
        assert!(text.starts_with(de), "{text}");
        assert!(text.contains("Mit einer echten Domain geschieht nichts"));
        assert!(text.contains("TEST: this message concerns only the test system"));
        let first = paragraphs(&mail.html).into_iter().next().unwrap();
        assert!(first.starts_with(de), "{first}");
        if let Some(calendar) = mail.calendar {
            assert!(calendar.contains("SUMMARY:beispiel.de: Nachweis einreichen [TEST]\r\n"));
        }
    }
    let live = written(&notice(NoticeKind::OnHold));
    assert!(!live.text.contains("TEST") && !live.subject.contains("TEST"));
}

#[test]
fn an_address_under_the_domain_is_warned_about() {
    let mut notice = notice(NoticeKind::VerificationRequired);
    assert!(!written(&notice).text.contains("zweite Adresse"));
    notice.recipient = "info@mail.beispiel.de".to_owned();
    let text = written(&notice).text.replace('\n', " ");
    let warning = "Wichtig: Ihre Adresse info@mail.beispiel.de gehört zu dieser Domain";
    assert!(text.contains(warning), "{text}");
}

#[test]
fn addresses_are_sent_to_by_a_label_and_odd_ones_are_refused() {
    let with = |recipient: &str| {
        let mut notice = notice(NoticeKind::OnHold);
        notice.recipient = recipient.to_owned();
        render(&notice, &settings(), &Templates::stock())
    };
    let mail = with("kunde@dänic.de").unwrap();
    assert_eq!(mail.envelope_to, "kunde@xn--dnic-loa.de");
    assert!(mail.message.is_ascii());
    let error = with("künde@example.net").unwrap_err();
    assert!(
        matches!(error, RenderError::NeedsSmtputf8 { .. }),
        "{error}"
    );
    assert!(error.to_string().contains("künde@example.net"), "{error}");
    for bad in [
        "",
        "kunde",
        "@example.net",
        "kunde@",
        "a@b@",
        "kunde@example.net\r\nBcc: x@example.de",
        "a\r\nBcc: b@example.net",
        "kunde@example.net, x@example.de",
        "x@example.de,kunde@example.net",
        "a b@example.net",
        "kunde@localhost",
        "<kunde@example.net>",
    ] {
        let result = with(bad);
        let is_refused = matches!(result, Err(RenderError::Address { .. }));
        assert!(is_refused, "{bad:?}: {result:?}");
    }
}

#[test]
fn what_cannot_be_a_mail_is_refused() {
    let stock = Templates::stock();
    let refused = |change: &dyn Fn(&mut stichtag::model::Notice)| {
        let mut notice = notice(NoticeKind::OnHold);
        change(&mut notice);
        render(&notice, &settings(), &stock).unwrap_err()
    };
    let error = refused(&|notice| notice.items.clear());
    assert_eq!(error, RenderError::NoItems);
    let error = refused(&|notice| notice.languages.clear());
    assert_eq!(error, RenderError::NoLanguage);
    let error = refused(&|notice| notice.created_at = at("1969-12-31T23:59:59Z"));
    assert_eq!(error, RenderError::BeforeEpoch);
    for id in ["", "x", "a@b\r\nBcc: c", "<a@b>", "a b@c", "a@", "ä@b"] {
        let error = refused(&|notice| notice.message_id = id.to_owned());
        assert!(matches!(error, RenderError::MessageId(_)), "{id:?}");
    }
    // The code becomes part of an address.
    let error = refused(&|notice| notice.code = "x@example.net>\r\nBcc: y".to_owned());
    assert!(matches!(error, RenderError::Address { .. }), "{error}");
}

#[test]
fn more_than_twenty_domains_come_as_a_table_too_without_formulas() {
    let mut notice = notice(NoticeKind::VerificationRequired);
    notice.items = (0..20)
        .map(|n| item(&format!("d{n}.de"), 100 + n))
        .collect();
    assert_eq!(written(&notice).csv, None);
    let mut last = item("dänic.de", 200);
    last.claims = Some(BTreeSet::from([Claim::Other(
        "=cmd|' /C calc'!A0".to_owned(),
    )]));
    notice.items.push(last);
    let mail = written(&notice);
    assert!(
        mail.subject.starts_with("d0.de und 20 weitere: "),
        "{}",
        mail.subject
    );
    let csv = mail.csv.as_deref().unwrap();
    let mut reader = csv::Reader::from_reader(csv.trim_start_matches('\u{feff}').as_bytes());
    assert_eq!(&reader.headers().unwrap()[0], "Domain");
    let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 21);
    assert_eq!(&rows[20][1], "xn--dnic-loa.de");
    assert_eq!(&rows[20][3], "2025-06-06T15:51:08+02:00");
    assert_eq!(&rows[20][5], "'=cmd|' /C calc'!A0");
    for cell in rows.iter().flatten() {
        assert!(!cell.starts_with(['=', '+', '-', '@']), "{cell}");
    }
    assert_eq!(mail.html.matches("<th scope=\"row\">").count(), 21);
    assert_eq!(
        mail.html.matches("<th scope=\"col\">Domain</th>").count(),
        1
    );
    let parsed = MessageParser::default().parse(&mail.message).unwrap();
    assert_eq!(parsed.attachment_count(), 2);
    let table = parsed.attachment(1).unwrap();
    assert_eq!(table.attachment_name(), Some("domains.csv"));
    assert!(table.text_contents().unwrap().contains("xn--dnic-loa.de"));
    assert_eq!(mail.calendar.unwrap().matches("BEGIN:VEVENT").count(), 42);
}

#[test]
fn the_earliest_deadline_still_ahead_decides_the_date() {
    let mut notice = notice(NoticeKind::VerificationRequired);
    let subject = |notice: &_| written(notice).subject;
    notice.items.push(item("dänic.de", 82));
    notice.items[1].dedelegation_at = Some(at("2025-06-05T08:00:00Z"));
    assert!(
        subject(&notice).contains("bis 3. Juni"),
        "{}",
        subject(&notice)
    );
    // De-delegation is over: deletion on 13 June counts.
    notice.items.truncate(1);
    notice.items[0].dedelegation_at = Some(at("2025-06-01T08:00:00Z"));
    assert!(
        subject(&notice).contains("bis 11. Juni"),
        "{}",
        subject(&notice)
    );
    notice.items[0].dedelegation_at = None;
    assert!(
        subject(&notice).contains("bis 11. Juni"),
        "{}",
        subject(&notice)
    );
}

#[test]
fn dates_are_the_customer_s_and_deadlines_the_registry_s() {
    let mut notice = notice(NoticeKind::VerificationRequired);
    notice.timezone = Some("Pacific/Auckland".to_owned());
    let mail = written(&notice);
    let text = mail.text.replace('\n', " ");
    // 15:51 in Berlin on 4 and 6 June is past midnight in Auckland.
    assert!(
        text.contains("Bitte bis Donnerstag, 5. Juni 2025, 01:51 Uhr (UTC+12):"),
        "{text}"
    );
    assert!(
        text.contains("Am Samstag, 7. Juni 2025, 01:51 Uhr (UTC+12) nimmt DENIC"),
        "{text}"
    );
    assert!(
        mail.calendar
            .unwrap()
            .contains("DTSTART:20250604T135108Z\r\n")
    );
}

#[test]
fn calendar_entries_need_a_case_and_a_deadline() {
    let mut notice = notice(NoticeKind::OnHold);
    let calendar = written(&notice).calendar.unwrap();
    assert!(calendar.contains("UID:V-81-deletion@"));
    assert!(!calendar.contains("dedelegation"));
    notice.items[0].deletion_at = None;
    assert_eq!(written(&notice).calendar, None);
    notice.items[0] = item("beispiel.de", 81);
    notice.items[0].case = None;
    assert_eq!(written(&notice).calendar, None);
    notice.items[0].case = Some(CaseId(9));
    notice.items[0].sequence = 3;
    let calendar = written(&notice).calendar.unwrap();
    assert!(calendar.contains("SEQUENCE:3\r\n"));
    notice.kind = NoticeKind::Resolved;
    notice.items[0].sequence = 4;
    let void = written(&notice).calendar.unwrap();
    assert!(void.contains("SEQUENCE:4\r\n") && void.contains("STATUS:CANCELLED\r\n"));
    assert!(void.contains("METHOD:PUBLISH\r\n") && !void.contains("VALARM"));
}

#[test]
fn html_loads_nothing_and_names_its_languages() {
    let mut notice = notice(NoticeKind::VerificationRequired);
    notice.languages = vec![Language::De, Language::En];
    let html = written(&notice).html;
    for bad in [
        "http", "src=", "href", "url(", "@import", "<img", "<a ", "<script", "<link",
    ] {
        assert!(!html.contains(bad), "{bad}");
    }
    for good in [
        "<html lang=\"de\">",
        "<div lang=\"de\">",
        "<div lang=\"en\">",
        "role=\"presentation\"",
        "<meta name=\"color-scheme\" content=\"light dark\">",
        "<title>beispiel.de: ",
    ] {
        assert!(html.contains(good), "{good}");
    }
}

#[test]
fn every_stock_text_is_clean_with_every_fact_and_with_none() {
    const ARTIFACTS: [&str; 22] = [
        "{{",
        "{%",
        "  ",
        " ,",
        " .",
        " ;",
        " :",
        "()",
        "( ",
        " )",
        "„“",
        "\"\"",
        "..",
        ",,",
        ": .",
        ":.",
        "· ·",
        "· .",
        "undefined",
        "none",
        "None",
        "\u{2}",
    ];
    let stock = Templates::stock();
    for notice in notices_with_and_without_facts() {
        for settings in [settings(), bare_settings()] {
            let mail = render(&notice, &settings, &stock).unwrap();
            assert_eq!(words_of_html(&mail.html), words(&mail.text));
            let (paragraphs, subject) = (paragraphs(&mail.html), mail.subject);
            for text in paragraphs.iter().chain([&subject]) {
                for artifact in ARTIFACTS {
                    assert!(!text.contains(artifact), "{artifact:?} in {text:?}");
                }
            }
            for text in paragraphs {
                assert!(text.ends_with(['.', '?', ',', '!']), "{text:?}");
            }
        }
    }
}

#[test]
fn own_texts_replace_the_stock_ones() {
    let own = |name: &str, text: &str| {
        Templates::with_overrides(BTreeMap::from([(name.to_owned(), text.to_owned())])).unwrap()
    };
    let notice = notice(NoticeKind::OnHold);
    let templates = own("on-hold/de.subject", "{{ domain }} <ruht> & wartet\n");
    let mail = render(&notice, &settings(), &templates).unwrap();
    assert_eq!(mail.subject, "beispiel.de <ruht> & wartet");
    assert!(
        mail.html
            .contains("<title>beispiel.de &lt;ruht&gt; &amp; wartet</title>")
    );
    let templates = own("shared/de.foot", "Ihr <b>Team</b>");
    let mail = render(&notice, &settings(), &templates).unwrap();
    assert!(mail.text.ends_with("\n\nIhr <b>Team</b>\n"));
    assert_eq!(paragraphs(&mail.html).last().unwrap(), "Ihr <b>Team</b>");
    assert!(!mail.html.contains("<b>"));
}

#[test]
fn a_mistake_in_an_own_text_is_named_when_it_is_loaded() {
    for (name, text, expected) in [
        (
            "on-hold/de.subjekt",
            "x",
            "`on-hold/de.subject` comes nearest",
        ),
        ("layout.html", "x", "no template `layout.html`"),
        ("on-hold/de.subject", "{{ domain", "on-hold/de.subject"),
        (
            "on-hold/de.body",
            "{% if phone %}{{ fone }}{% endif %}",
            "no variable `fone`",
        ),
        ("on-hold/de.body", "{{ domain|shout }}", "on-hold/de.body"),
        (
            "on-hold/de.body",
            "{% include 'shared/de.fuss' %}",
            "shared/de.fuss",
        ),
        (
            "shared/de.foot",
            "{% include 'shared/de.foot' %}",
            "shared/de.foot",
        ),
    ] {
        let overrides = BTreeMap::from([(name.to_owned(), text.to_owned())]);
        let error = Templates::with_overrides(overrides).unwrap_err();
        assert!(error.to_string().contains(expected), "{name}: {error}");
        let is_unknown = matches!(error, TemplateError::Unknown { .. });
        assert_eq!(is_unknown, !Templates::names().any(|known| known == name));
    }
}
