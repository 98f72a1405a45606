//! A running server with the domains that the fixtures speak of, and what is in its store.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use stichtag::clock::Clock;
use stichtag::config::{Config, Layers};
use stichtag::model::{Environment, InboundId, RegistryStatus, reason};
use stichtag::serve::Running;
use stichtag::store::{DomainImport, LogEntry, LogFilter, MessageVerdict, NoticeFilter};

use super::wire::TO;

/// When the fixtures came in that are signed.
pub const RECEIVED: &str = "2026-05-05T06:30:10Z";

pub struct House {
    _folder: tempfile::TempDir,
    pub running: Running,
}

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

impl House {
    pub async fn open(keys: &BTreeMap<String, Vec<String>>, more: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().to_str().unwrap().to_owned();
        let keys = serde_json::to_string(keys).unwrap();
        let to = format!("[\"{TO}\"]");
        let variables = [
            ("SERVER__DATA_DIR", data.as_str()),
            ("SERVER__SMTP_LISTEN", "[\"127.0.0.1:0\"]"),
            ("SERVER__ADMIN_LISTEN", ""),
            ("SMTP__MAX_COMMANDS", "1000000"),
            ("STORE__MIN_FREE", "0"),
            ("ROUTE__DENIC_LIVE__RECIPIENTS", &to),
            ("AUTHENTICATE__RESOLVERS", "[\"none\"]"),
            ("AUTHENTICATE__DNS_STATIC", &keys),
            ("PROCESS__WORKERS", "2"),
        ];
        let variables = variables.iter().chain(more);
        let variables =
            variables.map(|(name, value)| (format!("STICHTAG_{name}"), (*value).to_owned()));
        let config = Config::from_layers(&Layers::read(None, variables).unwrap()).unwrap();
        let clock = Clock::system();
        clock.set(at(RECEIVED));
        let running = stichtag::serve::start(&config, clock).await.unwrap();
        let house = House {
            _folder: folder,
            running,
        };
        house.stock().await;
        house
    }

    /// Every domain that a fixture names.
    async fn stock(&self) {
        let domains = [
            "dänic.de",
            "denic-test.de",
            "domain-1.de",
            "drachenbau-elbe.de",
            "example.de",
            "holzspielzeug-nord.de",
            "kräuterhof-süd.de",
            "müßiggang-verlag.de",
            "segelschule-bodden.de",
        ];
        let imports: Vec<DomainImport> = domains
            .iter()
            .map(|domain| DomainImport {
                key: stichtag::model::DomainKey {
                    environment: Environment::Live,
                    domain: domain.parse().unwrap(),
                },
                customer: None,
                holders: Default::default(),
                status: Some(RegistryStatus::Connect),
                lifecycle: None,
            })
            .collect();
        let store = &self.running.store;
        store.put_domains(&imports, at(RECEIVED)).await.unwrap();
    }

    /// Domains with their histories, cases and notices, as text.
    pub async fn world(&self) -> String {
        self.world_without(&BTreeSet::new()).await
    }

    /// The same as if these messages had not been filed as older facts.
    pub async fn world_without(&self, filed: &BTreeSet<InboundId>) -> String {
        let store = &self.running.store;
        let mut world = String::new();
        for mut record in store.domains(None, None).await.unwrap() {
            let mut history = store.history(&record.key).await.unwrap();
            let whole = history.len();
            history.retain(|entry| {
                let is_filed = entry.message.is_some_and(|id| filed.contains(&id));
                !(is_filed && entry.summary.starts_with("older than what is known"))
            });
            // Each of those lines was one write of the record.
            record.version -= i64::try_from(whole - history.len()).unwrap();
            world.push_str(&format!("{record:?}\n{history:?}\n"));
        }
        let cases = store.cases(false).await.unwrap();
        let notices = store.notices(&NoticeFilter::default()).await.unwrap();
        world + &format!("{cases:?}\n{notices:?}\n")
    }

    /// The whole log, once nothing waits any more.
    pub async fn decided(&self) -> Vec<LogEntry> {
        let waiting = LogFilter {
            verdict: Some(MessageVerdict::Deferred),
            limit: 1,
            ..LogFilter::default()
        };
        let store = &self.running.store;
        for _ in 0..12_000 {
            if store.log(&waiting).await.unwrap().is_empty() {
                let mut entries = Vec::new();
                loop {
                    let filter = LogFilter {
                        after: Some(
                            entries
                                .last()
                                .map_or(InboundId(0), |last: &LogEntry| last.id),
                        ),
                        limit: 5_000,
                        ..LogFilter::default()
                    };
                    let more = store.log(&filter).await.unwrap();
                    if more.is_empty() {
                        return entries;
                    }
                    entries.extend(more);
                }
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("messages wait that nobody decides");
    }
}

/// The number that an answer `250 2.0.0 kept as 1042` gives.
pub fn number(answer: &str) -> Option<InboundId> {
    answer.split("kept as ").nth(1)?.trim().parse().ok()
}

/// Was it held because the program broke over it?
pub fn broke(entry: &LogEntry) -> bool {
    let mut reasons = entry.decision.iter().flat_map(|one| &one.reasons);
    reasons.any(|one| one.code == reason::PANIC)
}

/// Every file below a folder of this repository.
pub fn files(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    below(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join(folder),
        &mut found,
    );
    found.sort();
    found
}

/// Every file below `folder`, whatever it is.
pub fn below(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => below(&path, into),
            false => into.push(path),
        }
    }
}
