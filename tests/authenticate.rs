//! Forgeries and lookalikes: none may be trusted, and every genuine mail must.

use proptest::prelude::*;
use stichtag::authenticate::{self, Policy, Verdict, content_digest};
use stichtag::config::{Config, Layers};
use stichtag::model::{Envelope, Environment, Inbound, Route, Source};

const LIVE_FROM: &str = "registry-response@denic.de";
const TEST_FROM: &str = "registry-response@test.denic.de";
const LIVE_TO: &str = "denic@registry.example.net";
const TEST_TO: &str = "denic-test@registry.example.net";
const LIVE_SUBJECT: &str = "DOMAIN STATUS UPDATE - 2026-05-04";
const TEST_SUBJECT: &str = "DOMAIN STATUS UPDATE TEST - 2026-05-04";

fn routes(more: &[(&str, &str)]) -> Vec<Route> {
    let live = format!("[\"{LIVE_TO}\"]");
    let test = format!("[\"{TEST_TO}\"]");
    let mut variables = vec![
        ("STICHTAG_ROUTE__DENIC_LIVE__RECIPIENTS", live.as_str()),
        ("STICHTAG_ROUTE__DENIC_TEST__RECIPIENTS", test.as_str()),
    ];
    variables.retain(|(name, _)| more.iter().all(|(other, _)| other != name));
    variables.extend_from_slice(more);
    let variables = variables
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    Config::from_layers(&Layers::read(None, variables).unwrap())
        .unwrap()
        .routes
}

fn envelope(from: &str, to: &[&str]) -> Envelope {
    Envelope {
        mail_from: Some(from.to_owned()),
        recipients: to.iter().map(|to| (*to).to_owned()).collect(),
        ..Envelope::default()
    }
}

/// The verdict, its proof of origin left aside.
fn authenticate(routes: &[Route], envelope: &Envelope, raw: &[u8]) -> Verdict {
    let policy = Policy {
        routes: routes.to_vec(),
        authserv_ids: Vec::new(),
        authserv_hops: 1,
        replay_window: jiff::SignedDuration::from_hours(7 * 24),
        notice_host: "bounce.example.net".to_owned(),
        bounce_key: None,
    };
    let inbound = Inbound {
        source: Source::DenicMail,
        received_at: "2026-05-04T07:13:00Z".parse().unwrap(),
        envelope: envelope.clone(),
        environment: None,
        raw: raw.to_vec(),
    };
    authenticate::authenticate(&policy, &inbound, None)
}

fn raw(header: &str) -> Vec<u8> {
    format!(
        "{header}\r\n\r\nSTATUS: success\r\nTICKET:\r\nOBJECT: Domain\r\nHANDLE: denic.de [denic.de]\r\n"
    )
    .into_bytes()
}

/// A mail whose header is that of a genuine one but for `from` and `subject`.
fn mail(from: &str, subject: &str) -> Vec<u8> {
    raw(&format!(
        "Date: Mon, 04 May 2026 09:12:31 +0200\r\nFrom: {from}\r\nTo: {LIVE_TO}\r\nSubject: {subject}\r\nMessage-ID: <1@denic.de>"
    ))
}

fn live(raw: &[u8]) -> Verdict {
    let envelope = envelope(LIVE_FROM, &[LIVE_TO]);
    authenticate(&routes(&[]), &envelope, raw)
}

fn codes(verdict: &Verdict) -> Vec<&str> {
    let reasons = verdict.reasons.iter();
    reasons.map(|reason| reason.code.as_str()).collect()
}

