//! Commands to CentralNic Reseller, out of the store.

mod look;
mod way;
mod worker;
mod write;

pub use way::{strand_commands, way_key};
pub use worker::{CommandError, Commander, send_commands};
pub use write::{Dialect, Spelling, TimestampForm, write};
