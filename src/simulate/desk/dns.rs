//! What the registry asks of the DNS data of a request (`denic.md` 4.5, 6.3).

use std::net::IpAddr;

use super::asked::{Asked, semantics};
use super::book::{DomainFields, Server};
use super::line::{Line, code};
use crate::model::DomainName;
use crate::model::request::Dnskey;

/// A host with this in its name never answers.
const UNREACHABLE: &str = "unreachable";

/// The DNS data of a request, still without what they refer to.
pub(super) fn read(asked: &Asked, fields: &mut DomainFields) -> Result<(), Line> {
    for line in asked.all("Nserver") {
        let mut words = line.split_whitespace();
        let host: DomainName = words
            .next()
            .and_then(|host| host.parse().ok())
            .ok_or_else(|| semantics("Nserver"))?;
        let addresses: Vec<String> = words.map(str::to_owned).collect();
        if addresses.len() > 1 || addresses.iter().any(|it| it.parse::<IpAddr>().is_err()) {
            return Err(semantics("Nserver"));
        }
        // A line for each address.
        match fields.servers.iter_mut().find(|known| known.host == host) {
            Some(known) => known.addresses.extend(addresses),
            None => fields.servers.push(Server { host, addresses }),
        }
    }
    fields.entries = asked.all("Nsentry").map(str::to_owned).collect();
    fields.keys = asked.all("Dnskey").map(str::to_owned).collect();
    let is_either = fields.servers.is_empty() != fields.entries.is_empty();
    if !is_either || fields.servers.len() > 13 || fields.entries.len() > 5 {
        return Err(semantics("Nserver"));
    }
    let are_keys = fields.keys.iter().all(|key| key.parse::<Dnskey>().is_ok());
    match are_keys && fields.keys.len() <= 5 {
        true => Ok(()),
        false => Err(semantics("Dnskey")),
    }
}

/// What the registry's check finds: errors and warnings.
pub(super) fn check(domain: &DomainName, fields: &DomainFields) -> Vec<Line> {
    let mut lines = Vec::new();
    for server in &fields.servers {
        let host = &server.host;
        if host.ace().contains(UNREACHABLE) {
            lines.push(code::NAME_SERVER.with(format!("ERROR: 902 Timeout ({host}, udp)")));
        }
        match (
            domain.contains_host(host.ace()),
            server.addresses.is_empty(),
        ) {
            (true, true) => lines.push(code::NO_GLUE.with(host)),
            (false, false) => lines.push(code::CHECK_WARNING.with(format!(
                "WARNING: 102 Provided glue records not applicable ({host})"
            ))),
            _ => {}
        }
    }
    if fields.servers.len() == 1 {
        let found = "ERROR: 127 Insufficient number of nameservers reachable (1)";
        lines.push(code::NAME_SERVER.with(found));
    }
    if fields.keys.iter().any(|key| key.starts_with("256 ")) {
        lines.push(code::NO_SEP.line());
    }
    lines
}
