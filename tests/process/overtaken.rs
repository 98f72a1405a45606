//! News that overtakes a mail which the smarthost has not taken yet.

use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use jiff::ToSpan;
use stichtag::model::{NoticeKind, NoticeState};
use stichtag::send::{self, Letter, SendError, Transport};
use stichtag::serve;
use stichtag::store::Store;

use super::desk::{CONNECT, Desk, at, config, dedelegation, deletion, mail};

const ONE: &str = "segelschule-bodden.de";
const TWO: &str = "tuchmacherei-jena.de";

/// Takes mails, or says what it is told to say.
#[derive(Default)]
struct Smarthost {
    trouble: Mutex<Option<SendError>>,
    taken: Mutex<Vec<Letter>>,
}

#[async_trait]
impl Transport for Smarthost {
    async fn send(&self, letter: &Letter) -> Result<String, SendError> {
        if let Some(trouble) = self.trouble.lock().unwrap().clone() {
            return Err(trouble);
        }
        self.taken.lock().unwrap().push(letter.clone());
        Ok("250 taken".to_owned())
    }
}

impl Smarthost {
    fn busy() -> Self {
        let smarthost = Smarthost::default();
        smarthost.says(Some(SendError::Transient("451 later".to_owned())));
        smarthost
    }

    fn says(&self, trouble: Option<SendError>) {
        *self.trouble.lock().unwrap() = trouble;
    }

    fn texts(&self) -> Vec<String> {
        let taken = self.taken.lock().unwrap();
        let text = |letter: &Letter| {
            let read = mail_parser::MessageParser::default().parse(&letter.message);
            read.unwrap().body_text(0).unwrap().into_owned()
        };
        taken.iter().map(text).collect()
    }
}

async fn deliver(desk: &Desk, smarthost: &Smarthost) {
    let now = desk.now;
    let outbox = send::Outbox {
        store: &desk.store,
        writer: &serve::desk(&config(&[]).notices).unwrap(),
        transport: smarthost,
        now: &move || now,
        is_stopping: &|| false,
        max_per_hour: 100,
    };
    while send::deliver_due(&outbox).await.unwrap() > 0 {}
    desk.plan().await;
}

fn verify(domain: &str, date: &str, off: &str) -> Vec<u8> {
    let info = [
        CONNECT,
        &dedelegation(off),
        &deletion("2026-09-02T10:30:00+02:00"),
    ];
    mail(domain, date, &["DENIC-1000888-A"], &info)
}

fn connect(domain: &str) -> Vec<u8> {
    let date = "Tue, 05 May 2026 12:00:00 +0200";
    mail(domain, date, &["DENIC-1000888-A"], &[CONNECT])
}

const FIRST: &str = "Tue, 05 May 2026 10:30:00 +0200";
const MOVED: &str = "Tue, 05 May 2026 11:00:00 +0200";

/// A mail about two domains that the smarthost did not take.
async fn begun(smarthost: &Smarthost) -> Desk {
    let mut desk = Desk::stocked().await;
    desk.now = at("2026-05-05T10:31:00+02:00");
    for domain in [ONE, TWO] {
        let raw = verify(domain, FIRST, "2026-06-04T10:30:00+02:00");
        desk.live(&raw).await;
    }
    desk.plan().await;
    desk.now += 16.minutes();
    deliver(&desk, smarthost).await;
    desk
}

async fn states(desk: &Desk) -> Vec<(NoticeKind, NoticeState)> {
    let notices = desk.notices().await;
    let notices = notices.iter().map(|entry| &entry.notice);
    notices.map(|notice| (notice.kind, notice.state)).collect()
}

#[tokio::test]
async fn what_was_overtaken_twice_does_not_leave_when_the_smarthost_is_back() {
    let smarthost = Smarthost::busy();
    let mut desk = begun(&smarthost).await;
    desk.now = at("2026-05-05T11:01:00+02:00");
    for domain in [ONE, TWO] {
        let raw = verify(domain, MOVED, "2026-05-14T10:30:00+02:00");
        desk.live(&raw).await;
    }
    desk.now += 16.minutes();
    deliver(&desk, &smarthost).await;
    desk.now = at("2026-05-05T12:01:00+02:00");
    for domain in [ONE, TWO] {
        desk.live(&connect(domain)).await;
        deliver(&desk, &smarthost).await;
    }
    smarthost.says(None);
    desk.now += 3.hours();
    deliver(&desk, &smarthost).await;
    assert_eq!(smarthost.texts(), [""; 0], "he has heard of nothing");
    let withdrawn = (NoticeKind::VerificationRequired, NoticeState::Withdrawn);
    assert_eq!(states(&desk).await, [withdrawn, withdrawn]);
}

