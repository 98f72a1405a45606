//! The clock of a domain held at CentralNic Reseller: from its events and what its system shows to the
//! owner's mail, suspension and release (`centralnic.md` 9 to 13).

use jiff::{Timestamp, ToSpan};
use stichtag::model::{
    CaseState, CommandState, Envelope, Inbound, InboundId, Language, NoticeKind, ResellerClock,
    ResellerCommand, Source,
};
use stichtag::serve::{Watch, WatchRules};
use stichtag::store::MessageVerdict::{Applied, Unchanged};
use stichtag::store::{
    CommandFilter, CommandReply, Confirmation, Confirming, Reselling, Store, VisitorCode,
};

use super::desk::{Desk, LIVE, at, config};
use super::reseller;

const OWNER: &str = "P-QRT1207";
const ADDRESS: &str = "ada@orchard-sample.net";
const CODE: &str = "MTc5NDA5ODUzMC43NzEyIzc3MDAxMTIyMzM0NDUgTA==";
const CREATED: &str = "2026-11-08T00:41:49Z";
const DEADLINE: &str = "2026-11-23T00:41:49Z";

/// A desk with one domain of one customer, on the minute after it was registered.
async fn desk() -> Desk {
    let mut desk = reseller::desk(LIVE).await;
    desk.rules.telling.writes_to_owners = true;
    desk.rules.creates_unknown = false;
    desk.now = at("2026-11-08T00:42:00Z");
    desk.customer("K-1", "kunde@example.net", None).await;
    desk.domain(LIVE, "orchard-sample.com", Some("K-1"), "")
        .await;
    desk
}

/// What the system answers to `asked`, kept as `stichtag-send` keeps it.
async fn answer(desk: &Desk, asked: &str, properties: &[(&str, &str)]) -> InboundId {
    let lines = properties
        .iter()
        .map(|(name, value)| format!("property[{name}][0] = {value}\n"));
    raw(desk, asked, &lines.collect::<String>()).await
}

async fn raw(desk: &Desk, asked: &str, properties: &str) -> InboundId {
    let text = format!(
        "[RESPONSE]\ncode = 200\ndescription = Command completed successfully\n{properties}EOF\n"
    );
    let inbound = Inbound {
        source: Source::CentralnicApi,
        received_at: desk.now,
        envelope: Envelope {
            asked: Some(asked.to_owned()),
            ..Envelope::default()
        },
        environment: Some(LIVE),
        raw: text.into_bytes(),
    };
    let id = desk.keep(inbound).await;
    desk.work().await;
    id
}

const RUNNING: [(&str, &str); 5] = [
    ("domain", "orchard-sample.com"),
    ("status", "ACTIVE"),
    ("ownercontact", OWNER),
    ("created date", "2026-11-08 00:41:49.0"),
    ("x-time-to-suspension", "2026-11-23 00:41:49.0"),
];

const PARKED: [(&str, &str); 5] = [
    ("domain", "orchard-sample.com"),
    ("status", "ACTIVE"),
    ("ownercontact", OWNER),
    ("nameserver", "NS1.EMAILVERIFICATION.INFO"),
    ("x-time-to-suspension", "2026-11-23 00:41:49.0"),
];

const FREE: [(&str, &str); 4] = [
    ("domain", "orchard-sample.com"),
    ("status", "ACTIVE"),
    ("ownercontact", OWNER),
    ("nameserver", "ns1.hosting.example"),
];

async fn state(desk: &Desk, properties: &[(&str, &str)]) -> InboundId {
    answer(desk, "StatusDomain domain=orchard-sample.com", properties).await
}

async fn contact(desk: &Desk, is_validated: bool, is_verified: bool) -> InboundId {
    let number = |is: bool| if is { "1" } else { "0" };
    let shown = [
        ("contact", OWNER),
        ("email", ADDRESS),
        ("validated", number(is_validated)),
        ("verified", number(is_verified)),
    ];
    answer(desk, &format!("StatusContact contact={OWNER}"), &shown).await
}

async fn event(desk: &Desk) -> InboundId {
    desk.smtp(
        reseller::FROM,
        reseller::TO,
        &reseller::event("event-contactverification-handle.eml"),
    )
    .await
}

