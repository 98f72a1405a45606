//! `stichtag case verify`

use anyhow::bail;
use clap::Args;

use super::super::order::{failure, rehearse, ways, wish};
use super::super::reseller::outbox;
use super::super::{Context, exit, held};
use super::one;
use crate::config::Config;
use crate::model::request::Line;
use crate::model::{Account, CaseId, DomainRecord, Environment, Handle, Waits};
use crate::process::ordering::{self, Wish};
use crate::process::reselling;
use crate::send::centralnic;
use crate::store::{CaseEntry, Store};

#[derive(Args, Debug)]
pub struct Verify {
    /// Its number, such as V-81
    id: CaseId,
    /// The holder, where the domain has several: the registry does not say which one it means
    #[arg(long, value_name = "HANDLE")]
    holder: Option<Handle>,
    #[command(flatten)]
    proof: wish::Proven,
    #[command(flatten)]
    data: wish::ContactData,
    #[command(flatten)]
    there: There,
    /// Show what exactly would be asked, and place nothing
    #[arg(long)]
    dry_run: bool,
}

/// Of domains held at CentralNic Reseller alone
#[derive(Args, Debug)]
struct There {
    /// At CentralNic Reseller: the rules by which it was proven
    #[arg(long, value_name = "TEXT")]
    trust_framework: Option<Line<255>>,
    /// At CentralNic Reseller: put a copy of the owner on the domain, so that the registry hears of it
    /// at once, and not within the hour
    #[arg(long = "clone")]
    is_cloned: bool,
    /// At CentralNic Reseller: do not ask before it is told
    #[arg(long)]
    yes: bool,
}

impl Verify {
    pub async fn run(
        self,
        context: &Context,
        store: &dyn Store,
        config: &Config,
    ) -> anyhow::Result<u8> {
        let case = one(store, self.id).await?;
        if let Some(at) = case.closed_at {
            bail!(
                "{} has ended ({}, {at}): nothing is to be proven",
                case.id,
                case.state
            );
        }
        let environment = case.key.environment;
        let found = store
            .domains(Some(environment), Some(case.key.domain.ace()))
            .await?;
        match found.iter().find(|record| reselling::is_held_there(record)) {
            Some(record) => self.at_reseller(context, store, config, record).await,
            None => {
                self.at_registry(context, store, config, &case, &found)
                    .await
            }
        }
    }

    async fn at_registry(
        self,
        context: &Context,
        store: &dyn Store,
        config: &Config,
        case: &CaseEntry,
        found: &[DomainRecord],
    ) -> anyhow::Result<u8> {
        if self.there.trust_framework.is_some() || self.there.is_cloned {
            return Err(usage(format!(
                "{} is held at the registry itself: `--trust-framework` and `--clone` are of \
                 CentralNic Reseller",
                case.key.domain
            )));
        }
        let environment = case.key.environment;
        let holders: Vec<Handle> = found
            .iter()
            .flat_map(|record| record.holders().iter().cloned())
            .collect();
        let handle = match (self.holder, holders.as_slice()) {
            (Some(named), known) if known.contains(&named) => named,
            (Some(named), _) => bail!("{named} is no holder of {}", case.key.domain),
            (None, [only]) => only.clone(),
            (None, []) => bail!(
                "no holder of {} is known here: say `--holder`",
                case.key.domain
            ),
            (None, several) => {
                let names: Vec<_> = several.iter().map(ToString::to_string).collect();
                return Err(usage(format!(
                    "{} has several holders, and the registry does not say which one it means: say \
                     `--holder`, one of {}",
                    case.key.domain,
                    names.join(", ")
                )));
            }
        };
        let change = self
            .proof
            .change(handle.clone(), self.data, Some(case.id), context.now())?;
        let wish = Wish {
            key: crate::process::new_ctid().0,
            environment,
            account: Account::Provider,
            customer: None,
            request: change.into(),
            ways: ways(config, environment),
        };
        if self.dry_run {
            return rehearse(context, store, &wish).await;
        }
        let audit = context.audit("case verify", "", &case.id.to_string());
        let placed = ordering::place(store, &wish, &audit)
            .await
            .map_err(failure)?;
        let order = placed.order;
        context.out.line(match order.waits {
            Some(Waits::SecondPerson) => format!(
                "{} waits: a second person must confirm that the proof of {handle} failed \
                 (`stichtag order confirm {}`). The registry takes the holder's domains out of the \
                 zone at once then.",
                order.id, order.id
            ),
            _ => format!(
                "{} is placed: {handle} is read, the proof added, and all of it sent back. {} ends \
                 when the registry asks for nothing any more.",
                order.id, case.id
            ),
        })?;
        Ok(exit::DONE)
    }

    /// The domain is held at CentralNic Reseller, which passes the results on.
    async fn at_reseller(
        self,
        context: &Context,
        store: &dyn Store,
        config: &Config,
        record: &DomainRecord,
    ) -> anyhow::Result<u8> {
        let domain = &record.key.domain;
        let environment = record.key.environment;
        if self.holder.is_some() || !self.data.is_empty() {
            return Err(usage(format!(
                "{domain} is held at CentralNic Reseller: its owner there is meant, and data of a \
                 contact are changed there first (`stichtag-send reseller call ModifyContact …`)"
            )));
        }
        let [live, test] = &config.centralnic;
        let settings = match environment {
            Environment::Live => live,
            Environment::Test => test,
        };
        if settings.api_url.is_empty() {
            return Err(exit::Failure {
                code: exit::INVALID,
                text: format!(
                    "`centralnic.{environment}.api_url` is not set: nobody would send it"
                ),
            }
            .into());
        }
        let framework = self.there.trust_framework.map(|text| text.to_string());
        let proofs = self.proof.at_reseller(framework.as_deref(), context.now());
        let command = reselling::report(record, proofs, self.there.is_cloned, context.now())
            .map_err(outbox::failure)?;
        let written =
            centralnic::write(&command, None, settings.dialect).map_err(anyhow::Error::msg)?;
        written.block().map_err(|error| usage(error.to_string()))?;
        if self.dry_run {
            context.out.line(written.shown())?;
            context
                .out
                .line(format!("Environment {environment}; nothing was queued."))?;
            return Ok(exit::DONE);
        }
        let waits = command.needs_second_person();
        let what = match waits {
            true => format!("report that the owner of {domain} failed to be proven"),
            false => {
                format!("tell CentralNic Reseller what was proven about the owner of {domain}")
            }
        };
        held::confirm(self.there.yes, &what)?;
        let audit = context.audit("case verify", domain.ace(), &self.id.to_string());
        let queued = store
            .queue_commands(environment, &[command], context.now(), &audit)
            .await?;
        for id in queued {
            context.out.line(match waits {
                true => format!(
                    "{id} waits: a second person must confirm that the proof failed (`stichtag \
                     reseller confirm {id}`). The registry takes the owner's domains out of the zone \
                     then."
                ),
                false => format!(
                    "{id} is in the outbox. {} ends when the registry asks for nothing any more.",
                    self.id
                ),
            })?;
        }
        Ok(exit::DONE)
    }
}

fn usage(text: String) -> anyhow::Error {
    exit::Failure {
        code: exit::USAGE,
        text,
    }
    .into()
}
