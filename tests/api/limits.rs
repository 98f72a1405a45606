//! How much, how many, how long.

use std::io::Write;
use std::time::{Duration, Instant};

use serde_json::json;

use super::house::{House, post, register, with};
use super::http::{Answer, Request, connect};

#[test]
fn a_body_of_64_kib_is_read_and_a_byte_more_is_too_much() {
    let house = House::new();
    let body = with(register("ours.de"), json!({"action": "renew"})).to_string();
    let padded = |length: usize| {
        let mut text = body.clone();
        text.push_str(&" ".repeat(length - body.len()));
        Request::new("POST", "/api/v1/orders")
            .token(&house.token)
            .key("shop-order-1")
            .header("Content-Type", "application/json")
            .bytes(text)
    };
    assert_eq!(house.send(&padded(64 * 1024)).status, 200);
    for length in [64 * 1024 + 1, 300 * 1024] {
        let answer = house.send(&padded(length));
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (413, "E09"),
            "{length}"
        );
    }
    // The same in pieces, whose sum nobody announced.
    for (length, status) in [(64 * 1024, 200), (64 * 1024 + 1, 413)] {
        let request = padded(length).header("Transfer-Encoding", "chunked");
        let mut stream = connect(house.address);
        stream.write_all(request.head(0).as_bytes()).unwrap();
        for piece in request.body.chunks(16 * 1024) {
            write!(stream, "{:x}\r\n", piece.len()).unwrap();
            stream.write_all(piece).unwrap();
            stream.write_all(b"\r\n").unwrap();
        }
        stream.write_all(b"0\r\n\r\n").unwrap();
        let answer = Answer::read(stream);
        assert_eq!(answer.status, status, "{answer:?}");
    }
}

#[test]
fn more_than_64_at_once_are_told_to_come_again_and_none_takes_longer_than_30_seconds() {
    let house = House::new();
    let slow = post(&house.token, "shop-order-2", &register("neuland.de"));
    let begun = Instant::now();
    // Their bodies never come.
    let hold = || {
        let mut stream = connect(house.address);
        let head = slow.head(slow.body.len());
        stream.write_all(head.as_bytes()).unwrap();
        stream
    };
    let mut waiting: Vec<_> = (0..63).map(|_| hold()).collect();
    let answer = loop {
        // One that comes while we ask may find no room; so it is one more each time.
        waiting.push(hold());
        std::thread::sleep(Duration::from_millis(100));
        let answer = house.get("/api/v1/orders");
        if answer.status != 200 {
            break answer;
        }
        assert!(waiting.len() < 80, "no bound");
    };
    assert_eq!((answer.status, answer.code().as_str()), (503, "E15"));
    assert!(answer.header("retry-after").is_some());
    // Health is asked for meanwhile.
    let health = Request::new("GET", "/readyz").send(house.address);
    assert_eq!((health.status, health.text.as_str()), (200, "ready\n"));
    // One that ends makes room for one.
    drop(waiting.pop());
    let deadline = Instant::now() + Duration::from_secs(5);
    while house.get("/api/v1/orders").status != 200 {
        assert!(Instant::now() < deadline, "no room");
        std::thread::sleep(Duration::from_millis(50));
    }
    let answers: Vec<_> = waiting.into_iter().map(Answer::read).collect();
    let codes: Vec<_> = answers
        .iter()
        .map(|answer| (answer.status, answer.code()))
        .collect();
    let late = codes.iter().filter(|one| **one == (408, "E16".to_owned()));
    assert_eq!(late.count(), 63, "{codes:?}");
    let taken = begun.elapsed().as_secs();
    assert!((29..45).contains(&taken), "{taken} s");
    assert!(house.objects(&["order", "list"]).is_empty());
}
