//! Domains: `StatusDomain`, the answers to changes, and the rows of `QueryDomainList`.

use super::super::notes::Notes;
use super::asked::Asked;
use super::property::{Properties, read_at, read_flag, refused};
use crate::model::{DomainName, Reason, ResellerDomain, ResellerHandle, reason};

const SUSPENSION: &str = "x-time-to-suspension";
const DE_DEDELEGATION: &str = "x-de-verificationdeadlinebeforededelegation";
const DE_DELETION: &str = "x-de-verificationdeadlinebeforedeletion";

/// The one domain of an answer.
pub(super) fn one(
    shown: &mut Properties<'_>,
    asked: &Asked,
    notes: &mut Notes,
) -> Result<ResellerDomain, Reason> {
    let domain = name(shown, asked)?;
    notes.domain = Some(domain.clone());
    let statuses = filled(shown.all("status"));
    let nameservers = shown.all("nameserver").iter();
    let nameservers = nameservers
        .map(|host| host_name(host))
        .filter(|host| !host.is_empty());
    Ok(ResellerDomain {
        domain,
        statuses,
        nameservers: nameservers.collect(),
        owner: handle(shown.one("ownercontact")?.as_deref(), "ownercontact", notes),
        created_at: shown.at("createddate", reason::NOT_UNDERSTOOD)?,
        suspension_at: shown.at(SUSPENSION, reason::DEADLINE_UNREADABLE)?,
        de_dedelegation: shown.local(DE_DEDELEGATION)?,
        de_deletion: shown.local(DE_DELETION)?,
        is_verified: shown.flag("verified")?,
    })
}

/// The domain that an answer shows, or that was asked for. R12: they differ; R13: its two forms do.
fn name(shown: &mut Properties<'_>, asked: &Asked) -> Result<DomainName, Reason> {
    let read = |text: &str| {
        text.parse::<DomainName>()
            .map_err(|_| refused("domain", "it is no domain name"))
    };
    let told = shown.one("domain")?;
    let told = told.as_deref().map(read).transpose()?;
    let unicode = shown.one("domainidn")?;
    if let (Some(told), Some(unicode)) = (&told, &unicode)
        && unicode.parse::<DomainName>().ok().as_ref() != Some(told)
    {
        return Err(Reason::new(
            reason::NAME_MISMATCH,
            "property `domainidn`: it is not the U-label of `domain`",
        ));
    }
    let asked = asked.value("domain").and_then(|text| text.parse().ok());
    match (told, asked) {
        (Some(told), Some(asked)) if told != asked => Err(Reason::new(
            reason::CONTRADICTION,
            "property `domain`: it is another domain than the one that was asked for",
        )),
        (Some(domain), _) | (None, Some(domain)) => Ok(domain),
        (None, None) => Err(refused("domain", "it is missing")),
    }
}

/// The rows of a list, each with the values of its own index.
pub(super) fn rows(
    shown: &mut Properties<'_>,
    notes: &mut Notes,
) -> Result<Vec<ResellerDomain>, Reason> {
    let rows = shown.rows("domain");
    if shown.is_uneven(SUSPENSION, rows.len()) {
        return Err(Reason::new(
            reason::DEADLINE_UNREADABLE,
            format!("property `{SUSPENSION}`: there are more deadlines than domains"),
        ));
    }
    rows.into_iter()
        .map(|row| self::row(shown, row, notes))
        .collect()
}

fn row(shown: &mut Properties<'_>, row: u32, notes: &mut Notes) -> Result<ResellerDomain, Reason> {
    let domain = shown.cell("domain", row).unwrap_or_default();
    let domain = domain
        .parse()
        .map_err(|_| refused("domain", &format!("row {row} is no domain name")))?;
    let status = shown.cell("status", row).map(str::to_owned);
    let owner = shown.cell("contact", row);
    Ok(ResellerDomain {
        domain,
        statuses: status.into_iter().collect(),
        nameservers: Vec::new(),
        owner: handle(owner, "contact", notes),
        created_at: None,
        suspension_at: read_at(
            SUSPENSION,
            shown.cell(SUSPENSION, row),
            reason::DEADLINE_UNREADABLE,
        )?,
        de_dedelegation: None,
        de_deletion: None,
        is_verified: read_flag("verified", shown.cell("verified", row))?,
    })
}

/// A deadline counts whoever the owner is.
fn handle(text: Option<&str>, name: &str, notes: &mut Notes) -> Option<ResellerHandle> {
    let read = text?.parse().ok();
    if read.is_none() {
        let what = format!("property `{name}`: it is not a contact handle such as `P-ABC1234`");
        notes.warn(reason::NO_HANDLE, what);
    }
    read
}

fn filled(values: &[String]) -> Vec<String> {
    let values = values.iter().filter(|value| !value.is_empty());
    values.cloned().collect()
}

/// A name server may have its addresses behind it.
fn host_name(text: &str) -> String {
    let host = text.split_ascii_whitespace().next().unwrap_or_default();
    host.trim_end_matches('.').to_ascii_lowercase()
}
