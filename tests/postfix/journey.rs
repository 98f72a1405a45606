//! A registry mail comes in, a customer's notice goes out.

use mail_parser::{MessageParser, MimeHeaders};

use crate::house::{House, LIVE, LIVE_SENDER, until};
use crate::mails::*;

#[test]
fn a_registry_mail_becomes_a_notice_in_the_customers_mailbox() {
    let house = House::open();
    house.stichtag.knows("kaja", &["segelschule-bodden.de"]);
    let queue_id = house.registry_writes(&fixture("03-live-verification-required.eml"));

    // Short ids are hexadecimal, and used again after a while.
    assert!(queue_id.contains('z'), "{queue_id}");

    let kept = &house.stichtag.decided(1)[0];
    assert_eq!(kept["verdict"], "applied");
    assert_eq!(kept["ace"], "segelschule-bodden.de");
    assert_eq!(kept["environment"], "live");
    assert_eq!(kept["queue_id"], queue_id.as_str());
    let id = kept["id"].as_str().unwrap();
    let shown = house.stichtag.text(&["log", "show", id]);
    assert!(
        shown.contains("client           127.0.0.9 by 127."),
        "{shown}"
    );
    assert!(
        shown.contains(&format!("envelope sender  <{LIVE_SENDER}>")),
        "{shown}"
    );
    assert!(
        shown.contains(&format!("recipients       {LIVE}")),
        "{shown}"
    );
    let reply = format!("status=sent (250 2.0.0 kept as {id})");
    until("Postfix has logged our number", 20, || {
        let lines = house
            .postfix
            .lines(&["postfix/registry/smtp", &queue_id, &reply]);
        (lines.len() == 1).then_some(())
    });

    let domain = house.stichtag.domain("segelschule-bodden.de", "live");
    assert_eq!(domain["dedelegation_at"], "2026-06-04T06:30:00Z");
    assert_eq!(domain["deletion_at"], "2026-09-02T06:30:00Z");
    assert_eq!(domain["claims"], serde_json::json!(["address", "name"]));
    assert_eq!(domain["source_message"], id);
    let test = house.stichtag.domain("segelschule-bodden.de", "test");
    assert!(test["dedelegation_at"].is_null(), "{test}");

    let arrived = until("the customer has mail", 30, || {
        house.customer.arrived().pop()
    });
    assert_eq!(arrived.rcpt_to, "kaja@example.net");
    assert!(
        arrived.mail_from.starts_with("bounce+N1.")
            && arrived.mail_from.ends_with("@bounce.muster.example"),
        "{}",
        arrived.mail_from
    );
    let mail = MessageParser::default().parse(&arrived.message).unwrap();
    let text = mail.body_text(0).unwrap();
    for words in ["segelschule-bodden.de", "4. Juni 2026", "2. September 2026"] {
        assert!(text.contains(words), "{words} in {text}");
    }
    assert_eq!(words_of_html(&mail.body_html(0).unwrap()), words(&text));
    // The fixture's days are past, so no day is left before the registry's own.
    let calendar = mail.attachment(0).unwrap();
    assert_eq!(calendar.attachment_name(), Some("frist.ics"));
    let lines = calendar_lines(calendar.text_contents().unwrap());
    let having = |start: &str| -> Vec<&str> {
        let found = lines.iter().filter_map(|line| line.strip_prefix(start));
        found.collect()
    };
    assert_eq!(
        having("UID:"),
        [
            "V-1-dedelegation@bounce.muster.example",
            "V-1-deletion@bounce.muster.example"
        ]
    );
    assert_eq!(having("DTSTART:"), ["20260604T063000Z", "20260902T063000Z"]);
    assert_eq!(having("TRIGGER:"), ["-P3D", "-P1D", "-P3D", "-P1D"]);

    until("the notice is settled", 20, || {
        let notices = house.stichtag.json(&["notice", "list"]);
        (notices.len() == 1 && notices[0]["state"] == "sent").then_some(())
    });
    house.postfix.drained(20);
    assert_eq!(house.customer.arrived().len(), 1);
    house.postfix.assert_nothing_bounced();
}

#[test]
fn eight_bit_and_idn_mail_arrives_byte_for_byte() {
    let house = House::open();
    house
        .stichtag
        .knows("kaja", &["dänic.de", "grüne-welle-hamm.de"]);
    let names = [
        "seed001-live-verification.eml",
        "05-live-serverhold-nbsp-qp.eml",
        "10-live-latin1-base64-wrapped.eml",
        "charset-latin1-undeclared.eml",
        "text-with-bom-zero-width-and-nfd.eml",
    ];
    let mut talk = house.registry();
    for (number, name) in names.iter().enumerate() {
        let sent = fixture(name);
        let queue_id = talk.queued(LIVE_SENDER, LIVE, &sent);
        let kept = house.stichtag.decided(number + 1).pop().unwrap();
        assert_eq!(kept["queue_id"], queue_id.as_str());
        let raw = house
            .stichtag
            .bytes(&["log", "raw", kept["id"].as_str().unwrap()]);
        let (received, rest) = first_field(&raw);
        assert!(
            received.starts_with("Received: from mail-out.denic.de"),
            "{received}"
        );
        assert!(received.contains(&queue_id), "{received}");
        assert!(
            rest == without_return_path(&sent),
            "{name} was changed on its way"
        );
    }
    let domain = house.stichtag.domain("xn--dnic-loa.de", "live");
    assert_eq!(domain["dedelegation_at"], "2025-06-13T13:51:08Z");

    // A header in UTF-8 needs SMTPUTF8, all the way.
    let text = String::from_utf8(verification("dänic.de", 1)).unwrap();
    let sent = text.replace(
        "Subject: DOMAIN",
        "Comments: für dänic.de\r\nSubject: DOMAIN",
    );
    let from = format!("MAIL FROM:<{LIVE_SENDER}> BODY=8BITMIME SMTPUTF8");
    talk.expect(&from, "250 ");
    talk.expect(&format!("RCPT TO:<{LIVE}>"), "250 ");
    talk.expect("DATA", "354 ");
    talk.put(&crate::talk::stuffed(sent.as_bytes()));
    assert!(talk.reply().starts_with("250 "));
    let kept = house.stichtag.decided(names.len() + 1).pop().unwrap();
    let raw = house
        .stichtag
        .bytes(&["log", "raw", kept["id"].as_str().unwrap()]);
    assert!(first_field(&raw).1 == without_return_path(sent.as_bytes()));
    house.postfix.assert_nothing_bounced();
}
