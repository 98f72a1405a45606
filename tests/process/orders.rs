//! Orders and answers: a test for each rule of `hspcomplete.md` that holds inside, by its number.

use jiff::{SignedDuration, Timestamp};
use stichtag::model::request::{Delegation, DomainData, RegistryRequest};
use stichtag::model::{
    Account, ActionEntry, ActionId, CustomerId, Environment, InboundId, Lifecycle, NoticeKind,
    Order, OrderState, Purpose, RegistryStatus, RequestOutcome, RequestState, SentRequest, Waits,
};
use stichtag::process::ordering::{self, OrderError, Step, Ways, Wish};
use stichtag::store::{
    ActionFilter, AuditEntry, MessageVerdict, Ordering, RequestDelivery, RequestFilter, Store,
};

use super::desk::{CONNECT, Desk, LIVE, TEST, TO_LIVE, TO_TEST, at, mail};

const DOMAIN: &str = "drachenbau-elbe.de";
const NEW: &str = "neuland-bodden.de";
const HOLDER: &str = "DENIC-1000888-A";

/// What HSPcomplete's plug-in had.
const MAIL: Ways = Ways {
    writes_by_mail: true,
    has_rri: false,
};

fn data() -> DomainData {
    DomainData {
        holders: vec![HOLDER.parse().unwrap()],
        general_request: None,
        abuse_contact: None,
        delegation: Delegation::Servers(vec![
            "ns1.registrar.example".parse().unwrap(),
            "ns2.registrar.example".parse().unwrap(),
        ]),
        dnskeys: Vec::new(),
    }
}

fn register(domain: &str) -> RegistryRequest {
    RegistryRequest::DomainCreate {
        domain: domain.parse().unwrap(),
        data: data(),
    }
}

fn transfer(domain: &str) -> RegistryRequest {
    RegistryRequest::DomainChprov {
        domain: domain.parse().unwrap(),
        data: data(),
        auth_info: "Kp7mQ2xY9a".parse().unwrap(),
    }
}

fn update(domain: &str) -> RegistryRequest {
    RegistryRequest::DomainUpdate {
        domain: domain.parse().unwrap(),
        data: data(),
    }
}

fn delete(domain: &str) -> RegistryRequest {
    RegistryRequest::DomainDelete {
        domain: domain.parse().unwrap(),
        holders: Vec::new(),
    }
}

fn wish(key: &str, account: Account, request: RegistryRequest) -> Wish {
    Wish {
        key: key.to_owned(),
        environment: LIVE,
        account,
        customer: Some(CustomerId("K-1".to_owned())),
        request: request.into(),
        ways: MAIL,
    }
}

fn audit(desk: &Desk) -> AuditEntry {
    AuditEntry {
        at: desk.now,
        ..desk.audit()
    }
}

async fn begun() -> Desk {
    let mut desk = Desk::stocked().await;
    desk.now = at("2026-05-05T10:00:00+02:00");
    desk
}

async fn place(desk: &Desk, wish: &Wish) -> Order {
    let placed = ordering::place(&desk.store, wish, &audit(desk)).await;
    placed.unwrap().order
}

async fn provider(desk: &Desk, request: RegistryRequest) -> Order {
    let key = format!("{request:?}");
    place(desk, &wish(&key, Account::Provider, request)).await
}

async fn requests(desk: &Desk) -> Vec<SentRequest> {
    desk.store
        .requests(&RequestFilter::default())
        .await
        .unwrap()
}

async fn actions(desk: &Desk) -> Vec<(ActionId, ActionEntry)> {
    desk.store.actions(&ActionFilter::default()).await.unwrap()
}

async fn order(desk: &Desk, order: &Order) -> Order {
    desk.store.order(order.id).await.unwrap().unwrap()
}

async fn lifecycle(desk: &Desk, domain: &str) -> Lifecycle {
    desk.record(LIVE, domain).await.lifecycle
}

