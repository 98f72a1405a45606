//! The smarthost, by lettre.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use lettre::address::Envelope;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Ehlo, Mail, Rcpt};
use lettre::transport::smtp::extension::{
    ClientId, MailBodyParameter, MailParameter, RcptParameter,
};
use lettre::transport::smtp::response::Response;
use lettre::transport::smtp::{Error, PoolConfig};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::outbox::{Letter, SendError, Transport};

/// Connections kept open to a smarthost with TLS.
const CONNECTIONS_MAX: u32 = 16;

/// For connecting and each early command; lettre does not apply it to the reply after the data.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// For the whole of one mail; RFC 5321 section 4.5.3.2.6 gives the final reply ten minutes.
const SEND_TIMEOUT: Duration = Duration::from_secs(600);

/// An idle connection is used again only within this time; the other side may close it later.
const IDLE_MAX: Duration = Duration::from_secs(20);

/// The way to the smarthost.
pub struct Smarthost(Way);

enum Way {
    /// `smtp://host:port`: our own Postfix, as a rule.
    Plain(Plain),
    /// Everything else lettre's URLs offer: TLS, STARTTLS, login.
    Url(AsyncSmtpTransport<Tokio1Executor>),
}

impl Smarthost {
    /// `url` is `smtp://host:port`, `smtp://host:port?tls=required` or `smtps://host`.
    pub fn new(url: &str, hello: &str) -> Result<Self, Error> {
        let hello = ClientId::Domain(hello.to_owned());
        if let Some(address) = plain_address(url) {
            return Ok(Smarthost(Way::Plain(Plain {
                address,
                hello,
                idle: Mutex::new(Vec::new()),
            })));
        }
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url)?
            .hello_name(hello)
            .timeout(Some(CONNECT_TIMEOUT))
            .pool_config(
                PoolConfig::new()
                    .max_size(CONNECTIONS_MAX)
                    .idle_timeout(IDLE_MAX),
            )
            .build();
        Ok(Smarthost(Way::Url(transport)))
    }
}

/// `host:port` of a URL that asks for nothing but SMTP.
fn plain_address(url: &str) -> Option<String> {
    let address = url.strip_prefix("smtp://")?.trim_end_matches('/');
    let is_bare = !address.is_empty() && !address.contains(['@', '?', '#', '/']);
    let has_port = address
        .rsplit_once(':')
        .is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    is_bare.then(|| {
        if has_port {
            address.to_owned()
        } else {
            format!("{address}:25")
        }
    })
}

/// Connections without TLS, of our own making: lettre leaves Nagle's algorithm on and writes the
/// final dot by itself, which costs 40 ms of delayed acknowledgement for every mail.
struct Plain {
    address: String,
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

impl Plain {
    async fn connection(&self) -> Result<Open, SendError> {
        while let Some(mut open) = self.take_idle() {
            if open.since.elapsed() < IDLE_MAX && open.connection.test_connected().await {
                return Ok(open);
            }
            open.connection.abort().await;
        }
        let connect = async {
            let stream = TcpStream::connect(&self.address).await?;
            stream.set_nodelay(true)?;
            Ok::<_, std::io::Error>(stream)
        };
        let transient = |why: String| SendError::Transient(format!("{}: {why}", self.address));
        let stream = timeout(CONNECT_TIMEOUT, connect)
            .await
            .map_err(|_| transient("no connection in time".to_owned()))?
            .map_err(|error| transient(error.to_string()))?;
        let greeting = AsyncSmtpConnection::connect_with_transport(Box::new(stream), &self.hello);
        let mut connection = timeout(CONNECT_TIMEOUT, greeting)
            .await
            .map_err(|_| transient("no greeting in time".to_owned()))?
            .map_err(|error| sorted(&error))?;
        // lettre keeps only the keywords that it knows, and DSN is none of them.
        let hello = connection.command(Ehlo::new(self.hello.clone()));
        let hello = timeout(CONNECT_TIMEOUT, hello)
            .await
            .map_err(|_| transient("no greeting in time".to_owned()))?
            .map_err(|error| sorted(&error))?;
        Ok(Open {
            connection,
            has_dsn: offers_dsn(&hello),
            since: Instant::now(),
        })
    }

    fn take_idle(&self) -> Option<Open> {
        // A panic elsewhere leaves the list whole: it is only pushed to and popped from.
        self.idle
            .lock()
            .unwrap_or_else(|broken| broken.into_inner())
            .pop()
    }

    async fn send(
        &self,
        envelope: &Envelope,
        envelope_id: &str,
        message: &[u8],
    ) -> Result<Response, SendError> {
        let mut open = self.connection().await?;
        let sent = if open.has_dsn {
            send_with_dsn(&mut open.connection, envelope, envelope_id, message).await
        } else {
            open.connection.send(envelope, message).await
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
        sent.map_err(|error| sorted(&error))
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

/// One mail, with the wish for a report when it is late or fails (never when all is well), and for no
/// more of the mail in it than its header (RFC 3461). The mails are seven-bit, their addresses ASCII.
async fn send_with_dsn(
    connection: &mut AsyncSmtpConnection,
    envelope: &Envelope,
    envelope_id: &str,
    message: &[u8],
) -> Result<Response, Error> {
    // lettre writes the values as xtext.
    let of_mail = |keyword: &str, value: &str| MailParameter::Other {
        keyword: keyword.to_owned(),
        value: Some(value.to_owned()),
    };
    let of_recipient = |keyword: &str, value: String| RcptParameter::Other {
        keyword: keyword.to_owned(),
        value: Some(value),
    };
    let mut wishes = vec![of_mail("RET", "HDRS"), of_mail("ENVID", envelope_id)];
    if !message.is_ascii() {
        wishes.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    connection
        .command(Mail::new(envelope.from().cloned(), wishes))
        .await?;
    for to in envelope.to() {
        let wishes = vec![
            of_recipient("NOTIFY", "FAILURE,DELAY".to_owned()),
            of_recipient("ORCPT", format!("rfc822;{to}")),
        ];
        connection.command(Rcpt::new(to.clone(), wishes)).await?;
    }
    connection.command(Data).await?;
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
        let sending = async {
            match &self.0 {
                Way::Plain(plain) => plain.send(&envelope, &letter.envelope_id, message).await,
                Way::Url(transport) => transport
                    .send_raw(&envelope, message)
                    .await
                    .map_err(|error| sorted(&error)),
            }
        };
        let response = timeout(SEND_TIMEOUT, sending).await.map_err(|_| {
            SendError::Transient(format!("no answer within {} s", SEND_TIMEOUT.as_secs()))
        })??;
        let text = response.message().collect::<Vec<_>>().join(" ");
        Ok(format!("{} {text}", response.code()))
    }
}

/// What lettre says, as transient or permanent; everything that is no clear "never" is transient.
fn sorted(error: &Error) -> SendError {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    if error.is_permanent() {
        SendError::Permanent(text)
    } else {
        SendError::Transient(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_that_asks_for_plain_smtp_is_told_from_the_others() {
        for (url, address) in [
            ("smtp://127.0.0.1:25", Some("127.0.0.1:25")),
            ("smtp://mail.example.net", Some("mail.example.net:25")),
            ("smtp://[::1]:2525/", Some("[::1]:2525")),
            ("smtp://[::1]", Some("[::1]:25")),
            ("smtp://mail.example.net:587?tls=required", None),
            ("smtp://user@mail.example.net", None),
            ("smtps://mail.example.net", None),
            ("smtp://", None),
        ] {
            assert_eq!(plain_address(url).as_deref(), address, "{url}");
        }
    }
}
