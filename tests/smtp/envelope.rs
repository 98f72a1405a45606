//! Senders, recipients, parameters, XFORWARD, and how they come out in the envelope.

use std::net::IpAddr;

use stichtag::model::Envelope;
use stichtag::receive::smtp::Xforward;

use crate::harness::{House, LOCAL, received_at};

#[tokio::test]
async fn the_envelope_says_what_the_dialogue_said() {
    let house = House::new();
    let mut client = house.greeted().await;
    client
        .ask(
            "XFORWARD NAME=mx.example.de ADDR=IPv6:2001:db8::9 PORT=25",
            "250",
        )
        .await;
    client
        .ask(
            "XFORWARD PROTO=ESMTP HELO=mx+2Dout.example.de IDENT=4XyZ12",
            "250",
        )
        .await;
    client
        .ask("MAIL FROM:<Registry-Response@denic.de>", "250")
        .await;
    client
        .ask("RCPT TO:<denic@registry.example.net>", "250")
        .await;
    client
        .ask("RCPT TO:<Denic-Test@registry.example.net>", "250")
        .await;
    client.ask("DATA", "354").await;
    client.send("x\r\n.\r\n").await;
    client.expect("250").await;
    let kept = house.shelf.kept().remove(0);
    let expected = Envelope {
        mail_from: Some("Registry-Response@denic.de".to_owned()),
        recipients: vec![
            "denic@registry.example.net".to_owned(),
            "Denic-Test@registry.example.net".to_owned(),
        ],
        helo: Some("relay.example.net".to_owned()),
        peer: Some(LOCAL),
        client_address: Some("2001:db8::9".parse().unwrap()),
        client_name: Some("mx.example.de".to_owned()),
        client_helo: Some("mx-out.example.de".to_owned()),
        queue_id: Some("4XyZ12".to_owned()),
        reply_to: None,
        asked: None,
        command: None,
    };
    assert_eq!(kept.envelope, expected);
    assert_eq!(kept.received_at, received_at());
    assert_eq!(kept.environment, None);
}

#[tokio::test]
async fn xforward_holds_for_one_mail() {
    let house = House::new();
    let mut client = house.greeted().await;
    client.ask("XFORWARD ADDR=192.0.2.9 IDENT=one", "250").await;
    client.mail("1\r\n", "250").await;
    client.mail("2\r\n", "250").await;
    for reset in [
        "RSET",
        "EHLO relay.example.net",
        "MAIL FROM:<a@example.de> X=1",
    ] {
        client
            .ask("XFORWARD ADDR=192.0.2.9 IDENT=three", "250")
            .await;
        client.ask(reset, "").await;
        client.mail("3\r\n", "250").await;
    }
    let clients: Vec<_> = house
        .shelf
        .kept()
        .into_iter()
        .map(|mail| mail.envelope.queue_id)
        .collect();
    assert_eq!(clients, [Some("one".to_owned()), None, None, None, None]);
}

#[tokio::test]
async fn a_wrong_xforward_is_refused_and_the_session_goes_on() {
    let house = House::new();
    let mut client = house.greeted().await;
    for wrong in [
        "XFORWARD",
        "XFORWARD NAME",
        "XFORWARD WHAT=x",
        "XFORWARD ADDR=example.de",
    ] {
        client.ask(wrong, "501 5.5.4").await;
    }
    client
        .ask(
            "XFORWARD ADDR=[UNAVAILABLE] NAME=[TEMPUNAVAIL] IDENT=+31",
            "250",
        )
        .await;
    client.mail("x\r\n", "250").await;
    let envelope = house.shelf.kept().remove(0).envelope;
    assert_eq!(envelope.client_address, None);
    assert_eq!(envelope.client_name, None);
    assert_eq!(envelope.queue_id.as_deref(), Some("1"));
}

#[tokio::test]
async fn where_xforward_is_required_mail_without_it_stays_with_the_relay() {
    let house = House::with(|settings| settings.xforward = Xforward::Require);
    let mut client = house.greeted().await;
    client
        .ask("MAIL FROM:<a@example.de>", "451 4.7.1 XFORWARD required")
        .await;
    client.ask("XFORWARD NAME=mx.example.de", "250").await;
    client.ask("MAIL FROM:<a@example.de>", "451 4.7.1").await;
    for address in ["192.0.2.9", "[UNAVAILABLE]"] {
        client.ask(&format!("XFORWARD ADDR={address}"), "250").await;
        client.mail("x\r\n", "250 2.0.0").await;
    }
    let first = house.shelf.kept()[0].envelope.client_address;
    assert_eq!(first, Some(IpAddr::from([192, 0, 2, 9])));
}

#[tokio::test]
async fn the_null_sender_is_kept_as_the_null_sender() {
    let house = House::new();
    let mut client = house.greeted().await;
    for line in [
        "MAIL FROM:<>",
        "MAIL FROM: <> SIZE=3 BODY=8BITMIME",
        "mail from:<> ",
    ] {
        client.ask(line, "250 2.1.0").await;
        client
            .ask("RCPT TO:<denic@registry.example.net>", "250")
            .await;
        client.ask("DATA", "354").await;
        client.send("x\r\n.\r\n").await;
        client.expect("250 2.0.0").await;
    }
    for mail in house.shelf.kept() {
        assert_eq!(mail.envelope.mail_from.as_deref(), Some(""));
    }
}

#[tokio::test]
async fn parameters_of_mail_that_we_offer_are_taken() {
    let house = House::new();
    let mut client = house.greeted().await;
    for parameters in [
        "SIZE=0",
        "SIZE=262144",
        "body=7bit",
        "BODY=8BITMIME SIZE=10",
        "SMTPUTF8 BODY=8BITMIME",
    ] {
        client
            .ask(
                &format!("MAIL FROM:<a@example.de> {parameters}"),
                "250 2.1.0",
            )
            .await;
        client.ask("RSET", "250").await;
    }
}

