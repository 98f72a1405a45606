//! `[verify_site]`: the website on which owners confirm their mail addresses.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use jiff::SignedDuration;
use url::{Host, Url};

use super::Notices;
use super::layers::{ConfigError, Layers};
use super::values::Field;
use crate::model::{Environment, Network};

/// Most requests that a rate may allow in its time.
const RATE_MAX: u32 = 100_000;

/// The reseller suspends a domain so many days after its registration (CV-01).
const DAYS_MAX: i64 = 15;

/// `[verify_site]`
#[derive(Clone, Debug)]
pub struct VerifySite {
    /// The website; `None`: there is none.
    pub site: Option<Site>,
    /// Where it listens.
    pub listen: String,
    /// A confirmation that gets no answer is tried for so long.
    pub retry_for: Duration,
    /// Confirmations that a network of visitors may ask for.
    pub rate_limit: Rate,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// Who writes to the owner.
    pub owner_mail: OwnerMail,
    /// Days after a registration or transfer on which the owner is reminded.
    pub remind_days: Vec<i64>,
    /// The name servers of suspended domains, in lower case.
    pub interrupt_nameservers: BTreeSet<String>,
}

impl VerifySite {
    /// What notices say of the website, and when they are sent: days are counted back from the deadline,
    /// which is known better than when it began.
    pub(super) fn fill(&self, notices: &mut Notices) {
        let base = self.site.as_ref().map(|site| site.base_url.to_string());
        notices.settings.confirm_url = base.unwrap_or_default();
        let before = |day: &i64| SignedDuration::from_hours(24 * (DAYS_MAX - day));
        notices.timetable.before_suspension = self.remind_days.iter().map(before).collect();
    }
}

/// The website, as visitors reach it.
#[derive(Clone, Debug)]
pub struct Site {
    /// Its address.
    pub base_url: Url,
    /// Whose codes are confirmed there.
    pub environment: Environment,
}

/// So many in that time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub count: u32,
    /// The time.
    pub per: Duration,
}

/// `verify_site.owner_mail`: who writes to the owner (CV-29).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnerMail {
    /// The reseller's system.
    Reseller,
    /// We do.
    Ours,
}

/// Reads all of it, and what it needs of the others.
pub fn verify_site(layers: &Layers) -> Result<VerifySite, ConfigError> {
    let field = |key: &str| layers.field(&format!("verify_site.{key}"));
    let site = site(&field("base_url"), &field("environment"))?;
    let owner_mail = field("owner_mail")
        .choice(&[("reseller", OwnerMail::Reseller), ("ours", OwnerMail::Ours)])?;
    if owner_mail == OwnerMail::Ours && site.is_none() {
        let why = "\"ours\" needs a website that our mails can name: set `verify_site.base_url`";
        return Err(field("owner_mail").wrong(why));
    }
    Ok(VerifySite {
        site,
        listen: field("listen").text(),
        retry_for: field("retry_for").duration()?,
        rate_limit: rate(&field("rate_limit"))?,
        trusted_proxies: field("trusted_proxies")
            .parsed_list("networks such as \"127.0.0.1\" or \"10.0.0.0/8\"")?,
        owner_mail,
        remind_days: days(&field("remind_days"))?,
        interrupt_nameservers: (field("interrupt_nameservers").list()?.iter())
            .map(|host| host.trim_end_matches('.').to_ascii_lowercase())
            .collect(),
    })
}

fn site(base_url: &Field<'_>, environment: &Field<'_>) -> Result<Option<Site>, ConfigError> {
    let text = environment.text();
    let environment_read = match text.as_str() {
        "" => None,
        _ => Some(environment.parsed("\"live\" or \"test\"")?),
    };
    if base_url.text().is_empty() {
        return Ok(None);
    }
    let base_url = base_url
        .text()
        .parse()
        .ok()
        .filter(is_for_visitors)
        .ok_or_else(|| {
            base_url.error(
                "the address of the website, such as \"https://confirm.example.net/\", without a \
                 login, a `?` or a `#`; `http://` is for a loopback address only",
            )
        })?;
    // A code that goes to the wrong system is refused there, and its owner is lost in between.
    let environment = environment_read.ok_or_else(|| {
        environment.wrong(
            "`verify_site.base_url` is set, so it must be said whose codes are confirmed there: \
             set it to \"live\" or \"test\"",
        )
    })?;
    Ok(Some(Site {
        base_url,
        environment,
    }))
}

fn is_for_visitors(url: &Url) -> bool {
    let is_loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
        None => return false,
    };
    let is_closed = url.scheme() == "https" || (url.scheme() == "http" && is_loopback);
    let is_bare = url.query().is_none() && url.fragment().is_none();
    is_closed && is_bare && url.username().is_empty() && url.password().is_none()
}

/// Such as `10/min`.
fn rate(field: &Field<'_>) -> Result<Rate, ConfigError> {
    let text = field.text();
    let read = || {
        let (count, unit) = text.split_once('/')?;
        let count = count.trim().parse().ok()?;
        let seconds = match unit.trim() {
            "s" => 1,
            "min" => 60,
            "h" => 3_600,
            _ => return None,
        };
        (1..=RATE_MAX).contains(&count).then_some(Rate {
            count,
            per: Duration::from_secs(seconds),
        })
    };
    read().ok_or_else(|| field.error("a rate such as \"10/min\" (or \"/s\", \"/h\")"))
}

fn days(field: &Field<'_>) -> Result<Vec<i64>, ConfigError> {
    let days = field.numbers();
    days.filter(|days| days.iter().all(|day| (0..=DAYS_MAX).contains(day)))
        .filter(|days| days.is_sorted_by(|one, next| one < next))
        .ok_or_else(|| field.error("days from 0 to 15 in rising order, such as [1, 7, 12, 14]"))
}
