//! The meaning of a mail's fields.

use std::collections::BTreeSet;

use super::super::code::{self, Coded};
use super::super::deadline::{self, refuse_elsewhere, refuse_instant};
use super::super::mail::Mail;
use super::super::name;
use super::super::notes::Notes;
use super::super::text::{collapse, quote};
use super::field::{Field, Fields, Keyword};
use crate::model::{
    ContactVerification, DomainName, DomainStatus, Facts, Handle, Reason, RegistryEvent,
    RegistryStatus, RequestResult, Source, Ticket, reason,
};

/// Makes an event of an opened mail. Warnings stay in `notes`.
pub(super) fn read(mail: &Mail, notes: &mut Notes) -> Result<RegistryEvent, Reason> {
    let mut fields = Fields::read(&mail.text, notes);
    let mut event = RegistryEvent {
        source: Source::DenicMail,
        says_environment: None,
        result: None,
        ticket: None,
        ctid: None,
        stid: None,
        msgid: None,
        msgtype: None,
        msgcnt: None,
        object: None,
        registry_time: mail.date,
        facts: Facts::QueueReminder,
        messages: Vec::new(),
        unknown: Vec::new(),
        warnings: Vec::new(),
    };
    if let Some(line) = fields.aside {
        return Err(Reason::new(
            reason::TEXT_ASIDE,
            format!("line {line}: a field behind the signature mark, or quoted"),
        ));
    }
    if fields.known.is_empty() {
        if !is_queue_reminder(mail) {
            return Err(missing("the text has none of the registry's fields"));
        }
        event.unknown = fields.unknown.into_iter().map(|(_, text)| text).collect();
        return Ok(event);
    }

    let object = fields.one(Keyword::Object, notes)?;
    event.object = object
        .filter(|field| !field.value.is_empty())
        .map(|field| field.value.clone());
    let object = Object::of(event.object.as_deref());
    let handle = fields
        .one(Keyword::Handle, notes)?
        .filter(|field| !field.value.is_empty())
        .cloned();
    // The domain first: whatever is wrong further down, people want to know whose message it is.
    let domain = match (&handle, object) {
        (Some(field), Object::Domain) => Some(domain(field, notes)?),
        (Some(field), Object::Other) => field
            .value
            .parse::<Handle>()
            .is_err()
            .then(|| domain(field, notes).ok())
            .flatten(),
        _ => None,
    };
    let ticket = fields.one(Keyword::Ticket, notes)?;
    event.ticket = ticket
        .filter(|field| !field.value.is_empty())
        .map(|field| Ticket(field.value.clone()));
    let status = fields
        .one(Keyword::Status, notes)?
        .filter(|field| !field.value.is_empty())
        .ok_or_else(|| missing("the field STATUS is missing or empty"))?;
    let result = RequestResult::from(status.value.as_str());
    if object == Object::Domain && domain.is_none() {
        return Err(missing("the field HANDLE is missing or empty"));
    }

    let coded = coded(&mut fields, notes);
    let stated = code::one_status(&coded)?;
    event.says_environment = code::survey(&coded, notes);
    // An answer to a request of ours may have no line at all, or a code that nobody knows yet.
    let lines = fields.known.iter();
    let lines = lines.filter(|field| matches!(field.keyword, Keyword::Coded(_)));
    let is_answer = event.ticket.is_some() && lines.count() == coded.len();
    if stated.is_none() && !is_answer && !coded.iter().any(Coded::is_known) {
        return Err(missing("no INFO, WARNING or ERROR line has a known code"));
    }
    let holders = holders(&mut fields, notes);
    for (line, text) in &fields.unknown {
        refuse_elsewhere(*line, text)?;
    }
    // A line whose keyword was damaged on the way is taken for the rest of the field before it.
    for field in &fields.known {
        if matches!(
            field.keyword,
            Keyword::Status | Keyword::Ticket | Keyword::Object
        ) {
            refuse_elsewhere(field.line, &field.value)?;
        }
    }

    event.facts = match domain {
        _ if object == Object::Contact && result == RequestResult::Success => {
            contact(handle.as_ref(), &coded, &fields, notes)?
        }
        domain if object == Object::Other && result == RequestResult::Success => {
            refuse_deadlines(&coded)?;
            Facts::Unknown { domain }
        }
        domain => domain_facts(domain, &result, stated, holders, &coded, notes)?,
    };
    event.result = Some(result);
    event.messages = coded.into_iter().map(|coded| coded.message).collect();
    event.unknown = fields.unknown.into_iter().map(|(_, text)| text).collect();
    Ok(event)
}

/// What the mail is about; a mail that does not say is about a domain.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Object {
    Domain,
    Contact,
    Other,
}

impl Object {
    fn of(object: Option<&str>) -> Self {
        match object.map(str::to_ascii_lowercase).as_deref() {
            None | Some("domain") => Object::Domain,
            Some("contact") => Object::Contact,
            Some(_) => Object::Other,
        }
    }
}

fn missing(what: &str) -> Reason {
    Reason::new(reason::NOT_UNDERSTOOD, what)
}

fn domain(field: &Field, notes: &mut Notes) -> Result<DomainName, Reason> {
    let (unicode, ace) = name::split_bracket(&field.value);
    name::agree(field.line, "HANDLE", unicode, ace, notes)
}

