//! Duplicates, order, poisoning, release and replay.

use jiff::ToSpan;
use stichtag::model::{CaseState, NoticeKind, RegistryStatus};
use stichtag::process;
use stichtag::store::MessageVerdict::{Applied, Held, Unchanged};
use stichtag::store::{Claimed, MessageVerdict, Store};

use super::desk::{CONNECT, Desk, HOLD, LIVE, TO_LIVE, at, dedelegation, deletion, mail, sample};

const GENUINE: &str = "registry-response@denic.de";
const VERIFY: &str = "03-live-verification-required.eml";

fn text(raw: &[u8]) -> String {
    String::from_utf8(raw.to_vec()).unwrap()
}

#[tokio::test]
async fn trace_headers_and_line_ends_do_not_make_another_mail() {
    let desk = Desk::stocked().await;
    let raw = text(&sample(VERIFY));
    let first = desk.live(raw.as_bytes()).await;
    assert_eq!(desk.verdict(first).await, Applied);
    let more_trace = format!(
        "Delivered-To: {TO_LIVE}\r\nReceived: from elsewhere.example (x [192.0.2.9])\r\n\tby mx2.registrar.example;\r\n\tTue, 05 May 2026 09:00:00 +0200\r\nAuthentication-Results: mx2; dkim=none\r\n{raw}"
    );
    let unix = raw.replace("\r\n", "\n");
    for copy in [raw.clone(), more_trace, unix] {
        let id = desk.live(copy.as_bytes()).await;
        assert_eq!(desk.verdict(id).await, Unchanged);
        assert!(desk.codes(id).await.contains(&"W31"), "{copy}");
    }
    assert_eq!(desk.notices().await.len(), 1);
}

#[tokio::test]
async fn the_same_mail_to_another_recipient_is_another_mail() {
    let mut desk = Desk::stocked().await;
    for route in &mut desk.rules.policy.routes {
        if route.environment == LIVE {
            route.recipients.push("zweite@registrar.example".to_owned());
        }
    }
    let first = desk.live(&sample(VERIFY)).await;
    let second = desk
        .smtp(GENUINE, "zweite@registrar.example", &sample(VERIFY))
        .await;
    assert_eq!(desk.verdict(first).await, Applied);
    assert_eq!(desk.verdict(second).await, Unchanged);
    assert!(
        !desk.codes(second).await.contains(&"W31"),
        "its facts are the same, not the mail"
    );
    assert_eq!(desk.notices().await.len(), 1);
}

#[tokio::test]
async fn a_forgery_with_the_same_message_id_does_not_spoil_the_genuine_mail() {
    let desk = Desk::stocked().await;
    let genuine = text(&sample(VERIFY));
    let forged = genuine
        .replace(
            "From: registry-response@denic.de",
            "From: registry-response@denic.de.example.net",
        )
        .replace("2026-06-04", "2027-06-04");
    let forgery = desk.smtp("x@example.net", TO_LIVE, forged.as_bytes()).await;
    assert_eq!(desk.verdict(forgery).await, Held);
    let id = desk.live(genuine.as_bytes()).await;
    assert_eq!(desk.verdict(id).await, Applied);
    let due = desk.record(LIVE, "segelschule-bodden.de").await.due();
    assert_eq!(due.dedelegation_at, Some(at("2026-06-04T06:30:00Z")));
    assert_eq!(desk.notices().await.len(), 1);
}

#[tokio::test]
async fn a_forgery_with_the_very_bytes_does_not_spoil_the_genuine_mail() {
    let desk = Desk::stocked().await;
    let raw = sample(VERIFY);
    let forgery = desk.smtp("x@example.net", TO_LIVE, &raw).await;
    let genuine = desk.live(&raw).await;
    let late_copy = desk.smtp("x@example.net", TO_LIVE, &raw).await;
    assert_eq!(desk.verdict(forgery).await, Held);
    assert_eq!(desk.verdict(genuine).await, Applied);
    assert_eq!(desk.verdict(late_copy).await, Held);
    assert_eq!(desk.notices().await.len(), 1);
    // Released afterwards, the held copy has nothing new to say.
    desk.again(forgery, true).await;
    assert_eq!(desk.verdict(forgery).await, Unchanged);
    assert_eq!(desk.notices().await.len(), 1);
}

