//! A genuine mail that was sent before: its Date or the signature that vouches for it is old.

use jiff::fmt::rfc2822::DateTimeParser;
use jiff::{SignedDuration, Timestamp};

use super::header;
use crate::model::reason::{self, Reason};

/// Clocks differ, and zones are mistaken; more than this is neither.
const FUTURE_MAX: SignedDuration = SignedDuration::from_hours(24);

/// What dates a mail, each with its instant: its `Date`, and `signed`, the signatures that vouch for it.
pub(super) fn dated(
    fields: &[(String, String)],
    signed: &[(String, Timestamp)],
) -> Vec<(String, Timestamp)> {
    // The weekday says nothing that the date does not.
    static PARSER: DateTimeParser = DateTimeParser::new().relaxed_weekday(true);
    let dates = header::values(fields, "Date");
    let dates = dates
        .into_iter()
        .filter_map(|value| PARSER.parse_timestamp(value.trim()).ok());
    dates
        .map(|at| ("its Date".to_owned(), at))
        .chain(signed.iter().cloned())
        .collect()
}

/// Why a mail of that age is not acted upon.
pub(super) fn fault(
    dated: &[(String, Timestamp)],
    window: SignedDuration,
    received_at: Timestamp,
) -> Option<Reason> {
    dated.iter().find_map(|(what, at)| {
        let age = received_at.duration_since(*at);
        let text = format!("{what} is of {at}, received {received_at}");
        if age > window {
            Some(Reason::new(reason::REPLAYED, text))
        } else if age < -FUTURE_MAX {
            Some(Reason::new(reason::FUTURE, text))
        } else {
            None
        }
    })
}
