//! `/cases/V-81`: all that happened in a verification and what is to come, and what people do about it.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Redirect, Response};
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

use super::address::named;
use super::{Caller, Fault, Fields, Query, Right, Site, Way};
use crate::inspect::cli::out::{Colour, json_time};
use crate::inspect::cli::{Out, case as form, log};
use crate::inspect::work::proof::{self, Proof};
use crate::inspect::work::{cases, letter, notice as mails};
use crate::model::{CaseId, DomainRecord, Language, NoticeId, Order, Source, sha256_hex};
use crate::parse::recipient_json;
use crate::store::{Dossier, LogEntry, NoticeEntry, OrderFilter};

/// What notes and calls say already; the trail has them once more.
const SAID_ELSEWHERE: [&str; 3] = ["case note", "case close", "case call-done"];

/// The ways in.
pub fn ways() -> Vec<Way> {
    vec![
        Way::look("/cases/{id}", Right::Look, show),
        Way::act(
            "/cases/{id}/call-done",
            Right::Act,
            Some("case call-done"),
            call_done,
        ),
        Way::act("/cases/{id}/note", Right::Act, Some("case note"), note),
        Way::act("/cases/{id}/close", Right::Act, Some("case close"), close),
        Way::act(
            "/cases/{id}/resend",
            Right::Act,
            Some("notice resend"),
            send_again,
        ),
        Way::act(
            "/cases/{id}/export",
            Right::People,
            Some("case export"),
            export,
        ),
        Way::act(
            "/cases/{id}/letter",
            Right::Act,
            Some("case letter"),
            write_letter,
        ),
    ]
}

async fn show(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Path(id): Path<String>,
    query: Query,
) -> Result<Response, Fault> {
    let id: CaseId = named(&id)?;
    let found = site.store.dossier(id).await?;
    let dossier = found.ok_or_else(|| Fault::Missing(format!("There is no case {id}.")))?;
    let now = site.clock.now();
    let work = site.work(&caller);
    let plan = cases::plan(&work, id).await?;
    let mut calls = Vec::new();
    for call in dossier.calls.iter().filter(|call| call.closed_at.is_none()) {
        calls.push(site.call(call).await?);
    }
    let filter = OrderFilter {
        case: Some(id),
        ..OrderFilter::default()
    };
    let orders = site.store.orders(&filter).await?;
    let record = dossier.record.as_ref();
    let values = json!({
        "self_path": "/cases",
        "done_word": query.get("done"),
        "placed": query.get("placed"),
        "is_test": dossier.case.key.environment == crate::model::Environment::Test,
        "one": facts(&site, &dossier, now),
        "steps": steps(&dossier, &orders),
        "orders": orders.iter().filter(|order| order.ended_at.is_none()).map(|order| order.id).collect::<Vec<_>>(),
        "plan": plan.iter().map(|line| cases::plan_object(id, line)).collect::<Vec<_>>(),
        "calls": calls,
        "notices": dossier.notices.iter().map(notice).collect::<Vec<_>>(),
        "has_customer": record.is_some_and(|record| record.customer.is_some()),
        "may_act": caller.may(Right::Act),
        "may_export": caller.may(Right::People),
    });
    site.page(&caller, "case.html", values).await
}

/// What stands on top.
fn facts(site: &Site, dossier: &Dossier, now: Timestamp) -> Value {
    let record = dossier.record.as_ref();
    let due = record.map(DomainRecord::due).unwrap_or_default();
    let mut facts = form::object(&dossier.case);
    facts["is_open"] = json!(dossier.case.closed_at.is_none());
    facts["customer"] = json!(record.and_then(|record| record.customer.as_ref()));
    facts["status"] = json!(record.and_then(|record| record.status()));
    facts["holders"] = json!(record.map(DomainRecord::holders));
    facts["claims"] = json!(due.claims.clone().unwrap_or_default());
    for (name, at) in [
        ("dedelegation_at", due.dedelegation_at),
        ("deletion_at", due.deletion_at),
        ("suspension_at", due.suspension_at),
        ("next_at", due.first()),
        ("reply_by", site.reply_by(&due, now)),
    ] {
        facts[name] = json_time(at);
    }
    facts["left_seconds"] = json!(due.first().map(|at| at.duration_since(now).as_secs()));
    facts["is_on_hold"] = json!(record.is_some_and(DomainRecord::is_on_hold));
    facts
}

