//! The risk assessment, and what time brings (`denic.md` 5.2 to 5.4).

use jiff::Timestamp;

use super::asked::all;
use super::book::{Book, Contact, Domain, WARNING_BEFORE};
use super::line::{Line, code};
use super::message::Kind;
use crate::model::{Claim, DomainName, Handle, RegistryStatus};
use crate::simulate::queue::QueueContact;

/// What the registry makes of a domain's holders.
enum Verdict {
    /// A verification failed.
    Hold,
    /// All holders are verified, or nobody asks.
    Connect,
    /// It has not made up its mind.
    Pending,
    /// They must be verified.
    Ask,
    /// What was asked for is still open.
    Unchanged,
}

/// What the test system does on a word in a name or an address (`denic.md` 1.1).
fn mock(text: &str) -> Option<Verdict> {
    let text = text.to_ascii_lowercase();
    [
        ("nispendingcreate", Verdict::Pending),
        ("nisconnect", Verdict::Connect),
        ("nisverificationrequired", Verdict::Ask),
    ]
    .into_iter()
    .find_map(|(word, verdict)| text.contains(word).then_some(verdict))
}

/// What comes next for a domain, by itself.
enum Event {
    Dedelegation,
    Deletion,
    ExpireWarning,
    Expire,
    EndOfRedemption,
    EndOfAuthInfo,
}

impl Domain {
    fn next(&self, is_warned_before: bool) -> Option<(Timestamp, Event)> {
        let is_registered = matches!(
            self.status,
            RegistryStatus::Connect | RegistryStatus::PendingCreate | RegistryStatus::ServerHold
        );
        let secrets = [&self.auth_info1, &self.auth_info2].into_iter().flatten();
        let mut events: Vec<(Timestamp, Event)> = secrets
            .map(|secret| (secret.ends_at, Event::EndOfAuthInfo))
            .collect();
        if is_registered {
            events.extend(self.dedelegation_at.map(|at| (at, Event::Dedelegation)));
            events.extend(self.deletion_at.map(|at| (at, Event::Deletion)));
        }
        match (&self.status, self.ends_at) {
            (RegistryStatus::Failed, Some(at)) => {
                if is_warned_before && !self.is_warned {
                    events.push((at - WARNING_BEFORE, Event::ExpireWarning));
                }
                events.push((at, Event::Expire));
            }
            (RegistryStatus::RedemptionPeriod, Some(at)) => {
                events.push((at, Event::EndOfRedemption));
            }
            _ => {}
        }
        events.into_iter().min_by_key(|(at, _)| *at)
    }
}

impl Book {
    /// Assesses a domain after a request, and tells its account. The lines belong into the reply.
    ///
    /// The order is that of the mocks: the result of a verification, then the address of a holder
    /// who is not verified, then the name of the domain. Without any of them nobody asks.
    pub(super) fn assess(&mut self, name: &DomainName, now: Timestamp) -> Vec<Line> {
        let Some(domain) = self.domains.get(name) else {
            return Vec::new();
        };
        // A domain that is not connected waits (`denic.md` 5.2).
        if matches!(
            domain.status,
            RegistryStatus::Failed | RegistryStatus::RedemptionPeriod
        ) {
            return Vec::new();
        }
        let holders = domain.fields.holders.iter();
        let holders: Vec<&Contact> = holders
            .filter_map(|handle| self.contacts.get(handle))
            .collect();
        let (verdict, claims) = (verdict(name, domain, &holders), open_claims(&holders));
        let unverified = holders.iter().filter(|contact| !contact.is_verified());
        let unverified: Vec<Handle> = unverified.map(|contact| contact.handle.clone()).collect();
        let (dedelegation_at, deletion_at) = (
            now + self.rules.dedelegation_after,
            now + self.rules.dedelegation_after + self.rules.deletion_after,
        );
        let hold_ends_at = now + self.rules.deletion_after;
        let Some(domain) = self.domains.get_mut(name) else {
            return Vec::new();
        };
        // Changed data must still be verified within the first period.
        let is_new = domain.deletion_at.is_none();
        match verdict {
            Verdict::Hold => {
                domain.status = RegistryStatus::ServerHold;
                domain.dedelegation_at = None;
                domain.deletion_at.get_or_insert(hold_ends_at);
                domain.claims = claims;
            }
            Verdict::Connect | Verdict::Pending => {
                domain.status = match verdict {
                    Verdict::Pending => RegistryStatus::PendingCreate,
                    _ => RegistryStatus::Connect,
                };
                domain.dedelegation_at = None;
                domain.deletion_at = None;
                domain.claims.clear();
            }
            Verdict::Ask if is_new => {
                domain.status = RegistryStatus::Connect;
                domain.dedelegation_at = Some(dedelegation_at);
                domain.deletion_at = Some(deletion_at);
                domain.claims = claims;
            }
            Verdict::Ask | Verdict::Unchanged => domain.claims = claims,
        }
        let (is_asked, owner) = (matches!(verdict, Verdict::Ask), domain.regacc.clone());
        self.schedule(name);
        if matches!(verdict, Verdict::Pending) {
            // A message of this type knows `connect` and `serverHold` alone.
            return vec![code::PENDING.line()];
        }
        self.tell_status(name, now);
        if is_asked && is_new {
            for handle in unverified {
                self.ask(&owner, &handle, now);
            }
        }
        Vec::new()
    }

