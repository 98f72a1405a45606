//! What must be true afterwards, whatever happened in between.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;
use stichtag::model::{DomainKey, InboundId, sha256_hex};

use super::catcher::Caught;
use super::fleet::{Expected, Fleet};
use super::mta::Journey;
use super::site::Site;

/// Rows whose exact bytes are fetched by the command line, not only from the store.
const SAMPLE: usize = 25;

/// The code of a message that was seen before, and of a fact older than what is known.
const SAME_MAIL: &str = "W31";
const OLDER: &str = "W23";

/// What was found, for the test's output.
#[derive(Debug)]
#[expect(dead_code, reason = "read by its `Debug`")]
pub struct Findings {
    /// Rows of the log.
    pub rows: usize,
    /// 250s behind a final dot.
    pub acknowledged: usize,
    /// Final dots sent.
    pub dots: usize,
    /// Rows of mails whose 250 never came.
    pub unanswered: usize,
    /// Notices that had to leave.
    pub notices: usize,
    /// Second copies at the smarthost.
    pub copies: usize,
}

/// Checks a site whose server is stopped: messages, effects and notices. `copies_max`: how many
/// notices may have arrived twice.
pub fn audit(
    site: &Site,
    fleet: &Fleet,
    journeys: &[Journey],
    caught: &[Caught],
    copies_max: usize,
) -> Findings {
    let log = site.objects(&["log", "list"]);
    every_message_is_accounted_for(&log, journeys);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let kept: BTreeSet<usize> = runtime.block_on(async {
        let store = stichtag::store::open(&site.url()).await.unwrap();
        every_byte_is_there(site, &*store, &log).await;
        let kept = every_message_has_one_effect(fleet, &log);
        every_fact_is_in_the_history_once(fleet, &*store, &kept).await;
        kept
    });
    every_domain_stands_as_the_registry_said(site, fleet, &kept);
    let notices = site.objects(&["notice", "list"]);
    let copies = every_notice_arrived_once(fleet, &kept, &notices, caught);
    assert!(copies <= copies_max, "{copies} copies, {copies_max} cuts");
    let dots = journeys.iter().filter(|journey| journey.has_dot).count();
    let acknowledged = journeys.iter().filter(|j| j.kept_as.is_some()).count();
    Findings {
        rows: log.len(),
        acknowledged,
        dots,
        unanswered: log.len() - acknowledged,
        notices: notices.len(),
        copies,
    }
}

fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object[field].as_str().unwrap_or_default()
}

fn counts<'a>(hashes: impl Iterator<Item = &'a str>) -> BTreeMap<&'a str, usize> {
    let mut counts = BTreeMap::new();
    for hash in hashes {
        *counts.entry(hash).or_default() += 1;
    }
    counts
}

/// 250s ≤ rows ≤ final dots, for every sequence of bytes; and each 250 named its row.
fn every_message_is_accounted_for(log: &[Value], journeys: &[Journey]) {
    let rows = counts(log.iter().map(|row| text(row, "sha256")));
    let dots = counts(journeys.iter().filter(|j| j.has_dot).map(|j| &*j.sha256));
    for (hash, rows) in &rows {
        let dots = dots.get(hash).copied().unwrap_or(0);
        assert!(
            *rows <= dots,
            "{rows} rows of {hash}, and {dots} final dots"
        );
    }
    let by_number: BTreeMap<&str, &str> = log
        .iter()
        .map(|row| (text(row, "id"), text(row, "sha256")))
        .collect();
    assert_eq!(by_number.len(), log.len(), "a number is used twice");
    let mut taken = BTreeSet::new();
    for journey in journeys {
        let Some(number) = journey.kept_as.as_deref() else {
            continue;
        };
        assert!(taken.insert(number), "{number} was promised twice");
        assert_eq!(
            by_number.get(number).copied(),
            Some(&*journey.sha256),
            "mail {} was acknowledged as {number}",
            journey.mail
        );
    }
}

async fn every_byte_is_there(site: &Site, store: &dyn stichtag::store::Store, log: &[Value]) {
    for (place, row) in log.iter().enumerate() {
        let id: InboundId = text(row, "id").parse().unwrap();
        let inbound = store.kept(id).await.unwrap().unwrap();
        assert_eq!(sha256_hex(&inbound.raw), text(row, "sha256"), "row {id}");
        if place % (log.len() / SAMPLE).max(1) == 0 {
            let raw = site.said(&["log", "raw", text(row, "id")]);
            assert!(raw == inbound.raw, "`log raw {id}` prints other bytes");
        }
    }
}

