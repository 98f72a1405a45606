//! Requests by RRI: what was sent is never sent again, and what became of it is asked.

use std::collections::VecDeque;

use async_trait::async_trait;
use jiff::SignedDuration;
use stichtag::model::request::{
    Change, ContactChange, Delegation, DomainChange, DomainData, Proof, RegistryRequest,
};
use stichtag::model::{
    Account, Claim, CustomerId, Environment, InboundId, Lifecycle, Order, OrderState, Purpose,
    RequestOutcome, RequestState, SentRequest, Waits,
};
use stichtag::process::ordering::{self, Step, Ways, Wish};
use stichtag::send::{Asker, Line, LineError, ask_due};
use stichtag::store::{ActionFilter, AuditEntry, MessageVerdict, Ordering, RequestFilter, Store};
use stichtag::wire::Format;
use stichtag::wire::rri::RriError;

use super::desk::{Desk, LIVE, TEST, at};

const NEW: &str = "neuland-bodden.de";
const OURS: &str = "drachenbau-elbe.de";
const HOLDER: &str = "DENIC-1000888-A";
const ABSENT: &str = "RESULT: failed\nSTID: 1\nERROR: 63300062009 Domain doesn't exist\n";
const DONE: &str = "RESULT: success\nSTID: 1\n";
const ALL: [Purpose; 3] = [Purpose::Order, Purpose::Read, Purpose::Check];

/// What the other side says, in order, and what it heard.
#[derive(Default)]
struct Script {
    answers: VecDeque<Result<String, RriError>>,
    heard: Vec<String>,
    opened: usize,
    is_open: bool,
}

impl Script {
    fn says(&mut self, answer: &str) -> &mut Self {
        self.answers.push_back(Ok(answer.to_owned()));
        self
    }

    fn breaks(&mut self) -> &mut Self {
        let broken = RriError::Unknown("the connection broke".to_owned());
        self.answers.push_back(Err(broken));
        self
    }

    fn heard(&self, action: &str) -> usize {
        let line = format!("Action: {action}\n");
        self.heard
            .iter()
            .filter(|text| text.contains(&line))
            .count()
    }
}

#[async_trait]
impl Line for Script {
    async fn open(&mut self) -> Result<(), LineError> {
        self.opened += usize::from(!self.is_open);
        self.is_open = true;
        Ok(())
    }

    async fn ask(&mut self, request: &str) -> Result<String, RriError> {
        assert!(self.is_open);
        self.heard.push(request.to_owned());
        let answer = self.answers.pop_front();
        answer.unwrap_or_else(|| panic!("nobody expected\n{request}"))
    }

    fn drop_session(&mut self) {
        self.is_open = false;
    }
}

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

fn info(domain: &str, regacc: &str, status: &str) -> String {
    format!(
        "RESULT: success\nSTID: 4711\n\nDomain: {domain}\nDomain-Ace: {domain}\n\
         Nserver: ns1.registrar.example.\nNserver: ns2.registrar.example.\nStatus: {status}\n\
         RegAccId: {regacc}\nRegAccName: Registrar Example GmbH\n\
         Changed: 2026-04-02T09:58:11+02:00\n\n[Holder]\nHandle: {HOLDER}\nType: ORG\n\
         Name: Drachenbau\n"
    )
}

const CONTACT: &str = "RESULT: success\nSTID: 4712\n\nHandle: DENIC-1000888-A\nType: PERSON\n\
    Name: Beispiel Inhaberin\nOrganisation: Drachenbau\nAddress: Markt 1\nPostalCode: 07743\n\
    City: Jena\nCountryCode: DE\nEMail: a@example.net\nPhone: +49.36411\n\
    Changed: 2026-01-05T10:26:06+01:00\n\n[VerificationInformation]\nVerifiedClaim: email\n\
    VerificationResult: success\nVerificationReference: mail-1\n\
    VerificationTimestamp: 2026-03-20T10:15:00+01:00\nVerificationEvidence: email_ver_transaction_log\n\
    VerificationMethod: reachability\nTrustFramework: de_denic\n";

