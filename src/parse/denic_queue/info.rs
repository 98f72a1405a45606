//! The data in a reply to INFO (`denic.md` 4.7): what a change is made to, and what shows whether a
//! request was carried out. Whatever cannot be taken over is named, for sending the rest back would
//! delete it.

use std::str::FromStr;

use super::super::instant;
use super::super::notes::Notes;
use super::super::text::{clean, decode};
use super::super::xml::{self, Node};
use crate::model::request::{
    ContactData, ContactKind, Delegation, Dnskey, DomainData, NameServer, NsEntry, Proof,
};
use crate::model::{
    Claim, ContactSheet, DomainName, DomainSheet, Handle, RegistryInfo, RegistryStatus,
};

/// Fields of one block; the head has no name.
#[derive(Debug, Default)]
struct Section {
    name: String,
    fields: Vec<Field>,
}

#[derive(Debug)]
struct Field {
    key: String,
    value: String,
}

impl Section {
    fn named(name: &str) -> Self {
        Section {
            name: name.to_ascii_lowercase(),
            fields: Vec::new(),
        }
    }

    fn push(&mut self, key: &str, value: &str) {
        self.fields.push(Field {
            key: key.to_ascii_lowercase(),
            value: value.trim().to_owned(),
        });
    }

    fn first(&self, key: &str) -> Option<&str> {
        let mut fields = self.fields.iter();
        fields
            .find(|field| field.key == key && !field.value.is_empty())
            .map(|field| field.value.as_str())
    }
}

/// Reads it; an error is a sentence.
pub(in super::super) fn read(raw: &[u8]) -> Result<RegistryInfo, String> {
    let mut notes = Notes::default();
    let text = clean(&decode(raw, &mut notes), &mut notes);
    let sections = match text.trim_start().starts_with('<') {
        true => of_xml(&text)?,
        false => of_lines(&text),
    };
    let Some(head) = sections.first() else {
        return Err("the reply holds no data".to_owned());
    };
    if head.first("domain").or(head.first("domain-ace")).is_some() {
        return domain(&sections).map(|sheet| RegistryInfo::Domain(Box::new(sheet)));
    }
    if head.first("handle").is_some() {
        return contact(&sections).map(|sheet| RegistryInfo::Contact(Box::new(sheet)));
    }
    Err("the reply holds no data of a domain or contact".to_owned())
}

fn of_lines(text: &str) -> Vec<Section> {
    let mut sections = vec![Section::default()];
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let block = line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        if let Some(name) = block {
            sections.push(Section::named(name));
            continue;
        }
        let (key, value) = line.split_once(':').unwrap_or((line, ""));
        if let Some(section) = sections.last_mut() {
            section.push(key.trim(), value);
        }
    }
    sections
}

fn of_xml(text: &str) -> Result<Vec<Section>, String> {
    let mut notes = Notes::default();
    let root = xml::tree(text, &mut notes).map_err(|reason| reason.detail)?;
    let child = |node: &Node<'_>, name: &str| node.children.iter().position(|c| c.name == name);
    let data = child(&root, "transaction")
        .map(|place| &root.children[place])
        .and_then(|transaction| {
            child(transaction, "data").map(|place| &transaction.children[place])
        })
        .and_then(|data| data.children.first())
        .ok_or_else(|| "the reply holds no data".to_owned())?;
    let is_domain = data.part.as_deref() == Some("domain");
    let mut sections = vec![Section::default()];
    for node in &data.children {
        element(node, is_domain, &mut sections);
    }
    Ok(sections)
}

/// One element of the data, in the words of key/value.
fn element(node: &Node<'_>, is_domain: bool, sections: &mut Vec<Section>) {
    match node.name.as_str() {
        "handle" if is_domain => sections[0].push("domain", &node.text),
        "ace" => sections[0].push("domain-ace", &node.text),
        "contact" if is_domain => {
            let mut section = Section::named(node.attribute("role").unwrap_or_default());
            match node.children.iter().find(|child| child.name == "handle") {
                Some(handle) => section.push("handle", &handle.text),
                None => section.push("handle", &node.text),
            }
            sections.push(section);
        }
        "dnsentry" => {
            let (key, value) = entry(node);
            sections[0].push(key, &value);
        }
        "postal" => {
            for child in &node.children {
                sections[0].push(&child.name, &child.text);
            }
        }
        "verificationinformation" => {
            let mut section = Section::named(&node.name);
            for child in &node.children {
                match child.name.as_str() {
                    "verifiedclaims" => {
                        for claim in &child.children {
                            section.push("verifiedclaim", &claim.text);
                        }
                    }
                    name => section.push(name, &child.text),
                }
            }
            sections.push(section);
        }
        name => sections[0].push(name, &node.text),
    }
}