async fn deadline(desk: &Desk) -> Option<Timestamp> {
    desk.record(LIVE, "orchard-sample.com")
        .await
        .due()
        .suspension_at
}

async fn clock(desk: &Desk) -> ResellerClock {
    let record = desk.record(LIVE, "orchard-sample.com").await;
    record.facts.reseller.clock(desk.now)
}

async fn asked(desk: &Desk) -> Vec<String> {
    let commands = desk
        .store
        .commands(&CommandFilter::default())
        .await
        .unwrap();
    let name = |command: &ResellerCommand| match command {
        ResellerCommand::StatusDomain { domain } => format!("StatusDomain {domain}"),
        ResellerCommand::StatusContact { contact } => format!("StatusContact {contact}"),
        ResellerCommand::ReleaseDomain { domain } => format!("ReleaseDomain {domain}"),
        ResellerCommand::ResendNotification { address } => format!("ResendNotification {address}"),
        other => other.name().to_owned(),
    };
    commands
        .iter()
        .map(|request| name(&request.command))
        .collect()
}

/// Days of the calendar on which the owner was written to.
async fn told(desk: &Desk) -> Vec<(NoticeKind, String, String)> {
    let notices = desk.notices().await;
    let told = notices.iter().map(|entry| {
        let notice = &entry.notice;
        let day = notice.created_at.strftime("%d").to_string();
        (notice.kind, day, notice.recipient.clone())
    });
    told.collect()
}

/// An hour at a time until `until`, everything that is due leaves.
async fn until(desk: &mut Desk, until: &str) {
    let until = at(until);
    while desk.now < until {
        desk.now = (desk.now + 1.hour()).min(until);
        desk.plan().await;
        desk.send_all().await;
    }
}

/// Registered, owner read, code received.
async fn begun() -> Desk {
    let desk = desk().await;
    event(&desk).await;
    state(&desk, &RUNNING).await;
    contact(&desk, true, false).await;
    desk
}

#[tokio::test]
async fn cv_01_a_registration_begins_fifteen_days_and_a_person_sees_them_among_what_dies_next() {
    let desk = begun().await;
    assert_eq!(deadline(&desk).await, Some(at(DEADLINE)));
    let cases = desk.cases().await;
    assert_eq!((cases.len(), cases[0].state), (1, CaseState::Open));
    let due = desk.store.domains_due().await.unwrap();
    assert_eq!(due.len(), 1);
    assert!(desk.alarms().await.is_empty());
}

#[tokio::test]
async fn a_registration_by_event_alone_begins_a_forecast_until_the_system_says_otherwise() {
    let mut desk = desk().await;
    desk.now = at("2026-11-09T17:30:00Z");
    let mail = String::from_utf8(reseller::event("event-transfer-internal.eml")).unwrap();
    let mail = mail
        .replace("brook-sample.net", "orchard-sample.com")
        .replace("DOMAIN_TRANSFER", "DOMAIN_REGISTRATION")
        .replace(
            "SUBCLASS:TRANSFER_SUCCESSFUL",
            "SUBCLASS:REGISTRATION_SUCCESSFUL",
        );
    let id = desk
        .smtp(reseller::FROM, reseller::TO, mail.as_bytes())
        .await;
    assert_eq!(
        desk.verdict(id).await,
        Applied,
        "{:?}",
        desk.entry(id).await
    );
    let begun = desk
        .record(LIVE, "orchard-sample.com")
        .await
        .facts
        .reseller
        .begun_at
        .unwrap();
    assert_eq!(deadline(&desk).await, Some(begun + 360.hours()));
    assert_eq!(asked(&desk).await, ["StatusDomain orchard-sample.com"]);
    // Its owner had confirmed before: the system has no deadline for it (CV-08).
    state(&desk, &FREE).await;
    assert_eq!(deadline(&desk).await, None);
    assert!(desk.notices().await.is_empty());
}

#[tokio::test]
async fn cv_02_a_transfer_counts_from_the_transfer_not_from_the_creation() {
    let desk = desk().await;
    let mut running = RUNNING;
    running[3].1 = "2019-03-02 10:00:00.0";
    running[4].1 = "2026-11-23 00:41:49.0";
    state(&desk, &running).await;
    assert_eq!(deadline(&desk).await, Some(at(DEADLINE)));
}

