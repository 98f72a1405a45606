//! `deadlines --ics`: the staff's calendar, read back by another library.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::office::{BOTH, Office, mail, mail_about};
use super::paper;

/// Reads a calendar with the library `ical.js`: an object a line for the calendar, then one for each
/// event. What is no calendar is an error there.
const READ: &str = r#"
const { createRequire } = require("node:module");
const { readFileSync } = require("node:fs");
const [modules, file] = process.argv.slice(1);
const ICAL = createRequire(`${modules}/package.json`)("ical.js");
const calendar = new ICAL.Component(ICAL.parse(readFileSync(file, "utf8")));
const text = (part, name) => part.getFirstPropertyValue(name)?.toString() ?? null;
const at = (part, name) => part.getFirstPropertyValue(name).toJSDate().toISOString();
const say = (said) => console.log(JSON.stringify(said));
say({
    refresh: calendar.getFirstPropertyValue("refresh-interval").toSeconds(),
    ttl: text(calendar, "x-published-ttl"),
    method: text(calendar, "method"),
    version: text(calendar, "version"),
});
for (const event of calendar.getAllSubcomponents("vevent")) {
    say({
        uid: text(event, "uid"),
        sequence: event.getFirstPropertyValue("sequence"),
        stamp: at(event, "dtstamp"),
        start: at(event, "dtstart"),
        is_utc: event.getFirstPropertyValue("dtstart").zone === ICAL.Timezone.utcTimezone,
        summary: text(event, "summary"),
        description: text(event, "description"),
        categories: event.getFirstProperty("categories").getValues(),
    });
}
"#;

