//! Messages about a contact, which concern every domain of it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Deciding;
use crate::apply::{self, Update};
use crate::model::reason::{self, Reason};
use crate::model::{ContactFact, ContactVerification, DomainKey, Environment};

impl Deciding<'_> {
    /// A contact's message concerns every domain of ours with that holder.
    pub(super) fn fan_out(
        &mut self,
        environment: Environment,
        asked: &ContactVerification,
        at: Timestamp,
    ) {
        let mut fact = BTreeMap::new();
        if let Some(known) = self
            .world
            .contacts
            .get(&(environment, asked.contact.clone()))
        {
            fact.insert(asked.contact.clone(), known.clone());
        }
        apply::merge_contact(
            &mut fact,
            &asked.contact,
            ContactFact {
                at,
                claims: asked.claims.clone(),
                earliest_dedelegation: asked.earliest_dedelegation.clone(),
                earliest_deletion: asked.earliest_deletion.clone(),
            },
        );
        let keys: Vec<DomainKey> = self
            .world
            .domains
            .iter()
            .filter(|(key, known)| {
                key.environment == environment
                    && known.record.ended().is_none()
                    && known.record.holders().contains(&asked.contact)
            })
            .map(|(key, _)| key.clone())
            .collect();
        let alarm = format!("contact:{environment}:{}", asked.contact.key());
        if keys.is_empty() {
            let text = format!("no domain of ours has the holder {}", asked.contact);
            self.alarm_deadline(reason::NOT_OURS, &text);
            self.hold(Reason::new(reason::NOT_OURS, text));
            return;
        }
        let counted = asked
            .domain_count
            .filter(|count| usize::try_from(*count).ok() != Some(keys.len()));
        if let Some(count) = counted {
            let text = format!(
                "the registry counts {count} domains of {}, we know {}",
                asked.contact,
                keys.len()
            );
            self.note(Reason::new(reason::COUNT_DIFFERS, text.clone()));
            self.alarm(alarm, reason::COUNT_DIFFERS, None, text);
        } else {
            self.change.clears.push(alarm);
        }
        self.look_for_named(environment, asked, &keys);
        for (handle, fact) in fact {
            self.world
                .contacts
                .insert((environment, handle.clone()), fact.clone());
            self.change.contact = Some((environment, handle.clone(), fact.clone()));
            for key in &keys {
                self.apply(key, &Update::Contact(handle.clone(), fact.clone()), at);
            }
        }
    }

    /// A domain that the registry names, and that is not among those of the contact here, has a
    /// deadline that nobody watches.
    fn look_for_named(
        &mut self,
        environment: Environment,
        asked: &ContactVerification,
        keys: &[DomainKey],
    ) {
        let alarm = format!("named:{environment}:{}", asked.contact.key());
        self.change.clears.push(alarm.clone());
        let named = [&asked.earliest_dedelegation, &asked.earliest_deletion];
        for (domain, deadline) in named.into_iter().flatten() {
            let key = DomainKey {
                environment,
                domain: domain.clone(),
            };
            if keys.contains(&key) {
                continue;
            }
            let why = match self.world.domains.contains_key(&key) {
                true => format!("does not have the holder {} here", asked.contact),
                false => "is not in the database".to_owned(),
            };
            let text = format!("{domain} has the deadline {deadline}, and {why}");
            self.note(Reason::new(reason::NAMED_UNKNOWN, text.clone()));
            let alarm = format!("{alarm}:{}", domain.ace());
            self.alarm(alarm, reason::NAMED_UNKNOWN, Some(&key), text);
        }
    }
}
