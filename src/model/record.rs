//! What we hold to be true of a domain.
//!
//! A record keeps one slot per kind of fact, each with its registry time. Merging a fact into its
//! slot is commutative, associative and idempotent, so the order in which messages arrive, and how
//! often, cannot change where a record ends (design, section 2, step 4).

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Claim, CustomerId, DomainName, Environment, Handle, InboundId, Lifecycle, RegistryStatus,
    ResellerFacts,
};

/// Key of a record: a test domain and a live domain of the same name are two records.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DomainKey {
    /// The environment.
    pub environment: Environment,
    /// The domain.
    pub domain: DomainName,
}

/// The domain's state, as one message gave it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusFact {
    /// Registry time of the message.
    pub at: Timestamp,
    /// The status.
    pub status: RegistryStatus,
    /// The holders, sorted by handle, no repeats.
    pub holders: BTreeSet<Handle>,
}

/// The domain's verification, as one message gave it; no deadline at all means that it is cleared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerificationFact {
    /// Registry time of the message.
    pub at: Timestamp,
    /// Deadlines and claims.
    #[serde(flatten)]
    pub due: Due,
}

/// Verification asked for one contact: the earliest deadlines over all its domains.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactFact {
    /// Registry time of the message.
    pub at: Timestamp,
    /// What must be proven; `None`: not said.
    pub claims: Option<BTreeSet<Claim>>,
    /// The first domain to leave the zone, and when.
    pub earliest_dedelegation: Option<(DomainName, Timestamp)>,
    /// The first domain to be deleted, and when.
    pub earliest_deletion: Option<(DomainName, Timestamp)>,
}

/// How a domain left us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Gone {
    /// To another provider.
    Moved,
    /// Deleted by the registry, or ended.
    Deleted,
}

/// What the registry has said about one domain, a slot per kind of fact.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainFacts {
    /// The newest state.
    pub status: Option<StatusFact>,
    /// The newest word on its verification.
    pub verification: Option<VerificationFact>,
    /// Verification asked for its holders, by handle; only those of present holders count.
    pub contacts: BTreeMap<Handle, ContactFact>,
    /// The newest end: moved or deleted.
    pub gone: Option<(Timestamp, Gone)>,
    /// End of the period in status `failed`, with the registry time of the message.
    pub expire: Option<(Timestamp, Timestamp)>,
    /// What the reseller says, where the domain is held there.
    #[serde(default, skip_serializing_if = "is_default")]
    pub reseller: ResellerFacts,
}

fn is_default(facts: &ResellerFacts) -> bool {
    !facts.is_known()
}

/// A domain as we know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainRecord {
    /// Environment and name.
    pub key: DomainKey,
    /// Whose it is.
    pub customer: Option<CustomerId>,
    /// Where it stands in our own books.
    pub lifecycle: Lifecycle,
    /// Status given by an import, for as long as the registry has said nothing.
    pub imported_status: Option<RegistryStatus>,
    /// Holders given by an import, for as long as the registry has said nothing.
    pub imported_holders: BTreeSet<Handle>,
    /// What the registry has said.
    pub facts: DomainFacts,
    /// The message that changed it last.
    pub source_message: Option<InboundId>,
    /// When it was changed last, here.
    pub updated_at: Timestamp,
    /// Counts changes; guards against lost updates. 0: not stored yet.
    pub version: i64,
}

/// Where a domain's verification stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Due {
    /// Leaves the zone then.
    pub dedelegation_at: Option<Timestamp>,
    /// Is deleted then.
    pub deletion_at: Option<Timestamp>,
    /// Is suspended then, unless its owner confirms the mail address (CentralNic Reseller).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspension_at: Option<Timestamp>,
    /// What must be proven; `None`: not said.
    pub claims: Option<BTreeSet<Claim>>,
}

impl Due {
    /// Is there any deadline?
    pub fn is_some(&self) -> bool {
        self.is_proof() || self.suspension_at.is_some()
    }

    /// Does the registry ask for proof of the holder data?
    pub fn is_proof(&self) -> bool {
        self.dedelegation_at.is_some() || self.deletion_at.is_some()
    }

    /// The earliest deadline.
    pub fn first(&self) -> Option<Timestamp> {
        let all = [self.dedelegation_at, self.deletion_at, self.suspension_at];
        all.into_iter().flatten().min()
    }
}

impl DomainRecord {
    /// A record of which nothing is known but its name.
    pub fn new(key: DomainKey, now: Timestamp) -> Self {
        DomainRecord {
            key,
            customer: None,
            lifecycle: Lifecycle::None,
            imported_status: None,
            imported_holders: BTreeSet::new(),
            facts: DomainFacts::default(),
            source_message: None,
            updated_at: now,
            version: 0,
        }
    }

