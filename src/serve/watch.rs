//! Looks after what waits for a person: held too long, or with a deadline that comes near.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::model::reason;
use crate::process;
use crate::store::{Alarm, HeldMail, Store, StoreError};

/// How often an alarm that stands is said again in the log.
const REPEAT: SignedDuration = SignedDuration::from_hours(1);

/// Raises alarms about held mail and says them in the log: once, then every hour.
pub struct Watch {
    held_age: SignedDuration,
    /// When each alarm was said last.
    said: BTreeMap<String, Timestamp>,
}

impl Watch {
    /// Alarms what is held for longer than `held_age`.
    pub fn new(held_age: Duration) -> Self {
        Watch {
            held_age: SignedDuration::try_from(held_age).unwrap_or(SignedDuration::MAX),
            said: BTreeMap::new(),
        }
    }

    /// One look at the store. Alarms end by themselves with the message's being held.
    pub async fn look(&mut self, store: &dyn Store, now: Timestamp) -> Result<(), StoreError> {
        let near = now + process::DEADLINE_NEAR;
        let work = store.held_work(near).await?;
        let mut open = store.alarms().await?;
        let mut news: Vec<Alarm> = Vec::new();
        if let Some(oldest) = work
            .oldest
            .filter(|mail| is_overdue(mail, self.held_age, now))
        {
            let text = format!(
                "message {} is held since {}, longer than it should be",
                oldest.id, oldest.received_at
            );
            let key = format!("message:{}:age", oldest.id);
            news.push(alarm(&oldest, key, reason::HELD_LONG, text, now));
        }
        for mail in &work.due {
            let Some(deadline) = mail.deadline else {
                continue;
            };
            let text = process::near_deadline(mail.id, deadline);
            let key = process::deadline_key(mail.id);
            news.push(alarm(mail, key, reason::HELD_DEADLINE, text, now));
        }
        let known: BTreeSet<&str> = open.iter().map(|alarm| alarm.key.as_str()).collect();
        news.retain(|alarm| !known.contains(alarm.key.as_str()));
        if !news.is_empty() {
            store.raise_held(&news).await?;
            open = store.alarms().await?;
        }
        self.say(&open, now);
        Ok(())
    }

    fn say(&mut self, open: &[Alarm], now: Timestamp) {
        let is_held = |alarm: &&Alarm| alarm.key.starts_with("message:");
        let known: BTreeSet<&str> = open.iter().map(|alarm| alarm.key.as_str()).collect();
        self.said.retain(|key, _| known.contains(key.as_str()));
        for alarm in open.iter().filter(is_held) {
            let before = self.said.get(&alarm.key);
            if before.is_some_and(|at| now.duration_since(*at).abs() < REPEAT) {
                continue;
            }
            self.said.insert(alarm.key.clone(), now);
            let message = alarm.message.map(|id| id.to_string()).unwrap_or_default();
            // What the alarm itself says may quote the mail.
            let meaning = alarm.code.entry().map_or("", |entry| entry.meaning);
            tracing::error!(
                msg = message,
                reason = alarm.code.as_str(),
                domain = alarm.ace.as_deref(),
                "message {message} waits for a person: {meaning} See `stichtag held show {message}`",
            );
        }
    }
}

/// Is it held for longer than `held_age`?
pub fn is_overdue(mail: &HeldMail, held_age: SignedDuration, now: Timestamp) -> bool {
    now.duration_since(mail.received_at) > held_age
}

fn alarm(
    mail: &HeldMail,
    key: String,
    code: crate::model::ReasonCode,
    text: String,
    now: Timestamp,
) -> Alarm {
    Alarm {
        key,
        code,
        environment: mail.environment,
        ace: mail.ace.clone(),
        message: Some(mail.id),
        text,
        raised_at: now,
    }
}
