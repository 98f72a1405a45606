//! Domains and their clocks (`centralnic.md` 9, 10, 13).

use jiff::{SignedDuration, Timestamp};

use super::answer::{Answer, Asked, flag, instant};
use super::book::Book;
use crate::model::DomainName;

/// From creation or transfer to suspension (CV-01, CV-02).
pub(super) const CLOCK: SignedDuration = SignedDuration::from_hours(15 * 24);

/// The system frees a domain by itself within so long (CV-13).
const FREED_WITHIN: SignedDuration = SignedDuration::from_mins(30);

/// How domains are suspended (CV-24).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SuspendBy {
    /// By other name servers, as since 2018.
    NameServers,
    /// By the status `clientHold`, as before.
    ClientHold,
}

/// What the .de registry wants of a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryCheck {
    /// It leaves the zone then; `None`: it has.
    pub dedelegation_at: Option<Timestamp>,
    /// It is deleted then.
    pub deletion_at: Timestamp,
}

/// A domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// The handle of its owner.
    pub owner: String,
    /// When it was registered.
    pub created_at: Timestamp,
    /// Its clock; `None`: none runs.
    pub suspension_at: Option<Timestamp>,
    /// It is suspended.
    pub is_suspended: bool,
    /// The system frees it then.
    pub freed_at: Option<Timestamp>,
    /// The name servers of its owner.
    pub nameservers: Vec<String>,
    /// Holds that somebody set.
    pub statuses: Vec<String>,
    /// What the .de registry wants.
    pub check: Option<RegistryCheck>,
}

impl Domain {
    /// Time alone does nothing to it.
    fn is_quiet(&self) -> bool {
        let is_timed = self.suspension_at.is_some() || self.freed_at.is_some();
        !is_timed && !self.is_suspended && self.check.is_none()
    }
}

impl Book {
    pub(super) fn add_domain(&mut self, asked: &Asked, now: Timestamp) -> Answer {
        let name = asked.field("domain").unwrap_or_default().to_lowercase();
        let owner = asked.field("ownercontact0").unwrap_or_default().to_owned();
        let Some(contact) = self.contacts.get(&owner).cloned() else {
            return Answer::new(545, "Entity reference not found; ownercontact0");
        };
        if self.domains.contains_key(&name) {
            return Answer::new(554, "Domain already registered");
        }
        // CV-05; the code is not documented.
        if !contact.is_validated() {
            return Answer::new(549, "Command failed; Could not create registryContact");
        }
        let servers = asked.numbered("nameserver");
        let servers = servers.into_iter().map(str::to_lowercase).collect();
        self.enter(&name, &owner, servers, now);
        let data = vec![("domain", name.clone())];
        let kind = ("DOMAIN_REGISTRATION", "REGISTRATION_SUCCESSFUL");
        self.happen(now, kind, &name, data, None);
        self.start_clock(&name, now);
        let mut answer = Answer::done()
            .with("domain", &name)
            .with("status", "ACTIVE")
            .with("created date", &format!("{}.0", instant(now)));
        self.put_deadline(&mut answer, &name);
        answer
    }

    /// A domain comes from elsewhere; its clock begins with that (CV-02, CV-27).
    pub fn transfer_in(
        &mut self,
        domain: &str,
        owner: &str,
        created_at: Timestamp,
        now: Timestamp,
    ) {
        let servers = vec![
            "ns1.hosting.example".to_owned(),
            "ns2.hosting.example".to_owned(),
        ];
        self.enter(domain, owner, servers, created_at);
        let data = vec![("domain", domain.to_owned())];
        let kind = ("DOMAIN_TRANSFER", "TRANSFER_SUCCESSFUL");
        self.happen(now, kind, domain, data, None);
        self.start_clock(domain, now);
    }

    /// The .de registry wants the owner of a domain verified.
    pub fn require(&mut self, domain: &str, check: RegistryCheck, now: Timestamp) {
        if let Some(known) = self.domains.get_mut(domain) {
            known.check = Some(check);
            self.restless.insert(domain.to_owned());
            let data = vec![("domain", domain.to_owned())];
            let kind = ("DOMAIN_REGISTRATION", "REGISTRATION_NOTIFY");
            self.happen(now, kind, domain, data, None);
        }
    }

    fn enter(&mut self, name: &str, owner: &str, nameservers: Vec<String>, created_at: Timestamp) {
        let domain = Domain {
            owner: owner.to_owned(),
            created_at,
            suspension_at: None,
            is_suspended: false,
            freed_at: None,
            nameservers,
            statuses: Vec::new(),
            check: None,
        };
        self.domains.insert(name.to_owned(), domain);
    }

