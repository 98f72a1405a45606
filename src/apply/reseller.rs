//! What CentralNic Reseller says → the facts of a domain, and when to look again.
//!
//! Merging goes by the time at which something was so: the newer word wins, and of two at the same
//! time the earlier deadline stands, so order and repeats of messages change nothing.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::merge::Merged;
use crate::model::{
    ResellerClock, ResellerDomain, ResellerFacts, ResellerHandle, ResellerOwner, ResellerState,
    SaidDeadline, assumed_instant,
};

/// The system frees a domain by itself about so long after its owner confirmed (CV-13); then it is
/// asked to.
pub const RELEASE_WATCH: SignedDuration = SignedDuration::from_mins(30);

/// Between two looks at a domain whose deadline has passed, or that is being freed.
const SOON: SignedDuration = SignedDuration::from_mins(10);

/// A domain is looked at so long after its deadline.
const AFTER_DEADLINE: SignedDuration = SignedDuration::from_mins(2);

/// Between two looks at a domain that waits for its registry.
const LATER: SignedDuration = SignedDuration::from_hours(6);

/// Between two looks at a domain that waits for its owner: lists tell sooner when it is free.
const DAILY: SignedDuration = SignedDuration::from_hours(24);

/// After so long a domain that does not come back needs a person.
pub const RELEASE_MAX: SignedDuration = SignedDuration::from_hours(2);

/// Results go to the registry once an hour (`centralnic.md` 13): so long after they were given, a
/// domain is looked at as often.
const REPORT_WATCH: SignedDuration = SignedDuration::from_hours(24);

/// Between two looks at a domain whose results are on their way.
const HOURLY: SignedDuration = SignedDuration::from_hours(1);

/// What the reseller says about one domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResellerUpdate {
    /// Its whole state.
    State {
        /// The state.
        state: ResellerState,
        /// Its deadline; `None`: it has none.
        suspension_at: Option<Timestamp>,
        /// Its owner.
        owner: Option<ResellerHandle>,
        /// When it was created.
        created_at: Option<Timestamp>,
    },
    /// A row of a list, or the answer to a change.
    Row {
        /// Its deadline, if the row names one.
        suspension_at: Option<Timestamp>,
        /// Its owner.
        owner: Option<ResellerHandle>,
        /// Is that owner verified?
        is_verified: Option<bool>,
    },
    /// It was registered, or transferred in: its clock begins.
    Begun,
    /// What is known of its owner.
    Owner(ResellerOwner),
    /// Its release is asked for.
    Released,
    /// Results of a verification of its owner were given to the reseller.
    Reported,
}

impl ResellerUpdate {
    /// What an answer shows of a domain, read at `at`. `interrupt`: the name servers of suspended
    /// domains, in lower case.
    pub fn shown(
        shown: &ResellerDomain,
        is_whole: bool,
        interrupt: &BTreeSet<String>,
        at: Timestamp,
    ) -> Self {
        if !is_whole {
            return ResellerUpdate::Row {
                suspension_at: shown.suspension_at,
                owner: shown.owner.clone(),
                is_verified: shown.is_verified,
            };
        }
        let has = |word: &str| {
            shown
                .statuses
                .iter()
                .any(|status| status.eq_ignore_ascii_case(word))
        };
        ResellerUpdate::State {
            state: ResellerState {
                at,
                is_client_hold: has("clientHold"),
                is_server_hold: has("serverHold"),
                is_parked: !shown.nameservers.is_empty()
                    && (shown.nameservers.iter())
                        .all(|host| interrupt.contains(&host.to_ascii_lowercase())),
                de_dedelegation_at: shown.de_dedelegation.and_then(assumed_instant),
                de_deletion_at: shown.de_deletion.and_then(assumed_instant),
            },
            suspension_at: shown.suspension_at,
            owner: shown.owner.clone(),
            created_at: shown.created_at,
        }
    }
}

