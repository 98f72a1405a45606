//! The rules of the FAQ and of the knowledge base (`centralnic.md` 9, 10), on the simulated reseller.

use jiff::{SignedDuration, Timestamp};
use stichtag::model::ResellerReply;
use stichtag::simulate::reseller::{Book, RegistryCheck, SuspendBy};

use super::house::{ask, at, contact, days, register, start, valid};

const DOMAIN: &str = "orchard-sample.com";
const ADDRESS: &str = "ada@orchard-sample.com";
const DEADLINE: &str = "x-time-to-suspension";

fn status(book: &mut Book, domain: &str, now: Timestamp) -> ResellerReply {
    ask(book, &format!("COMMAND=StatusDomain\nDOMAIN={domain}"), now)
}

fn person(book: &mut Book, handle: &str, now: Timestamp) -> (String, String, String) {
    let reply = ask(
        book,
        &format!("COMMAND=StatusContact\nCONTACT={handle}"),
        now,
    );
    let one = |name: &str| reply.one(name).unwrap().to_owned();
    (
        one("validated"),
        one("verified"),
        one("verificationrequested"),
    )
}

fn flags(validated: &str, verified: &str, requested: &str) -> (String, String, String) {
    (
        validated.to_owned(),
        verified.to_owned(),
        requested.to_owned(),
    )
}

fn confirm(book: &mut Book, now: Timestamp) {
    let code = book.mails().last().unwrap().code.clone();
    let reply = ask(
        book,
        &format!("COMMAND=ActivateContact\nTRIGGER={code}"),
        now,
    );
    assert_eq!(reply.code, 200);
}

/// An owner whose address is not confirmed, with a domain.
fn owned() -> (Book, String) {
    let mut book = Book::default();
    let owner = contact(&mut book, ADDRESS, start());
    register(&mut book, DOMAIN, &owner, start());
    (book, owner)
}

/// The same after its deadline.
fn suspended(by: SuspendBy) -> (Book, Timestamp) {
    let (mut book, _) = owned();
    book.suspends_by = by;
    let late = start() + days(15);
    book.advance(late);
    (book, late)
}

#[test]
fn cv_01_cv_21_a_registration_with_an_unverified_owner_has_fifteen_days() {
    let mut book = Book::default();
    let owner = contact(&mut book, ADDRESS, start());
    let reply = register(&mut book, DOMAIN, &owner, start());
    assert_eq!(reply.one(DEADLINE), Some("2026-11-23 00:41:49.0"));
    let shown = status(&mut book, DOMAIN, start());
    assert_eq!(shown.one(DEADLINE), Some("2026-11-23 00:41:49.0"));
    book.advance(start() + days(15) - SignedDuration::from_secs(1));
    assert!(!book.domain(DOMAIN).unwrap().is_suspended);
    book.advance(start() + days(15));
    assert!(book.domain(DOMAIN).unwrap().is_suspended);
}

#[test]
fn cv_02_cv_27_a_transfer_has_fifteen_days_from_itself_and_asks_the_owner() {
    let mut book = Book::default();
    let owner = contact(&mut book, ADDRESS, start());
    let created = at("2019-03-01T09:00:00Z");
    book.transfer_in("brook-sample.net", &owner, created, start());
    let reply = status(&mut book, "brook-sample.net", start());
    assert_eq!(reply.one("createddate"), Some("2019-03-01 09:00:00.0"));
    assert_eq!(reply.one(DEADLINE), Some("2026-11-23 00:41:49.0"));
    assert_eq!(book.mails().len(), 1);
    assert_eq!(book.events()[0].class, "DOMAIN_TRANSFER");
}

#[test]
fn cv_03_every_domain_of_a_handle_has_a_deadline_of_its_own_and_one_mail_asks_for_all() {
    let (mut book, owner) = owned();
    register(&mut book, "brook-sample.net", &owner, start() + days(3));
    let deadline = |book: &mut Book, name: &str| {
        status(book, name, start() + days(3))
            .one(DEADLINE)
            .unwrap()
            .to_owned()
    };
    assert_eq!(deadline(&mut book, DOMAIN), "2026-11-23 00:41:49.0");
    assert_eq!(
        deadline(&mut book, "brook-sample.net"),
        "2026-11-26 00:41:49.0"
    );
    assert_eq!(book.mails().len(), 1);
}

