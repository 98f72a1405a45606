//! What the registry does in that year: a course of messages for each domain concerned.

use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use stichtag::model::{Claim, DomainName, Environment};
use stichtag::simulate::{Body, DomainFact, QueueStatus, StatusMail};

pub const TO_LIVE: &str = "registry@registrar.example";

/// How a verification ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Proven in time.
    Resolved,
    /// Proven after the domain had been taken off the net.
    ResolvedLate,
    /// Never proven: off the net, then deleted.
    Deleted,
    /// The customer went to another provider.
    Moved,
    /// The year ends before.
    StillOpen,
}

/// One message, as it comes in.
#[derive(Clone, Debug)]
pub struct Message {
    pub at: Timestamp,
    pub raw: Vec<u8>,
    pub is_queue: bool,
}

/// One verification of one domain.
#[derive(Clone, Debug)]
pub struct Course {
    pub domain: DomainName,
    pub begins: Timestamp,
    pub end: End,
    pub messages: Vec<Message>,
    /// The deadlines in force, from when on: de-delegation, deletion.
    pub deadlines: Vec<(Timestamp, Option<Timestamp>, Timestamp)>,
    over: Option<Timestamp>,
}

impl Course {
    /// When the registry's last word came.
    pub fn ends_at(&self) -> Timestamp {
        self.over.unwrap_or(Timestamp::MAX)
    }

    /// The deadline that was ahead when the customer had to be told first.
    pub fn first_deadline(&self) -> Timestamp {
        let (_, dedelegation, deletion) = self.deadlines[0];
        dedelegation.unwrap_or(deletion)
    }
}

pub fn name(number: usize) -> DomainName {
    format!("domain-{number}.de").parse().unwrap()
}

fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

/// `count` of the domains are asked for proof, each once, some time in the year.
pub fn courses(seed: u64, domains: usize, count: usize) -> Vec<Course> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut numbers: Vec<usize> = (0..domains).collect();
    numbers.shuffle(&mut rng);
    let begin: Timestamp = super::at("2026-04-01T00:00:00Z");
    let mut wave = begin;
    (numbers.into_iter().take(count))
        .map(|number| {
            // Half of them come in waves, as a registry's nightly job writes them.
            let begins = if rng.random_bool(0.5) {
                wave += SignedDuration::from_secs(rng.random_range(0..40));
                wave
            } else {
                begin + SignedDuration::from_secs(rng.random_range(0..300 * 86_400))
            };
            if rng.random_bool(0.01) {
                wave = begin + SignedDuration::from_secs(rng.random_range(0..300 * 86_400));
            }
            course(&mut rng, name(number), begins)
        })
        .collect()
}

