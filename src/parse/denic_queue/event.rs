//! The meaning of a payload: a queue message by its type, or the answer to a request.

use std::collections::BTreeSet;

use super::super::code::{self, Coded};
use super::super::deadline::{self, refuse_elsewhere};
use super::super::name;
use super::super::notes::Notes;
use super::super::text::quote;
use super::contact;
use super::payload::Payload;
use crate::model::{
    Claim, Ctid, DomainName, DomainStatus, Facts, Handle, QueueMsgId, Reason, RegistryEvent,
    RegistryStatus, RequestResult, Source, Stid, Verification, reason,
};

/// Makes an event of a payload. Warnings stay in `notes`.
pub(super) fn read(mut payload: Payload, notes: &mut Notes) -> Result<RegistryEvent, Reason> {
    // First, so that an error further down can say whose message it is.
    let domain = domain(&mut payload, notes)?;
    let result = payload.text("result", notes)?;
    let result = result.as_deref().map(RequestResult::from);
    let msgtype = payload.text("msgtype", notes)?;
    let msgid = payload.text("msgid", notes)?.map(QueueMsgId);
    let ctid = payload.text("ctid", notes)?.map(Ctid);
    let stid = payload.text("stid", notes)?.map(Stid);
    let msgcnt = match payload.one("msgcnt", notes)? {
        None => None,
        Some(field) => {
            let count = field.value.parse().ok();
            if count.is_none() {
                payload.give_up(&field, notes);
            }
            count
        }
    };
    let says_environment = code::survey(&payload.messages, notes);
    let is_refused = result
        .as_ref()
        .is_some_and(|result| *result != RequestResult::Success);
    let (registry_time, facts) = match (&msgtype, &result) {
        (Some(_), _) if is_refused => {
            return Err(Reason::new(
                reason::CONTRADICTION,
                "RESULT is not success, but a message of the queue follows",
            ));
        }
        (Some(msgtype), _) => {
            let at = payload
                .instant("msgtime", notes)?
                .ok_or_else(|| missing("msgtime"))?;
            (Some(at), typed(msgtype, domain, &mut payload, notes)?)
        }
        (None, _) if msgid.is_some() => return Err(missing("msgtype")),
        (None, Some(_)) => (
            payload.instant("msgtime", notes)?,
            answer(domain, &mut payload, notes)?,
        ),
        (None, None) => return Err(missing("RESULT (or msgtype)")),
    };
    keep_rest(&mut payload, &facts, notes)?;
    Ok(RegistryEvent {
        source: Source::DenicQueue,
        says_environment,
        result,
        ticket: None,
        ctid,
        stid,
        msgid,
        msgtype,
        msgcnt,
        object: None,
        registry_time,
        facts,
        messages: payload
            .messages
            .into_iter()
            .map(|coded| coded.message)
            .collect(),
        unknown: payload.unknown.into_iter().map(|(_, raw)| raw).collect(),
        warnings: Vec::new(),
    })
}

/// A sentence for a field that must be there.
pub(super) fn missing(field: &str) -> Reason {
    Reason::new(
        reason::NOT_UNDERSTOOD,
        format!("the field {field} is missing or empty"),
    )
}

/// The domain that `domain` and `domain-ace` name.
fn domain(payload: &mut Payload, notes: &mut Notes) -> Result<Option<DomainName>, Reason> {
    let unicode = payload.one("domain", notes)?;
    let ace = payload.one("domain-ace", notes)?;
    let (line, unicode, ace) = match (&unicode, &ace) {
        (None, None) => return Ok(None),
        (Some(unicode), ace) => (
            unicode.line,
            &unicode.value,
            ace.as_ref().map(|ace| &ace.value),
        ),
        // The A-label alone says all.
        (None, Some(ace)) => (ace.line, &ace.value, Some(&ace.value)),
    };
    let (unicode, bracket) = name::split_bracket(unicode);
    let ace = ace.map(String::as_str).or(bracket);
    name::agree(line, "domain", unicode, ace, notes).map(Some)
}

/// A message of the queue.
fn typed(
    msgtype: &str,
    domain: Option<DomainName>,
    payload: &mut Payload,
    notes: &mut Notes,
) -> Result<Facts, Reason> {
    let kind = msgtype.to_ascii_lowercase();
    let needed = |domain: Option<DomainName>| domain.ok_or_else(|| missing("domain"));
    if kind != "domainstatusupdate" && kind != "contactverificationrequired" {
        refuse_deadlines(&kind, payload)?;
    }
    Ok(match kind.as_str() {
        "domainstatusupdate" => {
            let domain = needed(domain)?;
            let status = status(payload, notes)?.ok_or_else(|| missing("status"))?;
            Facts::DomainStatus(DomainStatus {
                domain,
                status,
                holders: handles("holder", payload, notes),
                verification: verification(payload, notes)?,
            })
        }
        "contactverificationrequired" => contact::verification_required(payload, notes)?,
        "contactupdate" => Facts::ContactUpdate {
            contact: contact::contact(payload, notes)?,
            reference: code::reference(&payload.messages),
        },
        "contactdelete" => {
            let handles = handles("handle", payload, notes);
            if handles.is_empty() {
                return Err(missing("handle"));
            }
            Facts::ContactDelete { handles }
        }
        "expirewarning" => Facts::ExpireWarning {
            domain: needed(domain)?,
            expire_at: payload.instant("expire", notes)?,
        },
        "expire" => Facts::Expire {
            domain: needed(domain)?,
            expire_at: payload.instant("expire", notes)?,
        },
        "authinfoexpire" => Facts::AuthInfoExpire {
            domain: needed(domain)?,
            expire_at: payload.instant("authinfoexpire", notes)?,
        },
        "authinfo2notify" => Facts::AuthInfoNotify {
            domain: needed(domain)?,
        },
        "authinfo2delete" => Facts::AuthInfoDelete {
            domain: needed(domain)?,
        },
        "chprovauthinfo" => Facts::Chprov {
            domain: needed(domain)?,
            new_provider: payload.text("new", notes)?,
            old_provider: payload.text("old", notes)?,
        },
        "domaindelete" => Facts::DomainDelete {
            domain: needed(domain)?,
            expire_at: payload.instant("expire", notes)?,
        },
        _ => Facts::Unknown { domain },
    })
}

