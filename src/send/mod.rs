//! What leaves: the outbox and its way to the smarthost.

mod backoff;
mod outbox;
mod smtp;

pub use backoff::backoff;
pub use outbox::{Letter, Outbox, PAUSED, RESUMED, SendError, Transport, Writer, deliver_due};
pub use smtp::Smarthost;
