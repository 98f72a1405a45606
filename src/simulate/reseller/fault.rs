//! What goes wrong between us and the reseller, by order or by a seed.

use std::time::Duration;

use crate::model::sha256_hex;

/// One thing that goes wrong with one command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The command is lost: nothing is done, and the connection ends.
    LoseCommand,
    /// It is carried out; the answer is lost with the connection.
    LoseAnswer,
    /// It is carried out; the answer breaks off.
    CutAnswer,
    /// It is carried out; the answer takes its time.
    DelayAnswer(Duration),
    /// It is carried out; a gateway answers with a page of its own.
    Page,
    /// It is not carried out: this code, with this text.
    Refuse(u16, &'static str),
    /// The session has ended.
    EndSession,
}

/// Which commands are hit.
#[derive(Clone, Debug)]
struct Order {
    fault: Fault,
    /// The command, in lower case; `None` is any.
    command: Option<String>,
    left: usize,
}

#[derive(Clone, Debug)]
struct Chance {
    seed: u64,
    per_mille: u16,
    faults: Vec<Fault>,
    asked: u64,
}

/// The faults that are to come: orders first, by their order, then chance.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    orders: Vec<Order>,
    chance: Option<Chance>,
}

impl Faults {
    /// Hits the next `times` commands of that name; `None` is any but those of sessions.
    pub fn order(&mut self, fault: Fault, command: Option<&str>, times: usize) {
        self.orders.push(Order {
            fault,
            command: command.map(str::to_lowercase),
            left: times,
        });
    }

    /// From now on so many of a thousand commands, but for those of sessions, are hit by one of those;
    /// the same seed hits the same ones.
    pub fn at_random(&mut self, seed: u64, per_mille: u16, faults: Vec<Fault>) {
        self.chance = Some(Chance {
            seed,
            per_mille,
            faults,
            asked: 0,
        });
    }

    /// What goes wrong with this command. An order is used up by it.
    pub(super) fn take(&mut self, command: &str) -> Option<Fault> {
        let is_session = ["startsession", "stopsession"].contains(&command);
        let is_hit = |order: &&mut Order| {
            let is_named = (order.command.as_deref()).map_or(!is_session, |name| name == command);
            order.left > 0 && is_named
        };
        if let Some(order) = self.orders.iter_mut().find(is_hit) {
            order.left -= 1;
            return Some(order.fault.clone());
        }
        match is_session {
            true => None,
            false => self.chance.as_mut()?.take(),
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
