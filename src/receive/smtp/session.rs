//! The dialogue: commands in, replies out, and the one place where a mail is answered.

use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use super::body::Body;
use super::command::{self, AddressFault, ParameterFault, Path, Verb};
use super::machine::{Machine, Step};
use super::wire::{End, Line, Wire};
use super::xforward::Client;
use super::{SmtpServer, Xforward};
use crate::model::{Envelope, Inbound};
use crate::receive::{KeepError, Reply};

/// Errors in a row after which a peer is not worth talking to; Postfix's own hard limit.
const ERRORS_MAX: u32 = 20;
/// The final dot is answered within this time, be it by "not stored": the relay must not run into
/// its own timeout and lose the connection as well.
const KEEP_MAX: Duration = Duration::from_secs(30);

/// One session.
struct Dialogue<'a, S> {
    server: &'a SmtpServer,
    wire: Wire<S>,
    machine: Machine,
    peer: IpAddr,
    helo: Option<String>,
    /// What XFORWARD said of the client of the next mail.
    client: Client,
    mail: Option<Transaction>,
    commands: usize,
    /// Error replies since the last other reply.
    errors: u32,
    /// Refusals that are in the log already.
    logged: Vec<Reply>,
}

/// MAIL was accepted.
#[derive(Default)]
struct Transaction {
    envelope: Envelope,
    utf8: bool,
    eight_bit: bool,
}

/// The session is over; its last words, if any, are said.
enum Over {
    /// The peer waits for us, or is gone.
    Quietly,
    /// The peer may be in the middle of sending.
    InTheMiddle,
}

/// Greets, talks and closes.
pub(super) async fn run<S>(server: &SmtpServer, wire: Wire<S>, peer: IpAddr)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut dialogue = Dialogue {
        server,
        wire,
        machine: Machine::new(&server.settings.hostname, peer),
        peer,
        helo: None,
        client: Client::default(),
        mail: None,
        commands: 0,
        errors: 0,
        logged: Vec::new(),
    };
    dialogue.wire.say(&server.greeting);
    let over = dialogue.talk().await;
    dialogue.wire.close(matches!(over, Over::InTheMiddle)).await;
}

