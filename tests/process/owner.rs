//! A domain with an open case that becomes another customer's.

use std::time::Duration;

use jiff::{SignedDuration, ToSpan};
use stichtag::model::{Announced, CaseId, NoticeKind, NoticeState};
use stichtag::serve::{Watch, WatchRules};
use stichtag::store::{CaseNote, NoticeEntry, Store};

use super::desk::{CONNECT, Desk, HOLD, LIVE, at, config, dedelegation, deletion, mail};

const DOMAIN: &str = "segelschule-bodden.de";
const OTHER: &str = "tuchmacherei-jena.de";

fn verify(domain: &str, off: &str) -> Vec<u8> {
    let info = [
        CONNECT,
        &dedelegation(off),
        &deletion("2026-09-02T10:30:00+02:00"),
    ];
    let date = "Tue, 05 May 2026 10:30:00 +0200";
    mail(domain, date, &["DENIC-1000888-A"], &info)
}

fn hold(domain: &str) -> Vec<u8> {
    let info = [HOLD, &deletion("2026-09-02T10:30:00+02:00")];
    let date = "Thu, 04 Jun 2026 10:30:00 +0200";
    mail(domain, date, &["DENIC-1000888-A"], &info)
}

fn connect(domain: &str) -> Vec<u8> {
    let date = "Fri, 05 Jun 2026 10:30:00 +0200";
    mail(domain, date, &["DENIC-1000888-A"], &[CONNECT])
}

/// The case has begun, and nobody has been told yet; K-2 is a customer too.
async fn begun(off: &str) -> Desk {
    let mut desk = Desk::stocked().await;
    desk.customer("K-2", "zwei@example.net", None).await;
    desk.now = at("2026-05-05T10:31:00+02:00");
    desk.live(&verify(DOMAIN, off)).await;
    desk.plan().await;
    desk
}

/// The first notice has left.
async fn told(off: &str) -> Desk {
    let mut desk = begun(off).await;
    desk.now += 20.minutes();
    desk.send_all().await;
    desk.plan().await;
    desk
}

impl Desk {
    async fn goes_to(&self, customer: &str) {
        self.domain(LIVE, DOMAIN, Some(customer), "").await;
        self.plan().await;
    }
}

const FAR: &str = "2026-06-04T10:30:00+02:00";

/// Kind, state and customer of each notice.
fn said(notices: &[NoticeEntry]) -> Vec<(NoticeKind, NoticeState, &str)> {
    (notices.iter())
        .map(|entry| &entry.notice)
        .map(|notice| (notice.kind, notice.state, notice.customer.0.as_str()))
        .collect()
}

#[tokio::test]
async fn what_waits_for_the_former_customer_does_not_leave_and_the_new_one_is_told() {
    let desk = begun(FAR).await;
    desk.goes_to("K-2").await;
    assert_eq!(
        said(&desk.notices().await),
        [
            (
                NoticeKind::VerificationRequired,
                NoticeState::Withdrawn,
                "K-1"
            ),
            (NoticeKind::VerificationRequired, NoticeState::Queued, "K-2"),
        ]
    );
}

#[tokio::test]
async fn the_new_customer_gets_a_first_notice_and_reminders_of_that_one() {
    let mut desk = told(FAR).await;
    desk.now += 1.hour();
    desk.goes_to("K-2").await;
    desk.plan().await;
    assert_eq!(
        said(&desk.notices().await),
        [
            (NoticeKind::VerificationRequired, NoticeState::Sent, "K-1"),
            (NoticeKind::VerificationRequired, NoticeState::Queued, "K-2"),
        ]
    );
    let first = desk.notices().await[1].notice.clone();
    assert_eq!(first.items[0].announced, Some(Announced::default()));
    desk.send_all().await;
    desk.now = at("2026-05-21T10:30:00+02:00");
    desk.plan().await;
    let notices = desk.notices().await;
    let reminder = &notices[2].notice;
    assert_eq!(
        (reminder.kind, reminder.customer.0.as_str()),
        (NoticeKind::Reminder, "K-2")
    );
    assert_eq!(reminder.in_reply_to.as_ref(), Some(&first.message_id));
    assert_eq!(reminder.items[0].first_notice_at, notices[1].notice.sent_at);
}