/// Of all rows of one mail, one was news; returns the mails that were kept.
fn every_message_has_one_effect(fleet: &Fleet, log: &[Value]) -> BTreeSet<usize> {
    let places: BTreeMap<&str, usize> = fleet
        .mails
        .iter()
        .enumerate()
        .map(|(place, mail)| (&*mail.message_id, place))
        .collect();
    let mut news = BTreeMap::<usize, usize>::new();
    for row in log {
        let place = places[text(row, "message_id")];
        let has = |code: &str| row["reasons"].as_array().unwrap().iter().any(|r| r == code);
        let verdict = text(row, "verdict");
        if has(SAME_MAIL) {
            assert_eq!(verdict, "unchanged", "{row}");
            news.entry(place).or_default();
        } else {
            let expected = if has(OLDER) { "unchanged" } else { "applied" };
            assert_eq!(verdict, expected, "{row}");
            *news.entry(place).or_default() += 1;
        }
        assert_eq!(text(row, "ace"), fleet.mails[place].domain.ace(), "{row}");
        assert_eq!(text(row, "environment"), fleet.mails[place].environment);
    }
    for (place, times) in &news {
        assert_eq!(*times, 1, "times mail {place} was news");
    }
    news.into_keys().collect()
}

async fn every_fact_is_in_the_history_once(
    fleet: &Fleet,
    store: &dyn stichtag::store::Store,
    kept: &BTreeSet<usize>,
) {
    for ((environment, ace), expected) in &fleet.domains {
        let key = DomainKey {
            environment: environment.parse().unwrap(),
            domain: ace.parse().unwrap(),
        };
        let history = store.history(&key).await.unwrap();
        let facts = expected.mails.iter().filter(|mail| kept.contains(mail));
        assert_eq!(history.len(), facts.count(), "{ace}: {history:?}");
    }
}

/// Those domains all of whose mails were kept.
fn complete<'a>(
    fleet: &'a Fleet,
    kept: &'a BTreeSet<usize>,
) -> impl Iterator<Item = (&'a (String, String), &'a Expected)> {
    fleet
        .domains
        .iter()
        .filter(|(_, expected)| expected.mails.iter().all(|mail| kept.contains(mail)))
}

fn every_domain_stands_as_the_registry_said(site: &Site, fleet: &Fleet, kept: &BTreeSet<usize>) {
    let known: BTreeMap<(String, String), Value> = site
        .objects(&["domain", "list"])
        .into_iter()
        .map(|domain| {
            let key = (text(&domain, "environment"), text(&domain, "ace"));
            ((key.0.to_owned(), key.1.to_owned()), domain)
        })
        .collect();
    for (key, expected) in complete(fleet, kept) {
        let domain = &known[key];
        let instant = |field: &str| {
            let text = domain[field].as_str()?;
            Some(text.parse::<Timestamp>().unwrap())
        };
        assert_eq!(text(domain, "status"), expected.status, "{domain}");
        assert_eq!(domain["holders"][0], expected.holder.as_str(), "{domain}");
        assert_eq!(instant("dedelegation_at"), expected.dedelegation_at);
        assert_eq!(instant("deletion_at"), expected.deletion_at);
    }
    let history = complete(fleet, kept).next().map(|((_, ace), _)| ace);
    if let Some(ace) = history {
        let lines = site.objects(&["domain", "history", ace]);
        assert!(!lines.is_empty(), "the history of {ace} is shown");
    }
}

/// Each fact worth telling is one notice, and each notice was taken once; returns how many more
/// copies there were.
fn every_notice_arrived_once(
    fleet: &Fleet,
    kept: &BTreeSet<usize>,
    notices: &[Value],
    caught: &[Caught],
) -> usize {
    let mut told = BTreeMap::new();
    for notice in notices {
        assert_eq!(text(notice, "state"), "sent", "{notice}");
        let domains = notice["domains"].as_array().unwrap();
        assert_eq!(domains.len(), 1, "{notice}");
        let key = (text(notice, "environment"), domains[0].as_str().unwrap());
        let what = (text(notice, "kind"), text(notice, "recipient").to_owned());
        assert_eq!(told.insert(key, what), None, "told twice: {notice}");
    }
    let expected: BTreeMap<_, _> = fleet
        .domains
        .iter()
        .filter_map(|((environment, _), expected)| {
            // The last mail about a domain is the one that somebody must hear of.
            let last = expected.mails.last().filter(|mail| kept.contains(mail))?;
            let name = fleet.mails[*last].domain.unicode();
            Some(((environment.as_str(), name), expected.notice.clone()?))
        })
        .collect();
    assert_eq!(told, expected);
    let by_id: BTreeMap<&str, &Value> = notices
        .iter()
        .map(|notice| (text(notice, "message_id"), notice))
        .collect();
    let mut arrived = BTreeMap::<&str, &Caught>::new();
    let mut copies = 0;
    for mail in caught {
        let notice = by_id
            .get(&*mail.message_id)
            .unwrap_or_else(|| panic!("nobody wrote {}", mail.message_id));
        assert_eq!(mail.recipient, text(notice, "recipient"));
        if let Some(first) = arrived.insert(&mail.message_id, mail) {
            copies += 1;
            assert!(first.raw == mail.raw, "a copy of {notice} has other bytes");
        }
    }
    assert_eq!(arrived.len(), notices.len(), "notices that arrived");
    copies
}
