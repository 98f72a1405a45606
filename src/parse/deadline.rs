//! Verification deadlines: the one thing that must never be missed, and never be made up.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::code::{self, Coded};
use super::instant;
use super::notes::Notes;
use super::text::{names_deadline, quote};
use crate::model::{Claim, Reason, Verification, reason};

/// Deadlines that a queue message gives as fields of their own, with their lines.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fields {
    /// `verificationDeadlineBeforeDedelegation`.
    pub dedelegation: Option<(Timestamp, usize)>,
    /// `verificationDeadlineBeforeDeletion`.
    pub deletion: Option<(Timestamp, usize)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    Dedelegation,
    Deletion,
}

impl Which {
    fn word(self) -> &'static str {
        match self {
            Which::Dedelegation => "dedelegation",
            Which::Deletion => "deletion",
        }
    }
}

/// What the coded lines say about one deadline.
#[derive(Debug, Default)]
struct Said {
    at: Option<Timestamp>,
    is_said: bool,
    is_bare: bool,
    claims: Option<BTreeSet<Claim>>,
}

/// The deadlines and claims of a domain, from fields and coded lines together.
///
/// R11 if a deadline is there but cannot be read, R24 if its zone is missing, R12 if code and text
/// name different deadlines.
pub(super) fn verification(
    fields: Fields,
    messages: &[Coded],
    notes: &mut Notes,
) -> Result<Option<Verification>, Reason> {
    let mut dedelegation = Said::default();
    let mut deletion = Said::default();
    for coded in messages {
        let Some(which) = which(coded)? else {
            continue;
        };
        let (said, field) = match which {
            Which::Dedelegation => (&mut dedelegation, fields.dedelegation),
            Which::Deletion => (&mut deletion, fields.deletion),
        };
        hear(coded, which, field, said, notes)?;
    }
    let dedelegation_at = settle(
        Which::Dedelegation,
        fields.dedelegation,
        &dedelegation,
        notes,
    );
    let deletion_at = settle(Which::Deletion, fields.deletion, &deletion, notes);
    if dedelegation_at.is_none() && deletion_at.is_none() {
        return Ok(None);
    }
    check_order(dedelegation_at, deletion_at, notes);
    let asked = [(dedelegation_at, dedelegation), (deletion_at, deletion)];
    let claims = unite(
        asked
            .into_iter()
            .filter(|(at, _)| at.is_some())
            .map(|(_, said)| said),
        notes,
    );
    Ok(Some(Verification {
        dedelegation_at,
        deletion_at,
        claims,
    }))
}

/// Mentions equal deadlines (W07) and deletion before dedelegation (W20).
pub(super) fn check_order(
    dedelegation_at: Option<Timestamp>,
    deletion_at: Option<Timestamp>,
    notes: &mut Notes,
) {
    let (Some(dedelegation_at), Some(deletion_at)) = (dedelegation_at, deletion_at) else {
        return;
    };
    if dedelegation_at == deletion_at {
        notes.warn(
            reason::EQUAL_DEADLINES,
            format!("both deadlines are {deletion_at}"),
        );
    } else if deletion_at < dedelegation_at {
        notes.warn(
            reason::DEADLINE_ORDER,
            format!("deletion at {deletion_at} lies before dedelegation at {dedelegation_at}"),
        );
    }
}

/// The claims of a `VerificationClaims` value: a set, unknown words kept.
pub(super) fn claims(list: &str) -> BTreeSet<Claim> {
    list.split([';', ',', ' '])
        .filter(|word| !word.is_empty())
        .map(Claim::from)
        .collect()
}

/// The value of `VerificationClaims: …` among the arguments, if it is not empty.
pub(super) fn claims_of(coded: &Coded) -> Option<BTreeSet<Claim>> {
    let list = coded
        .message
        .arguments
        .iter()
        .find_map(|argument| named(argument, "verificationclaims"))?;
    Some(claims(list)).filter(|claims| !claims.is_empty())
}

/// All claims that the lines name; W28 if they name none.
pub(super) fn all_claims(messages: &[Coded], notes: &mut Notes) -> Option<BTreeSet<Claim>> {
    let all: BTreeSet<_> = messages.iter().filter_map(claims_of).flatten().collect();
    if all.is_empty() {
        notes.warn(
            reason::NO_CLAIMS,
            "the message does not say what must be proven",
        );
        return None;
    }
    Some(all)
}

/// Says no (R11) to a deadline in a place where none is expected: it could not be stored.
pub(super) fn refuse_elsewhere(line: usize, text: &str) -> Result<(), Reason> {
    if names_deadline(text) {
        return Err(Reason::new(
            reason::DEADLINE_UNREADABLE,
            format!("line {line}: `{}` seems to name a deadline", quote(text)),
        ));
    }
    Ok(())
}

/// Says no (R11) to an instant that nothing explains.
pub(super) fn refuse_instant(line: usize, text: &str) -> Result<(), Reason> {
    let has_instant = text
        .split([' ', '[', ']', ',', ';', '='])
        .any(instant::begins);
    if has_instant {
        return Err(Reason::new(
            reason::DEADLINE_UNREADABLE,
            format!(
                "line {line}: nothing says what the date in `{}` is for",
                quote(text)
            ),
        ));
    }
    Ok(())
}

