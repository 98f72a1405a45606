//! The smarthost, by lettre's connections.
//!
//! Which command a refusal answers decides what it means, and lettre's transport does not say: so the
//! dialogue is led here.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use lettre::address::Envelope;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Tls, TlsParameters};
use lettre::transport::smtp::commands::{Data, Ehlo, Mail, Rcpt};
use lettre::transport::smtp::extension::{
    ClientId, MailBodyParameter, MailParameter, RcptParameter,
};
use lettre::transport::smtp::response::Response;
use lettre::{AsyncSmtpTransport, Tokio1Executor};
use percent_encoding::percent_decode_str;
use tokio::net::TcpStream;
use tokio::time::{timeout, timeout_at};
use url::Url;

use super::outbox::{Letter, SendError, Transport};

/// For connecting, with greeting, TLS and login.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// For the whole of one mail; RFC 5321 section 4.5.3.2.6 gives the final reply ten minutes.
const SEND_TIMEOUT: Duration = Duration::from_secs(600);

/// An idle connection is used again only within this time; the other side may close it later.
const IDLE_MAX: Duration = Duration::from_secs(20);

/// "Log in first", "your login is refused" and their kin (RFC 4954): wherever they come, no recipient
/// is to blame.
const LOGIN_REFUSED: [u16; 4] = [530, 534, 535, 538];

/// The way to the smarthost.
pub struct Smarthost {
    host: String,
    port: u16,
    tls: Tls,
    login: Option<Credentials>,
    hello: ClientId,
    idle: Mutex<Vec<Open>>,
}

/// A connection that is open.
struct Open {
    connection: AsyncSmtpConnection,
    /// The other side knows of reports about delivery (RFC 3461).
    has_dsn: bool,
    since: Instant,
}

/// How far a dialogue is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Greeting, EHLO, TLS, login, `MAIL FROM`: nothing that one recipient could be to blame for.
    Begin,
    /// `RCPT TO` and `DATA`.
    Recipient,
    /// The mail itself, and the reply to its final dot.
    Mail,
}

impl Smarthost {
    /// `url` is `smtp://host:port`, `smtp://host:port?tls=required` or `smtps://host`, with
    /// `user:password@` before the host where a login is needed.
    pub fn new(url: &str, hello: &str) -> Result<Self, Error> {
        // lettre says what is wrong with a URL, and keeps what it reads to itself.
        AsyncSmtpTransport::<Tokio1Executor>::from_url(url)?;
        let read = Url::parse(url).ok();
        let read = read.as_ref();
        let host = read.and_then(Url::host_str).unwrap_or_default().to_owned();
        let is_wrapped = read.is_some_and(|url| url.scheme() == "smtps");
        let wish = read.and_then(|url| url.query_pairs().find(|(key, _)| key == "tls"));
        let (tls, usual_port) = match wish.as_ref().map(|(_, value)| value.as_ref()) {
            _ if is_wrapped => (Tls::Wrapper(TlsParameters::new(host.clone())?), 465),
            None => (Tls::None, 25),
            Some("required") => (Tls::Required(TlsParameters::new(host.clone())?), 587),
            Some(_) => (Tls::Opportunistic(TlsParameters::new(host.clone())?), 587),
        };
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let login = read.and_then(|url| {
            let password = url.password()?;
            Some(Credentials::new(decoded(url.username()), decoded(password)))
        });
        Ok(Smarthost {
            port: read.and_then(Url::port).unwrap_or(usual_port),
            // As TCP wants it: without the brackets of an IPv6 address.
            host: host.trim_matches(['[', ']']).to_owned(),
            tls,
            login,
            hello: ClientId::Domain(hello.to_owned()),
            idle: Mutex::new(Vec::new()),
        })
    }

    async fn connection(&self) -> Result<Open, SendError> {
        while let Some(mut open) = self.take_idle() {
            if open.since.elapsed() < IDLE_MAX && open.connection.test_connected().await {
                return Ok(open);
            }
            open.connection.abort().await;
        }
        timeout(CONNECT_TIMEOUT, self.connect())
            .await
            .unwrap_or_else(|_| Err(self.unreachable("no connection in time")))
    }

