//! Verification of .de holders through the reseller (`centralnic.md` 13): from the registry's wish to the
//! end of the case, over the real command line, worker and decisions.

use std::process::{Command, Output};

use jiff::{SignedDuration, Timestamp};
use stichtag::config::{Config, Layers};
use stichtag::evidence::Gatherer;
use stichtag::model::{
    CaseState, CommandState, Customer, CustomerId, DomainKey, DomainRecord, Language, NoticeKind,
};
use stichtag::process::ordering::Step;
use stichtag::process::{self, Rules, reselling};
use stichtag::receive::centralnic_events::{Backlog, drain};
use stichtag::simulate::reseller::{Book, Fault, RegistryCheck};
use stichtag::store::{
    AuditEntry, Delivery, DomainImport, LogFilter, NoticeFilter, Reselling, Store,
};
use stichtag::wire::reseller::ResellerApi;

use super::house::{House, TEST, contact, days, name, register, start};

const ADDRESS: &str = "ada@orchard-sample.net";
const DOMAIN: &str = "orchard-sample.de";

/// What is proven, but for the case.
const PROOF: [&str; 9] = [
    "--claim",
    "name",
    "--method",
    "pvr",
    "--evidence",
    "idcard",
    "--reference",
    "CASE-2026-000731",
    "--yes",
];

struct Place {
    house: House,
    api: ResellerApi,
    rules: Rules,
    gatherer: Gatherer,
}

impl Place {
    /// A domain of a customer, whose holder the registry wants proven; `is_out`: it is out of the zone.
    async fn new(is_out: bool) -> Self {
        // The command line has the clock of this machine.
        let now = Timestamp::now();
        let mut book = Book::default();
        let owner = contact(&mut book, ADDRESS, now);
        register(&mut book, DOMAIN, &owner, now);
        let check = RegistryCheck {
            dedelegation_at: (!is_out).then(|| now + days(14)),
            deletion_at: now + days(104),
        };
        book.require(DOMAIN, check, now);
        let house = House::new(book).await;
        house.wait(now.duration_since(start()));
        let config = config();
        let place = Place {
            api: house.api(),
            rules: stichtag::serve::rules(&config),
            gatherer: stichtag::serve::gatherer(&config).unwrap(),
            house,
        };
        place.stock().await;
        place
    }

    async fn stock(&self) {
        let store = &self.house.store;
        let customer = Customer {
            id: CustomerId("K-1".to_owned()),
            salutation: "Ada Beispiel".to_owned(),
            language: Some(Language::De),
            email: "kunde@example.net".to_owned(),
            second_email: None,
            phone: None,
            timezone: None,
        };
        store.put_customers(&[customer]).await.unwrap();
        let domain = DomainImport {
            key: key(),
            customer: Some(CustomerId("K-1".to_owned())),
            holders: Vec::new(),
            status: None,
            lifecycle: None,
        };
        store
            .put_domains(&[domain], self.house.now())
            .await
            .unwrap();
    }

    /// Reads events, asks, sends and decides, until nothing is left to do now.
    async fn turn(&mut self) {
        let now = || self.house.now();
        let reader = self.house.reader(&now);
        let mut backlog = Backlog::default();
        drain(&reader, &mut self.api, &mut backlog).await.unwrap();
        let store = &self.house.store;
        for _ in 0..20 {
            let (rules, gatherer) = (&self.rules, &self.gatherer);
            let decided = process::process_next(store, rules, gatherer, now())
                .await
                .unwrap();
            let looked = store.queue_due_looks(TEST, now()).await.unwrap();
            // A way that broke is what some tests are about.
            let sent = self.house.send(&mut self.api).await.unwrap_or(1);
            if decided == 0 && looked == 0 && sent == 0 {
                return;
            }
        }
        panic!("it comes to no end: {:?}", self.house.commands().await);
    }

    async fn wait(&mut self, duration: SignedDuration) {
        self.house.wait(duration);
        self.turn().await;
    }

