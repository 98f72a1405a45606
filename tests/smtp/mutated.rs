//! Ten thousand dialogues that went wrong: whatever comes in, the server answers or closes, and
//! what it says was kept was kept.

use std::collections::HashSet;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::Config;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::harness::House;

const SIZE_MAX: usize = 600;

const VALID: &str = "EHLO relay.example.net\r\n\
    XFORWARD NAME=mx.example.de ADDR=192.0.2.9 IDENT=4XyZ\r\n\
    MAIL FROM:<a@example.de> SIZE=100 BODY=8BITMIME\r\n\
    RCPT TO:<denic@registry.example.net>\r\n\
    DATA\r\n\
    Subject: one\r\n\r\n..stuffed\r\n.x\r\n.\r\n\
    NOOP\r\n\
    MAIL FROM:<>\r\n\
    RCPT TO:<postmaster>\r\n\
    RCPT TO:<x@example.de>\r\n\
    DATA\r\n\
    .\r\n\
    RSET\r\n\
    MAIL FROM:<b@example.de>\r\n\
    RCPT TO:<denic@registry.example.net>\r\n\
    DATA\r\n\
    two\r\n.\r\n\
    QUIT\r\n";

/// One thing that goes wrong. Places count modulo what is there.
#[derive(Clone, Debug)]
enum Mutation {
    Byte(usize, u8),
    Insert(usize, Vec<u8>),
    Remove(usize, usize),
    SwapLines(usize, usize),
    RepeatLine(usize, usize),
    Cut(usize),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let place = any::<usize>;
    let telling = prop::sample::select(&b"\r\n\0.<> \xe4\x7f:=+"[..]);
    let byte = prop_oneof![3 => telling, 1 => any::<u8>()];
    let end = prop::sample::select(vec![
        &b"\r\n.\r\n"[..],
        b"\n.\n",
        b"\r.\r",
        b"\r\r\n",
        b".\r\n",
        b"DATA\r\n",
        b"RSET\r\n",
        b"..",
    ]);
    let bytes = prop_oneof![
        2 => end.prop_map(<[u8]>::to_vec),
        1 => prop::collection::vec(any::<u8>(), 1..20),
        1 => (1..3000usize).prop_map(|count| vec![b'x'; count]),
    ];
    prop_oneof![
        3 => (place(), byte).prop_map(|(at, byte)| Mutation::Byte(at, byte)),
        3 => (place(), bytes).prop_map(|(at, bytes)| Mutation::Insert(at, bytes)),
        2 => (place(), 1..30usize).prop_map(|(at, count)| Mutation::Remove(at, count)),
        2 => (place(), place()).prop_map(|(one, two)| Mutation::SwapLines(one, two)),
        1 => (place(), 2..30usize).prop_map(|(line, times)| Mutation::RepeatLine(line, times)),
        1 => place().prop_map(Mutation::Cut),
    ]
}

impl Mutation {
    fn apply(self, input: &mut Vec<u8>) {
        let len = input.len().max(1);
        match self {
            Mutation::Byte(at, byte) => {
                if let Some(there) = input.get_mut(at % len) {
                    *there = byte;
                }
            }
            Mutation::Insert(at, bytes) => {
                let at = (at % len).min(input.len());
                input.splice(at..at, bytes);
            }
            Mutation::Remove(at, count) => {
                let at = (at % len).min(input.len());
                input.drain(at..(at + count).min(input.len()));
            }
            Mutation::SwapLines(one, two) => {
                let mut lines = lines(input);
                let count = lines.len();
                if count > 0 {
                    lines.swap(one % count, two % count);
                }
                *input = lines.concat();
            }
            Mutation::RepeatLine(line, times) => {
                let mut lines = lines(input);
                if !lines.is_empty() {
                    let line = line % lines.len();
                    lines[line] = lines[line].repeat(times);
                }
                *input = lines.concat();
            }
            Mutation::Cut(at) => input.truncate(at % len),
        }
    }
}

fn lines(input: &[u8]) -> Vec<Vec<u8>> {
    input
        .split_inclusive(|byte| *byte == b'\n')
        .map(<[u8]>::to_vec)
        .collect()
}

