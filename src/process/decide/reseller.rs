//! Messages of CentralNic Reseller: events, and what its system shows when it is asked.

mod verification;

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::Deciding;
use crate::apply::Update;
use crate::apply::reseller::{self, ResellerUpdate};
use crate::model::reason::{self, Reason};
use crate::model::{
    DomainKey, DomainName, Environment, Facts, Gone, RegistryEvent, ResellerClock, ResellerCommand,
    ResellerContact, ResellerDomain, ResellerEvent, ResellerHandle, ResellerObject, ResellerOwner,
    Source, TriggerCode, sha256_hex,
};
use crate::process::read::Reading;
use crate::store::{Ask, AskedCommand, Happening, MessageVerdict, SeenCode};

/// The system does not know what it was asked about (`centralnic.md` 4).
const NOT_FOUND: u16 = 545;

/// What must be loaded to decide about a message of the reseller.
pub fn ask(event: &RegistryEvent, environment: Environment, reading: &Reading, ask: &mut Ask) {
    let asks = &mut ask.reseller;
    asks.commands.extend(reading.command);
    match &event.facts {
        Facts::ContactVerification {
            event: told,
            trigger,
        } => {
            asks.happenings
                .push(happening(told, trigger.as_ref(), environment, reading));
            about(told, environment, ask);
        }
        Facts::ResellerEvent(told) => {
            asks.happenings
                .push(happening(told, None, environment, reading));
            about(told, environment, ask);
        }
        Facts::ResellerDomains { domains, .. } => {
            let owners = domains.iter().filter_map(|shown| shown.owner.clone());
            asks.contacts
                .extend(owners.map(|handle| (environment, handle)));
            ask.domains.extend(domains.iter().map(|shown| DomainKey {
                environment,
                domain: shown.domain.clone(),
            }));
        }
        Facts::ResellerContact(contact) => {
            asks.contacts.push((environment, contact.handle.clone()));
        }
        _ => {}
    }
}

fn about(told: &ResellerEvent, environment: Environment, ask: &mut Ask) {
    match &told.object {
        Some(ResellerObject::Contact(handle)) => {
            ask.reseller.contacts.push((environment, handle.clone()));
        }
        Some(ResellerObject::Address(address)) => {
            let address = address.to_lowercase();
            ask.reseller.addresses.push((environment, address));
        }
        _ => {}
    }
}

/// What an event tells, without its secret.
fn happening(
    told: &ResellerEvent,
    trigger: Option<&TriggerCode>,
    environment: Environment,
    reading: &Reading,
) -> Happening {
    let job = told.data.iter().find(|(key, _)| key == "jobid");
    Happening {
        environment,
        class: told.class.clone(),
        subclass: told.subclass.clone(),
        object: (told.object.as_ref())
            .map_or("", ResellerObject::as_str)
            .to_lowercase(),
        reference: match (trigger, job) {
            (Some(trigger), _) => sha256_hex(trigger.expose().as_bytes()),
            (None, Some((_, job))) => job.clone(),
            (None, None) => String::new(),
        },
        at: reading.registry_time,
    }
}

