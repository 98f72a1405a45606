//! What time brings, without any request.

use stichtag::model::request::RegistryRequest;
use stichtag::model::{Environment, Facts, RegistryStatus};

use super::*;

const OWN: &str = "DENIC-1000888-HOLDER";
const ASKED: &str = "nisverificationrequired-hof.de";

fn failed(office: &mut Office, domain: &str) {
    let mut bad = data(&[OWN]);
    bad.delegation = servers(&["ns1.registrar.example", "ns.unreachable.example"]);
    office.ask(&RegistryRequest::DomainCreate {
        domain: name(domain),
        data: bad,
    });
}

#[test]
fn a_missed_deadline_dedelegates_and_a_second_one_deletes_for_good() {
    let mut office = Office::live();
    office.done(&create(ASKED, &[OWN]));
    office.messages(US);
    assert_eq!(office.book.next_due(), Some(at("2026-06-04T06:30:00Z")));
    assert_eq!(office.book.due(at("2026-06-04T06:29:59Z")), 0);
    assert_eq!(office.book.due(at("2026-06-04T06:30:00Z")), 1);
    office.now = at("2026-06-05T00:00:00Z");
    let told = office.messages(US);
    let Facts::DomainStatus(status) = &told[0].facts else {
        panic!("a status");
    };
    assert_eq!(status.status, RegistryStatus::ServerHold);
    assert_eq!(told[0].registry_time, Some(at("2026-06-04T06:30:00Z")));
    assert_eq!(office.book.next_due(), Some(at("2026-09-02T06:30:00Z")));
    office.now = at("2026-09-02T06:30:00Z");
    assert!(office.messages(US).is_empty());
    assert_eq!(office.status(ASKED), None);
    assert_eq!(office.book.next_due(), None);
}

#[test]
fn a_failed_domain_is_warned_of_and_expires() {
    let mut office = Office::live();
    failed(&mut office, "fahrradkurier-lahn.de");
    let expire_at = Some(at("2026-06-04T06:30:00Z"));
    // A clock that jumps brings each message with the instant it belongs to.
    office.now = at("2026-12-01T00:00:00Z");
    let told = office.messages(US);
    let domain = || name("fahrradkurier-lahn.de");
    assert_eq!(
        told[0].facts,
        Facts::ExpireWarning {
            domain: domain(),
            expire_at
        }
    );
    assert_eq!(told[0].registry_time, Some(at("2026-05-28T06:30:00Z")));
    assert_eq!(
        told[1].facts,
        Facts::Expire {
            domain: domain(),
            expire_at
        }
    );
    assert_eq!(told[1].registry_time, expire_at);
    assert_eq!(office.status("fahrradkurier-lahn.de"), None);
}

#[test]
fn in_the_test_system_it_takes_a_day() {
    let mut office = Office::new(Environment::Test);
    failed(&mut office, "fahrradkurier-lahn.de");
    office.done(&create("tuchmacherei-jena.de", &[OWN]));
    office.done(&RegistryRequest::DomainDelete {
        domain: name("tuchmacherei-jena.de"),
        holders: Vec::new(),
    });
    office.messages(US);
    assert_eq!(office.book.due(at("2026-05-06T06:30:00Z")), 2);
    assert_eq!(office.book.domains().count(), 0);
    office.now = at("2026-05-06T06:30:00Z");
    office.done(&create("tuchmacherei-jena.de", &[OWN]));
}

#[test]
fn a_secret_runs_out_and_its_owner_hears_of_it() {
    let mut office = Office::live();
    office.done(&create("kachelofen-waage.de", &[OWN]));
    office.done(&RegistryRequest::CreateAuthInfo2 {
        domain: name("kachelofen-waage.de"),
    });
    office.messages(US);
    office.now = at("2026-07-01T00:00:00Z");
    let told = office.messages(US);
    assert_eq!(
        told[0].facts,
        Facts::AuthInfoExpire {
            domain: name("kachelofen-waage.de"),
            expire_at: Some(at("2026-06-04T06:30:00Z")),
        }
    );
    assert!(
        !office
            .done(&info("kachelofen-waage.de"))
            .text
            .contains("AuthInfo2")
    );
}
