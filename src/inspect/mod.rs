//! People look in, and put things right.

pub mod cli;
