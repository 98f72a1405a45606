//! Commands, their order, and what EHLO offers.

use stichtag::receive::smtp::Xforward;
use tokio::io::AsyncReadExt;

use crate::harness::{House, LOCAL};

#[tokio::test]
async fn a_mail_travels_over_a_real_socket_as_postfix_sends_it() {
    let house = House::new();
    let served = house.serve().await;
    let mut relay = served.connect().await;
    relay
        .ask(
            "XFORWARD NAME=mx.example.de ADDR=192.0.2.9 PORT=4011",
            "250 2.0.0",
        )
        .await;
    relay
        .ask(
            "XFORWARD PROTO=ESMTP HELO=mx.example.de IDENT=4XyZ SOURCE=REMOTE",
            "250 2.0.0",
        )
        .await;
    relay
        .send(
            "MAIL FROM:<a@example.de> SIZE=20\r\nRCPT TO:<denic@registry.example.net>\r\nDATA\r\n",
        )
        .await;
    relay.expect("250 2.1.0").await;
    relay.expect("250 2.1.5").await;
    relay.expect("354 ").await;
    relay.send("Subject: x\r\n\r\n..\r\n.\r\nQUIT\r\n").await;
    assert_eq!(relay.reply().await, "250 2.0.0 kept as 1\r\n");
    relay.expect("221 2.0.0").await;
    relay.closed().await;
    assert_eq!(house.shelf.raw(), ["Subject: x\r\n\r\n.\r\n"]);
}

#[tokio::test]
async fn ehlo_names_us_and_what_we_offer() {
    let house = House::with(|settings| settings.max_message_size = 4711);
    let mut client = house.connect().await;
    let reply = client.ask("EHLO relay.example.net", "250-").await;
    let offered = [
        "250-mx.example.net",
        "250-PIPELINING",
        "250-SIZE 4711",
        "250-8BITMIME",
        "250-ENHANCEDSTATUSCODES",
        "250-SMTPUTF8",
        "250 XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE",
    ];
    assert_eq!(reply.lines().collect::<Vec<_>>(), offered);
}

#[tokio::test]
async fn without_xforward_ehlo_does_not_name_it_and_the_command_is_refused() {
    let house = House::with(|settings| settings.xforward = Xforward::Ignore);
    let mut client = house.connect().await;
    let reply = client.ask("EHLO relay.example.net", "250-").await;
    assert!(reply.ends_with("250 SMTPUTF8\r\n"), "{reply}");
    client.ask("XFORWARD ADDR=192.0.2.9", "550 5.7.1").await;
    client.mail("x\r\n", "250 2.0.0").await;
    assert_eq!(house.shelf.kept()[0].envelope.client_address, None);
}

#[tokio::test]
async fn helo_is_enough_for_a_mail() {
    let house = House::new();
    let mut client = house.connect().await;
    assert_eq!(
        client.ask("HELO relay.example.net", "250 ").await,
        "250 mx.example.net\r\n"
    );
    client.mail("x\r\n", "250 2.0.0").await;
}

#[tokio::test]
async fn commands_work_in_any_case_and_with_blanks_behind_them() {
    let house = House::new();
    let mut client = house.connect().await;
    client.ask("eHlO relay.example.net \t", "250-").await;
    client.ask("NOOP x y", "250 2.0.0").await;
    client.ask("noop ", "250 2.0.0").await;
    client.ask("RSET ", "250 2.0.0").await;
    client.ask("vrfy somebody", "252 2.0.0").await;
    client.ask("mail from: <a@example.de>  ", "250 2.1.0").await;
    client.ask("vRFY somebody", "252 2.0.0").await;
    client
        .ask("rcpt to:<denic@registry.example.net> ", "250 2.1.5")
        .await;
    client.ask("data ", "354 ").await;
    client.send("x\r\n.\r\n").await;
    client.expect("250 2.0.0 kept as 1").await;
    client.ask("quit ", "221 ").await;
    client.closed().await;
}

#[tokio::test]
async fn what_is_not_offered_or_unknown_is_refused_and_changes_nothing() {
    let house = House::new();
    let mut client = house.greeted().await;
    client.ask("MAIL FROM:<a@example.de>", "250 2.1.0").await;
    for line in [
        "STARTTLS",
        "AUTH PLAIN AGEAYg==",
        "XCLIENT ADDR=192.0.2.1",
        "EXPN x",
        "HELP",
    ] {
        client.ask(line, "502 5.5.1").await;
    }
    for line in [
        "FOO",
        "",
        "RSETX",
        "MAILFROM:<a@example.de>",
        "\u{e4}",
        " NOOP",
    ] {
        client.ask(line, "500 5.5.2").await;
    }
    for line in [
        "EHLO",
        "EHLO a b",
        "HELO a\u{1}b",
        "RSET x",
        "DATA x",
        "QUIT x",
        "VRFY",
    ] {
        client.ask(line, "501 5.5.4").await;
    }
    client
        .ask("RCPT TO:<denic@registry.example.net>", "250 2.1.5")
        .await;
}

#[tokio::test]
async fn a_web_request_is_not_searched_for_commands() {
    let house = House::new();
    let mut client = house.connect().await;
    client
        .send("POST / HTTP/1.1\r\nHost: localhost\r\n\r\nEHLO x\r\nMAIL FROM:<a@example.de>\r\n")
        .await;
    client.expect("421 4.7.0").await;
    client.closed().await;
}

