//! `/metrics`, in the text format of Prometheus.
//!
//! What can be counted in the store is read from there at each scrape: command line, sender and server
//! then count the same, and a restart loses nothing. Only what happens in this process and leaves no
//! trace is counted here. No label holds a domain, a customer or an address.

mod family;

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use prometheus::core::Collector;
use prometheus::proto::MetricFamily;
use prometheus::{HistogramOpts, HistogramVec};

use super::watch::WatchRules;
use crate::clock::Clock;
use crate::config::Config;
use crate::evidence::openpgp;
use crate::inspect::public::Visits;
use crate::model::{BounceCategory, CaseState, PinnedKey, Source};
use crate::receive::smtp::Connections;
use crate::store::{Distribution, DueAsk, DueCount, KeyEnd, SpellKind, Store, StoreError, Totals};
use family::{Labels, counter, gauge, histogram};

/// What `/metrics` is served as.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Days until a deadline.
const WITHIN: [(&str, i64); 5] = [("1d", 1), ("3d", 3), ("7d", 7), ("14d", 14), ("30d", 30)];

/// The kinds of deadlines, as [`crate::store::Counting::due_counts`] lists them.
const DEADLINES: [&str; 3] = ["dedelegation", "deletion", "suspension"];

const ENVIRONMENTS: [&str; 2] = ["live", "test"];

/// From 0.1 ms, which a message that is alone takes at best.
const PROCESSING: [f64; 12] = [
    0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0,
];

/// Why there is no answer to a scrape.
#[derive(Debug, thiserror::Error)]
pub enum MetricsError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The values do not fit the format.
    #[error("the metrics cannot be written: {0}")]
    Format(#[from] prometheus::Error),
}

/// What is counted in this process.
#[derive(Clone)]
pub struct Meters {
    processing: HistogramVec,
    /// SMTP connections.
    pub connections: Arc<Connections>,
    /// The verification website.
    pub visits: Visits,
}

impl Meters {
    /// Nothing is counted yet.
    pub fn new(connections: Arc<Connections>, visits: Visits) -> anyhow::Result<Self> {
        let opts = HistogramOpts::new(
            "stichtag_message_processing_seconds",
            "Time in which a message is decided and written; one of many takes its share.",
        );
        Ok(Meters {
            processing: HistogramVec::new(opts.buckets(PROCESSING.to_vec()), &["source"])?,
            connections,
            visits,
        })
    }

    /// Messages of these sources had their turn together, and it took so long.
    pub fn processed(&self, sources: &[Source], took: Duration) {
        let share = took.as_secs_f64() / sources.len().max(1) as f64;
        for source in sources {
            let of = self.processing.with_label_values(&[source.as_str()]);
            of.observe(share);
        }
    }
}

/// What a scrape is answered with.
#[derive(Clone)]
pub struct Metrics {
    store: Arc<dyn Store>,
    clock: Clock,
    meters: Meters,
    rules: WatchRules,
    pinned: Vec<PinnedKey>,
}

impl Metrics {
    /// Of this store and this process.
    pub fn new(config: &Config, store: Arc<dyn Store>, clock: Clock, meters: Meters) -> Self {
        let keys = config.routes.iter().flat_map(|route| &route.pgp_keys);
        Metrics {
            store,
            clock,
            meters,
            rules: WatchRules::new(config),
            pinned: keys.cloned().collect(),
        }
    }

    /// Every metric, in the text format.
    pub async fn text(&self) -> Result<String, MetricsError> {
        let now = self.clock.now();
        let day = |days: i64| now + SignedDuration::from_hours(24 * days);
        let ask = DueAsk {
            now,
            within: WITHIN.map(|(_, days)| day(days)).to_vec(),
            told_before: now
                .checked_add(self.rules.unnotified_before)
                .unwrap_or(Timestamp::MAX),
            writes_to_owners: self.rules.writes_to_owners,
        };
        let totals = self.store.totals().await?;
        let due = self.store.due_counts(&ask).await?;
        let mut families = of_messages(&totals);
        families.extend(of_cases(&totals, &due));
        families.extend(of_notices(&totals));
        families.extend(of_registry(&totals));
        families.extend(self.of_process());
        families.extend(of_health(&totals, &self.keys(&totals, now)));
        Ok(family::text(&families)?)
    }

