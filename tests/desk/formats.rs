//! Key/value and XML are two ways to say the same.

use proptest::prelude::*;
use stichtag::model::request::{
    AuthInfoHash, AuthInfoSecret, Delegation, Line, NsEntry, RegistryRequest, RequestContact,
    VerificationResult,
};
use stichtag::model::{DomainName, Facts};

use super::*;

const SAIL: &str = "segelschule-bodden.de";
const OWN: &str = "DENIC-1000888-HOLDER";

/// A request of every kind, so that each does something.
fn story() -> Vec<(&'static str, RegistryRequest)> {
    let domain = || name(SAIL);
    let secret: AuthInfoSecret = "Kp7<m&2x\"Y9a".parse().unwrap();
    let auth_info1 = || RegistryRequest::CreateAuthInfo1 {
        domain: domain(),
        hash: AuthInfoHash::of(&secret),
        expires: Some("2026-05-20".parse().unwrap()),
    };
    let mut full = data(&[OWN, "DENIC-1000888-SECOND"]);
    full.general_request = Some(handle("DENIC-1000888-GR"));
    full.abuse_contact = Some(handle("DENIC-1000888-GR"));
    full.delegation = servers(&[
        "ns1.registrar.example",
        "ns2.dänic.de=192.0.2.54,2001:db8::54",
    ]);
    full.dnskeys = vec![
        "256 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+"
            .parse()
            .unwrap(),
    ];
    let mut entries = data(&[OWN]);
    entries.delegation = Delegation::Entries(vec![
        NsEntry::A(domain(), "192.0.2.7".parse().unwrap()),
        NsEntry::Mx(domain(), 10, name("mail.example.net")),
    ]);
    let mut bad = data(&[OWN]);
    bad.delegation = servers(&["ns1.registrar.example", "ns.unreachable.example"]);
    let mut proven_contact = holder(OWN);
    proven_contact.proofs = proven();
    proven_contact
        .proofs
        .push(proof(&[Claim::Email], VerificationResult::Success));
    let request_contact = RequestContact {
        handle: handle("DENIC-1000888-AC"),
        uri_template: "https://example.net/?a=1&b={Ulabel}".parse().unwrap(),
    };
    vec![
        (
            US,
            RegistryRequest::ContactCheck {
                handle: handle(OWN),
            },
        ),
        (
            US,
            RegistryRequest::ContactCreate {
                contact: holder("DENIC-1000888-SECOND"),
            },
        ),
        (
            US,
            RegistryRequest::RequestContactCreate {
                contact: request_contact.clone(),
            },
        ),
        (
            US,
            RegistryRequest::RequestContactUpdate {
                contact: request_contact,
            },
        ),
        (
            US,
            RegistryRequest::DomainCheck {
                domain: name("dänic.de"),
            },
        ),
        (
            US,
            RegistryRequest::DomainCreate {
                domain: name("dänic.de"),
                data: full,
            },
        ),
        (
            US,
            RegistryRequest::DomainCreate {
                domain: name("nur-kaputt.de"),
                data: bad,
            },
        ),
        (US, create("nisverificationrequired-hof.de", &[OWN])),
        (
            US,
            RegistryRequest::ContactUpdate {
                contact: proven_contact,
            },
        ),
        (
            US,
            RegistryRequest::ContactInfo {
                handle: handle(OWN),
            },
        ),
        (US, create(SAIL, &[OWN])),
        (US, create(SAIL, &[OWN])),
        (
            US,
            RegistryRequest::DomainUpdate {
                domain: domain(),
                data: entries,
            },
        ),
        (
            US,
            RegistryRequest::DomainChholder {
                domain: domain(),
                data: data(&["DENIC-1000888-SECOND"]),
            },
        ),
        (US, auth_info1()),
        (US, RegistryRequest::DeleteAuthInfo1 { domain: domain() }),
        (US, auth_info1()),
        (US, info(SAIL)),
        (US, info("dänic.de")),
        (
            OTHERS,
            RegistryRequest::DomainChprov {
                domain: domain(),
                data: data(&["DENIC-1000777-HOLDER"]),
                auth_info: secret.clone(),
            },
        ),
        (
            US,
            RegistryRequest::DomainDelete {
                domain: name("dänic.de"),
                holders: vec![handle(OWN), handle("DENIC-1000888-SECOND")],
            },
        ),
        (
            US,
            RegistryRequest::DomainRestore {
                domain: name("dänic.de"),
            },
        ),
        (
            US,
            RegistryRequest::CreateAuthInfo2 {
                domain: name("dänic.de"),
            },
        ),
        (
            OTHERS,
            RegistryRequest::DomainTransit {
                domain: domain(),
                is_disconnected: true,
            },
        ),
        (
            US,
            RegistryRequest::RegAccInfo {
                regacc: US.parse().unwrap(),
            },
        ),
    ]
}

