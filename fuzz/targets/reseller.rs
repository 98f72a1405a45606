//! What CentralNic Reseller sends beside mail: answers of its API, frames of EPP, links.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use stichtag::model::{ResellerReply, read_link, read_typed};
use stichtag::parse;
use stichtag::wire::epp::{EppGreeting, EppHead, EppLogin, EppSession};
use stichtag::wire::reseller::Pace;
use stichtag::wire::rri::trust;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{judge, secret};

/// Commands asked of one server.
const COMMANDS: usize = 4;

/// A message of the poll queue becomes an event, and no trigger code is shown.
pub fn centralnic_poll(raw: &[u8]) {
    parse::detect(raw);
    let read = parse::centralnic_poll(raw);
    secret::check(&read, raw);
    judge(read, raw);
    let head = EppHead::read(raw);
    assert!(head.msgid.is_none_or(|id| !id.is_empty()));
    EppGreeting::read(raw);
}

/// An answer of the API becomes an event, and no trigger code is shown. The first line is what was asked.
pub fn centralnic_api(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n');
    let (asked, raw) = data.split_at(end.unwrap_or(0));
    let raw = raw.strip_prefix(b"\n").unwrap_or(raw);
    parse::detect(raw);
    let asked = String::from_utf8_lossy(asked);
    for asked in [Some(&*asked), None] {
        let read = parse::centralnic_api(raw, asked);
        secret::check(&read, raw);
        judge(read, raw);
    }
}

/// An answer is whole, or none: whatever stands behind its end changes nothing.
pub fn reply(raw: &[u8]) {
    let Ok(reply) = ResellerReply::read(raw) else {
        return;
    };
    assert!((100..=999).contains(&reply.code), "{}", reply.code);
    assert!(!reply.description.is_empty());
    let more = [raw, b"\ncode = 999\n"].concat();
    assert!(ResellerReply::read(&more).is_ok_and(|again| again == reply));
}

/// A link, or a typed code: what is read of it can be read again.
pub fn link(raw: &[u8]) {
    let text = String::from_utf8_lossy(raw);
    if let Ok((code, _)) = read_link(&text) {
        assert!(!code.expose().is_empty());
    }
    if let Ok(code) = read_typed(&text) {
        assert!(!code.expose().contains(char::is_whitespace));
    }
}

/// All that a server says, whatever it is asked.
struct Server<'a>(&'a [u8]);

impl AsyncRead for Server<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        // In pieces of seven bytes, as a network may.
        let (now, later) = self.0.split_at(self.0.len().min(7).min(into.remaining()));
        into.put_slice(now);
        self.0 = later;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Server<'_> {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        said: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Poll::Ready(Ok(said.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// What a server says in a session: no frame is longer than what came, and the password is not repeated.
pub fn epp(said: &[u8]) {
    const PASSWORD: &str = "not-a-real-password";
    thread_local! {
        static TRUST: stichtag::wire::rri::Trust =
            trust(None).expect("the system has certificates, or none");
    }
    let login = EppLogin {
        host: "localhost".to_owned(),
        port: 700,
        trust: TRUST.with(Clone::clone),
        user: b"samplereseller".to_vec().into(),
        password: PASSWORD.as_bytes().to_vec().into(),
        pace: Pace::new(Duration::ZERO),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let mut session = match EppSession::over(Server(said), &login).await {
            Ok(session) => session,
            Err(error) => {
                assert!(!format!("{error} {error:?}").contains(PASSWORD));
                return;
            }
        };
        for _ in 0..COMMANDS {
            let Ok((frame, head)) = session.poll().await else {
                return;
            };
            assert!(frame.len() + 4 <= said.len());
            if let Some(id) = head.msgid
                && session.acknowledge(&id).await.is_err()
            {
                return;
            }
        }
        session.close().await;
    });
}
