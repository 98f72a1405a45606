//! When a customer is reminded.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use stichtag::model::Due;
use stichtag::notify::{Deadline, Fate, SendWindow, Step, Timetable, plan, wait_until};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

fn timetable() -> Timetable {
    Timetable {
        before_dedelegation: [14, 7, 3, 1].map(days).to_vec(),
        before_deletion: [30, 14, 7, 3, 1].map(days).to_vec(),
        before_suspension: [14, 8, 3, 1].map(days).to_vec(),
        min_gap: SignedDuration::from_hours(36),
        window: "08:00-18:00".parse().unwrap(),
    }
}

fn due(dedelegation: Option<&str>, deletion: Option<&str>) -> Due {
    Due {
        dedelegation_at: dedelegation.map(at),
        deletion_at: deletion.map(at),
        suspension_at: None,
        claims: None,
    }
}

/// What is planned, as deadline, hours before it, instant.
fn planned(steps: &[Step]) -> Vec<(Deadline, i64, String)> {
    (steps.iter())
        .filter(|step| step.fate == Fate::Planned)
        .map(|step| {
            (
                step.deadline,
                step.before.as_hours() / 24,
                step.at.to_string(),
            )
        })
        .collect()
}

fn planned_days(due: &Due, told: &str, now: &str) -> Vec<(Deadline, i64)> {
    let steps = plan(due, at(told), None, &timetable(), at(now));
    let planned = planned(&steps).into_iter();
    planned
        .map(|(deadline, days, _)| (deadline, days))
        .collect()
}

use Deadline::{Dedelegation, Deletion};

#[test]
fn a_usual_case_is_reminded_before_both_deadlines() {
    let due = due(
        Some("2026-06-04T10:30:00+02:00"),
        Some("2026-09-02T10:30:00+02:00"),
    );
    let told = "2026-05-05T10:40:00+02:00";
    assert_eq!(
        planned_days(&due, told, told),
        [
            (Dedelegation, 14),
            (Dedelegation, 7),
            (Dedelegation, 3),
            (Dedelegation, 1),
            (Deletion, 30),
            (Deletion, 14),
            (Deletion, 7),
            (Deletion, 3),
            (Deletion, 1),
        ]
    );
}

#[test]
fn an_expedited_case_gets_all_that_fits() {
    // Seven days: the first notice is the seventh day's mail.
    let due = due(
        Some("2026-05-12T10:30:00+02:00"),
        Some("2026-05-19T10:30:00+02:00"),
    );
    let told = "2026-05-05T10:40:00+02:00";
    assert_eq!(
        planned_days(&due, told, told),
        [
            (Dedelegation, 3),
            (Dedelegation, 1),
            (Deletion, 3),
            (Deletion, 1)
        ],
        "deletion's seventh day is the day of the first deadline, a day behind a reminder"
    );
    // Both on one instant, as documented once: one mail a day that counts.
    let due = due_both("2026-05-12T10:30:00+02:00");
    assert_eq!(planned_days(&due, told, told).len(), 2);
}

fn due_both(instant: &str) -> Due {
    due(Some(instant), Some(instant))
}

#[test]
fn what_is_past_or_too_close_to_the_last_mail_is_left_out_with_its_reason() {
    let due = due(Some("2026-05-15T10:30:00+02:00"), None);
    let told = at("2026-05-07T09:00:00+02:00");
    let steps = plan(&due, told, None, &timetable(), told);
    let fates: Vec<_> = (steps.iter())
        .map(|step| (step.before.as_hours() / 24, step.fate))
        .collect();
    assert_eq!(
        fates,
        [
            (14, Fate::Past),
            (7, Fate::TooClose),
            (3, Fate::Planned),
            (1, Fate::Planned)
        ]
    );
}

