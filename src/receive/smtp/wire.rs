//! Bytes of one connection: strict lines, bounds, time. Replies collect here and leave together.

use std::pin::Pin;
use std::time::Duration;

use memchr::{memchr, memchr2};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use super::body::bare_name;
use super::seats::Place;
use crate::receive::Reply;

/// Room made for a read while commands are awaited.
const COMMAND_READ: usize = 1024;
/// Room for the first read of a message; most registry mail fits into it. A connection that has
/// sent mail keeps it, so that it is not fetched anew for every mail.
const DATA_READ: usize = 4 * 1024;
/// Room for the next reads, once a sender has filled the first.
const DATA_READ_MAX: usize = 64 * 1024;
/// Replies beyond this leave even if more commands have come in.
const OUTPUT_MAX: usize = 16 * 1024;
/// A command line may be this many times `max_line` before its end is no longer awaited.
const ENDLESS_FACTOR: usize = 64;
/// What a session in DATA may still take once the server shuts down.
const DRAIN_DATA: Duration = Duration::from_secs(5);
/// What the last words of a connection may take.
const GOODBYE: Duration = Duration::from_secs(1);
/// How long a sender that was cut off in the middle may go on before it has to read our reply.
const LINGER: Duration = Duration::from_secs(2);

/// One connection.
pub(super) struct Wire<S> {
    stream: S,
    input: Vec<u8>,
    /// Bytes of `input` that are done with.
    start: usize,
    /// Bytes of an overlong command line already thrown away.
    swallowed: usize,
    data_read: usize,
    output: Vec<u8>,
    max_line: usize,
    command_timeout: Duration,
    ends_at: Instant,
    /// Rings at the end of a wait, or before: set once and moved only when it has rung, as most waits
    /// end long before their time.
    alarm: Pin<Box<Sleep>>,
    hurried: bool,
    place: Place,
}

/// A command line, or why there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Complete, within bounds, ended by CRLF.
    Command,
    /// Complete, but too long.
    TooLong,
    /// Far too long, and its end is not in sight.
    Endless,
    /// A NUL, or a CR or LF that is not part of a CRLF.
    Bare(&'static str),
}

