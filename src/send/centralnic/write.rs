//! Commands of the outbox as they are written.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::model::{ResellerCommand, ResellerHandle, ResellerProof, TriggerCode};
use crate::wire::reseller::{Command, commands};

/// Where the reseller's own pages disagree about `X-VERIFICATION-*` (`centralnic.md` 13).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// How the parameter is spelt.
    pub spelling: Spelling,
    /// How an instant is written.
    pub timestamps: TimestampForm,
}

/// How the parameter is spelt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// `TRUSTFRAMEWORK`, as with AddContact and in answers.
    Framework,
    /// `TRUSTFAMEWORK`, as with ModifyContact.
    Famework,
}

/// How an instant is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampForm {
    /// `2026-10-05T09:12:30+02:00`, in the registry's zone.
    Offset,
    /// `2026-10-05 07:12:30`, in UTC as all else.
    Plain,
}

/// The command as it is written. An error is a sentence.
pub fn write(
    command: &ResellerCommand,
    trigger: Option<&TriggerCode>,
    dialect: Dialect,
) -> Result<Command, String> {
    Ok(match command {
        ResellerCommand::StatusDomain { domain } => commands::status_domain(domain),
        ResellerCommand::StatusContact { contact } => commands::status_contact(contact.as_str()),
        ResellerCommand::ActivateContact { .. } => {
            let code = trigger.ok_or("its code is deleted: have the mail sent once more")?;
            commands::activate_contact(code)
        }
        ResellerCommand::ResendNotification { address } => commands::resend_notification(address),
        ResellerCommand::ReleaseDomain { domain } => commands::release_domain(domain),
        ResellerCommand::ReportVerification {
            contact, proofs, ..
        } => report(contact, proofs, dialect)?,
        ResellerCommand::CloneContact { contact, .. } => commands::clone_contact(contact.as_str()),
        ResellerCommand::ChangeOwner { domain, contact } => {
            commands::change_owner(domain, contact.as_str())
        }
    })
}

fn report(
    contact: &ResellerHandle,
    proofs: &[ResellerProof],
    dialect: Dialect,
) -> Result<Command, String> {
    let framework = match dialect.spelling {
        Spelling::Framework => "TRUSTFRAMEWORK",
        Spelling::Famework => "TRUSTFAMEWORK",
    };
    let mut command = commands::modify_contact(contact.as_str(), &[]);
    for (index, proof) in proofs.iter().enumerate() {
        let field = |name: &str| format!("X-VERIFICATION-{name}{index}");
        let result = if proof.is_success {
            "Success"
        } else {
            "failed"
        };
        command = command
            .with(&field("DATA"), &proof.data)
            .with_some(&field(framework), proof.trust_framework.as_deref())
            .with(
                &field("TIMESTAMP"),
                timestamp(proof.at, dialect.timestamps)?,
            )
            .with_some(&field("METHOD"), proof.method.as_deref())
            .with_some(&field("REFERENCE"), proof.reference.as_deref())
            .with_some(&field("EVIDENCE"), proof.evidence.as_deref())
            .with(&field("RESULT"), result);
    }
    Ok(command)
}

fn timestamp(at: Timestamp, form: TimestampForm) -> Result<String, String> {
    let (zone, format) = match form {
        TimestampForm::Offset => (TimeZone::get("Europe/Berlin"), "%Y-%m-%dT%H:%M:%S%:z"),
        TimestampForm::Plain => (Ok(TimeZone::UTC), "%Y-%m-%d %H:%M:%S"),
    };
    let zone = zone.map_err(|error| format!("the zone Europe/Berlin is not known: {error}"))?;
    Ok(at.to_zoned(zone).strftime(format).to_string())
}
