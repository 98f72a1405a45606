//! A store in a folder of its own, a clock, and the rules of a small registrar.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use stichtag::config::{Config, Layers};
use stichtag::evidence::Gatherer;
use stichtag::model::{
    Customer, CustomerId, DomainKey, DomainRecord, Envelope, Environment, Inbound, InboundId,
    Language, RegistryStatus, Source,
};
use stichtag::process::{self, Rules};
use stichtag::store::{
    AuditEntry, CaseEntry, Delivery, DomainImport, LogEntry, LogFilter, MessageVerdict,
    NoticeEntry, NoticeFilter, Sealed, SqliteStore, Store,
};

pub const LIVE: Environment = Environment::Live;
pub const TEST: Environment = Environment::Test;

pub const TO_LIVE: &str = "registry@registrar.example";
pub const TO_TEST: &str = "registry-test@registrar.example";

/// Every domain that the sample messages name.
pub const DOMAINS: [&str; 12] = [
    "holzspielzeug-nord.de",
    "kräuterhof-süd.de",
    "segelschule-bodden.de",
    "müßiggang-verlag.de",
    "grüne-welle-hamm.de",
    "kachelofen-waage.de",
    "drachenbau-elbe.de",
    "bäckerei-weiß.de",
    "tuchmacherei-jena.de",
    "fahrradkurier-lahn.de",
    "dachrinne-saale.de",
    "seifenkiste-ruhr.de",
];

pub struct Desk {
    pub folder: tempfile::TempDir,
    pub store: SqliteStore,
    pub rules: Rules,
    pub gatherer: Arc<Gatherer>,
    pub now: Timestamp,
}

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub fn key(environment: Environment, domain: &str) -> DomainKey {
    DomainKey {
        environment,
        domain: domain.parse().unwrap(),
    }
}

