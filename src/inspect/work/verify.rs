//! What was proven about a holder, and who is told: the registry, or the reseller that passes it on.

use std::fmt;

use super::{Work, cases};
use crate::inspect::cli::order::{failure, ways, wish};
use crate::inspect::cli::{exit, reseller};
use crate::model::request::Line;
use crate::model::{
    Account, CaseId, DomainName, DomainRecord, Environment, Handle, OrderId, ResellerCommand,
    ResellerCommandId, Waits,
};
use crate::process::ordering::{self, Wish};
use crate::process::reselling;
use crate::send::centralnic;
use crate::store::CaseEntry;

/// What was proven, about whom.
pub struct Verification {
    /// The holder, where the domain has several: the registry does not say which one it means.
    pub holder: Option<Handle>,
    /// What, and how.
    pub proof: wish::Proven,
    /// What changes about the holder with it.
    pub data: wish::ContactData,
    /// At the reseller: the rules by which it was proven.
    pub trust_framework: Option<Line<255>>,
    /// At the reseller: the domain gets a copy of its owner, of which the registry hears at once.
    pub is_cloned: bool,
}

/// What would be asked.
pub enum Prepared {
    /// An order to the registry.
    Order {
        /// The order.
        wish: Box<Wish>,
        /// The holder.
        holder: Handle,
    },
    /// A command to the reseller.
    Command(Box<Told>),
}

/// What the reseller would be told.
pub struct Told {
    /// Where.
    pub environment: Environment,
    /// The domain whose owner it is about.
    pub domain: DomainName,
    /// What.
    pub command: ResellerCommand,
    /// The same as it would be sent.
    pub shown: String,
}

/// What was asked.
pub enum Placed {
    /// An order to the registry.
    Order {
        /// Its number.
        id: OrderId,
        /// The case.
        case: CaseId,
        /// The holder.
        holder: Handle,
        /// A second person must confirm it.
        waits: bool,
    },
    /// A command to the reseller.
    Command {
        /// Its number.
        id: ResellerCommandId,
        /// The case.
        case: CaseId,
        /// A second person must confirm it.
        waits: bool,
    },
}

impl fmt::Display for Placed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Placed::Order {
                id,
                holder,
                waits: true,
                ..
            } => write!(
                f,
                "{id} waits: a second person must confirm that the proof of {holder} failed \
                 (`stichtag order confirm {id}`). The registry takes the holder's domains out of the \
                 zone at once then."
            ),
            Placed::Order {
                id, case, holder, ..
            } => write!(
                f,
                "{id} is placed: {holder} is read, the proof added, and all of it sent back. {case} ends \
                 when the registry asks for nothing any more."
            ),
            Placed::Command {
                id, waits: true, ..
            } => write!(
                f,
                "{id} waits: a second person must confirm that the proof failed (`stichtag \
                 reseller confirm {id}`). The registry takes the owner's domains out of the zone \
                 then."
            ),
            Placed::Command { id, case, .. } => write!(
                f,
                "{id} is in the outbox. {case} ends when the registry asks for nothing any more."
            ),
        }
    }
}

/// What would be asked for an open case. Errors: it has ended, or what is said does not fit whoever is to
/// be told.
pub async fn prepare(
    work: &Work<'_>,
    id: CaseId,
    verification: Verification,
) -> anyhow::Result<Prepared> {
    let case = cases::one(work.store, id).await?;
    if let Some(at) = case.closed_at {
        let text = format!(
            "{id} has ended ({}, {at}): nothing is to be proven",
            case.state
        );
        return Err(cases::ended(text));
    }
    let (environment, ace) = (case.key.environment, case.key.domain.ace());
    let found = work.store.domains(Some(environment), Some(ace)).await?;
    match found.iter().find(|record| reselling::is_held_there(record)) {
        Some(record) => command(work, record, verification),
        None => order(work, &case, &found, verification),
    }
}

