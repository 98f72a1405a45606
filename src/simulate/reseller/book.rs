//! The reseller's system: what it holds, and what it is asked.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::answer::{Answer, Asked};
use super::contact::{Address, Contact};
use super::domain::{Domain, SuspendBy};
use super::event::Event;
use super::lists::LIMIT;

/// The link where no other is set (CV-18).
const LINK: &str = "http://emailverification.info";

/// The number of the first event.
const FIRST_EVENT: u32 = 700_101;

/// The mail that an owner gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerificationMail {
    /// The address.
    pub to: String,
    /// The link in it.
    pub link: String,
    /// The bare code in it.
    pub code: String,
    /// When it went out.
    pub at: Timestamp,
}

/// What the reseller's system holds. Time is given in; nothing happens by itself.
#[derive(Clone, Debug)]
pub struct Book {
    /// How domains are suspended.
    pub suspends_by: SuspendBy,
    /// Rows of a page where the command does not say.
    pub page_limit: usize,
    pub(super) contacts: BTreeMap<String, Contact>,
    /// By address, in lower case.
    pub(super) addresses: BTreeMap<String, Address>,
    /// The address that a code confirms. None is ever forgotten (CV-25).
    pub(super) codes: BTreeMap<String, String>,
    pub(super) domains: BTreeMap<String, Domain>,
    /// Domains to which time does something.
    pub(super) restless: BTreeSet<String>,
    pub(super) mails: Vec<VerificationMail>,
    events: Vec<Event>,
    properties: BTreeMap<String, String>,
    journal: Vec<String>,
    handles: u32,
    now: Option<Timestamp>,
}

impl Default for Book {
    fn default() -> Self {
        Book {
            suspends_by: SuspendBy::NameServers,
            page_limit: LIMIT,
            contacts: BTreeMap::new(),
            addresses: BTreeMap::new(),
            codes: BTreeMap::new(),
            domains: BTreeMap::new(),
            restless: BTreeSet::new(),
            mails: Vec::new(),
            events: Vec::new(),
            properties: BTreeMap::new(),
            journal: Vec::new(),
            handles: 0,
            now: None,
        }
    }
}

impl Book {
    /// Carries out a command, a block of `KEY=VALUE` lines, and says what came of it.
    pub fn call(&mut self, command: &str, now: Timestamp) -> String {
        self.advance(now);
        let Some(asked) = Asked::read(command) else {
            return Answer::new(500, "Invalid command name").write();
        };
        let answer = self.answer(&asked, now);
        if let Some(answer) = &answer
            && answer.is_success()
        {
            self.journal.push(command.to_owned());
        }
        match (answer, asked.name.as_str()) {
            (Some(answer), _) => answer.write(),
            (None, "statusevent") => self.status_event(&asked),
            (None, _) => Answer::new(500, "Invalid command name").write(),
        }
    }

    fn answer(&mut self, asked: &Asked, now: Timestamp) -> Option<Answer> {
        Some(match asked.name.as_str() {
            "addcontact" => self.add_contact(asked, now),
            "modifycontact" => self.modify_contact(asked, now),
            "statuscontact" => self.status_contact(asked),
            "clonecontact" => self.clone_contact(asked),
            "activatecontact" => {
                let code = asked.field("trigger").unwrap_or_default().to_owned();
                match self.confirm(&code, now) {
                    true => Answer::done(),
                    // Which code it is is not documented.
                    false => Answer::new(545, "Entity reference not found"),
                }
            }
            "resendnotification" => self.resend(asked, now),
            "adddomain" => self.add_domain(asked, now),
            "modifydomain" => self.modify_domain(asked, now),
            "statusdomain" => self.status_domain(asked),
            "querydomainlist" => self.query_domains(asked),
            "querycontactlist" => self.query_contacts(asked),
            "queryeventlist" => self.query_events(asked),
            "deleteevent" => self.delete_event(asked),
            "setproperty" => {
                for (name, value) in asked.fields() {
                    self.properties.insert(name.to_owned(), value.to_owned());
                }
                Answer::done()
            }
            "getproperty" => self.get_property(asked),
            "statusregistrar" => Answer::done().with("registrar", "samplereseller"),
            _ => return None,
        })
    }