pub fn sample(name: &str) -> Vec<u8> {
    let folder = match name.ends_with(".eml") {
        true => "denic-mail",
        false => "denic-queue",
    };
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures")
        .join(folder)
        .join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A genuine live mail about one domain; `info` are its last lines.
pub fn mail(domain: &str, date: &str, holders: &[&str], info: &[&str]) -> Vec<u8> {
    let mut lines = vec![
        format!("Date: {date}"),
        "From: registry-response@denic.de".to_owned(),
        format!("To: {TO_LIVE}"),
        "Subject: DOMAIN STATUS UPDATE - 2026-05-05".to_owned(),
        format!("Message-ID: <{date}.{domain}@denic.de>").replace([' ', ','], "."),
        "MIME-Version: 1.0".to_owned(),
        "Content-Type: text/plain; charset=utf-8".to_owned(),
        String::new(),
        "STATUS: success".to_owned(),
        "TICKET:".to_owned(),
        "OBJECT: Domain".to_owned(),
        format!("HANDLE: {domain} [{domain}]"),
    ];
    lines.extend(holders.iter().map(|holder| format!("HOLDER: {holder}")));
    lines.extend(info.iter().map(|line| format!("INFO: {line}")));
    (lines.join("\r\n") + "\r\n").into_bytes()
}

pub const CONNECT: &str = "53000080013 Domain \"Status\" is \"connect\"";
pub const HOLD: &str = "53000080015 Domain \"Status\" is \"serverHold\"";

pub fn dedelegation(at: &str) -> String {
    format!(
        "16350000040 Verification information must be provided for the holder(s) to avoid \
         dedelegation by [Date: {at}, VerificationClaims: address;name]"
    )
}

pub fn deletion(at: &str) -> String {
    format!(
        "16350000041 Verification information must be provided for the holder(s) to avoid \
         deletion by [Date: {at}, VerificationClaims: address;name]"
    )
}

impl Desk {
    /// Both routes on, notices queued at once, nothing imported.
    pub async fn empty() -> Self {
        Desk::with(&[]).await
    }

    pub async fn with(variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&url(&folder)).await.unwrap();
        Desk {
            store,
            folder,
            rules: rules(variables),
            gatherer: Arc::new(stichtag::serve::gatherer(&config(variables)).unwrap()),
            now: at("2026-05-10T00:00:00Z"),
        }
    }

    /// All sample domains belong to K-1, in both environments.
    pub async fn stocked() -> Self {
        Desk::empty().await.stock().await
    }

    pub async fn stock(self) -> Self {
        self.customer("K-1", "kunde@example.net", None).await;
        for environment in [LIVE, TEST] {
            for domain in DOMAINS {
                self.domain(environment, domain, Some("K-1"), "").await;
            }
        }
        self
    }

    pub async fn customer(&self, id: &str, email: &str, second: Option<&str>) {
        let customer = Customer {
            id: CustomerId(id.to_owned()),
            salutation: format!("Kunde {id}"),
            language: Some(Language::De),
            email: email.to_owned(),
            second_email: second.map(str::to_owned),
            phone: None,
            timezone: None,
        };
        self.store.put_customers(&[customer]).await.unwrap();
    }

    pub async fn domain(
        &self,
        environment: Environment,
        domain: &str,
        customer: Option<&str>,
        holders: &str,
    ) {
        let import = DomainImport {
            key: key(environment, domain),
            customer: customer.map(|id| CustomerId(id.to_owned())),
            holders: holders
                .split_whitespace()
                .map(|handle| handle.parse().unwrap())
                .collect(),
            status: Some(RegistryStatus::Connect),
            lifecycle: None,
        };
        self.store.put_domains(&[import], self.now).await.unwrap();
    }

    pub async fn keep(&self, inbound: Inbound) -> InboundId {
        self.store
            .keep(vec![Sealed::new(inbound).unwrap()])
            .await
            .unwrap()[0]
    }

    pub fn inbound(&self, from: &str, to: &[&str], raw: &[u8]) -> Inbound {
        Inbound {
            source: Source::DenicMail,
            received_at: self.now,
            envelope: Envelope {
                mail_from: Some(from.to_owned()),
                recipients: to.iter().map(|to| (*to).to_owned()).collect(),
                ..Envelope::default()
            },
            environment: None,
            raw: raw.to_vec(),
        }
    }

    /// Everything that waits leaves now.
    pub async fn send_all(&self) {
        let later = self.now + jiff::SignedDuration::from_hours(24);
        let lease = std::time::Duration::from_secs(60);
        for notice in self.store.claim_notices(later, 99, lease).await.unwrap() {
            let items = notice.items.len();
            let is_wanted = self.store.fix_notice(notice.id, b"x", items).await.unwrap();
            assert!(is_wanted, "{}", notice.id);
            let sent = Delivery::Sent {
                at: self.now,
                reply: "250 taken".to_owned(),
            };
            (self.store.settle_notice(notice.id, &sent, None).await).unwrap();
        }
    }

    /// Plans until nothing is left to plan.
    pub async fn plan(&self) {
        let rules = &self.rules;
        while process::plan_next(&self.store, rules, self.now)
            .await
            .unwrap()
            > 0
        {}
    }

    /// Keeps and decides a mail from the live registry.
    pub async fn live(&self, raw: &[u8]) -> InboundId {
        self.smtp("registry-response@denic.de", TO_LIVE, raw).await
    }

    pub async fn smtp(&self, from: &str, to: &str, raw: &[u8]) -> InboundId {
        let id = self.keep(self.inbound(from, &[to], raw)).await;
        self.work().await;
        id
    }

    /// Keeps and decides a queue message.
    pub async fn queue(&self, environment: Option<Environment>, raw: &[u8]) -> InboundId {
        let id = self
            .keep(Inbound {
                source: Source::DenicQueue,
                received_at: self.now,
                envelope: Envelope::default(),
                environment,
                raw: raw.to_vec(),
            })
            .await;
        self.work().await;
        id
    }

    /// Reads a sample as it would arrive.
    pub async fn sample(&self, name: &str) -> InboundId {
        let raw = sample(name);
        let is_test = String::from_utf8_lossy(&raw).contains("@test.denic.de");
        match (name.ends_with(".eml"), is_test) {
            (true, false) => self.live(&raw).await,
            (true, true) => {
                let from = "registry-response@test.denic.de";
                self.smtp(from, TO_TEST, &raw).await
            }
            (false, _) if name.starts_with("22") => self.queue(Some(TEST), &raw).await,
            (false, _) => self.queue(Some(LIVE), &raw).await,
        }
    }

    pub async fn work(&self) {
        work(&self.store, &self.rules, &self.gatherer, self.now).await;
    }

    pub async fn entry(&self, id: InboundId) -> LogEntry {
        let filter = LogFilter {
            id: Some(id),
            ..LogFilter::default()
        };
        self.store.log(&filter).await.unwrap().remove(0)
    }

    pub async fn verdict(&self, id: InboundId) -> MessageVerdict {
        self.entry(id).await.decision.unwrap().verdict
    }

    pub async fn codes(&self, id: InboundId) -> Vec<&'static str> {
        let decision = self.entry(id).await.decision.unwrap();
        let codes = decision.reasons.iter().map(|reason| reason.code.as_str());
        codes.collect()
    }

    pub async fn record(&self, environment: Environment, domain: &str) -> DomainRecord {
        let key = key(environment, domain);
        let found = self
            .store
            .domains(Some(environment), Some(key.domain.ace()))
            .await
            .unwrap();
        found.into_iter().next().unwrap()
    }

    pub async fn notices(&self) -> Vec<NoticeEntry> {
        self.store.notices(&NoticeFilter::default()).await.unwrap()
    }

    pub async fn cases(&self) -> Vec<CaseEntry> {
        self.store.cases(false).await.unwrap()
    }

    pub async fn alarms(&self) -> Vec<&'static str> {
        let alarms = self.store.alarms().await.unwrap();
        alarms.iter().map(|alarm| alarm.code.as_str()).collect()
    }

    pub fn audit(&self) -> AuditEntry {
        AuditEntry {
            at: self.now,
            actor: "0 test".to_owned(),
            action: "test".to_owned(),
            object: String::new(),
            detail: String::new(),
        }
    }

    pub async fn again(&self, id: InboundId, is_released: bool) {
        self.store
            .requeue(&[id], is_released, &self.audit())
            .await
            .unwrap();
        self.work().await;
    }

    /// Nothing has changed since `before`; says the first line that has.
    pub async fn is_still(&self, environment: Option<Environment>, before: &str) {
        let after = self.world(environment).await;
        for (before, after) in before.lines().zip(after.lines()) {
            assert_eq!(before, after);
        }
        assert_eq!(before.lines().count(), after.lines().count());
    }

    /// All that is held to be true, of one environment or both, without the log.
    pub async fn world(&self, environment: Option<Environment>) -> String {
        let mut text = String::new();
        for record in self.store.domains(environment, None).await.unwrap() {
            let history = self.store.history(&record.key).await.unwrap();
            text.push_str(&format!("{record:?}\n{history:?}\n"));
        }
        let is_asked = |other| environment.is_none_or(|environment| environment == other);
        for case in self.cases().await {
            if is_asked(case.key.environment) {
                text.push_str(&format!("{case:?}\n"));
            }
        }
        for entry in self.notices().await {
            if is_asked(entry.notice.environment) {
                text.push_str(&format!("{entry:?}\n"));
            }
        }
        text
    }
}

