//! What can be found out about a mail's origin: DKIM, SPF, DMARC, ARC, OpenPGP, and the client that
//! brought it.
//!
//! Nothing is judged here. Every mail costs a bounded number of questions, and DNS is asked only for
//! mail that claims to come from a domain of a route, about names that belong to such a domain: whoever
//! writes to us does not choose whom we ask.

mod arc;
mod client;
mod dkim;
mod dns;
pub mod openpgp;
mod spf;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join;
use jiff::Timestamp;
use mail_auth::AuthenticatedMessage;

use crate::model::{Evidence, Finding, Inbound, PinnedKey, Route, is_header_too_long};
use dns::{Dns, NoAnswer};

pub use dns::DnsError;

/// Whom DNS is asked by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolvers {
    /// What `/etc/resolv.conf` names.
    System,
    /// These.
    Named(Vec<SocketAddr>),
    /// Nobody: what the static table does not hold does not exist.
    None,
}

/// What gathering needs to know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The routes, for the domains that are worth a question.
    pub routes: Vec<Route>,
    /// The name that our own Postfix writes into `Received`.
    pub edge_hostname: String,
    /// Whom to ask.
    pub resolvers: Resolvers,
    /// TXT records by name, which answer before any resolver.
    pub dns_static: BTreeMap<String, Vec<String>>,
}

/// A resolver that is there answers within this.
const PATIENCE: Duration = Duration::from_secs(2);

/// Gathers what there is to know about the origin of mail.
pub struct Gatherer {
    dns: Dns,
    edge_hostname: String,
    /// The domains of the routes' From addresses.
    domains: BTreeSet<String>,
    /// The keys of all routes; which of them counts for a mail is judged with its route.
    keys: Vec<PinnedKey>,
}

impl Gatherer {
    /// A gatherer with a cache of its own.
    pub fn new(settings: Settings) -> Result<Self, DnsError> {
        Gatherer::with_patience(settings, PATIENCE)
    }

    /// A gatherer that gives a resolver so long for one answer.
    pub fn with_patience(settings: Settings, patience: Duration) -> Result<Self, DnsError> {
        let domains = settings
            .routes
            .iter()
            .flat_map(|route| &route.header_from)
            .filter_map(|address| domain_of(address))
            .collect();
        let keys = settings.routes.iter().flat_map(|route| &route.pgp_keys);
        Ok(Gatherer {
            keys: keys.cloned().collect(),
            dns: Dns::new(&settings.resolvers, settings.dns_static, patience)?,
            edge_hostname: settings.edge_hostname,
            domains,
        })
    }

    /// The TXT records of a name, their strings joined; an error is a sentence.
    pub async fn txt(&self, name: &str, now: Timestamp) -> Result<Vec<Vec<u8>>, String> {
        match self.dns.txt(name, now).await {
            Ok(records) => Ok(records),
            Err(NoAnswer::Absent) => Ok(Vec::new()),
            Err(trouble) => Err(format!("{name} cannot be looked up: {trouble:?}")),
        }
    }

    /// What can be said at `now` about the origin of `inbound`.
    pub async fn gather(&self, inbound: &Inbound, now: Timestamp) -> Evidence {
        let gathering = AssertUnwindSafe(self.gather_all(inbound, now));
        // Nothing proven is held, and a person looks at it: no more may come of a hostile mail.
        gathering.catch_unwind().await.unwrap_or_else(|_| {
            tracing::error!(
                "a mail broke the gathering of evidence; nothing is known of its origin"
            );
            Evidence::default()
        })
    }

    async fn gather_all(&self, inbound: &Inbound, now: Timestamp) -> Evidence {
        let mut evidence = Evidence::default();
        // Held whatever could be found, and its reader would need many times its size.
        if is_header_too_long(&inbound.raw) {
            return evidence;
        }
        let Some(mut message) = AuthenticatedMessage::parse(&inbound.raw) else {
            return evidence;
        };
        let broken = dkim::disarm(&mut message);
        let message = &message;
        evidence.client = client::client(&inbound.envelope, &message.headers, &self.edge_hostname);
        let from: BTreeSet<String> = message
            .from
            .iter()
            .filter_map(|from| domain_of(from))
            .collect();
        let is_ours = from.iter().any(|domain| self.domains.contains(domain));
        let asks = Asks {
            dns: &self.dns,
            // A mail from elsewhere is held whatever DNS says.
            domains: if is_ours { &self.domains } else { &NOBODY },
            now,
        };
        let sender = client::sender(&inbound.envelope, &message.headers);
        let (dkim, spf) = join(
            dkim::check(&asks, message, &broken),
            spf::check(&asks, evidence.client.as_ref(), sender.as_deref()),
        )
        .await;
        for signature in &dkim {
            // What speaks for somebody else proves nothing, so it need not be asked again.
            if let (Finding::Unknown(why), true) =
                (&signature.finding, from.contains(&signature.domain))
            {
                let trouble = format!("DKIM {} ({}): {why}", signature.domain, signature.selector);
                evidence.trouble.push(trouble);
            }
        }
        if let Some((check, _)) = &spf
            && let (Finding::Unknown(why), Some(domain)) = (&check.finding, &check.domain)
            && from.contains(domain)
        {
            evidence.trouble.push(format!("SPF {domain}: {why}"));
        }
        // Both are only written down; a mail that is looked at again is asked about then.
        if evidence.trouble.is_empty() {
            let is_worth_it = is_ours && from.len() == 1 && (!dkim.is_empty() || spf.is_some());
            let dmarc = async {
                match is_worth_it {
                    true => spf::dmarc(&asks, message, &dkim, spf.as_ref()).await,
                    false => None,
                }
            };
            (evidence.dmarc, evidence.arc) = join(dmarc, arc::check(&asks, message)).await;
        }
        evidence.spf = spf.map(|(check, _)| check);
        evidence.openpgp = openpgp::signature(&inbound.raw, &self.keys, inbound.received_at);
        evidence.dkim = dkim;
        evidence
    }
}

static NOBODY: BTreeSet<String> = BTreeSet::new();

/// What may be asked for one mail.
struct Asks<'a> {
    dns: &'a Dns,
    domains: &'a BTreeSet<String>,
    now: Timestamp,
}

impl Asks<'_> {
    /// Is it a domain of a route, above one or below one? All others could be slow on purpose.
    fn may_ask(&self, domain: &str) -> bool {
        let domain = domain.trim_end_matches('.').to_ascii_lowercase();
        let domain = domain.as_str();
        let is_below = |name: &str, zone: &str| {
            name.strip_suffix(zone)
                .is_some_and(|front| front.is_empty() || front.ends_with('.'))
        };
        domain.contains('.')
            && self
                .domains
                .iter()
                .any(|known| is_below(domain, known) || is_below(known, domain))
    }
}

/// The domain of an address, lower case.
fn domain_of(address: &str) -> Option<String> {
    let (_, domain) = address.rsplit_once('@')?;
    Some(domain.trim_end_matches('.').to_ascii_lowercase()).filter(|domain| !domain.is_empty())
}
