//! `/messages`: the log of processed mail.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde_json::json;

use super::{Caller, Fault, Right, Site, Way};
use crate::inspect::cli::log;
use crate::store::LogFilter;

/// Messages on a page.
const PAGE: u32 = 100;

/// The ways in.
pub fn ways() -> Vec<Way> {
    vec![Way::look("/messages", Right::Look, list)]
}

async fn list(State(site): State<Arc<Site>>, caller: Caller) -> Result<Response, Fault> {
    let filter = LogFilter {
        limit: PAGE,
        ..LogFilter::default()
    };
    let found = site.store.log(&filter).await?;
    let messages: Vec<_> = found.iter().rev().map(log::object).collect();
    let values = json!({ "self_path": "/messages", "messages": messages });
    site.page(&caller, "messages.html", values).await
}
