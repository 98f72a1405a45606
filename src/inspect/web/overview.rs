//! `/`: what dies next, what needs a person, and how the mail goes.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

use super::board::DueNow;
use super::{Caller, Fault, Right, Site, Way, chart};
use crate::model::{Environment, reason};
use crate::store::{DayCount, Totals};

/// Days of the chart of messages.
const DAYS: i64 = 90;

/// Standing alarms that are listed.
const ALARMS: u32 = 20;

/// The ways in.
pub fn ways() -> Vec<Way> {
    vec![Way::look("/", Right::Look, show)]
}

async fn show(State(site): State<Arc<Site>>, caller: Caller) -> Result<Response, Fault> {
    let now = site.clock.now();
    let due = site.due().await?;
    let totals = site.store.totals().await?;
    let since = now.checked_sub((24 * DAYS).hours()).unwrap_or(now);
    let days = site.store.message_days(since).await?;
    let held: u64 = totals.held.iter().map(|(_, count, _)| count).sum();
    let oldest = totals.held.iter().map(|(_, _, since)| *since).min();
    let alarms = site.store.newest_alarms(ALARMS).await?;
    let calls = site.store.open_calls().await?;
    let rows: Vec<_> = (alarms.iter())
        .map(|alarm| {
            json!({
                "code": alarm.code,
                "text": alarm.text,
                "raised_at": alarm.raised_at.to_string(),
                "message": alarm.message,
            })
        })
        .collect();
    let silent = (totals.alarms.iter())
        .find(|(code, _)| code == reason::ROUTE_SILENT.as_str())
        .map_or(0, |(_, count)| *count);
    let undelivered: u64 = (totals.alarms.iter())
        .filter(|(code, _)| is_undelivered(code))
        .map(|(_, count)| *count)
        .sum();
    let standing: u64 = totals.alarms.iter().map(|(_, count)| count).sum();
    let verdicts = verdicts(&days);
    let values = json!({
        "self_path": "/",
        "next": next(&due, now),
        "open": due.rows.len(),
        "heard_at": heard(&totals).map(|at| at.to_string()),
        "heard_ago": heard(&totals).map(|at| now.duration_since(at).as_secs()),
        "waiting": due.waiting(),
        "calls": calls,
        "held": held,
        "held_oldest": oldest.map(|since| since.to_string()),
        "undelivered": undelivered,
        "silent": silent,
        "alarms": rows,
        "alarm_count": standing,
        "timeline": chart::timeline(&due.rows, now),
        "days": chart::days(&days, since, now),
        "breakdown": chart::breakdown(&verdicts),
    });
    site.page(&caller, "overview.html", values).await
}

/// The next deadline that is still ahead; one that has passed needs a person, and is counted there.
fn next(due: &DueNow, now: Timestamp) -> Option<Value> {
    let ahead = |live: bool| {
        due.rows.iter().find(move |row| {
            let is_live = row.record.key.environment == Environment::Live;
            row.at >= now && is_live == live
        })
    };
    let row = ahead(true).or_else(|| ahead(false))?;
    Some(json!({
        "domain": row.record.key.domain.unicode(),
        "ace": row.record.key.domain.ace(),
        "environment": row.record.key.environment,
        "what": row.next,
        "at": row.at.to_string(),
        "left": row.at.duration_since(now).as_secs(),
        "case": row.case,
        "needs": row.needs,
    }))
}

/// Alarms about customers whom no mail told.
fn is_undelivered(code: &str) -> bool {
    let codes = [
        reason::NOTICE_FAILED,
        reason::NOTICE_BOUNCED,
        reason::NO_WORKING_CONTACT,
    ];
    codes.iter().any(|known| known.as_str() == code)
}

/// When a registry was last heard.
fn heard(totals: &Totals) -> Option<Timestamp> {
    let live = (totals.heard.iter()).filter(|([environment, _], _)| environment == "live");
    live.map(|(_, at)| *at).max()
}

fn verdicts(days: &[DayCount]) -> BTreeMap<&'static str, u64> {
    let mut found = BTreeMap::new();
    for day in days {
        *found.entry(day.verdict.as_str()).or_default() += day.count;
    }
    found
}
