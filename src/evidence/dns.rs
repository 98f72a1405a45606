//! Questions to DNS: a static table before any resolver, and trouble that is remembered for a while.

use std::borrow::Borrow;
use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::hash::Hash;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use mail_auth::common::parse::TxtRecordParser;
use mail_auth::common::verify::DomainKey;
use mail_auth::dmarc::Dmarc;
use mail_auth::hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolverConfig, ResolverOpts,
};
use mail_auth::hickory_resolver::net::{DnsError as Answered, NetError};
use mail_auth::hickory_resolver::proto::op::ResponseCode;
use mail_auth::hickory_resolver::proto::rr::{Name, RData};
use mail_auth::hickory_resolver::system_conf::read_system_conf;
use mail_auth::spf::Spf;
use mail_auth::{Error, MessageAuthenticator, ResolverCache, Txt};
use tokio::time::timeout;

use super::Resolvers;

/// All that one check may take, however many names it leads to: so many times the patience.
const CHECK: u32 = 3;

/// Whoever did not answer is not asked again for so long: the next mails need not wait for it.
const TROUBLE_FOR: SignedDuration = SignedDuration::from_secs(20);

/// Whoever did not answer what is only written down is not asked for that again for so long: nobody
/// is to wait for what decides nothing.
const ASIDE_FOR: SignedDuration = SignedDuration::from_mins(5);

/// Answers kept at most.
const CACHE: u64 = 4_096;

/// A key that is looked up again at once was hardly changed meanwhile, whatever its record says.
const ANSWER_MAX: Duration = Duration::from_secs(3_600);

/// DNS cannot be asked at all.
#[derive(Debug, thiserror::Error)]
#[error("the resolver cannot be set up: {0}")]
pub struct DnsError(String);

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoAnswer {
    /// There is no such record.
    Absent,
    /// Somebody answered, and could not say now: trouble of this one name.
    Trouble(String),
    /// Nobody answered.
    Silence(String),
}

/// The way to DNS.
pub struct Dns {
    authenticator: MessageAuthenticator,
    records: BTreeMap<String, Vec<String>>,
    table: Table,
    is_static: bool,
    patience: Duration,
    /// What did not answer, why, and until when it is left alone.
    trouble: Mutex<BTreeMap<String, (Timestamp, String)>>,
    /// Zones that did not answer what is only written down, and until when they are left alone.
    aside: Mutex<BTreeMap<String, Timestamp>>,
}

impl Dns {
    pub fn new(
        resolvers: &Resolvers,
        records: BTreeMap<String, Vec<String>>,
        patience: Duration,
    ) -> Result<Self, DnsError> {
        let failed = |error: NetError| DnsError(error.to_string());
        let (config, mut options) = match resolvers {
            Resolvers::System => read_system_conf().unwrap_or_else(|error| {
                // Mail must still be taken; it waits for an answer.
                tracing::warn!("the system names no resolver, so DNS is not asked: {error}");
                (ResolverConfig::default(), ResolverOpts::default())
            }),
            Resolvers::Named(servers) => {
                let servers = servers.iter().map(name_server).collect();
                (
                    ResolverConfig::from_name_servers(servers),
                    ResolverOpts::default(),
                )
            }
            Resolvers::None => (ResolverConfig::default(), ResolverOpts::default()),
        };
        options.timeout = patience;
        options.attempts = 1;
        options.cache_size = CACHE;
        options.positive_max_ttl = Some(ANSWER_MAX);
        options.negative_max_ttl = Some(Duration::from_secs(60));
        let records: BTreeMap<String, Vec<String>> = records
            .into_iter()
            .map(|(name, texts)| (plain(&name), texts))
            .collect();
        let typed = records.iter().map(|(name, texts)| {
            let texts = texts.iter().map(|text| text.as_bytes());
            (name.clone(), typed(name, texts))
        });
        let is_static = *resolvers == Resolvers::None;
        let mut table = Table::closed(typed);
        if !is_static {
            table.missing = None;
        }
        Ok(Dns {
            authenticator: MessageAuthenticator::new(config, options).map_err(failed)?,
            records,
            table,
            is_static,
            patience: patience * CHECK,
            trouble: Mutex::default(),
            aside: Mutex::default(),
        })
    }

