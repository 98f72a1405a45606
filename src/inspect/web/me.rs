//! `/me`: how somebody signs in, and how pages look to them.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use qrcode::{Color, QrCode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use tower_sessions::Session;

use super::door::Door;
use super::sign_in::{Proof, Tried, minutes, refuse};
use super::{Caller, Fault, Fields, Query, Right, Site, Way};
use crate::inspect::work::{password, people};
use crate::model::{Language, Theme, User, UserChange, UserName};

/// The key under which a session keeps the secret of an authenticator that is being set up.
const TOTP: &str = "totp";

/// The ways in.
pub fn ways() -> Vec<Way> {
    vec![
        Way::look("/me", Right::Look, page),
        Way::act("/me/looks", Right::Look, None, set_looks),
        Way::act(
            "/me/password",
            Right::Look,
            Some("user passwd"),
            set_password,
        ),
        Way::look("/me/totp", Right::Look, totp_page),
        Way::act("/me/totp/begin", Right::Look, None, begin_totp),
        Way::act("/me/totp/on", Right::Look, None, totp_on),
        Way::act("/me/totp/off", Right::Look, Some("user totp"), totp_off),
        Way::act(
            "/me/sign-out",
            Right::Look,
            Some("user sign-out"),
            sign_out_everywhere,
        ),
    ]
}

async fn page(
    State(site): State<Arc<Site>>,
    caller: Caller,
    query: Query,
) -> Result<Response, Fault> {
    show(&site, &caller, query.get("done"), "", Duration::ZERO).await
}

async fn show(
    site: &Site,
    caller: &Caller,
    done: &str,
    fault: &str,
    wait: Duration,
) -> Result<Response, Fault> {
    let user = site.me(caller).await?;
    let values = json!({
        "word": done,
        "fault": fault,
        "wait": minutes(wait),
        "letters": password::PASSWORD_LETTERS_MIN,
        "has_totp": user.has_totp,
        "chosen": user.language,
    });
    let mut answer = site.page(caller, "me.html", values).await?;
    if !fault.is_empty() {
        refuse(&mut answer, wait);
    }
    Ok(answer)
}

async fn set_looks(
    State(site): State<Arc<Site>>,
    caller: Caller,
    fields: Fields,
) -> Result<Response, Fault> {
    let wrong = |what: &str| Fault::Wrong(format!("a {what} of the list is expected"));
    let language = match fields.get("language") {
        "" => None,
        tag => Some(Language::from_tag(tag).ok_or_else(|| wrong("language"))?),
    };
    let change = UserChange::Looks {
        language,
        theme: Theme::from_word(fields.get("theme")).ok_or_else(|| wrong("theme"))?,
        has_keys: fields.get("keys") == "on",
    };
    let name = my_name(&caller)?;
    let audit = site.work(&caller).audit("user looks", &caller.name, "");
    site.store.change_user(&name, &change, &audit).await?;
    Ok(Redirect::to("/me?done=looks").into_response())
}

async fn set_password(
    State(site): State<Arc<Site>>,
    caller: Caller,
    door: Door,
    Extension(session): Extension<Session>,
    fields: Fields,
) -> Result<Response, Fault> {
    own(&caller)?;
    if let Some(refusal) = site.unless_proved(&caller, door, &fields).await? {
        return Ok(refusal);
    }
    let fault = match fields.raw("password") == fields.raw("again") {
        false => "differ",
        true => {
            let (work, name) = (site.work(&caller), my_name(&caller)?);
            match people::set_password(&work, &name, fields.raw("password").into()).await? {
                Ok(()) => "",
                Err(_) => "weak",
            }
        }
    };
    if !fault.is_empty() {
        return show(&site, &caller, "", fault, Duration::ZERO).await;
    }
    site.again(&caller, &session).await?;
    Ok(Redirect::to("/me?done=password").into_response())
}

async fn begin_totp(
    State(site): State<Arc<Site>>,
    caller: Caller,
    door: Door,
    Extension(session): Extension<Session>,
    fields: Fields,
) -> Result<Response, Fault> {
    own(&caller)?;
    if let Some(refusal) = site.unless_proved(&caller, door, &fields).await? {
        return Ok(refusal);
    }
    let secret = people::new_totp_secret();
    session.insert(TOTP, secret.expose_secret()).await?;
    Ok(Redirect::to("/me/totp").into_response())
}

async fn totp_page(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Extension(session): Extension<Session>,
) -> Result<Response, Fault> {
    show_totp(&site, &caller, &session, "").await
}

