//! The registry's real-time interface (RRI): TLS from the first byte, and frames of four bytes of
//! length, big endian, with so many bytes of text behind them (`denic.md` 1.2 to 1.4).

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// Longer requests are answered with 83000000000.
const REQUEST_BYTES_MAX: usize = 65_535;

/// Clients disagree about the last byte; what the registry sends is read.
const REPLY_BYTES_MAX: usize = 65_536;

/// For connecting and for TLS.
const CONNECT_MAX: Duration = Duration::from_secs(30);

/// For a reply.
const REPLY_MAX: Duration = Duration::from_secs(120);

/// Why there is no reply. Nothing of it quotes a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RriError {
    /// Nothing has left: trying again does no harm.
    #[error("{0}")]
    NotSent(String),
    /// It may have arrived and been carried out: ask, never repeat it.
    #[error("what became of the request is not known: {0}")]
    Unknown(String),
}

/// Who may vouch for the other side.
#[derive(Clone)]
pub struct Trust(pub(super) Arc<ClientConfig>);

/// Those whose certificates stand in a file (PEM), or the system's. An error is a sentence.
pub fn trust(ca_file: Option<&std::path::Path>) -> Result<Trust, String> {
    let mut roots = RootCertStore::empty();
    match ca_file {
        Some(path) => {
            let wrong = |error: &dyn fmt::Display| format!("{}: {error}", path.display());
            let found = CertificateDer::pem_file_iter(path).map_err(|error| wrong(&error))?;
            for certificate in found {
                let certificate = certificate.map_err(|error| wrong(&error))?;
                roots.add(certificate).map_err(|error| wrong(&error))?;
            }
            if roots.is_empty() {
                return Err(wrong(&"it holds no certificate"));
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Trust(Arc::new(config)))
}

/// A connection; requests and replies take turns on it.
pub struct RriConnection<S> {
    stream: S,
}

impl RriConnection<TlsStream<TcpStream>> {
    /// Connects; the certificate must be one for `host`.
    pub async fn open(host: &str, port: u16, trust: &Trust) -> Result<Self, RriError> {
        let not_sent = |why: &dyn fmt::Display| RriError::NotSent(format!("{host}:{port}: {why}"));
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| not_sent(&"its name cannot be in a certificate"))?;
        let connecting = async {
            let stream = TcpStream::connect((host, port)).await?;
            stream.set_nodelay(true)?;
            TlsConnector::from(trust.0.clone())
                .connect(name, stream)
                .await
        };
        let stream = timeout(CONNECT_MAX, connecting)
            .await
            .map_err(|_| not_sent(&"no connection in time"))?
            .map_err(|error| not_sent(&error))?;
        Ok(RriConnection { stream })
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> RriConnection<S> {
    /// Over a stream that is there.
    pub fn over(stream: S) -> Self {
        RriConnection { stream }
    }

    /// Sends one request and reads its reply.
    pub async fn ask(&mut self, request: &str) -> Result<String, RriError> {
        let frame = frame(request)?;
        // From here on some of it may have arrived.
        let unknown = |error: io::Error| RriError::Unknown(error.to_string());
        let talk = async {
            self.stream.write_all(&frame).await?;
            self.stream.flush().await?;
            read_frame(&mut self.stream).await
        };
        timeout(REPLY_MAX, talk)
            .await
            .map_err(|_| RriError::Unknown("no reply in time".to_owned()))?
            .map_err(unknown)
    }
}

/// Length and text.
fn frame(request: &str) -> Result<Vec<u8>, RriError> {
    let bytes = request.as_bytes();
    let length = u32::try_from(bytes.len())
        .ok()
        .filter(|_| (1..=REQUEST_BYTES_MAX).contains(&bytes.len()))
        .ok_or_else(|| {
            RriError::NotSent(format!(
                "the request has {} bytes; 1 to {REQUEST_BYTES_MAX} can be sent",
                bytes.len()
            ))
        })?;
    let mut frame = length.to_be_bytes().to_vec();
    frame.extend_from_slice(bytes);
    Ok(frame)
}

/// Both parts may arrive in pieces; what is not UTF-8 is shown as such.
async fn read_frame(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<String> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).await?;
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if !(1..=REPLY_BYTES_MAX).contains(&length) {
        let why = format!("a reply of {length} bytes; 1 to {REPLY_BYTES_MAX} are possible");
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    }
    let mut text = vec![0; length];
    stream.read_exact(&mut text).await?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_request_and_a_reply_in_pieces() {
        let (near, mut far) = tokio::io::duplex(7);
        let answer = tokio::spawn(async move {
            let mut frame = vec![0; 4 + 26];
            far.read_exact(&mut frame).await.unwrap();
            assert_eq!(&frame[..4], [0, 0, 0, 26]);
            for byte in [&[0, 0, 0, 16][..], "RESULT: success\n".as_bytes()].concat() {
                far.write_all(&[byte]).await.unwrap();
            }
            String::from_utf8(frame[4..].to_vec()).unwrap()
        });
        let mut connection = RriConnection::over(near);
        let reply = connection
            .ask("version: 5.0\naction: info\n")
            .await
            .unwrap();
        assert_eq!(reply, "RESULT: success\n");
        assert_eq!(answer.await.unwrap(), "version: 5.0\naction: info\n");
    }

    #[tokio::test]
    async fn what_has_left_and_was_not_answered_is_not_known() {
        let (near, far) = tokio::io::duplex(1024);
        drop(far);
        let mut connection = RriConnection::over(near);
        assert!(matches!(
            connection.ask("x").await,
            Err(RriError::Unknown(_))
        ));
        let long = "x".repeat(REQUEST_BYTES_MAX + 1);
        assert!(matches!(
            connection.ask(&long).await,
            Err(RriError::NotSent(_))
        ));
        assert!(matches!(
            connection.ask("").await,
            Err(RriError::NotSent(_))
        ));
    }

    #[tokio::test]
    async fn a_reply_of_no_length_or_too_much_is_an_error() {
        for length in [0_u32, 65_537, u32::MAX] {
            let (near, mut far) = tokio::io::duplex(1024);
            far.write_all(&length.to_be_bytes()).await.unwrap();
            let mut connection = RriConnection::over(near);
            let error = connection.ask("x").await.unwrap_err();
            assert!(error.to_string().contains("bytes"), "{error}");
        }
    }
}
