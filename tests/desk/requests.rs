//! Every request that can be written, and every reply that is documented.

use stichtag::model::request::{
    AuthInfoHash, AuthInfoSecret, ContactKind, Delegation, NsEntry, RegistryRequest, RequestContact,
};
use stichtag::model::{DomainStatus, Environment, Facts, RegistryStatus, RequestResult};

use super::*;

const SAIL: &str = "segelschule-bodden.de";
const OWN: &str = "DENIC-1000888-HOLDER";

fn secret() -> AuthInfoSecret {
    "Kp7mQ2xY9a".parse().unwrap()
}

fn auth_info1(domain: &str) -> RegistryRequest {
    RegistryRequest::CreateAuthInfo1 {
        domain: name(domain),
        hash: AuthInfoHash::of(&secret()),
        expires: Some("2026-05-20".parse().unwrap()),
    }
}

fn chprov(domain: &str, holder: &str, auth_info: &str) -> RegistryRequest {
    RegistryRequest::DomainChprov {
        domain: name(domain),
        data: data(&[holder]),
        auth_info: auth_info.parse().unwrap(),
    }
}

#[test]
fn a_registration_is_answered_shown_and_told() {
    let mut office = Office::live();
    let mut wanted = data(&[OWN]);
    wanted.general_request = Some(handle("DENIC-1000888-GR"));
    wanted.abuse_contact = Some(handle("DENIC-1000888-GR"));
    wanted.delegation = servers(&[
        "ns1.registrar.example",
        "ns2.dänic.de=192.0.2.54,2001:db8::54",
    ]);
    wanted.dnskeys = vec!["257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==".parse().unwrap()];
    let created = office.done(&RegistryRequest::DomainCreate {
        domain: name("dänic.de"),
        data: wanted,
    });
    assert_eq!(created.reply.ctid, Some(ctid("d-000005")));
    assert_eq!(created.event.ctid, Some(ctid("d-000005")));
    assert_eq!(created.reply.codes(Level::Info), ["16000063119"]);
    let shown = office.done(&info("dänic.de"));
    let Facts::RequestAnswer {
        domain,
        status,
        holders,
        ..
    } = shown.event.facts
    else {
        panic!("an answer");
    };
    assert_eq!(domain, Some(name("dänic.de")));
    assert_eq!(status, Some(RegistryStatus::Connect));
    assert_eq!(holders, [handle(OWN)]);
    for line in [
        "Domain: dänic.de\nDomain-Ace: xn--dnic-loa.de\n",
        "Nserver: ns1.registrar.example.\n",
        "Nserver: ns2.xn--dnic-loa.de. 2001:db8:0:0:0:0:0:54\n",
        "Dnskey: 257 3 13 mdsswUyr3DPW",
        "RegAccId: DENIC-1000888\nRegAccName: Registrar Example GmbH\n",
        "Changed: 2026-05-05T08:30:00+02:00\n\n[Holder]\nHandle: DENIC-1000888-HOLDER\nType: PERSON\n",
        "[GeneralRequest]\nHandle: DENIC-1000888-GR\nType: REQUEST\nUriTemplate: https:",
        "[AbuseContact]\n",
    ] {
        assert!(shown.text.contains(line), "{line}\n{}", shown.text);
    }
    let told = office.messages(US);
    assert_eq!(told.len(), 1);
    assert_eq!(
        told[0].facts,
        Facts::DomainStatus(DomainStatus {
            domain: name("dänic.de"),
            status: RegistryStatus::Connect,
            holders: vec![handle(OWN)],
            verification: None,
        })
    );
}

#[test]
fn a_check_says_what_can_be_registered() {
    let mut office = Office::live();
    office.done(&create(SAIL, &[OWN]));
    office.done(&create("alt-jena.de", &[OWN]));
    office.done(&RegistryRequest::DomainDelete {
        domain: name("alt-jena.de"),
        holders: vec![handle(OWN)],
    });
    for (domain, status) in [
        (SAIL, "connect"),
        ("alt-jena.de", "redemptionPeriod"),
        ("kräuterhof-süd.de", "free"),
    ] {
        let domain = name(domain);
        let answer = office.done(&RegistryRequest::DomainCheck { domain });
        assert!(
            answer.text.contains(&format!("Status: {status}\n")),
            "{}",
            answer.text
        );
    }
    let wrong = office.say(US, "Version: 5.0\nAction: CHECK\nDomain: a.b.de\n");
    assert!(wrong.text.contains("Status: invalid\n"));
    for (wanted, status) in [(OWN, "exists"), ("DENIC-1000888-NEU", "free")] {
        let handle = handle(wanted);
        let answer = office.done(&RegistryRequest::ContactCheck { handle });
        assert!(
            answer.text.contains(&format!("Status: {status}\n")),
            "{}",
            answer.text
        );
    }
}