impl Deciding<'_> {
    /// Acts upon what the reseller says.
    pub(super) fn of_reseller(
        &mut self,
        event: &RegistryEvent,
        environment: Environment,
        reading: &Reading,
        at: Timestamp,
    ) {
        let asked = reading
            .command
            .and_then(|id| self.world.reseller.commands.get(&id).cloned());
        match &event.facts {
            Facts::ContactVerification {
                event: told,
                trigger,
            } => {
                let told_now = happening(told, trigger.as_ref(), environment, reading);
                if self.is_new(told_now) {
                    self.confirmation_asked(told, environment);
                }
            }
            Facts::ResellerEvent(told) => self.event_told(told, environment, reading, at),
            Facts::ResellerDomains { domains, is_whole } => {
                let is_suspended =
                    (reading.asked.as_ref()).is_some_and(|asked| asked.contains("SHOWSUSPENDED"));
                for shown in domains {
                    self.shown(shown, *is_whole, environment, at);
                    if is_suspended {
                        self.listed_as_suspended(shown, environment);
                    }
                }
            }
            Facts::ResellerContact(contact) => {
                self.contact_shown(contact, environment, at);
                if let Some(asked) = asked {
                    self.contact_answered(contact, &asked.command, environment, at);
                }
            }
            Facts::ResellerAnswer { code, description } => {
                let text = format!("the reseller answers {code} {description}");
                self.change.decision.trace.push(text);
                if let Some(asked) = asked {
                    self.command_answered(*code, asked, environment, at);
                }
            }
            _ => {}
        }
    }

    fn event_told(
        &mut self,
        told: &ResellerEvent,
        environment: Environment,
        reading: &Reading,
        at: Timestamp,
    ) {
        if self.is_new(happening(told, None, environment, reading)) {
            self.reseller_event(told, environment, at);
            self.deadline_in_event(told, environment, reading.is_deadline_lost);
        }
    }

    /// Does it tell anything that no other message has told in another form?
    fn is_new(&mut self, told: Happening) -> bool {
        let id = self.id;
        let before = (self.world.reseller.happened.iter())
            .find(|(other, message)| *message != id && told.is_told_by(other))
            .map(|(_, message)| *message);
        if let Some(before) = before {
            let text = format!("message {before} told the same in another form");
            self.note(Reason::new(reason::SAME_HAPPENING, text));
            return false;
        }
        self.world.reseller.happened.push((told.clone(), id));
        self.change.reseller.happening = Some(told);
        true
    }

    /// Keeps the code of a request for confirmation, whichever form brought it.
    pub(super) fn carry_code(
        &mut self,
        told: &ResellerEvent,
        code: &TriggerCode,
        environment: Environment,
    ) {
        let handle = match &told.object {
            Some(ResellerObject::Contact(handle)) => Some(handle.clone()),
            _ => None,
        };
        let address = match &told.object {
            Some(ResellerObject::Address(address)) => Some(address.to_lowercase()),
            Some(ResellerObject::Contact(handle)) => (self.world.reseller.owners)
                .get(&(environment, handle.clone()))
                .and_then(|owner| owner.address.clone()),
            _ => None,
        };
        self.change.reseller.code = Some(SeenCode {
            environment,
            code: code.clone(),
            handle,
            address,
            at: self.now,
        });
    }

    /// An address is to be confirmed: what is known of the contact and its domains is read anew.
    fn confirmation_asked(&mut self, told: &ResellerEvent, environment: Environment) {
        self.change.decision.verdict = MessageVerdict::Applied;
        let handles = self.handles_of(told.object.as_ref(), environment);
        let domains = self.domains_of(&handles, environment);
        self.change.decision.trace.push(format!(
            "an address is to be confirmed; it concerns {} domains here",
            domains.len()
        ));
        for contact in handles {
            self.command(environment, ResellerCommand::StatusContact { contact });
        }
        let named = told
            .domain
            .clone()
            .filter(|named| domains.iter().all(|key| key.domain != *named));
        let domains = domains.into_iter().map(|key| key.domain);
        for domain in domains.chain(named) {
            self.command(environment, ResellerCommand::StatusDomain { domain });
        }
    }

    /// The contacts that an object stands for.
    fn handles_of(
        &self,
        object: Option<&ResellerObject>,
        environment: Environment,
    ) -> BTreeSet<ResellerHandle> {
        match object {
            Some(ResellerObject::Contact(handle)) => BTreeSet::from([handle.clone()]),
            Some(ResellerObject::Address(address)) => self.handles_at(address, environment),
            _ => BTreeSet::new(),
        }
    }

    /// The contacts with a mail address.
    fn handles_at(&self, address: &str, environment: Environment) -> BTreeSet<ResellerHandle> {
        let address = address.to_lowercase();
        (self.world.reseller.owners.iter())
            .filter(|((of, _), owner)| {
                *of == environment && owner.address.as_deref() == Some(address.as_str())
            })
            .map(|((_, handle), _)| handle.clone())
            .collect()
    }

    /// The domains that contacts own.
    fn domains_of(
        &self,
        handles: &BTreeSet<ResellerHandle>,
        environment: Environment,
    ) -> Vec<DomainKey> {
        (self.world.domains.iter())
            .filter(|(key, known)| {
                let owner = known.record.facts.reseller.owner.as_ref();
                key.environment == environment
                    && known.record.ended().is_none()
                    && owner.is_some_and(|owner| handles.contains(&owner.handle))
            })
            .map(|(key, _)| key.clone())
            .collect()
    }

    fn command(&mut self, environment: Environment, command: ResellerCommand) {
        let commands = &mut self.change.reseller.commands;
        if !commands
            .iter()
            .any(|(of, known)| *of == environment && *known == command)
        {
            commands.push((environment, command));
        }
    }

    /// An event about a domain, or one that nobody knows (`centralnic.md` 6.4).
    fn reseller_event(&mut self, told: &ResellerEvent, environment: Environment, at: Timestamp) {
        let is_known = ["CONTACT_", "DOMAIN_"]
            .iter()
            .any(|kind| told.class.starts_with(kind));
        if told.class.starts_with("CONTACT_") {
            self.contact_event(told, environment);
            return;
        }
        let (Some(domain), true) = (&told.domain, is_known) else {
            let text = format!("{} {} names no domain here", told.class, told.subclass);
            self.hold(Reason::new(reason::NOT_ACTED_ON, text));
            return;
        };
        let key = DomainKey {
            environment,
            domain: domain.clone(),
        };
        let update = update_of(told);
        let is_over = matches!(update, Update::Gone(_));
        self.one_domain(&key, &update, at);
        if self.change.decision.verdict != MessageVerdict::Held && !is_over {
            let domain = domain.clone();
            self.command(environment, ResellerCommand::StatusDomain { domain });
        }
    }

    /// No event is documented to carry a deadline, so none is read from it: until the domain's state is
    /// read, nobody watches it.
    fn deadline_in_event(&mut self, told: &ResellerEvent, environment: Environment, is_lost: bool) {
        if let (Some(domain), true) = (&told.domain, is_lost) {
            let key = DomainKey {
                environment,
                domain: domain.clone(),
            };
            let text = format!(
                "message {} shows a deadline of {domain}, which is read with its state",
                self.id
            );
            self.alarm(
                unread_deadline(&key),
                reason::NOT_ACTED_ON,
                Some(&key),
                text,
            );
        }
    }

    /// A contact was changed or removed (CV-31): its domains, and what is known of it, are read anew.
    fn contact_event(&mut self, told: &ResellerEvent, environment: Environment) {
        self.change.decision.verdict = MessageVerdict::Applied;
        let handles = self.handles_of(told.object.as_ref(), environment);
        let domains = self.domains_of(&handles, environment);
        let text = format!(
            "{} {}: {} domains here",
            told.class,
            told.subclass,
            domains.len()
        );
        self.change.decision.trace.push(text);
        if told.class != "CONTACT_DELETION" {
            for contact in handles {
                self.command(environment, ResellerCommand::StatusContact { contact });
            }
        }
        for key in domains {
            self.command(
                environment,
                ResellerCommand::StatusDomain { domain: key.domain },
            );
        }
    }

    /// The system shows a domain.
    fn shown(
        &mut self,
        shown: &ResellerDomain,
        is_whole: bool,
        environment: Environment,
        at: Timestamp,
    ) {
        let key = DomainKey {
            environment,
            domain: shown.domain.clone(),
        };
        if !self.world.domains.contains_key(&key) && !self.rules.creates_unknown {
            self.not_here(&key, shown.suspension_at);
            return;
        }
        if is_whole {
            self.change.clears.push(unread_deadline(&key));
        }
        let update = ResellerUpdate::shown(shown, is_whole, &self.rules.interrupt, at);
        self.one_domain(&key, &Update::Reseller(update), at);
        self.follow_up(&key, shown, is_whole);
    }

    /// A list of suspended domains names it. Where its own state does not show that, the name servers
    /// that say so are not known here (CV-24), and it must not be taken for free.
    fn listed_as_suspended(&mut self, shown: &ResellerDomain, environment: Environment) {
        let key = DomainKey {
            environment,
            domain: shown.domain.clone(),
        };
        let Some(known) = self.world.domains.get(&key) else {
            return;
        };
        let facts = &known.record.facts.reseller;
        let alarm = format!("reseller:{environment}:{}:parked", key.domain.ace());
        if facts.is_suspended() {
            self.change.clears.push(alarm);
            return;
        }
        let is_fresh = (facts.state.as_ref())
            .is_some_and(|state| self.now.duration_since(state.at) < reseller::RELEASE_MAX);
        if is_fresh {
            let text = format!(
                "{} is listed as suspended, and its state does not show it: its name servers are not \
                 among `verify_site.interrupt_nameservers`",
                key.domain
            );
            self.note(Reason::new(reason::PARKED_UNKNOWN, text.clone()));
            self.alarm(alarm, reason::PARKED_UNKNOWN, Some(&key), text);
        } else {
            let domain = key.domain;
            self.command(environment, ResellerCommand::StatusDomain { domain });
        }
    }

    /// The system names a domain that we do not have: nobody would be told.
    fn not_here(&mut self, key: &DomainKey, suspension_at: Option<Timestamp>) {
        let text = match suspension_at {
            Some(at) => format!(
                "{} is suspended at {at}, and is not in the database",
                key.domain
            ),
            None => format!("{} is not in the database", key.domain),
        };
        self.note(Reason::new(reason::NOT_OURS_THERE, text.clone()));
        let alarm = format!("reseller:{}:{}", key.environment, key.domain.ace());
        self.alarm(alarm, reason::NOT_OURS_THERE, Some(key), text);
    }

    /// What is asked next because of what was shown.
    fn follow_up(&mut self, key: &DomainKey, shown: &ResellerDomain, is_whole: bool) {
        let Some(known) = self.world.domains.get(key) else {
            return;
        };
        let environment = key.environment;
        let facts = known.record.facts.reseller.clone();
        let is_asked = facts.clock(self.now) != ResellerClock::Clear;
        let owner = facts.owner.as_ref().filter(|_| is_asked);
        let is_owner_unread =
            owner.is_some_and(|owner| owner.address.is_none() || owner.is_verified.is_none());
        if let (Some(owner), true) = (owner, is_owner_unread) {
            let contact = owner.handle.clone();
            self.command(environment, ResellerCommand::StatusContact { contact });
        } else if let Some(owner) =
            owner.filter(|_| is_whole && matches!(facts.clock(self.now), ResellerClock::Suspended))
        {
            // It may have been confirmed at the reseller's own page.
            let contact = owner.handle.clone();
            self.command(environment, ResellerCommand::StatusContact { contact });
        }
        let is_state_unread = facts.state.is_none()
            || !facts.is_suspended() && shown.suspension_at.is_some_and(|at| at <= self.now);
        if !is_whole && is_state_unread {
            let domain = shown.domain.clone();
            self.command(environment, ResellerCommand::StatusDomain { domain });
        }
        if is_whole {
            self.release(key, &facts);
        }
    }

    /// A confirmed domain that does not come back by itself is freed (CV-12, CV-13).
    fn release(&mut self, key: &DomainKey, facts: &crate::model::ResellerFacts) {
        let of_release = format!("domain:{}:{}:release", key.environment, key.domain.ace());
        if !facts.is_suspended() {
            self.change.clears.push(of_release);
            return;
        }
        if !reseller::wants_release(facts, self.now) {
            return;
        }
        if facts.release_at.is_some() {
            let text = format!("{} is confirmed, and still off the net", key.domain);
            self.note(Reason::new(reason::NOT_RELEASED, text.clone()));
            self.alarm(of_release, reason::NOT_RELEASED, Some(key), text);
        }
        self.apply(key, &Update::Reseller(ResellerUpdate::Released), self.now);
        let domain = key.domain.clone();
        self.command(key.environment, ResellerCommand::ReleaseDomain { domain });
    }

    /// The system shows a contact: it concerns every domain that it owns.
    fn contact_shown(&mut self, shown: &ResellerContact, environment: Environment, at: Timestamp) {
        let fact = ResellerOwner {
            at,
            handle: shown.handle.clone(),
            address: shown.address.as_ref().map(|address| address.to_lowercase()),
            is_validated: shown.is_validated,
            is_verified: shown.is_verified,
            verified_since: (shown.is_verified == Some(true)).then_some(at),
        };
        self.know_owner(fact, environment, at);
    }

    fn know_owner(&mut self, fact: ResellerOwner, environment: Environment, at: Timestamp) {
        let place = (environment, fact.handle.clone());
        let owner = match self.world.reseller.owners.get(&place) {
            Some(known) => {
                let mut known = known.clone();
                reseller::known_better(&mut known, &fact);
                known
            }
            None => fact.clone(),
        };
        self.world.reseller.owners.insert(place, owner.clone());
        self.change.reseller.owners.push((environment, owner));
        let handles = BTreeSet::from([fact.handle.clone()]);
        for key in self.domains_of(&handles, environment) {
            self.apply(
                &key,
                &Update::Reseller(ResellerUpdate::Owner(fact.clone())),
                at,
            );
            let known = self.world.domains.get(&key);
            let facts = known.map(|known| known.record.facts.reseller.clone());
            if let Some(facts) = facts.filter(|facts| facts.clock(self.now) != ResellerClock::Clear)
            {
                // What follows from it is decided by the state of the domain.
                let is_new = facts.is_verified() || facts.state.is_none();
                let domain = key.domain.clone();
                if is_new && !reseller::wants_release(&facts, self.now) {
                    self.command(environment, ResellerCommand::StatusDomain { domain });
                }
            }
        }
    }

    /// A command that shows nothing was answered.
    fn command_answered(
        &mut self,
        code: u16,
        asked: AskedCommand,
        environment: Environment,
        at: Timestamp,
    ) {
        let is_done = (200..300).contains(&code);
        match asked.command {
            ResellerCommand::ActivateContact { code: row } if is_done => {
                self.confirmed(row, asked.handle, asked.address, environment, at);
            }
            ResellerCommand::ReleaseDomain { domain }
            | ResellerCommand::ChangeOwner { domain, .. }
                if is_done =>
            {
                self.change.decision.verdict = MessageVerdict::Applied;
                self.command(environment, ResellerCommand::StatusDomain { domain });
            }
            ResellerCommand::CloneContact {
                for_domain: Some(domain),
                ..
            } if is_done => self.copy_unnamed(domain, environment),
            ResellerCommand::StatusDomain { domain } if code == NOT_FOUND => {
                self.unknown_there(domain, environment);
            }
            _ => {}
        }
    }

    /// An address is confirmed: with it every contact that has it, if its form is right (CV-09).
    fn confirmed(
        &mut self,
        row: i64,
        handle: Option<ResellerHandle>,
        address: Option<String>,
        environment: Environment,
        at: Timestamp,
    ) {
        self.change.decision.verdict = MessageVerdict::Applied;
        self.change.reseller.confirmed = Some(row);
        // What is confirmed is an address: a contact that has another one by now is not (CV-09).
        let handles: BTreeSet<ResellerHandle> = match address {
            Some(address) => self.handles_at(&address, environment),
            None => handle.into_iter().collect(),
        };
        self.change
            .decision
            .trace
            .push(format!("confirmed, for {} contacts", handles.len()));
        for contact in handles {
            let place = (environment, contact.clone());
            let known = self.world.reseller.owners.get(&place);
            if known.is_none_or(|known| known.is_validated != Some(false)) {
                let mut fact = ResellerOwner::new(contact.clone(), at);
                fact.is_verified = Some(true);
                fact.verified_since = Some(at);
                self.know_owner(fact, environment, at);
            }
            // What the system makes of it counts.
            self.command(environment, ResellerCommand::StatusContact { contact });
        }
    }

    fn unknown_there(&mut self, domain: DomainName, environment: Environment) {
        let key = DomainKey {
            environment,
            domain,
        };
        let text = format!("the reseller does not know {}", key.domain);
        if self.world.domains.contains_key(&key) {
            self.note(Reason::new(reason::UNKNOWN_THERE, text.clone()));
            let alarm = format!(
                "domain:{environment}:{}:{}",
                key.domain.ace(),
                reason::UNKNOWN_THERE
            );
            self.alarm(alarm, reason::UNKNOWN_THERE, Some(&key), text);
        }
    }
}