    /// Keys of the registry, which are pinned here, and those of the sender.
    fn keys(&self, totals: &Totals, now: Timestamp) -> Vec<KeyEnd> {
        let pinned = self.pinned.iter().filter_map(|key| {
            let ends_at = openpgp::ends_at(key, now)?;
            let fingerprint = key.fingerprint.clone();
            Some(KeyEnd {
                fingerprint,
                ends_at,
            })
        });
        let mut keys: Vec<KeyEnd> = pinned.chain(totals.keys.iter().cloned()).collect();
        keys.sort_by(|one, other| one.fingerprint.cmp(&other.fingerprint));
        keys.dedup_by(|one, other| one.fingerprint == other.fingerprint);
        keys
    }

    fn of_process(&self) -> Vec<MetricFamily> {
        let visits = self.meters.visits.counts();
        let mut families = self.meters.processing.collect();
        families.extend([
            counter(
                "smtp_connections_total",
                "SMTP connections since the start, by how they began.",
                (self.meters.connections.counts())
                    .map(|(result, count)| (vec![("result", result)], count)),
            ),
            counter(
                "verify_visits_total",
                "Answers of the verification website since the start, by page.",
                (visits.iter()).map(|(page, count)| (vec![("result", *page)], *count)),
            ),
            gauge(
                "build_info",
                "The version that runs.",
                [(vec![("version", env!("CARGO_PKG_VERSION"))], 1.0)],
            ),
        ]);
        families
    }
}

fn of_messages(totals: &Totals) -> Vec<MetricFamily> {
    let held = |environment: &str| {
        let mut of = totals.held.iter();
        of.find(|(known, ..)| known == environment)
    };
    vec![
        counter(
            "messages_total",
            "Messages by verdict; one that is judged otherwise later counts again.",
            totals
                .messages
                .iter()
                .map(|([environment, source, verdict], count)| {
                    let labels = vec![
                        ("environment", environment.as_str()),
                        ("source", source.as_str()),
                        ("verdict", verdict.as_str()),
                    ];
                    (labels, *count)
                }),
        ),
        counter(
            "message_reasons_total",
            "Reasons of verdicts, once a message.",
            with_label("code", &totals.reasons),
        ),
        counter(
            "message_bytes_total",
            "Bytes of messages that were judged.",
            with_label("source", &totals.bytes),
        ),
        gauge(
            "last_message_timestamp_seconds",
            "When the last message that was understood came in.",
            totals.heard.iter().map(|([environment, source], at)| {
                let labels = vec![
                    ("environment", environment.as_str()),
                    ("source", source.as_str()),
                ];
                (labels, seconds(*at))
            }),
        ),
        gauge(
            "held_messages",
            "Messages that wait for a person.",
            (ENVIRONMENTS.into_iter().chain([""])).map(|environment| {
                let count = held(environment).map_or(0, |(_, count, _)| *count);
                (vec![("environment", environment)], number(count))
            }),
        ),
        gauge(
            "held_oldest_timestamp_seconds",
            "When the oldest of them came in.",
            (totals.held.iter()).map(|(environment, _, at)| {
                (vec![("environment", environment.as_str())], seconds(*at))
            }),
        ),
        gauge(
            "held_deadline_timestamp_seconds",
            "The earliest deadline that one of them names.",
            (totals.held_deadlines.iter()).map(|(environment, at)| {
                (vec![("environment", environment.as_str())], seconds(*at))
            }),
        ),
    ]
}

fn of_cases(totals: &Totals, due: &[DueCount; 3]) -> Vec<MetricFamily> {
    let kinds = || DEADLINES.into_iter().zip(due);
    let of_kind = |value: fn(&DueCount) -> u64| {
        kinds().map(move |(kind, count)| (vec![("deadline", kind)], number(value(count))))
    };
    let count = |environment: &str, state: CaseState| {
        let mut cases = totals.cases.iter();
        let is_it = |([of, is], _): &&([String; 2], u64)| of == environment && is == state.as_str();
        cases.find(is_it).map_or(0, |(_, count)| *count)
    };
    let states = ENVIRONMENTS.into_iter().flat_map(|environment| {
        CaseState::ALL
            .into_iter()
            .map(move |state| (environment, state))
    });
    vec![
        gauge(
            "cases",
            "Verifications by state.",
            states.map(|(environment, state)| {
                let labels = vec![("environment", environment), ("state", state.as_str())];
                (labels, number(count(environment, state)))
            }),
        ),
        gauge(
            "cases_due",
            "Open live cases with a deadline within so many days.",
            kinds().flat_map(|(kind, count)| {
                WITHIN
                    .into_iter()
                    .zip(&count.within)
                    .map(move |((within, _), count)| {
                        (vec![("deadline", kind), ("within", within)], number(*count))
                    })
            }),
        ),
        gauge(
            "cases_unnotified",
            "Open live cases with a deadline within `watch.unnotified_before` of which the customer has not been told.",
            of_kind(|count| count.untold),
        ),
        gauge(
            "cases_address_at_risk",
            "Open live cases whose customer has no address that outlives the domain.",
            of_kind(|count| count.at_risk),
        ),
        gauge(
            "next_deadline_timestamp_seconds",
            "The next deadline of an open live case.",
            kinds().filter_map(|(kind, count)| {
                let next = count.next?;
                Some((vec![("deadline", kind)], seconds(next)))
            }),
        ),
    ]
}

