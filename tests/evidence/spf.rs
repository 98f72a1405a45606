//! SPF for the client that our own Postfix recorded, with a DNS server that answers.

use std::collections::BTreeMap;

use stichtag::model::{Client, Finding, Inbound};

use super::dns::{DnsServer, Mood};
use super::house::{EDGE, House, codes, config, inbound, plain, why};

const GENUINE: &str = "192.0.2.25";
const FORGED: &str = "203.0.113.66";

async fn house() -> (DnsServer, House) {
    let dns = DnsServer::start(BTreeMap::new()).await;
    dns.text("denic.de", &["v=spf1 ip4:192.0.2.25 -all", "other=text"]);
    let house = House::new(config(&dns.setting(), &BTreeMap::new(), &[]));
    (dns, house)
}

/// A mail without a signature from that client.
fn from(client: &str) -> Inbound {
    let mut mail = inbound(plain("segelschule-bodden.de"));
    mail.envelope.client_address = Some(client.parse().unwrap());
    mail.envelope.client_helo = Some("smtp.denic.de".to_owned());
    mail
}

#[tokio::test]
async fn a_client_that_the_domain_names_vouches_for_it() {
    let (_dns, house) = house().await;
    let (evidence, verdict) = house.judge(&from(GENUINE)).await;
    assert!(verdict.is_trusted, "{:?}", verdict.checked);
    assert_eq!(evidence.spf.unwrap().finding, Finding::Pass);
    let (evidence, verdict) = house.judge(&from(FORGED)).await;
    assert_eq!(codes(&verdict), ["R09"]);
    let finding = evidence.spf.unwrap().finding;
    assert!(
        matches!(&finding, Finding::Fail(why) if why.starts_with("fail: 203.0.113.66")),
        "{finding:?}"
    );
}

#[tokio::test]
async fn every_result_but_pass_proves_nothing() {
    let (dns, _) = house().await;
    dns.address("mail.denic.de", [192, 0, 2, 25]);
    for (records, result) in [
        (vec!["v=spf1 ip4:192.0.2.25 -all"], "pass"),
        (vec!["v=spf1 a:mail.denic.de -all"], "pass"),
        (vec!["v=spf1 a:gone.denic.de -all"], "fail"),
        (vec!["v=spf1 exists:gone.denic.de -all"], "fail"),
        (vec!["v=spf1 -all"], "fail"),
        (vec!["v=spf1 ~all"], "softfail"),
        (vec!["v=spf1 ?all"], "neutral"),
        (vec!["v=spf1 ip4:192.0.2.26"], "neutral"),
        (vec!["no spf"], "none"),
        (vec!["v=spf10 +all"], "none"),
        (vec!["v=spf1 +all", "v=spf1 +all"], "permerror"),
        (vec!["v=spf1 nonsense:x +all"], "permerror"),
        (vec!["v=spf1 ip4:192.0.2.25 -al"], "permerror"),
        (vec!["v=spf1 x-note=1 ip4:192.0.2.25 -all"], "pass"),
        (vec!["v=spf1 include:gone.denic.de +all"], "permerror"),
    ] {
        dns.text("denic.de", &records);
        let house = House::new(config(&dns.setting(), &BTreeMap::new(), &[]));
        let (evidence, verdict) = house.judge(&from(GENUINE)).await;
        let finding = evidence.spf.unwrap().finding;
        assert!(
            why(&finding).starts_with(result),
            "{records:?}: {finding:?}"
        );
        assert_eq!(verdict.is_trusted, result == "pass", "{records:?}");
        assert!(
            evidence.trouble.is_empty(),
            "{records:?}: {:?}",
            evidence.trouble
        );
    }
    // A name that leads nowhere now may lead somewhere later.
    dns.text("denic.de", &["v=spf1 include:slow.denic.de -all"]);
    dns.hush("slow.denic.de");
    let house = House::new(config(&dns.setting(), &BTreeMap::new(), &[]));
    let (evidence, verdict) = house.judge(&from(GENUINE)).await;
    assert!(matches!(evidence.spf.unwrap().finding, Finding::Unknown(_)));
    assert_eq!(codes(&verdict), ["R18"]);
}

#[tokio::test]
async fn a_failing_server_is_trouble_and_no_answer() {
    let (dns, house) = house().await;
    dns.set(Mood::Fails);
    let (evidence, verdict) = house.judge(&from(GENUINE)).await;
    assert!(matches!(evidence.spf.unwrap().finding, Finding::Unknown(_)));
    assert_eq!(codes(&verdict), ["R18"]);
    assert_eq!(evidence.trouble.len(), 1, "{:?}", evidence.trouble);
}

