//! Results of verifications that people have CentralNic Reseller told, and their second person.

use jiff::Timestamp;

use super::ordering::Step;
use crate::model::{
    CommandState, DomainRecord, ResellerCommand, ResellerCommandId, ResellerProof, ResellerRequest,
};
use crate::store::{AuditEntry, CommandFilter, Store, StoreError};

/// What a result can be about, in the reseller's words (`centralnic.md` 13).
const DATA: [&str; 4] = ["email", "phone", "name", "address"];

/// Why nothing is told.
#[derive(Debug, thiserror::Error)]
pub enum ResellingError {
    /// It does not fit what is known.
    #[error("{0}")]
    Refused(String),
    /// There is no such command.
    #[error("there is no command {0}; `stichtag reseller list` shows them")]
    NotFound(ResellerCommandId),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Does the registry want the domain's owner proven, and hear of it by the reseller alone? That is so
/// while the registry has said nothing to us itself.
pub fn is_held_there(record: &DomainRecord) -> bool {
    let facts = &record.facts;
    let is_of_de = record.key.domain.ace().ends_with(".de");
    let is_silent = facts.status.is_none() && facts.verification.is_none();
    let reseller = &facts.reseller;
    let is_held = (reseller.state.as_ref()).is_some_and(|state| state.is_server_hold);
    reseller.owner.is_some() && (record.is_zone_assumed() || is_of_de && is_silent && is_held)
}

/// The command that tells the reseller what was proven about the owner of a domain. `is_cloned`: the
/// domain gets a copy of its owner, of which the registry hears at once; else it hears within the hour.
///
/// Errors: no owner is known, nothing is proven, of something that the reseller has no word for, or in
/// the future.
pub fn report(
    record: &DomainRecord,
    proofs: Vec<ResellerProof>,
    is_cloned: bool,
    now: Timestamp,
) -> Result<ResellerCommand, ResellingError> {
    let refused = |text: String| Err(ResellingError::Refused(text));
    let domain = &record.key.domain;
    let Some(owner) = &record.facts.reseller.owner else {
        return refused(format!(
            "the owner of {domain} at the reseller is not known"
        ));
    };
    if proofs.is_empty() {
        return refused("expected at least one claim that was looked at".to_owned());
    }
    for proof in &proofs {
        if !DATA.contains(&proof.data.as_str()) {
            return refused(format!(
                "the reseller has no word for `{}`: expected {}",
                proof.data,
                DATA.join(", ")
            ));
        }
        if proof.at > now {
            return refused(format!(
                "{} has not come yet: expected when the verification was done",
                proof.at
            ));
        }
    }
    Ok(ResellerCommand::ReportVerification {
        contact: owner.handle.clone(),
        proofs,
        clone_for: is_cloned.then(|| domain.clone()),
    })
}

/// A second person agrees: the command goes into the outbox.
pub async fn confirm(
    store: &dyn Store,
    id: ResellerCommandId,
    audit: &AuditEntry,
) -> Result<Step, ResellingError> {
    let request = command(store, id).await?;
    if !request.command.needs_second_person() {
        let text = format!("command {id} waits for no second person");
        return Err(ResellingError::Refused(text));
    }
    match request.state {
        CommandState::Waiting if request.asked_by == audit.actor => {
            let text =
                format!("command {id} was asked for by you: a second person must confirm it");
            Err(ResellingError::Refused(text))
        }
        CommandState::Waiting => decide(store, id, true, audit).await,
        CommandState::Failed => Ok(Step::TooLate),
        CommandState::Queued | CommandState::Sent | CommandState::Done => Ok(Step::Before),
    }
}

/// Takes a command back, if nothing has left yet.
pub async fn cancel(
    store: &dyn Store,
    id: ResellerCommandId,
    audit: &AuditEntry,
) -> Result<Step, ResellingError> {
    match command(store, id).await?.state {
        CommandState::Waiting | CommandState::Queued => decide(store, id, false, audit).await,
        CommandState::Failed => Ok(Step::Before),
        CommandState::Sent | CommandState::Done => Ok(Step::TooLate),
    }
}

async fn decide(
    store: &dyn Store,
    id: ResellerCommandId,
    is_confirmed: bool,
    audit: &AuditEntry,
) -> Result<Step, ResellingError> {
    // The sender, or somebody else, may have been faster.
    Ok(match store.decide_command(id, is_confirmed, audit).await? {
        true => Step::Done,
        false => Step::TooLate,
    })
}

async fn command(
    store: &dyn Store,
    id: ResellerCommandId,
) -> Result<ResellerRequest, ResellingError> {
    let filter = CommandFilter {
        id: Some(id),
        ..CommandFilter::default()
    };
    let found = store.commands(&filter).await?;
    found.into_iter().next().ok_or(ResellingError::NotFound(id))
}
