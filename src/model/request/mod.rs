//! What we ask of the registry: every request of `denic.md` 4.4 to 4.7, as values.
//!
//! A request that exists may still break a rule that needs several of its fields, such as glue for
//! a name server within the domain; [`RegistryRequest::check`] finds that, and nothing is written
//! out unchecked.

mod change;
mod contact;
mod domain;
mod value;
mod verification;

use serde::{Deserialize, Serialize};

pub use change::{Change, ContactChange, DomainChange, Setting};
pub use contact::{ContactData, ContactKind, Country, Phone, RequestContact};
pub use domain::{Delegation, Dnskey, DomainData, NameServer, NsEntry};
pub use value::{AuthInfoHash, AuthInfoSecret, Line, RequestError, UriTemplate};
pub use verification::{Proof, VerificationEvidence, VerificationMethod, VerificationResult};

use super::{DomainName, Handle};

/// One request, without the ctid that it is sent under.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "kebab-case")]
pub enum RegistryRequest {
    /// Is a name free?
    DomainCheck {
        /// The name.
        domain: DomainName,
    },
    /// All that the registry has about a domain.
    DomainInfo {
        /// The domain.
        domain: DomainName,
        /// The holders' data too.
        is_recursive: bool,
    },
    /// Registers a domain.
    DomainCreate {
        /// The domain.
        domain: DomainName,
        /// Its data.
        data: DomainData,
    },
    /// Replaces a domain's data; the holders must be the present ones.
    DomainUpdate {
        /// The domain.
        domain: DomainName,
        /// All of its data: what is left out is deleted.
        data: DomainData,
    },
    /// Gives a domain to other holders.
    DomainChholder {
        /// The domain.
        domain: DomainName,
        /// All of its data.
        data: DomainData,
    },
    /// Takes a domain over from another provider.
    DomainChprov {
        /// The domain.
        domain: DomainName,
        /// All of its data.
        data: DomainData,
        /// What its holder was given.
        auth_info: AuthInfoSecret,
    },
    /// Deletes a domain; it is in redemption then.
    DomainDelete {
        /// The domain.
        domain: DomainName,
        /// The holders, which then must match.
        holders: Vec<Handle>,
    },
    /// Brings a domain back from redemption.
    DomainRestore {
        /// The domain.
        domain: DomainName,
    },
    /// Gives a domain back to the registry.
    DomainTransit {
        /// The domain.
        domain: DomainName,
        /// Its name servers are replaced by the registry's.
        is_disconnected: bool,
    },
    /// Lays down the hash of a secret for a provider change.
    CreateAuthInfo1 {
        /// The domain.
        domain: DomainName,
        /// SHA-256 of the secret.
        hash: AuthInfoHash,
        /// The last day, at most 30 ahead; the registry's default where it is missing.
        expires: Option<jiff::civil::Date>,
    },
    /// Removes it.
    DeleteAuthInfo1 {
        /// The domain.
        domain: DomainName,
    },
    /// Has the registry send the secret to the holders by letter.
    CreateAuthInfo2 {
        /// The domain.
        domain: DomainName,
    },
    /// Is a handle free?
    ContactCheck {
        /// The handle.
        handle: Handle,
    },
    /// All that the registry has about a contact of ours.
    ContactInfo {
        /// The handle.
        handle: Handle,
    },
    /// Makes a contact.
    ContactCreate {
        /// Its data.
        contact: ContactData,
    },
    /// Replaces a contact's data, its proofs too.
    ContactUpdate {
        /// All of its data: what is left out is deleted.
        contact: ContactData,
    },
    /// Makes a contact for general requests or abuse.
    RequestContactCreate {
        /// Its data.
        contact: RequestContact,
    },
    /// Replaces such a contact.
    RequestContactUpdate {
        /// Its data.
        contact: RequestContact,
    },
    /// The data of a registrar's account.
    RegAccInfo {
        /// `DENIC-` and digits.
        regacc: Line<13>,
    },
}

