//! One request by RRI: login, the request, logout.

use secrecy::{ExposeSecret, SecretSlice};

use super::VERSION;
use crate::wire::rri::{RriConnection, RriError, Trust, result_of};

/// Where and as whom.
pub struct RriLogin<'a> {
    /// The host, as its certificate names it.
    pub host: &'a str,
    /// The port.
    pub port: u16,
    /// Who may vouch for it.
    pub trust: Trust,
    /// The login.
    pub user: &'a SecretSlice<u8>,
    /// Its password.
    pub password: &'a SecretSlice<u8>,
}

/// Logs in, sends one request, logs out; the reply to the request.
///
/// A login is tried once: ten wrong ones in a row block the user for an hour, also for the right
/// password (`denic.md` 1.4).
pub async fn ask_once(login: &RriLogin<'_>, request: &str) -> Result<String, RriError> {
    let text = login_text(login)?;
    let mut connection = RriConnection::open(login.host, login.port, &login.trust).await?;
    let reply = connection.ask(&text).await.map_err(|error| {
        // Nothing but the login has left.
        RriError::NotSent(format!("the login was not answered: {error}"))
    })?;
    if result_of(&reply).as_deref() != Some("success") {
        let why = reply
            .lines()
            .find(|line| line.to_ascii_uppercase().contains("ERROR"));
        return Err(RriError::NotSent(format!(
            "the login was refused: {}; put it right before you try again, for ten wrong ones block it",
            why.unwrap_or("no reason is given")
        )));
    }
    let answer = connection.ask(request).await;
    // The server may close at once in place of a reply.
    let _ = connection
        .ask(&format!("version: {VERSION}\naction: LOGOUT\n"))
        .await;
    answer
}

fn login_text(login: &RriLogin<'_>) -> Result<String, RriError> {
    let word = |name: &str, secret: &SecretSlice<u8>| {
        let text = std::str::from_utf8(secret.expose_secret()).ok();
        let text = text.map(|text| text.trim_end_matches(['\r', '\n']).to_owned());
        text.filter(|text| {
            (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
        })
        .ok_or_else(|| {
            RriError::NotSent(format!(
                "the {name} has 1 to 255 visible ASCII characters; the credential holds something else"
            ))
        })
    };
    let (user, password) = (word("user", login.user)?, word("password", login.password)?);
    Ok(format!(
        "version: {VERSION}\naction: LOGIN\nuser: {user}\npassword: {password}\n"
    ))
}
