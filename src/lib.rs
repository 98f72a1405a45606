//! Stichtag keeps every registry message, explains it, and turns it into one clear message to the
//! right customer, early enough to act.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod model;
pub mod parse;
