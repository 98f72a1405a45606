//! A network in CIDR notation, for lists of who may do something.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A network such as `127.0.0.0/8`, `2001:db8::/32`, or a single address such as `192.0.2.17`.
///
/// IPv4-mapped IPv6 addresses (`::ffff:192.0.2.17`) count as the IPv4 address they carry, on both
/// sides, because a listener on `::` reports its IPv4 peers that way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network {
    /// All bits behind the prefix are zero.
    address: IpAddr,
    prefix: u8,
}

/// The text is no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// Neither an address nor an address with a prefix length.
    #[error("`{0}` is not a network, such as `127.0.0.0/8` or `2001:db8::1`")]
    NotANetwork(String),
    /// More bits than the address has.
    #[error("`{text}`: the prefix length is at most {most}")]
    PrefixTooLong {
        /// What was read.
        text: String,
        /// 32 or 128.
        most: u8,
    },
    /// Bits behind the prefix are set, so it is unclear what was meant.
    #[error("`{text}` sets bits behind its prefix; the network is `{meant}`")]
    HostBits {
        /// What was read.
        text: String,
        /// The network with these bits cleared.
        meant: Network,
    },
}

impl Network {
    /// Whether `address` lies in this network. An IPv4 address is never in an IPv6 network.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.address.is_ipv4() && masked(address, self.prefix) == self.address
    }
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn masked(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
            IpAddr::V4((v4.to_bits() & mask).into())
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & mask))
        }
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let not_a_network = || NetworkError::NotANetwork(text.to_owned());
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let written: IpAddr = address.parse().map_err(|_| not_a_network())?;
        let most = width(written);
        let prefix = match prefix {
            None => most,
            // `u8::from_str` would take a sign as well.
            Some(digits) if digits.bytes().all(|digit| digit.is_ascii_digit()) => {
                digits.parse().map_err(|_| not_a_network())?
            }
            Some(_) => return Err(not_a_network()),
        };
        if prefix > most {
            return Err(NetworkError::PrefixTooLong {
                text: text.to_owned(),
                most,
            });
        }
        let (address, prefix) = match written.to_canonical() {
            v4 if v4.is_ipv4() && most == 128 && prefix >= 96 => (v4, prefix - 96),
            _ => (written, prefix),
        };
        let network = Network {
            address: masked(address, prefix),
            prefix,
        };
        if network.address != address {
            return Err(NetworkError::HostBits {
                text: text.to_owned(),
                meant: network,
            });
        }
        Ok(network)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.prefix == width(self.address) {
            return f.pad(&self.address.to_string());
        }
        f.pad(&format!("{}/{}", self.address, self.prefix))
    }
}

impl Serialize for Network {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        text.parse().unwrap()
    }

    fn within(text: &str, address: &str) -> bool {
        network(text).contains(address.parse().unwrap())
    }

    #[test]
    fn a_network_contains_its_first_and_last_address_and_not_their_neighbours() {
        assert!(within("192.0.2.0/24", "192.0.2.0"));
        assert!(within("192.0.2.0/24", "192.0.2.255"));
        assert!(!within("192.0.2.0/24", "192.0.1.255"));
        assert!(!within("192.0.2.0/24", "192.0.3.0"));
        assert!(within("2001:db8::/33", "2001:db8:7fff::1"));
        assert!(!within("2001:db8::/33", "2001:db8:8000::"));
    }

    #[test]
    fn a_plain_address_is_a_network_of_one() {
        assert!(within("192.0.2.17", "192.0.2.17"));
        assert!(!within("192.0.2.17", "192.0.2.18"));
        assert!(within("::1", "::1"));
        assert!(!within("::1", "::2"));
    }

    #[test]
    fn everything_lies_in_a_network_without_prefix_bits_of_its_own_family() {
        assert!(within("0.0.0.0/0", "203.0.113.9"));
        assert!(!within("0.0.0.0/0", "2001:db8::1"));
        assert!(within("::/0", "2001:db8::1"));
        assert!(!within("::/0", "203.0.113.9"));
    }

    #[test]
    fn a_mapped_address_counts_as_ipv4_on_both_sides() {
        assert!(within("127.0.0.0/8", "::ffff:127.0.0.1"));
        assert!(within("::ffff:127.0.0.0/104", "127.9.9.9"));
        assert_eq!(network("::ffff:127.0.0.0/104"), network("127.0.0.0/8"));
        assert!(!within("::1", "::ffff:0.0.0.1"));
    }

    #[test]
    fn what_is_no_network_is_refused_with_a_reason() {
        for text in [
            "",
            "/",
            "localhost",
            "127.0.0.0/",
            "127.0.0.0/+8",
            "127.0.0.0/8/8",
            "1.2.3/8",
        ] {
            let error = text.parse::<Network>().unwrap_err();
            assert_eq!(error, NetworkError::NotANetwork(text.to_owned()));
        }
        let long = "127.0.0.0/33".parse::<Network>().unwrap_err();
        assert_eq!(
            long.to_string(),
            "`127.0.0.0/33`: the prefix length is at most 32"
        );
        let bits = "127.0.0.1/8".parse::<Network>().unwrap_err();
        assert_eq!(
            bits.to_string(),
            "`127.0.0.1/8` sets bits behind its prefix; the network is `127.0.0.0/8`"
        );
    }

    #[test]
    fn a_network_is_written_as_it_is_read() {
        for text in [
            "127.0.0.0/8",
            "192.0.2.17",
            "::1",
            "2001:db8::/32",
            "0.0.0.0/0",
        ] {
            assert_eq!(network(text).to_string(), text);
            let json = serde_json::to_string(&network(text)).unwrap();
            assert_eq!(
                serde_json::from_str::<Network>(&json).unwrap(),
                network(text)
            );
        }
    }
}
