//! What visitors were answered, counted.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Answers since the start, by page.
#[derive(Clone, Debug, Default)]
pub struct Visits(Arc<Mutex<BTreeMap<&'static str, u64>>>);

impl Visits {
    pub(super) fn add(&self, page: &'static str) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(page).or_default() += 1;
    }

    /// How many there were of each.
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