#[test]
fn cv_04_a_contact_without_a_required_field_is_invalid() {
    let mut book = Book::default();
    for (field, wrong) in [
        ("FIRSTNAME", ""),
        ("STREET0", ""),
        ("CITY", " "),
        ("ZIP", ""),
        ("COUNTRY", "Germany"),
        ("PHONE", "038215 0001"),
        ("PHONE", "+49382150001"),
        ("EMAIL", "ada"),
    ] {
        let command = format!("COMMAND=AddContact\n{}\n{field}={wrong}", valid(ADDRESS));
        let reply = ask(&mut book, &command, start());
        assert_eq!(reply.one("validated"), Some("0"), "{field}={wrong}");
    }
    for right in [
        "ORGANIZATION=Obsthof\nFIRSTNAME=",
        "PHONE=+49.382150001x12",
        "ZIP=\nCOUNTRY=IE",
    ] {
        let command = format!("COMMAND=AddContact\n{}\n{right}", valid(ADDRESS));
        let reply = ask(&mut book, &command, start());
        assert_eq!(reply.one("validated"), Some("1"), "{right}");
    }
}

#[test]
fn cv_05_no_domain_is_registered_with_an_invalid_contact() {
    let mut book = Book::default();
    let command = format!("COMMAND=AddContact\n{}\nCITY=", valid(ADDRESS));
    let handle = ask(&mut book, &command, start())
        .one("contact")
        .unwrap()
        .to_owned();
    let reply = register(&mut book, DOMAIN, &handle, start());
    assert!((500..600).contains(&reply.code));
    assert!(
        reply
            .description
            .contains("Could not create registryContact")
    );
    assert_eq!(book.domain(DOMAIN), None);
}

#[test]
fn cv_06_a_preverify_asks_by_mail_and_changes_nothing() {
    let mut book = Book::default();
    let handle = contact(&mut book, ADDRESS, start());
    let before = book.contact(&handle).cloned();
    let ask_for = format!("COMMAND=ModifyContact\nCONTACT={handle}\nCHECKONLY=1\nPREVERIFY=1");
    for count in 1..3 {
        let reply = ask(&mut book, &ask_for, start());
        assert_eq!((reply.code, reply.one("validated")), (200, Some("1")));
        assert_eq!(reply.one("verificationrequested"), Some("1"));
        assert!(reply.description.ends_with("; Verification requested"));
        assert_eq!(book.mails().len(), count);
    }
    assert_eq!(book.contact(&handle), before.as_ref());
    assert_eq!(person(&mut book, &handle, start()), flags("1", "0", "1"));
}

#[test]
fn cv_07_a_preverify_of_a_verified_address_sends_nothing() {
    let mut book = Book::default();
    let handle = contact(&mut book, ADDRESS, start());
    let ask_for = format!("COMMAND=ModifyContact\nCONTACT={handle}\nCHECKONLY=1\nPREVERIFY=1");
    ask(&mut book, &ask_for, start());
    confirm(&mut book, start());
    let reply = ask(&mut book, &ask_for, start());
    assert_eq!(reply.one("verificationrequested"), Some("0"));
    assert_eq!(book.mails().len(), 1);
}

#[test]
fn cv_08_a_registration_with_an_owner_verified_before_has_no_deadline() {
    let mut book = Book::default();
    let owner = contact(&mut book, ADDRESS, start());
    let ask_for = format!("COMMAND=ModifyContact\nCONTACT={owner}\nCHECKONLY=1\nPREVERIFY=1");
    ask(&mut book, &ask_for, start());
    confirm(&mut book, start());
    let reply = register(&mut book, DOMAIN, &owner, start() + days(1));
    assert_eq!(reply.one(DEADLINE), None);
    book.advance(start() + days(40));
    assert!(!book.domain(DOMAIN).unwrap().is_suspended);
}

#[test]
fn cv_09_a_confirmed_address_serves_its_valid_contacts_alone() {
    let (mut book, owner) = owned();
    let other = contact(&mut book, &ADDRESS.to_uppercase(), start());
    let command = format!("COMMAND=AddContact\n{}\nCITY=", valid(ADDRESS));
    let invalid = ask(&mut book, &command, start())
        .one("contact")
        .unwrap()
        .to_owned();
    confirm(&mut book, start());
    assert_eq!(person(&mut book, &owner, start()), flags("1", "1", "0"));
    assert_eq!(person(&mut book, &other, start()), flags("1", "1", "0"));
    assert_eq!(person(&mut book, &invalid, start()), flags("0", "0", "0"));
}

