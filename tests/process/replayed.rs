//! Old mail that comes again: a copy says nothing new, a stranger's old mail is for a person.

use jiff::ToSpan;
use stichtag::model::InboundId;
use stichtag::store::MessageVerdict::{Applied, Held, Unchanged};

use super::desk::{CONNECT, Desk, LIVE, TO_LIVE, at, dedelegation, deletion};

const DATE: &str = "Tue, 05 May 2026 08:30:05 +0200";
const OURS: &str = "Authentication-Results: mx.example.net; dkim=pass header.d=denic.de\r\n";

/// A mail of that day with deadlines that nobody has heard of.
fn mail(domain: &str) -> Vec<u8> {
    let dedelegation = dedelegation("2026-06-04T08:30:00+02:00");
    let deletion = deletion("2026-09-02T08:30:00+02:00");
    super::desk::mail(domain, DATE, &[], &[CONNECT, &dedelegation, &deletion])
}

/// A desk where only proven mail passes, on the day of the mail.
async fn strict() -> Desk {
    let mut desk = Desk::with(&[
        ("STICHTAG_ROUTE__DENIC_LIVE__REQUIRE", "aligned"),
        (
            "STICHTAG_AUTHENTICATE__AUTHSERV_IDS",
            "[\"mx.example.net\"]",
        ),
    ])
    .await
    .stock()
    .await;
    desk.now = at("2026-05-05T07:00:00Z");
    desk
}

/// By SMTP, as Postfix hands it over.
async fn arrives(desk: &Desk, header: &str, raw: &[u8]) -> InboundId {
    let raw = [header.as_bytes(), raw].concat();
    let mut inbound = desk.inbound("registry-response@denic.de", &[TO_LIVE], &raw);
    inbound.envelope.peer = Some("127.0.0.1".parse().unwrap());
    let id = desk.keep(inbound).await;
    desk.work().await;
    id
}

#[tokio::test]
async fn an_old_mail_is_held_and_a_copy_of_an_applied_one_is_unchanged() {
    let mut desk = strict().await;
    let known = mail("holzspielzeug-nord.de");
    let fresh = arrives(&desk, OURS, &known).await;
    assert_eq!(desk.verdict(fresh).await, Applied);
    let before = desk.world(None).await;

    desk.now += (30 * 24).hours();
    let trace = format!("Received: from a by b;\r\n\tThu, 04 Jun 2026 09:00:00 +0200\r\n{OURS}");
    let copy = arrives(&desk, &trace, &known).await;
    assert_eq!(desk.verdict(copy).await, Unchanged);
    assert_eq!(desk.codes(copy).await, ["W31"]);

    let unknown = mail("segelschule-bodden.de");
    let old = arrives(&desk, OURS, &unknown).await;
    assert_eq!(desk.verdict(old).await, Held);
    assert!(desk.codes(old).await.contains(&"R21"));
    // A copy of what was held is no copy of anything that was acted upon.
    let again = arrives(&desk, OURS, &unknown).await;
    assert_eq!(desk.verdict(again).await, Held);
    // Nor is a copy that nothing vouches for.
    let unproven = arrives(&desk, "", &known).await;
    assert_eq!(desk.verdict(unproven).await, Held);
    desk.is_still(None, &before).await;
}

#[tokio::test]
async fn a_person_can_release_an_old_mail() {
    let mut desk = strict().await;
    desk.now += (30 * 24).hours();
    let raw = mail("segelschule-bodden.de");
    let old = arrives(&desk, OURS, &raw).await;
    assert_eq!(desk.verdict(old).await, Held);
    desk.again(old, true).await;
    assert_eq!(desk.verdict(old).await, Applied);
    let record = desk.record(LIVE, "segelschule-bodden.de").await;
    assert_eq!(record.due().deletion_at, Some(at("2026-09-02T06:30:00Z")));
}

#[tokio::test]
async fn a_later_replay_judges_by_the_time_of_arrival() {
    let mut desk = strict().await;
    let raw = mail("holzspielzeug-nord.de");
    let fresh = arrives(&desk, OURS, &raw).await;
    desk.now += (365 * 24).hours();
    desk.again(fresh, false).await;
    assert!(!desk.codes(fresh).await.contains(&"R21"));
    assert_ne!(desk.verdict(fresh).await, Held);
}

#[tokio::test]
async fn an_archive_is_old_by_nature() {
    let mut desk = strict().await;
    desk.now += (365 * 24).hours();
    let raw = [OURS.as_bytes(), &mail("holzspielzeug-nord.de")].concat();
    let imported = desk.live(&raw).await;
    assert_eq!(desk.verdict(imported).await, Applied);
}

#[tokio::test]
async fn a_mail_that_went_round_a_hundred_times_makes_nothing() {
    let desk = strict().await;
    let before = desk.world(None).await;
    let hop = "Received: from a by b; Tue, 05 May 2026 08:30:05 +0200\r\n";
    let header = format!("{OURS}{}", hop.repeat(110));
    let raw = mail("holzspielzeug-nord.de");
    let round = arrives(&desk, &header, &raw).await;
    assert_eq!(desk.verdict(round).await, Held);
    assert_eq!(desk.codes(round).await, ["R22"]);
    desk.is_still(None, &before).await;
}
