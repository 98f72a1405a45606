//! `/domains`: what is known of each, and who said so.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::address::{address, named};
use super::{Caller, Fault, Query, Right, Site, Way};
use crate::inspect::cli::out::json_time;
use crate::inspect::cli::{case, domain, notice};
use crate::inspect::object;
use crate::model::{CustomerId, DomainKey, DomainName, DomainRecord, Environment};
use crate::store::{
    ActionFilter, CaseFilter, DomainFilter, HistoryEntry, NoticeFilter, OrderFilter, RequestFilter,
};

/// Rows on a page.
const PAGE: usize = 100;

/// Rows of each of the lists on the page of one domain.
const FEW: u32 = 20;

/// Entries of a history on a page, the newest.
const HISTORY: usize = 200;

/// The ways in.
pub fn ways() -> Vec<Way> {
    vec![
        Way::look("/domains", Right::Look, list),
        Way::look("/domains/{name}", Right::Look, show),
    ]
}

/// What stands in an address behind the last domain of a page, such as `live.example.de`.
fn mark(text: &str) -> Result<Option<DomainKey>, Fault> {
    let wrong =
        || Fault::Wrong("after: expected the end of a page, such as live.example.de".to_owned());
    if text.is_empty() {
        return Ok(None);
    }
    let (environment, name) = text.split_once('.').ok_or_else(wrong)?;
    Ok(Some(DomainKey {
        environment: environment.parse().map_err(|_| wrong())?,
        domain: name.parse().map_err(|_| wrong())?,
    }))
}

async fn list(
    State(site): State<Arc<Site>>,
    caller: Caller,
    query: Query,
) -> Result<Response, Fault> {
    let filter = DomainFilter {
        text: query.text("text"),
        environment: query.read::<Environment>("env")?,
        customer: query.text("customer").map(CustomerId),
        after: mark(query.get("after"))?,
        limit: PAGE as u32 + 1,
    };
    let mut found = site.store.domain_page(&filter).await?;
    let has_more = found.len() > PAGE;
    found.truncate(PAGE);
    let rows: Vec<Value> = found.iter().map(row).collect();
    let place = |after: &str| {
        let kept = ["text", "env", "customer"].map(|name| (name, query.get(name)));
        address("/domains", &[&kept[..], &[("after", after)]].concat())
    };
    let older = found.last().filter(|_| has_more).map(|last| {
        let DomainKey {
            environment,
            domain,
        } = &last.key;
        place(&format!("{environment}.{}", domain.ace()))
    });
    let values = json!({
        "self_path": "/domains",
        "rows": rows,
        "text": query.get("text"),
        "env": query.get("env"),
        "customer_text": query.get("customer"),
        "newer": (!query.get("after").is_empty()).then(|| place("")),
        "older": older,
    });
    site.page(&caller, "domains.html", values).await
}

/// A domain in a list.
pub fn row(record: &DomainRecord) -> Value {
    let due = record.due();
    json!({
        "environment": record.key.environment,
        "domain": record.key.domain.unicode(),
        "ace": record.key.domain.ace(),
        "status": record.status(),
        "lifecycle": record.lifecycle,
        "customer": record.customer,
        "next_at": json_time(due.first()),
    })
}

async fn show(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Path(name): Path<String>,
    query: Query,
) -> Result<Response, Fault> {
    let name: DomainName = named(&name)?;
    let environment = query.read::<Environment>("env")?;
    let found = site.store.domains(environment, Some(name.ace())).await?;
    if found.is_empty() {
        return Err(Fault::Missing(format!(
            "{name} is not in the database: no import has it, and no message about it was applied."
        )));
    }
    let mut parts = Vec::with_capacity(found.len());
    for record in &found {
        parts.push(site.domain(record).await?);
    }
    let values = json!({
        "self_path": "/domains",
        "is_test": found.iter().all(|record| record.key.environment == Environment::Test),
        "domain": name.unicode(),
        "ace": name.ace(),
        "parts": parts,
    });
    site.page(&caller, "domain.html", values).await
}

