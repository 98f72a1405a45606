//! How often a sign-in may be tried.
//!
//! A network has so many tries, and with one name fewer. Whoever tries one name from many networks has
//! so many in all, and these are not taken from networks in which its user has signed in before: nobody
//! can lock them out there.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::config::Rate;
use crate::inspect::public::{Limiter, Subnet};
use crate::model::sha256_hex;

const BY_NETWORK: Rate = Rate {
    count: 30,
    per: Duration::from_secs(600),
};

const BY_NETWORK_AND_NAME: Rate = Rate {
    count: 8,
    per: Duration::from_secs(600),
};

const BY_NAME_ELSEWHERE: Rate = Rate {
    count: 30,
    per: Duration::from_secs(3_600),
};

/// Who tries, and from where. Names are whatever somebody typed, so a digest is remembered.
#[derive(Clone, Debug)]
pub struct Try {
    network: Subnet,
    name: String,
    is_known_place: bool,
}

impl Try {
    /// A try with that name from that address.
    pub fn new(address: IpAddr, name: &str) -> Self {
        Try {
            network: Subnet::from(address),
            name: sha256_hex(name.to_lowercase().as_bytes()),
            is_known_place: false,
        }
    }

    /// The network, as it is remembered.
    pub fn network(&self) -> String {
        self.network.to_string()
    }

    /// The same, where the user has signed in from there before.
    pub fn at(self, is_known_place: bool) -> Self {
        Try {
            is_known_place,
            ..self
        }
    }
}

/// Tries that have failed or are under way.
#[derive(Debug)]
pub struct Tries(Mutex<Limits>);

#[derive(Debug)]
struct Limits {
    by_network: Limiter,
    by_both: Limiter<(Subnet, String)>,
    by_name: Limiter<String>,
}

impl Default for Tries {
    fn default() -> Self {
        Tries(Mutex::new(Limits {
            by_network: Limiter::new(BY_NETWORK),
            by_both: Limiter::new(BY_NETWORK_AND_NAME),
            by_name: Limiter::new(BY_NAME_ELSEWHERE),
        }))
    }
}

impl Tries {
    /// Takes a turn. An error: how long until the next one.
    pub fn take(&self, one: &Try, now: Instant) -> Result<(), Duration> {
        let mut limits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        limits.by_network.take_of(one.network, now)?;
        limits
            .by_both
            .take_of((one.network, one.name.clone()), now)?;
        match one.is_known_place {
            true => Ok(()),
            false => limits.by_name.take_of(one.name.clone(), now),
        }
    }

    /// It was right: the turns are given back.
    pub fn give_back(&self, one: &Try) {
        let mut limits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        limits.by_network.give_back(&one.network);
        limits.by_both.give_back(&(one.network, one.name.clone()));
        if !one.is_known_place {
            limits.by_name.give_back(&one.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(network: u8, name: &str) -> Try {
        Try::new([198, 51, network, 7].into(), name)
    }

    #[test]
    fn a_network_has_eight_tries_with_a_name_and_thirty_in_all() {
        let (tries, now) = (Tries::default(), Instant::now());
        let taken = |name: &str| tries.take(&from(1, name), now).is_ok();
        assert!((0..8).all(|_| taken("anna")));
        assert!(!taken("anna") && !taken("ANNA"));
        assert!((0..20).all(|number| taken(&number.to_string())));
        assert!(!taken("one more"));
        assert!(tries.take(&from(2, "anna"), now).is_ok());
    }

    #[test]
    fn who_guesses_from_many_networks_locks_nobody_out_where_they_are_known() {
        let (tries, now) = (Tries::default(), Instant::now());
        let guesses = (0..100).filter(|network| tries.take(&from(*network, "anna"), now).is_ok());
        assert_eq!(guesses.count(), 30);
        assert!(tries.take(&from(200, "anna"), now).is_err());
        assert!(tries.take(&from(201, "anna").at(true), now).is_ok());
    }

    #[test]
    fn who_knows_the_password_is_not_held_up() {
        let (tries, now) = (Tries::default(), Instant::now());
        for _ in 0..100 {
            let one = from(1, "anna");
            assert!(tries.take(&one, now).is_ok());
            tries.give_back(&one);
        }
    }
}