    async fn stichtag(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stichtag"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("STICHTAG_") {
                command.env_remove(name);
            }
        }
        let file = self.house.folder.path().join("stichtag.db");
        command
            .env(
                "STICHTAG_STORE__URL",
                format!("sqlite://{}", file.display()),
            )
            .env(
                "STICHTAG_CENTRALNIC__TEST__API_URL",
                self.house.server.url(),
            )
            .current_dir(self.house.folder.path())
            .stdin(std::process::Stdio::null())
            .args(arguments);
        tokio::task::spawn_blocking(move || command.output().unwrap())
            .await
            .unwrap()
    }

    /// `case verify` with the usual proof and more; it must end so.
    async fn verify(&mut self, more: &[&str], code: i32) -> String {
        let arguments = [&["case", "verify", "V-1"][..], &PROOF, more].concat();
        let text = self.says(&arguments, code).await;
        // What was asked for a moment ago on the other clock is due.
        self.house.wait(SignedDuration::from_mins(1));
        text
    }

    async fn says(&self, arguments: &[&str], code: i32) -> String {
        let done = self.stichtag(arguments).await;
        let text = String::from_utf8([done.stdout, done.stderr].concat()).unwrap();
        assert_eq!(done.status.code(), Some(code), "{arguments:?}: {text}");
        text
    }

    async fn record(&self) -> DomainRecord {
        let found = self.house.store.domains(Some(TEST), None).await.unwrap();
        let mut records = found.into_iter();
        records.find(|record| record.key == key()).unwrap()
    }

    async fn case(&self) -> CaseState {
        let cases = self.house.store.cases(false).await.unwrap();
        assert_eq!(cases.len(), 1, "{cases:?}");
        cases[0].state
    }

    async fn told(&self) -> Vec<NoticeKind> {
        let notices = self.house.store.notices(&NoticeFilter::default()).await;
        let notices = notices.unwrap();
        notices.iter().map(|entry| entry.notice.kind).collect()
    }

    /// Every notice that waits leaves now.
    async fn send_notices(&self) {
        let (store, now) = (&self.house.store, self.house.now());
        let lease = std::time::Duration::from_secs(60);
        let later = now + days(1);
        for notice in store.claim_notices(later, 9, lease).await.unwrap() {
            let items = notice.items.len();
            assert!(store.fix_notice(notice.id, b"x", items).await.unwrap());
            let sent = Delivery::Sent {
                at: now,
                reply: "250 taken".to_owned(),
            };
            store.settle_notice(notice.id, &sent, None).await.unwrap();
        }
    }

    /// How often the reseller carried a command out.
    fn done(&self, command: &str) -> usize {
        self.house.server.book(|book| {
            let begin = format!("COMMAND={command}\n");
            let is_it = |block: &&String| block.starts_with(&begin);
            book.journal().iter().filter(is_it).count()
        })
    }

    fn owner(&self) -> String {
        let owner = |book: &mut Book| book.domain(DOMAIN).unwrap().owner.clone();
        self.house.server.book(owner)
    }
}

fn key() -> DomainKey {
    DomainKey {
        environment: TEST,
        domain: name(DOMAIN),
    }
}