fn course(rng: &mut StdRng, domain: DomainName, begins: Timestamp) -> Course {
    let year_ends = super::at("2027-04-01T00:00:00Z");
    let holder = "DENIC-1000888-HALTER".parse().unwrap();
    let fact = DomainFact::connect(domain.clone(), vec![holder]);
    let claims = vec![Claim::Address, Claim::Name];
    let is_expedited = rng.random_bool(0.2);
    let grace = if is_expedited { 7 } else { 30 };
    let mut off = begins + days(grace);
    // Documented once: both on one instant.
    let mut gone = match rng.random_range(0..10) {
        0 => off,
        _ => off + days(rng.random_range(7..90)),
    };
    let mut messages = Vec::new();
    let mut deadlines = vec![(begins, Some(off), gone)];
    let tell = |messages: &mut Vec<Message>, at, said_at, fact: &DomainFact, is_queue| {
        let raw = if is_queue {
            let (environment, fact) = (Environment::Live, fact.clone());
            QueueStatus {
                environment,
                at: said_at,
                fact,
            }
            .to_key_value()
        } else {
            let body = Body::Status(fact.clone(), stichtag::simulate::Dates::Named);
            StatusMail::new(Environment::Live, TO_LIVE, said_at, body).to_bytes()
        };
        messages.push(Message { at, raw, is_queue });
    };
    let asked = fact.clone().verification(off, gone, claims.clone());
    let by_queue = rng.random_bool(0.3);
    tell(&mut messages, begins, begins, &asked, by_queue);
    // The same fact again, by the other channel or once more by the same.
    if rng.random_bool(0.3) {
        let again = begins + SignedDuration::from_secs(rng.random_range(1..86_400));
        tell(&mut messages, again, begins, &asked, rng.random_bool(0.5));
    }
    // The deadline moves.
    if rng.random_bool(0.15) {
        let moved_at = begins + days(grace) / 3;
        let by = days(rng.random_range(1..20));
        off += by;
        gone += by;
        let moved = fact.clone().verification(off, gone, claims.clone());
        tell(&mut messages, moved_at, moved_at, &moved, false);
        deadlines.push((moved_at, Some(off), gone));
        // And the message before it comes again, late.
        if rng.random_bool(0.5) {
            let late = moved_at + SignedDuration::from_hours(rng.random_range(1..40));
            tell(&mut messages, late, begins, &asked, false);
        }
    }
    let wanted = match rng.random_range(0..100) {
        0..55 => End::Resolved,
        55..75 => End::ResolvedLate,
        75..90 => End::Deleted,
        _ => End::Moved,
    };
    let within = |rng: &mut StdRng, from: Timestamp, to: Timestamp| {
        let span = to.duration_since(from).as_secs().max(2);
        from + SignedDuration::from_secs(rng.random_range(1..span))
    };
    let last_word = deadlines.last().map_or(begins, |(at, _, _)| *at);
    let mut over = None;
    match wanted {
        End::Resolved => {
            // For some the proof was on its way already.
            let by = match rng.random_bool(0.3) {
                true => last_word + SignedDuration::from_hours(8),
                false => off,
            };
            let at = within(rng, last_word + SignedDuration::from_mins(1), by);
            tell(&mut messages, at, at, &fact, rng.random_bool(0.3));
            over = Some(at);
        }
        End::Moved => {
            let at = within(rng, last_word + SignedDuration::from_mins(1), off);
            messages.push(queue("chprovAuthInfo", &domain, at));
            over = Some(at);
        }
        End::ResolvedLate | End::Deleted => {
            let held_at = off + SignedDuration::from_mins(rng.random_range(1..300));
            if held_at < gone {
                let held = fact.clone().server_hold(gone, claims);
                tell(&mut messages, held_at, held_at, &held, false);
                deadlines.push((held_at, None, gone));
            }
            let at = if wanted == End::ResolvedLate && held_at < gone {
                let at = within(rng, held_at + SignedDuration::from_mins(1), gone);
                tell(&mut messages, at, at, &fact, false);
                at
            } else {
                let at = gone + SignedDuration::from_mins(rng.random_range(1..60));
                messages.push(queue("domainDelete", &domain, at));
                at
            };
            over = Some(at);
        }
        End::StillOpen => {}
    }
    let is_open = over.is_some_and(|at| at > year_ends);
    messages.retain(|message| message.at <= year_ends);
    messages.sort_by_key(|message| message.at);
    Course {
        domain,
        begins,
        end: if is_open { End::StillOpen } else { wanted },
        messages,
        deadlines,
        over: over.filter(|_| !is_open),
    }
}

fn queue(kind: &str, domain: &DomainName, at: Timestamp) -> Message {
    let id = format!("1f3c9a10-7d42-4b11-{:012x}", at.as_microsecond());
    let raw = format!(
        "RESULT: success\nSTID: {id}\nmsgcnt: 1\nmsgtime: {at}\nmsgid: {id}-{domain}\n\
         msgtype: {kind}\ndomain: {domain}\ndomain-ace: {domain}\n"
    );
    Message {
        at,
        raw: raw.into_bytes(),
        is_queue: true,
    }
}
