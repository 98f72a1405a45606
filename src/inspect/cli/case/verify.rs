//! `stichtag case verify`

use anyhow::bail;
use clap::Args;

use super::super::order::{failure, ways, wish};
use super::super::{Context, exit};
use super::one;
use crate::config::Config;
use crate::model::{Account, CaseId, Handle, Waits};
use crate::process::ordering::{self, Wish};
use crate::store::Store;

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
                return Err(exit::Failure {
                    code: exit::USAGE,
                    text: format!(
                        "{} has several holders, and the registry does not say which one it \
                         means: say `--holder`, one of {}",
                        case.key.domain,
                        names.join(", ")
                    ),
                }
                .into());
            }
        };
        let change = self
            .proof
            .change(handle.clone(), self.data, Some(case.id), context.now());
        let wish = Wish {
            key: crate::process::new_ctid().0,
            environment,
            account: Account::Provider,
            customer: None,
            request: change.into(),
            ways: ways(config, environment),
        };
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
}
