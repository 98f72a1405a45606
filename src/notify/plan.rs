//! When the customer of a case is reminded: counted back from the registry's deadlines
//! (`product.md`, chapters 4 and 6). The plan follows from the facts each time it is asked for, so
//! it moves when a deadline moves, and ends when the case ends.

use std::fmt;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::dates;
use crate::model::{Due, Notice, NoticeKind};

/// With less than this left, a reminder does not wait for the send window.
const PRESSING: SignedDuration = SignedDuration::from_hours(48);

/// So long a mail may take from its turn to the smarthost.
const LEAVING: SignedDuration = SignedDuration::from_mins(1);

/// When reminders go out; the keys of `[notices]` in the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timetable {
    /// So long before a domain leaves the zone.
    pub before_dedelegation: Vec<SignedDuration>,
    /// So long before it is deleted.
    pub before_deletion: Vec<SignedDuration>,
    /// So long before it is suspended for want of a confirmed address.
    pub before_suspension: Vec<SignedDuration>,
    /// Between two mails about one case at least so much time passes.
    pub min_gap: SignedDuration,
    /// The hours of the customer's day.
    pub window: SendWindow,
}

/// The hours of a day at which reminders may leave: from `opens`, up to and without `closes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendWindow {
    opens: Time,
    closes: Time,
}

/// The text is no send window.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no span of a day such as \"08:00-18:00\", which opens before it closes")]
pub struct WindowError(String);

impl std::str::FromStr for SendWindow {
    type Err = WindowError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let clock = |part: &str| {
            let (hour, minute) = part.trim().split_once(':')?;
            let is_number =
                |part: &str| part.len() == 2 && part.bytes().all(|digit| digit.is_ascii_digit());
            if !is_number(hour) || !is_number(minute) {
                return None;
            }
            // A day ends at midnight, which no clock shows.
            if (hour, minute) == ("24", "00") {
                return Some(Time::MAX);
            }
            Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
        };
        text.split_once('-')
            .and_then(|(opens, closes)| Some((clock(opens)?, clock(closes)?)))
            .filter(|(opens, closes)| opens < closes)
            .map(|(opens, closes)| SendWindow { opens, closes })
            .ok_or_else(|| WindowError(text.to_owned()))
    }
}

impl SendWindow {
    /// Is `at` within the window, by the clocks of `zone`?
    fn is_open(self, at: Timestamp, zone: &TimeZone) -> bool {
        let time = zone.to_datetime(at).time();
        self.opens <= time && time < self.closes
    }

    /// `at` itself where the window is open, else when it opens next.
    fn next(self, at: Timestamp, zone: &TimeZone) -> Timestamp {
        if self.is_open(at, zone) {
            return at;
        }
        let local = zone.to_datetime(at);
        let day = if local.time() < self.opens {
            Ok(local.date())
        } else {
            local.date().tomorrow()
        };
        day.ok()
            .and_then(|day| zone.to_timestamp(day.to_datetime(self.opens)).ok())
            .map_or(at, |opens| opens.max(at))
    }

    /// When a mail must be begun to leave within the window that is open at `at`.
    fn end(self, at: Timestamp, zone: &TimeZone) -> Timestamp {
        let closes = zone.to_datetime(at).date().to_datetime(self.closes);
        zone.to_timestamp(closes)
            .map_or(at, |closes| closes - LEAVING)
    }
}

/// Which of the registry's two deadlines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deadline {
    /// The domain leaves the zone.
    Dedelegation,
    /// The domain is deleted.
    Deletion,
    /// The domain is suspended, until its owner confirms.
    Suspension,
}

impl fmt::Display for Deadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Deadline::Dedelegation => "dedelegation",
            Deadline::Deletion => "deletion",
            Deadline::Suspension => "suspension",
        })
    }
}

/// What becomes of a reminder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is sent at [`Step::at`]; now, where that has come.
    Planned,
    /// Its time had passed when the customer was written to last, or a later one stands for it.
    Past,
    /// Another mail about the case is closer than `min_gap`.
    TooClose,
}

/// One reminder of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// What it is counted back from.
    pub deadline: Deadline,
    /// When that is.
    pub deadline_at: Timestamp,
    /// How far it is counted back.
    pub before: SignedDuration,
    /// When it leaves.
    pub at: Timestamp,
    /// Whether it leaves.
    pub fate: Fate,
}

impl Step {
    /// Is it to be sent now?
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.fate == Fate::Planned && self.at <= now
    }
}

