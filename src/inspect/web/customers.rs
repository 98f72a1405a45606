//! `/customers`: how they are reached, and what they are told.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{Redirect, Response};
use serde_json::{Value, json};

use super::address::address;
use super::domains::row;
use super::{Caller, Fault, Fields, Query, Right, Site, Way};
use crate::inspect::cli::{case, notice};
use crate::inspect::work::customers::{self, Contact};
use crate::model::{Customer, CustomerId, Language, sha256_hex};
use crate::store::{CaseFilter, CustomerFilter, DomainFilter, NoticeFilter};

/// Rows on a page.
const PAGE: usize = 100;

/// Rows of each of the lists on the page of one customer.
const FEW: u32 = 20;

/// The ways in.
pub fn ways() -> Vec<Way> {
    vec![
        Way::look("/customers", Right::Look, list),
        Way::look("/customers/{id}", Right::Look, show),
        Way::act(
            "/customers/{id}/set-contact",
            Right::Act,
            Some("customer set-contact"),
            set_contact,
        ),
        Way::act(
            "/customers/{id}/language",
            Right::Act,
            Some("customer language"),
            set_language,
        ),
    ]
}

async fn list(
    State(site): State<Arc<Site>>,
    caller: Caller,
    query: Query,
) -> Result<Response, Fault> {
    let filter = CustomerFilter {
        text: query.text("text"),
        // Who may not see an address could find it out letter by letter.
        or_address: caller.may(Right::People),
        after: query.text("after").map(CustomerId),
        limit: PAGE as u32 + 1,
    };
    let mut found = site.store.customer_page(&filter).await?;
    let has_more = found.len() > PAGE;
    found.truncate(PAGE);
    let place = |after: &str| {
        address(
            "/customers",
            &[("text", query.get("text")), ("after", after)],
        )
    };
    let older = found
        .last()
        .filter(|_| has_more)
        .map(|last| place(&last.id.0));
    let values = json!({
        "self_path": "/customers",
        "rows": found,
        "text": query.get("text"),
        "sees_people": caller.may(Right::People),
        "newer": (!query.get("after").is_empty()).then(|| place("")),
        "older": older,
    });
    site.page(&caller, "customers.html", values).await
}

async fn show(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Path(id): Path<String>,
    query: Query,
) -> Result<Response, Fault> {
    let id = CustomerId(id);
    let store = &*site.store;
    let customer = customers::one(store, &id).await?;
    let mut contacts = Vec::new();
    for address in customer.addresses() {
        let at_risk = customers::at_risk(store, &customer, address).await?;
        let at_risk: Vec<Value> = at_risk.iter().map(row).collect();
        contacts.push(json!({"address": address, "at_risk": at_risk}));
    }
    let domains = store
        .domain_page(&DomainFilter {
            customer: Some(id.clone()),
            limit: FEW + 1,
            ..DomainFilter::default()
        })
        .await?;
    let cases = store
        .case_page(&CaseFilter {
            customer: Some(id.clone()),
            limit: FEW,
            ..CaseFilter::default()
        })
        .await?;
    let notices = store
        .notices(&NoticeFilter {
            customer: Some(id),
            limit: FEW,
            ..NoticeFilter::default()
        })
        .await?;
    let is_lost_everywhere =
        !contacts.is_empty() && contacts.iter().all(|one| one["at_risk"] != json!([]));
    let values = json!({
        "self_path": "/customers",
        "done_word": query.get("done"),
        "one": customer,
        "seen": seen(&customer),
        "contacts": contacts,
        "is_at_risk": is_lost_everywhere,
        "has_more_domains": domains.len() > FEW as usize,
        "domains": domains.iter().take(FEW as usize).map(row).collect::<Vec<_>>(),
        "cases": cases.iter().map(case::object).collect::<Vec<_>>(),
        "notices": notices.iter().rev().map(notice::object).collect::<Vec<_>>(),
        "may_act": caller.may(Right::Act),
    });
    site.page(&caller, "customer.html", values).await
}

/// By which a form knows the customer that it was made for: what somebody else changed since is not
/// undone by it.
fn seen(customer: &Customer) -> String {
    sha256_hex(json!(customer).to_string().as_bytes())
}

impl Site {
    /// The customer as the form showed it.
    async fn shown(&self, id: String, fields: &Fields) -> Result<Customer, Fault> {
        let customer = customers::one(&*self.store, &CustomerId(id)).await?;
        match fields.get("seen") == seen(&customer) {
            true => Ok(customer),
            false => Err(Fault::Late(format!(
                "Customer {} was changed since this page was shown.",
                customer.id
            ))),
        }
    }
}

/// Back to the customer, with a word of what was done.
fn back(customer: &Customer, is_changed: bool) -> Redirect {
    let id = &customer.id.0;
    let id = percent_encoding::utf8_percent_encode(id, percent_encoding::NON_ALPHANUMERIC);
    let done = if is_changed { "changed" } else { "same" };
    Redirect::to(&format!("/customers/{id}?done={done}"))
}

async fn set_contact(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Redirect, Fault> {
    let before = site.shown(id, &fields).await?;
    let contact = Contact {
        email: Some(fields.needed("email")?),
        second_email: Some(fields.text("second_email")),
        phone: Some(fields.text("phone")),
        salutation: Some(fields.get("salutation").to_owned()),
        timezone: Some(fields.text("timezone")),
    };
    let is_changed = customers::set_contact(&site.work(&caller), &before, contact).await?;
    Ok(back(&before, is_changed))
}

async fn set_language(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Redirect, Fault> {
    let before = site.shown(id, &fields).await?;
    let language = match fields.get("language") {
        "" => None,
        tag => Some(
            Language::from_tag(tag)
                .ok_or_else(|| Fault::Wrong("language: expected de or en".to_owned()))?,
        ),
    };
    let is_changed = customers::set_language(&site.work(&caller), &before, language).await?;
    Ok(back(&before, is_changed))
}
