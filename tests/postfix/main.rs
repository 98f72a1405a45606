//! A real Postfix with the lines of `postfix/`, Stichtag behind it, and a customer's mail server.
//!
//! Every test has a Postfix of its own: own folders, own loopback address. Postfix must be started
//! by root, so these tests must run as root.

mod bounces;
mod doubtful;
mod faults;
// Not everything that it does is needed here.
#[allow(dead_code)]
#[path = "../sign/gpg.rs"]
mod gpg;
mod house;
mod instance;
mod journey;
mod load;
mod mails;
#[path = "../support/registry_mails.rs"]
mod registry_mails;
mod signed;
mod smuggling;
mod talk;
