//! Shutting down: nothing half taken, nobody left waiting.

use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, advance, pause};

use crate::harness::House;

#[tokio::test]
async fn idle_connections_are_told_at_once_and_the_listener_closes() {
    let house = House::new();
    let served = house.serve().await;
    let mut idle = served.connect().await;
    let mut in_mail = served.connect().await;
    in_mail.ask("MAIL FROM:<a@example.de>", "250").await;
    served.shutdown.cancel();
    for client in [&mut idle, &mut in_mail] {
        client.expect("421 4.3.2 shutting down").await;
        client.closed().await;
    }
    served.task.await.unwrap();
    assert!(TcpStream::connect(served.address).await.is_err());
}

#[tokio::test]
async fn a_message_half_taken_may_be_completed() {
    let house = House::new();
    let served = house.serve().await;
    let mut idle = served.connect().await;
    let mut sending = served.connect().await;
    sending.begin().await;
    sending.send("Subject: x\r\n").await;
    served.shutdown.cancel();
    idle.expect("421 4.3.2").await;
    sending
        .send("\r\nx\r\n.\r\nMAIL FROM:<b@example.de>\r\n")
        .await;
    sending.expect("250 2.0.0 kept as 1").await;
    sending.expect("421 4.3.2 shutting down").await;
    sending.closed().await;
    served.task.await.unwrap();
    assert_eq!(house.shelf.raw(), ["Subject: x\r\n\r\nx\r\n"]);
}

#[tokio::test]
async fn a_commit_under_way_is_finished_and_answered() {
    let house = House::gated(|_| {});
    let served = house.serve().await;
    let mut idle = served.connect().await;
    let mut committing = served.connect().await;
    committing.begin().await;
    committing.send("x\r\n.\r\n").await;
    house.shelf.asked.notified().await;
    served.shutdown.cancel();
    idle.expect("421 4.3.2").await;
    assert!(!served.task.is_finished());
    house.open_gate(1);
    committing.expect("250 2.0.0 kept as 1").await;
    committing.expect("421 4.3.2").await;
    served.task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_message_that_does_not_end_in_five_seconds_is_left_to_the_relay() {
    let house = House::new();
    let served = house.serve().await;
    let mut idle = house.greeted().await;
    let mut sending = house.greeted().await;
    sending.begin().await;
    let before = Instant::now();
    served.shutdown.cancel();
    idle.expect("421 4.3.2").await;
    for _ in 0..4 {
        sending.send("x\r\n").await;
        advance(Duration::from_secs(1)).await;
    }
    sending.expect("421 4.3.2 shutting down").await;
    sending.closed().await;
    assert_eq!(before.elapsed().as_secs(), 5);
    assert!(house.shelf.kept().is_empty());
}

#[tokio::test]
async fn a_store_that_hangs_does_not_hold_up_the_end() {
    let house = House::gated(|_| {});
    let served = house.serve().await;
    let mut committing = served.connect().await;
    committing.begin().await;
    committing.send("x\r\n.\r\n").await;
    house.shelf.asked.notified().await;
    pause();
    let before = Instant::now();
    served.shutdown.cancel();
    served.task.await.unwrap();
    assert_eq!(before.elapsed().as_secs(), 8);
}

#[tokio::test(start_paused = true)]
async fn who_comes_while_the_server_shuts_down_is_told_so() {
    let house = House::new();
    let served = house.serve().await;
    served.shutdown.cancel();
    served.task.await.unwrap();
    let mut late = house.connect_from(crate::harness::LOCAL);
    late.expect("421 4.3.2 shutting down").await;
    late.closed().await;
}
