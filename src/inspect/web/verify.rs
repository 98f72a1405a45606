//! `/cases/V-81/verify`: what was proven about a holder, told to the registry.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::address::named;
use super::{Caller, Fault, Fields, Right, Site, Way};
use crate::inspect::cli::order::wish::{ContactData, Proven, claim};
use crate::inspect::object;
use crate::inspect::work::cases;
use crate::inspect::work::verify::{self, Placed, Prepared, Verification};
use crate::model::request::{VerificationEvidence, VerificationMethod, VerificationResult};
use crate::model::{CaseId, DomainRecord};
use crate::process::{ordering, reselling};

/// What a proof can be about; the registry itself takes no proof of the last.
const CLAIMS: [&str; 4] = ["name", "address", "email", "phone"];

/// What is written into the form.
const FIELDS: [&str; 13] = [
    "holder",
    "method",
    "evidence",
    "reference",
    "result",
    "at",
    "organisation",
    "address",
    "postal_code",
    "city",
    "country",
    "email",
    "phone",
];

/// The ways in.
pub fn ways() -> Vec<Way> {
    vec![
        Way::look("/cases/{id}/verify", Right::Act, ask),
        Way::act("/cases/{id}/verify", Right::Act, Some("case verify"), tell),
    ]
}

async fn ask(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Fault> {
    form(&site, &caller, named(&id)?, &Fields::default(), None).await
}

async fn tell(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Response, Fault> {
    let id: CaseId = named(&id)?;
    let work = site.work(&caller);
    let prepared = verify::prepare(&work, id, verification(&fields)?).await?;
    if fields.get("step") != "tell" {
        let shown = shown(&site, &prepared).await?;
        return form(&site, &caller, id, &fields, Some(shown)).await;
    }
    let placed = verify::place(&work, id, prepared).await?;
    // The same command may be in the outbox already: then nothing is placed, and nothing is missing.
    let (number, waits) = match placed.into_iter().next() {
        Some(Placed::Order { id, waits, .. }) => (id.to_string(), waits),
        Some(Placed::Command { id, waits, .. }) => (id.to_string(), waits),
        None => (String::new(), false),
    };
    let done = if waits { "second" } else { "verified" };
    Ok(Redirect::to(&format!("/cases/{id}?done={done}&placed={number}")).into_response())
}

/// What exactly would be asked.
async fn shown(site: &Site, prepared: &Prepared) -> Result<Value, Fault> {
    Ok(match prepared {
        Prepared::Order { wish, .. } => {
            let opening = ordering::rehearse(&*site.store, wish).await?;
            json!(object::rehearsal(wish, opening).map_err(ordering::OrderError::from)?)
        }
        Prepared::Command(told) => json!({ "text": told.shown }),
    })
}

/// The form, filled in as it was, with what would be asked.
async fn form(
    site: &Site,
    caller: &Caller,
    id: CaseId,
    fields: &Fields,
    shown: Option<Value>,
) -> Result<Response, Fault> {
    let case = cases::one(&*site.store, id).await?;
    site.open_case(id).await?;
    let (environment, ace) = (case.key.environment, case.key.domain.ace());
    let found = site.store.domains(Some(environment), Some(ace)).await?;
    let record = found.first();
    let filled: Value = FIELDS
        .map(|name| (name.to_owned(), json!(fields.get(name))))
        .into_iter()
        .collect::<serde_json::Map<_, _>>()
        .into();
    let asked = record
        .and_then(|record| record.due().claims)
        .unwrap_or_default();
    let ticked: Vec<&str> = match fields.all("claim").next() {
        Some(_) => fields.all("claim").collect(),
        None => asked.iter().map(|claim| claim.as_str()).collect(),
    };
    let values = json!({
        "self_path": "/cases",
        "is_test": environment == crate::model::Environment::Test,
        "case": id,
        "domain": case.key.domain.unicode(),
        "holders": record.map(DomainRecord::holders),
        "is_there": record.is_some_and(reselling::is_held_there),
        "is_cloned": !fields.get("clone").is_empty(),
        "trust_framework": fields.get("trust_framework"),
        "claims": CLAIMS,
        "ticked": ticked,
        "methods": VerificationMethod::ALL,
        "evidences": VerificationEvidence::ALL,
        "results": VerificationResult::ALL,
        "filled": filled,
        "shown": shown,
    });
    site.page(caller, "case_verify.html", values).await
}

/// What the form says.
fn verification(fields: &Fields) -> Result<Verification, Fault> {
    let claims = fields
        .all("claim")
        .map(|word| claim(word).map_err(|why| Fault::Wrong(format!("claim: {why}"))));
    let claims = claims.collect::<Result<Vec<_>, _>>()?;
    if claims.is_empty() {
        return Err(Fault::Wrong(
            "claim: tick at least one that was looked at".to_owned(),
        ));
    }
    Ok(Verification {
        holder: fields.read("holder")?,
        proof: Proven {
            claims,
            method: fields.needed("method")?,
            evidence: fields.needed("evidence")?,
            reference: fields.needed("reference")?,
            result: fields.needed("result")?,
            at: instant(fields.get("at"))?,
        },
        data: ContactData {
            organisation: lines(fields, "organisation")?,
            address: lines(fields, "address")?,
            postal_code: fields.read("postal_code")?,
            city: fields.read("city")?,
            country: fields.read("country")?,
            email: lines(fields, "email")?,
            phone: fields.read("phone")?,
        },
        trust_framework: fields.read("trust_framework")?,
        is_cloned: !fields.get("clone").is_empty(),
    })
}

/// A value for each line that is not empty.
pub fn lines<T: std::str::FromStr<Err: std::fmt::Display>>(
    fields: &Fields,
    name: &str,
) -> Result<Vec<T>, Fault> {
    let lines = fields.get(name).lines().map(str::trim);
    lines
        .filter(|line| !line.is_empty())
        .map(|line| {
            line.parse()
                .map_err(|why| Fault::Wrong(format!("{name}: {why}")))
        })
        .collect()
}

/// An instant with its zone, or as a browser's field has it, on the registry's clock.
fn instant(text: &str) -> Result<Option<Timestamp>, Fault> {
    let wrong = || Fault::Wrong("at: expected a time such as 2025-06-01T15:51".to_owned());
    if text.is_empty() {
        return Ok(None);
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(Some(at));
    }
    let civil: DateTime = text.parse().map_err(|_| wrong())?;
    let berlin = TimeZone::get("Europe/Berlin").unwrap_or(TimeZone::UTC);
    let at = berlin.to_timestamp(civil).map_err(|_| wrong())?;
    Ok(Some(at))
}
