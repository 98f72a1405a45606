//! News that is easily overlooked: domains that left, dates in an odd order, states nobody knows.

use stichtag::model::{CaseState, Lifecycle, NoticeKind};
use stichtag::notify::{self, Templates};
use stichtag::store::{MessageVerdict, Store};

use super::desk::{CONNECT, Desk, HOLD, LIVE, at, config, dedelegation, deletion, mail};

const DOMAIN: &str = "segelschule-bodden.de";
const HOLDER: &str = "DENIC-1000888-A";
const DATE: &str = "Tue, 05 May 2026 10:30:00 +0200";

/// A message of the queue about a contact, with the first domain of each deadline.
fn contact(count: u32, off: (&str, &str), gone: (&str, &str)) -> Vec<u8> {
    let named = |element: &str, (domain, at): (&str, &str)| {
        format!(
            "<msg:{element}><msg:domain><msg:handle>{domain}</msg:handle><msg:ace>{domain}</msg:ace>\
             </msg:domain><msg:verificationDeadline>{at}</msg:verificationDeadline></msg:{element}>"
        )
    };
    format!(
        "<registry-response xmlns=\"http://registry.denic.de/global/5.0\" \
         xmlns:tr=\"http://registry.denic.de/transaction/5.0\"><tr:transaction><tr:stid>s</tr:stid>\
         <tr:result>success</tr:result><tr:data>\
         <msg:message xmlns:msg=\"http://registry.denic.de/msg/5.0\" msgid=\"m-{count}-{}\" msgcnt=\"1\" \
         msgtime=\"2026-05-05T10:40:00+02:00\"><msg:contactVerificationRequired>\
         <msg:handle>{HOLDER}</msg:handle><msg:verificationClaims><msg:claim>name</msg:claim>\
         </msg:verificationClaims>\
         <msg:numberOfReferencedDomainsTotal>{count}</msg:numberOfReferencedDomainsTotal>{}{}\
         </msg:contactVerificationRequired></msg:message></tr:data></tr:transaction>\
         </registry-response>",
        off.0,
        named("earliestDomainForDedelegation", off),
        named("earliestDomainForDeletion", gone),
    )
    .into_bytes()
}

fn moved(domain: &str) -> Vec<u8> {
    format!(
        "RESULT: success\nSTID: 1\nmsgcnt: 1\nmsgtime: 2026-05-05T10:35:00+02:00\n\
         msgid: 1f3c9a10-7d42-4b11-8a55-90d1c2b3a405\nmsgtype: chprovAuthInfo\n\
         domain: {domain}\ndomain-ace: {domain}\nnew: X\nold: Y\n"
    )
    .into_bytes()
}

fn held(domain: &str, date: &str, info: &[&str]) -> Vec<u8> {
    mail(domain, date, &[HOLDER], info)
}

/// A desk with one registered domain of that holder.
async fn begun() -> Desk {
    let mut desk = Desk::empty().await;
    desk.now = at("2026-05-05T11:00:00+02:00");
    desk.customer("K-1", "kunde@example.net", None).await;
    desk.domain(LIVE, DOMAIN, Some("K-1"), HOLDER).await;
    desk.live(&held(DOMAIN, DATE, &[CONNECT])).await;
    desk
}

#[tokio::test]
async fn a_contact_whose_only_domain_has_moved_away_is_held_and_alarmed() {
    let desk = begun().await;
    desk.queue(Some(LIVE), &moved(DOMAIN)).await;
    let raw = contact(
        1,
        ("g9.de", "2026-05-06T16:00:00+02:00"),
        ("g9.de", "2026-08-06T16:00:00+02:00"),
    );
    let id = desk.queue(Some(LIVE), &raw).await;
    assert_eq!(desk.verdict(id).await, MessageVerdict::Held);
    assert_eq!(desk.codes(id).await, ["R20"]);
    assert_eq!(desk.alarms().await, ["R20"]);
}

