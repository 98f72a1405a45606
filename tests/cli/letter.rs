//! `case letter`: one sheet, with room for the address, that nobody can write into.

use std::collections::BTreeSet;

use super::office::{BOTH, Office, mail, mail_about};
use super::paper::{self, Area};

/// What the window of an envelope shows below the line of the sender (DIN 5008, form B).
const ADDRESS: Area = Area {
    left: 20,
    top: 50,
    width: 85,
    height: 40,
};

fn office() -> Office {
    let mut office = Office::stocked();
    office.set("NOTICES__FROM", "Muster Hosting <domains@muster.example>");
    office.set("NOTICES__PHONE", "+49 30 901820");
    office.set(
        "NOTICES__COMPANY",
        "Muster Hosting GmbH\nMusterweg 1\n60311 Frankfurt am Main",
    );
    office.set("NOTICES__CHECK_HOST", "check.muster.example");
    office.set("NOTICES__PORTAL_PATH", "Domains > Inhaberdaten");
    office
}

fn on_hold() -> Office {
    let office = office();
    office.mail(&mail(90, "connect", &BOTH));
    office.mail(&mail(30, "serverHold", &[("deletion", 40)]));
    office
}

fn letter(office: &Office, arguments: &[&str]) -> String {
    let mut all = vec!["case", "letter", "V-1"];
    all.extend(arguments);
    office.ok(&all).out
}

