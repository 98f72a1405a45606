//! Notices that do not arrive: a real Postfix reports it, Stichtag reads it and does what is left to do.

use std::net::Ipv4Addr;

use serde_json::Value;
use stichtag::model::{BounceCategory, BounceMail, BounceRecipient, DeliveryAction};

use crate::house::{House, until};
use crate::instance::SMTP;
use crate::mails::{fixture, verification};
use crate::talk::{Talk, stuffed};

const DOMAIN: &str = "segelschule-bodden.de";

/// A customer with one or two addresses, who is asked for proof.
fn asked(house: &House, email: &str, second: &str) {
    let row = format!("customer,language,email,second_email\nkaja,de,{email},{second}\n");
    house.stichtag.import("customers", &row);
    let row = format!("domain,environment,customer,status\n{DOMAIN},live,kaja,connect\n");
    house.stichtag.import("domains", &row);
    house.registry_writes(&verification(DOMAIN, 1));
}

/// The notice once it is in that state.
fn in_state(house: &House, id: &str, state: &str) -> Value {
    until(&format!("{id} is {state}"), 60, || {
        let notices = house.stichtag.json(&["notice", "list"]);
        let mut notices = notices.into_iter();
        notices.find(|notice| notice["id"] == id && notice["state"] == state)
    })
}

/// The message that came back, once it is decided.
fn came_back(house: &House) -> Value {
    until("a report has come", 60, || {
        let messages = house.stichtag.messages();
        let mut messages = messages.into_iter();
        messages.find(|message| message["source"] == "dsn" && message["verdict"] != "deferred")
    })
}

fn case(house: &House) -> Value {
    house.stichtag.json(&["case", "show", "V-1"]).remove(0)
}

#[test]
fn a_notice_to_nobody_goes_to_the_second_address() {
    let house = House::open();
    asked(&house, "unknown-kaja@example.net", "kaja@example.net");
    let first = in_state(&house, "N-1", "bounced");
    assert_eq!(first["recipient"], "unknown-kaja@example.net");
    let second = in_state(&house, "N-2", "sent");
    assert_eq!(second["recipient"], "kaja@example.net");
    assert_eq!(second["kind"], "verification-required");
    let arrived = until("the second address has mail", 30, || {
        house.customer.arrived().pop()
    });
    assert_eq!(arrived.rcpt_to, "kaja@example.net");
    assert!(
        arrived.mail_from.starts_with("bounce+N2."),
        "{}",
        arrived.mail_from
    );

    let message = came_back(&house);
    assert_eq!(message["verdict"], "applied");
    assert_eq!(message["notice"], "bounced");
    assert_eq!(message["notice_id"], "N-1");
    assert_eq!(message["kind"], "bounce");
    assert_eq!(message["environment"], "live");
    assert_eq!(message["ace"], DOMAIN);
    let id = message["id"].as_str().unwrap();
    let why = house.stichtag.text(&["log", "why", id]);
    assert!(why.contains("it came back to notice N-1"), "{why}");
    assert!(
        why.contains("W52 N-1 came back: failed 5.1.1, no such mailbox"),
        "{why}"
    );
    let shown = house.stichtag.text(&["notice", "show", "N-1"]);
    assert!(
        shown.contains("report  N-1 failed 5.1.1 unknown-kaja@example.net"),
        "{shown}"
    );
    assert!(shown.contains("no such user here"), "{shown}");
    let case = case(&house);
    assert_eq!(case["reports"][0]["recipient"], "unknown-kaja@example.net");
    assert_eq!(case["reports"][0]["permanent"], true);
    assert_eq!(case["calls"].as_array().unwrap().len(), 0, "{case}");
    let audit = house.stichtag.text(&["audit", "list"]);
    assert!(
        audit.contains("notice bounced") && audit.contains("notice again"),
        "{audit}"
    );
    house.stichtag.text(&["audit", "verify"]);

    // What Postfix made of our wish: the header alone came back, and our own name for the mail.
    let raw = house.stichtag.bytes(&["log", "raw", id]);
    let raw = String::from_utf8(raw).unwrap();
    assert!(raw.contains("Original-Envelope-Id: N-1"), "{raw}");
    assert!(
        raw.contains("Original-Recipient: rfc822;unknown-kaja@example.net"),
        "{raw}"
    );
    assert!(
        raw.contains("X-Stichtag-Notice: N-1") && !raw.contains("BEGIN:VCALENDAR"),
        "{raw}"
    );
    // Nothing was sent to anybody else, and the report itself was answered by nobody.
    house.postfix.drained(20);
    assert_eq!(house.customer.arrived().len(), 1);
    let bounced = house.postfix.lines(&["status=bounced"]);
    assert_eq!(bounced.len(), 1, "{bounced:?}");
    assert_eq!(house.stichtag.messages().len(), 2);
}

