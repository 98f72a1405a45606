//! Bringing in customers, domains, mails and queue messages.

use std::time::Instant;

use super::office::{BOTH, Office, fixture, fixture_path, mail};

const CUSTOMERS: &str = "customer,salutation,language,email,second_email,phone,timezone\n";

#[test]
fn bad_rows_are_told_by_line_and_field_and_kept_apart() {
    let office = Office::new();
    let good =
        "K-1,\"Öztürk, Änne\",de,kunde@example.net,zwei@example.org,+49 30 1,Europe/Vienna\n";
    let bad = [
        ("K-2,,de,no address,,,\n", "email"),
        ("K-3,,de,,,,\n", "email"),
        (",,de,a@example.net,,,\n", "customer"),
        ("K-4,,fr,a@example.net,,,\n", "language"),
        ("K-5,,de,a@example.net,second,,\n", "second_email"),
        ("K-6,,de,a@example.net,,,Mars/Base\n", "timezone"),
        ("K-7,Müller, Hans,de,a@example.net,,,\n", "fields"),
    ];
    let mut text = CUSTOMERS.to_owned() + good;
    text.extend(bad.iter().map(|(row, _)| *row));
    text.push_str("K-8,,,letzte@example.net\n");
    office.write("customers.csv", &text);
    let done = office.run(&["import", "customers", "customers.csv"]);
    assert_eq!(done.code, 10);
    assert_eq!(done.out, "2 customers imported, 7 rejected\n");
    for (number, (_, field)) in bad.iter().enumerate() {
        let place = format!("customers.csv:{}: ", number + 3);
        let line = done.err.lines().find(|line| line.starts_with(&place));
        assert!(
            line.is_some_and(|line| line.contains(field)),
            "{place}{field}: {}",
            done.err
        );
    }
    assert!(
        done.err.contains("customers.csv.rejected.csv"),
        "{}",
        done.err
    );
    let apart = std::fs::read_to_string(office.path("customers.csv.rejected.csv")).unwrap();
    assert_eq!(apart.lines().count(), 8);
    assert!(apart.starts_with(CUSTOMERS), "{apart}");
    assert!(apart.contains("K-7,Müller,Hans"), "{apart}");
    let customer = office.json(&["customer", "show", "K-1"]).remove(0);
    assert_eq!(customer["salutation"], "Öztürk, Änne");
    assert_eq!(customer["second_email"], "zwei@example.org");
    assert_eq!(customer["timezone"], "Europe/Vienna");
    office.ok(&["customer", "show", "K-8"]);

    // Mended, the file with the bad rows can be imported by itself.
    office.write(
        "customers.csv.rejected.csv",
        CUSTOMERS.to_owned() + "K-2,,de,neu@example.net,,,\n",
    );
    let done = office.ok(&["import", "customers", "customers.csv.rejected.csv"]);
    assert_eq!(done.out, "1 customers imported, 0 rejected\n");
}

#[test]
fn a_file_that_would_be_overwritten_is_left_alone() {
    let office = Office::new();
    let text = "customer,email\nK-1,bad\n";
    office.write("a.csv", text);
    let done = office.run(&["import", "customers", "a.csv", "--rejected", "./a.csv"]);
    assert_eq!(done.code, 1, "{}", done.err);
    assert_eq!(std::fs::read_to_string(office.path("a.csv")).unwrap(), text);
    let done = office.run(&["import", "customers", "a.csv", "--rejected", "b.csv"]);
    assert_eq!(done.code, 10);
    assert!(office.path("b.csv").exists() && !office.path("a.csv.rejected.csv").exists());
}

#[test]
fn the_header_is_checked_before_anything_is_written() {
    let office = Office::new();
    for (header, part) in [
        ("customer,mail\n", "`mail` is not a column"),
        ("email\n", "`customer` is missing"),
        ("customer,email,email\n", "twice"),
        ("customer;email\n", "not a column"),
        ("", "missing"),
    ] {
        office.write("a.csv", format!("{header}K-1,a@example.net\n"));
        if header.is_empty() {
            office.write("a.csv", "");
        }
        let done = office.run(&["import", "customers", "a.csv"]);
        assert_eq!(done.code, 1, "{header:?}: {}", done.out);
        assert!(
            done.err.contains(part) && done.err.contains("a.csv:1"),
            "{}",
            done.err
        );
    }
    assert_eq!(office.run(&["customer", "show", "K-1"]).code, 4);
    // Fewer columns, another order, blanks and a byte order mark are fine.
    office.write(
        "a.csv",
        "\u{feff} email , customer \r\n a@example.net , K-1 \r\n",
    );
    office.ok(&["import", "customers", "a.csv"]);
    assert_eq!(
        office.json(&["customer", "show", "K-1"])[0]["email"],
        "a@example.net"
    );
}

