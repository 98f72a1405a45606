//! Connections and outer frames that receiving and sending share.

mod https;

pub use https::{HttpClient, HttpError, HttpReply, HttpRequest, HttpUrl, HttpUrlError};
