//! What CentralNic Reseller has said about a domain that is held there, and the clock that follows
//! from it (`centralnic.md` 9 to 13).

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::ResellerHandle;

/// From registration or transfer to suspension (CV-01, CV-02).
pub const VERIFICATION_PERIOD: SignedDuration = SignedDuration::from_hours(15 * 24);

/// The facts of one domain, a slot per kind, each with the time at which it was so.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResellerFacts {
    /// When it was registered, or transferred in last. An owner change begins nothing (CV-11).
    pub begun_at: Option<Timestamp>,
    /// The newest whole state.
    pub state: Option<ResellerState>,
    /// The newest deadline that the system itself named, in a state or in a list.
    pub said: Option<SaidDeadline>,
    /// Its owner contact, as far as it is known.
    pub owner: Option<ResellerOwner>,
    /// When its release was asked for, while it is not free.
    pub release_at: Option<Timestamp>,
    /// When results of a verification of its owner were given to the reseller, while the registry
    /// wants something.
    #[serde(default)]
    pub reported_at: Option<Timestamp>,
    /// When it is to be looked at again.
    pub look_at: Option<Timestamp>,
}

/// The whole state of a domain, as it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResellerState {
    /// When it was read.
    pub at: Timestamp,
    /// `clientHold`: suspended by the reseller's system.
    pub is_client_hold: bool,
    /// `serverHold`: taken out of the zone by the registry.
    pub is_server_hold: bool,
    /// Its name servers are those that show that it is suspended (CV-24).
    pub is_parked: bool,
    /// The registry's deadlines of a .de domain, whose zone is assumed.
    pub de_dedelegation_at: Option<Timestamp>,
    /// The same for its deletion.
    pub de_deletion_at: Option<Timestamp>,
}

/// What the system says of the deadline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaidDeadline {
    /// When it said so.
    pub at: Timestamp,
    /// `None`: there is none.
    pub suspension_at: Option<Timestamp>,
}

/// An owner contact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResellerOwner {
    /// When this was so.
    pub at: Timestamp,
    /// Its handle.
    pub handle: ResellerHandle,
    /// Its mail address, in lower case.
    pub address: Option<String>,
    /// Is its form right? Only then its address can verify it (CV-04, CV-09).
    pub is_validated: Option<bool>,
    /// Has its address been confirmed?
    pub is_verified: Option<bool>,
    /// Since when that is known.
    pub verified_since: Option<Timestamp>,
}

impl ResellerOwner {
    /// A contact of which the handle alone is known.
    pub fn new(handle: ResellerHandle, at: Timestamp) -> Self {
        ResellerOwner {
            at,
            handle,
            address: None,
            is_validated: None,
            is_verified: None,
            verified_since: None,
        }
    }
}

/// Where a domain's clock stands (`centralnic.md` 12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResellerClock {
    /// Nothing is asked for.
    Clear,
    /// It is suspended then.
    Running(Timestamp),
    /// The deadline has passed, and it is not suspended yet.
    Due(Timestamp),
    /// Suspended: off the net until its owner confirms.
    Suspended,
    /// Confirmed, and not back yet.
    Releasing,
    /// The registry holds it: see the deadlines of the .de domain.
    RegistryHold,
}

impl ResellerFacts {
    /// Has the reseller said anything at all?
    pub fn is_known(&self) -> bool {
        *self != ResellerFacts::default()
    }

    /// Is its owner's address known to be confirmed?
    pub fn is_verified(&self) -> bool {
        (self.owner.as_ref()).is_some_and(|owner| owner.is_verified == Some(true))
    }

    /// Does the registry of a .de domain want its owner proven, as far as the reseller shows it?
    pub fn is_proof_wanted(&self) -> bool {
        (self.state.as_ref()).is_some_and(|state| {
            state.de_dedelegation_at.is_some()
                || state.de_deletion_at.is_some()
                || state.is_server_hold
        })
    }

    /// Is it off the net because its owner did not confirm?
    pub fn is_suspended(&self) -> bool {
        (self.state.as_ref()).is_some_and(|state| state.is_client_hold || state.is_parked)
    }