#[test]
fn domains_are_read_in_either_form() {
    let office = Office::new();
    office.write(
        "domains.csv",
        "domain,environment,customer,holders,status\n\
         dänic.de,,K-1,DENIC-1000002-a  DENIC-1000002-B,\n\
         XN--MAAS-VOLT-A2A.de,live,K-1,,connect\n\
         xn--mns-sna.de,test,K-1,,serverHold\n\
         straße.de,live,,,\n\
         Beispiel.DE.,live,,,ordered\n\
         not a domain,live,,,\n\
         example.de,prod,,,\n\
         example.de,live,,BAD HANDLE,\n\
         example.de,live,,,perhaps\n\
         ,live,,,\n",
    );
    let done = office.run(&["import", "domains", "domains.csv"]);
    assert_eq!(done.code, 10);
    for (line, field) in [
        (7, "domain"),
        (8, "environment"),
        (9, "holders"),
        (10, "status"),
        (11, "domain"),
    ] {
        let place = format!("domains.csv:{line}: {field}");
        assert!(done.err.contains(&place), "{place}: {}", done.err);
    }
    let domain = office.json(&["domain", "show", "dänic.de"]).remove(0);
    assert_eq!(domain["environment"], "live");
    assert_eq!(domain["holders"].as_array().unwrap().len(), 2);
    let strasse = office.json(&["domain", "show", "straße.de"]).remove(0);
    assert_eq!(strasse["ace"], "xn--strae-oqa.de", "ß stays ß");
    assert_eq!(
        office.json(&["domain", "show", "beispiel.de"])[0]["lifecycle"],
        "ordered"
    );
    assert_eq!(
        office.json(&["domain", "list", "--env", "test"])[0]["status"],
        "serverHold"
    );
}

#[test]
fn the_same_import_again_changes_nothing() {
    let office = Office::stocked();
    office.mail(&mail(30, "connect", &BOTH));
    let state = || {
        [
            office.ok(&["domain", "list", "--json"]).out,
            office.ok(&["customer", "show", "K-1", "--json"]).out,
        ]
    };
    let before = state();
    for _ in 0..2 {
        office.ok(&["import", "customers", "customers.csv"]);
        office.ok(&["import", "domains", "domains.csv"]);
        assert_eq!(state(), before);
    }
}

#[test]
fn five_thousand_rows_are_quick_and_an_interrupted_import_goes_on() {
    let office = Office::new();
    let mut customers = "customer,email\n".to_owned();
    let mut domains = "domain,customer,status\n".to_owned();
    for number in 0..5_000 {
        customers.push_str(&format!("K-{number},k{number}@example.net\n"));
        domains.push_str(&format!("bulk-{number}.de,K-{number},connect\n"));
    }
    office.write("customers.csv", customers);
    office.write("domains.csv", domains);
    let began = Instant::now();
    let done = office.ok(&["import", "customers", "customers.csv"]);
    assert_eq!(done.out, "5000 customers imported, 0 rejected\n");
    let done = office.ok(&["import", "domains", "domains.csv"]);
    assert_eq!(done.out, "5000 domains imported, 0 rejected\n");
    assert!(began.elapsed().as_secs() < 60, "{:?}", began.elapsed());
    assert_eq!(
        office
            .ok(&["domain", "list", "--plain"])
            .out
            .lines()
            .count(),
        5_000
    );

    // Killed half-way: the next run begins behind what is written.
    let office = Office::new();
    let mut rows = "customer,email\n".to_owned();
    rows.extend((0..2_000).map(|number| format!("K-{number},k{number}@example.net\n")));
    let path = office.write("customers.csv", &rows);
    office.ok(&["domain", "list"]);
    let digest = stichtag::model::sha256_hex(&std::fs::read(path).unwrap());
    office.store(async |store| {
        use stichtag::store::Store;
        store
            .keep_import(&format!("customers:{digest}"), 1_200, &[])
            .await
            .unwrap();
    });
    let done = office.ok(&["import", "customers", "customers.csv"]);
    assert_eq!(done.out, "800 customers imported, 0 rejected\n");
    assert_eq!(office.run(&["customer", "show", "K-1199"]).code, 4);
    office.ok(&["customer", "show", "K-1200"]);
}

