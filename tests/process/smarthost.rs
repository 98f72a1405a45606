//! What a smarthost answers, and to which command: whose fault it is, and whether it is tried again.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use jiff::ToSpan;
use stichtag::model::{Notice, NoticeState};
use stichtag::send::{self, Letter, Writer};
use stichtag::serve;
use stichtag::store::Store;

use super::desk::{CONNECT, Desk, HOLD, config, dedelegation, deletion, mail};

/// Answers that are not the usual ones, by command; `220` is the greeting, `.` the end of the mail. An
/// empty answer breaks off.
type Answers = Arc<Mutex<BTreeMap<&'static str, &'static str>>>;

struct Smarthost {
    url: String,
    answers: Answers,
}

impl Smarthost {
    fn start(url: &str, answers: &[(&'static str, &'static str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = url.replace("HOST", &listener.local_addr().unwrap().to_string());
        let answers: Answers = Arc::new(Mutex::new(answers.iter().copied().collect()));
        let shared = answers.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let answers = shared.clone();
                // A connection that breaks is the other side's affair.
                std::thread::spawn(move || stream.and_then(|stream| talk(stream, &answers)));
            }
        });
        Smarthost { url, answers }
    }

    fn is_mended(&self) {
        self.answers.lock().unwrap().clear();
    }
}

fn talk(stream: TcpStream, answers: &Answers) -> std::io::Result<()> {
    let mut out = stream.try_clone()?;
    let mut lines = BufReader::new(stream).lines();
    let mut say = |command: &str, usual: &str| {
        let answers = answers.lock().unwrap();
        let answer = answers.get(command).copied().unwrap_or(usual);
        match answer {
            "" => Err(std::io::ErrorKind::ConnectionAborted.into()),
            answer => out.write_all(format!("{answer}\r\n").as_bytes()),
        }
    };
    say("220", "220 mail.example.net ESMTP")?;
    while let Some(line) = lines.next().transpose()? {
        let command = line.get(..4).unwrap_or_default().to_ascii_uppercase();
        match command.as_str() {
            "EHLO" => {
                let offers = "250-mail.example.net\r\n250-STARTTLS\r\n250-AUTH PLAIN\r\n250 DSN";
                say("EHLO", offers)?;
            }
            "AUTH" => say("AUTH", "235 welcome")?,
            "DATA" => {
                say("DATA", "354 go on")?;
                if !answers.lock().unwrap().contains_key("DATA") {
                    while lines.next().transpose()?.is_some_and(|line| line != ".") {}
                    say(".", "250 2.0.0 queued")?;
                }
            }
            command => say(command, "250 ok")?,
        }
    }
    Ok(())
}

const DOMAIN: &str = "segelschule-bodden.de";

/// Texts that are broken, until they are mended.
struct Broken;

impl Writer for Broken {
    fn write(&self, _: &Notice) -> Result<Letter, String> {
        Err("on-hold/de.body: `custmer` is not known".to_owned())
    }

    fn waits_until(&self, _: &Notice, _: jiff::Timestamp) -> Option<jiff::Timestamp> {
        None
    }
}

/// A notice is due, to a customer who has another address.
async fn begun() -> Desk {
    let mut desk = Desk::stocked().await;
    (desk.customer("K-1", "kunde@example.net", Some("zweit@example.org"))).await;
    let info = [
        CONNECT,
        &dedelegation("2026-06-04T08:30:00+02:00"),
        &deletion("2026-09-02T08:30:00+02:00"),
    ];
    let date = "Sat, 09 May 2026 10:00:00 +0200";
    desk.live(&mail(DOMAIN, date, &["DENIC-1000888-A"], &info))
        .await;
    desk.plan().await;
    desk.now += 20.minutes();
    desk
}

async fn deliver(desk: &Desk, smarthost: &Smarthost, writer: Option<&dyn Writer>) {
    let config = config(&[("STICHTAG_NOTICES__SMARTHOST", &smarthost.url)]);
    let now = desk.now;
    let own = serve::desk(&config.notices).unwrap();
    let outbox = send::Outbox {
        store: &desk.store,
        writer: writer.unwrap_or(&own),
        transport: &serve::smarthost(&config).unwrap(),
        now: &move || now,
        is_stopping: &|| false,
        max_per_hour: 100,
    };
    while send::deliver_due(&outbox).await.unwrap() > 0 {}
    desk.plan().await;
}

#[tokio::test]
async fn a_smarthost_that_takes_no_mail_at_all_is_no_dead_customer() {
    for (url, command, answer) in [
        ("smtp://HOST", "220", "554 5.3.2 no service for you"),
        ("smtp://HOST", "EHLO", "550 5.7.1 I do not know you"),
        ("smtp://HOST", "MAIL", "530 5.7.0 authentication required"),
        ("smtp://HOST", "MAIL", "550 5.1.8 sender refused"),
        ("smtp://HOST", "RCPT", "530 5.7.0 authentication required"),
        ("smtp://u:p@HOST", "AUTH", "535 5.7.8 wrong password"),
        ("smtp://HOST?tls=required", "STAR", "554 5.7.3 no TLS"),
    ] {
        let smarthost = Smarthost::start(url, &[(command, answer)]);
        let mut desk = begun().await;
        // Days on end.
        for _ in 0..150 {
            deliver(&desk, &smarthost, None).await;
            desk.now += 1.hour();
        }
        let notices = desk.notices().await;
        let first = &notices[0].notice;
        assert_eq!((notices.len(), first.state), (1, NoticeState::Delayed));
        assert!(first.attempts > 140, "{}", first.attempts);
        assert!(desk.store.tasks(None).await.unwrap().is_empty());
        assert_eq!(desk.alarms().await, ["W66"], "{command} {answer}");
        let text = desk.store.alarms().await.unwrap()[0].text.clone();
        assert!(text.contains(&answer[4..]), "{text}");
        if url.contains("required") {
            continue;
        }
        smarthost.is_mended();
        deliver(&desk, &smarthost, None).await;
        assert_eq!(desk.notices().await[0].notice.state, NoticeState::Sent);
        assert!(desk.alarms().await.is_empty(), "{command} {answer}");
    }
}

