//! Events and lists of CentralNic Reseller by its API (`centralnic.md` 5, 6): read, kept, and only
//! then deleted there.
//!
//! A crash between keeping and deleting reads the same event once more; it is kept twice and acted
//! upon once.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::Timestamp;

use crate::model::{
    DomainName, Envelope, Environment, Inbound, ResellerCommand, ResellerReply, RetryClass, Source,
    reason,
};
use crate::store::{Alarm, AuditEntry, Sealed, Store, StoreError};
use crate::wire::reseller::{Answer, CallError, Command, Halt, ListKind, ResellerLine, commands};

/// Pages of one list at most; a list that has more goes in circles.
const PAGES_MAX: usize = 200;

/// An event whose answer was not whole so often is left, and told of: others wait behind it.
const TRIES_MAX: u32 = 3;

/// What events and lists are read with.
pub struct EventReader<'a> {
    /// Keeps what is read.
    pub store: &'a dyn Store,
    /// Whose.
    pub environment: Environment,
    /// Events to take at most, so that other work has its turn.
    pub limit: usize,
    /// The present instant.
    pub now: &'a (dyn Fn() -> Timestamp + Send + Sync),
}

/// Why it does not go on.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// The account. Whatever was not kept is still there.
    #[error(transparent)]
    Halt(#[from] Halt),
    /// Nothing was deleted that was not kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Events that are listed there, between one turn and the next.
#[derive(Debug, Default)]
pub struct Backlog {
    /// Still to be read.
    waiting: VecDeque<String>,
    /// Kept here, and not deleted there: not read again, but deleted once more.
    kept: BTreeSet<String>,
    /// How often in vain.
    tries: BTreeMap<String, u32>,
}

/// What came of one look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    /// Events kept and deleted.
    pub count: usize,
    /// There are more.
    pub is_more: bool,
}

/// Reads the events that there are, up to the reader's limit.
pub async fn drain(
    reader: &EventReader<'_>,
    line: &mut dyn ResellerLine,
    backlog: &mut Backlog,
) -> Result<Read, EventError> {
    if backlog.waiting.is_empty() {
        let listed = listed(line).await?;
        backlog.kept.retain(|event| listed.contains(event));
        backlog.tries.retain(|event, _| listed.contains(event));
        if backlog.kept.is_empty() && backlog.tries.is_empty() {
            let key = stuck_key(reader.environment);
            reader.store.clear_alarm(&key, (reader.now)()).await?;
        }
        backlog.waiting = listed.into();
    }
    let mut count = 0;
    while count < reader.limit {
        // What is taken out and not settled is listed again the next time.
        let Some(event) = backlog.waiting.pop_front() else {
            break;
        };
        one(reader, line, backlog, &event).await?;
        count += 1;
    }
    Ok(Read {
        count,
        is_more: !backlog.waiting.is_empty(),
    })
}

/// The numbers of all events, oldest first. Nothing is deleted meanwhile: pages would move.
async fn listed(line: &mut dyn ResellerLine) -> Result<Vec<String>, EventError> {
    let mut events = Vec::new();
    let mut first = 0;
    for _ in 0..PAGES_MAX {
        let answer = asked(line, &commands::query_events(first)).await?;
        for event in answer.reply.values("event") {
            if !events.contains(event) {
                events.push(event.clone());
            }
        }
        match next_page(&answer.reply, first) {
            Some(next) => first = next,
            None => break,
        }
    }
    Ok(events)
}

/// One event: read and kept, unless that was done, and deleted.
async fn one(
    reader: &EventReader<'_>,
    line: &mut dyn ResellerLine,
    backlog: &mut Backlog,
    event: &str,
) -> Result<(), EventError> {
    if backlog
        .tries
        .get(event)
        .is_some_and(|tries| *tries >= TRIES_MAX)
    {
        return Ok(());
    }
    if !backlog.kept.contains(event) {
        let command = commands::status_event(event);
        let answer = match line.ask(&command).await {
            Ok(answer) => answer,
            Err(error) => {
                if matches!(error, CallError::Unknown(_)) {
                    note_failure(reader, backlog, event, &error.to_string()).await?;
                }
                return Err(Halt::from(error).into());
            }
        };
        match class(&answer)? {
            None => {
                keep(reader, &command, &answer).await?;
                backlog.kept.insert(event.to_owned());
            }
            Some(_) if is_gone(&answer) => return Ok(()),
            Some(_) => {
                return note_failure(reader, backlog, event, &answer.reply.description).await;
            }
        }
    }
    let answer = line
        .ask(&commands::delete_event(event))
        .await
        .map_err(Halt::from)?;
    match class(&answer)? {
        None => {}
        Some(_) if is_gone(&answer) => {}
        Some(_) => return note_failure(reader, backlog, event, &answer.reply.description).await,
    }
    // Should it be listed once more, it is read once more: what it is then is not known.
    backlog.kept.remove(event);
    backlog.tries.remove(event);
    Ok(())
}

