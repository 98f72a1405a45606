//! A registry in this process: books, a queue for each account, and the ways in.
//!
//! [`Book`] is the registry itself, without clock or network. It does what is documented, and where
//! nothing is documented what suits a test, marked as such. Like the real one it carries out
//! whatever arrives: a request that comes twice is done twice, and its journal shows it.

mod asked;
mod asked_xml;
mod assess;
mod book;
mod contacts;
mod counter;
mod dns;
mod domains;
mod fault;
mod line;
mod mail;
mod message;
mod providers;
mod reply;
pub(in crate::simulate) mod rri;
mod session;
mod xml_tree;

pub use asked::Fields;
pub use book::{Book, Channel, Contact, Domain, DomainFields, Entry, Feed, Rules, Server, TRANSIT};
pub use counter::Counter;
pub use fault::{Fault, Faults};
pub use line::Line;
pub use mail::{Answered, MailDesk, Member};
pub use reply::Reply;
pub(in crate::simulate) use rri::certificate;
pub use rri::{Limits, RriServer, User};
