//! How often somebody, or a network of visitors, may try.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::config::Rate;

/// Keys remembered at most; what is over that has to wait.
const KEYS_MAX: usize = 65_536;

/// Where a visitor comes from: of IPv4 a /24, of IPv6 a /48, which is what one subscriber may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subnet {
    /// IPv4.
    V4([u8; 3]),
    /// IPv6.
    V6([u16; 3]),
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subnet::V4([a, b, c]) => write!(f, "{a}.{b}.{c}.0/24"),
            Subnet::V6([a, b, c]) => write!(f, "{a:x}:{b:x}:{c:x}::/48"),
        }
    }
}

impl From<IpAddr> for Subnet {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => {
                let [a, b, c, _] = address.octets();
                Subnet::V4([a, b, c])
            }
            IpAddr::V6(address) => {
                let [a, b, c, ..] = address.segments();
                Subnet::V6([a, b, c])
            }
        }
    }
}

/// Counts by key: each has all its turns at first, and gets them back one by one.
#[derive(Debug)]
pub struct Limiter<K = Subnet> {
    /// How long a turn takes to come back.
    step: Duration,
    /// How long all but one take.
    most: Duration,
    /// When a key has all its turns back.
    whole_at: HashMap<K, Instant>,
}

impl Limiter {
    /// Takes a turn of the address's network. An error: how long until the next one.
    pub fn take(&mut self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        self.take_of(Subnet::from(address), now)
    }
}

impl<K: Eq + Hash> Limiter<K> {
    /// One that allows `rate` to each key.
    pub fn new(rate: Rate) -> Self {
        let step = rate.per / rate.count;
        Limiter {
            step,
            most: rate.per.saturating_sub(step),
            whole_at: HashMap::new(),
        }
    }

    /// Takes a turn of that key. An error: how long until the next one.
    pub fn take_of(&mut self, key: K, now: Instant) -> Result<(), Duration> {
        if self.whole_at.len() >= KEYS_MAX && !self.whole_at.contains_key(&key) {
            self.whole_at.retain(|_, at| *at > now);
            if self.whole_at.len() >= KEYS_MAX {
                return Err(self.step);
            }
        }
        let whole_at = self.whole_at.entry(key).or_insert(now);
        let missing = whole_at.saturating_duration_since(now);
        if missing > self.most {
            return Err(missing - self.most);
        }
        *whole_at = now + missing + self.step;
        Ok(())
    }

    /// Gives a turn back that was taken.
    pub fn give_back(&mut self, key: &K) {
        if let Some(whole_at) = self.whole_at.get_mut(key) {
            *whole_at = whole_at.checked_sub(self.step).unwrap_or(*whole_at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter() -> Limiter {
        Limiter::new(Rate {
            count: 3,
            per: Duration::from_secs(60),
        })
    }

    #[test]
    fn a_network_has_its_turns_and_gets_them_back_one_by_one() {
        let (mut limiter, start) = (limiter(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        for last in [1, 2, 255] {
            assert_eq!(limiter.take([192, 0, 2, last].into(), start), Ok(()));
        }
        let wait = limiter.take([192, 0, 2, 7].into(), at(5)).unwrap_err();
        assert_eq!(wait, Duration::from_secs(15));
        assert_eq!(limiter.take([192, 0, 3, 7].into(), at(5)), Ok(()));
        assert_eq!(limiter.take([192, 0, 2, 7].into(), at(20)), Ok(()));
        assert!(limiter.take([192, 0, 2, 7].into(), at(20)).is_err());
    }

    #[test]
    fn a_turn_that_is_given_back_can_be_taken_again() {
        let mut limiter: Limiter<&str> = Limiter::new(Rate {
            count: 1,
            per: Duration::from_secs(60),
        });
        let now = Instant::now();
        assert_eq!(limiter.take_of("anna", now), Ok(()));
        assert!(limiter.take_of("anna", now).is_err());
        limiter.give_back(&"anna");
        assert_eq!(limiter.take_of("anna", now), Ok(()));
        assert_eq!(limiter.take_of("berta", now), Ok(()));
    }

    #[test]
    fn of_ipv6_a_48_is_one_network_and_a_mapped_address_is_ipv4() {
        let (mut limiter, now) = (limiter(), Instant::now());
        let mut take = |text: &str| limiter.take(text.parse().unwrap(), now).is_ok();
        assert!(take("2001:db8:1:1::1") && take("2001:db8:1:2::1") && take("2001:db8:1:ffff::"));
        assert!(!take("2001:db8:1:3::9"));
        assert!(take("2001:db8:2::1"));
        assert!(take("192.0.2.1") && take("::ffff:192.0.2.2") && take("192.0.2.3"));
        assert!(!take("::ffff:192.0.2.9"));
    }

    #[test]
    fn what_is_remembered_is_bounded_and_old_networks_make_room() {
        let (mut limiter, now) = (limiter(), Instant::now());
        let address =
            |number: usize| IpAddr::from(u32::try_from(number << 8).unwrap().to_be_bytes());
        for number in 0..KEYS_MAX {
            assert_eq!(limiter.take(address(number), now), Ok(()));
        }
        assert!(limiter.take(address(KEYS_MAX), now).is_err());
        assert_eq!(limiter.take(address(0), now), Ok(()));
        let later = now + Duration::from_secs(61);
        assert_eq!(limiter.take(address(KEYS_MAX), later), Ok(()));
    }
}