#[test]
fn where_no_address_works_somebody_has_to_telephone_even_after_a_kill() {
    let mut house = House::open();
    // While Postfix has the mail, Stichtag is killed; the report waits in Postfix's queue.
    asked(&house, "full-kaja@example.net", "");
    until("Postfix has reported", 60, || {
        let lines = house
            .postfix
            .lines(&["status=bounced", "full-kaja@example.net"]);
        (!lines.is_empty()).then_some(())
    });
    house.stichtag.kill();
    house.stichtag.start();
    house.postfix.flush();
    let notice = in_state(&house, "N-1", "bounced");
    assert_eq!(notice["kind"], "verification-required");
    let calls = until("a call is on the list", 30, || {
        let calls = case(&house)["calls"].as_array().unwrap().clone();
        (!calls.is_empty()).then_some(calls)
    });
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0]["code"], "W52");
    let report = &case(&house)["reports"][0];
    assert_eq!(report["category"], "mailbox-full");
    assert_eq!(report["status"], "5.2.2");
    house.postfix.drained(30);
    assert_eq!(house.stichtag.json(&["notice", "list"]).len(), 1);
    assert!(house.customer.arrived().is_empty());
}

#[test]
fn a_notice_that_is_late_is_shown_so_and_not_sent_again() {
    let house = House::with("delay_warning_time = 1s\n");
    let mut house = house;
    house.stichtag.start();
    asked(&house, "busy-kaja@example.net", "kaja@example.net");
    in_state(&house, "N-1", "delayed");
    let message = came_back(&house);
    assert_eq!(message["verdict"], "applied");
    assert_eq!(message["notice"], "delayed");
    let report = &case(&house)["reports"][0];
    assert_eq!(report["action"], "delayed");
    assert_eq!(report["permanent"], false);
    assert_eq!(report["recipient"], "busy-kaja@example.net");
    // Only Postfix tries on; nobody else is written to.
    assert_eq!(house.stichtag.json(&["notice", "list"]).len(), 1);
    assert!(house.customer.arrived().is_empty());
}

#[test]
fn a_notice_that_the_smarthost_refuses_goes_to_the_second_address() {
    let house = House::with(
        "smtpd_recipient_restrictions = check_recipient_access inline:{gone@example.net=REJECT}, reject_non_fqdn_recipient\n",
    );
    let mut house = house;
    house.stichtag.start();
    asked(&house, "gone@example.net", "kaja@example.net");
    in_state(&house, "N-1", "failed");
    in_state(&house, "N-2", "sent");
    let arrived = until("the second address has mail", 30, || {
        house.customer.arrived().pop()
    });
    assert_eq!(arrived.rcpt_to, "kaja@example.net");
    until("nothing waits for a person", 30, || {
        let status = house.stichtag.json(&["status"]).remove(0);
        let is_quiet = status["notices_failed"] == 0 && status["alarms"] == serde_json::json!([]);
        is_quiet.then_some(())
    });
}

/// A mailbox that is full, a list, and a delay of a second, in Postfix itself.
const DELIVERS: &str = "\
message_size_limit = 20000
mailbox_size_limit = 20000
virtual_mailbox_limit = 20000
virtual_mailbox_domains = box.example
virtual_mailbox_base = {dir}/data
virtual_mailbox_maps = inline:{full@box.example=full.box, one@box.example=one.box, two@box.example=two.box}
virtual_minimum_uid = 1
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_alias_domains = alias.example
virtual_alias_maps = inline:{ {pair@alias.example = one@box.example unknown@example.net} }
mydestination = lists.example
alias_maps = inline:{ {team = one@box.example, two@box.example}, {owner-team = one@box.example} }
delay_warning_time = 1s
";

/// Sends a mail of so many bytes from `from`, with the wish to hear of `notify`.
fn sends(at: Ipv4Addr, from: &str, to: &str, notify: &str, bytes: usize) {
    let mut talk = Talk::from(Ipv4Addr::LOCALHOST, (at, SMTP));
    talk.expect(&format!("MAIL FROM:<{from}> RET=HDRS ENVID=N-1"), "250 ");
    let rcpt = format!("RCPT TO:<{to}> NOTIFY={notify} ORCPT=rfc822;{to}");
    talk.expect(&rcpt, "250 ");
    talk.expect("DATA", "354 ");
    let line = "x".repeat(70) + "\r\n";
    let body = line.repeat(bytes / 72);
    let mail = format!(
        "From: domains@registrar.example\r\nTo: {to}\r\nSubject: Nachweis\r\n\
         Message-ID: <k7qf-2m9x.0123456789abcdef@bounce.muster.example>\r\n\
         X-Stichtag-Notice: N-1\r\n\r\n{body}"
    );
    talk.put(&stuffed(mail.as_bytes()));
    let reply = talk.reply();
    assert!(reply.starts_with("250 "), "{reply}");
}