#[tokio::test]
async fn the_name_in_helo_vouches_for_nobody() {
    let (dns, house) = house().await;
    dns.text("smtp.denic.de", &["v=spf1 ip4:192.0.2.25 -all"]);
    let mut mail = from(GENUINE);
    mail.envelope.mail_from = Some(String::new());
    let (evidence, verdict) = house.judge(&mail).await;
    let spf = evidence.spf.unwrap();
    assert_eq!((spf.domain, spf.finding), (None, Finding::Pass));
    assert!(codes(&verdict).contains(&"R09"), "{:?}", verdict.reasons);
    assert!(verdict.checked.join("\n").contains("HELO name only"));
}

#[tokio::test]
async fn a_domain_above_or_below_vouches_for_nobody() {
    let (dns, house) = house().await;
    for domain in ["test.denic.de", "mail.denic.de"] {
        dns.text(domain, &["v=spf1 ip4:192.0.2.25 -all"]);
        let mut mail = from(GENUINE);
        mail.envelope.mail_from = Some(format!("registry-response@{domain}"));
        let (evidence, verdict) = house.judge(&mail).await;
        assert_eq!(evidence.spf.unwrap().finding, Finding::Pass, "{domain}");
        // The test registry is known, and nothing it does is live.
        let code = if domain == "test.denic.de" {
            "R06"
        } else {
            "R09"
        };
        assert!(
            codes(&verdict).contains(&code),
            "{domain}: {:?}",
            verdict.reasons
        );
    }
}

#[tokio::test]
async fn dmarc_is_recorded_and_decides_nothing() {
    let (dns, house) = house().await;
    dns.text("_dmarc.denic.de", &["v=DMARC1; p=reject"]);
    dns.text("mail.denic.de", &["v=spf1 ip4:192.0.2.25 -all"]);
    let mut mail = from(GENUINE);
    mail.envelope.mail_from = Some("registry-response@mail.denic.de".to_owned());
    let (evidence, verdict) = house.judge(&mail).await;
    assert_eq!(
        evidence.dmarc.as_deref(),
        Some("pass (p=reject)"),
        "relaxed alignment"
    );
    assert!(codes(&verdict).contains(&"R09"));
    assert!(
        verdict
            .checked
            .join("\n")
            .contains("DMARC: pass (p=reject) (recorded only)")
    );
}

fn received(from: &str, by: &str) -> String {
    format!(
        "Received: from smtp.denic.de (smtp.denic.de [{from}])\r\n\tby {by} (Postfix) with ESMTPS id 4A\r\n\
         \tfor <registry@registrar.example>; Tue, 05 May 2026 08:30:09 +0200 (CEST)\r\n"
    )
}

fn through(fields: &[String]) -> Inbound {
    let mut raw = fields.concat().into_bytes();
    raw.extend(plain("segelschule-bodden.de"));
    inbound(raw)
}

#[tokio::test]
async fn without_xforward_the_topmost_received_of_our_edge_names_the_client() {
    let (_dns, house) = house().await;
    let (evidence, verdict) = house.judge(&through(&[received(GENUINE, EDGE)])).await;
    let client = Client {
        address: GENUINE.parse().unwrap(),
        helo: Some("smtp.denic.de".to_owned()),
    };
    assert_eq!(evidence.client, Some(client));
    assert!(verdict.is_trusted, "{:?}", verdict.checked);
    let ours = received("IPv6:2001:db8::25", EDGE);
    let evidence = house.gather(&through(&[ours])).await;
    assert_eq!(evidence.client.unwrap().address.to_string(), "2001:db8::25");

    // XFORWARD is what our Postfix says now; it wins over what a header says.
    let mut mail = through(&[received(GENUINE, EDGE)]);
    mail.envelope.client_address = Some(FORGED.parse().unwrap());
    let (evidence, verdict) = house.judge(&mail).await;
    assert_eq!(evidence.client.unwrap().address.to_string(), FORGED);
    assert_eq!(codes(&verdict), ["R09"]);
}

#[tokio::test]
async fn a_received_field_that_is_not_the_topmost_or_not_ours_is_not_believed() {
    let (_dns, house) = house().await;
    for fields in [
        vec![received(FORGED, EDGE), received(GENUINE, EDGE)],
        vec![received(FORGED, "other.example"), received(GENUINE, EDGE)],
        vec![received(GENUINE, "other.example")],
        vec![
            "Received: by mx.registrar.example (Postfix, from userid 0); x\r\n".to_owned(),
            received(GENUINE, EDGE),
        ],
        vec![format!(
            "X-Received:{}",
            &received(GENUINE, EDGE)["Received:".len()..]
        )],
    ] {
        let (evidence, verdict) = house.judge(&through(&fields)).await;
        assert_eq!(codes(&verdict), ["R09"], "{fields:?}");
        let client = evidence.client.map(|client| client.address.to_string());
        assert_ne!(client.as_deref(), Some(GENUINE), "{fields:?}");
    }
}
