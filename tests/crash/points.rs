//! `kill -9` at chosen points, not at random ones.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use super::audit::audit;
use super::catcher::{Catcher, Mode};
use super::fleet::Fleet;
use super::mta::Mta;
use super::site::{Site, pause, until};

#[test]
fn a_kill_between_commit_and_250_makes_no_second_effect() {
    let site = Site::new(&[]);
    let fleet = Arc::new(Fleet::urgent(12));
    fleet.import(&site);
    let catcher = Catcher::open(site.smarthost, Mode::Accept);
    let mta = Mta::start(site.smtp, &fleet, 1, Duration::ZERO);
    for round in 1..=6 {
        let before = mta.acknowledged();
        let rows = site.status()["messages"].as_u64().unwrap();
        // Every reply is held up on its way into the socket, long enough to see the row in the
        // meantime; the other threads go on deciding.
        let mut strace = Command::new("strace");
        strace.args(["-f", "-D", "-qq", "-o", "/dev/null", "-e", "trace=sendto"]);
        strace.args(["-e", "inject=sendto:delay_enter=1000000"]);
        strace.arg(env!("CARGO_BIN_EXE_stichtag"));
        strace.env("TOKIO_WORKER_THREADS", "3");
        let mut server = site.start_as(strace, Stdio::null());
        until("a row without its 250", Duration::from_secs(20), || {
            let status = site.status();
            // Every other time, it is decided before the 250 could have left, too.
            let is_ripe = round % 2 == 0 || status["pending"] == 0;
            status["messages"].as_u64() == Some(rows + 1) && is_ripe
        });
        assert_eq!(mta.acknowledged(), before, "a 250 left all the same");
        server.kill();
    }
    let server = site.start();
    let journeys = mta.journeys();
    site.wait_until_done(Duration::from_secs(20));
    server.stop();
    let findings = audit(&site, &fleet, &journeys, &catcher.mails(), 6);
    println!("{findings:?}");
    let dots = journeys.iter().filter(|journey| journey.has_dot).count();
    let acknowledged = journeys.iter().filter(|j| j.kept_as.is_some()).count();
    assert_eq!(
        dots - acknowledged,
        6,
        "six dots were cut off from their 250"
    );
}

#[test]
fn a_kill_right_after_the_250s_leaves_the_deciding_to_the_next_life() {
    let site = Site::new(&[]);
    let fleet = Arc::new(Fleet::mixed(400));
    fleet.import(&site);
    let catcher = Catcher::open(site.smarthost, Mode::Accept);
    let mta = Mta::start(site.smtp, &fleet, 8, Duration::ZERO);
    let mut kills = 0;
    let mut undecided = 0;
    while !mta.is_done() {
        let mut server = site.start();
        let before = mta.acknowledged();
        until("acknowledgements", Duration::from_secs(20), || {
            mta.acknowledged() >= before + 20 || mta.is_done()
        });
        server.kill();
        kills += 1;
        undecided = undecided.max(site.status()["pending"].as_u64().unwrap());
    }
    let server = site.start();
    let journeys = mta.journeys();
    site.wait_until_done(Duration::from_secs(30));
    server.stop();
    let findings = audit(&site, &fleet, &journeys, &catcher.mails(), kills);
    println!("{kills} kills, up to {undecided} messages waiting, {findings:?}");
    assert!(undecided > 0, "no kill came before the deciding");
}

#[test]
fn a_server_starts_while_somebody_asks_whether_one_runs_and_a_second_one_does_not() {
    let site = Site::new(&[]);
    assert_eq!(site.status()["running"], false);
    // What `status` does, only longer.
    let lock = std::fs::File::create(site.path().join("stichtag.lock")).unwrap();
    lock.lock_shared().unwrap();
    assert_eq!(site.status()["running"], false, "two look at the same time");
    let mut server = site.start();
    pause(Duration::from_millis(200));
    drop(lock);
    server.greeting(Duration::from_secs(10));
    assert_eq!(site.status()["running"], true);
    let second = site.run(&["serve"]);
    assert_eq!(second.status.code(), Some(1));
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(said.contains("another `stichtag serve` runs"), "{said}");
    server.stop();
}

#[test]
fn a_log_that_nobody_reads_stops_no_mail() {
    let site = Site::new(&[("LOG__LEVEL", "debug")]);
    let fleet = Arc::new(Fleet::mixed(600));
    fleet.import(&site);
    let catcher = Catcher::open(site.smarthost, Mode::Accept);
    let (_unread, writer) = std::io::pipe().unwrap();
    let program = Command::new(env!("CARGO_BIN_EXE_stichtag"));
    let server = site.start_as(program, Stdio::from(writer));
    let mta = Mta::start(site.smtp, &fleet, 4, Duration::ZERO);
    let journeys = mta.journeys();
    site.wait_until_done(Duration::from_secs(30));
    assert!(journeys.iter().filter(|j| j.kept_as.is_some()).count() >= 600);
    server.stop();
    let findings = audit(&site, &fleet, &journeys, &catcher.mails(), 0);
    println!("{findings:?}");
}