/// As the sender does; how many left.
async fn send(desk: &Desk, environment: Environment) -> usize {
    let lease = std::time::Duration::from_secs(60);
    let claimed = desk
        .store
        .claim_requests(environment, &[Purpose::Order], desk.now, 50, lease)
        .await
        .unwrap();
    for request in &claimed {
        assert!(
            desk.store
                .fix_request(request.id, "mail", b"signed", desk.now)
                .await
                .unwrap()
        );
        let sent = RequestDelivery::Sent {
            at: desk.now,
            reply: "250 taken".to_owned(),
        };
        (desk
            .store
            .settle_request(request.id, "mail", &sent, None)
            .await)
            .unwrap();
    }
    claimed.len()
}

/// A mail that answers.
fn answer(status: &str, ticket: &str, domain: &str, date: &str, lines: &[&str]) -> Vec<u8> {
    let text = String::from_utf8(mail(domain, date, &[], &[])).unwrap();
    let text = text
        .replace("STATUS: success", &format!("STATUS: {status}"))
        .replace("TICKET:", &format!("TICKET: {ticket}"))
        .replace("DOMAIN STATUS UPDATE", "ANSWER");
    (text + &lines.join("\r\n") + "\r\n").into_bytes()
}

const SOON: &str = "Tue, 05 May 2026 10:30:00 +0200";
const LATER: &str = "Tue, 05 May 2026 11:30:00 +0200";
const MISSING: &str = "ERROR: 53000060009 At least one Contact does not exist";

async fn ticket(desk: &Desk) -> String {
    requests(desk).await.last().unwrap().ctid.0.clone()
}

#[tokio::test]
async fn hs_01_03_04_a_provider_s_order_goes_at_once_and_says_nothing_of_the_outcome() {
    let desk = begun().await;
    let placed = provider(&desk, register(NEW)).await;
    assert_eq!((placed.state, placed.waits), (OrderState::Requested, None));
    let waiting = &requests(&desk).await[0];
    assert_eq!(
        (waiting.state, waiting.sent_at),
        (RequestState::Queued, None)
    );
    assert_eq!(send(&desk, LIVE).await, 1);
    let sent = &requests(&desk).await[0];
    assert_eq!(sent.state, RequestState::Sent);
    assert_eq!(sent.sent_at, Some(desk.now));
    assert_eq!((sent.outcome, sent.answered_at), (None, None));
    assert_eq!(lifecycle(&desk, NEW).await, Lifecycle::Registering);
    assert_eq!(desk.record(LIVE, NEW).await.status(), None);
}

#[tokio::test]
async fn hs_05_the_confirming_mail_makes_it_registered() {
    // By our reference, or by a mail about the domain alone.
    for has_ticket in [true, false] {
        let desk = begun().await;
        let placed = provider(&desk, register(NEW)).await;
        send(&desk, LIVE).await;
        let raw = match has_ticket {
            true => answer("success", &ticket(&desk).await, NEW, SOON, &[]),
            false => mail(NEW, SOON, &[HOLDER], &[CONNECT]),
        };
        let id = desk.live(&raw).await;
        assert_eq!(desk.verdict(id).await, MessageVerdict::Applied);
        assert_eq!(lifecycle(&desk, NEW).await, Lifecycle::Registered);
        let answered = &requests(&desk).await[0];
        assert_eq!(answered.state, RequestState::Answered);
        assert_eq!(answered.outcome, Some(RequestOutcome::Success));
        assert_eq!(answered.message, Some(id));
        assert_eq!(order(&desk, &placed).await.state, OrderState::Done);
        assert!(actions(&desk).await.is_empty());
    }
}

#[tokio::test]
async fn hs_06_07_a_customer_s_order_waits_for_its_payment_however_long() {
    let mut desk = begun().await;
    let placed = place(&desk, &wish("shop-1", Account::Customer, register(NEW))).await;
    assert_eq!(placed.waits, Some(Waits::Payment));
    assert_eq!(lifecycle(&desk, NEW).await, Lifecycle::Ordered);
    desk.now += SignedDuration::from_hours(24 * 400);
    assert_eq!(send(&desk, LIVE).await, 0);
    let step = ordering::pay(&desk.store, placed.id, "bill-7", &audit(&desk)).await;
    assert_eq!(step.unwrap(), Step::Done);
    assert_eq!(send(&desk, LIVE).await, 1);
    assert_eq!(lifecycle(&desk, NEW).await, Lifecycle::Registering);
    let paid = order(&desk, &placed).await;
    assert_eq!(paid.payment.as_deref(), Some("bill-7"));
    assert_eq!(paid.paid_at, Some(desk.now));
    assert_eq!(desk.record(LIVE, NEW).await.customer, paid.customer);
}

