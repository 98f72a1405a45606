//! The same requests in XML.

use super::*;

/// Laid out for people; elements and their order are as written.
fn shown(request: &RegistryRequest) -> String {
    let text = registry::write(request, &ctid("d-000200"), Format::Xml).unwrap();
    assert!(text.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<registry-request "));
    text.replace("><", ">\n<")
}

#[test]
fn every_request_about_a_domain_in_xml() {
    let mut full = data(
        &["DENIC-1000888-BODDEN-GBR", "DENIC-1000888-HOLDER-2"],
        &[
            "ns1.registrar.example",
            "ns2.dänic.de=192.0.2.54,2001:db8::54",
        ],
    );
    full.general_request = Some(handle("DENIC-1000888-GR"));
    full.abuse_contact = Some(handle("DENIC-1000888-AC"));
    full.dnskeys = vec![
        "257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+"
            .parse()
            .unwrap(),
    ];
    let mut entries = data(&["DENIC-1000888-JENA"], &[]);
    entries.delegation = Delegation::Entries(vec![
        NsEntry::A(domain("tuchmacherei-jena.de"), "192.0.2.7".parse().unwrap()),
        NsEntry::Mx(
            domain("tuchmacherei-jena.de"),
            10,
            domain("mail.example.net"),
        ),
    ]);
    let secret: AuthInfoSecret = "Kp7<m&2x\"Y9a".parse().unwrap();
    let idn = || domain("dänic.de");
    let plain = || domain("tuchmacherei-jena.de");
    let requests = [
        RegistryRequest::DomainCheck { domain: idn() },
        RegistryRequest::DomainInfo {
            domain: plain(),
            is_recursive: true,
        },
        create("dänic.de", full.clone()),
        RegistryRequest::DomainUpdate {
            domain: plain(),
            data: entries.clone(),
        },
        RegistryRequest::DomainChholder {
            domain: plain(),
            data: data(&["DENIC-1000888-NEU"], &SERVERS),
        },
        RegistryRequest::DomainChprov {
            domain: idn(),
            data: full,
            auth_info: secret.clone(),
        },
        RegistryRequest::DomainDelete {
            domain: plain(),
            holders: vec![handle("DENIC-1000888-JENA")],
        },
        RegistryRequest::DomainDelete {
            domain: plain(),
            holders: Vec::new(),
        },
        RegistryRequest::DomainRestore { domain: plain() },
        RegistryRequest::DomainTransit {
            domain: plain(),
            is_disconnected: false,
        },
        RegistryRequest::CreateAuthInfo1 {
            domain: plain(),
            hash: AuthInfoHash::of(&secret),
            expires: Some("2026-06-19".parse().unwrap()),
        },
        RegistryRequest::CreateAuthInfo1 {
            domain: plain(),
            hash: AuthInfoHash::of(&secret),
            expires: None,
        },
        RegistryRequest::DeleteAuthInfo1 { domain: plain() },
        RegistryRequest::CreateAuthInfo2 { domain: plain() },
    ];
    let all: Vec<String> = requests.iter().map(shown).collect();
    insta::assert_snapshot!(all.join("\n\n"));
}

#[test]
fn every_request_about_a_contact_or_account_in_xml() {
    let mut contact = holder();
    contact.name = "Müller & <Söhne>".parse().unwrap();
    contact.organisations = vec!["Segelschule \"Bodden\"".parse().unwrap()];
    contact.address.push("Hinterhaus".parse().unwrap());
    contact.proofs = vec![
        proof(
            &["name", "address"],
            "idcard",
            "physical_document",
            "2026-05-20T08:15:00Z",
            "tkt-2026-0457",
        ),
        proof(
            &["email"],
            "email_ver_transaction_log",
            "reachability",
            "2026-01-20T08:40:00Z",
            "mail-1",
        ),
    ];
    let requests = [
        RegistryRequest::ContactCheck {
            handle: contact.handle.clone(),
        },
        RegistryRequest::ContactInfo {
            handle: contact.handle.clone(),
        },
        RegistryRequest::ContactCreate { contact },
        RegistryRequest::ContactUpdate {
            contact: ContactData {
                phone: None,
                ..holder()
            },
        },
        RegistryRequest::RequestContactCreate {
            contact: RequestContact {
                handle: handle("DENIC-1000888-GR"),
                uri_template: "https://example.net/?a=1&b={Ulabel}".parse().unwrap(),
            },
        },
        RegistryRequest::RequestContactUpdate {
            contact: RequestContact {
                handle: handle("DENIC-1000888-GR"),
                uri_template: "mailto:abuse@example.net".parse().unwrap(),
            },
        },
        RegistryRequest::RegAccInfo {
            regacc: "DENIC-1000888".parse().unwrap(),
        },
    ];
    let all: Vec<String> = requests.iter().map(shown).collect();
    insta::assert_snapshot!(all.join("\n\n"));
}

#[test]
fn what_breaks_a_rule_is_not_written_in_xml_either() {
    let request = create("segelschule-bodden.de", data(&["DENIC-1-A"], &SERVERS[..1]));
    for format in [Format::KeyValue, Format::Xml] {
        let error = registry::write(&request, &ctid("d-000200"), format).unwrap_err();
        assert!(error.to_string().contains("Nserver"), "{error}");
        let fine = create("segelschule-bodden.de", data(&["DENIC-1-A"], &SERVERS));
        assert!(registry::write(&fine, &ctid("d"), format).is_err());
    }
}