fn proof(word: &str) -> Change {
    let proof = Proof {
        claims: [Claim::Name, Claim::Address].into_iter().collect(),
        result: word.parse().unwrap(),
        reference: "tkt-7".parse().unwrap(),
        at: at("2026-05-05T09:00:00+02:00"),
        evidence: "idcard".parse().unwrap(),
        method: "pvr".parse().unwrap(),
    };
    Change::Contact {
        handle: HOLDER.parse().unwrap(),
        change: Box::new(ContactChange {
            proofs: vec![proof],
            ..ContactChange::default()
        }),
        case: None,
    }
}

fn servers() -> Change {
    Change::Domain {
        domain: OURS.parse().unwrap(),
        change: DomainChange {
            servers: Some(vec![
                "ns3.registrar.example".parse().unwrap(),
                "ns4.registrar.example".parse().unwrap(),
            ]),
            ..DomainChange::default()
        },
    }
}

struct Room {
    desk: Desk,
    line: Script,
}

impl Room {
    async fn new() -> Self {
        let mut desk = Desk::stocked().await;
        desk.now = at("2026-05-05T10:00:00+02:00");
        Room {
            desk,
            line: Script::default(),
        }
    }

    fn audit(&self) -> AuditEntry {
        AuditEntry {
            at: self.desk.now,
            ..self.desk.audit()
        }
    }

    async fn order(&self, what: impl Into<stichtag::model::Asking>) -> Order {
        self.place(LIVE, what).await
    }

    async fn place(
        &self,
        environment: Environment,
        what: impl Into<stichtag::model::Asking>,
    ) -> Order {
        let request = what.into();
        let wish = Wish {
            key: format!("{request:?}"),
            environment,
            account: Account::Provider,
            customer: Some(CustomerId("K-1".to_owned())),
            request,
            ways: Ways {
                writes_by_mail: false,
                has_rri: true,
            },
        };
        let placed = ordering::place(&self.desk.store, &wish, &self.audit()).await;
        placed.unwrap().order
    }

    /// One turn of the sender, then of the daemon.
    async fn turn(&mut self) -> Result<usize, LineError> {
        let now = self.desk.now;
        let asker = Asker {
            store: &self.desk.store,
            environment: LIVE,
            purposes: &ALL,
            format: Format::KeyValue,
            ask_after: SignedDuration::from_secs(60),
            now: &move || now,
            is_stopping: &|| false,
        };
        let done = ask_due(&asker, &mut self.line).await;
        self.desk.work().await;
        done
    }

    fn later(&mut self, seconds: i64) {
        self.desk.now += SignedDuration::from_secs(seconds);
    }

    async fn requests(&self) -> Vec<SentRequest> {
        let all = RequestFilter::default();
        self.desk.store.requests(&all).await.unwrap()
    }

    async fn state(&self, order: &Order) -> OrderState {
        let found = self.desk.store.order(order.id).await.unwrap();
        found.unwrap().state
    }

    async fn lifecycle(&self, domain: &str) -> Lifecycle {
        self.desk.record(LIVE, domain).await.lifecycle
    }

    async fn last_action(&self) -> String {
        let actions = self
            .desk
            .store
            .actions(&ActionFilter::default())
            .await
            .unwrap();
        let (_, entry) = actions.last().expect("no entry");
        format!("{} | {}", entry.text, entry.advice)
    }

    /// A registration that was sent, and of which nobody knows what became.
    async fn lost(domain: &str) -> (Self, Order) {
        let mut room = Room::new().await;
        let order = room.order(register(domain)).await;
        room.line.breaks();
        assert!(room.turn().await.is_err());
        assert_eq!(room.requests().await[0].state, RequestState::Unanswered);
        assert_eq!(room.desk.alarms().await, ["W76"]);
        (room, order)
    }
}

#[tokio::test]
async fn hs_01_03_05_a_request_is_asked_and_its_reply_is_kept_as_a_message() {
    let mut room = Room::new().await;
    let order = room.order(register(NEW)).await;
    let ctid = room.requests().await[0].ctid.0.clone();
    let reply = format!("{DONE}CTID: {ctid}\n");
    room.line.says(&reply);
    assert_eq!(room.turn().await.unwrap(), 1);
    assert!(room.line.heard[0].contains(&format!("ctid: {ctid}\n")));
    let request = room.requests().await.remove(0);
    assert_eq!(request.state, RequestState::Answered);
    assert_eq!(request.outcome, Some(RequestOutcome::Success));
    assert_eq!(request.transport.as_deref(), Some("rri"));
    let kept = request.message.unwrap();
    let raw = room.desk.store.kept(kept).await.unwrap().unwrap();
    assert_eq!(raw.raw, reply.as_bytes());
    assert_eq!(room.desk.entry(kept).await.source.as_str(), "denic-rri");
    assert_eq!(room.lifecycle(NEW).await, Lifecycle::Registered);
    assert_eq!(room.state(&order).await, OrderState::Done);
    assert_eq!(room.turn().await.unwrap(), 0);
}

