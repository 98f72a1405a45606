//! The state machine: what one message does to one domain, and what no order of messages can do.

mod books;
mod properties;

use std::collections::BTreeSet;

use books::{Books, Event, What, day, handle, name, told};
use stichtag::apply::{Applied, CaseStep, Effect, Outcome, Update};
use stichtag::model::reason;
use stichtag::model::{
    CaseState, Claim, ContactFact, DomainKey, DomainStatus, Environment, Gone, Lifecycle,
    NoticeKind, RegistryStatus, Verification,
};

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
    for (gone, state, lifecycle, kind) in [
        (
            Gone::Moved,
            CaseState::Moved,
            Lifecycle::Moved,
            NoticeKind::Transfer,
        ),
        (
            Gone::Deleted,
            CaseState::Deleted,
            Lifecycle::Deleted,
            NoticeKind::Deleted,
        ),
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
        assert_eq!(told(&left), [kind], "the dates that were told are void");
        let again = books.take(&live(4, Update::Gone(gone))).remove(0);
        assert!(told(&again).is_empty());
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
