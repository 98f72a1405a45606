//! What the three forms of one event of CentralNic Reseller have in common (`centralnic.md` 6.1).

use std::collections::BTreeSet;

use super::notes::Notes;
use super::secret::{MARK, hide, holds, is_secret};
use crate::model::{
    DomainName, Facts, Reason, RegistryEvent, ResellerEvent, ResellerObject, TriggerCode, reason,
};

/// The class and subclass of a request for confirmation (CV-16).
pub(super) const CONFIRMATION: (&str, &str) =
    ("CONTACT_REGISTRATION", "CONTACT_REGISTRATION_NOTIFY");

/// Longest class or subclass; the documented ones have up to 27 characters.
const CLASS_MAX: usize = 64;

/// Does the text speak of a trigger code?
pub(super) fn says_trigger(text: &str) -> bool {
    text.to_ascii_uppercase().contains("TRIGGERCODE")
}

/// The trigger code that a text gives; `None`: it gives an empty one. An error says what is wrong with
/// it: half a code confirms nothing.
pub(super) fn code_of(text: &str) -> Result<Option<TriggerCode>, &'static str> {
    const FORM: &str = "CONTACTVERIFICATION WITH TRIGGERCODE";
    let code = text
        .split_at_checked(FORM.len())
        .filter(|(form, _)| form.eq_ignore_ascii_case(FORM))
        .and_then(|(_, rest)| rest.trim_start().strip_prefix(':'))
        .ok_or("it does not give a trigger code as documented")?
        .trim_start();
    if code.is_empty() {
        return Ok(None);
    }
    match code.parse() {
        Ok(code) => Ok(Some(code)),
        Err(_) => Err("what follows is not one trigger code"),
    }
}

/// Is it a word in capitals, as classes and subclasses are?
pub(super) fn is_class(word: &str) -> bool {
    word.len() <= CLASS_MAX
        && word.starts_with(|first: char| first.is_ascii_uppercase())
        && word
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

/// What a value names.
pub(super) fn read_object(value: &str) -> ResellerObject {
    if let Ok(handle) = value.parse() {
        return ResellerObject::Contact(handle);
    }
    let is_address = value.split_once('@').is_some_and(|(local, host)| {
        let is_local = |c: char| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
        !local.is_empty() && local.chars().all(is_local) && host.parse::<DomainName>().is_ok()
    });
    if is_address {
        return ResellerObject::Address(value.to_owned());
    }
    match value.parse() {
        Ok(domain) => ResellerObject::Domain(domain),
        Err(_) => ResellerObject::Other(value.to_owned()),
    }
}

/// Is an event of that class about a contact or a domain, so that its object must be one?
pub(super) fn has_object(class: &str) -> bool {
    ["CONTACT_", "DOMAIN_"]
        .iter()
        .any(|kind| class.starts_with(kind))
}

/// What an event without an object is about: the data key of its class's kind. `values` are the
/// different ones of a key.
pub(super) fn object_of_data<'a>(
    class: &str,
    values: impl Fn(&str) -> BTreeSet<&'a str>,
    notes: &mut Notes,
) -> Option<ResellerObject> {
    let keys = match class.starts_with("CONTACT_") {
        true => ["contact", "domain"],
        false => ["domain", "contact"],
    };
    for key in keys {
        let values = values(key);
        if values.len() > 1 {
            let what = format!("{key} has several values, so none is what the event is about");
            notes.warn(reason::REPEATED, what);
            return None;
        }
        if let Some(value) = values.first() {
            return Some(read_object(value));
        }
    }
    None
}

/// An object as it may be shown.
pub(super) fn shown_object(object: ResellerObject, code: Option<&TriggerCode>) -> ResellerObject {
    match object {
        ResellerObject::Other(text) => ResellerObject::Other(hide(&text, code)),
        // Addresses may look like codes, and must stay whole.
        ResellerObject::Address(text) if holds(&text, code) => {
            ResellerObject::Other(hide(&text, code))
        }
        object => object,
    }
}

/// A key and its value as they may be shown.
pub(super) fn shown_pair(key: &str, value: &str, code: Option<&TriggerCode>) -> (String, String) {
    match is_secret(key) {
        true => (key.to_owned(), MARK.to_owned()),
        false => (hide(key, code), hide(value, code)),
    }
}

/// The facts of an event with the code that it carries.
pub(super) fn facts(
    event: ResellerEvent,
    trigger: Option<TriggerCode>,
    notes: &mut Notes,
) -> Facts {
    let is_confirmation = (event.class.as_str(), event.subclass.as_str()) == CONFIRMATION;
    if trigger.is_none() && !is_confirmation {
        return Facts::ResellerEvent(event);
    }
    let oddity = match &trigger {
        None => Some("the event has no trigger code"),
        Some(trigger) if !trigger.is_whole() => Some("the trigger code may have lost its end"),
        Some(_) => None,
    };
    if let Some(oddity) = oddity {
        notes.warn(reason::TRIGGER, oddity);
    }
    Facts::ContactVerification { event, trigger }
}

