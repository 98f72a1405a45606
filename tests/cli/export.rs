//! `case export`: what is in the file is what the store holds, and what does not fit shows.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use stichtag::model::{Envelope, Inbound, InboundId, NoticeId, Source};
use stichtag::notify::verp;
use stichtag::process;
use stichtag::store::{Delivery, Sealed, Store};

use super::audit::tamper;
use super::office::{BOTH, Office, fixture, mail, mail_about};
use super::paper;

fn office() -> Office {
    let mut office = Office::stocked();
    office.set("NOTICES__FROM", "Muster Hosting <domains@muster.example>");
    office
}

/// Case V-1 about dänic.de with all that can be in one: mails and queue messages, a forged one that
/// was refused, a notice that was sent and one that was not, a call, a note.
fn full() -> Office {
    let office = office();
    office.mail(&mail(90, "connect", &BOTH));
    let forged = String::from_utf8(mail(80, "connect", &[("deletion", 1)])).unwrap();
    let forged = forged.replace(
        "From: registry-response@denic.de",
        "From: x@denic.de.example.net",
    );
    office.mail(forged.as_bytes());
    office.ok(&["held", "refuse", "2", "--note", "forged", "--yes"]);
    office.mail(&mail(30, "serverHold", &[("deletion", 40)]));
    send(&office, 1);
    office.ok(&[
        "case",
        "call-done",
        "V-1",
        "--note",
        "spoke with the holder",
    ]);
    office.ok(&["case", "note", "V-1", "<script>alert('note')</script>"]);
    office
}

/// As the server does: the bytes are fixed, then the smarthost takes them.
fn send(office: &Office, number: i64) {
    let id = NoticeId(number);
    let name = id.to_string();
    let raw = office.ok(&["notice", "show", &name, "--raw"]).out;
    office.store(async |store| {
        let now = jiff::Timestamp::now();
        let lease = std::time::Duration::from_secs(60);
        store.claim_notices(now, 1, lease).await.unwrap();
        assert!(store.fix_notice(id, raw.as_bytes(), 1).await.unwrap());
        let sent = Delivery::Sent {
            at: jiff::Timestamp::now(),
            reply: "250 2.0.0 queued as 4jX0pg".to_owned(),
        };
        store.settle_notice(id, &sent, None).await.unwrap();
    });
}

/// Exports V-1 and unpacks it, by another program than ours.
fn unpack(office: &Office, arguments: &[&str], code: i32) -> PathBuf {
    let mut all = vec!["case", "export", "V-1", "--out", "V-1.zip", "--yes"];
    all.extend(arguments);
    let done = office.run(&all);
    assert_eq!(done.code, code, "{}{}", done.out, done.err);
    let folder = office.path("unpacked");
    let _ = std::fs::remove_dir_all(&folder);
    let unzipped = Command::new("python3")
        .args(["-m", "zipfile", "-e"])
        .args([office.path("V-1.zip"), folder.clone()])
        .output()
        .unwrap();
    assert!(unzipped.status.success(), "{unzipped:?}");
    folder
}

fn files(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.strip_prefix(folder).unwrap().display().to_string());
            }
        }
    }
    found
}

