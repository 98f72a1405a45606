//! Caps on connections, and who makes room.

use std::net::IpAddr;
use std::time::Duration;

use tokio::time::advance;

use crate::harness::{House, LOCAL};

fn peer(last: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, last])
}

#[tokio::test(start_paused = true)]
async fn at_the_limit_the_connection_idle_longest_makes_room() {
    let house = House::with(|settings| settings.max_connections = 3);
    let mut first = house.greeted().await;
    let mut second = house.greeted().await;
    let mut third = house.greeted().await;
    advance(Duration::from_secs(1)).await;
    first.ask("NOOP", "250").await;
    let mut newcomer = house.greeted().await;
    second.expect("421 4.3.2").await;
    second.closed().await;
    for client in [&mut first, &mut third, &mut newcomer] {
        client.mail("x\r\n", "250 2.0.0").await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_in_a_transaction_is_not_asked_to_leave() {
    let house = House::with(|settings| settings.max_connections = 3);
    let mut in_mail = house.greeted().await;
    in_mail.ask("MAIL FROM:<a@example.de>", "250").await;
    let mut in_data = house.greeted().await;
    in_data.begin().await;
    let mut idle = house.connect().await;
    advance(Duration::from_secs(1)).await;
    let mut newcomer = house.greeted().await;
    idle.expect("421 4.3.2").await;
    newcomer.begin().await;
    let mut refused = house.connect_from(LOCAL);
    refused.expect("421 4.3.2").await;
    refused.closed().await;
    in_mail.ask("RCPT TO:<postmaster>", "250").await;
    for client in [&mut in_data, &mut newcomer] {
        client.send("x\r\n.\r\n").await;
        client.expect("250 2.0.0").await;
    }
}

#[tokio::test]
async fn a_connection_that_waits_for_its_commit_is_not_asked_to_leave() {
    let house = House::gated(|settings| settings.max_connections = 1);
    let mut committing = house.greeted().await;
    committing.begin().await;
    committing.send("x\r\n.\r\n").await;
    house.shelf.asked.notified().await;
    let mut refused = house.connect_from(LOCAL);
    refused.expect("421 4.3.2").await;
    house.open_gate(1);
    committing.expect("250 2.0.0 kept as 1").await;
}

#[tokio::test(start_paused = true)]
async fn the_cap_per_peer_is_met_among_its_own_connections() {
    let house = House::with(|settings| settings.max_connections_per_peer = 2);
    let mut other = house.connect_from(peer(1));
    other.expect("220").await;
    advance(Duration::from_secs(1)).await;
    let mut first = house.connect_from(peer(2));
    first.expect("220").await;
    advance(Duration::from_secs(1)).await;
    let mut second = house.connect_from(peer(2));
    second.expect("220").await;
    let mut third = house.connect_from(peer(2));
    third.expect("220").await;
    first.expect("421 4.3.2").await;
    for client in [&mut second, &mut third] {
        client.ask("EHLO relay.example.net", "250").await;
        client.ask("MAIL FROM:<a@example.de>", "250").await;
    }
    let mut fourth = house.connect_from(peer(2));
    fourth.expect("421 4.3.2").await;
    other.ask("NOOP", "250").await;
}

#[tokio::test(start_paused = true)]
async fn a_thousand_idle_connections_stand_beside_a_delivery() {
    let house = House::new();
    let mut idle = Vec::new();
    for _ in 0..1000 {
        idle.push(house.connect().await);
    }
    let mut relay = house.greeted().await;
    for _ in 0..100 {
        relay.mail("x\r\n", "250 2.0.0").await;
    }
    for client in &mut idle {
        client.ask("NOOP", "250").await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_idle_connections_does_not_keep_a_relay_out() {
    let house = House::with(|settings| settings.max_connections = 50);
    let mut idle = Vec::new();
    for round in 0..200 {
        idle.push(house.connect().await);
        if round % 10 == 0 {
            let mut relay = house.greeted().await;
            relay.mail("x\r\n", "250 2.0.0").await;
        }
    }
    assert_eq!(house.shelf.kept().len(), 20);
}

#[tokio::test(start_paused = true)]
async fn connections_that_end_leave_their_place_to_others() {
    let house = House::with(|settings| settings.max_connections = 2);
    for _ in 0..10 {
        let mut first = house.greeted().await;
        let mut second = house.greeted().await;
        first.begin().await;
        second.begin().await;
        drop(first);
        second.send("x\r\n.\r\nQUIT\r\n").await;
        second.expect("250").await;
        second.expect("221").await;
        second.closed().await;
        // Lets both sessions end.
        advance(Duration::from_secs(3)).await;
    }
}
