//! People look in, and put things right.

pub mod api;
pub mod cli;
mod object;
pub mod public;
pub mod web;
mod work;