#[tokio::test]
async fn hs_08_35_a_refusal_is_an_error_with_all_its_reasons() {
    let mut room = Room::new().await;
    let order = room.order(register(NEW)).await;
    room.line.says(
        "RESULT: failed\nSTID: 1\nERROR: 53000060009 At least one Contact does not exist\n\
         ERROR: 53300102902 Required glue record is missing\n",
    );
    room.turn().await.unwrap();
    assert_eq!(room.lifecycle(NEW).await, Lifecycle::Error);
    assert_eq!(room.state(&order).await, OrderState::Failed);
    let said = room.last_action().await;
    assert!(
        said.contains("53000060009") && said.contains("53300102902"),
        "{said}"
    );
}

#[tokio::test]
async fn hs_29_after_a_broken_connection_it_is_never_sent_again_and_the_registry_is_asked() {
    let (mut room, order) = Room::lost(NEW).await;
    assert_eq!(room.lifecycle(NEW).await, Lifecycle::Registering);
    // It may still be under way: it is left alone for a while.
    room.later(30);
    assert_eq!(room.turn().await.unwrap(), 0);
    room.later(40);
    room.line.says(&info(NEW, "DENIC-1000888", "connect"));
    assert_eq!(room.turn().await.unwrap(), 1);
    assert_eq!((room.line.heard("CREATE"), room.line.heard("INFO")), (1, 1));
    // What only reads has no reference.
    assert!(!room.line.heard[1].contains("ctid"));
    assert_eq!(room.lifecycle(NEW).await, Lifecycle::Registered);
    assert_eq!(room.state(&order).await, OrderState::Done);
    assert_eq!(room.desk.alarms().await, Vec::<&str>::new());
    let said = room.last_action().await;
    assert!(
        said.contains("was carried out") && said.contains("INFO"),
        "{said}"
    );
    assert_eq!(room.turn().await.unwrap(), 0);
}

#[tokio::test]
async fn what_the_registry_does_not_have_was_not_carried_out() {
    for (reply, word) in [
        (ABSENT.to_owned(), "does not have the domain"),
        (info(NEW, "DENIC-1000777", "connect"), "not with us"),
    ] {
        let (mut room, order) = Room::lost(NEW).await;
        room.later(70);
        room.line.says(&reply);
        room.turn().await.unwrap();
        assert_eq!(room.lifecycle(NEW).await, Lifecycle::Error);
        assert_eq!(room.state(&order).await, OrderState::Failed);
        let said = room.last_action().await;
        assert!(
            said.contains(word) && said.contains("order it again"),
            "{said}"
        );
        assert_eq!(room.line.heard("CREATE"), 1);
    }
}

#[tokio::test]
async fn a_life_cut_short_after_sending_asks_and_does_not_send() {
    let mut room = Room::new().await;
    room.order(register(NEW)).await;
    let lease = std::time::Duration::from_secs(60);
    let store = &room.desk.store;
    let claimed = store
        .claim_requests(LIVE, &ALL, room.desk.now, 9, lease)
        .await
        .unwrap();
    // Its bytes are fixed, it may have left; then the lights go out.
    let id = claimed[0].id;
    store
        .fix_request(id, "rri", b"x", room.desk.now)
        .await
        .unwrap();
    store.forget_request_leases().await.unwrap();
    room.turn().await.unwrap();
    assert!(room.line.heard.is_empty());
    assert_eq!(room.requests().await[0].state, RequestState::Unanswered);
    assert_eq!(room.desk.alarms().await, ["W76"]);
}