/// Which deadline the line is about: code and text must agree, because 16350000041 has a second
/// meaning (`denic.md` 6.2).
fn which(coded: &Coded) -> Result<Option<Which>, Reason> {
    let message = &coded.message;
    let which = match message.code.as_str() {
        code::DEDELEGATION => Which::Dedelegation,
        code::DELETION if coded.is_contact_changed() => return Ok(None),
        code::DELETION => Which::Deletion,
        other => {
            // 16350000050 speaks of both deadlines, but gives neither.
            let is_asked = other == code::CONTACT_ASKED;
            if !is_asked {
                refuse_elsewhere(coded.line, &message.text)?;
            }
            for argument in &message.arguments {
                if is_asked {
                    refuse_instant(coded.line, argument)?;
                } else {
                    refuse_elsewhere(coded.line, argument)?;
                }
            }
            return Ok(None);
        }
    };
    let text = message.text.to_ascii_lowercase();
    let (dedelegation, deletion) = (text.contains("dedelegation"), text.contains("deletion"));
    let (own, other) = match which {
        Which::Dedelegation => (dedelegation, deletion),
        Which::Deletion => (deletion, dedelegation),
    };
    let problem = match (own, other) {
        (true, false) => return Ok(Some(which)),
        (_, true) => (reason::CONTRADICTION, "the text names the other deadline"),
        (false, false) => (reason::DEADLINE_UNREADABLE, "the text names no deadline"),
    };
    Err(Reason::new(
        problem.0,
        format!(
            "{}: the code stands for {}, but {}: `{}`",
            coded.place(),
            which.word(),
            problem.1,
            quote(&message.text)
        ),
    ))
}

/// Reads one deadline line into `said`.
fn hear(
    coded: &Coded,
    which: Which,
    field: Option<(Timestamp, usize)>,
    said: &mut Said,
    notes: &mut Notes,
) -> Result<(), Reason> {
    if said.is_said {
        notes.at(
            reason::REPEATED,
            coded.line,
            format!("the deadline before {} is repeated", which.word()),
        );
    }
    said.is_said = true;
    if let Some(claims) = claims_of(coded) {
        said.claims.get_or_insert_default().extend(claims);
    }
    match (date(coded, said, notes), field) {
        (Ok(at), _) => {
            said.at = Some(said.at.map_or(at, |earlier| earlier.min(at)));
            Ok(())
        }
        (Err(_), Some(_)) => {
            // The field of its own is there and readable: nothing is lost.
            notes.at(
                reason::DEADLINE_FIELDS_DIFFER,
                coded.line,
                format!(
                    "no readable date before {} in brackets; the field was taken",
                    which.word()
                ),
            );
            Ok(())
        }
        (Err(reason), None) => Err(reason),
    }
}

/// The date among the arguments: `Date: …`, `ate: …`, or a bare timestamp.
fn date(coded: &Coded, said: &mut Said, notes: &mut Notes) -> Result<Timestamp, Reason> {
    let mut found: Option<Timestamp> = None;
    for argument in &coded.message.arguments {
        let is_typo = named(argument, "ate").is_some();
        let value = named(argument, "date").or_else(|| named(argument, "ate"));
        let is_bare = value.is_none() && instant::begins(argument);
        let Some(value) = value.or_else(|| is_bare.then_some(argument.as_str())) else {
            continue;
        };
        let at = instant::read(value)
            .map_err(|no| no.reason(&coded.place(), value, reason::DEADLINE_UNREADABLE))?;
        if found.is_some_and(|found| found != at) {
            return Err(Reason::new(
                reason::CONTRADICTION,
                format!("{}: it gives two dates", coded.place()),
            ));
        }
        found = Some(at);
        if is_typo {
            notes.at(reason::ATE_TYPO, coded.line, "`[ate:` was read as `[Date:`");
        }
        if is_bare {
            said.is_bare = true;
            notes.at(
                reason::BARE_DATE,
                coded.line,
                "a bare timestamp in brackets was read as the deadline",
            );
        }
    }
    found.ok_or_else(|| {
        Reason::new(
            reason::DEADLINE_UNREADABLE,
            format!("{}: the deadline has no date in brackets", coded.place()),
        )
    })
}

/// The value of `name: value`, the name in any case.
fn named<'a>(argument: &'a str, name: &str) -> Option<&'a str> {
    let (key, value) = argument.split_once(':')?;
    key.trim()
        .eq_ignore_ascii_case(name)
        .then_some(value.trim())
}

/// One instant of field and brackets; the field wins, the difference is mentioned (W13).
fn settle(
    which: Which,
    field: Option<(Timestamp, usize)>,
    said: &Said,
    notes: &mut Notes,
) -> Option<Timestamp> {
    let (Some((field, line)), Some(said)) = (field, said.at) else {
        return field.map(|(at, _)| at).or(said.at);
    };
    if field != said {
        notes.at(
            reason::DEADLINE_FIELDS_DIFFER,
            line,
            format!(
                "the field gives {field} before {}, the brackets {said}; the field was taken",
                which.word()
            ),
        );
    }
    Some(field)
}