#[test]
fn mails_come_from_a_file_a_maildir_an_mbox_or_standard_input() {
    let office = Office::stocked();
    let first = mail(40, "connect", &BOTH);
    let second = mail(30, "serverHold", &[("deletion", 60)]);
    office.mail(&first);

    for (name, raw) in [
        ("cur/1.x:2,S", &first),
        ("new/2.x", &second),
        ("tmp/3.x", &second),
    ] {
        office.write(&format!("maildir/{name}"), raw);
    }
    let done = office.ok(&["import", "mail", "maildir"]);
    assert_eq!(done.out, "2 mails imported: 1 applied, 1 unchanged\n");
    assert_eq!(
        office.ok(&["import", "mail", "maildir"]).out,
        "0 mails imported\n"
    );
    std::fs::rename(
        office.path("maildir/new/2.x"),
        office.path("maildir/cur/2.x:2,S"),
    )
    .unwrap();
    assert_eq!(
        office.ok(&["import", "mail", "maildir"]).out,
        "0 mails imported\n",
        "read by somebody since"
    );

    let mut mbox = Vec::new();
    for raw in [&first, &second] {
        mbox.extend_from_slice(b"From registry-response@denic.de Mon May  4 09:12:31 2026\n");
        mbox.extend(raw.iter().filter(|byte| **byte != b'\r'));
        mbox.push(b'\n');
    }
    office.write("all.mbox", &mbox);
    assert_eq!(
        office.ok(&["import", "mail", "all.mbox"]).out,
        "2 mails imported: 2 unchanged\n"
    );
    assert_eq!(
        office.ok(&["import", "mail", "all.mbox"]).out,
        "0 mails imported\n"
    );
    let done = office.piped(&["import", "mail", "-"], &second);
    let text = "1 mails imported: 1 unchanged\n";
    assert_eq!((done.code, done.out.as_str()), (0, text));

    let verdicts: Vec<_> = office.ok(&["log", "list", "--json=verdict"]).json();
    let verdicts: Vec<_> = verdicts
        .iter()
        .map(|object| object["verdict"].as_str().unwrap())
        .collect();
    assert_eq!(
        verdicts,
        [
            "applied",
            "unchanged",
            "applied",
            "unchanged",
            "unchanged",
            "unchanged"
        ]
    );
    assert_eq!(office.json(&["notice", "list"]).len(), 2);
}

#[test]
fn a_mailbox_file_that_was_rotated_loses_nothing() {
    let office = Office::stocked();
    let boxed = |raws: &[&[u8]]| {
        let mut mbox = Vec::new();
        for raw in raws {
            mbox.extend_from_slice(b"From x Mon May  4 09:12:31 2026\n");
            mbox.extend_from_slice(raw);
            mbox.push(b'\n');
        }
        mbox
    };
    let (first, second) = (
        mail(40, "connect", &BOTH),
        mail(30, "serverHold", &[("deletion", 60)]),
    );
    office.write("all.mbox", boxed(&[&first]));
    office.ok(&["import", "mail", "all.mbox"]);
    office.write("all.mbox", boxed(&[&second]));
    assert_eq!(
        office.ok(&["import", "mail", "all.mbox"]).out,
        "1 mails imported: 1 applied\n"
    );
    assert_eq!(
        office.json(&["domain", "show", "dänic.de"])[0]["status"],
        "serverHold"
    );
    office.write("all.mbox", boxed(&[&first, &second, &second]));
    assert_eq!(
        office.ok(&["import", "mail", "all.mbox"]).out,
        "1 mails imported: 1 unchanged\n"
    );
}

