//! What goes wrong between us and the registry, by order or by a seed.

use std::time::Duration;

use crate::model::sha256_hex;

/// One thing that goes wrong with one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The request is lost: nothing is done, and the connection ends.
    LoseRequest,
    /// It is carried out; the reply is lost with the connection.
    LoseReply,
    /// It is carried out; the reply takes its time.
    DelayReply(Duration),
    /// The reply to a QUEUE-DELETE says `success`, and the message comes once more.
    KeepMessage,
    /// It is carried out; the reply is noise.
    Garble,
    /// It is carried out; the reply says `failed`.
    DenyDone,
    /// It is not carried out; the reply says `success`.
    ClaimDone,
    /// It is not carried out: `exception`.
    Exception,
    /// It is not carried out: 53000000008.
    Quota,
    /// It is not carried out: 53000000012.
    Concurrent,
}

/// Which requests are hit, and how many of them.
#[derive(Clone, Debug)]
struct Order {
    fault: Fault,
    /// Upper case; `None` is any.
    action: Option<String>,
    /// Domain (A-label), handle (upper case) or message; `None` is any.
    about: Option<String>,
    left: usize,
}

/// The faults that are to come: orders first, by their order, then chance.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    orders: Vec<Order>,
    chance: Option<Chance>,
}

#[derive(Clone, Debug)]
struct Chance {
    seed: u64,
    per_mille: u16,
    faults: Vec<Fault>,
    asked: u64,
}

impl Faults {
    /// None.
    pub fn none() -> Self {
        Faults::default()
    }

    /// Hits the next `times` requests of that action (such as `CREATE`, `QUEUE-DELETE`) about that
    /// domain (its A-label) or handle; `None` is any.
    pub fn order(&mut self, fault: Fault, action: Option<&str>, about: Option<&str>, times: usize) {
        self.orders.push(Order {
            fault,
            action: action.map(str::to_ascii_uppercase),
            about: about.map(str::to_ascii_uppercase),
            left: times,
        });
    }

    /// From now on so many of a thousand requests, but for logins and logouts, are hit by one of
    /// those; the same seed hits the same ones.
    pub fn at_random(&mut self, seed: u64, per_mille: u16, faults: Vec<Fault>) {
        self.chance = Some(Chance {
            seed,
            per_mille,
            faults,
            asked: 0,
        });
    }

    /// What goes wrong with this request. An order is used up by it.
    pub(super) fn take(&mut self, action: &str, about: &str) -> Option<Fault> {
        let is_hit = |order: &&mut Order| {
            let is = |wanted: &Option<String>, said: &str| {
                wanted
                    .as_ref()
                    .is_none_or(|wanted| wanted.eq_ignore_ascii_case(said))
            };
            order.left > 0 && is(&order.action, action) && is(&order.about, about)
        };
        if let Some(order) = self.orders.iter_mut().find(is_hit) {
            order.left -= 1;
            return Some(order.fault.clone());
        }
        match action {
            "LOGIN" | "LOGOUT" => None,
            _ => self.chance.as_mut()?.take(),
        }
    }
}

impl Chance {
    fn take(&mut self) -> Option<Fault> {
        self.asked += 1;
        // The digits of a hash are as good as dice, and the same everywhere.
        let digest = sha256_hex(format!("{} {}", self.seed, self.asked).as_bytes());
        let dice = |from: usize| u64::from_str_radix(digest.get(from..from + 8)?, 16).ok();
        let is_hit = dice(0)? % 1000 < u64::from(self.per_mille);
        let count = u64::try_from(self.faults.len()).ok().filter(|_| is_hit)?;
        let which = usize::try_from(dice(8)?.checked_rem(count)?).ok()?;
        self.faults.get(which).cloned()
    }
}

/// Noise of the same length: nothing of it can be read.
pub(super) fn noise(text: &str) -> Vec<u8> {
    // 0xFF stands nowhere in UTF-8; what is left between holds no word.
    text.bytes()
        .map(|byte| if byte % 2 == 0 { 0xFF } else { b'~' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_hits_what_it_names_and_no_more_often_than_it_says() {
        let mut faults = Faults::none();
        faults.order(Fault::Quota, Some("create"), Some("beispiel.de"), 1);
        faults.order(Fault::Garble, None, None, 1);
        assert_eq!(faults.take("CREATE", "beispiel.de"), Some(Fault::Quota));
        assert_eq!(faults.take("CREATE", "beispiel.de"), Some(Fault::Garble));
        assert_eq!(faults.take("CREATE", "beispiel.de"), None);
    }

    #[test]
    fn a_seed_hits_the_same_requests_again_about_as_often_as_it_says() {
        let hits = |seed| {
            let mut faults = Faults::none();
            faults.at_random(seed, 100, vec![Fault::LoseReply, Fault::LoseRequest]);
            let taken: Vec<_> = (0..1000).map(|_| faults.take("INFO", "")).collect();
            taken
        };
        assert_eq!(hits(7), hits(7));
        assert_ne!(hits(7), hits(8));
        let count = hits(7).iter().flatten().count();
        assert!((50..150).contains(&count), "{count}");
    }
}
