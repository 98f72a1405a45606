//! Commands to CentralNic Reseller, out of the store.

mod look;
mod worker;
mod write;

pub use worker::{CommandError, Commander, send_commands};
pub use write::{Dialect, Spelling, TimestampForm, write};
