//! The state machine: what one message does to one domain, and what no order of messages can do.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use proptest::prelude::*;
use stichtag::apply::{
    Applied, CaseStep, Effect, Outcome, Situation, Update, apply, merge_contact,
};
use stichtag::model::reason;
use stichtag::model::{
    CaseState, Claim, ContactFact, DomainKey, DomainName, DomainRecord, DomainStatus, Environment,
    Gone, Handle, Lifecycle, NoticeKind, RegistryStatus, Verification,
};

const HOLDERS: [&str; 3] = [
    "DENIC-1000888-ONE",
    "DENIC-1000888-TWO",
    "DENIC-1000888-THREE",
];
const DOMAINS: [&str; 3] = ["holzspielzeug-nord.de", "kachelofen-waage.de", "dänic.de"];

fn day(number: i64) -> Timestamp {
    Timestamp::from_second(1_777_000_000 + number * 86_400).unwrap()
}

fn name(index: usize) -> DomainName {
    DOMAINS[index].parse().unwrap()
}

fn handle(index: usize) -> Handle {
    HOLDERS[index].parse().unwrap()
}

/// The database as far as the state machine needs it: records, cases, contacts.
#[derive(Clone, Debug, Default)]
struct Books {
    records: BTreeMap<DomainKey, DomainRecord>,
    cases: BTreeMap<DomainKey, CaseState>,
    contacts: BTreeMap<(Environment, Handle), ContactFact>,
}

#[derive(Clone, Debug)]
struct Event {
    environment: Environment,
    at: Timestamp,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Domain(usize, Update),
    Contact(usize, ContactFact),
}

impl Books {
    fn owning_all() -> Self {
        let mut books = Books::default();
        for environment in [Environment::Live, Environment::Test] {
            for index in 0..DOMAINS.len() {
                let key = DomainKey {
                    environment,
                    domain: name(index),
                };
                let mut record = DomainRecord::new(key.clone(), day(0));
                record.imported_holders = BTreeSet::from([handle(index)]);
                books.records.insert(key, record);
            }
        }
        books
    }

    fn take(&mut self, event: &Event) -> Vec<Applied> {
        match &event.what {
            What::Domain(index, update) => {
                let key = DomainKey {
                    environment: event.environment,
                    domain: name(*index),
                };
                vec![self.one(&key, update, event.at)]
            }
            What::Contact(index, fact) => {
                let handle = handle(*index);
                let slot = (event.environment, handle.clone());
                let mut known: BTreeMap<_, _> = self
                    .contacts
                    .remove(&slot)
                    .map(|fact| (handle.clone(), fact))
                    .into_iter()
                    .collect();
                merge_contact(&mut known, &handle, fact.clone());
                let merged = known.remove(&handle).unwrap();
                self.contacts.insert(slot, merged.clone());
                let keys: Vec<_> = self
                    .records
                    .iter()
                    .filter(|(key, record)| {
                        key.environment == event.environment && record.holders().contains(&handle)
                    })
                    .map(|(key, _)| key.clone())
                    .collect();
                let update = Update::Contact(handle, merged);
                keys.iter()
                    .map(|key| self.one(key, &update, event.at))
                    .collect()
            }
        }
    }

    fn one(&mut self, key: &DomainKey, update: &Update, at: Timestamp) -> Applied {
        let contacts: BTreeMap<_, _> = self
            .contacts
            .iter()
            .filter(|((environment, _), _)| *environment == key.environment)
            .map(|((_, handle), fact)| (handle.clone(), fact.clone()))
            .collect();
        let applied = apply(
            &Situation {
                before: &self.records[key],
                case: self.cases.get(key).copied(),
                contacts: &contacts,
                now: day(2),
            },
            update,
            at,
        );
        self.records.insert(key.clone(), applied.record.clone());
        match applied.case {
            CaseStep::Keep => {}
            CaseStep::Open(state) | CaseStep::Move(state) => {
                self.cases.insert(key.clone(), state);
            }
            CaseStep::Close(_) => {
                self.cases.remove(key);
            }
        }
        applied
    }

    fn record(&self, environment: Environment, index: usize) -> &DomainRecord {
        &self.records[&DomainKey {
            environment,
            domain: name(index),
        }]
    }
}

fn status(status: RegistryStatus, dates: Option<(Option<i64>, Option<i64>)>) -> Update {
    Update::Status(DomainStatus {
        domain: name(0),
        status,
        holders: vec![handle(0)],
        verification: dates.map(|(dedelegation, deletion)| Verification {
            dedelegation_at: dedelegation.map(day),
            deletion_at: deletion.map(day),
            claims: Some(BTreeSet::from([Claim::Name])),
        }),
    })
}

fn live(at: i64, update: Update) -> Event {
    Event {
        environment: Environment::Live,
        at: day(at),
        what: What::Domain(0, update),
    }
}

fn told(applied: &Applied) -> Vec<NoticeKind> {
    applied
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Tell { kind, .. } => Some(*kind),
            Effect::Alarm(_) => None,
        })
        .collect()
}

