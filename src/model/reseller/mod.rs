//! Words of CentralNic Reseller (`centralnic.md`).

mod command;
mod event;
mod link;
mod reply;
mod state;

pub use command::{
    CommandState, ResellerCommand, ResellerCommandId, ResellerProof, ResellerRequest,
};
pub use event::{
    ResellerEvent, ResellerHandle, ResellerHandleError, ResellerObject, TriggerCode, TriggerError,
};
pub use link::{read_link, read_typed};
pub use reply::{ReplyError, ReplyOutcome, ResellerReply};
pub use state::{ResellerContact, ResellerDomain};