pub fn url(folder: &tempfile::TempDir) -> String {
    format!("sqlite://{}", folder.path().join("stichtag.db").display())
}

pub fn rules(variables: &[(&str, &str)]) -> Rules {
    stichtag::serve::rules(&config(variables))
}

/// DNS is asked only where a test says whom.
pub fn config(variables: &[(&str, &str)]) -> Config {
    let live = format!("[\"{TO_LIVE}\"]");
    let test = format!("[\"{TO_TEST}\"]");
    let mut all = vec![
        ("STICHTAG_ROUTE__DENIC_LIVE__RECIPIENTS", live.as_str()),
        ("STICHTAG_ROUTE__DENIC_TEST__RECIPIENTS", &test),
        // Proof of origin has tests of its own.
        ("STICHTAG_ROUTE__DENIC_LIVE__REQUIRE", "record"),
        ("STICHTAG_ROUTE__DENIC_TEST__REQUIRE", "record"),
        ("STICHTAG_AUTHENTICATE__RESOLVERS", "[\"none\"]"),
        ("STICHTAG_NOTICES__MODE", "on"),
        (
            "STICHTAG_NOTICES__FROM",
            "Muster Hosting <domains@muster.example>",
        ),
        ("STICHTAG_NOTICES__PHONE", "+49 30 901820"),
        ("STICHTAG_NOTICES__COMPANY", "Muster Hosting GmbH"),
    ];
    all.retain(|(name, _)| variables.iter().all(|(other, _)| other != name));
    all.extend_from_slice(variables);
    let variables = all
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let layers = Layers::read(None, variables).unwrap();
    Config::from_layers(&layers).unwrap()
}

pub async fn work(store: &dyn Store, rules: &Rules, gatherer: &Gatherer, now: Timestamp) {
    while process::process_next(store, rules, gatherer, now)
        .await
        .unwrap()
        > 0
    {}
}
