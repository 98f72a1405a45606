//! Claims what is due, sends it, settles it.
//!
//! A notice's bytes are fixed before it is handed over, and stay so unless it is certain that nothing
//! was taken: whoever got it, and whoever asks for proof later, sees the same mail. A crash between the
//! smarthost's reply and the settling sends it again, with the same Message-ID; as long as the
//! smarthost is quick only one mail is under way at a time, so at most one can be cut.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use jiff::{SignedDuration, Timestamp};

use super::backoff::backoff;
use crate::model::{Notice, reason};
use crate::store::{Alarm, AuditEntry, Delivery, SMARTHOST_ALARM, Store, StoreError};

/// Notices claimed at once.
const BATCH: u32 = 48;

/// After so long a notice whose worker died comes up again; longer than one try can take.
const LEASE: Duration = Duration::from_secs(900);

/// How long to try to write down how a try ended; with the try itself it stays below [`LEASE`].
const SETTLE_MAX: Duration = Duration::from_secs(240);

/// The pause between those tries.
const SETTLE_PAUSE: Duration = Duration::from_secs(1);

/// A mail that leaves later than this after it was decided is dated anew.
const STALE: SignedDuration = SignedDuration::from_hours(1);

/// A reply that takes longer than this no longer holds up the next mail.
const PATIENCE: Duration = Duration::from_millis(200);

/// The longest pause between tries.
const LONGEST: Duration = Duration::from_secs(3_600);

/// The switch that stops sending; its value says who and why.
pub const PAUSED: &str = "notices.paused";

/// The switch that remembers when somebody last said go on.
pub const RESUMED: &str = "notices.resumed_at";

/// A finished mail with its envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// `MAIL FROM`; empty is the null sender.
    pub envelope_from: String,
    /// `RCPT TO`.
    pub envelope_to: String,
    /// The bytes, CRLF.
    pub message: Vec<u8>,
    /// What a report about its delivery calls it (`ENVID`, RFC 3461).
    pub envelope_id: String,
}

/// Why a mail did not leave.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// Nothing was taken; trying again can help.
    #[error("{0}")]
    Transient(String),
    /// Nothing was taken, whoever the recipient: the way itself is refused, and somebody must mend it.
    #[error("{0}")]
    Refused(String),
    /// It broke off when all had been said: it may have been taken.
    #[error("{0}")]
    Unsure(String),
    /// Trying again cannot help.
    #[error("{0}")]
    Permanent(String),
}

impl SendError {
    /// Can another try end differently?
    pub fn can_pass(&self) -> bool {
        !matches!(self, SendError::Permanent(_))
    }
}

/// How a try ended that was no success.
enum Trouble {
    /// The mail could not be written: no fault of the recipient's, and no mail system has seen it.
    Unwritten(String),
    Unsent(SendError),
}

/// What takes finished mails away.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Hands over one mail; the reply of the other side.
    async fn send(&self, letter: &Letter) -> Result<String, SendError>;
}

/// Writes the mail of a notice; an error is a sentence.
pub trait Writer: Send + Sync {
    /// The same notice gives the same bytes.
    fn write(&self, notice: &Notice) -> Result<Letter, String>;

    /// When it may leave, if not at `now`.
    fn waits_until(&self, notice: &Notice, now: Timestamp) -> Option<Timestamp>;
}

/// What one turn of sending works with.
pub struct Outbox<'a> {
    /// Holds the notices.
    pub store: &'a dyn Store,
    /// Writes their mails.
    pub writer: &'a dyn Writer,
    /// Takes the mails away.
    pub transport: &'a dyn Transport,
    /// The present instant.
    pub now: &'a (dyn Fn() -> Timestamp + Send + Sync),
    /// Once true, no further mail is begun; those under way are finished.
    pub is_stopping: &'a (dyn Fn() -> bool + Send + Sync),
    /// More mails in an hour pause sending.
    pub max_per_hour: usize,
}