#[tokio::test]
async fn other_parameters_are_refused_and_the_next_mail_is_taken() {
    let house = House::new();
    let mut client = house.greeted().await;
    for (parameters, begins) in [
        ("RET=HDRS", "555 5.5.4"),
        ("SIZE=1 AUTH=<>", "555 5.5.4"),
        ("SIZE=x", "501 5.5.4"),
        ("SIZE=1 SIZE=1", "501 5.5.4"),
        ("BODY=BINARYMIME", "501 5.5.4"),
        ("SMTPUTF8=1", "501 5.5.4"),
        ("SIZE=262145", "552 5.3.4"),
        ("SIZE=99999999999999999999", "552 5.3.4"),
    ] {
        client
            .ask(&format!("MAIL FROM:<a@example.de> {parameters}"), begins)
            .await;
        client.ask("DATA", "503 5.5.1").await;
        client.ask("MAIL FROM:<a@example.de>", "250").await;
        client
            .ask(
                "RCPT TO:<denic@registry.example.net> NOTIFY=NEVER",
                "555 5.5.4",
            )
            .await;
        client.ask("DATA", "503 5.5.1").await;
        client.ask("RSET", "250").await;
    }
    client.mail("x\r\n", "250 2.0.0").await;
}

#[tokio::test]
async fn addresses_that_cannot_stand_in_an_envelope_are_refused_cleanly() {
    let house = House::with(|settings| settings.max_commands = usize::MAX);
    let mut client = house.greeted().await;
    for (address, sender, recipient) in [
        ("<a\u{7}b@registry.example.net>", "501 5.1.7", "501 5.1.3"),
        ("<a\tb@registry.example.net>", "501 5.1.7", "501 5.1.3"),
        ("<a\u{85}b@registry.example.net>", "501 5.1.7", "501 5.1.3"),
        ("<\"a b\"@registry.example.net>", "553 5.1.7", "553 5.1.3"),
        ("<\"a>b\"@registry.example.net>", "553 5.1.7", "553 5.1.3"),
        ("<a b@registry.example.net>", "553 5.1.7", "553 5.1.3"),
        ("a@registry.example.net", "501 5.1.7", "501 5.1.3"),
        ("<a@registry.example.net", "501 5.1.7", "501 5.1.3"),
        ("<a@registry.example.net>x", "501 5.1.7", "501 5.1.3"),
        ("<\u{e4}@registry.example.net>", "553 5.6.7", "553 5.6.7"),
    ] {
        client.ask(&format!("MAIL FROM:{address}"), sender).await;
        client.ask("MAIL FROM:<a@example.de>", "250").await;
        client.ask(&format!("RCPT TO:{address}"), recipient).await;
        client
            .ask("RCPT TO:<denic@registry.example.net>", "250")
            .await;
        client.ask("RSET", "250").await;
    }
    client
        .send(b"MAIL FROM:<\xe4@example.de> SMTPUTF8\r\n")
        .await;
    client.expect("501 5.1.7").await;
    client.ask("MAIL FROM:<a@example.de>", "250").await;
    client.ask("RCPT TO:<>", "501 5.1.3").await;
}

#[tokio::test]
async fn with_smtputf8_an_address_may_be_utf_8() {
    let house = House::new();
    let mut client = house.greeted().await;
    client
        .ask("MAIL FROM:<j\u{fc}rgen@example.de> SMTPUTF8", "250")
        .await;
    client
        .ask("RCPT TO:<\u{e4}@registry.example.net>", "250")
        .await;
    client.ask("DATA", "354").await;
    client.send("Subject: \u{e4}\r\n.\r\n").await;
    client.expect("250 2.0.0").await;
    let envelope = house.shelf.kept().remove(0).envelope;
    assert_eq!(
        envelope.mail_from.as_deref(),
        Some("j\u{fc}rgen@example.de")
    );
    assert_eq!(envelope.recipients, ["\u{e4}@registry.example.net"]);
}

#[tokio::test]
async fn the_routes_decide_at_rcpt_and_a_refused_recipient_is_no_part_of_the_mail() {
    let house = House::new();
    let mut client = house.greeted().await;
    client.ask("MAIL FROM:<a@example.de>", "250").await;
    client.ask("RCPT TO:<x@example.de>", "550 5.1.1").await;
    client.ask("DATA", "503 5.5.1").await;
    client.ask("RCPT TO:<postmaster>", "250 2.1.5").await;
    client.ask("RCPT TO:<x@example.de>", "550 5.1.1").await;
    client.ask("DATA", "354").await;
    client.send("x\r\n.\r\n").await;
    client.expect("250 2.0.0").await;
    assert_eq!(house.shelf.kept()[0].envelope.recipients, ["postmaster"]);
    client.ask("MAIL FROM:<refused@example.de>", "250").await;
    client
        .ask("RCPT TO:<denic@registry.example.net>", "550 5.7.1")
        .await;
    client.ask("RSET", "250").await;
    client.mail("x\r\n", "250 2.0.0").await;
}

#[tokio::test]
async fn a_panic_in_the_routes_costs_a_retry_and_not_the_session() {
    let house = House::new();
    let mut client = house.greeted().await;
    client.ask("MAIL FROM:<a@example.de>", "250").await;
    client
        .ask("RCPT TO:<fault@registry.example.net>", "451 4.3.0")
        .await;
    client.ask("RSET", "250").await;
    client.mail("x\r\n", "250 2.0.0").await;
}
