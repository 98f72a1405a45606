//! What the SMTP server keeps in memory. A process of its own, because it measures the process.
#![cfg(target_os = "linux")]

#[allow(dead_code, reason = "shared with tests/smtp, which uses all of it")]
#[path = "smtp/harness.rs"]
mod harness;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use futures_util::future::join_all;
use harness::{Client, LOCAL, Routes, received_at, settings};
use stichtag::model::InboundId;
use stichtag::receive::smtp::SmtpServer;
use stichtag::receive::{KeepBatch, KeepError, Keeper};
use stichtag::store::Sealed;
use tokio::io::{DuplexStream, duplex};

/// Memory of this process now, in KiB; both ends of each connection are in it.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Looks at the memory while it holds a full batch, then forgets the mails.
#[derive(Default)]
struct Scale(AtomicU64);

#[async_trait]
impl KeepBatch for Scale {
    async fn keep(&self, mails: Vec<Sealed>) -> Result<Vec<InboundId>, KeepError> {
        self.0
            .fetch_max(resident(), std::sync::atomic::Ordering::SeqCst);
        Ok(mails.iter().map(|_| InboundId(1)).collect())
    }
}

fn server() -> (Arc<Scale>, Arc<SmtpServer>) {
    let scale = Arc::new(Scale::default());
    let (keeper, _task) = Keeper::start(scale.clone(), 256);
    let (routes, clock) = (Arc::new(Routes), Arc::new(received_at));
    (
        scale,
        SmtpServer::new(Arc::new(settings()), routes, Arc::new(keeper), clock),
    )
}

async fn connect(server: &Arc<SmtpServer>) -> Client<DuplexStream> {
    let (near, far) = duplex(16 * 1024);
    let server = server.clone();
    tokio::spawn(async move { server.session(far, LOCAL).await });
    let mut client = Client::new(near);
    client.expect("220").await;
    client.ask("EHLO relay.example.net", "250").await;
    client
}

#[tokio::test]
async fn idle_connections_and_large_mails_stay_small_in_memory() {
    let (_, quiet) = server();
    let before = resident();
    let mut idle = Vec::new();
    for _ in 0..1200 {
        idle.push(connect(&quiet).await);
    }
    let grown = resident() - before;
    assert!(grown < 20 * 1024, "1,200 idle connections take {grown} KiB");
    for client in &mut idle {
        client
            .mail(&format!("{}\r\n", "x".repeat(100_000)), "250 2.0.0")
            .await;
    }
    let mails = resident() - before;
    // The pipes of the test keep what they once grew to; the sessions give theirs back.
    let pipes = 1200 * 16;
    assert!(
        mails < 20 * 1024 + pipes,
        "after a mail each they take {mails} KiB"
    );
    drop(idle);

    let (scale, busy) = server();
    let body = format!("{}\r\n", "x".repeat(998)).repeat(262);
    join_all((0..64).map(|_| async {
        let mut client = connect(&busy).await;
        for _ in 0..4 {
            client.begin().await;
            // In pieces, so that all 64 are in the middle of their mail together.
            for piece in body.as_bytes().chunks(8 * 1024) {
                client.send(piece).await;
                tokio::task::yield_now().await;
            }
            client.send(".\r\n").await;
            client.expect("250 2.0.0").await;
        }
    }))
    .await;
    let grown = scale.0.load(Ordering::SeqCst).saturating_sub(before);
    assert!(grown < 100 * 1024, "64 mails of 256 KiB take {grown} KiB");
}