#[test]
fn cv_10_an_invalid_contact_of_a_confirmed_address_becomes_verified_by_valid_data_without_a_mail() {
    let (mut book, _) = owned();
    let command = format!("COMMAND=AddContact\n{}\nCITY=", valid(ADDRESS));
    let invalid = ask(&mut book, &command, start())
        .one("contact")
        .unwrap()
        .to_owned();
    confirm(&mut book, start());
    let command = format!("COMMAND=ModifyContact\nCONTACT={invalid}\nCITY=Ribnitz");
    ask(&mut book, &command, start());
    assert_eq!(person(&mut book, &invalid, start()), flags("1", "1", "0"));
    assert_eq!(book.mails().len(), 1);
}

#[test]
fn cv_11_another_owner_gains_no_time() {
    let (mut book, _) = owned();
    let other = contact(&mut book, "eve@orchard-sample.com", start());
    let later = start() + days(14);
    let command = format!("COMMAND=ModifyDomain\nDOMAIN={DOMAIN}\nOWNERCONTACT0={other}");
    let reply = ask(&mut book, &command, later);
    assert_eq!(reply.one(DEADLINE), Some("2026-11-23 00:41:49.0"));
    book.advance(start() + days(15));
    assert!(book.domain(DOMAIN).unwrap().is_suspended);
}

#[test]
fn cv_12_cv_24_a_suspended_domain_whose_owner_is_verified_is_freed_at_once() {
    for by in [SuspendBy::ClientHold, SuspendBy::NameServers] {
        let (mut book, late) = suspended(by);
        let reply = status(&mut book, DOMAIN, late);
        match by {
            SuspendBy::ClientHold => assert_eq!(reply.one("status"), Some("clientHold")),
            SuspendBy::NameServers => assert_eq!(
                reply.values("nameserver"),
                ["ns1.emailverification.info", "ns2.emailverification.info"]
            ),
        }
        confirm(&mut book, late);
        let release = format!("COMMAND=ModifyDomain\nDOMAIN={DOMAIN}\nDELSTATUS0=clientHold");
        assert_eq!(ask(&mut book, &release, late).code, 200);
        let reply = status(&mut book, DOMAIN, late);
        assert_eq!(reply.values("status"), ["ACTIVE"]);
        assert_eq!(reply.one("nameserver"), Some("ns1.hosting.example"));
    }
}

#[test]
fn cv_13_a_suspended_domain_is_freed_by_itself_within_thirty_minutes() {
    let (mut book, late) = suspended(SuspendBy::NameServers);
    let confirmed = late + days(2);
    confirm(&mut book, confirmed);
    assert!(book.domain(DOMAIN).unwrap().is_suspended);
    book.advance(confirmed + SignedDuration::from_mins(30));
    assert!(!book.domain(DOMAIN).unwrap().is_suspended);
}

#[test]
fn cv_14_cv_18_the_link_carries_the_code() {
    let (mut book, _) = owned();
    let mail = &book.mails()[0];
    let code = &mail.code;
    let default = format!("http://emailverification.info?trigger={code}&email={ADDRESS}");
    assert_eq!(mail.link, default);
    let set = "COMMAND=SetProperty\nCONTACTVERIFICATION-EMAIL-VERIFICATION-URL=\
               https://verify.reseller.example/";
    assert_eq!(ask(&mut book, set, start()).code, 200);
    let resend = format!("COMMAND=ResendNotification\nTYPE=CONTACTVERIFICATION\nOBJECT={ADDRESS}");
    assert_eq!(ask(&mut book, &resend, start()).code, 200);
    let link = &book.mails()[1].link;
    let wanted = "https://verify.reseller.example/?trigger=";
    assert!(link.starts_with(wanted), "{link}");
    assert!(!link[wanted.len()..].contains('='), "{link}");
}

#[test]
fn cv_15_cv_25_a_code_confirms_however_late_and_an_unknown_one_does_not() {
    let (mut book, owner) = owned();
    let unknown = ask(&mut book, "COMMAND=ActivateContact\nTRIGGER=AAAA", start());
    assert!((500..600).contains(&unknown.code));
    let late = start() + days(400);
    confirm(&mut book, late);
    confirm(&mut book, late);
    assert_eq!(person(&mut book, &owner, late).1, "1");
}