#[tokio::test]
async fn cv_03_two_domains_of_one_contact_have_two_deadlines() {
    let desk = begun().await;
    desk.domain(LIVE, "brook-sample.net", Some("K-1"), "").await;
    let mut other = RUNNING;
    other[0].1 = "brook-sample.net";
    other[4].1 = "2026-11-30 12:00:00";
    answer(&desk, "StatusDomain domain=brook-sample.net", &other).await;
    let brook = desk.record(LIVE, "brook-sample.net").await;
    assert_eq!(brook.due().suspension_at, Some(at("2026-11-30T12:00:00Z")));
    assert_eq!(deadline(&desk).await, Some(at(DEADLINE)));
}

#[tokio::test]
async fn cv_04_and_cv_09_an_invalid_contact_is_alarmed_and_a_confirmed_address_does_not_verify_it()
{
    let desk = desk().await;
    state(&desk, &RUNNING).await;
    contact(&desk, false, false).await;
    assert_eq!(desk.alarms().await, ["W87"]);
    event(&desk).await;
    confirm(&desk).await;
    assert_eq!(deadline(&desk).await, Some(at(DEADLINE)));
}

#[tokio::test]
async fn cv_11_a_change_of_the_owner_changes_no_deadline() {
    let mut desk = begun().await;
    desk.now = at("2026-11-22T00:00:00Z");
    let mut changed = RUNNING;
    changed[2].1 = "P-LMN88";
    state(&desk, &changed).await;
    assert_eq!(deadline(&desk).await, Some(at(DEADLINE)));
    assert!(
        asked(&desk)
            .await
            .contains(&"StatusContact P-LMN88".to_owned())
    );
    // The new owner hears of it at once, however late it is.
    let shown = [
        ("contact", "P-LMN88"),
        ("email", "neu@example.net"),
        ("validated", "1"),
        ("verified", "0"),
    ];
    answer(&desk, "StatusContact contact=P-LMN88", &shown).await;
    desk.plan().await;
    assert!(
        asked(&desk)
            .await
            .contains(&"ResendNotification neu@example.net".to_owned())
    );
}

#[tokio::test]
async fn cv_20_a_deadline_is_no_suspension_and_a_passed_one_is_looked_at_soon() {
    let mut desk = begun().await;
    assert_eq!(clock(&desk).await, ResellerClock::Running(at(DEADLINE)));
    assert!(!desk.record(LIVE, "orchard-sample.com").await.is_on_hold());
    desk.now = at("2026-11-23T00:44:00Z");
    assert_eq!(clock(&desk).await, ResellerClock::Due(at(DEADLINE)));
    for request in desk
        .store
        .commands(&CommandFilter::default())
        .await
        .unwrap()
    {
        desk.store
            .decide_command(request.id, false, &desk.audit())
            .await
            .unwrap();
    }
    assert_eq!(desk.store.queue_due_looks(LIVE, desk.now).await.unwrap(), 1);
}

#[tokio::test]
async fn the_owner_is_told_at_once_and_reminded_on_days_1_7_12_and_14() {
    let mut desk = begun().await;
    until(&mut desk, "2026-11-23T00:41:00Z").await;
    let told = told(&desk).await;
    let days: Vec<&str> = told.iter().map(|(_, day, _)| day.as_str()).collect();
    assert_eq!(days, ["08", "09", "15", "20", "22"]);
    assert!(
        told.iter()
            .all(|(kind, _, to)| *kind == NoticeKind::EmailConfirmation && to == ADDRESS)
    );
}

#[tokio::test]
async fn cv_29_where_the_reseller_s_system_writes_to_owners_we_do_not() {
    let mut desk = begun().await;
    desk.rules.telling.writes_to_owners = false;
    until(&mut desk, "2026-11-23T00:41:00Z").await;
    confirm(&desk).await;
    assert!(desk.notices().await.is_empty());
    assert!(
        !asked(&desk)
            .await
            .iter()
            .any(|name| name.starts_with("Resend"))
    );
}

