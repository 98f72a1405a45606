//! A session of EPP: greeting and login first, logout last.

use std::io;
use std::time::Duration;

use rustls_pki_types::ServerName;
use secrecy::{ExposeSecret, SecretSlice};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::super::reseller::Pace;
use super::super::rri::Trust;
use super::head::{EppGreeting, EppHead};
use super::{frame, text};

/// For connecting and for TLS.
const CONNECT_MAX: Duration = Duration::from_secs(30);

/// For a response.
const RESPONSE_MAX: Duration = Duration::from_secs(60);

/// The server closes a session after ten minutes without a command (`centralnic.md` 7.1).
const IDLE_MAX: Duration = Duration::from_secs(9 * 60);

/// The server closes a session after 24 hours, whatever is going on.
const LIFE_MAX: Duration = Duration::from_secs(23 * 3600);

/// Where and as whom.
#[derive(Clone)]
pub struct EppLogin {
    /// The host, as its certificate names it.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Who may vouch for it.
    pub trust: Trust,
    /// The login, such as `samplereseller:pollreader`.
    pub user: SecretSlice<u8>,
    /// Its password.
    pub password: SecretSlice<u8>,
    /// The turns of the account.
    pub pace: Pace,
}

/// Why there is no response. Nothing of it quotes a command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EppError {
    /// The way to the server, or a session that it ended; later it may be another.
    #[error("{0}")]
    Way(String),
    /// The server takes no session now: there are five already, or it is out of order.
    #[error("{0}")]
    Busy(String),
    /// Trying again cannot help.
    #[error("the login was refused: {0}; put it right before you try again")]
    Refused(String),
    /// What came is no EPP; the session is of no more use.
    #[error("the server does not speak EPP as expected: {0}")]
    Unreadable(String),
}

/// A connection that is logged in. After an error it is of no more use.
pub struct EppSession<S = TlsStream<TcpStream>> {
    stream: S,
    pace: Pace,
    has_extension: bool,
    opened_at: Instant,
    used_at: Instant,
    commands: u64,
}

