//! `/deadlines`: what dies next, and the staff's calendar of it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::address::address;
use super::{Caller, Fault, Fields, Query, Right, Site, Way};
use crate::inspect::cli::log::duration;
use crate::inspect::work::due::{Due, object};
use crate::inspect::work::feed;
use crate::model::{Environment, UserName, sha256_hex};

/// Rows on a page.
const PAGE: usize = 100;

/// How far ahead is looked, unless the address says so.
const WITHIN: &str = "30d";

/// By what the list is sorted; with `-` in front the other way round.
const SORTS: [&str; 5] = ["at", "domain", "customer", "case", "needs"];

/// The ways in.
pub fn ways() -> Vec<Way> {
    vec![
        Way::look("/deadlines", Right::Look, list),
        // Its key is the right to it: calendars do not sign in.
        Way::look("/deadlines.ics", Right::Anyone, calendar),
        Way::act(
            "/deadlines/feed-key",
            Right::Look,
            Some("deadlines feed-key add"),
            add_key,
        ),
        Way::act(
            "/deadlines/feed-key/revoke",
            Right::Look,
            Some("deadlines feed-key revoke"),
            revoke_key,
        ),
    ]
}

/// What the address asks for.
struct Wanted<'a> {
    query: &'a Query,
    sort: &'a str,
    is_reversed: bool,
    within: &'a str,
    until: Option<Timestamp>,
    environment: Option<Environment>,
    needs: bool,
    domain: String,
    from: usize,
}

impl<'a> Wanted<'a> {
    fn read(query: &'a Query, now: Timestamp) -> Result<Self, Fault> {
        let sort = query.get("sort");
        let is_reversed = sort.starts_with('-');
        let sort = match sort.trim_start_matches('-') {
            "" => SORTS[0],
            known if SORTS.contains(&known) => known,
            _ => {
                let expected = SORTS.join(", ");
                return Err(Fault::Wrong(format!("sort: expected one of {expected}")));
            }
        };
        let within = match query.get("within") {
            "" => WITHIN,
            text => text,
        };
        let until = match within {
            "all" => None,
            text => {
                let within: SignedDuration =
                    duration(text).map_err(|why| Fault::Wrong(format!("within: {why}")))?;
                now.checked_add(within).ok()
            }
        };
        Ok(Wanted {
            query,
            sort,
            is_reversed,
            within,
            until,
            environment: query.read("env")?,
            needs: query.get("needs") == "person",
            domain: query.get("domain").to_lowercase(),
            from: query.read("from")?.unwrap_or(0),
        })
    }

    fn takes(&self, due: &Due) -> bool {
        let (name, customer) = (&due.record.key.domain, self.query.get("customer"));
        self.until.is_none_or(|until| due.at <= until)
            && (self.environment).is_none_or(|only| due.record.key.environment == only)
            && (!self.needs || due.needs.is_some())
            && (name.ace().contains(&self.domain) || name.unicode().contains(&self.domain))
            && (customer.is_empty()
                || (due.record.customer.as_ref()).is_some_and(|id| id.0 == customer))
    }

    /// Of two that are alike the first to die stays first.
    fn sort(&self, rows: &mut [&Due]) {
        match self.sort {
            "domain" => rows.sort_by_key(|due| due.record.key.domain.unicode()),
            "customer" => rows.sort_by_key(|due| due.record.customer.as_ref().map(|id| &id.0)),
            "case" => rows.sort_by_key(|due| due.case),
            "needs" => rows.sort_by_key(|due| (due.needs.is_none(), due.needs.as_ref())),
            _ => {}
        }
        if self.is_reversed {
            rows.reverse();
        }
    }

    /// The address of the same list, but for these.
    fn address(&self, other: &[(&str, &str)]) -> String {
        let names = [
            "sort", "within", "env", "needs", "domain", "customer", "from",
        ];
        let value = |name| {
            let changed = other.iter().find(|(changed, _)| *changed == name);
            changed.map_or(self.query.get(name), |(_, value)| value)
        };
        let pairs: Vec<_> = names.iter().map(|name| (*name, value(*name))).collect();
        address("/deadlines", &pairs)
    }
}

