//! What the registry's own data decide: how a change becomes a whole request, and whether a request
//! was carried out of which nobody knows (`denic.md` 4.7, 4.8).

use std::collections::BTreeSet;

use super::order::Answered;
use crate::model::request::{Change, Delegation, DomainData, NameServer, RegistryRequest};
use crate::model::{
    DomainSheet, Handle, Level, Lifecycle, OrderState, RegistryEvent, RegistryInfo, RegistryStatus,
    RequestOutcome, RequestResult, SentRequest,
};

/// "Domain doesn't exist" (`denic.md` 6.2).
const NO_DOMAIN: &str = "63300062009";

/// The whole request that a change comes to, with the registry's present data. The error is a
/// sentence: nothing is sent then, for what is left out would be deleted.
pub fn complete(change: &Change, info: &RegistryInfo) -> Result<RegistryRequest, String> {
    let request = match (change, info) {
        (Change::Domain { domain, change }, RegistryInfo::Domain(sheet))
            if sheet.domain == *domain =>
        {
            whole(&sheet.unread)?;
            RegistryRequest::DomainUpdate {
                domain: domain.clone(),
                data: change.over(&sheet.data),
            }
        }
        (Change::Contact { handle, change, .. }, RegistryInfo::Contact(sheet))
            if sheet.data.handle == *handle =>
        {
            whole(&sheet.unread)?;
            RegistryRequest::ContactUpdate {
                contact: change.over(&sheet.data),
            }
        }
        _ => return Err("the registry's answer is about something else".to_owned()),
    };
    match request.check() {
        Ok(()) => Ok(request),
        Err(error) => Err(format!("with the registry's present data: {error}")),
    }
}

fn whole(unread: &[String]) -> Result<(), String> {
    match unread.first() {
        None => Ok(()),
        Some(first) => Err(format!(
            "the registry has `{first}`, which this version cannot send back, and an update would \
             delete it"
        )),
    }
}

/// What INFO says about the outcome of `request`; `None`: nothing that a decision could rest on.
pub fn found(
    request: &SentRequest,
    event: &RegistryEvent,
    info: Option<&RegistryInfo>,
    before: Lifecycle,
) -> Option<Answered> {
    let (outcome, seen) = match event.result {
        Some(RequestResult::Success) => seen(&request.request, info?)?,
        Some(RequestResult::Failed) => unseen(&request.request, event)?,
        _ => return None,
    };
    let begins = matches!(
        request.request,
        RegistryRequest::DomainCreate { .. } | RegistryRequest::DomainChprov { .. }
    );
    let action = request.request.action();
    let (text, advice, order, lifecycle) = match outcome {
        RequestOutcome::Success => (
            format!("{action} was carried out: {seen} (asked by INFO)"),
            "nothing",
            OrderState::Done,
            begins.then_some(Lifecycle::Registered),
        ),
        RequestOutcome::Failed | RequestOutcome::Exception => (
            format!("{action} was not carried out: {seen} (asked by INFO)"),
            "order it again, as a new order, if it is still wanted",
            OrderState::Failed,
            (begins && before != Lifecycle::Registered).then_some(Lifecycle::Error),
        ),
    };
    Some(Answered {
        outcome,
        order,
        lifecycle,
        entry: Some((text, advice.to_owned())),
        is_late: false,
    })
}

/// The registry has no such thing.
fn unseen(
    request: &RegistryRequest,
    event: &RegistryEvent,
) -> Option<(RequestOutcome, &'static str)> {
    let mut errors = event
        .messages
        .iter()
        .filter(|message| message.level == Level::Error);
    let is_domain = request.domain().is_some();
    let is_absent = match is_domain {
        true => errors.any(|error| error.code == NO_DOMAIN),
        // No code is documented for a contact that is not there; of our own handle, nothing else
        // is wrong with the question.
        false => errors.any(|error| error.text.to_ascii_lowercase().contains("exist")),
    };
    if !is_absent {
        return None;
    }
    match request {
        RegistryRequest::DomainDelete { .. } => Some((
            RequestOutcome::Success,
            "the registry does not have the domain any more",
        )),
        _ if is_domain => Some((
            RequestOutcome::Failed,
            "the registry does not have the domain",
        )),
        _ => Some((
            RequestOutcome::Failed,
            "the registry does not have the contact",
        )),
    }
}

