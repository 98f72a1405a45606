//! What dies next: for `stichtag deadlines`, the page and the calendar.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp, ToSpan};
use serde_json::{Value, json};

use crate::config::Config;
use crate::inspect::cli::out::json_time;
use crate::model::{
    CaseId, Customer, DomainKey, DomainRecord, NoticeState, RegistryStatus, Task, reason,
};
use crate::store::{PlanCase, Store, Told};

/// One domain with a deadline.
#[derive(Debug)]
pub struct Due {
    /// The domain.
    pub record: DomainRecord,
    /// What happens then: `dedelegation`, `deletion`, `suspension` or `expire`.
    pub next: &'static str,
    /// The earliest in force, past or not: a dedelegation that has passed while the domain is not
    /// on hold must not hide behind the deletion.
    pub at: Timestamp,
    /// Its open case.
    pub case: Option<CaseId>,
    /// What its customer was told last of the case.
    pub last_notice: Option<Told>,
    /// What a person must do, in words.
    pub needs: Option<String>,
}

/// How many deadlines need a person.
pub async fn waiting(store: &dyn Store, config: &Config, now: Timestamp) -> anyhow::Result<usize> {
    let due = due(store, config.unnotified_before, now).await?;
    Ok(due.iter().filter(|due| due.needs.is_some()).count())
}

/// Every domain with a deadline, the first to die on top.
pub async fn due(
    store: &dyn Store,
    unnotified_before: Duration,
    now: Timestamp,
) -> anyhow::Result<Vec<Due>> {
    let unnotified = SignedDuration::try_from(unnotified_before)?;
    let desk = store.desk().await?;
    let mut cases: BTreeMap<DomainKey, PlanCase> = (desk.cases.into_iter())
        .map(|case| (case.record.key.clone(), case))
        .collect();
    let calls: BTreeMap<CaseId, Task> = (store.tasks(None).await?.into_iter().rev())
        .map(|task| (task.case, task))
        .collect();
    let mut found = Vec::new();
    for record in store.domains_due().await? {
        let deadlines = record.due();
        let named = [
            ("dedelegation", deadlines.dedelegation_at),
            ("deletion", deadlines.deletion_at),
            ("suspension", deadlines.suspension_at),
            ("expire", record.expires_at()),
        ];
        let mut named: Vec<_> = named
            .into_iter()
            .filter_map(|(word, at)| Some((at?, word)))
            .collect();
        named.sort_unstable();
        // One that has passed stays on top: somebody must find out what became of the domain.
        let Some((at, next)) = named.first().copied() else {
            continue;
        };
        let case = cases.remove(&record.key);
        let customer = match (&case, &record.customer) {
            (Some(case), _) => case.customer.clone(),
            (None, Some(id)) => store.customer(id).await?,
            (None, None) => None,
        };
        let call = case.as_ref().and_then(|case| calls.get(&case.id));
        let told = case.as_ref().and_then(|case| case.told.last());
        let is_called = case.as_ref().is_some_and(|case| case.called_at.is_some());
        let is_near = at < now + unnotified;
        let is_told = is_called || told.is_some_and(|told| told.state == NoticeState::Sent);
        let needs = call
            .map(needed)
            .or_else(|| needs(&record, told, customer.as_ref(), is_called))
            .or_else(|| match next {
                "suspension" => unconfirmed(&record, at, now),
                _ => urgent(at, now),
            })
            .or_else(|| {
                (next == "expire").then(|| "name servers (ends in status failed)".to_owned())
            })
            .or_else(|| {
                // It may be the reseller's system that writes to the owner.
                let is_late = next != "suspension" || is_near;
                let is_untold = told.is_none() && !is_called && is_late || is_near && !is_told;
                (case.is_some() && is_untold).then(|| "telling (not sent)".to_owned())
            });
        found.push(Due {
            record,
            next,
            at,
            case: case.as_ref().map(|case| case.id),
            last_notice: told.cloned(),
            needs,
        });
    }
    found.sort_by_key(|due| due.at);
    Ok(found)
}

/// What a call on the desk's list comes to.
fn needed(call: &Task) -> String {
    match call.code {
        reason::NO_CUSTOMER => format!("customer ({})", call.code),
        code => format!("phone call ({code})"),
    }
}

/// What a person must do although nobody put it on the list (yet): what only planning finds out is
/// there after the server had its turn.
pub fn needs(
    record: &DomainRecord,
    last: Option<&Told>,
    customer: Option<&Customer>,
    is_called: bool,
) -> Option<String> {
    let Some(customer) = customer.filter(|customer| customer.addresses().next().is_some()) else {
        return Some("customer (W27)".to_owned());
    };
    let is_on_hold = record.is_on_hold();
    let is_lost = |address: &str| record.key.domain.contains_address(address);
    match last {
        _ if is_called => None,
        Some(told) if matches!(told.state, NoticeState::Failed | NoticeState::Bounced) => {
            Some(format!("phone call (notice {})", told.state))
        }
        _ if is_on_hold && customer.addresses().all(is_lost) => Some("phone call (W11)".to_owned()),
        _ => None,
    }
}

/// What a person must do about an owner who does not confirm.
fn unconfirmed(record: &DomainRecord, at: Timestamp, now: Timestamp) -> Option<String> {
    if record.is_on_hold() {
        Some("confirmation by the owner (off the net)".to_owned())
    } else if at < now + 24.hours() {
        Some("confirmation by the owner (W16)".to_owned())
    } else {
        None
    }
}

/// Whose rules set the deadline.
pub fn scheme(next: &str) -> &'static str {
    match next {
        "suspension" => "icann-15d",
        _ => "denic",
    }
}

/// What a person must do about a deadline that is near or past.
pub fn urgent(at: Timestamp, now: Timestamp) -> Option<String> {
    if at < now {
        Some("check at the registry (past)".to_owned())
    } else if at < now + 24.hours() {
        Some("check at the registry (W16)".to_owned())
    } else {
        None
    }
}

/// When the registry took it off the net, where it said so.
fn on_hold_since(record: &DomainRecord) -> Option<Timestamp> {
    let status = record.facts.status.as_ref()?;
    (status.status == RegistryStatus::ServerHold).then_some(status.at)
}

/// A row as the contract wants it.
pub fn object(due: &Due, now: Timestamp) -> Value {
    let deadlines = due.record.due();
    let told = due.last_notice.as_ref().map(|told| {
        json!({
            "id": told.notice,
            "kind": told.kind,
            "state": told.state,
        })
    });
    json!({
        "environment": due.record.key.environment,
        "domain": due.record.key.domain.unicode(),
        "ace": due.record.key.domain.ace(),
        "scheme": scheme(due.next),
        "next": due.next,
        "at": json_time(Some(due.at)),
        "left_seconds": due.at.duration_since(now).as_secs(),
        "dedelegation_at": json_time(deadlines.dedelegation_at),
        "deletion_at": json_time(deadlines.deletion_at),
        "suspension_at": json_time(deadlines.suspension_at),
        "zone_assumed": due.record.is_zone_assumed(),
        "on_hold": due.record.is_on_hold(),
        "on_hold_since": json_time(on_hold_since(&due.record)),
        "expire_at": json_time(due.record.expires_at()),
        "customer": due.record.customer,
        "case": due.case,
        "last_notice": told,
        "needs": due.needs,
    })
}
