//! An SMTP session over a script: whatever the bytes and wherever they are cut, what is kept is what
//! [`super::said`] makes of bytes and replies.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use stichtag::model::{Inbound, InboundId};
use stichtag::receive::smtp::{Admission, SmtpServer, SmtpSettings, Xforward};
use stichtag::receive::{Inbox, KeepError, Reply};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::said;

/// Bytes before the dialogue itself: the sizes of its pieces in turn (0: all that is left), then a
/// bit for each of the first eight mails that the inbox cannot keep.
const PREFIX: usize = 5;

/// Small, so that short inputs reach every bound.
fn settings() -> SmtpSettings {
    SmtpSettings {
        hostname: "mx.example.net".to_owned(),
        trusted_relays: vec!["127.0.0.0/8".parse().expect("a network")],
        xforward: Xforward::Use,
        max_message_size: said::MESSAGE_MAX,
        max_connections: 2,
        max_connections_per_peer: 2,
        max_line: said::LINE_MAX,
        max_recipients: 3,
        max_commands: 60,
        session_timeout: Duration::from_secs(600),
        command_timeout: Duration::from_secs(60),
    }
}

struct Routes;

impl Admission for Routes {
    fn recipient(&self, mail_from: &str, recipient: &str) -> Result<(), Reply> {
        if mail_from.starts_with("refused") {
            Err(Reply::sender_refused())
        } else if recipient.ends_with("@example.de") {
            Ok(())
        } else {
            Err(Reply::unknown_recipient())
        }
    }
}

#[derive(Default)]
struct Shelf {
    refused: u8,
    kept: Mutex<(u32, Vec<Inbound>)>,
}

#[async_trait]
impl Inbox for Shelf {
    async fn keep(&self, mail: Inbound) -> Result<InboundId, KeepError> {
        let mut shelf = lock(&self.kept);
        let number = shelf.0;
        shelf.0 += 1;
        match self.refused.checked_shr(number) {
            Some(bits) if bits & 3 == 3 => return Err(KeepError::Full),
            Some(bits) if bits & 1 == 1 => return Err(KeepError::Failed("disk".to_owned())),
            _ => {}
        }
        shelf.1.push(mail);
        Ok(InboundId(shelf.1.len() as i64))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The client's side: says its bytes in pieces, hangs up, and remembers what it was told.
struct Script {
    rest: Vec<u8>,
    at: usize,
    sizes: [u8; PREFIX - 1],
    reads: usize,
    answers: Arc<Mutex<Vec<u8>>>,
}

impl AsyncRead for Script {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let script = self.get_mut();
        let rest = &script.rest[script.at..];
        let size = match script.sizes[script.reads % script.sizes.len()] {
            0 => rest.len(),
            size => usize::from(size).min(rest.len()),
        };
        let size = size.min(buffer.remaining());
        buffer.put_slice(&rest[..size]);
        script.at += size;
        script.reads += 1;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Script {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        lock(&self.answers).extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

thread_local! {
    static RUNTIME: tokio::runtime::Runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
}

/// A whole session.
pub fn smtp(data: &[u8]) {
    let Some((&[first, second, third, fourth, refused], dialogue)) = data.split_first_chunk()
    else {
        return;
    };
    let shelf = Arc::new(Shelf {
        refused,
        ..Shelf::default()
    });
    let now = || Timestamp::UNIX_EPOCH;
    let answers = Arc::new(Mutex::new(Vec::new()));
    let script = Script {
        rest: dialogue.to_vec(),
        at: 0,
        sizes: [first, second, third, fourth],
        reads: 0,
        answers: answers.clone(),
    };
    RUNTIME.with(|runtime| {
        runtime.block_on(async {
            let settings = Arc::new(settings());
            let server = SmtpServer::new(settings, Arc::new(Routes), shelf.clone(), Arc::new(now));
            server
                .session(script, IpAddr::V4(Ipv4Addr::LOCALHOST))
                .await;
        });
    });
    let expected = said::kept(dialogue, &lock(&answers));
    let shelf = lock(&shelf.kept);
    assert_eq!(shelf.1.len(), expected.len());
    for (mail, expected) in shelf.1.iter().zip(expected) {
        assert_eq!(
            mail.raw.escape_ascii().to_string(),
            expected.raw.escape_ascii().to_string()
        );
        let senders = [expected.sender, mail.envelope.mail_from.clone()];
        if let [Some(expected), Some(kept)] = &senders {
            assert_eq!(expected, kept);
        }
        assert_eq!(mail.envelope.recipients.len(), expected.recipients.len());
        for (kept, expected) in mail.envelope.recipients.iter().zip(&expected.recipients) {
            assert!(
                expected.as_ref().is_none_or(|expected| expected == kept),
                "{kept}"
            );
        }
    }
}
