//! Customers: how they are reached, and in which language.

use super::{Work, cases};
use crate::inspect::cli::exit;
use crate::model::{Customer, CustomerId, DomainName, DomainRecord, Language};
use crate::notify;
use crate::store::{Store, StoreError};

/// What changes about how a customer is reached; what is `None` stays as it is.
#[derive(Debug, Default)]
pub struct Contact {
    /// The mail address.
    pub email: Option<String>,
    /// A second one; `Some(None)`: there is none any more.
    pub second_email: Option<Option<String>>,
    /// Telephone number; `Some(None)`: none is known any more.
    pub phone: Option<Option<String>>,
    /// What follows "Guten Tag".
    pub salutation: Option<String>,
    /// IANA time zone; `Some(None)`: the registry's.
    pub timezone: Option<Option<String>>,
}

/// The customer of that number.
pub async fn one(store: &dyn Store, id: &CustomerId) -> anyhow::Result<Customer> {
    store.customer(id).await?.ok_or_else(|| {
        exit::not_found(format!(
            "there is no customer {id}; `stichtag import customers` brings customers in"
        ))
    })
}

/// Changes how a customer is reached; false: it was so before.
pub async fn set_contact(
    work: &Work<'_>,
    before: &Customer,
    contact: Contact,
) -> anyhow::Result<bool> {
    let mut after = before.clone();
    if let Some(email) = contact.email {
        check_address("email", &email).map_err(usage)?;
        after.email = email;
    }
    if let Some(second) = contact.second_email {
        if let Some(address) = &second {
            check_address("second email", address).map_err(usage)?;
        }
        after.second_email = second;
    }
    if let Some(phone) = contact.phone {
        after.phone = phone;
    }
    if let Some(salutation) = contact.salutation {
        after.salutation = salutation;
    }
    if let Some(zone) = contact.timezone {
        if let Some(zone) = &zone {
            check_zone(zone).map_err(usage)?;
        }
        after.timezone = zone;
    }
    for text in [Some(&after.salutation), after.phone.as_ref()]
        .into_iter()
        .flatten()
    {
        if text.chars().count() > 200 || text.chars().any(char::is_control) {
            let text = "a name or a number has one line of 200 characters at most".to_owned();
            return Err(usage(text));
        }
    }
    change(work, "customer set-contact", before, &after).await
}

/// Changes the language of a customer's mails, `None`: all languages; false: it was so before.
pub async fn set_language(
    work: &Work<'_>,
    before: &Customer,
    language: Option<Language>,
) -> anyhow::Result<bool> {
    let after = Customer {
        language,
        ..before.clone()
    };
    change(work, "customer language", before, &after).await
}

async fn change(
    work: &Work<'_>,
    action: &str,
    before: &Customer,
    after: &Customer,
) -> anyhow::Result<bool> {
    // The trail is never shortened, so it names what changed and keeps nobody's address.
    let changed = [
        ("email", before.email != after.email),
        ("second email", before.second_email != after.second_email),
        ("phone", before.phone != after.phone),
        ("salutation", before.salutation != after.salutation),
        ("time zone", before.timezone != after.timezone),
        ("language", before.language != after.language),
    ];
    let changed: Vec<_> = changed
        .iter()
        .filter(|(_, is)| *is)
        .map(|(name, _)| *name)
        .collect();
    if changed.is_empty() {
        return Ok(false);
    }
    let id = &after.id;
    let audit = work.audit(action, &id.0, &changed.join(", "));
    match work.store.change_customer(before, after, &audit).await {
        Err(StoreError::Conflict) => Err(cases::ended(format!(
            "customer {id} was changed by somebody else meanwhile; look again"
        ))),
        done => {
            done?;
            Ok(true)
        }
    }
}

/// The customer's domains that an address lies under: it is lost with them.
pub async fn at_risk(
    store: &dyn Store,
    customer: &Customer,
    address: &str,
) -> Result<Vec<DomainRecord>, StoreError> {
    let mut found = Vec::new();
    for name in customer.address_domains() {
        if name.contains_address(address) {
            found.extend(store.domains(None, Some(name.ace())).await?);
        }
    }
    found.retain(|record| record.customer.as_ref() == Some(&customer.id));
    found.sort_by(|a, b| a.key.cmp(&b.key));
    found.dedup_by(|a, b| a.key == b.key);
    Ok(found)
}

/// Is it a mail address that a mail can be written to? `column` is its name.
pub fn check_address(column: &'static str, text: &str) -> Result<(), String> {
    let host = text.rsplit_once('@').map(|(_, host)| host);
    let is_address = !text
        .contains(|c: char| c.is_whitespace() || c.is_control() || "<>,;".contains(c))
        && host.is_some_and(|host| host.parse::<DomainName>().is_ok())
        && !text.starts_with('@');
    if !is_address {
        return Err(format!(
            "{column}: `{text}` is not a mail address, expected one such as k@example.net"
        ));
    }
    // One that no mail could be written to would be found out when a notice is due.
    notify::check_address(column, text).map_err(|error| error.to_string())
}

/// Is it a time zone?
pub fn check_zone(zone: &str) -> Result<(), String> {
    let known = jiff::tz::TimeZone::get(zone);
    known
        .map(drop)
        .map_err(|_| format!("timezone: `{zone}` is not known, expected one such as Europe/Berlin"))
}

fn usage(text: String) -> anyhow::Error {
    exit::Failure {
        code: exit::USAGE,
        text,
    }
    .into()
}
