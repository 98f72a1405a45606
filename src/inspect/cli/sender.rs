//! `stichtag-send`

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use tokio_util::sync::CancellationToken;

use super::{Colour, Context, Out, close_to_others, exit, request, reseller, start_log, when_done};
use crate::clock::Clock;
use crate::config::{Config, ConfigError, Rri};
use crate::model::{Environment, RequestId};
use crate::send::{self, RequestMail};
use crate::wire::epp::{EppError, EppSession};
use crate::wire::reseller::Pace;
use crate::wire::{self, RriSession, rri::RriError};
use crate::{serve, store};

/// The small sender: signs requests to the registry and mails them.
#[derive(Parser, Debug)]
#[command(name = "stichtag-send", version, max_term_width = 100)]
pub struct SenderCli {
    /// Configuration file [default: /etc/stichtag/stichtag.toml, if it is there]
    #[arg(long, global = true, env = "STICHTAG_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Run the sender (systemd does this)
    Run {
        /// Send what is due, then end
        #[arg(long)]
        once: bool,
    },
    /// Send one request by RRI as it stands in a file, and print the answer
    ///
    /// Exit 1 where the registry did not carry it out, 6 where nothing has left, 10 where nobody knows
    /// what became of it: then ask, and never send it again blindly.
    Rri {
        /// The file, key/value or XML; `-` reads standard input
        file: PathBuf,
        /// live or test; needed where both are configured
        #[arg(long, value_name = "ENV")]
        env: Option<Environment>,
    },
    /// Speak to CentralNic Reseller
    #[command(subcommand)]
    Reseller(Reseller),
    /// The own site for verification mails
    #[command(subcommand)]
    VerifySite(VerifySite),
    /// Print the signed mail of a request as it would leave now; nothing is sent
    PrintSigned {
        /// The request, such as Q-7
        request: RequestId,
    },
}

#[derive(Subcommand, Debug)]
enum Reseller {
    /// Send one command, and print the answer without what is secret in it
    ///
    /// Exit 1 where it was refused, 6 where nothing has left, 10 where nobody knows what became of it:
    /// then read the state, and never send it again blindly.
    Call(reseller::Call),
    /// Log in at the EPP server once, greet, and log out
    ///
    /// An account that was stopped for a refused login goes on once this succeeds. Exit 1 where the login
    /// is refused, 6 where there is no way.
    Login {
        /// live or test
        #[arg(long, value_name = "ENV")]
        env: Environment,
    },
}

#[derive(Subcommand, Debug)]
enum VerifySite {
    /// See whether the reseller's mails point to `verify_site.base_url`
    ///
    /// Exit 1 where they point elsewhere, 10 where the answer does not show it.
    Check(reseller::Check),
}

/// Runs what the command line asks for.
pub fn run(cli: SenderCli) -> ExitCode {
    when_done(tokio::runtime::Builder::new_current_thread(), execute(cli))
}

async fn execute(cli: SenderCli) -> anyhow::Result<u8> {
    let context = Context {
        out: Out::new(None, false, false, Colour::Auto),
        config_file: cli.config,
        clock: Clock::system(),
    };
    match cli.command {
        Command::Run { once } => run_sender(&context, once).await,
        Command::PrintSigned { request } => print_signed(&context, request).await,
        Command::Reseller(Reseller::Call(call)) => reseller::call(&context, call).await,
        Command::Reseller(Reseller::Login { env }) => epp_login(&context, env).await,
        Command::VerifySite(VerifySite::Check(check)) => {
            reseller::check_site(&context, check).await
        }
        Command::Rri { file, env } => rri(&context, &file, env).await,
    }
}

async fn run_sender(context: &Context, is_once: bool) -> anyhow::Result<u8> {
    let (config, _) = context.config()?;
    fit(&config)?;
    close_to_others();
    let _log = start_log(&config)?;
    let (store, config) = context.store().await?;
    let shutdown = CancellationToken::new();
    let stop = shutdown.clone();
    let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminated.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        stop.cancel();
    });
    serve::sender::run(&config, store, is_once, shutdown).await?;
    Ok(exit::DONE)
}

/// Settings that nothing may be sent with are refused before anything else.
fn fit(config: &crate::config::Config) -> anyhow::Result<()> {
    match config.sending_fault() {
        None => Ok(()),
        Some(why) => Err(ConfigError::new(&config.origin("sender"), why).into()),
    }
}

async fn print_signed(context: &Context, id: RequestId) -> anyhow::Result<u8> {
    let (store, config) = context.store().await?;
    fit(&config)?;
    let request = request::find(&*store, id).await?;
    let key = serve::sender::signing_key(&config)?;
    let text = send::registry::write(
        &request.request,
        &request.ctid,
        send::registry::Format::KeyValue,
    )?;
    let now = context.now();
    let mail = RequestMail {
        from: &config.sender.from,
        to: config.sender.to(request.environment),
        subject: &send::request_subject(&request.request),
        date: now,
        ctid: &request.ctid,
        text: &text,
    };
    let letter = send::signed_request(&mail, config.sender.form, &key, now)?;
    std::io::Write::write_all(&mut std::io::stdout(), &letter.message)?;
    Ok(exit::DONE)
}

