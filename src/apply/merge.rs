//! Merging facts into their slots.
//!
//! Every merge is commutative, associative and idempotent: the newer registry time wins; at equal
//! times the more serious status and the earlier deadline stand, and the caller is told that the
//! two disagree.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::model::{ContactFact, Due, Gone, Handle, StatusFact, VerificationFact};

/// How a fact related to what its slot held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Merged {
    /// The slot knows something newer.
    Older,
    /// Nothing new.
    Same,
    /// Newer, or the first.
    Newer,
    /// Equal registry time, other content.
    Disagrees,
}

fn slot<T: Clone + PartialEq>(
    slot: &mut Option<T>,
    fact: T,
    at: impl Fn(&T) -> Timestamp,
    join: impl Fn(&T, &T) -> T,
) -> Merged {
    let Some(known) = slot.as_ref() else {
        *slot = Some(fact);
        return Merged::Newer;
    };
    match at(&fact).cmp(&at(known)) {
        std::cmp::Ordering::Less => Merged::Older,
        std::cmp::Ordering::Equal if *known == fact => Merged::Same,
        std::cmp::Ordering::Equal => {
            *slot = Some(join(known, &fact));
            Merged::Disagrees
        }
        std::cmp::Ordering::Greater => {
            *slot = Some(fact);
            Merged::Newer
        }
    }
}

/// Merges a status.
pub fn status(known: &mut Option<StatusFact>, fact: StatusFact) -> Merged {
    slot(
        known,
        fact,
        |fact| fact.at,
        |a, b| StatusFact {
            at: a.at,
            status: a.status.clone().max(b.status.clone()),
            holders: a.holders.union(&b.holders).cloned().collect(),
        },
    )
}

/// Merges a verification.
pub fn verification(known: &mut Option<VerificationFact>, fact: VerificationFact) -> Merged {
    slot(
        known,
        fact,
        |fact| fact.at,
        |a, b| VerificationFact {
            at: a.at,
            due: Due {
                dedelegation_at: earlier(a.due.dedelegation_at, b.due.dedelegation_at),
                deletion_at: earlier(a.due.deletion_at, b.due.deletion_at),
                suspension_at: None,
                claims: union(a.due.claims.clone(), b.due.claims.clone()),
            },
        },
    )
}

/// Merges what was asked for one contact.
pub fn contact(
    known: &mut BTreeMap<Handle, ContactFact>,
    handle: &Handle,
    fact: ContactFact,
) -> Merged {
    let mut held = known.remove(handle);
    let merged = slot(
        &mut held,
        fact,
        |fact| fact.at,
        |a, b| ContactFact {
            at: a.at,
            claims: union(a.claims.clone(), b.claims.clone()),
            earliest_dedelegation: earliest(&a.earliest_dedelegation, &b.earliest_dedelegation),
            earliest_deletion: earliest(&a.earliest_deletion, &b.earliest_deletion),
        },
    );
    known.extend(held.map(|fact| (handle.clone(), fact)));
    merged
}

/// Merges an end.
pub fn gone(known: &mut Option<(Timestamp, Gone)>, fact: (Timestamp, Gone)) -> Merged {
    slot(known, fact, |fact| fact.0, |a, b| (a.0, a.1.max(b.1)))
}

/// Merges the end of the period in status `failed`.
pub fn expire(known: &mut Option<(Timestamp, Timestamp)>, fact: (Timestamp, Timestamp)) -> Merged {
    slot(known, fact, |fact| fact.0, |a, b| (a.0, a.1.min(b.1)))
}

fn earlier(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    a.into_iter().chain(b).min()
}

type Named = Option<(crate::model::DomainName, Timestamp)>;

fn earliest(a: &Named, b: &Named) -> Named {
    a.iter()
        .chain(b)
        .min_by(|(a_name, a_at), (b_name, b_at)| a_at.cmp(b_at).then_with(|| a_name.cmp(b_name)))
        .cloned()
}

fn union<T: Ord>(
    a: Option<std::collections::BTreeSet<T>>,
    b: Option<std::collections::BTreeSet<T>>,
) -> Option<std::collections::BTreeSet<T>> {
    match (a, b) {
        (Some(mut a), Some(b)) => {
            a.extend(b);
            Some(a)
        }
        (a, b) => a.or(b),
    }
}
