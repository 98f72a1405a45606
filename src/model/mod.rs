//! The words of the field, as values that cannot be wrong. Imports nothing of the other rooms.

mod alert;
mod bounce;
mod case;
mod claim;
mod customer;
mod environment;
mod event;
mod evidence;
mod handle;
mod id;
mod inbound;
mod info;
mod letter;
mod name;
mod network;
mod notice;
mod order;
pub mod reason;
mod record;
pub mod request;
mod reseller;
mod route;
mod secret;
mod status;
mod task;
mod token;
mod user;
mod words;

pub use alert::{Alert, AlertEvent, AlertState, Channel, StandingAlarm};
pub use bounce::{
    BounceCategory, BounceKey, BounceMail, BounceRecipient, BounceReport, DeliveryAction,
    MailStatus,
};
pub use case::CaseState;
pub use claim::Claim;
pub use customer::{Customer, Language};
pub use environment::{Environment, EnvironmentError};
pub use event::{
    ContactVerification, DomainStatus, Facts, Level, RegistryEvent, RegistryMessage, RequestResult,
    Verification,
};
pub use evidence::{Client, DkimSignature, Evidence, Finding, OpenPgpSignature, SpfCheck};
pub use handle::{Handle, HandleError};
pub use id::{
    ActionId, AlarmId, AlertId, CaseId, Ctid, CustomerId, IdError, InboundId, NoticeId, OrderId,
    QueueMsgId, RequestId, Stid, Ticket,
};
pub use inbound::{Envelope, Inbound, Source, addressees, hex, is_header_too_long, sha256_hex};
pub use info::{ContactSheet, DomainSheet, RegistryInfo};
pub use letter::{deceit, is_disguised, is_foreign, is_hidden};
pub use name::{DomainName, NameError};
pub use network::{Network, NetworkError};
pub use notice::{Announced, Direction, Notice, NoticeItem, NoticeKind, NoticeState};
pub use order::{
    Account, ActionEntry, Asking, Order, OrderState, Purpose, RequestOutcome, RequestState,
    SentRequest, Waits,
};
pub use reason::{Reason, ReasonCode};
pub use record::{
    ContactFact, DomainFacts, DomainKey, DomainRecord, Due, Gone, StatusFact, VerificationFact,
};
pub use reseller::{
    CommandState, REPLY_BYTES_MAX, ReplyError, ReplyOutcome, ResellerClock, ResellerCommand,
    ResellerCommandId, ResellerContact, ResellerDomain, ResellerEvent, ResellerFacts,
    ResellerHandle, ResellerHandleError, ResellerObject, ResellerOwner, ResellerProof,
    ResellerReply, ResellerRequest, ResellerState, RetryClass, SaidDeadline, TriggerCode,
    TriggerError, VERIFICATION_PERIOD, assumed_instant, property_name, read_link, read_typed,
};
pub use route::{PinnedKey, RecipientMatch, Require, Route, RouteParser, mail_source};
pub use secret::{HIDDEN, Secret, without_logins};
pub use status::{Lifecycle, RegistryStatus};
pub use task::Task;
pub use token::{Scope, Token, TokenName, TokenState};
pub use user::{OneTimeLink, Role, Theme, User, UserChange, UserName, UserProof};