/// All reminders of a case with these deadlines, in the order of their time, also those that are
/// left out, each with its fate.
///
/// `last_told_at`: when the customer was, or will be, written to last about this case; `now` for
/// one who is written to now. `timezone`: the customer's, by its IANA name.
///
/// A reminder that could not leave in time (the program was not running) leaves late, unless the
/// next one is near. Of two that are too close to each other the one with less time left stays.
pub fn plan(
    due: &Due,
    last_told_at: Timestamp,
    timezone: Option<&str>,
    timetable: &Timetable,
    now: Timestamp,
) -> Vec<Step> {
    let zone = dates::zone(timezone);
    let mut steps = steps(due, &zone, timetable, now);
    let earliest = last_told_at + timetable.min_gap;
    for step in &mut steps {
        if step.at <= last_told_at {
            step.fate = Fate::Past;
        } else if step.at < earliest {
            step.fate = Fate::TooClose;
        }
    }
    // Least time left first: those are the ones that must not be missed.
    let mut order: Vec<usize> = (0..steps.len())
        .filter(|nth| steps[*nth].fate == Fate::Planned)
        .collect();
    order.sort_by_key(|nth| (steps[*nth].before, steps[*nth].at, steps[*nth].deadline));
    let mut taken: Vec<Timestamp> = Vec::new();
    let is_clear = |taken: &[Timestamp], at: Timestamp| {
        taken
            .iter()
            .all(|other| at.duration_since(*other).abs() >= timetable.min_gap)
    };
    for nth in order.iter().copied() {
        let step = &mut steps[nth];
        if step.at <= now {
            continue;
        }
        if is_clear(&taken, step.at) {
            taken.push(step.at);
        } else {
            step.fate = Fate::TooClose;
        }
    }
    let late = order.into_iter().filter(|nth| steps[*nth].at <= now);
    let mut late: Vec<usize> = late.collect();
    late.sort_by_key(|nth| (steps[*nth].at, std::cmp::Reverse(steps[*nth].before)));
    let newest = late.pop();
    for nth in late {
        steps[nth].fate = Fate::Past;
    }
    if let Some(nth) = newest {
        let step = &mut steps[nth];
        step.at = leaves_at(now, step.deadline_at, &zone, timetable.window);
        if !is_clear(&taken, step.at) {
            step.fate = Fate::TooClose;
        }
    }
    steps.sort_by_key(|step| (step.at, step.deadline, step.before));
    steps
}

/// Until when a reminder that leaves at `at` may wait for others to the same customer: for
/// `coalesce`, and not beyond the send window.
pub fn wait_until(
    at: Timestamp,
    coalesce: SignedDuration,
    timezone: Option<&str>,
    window: SendWindow,
) -> Timestamp {
    let zone = dates::zone(timezone);
    let waited = at + coalesce;
    if window.is_open(at, &zone) {
        waited.min(window.end(at, &zone)).max(at)
    } else {
        waited
    }
}

/// When a reminder that could leave at `now` may leave, if that is later: it was held up (sending
/// was paused, the smarthost was down), and the send window has closed since. Mails of other kinds
/// do not wait, nor does what a person sends again.
pub fn waits_until(notice: &Notice, window: SendWindow, now: Timestamp) -> Option<Timestamp> {
    // Its bytes are there from before, yet this is a first try.
    let is_by_hand = notice.raw.is_some() && notice.attempts <= 1;
    if notice.kind != NoticeKind::Reminder || is_by_hand {
        return None;
    }
    let deadlines = notice
        .items
        .iter()
        .flat_map(|item| [item.dedelegation_at, item.deletion_at]);
    let next = deadlines.flatten().filter(|at| *at > now).min()?;
    let leaves = leaves_at(now, next, &dates::zone(notice.timezone.as_deref()), window);
    (leaves > now).then_some(leaves)
}

fn steps(due: &Due, zone: &TimeZone, timetable: &Timetable, now: Timestamp) -> Vec<Step> {
    let counted = [
        (
            Deadline::Dedelegation,
            due.dedelegation_at,
            &timetable.before_dedelegation,
        ),
        (
            Deadline::Deletion,
            due.deletion_at,
            &timetable.before_deletion,
        ),
        (
            Deadline::Suspension,
            due.suspension_at,
            &timetable.before_suspension,
        ),
    ];
    let mut steps = Vec::new();
    for (deadline, deadline_at, befores) in counted {
        let Some(deadline_at) = deadline_at.filter(|at| *at > now) else {
            continue;
        };
        for before in befores {
            // Farther back than time can tell is no reminder.
            let Ok(nominal) = deadline_at.checked_sub(*before) else {
                continue;
            };
            steps.push(Step {
                deadline,
                deadline_at,
                before: *before,
                at: leaves_at(nominal, deadline_at, zone, timetable.window),
                fate: Fate::Planned,
            });
        }
    }
    steps
}

fn leaves_at(at: Timestamp, deadline: Timestamp, zone: &TimeZone, window: SendWindow) -> Timestamp {
    if deadline.duration_since(at) < PRESSING {
        at
    } else {
        window.next(at, zone)
    }
}
