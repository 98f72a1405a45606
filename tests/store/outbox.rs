//! Notices: claim, fix, settle, requeue.

use jiff::ToSpan;
use stichtag::model::{CaseId, CaseState, CustomerId, DomainRecord, NoticeId, NoticeState};
use stichtag::store::{CaseChange, Delivery, NoticeFilter, Store};

use super::bench::{Bench, LEASE, alarm, audit, draft, key, now, with_domain};

async fn one(store: &dyn Store, id: NoticeId) -> stichtag::model::Notice {
    let filter = NoticeFilter {
        id: Some(id),
        ..NoticeFilter::default()
    };
    store.notices(&filter).await.unwrap().remove(0).notice
}

#[tokio::test]
async fn a_notice_is_claimed_when_due_and_hidden_while_it_is_sent() {
    let bench = Bench::new().await;
    let id = bench.notice("denic.de").await;
    let store = &bench.store;
    let due = now() + 15.minutes();
    assert_eq!(store.next_notice_at().await.unwrap(), Some(due));
    assert!(
        store
            .claim_notices(now(), 9, LEASE)
            .await
            .unwrap()
            .is_empty()
    );
    let claimed = store.claim_notices(due, 9, LEASE).await.unwrap();
    assert_eq!(
        (claimed.len(), claimed[0].id, claimed[0].attempts),
        (1, id, 1)
    );
    assert!(
        bench
            .second()
            .await
            .claim_notices(due, 9, LEASE)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        store.next_notice_at().await.unwrap(),
        Some(due + 60.seconds())
    );
    // The worker died: it comes up again, and this counts as another try.
    let again = store
        .claim_notices(due + 60.seconds(), 9, LEASE)
        .await
        .unwrap();
    assert_eq!(again[0].attempts, 2);
    assert_eq!(again[0].message_id, claimed[0].message_id);
}

#[tokio::test]
async fn the_bytes_are_fixed_once() {
    let bench = Bench::new().await;
    let id = bench.notice("denic.de").await;
    bench.store.fix_notice(id, b"first", 1).await.unwrap();
    bench.store.fix_notice(id, b"second", 1).await.unwrap();
    assert_eq!(
        one(&bench.store, id).await.raw.as_deref(),
        Some(b"first".as_slice())
    );
}