#[test]
fn genuine_mail_is_trusted_in_every_form_the_registry_may_choose() {
    for from in [
        "registry-response@denic.de",
        "<registry-response@denic.de>",
        "DENIC eG <registry-response@denic.de>",
        "\"DENIC eG, Registry\" <registry-response@denic.de>",
        "registry-response@DENIC.DE",
        "registry-response@Denic.de (DENIC eG)",
        "\r\n registry-response@denic.de",
        "DENIC\r\n\teG\r\n <registry-response@denic.de>",
        "=?UTF-8?Q?DENIC_Genossenschaft?= <registry-response@denic.de>",
        "\"registry-response@denic.de\" <registry-response@denic.de>",
    ] {
        let verdict = live(&mail(from, LIVE_SUBJECT));
        assert!(verdict.is_trusted, "{from:?}: {verdict:?}");
        assert_eq!(verdict.environment, Some(Environment::Live));
        assert_eq!(verdict.route.as_deref(), Some("denic-live"));
        assert!(verdict.reasons.is_empty());
        assert!(
            !verdict.checked.is_empty(),
            "`log why` tells what was checked"
        );
    }
    let verdict = authenticate(
        &routes(&[]),
        &envelope(TEST_FROM, &[TEST_TO]),
        &mail(TEST_FROM, TEST_SUBJECT),
    );
    assert!(verdict.is_trusted && verdict.environment == Some(Environment::Test));
}

#[test]
fn line_ends_and_case_of_field_names_do_not_matter() {
    let unix = String::from_utf8(mail(LIVE_FROM, LIVE_SUBJECT))
        .unwrap()
        .replace("\r\n", "\n");
    assert!(live(unix.as_bytes()).is_trusted);
    let shouting = unix
        .replace("From:", "FROM:")
        .replace("Subject:", "sUBJECT:");
    assert!(live(shouting.as_bytes()).is_trusted);
    let spaced = unix
        .replace("From:", "From :")
        .replace("Subject:", "Subject\t:");
    assert!(
        live(spaced.as_bytes()).is_trusted,
        "the obsolete form, read the same way"
    );
    let hidden = spaced.replace("- 2026", "TEST - 2026");
    assert!(
        !live(hidden.as_bytes()).is_trusted,
        "its subject is read too"
    );
}

