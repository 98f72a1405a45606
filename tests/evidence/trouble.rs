//! DNS that falls silent, fails and comes back, with simulated time.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use stichtag::config::Config;
use stichtag::evidence::{Gatherer, Resolvers, Settings};
use stichtag::model::{Finding, Inbound, InboundId};
use stichtag::process::{self, Rules};
use stichtag::simulate::dns_static;
use stichtag::simulate::signer::Signer;
use stichtag::store::MessageVerdict::{Applied, Held};
use stichtag::store::{
    AuditEntry, LogEntry, LogFilter, MessageVerdict, Sealed, SqliteStore, Store,
};

use super::dns::{DnsServer, Mood};
use super::house::{at, config, inbound, plain, received, registry, sent, signed};

const DOMAIN: &str = "segelschule-bodden.de";
const KEY: &str = "s1._domainkey.denic.de";

/// A store, and what decides about the messages in it.
struct Office {
    _folder: tempfile::TempDir,
    store: SqliteStore,
    rules: Rules,
    gatherer: Gatherer,
}

impl Office {
    async fn with(config: &Config) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("stichtag.db").display());
        Office {
            store: SqliteStore::open(&url).await.unwrap(),
            _folder: folder,
            rules: stichtag::serve::rules(config),
            gatherer: stichtag::serve::gatherer(config).unwrap(),
        }
    }

    async fn asking(dns: &DnsServer) -> Self {
        Office::with(&config(&dns.setting(), &BTreeMap::new(), &[])).await
    }

    async fn keep(&self, mail: Inbound) -> InboundId {
        let sealed = Sealed::new(mail).unwrap();
        self.store.keep(vec![sealed]).await.unwrap()[0]
    }

    /// Gives every message its turn that is due; returns how many turns that were.
    async fn work(&self, now: Timestamp) -> usize {
        let mut turns = 0;
        loop {
            match process::process_next(&self.store, &self.rules, &self.gatherer, now)
                .await
                .unwrap()
            {
                0 => return turns,
                count => turns += count,
            }
        }
    }

    async fn log(&self) -> Vec<LogEntry> {
        self.store.log(&LogFilter::default()).await.unwrap()
    }

    async fn entry(&self, id: InboundId) -> LogEntry {
        self.log()
            .await
            .into_iter()
            .find(|entry| entry.id == id)
            .unwrap()
    }

    async fn verdict(&self, id: InboundId) -> Option<MessageVerdict> {
        self.entry(id)
            .await
            .decision
            .map(|decision| decision.verdict)
    }

    async fn codes(&self, id: InboundId) -> Vec<&'static str> {
        let decision = self.entry(id).await.decision.unwrap();
        decision
            .reasons
            .iter()
            .map(|reason| reason.code.as_str())
            .collect()
    }

    async fn again(&self, id: InboundId, now: Timestamp) {
        let audit = AuditEntry {
            at: now,
            actor: "0 test".to_owned(),
            action: "replay".to_owned(),
            object: String::new(),
            detail: String::new(),
        };
        self.store.requeue(&[id], false, &audit).await.unwrap();
        self.work(now).await;
    }
}

fn mail(number: usize, received_at: Timestamp) -> Inbound {
    Inbound {
        received_at,
        ..inbound(registry().sign(&plain(&format!("domain-{number}.de")), sent()))
    }
}

