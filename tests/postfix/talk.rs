//! SMTP as a client speaks it, and a customer's mail server that takes everything.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The address that the registry's mail server has here. It is not one of `mynetworks`.
pub const REGISTRY: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 9);

const PATIENCE: Duration = Duration::from_secs(60);

/// A connection to a mail server.
pub struct Talk {
    stream: BufReader<TcpStream>,
}

impl Talk {
    /// Connects from `source`, reads the greeting and says EHLO.
    pub fn from(source: Ipv4Addr, to: (Ipv4Addr, u16)) -> Self {
        let connecting = async {
            let socket = tokio::net::TcpSocket::new_v4()?;
            socket.bind(SocketAddr::from((source, 0)))?;
            socket.connect(SocketAddr::from(to)).await?.into_std()
        };
        let stream = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()
            .unwrap()
            .block_on(connecting)
            .unwrap();
        stream.set_nonblocking(false).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut talk = Talk {
            stream: BufReader::new(stream),
        };
        let greeting = talk.reply();
        assert!(greeting.starts_with("220 "), "{greeting}");
        talk.expect("EHLO mail-out.denic.de", "250 ");
        talk
    }

    /// Says a line, returns the last line of the reply.
    pub fn say(&mut self, line: &str) -> String {
        self.put(format!("{line}\r\n").as_bytes());
        self.reply()
    }

    /// Says a line that must be answered as expected.
    pub fn expect(&mut self, line: &str, start: &str) -> String {
        let reply = self.say(line);
        assert!(reply.starts_with(start), "{line}: {reply}");
        reply
    }

    /// Sends bytes as they are.
    pub fn put(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).unwrap();
    }

    /// The last line of the next reply.
    pub fn reply(&mut self) -> String {
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).unwrap();
            if line.as_bytes().get(3) != Some(&b'-') {
                return line.trim_end().to_owned();
            }
        }
    }

    /// All that comes until the other side closes.
    pub fn rest(&mut self) -> String {
        let mut rest = String::new();
        self.stream.read_to_string(&mut rest).unwrap();
        rest
    }

    /// Sends a whole mail and returns the reply to its end.
    pub fn mail(&mut self, from: &str, to: &str, message: &[u8]) -> String {
        self.expect(&format!("MAIL FROM:<{from}> BODY=8BITMIME"), "250 ");
        self.expect(&format!("RCPT TO:<{to}>"), "250 ");
        self.expect("DATA", "354 ");
        self.put(&stuffed(message));
        self.reply()
    }

    /// Sends a whole mail to a Postfix, which must take it; the queue id.
    pub fn queued(&mut self, from: &str, to: &str, message: &[u8]) -> String {
        let reply = self.mail(from, to, message);
        let queue_id = reply.strip_prefix("250 2.0.0 Ok: queued as ");
        queue_id.unwrap_or_else(|| panic!("{reply}")).to_owned()
    }
}

/// A message of CRLF lines with its dots doubled, and the end of data.
pub fn stuffed(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for line in message.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b".") {
            out.push(b'.');
        }
        out.extend(line);
    }
    assert!(out.ends_with(b"\r\n"), "a message ends with a line");
    out.extend(b".\r\n");
    out
}

/// A mail that reached a customer.
#[derive(Clone, Debug)]
pub struct Arrived {
    pub mail_from: String,
    pub rcpt_to: String,
    pub message: Vec<u8>,
}

/// A mail server that takes everything, except for those whose names say otherwise: `unknown…` are not
/// there, `full…` take no more, `busy…` are to be tried later.
#[derive(Clone, Default)]
pub struct Catcher(Arc<Mutex<Vec<Arrived>>>);

impl Catcher {
    pub fn start(at: (Ipv4Addr, u16)) -> Self {
        let listener = TcpListener::bind(at).unwrap();
        let catcher = Catcher::default();
        let caught = catcher.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, caught) = (stream.unwrap(), caught.clone());
                // A connection may break at any time; what is complete was taken before.
                std::thread::spawn(move || caught.serve(stream));
            }
        });
        catcher
    }

    /// What has arrived so far.
    pub fn arrived(&self) -> Vec<Arrived> {
        self.0.lock().unwrap().clone()
    }

    fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        stream.write_all(b"220 mx.example.net ESMTP\r\n")?;
        let mut input = BufReader::new(stream.try_clone()?);
        let (mut mail_from, mut rcpt_to) = (String::new(), String::new());
        let mut line = String::new();
        while input.read_line(&mut line)? > 0 {
            let command = std::mem::take(&mut line);
            let address = || {
                let inner = command
                    .split_once('<')
                    .and_then(|(_, rest)| rest.split_once('>'));
                inner.map_or(String::new(), |(address, _)| address.to_owned())
            };
            let verb = command.get(..4).unwrap_or_default().to_ascii_uppercase();
            let reply = match verb.as_str() {
                "MAIL" => {
                    mail_from = address();
                    "250 ok"
                }
                "RCPT" => {
                    rcpt_to = address();
                    match rcpt_to.get(..4).unwrap_or_default() {
                        "unkn" => "550 5.1.1 no such user here",
                        "full" => "552 5.2.2 mailbox is full",
                        "busy" => "451 4.7.1 greylisted, try again later",
                        _ => "250 ok",
                    }
                }
                "DATA" => {
                    stream.write_all(b"354 go on\r\n")?;
                    let message = read_message(&mut input)?;
                    self.0.lock().unwrap().push(Arrived {
                        mail_from: mail_from.clone(),
                        rcpt_to: rcpt_to.clone(),
                        message,
                    });
                    "250 taken"
                }
                "QUIT" => {
                    stream.write_all(b"221 bye\r\n")?;
                    break;
                }
                _ => "250 mx.example.net",
            };
            stream.write_all(format!("{reply}\r\n").as_bytes())?;
        }
        Ok(())
    }
}

fn read_message(input: &mut impl BufRead) -> std::io::Result<Vec<u8>> {
    let mut message = Vec::new();
    loop {
        let mut line = Vec::new();
        if input.read_until(b'\n', &mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if line == b".\r\n" {
            return Ok(message);
        }
        message.extend(line.strip_prefix(b".").unwrap_or(&line));
    }
}
