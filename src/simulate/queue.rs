//! Queue messages as the registry writes them (`denic.md`, chapter 3).

use jiff::Timestamp;

use super::registry::{DomainFact, instant};
use crate::model::{Claim, DomainName, Environment, Handle, sha256_hex};
use crate::wire::Element;

/// What the test system puts into every reply.
const TEST_MARK: &str =
    "Request was processed in test environment - not valid in real world [testing platform]";

/// A `domainStatusUpdate`.
#[derive(Clone, Debug)]
pub struct QueueStatus {
    /// The test system's replies carry its mark.
    pub environment: Environment,
    /// `msgtime`.
    pub at: Timestamp,
    /// What it says.
    pub fact: DomainFact,
}

impl QueueStatus {
    /// A reply to QUEUE-READ in key/value form.
    pub fn to_key_value(&self) -> Vec<u8> {
        let mut lines = vec!["RESULT: success".to_owned()];
        if self.environment == Environment::Test {
            lines.push(format!("INFO: 13000000011 {TEST_MARK}"));
        }
        let id = id(self.environment, self.at, self.fact.domain.ace());
        lines.push(format!("STID: {id}"));
        lines.push("msgcnt: 1".to_owned());
        lines.push(format!("msgtime: {}", instant(self.at)));
        lines.push(format!("msgid: {id}"));
        lines.push("msgtype: domainStatusUpdate".to_owned());
        lines.extend(status_lines(&self.fact));
        lines.push(String::new());
        lines.join("\n").into_bytes()
    }

    /// The same reply in XML.
    pub fn to_xml(&self) -> Vec<u8> {
        let id = id(self.environment, self.at, self.fact.domain.ace());
        reply(&id, self.at, status_element(&self.fact))
    }
}

fn deadline_fields(fact: &DomainFact) -> impl Iterator<Item = (&'static str, Timestamp)> {
    [
        (
            "verificationDeadlineBeforeDedelegation",
            fact.dedelegation_at,
        ),
        ("verificationDeadlineBeforeDeletion", fact.deletion_at),
    ]
    .into_iter()
    .filter_map(|(name, at)| Some((name, at?)))
}

/// The fields of a `domainStatusUpdate` in key/value.
pub(super) fn status_lines(fact: &DomainFact) -> Vec<String> {
    let mut lines = vec![
        format!("domain: {}", fact.domain),
        format!("domain-ace: {}", fact.domain.ace()),
    ];
    lines.extend(
        fact.holders
            .iter()
            .map(|holder| format!("holder: {holder}")),
    );
    lines.push(format!("status: {}", fact.status));
    for (name, at) in deadline_fields(fact) {
        lines.push(format!("{name}: {}", instant(at)));
    }
    for (code, text, at) in fact.deadlines() {
        lines.push(format!(
            "message: {code} {text} [Date: {}, VerificationClaims: {}]",
            instant(at),
            fact.claims()
        ));
    }
    lines
}

/// The same in XML.
pub(super) fn status_element(fact: &DomainFact) -> Element {
    let handles = fact.holders.iter();
    let deadlines = fact.deadlines().into_iter().map(|(code, text, at)| {
        info(code, &text)
            .child(Element::text(
                "tr:argument",
                format!("Date: {}", instant(at)),
            ))
            .child(Element::text(
                "tr:argument",
                format!("VerificationClaims: {}", fact.claims()),
            ))
    });
    Element::new("msg:domainStatusUpdate")
        .child(name(&fact.domain))
        .child(
            Element::new("msg:holders")
                .children(handles.map(|handle| Element::text("msg:handle", handle))),
        )
        .child(Element::text("msg:status", &fact.status))
        .children(
            deadline_fields(fact)
                .map(|(name, at)| Element::text(&format!("msg:{name}"), instant(at))),
        )
        .children(deadlines)
}

/// A `contactVerificationRequired`; documented in XML only.
#[derive(Clone, Debug)]
pub struct QueueContact {
    /// The environment of its queue.
    pub environment: Environment,
    /// `msgtime`.
    pub at: Timestamp,
    /// The holder to be verified.
    pub contact: Handle,
    /// What must be proven.
    pub claims: Vec<Claim>,
    /// How many domains use the contact.
    pub domain_count: u32,
    /// The first domain to leave the zone, and when.
    pub earliest_dedelegation: (DomainName, Timestamp),
    /// The first domain to be deleted, and when.
    pub earliest_deletion: (DomainName, Timestamp),
}

impl QueueContact {
    /// A reply to QUEUE-READ in XML.
    pub fn to_xml(&self) -> Vec<u8> {
        let id = id(self.environment, self.at, self.contact.as_str());
        reply(&id, self.at, self.element())
    }

