//! `stichtag notice check`

use clap::Args;
use serde_json::json;

use super::super::out::json_time;
use super::super::{Context, exit};
use crate::config::Config;
use crate::inspect::work::notice::genuine;
use crate::model::Language;
use crate::notify;
use crate::store::Store;

/// Did we send a notice, or write a letter, with this code? Exit 4 if not
///
/// Says nothing that is personal. Small letters, blanks and a missing dash do no harm, nor do letters
/// that look alike, such as O and 0.
#[derive(Args, Debug)]
pub struct Check {
    /// The code, such as K7QF-2M9X
    #[arg(required = true)]
    code: Vec<String>,
    /// The language of the answer
    #[arg(long, value_parser = super::language, default_value = "en")]
    lang: Language,
}

impl Check {
    pub async fn run(
        self,
        context: &Context,
        store: &dyn Store,
        config: &Config,
    ) -> anyhow::Result<u8> {
        let settings = &config.notices.settings;
        let found = genuine(store, &self.code.concat(), settings).await?;
        let answer = found.as_ref().map(|(answer, _)| answer);
        if context.out.is_json() {
            context.out.object(json!({
                "genuine": answer.is_some(),
                "sent_at": json_time(
                    answer.filter(|answer| !answer.is_letter).map(|answer| answer.sent_at)
                ),
                "letter_at": json_time(
                    answer.filter(|answer| answer.is_letter).map(|answer| answer.sent_at)
                ),
                "kind": found.as_ref().map(|(_, kind)| kind),
                "domain_starts_with": answer.map(|answer| answer.starts_with.to_string()),
                "reply_by": json_time(answer.and_then(|answer| answer.reply_by)),
                "is_test": answer.map(|answer| answer.is_test),
            }))?;
        } else {
            let said = notify::say(answer, context.now(), self.lang);
            context.out.line(said)?;
        }
        Ok(match answer {
            Some(_) => exit::DONE,
            None => exit::NOT_FOUND,
        })
    }
}
