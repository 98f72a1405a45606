//! Queue messages as the registry writes them (`denic.md`, chapter 3).

use jiff::Timestamp;

use super::registry::{DomainFact, instant};
use crate::model::{Claim, DomainName, Environment, Handle, sha256_hex};

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
        lines.push(format!("domain: {}", self.fact.domain));
        lines.push(format!("domain-ace: {}", self.fact.domain.ace()));
        for holder in &self.fact.holders {
            lines.push(format!("holder: {holder}"));
        }
        lines.push(format!("status: {}", self.fact.status));
        for (name, at) in self.deadline_fields() {
            lines.push(format!("{name}: {}", instant(at)));
        }
        for (code, text, at) in self.fact.deadlines() {
            lines.push(format!(
                "message: {code} {text} [Date: {}, VerificationClaims: {}]",
                instant(at),
                self.fact.claims()
            ));
        }
        lines.push(String::new());
        lines.join("\n").into_bytes()
    }

    /// The same reply in XML.
    pub fn to_xml(&self) -> Vec<u8> {
        let fact = &self.fact;
        let mut inner = format!(
            "<msg:domain>{}</msg:domain><msg:holders>",
            name(&fact.domain)
        );
        for holder in &fact.holders {
            inner.push_str(&format!(
                "<msg:handle>{}</msg:handle>",
                escape(holder.as_str())
            ));
        }
        inner.push_str(&format!(
            "</msg:holders><msg:status>{}</msg:status>",
            escape(fact.status.as_str())
        ));
        for (name, at) in self.deadline_fields() {
            inner.push_str(&format!("<msg:{name}>{}</msg:{name}>", instant(at)));
        }
        for (code, text, at) in fact.deadlines() {
            inner.push_str(&format!(
                "<msg:message level=\"info\" code=\"{code}\"><tr:text>{text}</tr:text>\
                 <tr:argument>Date: {}</tr:argument>\
                 <tr:argument>VerificationClaims: {}</tr:argument></msg:message>",
                instant(at),
                escape(&fact.claims())
            ));
        }
        let id = id(self.environment, self.at, fact.domain.ace());
        reply(&id, self.at, "domainStatusUpdate", &inner)
    }

    fn deadline_fields(&self) -> impl Iterator<Item = (&'static str, Timestamp)> {
        [
            (
                "verificationDeadlineBeforeDedelegation",
                self.fact.dedelegation_at,
            ),
            ("verificationDeadlineBeforeDeletion", self.fact.deletion_at),
        ]
        .into_iter()
        .filter_map(|(name, at)| Some((name, at?)))
    }
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
        let handle = escape(self.contact.as_str());
        let claims: String = self
            .claims
            .iter()
            .map(|claim| format!("<msg:claim>{}</msg:claim>", escape(claim.as_str())))
            .collect();
        let earliest = |what: &str, (domain, at): &(DomainName, Timestamp)| {
            format!(
                "<msg:earliestDomainFor{what}><msg:domain>{}</msg:domain>\
                 <msg:verificationDeadline>{}</msg:verificationDeadline>\
                 </msg:earliestDomainFor{what}>",
                name(domain),
                instant(*at)
            )
        };
        let inner = format!(
            "<msg:handle>{handle}</msg:handle>\
             <msg:verificationClaims>{claims}</msg:verificationClaims>\
             <msg:numberOfReferencedDomainsTotal>{}</msg:numberOfReferencedDomainsTotal>{}{}\
             <msg:message level=\"info\" code=\"16350000050\"><tr:text>Verification information \
             must be provided for the handle to avoid dedelegation and/or deletion</tr:text>\
             </msg:message><msg:message level=\"info\" code=\"16350000051\"><tr:text>Please provide \
             the requested verification information by means of a Contact UPDATE</tr:text>\
             </msg:message>",
            self.domain_count,
            earliest("Dedelegation", &self.earliest_dedelegation),
            earliest("Deletion", &self.earliest_deletion),
        );
        let id = id(self.environment, self.at, self.contact.as_str());
        reply(&id, self.at, "contactVerificationRequired", &inner)
    }
}

fn reply(id: &str, at: Timestamp, kind: &str, inner: &str) -> Vec<u8> {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <registry-response xmlns=\"http://registry.denic.de/global/5.0\" \
         xmlns:tr=\"http://registry.denic.de/transaction/5.0\"><tr:transaction>\
         <tr:stid>{id}</tr:stid><tr:result>success</tr:result><tr:data>\
         <msg:message xmlns:msg=\"http://registry.denic.de/msg/5.0\" msgid=\"{id}\" msgcnt=\"1\" \
         msgtime=\"{}\"><msg:{kind}>{inner}</msg:{kind}></msg:message>\
         </tr:data></tr:transaction></registry-response>\n",
        instant(at)
    )
    .into_bytes()
}

fn name(domain: &DomainName) -> String {
    format!(
        "<msg:handle>{}</msg:handle><msg:ace>{}</msg:ace>",
        escape(domain.unicode()),
        escape(domain.ace())
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
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
