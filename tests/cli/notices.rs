//! Notices before and after they are sent: previews, texts and their faults, the authenticity check.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use serde_json::Value;
use stichtag::model::Notice;
use stichtag::notify::Templates;
use stichtag::store::{Delivery, Store};

use super::office::{BOTH, Office, in_days, mail};

/// An office whose customer has a notice due, N-1 of case V-1.
fn with_notice() -> Office {
    let mut office = Office::stocked();
    for (key, value) in [
        ("NOTICES__MODE", "on"),
        ("NOTICES__FROM", "domains@example.net"),
        ("NOTICES__PHONE", "+49 30 1"),
        ("NOTICES__COMPANY", "Muster Hosting"),
        ("NOTICES__COALESCE", "0s"),
    ] {
        office.set(key, value);
    }
    office.mail(&mail(30, "connect", &BOTH));
    office
}

/// The notice, as it stands after the smarthost took it.
fn sent(office: &Office) -> Notice {
    // When it came was not a full second.
    let now = in_days(0) + jiff::SignedDuration::from_secs(1);
    office.store(async |store| {
        let lease = Duration::from_secs(60);
        let claimed = store.claim_notices(now, 10, lease).await.unwrap();
        let [notice] = &claimed[..] else {
            panic!("{claimed:?}")
        };
        assert!(store.fix_notice(notice.id, b"x", 1).await.unwrap());
        let delivery = Delivery::Sent {
            at: now,
            reply: "250 ok".to_owned(),
        };
        store
            .settle_notice(notice.id, &delivery, None)
            .await
            .unwrap();
        notice.clone()
    })
}

#[test]
fn a_code_is_recognised_once_its_notice_was_sent_however_it_is_typed() {
    let office = with_notice();
    let listed = office.json(&["notice", "list"]).remove(0);
    let code = listed["code"].as_str().unwrap().to_owned();
    let before = office.run(&["notice", "check", &code]);
    let refusal = "We did not send this. Please forward it to us.\n";
    assert_eq!((before.code, before.out.as_str()), (4, refusal));

    sent(&office);
    let said = office.ok(&["notice", "check", &code]).out;
    let reply_by = &office.json(&["notice", "check", &code])[0]["reply_by"];
    assert!(reply_by.as_str().unwrap().ends_with('Z'), "{reply_by}");
    let form = regex::Regex::new(
        r"^Yes, we sent this on \d+ [A-Z][a-z]+ about a domain starting with d…, reply by \d+ [A-Z][a-z]+( \d{4})?\.\n$",
    )
    .unwrap();
    assert!(form.is_match(&said), "{said}");
    for personal in ["nic.de", "Öztürk", "kunde", "K-1", "V-1", "verification"] {
        assert!(!said.contains(personal), "{said}");
    }
    let (left, right) = code.split_once('-').unwrap();
    for typed in [
        code.to_lowercase(),
        format!("{left}{right}"),
        format!(" {left} - {right} "),
        code.replace(['D', 'Q'], "0").replace('L', "1"),
        code.replace(['D', 'Q'], "o").replace('L', "i"),
    ] {
        let again = office.ok(&["notice", "check", &typed]).out;
        assert_eq!(again, said, "{typed}");
    }
    assert_eq!(office.ok(&["notice", "check", left, right]).out, said);
    let german = office.ok(&["notice", "check", &code, "--lang", "de"]).out;
    assert!(german.starts_with("Ja, das haben wir am "), "{german}");
    assert!(
        german.contains("die mit d… beginnt, Antwort bis "),
        "{german}"
    );

    let other = if code.starts_with('A') { "B" } else { "A" };
    let other = office.run(&["notice", "check", &format!("{other}{}", &code[1..])]);
    assert_eq!((other.code, other.out.as_str()), (4, refusal));
    let other = office.run(&["notice", "check", "nonsense?", "--json"]);
    assert_eq!(
        (other.code, &other.json()[0]["genuine"]),
        (4, &Value::Bool(false))
    );
}

#[test]
fn a_kind_is_shown_with_made_up_facts_or_with_those_of_a_case() {
    let office = with_notice();
    for kind in ["reminder", "transfer", "deleted", "on-hold"] {
        let shown = office.ok(&["notice", "preview", kind, "--lang", "en"]).out;
        assert!(shown.starts_with("Subject: beispiel.de"), "{shown}");
        assert!(shown.contains("Hello Erika Beispiel,"), "{shown}");
    }
    let shown = office
        .ok(&["notice", "preview", "on-hold", "--case", "V-1"])
        .out;
    assert!(
        shown.starts_with("Subject: dänic.de ist aus dem Netz genommen"),
        "{shown}"
    );
    assert!(shown.contains("Guten Tag Änne Öztürk,"), "{shown}");
    // A preview is no notice.
    assert_eq!(office.json(&["notice", "list"]).len(), 1);
}

