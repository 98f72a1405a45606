//! CentralNic Reseller: its API, what we ask it, and the simulated system that answers.

#[path = "reseller/de_there.rs"]
mod de_there;
#[path = "reseller/epp.rs"]
mod epp;
#[path = "reseller/events.rs"]
mod events;
#[path = "reseller/foreign.rs"]
mod foreign;
#[path = "reseller/house.rs"]
mod house;
#[path = "reseller/line.rs"]
mod line;
#[path = "reseller/outbox.rs"]
mod outbox;
#[path = "reseller/poll.rs"]
mod poll;
#[path = "reseller/program.rs"]
mod program;
#[path = "reseller/rules.rs"]
mod rules;
#[path = "reseller/samples.rs"]
mod samples;
#[path = "reseller/worker.rs"]
mod worker;
#[path = "reseller/written.rs"]
mod written;