#[tokio::test]
async fn with_dns_dead_for_an_hour_no_mail_is_lost_or_held_and_all_are_applied_afterwards() {
    const MAILS: usize = 1_000;
    let dns = DnsServer::start(dns_static([&registry()])).await;
    let mut office = Office::asking(&dns).await;
    // A dead server costs a wait a minute; that it is short changes nothing but this test's time.
    let settings = Settings {
        routes: office.rules.policy.routes.clone(),
        edge_hostname: String::new(),
        resolvers: Resolvers::Named(vec![dns.address]),
        dns_static: BTreeMap::new(),
    };
    office.gatherer = Gatherer::with_patience(settings, Duration::from_millis(200)).unwrap();
    dns.set(Mood::Silent);
    let begin = received();
    let mut now = begin;
    // Mails come all the hour; each is kept whatever DNS does.
    for minute in 0..60 {
        now = begin + SignedDuration::from_mins(minute);
        let first = MAILS * minute as usize / 60;
        let end = MAILS * (minute as usize + 1) / 60;
        let mails = (first..end).map(|number| Sealed::new(mail(number, now)).unwrap());
        let kept = office.store.keep(mails.collect()).await.unwrap();
        assert_eq!(kept.len(), end - first);
        office.work(now).await;
        if minute == 30 {
            // Servers that fail are no better than servers that are silent.
            dns.set(Mood::Fails);
        }
    }
    let entries = office.log().await;
    assert_eq!(entries.len(), MAILS, "none is lost");
    for entry in &entries {
        assert!(
            entry.decision.is_none(),
            "none is decided: {:?}",
            entry.decision
        );
        let (until, why) = entry.waits_for.as_ref().unwrap();
        assert!(*until > begin && why.contains("denic.de"), "{until} {why}");
    }
    // A dead server is left alone for a while, however many mails wait for it.
    let asked = dns.asked().len();
    assert!(asked < 2 * MAILS, "{asked} questions");

    dns.set(Mood::Answers);
    for _ in 0..30 {
        now += SignedDuration::from_mins(1);
        office.work(now).await;
    }
    let entries = office.log().await;
    assert_eq!(entries.len(), MAILS);
    for entry in &entries {
        let verdict = entry.decision.as_ref().map(|decision| decision.verdict);
        assert_eq!(verdict, Some(Applied), "{:?}", entry.waits_for);
    }
    assert_eq!(office.store.domains(None, None).await.unwrap().len(), MAILS);
    assert_eq!(
        office.work(now + SignedDuration::from_hours(48)).await,
        0,
        "nothing waits"
    );
}

#[tokio::test]
async fn mail_that_needs_no_dns_is_decided_while_other_mail_waits() {
    let dns = DnsServer::start(BTreeMap::new()).await;
    dns.set(Mood::Silent);
    let config = config(&dns.setting(), &dns_static([&registry()]), &[]);
    let office = Office::with(&config).await;
    let other = Signer::from_pem(
        "denic.de",
        "s9",
        include_str!("../../fixtures/trust/keys/dkim-other.pem"),
    )
    .unwrap();
    let waits = office
        .keep(inbound(other.sign(&plain("domain-1.de"), sent())))
        .await;
    let known = office.keep(inbound(signed("domain-2.de"))).await;
    let forged = plain("domain-3.de");
    let forged = office.keep(inbound(forged)).await;
    office.work(received()).await;
    assert_eq!(office.verdict(waits).await, None);
    assert_eq!(office.verdict(known).await, Some(Applied));
    // Nothing in it could be proven by any answer.
    assert_eq!(office.verdict(forged).await, Some(Held));
    assert_eq!(office.codes(forged).await, ["R09"]);
}

#[tokio::test]
async fn mail_waits_for_dns_with_longer_and_longer_breaks_and_is_held_in_the_end() {
    let dns = DnsServer::start(dns_static([&registry()])).await;
    let office = Office::asking(&dns).await;
    dns.set(Mood::Fails);
    let id = office.keep(inbound(signed(DOMAIN))).await;
    let begin = received();
    let mut now = begin;
    let mut breaks = Vec::new();
    while office.verdict(id).await.is_none() {
        assert_eq!(office.work(now).await, 1);
        let Some((until, _)) = office.entry(id).await.waits_for else {
            break;
        };
        breaks.push((until - now).total(jiff::Unit::Second).unwrap());
        now = until;
    }
    assert_eq!(
        now.duration_since(begin),
        SignedDuration::from_hours(24),
        "a day, then a person decides"
    );
    // Twice as long each time, less up to a quarter, so that not all mail comes up again at once.
    for (seconds, longest) in breaks.iter().zip([30.0, 60.0, 120.0, 240.0, 480.0, 900.0]) {
        assert!((0.75 * longest..=longest).contains(seconds), "{breaks:?}");
    }
    assert!(
        breaks.iter().all(|seconds| *seconds <= 900.0) && breaks.len() > 90 && breaks.len() < 140,
        "{breaks:?}"
    );
    assert_eq!(office.verdict(id).await, Some(Held));
    assert_eq!(office.codes(id).await, ["R18"]);
    let trace = office.entry(id).await.decision.unwrap().trace.join("\n");
    assert!(
        trace.contains("DNS did not answer") && trace.contains(KEY),
        "{trace}"
    );

    // DNS is mended, the operator replays.
    dns.set(Mood::Answers);
    office.again(id, now + SignedDuration::from_mins(1)).await;
    assert_eq!(office.verdict(id).await, Some(Applied));
}

