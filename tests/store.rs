//! What the store promises, on SQLite.

#[path = "store/audit.rs"]
mod audit;
#[path = "store/bench.rs"]
mod bench;
#[path = "store/counts.rs"]
mod counts;
#[path = "store/file.rs"]
mod file;
#[path = "store/inbound.rs"]
mod inbound;
#[path = "store/outbox.rs"]
mod outbox;
#[path = "store/records.rs"]
mod records;
