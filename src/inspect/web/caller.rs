//! Who asks.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use serde::Serialize;

use super::{Fault, Fields, Right, Site};
use crate::inspect::public::{language, masked};
use crate::model::{Language, Role, Theme, User, sha256_hex};

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Who asks: what pages need to know of them.
#[derive(Clone, Debug, Serialize)]
pub struct Caller {
    /// The user's name; empty: nobody is signed in.
    pub name: String,
    /// What they may.
    pub role: Role,
    /// What every form of theirs carries.
    #[serde(rename = "token")]
    pub csrf: String,
    /// The language of their pages.
    pub language: Language,
    /// Light, dark, or as the system has it.
    pub theme: Theme,
    /// Keys of the keyboard do something.
    pub has_keys: bool,
}

impl Caller {
    /// Somebody who is not signed in.
    pub fn stranger(language: Language) -> Self {
        Caller {
            name: String::new(),
            role: Role::Viewer,
            csrf: String::new(),
            language,
            theme: Theme::Auto,
            has_keys: false,
        }
    }

    /// Somebody is signed in.
    pub fn is_known(&self) -> bool {
        !self.name.is_empty()
    }

    /// May they?
    pub fn may(&self, right: Right) -> bool {
        right == Right::Anyone || self.is_known() && right.belongs_to(self.role)
    }

    /// Is the form one that a page of ours made for this caller?
    pub fn check(&self, headers: &HeaderMap, fields: &Fields) -> Result<(), Fault> {
        let is_foreign = (headers.get(FETCH_SITE)).is_some_and(|site| site != "same-origin");
        // Of a digest's time nothing of the token can be learned.
        let digest = |token: &str| sha256_hex(token.as_bytes());
        let is_ours = !self.csrf.is_empty() && digest(fields.get("token")) == digest(&self.csrf);
        match is_ours && !is_foreign {
            true => Ok(()),
            false => Err(Fault::Foreign),
        }
    }

    /// Who did it, for the audit trail.
    pub fn actor(&self) -> String {
        format!("web {}", self.name)
    }

    /// Personal data as this person may see it: an address, a number, a name.
    pub fn person(&self, text: &str) -> String {
        match self.may(Right::People) {
            true => text.to_owned(),
            false => veiled(text),
        }
    }
}

/// Personal data for viewers: of an address the first letter and the domain, of all else the first letter.
pub fn veiled(text: &str) -> String {
    masked(text).unwrap_or_else(|| {
        let first = text.chars().next();
        first.map_or(String::new(), |first| format!("{first}…"))
    })
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Fault> {
        parts.extensions.get::<Caller>().cloned().ok_or_else(|| {
            tracing::error!("web: a page without its guard");
            Fault::Trouble
        })
    }
}

impl Site {
    /// Who asks. Nobody but a trusted proxy is believed when it names a user.
    pub async fn caller(&self, parts: &Parts) -> Result<Caller, Fault> {
        let browsers = language(None, &parts.headers);
        let stranger = Caller::stranger(browsers);
        let Some(name) = self.named_by_proxy(parts) else {
            return Ok(stranger);
        };
        let user = match name.parse() {
            Ok(name) => self.store.user(&name).await?,
            Err(_) => None,
        };
        Ok(match user {
            Some(user) if user.disabled_at.is_none() => {
                let key = self.store.secret("web", &[]).await?;
                known(&user, browsers, &key)
            }
            _ => stranger,
        })
    }

    fn named_by_proxy<'a>(&self, parts: &'a Parts) -> Option<&'a str> {
        let web = &self.config.web;
        let header = web.proxy_user_header.as_deref()?;
        let ConnectInfo(peer) = parts.extensions.get::<ConnectInfo<SocketAddr>>()?;
        let peer = peer.ip().to_canonical();
        let is_trusted = (web.trusted_proxies.iter()).any(|network| network.contains(peer));
        let name = parts.headers.get(header)?.to_str().ok()?;
        is_trusted.then_some(name)
    }
}

fn known(user: &User, browsers: Language, key: &[u8]) -> Caller {
    let name = user.name.as_str();
    Caller {
        name: name.to_owned(),
        role: user.role,
        csrf: sha256_hex(&[key, name.as_bytes()].concat()),
        language: user.language.unwrap_or(browsers),
        theme: user.theme,
        has_keys: user.has_keys,
    }
}