/// The calendar, then its events.
fn read(feed: &Path) -> Vec<Value> {
    let output = Command::new("node")
        .args(["-e", READ])
        .args([paper::modules().as_path(), feed])
        .output()
        .expect("node is needed; `tests/run` installs it");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let lines = String::from_utf8(output.stdout).unwrap();
    let lines = lines.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn office() -> Office {
    let mut office = Office::stocked();
    office.set("NOTICES__FROM", "Muster Hosting <domains@muster.example>");
    office.set("NOTICES__BOUNCE_DOMAIN", "bounce.muster.example");
    office.mail(&mail(90, "connect", &BOTH));
    office
}

fn events(office: &Office) -> Vec<Value> {
    office.ok(&["deadlines", "--ics", "feed.ics"]);
    read(&office.path("feed.ics")).split_off(1)
}

#[test]
fn every_deadline_is_an_event_that_another_library_reads() {
    let office = office();
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
    office.mail(test.as_bytes());
    let done = office.json(&["deadlines", "--ics", "feed.ics"]).remove(0);
    assert_eq!(done["events"], 4);
    let mut found = read(&office.path("feed.ics"));
    let calendar = found.remove(0);
    assert_eq!(calendar["refresh"], 3600);
    assert_eq!(calendar["version"], "2.0");
    assert_eq!(calendar["ttl"], "PT1H");
    assert_eq!(calendar["method"], Value::Null);
    let event = |uid: &str| {
        let mut events = found.iter();
        let uid = format!("{uid}@bounce.muster.example");
        events
            .find(|event| event["uid"] == uid)
            .unwrap_or_else(|| panic!("{uid} in {found:?}"))
    };
    let text = |event: &Value, field: &str| event[field].as_str().unwrap().to_owned();
    let leaves = event("V-1-dedelegation-desk");
    assert_eq!(leaves["is_utc"], true);
    assert_eq!(text(leaves, "start"), at(&office, "dedelegation_at"));
    assert!(text(leaves, "summary").starts_with("dänic.de: leaves the zone · K-1"));
    assert_eq!(leaves["categories"], serde_json::json!(["denic", "live"]));
    let deleted = event("V-1-deletion-desk");
    assert_eq!(text(deleted, "start"), at(&office, "deletion_at"));
    assert_eq!(text(deleted, "summary"), "dänic.de: is deleted · K-1");
    for part in [
        "dänic.de (xn--dnic-loa.de)",
        "Customer: K-1",
        "N-1 verification-required, observed",
        "case show V-1",
    ] {
        assert!(
            text(leaves, "description").contains(part),
            "{part} in {leaves}"
        );
    }
    let tested = event("V-2-deletion-desk");
    assert_eq!(
        text(tested, "summary"),
        "[TEST] denic-test.de: is deleted · K-1"
    );
    assert_eq!(tested["categories"], serde_json::json!(["denic", "TEST"]));
}

/// When a deadline of dänic.de is, by what `deadlines` says, as JavaScript writes it.
fn at(office: &Office, deadline: &str) -> String {
    let mut due = office.json(&["deadlines"]).into_iter();
    let due = due.find(|due| due["domain"] == "dänic.de").unwrap();
    due[deadline].as_str().unwrap().replace('Z', ".000Z")
}

#[test]
fn a_moved_deadline_is_the_same_event_in_a_newer_version_and_one_that_is_over_is_gone() {
    let office = office();
    let of = |events: &[Value], uid: &str| {
        let mut events = events.iter();
        events
            .find(|event| event["uid"].as_str().unwrap().starts_with(uid))
            .cloned()
    };
    let before = of(&events(&office), "V-1-deletion").unwrap();
    let same = of(&events(&office), "V-1-deletion").unwrap();
    assert_eq!(before["sequence"], same["sequence"], "nothing happened");
    office.mail(&mail(30, "serverHold", &[("deletion", 40)]));
    let later = events(&office);
    assert_eq!(later.len(), 1, "de-delegated already: {later:?}");
    let after = of(&later, "V-1-deletion").unwrap();
    assert_eq!(after["uid"], before["uid"]);
    assert_eq!(after["start"].as_str().unwrap(), at(&office, "deletion_at"));
    assert!(after["sequence"].as_i64() > before["sequence"].as_i64());
    assert!(after["stamp"].as_str() >= before["stamp"].as_str());
    office.mail(&mail(10, "connect", &[]));
    assert!(events(&office).is_empty());
}

#[test]
fn what_a_person_must_do_is_said_at_the_next_deadline() {
    let office = office();
    office.write("customers.csv", "customer,email\nK-1,info@dänic.de\n");
    office.ok(&["import", "customers", "customers.csv"]);
    office.mail(&mail(30, "serverHold", &[("deletion", 40)]));
    let needs = office.json(&["deadlines"]).remove(0)["needs"].clone();
    let needs = needs.as_str().unwrap();
    assert!(needs.contains("W11"), "{needs}");
    let summary = events(&office).remove(0)["summary"].clone();
    assert!(
        summary
            .as_str()
            .unwrap()
            .ends_with(&format!("NEEDS {needs}")),
        "{summary}"
    );
    // Whoever asks for the exit code gets it with a calendar too.
    let done = office.run(&["deadlines", "--ics", "feed.ics", "--fail"]);
    assert_eq!(done.code, 10);
}

#[test]
fn the_file_is_replaced_whole_and_keeps_its_rights() {
    let office = office();
    let path = office.path("feed.ics");
    let mode = || std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    office.ok(&["deadlines", "--ics", "feed.ics"]);
    assert_eq!(mode(), 0o640);
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
    // Somebody who has it open goes on reading the old one.
    let mut old = std::fs::File::open(&path).unwrap();
    office.mail(&mail(30, "serverHold", &[("deletion", 40)]));
    office.ok(&["deadlines", "--ics", "feed.ics"]);
    assert_eq!(mode(), 0o644);
    let mut text = String::new();
    std::io::Read::read_to_string(&mut old, &mut text).unwrap();
    assert!(text.ends_with("END:VCALENDAR\r\n") && text.contains("leaves the zone"));
    assert!(
        !std::fs::read_to_string(&path)
            .unwrap()
            .contains("leaves the zone")
    );
    let out = office.ok(&["deadlines", "--ics", "-"]).out;
    assert!(out.starts_with("BEGIN:VCALENDAR\r\n") && out.ends_with("END:VCALENDAR\r\n"));
    let done = office.run(&["deadlines", "--ics", "no/such/folder.ics"]);
    assert_eq!(done.code, 1);
    assert!(done.err.contains("no/such"), "{}", done.err);
}
