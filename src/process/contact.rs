//! Which of a customer's addresses a mail about a domain goes to.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{CaseState, Customer, DomainKey};

/// An address, and what is the matter with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    /// Where the mail goes.
    pub address: String,
    /// It lies under a domain that must be verified, this one or another, and dies with it (W11).
    pub is_at_risk: bool,
    /// Nothing arrives there: that domain is off the net, or a mail came back.
    pub is_dead: bool,
}

/// The best address of a customer for a mail about `concerned`: the first that works; where none
/// does, the first at all.
///
/// `is_off`: the domain itself is off the net. `open`: open cases of the domains that the
/// customer's addresses lie under, and what became of those that are with us no longer. `bounced`: addresses from which mail about this came back.
pub fn reach(
    customer: &Customer,
    concerned: &DomainKey,
    is_off: bool,
    open: &BTreeMap<DomainKey, CaseState>,
    bounced: &BTreeSet<&str>,
) -> Option<Reach> {
    let of = |address: &str| {
        let is_under = |key: &DomainKey| {
            key.environment == concerned.environment && key.domain.contains_address(address)
        };
        let under: Vec<CaseState> = open
            .iter()
            .filter(|(key, _)| is_under(key))
            .map(|(_, state)| *state)
            .collect();
        let is_own = is_under(concerned);
        // Off the net, or in the hands of somebody else.
        let is_off_state = |state: &CaseState| {
            matches!(
                state,
                CaseState::OnHold | CaseState::Moved | CaseState::Deleted
            )
        };
        Reach {
            address: address.to_owned(),
            is_at_risk: is_own
                || under
                    .iter()
                    .any(|state| state.is_open() || is_off_state(state)),
            is_dead: (is_own && is_off)
                || under.iter().any(is_off_state)
                || bounced.contains(address),
        }
    };
    let all: Vec<Reach> = customer.addresses().map(of).collect();
    let working = all.iter().find(|reach| !reach.is_dead);
    working.or(all.first()).cloned()
}
