//! The way to the API: a session over HTTPS, one command a second.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use secrecy::{ExposeSecret, SecretSlice, SecretString};

use super::super::https::{HttpClient, HttpError, HttpRequest, HttpUrl};
use super::super::rri::Trust;
use super::command::{Command, Who, commands, form};
use super::pace::Pace;
use crate::model::{Environment, HIDDEN, REPLY_BYTES_MAX, ReplyOutcome, ResellerReply};

/// For a whole call; the vendor's own clients wait for up to five minutes, but nothing that we ask
/// takes long.
const CALL_MAX: Duration = Duration::from_secs(60);

/// Where, as whom, and for which environment.
#[derive(Clone)]
pub struct ResellerLogin {
    /// The address of the API.
    pub url: HttpUrl,
    /// Live or test: commands to the test system say so themselves.
    pub environment: Environment,
    /// Who may vouch for the other side.
    pub trust: Trust,
    /// The account, or `account:user`.
    pub user: SecretSlice<u8>,
    /// Its password.
    pub password: SecretSlice<u8>,
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its exact bytes.
    pub raw: Vec<u8>,
    /// The same, read.
    pub reply: ResellerReply,
}

/// Why there is no answer. Nothing of it quotes a command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// Nothing has left: trying again does no harm.
    #[error("{0}")]
    NotSent(String),
    /// It may have arrived and been carried out.
    #[error("there is no whole answer: {0}")]
    Unknown(String),
    /// There is no session; the command has not left.
    #[error("there is no session: {code} {text}")]
    Login {
        /// The code of that answer.
        code: u16,
        /// Its text.
        text: String,
    },
}

/// A call that is over.
#[derive(Clone, Debug)]
pub struct Call {
    /// The command's name.
    pub command: String,
    /// What became of it, one of a few words.
    pub result: &'static str,
    /// From the first byte to the last.
    pub took: Duration,
}

fn result(answer: &Result<Answer, CallError>) -> &'static str {
    match answer.as_ref().map(|answer| answer.reply.outcome()) {
        Ok(ReplyOutcome::Success) => "success",
        Ok(ReplyOutcome::Temporary) => "temporary",
        Ok(ReplyOutcome::Permanent) => "permanent",
        Err(CallError::NotSent(_) | CallError::Login { .. }) => "not-sent",
        Err(CallError::Unknown(_)) => "no-answer",
    }
}

/// What answers commands.
#[async_trait]
pub trait ResellerLine: Send {
    /// Sends one command and reads its answer; an answer of any code is one.
    async fn ask(&mut self, command: &Command) -> Result<Answer, CallError>;
}

struct Session {
    id: SecretString,
    /// The reseller ends it then.
    until: Option<Timestamp>,
}

/// The API of one account.
pub struct ResellerApi {
    url: HttpUrl,
    is_test: bool,
    user: String,
    password: SecretString,
    client: HttpClient,
    pace: Pace,
    now: fn() -> Timestamp,
    session: Option<Session>,
    calls: Mutex<Vec<Call>>,
}

impl ResellerApi {
    /// The way to an account; nothing is said yet.
    ///
    /// `now` tells when a session has ended. Errors: a login that cannot be one; a sentence.
    pub fn new(login: &ResellerLogin, pace: Pace, now: fn() -> Timestamp) -> Result<Self, String> {
        let mut client = HttpClient::trusting(&login.trust);
        client.timeout = CALL_MAX;
        client.body_bytes_max = REPLY_BYTES_MAX;
        Ok(ResellerApi {
            url: login.url.clone(),
            is_test: login.environment == Environment::Test,
            user: word("user", &login.user)?,
            password: word("password", &login.password)?.into(),
            client,
            pace,
            now,
            session: None,
            calls: Mutex::default(),
        })
    }

    /// The same, with another bound for a whole call.
    #[must_use]
    pub fn within(mut self, call_max: Duration) -> Self {
        self.client.timeout = call_max;
        self
    }