fn unread_deadline(key: &DomainKey) -> String {
    format!("reseller:{}:{}:deadline", key.environment, key.domain.ace())
}

/// What an event means for the domain that it names. `SUCCESS` without `FUL` is documented too.
fn update_of(told: &ResellerEvent) -> Update {
    let is_done = |event: &str| {
        [format!("{event}_SUCCESSFUL"), format!("{event}_SUCCESS")].contains(&told.subclass)
    };
    match told.class.as_str() {
        "DOMAIN_REGISTRATION" if is_done("REGISTRATION") => Update::Reseller(ResellerUpdate::Begun),
        "DOMAIN_TRANSFER" if is_done("FOREIGN_TRANSFER") => Update::Gone(Gone::Moved),
        "DOMAIN_TRANSFER" if is_done("TRANSFER") => Update::Reseller(ResellerUpdate::Begun),
        "DOMAIN_DELETION" if is_done("DELETION") => Update::Gone(Gone::Deleted),
        _ => Update::Note(format!("{} {}", told.class, told.subclass)),
    }
}

/// Is it the state of something at one moment? Then the same words at another moment are news.
pub fn is_state(event: &RegistryEvent) -> bool {
    let is_event = matches!(
        event.facts,
        Facts::ResellerEvent(_) | Facts::ContactVerification { .. }
    );
    event.source == Source::CentralnicApi && !is_event
}