fn config() -> Config {
    let variables = [
        ("STICHTAG_AUTHENTICATE__RESOLVERS", "[\"none\"]"),
        ("STICHTAG_NOTICES__MODE", "on"),
        (
            "STICHTAG_NOTICES__FROM",
            "Muster Hosting <domains@muster.example>",
        ),
        ("STICHTAG_NOTICES__PHONE", "+49 30 901820"),
        ("STICHTAG_NOTICES__COMPANY", "Muster Hosting GmbH"),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Config::from_layers(&Layers::read(None, variables.into_iter()).unwrap()).unwrap()
}

fn somebody_else(place: &Place) -> AuditEntry {
    AuditEntry {
        at: place.house.now(),
        actor: "1001 second".to_owned(),
        action: "reseller confirm".to_owned(),
        object: "X-1".to_owned(),
        detail: "looked at the papers".to_owned(),
    }
}

#[tokio::test]
async fn cnr_13_a_proof_goes_with_the_hourly_push_and_the_case_ends_with_the_state() {
    let mut place = Place::new(false).await;
    place.turn().await;
    assert_eq!(place.case().await, CaseState::Open);
    assert_eq!(place.told().await, [NoticeKind::VerificationRequired]);
    place.send_notices().await;
    let said = place.verify(&[], 0).await;
    assert!(said.contains("in the outbox"), "{said}");
    place.turn().await;
    assert_eq!(place.done("ModifyContact"), 1);
    let facts = place.record().await.facts.reseller;
    let look_at = facts.look_at.unwrap();
    assert!(
        look_at <= place.house.now() + SignedDuration::from_hours(1),
        "{look_at}"
    );
    place.wait(SignedDuration::from_mins(61)).await;
    // One more look, where the first came before the push.
    place.wait(SignedDuration::from_mins(61)).await;
    assert_eq!(place.case().await, CaseState::Resolved);
    assert_eq!(
        place.told().await,
        [NoticeKind::VerificationRequired, NoticeKind::Resolved]
    );
    let facts = place.record().await.facts.reseller;
    assert_eq!((facts.look_at, facts.reported_at), (None, None));
    assert_eq!(
        (place.done("CloneContact"), place.done("ModifyDomain")),
        (0, 0)
    );
    assert!(place.house.alarms().await.is_empty());
}

#[tokio::test]
async fn cnr_13_a_copy_of_the_contact_brings_a_held_domain_back_at_once() {
    let mut place = Place::new(true).await;
    place.turn().await;
    assert_eq!(place.case().await, CaseState::OnHold);
    let before = place.owner();
    place.verify(&["--clone"], 0).await;
    place.turn().await;
    assert_eq!(place.done("ModifyContact"), 1);
    assert_eq!(place.done("CloneContact"), 1);
    assert_eq!(place.done("ModifyDomain"), 1);
    assert_ne!(place.owner(), before);
    assert_eq!(place.case().await, CaseState::Resolved);
    let owner = place.record().await.facts.reseller.owner.unwrap();
    assert_eq!(owner.handle.as_str(), place.owner());
}

#[tokio::test]
async fn cnr_13_whichever_answer_is_lost_it_goes_on_and_nothing_changes_owner_twice() {
    for lost in ["ModifyContact", "CloneContact", "ModifyDomain"] {
        for fault in [Fault::LoseAnswer, Fault::LoseCommand, Fault::CutAnswer] {
            let mut place = Place::new(false).await;
            place.turn().await;
            place.house.fault(fault.clone(), lost, 1);
            place.verify(&["--clone"], 0).await;
            place.turn().await;
            assert_eq!(place.case().await, CaseState::Open, "{lost} {fault:?}");
            place.wait(SignedDuration::from_mins(1)).await;
            assert_eq!(place.case().await, CaseState::Resolved, "{lost} {fault:?}");
            assert_eq!(place.done("ModifyContact"), 1, "{lost} {fault:?}");
            assert_eq!(place.done("ModifyDomain"), 1, "{lost} {fault:?}");
            assert!(place.house.alarms().await.is_empty(), "{lost} {fault:?}");
        }
    }
}

#[tokio::test]
async fn cnr_13_answers_that_are_read_once_more_ask_for_nothing_more() {
    let mut place = Place::new(false).await;
    place.turn().await;
    place.verify(&["--clone"], 0).await;
    place.turn().await;
    let log = place.house.store.log(&LogFilter::default()).await.unwrap();
    let all: Vec<_> = log.iter().map(|entry| entry.id).collect();
    let audit = somebody_else(&place);
    place
        .house
        .store
        .requeue(&all, false, &audit)
        .await
        .unwrap();
    place.turn().await;
    assert_eq!(place.done("CloneContact"), 1);
    assert_eq!(place.done("ModifyDomain"), 1);
    assert_eq!(place.case().await, CaseState::Resolved);
}

#[tokio::test]
async fn cnr_13_a_failed_proof_waits_for_a_second_person() {
    let mut place = Place::new(false).await;
    place.turn().await;
    let said = place.verify(&["--result", "failed"], 0).await;
    assert!(said.contains("second person"), "{said}");
    let id = place.house.commands().await.last().unwrap().id;
    let id_text = id.to_string();
    place.turn().await;
    assert_eq!(place.done("ModifyContact"), 0);
    let confirm = ["reseller", "confirm", &id_text, "--note", "looked"];
    let said = place.says(&confirm, 1).await;
    assert!(said.contains("a second person must"), "{said}");
    place.turn().await;
    assert_eq!(place.done("ModifyContact"), 0);
    let audit = somebody_else(&place);
    let step = reselling::confirm(&place.house.store, id, &audit).await;
    assert_eq!(step.unwrap(), Step::Done);
    let step = reselling::confirm(&place.house.store, id, &audit).await;
    assert_eq!(step.unwrap(), Step::Before);
    place.turn().await;
    assert_eq!(place.done("ModifyContact"), 1);
    place.house.server.book(|book| {
        let last = book
            .journal()
            .iter()
            .rfind(|it| it.contains("ModifyContact"));
        assert!(last.unwrap().contains("X-VERIFICATION-RESULT0=failed"));
    });
    let later = SignedDuration::from_hours(5);
    let look_at = async |place: &Place| place.record().await.facts.reseller.look_at.unwrap();
    assert!(look_at(&place).await < place.house.now() + later);
    place.wait(days(2)).await;
    assert_eq!(place.case().await, CaseState::Open);
    // The push was a day ago: now it is a matter of days.
    assert!(look_at(&place).await > place.house.now() + later);
}

#[tokio::test]
async fn cnr_13_what_waits_can_be_taken_back_and_what_has_left_cannot() {
    let mut place = Place::new(false).await;
    place.turn().await;
    place.verify(&["--result", "failed"], 0).await;
    let id = place.house.commands().await.last().unwrap().id.to_string();
    let cancel = ["reseller", "cancel", &id, "--note", "a mistake"];
    place.says(&cancel, 0).await;
    let said = place.says(&cancel, 0).await;
    assert!(said.contains("nothing changed"), "{said}");
    let confirm = ["reseller", "confirm", &id, "--note", "looked"];
    place.says(&confirm, 10).await;
    place.turn().await;
    assert_eq!(place.done("ModifyContact"), 0);
    place.verify(&[], 0).await;
    place.turn().await;
    let sent = place.house.commands().await;
    let sent = sent.iter().rfind(|it| it.command.name() == "ModifyContact");
    let id = sent.unwrap().id.to_string();
    place
        .says(&["reseller", "cancel", &id, "--note", "too late"], 10)
        .await;
    place
        .says(&["reseller", "confirm", &id, "--note", "x"], 1)
        .await;
    assert_eq!(place.done("ModifyContact"), 1);
}

#[tokio::test]
async fn cnr_13_the_command_line_refuses_what_the_reseller_cannot_be_told() {
    let mut place = Place::new(false).await;
    place.turn().await;
    let count = place.house.commands().await.len();
    for (more, code, part) in [
        (&["--at", "2099-01-01T00:00:00Z"][..], 1, "has not come yet"),
        (&["--claim", "colour"], 2, "phone"),
        (&["--holder", "DENIC-1000002-A"], 2, "its owner there"),
        (&["--city", "Ribnitz"], 2, "its owner there"),
    ] {
        let said = place.verify(more, code).await;
        assert!(said.contains(part), "{said}");
    }
    let unconfirmed = [&["case", "verify", "V-1"][..], &PROOF[..8]].concat();
    let said = place.says(&unconfirmed, 5).await;
    assert!(said.contains("--yes"), "{said}");
    let framework = ["--trust-framework", "de_aml", "--dry-run"];
    let said = place.verify(&framework, 0).await;
    assert!(
        said.contains("x-verification-trustframework0=de_aml"),
        "{said}"
    );
    assert_eq!(place.house.commands().await.len(), count);
    place.verify(&["--claim", "phone"], 0).await;
    place.turn().await;
    place.house.server.book(|book| {
        let last = book
            .journal()
            .iter()
            .rfind(|it| it.contains("ModifyContact"));
        assert!(last.unwrap().contains("X-VERIFICATION-DATA1=phone"));
    });
}

#[tokio::test]
async fn the_list_shows_every_command_and_filters_by_state() {
    let mut place = Place::new(false).await;
    place.turn().await;
    place.verify(&["--result", "failed", "--clone"], 0).await;
    let list = ["reseller", "list", "--json", "--state", "waiting"];
    let said = place.says(&list, 0).await;
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 1, "{said}");
    let one: serde_json::Value = serde_json::from_str(lines[0]).unwrap();
    assert_eq!(one["v"], 1);
    assert_eq!(one["environment"], "test");
    assert_eq!(one["command"], "ModifyContact");
    assert_eq!(one["domain"], DOMAIN);
    assert_eq!(one["contact"], place.owner());
    assert_eq!(one["state"], "waiting");
    assert_eq!(one["attempts"], 0);
    let all = place.says(&["reseller", "list"], 0).await;
    assert!(all.contains("StatusDomain") && all.contains("ModifyContact"));
    place
        .says(&["reseller", "list", "--state", "lost"], 2)
        .await;
    let waiting = place.house.states().await;
    assert!(waiting.contains(&CommandState::Waiting));
}