fn notice(entry: &NoticeEntry) -> Value {
    let notice = &entry.notice;
    json!({
        "id": notice.id,
        "kind": notice.kind,
        "state": notice.state,
        "recipient": notice.recipient,
        "at": json_time(Some(notice.sent_at.unwrap_or(notice.due_at))),
        "is_withdrawn": notice.state == crate::model::NoticeState::Withdrawn,
    })
}

/// Everything that happened, in the order of time.
fn steps(dossier: &Dossier, orders: &[Order]) -> Vec<Value> {
    let mut steps: Vec<(Timestamp, Value)> = Vec::new();
    let messages = dossier.messages.iter();
    steps.extend(
        messages
            .filter(|entry| belongs(dossier, entry))
            .map(|entry| {
                let decision = entry.decision.as_ref();
                let told: Vec<&str> = (dossier.history.iter())
                    .filter(|known| known.message == Some(entry.id))
                    .map(|known| known.summary.as_str())
                    .collect();
                let is_report = Source::from_word(&entry.source) == Some(Source::Dsn);
                let step = json!({
                    "what": if is_report { "bounce" } else { "registry" },
                    "id": entry.id,
                    "kind": decision.and_then(|decision| decision.kind.as_ref()),
                    "verdict": log::verdict_word(entry),
                    "text": told.join("; "),
                });
                (entry.received_at, step)
            }),
    );
    for entry in &dossier.notices {
        let notice = &entry.notice;
        let step = json!({
            "what": "notice",
            "id": notice.id,
            "kind": notice.kind,
            "state": notice.state,
            "recipient": notice.recipient,
            "is_sent": notice.sent_at.is_some(),
        });
        steps.push((notice.sent_at.unwrap_or(notice.created_at), step));
    }
    for report in &dossier.reports {
        let mut step = recipient_json(&report.recipient);
        step["what"] = json!("report");
        step["id"] = json!(report.notice);
        step["message"] = json!(report.message);
        step["recipient"] = json!(report.recipient.recipient());
        step["action"] = json!(report.recipient.action.to_string());
        step["sentence"] = json!(report.recipient.category.sentence());
        steps.push((report.at, step));
    }
    for call in &dossier.calls {
        let step = json!({"what": "call", "code": call.code, "text": call.text});
        steps.push((call.opened_at, step));
        if let Some(at) = call.closed_at {
            steps.push((at, json!({"what": "called", "text": call.outcome})));
        }
    }
    for note in &dossier.notes {
        let step = json!({"what": "note", "actor": note.actor, "text": note.text});
        steps.push((note.at, step));
    }
    for order in orders {
        let step = json!({
            "what": "order", "id": order.id, "state": order.state, "actor": order.placed_by,
        });
        steps.push((order.created_at, step));
    }
    let id = dossier.case.id.to_string();
    let deeds = dossier.audit.iter().map(|link| &link.entry);
    for deed in deeds.filter(|deed| {
        (deed.object == id || deed.action == "notice resend")
            && !SAID_ELSEWHERE.contains(&deed.action.as_str())
    }) {
        let step = json!({"what": "action", "action": deed.action, "actor": deed.actor, "object": deed.object});
        steps.push((deed.at, step));
    }
    steps.push((dossier.case.opened_at, json!({"what": "opened"})));
    if let Some(at) = dossier.case.closed_at {
        steps.push((at, json!({"what": "ended", "state": dossier.case.state})));
    }
    // Of two at the same instant the one that was written down first stays first.
    steps.sort_by_key(|(at, _)| *at);
    let with_time = |(at, mut step): (Timestamp, Value)| {
        step["at"] = json_time(Some(at));
        step
    };
    steps.into_iter().map(with_time).collect()
}

