//! The smarthost: takes notices, or will not.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::site::pause;

/// What it answers.
#[derive(Clone, Copy, Debug)]
pub enum Mode {
    /// Takes everything at once.
    Accept,
    /// 4xx, to every other mail at RCPT and to the rest after the dot.
    Transient,
    /// 5xx, in the same way.
    Permanent,
    /// Takes everything, and says so only after a while.
    Slow(Duration),
}

/// A mail that was taken.
#[derive(Clone, Debug)]
pub struct Caught {
    /// Without brackets.
    pub message_id: String,
    /// `RCPT TO`.
    pub recipient: String,
    /// As it came, dot-stuffing undone.
    pub raw: Vec<u8>,
}

struct State {
    mode: Mutex<Mode>,
    mails: Mutex<Vec<Caught>>,
    /// Mails whose dot has come and whose answer has not gone.
    held: AtomicUsize,
    /// Mails not taken.
    turned_away: AtomicUsize,
    is_closed: AtomicBool,
}

/// A smarthost that runs.
pub struct Catcher {
    port: u16,
    state: Arc<State>,
}

impl Catcher {
    /// Listens on `port`.
    pub fn open(port: u16, mode: Mode) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        let state = Arc::new(State {
            mode: Mutex::new(mode),
            mails: Mutex::default(),
            held: AtomicUsize::new(0),
            turned_away: AtomicUsize::new(0),
            is_closed: AtomicBool::new(false),
        });
        let shared = state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.is_closed.load(Ordering::Relaxed) {
                    return;
                }
                let state = shared.clone();
                // A connection that breaks is the other side's affair.
                std::thread::spawn(move || stream.and_then(|stream| state.talk(stream)));
            }
        });
        Catcher { port, state }
    }

    /// From now on.
    pub fn set(&self, mode: Mode) {
        *self.state.mode.lock().unwrap() = mode;
    }

    /// What was taken so far.
    pub fn mails(&self) -> Vec<Caught> {
        self.state.mails.lock().unwrap().clone()
    }

    /// How many mails await their answer.
    pub fn held(&self) -> usize {
        self.state.held.load(Ordering::SeqCst)
    }

    /// How many mails were not taken.
    pub fn turned_away(&self) -> usize {
        self.state.turned_away.load(Ordering::SeqCst)
    }
}

impl Drop for Catcher {
    fn drop(&mut self) {
        self.state.is_closed.store(true, Ordering::Relaxed);
        // Wakes the listener, so that it sees that.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

impl State {
    fn talk(&self, stream: TcpStream) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let mut out = stream.try_clone()?;
        let mut input = BufReader::new(stream);
        let mut recipient = String::new();
        out.write_all(b"220 mail.example.net ESMTP\r\n")?;
        loop {
            let mut line = String::new();
            if input.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
            match verb.as_str() {
                "EHLO" => out.write_all(b"250-mail.example.net\r\n250 8BITMIME\r\n")?,
                "RCPT" => {
                    let path = line.split(['<', '>']).nth(1).unwrap_or_default();
                    recipient = path.to_owned();
                    out.write_all(self.rcpt(&recipient))?;
                }
                "DATA" => {
                    out.write_all(b"354 go on\r\n")?;
                    let Some(raw) = message(&mut input)? else {
                        return Ok(());
                    };
                    out.write_all(self.end_of_data(&recipient, raw))?;
                }
                "QUIT" => return out.write_all(b"221 bye\r\n"),
                _ => out.write_all(b"250 ok\r\n")?,
            }
        }
    }

    fn mode(&self) -> Mode {
        *self.mode.lock().unwrap()
    }

    fn rcpt(&self, recipient: &str) -> &'static [u8] {
        let number: String = recipient.chars().filter(char::is_ascii_digit).collect();
        let is_early = number.parse::<u32>().is_ok_and(|n| n.is_multiple_of(4));
        let reply: &[u8] = match self.mode() {
            Mode::Transient if is_early => b"450 4.2.1 mailbox busy\r\n",
            Mode::Permanent if is_early => b"550 5.1.1 no such mailbox\r\n",
            _ => return b"250 ok\r\n",
        };
        self.turned_away.fetch_add(1, Ordering::SeqCst);
        reply
    }

    fn end_of_data(&self, recipient: &str, raw: Vec<u8>) -> &'static [u8] {
        let mode = self.mode();
        let refusal: Option<&[u8]> = match mode {
            Mode::Transient => Some(b"451 4.3.0 later\r\n"),
            Mode::Permanent => Some(b"554 5.7.1 not wanted\r\n"),
            Mode::Accept | Mode::Slow(_) => None,
        };
        if let Some(refusal) = refusal {
            self.turned_away.fetch_add(1, Ordering::SeqCst);
            return refusal;
        }
        let text = String::from_utf8_lossy(&raw);
        let message_id = text
            .lines()
            .find_map(|line| line.strip_prefix("Message-ID: <")?.strip_suffix('>'))
            .unwrap_or_default()
            .to_owned();
        self.held.fetch_add(1, Ordering::SeqCst);
        self.mails.lock().unwrap().push(Caught {
            message_id,
            recipient: recipient.to_owned(),
            raw,
        });
        if let Mode::Slow(time) = mode {
            pause(time);
        }
        self.held.fetch_sub(1, Ordering::SeqCst);
        b"250 2.0.0 queued\r\n"
    }
}

/// Everything up to the dot; `None`: it broke off.
fn message(input: &mut impl BufRead) -> std::io::Result<Option<Vec<u8>>> {
    let mut raw = Vec::new();
    loop {
        let mut line = Vec::new();
        if input.read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        match line.strip_prefix(b".") {
            Some(b"\r\n") => return Ok(Some(raw)),
            Some(rest) => raw.extend_from_slice(rest),
            None => raw.extend_from_slice(&line),
        }
    }
}