#[tokio::test]
async fn a_question_that_is_not_answered_is_asked_again() {
    let (mut room, _) = Room::lost(NEW).await;
    room.later(70);
    room.line.breaks();
    assert!(room.turn().await.is_err());
    room.later(70);
    room.line.says(&info(NEW, "DENIC-1000888", "connect"));
    room.turn().await.unwrap();
    assert_eq!(room.lifecycle(NEW).await, Lifecycle::Registered);
    assert_eq!((room.line.heard("CREATE"), room.line.heard("INFO")), (1, 2));
}

#[tokio::test]
async fn a_question_whose_answer_cannot_be_read_is_asked_again() {
    let (mut room, _) = Room::lost(NEW).await;
    room.later(70);
    room.line.says("%%% garbage");
    assert!(room.turn().await.is_err());
    room.later(70);
    room.line.says(&info(NEW, "DENIC-1000888", "connect"));
    room.turn().await.unwrap();
    assert_eq!(room.lifecycle(NEW).await, Lifecycle::Registered);
    assert_eq!((room.line.heard("CREATE"), room.line.heard("INFO")), (1, 2));
}

#[tokio::test]
async fn hs_20_21_news_that_come_first_make_the_question_needless() {
    let (mut room, order) = Room::lost(NEW).await;
    let news = format!(
        "msgtime: 2026-05-05T10:00:30+02:00\nmsgid: 1f3c9a10-7d42-4b11-8a55-90d1c2b3a402\n\
         msgtype: domainStatusUpdate\ndomain: {NEW}\ndomain-ace: {NEW}\nholder: {HOLDER}\n\
         status: connect\n"
    );
    room.desk.queue(Some(LIVE), news.as_bytes()).await;
    assert_eq!(room.lifecycle(NEW).await, Lifecycle::Registered);
    assert_eq!(room.state(&order).await, OrderState::Done);
    room.later(70);
    assert_eq!(room.turn().await.unwrap(), 0);
    assert_eq!(room.line.heard("INFO"), 0);
}

#[tokio::test]
async fn a_refusal_for_now_leaves_it_in_the_outbox_under_the_same_reference() {
    for code in ["53000000012", "53000000008", "83000000010"] {
        let mut room = Room::new().await;
        room.order(register(NEW)).await;
        room.line
            .says(&format!("RESULT: failed\nSTID: 1\nERROR: {code} not now\n"));
        room.turn().await.unwrap();
        let waiting = room.requests().await.remove(0);
        assert_eq!(waiting.state, RequestState::Queued, "{code}");
        room.later(4);
        assert_eq!(room.turn().await.unwrap(), 0, "{code}");
        room.later(3_600);
        room.line.says(DONE);
        assert_eq!(room.turn().await.unwrap(), 1);
        assert_eq!(room.lifecycle(NEW).await, Lifecycle::Registered);
        assert_eq!(room.line.heard[0], room.line.heard[1]);
        // Whoever is not logged in opens another session.
        assert_eq!(room.line.opened, 1 + usize::from(code == "83000000010"));
    }
}

#[tokio::test]
async fn a_reply_that_cannot_be_read_is_kept_and_says_nothing_about_the_outcome() {
    let mut room = Room::new().await;
    room.order(register(NEW)).await;
    room.line.says("%%% garbage\nRES");
    assert!(room.turn().await.is_err());
    assert_eq!(room.requests().await[0].state, RequestState::Unanswered);
    assert_eq!(room.desk.verdict(InboundId(1)).await, MessageVerdict::Held);
    room.later(70);
    room.line.says(&info(NEW, "DENIC-1000888", "failed"));
    room.turn().await.unwrap();
    assert_eq!(room.lifecycle(NEW).await, Lifecycle::Registered);
    assert_eq!(room.line.heard("CREATE"), 1);
}

#[tokio::test]
async fn hs_13_a_change_reads_what_is_there_and_sends_all_of_it_back() {
    let mut room = Room::new().await;
    let order = room.order(servers()).await;
    let present = info(OURS, "DENIC-1000888", "connect")
        + "\n[GeneralRequest]\nHandle: DENIC-1000888-GR\n\n[AbuseContact]\nHandle: DENIC-1000888-AC\n";
    let present = present.replace("Status:", "Dnskey: 257 3 13 bWRzc3dVeXIzRFBXMTMy\nStatus:");
    room.line.says(&present);
    room.turn().await.unwrap();
    room.line.says(DONE);
    room.turn().await.unwrap();
    let ctid = room.requests().await[1].ctid.0.clone();
    assert_eq!(
        room.line.heard[1],
        format!(
            "Version: 5.0\nAction: UPDATE\nDomain: {OURS}\nHolder: {HOLDER}\n\
             GeneralRequest: DENIC-1000888-GR\nAbuseContact: DENIC-1000888-AC\n\
             Nserver: ns3.registrar.example\nNserver: ns4.registrar.example\n\
             Dnskey: 257 3 13 bWRzc3dVeXIzRFBXMTMy\nctid: {ctid}\n"
        )
    );
    assert_eq!(room.state(&order).await, OrderState::Done);
    assert_eq!(room.lifecycle(OURS).await, Lifecycle::Registered);
}