#[tokio::test]
async fn a_domain_that_the_registry_names_and_we_do_not_have_is_alarmed_though_the_count_is_right()
{
    let desk = begun().await;
    let raw = contact(
        1,
        ("g9.de", "2026-06-06T16:00:00+02:00"),
        (DOMAIN, "2026-09-06T16:00:00+02:00"),
    );
    let id = desk.queue(Some(LIVE), &raw).await;
    assert_eq!(desk.verdict(id).await, MessageVerdict::Applied);
    assert_eq!(desk.alarms().await, ["W24"]);
    // Once it is ours, the message says so when it is processed again.
    desk.domain(LIVE, "g9.de", Some("K-1"), HOLDER).await;
    desk.again(id, false).await;
    assert!(
        !desk.alarms().await.contains(&"W24"),
        "{:?}",
        desk.alarms().await
    );
}

#[tokio::test]
async fn a_domain_that_moved_away_is_not_counted() {
    let desk = begun().await;
    desk.domain(LIVE, "p2.de", Some("K-1"), HOLDER).await;
    desk.live(&held("p2.de", DATE, &[CONNECT])).await;
    desk.queue(Some(LIVE), &moved("p2.de")).await;
    let raw = contact(
        1,
        (DOMAIN, "2026-06-06T16:00:00+02:00"),
        (DOMAIN, "2026-09-06T16:00:00+02:00"),
    );
    desk.queue(Some(LIVE), &raw).await;
    assert!(desk.alarms().await.is_empty(), "{:?}", desk.alarms().await);
}

/// Subject and text of the newest notice.
async fn text(desk: &Desk) -> String {
    let config = config(&[]);
    let notice = desk.notices().await.pop().unwrap().notice;
    let templates = Templates::with_overrides(std::collections::BTreeMap::new()).unwrap();
    let rendered = notify::render(&notice, &config.notices.settings, &templates).unwrap();
    let mail = mail_parser::MessageParser::new()
        .parse(&rendered.message)
        .unwrap();
    format!(
        "{}\n{}",
        mail.subject().unwrap(),
        mail.body_text(0).unwrap()
    )
}

#[tokio::test]
async fn a_deletion_that_comes_first_is_what_the_customer_is_told() {
    let desk = begun().await;
    let info = [
        CONNECT,
        &dedelegation("2026-07-29T10:30:00+02:00"),
        &deletion("2026-07-06T10:30:00+02:00"),
    ];
    desk.live(&held(DOMAIN, "Tue, 05 May 2026 10:45:00 +0200", &info))
        .await;
    let text = text(&desk).await;
    assert!(text.contains("bis 2. Juli"), "{text}");
    assert!(text.contains("6. Juli 2026"), "{text}");
    assert!(!text.contains("29. Juli"), "{text}");
    assert!(!text.contains("27. Juli"), "{text}");
}

#[tokio::test]
async fn nothing_is_asked_for_by_a_day_that_is_over() {
    let desk = begun().await;
    let info = [
        CONNECT,
        &dedelegation("2026-05-04T10:30:00+02:00"),
        &deletion("2026-05-05T10:50:00+02:00"),
    ];
    desk.live(&held(DOMAIN, "Tue, 05 May 2026 10:45:00 +0200", &info))
        .await;
    let text = text(&desk).await;
    assert!(!text.contains("bis Montag, 4. Mai"), "{text}");
    assert!(
        !text.contains("bis 4. Mai") && !text.contains("bis 5. Mai"),
        "{text}"
    );
}

#[tokio::test]
async fn whoever_took_a_domain_over_does_not_read_our_mails_to_its_former_owner() {
    let mut desk = begun().await;
    desk.customer("K-1", "a@p2.de", Some("b@other.example"))
        .await;
    desk.domain(LIVE, "p2.de", Some("K-1"), HOLDER).await;
    desk.live(&held("p2.de", DATE, &[CONNECT])).await;
    desk.queue(Some(LIVE), &moved("p2.de")).await;
    let away = desk.notices().await.pop().unwrap().notice;
    assert_eq!(away.kind, NoticeKind::Transfer);
    assert_eq!(away.recipient, "b@other.example");
    // Nor what we write about other domains.
    desk.now = at("2026-05-05T12:00:00+02:00");
    let info = [
        CONNECT,
        &dedelegation("2026-06-04T10:30:00+02:00"),
        &deletion("2026-09-02T10:30:00+02:00"),
    ];
    desk.live(&held(DOMAIN, "Tue, 05 May 2026 11:50:00 +0200", &info))
        .await;
    let asked = desk.notices().await.pop().unwrap().notice;
    assert_eq!(asked.kind, NoticeKind::VerificationRequired);
    assert_eq!(asked.recipient, "b@other.example");
}

