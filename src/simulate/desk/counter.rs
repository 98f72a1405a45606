//! Books behind a counter, where requests arrive by whichever way, and go wrong by order.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::asked::Asked;
use super::book::{Book, Channel};
use super::fault::{Fault, Faults, noise};
use super::line::{Line, code};
use super::reply::{Data, Reply};
use crate::clock::Clock;
use crate::model::{Ctid, RequestResult};
use crate::wire::Format;

/// Books and faults that the ways in share.
#[derive(Clone)]
pub struct Counter {
    inside: Arc<Mutex<(Book, Faults)>>,
    clock: Clock,
}

/// What goes back for one request.
pub(super) struct Outcome {
    /// `None`: nothing, and the connection ends.
    pub reply: Option<Answer>,
    /// It leaves so much later.
    pub after: Duration,
}

/// A reply on its way.
pub(super) struct Answer {
    pub reply: Reply,
    /// Noise in its place.
    pub is_noise: bool,
}

impl Answer {
    /// As it goes over the wire.
    pub fn bytes(&self) -> Vec<u8> {
        let text = self.reply.to_text();
        match self.is_noise {
            true => noise(&text),
            false => text.into_bytes(),
        }
    }
}

impl Counter {
    /// Opens with those books; instants are those of the clock.
    pub fn new(book: Book, clock: Clock) -> Self {
        Counter {
            inside: Arc::new(Mutex::new((book, Faults::none()))),
            clock,
        }
    }

    /// Looks into the books, or changes them.
    pub fn book<T>(&self, work: impl FnOnce(&mut Book) -> T) -> T {
        work(&mut self.lock().0)
    }

    /// Orders faults.
    pub fn faults<T>(&self, work: impl FnOnce(&mut Faults) -> T) -> T {
        work(&mut self.lock().1)
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A panic elsewhere leaves the books as far as a request had come; tests want to see them.
    fn lock(&self) -> MutexGuard<'_, (Book, Faults)> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a request, and has it go wrong where that was ordered.
    pub(super) fn take(&self, regacc: &str, channel: Channel, text: &str) -> Outcome {
        let now = self.now();
        let mut inside = self.lock();
        let (book, faults) = &mut *inside;
        let asked = match Asked::read(text) {
            Ok(asked) => asked,
            Err(line) => {
                let format = Format::of(text);
                let reply = book.refuse(format, None, RequestResult::Failed, vec![line]);
                return Outcome {
                    reply: Some(Answer {
                        reply,
                        is_noise: false,
                    }),
                    after: Duration::ZERO,
                };
            }
        };
        let fault = faults.take(&asked.action, &asked.about());
        let act = |book: &mut Book| book.carry_out(regacc, channel, &asked, now);
        // Nothing is done, whatever the reply says.
        let skip = |book: &mut Book, truth: RequestResult, said: RequestResult, lines| {
            book.write_down(regacc, channel, &asked, truth, now);
            book.refuse(asked.format, asked.ctid.clone(), said, lines)
        };
        let refuse = |book: &mut Book, line: Line| {
            skip(
                book,
                RequestResult::Failed,
                RequestResult::Failed,
                vec![line],
            )
        };
        let mut after = Duration::ZERO;
        let reply = match &fault {
            Some(Fault::LoseRequest) => None,
            Some(Fault::LoseReply) => {
                act(book);
                None
            }
            Some(Fault::DelayReply(time)) => {
                after = *time;
                Some(act(book))
            }
            Some(Fault::DenyDone) => {
                let done = act(book);
                Some(Reply {
                    result: RequestResult::Failed,
                    lines: vec![code::WRONG_STATUS.line()],
                    data: Data::None,
                    ..done
                })
            }
            Some(Fault::KeepMessage | Fault::ClaimDone) => {
                let said = RequestResult::Success;
                Some(skip(book, RequestResult::Failed, said, Vec::new()))
            }
            Some(Fault::Exception) => {
                let fault = RequestResult::Exception;
                Some(skip(book, fault.clone(), fault, vec![code::FAULT.line()]))
            }
            Some(Fault::Quota) => Some(refuse(book, code::QUOTA.line())),
            Some(Fault::Concurrent) => Some(refuse(book, code::CONCURRENT.with(asked.about()))),
            Some(Fault::Garble) | None => Some(act(book)),
        };
        let is_noise = fault == Some(Fault::Garble);
        Outcome {
            reply: reply.map(|reply| Answer { reply, is_noise }),
            after,
        }
    }

    /// What goes wrong with a request that is none of the books'.
    pub(super) fn fault(&self, action: &str) -> Option<Fault> {
        self.lock().1.take(action, "")
    }

    /// A reply that is none of the books'.
    pub(super) fn say(
        &self,
        format: Format,
        ctid: Option<Ctid>,
        result: RequestResult,
        lines: Vec<Line>,
    ) -> Reply {
        self.lock().0.refuse(format, ctid, result, lines)
    }
}
