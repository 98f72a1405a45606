//! Reminders, and calls where no mail reaches anybody.

use jiff::ToSpan;
use stichtag::model::{CaseId, NoticeKind, NoticeState};
use stichtag::store::{CaseNote, NoticeEntry, Store};

use super::desk::{CONNECT, Desk, HOLD, LIVE, at, dedelegation, deletion, mail};

const DOMAIN: &str = "segelschule-bodden.de";

fn verify(domain: &str, off: &str) -> Vec<u8> {
    let info = [
        CONNECT,
        &dedelegation(off),
        &deletion("2026-09-02T10:30:00+02:00"),
    ];
    mail(
        domain,
        "Tue, 05 May 2026 10:30:00 +0200",
        &["DENIC-1000888-A"],
        &info,
    )
}

fn connect(domain: &str, date: &str) -> Vec<u8> {
    mail(domain, date, &["DENIC-1000888-A"], &[CONNECT])
}

async fn begun() -> Desk {
    let mut desk = Desk::stocked().await;
    desk.now = at("2026-05-05T10:31:00+02:00");
    desk.live(&verify(DOMAIN, "2026-06-04T10:30:00+02:00"))
        .await;
    desk.plan().await;
    desk.send_all().await;
    desk
}

/// Kind, state and address of each notice.
fn said(notices: &[NoticeEntry]) -> Vec<(NoticeKind, NoticeState, &str)> {
    (notices.iter())
        .map(|entry| &entry.notice)
        .map(|notice| (notice.kind, notice.state, notice.recipient.as_str()))
        .collect()
}

#[tokio::test]
async fn the_fourteenth_day_before_brings_a_reminder_below_the_first_notice() {
    let mut desk = begun().await;
    let planned = desk.store.next_plan_at().await.unwrap().unwrap();
    assert_eq!(planned, at("2026-05-21T10:30:00+02:00"));
    desk.now = planned - 1.second();
    desk.plan().await;
    assert_eq!(desk.notices().await.len(), 1);
    desk.now = planned;
    desk.plan().await;
    let notices = desk.notices().await;
    let [first, reminder] = [&notices[0].notice, &notices[1].notice];
    assert_eq!(reminder.kind, NoticeKind::Reminder);
    assert_eq!(reminder.in_reply_to.as_ref(), Some(&first.message_id));
    assert_eq!(reminder.items[0].first_notice_at, first.sent_at);
    assert_eq!(reminder.items[0].case, first.items[0].case);
    assert!(reminder.items[0].sequence > first.items[0].sequence);
    // Asked again at once, nothing more comes of it.
    desk.plan().await;
    assert_eq!(desk.notices().await.len(), 2);
    let next = desk.store.next_plan_at().await.unwrap().unwrap();
    assert_eq!(next, at("2026-05-28T10:30:00+02:00"));
}

#[tokio::test]
async fn a_resolved_case_stops_what_waits_and_what_was_planned() {
    let mut desk = begun().await;
    desk.now = at("2026-05-21T10:30:00+02:00");
    desk.plan().await;
    desk.now += 5.minutes();
    desk.live(&connect(DOMAIN, "Thu, 21 May 2026 10:34:00 +0200"))
        .await;
    let notices = desk.notices().await;
    assert_eq!(
        said(&notices),
        [
            (
                NoticeKind::VerificationRequired,
                NoticeState::Sent,
                "kunde@example.net"
            ),
            (
                NoticeKind::Reminder,
                NoticeState::Withdrawn,
                "kunde@example.net"
            ),
            (
                NoticeKind::Resolved,
                NoticeState::Queued,
                "kunde@example.net"
            ),
        ]
    );
    assert_eq!(desk.store.next_plan_at().await.unwrap(), None);
}

#[tokio::test]
async fn a_mail_that_was_claimed_but_not_begun_is_called_back() {
    let mut desk = begun().await;
    desk.now = at("2026-05-21T10:30:00+02:00");
    desk.plan().await;
    desk.now += 20.minutes();
    let lease = std::time::Duration::from_secs(900);
    let claimed = desk.store.claim_notices(desk.now, 9, lease).await.unwrap();
    assert_eq!(claimed.len(), 1);
    desk.live(&connect(DOMAIN, "Thu, 21 May 2026 10:49:00 +0200"))
        .await;
    let id = claimed[0].id;
    assert!(!desk.store.fix_notice(id, b"bytes", 1).await.unwrap());
    let notices = desk.notices().await;
    assert_eq!(notices[1].notice.state, NoticeState::Withdrawn);
    assert_eq!(notices[1].notice.raw, None);
}

