//! The program as an operator runs it, killed, stopped and left alone with a broken smarthost:
//! what it acknowledged is there, and everything happened once.
//!
//! `STICHTAG_CRASH_MESSAGES` (2000) is the number of mails under `kill -9`; 10000 makes the long
//! run. `STICHTAG_CRASH_SEED` repeats the pauses of a run that printed it. `STICHTAG_CRASH_SLOW`
//! (3) is how many seconds the slow smarthost takes for its answer.

#[path = "crash/audit.rs"]
mod audit;
#[path = "crash/catcher.rs"]
mod catcher;
#[path = "crash/fleet.rs"]
mod fleet;
#[path = "crash/mta.rs"]
mod mta;
#[path = "crash/outbox.rs"]
mod outbox;
#[path = "crash/points.rs"]
mod points;
#[path = "crash/return_time.rs"]
mod return_time;
#[path = "crash/site.rs"]
mod site;
#[path = "crash/sync.rs"]
mod sync;

use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use audit::audit;
use catcher::{Catcher, Mode};
use fleet::Fleet;
use mta::Mta;
use site::{Site, pause};

/// Time from the beginning of one life to its `kill -9`, in milliseconds.
const LIFE: std::ops::RangeInclusive<u64> = 20..=600;

/// Kills of a run of 2000 mails, at least; 300 go with 10000.
const KILLS_MIN: usize = 60;

/// How many times a server under load is asked to stop.
const STOPS: usize = 50;

fn setting(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name}: a number")),
        Err(_) => default,
    }
}

#[test]
fn under_kill_nine_every_acknowledged_message_is_there_and_acted_upon_once() {
    let messages = usize::try_from(setting("STICHTAG_CRASH_MESSAGES", 2_000)).unwrap();
    let seed = setting("STICHTAG_CRASH_SEED", rand::rng().random());
    let kills_min = KILLS_MIN * messages / 2_000;
    println!("STICHTAG_CRASH_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let site = Site::new(&[]);
    let fleet = Arc::new(Fleet::mixed(messages));
    fleet.import(&site);
    let catcher = Catcher::open(site.smarthost, Mode::Accept);
    let mta = Mta::start(site.smtp, &fleet, 8, Duration::from_millis(10));
    let mut kills = 0;
    // Some more once all is acknowledged: what is left to do then is deciding and sending.
    let mut after = 5;
    while kills < kills_min || after > 0 {
        let mut server = site.start();
        pause(Duration::from_millis(random.random_range(LIFE)));
        server.kill();
        kills += 1;
        if mta.is_done() {
            after -= 1;
        }
    }
    let server = site.start();
    let journeys = mta.journeys();
    site.wait_until_done(Duration::from_secs(60));
    server.stop();
    let findings = audit(&site, &fleet, &journeys, &catcher.mails(), kills);
    println!("{kills} kills, {findings:?}");
    for notice in site.objects(&["notice", "list"]) {
        assert_eq!(notice["attempts"], 1, "a try that was cut counts: {notice}");
    }
    let mails: std::collections::BTreeSet<_> = journeys.iter().map(|j| j.mail).collect();
    assert_eq!(mails.len(), messages);
}

#[test]
fn a_server_that_is_asked_to_stop_under_load_ends_well_within_ten_seconds() {
    let site = Site::new(&[]);
    let fleet = Arc::new(Fleet::mixed(5_000));
    fleet.import(&site);
    let catcher = Catcher::open(site.smarthost, Mode::Accept);
    let mta = Mta::start(site.smtp, &fleet, 6, Duration::from_millis(5));
    let mut random = StdRng::seed_from_u64(8);
    let mut slowest = Duration::ZERO;
    for round in 0..STOPS {
        let mut server = site.start();
        server.greeting(Duration::from_secs(10));
        let before = mta.acknowledged();
        let load = random.random_range(5..20);
        site::until("load", Duration::from_secs(20), || {
            mta.acknowledged() >= before + load
        });
        let (status, took) = server.terminate();
        assert_eq!(status.code(), Some(0), "stop {round}: {status}");
        assert!(took < Duration::from_secs(10), "stop {round}: {took:?}");
        slowest = slowest.max(took);
    }
    mta.end();
    let server = site.start();
    let journeys = mta.journeys();
    site.wait_until_done(Duration::from_secs(60));
    server.stop();
    // Nobody was killed, so nothing was cut.
    let findings = audit(&site, &fleet, &journeys, &catcher.mails(), 0);
    println!("slowest stop {slowest:?}, {findings:?}");
}