fn alarms(applied: &Applied) -> Vec<&'static str> {
    applied
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Alarm(reason) => Some(reason.code.as_str()),
            Effect::Tell { .. } => None,
        })
        .collect()
}

#[test]
fn a_domain_goes_from_asked_over_hold_to_resolved() {
    let mut books = Books::owning_all();
    let asked = books
        .take(&live(
            3,
            status(RegistryStatus::Connect, Some((Some(33), Some(120)))),
        ))
        .remove(0);
    assert_eq!(told(&asked), [NoticeKind::VerificationRequired]);
    assert_eq!(asked.case, CaseStep::Open(CaseState::Open));
    assert_eq!(asked.record.due().dedelegation_at, Some(day(33)));
    assert_eq!(asked.record.lifecycle, Lifecycle::Registered);

    let held = books
        .take(&live(
            33,
            status(RegistryStatus::ServerHold, Some((None, Some(120)))),
        ))
        .remove(0);
    assert_eq!(told(&held), [NoticeKind::OnHold]);
    assert_eq!(held.case, CaseStep::Move(CaseState::OnHold));
    assert_eq!(held.record.due().dedelegation_at, None);
    assert_eq!(held.record.due().deletion_at, Some(day(120)));

    let done = books
        .take(&live(40, status(RegistryStatus::Connect, None)))
        .remove(0);
    assert_eq!(told(&done), [NoticeKind::Resolved]);
    assert_eq!(done.case, CaseStep::Close(CaseState::Resolved));
    assert!(!done.record.due().is_some());
    assert!(
        matches!(
            done.effects.as_slice(),
            [Effect::Tell { flag: true, due, .. }] if due.deletion_at == Some(day(120))
        ),
        "the customer reads which date is void, and that the domain is back on the net"
    );
}

#[test]
fn a_moved_deadline_is_told_again_and_a_confirmed_one_is_not() {
    let mut books = Books::owning_all();
    books.take(&live(
        3,
        status(RegistryStatus::Connect, Some((Some(33), Some(120)))),
    ));
    let confirmed = books
        .take(&live(
            4,
            status(RegistryStatus::Connect, Some((Some(33), Some(120)))),
        ))
        .remove(0);
    assert_eq!(confirmed.outcome, Outcome::Unchanged);
    assert!(confirmed.effects.is_empty());
    let moved = books
        .take(&live(
            5,
            status(RegistryStatus::Connect, Some((Some(30), Some(120)))),
        ))
        .remove(0);
    assert_eq!(moved.outcome, Outcome::Changed);
    assert_eq!(told(&moved), [NoticeKind::VerificationRequired]);
    assert_eq!(moved.case, CaseStep::Move(CaseState::Open));
}

#[test]
fn an_older_message_is_history() {
    let mut books = Books::owning_all();
    books.take(&live(5, status(RegistryStatus::Connect, None)));
    let late = books
        .take(&live(
            3,
            status(RegistryStatus::ServerHold, Some((None, Some(90)))),
        ))
        .remove(0);
    assert_eq!(late.outcome, Outcome::Older);
    assert_eq!(late.record.status(), Some(&RegistryStatus::Connect));
    assert!(late.effects.is_empty());
    assert_eq!(late.reasons[0].code, reason::OLDER);
}

#[test]
fn at_equal_time_the_earlier_deadline_stands_and_the_operator_is_told() {
    for order in [[33, 31], [31, 33]] {
        let mut books = Books::owning_all();
        books.take(&live(
            3,
            status(RegistryStatus::Connect, Some((Some(order[0]), Some(120)))),
        ));
        let second = books
            .take(&live(
                3,
                status(RegistryStatus::Connect, Some((Some(order[1]), Some(120)))),
            ))
            .remove(0);
        assert_eq!(second.record.due().dedelegation_at, Some(day(31)));
        assert_eq!(alarms(&second), ["W21"]);
    }
}

#[test]
fn a_hold_without_a_deadline_waits_for_a_person_and_forgets_no_deadline() {
    let mut books = Books::owning_all();
    books.take(&live(
        3,
        status(RegistryStatus::Connect, Some((Some(33), Some(120)))),
    ));
    let held = books
        .take(&live(33, status(RegistryStatus::ServerHold, None)))
        .remove(0);
    assert_eq!(
        held.record.due().deletion_at,
        Some(day(120)),
        "a known deadline is never dropped on a guess"
    );
    assert!(alarms(&held).contains(&"W26"));

    let mut fresh = Books::owning_all();
    let held = fresh
        .take(&live(33, status(RegistryStatus::ServerHold, None)))
        .remove(0);
    assert!(
        told(&held).is_empty(),
        "no text goes out that would name no date"
    );
    assert_eq!(alarms(&held), ["W26"]);
}

#[test]
fn a_deadline_that_is_past_or_near_raises_an_alarm() {
    for (deadline, is_alarming) in [(1, true), (2, true), (4, false), (500, true)] {
        let mut books = Books::owning_all();
        let applied = books
            .take(&live(
                2,
                status(RegistryStatus::Connect, Some((None, Some(deadline)))),
            ))
            .remove(0);
        assert_eq!(
            alarms(&applied).contains(&"W16"),
            is_alarming,
            "day {deadline}, today is day 2"
        );
        assert_eq!(
            applied.record.due().deletion_at,
            Some(day(deadline)),
            "stored as given"
        );
    }
}

