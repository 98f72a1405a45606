//! A server with an inbox that remembers, and a client that says lines and reads replies.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use stichtag::model::{Inbound, InboundId};
use stichtag::receive::smtp::{Admission, SmtpServer, SmtpSettings, Xforward};
use stichtag::receive::{Inbox, KeepError, Reply};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, duplex};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub const LOCAL: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

/// What the inbox does with the next mail instead of keeping it.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    Full,
    Failed,
    Panic,
    Hang,
}

/// Remembers what it kept; ids count from 1.
#[derive(Default)]
pub struct Shelf {
    kept: Mutex<Vec<Inbound>>,
    faults: Mutex<VecDeque<Fault>>,
    pub gate: Option<Semaphore>,
    pub asked: Notify,
}

impl Shelf {
    pub fn kept(&self) -> Vec<Inbound> {
        self.kept.lock().unwrap().clone()
    }

    pub fn raw(&self) -> Vec<String> {
        let text = |mail: Inbound| String::from_utf8_lossy(&mail.raw).into_owned();
        self.kept().into_iter().map(text).collect()
    }

    pub fn next(&self, fault: Fault) {
        self.faults.lock().unwrap().push_back(fault);
    }
}

#[async_trait]
impl Inbox for Shelf {
    async fn keep(&self, mail: Inbound) -> Result<InboundId, KeepError> {
        self.asked.notify_one();
        if let Some(gate) = &self.gate {
            gate.acquire().await.unwrap().forget();
        }
        let fault = self.faults.lock().unwrap().pop_front();
        match fault {
            Some(Fault::Full) => return Err(KeepError::Full),
            Some(Fault::Failed) => return Err(KeepError::Failed("disk\r\n250 on fire".to_owned())),
            Some(Fault::Panic) => panic!("a fault in the store"),
            Some(Fault::Hang) => std::future::pending().await,
            None => {}
        }
        let mut kept = self.kept.lock().unwrap();
        kept.push(mail);
        Ok(InboundId(kept.len() as i64))
    }
}

/// Takes mail for `registry.example.net` and for `postmaster`.
pub struct Routes;

impl Admission for Routes {
    fn recipient(&self, mail_from: &str, recipient: &str) -> Result<(), Reply> {
        assert!(!recipient.contains("fault"), "a fault in the routes");
        if mail_from == "refused@example.de" {
            return Err(Reply::sender_refused());
        }
        let ours = recipient.ends_with("@registry.example.net") || recipient == "postmaster";
        if ours {
            Ok(())
        } else {
            Err(Reply::unknown_recipient())
        }
    }
}

pub fn settings() -> SmtpSettings {
    SmtpSettings {
        hostname: "mx.example.net".to_owned(),
        trusted_relays: vec![
            "127.0.0.0/8".parse().unwrap(),
            "192.0.2.0/24".parse().unwrap(),
        ],
        xforward: Xforward::Use,
        max_message_size: 256 * 1024,
        max_connections: 1200,
        max_connections_per_peer: 1200,
        max_line: 2048,
        max_recipients: 10,
        max_commands: 1000,
        session_timeout: Duration::from_secs(30 * 60),
        command_timeout: Duration::from_secs(60),
    }
}

pub fn received_at() -> Timestamp {
    "2026-11-21T09:30:00Z".parse().unwrap()
}

/// A server under test.
pub struct House {
    pub server: Arc<SmtpServer>,
    pub shelf: Arc<Shelf>,
}

impl House {
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    pub fn with(change: impl FnOnce(&mut SmtpSettings)) -> Self {
        Self::build(change, Shelf::default())
    }

    /// Nothing is kept before the gate has a permit for it.
    pub fn gated(change: impl FnOnce(&mut SmtpSettings)) -> Self {
        Self::build(
            change,
            Shelf {
                gate: Some(Semaphore::new(0)),
                ..Shelf::default()
            },
        )
    }

