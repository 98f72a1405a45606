//! `stichtag demo`

mod circle;
mod page;
mod stage;
mod story;
mod there;

use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use secrecy::ExposeSecret;
use tempfile::TempDir;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::import::table::Kind;
use super::{Context, deadlines, exit};
use crate::config::{Config, Layers};
use crate::inspect::work::{due, people};
use crate::model::{Environment, Role};
use crate::store::{LogFilter, MessageVerdict};
use stage::Stage;

/// Show the whole product in a throw-away folder
///
/// The real server runs on free ports of 127.0.0.1, with fake registry mail, a mail catcher and a
/// clock that is moved. No root, no Postfix, no configuration, no network; the demo checks every
/// step and exits 1 when one ends otherwise than it should.
#[derive(Args, Debug)]
pub struct Demo {
    /// Leave the server running after the story, until Ctrl-C
    #[arg(long)]
    keep: bool,
    /// A new or empty folder to use; it stays [default: a throw-away folder]
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
}

impl Demo {
    pub async fn run(self, context: &Context) -> anyhow::Result<u8> {
        // Before the folder is there, so that no signal can leave it behind.
        let mut stop = Stop::new()?;
        let folder = Folder::new(self.dir)?;
        let zone = TimeZone::get("Europe/Berlin")?;
        let start = story::start(&Timestamp::now().to_zoned(zone))?;
        let stage = Stage::open(folder.path(), context, start.timestamp()).await?;
        let told = tokio::select! {
            told = tell(&stage, &start, folder.path()) => told,
            () = stop.asked() => Err(anyhow::anyhow!("interrupted")),
        };
        let shown = match (&told, self.keep) {
            (Ok(()), true) => invite(&stage, folder.path()).await,
            (Ok(()), false) => farewell(&stage),
            (Err(_), _) => Ok(()),
        };
        let is_kept = told.is_ok() && shown.is_ok() && self.keep;
        if is_kept {
            stop.asked().await;
        }
        stage.running.stop().await;
        let end = folder.end()?;
        told?;
        shown?;
        if is_kept {
            context.out.line(format!("Stopped. {end}"))?;
        }
        Ok(exit::DONE)
    }
}

/// SIGINT or SIGTERM.
struct Stop {
    interrupt: Signal,
    terminate: Signal,
}

