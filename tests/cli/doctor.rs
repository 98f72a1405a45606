//! `stichtag doctor`: which rule would let through what came so far.

use serde_json::Value;
use stichtag::model::{Envelope, Inbound, Source};
use stichtag::store::{Sealed, Store};

use super::office::{Office, in_days, mail};

const OURS: &str = "Authentication-Results: mx.example.net; dkim=pass header.d=denic.de\r\n";
const HOP: &str = "Received: from mx1.denic.de (mx1.denic.de [192.0.2.25])\r\n\tby mx.example.net (Postfix) with ESMTPS id 4CX\r\n";

/// Mails as Postfix hands them over, each decided.
fn arrive(office: &Office, mails: &[Vec<u8>]) {
    let mails = mails.iter().map(|raw| Inbound {
        source: Source::DenicMail,
        received_at: in_days(0),
        envelope: envelope("denic@registry.example.net"),
        environment: None,
        raw: raw.clone(),
    });
    arrive_as(office, mails.collect());
}

fn envelope(to: &str) -> Envelope {
    Envelope {
        mail_from: Some("registry-response@denic.de".to_owned()),
        recipients: vec![to.to_owned()],
        peer: Some("127.0.0.1".parse().unwrap()),
        ..Envelope::default()
    }
}

fn arrive_as(office: &Office, mails: Vec<Inbound>) {
    let ids = office.store(async |store| {
        let mails = mails.into_iter().map(|mail| Sealed::new(mail).unwrap());
        store.keep(mails.collect()).await.unwrap()
    });
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let mut arguments = vec!["replay"];
    arguments.extend(ids.iter().map(String::as_str));
    office.ok(&arguments);
}

fn stamped(count: i64) -> Vec<Vec<u8>> {
    let mails = (1..=count).map(|minutes| mail(minutes, "connect", &[]));
    mails
        .map(|raw| [HOP.as_bytes(), OURS.as_bytes(), &raw].concat())
        .collect()
}

fn doctor(office: &Office) -> (i32, Vec<Value>) {
    let done = office.run(&["doctor", "--json"]);
    (done.code, done.json())
}

fn about<'a>(lines: &'a [Value], check: &str, about: &str) -> Vec<&'a Value> {
    let lines = lines.iter();
    lines
        .filter(|line| line["check"] == check && line["about"] == about)
        .collect()
}

#[test]
fn with_the_default_rule_and_no_mail_nothing_is_amiss() {
    let mut office = Office::stocked();
    office.set("ROUTE__DENIC_LIVE__REQUIRE", "aligned");
    office.set("ROUTE__DENIC_TEST__REQUIRE", "aligned");
    let (code, lines) = doctor(&office);
    assert_eq!(code, 0, "{lines:?}");
    assert!(lines.iter().all(|line| line["level"] == "ok"));
    assert_eq!(about(&lines, "origin", "denic-live").len(), 1);
}

#[test]
fn a_route_that_believes_everybody_is_warned_about() {
    let office = Office::stocked();
    let done = office.run(&["doctor"]);
    assert_eq!(done.code, 10, "{}", done.out);
    assert!(done.out.contains("warn  route denic-live"), "{}", done.out);
}

#[test]
fn an_edge_that_vouches_for_every_mail_is_proposed_with_the_lines_to_paste() {
    let mut office = Office::stocked();
    office.set("ROUTE__DENIC_LIVE__REQUIRE", "aligned");
    office.set("ROUTE__DENIC_TEST__REQUIRE", "aligned");
    arrive(&office, &stamped(4));
    let (code, lines) = doctor(&office);
    assert_eq!(code, 10);
    let origin = about(&lines, "origin", "denic-live");
    assert_eq!(
        origin[0]["level"], "fail",
        "nothing passes so far: {origin:?}"
    );
    let toml = origin[1]["toml"].as_str().unwrap();
    assert_eq!(toml, "[authenticate]\nauthserv_ids = [\"mx.example.net\"]");

    office.write("stichtag.toml", toml);
    let file = office.path("stichtag.toml");
    let done = office.run(&["doctor", "--json", "--config", file.to_str().unwrap()]);
    assert_eq!(done.code, 0, "the lines are enough: {}", done.out);
    let lines = done.json();
    let text = about(&lines, "origin", "denic-live")[0]["text"]
        .as_str()
        .unwrap();
    assert!(
        text.contains("of 4 messages from denic.de, 4 are vouched for by your edge"),
        "{text}"
    );
    assert_eq!(about(&lines, "edge", "mx.example.net")[0]["level"], "ok");
}