fn of_notices(totals: &Totals) -> Vec<MetricFamily> {
    let bounces = |category: BounceCategory| {
        let mut known = totals.bounces.iter();
        let of = known.find(|(class, _)| class == category.as_str());
        of.map_or(0, |(_, count)| *count)
    };
    vec![
        counter(
            "notices_total",
            "Mails to customers by what became of them; one can come to several ends.",
            totals
                .notices
                .iter()
                .map(|([kind, language, outcome], count)| {
                    let labels = vec![
                        ("kind", kind.as_str()),
                        ("language", language.as_str()),
                        ("outcome", outcome.as_str()),
                    ];
                    (labels, *count)
                }),
        ),
        histogram(
            "notice_delay_seconds",
            "From a registry mail to the smarthost's taking the notice.",
            (of(totals, SpellKind::Notice))
                .map(|took| (vec![("kind", took.labels[0].as_str())], took)),
        ),
        counter(
            "notice_bounces_total",
            "Recipients whose notice came back.",
            BounceCategory::ALL
                .map(|category| (vec![("class", category.as_str())], bounces(category))),
        ),
    ]
}

fn of_registry(totals: &Totals) -> Vec<MetricFamily> {
    let unanswered = |environment: &str| {
        let mut known = totals.unanswered.iter();
        let of = known.find(|(known, _)| known == environment);
        of.map_or(0, |(_, count)| *count)
    };
    vec![
        counter(
            "requests_total",
            "Requests to the registry by outcome.",
            totals.requests.iter().map(|([action, outcome], count)| {
                let labels = vec![("action", action.as_str()), ("outcome", outcome.as_str())];
                (labels, *count)
            }),
        ),
        histogram(
            "request_answer_seconds",
            "From a request to the registry's answer.",
            of(totals, SpellKind::Request).map(|took| (two(["action", "outcome"], took), took)),
        ),
        gauge(
            "requests_unanswered",
            "Requests that the registry has not answered in due time.",
            ENVIRONMENTS.map(|environment| {
                (
                    vec![("environment", environment)],
                    number(unanswered(environment)),
                )
            }),
        ),
        histogram(
            "reseller_api_seconds",
            "Calls of the reseller's API.",
            of(totals, SpellKind::Reseller).map(|took| (two(["command", "result"], took), took)),
        ),
    ]
}

fn of_health(totals: &Totals, keys: &[KeyEnd]) -> Vec<MetricFamily> {
    vec![
        gauge(
            "pgp_key_expiry_timestamp_seconds",
            "From when on an OpenPGP key signs nothing any more.",
            (keys.iter()).map(|key| {
                (
                    vec![("key", key.fingerprint.as_str())],
                    seconds(key.ends_at),
                )
            }),
        ),
        gauge(
            "database_size_bytes",
            "The database, without what is still in its log.",
            [(Vec::new(), number(totals.database_bytes))],
        ),
        gauge(
            "sending_paused",
            "1: nothing goes to customers until `stichtag notice resume`.",
            [(Vec::new(), f64::from(u8::from(totals.is_paused)))],
        ),
        gauge(
            "alarms",
            "Alarms that stand.",
            (totals.alarms.iter())
                .map(|(code, count)| (vec![("code", code.as_str())], number(*count))),
        ),
    ]
}

fn with_label<'a>(
    label: &'a str,
    counts: &'a [(String, u64)],
) -> impl Iterator<Item = (Labels<'a>, u64)> {
    (counts.iter()).map(move |(value, count)| (vec![(label, value.as_str())], *count))
}

fn of(totals: &Totals, kind: SpellKind) -> impl Iterator<Item = &Distribution> {
    totals.spells.iter().filter(move |took| took.kind == kind)
}

fn two<'a>(names: [&'a str; 2], took: &'a Distribution) -> Labels<'a> {
    names
        .into_iter()
        .zip(took.labels.iter().map(String::as_str))
        .collect()
}

fn number(count: u64) -> f64 {
    count as f64
}

/// Seconds since 1970.
fn seconds(at: Timestamp) -> f64 {
    at.as_duration().as_secs_f64()
}
