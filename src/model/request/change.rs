//! Changes of some fields. The registry deletes what an UPDATE leaves out, so its present data are
//! read, changed, and all sent back (`denic.md` 4.1, 4.8).

use serde::{Deserialize, Serialize};

use super::contact::{Country, Phone};
use super::{
    ContactData, Delegation, Dnskey, DomainData, Line, NameServer, Proof, RegistryRequest,
    RequestError,
};
use crate::model::{CaseId, Claim, DomainName, Handle};

/// What is to be changed, and of what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request")]
pub enum Change {
    /// Of a domain; its holders stay.
    #[serde(rename = "domain-change")]
    Domain {
        /// The domain.
        domain: DomainName,
        /// What is new.
        change: DomainChange,
    },
    /// Of a contact, or what has been proven about it.
    #[serde(rename = "contact-change")]
    Contact {
        /// The contact.
        handle: Handle,
        /// What is new.
        change: Box<ContactChange>,
        /// The verification that it answers.
        #[serde(default)]
        case: Option<CaseId>,
    },
}

impl Change {
    /// What reads the present data.
    pub fn question(&self) -> RegistryRequest {
        match self {
            Change::Domain { domain, .. } => RegistryRequest::DomainInfo {
                domain: domain.clone(),
                is_recursive: true,
            },
            Change::Contact { handle, .. } => RegistryRequest::ContactInfo {
                handle: handle.clone(),
            },
        }
    }

    /// What can be said before the present data are known.
    pub fn check(&self) -> Result<(), RequestError> {
        match self {
            Change::Domain { domain, change } => change.check(domain),
            Change::Contact { change, .. } => change.check(),
        }
    }

    /// Does it say of a holder that the proof failed?
    pub fn is_disproof(&self) -> bool {
        match self {
            Change::Domain { .. } => false,
            Change::Contact { change, .. } => change.proofs.iter().any(Proof::is_disproof),
        }
    }
}

/// What becomes of a field that may be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Setting<T> {
    /// It stays as it is.
    #[default]
    Keep,
    /// It is taken away.
    Clear,
    /// It becomes this.
    To(T),
}

impl<T: Clone> Setting<T> {
    fn over(&self, present: Option<&T>) -> Option<T> {
        match self {
            Setting::Keep => present.cloned(),
            Setting::Clear => None,
            Setting::To(value) => Some(value.clone()),
        }
    }

    fn is_keep(&self) -> bool {
        matches!(self, Setting::Keep)
    }
}

/// What is new about a domain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainChange {
    /// Other name servers.
    pub servers: Option<Vec<NameServer>>,
    /// Other keys; an empty list takes them away.
    pub dnskeys: Option<Vec<Dnskey>>,
    /// Where general requests go.
    pub general_request: Setting<Handle>,
    /// Where abuse is reported.
    pub abuse_contact: Setting<Handle>,
}

impl DomainChange {
    fn check(&self, domain: &DomainName) -> Result<(), RequestError> {
        super::domain::check_name(domain)?;
        if self.servers.is_none()
            && self.dnskeys.is_none()
            && self.general_request.is_keep()
            && self.abuse_contact.is_keep()
        {
            return Err(RequestError::new("Domain", "nothing is to be changed"));
        }
        if let Some(servers) = &self.servers {
            super::domain::check_servers(domain, servers)?;
        }
        match &self.dnskeys {
            Some(keys) => super::domain::check_dnskeys(keys),
            None => Ok(()),
        }
    }

    /// All of the domain's data afterwards.
    pub fn over(&self, present: &DomainData) -> DomainData {
        DomainData {
            holders: present.holders.clone(),
            general_request: (self.general_request).over(present.general_request.as_ref()),
            abuse_contact: self.abuse_contact.over(present.abuse_contact.as_ref()),
            delegation: match &self.servers {
                Some(servers) => Delegation::Servers(servers.clone()),
                None => present.delegation.clone(),
            },
            dnskeys: self
                .dnskeys
                .clone()
                .unwrap_or_else(|| present.dnskeys.clone()),
        }
    }
}

/// What is new about a contact. Its name can never be changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactChange {
    /// Other organisations.
    pub organisations: Option<Vec<Line<255>>>,
    /// Another street and number.
    pub address: Option<Vec<Line<255>>>,
    /// Another postal code.
    pub postal_code: Option<Line<20>>,
    /// Another city.
    pub city: Option<Line<80>>,
    /// Another country.
    pub country: Option<Country>,
    /// Other mail addresses.
    pub emails: Option<Vec<Line<254>>>,
    /// Another phone number.
    pub phone: Option<Phone>,
    /// What has been proven beside what was proven before.
    pub proofs: Vec<Proof>,
}

impl ContactChange {
    fn check(&self) -> Result<(), RequestError> {
        if *self == ContactChange::default() {
            return Err(RequestError::new("Handle", "nothing is to be changed"));
        }
        self.proofs.iter().try_for_each(Proof::check)
    }

    /// All of the contact's data afterwards.
    ///
    /// What was proven before stays, but for claims that are answered anew, and for claims about
    /// data that are no longer the same: an old proof says nothing about a new address.
    pub fn over(&self, present: &ContactData) -> ContactData {
        let mut after = ContactData {
            handle: present.handle.clone(),
            kind: present.kind,
            name: present.name.clone(),
            organisations: given(&self.organisations, &present.organisations),
            address: given(&self.address, &present.address),
            postal_code: given(&self.postal_code, &present.postal_code),
            city: given(&self.city, &present.city),
            country: given(&self.country, &present.country),
            emails: given(&self.emails, &present.emails),
            phone: self.phone.clone().or_else(|| present.phone.clone()),
            proofs: present.proofs.clone(),
        };
        let has_moved = (
            &after.address,
            &after.postal_code,
            &after.city,
            &after.country,
        ) != (
            &present.address,
            &present.postal_code,
            &present.city,
            &present.country,
        );
        let has_mail_changed = after.emails != present.emails;
        for proof in &mut after.proofs {
            proof.claims.retain(|claim| {
                let is_anew = self.proofs.iter().any(|new| new.claims.contains(claim));
                let is_past = match claim {
                    Claim::Address => has_moved,
                    Claim::Email => has_mail_changed,
                    _ => false,
                };
                !is_anew && !is_past
            });
        }
        after.proofs.retain(|proof| !proof.claims.is_empty());
        after.proofs.extend(self.proofs.iter().cloned());
        after
    }
}

fn given<T: Clone>(new: &Option<T>, present: &T) -> T {
    new.clone().unwrap_or_else(|| present.clone())
}
