//! `stichtag deadlines`

mod feed;

use std::path::PathBuf;

use clap::Args;
use jiff::{SignedDuration, Timestamp};

use super::log::duration;
use super::{Context, exit};
use crate::inspect::work::due::{Due, due, object};

/// What dies next, the first on top
#[derive(Args, Debug)]
pub struct Deadlines {
    /// Only what is due within this time, such as 14d
    #[arg(long, value_parser = duration)]
    within: Option<SignedDuration>,
    /// Exit 10 when something due needs a person
    #[arg(long)]
    fail: bool,
    /// Write a calendar for the staff instead, an entry per deadline; `-`: to stdout
    ///
    /// The file is replaced whole, so that a web server may serve it meanwhile. It keeps the rights
    /// of the file that was there; a new one can be read by its owner and group.
    #[arg(long, value_name = "FILE")]
    ics: Option<PathBuf>,
}

impl Deadlines {
    pub async fn run(self, context: &Context) -> anyhow::Result<u8> {
        let (store, config) = context.store().await?;
        let now = context.now();
        let mut due = due(&*store, config.unnotified_before, now).await?;
        if let Some(within) = self.within {
            due.retain(|due| due.at <= now + within);
        }
        let waiting = due.iter().filter(|due| due.needs.is_some()).count();
        if let Some(target) = &self.ics {
            feed::write(context, &config, &due, target, now)?;
        } else if context.out.is_json() {
            for due in &due {
                context.out.object(object(due, now))?;
            }
        } else {
            print(context, &due, now, waiting)?;
        }
        Ok(if self.fail && waiting > 0 {
            exit::ATTENTION
        } else {
            exit::DONE
        })
    }
}

/// How long ago it was, such as `2d 4h`.
pub fn age(at: Timestamp, now: Timestamp) -> String {
    left(now, at.min(now))
}

/// How much time is left, such as `2d 4h`.
pub fn left(at: Timestamp, now: Timestamp) -> String {
    let minutes = at.duration_since(now).as_secs() / 60;
    if minutes < 0 {
        return "past".to_owned();
    }
    let (days, hours) = (minutes / 1_440, minutes % 1_440 / 60);
    match days {
        0 => format!("{hours}h {}m", minutes % 60),
        _ => format!("{days}d {hours}h"),
    }
}

fn print(context: &Context, due: &[Due], now: Timestamp, waiting: usize) -> anyhow::Result<()> {
    let out = &context.out;
    if due.is_empty() {
        return Ok(out.line("Nothing is due.")?);
    }
    let word = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    let rows: Vec<Vec<String>> = due
        .iter()
        .map(|due| {
            let deadlines = due.record.due();
            let hold = due.record.is_on_hold();
            let mark = if due.record.is_zone_assumed() {
                " (zone assumed)"
            } else {
                ""
            };
            let off_at = deadlines.dedelegation_at.or(deadlines.suspension_at);
            let ends_at = deadlines.deletion_at.or(due.record.expires_at());
            let told = due
                .last_notice
                .as_ref()
                .map(|told| format!("{}, {}", told.kind, told.state));
            vec![
                due.record.key.domain.unicode().to_owned(),
                due.record.key.environment.to_string(),
                if hold {
                    "on hold".to_owned()
                } else {
                    format!("{}{mark}", out.optional_time(off_at))
                },
                format!("{}{mark}", out.optional_time(ends_at)),
                left(due.at, now),
                word(due.record.customer.as_ref().map(|id| id.to_string())),
                word(due.case.map(|case| case.to_string())),
                word(told),
                word(due.needs.clone()),
            ]
        })
        .collect();
    out.table(
        &[
            "DOMAIN",
            "ENV",
            "DE-DELEGATION",
            "DELETION",
            "LEFT",
            "CUSTOMER",
            "CASE",
            "LAST NOTICE",
            "NEEDS",
        ],
        &rows,
    )?;
    eprintln!("{} due, {waiting} need a person.", due.len());
    Ok(())
}