/// The union of the claims; W28 where the deadlines differ in them or none is given.
fn unite(asked: impl Iterator<Item = Said>, notes: &mut Notes) -> Option<BTreeSet<Claim>> {
    let mut asked = asked.peekable();
    let first = asked.peek().and_then(|said| said.claims.clone());
    let mut union: Option<BTreeSet<Claim>> = None;
    let mut is_bare = false;
    let mut is_different = false;
    for said in asked {
        is_bare |= said.is_bare;
        is_different |= said.claims != first;
        if let Some(claims) = said.claims {
            union.get_or_insert_default().extend(claims);
        }
    }
    if is_different {
        notes.warn(
            reason::NO_CLAIMS,
            "the claims of the two deadlines differ; all were taken",
        );
    } else if union.is_none() && !is_bare {
        notes.warn(
            reason::NO_CLAIMS,
            "the message does not say what must be proven",
        );
    }
    union
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Level, ReasonCode};

    const TEXT_40: &str = "16350000040 Verification information must be provided for the holder(s) to avoid dedelegation by";
    const TEXT_41: &str = "16350000041 Verification information must be provided for the holder(s) to avoid deletion by";

    fn read(
        fields: Fields,
        lines: &[String],
    ) -> (Result<Option<Verification>, ReasonCode>, Vec<String>) {
        let coded: Vec<_> = (1..)
            .zip(lines)
            .map(|(line, text)| Coded::read(line, Level::Info, text).unwrap())
            .collect();
        let mut notes = Notes::default();
        let read = verification(fields, &coded, &mut notes).map_err(|reason| reason.code);
        let warnings = notes
            .finish()
            .1
            .iter()
            .map(|w| w.code.to_string())
            .collect();
        (read, warnings)
    }

    #[test]
    fn claims_of_two_deadlines_are_united() {
        let (read, warnings) = read(
            Fields::default(),
            &[
                format!("{TEXT_40} [Date: 2026-06-04T08:30:00+02:00, VerificationClaims: name]"),
                format!(
                    "{TEXT_41} [Date: 2026-09-02T08:30:00+02:00, VerificationClaims: phone;name]"
                ),
            ],
        );
        let claims = read.unwrap().unwrap().claims.unwrap();
        assert_eq!(
            claims,
            BTreeSet::from([Claim::Name, Claim::Other("phone".into())])
        );
        assert_eq!(warnings, ["W28"]);
    }

    #[test]
    fn a_field_outweighs_the_brackets() {
        let at: Timestamp = "2026-09-01T00:00:00Z".parse().unwrap();
        let fields = Fields {
            dedelegation: None,
            deletion: Some((at, 9)),
        };
        for (brackets, code) in [
            (
                "[Date: 2026-09-02T08:30:00+02:00, VerificationClaims: name]",
                "W13",
            ),
            ("[Date: soon, VerificationClaims: name]", "W13"),
        ] {
            let (read, warnings) = read(fields, &[format!("{TEXT_41} {brackets}")]);
            assert_eq!(read.unwrap().unwrap().deletion_at, Some(at));
            assert_eq!(warnings, [code]);
        }
    }

    #[test]
    fn a_deadline_that_cannot_be_read_is_never_guessed() {
        for (line, code) in [
            (TEXT_41.to_owned(), "R11"),
            (format!("{TEXT_41} [Date: tomorrow]"), "R11"),
            (format!("{TEXT_41} [Date: 2026-09-02T08:30:00]"), "R24"),
            (
                format!("{TEXT_41} [Date: 2026-09-02T08:30:00+02:00] soon"),
                "R11",
            ),
            (
                format!("{TEXT_41} [Date: 2026-09-02T08:30:00Z, Date: 2026-09-03T08:30:00Z]"),
                "R12",
            ),
            (
                format!("16350000040{} [Date: 2026-09-02T08:30:00Z]", &TEXT_41[11..]),
                "R12",
            ),
            (
                "16350000041 Act by [Date: 2026-09-02T08:30:00Z]".to_owned(),
                "R11",
            ),
            (
                format!("16350000049{} [Date: 2026-09-02T08:30:00Z]", &TEXT_41[11..]),
                "R11",
            ),
        ] {
            let (read, _) = read(Fields::default(), std::slice::from_ref(&line));
            assert_eq!(read.unwrap_err().as_str(), code, "{line}");
        }
    }

    #[test]
    fn of_two_dates_for_one_deadline_the_earlier_stands() {
        let (read, warnings) = read(
            Fields::default(),
            &[
                format!("{TEXT_41} [Date: 2026-09-02T08:30:00Z, VerificationClaims: name]"),
                format!("{TEXT_41} [Date: 2026-09-01T08:30:00Z, VerificationClaims: name]"),
            ],
        );
        let deletion_at = read.unwrap().unwrap().deletion_at.unwrap();
        assert_eq!(deletion_at.to_string(), "2026-09-01T08:30:00Z");
        assert_eq!(warnings, ["W12"]);
    }
}
