//! The smarthost, by lettre.

use std::time::Duration;

use async_trait::async_trait;
use lettre::address::Envelope;
use lettre::transport::smtp::PoolConfig;
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};

use super::outbox::{Letter, SendError, Transport};

/// Connections kept open to the smarthost.
const CONNECTIONS_MAX: u32 = 16;

/// For connecting and each early command; lettre does not apply it to the reply after the data.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// For the whole of one mail; RFC 5321 section 4.5.3.2.6 gives the final reply ten minutes.
const SEND_TIMEOUT: Duration = Duration::from_secs(600);

/// A pooled connection to the smarthost.
pub struct Smarthost(AsyncSmtpTransport<Tokio1Executor>);

impl Smarthost {
    /// `url` is `smtp://host:port`, `smtp://host:port?tls=required` or `smtps://host`.
    pub fn new(url: &str, hello: &str) -> Result<Self, lettre::transport::smtp::Error> {
        let hello = lettre::transport::smtp::extension::ClientId::Domain(hello.to_owned());
        Ok(Smarthost(
            AsyncSmtpTransport::<Tokio1Executor>::from_url(url)?
                .hello_name(hello)
                .timeout(Some(CONNECT_TIMEOUT))
                .pool_config(
                    PoolConfig::new()
                        .max_size(CONNECTIONS_MAX)
                        .idle_timeout(Duration::from_secs(30)),
                )
                .build(),
        ))
    }
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
        let sending = self.0.send_raw(&envelope, &letter.message);
        match tokio::time::timeout(SEND_TIMEOUT, sending).await {
            Err(_) => Err(SendError::Transient(format!(
                "no answer within {} s",
                SEND_TIMEOUT.as_secs()
            ))),
            Ok(Err(error)) if error.is_permanent() => Err(SendError::Permanent(error.to_string())),
            Ok(Err(error)) => Err(SendError::Transient(chain(&error))),
            Ok(Ok(response)) => Ok(format!(
                "{} {}",
                response.code(),
                response.message().collect::<Vec<_>>().join(" ")
            )),
        }
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
