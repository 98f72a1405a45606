//! Hands a mail over by SMTP, as the registrar's own Postfix does.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// For the whole dialogue.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The longest reply line that is read; RFC 5321, section 4.5.3.1.5 allows 512 octets.
const REPLY_BYTES_MAX: u64 = 4_096;

/// Why a mail was not handed over.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// The connection failed.
    #[error("the connection failed: {0}")]
    Connection(#[from] std::io::Error),
    /// The server said no.
    #[error("{command} was answered `{reply}`")]
    Refused {
        /// What was said.
        command: String,
        /// The reply.
        reply: String,
    },
    /// No answer.
    #[error("no answer within {} s", TIMEOUT.as_secs())]
    Silence,
}

/// Submits one mail to `server` from the envelope sender `from` (empty: the null sender); returns
/// the reply to the final dot, such as `250 2.0.0 kept as 1042`. Lines end in CRLF; dots are
/// stuffed here.
pub async fn submit(
    server: SocketAddr,
    from: &str,
    to: &[&str],
    message: &[u8],
) -> Result<String, SubmitError> {
    tokio::time::timeout(TIMEOUT, dialogue(server, from, to, message))
        .await
        .unwrap_or(Err(SubmitError::Silence))
}

async fn dialogue(
    server: SocketAddr,
    from: &str,
    to: &[&str],
    message: &[u8],
) -> Result<String, SubmitError> {
    let mut peer = Peer(BufReader::new(TcpStream::connect(server).await?));
    let greeting = peer.reply().await?;
    expect("the connection", greeting, '2')?;
    let hello = peer.say("EHLO mx1.registry.example.net", '2').await?;
    // RFC 6152: 8-bit content is announced, to those who know the extension.
    let is_eight_bit = !message.is_ascii() && hello.to_ascii_uppercase().contains("8BITMIME");
    let parameter = if is_eight_bit { " BODY=8BITMIME" } else { "" };
    peer.say(&format!("MAIL FROM:<{from}>{parameter}"), '2')
        .await?;
    for recipient in to {
        peer.say(&format!("RCPT TO:<{recipient}>"), '2').await?;
    }
    peer.say("DATA", '3').await?;
    peer.0.write_all(&stuffed(message)).await?;
    let kept = peer.say(".", '2').await?;
    peer.say("QUIT", '2').await?;
    Ok(kept)
}

struct Peer(BufReader<TcpStream>);

impl Peer {
    /// Says a line and takes the reply, which must begin with `wanted`.
    async fn say(&mut self, command: &str, wanted: char) -> Result<String, SubmitError> {
        self.0
            .write_all(format!("{command}\r\n").as_bytes())
            .await?;
        self.0.flush().await?;
        let reply = self.reply().await?;
        expect(command, reply, wanted)
    }

    /// One reply, its lines joined with a blank.
    async fn reply(&mut self) -> Result<String, SubmitError> {
        let mut lines: Vec<String> = Vec::new();
        loop {
            let mut line = Vec::new();
            let mut bounded = (&mut self.0).take(REPLY_BYTES_MAX);
            bounded.read_until(b'\n', &mut line).await?;
            if !line.ends_with(b"\n") {
                return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
            }
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            let goes_on = line.as_bytes().get(3) == Some(&b'-');
            lines.push(line);
            if !goes_on {
                return Ok(lines.join(" "));
            }
        }
    }
}

fn expect(command: &str, reply: String, wanted: char) -> Result<String, SubmitError> {
    if reply.starts_with(wanted) {
        Ok(reply)
    } else {
        Err(SubmitError::Refused {
            command: command.to_owned(),
            reply,
        })
    }
}

/// Doubles a dot at the start of a line (RFC 5321, section 4.5.2) and ends the last line.
fn stuffed(message: &[u8]) -> Vec<u8> {
    let mut wire = Vec::with_capacity(message.len() + 16);
    for line in message.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b".") {
            wire.push(b'.');
        }
        wire.extend_from_slice(line);
    }
    if !wire.ends_with(b"\r\n") {
        wire.extend_from_slice(b"\r\n");
    }
    wire
}
