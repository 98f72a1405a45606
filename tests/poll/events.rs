//! What poll and API say, and that they say what the mail says.

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use stichtag::model::{
    Facts, RegistryEvent, ResellerEvent, Source, TriggerCode, read_link, read_typed,
};
use stichtag::parse::{
    ParseError, centralnic_api, centralnic_mail, centralnic_poll, detect, event_json,
};

/// The code of the samples about P-QRT1207.
const CODE: &str = "MTc5NDA5ODUzMC43NzEyIzc3MDAxMTIyMzM0NDUgTA==";
const OTHER: &str = "MTc5NDMxMjAwMC40NDEwIzc3MDA1NTUxMjEyIEw=";

/// So much of a code may never be seen.
const PIECE: usize = 16;

pub fn fixture(path: &str) -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    std::fs::read(root.join(path)).unwrap()
}

fn poll(name: &str) -> RegistryEvent {
    centralnic_poll(&fixture(&format!("centralnic-poll/{name}.xml"))).unwrap()
}

fn api(name: &str, asked: Option<&str>) -> Result<RegistryEvent, ParseError> {
    centralnic_api(&fixture(&format!("centralnic-api/{name}.txt")), asked)
}

fn told(event: &RegistryEvent) -> (&ResellerEvent, Option<&str>) {
    match &event.facts {
        Facts::ContactVerification { event, trigger } => {
            (event, trigger.as_ref().map(TriggerCode::expose))
        }
        Facts::ResellerEvent(event) => (event, None),
        other => panic!("{other:?}"),
    }
}

fn shown(read: &Result<RegistryEvent, ParseError>) -> String {
    match read {
        Ok(event) => format!("{event:?} {}", event_json(event)),
        Err(error) => format!("{error} {error:?}"),
    }
}

fn leaks(read: &Result<RegistryEvent, ParseError>) -> bool {
    let shown = shown(read);
    [CODE, OTHER].iter().any(|code| {
        let mut pieces = (0..=code.len() - PIECE).map(|at| &code[at..at + PIECE]);
        pieces.any(|piece| shown.contains(piece))
    })
}

#[test]
fn cv_16_cv_17_mail_poll_and_api_tell_the_same_facts() {
    let mail = centralnic_mail(&fixture(
        "centralnic-mail/event-contactverification-handle.eml",
    ))
    .unwrap();
    let poll = poll("poll-contact-registration-notify");
    let api = api(
        "resp-statusevent-contactverification",
        Some("StatusEvent event=700101"),
    )
    .unwrap();
    assert_eq!(told(&mail).1, Some(CODE));
    assert_eq!(poll.facts, mail.facts);
    let mut facts = api.facts.clone();
    let Facts::ContactVerification { event, .. } = &mut facts else {
        panic!("{facts:?}");
    };
    assert_eq!(event.index.take().as_deref(), Some("700101"));
    assert_eq!(facts, mail.facts);
    for at in [poll.registry_time, api.registry_time] {
        assert_eq!(at.unwrap().to_string(), "2026-11-08T00:42:11Z");
    }
    assert_eq!(poll.msgid.unwrap().0, "81001");
    assert_eq!(
        (poll.source, api.source),
        (Source::CentralnicPoll, Source::CentralnicApi)
    );
}

#[test]
fn cv_14_the_holders_mail_gives_the_code_of_the_event_by_link_and_by_token() {
    let mail = fixture("centralnic-mail/verification-mail-to-registrant.eml");
    let mail = String::from_utf8(mail).unwrap();
    let between = |begin: &str, end: char| {
        let rest = &mail[mail.find(begin).unwrap()..];
        rest[..rest.find(end).unwrap()].trim().to_owned()
    };
    let (code, address) = read_link(&between("https://verify", '>')).unwrap();
    assert_eq!(code.expose(), CODE);
    assert_eq!(address.as_deref(), Some("ada@orchard-sample.com"));
    assert_eq!(read_typed(&between("trigger = ", '\n')).unwrap(), code);
}

