//! The other side, for `stichtag demo` and the tests: a registry that speaks, a mail server that
//! hands its mail over, and one that catches ours.

pub mod catcher;
pub mod desk;
pub mod epp;
pub mod queue;
pub mod registry;
pub mod reseller;
pub mod signer;
pub mod submit;

pub use catcher::{Catcher, Caught};
pub use queue::{QueueContact, QueueStatus};
pub use registry::{Body, Dates, DomainFact, Encoding, Layout, StatusMail};
pub use signer::{Signer, dns_static};
pub use submit::{SubmitError, submit};