/// Of the messages about its domain those since it began, and those that caused a mail of the case.
fn belongs(dossier: &Dossier, entry: &LogEntry) -> bool {
    let begun = dossier.case.opened_at - 24.hours();
    let ended = dossier.case.closed_at;
    let is_meanwhile =
        entry.received_at >= begun && ended.is_none_or(|at| entry.received_at <= at + 24.hours());
    let mut notices = dossier.notices.iter();
    is_meanwhile || notices.any(|notice| notice.messages.contains(&entry.id))
}

/// Back to the case, with a word of what was done.
fn back(id: CaseId, done: &str) -> Redirect {
    Redirect::to(&format!("/cases/{id}?done={done}"))
}

async fn call_done(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Redirect, Fault> {
    let id = named(&id)?;
    cases::call_done(&site.work(&caller), id, &fields.note()?).await?;
    Ok(match fields.get("back") {
        "calls" => Redirect::to("/calls?done=called"),
        _ => back(id, "called"),
    })
}

async fn note(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Redirect, Fault> {
    let id = named(&id)?;
    site.open_case(id).await?;
    cases::note(&site.work(&caller), id, &fields.note()?).await?;
    Ok(back(id, "noted"))
}

async fn close(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Redirect, Fault> {
    let id = named(&id)?;
    cases::close(&site.work(&caller), id, &fields.note()?).await?;
    Ok(back(id, "closed"))
}

async fn send_again(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Redirect, Fault> {
    let id = named(&id)?;
    let notice: NoticeId = fields.needed("notice")?;
    site.open_case(id).await?;
    let work = site.work(&caller);
    let entry = mails::one(work.store, notice).await?;
    let mut items = entry.notice.items.iter();
    if !items.any(|item| item.case == Some(id)) {
        return Err(Fault::Missing(format!("{notice} is not about {id}.")));
    }
    let current = mails::check_current(work.store, &entry.notice).await;
    current.map_err(|error| Fault::Late(error.to_string()))?;
    mails::resend(&work, &entry.notice, &fields.note()?).await?;
    Ok(back(id, "resent"))
}

async fn export(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Path(id): Path<String>,
    _: Fields,
) -> Result<Response, Fault> {
    let id: CaseId = named(&id)?;
    let found = site.store.dossier(id).await?;
    let dossier = found.ok_or_else(|| Fault::Missing(format!("There is no case {id}.")))?;
    let check = site.store.audit_verify(Some(&dossier.head)).await?;
    let mut proof = Proof::new(&dossier, &check, site.clock.now());
    let work = site.work(&caller);
    let out = Out::new(None, false, false, Colour::Never);
    let mut archive = Vec::new();
    let files = proof::pack(&work, &out, &mut proof, &mut archive).await?;
    proof::note(&work, id, &sha256_hex(&archive), files.len()).await?;
    Ok(download("application/zip", &format!("{id}.zip"), archive))
}

async fn write_letter(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Response, Fault> {
    let id: CaseId = named(&id)?;
    let work = site.work(&caller);
    let language = Language::from_tag(fields.get("language"));
    let letter = letter::write(&work, id, language).await?;
    letter::note(&work, &letter).await?;
    let name = format!("{id}.html");
    let page = letter.page.into_bytes();
    Ok(download("text/html; charset=utf-8", &name, page))
}

/// A file to be kept, not shown: it has a style of its own.
fn download(media_type: &'static str, name: &str, bytes: Vec<u8>) -> Response {
    let fields = [
        (CONTENT_TYPE, media_type.to_owned()),
        (
            CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ),
    ];
    (fields, bytes).into_response()
}

impl Site {
    /// A case that has ended is read, and no more.
    pub async fn open_case(&self, id: CaseId) -> Result<(), Fault> {
        let case = cases::one(&*self.store, id).await?;
        match case.closed_at {
            None => Ok(()),
            Some(at) => Err(Fault::Late(format!(
                "{id} has ended ({}, {at}): it can be read, and no more.",
                case.state
            ))),
        }
    }
}