    /// What checks signatures.
    pub fn authenticator(&self) -> &MessageAuthenticator {
        &self.authenticator
    }

    /// Is nobody to be asked but the static table?
    pub fn is_static(&self) -> bool {
        self.is_static
    }

    /// The static records, for the library that checks.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// The static records of `name`.
    pub fn known(&self, name: &str) -> Option<&[String]> {
        self.records.get(&plain(name)).map(Vec::as_slice)
    }

    /// The TXT records of `name`, their strings joined.
    pub async fn txt(&self, name: &str, now: Timestamp) -> Result<Vec<Vec<u8>>, NoAnswer> {
        if let Some(settled) = self.settled(name) {
            return settled;
        }
        let of_zone = format!("txt {}", zone(name));
        let of_name = format!("txt {}", plain(name));
        self.ask([&of_zone, &of_name], now, self.look_up(name))
            .await
    }

    /// The same for what is only written down ([`Dns::aside`]).
    pub async fn txt_aside(&self, name: &str, now: Timestamp) -> Result<Vec<Vec<u8>>, NoAnswer> {
        if let Some(settled) = self.settled(name) {
            return settled;
        }
        self.aside(&zone(name), now, self.look_up(name)).await
    }

    /// What is known of `name` without asking anybody.
    fn settled(&self, name: &str) -> Option<Result<Vec<Vec<u8>>, NoAnswer>> {
        match self.known(name) {
            Some(texts) => Some(Ok(texts
                .iter()
                .map(|text| text.clone().into_bytes())
                .collect())),
            None => self.is_static.then_some(Err(NoAnswer::Absent)),
        }
    }

    async fn look_up(&self, name: &str) -> Result<Vec<Vec<u8>>, NoAnswer> {
        // With its last dot, or the search list of this machine would be tried behind it.
        let Ok(asked) = Name::from_str_relaxed(format!("{}.", plain(name))) else {
            return Err(NoAnswer::Absent);
        };
        match self.authenticator.resolver().txt_lookup(asked).await {
            Ok(found) => Ok(found
                .answers()
                .iter()
                .filter_map(|record| match &record.data {
                    RData::TXT(text) => Some(text.txt_data.concat()),
                    _ => None,
                })
                .collect()),
            Err(NetError::Dns(Answered::NoRecordsFound(_))) => Err(NoAnswer::Absent),
            Err(error @ NetError::Dns(_)) => Err(NoAnswer::Trouble(error.to_string())),
            Err(error) => Err(NoAnswer::Silence(error.to_string())),
        }
    }

    /// Runs a check about a zone whose outcome is only written down. A zone that was silent, be it to
    /// this or to a question that matters, is left alone, and no question that matters waits for it.
    pub async fn aside<T>(
        &self,
        zone: &str,
        now: Timestamp,
        check: impl Future<Output = Result<T, NoAnswer>>,
    ) -> Result<T, NoAnswer> {
        let is_silent = {
            let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
            let aside = self.aside.lock().unwrap_or_else(PoisonError::into_inner);
            let needed = ["txt", "spf"].map(|kind| trouble.get(&format!("{kind} {zone}")));
            let mut needed = needed.into_iter().flatten();
            needed.any(|(until, _)| now < *until) || aside.get(zone).is_some_and(|at| now < *at)
        };
        if is_silent {
            return Err(NoAnswer::Trouble("its zone is silent".to_owned()));
        }
        let found = timeout(self.patience, check).await.unwrap_or_else(|_| {
            let why = format!("no answer within {} s", self.patience.as_secs());
            Err(NoAnswer::Silence(why))
        });
        if let Err(NoAnswer::Silence(_)) = found {
            let mut aside = self.aside.lock().unwrap_or_else(PoisonError::into_inner);
            aside.retain(|_, until| now < *until);
            aside.insert(zone.to_owned(), now + ASIDE_FOR);
        }
        found
    }

