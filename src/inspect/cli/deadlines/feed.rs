//! `stichtag deadlines --ics`

use std::io::Write;
use std::path::Path;

use jiff::Timestamp;
use serde_json::json;

use super::super::Context;
use super::super::save::Draft;
use crate::config::Config;
use crate::inspect::work::due::{self, Due};
use crate::notify::{self, FeedEffect, FeedEntry};
use crate::serve;

/// Rights of a new feed: whoever is in the group may serve it.
const MODE: u32 = 0o640;

/// Writes the calendar, to stdout for `-`.
pub fn write(
    context: &Context,
    config: &Config,
    due: &[Due],
    target: &Path,
    now: Timestamp,
) -> anyhow::Result<()> {
    let entries: Vec<FeedEntry> = due.iter().flat_map(entries).collect();
    let text = notify::feed(&entries, &serve::notice_host(config), now);
    if target == Path::new("-") {
        return Ok(std::io::stdout().write_all(text.as_bytes())?);
    }
    let mut draft = Draft::over(target, MODE)?;
    draft.file().write_all(text.as_bytes())?;
    draft.finish()?;
    let name = target.display().to_string();
    if context.out.is_json() {
        (context.out).object(json!({"file": name, "events": entries.len()}))?;
    } else {
        let count = entries.len();
        context.out.line(format!("{name}  {count} deadlines"))?;
    }
    Ok(())
}

/// Every deadline of a domain.
fn entries(due: &Due) -> Vec<FeedEntry> {
    let record = &due.record;
    let deadlines = record.due();
    let named = [
        (
            "dedelegation",
            FeedEffect::Dedelegation,
            deadlines.dedelegation_at,
        ),
        ("deletion", FeedEffect::Deletion, deadlines.deletion_at),
        (
            "suspension",
            FeedEffect::Suspension,
            deadlines.suspension_at,
        ),
        ("expire", FeedEffect::Expire, record.expires_at()),
    ];
    let entry = |(word, effect, at): (&str, FeedEffect, Option<Timestamp>)| {
        Some(FeedEntry {
            environment: record.key.environment,
            domain: record.key.domain.clone(),
            scheme: due::scheme(word),
            effect,
            at: at?,
            case: due.case,
            customer: record.customer.clone(),
            told: (due.last_notice.as_ref())
                .map(|told| format!("{} {}, {}", told.notice, told.kind, told.state)),
            // What is to be done is to be done before the next of them.
            needs: due.needs.clone().filter(|_| word == due.next),
            changed_at: record.updated_at,
            sequence: record.version,
        })
    };
    named.into_iter().filter_map(entry).collect()
}
