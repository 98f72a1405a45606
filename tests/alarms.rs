//! Alarms reach people: the running server, a real mail server for the desk, a real web server that
//! checks each signature by its own arithmetic.

#[path = "alarms/back.rs"]
mod back;
#[path = "alarms/command.rs"]
mod command;
#[path = "alarms/deadlines.rs"]
mod deadlines;
#[path = "alarms/hook.rs"]
mod hook;
#[path = "alarms/house.rs"]
mod house;
#[path = "alarms/killed.rs"]
mod killed;
#[path = "alarms/mail.rs"]
mod mail;
#[path = "alarms/post.rs"]
mod post;
#[path = "alarms/secret.rs"]
mod secret;
#[path = "alarms/smarthost.rs"]
mod smarthost;
#[path = "alarms/tls.rs"]
mod tls;
