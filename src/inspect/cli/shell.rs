//! `stichtag completion` and `stichtag man`

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Cli, exit};

/// Print a completion script
#[derive(Args, Debug)]
pub struct Completion {
    /// The shell
    shell: Shell,
}

impl Completion {
    pub fn run(self) -> anyhow::Result<u8> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "stichtag", &mut script);
        std::io::Write::write_all(&mut std::io::stdout(), &script)?;
        Ok(exit::DONE)
    }
}

/// Write manual pages
#[derive(Args, Debug)]
pub struct Man {
    /// Folder; made if it is missing
    folder: PathBuf,
}

impl Man {
    pub fn run(self) -> anyhow::Result<u8> {
        std::fs::create_dir_all(&self.folder).with_context(|| self.folder.display().to_string())?;
        clap_mangen::generate_to(Cli::command(), &self.folder)
            .with_context(|| self.folder.display().to_string())?;
        Ok(exit::DONE)
    }
}
