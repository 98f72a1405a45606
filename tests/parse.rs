//! Every message under `fixtures/`, and what must be read from it.

#[path = "parse/centralnic.rs"]
mod centralnic;
#[path = "parse/expected.rs"]
mod expected;
#[path = "parse/expected_centralnic.rs"]
mod expected_centralnic;
#[path = "parse/properties.rs"]
mod properties;
#[path = "parse/summary.rs"]
mod summary;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use stichtag::model::{Source, reason};
use stichtag::parse::{self, ParseError, centralnic_mail, denic_mail, denic_queue, event_json};
use summary::summary;

const HEAD: &str = "From: registry-response@denic.de\r\nDate: Mon, 04 May 2026 09:12:31 +0200\r\n";
const BODY: &str = "STATUS: success\r\nHANDLE: denic.de [denic.de]\r\n\
    INFO: 53000080013 Domain \"Status\" is \"connect\"\r\n";

/// A fixture: its name, the reader it is for, its bytes.
fn fixtures() -> Vec<(String, Source, Vec<u8>)> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut found = Vec::new();
    for (folder, source) in [
        ("denic-mail", Source::DenicMail),
        ("denic-queue", Source::DenicQueue),
        ("centralnic-mail", Source::CentralnicMail),
    ] {
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            found.push((name, source, fs::read(entry.path()).unwrap()));
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

fn read(source: Source, raw: &[u8]) -> Result<stichtag::model::RegistryEvent, ParseError> {
    match source {
        Source::DenicMail => denic_mail(raw),
        Source::CentralnicMail => centralnic_mail(raw),
        _ => denic_queue(raw),
    }
}

#[test]
fn every_fixture_says_what_the_table_expects() {
    let lines = || expected::TABLE.iter().chain(expected_centralnic::TABLE);
    let table: std::collections::BTreeMap<_, _> = lines().copied().collect();
    assert_eq!(table.len(), lines().count(), "a file is listed twice");
    let mut wrong = String::new();
    let mut seen = BTreeSet::new();
    for (name, source, raw) in fixtures() {
        let got = summary(&read(source, &raw));
        let want = table
            .get(name.as_str())
            .copied()
            .unwrap_or("(not in the table)");
        if got != want {
            wrong += &format!("{name}\n  expected {want}\n  read     {got}\n");
        }
        seen.insert(name);
    }
    for name in table.keys() {
        if !seen.contains(*name) {
            wrong += &format!("{name} is missing\n");
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn every_fixture_reads_as_its_snapshot() {
    for (name, source, raw) in fixtures() {
        let shown = match read(source, &raw) {
            Ok(event) => {
                let warnings: Vec<_> = event.warnings.iter().map(ToString::to_string).collect();
                format!(
                    "{}\n{}",
                    serde_json::to_string_pretty(&event_json(&event)).unwrap(),
                    warnings.join("\n")
                )
            }
            Err(error) => {
                let warnings: Vec<_> = error.warnings.iter().map(ToString::to_string).collect();
                format!(
                    "{error}\ndomain: {:?}\nnames a deadline: {}\n{}",
                    error.domain.as_ref().map(|domain| domain.ace()),
                    error.names_deadline,
                    warnings.join("\n")
                )
            }
        };
        insta::assert_snapshot!(name, shown.trim_end());
    }
}

#[test]
fn every_fixture_is_told_apart_by_its_first_lines() {
    for (name, source, raw) in fixtures() {
        // A mail to the owner of a domain, and events without their class, are told by their route.
        let is_told = !expected_centralnic::TOLD_BY_THEIR_ROUTE.contains(&name.as_str());
        let expected = match is_told {
            true => source,
            false => Source::DenicMail,
        };
        assert_eq!(parse::detect(&raw), expected, "{name}");
    }
}

#[test]
fn the_same_event_is_read_from_every_channel() {
    let read = |name: &str| {
        let (_, source, raw) = fixtures()
            .into_iter()
            .find(|(known, ..)| known == name)
            .unwrap();
        read(source, &raw).unwrap().facts
    };
    assert_eq!(
        read("01-live-connect.eml"),
        read("20-queue-domainStatusUpdate-connect.kv")
    );
    let mail = read("03-live-verification-required.eml");
    assert_eq!(mail, read("21-queue-domainStatusUpdate-verification.kv"));
    assert_eq!(mail, read("40-bare-message-undeclared-prefix-nbsp.xml"));
    for kind in ["connect", "verification", "serverhold"] {
        assert_eq!(
            read(&format!("seed001-{kind}.kv")),
            read(&format!("seed001-{kind}.xml"))
        );
    }
}

#[test]
fn the_json_object_is_the_one_of_the_contract() {
    let (_, source, raw) = fixtures()
        .into_iter()
        .find(|(name, ..)| name == "seed001-live-verification.eml")
        .unwrap();
    let object = event_json(&read(source, &raw).unwrap());
    let text = "Verification information must be provided for the holder(s) to avoid";
    let arguments = [
        "Date: 2025-06-13T15:51:08+02:00",
        "VerificationClaims: address;name",
    ];
    assert_eq!(
        object,
        serde_json::json!({
            "kind": "domain-status", "domain": "dänic.de", "ace": "xn--dnic-loa.de",
            "result": "success", "ticket": null, "status": "connect",
            "holders": ["DENIC-1000002-MaybeGoodGuy", "DENIC-1000002-GoodGuy"],
            "dedelegation_at": "2025-06-13T13:51:08Z", "deletion_at": "2025-06-13T13:51:08Z",
            "claims": ["address", "name"], "unknown": [], "object": "Domain",
            "registry_time": "2025-06-01T13:51:10Z",
            "messages": [
                {"level": "info", "code": "53000080013", "text": "Domain \"Status\" is \"connect\"",
                 "arguments": []},
                {"level": "info", "code": "16350000040", "text": format!("{text} dedelegation by"),
                 "arguments": arguments},
                {"level": "info", "code": "16350000041", "text": format!("{text} deletion by"),
                 "arguments": arguments},
            ],
        })
    );
}

#[test]
fn a_warning_names_its_lines() {
    let (_, _, raw) = fixtures()
        .into_iter()
        .find(|(name, ..)| name == "03-live-verification-required.eml")
        .unwrap();
    let event = denic_mail(&raw).unwrap();
    assert_eq!(event.warnings[0].code, reason::NO_COLON);
    assert_eq!(
        event.warnings[0].detail,
        "lines 5, 6: `HOLDER` without its colon"
    );
}

#[test]
fn an_error_names_line_and_field() {
    let body = BODY.replace("[denic.de]", "[xn--dnic-loa.de]");
    let error = denic_mail(format!("{HEAD}\r\n{body}").as_bytes()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "R13: line 2, HANDLE: `xn--dnic-loa.de` is not the A-label of `denic.de`"
    );
}

fn mail_code(mail: &str) -> &'static str {
    match denic_mail(mail.as_bytes()) {
        Ok(event) => event.facts.kind(),
        Err(error) => error.code.as_str(),
    }
}

#[test]
fn a_mail_may_have_200_header_fields_and_no_more() {
    let with = |fields: usize| format!("{HEAD}{}\r\n{BODY}", "X-A: b\r\n".repeat(fields - 2));
    assert_eq!(mail_code(&with(200)), "domain-status");
    assert_eq!(mail_code(&with(201)), "R16");
}

#[test]
fn a_mail_may_have_50_parts_and_no_more() {
    let with = |parts: usize| {
        let attached = "--b\r\nContent-Type: image/png\r\n\r\nx\r\n".repeat(parts - 2);
        format!(
            "{HEAD}Content-Type: multipart/mixed; boundary=b\r\n\r\n\
             --b\r\nContent-Type: text/plain\r\n\r\n{BODY}\r\n{attached}--b--\r\n"
        )
    };
    assert_eq!(mail_code(&with(50)), "domain-status");
    assert_eq!(mail_code(&with(51)), "R16");
}

#[test]
fn parts_may_nest_10_deep_and_no_deeper() {
    let with = |depth: usize| {
        let mut mail = HEAD.to_owned();
        for level in 0..depth {
            mail +=
                &format!("Content-Type: multipart/mixed; boundary=b{level}\r\n\r\n--b{level}\r\n");
        }
        mail += &format!("Content-Type: text/plain\r\n\r\n{BODY}\r\n");
        for level in (0..depth).rev() {
            mail += &format!("--b{level}--\r\n");
        }
        mail
    };
    assert_eq!(mail_code(&with(10)), "domain-status");
    assert_eq!(mail_code(&with(11)), "R16");
}

#[test]
fn a_mail_built_to_exhaust_the_reader_is_refused() {
    let size = 4 * 1024 * 1024;
    let fill = |head: &str, unit: &str| {
        format!(
            "{HEAD}{head}{}",
            unit.repeat((size - HEAD.len() - head.len()) / unit.len())
        )
    };
    let nested = "Content-Type: message/rfc822\r\n\r\n";
    let multipart = "Content-Type: multipart/digest; boundary=b\r\n\r\n";
    for mail in [
        fill("", nested),
        fill(multipart, "--b\r\n\r\n"),
        fill(multipart, "--b\nA:\n"),
        fill(multipart, &format!("--b\r\n\r\n{multipart}")),
        fill("", "A:\n"),
        fill(
            multipart,
            "\n--b\nA:\nA:\nA:\nA:\nA:\nA:\nA:\nA:\nA:\nA:\nA:\nA:\nA:\nA:\nA:\n",
        ),
    ] {
        let started = std::time::Instant::now();
        assert_eq!(mail_code(&mail), "R16");
        assert!(started.elapsed().as_secs() < 5);
    }
}

#[test]
fn a_mail_may_have_4_mib_and_no_more() {
    let head = format!("{HEAD}\r\n{BODY}\r\n");
    let head = head.replace("\r\n", "\n");
    let with = |size: usize| format!("{head}{}", "\n".repeat(size - head.len()));
    assert_eq!(mail_code(&with(4 * 1024 * 1024)), "domain-status");
    assert_eq!(mail_code(&with(4 * 1024 * 1024 + 1)), "R16");
}

fn queue_code(message: &str) -> &'static str {
    match denic_queue(message.as_bytes()) {
        Ok(event) => event.facts.kind(),
        Err(error) => error.code.as_str(),
    }
}

#[test]
fn a_queue_message_may_have_65536_bytes_and_no_more() {
    let head = "RESULT: success\nmsgcnt: 0\n";
    let with = |size: usize| format!("{head}{}", "\n".repeat(size - head.len()));
    assert_eq!(queue_code(&with(65_536)), "request-answer");
    assert_eq!(queue_code(&with(65_537)), "R16");
}

#[test]
fn elements_may_nest_32_deep_and_no_deeper() {
    let with = |depth: usize| {
        let inner = depth - 3;
        format!(
            "<registry-response xmlns='http://registry.denic.de/global/5.0'><transaction>\
             <result>success</result><data>{}{}</data></transaction></registry-response>",
            "<a>".repeat(inner),
            "</a>".repeat(inner)
        )
    };
    assert_eq!(queue_code(&with(32)), "request-answer");
    assert_eq!(queue_code(&with(33)), "R16");
}

#[test]
fn ten_thousand_odd_lines_make_one_warning() {
    let odd = "Foo: bar\n".repeat(5_000);
    let event = denic_queue(format!("RESULT: success\n{odd}").as_bytes()).unwrap();
    assert_eq!(event.unknown.len(), 5_000);
    assert_eq!(event.warnings.len(), 1);
}

#[test]
fn long_messages_take_time_in_proportion() {
    let mail = |head: &str, body: &str, unit: &str| {
        let start = format!("{HEAD}{head}\r\n{BODY}{body}");
        let count = (1024 * 1024 - start.len()) / unit.len();
        format!("{start}{}", unit.repeat(count))
    };
    let html = "Content-Type: multipart/alternative; boundary=b\r\n\r\n\
        --b\r\nContent-Type: text/plain\r\n";
    let html_part = "xn--a.de\r\n--b\r\nContent-Type: text/html\r\n\r\n";
    for long in [
        mail("", "", "HOLDER: DENIC-1-A\n\n"),
        mail("", "HOLDER: ", "[,]\n"),
        mail("", "INFO: 16350000040 dedelegation [", "Date: x, "),
        mail("", "INFO: 16350000040 dedelegation ", "["),
        mail("", "INFO: 16350000040 dedelegation ", "]"),
        mail("", "", "INFO: 13000099999 x [a: b, c]\n\n"),
        mail("", "", "u\u{308}\u{a0}"),
        mail(html, html_part, "xn--a.de "),
    ] {
        let started = std::time::Instant::now();
        let _ = denic_mail(long.as_bytes());
        assert!(started.elapsed().as_secs() < 5, "{}", &long[..400]);
    }
    let attributes: String = (0..7_000).map(|n| format!("a{n}='' ")).collect();
    let started = std::time::Instant::now();
    let _ = denic_queue(format!("<message {attributes}/>").as_bytes());
    assert!(started.elapsed().as_secs() < 1, "{:?}", started.elapsed());
    let root = "<message xmlns='http://registry.denic.de/msg/5.0'";
    for (start, unit, end) in [
        (format!("{root}><expire>"), "<a/>", "</expire></message>"),
        (format!("{root} "), "a=\"\" ", "/>"),
        (format!("{root}><expire>"), "<x:a/>,", "</expire></message>"),
        ("RESULT: success\n".to_owned(), "holder: DENIC-1-A\n", ""),
        (
            "RESULT: success\nINFO: 13000099999 x [".to_owned(),
            ", a: b",
            "]",
        ),
    ] {
        let count = (65_000 - start.len()) / unit.len();
        let started = std::time::Instant::now();
        let _ = denic_queue(format!("{start}{}{end}", unit.repeat(count)).as_bytes());
        assert!(started.elapsed().as_secs() < 1, "{start} {unit}");
    }
}

#[test]
fn a_deadline_is_noticed_even_where_nothing_else_can_be_read() {
    let deadline = "INFO: 16350000041 Verification information must be provided for the \
        holder(s) to avoid deletion by [Date: 2026-09-02T08:30:00+02:00]";
    for (mail, names_deadline) in [
        (format!("{HEAD}\r\nHello,\r\n{deadline}\r\n"), true),
        (
            format!("{HEAD}Content-Type: text/html\r\n\r\n<p>{deadline}</p>\r\n"),
            true,
        ),
        (format!("{HEAD}\r\nHello\r\n"), false),
    ] {
        let error = denic_mail(mail.as_bytes()).unwrap_err();
        assert_eq!(error.names_deadline, names_deadline, "{mail}");
    }
}
