//! What comes back to a notice: who is told instead, who has to telephone, and what changes nothing.

use jiff::ToSpan;
use stichtag::model::{Inbound, InboundId, NoticeId, NoticeKind, NoticeState, Source};
use stichtag::notify::verp;
use stichtag::process;
use stichtag::store::MessageVerdict::{Applied, Held, Refused, Unchanged};
use stichtag::store::{AuditFilter, Delivery, NoticeEntry, PlanChange, Store};

use super::desk::{CONNECT, Desk, HOLD, dedelegation, deletion, mail};

const BOUNCE_DOMAIN: (&str, &str) = (
    "STICHTAG_NOTICES__BOUNCE_DOMAIN",
    "bounce.registrar.example",
);
const DOMAIN: &str = "segelschule-bodden.de";
const FIRST: &str = "kunde@example.net";
const SECOND: &str = "zweite@example.org";

async fn desk_with(second: Option<&str>) -> Desk {
    let mut desk = Desk::with(&[BOUNCE_DOMAIN]).await.stock().await;
    desk.customer("K-1", FIRST, second).await;
    desk.rules.policy.bounce_key = Some(process::bounce_key(&desk.store).await.unwrap());
    desk
}

fn verify(domain: &str, date: &str) -> Vec<u8> {
    let date = format!("Sat, 09 May 2026 {date} +0200");
    let lines = [
        CONNECT,
        &dedelegation("2026-06-04T08:30:00+02:00"),
        &deletion("2026-09-02T08:30:00+02:00"),
    ];
    mail(domain, &date, &["DENIC-1000888-A"], &lines)
}

fn hold(domain: &str) -> Vec<u8> {
    let lines = [HOLD, &deletion("2026-09-02T08:30:00+02:00")];
    let date = "Sat, 09 May 2026 12:00:00 +0200";
    mail(domain, date, &["DENIC-1000888-A"], &lines)
}

fn resolved(domain: &str) -> Vec<u8> {
    let date = "Sat, 09 May 2026 14:00:00 +0200";
    mail(domain, date, &["DENIC-1000888-A"], &[CONNECT])
}

/// A report as a mail system writes it.
fn report(action: &str, status: &str) -> Vec<u8> {
    format!(
        "From: MAILER-DAEMON@mx.example.net\r\nTo: x@bounce.registrar.example\r\n\
         Subject: Mail delivery report\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n\
         --b\r\n\r\nWhat became of your mail.\r\n\
         --b\r\nContent-Type: message/delivery-status\r\n\r\n\
         Reporting-MTA: dns; mx.example.net\r\n\r\n\
         Final-Recipient: rfc822; somebody@example.net\r\nAction: {action}\r\nStatus: {status}\r\n\
         Diagnostic-Code: smtp; 550 {status} no\r\n\r\n--b--\r\n"
    )
    .into_bytes()
}

impl Desk {
    fn address(&self, notice: &str) -> String {
        let key = self.rules.policy.bounce_key.as_ref().unwrap();
        let id: NoticeId = notice.parse().unwrap();
        format!("{}@bounce.registrar.example", verp::sign(key, id))
    }

    async fn keep_answer(&self, to: &str, raw: &[u8]) -> InboundId {
        let inbound = Inbound {
            source: Source::Dsn,
            ..self.inbound("", &[to], raw)
        };
        self.keep(inbound).await
    }

    /// A mail comes back to an address, and is decided; then whoever is to be told is thought of.
    async fn answered(&self, to: &str, raw: &[u8]) -> InboundId {
        let id = self.keep_answer(to, raw).await;
        self.work().await;
        self.plan().await;
        id
    }

    async fn came_back(&self, notice: &str) -> InboundId {
        self.answered(&self.address(notice), &report("failed", "5.1.1"))
            .await
    }

    /// A notice about the domain has been sent to the customer.
    async fn told(&self, raw: &[u8]) {
        self.live(raw).await;
        self.plan().await;
        self.send_all().await;
        self.plan().await;
    }

    async fn calls(&self) -> Vec<String> {
        let tasks = self.store.tasks(None).await.unwrap();
        tasks.iter().map(|task| task.key.clone()).collect()
    }

    async fn notice(&self, id: &str) -> NoticeEntry {
        let id: NoticeId = id.parse().unwrap();
        let all = self.notices().await;
        all.into_iter().find(|entry| entry.notice.id == id).unwrap()
    }
}