impl Stop {
    fn new() -> anyhow::Result<Self> {
        Ok(Stop {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Where everything is written: a folder that is removed at the end, or one that somebody named.
enum Folder {
    ThrowAway(TempDir),
    Named(PathBuf),
}

impl Folder {
    fn new(named: Option<PathBuf>) -> anyhow::Result<Self> {
        let Some(path) = named else {
            let folder = tempfile::Builder::new()
                .prefix("stichtag-demo-")
                .permissions(std::fs::Permissions::from_mode(0o700))
                .tempdir()
                .context("a throw-away folder")?;
            return Ok(Folder::ThrowAway(folder));
        };
        let name = || path.display().to_string();
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&path)
            .with_context(name)?;
        if std::fs::read_dir(&path)
            .with_context(name)?
            .next()
            .is_some()
        {
            bail!("{}: the folder is not empty", path.display());
        }
        Ok(Folder::Named(path.canonicalize().with_context(name)?))
    }

    fn path(&self) -> &Path {
        match self {
            Folder::ThrowAway(folder) => folder.path(),
            Folder::Named(path) => path,
        }
    }

    /// Removes what nobody asked to keep; a sentence about what became of it.
    fn end(self) -> anyhow::Result<&'static str> {
        match self {
            Folder::ThrowAway(folder) => {
                let path = folder.path().display().to_string();
                folder
                    .close()
                    .with_context(|| format!("{path} cannot be removed"))?;
                Ok("The folder is removed.")
            }
            Folder::Named(_) => Ok("The folder stays."),
        }
    }
}

async fn tell(stage: &Stage, start: &Zoned, folder: &Path) -> anyhow::Result<()> {
    let page = stage.page();
    page.chapter("stichtag demo")?;
    page.say(
        "The real server, store and mail texts at work. Only the registry, the customers' mail \
         server and the clock are played.",
    )?;
    page.labelled("folder", &folder.display().to_string())?;
    page.labelled("registry", &format!("hands mail over to {}", stage.smtp()?))?;
    let catcher = stage.catcher.address();
    page.labelled("catcher", &format!("takes the notices at {catcher}"))?;
    let began = stage.context.out.time(start.timestamp());
    page.labelled(
        "clock",
        &format!("begins at {began} and ends in the present"),
    )?;

    page.chapter("The books")?;
    for (kind, name, rows) in [
        (Kind::Customers, "customers.csv", story::CUSTOMERS),
        (Kind::Domains, "domains.csv", story::DOMAINS),
    ] {
        stage.context.out.line(name)?;
        page.quoted(rows)?;
        stage.import(kind, name, rows).await?;
    }

    let mut number = 0;
    let mut expected = 0;
    let chapters = story::chapters(start)?;
    let last = chapters.len().saturating_sub(1);
    for (index, chapter) in chapters.iter().enumerate() {
        if index == last {
            what_dies_next(stage).await?;
        }
        page.chapter(chapter.title)?;
        for step in &chapter.steps {
            number += 1;
            stage.play(number, step).await?;
            expected += step.expected.notices.len();
        }
    }
    stage.advance(Timestamp::now()).await?;
    what_dies_next(stage).await?;
    held(stage).await?;
    status(stage).await?;
    let caught = stage.catcher.mails().len();
    let reminded = stage.reminded();
    expected += reminded;
    if caught != expected {
        bail!("{expected} notices were expected in all, the catcher has {caught}");
    }
    page.say(&format!(
        "{number} messages, each decided as it should be; {caught} notices, {reminded} of them \
         reminders, each delivered once."
    ))?;
    circle::play(stage, folder).await?;
    there::play(stage, folder).await
}

/// A deadline nearer than this must have been told.
const SOON: std::time::Duration = std::time::Duration::from_secs(72 * 3_600);

/// `stichtag deadlines`, for 100 columns.
async fn what_dies_next(stage: &Stage) -> anyhow::Result<()> {
    let now = stage.context.now();
    let out = &stage.context.out;
    let title = format!("What dies next ({})", out.time(now));
    stage.page().chapter(&title)?;
    let rows: Vec<Vec<String>> = due::due(&**stage.store(), SOON, now)
        .await?
        .into_iter()
        .map(|due| {
            vec![
                out.short_time(due.at),
                deadlines::left(due.at, now),
                due.next.to_owned(),
                match due.record.key.environment {
                    Environment::Live => due.record.key.domain.unicode().to_owned(),
                    Environment::Test => format!("{} (test)", due.record.key.domain.unicode()),
                },
                due.record.customer.map_or("-".to_owned(), |id| id.0),
                due.needs.unwrap_or_default(),
            ]
        })
        .collect();
    let heading = ["AT", "LEFT", "NEXT", "DOMAIN", "CUSTOMER", "NEEDS"];
    Ok(out.table(&heading, &rows)?)
}

async fn held(stage: &Stage) -> anyhow::Result<()> {
    let page = stage.page();
    page.chapter("Held for a person")?;
    let filter = LogFilter {
        verdict: Some(MessageVerdict::Held),
        ..LogFilter::default()
    };
    for entry in stage.store().log(&filter).await? {
        let reasons = entry.decision.iter().flat_map(|decision| &decision.reasons);
        for reason in reasons.filter(|reason| reason.code.is_hold()) {
            page.labelled(&entry.id.to_string(), &reason.to_string())?;
            if let Some(known) = reason.code.entry() {
                page.item(&format!("do: {}", known.remedy))?;
            }
        }
    }
    Ok(())
}

async fn status(stage: &Stage) -> anyhow::Result<()> {
    let page = stage.page();
    page.chapter("Status")?;
    let figures = stage.store().figures().await?;
    page.labelled("messages", &format!("{} kept", figures.messages))?;
    page.labelled("undecided", &figures.pending.to_string())?;
    page.labelled("held", &figures.held.to_string())?;
    page.labelled("domains", &figures.domains.to_string())?;
    page.labelled("cases", &format!("{} open", figures.cases))?;
    let (waiting, failed) = (figures.notices_waiting, figures.notices_failed);
    page.labelled("notices", &format!("{waiting} waiting, {failed} failed"))?;
    for alarm in stage.store().alarms().await? {
        page.labelled("alarm", &format!("{} {}", alarm.code, alarm.text))?;
    }
    Ok(())
}

/// How this program was called, so that the commands shown can be copied.
fn program() -> String {
    let name = std::env::args_os().next();
    name.map_or_else(
        || "stichtag".to_owned(),
        |name| quoted(&name.to_string_lossy()),
    )
}

/// A word for the shell.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+:@".contains(c);
    if word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

fn farewell(stage: &Stage) -> anyhow::Result<()> {
    let (page, program) = (stage.page(), program());
    page.chapter("Where to go from here")?;
    for (command, what) in [
        (
            "demo --keep",
            "the same, and the server stays for you to look in",
        ),
        (
            "explain R11",
            "what a reason code means, and what to do about it",
        ),
        ("parse FILE", "what would become of one mail of your own"),
        ("config show", "every setting with its default"),
        ("serve", "the daemon"),
    ] {
        stage.context.out.line(format!("  {program} {command}"))?;
        page.labelled("", what)?;
    }
    Ok(())
}

async fn invite(stage: &Stage, folder: &Path) -> anyhow::Result<()> {
    let (page, out) = (stage.page(), &stage.context.out);
    page.chapter("Where to go from here")?;
    page.labelled("folder", &folder.display().to_string())?;
    page.labelled("smtp", &stage.smtp()?.to_string())?;
    if let Some(admin) = stage.running.bound.admin {
        page.labelled("health", &format!("http://{admin}/readyz"))?;
        page.labelled("web", web_link(stage).await?.url.expose_secret())?;
        page.labelled("", "(this link signs you in once, as the admin `demo`)")?;
    }
    out.line("  In another terminal:")?;
    let file = quoted(&stage.file.to_string_lossy());
    let config = format!("{} --config {file}", program());
    for command in [
        "status",
        "log list",
        "log why 4",
        "held list",
        "deadlines",
        "notice list",
        "notice show N-2",
        "domain history dänic.de",
    ] {
        out.line(format!("    {config} {command}"))?;
    }
    out.line("The server is still running; Ctrl-C stops it.")?;
    Ok(())
}

/// By which whoever looks around comes in.
async fn web_link(stage: &Stage) -> anyhow::Result<people::FreshLink> {
    let layers = Layers::read(Some(&stage.file), std::iter::empty())?;
    let config = Config::from_layers(&layers)?;
    let work = stage.context.work(&*stage.running.store, &config);
    let name = "demo".parse().map_err(anyhow::Error::msg)?;
    people::add(&work, name, Role::Admin).await
}
