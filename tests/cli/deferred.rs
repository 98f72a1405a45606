//! Mail that waits for DNS, which is dead: what is said of it, and a person who does not wait.

use std::net::UdpSocket;

use jiff::Timestamp;
use stichtag::simulate::signer::Signer;

use super::office::{BOTH, Office, mail};

/// A resolver that never answers, and an office that asks it.
fn office() -> (UdpSocket, Office) {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut office = Office::stocked();
    let resolvers = format!("[\"{}\"]", silent.local_addr().unwrap());
    office.set("AUTHENTICATE__RESOLVERS", &resolvers);
    office.set("ROUTE__DENIC_LIVE__REQUIRE", "aligned");
    (silent, office)
}

/// Signed by the registry, whose key nobody can look up.
fn signed() -> Vec<u8> {
    let registry = Signer::registry("denic.de").unwrap();
    registry.sign(&mail(30, "connect", &BOTH), Timestamp::now())
}

fn release(how: &str) -> [&str; 6] {
    ["held", "release", "1", "--note", "asked DENIC", how]
}

#[test]
fn a_mail_that_waits_for_dns_is_told_as_that_and_released_by_hand_while_dns_is_dead() {
    let (_silent, office) = office();
    let done = office.mail(&signed());
    assert_eq!(done.out, "1 mails imported: 1 deferred\n", "{}", done.err);

    let before = office.json(&["domain", "show", "dänic.de"]);
    let shown = office.json(&["replay", "1", "--dry-run"]).remove(0);
    assert_eq!(
        (&shown["verdict_before"], &shown["verdict"]),
        (&"deferred".into(), &"deferred".into()),
        "{shown}"
    );
    assert_eq!(shown["reasons"], serde_json::json!(["R18"]));
    let text = office.ok(&["replay", "1", "--dry-run"]).out;
    assert!(text.contains("1 would be deferred (is deferred)"), "{text}");
    // The replay itself does what was shown.
    office.ok(&["replay", "1"]);
    let entry = office.json(&["log", "show", "1"]).remove(0);
    assert_eq!(entry["verdict"], "deferred", "{entry}");

    let done = office.run(&["held", "refuse", "1", "--note", "x", "--yes"]);
    assert_eq!(done.code, 4, "{}", done.err);
    assert!(done.err.contains("waits for DNS until"), "{}", done.err);

    let done = office.run(&release("--dry-run"));
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    assert!(
        done.out.contains("1 would be applied (is deferred)"),
        "{}",
        done.out
    );
    assert_eq!(office.json(&["domain", "show", "dänic.de"]), before);

    let done = office.run(&release("--yes"));
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    let entry = office.json(&["log", "show", "1"]).remove(0);
    assert_eq!(entry["verdict"], "applied", "{entry}");
    assert_eq!(
        office.json(&["domain", "show", "dänic.de"])[0]["source_message"],
        "1"
    );
    let audit = office.json(&["audit", "list", "--object", "1"]);
    let last = audit.last().unwrap();
    assert_eq!(
        (&last["action"], &last["detail"]),
        (&"held release".into(), &"asked DENIC".into())
    );
    // Decided, it is no longer anything to be released.
    assert_eq!(office.run(&release("--yes")).code, 4);
}