#[test]
fn no_forged_from_field_is_trusted() {
    for (from, expected) in [
        // Lookalikes.
        ("registry-response@denic.de.example", "R05"),
        ("registry-response@denic.de.", "R04"),
        ("registry-response@xdenic.de", "R05"),
        ("registry-response@denic-de.example", "R05"),
        ("registry-response@mail.denic.de", "R05"),
        ("registry-response@denic.com", "R05"),
        ("registry_response@denic.de", "R05"),
        ("Registry-Response@denic.de", "R05"),
        ("registry-response+x@denic.de", "R05"),
        ("registry-response@xn--dnic-loa.de", "R05"),
        // Twins in other scripts, composed and not.
        ("registry-response@dénic.de", "R04"),
        ("registry-response@de\u{301}nic.de", "R04"),
        ("registry-response@d\u{435}nic.de", "R04"),
        ("registry-r\u{435}sponse@denic.de", "R04"),
        ("registry-response@denic\u{3002}de", "R04"),
        ("registry-response@denic\u{ff0e}de", "R04"),
        ("registry-response@denic\u{200b}.de", "R04"),
        ("registry\u{ad}-response@denic.de", "R04"),
        ("\u{feff}registry-response@denic.de", "R04"),
        // The genuine address in a place that is not the address.
        ("\"registry-response@denic.de\" <evil@example.net>", "R05"),
        ("registry-response@denic.de <evil@example.net>", "R04"),
        ("(registry-response@denic.de) evil@example.net", "R05"),
        ("evil@example.net (registry-response@denic.de)", "R05"),
        (
            "=?utf-8?q?registry-response=40denic.de?= <evil@example.net>",
            "R05",
        ),
        ("=?utf-8?b?cmVnaXN0cnktcmVzcG9uc2VAZGVuaWMuZGU=?=", "R04"),
        ("<=?utf-8?q?registry-response=40denic.de?=>", "R04"),
        ("=?utf-8?q?registry-response?=@denic.de", "R05"),
        // More than one address.
        ("registry-response@denic.de, evil@example.net", "R04"),
        ("evil@example.net, registry-response@denic.de", "R04"),
        ("registry-response@denic.de,", "R04"),
        (",registry-response@denic.de", "R04"),
        ("registry-response@denic.de; evil@example.net", "R04"),
        ("<registry-response@denic.de><evil@example.net>", "R04"),
        ("<evil@example.net> <registry-response@denic.de>", "R04"),
        ("a <registry-response@denic.de> b", "R04"),
        // Groups, routes, quoting, literals.
        ("DENIC: registry-response@denic.de;", "R04"),
        ("undisclosed: ;", "R04"),
        ("<@example.net:registry-response@denic.de>", "R04"),
        ("\"registry-response\"@denic.de", "R04"),
        ("\"registry\\-response\"@denic.de", "R04"),
        ("registry-response@[denic.de]", "R04"),
        ("registry-response@[192.0.2.25]", "R04"),
        ("registry-response@denic.de@example.net", "R04"),
        ("evil@example.net@denic.de", "R04"),
        ("registry-response%denic.de@example.net", "R05"),
        ("registry-response@denic.de%example.net", "R05"),
        ("registry-response@denic.de!evil", "R05"),
        ("registry-response@denic..de", "R04"),
        (".registry-response@denic.de", "R04"),
        // Broken and empty.
        ("", "R04"),
        ("<>", "R04"),
        ("denic.de", "R04"),
        ("@denic.de", "R04"),
        ("registry-response@", "R04"),
        ("<registry-response@denic.de", "R04"),
        ("registry-response@denic.de>", "R04"),
        ("registry-response@denic.de (", "R04"),
        ("\"registry-response@denic.de", "R04"),
        ("registry-response@denic.de\0", "R04"),
        ("registry-response@denic.de\0.example.net", "R04"),
        ("registry-response@denic.de\x07", "R04"),
        ("registry-response\r@denic.de\rX", "R04"),
        ("registry-response@denic.de\r\n x@example.net", "R04"),
        ("registry-response@test.denic.de", "R06"),
    ] {
        let verdict = live(&mail(from, LIVE_SUBJECT));
        assert!(!verdict.is_trusted, "{from:?} was trusted: {verdict:?}");
        assert!(
            codes(&verdict).contains(&expected),
            "{from:?}: {:?}",
            codes(&verdict)
        );
    }
}

#[test]
fn from_must_stand_there_exactly_once() {
    let genuine = format!("From: {LIVE_FROM}\r\n");
    let subject = format!("Subject: {LIVE_SUBJECT}");
    for header in [
        format!("{genuine}From: evil@example.net\r\n{subject}"),
        format!("From: evil@example.net\r\n{genuine}{subject}"),
        format!("{genuine}{genuine}{subject}"),
        format!("{genuine}FROM : evil@example.net\r\n{subject}"),
        format!("{genuine}from\t: evil@example.net\r\n{subject}"),
        subject.clone(),
        format!("X-From: {LIVE_FROM}\r\n{subject}"),
        format!("From-: {LIVE_FROM}\r\n{subject}"),
        format!("From {LIVE_FROM}\r\n{subject}"),
        format!("Subject: x\r\n From: {LIVE_FROM}\r\n"),
        format!(" From: {LIVE_FROM}\r\n{subject}"),
        // Behind the empty line begins the text.
        format!("{subject}\r\n\r\n{genuine}"),
    ] {
        let verdict = live(&raw(&header));
        assert!(!verdict.is_trusted, "{header:?}: {verdict:?}");
    }
}

