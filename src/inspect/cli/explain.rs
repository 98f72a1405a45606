//! `stichtag explain`

use clap::Args;
use serde_json::{Value, json};

use super::{Context, exit};
use crate::model::reason;

/// Explain a reason code
#[derive(Args, Debug)]
pub struct Explain {
    /// Code, such as R12 or W03; none: all of them
    code: Option<String>,
}

impl Explain {
    pub fn run(self, context: &Context) -> anyhow::Result<u8> {
        let entries: Vec<_> = match &self.code {
            None => reason::CATALOGUE.iter().collect(),
            Some(code) => vec![reason::find(code).ok_or_else(|| {
                exit::not_found(format!(
                    "`{code}` is not a reason code; `stichtag explain` lists them all"
                ))
            })?],
        };
        for entry in entries {
            if context.out.is_json() {
                context.out.object(object(entry))?;
            } else {
                context
                    .out
                    .line(format!("{}  {}", entry.code, entry.meaning))?;
                context.out.line(format!("     {}", entry.remedy))?;
            }
        }
        Ok(exit::DONE)
    }
}

/// A code as `explain` prints it.
pub fn object(entry: &reason::Entry) -> Value {
    json!({
        "code": entry.code,
        "meaning": entry.meaning,
        "remedy": entry.remedy,
    })
}