fn brief(entries: &[NoticeEntry]) -> Vec<(String, NoticeState, String)> {
    entries
        .iter()
        .map(|entry| {
            let notice = &entry.notice;
            (
                notice.id.to_string(),
                notice.state,
                notice.recipient.clone(),
            )
        })
        .collect()
}

#[tokio::test]
async fn a_notice_that_comes_back_goes_to_the_next_address_and_then_to_the_telephone() {
    let mut desk = desk_with(Some(SECOND)).await;
    desk.told(&verify(DOMAIN, "10:00:00")).await;
    desk.now += 5.minutes();
    let bounce = desk.came_back("N-1").await;
    assert_eq!(desk.verdict(bounce).await, Applied);
    assert_eq!(desk.codes(bounce).await, ["W52"]);
    let entry = desk.entry(bounce).await;
    assert_eq!(entry.source, "dsn");
    assert_eq!(entry.notice.unwrap().1, NoticeState::Bounced);
    let decision = entry.decision.unwrap();
    assert_eq!(decision.kind.as_deref(), Some("bounce"));
    assert_eq!(decision.route.as_deref(), Some("bounces"));
    assert_eq!(decision.ace.as_deref(), Some(DOMAIN));

    let notices = desk.notices().await;
    assert_eq!(
        brief(&notices),
        [
            ("N-1".to_owned(), NoticeState::Bounced, FIRST.to_owned()),
            ("N-2".to_owned(), NoticeState::Queued, SECOND.to_owned()),
        ]
    );
    let (first, second) = (&notices[0].notice, &notices[1].notice);
    assert_eq!(second.kind, NoticeKind::VerificationRequired);
    assert_ne!(first.code, second.code);
    assert_ne!(first.message_id, second.message_id);
    assert_eq!(second.items.len(), 1);
    assert_eq!(
        first.items[0].dedelegation_at,
        second.items[0].dedelegation_at
    );
    assert!(desk.calls().await.is_empty());
    let reports = desk.store.reports(Some(first.id), None).await.unwrap();
    assert_eq!(reports.len(), 1);
    assert_eq!(
        reports[0].recipient.diagnostic.as_deref(),
        Some("550 5.1.1 no")
    );
    let audit = desk
        .store
        .audit_list(&AuditFilter::default())
        .await
        .unwrap();
    let actions: Vec<_> = audit
        .iter()
        .map(|link| link.entry.action.as_str())
        .collect();
    assert_eq!(actions, ["notice bounced", "notice again"]);

    // The second address does not work either: somebody has to telephone.
    desk.now += 20.minutes();
    desk.send_all().await;
    desk.plan().await;
    desk.came_back("N-2").await;
    assert_eq!(desk.notices().await.len(), 2);
    assert_eq!(desk.calls().await, [format!("bounced:{FIRST}")]);
    // Nobody who tells the customer's address by its form: the call names the customer alone.
    let call = &desk.store.tasks(None).await.unwrap()[0];
    assert!(!call.text.contains('@'), "{}", call.text);
}

#[tokio::test]
async fn without_another_address_somebody_has_to_telephone() {
    for second in [None, Some(""), Some(FIRST), Some("KUNDE@example.net")] {
        let desk = desk_with(second).await;
        desk.told(&verify(DOMAIN, "10:00:00")).await;
        desk.came_back("N-1").await;
        assert_eq!(desk.notices().await.len(), 1, "{second:?}");
        assert_eq!(desk.notice("N-1").await.notice.state, NoticeState::Bounced);
    }
    let desk = desk_with(None).await;
    desk.told(&verify(DOMAIN, "10:00:00")).await;
    desk.came_back("N-1").await;
    assert_eq!(desk.calls().await, [format!("bounced:{FIRST}")]);
}

#[tokio::test]
async fn an_address_under_a_domain_that_is_off_the_net_is_no_next_address() {
    let desk = desk_with(Some("kunde@segelschule-bodden.de")).await;
    desk.told(&hold(DOMAIN)).await;
    assert_eq!(desk.notice("N-1").await.notice.recipient, FIRST);
    desk.came_back("N-1").await;
    assert_eq!(desk.notices().await.len(), 1);
    assert_eq!(desk.calls().await.len(), 1);
}

