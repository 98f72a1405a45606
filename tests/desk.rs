//! The simulated registry: what it does with every request, by RRI and by mail, and what goes wrong.

#[path = "desk/faults.rs"]
mod faults;
#[path = "desk/formats.rs"]
mod formats;
// Not everything that it does is needed here.
#[allow(dead_code)]
#[path = "sign/gpg.rs"]
mod gpg;
#[path = "desk/mail.rs"]
mod mail;
#[path = "desk/requests.rs"]
mod requests;
#[path = "desk/rri.rs"]
mod rri;
#[path = "desk/time.rs"]
mod time;
#[path = "desk/verification.rs"]
mod verification;

use jiff::Timestamp;
use stichtag::model::request::RequestError;
use stichtag::model::request::{
    ContactData, ContactKind, Delegation, DomainData, Proof, RegistryRequest, RequestContact,
    VerificationEvidence, VerificationMethod, VerificationResult,
};
use stichtag::model::{
    Claim, Ctid, DomainName, Environment, Handle, Level, RegistryEvent, RequestResult,
};
use stichtag::parse;
use stichtag::send::registry::{self, Format};
use stichtag::simulate::desk::{Book, Channel, Feed, Reply, Rules};

const US: &str = "DENIC-1000888";
const OTHERS: &str = "DENIC-1000777";
const SERVERS: [&str; 2] = ["ns1.registrar.example", "ns2.registrar.example"];

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// When tests begin.
fn start() -> Timestamp {
    at("2026-05-05T06:30:00Z")
}

fn name(text: &str) -> DomainName {
    text.parse().unwrap()
}

fn handle(text: &str) -> Handle {
    text.parse().unwrap()
}

fn ctid(text: &str) -> Ctid {
    Ctid(text.to_owned())
}

fn data(holders: &[&str]) -> DomainData {
    DomainData {
        holders: holders.iter().map(|holder| handle(holder)).collect(),
        general_request: None,
        abuse_contact: None,
        delegation: servers(&SERVERS),
        dnskeys: Vec::new(),
    }
}

fn servers(names: &[&str]) -> Delegation {
    Delegation::Servers(names.iter().map(|name| name.parse().unwrap()).collect())
}

fn holder(text: &str) -> ContactData {
    ContactData {
        handle: handle(text),
        kind: ContactKind::Person,
        name: "Beispiel Inhaberin & Söhne".parse().unwrap(),
        organisations: vec!["Segelschule <Bodden>".parse().unwrap()],
        address: vec!["Hafenstrasse 4".parse().unwrap()],
        postal_code: "18311".parse().unwrap(),
        city: "Ribnitz-Damgarten".parse().unwrap(),
        country: "de".parse().unwrap(),
        emails: vec!["inhaberin@segelschule-bodden.example".parse().unwrap()],
        phone: Some("+49.382150001".parse().unwrap()),
        proofs: Vec::new(),
    }
}

fn proof(claims: &[Claim], result: VerificationResult) -> Proof {
    Proof {
        claims: claims.iter().cloned().collect(),
        result,
        reference: "tkt-2026-0457".parse().unwrap(),
        at: at("2026-05-20T08:15:00Z"),
        evidence: VerificationEvidence::Idcard,
        method: VerificationMethod::PhysicalDocument,
    }
}

fn proven() -> Vec<Proof> {
    let claims = [Claim::Name, Claim::Address];
    vec![proof(&claims, VerificationResult::Success)]
}

fn create(domain: &str, holders: &[&str]) -> RegistryRequest {
    RegistryRequest::DomainCreate {
        domain: name(domain),
        data: data(holders),
    }
}

fn info(domain: &str) -> RegistryRequest {
    RegistryRequest::DomainInfo {
        domain: name(domain),
        is_recursive: true,
    }
}

/// A request in key/value.
fn write(request: &RegistryRequest, ctid: &Ctid) -> Result<String, RequestError> {
    registry::write(request, ctid, Format::KeyValue)
}