#[test]
fn ep_01_a_response_without_a_message_is_an_answer() {
    for (name, code) in [("poll-empty-1300", 1300), ("poll-ack-response", 1000)] {
        let facts = poll(name).facts;
        assert!(matches!(facts, Facts::ResellerAnswer { code: said, .. } if said == code));
    }
}

#[test]
fn ep_02_ep_04_prefixes_and_the_namespace_of_the_data_do_not_matter() {
    let event = poll("poll-contact-registration-notify-other-prefixes");
    let (told, code) = told(&event);
    assert_eq!(code, Some(OTHER));
    assert_eq!(told.object.as_ref().unwrap().as_str(), "P-LMN88");
    assert!(event.warnings.is_empty(), "{:?}", event.warnings);
}

#[test]
fn ep_03_the_objects_word_is_taken_off_once_and_need_not_be_there() {
    for (name, class, subclass) in [
        (
            "poll-contact-registration-notify",
            "CONTACT_REGISTRATION",
            "CONTACT_REGISTRATION_NOTIFY",
        ),
        (
            "poll-contact-deletion",
            "CONTACT_DELETION",
            "DELETION_SUCCESSFUL",
        ),
        (
            "poll-transfer-pending",
            "DOMAIN_TRANSFER",
            "TRANSFER_PENDING",
        ),
        ("poll-bare-subclass", "DOMAIN_TRANSFER", "TRANSFER_PENDING"),
    ] {
        let event = poll(name);
        let (told, _) = told(&event);
        assert_eq!((&*told.class, &*told.subclass), (class, subclass), "{name}");
    }
    let frame = String::from_utf8(fixture("centralnic-poll/poll-contact-deletion.xml")).unwrap();
    for (msg, class, subclass) in [
        (
            "CONTACT_REGISTRATION_NOTIFY",
            "CONTACT_REGISTRATION",
            "CONTACT_REGISTRATION_NOTIFY",
        ),
        (
            "DOMAIN_FOREIGN_TRANSFER_PENDING",
            "DOMAIN_TRANSFER",
            "FOREIGN_TRANSFER_PENDING",
        ),
        ("DOMAINAPPLICATION_FAILED", "DOMAINAPPLICATION", "FAILED"),
        ("ACCOUNT_SEPA_EXPIRED", "ACCOUNT", "SEPA_EXPIRED"),
    ] {
        let event = centralnic_poll(frame.replace("CONTACT_DELETION_SUCCESSFUL", msg).as_bytes());
        let event = event.unwrap();
        let (told, _) = told(&event);
        assert_eq!((&*told.class, &*told.subclass), (class, subclass), "{msg}");
    }
}

#[test]
fn ep_05_ep_06_unknown_ids_and_dates_are_not_there() {
    let event = poll("poll-transfer-pending");
    let (told, _) = told(&event);
    let keys: Vec<_> = told.data.iter().map(|(key, _)| key.as_str()).collect();
    assert!(
        !keys.contains(&"reDate") && !keys.contains(&"svtrid"),
        "{keys:?}"
    );
    assert_eq!(told.texts, ["USERTRANSFER samplereseller -> otherreseller"]);
    let frame = String::from_utf8(fixture("centralnic-poll/poll-transfer-pending.xml")).unwrap();
    let unknown = frame.replace("2026-11-09T14:49:23.0Z", "0001-01-01T00:00:00.0Z");
    assert_eq!(
        centralnic_poll(unknown.as_bytes()).unwrap().registry_time,
        None
    );
    let wrong = frame.replace("2026-11-09T14:49:23.0Z", "yesterday");
    assert_eq!(
        centralnic_poll(wrong.as_bytes()).unwrap_err().code.as_str(),
        "R10"
    );
}