#[test]
fn an_edge_that_is_configured_and_silent_is_named() {
    let mut office = Office::stocked();
    office.set("AUTHENTICATE__AUTHSERV_IDS", "[\"mx9.example.net\"]");
    arrive(&office, &stamped(3));
    let (_, lines) = doctor(&office);
    let edge = about(&lines, "edge", "mx9.example.net");
    assert_eq!(edge[0]["level"], "fail", "{edge:?}");
    assert!(
        edge[0]["remedy"]
            .as_str()
            .unwrap()
            .contains("there is none")
    );
}

#[test]
fn last_bounds_how_far_back_it_looks() {
    let mut office = Office::stocked();
    office.set("AUTHENTICATE__AUTHSERV_IDS", "[\"mx.example.net\"]");
    arrive(&office, &stamped(5));
    let lines = office.run(&["doctor", "--json", "--last", "2"]).json();
    let text = about(&lines, "origin", "denic-live")[0]["text"]
        .as_str()
        .unwrap();
    assert!(text.starts_with("of 2 messages"), "{text}");
    assert_eq!(office.run(&["doctor", "--last", "0"]).code, 2);
}

/// The words of the default rule about signed mail, by evidence that was kept when it came.
#[test]
fn signed_mail_is_counted_and_the_unproven_one_named() {
    let mut office = Office::stocked();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/trust");
    let records = std::fs::read(format!("{folder}/dns.json")).unwrap();
    let records: serde_json::Map<String, Value> = serde_json::from_slice(&records).unwrap();
    let mut toml = "[authenticate.dns_static]\n".to_owned();
    for (name, values) in &records {
        toml.push_str(&format!("\"{name}\" = {values}\n"));
    }
    let config = office.write("stichtag.toml", toml);
    office.set("CONFIG", config.to_str().unwrap());
    let mail = |file: &str, client: &str| {
        let mut envelope = envelope("registry@registrar.example");
        envelope.client_address = Some(client.parse().unwrap());
        envelope.client_helo = Some("mail-out.denic.de".to_owned());
        Inbound {
            source: Source::DenicMail,
            received_at: "2026-05-05T06:30:10Z".parse().unwrap(),
            envelope,
            environment: None,
            raw: std::fs::read(format!("{folder}/{file}")).unwrap(),
        }
    };
    arrive_as(
        &office,
        vec![
            mail("genuine/genuine-plain.eml", "192.0.2.25"),
            mail("genuine/genuine-spf-only.eml", "192.0.2.25"),
            mail("hostile/no-proof-plain.eml", "203.0.113.66"),
        ],
    );
    let (code, lines) = doctor(&office);
    assert_eq!(code, 10);
    let origin = about(&lines, "origin", "denic-live");
    assert_eq!(
        origin[0]["text"],
        "of 3 messages from denic.de, 1 carry a valid DKIM signature of denic.de, \
         2 come from where SPF of denic.de allows: `require = \"aligned\"` would pass 2; \
         1 would be held: 3"
    );
    assert_eq!(
        origin[0]["toml"],
        "[route.denic-live]\nrequire = \"aligned\""
    );
    assert_eq!(origin.len(), 1, "nothing looser is proposed: {origin:?}");
}