/// An entry of the zone as the line that key/value has for it.
fn entry(node: &Node<'_>) -> (&'static str, String) {
    let data = node.children.iter().find(|child| child.name == "rdata");
    let owner = node.children.iter().find(|child| child.name == "owner");
    let owner = owner.map_or("", |owner| owner.text.as_str());
    let kind = node.attribute("type").unwrap_or_default();
    let kind = kind.rsplit(':').next().unwrap_or_default();
    let parts: Vec<&str> = data
        .map(|data| {
            data.children
                .iter()
                .map(|part| part.text.as_str())
                .collect()
        })
        .unwrap_or_default();
    let joined = parts.join(" ");
    match kind.to_ascii_uppercase().as_str() {
        "NS" => ("nserver", joined),
        "DNSKEY" => ("dnskey", joined),
        other => ("nsentry", format!("{owner} IN {other} {joined}")),
    }
}

/// Fields of a reply that no request has, and that tell of the past.
fn is_told(field: &Field) -> bool {
    const TOLD: [&str; 17] = [
        "result",
        "stid",
        "ctid",
        "info",
        "warning",
        "error",
        "status",
        "registrylock",
        "authinfo",
        "authinfo1",
        "authinfo2",
        "regacc",
        "regaccid",
        "regaccname",
        "changed",
        "created",
        "registered",
    ];
    // Version 5.0 adds dates whose keywords are not documented (`denic.md` 4.7).
    TOLD.contains(&field.key.as_str())
        || field.key.starts_with("verification")
        || instant::read(&field.value).is_ok()
}

fn unread(field: &Field) -> String {
    format!("{}: {}", field.key, field.value)
}

fn domain(sections: &[Section]) -> Result<DomainSheet, String> {
    let head = &sections[0];
    let name = head.first("domain-ace").or(head.first("domain"));
    let domain: DomainName = parsed("Domain", name)?;
    let mut sheet = DomainSheet {
        domain,
        status: head.first("status").map(RegistryStatus::from),
        regacc: head
            .first("regaccid")
            .or(head.first("regacc"))
            .map(str::to_owned),
        data: DomainData {
            holders: Vec::new(),
            general_request: None,
            abuse_contact: None,
            delegation: Delegation::Servers(Vec::new()),
            dnskeys: Vec::new(),
        },
        unread: Vec::new(),
    };
    let mut servers: Vec<NameServer> = Vec::new();
    let mut entries: Vec<NsEntry> = Vec::new();
    for field in &head.fields {
        let is_read = match field.key.as_str() {
            "domain" | "domain-ace" => true,
            "nserver" => server(&field.value, &mut servers),
            "nsentry" => ns_entry(&field.value)
                .map(|entry| entries.push(entry))
                .is_some(),
            "dnskey" => match field.value.parse::<Dnskey>() {
                Ok(key) => {
                    sheet.data.dnskeys.push(key);
                    true
                }
                Err(_) => false,
            },
            role @ ("holder" | "generalrequest" | "abusecontact") => {
                part(role, &field.value, &mut sheet.data)
            }
            _ => is_told(field),
        };
        if !is_read {
            sheet.unread.push(unread(field));
        }
    }
    for section in &sections[1..] {
        let handle = section.first("handle").unwrap_or_default();
        if !part(&section.name, handle, &mut sheet.data) {
            sheet.unread.push(format!("[{}]", section.name));
        }
    }
    if !entries.is_empty() && servers.is_empty() {
        sheet.data.delegation = Delegation::Entries(entries);
    } else {
        sheet
            .unread
            .extend(entries.iter().map(|entry| format!("nsentry: {entry}")));
        sheet.data.delegation = Delegation::Servers(servers);
    }
    Ok(sheet)
}

/// A contact in its part of the domain; false: no part that is known, or no handle.
fn part(role: &str, handle: &str, data: &mut DomainData) -> bool {
    let Ok(handle) = handle.parse::<Handle>() else {
        return false;
    };
    match role {
        "holder" if !data.holders.contains(&handle) => data.holders.push(handle),
        "holder" => {}
        "generalrequest" => data.general_request = Some(handle),
        "abusecontact" => data.abuse_contact = Some(handle),
        _ => return false,
    }
    true
}

