//! A message that breaks the program: it is held with the way to where it broke, and nothing else
//! suffers. The steps of a real server are replaced by ones that break on a mark.

use std::time::Duration;

use jiff::Timestamp;
use stichtag::authenticate::Policy;
use stichtag::clock::Clock;
use stichtag::config::Config;
use stichtag::model::{Evidence, Inbound, InboundId, reason};
use stichtag::process::{self, Reading, Rules, Steps};
use stichtag::serve::{self, Running};
use stichtag::simulate::submit;
use stichtag::store::MessageVerdict::{self, Applied, Held};
use stichtag::store::{AuditEntry, Change, Claimed, LogEntry, LogFilter, World};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::desk::{CONNECT, TO_LIVE, at, config, dedelegation, deletion, mail};

const READ: &str = "X-Poison: read";
const DECIDE: &str = "X-Poison: decide";

fn has(raw: &[u8], mark: &str) -> bool {
    raw.windows(mark.len())
        .any(|bytes| bytes == mark.as_bytes())
}

/// An index like any other, and too large.
fn third_of(parts: &[u8]) -> u8 {
    parts[std::hint::black_box(2)]
}

fn read(
    policy: &Policy,
    inbound: &Inbound,
    evidence: Option<&Evidence>,
    is_released: bool,
) -> Reading {
    if has(&inbound.raw, READ) {
        third_of(&inbound.raw[..1]);
    }
    process::read(policy, inbound, evidence, is_released)
}

fn decide(
    rules: &Rules,
    world: &mut World,
    message: &Claimed,
    reading: &Reading,
    now: Timestamp,
) -> Change {
    if !has(&message.inbound.raw, DECIDE) || reading.is_held() {
        return process::decide(rules, world, message, reading, now);
    }
    // Half of the work is done when it breaks: what others see next must not be this.
    process::decide(rules, world, message, reading, now);
    world.domains.clear();
    panic!("nobody has thought of this");
}

/// The registry's mail about a domain of this number.
fn about(number: usize, mark: Option<&str>) -> Vec<u8> {
    let asks = [
        dedelegation("2026-07-02T08:30:00+02:00"),
        deletion("2026-09-02T08:30:00+02:00"),
    ];
    let raw = mail(
        &format!("domain-{number}.de"),
        "Tue, 05 May 2026 08:30:05 +0200",
        &["DENIC-1000888-A"],
        &[CONNECT, &asks[0], &asks[1]],
    );
    match mark {
        None => raw,
        Some(mark) => [format!("{mark}\r\n").into_bytes(), raw].concat(),
    }
}

fn in_folder(folder: &tempfile::TempDir) -> Config {
    config(&[
        ("STICHTAG_SERVER__DATA_DIR", folder.path().to_str().unwrap()),
        ("STICHTAG_SERVER__SMTP_LISTEN", "[\"127.0.0.1:0\"]"),
        ("STICHTAG_SERVER__ADMIN_LISTEN", "127.0.0.1:0"),
        ("STICHTAG_STORE__MIN_FREE", "0"),
        ("STICHTAG_DOMAINS__UNKNOWN_DOMAIN", "create"),
        ("STICHTAG_NOTICES__MODE", "observe"),
        ("STICHTAG_PROCESS__WORKERS", "1"),
    ])
}

async fn start(folder: &tempfile::TempDir, steps: Steps) -> Running {
    let config = in_folder(folder);
    let clock = Clock::system();
    clock.set(at("2026-05-05T06:30:10Z"));
    let rules = Rules {
        steps,
        ..serve::rules(&config)
    };
    serve::start_with(&config, clock, rules).await.unwrap()
}

async fn send(running: &Running, raw: &[u8]) {
    let from = "registry-response@denic.de";
    let reply = submit(running.bound.smtp[0], from, &[TO_LIVE], raw)
        .await
        .unwrap();
    assert!(reply.starts_with("250 2.0.0 kept as"), "{reply}");
}

