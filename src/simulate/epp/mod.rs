//! The reseller's EPP server: TLS on loopback, frames, a login, and a poll queue (`centralnic.md` 7).

mod request;
mod response;
mod session;

use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::desk::rri::certificate;

/// What waits: ids, and the responses that bring the messages. Shared with whoever makes them.
pub type PollMessages = Arc<Mutex<VecDeque<(String, String)>>>;

/// Who may log in.
#[derive(Clone)]
pub struct EppUser {
    /// The login, such as `samplereseller:pollreader`.
    pub name: String,
    /// Its password.
    pub password: String,
}

/// How the server is.
#[derive(Clone, Debug)]
pub struct EppRules {
    /// The least time between two commands of the account, with a tenth of it forgiven; `None`: any.
    pub pace: Option<Duration>,
    /// Does it offer the reseller's extension?
    pub has_extension: bool,
}

impl Default for EppRules {
    fn default() -> Self {
        EppRules {
            pace: None,
            has_extension: true,
        }
    }
}

/// What goes wrong, each once, at the next command that it concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EppFault {
    /// An acknowledgement is not carried out: the connection ends in place of a response.
    HangUpAtAck,
    /// An acknowledgement is carried out, and its response lost.
    LoseAckResponse,
    /// An acknowledgement is answered with that code, and not carried out.
    RefuseAck(u16),
    /// A message stops in its middle, and the connection ends.
    CutFrame,
    /// A message comes with that length before it.
    Length(u32),
    /// A message has a document type.
    Doctype,
    /// A message of two megabytes.
    Oversized,
    /// A login is answered with that code.
    RefuseLogin(u16),
}

impl EppFault {
    fn is_of_ack(&self) -> bool {
        matches!(
            self,
            EppFault::HangUpAtAck | EppFault::LoseAckResponse | EppFault::RefuseAck(_)
        )
    }

    fn is_of_login(&self) -> bool {
        matches!(self, EppFault::RefuseLogin(_))
    }

    fn is_of_poll(&self) -> bool {
        !self.is_of_ack() && !self.is_of_login()
    }
}

/// What all sessions share.
struct House {
    user: EppUser,
    rules: EppRules,
    messages: PollMessages,
    desk: Mutex<Desk>,
}

#[derive(Default)]
struct Desk {
    faults: VecDeque<EppFault>,
    commanded_at: Option<Instant>,
    hurries: usize,
    logins: usize,
    acknowledged: Vec<String>,
}

impl House {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn messages(&self) -> MutexGuard<'_, VecDeque<(String, String)>> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first fault of that kind; it is over then.
    fn fault(&self, is_it: fn(&EppFault) -> bool) -> Option<EppFault> {
        let mut desk = self.desk();
        let place = desk.faults.iter().position(is_it)?;
        desk.faults.remove(place)
    }

    /// Notes a command; false: it came too soon.
    fn is_in_time(&self) -> bool {
        let mut desk = self.desk();
        let before = desk.commanded_at.replace(Instant::now());
        let (Some(before), Some(pace)) = (before, self.rules.pace) else {
            return true;
        };
        let is_in_time = before.elapsed() >= pace.mul_f32(0.9);
        desk.hurries += usize::from(!is_in_time);
        is_in_time
    }
}

/// The server; it ends when this is dropped.
pub struct EppServer {
    address: SocketAddr,
    ca: String,
    house: Arc<House>,
    stop: CancellationToken,
    server: JoinHandle<()>,
}

impl EppServer {
    /// Listens on a free port of 127.0.0.1, with a certificate for `localhost` and 127.0.0.1 that is
    /// made now. Errors: the port, or the certificate.
    pub async fn start(user: EppUser, messages: PollMessages, rules: EppRules) -> io::Result<Self> {
        let (ca, acceptor) = certificate().map_err(io::Error::other)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let house = Arc::new(House {
            user,
            rules,
            messages,
            desk: Mutex::default(),
        });
        let stop = CancellationToken::new();
        let server = tokio::spawn(serve(listener, acceptor, house.clone(), stop.clone()));
        Ok(EppServer {
            address,
            ca,
            house,
            stop,
            server,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Writes the certificate that vouches for it into a file.
    pub fn write_ca(&self, path: &Path) -> io::Result<()> {
        std::fs::write(path, &self.ca)
    }

    /// Has something go wrong, once.
    pub fn fail(&self, fault: EppFault) {
        self.house.desk().faults.push_back(fault);
    }

    /// How many logins it took.
    pub fn logins(&self) -> usize {
        self.house.desk().logins
    }

    /// How many commands came too soon.
    pub fn hurries(&self) -> usize {
        self.house.desk().hurries
    }

    /// The ids that were acknowledged, in order.
    pub fn acknowledged(&self) -> Vec<String> {
        self.house.desk().acknowledged.clone()
    }

    /// Ends all sessions, and waits for that.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        // Whether it ended or panicked: it is gone.
        let _ = (&mut self.server).await;
    }
}

impl Drop for EppServer {
    fn drop(&mut self) {
        self.stop.cancel();
        self.server.abort();
    }
}

async fn serve(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    house: Arc<House>,
    stop: CancellationToken,
) {
    let mut sessions = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
            Some(_) = sessions.join_next() => continue,
        };
        let Ok((stream, _)) = accepted else {
            continue;
        };
        let (acceptor, house) = (acceptor.clone(), house.clone());
        sessions.spawn(async move {
            stream.set_nodelay(true).unwrap_or(());
            // Whoever does not trust us has no session, and a session that breaks off is over.
            if let Ok(stream) = acceptor.accept(stream).await {
                let _ = session::run(stream, &house).await;
            }
        });
    }
    sessions.shutdown().await;
}