#[test]
fn every_request_does_the_same_in_both_formats_and_both_replies_mean_the_same() {
    let mut plain = Office::live();
    let mut xml = Office::live();
    xml.format = Format::Xml;
    for (regacc, request) in story() {
        let (one, other) = (plain.ask_as(regacc, &request), xml.ask_as(regacc, &request));
        assert!(other.text.starts_with("<?xml"), "{}", other.text);
        assert_eq!(
            one.reply.result, other.reply.result,
            "{request:?}\n{}",
            other.text
        );
        assert_eq!(one.reply.lines, other.reply.lines, "{request:?}");
        assert_eq!(one.event.messages, other.event.messages);
        assert_eq!(
            (&one.event.ctid, &one.event.stid),
            (&other.event.ctid, &other.event.stid)
        );
        // A contact's INFO has no facts of its own; its data is compared as it is kept.
        if request.domain().is_some() {
            assert_eq!(
                one.event.facts, other.event.facts,
                "{request:?}\n{}",
                other.text
            );
        }
        assert_eq!(
            format!("{:?}", plain.book),
            format!("{:?}", xml.book),
            "{request:?}"
        );
    }
    let done = plain
        .book
        .journal()
        .iter()
        .filter(|entry| entry.result == RequestResult::Success);
    assert_eq!(
        done.count(),
        4 + 18,
        "the contacts of the office, and all but one CREATE"
    );
}

#[test]
fn every_message_says_the_same_in_both_formats() {
    let mut office = Office::live();
    for (regacc, request) in story() {
        office.ask_as(regacc, &request);
    }
    office.now = at("2026-12-01T00:00:00Z");
    let mut kinds = std::collections::BTreeSet::new();
    let queue = |inner: &str| {
        format!(
            "<registry-request xmlns=\"http://registry.denic.de/global/5.0\" \
             xmlns:msg=\"http://registry.denic.de/msg/5.0\">{inner}</registry-request>"
        )
    };
    for regacc in [US, OTHERS] {
        loop {
            let plain = office.say(regacc, "version: 5.0\naction: queue-read\n");
            let xml = office.say(regacc, &queue("<msg:queue-read/>"));
            assert_eq!(plain.event.facts, xml.event.facts);
            assert_eq!(plain.event.registry_time, xml.event.registry_time);
            assert_eq!(
                plain.event.msgcnt.is_none_or(|count| count == 0),
                plain.event.msgid.is_none()
            );
            assert_eq!(xml.event.unknown, Vec::<String>::new(), "{}", xml.text);
            let Some(id) = &xml.event.msgid else { break };
            kinds.insert(xml.event.msgtype.clone().unwrap());
            assert_eq!(plain.event.msgtype, xml.event.msgtype);
            let kind = xml.event.msgtype.as_ref().unwrap();
            let deleted = office.say(
                regacc,
                &queue(&format!("<msg:delete msgid=\"{id}\" msgType=\"{kind}\"/>")),
            );
            assert_eq!(deleted.reply.result, RequestResult::Success);
        }
    }
    let kinds: Vec<_> = kinds.iter().map(String::as_str).collect();
    assert_eq!(
        kinds,
        [
            "authInfo2Notify",
            "authInfoExpire",
            "chprovAuthInfo",
            "contactVerificationRequired",
            "domainStatusUpdate",
            "expire",
            "expireWarning",
        ]
    );
}

#[test]
fn xml_that_is_not_as_the_schema_wants_it_is_refused() {
    let mut office = Office::live();
    let request = create("dänic.de", &[OWN]);
    let text = registry::write(&request, &ctid("d-000200"), Format::Xml).unwrap();
    for (right, wrong) in [
        ("<domain:handle>", "<domain:Handle>"),
        ("domain/5.0", "domain/4.0"),
        (
            " xmlns:dnsentry=\"http://registry.denic.de/dnsentry/5.0\"",
            "",
        ),
        (
            "<domain:create>",
            "<domain:create><domain:reason>x</domain:reason>",
        ),
        ("<domain:create>", "<domain:create hash=\"x\">"),
        ("<ctid>d-000200</ctid>", "<ctid></ctid>"),
        ("<ctid>d-000200</ctid>", "<ctid>&lol;</ctid>"),
        ("</registry-request>", ""),
        ("</registry-request>", "</registry-request><a/>"),
        ("xsi:type=\"dnsentry:NS\"", "xsi:type=\"dnsentry:NSX\""),
        ("role=\"holder\"", "role=\"owner\""),
    ] {
        // End tags too, so that it stays well-formed.
        let text = text
            .replace(right, wrong)
            .replace(&right.replace('<', "</"), &wrong.replace('<', "</"));
        let answer = office.say(US, &text);
        assert_eq!(answer.errors(), ["63000000005"], "{wrong}\n{text}");
    }
    let doctype = text.replacen("<registry-request", "<!DOCTYPE a><registry-request", 1);
    assert_eq!(office.say(US, &doctype).errors(), ["63000000005"]);
    // Another order: the contacts behind the name servers.
    let (head, rest) = text.split_once("<domain:contact").unwrap();
    let (contact, rest) = rest.split_once("</domain:contact>").unwrap();
    let moved = rest.replace(
        "</domain:create>",
        &format!("<domain:contact{contact}</domain:contact></domain:create>"),
    );
    assert_eq!(
        office.say(US, &format!("{head}{moved}")).errors(),
        ["63000000005"]
    );
    // Another prefix is none.
    let other = text
        .replace("domain:", "d:")
        .replace("xmlns:domain", "xmlns:d");
    assert!(office.say(US, &other).errors().is_empty(), "{other}");
}