/// Why nothing more is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The peer has closed.
    Gone,
    /// The peer does not take our replies.
    Deaf,
    /// Nothing came for `command_timeout`.
    Idle,
    /// `session_timeout` is over.
    Overtime,
    /// A newcomer has the seat.
    Evicted,
    /// The server is shutting down.
    Closing,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub fn new(
        stream: S,
        place: Place,
        max_line: usize,
        command_timeout: Duration,
        session_timeout: Duration,
    ) -> Self {
        let ends_at = Instant::now() + session_timeout;
        Wire {
            stream,
            input: Vec::new(),
            start: 0,
            swallowed: 0,
            data_read: DATA_READ,
            output: Vec::new(),
            max_line,
            command_timeout,
            ends_at,
            alarm: Box::pin(sleep_until(ends_at)),
            hurried: false,
            place,
        }
    }

    /// The number of the session, for the log.
    pub fn session(&self) -> u64 {
        self.place.number()
    }

    /// A reply to go out before the next wait.
    pub fn say(&mut self, reply: &Reply) {
        reply.write_to(&mut self.output);
    }

    /// The same for finished lines.
    pub fn say_lines(&mut self, lines: &[u8]) {
        self.output.extend_from_slice(lines);
    }

    /// Reads the next command into `line`, without its line end. While it waits, a session that may
    /// be `resting` can lose its seat.
    ///
    /// The whole line must come within `command_timeout`, however its bytes are spread.
    pub async fn command(&mut self, line: &mut Vec<u8>, resting: bool) -> Result<Line, End> {
        let mut due = None;
        loop {
            if self.place.is_closing() {
                return Err(End::Closing);
            }
            if let Some(found) = self.take_line(line) {
                if self.output.len() > OUTPUT_MAX {
                    self.flush().await?;
                }
                return if self.place.work() {
                    Ok(found)
                } else {
                    Err(End::Evicted)
                };
            }
            let due = match due {
                Some(due) => due,
                None => {
                    self.flush().await?;
                    self.shrink();
                    if resting {
                        self.place.rest();
                    }
                    *due.insert(Instant::now() + self.command_timeout)
                }
            };
            if self.place.is_evicted() {
                return Err(End::Evicted);
            }
            self.fill(due, COMMAND_READ).await?;
        }
    }

    fn take_line(&mut self, line: &mut Vec<u8>) -> Option<Line> {
        let pending = &self.input[self.start..];
        let Some(at) = memchr(b'\n', pending) else {
            if self.swallowed > 0 || pending.len() > self.max_line {
                // The last byte may be the CR of the end.
                let done = pending.len().saturating_sub(1);
                self.start += done;
                self.swallowed += done;
            }
            let endless = self.swallowed > self.max_line.saturating_mul(ENDLESS_FACTOR);
            return endless.then_some(Line::Endless);
        };
        let found = match &pending[..at] {
            [text @ .., b'\r'] if memchr2(b'\r', 0, text).is_some() => {
                let odd = memchr2(b'\r', 0, text).map_or(0, |at| text[at]);
                Line::Bare(bare_name(odd))
            }
            [.., b'\r'] if self.swallowed + at + 1 > self.max_line => Line::TooLong,
            [text @ .., b'\r'] => {
                line.clear();
                line.extend_from_slice(text);
                Line::Command
            }
            _ => Line::Bare("<LF>"),
        };
        self.start += at + 1;
        self.swallowed = 0;
        Some(found)
    }

    /// What has come in and is not done with.
    pub fn input(&self) -> &[u8] {
        &self.input[self.start..]
    }

    /// The first `count` bytes of [`Wire::input`] are done with.
    pub fn consume(&mut self, count: usize) {
        self.start += count;
    }

    /// Waits for more of a message. Something must come within `command_timeout`, and all of it
    /// before the session has to end.
    pub async fn more_data(&mut self) -> Result<(), End> {
        self.flush().await?;
        loop {
            let now = Instant::now();
            if self.place.is_closing() && !self.hurried {
                self.hurried = true;
                self.ends_at = self.ends_at.min(now + DRAIN_DATA);
            }
            let read = self
                .fill(now + self.command_timeout, self.data_read)
                .await?;
            if self.input.len() == self.input.capacity() {
                self.data_read = DATA_READ_MAX;
            }
            if read {
                return Ok(());
            }
        }
    }

    /// One read, of what is there. `Ok(false)`: nothing read, but the seat has news.
    async fn fill(&mut self, due: Instant, room: usize) -> Result<bool, End> {
        if self.start > 0 {
            self.input.drain(..self.start);
            self.start = 0;
        }
        if self.input.capacity() - self.input.len() < room / 2 {
            self.input.reserve_exact(room);
        }
        let late = if due < self.ends_at {
            End::Idle
        } else {
            self.overtime()
        };
        let due = due.min(self.ends_at);
        if due < self.alarm.deadline() {
            self.alarm.as_mut().reset(due);
        }
        loop {
            // A sender that never pauses would otherwise never be looked at by the clock.
            if due <= Instant::now() {
                return Err(late);
            }
            tokio::select! {
                biased;
                read = self.stream.read_buf(&mut self.input) => return match read {
                    Ok(count) if count > 0 => Ok(true),
                    _ => Err(End::Gone),
                },
                () = self.place.woken() => return Ok(false),
                () = &mut self.alarm => self.alarm.as_mut().reset(due),
            }
        }
    }

    fn overtime(&self) -> End {
        if self.hurried {
            End::Closing
        } else {
            End::Overtime
        }
    }

    /// Writes all replies in one go. A peer that does not take them is gone.
    pub async fn flush(&mut self) -> Result<(), End> {
        if self.output.is_empty() {
            return Ok(());
        }
        let written = timeout(self.command_timeout, async {
            self.stream.write_all(&self.output).await?;
            self.stream.flush().await
        });
        let written = written.await;
        self.output.clear();
        match written {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Gone),
            Err(_) => Err(End::Deaf),
        }
    }

    /// An idle connection keeps little memory, whatever it has sent before.
    fn shrink(&mut self) {
        self.data_read = DATA_READ;
        if self.start == self.input.len() {
            self.input.clear();
            self.start = 0;
            if self.input.capacity() > DATA_READ {
                self.input = Vec::new();
            }
        }
        self.output.shrink_to(COMMAND_READ);
    }

    /// Last words, then the end. With `linger`, what still comes is read and thrown away for a
    /// moment: closing on unread bytes would take our reply from a sender that reads it late.
    pub async fn close(mut self, linger: bool) {
        let last_words = timeout(GOODBYE, async {
            self.stream.write_all(&self.output).await?;
            self.stream.shutdown().await
        });
        if !matches!(last_words.await, Ok(Ok(()))) || !linger {
            return;
        }
        self.input = Vec::with_capacity(DATA_READ);
        // Over or not after this time, the connection ends.
        let _ = timeout(LINGER, async {
            while let Ok(1..) = self.stream.read_buf(&mut self.input).await {
                self.input.clear();
            }
        })
        .await;
    }
}

/// Answers a connection that gets no session.
pub(super) async fn refuse<S: AsyncWrite + Unpin>(mut stream: S, reply: &Reply) {
    let mut line = Vec::new();
    reply.write_to(&mut line);
    // Whether the peer hears it is its own affair.
    let _ = timeout(GOODBYE, async {
        stream.write_all(&line).await?;
        stream.shutdown().await
    })
    .await;
}