#[test]
fn of_two_that_are_too_close_the_one_with_less_time_left_stays() {
    // The day before de-delegation is two weeks and a day before deletion.
    let due = due(
        Some("2026-06-04T12:00:00+02:00"),
        Some("2026-06-17T12:00:00+02:00"),
    );
    let told = "2026-05-05T12:00:00+02:00";
    let kept = planned_days(&due, told, told);
    assert!(kept.contains(&(Dedelegation, 1)), "{kept:?}");
    assert!(!kept.contains(&(Deletion, 14)), "{kept:?}");
}

#[test]
fn reminders_wait_for_the_morning_of_the_customer_unless_time_is_short() {
    // 23:30 in Berlin is 17:30 in New York.
    let due = due(Some("2026-06-20T23:30:00+02:00"), None);
    let told = at("2026-05-20T12:00:00+02:00");
    let times = |zone| planned(&plan(&due, told, zone, &timetable(), told));
    assert_eq!(
        times(None),
        [
            (Dedelegation, 14, "2026-06-07T06:00:00Z".to_owned()),
            (Dedelegation, 7, "2026-06-14T06:00:00Z".to_owned()),
            (Dedelegation, 3, "2026-06-18T06:00:00Z".to_owned()),
            // Less than 48 hours are left: at once, in the night.
            (Dedelegation, 1, "2026-06-19T21:30:00Z".to_owned()),
        ]
    );
    let in_new_york = times(Some("America/New_York"));
    assert_eq!(in_new_york[0].2, "2026-06-06T21:30:00Z");
    // A zone that nobody knows is read as Berlin's.
    assert_eq!(times(Some("Mars/Olympus")), times(None));
}

#[test]
fn a_reminder_that_was_missed_leaves_late_unless_the_next_is_near() {
    let due = due(Some("2026-06-20T12:00:00+02:00"), None);
    let told = at("2026-05-20T12:00:00+02:00");
    let late = |now: &str| {
        let steps = plan(&due, told, None, &timetable(), at(now));
        planned(&steps)
    };
    // Down from the 5th to the 10th: what should have left on the 6th leaves on the 10th.
    assert_eq!(
        late("2026-06-10T12:00:00+02:00")[0].2,
        "2026-06-10T10:00:00Z"
    );
    // In the night it waits for the morning.
    assert_eq!(
        late("2026-06-10T22:00:00+02:00")[0].2,
        "2026-06-11T06:00:00Z"
    );
    // A day before the next one it is left out, and only the newest of several counts.
    let steps = plan(
        &due,
        told,
        None,
        &timetable(),
        at("2026-06-12T12:00:00+02:00"),
    );
    assert_eq!(steps[0].fate, Fate::TooClose);
    assert_eq!(planned(&steps)[0].1, 7);
    let steps = plan(
        &due,
        told,
        None,
        &timetable(),
        at("2026-06-15T12:00:00+02:00"),
    );
    let fates: Vec<_> = steps.iter().map(|step| step.fate).collect();
    assert_eq!(fates[0], Fate::Past);
    assert!(steps[1].is_due(at("2026-06-15T12:00:00+02:00")));
}

#[test]
fn a_moved_deadline_moves_its_reminders_and_a_passed_one_has_none() {
    let told = "2026-05-05T12:00:00+02:00";
    let before = due(Some("2026-06-04T12:00:00+02:00"), None);
    let after = due(Some("2026-06-14T12:00:00+02:00"), None);
    let at_of = |due: &Due| {
        planned(&plan(due, at(told), None, &timetable(), at(told)))[0]
            .2
            .clone()
    };
    assert_eq!(at_of(&before), "2026-05-21T10:00:00Z");
    assert_eq!(at_of(&after), "2026-05-31T10:00:00Z");
    assert_eq!(planned_days(&before, told, "2026-06-05T12:00:00+02:00"), []);
    assert_eq!(planned_days(&Due::default(), told, told), []);
}

#[test]
fn the_hour_that_is_missing_in_spring_is_no_gap_in_the_plan() {
    let due = due(Some("2027-03-29T02:30:00+02:00"), None);
    let told = at("2027-03-01T12:00:00+01:00");
    let steps = planned(&plan(&due, told, None, &timetable(), told));
    // 24 hours before, by the instants: 01:30 of the winter clock.
    assert_eq!(steps[3].2, "2027-03-28T00:30:00Z");
}

