//! What the SMTP server writes into the log. A process of its own, because the log is global.

#[allow(dead_code, reason = "shared with tests/smtp, which uses all of it")]
#[path = "smtp/harness.rs"]
mod harness;

use std::io::Write;
use std::sync::{Arc, Mutex};

use harness::{Fault, House};
use tracing_subscriber::fmt::MakeWriter;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Log;

    fn make_writer(&'a self) -> Log {
        self.clone()
    }
}

#[tokio::test]
async fn the_log_names_ids_and_at_no_level_addresses_or_bodies() {
    let log = Log::default();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .with_ansi(false)
        .init();
    let house = House::new();
    let mut client = house.greeted().await;
    client
        .ask("XFORWARD ADDR=192.0.2.9 IDENT=4XyZ12", "250")
        .await;
    client
        .mail("Subject: secretword\r\n", "250 2.0.0 kept as 1")
        .await;
    for fault in [Fault::Full, Fault::Failed] {
        house.shelf.next(fault);
        client.mail("secretword\r\n", "45").await;
    }
    for line in [
        "MAIL FROM:<sender@example.de> X=1",
        "MAIL FROM:<sender @example.de>",
        "MAIL FROM:sender@example.de",
        "EXPN sender@example.de",
        "VRFY sender@example.de",
        "AUTH PLAIN secretword",
        "sender@example.de",
    ] {
        client.ask(line, "").await;
    }
    client.begin().await;
    client.send("secretword\n").await;
    client.expect("550").await;
    client.closed().await;

    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains("mailin"), "mailin's own lines are in it");
    for line in [
        "kept as 1",
        "4XyZ12",
        "session=",
        "no room to keep messages",
        "bare <LF> in message",
    ] {
        assert!(text.contains(line), "{line} is missing in {text}");
    }
    for secret in [
        "sender@",
        "@example.de",
        "registry.example.net>",
        "secretword",
    ] {
        assert!(!text.contains(secret), "{secret} is in {text}");
    }
}
