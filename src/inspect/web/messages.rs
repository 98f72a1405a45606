//! `/messages`: the log of processed mail, with its filter line.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Redirect, Response};
use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::{Caller, Fault, Query, Right, Site, Way, filter};
use crate::inspect::cli::log;
use crate::model::InboundId;
use crate::store::{MessagePlace, MessageQuery};

/// Messages on a page.
const PAGE: u32 = 100;

/// Messages in a file.
const FILE: usize = 10_000;

/// Views that people come for, beside those that they keep as bookmarks: the address says it all.
const VIEWS: [(&str, &str); 5] = [
    ("held", "verdict:held"),
    ("refused", "verdict:refused"),
    ("waiting", "verdict:deferred"),
    ("day", "after:1d"),
    ("test", "env:test"),
];

/// The ways in.
pub fn ways() -> Vec<Way> {
    vec![
        Way::look("/messages", Right::Look, list),
        Way::look("/messages.{ending}", Right::Look, file),
    ]
}

async fn list(
    State(site): State<Arc<Site>>,
    caller: Caller,
    query: Query,
) -> Result<Response, Fault> {
    let line = query.get("q");
    // Whoever types a number wants that message.
    if let Ok(id) = line.parse::<InboundId>() {
        return Ok(Redirect::to(&format!("/messages/{id}")).into_response());
    }
    let (wanted, wrong) = match filter::read(line, site.clock.now()) {
        Ok(wanted) => (Some(wanted), None),
        Err(Fault::Wrong(why)) => (None, Some(why)),
        Err(fault) => return Err(fault),
    };
    let below = place(query.get("below"))?;
    let mut page = crate::store::MessagePage::default();
    let mut hiding = Vec::new();
    if let Some(wanted) = wanted {
        let wanted = MessageQuery {
            below,
            limit: PAGE,
            ..wanted
        };
        page = site.store.messages(&wanted).await?;
        if page.entries.is_empty() && page.below.is_none() && below.is_none() {
            hiding = hides(&site, line).await?;
        }
    }
    let older = page.below.map(|place| address(line, Some(place)));
    let views =
        VIEWS.map(|(name, line)| json!({"name": name, "line": line, "href": address(line, None)}));
    let keys = filter::KEYS.map(|(key, value)| format!("{key}:{value}"));
    let files = ["csv", "json"].map(|ending| format!("/messages.{ending}?q={}", encoded(line)));
    let values = json!({
        "self_path": "/messages",
        "q": line,
        "wrong": wrong,
        "keys": keys,
        "views": views,
        "messages": page.entries.iter().map(log::object).collect::<Vec<_>>(),
        "hiding": hiding,
        "looked_back_to": page.looked_back_to.map(|at| at.to_string()),
        "newest": below.map(|_| address(line, None)),
        "older": older,
        "files": files,
    });
    site.page(&caller, "messages.html", values).await
}

/// Of the filters those without which there would be something.
async fn hides(site: &Site, line: &str) -> Result<Vec<Value>, Fault> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let mut found = Vec::new();
    for (number, word) in words.iter().enumerate() {
        let mut others = words.clone();
        others.remove(number);
        let others = others.join(" ");
        let wanted = MessageQuery {
            limit: 1,
            ..filter::read(&others, site.clock.now())?
        };
        if !site.store.messages(&wanted).await?.entries.is_empty() {
            found.push(json!({"word": word, "href": address(&others, None)}));
        }
    }
    Ok(found)
}

/// What the filter line finds, as a file: comma-separated, or an object a line.
async fn file(
    State(site): State<Arc<Site>>,
    Path(ending): Path<String>,
    query: Query,
) -> Result<Response, Fault> {
    let media_type = match ending.as_str() {
        "csv" => "text/csv; charset=utf-8",
        "json" => "application/jsonl",
        _ => return Err(Fault::Missing(String::new())),
    };
    let mut wanted = filter::read(query.get("q"), site.clock.now())?;
    wanted.limit = 1_000;
    let mut found = Vec::new();
    loop {
        let page = site.store.messages(&wanted).await?;
        found.extend(page.entries.iter().map(log::object));
        wanted.below = page.below;
        if wanted.below.is_none() || found.len() >= FILE {
            break;
        }
    }
    let is_cut = found.len() > FILE || wanted.below.is_some() && found.len() == FILE;
    found.truncate(FILE);
    let text = match ending.as_str() {
        "csv" => table(&found).map_err(anyhow::Error::from)?,
        _ => found.iter().map(|one| format!("{one}\n")).collect(),
    };
    // Whoever keeps the file sees that it is a part.
    let part = if is_cut {
        format!("-newest-{FILE}")
    } else {
        String::new()
    };
    let name = format!("attachment; filename=\"messages{part}.{ending}\"");
    let fields = [
        (CONTENT_TYPE, media_type.to_owned()),
        (CONTENT_DISPOSITION, name),
    ];
    Ok((fields, text).into_response())
}

/// The columns of a table file.
const COLUMNS: [&str; 13] = [
    "id",
    "received_at",
    "environment",
    "source",
    "route",
    "verdict",
    "notice",
    "domain",
    "ace",
    "kind",
    "reasons",
    "message_id",
    "queue_id",
];

fn table(objects: &[Value]) -> Result<String, csv::Error> {
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(COLUMNS)?;
    for object in objects {
        table.write_record(COLUMNS.map(|column| cell(&object[column])))?;
    }
    let bytes = table.into_inner().map_err(|error| error.into_error())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A value that no spreadsheet takes for a formula.
fn cell(value: &Value) -> String {
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(all) => all.iter().map(cell).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    };
    match text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        true => format!("'{text}"),
        false => text,
    }
}

/// The address of a list.
fn address(line: &str, below: Option<MessagePlace>) -> String {
    let below = below.map(|place| format!("&below={}-{}", place.at.as_microsecond(), place.id));
    format!("/messages?q={}{}", encoded(line), below.unwrap_or_default())
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn place(text: &str) -> Result<Option<MessagePlace>, Fault> {
    let read = || {
        let (at, id) = text.split_once('-')?;
        Some(MessagePlace {
            at: Timestamp::from_microsecond(at.parse().ok()?).ok()?,
            id: id.parse().ok()?,
        })
    };
    match (text, read()) {
        ("", _) => Ok(None),
        (_, Some(place)) => Ok(Some(place)),
        _ => Err(Fault::Wrong(
            "the place in the list is not one of ours".to_owned(),
        )),
    }
}
