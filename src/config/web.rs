//! `[web]`: who may look in, and for how long.

use std::time::Duration;

use url::Url;

use super::Config;
use super::layers::{ConfigError, Layers};
use super::values::Field;
use crate::model::Network;

/// `[web]`
#[derive(Clone, Debug)]
pub struct Web {
    /// How long somebody stays signed in at most.
    pub sign_in_lifetime: Duration,
    /// Where browsers find the pages, without a `/` at the end; `None`: at the admin listener.
    pub base_url: Option<String>,
    /// The header field in which a proxy names the user, in lower case; `None`: users sign in here.
    pub proxy_user_header: Option<String>,
    /// Whose word about users and addresses is taken.
    pub trusted_proxies: Vec<Network>,
}

impl Web {
    /// How long somebody stays signed in who does nothing: a sixth of what is possible.
    pub fn idle_lifetime(&self) -> Duration {
        self.sign_in_lifetime / 6
    }
}

impl Config {
    /// Where browsers find the pages, without a `/` at the end.
    pub fn web_url(&self) -> String {
        let listener = || {
            let at = self.server.admin_listen.as_deref();
            format!("http://{}", at.unwrap_or("127.0.0.1:8127"))
        };
        self.web.base_url.clone().unwrap_or_else(listener)
    }
}

/// Reads all of it.
pub fn web(layers: &Layers) -> Result<Web, ConfigError> {
    let field = |key: &str| layers.field(&format!("web.{key}"));
    let header = field("proxy_user_header");
    let name = header.text().to_ascii_lowercase();
    let is_token = (name.bytes()).all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    if !is_token {
        return Err(header.wrong("a header field's name is expected, such as \"X-Remote-User\""));
    }
    let trusted_proxies: Vec<Network> =
        field("trusted_proxies").parsed_list("networks such as \"127.0.0.1\" or \"10.0.0.0/8\"")?;
    if !name.is_empty() && trusted_proxies.is_empty() {
        return Err(header.wrong(
            "whoever reaches the listener could name any user: set `web.trusted_proxies` to the \
             address of the proxy",
        ));
    }
    Ok(Web {
        sign_in_lifetime: field("sign_in_lifetime").duration()?,
        base_url: base_url(&field("base_url"))?,
        proxy_user_header: Some(name).filter(|name| !name.is_empty()),
        trusted_proxies,
    })
}

fn base_url(field: &Field<'_>) -> Result<Option<String>, ConfigError> {
    let text = field.text();
    if text.is_empty() {
        return Ok(None);
    }
    let is_base = |url: &Url| {
        ["http", "https"].contains(&url.scheme())
            && url.has_host()
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
    };
    match Url::parse(&text) {
        Ok(url) if is_base(&url) => Ok(Some(url.origin().ascii_serialization())),
        _ => Err(field.wrong(
            "an address without a path is expected, such as \"https://stichtag.example.net\"",
        )),
    }
}
