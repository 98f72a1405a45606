//! Claims commands to CentralNic Reseller, sends them, settles them.
//!
//! A changing command that may have arrived is never just sent again: what it changes is looked at
//! first (R4), also after a life that was cut short between sending it and writing down its answer.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::super::backoff::backoff;
use super::super::requests::until_written;
use super::look::{is_done, question};
use super::write::{Dialect, write};
use crate::model::{
    CommandState, Envelope, Environment, HIDDEN, Inbound, ResellerCommand, ResellerCommandId,
    ResellerRequest, RetryClass, Source, reason,
};
use crate::store::{Alarm, CommandReply, Sealed, Store, StoreError};
use crate::wire::reseller::{Answer, CallError, Command, Halt, ResellerLine};

/// Commands in one turn; at one a second others have their turn soon.
const BATCH: usize = 8;

/// After so long a command whose sender died comes up again; longer than its calls can take.
const LEASE: Duration = Duration::from_secs(300);

/// A command whose answer was lost may be under way there: so long its state says nothing.
const LOOK_AFTER: SignedDuration = SignedDuration::from_secs(30);

/// Confirming twice changes nothing (CV-25), and somebody waits for it at a screen.
const CONFIRM_AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(3);

/// What could not be done for so long is given up: as long as mail is tried.
const GIVEN_UP_AFTER: SignedDuration = SignedDuration::from_hours(5 * 24);

/// What one turn of sending works with.
pub struct Commander<'a> {
    /// Holds the commands.
    pub store: &'a dyn Store,
    /// Whose commands.
    pub environment: Environment,
    /// How some of them are written.
    pub dialect: Dialect,
    /// The present instant.
    pub now: &'a (dyn Fn() -> Timestamp + Send + Sync),
    /// Once true, no further command is begun.
    pub is_stopping: &'a (dyn Fn() -> bool + Send + Sync),
}