#[tokio::test]
async fn hs_08_35_an_error_is_a_state_and_one_entry_with_every_reason_and_the_raw_answer() {
    let desk = begun().await;
    let placed = provider(&desk, register(NEW)).await;
    send(&desk, LIVE).await;
    let second = "ERROR: 53300102912 Nameserver error [ERROR: 901 Unexpected RCODE (1)]";
    let raw = answer(
        "failed",
        &ticket(&desk).await,
        NEW,
        SOON,
        &[MISSING, second],
    );
    let id = desk.live(&raw).await;
    assert_eq!(lifecycle(&desk, NEW).await, Lifecycle::Error);
    assert_eq!(order(&desk, &placed).await.state, OrderState::Failed);
    let actions = actions(&desk).await;
    assert_eq!(actions.len(), 1);
    let entry = &actions[0].1;
    assert_eq!(entry.codes, ["53000060009", "53300102912"]);
    assert!(
        entry.text.contains("At least one Contact does not exist"),
        "{entry:?}"
    );
    assert!(entry.text.contains("901 Unexpected RCODE"), "{entry:?}");
    assert_eq!(entry.message, Some(id));
    assert!(!entry.advice.is_empty());
    assert_eq!(desk.store.kept(id).await.unwrap().unwrap().raw, raw);
}

#[tokio::test]
async fn hs_09_10_a_transfer_goes_at_once_and_ends_with_the_confirming_mail() {
    let desk = begun().await;
    provider(&desk, transfer(NEW)).await;
    assert_eq!(lifecycle(&desk, NEW).await, Lifecycle::Transferring);
    assert_eq!(send(&desk, LIVE).await, 1);
    desk.live(&mail(NEW, SOON, &[HOLDER], &[CONNECT])).await;
    assert_eq!(lifecycle(&desk, NEW).await, Lifecycle::Registered);
}

#[tokio::test]
async fn hs_11_a_customer_s_transfer_waits_for_its_payment() {
    let desk = begun().await;
    let placed = place(&desk, &wish("shop-2", Account::Customer, transfer(NEW))).await;
    assert_eq!(send(&desk, LIVE).await, 0);
    ordering::pay(&desk.store, placed.id, "", &audit(&desk))
        .await
        .unwrap();
    assert_eq!(lifecycle(&desk, NEW).await, Lifecycle::Transferring);
    assert_eq!(send(&desk, LIVE).await, 1);
    // The customer hears that the domain has come.
    desk.live(&mail(NEW, SOON, &[HOLDER], &[CONNECT])).await;
    let notices = desk.notices().await;
    let kinds: Vec<_> = notices.iter().map(|entry| entry.notice.kind).collect();
    assert_eq!(kinds, [NoticeKind::Transfer]);
}

#[tokio::test]
async fn hs_12_a_transfer_with_errors_is_an_error_with_an_entry() {
    let desk = begun().await;
    provider(&desk, transfer(NEW)).await;
    send(&desk, LIVE).await;
    desk.live(&answer(
        "failed",
        &ticket(&desk).await,
        NEW,
        SOON,
        &[MISSING],
    ))
    .await;
    assert_eq!(lifecycle(&desk, NEW).await, Lifecycle::Error);
    assert_eq!(actions(&desk).await.len(), 1);
}

