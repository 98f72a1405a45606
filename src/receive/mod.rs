//! Bytes in: kept durably, then answered. Knows transports, and nothing of registries.

pub mod centralnic_events;
pub mod centralnic_poll;
pub mod denic_queue;
mod inbox;
mod keeper;
mod reply;
pub mod smtp;

pub use inbox::{Inbox, KeepError};
pub use keeper::{KeepBatch, Keeper};
pub use reply::Reply;