impl<S: AsyncRead + AsyncWrite + Unpin> Dialogue<'_, S> {
    async fn talk(&mut self) -> Over {
        let mut line = Vec::new();
        loop {
            let read = self.wire.command(&mut line, self.mail.is_none()).await;
            let next = match read {
                Ok(Line::Command) => self.command(&line).await,
                Ok(Line::TooLong) => self.answer(&Reply::line_too_long()),
                Ok(Line::Endless) => self.cut_off(&Reply::line_too_long()),
                Ok(Line::Bare(what)) => self.cut_off(&Reply::bare_in_command(what)),
                Err(end) => self.farewell(end),
            };
            if let Err(over) = next {
                return over;
            }
        }
    }

    /// Answers a command. A refusal is written to the log, each kind once a session: a flood of
    /// commands must not become a flood of lines.
    fn answer(&mut self, reply: &Reply) -> Result<(), Over> {
        if reply.is_error() && !self.logged.contains(reply) {
            tracing::info!(
                session = self.wire.session(),
                client = %self.peer,
                code = reply.code(),
                "command refused: {}",
                reply.text()
            );
            self.logged.push(reply.clone());
        }
        self.say(reply)
    }

    /// Says a reply; after too many errors in a row, for the last time.
    fn say(&mut self, reply: &Reply) -> Result<(), Over> {
        self.errors = if reply.is_error() { self.errors + 1 } else { 0 };
        if self.errors >= ERRORS_MAX {
            return self.cut_off(&Reply::too_many_errors());
        }
        self.wire.say(reply);
        Ok(())
    }

    /// Answers, and takes nothing more: what follows might not be meant as commands.
    fn cut_off(&mut self, reply: &Reply) -> Result<(), Over> {
        tracing::warn!(
            session = self.wire.session(),
            client = %self.peer,
            code = reply.code(),
            "connection cut off: {}",
            reply.text()
        );
        self.wire.say(reply);
        Err(Over::InTheMiddle)
    }

    /// The session ends without a word of the peer's. Whether it stopped halfway, or had to, is for
    /// the log; that an idle connection ends is not.
    fn farewell(&mut self, end: End) -> Result<(), Over> {
        let is_midway = self.mail.is_some() || !self.wire.input().is_empty();
        let reply = match end {
            End::Gone | End::Deaf => None,
            End::Idle => Some(Reply::idle_too_long()),
            End::Overtime => Some(Reply::session_too_long()),
            End::Evicted => Some(Reply::made_room()),
            End::Closing => Some(Reply::shutting_down()),
        };
        let why = match &reply {
            Some(reply) => reply.text(),
            None if end == End::Deaf => "the peer does not take our replies",
            None => "the peer has closed",
        };
        let (session, client) = (self.wire.session(), self.peer);
        if is_midway {
            tracing::info!(session, %client, "session ended within a mail or a command: {why}");
        } else if matches!(end, End::Deaf | End::Overtime | End::Evicted) {
            tracing::info!(session, %client, "session ended: {why}");
        } else {
            tracing::debug!(session, %client, "session ended: {why}");
        }
        if let Some(reply) = reply {
            self.wire.say(&reply);
        }
        Err(if end == End::Overtime {
            Over::InTheMiddle
        } else {
            Over::Quietly
        })
    }

    async fn command(&mut self, line: &[u8]) -> Result<(), Over> {
        self.commands += 1;
        if self.commands > self.server.settings.max_commands {
            return self.cut_off(&Reply::too_many_commands());
        }
        let (verb, line, argument) = command::split(line);
        let reply = match verb {
            Verb::Helo | Verb::Ehlo => return self.hello(verb, line, argument),
            Verb::Mail => self.mail(argument),
            Verb::Rcpt => self.rcpt(argument),
            Verb::Data => match self.machine.command(line) {
                Step::Taken => return self.data().await,
                step => refusal(step),
            },
            Verb::Rset => match self.machine.command(line) {
                Step::Taken => {
                    self.forget_mail();
                    Reply::ok()
                }
                step => refusal(step),
            },
            // The argument means nothing (RFC 5321), and mailin takes none.
            Verb::Noop => match self.machine.command(b"NOOP") {
                Step::Taken => Reply::ok(),
                step => refusal(step),
            },
            Verb::Quit => match self.machine.command(line) {
                Step::Taken => {
                    self.wire.say(&Reply::goodbye());
                    return Err(Over::Quietly);
                }
                step => refusal(step),
            },
            // At any time (RFC 5321, 4.1.4), which mailin does not allow.
            Verb::Vrfy if argument.is_empty() => Reply::bad_argument(),
            Verb::Vrfy => Reply::cannot_verify(),
            Verb::Xforward => self.xforward(argument),
            Verb::NotOffered => Reply::not_offered(),
            // The lines of a web request are not ours to try one by one until one is a command.
            Verb::Http => return self.cut_off(&Reply::not_http()),
            Verb::Unknown => Reply::unknown_command(),
        };
        self.answer(&reply)
    }

    /// No transaction, and nothing said of the next client.
    fn forget_mail(&mut self) {
        self.mail = None;
        self.client = Client::default();
    }

    fn hello(&mut self, verb: Verb, line: &[u8], argument: &[u8]) -> Result<(), Over> {
        let name = match command::address(argument, true) {
            Ok(name) => name.to_owned(),
            Err(_) => return self.answer(&Reply::bad_argument()),
        };
        match self.machine.command(line) {
            Step::Taken => {}
            step => return self.answer(&refusal(step)),
        }
        self.forget_mail();
        self.helo = Some(name);
        if verb == Verb::Helo {
            return self.answer(&Reply::helo(&self.server.settings.hostname));
        }
        self.errors = 0;
        self.wire.say_lines(&self.server.ehlo);
        Ok(())
    }

    fn xforward(&mut self, argument: &[u8]) -> Reply {
        if self.server.settings.xforward == Xforward::Ignore {
            return Reply::xforward_not_permitted();
        }
        if self.mail.is_some() {
            return Reply::out_of_order();
        }
        match self.client.add(argument) {
            Ok(()) => Reply::ok(),
            Err(_) => Reply::bad_argument(),
        }
    }

    fn mail(&mut self, argument: &[u8]) -> Reply {
        let Some(path) = command::path(b"FROM", argument) else {
            return Reply::bad_sender();
        };
        let verdict = self.judge_sender(&path);
        let step = self.machine.mail(path.address, verdict.is_err());
        match (step, verdict) {
            (Step::OutOfOrder, _) => Reply::out_of_order(),
            (Step::Taken, Ok(mail)) => {
                self.mail = Some(mail);
                self.client = Client::default();
                Reply::sender_ok()
            }
            (_, verdict) => {
                // Not to be taken for the client of another mail.
                self.client = Client::default();
                verdict.err().unwrap_or_else(Reply::unusual_sender)
            }
        }
    }

    fn judge_sender(&self, path: &Path<'_>) -> Result<Transaction, Reply> {
        let parameters =
            command::mail_parameters(path.parameters).map_err(|fault| match fault {
                ParameterFault::Unknown => Reply::unknown_parameter(),
                ParameterFault::Malformed => Reply::bad_argument(),
            })?;
        let (utf8, eight_bit) = (parameters.utf8, parameters.eight_bit);
        let mail_from = command::address(path.address, utf8).map_err(|fault| match fault {
            AddressFault::Malformed => Reply::bad_sender(),
            AddressFault::NeedsUtf8 => Reply::needs_smtputf8(),
        })?;
        let settings = &self.server.settings;
        if parameters
            .size
            .is_some_and(|size| size > settings.max_message_size as u64)
        {
            return Err(Reply::too_big());
        }
        if settings.xforward == Xforward::Require && !self.client.addressed {
            return Err(Reply::xforward_required());
        }
        let mut envelope = Envelope {
            mail_from: Some(mail_from.to_owned()),
            helo: self.helo.clone(),
            peer: Some(self.peer),
            ..Envelope::default()
        };
        self.client.clone().into_envelope(&mut envelope);
        Ok(Transaction {
            envelope,
            utf8,
            eight_bit,
        })
    }

    fn rcpt(&mut self, argument: &[u8]) -> Reply {
        let Some(path) = command::path(b"TO", argument) else {
            return Reply::bad_recipient();
        };
        let verdict = self.judge_recipient(&path);
        let step = self.machine.rcpt(path.address, verdict.is_err());
        match (step, verdict) {
            (Step::OutOfOrder, _) => Reply::out_of_order(),
            (Step::Taken, Ok(recipient)) => {
                if let Some(mail) = &mut self.mail {
                    mail.envelope.recipients.push(recipient);
                }
                Reply::recipient_ok()
            }
            (_, verdict) => verdict.err().unwrap_or_else(Reply::unusual_recipient),
        }
    }

    fn judge_recipient(&self, path: &Path<'_>) -> Result<String, Reply> {
        // Outside a transaction the order of states is what is wrong.
        let Some(mail) = &self.mail else {
            return Err(Reply::out_of_order());
        };
        if command::words(path.parameters).next().is_some() {
            return Err(Reply::unknown_parameter());
        }
        let recipient = command::address(path.address, mail.utf8).map_err(|fault| match fault {
            AddressFault::Malformed => Reply::bad_recipient(),
            AddressFault::NeedsUtf8 => Reply::needs_smtputf8(),
        })?;
        if recipient.is_empty() {
            return Err(Reply::bad_recipient());
        }
        if mail.envelope.recipients.len() >= self.server.settings.max_recipients {
            return Err(Reply::too_many_recipients());
        }
        let mail_from = mail.envelope.mail_from.as_deref().unwrap_or_default();
        let admission = || self.server.admission.recipient(mail_from, recipient);
        match catch_unwind(AssertUnwindSafe(admission)) {
            Ok(verdict) => verdict.map(|()| recipient.to_owned()),
            Err(_) => Err(Reply::internal_error()),
        }
    }

    /// DATA was accepted: reads the message to its end and answers it.
    async fn data(&mut self) -> Result<(), Over> {
        self.wire.say(&Reply::send_data());
        let mut body = Body::new(self.server.settings.max_message_size);
        loop {
            let taken = body.take(self.wire.input());
            self.wire.consume(taken.used);
            if taken.ended {
                break;
            }
            // The sender and we may not agree where this message ends, so nothing that follows can
            // be taken as a command.
            if let Some(what) = body.bare() {
                return self.cut_off(&Reply::bare_in_message(what));
            }
            if body.is_endless() {
                return self.cut_off(&Reply::too_big());
            }
            if let Err(end) = self.wire.more_data().await {
                return self.farewell(end);
            }
        }
        // mailin lets DATA pass within a transaction only.
        let mail = self.mail.take().unwrap_or_default();
        if self.machine.end_of_data() != Step::Taken {
            return self.cut_off(&Reply::internal_error());
        }
        let reply = match body.into_raw() {
            None => {
                let reply = Reply::too_big();
                tracing::warn!(
                    session = self.wire.session(),
                    client = %self.peer,
                    queue_id = mail.envelope.queue_id.as_deref().unwrap_or_default(),
                    code = reply.code(),
                    "message refused: {}",
                    reply.text()
                );
                reply
            }
            Some(raw) => {
                if !mail.eight_bit && !raw.is_ascii() {
                    tracing::info!(
                        session = self.wire.session(),
                        client = %self.peer,
                        queue_id = mail.envelope.queue_id.as_deref().unwrap_or_default(),
                        "8-bit message without BODY=8BITMIME, kept as it came"
                    );
                }
                // Earlier replies must not wait for the disk.
                if let Err(end) = self.wire.flush().await {
                    return self.farewell(end);
                }
                self.keep(mail.envelope, raw).await
            }
        };
        self.say(&reply)
    }

    /// One mail is complete. Keeps it, then answers: the only place where a 250 for a mail is made.
    async fn keep(&self, envelope: Envelope, raw: Vec<u8>) -> Reply {
        let queue_id = envelope.queue_id.clone().unwrap_or_default();
        let bytes = raw.len();
        let mail = Inbound {
            // The sender has a say too, when the message is processed.
            source: self.server.admission.source(&envelope.recipients),
            received_at: (self.server.now)(),
            envelope,
            environment: None,
            raw,
        };
        // A panic while keeping must cost this mail a retry, not the session or the process.
        let keep = AssertUnwindSafe(async { self.server.inbox.keep(mail).await }).catch_unwind();
        let (reply, error) = match timeout(KEEP_MAX, keep).await {
            Ok(Ok(Ok(id))) => {
                let session = self.wire.session();
                tracing::debug!(session, msg = %id, queue_id, bytes, "kept as {id}");
                return Reply::kept(id);
            }
            Ok(Ok(Err(error @ KeepError::Full))) => (Reply::no_room(), error.to_string()),
            Ok(Ok(Err(error))) => (Reply::not_stored(), error.to_string()),
            Ok(Err(_)) => (Reply::internal_error(), "panic while keeping".to_owned()),
            Err(_) => (Reply::not_stored(), "not in time".to_owned()),
        };
        tracing::error!(
            session = self.wire.session(),
            client = %self.peer,
            queue_id,
            error,
            "message not kept; the relay will try again"
        );
        reply
    }
}

/// The reply to a command that mailin did not take.
fn refusal(step: Step) -> Reply {
    if step == Step::OutOfOrder {
        Reply::out_of_order()
    } else {
        Reply::bad_argument()
    }
}
