//! Requests about domains (`denic.md` 4.5, 5.2); those about secrets and providers are in
//! `providers.rs`.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::asked::{Asked, semantics};
use super::book::{Book, Domain, DomainFields, Done, TRANSIT};
use super::dns;
use super::line::{Line, code};
use super::reply::{Data, View};
use crate::model::{DomainName, Handle, Level, RegistryStatus};

/// Any error is alone.
pub(super) fn alone(line: Line) -> Vec<Line> {
    vec![line]
}

impl Book {
    pub(super) fn domain_request(&mut self, regacc: &str, asked: &Asked, now: Timestamp) -> Done {
        let name = match asked.domain() {
            Ok(name) => name,
            Err(_) if asked.action == "CHECK" => return self.domain_check(None, asked),
            Err(line) => return Err(vec![line]),
        };
        match asked.action.as_str() {
            "CHECK" => self.domain_check(Some(name), asked),
            "INFO" => self.domain_info(regacc, &name, asked),
            "CREATE" => self.domain_create(regacc, name, asked, now),
            "UPDATE" => self.domain_update(regacc, name, asked, now),
            "CHHOLDER" => self.domain_chholder(regacc, name, asked, now),
            "CHPROV" => self.domain_chprov(regacc, name, asked, now),
            "DELETE" => self.domain_delete(regacc, name, asked, now),
            "RESTORE" => self.domain_restore(regacc, name, now),
            "TRANSIT" => self.domain_transit(regacc, name, asked, now),
            "CREATE-AUTHINFO1" => self.auth_info1_create(regacc, name, asked, now),
            "DELETE-AUTHINFO1" => self.auth_info1_delete(regacc, name, now),
            "CREATE-AUTHINFO2" => self.auth_info2_create(name, now),
            _ => Err(vec![semantics("Action")]),
        }
    }

    fn domain_check(&self, name: Option<DomainName>, asked: &Asked) -> Done {
        let status = match &name {
            Some(name) if can_be_registered(name) => match self.domains.get(name) {
                Some(domain) => domain.status.as_str(),
                None => "free",
            },
            _ => "invalid",
        };
        let asked_name = asked.one("Domain").or(asked.one("Domain-Ace"));
        Ok((
            Vec::new(),
            Data::DomainCheck {
                domain: asked_name.unwrap_or_default().to_owned(),
                ace: name.map(|name| name.ace().to_owned()),
                status: status.to_owned(),
            },
        ))
    }

