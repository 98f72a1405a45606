//! What people look at and do, on the command line and on the web alike.

mod archive;
pub mod cases;
pub mod customers;
pub mod due;
pub mod feed;
pub mod health;
pub mod held;
pub mod letter;
pub mod notice;
pub mod password;
pub mod people;
pub mod proof;
pub mod replay;
mod summary;
pub mod verify;

use jiff::Timestamp;

use crate::clock::Clock;
use crate::config::Config;
use crate::store::{AuditEntry, Store};

/// Who does something, when, and with what at hand.
pub struct Work<'a> {
    /// The store.
    pub store: &'a dyn Store,
    /// The configuration.
    pub config: &'a Config,
    /// The time.
    pub clock: &'a Clock,
    /// Who, for the audit trail: on the command line number and name, on the web `web` and the name.
    pub actor: String,
}

impl Work<'_> {
    /// Now.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// An entry for the audit trail about something this person does.
    pub fn audit(&self, action: &str, object: &str, detail: &str) -> AuditEntry {
        AuditEntry {
            at: self.now(),
            actor: self.actor.clone(),
            action: action.to_owned(),
            object: object.to_owned(),
            detail: detail.to_owned(),
        }
    }
}
