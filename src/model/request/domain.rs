//! A domain's data as a request carries it (`denic.md` 4.5).

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::RequestError;
use crate::model::{DomainName, Handle};

/// All that can be said about a domain. What is left out of an UPDATE is deleted by the registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainData {
    /// One to five, all different.
    pub holders: Vec<Handle>,
    /// Where general requests go.
    pub general_request: Option<Handle>,
    /// Where abuse is reported.
    pub abuse_contact: Option<Handle>,
    /// What stands in the zone.
    pub delegation: Delegation,
    /// At most five, all different.
    pub dnskeys: Vec<Dnskey>,
}

/// What stands in the zone for a domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Delegation {
    /// Two to thirteen name servers.
    Servers(Vec<NameServer>),
    /// One to five entries of its own.
    Entries(Vec<NsEntry>),
}

/// A name server, with its addresses where it lies within the domain (narrow glue).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NameServer {
    /// Its name.
    pub host: DomainName,
    /// Its addresses, in the order given.
    pub addresses: Vec<IpAddr>,
}

impl fmt::Display for NameServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.host.ace())?;
        self.addresses
            .iter()
            .try_for_each(|address| write!(f, " {address}"))
    }
}

impl FromStr for NameServer {
    type Err = String;

    /// `ns1.example.net`, or with addresses behind it, separated by blanks or `=` and `,`.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split([' ', '=', ',']).filter(|part| !part.is_empty());
        let host = parts.next().unwrap_or_default();
        let host = host
            .parse::<DomainName>()
            .map_err(|error| error.to_string())?;
        let addresses = parts
            .map(|part| {
                part.parse()
                    .map_err(|_| format!("`{part}` is no IP address"))
            })
            .collect::<Result<_, _>>()?;
        Ok(NameServer { host, addresses })
    }
}

impl TryFrom<String> for NameServer {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<NameServer> for String {
    fn from(server: NameServer) -> String {
        server.to_string()
    }
}

/// A public key of the zone: `257 3 13 <base64>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Dnskey {
    flags: u16,
    algorithm: u8,
    key: String,
}

impl Dnskey {
    /// Is the Secure Entry Point flag set, as the registry advises (46000108827)?
    pub fn is_sep(&self) -> bool {
        self.flags == 257
    }
}

impl fmt::Display for Dnskey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The protocol is 3 and nothing else (RFC 4034, section 2.1.2).
        write!(f, "{} 3 {} {}", self.flags, self.algorithm, self.key)
    }
}

impl FromStr for Dnskey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            "expected flags 256 or 257, protocol 3, an algorithm and the key in base64, such as \
             `257 3 13 mdsswUyr3DPW…`"
                .to_owned()
        };
        let mut parts = text.split_ascii_whitespace();
        let mut next = || parts.next().ok_or_else(wrong);
        let flags = next()?.parse().map_err(|_| wrong())?;
        let protocol: u8 = next()?.parse().map_err(|_| wrong())?;
        let algorithm = next()?.parse().map_err(|_| wrong())?;
        // Zone files break the key into several words.
        let key: String = parts.collect();
        let is_key = STANDARD.decode(&key).is_ok_and(|bytes| !bytes.is_empty());
        match matches!(flags, 256 | 257) && protocol == 3 && is_key {
            true => Ok(Dnskey {
                flags,
                algorithm,
                key,
            }),
            false => Err(wrong()),
        }
    }
}

impl TryFrom<String> for Dnskey {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Dnskey> for String {
    fn from(key: Dnskey) -> String {
        key.to_string()
    }
}

/// An entry that the registry's own zone carries in place of name servers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum NsEntry {
    /// `<name> IN A <IPv4>`.
    A(DomainName, Ipv4Addr),
    /// `<name> IN MX <preference> <host>`.
    Mx(DomainName, u16, DomainName),
}

impl fmt::Display for NsEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NsEntry::A(name, address) => write!(f, "{} IN A {address}", name.ace()),
            NsEntry::Mx(name, preference, host) => {
                write!(f, "{} IN MX {preference} {}", name.ace(), host.ace())
            }
        }
    }
}

/// A name directly below .de that can be registered (`denic.md` 4.5).
pub(super) fn check_name(domain: &DomainName) -> Result<(), RequestError> {
    let wrong = |why: String| Err(RequestError::new("Domain", why));
    let Some(label) = domain.ace().strip_suffix(".de") else {
        return wrong(format!("{domain} does not end in .de"));
    };
    if label.contains('.') {
        return wrong(format!("{domain} is not directly below .de"));
    }
    let is_idn = domain.ace() != domain.unicode();
    if label.get(2..4) == Some("--") && !is_idn {
        return wrong(format!("{domain} has hyphens in third and fourth place"));
    }
    Ok(())
}

