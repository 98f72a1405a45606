//! `/metrics` of the real server over real mails, and the alerts and the board that are shipped for it.

#[path = "metrics/house.rs"]
mod house;
#[path = "metrics/served.rs"]
mod served;
#[path = "metrics/shipped.rs"]
mod shipped;
