//! What holds for any messages in any order.

use std::collections::BTreeSet;

use proptest::prelude::*;
use stichtag::apply::{Outcome, Update};
use stichtag::model::{
    Claim, ContactFact, DomainStatus, Environment, Gone, RegistryStatus, Verification,
};

use super::books::{Books, DOMAINS, Event, HOLDERS, What, day, handle, name, told};

fn any_environment() -> impl Strategy<Value = Environment> {
    prop_oneof![Just(Environment::Live), Just(Environment::Test)]
}

fn any_verification() -> impl Strategy<Value = Option<Verification>> {
    let deadline = || prop::option::of(30_i64..34);
    let claims = prop::option::of(prop::collection::btree_set(
        prop_oneof![Just(Claim::Name), Just(Claim::Address), Just(Claim::Email)],
        0..3,
    ));
    (deadline(), deadline(), claims).prop_map(|(dedelegation, deletion, claims)| {
        (dedelegation.is_some() || deletion.is_some()).then(|| Verification {
            dedelegation_at: dedelegation.map(day),
            deletion_at: deletion.map(day),
            claims,
        })
    })
}

fn any_update(domain: usize) -> impl Strategy<Value = Update> {
    let status = prop_oneof![
        3 => Just(RegistryStatus::Connect),
        2 => Just(RegistryStatus::ServerHold),
        1 => Just(RegistryStatus::Failed),
        1 => Just(RegistryStatus::Other("neverHeard".to_owned())),
    ];
    let holders = prop::collection::vec(0..HOLDERS.len(), 0..3);
    prop_oneof![
        6 => (status, holders, any_verification()).prop_map(move |(status, holders, verification)| {
            Update::Status(DomainStatus {
                domain: name(domain),
                status,
                holders: holders.into_iter().map(handle).collect(),
                verification,
            })
        }),
        1 => prop_oneof![Just(Gone::Moved), Just(Gone::Deleted)].prop_map(Update::Gone),
        1 => (30_i64..34).prop_map(|number| Update::Expires(day(number))),
    ]
}

fn any_event() -> impl Strategy<Value = Event> {
    let named = || {
        prop::option::of((0..DOMAINS.len(), 30_i64..34))
            .prop_map(|named| named.map(|(index, number)| (name(index), day(number))))
    };
    let what = prop_oneof![
        3 => (0..DOMAINS.len()).prop_flat_map(|index| {
            any_update(index).prop_map(move |update| What::Domain(index, update))
        }),
        1 => (0..HOLDERS.len(), named(), named()).prop_map(|(index, dedelegation, deletion)| {
            What::Contact(index, ContactFact {
                at: day(0),
                claims: None,
                earliest_dedelegation: dedelegation,
                earliest_deletion: deletion,
            })
        }),
    ];
    // Few different times, so that equal ones are common.
    (any_environment(), 0_i64..4, what).prop_map(|(environment, number, mut what)| {
        if let What::Contact(_, fact) = &mut what {
            fact.at = day(number);
        }
        Event {
            environment,
            at: day(number),
            what,
        }
    })
}

/// All that people see of the end.
fn seen(books: &Books) -> Vec<String> {
    books
        .records
        .values()
        .map(|record| {
            format!(
                "{} {} {:?} {:?} {:?} {:?} {:?} {:?}",
                record.key.environment,
                record.key.domain.ace(),
                record.status(),
                record.holders(),
                record.due(),
                record.gone(),
                record.facts.expire.map(|(_, at)| at),
                record.lifecycle
            )
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn repeating_any_event_changes_nothing(events in prop::collection::vec(any_event(), 1..8), pick in any::<prop::sample::Index>()) {
        let mut books = Books::owning_all();
        for event in &events {
            books.take(event);
        }
        let before = books.clone();
        let repeated = pick.get(&events);
        for applied in books.take(repeated) {
            prop_assert!(told(&applied).is_empty(), "told again: {:?}", applied.effects);
            prop_assert_ne!(applied.outcome, Outcome::Changed);
        }
        prop_assert_eq!(&before.records, &books.records);
        prop_assert_eq!(&before.cases, &books.cases);
    }

    #[test]
    fn any_order_of_the_same_events_ends_in_the_same_record(
        (events, shuffled) in prop::collection::vec(any_event(), 1..8)
            .prop_flat_map(|events| (Just(events.clone()), Just(events).prop_shuffle()))
    ) {
        let mut one = Books::owning_all();
        for event in &events {
            one.take(event);
        }
        let mut other = Books::owning_all();
        for event in &shuffled {
            other.take(event);
        }
        prop_assert_eq!(seen(&one), seen(&other));
    }

    #[test]
    fn test_events_never_touch_a_live_record(events in prop::collection::vec(any_event(), 1..10)) {
        let mut all = Books::owning_all();
        let mut live_only = Books::owning_all();
        for event in &events {
            all.take(event);
            if event.environment == Environment::Live {
                live_only.take(event);
            }
        }
        for index in 0..DOMAINS.len() {
            prop_assert_eq!(all.record(Environment::Live, index), live_only.record(Environment::Live, index));
        }
    }

    #[test]
    fn a_deadline_in_force_was_named_by_some_event(events in prop::collection::vec(any_event(), 1..8)) {
        let mut books = Books::owning_all();
        let mut named = BTreeSet::new();
        for event in &events {
            books.take(event);
            match &event.what {
                What::Domain(_, Update::Status(status)) => {
                    if let Some(verification) = &status.verification {
                        named.extend(verification.dedelegation_at);
                        named.extend(verification.deletion_at);
                    }
                }
                What::Contact(_, fact) => {
                    named.extend(fact.earliest_dedelegation.iter().map(|(_, at)| *at));
                    named.extend(fact.earliest_deletion.iter().map(|(_, at)| *at));
                }
                What::Domain(..) => {}
            }
        }
        for record in books.records.values() {
            let due = record.due();
            for deadline in due.dedelegation_at.iter().chain(&due.deletion_at) {
                prop_assert!(named.contains(deadline), "invented: {deadline}");
            }
        }
    }
}
