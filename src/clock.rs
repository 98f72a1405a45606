//! The one place where the program asks what time it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};

/// The present instant, by the system's clock and an offset that `stichtag demo` moves.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    offset_us: Arc<AtomicI64>,
}

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Clock::default()
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        let offset = SignedDuration::from_micros(self.offset_us.load(Ordering::Relaxed));
        let now = Timestamp::now();
        now.checked_add(offset).unwrap_or(now)
    }

    /// Moves the clock so that it shows `at` now.
    pub fn set(&self, at: Timestamp) {
        let offset = at.as_microsecond() - Timestamp::now().as_microsecond();
        self.offset_us.store(offset, Ordering::Relaxed);
    }
}
