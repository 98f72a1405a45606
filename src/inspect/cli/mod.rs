//! The command line: a file per command.

mod alarm;
pub(super) mod audit;
pub(super) mod case;
mod config;
pub(super) mod customer;
mod deadlines;
mod demo;
pub(super) mod doctor;
pub(super) mod domain;
pub(super) mod exit;
pub(super) mod explain;
mod held;
mod import;
pub(super) mod log;
pub(super) mod notice;
pub(super) mod order;
pub(super) mod out;
mod parse;
mod progress;
mod replay;
pub(super) mod request;
pub(super) mod reseller;
mod save;
mod sender;
mod shell;
mod status;
mod token;
mod user;
pub(super) mod verify_site;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use jiff::Timestamp;
use tracing_appender::non_blocking::WorkerGuard;

use crate::clock::Clock;
use crate::config::{Config, Layers};
use crate::inspect::work::Work;
use crate::store::{self, AuditEntry, Store};

pub use out::{CleanLines, Colour, Out};
pub use sender::{SenderCli, run as run_sender};

/// No registry deadline passes unseen: registry messages kept, explained and passed on.
#[derive(Parser, Debug)]
#[command(name = "stichtag", version, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Args, Debug)]
struct Global {
    /// Configuration file [default: /etc/stichtag/stichtag.toml, if it is there]
    #[arg(long, global = true, env = "STICHTAG_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// One JSON object per line; `--json=id,verdict` prints only these fields
    #[arg(long, global = true, num_args = 0..=1, require_equals = true, default_missing_value = "", value_name = "FIELDS")]
    json: Option<String>,
    /// Tab-separated, no headings: for scripts that use awk
    #[arg(long, global = true)]
    plain: bool,
    /// Times in UTC instead of Europe/Berlin
    #[arg(long, global = true)]
    utc: bool,
    /// When to colour
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    color: Colour,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Read one message offline and say what would happen
    Parse(parse::Parse),
    /// Show the whole product in a throw-away folder
    Demo(demo::Demo),
    /// Run the daemon
    Serve,
    /// Health on one screen
    Status(status::Status),
    /// What proves where mail comes from, and which rule would fit; exit 10 if something is amiss
    Doctor(doctor::Doctor),
    /// Processed mail
    #[command(subcommand)]
    Log(log::Log),
    /// Messages that wait for a person
    #[command(subcommand)]
    Held(held::Held),
    /// Process kept messages again
    Replay(replay::Replay),
    /// Bring in customers, domains and messages
    #[command(subcommand)]
    Import(import::Import),
    /// Domains as we know them
    #[command(subcommand)]
    Domain(domain::Domain),
    /// What dies next
    Deadlines(deadlines::Deadlines),
    /// Verifications
    #[command(subcommand)]
    Case(case::Case),
    /// Mails to customers
    #[command(subcommand)]
    Notice(notice::Notices),
    /// Customers
    #[command(subcommand)]
    Customer(customer::Customer),
    /// What is ordered at the registry
    #[command(subcommand)]
    Order(order::Orders),
    /// What was asked of the registry
    #[command(subcommand)]
    Request(request::Requests),
    /// What was asked, what came of it, what to do
    #[command(subcommand)]
    Action(request::Actions),
    /// Commands to CentralNic Reseller
    #[command(subcommand)]
    Reseller(reseller::outbox::Commands),
    /// Programs that order over HTTP
    #[command(subcommand)]
    Token(token::Tokens),
    /// People who look in on the web
    #[command(subcommand)]
    User(user::Users),
    /// Confirmations of mail addresses on the website
    #[command(subcommand)]
    VerifySite(verify_site::VerifySite),
    /// What needs a person, and how that reaches one
    #[command(subcommand)]
    Alarm(alarm::Alarms),
    /// Who did what
    #[command(subcommand)]
    Audit(audit::Audit),
    /// What a reason code means, and what to do about it
    Explain(explain::Explain),
    /// The configuration
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Completion for a shell
    Completion(shell::Completion),
    /// Write manual pages into a folder
    Man(shell::Man),
}

/// What every command has at hand.
pub(super) struct Context {
    out: Out,
    config_file: Option<PathBuf>,
    clock: Clock,
}

impl Context {
    fn config(&self) -> anyhow::Result<(Config, Layers)> {
        Ok(Config::load(self.config_file.as_deref())?)
    }

    /// The store that the configuration names.
    async fn store(&self) -> anyhow::Result<(Arc<dyn Store>, Config)> {
        close_to_others();
        let (config, _) = self.config()?;
        let store = store::open(&config.store.url)
            .await
            .with_context(|| format!("store {}", config.store.url))?;
        Ok((store, config))
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// What this person works with.
    fn work<'a>(&'a self, store: &'a dyn Store, config: &'a Config) -> Work<'a> {
        Work {
            store,
            config,
            clock: &self.clock,
            actor: actor(),
        }
    }

    /// An entry for the audit trail about something this person does.
    fn audit(&self, action: &str, object: &str, detail: &str) -> AuditEntry {
        AuditEntry {
            at: self.now(),
            actor: actor(),
            action: action.to_owned(),
            object: object.to_owned(),
            detail: detail.to_owned(),
        }
    }
}