/// The log, once so many messages are decided.
async fn decided(running: &Running, count: usize) -> Vec<LogEntry> {
    for _ in 0..600 {
        let entries = running.store.log(&LogFilter::default()).await.unwrap();
        let done = entries
            .iter()
            .filter(|entry| entry.decision.is_some() && !entry.is_waiting);
        if done.count() == count {
            return entries;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{:?}", running.store.log(&LogFilter::default()).await);
}

/// The messages that are alarmed themselves.
async fn alarmed(running: &Running) -> Vec<InboundId> {
    let mut alarms = running.store.alarms().await.unwrap();
    alarms.retain(|alarm| alarm.key.starts_with("message:"));
    alarms.iter().filter_map(|alarm| alarm.message).collect()
}

fn verdicts(entries: &[LogEntry]) -> Vec<MessageVerdict> {
    let decided = entries.iter().filter_map(|entry| entry.decision.as_ref());
    decided.map(|decision| decision.verdict).collect()
}

async fn is_ready(running: &Running) -> bool {
    let mut peer = tokio::net::TcpStream::connect(running.bound.admin.unwrap())
        .await
        .unwrap();
    let ask = b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    peer.write_all(ask).await.unwrap();
    let mut reply = String::new();
    peer.read_to_string(&mut reply).await.unwrap();
    reply.starts_with("HTTP/1.1 200")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_breaks_the_server_is_held_with_the_way_there_and_the_next_is_applied() {
    let folder = tempfile::tempdir().unwrap();
    let running = start(&folder, Steps { read, decide }).await;
    let marks = [None, Some(READ), None, Some(DECIDE), None, Some(READ), None];
    for (number, mark) in marks.into_iter().enumerate() {
        send(&running, &about(number, mark)).await;
    }
    let entries = decided(&running, marks.len()).await;
    let expected = marks.map(|mark| if mark.is_some() { Held } else { Applied });
    assert_eq!(verdicts(&entries), expected);
    assert!(is_ready(&running).await);
    for (entry, mark) in entries.iter().zip(marks) {
        let Some(mark) = mark else { continue };
        let decision = entry.decision.as_ref().unwrap();
        let codes: Vec<_> = decision.reasons.iter().map(|reason| reason.code).collect();
        assert!(codes.contains(&reason::PANIC), "{mark}: {codes:?}");
        let (what, call) = match mark {
            READ => (
                "index out of bounds: the len is 1 but the index is 2",
                "third_of",
            ),
            _ => ("nobody has thought of this", "decide"),
        };
        let trace = decision.trace.join("\n");
        let line = format!("panic: {what} (at tests/process/poison.rs:");
        assert!(trace.contains(&line), "{mark}: {trace}");
        let calls: Vec<_> = decision
            .trace
            .iter()
            .filter(|step| step.starts_with("called from "))
            .collect();
        assert!(
            calls.iter().any(|step| step.contains(call)) && calls.len() > 1,
            "{mark}: {trace}"
        );
        assert!(!trace.contains("/rustc/"), "{trace}");
    }
    // Of what could not be read nobody knows the deadline: somebody is told at once. The other's is
    // known, and is looked after like that of every held message.
    assert_eq!(alarmed(&running).await, [2, 6].map(InboundId));
    assert_eq!(
        entries[3].decision.as_ref().unwrap().deadline,
        Some(at("2026-07-02T06:30:00Z"))
    );
    running.stop().await;

    // A program that was mended reads them.
    let running = start(&folder, Steps::default()).await;
    let audit = AuditEntry {
        at: at("2026-05-05T07:00:00Z"),
        actor: "0 test".to_owned(),
        action: "replay".to_owned(),
        object: String::new(),
        detail: String::new(),
    };
    let held = [2, 4, 6].map(InboundId);
    running.store.requeue(&held, false, &audit).await.unwrap();
    let entries = decided(&running, marks.len()).await;
    assert_eq!(verdicts(&entries), [Applied; 7]);
    assert_eq!(alarmed(&running).await, []);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_one_batch_with_others_only_the_messages_that_break_are_held() {
    let folder = tempfile::tempdir().unwrap();
    let store = stichtag::store::open(&in_folder(&folder).store.url)
        .await
        .unwrap();
    let marks: Vec<_> = (0..60)
        .map(|number| match number % 20 {
            7 => Some(READ),
            13 => Some(DECIDE),
            _ => None,
        })
        .collect();
    let mails = marks.iter().enumerate().map(|(number, mark)| {
        let inbound = Inbound {
            source: stichtag::model::Source::DenicMail,
            received_at: at("2026-05-05T06:30:10Z"),
            envelope: stichtag::model::Envelope {
                mail_from: Some("registry-response@denic.de".to_owned()),
                recipients: vec![TO_LIVE.to_owned()],
                ..Default::default()
            },
            environment: None,
            raw: about(number, *mark),
        };
        stichtag::store::Sealed::new(inbound).unwrap()
    });
    store.keep(mails.collect()).await.unwrap();
    drop(store);
    let running = start(&folder, Steps { read, decide }).await;
    let entries = decided(&running, marks.len()).await;
    for (entry, mark) in entries.iter().zip(&marks) {
        let verdict = entry.decision.as_ref().unwrap().verdict;
        let expected = if mark.is_some() { Held } else { Applied };
        assert_eq!(verdict, expected, "{} {mark:?}", entry.id);
    }
    // What the others caused is whole: a domain, and a case for each.
    let good = marks.iter().filter(|mark| mark.is_none()).count();
    assert_eq!(running.store.domains(None, None).await.unwrap().len(), good);
    assert_eq!(running.store.cases(false).await.unwrap().len(), good);
    running.stop().await;
}