/// Why no more commands can be sent for now.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The account. The command that met this is settled.
    #[error(transparent)]
    Halt(#[from] Halt),
    /// The store. What may have left is looked after when its lease ends.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Sends what is due; returns how many commands were claimed, 0 meaning caught up.
pub async fn send_commands(
    commander: &Commander<'_>,
    line: &mut dyn ResellerLine,
) -> Result<usize, CommandError> {
    for count in 0..BATCH {
        if (commander.is_stopping)() {
            return Ok(count);
        }
        let claimed = commander
            .store
            .claim_commands(commander.environment, (commander.now)(), 1, LEASE)
            .await?;
        let Some(request) = claimed.first() else {
            return Ok(count);
        };
        one(commander, request, line).await?;
    }
    Ok(BATCH)
}

/// One command: looked after if it was begun before, sent, settled.
async fn one(
    commander: &Commander<'_>,
    request: &ResellerRequest,
    line: &mut dyn ResellerLine,
) -> Result<(), CommandError> {
    if request.state == CommandState::Sent
        && let Some(question) = question(&request.command)
        && look(commander, request, &question, line).await?
    {
        return Ok(());
    }
    let written = write(
        &request.command,
        request.trigger.as_ref(),
        commander.dialect,
    );
    let command = match written.and_then(|command| {
        let checked = command.block().map_err(|error| error.to_string());
        checked.map(|_| command)
    }) {
        Ok(command) => command,
        Err(why) => return Ok(fail(commander, request, &why, None).await?),
    };
    if !request.command.is_reading() {
        let begun = commander
            .store
            .begin_command(request.id, (commander.now)())
            .await?;
        if !begun {
            return Ok(());
        }
    }
    match line.ask(&command).await {
        Ok(answer) => answered(commander, request, &command, &answer).await,
        Err(error) => Err(unanswered(commander, request, error).await?.into()),
    }
}

/// Settles a command by its answer.
async fn answered(
    commander: &Commander<'_>,
    request: &ResellerRequest,
    command: &Command,
    answer: &Answer,
) -> Result<(), CommandError> {
    let is_reading = request.command.is_reading();
    let code = answer.reply.code;
    let text = said(command, answer);
    // What one command may not do, or costs, holds up no other.
    let halt = Halt::of(code, &text)
        .filter(|halt| !matches!(halt, Halt::Refused(_)) || is_about_login(code));
    let now = (commander.now)();
    let sealed = sealed(commander, request.id, command, answer)?;
    let settled = |state, due_at| CommandReply {
        state,
        due_at,
        code: Some(code),
        text: text.clone(),
    };
    let reply = match RetryClass::of(Some(code), is_reading) {
        None => settled(CommandState::Done, now),
        Some(RetryClass::Again) => match delay(request, now) {
            // It says that it failed, but not how far it had come.
            Some(delay) if !is_reading => settled(CommandState::Sent, now + delay),
            Some(delay) => settled(CommandState::Queued, now + delay),
            None => settled(CommandState::Failed, now),
        },
        Some(RetryClass::SlowDown) => settled(CommandState::Queued, now),
        // Who may not log in asks once more when that is put right; of what this command may not do,
        // or what it costs, nothing else is to be held up by it.
        Some(RetryClass::Operator) if is_about_login(code) => settled(CommandState::Queued, now),
        Some(RetryClass::Operator | RetryClass::Final | RetryClass::Unknown) => {
            settled(CommandState::Failed, now)
        }
    };
    let alarm = match reply.state {
        CommandState::Failed => failure(request, &text, now),
        _ => None,
    };
    settle(commander, request, &reply, Some(&sealed), alarm.as_ref()).await?;
    halt.map_or(Ok(()), |halt| Err(halt.into()))
}

/// Settles a command without an answer; what stops the account.
async fn unanswered(
    commander: &Commander<'_>,
    request: &ResellerRequest,
    error: CallError,
) -> Result<Halt, StoreError> {
    let now = (commander.now)();
    let is_lost = matches!(error, CallError::Unknown(_));
    let halt = Halt::from(error);
    let (state, due_at) = match (is_lost, &request.command) {
        (false, _) => (CommandState::Queued, now),
        (true, ResellerCommand::ActivateContact { .. }) => {
            (CommandState::Sent, now + CONFIRM_AGAIN_AFTER)
        }
        (true, command) if command.is_reading() => {
            let delay = delay(request, now).unwrap_or(LOOK_AFTER);
            (CommandState::Queued, now + delay)
        }
        (true, _) => (CommandState::Sent, now + LOOK_AFTER),
    };
    if is_lost && delay(request, now).is_none() {
        fail(commander, request, &halt.to_string(), None).await?;
        return Ok(halt);
    }
    let reply = CommandReply {
        state,
        due_at,
        code: None,
        text: halt.to_string(),
    };
    settle(commander, request, &reply, None, None).await?;
    Ok(halt)
}

/// Looks whether a command was done of which that is not known; true: it is settled.
async fn look(
    commander: &Commander<'_>,
    request: &ResellerRequest,
    question: &Command,
    line: &mut dyn ResellerLine,
) -> Result<bool, CommandError> {
    let now = (commander.now)();
    let wait = |why: String, at: Timestamp| CommandReply {
        state: CommandState::Sent,
        due_at: at,
        code: None,
        text: format!("what became of it is not known, and cannot be looked at: {why}"),
    };
    let answer = match line.ask(question).await {
        Ok(answer) => answer,
        Err(error) => {
            let halt = Halt::from(error);
            let reply = wait(halt.to_string(), now + LOOK_AFTER);
            settle(commander, request, &reply, None, None).await?;
            return Err(halt.into());
        }
    };
    let code = answer.reply.code;
    let text = said(question, &answer);
    let sealed = sealed(commander, request.id, question, &answer)?;
    if RetryClass::of(Some(code), true).is_none() {
        if !is_done(&request.command, &answer.reply, now) {
            // It tells of the object, and of no command that others asked for.
            let mut inbound = sealed.inbound;
            inbound.envelope.command = None;
            commander.store.keep(vec![Sealed::new(inbound)?]).await?;
            return Ok(false);
        }
        let reply = CommandReply {
            state: CommandState::Done,
            due_at: now,
            code: Some(code),
            text: "its answer was lost; the state shows that it was done".to_owned(),
        };
        settle(commander, request, &reply, Some(&sealed), None).await?;
        return Ok(true);
    }
    if let Some(halt) = Halt::of(code, &text) {
        let reply = wait(text, now);
        settle(commander, request, &reply, Some(&sealed), None).await?;
        return Err(halt.into());
    }
    match (RetryClass::of(Some(code), true), delay(request, now)) {
        (Some(RetryClass::Again), Some(delay)) => {
            let reply = wait(text, now + delay);
            settle(commander, request, &reply, Some(&sealed), None).await?;
        }
        _ => fail(commander, request, &text, Some((code, &sealed))).await?,
    }
    Ok(true)
}

/// Gives a command up.
async fn fail(
    commander: &Commander<'_>,
    request: &ResellerRequest,
    why: &str,
    answer: Option<(u16, &Sealed)>,
) -> Result<(), StoreError> {
    let now = (commander.now)();
    let reply = CommandReply {
        state: CommandState::Failed,
        due_at: now,
        code: answer.map(|(code, _)| code),
        text: why.to_owned(),
    };
    let alarm = failure(request, why, now);
    let answer = answer.map(|(_, sealed)| sealed);
    settle(commander, request, &reply, answer, alarm.as_ref()).await
}

/// Writes down how a try ended. What was done must not be done again because the database was busy.
async fn settle(
    commander: &Commander<'_>,
    request: &ResellerRequest,
    reply: &CommandReply,
    answer: Option<&Sealed>,
    alarm: Option<&Alarm>,
) -> Result<(), StoreError> {
    let (id, store, now) = (request.id, commander.store, (commander.now)());
    let name = request.command.name();
    tracing::info!(command = %id, "command {id} ({name}) is {}: {}", reply.state, reply.text);
    until_written(|| store.settle_command(id, reply, answer, alarm, now)).await?;
    Ok(())
}

/// How long to wait before the next try; `None`: it is given up.
fn delay(request: &ResellerRequest, now: Timestamp) -> Option<SignedDuration> {
    const HOUR: SignedDuration = SignedDuration::from_hours(1);
    if now.duration_since(request.created_at) > GIVEN_UP_AFTER {
        return None;
    }
    let delay = backoff(request.attempts).and_then(|delay| SignedDuration::try_from(delay).ok());
    Some(delay.unwrap_or(HOUR))
}

/// Authentication, and the address that we come from: nothing else will be answered otherwise.
fn is_about_login(code: u16) -> bool {
    matches!(code, 530 | 535)
}

/// What an answer says, without what opens something.
fn said(command: &Command, answer: &Answer) -> String {
    let text = answer.reply.description.clone();
    command
        .secrets()
        .fold(text, |text, secret| text.replace(secret, HIDDEN))
}

fn sealed(
    commander: &Commander<'_>,
    id: ResellerCommandId,
    command: &Command,
    answer: &Answer,
) -> Result<Sealed, StoreError> {
    Sealed::new(Inbound {
        source: Source::CentralnicApi,
        received_at: (commander.now)(),
        envelope: Envelope {
            asked: Some(command.shown()),
            command: Some(id),
            ..Envelope::default()
        },
        environment: Some(commander.environment),
        raw: answer.raw.clone(),
    })
}

/// The alarm about a command that failed, where a person is needed: what was read is decided on like
/// any message, and whoever types a wrong code sees so himself.
fn failure(request: &ResellerRequest, why: &str, now: Timestamp) -> Option<Alarm> {
    let is_seen = matches!(request.command, ResellerCommand::ActivateContact { .. });
    if is_seen || request.command.is_reading() {
        return None;
    }
    let domain = request.command.domain();
    Some(Alarm {
        key: format!("command:{}", request.id),
        code: reason::RESELLER_FAILED,
        environment: Some(request.environment),
        ace: domain.map(|domain| domain.ace().to_owned()),
        message: None,
        text: format!(
            "command {} ({}) failed: {why}",
            request.id,
            request.command.name()
        ),
        raised_at: now,
    })
}