#[tokio::test]
async fn the_same_report_again_and_a_late_one_change_nothing() {
    let mut desk = desk_with(Some(SECOND)).await;
    desk.told(&verify(DOMAIN, "10:00:00")).await;
    desk.came_back("N-1").await;
    let before = desk.world(None).await;
    for (action, status) in [
        ("failed", "5.1.1"),
        ("failed", "4.4.7"),
        ("delayed", "4.4.1"),
        ("delivered", "2.0.0"),
    ] {
        desk.now += 1.minute();
        let id = desk
            .answered(&desk.address("N-1"), &report(action, status))
            .await;
        assert_eq!(desk.verdict(id).await, Unchanged, "{action}");
        assert_eq!(desk.codes(id).await, ["W55"]);
        desk.is_still(None, &before).await;
    }
    // Processed once more by hand, the first report does nothing new either.
    let first = InboundId(2);
    desk.again(first, false).await;
    desk.plan().await;
    assert_eq!(desk.verdict(first).await, Applied);
    desk.is_still(None, &before).await;
}

#[tokio::test]
async fn two_reports_in_one_batch_count_once() {
    let desk = desk_with(Some(SECOND)).await;
    desk.told(&verify(DOMAIN, "10:00:00")).await;
    let to = desk.address("N-1");
    let first = desk.keep_answer(&to, &report("failed", "5.1.1")).await;
    let second = desk.keep_answer(&to, &report("failed", "5.1.1")).await;
    let third = desk.keep_answer(&to, &report("delayed", "4.4.1")).await;
    desk.work().await;
    desk.plan().await;
    assert_eq!(desk.verdict(first).await, Applied);
    assert_eq!(desk.verdict(second).await, Unchanged);
    assert_eq!(desk.verdict(third).await, Unchanged);
    assert_eq!(desk.notices().await.len(), 2);
}

#[tokio::test]
async fn a_late_mail_is_late_until_it_comes_back_and_is_not_sent_again() {
    let mut desk = desk_with(Some(SECOND)).await;
    desk.told(&verify(DOMAIN, "10:00:00")).await;
    let late = desk
        .answered(&desk.address("N-1"), &report("delayed", "4.4.1"))
        .await;
    assert_eq!(desk.verdict(late).await, Applied);
    assert_eq!(desk.codes(late).await, ["W54"]);
    assert_eq!(desk.notice("N-1").await.notice.state, NoticeState::Delayed);
    assert_eq!(desk.notices().await.len(), 1);
    // It has left: nothing of ours is due.
    desk.now += 2.hours();
    let lease = std::time::Duration::from_secs(60);
    assert!(
        desk.store
            .claim_notices(desk.now, 9, lease)
            .await
            .unwrap()
            .is_empty()
    );
    desk.came_back("N-1").await;
    assert_eq!(desk.notice("N-1").await.notice.state, NoticeState::Bounced);
    assert_eq!(desk.notices().await.len(), 2);
}

#[tokio::test]
async fn a_late_mail_that_arrives_is_late_no_more() {
    let desk = desk_with(Some(SECOND)).await;
    desk.told(&verify(DOMAIN, "10:00:00")).await;
    let to = desk.address("N-1");
    desk.answered(&to, &report("delayed", "4.4.1")).await;
    let arrived = desk.answered(&to, &report("delivered", "2.0.0")).await;
    assert_eq!(desk.verdict(arrived).await, Applied);
    assert_eq!(desk.notice("N-1").await.notice.state, NoticeState::Sent);
    assert_eq!(desk.notices().await.len(), 1);
}

#[tokio::test]
async fn what_came_back_of_a_case_that_has_ended_makes_no_mail_and_no_call() {
    let desk = desk_with(Some(SECOND)).await;
    desk.told(&verify(DOMAIN, "10:00:00")).await;
    desk.told(&resolved(DOMAIN)).await;
    let before = desk.notices().await.len();
    let id = desk.came_back("N-1").await;
    assert_eq!(desk.verdict(id).await, Applied);
    assert_eq!(desk.notice("N-1").await.notice.state, NoticeState::Bounced);
    assert_eq!(desk.notices().await.len(), before);
    assert!(desk.calls().await.is_empty());
}