#[test]
fn ep_10_document_types_entities_depth_and_size_are_refused() {
    let frame = String::from_utf8(fixture("centralnic-poll/poll-contact-deletion.xml")).unwrap();
    let info = "Unused contact autodeletion";
    for (frame, code) in [
        (
            String::from_utf8(fixture("centralnic-poll/bad-doctype.xml")).unwrap(),
            "R10",
        ),
        (frame.replace(info, "&x;"), "R10"),
        (frame.replace(info, &"<a>".repeat(100)), "R16"),
        (frame.replace(info, &"a".repeat(1 << 20)), "R16"),
        (frame.replace("epp-1.0", "epp-2.0"), "R10"),
        (format!("{frame}<epp/>"), "R10"),
    ] {
        assert_eq!(
            centralnic_poll(frame.as_bytes()).unwrap_err().code.as_str(),
            code
        );
    }
}

#[test]
fn a_message_without_the_extension_says_so() {
    let event = poll("poll-no-extension");
    assert_eq!(told(&event).1, None);
    let codes: Vec<_> = event
        .warnings
        .iter()
        .map(|warning| warning.code.as_str())
        .collect();
    assert_eq!(codes, ["W86", "W40"]);
}

#[test]
fn both_new_kinds_are_told_by_how_they_begin() {
    assert_eq!(
        detect(&fixture("centralnic-poll/bad-doctype.xml")),
        Source::CentralnicPoll
    );
    for text in [
        "\u{feff}<?xml version='1.0'?><!-- <a> --><e:epp xmlns:e='x'/>",
        "<epp>",
    ] {
        assert_eq!(detect(text.as_bytes()), Source::CentralnicPoll, "{text}");
    }
    let answer = fixture("centralnic-api/resp-crlf-uppercase.txt");
    assert_eq!(detect(&answer), Source::CentralnicApi);
    for text in ["<registry-response/>", "<", "<!--", "[RESP", "<epps/>"] {
        assert_eq!(detect(text.as_bytes()), Source::DenicQueue, "{text}");
    }
}

#[test]
fn cv_20_a_domain_is_shown_with_its_deadline_and_its_state() {
    let read = |name: &str| {
        let event = api(name, None).unwrap();
        match event.facts {
            Facts::ResellerDomains {
                mut domains,
                is_whole,
            } => (domains.remove(0), is_whole),
            other => panic!("{other:?}"),
        }
    };
    let (candidate, is_whole) = read("resp-statusdomain-candidate");
    assert!(is_whole);
    assert_eq!(
        candidate.suspension_at.unwrap().to_string(),
        "2026-11-23T00:41:49Z"
    );
    assert_eq!(candidate.owner.unwrap().as_str(), "P-QRT1207");
    let (parked, _) = read("resp-statusdomain-interrupt-nameservers");
    assert_eq!(parked.nameservers[0], "ns1.emailverification.info");
    let (german, _) = read("resp-statusdomain-de-verification");
    assert_eq!(german.domain.unicode(), "äpfel-sample.de");
    assert_eq!(
        german.de_dedelegation.unwrap().to_string(),
        "2026-11-04T10:15:00"
    );
    let (added, is_whole) = read("resp-adddomain-unverified-owner");
    assert!(!is_whole && added.suspension_at == candidate.suspension_at);
}

#[test]
fn the_rows_of_a_list_keep_their_own_values() {
    let event = api(
        "resp-querydomainlist-unverified-page1",
        Some("QueryDomainList"),
    )
    .unwrap();
    let Facts::ResellerDomains { domains, is_whole } = &event.facts else {
        panic!("{:?}", event.facts);
    };
    let rows: Vec<_> = domains
        .iter()
        .map(|row| {
            (
                row.domain.ace(),
                row.owner.as_ref().unwrap().as_str(),
                row.is_verified,
            )
        })
        .collect();
    let expected = [
        ("orchard-sample.com", "P-QRT1207", Some(false)),
        ("xn--brcke-sample-elb.com", "P-LMN88", Some(false)),
    ];
    assert_eq!((rows.as_slice(), is_whole), (&expected[..], &false));
}

