//! Who must be verified, by when, and what proofs do.

use stichtag::model::request::{RegistryRequest, VerificationResult};
use stichtag::model::{Claim, Facts, RegistryStatus, RequestResult, Verification};

use super::*;

const OWN: &str = "DENIC-1000888-HOLDER";
const ASKED: &str = "nisverificationrequired-hof.de";

fn update(contact: stichtag::model::request::ContactData) -> RegistryRequest {
    RegistryRequest::ContactUpdate { contact }
}

#[test]
fn a_holder_who_must_be_verified_is_asked_for_with_both_deadlines() {
    let mut office = Office::live();
    office.done(&create(ASKED, &[OWN]));
    let told = office.messages(US);
    let Facts::DomainStatus(status) = &told[0].facts else {
        panic!("a status");
    };
    assert_eq!(status.status, RegistryStatus::Connect);
    assert_eq!(
        status.verification,
        Some(Verification {
            dedelegation_at: Some(at("2026-06-04T06:30:00Z")),
            deletion_at: Some(at("2026-09-02T06:30:00Z")),
            claims: Some([Claim::Address, Claim::Name].into()),
        })
    );
    let Facts::ContactVerificationRequired(contact) = &told[1].facts else {
        panic!("a contact");
    };
    assert_eq!(contact.contact, handle(OWN));
    assert_eq!(contact.domain_count, Some(1));
    assert_eq!(
        contact.earliest_dedelegation,
        Some((name(ASKED), at("2026-06-04T06:30:00Z")))
    );
    assert_eq!(
        contact.earliest_deletion,
        Some((name(ASKED), at("2026-09-02T06:30:00Z")))
    );
    assert_eq!(told.len(), 2);
    let shown = office.done(&info(ASKED));
    assert!(
        shown
            .text
            .contains("verificationDeadlineBeforeDeletion: 2026-09-02T08:30:00+02:00")
    );
    // What the reply to CREATE-AUTHINFO2 is documented to say as well.
    let ordered = office.done(&RegistryRequest::CreateAuthInfo2 {
        domain: name(ASKED),
    });
    assert_eq!(
        ordered.reply.codes(Level::Info),
        ["53000080013", "16350000040", "16350000041"]
    );
}

#[test]
fn the_address_of_a_holder_counts_more_than_the_name_of_the_domain() {
    let mut office = Office::live();
    let mut contact = holder("DENIC-1000888-QUIET");
    contact.address = vec!["NISconnect 4".parse().unwrap()];
    office.done(&RegistryRequest::ContactCreate { contact });
    office.done(&create(ASKED, &["DENIC-1000888-QUIET"]));
    assert_eq!(office.messages(US).len(), 1);
    let pending = office.done(&create("nispendingcreate-hof.de", &[OWN]));
    assert_eq!(
        pending.reply.codes(Level::Info),
        ["16000063119", "53000080014"]
    );
    assert_eq!(
        office.status("nispendingcreate-hof.de").unwrap(),
        "pendingCreate"
    );
    assert!(office.messages(US).is_empty());
}

#[test]
fn a_proof_for_all_holders_connects_and_one_for_some_does_not() {
    let mut office = Office::live();
    let second = "DENIC-1000888-SECOND";
    office.done(&RegistryRequest::ContactCreate {
        contact: holder(second),
    });
    office.done(&create(ASKED, &[OWN, second]));
    assert_eq!(office.messages(US).len(), 3);
    let before = office.book.domain(&name(ASKED)).unwrap().deletion_at;
    let mut contact = holder(OWN);
    contact.proofs = proven();
    office.now = at("2026-05-10T00:00:00Z");
    office.done(&update(contact));
    assert_eq!(
        office.book.domain(&name(ASKED)).unwrap().deletion_at,
        before,
        "the first period goes on"
    );
    assert_eq!(office.messages(US).len(), 1, "nobody is asked again");
    let mut contact = holder(second);
    contact.proofs = proven();
    office.done(&update(contact));
    let told = office.messages(US);
    let Facts::DomainStatus(status) = &told[0].facts else {
        panic!("a status");
    };
    assert_eq!(
        (&status.status, &status.verification),
        (&RegistryStatus::Connect, &None)
    );
}

#[test]
fn a_failed_proof_takes_every_domain_out_of_the_zone_at_once() {
    let mut office = Office::live();
    office.done(&create(ASKED, &[OWN]));
    office.done(&create("tuchmacherei-jena.de", &[OWN]));
    office.messages(US);
    let mut contact = holder(OWN);
    contact.proofs = vec![proof(&[Claim::Email], VerificationResult::Failed)];
    office.done(&update(contact.clone()));
    let told = office.messages(US);
    assert_eq!(told.len(), 2);
    for event in &told {
        let Facts::DomainStatus(status) = &event.facts else {
            panic!("a status");
        };
        assert_eq!(status.status, RegistryStatus::ServerHold);
        let verification = status.verification.as_ref().unwrap();
        assert_eq!(verification.dedelegation_at, None);
        assert!(verification.deletion_at.is_some());
    }
    contact.proofs = proven();
    office.done(&update(contact.clone()));
    assert_eq!(office.status(ASKED).unwrap(), "connect");
    // Without its proofs the same contact is asked for anew.
    office.messages(US);
    contact.proofs.clear();
    office.done(&update(contact));
    assert!(
        office
            .book
            .domain(&name(ASKED))
            .unwrap()
            .dedelegation_at
            .is_some()
    );
}

#[test]
fn a_verified_holder_is_not_asked_and_words_that_nobody_knows_are_no_proof() {
    let mut office = Office::live();
    let mut contact = holder("DENIC-1000888-KNOWN");
    contact.proofs = proven();
    let request = RegistryRequest::ContactCreate { contact };
    office.done(&request);
    office.done(&create(ASKED, &["DENIC-1000888-KNOWN"]));
    assert_eq!(
        office.book.domain(&name(ASKED)).unwrap().dedelegation_at,
        None
    );
    let text = write(&request, &ctid("c-000118")).unwrap();
    for (right, wrong) in [
        (
            "VerificationEvidence: idcard",
            "VerificationEvidence: transaction_log",
        ),
        ("VerificationResult: success", "VerificationResult: maybe"),
        ("TrustFramework: de_denic", "TrustFrame: de_denic"),
        ("VerifiedClaim: name", "VerifiedClaim: voice"),
    ] {
        let text = text.replace("-KNOWN", "-OTHER").replace(right, wrong);
        let answer = office.say(US, &text);
        assert_eq!(answer.reply.result, RequestResult::Failed, "{wrong}");
        assert_eq!(answer.errors(), ["63000000007"], "{wrong}");
    }
}