#[tokio::test]
async fn of_a_mail_about_two_domains_the_one_that_is_over_is_left_out() {
    let mut desk = begun().await;
    desk.live(&verify("tuchmacherei-jena.de", "2026-06-04T10:30:00+02:00"))
        .await;
    desk.plan().await;
    desk.send_all().await;
    desk.now = at("2026-05-21T10:30:00+02:00");
    desk.plan().await;
    desk.now += 20.minutes();
    let lease = std::time::Duration::from_secs(900);
    let claimed = desk.store.claim_notices(desk.now, 9, lease).await.unwrap();
    assert_eq!(claimed[0].items.len(), 2, "one reminder for both");
    desk.live(&connect(DOMAIN, "Thu, 21 May 2026 10:49:00 +0200"))
        .await;
    // What was written with both is not sent; the rest comes up again at once.
    let id = claimed[0].id;
    assert!(!desk.store.fix_notice(id, b"both", 2).await.unwrap());
    let again = desk.store.claim_notices(desk.now, 9, lease).await.unwrap();
    assert_eq!((again[0].id, again[0].attempts), (id, 1));
    assert_eq!(again[0].items.len(), 1);
    assert_eq!(again[0].items[0].unicode, "tuchmacherei-jena.de");
    assert!(desk.store.fix_notice(id, b"one", 1).await.unwrap());
}

#[tokio::test]
async fn a_moved_deadline_moves_its_reminders() {
    let mut desk = begun().await;
    desk.now = at("2026-05-12T10:00:00+02:00");
    let info = [
        CONNECT,
        &dedelegation("2026-06-14T10:30:00+02:00"),
        &deletion("2026-09-12T10:30:00+02:00"),
    ];
    let date = "Tue, 12 May 2026 10:00:00 +0200";
    desk.live(&mail(DOMAIN, date, &["DENIC-1000888-A"], &info))
        .await;
    desk.plan().await;
    let next = desk.store.next_plan_at().await.unwrap().unwrap();
    assert_eq!(next, at("2026-05-31T10:30:00+02:00"));
}

#[tokio::test]
async fn from_the_hold_on_the_second_address_is_used_and_without_one_somebody_telephones() {
    for second in [Some("zweit@example.org"), None] {
        let mut desk = Desk::stocked().await;
        let own = format!("info@{DOMAIN}");
        desk.customer("K-2", &own, second).await;
        desk.domain(LIVE, DOMAIN, Some("K-2"), "").await;
        desk.now = at("2026-05-05T10:31:00+02:00");
        desk.live(&verify(DOMAIN, "2026-06-04T10:30:00+02:00"))
            .await;
        desk.plan().await;
        desk.send_all().await;
        let notices = desk.notices().await;
        assert!(notices[0].notice.is_address_at_risk(), "an early warning");
        assert_eq!(notices[0].notice.recipient, own);
        assert!(desk.store.tasks(None).await.unwrap().is_empty());

        desk.now = at("2026-06-04T10:31:00+02:00");
        let date = "Thu, 04 Jun 2026 10:30:00 +0200";
        let info = [HOLD, &deletion("2026-09-02T10:30:00+02:00")];
        desk.live(&mail(DOMAIN, date, &["DENIC-1000888-A"], &info))
            .await;
        desk.plan().await;
        let notices = desk.notices().await;
        let hold = &notices.last().unwrap().notice;
        assert_eq!(hold.kind, NoticeKind::OnHold);
        assert_eq!(hold.recipient, second.unwrap_or(&own));
        let calls = desk.store.tasks(None).await.unwrap();
        assert_eq!(calls.len(), usize::from(second.is_none()), "{calls:?}");
        let Some(call) = calls.first() else { continue };
        assert_eq!(call.code.as_str(), "W11");

        // Once the call is made it does not come back with the next reminder.
        let note = CaseNote {
            at: desk.now,
            actor: "1000 anna".to_owned(),
            text: "reached him on his mobile".to_owned(),
        };
        assert_eq!(desk.store.call_done(CaseId(1), &note).await.unwrap(), 1);
        desk.now = at("2026-08-03T10:31:00+02:00");
        desk.plan().await;
        assert!(desk.store.tasks(None).await.unwrap().is_empty());
        let done = desk.store.tasks(Some(CaseId(1))).await.unwrap();
        assert!(done[0].outcome.as_deref().unwrap().contains("mobile"));
    }
}

#[tokio::test]
async fn an_address_under_another_domain_that_must_be_verified_is_at_risk_too() {
    let mut desk = Desk::stocked().await;
    desk.customer(
        "K-2",
        &format!("post@mail.{DOMAIN}"),
        Some("zweit@example.org"),
    )
    .await;
    desk.domain(LIVE, "tuchmacherei-jena.de", Some("K-2"), "")
        .await;
    desk.now = at("2026-05-05T10:31:00+02:00");
    // In one batch with the domain that its address lies under.
    desk.live(&verify(DOMAIN, "2026-06-04T10:30:00+02:00"))
        .await;
    desk.live(&verify("tuchmacherei-jena.de", "2026-06-10T10:30:00+02:00"))
        .await;
    let notices = desk.notices().await;
    let other = &notices[1].notice;
    assert!(other.is_address_at_risk());
    assert!(other.recipient.starts_with("post@"));
    desk.plan().await;
    desk.send_all().await;
    // That one goes off the net: the first address is dead although this domain still works.
    desk.now = at("2026-06-04T10:31:00+02:00");
    let date = "Thu, 04 Jun 2026 10:30:00 +0200";
    let info = [HOLD, &deletion("2026-09-02T10:30:00+02:00")];
    desk.live(&mail(DOMAIN, date, &["DENIC-1000888-A"], &info))
        .await;
    desk.now = at("2026-06-07T10:31:00+02:00");
    desk.plan().await;
    let notices = desk.notices().await;
    let reminder = notices.iter().map(|entry| &entry.notice).rfind(|notice| {
        notice.kind == NoticeKind::Reminder && notice.items[0].unicode == "tuchmacherei-jena.de"
    });
    assert_eq!(reminder.unwrap().recipient, "zweit@example.org");
}