#[tokio::test]
async fn what_nobody_took_is_written_anew_without_what_is_over() {
    let smarthost = Smarthost::busy();
    let mut desk = begun(&smarthost).await;
    assert_eq!(desk.notices().await[0].notice.raw, None);
    desk.now = at("2026-05-05T12:01:00+02:00");
    desk.live(&connect(ONE)).await;
    smarthost.says(None);
    desk.now += 3.hours();
    deliver(&desk, &smarthost).await;
    let texts = smarthost.texts();
    assert_eq!(texts.len(), 1);
    assert!(!texts[0].contains(ONE), "{}", texts[0]);
    assert!(texts[0].contains(TWO), "{}", texts[0]);
    let raw = desk.notices().await[0].notice.raw.clone();
    assert_eq!(
        raw,
        Some(smarthost.taken.lock().unwrap()[0].message.clone())
    );
}

#[tokio::test]
async fn what_may_have_left_is_not_sent_again_once_all_of_it_is_over_and_the_end_is_told() {
    let smarthost = Smarthost::default();
    smarthost.says(Some(SendError::Unsure("connection lost".to_owned())));
    let mut desk = begun(&smarthost).await;
    // That a later try was turned away says nothing about the first.
    smarthost.says(Some(SendError::Transient("451 later".to_owned())));
    desk.now += 1.minute();
    deliver(&desk, &smarthost).await;
    assert!(desk.notices().await[0].notice.raw.is_some());
    desk.now = at("2026-05-05T12:01:00+02:00");
    for domain in [ONE, TWO] {
        desk.live(&connect(domain)).await;
    }
    smarthost.says(None);
    desk.now += 3.hours();
    deliver(&desk, &smarthost).await;
    assert_eq!(
        states(&desk).await,
        [
            (NoticeKind::VerificationRequired, NoticeState::Withdrawn),
            (NoticeKind::Resolved, NoticeState::Sent),
        ]
    );
}

#[tokio::test]
async fn what_may_have_left_goes_out_whole_while_some_of_it_holds() {
    let smarthost = Smarthost::default();
    smarthost.says(Some(SendError::Unsure("connection lost".to_owned())));
    let mut desk = begun(&smarthost).await;
    let fixed = desk.notices().await[0].notice.raw.clone().unwrap();
    desk.now = at("2026-05-05T12:01:00+02:00");
    desk.live(&connect(ONE)).await;
    smarthost.says(None);
    deliver(&desk, &smarthost).await;
    assert_eq!(smarthost.taken.lock().unwrap()[0].message, fixed);
    let first = &desk.notices().await[0].notice;
    assert_eq!((first.state, first.items.len()), (NoticeState::Sent, 2));
}

#[tokio::test]
async fn a_mail_that_was_under_way_in_a_crash_is_not_sent_again_once_all_of_it_is_over() {
    let smarthost = Smarthost::default();
    let mut desk = Desk::stocked().await;
    desk.now = at("2026-05-05T10:31:00+02:00");
    let raw = verify(ONE, FIRST, "2026-06-04T10:30:00+02:00");
    desk.live(&raw).await;
    desk.plan().await;
    desk.now += 16.minutes();
    let lease = Duration::from_secs(900);
    let claimed = desk.store.claim_notices(desk.now, 9, lease).await.unwrap();
    (desk.store.fix_notice(claimed[0].id, b"x", 1).await).unwrap();
    desk.now += 1.minute();
    desk.live(&connect(ONE)).await;
    desk.now += 1.hour();
    deliver(&desk, &smarthost).await;
    assert_eq!(
        states(&desk).await,
        [
            (NoticeKind::VerificationRequired, NoticeState::Withdrawn),
            (NoticeKind::Resolved, NoticeState::Sent),
        ]
    );
    assert!(desk.alarms().await.is_empty());
}
