//! The reseller's poll queue (`centralnic.md` 7.3): read the oldest message, keep it, and only then
//! acknowledge it.
//!
//! A crash between keeping and acknowledging reads the same message once more; it is kept twice and
//! acted upon once. A message that is not understood is kept, acknowledged and told of: others wait
//! behind it.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::model::{Envelope, Environment, Inbound, InboundId, Source, reason};
use crate::store::{Alarm, Sealed, Store, StoreError};
use crate::wire::epp::{EppError, EppHead, EppLogin, EppSession};

/// Somebody else reads the same queue, or it stands still: after so many acknowledgements in vain it is
/// left alone for a while.
const ACKS_MAX: u32 = 3;

/// The message that carries trigger codes, by the end of its name (EP-03).
const CONFIRMATION: &str = "CONTACT_REGISTRATION_NOTIFY";

/// What gives out messages: a session of EPP.
#[async_trait]
pub trait PollQueue: Send {
    /// The response to a request for the oldest message, as it came, with its head.
    async fn poll(&mut self) -> Result<(Vec<u8>, EppHead), EppError>;
    /// Lets a message go.
    async fn acknowledge(&mut self, msgid: &str) -> Result<EppHead, EppError>;
}

#[async_trait]
impl PollQueue for EppSession {
    async fn poll(&mut self) -> Result<(Vec<u8>, EppHead), EppError> {
        EppSession::poll(self).await
    }

    async fn acknowledge(&mut self, msgid: &str) -> Result<EppHead, EppError> {
        EppSession::acknowledge(self, msgid).await
    }
}

/// Why the queue could not be emptied.
#[derive(Debug, thiserror::Error)]
pub enum PollError {
    /// The way to the reseller. Whatever was not kept is still there.
    #[error(transparent)]
    Epp(#[from] EppError),
    /// Nothing was acknowledged that was not kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The reseller says no.
    #[error("{0}")]
    Refused(String),
}

/// What a queue is read with.
pub struct PollReader<'a> {
    /// Keeps the messages.
    pub store: &'a dyn Store,
    /// Whose queue.
    pub environment: Environment,
    /// Is this understood, and of a kind that is known?
    pub is_understood: &'a (dyn Fn(&[u8]) -> bool + Send + Sync),
    /// Messages to take at most, so that other work has its turn.
    pub limit: usize,
    /// The present instant.
    pub now: &'a (dyn Fn() -> Timestamp + Send + Sync),
}

/// What was kept last: it is not kept again when it comes again.
#[derive(Debug, Default)]
pub struct Trail {
    /// Its id and its date: a server may count from the beginning again.
    last: Option<(String, Option<String>)>,
    /// Acknowledgements of it that did not help.
    in_vain: u32,
    /// A message without an id is kept already; it cannot be acknowledged.
    is_blocked: bool,
    /// It is told that codes are missing.
    is_extension_missed: bool,
}

/// What came of one look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Messages kept and acknowledged.
    pub count: usize,
    /// There may be more.
    pub is_more: bool,
}

enum Step {
    Empty,
    Acknowledged,
    Again,
    Blocked,
}

/// Empties the queue, up to the reader's limit. `trail` remembers what was kept last.
pub async fn drain(
    reader: &PollReader<'_>,
    queue: &mut dyn PollQueue,
    trail: &mut Trail,
) -> Result<Drained, PollError> {
    let mut count = 0;
    while count < reader.limit {
        match next(reader, queue, trail).await? {
            Step::Acknowledged => count += 1,
            Step::Again => {}
            Step::Empty | Step::Blocked => {
                return Ok(Drained {
                    count,
                    is_more: false,
                });
            }
        }
    }
    Ok(Drained {
        count,
        is_more: true,
    })
}

/// The oldest message: kept, and acknowledged.
async fn next(
    reader: &PollReader<'_>,
    queue: &mut dyn PollQueue,
    trail: &mut Trail,
) -> Result<Step, PollError> {
    let (frame, head) = queue.poll().await?;
    match head.code {
        Some(1300) => {
            *trail = Trail {
                is_extension_missed: trail.is_extension_missed,
                ..Trail::default()
            };
            return Ok(Step::Empty);
        }
        // Not even its head: it may be any message.
        Some(1301) | None => {}
        Some(2500..=2502) => {
            let why = format!("the reseller ended the session: {}", head.why());
            return Err(EppError::Way(why).into());
        }
        Some(_) => {
            let why = format!("the poll queue cannot be read: {}", head.why());
            return Err(PollError::Refused(why));
        }
    }
    let Some(msgid) = head.msgid.clone() else {
        return blocked(reader, frame, trail).await;
    };
    let this = (msgid.clone(), head.queued.clone());
    let is_again = trail.last.as_ref() == Some(&this);
    if !is_again {
        let is_understood = (reader.is_understood)(&frame);
        let id = keep(reader, frame).await?;
        trail.last = Some(this);
        trail.in_vain = 0;
        if !is_understood {
            let what = format!("message `{msgid}` of the {} poll queue", reader.environment);
            let text = format!("{what} is not understood; it is kept here and acknowledged there");
            raise(reader, unreadable(reader, id, text)).await?;
        }
        note_extension(reader, &head, trail).await?;
    }
    trail.is_blocked = false;
    let answer = queue.acknowledge(&msgid).await?;
    let is_success = answer.code.is_some_and(|code| (1000..2000).contains(&code));
    if is_success && !is_again {
        return Ok(Step::Acknowledged);
    }
    // It came again, or is there no longer: somebody else acknowledged it, or it stands still.
    trail.in_vain += 1;
    if trail.in_vain >= ACKS_MAX {
        return Err(PollError::Refused(format!(
            "message `{msgid}` cannot be acknowledged (does another reader work on this account?): {}",
            answer.why()
        )));
    }
    Ok(Step::Again)
}