#[tokio::test]
async fn commands_out_of_order_are_refused_and_the_order_still_holds() {
    let house = House::new();
    let mut client = house.connect().await;
    client.ask("MAIL FROM:<a@example.de>", "503 5.5.1").await;
    client
        .ask("RCPT TO:<denic@registry.example.net>", "503 5.5.1")
        .await;
    client.ask("DATA", "503 5.5.1").await;
    client.ask("RSET", "250 2.0.0").await;
    client.ask("EHLO relay.example.net", "250-").await;
    client
        .ask("RCPT TO:<denic@registry.example.net>", "503 5.5.1")
        .await;
    client.ask("DATA", "503 5.5.1").await;
    client.ask("MAIL FROM:<a@example.de>", "250 2.1.0").await;
    client.ask("MAIL FROM:<b@example.de>", "503 5.5.1").await;
    client.ask("DATA", "503 5.5.1").await;
    client.ask("XFORWARD ADDR=192.0.2.9", "503 5.5.1").await;
    client
        .ask("RCPT TO:<denic@registry.example.net>", "250 2.1.5")
        .await;
    client.ask("DATA", "354 ").await;
    client.send("x\r\n.\r\n").await;
    client.expect("250 2.0.0").await;
    client
        .ask("RCPT TO:<denic@registry.example.net>", "503 5.5.1")
        .await;
    let envelope = &house.shelf.kept()[0].envelope;
    assert_eq!(envelope.mail_from.as_deref(), Some("a@example.de"));
}

#[tokio::test]
async fn rset_and_ehlo_end_a_transaction() {
    let house = House::new();
    let mut client = house.greeted().await;
    for reset in ["RSET", "EHLO relay.example.net", "HELO relay.example.net"] {
        client.ask("MAIL FROM:<a@example.de>", "250 2.1.0").await;
        client
            .ask("RCPT TO:<denic@registry.example.net>", "250 2.1.5")
            .await;
        client.ask(reset, "250").await;
        client.ask("DATA", "503 5.5.1").await;
    }
    client.mail("x\r\n", "250 2.0.0").await;
    assert_eq!(
        house.shelf.kept()[0].envelope.recipients,
        ["denic@registry.example.net"]
    );
}

#[tokio::test]
async fn every_reply_but_a_few_carries_an_enhanced_status_of_its_class() {
    let house = House::new();
    let mut client = house.greeted().await;
    for line in [
        "NOOP",
        "RSET",
        "VRFY x",
        "FOO",
        "HELP",
        "EHLO",
        "DATA",
        "MAIL FROM:a",
        "RCPT TO:<a>",
        "MAIL FROM:<a@example.de> X=1",
        "MAIL FROM:<a@example.de> SIZE=99999999",
        "MAIL FROM:<>",
        "RCPT TO:<a@example.de>",
        "RCPT TO:<postmaster>",
        "XFORWARD NAME=a",
        "QUIT",
    ] {
        let reply = client.ask(line, "").await;
        let (code, rest) = reply.split_once(' ').unwrap();
        let status: Vec<&str> = rest.split(' ').next().unwrap().split('.').collect();
        assert_eq!(status.len(), 3, "{line}: {reply}");
        assert!(
            status.iter().all(|part| part.parse::<u16>().is_ok()),
            "{line}: {reply}"
        );
        assert_eq!(status[0], &code[..1], "{line}: {reply}");
    }
}

#[tokio::test]
async fn pipelined_commands_are_answered_in_order_and_in_one_write() {
    let house = House::new();
    let mut client = house.greeted().await;
    let commands = "NOOP\r\nMAIL FROM:<a@example.de>\r\nRCPT TO:<x@example.de>\r\n\
                    RCPT TO:<denic@registry.example.net>\r\nFOO\r\nDATA\r\n";
    client.send(commands).await;
    let mut replies = vec![0; 4096];
    let count = client.stream.read(&mut replies).await.unwrap();
    let replies = String::from_utf8_lossy(&replies[..count]).into_owned();
    let codes: Vec<&str> = replies.lines().map(|line| &line[..3]).collect();
    assert_eq!(
        codes,
        ["250", "250", "550", "250", "500", "354"],
        "one read brings them all"
    );
}

#[tokio::test]
async fn mails_sent_without_waiting_for_any_reply_are_kept_and_answered_in_order() {
    let house = House::gated(|_| {});
    let mut client = house.greeted().await;
    let mut all = String::new();
    for number in 1..=3 {
        all += "MAIL FROM:<a@example.de>\r\nRCPT TO:<denic@registry.example.net>\r\nDATA\r\n";
        all += &format!("mail {number}\r\n.\r\n");
    }
    client.send(all).await;
    for number in 1..=3 {
        for begins in ["250 2.1.0", "250 2.1.5", "354 "] {
            client.expect(begins).await;
        }
        // Only now may this one be kept: the replies before it were not held back.
        house.open_gate(1);
        assert_eq!(
            client.reply().await,
            format!("250 2.0.0 kept as {number}\r\n")
        );
    }
    assert_eq!(
        house.shelf.raw(),
        ["mail 1\r\n", "mail 2\r\n", "mail 3\r\n"]
    );
}

#[tokio::test]
async fn a_stranger_is_turned_away_by_the_greeting() {
    let house = House::new();
    for stranger in ["203.0.113.5", "2001:db8::5", "::ffff:203.0.113.5"] {
        let mut client = house.connect_from(stranger.parse().unwrap());
        client.expect("554 5.7.1").await;
        client.closed().await;
    }
    let mut mapped = house.connect_from("::ffff:127.0.0.1".parse().unwrap());
    mapped.expect("220 ").await;
    let mut local = house.connect_from(LOCAL);
    local.expect("220 ").await;
}