#[test]
fn nobody_speaks_for_the_registry() {
    let head = format!("From: {LIVE_FROM}\r\nSubject: {LIVE_SUBJECT}\r\n");
    for (more, is_trusted) in [
        ("Reply-To: domains@denic.de", true),
        ("Reply-To: evil@example.net", true),
        ("Sender: registry-response@denic.de", true),
        ("Sender: evil@example.net", false),
        (
            "Sender: registry-response@denic.de, evil@example.net",
            false,
        ),
        (
            "Sender: \"registry-response@denic.de\" <evil@example.net>",
            false,
        ),
        ("SENDER : evil@example.net", false),
        ("Resent-From: registry-response@denic.de", false),
        ("Resent-From: admin@registrar.example", false),
        ("Resent-Sender: admin@registrar.example", false),
        ("X-Original-From: evil@example.net", true),
    ] {
        let verdict = live(&raw(&format!("{head}{more}")));
        assert_eq!(verdict.is_trusted, is_trusted, "{more}: {verdict:?}");
    }
}

#[test]
fn the_envelope_sender_must_be_the_registrys() {
    let genuine = mail(LIVE_FROM, LIVE_SUBJECT);
    let judge = |sender: Option<&str>, raw: &[u8], routes: &[Route]| {
        let envelope = Envelope {
            mail_from: sender.map(str::to_owned),
            recipients: vec![LIVE_TO.to_owned()],
            ..Envelope::default()
        };
        authenticate(routes, &envelope, raw)
    };
    let usual = routes(&[]);
    for (sender, is_trusted) in [
        ("registry-response@denic.de", true),
        ("registry-response@DENIC.de", true),
        ("", false),
        ("<>", false),
        ("bounce@example.net", false),
        ("registry-response@denic.de.example.net", false),
        ("registry-response@denic.de.", false),
        ("REGISTRY-RESPONSE@denic.de", false),
        ("registry-response@test.denic.de", false),
        ("registry-response@dénic.de", false),
        ("\"registry-response\"@denic.de", false),
        ("registry-response@denic.de\0", false),
        ("registry-response", false),
    ] {
        let verdict = judge(Some(sender), &genuine, &usual);
        assert_eq!(verdict.is_trusted, is_trusted, "{sender:?}: {verdict:?}");
    }
    // The null sender only where the route lists it.
    let with_null = routes(&[(
        "STICHTAG_ROUTE__DENIC_LIVE__ENVELOPE_FROM",
        "[\"registry-response@denic.de\", \"<>\"]",
    )]);
    assert!(judge(Some(""), &genuine, &with_null).is_trusted);
    assert!(
        !judge(Some("<>"), &genuine, &with_null).is_trusted,
        "that is no null sender"
    );
    // From a file: what the final delivery wrote down.
    let path = |path: &str| [format!("Return-Path: {path}\r\n").as_bytes(), &genuine].concat();
    assert!(judge(None, &path("<registry-response@denic.de>"), &usual).is_trusted);
    assert!(!judge(None, &path("<evil@example.net>"), &usual).is_trusted);
    assert!(!judge(None, &path("<>"), &usual).is_trusted);
    assert!(
        judge(None, &genuine, &usual).is_trusted,
        "nothing is known of it"
    );
    // A dialogue is believed, whatever the header claims.
    assert!(
        !judge(
            Some("x@example.net"),
            &path("<registry-response@denic.de>"),
            &usual
        )
        .is_trusted
    );
}

#[test]
fn only_what_names_one_environment_throughout_is_trusted() {
    let mut trusted = 0;
    for to_test in [false, true] {
        for sender_test in [false, true] {
            for from_test in [false, true] {
                for subject_test in [false, true] {
                    let verdict = authenticate(
                        &routes(&[]),
                        &envelope(
                            pick(sender_test, LIVE_FROM, TEST_FROM),
                            &[pick(to_test, LIVE_TO, TEST_TO)],
                        ),
                        &mail(
                            pick(from_test, LIVE_FROM, TEST_FROM),
                            pick(subject_test, LIVE_SUBJECT, TEST_SUBJECT),
                        ),
                    );
                    let said = [to_test, sender_test, from_test, subject_test];
                    let agrees = said.iter().all(|is_test| *is_test == to_test);
                    assert_eq!(verdict.is_trusted, agrees, "{said:?}: {verdict:?}");
                    if agrees {
                        trusted += 1;
                        let expected = pick(to_test, Environment::Live, Environment::Test);
                        assert_eq!(verdict.environment, Some(expected));
                    } else {
                        assert_eq!(verdict.environment, None, "{said:?}");
                        assert!(
                            codes(&verdict).contains(&"R06"),
                            "{said:?}: {:?}",
                            codes(&verdict)
                        );
                    }
                }
            }
        }
    }
    assert_eq!(trusted, 2);
}

