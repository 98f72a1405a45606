//! The registry's real-time interface: TLS on loopback, frames, and sessions (`denic.md` 1.2 to 1.4).

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_util::sync::CancellationToken;

use super::counter::Counter;
use super::session;

/// Bounds of sessions; the default ones are documented, but for the time that a dropped session
/// counts.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Until a login.
    pub before_login: Duration,
    /// Between two requests.
    pub idle: Duration,
    /// Sessions of one account at the same time: 4 in the test system, 7 in the live one.
    pub sessions: usize,
    /// A connection that ended without LOGOUT counts so long; "some time" by the documentation.
    pub lingering: Duration,
    /// So many wrong logins in a row block a user.
    pub logins_wrong: u32,
    /// For so long.
    pub blocked_for: Duration,
    /// Replies leave in pieces of so many bytes.
    pub piece_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            before_login: Duration::from_secs(15),
            idle: Duration::from_secs(300),
            sessions: 4,
            lingering: Duration::from_secs(60),
            logins_wrong: 10,
            blocked_for: Duration::from_secs(3600),
            piece_bytes: usize::MAX,
        }
    }
}

/// Who may log in.
#[derive(Clone)]
pub struct User {
    /// The login, such as `DENIC-1000888-RRI`.
    pub name: String,
    /// Its password.
    pub password: String,
    /// The account that it works for.
    pub regacc: String,
}

/// What all sessions share.
pub(super) struct House {
    pub counter: Counter,
    pub limits: Limits,
    users: Vec<User>,
    desk: Mutex<Desk>,
}

#[derive(Default)]
struct Desk {
    /// Wrong logins in a row, by user, and until when that blocks.
    wrong: BTreeMap<String, (u32, Option<Instant>)>,
    /// Sessions by account: open ones, and until when those count that were dropped.
    open: BTreeMap<String, usize>,
    dropped: BTreeMap<String, Vec<Instant>>,
    connections: usize,
}

/// Why a login is refused.
pub(super) enum NoLogin {
    Wrong,
    Blocked,
    TooMany,
}

impl House {
    fn lock(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Logs in; the account, whose sessions are one more now.
    pub fn login(&self, name: &str, password: &str) -> Result<String, NoLogin> {
        let now = Instant::now();
        let mut desk = self.lock();
        let wrong = desk.wrong.entry(name.to_owned()).or_default();
        if wrong.1.is_some_and(|until| until > now) {
            return Err(NoLogin::Blocked);
        }
        let user = self.users.iter().find(|user| user.name == name);
        let Some(user) = user.filter(|user| user.password == password) else {
            wrong.0 += 1;
            if wrong.0 >= self.limits.logins_wrong {
                *wrong = (0, Some(now + self.limits.blocked_for));
            }
            return Err(NoLogin::Wrong);
        };
        *wrong = (0, None);
        let lingering = desk.dropped.entry(user.regacc.clone()).or_default();
        lingering.retain(|until| *until > now);
        let lingering = lingering.len();
        let open = desk.open.entry(user.regacc.clone()).or_default();
        if *open + lingering >= self.limits.sessions {
            return Err(NoLogin::TooMany);
        }
        *open += 1;
        Ok(user.regacc.clone())
    }

    /// A session is over; one that was dropped counts on.
    pub fn leave(&self, regacc: &str, is_dropped: bool) {
        let mut desk = self.lock();
        if let Some(open) = desk.open.get_mut(regacc) {
            *open = open.saturating_sub(1);
        }
        if is_dropped {
            let until = Instant::now() + self.limits.lingering;
            desk.dropped
                .entry(regacc.to_owned())
                .or_default()
                .push(until);
        }
    }
}

/// The server; it ends when this is dropped.
pub struct RriServer {
    address: SocketAddr,
    ca: String,
    house: Arc<House>,
    stop: CancellationToken,
    server: JoinHandle<()>,
}

impl RriServer {
    /// Listens on a free port of 127.0.0.1, with a certificate for `localhost` and 127.0.0.1 that is
    /// made now. Errors: the port, or the certificate.
    pub async fn start(counter: Counter, users: Vec<User>, limits: Limits) -> io::Result<Self> {
        let (ca, acceptor) = certificate().map_err(io::Error::other)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let house = Arc::new(House {
            counter,
            limits,
            users,
            desk: Mutex::default(),
        });
        let stop = CancellationToken::new();
        let server = tokio::spawn(serve(listener, acceptor, house.clone(), stop.clone()));
        Ok(RriServer {
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

    /// The certificate that vouches for it, PEM.
    pub fn ca_pem(&self) -> &str {
        &self.ca
    }

    /// Writes that certificate into a file, for settings such as `rri.test.ca_file`.
    pub fn write_ca(&self, path: &Path) -> io::Result<()> {
        std::fs::write(path, &self.ca)
    }

    /// How many connections it took so far.
    pub fn connections(&self) -> usize {
        self.house.lock().connections
    }

    /// Ends all sessions, and waits for that.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        // Whether it ended or panicked: it is gone.
        let _ = (&mut self.server).await;
    }
}

impl Drop for RriServer {
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
        house.lock().connections += 1;
        let (acceptor, house) = (acceptor.clone(), house.clone());
        sessions.spawn(async move {
            let deadline = Instant::now() + house.limits.before_login;
            stream.set_nodelay(true).unwrap_or(());
            // Whoever does not trust us, or says nothing, has no session.
            let opened = tokio::time::timeout_at(deadline, acceptor.accept(stream)).await;
            if let Ok(Ok(stream)) = opened {
                session::run(stream, &house, deadline).await;
            }
        });
    }
    sessions.shutdown().await;
}

/// A certificate of an authority of its own; the authority, PEM, and what speaks TLS with it.
pub(in crate::simulate) fn certificate()
-> Result<(String, TlsAcceptor), Box<dyn std::error::Error + Send + Sync>> {
    let mut authority = CertificateParams::new(Vec::new())?;
    // By one name for both, some clients would take the server's for an authority of its own.
    let name = &mut authority.distinguished_name;
    name.push(DnType::CommonName, "Registry for tests");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
    let mut server = CertificateParams::new(["localhost", "127.0.0.1"].map(str::to_owned))?;
    let name = &mut server.distinguished_name;
    name.push(DnType::CommonName, "localhost");
    server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // Strict clients look for it (RFC 5280, section 4.2.1.1).
    server.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate()?;
    let certificate = server.signed_by(&key, &authority)?;
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)?;
    Ok((authority.pem(), TlsAcceptor::from(Arc::new(config))))
}