impl Site {
    /// All that the page shows of a domain in one environment.
    async fn domain(&self, record: &DomainRecord) -> Result<Value, Fault> {
        let store = &self.store;
        let environment = Some(record.key.environment);
        let ace = Some(record.key.domain.ace().to_owned());
        let requests = store
            .requests(&RequestFilter {
                environment,
                ace: ace.clone(),
                newest_first: true,
                limit: Some(FEW),
                ..RequestFilter::default()
            })
            .await?;
        let orders = store
            .orders(&OrderFilter {
                environment,
                ace: ace.clone(),
                newest_first: true,
                limit: Some(FEW),
                ..OrderFilter::default()
            })
            .await?;
        let actions = store
            .actions(&ActionFilter {
                environment,
                ace: ace.clone(),
                newest_first: true,
                limit: Some(FEW),
                ..ActionFilter::default()
            })
            .await?;
        let cases = store
            .case_page(&CaseFilter {
                key: Some(record.key.clone()),
                limit: FEW,
                ..CaseFilter::default()
            })
            .await?;
        let notices = store
            .notices(&NoticeFilter {
                ace,
                limit: FEW,
                ..NoticeFilter::default()
            })
            .await?;
        let of_here =
            |entry: &&crate::store::NoticeEntry| entry.notice.environment == record.key.environment;
        let history = store.history(&record.key).await?;
        let mut part = domain::object(record, &requests);
        part["facts"] = facts(record, &history);
        part["is_silent"] = json!(history.is_empty() && record.facts.status.is_none());
        part["history_count"] = json!(history.len());
        part["history"] = (history.iter().rev().take(HISTORY))
            .map(|entry| {
                json!({
                    "at": json_time(Some(entry.at)),
                    "message": entry.message,
                    "summary": entry.summary,
                })
            })
            .collect();
        part["cases"] = cases.iter().map(case::object).collect();
        part["orders"] = json!(object::orders(&**store, &orders).await?);
        part["requests"] = json!(requests.iter().map(object::request).collect::<Vec<_>>());
        let actions = actions.iter().map(|(id, entry)| object::action(*id, entry));
        part["actions"] = json!(actions.collect::<Vec<_>>());
        let notices = notices.iter().rev().filter(of_here);
        part["notices"] = notices.map(notice::object).collect();
        Ok(part)
    }
}

/// What is held to be true, each with the registry's time and the message that said so.
fn facts(record: &DomainRecord, history: &[HistoryEntry]) -> Value {
    let message = |at: Timestamp| {
        let mut said = history.iter().rev();
        said.find(|entry| entry.at == at)
            .and_then(|entry| entry.message)
    };
    let fact = |name: &str, value: String, at: Timestamp| {
        json!({
            "name": name,
            "value": value,
            "at": json_time(Some(at)),
            "message": message(at),
        })
    };
    let known = &record.facts;
    let mut facts = Vec::new();
    if let Some(status) = &known.status {
        facts.push(fact("status", status.status.to_string(), status.at));
        let holders: Vec<_> = status.holders.iter().map(ToString::to_string).collect();
        if !holders.is_empty() {
            facts.push(fact("holders", holders.join(", "), status.at));
        }
    }
    if let Some(asked) = &known.verification {
        let claims = asked.due.claims.iter().flatten();
        let claims: Vec<_> = claims.map(|claim| claim.as_str()).collect();
        let value = match asked.due.is_proof() {
            true => claims.join(", "),
            false => String::new(),
        };
        facts.push(fact("verification", value, asked.at));
    }
    for (handle, asked) in &known.contacts {
        facts.push(fact("contact", handle.to_string(), asked.at));
    }
    if let Some((at, gone)) = known.gone {
        let word = match gone {
            crate::model::Gone::Moved => "moved",
            crate::model::Gone::Deleted => "deleted",
        };
        facts.push(fact("gone", word.to_owned(), at));
    }
    if let Some((at, ends)) = known.expire {
        facts.push(fact("expire", ends.to_string(), at));
    }
    Value::Array(facts)
}
