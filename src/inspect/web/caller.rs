//! Who asks.

use std::fmt;

use axum::extract::FromRequestParts;
use axum::http::header::{HOST, ORIGIN};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use tower_sessions::Session;

use super::door::Door;
use super::sessions::whose;
use super::{Fault, Fields, Right, Site};
use crate::inspect::public::{language, masked};
use crate::model::{HIDDEN, Language, Role, Theme, User};

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What a form of ours carries, so that no other page can send one.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FormToken(String);

impl FormToken {
    /// One of that text.
    pub fn new(text: String) -> Self {
        FormToken(text)
    }

    /// There is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn is(&self, text: &str) -> bool {
        !self.is_empty() && bool::from(self.0.as_bytes().ct_eq(text.as_bytes()))
    }
}

impl fmt::Debug for FormToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

/// Who asks: what pages need to know of them.
#[derive(Clone, Debug, Serialize)]
pub struct Caller {
    /// The user's name; empty: nobody is signed in.
    pub name: String,
    /// What they may.
    pub role: Role,
    /// What every form of theirs carries.
    #[serde(rename = "token")]
    pub csrf: FormToken,
    /// The language of their pages.
    pub language: Language,
    /// Light, dark, or as the system has it.
    pub theme: Theme,
    /// Keys of the keyboard do something.
    pub has_keys: bool,
    /// A proxy names them; they do not sign in here.
    pub is_proxied: bool,
}

impl Caller {
    /// Somebody who is not signed in.
    pub fn stranger(language: Language) -> Self {
        Caller {
            name: String::new(),
            role: Role::Viewer,
            csrf: FormToken::default(),
            language,
            theme: Theme::Auto,
            has_keys: false,
            is_proxied: false,
        }
    }

    fn known(user: &User, browsers: Language, csrf: FormToken, is_proxied: bool) -> Self {
        Caller {
            name: user.name.to_string(),
            role: user.role,
            csrf,
            language: user.language.unwrap_or(browsers),
            theme: user.theme,
            has_keys: user.has_keys,
            is_proxied,
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
    pub fn check(&self, site: &Site, headers: &HeaderMap, fields: &Fields) -> Result<(), Fault> {
        let base_url = site.config.web.base_url.as_deref();
        match self.csrf.is(fields.get("token")) && is_from_us(headers, base_url) {
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

/// Does a page of ours send this, as far as the browser tells? Programs that tell nothing are taken:
/// a browser that sends other sites' forms along tells one or the other.
fn is_from_us(headers: &HeaderMap, base_url: Option<&str>) -> bool {
    if let Some(site) = headers.get(FETCH_SITE) {
        return site == "same-origin";
    }
    let Some(origin) = headers.get(ORIGIN) else {
        return true;
    };
    let Ok(origin) = origin.to_str() else {
        return false;
    };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let authority = origin.split_once("://").map(|(_, authority)| authority);
    Some(origin) == base_url || authority.is_some() && authority == host
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
    /// Who asks: whom a trusted proxy names, else whose session it is.
    pub async fn caller(&self, parts: &Parts) -> Result<Caller, Fault> {
        let door = Door::behind(&parts.extensions)?;
        let browsers = language(None, &parts.headers);
        let mut stranger = Caller::stranger(browsers);
        let token = door.form_cookie(&parts.headers);
        stranger.csrf = FormToken::new(token.unwrap_or_default());
        let Some(session) = parts.extensions.get::<Session>() else {
            return Ok(stranger);
        };
        let named = self.named_by_proxy(door, parts);
        let whose = whose(session).await?;
        let is_proxied = named.is_some();
        let name = match (&named, &whose) {
            (Some(name), _) => name.to_ascii_lowercase(),
            (None, Some(whose)) if !whose.is_proxied => whose.user.clone(),
            (None, _) => return Ok(stranger),
        };
        let Some(user) = self.let_in(&name).await? else {
            return Ok(stranger);
        };
        let is_current = whose.filter(|whose| {
            whose.user == name && whose.stamp == user.stamp && whose.is_proxied == is_proxied
        });
        let whose = match is_current {
            Some(whose) => whose,
            // A form needs a token, and a token a session.
            None if is_proxied => self.begin_session(session, &user, true).await?,
            None => {
                session.flush().await?;
                return Ok(stranger);
            }
        };
        Ok(Caller::known(&user, browsers, whose.token, is_proxied))
    }

    /// The user of that name, if they are let in.
    async fn let_in(&self, name: &str) -> Result<Option<User>, Fault> {
        let Ok(name) = name.parse() else {
            return Ok(None);
        };
        let user = self.store.user(&name).await?;
        Ok(user.filter(|user| user.disabled_at.is_none()))
    }

    /// Nobody but a trusted proxy is believed when it names a user.
    fn named_by_proxy<'a>(&self, door: Door, parts: &'a Parts) -> Option<&'a str> {
        let header = self.config.web.proxy_user_header.as_deref()?;
        let mut fields = parts.headers.get_all(header).iter();
        let (name, other) = (fields.next()?, fields.next());
        // Two fields: the browser's own beside the proxy's, and nobody knows which is which.
        match door.is_by_proxy && other.is_none() {
            true => name.to_str().ok().filter(|name| !name.is_empty()),
            false => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_of_another_site_is_told_apart() {
        for (fields, expected) in [
            (vec![], true),
            (vec![("sec-fetch-site", "same-origin")], true),
            (vec![("sec-fetch-site", "none")], false),
            (vec![("sec-fetch-site", "same-site")], false),
            (
                vec![
                    ("sec-fetch-site", "cross-site"),
                    ("origin", "https://s.example.net"),
                ],
                false,
            ),
            (vec![("origin", "https://s.example.net")], true),
            (
                vec![
                    ("origin", "http://127.0.0.1:8127"),
                    ("host", "127.0.0.1:8127"),
                ],
                true,
            ),
            (vec![("origin", "null"), ("host", "s.example.net")], false),
            (vec![("origin", "https://s.example.net.example.org")], false),
            (
                vec![("origin", "https://example.org"), ("host", "s.example.net")],
                false,
            ),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in &fields {
                headers.append(*name, value.parse().unwrap());
            }
            assert_eq!(
                is_from_us(&headers, Some("https://s.example.net")),
                expected,
                "{fields:?}"
            );
        }
    }

    #[test]
    fn a_token_is_compared_whole_and_never_shown() {
        let token = FormToken::new("abc".to_owned());
        assert!(token.is("abc"));
        for wrong in ["", "ab", "abcd", "abC"] {
            assert!(!token.is(wrong), "{wrong}");
        }
        assert!(!FormToken::default().is(""));
        assert_eq!(format!("{token:?}"), HIDDEN);
    }
}