/// One line for each address; names end in a dot in replies.
fn server(value: &str, servers: &mut Vec<NameServer>) -> bool {
    let (host, rest) = value.split_once(' ').unwrap_or((value, ""));
    let text = format!("{} {rest}", host.trim_end_matches('.'));
    let Ok(server) = text.parse::<NameServer>() else {
        return false;
    };
    match servers.iter_mut().find(|known| known.host == server.host) {
        Some(known) => known.addresses.extend(server.addresses),
        None => servers.push(server),
    }
    true
}

/// `<name> [IN] A <IPv4>` or `<name> [IN] MX <preference> <host>`.
fn ns_entry(value: &str) -> Option<NsEntry> {
    let mut words: Vec<&str> = value.split_ascii_whitespace().collect();
    if words
        .get(1)
        .is_some_and(|word| word.eq_ignore_ascii_case("IN"))
    {
        words.remove(1);
    }
    let name = |word: &str| word.trim_end_matches('.').parse::<DomainName>().ok();
    match words.as_slice() {
        [owner, kind, address] if kind.eq_ignore_ascii_case("A") => {
            Some(NsEntry::A(name(owner)?, address.parse().ok()?))
        }
        [owner, kind, preference, host] if kind.eq_ignore_ascii_case("MX") => Some(NsEntry::Mx(
            name(owner)?,
            preference.parse().ok()?,
            name(host)?,
        )),
        _ => None,
    }
}

fn contact(sections: &[Section]) -> Result<ContactSheet, String> {
    let head = &sections[0];
    let kind = match head
        .first("type")
        .unwrap_or_default()
        .to_ascii_uppercase()
        .as_str()
    {
        "PERSON" => ContactKind::Person,
        "ORG" => ContactKind::Org,
        other => {
            return Err(format!(
                "the contact is of type `{other}`, and only PERSON and ORG have a holder's data"
            ));
        }
    };
    let mut sheet = ContactSheet {
        data: ContactData {
            handle: parsed("Handle", head.first("handle"))?,
            kind,
            name: parsed("Name", head.first("name"))?,
            organisations: Vec::new(),
            address: Vec::new(),
            postal_code: parsed("PostalCode", head.first("postalcode"))?,
            city: parsed("City", head.first("city"))?,
            country: parsed("CountryCode", head.first("countrycode"))?,
            emails: Vec::new(),
            phone: None,
            proofs: Vec::new(),
        },
        unread: Vec::new(),
    };
    for field in &head.fields {
        let data = &mut sheet.data;
        let is_read = match field.key.as_str() {
            "handle" | "type" | "name" | "postalcode" | "city" | "countrycode" => true,
            "organisation" => add(&field.value, &mut data.organisations),
            "address" => add(&field.value, &mut data.address),
            "email" => add(&field.value, &mut data.emails),
            "phone" => {
                data.phone = field.value.parse().ok();
                data.phone.is_some()
            }
            _ => is_told(field),
        };
        // An empty field is none.
        if !is_read && !field.value.is_empty() {
            sheet.unread.push(unread(field));
        }
    }
    for section in &sections[1..] {
        match proof(section) {
            Some(proof) => sheet.data.proofs.push(proof),
            None => sheet.unread.push(format!(
                "[{}] {}",
                section.name,
                section.first("verificationreference").unwrap_or_default()
            )),
        }
    }
    Ok(sheet)
}

fn add<T: FromStr>(value: &str, to: &mut Vec<T>) -> bool {
    match value.parse() {
        Ok(value) => {
            to.push(value);
            true
        }
        Err(_) => false,
    }
}

/// A block `[VerificationInformation]`; `None`: it holds a word that cannot be sent.
fn proof(section: &Section) -> Option<Proof> {
    if section.name != "verificationinformation" {
        return None;
    }
    let claims = section
        .fields
        .iter()
        .filter(|field| field.key.starts_with("verifiedclaim"));
    Some(Proof {
        claims: claims
            .flat_map(|field| field.value.split([',', ';']))
            .map(Claim::from)
            .collect(),
        result: section.first("verificationresult")?.parse().ok()?,
        reference: section.first("verificationreference")?.parse().ok()?,
        at: instant::read(section.first("verificationtimestamp")?).ok()?,
        evidence: section.first("verificationevidence")?.parse().ok()?,
        method: section.first("verificationmethod")?.parse().ok()?,
    })
    .filter(|proof| {
        !proof.claims.is_empty()
            && !proof
                .claims
                .iter()
                .any(|claim| matches!(claim, Claim::Other(_)))
    })
}