    /// The registry's status, or what was imported while the registry has said nothing.
    pub fn status(&self) -> Option<&RegistryStatus> {
        match &self.facts.status {
            Some(fact) => Some(&fact.status),
            None => self.imported_status.as_ref(),
        }
    }

    /// The present holders.
    pub fn holders(&self) -> &BTreeSet<Handle> {
        match &self.facts.status {
            Some(fact) if !fact.holders.is_empty() => &fact.holders,
            _ => &self.imported_holders,
        }
    }

    /// Has it left us, and nothing newer brought it back?
    pub fn gone(&self) -> Option<Gone> {
        let (gone_at, gone) = self.facts.gone?;
        let is_back = self
            .facts
            .status
            .as_ref()
            .is_some_and(|fact| fact.at > gone_at);
        let reseller = &self.facts.reseller;
        let is_back = is_back
            || reseller.begun_at.is_some_and(|at| at > gone_at)
            || (reseller.state.as_ref()).is_some_and(|state| state.at > gone_at);
        (!is_back).then_some(gone)
    }

    /// Is it no longer a registered domain of ours: gone, or deleted as its status says?
    pub fn ended(&self) -> Option<Gone> {
        let is_deleted = matches!(
            self.status(),
            Some(RegistryStatus::RedemptionPeriod | RegistryStatus::Free)
        );
        self.gone().or(is_deleted.then_some(Gone::Deleted))
    }

    /// When it ends in status `failed`, as long as nothing newer says that it is connected or gone.
    pub fn expires_at(&self) -> Option<Timestamp> {
        let (said_at, expires) = self.facts.expire?;
        let is_saved = self
            .facts
            .status
            .as_ref()
            .is_some_and(|fact| fact.at > said_at && fact.status == RegistryStatus::Connect);
        (self.gone().is_none() && !is_saved).then_some(expires)
    }

    /// The deadlines in force.
    ///
    /// The domain's own message is exact, and a newer one without deadlines clears what any older
    /// message asked for. A contact's message names the earliest deadlines over all its domains:
    /// exact for the domain it names, safe for the others, so it counts where the domain's own
    /// message is older or says nothing; at equal times the earlier deadline stands.
    pub fn due(&self) -> Due {
        if self.ended().is_some() {
            return Due::default();
        }
        let own = self.facts.verification.as_ref();
        let mut due = own.map(|fact| fact.due.clone()).unwrap_or_default();
        let is_exact = due.is_proof();
        let asked = self
            .facts
            .contacts
            .iter()
            .filter(|(handle, fact)| {
                self.holders().contains(handle) && own.is_none_or(|own| fact.at >= own.at)
            })
            .map(|(_, fact)| fact);
        for fact in asked {
            let is_same_time = own.is_some_and(|own| own.at == fact.at);
            let takes = |named: &DomainName| named == &self.key.domain || !is_exact || is_same_time;
            let earlier =
                |known: Option<Timestamp>, asked: &Option<(DomainName, Timestamp)>| match asked
                    .as_ref()
                    .filter(|(named, _)| takes(named))
                {
                    Some((_, at)) => Some(known.map_or(*at, |known| known.min(*at))),
                    None => known,
                };
            due.dedelegation_at = earlier(due.dedelegation_at, &fact.earliest_dedelegation);
            due.deletion_at = earlier(due.deletion_at, &fact.earliest_deletion);
            if let Some(claims) = &fact.claims {
                due.claims
                    .get_or_insert_default()
                    .extend(claims.iter().cloned());
            }
        }
        if let Some(state) = (self.facts.reseller.state.as_ref()).filter(|_| self.is_zone_assumed())
        {
            due.dedelegation_at = state.de_dedelegation_at;
            due.deletion_at = state.de_deletion_at;
        }
        // Once out of the zone, the first deadline has been missed and binds nobody any more.
        if self.is_on_hold() {
            due.dedelegation_at = None;
        }
        if !due.is_proof() {
            due.claims = None;
        }
        due.suspension_at = self.facts.reseller.suspension_at();
        due
    }

    /// Are its deadlines those that the reseller shows without a zone? They never take the place of
    /// what the registry itself has said, unless that is over.
    pub fn is_zone_assumed(&self) -> bool {
        let Some(state) = &self.facts.reseller.state else {
            return false;
        };
        let is_said = state.de_dedelegation_at.is_some() || state.de_deletion_at.is_some();
        let own = self.facts.verification.as_ref();
        is_said && own.is_none_or(|own| !own.due.is_proof() && own.at < state.at)
    }

    /// Is it off the net until something is proven or confirmed?
    pub fn is_on_hold(&self) -> bool {
        self.status() == Some(&RegistryStatus::ServerHold) || self.facts.reseller.is_off()
    }
}
