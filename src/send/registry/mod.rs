//! Requests to the registry as they leave: text, signature, way.

mod key_value;
mod session;

pub use key_value::{VERSION, write};
pub use session::{RriLogin, ask_once};
