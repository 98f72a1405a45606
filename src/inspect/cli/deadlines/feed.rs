//! `stichtag deadlines --ics`

use std::io::Write;
use std::path::Path;

use jiff::Timestamp;
use serde_json::json;

use super::super::Context;
use super::super::save::Draft;
use crate::config::Config;
use crate::inspect::work::due::Due;
use crate::inspect::work::feed;

/// Rights of a new feed: whoever is in the group may serve it.
const MODE: u32 = 0o640;

/// Writes the calendar, to stdout for `-`.
pub fn write(
    context: &Context,
    config: &Config,
    due: &[Due],
    target: &Path,
    now: Timestamp,
) -> anyhow::Result<()> {
    let (text, count) = feed::calendar(config, due, now);
    if target == Path::new("-") {
        return Ok(std::io::stdout().write_all(text.as_bytes())?);
    }
    let mut draft = Draft::over(target, MODE)?;
    draft.file().write_all(text.as_bytes())?;
    draft.finish()?;
    let name = target.display().to_string();
    if context.out.is_json() {
        (context.out).object(json!({"file": name, "events": count}))?;
    } else {
        context.out.line(format!("{name}  {count} deadlines"))?;
    }
    Ok(())
}
