//! `stichtag config`

use clap::Subcommand;
use serde_json::json;

use super::{Context, exit};
use crate::config::{Centralnic, Config, OwnerMail, Setting};
use crate::model::{Environment, RouteParser};

/// The configuration
#[derive(Subcommand, Debug)]
pub enum ConfigCommand {
    /// Check file and environment; exit 0 or 3
    Check,
    /// Show every key with its value; passwords are left out
    Show {
        /// Name the file, the variable or the default that each value comes from
        #[arg(long)]
        origin: bool,
    },
}

impl ConfigCommand {
    pub fn run(self, context: &Context) -> anyhow::Result<u8> {
        let out = &context.out;
        match self {
            ConfigCommand::Check => {
                let (config, _) = context.config()?;
                crate::serve::check(&config)?;
                for name in &config.ignored {
                    eprintln!("note: the variable {name} is not a key and is ignored");
                }
                for key in &config.unused {
                    eprintln!("note: `{key}` is set, but this version does not use it yet");
                }
                for route in &config.all_routes {
                    for key in &route.pgp_keys {
                        let (name, file, print) = (&route.name, &key.file, &key.fingerprint);
                        eprintln!("note: {name} trusts the OpenPGP key {print} of {file}");
                    }
                }
                for route in &config.routes {
                    if route.header_from.is_empty() && route.parser != RouteParser::Dsn {
                        let name = &route.name;
                        eprintln!("note: {name} names no `header_from`, so all its mail is held");
                    }
                    let there = there(&config, route.environment);
                    if route.parser == RouteParser::Centralnic && there.api_url.is_empty() {
                        let (name, environment) = (&route.name, route.environment);
                        eprintln!(
                            "note: {name} takes events of CentralNic Reseller, and \
                             `centralnic.{environment}.api_url` is not set: nobody can read the \
                             deadlines that they are about"
                        );
                    }
                }
                if let (Some(site), OwnerMail::Ours) =
                    (&config.verify_site.site, config.verify_site.owner_mail)
                {
                    let there = there(&config, site.environment);
                    if there.api_url.is_empty() {
                        let environment = site.environment;
                        eprintln!(
                            "note: `verify_site.owner_mail` is \"ours\", and \
                             `centralnic.{environment}.api_url` is not set: no owner's address can \
                             be read, so nobody is written to"
                        );
                    }
                }
                if config.verify_site.site.is_some() && config.notices.settings.phone.is_empty() {
                    eprintln!(
                        "note: `notices.phone` is not set: visitors of `verify_site.base_url` are \
                         shown no number to call"
                    );
                }
                if config.verify_site.site.is_some()
                    && config.verify_site.trusted_proxies.is_empty()
                {
                    eprintln!(
                        "note: `verify_site.trusted_proxies` is empty: behind a web server all \
                         visitors share one `verify_site.rate_limit`"
                    );
                }
                if config.routes.is_empty() {
                    eprintln!("note: no route has recipients, so no mail is accepted");
                }
                out.line("configuration ok")?;
            }
            ConfigCommand::Show { origin } => {
                let (_, layers) = context.config()?;
                for Setting {
                    key,
                    value,
                    origin: from,
                } in layers.settings()
                {
                    if out.is_json() {
                        out.object(json!({
                            "key": key,
                            "value": value,
                            "origin": from.to_string(),
                        }))?;
                    } else if origin {
                        out.line(format!("{key} = {value}    # {from}"))?;
                    } else {
                        out.line(format!("{key} = {value}"))?;
                    }
                }
            }
        }
        Ok(exit::DONE)
    }
}

/// The reseller's system of an environment.
fn there(config: &Config, environment: Environment) -> &Centralnic {
    let [live, test] = &config.centralnic;
    match environment {
        Environment::Live => live,
        Environment::Test => test,
    }
}
