//! Every bound, with the value that just fits and the one just over it.

use std::time::Duration;

use tokio::time::{Instant, advance};

use crate::harness::{House, LOCAL};

#[tokio::test]
async fn a_message_may_be_exactly_as_big_as_announced() {
    let house = House::with(|settings| settings.max_message_size = 1000);
    let mut client = house.greeted().await;
    let exact = format!("..{}\r\n", "x".repeat(997));
    client.mail(&exact, "250 2.0.0").await;
    assert_eq!(house.shelf.kept()[0].raw.len(), 1000);
    client.mail(&format!("x{exact}"), "552 5.3.4").await;
    client.mail(&format!("{exact}\r\n"), "552 5.3.4").await;
    client.mail(&exact, "250 2.0.0").await;
    assert_eq!(house.shelf.kept().len(), 2);
}

#[tokio::test]
async fn a_message_far_too_big_ends_the_connection() {
    let house = House::with(|settings| settings.max_message_size = 1000);
    let mut client = house.greeted().await;
    client.begin().await;
    for _ in 0..15 {
        client.send([b'x'; 1000]).await;
    }
    client.send("\r\n.\r\n").await;
    client.expect("552 5.3.4").await;
    client.begin().await;
    client.send([b'x'; 16_001]).await;
    client.expect("552 5.3.4").await;
    client.closed().await;
    assert!(house.shelf.kept().is_empty());
}

#[tokio::test]
async fn a_command_line_may_be_as_long_as_max_line() {
    let house = House::new();
    let mut client = house.greeted().await;
    let fitting = format!("NOOP {}", "x".repeat(2048 - 7));
    client.ask(&fitting, "250 2.0.0").await;
    client.ask(&format!("{fitting}x"), "500 5.5.6").await;
    client.ask("MAIL FROM:<a@example.de>", "250").await;
    client
        .ask(&format!("RCPT TO:<{}>", "x".repeat(100_000)), "500 5.5.6")
        .await;
    client.ask("RCPT TO:<postmaster>", "250").await;
    client.send(format!("NOOP {}\n", "x".repeat(5000))).await;
    client.expect("500 5.5.2").await;
    client.closed().await;
}

#[tokio::test]
async fn a_command_line_without_end_ends_the_connection() {
    let house = House::new();
    let mut client = house.greeted().await;
    client.send(vec![b'x'; 64 * 2048]).await;
    client.send(vec![b'x'; 10_000]).await;
    client.expect("500 5.5.6").await;
    client.closed().await;
}

#[tokio::test]
async fn one_recipient_too_many_is_put_off_and_the_mail_goes_to_the_others() {
    let house = House::with(|settings| settings.max_recipients = 3);
    let mut client = house.greeted().await;
    client.ask("MAIL FROM:<a@example.de>", "250").await;
    for number in 1..=3 {
        client
            .ask(&format!("RCPT TO:<r{number}@registry.example.net>"), "250")
            .await;
    }
    client
        .ask("RCPT TO:<r4@registry.example.net>", "452 4.5.3")
        .await;
    client.ask("DATA", "354").await;
    client.send("x\r\n.\r\n").await;
    client.expect("250 2.0.0").await;
    assert_eq!(house.shelf.kept()[0].envelope.recipients.len(), 3);
}

#[tokio::test]
async fn one_command_too_many_ends_the_connection() {
    let house = House::with(|settings| settings.max_commands = 5);
    let mut client = house.greeted().await;
    for _ in 0..4 {
        client.ask("NOOP", "250").await;
    }
    client.ask("NOOP", "421 4.7.0").await;
    client.closed().await;
}

#[tokio::test]
async fn twenty_errors_in_a_row_end_the_connection() {
    let house = House::new();
    let mut client = house.greeted().await;
    for _ in 0..3 {
        for _ in 0..19 {
            client.ask("FOO", "500 5.5.2").await;
        }
        client.ask("NOOP", "250").await;
    }
    for _ in 0..19 {
        client.ask("FOO", "500 5.5.2").await;
    }
    client.ask("FOO", "421 4.7.0").await;
    client.closed().await;
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_after_the_command_timeout() {
    let house = House::new();
    let mut client = house.greeted().await;
    let before = Instant::now();
    client.expect("421 4.4.2").await;
    assert_eq!(before.elapsed().as_secs(), 60);
    client.closed().await;
}

#[tokio::test(start_paused = true)]
async fn a_command_that_drips_in_does_not_hold_the_connection_longer() {
    let house = House::new();
    let mut client = house.greeted().await;
    let before = Instant::now();
    for _ in 0..59 {
        client.send("x").await;
        advance(Duration::from_secs(1)).await;
    }
    client.expect("421 4.4.2").await;
    assert_eq!(before.elapsed().as_secs(), 60);
}

#[tokio::test(start_paused = true)]
async fn a_message_may_come_slowly_but_not_stop() {
    let house = House::new();
    let mut client = house.greeted().await;
    client.begin().await;
    for _ in 0..5 {
        client.send("x\r\n").await;
        advance(Duration::from_secs(59)).await;
    }
    client.send(".\r\n").await;
    client.expect("250 2.0.0").await;
    client.begin().await;
    client.send("x\r\n").await;
    let before = Instant::now();
    client.expect("421 4.4.2").await;
    assert_eq!(before.elapsed().as_secs(), 60);
    client.closed().await;
    assert_eq!(house.shelf.kept().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_session_ends_after_its_time_however_busy_it_is() {
    let house = House::with(|settings| settings.session_timeout = Duration::from_secs(100));
    let mut client = house.greeted().await;
    let before = Instant::now();
    for _ in 0..9 {
        client.ask("NOOP", "250").await;
        advance(Duration::from_secs(11)).await;
    }
    client.expect("421 4.4.2").await;
    assert_eq!(before.elapsed().as_secs(), 100);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_not_complete_when_the_session_ends_is_not_kept() {
    let house = House::with(|settings| settings.session_timeout = Duration::from_secs(100));
    let mut client = house.greeted().await;
    let before = Instant::now();
    client.begin().await;
    for _ in 0..99 {
        client.send("x\r\n").await;
        advance(Duration::from_secs(1)).await;
    }
    client.expect("421 4.4.2").await;
    assert_eq!(before.elapsed().as_secs(), 100);
    assert!(house.shelf.kept().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_commit_is_waited_for_beyond_the_end_of_the_session() {
    let house = House::gated(|settings| settings.session_timeout = Duration::from_secs(10));
    let mut client = house.greeted().await;
    client.begin().await;
    client.send("x\r\n.\r\n").await;
    house.shelf.asked.notified().await;
    advance(Duration::from_secs(20)).await;
    house.open_gate(1);
    client.expect("250 2.0.0 kept as 1").await;
    client.expect("421 4.4.2").await;
    client.closed().await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_reads_is_dropped() {
    let house = House::with(|settings| settings.max_connections = 1);
    let mut deaf = house.connect().await;
    deaf.send("EHLO relay.example.net\r\n".repeat(800)).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    advance(Duration::from_secs(59)).await;
    let mut refused = house.connect_from(LOCAL);
    refused.expect("421 4.3.2").await;
    advance(Duration::from_secs(2)).await;
    let mut next = house.connect().await;
    next.ask("NOOP", "250").await;
}
