//! One command to CentralNic Reseller, and the link of its mails.

pub mod outbox;

use anyhow::Context as _;
use serde_json::{Map, Value, json};

use super::{Context, Out, exit, held};
use crate::clock::Clock;
use crate::config::{Centralnic, Config, centralnic_fault};
use crate::model::{Environment, HIDDEN, ReplyOutcome, ResellerReply, property_name};
use crate::serve;
use crate::serve::sender::{note_reseller_refusal, reseller_login};
use crate::store;
use crate::wire::reseller::{
    Answer, CallError, Command, Pace, ResellerApi, ResellerLine, commands, hidden,
};

/// The property with the link of verification mails (`centralnic.md` 11).
const LINK: &str = "contactverification-email-verification-url";

/// The property with the sender of verification mails.
const SENDER: &str = "contactverification-email-sender";

/// The domain of the sender where none is set.
const SYSTEM_DOMAIN: &str = "emailverification.info";

/// What the SPF record of another sender's domain must include (CV-32).
const INCLUDE: &str = "_spf.mailrelay.rrpproxy.net";

/// Before a code in a text, also where that is percent-encoded.
const TRIGGER: &str = "TRIGGERCODE";

#[derive(clap::Args, Debug)]
pub struct Call {
    /// The command, such as StatusDomain
    command: String,
    /// Its fields, such as domain=example.net; `trigger=-` reads the value from standard input, where
    /// nobody else sees it
    #[arg(value_name = "KEY=VALUE")]
    fields: Vec<String>,
    /// live or test; needed where both are configured
    #[arg(long, value_name = "ENV")]
    env: Option<Environment>,
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
    /// Do not ask before a command that changes something
    #[arg(long)]
    yes: bool,
}

#[derive(clap::Args, Debug)]
pub struct Check {
    /// live or test; needed where both are configured
    #[arg(long, value_name = "ENV")]
    env: Option<Environment>,
    /// Have the mails point to our site
    #[arg(long)]
    set: bool,
    /// Do not ask before that
    #[arg(long)]
    yes: bool,
}

pub async fn call(context: &Context, call: Call) -> anyhow::Result<u8> {
    let command = command(&call)?;
    let (config, _) = context.config()?;
    let (environment, settings) = chosen(&config, call.env)?;
    if !command.is_reading() {
        let what = format!("send {} to the {environment} system", command.shown());
        held::confirm(call.yes, &what)?;
    }
    let answer = ask(context, &config, settings, environment, &command).await?;
    show(&answer.reply, &command, call.json)?;
    Ok(match answer.reply.outcome() {
        ReplyOutcome::Success => exit::DONE,
        ReplyOutcome::Temporary | ReplyOutcome::Permanent => exit::FAILED,
    })
}

/// The command as it stands in the arguments; what opens something is read from standard input.
fn command(call: &Call) -> anyhow::Result<Command> {
    let usage = |text: String| exit::Failure {
        code: exit::USAGE,
        text,
    };
    let mut command = Command::new(&call.command);
    for field in &call.fields {
        let (key, value) = (field.split_once('=')).ok_or_else(|| {
            usage("fields are written KEY=VALUE, such as domain=example.net".into())
        })?;
        let is_piped = value == "-";
        if hidden(key) && !is_piped {
            let text = format!("`{key}` is a secret, and all users see arguments: say `{key}=-`");
            return Err(usage(text).into());
        }
        let value = match is_piped {
            true => {
                let mut line = String::new();
                std::io::stdin().read_line(&mut line)?;
                line.trim_end_matches(['\r', '\n']).to_owned()
            }
            false => value.to_owned(),
        };
        command = command.with(key, value);
    }
    command.block().map_err(|error| usage(error.to_string()))?;
    Ok(command)
}

