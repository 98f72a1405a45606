//! Claims requests to the registry, signs them, mails them, settles them.
//!
//! A request that has left may have been carried out, whatever is known of it here: it is never made
//! anew by itself. A crash between the smarthost's reply and the settling sends the same mail again,
//! with the same ctid and Message-ID, so that it can be recognised.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::backoff::backoff;
use super::outbox::{Letter, SendError, Transport};
use super::registry;
use super::request_mail::{RequestMail, SignatureForm, signed_request};
use super::sign::SigningKey;
use crate::model::request::RegistryRequest;
use crate::model::{ActionEntry, Environment, Purpose, RequestState, SentRequest, reason};
use crate::store::{Alarm, RequestDelivery, Store, StoreError};

/// Requests claimed at once.
const BATCH: u32 = 16;

/// After so long a request whose sender died comes up again; longer than one try can take.
const LEASE: Duration = Duration::from_secs(900);

/// How long to wait with what could not be signed.
const UNSIGNED_PAUSE: SignedDuration = SignedDuration::from_mins(10);

/// How long to try to write down how a try ended; with the try itself it stays below [`LEASE`].
const SETTLE_MAX: Duration = Duration::from_secs(240);

/// The pause between those tries.
const SETTLE_PAUSE: Duration = Duration::from_secs(1);

/// What requests go by, in the words of the store.
const TRANSPORT: &str = "mail";

/// What one turn of sending requests works with.
pub struct Requests<'a> {
    /// Holds the requests.
    pub store: &'a dyn Store,
    /// Where they go, by environment.
    pub to: &'a [(Environment, String)],
    /// Which of them; what only reads does not go by mail.
    pub purposes: &'a dyn Fn(Environment) -> &'a [Purpose],
    /// `From`.
    pub from: &'a str,
    /// How they carry their signature.
    pub form: SignatureForm,
    /// What waited longer since it was signed is signed again.
    pub signature_max_age: SignedDuration,
    /// Signs them; a sentence where there is no key to sign with.
    pub key: Result<&'a SigningKey, &'a str>,
    /// Takes the mails away.
    pub transport: &'a dyn Transport,
    /// The present instant.
    pub now: &'a (dyn Fn() -> Timestamp + Send + Sync),
    /// Once true, no further request is begun.
    pub is_stopping: &'a (dyn Fn() -> bool + Send + Sync),
}

/// Sends what is due; returns how many requests were claimed, 0 meaning caught up.
pub async fn deliver_requests(requests: &Requests<'_>) -> Result<usize, StoreError> {
    let mut count = 0;
    for (environment, to) in requests.to {
        let now = (requests.now)();
        let claimed = requests
            .store
            .claim_requests(
                *environment,
                (requests.purposes)(*environment),
                now,
                BATCH,
                LEASE,
            )
            .await?;
        count += claimed.len();
        for request in &claimed {
            // What was claimed and not begun is taken up by the next life.
            if (requests.is_stopping)() {
                return Ok(count);
            }
            one(requests, request, to).await?;
        }
    }
    Ok(count)
}

/// One request: signed, its bytes fixed, sent, settled.
async fn one(requests: &Requests<'_>, request: &SentRequest, to: &str) -> Result<(), StoreError> {
    let now = (requests.now)();
    if request.state == RequestState::Signed && request.transport.as_deref() == Some(super::RRI) {
        // It may have been carried out by the other way.
        let unknown = RequestDelivery::Unknown {
            at: now,
            reply: "it may have been sent by RRI before requests went by mail".to_owned(),
        };
        let alarm = not_known(request, now);
        return settle(requests.store, request, TRANSPORT, &unknown, Some(&alarm)).await;
    }
    let letter = match prepared(requests, request, to, now) {
        Ok(letter) => letter,
        Err(Unsent::Unsigned(why)) => {
            let retry = RequestDelivery::Retry {
                at: now + UNSIGNED_PAUSE,
                reply: why.clone(),
            };
            let alarm = unsigned(&why, now);
            return settle(requests.store, request, TRANSPORT, &retry, Some(&alarm)).await;
        }
        Err(Unsent::Wrong(why)) => {
            let (failed, alarm) = failure(request, &why, now);
            return settle(requests.store, request, TRANSPORT, &failed, Some(&alarm)).await;
        }
    };
    let is_wanted = requests
        .store
        .fix_request(request.id, TRANSPORT, &letter.message, now)
        .await?;
    if !is_wanted {
        return Ok(());
    }
    let outcome = requests.transport.send(&letter).await;
    let now = (requests.now)();
    let (delivery, alarm) = match (outcome, backoff(request.attempts)) {
        (Ok(reply), _) => (RequestDelivery::Sent { at: now, reply }, None),
        (Err(SendError::Transient(reply) | SendError::Unsure(reply)), Some(delay)) => {
            let at = now + SignedDuration::try_from(delay).unwrap_or_default();
            (RequestDelivery::Retry { at, reply }, None)
        }
        (Err(error), _) => {
            let (failed, alarm) = failure(request, &error.to_string(), now);
            (failed, Some(alarm))
        }
    };
    settle(
        requests.store,
        request,
        TRANSPORT,
        &delivery,
        alarm.as_ref(),
    )
    .await
}

/// Why a request has no mail.
enum Unsent {
    /// The key cannot sign now; nothing leaves unsigned.
    Unsigned(String),
    /// It can never be sent as it is.
    Wrong(String),
}

