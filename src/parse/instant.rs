//! Instants as the registry writes them: `YYYY-MM-DDThh:mm:ss±hh:mm` (`denic.md` 1.7).

use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

use super::text::quote;
use crate::model::{Reason, ReasonCode, reason};

/// The text is no instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoInstant {
    /// Date and time are there, the zone is not: any of 24 instants could be meant.
    NoZone,
    /// Not the documented form, or no such day or time.
    Unreadable,
}

impl NoInstant {
    /// The reason to hold the message: R24 without zone, else `unreadable`. `place` begins the
    /// sentence, such as `line 7, INFO 16350000040`.
    pub fn reason(self, place: &str, text: &str, unreadable: ReasonCode) -> Reason {
        let text = quote(text);
        match self {
            NoInstant::NoZone => Reason::new(
                reason::NO_ZONE,
                format!("{place}: `{text}` has no time zone"),
            ),
            NoInstant::Unreadable => Reason::new(
                unreadable,
                format!("{place}: `{text}` is not a readable date and time"),
            ),
        }
    }
}

/// Reads one instant; nothing may stand around it. A fraction of a second is dropped, `Z` and an
/// offset without its colon are understood.
pub(super) fn read(text: &str) -> Result<Timestamp, NoInstant> {
    let bytes = text.as_bytes();
    let (date_time, zone) = bytes.split_at_checked(19).ok_or(NoInstant::Unreadable)?;
    if !has_shape(date_time) {
        return Err(NoInstant::Unreadable);
    }
    let zone = behind_fraction(zone)?;
    let offset = read_offset(zone)?;
    offset
        .to_timestamp(civil(date_time)?)
        .map_err(|_| NoInstant::Unreadable)
}

/// Reads `YYYY-MM-DD hh:mm:ss` as UTC, as CentralNic Reseller writes instants (`centralnic.md` 2). A
/// fraction of a second is dropped; nothing else may follow.
pub(super) fn read_utc(text: &str) -> Result<Timestamp, NoInstant> {
    let (date_time, rest) = text
        .as_bytes()
        .split_at_checked(19)
        .ok_or(NoInstant::Unreadable)?;
    if !is_like(date_time, b"0000-00-00 00:00:00") || !behind_fraction(rest)?.is_empty() {
        return Err(NoInstant::Unreadable);
    }
    Offset::UTC
        .to_timestamp(civil(date_time)?)
        .map_err(|_| NoInstant::Unreadable)
}

/// Reads `YYYY-MM-DDThh:mm:ss` without a zone (`centralnic.md` 13). A fraction of a second is dropped;
/// nothing else may follow, a zone neither.
pub(super) fn read_local(text: &str) -> Result<DateTime, NoInstant> {
    let (date_time, rest) = text
        .as_bytes()
        .split_at_checked(19)
        .ok_or(NoInstant::Unreadable)?;
    if !has_shape(date_time) || !behind_fraction(rest)?.is_empty() {
        return Err(NoInstant::Unreadable);
    }
    civil(date_time)
}

/// Does CentralNic Reseller mean a date that is not known (EP-06)? It writes year 1 then.
pub(super) fn is_unknown(text: &str) -> bool {
    text.starts_with("0001-")
}

/// What follows a fraction of a second, if there is one.
fn behind_fraction(text: &[u8]) -> Result<&[u8], NoInstant> {
    match text.split_first() {
        Some((b'.', rest)) => {
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if digits == 0 {
                return Err(NoInstant::Unreadable);
            }
            Ok(&rest[digits..])
        }
        _ => Ok(text),
    }
}

/// Date and time of 19 bytes that have the shape.
fn civil(date_time: &[u8]) -> Result<DateTime, NoInstant> {
    let number = |from: usize, to: usize| {
        date_time[from..to]
            .iter()
            .fold(0_i16, |sum, digit| sum * 10 + i16::from(digit - b'0'))
    };
    // Two digits fit an i8 (at most 99).
    let small =
        |from: usize| i8::try_from(number(from, from + 2)).map_err(|_| NoInstant::Unreadable);
    DateTime::new(
        number(0, 4),
        small(5)?,
        small(8)?,
        small(11)?,
        small(14)?,
        small(17)?,
        0,
    )
    .map_err(|_| NoInstant::Unreadable)
}