#[test]
fn a_domain_is_registered_once_and_a_request_that_comes_twice_is_seen() {
    let mut office = Office::live();
    let text = write(&create(SAIL, &[OWN]), &ctid("d-000200")).unwrap();
    office.say(US, &text);
    assert_eq!(office.say(US, &text).errors(), ["63300062010"]);
    assert!(office.book.twice().is_empty(), "the second one was refused");
    let update = write(
        &RegistryRequest::DomainUpdate {
            domain: name(SAIL),
            data: data(&[OWN]),
        },
        &ctid("d-000201"),
    )
    .unwrap();
    for _ in 0..2 {
        assert_eq!(office.say(US, &update).reply.result, RequestResult::Success);
    }
    assert_eq!(office.book.twice(), [ctid("d-000201")]);
    let journal = office.book.journal();
    let last: Vec<_> = journal
        .iter()
        .rev()
        .take(4)
        .map(|entry| (entry.action.as_str(), entry.result.clone()))
        .collect();
    assert_eq!(
        last,
        [
            ("UPDATE", RequestResult::Success),
            ("UPDATE", RequestResult::Success),
            ("CREATE", RequestResult::Failed),
            ("CREATE", RequestResult::Success),
        ]
    );
    assert_eq!(journal.last().unwrap().about, SAIL);
}

#[test]
fn what_is_missing_or_belongs_to_others_is_refused_with_the_documented_code() {
    let mut office = Office::live();
    assert_eq!(office.refused(&info(SAIL)), ["63300062009"]);
    assert_eq!(
        office.refused(&create(SAIL, &["DENIC-1000888-NOBODY"])),
        ["53000060009"]
    );
    assert_eq!(
        office.refused(&create(SAIL, &["DENIC-1000777-HOLDER"])),
        ["53000060009"]
    );
    let theirs = create("nachbar-bau.de", &["DENIC-1000777-HOLDER"]);
    assert!(office.ask_as(OTHERS, &theirs).errors().is_empty());
    let domain = || name("nachbar-bau.de");
    for request in [
        RegistryRequest::DomainUpdate {
            domain: domain(),
            data: data(&[OWN]),
        },
        RegistryRequest::DomainChholder {
            domain: domain(),
            data: data(&[OWN]),
        },
        RegistryRequest::DomainDelete {
            domain: domain(),
            holders: Vec::new(),
        },
        RegistryRequest::DomainRestore { domain: domain() },
        RegistryRequest::DomainTransit {
            domain: domain(),
            is_disconnected: true,
        },
        auth_info1("nachbar-bau.de"),
        RegistryRequest::DeleteAuthInfo1 { domain: domain() },
        RegistryRequest::ContactInfo {
            handle: handle("DENIC-1000777-HOLDER"),
        },
    ] {
        assert_eq!(office.refused(&request), ["53000020002"], "{request:?}");
    }
    let other = office.done(&info("nachbar-bau.de"));
    assert!(!other.text.contains("[Holder]"), "{}", other.text);
}

#[test]
fn refused_name_servers_leave_a_new_domain_failed_and_an_old_one_as_it_was() {
    let mut office = Office::live();
    let mut bad = data(&[OWN]);
    bad.delegation = servers(&["ns1.registrar.example", "ns.unreachable.example"]);
    let created = office.ask(&RegistryRequest::DomainCreate {
        domain: name("fahrradkurier-lahn.de"),
        data: bad.clone(),
    });
    assert_eq!(created.reply.result, RequestResult::Success);
    assert_eq!(created.errors(), ["53300102912"]);
    assert_eq!(created.reply.codes(Level::Warning), ["33300102900"]);
    let Facts::RequestAnswer {
        status, expire_at, ..
    } = created.event.facts
    else {
        panic!("an answer");
    };
    assert_eq!(status, Some(RegistryStatus::Failed));
    assert_eq!(expire_at, Some(at("2026-06-04T06:30:00Z")));
    assert!(office.messages(US).is_empty(), "it is not connected");
    office.done(&create(SAIL, &[OWN]));
    let update = RegistryRequest::DomainUpdate {
        domain: name(SAIL),
        data: bad,
    };
    assert_eq!(office.refused(&update), ["53300102912"]);
    let shown = office.done(&info(SAIL));
    assert!(!shown.text.contains("unreachable"));
    // With good ones the first is connected.
    office.done(&RegistryRequest::DomainUpdate {
        domain: name("fahrradkurier-lahn.de"),
        data: data(&[OWN]),
    });
    assert_eq!(office.status("fahrradkurier-lahn.de").unwrap(), "connect");
}

