//! `[web]`: who may look in, and for how long.

use std::time::Duration;

use super::layers::{ConfigError, Layers};
use crate::model::Network;

/// `[web]`
#[derive(Clone, Debug)]
pub struct Web {
    /// How long somebody stays signed in.
    pub sign_in_lifetime: Duration,
    /// The header field in which a proxy names the user, in lower case; `None`: users sign in here.
    pub proxy_user_header: Option<String>,
    /// Whose word about users and addresses is taken.
    pub trusted_proxies: Vec<Network>,
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
        proxy_user_header: Some(name).filter(|name| !name.is_empty()),
        trusted_proxies,
    })
}
