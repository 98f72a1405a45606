//! Contacts and their addresses (`centralnic.md` 8).

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::answer::{Answer, Asked, flag};
use super::book::{Book, VerificationMail};
use super::event::trigger_text;

/// Countries where a contact needs no zip; some 60, of which a test needs few.
const WITHOUT_ZIP: [&str; 4] = ["AE", "HK", "IE", "PA"];

/// What a contact holds; all else in a command is about the command.
const FIELDS: [&str; 12] = [
    "firstname",
    "lastname",
    "organization",
    "street0",
    "street",
    "city",
    "zip",
    "state",
    "country",
    "phone",
    "fax",
    "email",
];

/// A contact.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contact {
    /// Its fields, by name in lower case.
    pub fields: BTreeMap<String, String>,
    /// `x-verification-*`, by name in lower case.
    pub proofs: BTreeMap<String, String>,
    /// The results were given to the registry.
    pub is_pushed: bool,
}

impl Contact {
    fn filled(&self, name: &str) -> Option<&str> {
        self.fields
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.trim().is_empty())
    }

    /// The address, in lower case.
    pub fn address(&self) -> String {
        self.filled("email").unwrap_or_default().to_lowercase()
    }

    /// Is its form right (CV-04)?
    pub fn is_validated(&self) -> bool {
        let has_name = (self.filled("firstname").is_some() && self.filled("lastname").is_some())
            || self.filled("organization").is_some();
        let has_street = self.filled("street0").or(self.filled("street")).is_some();
        let country = self.filled("country").unwrap_or_default();
        let is_country = country.len() == 2 && country.bytes().all(|b| b.is_ascii_alphabetic());
        let has_zip = self.filled("zip").is_some()
            || WITHOUT_ZIP.contains(&country.to_ascii_uppercase().as_str());
        has_name
            && has_street
            && is_country
            && has_zip
            && self.filled("city").is_some()
            && self.filled("phone").is_some_and(is_phone)
            && self.filled("email").is_some_and(is_address)
    }

    /// Do all results that it holds say `Success`, and is there one?
    pub fn is_proven(&self) -> bool {
        let mut results = self
            .proofs
            .iter()
            .filter(|(name, _)| name.starts_with("x-verification-result"))
            .peekable();
        results.peek().is_some() && results.all(|(_, value)| value.eq_ignore_ascii_case("success"))
    }
}

/// `+CC.number`, with `x` and an extension behind it or not.
fn is_phone(text: &str) -> bool {
    let number = text
        .split_once(['x', 'X'])
        .map_or(text, |(number, _)| number);
    let parts = number
        .strip_prefix('+')
        .and_then(|rest| rest.split_once('.'));
    parts.is_some_and(|(country, rest)| {
        let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        (1..=3).contains(&country.len())
            && !rest.is_empty()
            && country.len() + rest.len() <= 15
            && is_digits(country)
            && is_digits(rest)
    })
}

fn is_address(text: &str) -> bool {
    let parts = text.split_once('@');
    parts.is_some_and(|(local, domain)| {
        !local.is_empty() && domain.contains('.') && !domain.contains('@') && !text.contains(' ')
    })
}

/// A mail address: confirmed once for all contacts that have it.
#[derive(Clone, Debug, Default)]
pub struct Address {
    pub is_verified: bool,
    pub is_requested: bool,
    /// When a request went out, and how.
    pub history: Vec<(Timestamp, &'static str)>,
}

impl Book {
    pub(super) fn add_contact(&mut self, asked: &Asked, now: Timestamp) -> Answer {
        let mut contact = Contact::default();
        put(&mut contact, asked);
        if asked.is("checkonly") {
            return self.shown(&contact, Answer::done().saying("Check only"));
        }
        // An equal contact is used again unless a new one is wanted.
        let same = |(_, known): &(&String, &Contact)| **known == contact;
        let equal = self.contacts.iter().find(same).map(|(handle, _)| handle);
        let handle = match equal.filter(|_| !asked.is("new")) {
            Some(handle) => handle.clone(),
            None => self.new_handle(),
        };
        self.contacts.insert(handle.clone(), contact.clone());
        let mut answer = Answer::done().with("contact", &handle);
        if asked.is("preverify") {
            answer = self.preverify(&handle, &contact, answer, now);
        }
        self.shown(&contact, answer)
    }