#[tokio::test]
async fn without_a_code_one_is_asked_for_once_a_day_and_the_mail_leaves_when_it_is_there() {
    let mut desk = desk().await;
    state(&desk, &RUNNING).await;
    contact(&desk, true, false).await;
    until(&mut desk, "2026-11-08T20:00:00Z").await;
    let resent = format!("ResendNotification {ADDRESS}");
    assert_eq!(
        asked(&desk)
            .await
            .iter()
            .filter(|name| **name == resent)
            .count(),
        1
    );
    assert!(desk.notices().await.is_empty());
    event(&desk).await;
    until(&mut desk, "2026-11-08T21:00:00Z").await;
    assert_eq!(told(&desk).await.len(), 1);
}

/// A visitor presses the button, and `stichtag-send` is told that it is done.
async fn confirm(desk: &Desk) {
    let code = VisitorCode::Trigger(CODE.parse().unwrap());
    let asked = desk
        .store
        .ask_confirmation(LIVE, &code, 10, desk.now)
        .await
        .unwrap();
    let Confirmation::Asked(ids) = asked else {
        panic!("{asked:?}");
    };
    let inbound = Inbound {
        source: Source::CentralnicApi,
        received_at: desk.now,
        envelope: Envelope {
            asked: Some("ActivateContact trigger=…".to_owned()),
            command: Some(ids[0]),
            ..Envelope::default()
        },
        environment: Some(LIVE),
        raw: b"[RESPONSE]\ncode = 200\ndescription = Command completed successfully\nEOF\n"
            .to_vec(),
    };
    desk.keep(inbound).await;
    desk.work().await;
}

#[tokio::test]
async fn a_confirmation_ends_the_case_at_once_and_no_reminder_follows() {
    let mut desk = begun().await;
    until(&mut desk, "2026-11-10T00:00:00Z").await;
    confirm(&desk).await;
    assert_eq!(deadline(&desk).await, None);
    assert_eq!(desk.cases().await[0].state, CaseState::Resolved);
    until(&mut desk, "2026-11-24T00:00:00Z").await;
    let told = told(&desk).await;
    assert_eq!(told.len(), 3, "{told:?}");
    let last = (NoticeKind::Resolved, "10".to_owned(), ADDRESS.to_owned());
    assert_eq!(told[2], last);
    // The same code once more changes nothing.
    let code = VisitorCode::Trigger(CODE.parse().unwrap());
    let again = desk
        .store
        .ask_confirmation(LIVE, &code, 10, desk.now)
        .await
        .unwrap();
    assert_eq!(again, Confirmation::Already);
}

#[tokio::test]
async fn cv_24_parked_on_the_interrupt_name_servers_it_is_off_the_net_and_the_owner_is_told() {
    let mut desk = begun().await;
    until(&mut desk, DEADLINE).await;
    let before = told(&desk).await.len();
    desk.now = at("2026-11-23T00:44:00Z");
    state(&desk, &PARKED).await;
    assert_eq!(desk.cases().await[0].state, CaseState::OnHold);
    until(&mut desk, "2026-11-24T00:44:00Z").await;
    let told = told(&desk).await;
    assert_eq!(told.len(), before + 1);
    // Other name servers beside one of the pair are the owner's own doing.
    let mixed = "property[domain][0] = orchard-sample.com\nproperty[nameserver][0] = ns1.emailverification.info\nproperty[nameserver][1] = ns1.hosting.example\n";
    raw(&desk, "StatusDomain domain=orchard-sample.com", mixed).await;
    assert!(!desk.record(LIVE, "orchard-sample.com").await.is_on_hold());
}

#[tokio::test]
async fn cv_12_and_cv_13_a_confirmed_domain_is_watched_for_half_an_hour_then_freed() {
    let mut desk = begun().await;
    desk.now = at("2026-11-23T00:44:00Z");
    state(&desk, &PARKED).await;
    desk.now = at("2026-11-25T09:00:00Z");
    confirm(&desk).await;
    let record = desk.record(LIVE, "orchard-sample.com").await;
    assert_eq!(
        record.facts.reseller.clock(desk.now),
        ResellerClock::Releasing
    );
    assert_eq!(desk.cases().await[0].state, CaseState::OnHold);
    desk.now += 20.minutes();
    state(&desk, &PARKED).await;
    let release = "ReleaseDomain orchard-sample.com".to_owned();
    assert!(!asked(&desk).await.contains(&release));
    desk.now += 10.minutes();
    state(&desk, &PARKED).await;
    assert!(asked(&desk).await.contains(&release));
    desk.now += 10.minutes();
    state(&desk, &PARKED).await;
    assert_eq!(
        asked(&desk)
            .await
            .iter()
            .filter(|name| **name == release)
            .count(),
        1
    );
    // It does not come back: a person is asked, and it is tried again.
    desk.now += 2.hours();
    state(&desk, &PARKED).await;
    assert_eq!(desk.alarms().await, ["W88"]);
    desk.now += 2.minutes();
    state(&desk, &FREE).await;
    assert!(desk.alarms().await.is_empty());
    let case = &desk.cases().await[0];
    assert_eq!(case.state, CaseState::Resolved);
}