#[tokio::test]
async fn forgery_and_genuine_mail_in_one_batch_do_not_mix() {
    let desk = Desk::stocked().await;
    let raw = sample(VERIFY);
    let forgery = desk
        .keep(desk.inbound("x@example.net", &[TO_LIVE], &raw))
        .await;
    let genuine = desk.keep(desk.inbound(GENUINE, &[TO_LIVE], &raw)).await;
    let copy = desk.keep(desk.inbound(GENUINE, &[TO_LIVE], &raw)).await;
    desk.work().await;
    assert_eq!(desk.verdict(forgery).await, Held);
    assert_eq!(desk.verdict(genuine).await, Applied);
    assert_eq!(desk.verdict(copy).await, Unchanged);
}

#[tokio::test]
async fn a_message_of_an_unknown_domain_does_not_count_as_seen() {
    let desk = Desk::empty().await;
    let raw = sample(VERIFY);
    let first = desk.live(&raw).await;
    assert_eq!(desk.verdict(first).await, Held);
    assert!(desk.codes(first).await.contains(&"R20"));
    assert_eq!(
        desk.alarms().await,
        ["R20"],
        "a deadline is held, so somebody must hear of it"
    );
    desk.customer("K-1", "kunde@example.net", None).await;
    desk.domain(LIVE, "segelschule-bodden.de", Some("K-1"), "")
        .await;
    let second = desk.live(&raw).await;
    assert_eq!(desk.verdict(second).await, Applied);
    desk.again(first, false).await;
    assert_eq!(desk.verdict(first).await, Unchanged);
    assert_eq!(desk.notices().await.len(), 1);
    assert!(desk.alarms().await.is_empty());
}

#[tokio::test]
async fn order_does_not_matter() {
    let days = ["Mon, 04", "Tue, 05", "Wed, 06"];
    let asks = [
        dedelegation("2026-06-04T08:30:00+02:00"),
        deletion("2026-09-02T08:30:00+02:00"),
    ];
    let mails: Vec<Vec<u8>> = days
        .iter()
        .enumerate()
        .map(|(index, day)| {
            let date = format!("{day} May 2026 10:00:00 +0200");
            let info: Vec<&str> = match index {
                0 => vec![CONNECT],
                1 => vec![CONNECT, &asks[0], &asks[1]],
                _ => vec![HOLD, &asks[1]],
            };
            mail("segelschule-bodden.de", &date, &["DENIC-1000888-A"], &info)
        })
        .collect();
    for order in [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ] {
        let desk = Desk::stocked().await;
        for index in order {
            desk.live(&mails[index]).await;
            desk.live(&mails[index]).await;
        }
        let record = desk.record(LIVE, "segelschule-bodden.de").await;
        assert_eq!(
            record.status(),
            Some(&RegistryStatus::ServerHold),
            "{order:?}"
        );
        assert_eq!(
            record.due().deletion_at,
            Some(at("2026-09-02T06:30:00Z")),
            "{order:?}"
        );
        assert_eq!(record.due().dedelegation_at, None, "{order:?}");
        let open = desk.store.cases(true).await.unwrap();
        assert_eq!(
            (open.len(), open[0].state),
            (1, CaseState::OnHold),
            "{order:?}"
        );
        let told: Vec<_> = desk.notices().await.iter().map(|n| n.notice.kind).collect();
        let holds = told
            .iter()
            .filter(|kind| **kind == NoticeKind::OnHold)
            .count();
        assert_eq!(holds, 1, "{order:?}: {told:?}");
    }
}

