//! Claims requests to the registry, asks them over a session, keeps the replies.
//!
//! What may have arrived is never sent again: after a broken connection, or a life that was cut short
//! between asking and keeping, the outcome is not known, and the registry's data are asked for in its
//! place (`denic.md` 4.8). What only reads may be asked twice.

use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use super::registry;
use super::requests::{failure, settle};
use crate::model::{
    Envelope, Environment, Inbound, Purpose, RequestState, SentRequest, Source, reason,
};
use crate::store::{Alarm, RequestDelivery, Sealed, Store, StoreError};
use crate::wire::rri::RriError;
use crate::wire::{Format, ReplyHead};

/// Requests claimed at once.
const BATCH: u32 = 16;

/// After so long a request whose sender died comes up again; longer than a batch can take, for at most
/// one of it waits for a reply in vain.
const LEASE: Duration = Duration::from_secs(900);

/// What requests go by, in the words of the store.
pub const RRI: &str = "rri";

/// Refusals that say "not now" (`denic.md` 6.2): nothing was carried out, and the same may be sent
/// again; with how long to wait.
const NOT_NOW: [(&str, SignedDuration); 3] = [
    // Another write to the same object is under way.
    ("53000000012", SignedDuration::from_secs(30)),
    // The daily quota is used up.
    ("53000000008", SignedDuration::from_mins(30)),
    (NO_LOGIN, SignedDuration::from_secs(5)),
];

/// The session is none any more.
const NO_LOGIN: &str = "83000000010";

/// The way to the registry of one environment.
#[async_trait]
pub trait Line: Send {
    /// Sees to it that there is a session.
    async fn open(&mut self) -> Result<(), LineError>;

    /// Sends one request and reads its reply; after an error the session is gone.
    async fn ask(&mut self, request: &str) -> Result<String, RriError>;

    /// Gives the session up: it is none any more.
    fn drop_session(&mut self);
}

/// Why nothing can be asked.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// Later there may be a way.
    #[error("{0}")]
    Way(String),
    /// Only a person can help: more tries would block the account.
    #[error("{0}")]
    Refused(String),
    /// The store. What may have left is asked about when the next life begins.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What one turn of asking works with.
pub struct Asker<'a> {
    /// Holds the requests.
    pub store: &'a dyn Store,
    /// Whose requests.
    pub environment: Environment,
    /// Which of them.
    pub purposes: &'a [Purpose],
    /// How they are written.
    pub format: Format,
    /// How long to leave a request alone whose outcome is not known: it may be under way.
    pub ask_after: SignedDuration,
    /// The present instant.
    pub now: &'a (dyn Fn() -> Timestamp + Send + Sync),
    /// Once true, no further request is begun.
    pub is_stopping: &'a (dyn Fn() -> bool + Send + Sync),
}

/// Asks what is due; returns how many requests were claimed, 0 meaning caught up.
pub async fn ask_due(asker: &Asker<'_>, line: &mut dyn Line) -> Result<usize, LineError> {
    let now = (asker.now)();
    if let Ok(before) = now.checked_sub(asker.ask_after) {
        let store = asker.store;
        let count = store
            .ask_about_unanswered(asker.environment, before, now)
            .await?;
        if count > 0 {
            tracing::warn!("the registry is asked what became of {count} requests");
        }
    }
    let claimed = asker
        .store
        .claim_requests(asker.environment, asker.purposes, now, BATCH, LEASE)
        .await?;
    let count = claimed.len();
    let mut claimed = claimed.into_iter();
    while let Some(request) = claimed.next() {
        // What was claimed and not begun is taken up by the next life.
        if (asker.is_stopping)() {
            break;
        }
        let asked = one(asker, &request, line).await;
        if let Err(error) = asked {
            for left in claimed {
                withhold(asker, &left, SignedDuration::ZERO, &error.to_string()).await?;
            }
            return Err(error);
        }
    }
    Ok(count)
}

