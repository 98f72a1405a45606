//! Domains, cases, alarms and switches; all or none.

use stichtag::model::{
    CaseId, CaseState, ContactFact, Customer, CustomerId, DomainRecord, Environment, Handle,
    Lifecycle, RegistryStatus,
};
use stichtag::store::{Ask, CaseChange, CaseNote, DomainImport, LogFilter, Store, StoreError};

use super::bench::{Bench, alarm, audit, change, customer, draft, key, now, with_domain};

fn import(domain: &str, customer: Option<&str>, holders: &[&str]) -> DomainImport {
    DomainImport {
        key: key(domain),
        customer: customer.map(|id| CustomerId(id.to_owned())),
        holders: holders
            .iter()
            .map(|handle| handle.parse().unwrap())
            .collect(),
        status: Some(RegistryStatus::Connect),
        lifecycle: None,
    }
}

#[tokio::test]
async fn a_decision_is_written_whole_or_not_at_all() {
    let bench = Bench::new().await;
    let first = bench.keep(b"1").await;
    let second = bench.keep(b"2").await;
    let record = DomainRecord::new(key("denic.de"), now());
    let good = with_domain(first, record.clone(), CaseChange::Open(CaseState::Open));
    // The second one was decided on a record that is not there.
    let mut stale = DomainRecord::new(key("example.de"), now());
    stale.version = 7;
    let mut bad = with_domain(second, stale, CaseChange::Keep);
    bad.alarms.push(alarm("x", "must not be raised"));
    let error = bench.store.commit(&[good.clone(), bad]).await.unwrap_err();
    assert!(matches!(error, StoreError::Conflict), "{error:?}");
    assert!(bench.store.domains(None, None).await.unwrap().is_empty());
    assert!(bench.store.cases(false).await.unwrap().is_empty());
    assert!(bench.store.alarms().await.unwrap().is_empty());
    let log = bench.store.log(&LogFilter::default()).await.unwrap();
    assert!(log.iter().all(|entry| entry.decision.is_none()));
    assert_eq!(bench.store.figures().await.unwrap().pending, 2);
    // And the good one alone goes through.
    bench.store.commit(&[good]).await.unwrap();
    assert_eq!(
        bench.store.history(&key("denic.de")).await.unwrap().len(),
        1
    );
}

#[tokio::test]
async fn who_writes_second_on_an_old_version_is_told() {
    let bench = Bench::new().await;
    let other = bench.second().await;
    bench
        .store
        .put_domains(&[import("denic.de", None, &[])], now())
        .await
        .unwrap();
    let read = bench
        .store
        .domains(None, Some("denic.de"))
        .await
        .unwrap()
        .remove(0);
    let first = bench.keep(b"1").await;
    let second = bench.keep(b"2").await;
    let mut mine = read.clone();
    mine.lifecycle = Lifecycle::Error;
    other
        .commit(&[with_domain(first, mine, CaseChange::Keep)])
        .await
        .unwrap();
    let error = bench
        .store
        .commit(&[with_domain(second, read.clone(), CaseChange::Keep)])
        .await;
    assert!(matches!(error, Err(StoreError::Conflict)));
    // An import in between counts too.
    let read = bench
        .store
        .domains(None, Some("denic.de"))
        .await
        .unwrap()
        .remove(0);
    other
        .put_domains(&[import("denic.de", Some("K-1"), &[])], now())
        .await
        .unwrap();
    let error = bench
        .store
        .commit(&[with_domain(second, read, CaseChange::Keep)])
        .await;
    assert!(matches!(error, Err(StoreError::Conflict)));
    // A domain two workers meet for the first time.
    let new = DomainRecord::new(key("example.de"), now());
    let third = bench.keep(b"3").await;
    other
        .commit(&[with_domain(third, new.clone(), CaseChange::Keep)])
        .await
        .unwrap();
    let error = bench
        .store
        .commit(&[with_domain(second, new, CaseChange::Keep)])
        .await;
    assert!(matches!(error, Err(StoreError::Conflict)));
}

#[tokio::test]
async fn at_most_one_case_of_a_domain_is_open() {
    let bench = Bench::new().await;
    let mut record = DomainRecord::new(key("denic.de"), now());
    let open = CaseChange::Open(CaseState::Open);
    let mut step = async |change: CaseChange| {
        let id = bench.keep(b"x").await;
        let done = bench
            .store
            .commit(&[with_domain(id, record.clone(), change)])
            .await;
        record.version += i64::from(done.is_ok());
        done
    };
    step(open).await.unwrap();
    assert!(matches!(step(open).await, Err(StoreError::Conflict)));
    step(CaseChange::Move(CaseState::OnHold)).await.unwrap();
    step(CaseChange::Close(CaseState::Resolved)).await.unwrap();
    assert!(matches!(
        step(CaseChange::Move(CaseState::Open)).await,
        Err(StoreError::Conflict)
    ));
    step(open).await.unwrap();
    let states: Vec<_> = bench
        .store
        .cases(false)
        .await
        .unwrap()
        .iter()
        .map(|case| case.state)
        .collect();
    assert_eq!(states, [CaseState::Resolved, CaseState::Open]);
    assert_eq!(bench.store.cases(true).await.unwrap()[0].id, CaseId(2));
}