/// The INFO, WARNING and ERROR lines; one without a code is kept as unknown.
fn coded(fields: &mut Fields, notes: &mut Notes) -> Vec<Coded> {
    let mut found = Vec::new();
    for field in &fields.known {
        let Keyword::Coded(level) = field.keyword else {
            continue;
        };
        match Coded::read(field.line, level, &field.value) {
            Some(coded) => found.push(coded),
            None => {
                let word = field.keyword.as_str();
                notes.at(
                    reason::UNKNOWN_FIELD,
                    field.line,
                    format!("{word} does not begin with an 11-digit code"),
                );
                fields
                    .unknown
                    .push((field.line, format!("{word}: {}", field.value)));
            }
        }
    }
    found
}

/// The holders, each once; what is no contact handle is kept as unknown.
fn holders(fields: &mut Fields, notes: &mut Notes) -> Vec<Handle> {
    let mut holders: Vec<Handle> = Vec::new();
    let mut seen = BTreeSet::new();
    for field in &fields.known {
        if field.keyword != Keyword::Holder {
            continue;
        }
        match field.value.parse::<Handle>() {
            Ok(holder) if seen.insert(holder.clone()) => holders.push(holder),
            Ok(_) => notes.at(reason::REPEATED, field.line, "HOLDER is repeated"),
            Err(_) => {
                notes.at(
                    reason::NO_HANDLE,
                    field.line,
                    "HOLDER is not a contact handle",
                );
                fields
                    .unknown
                    .push((field.line, format!("HOLDER: {}", field.value)));
            }
        }
    }
    holders
}

/// A status of a domain, or the answer to a request of ours.
fn domain_facts(
    domain: Option<DomainName>,
    result: &RequestResult,
    stated: Option<(RegistryStatus, usize)>,
    holders: Vec<Handle>,
    coded: &[Coded],
    notes: &mut Notes,
) -> Result<Facts, Reason> {
    let verification = deadline::verification(deadline::Fields::default(), coded, notes)?;
    if let Some((status @ RegistryStatus::Other(_), line)) = &stated {
        notes.at(
            reason::UNKNOWN_STATUS,
            *line,
            format!("status `{}` is not known", quote(status.as_str())),
        );
    }
    let expire_at = code::failed_until(coded)?;
    // 33300102900 answers a request and carries a date of its own.
    let is_answer = *result != RequestResult::Success
        || coded.iter().any(|coded| coded.message.code == code::FAILED);
    match (domain, stated) {
        (Some(domain), Some((status, _))) if !is_answer => Ok(Facts::DomainStatus(DomainStatus {
            domain,
            status,
            holders,
            verification,
        })),
        (domain, stated) => Ok(Facts::RequestAnswer {
            domain,
            status: stated.map(|(status, _)| status),
            holders,
            verification,
            expire_at,
        }),
    }
}

/// A contact that must be verified or was changed. The layout of such a mail is not documented
/// (`denic.md` 2.1), so only codes decide, and a date in it is held instead of dropped.
fn contact(
    handle: Option<&Field>,
    coded: &[Coded],
    fields: &Fields,
    notes: &mut Notes,
) -> Result<Facts, Reason> {
    refuse_deadlines(coded)?;
    let has = |code: &str| coded.iter().any(|coded| coded.message.code == code);
    let Some(contact) = handle.and_then(|field| field.value.parse::<Handle>().ok()) else {
        return Ok(Facts::Unknown { domain: None });
    };
    if has(code::CONTACT_ASKED) || has(code::CONTACT_HOW) {
        for (line, text) in &fields.unknown {
            refuse_instant(*line, text)?;
        }
        return Ok(Facts::ContactVerificationRequired(ContactVerification {
            contact,
            claims: deadline::all_claims(coded, notes),
            domain_count: None,
            earliest_dedelegation: None,
            earliest_deletion: None,
        }));
    }
    if coded.iter().any(Coded::is_contact_changed) {
        return Ok(Facts::ContactUpdate {
            contact,
            reference: code::reference(coded),
        });
    }
    Ok(Facts::Unknown { domain: None })
}

/// R11 for deadline lines and dates in a mail that has no place to store them.
fn refuse_deadlines(coded: &[Coded]) -> Result<(), Reason> {
    for line in coded {
        if code::is_deadline(line) {
            return Err(Reason::new(
                reason::DEADLINE_UNREADABLE,
                format!("{}: no domain is named for this deadline", line.place()),
            ));
        }
        for argument in &line.message.arguments {
            refuse_instant(line.line, argument)?;
        }
    }
    Ok(())
}

/// Does the mail say that messages wait in the queue? Its layout is not documented, so both the
/// queue and the waiting must be named.
fn is_queue_reminder(mail: &Mail) -> bool {
    let words = format!("{} {}", mail.subject, mail.text).to_lowercase();
    let words = collapse(&words);
    let names = |list: &[&str]| list.iter().any(|word| words.contains(word));
    names(&[
        "message queue",
        "message-queue",
        "messagequeue",
        "nachrichtenwarteschlange",
    ]) && names(&[
        "unread",
        "waiting",
        "older than",
        "not been read",
        "not been retrieved",
        "not been collected",
        "ungelesen",
        "älter als",
        "nicht abgeholt",
        "nicht abgerufen",
    ])
}