#[tokio::test]
async fn hs_12_the_same_for_a_domain_that_was_with_us_and_moved_away() {
    let mut desk = begun().await;
    let gone = desk
        .queue(
            Some(LIVE),
            b"RESULT: success\nSTID: 1\nmsgcnt: 1\nmsgtime: 2026-05-04T09:00:00+02:00\n\
              msgid: 1f3c9a10-7d42-4b11-8a55-90d1c2b3a405\nmsgtype: chprovAuthInfo\n\
              domain: drachenbau-elbe.de\ndomain-ace: drachenbau-elbe.de\nnew: X\nold: Y\n",
        )
        .await;
    assert_eq!(desk.verdict(gone).await, MessageVerdict::Applied);
    assert_eq!(lifecycle(&desk, DOMAIN).await, Lifecycle::Moved);
    desk.now = at("2026-05-05T10:05:00+02:00");
    provider(&desk, transfer(DOMAIN)).await;
    assert_eq!(lifecycle(&desk, DOMAIN).await, Lifecycle::Transferring);
    send(&desk, LIVE).await;
    desk.live(&answer(
        "failed",
        &ticket(&desk).await,
        DOMAIN,
        SOON,
        &[MISSING],
    ))
    .await;
    assert_eq!(lifecycle(&desk, DOMAIN).await, Lifecycle::Error);
}

#[tokio::test]
async fn hs_13_name_servers_of_a_registered_domain_are_changed_with_a_marker_beside_it() {
    let desk = begun().await;
    desk.live(&mail(
        DOMAIN,
        "Mon, 04 May 2026 10:00:00 +0200",
        &[HOLDER],
        &[CONNECT],
    ))
    .await;
    provider(&desk, update(DOMAIN)).await;
    assert_eq!(lifecycle(&desk, DOMAIN).await, Lifecycle::Registered);
    send(&desk, LIVE).await;
    // News of the state says nothing about the change.
    desk.live(&mail(DOMAIN, SOON, &[HOLDER], &[CONNECT])).await;
    assert_eq!(requests(&desk).await[0].state, RequestState::Sent);
    desk.live(&answer("success", &ticket(&desk).await, DOMAIN, LATER, &[]))
        .await;
    assert_eq!(requests(&desk).await[0].state, RequestState::Answered);
    assert_eq!(lifecycle(&desk, DOMAIN).await, Lifecycle::Registered);
    assert_eq!(
        desk.record(LIVE, DOMAIN).await.status(),
        Some(&RegistryStatus::Connect)
    );
}

#[tokio::test]
async fn hs_20_the_same_confirmation_twice_changes_nothing() {
    let desk = begun().await;
    provider(&desk, register(NEW)).await;
    send(&desk, LIVE).await;
    let ticket = ticket(&desk).await;
    desk.live(&answer("success", &ticket, NEW, SOON, &[])).await;
    let before = desk.world(None).await;
    let again = desk
        .live(&answer("success", &ticket, NEW, LATER, &[]))
        .await;
    assert_eq!(desk.verdict(again).await, MessageVerdict::Unchanged);
    assert_eq!(desk.world(None).await, before);
}

#[tokio::test]
async fn hs_21_a_confirmation_after_an_error_counts_and_is_called_late() {
    let desk = begun().await;
    let placed = provider(&desk, register(NEW)).await;
    send(&desk, LIVE).await;
    let ticket = ticket(&desk).await;
    desk.live(&answer("failed", &ticket, NEW, SOON, &[MISSING]))
        .await;
    desk.live(&answer("success", &ticket, NEW, LATER, &[]))
        .await;
    assert_eq!(lifecycle(&desk, NEW).await, Lifecycle::Registered);
    assert_eq!(order(&desk, &placed).await.state, OrderState::Done);
    let actions = actions(&desk).await;
    assert!(actions[1].1.text.contains("late"), "{actions:?}");
}

#[tokio::test]
async fn hs_22_an_error_after_the_confirmation_takes_nothing_back_and_is_told() {
    let desk = begun().await;
    let placed = provider(&desk, register(NEW)).await;
    send(&desk, LIVE).await;
    let ticket = ticket(&desk).await;
    desk.live(&answer("success", &ticket, NEW, SOON, &[])).await;
    desk.live(&answer("failed", &ticket, NEW, LATER, &[MISSING]))
        .await;
    assert_eq!(lifecycle(&desk, NEW).await, Lifecycle::Registered);
    assert_eq!(order(&desk, &placed).await.state, OrderState::Done);
    assert_eq!(actions(&desk).await.len(), 1);
}