    /// The calls since this was asked last.
    pub fn take_calls(&self) -> Vec<Call> {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut calls)
    }

    /// Ends the session; whatever comes of it.
    pub async fn close(&mut self) {
        if let Some(session) = self.session.take() {
            let who = Who::Session(session.id.expose_secret());
            let _ = self.call(&who, &commands::stop_session()).await;
        }
    }

    async fn open(&mut self) -> Result<SecretString, CallError> {
        let now = (self.now)();
        if let Some(session) = &self.session
            && session.until.is_none_or(|until| now < until)
        {
            return Ok(session.id.clone());
        }
        self.session = None;
        let who = Who::Password(self.password.expose_secret());
        let answer = self.call(&who, &commands::start_session()).await;
        // Of a session that nobody knows of nothing comes.
        let answer = answer.map_err(|error| CallError::NotSent(format!("no session: {error}")))?;
        let reply = &answer.reply;
        let id = match (reply.outcome(), reply.one("sessionid")) {
            (ReplyOutcome::Success, Some(id)) if !id.is_empty() => SecretString::from(id),
            (ReplyOutcome::Success, _) => {
                let why = "the answer to StartSession has no session id";
                return Err(CallError::NotSent(why.to_owned()));
            }
            _ => {
                let hidden = self.without_password(&reply.description);
                return Err(CallError::Login {
                    code: reply.code,
                    text: hidden,
                });
            }
        };
        self.session = Some(Session {
            id: id.clone(),
            until: reply.one("expirationdate").and_then(instant),
        });
        Ok(id)
    }

    async fn call(&self, who: &Who<'_>, command: &Command) -> Result<Answer, CallError> {
        let not_sent = |why: String| CallError::NotSent(why);
        let body = form(&self.user, who, self.is_test, command)
            .map_err(|error| not_sent(error.to_string()))?;
        self.pace.turn().await;
        let begun = Instant::now();
        let answer = self.exchange(&body).await;
        let call = Call {
            command: command.name().to_owned(),
            result: result(&answer),
            took: begun.elapsed(),
        };
        self.calls
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(call);
        answer
    }

    async fn exchange(&self, body: &SecretString) -> Result<Answer, CallError> {
        let request = HttpRequest {
            url: &self.url,
            headers: &[("content-type", "application/x-www-form-urlencoded")],
            body: body.expose_secret().as_bytes(),
        };
        let reply = self.client.post(&request).await.map_err(|error| {
            let why = error.to_string();
            match error {
                HttpError::Connect { .. } | HttpError::Request(_) => CallError::NotSent(why),
                HttpError::Timeout { .. } | HttpError::Protocol { .. } => CallError::Unknown(why),
            }
        })?;
        if (300..=399).contains(&reply.status) {
            let why = format!("{}: redirects are not followed", reply.line);
            return Err(CallError::Unknown(why));
        }
        // Whether the body ended as HTTP would have it does not matter: `EOF` says that it is whole.
        match ResellerReply::read(&reply.body) {
            Ok(read) => Ok(Answer {
                raw: reply.body,
                reply: read,
            }),
            Err(error) => Err(CallError::Unknown(format!("{}: {error}", reply.line))),
        }
    }

    /// Whoever echoes a login must not put it into our log.
    fn without_password(&self, text: &str) -> String {
        text.replace(self.password.expose_secret(), HIDDEN)
    }
}

#[async_trait]
impl ResellerLine for ResellerApi {
    async fn ask(&mut self, command: &Command) -> Result<Answer, CallError> {
        let is_old = self.session.is_some();
        let session = self.open().await?;
        let answer = self
            .call(&Who::Session(session.expose_secret()), command)
            .await?;
        // 530: a session that has ended meanwhile; nothing was done.
        if answer.reply.code != NO_LOGIN || !is_old {
            return Ok(answer);
        }
        self.session = None;
        let session = self.open().await?;
        self.call(&Who::Session(session.expose_secret()), command)
            .await
    }
}

/// Authentication failed.
const NO_LOGIN: u16 = 530;

/// `YYYY-MM-DD HH:MM:SS`, with or without a fraction, in UTC.
fn instant(text: &str) -> Option<Timestamp> {
    let at: DateTime = text.parse().ok()?;
    Some(at.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// A credential as one line of text.
fn word(name: &str, secret: &SecretSlice<u8>) -> Result<String, String> {
    let text = std::str::from_utf8(secret.expose_secret()).ok();
    text.map(|text| text.trim_end_matches(['\r', '\n']).to_owned())
        .filter(|text| (1..=255).contains(&text.len()) && !text.chars().any(|c| c.is_control()))
        .ok_or_else(|| {
            format!(
                "the {name} has 1 to 255 characters in one line, and the credential holds \
                 something else"
            )
        })
}
