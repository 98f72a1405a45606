//! The meaning of an event's lines.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::super::instant;
use super::super::mail::Mail;
use super::super::notes::Notes;
use super::super::reseller::{
    code_of, facts, has_object, is_class, object_of_data, read_object, says_trigger, shown_object,
    shown_pair,
};
use super::super::secret::hide;
use super::field::{Fields, Head};
use crate::model::{
    DomainName, Reason, RegistryEvent, ResellerEvent, ResellerObject, Source, TriggerCode, reason,
};

/// Makes an event of an opened mail. Warnings stay in `notes`; no sentence repeats a value.
pub(super) fn read(mail: &Mail, notes: &mut Notes) -> Result<RegistryEvent, Reason> {
    let fields = Fields::read(&mail.text, notes);
    // The domain first: whatever is wrong further down, people want to know whose message it is.
    notes.domain = data_domain(&fields);
    if let Some(line) = fields.aside {
        return Err(Reason::new(
            reason::TEXT_ASIDE,
            format!("line {line}: a field behind the signature mark, or quoted"),
        ));
    }
    let trigger = trigger(&fields)?;
    let class = word(&fields, Head::Class, notes)?;
    let subclass = word(&fields, Head::Subclass, notes)?;
    let object = object(&fields, class, notes)?;
    if let Some(ResellerObject::Domain(domain)) = &object {
        notes.domain = Some(domain.clone());
    }
    let registrar = fields.one(Head::Registrar, notes)?;
    let index = fields.one(Head::Index, notes)?;
    let registry_time = match fields.one(Head::Date, notes)? {
        Some((line, date)) => date_at(line, date)?,
        None => None,
    };
    let shown = |text: &str| hide(text, trigger.as_ref());
    let event = ResellerEvent {
        class: class.to_owned(),
        subclass: subclass.to_owned(),
        object: object.map(|object| shown_object(object, trigger.as_ref())),
        domain: notes.domain.clone(),
        registrar: registrar.map(|(_, name)| shown(name)),
        index: index.map(|(_, number)| shown(number)),
        texts: texts(&fields, shown),
        data: (fields.data.iter())
            .map(|field| shown_pair(field.key, field.value, trigger.as_ref()))
            .collect(),
    };
    Ok(RegistryEvent {
        source: Source::CentralnicMail,
        says_environment: None,
        result: None,
        ticket: None,
        ctid: None,
        stid: None,
        msgid: None,
        msgtype: None,
        msgcnt: None,
        object: (event.object.as_ref()).map(|object| object.as_str().to_owned()),
        registry_time: registry_time.or(mail.date),
        unknown: fields.unknown.iter().map(|(_, text)| shown(text)).collect(),
        facts: facts(event, trigger, notes),
        messages: Vec::new(),
        warnings: Vec::new(),
    })
}

fn not_understood(line: usize, field: &str, what: &str) -> Reason {
    Reason::new(
        reason::NOT_UNDERSTOOD,
        format!("line {line}, {field}: {what}"),
    )
}

/// The one trigger code, wherever it stands. R12 for two, R10 for one that is not as documented: half
/// a code confirms nothing.
fn trigger(fields: &Fields<'_>) -> Result<Option<TriggerCode>, Reason> {
    let head = (fields.head.iter()).map(|field| (field.line, field.key.as_str(), field.value));
    let data = (fields.data.iter()).map(|field| (field.line, field.key, field.value));
    if let Some(line) = fields.cut {
        return Err(Reason::new(
            reason::NOT_UNDERSTOOD,
            format!("line {line}: the trigger code before it may go on here"),
        ));
    }
    let mut found: Option<(usize, TriggerCode)> = None;
    for (line, key, value) in head.chain(data).filter(|(_, _, value)| says_trigger(value)) {
        let code = code_of(value).map_err(|what| not_understood(line, key, what))?;
        let Some(code) = code else {
            continue;
        };
        match &found {
            Some((first, other)) if *other != code => {
                return Err(Reason::new(
                    reason::CONTRADICTION,
                    format!("line {line}, {key}: the trigger code differs from line {first}"),
                ));
            }
            _ => found = Some((line, code)),
        }
    }
    Ok(found.map(|(_, code)| code))
}

/// The one class or subclass.
fn word<'a>(fields: &Fields<'a>, head: Head, notes: &mut Notes) -> Result<&'a str, Reason> {
    let (line, class) = fields.one(head, notes)?.ok_or_else(|| {
        Reason::new(
            reason::NOT_UNDERSTOOD,
            format!("the field {} is missing or empty", head.as_str()),
        )
    })?;
    match is_class(class) {
        true => Ok(class),
        false => Err(not_understood(
            line,
            head.as_str(),
            "it is not a word in capitals",
        )),
    }
}

/// What `OBJECT` names, else the data key of the class's kind.
fn object(
    fields: &Fields<'_>,
    class: &str,
    notes: &mut Notes,
) -> Result<Option<ResellerObject>, Reason> {
    if let Some((line, value)) = fields.one(Head::Object, notes)? {
        let object = read_object(value);
        if has_object(class) && matches!(object, ResellerObject::Other(_)) {
            let what = "OBJECT is no contact, address or domain";
            notes.at(reason::UNKNOWN_FIELD, line, what);
        }
        return Ok(Some(object));
    }
    Ok(object_of_data(class, |key| values(fields, key), notes))
}

/// The different values of a data key.
fn values<'a>(fields: &Fields<'a>, key: &str) -> BTreeSet<&'a str> {
    let fields = fields.data.iter().filter(|field| field.key == key);
    let values = fields.map(|field| field.value);
    values.filter(|value| !value.is_empty()).collect()
}

/// The domain of the data, if they name one alone.
fn data_domain(fields: &Fields<'_>) -> Option<DomainName> {
    let values = values(fields, "domain");
    let only = values.first().filter(|_| values.len() == 1)?;
    only.parse().ok()
}

/// The reseller's times are in UTC (`centralnic.md` 2); a date in year 1 means that it is not known
/// (EP-06).
fn date_at(line: usize, date: &str) -> Result<Option<Timestamp>, Reason> {
    let at = instant::read_utc(date).map_err(|_| {
        let what = "it is not a date and time such as `2026-11-09 17:26:33`";
        not_understood(line, Head::Date.as_str(), what)
    })?;
    Ok(Some(at).filter(|_| !instant::is_unknown(date)))
}

/// `REASON` and `MESSAGE`, each text once, but for the code.
fn texts(fields: &Fields<'_>, shown: impl Fn(&str) -> String) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    for field in &fields.head {
        let is_text = matches!(field.key, Head::Reason | Head::Message);
        if !is_text || field.value.is_empty() || says_trigger(field.value) {
            continue;
        }
        let text = shown(field.value);
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    texts
}
