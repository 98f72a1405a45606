//! The smarthost: takes mail for customers and for the desk, or will not.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use mail_parser::MessageParser;

/// What it answers to `RCPT TO`.
pub type Rule = fn(&str) -> &'static str;

/// Takes everything.
pub fn takes_all(_: &str) -> &'static str {
    "250 ok"
}

/// Later.
pub fn is_busy(_: &str) -> &'static str {
    "450 4.2.1 mailbox busy"
}

/// Never.
pub fn refuses_all(_: &str) -> &'static str {
    "550 5.1.1 no such mailbox"
}

/// Customers are unknown, the desk is not.
pub fn refuses_customers(to: &str) -> &'static str {
    match to.starts_with("desk") {
        true => takes_all(to),
        false => refuses_all(to),
    }
}

/// A mail that was taken.
#[derive(Clone, Debug)]
pub struct Mail {
    pub mail_from: String,
    pub to: String,
    pub raw: Vec<u8>,
    pub message_id: String,
    pub subject: String,
    pub text: String,
}

struct State {
    rule: Mutex<Rule>,
    mails: Mutex<Vec<Mail>>,
    turned_away: AtomicUsize,
    is_closed: AtomicBool,
}

/// A mail server that runs until it is dropped.
pub struct Smarthost {
    pub address: SocketAddr,
    state: Arc<State>,
}

impl Smarthost {
    /// On a free port, taking everything.
    pub fn start() -> Self {
        Smarthost::at(0)
    }

    /// On this port.
    pub fn at(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            rule: Mutex::new(takes_all),
            mails: Mutex::default(),
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
        Smarthost { address, state }
    }

    pub fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    /// From now on.
    pub fn set(&self, rule: Rule) {
        *self.state.rule.lock().unwrap() = rule;
    }

    /// How many mails were not taken.
    pub fn turned_away(&self) -> usize {
        self.state.turned_away.load(Ordering::SeqCst)
    }

    /// What was taken for this address.
    pub fn mails(&self, to: &str) -> Vec<Mail> {
        let mut mails = self.state.mails.lock().unwrap().clone();
        mails.retain(|mail| mail.to == to);
        mails
    }
}

impl Drop for Smarthost {
    fn drop(&mut self) {
        self.state.is_closed.store(true, Ordering::Relaxed);
        // Wakes the listener, so that it sees that.
        let _ = TcpStream::connect(self.address);
    }
}

impl State {
    fn talk(&self, stream: TcpStream) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let mut out = stream.try_clone()?;
        let mut input = BufReader::new(stream);
        let (mut mail_from, mut to) = (String::new(), String::new());
        out.write_all(b"220 mail.example.net ESMTP\r\n")?;
        loop {
            let mut line = String::new();
            if input.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
            let path = || line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
            let reply = match verb.as_str() {
                "EHLO" => "250-mail.example.net\r\n250 8BITMIME",
                "MAIL" => {
                    mail_from = path();
                    "250 ok"
                }
                "RCPT" => {
                    to = path();
                    let reply = (self.rule.lock().unwrap())(&to);
                    let is_refused = !reply.starts_with("250");
                    self.turned_away
                        .fetch_add(usize::from(is_refused), Ordering::SeqCst);
                    reply
                }
                "DATA" => {
                    out.write_all(b"354 go on\r\n")?;
                    let Some(raw) = message(&mut input)? else {
                        return Ok(());
                    };
                    self.keep(&mail_from, &to, raw);
                    "250 2.0.0 queued"
                }
                "QUIT" => return out.write_all(b"221 bye\r\n"),
                _ => "250 ok",
            };
            out.write_all(format!("{reply}\r\n").as_bytes())?;
        }
    }

    fn keep(&self, mail_from: &str, to: &str, raw: Vec<u8>) {
        let mail = MessageParser::default().parse(&raw).unwrap();
        let kept = Mail {
            mail_from: mail_from.to_owned(),
            to: to.to_owned(),
            message_id: mail.message_id().unwrap_or_default().to_owned(),
            subject: mail.subject().unwrap_or_default().to_owned(),
            text: mail.body_text(0).unwrap_or_default().into_owned(),
            raw: raw.clone(),
        };
        self.mails.lock().unwrap().push(kept);
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
