//! Who says so, and for which environment: routes, envelope and header in, verdict out. Pure.

mod digest;
mod form;
mod header;
mod mailbox;
mod origin;
mod verdict;

pub use digest::content_digest;
pub use header::message_id;
pub use verdict::{Policy, Verdict, authenticate};
