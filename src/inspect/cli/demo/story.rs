//! What happens in the demo: the books of a small registrar, and what the registry tells it.

mod documented;
mod unusual;

use anyhow::Context as _;
use jiff::{Timestamp, ToSpan, Zoned};

use crate::model::{Environment, Handle, NoticeKind, ReasonCode};
use crate::simulate::{Body, Dates, DomainFact, Layout, QueueStatus, Signer, StatusMail};
use crate::store::MessageVerdict::{self, Unchanged};

/// Where live registry mail comes in.
pub const LIVE_ADDRESS: &str = "denic@registry.example.net";

/// Where test registry mail comes in.
pub const TEST_ADDRESS: &str = "denic-test@registry.example.net";

/// Days from the first message to the end.
pub const DAYS: i64 = 33;

/// The customers: German, English, one of unknown language, one whose address lies under its own
/// domain.
pub const CUSTOMERS: &str = "\
customer,salutation,language,email,second_email,phone
K-10482,Erika Beispiel,de,erika@example.net,,+49 69 1234568
K-20077,Segelschule Bodden,de,info@segelschule-bodden.de,,+49 69 1234569
K-30015,Alex Example,en,alex@example.org,,
K-40003,Grüne Welle e. V.,,vorstand@example.net,,
K-90001,Test desk,en,test@example.net,,
";

/// Their domains; those without a status wait for their registration.
pub const DOMAINS: &str = "\
domain,environment,customer,holders,status
dänic.de,live,K-10482,,
segelschule-bodden.de,live,K-20077,DENIC-1000888-BODDEN-GBR,connect
kachelofen-waage.de,live,K-30015,DENIC-1000888-WAAGE,connect
drachenbau-elbe.de,live,K-30015,DENIC-1000888-ELBE,connect
fahrradkurier-lahn.de,live,K-10482,DENIC-1000888-ELBE,connect
grüne-welle-hamm.de,live,K-40003,DENIC-1000888-WELLE,connect
dänic.de,test,K-90001,,
";

/// Some steps under one heading.
pub struct Chapter {
    /// The heading.
    pub title: &'static str,
    /// The steps.
    pub steps: Vec<Step>,
}

/// One message, and what should become of it.
pub struct Step {
    /// What it shows.
    pub title: &'static str,
    /// When, by the demo's clock.
    pub at: Timestamp,
    /// The message.
    pub delivery: Delivery,
    /// What should become of it.
    pub expected: Expected,
    /// Print the text of its notices in full?
    pub shows_text: bool,
}

/// How a message comes in.
pub enum Delivery {
    /// By SMTP.
    Mail {
        /// Envelope sender.
        from: String,
        /// Envelope recipient.
        to: &'static str,
        /// The mail.
        raw: Vec<u8>,
    },
    /// Through the registry's queue, kept as `stichtag import queue` keeps it.
    Queue {
        /// The environment of the queue.
        environment: Environment,
        /// What it is and how it is written.
        form: &'static str,
        /// The reply.
        raw: Vec<u8>,
    },
}

/// What should become of a message.
pub struct Expected {
    /// The verdict.
    pub verdict: MessageVerdict,
    /// Reason codes that must be among those given.
    pub codes: &'static [ReasonCode],
    /// Exactly these notices, by kind and customer, all of them sent.
    pub notices: &'static [(NoticeKind, &'static str)],
}

/// 09:00 of the day [`DAYS`] before `now`, in the registry's zone: the story ends in the present,
/// so that what it leaves behind reads right by everybody's clock.
pub fn start(now: &Zoned) -> anyhow::Result<Zoned> {
    let day = now.date().checked_sub(DAYS.days())?;
    Ok(day.at(9, 0, 0, 0).to_zoned(now.time_zone().clone())?)
}

/// The whole story, from `start` on.
pub fn chapters(start: &Zoned) -> anyhow::Result<Vec<Chapter>> {
    let desk = Desk { start };
    Ok(vec![
        desk.live()?,
        desk.test()?,
        desk.forms()?,
        desk.doubtful()?,
        desk.later()?,
    ])
}

/// Writes the messages.
struct Desk<'a> {
    start: &'a Zoned,
}

impl Desk<'_> {
    /// An instant of the story.
    fn at(&self, day: i64, minute: i64) -> anyhow::Result<Timestamp> {
        let at = self.start.checked_add(day.days().minutes(minute));
        Ok(at.context("the story leaves the calendar")?.timestamp())
    }

    fn sailing(&self) -> anyhow::Result<DomainFact> {
        let holders = ["DENIC-1000888-BODDEN-GBR", "DENIC-1000888-HOLDER-2"];
        fact("segelschule-bodden.de", &holders)
    }

    /// A mail set as on the registry's page.
    fn mail(
        &self,
        environment: Environment,
        fact: DomainFact,
        dates: Dates,
        at: Timestamp,
    ) -> StatusMail {
        let to = address(environment);
        StatusMail {
            layout: Layout::Page,
            ..StatusMail::new(environment, to, at, Body::Status(fact, dates))
        }
    }

    fn queued(
        &self,
        minute: i64,
        fact: &DomainFact,
        environment: Environment,
        form: Form,
    ) -> anyhow::Result<Step> {
        self.queued_at(0, minute, fact, environment, form)
    }

    /// The fact of the mail before it, told again through the queue.
    fn queued_at(
        &self,
        day: i64,
        minute: i64,
        fact: &DomainFact,
        environment: Environment,
        form: Form,
    ) -> anyhow::Result<Step> {
        let at = self.at(day, minute)?;
        let message = QueueStatus {
            environment,
            at,
            fact: fact.clone(),
        };
        let (form, raw) = match form {
            Form::KeyValue => ("domainStatusUpdate, key/value", message.to_key_value()),
            Form::Xml => ("domainStatusUpdate, XML", message.to_xml()),
        };
        Ok(Step {
            title: "The same fact through the registry's queue: valid, no news.",
            at,
            delivery: Delivery::Queue {
                environment,
                form,
                raw,
            },
            expected: Expected {
                verdict: Unchanged,
                codes: &[],
                notices: &[],
            },
            shows_text: false,
        })
    }
}

#[derive(Clone, Copy)]
enum Form {
    KeyValue,
    Xml,
}

fn address(environment: Environment) -> &'static str {
    match environment {
        Environment::Live => LIVE_ADDRESS,
        Environment::Test => TEST_ADDRESS,
    }
}

/// As the registry's own mail server hands it over: signed.
fn by_mail(mail: &StatusMail) -> anyhow::Result<Delivery> {
    let sender = StatusMail::sender(mail.environment);
    let (_, domain) = sender.rsplit_once('@').context("a sender with a domain")?;
    let signer = Signer::registry(domain)?;
    Ok(Delivery::Mail {
        from: sender.to_owned(),
        to: address(mail.environment),
        raw: signer.sign(&mail.to_bytes(), mail.at),
    })
}

fn danic() -> anyhow::Result<DomainFact> {
    let holders = ["DENIC-1000002-MaybeGoodGuy", "DENIC-1000002-GoodGuy"];
    fact("dänic.de", &holders)
}

fn fact(domain: &str, holders: &[&str]) -> anyhow::Result<DomainFact> {
    let holders: Vec<Handle> = holders
        .iter()
        .map(|handle| handle.parse())
        .collect::<Result<_, _>>()?;
    Ok(DomainFact::connect(domain.parse()?, holders))
}
