//! Mail that somebody else sent, or that the registry sent elsewhere.

use serde_json::Value;

use crate::house::{House, LIVE, LIVE_SENDER, TEST, TEST_SENDER, until};
use crate::mails::{fixture, verification};

const DOMAIN: &str = "segelschule-bodden.de";

/// The domain is as it was imported, and nobody was told anything.
fn assert_untouched(house: &House, before: &Value) {
    assert_eq!(house.stichtag.domain(DOMAIN, "live"), *before);
    assert!(house.stichtag.json(&["notice", "list"]).is_empty());
    assert!(house.customer.arrived().is_empty());
}

#[test]
fn an_unknown_recipient_is_refused_before_the_mail_is_taken() {
    let house = House::open();
    let mut talk = house.registry();
    talk.expect(&format!("MAIL FROM:<{LIVE_SENDER}>"), "250 ");
    talk.expect("RCPT TO:<denik@registry.example.net>", "550 5.1.1 ");
    talk.expect("DATA", "554 5.5.1 ");
    talk.expect("RCPT TO:<somebody@example.org>", "454 4.7.1 ");
    assert!(house.postfix.queue().is_empty());
    assert!(house.stichtag.messages().is_empty());
    house.postfix.assert_nothing_bounced();
}

#[test]
fn a_recipient_that_belongs_to_no_route_stays_in_the_queue() {
    let mut house = House::new();
    // The bounce domain is routed to Stichtag, but Stichtag has been told of another one.
    let other = "bounce.other.example";
    house.stichtag.set("STICHTAG_NOTICES__BOUNCE_DOMAIN", other);
    house.stichtag.start();
    let bounce = "bounce+N7@bounce.muster.example";
    let queue_id = house
        .registry()
        .queued("", bounce, &fixture("01-live-connect.eml"));
    let mail = until("the mail is refused", 30, || {
        let deferred = |mail: &Value| mail["recipients"][0]["delay_reason"].is_string();
        house.postfix.queue().into_iter().find(deferred)
    });
    assert_eq!(mail["queue_id"], queue_id.as_str());
    let why = mail["recipients"][0]["delay_reason"].as_str().unwrap();
    assert!(
        why.contains("said: 550 5.1.1 no such recipient here"),
        "{why}"
    );
    assert!(
        !house
            .postfix
            .lines(&[&queue_id, "status=SOFTBOUNCE"])
            .is_empty()
    );
    assert!(house.stichtag.messages().is_empty());
    house.postfix.assert_nothing_bounced();
}

#[test]
fn a_wrong_envelope_sender_is_refused_by_postfix_and_held_by_stichtag() {
    let house = House::open();
    house.stichtag.knows("kaja", &[DOMAIN]);
    let before = house.stichtag.domain(DOMAIN, "live");
    let mail = fixture("03-live-verification-required.eml");

    let mut talk = house.registry();
    for forger in [
        "registry-response@denic.example",
        "registry-response@sub.denic.de",
        "",
    ] {
        talk.expect(&format!("MAIL FROM:<{forger}>"), "250 ");
        talk.expect(&format!("RCPT TO:<{LIVE}>"), "554 5.7.1 ");
        talk.expect("RSET", "250 ");
    }
    assert!(house.postfix.queue().is_empty());
    assert!(house.stichtag.messages().is_empty());

    let reply = house
        .directly()
        .mail("registry-response@denic.example", LIVE, &mail);
    assert_eq!(reply, "250 2.0.0 kept as 1");
    let kept = &house.stichtag.decided(1)[0];
    assert_eq!(kept["verdict"], "held");
    assert_eq!(held_for(kept), ["R02"]);
    assert_untouched(&house, &before);
    house.postfix.assert_nothing_bounced();
}

/// The codes of the reasons that hold a message; warnings have other letters.
fn held_for(message: &Value) -> Vec<&str> {
    let codes = message["reasons"].as_array().unwrap().iter();
    let codes = codes.map(|code| code.as_str().unwrap());
    codes.filter(|code| code.starts_with('R')).collect()
}

/// The same request as DENIC's test environment sends it.
fn test_verification() -> Vec<u8> {
    let text = String::from_utf8(verification(DOMAIN, 1)).unwrap();
    text.replace(
        "From: registry-response@denic.de",
        "From: registry-response@test.denic.de",
    )
    .replace("STATUS UPDATE - ", "STATUS UPDATE TEST - ")
    .into_bytes()
}

#[test]
fn a_test_mail_at_the_live_address_is_held_and_changes_nothing() {
    let house = House::open();
    house.stichtag.knows("kaja", &[DOMAIN]);
    let before = house.stichtag.domain(DOMAIN, "live");
    let mut talk = house.registry();
    talk.queued(TEST_SENDER, LIVE, &test_verification());

    let kept = &house.stichtag.decided(1)[0];
    assert_eq!(kept["verdict"], "held");
    assert_eq!(held_for(kept), ["R06"]);
    assert!(kept["environment"].is_null(), "{kept}");
    assert_untouched(&house, &before);

    // At its own address it counts, for the test record alone.
    talk.queued(TEST_SENDER, TEST, &test_verification());
    let kept = &house.stichtag.decided(2)[1];
    assert_eq!(
        (&kept["verdict"], &kept["environment"]),
        (&"applied".into(), &"test".into())
    );
    let test = house.stichtag.domain(DOMAIN, "test");
    assert!(test["dedelegation_at"].is_string(), "{test}");
    assert_eq!(house.stichtag.domain(DOMAIN, "live"), before);
    house.postfix.drained(20);
    house.postfix.assert_nothing_bounced();
}
