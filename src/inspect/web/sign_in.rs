//! `/sign-in`, `/sign-in/link` and `/sign-out`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{RETRY_AFTER, SET_COOKIE};
use axum::response::{IntoResponse, Redirect, Response};
use secrecy::SecretString;
use serde_json::json;
use tower_sessions::Session;
use url::Url;

use super::caller::FormToken;
use super::door::Door;
use super::tries::Try;
use super::{Caller, Fault, Fields, Query, Right, Site, Way};
use crate::inspect::work::{Work, password, people};
use crate::model::{User, UserName};
use crate::process::new_code;

/// The ways in.
pub fn ways() -> Vec<Way> {
    vec![
        Way::look("/sign-in", Right::Anyone, page),
        Way::act("/sign-in", Right::Anyone, None, sign_in),
        Way::look("/sign-in/link", Right::Anyone, link_page),
        Way::act("/sign-in/link", Right::Anyone, None, use_link),
        Way::act("/sign-out", Right::Look, None, sign_out),
    ]
}

/// What came of a try.
pub enum Tried {
    /// It is them.
    Right(Box<User>),
    /// Name, password or code is wrong; which, is not said.
    Wrong,
    /// Too often; how long to wait.
    TooOften(Duration),
}

/// What somebody tries to sign in with.
pub struct Proof<'a> {
    /// The name, as typed.
    pub name: &'a str,
    /// The password.
    pub password: SecretString,
    /// The code of the authenticator; `None`: whoever is signed in proves once more that it is them.
    pub code: Option<&'a str>,
}

async fn page(
    State(site): State<Arc<Site>>,
    caller: Caller,
    door: Door,
    query: Query,
) -> Result<Response, Fault> {
    let next = own_path(query.get("next"));
    if caller.is_known() {
        return Ok(Redirect::to(&next).into_response());
    }
    let values = json!({ "next": next, "fault": "", "wait": 0, "name": "" });
    form_page(&site, caller, door, "sign_in.html", values).await
}