#[test]
fn an_update_deletes_what_it_leaves_out() {
    let mut office = Office::live();
    let mut full = data(&[OWN]);
    full.general_request = Some(handle("DENIC-1000888-GR"));
    office.done(&RegistryRequest::DomainCreate {
        domain: name(SAIL),
        data: full,
    });
    assert!(office.done(&info(SAIL)).text.contains("[GeneralRequest]"));
    office.done(&RegistryRequest::DomainUpdate {
        domain: name(SAIL),
        data: data(&[OWN]),
    });
    assert!(!office.done(&info(SAIL)).text.contains("[GeneralRequest]"));
    let mut contact = holder(OWN);
    contact.proofs = proven();
    office.done(&RegistryRequest::ContactUpdate {
        contact: contact.clone(),
    });
    let shown = RegistryRequest::ContactInfo {
        handle: handle(OWN),
    };
    assert!(
        office
            .done(&shown)
            .text
            .contains("[VerificationInformation]\nVerifiedClaim: address\n")
    );
    contact.proofs.clear();
    contact.phone = None;
    contact.kind = ContactKind::Person;
    office.done(&RegistryRequest::ContactUpdate {
        contact: contact.clone(),
    });
    let text = office.done(&shown).text;
    assert!(
        !text.contains("Verification") && !text.contains("Phone"),
        "{text}"
    );
    contact.name = "Somebody Else".parse().unwrap();
    assert_eq!(
        office.refused(&RegistryRequest::ContactUpdate { contact }),
        ["63000060012"]
    );
}

#[test]
fn other_holders_come_by_chholder_alone_and_take_the_secrets_away() {
    let mut office = Office::live();
    let mut contact = holder("DENIC-1000888-NEU");
    contact.kind = ContactKind::Org;
    contact.organisations.clear();
    office.done(&RegistryRequest::ContactCreate { contact });
    office.done(&create(SAIL, &[OWN]));
    office.done(&auth_info1(SAIL));
    let update = RegistryRequest::DomainUpdate {
        domain: name(SAIL),
        data: data(&["DENIC-1000888-NEU"]),
    };
    assert_eq!(office.refused(&update), ["63300062013"]);
    let chholder = RegistryRequest::DomainChholder {
        domain: name(SAIL),
        data: data(&["DENIC-1000888-NEU"]),
    };
    assert_eq!(
        office.done(&chholder).reply.codes(Level::Info),
        ["16000063119", "16330088732"]
    );
    assert!(!office.done(&info(SAIL)).text.contains("AuthInfo1"));
}

#[test]
fn a_domain_moves_by_its_secret_and_the_old_provider_hears_of_it() {
    let mut office = Office::live();
    let theirs = create("kachelofen-waage.de", &["DENIC-1000777-HOLDER"]);
    office.ask_as(OTHERS, &theirs);
    let answer = office.ask_as(OTHERS, &auth_info1("kachelofen-waage.de"));
    assert!(
        answer
            .text
            .contains("AuthInfoExpire: 2026-05-20T00:00:00+02:00\n"),
        "{}",
        answer.text
    );
    office.messages(OTHERS);
    let wrong = chprov("kachelofen-waage.de", OWN, "Kp7mQ2xY9b");
    assert_eq!(office.refused(&wrong), ["63300062014"]);
    office.done(&chprov("kachelofen-waage.de", OWN, "Kp7mQ2xY9a"));
    assert_eq!(
        office
            .book
            .domain(&name("kachelofen-waage.de"))
            .unwrap()
            .regacc,
        US
    );
    let told = office.messages(OTHERS);
    assert_eq!(
        told[0].facts,
        Facts::Chprov {
            domain: name("kachelofen-waage.de"),
            new_provider: Some("Registrar Example GmbH".to_owned()),
            old_provider: Some("Nachbar Internet GmbH".to_owned()),
        }
    );
    assert_eq!(office.messages(US).len(), 1);
    // It is used up.
    assert!(
        office
            .ask_as(
                OTHERS,
                &chprov("kachelofen-waage.de", "DENIC-1000777-HOLDER", "Kp7mQ2xY9a")
            )
            .errors()
            == ["63300062014"]
    );
}

