//! The final dot: what is kept, and what is answered when it is not.

use tokio::io::AsyncWriteExt;

use crate::harness::{Fault, House};

#[tokio::test]
async fn bytes_are_kept_as_they_were_sent_but_for_dot_stuffing() {
    let house = House::new();
    let mut client = house.greeted().await;
    client.begin().await;
    let long = "y".repeat(100_000);
    client
        .send(format!("..first\r\nA: b \r\n\r\n...\r\n.x\r\n{long}\r\n\t \r\n").as_bytes())
        .await;
    client.send(b"\xe4\xff\x01\x7f\r\n.\r\n").await;
    client.expect("250 2.0.0 kept as 1").await;
    let mut expected = format!(".first\r\nA: b \r\n\r\n..\r\nx\r\n{long}\r\n\t \r\n").into_bytes();
    expected.extend_from_slice(b"\xe4\xff\x01\x7f\r\n");
    assert_eq!(house.shelf.kept()[0].raw, expected);
}

#[tokio::test]
async fn a_message_sent_byte_by_byte_is_the_same_message() {
    let house = House::new();
    let mut client = house.greeted().await;
    for byte in b"mail from:<>\r\nrcpt to:<postmaster>\r\ndata\r\n" {
        client.send([*byte]).await;
        tokio::task::yield_now().await;
    }
    for begins in ["250 2.1.0", "250 2.1.5", "354 "] {
        client.expect(begins).await;
    }
    for byte in b"..a\r\n\r\n.b\r\n.\r\nNOOP\r\n" {
        client.send([*byte]).await;
        tokio::task::yield_now().await;
    }
    client.expect("250 2.0.0 kept as 1").await;
    client.expect("250 2.0.0 ok").await;
    assert_eq!(house.shelf.raw(), [".a\r\n\r\nb\r\n"]);
}

#[tokio::test]
async fn an_empty_message_is_one_message() {
    let house = House::new();
    let mut client = house.greeted().await;
    client.mail("", "250 2.0.0 kept as 1").await;
    client.mail("x\r\n", "250 2.0.0 kept as 2").await;
    assert_eq!(house.shelf.raw(), ["", "x\r\n"]);
}

#[tokio::test]
async fn after_every_trouble_with_keeping_the_session_takes_the_next_mail() {
    let house = House::new();
    let mut client = house.greeted().await;
    for (fault, begins) in [
        (Fault::Full, "452 4.3.1"),
        (Fault::Failed, "451 4.3.0"),
        (Fault::Panic, "451 4.3.0"),
    ] {
        for then in ["RSET", "NOOP", "EHLO relay.example.net"] {
            house.shelf.next(fault);
            client.mail("lost\r\n", begins).await;
            client.ask(then, "250").await;
        }
        house.shelf.next(fault);
        client.mail("lost\r\n", begins).await;
        client.mail("kept\r\n", "250 2.0.0").await;
    }
    assert_eq!(house.shelf.raw(), ["kept\r\n"; 3]);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_is_answered_for_before_the_relay_loses_patience() {
    let house = House::new();
    let mut client = house.greeted().await;
    house.shelf.next(Fault::Hang);
    let before = tokio::time::Instant::now();
    client.mail("lost\r\n", "451 4.3.0").await;
    assert!(before.elapsed().as_secs() <= 30);
    client.mail("kept\r\n", "250 2.0.0").await;
}

#[tokio::test]
async fn a_message_cut_off_is_not_kept() {
    let house = House::new();
    for part in ["", "Subject: x\r\n", "x\r\n.", "x\r\n.\r", "x\r", "x"] {
        let mut client = house.greeted().await;
        client.begin().await;
        client.send(part).await;
        client.stream.shutdown().await.unwrap();
        client.closed().await;
    }
    assert_eq!(house.shelf.raw(), Vec::<String>::new());
}

#[tokio::test]
async fn a_client_that_leaves_during_the_commit_does_not_undo_it() {
    let house = House::gated(|_| {});
    let mut client = house.greeted().await;
    client.begin().await;
    client.send("x\r\n.\r\n").await;
    house.shelf.asked.notified().await;
    drop(client);
    house.open_gate(2);
    let mut next = house.greeted().await;
    next.mail("y\r\n", "250 2.0.0").await;
    let mut raw = house.shelf.raw();
    raw.sort();
    assert_eq!(raw, ["x\r\n", "y\r\n"]);
}
