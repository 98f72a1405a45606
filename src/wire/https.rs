//! One POST over HTTPS: bounded, no redirects, no proxies, no cookies, a connection for each.
//!
//! `hyper` and `tokio-rustls` serve the health pages and the smarthost already; a client of its own
//! making on top of them can do nothing that was not asked for.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, HOST, HeaderValue, USER_AGENT};
use hyper::rt::{Read, Write};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::rri::Trust;

/// Octets of a reply's header.
const HEADER_BYTES_MAX: usize = 64 << 10;

/// How we name ourselves.
const AGENT: &str = concat!("stichtag/", env!("CARGO_PKG_VERSION"));

/// An address of a web service: `https://…`, or `http://…` on this very machine.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpUrl {
    is_tls: bool,
    /// Without brackets.
    host: String,
    port: u16,
    authority: String,
    path: String,
}

/// The text is no address that may be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpUrlError {
    /// It cannot be read.
    #[error("it is not a URL such as https://desk.example.net/alarms")]
    Form,
    /// Neither `https` nor `http`.
    #[error("it begins with neither `https://` nor, for this machine, `http://`")]
    Scheme,
    /// Anybody on the way could read and change it.
    #[error("`http://` goes to this machine only (127.0.0.1, [::1], localhost); use `https://`")]
    Plain,
    /// A login in it would be shown with the configuration.
    #[error("it holds a login, which would be shown; leave out what stands before the `@`")]
    Login,
}

impl FromStr for HttpUrl {
    type Err = HttpUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let uri: Uri = text.trim().parse().map_err(|_| HttpUrlError::Form)?;
        let is_tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(HttpUrlError::Scheme),
        };
        let authority = uri.authority().ok_or(HttpUrlError::Form)?;
        if authority.as_str().contains('@') {
            return Err(HttpUrlError::Login);
        }
        // The fragment is for browsers; a service would never see it.
        if authority.host().is_empty() || text.contains('#') {
            return Err(HttpUrlError::Form);
        }
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        let port = match (authority.port(), is_tls) {
            (Some(port), _) => port.as_u16(),
            (None, true) => 443,
            (None, false) => 80,
        };
        let is_here = host.eq_ignore_ascii_case("localhost")
            || host.parse().is_ok_and(|at: IpAddr| at.is_loopback());
        if !is_tls && !is_here {
            return Err(HttpUrlError::Plain);
        }
        Ok(HttpUrl {
            is_tls,
            host,
            port,
            authority: authority.as_str().to_owned(),
            path: uri
                .path_and_query()
                .map_or("/", |path| path.as_str())
                .to_owned(),
        })
    }
}

/// Only the host: a path or query may hold what not everybody should read.
impl fmt::Debug for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_tls { "https" } else { "http" };
        write!(f, "{scheme}://{}/…", self.authority)
    }
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct HttpRequest<'a> {
    /// Whom.
    pub url: &'a HttpUrl,
    /// Names in lower case, with their values.
    pub headers: &'a [(&'static str, &'a str)],
    /// The body.
    pub body: &'a [u8],
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpReply {
    /// Such as 200.
    pub status: u16,
    /// The status with its usual words, such as `200 OK`.
    pub line: String,
    /// The body, as far as it was wanted.
    pub body: Vec<u8>,
    /// There was more of it than was wanted, or it broke off.
    pub is_cut: bool,
}

/// Why there is no answer. Nothing of it names a path, a header or a body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The name, the way or the other side.
    #[error("{host}: no connection: {why}")]
    Connect {
        /// Whom we called.
        host: String,
        /// What was in the way.
        why: String,
    },
    /// It answers, but not in time.
    #[error("{host}: no answer within {} s", within.as_secs())]
    Timeout {
        /// Whom we called.
        host: String,
        /// How long we waited.
        within: Duration,
    },
    /// What it said was no HTTP, or it hung up.
    #[error("{host}: {why}")]
    Protocol {
        /// Whom we called.
        host: String,
        /// What was wrong.
        why: String,
    },
    /// We cannot ask this.
    #[error("the request cannot be made: {0}")]
    Request(String),
}

/// Asks web services.
#[derive(Clone)]
pub struct HttpClient {
    tls: Arc<ClientConfig>,
    has_roots: bool,
    /// For the name, the connection and its TLS.
    pub connect_timeout: Duration,
    /// For all of it.
    pub timeout: Duration,
    /// Octets of a reply's body that are wanted.
    pub body_bytes_max: usize,
}

