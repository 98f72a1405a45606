//! A client that sends many mails over several connections and wants an answer to each.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

pub const FROM: &str = "registry-response@denic.de";
pub const TO: &str = "registry@registrar.example";

/// The number of a mail in its series → its bytes as they are to be kept.
pub type Series = Arc<dyn Fn(usize) -> Vec<u8> + Send + Sync>;

struct Line {
    stream: BufReader<TcpStream>,
    /// MAIL, RCPT and DATA were said already, behind the last mail.
    is_ahead: bool,
}

impl Line {
    async fn open(server: SocketAddr) -> Self {
        let stream = TcpStream::connect(server).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let mut line = Line {
            stream: BufReader::new(stream),
            is_ahead: false,
        };
        assert!(line.reply().await.unwrap().starts_with("220 "));
        line.stream
            .write_all(b"EHLO mx.example.net\r\n")
            .await
            .unwrap();
        assert!(line.reply().await.unwrap().starts_with("250"));
        line
    }

    /// The last line of one reply; `None`: the server has closed.
    async fn reply(&mut self) -> Option<String> {
        loop {
            let mut text = String::new();
            match self.stream.read_line(&mut text).await {
                Ok(1..) if text.as_bytes().get(3) == Some(&b'-') => {}
                Ok(1..) => return Some(text),
                _ => return None,
            }
        }
    }

    /// Sends one mail, the next one's envelope behind it (RFC 2920), and returns the answer to the final
    /// dot; `None`: there was none.
    async fn mail(&mut self, raw: &[u8], has_next: bool) -> Option<String> {
        let envelope = format!("MAIL FROM:<{FROM}> BODY=8BITMIME\r\nRCPT TO:<{TO}>\r\nDATA\r\n");
        if !self.is_ahead {
            self.stream.write_all(envelope.as_bytes()).await.ok()?;
        }
        for begins in ["250", "250", "354"] {
            let reply = self.reply().await?;
            assert!(reply.starts_with(begins), "{reply}");
        }
        let mut data = stuffed(raw);
        if has_next {
            data.extend_from_slice(envelope.as_bytes());
        }
        // A server that has heard enough closes; its answer is there all the same.
        let _ = self.stream.write_all(&data).await;
        self.is_ahead = has_next;
        self.reply().await
    }
}

/// A mail as it goes over the wire, the final dot included (RFC 5321, section 4.5.2).
fn stuffed(raw: &[u8]) -> Vec<u8> {
    let mut data = Vec::with_capacity(raw.len() + 16);
    let mut is_line_start = true;
    for (place, byte) in raw.iter().enumerate() {
        if is_line_start && *byte == b'.' {
            data.push(b'.');
        }
        data.push(*byte);
        is_line_start = *byte == b'\n' && place > 0 && raw[place - 1] == b'\r';
    }
    data.extend_from_slice(b".\r\n");
    data
}

/// The same bytes with an end of the last line, which a mail has on the wire.
pub fn ended(mut raw: Vec<u8>) -> Vec<u8> {
    if !raw.ends_with(b"\r\n") {
        raw.extend_from_slice(b"\r\n");
    }
    raw
}

/// Sends mails `0..count` over so many connections; the answers in the order of the mails.
pub async fn send_all(
    server: SocketAddr,
    series: Series,
    count: usize,
    connections: usize,
) -> Vec<Option<String>> {
    let next = Arc::new(AtomicUsize::new(0));
    let workers: Vec<_> = (0..connections)
        .map(|_| {
            let (next, series) = (next.clone(), series.clone());
            tokio::spawn(async move {
                let mut answers = Vec::new();
                let mut line = None;
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return answers;
                    }
                    let raw = series(number);
                    let mut open = match line.take() {
                        Some(open) => open,
                        None => Line::open(server).await,
                    };
                    let has_next = next.load(Ordering::Relaxed) + connections < count;
                    let answer = open.mail(&raw, has_next).await;
                    // What is not to be read further is refused, and the connection closed.
                    if answer
                        .as_ref()
                        .is_some_and(|answer| answer.starts_with("250"))
                    {
                        line = Some(open);
                    }
                    answers.push((number, answer));
                }
            })
        })
        .collect();
    let mut all: Vec<Option<String>> = vec![None; count];
    for worker in workers {
        for (number, answer) in worker.await.unwrap() {
            all[number] = answer;
        }
    }
    all
}