#[test]
fn what_was_deleted_comes_back_by_restore_or_with_the_letter_and_not_by_create() {
    let mut office = Office::new(Environment::Test);
    office.done(&create(SAIL, &[OWN]));
    let delete = |holder: &str| RegistryRequest::DomainDelete {
        domain: name(SAIL),
        holders: vec![handle(holder)],
    };
    assert_eq!(
        office.refused(&delete("DENIC-1000888-OTHER")),
        ["63300062013"]
    );
    office.done(&delete(OWN));
    assert_eq!(office.status(SAIL).unwrap(), "redemptionPeriod");
    assert_eq!(office.refused(&create(SAIL, &[OWN])), ["63300062012"]);
    office.done(&RegistryRequest::DomainRestore { domain: name(SAIL) });
    assert_eq!(office.status(SAIL).unwrap(), "connect");
    office.done(&delete(OWN));
    office.messages(US);
    let ordered = office.ask_as(
        OTHERS,
        &RegistryRequest::CreateAuthInfo2 { domain: name(SAIL) },
    );
    assert!(
        ordered.text.contains("AuthInfoExpire: 2026-06-04"),
        "{}",
        ordered.text
    );
    assert_eq!(
        office.messages(US)[0].facts,
        Facts::AuthInfoNotify { domain: name(SAIL) }
    );
    // In the test system it is always the same; it has six letters where a secret has eight.
    assert_eq!(office.book.letter(&name(SAIL)), Some("geheim"));
    let text = write(
        &chprov(SAIL, "DENIC-1000777-HOLDER", "geheim12"),
        &ctid("x-1"),
    )
    .unwrap();
    let moved = office.say(OTHERS, &text.replace("geheim12", "geheim"));
    assert!(moved.errors().is_empty(), "{}", moved.text);
    assert_eq!(office.status(SAIL).unwrap(), "connect");
}

#[test]
fn a_secret_of_ours_can_be_removed_again() {
    let mut office = Office::live();
    office.done(&create(SAIL, &[OWN]));
    office.done(&auth_info1(SAIL));
    assert_eq!(office.refused(&auth_info1(SAIL)), ["63300062015"]);
    let delete = RegistryRequest::DeleteAuthInfo1 { domain: name(SAIL) };
    office.done(&delete);
    assert_eq!(office.refused(&delete), ["63300062014"]);
}

#[test]
fn a_domain_in_transit_is_not_ours_any_more() {
    let mut office = Office::live();
    office.done(&create(SAIL, &[OWN]));
    office.done(&RegistryRequest::DomainTransit {
        domain: name(SAIL),
        is_disconnected: true,
    });
    assert_eq!(office.book.domain(&name(SAIL)).unwrap().regacc, "DENIC");
    let update = RegistryRequest::DomainUpdate {
        domain: name(SAIL),
        data: data(&[OWN]),
    };
    assert_eq!(office.refused(&update), ["53000020002"]);
}

#[test]
fn entries_in_place_of_name_servers_and_contacts_for_requests_are_kept() {
    let mut office = Office::live();
    let mut wanted = data(&[OWN]);
    wanted.delegation = Delegation::Entries(vec![
        NsEntry::A(name(SAIL), "192.0.2.7".parse().unwrap()),
        NsEntry::Mx(name(SAIL), 10, name("mail.example.net")),
    ]);
    office.done(&RegistryRequest::DomainCreate {
        domain: name(SAIL),
        data: wanted,
    });
    let text = office.done(&info(SAIL)).text;
    assert!(
        text.contains(&format!(
            "Nsentry: {SAIL} IN A 192.0.2.7\nNsentry: {SAIL} IN MX 10 mail.example.net\n"
        )),
        "{text}"
    );
    let contact = RequestContact {
        handle: handle("DENIC-1000888-GR"),
        uri_template: "mailto:abuse@example.net".parse().unwrap(),
    };
    office.done(&RegistryRequest::RequestContactUpdate { contact });
    let shown = RegistryRequest::ContactInfo {
        handle: handle("DENIC-1000888-GR"),
    };
    assert!(
        office
            .done(&shown)
            .text
            .contains("UriTemplate: mailto:abuse@example.net\n")
    );
    // It holds nothing.
    assert_eq!(
        office.refused(&create("x1.de", &["DENIC-1000888-GR"])),
        ["63000000007"]
    );
}

