//! What the registry says it has (`denic.md` 4.7).

use super::request::{ContactData, DomainData};
use super::{DomainName, RegistryStatus};

/// The data in a reply to INFO.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegistryInfo {
    /// Of a domain.
    Domain(Box<DomainSheet>),
    /// Of a contact.
    Contact(Box<ContactSheet>),
}

/// A domain as the registry has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainSheet {
    /// The domain.
    pub domain: DomainName,
    /// Its status.
    pub status: Option<RegistryStatus>,
    /// The account that it is with, such as `DENIC-1000888`.
    pub regacc: Option<String>,
    /// All that a request could say about it. Not checked: it is what it is.
    pub data: DomainData,
    /// Fields that could not be taken over, as written: whoever sends the data back loses them.
    pub unread: Vec<String>,
}

/// A contact as the registry has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContactSheet {
    /// All that a request could say about it; a contact from before version 5.0 may lack mail
    /// address and phone.
    pub data: ContactData,
    /// Fields that could not be taken over, as written: whoever sends the data back loses them.
    pub unread: Vec<String>,
}