#[tokio::test]
async fn a_sweep_finds_what_no_event_told_and_names_what_we_do_not_have() {
    let desk = desk().await;
    let rows = "property[domain][0] = orchard-sample.com\nproperty[domain][1] = fremd-sample.net\n\
        property[contact][0] = P-QRT1207\nproperty[contact][1] = P-LMN88\n\
        property[verified][0] = 0\nproperty[verified][1] = 0\n\
        property[x-time-to-suspension][0] = 2026-11-23 00:41:49\n\
        property[x-time-to-suspension][1] = 2026-11-30 12:00:00\n";
    raw(&desk, "QueryDomainList type=SHOWUNVERIFIED first=0", rows).await;
    assert_eq!(deadline(&desk).await, Some(at(DEADLINE)));
    assert_eq!(desk.alarms().await, ["W89"]);
    let asked = asked(&desk).await;
    assert!(
        asked.contains(&"StatusContact P-QRT1207".to_owned()),
        "{asked:?}"
    );
    assert!(
        asked.contains(&"StatusDomain orchard-sample.com".to_owned()),
        "{asked:?}"
    );
}

#[tokio::test]
async fn three_forms_of_one_happening_are_one_and_each_is_on_record() {
    let desk = begun().await;
    let before = desk
        .store
        .commands(&CommandFilter::default())
        .await
        .unwrap()
        .len();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let poll =
        std::fs::read(folder.join("centralnic-poll/poll-contact-registration-notify.xml")).unwrap();
    let api = std::fs::read(folder.join("centralnic-api/resp-statusevent-contactverification.txt"))
        .unwrap();
    for (source, asked, raw) in [
        (Source::CentralnicPoll, None, poll),
        (
            Source::CentralnicApi,
            Some("StatusEvent event=700101".to_owned()),
            api,
        ),
    ] {
        let inbound = Inbound {
            source,
            received_at: desk.now,
            envelope: Envelope {
                asked,
                ..Envelope::default()
            },
            environment: Some(LIVE),
            raw,
        };
        let id = desk.keep(inbound).await;
        desk.work().await;
        assert_eq!(
            desk.verdict(id).await,
            Unchanged,
            "{:?}",
            desk.entry(id).await
        );
        assert_eq!(desk.codes(id).await, ["W91"], "{source}");
    }
    let after = desk
        .store
        .commands(&CommandFilter::default())
        .await
        .unwrap()
        .len();
    assert_eq!(after, before);
    assert_eq!(at(CREATED) + 360.hours(), at(DEADLINE));
}

#[tokio::test]
async fn a_de_domain_shows_its_deadlines_as_the_earlier_of_two_zones_and_marks_them() {
    let desk = desk().await;
    desk.domain(LIVE, "orchard-sample.de", Some("K-1"), "")
        .await;
    let shown = [
        ("domain", "orchard-sample.de"),
        ("status", "ACTIVE"),
        ("ownercontact", "P-DEH4410"),
        (
            "x-de-verificationdeadlinebeforededelegation",
            "2026-12-04T10:15:00",
        ),
        (
            "x-de-verificationdeadlinebeforedeletion",
            "2027-02-02T10:15:00",
        ),
    ];
    answer(&desk, "StatusDomain domain=orchard-sample.de", &shown).await;
    let record = desk.record(LIVE, "orchard-sample.de").await;
    assert!(record.is_zone_assumed());
    let due = record.due();
    assert_eq!(due.dedelegation_at, Some(at("2026-12-04T09:15:00Z")));
    assert_eq!(due.deletion_at, Some(at("2027-02-02T09:15:00Z")));
    let notices = desk.notices().await;
    assert_eq!(notices[0].notice.kind, NoticeKind::VerificationRequired);
    assert_eq!(notices[0].notice.recipient, "kunde@example.net");
    let mut held = shown.to_vec();
    held[1].1 = "serverHold";
    held.remove(3);
    answer(&desk, "StatusDomain domain=orchard-sample.de", &held).await;
    assert_eq!(desk.cases().await[0].state, CaseState::OnHold);
    let free = [shown[0], shown[1], shown[2]];
    answer(&desk, "StatusDomain domain=orchard-sample.de", &free).await;
    assert_eq!(desk.cases().await[0].state, CaseState::Resolved);
}

