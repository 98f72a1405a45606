//! One command a second, whoever sends it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

/// The turns of one account: all that speaks for it shares one of these.
#[derive(Clone)]
pub struct Pace {
    every: Duration,
    next: Arc<Mutex<Option<Instant>>>,
}

impl Pace {
    /// What the reseller allows an account (`centralnic.md` 7.1).
    pub const ALLOWED: Duration = Duration::from_secs(1);

    /// A turn every so often.
    pub fn new(every: Duration) -> Self {
        Pace {
            every,
            next: Arc::default(),
        }
    }

    /// Waits for the next turn.
    pub async fn turn(&self) {
        // Who waits holds the place: the next in line waits behind.
        let mut next = self.next.lock().await;
        if let Some(at) = *next {
            sleep_until(at).await;
        }
        *next = Some(Instant::now() + self.every);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn turns_keep_their_distance_also_between_two_who_share_them() {
        let pace = Pace::new(Pace::ALLOWED);
        let other = pace.clone();
        let begun = Instant::now();
        pace.turn().await;
        tokio::join!(pace.turn(), other.turn());
        assert_eq!(begun.elapsed(), Duration::from_secs(2));
    }
}
