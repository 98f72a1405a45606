//! Requests to the registry, as they are written.

#[path = "request/xml.rs"]
mod xml;

use jiff::Timestamp;
use stichtag::model::request::{
    AuthInfoHash, AuthInfoSecret, ContactData, ContactKind, Delegation, DomainData, NsEntry, Proof,
    RegistryRequest, RequestContact, VerificationEvidence, VerificationMethod, VerificationResult,
};
use stichtag::model::{Claim, Ctid, DomainName, Handle};
use stichtag::send::registry::{self, Format};

fn domain(name: &str) -> DomainName {
    name.parse().unwrap()
}

fn handle(name: &str) -> Handle {
    name.parse().unwrap()
}

fn ctid(text: &str) -> Ctid {
    Ctid(text.to_owned())
}

fn data(holders: &[&str], servers: &[&str]) -> DomainData {
    DomainData {
        holders: holders.iter().map(|name| handle(name)).collect(),
        general_request: None,
        abuse_contact: None,
        delegation: Delegation::Servers(servers.iter().map(|name| name.parse().unwrap()).collect()),
        dnskeys: Vec::new(),
    }
}

const SERVERS: [&str; 2] = ["ns1.registrar.example", "ns2.registrar.example"];

fn create(name: &str, data: DomainData) -> RegistryRequest {
    RegistryRequest::DomainCreate {
        domain: domain(name),
        data,
    }
}

fn proof(claims: &[&str], evidence: &str, method: &str, at: &str, reference: &str) -> Proof {
    Proof {
        claims: claims.iter().map(|claim| Claim::from(*claim)).collect(),
        result: VerificationResult::Success,
        reference: reference.parse().unwrap(),
        at: at.parse::<Timestamp>().unwrap(),
        evidence: evidence.parse().unwrap(),
        method: method.parse().unwrap(),
    }
}

fn holder() -> ContactData {
    ContactData {
        handle: handle("DENIC-1000888-HOLDER-2"),
        kind: ContactKind::Person,
        name: "Beispiel Inhaberin".parse().unwrap(),
        organisations: Vec::new(),
        address: vec!["Hafenstrasse 4".parse().unwrap()],
        postal_code: "18311".parse().unwrap(),
        city: "Ribnitz-Damgarten".parse().unwrap(),
        country: "de".parse().unwrap(),
        emails: vec!["inhaberin@segelschule-bodden.example".parse().unwrap()],
        phone: Some("+49.382150001".parse().unwrap()),
        proofs: Vec::new(),
    }
}

fn written(request: &RegistryRequest, id: &str) -> String {
    registry::write(request, &ctid(id), Format::KeyValue).unwrap()
}

fn refused(request: &RegistryRequest) -> String {
    registry::write(request, &ctid("d-000200"), Format::KeyValue)
        .unwrap_err()
        .to_string()
}

#[test]
fn a_registration_names_every_field_and_the_ctid() {
    let mut data = data(
        &["DENIC-1000888-BODDEN-GBR", "DENIC-1000888-HOLDER-2"],
        &SERVERS,
    );
    data.general_request = Some(handle("DENIC-1000888-GR"));
    data.abuse_contact = Some(handle("DENIC-1000888-AC"));
    assert_eq!(
        written(&create("segelschule-bodden.de", data), "d-000200"),
        "Version: 5.0\nAction: CREATE\nDomain: segelschule-bodden.de\n\
         Holder: DENIC-1000888-BODDEN-GBR\nHolder: DENIC-1000888-HOLDER-2\n\
         GeneralRequest: DENIC-1000888-GR\nAbuseContact: DENIC-1000888-AC\n\
         Nserver: ns1.registrar.example\nNserver: ns2.registrar.example\nctid: d-000200\n"
    );
}