#[tokio::test]
async fn a_held_mail_is_released_and_applied_as_of_registry_time() {
    let mut desk = Desk::stocked().await;
    let asks = [
        dedelegation("2026-06-04T08:30:00+02:00"),
        deletion("2026-09-02T08:30:00+02:00"),
    ];
    let old = mail(
        "segelschule-bodden.de",
        "Mon, 04 May 2026 10:00:00 +0200",
        &["DENIC-1000888-A"],
        &[CONNECT, &asks[0], &asks[1]],
    );
    let held = desk.smtp("forwarder@example.net", TO_LIVE, &old).await;
    assert_eq!(desk.verdict(held).await, Held);
    let new = mail(
        "segelschule-bodden.de",
        "Tue, 05 May 2026 10:00:00 +0200",
        &["DENIC-1000888-A"],
        &[CONNECT],
    );
    desk.live(&new).await;
    desk.now = at("2026-05-12T00:00:00Z");
    desk.again(held, true).await;
    assert_eq!(
        desk.verdict(held).await,
        Unchanged,
        "something newer is known"
    );
    let codes = desk.codes(held).await;
    assert!(
        codes.contains(&"W23") && codes.contains(&"W34"),
        "{codes:?}"
    );
    let record = desk.record(LIVE, "segelschule-bodden.de").await;
    assert!(!record.due().is_some());
    assert!(desk.notices().await.is_empty() && desk.cases().await.is_empty());
    let history = desk.store.history(&record.key).await.unwrap();
    assert_eq!(history.last().unwrap().at, at("2026-05-04T08:00:00Z"));
}

#[tokio::test]
async fn releasing_twice_tells_once() {
    let desk = Desk::stocked().await;
    let held = desk
        .smtp("forwarder@example.net", TO_LIVE, &sample(VERIFY))
        .await;
    desk.again(held, true).await;
    assert_eq!(desk.verdict(held).await, Applied);
    let world = desk.world(None).await;
    desk.again(held, true).await;
    assert_eq!(desk.verdict(held).await, Applied);
    desk.is_still(None, &world).await;
}

#[tokio::test]
async fn a_release_holds_for_a_later_replay() {
    let desk = Desk::stocked().await;
    let held = desk
        .smtp("forwarder@example.net", TO_LIVE, &sample(VERIFY))
        .await;
    desk.again(held, true).await;
    desk.again(held, false).await;
    assert_eq!(
        desk.verdict(held).await,
        Applied,
        "it must not fall back to held"
    );
}

#[tokio::test]
async fn a_refusal_ends_a_release() {
    let desk = Desk::empty().await;
    let held = desk
        .smtp("forwarder@example.net", TO_LIVE, &sample(VERIFY))
        .await;
    desk.again(held, true).await;
    assert_eq!(desk.verdict(held).await, Held, "the domain is not known");
    let reason = stichtag::model::Reason::new(stichtag::model::reason::BY_PERSON, "no");
    let refused = desk
        .store
        .refuse(&[held], &reason, &desk.audit())
        .await
        .unwrap();
    assert_eq!(refused, 1);
    desk.again(held, false).await;
    assert!(desk.codes(held).await.contains(&"R02"));
}

#[tokio::test]
async fn a_release_vouches_for_the_sender_never_for_the_environment() {
    let desk = Desk::stocked().await;
    let before = desk.world(None).await;
    let id = desk.sample("07-reject-environment-mismatch.eml").await;
    desk.again(id, true).await;
    assert_eq!(desk.verdict(id).await, Held);
    desk.is_still(None, &before).await;
}

#[tokio::test]
async fn a_replay_changes_nothing_whatever_the_verdict_was() {
    let desk = Desk::stocked().await;
    let applied = desk.live(&sample(VERIFY)).await;
    let unchanged = desk
        .sample("21-queue-domainStatusUpdate-verification.kv")
        .await;
    let held = desk.sample("08-reject-lookalike-sender.eml").await;
    let world = desk.world(None).await;
    for id in [applied, unchanged, held] {
        let before = desk.verdict(id).await;
        desk.again(id, false).await;
        assert_eq!(desk.verdict(id).await, before);
    }
    desk.is_still(None, &world).await;
}

#[tokio::test]
async fn deciding_without_committing_writes_nothing() {
    let desk = Desk::stocked().await;
    let raw = sample(VERIFY);
    let id = desk.keep(desk.inbound(GENUINE, &[TO_LIVE], &raw)).await;
    let world = desk.world(None).await;
    let inbound = desk.store.kept(id).await.unwrap().unwrap();
    let reading = process::read(&desk.rules.policy, &inbound, None, false);
    let claimed = Claimed::new(id, inbound);
    let changes = process::decide_all(&desk.store, &desk.rules, &[(claimed, reading)], desk.now)
        .await
        .unwrap();
    assert_eq!(changes[0].decision.verdict, Applied);
    assert_eq!(changes[0].domains[0].notices.len(), 1);
    desk.is_still(None, &world).await;
    assert!(desk.entry(id).await.decision.is_none(), "it still waits");
    desk.work().await;
    assert_eq!(desk.verdict(id).await, Applied);
}