#[test]
fn a_preview_is_written_into_a_folder_part_by_part() {
    let office = with_notice();
    let arguments = ["notice", "preview", "N-1", "--out", "shown/here"];
    let said = office.ok(&arguments).out;
    let parts = ["notice.txt", "notice.html", "frist.ics", "notice.eml"];
    let expected: String = parts
        .iter()
        .map(|part| format!("shown/here/{part}\n"))
        .collect();
    assert_eq!(said, expected);
    let read = |part: &str| std::fs::read_to_string(office.path("shown/here").join(part)).unwrap();
    assert!(read("notice.txt").starts_with("Subject: dänic.de: bitte Inhaberdaten"));
    assert!(read("notice.html").starts_with("<!DOCTYPE html>"));
    assert!(read("frist.ics").starts_with("BEGIN:VCALENDAR\r\n"));
    assert!(read("notice.eml").contains("Message-ID: <"));
    // The next one has no calendar; the old one must not be taken for its own.
    let said = office
        .ok(&["notice", "preview", "registered", "--out", "shown/here"])
        .out;
    assert!(!said.contains("frist.ics") && !office.path("shown/here/frist.ics").exists());
}

#[test]
fn a_preview_is_opened_by_xdg_open_and_says_where_it_is_where_there_is_none() {
    let office = with_notice();
    let open = |path: &str| {
        let arguments = ["notice", "preview", "N-1", "--open", "--out", "shown"];
        let mut command = office.command(&arguments);
        let output = command.env("PATH", office.path(path)).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        (output.status.code(), said)
    };
    std::fs::create_dir(office.path("nothing")).unwrap();
    let (code, said) = open("nothing");
    assert_eq!(code, Some(1));
    let expected = "there is no xdg-open here to show the page; open shown/notice.html yourself";
    assert!(said.contains(expected), "{said}");
    assert!(office.path("shown/notice.html").exists());

    let program = office.write("programs/xdg-open", "#!/bin/sh\necho \"$1\" >opened\n");
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&program, executable).unwrap();
    let (code, said) = open("programs");
    assert_eq!((code, said.as_str()), (Some(0), ""));
    let opened = std::fs::read_to_string(office.path("opened")).unwrap();
    assert_eq!(opened, "shown/notice.html\n");
    office.write("programs/xdg-open", "#!/bin/sh\nexit 3\n");
    let (code, said) = open("programs");
    assert!(code == Some(1) && said.contains("could not show"), "{said}");
}

#[test]
fn texts_are_linted_where_no_store_is_and_each_fault_is_a_line() {
    let office = Office::new();
    let done = office.ok(&["notice", "lint"]);
    assert_eq!(done.out, "");
    assert!(done.err.contains("no findings"), "{}", done.err);
    assert!(!office.path("data").exists());

    let stock = Templates::stock_text("on-hold/en.body").unwrap();
    office.write("texts/on-hold/en.body.txt", stock);
    office.write(
        "texts/on-hold/de.body.txt",
        "Guten Tag,\n\nsiehe {{ domian }}.\n",
    );
    office.write("texts/on-hold/de.subject", "{{ domain }}");
    office.write("texts/shared/de.fooot.txt", "x");
    office.write("texts/shared/.de.foot.txt.swp", "x");
    office.write("texts/shared/en.foot.txt", b"See you\n\xff\n");
    let arguments = ["notice", "lint", "--templates", "texts"];
    let done = office.run(&arguments);
    assert_eq!(done.code, 10, "{}", done.err);
    let lines: Vec<&str> = done.out.lines().collect();
    let starts = [
        "texts/on-hold/de.subject:1: is not read, since its name does not end in .txt",
        "texts/on-hold/de.body.txt:3: there is no variable `domian`",
        "texts/shared/de.fooot.txt:1: is the name of no text; `shared/de.foot` comes nearest",
        "texts/shared/en.foot.txt:2: is not UTF-8",
    ];
    assert_eq!(lines.len(), starts.len(), "{lines:#?}");
    for (line, start) in lines.iter().zip(starts) {
        assert!(line.starts_with(start), "{line}");
    }
    let as_json = office.run(&["notice", "lint", "--templates", "texts", "--json"]);
    assert_eq!(as_json.json()[1]["line"], 3);
    assert_eq!(
        office
            .run(&["notice", "lint", "--templates", "nowhere"])
            .code,
        1
    );
}