#[test]
fn an_account_is_shown() {
    let mut office = Office::live();
    let shown = office.done(&RegistryRequest::RegAccInfo {
        regacc: US.parse().unwrap(),
    });
    assert!(
        shown
            .text
            .contains("RegAccId: DENIC-1000888\nRegAccName: Registrar Example GmbH\n")
    );
}

#[test]
fn every_reply_of_the_test_system_says_so() {
    let mut office = Office::new(Environment::Test);
    let done = office.done(&create(SAIL, &[OWN]));
    assert_eq!(done.reply.codes(Level::Info)[0], "13000000011");
    assert_eq!(done.event.says_environment, Some(Environment::Test));
    assert!(
        !Office::live()
            .done(&create(SAIL, &[OWN]))
            .text
            .contains("13000000011")
    );
}

#[test]
fn an_unknown_keyword_is_lost_and_a_ctid_in_a_reading_request_is_an_error() {
    let mut office = Office::live();
    let text = write(&create(SAIL, &[OWN]), &ctid("d-000200")).unwrap();
    let misspelt = text.replace("ctid:", "ctid :");
    let answer = office.say(US, &misspelt);
    assert_eq!(
        (answer.reply.result, answer.reply.ctid),
        (RequestResult::Success, None)
    );
    for request in ["CHECK", "INFO"] {
        let text = format!("Version: 5.0\nAction: {request}\nDomain: {SAIL}\nctid: d-000201\n");
        assert_eq!(office.say(US, &text).errors(), ["63000000007"]);
    }
    let text = "version: 5.0\naction: queue-read\nctid: d-000201\n";
    assert_eq!(office.say(US, text).errors(), ["63000000007"]);
    assert_eq!(
        office.say(US, "Version: 5.0\nno field\n").errors(),
        ["63000000006"]
    );
    assert_eq!(
        office.say(US, "Version: 5.0\nAction:INFO\n").errors(),
        ["63000000006"]
    );
}

#[test]
fn only_the_oldest_message_can_be_deleted_of_all_or_of_a_type() {
    let mut office = Office::live();
    office.done(&create("a-eins.de", &[OWN]));
    office.done(&RegistryRequest::CreateAuthInfo2 {
        domain: name("a-eins.de"),
    });
    office.done(&create("a-zwei.de", &[OWN]));
    let read = |office: &mut Office, more: &str| {
        let read = office.say(US, &format!("version: 5.0\naction: queue-read\n{more}"));
        (read.event.msgid.unwrap(), read.event.msgcnt.unwrap())
    };
    let (first, count) = read(&mut office, "");
    assert_eq!(count, 3);
    assert_eq!(
        read(&mut office, "").0,
        first,
        "it stays until it is deleted"
    );
    let (notify, count) = read(&mut office, "msgtype: authinfo2notify\n");
    assert_eq!(count, 1);
    let delete = |office: &mut Office, id: &dyn std::fmt::Display, more: &str| {
        let text = format!("version: 5.0\naction: queue-delete\nmsgid: {id}\n{more}");
        office.say(US, &text).reply.result
    };
    assert_eq!(delete(&mut office, &notify, ""), RequestResult::Failed);
    let typed = "msgtype: authInfo2Notify\nctid: q-0001\n";
    assert_eq!(delete(&mut office, &notify, typed), RequestResult::Success);
    assert_eq!(delete(&mut office, &first, ""), RequestResult::Success);
    assert_eq!(delete(&mut office, &first, ""), RequestResult::Failed);
    assert_eq!(office.book.waiting(US), 1);
    assert!(
        office
            .book
            .journal()
            .iter()
            .all(|entry| entry.action != "QUEUE-DELETE")
    );
}
