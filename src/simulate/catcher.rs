//! A mail server on loopback that takes everything and keeps it in memory.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mail_parser::{MessageParser, MimeHeaders};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// The longest line that is taken; RFC 5321, section 4.5.3.1.6 asks for 1000 octets.
const LINE_BYTES_MAX: u64 = 64 << 10;

/// The biggest mail that is taken.
const MAIL_BYTES_MAX: usize = 4 << 20;

/// A client that says nothing for so long is dropped.
const PATIENCE: Duration = Duration::from_secs(300);

/// One part of a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Such as `text/plain`.
    pub content_type: String,
    /// Its text, decoded; empty where it is none.
    pub text: String,
}

/// A mail that was caught.
#[derive(Clone, Debug)]
pub struct Caught {
    /// `MAIL FROM`, without angle brackets; empty is the null sender.
    pub mail_from: String,
    /// `RCPT TO`, in order.
    pub recipients: Vec<String>,
    /// Without angle brackets.
    pub message_id: String,
    /// Decoded.
    pub subject: String,
    /// The parts that hold no further parts, in order.
    pub parts: Vec<Part>,
    /// The exact bytes, dot-stuffing undone.
    pub raw: Vec<u8>,
}

impl Caught {
    /// The plain text.
    pub fn text(&self) -> &str {
        let plain = self
            .parts
            .iter()
            .find(|part| part.content_type == "text/plain");
        plain.map_or("", |part| &part.text)
    }
}

type Mails = Arc<Mutex<Vec<Caught>>>;

/// The server; it ends when this is dropped.
pub struct Catcher {
    address: SocketAddr,
    mails: Mails,
    server: JoinHandle<()>,
}

impl Catcher {
    /// Listens on a free port of 127.0.0.1.
    pub async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let mails = Mails::default();
        let server = tokio::spawn(serve(listener, mails.clone()));
        Ok(Catcher {
            address,
            mails,
            server,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// All mails so far, in the order they came.
    pub fn mails(&self) -> Vec<Caught> {
        lock(&self.mails).clone()
    }

    /// Every copy of the mail with that Message-ID (without angle brackets).
    pub fn with_message_id(&self, id: &str) -> Vec<Caught> {
        let mut mails = self.mails();
        mails.retain(|mail| mail.message_id == id);
        mails
    }
}

impl Drop for Catcher {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// A panic elsewhere cannot leave half a mail here: one push is all that happens under the lock.
fn lock(mails: &Mails) -> MutexGuard<'_, Vec<Caught>> {
    mails.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(listener: TcpListener, mails: Mails) {
    let mut sessions = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    let mails = mails.clone();
                    // A client that hangs up in between has said all it wanted.
                    sessions.spawn(async move { session(stream, &mails).await.unwrap_or(()) });
                }
            }
            Some(_) = sessions.join_next() => {}
        }
    }
}

async fn session(stream: TcpStream, mails: &Mails) -> std::io::Result<()> {
    let mut peer = BufReader::new(stream);
    let mut mail_from = None;
    let mut recipients: Vec<String> = Vec::new();
    say(&mut peer, "220 catcher.example.net ESMTP").await?;
    loop {
        let line = read_line(&mut peer).await?;
        let command = String::from_utf8_lossy(&line).trim_end().to_owned();
        let verb = command
            .split([' ', ':'])
            .next()
            .unwrap_or_default()
            .to_ascii_uppercase();
        let reply = match verb.as_str() {
            "EHLO" => "250-catcher.example.net\r\n250-8BITMIME\r\n250 SMTPUTF8",
            "HELO" | "NOOP" => "250 OK",
            "RSET" => {
                (mail_from, recipients) = (None, Vec::new());
                "250 OK"
            }
            "MAIL" => {
                mail_from = path(&command);
                "250 OK"
            }
            "RCPT" if mail_from.is_some() => {
                recipients.extend(path(&command));
                "250 OK"
            }
            "DATA" if !recipients.is_empty() => {
                say(&mut peer, "354 go on").await?;
                let raw = read_data(&mut peer).await?;
                let from = mail_from.take().unwrap_or_default();
                let caught = open(from, std::mem::take(&mut recipients), raw);
                lock(mails).push(caught);
                "250 OK caught"
            }
            "QUIT" => return say(&mut peer, "221 bye").await,
            "RCPT" | "DATA" => "503 5.5.1 out of order",
            _ => "502 5.5.1 not known",
        };
        say(&mut peer, reply).await?;
    }
}