    /// Time goes on: deadlines pass, suspended domains are freed, results go to the registry.
    pub fn advance(&mut self, now: Timestamp) {
        let before = self.now.unwrap_or(now);
        let hour = |at: Timestamp| at.as_second().div_euclid(3_600);
        if hour(now) > hour(before) {
            self.push_proofs();
        }
        self.settle_clocks(before);
        self.advance_domains(now);
        self.now = Some(before.max(now));
    }

    /// An address is confirmed, by whatever page (CV-09); false: the code is unknown.
    pub fn confirm(&mut self, code: &str, now: Timestamp) -> bool {
        let Some(address) = self.codes.get(code) else {
            return false;
        };
        let known = self.addresses.entry(address.clone()).or_default();
        known.is_verified = true;
        known.is_requested = false;
        self.settle_clocks(now);
        true
    }

    /// Everything that happened, deleted events too, oldest first.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The mails to owners, oldest first.
    pub fn mails(&self) -> &[VerificationMail] {
        &self.mails
    }

    /// Commands that were carried out, in order.
    pub fn journal(&self) -> &[String] {
        &self.journal
    }

    /// A contact.
    pub fn contact(&self, handle: &str) -> Option<&Contact> {
        self.contacts.get(handle)
    }

    /// A domain, by its A-label.
    pub fn domain(&self, name: &str) -> Option<&Domain> {
        self.domains.get(name)
    }

    pub(super) fn happen(
        &mut self,
        at: Timestamp,
        (class, subclass): (&'static str, &'static str),
        object: &str,
        data: Vec<(&'static str, String)>,
        info: Option<String>,
    ) {
        let number = FIRST_EVENT + u32::try_from(self.events.len()).unwrap_or(u32::MAX / 2);
        self.events.push(Event {
            number,
            at,
            class,
            subclass,
            object: object.to_owned(),
            data,
            info,
            is_deleted: false,
        });
    }

    fn event(&mut self, asked: &Asked) -> Option<&mut Event> {
        let number: u32 = asked.field("event")?.parse().ok()?;
        let place = usize::try_from(number.checked_sub(FIRST_EVENT)?).ok()?;
        self.events.get_mut(place)
    }

    fn status_event(&mut self, asked: &Asked) -> String {
        let with_deleted = asked.is("history");
        match self
            .event(asked)
            .filter(|it| with_deleted || !it.is_deleted)
        {
            Some(event) => event.answer(),
            None => Answer::new(545, "Entity reference not found").write(),
        }
    }

    fn delete_event(&mut self, asked: &Asked) -> Answer {
        match self.event(asked).filter(|event| !event.is_deleted) {
            Some(event) => {
                event.is_deleted = true;
                Answer::done()
            }
            None => Answer::new(545, "Entity reference not found"),
        }
    }

    /// Reading properties back is not documented; this shows those whose name begins with the class.
    fn get_property(&self, asked: &Asked) -> Answer {
        let class = asked.field("class").unwrap_or_default().to_lowercase();
        let mut answer = Answer::done();
        for (name, value) in &self.properties {
            if name.starts_with(&class) {
                answer.put(name, 0, value);
            }
        }
        answer
    }

    /// The link of a mail (CV-14, CV-18).
    pub(super) fn link(&self, code: &str, address: &str) -> String {
        match self
            .properties
            .get("contactverification-email-verification-url")
        {
            Some(url) => {
                let code = utf8_percent_encode(code, NON_ALPHANUMERIC);
                format!("{url}?trigger={code}")
            }
            None => format!("{LINK}?trigger={code}&email={address}"),
        }
    }

    pub(super) fn interrupt_servers(&self) -> Vec<String> {
        (0..2)
            .map(|index| {
                let name = format!("contactverification-interrupt-nameserver{index}");
                let own = self.properties.get(&name).cloned();
                own.unwrap_or_else(|| format!("ns{}.emailverification.info", index + 1))
            })
            .collect()
    }

    pub(super) fn new_handle(&mut self) -> String {
        self.handles += 1;
        format!("P-SIM{:04}", self.handles)
    }

    /// Shaped like the documented one (`centralnic.md` 6.3).
    pub(super) fn new_code(&self, now: Timestamp) -> String {
        let count = self.codes.len();
        let text = format!(
            "{}.{:04}#77001{count:08} L",
            now.as_second(),
            count % 10_000
        );
        STANDARD.encode(text)
    }
}