/// Sends one command; an account that was stopped goes on once one succeeds.
async fn ask(
    context: &Context,
    config: &Config,
    settings: &Centralnic,
    environment: Environment,
    command: &Command,
) -> anyhow::Result<Answer> {
    let failed = |code, text: String| exit::Failure { code, text };
    let login = reseller_login(config, settings, environment)?;
    let now = || Clock::system().now();
    let mut api =
        ResellerApi::new(&login, Pace::new(Pace::ALLOWED), now).map_err(anyhow::Error::msg)?;
    let answer = api.ask(command).await;
    api.close().await;
    let answer = answer.map_err(|error| match error {
        CallError::NotSent(_) => failed(exit::BUSY, error.to_string()),
        CallError::Login { .. } => failed(exit::FAILED, error.to_string()),
        CallError::Unknown(_) => failed(exit::ATTENTION, error.to_string()),
    })?;
    let has_store = store::database_file(&config.store.url).is_some_and(|file| file.exists());
    if has_store && answer.reply.outcome() == ReplyOutcome::Success {
        let (store, _) = context.store().await?;
        note_reseller_refusal(&*store, environment, None).await?;
    }
    Ok(answer)
}

fn show(reply: &ResellerReply, command: &Command, is_json: bool) -> anyhow::Result<()> {
    let out = Out::new(is_json.then_some(""), false, false, super::Colour::Auto);
    let description = command
        .secrets()
        .fold(masked(&reply.description), |text, secret| {
            text.replace(secret, HIDDEN)
        });
    if is_json {
        let mut properties = Map::new();
        for (name, values) in reply.properties() {
            let values: Vec<_> = values.iter().map(|value| shown(name, value)).collect();
            properties.insert(name.to_owned(), values.into());
        }
        out.object(json!({
            "code": reply.code,
            "description": description,
            "properties": Value::Object(properties),
        }))?;
        return Ok(());
    }
    out.line(format!("{} {description}", reply.code))?;
    for (name, values) in reply.properties() {
        for value in values {
            out.line(format!("{name} = {}", shown(name, value)))?;
        }
    }
    Ok(())
}

/// The value of a property as it may be shown.
fn shown(name: &str, value: &str) -> String {
    // `data` of an event holds keys of its own.
    let inner = value.split_once(':').filter(|_| name == "data");
    match inner {
        _ if hidden(name) => HIDDEN.to_owned(),
        Some((key, _)) if hidden(key) => format!("{key}:{HIDDEN}"),
        _ => masked(value),
    }
}

/// A text without the code in it.
fn masked(text: &str) -> String {
    match text.to_ascii_uppercase().find(TRIGGER) {
        Some(at) => format!("{}{TRIGGER} {HIDDEN}", &text[..at]),
        None => text.to_owned(),
    }
}

/// The one that is meant: a command must never reach the other system by mistake.
fn chosen(
    config: &Config,
    environment: Option<Environment>,
) -> anyhow::Result<(Environment, &Centralnic)> {
    let failure = |code, text: String| exit::Failure { code, text };
    if let Some(why) = centralnic_fault(&config.centralnic) {
        return Err(failure(exit::INVALID, why).into());
    }
    let [live, test] = &config.centralnic;
    let both = [(Environment::Live, live), (Environment::Test, test)];
    let mut found: Vec<_> = both
        .into_iter()
        .filter(|(known, settings)| {
            !settings.api_url.is_empty() && environment.is_none_or(|wanted| wanted == *known)
        })
        .collect();
    match (found.pop(), found.is_empty(), environment) {
        (Some(one), true, _) => Ok(one),
        (Some(_), false, _) => Err(failure(
            exit::USAGE,
            "both `centralnic.live` and `centralnic.test` are configured: say `--env live` or \
             `--env test`"
                .to_owned(),
        )
        .into()),
        (None, _, Some(named)) => {
            let text = format!("`centralnic.{named}.api_url` is not set");
            Err(failure(exit::INVALID, text).into())
        }
        (None, _, None) => {
            let text = "neither `centralnic.live.api_url` nor `centralnic.test.api_url` is set";
            Err(failure(exit::INVALID, text.to_owned()).into())
        }
    }
}