    /// Runs a check that asks DNS about a name in a zone (both given as keys), unless there was trouble
    /// with it a moment ago. Silence closes the zone; an answer that says nothing closes the name alone:
    /// whoever signs chooses a name, and must not close the others.
    pub async fn ask<T>(
        &self,
        [zone, name]: [&str; 2],
        now: Timestamp,
        check: impl Future<Output = Result<T, NoAnswer>>,
    ) -> Result<T, NoAnswer> {
        let known = {
            let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
            let known = [zone, name].map(|key| trouble.get(key).cloned());
            known.into_iter().flatten().find(|(until, _)| now < *until)
        };
        if let Some((_, why)) = known {
            return Err(NoAnswer::Trouble(why));
        }
        let found = timeout(self.patience, check).await.unwrap_or_else(|_| {
            let why = format!("no answer within {} s", self.patience.as_secs());
            Err(NoAnswer::Silence(why))
        });
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        // What is over goes, or names that are asked once would stay for ever.
        trouble.retain(|_, (until, _)| now < *until);
        match &found {
            Err(NoAnswer::Trouble(why)) => {
                trouble.insert(name.to_owned(), (now + TROUBLE_FOR, why.clone()));
            }
            Err(NoAnswer::Silence(why)) => {
                trouble.insert(zone.to_owned(), (now + TROUBLE_FOR, why.clone()));
            }
            _ => {}
        }
        found
    }
}

fn name_server(address: &SocketAddr) -> NameServerConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = address.port();
        connection
    });
    NameServerConfig::new(address.ip(), true, connections.to_vec())
}

/// Lower case, without the last dot.
fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

/// Whose name it is: what stands behind its last label with an underscore.
fn zone(name: &str) -> String {
    let labels: Vec<&str> = name.split('.').collect();
    let behind = labels.iter().rposition(|label| label.starts_with('_'));
    plain(&labels[behind.map_or(0, |at| at + 1)..].join("."))
}

/// Records by name (lower case, with the last dot), as the library that checks wants them.
#[derive(Clone, Default)]
pub struct Table {
    records: HashMap<Box<str>, Txt>,
    /// What stands for every other name; `None`: the resolver is asked.
    missing: Option<Txt>,
}

impl Table {
    /// No name exists but these.
    pub fn closed(records: impl IntoIterator<Item = (String, Txt)>) -> Self {
        Table {
            records: records
                .into_iter()
                .map(|(name, text)| (format!("{}.", plain(&name)).into(), text))
                .collect(),
            missing: Some(absent()),
        }
    }

    /// The same with one more name.
    pub fn with(&self, name: &str, text: Txt) -> Self {
        let mut table = self.clone();
        let name = format!("{}.", plain(name));
        table.records.insert(name.into(), text);
        table
    }
}

impl ResolverCache<Box<str>, Txt> for Table {
    fn get<Q>(&self, name: &Q) -> Option<Txt>
    where
        Box<str>: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.records.get(name).or(self.missing.as_ref()).cloned()
    }

    fn remove<Q>(&self, _: &Q) -> Option<Txt>
    where
        Box<str>: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        None
    }

    /// The resolver has a cache of its own.
    fn insert(&self, _: Box<str>, _: Txt, _: Instant) {}
}

/// There is no such record.
pub fn absent() -> Txt {
    Txt::Error(Error::Dns(mail_auth::DnsError::RecordNotFound(
        ResponseCode::NXDomain,
    )))
}

/// Records as what their name says they are.
pub fn typed<'a>(name: &str, texts: impl IntoIterator<Item = &'a [u8]>) -> Txt {
    let mut texts = texts.into_iter();
    let nothing = || Txt::Error(Error::Dns(mail_auth::DnsError::InvalidRecordType));
    if name.contains("._domainkey.") {
        first::<DomainKey>(texts).unwrap_or_else(nothing)
    } else if name.starts_with("_dmarc.") {
        first::<Dmarc>(texts).unwrap_or_else(nothing)
    } else {
        let text = texts.find(|text| is_spf(text));
        text.map_or_else(nothing, |text| Spf::parse(text).into())
    }
}

/// The first record that can be read, else what is wrong with the last.
fn first<'a, T: TxtRecordParser + Into<Txt>>(texts: impl Iterator<Item = &'a [u8]>) -> Option<Txt> {
    let mut fault = None;
    for text in texts {
        match T::parse(text) {
            Ok(record) => return Some(record.into()),
            Err(error) => fault = Some(Txt::Error(error)),
        }
    }
    fault
}

/// Is it an SPF record (RFC 7208, section 4.5)?
pub fn is_spf(text: &[u8]) -> bool {
    let text = text.to_ascii_lowercase();
    text == b"v=spf1" || text.starts_with(b"v=spf1 ")
}