fn pick<T>(is_test: bool, live: T, test: T) -> T {
    if is_test { test } else { live }
}

#[test]
fn with_any_recipient_the_rest_must_still_agree() {
    let any = routes(&[
        ("STICHTAG_ROUTE__DENIC_LIVE__RECIPIENTS", "[\"*\"]"),
        ("STICHTAG_ROUTE__DENIC_TEST__RECIPIENTS", "[\"*\"]"),
    ]);
    for said in 0..8_u8 {
        let [sender, from, subject] = [said & 1 > 0, said & 2 > 0, said & 4 > 0];
        let verdict = authenticate(
            &any,
            &envelope(pick(sender, LIVE_FROM, TEST_FROM), &["whoever@example.net"]),
            &mail(
                pick(from, LIVE_FROM, TEST_FROM),
                pick(subject, LIVE_SUBJECT, TEST_SUBJECT),
            ),
        );
        let agrees = sender == from && from == subject;
        assert_eq!(verdict.is_trusted, agrees, "{said:03b}: {verdict:?}");
    }
}

#[test]
fn recipients_of_no_route_or_of_both_are_not_trusted() {
    let genuine = mail(LIVE_FROM, LIVE_SUBJECT);
    for (to, is_trusted) in [
        (vec![LIVE_TO], true),
        (vec!["DENIC@registry.example.NET"], true),
        (vec![LIVE_TO, LIVE_TO], true),
        (vec![LIVE_TO, TEST_TO], false),
        (vec![TEST_TO], false),
        (vec!["other@registry.example.net"], false),
        (vec![LIVE_TO, "other@registry.example.net"], false),
    ] {
        let verdict = authenticate(&routes(&[]), &envelope(LIVE_FROM, &to), &genuine);
        assert_eq!(verdict.is_trusted, is_trusted, "{to:?}: {verdict:?}");
    }
}

#[test]
fn no_doubtful_subject_is_trusted() {
    for subject in [
        "DOMAIN STATUS UPDATE TEST - 2026-05-04",
        "TEST",
        "[TEST] x",
        "=?utf-8?q?DOMAIN_STATUS_UPDATE_TEST?=",
        "=?utf-8?b?RE9NQUlOIFRFU1Q=?=",
        "=?iso-8859-1?q?=54=45=53=54?=",
        "DOMAIN =?utf-8?q?TE?= =?utf-8?q?ST?= x",
        "DOMAIN\r\n TEST\r\n - 2026",
        "DOMAIN =?utf-8?q?TE=00ST?= x",
        "DOMAIN =?utf-8?q?TE=E2=80=8BST?= x",
        "DOMAIN =?utf-8?q?TE=C2=ADST?= x",
        "DOMAIN TE\0ST x",
        "DOMAIN =?utf-8?q?x=1B[31m?=",
    ] {
        let verdict = live(&mail(LIVE_FROM, subject));
        assert!(!verdict.is_trusted, "{subject:?}: {verdict:?}");
    }
    let from = format!("From: {LIVE_FROM}\r\n");
    for header in [
        from.trim_end().to_owned(),
        format!("{from}Subject: {LIVE_SUBJECT}\r\nSubject: {LIVE_SUBJECT}"),
        format!("{from}Subject: {LIVE_SUBJECT}\r\nSUBJECT : {TEST_SUBJECT}"),
        format!("{from}X-Subject: {LIVE_SUBJECT}"),
    ] {
        assert!(!live(&raw(&header)).is_trusted, "{header:?}");
    }
    // A word that merely holds the mark is none.
    assert!(live(&mail(LIVE_FROM, "DOMAIN STATUS UPDATE - attestation")).is_trusted);
}

