//! The HTTP API, as shops, billing systems and those who look in meet it: a real `stichtag serve`, real HTTP.

#[path = "api/document.rs"]
mod document;
#[path = "api/errors.rs"]
mod errors;
#[path = "api/house.rs"]
mod house;
#[path = "api/http.rs"]
mod http;
#[path = "api/limits.rs"]
mod limits;
#[path = "api/lists.rs"]
mod lists;
#[path = "api/orders.rs"]
mod orders;
#[path = "api/payments.rs"]
mod payments;
#[path = "api/reading.rs"]
mod reading;
#[path = "api/secrets.rs"]
mod secrets;
#[path = "support/served.rs"]
mod served;
#[path = "api/tokens.rs"]
mod tokens;
