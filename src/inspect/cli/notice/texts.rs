//! `stichtag notice lint` and `stichtag notice templates`

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde_json::json;
use similar::TextDiff;

use super::super::{Context, exit};
use crate::config::Config;
use crate::inspect::work::notice::settings;
use crate::notify::{self, Finding, Templates};
use crate::serve::own_texts;

/// Folders within folders that are looked into for texts.
const DEPTH_MAX: usize = 3;

/// Look for faults in the texts, stock and own; exit 10 if there are any
///
/// Fills them in for every kind of notice, in both languages, with one and with several domains, live
/// and test, with each fact known and unknown. Prints a line for each finding: file, line, what is
/// wrong and what to do.
#[derive(Args, Debug)]
pub struct Lint {
    /// The folder with your own texts [default: notices.templates]
    #[arg(long, value_name = "DIR")]
    templates: Option<PathBuf>,
}

impl Lint {
    pub fn run(self, context: &Context) -> anyhow::Result<u8> {
        let (config, _) = context.config()?;
        let folder = self.templates.or(config.notices.templates.clone());
        let mut files = BTreeMap::new();
        let mut own = BTreeMap::new();
        let mut found = Vec::new();
        if let Some(folder) = &folder {
            collect(folder, folder, DEPTH_MAX, &mut files)?;
        }
        for (name, path) in &files {
            if path.extension() != Some("txt".as_ref()) {
                found.push(Finding {
                    template: name.clone(),
                    line: 1,
                    text: "is not read, since its name does not end in .txt; rename or remove it"
                        .to_owned(),
                });
                continue;
            }
            match String::from_utf8(read(path)?) {
                Ok(text) => {
                    own.insert(name.clone(), text);
                }
                Err(error) => {
                    let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
                    found.push(Finding {
                        template: name.clone(),
                        line: 1 + before.iter().filter(|byte| **byte == b'\n').count(),
                        text: "is not UTF-8; save the file as UTF-8".to_owned(),
                    });
                }
            }
        }
        found.extend(notify::lint(&own, &settings(&config.notices)));
        found.sort();
        for Finding {
            template,
            line,
            text,
        } in &found
        {
            let file = files.get(template);
            if context.out.is_json() {
                context.out.object(json!({
                    "template": template,
                    "file": file,
                    "line": line,
                    "text": text,
                }))?;
            } else {
                let place = file.map_or_else(
                    || format!("stock {template}"),
                    |file| file.display().to_string(),
                );
                context.out.line(format!("{place}:{line}: {text}"))?;
            }
        }
        let counted = match found.len() {
            0 => "no findings".to_owned(),
            1 => "1 finding".to_owned(),
            many => format!("{many} findings"),
        };
        eprintln!("{counted}, {} texts of your own", files.len());
        Ok(if found.is_empty() {
            exit::DONE
        } else {
            exit::ATTENTION
        })
    }
}

/// Every file below a folder, by the name of the text it stands for; hidden ones and what editors
/// leave behind are passed over.
fn collect(
    root: &Path,
    folder: &Path,
    depth: usize,
    into: &mut BTreeMap<String, PathBuf>,
) -> anyhow::Result<()> {
    let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    for entry in entries {
        let path = entry.with_context(|| folder.display().to_string())?.path();
        let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy();
        let last = name.rsplit('/').next().unwrap_or(&name);
        if last.starts_with('.') || last.ends_with('~') {
            continue;
        }
        if path.is_dir() {
            if depth > 0 {
                collect(root, &path, depth - 1, into)?;
            }
        } else {
            // What has no ending is no text, whatever it is called.
            let text = name.strip_suffix(".txt");
            let name = text.map_or_else(|| format!("./{name}"), str::to_owned);
            into.insert(name, path.clone());
        }
    }
    Ok(())
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| path.display().to_string())
}

/// The texts of the notices
///
/// Own texts are files in the folder that notices.templates names, such as on-hold/de.body.txt; each
/// replaces the stock text of that name.
#[derive(Subcommand, Debug)]
pub enum Texts {
    /// List them: which are stock, which your own
    List,
    /// Print one
    ///
    /// A stock text begins with a comment that `diff` needs to tell whether it has changed since: keep
    /// it when you make the text your own.
    Show {
        /// Its name, such as on-hold/de.body
        name: String,
        /// The stock text, also where you have your own
        #[arg(long)]
        stock: bool,
    },
    /// What your own texts change
    Diff {
        /// Only this one, such as on-hold/de.body
        name: Option<String>,
    },
}

