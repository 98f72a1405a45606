//! `/settings`: what the server runs with, where each value comes from, and how all stands.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Caller, Fault, Query, Right, Site, Way};
use crate::config::{Config, Origin};
use crate::evidence::openpgp;
use crate::inspect::cli::doctor;
use crate::inspect::cli::out::json_time;

/// The ways in.
pub fn ways() -> Vec<Way> {
    vec![Way::look("/settings", Right::Look, page)]
}

async fn page(
    State(site): State<Arc<Site>>,
    caller: Caller,
    query: Query,
) -> Result<Response, Fault> {
    let (config, now) = (&site.config, site.clock.now());
    let wanted = query.get("q").to_lowercase();
    let is_set = query.get("set") == "on";
    let rules = doctor::rules(config).map(|(route, advice)| {
        json!({
            "route": route, "level": doctor::word(advice.level), "text": advice.text,
            "remedy": advice.remedy,
        })
    });
    let values = json!({
        "self_path": "/settings",
        "health": site.health_now().await?,
        "rules": rules.collect::<Vec<_>>(),
        "keys": keys(config, now),
        "q": query.get("q"),
        "only_set": is_set,
        "settings": settings(config, &wanted, is_set),
        "version": env!("CARGO_PKG_VERSION"),
    });
    site.page(&caller, "settings.html", values).await
}

/// The keys that hold what is looked for; of them only those that somebody has set, where asked.
fn settings(config: &Config, wanted: &str, only_set: bool) -> Vec<Value> {
    let all = config.settings.iter();
    all.filter(|setting| setting.key.contains(wanted))
        .filter(|setting| !only_set || setting.origin != Origin::Default)
        .map(|setting| {
            json!({
                "key": setting.key,
                "value": setting.value.to_string(),
                "origin": setting.origin.to_string(),
                "is_set": setting.origin != Origin::Default,
            })
        })
        .collect()
}

/// The pinned OpenPGP keys, and until when they can sign.
fn keys(config: &Config, now: Timestamp) -> Vec<Value> {
    let routes = config.all_routes.iter();
    let keys = routes.flat_map(|route| route.pgp_keys.iter().map(move |key| (route, key)));
    keys.map(|(route, key)| {
        let ends_at = openpgp::ends_at(key, now);
        json!({
            "route": route.name,
            "file": key.file,
            "fingerprint": key.fingerprint,
            "ends_at": json_time(ends_at),
            "left": ends_at.map(|at| at.duration_since(now).as_secs()),
            "fault": openpgp::fault(key, now),
        })
    })
    .collect()
}