#[tokio::test]
async fn hs_23_a_confirmation_of_what_nobody_asked_for_is_held_and_makes_nothing() {
    for domains in ["hold", "create"] {
        let desk = Desk::with(&[("STICHTAG_DOMAINS__UNKNOWN_DOMAIN", domains)]).await;
        let raw = answer("success", "st-unknown", NEW, SOON, &[]);
        let id = desk.live(&raw).await;
        assert_eq!(desk.verdict(id).await, MessageVerdict::Held, "{domains}");
        let known = desk.store.domains(None, Some(NEW)).await.unwrap();
        assert!(known.is_empty(), "{domains}");
    }
}

#[tokio::test]
async fn hs_24_an_answer_of_the_test_system_to_a_live_request_is_refused_whatever_it_says() {
    let desk = begun().await;
    provider(&desk, register(NEW)).await;
    desk.domain(TEST, NEW, Some("K-1"), "").await;
    send(&desk, LIVE).await;
    let ticket = ticket(&desk).await;
    for (status, lines) in [("success", vec![]), ("failed", vec![MISSING])] {
        let raw = String::from_utf8(answer(status, &ticket, NEW, SOON, &lines)).unwrap();
        let raw = raw
            .replace(
                "registry-response@denic.de",
                "registry-response@test.denic.de",
            )
            .replace(TO_LIVE, TO_TEST)
            .replace("ANSWER", "ANSWER TEST");
        let before = desk.record(LIVE, NEW).await;
        let id = desk
            .smtp("registry-response@test.denic.de", TO_TEST, raw.as_bytes())
            .await;
        assert_eq!(desk.verdict(id).await, MessageVerdict::Refused, "{status}");
        assert_eq!(desk.record(LIVE, NEW).await, before);
        assert_eq!(requests(&desk).await[0].state, RequestState::Sent);
    }
    assert_eq!(desk.alarms().await, ["R45"]);
}

#[tokio::test]
async fn hs_25_an_order_placed_or_paid_twice_is_one_request() {
    let desk = begun().await;
    let wish = wish("shop-1", Account::Customer, register(NEW));
    let one = place(&desk, &wish).await;
    assert_eq!(place(&desk, &wish).await, one);
    let (first, second) = (audit(&desk), audit(&desk));
    let (first, second) = tokio::join!(
        ordering::pay(&desk.store, one.id, "a", &first),
        ordering::pay(&desk.store, one.id, "a", &second)
    );
    let steps = [first.unwrap(), second.unwrap()];
    assert!(
        steps.contains(&Step::Done) && steps.contains(&Step::Before),
        "{steps:?}"
    );
    let again = ordering::pay(&desk.store, one.id, "b", &audit(&desk)).await;
    assert_eq!(again.unwrap(), Step::Before);
    assert_eq!(requests(&desk).await.len(), 1);
    assert_eq!(order(&desk, &one).await.payment.as_deref(), Some("a"));
    // The same key for something else is a mistake, not a repeat.
    let mut other = wish.clone();
    other.request = register("anderes-land.de").into();
    let error = ordering::place(&desk.store, &other, &audit(&desk)).await;
    assert!(
        matches!(error, Err(OrderError::KeyTaken { .. })),
        "{error:?}"
    );
}

#[tokio::test]
async fn hs_26_a_payment_withdrawn_after_the_mail_left_recalls_nothing_and_tells_a_person() {
    let desk = begun().await;
    let placed = provider(&desk, register(NEW)).await;
    send(&desk, LIVE).await;
    let step = ordering::cancel(&desk.store, placed.id, "chargeback", &audit(&desk)).await;
    assert_eq!(step.unwrap(), Step::TooLate);
    assert_eq!(requests(&desk).await[0].state, RequestState::Sent);
    assert_eq!(lifecycle(&desk, NEW).await, Lifecycle::Registering);
    assert_eq!(desk.alarms().await, ["W72"]);
    assert!(actions(&desk).await[0].1.text.contains("chargeback"));
}

