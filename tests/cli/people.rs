//! `case`, `notice`, `customer`, `explain`.

use stichtag::model::NoticeId;
use stichtag::store::{Delivery, Store};

use super::office::{BOTH, Office, mail};

fn office() -> Office {
    let mut office = Office::stocked();
    office.set("NOTICES__FROM", "Muster Hosting <domains@muster.example>");
    office.set("NOTICES__PHONE", "+49 30 901820");
    office.set("NOTICES__COMPANY", "Muster Hosting GmbH");
    office.mail(&mail(30, "connect", &BOTH));
    office
}

#[test]
fn a_case_is_shown_noted_and_closed() {
    let office = office();
    let shown = office.ok(&["case", "show", "V-1"]).out;
    for part in [
        "V-1",
        "open",
        "dänic.de",
        "K-1",
        "N-1",
        "verification-required",
        "deletion",
    ] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    office.ok(&["case", "note", "V-1", "rang: will send papers"]);
    office.ok(&["case", "close", "V-1", "--note", "papers are here", "--yes"]);
    let shown = office.json(&["case", "show", "V-1"]).remove(0);
    assert_eq!(shown["state"], "closed");
    assert!(shown["closed_at"].is_string());
    let notes = shown["notes"].as_array().unwrap();
    assert_eq!(notes.len(), 2);
    assert_eq!(notes[0]["text"], "rang: will send papers");
    assert!(
        notes[0]["actor"].as_str().unwrap().contains(' '),
        "number and name"
    );
    assert!(office.json(&["case", "list"]).is_empty());
    assert_eq!(office.json(&["case", "list", "--all"]).len(), 1);
    let again = office.run(&["case", "close", "V-1", "--note", "x", "--yes"]);
    assert_eq!(again.code, 1);
    assert!(again.err.contains("ended already"), "{}", again.err);
    // Closing by hand does not make the deadline go away.
    assert_eq!(office.json(&["deadlines"]).len(), 1);
}

#[test]
fn notices_are_listed_shown_and_previewed() {
    let office = office();
    assert_eq!(office.json(&["notice", "list", "--observed"]).len(), 1);
    assert_eq!(office.json(&["notice", "list", "--state", "sent"]).len(), 0);
    assert_eq!(
        office.json(&["notice", "list", "--customer", "K-1"]).len(),
        1
    );
    assert_eq!(
        office.json(&["notice", "list", "--customer", "K-2"]).len(),
        0
    );
    assert_eq!(office.json(&["notice", "list", "--case", "V-1"]).len(), 1);
    let code = office.json(&["notice", "list"])[0]["code"]
        .as_str()
        .unwrap()
        .to_owned();
    let raw = office.ok(&["notice", "show", "N-1", "--raw"]).out;
    assert!(
        raw.contains("\r\nMIME-Version: 1.0") && raw.contains("\r\nTo: "),
        "{raw}"
    );
    for (lang, hello) in [("de", "Guten Tag"), ("en", "Hello")] {
        for what in [
            vec!["N-1"],
            vec!["on-hold", "--case", "V-1"],
            vec!["resolved", "--case", "V-1"],
        ] {
            let mut arguments = vec!["notice", "preview"];
            arguments.extend(&what);
            arguments.extend(["--lang", lang]);
            let text = office.ok(&arguments).out;
            assert!(text.starts_with("Subject: dänic.de"), "{text}");
            assert!(text.contains(hello), "{arguments:?}: {text}");
        }
    }
    let text = office.ok(&["notice", "preview", "N-1"]).out;
    assert!(text.contains(&code), "{text}");
    let html = office.ok(&["notice", "preview", "N-1", "--html"]).out;
    assert!(html.contains("<html"), "{html}");
    assert_eq!(
        office.json(&["notice", "list"])[0]["state"],
        "observed",
        "nothing was sent"
    );
}

#[test]
fn a_notice_is_sent_again_with_an_entry_in_the_audit_trail() {
    let office = office();
    office.ok(&["notice", "resend", "N-1", "--note", "asked for it", "--yes"]);
    assert_eq!(office.json(&["notice", "list"])[0]["state"], "queued");
    assert!(office.json(&["notice", "list", "--observed"]).is_empty());
}

#[test]
fn sending_is_paused_and_goes_on() {
    let office = office();
    office.ok(&["notice", "pause", "--note", "new texts"]);
    let status = office.run(&["status", "--json"]).json().remove(0);
    assert!(status["paused"].as_str().unwrap().contains("new texts"));
    assert!(office.run(&["status"]).out.contains("PAUSED"));
    assert_eq!(office.run(&["status", "--fail"]).code, 10);
    office.ok(&["notice", "resume"]);
    assert!(office.run(&["status", "--json"]).json()[0]["paused"].is_null());
}

#[test]
fn a_code_is_checked_and_says_nothing_personal() {
    let office = office();
    let code = office.json(&["notice", "list"])[0]["code"]
        .as_str()
        .unwrap()
        .to_owned();
    let done = office.run(&["notice", "check", &code]);
    assert_eq!(done.code, 4, "it was observed, not sent");
    let at = jiff::Timestamp::now();
    office.store(async |store| {
        let sent = Delivery::Sent {
            at,
            reply: "250 ok".to_owned(),
        };
        store.settle_notice(NoticeId(1), &sent, None).await.unwrap();
    });
    let typed = code.to_lowercase().replace('-', " ");
    for code in [code.as_str(), typed.as_str()] {
        let done = office.ok(&["notice", "check", code]);
        assert!(done.out.starts_with("Yes, we sent this"), "{}", done.out);
        for secret in ["kunde@example.net", "K-1", "Öztürk", "dänic.de"] {
            assert!(!done.out.contains(secret), "{}", done.out);
        }
        let object = office.json(&["notice", "check", code]).remove(0);
        assert_eq!(object["genuine"], true);
    }
}

#[test]
fn a_customer_is_shown_with_domains_and_risk() {
    let office = office();
    office.write("customers.csv", "customer,email\nK-1,info@dänic.de\n");
    office.ok(&["import", "customers", "customers.csv"]);
    let shown = office.ok(&["customer", "show", "K-1"]).out;
    assert!(
        shown.contains("W11") && shown.contains("dänic.de"),
        "{shown}"
    );
    let object = office.json(&["customer", "show", "K-1"]).remove(0);
    assert_eq!(object["domains"].as_array().unwrap().len(), 2);
    assert_eq!(object["address_at_risk"][0], "dänic.de");
}

#[test]
fn every_code_is_explained() {
    let office = Office::new();
    let all = office.json(&["explain"]);
    assert!(all.len() > 40);
    for entry in &all {
        let code = entry["code"].as_str().unwrap();
        let text = office.ok(&["explain", &code.to_lowercase()]).out;
        assert!(text.contains(entry["remedy"].as_str().unwrap()), "{text}");
    }
}