    /// Its fields in key/value, by inference (`denic.md` 3.4).
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("handle: {}", self.contact)];
        let claims = self.claims.iter();
        lines.extend(claims.map(|claim| format!("verificationClaim: {}", claim.as_str())));
        lines.push(format!(
            "numberOfReferencedDomainsTotal: {}",
            self.domain_count
        ));
        for (what, (domain, at)) in [
            ("Dedelegation", &self.earliest_dedelegation),
            ("Deletion", &self.earliest_deletion),
        ] {
            lines.push(format!("earliestDomainFor{what}: {domain}"));
            lines.push(format!("earliestDomainFor{what}-ace: {}", domain.ace()));
            lines.push(format!(
                "verificationDeadlineBefore{what}: {}",
                instant(*at)
            ));
        }
        lines.extend(CONTACT_MESSAGES.map(|(code, text)| format!("message: {code} {text}")));
        lines
    }

    pub(super) fn element(&self) -> Element {
        let claims = self.claims.iter();
        let earliest = |what: &str, (domain, at): &(DomainName, Timestamp)| {
            Element::new(&format!("msg:earliestDomainFor{what}"))
                .child(name(domain))
                .child(Element::text("msg:verificationDeadline", instant(*at)))
        };
        Element::new("msg:contactVerificationRequired")
            .child(Element::text("msg:handle", &self.contact))
            .child(
                Element::new("msg:verificationClaims")
                    .children(claims.map(|claim| Element::text("msg:claim", claim.as_str()))),
            )
            .child(Element::text(
                "msg:numberOfReferencedDomainsTotal",
                self.domain_count,
            ))
            .child(earliest("Dedelegation", &self.earliest_dedelegation))
            .child(earliest("Deletion", &self.earliest_deletion))
            .children(CONTACT_MESSAGES.map(|(code, text)| info(code, text)))
    }
}

/// What every such message says.
const CONTACT_MESSAGES: [(&str, &str); 2] = [
    (
        "16350000050",
        "Verification information must be provided for the handle to avoid dedelegation and/or \
         deletion",
    ),
    (
        "16350000051",
        "Please provide the requested verification information by means of a Contact UPDATE",
    ),
];

fn info(code: &str, text: &str) -> Element {
    Element::new("msg:message")
        .attribute("level", "info")
        .attribute("code", code)
        .child(Element::text("tr:text", text))
}

/// A whole reply with one message.
fn reply(id: &str, at: Timestamp, kind: Element) -> Vec<u8> {
    let message = message_element(id, 1, at, kind);
    let transaction = Element::new("tr:transaction")
        .child(Element::text("tr:stid", id))
        .child(Element::text("tr:result", "success"))
        .child(Element::new("tr:data").child(message));
    let mut text = response(transaction).to_document();
    text.push('\n');
    text.into_bytes()
}

/// The root of every reply in XML.
pub(super) fn response(transaction: Element) -> Element {
    Element::new("registry-response")
        .binding("", "global")
        .binding("tr", "transaction")
        .child(transaction)
}

/// A message with what all of them have.
pub(super) fn message_element(id: &str, count: usize, at: Timestamp, kind: Element) -> Element {
    Element::new("msg:message")
        .binding("msg", "msg")
        .attribute("msgid", id)
        .attribute("msgcnt", count)
        .attribute("msgtime", instant(at))
        .child(kind)
}

/// Both forms of a name.
pub(super) fn name(domain: &DomainName) -> Element {
    Element::new("msg:domain")
        .child(Element::text("msg:handle", domain.unicode()))
        .child(Element::text("msg:ace", domain.ace()))
}

/// An id in the form of a UUID; the same message has the same one.
fn id(environment: Environment, at: Timestamp, about: &str) -> String {
    let digest = sha256_hex(format!("{environment} {at} {about}").as_bytes());
    format!(
        "{}-{}-{}-{}-{}",
        &digest[..8],
        &digest[8..12],
        &digest[12..16],
        &digest[16..20],
        &digest[20..32]
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Facts;
    use crate::parse;

    #[test]
    fn both_forms_say_the_same() {
        let due: Timestamp = "2026-06-04T06:30:00Z".parse().unwrap();
        let message = QueueStatus {
            environment: Environment::Live,
            at: "2026-05-05T06:30:00Z".parse().unwrap(),
            fact: DomainFact::connect(
                "dänic.de".parse().unwrap(),
                vec!["DENIC-1000002-GoodGuy".parse().unwrap()],
            )
            .verification(due, due, vec![Claim::Address, Claim::Name]),
        };
        let plain = parse::denic_queue(&message.to_key_value()).unwrap();
        let xml = parse::denic_queue(&message.to_xml()).unwrap();
        assert_eq!(plain.facts, xml.facts);
        assert_eq!(plain.msgid, xml.msgid);
        assert_eq!((plain.unknown, xml.unknown), (vec![], vec![]));
        let Facts::DomainStatus(status) = plain.facts else {
            panic!("a status");
        };
        assert_eq!(status.verification.unwrap().dedelegation_at, Some(due));
        let marked = QueueStatus {
            environment: Environment::Test,
            ..message
        };
        let said = parse::denic_queue(&marked.to_key_value()).unwrap();
        assert_eq!(said.says_environment, Some(Environment::Test));
    }
}
