//! Who says so, and for which environment: routes, envelope and header in, verdict out. Pure.

mod authserv;
mod automatic;
mod digest;
mod form;
mod header;
mod mailbox;
mod origin;
mod propose;
mod replay;
mod verdict;

pub use authserv::{AuthResults, MethodResult, Property, PropertyValue, read as read_auth_results};
pub use automatic::is_about_alert;
pub use digest::content_digest;
pub use header::message_id;
pub use propose::{Advice, Level, Seen, about_edge, propose};
pub use verdict::{Policy, Verdict, authenticate};
