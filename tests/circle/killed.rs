//! Both programs killed at any moment, and a registry that loses, delays and garbles: acted on twice 0,
//! lost 0. `KILL_ROUNDS=1000` is the long run.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use stichtag::model::request::{Delegation, DomainData, RegistryRequest};
use stichtag::model::{Account, Environment, Lifecycle, OrderState, RequestResult};
use stichtag::process::ordering::{self, Ways, Wish};
use stichtag::simulate::desk::Fault;
use stichtag::store::{AuditEntry, OrderFilter, Ordering, RequestFilter, SqliteStore, Store};

use super::house::{HOLDER, House};

fn rounds() -> usize {
    std::env::var("KILL_ROUNDS").map_or(100, |text| text.parse().unwrap())
}

async fn place(store: &SqliteStore, number: usize) {
    let request = RegistryRequest::DomainCreate {
        domain: format!("neuland-{number}.de").parse().unwrap(),
        data: DomainData {
            holders: vec![HOLDER.parse().unwrap()],
            general_request: None,
            abuse_contact: None,
            delegation: Delegation::Servers(vec![
                "ns1.registrar.example".parse().unwrap(),
                "ns2.registrar.example".parse().unwrap(),
            ]),
            dnskeys: Vec::new(),
        },
    };
    let wish = Wish {
        key: format!("order-{number}"),
        environment: Environment::Live,
        account: Account::Provider,
        customer: None,
        request: request.into(),
        ways: Ways {
            writes_by_mail: false,
            has_rri: true,
        },
    };
    let audit = AuditEntry {
        at: jiff::Timestamp::now(),
        actor: "0 test".to_owned(),
        action: "order create".to_owned(),
        object: String::new(),
        detail: String::new(),
    };
    ordering::place(store, &wish, &audit).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_and_a_bad_line_and_nothing_is_done_twice_or_lost() {
    let house = House::new().await;
    let mut dice = StdRng::seed_from_u64(8);
    house.counter.faults(|faults| {
        // A message that was deleted comes once more.
        faults.order(Fault::KeepMessage, Some("QUEUE-DELETE"), None, 10);
        faults.at_random(
            8,
            80,
            vec![
                Fault::LoseRequest,
                Fault::LoseReply,
                Fault::Garble,
                Fault::Concurrent,
                Fault::Exception,
                Fault::DelayReply(Duration::from_millis(60)),
            ],
        );
    });
    let store = SqliteStore::open(&house.store()).await.unwrap();
    let mut daemon = house.serving();
    for round in 0..rounds() {
        place(&store, round).await;
        let mut sender = house.sending();
        tokio::time::sleep(Duration::from_millis(dice.random_range(20..250))).await;
        sender.kill();
        if round % 10 == 9 {
            daemon.kill();
            daemon = house.serving();
        }
    }
    // From now on nothing goes wrong but what went wrong before.
    house
        .counter
        .faults(|faults| faults.at_random(0, 0, Vec::new()));
    let _sender = house.sending();
    let all = OrderFilter::default();
    let given_up_at = std::time::Instant::now() + Duration::from_secs(120);
    let orders = loop {
        let orders = store.orders(&all).await.unwrap();
        let is_open = |state| !matches!(state, OrderState::Done | OrderState::Failed);
        if !orders.iter().any(|order| is_open(order.state)) {
            break orders;
        }
        if std::time::Instant::now() > given_up_at {
            let open: Vec<_> = orders.iter().filter(|order| is_open(order.state)).collect();
            let requests = store.requests(&RequestFilter::default()).await.unwrap();
            let requests: Vec<_> = requests
                .iter()
                .filter(|request| open.iter().any(|order| request.order == Some(order.id)))
                .map(|request| {
                    (
                        request.id,
                        request.purpose,
                        request.state,
                        &request.last_reply,
                    )
                })
                .collect();
            let log = std::fs::read_to_string(house.folder.path().join("send.log")).unwrap();
            let last = log.lines().rev().take(20).collect::<Vec<_>>();
            panic!("still open: {requests:#?}\n{last:#?}");
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert_eq!(orders.len(), rounds());
    assert_eq!(house.counter.book(|book| book.twice()), []);
    let mut done = 0;
    for order in &orders {
        let domain = order.request.domain().unwrap();
        let (tries, is_there) = house.counter.book(|book| {
            let acted = book.journal().iter().filter(|entry| {
                entry.action == "CREATE"
                    && entry.about == domain.ace()
                    && entry.result == RequestResult::Success
            });
            (acted.count(), book.domain(domain).is_some())
        });
        // Carried out at most once, and we know whether it was.
        assert!(tries <= 1, "{domain}: {tries}");
        assert_eq!(is_there, order.state == OrderState::Done, "{domain}");
        let record = store
            .domains(Some(Environment::Live), Some(domain.ace()))
            .await
            .unwrap()
            .remove(0);
        let expected = match is_there {
            true => Lifecycle::Registered,
            false => Lifecycle::Error,
        };
        assert_eq!(record.lifecycle, expected, "{domain}");
        done += usize::from(is_there);
    }
    // Faults are rare enough that most succeed.
    assert!(done * 10 > orders.len() * 7, "{done} of {}", orders.len());
    // Every doubt is settled.
    let alarms = store.alarms().await.unwrap();
    let left: Vec<_> = alarms
        .iter()
        .filter(|alarm| alarm.key.starts_with("request:"))
        .collect();
    assert!(left.is_empty(), "{left:#?}");
}
