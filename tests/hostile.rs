//! Twenty-six ways to be a bad client, among a thousand idle connections, against the real server:
//! delivery goes on, each is in the log with its reason, and what was taken is given back.
#![cfg(target_os = "linux")]

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

const IDLE: u8 = 4;
const IDLE_EACH: usize = 250;
const MEMORY_MAX_KIB: u64 = 64 * 1024;
/// Only so that a broken server fails the test instead of hanging it.
const PATIENCE: Duration = Duration::from_secs(60);

const MAIL: &str = "MAIL FROM:<registry-response@denic.de>\r\n";
const RCPT: &str = "RCPT TO:<live@registry.example.net>\r\n";

/// What becomes of an attack's connection.
#[derive(Clone, Copy)]
enum Then {
    /// It stays open to the end of the test.
    Stays,
    /// The server answers and closes; the last reply begins so.
    Closed(&'static str),
    /// The client closes its side, and reads what was said.
    HalfClosed,
    /// The client vanishes with a reset.
    Reset,
}

struct Attack {
    name: &'static str,
    bytes: Vec<u8>,
    then: Then,
    /// In the log, at level `info`.
    log: Option<&'static str>,
}

fn attacks() -> Vec<Attack> {
    let attack = |name, bytes: Vec<u8>, then, log| Attack {
        name,
        bytes,
        then,
        log,
    };
    let data = |text: &str| format!("{MAIL}{RCPT}DATA\r\nSubject: x\r\n\r\n{text}").into_bytes();
    let evil = format!("{MAIL}{RCPT}DATA\r\nevil\r\n.\r\nQUIT\r\n");
    let smuggle = |end: &str| data(&format!("body{end}{evil}"));
    let quit = |text: String| format!("{text}QUIT\r\n").into_bytes();
    let cut = |reply| Then::Closed(reply);
    let bye = Then::Closed("221 2.0.0");
    vec![
        attack("says nothing", Vec::new(), Then::Stays, None),
        attack(
            "half a command",
            b"MAIL FROM:<a".to_vec(),
            Then::Stays,
            None,
        ),
        attack("stops in a mail", data("x\r\n"), Then::Stays, None),
        attack(
            "stops before the last dot's end",
            data("x\r\n.\r"),
            Then::Stays,
            None,
        ),
        attack(
            "takes no replies",
            "EHLO x\r\n".repeat(900).into_bytes(),
            Then::Stays,
            None,
        ),
        attack(
            "LF.LF",
            smuggle("\n.\n"),
            cut("550 5.5.2"),
            Some("bare <LF> in message"),
        ),
        attack(
            "CR.CR",
            smuggle("\r.\r"),
            cut("550 5.5.2"),
            Some("bare <CR> in message"),
        ),
        attack(
            "LF.CRLF",
            smuggle("\n.\r\n"),
            cut("550 5.5.2"),
            Some("bare <LF> in message"),
        ),
        attack(
            "CRLF.LF",
            smuggle("\r\n.\n"),
            cut("550 5.5.2"),
            Some("bare <LF> in message"),
        ),
        attack(
            "NUL",
            smuggle("\r\n\0.\r\n"),
            cut("550 5.5.2"),
            Some("bare <NUL> in message"),
        ),
        attack(
            "LF in a command",
            format!("NOOP\n{evil}").into_bytes(),
            cut("500 5.5.2"),
            Some("bare <LF> in command"),
        ),
        attack(
            "NUL in a command",
            format!("NOOP\0\r\n{evil}").into_bytes(),
            cut("500 5.5.2"),
            Some("bare <NUL> in command"),
        ),
        attack(
            "a line without end",
            vec![b'x'; 2_000_000],
            cut("500 5.5.6"),
            Some("cut off: line too long"),
        ),
        attack(
            "a mail without end",
            data(&"x\r\n".repeat(2_000_000)),
            cut("552 5.3.4"),
            Some("cut off: message too big"),
        ),
        attack(
            "a SIZE that lies",
            quit(format!(
                "{}{RCPT}DATA\r\n{}.\r\n",
                MAIL.replace("\r\n", " SIZE=1\r\n"),
                "x\r\n".repeat(90_000)
            )),
            bye,
            Some("message refused: message too big"),
        ),
        attack(
            "a SIZE that is too big",
            quit(MAIL.replace("\r\n", " SIZE=99999999999999999999\r\n")),
            bye,
            Some("command refused: message too big"),
        ),
        attack(
            "NOOP storm",
            b"NOOP\r\n".repeat(5_000),
            cut("421 4.7.0 too many commands"),
            Some("cut off: too many commands"),
        ),
        attack(
            "RSET storm",
            b"RSET\r\n".repeat(5_000),
            cut("421 4.7.0 too many commands"),
            Some("cut off: too many commands"),
        ),
        attack(
            "errors",
            b"FOO\r\n".repeat(500),
            cut("421 4.7.0 too many errors"),
            Some("cut off: too many errors"),
        ),
        attack(
            "recipients",
            quit(format!("{MAIL}{}", RCPT.repeat(28))),
            bye,
            Some("command refused: too many recipients"),
        ),
        attack(
            "strangers",
            format!("{MAIL}{}", "RCPT TO:<x@example.net>\r\n".repeat(500)).into_bytes(),
            cut("421 4.7.0 too many errors"),
            Some("command refused: no such recipient here"),
        ),
        attack(
            "a web request",
            b"POST / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
            cut("421 4.7.0"),
            Some("this is no web server"),
        ),
        attack(
            "STARTTLS, then commands",
            quit(format!("STARTTLS\r\n{MAIL}")),
            bye,
            Some("command refused: command not offered"),
        ),
        attack(
            "8-bit unannounced",
            quit(format!(
                "{MAIL}{RCPT}DATA\r\nSubject: \u{e4}\r\n\r\nx\r\n.\r\n"
            )),
            bye,
            Some("8-bit message without BODY=8BITMIME"),
        ),
        attack(
            "closes its side within a mail",
            data("x\r\n"),
            Then::HalfClosed,
            Some("within a mail or a command: the peer has closed"),
        ),
        attack(
            "resets within a mail",
            data("x\r\n"),
            Then::Reset,
            Some("within a mail or a command: the peer has closed"),
        ),
    ]
}

/// A server in a process of its own.
struct Server {
    child: Child,
    at: SocketAddr,
    folder: tempfile::TempDir,
}

impl Server {
    fn start() -> Self {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let maximum = getrlimit(Resource::Nofile).maximum;
        let current = maximum;
        setrlimit(Resource::Nofile, Rlimit { current, maximum }).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let log = File::create(folder.path().join("log")).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_stichtag"))
            .arg("serve")
            .env("STICHTAG_SERVER__SMTP_LISTEN", r#"["127.0.0.1:0"]"#)
            .env("STICHTAG_SERVER__ADMIN_LISTEN", "")
            .env("STICHTAG_SERVER__DATA_DIR", folder.path().join("data"))
            .env(
                "STICHTAG_ROUTE__DENIC_LIVE__RECIPIENTS",
                r#"["live@registry.example.net"]"#,
            )
            .env(
                "STICHTAG_ROUTE__DENIC_TEST__RECIPIENTS",
                r#"["test@registry.example.net"]"#,
            )
            .env("STICHTAG_STORE__MIN_FREE", "1MiB")
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        lines.read_line(&mut line).unwrap();
        let at = line
            .split_whitespace()
            .find_map(|word| word.strip_prefix("smtp="))
            .unwrap_or_else(|| panic!("not ready: {line}"))
            .parse()
            .unwrap();
        Server { child, at, folder }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// A line of the process's status, in KiB: `VmRSS` now, `VmHWM` at its highest.
    fn kib(&self, key: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with(key)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    fn sockets(&self) -> usize {
        let folder = format!("/proc/{}/fd", self.child.id());
        let targets = fs::read_dir(folder).unwrap().flatten();
        targets
            .filter_map(|entry| fs::read_link(entry.path()).ok())
            .filter(|target| target.to_string_lossy().starts_with("socket:"))
            .count()
    }

    async fn connect(&self, source: Ipv4Addr) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from((source, 0))).unwrap();
        socket.connect(self.at).await.unwrap()
    }

    /// The same, greeting read.
    async fn greeted(&self, source: Ipv4Addr) -> TcpStream {
        let mut stream = self.connect(source).await;
        let mut greeting = [0; 200];
        let count = stream.read(&mut greeting).await.unwrap();
        assert!(greeting[..count].starts_with(b"220 "));
        stream
    }

    /// A delivery from beginning to end.
    async fn probe(&self, source: Ipv4Addr) {
        let mut stream = self.greeted(source).await;
        let all = format!("EHLO x\r\n{MAIL}{RCPT}DATA\r\nSubject: probe\r\n\r\nx\r\n.\r\nQUIT\r\n");
        stream.write_all(all.as_bytes()).await.unwrap();
        let mut replies = String::new();
        stream.read_to_string(&mut replies).await.unwrap();
        assert!(replies.contains("250 2.0.0 kept as "), "{replies}");
    }

    async fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let begin = Instant::now();
        while !is_so(self) {
            assert!(begin.elapsed() < PATIENCE, "{what}: {}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

async fn commit(server: &Server, attack: &Attack, source: Ipv4Addr) -> Option<TcpStream> {
    let before = server.log().len();
    let mut stream = server.greeted(source).await;
    stream.write_all(b"EHLO x\r\n").await.unwrap();
    // The server may close in the middle, and should.
    let written = stream.write_all(&attack.bytes).await;
    let mut replies = Vec::new();
    match attack.then {
        Then::Stays => {
            written.unwrap();
            return Some(stream);
        }
        Then::Closed(last) => {
            // A reset may follow the last reply: more was sent than the server reads.
            let _ = stream.read_to_end(&mut replies).await;
            let replies = String::from_utf8(replies).unwrap();
            let found = replies.lines().last().unwrap_or_default();
            assert!(found.starts_with(last), "{}: {found}", attack.name);
        }
        Then::HalfClosed => {
            stream.shutdown().await.unwrap();
            stream.read_to_end(&mut replies).await.unwrap();
        }
        Then::Reset => {
            // Unread replies make the close a reset.
            stream.readable().await.unwrap();
            drop(stream);
        }
    }
    if let Some(reason) = attack.log {
        let is_logged = |server: &Server| server.log()[before..].contains(reason);
        server
            .until(&format!("{} in the log", attack.name), is_logged)
            .await;
    }
    None
}

async fn all_attacks(idle_from: impl Fn(u8) -> Ipv4Addr, attack_from: Ipv4Addr) {
    let server = Server::start();
    let relay = Ipv4Addr::LOCALHOST;
    let sockets = server.sockets();
    server.probe(relay).await;
    let memory = server.kib("VmRSS");
    let mut open = Vec::new();
    for group in 0..IDLE {
        for _ in 0..IDLE_EACH {
            open.push(server.greeted(idle_from(group)).await);
        }
    }
    for attack in attacks() {
        open.extend(commit(&server, &attack, attack_from).await);
        server.probe(relay).await;
    }
    // A flood beyond the cap of 1,200: idle ones make room, and the log says so.
    for _ in 0..300 {
        open.push(server.connect(attack_from).await);
    }
    server.probe(relay).await;
    let made_room = |server: &Server| server.log().contains("idle too long while others wait");
    server.until("room is made", made_room).await;
    let grown = server.kib("VmHWM").saturating_sub(memory);
    assert!(grown <= MEMORY_MAX_KIB, "{grown} KiB");
    drop(open);
    server
        .until("descriptors are given back", |server| {
            server.sockets() <= sockets
        })
        .await;
    server.probe(relay).await;
    assert!(!server.log().contains("panic"), "{}", server.log());
}

#[tokio::test]
async fn hostile_clients_among_a_thousand_idle_ones_stop_nobody() {
    let from = |group| Ipv4Addr::new(127, 0, 1, group + 1);
    all_attacks(from, Ipv4Addr::new(127, 0, 2, 1)).await;
}

#[tokio::test]
async fn hostile_clients_from_the_relays_own_address_stop_nobody() {
    all_attacks(|_| Ipv4Addr::LOCALHOST, Ipv4Addr::LOCALHOST).await;
}
