//! `/held`: what waits for a person, and what becomes of it, many at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::{Redirect, Response};
use serde_json::{Value, json};

use super::address::address;
use super::message::reasons;
use super::{Caller, Fault, Fields, Query, Right, Site, Way};
use crate::inspect::cli::log;
use crate::inspect::work::{held, replay};
use crate::model::{DomainName, InboundId, reason};
use crate::store::{LogEntry, LogFilter, MessageVerdict};

/// Messages on a page, and done at once.
const PAGE: u32 = 100;

/// What the list is narrowed by.
const KEYS: [&str; 4] = ["reason", "route", "env", "domain"];

/// The ways in.
pub fn ways() -> Vec<Way> {
    vec![
        Way::look("/held", Right::Look, list),
        Way::act("/held/preview", Right::Act, None, preview),
        Way::act("/held/release", Right::Act, Some("held release"), release),
        Way::act("/held/refuse", Right::Act, Some("held refuse"), refuse),
    ]
}

async fn list(
    State(site): State<Arc<Site>>,
    caller: Caller,
    query: Query,
) -> Result<Response, Fault> {
    let after = match query.get("after") {
        "" => None,
        text => Some(id(text)?),
    };
    let wanted = KEYS.map(|name| (name, query.get(name)));
    let filter = LogFilter {
        verdict: Some(MessageVerdict::Held),
        reason: query.word("reason", |code| reason::find(code).map(|known| known.code))?,
        environment: query.read("env")?,
        route: Some(query.get("route").to_owned()).filter(|route| !route.is_empty()),
        ace: (query.read::<DomainName>("domain")?).map(|name| name.ace().to_owned()),
        after: Some(after.unwrap_or(InboundId(0))),
        limit: PAGE,
        ..LogFilter::default()
    };
    let found = site.store.log(&filter).await?;
    let now = site.clock.now();
    let is_full = found.len() == PAGE as usize;
    let next = found.last().filter(|_| is_full);
    let next = next.map(|last| {
        let after = last.id.to_string();
        address(
            "/held",
            &[&wanted[..], &[("after", after.as_str())]].concat(),
        )
    });
    let rows: Vec<_> = (found.iter())
        .map(|entry| {
            let mut row = log::object(entry);
            row["age"] = json!(now.duration_since(entry.received_at).as_secs());
            row["why"] = reasons(entry)
                .into_iter()
                .filter(|why| why["is_hold"] == true)
                .collect();
            row
        })
        .collect();
    let count = site.store.held_work(now).await?.count;
    let values = json!({
        "self_path": "/held",
        "rows": rows,
        "total": count,
        "first": after.map(|_| address("/held", &wanted)),
        "wanted": wanted.into_iter().collect::<BTreeMap<_, _>>(),
        "is_narrowed": wanted.iter().any(|(_, value)| !value.is_empty()),
        "routes": site.config.routes.iter().map(|route| &route.name).collect::<Vec<_>>(),
        "ids": found.iter().map(|entry| entry.id.to_string()).collect::<Vec<_>>().join(" "),
        "next": next,
        "did": done(query.get("done")),
        "number": query.get("n").parse::<u32>().unwrap_or_default(),
        "left": query.get("left").parse::<u32>().unwrap_or_default(),
    });
    site.page(&caller, "held.html", values).await
}

/// The word of what was done; anything else is nobody's of ours.
fn done(word: &str) -> Option<&'static str> {
    ["released", "refused"]
        .into_iter()
        .find(|known| *known == word)
}

/// Shows what releasing or refusing would do; the form that does it is there.
async fn preview(
    State(site): State<Arc<Site>>,
    caller: Caller,
    fields: Fields,
) -> Result<Response, Fault> {
    let ids = chosen(&fields)?;
    let action = match fields.get("action") {
        "refuse" => "refuse",
        "release" => "release",
        _ => return Err(Fault::Wrong("release or refuse is expected".to_owned())),
    };
    let work = site.work(&caller);
    let mut outcomes: Vec<Value> = Vec::with_capacity(ids.len());
    match action {
        "release" => {
            for id in &ids {
                held_still(&site, *id).await?;
            }
            let all = replay::rehearse(&work, &ids, true).await?;
            outcomes.extend(
                all.iter()
                    .map(|(was, outcome)| replay::object(*was, outcome)),
            );
        }
        _ => {
            for id in &ids {
                held_still(&site, *id).await?;
                let outcome = held::refusal(&work, *id, fields.get("note")).await?;
                outcomes.push(replay::object(MessageVerdict::Held, &outcome));
            }
        }
    }
    let values = json!({
        "self_path": "/held",
        "ids": ids,
        "action": action,
        "note": fields.get("note"),
        "outcomes": outcomes,
    });
    site.page(&caller, "held_preview.html", values).await
}

async fn release(
    State(site): State<Arc<Site>>,
    caller: Caller,
    fields: Fields,
) -> Result<Redirect, Fault> {
    let ids = chosen(&fields)?;
    let note = &fields.note()?;
    for id in &ids {
        held_still(&site, *id).await?;
    }
    let entries = held::release(&site.work(&caller), &ids, note).await?;
    let left = entries
        .iter()
        .filter(|entry| is_held(entry) || entry.is_waiting);
    let (done, left) = (entries.len(), left.count());
    Ok(Redirect::to(&format!(
        "/held?done=released&n={}&left={left}",
        done - left
    )))
}

async fn refuse(
    State(site): State<Arc<Site>>,
    caller: Caller,
    fields: Fields,
) -> Result<Redirect, Fault> {
    let ids = chosen(&fields)?;
    let note = &fields.note()?;
    let refused = held::refuse(&site.work(&caller), &ids, note).await?;
    let left = (ids.len() as u64).saturating_sub(refused);
    Ok(Redirect::to(&format!(
        "/held?done=refused&n={refused}&left={left}"
    )))
}

fn is_held(entry: &LogEntry) -> bool {
    let decision = entry.decision.as_ref();
    decision.is_some_and(|decision| decision.verdict == MessageVerdict::Held)
}

async fn held_still(site: &Site, id: InboundId) -> Result<(), Fault> {
    match is_held(&site.message(id).await?) {
        true => Ok(()),
        false => Err(Fault::Late(format!("Message {id} is not held any more."))),
    }
}

/// The messages that were ticked, one by one or the page's all at once.
fn chosen(fields: &Fields) -> Result<Vec<InboundId>, Fault> {
    let all = fields.get("all").split_whitespace();
    let ids = fields.all("id").chain(all).map(id);
    let mut ids = ids.collect::<Result<Vec<_>, _>>()?;
    ids.sort_unstable();
    ids.dedup();
    match ids.len() {
        0 => Err(Fault::Wrong("no message was ticked".to_owned())),
        many if many > PAGE as usize => {
            Err(Fault::Wrong(format!("{PAGE} messages at most go at once")))
        }
        _ => Ok(ids),
    }
}

fn id(text: &str) -> Result<InboundId, Fault> {
    let wrong = |_| Fault::Wrong("the number of a message is expected".to_owned());
    text.parse().map_err(wrong)
}