#[tokio::test]
async fn what_is_refused_to_the_recipient_goes_to_his_next_address() {
    for (command, answer) in [
        ("RCPT", "550 5.1.1 no such mailbox"),
        ("DATA", "554 5.5.1 no valid recipients"),
        (".", "554 5.7.1 not to this mailbox"),
    ] {
        let smarthost = Smarthost::start("smtp://HOST", &[(command, answer)]);
        let desk = begun().await;
        deliver(&desk, &smarthost, None).await;
        let notices = desk.notices().await;
        assert_eq!(notices[0].notice.state, NoticeState::Failed, "{command}");
        assert_eq!(notices[1].notice.recipient, "zweit@example.org");
        assert_eq!(desk.alarms().await, ["W35"]);
    }
}

#[tokio::test]
async fn a_failure_is_no_alarm_any_more_once_every_case_in_it_is_told_by_a_later_mail() {
    let smarthost = Smarthost::start("smtp://HOST", &[("RCPT", "550 5.1.1 no such mailbox")]);
    let mut desk = begun().await;
    let other = mail(
        "tuchmacherei-jena.de",
        "Sat, 09 May 2026 10:00:00 +0200",
        &["DENIC-1000888-A"],
        &[CONNECT, &dedelegation("2026-06-04T08:30:00+02:00")],
    );
    desk.now -= 10.minutes();
    desk.live(&other).await;
    desk.now += 10.minutes();
    assert_eq!(desk.notices().await[0].notice.items.len(), 2);
    deliver(&desk, &smarthost, None).await;
    assert_eq!(desk.alarms().await, ["W35"]);
    // Of one of the two the customer hears by a mail of its own, of the other he does not yet.
    smarthost.is_mended();
    let held = mail(
        DOMAIN,
        "Sat, 09 May 2026 11:00:00 +0200",
        &["DENIC-1000888-A"],
        &[HOLD, &deletion("2026-09-02T08:30:00+02:00")],
    );
    desk.rules.telling.coalesce = jiff::SignedDuration::ZERO;
    desk.live(&held).await;
    deliver(&desk, &smarthost, None).await;
    assert_eq!(desk.alarms().await, ["W35"]);
    desk.now += 1.hour();
    deliver(&desk, &smarthost, None).await;
    assert!(desk.alarms().await.is_empty());
    // The first one, sent again by hand and refused again, is still nobody's loss.
    let first = desk.notices().await[0].notice.id;
    (desk
        .store
        .requeue_notice(first, desk.now, &desk.audit())
        .await)
        .unwrap();
    (smarthost.answers.lock().unwrap()).insert("RCPT", "550 5.1.1 no such mailbox");
    deliver(&desk, &smarthost, None).await;
    assert_eq!(desk.notices().await[0].notice.state, NoticeState::Failed);
    assert!(desk.alarms().await.is_empty());
}

#[tokio::test]
async fn the_bytes_stay_only_where_the_mail_may_have_been_taken() {
    for (command, answer, is_fixed) in [
        ("220", "421 busy", false),
        ("220", "", false),
        ("MAIL", "451 later", false),
        ("RCPT", "450 greylisted", false),
        ("RCPT", "", false),
        ("DATA", "451 later", false),
        (".", "451 later", false),
        (".", "", true),
    ] {
        let smarthost = Smarthost::start("smtp://HOST", &[(command, answer)]);
        let desk = begun().await;
        deliver(&desk, &smarthost, None).await;
        let first = desk.notices().await[0].notice.clone();
        assert_eq!(first.state, NoticeState::Delayed, "{command} {answer}");
        assert_eq!(first.raw.is_some(), is_fixed, "{command} {answer}");
        assert!(desk.alarms().await.is_empty(), "{command} {answer}");
    }
}

#[tokio::test]
async fn a_text_that_cannot_be_written_is_no_address_that_came_back() {
    let smarthost = Smarthost::start("smtp://HOST", &[]);
    let mut desk = begun().await;
    deliver(&desk, &smarthost, Some(&Broken)).await;
    let notices = desk.notices().await;
    assert_eq!(notices.len(), 1, "no other address is tried");
    assert_eq!(notices[0].notice.state, NoticeState::Delayed);
    assert!(desk.store.tasks(None).await.unwrap().is_empty());
    assert_eq!(desk.alarms().await, ["W35"]);
    let text = desk.store.alarms().await.unwrap()[0].text.clone();
    assert!(text.contains("cannot be written"), "{text}");
    desk.now += 1.hour();
    deliver(&desk, &smarthost, None).await;
    assert_eq!(desk.notices().await[0].notice.state, NoticeState::Sent);
    assert!(desk.alarms().await.is_empty());
}
