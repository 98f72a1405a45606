//! `/help` and `/help/keys`: what words, verdicts and reason codes mean.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};

use super::{Caller, Fault, Query, Right, Site, Way, words};
use crate::model::reason;

/// The ways in.
pub fn ways() -> Vec<Way> {
    vec![
        Way::look("/help", Right::Look, page),
        Way::look("/help/keys", Right::Look, keys),
    ]
}

async fn page(
    State(site): State<Arc<Site>>,
    caller: Caller,
    query: Query,
) -> Result<Response, Fault> {
    let wanted = query.get("q").to_lowercase();
    let codes: Vec<Value> = reason::CATALOGUE
        .iter()
        .filter_map(|entry| {
            let (meaning, remedy) = words::reason(entry, caller.language);
            let mut texts = [entry.code.as_str(), meaning, remedy].into_iter();
            texts
                .any(|text| text.to_lowercase().contains(&wanted))
                .then(|| json!({ "code": entry.code, "meaning": meaning, "remedy": remedy }))
        })
        .collect();
    let values = json!({ "self_path": "/help", "q": query.get("q"), "codes": codes });
    site.page(&caller, "help.html", values).await
}

async fn keys(State(site): State<Arc<Site>>, caller: Caller) -> Result<Response, Fault> {
    let values = json!({ "self_path": "/help" });
    site.page(&caller, "help_keys.html", values).await
}