fn dialogue() -> impl Strategy<Value = Vec<u8>> {
    let mutated = prop::collection::vec(mutation(), 0..6).prop_map(|mutations| {
        let mut input = VALID.as_bytes().to_vec();
        mutations
            .into_iter()
            .for_each(|mutation| mutation.apply(&mut input));
        input
    });
    let random = prop::collection::vec(any::<u8>(), 0..400);
    prop_oneof![19 => mutated, 1 => random]
}

/// What every `DATA` line of `input` would bring, if it were taken as a command: the bytes up to the
/// first CRLF.CRLF, dot-stuffing undone line by line.
fn sections(input: &[u8]) -> HashSet<Vec<u8>> {
    let mut found = HashSet::new();
    let mut at = 0;
    for line in lines(input) {
        at += line.len();
        if !line.trim_ascii_end().eq_ignore_ascii_case(b"DATA") {
            continue;
        }
        let mut raw = Vec::new();
        for line in lines(&input[at..]) {
            if line == b".\r\n" {
                found.insert(raw);
                break;
            }
            raw.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
        }
    }
    found
}

/// Speaks `input` in pieces, hangs up or falls silent, and returns all that was answered.
async fn speak(house: &House, input: &[u8], piece: usize, hang_up: bool) -> String {
    let (near, far) = tokio::io::duplex(1 << 20);
    let server = house.server.clone();
    let session = tokio::spawn(async move { server.session(far, crate::harness::LOCAL).await });
    let (mut replies, mut commands) = tokio::io::split(near);
    for piece in input.chunks(piece) {
        if commands.write_all(piece).await.is_err() {
            break;
        }
        tokio::task::yield_now().await;
    }
    if hang_up {
        let _ = commands.shutdown().await;
    }
    let mut answered = Vec::new();
    let all = tokio::time::timeout(
        Duration::from_secs(3600),
        replies.read_to_end(&mut answered),
    );
    all.await.expect("the server closes in the end").unwrap();
    session.await.expect("no panic");
    String::from_utf8(answered).expect("replies are ASCII")
}

#[test]
fn a_mutated_dialogue_is_answered_or_closed_and_keeps_what_it_says() {
    let config = Config {
        cases: 10_000,
        failure_persistence: None,
        ..Config::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let piece = prop_oneof![Just(1usize), 2..50usize, Just(usize::MAX)];
    proptest!(config, |(input in dialogue(), piece in piece, hang_up: bool)| {
        let (house, answered) = runtime.block_on(async {
            let house = House::with(|settings| {
                settings.max_message_size = SIZE_MAX;
                settings.max_line = 200;
            });
            let answered = speak(&house, &input, piece, hang_up).await;
            (house, answered)
        });
        prop_assert!(answered.starts_with("220 mx.example.net ESMTP\r\n"));
        let mut said_kept = 0;
        for line in answered.split_inclusive('\n') {
            prop_assert!(line.ends_with("\r\n") && line.is_ascii(), "{:?}", line);
            prop_assert!(line.as_bytes()[..3].iter().all(u8::is_ascii_digit), "{:?}", line);
            said_kept += usize::from(line.starts_with("250 2.0.0 kept as"));
        }
        let kept = house.shelf.kept();
        prop_assert_eq!(said_kept, kept.len());
        let sections = sections(&input);
        for mail in kept {
            prop_assert!(mail.raw.len() <= SIZE_MAX);
            prop_assert!(sections.contains(&mail.raw), "{:?}", mail.raw.escape_ascii().to_string());
        }
        if !hang_up {
            let last = answered.lines().last().unwrap_or_default();
            let ended = ["421", "221", "500", "550", "552"].iter().any(|code| last.starts_with(code));
            prop_assert!(ended, "closed with a reason: {}", last);
        }
    });
}

#[test]
fn the_dialogue_that_is_mutated_is_valid() {
    assert_eq!(sections(VALID.as_bytes()).len(), 3);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let house = House::new();
        speak(&house, VALID.as_bytes(), usize::MAX, false).await;
        assert_eq!(
            house.shelf.raw(),
            ["Subject: one\r\n\r\n.stuffed\r\nx\r\n", "", "two\r\n"]
        );
    });
}
