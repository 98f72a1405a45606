//! Who is told what, once.

use jiff::ToSpan;
use stichtag::model::{CaseId, CustomerId, Lifecycle, NoticeKind, NoticeState};
use stichtag::store::MessageVerdict::{Applied, Held, Unchanged};
use stichtag::store::{CaseNote, DomainImport, Store};

use super::desk::{CONNECT, Desk, HOLD, LIVE, TEST, dedelegation, deletion, key, mail, sample};

const VERIFY: &str = "03-live-verification-required.eml";
const CONTACT: &str = "23-queue-contactVerificationRequired-inferred.kv";
const BODDEN: &str = "DENIC-1000888-BODDEN-GBR";

fn verify(domain: &str) -> Vec<u8> {
    mail(
        domain,
        "Sat, 09 May 2026 10:00:00 +0200",
        &["DENIC-1000888-A"],
        &[
            CONNECT,
            &dedelegation("2026-06-04T08:30:00+02:00"),
            &deletion("2026-09-02T08:30:00+02:00"),
        ],
    )
}

fn hold(domain: &str) -> Vec<u8> {
    mail(
        domain,
        "Sat, 09 May 2026 12:00:00 +0200",
        &["DENIC-1000888-A"],
        &[HOLD, &deletion("2026-09-02T08:30:00+02:00")],
    )
}

#[tokio::test]
async fn two_domains_within_the_waiting_time_are_one_mail() {
    let mut desk = Desk::stocked().await;
    desk.live(&verify("segelschule-bodden.de")).await;
    desk.now += 10.minutes();
    desk.live(&verify("holzspielzeug-nord.de")).await;
    let notices = desk.notices().await;
    assert_eq!(notices.len(), 1);
    assert_eq!(notices[0].notice.items.len(), 2);
    assert_eq!(notices[0].messages.len(), 2);
    // Behind the waiting time a new mail begins.
    desk.now += 6.minutes();
    desk.live(&verify("tuchmacherei-jena.de")).await;
    let counts: Vec<_> = desk
        .notices()
        .await
        .iter()
        .map(|n| n.notice.items.len())
        .collect();
    assert_eq!(counts, [2, 1]);
}

#[tokio::test]
async fn nothing_joins_a_mail_that_is_on_its_way() {
    let mut desk = Desk::stocked().await;
    desk.live(&verify("segelschule-bodden.de")).await;
    desk.now += 20.minutes();
    let lease = std::time::Duration::from_secs(60);
    let claimed = desk.store.claim_notices(desk.now, 10, lease).await.unwrap();
    assert_eq!(claimed.len(), 1);
    desk.live(&verify("holzspielzeug-nord.de")).await;
    let counts: Vec<_> = desk
        .notices()
        .await
        .iter()
        .map(|n| n.notice.items.len())
        .collect();
    assert_eq!(counts, [1, 1]);
}

#[tokio::test]
async fn customers_kinds_and_environments_are_never_mixed_in_one_mail() {
    let desk = Desk::stocked().await;
    desk.customer("K-2", "zwei@example.net", None).await;
    desk.domain(LIVE, "holzspielzeug-nord.de", Some("K-2"), "")
        .await;
    desk.live(&verify("segelschule-bodden.de")).await;
    desk.live(&verify("holzspielzeug-nord.de")).await;
    desk.live(&hold("tuchmacherei-jena.de")).await;
    desk.sample("04-test-verification-ate-typo.eml").await;
    let mut seen: Vec<_> = desk
        .notices()
        .await
        .iter()
        .map(|n| {
            (
                n.notice.customer.0.clone(),
                n.notice.kind,
                n.notice.environment,
                n.notice.items.len(),
            )
        })
        .collect();
    seen.sort();
    let verification = NoticeKind::VerificationRequired;
    assert_eq!(
        seen,
        [
            ("K-1".to_owned(), verification, LIVE, 1),
            ("K-1".to_owned(), verification, TEST, 1),
            ("K-1".to_owned(), NoticeKind::OnHold, LIVE, 1),
            ("K-2".to_owned(), verification, LIVE, 1),
        ]
    );
}

