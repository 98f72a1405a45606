//! A whole server while DNS is silent: receiving does not know of DNS.

use std::time::Duration;

use stichtag::clock::Clock;
use stichtag::simulate::{dns_static, submit};
use stichtag::store::MessageVerdict::Applied;
use stichtag::store::{LogEntry, LogFilter, Store};

use super::dns::{DnsServer, Mood};
use super::house::{LIVE, TO, config, received, registry, signed};

const MAILS: usize = 20;

async fn log(store: &dyn Store, is_done: impl Fn(&[LogEntry]) -> bool) -> Vec<LogEntry> {
    for _ in 0..600 {
        let entries = store.log(&LogFilter::default()).await.unwrap();
        if is_done(&entries) {
            return entries;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{:?}", store.log(&LogFilter::default()).await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mail_is_accepted_while_dns_is_silent_and_applied_when_it_answers() {
    let dns = DnsServer::start(dns_static([&registry()])).await;
    dns.set(Mood::Silent);
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let variables = [
        ("SERVER__DATA_DIR", data),
        ("SERVER__SMTP_LISTEN", "[\"127.0.0.1:0\"]"),
        ("SERVER__ADMIN_LISTEN", ""),
        ("STORE__MIN_FREE", "0"),
    ];
    let config = config(&dns.setting(), &Default::default(), &variables);
    let clock = Clock::system();
    clock.set(received());
    let running = stichtag::serve::start(&config, clock.clone())
        .await
        .unwrap();
    for number in 0..MAILS {
        let raw = signed(&format!("domain-{number}.de"));
        let reply = submit(running.bound.smtp[0], LIVE, &[TO], &raw)
            .await
            .unwrap();
        assert!(reply.starts_with("250 2.0.0 kept as"), "{reply}");
    }
    let waits = |entries: &[LogEntry]| {
        entries.iter().all(|entry| entry.waits_for.is_some()) && entries.len() == MAILS
    };
    let entries = log(&*running.store, waits).await;
    assert!(entries.iter().all(|entry| entry.decision.is_none()));
    dns.set(Mood::Answers);
    clock.set(received() + jiff::SignedDuration::from_mins(5));
    let applied = |entry: &LogEntry| {
        let decision = entry.decision.as_ref();
        decision.is_some_and(|decision| decision.verdict == Applied)
    };
    log(&*running.store, |entries| entries.iter().all(applied)).await;
    running.stop().await;
}
