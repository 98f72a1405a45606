//! Attempts → delay. Pure.

use std::time::Duration;

/// The first waits, in seconds; a smarthost that restarts is found again quickly.
const FIRST: [u64; 9] = [5, 10, 30, 60, 120, 300, 600, 900, 1_800];

/// After the first waits: an hour each, until five days have passed, as long as an MTA would try
/// (RFC 5321, section 4.5.4.1).
const HOURLY: u32 = 5 * 24;

/// How long to wait after the try number `attempts` (from 1) failed for now; `None`: give up.
pub fn backoff(attempts: u32) -> Option<Duration> {
    let index = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
    match FIRST.get(index) {
        Some(seconds) => Some(Duration::from_secs(*seconds)),
        None if index < FIRST.len() + HOURLY as usize => Some(Duration::from_secs(3_600)),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trying_goes_on_for_days_and_then_ends() {
        let total: Duration = (1..).map_while(backoff).sum();
        assert!(total > Duration::from_secs(5 * 86_400), "{total:?}");
        assert!(total < Duration::from_secs(6 * 86_400), "{total:?}");
        assert_eq!(backoff(1), Some(Duration::from_secs(5)));
        assert_eq!(backoff(u32::MAX), None);
    }
}
