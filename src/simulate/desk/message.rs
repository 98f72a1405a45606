//! What the registry tells without being asked: the message queue, and status mails.

use jiff::Timestamp;

use super::asked::{Asked, semantics};
use super::book::{Book, Domain, Done, Feed};
use super::line::Line;
use super::reply::Data;
use crate::model::{DomainName, Level};
use crate::simulate::queue::{self, QueueContact};
use crate::simulate::registry::DomainFact;
use crate::wire::Element;

pub(super) use crate::simulate::registry::instant;

/// What a message says.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    Status(DomainFact),
    ContactAsked(QueueContact),
    ExpireWarning(DomainName, Timestamp),
    Expire(DomainName, Timestamp),
    AuthInfoExpire(DomainName, Timestamp),
    AuthInfo2Notify(DomainName),
    Chprov {
        domain: DomainName,
        new: String,
        old: String,
    },
}

/// A message that waits.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub id: String,
    pub at: Timestamp,
    pub kind: Kind,
}

/// What a status mail is to say.
#[derive(Clone, Debug)]
pub(super) struct Notice {
    pub regacc: String,
    pub at: Timestamp,
    pub fact: DomainFact,
}

impl Kind {
    /// `msgtype`.
    pub fn name(&self) -> &'static str {
        match self {
            Kind::Status(_) => "domainStatusUpdate",
            Kind::ContactAsked(_) => "contactVerificationRequired",
            Kind::ExpireWarning(..) => "expireWarning",
            Kind::Expire(..) => "expire",
            Kind::AuthInfoExpire(..) => "authInfoExpire",
            Kind::AuthInfo2Notify(_) => "authInfo2Notify",
            Kind::Chprov { .. } => "chprovAuthInfo",
        }
    }

    /// Its own fields in key/value.
    pub fn lines(&self) -> Vec<String> {
        let about = |domain: &DomainName| {
            vec![
                format!("domain: {domain}"),
                format!("domain-ace: {}", domain.ace()),
            ]
        };
        let with = |domain: &DomainName, line: String| {
            let mut lines = about(domain);
            lines.push(line);
            lines
        };
        match self {
            Kind::Status(fact) => queue::status_lines(fact),
            Kind::ContactAsked(contact) => contact.lines(),
            Kind::ExpireWarning(domain, at) | Kind::Expire(domain, at) => {
                with(domain, format!("expire: {}", instant(*at)))
            }
            Kind::AuthInfoExpire(domain, at) => {
                with(domain, format!("authInfoExpire: {}", instant(*at)))
            }
            Kind::AuthInfo2Notify(domain) => about(domain),
            Kind::Chprov { domain, new, old } => {
                let mut lines = with(domain, format!("new: {new}"));
                lines.push(format!("old: {old}"));
                lines
            }
        }
    }

    /// The same as the only child of `msg:message`.
    pub fn element(&self) -> Element {
        let kind = Element::new(&format!("msg:{}", self.name()));
        match self {
            Kind::Status(fact) => queue::status_element(fact),
            Kind::ContactAsked(contact) => contact.element(),
            Kind::ExpireWarning(domain, at) | Kind::Expire(domain, at) => {
                kind.child(queue::name(domain).child(Element::text("msg:expire", instant(*at))))
            }
            Kind::AuthInfoExpire(domain, at) => kind.child(
                queue::name(domain).child(Element::text("msg:authinfoexpire", instant(*at))),
            ),
            Kind::AuthInfo2Notify(domain) => kind.child(queue::name(domain)),
            Kind::Chprov { domain, new, old } => kind
                .child(queue::name(domain))
                .child(Element::text("msg:new", new))
                .child(Element::text("msg:old", old)),
        }
    }
}

/// The deadlines of a domain as lines of a reply.
pub(super) fn deadline_lines(name: &DomainName, domain: &Domain) -> Vec<Line> {
    let fact = fact(name, domain);
    let claims = format!("VerificationClaims: {}", fact.claims());
    let line = |(code, text, at): (&str, String, Timestamp)| Line {
        level: Level::Info,
        code: code.to_owned(),
        text,
        arguments: vec![format!("Date: {}", instant(at)), claims.clone()],
    };
    fact.deadlines().into_iter().map(line).collect()
}

/// What there is to tell about a domain.
pub(super) fn fact(name: &DomainName, domain: &Domain) -> DomainFact {
    DomainFact {
        domain: name.clone(),
        holders: domain.fields.holders.clone(),
        status: domain.status.clone(),
        dedelegation_at: domain.dedelegation_at,
        deletion_at: domain.deletion_at,
        claims: domain.claims.clone(),
    }
}

impl Book {
    /// Into the queue of an account, or into its mails; an account that is none hears nothing.
    pub(super) fn tell(&mut self, regacc: &str, kind: Kind, at: Timestamp) {
        let id = self.id();
        let Some(account) = self.accounts.get_mut(regacc) else {
            return;
        };
        if let (Feed::Mail | Feed::Both, Kind::Status(fact)) = (account.feed, &kind) {
            self.notices.push(Notice {
                regacc: regacc.to_owned(),
                at,
                fact: fact.clone(),
            });
            if account.feed == Feed::Mail {
                return;
            }
        }
        account.queue.push_back(Message { id, at, kind });
    }

    /// A `domainStatusUpdate`.
    pub(super) fn tell_status(&mut self, name: &DomainName, at: Timestamp) {
        if let Some(domain) = self.domains.get(name) {
            let (owner, kind) = (domain.regacc.clone(), Kind::Status(fact(name, domain)));
            self.tell(&owner, kind, at);
        }
    }

    /// The oldest message, or the oldest of a type; it stays.
    pub(super) fn queue_read(&self, regacc: &str, asked: &Asked) -> Done {
        let waiting: Vec<&Message> = self.of_type(regacc, asked).map(|(_, it)| it).collect();
        let data = match waiting.first() {
            Some(message) => Data::Message {
                message: Box::new((*message).clone()),
                count: waiting.len(),
            },
            None => Data::EmptyQueue,
        };
        Ok((Vec::new(), data))
    }

    /// Deletes the oldest, and no other.
    pub(super) fn queue_delete(&mut self, regacc: &str, asked: &Asked) -> Done {
        let id = asked.needed("MsgId").map_err(|line| vec![line])?;
        let oldest = self.of_type(regacc, asked).next();
        let place = oldest
            .filter(|(_, message)| message.id == id)
            .map(|(place, _)| place);
        match (place, self.accounts.get_mut(regacc)) {
            (Some(place), Some(account)) => {
                account.queue.remove(place);
                Ok((Vec::new(), Data::None))
            }
            // The documentation says that this fails, not with which code.
            _ => Err(vec![semantics("MsgId")]),
        }
    }

    fn of_type(&self, regacc: &str, asked: &Asked) -> impl Iterator<Item = (usize, &Message)> {
        let kind = asked.one("MsgType").map(str::to_owned);
        let queue = self.accounts.get(regacc).map(|account| &account.queue);
        let messages = queue.into_iter().flatten().enumerate();
        messages.filter(move |(_, message)| {
            kind.as_ref()
                .is_none_or(|kind| kind.eq_ignore_ascii_case(message.kind.name()))
        })
    }
}
