//! How often a network of visitors may ask for a confirmation.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::config::Rate;

/// Networks remembered at most; what is over that has to wait.
const NETWORKS_MAX: usize = 65_536;

/// Where a visitor comes from: of IPv4 a /24, of IPv6 a /48, which is what one subscriber may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Network {
    V4([u8; 3]),
    V6([u16; 3]),
}

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => {
                let [a, b, c, _] = address.octets();
                Network::V4([a, b, c])
            }
            IpAddr::V6(address) => {
                let [a, b, c, ..] = address.segments();
                Network::V6([a, b, c])
            }
        }
    }
}

/// Counts by network: each has all its turns at first, and gets them back one by one.
#[derive(Debug)]
pub struct Limiter {
    /// How long a turn takes to come back.
    step: Duration,
    /// How long all but one take.
    most: Duration,
    /// When a network has all its turns back.
    whole_at: HashMap<Network, Instant>,
}

impl Limiter {
    /// One that allows `rate` to each network.
    pub fn new(rate: Rate) -> Self {
        let step = rate.per / rate.count;
        Limiter {
            step,
            most: rate.per.saturating_sub(step),
            whole_at: HashMap::new(),
        }
    }

    /// Takes a turn. An error: how long until the next one.
    pub fn take(&mut self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        let network = Network::from(address);
        if self.whole_at.len() >= NETWORKS_MAX && !self.whole_at.contains_key(&network) {
            self.whole_at.retain(|_, at| *at > now);
            if self.whole_at.len() >= NETWORKS_MAX {
                return Err(self.step);
            }
        }
        let whole_at = self.whole_at.entry(network).or_insert(now);
        let missing = whole_at.saturating_duration_since(now);
        if missing > self.most {
            return Err(missing - self.most);
        }
        *whole_at = now + missing + self.step;
        Ok(())
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
        for number in 0..NETWORKS_MAX {
            assert_eq!(limiter.take(address(number), now), Ok(()));
        }
        assert!(limiter.take(address(NETWORKS_MAX), now).is_err());
        assert_eq!(limiter.take(address(0), now), Ok(()));
        let later = now + Duration::from_secs(61);
        assert_eq!(limiter.take(address(NETWORKS_MAX), later), Ok(()));
    }
}