impl HttpClient {
    /// A client that trusts whom this machine trusts (`SSL_CERT_FILE` names others).
    ///
    /// # Errors
    /// TLS cannot be set up; a sentence.
    pub fn new() -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        let native = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(native.certs);
        let has_roots = !roots.is_empty();
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| format!("TLS cannot be set up: {error}"))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(HttpClient::over(Arc::new(tls), has_roots))
    }

    /// A client that trusts those.
    pub fn trusting(trust: &Trust) -> Self {
        HttpClient::over(trust.0.clone(), true)
    }

    fn over(tls: Arc<ClientConfig>, has_roots: bool) -> Self {
        HttpClient {
            tls,
            has_roots,
            connect_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(30),
            body_bytes_max: 64 << 10,
        }
    }

    /// May it be called at all? Without any trusted certificate, nobody can by TLS.
    pub fn can_call(&self, url: &HttpUrl) -> bool {
        self.has_roots || !url.is_tls
    }

    /// Asks once. A reply of any status is a reply.
    pub async fn post(&self, request: &HttpRequest<'_>) -> Result<HttpReply, HttpError> {
        let within = self.timeout;
        let host = request.url.authority.clone();
        timeout(within, self.exchange(request))
            .await
            .unwrap_or(Err(HttpError::Timeout { host, within }))
    }

    async fn exchange(&self, request: &HttpRequest<'_>) -> Result<HttpReply, HttpError> {
        let url = request.url;
        let message = message(request)?;
        let within = self.connect_timeout;
        let stream = timeout(within, connect(url))
            .await
            .unwrap_or_else(|_| Err(refused(url, "no connection in time")))?;
        if !url.is_tls {
            return self.talk(url, TokioIo::new(stream), message).await;
        }
        let name = ServerName::try_from(url.host.clone())
            .map_err(|_| refused(url, "its name cannot be in a certificate"))?;
        let connecting = TlsConnector::from(self.tls.clone()).connect(name, stream);
        let stream = timeout(within, connecting)
            .await
            .map_err(|_| refused(url, "no TLS in time"))?
            .map_err(|error| refused(url, error))?;
        self.talk(url, TokioIo::new(stream), message).await
    }

    async fn talk<S>(
        &self,
        url: &HttpUrl,
        stream: S,
        message: Request<Full<Bytes>>,
    ) -> Result<HttpReply, HttpError>
    where
        S: Read + Write + Send + Unpin + 'static,
    {
        let broken = |error: hyper::Error| HttpError::Protocol {
            host: url.authority.clone(),
            why: causes(&error),
        };
        let (mut sender, connection) = http1::Builder::new()
            .max_buf_size(HEADER_BYTES_MAX)
            .handshake(stream)
            .await
            .map_err(broken)?;
        // Ends with this call, however that ends.
        let mut driver = JoinSet::new();
        driver.spawn(connection);
        let reply = sender.send_request(message).await.map_err(broken)?;
        let status = reply.status();
        let mut body = reply.into_body();
        let mut taken = Vec::new();
        let mut is_cut = false;
        while let Some(frame) = body.frame().await {
            // The status is what counts; a body that breaks off does not undo it.
            let Ok(frame) = frame else {
                is_cut = true;
                break;
            };
            let data = frame.into_data().unwrap_or_default();
            let room = self.body_bytes_max.saturating_sub(taken.len());
            taken.extend_from_slice(&data[..data.len().min(room)]);
            if data.len() > room {
                is_cut = true;
                break;
            }
        }
        Ok(HttpReply {
            status: status.as_u16(),
            line: status.to_string(),
            body: taken,
            is_cut,
        })
    }
}

fn message(request: &HttpRequest<'_>) -> Result<Request<Full<Bytes>>, HttpError> {
    let wrong = |error: &dyn fmt::Display| HttpError::Request(error.to_string());
    let mut message = Request::post(&request.url.path)
        .body(Full::new(Bytes::copy_from_slice(request.body)))
        .map_err(|error| wrong(&error))?;
    let headers = message.headers_mut();
    let host = HeaderValue::from_str(&request.url.authority).map_err(|error| wrong(&error))?;
    headers.insert(HOST, host);
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    for (name, value) in request.headers {
        let value = HeaderValue::from_str(value).map_err(|error| wrong(&error))?;
        headers.insert(*name, value);
    }
    Ok(message)
}

async fn connect(url: &HttpUrl) -> Result<TcpStream, HttpError> {
    let found = tokio::net::lookup_host((url.host.as_str(), url.port))
        .await
        .map_err(|error| refused(url, error))?;
    // Without TLS nothing leaves this machine, whatever a name server says of `localhost`.
    let may_be_called = |at: &SocketAddr| url.is_tls || at.ip().is_loopback();
    let mut last = refused(url, "the name has no address that may be used");
    for at in found.filter(may_be_called) {
        match TcpStream::connect(at).await {
            Ok(stream) => {
                stream
                    .set_nodelay(true)
                    .map_err(|error| refused(url, error))?;
                return Ok(stream);
            }
            Err(error) => last = refused(url, error),
        }
    }
    Err(last)
}

fn refused(url: &HttpUrl, why: impl fmt::Display) -> HttpError {
    HttpError::Connect {
        host: url.authority.clone(),
        why: why.to_string(),
    }
}

