//! The command line as people and scripts meet it: the real program, its streams and exit codes.

#[path = "cli/audit.rs"]
mod audit;
#[path = "cli/bounces.rs"]
mod bounces;
#[path = "cli/config.rs"]
mod config;
#[path = "cli/contract.rs"]
mod contract;
#[path = "cli/deferred.rs"]
mod deferred;
#[path = "cli/desk.rs"]
mod desk;
#[path = "cli/doctor.rs"]
mod doctor;
#[path = "cli/events.rs"]
mod events;
#[path = "cli/exits.rs"]
mod exits;
#[path = "cli/export.rs"]
mod export;
#[path = "cli/feed.rs"]
mod feed;
#[path = "cli/held.rs"]
mod held;
#[path = "cli/import.rs"]
mod import;
#[path = "cli/letter.rs"]
mod letter;
#[path = "cli/log.rs"]
mod log;
#[path = "cli/notices.rs"]
mod notices;
#[path = "cli/office.rs"]
mod office;
#[path = "cli/output.rs"]
mod output;
#[path = "cli/paper.rs"]
mod paper;
#[path = "cli/people.rs"]
mod people;
#[path = "cli/secrets.rs"]
mod secrets;
#[path = "cli/zones.rs"]
mod zones;