#[test]
fn an_archive_is_imported_as_of_its_dates() {
    let office = Office::new();
    let file = fixture_path("01-live-connect.eml");
    office.ok(&["import", "mail", &file, "--as-of-mail-date"]);
    office.ok(&["import", "mail", &file]);
    let log = office.json(&["log", "list"]);
    assert_eq!(log[0]["received_at"], "2026-05-04T07:12:31Z");
    assert_ne!(log[1]["received_at"], log[0]["received_at"]);
}

#[test]
fn queue_messages_need_their_environment_named() {
    let office = Office::stocked();
    let file = fixture_path("20-queue-domainStatusUpdate-connect.kv");
    let done = office.run(&["import", "queue", &file]);
    assert_eq!(done.code, 2);
    let done = office
        .json(&["import", "queue", &file, "--env", "test"])
        .remove(0);
    assert_eq!(
        (done["source"].as_str(), done["environment"].as_str()),
        (Some("denic-queue"), Some("test"))
    );
    assert_eq!(done["verdict"], "held");
    assert_eq!(done["reasons"][0], "R20");
    let done = office.piped(
        &["import", "queue", "-", "--env", "live"],
        &fixture("44-queue-empty.xml"),
    );
    assert_eq!(done.code, 0, "{}", done.err);
    let done = office.piped(&["import", "queue", "-", "--env", "live"], b" \n");
    assert_eq!(done.code, 1);
}

#[test]
fn an_import_says_what_became_of_its_mails() {
    let office = Office::stocked();
    let genuine = mail(40, "connect", &BOTH);
    let mails = [
        &genuine,
        &genuine,
        &fixture("08-reject-lookalike-sender.eml"),
        &fixture("two-statuses.eml"),
    ];
    let mut mbox = Vec::new();
    for raw in mails {
        mbox.extend_from_slice(b"From x Mon May  4 09:12:31 2026\n");
        mbox.extend_from_slice(raw);
        mbox.push(b'\n');
    }
    office.write("all.mbox", &mbox);
    let done = office.ok(&["import", "mail", "all.mbox", "--json"]);
    let told = &done.json()[0];
    for (field, count) in [
        ("imported", 4),
        ("applied", 1),
        ("unchanged", 1),
        ("held", 2),
        ("deferred", 0),
        ("refused", 0),
    ] {
        assert_eq!(told[field], count, "{field}: {told}");
    }
    assert_eq!(office.json(&["held", "list"]).len(), 2);
    assert!(done.err.contains("stichtag held list"), "{}", done.err);
    let done = office.ok(&["import", "mail", &fixture_path("two-statuses.eml")]);
    assert_eq!(done.out, "1 mails imported: 1 held\n");
}

#[test]
fn what_a_file_of_customers_has_no_column_for_stays_and_an_empty_field_empties() {
    let office = Office::new();
    let whole = "K-1,Änne,de,a@example.net,b@example.org,+49 30 1,Europe/Vienna\n";
    office.write("all.csv", CUSTOMERS.to_owned() + whole);
    office.ok(&["import", "customers", "all.csv"]);
    office.write("some.csv", "customer,email,phone\nK-1,neu@example.net,\n");
    office.ok(&["import", "customers", "some.csv"]);
    let customer = office.json(&["customer", "show", "K-1"]).remove(0);
    for (field, value) in [
        ("email", Some("neu@example.net")),
        ("phone", None),
        ("second_email", Some("b@example.org")),
        ("salutation", Some("Änne")),
        ("language", Some("de")),
        ("timezone", Some("Europe/Vienna")),
    ] {
        assert_eq!(customer[field].as_str(), value, "{field}");
    }
}

#[test]
fn an_address_that_no_mail_can_be_written_to_is_refused_with_its_line() {
    let office = Office::new();
    for address in [
        "büro@example.net",
        "a..b@example.net",
        ".a@example.net",
        "a@b@example.net",
        "\"a@example.net",
    ] {
        let address = address.replace('"', "\"\"");
        let text = format!("customer,email,second_email\nK-1,a@example.net,\"{address}\"\n");
        office.write("a.csv", text);
        let done = office.run(&["import", "customers", "a.csv"]);
        assert_eq!(done.code, 10, "{address}: {}", done.err);
        let place = "a.csv:2: second_email: ";
        assert!(done.err.contains(place), "{address}: {}", done.err);
    }
    office.write("a.csv", "customer,email\nK-1,o'neill+x@straße.example\n");
    office.ok(&["import", "customers", "a.csv"]);
}
