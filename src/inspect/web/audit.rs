//! `/audit`: who did what.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Redirect, Response};
use futures_util::stream;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use url::form_urlencoded;

use super::{Caller, Fault, Query, Right, Site, Way};
use crate::inspect::cli::audit;
use crate::inspect::cli::out::{json_line, json_time};
use crate::store::{AuditCheck, AuditFilter, AuditLink, AuditPage, Store, StoreError};

/// Entries on a page.
const PAGE: u32 = 100;

/// Entries of a file that are read at once.
const PART: u32 = 1_000;

/// How long a page waits for a check that has just begun; a short trail is through by then.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the address may say.
const KEYS: [&str; 5] = ["actor", "action", "object", "since", "until"];

/// The ways in.
pub fn ways() -> Vec<Way> {
    vec![
        Way::look("/audit", Right::Look, page),
        Way::look("/audit.{ending}", Right::People, file),
        Way::act("/audit/verify", Right::People, Some("audit verify"), verify),
    ]
}

/// The last look at the whole trail.
pub struct Checking {
    last: Mutex<Option<(Timestamp, AuditCheck)>>,
    /// One at a time: it reads everything.
    turn: Arc<Semaphore>,
}

impl Default for Checking {
    fn default() -> Self {
        Checking {
            last: Mutex::default(),
            turn: Arc::new(Semaphore::new(1)),
        }
    }
}

fn filter(query: &Query, now: Timestamp) -> Result<AuditFilter, Fault> {
    let text = |name| Some(query.get(name).to_owned()).filter(|text| !text.is_empty());
    let instant = |name| match query.get(name) {
        "" => Ok(None),
        text => match super::filter::instant(text, now) {
            Ok(at) => Ok(Some(at)),
            Err(why) => Err(Fault::Wrong(format!("{name}: {why}"))),
        },
    };
    Ok(AuditFilter {
        object: text("object"),
        actor: text("actor"),
        action: text("action"),
        since: instant("since")?,
        until: instant("until")?,
        limit: PAGE,
    })
}

/// The query of an address with the same filter.
fn same(query: &Query, below: Option<i64>) -> String {
    let mut to = form_urlencoded::Serializer::new(String::new());
    for key in KEYS {
        let value = query.get(key);
        if !value.is_empty() {
            to.append_pair(key, value);
        }
    }
    if let Some(below) = below {
        to.append_pair("below", &below.to_string());
    }
    to.finish()
}

async fn page(
    State(site): State<Arc<Site>>,
    caller: Caller,
    query: Query,
) -> Result<Response, Fault> {
    let below =
        match query.get("below") {
            "" => None,
            text => Some(text.parse().map_err(|_| {
                Fault::Wrong("below: the number of an entry is expected".to_owned())
            })?),
        };
    let (found, wrong) = match filter(&query, site.clock.now()) {
        Ok(filter) => (site.store.audit_page(&filter, below).await?, None),
        Err(Fault::Wrong(why)) => (AuditPage::default(), Some(why)),
        Err(fault) => return Err(fault),
    };
    let filters: serde_json::Map<String, Value> = KEYS
        .iter()
        .map(|key| ((*key).to_owned(), query.get(key).into()))
        .collect();
    let values = json!({
        "self_path": "/audit",
        "filter": filters,
        "wrong": wrong,
        "entries": found.links.iter().map(audit::object).collect::<Vec<_>>(),
        "newest": below.map(|_| format!("/audit?{}", same(&query, None))),
        "older": found.below.map(|below| format!("/audit?{}", same(&query, Some(below)))),
        "file": format!("/audit.json?{}", same(&query, None)),
        "may_check": caller.may(Right::People),
        "check": site.checking.shown(),
    });
    site.page(&caller, "audit.html", values).await
}

impl Checking {
    fn shown(&self) -> Value {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let last = last.as_ref().map(|(at, check)| {
            let findings = check.findings.iter().map(|found| found.what.as_str());
            json!({
                "at": json_time(Some(*at)),
                "entries": check.entries,
                "head": check.head.to_string(),
                "findings": findings.collect::<Vec<_>>(),
            })
        });
        json!({ "is_under_way": self.turn.available_permits() == 0, "last": last })
    }
}

/// Begins to check the whole trail, unless that is under way.
async fn verify(State(site): State<Arc<Site>>) -> Result<Response, Fault> {
    if let Ok(turn) = site.checking.turn.clone().try_acquire_owned() {
        let checked = site.clone();
        let work = tokio::spawn(async move {
            let found = checked.store.audit_verify(None).await;
            match found {
                Ok(check) => {
                    let last = &checked.checking.last;
                    let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
                    *last = Some((checked.clock.now(), check));
                }
                Err(error) => tracing::error!("web: the audit trail cannot be checked: {error}"),
            }
            drop(turn);
        });
        // Whether it is through by then or not: the page says how it stands.
        let _ = tokio::time::timeout(PATIENCE, work).await;
    }
    Ok(Redirect::to("/audit").into_response())
}

/// Everything that the filter lets through, an object a line, newest first, as `audit list --json` has it.
async fn file(
    State(site): State<Arc<Site>>,
    Path(ending): Path<String>,
    query: Query,
) -> Result<Response, Fault> {
    if ending != "json" {
        return Err(Fault::Missing(String::new()));
    }
    let filter = AuditFilter {
        limit: PART,
        ..filter(&query, site.clock.now())?
    };
    let parts = stream::unfold(Some((site, filter, None)), |rest| async move {
        let (site, filter, below) = rest?;
        match part(&*site.store, &filter, below).await {
            Ok((text, below)) => {
                let rest = below.map(|below| (site, filter, Some(below)));
                Some((Ok(text), rest))
            }
            // Cut off, so that nobody takes it for the whole.
            Err(error) => {
                tracing::error!("web: a file of the audit trail is cut off: {error}");
                Some((Err(error), None))
            }
        }
    });
    let fields = [
        (CONTENT_TYPE, "application/jsonl"),
        (CONTENT_DISPOSITION, "attachment; filename=\"audit.json\""),
    ];
    Ok((fields, Body::from_stream(parts)).into_response())
}

async fn part(
    store: &dyn Store,
    filter: &AuditFilter,
    below: Option<i64>,
) -> Result<(String, Option<i64>), StoreError> {
    let page = store.audit_page(filter, below).await?;
    let line = |link: &AuditLink| json_line(audit::object(link));
    Ok((page.links.iter().map(line).collect(), page.below))
}
