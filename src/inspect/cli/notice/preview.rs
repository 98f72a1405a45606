//! `stichtag notice preview`

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use clap::Args;

use super::super::{Context, exit};
use crate::config::Config;
use crate::inspect::work::notice::{render, subject};
use crate::model::{CaseId, Language};
use crate::notify::Rendered;
use crate::store::Store;

/// Shows a page in the browser that the person uses.
const OPENER: &str = "xdg-open";

/// Write a notice as it would be sent, without sending it
///
/// Prints its text. With `--out` its text, HTML, calendar and table of domains go into files instead,
/// and the whole mail as notice.eml.
#[derive(Args, Debug)]
pub struct Preview {
    /// Its number (N-310), or a kind such as on-hold; a kind alone is shown with made-up facts
    what: String,
    /// The case whose facts to use
    #[arg(long)]
    case: Option<CaseId>,
    /// The language
    #[arg(long, value_parser = super::language)]
    lang: Option<Language>,
    /// Print the HTML part instead of the text
    #[arg(long)]
    html: bool,
    /// Write the parts into this folder, made if it is not there
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write the parts (into a folder of their own unless --out names one) and show the HTML part in
    /// the browser, by xdg-open; exit 1 where that cannot be done
    #[arg(long, conflicts_with = "html")]
    open: bool,
}

impl Preview {
    pub async fn run(
        self,
        context: &Context,
        store: &dyn Store,
        config: &Config,
    ) -> anyhow::Result<u8> {
        let languages = &config.notices.languages;
        let mut notice = subject(store, &self.what, self.case, languages).await?;
        if let Some(language) = self.lang {
            notice.languages = vec![language];
        }
        let rendered = render(&config.notices, &notice)?;
        let folder = match self.out {
            None if self.open => {
                let folder = tempfile::Builder::new()
                    .prefix("stichtag-preview-")
                    .tempdir()?;
                Some(folder.keep())
            }
            out => out,
        };
        if let Some(folder) = folder {
            let page = write(context, &folder, &rendered)?;
            if self.open {
                open(&page)?;
            }
            return Ok(exit::DONE);
        }
        let text = if self.html {
            rendered.html
        } else {
            rendered.text
        };
        context.out.line(format!("Subject: {}", rendered.subject))?;
        context.out.line("")?;
        text.lines().try_for_each(|line| context.out.line(line))?;
        Ok(exit::DONE)
    }
}

/// Writes the parts of a mail into a folder, and says where; returns the page.
fn write(context: &Context, folder: &Path, rendered: &Rendered) -> anyhow::Result<PathBuf> {
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let text = format!("Subject: {}\n\n{}", rendered.subject, rendered.text);
    let parts = [
        ("notice.txt", Some(text.as_bytes())),
        ("notice.html", Some(rendered.html.as_bytes())),
        ("frist.ics", rendered.calendar.as_deref().map(str::as_bytes)),
        ("domains.csv", rendered.csv.as_deref().map(str::as_bytes)),
        ("notice.eml", Some(&rendered.message)),
    ];
    for (name, part) in parts {
        let path = folder.join(name);
        match part {
            Some(part) => {
                std::fs::write(&path, part).with_context(|| path.display().to_string())?;
                context.out.line(path.display().to_string())?;
            }
            // Of an earlier preview; this mail has no such part.
            None => match std::fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(error).with_context(|| path.display().to_string());
                }
                _ => {}
            },
        }
    }
    Ok(folder.join("notice.html"))
}

fn open(page: &Path) -> anyhow::Result<()> {
    let shown = page.display();
    let mut command = Command::new(OPENER);
    let command = command.arg(page).stdin(Stdio::null()).stdout(Stdio::null());
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => bail!("{OPENER} could not show the page ({status}); open {shown} yourself"),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            bail!("there is no {OPENER} here to show the page; open {shown} yourself")
        }
        Err(error) => Err(error).context(format!("{OPENER}; open {shown} yourself")),
    }
}