#[tokio::test]
async fn a_moved_deadline_is_told_again_and_the_same_one_never() {
    let mut desk = Desk::stocked().await;
    let message = |day: &str, deadline: &str| {
        mail(
            "segelschule-bodden.de",
            &format!("{day} May 2026 10:00:00 +0200"),
            &["DENIC-1000888-A"],
            &[
                CONNECT,
                &dedelegation(deadline),
                &deletion("2026-09-02T08:30:00+02:00"),
            ],
        )
    };
    desk.live(&message("Mon, 04", "2026-06-04T08:30:00+02:00"))
        .await;
    desk.now += 1.hour();
    desk.live(&message("Tue, 05", "2026-06-04T06:30:00Z")).await;
    assert_eq!(
        desk.notices().await.len(),
        1,
        "the same instant, written otherwise"
    );
    desk.live(&message("Wed, 06", "2026-06-11T08:30:00+02:00"))
        .await;
    let notices = desk.notices().await;
    assert_eq!(notices.len(), 2);
    let item = &notices[1].notice.items[0];
    assert_eq!(item.dedelegation_at, Some(at("2026-06-11T06:30:00Z")));
    assert_eq!(item.sequence, 1, "the calendar entry is a newer one");
    // Back to the first date: told before, for this case.
    let back = desk
        .live(&message("Thu, 07", "2026-06-04T08:30:00+02:00"))
        .await;
    assert_eq!(desk.verdict(back).await, Applied);
    assert_eq!(
        desk.record(LIVE, "segelschule-bodden.de")
            .await
            .due()
            .dedelegation_at,
        Some(at("2026-06-04T06:30:00Z"))
    );
}

#[tokio::test]
async fn a_mail_with_deadlines_after_a_resolution_opens_a_new_case() {
    let desk = Desk::stocked().await;
    let asks = [
        dedelegation("2026-06-04T08:30:00+02:00"),
        deletion("2026-09-02T08:30:00+02:00"),
    ];
    let message = |day: &str, is_asked: bool| {
        let mut info = vec![CONNECT];
        if is_asked {
            info.extend([asks[0].as_str(), asks[1].as_str()]);
        }
        let date = format!("{day} May 2026 10:00:00 +0200");
        mail("segelschule-bodden.de", &date, &["DENIC-1000888-A"], &info)
    };
    desk.live(&message("Mon, 04", true)).await;
    desk.live(&message("Tue, 05", false)).await;
    desk.live(&message("Wed, 06", true)).await;
    let states: Vec<_> = desk.cases().await.iter().map(|case| case.state).collect();
    assert_eq!(states, [CaseState::Resolved, CaseState::Open]);
    let told: usize = desk
        .notices()
        .await
        .iter()
        .filter(|n| n.notice.kind == NoticeKind::VerificationRequired)
        .map(|n| n.notice.items.len())
        .sum();
    assert_eq!(told, 2, "the same dates, but another case");
}

#[tokio::test]
async fn every_kept_message_has_exactly_one_line_in_the_log() {
    let desk = Desk::stocked().await;
    for name in [
        VERIFY,
        VERIFY,
        "07-reject-environment-mismatch.eml",
        "27-queue-empty.kv",
    ] {
        desk.sample(name).await;
    }
    let log = desk.store.log(&Default::default()).await.unwrap();
    let ids: Vec<i64> = log.iter().map(|entry| entry.id.0).collect();
    assert_eq!(ids, [1, 2, 3, 4]);
    for entry in &log {
        assert_ne!(
            entry.decision.as_ref().unwrap().verdict,
            MessageVerdict::Deferred
        );
        let kept = desk.store.kept(entry.id).await.unwrap().unwrap();
        assert_eq!(stichtag::model::sha256_hex(&kept.raw), entry.sha256);
    }
}