/// Kept once and told of; without its id it cannot be acknowledged.
async fn blocked(
    reader: &PollReader<'_>,
    frame: Vec<u8>,
    trail: &mut Trail,
) -> Result<Step, PollError> {
    if !trail.is_blocked {
        let id = keep(reader, frame).await?;
        trail.is_blocked = true;
        let environment = reader.environment;
        let text = format!(
            "a message of the {environment} poll queue has no readable id; it is kept here and left \
             there, and others wait behind it"
        );
        raise(reader, unreadable(reader, id, text)).await?;
    }
    Ok(Step::Blocked)
}

/// Ends by itself when its message is held no longer.
fn unreadable(reader: &PollReader<'_>, id: InboundId, text: String) -> Alarm {
    Alarm {
        key: format!("message:{id}:poll"),
        code: reason::POLL_UNREADABLE,
        environment: Some(reader.environment),
        ace: None,
        message: Some(id),
        text,
        raised_at: (reader.now)(),
    }
}

async fn raise(reader: &PollReader<'_>, alarm: Alarm) -> Result<(), StoreError> {
    tracing::error!("{}", alarm.text);
    reader.store.raise(&[alarm]).await
}

/// A request for confirmation that comes without the extension lacks its code; the first that has it
/// ends the alarm.
async fn note_extension(
    reader: &PollReader<'_>,
    head: &EppHead,
    trail: &mut Trail,
) -> Result<(), StoreError> {
    let is_confirmation = (head.msg.as_ref()).is_some_and(|msg| msg.ends_with(CONFIRMATION));
    if !is_confirmation {
        return Ok(());
    }
    let environment = reader.environment;
    let key = format!("poll:{environment}:extension");
    if head.is_extended {
        // Whoever raised it may have been another process.
        trail.is_extension_missed = false;
        return reader.store.clear_alarm(&key, (reader.now)()).await;
    }
    if trail.is_extension_missed {
        return Ok(());
    }
    trail.is_extension_missed = true;
    let alarm = Alarm {
        key,
        code: reason::NO_EXTENSION,
        environment: Some(environment),
        ace: None,
        message: None,
        text: format!(
            "the {environment} poll queue gives requests for confirmation without their codes: the \
             session lacks the reseller's extension"
        ),
        raised_at: (reader.now)(),
    };
    raise(reader, alarm).await
}

async fn keep(reader: &PollReader<'_>, frame: Vec<u8>) -> Result<InboundId, StoreError> {
    let inbound = Inbound {
        source: Source::CentralnicPoll,
        received_at: (reader.now)(),
        envelope: Envelope::default(),
        environment: Some(reader.environment),
        raw: frame,
    };
    let kept = reader.store.keep(vec![Sealed::new(inbound)?]).await?;
    kept.first()
        .copied()
        .ok_or_else(|| StoreError::Unreadable("a kept message has no number".to_owned()))
}

/// The way to a queue: a session, opened when it is needed and given back before the server ends it.
pub struct PollLine {
    login: EppLogin,
    session: Option<EppSession>,
    trail: Trail,
}

impl PollLine {
    /// Nothing is opened yet.
    pub fn new(login: EppLogin) -> Self {
        PollLine {
            login,
            session: None,
            trail: Trail::default(),
        }
    }

    /// One look at the queue. After an error the next look opens another session; a refused login
    /// ([`EppError::Refused`]) is not to be tried again before a person has helped.
    pub async fn look(&mut self, reader: &PollReader<'_>) -> Result<Drained, PollError> {
        self.give_back().await;
        let mut session = match self.session.take() {
            Some(session) => session,
            None => EppSession::open(&self.login).await?,
        };
        let drained = drain(reader, &mut session, &mut self.trail).await?;
        self.session = Some(session);
        Ok(drained)
    }

    /// Gives the session back if it is near its end.
    pub async fn give_back(&mut self) {
        if self.session.as_ref().is_some_and(EppSession::is_over) {
            self.close().await;
        }
    }

    /// Gives the session back.
    pub async fn close(&mut self) {
        if let Some(session) = self.session.take() {
            session.close().await;
        }
    }
}