#[tokio::test]
async fn hs_27_a_payment_withdrawn_before_the_mail_left_takes_the_request_out_of_the_outbox() {
    let desk = begun().await;
    let placed = provider(&desk, register(NEW)).await;
    let step = ordering::cancel(&desk.store, placed.id, "no money", &audit(&desk)).await;
    assert_eq!(step.unwrap(), Step::Done);
    assert_eq!(send(&desk, LIVE).await, 0);
    assert_eq!(requests(&desk).await[0].state, RequestState::Withdrawn);
    assert_eq!(order(&desk, &placed).await.state, OrderState::Cancelled);
    assert_eq!(lifecycle(&desk, NEW).await, Lifecycle::None);
    // The name is free for another order.
    provider(&desk, transfer(NEW)).await;
}

#[tokio::test]
async fn hs_27_what_may_have_left_is_not_taken_back() {
    let desk = begun().await;
    let placed = provider(&desk, register(NEW)).await;
    let lease = std::time::Duration::from_secs(60);
    let claimed = desk
        .store
        .claim_requests(LIVE, &[Purpose::Order], desk.now, 1, lease)
        .await
        .unwrap();
    assert!(
        desk.store
            .fix_request(claimed[0].id, "mail", b"signed", desk.now)
            .await
            .unwrap()
    );
    let step = ordering::cancel(&desk.store, placed.id, "too late", &audit(&desk)).await;
    assert_eq!(step.unwrap(), Step::TooLate);
}

#[tokio::test]
async fn hs_28_a_domain_that_is_registered_does_not_go_back_to_transferring() {
    let desk = begun().await;
    provider(&desk, transfer(NEW)).await;
    send(&desk, LIVE).await;
    let ticket = ticket(&desk).await;
    desk.live(&mail(NEW, LATER, &[HOLDER], &[CONNECT])).await;
    desk.live(&answer("success", &ticket, NEW, SOON, &[])).await;
    assert_eq!(lifecycle(&desk, NEW).await, Lifecycle::Registered);
}

#[tokio::test]
async fn hs_29_without_an_answer_it_stays_registering_is_alarmed_and_never_sent_again() {
    let mut desk = begun().await;
    provider(&desk, register(NEW)).await;
    send(&desk, LIVE).await;
    let limit = desk.now;
    desk.now += SignedDuration::from_hours(25);
    assert_eq!(
        desk.store.mark_unanswered(limit, desk.now).await.unwrap(),
        0
    );
    let limit: Timestamp = desk.now - SignedDuration::from_hours(24);
    assert_eq!(
        desk.store.mark_unanswered(limit, desk.now).await.unwrap(),
        1
    );
    assert_eq!(
        desk.store.mark_unanswered(limit, desk.now).await.unwrap(),
        0
    );
    assert_eq!(requests(&desk).await[0].state, RequestState::Unanswered);
    assert_eq!(lifecycle(&desk, NEW).await, Lifecycle::Registering);
    assert_eq!(desk.alarms().await, ["W70"]);
    assert_eq!(send(&desk, LIVE).await, 0);
    // The same order again is refused while nobody knows.
    let again = wish("again", Account::Provider, register(NEW));
    assert!(
        ordering::place(&desk.store, &again, &audit(&desk))
            .await
            .is_err()
    );
    // A late answer still counts, and ends the alarm.
    let ticket = ticket(&desk).await;
    desk.live(&answer(
        "success",
        &ticket,
        NEW,
        "Wed, 06 May 2026 12:00:00 +0200",
        &[],
    ))
    .await;
    assert_eq!(lifecycle(&desk, NEW).await, Lifecycle::Registered);
    assert!(desk.alarms().await.is_empty());
}

#[tokio::test]
async fn hs_30_name_servers_wait_until_the_registration_is_confirmed() {
    let desk = begun().await;
    provider(&desk, register(NEW)).await;
    let waiting = provider(&desk, update(NEW)).await;
    assert_eq!(waiting.waits, Some(Waits::Answer));
    assert_eq!(send(&desk, LIVE).await, 1);
    desk.live(&answer("success", &ticket(&desk).await, NEW, SOON, &[]))
        .await;
    assert_eq!(order(&desk, &waiting).await.state, OrderState::Requested);
    assert_eq!(send(&desk, LIVE).await, 1);
    assert_eq!(requests(&desk).await[1].request.action(), "UPDATE");
}