async fn list(
    State(site): State<Arc<Site>>,
    caller: Caller,
    query: Query,
) -> Result<Response, Fault> {
    let now = site.clock.now();
    let wanted = Wanted::read(&query, now)?;
    let all = site.due().await?;
    let mut rows: Vec<&Due> = all.rows.iter().filter(|due| wanted.takes(due)).collect();
    wanted.sort(&mut rows);
    let total = rows.len();
    let waiting = rows.iter().filter(|due| due.needs.is_some()).count();
    let from = wanted.from.min(total);
    let shown: Vec<_> = (rows.iter().skip(from).take(PAGE))
        .map(|due| object(due, now))
        .collect();
    let turned = |sort: &str| match wanted.sort == sort && !wanted.is_reversed {
        true => format!("-{sort}"),
        false => sort.to_owned(),
    };
    let sorts: serde_json::Map<_, _> = (SORTS.iter())
        .map(|sort| {
            let to = wanted.address(&[("sort", &turned(sort)), ("from", "")]);
            ((*sort).to_owned(), to.into())
        })
        .collect();
    let place = |from: usize| wanted.address(&[("from", &from.to_string())]);
    let key = match caller.name.parse::<UserName>() {
        Ok(user) => {
            let keys = site.store.feed_keys().await?;
            keys.into_iter().find(|key| key.user == user)
        }
        Err(_) => None,
    };
    let values = json!({
        "self_path": "/deadlines",
        "done_word": query.get("done"),
        "rows": shown,
        "total": total,
        "waiting": waiting,
        "sort": wanted.sort,
        "is_reversed": wanted.is_reversed,
        "sorts": sorts,
        "within": wanted.within,
        "env": query.get("env"),
        "needs_only": wanted.needs,
        "domain_text": query.get("domain"),
        "customer_text": query.get("customer"),
        "wider": wanted.address(&[("within", "all"), ("from", "")]),
        "newer": (from > 0).then(|| place(from.saturating_sub(PAGE))),
        "older": (from + PAGE < total).then(|| place(from + PAGE)),
        "key_made_at": key.map(|key| key.created_at.to_string()),
    });
    site.page(&caller, "deadlines.html", values).await
}

async fn calendar(
    State(site): State<Arc<Site>>,
    headers: HeaderMap,
    query: Query,
) -> Result<Response, Fault> {
    let digest = feed::digest(query.get("key"));
    if site.store.feed_user(&digest).await?.is_none() {
        return Err(Fault::Missing(String::new()));
    }
    let all = site.due().await?;
    let (text, _) = feed::calendar(&site.config, &all.rows, all.at);
    // What it says, and not when it was written.
    let said: String = (text.split_inclusive('\n'))
        .filter(|line| !line.starts_with("DTSTAMP:"))
        .collect();
    let tag = format!("\"{}\"", &sha256_hex(said.as_bytes())[..32]);
    let fields = [
        (CONTENT_TYPE, "text/calendar; charset=utf-8".to_owned()),
        (CACHE_CONTROL, "private, no-cache".to_owned()),
        (ETAG, tag.clone()),
    ];
    let is_known =
        (headers.get(IF_NONE_MATCH)).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    Ok(match is_known {
        true => (StatusCode::NOT_MODIFIED, fields).into_response(),
        false => (fields, text).into_response(),
    })
}

/// The caller's name, as a user's.
fn user(caller: &Caller) -> Result<UserName, Fault> {
    caller.name.parse().map_err(Fault::Missing)
}

/// Shown in the answer itself: in an address it would stand in logs and histories.
async fn add_key(State(site): State<Arc<Site>>, caller: Caller) -> Result<Response, Fault> {
    let key = feed::add_key(&site.work(&caller), &user(&caller)?).await?;
    let path = address("/deadlines.ics", &[("key", &key)]);
    let server = site.config.web.base_url.as_deref().unwrap_or_default();
    let path = format!("{}{path}", server.trim_end_matches('/'));
    let values = json!({ "self_path": "/deadlines", "path": path });
    site.page(&caller, "feed_key.html", values).await
}

async fn revoke_key(
    State(site): State<Arc<Site>>,
    caller: Caller,
    _: Fields,
) -> Result<Redirect, Fault> {
    feed::revoke_key(&site.work(&caller), &user(&caller)?).await?;
    Ok(Redirect::to("/deadlines?done=revoked"))
}