    /// lettre's own way leaves Nagle's algorithm on, and the final dot is written by itself: that costs
    /// 40 ms of delayed acknowledgement for every mail.
    async fn connect(&self) -> Result<Open, SendError> {
        let begin = |error: Error| sorted(&error, Stage::Begin);
        let server = (self.host.as_str(), self.port);
        let mut connection = if let Tls::Wrapper(tls) = &self.tls {
            let (wait, tls) = (Some(CONNECT_TIMEOUT), Some(tls.clone()));
            let connecting =
                AsyncSmtpConnection::connect_tokio1(server, wait, &self.hello, tls, None);
            connecting.await.map_err(begin)?
        } else {
            let stream = TcpStream::connect(server).await;
            let stream = stream.and_then(|stream| stream.set_nodelay(true).map(|()| stream));
            let stream = stream.map_err(|error| self.unreachable(&error.to_string()))?;
            AsyncSmtpConnection::connect_with_transport(Box::new(stream), &self.hello)
                .await
                .map_err(begin)?
        };
        match &self.tls {
            Tls::Opportunistic(tls) if connection.can_starttls() => {
                let upgrade = connection.starttls(tls.clone(), &self.hello);
                upgrade.await.map_err(begin)?;
            }
            Tls::Required(tls) => {
                let upgrade = connection.starttls(tls.clone(), &self.hello);
                upgrade.await.map_err(begin)?;
            }
            _ => {}
        }
        if let Some(login) = &self.login {
            let logging_in = connection.auth(DEFAULT_MECHANISMS, login);
            logging_in.await.map_err(begin)?;
        }
        // lettre keeps only the keywords that it knows, and DSN is none of them.
        let hello = connection.command(Ehlo::new(self.hello.clone()));
        let hello = hello.await.map_err(begin)?;
        Ok(Open {
            connection,
            has_dsn: offers_dsn(&hello),
            since: Instant::now(),
        })
    }

    fn unreachable(&self, why: &str) -> SendError {
        SendError::Transient(format!("{}:{}: {why}", self.host, self.port))
    }

    fn take_idle(&self) -> Option<Open> {
        // A panic elsewhere leaves the list whole: it is only pushed to and popped from.
        self.idle
            .lock()
            .unwrap_or_else(|broken| broken.into_inner())
            .pop()
    }

    async fn hand_over(
        &self,
        envelope: &Envelope,
        envelope_id: &str,
        message: &[u8],
    ) -> Result<Response, SendError> {
        let mut open = self.connection().await?;
        let mut stage = Stage::Begin;
        let given_up_at = tokio::time::Instant::now() + SEND_TIMEOUT;
        let sending = dialogue(&mut open, &mut stage, envelope, envelope_id, message);
        let sent = timeout_at(given_up_at, sending).await;
        let sent = match sent {
            Ok(sent) => sent.map_err(|error| sorted(&error, stage)),
            Err(_) => Err(broken_off(
                format!("no answer within {} s", SEND_TIMEOUT.as_secs()),
                stage,
            )),
        };
        if sent.is_ok() && !open.connection.has_broken() {
            let mut idle = self
                .idle
                .lock()
                .unwrap_or_else(|broken| broken.into_inner());
            open.since = Instant::now();
            idle.push(open);
        } else {
            // After a refusal the next mail begins anew.
            open.connection.abort().await;
        }
        sent
    }
}

/// Does the reply to EHLO offer reports about delivery?
fn offers_dsn(hello: &Response) -> bool {
    let mut keywords = hello.message().skip(1);
    keywords.any(|line| {
        let keyword = line.split_ascii_whitespace().next().unwrap_or_default();
        keyword.eq_ignore_ascii_case("DSN")
    })
}

