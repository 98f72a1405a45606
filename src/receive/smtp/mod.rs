//! The SMTP server our own Postfix talks to.
//!
//! [`mailin`] judges command grammar and the order of states; everything else is here: bytes, bounds
//! and strict line ends, EHLO keywords, MAIL parameters, the null sender, XFORWARD, time, caps,
//! panics, drain. A `250` for a mail is written after [`Inbox::keep`] has returned, and nowhere else.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{Inbox, Reply};
use crate::model::{Network, Source};

mod body;
mod command;
mod connections;
mod listen;
mod machine;
mod seats;
mod session;
mod wire;
mod xforward;

use connections::Beginning;
pub use connections::Connections;
use seats::{NoSeat, Seats};
use wire::Wire;

/// Bounds and names of the server.
#[derive(Clone, Debug)]
pub struct SmtpSettings {
    /// Our name in the greeting.
    pub hostname: String,
    /// Who may connect; others are turned away by the greeting.
    pub trusted_relays: Vec<Network>,
    /// What is made of XFORWARD.
    pub xforward: Xforward,
    /// Bytes of a message, dot-stuffing undone, line ends included.
    pub max_message_size: usize,
    /// Connections in all. At the limit the one idle longest outside a transaction makes room.
    pub max_connections: usize,
    /// Connections of one address; the same rule among them.
    pub max_connections_per_peer: usize,
    /// Bytes of a command line, CRLF included.
    pub max_line: usize,
    /// Recipients of a mail.
    pub max_recipients: usize,
    /// Commands on a connection.
    pub max_commands: usize,
    /// Life of a connection.
    pub session_timeout: Duration,
    /// Time for one command line, for each read of a message, and for our replies to be taken.
    pub command_timeout: Duration,
}

/// What is made of XFORWARD from a trusted relay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Xforward {
    /// Offered, and believed where it comes.
    #[default]
    Use,
    /// Without the client's address no mail is taken, for now.
    Require,
    /// Neither offered nor accepted.
    Ignore,
}

/// Whom mail is taken for.
pub trait Admission: Send + Sync {
    /// Judges one recipient, at RCPT. `mail_from` is empty for the null sender. The error is the
    /// reply: [`Reply::unknown_recipient`] or [`Reply::sender_refused`].
    fn recipient(&self, mail_from: &str, recipient: &str) -> Result<(), Reply>;

    /// The channel of a mail to these recipients, as far as they tell.
    fn source(&self, _recipients: &[String]) -> Source {
        Source::DenicMail
    }
}

/// The server: what its sessions share.
pub struct SmtpServer {
    settings: Arc<SmtpSettings>,
    admission: Arc<dyn Admission>,
    inbox: Arc<dyn Inbox>,
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    seats: Arc<Seats>,
    connections: Arc<Connections>,
    greeting: Reply,
    ehlo: Vec<u8>,
}

impl SmtpServer {
    /// `now` gives the time of receipt; timeouts run on the runtime's clock.
    pub fn new(
        settings: Arc<SmtpSettings>,
        admission: Arc<dyn Admission>,
        inbox: Arc<dyn Inbox>,
        now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    ) -> Arc<Self> {
        let size = format!("SIZE {}", settings.max_message_size);
        let mut keywords = vec![
            "PIPELINING",
            &size,
            "8BITMIME",
            "ENHANCEDSTATUSCODES",
            "SMTPUTF8",
        ];
        if settings.xforward != Xforward::Ignore {
            keywords.push(xforward::KEYWORD);
        }
        let ehlo = Reply::ehlo(&settings.hostname, &keywords);
        let seats = Seats::new(settings.max_connections, settings.max_connections_per_peer);
        let greeting = Reply::greeting(&settings.hostname);
        Arc::new(SmtpServer {
            settings,
            admission,
            inbox,
            now,
            seats,
            connections: Arc::default(),
            greeting,
            ehlo,
        })
    }

    /// How its connections have begun.
    pub fn connections(&self) -> Arc<Connections> {
        self.connections.clone()
    }

    /// Serves one connection of `peer` to its end. [`SmtpServer::serve`] calls this for each.
    pub async fn session<S>(&self, stream: S, peer: IpAddr)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let peer = peer.to_canonical();
        if !self
            .settings
            .trusted_relays
            .iter()
            .any(|network| network.contains(peer))
        {
            self.connections.add(Beginning::Foreign);
            tracing::warn!(client = %peer, "connection from outside `smtp.trusted_relays` refused");
            return wire::refuse(stream, &Reply::not_a_relay()).await;
        }
        let place = match self.seats.take(peer) {
            Ok(place) => place,
            Err(NoSeat::Full) => {
                self.connections.add(Beginning::Full);
                tracing::warn!(client = %peer, "connection refused, all are busy");
                return wire::refuse(stream, &Reply::too_many_connections()).await;
            }
            Err(NoSeat::Closing) => {
                self.connections.add(Beginning::Stopping);
                return wire::refuse(stream, &Reply::shutting_down()).await;
            }
        };
        self.connections.add(Beginning::Taken);
        let SmtpSettings {
            max_line,
            command_timeout,
            session_timeout,
            ..
        } = *self.settings;
        let wire = Wire::new(stream, place, max_line, command_timeout, session_timeout);
        session::run(self, wire, peer).await;
    }
}