fn parsed<T: FromStr>(keyword: &str, value: Option<&str>) -> Result<T, String> {
    value
        .and_then(|value| value.parse().ok())
        .ok_or_else(|| match value {
            None => format!("{keyword} is missing in the registry's reply"),
            Some(value) => format!("{keyword}: `{value}` is not what is expected there"),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOMAIN: &str = "RESULT: success\nSTID: 1\nINFO: 13000000011 Request was processed in test \
        environment - not valid in real world\n\nDomain: tuchmacherei-jena.de\n\
        Domain-Ace: tuchmacherei-jena.de\nNserver: ns1.registrar.example.\n\
        Nserver: ns2.tuchmacherei-jena.de. 192.0.2.54\n\
        Nserver: ns2.tuchmacherei-jena.de. 2001:db8:0:0:0:0:0:54\nStatus: connect\n\
        RegistryLock: true\nAuthInfo2: 2030-01-01T00:00:00+01:00\nRegAccId: DENIC-1000888\n\
        RegAccName: Registrar Example GmbH\nChanged: 2026-04-02T09:58:11+02:00\n\n\
        [Holder]\nHandle: DENIC-1000888-JENA\nType: ORG\nName: Tuchmacherei\n\n\
        [GeneralRequest]\nHandle: DENIC-1000888-GR\nType: REQUEST\n";

    #[test]
    fn a_domain_is_read_whole() {
        let Ok(RegistryInfo::Domain(sheet)) = read(DOMAIN.as_bytes()) else {
            panic!("no domain");
        };
        assert_eq!(sheet.unread, Vec::<String>::new());
        assert_eq!(sheet.regacc.as_deref(), Some("DENIC-1000888"));
        assert_eq!(sheet.data.holders.len(), 1);
        assert!(sheet.data.general_request.is_some() && sheet.data.abuse_contact.is_none());
        let Delegation::Servers(servers) = &sheet.data.delegation else {
            panic!("no servers");
        };
        assert_eq!(servers.len(), 2);
        assert_eq!(servers[1].addresses.len(), 2);
    }

    #[test]
    fn what_cannot_be_sent_back_is_named() {
        let odd = format!("{DOMAIN}\n[Reseller]\nHandle: DENIC-1000888-X\n");
        let odd = odd.replace("RegistryLock", "Colour: green\nRegistryLock");
        let Ok(RegistryInfo::Domain(sheet)) = read(odd.as_bytes()) else {
            panic!("no domain");
        };
        assert_eq!(sheet.unread, ["colour: green", "[reseller]"]);
    }

    #[test]
    fn a_contact_is_read_with_its_proofs() {
        let text = "RESULT: success\nSTID: 1\n\nHandle: DENIC-1000888-JENA\nType: PERSON\n\
            Name: Anna Beispiel\nOrganisation: Tuchmacherei\nAddress: Markt 1\nPostalCode: 07743\n\
            City: Jena\nCountryCode: DE\nEMail: a@example.net\nPhone: +49.36411\n\
            Changed: 2026-01-05T10:26:06+01:00\n\n[VerificationInformation]\nVerifiedClaim: name\n\
            VerifiedClaim: address\nVerificationResult: success\nVerificationReference: t-1\n\
            VerificationTimestamp: 2026-05-20T10:15:00+02:00\nVerificationEvidence: idcard\n\
            VerificationMethod: pvr\nTrustFramework: de_denic\n\n[VerificationInformation]\n\
            VerifiedClaim: email\nVerificationResult: success\nVerificationReference: t-2\n\
            VerificationTimestamp: 2026-05-20T10:15:00+02:00\n\
            VerificationEvidence: transaction_log\nVerificationMethod: auth\n";
        let Ok(RegistryInfo::Contact(sheet)) = read(text.as_bytes()) else {
            panic!("no contact");
        };
        assert_eq!(sheet.data.proofs.len(), 1);
        assert_eq!(sheet.unread, ["[verificationinformation] t-2"]);
        assert_eq!(sheet.data.organisations.len(), 1);
    }
}
