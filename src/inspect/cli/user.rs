//! `stichtag user`

use std::io::{IsTerminal, Read};
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use secrecy::{ExposeSecret, SecretString};

use super::{Context, exit};
use crate::inspect::work::people::{self, FreshLink};
use crate::model::{Role, User, UserName};

/// A longer file holds no password.
const FILE_BYTES_MAX: u64 = 4096;

/// People who look in on the web
#[derive(Subcommand, Debug)]
pub enum Users {
    /// Add somebody, and print a link by which they sign in for the first time: once, within 24 hours
    Add {
        /// What they sign in with, or the name that the proxy gives them
        name: UserName,
        /// What they may: viewer, operator, admin or auditor
        #[arg(long)]
        role: Role,
    },
    /// Print a new link for somebody who cannot sign in any more: once, within 24 hours
    Link {
        /// Whose
        name: UserName,
    },
    /// Set somebody's password: the first line of standard input, or of a file
    Passwd(Passwd),
    /// Give somebody another role
    Role {
        /// Whose
        name: UserName,
        /// What they may: viewer, operator, admin or auditor
        role: Role,
    },
    /// Ask somebody for no code of an authenticator any more; they set it up anew on `/me`
    Totp {
        /// Whom
        name: UserName,
        /// Yes, off
        #[arg(long, required = true)]
        off: bool,
    },
    /// Let somebody in no more; what they are signed in with ends
    Disable {
        /// Whom
        name: UserName,
    },
    /// Let somebody in again
    Enable {
        /// Whom
        name: UserName,
    },
    /// End all that somebody is signed in with
    SignOut {
        /// Whom
        name: UserName,
    },
    /// List them by name
    List,
}

#[derive(Args, Debug)]
pub struct Passwd {
    /// Whose
    name: UserName,
    /// The file whose first line is the password
    #[arg(long)]
    file: Option<PathBuf>,
}

impl Users {
    pub async fn run(self, context: &Context) -> anyhow::Result<u8> {
        let (store, config) = context.store().await?;
        let work = context.work(&*store, &config);
        let said = match self {
            Users::Add { name, role } => {
                return show(context, &people::add(&work, name, role).await?);
            }
            Users::Link { name } => return show(context, &people::link(&work, &name).await?),
            Users::List => return list(context, &store.users().await?),
            Users::Passwd(passwd) => {
                let password = passwd.read()?;
                let set = people::set_password(&work, &passwd.name, password).await?;
                set.map_err(exit::refused)?;
                format!("{} has a new password.", passwd.name)
            }
            Users::Role { name, role } => {
                people::set_role(&work, &name, role).await?;
                format!("{name} is {role} now.")
            }
            Users::Totp { name, off: _ } => {
                people::totp_off(&work, &name).await?;
                format!("{name} is asked for no code.")
            }
            Users::Disable { name } => {
                people::set_disabled(&work, &name, true).await?;
                format!("{name} is let in no more.")
            }
            Users::Enable { name } => {
                people::set_disabled(&work, &name, false).await?;
                format!("{name} is let in again.")
            }
            Users::SignOut { name } => {
                people::sign_out(&work, &name).await?;
                format!("{name} must sign in anew.")
            }
        };
        context.out.line(said)?;
        Ok(exit::DONE)
    }
}

/// The link, on the caller's terminal and nowhere else.
fn show(context: &Context, link: &FreshLink) -> anyhow::Result<u8> {
    let out = &context.out;
    let url = link.url.expose_secret();
    if out.is_json() {
        out.object(serde_json::json!({ "link": url }))?;
    } else {
        eprintln!("stichtag: to be used once, within 24 hours; it is shown this once");
        out.line(url)?;
    }
    Ok(exit::DONE)
}

impl Passwd {
    fn read(&self) -> anyhow::Result<SecretString> {
        let mut text = String::new();
        match &self.file {
            Some(file) => {
                let named = || file.display().to_string();
                let open = std::fs::File::open(file).with_context(named)?;
                open.take(FILE_BYTES_MAX)
                    .read_to_string(&mut text)
                    .with_context(named)?;
            }
            // It would stand on the screen, and in whatever writes down what stands there.
            None if std::io::stdin().is_terminal() => {
                return Err(exit::Failure {
                    code: exit::USAGE,
                    text: "the password is read from a file (`--file`) or a pipe, not from a \
                           terminal"
                        .to_owned(),
                }
                .into());
            }
            None => {
                let input = std::io::stdin().take(FILE_BYTES_MAX);
                { input }.read_to_string(&mut text)?;
            }
        }
        Ok(text.lines().next().unwrap_or_default().into())
    }
}

fn list(context: &Context, users: &[User]) -> anyhow::Result<u8> {
    let (out, now) = (&context.out, context.now());
    if out.is_json() {
        for user in users {
            out.object(people::object(user, now))?;
        }
        return Ok(exit::DONE);
    }
    if users.is_empty() {
        out.line("There are no users; add the first one: stichtag user add NAME --role admin")?;
        return Ok(exit::DONE);
    }
    let rows: Vec<Vec<String>> = users
        .iter()
        .map(|user| {
            vec![
                user.name.to_string(),
                user.role.to_string(),
                people::state(user, now).to_owned(),
                if user.has_totp { "on" } else { "off" }.to_owned(),
                out.time(user.created_at),
            ]
        })
        .collect();
    out.table(&["USER", "ROLE", "STATE", "TOTP", "SINCE"], &rows)?;
    Ok(exit::DONE)
}
