//! Messages that a person must look at.

use proptest::prelude::*;
use stichtag::model::{Envelope, Inbound, Source};
use stichtag::process;
use stichtag::store::MessageVerdict::{Applied, Held, Unchanged};
use stichtag::store::Store;

use super::desk::{
    CONNECT, Desk, LIVE, TEST, TO_LIVE, TO_TEST, at, dedelegation, deletion, mail, rules, sample,
};

const QUEUE: &str = "20-queue-domainStatusUpdate-connect.kv";

#[tokio::test]
async fn a_domain_nobody_imported_is_held_or_created_as_configured() {
    let desk = Desk::empty().await;
    let id = desk.sample("01-live-connect.eml").await;
    assert_eq!(desk.verdict(id).await, Held);
    assert_eq!(desk.codes(id).await.last(), Some(&"R20"));
    assert!(desk.store.domains(None, None).await.unwrap().is_empty());

    let desk = Desk::with(&[("STICHTAG_DOMAINS__UNKNOWN_DOMAIN", "create")]).await;
    let id = desk.sample("01-live-connect.eml").await;
    assert_eq!(desk.verdict(id).await, Applied);
    let record = desk.record(LIVE, "holzspielzeug-nord.de").await;
    assert_eq!(record.customer, None);
    assert!(desk.alarms().await.contains(&"W27"), "nobody can be told");
}

#[tokio::test]
async fn a_queue_message_without_environment_is_held() {
    let mut desk = Desk::stocked().await;
    desk.now = at("2026-06-04T12:00:00Z");
    let id = desk.queue(None, &sample(QUEUE)).await;
    assert_eq!(desk.verdict(id).await, Held);
    assert!(desk.codes(id).await.contains(&"R25"));
    // The text of this one says that it is test.
    let named = sample("22-queue-domainStatusUpdate-serverHold.kv");
    let id = desk.queue(None, &named).await;
    assert_eq!(desk.verdict(id).await, Applied);
    assert_eq!(
        desk.entry(id).await.decision.unwrap().environment,
        Some(TEST)
    );
}

#[tokio::test]
async fn a_queue_message_named_live_that_says_test_is_held() {
    let desk = Desk::stocked().await;
    let before = desk.world(None).await;
    let raw = sample("22-queue-domainStatusUpdate-serverHold.kv");
    let id = desk.queue(Some(LIVE), &raw).await;
    assert_eq!(desk.verdict(id).await, Held);
    assert!(desk.codes(id).await.contains(&"R06"));
    desk.is_still(None, &before).await;
}

#[tokio::test]
async fn the_same_queue_message_of_both_environments_is_two() {
    let desk = Desk::stocked().await;
    let live = desk.queue(Some(LIVE), &sample(QUEUE)).await;
    let test = desk.queue(Some(TEST), &sample(QUEUE)).await;
    let again = desk.queue(Some(LIVE), &sample(QUEUE)).await;
    assert_eq!(desk.verdict(live).await, Applied);
    assert_eq!(desk.verdict(test).await, Applied);
    assert_eq!(desk.verdict(again).await, Unchanged);
}

#[tokio::test]
async fn a_registry_time_in_the_future_is_held() {
    let desk = Desk::stocked().await;
    let before = desk.world(None).await;
    let info = [CONNECT, &dedelegation("2027-06-04T08:30:00+02:00")];
    for (date, is_held) in [
        ("Sat, 09 May 2026 10:00:00 +0200", false),
        // The clock of the registry may be a little ahead of ours.
        ("Sun, 10 May 2026 02:10:00 +0200", false),
        ("Mon, 11 May 2026 02:10:00 +0200", true),
        ("Sun, 10 May 2126 10:00:00 +0200", true),
    ] {
        let raw = mail("segelschule-bodden.de", date, &["DENIC-1000888-A"], &info);
        let id = desk.live(&raw).await;
        assert_eq!(desk.verdict(id).await == Held, is_held, "{date}");
        assert_eq!(desk.codes(id).await.contains(&"R23"), is_held, "{date}");
    }
    assert_ne!(desk.world(None).await, before);
    let record = desk.record(LIVE, "segelschule-bodden.de").await;
    assert_eq!(record.facts.status.unwrap().at, at("2026-05-10T00:10:00Z"));
}

#[tokio::test]
async fn what_was_taken_for_a_report_is_proven_like_any_mail_once_no_route_of_reports_takes_it() {
    let desk = Desk::with(&[("STICHTAG_ROUTE__DENIC_LIVE__REQUIRE", "aligned")]).await;
    let desk = desk.stock().await;
    let raw = sample("01-live-connect.eml");
    let inbound = Inbound {
        source: Source::Dsn,
        ..desk.inbound("registry-response@denic.de", &[TO_LIVE], &raw)
    };
    let id = desk.keep(inbound).await;
    desk.work().await;
    assert_eq!(desk.verdict(id).await, Held);
    assert!(
        desk.codes(id).await.contains(&"R09"),
        "{:?}",
        desk.codes(id).await
    );
}

#[tokio::test]
async fn recipient_of_both_environments_is_held() {
    let desk = Desk::stocked().await;
    let raw = sample("01-live-connect.eml");
    let inbound = desk.inbound("registry-response@denic.de", &[TO_LIVE, TO_TEST], &raw);
    let id = desk.keep(inbound).await;
    desk.work().await;
    assert_eq!(desk.verdict(id).await, Held);
}

