//! Words of CentralNic Reseller (`centralnic.md`).

mod command;
mod event;
mod facts;
mod link;
mod reply;
mod state;

pub use command::{
    CommandState, ResellerCommand, ResellerCommandId, ResellerProof, ResellerRequest,
};
pub use event::{
    ResellerEvent, ResellerHandle, ResellerHandleError, ResellerObject, TriggerCode, TriggerError,
};
pub use facts::{
    ResellerClock, ResellerFacts, ResellerOwner, ResellerState, SaidDeadline, VERIFICATION_PERIOD,
    assumed_instant,
};
pub use link::{read_link, read_typed};
pub use reply::{
    REPLY_BYTES_MAX, ReplyError, ReplyOutcome, ResellerReply, RetryClass, property_name,
};
pub use state::{ResellerContact, ResellerDomain};
