//! The load: connections that deliver status mails the way Postfix does, as fast as they are
//! answered. One thread, so that it takes as little as it can of the machine.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::str::FromStr;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::LocalSet;

/// Domains that the mails are about, in turn.
pub const DOMAINS: u64 = 20_000;

/// The recipient of every mail.
pub const RECIPIENT: &str = "registry@mx.example.net";

/// Bytes of a mail: what a status mail with its trace fields has.
const MAIL_BYTES: usize = 2_200;

/// Mails on one connection before it is opened anew, as Postfix does after a while.
const MAILS_PER_CONNECTION: u32 = 200;

/// What is sent before this is over is not counted.
const WARM_UP: Duration = Duration::from_millis(200);

/// A load run, as words on the command line of the generator's process.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Where to.
    pub to: SocketAddr,
    /// Connections that deliver at the same time.
    pub connections: usize,
    /// Connections that only sit there.
    pub idle: usize,
    /// Ends after this time.
    pub millis: u64,
    /// Ends after so many mails.
    pub mails: u64,
}

impl Load {
    /// The words that [`Load::from_words`] reads.
    pub fn words(&self) -> [String; 5] {
        [
            self.to.to_string(),
            self.connections.to_string(),
            self.idle.to_string(),
            self.millis.to_string(),
            self.mails.to_string(),
        ]
    }

    /// Reads [`Load::words`].
    pub fn from_words(words: &[String]) -> anyhow::Result<Self> {
        let [to, connections, idle, millis, mails] = words else {
            bail!("expected address, connections, idle, milliseconds, mails");
        };
        Ok(Load {
            to: to.parse()?,
            connections: connections.parse()?,
            idle: idle.parse()?,
            millis: millis.parse()?,
            mails: mails.parse()?,
        })
    }
}

/// What a load run has seen. Rates and times are of the mails after the warm-up.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen {
    /// Mails answered with 250, warm-up included.
    pub mails: u64,
    /// Accepted mails per second.
    pub rate: f64,
    /// Milliseconds from the final dot to its reply, median.
    pub p50_ms: f64,
    /// The same, 99th percentile.
    pub p99_ms: f64,
}

impl std::fmt::Display for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Seen {
            mails,
            rate,
            p50_ms,
            p99_ms,
        } = self;
        write!(f, "{mails} {rate} {p50_ms} {p99_ms}")
    }
}

impl FromStr for Seen {
    type Err = anyhow::Error;

    fn from_str(line: &str) -> anyhow::Result<Self> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [mails, rate, p50_ms, p99_ms] = words[..] else {
            bail!("the generator said `{line}`");
        };
        Ok(Seen {
            mails: mails.parse()?,
            rate: rate.parse()?,
            p50_ms: p50_ms.parse()?,
            p99_ms: p99_ms.parse()?,
        })
    }
}

/// The name of the domain with that number.
pub fn domain(number: u64) -> String {
    format!("bench-{:07}.de", number % DOMAINS)
}

/// A mail with the places where its number stands.
pub struct Mail {
    bytes: Vec<u8>,
    domain_at: Vec<usize>,
    serial_at: usize,
}

impl Mail {
    /// The body as it goes over the wire, final dot included.
    pub fn new() -> Self {
        let mark = domain(0);
        let serial = "SERIAL-0000000000";
        // As far away as the registry sets them.
        let today = jiff::Timestamp::now().as_second() / 86_400 * 86_400;
        let [sent, dedelegation, deletion] = [-1, 30, 120].map(|days| {
            let at = jiff::Timestamp::from_second(today + days * 86_400 + 30_600);
            at.unwrap_or_default().to_zoned(jiff::tz::TimeZone::UTC)
        });
        let [date, day] = ["%a, %d %b %Y %H:%M:%S +0000", "%Y-%m-%d"]
            .map(|format| sent.strftime(format).to_string());
        let [dedelegation, deletion] =
            [dedelegation, deletion].map(|at| at.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string());
        let mut trace = String::new();
        for hop in 1.. {
            let text = format!(
                "Return-Path: <registry-response@denic.de>\r\n{trace}\
                 Date: {date}\r\nFrom: registry-response@denic.de\r\n\
                 To: {RECIPIENT}\r\nSubject: DOMAIN STATUS UPDATE - {day}\r\n\
                 Message-ID: <20260505083005.{serial}@denic.de>\r\nMIME-Version: 1.0\r\n\
                 Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
                 STATUS: success\r\nTICKET: \r\nOBJECT: Domain\r\nHANDLE: {mark} [{mark}]\r\n\
                 HOLDER: DENIC-1000888-BODDEN-GBR\r\nHOLDER: DENIC-1000888-HOLDER-2\r\n\
                 INFO: 53000080013 Domain \"Status\" is \"connect\"\r\n\
                 INFO: 16350000040 Verification information must be provided for the holder(s) to \
                 avoid dedelegation by [Date: {dedelegation}, VerificationClaims: address;name]\r\n\
                 INFO: 16350000041 Verification information must be provided for the holder(s) to \
                 avoid deletion by [Date: {deletion}, VerificationClaims: address;name]\r\n.\r\n"
            );
            if text.len() >= MAIL_BYTES {
                return Mail {
                    domain_at: text.match_indices(&mark).map(|(at, _)| at + 6).collect(),
                    serial_at: text.find(serial).map_or(0, |at| at + 7),
                    bytes: text.into_bytes(),
                };
            }
            trace += &format!(
                "Received: from mx{hop}.example.net (mx{hop}.example.net [192.0.2.{hop}])\r\n\
                 \tby relay{hop}.example.net (Postfix) with ESMTPS id 4Zq7bK1x2vz9s;\r\n\
                 \tTue, 05 May 2026 08:30:06 +0200\r\n"
            );
        }
        unreachable!("every round adds to the mail")
    }

