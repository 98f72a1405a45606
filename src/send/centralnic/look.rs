//! What the state there says about a command of which nobody knows whether it was done.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::model::{ResellerCommand, ResellerProof, ResellerReply};
use crate::wire::reseller::{Command, commands};

/// The name servers of suspended domains are below this one, unless the reseller has some of its own
/// (CV-24).
const PARKED: &str = ".emailverification.info";

/// What to ask before a second try; `None`: a second try does no harm.
///
/// A code never expires, and confirming an address twice changes nothing (CV-25). A second mail, or a
/// copy of a contact that nobody uses and that is deleted after a while (CV-31), does no harm either.
pub fn question(command: &ResellerCommand) -> Option<Command> {
    match command {
        ResellerCommand::ReleaseDomain { domain } | ResellerCommand::ChangeOwner { domain, .. } => {
            Some(commands::status_domain(domain))
        }
        ResellerCommand::ReportVerification { contact, .. } => {
            Some(commands::status_contact(contact.as_str()))
        }
        ResellerCommand::ActivateContact { .. }
        | ResellerCommand::ResendNotification { .. }
        | ResellerCommand::CloneContact { .. }
        | ResellerCommand::StatusDomain { .. }
        | ResellerCommand::StatusContact { .. } => None,
    }
}

/// Does the state show that the command was done? In doubt it does not: each of them may be done
/// twice.
pub fn is_done(command: &ResellerCommand, state: &ResellerReply, now: Timestamp) -> bool {
    match command {
        ResellerCommand::ReleaseDomain { .. } => is_free(state, now),
        ResellerCommand::ChangeOwner { contact, .. } => {
            state.one("ownercontact") == Some(contact.as_str())
        }
        ResellerCommand::ReportVerification { proofs, .. } => {
            proofs.iter().all(|proof| is_reported(proof, state))
        }
        _ => false,
    }
}

fn is_free(state: &ResellerReply, now: Timestamp) -> bool {
    let is_held = (state.values("status").iter()).any(|it| it.eq_ignore_ascii_case("clientHold"));
    let is_parked = (state.values("nameserver").iter())
        .any(|name| name.trim_end_matches('.').to_lowercase().ends_with(PARKED));
    // Name servers of the reseller's own may be what it is suspended by.
    let is_over = match state
        .one("x-time-to-suspension")
        .filter(|at| !at.is_empty())
    {
        None => false,
        Some(text) => instant(text).is_none_or(|at| at <= now),
    };
    !is_held && !is_parked && !is_over
}

fn is_reported(proof: &ResellerProof, state: &ResellerReply) -> bool {
    const DATA: &str = "x-verification-data";
    let result = if proof.is_success {
        "success"
    } else {
        "failed"
    };
    state.indexes(DATA).into_iter().any(|index| {
        let is = |name: &str, value: &str| {
            let shown = state.at(&format!("x-verification-{name}"), index);
            shown.is_some_and(|shown| shown.eq_ignore_ascii_case(value))
        };
        is("data", &proof.data)
            && is("result", result)
            && (proof.reference.as_deref()).is_some_and(|reference| is("reference", reference))
    })
}

fn instant(text: &str) -> Option<Timestamp> {
    let at: DateTime = text.parse().ok()?;
    Some(at.to_zoned(TimeZone::UTC).ok()?.timestamp())
}