    /// A clock, unless one runs (CV-11), the owner is verified (CV-08), or it is none of ICANN's; and
    /// one mail for the address.
    fn start_clock(&mut self, name: &str, from: Timestamp) {
        let Some(domain) = self.domains.get(name) else {
            return;
        };
        let owner = domain.owner.clone();
        let contact = self.contacts.get(&owner).cloned().unwrap_or_default();
        if self.is_verified(&contact) || is_de(name) {
            return;
        }
        let address = contact.address();
        let is_asked = (self.addresses.get(&address)).is_some_and(|address| address.is_requested);
        if !is_asked {
            self.request(&owner, &address, from);
        }
        if let Some(domain) = self.domains.get_mut(name) {
            domain.suspension_at.get_or_insert(from + CLOCK);
            self.restless.insert(name.to_owned());
        }
    }

    pub(super) fn modify_domain(&mut self, asked: &Asked, now: Timestamp) -> Answer {
        let name = asked.field("domain").unwrap_or_default().to_lowercase();
        let Some(before) = self.domains.get(&name).cloned() else {
            return Answer::new(545, "Entity reference not found");
        };
        let mut domain = before.clone();
        let is_hold = |status: &&str| status.eq_ignore_ascii_case("clientHold");
        let frees = asked.numbered("delstatus").iter().any(is_hold);
        let holds = asked.numbered("addstatus").iter().any(is_hold);
        let owner = asked.field("ownercontact0").unwrap_or(&before.owner);
        let Some(contact) = self.contacts.get(owner).cloned() else {
            return Answer::new(545, "Entity reference not found; ownercontact0");
        };
        if !contact.is_validated() {
            return Answer::new(549, "Command failed; Could not create registryContact");
        }
        // CV-12, CV-23.
        if before.is_suspended && (holds || frees && !self.is_verified(&contact)) {
            return Answer::new(552, "Domain status does not allow for operation");
        }
        if frees {
            domain.statuses.retain(|status| !is_hold(&status.as_str()));
            domain.is_suspended = false;
            domain.freed_at = None;
        } else if holds && !domain.statuses.iter().any(|it| is_hold(&it.as_str())) {
            domain.statuses.push("clientHold".to_owned());
        }
        let servers = asked.numbered("nameserver");
        if !servers.is_empty() {
            domain.nameservers = servers.into_iter().map(str::to_lowercase).collect();
        }
        domain.owner = owner.to_owned();
        if self.is_verified(&contact) {
            domain.suspension_at = None;
            if domain.is_suspended {
                domain.freed_at = domain.freed_at.or(Some(now + FREED_WITHIN));
            }
        }
        // Sent to the registry in real time (section 13).
        if is_de(&name) && domain.owner != before.owner && contact.is_proven() {
            domain.check = None;
        }
        let is_freed = before.is_suspended && !domain.is_suspended;
        self.domains.insert(name.clone(), domain);
        if is_freed {
            self.tell_of(&name, "Domain released from suspension", now);
        }
        self.start_clock(&name, now);
        let mut answer = Answer::done();
        self.put_deadline(&mut answer, &name);
        answer
    }

    pub(super) fn status_domain(&self, asked: &Asked) -> Answer {
        let name = asked.field("domain").unwrap_or_default().to_lowercase();
        let Some(domain) = self.domains.get(&name) else {
            return Answer::new(545, "Entity reference not found");
        };
        let mut answer = Answer::done().with("domain", &name);
        if let Ok(known) = name.parse::<DomainName>()
            && known.unicode() != name
        {
            answer.put("domain idn", 0, known.unicode());
        }
        for (index, status) in self.statuses(domain).iter().enumerate() {
            answer.put("status", index, status);
        }
        answer.put("ownercontact", 0, &domain.owner);
        for (index, server) in self.servers(domain).iter().enumerate() {
            answer.put("nameserver", index, server);
        }
        let created = format!("{}.0", instant(domain.created_at));
        answer.put("created date", 0, &created);
        self.put_deadline(&mut answer, &name);
        if let Some(check) = &domain.check {
            let de = |at: Timestamp| at.strftime("%Y-%m-%dT%H:%M:%S").to_string();
            if let Some(at) = check.dedelegation_at {
                answer.put("x-de-verificationdeadlinebeforededelegation", 0, &de(at));
            }
            let deletion = de(check.deletion_at);
            answer.put("x-de-verificationdeadlinebeforedeletion", 0, &deletion);
        }
        answer
    }

    fn put_deadline(&self, answer: &mut Answer, name: &str) {
        let deadline = self.domains.get(name).and_then(|it| it.suspension_at);
        if let Some(at) = deadline {
            answer.put("x-time-to-suspension", 0, &format!("{}.0", instant(at)));
        }
    }

    fn statuses(&self, domain: &Domain) -> Vec<String> {
        let mut found = domain.statuses.clone();
        if domain.is_suspended && self.suspends_by == SuspendBy::ClientHold {
            found.push("clientHold".to_owned());
        }
        let is_out = domain
            .check
            .as_ref()
            .is_some_and(|it| it.dedelegation_at.is_none());
        found.push(if is_out { "serverHold" } else { "ACTIVE" }.to_owned());
        found
    }