/// Two accounts, ours with a holder and a contact for requests, and the books' clock.
struct Office {
    book: Book,
    now: Timestamp,
    count: usize,
    /// What we speak.
    format: Format,
}

/// What a request brought, read by our own parser as well.
struct Answer {
    reply: Reply,
    text: String,
    event: RegistryEvent,
}

impl Answer {
    fn errors(&self) -> Vec<&str> {
        self.reply.codes(Level::Error)
    }
}

impl Office {
    fn new(environment: Environment) -> Self {
        let mut book = Book::new(Rules::of(environment));
        book.open_account(US, "Registrar Example GmbH", Feed::Rri);
        book.open_account(OTHERS, "Nachbar Internet GmbH", Feed::Rri);
        let mut office = Office {
            book,
            now: start(),
            count: 0,
            format: Format::KeyValue,
        };
        for (regacc, own) in [(US, "DENIC-1000888"), (OTHERS, "DENIC-1000777")] {
            let contact = holder(&format!("{own}-HOLDER"));
            let created = RegistryRequest::ContactCreate { contact };
            assert!(office.ask_as(regacc, &created).errors().is_empty());
            let contact = RequestContact {
                handle: handle(&format!("{own}-GR")),
                uri_template: "https://example.net/contact{?Alabel,Ulabel}"
                    .parse()
                    .unwrap(),
            };
            let created = RegistryRequest::RequestContactCreate { contact };
            assert!(office.ask_as(regacc, &created).errors().is_empty());
        }
        office
    }

    fn live() -> Self {
        Office::new(Environment::Live)
    }

    /// Asks as ourselves, under a ctid of its own.
    fn ask(&mut self, request: &RegistryRequest) -> Answer {
        self.ask_as(US, request)
    }

    fn ask_as(&mut self, regacc: &str, request: &RegistryRequest) -> Answer {
        self.count += 1;
        let id = ctid(&format!("d-{:06}", self.count));
        let text = registry::write(request, &id, self.format).unwrap();
        self.say(regacc, &text)
    }

    /// Says any text.
    fn say(&mut self, regacc: &str, text: &str) -> Answer {
        let reply = self.book.answer(regacc, Channel::Rri, text, self.now);
        let text = reply.to_text();
        let event =
            parse::denic_queue(text.as_bytes()).unwrap_or_else(|error| panic!("{error:?}\n{text}"));
        assert!((30..=255).contains(&reply.stid.len()));
        Answer { reply, text, event }
    }

    /// Carried out without any error.
    fn done(&mut self, request: &RegistryRequest) -> Answer {
        let answer = self.ask(request);
        assert_eq!(
            answer.reply.result,
            RequestResult::Success,
            "{}",
            answer.text
        );
        assert!(answer.errors().is_empty(), "{}", answer.text);
        answer
    }

    /// Refused, with those codes.
    fn refused(&mut self, request: &RegistryRequest) -> Vec<String> {
        let answer = self.ask(request);
        assert_eq!(
            answer.reply.result,
            RequestResult::Failed,
            "{}",
            answer.text
        );
        answer.errors().into_iter().map(str::to_owned).collect()
    }

    fn status(&self, domain: &str) -> Option<String> {
        let domain = self.book.domain(&name(domain))?;
        Some(domain.status.as_str().to_owned())
    }

    /// Reads and deletes all that waits; what our parser makes of each.
    fn messages(&mut self, regacc: &str) -> Vec<RegistryEvent> {
        let mut found = Vec::new();
        loop {
            let read = self.say(regacc, "version: 5.0\naction: queue-read\n");
            let Some(id) = read.event.msgid.clone() else {
                assert_eq!(self.book.waiting(regacc), 0);
                return found;
            };
            assert_eq!(read.event.unknown, Vec::<String>::new(), "{}", read.text);
            found.push(read.event);
            let delete = format!("version: 5.0\naction: queue-delete\nmsgid: {id}\n");
            let deleted = self.say(regacc, &delete);
            assert_eq!(deleted.reply.result, RequestResult::Success);
        }
    }
}