/// As often as it likes: what decides nothing is asked for once, and then left alone.
#[tokio::test]
async fn nobody_waits_for_what_is_only_written_down_while_dns_is_silent() {
    let key = Signer::registry("denic.de").unwrap();
    let dns = DnsServer::start(BTreeMap::new()).await;
    dns.text("_dmarc.denic.de", &["v=DMARC1; p=reject"]);
    // The key is known, so nothing that matters is asked for.
    let config = config(&dns.setting(), &dns_static([&key]), &[]);
    let mut office = Office::with(&config).await;
    let settings = Settings {
        routes: office.rules.policy.routes.clone(),
        edge_hostname: String::new(),
        resolvers: Resolvers::Named(vec![dns.address]),
        dns_static: dns_static([&key]),
    };
    office.gatherer = Gatherer::with_patience(settings, Duration::from_millis(200)).unwrap();
    dns.set(Mood::Silent);
    let mut now = received();
    let first = office.keep(mail(1, now)).await;
    office.work(now).await;
    assert_eq!(office.verdict(first).await, Some(Applied));
    let asked = dns.asked();
    assert!(
        asked.iter().any(|name| name == "_dmarc.denic.de"),
        "{asked:?}"
    );
    // Twenty seconds later others that matter would be asked for again; this is not.
    for number in 2..20 {
        now += SignedDuration::from_secs(15);
        let id = office.keep(mail(number, now)).await;
        office.work(now).await;
        assert_eq!(office.verdict(id).await, Some(Applied));
    }
    assert_eq!(
        dns.asked(),
        asked,
        "nobody was asked, so nobody was waited for"
    );
    let evidence = office.store.evidence(first).await.unwrap().unwrap();
    assert_eq!(evidence.dmarc.as_deref(), Some("temperror"));

    dns.set(Mood::Answers);
    now += SignedDuration::from_mins(5);
    let id = office.keep(mail(20, now)).await;
    office.work(now).await;
    let evidence = office.store.evidence(id).await.unwrap().unwrap();
    assert_eq!(evidence.dmarc.as_deref(), Some("pass (p=reject)"));
}

#[tokio::test]
async fn a_mail_whose_key_is_awaited_costs_no_question_about_dmarc_or_arc() {
    let dns = DnsServer::start(dns_static([&registry()])).await;
    let office = Office::asking(&dns).await;
    dns.set(Mood::Silent);
    let chain = "ARC-Seal: i=1; a=rsa-sha256; cv=none; d=denic.de; s=arc; b=AAAA\r\n\
         ARC-Message-Signature: i=1; a=rsa-sha256; d=denic.de; s=arc; h=from; bh=AAAA; b=AAAA\r\n\
         ARC-Authentication-Results: i=1; mx.example.net; none\r\n";
    let mut raw = chain.as_bytes().to_vec();
    raw.extend(signed(DOMAIN));
    let id = office.keep(inbound(raw)).await;
    office.work(received()).await;
    assert_eq!(office.verdict(id).await, None, "it waits");
    let asked = dns.asked();
    assert!(asked.iter().all(|name| name == KEY), "{asked:?}");
    assert!(!asked.is_empty());
    // Later both are asked for and written down.
    dns.set(Mood::Answers);
    office.work(received() + SignedDuration::from_mins(1)).await;
    assert_eq!(office.verdict(id).await, Some(Applied));
    let evidence = office.store.evidence(id).await.unwrap().unwrap();
    assert!(
        evidence.arc.is_some() && evidence.dmarc.is_some(),
        "{evidence:?}"
    );
}