/// The code as it stands in the database, and the bytes of the message that carried it.
async fn kept_of(desk: &Desk, message: InboundId) -> (bool, usize) {
    let carries = desk.store.carries_code(message).await.unwrap();
    let kept = desk.store.kept(message).await.unwrap().unwrap();
    (carries, kept.raw.len())
}

#[tokio::test]
async fn a_used_code_goes_with_the_bytes_that_carried_it_and_is_known_as_used_all_the_same() {
    let mut desk = desk().await;
    let message = event(&desk).await;
    state(&desk, &RUNNING).await;
    contact(&desk, true, false).await;
    let month = 30 * 24;
    assert_eq!(
        desk.store
            .forget_codes(desk.now - month.hours())
            .await
            .unwrap(),
        0
    );
    assert!(matches!(kept_of(&desk, message).await, (true, 100..)));
    confirm(&desk).await;
    assert_eq!(
        desk.store
            .forget_codes(desk.now - month.hours())
            .await
            .unwrap(),
        0
    );
    // The command is answered by the kept answer alone here: settled, it holds the code no longer.
    for request in desk
        .store
        .commands(&CommandFilter::default())
        .await
        .unwrap()
    {
        let reply = CommandReply {
            state: CommandState::Done,
            due_at: desk.now,
            code: Some(200),
            text: "200".to_owned(),
        };
        desk.store
            .settle_command(request.id, &reply, None, None, desk.now)
            .await
            .unwrap();
    }
    assert_eq!(
        desk.store
            .forget_codes(desk.now - month.hours())
            .await
            .unwrap(),
        1
    );
    assert_eq!(kept_of(&desk, message).await, (false, 0));
    let code = VisitorCode::Trigger(CODE.parse().unwrap());
    let again = desk
        .store
        .ask_confirmation(LIVE, &code, 10, desk.now)
        .await
        .unwrap();
    assert_eq!(again, Confirmation::Already);
    // The same code from another source is not kept once more.
    desk.now += 2.hours();
    let copy = event(&desk).await;
    assert!(matches!(kept_of(&desk, copy).await, (true, 100..)));
    assert_eq!(
        desk.store
            .forget_codes(desk.now - month.hours())
            .await
            .unwrap(),
        0
    );
    assert_eq!(kept_of(&desk, copy).await, (false, 0));
}

#[tokio::test]
async fn a_code_that_nobody_uses_is_deleted_after_thirty_days() {
    let desk = desk().await;
    let message = event(&desk).await;
    let day = |days: i64| desk.now + (days * 24).hours() - (30 * 24).hours();
    assert_eq!(desk.store.forget_codes(day(29)).await.unwrap(), 0);
    assert_eq!(desk.store.forget_codes(day(31)).await.unwrap(), 1);
    assert_eq!(kept_of(&desk, message).await, (false, 0));
}

#[tokio::test]
async fn cv_30_an_owner_is_asked_in_english_below_any_other_language() {
    let mut desk = begun().await;
    until(&mut desk, "2026-11-08T02:00:00Z").await;
    let notices = desk.notices().await;
    assert_eq!(notices[0].notice.kind, NoticeKind::EmailConfirmation);
    assert_eq!(notices[0].notice.languages, [Language::De, Language::En]);
}

