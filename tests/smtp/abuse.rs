//! Abuse is answered, survived, and written to the log with its reason.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::advance;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::MakeWriter;

use crate::harness::{Client, House, LOCAL};

/// The log as an operator has it: level `info`, of this thread alone.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn open() -> (Self, DefaultGuard) {
        let log = Log::default();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::INFO)
            .with_writer(log.clone())
            .with_ansi(false)
            .finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    fn count(&self, line: &str) -> usize {
        self.text().matches(line).count()
    }

    fn assert_names(&self, line: &str) {
        let text = self.text();
        assert!(text.contains(line), "`{line}` is not in the log: {text}");
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Log;

    fn make_writer(&'a self) -> Log {
        self.clone()
    }
}

/// Says all of `bytes`, hangs up its own side and returns the rest of the replies.
async fn say_all<S: AsyncRead + AsyncWrite + Unpin>(
    client: &mut Client<S>,
    bytes: &[u8],
) -> String {
    // The server may close in the middle, and should.
    let _ = client.stream.write_all(bytes).await;
    let _ = client.stream.shutdown().await;
    let mut replies = String::new();
    loop {
        let reply = client.reply().await;
        if reply.is_empty() {
            return replies;
        }
        replies += &reply;
    }
}

/// The next one is served as if nothing had been.
async fn assert_serves(house: &House) {
    let before = house.shelf.kept().len();
    let mut relay = house.greeted().await;
    relay.mail("Subject: next\r\n\r\nx\r\n", "250 2.0.0").await;
    assert_eq!(house.shelf.kept().len(), before + 1);
}

#[tokio::test]
async fn a_smuggled_mail_is_refused_over_a_real_socket_and_the_log_says_why() {
    let inner =
        "MAIL FROM:<evil@example.de>\r\nRCPT TO:<denic@registry.example.net>\r\nDATA\r\nevil";
    for (form, byte) in [
        ("\n.\n", "<LF>"),
        ("\r.\r", "<CR>"),
        ("\r\n.\n", "<LF>"),
        ("\n.\r\n", "<LF>"),
        ("\r.\r\n", "<CR>"),
        ("\r\n.\r", "<CR>"),
        ("\r\n\0.\r\n", "<NUL>"),
        ("\r\n.\0\r\n", "<NUL>"),
        ("\r\n.\r\0\n", "<CR>"),
        ("\0", "<NUL>"),
    ] {
        let (log, _guard) = Log::open();
        let house = House::new();
        let served = house.serve().await;
        let mut client = served.connect().await;
        client.begin().await;
        let all = format!("Subject: outer\r\n\r\nbody{form}{inner}\r\n.\r\nQUIT\r\n");
        let replies = say_all(&mut client, all.as_bytes()).await;
        let reason = format!("bare {byte} in message");
        assert_eq!(replies.lines().count(), 1, "{form:?}: {replies}");
        assert!(
            replies.starts_with(&format!("550 5.5.2 {reason}")),
            "{form:?}: {replies}"
        );
        log.assert_names(&format!("connection cut off: {reason}"));
        assert!(house.shelf.kept().is_empty(), "{form:?}");
        let mut relay = served.connect().await;
        relay.mail("Subject: next\r\n\r\nx\r\n", "250 2.0.0").await;
    }
}

#[tokio::test]
async fn a_mail_in_the_packet_of_data_is_taken_by_the_same_rules() {
    let (log, _guard) = Log::open();
    let house = House::new();
    let mut client = house.greeted().await;
    // Sent without waiting for the 354, the true end first, a false one in the second mail.
    let all = "MAIL FROM:<a@example.de>\r\nRCPT TO:<denic@registry.example.net>\r\nDATA\r\none\r\n.\r\n\
        MAIL FROM:<a@example.de>\r\nRCPT TO:<denic@registry.example.net>\r\nDATA\r\ntwo\n.\n\
        MAIL FROM:<a@example.de>\r\nRCPT TO:<denic@registry.example.net>\r\nDATA\r\nthree\r\n.\r\n";
    let replies = say_all(&mut client, all.as_bytes()).await;
    let codes: Vec<&str> = replies.lines().map(|line| &line[..3]).collect();
    assert_eq!(
        codes,
        ["250", "250", "354", "250", "250", "250", "354", "550"]
    );
    assert_eq!(house.shelf.raw(), ["one\r\n"]);
    log.assert_names("bare <LF> in message");
}

