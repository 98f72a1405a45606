//! Requests to the registry as they leave: text, signature, way.

mod key_value;

pub use key_value::write;
