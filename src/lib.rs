//! Stichtag keeps every registry message, explains it, and turns it into one clear message to the
//! right customer, early enough to act.
//!
//! A message's way is the order of the modules: [`receive`] keeps its bytes and answers;
//! [`process`] takes it through [`evidence`] (what can be
//! proven of its origin), [`authenticate`] (who says so), [`parse`] (what is said), [`apply`]
//! (what that changes) and writes the result into the [`store`] in one transaction; [`notify`]
//! writes the mail that [`send`] takes to the smarthost, or by [`wire`] to the desk's webhook. [`serve`] runs all of it, [`inspect`] lets
//! people look in, [`simulate`] plays the other side for the demo and the tests. The rooms in the
//! middle are pure: values in, values out. [`openpgp`] knows which key may sign, for those who verify
//! and those who sign.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod model;
pub mod openpgp;

pub mod receive;

pub mod evidence;

pub mod authenticate;
pub mod parse;

pub mod apply;
pub mod store;

pub mod notify;
pub mod send;
pub mod wire;

pub mod process;

pub mod clock;
pub mod config;
pub mod inspect;
pub mod serve;
pub mod simulate;