pub(super) fn check_holders(holders: &[Handle], min: usize) -> Result<(), RequestError> {
    let distinct: BTreeSet<_> = holders.iter().collect();
    if distinct.len() != holders.len() {
        return Err(RequestError::new("Holder", "a handle stands there twice"));
    }
    match (min..=5).contains(&holders.len()) {
        true => Ok(()),
        false => Err(RequestError::new(
            "Holder",
            format!("{min} to 5 are expected, {} are given", holders.len()),
        )),
    }
}

impl DomainData {
    pub(super) fn check(&self, domain: &DomainName) -> Result<(), RequestError> {
        check_holders(&self.holders, 1)?;
        match &self.delegation {
            Delegation::Servers(servers) => check_servers(domain, servers)?,
            Delegation::Entries(entries) => self.check_entries(domain, entries)?,
        }
        check_dnskeys(&self.dnskeys)
    }

    fn check_entries(&self, domain: &DomainName, entries: &[NsEntry]) -> Result<(), RequestError> {
        let wrong = |why: String| Err(RequestError::new("Nsentry", why));
        let distinct: BTreeSet<_> = entries.iter().collect();
        if !(1..=5).contains(&entries.len()) || distinct.len() != entries.len() {
            return wrong("1 to 5 different entries are expected".to_owned());
        }
        let outside = entries.iter().find(|entry| {
            let (NsEntry::A(name, _) | NsEntry::Mx(name, _, _)) = entry;
            !domain.contains_host(name.ace())
        });
        if let Some(entry) = outside {
            return wrong(format!("`{entry}` is not about {domain}"));
        }
        match self.dnskeys.is_empty() {
            true => Ok(()),
            false => wrong("a domain without name servers cannot have a DNSKEY".to_owned()),
        }
    }

    pub(super) fn warnings(&self, domain: &DomainName) -> Vec<String> {
        let mut warnings = Vec::new();
        if let Delegation::Servers(servers) = &self.delegation {
            let within = servers
                .iter()
                .filter(|server| domain.contains_host(server.host.ace()));
            // The pages of the registry disagree (`denic.md` 7, no. 17).
            for server in within.filter(|server| !server.addresses.iter().any(IpAddr::is_ipv4)) {
                warnings.push(format!(
                    "name server {} has no IPv4 address; the registry may ask for one",
                    server.host
                ));
            }
        }
        if self.dnskeys.iter().any(|key| !key.is_sep()) {
            warnings.push("a DNSKEY has flags 256; the registry advises 257".to_owned());
        }
        warnings
    }
}

/// Their number; none twice.
pub(super) fn check_dnskeys(keys: &[Dnskey]) -> Result<(), RequestError> {
    let distinct: BTreeSet<_> = keys.iter().collect();
    match keys.len() > 5 || distinct.len() != keys.len() {
        true => Err(RequestError::new(
            "Dnskey",
            "at most 5 different keys are allowed",
        )),
        false => Ok(()),
    }
}

/// Number, names and glue of the name servers.
pub(super) fn check_servers(
    domain: &DomainName,
    servers: &[NameServer],
) -> Result<(), RequestError> {
    let wrong = |why: String| Err(RequestError::new("Nserver", why));
    if !(2..=13).contains(&servers.len()) {
        return wrong(format!("2 to 13 are expected, {} are given", servers.len()));
    }
    let hosts: BTreeSet<_> = servers.iter().map(|server| &server.host).collect();
    if hosts.len() != servers.len() {
        return wrong("a host stands there twice".to_owned());
    }
    let mut addresses = BTreeSet::new();
    for server in servers {
        let is_within = domain.contains_host(server.host.ace());
        match (is_within, server.addresses.is_empty()) {
            (true, true) => {
                return wrong(format!(
                    "{} lies within {domain} and needs its addresses (glue)",
                    server.host
                ));
            }
            (false, false) => {
                return wrong(format!(
                    "{} lies outside {domain} and must have no address",
                    server.host
                ));
            }
            _ => {}
        }
        for address in &server.addresses {
            if !addresses.insert(address) {
                return wrong(format!("{address} stands there twice"));
            }
        }
    }
    Ok(())
}