/// Any text that can be a value.
fn any_line() -> impl Strategy<Value = Line<255>> {
    let tricky = prop::sample::select(vec![
        "&amp;",
        "]]>",
        "<![CDATA[",
        "<!--",
        "\"'",
        "&#10;",
        "[Holder]",
        "ä ö\u{a0}ü",
        "a:b",
        ": x",
        "%",
        "😀",
    ]);
    let text = prop_oneof!["\\PC{1,40}", "[ -~]{1,40}"];
    (text, tricky, "\\PC{0,40}")
        .prop_map(|(before, tricky, behind)| format!("{before}{tricky}{behind}"))
        .prop_filter_map("no value", |text| text.parse::<Line<255>>().ok())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_value_arrives_as_it_is(value in any_line(), more in any_line()) {
        let mut contact = holder("DENIC-1000888-ANY");
        contact.name = value.clone();
        contact.organisations = vec![value.clone(), more.clone()];
        contact.address = vec![more.clone(), value.clone()];
        contact.proofs = proven();
        contact.proofs[0].reference = value.clone();
        let request = RegistryRequest::ContactCreate { contact };
        for format in [Format::KeyValue, Format::Xml] {
            let mut book = Book::new(Rules::of(Environment::Live));
            book.open_account(US, "Registrar Example GmbH", Feed::Rri);
            let text = registry::write(&request, &ctid("c-000118"), format).unwrap();
            let reply = book.answer(US, Channel::Rri, &text, start());
            prop_assert!(reply.codes(Level::Error).is_empty(), "{}", reply.to_text());
            let kept = book.contact(&handle("DENIC-1000888-ANY")).unwrap();
            let of = |keyword: &str| -> Vec<&str> {
                let fields = kept.fields.iter().filter(|(known, _)| *known == keyword);
                fields.map(|(_, value)| value.as_str()).collect()
            };
            prop_assert_eq!(of("Name"), [value.as_str()]);
            prop_assert_eq!(of("Organisation"), [value.as_str(), more.as_str()]);
            prop_assert_eq!(of("Address"), [more.as_str(), value.as_str()]);
            let reference = kept.proofs[0].iter().find(|(known, _)| *known == "VerificationReference");
            prop_assert_eq!(&reference.unwrap().1, value.as_str());
            // And back again, through the reply to an INFO.
            let shown = RegistryRequest::ContactInfo { handle: handle("DENIC-1000888-ANY") };
            let text = registry::write(&shown, &ctid("x-1"), format).unwrap();
            let reply = book.answer(US, Channel::Rri, &text, start()).to_text();
            prop_assert!(parse::denic_queue(reply.as_bytes()).is_ok(), "{}", reply);
        }
    }

    #[test]
    fn any_name_is_the_same_domain_in_both_formats(label in "[a-zäöüß0-9]([a-zäöüß0-9-]{0,20}[a-zäöüß0-9])?") {
        let Ok(domain) = format!("{label}.de").parse::<DomainName>() else { return Ok(()) };
        let request = RegistryRequest::DomainCheck { domain: domain.clone() };
        for format in [Format::KeyValue, Format::Xml] {
            let Ok(text) = registry::write(&request, &ctid("x-1"), format) else { return Ok(()) };
            let mut book = Book::new(Rules::of(Environment::Live));
            book.open_account(US, "Registrar Example GmbH", Feed::Rri);
            let reply = book.answer(US, Channel::Rri, &text, start()).to_text();
            let event = parse::denic_queue(reply.as_bytes()).unwrap();
            let Facts::RequestAnswer { domain: told, .. } = event.facts else {
                panic!("an answer");
            };
            prop_assert_eq!(told.as_ref(), Some(&domain));
        }
    }
}