/// One request: its bytes fixed, sent, its reply kept.
async fn one(
    asker: &Asker<'_>,
    request: &SentRequest,
    line: &mut dyn Line,
) -> Result<(), LineError> {
    let is_writing = request.request.is_writing();
    if request.state == RequestState::Signed && is_writing {
        let why = "the sender was stopped between sending it and keeping its reply";
        return Ok(unknown(asker, request, why).await?);
    }
    let text = match registry::write(&request.request, &request.ctid, asker.format) {
        Ok(text) => text,
        Err(error) => {
            let (failed, alarm) = failure(request, &error.to_string(), (asker.now)());
            settle(asker.store, request, RRI, &failed, Some(&alarm)).await?;
            return Ok(());
        }
    };
    if let Err(error) = line.open().await {
        withhold(asker, request, SignedDuration::ZERO, &error.to_string()).await?;
        return Err(error);
    }
    let is_wanted = asker
        .store
        .fix_request(request.id, RRI, text.as_bytes(), (asker.now)())
        .await?;
    if !is_wanted {
        return Ok(());
    }
    let why = match line.ask(&text).await {
        Ok(reply) => match verdict_of(&ReplyHead::read(&reply)) {
            Reply::NotNow(wait, why) => {
                if why.contains(NO_LOGIN) {
                    line.drop_session();
                }
                return Ok(withhold(asker, request, wait, &why).await?);
            }
            Reply::Plain => {
                keep(asker, request, reply).await?;
                return Ok(());
            }
            // A reply that cannot be read says nothing about what was done.
            Reply::Garbled => {
                keep(asker, request, reply).await?;
                "its reply cannot be read".to_owned()
            }
        },
        Err(error @ RriError::NotSent(_)) => {
            let why = error.to_string();
            withhold(asker, request, SignedDuration::ZERO, &why).await?;
            return Err(LineError::Way(why));
        }
        Err(RriError::Unknown(why)) => why,
    };
    line.drop_session();
    if is_writing {
        unknown(asker, request, &why).await?;
    } else {
        withhold(asker, request, SignedDuration::from_secs(5), &why).await?;
    }
    Err(LineError::Way(why))
}

enum Reply {
    NotNow(SignedDuration, String),
    Plain,
    Garbled,
}

fn verdict_of(head: &ReplyHead) -> Reply {
    match head.result.as_deref() {
        Some("failed") => {
            let wait = |error: &String| {
                let known = NOT_NOW.iter().find(|(code, _)| error.starts_with(code));
                known.map(|(_, wait)| *wait)
            };
            let waits: Option<Vec<_>> = head.errors.iter().map(wait).collect();
            match waits.and_then(|waits| waits.into_iter().max()) {
                Some(wait) => Reply::NotNow(wait, head.why()),
                None => Reply::Plain,
            }
        }
        Some("success" | "exception") => Reply::Plain,
        _ => Reply::Garbled,
    }
}

async fn keep(asker: &Asker<'_>, request: &SentRequest, reply: String) -> Result<(), StoreError> {
    let inbound = Inbound {
        source: Source::DenicRri,
        received_at: (asker.now)(),
        envelope: Envelope {
            reply_to: Some(request.id),
            ..Envelope::default()
        },
        environment: Some(asker.environment),
        raw: reply.into_bytes(),
    };
    let sealed = Sealed::new(inbound)?;
    let kept =
        super::requests::until_written(|| asker.store.keep_reply(request.id, RRI, &sealed)).await?;
    tracing::info!(
        request = %request.id, ctid = %request.ctid, msg = %kept,
        "request {} was answered, the reply is kept as {kept}", request.id
    );
    Ok(())
}

async fn withhold(
    asker: &Asker<'_>,
    request: &SentRequest,
    wait: SignedDuration,
    why: &str,
) -> Result<(), StoreError> {
    let withheld = RequestDelivery::Withheld {
        at: (asker.now)() + wait,
        reply: why.to_owned(),
    };
    settle(asker.store, request, RRI, &withheld, None).await
}

async fn unknown(asker: &Asker<'_>, request: &SentRequest, why: &str) -> Result<(), StoreError> {
    let at = (asker.now)();
    let object = request.request.object();
    let about = object.map_or(String::new(), |object| format!(" about {object}"));
    let alarm = Alarm {
        key: format!("request:{}", request.id),
        code: reason::OUTCOME_UNKNOWN,
        environment: Some(request.environment),
        ace: (request.request.domain()).map(|domain| domain.ace().to_owned()),
        message: None,
        text: format!(
            "what became of request {} ({}){about} is not known: {why}",
            request.id,
            request.request.action()
        ),
        raised_at: at,
    };
    let delivery = RequestDelivery::Unknown {
        at,
        reply: why.to_owned(),
    };
    settle(asker.store, request, RRI, &delivery, Some(&alarm)).await
}

/// Requests of an environment to which there is no way wait, and somebody is told; how many were
/// looked at.
pub async fn strand(
    store: &dyn Store,
    environment: Environment,
    purposes: &[Purpose],
    why: &str,
    now: Timestamp,
) -> Result<usize, StoreError> {
    const PAUSE: SignedDuration = SignedDuration::from_mins(10);
    let claimed = store
        .claim_requests(environment, purposes, now, BATCH, LEASE)
        .await?;
    for request in &claimed {
        let withheld = RequestDelivery::Withheld {
            at: now + PAUSE,
            reply: why.to_owned(),
        };
        let alarm = Alarm {
            key: format!("way:{environment}"),
            code: reason::NO_WAY,
            environment: Some(environment),
            ace: None,
            message: None,
            text: format!("requests to the {environment} registry wait: {why}"),
            raised_at: now,
        };
        settle(store, request, RRI, &withheld, Some(&alarm)).await?;
    }
    Ok(claimed.len())
}
