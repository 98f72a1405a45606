//! `stichtag deadlines`

mod feed;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::log::duration;
use super::out::json_time;
use super::{Context, exit};
use crate::inspect::work::due::{Due, due, object};
use crate::inspect::work::feed as calendar;
use crate::model::UserName;
use crate::store::FeedKey;

/// What dies next, the first on top
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Deadlines {
    #[command(subcommand)]
    keys: Option<Keys>,
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

#[derive(Subcommand, Debug)]
enum Keys {
    /// Keys with which calendars fetch the deadlines from the admin listener, one a user
    #[command(subcommand, name = "feed-key")]
    FeedKey(FeedKeys),
}

#[derive(Subcommand, Debug)]
enum FeedKeys {
    /// Make one, in the place of the former, and print it: once, it is kept nowhere
    Add {
        /// The user
        user: UserName,
    },
    /// Take one back; calendars that have it get nothing any more
    Revoke {
        /// The user
        user: UserName,
    },
    /// List who has one; never the keys themselves
    List,
}

impl FeedKeys {
    async fn run(self, context: &Context) -> anyhow::Result<u8> {
        let (store, config) = context.store().await?;
        let work = context.work(&*store, &config);
        let out = &context.out;
        match self {
            FeedKeys::Add { user } => {
                let key = calendar::add_key(&work, &user).await?;
                if out.is_json() {
                    out.object(json!({ "user": user.as_str(), "key": key }))?;
                } else {
                    eprintln!("stichtag: write it down: it is shown this once");
                    out.line(key)?;
                }
            }
            FeedKeys::Revoke { user } => {
                calendar::revoke_key(&work, &user).await?;
                out.line(format!("the key of {user} is taken back"))?;
            }
            FeedKeys::List => {
                let keys = store.feed_keys().await?;
                if out.is_json() {
                    for key in &keys {
                        out.object(json!({
                            "user": key.user.as_str(),
                            "created_at": json_time(Some(key.created_at)),
                        }))?;
                    }
                } else if keys.is_empty() {
                    out.line("Nobody has a key.")?;
                } else {
                    let row = |key: &FeedKey| vec![key.user.to_string(), out.time(key.created_at)];
                    let rows: Vec<_> = keys.iter().map(row).collect();
                    out.table(&["USER", "MADE"], &rows)?;
                }
            }
        }
        Ok(exit::DONE)
    }
}

impl Deadlines {
    pub async fn run(self, context: &Context) -> anyhow::Result<u8> {
        if let Some(Keys::FeedKey(keys)) = self.keys {
            return keys.run(context).await;
        }
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