/// Sends what is due; returns how many notices were claimed, 0 meaning caught up.
pub async fn deliver_due(outbox: &Outbox<'_>) -> Result<usize, StoreError> {
    let &Outbox {
        store,
        writer,
        transport,
        now,
        is_stopping,
        max_per_hour,
    } = outbox;
    if store.switch(PAUSED).await?.is_some() {
        return Ok(0);
    }
    let room = room_this_hour(store, now(), max_per_hour).await?;
    if room == 0 {
        return pause_if_due(store, now(), max_per_hour).await.map(|()| 0);
    }
    // From here on nothing may end this early: what is claimed must be settled.
    let due = store.claim_notices(now(), room.min(BATCH), LEASE).await?;
    let mut settled = Ok(());
    let mut under_way = FuturesUnordered::new();
    for notice in &due {
        // What was claimed and not begun is taken up by the next life.
        if is_stopping() {
            break;
        }
        if let Some(at) = writer.waits_until(notice, now()) {
            settled = store.put_off_notice(notice.id, at).await.and(settled);
            continue;
        }
        // What is under way must not hold the store: it rests while another one is settled.
        let Some(letter) = prepared(store, writer, notice, now()).await.transpose() else {
            continue;
        };
        under_way.push(async move {
            match letter {
                Ok(letter) => {
                    let sent = transport.send(&letter).await;
                    (notice, sent.map_err(Trouble::Unsent))
                }
                Err(trouble) => (notice, Err(trouble)),
            }
        });
        // Settled before the next one leaves, however slow the database is: a crash cuts one.
        if let Ok(Some((notice, outcome))) = tokio::time::timeout(PATIENCE, under_way.next()).await
        {
            settled = settle(store, notice, outcome, now()).await.and(settled);
        }
    }
    while let Some((notice, outcome)) = under_way.next().await {
        settled = settle(store, notice, outcome, now()).await.and(settled);
    }
    settled.map(|()| due.len())
}

/// How many mails may still leave: counted over an hour, and since somebody last said go on.
async fn room_this_hour(
    store: &dyn Store,
    now: Timestamp,
    max_per_hour: usize,
) -> Result<u32, StoreError> {
    let resumed_at = store.switch(RESUMED).await?;
    let resumed_at = resumed_at.and_then(|at| at.parse::<Timestamp>().ok());
    let hour_ago = now - SignedDuration::from_hours(1);
    let since = resumed_at.map_or(hour_ago, |at| at.max(hour_ago));
    let sent = usize::try_from(store.sent_since(since).await?).unwrap_or(usize::MAX);
    Ok(u32::try_from(max_per_hour.saturating_sub(sent)).unwrap_or(u32::MAX))
}

/// More mails in an hour than the operator thought possible means that something is wrong: a
/// person decides.
async fn pause_if_due(
    store: &dyn Store,
    now: Timestamp,
    max_per_hour: usize,
) -> Result<(), StoreError> {
    if store.next_notice_at().await?.is_none_or(|at| at > now) {
        return Ok(());
    }
    let text = format!("more than {max_per_hour} mails within an hour");
    let audit = AuditEntry {
        at: now,
        actor: "stichtag".to_owned(),
        action: "notice pause".to_owned(),
        object: PAUSED.to_owned(),
        detail: text.clone(),
    };
    tracing::warn!("sending paused: {text}; `stichtag notice resume` goes on");
    store.set_switch(PAUSED, Some(&text), &audit).await
}

/// Writes down how a try ended. A mail that has left must not leave again because the database
/// was busy or full at that moment, so this waits for it, as long as the notice is ours.
async fn settle(
    store: &dyn Store,
    notice: &Notice,
    outcome: Result<String, Trouble>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (delivery, alarm) = judge(notice, outcome, now);
    tracing::info!(notice = %notice.id, attempts = notice.attempts, "notice {} {}", notice.id, word(&delivery));
    let given_up_at = tokio::time::Instant::now() + SETTLE_MAX;
    loop {
        let settled = store
            .settle_notice(notice.id, &delivery, alarm.as_ref())
            .await;
        match settled {
            Err(error) if tokio::time::Instant::now() < given_up_at => {
                tracing::error!(notice = %notice.id, "notice {} not settled: {error}", notice.id);
                tokio::time::sleep(SETTLE_PAUSE).await;
            }
            settled => return settled,
        }
    }
}