#[tokio::test]
async fn nothing_is_changed_where_something_would_be_lost() {
    let present = info(OURS, "DENIC-1000888", "connect");
    for (reply, word) in [
        (
            present.replace("Status:", "Reseller: Muster\nStatus:"),
            "reseller: Muster",
        ),
        (present.replace("[Holder]", "[TechContact]"), "techcontact"),
        (ABSENT.to_owned(), "63300062009"),
        (info(NEW, "DENIC-1000888", "connect"), "something else"),
    ] {
        let mut room = Room::new().await;
        let order = room.order(servers()).await;
        room.line.says(&reply);
        room.turn().await.unwrap();
        assert_eq!(room.turn().await.unwrap(), 0);
        assert_eq!(room.state(&order).await, OrderState::Failed, "{reply}");
        let said = room.last_action().await;
        assert!(
            said.contains("nothing was changed") && said.contains(word),
            "{said}"
        );
        assert_eq!(room.line.heard("UPDATE"), 0);
    }
}

#[tokio::test]
async fn an_update_of_unknown_outcome_is_told_by_the_data() {
    let present = info(OURS, "DENIC-1000888", "connect");
    let changed = present
        .replace("ns1.reg", "ns4.reg")
        .replace("ns2.reg", "ns3.reg");
    for (then, state) in [(&changed, OrderState::Done), (&present, OrderState::Failed)] {
        let mut room = Room::new().await;
        let order = room.order(servers()).await;
        room.line.says(&present);
        room.turn().await.unwrap();
        room.line.breaks();
        assert!(room.turn().await.is_err());
        room.later(70);
        room.line.says(then);
        room.turn().await.unwrap();
        assert_eq!(room.state(&order).await, state);
        assert_eq!(room.lifecycle(OURS).await, Lifecycle::Registered);
        assert_eq!(room.line.heard("UPDATE"), 1);
    }
}

#[tokio::test]
async fn hs_27_what_is_only_being_read_can_be_taken_back() {
    let mut room = Room::new().await;
    let order = room.order(servers()).await;
    room.line.breaks();
    assert!(room.turn().await.is_err());
    let step = ordering::cancel(&room.desk.store, order.id, "no", &room.audit())
        .await
        .unwrap();
    assert_eq!(step, Step::Done);
    room.later(70);
    assert_eq!(room.turn().await.unwrap(), 0);
    assert_eq!(room.state(&order).await, OrderState::Cancelled);
    assert_eq!(room.line.heard("UPDATE"), 0);
}

#[tokio::test]
async fn a_proof_is_added_to_what_was_proven_before() {
    let mut room = Room::new().await;
    let order = room.order(proof("success")).await;
    room.line.says(CONTACT);
    room.turn().await.unwrap();
    room.line.says(DONE);
    room.turn().await.unwrap();
    let sent = &room.line.heard[1];
    for line in [
        "Action: UPDATE",
        "Name: Beispiel Inhaberin",
        "Organisation: Drachenbau",
        "Phone: +49.36411",
        "VerificationReference: mail-1",
        "VerificationReference: tkt-7",
        "VerificationEvidence: idcard",
    ] {
        assert_eq!(
            sent.matches(&format!("{line}\n")).count(),
            1,
            "{line}\n{sent}"
        );
    }
    assert_eq!(sent.matches("VerifiedClaim: ").count(), 3);
    assert_eq!(room.state(&order).await, OrderState::Done);
}