/// Customers, mails and codes are nobody else's business: what is made from now on can be read by
/// the owner and the group only.
fn close_to_others() {
    rustix::process::umask(rustix::fs::Mode::RWXO);
}

/// Who runs this: number and name.
fn actor() -> String {
    let number = rustix::process::getuid().as_raw();
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(number)).then(|| name.to_owned())
    });
    format!("{number} {}", name.as_deref().unwrap_or("?"))
}

/// Runs what the command line asks for.
pub fn run(cli: Cli) -> ExitCode {
    // Sessions wait far more than they work, and SQLite and the workers have threads of their own:
    // on two cores one more thread for sessions is only in everybody's way.
    let cores = std::thread::available_parallelism().map_or(2, |cores| cores.get());
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    // Whoever sets tokio's own variable knows better.
    if std::env::var_os("TOKIO_WORKER_THREADS").is_none() {
        runtime.worker_threads((cores / 2).max(1));
    }
    when_done(runtime, execute(cli))
}

/// Runs a command to its end, and says how it ended.
fn when_done(
    mut runtime: tokio::runtime::Builder,
    command: impl Future<Output = anyhow::Result<u8>>,
) -> ExitCode {
    let runtime = match runtime.enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return exit::report(&anyhow::Error::from(error)),
    };
    let done = runtime.block_on(command);
    // What still runs in the background (a resolver thread, say) must not hold the exit up.
    runtime.shutdown_background();
    match done {
        Ok(code) => ExitCode::from(code),
        Err(error) => exit::report(&error),
    }
}

async fn execute(cli: Cli) -> anyhow::Result<u8> {
    let global = cli.global;
    let context = Context {
        out: Out::new(
            global.json.as_deref(),
            global.plain,
            global.utc,
            global.color,
        ),
        config_file: global.config,
        clock: Clock::system(),
    };
    let context = &context;
    match cli.command {
        Command::Parse(command) => command.run(context),
        Command::Demo(command) => command.run(context).await,
        Command::Serve => serve(context).await,
        Command::Status(command) => command.run(context).await,
        Command::Doctor(command) => command.run(context).await,
        Command::Log(command) => command.run(context).await,
        Command::Held(command) => command.run(context).await,
        Command::Replay(command) => command.run(context).await,
        Command::Import(command) => command.run(context).await,
        Command::Domain(command) => command.run(context).await,
        Command::Deadlines(command) => command.run(context).await,
        Command::Case(command) => command.run(context).await,
        Command::Notice(command) => command.run(context).await,
        Command::Customer(command) => command.run(context).await,
        Command::Order(command) => command.run(context).await,
        Command::Request(command) => command.run(context).await,
        Command::Action(command) => command.run(context).await,
        Command::Reseller(command) => command.run(context).await,
        Command::Token(command) => command.run(context).await,
        Command::User(command) => command.run(context).await,
        Command::VerifySite(command) => command.run(context).await,
        Command::Alarm(command) => command.run(context).await,
        Command::Audit(command) => command.run(context).await,
        Command::Explain(command) => command.run(context),
        Command::Config(command) => command.run(context),
        Command::Completion(command) => command.run(),
        Command::Man(command) => command.run(),
    }
}

async fn serve(context: &Context) -> anyhow::Result<u8> {
    let (config, _) = context.config()?;
    close_to_others();
    let _log = start_log(&config)?;
    crate::serve::run(&config).await?;
    Ok(exit::DONE)
}

/// Starts the log; it ends with the guard.
///
/// Lines are written by a thread of their own, and dropped when nobody reads them: whoever forgets to
/// empty a pipe must not stop the mail.
fn start_log(config: &Config) -> anyhow::Result<WorkerGuard> {
    use std::io::IsTerminal;
    let filter: tracing_subscriber::EnvFilter = config
        .log
        .level
        .parse()
        .with_context(|| format!("log.level `{}`", config.log.level))?;
    let is_json = config
        .log
        .is_json
        .unwrap_or_else(|| !std::io::stderr().is_terminal());
    let (writer, guard) = tracing_appender::non_blocking(std::io::stderr());
    let has_colour =
        !is_json && std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(move || CleanLines {
            inner: writer.clone(),
            has_colour,
        })
        .with_ansi(has_colour);
    // A second log in one process (the demo) keeps the first.
    let _ = if is_json {
        log.json().flatten_event(true).try_init()
    } else {
        log.try_init()
    };
    Ok(guard)
}
