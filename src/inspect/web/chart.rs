//! The geometry of the charts on the overview; the templates draw it, with the same figures as a table.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

use crate::inspect::work::due::Due;
use crate::store::DayCount;

/// Days that the timeline reaches ahead.
const AHEAD_DAYS: i64 = 45;

/// Lanes of the timeline: more cannot be told apart; the list has them all.
const LANES: usize = 25;

/// Where the lanes begin, how wide they are, and how high one is, in units of the drawing.
const LEFT: f64 = 220.0;
const WIDTH: f64 = 700.0;
const LANE: f64 = 26.0;

/// Width and height of the chart of days.
const DAYS_WIDTH: f64 = 900.0;
const DAYS_HEIGHT: f64 = 140.0;

/// Verdicts in the order they are stacked, what is usual at the bottom.
const VERDICTS: [&str; 5] = ["applied", "unchanged", "deferred", "held", "refused"];

/// A lane for each case: two marks, for leaving the zone and for the deletion.
pub fn timeline(due: &[Due], now: Timestamp) -> Value {
    let end = now.checked_add((24 * AHEAD_DAYS).hours()).unwrap_or(now);
    let place = |at: Timestamp| -> Option<f64> {
        let part = at.duration_since(now).as_secs_f64() / end.duration_since(now).as_secs_f64();
        (part <= 1.0).then(|| rounded(LEFT + WIDTH * part.max(0.0)))
    };
    let mut lanes = Vec::new();
    let ahead = due.iter().filter(|row| row.at <= end);
    for (number, row) in ahead.clone().take(LANES).enumerate() {
        let deadlines = row.record.due();
        let off_at = deadlines.dedelegation_at.or(deadlines.suspension_at);
        let off_at = off_at.filter(|_| !row.record.is_on_hold());
        let ends_at = deadlines.deletion_at.or(row.record.expires_at());
        let y = number as f64 * LANE + 30.0;
        lanes.push(json!({
            "domain": row.record.key.domain.unicode(),
            "ace": row.record.key.domain.ace(),
            "environment": row.record.key.environment,
            "case": row.case,
            "is_on_hold": row.record.is_on_hold(),
            "needs": row.needs,
            "y": y,
            "off_at": off_at.map(|at| at.to_string()),
            "off_x": off_at.and_then(place),
            "ends_at": ends_at.map(|at| at.to_string()),
            "ends_x": ends_at.and_then(place),
        }));
    }
    let ticks: Vec<_> = (0..=AHEAD_DAYS / 7)
        .filter_map(|week| {
            let at = now.checked_add((24 * 7 * week).hours()).ok()?;
            Some(json!({"x": place(at)?, "at": at.to_string()}))
        })
        .collect();
    json!({
        "height": lanes.len() as f64 * LANE + 40.0,
        "left": LEFT,
        "right": LEFT + WIDTH,
        "more": ahead.count().saturating_sub(lanes.len()),
        "lanes": lanes,
        "ticks": ticks,
    })
}

