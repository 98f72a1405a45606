//! `stichtag-send`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tokio_util::sync::CancellationToken;

use super::{Colour, Context, Out, close_to_others, exit, start_log};
use crate::clock::Clock;
use crate::config::{ConfigError, sender_fault};
use crate::model::RequestId;
use crate::send::{self, RequestMail};
use crate::serve;
use crate::store::RequestFilter;

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
    /// Print the signed mail of a request as it would leave now; nothing is sent
    PrintSigned {
        /// The request, such as Q-7
        request: RequestId,
    },
}

/// Runs what the command line asks for.
pub fn run(cli: SenderCli) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return exit::report(&anyhow::Error::from(error)),
    };
    let done = runtime.block_on(execute(cli));
    runtime.shutdown_background();
    match done {
        Ok(code) => ExitCode::from(code),
        Err(error) => exit::report(&error),
    }
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
    match sender_fault(&config.sender) {
        None => Ok(()),
        Some(why) => Err(ConfigError::new(&config.origin("sender"), why).into()),
    }
}

async fn print_signed(context: &Context, id: RequestId) -> anyhow::Result<u8> {
    let (store, config) = context.store().await?;
    fit(&config)?;
    let filter = RequestFilter {
        id: Some(id),
        ..RequestFilter::default()
    };
    let requests = store.requests(&filter).await?;
    let request = requests.first().ok_or_else(|| {
        exit::not_found(format!(
            "there is no request {id}; `stichtag request list` shows them"
        ))
    })?;
    let key = serve::sender::signing_key(&config)?;
    let text = send::registry::write(&request.request, &request.ctid)?;
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