#[tokio::test]
async fn domains_that_were_in_one_mail_are_in_one_mail_again_and_those_that_ended_are_left_out() {
    for coalesce in ["15m", "0s"] {
        let mut desk = Desk::with(&[BOUNCE_DOMAIN]).await.stock().await;
        desk.customer("K-1", FIRST, Some(SECOND)).await;
        desk.rules.policy.bounce_key = Some(process::bounce_key(&desk.store).await.unwrap());
        desk.live(&verify(DOMAIN, "10:00:00")).await;
        desk.live(&verify("holzspielzeug-nord.de", "10:00:01"))
            .await;
        desk.live(&verify("tuchmacherei-jena.de", "10:00:02")).await;
        desk.send_all().await;
        assert_eq!(desk.notices().await.len(), 1);
        desk.now += 1.hour();
        desk.live(&resolved("holzspielzeug-nord.de")).await;
        desk.send_all().await;
        let before = desk.notices().await.len();
        if coalesce == "0s" {
            desk.rules.telling.coalesce = jiff::SignedDuration::ZERO;
        }
        desk.came_back("N-1").await;
        let notices = desk.notices().await;
        assert_eq!(notices.len(), before + 1, "{coalesce}");
        let again = &notices.last().unwrap().notice;
        assert_eq!(again.recipient, SECOND);
        let domains: Vec<_> = again.items.iter().map(|item| item.domain.ace()).collect();
        assert_eq!(domains, [DOMAIN, "tuchmacherei-jena.de"]);
    }
}

#[tokio::test]
async fn what_no_notice_has_signed_is_recorded_and_changes_nothing() {
    let desk = desk_with(Some(SECOND)).await;
    desk.told(&verify(DOMAIN, "10:00:00")).await;
    let before = desk.world(None).await;
    let signed = desk.address("N-1");
    let (local, _) = signed.split_once('@').unwrap();
    let other = desk.address("N-2").replace("bounce+N2", "bounce+N1");
    for to in [
        "bounce+N1@bounce.registrar.example".to_owned(),
        "bounce+N1.aaaaaaaaaaaaaaaa@bounce.registrar.example".to_owned(),
        "anybody@bounce.registrar.example".to_owned(),
        "postmaster@bounce.registrar.example".to_owned(),
        other,
    ] {
        let id = desk.answered(&to, &report("failed", "5.1.1")).await;
        assert_eq!(desk.verdict(id).await, Refused, "{to}");
        assert_eq!(desk.codes(id).await, ["R44"], "{to}");
        desk.is_still(None, &before).await;
    }
    // The right name under the wrong domain belongs to no route; two notices in one mail to none.
    let id = desk
        .answered(&format!("{local}@example.org"), &report("failed", "5.1.1"))
        .await;
    assert_eq!(desk.verdict(id).await, Held);
    desk.is_still(None, &before).await;
    let both = [signed.as_str(), &desk.address("N-2")].map(str::to_owned);
    let inbound = Inbound {
        source: Source::Dsn,
        ..desk.inbound(
            "",
            &both.each_ref().map(String::as_str),
            &report("failed", "5.1.1"),
        )
    };
    let id = desk.keep(inbound).await;
    desk.work().await;
    assert_eq!(desk.verdict(id).await, Refused);
    desk.is_still(None, &before).await;
    assert!(desk.alarms().await.is_empty());
}

#[tokio::test]
async fn mail_servers_may_fold_the_case_of_the_address() {
    for change in [str::to_ascii_lowercase, str::to_ascii_uppercase] {
        let desk = desk_with(None).await;
        desk.told(&verify(DOMAIN, "10:00:00")).await;
        let to = change(&desk.address("N-1"));
        let id = desk.answered(&to, &report("failed", "5.1.1")).await;
        assert_eq!(desk.verdict(id).await, Applied, "{to}");
    }
}

#[tokio::test]
async fn an_automatic_answer_is_no_report_and_a_persons_words_wait_for_a_person() {
    let desk = desk_with(Some(SECOND)).await;
    desk.told(&verify(DOMAIN, "10:00:00")).await;
    let before = desk.world(None).await;
    let answer = "From: kunde@example.net\r\nSubject: Abwesenheitsnotiz\r\n\
        Auto-Submitted: auto-replied\r\n\r\nIch bin im Urlaub. Ihre Mail wird nicht zugestellt.\r\n";
    let id = desk.answered(&desk.address("N-1"), answer.as_bytes()).await;
    assert_eq!(desk.verdict(id).await, Unchanged);
    assert_eq!(desk.codes(id).await, ["W56"]);
    desk.is_still(None, &before).await;
    let words = "From: kunde@example.net\r\nSubject: Re: Frage\r\n\r\nIst alles angekommen?\r\n";
    let id = desk.answered(&desk.address("N-1"), words.as_bytes()).await;
    assert_eq!(desk.verdict(id).await, Held);
    assert_eq!(desk.codes(id).await, ["R43"]);
    desk.is_still(None, &before).await;
    // A notice of ours that comes round starts nothing.
    let ours = "From: domains@registrar.example\r\nSubject: x\r\nX-Stichtag-Notice: N-1\r\n\
        Auto-Submitted: auto-generated\r\n\r\nGuten Tag\r\n";
    desk.answered(&desk.address("N-1"), ours.as_bytes()).await;
    desk.is_still(None, &before).await;
}

