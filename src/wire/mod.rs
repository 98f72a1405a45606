//! Connections and outer frames that receiving and sending share.

pub mod epp;
mod format;
mod head;
mod https;
pub mod reseller;
pub mod rri;
mod session;
mod text;
mod xml;

pub use format::Format;
pub use head::ReplyHead;
pub use session::{LoginError, RriLogin, RriSession, VERSION};
pub use text::{queue_delete, queue_read};
pub use xml::Element;

pub use https::{HttpClient, HttpError, HttpReply, HttpRequest, HttpUrl, HttpUrlError};