#[tokio::test]
async fn an_alarm_about_a_near_deadline_follows_the_deadline() {
    let desk = begun().await;
    let asked = |off: &str, date: &str| {
        let info = [
            CONNECT,
            &dedelegation(off),
            &deletion("2026-09-02T10:30:00+02:00"),
        ];
        held(DOMAIN, date, &info)
    };
    desk.live(&asked(
        "2026-05-06T08:00:00+02:00",
        "Tue, 05 May 2026 10:41:00 +0200",
    ))
    .await;
    assert_eq!(desk.alarms().await, ["W16"]);
    desk.live(&asked(
        "2026-06-06T08:00:00+02:00",
        "Tue, 05 May 2026 10:42:00 +0200",
    ))
    .await;
    assert!(desk.alarms().await.is_empty());
    desk.live(&asked(
        "2026-05-05T16:00:00+02:00",
        "Tue, 05 May 2026 10:43:00 +0200",
    ))
    .await;
    let alarms = desk.store.alarms().await.unwrap();
    assert_eq!(alarms.len(), 1);
    assert!(
        alarms[0].text.contains("2026-05-05T14:00:00Z"),
        "{alarms:?}"
    );
}

async fn on_hold() -> Desk {
    let desk = begun().await;
    let info = [HOLD, &deletion("2026-07-06T10:30:00+02:00")];
    desk.live(&held(DOMAIN, "Tue, 05 May 2026 10:45:00 +0200", &info))
        .await;
    assert_eq!(desk.cases().await[0].state, CaseState::OnHold);
    desk
}

#[tokio::test]
async fn a_domain_in_redemption_is_deleted_and_asks_for_no_proof() {
    let desk = on_hold().await;
    let redemption = b"RESULT: success\nSTID: 1\nmsgcnt: 1\nmsgtime: 2026-05-05T10:50:00+02:00\n\
        msgid: 1f3c9a10-7d42-4b11-8a55-90d1c2b3a406\nmsgtype: domainStatusUpdate\n\
        domain: segelschule-bodden.de\ndomain-ace: segelschule-bodden.de\n\
        holder: DENIC-1000888-A\nstatus: redemptionPeriod\n";
    desk.queue(Some(LIVE), redemption).await;
    let record = desk.record(LIVE, DOMAIN).await;
    assert_eq!(record.lifecycle, Lifecycle::Deleted);
    assert!(!record.due().is_some());
    assert_eq!(desk.cases().await[0].state, CaseState::Deleted);
    let kinds: Vec<_> = desk
        .notices()
        .await
        .iter()
        .map(|entry| entry.notice.kind)
        .collect();
    assert_eq!(kinds, [NoticeKind::OnHold, NoticeKind::Deleted]);
}

#[tokio::test]
async fn from_a_status_that_nobody_knows_nothing_is_concluded_and_somebody_is_told() {
    let desk = on_hold().await;
    let unknown = b"RESULT: success\nSTID: 1\nmsgcnt: 1\nmsgtime: 2026-05-05T10:50:00+02:00\n\
        msgid: 1f3c9a10-7d42-4b11-8a55-90d1c2b3a407\nmsgtype: domainStatusUpdate\n\
        domain: segelschule-bodden.de\ndomain-ace: segelschule-bodden.de\n\
        holder: DENIC-1000888-A\nstatus: halfHold\n";
    desk.queue(Some(LIVE), unknown).await;
    assert_eq!(desk.cases().await[0].state, CaseState::OnHold);
    assert_eq!(desk.notices().await.len(), 1);
    assert_eq!(desk.alarms().await, ["W17"]);
    assert!(desk.record(LIVE, DOMAIN).await.due().is_some());
}
