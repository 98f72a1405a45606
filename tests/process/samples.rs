//! The sample messages together: the checks that hold across several of them.

use stichtag::model::{CaseState, NoticeKind, NoticeState, RegistryStatus};
use stichtag::store::MessageVerdict::{Applied, Held, Unchanged};
use stichtag::store::Store;

use super::desk::{Desk, LIVE, TEST, at, sample};

#[tokio::test]
async fn a_connect_by_mail_and_by_queue_is_one_event() {
    for order in [
        [
            "01-live-connect.eml",
            "20-queue-domainStatusUpdate-connect.kv",
        ],
        [
            "20-queue-domainStatusUpdate-connect.kv",
            "01-live-connect.eml",
        ],
    ] {
        let desk = Desk::stocked().await;
        let first = desk.sample(order[0]).await;
        let second = desk.sample(order[1]).await;
        assert_eq!(desk.verdict(first).await, Applied, "{order:?}");
        assert_eq!(desk.verdict(second).await, Unchanged, "{order:?}");
        let record = desk.record(LIVE, "holzspielzeug-nord.de").await;
        assert_eq!(record.status(), Some(&RegistryStatus::Connect));
        let history = desk.store.history(&record.key).await.unwrap();
        assert_eq!(history.len(), 1, "{history:?}");
        assert!(desk.notices().await.is_empty() && desk.cases().await.is_empty());
    }
}

#[tokio::test]
async fn a_verification_on_three_channels_is_one_case_and_one_notice() {
    let names = [
        "03-live-verification-required.eml",
        "21-queue-domainStatusUpdate-verification.kv",
        "40-bare-message-undeclared-prefix-nbsp.xml",
    ];
    for turn in 0..3 {
        let desk = Desk::stocked().await;
        let mut verdicts = Vec::new();
        for step in 0..3 {
            let id = desk.sample(names[(turn + step) % 3]).await;
            verdicts.push(desk.verdict(id).await);
        }
        assert_eq!(verdicts, [Applied, Unchanged, Unchanged], "turn {turn}");
        let notices = desk.notices().await;
        assert_eq!(notices.len(), 1, "turn {turn}");
        assert_eq!(notices[0].notice.kind, NoticeKind::VerificationRequired);
        assert_eq!(notices[0].notice.items.len(), 1);
        assert_eq!(desk.cases().await.len(), 1);
        let due = desk.record(LIVE, "segelschule-bodden.de").await.due();
        assert_eq!(due.dedelegation_at, Some(at("2026-06-04T06:30:00Z")));
        assert_eq!(due.deletion_at, Some(at("2026-09-02T06:30:00Z")));
    }
}

#[tokio::test]
async fn all_five_together_are_two_events() {
    let desk = Desk::stocked().await;
    let mut applied = 0;
    for name in [
        "01-live-connect.eml",
        "03-live-verification-required.eml",
        "20-queue-domainStatusUpdate-connect.kv",
        "21-queue-domainStatusUpdate-verification.kv",
        "40-bare-message-undeclared-prefix-nbsp.xml",
    ] {
        let id = desk.sample(name).await;
        applied += usize::from(desk.verdict(id).await == Applied);
    }
    assert_eq!(applied, 2);
    assert_eq!(desk.notices().await.len(), 1);
}

#[tokio::test]
async fn test_traffic_changes_nothing_live() {
    let mut desk = Desk::stocked().await;
    desk.now = at("2026-06-04T12:00:00Z");
    desk.sample("05-live-serverhold-nbsp-qp.eml").await;
    let before = desk.world(Some(LIVE)).await;
    for name in [
        "02-test-connect-idn.eml",
        "04-test-verification-ate-typo.eml",
        "22-queue-domainStatusUpdate-serverHold.kv",
    ] {
        let id = desk.sample(name).await;
        assert_eq!(desk.verdict(id).await, Applied, "{name}");
        assert_eq!(
            desk.entry(id).await.decision.unwrap().environment,
            Some(TEST)
        );
    }
    desk.is_still(Some(LIVE), &before).await;
    let hamm = desk.record(TEST, "grüne-welle-hamm.de").await;
    assert_eq!(hamm.status(), Some(&RegistryStatus::ServerHold));
    let notices = desk.notices().await;
    let test: Vec<_> = notices
        .iter()
        .filter(|entry| entry.notice.environment == TEST)
        .collect();
    assert!(!test.is_empty());
    for entry in test {
        for item in &entry.notice.items {
            assert_ne!(item.domain.unicode(), "segelschule-bodden.de");
        }
    }
}

