//! `stichtag token`

use clap::{Args, Subcommand};
use jiff::SignedDuration;
use serde_json::json;

use super::out::json_time;
use super::{Context, exit, log};
use crate::model::{Environment, Scope, Token, TokenName};
use crate::process::new_token;

/// Programs that order over HTTP
#[derive(Subcommand, Debug)]
pub enum Tokens {
    /// Make a token, and print it: once, it is kept nowhere
    Add(Add),
    /// List them, oldest first; never the tokens themselves
    List,
    /// Take a token back; nothing is taken from it any more
    Revoke {
        /// Its name
        name: TokenName,
    },
}

#[derive(Args, Debug)]
pub struct Add {
    /// Whose it is, such as `shop-1`: the actor in the audit trail
    name: TokenName,
    /// What it allows: orders:read, orders:write, payments:write, messages:read, domains:read,
    /// audit:read or people:read
    #[arg(
        long = "scope",
        required = true,
        value_delimiter = ',',
        value_name = "SCOPE"
    )]
    scopes: Vec<Scope>,
    /// The one environment that it may touch, live or test; both where it is left out
    #[arg(long, value_name = "ENV")]
    environment: Option<Environment>,
    /// How long it is taken
    #[arg(long, default_value = "365d", value_parser = log::duration, value_name = "TIME")]
    expires: SignedDuration,
}

impl Tokens {
    pub async fn run(self, context: &Context) -> anyhow::Result<u8> {
        match self {
            Tokens::Add(add) => add.run(context).await,
            Tokens::List => list(context).await,
            Tokens::Revoke { name } => revoke(context, &name).await,
        }
    }
}

impl Add {
    async fn run(self, context: &Context) -> anyhow::Result<u8> {
        let now = context.now();
        let expires_at = now.checked_add(self.expires).ok();
        let Some(expires_at) = expires_at.filter(|at| *at > now) else {
            return Err(exit::Failure {
                code: exit::USAGE,
                text: "--expires: a time ahead is expected, such as 365d".to_owned(),
            }
            .into());
        };
        let mut scopes = self.scopes;
        scopes.sort();
        scopes.dedup();
        let token = Token {
            name: self.name,
            scopes,
            environment: self.environment,
            created_at: now,
            expires_at,
            revoked_at: None,
            last_used_at: None,
        };
        let (store, _) = context.store().await?;
        let text = new_token();
        let audit = context.audit("token add", token.name.as_str(), &terms(&token));
        if !(store
            .add_token(&token, &Token::digest(&text), &audit)
            .await?)
        {
            anyhow::bail!(
                "there is a token {} already; take that one back (`stichtag token revoke {}`) or \
                 choose another name",
                token.name,
                token.name
            );
        }
        let out = &context.out;
        if out.is_json() {
            let mut object = object(context, &token);
            object["token"] = text.into();
            out.object(object)?;
            return Ok(exit::DONE);
        }
        eprintln!("stichtag: write it down: it is shown this once");
        out.line(text)?;
        Ok(exit::DONE)
    }
}

/// What a token allows, in a line.
fn terms(token: &Token) -> String {
    let environment = token.environment.map_or("both", Environment::as_str);
    format!(
        "{}; environment {environment}; until {}",
        scopes(token),
        token.expires_at
    )
}

fn scopes(token: &Token) -> String {
    let words: Vec<_> = token.scopes.iter().map(|scope| scope.as_str()).collect();
    words.join(" ")
}

fn object(context: &Context, token: &Token) -> serde_json::Value {
    json!({
        "name": token.name.as_str(),
        "scopes": token.scopes,
        "environment": token.environment,
        "state": token.state(context.now()).as_str(),
        "created_at": json_time(Some(token.created_at)),
        "expires_at": json_time(Some(token.expires_at)),
        "revoked_at": json_time(token.revoked_at),
        "last_used_at": json_time(token.last_used_at),
    })
}

async fn list(context: &Context) -> anyhow::Result<u8> {
    let (store, _) = context.store().await?;
    let tokens = store.tokens().await?;
    let out = &context.out;
    if out.is_json() {
        for token in &tokens {
            out.object(object(context, token))?;
        }
        return Ok(exit::DONE);
    }
    if tokens.is_empty() {
        out.line("There are no tokens; nothing can be ordered over HTTP.")?;
        return Ok(exit::DONE);
    }
    let rows: Vec<Vec<String>> = tokens
        .iter()
        .map(|token| {
            let environment = token.environment.map_or("both", Environment::as_str);
            vec![
                token.name.to_string(),
                token.state(context.now()).as_str().to_owned(),
                scopes(token),
                environment.to_owned(),
                out.time(token.expires_at),
                out.optional_time(token.last_used_at),
            ]
        })
        .collect();
    out.table(
        &["TOKEN", "STATE", "SCOPES", "ENV", "UNTIL", "LAST USED"],
        &rows,
    )?;
    Ok(exit::DONE)
}

async fn revoke(context: &Context, name: &TokenName) -> anyhow::Result<u8> {
    let (store, _) = context.store().await?;
    let audit = context.audit("token revoke", name.as_str(), "");
    if store.revoke_token(name, &audit).await? {
        context.out.line(format!("{name} is taken back."))?;
        return Ok(exit::DONE);
    }
    let tokens = store.tokens().await?;
    if tokens.iter().any(|token| token.name == *name) {
        context.out.line("It was so before; nothing changed.")?;
        return Ok(exit::DONE);
    }
    Err(exit::not_found(format!(
        "there is no token {name}; `stichtag token list` shows them"
    )))
}
