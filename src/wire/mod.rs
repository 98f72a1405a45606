//! Connections and outer frames that receiving and sending share.

mod head;
mod https;
pub mod rri;
mod session;
mod text;

pub use head::{Format, ReplyHead};
pub use session::{LoginError, RriLogin, RriSession, VERSION};
pub use text::{queue_delete, queue_read};

pub use https::{HttpClient, HttpError, HttpReply, HttpRequest, HttpUrl, HttpUrlError};
