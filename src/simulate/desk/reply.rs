//! Replies, in the format of the request (`denic.md` 4.2, 4.7).

use jiff::Timestamp;

use super::asked::{Fields, all};
use super::book::{Contact, Domain};
use super::line::Line;
use super::message::{Message, instant};
use crate::model::{Ctid, DomainName, Handle, Level, RequestResult};
use crate::simulate::queue;
use crate::wire::{Element, Format};

/// What the registry answers.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The format of the request.
    pub format: Format,
    /// Was it carried out?
    pub result: RequestResult,
    /// The registry's id of it.
    pub stid: String,
    /// The request's own.
    pub ctid: Option<Ctid>,
    /// `INFO`, `WARNING` and `ERROR`.
    pub lines: Vec<Line>,
    pub(super) data: Data,
}

/// What an INFO tells of a domain.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub name: DomainName,
    pub domain: Domain,
    pub regacc_name: String,
    /// Role and handle; the contact, where all of it is told.
    pub contacts: Vec<(&'static str, Handle, Option<Contact>)>,
}

/// What follows the head.
#[derive(Clone, Debug)]
pub(super) enum Data {
    None,
    DomainCheck {
        domain: String,
        ace: Option<String>,
        status: String,
    },
    ContactCheck {
        handle: String,
        status: &'static str,
    },
    Domain(Box<View>),
    Contact(Box<Contact>),
    RegAcc {
        id: String,
        name: String,
    },
    AuthInfo {
        name: DomainName,
        ends_at: Timestamp,
    },
    Message {
        message: Box<Message>,
        count: usize,
    },
    EmptyQueue,
}

impl Reply {
    /// Its word: `success`, `failed` or `exception`.
    pub fn word(&self) -> &'static str {
        match self.result {
            RequestResult::Success => "success",
            RequestResult::Exception => "exception",
            RequestResult::Failed | RequestResult::Other(_) => "failed",
        }
    }

    /// The codes of its lines of that level, in order.
    pub fn codes(&self, level: Level) -> Vec<&str> {
        let lines = self.lines.iter().filter(|line| line.level == level);
        lines.map(|line| line.code.as_str()).collect()
    }

    /// The text, as it goes over the wire.
    pub fn to_text(&self) -> String {
        match self.format {
            Format::KeyValue => self.key_value(),
            Format::Xml => self.xml(),
        }
    }

    fn key_value(&self) -> String {
        let mut lines = vec![
            format!("RESULT: {}", self.word()),
            format!("STID: {}", self.stid),
        ];
        lines.extend(self.ctid.iter().map(|ctid| format!("CTID: {ctid}")));
        lines.extend(self.lines.iter().map(Line::key_value));
        // A message stands directly below the head, data behind an empty line.
        if !matches!(
            self.data,
            Data::None | Data::Message { .. } | Data::EmptyQueue
        ) {
            lines.push(String::new());
        }
        lines.extend(self.data.lines());
        lines.push(String::new());
        lines.join("\n")
    }

    fn xml(&self) -> String {
        let ctid = self.ctid.iter();
        let lines = self.lines.iter();
        let data = self.data.element();
        let transaction = Element::new("tr:transaction")
            .child(Element::text("tr:stid", &self.stid))
            .children(ctid.map(|ctid| Element::text("tr:ctid", ctid)))
            .child(Element::text("tr:result", self.word()))
            .children(lines.map(|line| line.element("tr:message")))
            .children(data.map(|data| Element::new("tr:data").child(data)));
        queue::response(transaction).to_document()
    }
}

fn named(domain: &DomainName) -> Vec<String> {
    vec![
        format!("Domain: {domain}"),
        format!("Domain-Ace: {}", domain.ace()),
    ]
}

impl Data {
    fn lines(&self) -> Vec<String> {
        match self {
            Data::None => Vec::new(),
            Data::EmptyQueue => vec!["msgcnt: 0".to_owned()],
            Data::DomainCheck {
                domain,
                ace,
                status,
            } => {
                let mut lines = vec![format!("Domain: {domain}")];
                lines.extend(ace.iter().map(|ace| format!("Domain-Ace: {ace}")));
                lines.push(format!("Status: {status}"));
                lines
            }
            Data::ContactCheck { handle, status } => {
                vec![format!("Handle: {handle}"), format!("Status: {status}")]
            }
            Data::Domain(view) => view.lines(),
            Data::Contact(contact) => contact.lines(),
            Data::RegAcc { id, name } => {
                vec![format!("RegAccId: {id}"), format!("RegAccName: {name}")]
            }
            Data::AuthInfo { name, ends_at } => {
                let mut lines = named(name);
                lines.push(format!("AuthInfoExpire: {}", instant(*ends_at)));
                lines
            }
            Data::Message { message, count } => {
                let mut lines = vec![
                    format!("msgcnt: {count}"),
                    format!("msgtime: {}", instant(message.at)),
                    format!("msgid: {}", message.id),
                    format!("msgtype: {}", message.kind.name()),
                ];
                lines.extend(message.kind.lines());
                lines
            }
        }
    }

