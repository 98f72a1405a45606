//! Reports about delivery: every mail under `fixtures/bounce/` against `expected.jsonl`.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use stichtag::model::{BounceMail, BounceRecipient, DeliveryAction};
use stichtag::parse;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/bounce")
}

fn expected() -> Vec<Value> {
    let text = fs::read_to_string(folder().join("expected.jsonl")).unwrap();
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The recipient that we wrote to, where the report names it, else the one it failed for.
fn recipient(one: &BounceRecipient) -> &str {
    one.recipient().unwrap_or_default()
}

/// What was read, as a line of the table has it.
fn summary(file: &str, raw: &[u8], expected: &Value) -> Value {
    let report = match parse::bounce(raw, false) {
        BounceMail::Report(report) => report,
        BounceMail::AutoReply { .. } => return json!({"file": file, "kind": "auto-reply"}),
        BounceMail::Other { .. } => return json!({"file": file, "kind": "other"}),
    };
    let recipients: Vec<Value> = report
        .recipients
        .iter()
        .enumerate()
        .map(|(number, one)| {
            let mut line = json!({
                "recipient": recipient(one),
                "action": one.action.as_str(),
                "category": one.category.as_str(),
                "status": one.status.map(|status| status.to_string()),
            });
            let wants = &expected["recipients"][number];
            if !wants["final_recipient"].is_null() {
                line["final_recipient"] = json!(one.final_recipient);
            }
            if !wants["original_recipient"].is_null() {
                line["original_recipient"] = json!(one.original_recipient);
            }
            line
        })
        .collect();
    json!({
        "file": file,
        "kind": "report",
        "recipients": recipients,
        "message_id": report.message_id,
        "notice": report.notice,
    })
}

#[test]
fn every_report_says_what_the_table_expects() {
    let table = expected();
    let mut wrong = String::new();
    let mut seen = BTreeSet::new();
    for line in &table {
        let file = line["file"].as_str().unwrap();
        assert!(seen.insert(file.to_owned()), "{file} is listed twice");
        let raw = fs::read(folder().join(file)).unwrap();
        let got = summary(file, &raw, line);
        if got != *line {
            wrong += &format!("{file}\n  expected {line}\n  read     {got}\n");
        }
    }
    for entry in fs::read_dir(folder()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".eml") && !seen.contains(&name) {
            wrong += &format!("{name} is not in the table\n");
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
    let reports = table.iter().filter(|line| line["kind"] == "report");
    assert!(reports.count() >= 60);
}

#[test]
fn every_diagnosis_is_one_clean_line() {
    for line in expected() {
        let file = line["file"].as_str().unwrap().to_owned();
        let raw = fs::read(folder().join(&file)).unwrap();
        let BounceMail::Report(report) = parse::bounce(&raw, false) else {
            continue;
        };
        for one in report.recipients {
            for text in [one.diagnostic, one.remote_mta].into_iter().flatten() {
                assert!(!text.contains(char::is_control), "{file}: {text:?}");
                assert!(text.chars().count() <= 301, "{file}: {text}");
            }
        }
    }
}

#[test]
fn a_report_with_lf_or_cr_alone_or_in_an_mbox_reads_the_same() {
    for line in expected() {
        let file = line["file"].as_str().unwrap();
        // UTF-16 and base64 aside, the line ends are those of the mail.
        let raw = fs::read(folder().join(file)).unwrap();
        let text = raw.iter().copied();
        let lf: Vec<u8> = text.clone().filter(|byte| *byte != b'\r').collect();
        let cr: Vec<u8> = text.filter(|byte| *byte != b'\n').collect();
        let mbox = [b"From MAILER-DAEMON Mon May  4 09:12:31 2026\n", &lf[..]].concat();
        for changed in [lf, cr, mbox] {
            assert_eq!(summary(file, &changed, &line), line, "{file}");
        }
    }
}

#[test]
fn a_report_that_is_cut_off_anywhere_never_turns_into_a_delay_or_a_delivery() {
    for line in expected() {
        let file = line["file"].as_str().unwrap();
        let raw = fs::read(folder().join(file)).unwrap();
        let is_failed = line["recipients"]
            .as_array()
            .is_some_and(|all| all.iter().all(|one| one["action"] == "failed"));
        if !is_failed {
            continue;
        }
        for end in (0..raw.len()).step_by(37) {
            if let BounceMail::Report(report) = parse::bounce(&raw[..end], true) {
                let action = report.gravest().unwrap().action;
                assert_eq!(action, DeliveryAction::Failed, "{file} cut at {end}");
            }
        }
    }
}

#[test]
fn more_than_is_read_of_any_mail_is_no_report() {
    let head = "From: MAILER-DAEMON@example.net\r\nSubject: failure notice\r\n";
    let big = format!("{head}\r\n{}", "x".repeat(4 * 1024 * 1024));
    assert!(matches!(
        parse::bounce(big.as_bytes(), true),
        BounceMail::Other { .. }
    ));
    // Nested beyond the depth that is opened: the text is still read, the fields are not.
    let mut nested = "Content-Type: message/delivery-status\r\n\r\nFinal-Recipient: rfc822; a@example.net\r\nAction: failed\r\n".to_owned();
    for level in 0..12 {
        nested = format!(
            "Content-Type: multipart/mixed; boundary=\"b{level}x\"\r\n\r\n--b{level}x\r\n{nested}\r\n--b{level}x--\r\n"
        );
    }
    let deep = format!("{head}{nested}");
    let BounceMail::Other { .. } = parse::bounce(deep.as_bytes(), true) else {
        panic!("it was opened too deep");
    };
    let many: String = (0..1_000)
        .map(|n| format!("Final-Recipient: rfc822; a{n}@example.net\r\nAction: failed\r\n\r\n"))
        .collect();
    let many = format!("{head}Content-Type: message/delivery-status\r\n\r\n{many}");
    let BounceMail::Report(report) = parse::bounce(many.as_bytes(), true) else {
        panic!("it is a report");
    };
    assert_eq!(report.recipients.len(), 100);
}
