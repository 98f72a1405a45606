//! Requests about contacts (`denic.md` 4.4).

use jiff::Timestamp;

use super::asked::{Asked, Fields, all, first, semantics};
use super::book::{Book, Contact, Done};
use super::line::{Line, code};
use super::reply::Data;
use crate::model::request::{VerificationEvidence, VerificationMethod, VerificationResult};
use crate::model::{Claim, Handle};

impl Book {
    pub(super) fn contact_request(&mut self, regacc: &str, asked: &Asked, now: Timestamp) -> Done {
        let handle = match (asked.handle(), asked.action.as_str()) {
            (Ok(handle), _) => handle,
            // Whatever the rest is: no contact can have that handle.
            (Err(_), "CHECK") => {
                let handle = asked.one("Handle").unwrap_or_default().to_owned();
                let status = "invalid";
                return Ok((Vec::new(), Data::ContactCheck { handle, status }));
            }
            (Err(line), _) => return Err(vec![line]),
        };
        if !Book::is_own(regacc, &handle) {
            return Err(vec![code::UNAUTHORIZED.with(handle)]);
        }
        match asked.action.as_str() {
            "CHECK" => {
                let status = match self.contacts.contains_key(&handle) {
                    true => "exists",
                    false => "free",
                };
                let handle = handle.to_string();
                Ok((Vec::new(), Data::ContactCheck { handle, status }))
            }
            "INFO" => match self.contacts.get(&handle) {
                Some(contact) => Ok((Vec::new(), Data::Contact(Box::new(contact.clone())))),
                None => Err(vec![code::NO_HANDLE.with(handle)]),
            },
            "CREATE" => self
                .contact_create(handle, asked, now)
                .map_err(|line| vec![line]),
            "UPDATE" => self
                .contact_update(handle, asked, now)
                .map_err(|line| vec![line]),
            _ => Err(vec![semantics("Action")]),
        }
    }

    fn contact_create(
        &mut self,
        handle: Handle,
        asked: &Asked,
        now: Timestamp,
    ) -> Result<(Vec<Line>, Data), Line> {
        if self.contacts.contains_key(&handle) {
            return Err(code::HANDLE_EXISTS.with(handle));
        }
        let fields = fields(asked, true)?;
        let contact = Contact {
            handle: handle.clone(),
            fields,
            proofs: proofs(asked)?,
            changed_at: now,
        };
        self.contacts.insert(handle, contact);
        Ok((Vec::new(), Data::None))
    }

    /// Replaces all of it, also the proofs, and has its domains assessed anew.
    fn contact_update(
        &mut self,
        handle: Handle,
        asked: &Asked,
        now: Timestamp,
    ) -> Result<(Vec<Line>, Data), Line> {
        let fields = fields(asked, false)?;
        let proofs = proofs(asked)?;
        let Some(contact) = self.contacts.get_mut(&handle) else {
            return Err(code::NO_HANDLE.with(handle));
        };
        if first(&contact.fields, "Name") != first(&fields, "Name") {
            return Err(code::NAME_FIXED.line());
        }
        let is_request = |fields: &Fields| first(fields, "Type") == Some("REQUEST");
        if is_request(&contact.fields) != is_request(&fields) {
            return Err(semantics("Type"));
        }
        contact.fields = fields;
        contact.proofs = proofs;
        contact.changed_at = now;
        self.assess_domains_of(&handle, now);
        Ok((Vec::new(), Data::None))
    }
}

impl Contact {
    /// Is it a person or an organisation, who can hold a domain?
    pub(super) fn is_holder(&self) -> bool {
        first(&self.fields, "Type") != Some("REQUEST")
    }

    /// Is there a proof that failed? Then its domains leave the zone, whatever else is proven.
    pub(super) fn has_failed(&self) -> bool {
        let results = self
            .proofs
            .iter()
            .map(|proof| first(proof, "VerificationResult"));
        results.into_iter().any(|result| result == Some("failed"))
    }

    /// Are name and address proven?
    pub(super) fn is_verified(&self) -> bool {
        ["name", "address"].iter().all(|claim| {
            self.proofs.iter().any(|proof| {
                first(proof, "VerificationResult") == Some("success")
                    && all(proof, "VerifiedClaim").any(|proven| proven == *claim)
            })
        })
    }

    /// What is not proven of name and address.
    pub(super) fn open_claims(&self) -> Vec<Claim> {
        let is_open = |claim: &Claim| {
            !self.proofs.iter().any(|proof| {
                first(proof, "VerificationResult") == Some("success")
                    && all(proof, "VerifiedClaim").any(|proven| proven == claim.as_str())
            })
        };
        [Claim::Address, Claim::Name]
            .into_iter()
            .filter(is_open)
            .collect()
    }
}

/// The fields of a contact in the order of its INFO; one that must be there or must not is named.
fn fields(asked: &Asked, is_new: bool) -> Result<Fields, Line> {
    let kind = asked.needed("Type")?.to_ascii_uppercase();
    let bounds: &[(&'static str, std::ops::RangeInclusive<usize>)] = match kind.as_str() {
        "PERSON" | "ORG" => &[
            ("Name", 1..=1),
            ("Organisation", 0..=usize::from(kind == "PERSON") * 99),
            ("Address", 1..=5),
            ("PostalCode", 1..=1),
            ("City", 1..=1),
            ("CountryCode", 1..=1),
            ("EMail", 1..=99),
            // Contacts of before version 5.0 may lack it.
            ("Phone", usize::from(is_new)..=1),
        ],
        "REQUEST" => &[("UriTemplate", 1..=1)],
        _ => return Err(semantics("Type")),
    };
    let mut fields: Fields = vec![("Type", kind.clone())];
    for (keyword, count) in bounds {
        let found = asked.all(keyword);
        let before = fields.len();
        fields.extend(found.map(|value| (*keyword, value.to_owned())));
        if !count.contains(&(fields.len() - before)) {
            return Err(semantics(keyword));
        }
    }
    match asked.proofs.is_empty() || kind != "REQUEST" {
        true => Ok(fields),
        false => Err(semantics("VerificationInformation")),
    }
}

/// Blocks with every field, each a word that the registry knows (`denic.md` 5.5).
fn proofs(asked: &Asked) -> Result<Vec<Fields>, Line> {
    for proof in &asked.proofs {
        let one = |keyword| first(proof, keyword).ok_or_else(|| semantics(keyword));
        let is_claim = |claim: &str| !matches!(Claim::from(claim), Claim::Other(_));
        if all(proof, "VerifiedClaim").count() == 0 || !all(proof, "VerifiedClaim").all(is_claim) {
            return Err(semantics("VerifiedClaim"));
        }
        one("VerificationReference")?;
        let at = one("VerificationTimestamp")?.parse::<Timestamp>();
        at.map_err(|_| semantics("VerificationTimestamp"))?;
        VerificationResult::from_word(one("VerificationResult")?)
            .ok_or_else(|| semantics("VerificationResult"))?;
        VerificationEvidence::from_word(one("VerificationEvidence")?)
            .ok_or_else(|| semantics("VerificationEvidence"))?;
        VerificationMethod::from_word(one("VerificationMethod")?)
            .ok_or_else(|| semantics("VerificationMethod"))?;
        if one("TrustFramework")? != "de_denic" {
            return Err(semantics("TrustFramework"));
        }
    }
    Ok(asked.proofs.clone())
}