#[tokio::test]
async fn a_bare_byte_in_a_command_is_logged() {
    for (line, byte) in [
        ("NOOP\nMAIL FROM:<a@example.de>\r\n", "<LF>"),
        ("NOOP\rNOOP\r\n", "<CR>"),
        ("NOOP \0\r\n", "<NUL>"),
    ] {
        let (log, _guard) = Log::open();
        let house = House::new();
        let served = house.serve().await;
        let mut client = served.connect().await;
        client.send(line).await;
        client
            .expect(&format!("500 5.5.2 bare {byte} in command"))
            .await;
        client.closed().await;
        log.assert_names(&format!("connection cut off: bare {byte} in command"));
        assert_serves(&house).await;
    }
}

#[tokio::test]
async fn starttls_is_refused_and_what_follows_it_is_said_in_the_clear() {
    let (log, _guard) = Log::open();
    let house = House::new();
    let mut client = house.connect().await;
    let offered = client.ask("EHLO relay.example.net", "250-").await;
    assert!(!offered.contains("STARTTLS"), "{offered}");
    // What is injected before the handshake is answered before it could begin, and in its order:
    // there is no state "after STARTTLS" that it could slip into.
    client
        .send("STARTTLS\r\nMAIL FROM:<evil@example.de>\r\nRCPT TO:<denic@registry.example.net>\r\n")
        .await;
    client.expect("502 5.5.1").await;
    client.expect("250 2.1.0").await;
    client.expect("250 2.1.5").await;
    log.assert_names("command refused: command not offered");
    // A client that begins its handshake all the same speaks no SMTP.
    client
        .send(b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00\r\n")
        .await;
    client.expect("500 5.5.2 bare <NUL> in command").await;
    client.closed().await;
    assert!(house.shelf.kept().is_empty());
    assert_serves(&house).await;
}

#[tokio::test]
async fn storms_of_rset_and_noop_end_at_the_cap_of_commands() {
    for command in ["RSET", "NOOP", "VRFY x", "EHLO storm.example.net"] {
        let (log, _guard) = Log::open();
        let house = House::with(|settings| settings.max_commands = 100);
        let mut client = house.connect().await;
        let replies = say_all(
            &mut client,
            format!("{command}\r\n").repeat(5_000).as_bytes(),
        )
        .await;
        let finals = replies
            .lines()
            .filter(|line| line.as_bytes()[3] == b' ')
            .count();
        assert_eq!(finals, 101, "{command}");
        let last = replies.lines().last().unwrap();
        assert!(last.starts_with("421 4.7.0 too many commands"), "{last}");
        log.assert_names("connection cut off: too many commands");
        assert_serves(&house).await;
    }
}

#[tokio::test]
async fn a_flood_of_errors_is_cut_off_and_makes_few_lines() {
    let (log, _guard) = Log::open();
    let house = House::new();
    let mut client = house.greeted().await;
    let mut flood = "FOO\r\n".repeat(19);
    flood += "NOOP\r\n";
    let replies = say_all(&mut client, flood.repeat(10).as_bytes()).await;
    assert_eq!(replies.lines().count(), 200);
    assert_eq!(log.count("command refused: command not recognised"), 1);
    let mut client = house.greeted().await;
    say_all(&mut client, "FOO\r\n".repeat(50).as_bytes()).await;
    log.assert_names("connection cut off: too many errors");
    assert_serves(&house).await;
}

#[tokio::test]
async fn a_client_that_closes_halfway_leaves_nothing_behind_but_a_line() {
    for half in [
        "MAIL FROM:<a@example.de>\r\n",
        "MAIL FROM:<a@example.de>\r\nRCPT TO:<denic@registry.example.net>\r\nDATA\r\nSubject: x\r\n",
        "MAIL FROM:<a@example.de>\r\nRCPT TO:<denic@registry.example.net>\r\nDATA\r\nx\r\n.\r",
        "MAIL FROM:<a@example.de>\r\nRCPT TO:<denic@registry.example.net>\r\nDATA\r\nx\r\n.",
        "MAIL FROM:<a@exam",
    ] {
        let (log, _guard) = Log::open();
        let house = House::new();
        let served = house.serve().await;
        let mut client = served.connect().await;
        say_all(&mut client, half.as_bytes()).await;
        assert!(house.shelf.kept().is_empty(), "{half:?}");
        log.assert_names("session ended within a mail or a command: the peer has closed");
        assert_serves(&house).await;
    }
}

#[tokio::test]
async fn a_client_that_closes_its_side_after_the_dot_still_gets_its_answer() {
    let house = House::new();
    let served = house.serve().await;
    let mut client = served.connect().await;
    let all =
        "MAIL FROM:<a@example.de>\r\nRCPT TO:<denic@registry.example.net>\r\nDATA\r\nx\r\n.\r\n";
    let replies = say_all(&mut client, all.as_bytes()).await;
    assert!(replies.ends_with("250 2.0.0 kept as 1\r\n"), "{replies}");
}

#[tokio::test]
async fn a_size_that_lies_is_found_out() {
    let (log, _guard) = Log::open();
    let house = House::with(|settings| settings.max_message_size = 1000);
    let mut client = house.greeted().await;
    // Too small, but within the limit: an estimate, and no reason to lose a mail (RFC 1870).
    client
        .ask("MAIL FROM:<a@example.de> SIZE=1", "250 2.1.0")
        .await;
    client.ask("RCPT TO:<postmaster>", "250").await;
    client.ask("DATA", "354").await;
    client.send(format!("{}\r\n.\r\n", "x".repeat(900))).await;
    client.expect("250 2.0.0 kept as 1").await;

    client
        .ask("XFORWARD ADDR=192.0.2.9 IDENT=4XyZ12", "250")
        .await;
    client
        .ask("MAIL FROM:<a@example.de> SIZE=1", "250 2.1.0")
        .await;
    client.ask("RCPT TO:<postmaster>", "250").await;
    client.ask("DATA", "354").await;
    client.send(format!("{}\r\n.\r\n", "x".repeat(1_100))).await;
    client.expect("552 5.3.4").await;
    log.assert_names(
        "message refused: message too big session=1 client=127.0.0.1 queue_id=\"4XyZ12\"",
    );

    client
        .ask("MAIL FROM:<a@example.de> SIZE=1", "250 2.1.0")
        .await;
    client.ask("RCPT TO:<postmaster>", "250").await;
    client.ask("DATA", "354").await;
    client.send("x".repeat(16_001)).await;
    client.expect("552 5.3.4").await;
    client.closed().await;
    log.assert_names("connection cut off: message too big");

    let mut client = house.greeted().await;
    client
        .ask("MAIL FROM:<a@example.de> SIZE=1001", "552 5.3.4")
        .await;
    log.assert_names("command refused: message too big");
    assert_serves(&house).await;
}

#[tokio::test]
async fn an_8_bit_message_is_kept_byte_by_byte_whatever_was_announced() {
    let raw = "Subject: D\u{e4}nic\r\n\r\n\u{fc}\r\n".as_bytes().to_vec();
    let raw = [raw, b"\xe4\xff\x80\r\n".to_vec()].concat();
    for (hello, parameter, is_announced) in [
        ("EHLO relay.example.net", " BODY=8BITMIME", true),
        ("EHLO relay.example.net", " BODY=7BIT", false),
        ("EHLO relay.example.net", "", false),
        ("HELO relay.example.net", "", false),
    ] {
        let (log, _guard) = Log::open();
        let house = House::new();
        let mut client = house.connect().await;
        client.ask(hello, "250").await;
        let from = format!("MAIL FROM:<a@example.de>{parameter}");
        client.ask(&from, "250 2.1.0").await;
        client.ask("RCPT TO:<postmaster>", "250").await;
        client.ask("DATA", "354").await;
        client.send([&raw[..], b".\r\n"].concat()).await;
        client.expect("250 2.0.0").await;
        assert_eq!(house.shelf.kept()[0].raw, raw);
        let lines = log.count("8-bit message without BODY=8BITMIME, kept as it came");
        assert_eq!(lines, usize::from(!is_announced), "{hello}{parameter}");
    }
}

#[tokio::test]
async fn a_flood_of_recipients_is_put_off_and_logged_once() {
    let (log, _guard) = Log::open();
    let house = House::new();
    let mut client = house.greeted().await;
    let mut flood = "MAIL FROM:<a@example.de>\r\n".to_owned();
    for number in 0..28 {
        flood += &format!("RCPT TO:<r{number}@registry.example.net>\r\n");
    }
    flood += "DATA\r\nx\r\n.\r\n";
    let replies = say_all(&mut client, flood.as_bytes()).await;
    assert_eq!(replies.matches("452 4.5.3").count(), 18);
    assert_eq!(house.shelf.kept()[0].envelope.recipients.len(), 10);
    assert_eq!(log.count("command refused: too many recipients"), 1);

    let mut client = house.greeted().await;
    let strangers = "RCPT TO:<x@example.de>\r\n".repeat(5_000);
    say_all(
        &mut client,
        format!("MAIL FROM:<a@example.de>\r\n{strangers}").as_bytes(),
    )
    .await;
    log.assert_names("command refused: no such recipient here");
    log.assert_names("connection cut off: too many errors");
    assert_serves(&house).await;
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_connections_is_turned_away_with_a_line_each() {
    let (log, _guard) = Log::open();
    let house = House::with(|settings| settings.max_connections = 5);
    let mut busy = Vec::new();
    for _ in 0..4 {
        let mut client = house.greeted().await;
        client.begin().await;
        busy.push(client);
    }
    let mut idle = house.greeted().await;
    advance(Duration::from_secs(1)).await;
    let mut newcomer = house.greeted().await;
    idle.expect("421 4.3.2 idle too long").await;
    log.assert_names("session ended: idle too long while others wait");
    newcomer.begin().await;
    for _ in 0..10 {
        let mut refused = house.connect_from(LOCAL);
        refused.expect("421 4.3.2 too many connections").await;
    }
    assert_eq!(log.count("connection refused, all are busy"), 10);
    for client in &mut busy {
        client.send("x\r\n.\r\n").await;
        client.expect("250 2.0.0").await;
    }
    let mut stranger = house.connect_from("203.0.113.5".parse().unwrap());
    stranger.expect("554 5.7.1").await;
    log.assert_names("connection from outside `smtp.trusted_relays` refused");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_drips_its_bytes_is_cut_off_in_every_state() {
    let patience = Duration::from_secs(60);
    for (begin, drip, seconds, reason) in [
        ("", "x", 1, "timeout, closing"),
        ("MAIL FROM:<a@example.de>\r\n", "x", 1, "timeout, closing"),
        (
            "MAIL FROM:<a@example.de>\r\nRCPT TO:<postmaster>\r\nDATA\r\n",
            "x",
            59,
            "session took too long, closing",
        ),
        ("", "NOOP\r\n", 30, "session took too long, closing"),
    ] {
        let (log, _guard) = Log::open();
        let house = House::with(|settings| {
            settings.session_timeout = Duration::from_secs(300);
            settings.command_timeout = patience;
        });
        let mut client = house.greeted().await;
        client.send(begin).await;
        for _ in 0..300 {
            if client.stream.write_all(drip.as_bytes()).await.is_err() {
                break;
            }
            advance(Duration::from_secs(seconds)).await;
        }
        let mut replies = Vec::new();
        // Reset or closed, it is over.
        let _ = client.stream.read_to_end(&mut replies).await;
        let replies = String::from_utf8(replies).unwrap();
        let last = replies.lines().last().unwrap();
        assert!(last.ends_with(reason), "{begin:?} {drip:?}: {replies}");
        log.assert_names(reason);
        assert!(house.shelf.kept().is_empty());
        assert_serves(&house).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_no_replies_is_dropped_and_named() {
    let (log, _guard) = Log::open();
    let house = House::new();
    let mut deaf = house.connect().await;
    deaf.send("EHLO relay.example.net\r\n".repeat(800)).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    advance(Duration::from_secs(61)).await;
    assert_serves(&house).await;
    log.assert_names("the peer does not take our replies");
}

#[tokio::test]
async fn other_protocols_are_not_searched_for_commands_and_the_log_says_so() {
    for (hello, reason) in [
        ("GET / HTTP/1.1\r\nHost: x\r\n\r\n", "this is no web server"),
        ("\x16\x03\x01\0\n", "bare <LF> in command"),
    ] {
        let (log, _guard) = Log::open();
        let house = House::new();
        let mut client = house.connect().await;
        let all = format!("{hello}EHLO x\r\nMAIL FROM:<a@example.de>\r\n");
        let replies = say_all(&mut client, all.as_bytes()).await;
        assert_eq!(replies.lines().count(), 1, "{replies}");
        log.assert_names(reason);
        assert_serves(&house).await;
    }
}
