//! Two workers on one database file.

use std::collections::BTreeMap;
use std::sync::Arc;

use stichtag::model::{CustomerId, Envelope, Inbound, Source};
use stichtag::process;
use stichtag::store::{LogFilter, MessageVerdict, NoticeFilter, Sealed, SqliteStore, Store};

use super::desk::{CONNECT, Desk, LIVE, TO_LIVE, dedelegation, deletion, mail, url};

const DOMAINS: usize = 30;
const ROUNDS: usize = 10;

/// Ten mails for each of thirty domains: one new state a day, and one copy of each.
fn messages() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for round in 0..ROUNDS {
        for number in 0..DOMAINS {
            let day = 1 + round / 2;
            let date = format!("{day} May 2026 10:00:00 +0200");
            let asks = [
                dedelegation(&format!("2026-07-{:02}T08:30:00+02:00", day + 1)),
                deletion("2026-09-02T08:30:00+02:00"),
            ];
            all.push(mail(
                &format!("domain-{number}.de"),
                &date,
                &["DENIC-1000888-A"],
                &[CONNECT, &asks[0], &asks[1]],
            ));
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_workers_decide_every_message_once_and_tell_every_fact_once() {
    let desk = Desk::empty().await;
    for number in 0..DOMAINS {
        let customer = format!("K-{number}");
        desk.customer(&customer, "kunde@example.net", None).await;
        desk.domain(LIVE, &format!("domain-{number}.de"), Some(&customer), "")
            .await;
    }
    let inbound: Vec<Sealed> = messages()
        .into_iter()
        .map(|raw| Inbound {
            source: Source::DenicMail,
            received_at: desk.now,
            envelope: Envelope {
                mail_from: Some("registry-response@denic.de".to_owned()),
                recipients: vec![TO_LIVE.to_owned()],
                ..Envelope::default()
            },
            environment: None,
            raw,
        })
        .map(|inbound| Sealed::new(inbound).unwrap())
        .collect();
    assert_eq!(inbound.len(), 300);
    desk.store.keep(inbound).await.unwrap();

    let mut workers = Vec::new();
    for _ in 0..2 {
        let store = SqliteStore::open(&url(&desk.folder)).await.unwrap();
        let (rules, now) = (desk.rules.clone(), desk.now);
        let gatherer = desk.gatherer.clone();
        workers.push(tokio::spawn(async move {
            let mut decided = 0;
            loop {
                match process::process_next(&store, &rules, &gatherer, now)
                    .await
                    .unwrap()
                {
                    0 => return decided,
                    count => decided += count,
                }
            }
        }));
    }
    let mut decided = 0;
    for worker in workers {
        decided += worker.await.unwrap();
    }
    assert_eq!(decided, 300, "no message was handed out twice");

    let log = desk.store.log(&LogFilter::default()).await.unwrap();
    let mut verdicts: BTreeMap<&str, usize> = BTreeMap::new();
    for entry in &log {
        *verdicts
            .entry(entry.decision.as_ref().unwrap().verdict.as_str())
            .or_default() += 1;
    }
    assert_eq!(verdicts.values().sum::<usize>(), 300, "{verdicts:?}");
    assert!(
        !verdicts.contains_key(MessageVerdict::Held.as_str()),
        "{verdicts:?}"
    );
    // At least every second one is a copy; what came late is old news.
    assert!(verdicts["unchanged"] >= 150, "{verdicts:?}");

    assert_eq!(desk.cases().await.len(), DOMAINS);
    for number in 0..DOMAINS {
        let record = desk.record(LIVE, &format!("domain-{number}.de")).await;
        let newest = "2026-07-06T06:30:00Z".parse().unwrap();
        assert_eq!(
            record.due().dedelegation_at,
            Some(newest),
            "domain {number}"
        );
        let filter = NoticeFilter {
            customer: Some(CustomerId(format!("K-{number}"))),
            ..NoticeFilter::default()
        };
        let notices = desk.store.notices(&filter).await.unwrap();
        assert_eq!(
            notices.len(),
            1,
            "one mail a customer within the waiting time"
        );
        let mut dates: Vec<_> = notices[0]
            .notice
            .items
            .iter()
            .map(|item| item.dedelegation_at)
            .collect();
        let told = dates.len();
        dates.sort();
        dates.dedup();
        assert_eq!(dates.len(), told, "no date is told twice");
        assert!(dates.contains(&Some(newest)));
    }
}

#[tokio::test]
async fn a_worker_that_lost_its_lease_changes_nothing() {
    let desk = Desk::stocked().await;
    let raw = super::desk::sample("03-live-verification-required.eml");
    let id = desk
        .keep(desk.inbound("registry-response@denic.de", &[TO_LIVE], &raw))
        .await;
    let lease = std::time::Duration::from_secs(60);
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&url(&desk.folder)).await.unwrap());
    let claimed = store.claim_kept(desk.now, 10, lease).await.unwrap();
    let messages: Vec<_> = claimed
        .into_iter()
        .map(|message| {
            let reading = process::read(&desk.rules.policy, &message.inbound, None, false);
            (message, reading)
        })
        .collect();
    let changes = process::decide_all(&*store, &desk.rules, &messages, desk.now)
        .await
        .unwrap();
    // Its lease runs out, another worker decides.
    let later = desk.now + jiff::SignedDuration::from_secs(61);
    super::desk::work(&desk.store, &desk.rules, &desk.gatherer, later).await;
    let world = desk.world(None).await;
    store.commit(&changes).await.unwrap();
    desk.is_still(None, &world).await;
    assert_eq!(desk.verdict(id).await, MessageVerdict::Applied);
}