#[test]
fn an_idn_stands_there_in_both_forms_and_reading_requests_have_no_ctid() {
    let check = RegistryRequest::DomainCheck {
        domain: domain("kräuterhof-süd.de"),
    };
    assert_eq!(
        written(&check, "x-1"),
        "Version: 5.0\nAction: CHECK\nDomain: kräuterhof-süd.de\n\
         Domain-Ace: xn--kruterhof-sd-hcb95a.de\n"
    );
    let info = RegistryRequest::DomainInfo {
        domain: domain("segelschule-bodden.de"),
        is_recursive: true,
    };
    assert_eq!(
        written(&info, "x-1"),
        "Version: 5.0\nAction: INFO\nDomain: segelschule-bodden.de\nRecursive: true\n"
    );
    let handle = handle("DENIC-1000888-HOLDER-2");
    for (request, action) in [
        (
            RegistryRequest::ContactCheck {
                handle: handle.clone(),
            },
            "CHECK",
        ),
        (RegistryRequest::ContactInfo { handle }, "INFO"),
    ] {
        assert_eq!(
            written(&request, "x-1"),
            format!("Version: 5.0\nAction: {action}\nHandle: DENIC-1000888-HOLDER-2\n")
        );
    }
    let regacc = RegistryRequest::RegAccInfo {
        regacc: "DENIC-1000888".parse().unwrap(),
    };
    assert_eq!(
        written(&regacc, "x-1"),
        "Version: 5.0\nAction: INFO\nRegAcc: DENIC-1000888\n"
    );
}

#[test]
fn glue_is_a_line_for_each_address_and_ipv6_is_written_out() {
    let servers = [
        "ns1.registrar.example",
        "ns2.segelschule-bodden.de=192.0.2.54,2001:db8::54",
    ];
    let text = written(
        &create("segelschule-bodden.de", data(&["DENIC-1-A"], &servers)),
        "d-1",
    );
    assert!(
        text.contains(
            "Nserver: ns1.registrar.example\n\
             Nserver: ns2.segelschule-bodden.de 192.0.2.54\n\
             Nserver: ns2.segelschule-bodden.de 2001:db8:0:0:0:0:0:54\n"
        ),
        "{text}"
    );
}

#[test]
fn the_rest_of_the_requests_about_domains() {
    let name = || domain("tuchmacherei-jena.de");
    let about = "Domain: tuchmacherei-jena.de\n";
    let end = "ctid: d-000204\n";
    let secret: AuthInfoSecret = "Kp7mQ2xY9a".parse().unwrap();
    let full = data(&["DENIC-1000888-JENA"], &SERVERS);
    let lines = "Holder: DENIC-1000888-JENA\nNserver: ns1.registrar.example\n\
                 Nserver: ns2.registrar.example\n";
    let cases = [
        (
            RegistryRequest::DomainUpdate {
                domain: name(),
                data: full.clone(),
            },
            "UPDATE",
            lines.to_owned(),
        ),
        (
            RegistryRequest::DomainChholder {
                domain: name(),
                data: full.clone(),
            },
            "CHHOLDER",
            lines.to_owned(),
        ),
        (
            RegistryRequest::DomainChprov {
                domain: name(),
                data: full,
                auth_info: secret.clone(),
            },
            "CHPROV",
            format!("{lines}AuthInfo: Kp7mQ2xY9a\n"),
        ),
        (
            RegistryRequest::DomainDelete {
                domain: name(),
                holders: vec![handle("DENIC-1000888-JENA")],
            },
            "DELETE",
            "Holder: DENIC-1000888-JENA\n".to_owned(),
        ),
        (
            RegistryRequest::DomainDelete {
                domain: name(),
                holders: Vec::new(),
            },
            "DELETE",
            String::new(),
        ),
        (
            RegistryRequest::DomainRestore { domain: name() },
            "RESTORE",
            String::new(),
        ),
        (
            RegistryRequest::DomainTransit {
                domain: name(),
                is_disconnected: false,
            },
            "TRANSIT",
            "Disconnect: false\n".to_owned(),
        ),
        (
            RegistryRequest::CreateAuthInfo1 {
                domain: name(),
                hash: AuthInfoHash::of(&secret),
                expires: Some("2026-06-19".parse().unwrap()),
            },
            "CREATE-AUTHINFO1",
            // By `printf Kp7mQ2xY9a | sha256sum`.
            "AuthInfoHash: e543c4c9882e32e72a88bb4892e23e763dae1004c07b9d699f32c6485f0b32c7\n\
             AuthInfoExpire: 20260619\n"
                .to_owned(),
        ),
        (
            RegistryRequest::DeleteAuthInfo1 { domain: name() },
            "DELETE-AUTHINFO1",
            String::new(),
        ),
        (
            RegistryRequest::CreateAuthInfo2 { domain: name() },
            "CREATE-AUTHINFO2",
            String::new(),
        ),
    ];
    for (request, action, lines) in cases {
        assert_eq!(
            written(&request, "d-000204"),
            format!("Version: 5.0\nAction: {action}\n{about}{lines}{end}")
        );
    }
}