/// What to write down about a try, and whom to alarm.
///
/// Only what the smarthost says about the recipient, or days without success, end the tries. What is
/// wrong with the smarthost or with our own texts is tried until somebody has mended it.
fn judge(
    notice: &Notice,
    outcome: Result<String, Trouble>,
    now: Timestamp,
) -> (Delivery, Option<Alarm>) {
    let delay = backoff(notice.attempts);
    let later = |delay| now + SignedDuration::try_from(delay).unwrap_or_default();
    // Bytes that were there before this try may have left with an earlier one.
    let is_unsure = notice.raw.is_some();
    let again = |reply, delay, is_unsure| match is_unsure {
        true => Delivery::Unsure {
            at: later(delay),
            reply,
        },
        false => Delivery::Retry {
            at: later(delay),
            reply,
        },
    };
    let patient = delay.unwrap_or(LONGEST);
    match (outcome, delay) {
        (Ok(reply), _) => (Delivery::Sent { at: now, reply }, None),
        (Err(Trouble::Unwritten(why)), _) => {
            let alarm = of_notice(notice, "cannot be written", &why, now);
            (again(why, patient, is_unsure), Some(alarm))
        }
        (Err(Trouble::Unsent(SendError::Refused(reply))), _) => {
            let alarm = refused(&reply, now);
            (again(reply, patient, is_unsure), Some(alarm))
        }
        (Err(Trouble::Unsent(SendError::Transient(reply))), Some(delay)) => {
            (again(reply, delay, is_unsure), None)
        }
        (Err(Trouble::Unsent(SendError::Unsure(reply))), Some(delay)) => {
            (again(reply, delay, true), None)
        }
        (Err(Trouble::Unsent(error)), _) => {
            let reply = error.to_string();
            let alarm = of_notice(notice, "failed", &reply, now);
            (Delivery::Failed { reply }, Some(alarm))
        }
    }
}

/// The mail of a notice, its bytes fixed in the store; `None` where later news overtook it. A store
/// in trouble is transient.
async fn prepared(
    store: &dyn Store,
    writer: &dyn Writer,
    notice: &Notice,
    now: Timestamp,
) -> Result<Option<Letter>, Trouble> {
    let written = write_anew(store, writer, notice, now).await?;
    let items = notice.items.len();
    match store.fix_notice(notice.id, &written.message, items).await {
        Ok(true) => Ok(Some(Letter {
            message: notice.raw.clone().unwrap_or(written.message),
            ..written
        })),
        Ok(false) => Ok(None),
        Err(error) => Err(Trouble::Unsent(SendError::Transient(error.to_string()))),
    }
}

/// The mail of a notice; one that was held up (sending was paused) is dated now, and speaks of what
/// is still to come.
async fn write_anew(
    store: &dyn Store,
    writer: &dyn Writer,
    notice: &Notice,
    now: Timestamp,
) -> Result<Letter, Trouble> {
    let is_stale = notice.raw.is_none() && now.duration_since(notice.created_at) > STALE;
    if !is_stale {
        return writer.write(notice).map_err(Trouble::Unwritten);
    }
    let redated = store.redate_notice(notice.id, now).await;
    redated.map_err(|error| Trouble::Unsent(SendError::Transient(error.to_string())))?;
    let notice = Notice {
        created_at: now,
        ..notice.clone()
    };
    writer.write(&notice).map_err(Trouble::Unwritten)
}

/// The smarthost takes no mail, whoever it is for.
fn refused(reply: &str, now: Timestamp) -> Alarm {
    Alarm {
        key: SMARTHOST_ALARM.to_owned(),
        code: reason::SMARTHOST_REFUSES,
        environment: None,
        ace: None,
        message: None,
        text: format!("the smarthost takes no mail from us: {reply}"),
        raised_at: now,
    }
}

fn of_notice(notice: &Notice, what: &str, why: &str, now: Timestamp) -> Alarm {
    let next = notice
        .items
        .iter()
        .flat_map(|item| [item.dedelegation_at, item.deletion_at, item.suspension_at])
        .flatten()
        .min();
    let domains: Vec<_> = notice
        .items
        .iter()
        .map(|item| item.domain.unicode())
        .collect();
    let deadline = next.map_or(String::new(), |at| format!(", deadline {at}"));
    Alarm {
        key: format!("notice:{}", notice.id),
        code: reason::NOTICE_FAILED,
        environment: Some(notice.environment),
        ace: notice
            .items
            .first()
            .map(|item| item.domain.ace().to_owned()),
        message: None,
        text: format!(
            "notice {} ({}) to customer {} about {} {what}{deadline}: {why}",
            notice.id,
            notice.kind,
            notice.customer,
            domains.join(", "),
        ),
        raised_at: now,
    }
}

fn word(delivery: &Delivery) -> &'static str {
    match delivery {
        Delivery::Sent { .. } => "is sent",
        Delivery::Retry { .. } | Delivery::Unsure { .. } => "is delayed",
        Delivery::Failed { .. } => "failed",
    }
}