/// Merges what was so at `at`. `known`: what is known of the contact that owns the domain from now on.
pub fn merge(
    facts: &mut ResellerFacts,
    update: &ResellerUpdate,
    known: Option<&ResellerOwner>,
    at: Timestamp,
) -> Merged {
    match update {
        ResellerUpdate::State {
            state,
            suspension_at,
            owner,
            created_at,
        } => {
            begin(facts, *created_at);
            if facts.state.as_ref().is_some_and(|newer| newer.at > at) {
                return Merged::Older;
            }
            say(facts, *suspension_at, at);
            own(facts, owner.as_ref(), known, at);
            facts.state = Some(state.clone());
            if !facts.is_suspended() {
                facts.release_at = None;
            }
            if !facts.is_proof_wanted() {
                facts.reported_at = None;
            }
            Merged::Newer
        }
        ResellerUpdate::Row {
            suspension_at,
            owner,
            is_verified,
        } => {
            if facts.said.as_ref().is_some_and(|newer| newer.at > at) {
                return Merged::Older;
            }
            // Lists are read all day long: what they repeat is not written down again.
            if says_no_more(facts, *suspension_at, owner.as_ref(), *is_verified) {
                return Merged::Same;
            }
            if suspension_at.is_some() {
                say(facts, *suspension_at, at);
            }
            own(facts, owner.as_ref(), known, at);
            if let (Some(owner), Some(_)) = (&mut facts.owner, is_verified) {
                let fact = ResellerOwner {
                    is_verified: *is_verified,
                    ..ResellerOwner::new(owner.handle.clone(), at)
                };
                known_better(owner, &fact);
            }
            Merged::Newer
        }
        ResellerUpdate::Begun => match facts.begun_at {
            Some(begun) if begun > at => Merged::Older,
            Some(begun) if begun == at => Merged::Same,
            _ => {
                begin(facts, Some(at));
                Merged::Newer
            }
        },
        ResellerUpdate::Owner(fact) => match &mut facts.owner {
            Some(owner) if owner.handle == fact.handle => known_better(owner, fact),
            _ => Merged::Same,
        },
        ResellerUpdate::Released => {
            facts.release_at = Some(at);
            Merged::Newer
        }
        ResellerUpdate::Reported => match facts.reported_at {
            Some(reported) if reported >= at => Merged::Same,
            _ => {
                facts.reported_at = Some(at);
                Merged::Newer
            }
        },
    }
}

fn says_no_more(
    facts: &ResellerFacts,
    suspension_at: Option<Timestamp>,
    owner: Option<&ResellerHandle>,
    is_verified: Option<bool>,
) -> bool {
    let known = facts.owner.as_ref();
    let said = (facts.said.as_ref()).filter(|said| facts.begun_at.is_none_or(|at| said.at >= at));
    let is_said =
        suspension_at.is_none() || said.is_some_and(|said| said.suspension_at == suspension_at);
    let is_owner = owner.is_none_or(|handle| known.is_some_and(|known| known.handle == *handle));
    let is_known =
        is_verified.is_none() || known.is_some_and(|known| known.is_verified == is_verified);
    is_said && is_owner && is_known
}

fn begin(facts: &mut ResellerFacts, at: Option<Timestamp>) {
    facts.begun_at = facts.begun_at.max(at);
}

fn say(facts: &mut ResellerFacts, suspension_at: Option<Timestamp>, at: Timestamp) {
    let same_time = facts.said.as_ref().filter(|said| said.at == at);
    let earlier = same_time.and_then(|said| said.suspension_at);
    if facts.said.as_ref().is_none_or(|said| said.at <= at) {
        facts.said = Some(SaidDeadline {
            at,
            suspension_at: earlier.into_iter().chain(suspension_at).min(),
        });
    }
}

