//! `stichtag case letter`: on paper, where no mail arrives.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::super::save::Draft;
use super::super::{Context, exit};
use crate::config::Config;
use crate::inspect::work::letter;
use crate::model::{CaseId, Language};
use crate::store::Store;

/// Write a letter for a customer whom no mail reaches: HTML to be printed, one A4 page
///
/// The field of the address is left free where the window of an envelope is (DIN 5008, form B).
/// The letter carries the code of the last notice about the case, and `stichtag notice check`
/// knows it from then on. It goes to stdout unless --out names a file.
#[derive(Args, Debug)]
pub struct Letter {
    /// The number of the case, such as V-81
    id: CaseId,
    /// The language, instead of the customer's: de or en
    #[arg(long, value_parser = tag)]
    lang: Option<Language>,
    /// Where to
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Overwrite a file without asking
    #[arg(long)]
    yes: bool,
}

fn tag(tag: &str) -> Result<Language, String> {
    Language::from_tag(tag).ok_or_else(|| "expected de or en".to_owned())
}

impl Letter {
    pub async fn run(
        self,
        context: &Context,
        store: &dyn Store,
        config: &Config,
    ) -> anyhow::Result<u8> {
        let id = self.id;
        let work = context.work(store, config);
        let letter = letter::write(&work, id, self.lang).await?;
        let mut draft = match &self.out {
            Some(target) => Some(Draft::new(target, 0o600, self.yes)?),
            None => None,
        };
        if let Some(draft) = &mut draft {
            draft.file().write_all(letter.page.as_bytes())?;
            draft.seal()?;
        }
        letter::note(&work, &letter).await?;
        if let Some(draft) = draft {
            draft.finish()?;
        }
        if context.out.is_json() {
            context.out.object(json!({
                "case": id,
                "language": letter.language,
                "code": letter.code,
                "file": self.out.as_ref().map(|path| path.display().to_string()),
                "html": self.out.is_none().then_some(letter.page),
            }))?;
        } else if let Some(target) = &self.out {
            context.out.line(target.display().to_string())?;
        } else {
            std::io::stdout().write_all(letter.page.as_bytes())?;
        }
        Ok(exit::DONE)
    }
}