/// What Postfix reports, read by the program; the bytes go to a folder if somebody wants them as
/// fixtures.
fn reported(house: &House, from: &str, name: &str) -> BounceRecipient {
    let id = until(&format!("a report about {name}"), 60, || {
        let messages = house.stichtag.messages();
        let mut ids = messages.iter().filter_map(|message| {
            let id = message["id"].as_str()?.to_owned();
            let shown = house.stichtag.text(&["log", "show", &id]);
            shown.contains(from).then_some(id)
        });
        ids.next()
    });
    let raw = house.stichtag.bytes(&["log", "raw", &id]);
    if let Some(folder) = std::env::var_os("STICHTAG_REPORTS") {
        std::fs::write(
            std::path::Path::new(&folder).join(format!("{name}.eml")),
            &raw,
        )
        .unwrap();
    }
    let BounceMail::Report(report) = stichtag::parse::bounce(&raw, true) else {
        panic!("{}", String::from_utf8_lossy(&raw));
    };
    assert_eq!(report.envelope_id.as_deref(), Some("N-1"), "{name}");
    assert_eq!(
        report.notice.map(|id| id.to_string()).as_deref(),
        Some("N-1")
    );
    assert_eq!(report.recipients.len(), 1, "{name}: {report:?}");
    report.recipients.into_iter().next().unwrap()
}

#[test]
fn every_report_of_postfix_is_read_and_one_that_no_notice_signed_changes_nothing() {
    let (uid, gid) = crate::instance::user_and_group("postfix");
    let more = DELIVERS
        .replace("{uid}", &uid.to_string())
        .replace("{gid}", &gid.to_string());
    let mut house = House::with(&more);
    house.stichtag.start();
    let at = house.postfix.address;
    use BounceCategory::*;
    use DeliveryAction::*;
    for (name, to, notify, bytes, action, category) in [
        (
            "unknown-user",
            "unknown@example.net",
            "FAILURE",
            100,
            Failed,
            UnknownUser,
        ),
        (
            "delivered",
            "full@box.example",
            "SUCCESS",
            15_000,
            Delivered,
            Other,
        ),
        (
            "mailbox-full",
            "full@box.example",
            "FAILURE",
            15_000,
            Failed,
            MailboxFull,
        ),
        (
            "delayed",
            "busy@example.net",
            "DELAY",
            100,
            Delayed,
            Blocked,
        ),
        (
            "relayed",
            "kaja@example.net",
            "SUCCESS",
            100,
            Relayed,
            Other,
        ),
        // Postfix says "delivered", and "alias expanded" behind it.
        (
            "expanded",
            "team@lists.example",
            "SUCCESS",
            100,
            Delivered,
            Other,
        ),
        (
            "alias",
            "pair@alias.example",
            "FAILURE",
            100,
            Failed,
            UnknownUser,
        ),
    ] {
        let from = format!("bounce+{name}@bounce.muster.example");
        sends(at, &from, to, notify, bytes);
        let one = reported(&house, &from, name);
        assert_eq!(one.action, action, "{name}: {one:?}");
        assert_eq!(one.category, category, "{name}: {one:?}");
        assert_eq!(one.recipient(), Some(to), "{name}: {one:?}");
    }
    let messages = house.stichtag.decided(7);
    for message in &messages {
        assert_eq!(message["verdict"], "refused", "{message}");
        assert_eq!(message["reasons"], serde_json::json!(["R44"]));
        assert_eq!(message["source"], "dsn");
    }
    assert!(house.stichtag.json(&["held", "list"]).is_empty());
    let status = house.stichtag.json(&["status"]).remove(0);
    assert_eq!(status["alarms"], serde_json::json!([]));
    // Whoever writes to such an address by hand is not answered either.
    let mut stranger = house.registry();
    stranger.queued(
        "evil@example.org",
        "bounce+N1@bounce.muster.example",
        &fixture("01-live-connect.eml"),
    );
    house.stichtag.decided(8);
    let bounced = house.postfix.lines(&["postfix/registry", "status=bounced"]);
    assert_eq!(bounced, Vec::<String>::new());
}