fn read(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn json(folder: &Path, name: &str) -> Value {
    serde_json::from_str(&read(folder, name)).unwrap()
}

#[test]
fn everything_of_a_case_lies_in_it_byte_for_byte() {
    let office = full();
    let shown = office.ok(&["case", "show", "V-1", "--json"]).out;
    let head = office.json(&["audit", "verify"]).remove(0)["head"].clone();
    let folder = unpack(&office, &[], 0);
    let expected = [
        "SHA256SUMS",
        "audit-head.txt",
        "audit.jsonl",
        "case.json",
        "manifest.json",
        "messages/1.eml",
        "messages/1.json",
        "messages/2.eml",
        "messages/2.json",
        "messages/3.eml",
        "messages/3.json",
        "notices/N-1.eml",
        "notices/N-1.json",
        "notices/N-2.json",
        "notices/N-2.not-sent.eml",
        "summary.html",
    ];
    let found = files(&folder);
    assert_eq!(found.iter().collect::<Vec<_>>(), expected);

    for message in ["1", "2", "3"] {
        let raw = office.command(&["log", "raw", message]).output().unwrap();
        let kept = std::fs::read(folder.join(format!("messages/{message}.eml"))).unwrap();
        assert!(!kept.is_empty() && kept == raw.stdout, "message {message}");
        let why = office.ok(&["log", "why", message, "--json"]).out;
        assert_eq!(read(&folder, &format!("messages/{message}.json")), why);
    }
    let raw = office.ok(&["notice", "show", "N-1", "--raw"]).out;
    assert_eq!(read(&folder, "notices/N-1.eml"), raw);
    let rendered = office.ok(&["notice", "show", "N-2", "--raw"]).out;
    assert_eq!(read(&folder, "notices/N-2.not-sent.eml"), rendered);
    let sent = json(&folder, "notices/N-1.json");
    assert_eq!(sent["bytes"], "as-sent");
    assert_eq!(sent["last_reply"], "250 2.0.0 queued as 4jX0pg");
    assert_eq!(json(&folder, "notices/N-2.json")["bytes"], "rendered");
    assert_eq!(read(&folder, "case.json"), shown);
    assert_eq!(read(&folder, "audit-head.txt").trim_end(), head);
}

#[test]
fn messages_of_the_queue_and_of_its_contacts_lie_in_it_too() {
    let office = office();
    office.write(
        "more.csv",
        "domain,environment,customer,holders,status\n\
         segelschule-bodden.de,live,K-1,DENIC-1000888-BODDEN-GBR,connect\n",
    );
    office.ok(&["import", "domains", "more.csv"]);
    let names = [
        // About the contact, and so about each of its domains.
        "41-queue-contactVerificationRequired-stray-text.xml",
        "21-queue-domainStatusUpdate-verification.kv",
    ];
    for name in names {
        let path = office.write(name, fixture(name));
        office.ok(&["import", "queue", path.to_str().unwrap(), "--env", "live"]);
    }
    let folder = unpack(&office, &[], 0);
    assert_eq!(
        json(&folder, "case.json")["domain"],
        "segelschule-bodden.de"
    );
    for (file, name) in [("messages/1.xml", names[0]), ("messages/2.kv", names[1])] {
        let kept =
            std::fs::read(folder.join(file)).unwrap_or_else(|_| panic!("{:?}", files(&folder)));
        assert!(kept == fixture(name), "{file}");
    }
}

#[test]
fn what_mail_systems_reported_lies_beside_the_notice() {
    let mut office = office();
    office.set("NOTICES__BOUNCE_DOMAIN", "bounce.muster.example");
    office.set("NOTICES__MODE", "on");
    office.set("NOTICES__COALESCE", "0s");
    office.set("NOTICES__PHONE", "+49 69 000000");
    office.set("NOTICES__COMPANY", "Muster Hosting GmbH");
    office.mail(&mail(90, "connect", &BOTH));
    send(&office, 1);
    let report = "From: MAILER-DAEMON@mx.example.net\r\nTo: x@bounce.muster.example\r\n\
        Subject: Mail delivery report\r\nMIME-Version: 1.0\r\n\
        Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n\
        --b\r\n\r\nWhat became of your mail.\r\n\
        --b\r\nContent-Type: message/delivery-status\r\n\r\n\
        Reporting-MTA: dns; mx.example.net\r\n\r\n\
        Final-Recipient: rfc822; kunde@example.net\r\nAction: failed\r\nStatus: 5.1.1\r\n\
        Diagnostic-Code: smtp; 550 5.1.1 no <b>such</b> user\r\n\r\n--b--\r\n";
    office.store(async |store| {
        let key = process::bounce_key(store).await.unwrap();
        let address = format!("{}@bounce.muster.example", verp::sign(&key, NoticeId(1)));
        let inbound = Inbound {
            source: Source::Dsn,
            received_at: jiff::Timestamp::now(),
            envelope: Envelope {
                mail_from: Some(String::new()),
                recipients: vec![address],
                ..Envelope::default()
            },
            environment: None,
            raw: report.as_bytes().to_vec(),
        };
        let kept = store.keep(vec![Sealed::new(inbound).unwrap()]).await;
        assert_eq!(kept.unwrap(), [InboundId(2)]);
    });
    // Whoever imports works off what waits.
    office.mail(&mail(30, "serverHold", &[("deletion", 40)]));
    let folder = unpack(&office, &[], 0);
    assert_eq!(read(&folder, "messages/2.eml"), report);
    let notice = json(&folder, "notices/N-1.json");
    assert_eq!(notice["state"], "bounced");
    assert_eq!(notice["bytes"], "as-sent");
    assert_eq!(notice["reports"][0]["status"], "5.1.1");
    assert_eq!(notice["reports"][0]["message"], "2");
    assert_eq!(json(&folder, "case.json")["reports"][0]["notice"], "N-1");
    let page = read(&folder, "summary.html");
    for part in [
        "sent, and a mail system reported that it could not be delivered",
        "Reported: N-1 failed 5.1.1 kunde@example.net, no such mailbox",
        "no &lt;b&gt;such&lt;",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    assert!(read(&folder, "audit.jsonl").contains("notice bounced"));
}

#[test]
fn its_digests_are_checked_by_sha256sum_and_the_trail_knows_the_file() {
    let office = full();
    let folder = unpack(&office, &[], 0);
    let check = || {
        let mut command = Command::new("sha256sum");
        command
            .args(["--strict", "-c", "SHA256SUMS"])
            .current_dir(&folder);
        command.output().unwrap()
    };
    let checked = check();
    assert!(checked.status.success(), "{checked:?}");
    let said = String::from_utf8(checked.stdout).unwrap();
    // All but itself.
    assert_eq!(said.lines().count(), files(&folder).len() - 1, "{said}");
    let manifest = json(&folder, "manifest.json");
    for file in manifest["files"].as_array().unwrap() {
        let line = format!(
            "{}  {}",
            file["sha256"].as_str().unwrap(),
            file["path"].as_str().unwrap()
        );
        assert!(
            read(&folder, "SHA256SUMS")
                .lines()
                .any(|known| known == line),
            "{line}"
        );
    }
    std::fs::write(folder.join("messages/1.eml"), "forged").unwrap();
    assert!(!check().status.success());

    let summed = Command::new("sha256sum")
        .arg(office.path("V-1.zip"))
        .output()
        .unwrap();
    let sum = String::from_utf8(summed.stdout).unwrap();
    let sum = sum.split(' ').next().unwrap();
    let exports = office.json(&[
        "audit",
        "list",
        "--object",
        "V-1",
        "--action",
        "case export",
    ]);
    let detail = exports[0]["detail"].as_str().unwrap();
    assert!(detail.contains(sum), "{detail} {sum}");
    // What was exported before is part of what is exported next.
    let head = read(&folder, "audit-head.txt");
    let done = office
        .json(&["case", "export", "V-1", "--out", "second.zip"])
        .remove(0);
    assert_eq!(done["file"], "second.zip");
    assert_ne!(done["audit_head"], head.trim_end());
    office.ok(&["audit", "verify", "--expect", head.trim_end()]);
}

#[test]
fn the_trail_in_it_is_that_of_the_case_its_messages_and_its_notices() {
    let office = full();
    office.ok(&["notice", "pause", "--note", "not about this case"]);
    office.ok(&["notice", "resend", "N-2", "--note", "asked for it", "--yes"]);
    let all = office.ok(&["audit", "list", "--json"]).out;
    let folder = unpack(&office, &[], 0);
    let trail = read(&folder, "audit.jsonl");
    for line in trail.lines() {
        assert!(all.lines().any(|known| known == line), "{line}");
    }
    let objects: BTreeSet<String> = trail
        .lines()
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["object"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    let objects: Vec<&str> = objects.iter().map(String::as_str).collect();
    assert!(
        ["2", "N-2", "V-1"].iter().all(|id| objects.contains(id)),
        "{objects:?}"
    );
    assert!(
        !objects.iter().any(|object| object.contains("paused")),
        "{objects:?}"
    );
    // Its hashes are those of the documented form, worked out by another program.
    let computed = Command::new("python3")
        .args(["-c", HASHES])
        .arg(folder.join("audit.jsonl"))
        .output()
        .unwrap();
    assert!(
        computed.status.success(),
        "{}",
        String::from_utf8_lossy(&computed.stderr)
    );
}

/// The hash of each entry, as src/store/chain.rs describes it.
const HASHES: &str = r#"
import hashlib, json, sys
from datetime import datetime, timedelta
def micros(text):
    whole, _, part = text.rstrip("Z").partition(".")
    at = datetime.fromisoformat(whole) - datetime(1970, 1, 1)
    return at // timedelta(seconds=1) * 1000000 + int((part + "000000")[:6])
count = 0
for line in open(sys.argv[1], encoding="utf-8"):
    e = json.loads(line)
    form = f"stichtag audit 1\n{e['id']}\n{e['previous']}\n{micros(e['at'])}\n".encode()
    for name in ("actor", "action", "object", "detail"):
        text = e[name].encode()
        form += str(len(text)).encode() + b" " + text + b"\n"
    assert hashlib.sha256(form).hexdigest() == e["hash"], e
    count += 1
assert count > 3, count
"#;

#[test]
fn a_changed_entry_of_the_trail_shows() {
    let office = full();
    let notes = office.json(&["audit", "list", "--object", "V-1", "--action", "case note"]);
    let id = notes[0]["id"].as_str().unwrap();
    tamper(
        &office,
        &format!("UPDATE audit SET detail = 'never called' WHERE id = {id}"),
    );
    let folder = unpack(&office, &[], 10);
    let manifest = json(&folder, "manifest.json");
    assert_eq!(manifest["audit"]["whole"], false);
    let fault = manifest["faults"][0].as_str().unwrap();
    assert!(
        fault.contains(&format!("entry {id} was changed")),
        "{fault}"
    );
    let summary = read(&folder, "summary.html");
    assert!(summary.contains("NOT whole") && summary.contains("Something does not fit"));
    assert!(
        summary.contains(&format!("<th scope=\"row\">{id}<br>changed</th>")),
        "{summary}"
    );
    let done = office.run(&["case", "export", "V-1", "--yes", "--json"]);
    assert_eq!(done.code, 10);
    assert!(done.err.contains("was changed"), "{}", done.err);
    assert_eq!(done.json()[0]["faults"].as_array().unwrap().len(), 1);
}

#[test]
fn bytes_that_are_gone_are_named_and_changed_ones_fail() {
    let office = full();
    let digest = office.json(&["log", "show", "1"]).remove(0)["sha256"].clone();
    let digest = digest.as_str().unwrap();
    tamper(&office, "UPDATE inbound SET raw = x'' WHERE id = 1");
    tamper(&office, "UPDATE notice SET raw = NULL WHERE id = 1");
    tamper(&office, "DELETE FROM inbound WHERE id = 2");
    let folder = unpack(&office, &[], 0);
    let manifest = json(&folder, "manifest.json");
    let missing: Vec<String> = (manifest["missing"].as_array().unwrap().iter())
        .map(|missing| {
            format!(
                "{}: {}",
                missing["what"].as_str().unwrap(),
                missing["why"].as_str().unwrap()
            )
        })
        .collect();
    assert_eq!(missing.len(), 3, "{missing:?}");
    for (part, word) in [
        ("message 1", digest),
        ("message 2", "deleted"),
        ("notice N-1", "deleted"),
    ] {
        let named = missing.iter().find(|text| text.contains(part)).unwrap();
        assert!(named.contains(word), "{named}");
    }
    let found = files(&folder);
    for gone in [
        "messages/1.eml",
        "messages/2.json",
        "notices/N-1.eml",
        "notices/N-1.not-sent.eml",
    ] {
        assert!(!found.contains(gone), "{gone}");
    }
    // What is known of them stays.
    assert_eq!(json(&folder, "messages/1.json")["sha256"], digest);
    assert_eq!(json(&folder, "notices/N-1.json")["bytes"], "deleted");
    assert!(read(&folder, "summary.html").contains("What is not here any more"));

    tamper(
        &office,
        "UPDATE inbound SET raw = CAST('From: x' AS BLOB) WHERE id = 3",
    );
    let folder = unpack(&office, &[], 10);
    let fault = json(&folder, "manifest.json")["faults"][0].clone();
    assert!(
        fault
            .as_str()
            .unwrap()
            .contains("message 3 is not what was received")
    );
    assert!(read(&folder, "summary.html").contains("not what was received"));
}

#[test]
fn the_summary_is_made_for_paper_and_nothing_in_it_is_markup_of_strangers() {
    let office = full();
    let folder = unpack(&office, &[], 0);
    let page = read(&folder, "summary.html");
    assert!(page.starts_with("<!DOCTYPE html>\n<html lang=\"en\">"));
    assert!(
        !page.contains("<script") && page.contains("&lt;script&gt;alert("),
        "{page}"
    );
    for outside in ["http:", "https:", "src=", "href=", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    let path = folder.join("summary.html");
    let faults = paper::faults(std::slice::from_ref(&path));
    assert_eq!(faults, Vec::<String>::new());
    let sheet = paper::print(&path);
    assert!((2..=8).contains(&sheet.a4_pages()));
    let text = sheet.text();
    for part in [
        "Case V-1: dänic.de",
        "What happened, in the order of time",
        "Who was told",
        "spoke with the holder",
        "Where the proof lies",
        " UTC",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(text.contains(" CET") || text.contains(" CEST"), "{text}");
    // What happened first stands first.
    let told = [
        "message 1 came in (denic-mail): applied, domain-status",
        "notice N-1 (verification-required) decided, to kunde@example.net of customer K-1",
        "message 2 came in (denic-mail): refused",
        "held refuse, 2, by ",
        "message 3 came in (denic-mail): applied, domain-status",
        "notice N-2 (on-hold) decided",
        "notice N-1 taken by the outgoing mail server: 250 2.0.0 queued as 4jX0pg",
        "spoke with the holder",
    ];
    let places = told.map(|part| {
        page.find(part)
            .unwrap_or_else(|| panic!("{part} in {page}"))
    });
    assert!(places.is_sorted(), "{places:?}");
    // Whom it is about is known by number; what the case does not need is not told.
    for private in ["Öztürk", "+49 30 1"] {
        assert!(!page.contains(private), "{private}");
    }
}

#[test]
fn a_test_case_is_marked_on_every_way() {
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
    let folder = unpack(&office, &[], 0);
    assert_eq!(json(&folder, "manifest.json")["environment"], "test");
    let page = read(&folder, "summary.html");
    assert!(
        page.contains("[TEST]</title>") && page.contains("TEST: this is about"),
        "{page}"
    );
}

#[test]
fn a_case_with_many_messages_and_domains_is_whole() {
    let office = office();
    let domains: String = (1..=60)
        .map(|number| format!("viele-{number}.de,live,K-1,,connect\n"))
        .collect();
    office.write(
        "many.csv",
        format!("domain,environment,customer,holders,status\n{domains}"),
    );
    office.ok(&["import", "domains", "many.csv"]);
    for number in 1..=60 {
        let name = format!("viele-{number}.de [viele-{number}.de]");
        office.write(
            &format!("box/cur/{number:02}.eml"),
            mail_about(&name, 100, "connect", &BOTH),
        );
        // And as many about the first of them, each with another deadline.
        let again = mail_about(
            "viele-1.de [viele-1.de]",
            number,
            "connect",
            &[("deletion", 20 + number)],
        );
        office.write(&format!("box/cur/again-{number:02}.eml"), again);
    }
    std::fs::create_dir_all(office.path("box/new")).unwrap();
    office.ok(&["import", "mail", office.path("box").to_str().unwrap()]);
    let case = office
        .json(&["case", "list", "--all"])
        .into_iter()
        .find(|case| case["ace"] == "viele-1.de")
        .unwrap();
    let id = case["id"].as_str().unwrap();
    let done = office
        .json(&["case", "export", id, "--out", "many.zip"])
        .remove(0);
    let paths: Vec<&str> = (done["files"].as_array().unwrap().iter())
        .map(|file| file["path"].as_str().unwrap())
        .collect();
    let mails = paths
        .iter()
        .filter(|path| path.starts_with("messages/") && path.ends_with(".eml"));
    assert_eq!(mails.count(), 61);
}

#[test]
fn an_export_that_cannot_be_made_says_why_and_changes_nothing() {
    let office = full();
    let before = office.ok(&["audit", "list"]).out;
    let unknown = office.run(&["case", "export", "V-99"]);
    assert_eq!(unknown.code, 4, "{}", unknown.err);
    assert!(unknown.err.contains("case list --all"), "{}", unknown.err);
    office.write("V-1.zip", "mine");
    let there = office.run(&["case", "export", "V-1"]);
    assert_eq!(there.code, 5, "{}", there.err);
    assert!(
        there.err.contains("V-1.zip") && there.err.contains("--yes"),
        "{}",
        there.err
    );
    assert_eq!(std::fs::read(office.path("V-1.zip")).unwrap(), b"mine");
    for place in ["no/such/folder.zip", "data"] {
        let done = office.run(&["case", "export", "V-1", "--out", place]);
        assert_eq!(done.code, 1, "{place}: {}", done.err);
        assert!(done.err.starts_with("stichtag: "), "{}", done.err);
    }
    assert_eq!(office.ok(&["audit", "list"]).out, before);
    let left = std::fs::read_dir(office.folder.path()).unwrap();
    let names = left.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let drafts: Vec<String> = names
        .filter(|name| name.starts_with(".stichtag-"))
        .collect();
    assert!(drafts.is_empty(), "{drafts:?}");
    office.ok(&["case", "export", "V-1", "--yes"]);
    assert_ne!(std::fs::read(office.path("V-1.zip")).unwrap(), b"mine");
}

#[test]
fn a_case_that_has_ended_is_exported_too() {
    let office = full();
    office.ok(&["case", "close", "V-1", "--note", "papers are here", "--yes"]);
    let folder = unpack(&office, &[], 0);
    assert_eq!(json(&folder, "case.json")["state"], "closed");
    assert!(read(&folder, "summary.html").contains("case V-1 ended: closed"));
}