#[tokio::test]
async fn observe_writes_down_on_queues_and_off_does_neither() {
    for (mode, state) in [
        ("observe", Some(NoticeState::Observed)),
        ("on", Some(NoticeState::Queued)),
        ("off", None),
    ] {
        let desk = Desk::with(&[("STICHTAG_NOTICES__MODE", mode)])
            .await
            .stock()
            .await;
        let id = desk.sample(VERIFY).await;
        assert_eq!(desk.verdict(id).await, Applied, "{mode}");
        assert_eq!(desk.cases().await.len(), 1, "{mode}");
        let states: Vec<_> = desk
            .notices()
            .await
            .iter()
            .map(|n| n.notice.state)
            .collect();
        assert_eq!(states, Vec::from_iter(state), "{mode}");
        let lease = std::time::Duration::from_secs(60);
        let later = desk.now + 24.hours();
        let due = desk.store.claim_notices(later, 10, lease).await.unwrap();
        assert_eq!(due.len(), usize::from(mode == "on"), "{mode}");
    }
}

#[tokio::test]
async fn without_a_customer_the_operator_is_told_and_the_customer_later() {
    let desk = Desk::empty().await;
    desk.domain(LIVE, "segelschule-bodden.de", None, "").await;
    let id = desk.sample(VERIFY).await;
    assert_eq!(desk.verdict(id).await, Applied);
    assert!(desk.codes(id).await.contains(&"W27"));
    assert_eq!(desk.alarms().await, ["W27"]);
    assert!(desk.notices().await.is_empty());
    // What `explain W27` says: import the customer, then replay.
    desk.customer("K-1", "kunde@example.net", None).await;
    desk.domain(LIVE, "segelschule-bodden.de", Some("K-1"), "")
        .await;
    assert_eq!(desk.alarms().await, ["W27"], "nobody has been told yet");
    desk.again(id, false).await;
    let notices = desk.notices().await;
    assert_eq!(notices.len(), 1);
    assert_eq!(notices[0].notice.kind, NoticeKind::VerificationRequired);
    assert_eq!(notices[0].notice.items[0].case, Some(CaseId(1)));
    assert!(desk.alarms().await.is_empty());
    desk.again(id, false).await;
    assert_eq!(desk.notices().await.len(), 1);
}

#[tokio::test]
async fn a_registration_nobody_could_be_told_of_does_not_alarm_for_ever() {
    let desk = Desk::with(&[("STICHTAG_DOMAINS__UNKNOWN_DOMAIN", "create")]).await;
    desk.sample("01-live-connect.eml").await;
    assert_eq!(desk.alarms().await, ["W27"]);
    desk.domain(LIVE, "holzspielzeug-nord.de", Some("K-1"), "")
        .await;
    assert_eq!(
        desk.alarms().await,
        ["W27"],
        "the customer is only a number so far"
    );
    desk.customer("K-1", "kunde@example.net", None).await;
    assert!(desk.alarms().await.is_empty());
}

#[tokio::test]
async fn an_address_under_the_domain_is_warned_of_and_avoided_once_it_is_off() {
    let desk = Desk::empty().await;
    desk.customer(
        "K-1",
        "info@segelschule-bodden.de",
        Some("privat@example.net"),
    )
    .await;
    desk.domain(LIVE, "segelschule-bodden.de", Some("K-1"), "")
        .await;
    let first = desk.live(&verify("segelschule-bodden.de")).await;
    assert!(desk.codes(first).await.contains(&"W11"));
    desk.live(&hold("segelschule-bodden.de")).await;
    let to: Vec<_> = desk
        .notices()
        .await
        .iter()
        .map(|n| n.notice.recipient.clone())
        .collect();
    assert_eq!(to, ["info@segelschule-bodden.de", "privat@example.net"]);
}

#[tokio::test]
async fn an_address_under_the_domain_without_another_is_for_the_telephone() {
    let desk = Desk::empty().await;
    desk.customer("K-1", "info@mail.segelschule-bodden.de", None)
        .await;
    desk.domain(LIVE, "segelschule-bodden.de", Some("K-1"), "")
        .await;
    let id = desk.live(&hold("segelschule-bodden.de")).await;
    assert!(desk.codes(id).await.contains(&"W11"));
    assert!(desk.alarms().await.contains(&"W11"));
}