    pub(super) fn modify_contact(&mut self, asked: &Asked, now: Timestamp) -> Answer {
        let handle = asked.field("contact").unwrap_or_default().to_owned();
        let Some(before) = self.contacts.get(&handle).cloned() else {
            return Answer::new(545, "Entity reference not found");
        };
        let mut contact = before.clone();
        put(&mut contact, asked);
        // CV-26.
        if before.is_validated() && !contact.is_validated() && self.is_in_verification(&handle) {
            return Answer::new(541, "Invalid attribute value; Field cannot be emptied");
        }
        let is_check = asked.is("checkonly");
        let mut answer = Answer::done();
        if is_check && !asked.is("preverify") {
            answer = answer.saying("Check only");
        }
        if !is_check {
            if contact.proofs != before.proofs {
                contact.is_pushed = false;
            }
            self.contacts.insert(handle.clone(), contact.clone());
            let is_other = contact.address() != before.address();
            if is_other && self.owns_domain(&handle) && !self.is_verified(&contact) {
                self.request(&handle, &contact.address(), now);
            }
        }
        if asked.is("preverify") {
            answer = self.preverify(&handle, &contact, answer, now);
        }
        self.shown(&contact, answer)
    }

    /// CV-06, CV-07.
    fn preverify(
        &mut self,
        handle: &str,
        contact: &Contact,
        answer: Answer,
        now: Timestamp,
    ) -> Answer {
        let address = contact.address();
        let is_wanted = contact.is_validated() && !self.is_verified(contact);
        if is_wanted {
            self.request(handle, &address, now);
        }
        let answer = match is_wanted {
            true => answer.saying("Verification requested"),
            false => answer.with("verified", flag(self.is_verified(contact))),
        };
        answer.with("verification requested", flag(is_wanted))
    }

    fn shown(&self, contact: &Contact, answer: Answer) -> Answer {
        answer.with("validated", flag(contact.is_validated()))
    }

    pub(super) fn status_contact(&self, asked: &Asked) -> Answer {
        let handle = asked.field("contact").unwrap_or_default();
        let Some(contact) = self.contacts.get(handle) else {
            return Answer::new(545, "Entity reference not found");
        };
        let mut answer = Answer::done().with("contact", handle);
        for (name, value) in &contact.fields {
            answer.put(name, 0, value);
        }
        for (name, value) in &contact.proofs {
            // The number is the index, and the answer always spells it so.
            let bare = name.trim_end_matches(|c: char| c.is_ascii_digit());
            let index = name[bare.len()..].parse().unwrap_or(0);
            answer.put(
                &bare.replace("trustfamework", "trustframework"),
                index,
                value,
            );
        }
        let address = self.addresses.get(&contact.address());
        let is_requested = address.is_some_and(|address| address.is_requested);
        answer
            .with("validated", flag(contact.is_validated()))
            .with("verified", flag(self.is_verified(contact)))
            .with("verification requested", flag(is_requested))
    }

    pub(super) fn clone_contact(&mut self, asked: &Asked) -> Answer {
        let Some(contact) = asked.field("contact").and_then(|it| self.contacts.get(it)) else {
            return Answer::new(545, "Entity reference not found");
        };
        let contact = contact.clone();
        let handle = self.new_handle();
        self.contacts.insert(handle.clone(), contact);
        Answer::done().with("contact", &handle)
    }

    pub(super) fn resend(&mut self, asked: &Asked, now: Timestamp) -> Answer {
        let address = asked.field("object").unwrap_or_default().to_lowercase();
        let waits = |contact: &&Contact| {
            contact.address() == address && contact.is_validated() && !self.is_verified(contact)
        };
        if !self.contacts.values().any(|contact| waits(&contact)) {
            return Answer::new(549, "Command failed; Nothing to verify");
        }
        // Of the address, not of one of its contacts.
        self.request(&address.clone(), &address, now);
        Answer::done()
    }

    /// Has its address been confirmed, and is its form right (CV-09, CV-10, CV-28)?
    pub(super) fn is_verified(&self, contact: &Contact) -> bool {
        let address = self.addresses.get(&contact.address());
        contact.is_validated() && address.is_some_and(|address| address.is_verified)
    }

    /// Sends a mail with a new code, and tells us by an event.
    pub(super) fn request(&mut self, object: &str, address: &str, now: Timestamp) {
        let code = self.new_code(now);
        self.codes.insert(code.clone(), address.to_owned());
        let known = self.addresses.entry(address.to_owned()).or_default();
        known.is_requested = true;
        known.history.extend([(now, "EMAIL"), (now, "EVENT")]);
        self.mails.push(VerificationMail {
            to: address.to_owned(),
            link: self.link(&code, address),
            code: code.clone(),
            at: now,
        });
        let data = match self.contacts.contains_key(object) {
            true => vec![("contact", object.to_owned())],
            false => Vec::new(),
        };
        let info = Some(trigger_text(&code));
        let kind = ("CONTACT_REGISTRATION", "CONTACT_REGISTRATION_NOTIFY");
        self.happen(now, kind, object, data, info);
    }
}

/// Takes over what a command says of a contact.
fn put(contact: &mut Contact, asked: &Asked) {
    for (name, value) in asked.fields() {
        if FIELDS.contains(&name) {
            contact.fields.insert(name.to_owned(), value.to_owned());
        } else if name.starts_with("x-verification-") {
            contact.proofs.insert(name.to_owned(), value.to_owned());
        }
    }
}