    /// Every domain of a holder.
    pub(super) fn assess_domains_of(&mut self, handle: &Handle, now: Timestamp) {
        let held: Vec<DomainName> = self.held(handle).map(|(name, _)| name.clone()).collect();
        for name in held {
            self.assess(&name, now);
        }
    }

    fn held(&self, handle: &Handle) -> impl Iterator<Item = (&DomainName, &Domain)> {
        let domains = self.domains.iter();
        domains.filter(move |(_, domain)| domain.fields.holders.contains(handle))
    }

    /// A `contactVerificationRequired`, with the earliest deadlines of all domains of the contact.
    fn ask(&mut self, owner: &str, handle: &Handle, now: Timestamp) {
        let earliest = |at: fn(&Domain) -> Option<Timestamp>| {
            let due = self
                .held(handle)
                .filter_map(|(name, domain)| Some((name.clone(), at(domain)?)));
            due.min_by_key(|(_, at)| *at)
        };
        let (Some(earliest_dedelegation), Some(earliest_deletion)) = (
            earliest(|domain| domain.dedelegation_at),
            earliest(|domain| domain.deletion_at),
        ) else {
            return;
        };
        let Some(contact) = self.contacts.get(handle) else {
            return;
        };
        let asked = QueueContact {
            environment: self.rules.environment,
            at: now,
            contact: contact.handle.clone(),
            claims: contact.open_claims(),
            domain_count: u32::try_from(self.held(handle).count()).unwrap_or(u32::MAX),
            earliest_dedelegation,
            earliest_deletion,
        };
        self.tell(owner, Kind::ContactAsked(asked), now);
    }

    /// Notes when something happens next to a domain.
    pub(super) fn schedule(&mut self, name: &DomainName) {
        if let Some((at, _)) = self.next_of(name) {
            self.agenda.insert((at, name.clone()));
        }
    }

    fn next_of(&self, name: &DomainName) -> Option<(Timestamp, Event)> {
        let is_warned_before = self.rules.failed_for > WARNING_BEFORE;
        self.domains.get(name)?.next(is_warned_before)
    }

    /// When something happens next, by itself.
    pub fn next_due(&self) -> Option<Timestamp> {
        let is_so = |(at, name): &&(Timestamp, DomainName)| {
            self.next_of(name).is_some_and(|(next, _)| next == *at)
        };
        self.agenda.iter().find(is_so).map(|(at, _)| *at)
    }

    /// Lets happen what is due until `now`, each at its own instant; returns how much that was.
    ///
    /// A missed first deadline takes the domain out of the zone, a missed second one deletes it for
    /// good; `failed` and `redemptionPeriod` end, and AuthInfos too. How the registry tells of a
    /// deletion for lack of verification is not documented: it does not here.
    pub fn due(&mut self, now: Timestamp) -> usize {
        let mut count = 0;
        while let Some((at, name)) = self.agenda.first().cloned().filter(|(at, _)| *at <= now) {
            self.agenda.pop_first();
            // What was noted may have been overtaken by a request.
            let next = self.next_of(&name).filter(|(next, _)| *next <= at);
            if let Some((at, event)) = next {
                self.happen(&name, at, &event);
                count += 1;
            }
            self.schedule(&name);
        }
        count
    }

    fn happen(&mut self, name: &DomainName, at: Timestamp, event: &Event) {
        let Some(domain) = self.domains.get_mut(name) else {
            return;
        };
        let owner = domain.regacc.clone();
        match event {
            Event::Dedelegation => {
                domain.status = RegistryStatus::ServerHold;
                domain.dedelegation_at = None;
                domain.changed_at = at;
                self.tell_status(name, at);
            }
            Event::Deletion | Event::EndOfRedemption => {
                self.domains.remove(name);
            }
            Event::ExpireWarning => {
                domain.is_warned = true;
                let ends_at = domain.ends_at.unwrap_or(at);
                self.tell(&owner, Kind::ExpireWarning(name.clone(), ends_at), at);
            }
            Event::Expire => {
                self.domains.remove(name);
                self.tell(&owner, Kind::Expire(name.clone(), at), at);
            }
            Event::EndOfAuthInfo => {
                for secret in [&mut domain.auth_info1, &mut domain.auth_info2] {
                    secret.take_if(|secret| secret.ends_at <= at);
                }
                self.tell(&owner, Kind::AuthInfoExpire(name.clone(), at), at);
            }
        }
    }
}

fn verdict(name: &DomainName, domain: &Domain, holders: &[&Contact]) -> Verdict {
    if holders.iter().any(|contact| contact.has_failed()) {
        return Verdict::Hold;
    }
    let unverified = || holders.iter().filter(|contact| !contact.is_verified());
    if unverified().count() == 0 {
        return Verdict::Connect;
    }
    let by_address = unverified()
        .flat_map(|contact| all(&contact.fields, "Address"))
        .find_map(mock);
    // The labels as people read them: an IDN hides the word otherwise.
    match by_address.or_else(|| mock(name.unicode())) {
        Some(verdict) => verdict,
        None if domain.deletion_at.is_some() => Verdict::Unchanged,
        None => Verdict::Connect,
    }
}

/// What is to be proven of any holder.
fn open_claims(holders: &[&Contact]) -> Vec<Claim> {
    let mut claims: Vec<Claim> = Vec::new();
    for claim in holders.iter().flat_map(|contact| contact.open_claims()) {
        if !claims.contains(&claim) {
            claims.push(claim);
        }
    }
    // A proof that failed although name and address are proven was of the mail address.
    match claims.is_empty() {
        true => vec![Claim::Email],
        false => claims,
    }
}