#[tokio::test]
async fn an_old_proof_says_nothing_about_new_data() {
    let mut room = Room::new().await;
    let change = ContactChange {
        emails: Some(vec!["neu@example.net".parse().unwrap()]),
        ..ContactChange::default()
    };
    room.order(Change::Contact {
        handle: HOLDER.parse().unwrap(),
        change: Box::new(change),
        case: None,
    })
    .await;
    room.line.says(CONTACT);
    room.turn().await.unwrap();
    room.line.says(DONE);
    room.turn().await.unwrap();
    let sent = &room.line.heard[1];
    assert!(sent.contains("EMail: neu@example.net\n"), "{sent}");
    assert!(!sent.contains("Verif"), "{sent}");
}

#[tokio::test]
async fn a_proof_that_failed_waits_for_a_second_person() {
    let mut room = Room::new().await;
    let order = room.order(proof("failed")).await;
    assert_eq!(order.waits, Some(Waits::SecondPerson));
    assert_eq!(room.turn().await.unwrap(), 0);
    let store = &room.desk.store;
    let refused = ordering::confirm(store, order.id, &room.audit()).await;
    assert!(refused.unwrap_err().to_string().contains("second person"));
    assert!(
        ordering::release(store, order.id, &room.audit())
            .await
            .is_err()
    );
    let other = AuditEntry {
        actor: "1001 zweite".to_owned(),
        ..room.audit()
    };
    let step = ordering::confirm(store, order.id, &other).await.unwrap();
    assert_eq!(step, Step::Done);
    room.line.says(CONTACT);
    room.turn().await.unwrap();
    room.line.says(DONE);
    room.turn().await.unwrap();
    assert!(room.line.heard[1].contains("VerificationResult: failed\n"));
}

#[tokio::test]
async fn what_the_data_do_not_tell_a_person_says() {
    let (mut room, order) = Room::lost(NEW).await;
    room.later(70);
    room.line
        .says("RESULT: failed\nSTID: 1\nERROR: 53000020002 Unauthorized request\n");
    room.turn().await.unwrap();
    assert_eq!(room.desk.alarms().await, ["W76"]);
    let said = room.last_action().await;
    assert!(said.contains("request settle"), "{said}");
    // It may be asked once more, by a person.
    let id = room.requests().await[0].id;
    assert!(room.desk.store.ask_about(id, &room.audit()).await.unwrap());
    assert!(!room.desk.store.ask_about(id, &room.audit()).await.unwrap());
    room.line
        .says("RESULT: failed\nSTID: 1\nERROR: 53000020002 Unauthorized request\n");
    room.turn().await.unwrap();
    let step = ordering::settle(&room.desk.store, id, RequestOutcome::Success, &room.audit())
        .await
        .unwrap();
    assert_eq!(step, Step::Done);
    assert_eq!(room.lifecycle(NEW).await, Lifecycle::Registered);
    assert_eq!(room.state(&order).await, OrderState::Done);
    assert_eq!(room.desk.alarms().await, Vec::<&str>::new());
    let again = ordering::settle(&room.desk.store, id, RequestOutcome::Failed, &room.audit())
        .await
        .unwrap();
    assert_eq!(again, Step::Before);
    assert_eq!(room.line.heard("CREATE"), 1);
}

#[tokio::test]
async fn hs_24_a_reply_of_the_test_system_in_live_is_held() {
    let mut room = Room::new().await;
    room.order(register(NEW)).await;
    room.line.says(
        "RESULT: success\nSTID: 1\nINFO: 13000000011 Request was processed in test environment - \
         not valid in real world [testing platform]\n",
    );
    room.turn().await.unwrap();
    assert_eq!(room.desk.verdict(InboundId(1)).await, MessageVerdict::Held);
    assert_eq!(room.lifecycle(NEW).await, Lifecycle::Registering);
}

#[tokio::test]
async fn requests_of_the_other_environment_are_left_alone() {
    let mut room = Room::new().await;
    room.place(TEST, register(NEW)).await;
    assert_eq!(room.turn().await.unwrap(), 0);
    assert_eq!(room.line.opened, 0);
}

