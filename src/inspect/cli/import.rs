//! `stichtag import`

mod mailbox;
pub(super) mod table;

use std::path::PathBuf;

use clap::Subcommand;

use super::{Context, exit};
use crate::model::Environment;

/// Bring in customers, domains and messages
#[derive(Subcommand, Debug)]
pub enum Import {
    /// Customers from a CSV file: customer, salutation, language, email, second_email, phone, timezone
    Customers {
        /// The file; only `customer` and `email` are required, other columns may be missing
        file: PathBuf,
        /// Where rows that could not be read go [default: FILE.rejected.csv]
        #[arg(long)]
        rejected: Option<PathBuf>,
    },
    /// Domains from a CSV file: domain, environment, customer, holders, status
    ///
    /// Holders are separated by blanks. A domain imported without a status counts as not yet
    /// confirmed: its first "connect" is told to the customer as the registration. Give `connect`
    /// for domains that are registered already.
    Domains {
        /// The file; only `domain` is required; the environment is live unless given
        file: PathBuf,
        /// Where rows that could not be read go [default: FILE.rejected.csv]
        #[arg(long)]
        rejected: Option<PathBuf>,
    },
    /// Mails from a file, a maildir or an mbox file; `-` is standard input
    Mail {
        /// File or folder
        path: PathBuf,
        /// Take each mail's Date for the time of its arrival: for an archive
        #[arg(long)]
        as_of_mail_date: bool,
    },
    /// One message of the registry's queue (key/value or XML) or of the reseller's poll queue, or an
    /// answer of the reseller's API, from a file
    Queue {
        /// The file; `-` is standard input
        file: PathBuf,
        /// The environment: queue messages do not name theirs
        #[arg(long)]
        env: Environment,
    },
}

impl Import {
    pub async fn run(self, context: &Context) -> anyhow::Result<u8> {
        match self {
            Import::Customers { file, rejected } => {
                table::import(context, table::Kind::Customers, &file, rejected).await
            }
            Import::Domains { file, rejected } => {
                table::import(context, table::Kind::Domains, &file, rejected).await
            }
            Import::Mail {
                path,
                as_of_mail_date,
            } => {
                let is_piped = path == std::path::Path::new("-");
                match mailbox::import_mail(context, &path, as_of_mail_date).await {
                    // Behind pipe(8) only this code makes Postfix try again.
                    Err(error) if is_piped => Err(exit::Failure {
                        code: exit::TRY_AGAIN,
                        text: format!("{error:#}"),
                    }
                    .into()),
                    done => done,
                }
            }
            Import::Queue { file, env } => mailbox::import_queue(context, &file, env).await,
        }
    }
}
