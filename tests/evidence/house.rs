//! A registrar's configuration, mail of the registry, and what is found about it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use stichtag::authenticate::{self, Verdict};
use stichtag::config::{Config, Layers};
use stichtag::evidence::Gatherer;
use stichtag::model::{Envelope, Evidence, Finding, Inbound, Source};
use stichtag::simulate::dns_static;
use stichtag::simulate::signer::{Signer, Tags};

pub const LIVE: &str = "registry-response@denic.de";
pub const TO: &str = "registry@registrar.example";
pub const EDGE: &str = "mx.registrar.example";

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub fn received() -> Timestamp {
    at("2026-05-05T06:30:10Z")
}

pub fn sent() -> Timestamp {
    at("2026-05-05T06:30:05Z")
}

/// A configuration with both routes on that wants proof.
pub fn config(
    resolvers: &str,
    records: &BTreeMap<String, Vec<String>>,
    more: &[(&str, &str)],
) -> Config {
    let records = serde_json::to_string(records).unwrap();
    let to = format!("[\"{TO}\"]");
    let variables = [
        ("ROUTE__DENIC_LIVE__RECIPIENTS", to.as_str()),
        (
            "ROUTE__DENIC_TEST__RECIPIENTS",
            "[\"registry-test@registrar.example\"]",
        ),
        ("AUTHENTICATE__RESOLVERS", resolvers),
        ("AUTHENTICATE__DNS_STATIC", &records),
        ("AUTHENTICATE__EDGE_HOSTNAME", EDGE),
        ("DOMAINS__UNKNOWN_DOMAIN", "create"),
    ];
    let variables = variables.iter().chain(more);
    let variables =
        variables.map(|(name, value)| (format!("STICHTAG_{name}"), (*value).to_owned()));
    Config::from_layers(&Layers::read(None, variables).unwrap()).unwrap()
}

pub fn registry() -> Signer {
    Signer::registry("denic.de").unwrap()
}

/// A genuine mail about `domain`, not signed.
pub fn plain(domain: &str) -> Vec<u8> {
    format!(
        "Date: Tue, 05 May 2026 08:30:05 +0200\r\nFrom: {LIVE}\r\nTo: {TO}\r\n\
         Subject: DOMAIN STATUS UPDATE - 2026-05-05\r\nMessage-ID: <{domain}@denic.de>\r\n\
         MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Transfer-Encoding: 8bit\r\n\r\nSTATUS: success\r\nTICKET:\r\nOBJECT: Domain\r\n\
         HANDLE: {domain} [{domain}]\r\nINFO: 53000080013 Domain \"Status\" is \"connect\"\r\n"
    )
    .into_bytes()
}

/// The same, signed as the registry signs.
pub fn signed(domain: &str) -> Vec<u8> {
    registry().sign(&plain(domain), sent())
}

pub fn tags() -> Tags {
    Tags {
        signed_at: Some(sent()),
        ..Tags::default()
    }
}

pub fn inbound(raw: Vec<u8>) -> Inbound {
    Inbound {
        source: Source::DenicMail,
        received_at: received(),
        envelope: Envelope {
            mail_from: Some(LIVE.to_owned()),
            recipients: vec![TO.to_owned()],
            peer: Some("127.0.0.1".parse().unwrap()),
            ..Envelope::default()
        },
        environment: None,
        raw,
    }
}

/// What asks and what judges.
pub struct House {
    pub config: Config,
    pub gatherer: Gatherer,
}

impl House {
    pub fn new(config: Config) -> Self {
        House {
            gatherer: stichtag::serve::gatherer(&config).unwrap(),
            config,
        }
    }

    /// Nobody is asked; these keys are known.
    pub fn knowing<'a>(signers: impl IntoIterator<Item = &'a Signer>) -> Self {
        House::new(config("[\"none\"]", &dns_static(signers), &[]))
    }

    pub async fn gather(&self, inbound: &Inbound) -> Evidence {
        self.gatherer.gather(inbound, inbound.received_at).await
    }

    /// The evidence, and the verdict on it.
    pub async fn judge(&self, inbound: &Inbound) -> (Evidence, Verdict) {
        let evidence = self.gather(inbound).await;
        let policy = stichtag::serve::policy(&self.config);
        let verdict = authenticate::authenticate(&policy, inbound, Some(&evidence));
        (evidence, verdict)
    }
}

pub fn codes(verdict: &Verdict) -> Vec<&'static str> {
    let reasons = verdict.reasons.iter();
    reasons.map(|reason| reason.code.as_str()).collect()
}

pub fn why(finding: &Finding) -> &str {
    match finding {
        Finding::Pass => "pass",
        Finding::Fail(why) | Finding::Unknown(why) => why,
    }
}