/// The words a reader sees, in order.
fn words(page: &str) -> String {
    let (_, body) = page.split_once("<body>").unwrap();
    let mut text = String::new();
    let mut is_tag = false;
    for c in body.chars() {
        match c {
            '<' => is_tag = true,
            '>' => {
                is_tag = false;
                text.push(' ');
            }
            _ if !is_tag => text.push(c),
            _ => {}
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_letter_says_what_the_notice_says_and_what_only_mail_can_do_is_left_out() {
    let office = on_hold();
    let code = office.json(&["notice", "list"]).pop().unwrap()["code"].clone();
    let code = code.as_str().unwrap();
    let german = letter(&office, &[]);
    assert!(german.starts_with("<!DOCTYPE html>\n<html lang=\"de\">"));
    let english = letter(&office, &["--lang", "en"]);
    assert!(english.contains("<html lang=\"en\">"));
    for (page, parts) in [
        (
            &german,
            [
                "dänic.de ist aus dem Netz genommen, Nachweis bis ",
                "Guten Tag Änne Öztürk,",
                "weil der Nachweis fehlt (Anschrift, Name)",
                "wird gelöscht, ohne Rückholfrist",
                "Kundennummer K-1",
                "Mit freundlichen Grüßen Muster Hosting GmbH",
            ],
        ),
        (
            &english,
            [
                "dänic.de has been taken off the net, proof due ",
                "Hello Änne Öztürk,",
                "because the proof is missing (address, name)",
                "is deleted, with no recovery period",
                "Customer no. K-1",
                "Yours sincerely Muster Hosting GmbH",
            ],
        ),
    ] {
        let text = words(page);
        let both = [code, "+49 30 901820", "check.muster.example", "V-1"];
        for part in parts.iter().chain(&both) {
            assert!(text.contains(part), "{part} in {text}");
        }
        for mail in [
            "Antwort", "Reply", "reply", "Link", "link", "kunde@", "ics", "automat",
        ] {
            assert!(!text.contains(mail), "{mail} in {text}");
        }
    }
}

#[test]
fn a_letter_is_one_a4_page_that_leaves_the_window_free() {
    let mut office = office();
    // As long as values get: none of them may push the text onto a second sheet.
    let long = "Verwaltungsgesellschaft für Domains und Inhaberdaten ".repeat(3);
    office.set(
        "NOTICES__COMPANY",
        &format!("Muster Hosting GmbH\n{long}\n60311 Frankfurt"),
    );
    office.set("NOTICES__PORTAL_PATH", &format!("Domains > {long}"));
    let test = String::from_utf8(mail_about(
        "denic-test.de [denic-test.de]",
        20,
        "connect",
        &BOTH,
    ))
    .unwrap()
    .replace(
        "registry-response@denic.de",
        "registry-response@test.denic.de",
    )
    .replace("Subject: ", "Subject: TEST ");
    office.mail(&mail(90, "connect", &BOTH));
    office.mail(test.as_bytes());
    let mut printed = 0;
    for state in ["connect", "serverHold"] {
        if state == "serverHold" {
            office.mail(&mail(30, "serverHold", &[("deletion", 40)]));
        }
        for case in ["V-1", "V-2"] {
            for lang in ["de", "en"] {
                let arguments = [
                    "case", "letter", case, "--lang", lang, "--out", "l.html", "--yes",
                ];
                office.ok(&arguments);
                let sheet = paper::print(&office.path("l.html"));
                assert_eq!(sheet.a4_pages(), 1, "{state} {case} {lang}");
                assert_eq!(sheet.text_in(&ADDRESS), "", "{state} {case} {lang}");
                let line = Area {
                    top: 44,
                    height: 6,
                    ..ADDRESS
                };
                assert!(sheet.text_in(&line).starts_with("Muster Hosting GmbH"));
                let text = sheet.text();
                assert!(text.contains("Änne Öztürk") && text.contains("Muster Hosting GmbH"));
                assert_eq!(text.contains("TEST"), case == "V-2", "{text}");
                printed += 1;
            }
        }
    }
    assert_eq!(printed, 8);
}

#[test]
fn nothing_that_a_stranger_wrote_is_markup() {
    let tags = |page: &str| -> BTreeSet<String> {
        let names = page.split('<').skip(1);
        names
            .map(|tag| tag.split(['>', ' ', '\n']).next().unwrap().to_owned())
            .collect()
    };
    let harmless = tags(&letter(&on_hold(), &[]));
    let hostile =
        "</style></title><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7*7 }}{% x %}";
    let mut office = office();
    office.write(
        "customers.csv",
        format!("customer,salutation,language,email\nK-1,{hostile},de,kunde@example.net\n"),
    );
    office.ok(&["import", "customers", "customers.csv"]);
    for key in ["COMPANY", "PHONE", "PORTAL_PATH", "CHECK_HOST"] {
        office.set(&format!("NOTICES__{key}"), hostile);
    }
    let claims = String::from_utf8(mail(90, "serverHold", &[("deletion", 40)])).unwrap();
    office.mail(claims.replace("address;name", "<b>x</b>;name").as_bytes());
    let page = letter(&office, &[]);
    assert_eq!(tags(&page), harmless);
    assert!(
        page.contains("&lt;script&gt;alert(1)") && page.contains("{{ 7*7 }}"),
        "{page}"
    );
    assert!(!page.contains("onerror=alert(1)>"), "{page}");
}

#[test]
fn the_code_of_a_letter_is_known_from_then_on() {
    let office = on_hold();
    let code = office.json(&["notice", "list"]).pop().unwrap()["code"].clone();
    let code = code.as_str().unwrap();
    assert_eq!(office.run(&["notice", "check", code]).code, 4);
    let written = office
        .json(&["case", "letter", "V-1", "--out", "l.html"])
        .remove(0);
    assert_eq!(written["code"], code);
    assert_eq!(written["file"], "l.html");
    let page = std::fs::read_to_string(office.path("l.html")).unwrap();
    assert!(page.contains(code));
    let done = office.ok(&["notice", "check", code]);
    assert!(done.out.contains("letter"), "{}", done.out);
    for secret in ["dänic.de", "K-1", "Öztürk"] {
        assert!(!done.out.contains(secret), "{}", done.out);
    }
    let object = office.json(&["notice", "check", code]).remove(0);
    assert_eq!(object["genuine"], true);
    assert!(object["letter_at"].is_string() && object["sent_at"].is_null());
    // Another code of the same case is as unknown as before.
    let first = office.json(&["notice", "list"])[0]["code"].clone();
    assert_eq!(
        office
            .run(&["notice", "check", first.as_str().unwrap()])
            .code,
        4
    );
    let trail = office.json(&[
        "audit",
        "list",
        "--object",
        "V-1",
        "--action",
        "case letter",
    ]);
    assert_eq!(trail.len(), 1);
}

#[test]
fn a_letter_that_cannot_be_written_says_why() {
    let office = on_hold();
    let unknown = office.run(&["case", "letter", "V-99"]);
    assert_eq!(unknown.code, 4, "{}", unknown.err);
    assert_eq!(
        office.run(&["case", "letter", "V-1", "--lang", "fr"]).code,
        2
    );
    office.write("l.html", "mine");
    let there = office.run(&["case", "letter", "V-1", "--out", "l.html"]);
    assert_eq!(there.code, 5, "{}", there.err);
    office.ok(&["case", "close", "V-1", "--note", "papers are here", "--yes"]);
    let ended = office.run(&["case", "letter", "V-1"]);
    assert_eq!(ended.code, 1);
    assert!(ended.err.contains("has ended (closed)"), "{}", ended.err);
    assert!(ended.out.is_empty());
    // Nothing was written, so nothing is known of a letter.
    let trail = office.json(&["audit", "list", "--action", "case letter"]);
    assert!(trail.is_empty(), "{trail:?}");
}