#[tokio::test]
async fn every_way_a_try_can_end_is_written_down() {
    let bench = Bench::new().await;
    let id = bench.notice("denic.de").await;
    let store = &bench.store;
    let later = now() + 1.hour();
    let retry = Delivery::Retry {
        at: later,
        reply: "451 later".to_owned(),
    };
    store.settle_notice(id, &retry, None).await.unwrap();
    let notice = one(store, id).await;
    assert_eq!((notice.state, notice.due_at), (NoticeState::Delayed, later));
    assert!(
        store
            .claim_notices(now() + 30.minutes(), 9, LEASE)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(store.claim_notices(later, 9, LEASE).await.unwrap().len(), 1);
    let failed = Delivery::Failed {
        reply: "550 no such user".to_owned(),
    };
    let cause = format!("notice:{id}");
    store
        .settle_notice(id, &failed, Some(&alarm(&cause, "not told")))
        .await
        .unwrap();
    assert_eq!(one(store, id).await.state, NoticeState::Failed);
    assert_eq!(store.alarms().await.unwrap().len(), 1);
    assert_eq!(store.figures().await.unwrap().notices_failed, 1);
    assert!(
        store
            .claim_notices(later + 24.hours(), 9, LEASE)
            .await
            .unwrap()
            .is_empty()
    );
    // Somebody mends the address and sends it again.
    assert!(
        store
            .requeue_notice(id, later, &audit("notice resend"))
            .await
            .unwrap()
    );
    assert!(store.alarms().await.unwrap().is_empty());
    assert_eq!(
        store.claim_notices(later, 9, LEASE).await.unwrap()[0].attempts,
        1
    );
    let sent = Delivery::Sent {
        at: later,
        reply: "250 ok".to_owned(),
    };
    store.settle_notice(id, &sent, None).await.unwrap();
    let notice = one(store, id).await;
    assert_eq!(
        (notice.state, notice.sent_at),
        (NoticeState::Sent, Some(later))
    );
    assert_eq!(notice.last_reply.as_deref(), Some("250 ok"));
    assert_eq!(store.sent_since(later).await.unwrap(), 1);
    assert_eq!(store.sent_since(later + 1.second()).await.unwrap(), 0);
    assert!(
        !store
            .requeue_notice(NoticeId(99), later, &audit("x"))
            .await
            .unwrap()
    );
}

#[tokio::test]
async fn a_second_sending_that_fails_does_not_undo_the_first() {
    let bench = Bench::new().await;
    let id = bench.notice("denic.de").await;
    let store = &bench.store;
    let sent = Delivery::Sent {
        at: now(),
        reply: "250 ok".to_owned(),
    };
    store.settle_notice(id, &sent, None).await.unwrap();
    store
        .requeue_notice(id, now(), &audit("notice resend"))
        .await
        .unwrap();
    let failed = Delivery::Failed {
        reply: "550".to_owned(),
    };
    store.settle_notice(id, &failed, None).await.unwrap();
    assert_eq!(
        one(store, id).await.sent_at,
        Some(now()),
        "the customer has the first one"
    );
}

#[tokio::test]
async fn drafts_join_by_customer_and_the_same_telling_comes_once() {
    let bench = Bench::new().await;
    let store = &bench.store;
    let id = bench.notice("a.de").await;
    assert_eq!(bench.notice("b.de").await, id, "joined");
    let mut record = DomainRecord::new(key("a.de"), now());
    record.version = 1;
    for (telling, count) in [("first", 1), ("second", 2), ("second", 2), ("first", 3)] {
        // A telling that has not left is overtaken by the next one about the same case.
        let message = bench.keep(b"x").await;
        let mut change = with_domain(message, record.clone(), CaseChange::Keep);
        change.domains[0]
            .notices
            .push(draft("K-1", "a.de", telling));
        store.commit(&[change]).await.unwrap();
        record.version += 1;
        let notice = one(store, id).await;
        let of_a: Vec<_> = notice
            .items
            .iter()
            .filter(|item| item.domain.ace() == "a.de")
            .collect();
        assert_eq!((of_a.len(), notice.items.len()), (1, 2), "{telling}");
        assert_eq!(usize::try_from(of_a[0].sequence).unwrap(), count - 1);
    }
    let log = store.log(&Default::default()).await.unwrap();
    let covered: Vec<_> = log
        .iter()
        .filter(|entry| entry.decision.as_ref().unwrap().is_covered)
        .map(|entry| entry.id.0)
        .collect();
    assert_eq!(covered, [3, 5]);
}

#[tokio::test]
async fn what_is_written_together_is_written_as_one_after_the_other() {
    let bench = Bench::new().await;
    let store = &bench.store;
    let mut changes = Vec::new();
    // Of each domain the case begins, is told of twice, and of a.de once more as it was; the customer has both.
    for (version, domain, telling) in [
        (0, "a.de", "first"),
        (0, "b.de", "first"),
        (1, "a.de", "second"),
        (2, "a.de", "second"),
        (1, "b.de", "second"),
    ] {
        let mut record = DomainRecord::new(key(domain), now());
        record.version = version;
        let case = match version {
            0 => CaseChange::Open(CaseState::Open),
            _ => CaseChange::Keep,
        };
        let mut change = with_domain(bench.keep(b"x").await, record, case);
        change.domains[0]
            .notices
            .push(draft("K-1", domain, telling));
        changes.push(change);
    }
    store.commit(&changes).await.unwrap();
    let notices = store.notices(&NoticeFilter::default()).await.unwrap();
    let [entry] = &notices[..] else {
        panic!("one customer, one mail: {notices:?}");
    };
    let items: Vec<_> = (entry.notice.items.iter())
        .map(|item| (item.domain.ace(), item.sequence))
        .collect();
    assert_eq!(items, [("a.de", 1), ("b.de", 1)]);
    let log = store.log(&Default::default()).await.unwrap();
    let covered: Vec<_> = (log.iter())
        .map(|entry| entry.decision.as_ref().unwrap().is_covered)
        .collect();
    assert_eq!(covered, [false, false, false, true, false]);
    let cases = store.cases(false).await.unwrap();
    assert_eq!(cases.len(), 2);
}

#[tokio::test]
async fn notices_are_found_by_all_that_names_them() {
    let bench = Bench::new().await;
    let store = &bench.store;
    let id = bench.notice("a.de").await;
    let none = NoticeFilter::default;
    let notice = one(store, id).await;
    for (filter, count) in [
        (none(), 1),
        (
            NoticeFilter {
                code: Some(notice.code.clone()),
                ..none()
            },
            1,
        ),
        (
            NoticeFilter {
                code: Some("?".to_owned()),
                ..none()
            },
            0,
        ),
        (
            NoticeFilter {
                state: Some(NoticeState::Queued),
                ..none()
            },
            1,
        ),
        (
            NoticeFilter {
                state: Some(NoticeState::Sent),
                ..none()
            },
            0,
        ),
        (
            NoticeFilter {
                customer: Some(CustomerId("K-1".to_owned())),
                ..none()
            },
            1,
        ),
        (
            NoticeFilter {
                case: Some(CaseId(1)),
                ..none()
            },
            1,
        ),
        (
            NoticeFilter {
                case: Some(CaseId(2)),
                ..none()
            },
            0,
        ),
        (
            NoticeFilter {
                message: Some(stichtag::model::InboundId(1)),
                ..none()
            },
            1,
        ),
    ] {
        assert_eq!(
            store.notices(&filter).await.unwrap().len(),
            count,
            "{filter:?}"
        );
    }
    assert_eq!(notice.items[0].case, Some(CaseId(1)));
    assert_eq!(notice.timezone.as_deref(), Some("Europe/Vienna"));
}
