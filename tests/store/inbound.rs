//! Keeping, claiming, leases, release and refusal.

use jiff::ToSpan;
use stichtag::model::{InboundId, Reason, reason, sha256_hex};
use stichtag::store::{LogFilter, MessageVerdict, Store, Waiting};

use super::bench::{Bench, LEASE, audit, change, mail, now, sealed};

#[tokio::test]
async fn messages_are_kept_in_order_byte_for_byte() {
    let bench = Bench::new().await;
    let raws: Vec<Vec<u8>> = (0..200_usize)
        .map(|number| {
            let mut raw = format!("mail {number}\r\n\0\r.\n").into_bytes();
            raw.extend((0..number).map(|byte| u8::try_from(byte % 256).unwrap()));
            raw
        })
        .collect();
    let mut ids = Vec::new();
    // Batches of every size that a group commit may have.
    let mut rest = raws.as_slice();
    for size in [1, 2, 3, 5, 7, 64, 65, 53] {
        let (batch, later) = rest.split_at(size);
        let mails: Vec<_> = batch.iter().map(|raw| sealed(mail(raw))).collect();
        ids.extend(bench.store.keep(mails).await.unwrap());
        rest = later;
    }
    assert!(rest.is_empty());
    assert_eq!(ids, (1..=200).map(InboundId).collect::<Vec<_>>());
    for (id, raw) in ids.iter().zip(&raws) {
        let kept = bench.store.kept(*id).await.unwrap().unwrap();
        assert_eq!(&kept.raw, raw);
        assert_eq!(kept, mail(raw));
    }
    let log = bench.store.log(&LogFilter::default()).await.unwrap();
    assert_eq!(log[17].sha256, sha256_hex(&raws[17]));
    assert!(log.iter().all(|entry| entry.decision.is_none()));
    assert_eq!(bench.store.keep(Vec::new()).await.unwrap(), []);
    assert!(bench.store.kept(InboundId(201)).await.unwrap().is_none());
}

#[tokio::test]
async fn claims_come_oldest_first_and_are_hidden_until_the_lease_ends() {
    let bench = Bench::new().await;
    for number in 0..5_u8 {
        bench.keep(&[number]).await;
    }
    let ids = |claimed: Vec<stichtag::store::Claimed>| -> Vec<i64> {
        claimed.iter().map(|message| message.id.0).collect()
    };
    let second = bench.second().await;
    assert_eq!(
        ids(bench.store.claim_kept(now(), 2, LEASE).await.unwrap()),
        [1, 2]
    );
    assert_eq!(
        ids(second.claim_kept(now(), 2, LEASE).await.unwrap()),
        [3, 4]
    );
    assert_eq!(
        ids(bench.store.claim_kept(now(), 9, LEASE).await.unwrap()),
        [5]
    );
    assert!(second.claim_kept(now(), 9, LEASE).await.unwrap().is_empty());
    let just_before = now() + 59.seconds();
    assert!(
        second
            .claim_kept(just_before, 9, LEASE)
            .await
            .unwrap()
            .is_empty()
    );
    let after = now() + 60.seconds();
    assert_eq!(
        ids(second.claim_kept(after, 9, LEASE).await.unwrap()),
        [1, 2, 3, 4, 5]
    );
    second.forget_leases().await.unwrap();
    assert_eq!(
        ids(bench.store.claim_kept(after, 9, LEASE).await.unwrap()).len(),
        5
    );
}

#[tokio::test]
async fn a_decided_message_is_never_handed_out_again() {
    let bench = Bench::new().await;
    let id = bench.keep(b"x").await;
    bench.store.commit(&[change(id)]).await.unwrap();
    bench.store.forget_leases().await.unwrap();
    let later = now() + 24.hours();
    assert!(
        bench
            .store
            .claim_kept(later, 9, LEASE)
            .await
            .unwrap()
            .is_empty()
    );
    // Whoever comes second with another word is passed over.
    let mut other = change(id);
    other.decision.verdict = MessageVerdict::Held;
    bench.store.commit(&[other]).await.unwrap();
    let log = bench.store.log(&LogFilter::default()).await.unwrap();
    assert_eq!(
        log[0].decision.as_ref().unwrap().verdict,
        MessageVerdict::Applied
    );
}

#[tokio::test]
async fn a_requeue_waits_its_turn_and_remembers_the_release() {
    let bench = Bench::new().await;
    let id = bench.keep(b"x").await;
    bench.store.commit(&[change(id)]).await.unwrap();
    bench
        .store
        .requeue(&[id, InboundId(99)], true, &audit("held release"))
        .await
        .unwrap();
    bench
        .store
        .requeue(&[id], false, &audit("replay"))
        .await
        .unwrap();
    let claimed = bench.store.claim_kept(now(), 9, LEASE).await.unwrap();
    assert_eq!(claimed.len(), 1, "what is not kept cannot be queued");
    assert!(
        claimed[0].is_released,
        "a replay does not take the release back"
    );
}