/// A page with a form for somebody who may not be signed in: the cookie shows later that it was ours.
async fn form_page(
    site: &Site,
    mut caller: Caller,
    door: Door,
    template: &str,
    values: serde_json::Value,
) -> Result<Response, Fault> {
    let is_new = caller.csrf.is_empty();
    let code = new_code();
    if is_new {
        caller.csrf = FormToken::new(code.clone());
    }
    let mut answer = site.page(&caller, template, values).await?;
    if is_new {
        let cookie = door.set_form_cookie(&code)?;
        answer.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(answer)
}

async fn sign_in(
    State(site): State<Arc<Site>>,
    caller: Caller,
    door: Door,
    request: Request,
) -> Result<Response, Fault> {
    let (session, fields) = parts(&request)?;
    let next = own_path(fields.get("next"));
    let proof = Proof {
        name: fields.get("name"),
        password: fields.raw("password").into(),
        code: Some(fields.get("code")),
    };
    let (fault, wait) = match site.prove(door, proof).await? {
        Tried::Right(user) => {
            site.let_in_by_session(&session, door, &user, "sign in")
                .await?;
            return Ok(Redirect::to(&next).into_response());
        }
        Tried::Wrong => ("wrong", Duration::ZERO),
        Tried::TooOften(wait) => ("often", wait),
    };
    let values = json!({
        "next": next, "fault": fault, "wait": minutes(wait), "name": fields.get("name"),
    });
    let mut answer = form_page(&site, caller, door, "sign_in.html", values).await?;
    refuse(&mut answer, wait);
    Ok(answer)
}

/// The session and the fields of a form.
fn parts(request: &Request) -> Result<(Session, Fields), Fault> {
    let extensions = request.extensions();
    let session = extensions.get::<Session>().cloned();
    let fields = extensions.get::<Fields>().cloned();
    session.zip(fields).ok_or_else(|| {
        tracing::error!("web: a form without its guard");
        Fault::Trouble
    })
}

/// Minutes, rounded up.
pub fn minutes(wait: Duration) -> u64 {
    wait.as_secs().div_ceil(60)
}

/// The page says that it was wrong, or too often; the status says it to programs.
pub fn refuse(answer: &mut Response, wait: Duration) {
    *answer.status_mut() = match wait.is_zero() {
        true => StatusCode::UNAUTHORIZED,
        false => StatusCode::TOO_MANY_REQUESTS,
    };
    if !wait.is_zero() {
        let seconds = wait.as_secs() + 1;
        answer.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
}

async fn link_page(
    State(site): State<Arc<Site>>,
    caller: Caller,
    door: Door,
    query: Query,
) -> Result<Response, Fault> {
    show_link(&site, caller, door, query.get("code"), "").await
}

/// Looking at it uses nothing: programs that read mail look at every link.
async fn show_link(
    site: &Site,
    caller: Caller,
    door: Door,
    code: &str,
    fault: &str,
) -> Result<Response, Fault> {
    let digest = people::link_digest(code);
    let user = site.store.linked_user(&digest, site.clock.now()).await?;
    let values = json!({
        "code": code,
        "name": user.as_ref().map(|user| user.name.as_str()),
        "has_totp": user.as_ref().is_some_and(|user| user.has_totp),
        "letters": password::PASSWORD_LETTERS_MIN,
        "fault": fault,
    });
    let is_missing = user.is_none();
    let mut answer = form_page(site, caller, door, "sign_in_link.html", values).await?;
    if is_missing {
        *answer.status_mut() = StatusCode::NOT_FOUND;
    } else if !fault.is_empty() {
        *answer.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(answer)
}

async fn use_link(
    State(site): State<Arc<Site>>,
    caller: Caller,
    door: Door,
    request: Request,
) -> Result<Response, Fault> {
    let (session, fields) = parts(&request)?;
    let code = fields.get("code").to_owned();
    let digest = people::link_digest(&code);
    let now = site.clock.now();
    let Some(user) = site.store.linked_user(&digest, now).await? else {
        return show_link(&site, caller, door, &code, "").await;
    };
    let fault = match fields.raw("password") == fields.raw("again") {
        false => Some("differ"),
        true => site.take_link(door, &user, &digest, &fields).await?,
    };
    if let Some(fault) = fault {
        return show_link(&site, caller, door, &code, fault).await;
    }
    // Sessions of before have ended with it, and so has what the user was known by.
    let user = site.store.user(&user.name).await?.ok_or(Fault::Stranger)?;
    site.let_in_by_session(&session, door, &user, "sign in by link")
        .await?;
    Ok(Redirect::to("/me?done=password").into_response())
}

async fn sign_out(
    State(site): State<Arc<Site>>,
    caller: Caller,
    request: Request,
) -> Result<Response, Fault> {
    let (session, _) = parts(&request)?;
    session.flush().await?;
    let audit = site.work(&caller).audit("sign out", &caller.name, "");
    site.store.audit(&audit).await?;
    Ok(Redirect::to("/sign-in").into_response())
}

/// A path of ours, whatever was asked for: with query, without host. Anything else leads to the overview.
fn own_path(wanted: &str) -> String {
    let here = Url::parse("http://here.invalid/");
    let path = here.ok().and_then(|here| {
        let url = here.join(wanted).ok()?;
        let is_ours = wanted.starts_with('/') && url.origin() == here.origin();
        let path = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        // A browser reads `//host` as another host, even where a path begins so.
        (is_ours && !path.starts_with("//")).then_some(path)
    });
    path.unwrap_or_else(|| "/".to_owned())
}

impl Site {
    /// Is it them? Tries are counted, and take as long whoever is asked for.
    pub async fn prove(&self, door: Door, proof: Proof<'_>) -> Result<Tried, Fault> {
        let name = proof.name.parse::<UserName>().ok();
        let one = Try::new(door.address, proof.name);
        let network = one.network();
        let (mut kept, mut user, mut is_known_place) = (None, None, false);
        if let Some(name) = &name {
            is_known_place = self.store.is_known_place(name, &network).await?;
            kept = self.store.user_proof(name).await?;
            user = self.store.user(name).await?;
        }
        let one = one.at(is_known_place);
        if let Err(wait) = self.tries.take(&one, Instant::now()) {
            tracing::warn!(%network, "web: too many tries to sign in");
            return Ok(Tried::TooOften(wait));
        }
        let hash = kept.as_ref().and_then(|kept| kept.password.clone());
        let is_right = password::is_right(proof.password, hash).await?;
        let is_let_in = |user: &User| user.disabled_at.is_none();
        let Some(user) = user.filter(|user| is_right && is_let_in(user)) else {
            tracing::warn!(%network, "web: a sign-in failed");
            return Ok(Tried::Wrong);
        };
        let totp = kept.and_then(|kept| kept.totp);
        if let (Some(secret), Some(code)) = (totp, proof.code)
            && !self.take_code(&user.name, &secret, code).await?
        {
            tracing::warn!(%network, "web: a sign-in failed");
            return Ok(Tried::Wrong);
        }
        self.tries.give_back(&one);
        Ok(Tried::Right(Box::new(user)))
    }

    /// Takes a code of somebody's authenticator, which is worth something once.
    async fn take_code(
        &self,
        name: &UserName,
        secret: &SecretString,
        code: &str,
    ) -> Result<bool, Fault> {
        match people::totp_step(secret, code, self.clock.now()) {
            Some(step) => Ok(self.store.use_totp(name, step).await?),
            None => Ok(false),
        }
    }

    /// Uses a link. A word: what is wrong; the link is worth as much as before.
    async fn take_link(
        &self,
        door: Door,
        user: &User,
        digest: &str,
        fields: &Fields,
    ) -> Result<Option<&'static str>, Fault> {
        let one = Try::new(door.address, user.name.as_str()).at(true);
        if self.tries.take(&one, Instant::now()).is_err() {
            return Ok(Some("often"));
        }
        let hash = password::hash(fields.raw("password").into(), user.name.as_str()).await?;
        let Ok(hash) = hash else {
            return Ok(Some("weak"));
        };
        let totp = self.store.user_proof(&user.name).await?;
        if let Some(secret) = totp.and_then(|proof| proof.totp)
            && !self
                .take_code(&user.name, &secret, fields.get("totp"))
                .await?
        {
            return Ok(Some("code"));
        }
        let audit = self
            .of(user)
            .audit("user passwd", user.name.as_str(), "by link");
        let is_used = self.store.use_link(digest, &hash, &audit).await?;
        self.tries.give_back(&one);
        match is_used {
            true => Ok(None),
            false => Err(Fault::Late(String::new())),
        }
    }

    /// Signs somebody in who has proved that it is them.
    async fn let_in_by_session(
        &self,
        session: &Session,
        door: Door,
        user: &User,
        action: &str,
    ) -> Result<(), Fault> {
        self.begin_session(session, user, false).await?;
        let network = Try::new(door.address, "").network();
        let audit = self.of(user).audit(action, user.name.as_str(), &network);
        Ok(self.store.signed_in(&user.name, &network, &audit).await?)
    }

    fn of(&self, user: &User) -> Work<'_> {
        Work {
            store: &*self.store,
            config: &self.config,
            clock: &self.clock,
            actor: format!("web {}", user.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_the_sign_in_nobody_is_sent_to_another_site() {
        for (wanted, expected) in [
            ("/messages?a=b&c=%20", "/messages?a=b&c=%20"),
            ("/", "/"),
            ("", "/"),
            ("messages", "/"),
            ("//example.org/x", "/"),
            ("/\\example.org", "/"),
            ("\\\\example.org", "/"),
            ("https://example.org/", "/"),
            ("/..//example.org", "/"),
            ("/.//example.org", "/"),
            ("/\t/example.org", "/"),
            ("/a\r\nSet-Cookie: b", "/aSet-Cookie:%20b"),
            ("javascript:alert(1)", "/"),
            ("/messages#x", "/messages"),
        ] {
            assert_eq!(own_path(wanted), expected, "{wanted:?}");
        }
    }
}