#[tokio::test]
async fn notes_and_closing_by_hand() {
    let bench = Bench::new().await;
    let id = bench.keep(b"x").await;
    let record = DomainRecord::new(key("denic.de"), now());
    let mut first = with_domain(id, record, CaseChange::Open(CaseState::Open));
    first.alarms.push(alarm("domain:live:denic.de:W16", "near"));
    first
        .alarms
        .push(alarm("domain:live:denic.de.example:W16", "another domain"));
    first
        .alarms
        .push(alarm("domain:live:denicxde:W16", "another domain"));
    bench.store.commit(&[first]).await.unwrap();
    let note = |text: &str| CaseNote {
        at: now(),
        actor: "1000 anna".to_owned(),
        text: text.to_owned(),
    };
    let store = &bench.store;
    assert!(
        store
            .note_case(CaseId(1), &note("rang"), false)
            .await
            .unwrap()
    );
    assert!(!store.note_case(CaseId(9), &note("?"), false).await.unwrap());
    assert!(
        store
            .note_case(CaseId(1), &note("done"), true)
            .await
            .unwrap()
    );
    assert!(
        !store
            .note_case(CaseId(1), &note("again"), true)
            .await
            .unwrap()
    );
    assert!(
        store
            .note_case(CaseId(1), &note("afterwards"), false)
            .await
            .unwrap()
    );
    let texts: Vec<_> = store
        .case_notes(CaseId(1))
        .await
        .unwrap()
        .into_iter()
        .map(|n| n.text)
        .collect();
    assert_eq!(texts, ["rang", "done", "afterwards"]);
    let left: Vec<_> = store
        .alarms()
        .await
        .unwrap()
        .into_iter()
        .map(|alarm| alarm.key)
        .collect();
    assert_eq!(
        left,
        [
            "domain:live:denic.de.example:W16",
            "domain:live:denicxde:W16"
        ]
    );
}

#[tokio::test]
async fn an_alarm_is_raised_once_per_cause_until_it_is_cleared() {
    let bench = Bench::new().await;
    let store = &bench.store;
    store
        .raise(&[
            alarm("a", "first"),
            alarm("a", "second"),
            alarm("b_c", "other"),
        ])
        .await
        .unwrap();
    let texts = async || -> Vec<String> {
        store
            .alarms()
            .await
            .unwrap()
            .into_iter()
            .map(|alarm| alarm.text)
            .collect()
    };
    assert_eq!(texts().await, ["first", "other"]);
    store.clear_alarm("a", now()).await.unwrap();
    store.clear_alarm("a", now()).await.unwrap();
    store.clear_alarm("bxc", now()).await.unwrap();
    assert_eq!(texts().await, ["other"]);
    store.raise(&[alarm("a", "third")]).await.unwrap();
    assert_eq!(texts().await, ["other", "third"]);
    // Clearing what lies above clears what lies below, and nothing beside it.
    store
        .raise(&[alarm("b_c:1", "below"), alarm("b_cd", "beside")])
        .await
        .unwrap();
    store.clear_alarm("b_c", now()).await.unwrap();
    assert_eq!(texts().await, ["third", "beside"]);
}

#[tokio::test]
async fn a_change_clears_before_it_raises() {
    let bench = Bench::new().await;
    bench
        .store
        .raise(&[alarm("contact:live:X", "old")])
        .await
        .unwrap();
    let mut next = change(bench.keep(b"x").await);
    next.clears.push("contact:live:X".to_owned());
    next.alarms.push(alarm("contact:live:X", "new"));
    bench.store.commit(&[next]).await.unwrap();
    let alarms = bench.store.alarms().await.unwrap();
    assert_eq!((alarms.len(), alarms[0].text.as_str()), (1, "new"));
}

