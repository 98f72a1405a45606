//! Signed requests: the real GnuPG verifies them, and without a key that may sign there are none.

#[path = "sign/gpg.rs"]
mod gpg;
#[path = "sign/refused.rs"]
mod refused;
#[path = "sign/sent.rs"]
mod sent;
#[path = "sign/verified.rs"]
mod verified;