async fn show_totp(
    site: &Site,
    caller: &Caller,
    session: &Session,
    fault: &str,
) -> Result<Response, Fault> {
    let Some(secret) = session.get::<String>(TOTP).await? else {
        return Ok(Redirect::to("/me").into_response());
    };
    let url = people::totp_url(&secret.as_str().into(), &my_name(caller)?).ok_or(Fault::Trouble)?;
    let qr = QrCode::new(&url).ok();
    let values = json!({
        "secret": in_fours(&secret),
        "url": url,
        "qr": qr.as_ref().map(modules),
        "qr_width": qr.as_ref().map(QrCode::width),
        "fault": fault,
    });
    let mut answer = site.page(caller, "me_totp.html", values).await?;
    if !fault.is_empty() {
        refuse(&mut answer, Duration::ZERO);
    }
    Ok(answer)
}

/// As people type it in.
fn in_fours(secret: &str) -> String {
    let letters: Vec<char> = secret.chars().collect();
    let fours: Vec<String> = letters
        .chunks(4)
        .map(|four| four.iter().collect())
        .collect();
    fours.join(" ")
}

/// The dark modules as an SVG path.
fn modules(code: &QrCode) -> String {
    let width = code.width();
    let colors = code.to_colors();
    let dark = (colors.iter().enumerate()).filter(|(_, color)| **color == Color::Dark);
    dark.map(|(at, _)| format!("M{} {}h1v1h-1z", at % width, at / width))
        .collect()
}

async fn totp_on(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Extension(session): Extension<Session>,
    fields: Fields,
) -> Result<Response, Fault> {
    own(&caller)?;
    let Some(secret) = session.get::<String>(TOTP).await? else {
        return Ok(Redirect::to("/me").into_response());
    };
    let secret = SecretString::from(secret);
    let Some(step) = people::totp_step(&secret, fields.get("code"), site.clock.now()) else {
        return show_totp(&site, &caller, &session, "code").await;
    };
    people::totp_on(&site.work(&caller), &my_name(&caller)?, secret, step).await?;
    site.again(&caller, &session).await?;
    Ok(Redirect::to("/me?done=totp-on").into_response())
}

async fn totp_off(
    State(site): State<Arc<Site>>,
    caller: Caller,
    door: Door,
    Extension(session): Extension<Session>,
    fields: Fields,
) -> Result<Response, Fault> {
    own(&caller)?;
    if let Some(refusal) = site.unless_proved(&caller, door, &fields).await? {
        return Ok(refusal);
    }
    people::totp_off(&site.work(&caller), &my_name(&caller)?).await?;
    site.again(&caller, &session).await?;
    Ok(Redirect::to("/me?done=totp-off").into_response())
}

async fn sign_out_everywhere(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Extension(session): Extension<Session>,
) -> Result<Response, Fault> {
    people::sign_out(&site.work(&caller), &my_name(&caller)?).await?;
    site.again(&caller, &session).await?;
    Ok(Redirect::to("/me?done=sign-out").into_response())
}

/// Somebody whom a proxy names has neither password nor authenticator here.
fn own(caller: &Caller) -> Result<(), Fault> {
    match caller.is_proxied {
        true => Err(Fault::Wrong(
            "you sign in at the proxy, not here".to_owned(),
        )),
        false => Ok(()),
    }
}

fn my_name(caller: &Caller) -> Result<UserName, Fault> {
    caller.name.parse().map_err(|_| Fault::Stranger)
}

impl Site {
    async fn me(&self, caller: &Caller) -> Result<User, Fault> {
        let user = self.store.user(&my_name(caller)?).await?;
        user.ok_or(Fault::Stranger)
    }

    /// What is seldom changed asks for the password once more: somebody may have left their seat.
    async fn unless_proved(
        &self,
        caller: &Caller,
        door: Door,
        fields: &Fields,
    ) -> Result<Option<Response>, Fault> {
        let proof = Proof {
            name: &caller.name,
            password: fields.raw("current").into(),
            code: None,
        };
        let (fault, wait) = match self.prove(door, proof).await? {
            Tried::Right(_) => return Ok(None),
            Tried::Wrong => ("current", Duration::ZERO),
            Tried::TooOften(wait) => ("often", wait),
        };
        Ok(Some(show(self, caller, "", fault, wait).await?))
    }

    /// All sessions have ended; this one begins anew, under another id.
    async fn again(&self, caller: &Caller, session: &Session) -> Result<(), Fault> {
        let user = self.me(caller).await?;
        self.begin_session(session, &user, caller.is_proxied)
            .await?;
        Ok(())
    }
}
