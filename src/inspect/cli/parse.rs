//! `stichtag parse`

use std::io::Read;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use serde_json::json;

use super::{Context, exit};
use crate::authenticate::Policy;
use crate::config::Config;
use crate::model::{
    BounceMail, Envelope, Environment, Inbound, RecipientMatch, RouteParser, Source, reason,
};
use crate::parse;
use crate::process::{self, Reading};
use crate::serve;

/// To whom a mail is taken to be addressed whose route a person names.
const NAMED: &str = "parse@route.invalid";

/// Read one message and say what would happen
#[derive(Args, Debug)]
pub struct Parse {
    /// File with one mail or queue message; `-` is standard input
    file: PathBuf,
    /// The environment, for queue files, which do not name one
    #[arg(long, value_parser = clap::value_parser!(Environment))]
    env: Option<Environment>,
    /// The route that it came by, for mail; otherwise its form and its sender tell
    #[arg(long, value_name = "NAME")]
    route: Option<String>,
    /// Exit 10 on any warning
    #[arg(long)]
    strict: bool,
}

impl Parse {
    pub fn run(self, context: &Context) -> anyhow::Result<u8> {
        let raw = read_file(&self.file)?;
        if raw.iter().all(u8::is_ascii_whitespace) {
            anyhow::bail!("{}: the file is empty", self.file.display());
        }
        let (config, _) = context.config()?;
        let mut source = parse::detect(&raw);
        let mut recipients = Vec::new();
        let policy = match &self.route {
            Some(name) => {
                let policy = policy_of(&config, name)?;
                // The address of a notice is signed, and none is made up.
                match policy
                    .routes
                    .iter()
                    .any(|only| only.parser == RouteParser::Dsn)
                {
                    true => source = Source::Dsn,
                    false => recipients.push(NAMED.to_owned()),
                }
                policy
            }
            None => offline_policy(&config),
        };
        let mut inbound = Inbound {
            source,
            received_at: context.now(),
            envelope: Envelope {
                recipients,
                ..Envelope::default()
            },
            environment: self.env,
            raw,
        };
        let mut reading = process::read(&policy, &inbound, None, false);
        // What is no registry mail may have come back to a notice: no envelope says so here.
        let may_be = self.route.is_none() && reading.event.is_none();
        if may_be && inbound.source == Source::DenicMail && is_answer(&inbound.raw) {
            inbound.source = Source::Dsn;
            reading = process::read(&policy, &inbound, None, false);
        }
        // Offline a queue file can be understood without anybody naming its environment.
        reading
            .reasons
            .retain(|reason| reason.code != reason::NO_ENVIRONMENT);
        let verdict = match (reading.is_held(), config.smtp.refuses) {
            (false, _) => "would-apply",
            (true, true) if is_sender_trouble(&reading) => "would-refuse",
            (true, _) => "would-hold",
        };
        self.print(context, &inbound, &reading, verdict)?;
        let has_warnings = !reading.reasons.is_empty();
        Ok(if self.strict && has_warnings {
            exit::ATTENTION
        } else {
            exit::DONE
        })
    }

    fn print(
        &self,
        context: &Context,
        inbound: &Inbound,
        reading: &Reading,
        verdict: &str,
    ) -> anyhow::Result<()> {
        let out = &context.out;
        let event = reading.event.as_ref().map(parse::event_json);
        // The route decides what a mail is.
        let source = (reading.event.as_ref()).map_or(inbound.source, |event| event.source);
        if out.is_json() {
            let mut codes: Vec<_> = reading.reasons.iter().map(|reason| reason.code).collect();
            codes.dedup();
            return Ok(out.object(json!({
                "source": source,
                "environment": reading.environment,
                "verdict": verdict,
                "reasons": codes,
                "details": reading.reasons,
                "event": event,
            }))?);
        }
        let word = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
        let environment = word(
            reading
                .environment
                .map(|environment| environment.to_string()),
        );
        let route = word(reading.route.clone());
        out.line(format!(
            "route          {route} (environment {environment}), source {source}"
        ))?;
        if let Some(domain) = &reading.domain {
            out.line(format!(
                "domain         {} ({})",
                domain.unicode(),
                domain.ace()
            ))?;
        }
        if let Some(serde_json::Value::Object(event)) = &event {
            for (name, value) in event {
                let is_shown = !["domain", "ace", "messages"].contains(&name.as_str());
                if is_shown && !value.is_null() && value != &json!([]) {
                    out.line(format!("{:<14} {}", name.replace('_', " "), plain(value)))?;
                }
            }
            for message in event
                .get("messages")
                .and_then(|list| list.as_array())
                .into_iter()
                .flatten()
            {
                let text = |name: &str| message[name].as_str().unwrap_or_default().to_owned();
                out.line(format!(
                    "{:<14} {} {}",
                    text("level"),
                    text("code"),
                    text("text")
                ))?;
            }
        }
        for reason in &reading.reasons {
            let word = if reason.code.is_hold() {
                "held"
            } else {
                "warning"
            };
            out.line(format!("{word:<14} {} {}", reason.code, reason.detail))?;
        }
        let is_mail = !matches!(
            source,
            Source::DenicQueue | Source::CentralnicPoll | Source::CentralnicApi
        );
        if is_mail {
            out.line(
                "origin         not checked here: DKIM, SPF, OpenPGP need DNS and the envelope",
            )?;
        }
        Ok(out.line(format!("verdict        {verdict}"))?)
    }
}

/// Is it a report about delivery, or an automatic answer?
fn is_answer(raw: &[u8]) -> bool {
    !matches!(parse::bounce(raw, false), BounceMail::Other { .. })
}

/// Is it the sender that is in doubt, rather than the text?
fn is_sender_trouble(reading: &Reading) -> bool {
    reading
        .reasons
        .iter()
        .any(|reason| ("R01"..="R09").contains(&reason.code.as_str()))
}

/// The rules of one route alone, which takes the mail to [`NAMED`].
fn policy_of(config: &Config, name: &str) -> anyhow::Result<Policy> {
    let mut policy = offline_policy(config);
    let route = policy.routes.iter().find(|route| route.name == name);
    let Some(mut route) = route.cloned() else {
        let names: Vec<_> = policy.routes.iter().map(|route| &*route.name).collect();
        anyhow::bail!(
            "there is no route `{name}` in the configuration; there are {}",
            names.join(", ")
        );
    };
    route.recipients = vec![NAMED.to_owned()];
    policy.routes = vec![route];
    Ok(policy)
}

/// Offline there is no recipient to check, and a route that is switched off still says what would
/// happen once it is on.
fn offline_policy(config: &Config) -> Policy {
    let mut policy = serve::policy(config);
    policy.routes = config.all_routes.clone();
    for route in &mut policy.routes {
        if route.matches("") == RecipientMatch::None {
            route.recipients.push("*".to_owned());
        }
    }
    policy
}

fn plain(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        serde_json::Value::Object(fields) => {
            fields.values().map(plain).collect::<Vec<_>>().join(" ")
        }
        other => other.to_string(),
    }
}

/// The bytes of a file, or of standard input for `-`.
pub fn read_file(path: &std::path::Path) -> anyhow::Result<Vec<u8>> {
    if path == std::path::Path::new("-") {
        let mut raw = Vec::new();
        std::io::stdin()
            .read_to_end(&mut raw)
            .context("standard input")?;
        return Ok(raw);
    }
    std::fs::read(path).with_context(|| path.display().to_string())
}