fn own(
    facts: &mut ResellerFacts,
    handle: Option<&ResellerHandle>,
    known: Option<&ResellerOwner>,
    at: Timestamp,
) {
    let Some(handle) = handle else { return };
    if facts
        .owner
        .as_ref()
        .is_some_and(|owner| owner.handle == *handle)
    {
        return;
    }
    let known = known.filter(|known| known.handle == *handle);
    facts.owner = Some(match known {
        Some(known) => known.clone(),
        None => ResellerOwner::new(handle.clone(), at),
    });
}

/// Takes over what is newer of a contact; what the newer word leaves out stays.
pub fn known_better(owner: &mut ResellerOwner, fact: &ResellerOwner) -> Merged {
    if fact.at < owner.at {
        return Merged::Older;
    }
    let before = owner.clone();
    owner.at = fact.at;
    if fact.address.is_some() {
        owner.address.clone_from(&fact.address);
    }
    owner.is_validated = fact.is_validated.or(owner.is_validated);
    owner.is_verified = fact.is_verified.or(owner.is_verified);
    owner.verified_since = match owner.is_verified {
        Some(true) => owner
            .verified_since
            .or(fact.verified_since)
            .or(Some(fact.at)),
        _ => None,
    };
    match before == *owner {
        true => Merged::Same,
        false => Merged::Newer,
    }
}

/// When the domain is to be looked at again, seen from `now`; `None`: when something is heard of it.
pub fn next_look(facts: &ResellerFacts, now: Timestamp) -> Option<Timestamp> {
    if let Some(state) = &facts.state
        && (state.de_deletion_at.is_some() || state.de_dedelegation_at.is_some())
    {
        return Some(now + of_registry(facts, now));
    }
    match facts.clock(now) {
        ResellerClock::Clear => None,
        ResellerClock::Running(at) => Some(at + AFTER_DEADLINE),
        ResellerClock::Due(_) | ResellerClock::Releasing => Some(now + SOON),
        ResellerClock::Suspended => Some(now + DAILY),
        ResellerClock::RegistryHold => Some(now + of_registry(facts, now)),
    }
}

/// Between two looks at a domain whose owner the registry wants proven.
fn of_registry(facts: &ResellerFacts, now: Timestamp) -> SignedDuration {
    match facts.reported_at {
        Some(at) if now.duration_since(at) < REPORT_WATCH => HOURLY,
        _ => LATER,
    }
}

/// Is it time to ask for the release: confirmed long enough ago, and not asked for lately?
pub fn wants_release(facts: &ResellerFacts, now: Timestamp) -> bool {
    let since = facts.owner.as_ref().and_then(|owner| owner.verified_since);
    let Some(since) = since.filter(|_| facts.clock(now) == ResellerClock::Releasing) else {
        return false;
    };
    let is_watched = now.duration_since(since) >= RELEASE_WATCH;
    let is_asked = (facts.release_at).is_some_and(|at| now.duration_since(at) < RELEASE_MAX);
    is_watched && !is_asked
}

/// What an update says, for the history.
pub fn described(update: &ResellerUpdate) -> String {
    let deadline = |at: &Option<Timestamp>| match at {
        Some(at) => format!("suspension {at}"),
        None => "no deadline".to_owned(),
    };
    match update {
        ResellerUpdate::State { suspension_at, .. } => {
            format!("the reseller shows it: {}", deadline(suspension_at))
        }
        ResellerUpdate::Row { suspension_at, .. } => {
            format!("the reseller lists it: {}", deadline(suspension_at))
        }
        ResellerUpdate::Begun => "registered or transferred in at the reseller".to_owned(),
        ResellerUpdate::Owner(owner) => match owner.is_verified {
            Some(true) => format!("the contact {} is verified", owner.handle),
            Some(false) => format!("the contact {} is not verified", owner.handle),
            None => format!("the contact {} was read", owner.handle),
        },
        ResellerUpdate::Released => "its release is asked for".to_owned(),
        ResellerUpdate::Reported => {
            "the results about its owner are given to the reseller".to_owned()
        }
    }
}