#[tokio::test]
async fn an_import_changes_what_people_say_and_keeps_what_the_registry_said() {
    let bench = Bench::new().await;
    let store = &bench.store;
    store
        .put_domains(&[import("denic.de", Some("K-1"), &["DENIC-1-A"])], now())
        .await
        .unwrap();
    let before = store
        .domains(None, Some("denic.de"))
        .await
        .unwrap()
        .remove(0);
    store
        .put_domains(&[import("denic.de", Some("K-1"), &["DENIC-1-A"])], now())
        .await
        .unwrap();
    let after = store
        .domains(None, Some("denic.de"))
        .await
        .unwrap()
        .remove(0);
    assert_eq!(before, after, "the same import again changes nothing");
    let id = bench.keep(b"x").await;
    let mut record = after;
    record.facts.status = Some(stichtag::model::StatusFact {
        at: now(),
        status: RegistryStatus::ServerHold,
        holders: ["DENIC-1-B".parse().unwrap()].into(),
    });
    store
        .commit(&[with_domain(id, record, CaseChange::Keep)])
        .await
        .unwrap();
    store
        .put_domains(&[import("denic.de", Some("K-2"), &["DENIC-1-A"])], now())
        .await
        .unwrap();
    let after = store
        .domains(None, Some("denic.de"))
        .await
        .unwrap()
        .remove(0);
    assert_eq!(after.status(), Some(&RegistryStatus::ServerHold));
    assert_eq!(after.customer, Some(CustomerId("K-2".to_owned())));
    let asked = |handle: &str| Ask {
        fan_out: vec![(Environment::Live, handle.parse::<Handle>().unwrap())],
        ..Ask::default()
    };
    let world = store.load(&asked("denic-1-b")).await.unwrap();
    assert!(
        world.domains.contains_key(&key("denic.de")),
        "handles are compared without case"
    );
    assert!(
        store
            .load(&asked("DENIC-1-A"))
            .await
            .unwrap()
            .domains
            .is_empty()
    );
    assert_eq!(
        store
            .domains_of(&CustomerId("K-2".to_owned()))
            .await
            .unwrap()
            .len(),
        1
    );
    assert!(
        store
            .domains_of(&CustomerId("K-1".to_owned()))
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn customers_are_overwritten_whole() {
    let bench = Bench::new().await;
    let first = customer("K-1");
    let second = Customer {
        phone: Some("+49 30 1".to_owned()),
        language: None,
        ..customer("K-1")
    };
    bench
        .store
        .put_customers(&[first, second.clone()])
        .await
        .unwrap();
    let found = bench.store.customer(&second.id).await.unwrap();
    assert_eq!(found, Some(second));
    assert_eq!(
        bench
            .store
            .customer(&CustomerId("k-1".to_owned()))
            .await
            .unwrap(),
        None
    );
}

#[tokio::test]
async fn a_world_knows_whether_a_case_was_told() {
    let bench = Bench::new().await;
    for (domain, tells) in [("told.de", true), ("untold.de", false)] {
        let id = bench.keep(domain.as_bytes()).await;
        let mut record = DomainRecord::new(key(domain), now());
        record.customer = Some(CustomerId("K-1".to_owned()));
        let mut change = with_domain(id, record, CaseChange::Open(CaseState::Open));
        if tells {
            change.domains[0]
                .notices
                .push(draft("K-1", domain, "first"));
        }
        bench.store.commit(&[change]).await.unwrap();
    }
    let ask = Ask {
        domains: vec![key("told.de"), key("untold.de"), key("nowhere.de")],
        ..Ask::default()
    };
    let world = bench.store.load(&ask).await.unwrap();
    assert_eq!(world.domains.len(), 2);
    assert!(world.domains[&key("told.de")].is_told);
    assert!(!world.domains[&key("untold.de")].is_told);
}

#[tokio::test]
async fn switches_are_set_changed_and_removed() {
    let bench = Bench::new().await;
    let store = &bench.store;
    assert_eq!(store.switch("x").await.unwrap(), None);
    for value in [Some("by anna"), Some("by berta"), None, None] {
        store.set_switch("x", value, &audit("test")).await.unwrap();
        assert_eq!(
            bench.second().await.switch("x").await.unwrap().as_deref(),
            value
        );
    }
}

#[tokio::test]
async fn a_new_holder_and_a_request_about_that_holder_cannot_miss_each_other() {
    let bench = Bench::new().await;
    let handle: Handle = "DENIC-1000888-NEW".parse().unwrap();
    // The request is written after the domain's holders were looked up, before they are written.
    let asked = ContactFact {
        at: now(),
        claims: None,
        earliest_dedelegation: Some(("denic.de".parse().unwrap(), now())),
        earliest_deletion: None,
    };
    let mut request = change(bench.keep(b"1").await);
    request.contact = Some((Environment::Live, handle.clone(), asked.clone()));
    bench.store.commit(&[request]).await.unwrap();

    let second = bench.keep(b"2").await;
    let mut record = DomainRecord::new(key("denic.de"), now());
    record.imported_holders.insert(handle.clone());
    let unknowing = with_domain(second, record.clone(), CaseChange::Keep);
    let error = bench.store.commit(&[unknowing]).await.unwrap_err();
    assert!(matches!(error, StoreError::Conflict), "{error:?}");

    record.facts.contacts.insert(handle, asked);
    let knowing = with_domain(second, record, CaseChange::Keep);
    bench.store.commit(&[knowing]).await.unwrap();
}