#[tokio::test]
async fn a_name_that_a_stranger_chose_closes_no_other() {
    let dns = DnsServer::start(dns_static([&registry()])).await;
    let office = Office::asking(&dns).await;
    dns.fail("odd._domainkey.denic.de");
    let genuine = registry();
    let odd = String::from_utf8(genuine.sign(&plain("domain-1.de"), sent()))
        .unwrap()
        .replacen("s=s1;", "s=odd;", 1);
    let sealed = format!(
        "ARC-Seal: i=1; a=rsa-sha256; cv=none; d=denic.de; s=odd; b=AAAA\r\n\
         ARC-Message-Signature: i=1; a=rsa-sha256; d=denic.de; s=odd; h=from; bh=AAAA; b=AAAA\r\n\
         ARC-Authentication-Results: i=1; mx.example.net; none\r\n{}",
        String::from_utf8(plain("domain-2.de")).unwrap()
    );
    let hostile = office.keep(inbound(odd.into_bytes())).await;
    office.keep(inbound(sealed.into_bytes())).await;
    office.work(received()).await;
    assert_eq!(office.verdict(hostile).await, None, "it waits for its name");
    let id = office.keep(inbound(signed("domain-3.de"))).await;
    office.work(received() + SignedDuration::from_secs(1)).await;
    assert_eq!(office.verdict(id).await, Some(Applied));
}

#[tokio::test]
async fn an_imported_mail_waits_from_its_first_try() {
    let dns = DnsServer::start(dns_static([&registry()])).await;
    let office = Office::asking(&dns).await;
    dns.set(Mood::Fails);
    let mut mail = inbound(signed(DOMAIN));
    mail.envelope.peer = None;
    let id = office.keep(mail).await;
    let imported = at("2026-07-01T00:00:00Z");
    office.work(imported).await;
    assert_eq!(office.verdict(id).await, None);
    office.work(imported + SignedDuration::from_hours(23)).await;
    assert_eq!(office.verdict(id).await, None);
    office.work(imported + SignedDuration::from_hours(24)).await;
    assert_eq!(office.codes(id).await, ["R18"]);
}

#[tokio::test]
async fn a_replay_judges_what_was_seen_when_the_mail_came_in() {
    let dns = DnsServer::start(dns_static([&registry()])).await;
    let office = Office::asking(&dns).await;
    let id = office.keep(inbound(signed(DOMAIN))).await;
    office.work(received()).await;
    assert_eq!(office.verdict(id).await, Some(Applied));
    let stored = office.store.evidence(id).await.unwrap().unwrap();
    assert_eq!(stored.dkim[0].finding, Finding::Pass);
    // The key is gone, and DNS with it.
    dns.forget(KEY);
    dns.set(Mood::Silent);
    let questions = dns.asked().len();
    office.again(id, at("2026-12-01T00:00:00Z")).await;
    assert_eq!(office.verdict(id).await, Some(Applied));
    assert_eq!(dns.asked().len(), questions, "nobody is asked again");
}

#[tokio::test]
async fn a_replay_of_what_was_not_proven_asks_again() {
    let dns = DnsServer::start(BTreeMap::new()).await;
    let office = Office::asking(&dns).await;
    let id = office.keep(inbound(signed(DOMAIN))).await;
    office.work(received()).await;
    assert_eq!(office.codes(id).await, ["R09"], "there was no key");
    let texts = [registry().record];
    dns.text(KEY, &texts.each_ref().map(String::as_str));
    let office = Office {
        gatherer: stichtag::serve::gatherer(&config(&dns.setting(), &BTreeMap::new(), &[]))
            .unwrap(),
        ..office
    };
    office.again(id, received()).await;
    assert_eq!(office.verdict(id).await, Some(Applied));
}

#[tokio::test]
async fn mail_that_is_held_for_another_reason_does_not_wait() {
    let dns = DnsServer::start(dns_static([&registry()])).await;
    let office = Office::asking(&dns).await;
    dns.set(Mood::Silent);
    let raw = String::from_utf8(plain(DOMAIN)).unwrap();
    let raw = raw.replace("HANDLE: ", "HANDEL: ");
    let id = office
        .keep(inbound(registry().sign(raw.as_bytes(), sent())))
        .await;
    office.work(received()).await;
    let codes = office.codes(id).await;
    assert!(codes.contains(&"R18") && codes.len() > 1, "{codes:?}");
}