#[tokio::test]
async fn hs_14_31_contacts_are_not_changed_by_mail_and_a_change_needs_rri() {
    let room = Room::new().await;
    let mut wish = Wish {
        key: "k".to_owned(),
        environment: LIVE,
        account: Account::Provider,
        customer: None,
        request: proof("success").into(),
        ways: Ways {
            writes_by_mail: true,
            has_rri: true,
        },
    };
    let refused = ordering::place(&room.desk.store, &wish, &room.audit()).await;
    let said = refused.unwrap_err().to_string();
    assert!(said.contains("by mail") && said.contains("RRI"), "{said}");
    wish.request = servers().into();
    wish.ways.has_rri = false;
    let refused = ordering::place(&room.desk.store, &wish, &room.audit()).await;
    let said = refused.unwrap_err().to_string();
    assert!(said.contains("say everything"), "{said}");
    assert!(room.requests().await.is_empty());
}

#[tokio::test]
async fn of_two_changes_the_second_reads_what_the_first_has_left() {
    let mut room = Room::new().await;
    room.order(servers()).await;
    let keys = Change::Domain {
        domain: OURS.parse().unwrap(),
        change: DomainChange {
            dnskeys: Some(vec!["257 3 13 bWRzc3dVeXIzRFBXMTMy".parse().unwrap()]),
            ..DomainChange::default()
        },
    };
    room.order(keys).await;
    let before = info(OURS, "DENIC-1000888", "connect");
    room.line.says(&before);
    room.turn().await.unwrap();
    assert_eq!((room.line.heard("INFO"), room.line.heard("UPDATE")), (1, 0));
    room.line.says(DONE);
    room.turn().await.unwrap();
    let after = before
        .replace("ns1.reg", "ns3.reg")
        .replace("ns2.reg", "ns4.reg");
    room.line.says(&after);
    room.turn().await.unwrap();
    room.line.says(DONE);
    room.turn().await.unwrap();
    let last = room.line.heard.last().unwrap();
    assert!(last.contains("Nserver: ns3.registrar.example\n"), "{last}");
    assert!(last.contains("Dnskey: 257"), "{last}");
}

#[tokio::test]
async fn of_two_proofs_the_second_keeps_the_first() {
    let mut room = Room::new().await;
    room.order(proof("success")).await;
    let Change::Contact {
        handle, mut change, ..
    } = proof("success")
    else {
        panic!("no contact");
    };
    change.proofs[0].reference = "tkt-8".parse().unwrap();
    room.order(Change::Contact {
        handle,
        change,
        case: None,
    })
    .await;
    room.line.says(CONTACT);
    room.turn().await.unwrap();
    assert_eq!((room.line.heard("INFO"), room.line.heard("UPDATE")), (1, 0));
    room.line.says(DONE);
    room.turn().await.unwrap();
    room.line.says(CONTACT);
    room.turn().await.unwrap();
    assert_eq!((room.line.heard("INFO"), room.line.heard("UPDATE")), (2, 1));
}

#[tokio::test]
async fn a_reply_that_belongs_to_another_request_is_held_and_the_registry_is_asked() {
    for reply in [
        "RESULT: success\nSTID: 1\nCTID: st-another\n".to_owned(),
        "RESULT: success\nSTID: 1\n\nDomain: other.de\nStatus: connect\n".to_owned(),
        "RESULT: success\nSTID: 1\nRESULT: failed\n".to_owned(),
    ] {
        let mut room = Room::new().await;
        room.order(register(NEW)).await;
        room.line.says(&reply);
        room.turn().await.unwrap();
        assert_eq!(
            room.desk.verdict(InboundId(1)).await,
            MessageVerdict::Held,
            "{reply}"
        );
        assert_eq!(room.lifecycle(NEW).await, Lifecycle::Registering);
        assert_eq!(room.desk.alarms().await, ["W76"], "{reply}");
        room.later(70);
        room.line.says(&info(NEW, "DENIC-1000888", "connect"));
        room.turn().await.unwrap();
        assert_eq!(room.lifecycle(NEW).await, Lifecycle::Registered, "{reply}");
        assert_eq!(room.line.heard("CREATE"), 1);
    }
}

#[tokio::test]
async fn a_domain_that_is_ours_with_other_holders_tells_nothing_about_a_registration() {
    let (mut room, order) = Room::lost(NEW).await;
    room.later(70);
    room.line
        .says(&info(NEW, "DENIC-1000888", "connect").replace(HOLDER, "DENIC-1000888-Q"));
    room.turn().await.unwrap();
    assert_eq!(room.state(&order).await, OrderState::Requested);
    assert_eq!(room.desk.alarms().await, ["W76"]);
}