#[tokio::test]
async fn a_report_overtakes_the_note_that_the_mail_left() {
    let mut desk = desk_with(Some(SECOND)).await;
    desk.live(&verify(DOMAIN, "10:00:00")).await;
    desk.now += 1.hour();
    let lease = std::time::Duration::from_secs(60);
    let claimed = desk.store.claim_notices(desk.now, 9, lease).await.unwrap();
    desk.store.fix_notice(claimed[0].id, b"x", 1).await.unwrap();
    // The smarthost is quick: its report is here before its 250 is written down.
    let bounce = desk.came_back("N-1").await;
    assert_eq!(desk.verdict(bounce).await, Applied);
    let sent = Delivery::Sent {
        at: desk.now,
        reply: "250 taken".to_owned(),
    };
    desk.store
        .settle_notice(claimed[0].id, &sent, None)
        .await
        .unwrap();
    let notice = desk.notice("N-1").await.notice;
    assert_eq!(notice.state, NoticeState::Bounced);
    assert_eq!(notice.sent_at, Some(desk.now));
    desk.plan().await;
    assert_eq!(desk.notices().await.len(), 2);
}

#[tokio::test]
async fn a_notice_that_the_smarthost_refuses_goes_the_same_way() {
    let mut desk = desk_with(Some(SECOND)).await;
    desk.live(&verify(DOMAIN, "10:00:00")).await;
    desk.now += 1.hour();
    let lease = std::time::Duration::from_secs(60);
    let claimed = desk.store.claim_notices(desk.now, 9, lease).await.unwrap();
    desk.store.fix_notice(claimed[0].id, b"x", 1).await.unwrap();
    let failed = Delivery::Failed {
        reply: "550 5.1.1 no such user".to_owned(),
    };
    desk.store
        .settle_notice(claimed[0].id, &failed, None)
        .await
        .unwrap();
    desk.plan().await;
    let notices = desk.notices().await;
    assert_eq!(
        brief(&notices),
        [
            ("N-1".to_owned(), NoticeState::Failed, FIRST.to_owned()),
            ("N-2".to_owned(), NoticeState::Queued, SECOND.to_owned()),
        ]
    );
    // Once the next address has it, nothing is left to be done about the first.
    assert_eq!(desk.store.figures().await.unwrap().notices_failed, 0);
}

#[tokio::test]
async fn a_report_that_comes_while_the_case_is_thought_of_is_not_overlooked() {
    let mut desk = desk_with(Some(SECOND)).await;
    desk.told(&verify(DOMAIN, "10:00:00")).await;
    desk.store.plan_again().await.unwrap();
    let lease = std::time::Duration::from_secs(60);
    let seen = desk.store.claim_plans(desk.now, 9, lease).await.unwrap();
    let to = desk.address("N-1");
    desk.keep_answer(&to, &report("failed", "5.1.1")).await;
    desk.work().await;
    // What was thought of before the report is written only now.
    let thought = PlanChange {
        clears: Vec::new(),
        case: seen.cases[0].id,
        state: seen.cases[0].state,
        version: seen.cases[0].record.version,
        notices: Vec::new(),
        tasks: Vec::new(),
        at: desk.now,
        again: None,
        commands: Vec::new(),
        next_at: None,
    };
    desk.store.commit_plans(&[thought]).await.unwrap();
    desk.now += 1.minute();
    desk.plan().await;
    assert_eq!(desk.notices().await.len(), 2);
}

#[tokio::test]
async fn a_new_address_is_written_to_at_once_after_all_others_failed() {
    let desk = desk_with(None).await;
    desk.told(&verify(DOMAIN, "10:00:00")).await;
    desk.came_back("N-1").await;
    assert_eq!(desk.calls().await.len(), 1);
    assert_eq!(desk.store.figures().await.unwrap().notices_failed, 1);
    desk.customer("K-1", "neu@example.org", None).await;
    desk.plan().await;
    let notices = desk.notices().await;
    assert_eq!(notices.last().unwrap().notice.recipient, "neu@example.org");
}

