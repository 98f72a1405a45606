//! A sender that behaves as an MTA: it keeps every mail until it has a 250 for it, and tries again
//! after 4xx, refused connects and broken connections.

use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use stichtag::model::sha256_hex;

use super::fleet::{Fleet, Mail};
use super::site::{RECIPIENT, connect, pause};

/// Every so many mails, one is sent once more after it was acknowledged.
const AGAIN: usize = 10;

/// Every so many mails, one is first broken off in the middle.
const BROKEN_OFF: usize = 20;

/// No mail waits longer than this.
const PATIENCE: Duration = Duration::from_secs(120);

/// One mail on its way over one connection.
#[derive(Clone, Debug)]
pub struct Journey {
    /// Which mail.
    pub mail: usize,
    /// Of the bytes before dot-stuffing.
    pub sha256: String,
    /// The final dot was sent, or may have been.
    pub has_dot: bool,
    /// The number behind `kept as`.
    pub kept_as: Option<String>,
}

struct Shared {
    fleet: Arc<Fleet>,
    port: u16,
    pace: Duration,
    begun_at: Instant,
    next: AtomicUsize,
    is_over: AtomicBool,
    acknowledged: AtomicUsize,
    journeys: Mutex<Vec<Journey>>,
}

/// Several connections that send a fleet's mails.
pub struct Mta {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

/// Why there is no 250 yet.
enum Trouble {
    /// Try again.
    Transient,
    /// It must never come to this.
    Permanent(String),
}

impl From<io::Error> for Trouble {
    fn from(_: io::Error) -> Self {
        Trouble::Transient
    }
}

impl Mta {
    /// Begins to send, a mail each `pace` at most.
    pub fn start(port: u16, fleet: &Arc<Fleet>, connections: usize, pace: Duration) -> Self {
        let shared = Arc::new(Shared {
            fleet: fleet.clone(),
            port,
            pace,
            begun_at: Instant::now(),
            next: AtomicUsize::new(0),
            is_over: AtomicBool::new(false),
            acknowledged: AtomicUsize::new(0),
            journeys: Mutex::default(),
        });
        let threads = (0..connections)
            .map(|_| {
                let shared = shared.clone();
                std::thread::spawn(move || shared.work())
            })
            .collect();
        Mta { shared, threads }
    }

    /// How many 250s there were.
    pub fn acknowledged(&self) -> usize {
        self.shared.acknowledged.load(Ordering::Relaxed)
    }

    /// Is every mail acknowledged?
    pub fn is_done(&self) -> bool {
        self.threads.iter().all(JoinHandle::is_finished)
    }

    /// Begins no further mail.
    pub fn end(&self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
    }

    /// Waits for the last acknowledgement; everything that went over the wire.
    pub fn journeys(self) -> Vec<Journey> {
        for thread in self.threads {
            thread.join().unwrap();
        }
        std::mem::take(&mut *self.shared.journeys.lock().unwrap())
    }
}

impl Shared {
    fn work(&self) {
        let mut wire = None;
        let mut again = Vec::new();
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= self.fleet.mails.len() || self.is_over.load(Ordering::Relaxed) {
                break;
            }
            let slot = self.pace * u32::try_from(number).unwrap();
            pause((self.begun_at + slot).saturating_duration_since(Instant::now()));
            if number % BROKEN_OFF == 7 {
                self.break_off(number);
            }
            self.send(&mut wire, number, "first");
            if number.is_multiple_of(AGAIN) {
                again.push(number);
            }
            // Half of them follow soon, the others when nobody thinks of them any more.
            if again.len() > 1 {
                self.send(&mut wire, again.remove(0), "again");
            }
        }
        for number in again {
            self.send(&mut wire, number, "again");
        }
    }