    /// Is it off the net, whoever took it off?
    pub fn is_off(&self) -> bool {
        self.is_suspended() || (self.state.as_ref()).is_some_and(|state| state.is_server_hold)
    }

    /// When it is suspended unless its owner confirms.
    ///
    /// What the system says wins. Before it has said anything since the clock began, the deadline is a
    /// forecast, made for owners who are not known to have confirmed.
    pub fn suspension_at(&self) -> Option<Timestamp> {
        if self.is_verified() {
            return None;
        }
        let forecast = (self.begun_at).and_then(|at| at.checked_add(VERIFICATION_PERIOD).ok());
        match (&self.said, self.begun_at) {
            (Some(said), begun) if begun.is_none_or(|begun| said.at >= begun) => {
                // Once it is off the net the system may show no deadline any more.
                said.suspension_at
                    .or(forecast.filter(|_| self.is_suspended()))
            }
            _ => forecast,
        }
    }

    /// Where its clock stands.
    pub fn clock(&self, now: Timestamp) -> ResellerClock {
        let is_server_hold = (self.state.as_ref()).is_some_and(|state| state.is_server_hold);
        match self.suspension_at() {
            _ if self.is_suspended() && self.is_verified() => ResellerClock::Releasing,
            _ if self.is_suspended() => ResellerClock::Suspended,
            _ if is_server_hold => ResellerClock::RegistryHold,
            None => ResellerClock::Clear,
            Some(at) if at > now => ResellerClock::Running(at),
            Some(at) => ResellerClock::Due(at),
        }
    }
}

/// The instant of a deadline of a .de domain, which the reseller shows without a zone: in
/// Europe/Berlin or in UTC, whichever is earlier (`centralnic.md` 13).
pub fn assumed_instant(local: DateTime) -> Option<Timestamp> {
    let berlin = TimeZone::get("Europe/Berlin").ok()?;
    let instants = [berlin, TimeZone::UTC].map(|zone| zone.to_timestamp(local).ok());
    instants.into_iter().flatten().min()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_deadline_without_a_zone_is_the_earlier_of_two() {
        let local: DateTime = "2026-11-04T10:15:00".parse().unwrap();
        assert_eq!(assumed_instant(local), Some(at("2026-11-04T09:15:00Z")));
    }

    #[test]
    fn what_the_system_says_wins_over_the_forecast() {
        let mut facts = ResellerFacts {
            begun_at: Some(at("2026-11-08T00:41:49Z")),
            ..ResellerFacts::default()
        };
        assert_eq!(facts.suspension_at(), Some(at("2026-11-23T00:41:49Z")));
        facts.said = Some(SaidDeadline {
            at: at("2026-11-09T00:00:00Z"),
            suspension_at: Some(at("2026-11-23T06:00:00Z")),
        });
        assert_eq!(facts.suspension_at(), Some(at("2026-11-23T06:00:00Z")));
        // Transferred away and in again: what it said was about the time before.
        facts.begun_at = Some(at("2026-12-01T00:00:00Z"));
        assert_eq!(facts.suspension_at(), Some(at("2026-12-16T00:00:00Z")));
    }

    #[test]
    fn a_verified_owner_has_no_deadline_and_a_suspended_domain_is_then_on_its_way_back() {
        let now = at("2026-11-24T00:00:00Z");
        let mut facts = ResellerFacts {
            begun_at: Some(at("2026-11-08T00:41:49Z")),
            ..ResellerFacts::default()
        };
        assert_eq!(
            facts.clock(now),
            ResellerClock::Due(at("2026-11-23T00:41:49Z"))
        );
        facts.state = Some(ResellerState {
            at: now,
            is_client_hold: false,
            is_server_hold: false,
            is_parked: true,
            de_dedelegation_at: None,
            de_deletion_at: None,
        });
        assert_eq!(facts.clock(now), ResellerClock::Suspended);
        let mut owner = ResellerOwner::new("P-ABC1234".parse().unwrap(), now);
        owner.is_verified = Some(true);
        facts.owner = Some(owner);
        assert_eq!(facts.suspension_at(), None);
        assert_eq!(facts.clock(now), ResellerClock::Releasing);
    }
}
