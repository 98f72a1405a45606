//! The SMTP server, spoken to as Postfix speaks to it, and as nobody should.

mod abuse;
mod connections;
mod dialogue;
mod drain;
mod envelope;
mod harness;
mod keeping;
mod limits;
mod mutated;
mod smuggling;