/// What stands between the angle brackets.
fn path(command: &str) -> Option<String> {
    let (_, rest) = command.split_once('<')?;
    let (path, _) = rest.split_once('>')?;
    Some(path.to_owned())
}

async fn say(peer: &mut BufReader<TcpStream>, reply: &str) -> std::io::Result<()> {
    peer.write_all(format!("{reply}\r\n").as_bytes()).await
}

async fn read_line(peer: &mut BufReader<TcpStream>) -> std::io::Result<Vec<u8>> {
    let mut line = Vec::new();
    let mut bounded = peer.take(LINE_BYTES_MAX);
    tokio::time::timeout(PATIENCE, bounded.read_until(b'\n', &mut line)).await??;
    if line.ends_with(b"\n") {
        Ok(line)
    } else {
        Err(std::io::ErrorKind::UnexpectedEof.into())
    }
}

async fn read_data(peer: &mut BufReader<TcpStream>) -> std::io::Result<Vec<u8>> {
    let mut raw = Vec::new();
    loop {
        let line = read_line(peer).await?;
        if line == b".\r\n" {
            return Ok(raw);
        }
        raw.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
        if raw.len() > MAIL_BYTES_MAX {
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
    }
}

fn open(mail_from: String, recipients: Vec<String>, raw: Vec<u8>) -> Caught {
    let mut caught = Caught {
        mail_from,
        recipients,
        message_id: String::new(),
        subject: String::new(),
        parts: Vec::new(),
        raw,
    };
    if let Some(mail) = MessageParser::default().parse(&caught.raw) {
        caught.message_id = mail.message_id().unwrap_or_default().to_owned();
        caught.subject = mail.subject().unwrap_or_default().to_owned();
        for part in mail.parts.iter().filter(|part| !part.is_multipart()) {
            let content_type = part.content_type().map(|kind| match kind.subtype() {
                Some(subtype) => format!("{}/{subtype}", kind.ctype()).to_ascii_lowercase(),
                None => kind.ctype().to_ascii_lowercase(),
            });
            caught.parts.push(Part {
                // RFC 2045, section 5.2: nothing said means plain text.
                content_type: content_type.unwrap_or_else(|| "text/plain".to_owned()),
                text: part.text_contents().unwrap_or_default().to_owned(),
            });
        }
    }
    caught
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::{SubmitError, submit};

    #[tokio::test]
    async fn a_mail_is_caught_as_it_was_sent_dots_included() {
        let catcher = Catcher::start().await.unwrap();
        let mail = "Message-ID: <1@example.net>\r\nSubject: =?utf-8?q?d=C3=A4nic?=\r\n\
                    Content-Type: text/plain; charset=utf-8\r\n\r\n.\r\n..ä\r\nend\r\n";
        let from = "a@example.net";
        for _ in 0..2 {
            let to = ["b@example.net", "c@example.net"];
            submit(catcher.address(), from, &to, mail.as_bytes())
                .await
                .unwrap();
        }
        let caught = catcher.with_message_id("1@example.net");
        assert_eq!(caught.len(), 2);
        assert_eq!(caught[0].raw, mail.as_bytes());
        assert_eq!(caught[0].mail_from, from);
        assert_eq!(caught[0].recipients, ["b@example.net", "c@example.net"]);
        assert_eq!(caught[0].subject, "dänic");
        assert!(caught[0].text().ends_with("ä\r\nend\r\n"));
    }

    #[tokio::test]
    async fn a_mail_without_a_recipient_is_not_taken() {
        let catcher = Catcher::start().await.unwrap();
        let refused = submit(catcher.address(), "a@example.net", &[], b"Hi\r\n").await;
        assert!(matches!(refused, Err(SubmitError::Refused { .. })));
        assert!(catcher.mails().is_empty());
    }
}
