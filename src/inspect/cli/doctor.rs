//! `stichtag doctor`

use clap::Args;
use serde_json::json;

use super::{Context, exit, log};
use crate::authenticate::{self, Advice, Level, Seen};
use crate::config::Config;
use crate::model::{RecipientMatch, Require, Route, RouteParser};
use crate::serve;
use crate::store::{LogFilter, Store};

/// What proves where mail comes from, and which rule would fit; exit 10 if something is amiss
#[derive(Args, Debug)]
pub struct Doctor {
    /// Look at so many messages of each route, the newest
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    last: u32,
}

/// One line: what it is about, and what was found.
struct Line {
    check: &'static str,
    about: String,
    advice: Advice,
}

impl Doctor {
    pub async fn run(self, context: &Context) -> anyhow::Result<u8> {
        let (store, config) = context.store().await?;
        let policy = serve::policy(&config);
        let mut lines = Vec::new();
        let mut all = Vec::new();
        for route in &config.all_routes {
            let is_on = !route.recipients.is_empty();
            lines.push(line("route", &route.name, rule(route)));
            if !is_on || route.parser == RouteParser::Dsn {
                continue;
            }
            let seen = self.seen(&*store, &route.name).await?;
            let advice = authenticate::propose(&policy, route, &seen);
            lines.extend(
                advice
                    .into_iter()
                    .map(|advice| line("origin", &route.name, advice)),
            );
            all.extend(seen);
        }
        for id in &policy.authserv_ids {
            let advice = authenticate::about_edge(&policy, id, &all);
            lines.push(line("edge", id, advice));
        }
        for line in &lines {
            print(context, line)?;
        }
        let is_well = lines.iter().all(|line| line.advice.level == Level::Ok);
        Ok(if is_well { exit::DONE } else { exit::ATTENTION })
    }

    /// The newest messages of a route, oldest first.
    async fn seen(&self, store: &dyn Store, route: &str) -> anyhow::Result<Vec<Seen>> {
        let filter = LogFilter {
            route: Some(route.to_owned()),
            limit: self.last,
            ..LogFilter::default()
        };
        let mut seen = Vec::new();
        for entry in store.log(&filter).await? {
            let inbound = store.kept(entry.id).await?;
            let inbound = inbound.ok_or_else(|| log::missing(entry.id))?;
            seen.push(Seen {
                id: entry.id,
                inbound,
                evidence: store.evidence(entry.id).await?.unwrap_or_default(),
            });
        }
        Ok(seen)
    }
}

fn line(check: &'static str, about: &str, advice: Advice) -> Line {
    Line {
        check,
        about: about.to_owned(),
        advice,
    }
}

/// What every route demands.
pub fn rules(config: &Config) -> impl Iterator<Item = (&str, Advice)> {
    let routes = config.all_routes.iter();
    routes.map(|route| (route.name.as_str(), rule(route)))
}

/// The word of a level.
pub fn word(level: Level) -> &'static str {
    match level {
        Level::Ok => "ok",
        Level::Warn => "warn",
        Level::Fail => "fail",
    }
}

/// What a route demands, and what could prove it.
fn rule(route: &Route) -> Advice {
    let found = |level, text: String, remedy: Option<&str>| Advice {
        level,
        text,
        remedy: remedy.map(str::to_owned),
        toml: None,
    };
    if route.recipients.is_empty() {
        return found(Level::Ok, "off: it has no recipients".to_owned(), None);
    }
    let mut means = vec!["DKIM or SPF of exactly the From domain".to_owned()];
    if !route.client_networks.is_empty() {
        means.push(format!("{} networks", route.client_networks.len()));
    }
    if !route.pgp_keys.is_empty() {
        means.push(format!("{} OpenPGP keys", route.pgp_keys.len()));
    }
    // Its proof is the signature in the address that it comes to.
    if route.parser == RouteParser::Dsn {
        let text = "on; reports to signed envelope senders are believed, others change nothing";
        return found(Level::Ok, text.to_owned(), None);
    }
    let is_any = route.matches("") == RecipientMatch::Any;
    let to = if is_any { ", for any recipient" } else { "" };
    match route.require {
        Require::Aligned => found(
            Level::Ok,
            format!(
                "on{to}; `require = \"aligned\"`; proof is {}, or our edge's word for it",
                means.join(" or ")
            ),
            None,
        ),
        Require::Record => found(
            Level::Warn,
            format!(
                "on{to}; `require = \"record\"`: whoever writes the registry's address is believed"
            ),
            Some("for the first days only; see below which rule would let the mail pass"),
        ),
    }
}

fn print(context: &Context, line: &Line) -> anyhow::Result<()> {
    let out = &context.out;
    let Line {
        check,
        about,
        advice,
    } = line;
    let level = word(advice.level);
    if out.is_json() {
        return Ok(out.object(json!({
            "check": check,
            "about": about,
            "level": level,
            "text": advice.text,
            "remedy": advice.remedy,
            "toml": advice.toml,
        }))?);
    }
    out.line(format!("{level:<5} {check} {about}: {}", advice.text))?;
    if let Some(remedy) = &advice.remedy {
        out.line(format!("      → {remedy}"))?;
    }
    for toml in advice.toml.iter().flat_map(|lines| lines.lines()) {
        out.line(format!("          {toml}"))?;
    }
    Ok(())
}