#[tokio::test]
async fn with_a_live_configuration_test_traffic_is_held() {
    let mut desk = Desk::stocked().await;
    desk.rules
        .policy
        .routes
        .retain(|route| route.environment == LIVE);
    let before = desk.world(None).await;
    for name in [
        "02-test-connect-idn.eml",
        "04-test-verification-ate-typo.eml",
    ] {
        let from = "registry-response@test.denic.de";
        let id = desk.smtp(from, super::desk::TO_LIVE, &sample(name)).await;
        assert_eq!(desk.verdict(id).await, Held, "{name}");
    }
    // Read from the live queue: the text says test.
    let raw = sample("22-queue-domainStatusUpdate-serverHold.kv");
    let id = desk.queue(Some(LIVE), &raw).await;
    assert_eq!(desk.verdict(id).await, Held);
    assert!(desk.codes(id).await.contains(&"R06"));
    desk.is_still(None, &before).await;
}

#[tokio::test]
async fn forgeries_never_lead_to_a_notice() {
    let desk = Desk::stocked().await;
    let before = desk.world(None).await;
    let seven = desk.sample("07-reject-environment-mismatch.eml").await;
    let eight = desk
        .smtp(
            "bounce@mail-gateway.example",
            super::desk::TO_LIVE,
            &sample("08-reject-lookalike-sender.eml"),
        )
        .await;
    assert_eq!(desk.verdict(seven).await, Held);
    assert!(desk.codes(seven).await.contains(&"R06"));
    assert_eq!(desk.verdict(eight).await, Held);
    let codes = desk.codes(eight).await;
    assert!(
        codes.contains(&"R02") && codes.contains(&"R05"),
        "{codes:?}"
    );
    desk.is_still(None, &before).await;
    // Held mail leaves its marks in the log, and in figures.
    assert_eq!(desk.store.figures().await.unwrap().held, 2);
}

#[tokio::test]
async fn reading_any_sample_twice_changes_nothing_the_second_time() {
    let mut desk = Desk::stocked().await;
    desk.now = at("2026-06-04T12:00:00Z");
    desk.rules.creates_unknown = true;
    let mut names = Vec::new();
    for folder in ["denic-mail", "denic-queue"] {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("fixtures")
            .join(folder);
        for entry in std::fs::read_dir(folder).unwrap() {
            names.push(entry.unwrap().file_name().into_string().unwrap());
        }
    }
    names.sort();
    assert!(names.len() > 25);
    for name in &names {
        desk.sample(name).await;
        let before = desk.world(None).await;
        let second = desk.sample(name).await;
        desk.is_still(None, &before).await;
        assert_ne!(desk.verdict(second).await, Applied, "{name}");
    }
    // And all of them once more, in one go.
    let before = desk.world(None).await;
    for name in &names {
        desk.sample(name).await;
    }
    desk.is_still(None, &before).await;
}

#[tokio::test]
async fn a_hold_moves_the_case_and_a_connect_resolves_it() {
    let mut desk = Desk::stocked().await;
    desk.now = at("2026-06-08T12:00:00Z");
    desk.sample("05-live-serverhold-nbsp-qp.eml").await;
    let cases = desk.cases().await;
    assert_eq!(cases[0].state, CaseState::OnHold);
    let record = desk.record(LIVE, "grüne-welle-hamm.de").await;
    assert_eq!(record.due().dedelegation_at, None);
    let raw = super::desk::mail(
        "xn--grne-welle-hamm-0vb.de",
        "Sun, 07 Jun 2026 12:00:00 +0200",
        &["DENIC-1000888-WELLE"],
        &[super::desk::CONNECT],
    );
    let id = desk.live(&raw).await;
    assert_eq!(desk.verdict(id).await, Applied);
    let cases = desk.cases().await;
    assert_eq!((cases.len(), cases[0].state), (1, CaseState::Resolved));
    let notices = desk.notices().await;
    let told: Vec<_> = (notices.iter())
        .map(|entry| (entry.notice.kind, entry.notice.state))
        .collect();
    assert_eq!(
        told,
        [(NoticeKind::OnHold, NoticeState::Withdrawn)],
        "nobody hears of what was over before the mail left"
    );
}

#[tokio::test]
async fn whoever_was_told_of_a_hold_is_told_of_its_end() {
    let mut desk = Desk::stocked().await;
    desk.now = at("2026-06-08T12:00:00Z");
    desk.sample("05-live-serverhold-nbsp-qp.eml").await;
    desk.send_all().await;
    let raw = super::desk::mail(
        "xn--grne-welle-hamm-0vb.de",
        "Sun, 07 Jun 2026 12:00:00 +0200",
        &["DENIC-1000888-WELLE"],
        &[super::desk::CONNECT],
    );
    desk.live(&raw).await;
    let notices = desk.notices().await;
    let told: Vec<_> = (notices.iter())
        .map(|entry| (entry.notice.kind, entry.notice.state))
        .collect();
    assert_eq!(
        told,
        [
            (NoticeKind::OnHold, NoticeState::Sent),
            (NoticeKind::Resolved, NoticeState::Queued)
        ]
    );
}
