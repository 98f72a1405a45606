//! An event as the JSON object of the contract (design, section 5).

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::model::{
    BounceRecipient, Claim, ContactVerification, DomainName, Facts, Handle, RegistryEvent,
    RegistryStatus, ResellerDomain, ResellerEvent, ResellerHandle, ResellerObject, Verification,
};

/// The object `event` of `stichtag parse --json`.
///
/// `kind`, `domain`, `ace`, `result`, `ticket`, `status`, `holders`, both deadlines, `claims`,
/// `messages` and `unknown` are always there, `null` or empty where the message does not say; other
/// members only where it does. `domain` is the U-label, `ace` the A-label; instants are RFC 3339 in
/// UTC with seconds; claims are in alphabetical order.
pub fn event_json(event: &RegistryEvent) -> Value {
    let facts = &event.facts;
    let (status, holders, verification) = state(facts);
    let claims = match facts {
        Facts::ContactVerificationRequired(contact) => contact.claims.as_ref(),
        _ => verification.and_then(|asked| asked.claims.as_ref()),
    };
    let mut object = Map::new();
    let mut put = |name: &str, value: Value| {
        object.insert(name.to_owned(), value);
    };
    put("kind", json!(facts.kind()));
    put("domain", json!(facts.domain().map(DomainName::unicode)));
    put("ace", json!(facts.domain().map(DomainName::ace)));
    put(
        "result",
        json!(event.result.as_ref().map(|result| result.as_str())),
    );
    put("ticket", json!(event.ticket));
    put("status", json!(status.map(RegistryStatus::as_str)));
    put("holders", handles(holders));
    put(
        "dedelegation_at",
        at(verification.and_then(|asked| asked.dedelegation_at)),
    );
    put(
        "deletion_at",
        at(verification.and_then(|asked| asked.deletion_at)),
    );
    put(
        "claims",
        claims.map_or(Value::Null, |claims| {
            let mut words: Vec<_> = claims.iter().map(Claim::as_str).collect();
            words.sort_unstable();
            json!(words)
        }),
    );
    put("messages", json!(event.messages));
    put("unknown", json!(event.unknown));
    for (name, value) in [
        ("object", json!(event.object)),
        ("ctid", json!(event.ctid)),
        ("stid", json!(event.stid)),
        ("msgid", json!(event.msgid)),
        ("msgtype", json!(event.msgtype)),
        ("msgcnt", json!(event.msgcnt)),
        ("registry_time", at(event.registry_time)),
    ]
    .into_iter()
    .chain(particulars(facts))
    {
        if !value.is_null() {
            put(name, value);
        }
    }
    Value::Object(object)
}

fn state(facts: &Facts) -> (Option<&RegistryStatus>, &[Handle], Option<&Verification>) {
    match facts {
        Facts::DomainStatus(state) => (
            Some(&state.status),
            &state.holders,
            state.verification.as_ref(),
        ),
        Facts::RequestAnswer {
            status,
            holders,
            verification,
            ..
        } => (status.as_ref(), holders, verification.as_ref()),
        _ => (None, &[], None),
    }
}