impl EppSession {
    /// Connects and logs in; tried once. The certificate must be one for the host.
    pub async fn open(login: &EppLogin) -> Result<Self, EppError> {
        let (host, port) = (&login.host, login.port);
        let way = |why: &dyn std::fmt::Display| EppError::Way(format!("{host}:{port}: {why}"));
        let name = ServerName::try_from(host.clone())
            .map_err(|_| way(&"its name cannot be in a certificate"))?;
        let connecting = async {
            let stream = TcpStream::connect((host.as_str(), port)).await?;
            stream.set_nodelay(true)?;
            TlsConnector::from(login.trust.0.clone())
                .connect(name, stream)
                .await
        };
        let stream = timeout(CONNECT_MAX, connecting)
            .await
            .map_err(|_| way(&"no connection in time"))?
            .map_err(|error| way(&error))?;
        EppSession::over(stream, login).await
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> EppSession<S> {
    /// Reads the greeting over a stream that is there, and logs in.
    pub async fn over(mut stream: S, login: &EppLogin) -> Result<Self, EppError> {
        let (user, password) = (
            word("user", &login.user)?,
            word("password", &login.password)?,
        );
        let greeting = receive(&mut stream).await?;
        let greeting = EppGreeting::read(&greeting)
            .ok_or_else(|| EppError::Unreadable("it does not greet".to_owned()))?;
        let mut session = EppSession {
            stream,
            pace: login.pace.clone(),
            has_extension: greeting.has_extension(),
            opened_at: Instant::now(),
            used_at: Instant::now(),
            commands: 0,
        };
        if !session.has_extension {
            tracing::warn!(
                "{} does not offer the extension {}: messages come without their trigger codes",
                login.host,
                text::EXTENSION
            );
        }
        let transaction = session.transaction();
        let offered = session.has_extension;
        let command = text::login(&user, &password, offered, &transaction);
        let response = session.ask(&command, &transaction).await?;
        // Whoever echoes a login must not put it into our log.
        let why = || {
            let why = response.1.why();
            why.replace(&password, crate::model::HIDDEN)
        };
        match response.1.code {
            Some(1000..=1999) => Ok(session),
            // "Command failed", "session limit exceeded": about the moment, not about who we are.
            Some(2400 | 2500 | 2502) => {
                Err(EppError::Busy(format!("there is no session: {}", why())))
            }
            Some(_) => Err(EppError::Refused(why())),
            None => Err(EppError::Unreadable(why())),
        }
    }

    /// Does the server offer the reseller's extension? Without it no message carries a trigger code.
    pub fn has_extension(&self) -> bool {
        self.has_extension
    }

    /// Is it to be given back, before the server ends it in the middle of something?
    pub fn is_over(&self) -> bool {
        self.used_at.elapsed() >= IDLE_MAX || self.opened_at.elapsed() >= LIFE_MAX
    }

    /// Asks for the oldest message: the response as it came, with its head.
    pub async fn poll(&mut self) -> Result<(Vec<u8>, EppHead), EppError> {
        let transaction = self.transaction();
        self.ask(&text::poll_request(&transaction), &transaction)
            .await
    }

    /// Says that a message may go; what the server answers to that.
    pub async fn acknowledge(&mut self, msgid: &str) -> Result<EppHead, EppError> {
        let transaction = self.transaction();
        let command = text::poll_ack(msgid, &transaction);
        Ok(self.ask(&command, &transaction).await?.1)
    }

    /// Keeps the session open.
    pub async fn hello(&mut self) -> Result<(), EppError> {
        let frame = self.exchange(&text::hello()).await?;
        match EppGreeting::read(&frame) {
            Some(_) => Ok(()),
            None => Err(EppError::Unreadable("it does not greet".to_owned())),
        }
    }

    /// Says goodbye; the server may close at once in place of a response.
    pub async fn close(mut self) {
        let transaction = self.transaction();
        let _ = self.exchange(&text::logout(&transaction)).await;
    }

    fn transaction(&mut self) -> String {
        self.commands += 1;
        format!("stichtag-{}-{}", std::process::id(), self.commands)
    }

    async fn ask(
        &mut self,
        command: &str,
        transaction: &str,
    ) -> Result<(Vec<u8>, EppHead), EppError> {
        let frame = self.exchange(command).await?;
        let head = EppHead::read(&frame);
        // The response to another command must not be taken for this one's (EP-05: or for none).
        let echoed = head.transaction.as_deref().filter(|id| *id != "UNDEF");
        match echoed.is_none_or(|echoed| echoed == transaction) {
            true => Ok((frame, head)),
            false => Err(EppError::Unreadable(
                "the response is to another command".to_owned(),
            )),
        }
    }

    async fn exchange(&mut self, command: &str) -> Result<Vec<u8>, EppError> {
        self.pace.turn().await;
        timeout(RESPONSE_MAX, frame::write(&mut self.stream, command))
            .await
            .map_err(|_| EppError::Way("the command could not be sent in time".to_owned()))?
            .map_err(|error| EppError::Way(error.to_string()))?;
        let frame = receive(&mut self.stream).await?;
        self.used_at = Instant::now();
        Ok(frame)
    }
}

async fn receive(stream: &mut (impl AsyncRead + Unpin)) -> Result<Vec<u8>, EppError> {
    timeout(RESPONSE_MAX, frame::read(stream))
        .await
        .map_err(|_| EppError::Way("no response in time".to_owned()))?
        .map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => EppError::Unreadable(error.to_string()),
            io::ErrorKind::UnexpectedEof => {
                EppError::Way("the server ended the connection".to_owned())
            }
            _ => EppError::Way(error.to_string()),
        })
}

fn word(name: &str, secret: &SecretSlice<u8>) -> Result<String, EppError> {
    let text = std::str::from_utf8(secret.expose_secret()).ok();
    let text = text.map(|text| text.trim_end_matches(['\r', '\n']).to_owned());
    text.filter(|text| {
        (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
    })
    .ok_or_else(|| {
        EppError::Refused(format!(
            "the {name} has 1 to 255 visible ASCII characters, and the credential holds something \
             else"
        ))
    })
}
