//! The pages for admins and the domain desk, as browsers and people meet them: a real `stichtag serve`,
//! real HTTP, a real browser.

#[path = "web/access.rs"]
mod access;
#[path = "web/access_bounds.rs"]
mod access_bounds;
#[path = "web/actions.rs"]
mod actions;
#[path = "web/attack.rs"]
mod attack;
#[path = "web/browser.rs"]
mod browser;
#[path = "web/browser_like.rs"]
mod browser_like;
#[path = "web/cases.rs"]
mod cases;
#[path = "web/check.rs"]
mod check;
#[path = "web/crawl.rs"]
mod crawl;
#[path = "web/customers.rs"]
mod customers;
#[path = "web/deadlines.rs"]
mod deadlines;
#[path = "web/domains.rs"]
mod domains;
#[path = "web/held.rs"]
mod held;
#[path = "web/house.rs"]
mod house;
#[path = "verify_site/http.rs"]
mod http;
#[path = "web/looks.rs"]
mod looks;
#[path = "web/mails.rs"]
mod mails;
#[path = "web/messages.rs"]
mod messages;
#[path = "web/notices.rs"]
mod notices;
#[path = "web/office.rs"]
mod office;
#[path = "web/orders.rs"]
mod orders;
#[path = "web/overview.rs"]
mod overview;
#[path = "web/page.rs"]
mod page;
#[path = "support/registry_mails.rs"]
mod registry_mails;
#[path = "support/served.rs"]
mod served;
#[path = "web/shots.rs"]
mod shots;