    /// The mail with that number.
    pub fn numbered(&mut self, number: u64) -> &[u8] {
        for at in &self.domain_at {
            write_digits(&mut self.bytes[*at..*at + 7], number % DOMAINS);
        }
        write_digits(&mut self.bytes[self.serial_at..self.serial_at + 10], number);
        &self.bytes
    }
}

fn write_digits(digits: &mut [u8], mut number: u64) {
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// What the connections share.
struct Run {
    load: Load,
    started: Instant,
    sent: Cell<u64>,
    accepted: Cell<u64>,
    /// Of mails after the warm-up: microseconds to the reply.
    waits: RefCell<Vec<u32>>,
    last_at: Cell<Instant>,
}

impl Run {
    /// The number of the next mail, if there is to be one.
    fn next(&self) -> Option<u64> {
        let number = self.sent.get();
        let is_over = number >= self.load.mails
            || self.started.elapsed() >= Duration::from_millis(self.load.millis);
        (!is_over).then(|| {
            self.sent.set(number + 1);
            number
        })
    }
}

/// Runs the load to its end.
pub fn run(load: Load) -> anyhow::Result<Seen> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let started = Instant::now();
    let run = Rc::new(Run {
        load,
        started,
        sent: Cell::new(0),
        accepted: Cell::new(0),
        waits: RefCell::default(),
        last_at: Cell::new(started),
    });
    LocalSet::new().block_on(&runtime, async {
        let mut idle = Vec::new();
        for _ in 0..load.idle {
            idle.push(Connection::open(load.to).await?);
        }
        let tasks: Vec<_> = (0..load.connections)
            .map(|_| tokio::task::spawn_local(deliver(run.clone())))
            .collect();
        for task in tasks {
            task.await??;
        }
        for mut connection in idle {
            connection.command(b"NOOP\r\n", 1, b"250").await?;
        }
        anyhow::Ok(())
    })?;
    let mut waits = run.waits.take();
    waits.sort_unstable();
    ensure!(!waits.is_empty(), "no mail was accepted after the warm-up");
    let span = run
        .last_at
        .get()
        .saturating_duration_since(started + WARM_UP);
    let at = |share: usize| f64::from(waits[(waits.len() - 1) * share / 100]) / 1e3;
    Ok(Seen {
        mails: run.accepted.get(),
        rate: waits.len() as f64 / span.as_secs_f64(),
        p50_ms: at(50),
        p99_ms: at(99),
    })
}

async fn deliver(run: Rc<Run>) -> anyhow::Result<()> {
    let head = format!(
        "MAIL FROM:<registry-response@denic.de> SIZE={MAIL_BYTES}\r\nRCPT TO:<{RECIPIENT}>\r\nDATA\r\n"
    );
    let mut mail = Mail::new();
    let mut next = run.next();
    while next.is_some() {
        let mut connection = Connection::open(run.load.to).await?;
        for _ in 0..MAILS_PER_CONNECTION {
            let Some(number) = next else { break };
            connection.command(head.as_bytes(), 3, b"354").await?;
            let dot_at = Instant::now();
            connection.command(mail.numbered(number), 1, b"250").await?;
            let now = Instant::now();
            run.accepted.set(run.accepted.get() + 1);
            if now >= run.started + WARM_UP {
                let wait = now - dot_at;
                run.waits.borrow_mut().push(wait.as_micros() as u32);
                run.last_at.set(now);
            }
            next = run.next();
        }
        connection.command(b"QUIT\r\n", 1, b"221").await?;
    }
    Ok(())
}

/// A connection after its EHLO.
struct Connection {
    stream: TcpStream,
    input: Vec<u8>,
}

impl Connection {
    async fn open(to: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        let mut connection = Connection {
            stream,
            input: Vec::with_capacity(1024),
        };
        connection.command(b"", 1, b"220").await?;
        connection
            .command(b"EHLO mx.example.net\r\n", 1, b"250")
            .await?;
        Ok(connection)
    }

    /// Writes `text` in one go and reads `replies` replies, the last of which has this code.
    async fn command(&mut self, text: &[u8], replies: usize, code: &[u8]) -> anyhow::Result<()> {
        self.stream.write_all(text).await?;
        self.input.clear();
        loop {
            let read = self.stream.read_buf(&mut self.input).await?;
            ensure!(read > 0, "connection closed by the server");
            let is_whole = self.input.ends_with(b"\n");
            let last = || {
                self.input
                    .split_inclusive(|byte| *byte == b'\n')
                    .filter(|line| line.get(3) == Some(&b' '))
            };
            if is_whole && last().count() >= replies {
                let is_fine = last()
                    .next_back()
                    .is_some_and(|line| line.starts_with(code));
                let text = || String::from_utf8_lossy(&self.input).into_owned();
                return is_fine.then_some(()).with_context(text);
            }
        }
    }
}