/// A text of the operator's own.
struct Own {
    file: PathBuf,
    text: String,
}

impl Own {
    /// Is the stock text another one than that it was made from? `None`: it does not say.
    fn is_stock_changed(&self, name: &str) -> Option<bool> {
        let (mark, _) = Templates::split_mark(&self.text);
        Some(mark? != Templates::stock_mark(name)?)
    }
}

impl Texts {
    pub fn run(self, context: &Context) -> anyhow::Result<u8> {
        let (config, _) = context.config()?;
        let mut own = all_own(&config)?;
        match self {
            Texts::List => list(context, &own)?,
            Texts::Show { name, stock } => {
                let stock_text = known(&name)?;
                let text = match own.remove(&name).filter(|_| !stock) {
                    Some(own) => own.text,
                    None => {
                        let mark = Templates::stock_mark(&name).unwrap_or_default();
                        format!("{mark}\n{stock_text}")
                    }
                };
                if context.out.is_json() {
                    context.out.object(json!({"name": name, "text": text}))?;
                } else {
                    std::io::stdout().write_all(text.as_bytes())?;
                }
            }
            Texts::Diff { name } => {
                if let Some(name) = name {
                    known(&name)?;
                    own.retain(|own, _| *own == name);
                }
                diff(context, &own)?;
            }
        }
        Ok(exit::DONE)
    }
}

fn all_own(config: &Config) -> anyhow::Result<BTreeMap<String, Own>> {
    let Some(folder) = &config.notices.templates else {
        return Ok(BTreeMap::new());
    };
    let own = own_texts(folder)?.into_iter().map(|(name, text)| {
        let file = folder.join(format!("{name}.txt"));
        (name, Own { file, text })
    });
    Ok(own.collect())
}

/// The stock text of that name.
fn known(name: &str) -> anyhow::Result<&'static str> {
    Templates::stock_text(name).ok_or_else(|| {
        exit::not_found(format!(
            "there is no text `{name}`; `stichtag notice templates list` shows them"
        ))
    })
}

fn list(context: &Context, own: &BTreeMap<String, Own>) -> anyhow::Result<()> {
    let mut rows = Vec::new();
    for name in Templates::names() {
        let own = own.get(name);
        let is_stock_changed = own.and_then(|own| own.is_stock_changed(name));
        if context.out.is_json() {
            context.out.object(json!({
                "name": name,
                "is_own": own.is_some(),
                "file": own.map(|own| &own.file),
                "is_stock_changed": is_stock_changed,
            }))?;
            continue;
        }
        let origin = match (own, is_stock_changed) {
            (None, _) => "stock",
            (Some(_), Some(true)) => "own, stock text changed since",
            (Some(_), _) => "own",
        };
        let file = own.map_or("-".to_owned(), |own| own.file.display().to_string());
        rows.push(vec![name.to_owned(), origin.to_owned(), file]);
    }
    if !context.out.is_json() {
        context.out.table(&["TEXT", "ORIGIN", "FILE"], &rows)?;
    }
    Ok(())
}

fn diff(context: &Context, own: &BTreeMap<String, Own>) -> anyhow::Result<()> {
    if own.is_empty() {
        eprintln!("no texts of your own");
    }
    for (name, own) in own {
        let (_, text) = Templates::split_mark(&own.text);
        let is_stock_changed = own.is_stock_changed(name);
        let changes = TextDiff::from_lines(Templates::stock_text(name).unwrap_or_default(), text);
        let file = own.file.display().to_string();
        let diff = changes
            .unified_diff()
            .header(&format!("stock {name}"), &file)
            .to_string();
        if context.out.is_json() {
            context.out.object(json!({
                "name": name,
                "file": file,
                "diff": diff,
                "is_stock_changed": is_stock_changed,
            }))?;
            continue;
        }
        if is_stock_changed == Some(true) {
            context.out.line(format!(
                "{file}: the stock text has changed since yours was made from it; take over what you \
                 need, then its first line from `stichtag notice templates show {name} --stock`"
            ))?;
        }
        diff.lines().try_for_each(|line| context.out.line(line))?;
    }
    Ok(())
}