/// Messages of each day by verdict, stacked: one path for each verdict.
pub fn days(counts: &[DayCount], since: Timestamp, now: Timestamp) -> Value {
    let day = |at: Timestamp| at.to_zoned(TimeZone::UTC).date();
    let (first, last) = (day(since), day(now));
    let dates: Vec<_> = first
        .series(1.day())
        .take_while(|date| *date <= last)
        .collect();
    let mut by_day: Vec<BTreeMap<&str, u64>> = vec![BTreeMap::new(); dates.len()];
    for count in counts {
        let Ok(place) = dates.binary_search(&count.day) else {
            continue;
        };
        *by_day[place].entry(count.verdict.as_str()).or_default() += count.count;
    }
    let total = |of_day: &BTreeMap<&str, u64>| of_day.values().sum::<u64>();
    let most = by_day.iter().map(total).max().unwrap_or(0).max(1);
    let step = DAYS_WIDTH / dates.len().max(1) as f64;
    let mut paths: BTreeMap<&str, String> = BTreeMap::new();
    for (place, of_day) in by_day.iter().enumerate() {
        let x = rounded(place as f64 * step);
        let width = rounded(step * 0.8);
        let mut top = DAYS_HEIGHT;
        for verdict in VERDICTS {
            let count = of_day.get(verdict).copied().unwrap_or(0);
            if count == 0 {
                continue;
            }
            // One message among thousands is still to be seen.
            let height = rounded((DAYS_HEIGHT * count as f64 / most as f64).max(1.5));
            top = rounded(top - height);
            let bar = format!("M{x} {top}h{width}v{height}h-{width}z");
            paths.entry(verdict).or_default().push_str(&bar);
        }
    }
    let rows: Vec<_> = (dates.iter().zip(&by_day).rev())
        .filter(|(_, of_day)| !of_day.is_empty())
        .map(|(date, of_day)| {
            let counts = VERDICTS.map(|verdict| of_day.get(verdict).copied().unwrap_or(0));
            json!({"day": date.to_string(), "counts": counts})
        })
        .collect();
    json!({
        "width": DAYS_WIDTH,
        "height": DAYS_HEIGHT,
        "most": most,
        "first": first.to_string(),
        "last": last.to_string(),
        "verdicts": VERDICTS,
        "paths": VERDICTS.map(|verdict| json!({"verdict": verdict, "path": paths.get(verdict)})),
        "rows": rows,
    })
}

/// A bar for each verdict.
pub fn breakdown(counts: &BTreeMap<&'static str, u64>) -> Value {
    let count = |verdict: &str| counts.get(verdict).copied().unwrap_or(0);
    let most = VERDICTS.map(count).into_iter().max().unwrap_or(0).max(1);
    let total: u64 = VERDICTS.map(count).into_iter().sum();
    let bars = VERDICTS.map(|verdict| {
        let number = count(verdict);
        let width = 500.0 * number as f64 / most as f64;
        let least = if number == 0 { 0.0 } else { 2.0 };
        json!({"verdict": verdict, "count": number, "width": rounded(width.max(least))})
    });
    json!({"bars": bars, "total": total})
}

/// No drawing needs more than a tenth of a unit, and every digit is sent.
fn rounded(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::model::Source;
    use crate::store::MessageVerdict;

    fn count(day: jiff::civil::Date, verdict: MessageVerdict, count: u64) -> DayCount {
        DayCount {
            day,
            environment: None,
            source: Source::DenicMail,
            verdict,
            count,
        }
    }

    #[test]
    fn a_day_s_messages_are_stacked_and_none_is_too_few_to_be_seen() {
        let now: Timestamp = "2025-06-10T12:00:00Z".parse().unwrap();
        let since = now - 48.hours();
        let counts = [
            count(date(2025, 6, 8), MessageVerdict::Applied, 1_000),
            count(date(2025, 6, 8), MessageVerdict::Held, 1),
            count(date(2025, 6, 10), MessageVerdict::Applied, 500),
        ];
        let chart = days(&counts, since, now);
        let path = |place: usize| chart["paths"][place]["path"].as_str().unwrap_or_default();
        assert_eq!(path(0).matches('M').count(), 2);
        assert!(path(3).contains("v1.5h"), "{}", path(3));
        assert_eq!(path(1), "");
        assert_eq!(chart["rows"].as_array().unwrap().len(), 2);
        assert_eq!(chart["rows"][0]["day"], "2025-06-10");
        assert_eq!(chart["rows"][1]["counts"], json!([1_000, 0, 0, 1, 0]));
    }

    #[test]
    fn without_messages_there_is_nothing_to_draw_and_nothing_breaks() {
        let now: Timestamp = "2025-06-10T12:00:00Z".parse().unwrap();
        assert_eq!(days(&[], now, now)["rows"], json!([]));
        assert_eq!(breakdown(&BTreeMap::new())["total"], 0);
        assert_eq!(timeline(&[], now)["lanes"], json!([]));
    }
}
