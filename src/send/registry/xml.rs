//! A request in the registry's XML of version 5.0 (`denic.md` 4.1, 4.4 to 4.7).
//!
//! The order of elements is that of the registry's examples, for its schemas fix it; an optional
//! element that says nothing is left out.

use std::net::IpAddr;

use super::{instant, written_out};
use crate::model::request::{
    ContactData, Delegation, Dnskey, DomainData, NameServer, NsEntry, Proof, RegistryRequest,
    RequestContact,
};
use crate::model::{Ctid, DomainName, Handle};
use crate::wire::Element;

/// The text of a request that was checked.
pub(super) fn text(request: &RegistryRequest, ctid: Option<&Ctid>) -> String {
    let root = Element::new("registry-request").binding("", "global");
    let root = match request {
        RegistryRequest::RegAccInfo { .. } => root.binding("regacc", "regacc"),
        RegistryRequest::ContactCreate { contact } | RegistryRequest::ContactUpdate { contact }
            if !contact.proofs.is_empty() =>
        {
            root.binding("contact", "contact")
                .binding("verification", "verification")
                .typed()
        }
        _ if request.domain().is_none() => root.binding("contact", "contact"),
        _ if has_data(request) => root
            .binding("domain", "domain")
            .binding("dnsentry", "dnsentry")
            .typed(),
        _ => root.binding("domain", "domain"),
    };
    let ctid = ctid.map(|ctid| Element::text("ctid", ctid));
    root.child(body(request)).children(ctid).to_document()
}

/// Does it carry a domain's data?
fn has_data(request: &RegistryRequest) -> bool {
    matches!(
        request,
        RegistryRequest::DomainCreate { .. }
            | RegistryRequest::DomainUpdate { .. }
            | RegistryRequest::DomainChholder { .. }
            | RegistryRequest::DomainChprov { .. }
    )
}

fn body(request: &RegistryRequest) -> Element {
    let about = |element: Element| element.children(request.domain().into_iter().flat_map(name));
    match request {
        RegistryRequest::DomainCheck { .. } => about(Element::new("domain:check")),
        RegistryRequest::DomainInfo { is_recursive, .. } => {
            about(Element::new("domain:info").attribute("recursive", is_recursive))
        }
        RegistryRequest::DomainCreate { domain, data } => {
            domain_data(about(Element::new("domain:create")), domain, data, None)
        }
        RegistryRequest::DomainUpdate { domain, data } => {
            domain_data(about(Element::new("domain:update")), domain, data, None)
        }
        RegistryRequest::DomainChholder { domain, data } => {
            domain_data(about(Element::new("domain:chholder")), domain, data, None)
        }
        RegistryRequest::DomainChprov {
            domain,
            data,
            auth_info,
        } => {
            let secret = Some(auth_info.expose());
            domain_data(about(Element::new("domain:chprov")), domain, data, secret)
        }
        RegistryRequest::DomainDelete { holders, .. } => {
            about(Element::new("domain:delete")).children(contacts("holder", holders))
        }
        RegistryRequest::DomainRestore { .. } => about(Element::new("domain:restore")),
        RegistryRequest::DomainTransit {
            is_disconnected, ..
        } => about(Element::new("domain:transit").attribute("disconnect", is_disconnected)),
        RegistryRequest::CreateAuthInfo1 { hash, expires, .. } => {
            let create = Element::new("domain:createAuthInfo1").attribute("hash", hash.as_str());
            about(match expires {
                Some(day) => create.attribute("expire", day.strftime("%Y%m%d")),
                None => create,
            })
        }
        RegistryRequest::DeleteAuthInfo1 { .. } => about(Element::new("domain:deleteAuthInfo1")),
        RegistryRequest::CreateAuthInfo2 { .. } => about(Element::new("domain:createAuthInfo2")),
        RegistryRequest::ContactCheck { handle } => {
            Element::new("contact:check").child(Element::text("contact:handle", handle))
        }
        RegistryRequest::ContactInfo { handle } => {
            Element::new("contact:info").child(Element::text("contact:handle", handle))
        }
        RegistryRequest::ContactCreate { contact } => {
            contact_data(Element::new("contact:create"), contact)
        }
        RegistryRequest::ContactUpdate { contact } => {
            contact_data(Element::new("contact:update"), contact)
        }
        RegistryRequest::RequestContactCreate { contact } => {
            request_contact(Element::new("contact:create"), contact)
        }
        RegistryRequest::RequestContactUpdate { contact } => {
            request_contact(Element::new("contact:update"), contact)
        }
        RegistryRequest::RegAccInfo { regacc } => {
            Element::new("regacc:info").child(Element::text("regacc:handle", regacc))
        }
    }
}

/// Both forms for an IDN, one for a plain name, as in key/value.
fn name(domain: &DomainName) -> Vec<Element> {
    let mut names = vec![Element::text("domain:handle", domain.unicode())];
    if domain.unicode() != domain.ace() {
        names.push(Element::text("domain:ace", domain.ace()));
    }
    names
}