    /// The element in `tr:data`; the names of data elements are those that Net::DRI reads.
    fn element(&self) -> Option<Element> {
        let domain = |name: &str| Element::new(name).binding("domain", "domain");
        Some(match self {
            Data::None | Data::EmptyQueue => return None,
            Data::DomainCheck {
                domain: name,
                ace,
                status,
            } => domain("domain:checkData")
                .child(Element::text("domain:handle", name))
                .children(ace.iter().map(|ace| Element::text("domain:ace", ace)))
                .child(Element::text("domain:status", status)),
            Data::ContactCheck { handle, status } => Element::new("contact:checkData")
                .binding("contact", "contact")
                .child(Element::text("contact:handle", handle))
                .child(Element::text("contact:status", status)),
            Data::Domain(view) => view.element(domain("domain:infoData")),
            Data::Contact(contact) => {
                let data = Element::new("contact:infoData").binding("contact", "contact");
                contact.element(data.binding("verification", "verification").typed())
            }
            Data::RegAcc { id, name } => Element::new("regacc:infoData")
                .binding("regacc", "regacc")
                .child(Element::text("regacc:regAccId", id))
                .child(Element::text("regacc:regAccName", name)),
            Data::AuthInfo { name, ends_at } => domain("domain:authInfoData")
                .child(Element::text("domain:handle", name))
                .child(Element::text("domain:ace", name.ace()))
                .child(Element::text("domain:authInfoExpire", instant(*ends_at))),
            Data::Message { message, count } => {
                queue::message_element(&message.id, *count, message.at, message.kind.element())
            }
        })
    }
}

impl View {
    fn lines(&self) -> Vec<String> {
        let (domain, fields) = (&self.domain, &self.domain.fields);
        let mut lines = named(&self.name);
        for server in &fields.servers {
            let host = server.host.ace();
            if server.addresses.is_empty() {
                lines.push(format!("Nserver: {host}."));
            }
            let addresses = server.addresses.iter();
            lines.extend(addresses.map(|address| format!("Nserver: {host}. {address}")));
        }
        lines.extend(
            fields
                .entries
                .iter()
                .map(|entry| format!("Nsentry: {entry}")),
        );
        lines.extend(fields.keys.iter().map(|key| format!("Dnskey: {key}")));
        lines.push(format!("Status: {}", domain.status));
        for (keyword, secret) in [
            ("AuthInfo1", &domain.auth_info1),
            ("AuthInfo2", &domain.auth_info2),
        ] {
            let secret = secret.iter();
            lines.extend(secret.map(|secret| format!("{keyword}: {}", instant(secret.ends_at))));
        }
        // By the names of the queue's fields; those of INFO were not available (`denic.md` 4.7).
        for (keyword, at) in self.deadlines() {
            lines.push(format!("{keyword}: {}", instant(at)));
        }
        lines.push(format!("RegAccId: {}", domain.regacc));
        lines.push(format!("RegAccName: {}", self.regacc_name));
        lines.push(format!("Changed: {}", instant(domain.changed_at)));
        for (role, handle, contact) in &self.contacts {
            let block = match *role {
                "holder" => "[Holder]",
                "generalrequest" => "[GeneralRequest]",
                _ => "[AbuseContact]",
            };
            lines.extend([String::new(), block.to_owned()]);
            match contact {
                Some(contact) => lines.extend(contact.lines()),
                None => lines.push(format!("Handle: {handle}")),
            }
        }
        lines
    }

    fn deadlines(&self) -> impl Iterator<Item = (&'static str, Timestamp)> {
        [
            (
                "verificationDeadlineBeforeDedelegation",
                self.domain.dedelegation_at,
            ),
            (
                "verificationDeadlineBeforeDeletion",
                self.domain.deletion_at,
            ),
        ]
        .into_iter()
        .filter_map(|(name, at)| Some((name, at?)))
    }

