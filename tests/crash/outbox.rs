//! Notices against a smarthost that is away, busy, slow or unwilling.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::audit::audit;
use super::catcher::{Catcher, Mode};
use super::fleet::Fleet;
use super::mta::{Journey, Mta};
use super::site::{Server, Site, until};

/// Notices in each test.
const NOTICES: usize = 40;

/// The first try comes so soon after the message.
const FIRST_TRY: Duration = Duration::from_secs(10);

/// Twice the longest wait that a short outage can lead to (5 s, then 10 s).
const RECOVERY: Duration = Duration::from_secs(20);

struct Told {
    site: Site,
    fleet: Arc<Fleet>,
    journeys: Vec<Journey>,
    server: Server,
}

/// A running server that has taken 40 messages of which 40 customers must hear.
fn told() -> Told {
    let site = Site::new(&[]);
    begin(site)
}

fn begin(site: Site) -> Told {
    let fleet = Arc::new(Fleet::urgent(NOTICES));
    fleet.import(&site);
    let server = site.start();
    let journeys = Mta::start(site.smtp, &fleet, 4, Duration::ZERO).journeys();
    Told {
        site,
        fleet,
        journeys,
        server,
    }
}

fn notices(site: &Site, is_so: impl Fn(&Value) -> bool) -> usize {
    let notices = site.objects(&["notice", "list"]);
    notices.iter().filter(|notice| is_so(notice)).count()
}

fn has_state(state: &str) -> impl Fn(&Value) -> bool {
    move |notice| notice["state"] == state
}

impl Told {
    /// Everything arrived, at most `copies_max` twice.
    fn audit(self, catcher: &Catcher, copies_max: usize) {
        self.server.stop();
        let findings = audit(
            &self.site,
            &self.fleet,
            &self.journeys,
            &catcher.mails(),
            copies_max,
        );
        println!("{findings:?}");
        assert_eq!(findings.notices, NOTICES);
    }
}

#[test]
fn notices_wait_for_a_smarthost_that_is_down_and_leave_once_when_it_is_back() {
    let told = told();
    until("a first try of every notice", FIRST_TRY, || {
        notices(&told.site, |notice| {
            notice["attempts"].as_u64() >= Some(1) && notice["state"] == "delayed"
        }) == NOTICES
    });
    let catcher = Catcher::open(told.site.smarthost, Mode::Accept);
    until("recovery", RECOVERY, || {
        notices(&told.site, has_state("sent")) == NOTICES
    });
    told.audit(&catcher, 0);
}

#[test]
fn notices_answered_4xx_are_tried_again_and_arrive_once() {
    let site = Site::new(&[]);
    let catcher = Catcher::open(site.smarthost, Mode::Transient);
    let told = begin(site);
    until("a first try of every notice", FIRST_TRY, || {
        notices(&told.site, has_state("delayed")) == NOTICES
    });
    assert!(catcher.turned_away() >= NOTICES);
    assert_eq!(catcher.mails().len(), 0);
    catcher.set(Mode::Accept);
    until("recovery", RECOVERY, || {
        notices(&told.site, has_state("sent")) == NOTICES
    });
    told.audit(&catcher, 0);
}

#[test]
fn a_kill_while_the_smarthost_is_slow_to_answer_makes_one_copy_of_what_was_cut_at_most() {
    let slow = Duration::from_secs(super::setting("STICHTAG_CRASH_SLOW", 3));
    let site = Site::new(&[]);
    let catcher = Catcher::open(site.smarthost, Mode::Slow(slow));
    let begun = Instant::now();
    let mut told = begin(site);
    until("mails that await their answer", FIRST_TRY, || {
        catcher.held() > 0
    });
    println!("the first try came after {:?}", begun.elapsed());
    // Half-way: some are settled, some are with the smarthost, some have not been tried.
    until("some answers", slow * 2 + FIRST_TRY, || {
        notices(&told.site, has_state("sent")) > 0 && catcher.held() > 0
    });
    told.server.kill();
    let sent: BTreeSet<String> = message_ids(&told.site, "sent");
    let cut: BTreeSet<String> = catcher
        .mails()
        .into_iter()
        .map(|mail| mail.message_id)
        .filter(|id| !sent.contains(id))
        .collect();
    told.server = told.site.start();
    told.site
        .wait_until_done(slow * 6 + Duration::from_secs(20));
    let mails = catcher.mails();
    for id in &sent {
        let copies = mails.iter().filter(|mail| mail.message_id == *id).count();
        assert_eq!(copies, 1, "{id} was settled, and sent again");
    }
    for id in &cut {
        let copies = mails.iter().filter(|mail| mail.message_id == *id).count();
        assert_eq!(copies, 2, "{id} was cut");
    }
    println!("{} of {NOTICES} were cut", cut.len());
    let is_first = |notice: &Value| notice["attempts"] == 1;
    assert_eq!(notices(&told.site, is_first), NOTICES, "a cut try counts");
    // One more may have had its dot on the way at that instant.
    told.audit(&catcher, cut.len() + 1);
}

fn message_ids(site: &Site, state: &str) -> BTreeSet<String> {
    let notices = site.objects(&["notice", "list", "--state", state]);
    let id = |notice: &Value| notice["message_id"].as_str().unwrap().to_owned();
    notices.iter().map(id).collect()
}

#[test]
fn notices_answered_5xx_are_reported_with_domain_and_deadline() {
    let site = Site::new(&[]);
    let catcher = Catcher::open(site.smarthost, Mode::Permanent);
    let told = begin(site);
    until("every notice given up", FIRST_TRY, || {
        notices(&told.site, has_state("failed")) == NOTICES
    });
    assert_eq!(catcher.mails().len(), 0);
    assert_eq!(catcher.turned_away(), NOTICES, "a 5xx is not tried again");
    let alarms = told.site.status()["alarms"].as_array().unwrap().clone();
    for ((environment, ace), expected) in &told.fleet.domains {
        let deadline = expected.dedelegation_at.or(expected.deletion_at).unwrap();
        let name = told.fleet.mails[expected.mails[0]].domain.unicode();
        let is_told = alarms.iter().any(|alarm| {
            let text = alarm["text"].as_str().unwrap();
            alarm["ace"] == ace.as_str()
                && alarm["environment"] == environment.as_str()
                && text.contains(name)
                && text.contains(&deadline.to_string())
        });
        assert!(is_told, "{name}, {deadline}: {alarms:?}");
    }
    let status = told.site.run(&["status", "--fail"]);
    assert_eq!(status.status.code(), Some(10));
    told.server.stop();
    let log = told.site.objects(&["log", "list"]);
    for row in log.iter().filter(|row| row["verdict"] == "applied") {
        assert_eq!(row["notice"], "bounced", "{row}");
    }
}
