//! EPP over TLS, as CentralNic Reseller's poll queue is read by it (RFC 5730, RFC 5734,
//! `centralnic.md` 7).

mod frame;
mod head;
mod session;
mod text;

pub use head::{EppGreeting, EppHead};
pub use session::{EppError, EppLogin, EppSession};
pub use text::{EPP, EXTENSION, hello, login, logout, poll_ack, poll_request};