#[test]
fn broken_headers_are_not_trusted() {
    let genuine = String::from_utf8(mail(LIVE_FROM, LIVE_SUBJECT)).unwrap();
    for broken in [
        String::new(),
        "\r\n".to_owned(),
        format!("\r\n{genuine}"),
        // Only CR: to a reader of lines all of it is one.
        genuine.replace("\r\n", "\r"),
        genuine.replace("\r\n", "\0"),
        genuine.replace("From: ", "From:\r\n\r\n"),
        genuine.replace("From: ", "F\0rom: "),
        genuine.replace("Subject: ", "Subject: \r\r\nX: "),
        genuine.replace("Subject: ", "Subject: \r\nX: "),
        genuine.replace("To: ", "X: a\rFrom: evil@example.net\r\nTo: "),
        genuine.replace("To: ", "X: a\0\r\nTo: "),
    ] {
        let verdict = live(broken.as_bytes());
        assert!(!verdict.is_trusted, "{broken:?}: {verdict:?}");
    }
}

#[test]
fn the_route_that_knows_the_sender_reads_the_mail() {
    // Another route of the same environment shares the recipient.
    let shared = routes(&[
        (
            "STICHTAG_ROUTE__BOUNCES__RECIPIENTS",
            "[\"denic@registry.example.net\"]",
        ),
        ("STICHTAG_ROUTE__BOUNCES__PARSER", "dsn"),
        (
            "STICHTAG_ROUTE__BOUNCES__HEADER_FROM",
            "[\"mailer-daemon@mx.example.net\"]",
        ),
        ("STICHTAG_ROUTE__BOUNCES__ENVELOPE_FROM", "[\"<>\"]"),
    ]);
    let verdict = authenticate(
        &shared,
        &envelope(LIVE_FROM, &[LIVE_TO]),
        &mail(LIVE_FROM, LIVE_SUBJECT),
    );
    assert!(verdict.is_trusted, "{verdict:?}");
    assert_eq!(verdict.route.as_deref(), Some("denic-live"));
}

#[test]
fn reasons_never_carry_control_characters() {
    let verdict = live(&mail("\"\u{1b}[2J\" <evil@example.net>", LIVE_SUBJECT));
    let sender = envelope("evil\u{1b}[31m@example.net", &[LIVE_TO]);
    let by_envelope = authenticate(&routes(&[]), &sender, &mail("x", "y"));
    for verdict in [verdict, by_envelope] {
        let texts = verdict.reasons.iter().map(|reason| &reason.detail);
        for text in texts.chain(&verdict.checked) {
            assert!(!text.contains(|c: char| c.is_control()), "{text:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn whatever_stands_in_from_only_the_registrys_address_is_trusted(from in "\\PC{0,60}") {
        let verdict = live(&mail(&from, LIVE_SUBJECT));
        prop_assert!(!verdict.is_trusted || from.contains(LIVE_FROM));
    }

    #[test]
    fn a_sender_added_before_or_behind_is_never_trusted(
        local in "[a-z]{1,8}",
        between in "[ ,;:<>()@.]{1,3}",
        is_first: bool,
    ) {
        let other = format!("{local}@example.net");
        let from = if is_first {
            format!("{other}{between}{LIVE_FROM}")
        } else {
            format!("{LIVE_FROM}{between}{other}")
        };
        // A comment that swallows the other address leaves one mailbox, the registry's own.
        prop_assume!(!between.contains('('));
        prop_assert!(!live(&mail(&from, LIVE_SUBJECT)).is_trusted, "{}", from);
    }

    #[test]
    fn no_bytes_make_authenticate_or_digest_panic(raw in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = live(&raw);
        prop_assert_eq!(content_digest(&raw).len(), 64);
    }
}