pub async fn check_site(context: &Context, check: Check) -> anyhow::Result<u8> {
    let (config, layers) = context.config()?;
    let ours = layers.field("verify_site.base_url").text();
    let failure = |code, text: &str| exit::Failure {
        code,
        text: text.to_owned(),
    };
    if ours.is_empty() {
        return Err(failure(exit::INVALID, "`verify_site.base_url` is not set").into());
    }
    let (environment, settings) = chosen(&config, check.env)?;
    if check.set {
        let what = format!("have the mails of the {environment} system point to {ours}");
        held::confirm(check.yes, &what)?;
        let command = commands::set_property(&[(LINK, &ours)]);
        let answer = ask(context, &config, settings, environment, &command).await?;
        succeeded(&answer)?;
    }
    let command = commands::get_property("CONTACTVERIFICATION");
    let answer = ask(context, &config, settings, environment, &command).await?;
    succeeded(&answer)?;
    match property(&answer.reply, LINK) {
        Some(found) if is_same(found, &ours) => {
            context
                .out
                .line(format!("the {environment} mails point to {ours}"))?;
            check_sender(context, &config, &answer.reply).await
        }
        Some(found) => {
            let text = format!(
                "the {environment} mails point to {found}, and not to {ours}: \
                 `stichtag-send verify-site check --set`"
            );
            context.out.line(text)?;
            Ok(exit::FAILED)
        }
        None => {
            let text = format!(
                "the answer does not show where the {environment} mails point to; see a mail, or the \
                 control panel (`{LINK}`)"
            );
            context.out.line(text)?;
            Ok(exit::ATTENTION)
        }
    }
}

fn succeeded(answer: &Answer) -> anyhow::Result<()> {
    let reply = &answer.reply;
    match reply.outcome() {
        ReplyOutcome::Success => Ok(()),
        _ => Err(anyhow::anyhow!(
            "{} {}",
            reply.code,
            masked(&reply.description)
        ))
        .context("CentralNic Reseller refused it"),
    }
}

/// Mails with a sender of ours must be allowed to the reseller's servers in our zone (CV-32). The names
/// of its two DKIM records are in the control panel alone.
async fn check_sender(
    context: &Context,
    config: &Config,
    reply: &ResellerReply,
) -> anyhow::Result<u8> {
    let address = property(reply, SENDER).unwrap_or_default();
    let domain = address
        .rsplit_once('@')
        .map_or("", |(_, domain)| domain)
        .to_ascii_lowercase();
    if domain.is_empty() || domain == SYSTEM_DOMAIN {
        return Ok(exit::DONE);
    }
    let gatherer = serve::gatherer(config)?;
    let now = Clock::system().now();
    let has = |records: Vec<Vec<u8>>, front: &str, part: &str| {
        let texts = records
            .into_iter()
            .map(|text| String::from_utf8_lossy(&text).to_lowercase());
        texts
            .into_iter()
            .any(|text| text.starts_with(front) && text.contains(part))
    };
    let txt = async |name: &str| gatherer.txt(name, now).await.map_err(anyhow::Error::msg);
    let mut code = exit::DONE;
    for (name, front, part, wanted) in [
        (
            domain.clone(),
            "v=spf1",
            INCLUDE,
            format!("an SPF record with include:{INCLUDE}"),
        ),
        (
            format!("_dmarc.{domain}"),
            "v=dmarc1",
            "p=",
            "a DMARC record, at least p=none".into(),
        ),
    ] {
        let is_there = has(txt(&name).await?, front, part);
        let text = match is_there {
            true => format!("{name} has {wanted}"),
            false => format!("{name} lacks {wanted}, and mails from {address} may be refused"),
        };
        context.out.line(text)?;
        if !is_there {
            code = exit::ATTENTION;
        }
    }
    Ok(code)
}

/// A property, whether it has its own name or is a row of names and values.
fn property<'r>(reply: &'r ResellerReply, wanted: &str) -> Option<&'r str> {
    let bare = |name: &str| property_name(name).replace('-', "");
    let is_link = |name: &str| bare(name) == bare(wanted);
    let own = reply.properties().find(|(name, _)| is_link(name));
    if let Some(found) = own.and_then(|(_, values)| values.first()) {
        return Some(found);
    }
    let row = |column: &str| {
        let rows = reply.indexes(column).into_iter();
        rows.filter_map(|index| Some((index, reply.at(column, index)?)))
            .find(|(_, name)| is_link(name))
            .and_then(|(index, _)| reply.at("value", index))
    };
    row("property")
        .or_else(|| row("name"))
        .or_else(|| row("key"))
}

/// A final `/` makes no other link.
fn is_same(one: &str, other: &str) -> bool {
    one.trim_end_matches('/') == other.trim_end_matches('/')
}
