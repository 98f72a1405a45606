//! Looks after what waits for a person: mail held too long or with a deadline that comes near,
//! customers who are not told, notices that do not arrive, silence.

mod rules;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::model::reason;
use crate::model::{InboundId, ReasonCode};
use crate::process;
use crate::send::PAUSED;
use crate::store::{Alarm, HeldMail, RouteHeard, RoutesHeard, Store, StoreError, WatchAsk};

pub use rules::WatchRules;

/// How often an alarm that stands is said again in the log.
const REPEAT: SignedDuration = SignedDuration::from_hours(1);

/// What a route has heard is written down when it is news by so much time or so many messages; what
/// is lost in a crash is looked up again.
const NEWS: SignedDuration = SignedDuration::from_hours(1);
const NEWS_MESSAGES: i64 = 10_000;

/// A request that is not answered by then is visible and alarmed (HS-29).
const ANSWER_MAX: SignedDuration = SignedDuration::from_hours(24);

/// A code that nobody has used is deleted after so long, one that is used at once (`product.md`,
/// chapter 9).
const CODES_KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Raises alarms, clears those whose cause is gone, and says them in the log: once, then every hour.
pub struct Watch {
    rules: WatchRules,
    /// What the routes have heard; `None`: not looked up yet.
    heard: Option<RoutesHeard>,
    /// As it was written down last.
    remembered: RoutesHeard,
    /// What stood at the last look, of the alarms that are said.
    standing: Vec<Alarm>,
    /// When each alarm was said last.
    said: BTreeMap<String, Timestamp>,
}

impl Watch {
    /// Watches by these rules.
    pub fn new(rules: WatchRules) -> Self {
        Watch {
            rules,
            heard: None,
            remembered: RoutesHeard::default(),
            standing: Vec::new(),
            said: BTreeMap::new(),
        }
    }

    /// One look at the store.
    pub async fn look(&mut self, store: &dyn Store, now: Timestamp) -> Result<(), StoreError> {
        self.look_at_held(store, now).await?;
        if let Ok(before) = now.checked_sub(ANSWER_MAX) {
            store.mark_unanswered(before, now).await?;
        }
        if let Ok(before) = now.checked_sub(CODES_KEPT) {
            store.forget_codes(before).await?;
        }
        self.listen(store, now).await?;
        let (rules, heard) = (&self.rules, self.heard.clone().unwrap_or_default());
        let ask = WatchAsk {
            near: now
                .checked_add(rules.unnotified_before)
                .unwrap_or(Timestamp::MAX),
            since: now.checked_sub(rules::COUNTED).unwrap_or(Timestamp::MIN),
            paused: PAUSED,
            writes_to_owners: rules.writes_to_owners,
        };
        let rule = |facts: &_| rules::alarms(rules, facts, &heard, now);
        self.standing = store.watch(&ask, &rules::CODES, &rule, now).await?;
        self.say(now);
        Ok(())
    }

    /// Held mail. Its alarms end by themselves with the message's being held.
    async fn look_at_held(&self, store: &dyn Store, now: Timestamp) -> Result<(), StoreError> {
        let near = now + process::DEADLINE_NEAR;
        let work = store.held_work(near).await?;
        let mut news: Vec<Alarm> = Vec::new();
        if let Some(oldest) = work
            .oldest
            .filter(|mail| is_overdue(mail, self.rules.held_age, now))
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
        // One too many is raised once, as all are; only the write would be in vain.
        let known: BTreeSet<&String> = self.standing.iter().map(|alarm| &alarm.key).collect();
        news.retain(|alarm| !known.contains(&alarm.key));
        if news.is_empty() {
            return Ok(());
        }
        store.raise_held(&news).await
    }

    /// What the routes have heard up to now.
    async fn listen(&mut self, store: &dyn Store, now: Timestamp) -> Result<(), StoreError> {
        let is_first = self.heard.is_none();
        let mut heard = match self.heard.take() {
            Some(heard) => heard,
            None => {
                self.remembered = store.routes_heard().await?;
                self.remembered.clone()
            }
        };
        let upto = heard.upto.unwrap_or(InboundId(0));
        let news = store.heard_since(upto, &reason::BEHIND_ORIGIN).await;
        // A route that was off for a while begins anew.
        heard
            .routes
            .retain(|name, _| self.rules.routes.contains(name));
        for name in &self.rules.routes {
            let fresh = RouteHeard {
                since: now,
                heard_at: None,
            };
            heard.routes.entry(name.clone()).or_insert(fresh);
        }
        // What was known before must not be lost with a failure.
        self.heard = Some(heard.clone());
        let news = news?;
        for (name, route) in &mut heard.routes {
            let lately = news.routes.get(name).and_then(|route| route.heard_at);
            route.heard_at = route.heard_at.max(lately);
        }
        heard.upto = news.upto;
        self.heard = Some(heard.clone());
        if is_first && heard.routes != self.remembered.routes || self.is_news(&heard) {
            store.remember_routes(&heard).await?;
            self.remembered = heard;
        }
        Ok(())
    }

    fn is_news(&self, heard: &RoutesHeard) -> bool {
        let upto = |heard: &RoutesHeard| heard.upto.map_or(0, |id| id.0);
        upto(heard) - upto(&self.remembered) > NEWS_MESSAGES
            || heard.routes.iter().any(|(name, route)| {
                let before = (self.remembered.routes.get(name)).and_then(|route| route.heard_at);
                match (before, route.heard_at) {
                    (Some(before), Some(at)) => at.duration_since(before) > NEWS,
                    (None, at) => at.is_some(),
                    (Some(_), None) => false,
                }
            })
    }

    fn say(&mut self, now: Timestamp) {
        let keys: BTreeSet<&String> = self.standing.iter().map(|alarm| &alarm.key).collect();
        self.said.retain(|key, _| keys.contains(key));
        for alarm in &self.standing {
            let before = self.said.get(&alarm.key);
            if before.is_some_and(|at| now.duration_since(*at).abs() < REPEAT) {
                continue;
            }
            self.said.insert(alarm.key.clone(), now);
            let (code, domain) = (alarm.code.as_str(), alarm.ace.as_deref());
            let meaning = alarm.code.entry().map_or("", |entry| entry.meaning);
            match alarm.message {
                // What the alarm itself says may quote the mail.
                Some(message) => tracing::error!(
                    msg = %message,
                    reason = code,
                    domain,
                    "message {message} waits for a person: {meaning} See `stichtag held show {message}`",
                ),
                None => tracing::error!(
                    reason = code,
                    domain,
                    "{meaning} {}. See `stichtag alarm list`",
                    alarm.text
                ),
            }
        }
    }
}

/// Is it held for longer than `held_age`?
pub fn is_overdue(mail: &HeldMail, held_age: SignedDuration, now: Timestamp) -> bool {
    now.duration_since(mail.received_at) > held_age
}

fn alarm(mail: &HeldMail, key: String, code: ReasonCode, text: String, now: Timestamp) -> Alarm {
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