fn contacts<'a>(
    role: &'static str,
    handles: impl IntoIterator<Item = &'a Handle>,
) -> impl Iterator<Item = Element> {
    let handles = handles.into_iter();
    handles.map(move |handle| Element::text("domain:contact", handle).attribute("role", role))
}

/// The secret of a provider change stands between the name servers and the keys.
fn domain_data(
    element: Element,
    domain: &DomainName,
    data: &DomainData,
    secret: Option<&str>,
) -> Element {
    let entries: Vec<Element> = match &data.delegation {
        Delegation::Servers(servers) => servers.iter().map(|server| ns(domain, server)).collect(),
        Delegation::Entries(entries) => entries.iter().map(ns_entry).collect(),
    };
    element
        .children(contacts("holder", &data.holders))
        .children(contacts("abusecontact", &data.abuse_contact))
        .children(contacts("generalrequest", &data.general_request))
        .children(entries)
        .children(secret.map(|secret| Element::text("domain:authInfo", secret)))
        .children(data.dnskeys.iter().map(|key| dnskey(domain, key)))
}

fn entry(kind: &str, owner: &DomainName, rdata: Vec<Element>) -> Element {
    Element::new("dnsentry:dnsentry")
        .attribute("xsi:type", format!("dnsentry:{kind}"))
        .child(Element::text("dnsentry:owner", owner.ace()))
        .child(Element::new("dnsentry:rdata").children(rdata))
}

fn ns(domain: &DomainName, server: &NameServer) -> Element {
    let address = |address: &IpAddr| Element::text("dnsentry:address", written_out(*address));
    let mut rdata = vec![Element::text("dnsentry:nameserver", server.host.ace())];
    rdata.extend(server.addresses.iter().map(address));
    entry("NS", domain, rdata)
}

/// The names for MX are inferred (`denic.md` 4.5).
fn ns_entry(of: &NsEntry) -> Element {
    match of {
        NsEntry::A(owner, address) => {
            entry("A", owner, vec![Element::text("dnsentry:address", address)])
        }
        NsEntry::Mx(owner, preference, host) => {
            let preference = Element::text("dnsentry:preference", preference);
            let host = Element::text("dnsentry:exchange", host.ace());
            entry("MX", owner, vec![preference, host])
        }
    }
}

fn dnskey(domain: &DomainName, key: &Dnskey) -> Element {
    let text = key.to_string();
    let names = ["flags", "protocol", "algorithm", "publicKey"];
    let parts = names.into_iter().zip(text.split(' '));
    let rdata = parts.map(|(name, part)| Element::text(&format!("dnsentry:{name}"), part));
    entry("DNSKEY", domain, rdata.collect())
}

fn contact_data(element: Element, contact: &ContactData) -> Element {
    let organisations = contact.organisations.iter();
    let address = contact.address.iter();
    let postal = Element::new("contact:postal")
        .children(address.map(|line| Element::text("contact:address", line)))
        .child(Element::text("contact:postalCode", &contact.postal_code))
        .child(Element::text("contact:city", &contact.city))
        .child(Element::text("contact:countryCode", &contact.country));
    let emails = contact.emails.iter();
    let phone = contact.phone.iter();
    element
        .child(Element::text("contact:handle", &contact.handle))
        .child(Element::text("contact:type", contact.kind.as_str()))
        .child(Element::text("contact:name", &contact.name))
        .children(organisations.map(|name| Element::text("contact:organisation", name)))
        .child(postal)
        .children(emails.map(|email| Element::text("contact:email", email)))
        .children(phone.map(|phone| Element::text("contact:phone", phone)))
        .children(contact.proofs.iter().map(proof))
}

fn request_contact(element: Element, contact: &RequestContact) -> Element {
    let template = contact.uri_template.as_str();
    element
        .child(Element::text("contact:handle", &contact.handle))
        .child(Element::text("contact:type", "REQUEST"))
        .child(Element::text("contact:uri-template", template))
}

fn proof(proof: &Proof) -> Element {
    let leaf = |name: &str, text: &str| Element::text(&format!("verification:{name}"), text);
    let claims = proof.claims.iter();
    Element::new("verification:verificationInformation")
        .attribute("xsi:type", "verification:verificationInformationType")
        .child(
            Element::new("verification:verifiedClaims")
                .children(claims.map(|claim| leaf("claim", claim.as_str()))),
        )
        .child(leaf("verificationResult", proof.result.as_str()))
        .child(leaf("verificationReference", proof.reference.as_str()))
        .child(leaf("verificationTimestamp", &instant(proof.at)))
        .child(leaf("verificationEvidence", proof.evidence.as_str()))
        .child(leaf("verificationMethod", proof.method.as_str()))
        .child(leaf("trustFramework", "de_denic"))
}
