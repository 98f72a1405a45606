//! What people look at and do, for the command line and the web alike.

pub mod due;
