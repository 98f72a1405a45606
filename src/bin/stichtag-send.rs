//! Arguments in, exit code out; nothing else.

#![forbid(unsafe_code)]

use clap::Parser;
use stichtag::inspect::cli::{self, SenderCli};

fn main() -> std::process::ExitCode {
    cli::run_sender(SenderCli::parse())
}
