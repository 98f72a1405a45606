//! `stichtag case verify`

use clap::Args;

use super::super::order::{rehearse, wish};
use super::super::{Context, exit, held};
use crate::config::Config;
use crate::inspect::work::verify::{self, Prepared, Verification};
use crate::model::request::Line;
use crate::model::{CaseId, Handle};
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
        let work = context.work(store, config);
        let out = &context.out;
        let id = self.id;
        let verification = Verification {
            holder: self.holder,
            proof: self.proof,
            data: self.data,
            trust_framework: self.there.trust_framework,
            is_cloned: self.there.is_cloned,
        };
        let prepared = verify::prepare(&work, id, verification).await?;
        match &prepared {
            Prepared::Order { wish, .. } if self.dry_run => {
                return rehearse(context, store, wish).await;
            }
            Prepared::Command(told) if self.dry_run => {
                out.line(&told.shown)?;
                out.line(format!(
                    "Environment {}; nothing was queued.",
                    told.environment
                ))?;
                return Ok(exit::DONE);
            }
            Prepared::Command(told) => {
                let domain = &told.domain;
                let what = match told.command.needs_second_person() {
                    true => format!("report that the owner of {domain} failed to be proven"),
                    false => format!(
                        "tell CentralNic Reseller what was proven about the owner of {domain}"
                    ),
                };
                held::confirm(self.there.yes, &what)?;
            }
            Prepared::Order { .. } => {}
        }
        for placed in verify::place(&work, id, prepared).await? {
            out.line(placed.to_string())?;
        }
        Ok(exit::DONE)
    }
}
