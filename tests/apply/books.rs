//! The database as far as the state machine needs it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use stichtag::apply::{Applied, CaseStep, Effect, Situation, Update, apply, merge_contact};
use stichtag::model::{
    CaseState, ContactFact, DomainKey, DomainName, DomainRecord, Environment, Handle, NoticeKind,
};

pub const HOLDERS: [&str; 3] = [
    "DENIC-1000888-ONE",
    "DENIC-1000888-TWO",
    "DENIC-1000888-THREE",
];
pub const DOMAINS: [&str; 3] = ["holzspielzeug-nord.de", "kachelofen-waage.de", "dänic.de"];

pub fn day(number: i64) -> Timestamp {
    Timestamp::from_second(1_777_000_000 + number * 86_400).unwrap()
}

pub fn name(index: usize) -> DomainName {
    DOMAINS[index].parse().unwrap()
}

pub fn handle(index: usize) -> Handle {
    HOLDERS[index].parse().unwrap()
}

/// The database as far as the state machine needs it: records, cases, contacts.
#[derive(Clone, Debug, Default)]
pub struct Books {
    pub records: BTreeMap<DomainKey, DomainRecord>,
    pub cases: BTreeMap<DomainKey, CaseState>,
    pub contacts: BTreeMap<(Environment, Handle), ContactFact>,
}

#[derive(Clone, Debug)]
pub struct Event {
    pub environment: Environment,
    pub at: Timestamp,
    pub what: What,
}

#[derive(Clone, Debug)]
pub enum What {
    Domain(usize, Update),
    Contact(usize, ContactFact),
}

impl Books {
    pub fn owning_all() -> Self {
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

    pub fn take(&mut self, event: &Event) -> Vec<Applied> {
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

    pub fn one(&mut self, key: &DomainKey, update: &Update, at: Timestamp) -> Applied {
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
                owners: &BTreeMap::new(),
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

    pub fn record(&self, environment: Environment, index: usize) -> &DomainRecord {
        &self.records[&DomainKey {
            environment,
            domain: name(index),
        }]
    }
}

pub fn told(applied: &Applied) -> Vec<NoticeKind> {
    applied
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Tell { kind, .. } => Some(*kind),
            Effect::Alarm(_) => None,
        })
        .collect()
}
