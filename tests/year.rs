//! A year of a registrar with 10,000 domains, by a moved clock: every case is told, reminded and
//! ended as its facts want it.

#[path = "year/calendar.rs"]
mod calendar;
#[path = "year/house.rs"]
mod house;
#[path = "year/registry.rs"]
mod registry;
#[path = "year/there.rs"]
mod there;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use stichtag::model::NoticeKind;

use house::{House, Mail};
use registry::{Course, End};

const DOMAINS: usize = 10_000;
const COURSES: usize = 2_000;
const SEED: u64 = 20_260_401;

const MIN_GAP: SignedDuration = SignedDuration::from_hours(36);
const PRESSING: SignedDuration = SignedDuration::from_hours(48);

/// One timeline for all checks: playing it is what takes the time.
#[tokio::test]
async fn a_year_leaves_nobody_untold_and_tells_nobody_too_much() {
    let courses = registry::courses(SEED, DOMAINS, COURSES);
    let house = House::open(DOMAINS, SEED, &courses).await;
    house.live_through(&courses).await;
    let mails = house.mails();
    assert!(mails.len() > 4 * COURSES, "{} mails", mails.len());

    let mut about: BTreeMap<&str, Vec<&Mail>> = BTreeMap::new();
    for mail in &mails {
        for domain in &mail.domains {
            about.entry(domain).or_default().push(mail);
        }
    }
    let mut faults = Vec::new();
    let mut counts: BTreeMap<NoticeKind, usize> = BTreeMap::new();
    for mail in &mails {
        *counts.entry(mail.kind).or_default() += 1;
    }
    let tasks = house.tasks().await;
    for course in &courses {
        let none = Vec::new();
        let heard = about.get(course.domain.ace()).unwrap_or(&none);
        let has_contact = house.has_contact(&course.domain);
        let is_called = tasks.contains(course.domain.ace());
        let left_at = house.is_tried_by(course.begins + SignedDuration::from_mins(15));
        faults.extend(untold(course, heard, left_at, has_contact, is_called));
        faults.extend(told_after_the_end(course, heard));
        faults.extend(crowded(course, heard));
    }
    faults.extend(mails.iter().filter_map(|mail| outside(&house, mail)));
    faults.extend(calendar::faults(&courses, &about));
    assert!(
        faults.is_empty(),
        "{} faults, such as\n{}",
        faults.len(),
        faults[..faults.len().min(20)].join("\n")
    );

    // The year had some of everything.
    for kind in [
        NoticeKind::VerificationRequired,
        NoticeKind::Reminder,
        NoticeKind::OnHold,
        NoticeKind::Resolved,
        NoticeKind::Transfer,
        NoticeKind::Deleted,
    ] {
        assert!(
            counts.get(&kind).copied().unwrap_or_default() > 50,
            "{counts:?}"
        );
    }
    let several = mails.iter().filter(|mail| mail.domains.len() > 1).count();
    assert!(several > 50, "{several} mails about several domains");
    let turned_away = house.turned_away();
    assert!(turned_away > 1_000, "{turned_away} tries came to nothing");
}

fn asks(mail: &&&Mail) -> bool {
    mail.kind.asks_for_proof()
}

/// Was there a notice before the first deadline, or, without a contact, a call?
fn untold(
    course: &Course,
    heard: &[&Mail],
    left_at: Timestamp,
    has_contact: bool,
    is_called: bool,
) -> Option<String> {
    let first = course.first_deadline();
    let told = heard
        .iter()
        .filter(asks)
        .any(|mail| mail.at >= course.begins && mail.at < first);
    // What was over before the first mail left needs none.
    let is_over = course.ends_at() <= left_at;
    let is_fine = match has_contact {
        true => told || is_over,
        false => is_called && !told,
    };
    (!is_fine).then(|| {
        format!(
            "{}: begun {}, first deadline {first}, ended {}, told: {told}, called: {is_called}",
            course.domain,
            course.begins,
            course.ends_at()
        )
    })
}

/// Nothing is asked for once the registry has said that it is over.
fn told_after_the_end(course: &Course, heard: &[&Mail]) -> Option<String> {
    let end = course.ends_at();
    let late = heard.iter().filter(asks).find(|mail| mail.at > end)?;
    Some(format!(
        "{}: ended {end}, {} at {}",
        course.domain, late.kind, late.at
    ))
}

/// A reminder keeps its distance from every other mail that asks for proof.
fn crowded(course: &Course, heard: &[&Mail]) -> Option<String> {
    let asking: Vec<_> = heard.iter().filter(asks).collect();
    asking.windows(2).find_map(|pair| {
        let is_repeat = pair[1].kind == NoticeKind::Reminder;
        let gap = pair[1].at.duration_since(pair[0].at);
        // A mail may wait a little for others of its kind.
        (is_repeat && gap + SignedDuration::from_mins(16) < MIN_GAP).then(|| {
            format!(
                "{}: {} at {} and {} at {}",
                course.domain, pair[0].kind, pair[0].at, pair[1].kind, pair[1].at
            )
        })
    })
}

/// Reminders leave by daylight, unless less than 48 hours are left.
fn outside(house: &House, mail: &Mail) -> Option<String> {
    let next = mail.next_deadline?;
    let hour = house.local_hour(mail);
    let is_fine = mail.kind != NoticeKind::Reminder
        || (8..18).contains(&hour)
        || next.duration_since(mail.at) < PRESSING;
    (!is_fine).then(|| {
        format!(
            "{:?}: reminder at {} ({hour} h local)",
            mail.domains, mail.at
        )
    })
}

/// The end of a course as a sentence, for calendars.
fn is_final(end: End) -> bool {
    !matches!(end, End::StillOpen)
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}
