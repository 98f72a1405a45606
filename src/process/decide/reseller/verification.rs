//! Results of a verification of a .de holder, once the reseller has them (`centralnic.md` 13).
//!
//! Each step is queued with what the answer before it changes, and only while it is still of use: an
//! answer that is read once more copies no contact twice, and takes no domain from a newer owner.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::Deciding;
use crate::apply::Update;
use crate::apply::reseller::ResellerUpdate;
use crate::model::{
    DomainKey, DomainName, Environment, ResellerCommand, ResellerContact, ResellerHandle, reason,
};
use crate::store::MessageVerdict;

impl Deciding<'_> {
    /// A command about a contact was answered with what the contact is.
    pub(super) fn contact_answered(
        &mut self,
        shown: &ResellerContact,
        asked: &ResellerCommand,
        environment: Environment,
        at: Timestamp,
    ) {
        match asked {
            ResellerCommand::ReportVerification {
                contact, clone_for, ..
            } => self.reported(contact, clone_for.as_ref(), environment, at),
            ResellerCommand::CloneContact {
                contact,
                for_domain: Some(domain),
            } => self.copied(contact, &shown.handle, domain, environment),
            _ => {}
        }
    }

    /// The reseller has the results. Its domains are looked at until the registry has taken them over;
    /// one of them may be waiting for a copy of the contact.
    fn reported(
        &mut self,
        contact: &ResellerHandle,
        clone_for: Option<&DomainName>,
        environment: Environment,
        at: Timestamp,
    ) {
        self.change.decision.verdict = MessageVerdict::Applied;
        let handles = BTreeSet::from([contact.clone()]);
        for key in self.domains_of(&handles, environment) {
            let known = self.world.domains.get(&key);
            if known.is_some_and(|known| known.record.facts.reseller.is_proof_wanted()) {
                self.apply(&key, &Update::Reseller(ResellerUpdate::Reported), at);
            }
        }
        if let Some(domain) = clone_for
            && self.waits_for_proof(domain, contact, environment)
        {
            let (contact, for_domain) = (contact.clone(), Some(domain.clone()));
            self.command(
                environment,
                ResellerCommand::CloneContact {
                    contact,
                    for_domain,
                },
            );
        }
    }

    /// The copy takes the place of the contact on the domain: that is sent to the registry at once.
    fn copied(
        &mut self,
        contact: &ResellerHandle,
        copy: &ResellerHandle,
        domain: &DomainName,
        environment: Environment,
    ) {
        if self.waits_for_proof(domain, contact, environment) {
            let (domain, contact) = (domain.clone(), copy.clone());
            self.command(
                environment,
                ResellerCommand::ChangeOwner { domain, contact },
            );
        }
    }

    /// Does the domain still belong to that contact, and the registry still want it proven?
    fn waits_for_proof(
        &mut self,
        domain: &DomainName,
        contact: &ResellerHandle,
        environment: Environment,
    ) -> bool {
        self.change.decision.verdict = MessageVerdict::Applied;
        let key = DomainKey {
            environment,
            domain: domain.clone(),
        };
        let waits = self.world.domains.get(&key).is_some_and(|known| {
            let facts = &known.record.facts.reseller;
            let owner = facts.owner.as_ref().map(|owner| &owner.handle);
            known.record.ended().is_none() && owner == Some(contact) && facts.is_proof_wanted()
        });
        if !waits {
            let text = format!("{domain} waits no more for a proof of {contact}: it gets no copy");
            self.change.decision.trace.push(text);
        }
        waits
    }

    /// The contact was copied, and nobody says what the copy is called: the domain cannot be given to it.
    pub(super) fn copy_unnamed(&mut self, domain: DomainName, environment: Environment) {
        let text = format!(
            "the copy of the owner of {domain} has no handle in the answer: put it on the domain by \
             hand, or wait for the hourly push"
        );
        let key = DomainKey {
            environment,
            domain,
        };
        let alarm = format!("domain:{environment}:{}:copy", key.domain.ace());
        self.alarm(alarm, reason::RESELLER_FAILED, Some(&key), text);
    }
}
