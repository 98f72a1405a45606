//! Messages about a contact: `contactVerificationRequired` and `contactUpdate`.
//!
//! Only their XML form is documented. Key/value is read generously: any key with `edelegation` in
//! it is about the first deadline, any with `eletion` about the second (`denic.md` 3.4).

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::super::deadline::{self, check_order};
use super::super::instant::{self, NoInstant};
use super::super::notes::Notes;
use super::super::text::quote;
use super::event::{coded_claims, missing};
use super::payload::{Field, Payload};
use crate::model::{Claim, ContactVerification, DomainName, Facts, Handle, Reason, reason};

/// The contact that the message is about.
pub(super) fn contact(payload: &mut Payload, notes: &mut Notes) -> Result<Handle, Reason> {
    let field = match payload.one("handle", notes)? {
        Some(field) => field,
        None => payload
            .one("contact", notes)?
            .ok_or_else(|| missing("handle"))?,
    };
    field.value.parse().map_err(|error| {
        Reason::new(
            reason::NOT_UNDERSTOOD,
            format!("line {}, handle: {error}", field.line),
        )
    })
}

pub(super) fn verification_required(
    payload: &mut Payload,
    notes: &mut Notes,
) -> Result<Facts, Reason> {
    let contact = contact(payload, notes)?;
    let mut claims: BTreeSet<Claim> = coded_claims(&payload.messages).collect();
    for key in ["verificationclaim", "verificationclaims", "claim", "claims"] {
        for field in payload.all(key) {
            claims.extend(deadline::claims(&field.value));
        }
    }
    if claims.is_empty() {
        notes.warn(
            reason::NO_CLAIMS,
            "the message does not say what must be proven",
        );
    }
    let mut domain_count = None;
    if let Some(field) = payload.one("numberofreferenceddomainstotal", notes)? {
        domain_count = field.value.parse().ok();
        if domain_count.is_none() {
            payload.give_up(&field, notes);
        }
    }
    let mut dedelegation = Earliest::default();
    let mut deletion = Earliest::default();
    for field in payload.left().collect::<Vec<_>>() {
        let earliest = if field.key.contains("edelegation") {
            &mut dedelegation
        } else if field.key.contains("eletion") {
            &mut deletion
        } else {
            payload.give_up(&field, notes);
            continue;
        };
        if !earliest.read(&field, notes)? {
            payload.give_up(&field, notes);
        }
    }
    let earliest_dedelegation = dedelegation.finish("dedelegation", notes)?;
    let earliest_deletion = deletion.finish("deletion", notes)?;
    // Of two domains, one may well be deleted before the other leaves the zone.
    if let (Some((first, dedelegation_at)), Some((second, deletion_at))) =
        (&earliest_dedelegation, &earliest_deletion)
        && first == second
    {
        check_order(Some(*dedelegation_at), Some(*deletion_at), notes);
    }
    Ok(Facts::ContactVerificationRequired(ContactVerification {
        contact,
        claims: Some(claims).filter(|claims| !claims.is_empty()),
        domain_count,
        earliest_dedelegation,
        earliest_deletion,
    }))
}

/// The first domain to be hit, and when.
#[derive(Default)]
struct Earliest {
    domain: Option<DomainName>,
    at: Option<Timestamp>,
}

impl Earliest {
    /// Takes domains and instants out of a value; false if it has neither.
    fn read(&mut self, field: &Field, notes: &mut Notes) -> Result<bool, Reason> {
        let place = format!("line {}, {}", field.line, field.key);
        let mut is_read = false;
        for word in field
            .value
            .split([' ', '[', ']', ',', ';'])
            .filter(|word| !word.is_empty())
        {
            match instant::read(word) {
                Ok(at) => {
                    if let Some(known) = self.at {
                        let what = if known == at {
                            "is repeated"
                        } else {
                            "differs; the earlier was taken"
                        };
                        notes.at(reason::REPEATED, field.line, format!("the deadline {what}"));
                    }
                    self.at = Some(self.at.map_or(at, |known| known.min(at)));
                    is_read = true;
                    continue;
                }
                Err(NoInstant::NoZone) => {
                    return Err(NoInstant::NoZone.reason(
                        &place,
                        word,
                        reason::DEADLINE_UNREADABLE,
                    ));
                }
                Err(NoInstant::Unreadable) => {}
            }
            let Ok(domain) = word.parse::<DomainName>() else {
                continue;
            };
            match &self.domain {
                Some(known) if *known != domain => {
                    return Err(Reason::new(
                        reason::NAME_MISMATCH,
                        format!("{place}: `{}` is not `{}`", quote(word), known.unicode()),
                    ));
                }
                _ => self.domain = Some(domain),
            }
            is_read = true;
        }
        let is_date = field.key.contains("deadline")
            || field.key.ends_with("date")
            || field.key.ends_with("time")
            || (field
                .value
                .starts_with(|first: char| first.is_ascii_digit())
                && !field.key.starts_with("number"));
        if is_date && !is_read {
            return Err(NoInstant::Unreadable.reason(
                &place,
                &field.value,
                reason::DEADLINE_UNREADABLE,
            ));
        }
        Ok(is_read)
    }

    /// Both or nothing: a date without its domain cannot be stored, a domain without date says
    /// that a deadline could not be read.
    fn finish(
        self,
        word: &str,
        notes: &mut Notes,
    ) -> Result<Option<(DomainName, Timestamp)>, Reason> {
        match (self.domain, self.at) {
            (None, None) => Ok(None),
            (Some(domain), Some(at)) => {
                notes.domain.get_or_insert_with(|| domain.clone());
                Ok(Some((domain, at)))
            }
            (Some(domain), None) => Err(Reason::new(
                reason::DEADLINE_UNREADABLE,
                format!("no deadline is given before {word} of {}", domain.unicode()),
            )),
            (None, Some(at)) => Err(Reason::new(
                reason::DEADLINE_UNREADABLE,
                format!("{at} before {word} is given without its domain"),
            )),
        }
    }
}