#[test]
fn a_contact_with_its_proofs_in_blocks_behind_all_fields() {
    let mut contact = holder();
    contact.proofs = vec![
        proof(
            &["name", "address"],
            "idcard",
            "physical_document",
            "2026-05-20T10:15:00+02:00",
            "tkt-2026-0457",
        ),
        proof(
            &["email"],
            "email_ver_transaction_log",
            "reachability",
            "2026-12-20T10:40:00+01:00",
            "mail-2026-0458",
        ),
    ];
    let text = written(&RegistryRequest::ContactUpdate { contact }, "c-000118");
    assert_eq!(
        text,
        "Version: 5.0\nAction: UPDATE\nHandle: DENIC-1000888-HOLDER-2\nType: PERSON\n\
         Name: Beispiel Inhaberin\nAddress: Hafenstrasse 4\nPostalCode: 18311\n\
         City: Ribnitz-Damgarten\nCountryCode: DE\n\
         EMail: inhaberin@segelschule-bodden.example\nPhone: +49.382150001\nctid: c-000118\n\
         \n[VerificationInformation]\nVerifiedClaim: address\nVerifiedClaim: name\n\
         VerificationResult: success\nVerificationReference: tkt-2026-0457\n\
         VerificationTimestamp: 2026-05-20T10:15:00+02:00\nVerificationEvidence: idcard\n\
         VerificationMethod: physical_document\nTrustFramework: de_denic\n\
         \n[VerificationInformation]\nVerifiedClaim: email\nVerificationResult: success\n\
         VerificationReference: mail-2026-0458\n\
         VerificationTimestamp: 2026-12-20T10:40:00+01:00\n\
         VerificationEvidence: email_ver_transaction_log\nVerificationMethod: reachability\n\
         TrustFramework: de_denic\n"
    );
}

#[test]
fn every_word_of_the_registry_for_evidence_and_method_is_known() {
    let evidence: Vec<_> = VerificationEvidence::ALL
        .iter()
        .map(|word| word.as_str())
        .collect();
    assert_eq!(evidence.len(), 18);
    assert_eq!(VerificationMethod::ALL.len(), 8);
    for word in evidence {
        assert_eq!(word.parse::<VerificationEvidence>().unwrap().as_str(), word);
    }
    let wrong = "transaction_log"
        .parse::<VerificationEvidence>()
        .unwrap_err();
    assert!(wrong.contains("email_ver_transaction_log"), "{wrong}");
}

#[test]
fn a_contact_for_requests_has_a_template() {
    let contact = RequestContact {
        handle: handle("DENIC-1000888-GR"),
        uri_template: "https://registrar.example/contact{?Alabel,Ulabel}"
            .parse()
            .unwrap(),
    };
    let text = written(&RegistryRequest::RequestContactCreate { contact }, "c-1");
    assert!(text.contains(
        "Type: REQUEST\nUriTemplate: https://registrar.example/contact{?Alabel,Ulabel}\n"
    ));
}

