//! `log`, `held` and `replay`.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::{Value, json};

use super::office::{BOTH, Done, Office, fixture, fixture_path, mail, mail_about};

fn ids(objects: &[Value]) -> Vec<&str> {
    objects
        .iter()
        .map(|object| object["id"].as_str().unwrap())
        .collect()
}

/// 1 applied, 2 unchanged, 3 test and applied, 4 a forgery, 5 of a domain nobody knows.
fn office() -> Office {
    let office = Office::stocked();
    let raw = mail(30, "connect", &BOTH);
    office.mail(&raw);
    office.mail(&raw);
    let test = String::from_utf8(mail_about(
        "denic-test.de [denic-test.de]",
        25,
        "connect",
        &[],
    ))
    .unwrap()
    .replace("@denic.de", "@test.denic.de")
    .replace("Subject: DOMAIN", "Subject: TEST DOMAIN");
    office.mail(test.as_bytes());
    office.mail(&fixture("08-reject-lookalike-sender.eml"));
    office.mail(&mail_about("nowhere.de [nowhere.de]", 20, "connect", &BOTH));
    office
}

#[test]
fn the_log_is_filtered_by_what_people_know() {
    let office = office();
    for (arguments, expected) in [
        ("", vec!["1", "2", "3", "4", "5"]),
        ("--domain dänic.de", vec!["1", "2"]),
        ("--domain XN--DNIC-LOA.de", vec!["1", "2"]),
        ("--verdict held", vec!["4", "5"]),
        ("--verdict applied", vec!["1", "3"]),
        ("--verdict unchanged", vec!["2"]),
        ("--verdict refused", vec![]),
        ("--since 2h", vec!["1", "2", "3", "4", "5"]),
        ("--until 2h", vec![]),
        (
            "--since 2000-01-01T00:00:00Z --until 2001-01-01T00:00:00Z",
            vec![],
        ),
        ("--route denic-test", vec!["3"]),
        ("--queue-id 4Zq7bK1x2vz9s", vec![]),
        ("--grep R20", vec!["5"]),
        ("--grep DÄNIC", vec!["1", "2"]),
        ("--grep verdict", vec![]),
        ("--limit 2", vec!["4", "5"]),
        ("--grep dänic --limit 1", vec!["2"]),
        ("--verdict held --limit 1", vec!["5"]),
    ] {
        let mut all = vec!["log", "list"];
        all.extend(arguments.split_whitespace());
        assert_eq!(ids(&office.json(&all)), expected, "{arguments}");
    }
    let lines = office.ok(&["log", "list"]).out;
    assert_eq!(lines.lines().count(), 6);
    assert!(
        lines.contains("applied/observed") && lines.contains("held/none"),
        "{lines}"
    );
}

#[test]
fn raw_gives_back_the_exact_bytes() {
    let office = Office::new();
    let raw = b"From: x\r\n\r\n\0\x1b[2J\r.\xff\xfe lone\rCR\nLF";
    office.mail(raw);
    let output = office.command(&["log", "raw", "1"]).output().unwrap();
    assert_eq!(output.stdout, raw);
}

#[test]
fn why_tells_the_steps() {
    let office = office();
    let why = office.ok(&["log", "why", "1"]).out;
    for part in [
        "applied/observed",
        "From says live",
        "subject fits denic-live",
        "dedelegation",
        "notice N-1",
    ] {
        assert!(why.contains(part), "{part} in {why}");
    }
    let why = office.ok(&["log", "why", "4"]).out;
    assert!(
        why.contains("R05") && why.contains("denic.de.mail-gateway.example"),
        "{why}"
    );
    let show = office.ok(&["log", "show", "5"]).out;
    assert!(show.contains("R20") && show.contains("sha256"), "{show}");
}