#[tokio::test]
async fn a_customer_who_gets_a_domain_that_is_off_the_net_is_told_that() {
    let mut desk = told(FAR).await;
    desk.now = at("2026-06-04T10:31:00+02:00");
    desk.live(&hold(DOMAIN)).await;
    desk.goes_to("K-2").await;
    let notices = desk.notices().await;
    assert_eq!(
        said(&notices)[1..],
        [
            (NoticeKind::OnHold, NoticeState::Withdrawn, "K-1"),
            (NoticeKind::OnHold, NoticeState::Queued, "K-2"),
        ]
    );
}

#[tokio::test]
async fn of_a_mail_about_two_domains_only_the_one_that_was_given_away_is_left_out() {
    let desk = begun(FAR).await;
    desk.live(&verify(OTHER, FAR)).await;
    assert_eq!(desk.notices().await[0].notice.items.len(), 2);
    desk.goes_to("K-2").await;
    let notices = desk.notices().await;
    let first = &notices[0].notice;
    assert_eq!((first.state, first.items.len()), (NoticeState::Queued, 1));
    assert_eq!(first.items[0].domain.ace(), OTHER);
    assert_eq!(notices[1].notice.customer.0, "K-2");
}

#[tokio::test]
async fn the_end_is_told_to_nobody_who_has_not_heard_of_the_beginning() {
    let mut desk = told(FAR).await;
    desk.goes_to("K-2").await;
    desk.now = at("2026-06-05T10:31:00+02:00");
    desk.live(&connect(DOMAIN)).await;
    assert_eq!(
        said(&desk.notices().await),
        [
            (NoticeKind::VerificationRequired, NoticeState::Sent, "K-1"),
            (
                NoticeKind::VerificationRequired,
                NoticeState::Withdrawn,
                "K-2"
            ),
        ]
    );
}

#[tokio::test]
async fn the_watch_looks_at_what_the_new_customer_knows() {
    let desk = told("2026-05-07T10:30:00+02:00").await;
    let untold = |alarms: Vec<&str>| alarms.contains(&"W60");
    let mut watch = Watch::new(WatchRules::new(&config(&[])));
    watch.look(&desk.store, desk.now).await.unwrap();
    assert!(!untold(desk.alarms().await));
    let note = CaseNote {
        at: desk.now,
        actor: "0 test".to_owned(),
        text: "he knows".to_owned(),
    };
    desk.store.call_done(CaseId(1), &note).await.unwrap();
    desk.goes_to("K-2").await;
    watch.look(&desk.store, desk.now).await.unwrap();
    assert!(untold(desk.alarms().await), "K-2 knows nothing yet");
    let case = desk.store.plan_of(CaseId(1)).await.unwrap().cases.remove(0);
    assert_eq!(case.called_at, None, "somebody else was called");
    desk.send_all().await;
    watch.look(&desk.store, desk.now).await.unwrap();
    assert!(!untold(desk.alarms().await));
}

#[tokio::test]
async fn a_call_to_the_former_customer_is_not_to_be_made_any_more() {
    let desk = Desk::stocked().await;
    for (customer, email) in [("K-3", ""), ("K-4", ""), ("K-5", "fuenf@example.net")] {
        desk.customer(customer, email, None).await;
    }
    desk.domain(LIVE, DOMAIN, Some("K-3"), "").await;
    desk.live(&verify(DOMAIN, FAR)).await;
    desk.plan().await;
    for (customer, called) in [("K-4", Some("K-4")), ("K-5", None), ("K-3", Some("K-3"))] {
        desk.goes_to(customer).await;
        let calls = desk.store.tasks(None).await.unwrap();
        let whom = calls.iter().filter_map(|call| call.customer.as_ref());
        let whom: Vec<_> = whom.map(|id| id.0.as_str()).collect();
        assert_eq!(whom, Vec::from_iter(called), "{customer}");
    }
}

#[tokio::test]
async fn a_mail_that_is_under_way_when_its_domain_is_given_away_is_not_tried_again() {
    let mut desk = begun(FAR).await;
    desk.now += 20.minutes();
    let lease = Duration::from_secs(60);
    let claimed = desk.store.claim_notices(desk.now, 9, lease).await.unwrap();
    desk.store.fix_notice(claimed[0].id, b"x", 1).await.unwrap();
    desk.goes_to("K-2").await;
    let later = stichtag::store::Delivery::Retry {
        at: desk.now + SignedDuration::from_mins(1),
        reply: "451 later".to_owned(),
    };
    (desk.store.settle_notice(claimed[0].id, &later, None).await).unwrap();
    let states: Vec<_> = (desk.notices().await.iter())
        .map(|entry| entry.notice.state)
        .collect();
    assert_eq!(states, [NoticeState::Withdrawn, NoticeState::Queued]);
}
