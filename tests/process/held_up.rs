//! Reminders whose turn came while they could not leave.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use jiff::Timestamp;
use stichtag::model::{NoticeKind, NoticeState};
use stichtag::send::{self, Letter, SendError, Transport};
use stichtag::serve;
use stichtag::store::Store;

use super::desk::{CONNECT, Desk, at, config, dedelegation, deletion, mail};

const DOMAIN: &str = "segelschule-bodden.de";

/// Takes mails while it is up.
#[derive(Default)]
struct Smarthost {
    is_down: AtomicBool,
    taken: Mutex<Vec<Timestamp>>,
    now: Mutex<Timestamp>,
}

#[async_trait]
impl Transport for Smarthost {
    async fn send(&self, _: &Letter) -> Result<String, SendError> {
        if self.is_down.load(Ordering::Relaxed) {
            return Err(SendError::Transient("421 not now".to_owned()));
        }
        self.taken.lock().unwrap().push(*self.now.lock().unwrap());
        Ok("250 taken".to_owned())
    }
}

/// Sends what is due at `now`; when mails have been taken so far.
async fn deliver(desk: &mut Desk, smarthost: &Smarthost, now: &str) -> usize {
    desk.now = at(now);
    *smarthost.now.lock().unwrap() = desk.now;
    desk.plan().await;
    let clock = {
        let now = desk.now;
        move || now
    };
    let writer = serve::desk(&config(&[]).notices).unwrap();
    let outbox = send::Outbox {
        store: &desk.store,
        writer: &writer,
        transport: smarthost,
        now: &clock,
        is_stopping: &|| false,
        max_per_hour: 100,
    };
    while send::deliver_due(&outbox).await.unwrap() > 0 {}
    smarthost.taken.lock().unwrap().len()
}

/// A case whose first mail waits for others.
async fn asked() -> Desk {
    let mut desk = Desk::stocked().await;
    desk.now = at("2026-05-05T10:31:00+02:00");
    let info = [
        CONNECT,
        &dedelegation("2026-06-04T10:30:00+02:00"),
        &deletion("2026-09-02T10:30:00+02:00"),
    ];
    let date = "Tue, 05 May 2026 10:30:00 +0200";
    desk.live(&mail(DOMAIN, date, &["DENIC-1000888-A"], &info))
        .await;
    desk
}

/// A case whose first reminder is due on Thursday, 21 May, at 10:30; its first mail has left.
async fn begun(smarthost: &Smarthost) -> Desk {
    let mut desk = asked().await;
    let taken = deliver(&mut desk, smarthost, "2026-05-05T10:47:00+02:00").await;
    assert_eq!(taken, 1);
    desk
}

#[tokio::test]
async fn a_reminder_that_was_held_up_until_the_night_leaves_in_the_morning() {
    let smarthost = Smarthost::default();
    let mut desk = begun(&smarthost).await;
    smarthost.is_down.store(true, Ordering::Relaxed);
    assert_eq!(
        deliver(&mut desk, &smarthost, "2026-05-21T10:30:00+02:00").await,
        1
    );
    assert_eq!(
        deliver(&mut desk, &smarthost, "2026-05-21T10:45:00+02:00").await,
        1
    );
    let reminder = &desk.notices().await[1].notice;
    assert_eq!(reminder.kind, NoticeKind::Reminder);
    assert_eq!(
        (reminder.state, reminder.attempts),
        (NoticeState::Delayed, 1)
    );
    smarthost.is_down.store(false, Ordering::Relaxed);
    assert_eq!(
        deliver(&mut desk, &smarthost, "2026-05-21T23:00:00+02:00").await,
        1
    );
    // It was not tried, and is not late for that.
    let reminder = &desk.notices().await[1].notice;
    assert_eq!(reminder.attempts, 1);
    assert_eq!(reminder.due_at, at("2026-05-22T08:00:00+02:00"));
    assert_eq!(
        deliver(&mut desk, &smarthost, "2026-05-22T07:59:00+02:00").await,
        1
    );
    assert_eq!(
        deliver(&mut desk, &smarthost, "2026-05-22T08:00:00+02:00").await,
        2
    );
}

#[tokio::test]
async fn with_less_than_two_days_left_it_leaves_at_night() {
    let smarthost = Smarthost::default();
    let mut desk = begun(&smarthost).await;
    smarthost.is_down.store(true, Ordering::Relaxed);
    assert_eq!(
        deliver(&mut desk, &smarthost, "2026-06-01T10:46:00+02:00").await,
        1
    );
    assert_eq!(
        deliver(&mut desk, &smarthost, "2026-06-01T11:01:00+02:00").await,
        1
    );
    smarthost.is_down.store(false, Ordering::Relaxed);
    assert_eq!(
        deliver(&mut desk, &smarthost, "2026-06-02T23:00:00+02:00").await,
        2
    );
}

#[tokio::test]
async fn what_a_person_sends_again_leaves_at_once() {
    let smarthost = Smarthost::default();
    let mut desk = begun(&smarthost).await;
    deliver(&mut desk, &smarthost, "2026-05-21T10:30:00+02:00").await;
    assert_eq!(
        deliver(&mut desk, &smarthost, "2026-05-21T10:45:00+02:00").await,
        2
    );
    let reminder = desk.notices().await[1].notice.id;
    let night = "2026-05-21T23:00:00+02:00";
    (desk.store)
        .requeue_notice(reminder, at(night), &desk.audit())
        .await
        .unwrap();
    assert_eq!(deliver(&mut desk, &smarthost, night).await, 3);
}

#[tokio::test]
async fn a_mail_that_was_held_up_speaks_of_what_is_still_to_come() {
    let smarthost = Smarthost::default();
    let mut desk = asked().await;
    // Somebody paused sending, and the first deadline has passed meanwhile.
    let night = "2026-06-05T08:30:00+02:00";
    assert_eq!(deliver(&mut desk, &smarthost, night).await, 1);
    let notice = desk.notices().await.remove(0).notice;
    assert_eq!(notice.created_at, at(night));
    let raw = notice.raw.unwrap();
    let read = mail_parser::MessageParser::new().parse(&raw).unwrap();
    let sent = read.date().unwrap().to_timestamp();
    assert_eq!(sent, at(night).as_second());
    let subject = read.subject().unwrap();
    assert!(subject.contains("31. August"), "{subject}");
}
