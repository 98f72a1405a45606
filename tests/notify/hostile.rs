//! No value from the registry, an import or the configuration changes the form of a mail.

use std::collections::BTreeSet;

use mail_parser::MessageParser;
use proptest::prelude::*;
use stichtag::model::{Claim, NoticeKind};
use stichtag::notify::{Rendered, Templates, render};

use crate::samples::*;

#[test]
fn hostile_values_stay_words() {
    for value in [
        "<script>alert(1)</script>",
        "x\r\nBcc: opfer@example.de",
        "x\nBEGIN:VEVENT\nEND:VEVENT",
        "\u{202e}ed.leipsieb",
        "</p><a href=\"http://falle.example\">",
        "{{ code }}{% raw %}",
        "\u{1}\u{2}\u{3}",
        "\0\u{7f}\u{9b}31m",
        "=?utf-8?q?=0D=0ABcc:_x?=",
        "--=_mixed_x\r\n\r\n.\r\n",
    ] {
        let mail = assert_keeps_its_form(value, "DENIC-1-<b>&\"'");
        for part in [&mail.text, &mail.html, &mail.subject] {
            assert!(!part.contains(['\u{202e}', '\0', '\r', '\u{1}', '\u{9b}', '\u{7f}']));
        }
        assert!(!mail.html.contains("<script") && !mail.html.contains("<b>"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 96,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_value_changes_the_form_of_a_mail(
        value in "\\PC{0,60}|(?s).{0,60}|[<>\"'&\r\n:;,={}%\u{202e}ab]{0,80}",
        own in "[!-~]{1,20}",
    ) {
        assert_keeps_its_form(&value, &format!("DENIC-1-{own}"));
    }
}

/// Puts `value` wherever a text from outside can stand, and checks all that must not change.
fn assert_keeps_its_form(value: &str, holder: &str) -> Rendered {
    let mut changed = notice(NoticeKind::VerificationRequired);
    changed.salutation = value.to_owned();
    changed.customer.0 = value.to_owned();
    changed.timezone = Some(value.to_owned());
    changed.items[0].claims = Some(BTreeSet::from([
        Claim::Name,
        Claim::Other(value.to_owned()),
    ]));
    changed.items[0].holders = BTreeSet::from([holder.parse().unwrap()]);
    let mut settings = settings();
    settings.portal_path = value.to_owned();
    settings.phone = value.to_owned();
    settings.company = value.to_owned();
    settings.check_host = value.to_owned();
    settings.from = format!("{} <domains@muster.example>", value.replace(['<', '>'], ""));
    let mail = render(&changed, &settings, &Templates::stock()).unwrap();
    let usual = written(&notice(NoticeKind::VerificationRequired));

    let raw = std::str::from_utf8(&mail.message).unwrap();
    assert!(raw.is_ascii());
    let is_line = |line: &str| line.len() <= 998 && !line.contains(['\r', '\n', '\0']);
    assert!(raw.split("\r\n").all(is_line));
    let parsed = MessageParser::default().parse(&mail.message).unwrap();
    let headers: Vec<&str> = parsed
        .headers()
        .iter()
        .map(|header| header.name())
        .collect();
    assert_eq!(
        headers,
        [
            "Date",
            "From",
            "To",
            "Reply-To",
            "Subject",
            "Message-ID",
            "Auto-Submitted",
            "X-Auto-Response-Suppress",
            "X-Loop",
            "Content-Language",
            "X-Stichtag-Notice",
            "MIME-Version",
            "Content-Type",
        ]
    );
    assert_eq!(mail.envelope_to, "kunde@example.net");
    assert_eq!(parsed.to().unwrap().iter().count(), 1);
    assert_eq!(parsed.from().unwrap().iter().count(), 1);
    let from = parsed.from().unwrap().first().unwrap();
    assert_eq!(from.address(), Some("domains@muster.example"));
    assert_eq!(parsed.subject(), Some(mail.subject.as_str()));
    assert_eq!((parsed.text_body_count(), parsed.html_body_count()), (1, 1));
    assert_eq!(parsed.attachment_count(), 1);
    let text = parsed.body_text(0).unwrap().replace("\r\n", "\n");
    assert_eq!(text.trim_end(), mail.text.trim_end());

    let (found, expected) = (mail.calendar.as_deref(), usual.calendar.as_deref());
    assert_eq!(found, expected);
    assert_eq!(words_of_html(&mail.html), words(&mail.text));
    assert_eq!(tags(&mail.html), tags(&usual.html));
    mail
}