#[tokio::test]
async fn a_notice_that_is_sent_again_by_hand_is_not_back_yet() {
    let desk = desk_with(None).await;
    desk.told(&verify(DOMAIN, "10:00:00")).await;
    desk.came_back("N-1").await;
    let id: NoticeId = "N-1".parse().unwrap();
    desk.store
        .requeue_notice(id, desk.now, &desk.audit())
        .await
        .unwrap();
    // A straggler from the first time does not end the second before it began.
    let late = desk.came_back("N-1").await;
    assert_eq!(desk.verdict(late).await, Unchanged);
    assert_eq!(desk.notice("N-1").await.notice.state, NoticeState::Queued);
    desk.send_all().await;
    assert_eq!(desk.notice("N-1").await.notice.state, NoticeState::Sent);
}

#[tokio::test]
async fn a_report_about_a_notice_that_is_not_there_is_noted() {
    let desk = desk_with(None).await;
    let id = desk.came_back("N-999").await;
    assert_eq!(desk.verdict(id).await, Unchanged);
    assert_eq!(desk.codes(id).await, ["W57"]);
}

#[tokio::test]
async fn every_process_of_a_store_has_the_same_key() {
    let desk = desk_with(None).await;
    let other = stichtag::store::SqliteStore::open(&super::desk::url(&desk.folder))
        .await
        .unwrap();
    let key = process::bounce_key(&other).await.unwrap();
    assert_eq!(Some(&key), desk.rules.policy.bounce_key.as_ref());
    let elsewhere = desk_with(None).await;
    assert_ne!(
        desk.rules.policy.bounce_key,
        elsewhere.rules.policy.bounce_key
    );
}

#[tokio::test]
async fn later_news_does_not_go_to_the_address_that_mail_came_back_from() {
    let mut desk = desk_with(Some(SECOND)).await;
    desk.told(&verify(DOMAIN, "10:00:00")).await;
    desk.came_back("N-1").await;
    desk.send_all().await;
    desk.now += 1.hour();
    let lines = [CONNECT, &dedelegation("2026-07-04T08:30:00+02:00")];
    let date = "Sat, 09 May 2026 11:00:00 +0200";
    desk.told(&mail(DOMAIN, date, &["DENIC-1000888-A"], &lines))
        .await;
    desk.now += 1.hour();
    desk.told(&hold(DOMAIN)).await;
    desk.now += 1.hour();
    desk.told(&resolved(DOMAIN)).await;
    let notices = desk.notices().await;
    let to: Vec<_> = (notices.iter())
        .map(|entry| (entry.notice.kind, entry.notice.recipient.as_str()))
        .collect();
    assert_eq!(
        to,
        [
            (NoticeKind::VerificationRequired, FIRST),
            (NoticeKind::VerificationRequired, SECOND),
            (NoticeKind::VerificationRequired, SECOND),
            (NoticeKind::OnHold, SECOND),
            (NoticeKind::Resolved, SECOND),
        ]
    );
}

#[tokio::test]
async fn what_waits_goes_to_the_corrected_address() {
    let desk = desk_with(Some(SECOND)).await;
    desk.live(&verify(DOMAIN, "10:00:00")).await;
    desk.plan().await;
    let to = async || desk.notice("N-1").await.notice.recipient;
    assert_eq!(to().await, FIRST);
    desk.customer("K-1", "neu@example.org", Some(SECOND)).await;
    desk.plan().await;
    assert_eq!(to().await, "neu@example.org");
    // An address that only moved to another place is still the customer's.
    desk.customer("K-1", SECOND, Some("neu@example.org")).await;
    assert_eq!(to().await, "neu@example.org");
    // One that may have left stays as it is.
    let lease = std::time::Duration::from_secs(60);
    let later = desk.now + 1.hour();
    let claimed = desk.store.claim_notices(later, 9, lease).await.unwrap();
    (desk.store.fix_notice(claimed[0].id, b"x", 1).await).unwrap();
    desk.customer("K-1", FIRST, None).await;
    desk.plan().await;
    assert_eq!(to().await, "neu@example.org");
    assert_eq!(desk.notices().await.len(), 1);
}