    fn servers(&self, domain: &Domain) -> Vec<String> {
        match domain.is_suspended && self.suspends_by == SuspendBy::NameServers {
            true => self.interrupt_servers(),
            false => domain.nameservers.clone(),
        }
    }

    pub(super) fn owns_domain(&self, handle: &str) -> bool {
        self.domains.values().any(|domain| domain.owner == handle)
    }

    pub(super) fn is_in_verification(&self, handle: &str) -> bool {
        let runs = |domain: &Domain| domain.suspension_at.is_some() || domain.is_suspended;
        (self.domains.values()).any(|domain| domain.owner == handle && runs(domain))
    }

    fn owner_is_verified(&self, domain: &Domain) -> bool {
        let owner = self.contacts.get(&domain.owner);
        owner.is_some_and(|owner| self.is_verified(owner))
    }

    /// Contacts may have become verified: clocks end, and suspended domains are freed in a while
    /// (CV-13). That the deadline goes from the answers then is not documented.
    pub(super) fn settle_clocks(&mut self, now: Timestamp) {
        for name in self.restless.clone() {
            let is_verified = self
                .domains
                .get(&name)
                .is_some_and(|it| self.owner_is_verified(it));
            if let Some(domain) = self.domains.get_mut(&name).filter(|_| is_verified) {
                domain.suspension_at = None;
                if domain.is_suspended && domain.freed_at.is_none() {
                    domain.freed_at = Some(now + FREED_WITHIN);
                }
            }
        }
    }

    /// What time alone does to domains.
    pub(super) fn advance_domains(&mut self, now: Timestamp) {
        for name in self.restless.clone() {
            let Some(mut domain) = self.domains.get(&name).cloned() else {
                continue;
            };
            if let Some(at) = domain
                .suspension_at
                .filter(|at| *at <= now && !domain.is_suspended)
            {
                domain.is_suspended = true;
                self.tell_of(&name, "Domain suspended, owner not verified", at);
            }
            if let Some(at) = domain.freed_at.filter(|at| *at <= now) {
                domain.is_suspended = false;
                domain.freed_at = None;
                self.tell_of(&name, "Domain released from suspension", at);
            }
            if let Some(check) = &mut domain.check {
                if check.deletion_at <= now {
                    let data = vec![("domain", name.clone())];
                    let kind = ("DOMAIN_DELETION", "DELETION_SUCCESSFUL");
                    self.happen(check.deletion_at, kind, &name, data, None);
                    self.domains.remove(&name);
                    self.restless.remove(&name);
                    continue;
                }
                if let Some(at) = check.dedelegation_at.filter(|at| *at <= now) {
                    check.dedelegation_at = None;
                    self.tell_of(&name, "Status set to serverHold by the registry", at);
                }
            }
            if domain.is_quiet() {
                self.restless.remove(&name);
            }
            self.domains.insert(name, domain);
        }
    }

    /// The hourly push of results to the .de registry.
    pub(super) fn push_proofs(&mut self) {
        for (handle, contact) in &mut self.contacts {
            if contact.is_pushed || contact.proofs.is_empty() {
                continue;
            }
            contact.is_pushed = true;
            if !contact.is_proven() {
                continue;
            }
            for (name, domain) in &mut self.domains {
                if domain.owner == *handle && is_de(name) {
                    domain.check = None;
                }
            }
        }
    }

    fn tell_of(&mut self, name: &str, why: &str, at: Timestamp) {
        let data = vec![("domain", name.to_owned())];
        let kind = ("DOMAIN_MODIFICATION", "MODIFICATION_NOTIFY");
        self.happen(at, kind, name, data, Some(why.to_owned()));
    }

    /// Rows of `QueryDomainList`.
    pub(super) fn domain_rows(&self, kind: &str) -> Vec<Vec<(&'static str, String)>> {
        let wanted = |domain: &Domain| match kind {
            "SHOWSUSPENDED" => domain.is_suspended,
            "SHOWUNVERIFIED" => domain.suspension_at.is_some(),
            "SHOWUNVALIDATED" => {
                let owner = self.contacts.get(&domain.owner);
                owner.is_some_and(|owner| !owner.is_validated())
            }
            _ => true,
        };
        let row = |(name, domain): (&String, &Domain)| {
            let mut row = vec![
                ("domain", name.clone()),
                ("contact", domain.owner.clone()),
                ("verified", flag(self.owner_is_verified(domain)).to_owned()),
            ];
            if let Some(at) = domain.suspension_at {
                row.push(("x-time-to-suspension", instant(at)));
            }
            row
        };
        let rows = self.domains.iter().filter(|(_, domain)| wanted(domain));
        rows.map(row).collect()
    }
}

fn is_de(name: &str) -> bool {
    name.ends_with(".de")
}