#[test]
fn a_contact_is_known_by_the_answer_or_by_what_was_asked() {
    let contact = |name, asked| match api(name, asked).unwrap().facts {
        Facts::ResellerContact(contact) => Some(contact),
        _ => None,
    };
    let shown = contact("resp-statuscontact-pending", None).unwrap();
    assert_eq!(
        (shown.is_verified, shown.is_requested),
        (Some(false), Some(true))
    );
    let asked = Some("ModifyContact contact=P-QRT1207 checkonly=1 preverify=1");
    let preverified = contact("resp-modifycontact-preverify", asked).unwrap();
    assert_eq!(preverified.handle, shown.handle);
    assert_eq!(preverified.is_validated, Some(true));
    assert_eq!(contact("resp-modifycontact-preverify", None), None);
    let refused = api(
        "resp-adddomain-invalid-contact",
        Some("AddDomain domain=a.example"),
    );
    assert!(matches!(
        refused.unwrap().facts,
        Facts::ResellerAnswer { code: 549, .. }
    ));
}

#[test]
fn a_deadline_that_cannot_be_read_is_never_dropped() {
    let text = fixture("centralnic-api/resp-statusdomain-candidate.txt");
    let text = String::from_utf8(text).unwrap();
    for (from, to, code) in [
        ("2026-11-23 00:41:49.0", "soon", "R11"),
        ("x-time-to-suspension", "x-time-to-suspension-two", "R11"),
        ("2026-11-08 00:41:49.0", "yesterday", "R10"),
        ("= orchard-sample.com", "= no name", "R10"),
        ("EOF", "", "R10"),
    ] {
        let error = centralnic_api(text.replace(from, to).as_bytes(), None).unwrap_err();
        assert_eq!(error.code.as_str(), code, "{to}: {error}");
        assert!(error.names_deadline);
    }
    let other = centralnic_api(
        text.as_bytes(),
        Some("StatusDomain domain=brook-sample.net"),
    );
    assert_eq!(other.unwrap_err().code.as_str(), "R12");
}

#[test]
fn keys_with_blanks_and_keys_that_repeat_are_kept() {
    let event = api("resp-statusevent-ownerchange-failed", None).unwrap();
    let (told, _) = told(&event);
    let domains = told.data.iter().filter(|(key, _)| key == "domain").count();
    assert_eq!(domains, 2);
    assert_eq!(told.texts, ["ownerchange failed: 531 Authorization failed"]);
    let event = api("resp-statusevent-transfer", None).unwrap();
    let keys: Vec<_> = (self::told(&event).0.data.iter())
        .map(|(key, _)| key.as_str())
        .collect();
    assert!(keys.contains(&"requesting registrar"), "{keys:?}");
}

fn samples() -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let files = |folder: &str| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(root.join(folder)).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    };
    let mut all: Vec<_> = [files("centralnic-poll"), files("centralnic-api")].concat();
    all.sort();
    all.iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect()
}

#[test]
fn no_sample_shows_a_code_or_a_session() {
    for raw in samples() {
        for read in [centralnic_poll(&raw), centralnic_api(&raw, None)] {
            assert!(!leaks(&read), "{}", shown(&read));
            assert!(!shown(&read).contains("0f0e0d0c"), "{}", shown(&read));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_break_a_reader(raw in prop::collection::vec(any::<u8>(), 0..400)) {
        detect(&raw);
        let _ = (centralnic_poll(&raw), centralnic_api(&raw, None));
    }

    #[test]
    fn a_changed_sample_is_read_or_refused_and_shows_no_code(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        thread_local! {
            static SAMPLES: Vec<Vec<u8>> = samples();
        }
        let mut raw = SAMPLES.with(|all| which.get(all).clone());
        for (place, byte) in changes {
            if !raw.is_empty() {
                let place = place.index(raw.len());
                raw[place] = byte;
            }
        }
        for read in [centralnic_poll(&raw), centralnic_api(&raw, None)] {
            prop_assert!(!leaks(&read), "{}", shown(&read));
        }
    }
}