/// An error with what lies behind it.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_or_this_very_machine_may_be_called() {
        for (text, host, port, path) in [
            ("https://desk.example.net", "desk.example.net", 443, "/"),
            (
                "https://desk.example.net:8443/a?b=c",
                "desk.example.net",
                8443,
                "/a?b=c",
            ),
            ("https://[2001:db8::1]/x", "2001:db8::1", 443, "/x"),
            ("http://127.0.0.1:8080/x", "127.0.0.1", 8080, "/x"),
            ("http://127.9.9.9", "127.9.9.9", 80, "/"),
            ("http://[::1]:1/", "::1", 1, "/"),
            ("http://localhost/x", "localhost", 80, "/x"),
        ] {
            let url: HttpUrl = text
                .parse()
                .unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!((url.host.as_str(), url.port), (host, port), "{text}");
            assert_eq!(url.path, path, "{text}");
        }
        for (text, error) in [
            ("", HttpUrlError::Form),
            ("desk.example.net/x", HttpUrlError::Form),
            ("/x", HttpUrlError::Scheme),
            ("ftp://desk.example.net/", HttpUrlError::Scheme),
            ("http://desk.example.net/", HttpUrlError::Plain),
            ("http://127.0.0.1.example.net/", HttpUrlError::Plain),
            ("http://localhost.example.net/", HttpUrlError::Plain),
            ("http://10.0.0.1/", HttpUrlError::Plain),
            ("http://0.0.0.0/", HttpUrlError::Plain),
            ("http://127.0.0.1@desk.example.net/", HttpUrlError::Login),
            ("https://a:b@desk.example.net/", HttpUrlError::Login),
            ("https://desk.example.net/#x", HttpUrlError::Form),
            ("https://desk.example.net/a b", HttpUrlError::Form),
            ("https:///x", HttpUrlError::Form),
        ] {
            assert_eq!(text.parse::<HttpUrl>(), Err(error), "{text}");
        }
    }

    #[test]
    fn a_url_shows_only_its_host() {
        let url: HttpUrl = "https://desk.example.net/hook/t0ken?key=t0ken"
            .parse()
            .unwrap();
        assert_eq!(format!("{url:?}"), "https://desk.example.net/…");
    }

    /// Takes one request and answers with these bytes, again and again where they must not end.
    async fn server(reply: &'static [u8], is_endless: bool) -> HttpUrl {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4_096];
            let _ = stream.read(&mut request).await;
            let mut is_first = true;
            while is_first || is_endless {
                is_first = false;
                if stream.write_all(reply).await.is_err() {
                    return;
                }
            }
        });
        format!("http://127.0.0.1:{port}/x").parse().unwrap()
    }

    async fn ask(client: &HttpClient, url: &HttpUrl) -> Result<HttpReply, HttpError> {
        let request = HttpRequest {
            url,
            headers: &[("content-type", "text/plain")],
            body: b"x",
        };
        client.post(&request).await
    }

    #[tokio::test]
    async fn a_reply_is_read_as_far_as_it_is_wanted() {
        let client = HttpClient {
            body_bytes_max: 4,
            ..HttpClient::new().unwrap()
        };
        for (reply, body, is_cut) in [
            (
                &b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfour"[..],
                "four",
                false,
            ),
            (
                b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nfive!",
                "five",
                true,
            ),
            (
                b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\noff",
                "off",
                true,
            ),
            (
                b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nend",
                "end",
                false,
            ),
        ] {
            let got = ask(&client, &server(reply, false).await).await.unwrap();
            let text = String::from_utf8(got.body).unwrap();
            assert_eq!((got.status, text.as_str(), got.is_cut), (200, body, is_cut));
            assert_eq!(got.line, "200 OK");
        }
        let endless = b"HTTP/1.1 503 Service Unavailable\r\n\r\nand so on ";
        let got = ask(&client, &server(endless, true).await).await.unwrap();
        assert_eq!(
            (got.status, got.body.as_slice(), got.is_cut),
            (503, &b"and "[..], true)
        );
    }

    #[tokio::test]
    async fn what_is_no_reply_is_an_error_that_names_no_path() {
        let client = HttpClient {
            timeout: Duration::from_millis(500),
            ..HttpClient::new().unwrap()
        };
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let silent = format!("http://{}/t0ken", silent.local_addr().unwrap());
        for (url, part) in [
            (server(b"", false).await, "127.0.0.1:"),
            (
                server(b"220 mail.example.net ESMTP\r\n", false).await,
                "127.0.0.1:",
            ),
            (
                server(b"HTTP/1.1 200 OK\r\nx: y\r\n", true).await,
                "127.0.0.1:",
            ),
            (silent.parse().unwrap(), "no answer within"),
            ("http://127.0.0.1:1/t0ken".parse().unwrap(), "no connection"),
            (
                "https://127.0.0.1:1/t0ken".parse().unwrap(),
                "no connection",
            ),
        ] {
            let error = ask(&client, &url).await.unwrap_err().to_string();
            assert!(error.contains(part) && !error.contains("t0ken"), "{error}");
        }
    }
}