/// Does the event show a deadline, under whatever key? None is documented for events, so none is read.
pub(super) fn shows_deadline(event: &RegistryEvent) -> bool {
    let (Facts::ContactVerification { event: told, .. } | Facts::ResellerEvent(told)) =
        &event.facts
    else {
        return false;
    };
    let data = told.data.iter().flat_map(|(key, value)| [key, value]);
    data.chain(&told.texts)
        .chain(&event.unknown)
        .any(|text| names_deadline(text))
}

/// The names that the reseller's answers have for deadlines (`centralnic.md` 5).
pub(super) fn names_deadline(text: &str) -> bool {
    let text = text.to_ascii_lowercase().replace(['-', '_', ' '], "");
    ["verificationdeadline", "dedelegation", "timetosuspension"]
        .iter()
        .any(|word| text.contains(word))
}

/// An event as poll and API give it, before its code is taken out.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Its class.
    pub class: String,
    /// Its subclass.
    pub subclass: String,
    /// What it is said to be about.
    pub object: Option<String>,
    /// Its number.
    pub index: Option<String>,
    /// Keys with their values, in order.
    pub data: Vec<(String, String)>,
    /// What is said in words.
    pub info: Vec<String>,
}

/// The data key that is text: event mail says the same in `REASON`.
const REASON: &str = "reason";

impl Told {
    /// Its facts. R12 for two codes, R10 for one that is not as documented.
    pub fn facts(self, notes: &mut Notes) -> Result<Facts, Reason> {
        // The domain first: whatever is wrong further down, people want to know whose message it is.
        notes.domain = self.data_domain();
        let trigger = self.trigger()?;
        let code = trigger.as_ref();
        let object = match &self.object {
            Some(object) => Some(read_object(object)),
            None => object_of_data(&self.class, |key| self.values(key), notes),
        };
        if let Some(ResellerObject::Domain(domain)) = &object {
            notes.domain = Some(domain.clone());
        }
        if has_object(&self.class) && matches!(object, Some(ResellerObject::Other(_))) {
            let what = "the object is no contact, address or domain";
            notes.warn(reason::UNKNOWN_FIELD, what);
        }
        let event = ResellerEvent {
            texts: self.texts(code),
            data: self.data(object.as_ref(), code),
            class: self.class,
            subclass: self.subclass,
            object: object.map(|object| shown_object(object, code)),
            domain: notes.domain.clone(),
            registrar: None,
            index: self.index.map(|index| hide(&index, code)),
        };
        Ok(facts(event, trigger, notes))
    }

    fn values(&self, key: &str) -> BTreeSet<&str> {
        let pairs = self.data.iter().filter(|(known, _)| known == key);
        let values = pairs.map(|(_, value)| value.as_str());
        values.filter(|value| !value.is_empty()).collect()
    }

    /// The domain of the data, if they name one alone.
    fn data_domain(&self) -> Option<DomainName> {
        let values = self.values("domain");
        let only = values.first().filter(|_| values.len() == 1)?;
        only.parse().ok()
    }

    /// The one trigger code, wherever it stands.
    fn trigger(&self) -> Result<Option<TriggerCode>, Reason> {
        let data = self.data.iter();
        let data = data.map(|(key, value)| (key.as_str(), value.as_str()));
        let info = self.info.iter().map(|text| ("info", text.as_str()));
        let mut found: Option<(&str, TriggerCode)> = None;
        for (key, text) in data.chain(info).filter(|(_, text)| says_trigger(text)) {
            let code = code_of(text)
                .map_err(|what| Reason::new(reason::NOT_UNDERSTOOD, format!("{key}: {what}")))?;
            match (code, &found) {
                (Some(code), Some((first, other))) if *other != code => {
                    return Err(Reason::new(
                        reason::CONTRADICTION,
                        format!("{key}: the trigger code differs from that of {first}"),
                    ));
                }
                (Some(code), None) => found = Some((key, code)),
                _ => {}
            }
        }
        Ok(found.map(|(_, code)| code))
    }

    /// Each text once, but for the code.
    fn texts(&self, code: Option<&TriggerCode>) -> Vec<String> {
        let reasons = self.data.iter().filter(|(key, _)| key == REASON);
        let texts = reasons.map(|(_, value)| value).chain(&self.info);
        let mut shown: Vec<String> = Vec::new();
        for text in texts.filter(|text| !text.is_empty() && !says_trigger(text)) {
            let text = hide(text, code);
            if !shown.contains(&text) {
                shown.push(text);
            }
        }
        shown
    }

    /// The data but for what is text, and what a request for confirmation says as its object.
    fn data(
        &self,
        object: Option<&ResellerObject>,
        code: Option<&TriggerCode>,
    ) -> Vec<(String, String)> {
        let is_confirmation = (self.class.as_str(), self.subclass.as_str()) == CONFIRMATION;
        let is_object = |value: &str| object.is_some_and(|object| object.as_str() == value);
        let is_said =
            |key: &str, value: &str| is_confirmation && key == "contact" && is_object(value);
        (self.data.iter())
            .filter(|(key, value)| key != REASON && !is_said(key, value))
            .map(|(key, value)| shown_pair(key, value, code))
            .collect()
    }
}