#[test]
fn leaving_us_ends_the_case_and_a_newer_status_brings_the_domain_back() {
    for (gone, state, lifecycle) in [
        (Gone::Moved, CaseState::Moved, Lifecycle::Moved),
        (Gone::Deleted, CaseState::Deleted, Lifecycle::Deleted),
    ] {
        let mut books = Books::owning_all();
        books.take(&live(
            3,
            status(RegistryStatus::Connect, Some((Some(33), Some(120)))),
        ));
        let left = books.take(&live(4, Update::Gone(gone))).remove(0);
        assert_eq!(left.case, CaseStep::Close(state));
        assert_eq!(left.record.lifecycle, lifecycle);
        assert!(
            !left.record.due().is_some(),
            "somebody else follows the deadlines now"
        );
        assert!(told(&left).is_empty());
        let back = books
            .take(&live(5, status(RegistryStatus::Connect, None)))
            .remove(0);
        assert_eq!(back.record.lifecycle, Lifecycle::Registered);
    }
}

#[test]
fn the_first_connect_is_told_as_the_registration_unless_proof_is_the_news() {
    let mut books = Books::owning_all();
    let first = books
        .take(&live(3, status(RegistryStatus::Connect, None)))
        .remove(0);
    assert_eq!(told(&first), [NoticeKind::Registered]);
    let again = books
        .take(&live(4, status(RegistryStatus::Connect, None)))
        .remove(0);
    assert!(told(&again).is_empty());

    let mut known = Books::owning_all();
    let key = DomainKey {
        environment: Environment::Live,
        domain: name(0),
    };
    let record = known.records.get_mut(&key).unwrap();
    record.imported_status = Some(RegistryStatus::Connect);
    record.lifecycle = Lifecycle::Registered;
    let confirmed = known
        .take(&live(3, status(RegistryStatus::Connect, None)))
        .remove(0);
    assert!(
        told(&confirmed).is_empty(),
        "imported as connected: no news for the customer"
    );
}

#[test]
fn a_contact_request_reaches_every_domain_of_that_holder_and_of_no_other() {
    let mut books = Books::owning_all();
    let key = DomainKey {
        environment: Environment::Live,
        domain: name(1),
    };
    books.records.get_mut(&key).unwrap().imported_holders = BTreeSet::from([handle(0), handle(1)]);
    let fact = ContactFact {
        at: day(3),
        claims: Some(BTreeSet::from([Claim::Name])),
        earliest_dedelegation: Some((name(0), day(33))),
        earliest_deletion: Some((name(0), day(120))),
    };
    let event = Event {
        environment: Environment::Live,
        at: day(3),
        what: What::Contact(0, fact),
    };
    let applied = books.take(&event);
    assert_eq!(applied.len(), 2);
    for one in &applied {
        assert_eq!(told(one), [NoticeKind::VerificationRequired]);
        assert_eq!(one.record.due().dedelegation_at, Some(day(33)));
    }
    assert!(!books.record(Environment::Live, 2).due().is_some());
    assert!(!books.record(Environment::Test, 0).due().is_some());
}

#[test]
fn a_contact_request_is_found_again_when_its_domain_becomes_known_later() {
    let fact = ContactFact {
        at: day(5),
        claims: None,
        earliest_dedelegation: Some((name(2), day(33))),
        earliest_deletion: None,
    };
    let contact = Event {
        environment: Environment::Live,
        at: day(5),
        what: What::Contact(0, fact),
    };
    let Update::Status(mut own) = status(RegistryStatus::Connect, None) else {
        unreachable!()
    };
    own.domain = name(1);
    let domain = Event {
        environment: Environment::Live,
        at: day(3),
        what: What::Domain(1, Update::Status(own)),
    };
    for order in [[&contact, &domain], [&domain, &contact]] {
        let mut books = Books::owning_all();
        for event in order {
            books.take(event);
        }
        assert_eq!(
            books.record(Environment::Live, 1).due().dedelegation_at,
            Some(day(33))
        );
    }
}

#[test]
fn the_domains_own_later_word_beats_the_contacts_earliest_date() {
    let mut books = Books::owning_all();
    let fact = ContactFact {
        at: day(3),
        claims: None,
        earliest_dedelegation: Some((name(2), day(33))),
        earliest_deletion: None,
    };
    books.take(&Event {
        environment: Environment::Live,
        at: day(3),
        what: What::Contact(0, fact),
    });
    books.take(&live(
        4,
        status(RegistryStatus::Connect, Some((Some(40), Some(120)))),
    ));
    assert_eq!(
        books.record(Environment::Live, 0).due().dedelegation_at,
        Some(day(40))
    );
    books.take(&live(5, status(RegistryStatus::Connect, None)));
    assert!(!books.record(Environment::Live, 0).due().is_some());
}

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