    /// All of it for whose it is, and for who knows the secret; the least for others.
    fn domain_info(&self, regacc: &str, name: &DomainName, asked: &Asked) -> Done {
        let domain = self.domains.get(name);
        let domain = domain.ok_or_else(|| vec![code::NO_DOMAIN.with(name)])?;
        let knows_secret = match asked.one("AuthInfo") {
            Some(secret) if domain.knows(secret) => true,
            Some(_) => return Err(vec![code::WRONG_AUTH_INFO.line()]),
            None => false,
        };
        let is_own = domain.regacc == regacc;
        let is_recursive = asked.truth("Recursive").map_err(alone)?;
        let fields = &domain.fields;
        let named = [
            ("generalrequest", &fields.general_request),
            ("abusecontact", &fields.abuse_contact),
        ];
        let mut contacts: Vec<(&'static str, Handle)> = Vec::new();
        if is_own || knows_secret {
            contacts.extend(
                fields
                    .holders
                    .iter()
                    .map(|handle| ("holder", handle.clone())),
            );
        }
        contacts.extend(
            named
                .into_iter()
                .filter_map(|(role, handle)| Some((role, handle.clone()?))),
        );
        let is_whole = |role: &str| role != "holder" || is_recursive || knows_secret;
        let contacts = contacts.into_iter().map(|(role, handle)| {
            let contact = self.contacts.get(&handle).filter(|_| is_whole(role));
            (role, handle.clone(), contact.cloned())
        });
        let view = View {
            name: name.clone(),
            domain: domain.clone(),
            regacc_name: self.account_name(&domain.regacc),
            contacts: contacts.collect(),
        };
        Ok((Vec::new(), Data::Domain(Box::new(view))))
    }

    pub(super) fn account_name(&self, regacc: &str) -> String {
        let account = self.accounts.get(regacc);
        account.map_or_else(|| "DENIC eG".to_owned(), |account| account.name.clone())
    }

    fn domain_create(
        &mut self,
        regacc: &str,
        name: DomainName,
        asked: &Asked,
        now: Timestamp,
    ) -> Done {
        if !can_be_registered(&name) {
            return Err(vec![code::INVALID_NAME.with(name)]);
        }
        match self.domains.get(&name).map(|domain| &domain.status) {
            None => {}
            Some(RegistryStatus::RedemptionPeriod) => {
                return Err(vec![code::WRONG_STATUS.with("redemptionPeriod")]);
            }
            Some(_) => return Err(vec![code::DOMAIN_EXISTS.with(name)]),
        }
        let fields = self.domain_fields(regacc, asked).map_err(alone)?;
        let domain = Domain {
            regacc: regacc.to_owned(),
            status: RegistryStatus::Connect,
            fields,
            registered_at: now,
            changed_at: now,
            ends_at: None,
            dedelegation_at: None,
            deletion_at: None,
            claims: Vec::new(),
            auth_info1: None,
            auth_info2: None,
            before_deletion: RegistryStatus::Connect,
            is_warned: false,
        };
        Ok((self.put_in_place(name, domain, now), Data::None))
    }

    /// A domain with new data: `failed` where its name servers are refused, else assessed.
    pub(super) fn put_in_place(
        &mut self,
        name: DomainName,
        mut domain: Domain,
        now: Timestamp,
    ) -> Vec<Line> {
        let mut lines = dns::check(&name, &domain.fields);
        let is_refused = lines.iter().any(|line| line.level == Level::Error);
        if is_refused {
            let ends_at = now + self.rules.failed_for;
            domain.status = RegistryStatus::Failed;
            domain.ends_at = Some(ends_at);
            domain.is_warned = false;
            lines.push(code::DNS_FAILED.with(super::message::instant(ends_at)));
            self.domains.insert(name, domain);
            return lines;
        }
        lines.push(code::DNS_ACCEPTED.line());
        domain.ends_at = None;
        if matches!(
            domain.status,
            RegistryStatus::Failed | RegistryStatus::RedemptionPeriod
        ) {
            domain.status = RegistryStatus::Connect;
        }
        self.domains.insert(name.clone(), domain);
        lines.extend(self.assess(&name, now));
        lines
    }

    fn domain_update(
        &mut self,
        regacc: &str,
        name: DomainName,
        asked: &Asked,
        now: Timestamp,
    ) -> Done {
        let before = self.own(regacc, &name)?.clone();
        let fields = self.domain_fields(regacc, asked).map_err(alone)?;
        if !is_same(&before.fields.holders, &fields.holders) {
            return Err(vec![code::OTHER_HOLDERS.line()]);
        }
        self.replace(name, before, fields, now)
    }

    fn domain_chholder(
        &mut self,
        regacc: &str,
        name: DomainName,
        asked: &Asked,
        now: Timestamp,
    ) -> Done {
        let mut before = self.own(regacc, &name)?.clone();
        let fields = self.domain_fields(regacc, asked).map_err(alone)?;
        let had_secret = before.auth_info1.take().is_some() | before.auth_info2.take().is_some();
        let (mut lines, data) = self.replace(name, before, fields, now)?;
        if had_secret {
            lines.push(code::AUTH_INFO_REMOVED.line());
        }
        Ok((lines, data))
    }

    /// Done as a whole or not at all: with name servers that are refused, nothing changes.
    fn replace(
        &mut self,
        name: DomainName,
        before: Domain,
        fields: DomainFields,
        now: Timestamp,
    ) -> Done {
        if before.status == RegistryStatus::RedemptionPeriod {
            return Err(vec![code::WRONG_STATUS.with(&before.status)]);
        }
        let found = dns::check(&name, &fields);
        if found.iter().any(|line| line.level == Level::Error) {
            return Err(found);
        }
        let after = Domain {
            fields,
            changed_at: now,
            ..before
        };
        Ok((self.put_in_place(name, after, now), Data::None))
    }

    fn domain_delete(
        &mut self,
        regacc: &str,
        name: DomainName,
        asked: &Asked,
        now: Timestamp,
    ) -> Done {
        let holders = asked.handles("Holder").map_err(alone)?;
        let ends_at = now + self.rules.redemption_for;
        let domain = self.own_mut(regacc, &name)?;
        if !holders.is_empty() && !is_same(&domain.fields.holders, &holders) {
            return Err(vec![code::OTHER_HOLDERS.line()]);
        }
        if domain.status == RegistryStatus::RedemptionPeriod {
            return Err(vec![code::WRONG_STATUS.with(&domain.status)]);
        }
        domain.before_deletion =
            std::mem::replace(&mut domain.status, RegistryStatus::RedemptionPeriod);
        domain.ends_at = Some(ends_at);
        domain.auth_info1 = None;
        domain.auth_info2 = None;
        domain.changed_at = now;
        Ok((Vec::new(), Data::None))
    }

    fn domain_restore(&mut self, regacc: &str, name: DomainName, now: Timestamp) -> Done {
        let failed_until = now + self.rules.failed_for;
        let domain = self.own_mut(regacc, &name)?;
        if domain.status != RegistryStatus::RedemptionPeriod {
            return Err(vec![code::WRONG_STATUS.with(&domain.status)]);
        }
        domain.status = domain.before_deletion.clone();
        domain.changed_at = now;
        domain.is_warned = false;
        domain.ends_at = (domain.status == RegistryStatus::Failed).then_some(failed_until);
        self.tell_status(&name, now);
        Ok((Vec::new(), Data::None))
    }

    fn domain_transit(
        &mut self,
        regacc: &str,
        name: DomainName,
        asked: &Asked,
        now: Timestamp,
    ) -> Done {
        let is_disconnected = asked.truth("Disconnect").map_err(alone)?;
        let domain = self.own_mut(regacc, &name)?;
        if matches!(
            domain.status,
            RegistryStatus::Failed | RegistryStatus::RedemptionPeriod
        ) {
            return Err(vec![code::WRONG_STATUS.with(&domain.status)]);
        }
        domain.regacc = TRANSIT.to_owned();
        domain.fields.general_request = None;
        domain.fields.abuse_contact = None;
        domain.changed_at = now;
        if is_disconnected {
            // The registry's own page; whichever servers that has.
            domain.fields.servers.clear();
            domain.fields.keys.clear();
            domain.fields.entries = vec![format!("{} IN A 192.0.2.80", name.ace())];
        }
        let lines = domain
            .auth_info1
            .take()
            .map(|_| code::AUTH_INFO_REMOVED.line());
        Ok((lines.into_iter().collect(), Data::None))
    }

    /// A domain of that account.
    pub(super) fn own(&self, regacc: &str, name: &DomainName) -> Result<&Domain, Vec<Line>> {
        match self.domains.get(name) {
            None => Err(vec![code::NO_DOMAIN.with(name)]),
            Some(domain) if domain.regacc == regacc => Ok(domain),
            Some(_) => Err(vec![code::UNAUTHORIZED.with(name)]),
        }
    }

    pub(super) fn own_mut(
        &mut self,
        regacc: &str,
        name: &DomainName,
    ) -> Result<&mut Domain, Vec<Line>> {
        match self.domains.get_mut(name) {
            None => Err(vec![code::NO_DOMAIN.with(name)]),
            Some(domain) if domain.regacc == regacc => Ok(domain),
            Some(_) => Err(vec![code::UNAUTHORIZED.with(name)]),
        }
    }

    /// The data of a request; every contact in it is there, and the account's own.
    pub(super) fn domain_fields(&self, regacc: &str, asked: &Asked) -> Result<DomainFields, Line> {
        let one = |keyword| -> Result<Option<Handle>, Line> {
            let mut handles = asked.handles(keyword)?;
            match handles.len() {
                0 | 1 => Ok(handles.pop()),
                _ => Err(semantics(keyword)),
            }
        };
        let mut fields = DomainFields {
            holders: asked.handles("Holder")?,
            general_request: one("GeneralRequest")?,
            abuse_contact: one("AbuseContact")?,
            ..DomainFields::default()
        };
        if !(1..=5).contains(&fields.holders.len()) {
            return Err(semantics("Holder"));
        }
        let requests = [&fields.general_request, &fields.abuse_contact];
        let wanted = fields.holders.iter().map(|handle| (handle, true));
        let wanted = wanted.chain(requests.into_iter().flatten().map(|handle| (handle, false)));
        for (handle, is_holder) in wanted {
            let contact = self.contacts.get(handle);
            let contact = contact.filter(|_| Book::is_own(regacc, handle));
            match contact {
                None => return Err(code::NO_CONTACT.with(handle)),
                Some(contact) if contact.is_holder() != is_holder => {
                    return Err(semantics("Type"));
                }
                Some(_) => {}
            }
        }
        dns::read(asked, &mut fields)?;
        Ok(fields)
    }
}

/// The same holders, in any order.
pub(super) fn is_same(these: &[Handle], those: &[Handle]) -> bool {
    let set = |handles: &[Handle]| handles.iter().cloned().collect::<BTreeSet<_>>();
    set(these) == set(those)
}

/// A name directly below .de, without hyphens in third and fourth place (`denic.md` 4.5).
fn can_be_registered(name: &DomainName) -> bool {
    let label = name.ace().strip_suffix(".de");
    label.is_some_and(|label| {
        let is_idn = name.ace() != name.unicode();
        !label.contains('.') && (is_idn || label.get(2..4) != Some("--"))
    })
}
