//! How connections begin, counted.

use std::sync::atomic::{AtomicU64, Ordering};

/// How a connection begins.
#[derive(Clone, Copy)]
pub(super) enum Beginning {
    /// It has a seat.
    Taken,
    /// It comes from outside the trusted relays.
    Foreign,
    /// All seats are taken.
    Full,
    /// The server is shutting down.
    Stopping,
}

/// Connections since the start, by how they began.
#[derive(Debug, Default)]
pub struct Connections([AtomicU64; 4]);

impl Connections {
    /// The words for it, as a metric's label.
    const RESULTS: [&str; 4] = ["taken", "not-trusted", "full", "stopping"];

    pub(super) fn add(&self, beginning: Beginning) {
        self.0[beginning as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// How many there were of each.
    pub fn counts(&self) -> [(&'static str, u64); 4] {
        let count = |place: usize| self.0[place].load(Ordering::Relaxed);
        [0, 1, 2, 3].map(|place| (Self::RESULTS[place], count(place)))
    }
}
