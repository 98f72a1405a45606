//! Who asks, and what they may.

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use jiff::{SignedDuration, Timestamp};

use super::Api;
use super::refusal::Refusal;
use crate::model::{Environment, Scope, Token, TokenState, reason};
use crate::store::AuditEntry;

/// When a token was used is remembered once in this time.
const TOUCH_EVERY: SignedDuration = SignedDuration::from_mins(1);

/// A program with a token that is taken.
#[derive(Debug)]
pub struct Caller {
    token: Token,
    /// When it asked.
    pub now: Timestamp,
}

impl Api {
    /// Who asks, if their token allows `scope`.
    pub async fn caller(&self, headers: &HeaderMap, scope: Scope) -> Result<Caller, Refusal> {
        let now = self.clock.now();
        let Some(text) = bearer(headers) else {
            return Err(Refusal::no_token(false));
        };
        let digest = Token::digest(text);
        // Looked up by its digest, so nothing is compared in a time that would tell of the token.
        let Some(token) = self.store.token(&digest).await? else {
            tracing::warn!("API: refused: an unknown token");
            return Err(Refusal::no_token(true));
        };
        let state = token.state(now);
        if state != TokenState::Valid {
            let name = token.name.as_str();
            tracing::warn!(token = name, "API: refused: {name} is {}", state.as_str());
            return Err(Refusal::no_token(true));
        }
        let before = now - TOUCH_EVERY;
        if token.last_used_at.is_none_or(|at| at <= before)
            && let Err(error) = self.store.touch_token(&digest, before, now).await
        {
            // It says when a token was used, and must not keep it from being used.
            tracing::warn!("API: the use of {} is not noted: {error}", token.name);
        }
        let caller = Caller { token, now };
        caller.needs(scope)?;
        Ok(caller)
    }
}

/// The token behind `Authorization: Bearer`; nothing where the header is missing, repeated or of
/// another kind.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut fields = headers.get_all(AUTHORIZATION).iter();
    let (field, None) = (fields.next()?, fields.next()) else {
        return None;
    };
    let (scheme, token) = field.to_str().ok()?.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("Bearer")
        .then(|| token.trim_matches(' '))
}

impl Caller {
    /// Does its token allow that?
    pub fn may(&self, scope: Scope) -> bool {
        self.token.scopes.contains(&scope)
    }

    /// Refuses what its token does not allow.
    pub fn needs(&self, scope: Scope) -> Result<(), Refusal> {
        if self.may(scope) {
            return Ok(());
        }
        Err(Refusal::new(
            StatusCode::FORBIDDEN,
            reason::API_SCOPE,
            format!("the token does not allow this; the scope `{scope}` is expected"),
        )
        .challenged(format!(
            "Bearer realm=\"stichtag\", error=\"insufficient_scope\", scope=\"{scope}\""
        )))
    }

    /// May it see what belongs there? What belongs nowhere is seen by those who may touch both.
    pub fn may_see(&self, environment: Option<Environment>) -> bool {
        match environment {
            Some(environment) => self.may_touch(environment),
            None => self.token.environment.is_none(),
        }
    }

    /// May it touch that environment?
    pub fn may_touch(&self, environment: Environment) -> bool {
        self.token.may_touch(environment)
    }

    /// Refuses what its token may not touch.
    pub fn touches(&self, environment: Environment) -> Result<(), Refusal> {
        match self.may_touch(environment) {
            true => Ok(()),
            false => Err(Refusal::new(
                StatusCode::FORBIDDEN,
                reason::API_ENVIRONMENT,
                format!("the token may not touch the environment `{environment}`"),
            )
            .about("environment")),
        }
    }

    /// The environment that a list shows: the one asked for, else all that the token may see.
    pub fn sees(&self, wanted: Option<Environment>) -> Result<Option<Environment>, Refusal> {
        if let Some(wanted) = wanted {
            self.touches(wanted)?;
        }
        Ok(wanted.or(self.token.environment))
    }

    /// The key of an order: two programs that choose the same one do not collide. Neither a token's
    /// name nor the command line's own keys can be mistaken for its front.
    pub fn order_key(&self, idempotency_key: &str) -> String {
        format!("api:{}:{idempotency_key}", self.token.name)
    }

    /// An entry for the audit trail about something it does.
    pub fn audit(&self, action: &str, object: &str, detail: &str) -> AuditEntry {
        AuditEntry {
            at: self.now,
            actor: format!("token {}", self.token.name),
            action: action.to_owned(),
            object: object.to_owned(),
            detail: detail.to_owned(),
        }
    }
}
