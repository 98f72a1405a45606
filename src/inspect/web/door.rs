//! How a request came to us, and the cookies that fit to it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::header::{COOKIE, HeaderValue};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, HeaderName};
use axum::response::Response;
use tower_service::Service;
use tower_sessions::cookie::{Cookie, SameSite};

use super::{Fault, Site};
use crate::inspect::public::address;

const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The cookie of the session.
const SESSION: [&str; 2] = ["stichtag", "__Host-stichtag"];

/// The cookie of whoever is not signed in: beside a form's token it shows that the page was ours.
const FORM: [&str; 2] = ["stichtag-form", "__Host-stichtag-form"];

/// How a request came.
#[derive(Clone, Copy, Debug)]
pub struct Door {
    /// The browser's address, as far as trusted proxies tell.
    pub address: IpAddr,
    /// A trusted proxy speaks for somebody.
    pub is_by_proxy: bool,
    /// From the browser to the proxy it was TLS.
    pub is_tls: bool,
}

impl Door {
    fn of(request: &Request, site: &Site) -> Self {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(peer)| {
            peer.ip().to_canonical()
        });
        let proxies = &site.config.web.trusted_proxies;
        let is_by_proxy = proxies.iter().any(|network| network.contains(peer));
        let scheme = request.headers().get(FORWARDED_PROTO);
        Door {
            address: address(peer, request.headers(), proxies),
            is_by_proxy,
            is_tls: is_by_proxy && scheme.is_some_and(|scheme| scheme == "https"),
        }
    }

    /// That of a request whose [`enter`] has been passed.
    pub fn behind(extensions: &Extensions) -> Result<Self, Fault> {
        extensions.get::<Door>().copied().ok_or_else(|| {
            tracing::error!("web: a page without its door");
            Fault::Trouble
        })
    }

    /// What the form cookie holds.
    pub fn form_cookie(self, headers: &HeaderMap) -> Option<String> {
        let name = FORM[usize::from(self.is_tls)];
        let fields = headers.get_all(COOKIE).iter();
        let texts = fields.filter_map(|field| field.to_str().ok());
        texts
            .flat_map(Cookie::split_parse)
            .filter_map(Result::ok)
            .find(|cookie| cookie.name() == name)
            .map(|cookie| cookie.value().to_owned())
    }

    /// A form cookie as the header field that sets it.
    pub fn set_form_cookie(self, value: &str) -> Result<HeaderValue, Fault> {
        let cookie = Cookie::build((FORM[usize::from(self.is_tls)], value))
            .path("/")
            .http_only(true)
            .same_site(SameSite::Strict)
            .secure(self.is_tls);
        HeaderValue::from_str(&cookie.build().to_string()).map_err(|error| {
            tracing::error!("web: a cookie cannot be written: {error}");
            Fault::Trouble
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Door {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Fault> {
        Door::behind(&parts.extensions)
    }
}

/// The routes, with cookies for either way that a request may have come.
pub struct House {
    site: Arc<Site>,
    rooms: [Router; 2],
}

impl House {
    /// `routes` behind sessions.
    pub fn new(site: &Arc<Site>, routes: &Router<Arc<Site>>) -> Self {
        let rooms = SESSION.map(|name| {
            let sessions = site.sessions.layer(name);
            routes.clone().layer(sessions).with_state(site.clone())
        });
        House {
            site: site.clone(),
            rooms,
        }
    }
}

/// Every request's first step.
pub async fn enter(State(house): State<Arc<House>>, mut request: Request) -> Response {
    let door = Door::of(&request, &house.site);
    request.extensions_mut().insert(door);
    let mut room = house.rooms[usize::from(door.is_tls)].clone();
    match room.call(request).await {
        Ok(answer) => answer,
        Err(never) => match never {},
    }
}