async fn rri(
    context: &Context,
    file: &std::path::Path,
    environment: Option<Environment>,
) -> anyhow::Result<u8> {
    let (config, _) = context.config()?;
    let request = match file.as_os_str() == "-" {
        true => std::io::read_to_string(std::io::stdin()),
        false => std::fs::read_to_string(file),
    };
    let request = request.with_context(|| file.display().to_string())?;
    let rri = chosen(&config, environment)?;
    let login = serve::sender::rri_login(&config, rri)?;
    let failed = |code, text: String| exit::Failure { code, text };
    let mut session = RriSession::open(&login)
        .await
        .map_err(|error| failed(exit::BUSY, error.to_string()))?;
    // The sender that gave its logins up may go on: this one was taken.
    if store::database_file(&config.store.url).is_some_and(|file| file.exists()) {
        let (store, _) = context.store().await?;
        let environment = named(&config, rri);
        serve::sender::note_refusals(&*store, environment, 0).await?;
    }
    let answer = session.ask(&request).await;
    session.close().await;
    match answer {
        Ok(reply) => {
            std::io::Write::write_all(&mut std::io::stdout(), reply.as_bytes())?;
            Ok(match wire::ReplyHead::read(&reply).result.as_deref() {
                Some("success") => exit::DONE,
                Some("failed" | "exception") => exit::FAILED,
                // A reply that does not say so says nothing about what was done.
                _ => exit::ATTENTION,
            })
        }
        Err(error @ RriError::NotSent(_)) => Err(failed(exit::BUSY, error.to_string()).into()),
        Err(error @ RriError::Unknown(_)) => Err(failed(exit::ATTENTION, error.to_string()).into()),
    }
}

/// One login by EPP; what was stopped for a refused one goes on.
async fn epp_login(context: &Context, environment: Environment) -> anyhow::Result<u8> {
    let (config, _) = context.config()?;
    let failed = |code, text: String| exit::Failure { code, text };
    if let Some(why) = crate::config::centralnic_fault(&config.centralnic) {
        return Err(failed(exit::INVALID, why).into());
    }
    let [live, test] = &config.centralnic;
    let settings = match environment {
        Environment::Live => live,
        Environment::Test => test,
    };
    if settings.epp_host.is_empty() {
        let text = format!("`centralnic.{environment}.epp_host` is not set");
        return Err(failed(exit::INVALID, text).into());
    }
    let login = serve::sender::epp_login(&config, settings, Pace::new(Pace::ALLOWED))?;
    let code = |error: &EppError| match error {
        EppError::Refused(_) => exit::FAILED,
        EppError::Way(_) | EppError::Busy(_) | EppError::Unreadable(_) => exit::BUSY,
    };
    let greeted = async {
        let mut session = EppSession::open(&login).await?;
        session.hello().await?;
        let has_extension = session.has_extension();
        session.close().await;
        Ok(has_extension)
    };
    let has_extension = greeted
        .await
        .map_err(|error: EppError| failed(code(&error), error.to_string()))?;
    if store::database_file(&config.store.url).is_some_and(|file| file.exists()) {
        let (store, _) = context.store().await?;
        serve::sender::note_reseller_refusal(&*store, environment, None).await?;
    }
    context.out.line(match has_extension {
        true => "logged in; the server offers the reseller's extension",
        false => "logged in; the server does not offer the reseller's extension: codes are missing",
    })?;
    Ok(exit::DONE)
}

/// The environment of a server out of the configuration.
fn named(config: &Config, rri: &Rri) -> Environment {
    match std::ptr::eq(&config.rri[0], rri) {
        true => Environment::Live,
        false => Environment::Test,
    }
}

/// The one that is meant: a request must never reach the other environment by mistake.
fn chosen(config: &Config, environment: Option<Environment>) -> anyhow::Result<&Rri> {
    let [live, test] = &config.rri;
    let invalid = |text: &str| exit::Failure {
        code: exit::INVALID,
        text: text.to_owned(),
    };
    let found = match (environment, live.host.is_empty(), test.host.is_empty()) {
        (Some(Environment::Live), false, _) | (None, false, true) => live,
        (Some(Environment::Test), _, false) | (None, true, false) => test,
        (None, false, false) => {
            let text =
                "both `rri.live` and `rri.test` are configured: say `--env live` or `--env test`";
            return Err(exit::Failure {
                code: exit::USAGE,
                text: text.to_owned(),
            }
            .into());
        }
        (Some(Environment::Live), true, _) => {
            return Err(invalid("`rri.live.host` is not set").into());
        }
        (Some(Environment::Test), _, true) => {
            return Err(invalid("`rri.test.host` is not set").into());
        }
        (None, true, true) => {
            return Err(invalid("neither `rri.live.host` nor `rri.test.host` is set").into());
        }
    };
    if live.host.eq_ignore_ascii_case(&test.host) && live.port == test.port {
        return Err(invalid("`rri.live` and `rri.test` are the same server").into());
    }
    Ok(found)
}