#[tokio::test]
async fn only_held_messages_are_refused() {
    let bench = Bench::new().await;
    let applied = bench.keep(b"1").await;
    let held = bench.keep(b"2").await;
    let waiting = bench.keep(b"3").await;
    let mut hold = change(held);
    hold.decision.verdict = MessageVerdict::Held;
    hold.decision
        .reasons
        .push(Reason::new(reason::FROM_ADDRESS, "From is <x>"));
    bench.store.commit(&[change(applied), hold]).await.unwrap();
    let why = Reason::new(reason::BY_PERSON, "a \"forgery\"; {\"x\":1}");
    let all = [applied, held, waiting, InboundId(77)];
    let refused = bench
        .store
        .refuse(&all, &why, &audit("held refuse"))
        .await
        .unwrap();
    assert_eq!(refused, 1);
    assert_eq!(
        bench
            .store
            .refuse(&all, &why, &audit("held refuse"))
            .await
            .unwrap(),
        0
    );
    let filter = LogFilter {
        verdict: Some(MessageVerdict::Refused),
        ..LogFilter::default()
    };
    let log = bench.store.log(&filter).await.unwrap();
    assert_eq!(log.len(), 1);
    let reasons = &log[0].decision.as_ref().unwrap().reasons;
    assert_eq!(reasons.len(), 2, "why it was held stays");
    assert_eq!(reasons[1], why);
}

#[tokio::test]
async fn the_log_can_be_filtered_by_everything_it_shows() {
    let bench = Bench::new().await;
    for number in 1..=6_i64 {
        let mut inbound = mail(&[u8::try_from(number).unwrap()]);
        inbound.received_at = now() + number.hours();
        inbound.envelope.queue_id = Some(format!("Q{number}"));
        bench.store.keep(vec![sealed(inbound)]).await.unwrap();
    }
    let mut two = change(InboundId(2));
    two.decision.ace = Some("xn--dnic-loa.de".to_owned());
    let mut three = change(InboundId(3));
    three.decision.verdict = MessageVerdict::Unchanged;
    three.decision.route = Some("denic-test".to_owned());
    bench.store.commit(&[two, three]).await.unwrap();
    let none = LogFilter::default;
    for (filter, expected) in [
        (none(), vec![1, 2, 3, 4, 5, 6]),
        (LogFilter { limit: 2, ..none() }, vec![5, 6]),
        (
            LogFilter {
                after: Some(InboundId(4)),
                ..none()
            },
            vec![5, 6],
        ),
        (
            LogFilter {
                id: Some(InboundId(4)),
                ..none()
            },
            vec![4],
        ),
        (
            LogFilter {
                since: Some(now() + 5.hours()),
                ..none()
            },
            vec![5, 6],
        ),
        (
            LogFilter {
                until: Some(now() + 2.hours()),
                ..none()
            },
            vec![1],
        ),
        (
            LogFilter {
                queue_id: Some("Q3".to_owned()),
                ..none()
            },
            vec![3],
        ),
        (
            LogFilter {
                route: Some("denic-test".to_owned()),
                ..none()
            },
            vec![3],
        ),
        (
            LogFilter {
                ace: Some("xn--dnic-loa.de".to_owned()),
                ..none()
            },
            vec![2],
        ),
        (
            LogFilter {
                verdict: Some(MessageVerdict::Unchanged),
                ..none()
            },
            vec![3],
        ),
        (
            LogFilter {
                verdict: Some(MessageVerdict::Deferred),
                ..none()
            },
            vec![1, 4, 5, 6],
        ),
        (
            LogFilter {
                verdict: Some(MessageVerdict::Held),
                ..none()
            },
            vec![],
        ),
    ] {
        let found = bench.store.log(&filter).await.unwrap();
        let ids: Vec<_> = found.iter().map(|entry| entry.id.0).collect();
        assert_eq!(ids, expected, "{filter:?}");
    }
}

#[tokio::test]
async fn an_import_remembers_how_far_it_got_together_with_its_messages() {
    let bench = Bench::new().await;
    assert_eq!(bench.store.import_done("mbox:a").await.unwrap(), 0);
    bench
        .store
        .keep_import("mbox:a", 3, &[mail(b"1"), mail(b"2")])
        .await
        .unwrap();
    bench
        .store
        .keep_import("mbox:a", 4, &[mail(b"3")])
        .await
        .unwrap();
    assert_eq!(bench.second().await.import_done("mbox:a").await.unwrap(), 4);
    assert_eq!(bench.store.import_done("mbox:b").await.unwrap(), 0);
    assert_eq!(bench.store.figures().await.unwrap().messages, 3);
}

#[tokio::test]
async fn who_was_released_while_a_worker_looked_at_it_is_not_put_back() {
    let bench = Bench::new().await;
    let ids = [bench.keep(b"one").await, bench.keep(b"two").await];
    let claimed = bench.store.claim_kept(now(), 9, LEASE).await.unwrap();
    assert!(claimed.iter().all(|message| !message.is_released));
    // A person vouches for the second meanwhile.
    bench
        .store
        .requeue(&ids[1..], true, &audit("held release"))
        .await
        .unwrap();
    let waiting: Vec<Waiting> = claimed
        .iter()
        .map(|message| Waiting {
            message: message.id,
            until: now() + 30.seconds(),
            why: "DKIM: silence".to_owned(),
            is_released: message.is_released,
        })
        .collect();
    bench.store.defer(&waiting, now()).await.unwrap();
    let claimed = bench.store.claim_kept(now(), 9, LEASE).await.unwrap();
    let [message] = claimed.as_slice() else {
        panic!("{claimed:?}");
    };
    assert_eq!((message.id, message.is_released), (ids[1], true));
    let log = bench.store.log(&LogFilter::default()).await.unwrap();
    let waits: Vec<_> = log.iter().map(|entry| entry.waits_for.is_some()).collect();
    assert_eq!(waits, [true, false]);
}
