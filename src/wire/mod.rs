//! Connections and outer frames that receiving and sending share.

mod https;
pub mod rri;
mod session;

pub use session::{LoginError, RriLogin, RriSession, VERSION};

pub use https::{HttpClient, HttpError, HttpReply, HttpRequest, HttpUrl, HttpUrlError};