#[test]
fn own_texts_are_compared_with_the_stock_ones_and_know_which_they_came_from() {
    let mut office = Office::new();
    office.set("NOTICES__TEMPLATES", office.path("texts").to_str().unwrap());
    assert_eq!(office.ok(&["notice", "templates", "diff"]).out, "");
    let name = "resolved/en.body";
    let shown = office.ok(&["notice", "templates", "show", name]).out;
    // Made one's own and not changed yet: no difference.
    let path = office.write("texts/resolved/en.body.txt", &shown);
    assert_eq!(office.ok(&["notice", "templates", "diff"]).out, "");

    office.write(
        "texts/resolved/en.body.txt",
        shown.replace("Thank you!", "Thanks a lot!"),
    );
    let diff = office.ok(&["notice", "templates", "diff", name]).out;
    let lines: Vec<&str> = diff.lines().collect();
    assert_eq!(lines[0], format!("--- stock {name}"));
    assert_eq!(lines[1], format!("+++ {}", path.display()));
    assert!(lines[2].starts_with("@@ "), "{diff}");
    let with = |mark: char| lines[3..].iter().filter(move |line| line.starts_with(mark));
    assert_eq!((with('-').count(), with('+').count()), (1, 1), "{diff}");
    assert!(
        with('+').all(|line| line.contains("Thanks a lot!")),
        "{diff}"
    );

    let listed = office.json(&["notice", "templates", "list"]);
    assert_eq!(listed.len(), Templates::names().count());
    let own = |listed: &[Value]| {
        let own: Vec<Value> = listed
            .iter()
            .filter(|t| t["is_own"] == true)
            .cloned()
            .collect();
        assert_eq!(own.len(), 1);
        assert_eq!(own[0]["name"], name);
        own[0]["is_stock_changed"].clone()
    };
    assert_eq!(own(&listed), false);
    // As after an upgrade that brought another stock text.
    let (mark, rest) = shown.split_once('\n').unwrap();
    let older = mark.replace(&mark[mark.len() - 16..mark.len() - 4], "000000000000");
    assert_ne!(older, mark);
    office.write("texts/resolved/en.body.txt", format!("{older}\n{rest}"));
    assert_eq!(own(&office.json(&["notice", "templates", "list"])), true);
    let diff = office.ok(&["notice", "templates", "diff"]).out;
    assert!(diff.contains("the stock text has changed since"), "{diff}");
    // Without a mark nothing is claimed.
    office.write("texts/resolved/en.body.txt", rest);
    assert_eq!(
        own(&office.json(&["notice", "templates", "list"])),
        Value::Null
    );
    for arguments in [["show", "resolved/en.boddy"], ["diff", "x"]] {
        let done = office.run(&["notice", "templates", arguments[0], arguments[1]]);
        assert_eq!(done.code, 4, "{}", done.err);
    }
}

#[test]
fn what_was_withdrawn_or_went_to_a_former_address_is_not_sent_again() {
    let office = with_notice();
    sent(&office);
    let resend = || office.run(&["notice", "resend", "N-1", "--yes"]);
    office.write("customer.csv", "customer,email\nK-1,neu@example.net\n");
    office.ok(&["import", "customers", "customer.csv"]);
    let done = resend();
    assert_eq!(done.code, 1, "{}", done.out);
    assert!(
        done.err.contains("no address of customer K-1 any more"),
        "{}",
        done.err
    );
    assert!(done.err.contains("stichtag case plan V-1"), "{}", done.err);

    office.write(
        "customer.csv",
        "customer,email\nK-1,kunde@example.net\nK-2,zwei@example.net\n",
    );
    office.ok(&["import", "customers", "customer.csv"]);
    office.write("domain.csv", "domain,customer\ndänic.de,K-2\n");
    office.ok(&["import", "domains", "domain.csv"]);
    let done = resend();
    assert_eq!(done.code, 1, "{}", done.out);
    assert!(
        done.err.contains("dänic.de is not customer K-1's any more"),
        "{}",
        done.err
    );
}

#[test]
fn a_withdrawn_notice_is_not_sent_again() {
    let office = with_notice();
    office.write("customer.csv", "customer,email\nK-2,zwei@example.net\n");
    office.ok(&["import", "customers", "customer.csv"]);
    office.write("domain.csv", "domain,customer\ndänic.de,K-2\n");
    office.ok(&["import", "domains", "domain.csv"]);
    let done = office.run(&["notice", "resend", "N-1", "--yes"]);
    assert_eq!(done.code, 1, "{}", done.out);
    assert!(done.err.contains("N-1 was withdrawn"), "{}", done.err);
}