fn order(
    work: &Work<'_>,
    case: &CaseEntry,
    found: &[DomainRecord],
    verification: Verification,
) -> anyhow::Result<Prepared> {
    if verification.trust_framework.is_some() || verification.is_cloned {
        return Err(usage(format!(
            "{} is held at the registry itself: `--trust-framework` and `--clone` are of \
             CentralNic Reseller",
            case.key.domain
        )));
    }
    let holder = holder(case, found, verification.holder)?;
    let environment = case.key.environment;
    let change =
        verification
            .proof
            .change(holder.clone(), verification.data, Some(case.id), work.now())?;
    let wish = Box::new(Wish {
        key: crate::process::new_ctid().0,
        environment,
        account: Account::Provider,
        customer: None,
        request: change.into(),
        ways: ways(work.config, environment),
    });
    Ok(Prepared::Order { wish, holder })
}

/// The holder that is meant.
fn holder(
    case: &CaseEntry,
    found: &[DomainRecord],
    named: Option<Handle>,
) -> anyhow::Result<Handle> {
    let domain = &case.key.domain;
    let holders: Vec<Handle> = (found.iter())
        .flat_map(|record| record.holders().iter().cloned())
        .collect();
    match (named, holders.as_slice()) {
        (Some(named), known) if known.contains(&named) => Ok(named),
        (Some(named), _) => Err(cases::ended(format!("{named} is no holder of {domain}"))),
        (None, [only]) => Ok(only.clone()),
        (None, []) => Err(cases::ended(format!(
            "no holder of {domain} is known here: say `--holder`"
        ))),
        (None, several) => {
            let names: Vec<_> = several.iter().map(ToString::to_string).collect();
            Err(usage(format!(
                "{domain} has several holders, and the registry does not say which one it means: say \
                 `--holder`, one of {}",
                names.join(", ")
            )))
        }
    }
}

/// The domain is held at CentralNic Reseller, which passes the results on.
fn command(
    work: &Work<'_>,
    record: &DomainRecord,
    verification: Verification,
) -> anyhow::Result<Prepared> {
    let domain = &record.key.domain;
    let environment = record.key.environment;
    if verification.holder.is_some() || !verification.data.is_empty() {
        return Err(usage(format!(
            "{domain} is held at CentralNic Reseller: its owner there is meant, and data of a \
             contact are changed there first (`stichtag-send reseller call ModifyContact …`)"
        )));
    }
    let [live, test] = &work.config.centralnic;
    let settings = match environment {
        Environment::Live => live,
        Environment::Test => test,
    };
    if settings.api_url.is_empty() {
        return Err(exit::Failure {
            code: exit::INVALID,
            text: format!("`centralnic.{environment}.api_url` is not set: nobody would send it"),
        }
        .into());
    }
    let framework = verification.trust_framework.map(|text| text.to_string());
    let proofs = verification
        .proof
        .at_reseller(framework.as_deref(), work.now());
    let command = reselling::report(record, proofs, verification.is_cloned, work.now())
        .map_err(reseller::outbox::failure)?;
    let written =
        centralnic::write(&command, None, settings.dialect).map_err(anyhow::Error::msg)?;
    written.block().map_err(|error| usage(error.to_string()))?;
    Ok(Prepared::Command(Box::new(Told {
        environment,
        domain: domain.clone(),
        shown: written.shown().to_string(),
        command,
    })))
}

/// Asks for it.
pub async fn place(
    work: &Work<'_>,
    case: CaseId,
    prepared: Prepared,
) -> anyhow::Result<Vec<Placed>> {
    match prepared {
        Prepared::Order { wish, holder } => {
            let audit = work.audit("case verify", "", &case.to_string());
            let placed = ordering::place(work.store, &wish, &audit).await;
            let order = placed.map_err(failure)?.order;
            Ok(vec![Placed::Order {
                id: order.id,
                case,
                holder,
                waits: order.waits == Some(Waits::SecondPerson),
            }])
        }
        Prepared::Command(told) => {
            let audit = work.audit("case verify", told.domain.ace(), &case.to_string());
            let waits = told.command.needs_second_person();
            let queued = work
                .store
                .queue_commands(told.environment, &[told.command], work.now(), &audit)
                .await?;
            let placed = |id| Placed::Command { id, case, waits };
            Ok(queued.into_iter().map(placed).collect())
        }
    }
}

fn usage(text: String) -> anyhow::Error {
    exit::Failure {
        code: exit::USAGE,
        text,
    }
    .into()
}