#[test]
fn a_reminder_waits_for_others_only_within_the_window() {
    let window: SendWindow = "08:00-18:00".parse().unwrap();
    let wait = |text: &str| {
        let coalesce = SignedDuration::from_mins(15);
        wait_until(at(text), coalesce, None, window).to_string()
    };
    assert_eq!(wait("2026-06-10T12:00:00+02:00"), "2026-06-10T10:15:00Z");
    assert_eq!(wait("2026-06-10T17:55:00+02:00"), "2026-06-10T15:59:00Z");
    assert_eq!(wait("2026-06-10T17:59:30+02:00"), "2026-06-10T15:59:30Z");
    assert_eq!(wait("2026-06-10T23:00:00+02:00"), "2026-06-10T21:15:00Z");
}

#[test]
fn a_window_is_a_span_of_one_day() {
    for good in ["08:00-18:00", "00:00-24:00", " 09:30 - 12:15 "] {
        assert!(good.parse::<SendWindow>().is_ok(), "{good}");
    }
    for bad in [
        "",
        "8-18",
        "18:00-08:00",
        "08:00-08:00",
        "08:00",
        "25:00-26:00",
        "8:00-18:00",
        "08:00–18:00",
    ] {
        let error = bad.parse::<SendWindow>().unwrap_err().to_string();
        assert!(error.contains("08:00-18:00"), "{error}");
    }
}

prop_compose! {
    fn instants()(now in 0_i64..40_000_000, told in 0_i64..20_000_000, one in 0_i64..20_000_000, two in 0_i64..20_000_000)
        -> (Timestamp, Timestamp, Due) {
        let begin = at("2026-04-01T00:00:00Z");
        let after = |seconds| begin + SignedDuration::from_secs(seconds);
        let now = after(now);
        let told = now - SignedDuration::from_secs(told);
        let due = Due {
            dedelegation_at: Some(told + SignedDuration::from_secs(one)),
            deletion_at: Some(told + SignedDuration::from_secs(one + two)),
            suspension_at: None,
            claims: None,
        };
        (now, told, due)
    }
}

proptest! {
    /// Whatever the dates: every planned mail is ahead (or due now), before its deadline, far enough
    /// from the last mail and from every other, and by daylight unless time is short.
    #[test]
    fn plans_keep_their_promises((now, told, due) in instants(), zone in 0_usize..4) {
        let zone = ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Auckland"][zone];
        let timetable = timetable();
        let steps = plan(&due, told, Some(zone), &timetable, now);
        let tz = jiff::tz::TimeZone::get(zone).unwrap();
        let kept: Vec<_> = steps.iter().filter(|step| step.fate == Fate::Planned).collect();
        for step in &kept {
            prop_assert!(step.at >= now && step.at < step.deadline_at, "{step:?}");
            prop_assert!(step.at.duration_since(told) >= timetable.min_gap, "{step:?}");
            let hour = tz.to_datetime(step.at).hour();
            let left = step.deadline_at.duration_since(step.at);
            prop_assert!((8..18).contains(&hour) || left < days(2), "{step:?} at {hour}");
        }
        for pair in kept.windows(2) {
            prop_assert!(pair[1].at.duration_since(pair[0].at) >= timetable.min_gap, "{pair:?}");
        }
        // The last day before a deadline is never given up for another mail of the plan.
        for step in steps.iter().filter(|step| step.before == days(1) && step.at > now) {
            let is_far_from_told = step.at.duration_since(told) >= timetable.min_gap;
            let rival = kept.iter().any(|other| other.before == days(1) && other.at != step.at
                && other.at.duration_since(step.at).abs() < timetable.min_gap);
            prop_assert!(step.fate == Fate::Planned || !is_far_from_told || rival
                || kept.iter().any(|other| other.at == step.at), "{step:?} in {steps:?}");
        }
    }
}