#[test]
fn cv_16_cv_17_one_event_has_three_forms_with_the_same_code() {
    let (book, owner) = owned();
    let event = &book.events()[1];
    let code = event.trigger().unwrap();
    assert_eq!(code, book.mails()[0].code);
    let mail = event.mail_text();
    let trigger = format!("CONTACTVERIFICATION WITH TRIGGERCODE: {code}\r\n");
    for line in [
        format!("REASON:{trigger}"),
        format!("MESSAGE:{trigger}"),
        format!("OBJECT:{owner}\r\n"),
        "CLASS:CONTACT_REGISTRATION\r\n".to_owned(),
        "SUBCLASS:CONTACT_REGISTRATION_NOTIFY\r\n".to_owned(),
    ] {
        assert!(mail.contains(&line), "{line} in {mail}");
    }
    let xml = event.poll_xml(3);
    for part in [
        "<result code=\"1301\">",
        "<msgQ count=\"3\" id=\"700102\">",
        "<msg>CONTACT_CONTACT_REGISTRATION_NOTIFY</msg>",
        &format!("<contact:id paResult=\"false\">{owner}</contact:id>"),
        &format!("<reason>CONTACTVERIFICATION WITH TRIGGERCODE:{code}</reason>"),
        &format!("<keysys:info>CONTACTVERIFICATION WITH TRIGGERCODE:{code}</keysys:info>"),
    ] {
        assert!(xml.contains(part), "{part} in {xml}");
    }
    let answer = ResellerReply::read(event.answer().as_bytes()).unwrap();
    let reason = format!("reason:CONTACTVERIFICATION WITH TRIGGERCODE:{code}");
    assert_eq!(answer.values("data").last(), Some(&reason));
}

#[test]
fn cv_20_a_candidate_is_not_suspended() {
    let (mut book, _) = owned();
    let reply = status(&mut book, DOMAIN, start() + days(14));
    assert!(reply.one(DEADLINE).is_some());
    assert_eq!(reply.values("status"), ["ACTIVE"]);
}

#[test]
fn cv_22_an_unverified_new_owner_starts_the_clock() {
    let (mut book, _) = owned();
    confirm(&mut book, start());
    assert_eq!(status(&mut book, DOMAIN, start()).one(DEADLINE), None);
    let other = contact(&mut book, "eve@orchard-sample.com", start());
    let later = start() + days(30);
    let command = format!("COMMAND=ModifyDomain\nDOMAIN={DOMAIN}\nOWNERCONTACT0={other}");
    let reply = ask(&mut book, &command, later);
    assert_eq!(reply.one(DEADLINE), Some("2026-12-23 00:41:49.0"));
}

#[test]
fn cv_23_a_suspension_is_not_to_be_touched_before_the_owner_is_verified() {
    let (mut book, late) = suspended(SuspendBy::ClientHold);
    for change in ["DELSTATUS0=clientHold", "ADDSTATUS0=clientHold"] {
        let command = format!("COMMAND=ModifyDomain\nDOMAIN={DOMAIN}\n{change}");
        assert_eq!(ask(&mut book, &command, late).code, 552, "{change}");
    }
    assert!(book.domain(DOMAIN).unwrap().is_suspended);
}

#[test]
fn cv_24_the_resellers_own_name_servers_take_the_place_of_the_usual_ones() {
    let (mut book, _) = owned();
    let set = "COMMAND=SetProperty\nCONTACTVERIFICATION-INTERRUPT-NAMESERVER0=ns1.verify.example\n\
               CONTACTVERIFICATION-INTERRUPT-NAMESERVER1=ns2.verify.example";
    ask(&mut book, set, start());
    let reply = status(&mut book, DOMAIN, start() + days(15));
    assert_eq!(
        reply.values("nameserver"),
        ["ns1.verify.example", "ns2.verify.example"]
    );
}

#[test]
fn cv_26_fields_of_an_owner_in_verification_cannot_be_emptied() {
    let (mut book, owner) = owned();
    let command = format!("COMMAND=ModifyContact\nCONTACT={owner}\nCITY=");
    assert_eq!(ask(&mut book, &command, start()).code, 541);
    confirm(&mut book, start());
    assert_eq!(ask(&mut book, &command, start()).code, 200);
}

#[test]
fn cv_28_a_new_contact_with_a_verified_address_is_verified_from_the_start() {
    let (mut book, _) = owned();
    confirm(&mut book, start());
    let other = contact(&mut book, ADDRESS, start());
    assert_eq!(person(&mut book, &other, start()), flags("1", "1", "0"));
    let clone = ask(
        &mut book,
        &format!("COMMAND=CloneContact\nCONTACT={other}"),
        start(),
    );
    let clone = clone.one("contact").unwrap().to_owned();
    assert_eq!(person(&mut book, &clone, start()), flags("1", "1", "0"));
}