#[tokio::test]
async fn a_deadline_that_nobody_can_read_is_alarmed() {
    let desk = Desk::stocked().await;
    let raw = mail(
        "segelschule-bodden.de",
        "Tue, 05 May 2026 10:00:00 +0200",
        &["DENIC-1000888-A"],
        &[
            CONNECT,
            &dedelegation("next Thursday"),
            &deletion("2026-09-02T08:30:00+02:00"),
        ],
    );
    let id = desk.live(&raw).await;
    assert_eq!(desk.verdict(id).await, Held);
    assert_eq!(
        desk.entry(id).await.decision.unwrap().ace.as_deref(),
        Some("segelschule-bodden.de")
    );
    let alarms = desk.store.alarms().await.unwrap();
    assert_eq!(alarms.len(), 1);
    assert_eq!(alarms[0].message, Some(id));
    assert_eq!(alarms[0].ace.as_deref(), Some("segelschule-bodden.de"));
    // Refused for good, it alarms nobody any more.
    let reason = stichtag::model::Reason::new(stichtag::model::reason::BY_PERSON, "asked DENIC");

    desk.store
        .refuse(&[id], &reason, &desk.audit())
        .await
        .unwrap();
    assert!(desk.alarms().await.is_empty());
}

#[tokio::test]
async fn a_deadline_past_or_near_is_applied_and_alarmed() {
    for (deadline, is_alarmed) in [
        ("2026-05-09T23:00:00Z", true),
        ("2026-05-10T23:59:59Z", true),
        ("2026-05-11T00:00:01Z", false),
        ("2027-06-13T23:59:59Z", false),
        ("2027-06-15T00:00:01Z", true),
    ] {
        let desk = Desk::stocked().await;
        let raw = mail(
            "segelschule-bodden.de",
            "Sat, 09 May 2026 10:00:00 +0200",
            &["DENIC-1000888-A"],
            &[CONNECT, &deletion(deadline)],
        );
        let id = desk.live(&raw).await;
        assert_eq!(desk.verdict(id).await, Applied, "{deadline}");
        assert_eq!(
            desk.codes(id).await.contains(&"W16"),
            is_alarmed,
            "{deadline}"
        );
        assert_eq!(
            desk.alarms().await.contains(&"W16"),
            is_alarmed,
            "{deadline}"
        );
    }
}

#[tokio::test]
async fn one_bad_message_does_not_stop_those_behind_it() {
    let desk = Desk::stocked().await;
    let junk: [&[u8]; 5] = [
        b"",
        b"\0\0\0",
        b"\r\n\r\n",
        &[0xff; 3000],
        b"From: a\nContent-Type: multipart/mixed; boundary=\"\n\n--\n",
    ];
    let mut ids = Vec::new();
    for raw in junk {
        ids.push(
            desk.keep(desk.inbound("registry-response@denic.de", &[TO_LIVE], raw))
                .await,
        );
    }
    let good = desk.sample("01-live-connect.eml").await;
    assert_eq!(desk.verdict(good).await, Applied);
    for id in ids {
        assert_eq!(desk.verdict(id).await, Held);
    }
}

#[tokio::test]
async fn a_hold_without_deadline_is_told_to_the_operator_until_it_is_over() {
    let desk = Desk::stocked().await;
    let message = |day: &str, info: &str| {
        let date = format!("{day} May 2026 10:00:00 +0200");
        mail(
            "segelschule-bodden.de",
            &date,
            &["DENIC-1000888-A"],
            &[info],
        )
    };
    let id = desk.live(&message("Mon, 04", super::desk::HOLD)).await;
    assert_eq!(desk.verdict(id).await, Applied);
    assert!(desk.notices().await.is_empty());
    assert_eq!(desk.alarms().await, ["W26"]);
    desk.live(&message("Tue, 05", CONNECT)).await;
    assert!(desk.alarms().await.is_empty(), "it is over");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// `read` itself catches what panics; here nothing from outside may make it come to that.
    #[test]
    fn no_bytes_make_the_program_panic(
        raw in proptest::collection::vec(any::<u8>(), 0..600),
        cut in 0_usize..1600,
        at in 0_usize..1600,
        is_queue: bool,
    ) {
        let rules = rules(&[]);
        let name = if is_queue { QUEUE } else { "03-live-verification-required.eml" };
        let mut mixed = sample(name);
        let at = at.min(mixed.len());
        let end = (at + cut % 40).min(mixed.len());
        mixed.splice(at..end, raw.iter().copied().take(cut % 50));
        for raw in [raw, mixed] {
            let inbound = Inbound {
                source: if is_queue { Source::DenicQueue } else { Source::DenicMail },
                received_at: super::desk::at("2026-05-10T00:00:00Z"),
                envelope: Envelope::default(),
                environment: None,
                raw,
            };
            let reading = process::read(&rules.policy, &inbound, None, false);
            prop_assert!(reading.reasons.iter().all(|reason| reason.code.as_str() != "R30"));
        }
    }
}

#[tokio::test]
async fn a_neglected_queue_is_alarmed_until_it_is_read() {
    let desk = Desk::stocked().await;
    let id = desk.live(&sample("queue-reminder.eml")).await;
    assert_eq!(desk.verdict(id).await, Applied);
    assert_eq!(desk.alarms().await, ["W32"]);
    desk.queue(Some(TEST), &sample(QUEUE)).await;
    assert_eq!(desk.alarms().await, ["W32"], "that was the other queue");
    desk.queue(Some(LIVE), &sample(QUEUE)).await;
    assert!(desk.alarms().await.is_empty());
}