/// The members of one kind alone.
fn particulars(facts: &Facts) -> Vec<(&'static str, Value)> {
    match facts {
        Facts::ContactVerificationRequired(ContactVerification {
            contact,
            claims: _,
            domain_count,
            earliest_dedelegation,
            earliest_deletion,
        }) => vec![
            ("contact", json!(contact)),
            ("domain_count", json!(domain_count)),
            (
                "earliest_dedelegation",
                earliest(earliest_dedelegation.as_ref()),
            ),
            ("earliest_deletion", earliest(earliest_deletion.as_ref())),
        ],
        Facts::ContactUpdate { contact, reference } => {
            vec![("contact", json!(contact)), ("reference", json!(reference))]
        }
        Facts::ContactDelete { handles: deleted } => vec![("handles", handles(deleted))],
        Facts::ExpireWarning { expire_at, .. }
        | Facts::Expire { expire_at, .. }
        | Facts::AuthInfoExpire { expire_at, .. }
        | Facts::DomainDelete { expire_at, .. }
        | Facts::RequestAnswer { expire_at, .. } => vec![("expire_at", at(*expire_at))],
        Facts::Chprov {
            new_provider,
            old_provider,
            ..
        } => vec![
            ("new_provider", json!(new_provider)),
            ("old_provider", json!(old_provider)),
        ],
        Facts::ContactVerification { event, trigger } => reseller(event, trigger.is_some()),
        Facts::ResellerEvent(event) => reseller(event, false),
        Facts::ResellerDomains { domains, .. } => {
            vec![("domains", domains.iter().map(reseller_domain).collect())]
        }
        Facts::ResellerContact(contact) => vec![
            ("contact", json!(contact.handle.as_str())),
            ("address", json!(contact.address)),
            ("validated", json!(contact.is_validated)),
            ("verified", json!(contact.is_verified)),
            ("verification_requested", json!(contact.is_requested)),
        ],
        Facts::ResellerAnswer { code, description } => {
            vec![("code", json!(code)), ("description", json!(description))]
        }
        Facts::Bounce(report) => vec![
            ("notice", json!(report.notice)),
            ("returned_message_id", json!(report.message_id)),
            ("reporting_mta", json!(report.reporting_mta)),
            ("envelope_id", json!(report.envelope_id)),
            (
                "recipients",
                report.recipients.iter().map(recipient_json).collect(),
            ),
        ],
        Facts::AutoReply { why } => vec![("why", json!(why))],
        Facts::DomainStatus(_)
        | Facts::AuthInfoNotify { .. }
        | Facts::AuthInfoDelete { .. }
        | Facts::QueueReminder
        | Facts::Unknown { .. } => Vec::new(),
    }
}

/// `data` is a list, for a key may repeat.
fn reseller(event: &ResellerEvent, has_trigger: bool) -> Vec<(&'static str, Value)> {
    let contact = match &event.object {
        Some(ResellerObject::Contact(handle)) => Some(handle.as_str()),
        _ => None,
    };
    let pair = |(key, value): &(String, String)| json!({ "key": key, "value": value });
    vec![
        ("class", json!(event.class)),
        ("subclass", json!(event.subclass)),
        ("contact", json!(contact)),
        ("trigger_present", json!(has_trigger)),
        ("registrar", json!(event.registrar)),
        ("index", json!(event.index)),
        ("texts", json!(event.texts)),
        ("data", event.data.iter().map(pair).collect()),
    ]
}

/// Deadlines of .de domains have no zone there, and are shown as they are.
fn reseller_domain(shown: &ResellerDomain) -> Value {
    json!({
        "domain": shown.domain.unicode(),
        "ace": shown.domain.ace(),
        "statuses": shown.statuses,
        "nameservers": shown.nameservers,
        "contact": shown.owner.as_ref().map(ResellerHandle::as_str),
        "created_at": at(shown.created_at),
        "suspension_at": at(shown.suspension_at),
        "de_dedelegation": shown.de_dedelegation.map(|local| local.to_string()),
        "de_deletion": shown.de_deletion.map(|local| local.to_string()),
        "verified": shown.is_verified,
    })
}

/// One recipient of a report; `recipient` is the address that we wrote to, as far as it is said.
pub fn recipient_json(one: &BounceRecipient) -> Value {
    let mut object = json!(one);
    object["recipient"] = json!(one.recipient());
    object["permanent"] = json!(one.is_permanent());
    object
}

fn at(instant: Option<Timestamp>) -> Value {
    json!(instant.map(|instant| format!("{instant:.0}")))
}

fn handles(handles: &[Handle]) -> Value {
    handles.iter().map(Handle::as_str).collect()
}

fn earliest(earliest: Option<&(DomainName, Timestamp)>) -> Value {
    earliest.map_or(Value::Null, |(domain, instant)| {
        json!({ "domain": domain.unicode(), "ace": domain.ace(), "at": at(Some(*instant)) })
    })
}