/// An event that cannot be read or deleted: told of when it is not tried again.
async fn note_failure(
    reader: &EventReader<'_>,
    backlog: &mut Backlog,
    event: &str,
    why: &str,
) -> Result<(), EventError> {
    let tries = backlog.tries.entry(event.to_owned()).or_default();
    *tries += 1;
    if *tries < TRIES_MAX {
        return Ok(());
    }
    let environment = reader.environment;
    let is_kept = match backlog.kept.contains(event) {
        true => "it is kept here, and left there",
        false => "it is left there unread",
    };
    let text = format!("event {event} of the {environment} account: {is_kept}: {why}");
    tracing::error!("{text}");
    let alarm = Alarm {
        key: stuck_key(environment),
        code: reason::EVENT_STUCK,
        environment: Some(environment),
        ace: None,
        message: None,
        text,
        raised_at: (reader.now)(),
    };
    reader.store.raise(&[alarm]).await?;
    Ok(())
}

/// Reads the lists of domains that are suspended or may be, keeps every page, and has those looked at
/// whose clock runs here although no list names them; how many those are.
pub async fn sweep(
    reader: &EventReader<'_>,
    line: &mut dyn ResellerLine,
) -> Result<usize, EventError> {
    let mut named = BTreeSet::new();
    for kind in [ListKind::Unverified, ListKind::Suspended] {
        let mut first = 0;
        for _ in 0..PAGES_MAX {
            let command = commands::query_domains(kind, first);
            let answer = asked(line, &command).await?;
            keep(reader, &command, &answer).await?;
            let names = answer.reply.values("domain").iter();
            named.extend(names.filter_map(|name| name.parse::<DomainName>().ok()));
            match next_page(&answer.reply, first) {
                Some(next) => first = next,
                None => break,
            }
        }
    }
    let clocks = reader.store.reseller_clocks(reader.environment).await?;
    let missed: Vec<ResellerCommand> = clocks
        .into_iter()
        .filter(|domain| !named.contains(domain))
        .map(|domain| ResellerCommand::StatusDomain { domain })
        .collect();
    let now = (reader.now)();
    let audit = AuditEntry {
        at: now,
        actor: "stichtag-send".to_owned(),
        action: "reseller sweep".to_owned(),
        object: format!("centralnic.{}", reader.environment),
        detail: format!("{} domains that no list names", missed.len()),
    };
    let store = reader.store;
    store
        .queue_commands(reader.environment, &missed, now, &audit)
        .await?;
    Ok(missed.len())
}

/// Where the next page begins; `None`: this was the last one.
fn next_page(reply: &ResellerReply, first: u32) -> Option<u32> {
    let number = |name: &str| reply.one(name).and_then(|text| text.parse::<u32>().ok());
    let next = number("last")?.checked_add(1)?;
    (next > first && next < number("total")?).then_some(next)
}

/// An answer that is a success, or why it does not go on.
async fn asked(line: &mut dyn ResellerLine, command: &Command) -> Result<Answer, EventError> {
    let answer = line.ask(command).await.map_err(Halt::from)?;
    match class(&answer)? {
        None => Ok(answer),
        Some(_) => {
            let (name, reply) = (command.name(), &answer.reply);
            let why = format!("{name}: {} {}", reply.code, reply.description);
            Err(Halt::Way(why).into())
        }
    }
}

/// What an answer asks for; an error where it stops the account, or says "later".
fn class(answer: &Answer) -> Result<Option<RetryClass>, Halt> {
    let (code, text) = (answer.reply.code, &answer.reply.description);
    if let Some(halt) = Halt::of(code, text) {
        return Err(halt);
    }
    match RetryClass::of(Some(code), true) {
        Some(RetryClass::Again) => Err(Halt::Way(format!("{code} {text}"))),
        class => Ok(class),
    }
}

/// Somebody else deleted it.
fn is_gone(answer: &Answer) -> bool {
    answer.reply.code == 545
}

fn stuck_key(environment: Environment) -> String {
    format!("events:{environment}:stuck")
}

async fn keep(
    reader: &EventReader<'_>,
    command: &Command,
    answer: &Answer,
) -> Result<(), StoreError> {
    let inbound = Inbound {
        source: Source::CentralnicApi,
        received_at: (reader.now)(),
        envelope: Envelope {
            asked: Some(command.shown()),
            ..Envelope::default()
        },
        environment: Some(reader.environment),
        raw: answer.raw.clone(),
    };
    reader.store.keep(vec![Sealed::new(inbound)?]).await?;
    Ok(())
}
