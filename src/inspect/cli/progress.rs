//! Progress of long work, on stderr.

use std::future::Future;
use std::io::IsTerminal;
use std::pin::Pin;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// A bar on a terminal, elsewhere a line every ten seconds.
pub struct Progress {
    bar: ProgressBar,
    what: &'static str,
    total: u64,
    is_terminal: bool,
    last_line: Instant,
}

impl Progress {
    /// Of `total` pieces of `what`.
    pub fn new(what: &'static str, total: u64) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        let bar = if is_terminal {
            ProgressBar::new(total)
        } else {
            ProgressBar::hidden()
        };
        if let Ok(style) =
            ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len}  {per_sec}  {eta} left")
        {
            bar.set_style(style);
        }
        bar.set_message(what);
        Progress {
            bar,
            what,
            total,
            is_terminal,
            last_line: Instant::now(),
        }
    }

    /// So many are done.
    pub fn set(&mut self, done: u64) {
        self.bar.set_position(done);
        if !self.is_terminal && self.last_line.elapsed() >= Duration::from_secs(10) {
            self.last_line = Instant::now();
            eprintln!("{done} of {} {}", self.total, self.what);
        }
    }

    /// All is done.
    pub fn finish(self) {
        self.bar.finish_and_clear();
    }
}

/// Ctrl-C, asked for between two pieces of work, so that it stops at a boundary.
pub struct Interrupt(Pin<Box<dyn Future<Output = std::io::Result<()>> + Send>>);

impl Interrupt {
    /// Listens from now on.
    pub fn watch() -> Self {
        Interrupt(Box::pin(tokio::signal::ctrl_c()))
    }

    /// Did it come?
    pub async fn is_raised(&mut self) -> bool {
        tokio::select! {
            biased;
            _ = &mut self.0 => true,
            () = std::future::ready(()) => false,
        }
    }
}
