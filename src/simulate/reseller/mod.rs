//! CentralNic Reseller in this process: contacts, domains, clocks, codes, events, and the API.
//!
//! [`Book`] is the reseller's system itself, without clock or network. It does what is documented
//! (`centralnic.md` 9, 10), and where nothing is documented what suits a test, marked as such.

mod answer;
mod book;
mod contact;
mod domain;
mod event;
mod fault;
mod lists;
mod server;

pub use book::{Book, VerificationMail};
pub use contact::Contact;
pub use domain::{Domain, RegistryCheck, SuspendBy};
pub use event::Event;
pub use fault::{Fault, Faults};
pub use server::{ResellerServer, Rules};