/// The mail of a request: the one that was signed before, unless its signature has grown old.
fn prepared(
    requests: &Requests<'_>,
    request: &SentRequest,
    to: &str,
    now: Timestamp,
) -> Result<Letter, Unsent> {
    let is_fresh = request
        .signed_at
        .is_some_and(|at| now.duration_since(at) <= requests.signature_max_age);
    let mut letter = signed(requests, request, to, now)?;
    if let (true, Some(raw)) = (is_fresh, &request.raw) {
        letter.message.clone_from(raw);
    }
    Ok(letter)
}

/// The mail of a request, signed at `now`.
fn signed(
    requests: &Requests<'_>,
    request: &SentRequest,
    to: &str,
    now: Timestamp,
) -> Result<Letter, Unsent> {
    if !request.request.is_writing() {
        return Err(Unsent::Wrong(
            "what only reads does not go by mail: the registry's present data, which a change of \
             single fields needs, are read by RRI; say everything in the order, or set `rri.*.host`"
                .to_owned(),
        ));
    }
    let text = registry::write(&request.request, &request.ctid, registry::Format::KeyValue)
        .map_err(|error| Unsent::Wrong(error.to_string()))?;
    let key = requests
        .key
        .map_err(|why| Unsent::Unsigned(why.to_owned()))?;
    mail(requests.from, requests.form, request, to, &text, key, now)
        .map_err(|error| Unsent::Unsigned(error.to_string()))
}

fn mail(
    from: &str,
    form: SignatureForm,
    request: &SentRequest,
    to: &str,
    text: &str,
    key: &SigningKey,
    now: Timestamp,
) -> Result<Letter, super::RequestMailError> {
    let mail = RequestMail {
        from,
        to,
        subject: &request_subject(&request.request),
        date: now,
        ctid: &request.ctid,
        text,
    };
    signed_request(&mail, form, key, now)
}

/// Action and domain, such as `CREATE xn--dnic-loa.de`; the registry reads the text alone.
pub fn request_subject(request: &RegistryRequest) -> String {
    match (request.domain(), request.handle()) {
        (Some(domain), _) => format!("{} {}", request.action(), domain.ace()),
        (None, Some(handle)) => format!("{} {handle}", request.action()),
        (None, None) => request.action().to_owned(),
    }
}

/// Writes down how a try ended. What has left must not leave again because the database was busy.
pub(super) async fn settle(
    store: &dyn Store,
    request: &SentRequest,
    transport: &str,
    delivery: &RequestDelivery,
    alarm: Option<&Alarm>,
) -> Result<(), StoreError> {
    let word = match delivery {
        RequestDelivery::Sent { .. } => "is sent",
        RequestDelivery::Retry { .. } | RequestDelivery::Withheld { .. } => "is delayed",
        RequestDelivery::Unknown { .. } => "may have been carried out or not",
        RequestDelivery::Failed { .. } => "failed",
    };
    tracing::info!(request = %request.id, ctid = %request.ctid, "request {} {word}", request.id);
    until_written(|| store.settle_request(request.id, transport, delivery, alarm)).await
}

/// Tries to write something down until it is, within reason.
pub(super) async fn until_written<T, F>(write: impl Fn() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let given_up_at = tokio::time::Instant::now() + SETTLE_MAX;
    loop {
        match write().await {
            Err(error) if tokio::time::Instant::now() < given_up_at => {
                tracing::error!("what became of a request is not written down: {error}");
                tokio::time::sleep(SETTLE_PAUSE).await;
            }
            written => return written,
        }
    }
}

fn not_known(request: &SentRequest, now: Timestamp) -> Alarm {
    Alarm {
        key: format!("request:{}", request.id),
        code: reason::OUTCOME_UNKNOWN,
        environment: Some(request.environment),
        ace: (request.request.domain()).map(|domain| domain.ace().to_owned()),
        message: None,
        text: format!(
            "what became of request {} is not known: it may have been sent by RRI",
            request.id
        ),
        raised_at: now,
    }
}

/// One alarm for all that waits: the cause is the key.
fn unsigned(why: &str, now: Timestamp) -> Alarm {
    Alarm {
        key: "signing".to_owned(),
        code: reason::UNSIGNED,
        environment: None,
        ace: None,
        message: None,
        text: format!("requests wait, for nothing can be signed: {why}"),
        raised_at: now,
    }
}

/// It can never be sent: how that is written down, and its alarm.
pub(super) fn failure(
    request: &SentRequest,
    why: &str,
    now: Timestamp,
) -> (RequestDelivery, Alarm) {
    let domain = request.request.domain();
    let object = request.request.object();
    let about = object.map_or(String::new(), |object| format!(" about {object}"));
    let action = request.request.action();
    let text = format!(
        "request {} ({action}){about} could not be sent: {why}",
        request.id
    );
    let entry = ActionEntry {
        at: now,
        environment: request.environment,
        domain: domain.cloned(),
        action: action.to_owned(),
        order: request.order,
        request: Some(request.id),
        message: None,
        codes: Vec::new(),
        text: text.clone(),
        advice: "nothing was asked of the registry: put right what stops it, then order again"
            .to_owned(),
    };
    let failed = RequestDelivery::Failed {
        at: now,
        reply: why.to_owned(),
        entry: Box::new(entry),
    };
    let alarm = Alarm {
        key: format!("request:{}", request.id),
        code: reason::REQUEST_FAILED,
        environment: Some(request.environment),
        ace: domain.map(|domain| domain.ace().to_owned()),
        message: None,
        text,
        raised_at: now,
    };
    (failed, alarm)
}