    fn build(change: impl FnOnce(&mut SmtpSettings), shelf: Shelf) -> Self {
        let mut settings = settings();
        change(&mut settings);
        let shelf = Arc::new(shelf);
        let (routes, clock) = (Arc::new(Routes), Arc::new(received_at));
        let server = SmtpServer::new(Arc::new(settings), routes, shelf.clone(), clock);
        House { server, shelf }
    }

    pub fn open_gate(&self, mails: usize) {
        self.shelf.gate.as_ref().unwrap().add_permits(mails);
    }

    /// A connection over a pipe in memory, nothing read yet.
    pub fn connect_from(&self, peer: IpAddr) -> Client<DuplexStream> {
        let (near, far) = duplex(64 * 1024);
        let server = self.server.clone();
        tokio::spawn(async move { server.session(far, peer).await });
        Client::new(near)
    }

    /// The same from this host, greeting read.
    pub async fn connect(&self) -> Client<DuplexStream> {
        let mut client = self.connect_from(LOCAL);
        client.expect("220 mx.example.net ESMTP").await;
        client
    }

    /// The same, EHLO said.
    pub async fn greeted(&self) -> Client<DuplexStream> {
        let mut client = self.connect().await;
        client
            .ask("EHLO relay.example.net", "250-mx.example.net")
            .await;
        client
    }

    /// Listens on a real socket.
    pub async fn serve(&self) -> Served {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(self.server.clone().serve(listener, shutdown.clone()));
        Served {
            address,
            shutdown,
            task,
        }
    }
}

pub struct Served {
    pub address: std::net::SocketAddr,
    pub shutdown: CancellationToken,
    pub task: JoinHandle<()>,
}

impl Served {
    pub async fn connect(&self) -> Client<TcpStream> {
        let mut client = Client::new(TcpStream::connect(self.address).await.unwrap());
        client.expect("220 mx.example.net ESMTP").await;
        client
            .ask("EHLO relay.example.net", "250-mx.example.net")
            .await;
        client
    }
}

pub struct Client<S> {
    pub stream: S,
    pending: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub fn new(stream: S) -> Self {
        Client {
            stream,
            pending: Vec::new(),
        }
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// One reply, all its lines; empty when the server has closed.
    pub async fn reply(&mut self) -> String {
        let mut reply = String::new();
        loop {
            while let Some(at) = self.pending.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.pending.drain(..=at).collect();
                let line = String::from_utf8(line).expect("replies are ASCII");
                assert!(line.ends_with("\r\n"), "{line:?}");
                reply.push_str(&line);
                if line.as_bytes()[3] == b' ' {
                    return reply;
                }
            }
            if !matches!(self.stream.read_buf(&mut self.pending).await, Ok(1..)) {
                return reply;
            }
        }
    }

    /// The next reply begins with this.
    pub async fn expect(&mut self, begins: &str) -> String {
        let reply = self.reply().await;
        assert!(
            reply.starts_with(begins),
            "{reply:?} does not begin with {begins:?}"
        );
        reply
    }

    pub async fn ask(&mut self, line: &str, begins: &str) -> String {
        self.send(format!("{line}\r\n")).await;
        let reply = self.reply().await;
        let shown: String = line.chars().take(60).collect();
        assert!(
            reply.starts_with(begins),
            "{shown:?}: {reply:?} does not begin with {begins:?}"
        );
        reply
    }

    /// MAIL, RCPT and DATA, up to the 354.
    pub async fn begin(&mut self) {
        self.ask("MAIL FROM:<sender@example.de>", "250 2.1.0").await;
        self.ask("RCPT TO:<denic@registry.example.net>", "250 2.1.5")
            .await;
        self.ask("DATA", "354 ").await;
    }

    /// A whole mail; `body` as it goes over the wire, without the final dot.
    pub async fn mail(&mut self, body: &str, begins: &str) {
        self.begin().await;
        self.send(format!("{body}.\r\n")).await;
        self.expect(begins).await;
    }

    /// The server says nothing more and has closed.
    pub async fn closed(&mut self) {
        assert_eq!(self.reply().await, "");
        assert!(self.pending.is_empty());
    }
}