impl RegistryRequest {
    /// The registry's word for it, as it stands behind `Action:`.
    pub fn action(&self) -> &'static str {
        match self {
            Self::DomainCheck { .. } | Self::ContactCheck { .. } => "CHECK",
            Self::DomainInfo { .. } | Self::ContactInfo { .. } | Self::RegAccInfo { .. } => "INFO",
            Self::DomainCreate { .. }
            | Self::ContactCreate { .. }
            | Self::RequestContactCreate { .. } => "CREATE",
            Self::DomainUpdate { .. }
            | Self::ContactUpdate { .. }
            | Self::RequestContactUpdate { .. } => "UPDATE",
            Self::DomainChholder { .. } => "CHHOLDER",
            Self::DomainChprov { .. } => "CHPROV",
            Self::DomainDelete { .. } => "DELETE",
            Self::DomainRestore { .. } => "RESTORE",
            Self::DomainTransit { .. } => "TRANSIT",
            Self::CreateAuthInfo1 { .. } => "CREATE-AUTHINFO1",
            Self::DeleteAuthInfo1 { .. } => "DELETE-AUTHINFO1",
            Self::CreateAuthInfo2 { .. } => "CREATE-AUTHINFO2",
        }
    }

    /// The domain it is about, if it is about one.
    pub fn domain(&self) -> Option<&DomainName> {
        match self {
            Self::DomainCheck { domain }
            | Self::DomainInfo { domain, .. }
            | Self::DomainCreate { domain, .. }
            | Self::DomainUpdate { domain, .. }
            | Self::DomainChholder { domain, .. }
            | Self::DomainChprov { domain, .. }
            | Self::DomainDelete { domain, .. }
            | Self::DomainRestore { domain }
            | Self::DomainTransit { domain, .. }
            | Self::CreateAuthInfo1 { domain, .. }
            | Self::DeleteAuthInfo1 { domain }
            | Self::CreateAuthInfo2 { domain } => Some(domain),
            Self::ContactCheck { .. }
            | Self::ContactInfo { .. }
            | Self::ContactCreate { .. }
            | Self::ContactUpdate { .. }
            | Self::RequestContactCreate { .. }
            | Self::RequestContactUpdate { .. }
            | Self::RegAccInfo { .. } => None,
        }
    }

    /// What finds out whether it was carried out, where nobody knows: a request that reads.
    pub fn question(&self) -> Option<RegistryRequest> {
        match self {
            Self::ContactCreate { contact } | Self::ContactUpdate { contact } => {
                Some(Self::ContactInfo {
                    handle: contact.handle.clone(),
                })
            }
            Self::RequestContactCreate { contact } | Self::RequestContactUpdate { contact } => {
                Some(Self::ContactInfo {
                    handle: contact.handle.clone(),
                })
            }
            request if request.is_writing() => request.domain().map(|domain| Self::DomainInfo {
                domain: domain.clone(),
                is_recursive: true,
            }),
            _ => None,
        }
    }

    /// The contact it is about, if it is about one.
    pub fn handle(&self) -> Option<&Handle> {
        match self {
            Self::ContactCheck { handle } | Self::ContactInfo { handle } => Some(handle),
            Self::ContactCreate { contact } | Self::ContactUpdate { contact } => {
                Some(&contact.handle)
            }
            Self::RequestContactCreate { contact } | Self::RequestContactUpdate { contact } => {
                Some(&contact.handle)
            }
            _ => None,
        }
    }

    /// Domain or contact, for people.
    pub fn object(&self) -> Option<String> {
        let domain = self.domain().map(ToString::to_string);
        domain.or_else(|| self.handle().map(ToString::to_string))
    }

    /// Does it change anything? Only such a request may carry a ctid (`denic.md` 4.1).
    pub fn is_writing(&self) -> bool {
        !matches!(self.action(), "CHECK" | "INFO")
    }

    /// The first rule that it breaks, if it breaks one.
    pub fn check(&self) -> Result<(), RequestError> {
        if let Some(domain) = self.domain() {
            domain::check_name(domain)?;
        }
        match self {
            Self::DomainCreate { domain, data }
            | Self::DomainUpdate { domain, data }
            | Self::DomainChholder { domain, data }
            | Self::DomainChprov { domain, data, .. } => data.check(domain),
            Self::DomainDelete { holders, .. } => domain::check_holders(holders, 0),
            Self::ContactCreate { contact } | Self::ContactUpdate { contact } => contact.check(),
            _ => Ok(()),
        }
    }

    /// What is allowed and yet likely to be a mistake, a sentence each.
    pub fn warnings(&self) -> Vec<String> {
        match self {
            Self::DomainCreate { domain, data }
            | Self::DomainUpdate { domain, data }
            | Self::DomainChholder { domain, data }
            | Self::DomainChprov { domain, data, .. } => data.warnings(domain),
            _ => Vec::new(),
        }
    }
}
