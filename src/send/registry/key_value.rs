//! A request in the registry's key/value format (`denic.md` 4.1, 4.4 to 4.7).
//!
//! Keywords come from this file only: the registry ignores one that it does not know, and with it
//! the field. Values are single lines by their types.

use std::fmt::Display;

use super::{instant, written_out};
use crate::model::request::{
    ContactData, Delegation, DomainData, Proof, RegistryRequest, RequestContact,
};
use crate::model::{Ctid, DomainName};
use crate::wire::VERSION;

/// The text of a request that was checked, LF at the end of each line.
pub(super) fn text(request: &RegistryRequest, ctid: Option<&Ctid>) -> String {
    let mut text = Text::default();
    text.line("Version", VERSION);
    text.line("Action", request.action());
    body(&mut text, request);
    text.lines("ctid", ctid);
    proofs(&mut text, request);
    text.0
}

#[derive(Default)]
struct Text(String);

impl Text {
    fn line(&mut self, keyword: &str, value: impl Display) {
        self.0.push_str(&format!("{keyword}: {value}\n"));
    }

    fn lines(&mut self, keyword: &str, values: impl IntoIterator<Item = impl Display>) {
        for value in values {
            self.line(keyword, value);
        }
    }
}

fn body(text: &mut Text, request: &RegistryRequest) {
    if let Some(domain) = request.domain() {
        name(text, domain);
    }
    match request {
        RegistryRequest::DomainInfo { is_recursive, .. } => text.line("Recursive", is_recursive),
        RegistryRequest::DomainCreate { data, .. }
        | RegistryRequest::DomainUpdate { data, .. }
        | RegistryRequest::DomainChholder { data, .. } => domain_data(text, data),
        RegistryRequest::DomainChprov {
            data, auth_info, ..
        } => {
            domain_data(text, data);
            text.line("AuthInfo", auth_info.expose());
        }
        RegistryRequest::DomainDelete { holders, .. } => text.lines("Holder", holders),
        RegistryRequest::DomainTransit {
            is_disconnected, ..
        } => text.line("Disconnect", is_disconnected),
        RegistryRequest::CreateAuthInfo1 { hash, expires, .. } => {
            text.line("AuthInfoHash", hash.as_str());
            text.lines(
                "AuthInfoExpire",
                expires.map(|day| day.strftime("%Y%m%d").to_string()),
            );
        }
        RegistryRequest::ContactCheck { handle } | RegistryRequest::ContactInfo { handle } => {
            text.line("Handle", handle);
        }
        RegistryRequest::ContactCreate { contact } | RegistryRequest::ContactUpdate { contact } => {
            contact_data(text, contact);
        }
        RegistryRequest::RequestContactCreate { contact }
        | RegistryRequest::RequestContactUpdate { contact } => request_contact(text, contact),
        RegistryRequest::RegAccInfo { regacc } => text.line("RegAcc", regacc),
        RegistryRequest::DomainCheck { .. }
        | RegistryRequest::DomainRestore { .. }
        | RegistryRequest::DeleteAuthInfo1 { .. }
        | RegistryRequest::CreateAuthInfo2 { .. } => {}
    }
}

/// Both forms for an IDN, one for a plain name (`denic.md` 7, no. 28).
fn name(text: &mut Text, domain: &DomainName) {
    text.line("Domain", domain.unicode());
    if domain.unicode() != domain.ace() {
        text.line("Domain-Ace", domain.ace());
    }
}

fn domain_data(text: &mut Text, data: &DomainData) {
    text.lines("Holder", &data.holders);
    text.lines("GeneralRequest", &data.general_request);
    text.lines("AbuseContact", &data.abuse_contact);
    match &data.delegation {
        Delegation::Servers(servers) => {
            for server in servers {
                let host = server.host.ace();
                if server.addresses.is_empty() {
                    text.line("Nserver", host);
                }
                // One line for each address.
                for address in &server.addresses {
                    text.line("Nserver", format!("{host} {}", written_out(*address)));
                }
            }
        }
        Delegation::Entries(entries) => text.lines("Nsentry", entries),
    }
    text.lines("Dnskey", &data.dnskeys);
}

fn contact_data(text: &mut Text, contact: &ContactData) {
    text.line("Handle", &contact.handle);
    text.line("Type", contact.kind.as_str());
    text.line("Name", &contact.name);
    text.lines("Organisation", &contact.organisations);
    text.lines("Address", &contact.address);
    text.line("PostalCode", &contact.postal_code);
    text.line("City", &contact.city);
    text.line("CountryCode", &contact.country);
    text.lines("EMail", &contact.emails);
    text.lines("Phone", &contact.phone);
}

fn request_contact(text: &mut Text, contact: &RequestContact) {
    text.line("Handle", &contact.handle);
    text.line("Type", "REQUEST");
    text.line("UriTemplate", contact.uri_template.as_str());
}

/// Blocks stand behind all single fields.
fn proofs(text: &mut Text, request: &RegistryRequest) {
    let (RegistryRequest::ContactCreate { contact } | RegistryRequest::ContactUpdate { contact }) =
        request
    else {
        return;
    };
    for proof in &contact.proofs {
        text.0.push_str("\n[VerificationInformation]\n");
        block(text, proof);
    }
}

fn block(text: &mut Text, proof: &Proof) {
    text.lines("VerifiedClaim", &proof.claims);
    text.line("VerificationResult", proof.result.as_str());
    text.line("VerificationReference", &proof.reference);
    text.line("VerificationTimestamp", instant(proof.at));
    text.line("VerificationEvidence", proof.evidence.as_str());
    text.line("VerificationMethod", proof.method.as_str());
    text.line("TrustFramework", "de_denic");
}
