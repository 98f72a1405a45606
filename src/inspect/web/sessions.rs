//! Who is signed in: sessions that the store keeps by the digest of their id.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::SignedDuration;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use tower_sessions::cookie::SameSite;
use tower_sessions::cookie::time;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error, Result};
use tower_sessions::{Expiry, Session, SessionManagerLayer, SessionStore};

use super::caller::FormToken;
use super::{Fault, Site};
use crate::clock::Clock;
use crate::config::Web;
use crate::model::{User, sha256_hex};
use crate::process::new_code;
use crate::store::{SessionBounds, Store, StoreError, WebSession};

/// That somebody asks for something is written down so often, and oftener where sessions end soon.
const TOUCH_EVERY: SignedDuration = SignedDuration::from_secs(60);

/// The key under which a session says whose it is.
const WHOSE: &str = "whose";

/// Whose a session is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Whose {
    /// The user's name.
    pub user: String,
    /// [`User::stamp`] at the sign-in: with another one it is over.
    pub stamp: i64,
    /// A proxy names the user: it is nobody's without the proxy.
    pub is_proxied: bool,
    /// What every form carries.
    pub token: FormToken,
}

/// Sessions of the store, for `tower-sessions`.
#[derive(Clone)]
pub struct Sessions {
    store: Arc<dyn Store>,
    clock: Clock,
    lifetime: Duration,
    idle_lifetime: Duration,
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sessions")
    }
}

impl Sessions {
    /// Sessions in `store`, as long as the settings allow.
    pub fn new(store: Arc<dyn Store>, clock: Clock, settings: &Web) -> Self {
        Sessions {
            store,
            clock,
            lifetime: settings.sign_in_lifetime,
            idle_lifetime: settings.idle_lifetime(),
        }
    }

    /// What gives requests their session. A cookie whose name begins with `__Host-` is for TLS alone.
    pub fn layer(&self, cookie: &'static str) -> SessionManagerLayer<Sessions> {
        SessionManagerLayer::new(self.clone())
            .with_name(cookie)
            .with_secure(cookie.starts_with("__Host-"))
            .with_http_only(true)
            .with_same_site(SameSite::Strict)
            // Until the browser is closed; the store ends them before that.
            .with_expiry(Expiry::OnSessionEnd)
    }

    fn bounds(&self) -> SessionBounds {
        let now = self.clock.now();
        SessionBounds {
            began_after: now.checked_sub(self.lifetime).unwrap_or(now),
            seen_after: now.checked_sub(self.idle_lifetime).unwrap_or(now),
        }
    }
}

fn digest(id: &Id) -> String {
    sha256_hex(id.to_string().as_bytes())
}

fn failed(error: StoreError) -> Error {
    Error::Backend(error.to_string())
}

fn data(record: &Record) -> Result<String> {
    serde_json::to_string(&record.data).map_err(|error| Error::Encode(error.to_string()))
}

#[async_trait]
impl SessionStore for Sessions {
    async fn create(&self, record: &mut Record) -> Result<()> {
        let whose = record.data.get(WHOSE).cloned().unwrap_or_default();
        let whose: Whose =
            serde_json::from_value(whose).map_err(|error| Error::Encode(error.to_string()))?;
        let now = self.clock.now();
        let session = WebSession {
            user: whose.user.parse().map_err(Error::Encode)?,
            data: data(record)?.into(),
            began_at: now,
            seen_at: now,
        };
        loop {
            // Whatever id it may have had before, somebody may know that one.
            record.id = Id::default();
            let id = digest(&record.id);
            let is_added = self.store.add_session(&id, &session, self.bounds()).await;
            if is_added.map_err(failed)? {
                return Ok(());
            }
        }
    }

    async fn save(&self, record: &Record) -> Result<()> {
        let (digest, data) = (digest(&record.id), data(record)?.into());
        let saved = self.store.save_session(&digest, &data).await;
        saved.map_err(failed)
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let (id, digest) = (*id, digest(id));
        let found = self.store.session(&digest, self.bounds()).await;
        let Some(session) = found.map_err(failed)? else {
            return Ok(None);
        };
        let now = self.clock.now();
        let idle = SignedDuration::try_from(self.idle_lifetime).unwrap_or(TOUCH_EVERY);
        if now.duration_since(session.seen_at) >= TOUCH_EVERY.min(idle / 4) {
            let touched = self.store.touch_session(&digest, now).await;
            touched.map_err(failed)?;
        }
        let data = serde_json::from_str(session.data.expose_secret());
        Ok(Some(Record {
            id,
            data: data.map_err(|error| Error::Decode(error.to_string()))?,
            expiry_date: time::OffsetDateTime::now_utc() + self.lifetime,
        }))
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        self.store.end_session(&digest(id)).await.map_err(failed)
    }
}

impl From<tower_sessions::session::Error> for Fault {
    fn from(error: tower_sessions::session::Error) -> Self {
        tracing::error!("web: {error}");
        Fault::Trouble
    }
}

impl Site {
    /// Begins a session under a new id; whatever was remembered before is forgotten.
    pub async fn begin_session(
        &self,
        session: &Session,
        user: &User,
        is_proxied: bool,
    ) -> std::result::Result<Whose, Fault> {
        let whose = Whose {
            user: user.name.to_string(),
            stamp: user.stamp,
            is_proxied,
            token: FormToken::new(new_code()),
        };
        session.clear().await;
        session.cycle_id().await?;
        session.insert(WHOSE, &whose).await?;
        Ok(whose)
    }
}

/// Whose the session is, if it is anybody's.
pub async fn whose(session: &Session) -> std::result::Result<Option<Whose>, Fault> {
    Ok(session.get(WHOSE).await?)
}
