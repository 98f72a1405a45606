//! `/cases` and `/calls`: verifications, and the telephone calls that they need.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::address::address;
use super::{Caller, Fault, Query, Right, Site, Way};
use crate::inspect::cli::case;
use crate::inspect::cli::out::json_time;
use crate::inspect::work::cases::call_object;
use crate::model::{CaseId, CaseState, CustomerId, DomainName, Due, Environment, Task};
use crate::notify;
use crate::store::{CaseFilter, CaseMark};

/// Rows on a page.
const PAGE: usize = 100;

/// Calls on a page, each with what to say.
const CALLS: usize = 50;

/// The ways in.
pub fn ways() -> Vec<Way> {
    vec![
        Way::look("/cases", Right::Look, list),
        Way::look("/calls", Right::Look, calls),
    ]
}

/// What stands in an address behind the last case of a page, such as `open-81`.
fn mark(text: &str) -> Result<Option<CaseMark>, Fault> {
    let wrong = || Fault::Wrong("after: expected the end of a page, such as open-81".to_owned());
    if text.is_empty() {
        return Ok(None);
    }
    let (part, number) = text.split_once('-').ok_or_else(wrong)?;
    Ok(Some(CaseMark {
        is_ended: match part {
            "open" => false,
            "ended" => true,
            _ => return Err(wrong()),
        },
        id: CaseId(number.parse().map_err(|_| wrong())?),
    }))
}

/// Of a name the beginning of its A-label; a whole name in either form is its A-label.
fn ace(text: &str) -> String {
    match text.parse::<DomainName>() {
        Ok(name) => name.ace().to_owned(),
        Err(_) => text.to_lowercase(),
    }
}

async fn list(
    State(site): State<Arc<Site>>,
    caller: Caller,
    query: Query,
) -> Result<Response, Fault> {
    let state = query.get("state");
    let (is_open, of_state) = match state {
        "" => (Some(true), None),
        "all" => (None, None),
        "ended" => (Some(false), None),
        word => {
            let known = CaseState::from_word(word);
            let known = known.ok_or_else(|| {
                let words = CaseState::ALL.map(CaseState::as_str).join(", ");
                Fault::Wrong(format!("state: expected all, ended or one of {words}"))
            })?;
            (Some(known.is_open()), Some(known))
        }
    };
    let filter = CaseFilter {
        state: of_state,
        is_open,
        environment: query.read::<Environment>("env")?,
        key: None,
        prefix: query.text("domain").map(|text| ace(&text)),
        customer: query.text("customer").map(CustomerId),
        after: mark(query.get("after"))?,
        limit: PAGE as u32 + 1,
    };
    let mut found = site.store.case_page(&filter).await?;
    let has_more = found.len() > PAGE;
    found.truncate(PAGE);
    let due = site.due().await?;
    let rows: Vec<Value> = (found.iter())
        .map(|entry| {
            let mut row = case::object(entry);
            let next = due.rows.iter().find(|due| due.case == Some(entry.id));
            row["next"] = json!(next.map(|due| due.next));
            row["at"] = json_time(next.map(|due| due.at));
            row["customer"] = json!(next.and_then(|due| due.record.customer.as_ref()));
            row["needs"] = json!(next.and_then(|due| due.needs.as_ref()));
            row
        })
        .collect();
    let place = |after: &str| {
        let kept = ["state", "env", "domain", "customer"].map(|name| (name, query.get(name)));
        address("/cases", &[&kept[..], &[("after", after)]].concat())
    };
    let older = found.last().filter(|_| has_more).map(|last| {
        let part = if last.state.is_open() {
            "open"
        } else {
            "ended"
        };
        place(&format!("{part}-{}", last.id.0))
    });
    let values = json!({
        "self_path": "/cases",
        "rows": rows,
        "state": state,
        "states": CaseState::ALL.map(CaseState::as_str),
        "env": query.get("env"),
        "domain_text": query.get("domain"),
        "customer_text": query.get("customer"),
        "newer": (!query.get("after").is_empty()).then(|| place("")),
        "older": older,
    });
    site.page(&caller, "cases.html", values).await
}

async fn calls(
    State(site): State<Arc<Site>>,
    caller: Caller,
    query: Query,
) -> Result<Response, Fault> {
    let all = site.store.tasks(None).await?;
    let from = query.read::<usize>("from")?.unwrap_or(0).min(all.len());
    let mut rows = Vec::new();
    for call in all.iter().skip(from).take(CALLS) {
        rows.push(site.call(call).await?);
    }
    let place = |from: usize| address("/calls", &[("from", &from.to_string())]);
    let values = json!({
        "self_path": "/calls",
        "done_word": query.get("done"),
        "rows": rows,
        "total": all.len(),
        "may_act": caller.may(Right::Act),
        "newer": (from > 0).then(|| place(from.saturating_sub(CALLS))),
        "older": (from + CALLS < all.len()).then(|| place(from + CALLS)),
    });
    site.page(&caller, "calls.html", values).await
}

impl Site {
    /// A call with what whoever makes it needs to know.
    pub async fn call(&self, call: &Task) -> Result<Value, Fault> {
        let mut row = call_object(call);
        let customer = match &call.customer {
            Some(id) => self.store.customer(id).await?,
            None => None,
        };
        row["phone"] = json!(
            customer
                .as_ref()
                .and_then(|customer| customer.phone.as_ref())
        );
        row["salutation"] = json!(customer.as_ref().map(|customer| &customer.salutation));
        row["language"] = json!(customer.and_then(|customer| customer.language));
        let (environment, ace) = (call.domain.environment, call.domain.domain.ace());
        let record = self
            .store
            .domains(Some(environment), Some(ace))
            .await?
            .pop();
        let due = record.map(|record| record.due()).unwrap_or_default();
        row["claims"] = json!(due.claims.clone().unwrap_or_default());
        row["dedelegation_at"] = json_time(due.dedelegation_at);
        row["deletion_at"] = json_time(due.deletion_at);
        row["suspension_at"] = json_time(due.suspension_at);
        row["reply_by"] = json_time(self.reply_by(&due, self.clock.now()));
        Ok(row)
    }

    /// By when the customer is to send the proof, so that there is time to look at it: what mails to
    /// customers name first.
    pub fn reply_by(&self, due: &Due, now: Timestamp) -> Option<Timestamp> {
        let settings = &self.config.notices.settings;
        let deadline = due.first().filter(|at| due.is_proof() && *at > now)?;
        let days = settings.review_workdays;
        Some(notify::reply_by(deadline, now, days, &settings.region))
    }
}