#[tokio::test]
async fn a_contact_reaches_every_customer_with_its_domains() {
    let desk = Desk::empty().await;
    for (customer, domains) in [
        ("K-1", ["segelschule-bodden.de", "a-bodden.de"]),
        ("K-2", ["b-bodden.de", "c-bodden.de"]),
    ] {
        desk.customer(
            customer,
            &format!("{customer}@example.net").to_lowercase(),
            None,
        )
        .await;
        for domain in domains {
            desk.domain(LIVE, domain, Some(customer), BODDEN).await;
        }
    }
    desk.domain(LIVE, "fremd.de", Some("K-2"), "DENIC-1000888-OTHER")
        .await;
    desk.domain(TEST, "segelschule-bodden.de", Some("K-1"), BODDEN)
        .await;
    let id = desk.sample(CONTACT).await;
    assert_eq!(desk.verdict(id).await, Applied);
    assert!(
        desk.codes(id).await.contains(&"W22"),
        "12 are counted, 4 are known"
    );
    assert_eq!(desk.alarms().await, ["W22"]);
    let told: Vec<_> = desk
        .notices()
        .await
        .iter()
        .map(|n| {
            (
                n.notice.customer.0.clone(),
                n.notice.environment,
                n.notice.items.len(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [("K-1".to_owned(), LIVE, 2), ("K-2".to_owned(), LIVE, 2)]
    );
    assert_eq!(desk.cases().await.len(), 4);
    assert!(!desk.record(LIVE, "fremd.de").await.due().is_some());
    assert!(
        !desk
            .record(TEST, "segelschule-bodden.de")
            .await
            .due()
            .is_some()
    );
    let due = desk.record(LIVE, "c-bodden.de").await.due();
    assert!(due.dedelegation_at.is_some() && due.deletion_at.is_some());
    // The XML form of the same event.
    let world = desk.world(None).await;
    let twin = desk
        .sample("41-queue-contactVerificationRequired-stray-text.xml")
        .await;
    assert_eq!(desk.verdict(twin).await, Unchanged);
    desk.is_still(None, &world).await;
}

#[tokio::test]
async fn a_count_that_fits_again_ends_its_alarm() {
    let desk = Desk::empty().await;
    desk.customer("K-1", "kunde@example.net", None).await;
    desk.domain(LIVE, "segelschule-bodden.de", Some("K-1"), BODDEN)
        .await;
    let text = String::from_utf8(sample(CONTACT)).unwrap();
    desk.queue(Some(LIVE), text.as_bytes()).await;
    assert_eq!(desk.alarms().await, ["W22"]);
    let fitting = text
        .replace("DomainsTotal: 12", "DomainsTotal: 1")
        .replace("08:30:01", "09:30:01")
        .replace("b3a404", "b3a499");
    let id = desk.queue(Some(LIVE), fitting.as_bytes()).await;
    assert!(!desk.codes(id).await.contains(&"W22"));
    assert!(desk.alarms().await.is_empty());
}

#[tokio::test]
async fn a_contact_nobody_has_is_held_and_found_once_the_domain_is_there() {
    let desk = Desk::empty().await;
    let id = desk.sample(CONTACT).await;
    assert_eq!(desk.verdict(id).await, Held);
    assert!(desk.alarms().await.contains(&"R20"), "it carries deadlines");
    desk.customer("K-1", "kunde@example.net", None).await;
    desk.domain(LIVE, "segelschule-bodden.de", Some("K-1"), BODDEN)
        .await;
    desk.again(id, false).await;
    assert_eq!(desk.verdict(id).await, Applied);
    assert!(!desk.alarms().await.contains(&"R20"));
    assert_eq!(desk.notices().await.len(), 1);
}

#[tokio::test]
async fn a_status_mail_behind_its_contact_message_tells_nobody_twice() {
    for order in [[CONTACT, VERIFY], [VERIFY, CONTACT]] {
        let desk = Desk::empty().await;
        desk.customer("K-1", "kunde@example.net", None).await;
        desk.domain(LIVE, "segelschule-bodden.de", Some("K-1"), BODDEN)
            .await;
        for name in order {
            desk.sample(name).await;
        }
        let notices = desk.notices().await;
        assert_eq!(notices.len(), 1, "{order:?}");
        assert_eq!(notices[0].notice.items.len(), 1, "{order:?}");
        assert_eq!(desk.cases().await.len(), 1);
    }
}

#[tokio::test]
async fn the_log_says_how_far_the_notice_got_and_that_a_repeat_is_covered() {
    let desk = Desk::stocked().await;
    let id = desk.sample(VERIFY).await;
    let entry = desk.entry(id).await;
    assert_eq!(entry.notice.unwrap().1, NoticeState::Queued);
    // Closed by hand, asked for again with the same dates by another case: told for that case.
    let note = CaseNote {
        at: desk.now,
        actor: "0 test".to_owned(),
        text: "proof is here".to_owned(),
    };
    assert!(desk.store.note_case(CaseId(1), &note, true).await.unwrap());
    let newer = String::from_utf8(sample(VERIFY))
        .unwrap()
        .replace("Tue, 05 May 2026 08:30:05", "Tue, 05 May 2026 09:30:05");
    let again = desk.live(newer.as_bytes()).await;
    assert_eq!(
        desk.verdict(again).await,
        Unchanged,
        "a person closed it, the facts are the same"
    );
}

#[tokio::test]
async fn a_date_that_comes_back_is_told_again() {
    let mut desk = Desk::stocked().await;
    for (hour, deadline) in [
        ("08", "2026-06-04"),
        ("09", "2026-06-11"),
        ("10", "2026-06-04"),
    ] {
        desk.now += 1.hour();
        let raw = mail(
            "segelschule-bodden.de",
            &format!("Sat, 09 May 2026 {hour}:00:00 +0200"),
            &["DENIC-1000888-A"],
            &[
                CONNECT,
                &dedelegation(&format!("{deadline}T08:30:00+02:00")),
            ],
        );
        desk.live(&raw).await;
    }
    let log = desk.store.log(&Default::default()).await.unwrap();
    let last = log.last().unwrap();
    assert_eq!(last.decision.as_ref().unwrap().verdict, Applied);
    let notices = desk.notices().await;
    // The customer's newest mail must name the date that is true now.
    let newest = &notices.last().unwrap().notice.items.last().unwrap();
    let due = desk.record(LIVE, "segelschule-bodden.de").await.due();
    assert_eq!(newest.dedelegation_at, due.dedelegation_at);
}

/// A domain that is being registered, or moved to us.
async fn awaited(lifecycle: Lifecycle) -> Desk {
    let desk = Desk::empty().await;
    desk.customer("K-1", "kunde@example.net", None).await;
    let import = DomainImport {
        key: key(LIVE, "segelschule-bodden.de"),
        customer: Some(CustomerId("K-1".to_owned())),
        holders: Vec::new(),
        status: None,
        lifecycle: Some(lifecycle),
    };
    desk.store.put_domains(&[import], desk.now).await.unwrap();
    desk
}

#[tokio::test]
async fn a_registration_that_asks_for_proof_is_told_as_both() {
    for (lifecycle, kind) in [
        (Lifecycle::Registering, NoticeKind::Registered),
        (Lifecycle::Transferring, NoticeKind::Transfer),
    ] {
        let mut desk = awaited(lifecycle).await;
        let id = desk.live(&verify("segelschule-bodden.de")).await;
        let kinds: Vec<_> = (desk.notices().await.iter())
            .map(|entry| (entry.notice.kind, entry.notice.state))
            .collect();
        assert_eq!(
            kinds,
            [
                (kind, NoticeState::Queued),
                (NoticeKind::VerificationRequired, NoticeState::Queued),
            ]
        );
        let registered = &desk.notices().await[0].notice;
        assert!(registered.items[0].flag, "it says that proof is asked for");
        desk.again(id, false).await;
        assert_eq!(desk.notices().await.len(), 2);
        desk.send_all().await;
        // A reminder is one of the notice that asked for proof.
        let first = desk.notices().await[1].notice.message_id.clone();
        desk.now = "2026-05-21T10:30:00+02:00".parse().unwrap();
        desk.plan().await;
        let reminder = desk.notices().await[2].notice.clone();
        assert_eq!(reminder.in_reply_to, Some(first), "{kind}");
    }
}

#[tokio::test]
async fn a_registration_stays_told_when_its_proof_is_there_before_the_mail_left() {
    let desk = awaited(Lifecycle::Registering).await;
    desk.live(&verify("segelschule-bodden.de")).await;
    let date = "Sat, 09 May 2026 10:05:00 +0200";
    let raw = mail(
        "segelschule-bodden.de",
        date,
        &["DENIC-1000888-A"],
        &[CONNECT],
    );
    desk.live(&raw).await;
    let kinds: Vec<_> = (desk.notices().await.iter())
        .map(|entry| (entry.notice.kind, entry.notice.state))
        .collect();
    assert_eq!(
        kinds,
        [
            (NoticeKind::Registered, NoticeState::Queued),
            (NoticeKind::VerificationRequired, NoticeState::Withdrawn),
        ]
    );
}
