//! Connections and outer frames that receiving and sending share.

mod https;
pub mod rri;

pub use https::{HttpClient, HttpError, HttpReply, HttpRequest, HttpUrl, HttpUrlError};