/// The answer to a request, or the word that the queue is empty.
fn answer(
    domain: Option<DomainName>,
    payload: &mut Payload,
    notes: &mut Notes,
) -> Result<Facts, Reason> {
    // `exists` and `free` are also said of contacts; without a domain it is no domain's status.
    let status = if domain.is_some() || !payload.has("status") {
        status(payload, notes)?
    } else {
        code::one_status(&payload.messages)?.map(|(status, _)| status)
    };
    Ok(Facts::RequestAnswer {
        domain,
        status,
        holders: handles("holder", payload, notes),
        verification: verification(payload, notes)?,
        expire_at: code::failed_until(&payload.messages)?,
    })
}

/// The status in the field and in the coded lines; R12 if they differ.
fn status(payload: &mut Payload, notes: &mut Notes) -> Result<Option<RegistryStatus>, Reason> {
    let field = match payload.one("status", notes)? {
        None => None,
        Some(field) => {
            // Two lines that ran together must not pass for a new status.
            refuse_elsewhere(field.line, &field.value)?;
            if !field.value.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                return Err(Reason::new(
                    reason::NOT_UNDERSTOOD,
                    format!(
                        "line {}, status: `{}` is not one word",
                        field.line,
                        quote(&field.value)
                    ),
                ));
            }
            Some((RegistryStatus::from(field.value.as_str()), field.line))
        }
    };
    let stated = code::one_status(&payload.messages)?;
    if let (Some((field, _)), Some((stated, line))) = (&field, &stated)
        && field != stated
    {
        return Err(Reason::new(
            reason::CONTRADICTION,
            format!(
                "line {line}: it says status `{}`, the field says `{}`",
                quote(stated.as_str()),
                quote(field.as_str())
            ),
        ));
    }
    let Some((status, line)) = field.or(stated) else {
        return Ok(None);
    };
    if let RegistryStatus::Other(word) = &status {
        notes.at(
            reason::UNKNOWN_STATUS,
            line,
            format!("status `{}` is not known", quote(word)),
        );
    }
    Ok(Some(status))
}

fn verification(payload: &mut Payload, notes: &mut Notes) -> Result<Option<Verification>, Reason> {
    let fields = deadline::Fields {
        dedelegation: payload.deadline("verificationdeadlinebeforededelegation", notes)?,
        deletion: payload.deadline("verificationdeadlinebeforedeletion", notes)?,
    };
    deadline::verification(fields, &payload.messages, notes)
}

/// The contact handles under one key, each once; what is none is kept as unknown.
pub(super) fn handles(key: &str, payload: &mut Payload, notes: &mut Notes) -> Vec<Handle> {
    let mut handles = Vec::new();
    let mut seen = BTreeSet::new();
    for field in payload.all(key) {
        match field.value.parse::<Handle>() {
            Ok(handle) if seen.insert(handle.clone()) => handles.push(handle),
            Ok(_) => notes.at(reason::REPEATED, field.line, format!("{key} is repeated")),
            Err(_) => {
                notes.at(
                    reason::NO_HANDLE,
                    field.line,
                    format!("{key} is not a contact handle"),
                );
                payload.unknown.push((field.line, field.raw));
            }
        }
    }
    handles
}

/// A deadline in a message whose type has no place for one: code or type is wrong (R12).
fn refuse_deadlines(kind: &str, payload: &Payload) -> Result<(), Reason> {
    let is_known_type = [
        "contactupdate",
        "contactdelete",
        "expirewarning",
        "expire",
        "authinfoexpire",
        "authinfo2notify",
        "authinfo2delete",
        "chprovauthinfo",
        "domaindelete",
    ]
    .contains(&kind);
    let deadline = payload
        .messages
        .iter()
        .find(|coded| code::is_deadline(coded));
    match deadline.filter(|_| is_known_type) {
        None => Ok(()),
        Some(coded) => Err(Reason::new(
            reason::CONTRADICTION,
            format!(
                "{}: a verification deadline in a message of type {kind}",
                coded.place()
            ),
        )),
    }
}

/// Keeps what nobody asked for. Unread lines that seem to name a deadline hold the message, except
/// where nothing of it is understood anyway.
fn keep_rest(payload: &mut Payload, facts: &Facts, notes: &mut Notes) -> Result<(), Reason> {
    let is_unknown = matches!(facts, Facts::Unknown { .. });
    let left: Vec<_> = payload.left().collect();
    for field in left {
        if is_unknown {
            payload.unknown.push((field.line, field.raw));
        } else {
            payload.give_up(&field, notes);
        }
    }
    payload.unknown.sort_by_key(|(line, _)| *line);
    if !is_unknown {
        for (line, raw) in &payload.unknown {
            refuse_elsewhere(*line, raw)?;
        }
    }
    Ok(())
}

/// All claims that coded lines name; used where they stand beside fields of their own.
pub(super) fn coded_claims(messages: &[Coded]) -> impl Iterator<Item = Claim> + '_ {
    messages.iter().filter_map(deadline::claims_of).flatten()
}