    /// Sends until there is a 250.
    fn send(&self, wire: &mut Option<Wire>, number: usize, why: &str) {
        let deadline = Instant::now() + PATIENCE;
        let mail = &self.fleet.mails[number];
        for attempt in 0.. {
            // Of the mails with even numbers every journey has the very same bytes.
            let journey = match number % 2 {
                0 => format!("4Zq{number}"),
                _ => format!("4Zq{number}{why}{attempt}"),
            };
            let bytes = mail.bytes(&journey);
            match self.attempt(wire, number, mail, &bytes) {
                Ok(()) => return,
                Err(Trouble::Permanent(reply)) => panic!("mail {number} was refused: {reply}"),
                Err(Trouble::Transient) => {
                    *wire = None;
                    assert!(Instant::now() < deadline, "mail {number} finds no way in");
                    pause(Duration::from_millis(10));
                }
            }
        }
    }

    fn attempt(
        &self,
        wire: &mut Option<Wire>,
        number: usize,
        mail: &Mail,
        bytes: &[u8],
    ) -> Result<(), Trouble> {
        let wire = match wire {
            Some(wire) => wire,
            None => wire.insert(Wire::open(self.port)?),
        };
        wire.begin(mail)?;
        let place = {
            let mut journeys = self.journeys.lock().unwrap();
            journeys.push(Journey {
                mail: number,
                sha256: sha256_hex(bytes),
                has_dot: false,
                kept_as: None,
            });
            journeys.len() - 1
        };
        wire.body(bytes)?;
        self.journeys.lock().unwrap()[place].has_dot = true;
        let kept_as = wire.dot()?;
        self.journeys.lock().unwrap()[place].kept_as = Some(kept_as);
        self.acknowledged.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// A connection that breaks in the middle of a mail. Nothing of it may be kept.
    fn break_off(&self, number: usize) {
        let mail = &self.fleet.mails[number];
        let bytes = mail.bytes("broken-off");
        // Where the server is away just now, there is nothing to break.
        if let Ok(mut wire) = Wire::open(self.port)
            && wire.begin(mail).is_ok()
        {
            let _ = wire.body(&bytes[..bytes.len() * 2 / 3]);
        }
    }
}

/// One SMTP connection.
pub struct Wire(BufReader<TcpStream>);

impl Wire {
    /// Connects and says EHLO.
    fn open(port: u16) -> Result<Self, Trouble> {
        let mut wire = Wire(BufReader::new(connect(port)?));
        wire.expect("220")?;
        wire.say(b"EHLO mx1.registrar.example.net\r\n")?;
        wire.expect("250")?;
        Ok(wire)
    }

    /// Up to the 354, in one go, as Postfix does.
    fn begin(&mut self, mail: &Mail) -> Result<(), Trouble> {
        let envelope = format!(
            "MAIL FROM:<{}>\r\nRCPT TO:<{RECIPIENT}>\r\nDATA\r\n",
            mail.sender()
        );
        self.say(envelope.as_bytes())?;
        self.expect("250")?;
        self.expect("250")?;
        self.expect("354")?;
        Ok(())
    }

    /// The mail without its end.
    fn body(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut stuffed = Vec::with_capacity(bytes.len());
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            if line.starts_with(b".") {
                stuffed.push(b'.');
            }
            stuffed.extend_from_slice(line);
        }
        self.say(&stuffed)
    }

    /// The end; the number the mail was kept as.
    fn dot(&mut self) -> Result<String, Trouble> {
        self.say(b".\r\n")?;
        let reply = self.expect("250")?;
        let (_, number) = reply
            .split_once("kept as ")
            .ok_or_else(|| Trouble::Permanent(reply.clone()))?;
        Ok(number.to_owned())
    }

    fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.get_mut().write_all(bytes)
    }

    fn expect(&mut self, code: &str) -> Result<String, Trouble> {
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line)? == 0 || !line.ends_with("\r\n") {
                return Err(Trouble::Transient);
            }
            let line = line.trim_end();
            if line.as_bytes().get(3) == Some(&b'-') {
                continue;
            }
            return match line {
                line if line.starts_with(code) => Ok(line.to_owned()),
                line if line.starts_with('4') => Err(Trouble::Transient),
                line => Err(Trouble::Permanent(line.to_owned())),
            };
        }
    }
}