#[test]
fn follow_prints_what_comes_in() {
    let office = Office::stocked();
    let mut child = office
        .command(&["log", "follow", "--json"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // It follows from where the log stands when it starts; so mails come until it has seen one.
    let (sender, receiver) = std::sync::mpsc::channel();
    let reader = std::thread::spawn(move || {
        let line = lines.next().unwrap().unwrap();
        sender.send(()).unwrap();
        line
    });
    for number in 0..200 {
        office.mail(&mail(200 - number, "connect", &BOTH));
        if receiver
            .recv_timeout(std::time::Duration::from_millis(700))
            .is_ok()
        {
            break;
        }
    }
    let line: Value = serde_json::from_str(&reader.join().unwrap()).unwrap();
    assert_eq!(line["domain"], "dänic.de");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn held_mail_is_shown_released_and_refused() {
    let office = office();
    assert_eq!(ids(&office.json(&["held", "list"])), ["4", "5"]);
    assert_eq!(
        ids(&office.json(&["held", "list", "--domain", "nowhere.de"])),
        ["5"]
    );
    assert!(office.ok(&["held", "show", "4"]).out.contains("R05"));

    let preview = office.run(&["held", "release", "5", "--note", "x", "--dry-run"]);
    assert_eq!(preview.code, 10, "as the release itself would");
    assert!(
        preview.out.contains("5 would be held") && preview.out.contains("R20"),
        "{}",
        preview.out
    );
    let preview = office
        .ok(&[
            "held",
            "refuse",
            "--all-matching",
            "--note",
            "x",
            "--dry-run",
        ])
        .out;
    assert_eq!(preview.matches(" would be refused").count(), 2, "{preview}");
    assert_eq!(
        office.json(&["held", "list"]).len(),
        2,
        "a preview does nothing"
    );

    office.write(
        "more.csv",
        "domain,customer,status\nnowhere.de,K-1,connect\n",
    );
    office.ok(&["import", "domains", "more.csv"]);
    let preview = office
        .ok(&["held", "release", "5", "--note", "x", "--dry-run"])
        .out;
    assert!(preview.contains("5 would be applied"), "{preview}");
    assert!(preview.contains("a case would be opened"), "{preview}");
    assert!(
        preview.contains("verification-required to K-1"),
        "{preview}"
    );
    let done = office.ok(&["held", "release", "5", "--note", "known now", "--yes"]);
    assert!(done.out.contains("applied/observed"), "{}", done.out);

    let done = office.ok(&[
        "held",
        "refuse",
        "--all-matching",
        "--grep",
        "R05",
        "--note",
        "forged",
        "--yes",
    ]);
    assert!(done.out.contains("1 refused"), "{}", done.out);
    assert!(office.json(&["held", "list"]).is_empty());
    let refused = office.json(&["log", "show", "4"]).remove(0);
    assert_eq!(refused["verdict"], "refused");
    assert!(
        refused["reasons"]
            .as_array()
            .unwrap()
            .contains(&json!("R40"))
    );
    let why = office.ok(&["log", "show", "4"]).out;
    assert!(why.contains("forged"), "{why}");
}

#[test]
fn a_release_never_crosses_environments() {
    let office = office();
    office.ok(&[
        "import",
        "mail",
        &fixture_path("07-reject-environment-mismatch.eml"),
    ]);
    let before = office.json(&["domain", "list"]);
    let done = office.run(&["held", "release", "6", "--note", "x", "--yes"]);
    assert_eq!(done.code, 10, "it is still held");
    assert!(
        done.out.contains("held") && done.err.contains("6 is still held: R06"),
        "{}{}",
        done.out,
        done.err
    );
    assert_eq!(office.json(&["domain", "list"]), before);
}

fn world(office: &Office) -> Vec<String> {
    [
        "domain list",
        "case list --all",
        "notice list",
        "deadlines --json=at",
        "domain history dänic.de",
    ]
    .iter()
    .map(|command| {
        let mut arguments: Vec<&str> = command.split(' ').collect();
        if !command.contains("--json") {
            arguments.push("--json");
        }
        office.ok(&arguments).out
    })
    .collect()
}

#[test]
fn a_replay_shows_first_and_never_tells_twice() {
    let office = office();
    let before = world(&office);
    let log = office.ok(&["log", "list", "--json"]).out;
    for arguments in [
        vec!["replay", "1", "2", "3", "4", "5", "--dry-run"],
        vec!["replay", "--since", "1h", "--dry-run"],
    ] {
        let shown = office.ok(&arguments).out;
        assert_eq!(shown.matches(" would be ").count(), 5, "{shown}");
        assert_eq!(world(&office), before);
        assert_eq!(
            office.ok(&["log", "list", "--json"]).out,
            log,
            "a preview writes nothing"
        );
    }
    for _ in 0..2 {
        let done: Done = office.ok(&["replay", "--since", "1h"]);
        assert_eq!(done.out.lines().count(), 6, "{}", done.out);
        assert_eq!(world(&office), before);
        assert_eq!(
            office
                .ok(&["log", "list", "--json=id,verdict,notice"])
                .json()
                .len(),
            5
        );
    }
    let verdicts: Vec<_> = office
        .json(&["log", "list"])
        .iter()
        .map(|object| object["verdict"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        verdicts,
        ["applied", "unchanged", "applied", "held", "held"]
    );
}

#[test]
fn a_replay_after_the_import_of_the_customer_tells_the_customer() {
    let office = Office::new();
    office.write("domains.csv", "domain,status\ndänic.de,connect\n");
    office.ok(&["import", "domains", "domains.csv"]);
    office.mail(&mail(30, "connect", &BOTH));
    let due = office.json(&["deadlines"]).remove(0);
    assert_eq!(due["needs"], "customer (W27)");
    assert_eq!(office.run(&["deadlines", "--fail"]).code, 10);
    assert!(office.run(&["status"]).out.contains("W27"));
    office.write("customers.csv", "customer,email\nK-1,kunde@example.net\n");
    office.write(
        "domains.csv",
        "domain,customer,status\ndänic.de,K-1,connect\n",
    );
    office.ok(&["import", "customers", "customers.csv"]);
    office.ok(&["import", "domains", "domains.csv"]);
    assert_ne!(
        office.run(&["deadlines", "--fail"]).code,
        0,
        "still nobody was told"
    );
    let preview = office.ok(&["replay", "1", "--dry-run"]).out;
    assert!(
        preview.contains("notice verification-required to K-1"),
        "{preview}"
    );
    office.ok(&["replay", "1"]);
    assert_eq!(office.json(&["notice", "list"]).len(), 1);
    assert_eq!(office.run(&["deadlines", "--fail"]).code, 0);
    assert!(!office.run(&["status"]).out.contains("W27"));
}