#[test]
fn entries_stand_in_place_of_name_servers() {
    let name = domain("dachrinne-saale.de");
    let mut data = data(&["DENIC-1-A"], &SERVERS);
    data.delegation = Delegation::Entries(vec![
        NsEntry::A(name.clone(), "192.0.2.1".parse().unwrap()),
        NsEntry::Mx(name.clone(), 10, domain("mx.example.net")),
    ]);
    let text = written(&create("dachrinne-saale.de", data.clone()), "d-1");
    assert!(text.contains(
        "Nsentry: dachrinne-saale.de IN A 192.0.2.1\n\
         Nsentry: dachrinne-saale.de IN MX 10 mx.example.net\n"
    ));
    data.dnskeys = vec!["257 3 13 AAAA".parse().unwrap()];
    assert!(refused(&create("dachrinne-saale.de", data)).contains("DNSKEY"));
}

#[test]
fn rules_across_fields_are_refused_with_the_field_and_the_reason() {
    let one = ["DENIC-1-A"];
    let with = |servers: &[&str]| create("segelschule-bodden.de", data(&one, servers));
    let many: Vec<String> = (0..14).map(|nth| format!("ns{nth}.example.net")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let mut six = data(&one, &SERVERS);
    six.dnskeys = (0..6)
        .map(|nth| format!("257 3 13 AAA{nth}").parse().unwrap())
        .collect();
    let handles: Vec<String> = (0..6).map(|nth| format!("DENIC-1-H{nth}")).collect();
    let handles: Vec<&str> = handles.iter().map(String::as_str).collect();
    for (request, expected) in [
        (
            with(&SERVERS[..1]),
            "`Nserver`: 2 to 13 are expected, 1 are given",
        ),
        (with(&many), "`Nserver`: 2 to 13 are expected, 14 are given"),
        (
            with(&["ns1.example.net", "ns1.example.net"]),
            "`Nserver`: a host stands there twice",
        ),
        (
            with(&["ns1.example.net", "ns.segelschule-bodden.de"]),
            "`Nserver`: ns.segelschule-bodden.de lies within segelschule-bodden.de and needs its addresses (glue)",
        ),
        (
            with(&["ns1.example.net", "ns2.example.net 192.0.2.1"]),
            "`Nserver`: ns2.example.net lies outside segelschule-bodden.de and must have no address",
        ),
        (
            with(&[
                "a.segelschule-bodden.de 192.0.2.1",
                "b.segelschule-bodden.de 192.0.2.1",
            ]),
            "`Nserver`: 192.0.2.1 stands there twice",
        ),
        (
            create("segelschule-bodden.de", data(&[], &SERVERS)),
            "`Holder`: 1 to 5 are expected, 0 are given",
        ),
        (
            create("segelschule-bodden.de", data(&handles, &SERVERS)),
            "`Holder`: 1 to 5 are expected, 6 are given",
        ),
        (
            create(
                "segelschule-bodden.de",
                data(&["DENIC-1-A", "denic-1-a"], &SERVERS),
            ),
            "`Holder`: a handle stands there twice",
        ),
        (
            create("segelschule-bodden.de", six),
            "`Dnskey`: at most 5 different keys are allowed",
        ),
        (
            create("segelschule-bodden.com", data(&one, &SERVERS)),
            "`Domain`: segelschule-bodden.com does not end in .de",
        ),
        (
            create("www.segelschule-bodden.de", data(&one, &SERVERS)),
            "`Domain`: www.segelschule-bodden.de is not directly below .de",
        ),
        (
            RegistryRequest::DomainDelete {
                domain: domain("segelschule-bodden.de"),
                holders: handles.iter().map(|name| handle(name)).collect(),
            },
            "`Holder`: 0 to 5 are expected, 6 are given",
        ),
    ] {
        assert_eq!(refused(&request), expected);
    }
}

#[test]
fn rules_of_contacts() {
    let with = |change: fn(&mut ContactData)| {
        let mut contact = holder();
        change(&mut contact);
        refused(&RegistryRequest::ContactCreate { contact })
    };
    let organisation = with(|contact| {
        contact.kind = ContactKind::Org;
        contact.organisations = vec!["Verein".parse().unwrap()];
    });
    assert_eq!(organisation, "`Organisation`: only a PERSON may have one");
    assert_eq!(
        with(|contact| contact.address.clear()),
        "`Address`: 1 to 5 lines are expected"
    );
    assert_eq!(
        with(|contact| contact.emails.clear()),
        "`EMail`: at least one is expected"
    );
    let address = with(|contact| contact.emails = vec!["a@b@example.net".parse().unwrap()]);
    assert!(address.contains("is no mail address"), "{address}");
    let claim = with(|contact| {
        contact.proofs = vec![proof(
            &["voice"],
            "idcard",
            "auth",
            "2026-05-20T10:15:00Z",
            "x",
        )];
    });
    assert_eq!(
        claim,
        "`VerifiedClaim`: `voice` is none of name, address, email"
    );
}

#[test]
fn no_value_can_make_a_line_of_its_own() {
    use stichtag::model::request::{Country, Line, Phone, UriTemplate};
    for bad in [
        "a\nHolder: DENIC-1-EVIL",
        "a\rb",
        "a\0b",
        "a\tb",
        "a\u{85}b",
        "a\u{2028}b",
        "ends\n",
        "\u{1b}[2J",
        "",
        "   ",
    ] {
        assert!(bad.parse::<Line<255>>().is_err(), "{bad:?}");
        assert!(bad.parse::<UriTemplate>().is_err(), "{bad:?}");
        assert!(bad.parse::<Phone>().is_err(), "{bad:?}");
        assert!(bad.parse::<Country>().is_err(), "{bad:?}");
        assert!(bad.parse::<AuthInfoSecret>().is_err(), "{bad:?}");
        // A request that comes out of the database is checked the same way.
        let stored = serde_json::to_string(bad).unwrap();
        assert!(serde_json::from_str::<Line<255>>(&stored).is_err());
    }
    assert_eq!("  a\u{308}  ".parse::<Line<1>>().unwrap().as_str(), "ä");
    assert!("ä".repeat(256).parse::<Line<255>>().is_err());
    assert!("ä".repeat(255).parse::<Line<255>>().is_ok());
}

#[test]
fn a_ctid_that_the_registry_would_refuse_is_not_sent() {
    let request = create("segelschule-bodden.de", data(&["DENIC-1-A"], &SERVERS));
    for bad in ["ab", "a b c", "abc\nHolder: X", &"x".repeat(65), "äöü"] {
        let error = registry::write(&request, &ctid(bad), Format::KeyValue).unwrap_err();
        assert_eq!(error.field, "ctid", "{bad:?}");
    }
}

#[test]
fn what_may_be_a_mistake_is_said_before_it_is_sent() {
    let servers = ["ns1.example.net", "ns.segelschule-bodden.de 2001:db8::1"];
    let mut data = data(&["DENIC-1-A"], &servers);
    data.dnskeys = vec!["256 3 13 AAAA".parse().unwrap()];
    let warnings = create("segelschule-bodden.de", data).warnings();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].contains("no IPv4 address"));
    assert!(warnings[1].contains("257"));
}

#[test]
fn a_dnskey_is_what_zones_write() {
    use stichtag::model::request::Dnskey;
    let key: Dnskey = "257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+ KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==".parse().unwrap();
    assert_eq!(
        key.to_string(),
        "257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ=="
    );
    for bad in [
        "",
        "258 3 13 AAAA",
        "257 4 13 AAAA",
        "257 3 13",
        "257 3 13 ***",
    ] {
        assert!(bad.parse::<Dnskey>().is_err(), "{bad:?}");
    }
}

#[test]
fn a_secret_is_not_printed() {
    let request = RegistryRequest::DomainChprov {
        domain: domain("segelschule-bodden.de"),
        data: data(&["DENIC-1-A"], &SERVERS),
        auth_info: "Kp7mQ2xY9a".parse().unwrap(),
    };
    assert!(!format!("{request:?}").contains("Kp7mQ2xY9a"));
}
