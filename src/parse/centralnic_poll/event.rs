//! From a response to an event.

use jiff::Timestamp;

use super::super::instant;
use super::super::notes::Notes;
use super::super::reseller::{CONFIRMATION, Told, is_class};
use super::super::secret::{hide, holds};
use super::frame::Frame;
use crate::model::{Facts, QueueMsgId, Reason, RegistryEvent, Source, Stid, TriggerCode, reason};

/// The code of a response that brings a message (EP-01).
const MESSAGE: u16 = 1301;

/// Words for objects that a message may begin with.
const OBJECTS: [&str; 6] = [
    "DOMAINAPPLICATION",
    "CERTIFICATE",
    "CONTACT",
    "ACCOUNT",
    "DOMAIN",
    "HOST",
];

/// What happens to objects: with the object's word before it, each is a class (`centralnic.md` 6.4).
const HAPPENINGS: [&str; 8] = [
    "REGISTRATION",
    "MODIFICATION",
    "DELETION",
    "RENEWAL",
    "TRADE",
    "TRANSFER",
    "RESTORE",
    "REISSUE",
];

pub(super) fn read(frame: Frame, notes: &mut Notes) -> Result<RegistryEvent, Reason> {
    let registry_time = queued_at(&frame)?;
    let facts = facts(&frame, notes)?;
    let code = match &facts {
        Facts::ContactVerification { trigger, .. } => trigger.as_ref(),
        _ => None,
    };
    let id = |id: String| match holds(&id, code) {
        true => hide(&id, code),
        false => id,
    };
    let object = match &facts {
        Facts::ContactVerification { event, .. } | Facts::ResellerEvent(event) => {
            (event.object.as_ref()).map(|object| object.as_str().to_owned())
        }
        _ => None,
    };
    if !frame.unknown.is_empty() {
        notes.warn(reason::UNKNOWN_FIELD, "elements that are not known");
    }
    Ok(RegistryEvent {
        source: Source::CentralnicPoll,
        says_environment: None,
        result: None,
        ticket: None,
        // What it echoes is the poll's own id.
        ctid: None,
        stid: frame.sv_trid.map(|trid| Stid(id(trid))),
        msgid: frame.id.map(|msgid| QueueMsgId(id(msgid))),
        msgtype: frame.msg.map(|msg| hide(&msg, code)),
        msgcnt: frame.count,
        object,
        registry_time,
        messages: Vec::new(),
        unknown: shown(&frame.unknown, code),
        warnings: Vec::new(),
        facts,
    })
}

fn shown(texts: &[String], code: Option<&TriggerCode>) -> Vec<String> {
    texts.iter().map(|text| hide(text, code)).collect()
}

/// A date in year 1 means that it is not known (EP-06).
fn queued_at(frame: &Frame) -> Result<Option<Timestamp>, Reason> {
    match frame.queued.as_deref() {
        None => Ok(None),
        Some(date) if instant::is_unknown(date) => Ok(None),
        Some(date) => instant::read(date)
            .map(Some)
            .map_err(|no_instant| no_instant.reason("qDate", date, reason::NOT_UNDERSTOOD)),
    }
}

fn facts(frame: &Frame, notes: &mut Notes) -> Result<Facts, Reason> {
    if frame.code != MESSAGE {
        return Ok(Facts::ResellerAnswer {
            code: frame.code,
            description: hide(&frame.said, None),
        });
    }
    let missing = |what: &str| {
        Reason::new(
            reason::NOT_UNDERSTOOD,
            format!("the message has no {what}, which all have"),
        )
    };
    if frame.id.is_none() {
        return Err(missing("id at `msgQ`"));
    }
    let msg = frame.msg.as_deref().ok_or_else(|| missing("`msg`"))?;
    if !frame.is_extended {
        let why = "it came without the extension of CentralNic Reseller, which carries codes: \
                   the login has to name it";
        notes.warn(reason::NO_EXTENSION, why);
    }
    let mut told = Told {
        object: frame.object.clone(),
        data: frame.data.clone(),
        info: frame.info.iter().cloned().collect(),
        ..Told::default()
    };
    for (key, value) in &frame.shown {
        if !told
            .data
            .iter()
            .any(|(known, _)| known.eq_ignore_ascii_case(key))
        {
            told.data.push((key.clone(), value.clone()));
        }
    }
    if !is_class(msg) {
        return Ok(Facts::Unknown {
            domain: told.facts(notes)?.domain().cloned(),
        });
    }
    (told.class, told.subclass) = class(msg, frame);
    told.facts(notes)
}

/// Class and subclass of a message, as the other forms of the same event name them (EP-03).
pub(super) fn class(msg: &str, frame: &Frame) -> (String, String) {
    let (object, subclass) = object_and_subclass(msg, frame);
    if (object.as_str(), subclass) == ("CONTACT", CONFIRMATION.1) {
        return (CONFIRMATION.0.to_owned(), subclass.to_owned());
    }
    let happening = subclass.strip_prefix("FOREIGN_").unwrap_or(subclass);
    let is_of = |known: &&&str| {
        happening
            .strip_prefix(**known)
            .is_some_and(|rest| rest.starts_with('_'))
    };
    let class = match HAPPENINGS.iter().find(is_of) {
        Some(happening) => format!("{object}_{happening}"),
        None => object,
    };
    (class, subclass.to_owned())
}

/// The object's word is taken off once; a message without one is about what `resData` shows.
fn object_and_subclass<'a>(msg: &'a str, frame: &Frame) -> (String, &'a str) {
    let behind = |word: &str| msg.strip_prefix(word)?.strip_prefix('_');
    // Contacts have no subclass REGISTRATION_NOTIFY.
    if msg == CONFIRMATION.1 {
        return ("CONTACT".to_owned(), msg);
    }
    let named = OBJECTS
        .iter()
        .find_map(|word| Some((*word, behind(word)?)))
        .filter(|(_, rest)| !rest.is_empty());
    if let Some((word, rest)) = named {
        return (word.to_owned(), rest);
    }
    let has = |key: &&str| frame.data.iter().any(|(known, _)| known == key);
    let shown = frame.object_type.as_deref();
    match shown.or_else(|| ["domain", "contact"].into_iter().find(has)) {
        Some(object) => (object.to_ascii_uppercase(), msg),
        None => match msg.split_once('_').filter(|(_, rest)| !rest.is_empty()) {
            Some((word, rest)) => (word.to_owned(), rest),
            None => (msg.to_owned(), msg),
        },
    }
}