/// A .de domain that the registry wants verified.
fn de() -> (Book, String) {
    let mut book = Book::default();
    let owner = contact(&mut book, ADDRESS, start());
    let reply = register(&mut book, "xn--pfel-sample-k8a.de", &owner, start());
    assert_eq!(reply.one(DEADLINE), None);
    let check = RegistryCheck {
        dedelegation_at: Some(at("2026-12-04T10:15:00Z")),
        deletion_at: at("2027-02-02T10:15:00Z"),
    };
    book.require("xn--pfel-sample-k8a.de", check, start());
    (book, owner)
}

const DE: &str = "xn--pfel-sample-k8a.de";
const BEFORE_DEDELEGATION: &str = "x-de-verificationdeadlinebeforededelegation";
const BEFORE_DELETION: &str = "x-de-verificationdeadlinebeforedeletion";

#[test]
fn a_de_domain_shows_the_registrys_deadlines_and_loses_its_place_and_itself() {
    let (mut book, _) = de();
    let last = book.events().last().unwrap();
    assert_eq!(
        (last.class, last.subclass),
        ("DOMAIN_REGISTRATION", "REGISTRATION_NOTIFY")
    );
    let reply = status(&mut book, DE, start());
    assert_eq!(reply.one("domainidn"), Some("äpfel-sample.de"));
    assert_eq!(reply.one(BEFORE_DEDELEGATION), Some("2026-12-04T10:15:00"));
    let reply = status(&mut book, DE, at("2026-12-04T10:15:00Z"));
    assert_eq!(reply.values("status"), ["serverHold"]);
    assert_eq!(reply.one(BEFORE_DEDELEGATION), None);
    assert_eq!(reply.one(BEFORE_DELETION), Some("2027-02-02T10:15:00"));
    let reply = status(&mut book, DE, at("2027-02-02T10:15:00Z"));
    assert_eq!(reply.code, 545);
    assert_eq!(book.events().last().unwrap().class, "DOMAIN_DELETION");
}

#[test]
fn a_result_reaches_the_de_registry_with_the_hourly_push_or_at_once_by_a_clone() {
    let report = |owner: &str, result: &str| {
        format!(
            "COMMAND=ModifyContact\nCONTACT={owner}\nX-VERIFICATION-DATA0=name\n\
             X-VERIFICATION-RESULT0={result}"
        )
    };
    let (mut book, owner) = de();
    ask(&mut book, &report(&owner, "failed"), start());
    book.advance(start() + SignedDuration::from_hours(2));
    assert!(
        status(&mut book, DE, start() + SignedDuration::from_hours(2))
            .one(BEFORE_DELETION)
            .is_some()
    );
    let (mut book, owner) = de();
    ask(&mut book, &report(&owner, "Success"), start());
    let soon = start() + SignedDuration::from_mins(5);
    assert!(status(&mut book, DE, soon).one(BEFORE_DELETION).is_some());
    let next_hour = at("2026-11-08T01:00:00Z");
    assert_eq!(status(&mut book, DE, next_hour).one(BEFORE_DELETION), None);
    let (mut book, owner) = de();
    ask(&mut book, &report(&owner, "Success"), start());
    let clone = ask(
        &mut book,
        &format!("COMMAND=CloneContact\nCONTACT={owner}"),
        start(),
    );
    let clone = clone.one("contact").unwrap();
    let command = format!("COMMAND=ModifyDomain\nDOMAIN={DE}\nOWNERCONTACT0={clone}");
    ask(&mut book, &command, start());
    assert_eq!(status(&mut book, DE, start()).one(BEFORE_DELETION), None);
}

#[test]
fn the_history_of_a_request_tells_how_it_went_out() {
    let (mut book, owner) = owned();
    let reply = ask(
        &mut book,
        "COMMAND=QueryContactList\nTYPE=SHOWVERIFICATIONREQUESTED",
        start(),
    );
    assert_eq!(reply.one("contact"), Some(owner.as_str()));
    let wanted = "2026-11-08 00:41:49 [EMAIL]; 2026-11-08 00:41:49 [EVENT];";
    assert_eq!(reply.one("verificationhistory"), Some(wanted));
}
