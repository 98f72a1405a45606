//! One line per event, from the typed values (not from the JSON).

use std::fmt::Write as _;

use stichtag::model::{
    Claim, DomainName, Facts, Handle, RegistryEvent, ResellerEvent, ResellerObject, Source,
    Verification,
};
use stichtag::parse::ParseError;

/// Kind, domain, state, deadlines, claims, what the kind has of its own, ids, warnings.
pub fn summary(read: &Result<RegistryEvent, ParseError>) -> String {
    let event = match read {
        Ok(event) => event,
        Err(error) => {
            let mut line = error.code.to_string();
            if let Some(domain) = &error.domain {
                write!(line, " {}", domain.ace()).unwrap();
            }
            if error.names_deadline {
                line += " deadline";
            }
            return line;
        }
    };
    let mut line = event.facts.kind().to_owned();
    if let Some(domain) = event.facts.domain() {
        write!(line, " {}", both(domain)).unwrap();
    }
    let mut put = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            write!(line, " {name}={value}").unwrap();
        }
    };
    match &event.facts {
        Facts::DomainStatus(state) => {
            put("status", Some(state.status.to_string()));
            put("holders", list(&state.holders));
            verification(state.verification.as_ref(), &mut put);
        }
        Facts::RequestAnswer {
            domain: _,
            status,
            holders,
            verification: asked,
            expire_at,
        } => {
            put("status", status.as_ref().map(ToString::to_string));
            put("holders", list(holders));
            verification(asked.as_ref(), &mut put);
            put("expire", expire_at.map(|at| at.to_string()));
        }
        Facts::ContactVerificationRequired(contact) => {
            put("contact", Some(contact.contact.to_string()));
            put("claims", Some(claims(contact.claims.as_ref())));
            put(
                "domains",
                contact.domain_count.map(|count| count.to_string()),
            );
            let earliest = |earliest: &Option<(DomainName, _)>| {
                earliest
                    .as_ref()
                    .map(|(domain, at): &(_, jiff::Timestamp)| format!("{}@{at}", domain.ace()))
            };
            put("ded", earliest(&contact.earliest_dedelegation));
            put("del", earliest(&contact.earliest_deletion));
        }
        Facts::ContactUpdate { contact, reference } => {
            put("contact", Some(contact.to_string()));
            put("reference", reference.clone());
        }
        Facts::ContactDelete { handles } => put("handles", list(handles)),
        Facts::ExpireWarning { expire_at, .. }
        | Facts::Expire { expire_at, .. }
        | Facts::AuthInfoExpire { expire_at, .. }
        | Facts::DomainDelete { expire_at, .. } => {
            put("expire", expire_at.map(|at| at.to_string()))
        }
        Facts::Chprov {
            new_provider,
            old_provider,
            ..
        } => {
            put("new", new_provider.clone());
            put("old", old_provider.clone());
        }
        Facts::ContactVerification { event, trigger } => {
            let is_there = trigger.is_some();
            reseller(event, &mut put);
            put("trigger", Some(is_there.to_string()));
        }
        Facts::ResellerEvent(event) => reseller(event, &mut put),
        Facts::ResellerDomains { domains, is_whole } => {
            put("whole", Some(is_whole.to_string()));
            put("shown", Some(format!("{domains:?}")));
        }
        Facts::ResellerContact(contact) => put("shown", Some(format!("{contact:?}"))),
        Facts::ResellerAnswer { code, description } => {
            put("answer", Some(format!("{code} {description}")));
        }
        Facts::AuthInfoNotify { .. }
        | Facts::AuthInfoDelete { .. }
        | Facts::QueueReminder
        | Facts::Bounce(_)
        | Facts::AutoReply { .. }
        | Facts::Unknown { .. } => {}
    }
    put(
        "result",
        event
            .result
            .as_ref()
            .map(|result| result.as_str().to_owned()),
    );
    put("ticket", event.ticket.as_ref().map(ToString::to_string));
    put("ctid", event.ctid.as_ref().map(ToString::to_string));
    put("count", event.msgcnt.map(|count| count.to_string()));
    for text in &event.unknown {
        if event.source == Source::CentralnicMail {
            put("unknown", Some(format!("`{text}`")));
        }
    }
    put("time", event.registry_time.map(|at| at.to_string()));
    put(
        "env",
        event
            .says_environment
            .map(|environment| environment.to_string()),
    );
    for warning in &event.warnings {
        write!(line, " {}", warning.code).unwrap();
    }
    line
}

fn reseller(event: &ResellerEvent, put: &mut impl FnMut(&str, Option<String>)) {
    put("class", Some(format!("{}/{}", event.class, event.subclass)));
    let (kind, object) = match &event.object {
        Some(ResellerObject::Contact(handle)) => ("contact", Some(handle.to_string())),
        Some(ResellerObject::Address(address)) => ("address", Some(address.clone())),
        Some(ResellerObject::Domain(domain)) => ("object", Some(domain.ace().to_owned())),
        Some(ResellerObject::Other(text)) => ("other", Some(text.clone())),
        None => ("object", None),
    };
    put(kind, object);
    put("registrar", event.registrar.clone());
    put("index", event.index.clone());
    for text in &event.texts {
        put("text", Some(format!("`{text}`")));
    }
    for (key, value) in &event.data {
        put(key, Some(format!("`{value}`")));
    }
}

fn both(domain: &DomainName) -> String {
    if domain.ace() == domain.unicode() {
        return domain.ace().to_owned();
    }
    format!("{}/{}", domain.unicode(), domain.ace())
}

fn list(handles: &[Handle]) -> Option<String> {
    let words: Vec<_> = handles.iter().map(Handle::as_str).collect();
    (!words.is_empty()).then(|| words.join(","))
}

fn claims(claims: Option<&std::collections::BTreeSet<Claim>>) -> String {
    let Some(claims) = claims else {
        return "?".to_owned();
    };
    let mut words: Vec<_> = claims.iter().map(Claim::as_str).collect();
    words.sort_unstable();
    words.join(";")
}

fn verification(asked: Option<&Verification>, put: &mut impl FnMut(&str, Option<String>)) {
    let Some(asked) = asked else {
        return;
    };
    put("ded", asked.dedelegation_at.map(|at| at.to_string()));
    put("del", asked.deletion_at.map(|at| at.to_string()));
    put("claims", Some(claims(asked.claims.as_ref())));
}