/// The registry has it.
fn seen(request: &RegistryRequest, info: &RegistryInfo) -> Option<(RequestOutcome, &'static str)> {
    let done = |is_done, yes, no| match is_done {
        true => Some((RequestOutcome::Success, yes)),
        false => Some((RequestOutcome::Failed, no)),
    };
    match (request, info) {
        (
            RegistryRequest::ContactCreate { contact } | RegistryRequest::ContactUpdate { contact },
            RegistryInfo::Contact(sheet),
        ) if sheet.data.handle == contact.handle => done(
            sheet.data == *contact,
            "the registry has the contact as it was asked for",
            "the registry has the contact with other data",
        ),
        (request, RegistryInfo::Domain(sheet)) if request.domain() == Some(&sheet.domain) => {
            let is_redeemable = sheet.status == Some(RegistryStatus::RedemptionPeriod);
            match request {
                RegistryRequest::DomainCreate { .. } | RegistryRequest::DomainChprov { .. }
                    if is_redeemable =>
                {
                    done(false, "", "the domain is in redemption")
                }
                RegistryRequest::DomainCreate { data, .. }
                | RegistryRequest::DomainChprov { data, .. } => {
                    let is_with = is_with(sheet, &data.holders)?;
                    // With us and with other holders: it may have been ours before.
                    if is_with && !has_holders(data, &sheet.data) {
                        return None;
                    }
                    done(
                        is_with,
                        "the registry has the domain with us",
                        "the registry has the domain, and not with us",
                    )
                }
                RegistryRequest::DomainUpdate { data, .. }
                | RegistryRequest::DomainChholder { data, .. } => done(
                    is_equal(data, &sheet.data),
                    "the registry has the domain as it was asked for",
                    "the registry has the domain with other data",
                ),
                RegistryRequest::DomainDelete { .. } => done(
                    is_redeemable,
                    "the domain is in redemption",
                    "the domain is not deleted",
                ),
                RegistryRequest::DomainRestore { .. } => done(
                    !is_redeemable,
                    "the domain is registered",
                    "the domain is still in redemption",
                ),
                _ => None,
            }
        }
        _ => None,
    }
}

/// Is the domain with the account that these holders' handles begin with? `None`: it is not said.
fn is_with(sheet: &DomainSheet, holders: &[Handle]) -> Option<bool> {
    let regacc = sheet.regacc.as_ref()?;
    let front = format!("{}-", regacc.to_ascii_uppercase());
    Some(
        holders
            .iter()
            .all(|handle| handle.key().starts_with(&front)),
    )
}

fn has_holders(asked: &DomainData, present: &DomainData) -> bool {
    let holders = |data: &DomainData| data.holders.iter().cloned().collect::<BTreeSet<_>>();
    holders(asked) == holders(present)
}

/// The order of name servers, holders and keys is not kept by the registry.
fn is_equal(asked: &DomainData, present: &DomainData) -> bool {
    let keys = |data: &DomainData| data.dnskeys.iter().cloned().collect::<BTreeSet<_>>();
    has_holders(asked, present)
        && keys(asked) == keys(present)
        && asked.general_request == present.general_request
        && asked.abuse_contact == present.abuse_contact
        && match (&asked.delegation, &present.delegation) {
            (Delegation::Servers(asked), Delegation::Servers(present)) => {
                servers(asked) == servers(present)
            }
            (Delegation::Entries(asked), Delegation::Entries(present)) => {
                asked.iter().collect::<BTreeSet<_>>() == present.iter().collect()
            }
            _ => false,
        }
}

fn servers(all: &[NameServer]) -> BTreeSet<(&str, BTreeSet<std::net::IpAddr>)> {
    all.iter()
        .map(|server| {
            let addresses = server.addresses.iter().copied().collect();
            (server.host.ace(), addresses)
        })
        .collect()
}