/// One mail: where the other side can, with the wish for a report when it is late or fails (never when
/// all is well), and for no more of the mail in it than its header (RFC 3461). The mails are seven-bit,
/// their addresses ASCII. `stage` says how far it came.
async fn dialogue(
    open: &mut Open,
    stage: &mut Stage,
    envelope: &Envelope,
    envelope_id: &str,
    message: &[u8],
) -> Result<Response, Error> {
    let Open {
        connection,
        has_dsn,
        ..
    } = open;
    // lettre writes the values as xtext.
    let of_mail = |keyword: &str, value: &str| MailParameter::Other {
        keyword: keyword.to_owned(),
        value: Some(value.to_owned()),
    };
    let of_recipient = |keyword: &str, value: String| RcptParameter::Other {
        keyword: keyword.to_owned(),
        value: Some(value),
    };
    let mut wishes = Vec::new();
    if *has_dsn {
        wishes.extend([of_mail("RET", "HDRS"), of_mail("ENVID", envelope_id)]);
    }
    if !message.is_ascii() {
        wishes.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    connection
        .command(Mail::new(envelope.from().cloned(), wishes))
        .await?;
    *stage = Stage::Recipient;
    for to in envelope.to() {
        let mut wishes = Vec::new();
        if *has_dsn {
            wishes.push(of_recipient("NOTIFY", "FAILURE,DELAY".to_owned()));
            wishes.push(of_recipient("ORCPT", format!("rfc822;{to}")));
        }
        connection.command(Rcpt::new(to.clone(), wishes)).await?;
    }
    connection.command(Data).await?;
    *stage = Stage::Mail;
    connection.message(message).await
}

#[async_trait]
impl Transport for Smarthost {
    async fn send(&self, letter: &Letter) -> Result<String, SendError> {
        let address = |text: &str| {
            text.parse()
                .map_err(|error| SendError::Permanent(format!("{text}: {error}")))
        };
        let from = match letter.envelope_from.as_str() {
            "" => None,
            from => Some(address(from)?),
        };
        // One recipient per mail: one refused recipient would fail the whole mail.
        let envelope = Envelope::new(from, vec![address(&letter.envelope_to)?])
            .map_err(|error| SendError::Permanent(error.to_string()))?;
        // lettre ends every message with a line end of its own.
        let message = letter
            .message
            .strip_suffix(b"\r\n")
            .unwrap_or(&letter.message);
        let response = (self.hand_over(&envelope, &letter.envelope_id, message)).await?;
        let text = response.message().collect::<Vec<_>>().join(" ");
        Ok(format!("{} {text}", response.code()))
    }
}

/// What lettre says about a command of this stage.
fn sorted(error: &Error, stage: Stage) -> SendError {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    match error.status().map(u16::from) {
        Some(code @ 500..) if stage == Stage::Begin || LOGIN_REFUSED.contains(&code) => {
            SendError::Refused(text)
        }
        Some(500..) => SendError::Permanent(text),
        Some(_) => SendError::Transient(text),
        None => broken_off(text, stage),
    }
}

/// There was no reply: once the mail is on its way, nobody knows whether it was taken.
fn broken_off(why: String, stage: Stage) -> SendError {
    match stage {
        Stage::Begin | Stage::Recipient => SendError::Transient(why),
        Stage::Mail => SendError::Unsure(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_where_to_how_hidden_and_as_whom() {
        for (url, host, port, tls, has_login) in [
            ("smtp://127.0.0.1:2525", "127.0.0.1", 2525, "None", false),
            (
                "smtp://mail.example.net",
                "mail.example.net",
                25,
                "None",
                false,
            ),
            ("smtp://[::1]:2525/", "::1", 2525, "None", false),
            (
                "smtp://u:p@mail.example.net",
                "mail.example.net",
                25,
                "None",
                true,
            ),
            (
                "smtp://h.example?tls=required",
                "h.example",
                587,
                "Required",
                false,
            ),
            (
                "smtp://h.example:25?tls=opportunistic",
                "h.example",
                25,
                "Opportunistic",
                false,
            ),
            (
                "smtps://u%40x:p%3A@h.example",
                "h.example",
                465,
                "Wrapper",
                true,
            ),
        ] {
            let smarthost = Smarthost::new(url, "here.example").unwrap();
            assert_eq!(
                (smarthost.host.as_str(), smarthost.port),
                (host, port),
                "{url}"
            );
            assert!(format!("{:?}", smarthost.tls).starts_with(tls), "{url}");
            assert_eq!(smarthost.login.is_some(), has_login, "{url}");
        }
        let login = Smarthost::new("smtps://u%40x:p%3A@h.example", "here.example");
        let wanted = Credentials::new("u@x".to_owned(), "p:".to_owned());
        assert_eq!(login.unwrap().login, Some(wanted));
        for url in ["smtp://", "http://h.example", "smtp://h.example?tls=maybe"] {
            assert!(Smarthost::new(url, "here.example").is_err(), "{url}");
        }
    }
}