/// Does the text begin like an instant (`2026-06-04T08:30:00`)?
pub(super) fn begins(text: &str) -> bool {
    text.as_bytes().get(..19).is_some_and(has_shape)
}

fn has_shape(date_time: &[u8]) -> bool {
    is_like(date_time, b"0000-00-00T00:00:00")
}

/// Digits where `form` has zeros, and its other bytes as they are.
fn is_like(text: &[u8], form: &[u8]) -> bool {
    text.iter().zip(form).all(|(byte, form)| match form {
        b'0' => byte.is_ascii_digit(),
        _ => byte == form,
    })
}

fn read_offset(zone: &[u8]) -> Result<Offset, NoInstant> {
    let (sign, hours, minutes) = match zone {
        [] => return Err(NoInstant::NoZone),
        [b'Z' | b'z'] => return Ok(Offset::UTC),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] | [sign @ (b'+' | b'-'), h1, h2, m1, m2] => {
            (sign, [h1, h2], [m1, m2])
        }
        _ => return Err(NoInstant::Unreadable),
    };
    let number = |digits: [&u8; 2]| {
        digits
            .into_iter()
            .try_fold(0_i64, |sum, digit| {
                digit
                    .is_ascii_digit()
                    .then(|| sum * 10 + i64::from(digit - b'0'))
            })
            .ok_or(NoInstant::Unreadable)
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    if hours > 14 || minutes > 59 {
        return Err(NoInstant::Unreadable);
    }
    let seconds = hours * 3600 + minutes * 60;
    let seconds = if *sign == b'-' { -seconds } else { seconds };
    Offset::try_from(SignedDuration::from_secs(seconds)).map_err(|_| NoInstant::Unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_form_is_an_instant() {
        for text in [
            "2025-06-13T15:51:08+02:00",
            "2025-06-13T13:51:08Z",
            "2025-06-13T13:51:08.250Z",
            "2025-06-13T09:21:08-0430",
        ] {
            assert_eq!(
                read(text).unwrap().to_string(),
                "2025-06-13T13:51:08Z",
                "{text}"
            );
        }
    }

    #[test]
    fn the_resellers_form_is_an_instant_in_utc() {
        for text in [
            "2026-11-09 17:26:33",
            "2026-11-09 17:26:33.0",
            "2026-11-09 17:26:33.25",
        ] {
            let at = read_utc(text).unwrap().to_string();
            assert_eq!(at, "2026-11-09T17:26:33Z", "{text}");
        }
        for text in [
            "",
            "2026-11-09",
            "2026-11-09T17:26:33",
            "2026-11-09 17:26:33Z",
            "2026-11-09 17:26:33.",
            "2026-11-09 17:26:33 +01:00",
            "2026-02-30 17:26:33",
        ] {
            assert_eq!(read_utc(text), Err(NoInstant::Unreadable), "{text}");
        }
    }

    #[test]
    fn without_a_zone_it_is_no_instant() {
        assert_eq!(read("2025-06-13T15:51:08"), Err(NoInstant::NoZone));
    }

    #[test]
    fn everything_else_is_unreadable() {
        for text in [
            "",
            "2025-06-13",
            "13.06.2025 15:51",
            "2025-02-30T15:51:08+02:00",
            "2025-06-13T24:00:00+02:00",
            "2025-06-13T15:51:60+02:00",
            "2025-06-13T15:51:08+02:00 ",
            "2025-06-13T15:51:08+15:00",
            "2025-06-13T15:51:08+02",
            "2025-06-13T15:51:08.+02:00",
            "2025-06-13T15:51:08[Europe/Berlin]",
            "２025-06-13T15:51:08+02:00",
        ] {
            assert_eq!(read(text), Err(NoInstant::Unreadable), "{text}");
        }
    }
}