    fn element(&self, data: Element) -> Element {
        let (domain, fields) = (&self.domain, &self.domain.fields);
        let owner = format!("{}.", self.name.ace());
        let entry = |kind: &str, rdata: Element| {
            Element::new("dnsentry:dnsentry")
                .attribute("xsi:type", format!("dnsentry:{kind}"))
                .child(Element::text("dnsentry:owner", &owner))
                .child(rdata)
        };
        let rdata = || Element::new("dnsentry:rdata");
        let servers = fields.servers.iter().map(|server| {
            let addresses = server.addresses.iter();
            let host = format!("{}.", server.host.ace());
            entry(
                "NS",
                rdata()
                    .child(Element::text("dnsentry:nameserver", host))
                    .children(addresses.map(|it| Element::text("dnsentry:address", it))),
            )
        });
        let keys = fields.keys.iter().map(|key| {
            let names = ["flags", "protocol", "algorithm", "publicKey"];
            let parts = names.into_iter().zip(key.split_whitespace());
            let parts = parts.map(|(name, part)| Element::text(&format!("dnsentry:{name}"), part));
            entry("DNSKEY", rdata().children(parts))
        });
        let entries = fields.entries.iter().map(|line| {
            // `<name> IN A <address>`, `<name> IN MX <preference> <host>`.
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                [.., "MX", preference, host] => entry(
                    "MX",
                    rdata()
                        .child(Element::text("dnsentry:preference", preference))
                        .child(Element::text("dnsentry:exchange", host)),
                ),
                _ => {
                    let address = words.last().unwrap_or(&"");
                    entry(
                        "A",
                        rdata().child(Element::text("dnsentry:address", address)),
                    )
                }
            }
        });
        let contacts = self.contacts.iter().map(|(role, handle, contact)| {
            let element = Element::new("domain:contact").attribute("role", role);
            match contact {
                Some(contact) => contact.element(element),
                None => element.child(Element::text("contact:handle", handle)),
            }
        });
        let secrets = [
            ("authInfo1", &domain.auth_info1),
            ("authInfo2", &domain.auth_info2),
        ];
        let secrets = secrets.into_iter().filter_map(|(name, secret)| {
            let ends_at = instant(secret.as_ref()?.ends_at);
            Some(Element::text(&format!("domain:{name}"), ends_at))
        });
        data.binding("contact", "contact")
            .binding("dnsentry", "dnsentry")
            .binding("verification", "verification")
            .typed()
            .child(Element::text("domain:handle", &self.name))
            .child(Element::text("domain:ace", self.name.ace()))
            .child(Element::text("domain:status", &domain.status))
            .children(secrets)
            .children(
                self.deadlines()
                    .map(|(name, at)| Element::text(&format!("domain:{name}"), instant(at))),
            )
            .child(Element::text("domain:regAccId", &domain.regacc))
            .child(Element::text("domain:regAccName", &self.regacc_name))
            .children(contacts)
            .children(servers)
            .children(entries)
            .children(keys)
            .child(Element::text("domain:changed", instant(domain.changed_at)))
    }
}

impl Contact {
    fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("Handle: {}", self.handle)];
        let write = |(keyword, value): &(&str, String)| format!("{keyword}: {value}");
        lines.extend(self.fields.iter().map(write));
        lines.push(format!("Changed: {}", instant(self.changed_at)));
        for proof in &self.proofs {
            lines.extend([String::new(), "[VerificationInformation]".to_owned()]);
            lines.extend(proof.iter().map(write));
        }
        lines
    }

    /// Its fields, in the order of a request, inside `into`.
    fn element(&self, into: Element) -> Element {
        let take = |keyword: &str, name: &str| -> Vec<Element> {
            let values = all(&self.fields, keyword);
            values.map(|value| Element::text(name, value)).collect()
        };
        let postal: Vec<Element> = [
            ("Address", "contact:address"),
            ("PostalCode", "contact:postalCode"),
            ("City", "contact:city"),
            ("CountryCode", "contact:countryCode"),
        ]
        .into_iter()
        .flat_map(|(keyword, name)| take(keyword, name))
        .collect();
        let postal = (!postal.is_empty()).then(|| Element::new("contact:postal").children(postal));
        into.child(Element::text("contact:handle", &self.handle))
            .children(take("Type", "contact:type"))
            .children(take("Name", "contact:name"))
            .children(take("Organisation", "contact:organisation"))
            .children(postal)
            .children(take("EMail", "contact:email"))
            .children(take("Phone", "contact:phone"))
            .children(take("UriTemplate", "contact:uri-template"))
            .children(self.proofs.iter().map(proof))
            .child(Element::text("contact:changed", instant(self.changed_at)))
    }
}

fn proof(fields: &Fields) -> Element {
    let claims = all(fields, "VerifiedClaim");
    let claims = claims.map(|claim| Element::text("verification:claim", claim));
    let rest = fields
        .iter()
        .filter(|(keyword, _)| *keyword != "VerifiedClaim");
    let rest = rest.map(|(keyword, value)| {
        // The same words, with a small letter in front.
        let (first, behind) = keyword.split_at(1);
        let name = format!("verification:{}{behind}", first.to_ascii_lowercase());
        Element::text(&name, value)
    });
    Element::new("verification:verificationInformation")
        .attribute("xsi:type", "verification:verificationInformationType")
        .child(Element::new("verification:verifiedClaims").children(claims))
        .children(rest)
}