#[tokio::test]
async fn a_suspension_that_comes_near_is_alarmed_as_untold_only_where_it_is_we_who_write_to_owners()
{
    for writes_to_owners in [false, true] {
        let mut desk = desk().await;
        state(&desk, &RUNNING).await;
        desk.now = at("2026-11-21T00:00:00Z");
        let mut watch = Watch::new(WatchRules {
            writes_to_owners,
            routes: Vec::new(),
            ..WatchRules::new(&config(&[]))
        });
        watch.look(&desk.store, desk.now).await.unwrap();
        assert_eq!(desk.alarms().await.is_empty(), !writes_to_owners);
    }
}

#[tokio::test]
async fn the_domain_of_a_country_has_no_forecast_by_icann_s_rules() {
    let mut desk = desk().await;
    desk.now = at("2026-11-09T17:30:00Z");
    desk.domain(LIVE, "orchard-sample.de", Some("K-1"), "")
        .await;
    let mail = String::from_utf8(reseller::event("event-transfer-internal.eml")).unwrap();
    let mail = mail.replace("brook-sample.net", "orchard-sample.de");
    let id = desk
        .smtp(reseller::FROM, reseller::TO, mail.as_bytes())
        .await;
    assert_eq!(desk.verdict(id).await, Unchanged);
    let record = desk.record(LIVE, "orchard-sample.de").await;
    assert!(!record.due().is_some());
    assert_eq!(asked(&desk).await, ["StatusDomain orchard-sample.de"]);
}

#[tokio::test]
async fn cv_25_a_code_that_was_deleted_for_its_age_works_when_its_owner_brings_it() {
    let mut desk = begun().await;
    desk.now += (40 * 24).hours();
    assert_eq!(
        desk.store
            .forget_codes(desk.now - (30 * 24).hours())
            .await
            .unwrap(),
        1
    );
    confirm(&desk).await;
    assert_eq!(deadline(&desk).await, None);
}

#[tokio::test]
async fn a_code_of_an_earlier_address_is_none_for_the_present_one_and_confirms_it_not() {
    let mut desk = begun().await;
    until(&mut desk, "2026-11-08T02:00:00Z").await;
    let shown = [
        ("contact", OWNER),
        ("email", "neu@example.net"),
        ("validated", "1"),
        ("verified", "0"),
    ];
    answer(&desk, &format!("StatusContact contact={OWNER}"), &shown).await;
    until(&mut desk, "2026-11-08T04:00:00Z").await;
    // A new code is asked for, and no mail leaves without it.
    assert!(
        asked(&desk)
            .await
            .contains(&"ResendNotification neu@example.net".to_owned())
    );
    assert_eq!(told(&desk).await.len(), 1);
    confirm(&desk).await;
    assert_eq!(deadline(&desk).await, Some(at(DEADLINE)));
    assert!(
        told(&desk)
            .await
            .iter()
            .all(|(kind, ..)| *kind != NoticeKind::Resolved)
    );
}

#[tokio::test]
async fn cv_24_a_domain_that_is_listed_as_suspended_and_does_not_look_so_is_alarmed() {
    let desk = begun().await;
    state(&desk, &FREE).await;
    let rows = "property[domain][0] = orchard-sample.com\nproperty[contact][0] = P-QRT1207\n";
    raw(&desk, "QueryDomainList type=SHOWSUSPENDED first=0", rows).await;
    assert_eq!(desk.alarms().await, ["W92"]);
    state(&desk, &PARKED).await;
    raw(
        &desk,
        "QueryDomainList type=SHOWSUSPENDED first=0 limit=1000",
        rows,
    )
    .await;
    assert!(desk.alarms().await.is_empty());
}

#[tokio::test]
async fn two_events_that_name_nothing_are_two() {
    let desk = desk().await;
    for (number, domains) in [(1, ["e", "f"]), (2, ["g", "a"])] {
        let [one, two] = domains;
        let mail = format!(
            "From: <{}>\r\nSubject: Event\r\nDate: Sun, 08 Nov 2026 00:41:50 +0000\r\n\
             Message-ID: <{number}@registrar.example>\r\n\r\nCLASS:CONTACT_MODIFICATION\r\n\
             SUBCLASS:MODIFICATION_NOTIFY\r\ndomain:{one}.example.com\r\ndomain:{two}.example.com\r\n",
            reseller::FROM
        );
        let id = desk
            .smtp(reseller::FROM, reseller::TO, mail.as_bytes())
            .await;
        assert!(!desk.codes(id).await.contains(&"W91"));
    }
}
