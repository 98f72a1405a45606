//! The staff's calendar: a file of the command line, and an address with a key.

use jiff::Timestamp;

use super::Work;
use super::due::{self, Due};
use crate::config::Config;
use crate::inspect::cli::exit;
use crate::model::{UserName, sha256_hex};
use crate::notify::{self, FeedEffect, FeedEntry};
use crate::process::new_token;
use crate::serve;

/// The calendar, and how many deadlines are in it.
pub fn calendar(config: &Config, due: &[Due], now: Timestamp) -> (String, usize) {
    let entries: Vec<FeedEntry> = due.iter().flat_map(entries).collect();
    let text = notify::feed(&entries, &serve::notice_host(config), now);
    (text, entries.len())
}

/// Makes a key for a user, in the place of the one that they had. It is kept nowhere.
pub async fn add_key(work: &Work<'_>, user: &UserName) -> anyhow::Result<String> {
    let key = new_token();
    let audit = work.audit("deadlines feed-key add", user.as_str(), "");
    match (work.store)
        .put_feed_key(user, &digest(&key), &audit)
        .await?
    {
        true => Ok(key),
        false => Err(exit::not_found(format!(
            "there is no user {user}; `stichtag user list` shows them"
        ))),
    }
}

/// Takes a user's key back.
pub async fn revoke_key(work: &Work<'_>, user: &UserName) -> anyhow::Result<()> {
    let audit = work.audit("deadlines feed-key revoke", user.as_str(), "");
    match work.store.revoke_feed_key(user, &audit).await? {
        true => Ok(()),
        false => Err(exit::not_found(format!(
            "{user} has no key; `stichtag deadlines feed-key list` shows who has one"
        ))),
    }
}

/// By which a key is known.
pub fn digest(key: &str) -> String {
    sha256_hex(key.as_bytes())
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