#[tokio::test]
async fn without_a_customer_the_desk_has_to_find_one_and_who_is_found_is_told() {
    let desk = Desk::empty().await;
    desk.domain(LIVE, DOMAIN, None, "").await;
    let mut desk = desk;
    desk.now = at("2026-05-05T10:31:00+02:00");
    desk.live(&verify(DOMAIN, "2026-06-04T10:30:00+02:00"))
        .await;
    desk.plan().await;
    let calls = desk.store.tasks(None).await.unwrap();
    assert_eq!(calls[0].code.as_str(), "W27");
    assert!(calls[0].text.contains(DOMAIN), "{}", calls[0].text);
    assert!(desk.notices().await.is_empty());
    // No replay is needed.
    desk.customer("K-7", "neu@example.net", None).await;
    desk.domain(LIVE, DOMAIN, Some("K-7"), "").await;
    desk.plan().await;
    let notices = desk.notices().await;
    assert_eq!(
        said(&notices),
        [(
            NoticeKind::VerificationRequired,
            NoticeState::Queued,
            "neu@example.net"
        )]
    );
}

#[tokio::test]
async fn what_was_only_observed_is_told_once_mails_are_sent() {
    let mut desk = Desk::with(&[("STICHTAG_NOTICES__MODE", "observe")])
        .await
        .stock()
        .await;
    desk.now = at("2026-05-05T10:31:00+02:00");
    desk.live(&verify(DOMAIN, "2026-06-04T10:30:00+02:00"))
        .await;
    desk.plan().await;
    let observed = [(
        NoticeKind::VerificationRequired,
        NoticeState::Observed,
        "kunde@example.net",
    )];
    assert_eq!(said(&desk.notices().await), observed);
    // The operator has watched long enough.
    desk.rules = Desk::empty().await.rules;
    desk.store.plan_again().await.unwrap();
    desk.now += 24.hours();
    desk.plan().await;
    desk.plan().await;
    let notices = desk.notices().await;
    assert_eq!(notices.len(), 2);
    assert_eq!(notices[1].notice.state, NoticeState::Queued);
    assert_eq!(notices[1].notice.kind, NoticeKind::VerificationRequired);
}

#[tokio::test]
async fn two_planners_write_one_reminder() {
    let mut desk = begun().await;
    desk.now = at("2026-05-21T10:30:00+02:00");
    let stichtag::store::Desk { cases, .. } = desk.store.plan_of(CaseId(1)).await.unwrap();
    assert_eq!(cases.len(), 1);
    let (one, two) = tokio::join!(desk.plan(), desk.plan());
    let ((), ()) = (one, two);
    assert_eq!(desk.notices().await.len(), 2);
}

#[tokio::test]
async fn whoever_was_only_observed_is_not_told_the_end_once_mails_are_sent() {
    let mut desk = Desk::with(&[("STICHTAG_NOTICES__MODE", "observe")])
        .await
        .stock()
        .await;
    desk.now = at("2026-05-05T10:31:00+02:00");
    desk.live(&verify(DOMAIN, "2026-06-04T10:30:00+02:00"))
        .await;
    desk.plan().await;
    desk.rules = Desk::empty().await.rules;
    desk.store.plan_again().await.unwrap();
    desk.plan().await;
    // It is over before the first mail has left.
    desk.now += 5.minutes();
    desk.live(&connect(DOMAIN, "Tue, 05 May 2026 10:35:00 +0200"))
        .await;
    let notices = desk.notices().await;
    let kinds: Vec<_> = (notices.iter())
        .map(|entry| (entry.notice.kind, entry.notice.state))
        .collect();
    assert_eq!(
        kinds,
        [
            (NoticeKind::VerificationRequired, NoticeState::Observed),
            (NoticeKind::VerificationRequired, NoticeState::Withdrawn),
        ]
    );
}

#[tokio::test]
async fn who_looks_on_sees_the_end_of_what_was_observed() {
    let mut desk = Desk::with(&[("STICHTAG_NOTICES__MODE", "observe")])
        .await
        .stock()
        .await;
    desk.now = at("2026-05-05T10:31:00+02:00");
    desk.live(&verify(DOMAIN, "2026-06-04T10:30:00+02:00"))
        .await;
    desk.now += 1.hour();
    desk.live(&connect(DOMAIN, "Tue, 05 May 2026 11:31:00 +0200"))
        .await;
    assert_eq!(desk.notices().await[1].notice.kind, NoticeKind::Resolved);
}
