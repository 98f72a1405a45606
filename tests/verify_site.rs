//! The website on which owners confirm their mail addresses, as browsers, scanners of mail and people
//! meet it: a real `stichtag serve`, real HTTP, a real browser.

#[path = "verify_site/browser.rs"]
mod browser;
#[path = "verify_site/codes.rs"]
mod codes;
#[path = "verify_site/command.rs"]
mod command;
#[path = "verify_site/guard.rs"]
mod guard;
#[path = "verify_site/house.rs"]
mod house;
#[path = "verify_site/http.rs"]
mod http;
#[path = "verify_site/looks.rs"]
mod looks;
#[path = "verify_site/outcomes.rs"]
mod outcomes;
#[path = "support/served.rs"]
mod served;
#[path = "verify_site/settings.rs"]
mod settings;
