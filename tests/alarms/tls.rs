//! The webhook and the smarthost over TLS, against servers with a certificate of our own making.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::house::{Done, House};

fn openssl(folder: &Path, arguments: &[&str]) {
    let output = Command::new("openssl")
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// `NAME.pem` and `NAME.key` of an authority, and of a server that it vouches for.
fn authority(folder: &Path, name: &str, server: &str) {
    let (pem, key) = (format!("{name}.pem"), format!("{name}.key"));
    let new = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2";
    let mut own: Vec<_> = new.split(' ').collect();
    let subject = format!("/CN={name}");
    own.extend(["-subj", &subject, "-keyout", &key, "-out", &pem]);
    openssl(folder, &own);
    let (server_pem, server_key) = (format!("{name}-server.pem"), format!("{name}-server.key"));
    let mut of_server: Vec<_> = new.split(' ').collect();
    let alt = format!("subjectAltName={server}");
    of_server.extend([
        "-subj",
        "/CN=server",
        "-CA",
        &pem,
        "-CAkey",
        &key,
        "-addext",
        &alt,
    ]);
    of_server.extend(["-addext", "basicConstraints=critical,CA:FALSE"]);
    of_server.extend(["-keyout", &server_key, "-out", &server_pem]);
    openssl(folder, &of_server);
}

fn acceptor(folder: &Path, name: &str) -> TlsAcceptor {
    let pem = folder.join(format!("{name}-server.pem"));
    let key = folder.join(format!("{name}-server.key"));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from_pem_file(pem).unwrap()],
            PrivateKeyDer::from_pem_file(key).unwrap(),
        )
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// Takes one request after the other and answers 200; their bytes.
async fn serve(folder: &Path, name: &str) -> (u16, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let acceptor = acceptor(folder, name);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (say, said) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            // Whoever does not trust us says nothing.
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut request = vec![0; 64 << 10];
            let mut len = 0;
            while !String::from_utf8_lossy(&request[..len]).ends_with('}') {
                match stream.read(&mut request[len..]).await {
                    Ok(0) | Err(_) => break,
                    Ok(more) => len += more,
                }
            }
            if len > 0 {
                say.send(String::from_utf8_lossy(&request[..len]).into_owned())
                    .unwrap();
            }
            let reply = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
            let _ = stream.write_all(reply).await;
        }
    });
    (port, said)
}

fn test(house: &House, trusts: &str) -> Done {
    let mut command = house.trusted(&["alarm", "test"]);
    command.env("SSL_CERT_FILE", house.path(trusts));
    command.output().unwrap().into()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_goes_by_tls_to_whom_this_machine_trusts_and_to_nobody_else() {
    let mut house = House::new(&[]);
    let folder = house.path(".");
    authority(&folder, "ours", "DNS:localhost,IP:127.0.0.1");
    authority(&folder, "foreign", "DNS:localhost,IP:127.0.0.1");
    authority(&folder, "other", "DNS:desk.example.net");
    let (port, mut said) = serve(&folder, "ours").await;
    for host in ["localhost", "127.0.0.1"] {
        house.set(
            "WATCH__WEBHOOK_URL",
            &format!("https://{host}:{port}/alarms"),
        );
        let done = test(&house, "ours.pem");
        assert_eq!(
            (done.code, done.out.as_str()),
            (0, "webhook: sent, 200 OK\n"),
            "{}",
            done.err
        );
        let request = said.recv().await.unwrap();
        assert!(
            request.starts_with("POST /alarms HTTP/1.1\r\n"),
            "{request}"
        );
        let host = format!("host: {host}:{port}\r\n");
        assert!(request.to_ascii_lowercase().contains(&host), "{request}");
    }
    // Signed by somebody whom this machine does not know.
    let done = test(&house, "foreign.pem");
    assert_eq!(done.code, 10);
    assert!(done.out.contains("UnknownIssuer"), "{}", done.out);
    // Known, but of another name.
    let (port, mut other) = serve(&folder, "other").await;
    house.set(
        "WATCH__WEBHOOK_URL",
        &format!("https://localhost:{port}/alarms"),
    );
    let done = test(&house, "other.pem");
    assert_eq!(done.code, 10);
    assert!(done.out.contains("desk.example.net"), "{}", done.out);
    assert!(
        said.try_recv().is_err() && other.try_recv().is_err(),
        "nothing was said to them"
    );
}

/// A mail server's side of a dialogue, up to its end or to STARTTLS; each line it was told, with `mark`
/// before it.
async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    mark: &str,
    say: &tokio::sync::mpsc::UnboundedSender<String>,
) -> std::io::Result<Option<S>> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    let mut is_mail = false;
    while stream.read_line(&mut line).await? > 0 {
        let said = std::mem::take(&mut line);
        let said = said.trim_end();
        let reply = match said.get(..4).unwrap_or_default() {
            _ if is_mail && said != "." => continue,
            "EHLO" => "250-mail.example.net\r\n250-STARTTLS\r\n250 AUTH PLAIN",
            "STAR" => "220 go on",
            "AUTH" => "235 welcome",
            "DATA" => "354 go on",
            _ => "250 ok",
        };
        is_mail = reply.starts_with("354");
        say.send(format!("{mark}{said}")).unwrap();
        stream.write_all(format!("{reply}\r\n").as_bytes()).await?;
        if said == "STARTTLS" {
            return Ok(Some(stream.into_inner()));
        }
    }
    Ok(None)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_goes_to_the_smarthost_by_tls_with_a_login_and_nothing_is_said_before() {
    for (url, is_wrapped) in [
        ("smtps://u%40x:p@localhost:PORT", true),
        ("smtp://u%40x:p@localhost:PORT?tls=required", false),
    ] {
        let mut house = House::new(&[]);
        let folder = house.path(".");
        authority(&folder, "ours", "DNS:localhost");
        authority(&folder, "foreign", "DNS:localhost");
        let acceptor = acceptor(&folder, "ours");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port().to_string();
        let (say, mut said) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                if !is_wrapped {
                    stream.write_all(b"220 hello\r\n").await.unwrap();
                    let Ok(Some(plain)) = talk(stream, "", &say).await else {
                        continue;
                    };
                    stream = plain;
                }
                // Whoever does not trust us says nothing.
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    continue;
                };
                if is_wrapped {
                    stream.write_all(b"220 hello\r\n").await.unwrap();
                }
                let _ = talk(stream, "tls ", &say).await;
            }
        });
        house.set("WATCH__ALERT_MAIL", "desk@example.org");
        house.set("NOTICES__SMARTHOST", &url.replace("PORT", &port));
        assert_eq!(test(&house, "foreign.pem").code, 10, "{url}");
        let done = test(&house, "ours.pem");
        assert_eq!(done.code, 0, "{url}: {}{}", done.out, done.err);
        let mut lines = Vec::new();
        while let Ok(line) = said.try_recv() {
            lines.push(line);
        }
        let is_said = |start: &str| lines.iter().any(|line| line.starts_with(start));
        // "u@x" and "p", as PLAIN wants them.
        assert!(is_said("tls AUTH PLAIN AHVAeABw"), "{lines:?}");
        assert!(is_said("tls RCPT TO:<desk@example.org>"), "{lines:?}");
        assert!(!is_said("AUTH") && !is_said("MAIL"), "{lines:?}");
    }
}