#[tokio::test]
async fn hs_33_a_cancellation_while_registering_waits_for_the_answer_then_for_a_person() {
    let desk = begun().await;
    provider(&desk, register(NEW)).await;
    send(&desk, LIVE).await;
    let cancelled = provider(&desk, delete(NEW)).await;
    assert_eq!(cancelled.waits, Some(Waits::Answer));
    let early = ordering::release(&desk.store, cancelled.id, &audit(&desk)).await;
    assert!(early.is_err());
    desk.live(&answer("success", &ticket(&desk).await, NEW, SOON, &[]))
        .await;
    assert_eq!(order(&desk, &cancelled).await.waits, Some(Waits::Operator));
    assert_eq!(desk.alarms().await, ["W74"]);
    assert_eq!(send(&desk, LIVE).await, 0);
    let step = ordering::release(&desk.store, cancelled.id, &audit(&desk)).await;
    assert_eq!(step.unwrap(), Step::Done);
    assert!(desk.alarms().await.is_empty());
    assert_eq!(send(&desk, LIVE).await, 1);
}

#[tokio::test]
async fn success_with_errors_is_registered_and_not_connected_and_has_an_entry() {
    let desk = begun().await;
    let placed = provider(&desk, register(NEW)).await;
    send(&desk, LIVE).await;
    let lines = [
        "ERROR: 53300102912 Nameserver error [ERROR: 901 Unexpected RCODE (1)]",
        "WARNING: 33300102900 The provided DNS data are not acceptable. Domain \"Status\" is \"failed\". [2026-06-04T10:30:00+02:00]",
    ];
    desk.live(&answer("success", &ticket(&desk).await, NEW, SOON, &lines))
        .await;
    assert_eq!(lifecycle(&desk, NEW).await, Lifecycle::Registered);
    assert_eq!(
        desk.record(LIVE, NEW).await.status(),
        Some(&RegistryStatus::Failed)
    );
    assert_eq!(order(&desk, &placed).await.state, OrderState::Done);
    let entry = &actions(&desk).await[0].1;
    assert!(
        entry.text.contains("was carried out, with errors"),
        "{entry:?}"
    );
}

#[tokio::test]
async fn an_answer_with_a_word_that_nobody_knows_is_held() {
    let desk = begun().await;
    provider(&desk, register(NEW)).await;
    send(&desk, LIVE).await;
    let id: InboundId = desk
        .live(&answer("perhaps", &ticket(&desk).await, NEW, SOON, &[]))
        .await;
    assert_eq!(desk.verdict(id).await, MessageVerdict::Held);
    assert_eq!(lifecycle(&desk, NEW).await, Lifecycle::Registering);
}

#[tokio::test]
async fn what_is_with_us_is_not_ordered_again_and_what_is_not_is_not_changed() {
    let desk = begun().await;
    let ours = wish("1", Account::Provider, register(DOMAIN));
    desk.live(&mail(
        DOMAIN,
        "Mon, 04 May 2026 10:00:00 +0200",
        &[HOLDER],
        &[CONNECT],
    ))
    .await;
    assert!(
        ordering::place(&desk.store, &ours, &audit(&desk))
            .await
            .is_err()
    );
    for request in [update(NEW), delete(NEW)] {
        let strange = wish("2", Account::Provider, request);
        assert!(
            ordering::place(&desk.store, &strange, &audit(&desk))
                .await
                .is_err()
        );
    }
    let nobody = Wish {
        customer: Some(CustomerId("K-99".to_owned())),
        ..wish("3", Account::Customer, register(NEW))
    };
    let error = ordering::place(&desk.store, &nobody, &audit(&desk)).await;
    assert!(matches!(error, Err(OrderError::NoCustomer(_))));
    assert!(requests(&desk).await.is_empty());
}
