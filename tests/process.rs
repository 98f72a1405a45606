//! Kept messages through `process_next`, on a real store: what they change, and what they must not.

#[path = "process/again.rs"]
mod again;
#[path = "process/asked.rs"]
mod asked;
#[path = "process/bounced.rs"]
mod bounced;
#[path = "process/clock.rs"]
mod clock;
#[path = "process/desk.rs"]
mod desk;
#[path = "process/doubt.rs"]
mod doubt;
#[path = "process/held.rs"]
mod held;
#[path = "process/held_up.rs"]
mod held_up;
#[path = "process/orders.rs"]
mod orders;
#[path = "process/overlooked.rs"]
mod overlooked;
#[path = "process/overtaken.rs"]
mod overtaken;
#[path = "process/owner.rs"]
mod owner;
#[path = "process/poison.rs"]
mod poison;
#[path = "process/remind.rs"]
mod remind;
#[path = "process/replayed.rs"]
mod replayed;
#[path = "process/reseller.rs"]
mod reseller;
#[path = "process/samples.rs"]
mod samples;
#[path = "process/smarthost.rs"]
mod smarthost;
#[path = "process/telling.rs"]
mod telling;
#[path = "process/trust.rs"]
mod trust;
#[path = "process/watched.rs"]
mod watched;
#[path = "process/workers.rs"]
mod workers;
