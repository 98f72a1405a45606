//! Arguments in, exit code out; nothing else.

use clap::Parser;
use stichtag::inspect::cli::{self, Cli};

fn main() -> std::process::ExitCode {
    cli::run(Cli::parse())
}
