//! What our own edge says of a mail's origin, its age, and mail that machines made: who believes what.

use jiff::{SignedDuration, Timestamp, ToSpan};
use proptest::prelude::*;
use stichtag::authenticate::{self, Policy, Verdict};
use stichtag::config::{Config, Layers};
use stichtag::model::{
    Client, DkimSignature, Envelope, Evidence, Finding, Inbound, Source, SpfCheck,
};

const EDGE: &str = "mx.example.net";
const FROM: &str = "registry-response@denic.de";
const TO: &str = "denic@registry.example.net";
const RECEIVED_AT: &str = "2026-05-04T07:13:00Z";
const HOP: &str = "Received: from mx1.denic.de (mx1.denic.de [192.0.2.25])\r\n\tby mx.example.net (Postfix) with ESMTPS id 4CX; Mon, 04 May 2026 09:12:40 +0200\r\n";
const PASS: &str = "dkim=pass header.d=denic.de";

fn policy(more: &[(&str, &str)]) -> Policy {
    let mut variables = vec![
        (
            "STICHTAG_ROUTE__DENIC_LIVE__RECIPIENTS",
            "[\"denic@registry.example.net\"]",
        ),
        (
            "STICHTAG_AUTHENTICATE__AUTHSERV_IDS",
            "[\"mx.example.net\"]",
        ),
        ("STICHTAG_NOTICES__BOUNCE_DOMAIN", "bounce.example.net"),
    ];
    variables.retain(|(name, _)| more.iter().all(|(other, _)| other != name));
    variables.extend_from_slice(more);
    let variables = variables
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let config = Config::from_layers(&Layers::read(None, variables).unwrap()).unwrap();
    stichtag::serve::policy(&config)
}

/// A mail by way of the edge, with `header` above what the registry wrote.
fn mail(header: &str) -> Vec<u8> {
    format!(
        "{header}Date: Mon, 04 May 2026 09:12:31 +0200\r\nFrom: {FROM}\r\nTo: {TO}\r\nSubject: DOMAIN STATUS UPDATE - x\r\n\r\nSTATUS: success\r\n"
    )
    .into_bytes()
}

fn stamped(results: &str) -> Vec<u8> {
    mail(&format!(
        "{HOP}Authentication-Results: {EDGE}; {results}\r\n"
    ))
}

fn judge_with(
    policy: &Policy,
    evidence: &Evidence,
    raw: Vec<u8>,
    received_at: Timestamp,
) -> Verdict {
    let inbound = Inbound {
        source: Source::DenicMail,
        received_at,
        envelope: Envelope {
            mail_from: Some(FROM.to_owned()),
            recipients: vec![TO.to_owned()],
            peer: Some("127.0.0.1".parse().unwrap()),
            ..Envelope::default()
        },
        environment: None,
        raw,
    };
    authenticate::authenticate(policy, &inbound, Some(evidence))
}

fn judge(raw: Vec<u8>) -> Verdict {
    judge_with(
        &policy(&[]),
        &Evidence::default(),
        raw,
        RECEIVED_AT.parse().unwrap(),
    )
}

fn codes(verdict: &Verdict) -> Vec<&str> {
    let reasons = verdict.reasons.iter();
    reasons.map(|reason| reason.code.as_str()).collect()
}

fn signature(domain: &str) -> DkimSignature {
    let fields = ["from", "to", "subject", "date"];
    DkimSignature {
        domain: domain.to_owned(),
        selector: "s1".to_owned(),
        algorithm: "rsa-sha256".to_owned(),
        finding: Finding::Pass,
        fields: fields.map(str::to_owned).to_vec(),
        has_length: false,
        key_bits: Some(2048),
        signed_at: None,
        expires_at: None,
    }
}

#[test]
fn what_our_edge_says_of_exactly_the_from_domain_is_proof() {
    for results in [
        "dkim=pass header.d=denic.de",
        "dkim=pass header.d=DENIC.de header.s=s1 header.b=\"a/b+c=\"",
        "dkim=pass header.d=denic.de header.s=s1 header.b=a/b+c=",
        "dkim=pass header.i=@denic.de header.s=s1 header.b=Ab12",
        "dkim=pass header.i=robot@denic.de",
        "dkim=pass header.d=denic.de header.i=@denic.de",
        "dkim=pass header.d=\"denic.de\"",
        "dkim=fail (body hash) header.d=denic.de;\r\n\tdkim=pass header.d=denic.de",
        "dkim=pass header.d=forwarder.example; dkim=pass header.d=denic.de",
        "spf=pass smtp.mailfrom=registry-response@denic.de",
        "spf=pass smtp.mailfrom=denic.de",
        "spf=pass smtp.mailfrom=@denic.de",
        "spf=pass smtp.mailfrom=\"registry response\"@denic.de",
        "spf=pass (mx.example.net: domain of x designates 192.0.2.25 as permitted sender)\r\n smtp.mailfrom=registry-response@denic.de smtp.helo=mx1.denic.de",
        "SPF=Pass SMTP.MailFrom=registry-response@denic.de",
        "spf = pass smtp . mailfrom = denic.de",
        "spf(a)/(b)1(c)=(d)pass(e (f \\) g) \"h\") (i)smtp(j).(k)mailfrom(l)=(m)denic.de (n)",
        "spf=pass reason=\"good; dkim=pass\" smtp.mailfrom=denic.de",
        "dmarc=fail header.from=denic.de; spf=pass smtp.mailfrom=denic.de",
        "iprev=pass policy.iprev=2001:db8::25; spf=pass smtp.mailfrom=denic.de",
        "x-new/7=what body.x=y; spf=pass smtp.mailfrom=denic.de",
    ] {
        let verdict = judge(stamped(results));
        assert!(verdict.is_trusted, "{results}: {verdict:?}");
        assert!(
            verdict.checked.iter().any(|said| said.starts_with(EDGE)),
            "`log why` names who vouched: {:?}",
            verdict.checked
        );
    }
    for field in [
        "Authentication-Results: mx.example.net 1; dkim=pass header.d=denic.de",
        "Authentication-Results: MX.Example.NET; dkim=pass header.d=denic.de",
        "authentication-results:mx.example.net;dkim=pass header.d=denic.de",
        "Authentication-Results: \"mx.example.net\"; dkim=pass header.d=denic.de",
        "Authentication-Results:\r\n (edge) mx.example.net (Postfix) 1 (one);\r\n\tdkim=pass\r\n\theader.d=denic.de (end)",
    ] {
        assert!(
            judge(mail(&format!("{field}\r\n{HOP}"))).is_trusted,
            "{field}"
        );
    }
}

#[test]
fn what_our_edge_says_of_anything_else_is_none() {
    for results in [
        "none",
        "dkim=none",
        "dkim=fail header.d=denic.de",
        "dkim=policy header.d=denic.de",
        "dkim=passed header.d=denic.de",
        "dkim=pass",
        "dkim=pass header.s=denic.de",
        "dkim=pass header.from=denic.de",
        // Lookalikes, parents and children.
        "dkim=pass header.d=test.denic.de",
        "dkim=pass header.d=robot@denic.de",
        "dkim=pass header.d=@denic.de",
        "dkim=pass header.d=de",
        "dkim=pass header.d=denic.de.example",
        "dkim=pass header.d=denic.de.",
        "dkim=pass header.d=xdenic.de",
        "dkim=pass header.d=.denic.de",
        "dkim=pass header.d=d\u{435}nic.de",
        "dkim=pass header.d=xn--dnic-loa.de",
        "dkim=pass header.i=@test.denic.de",
        "dkim=pass header.i=@denic.de header.d=example.org",
        "dkim=pass header.i=@example.org header.d=denic.de",
        "dkim=pass header.i=denic.de@example.org",
        "dkim=pass header.d=denic.de header.a=rsa-sha1",
        // Two say two things.
        "dkim=pass header.d=denic.de header.d=example.org",
        "spf=pass smtp.mailfrom=denic.de smtp.mailfrom=example.org",
        // HELO is nobody (CVE-2019-20790); DMARC and ARC are recorded only.
        "spf=pass smtp.helo=denic.de",
        "spf=pass smtp.helo=mx1.denic.de header.from=denic.de",
        "spf=softfail smtp.mailfrom=denic.de",
        "spf=neutral smtp.mailfrom=denic.de",
        "spf=pass smtp.mailfrom=registry-response@test.denic.de",
        "spf=pass smtp.mailfrom=registry-response@denic.de.example",
        "dmarc=pass header.from=denic.de",
        "arc=pass header.d=denic.de smtp.mailfrom=denic.de",
        "iprev=pass policy.iprev=denic.de",
        "auth=pass smtp.auth=registry-response@denic.de",
        "sender-id=pass header.from=denic.de",
        // What a forger puts into a value (CVE-2020-12272 and its kin).
        "spf=pass smtp.mailfrom=denic.de(.example.net",
        "spf=pass smtp.mailfrom=x@denic.de(.example.net); dkim=none",
        "dkim=pass header.d=denic.de(.example.net); spf=none",
        "dkim=pass header.d=denic.de;.example.net",
        "dkim=pass header.d=denic.de .example.net",
        "dkim=pass header.d=denic.de\".example.net\"",
        "dkim=pass header.d=denic.de\\.example.net",
        "dkim=pass header.d=denic.de,example.net",
        "dkim=pass header.d=denic.de/.example.net",
        "dkim=pass header.d=\"denic.de\".example.net",
        "dkim=pass header.d=\"denic.de\"@example.net",
        "spf=pass smtp.mailfrom=\"x@denic.de\"@example.net",
        "spf=pass smtp.mailfrom=\"x@denic.de> \"@example.net",
        "spf=pass smtp.mailfrom=\"@denic.de\\\"; spf=pass smtp.mailfrom=denic.de \"@example.net",
        "spf=pass smtp.mailfrom=\"x\\\" (\"@example.net (; dkim=pass header.d=denic.de)",
        "spf=pass smtp.mailfrom=x@denic.de@example.net",
        "spf=pass smtp.mailfrom=x@example.net@denic.de",
        "spf=pass smtp.mailfrom=<x@denic.de>",
        "spf=pass smtp.mailfrom=x@example.net (dkim=pass header.d=denic.de)",
        "spf=pass reason=\"; dkim=pass header.d=denic.de\" smtp.mailfrom=example.net",
        // Methods of a version nobody knows say nothing.
        "dkim/2=pass header.d=denic.de",
        // Not the grammar.
        "dkim pass header.d=denic.de",
        "dkim==pass header.d=denic.de",
        "dkim=pass header.d=denic.de;",
        "dkim=pass header.d=denic.de; none",
        "none; dkim=pass header.d=denic.de",
        "dkim=pass action=none header.d=denic.de",
        "dkim=pass header.d=denic.de reason=x",
        "dkim=pass header.d=denic.de (",
        "dkim=pass header.d=denic.de )",
        "dkim=pass header.d=denic.de \"",
        "dkim=pass header.=denic.de",
        "dkim=pass header.d=",
        "dkim=pass header.d=denic.de spf=pass",
        "; dkim=pass header.d=denic.de",
        "dkim=pass header.d=denic.de \u{fffd}",
    ] {
        let verdict = judge(stamped(results));
        assert!(!verdict.is_trusted, "{results}: {verdict:?}");
        assert!(codes(&verdict).contains(&"R09"), "{results}: {verdict:?}");
    }
}

#[test]
fn a_field_that_is_stuffed_says_nothing() {
    let results = format!("{PASS}{}", "; x=y".repeat(64));
    assert!(!judge(stamped(&results)).is_trusted);
    let properties = format!("{PASS}{}", " header.x=y".repeat(64));
    assert!(!judge(stamped(&properties)).is_trusted);
    let usual = format!("{PASS}{}", "; x=y header.z=a header.z=b".repeat(10));
    assert!(judge(stamped(&usual)).is_trusted);
    // What the trace repeats of it is short.
    let long = judge(stamped(&format!("{PASS}; {}=pass", "x".repeat(500))));
    assert!(long.checked.iter().all(|said| said.len() < 200), "{long:?}");
}

#[test]
fn only_one_field_of_our_edge_in_its_place_is_believed() {
    let ours = format!("Authentication-Results: {EDGE}; {PASS}\r\n");
    let none = format!("Authentication-Results: {EDGE}; none\r\n");
    let broken = format!("Authentication-Results: {EDGE}; dkim\r\n");
    for (header, is_trusted) in [
        (format!("{ours}{HOP}"), true),
        (format!("{HOP}{ours}"), true),
        (format!("{HOP}{ours}{HOP}{HOP}"), true),
        // Below the second `Received` it is not ours.
        (format!("{HOP}{HOP}{ours}"), false),
        (format!("{HOP}received : x\r\n{ours}"), false),
        // Two: one of them is forged, and which one nobody can tell.
        (format!("{ours}{HOP}{ours}"), false),
        (format!("{none}{HOP}{ours}"), false),
        (format!("{ours}{HOP}{HOP}{none}"), false),
        (format!("{ours}{HOP}{broken}"), false),
        (
            format!("{ours}{HOP}Authentication-Results: (x) \"MX.example.net\" 1; none\r\n"),
            false,
        ),
        // Foreign ones are nobody's business.
        (
            format!("{HOP}Authentication-Results: mx.example.org; {PASS}\r\n"),
            false,
        ),
        (
            format!("{HOP}{ours}Authentication-Results: mx.example.org; dkim=fail\r\n"),
            true,
        ),
        (
            format!("{HOP}Authentication-Results: mx.example.net.example.org; {PASS}\r\n"),
            false,
        ),
        (
            format!("{HOP}Authentication-Results: (mx.example.net) mx.example.org; {PASS}\r\n"),
            false,
        ),
        (format!("{HOP}Authentication-Results: {PASS}\r\n"), false),
        (
            format!("{HOP}ARC-Authentication-Results: i=1; {EDGE}; {PASS}\r\n"),
            false,
        ),
        (
            format!("{HOP}X-Authentication-Results: {EDGE}; {PASS}\r\n"),
            false,
        ),
        (format!("{HOP}Received-SPF: pass {EDGE}\r\n"), false),
        (
            format!("{HOP}Authentication-Results: {EDGE} 2; {PASS}\r\n"),
            false,
        ),
    ] {
        let verdict = judge(mail(&header));
        assert_eq!(verdict.is_trusted, is_trusted, "{header}: {verdict:?}");
    }
    // Not in the header at all.
    let mut in_text = mail(HOP);
    in_text.extend_from_slice(ours.as_bytes());
    assert!(!judge(in_text).is_trusted);
}

#[test]
fn without_a_configured_edge_no_field_is_believed() {
    let nobody = policy(&[("STICHTAG_AUTHENTICATE__AUTHSERV_IDS", "[]")]);
    let verdict = judge_with(
        &nobody,
        &Evidence::default(),
        stamped(PASS),
        RECEIVED_AT.parse().unwrap(),
    );
    assert!(!verdict.is_trusted);
    assert!(
        verdict.checked.iter().any(|said| said.contains("foreign")),
        "{:?}",
        verdict.checked
    );
}

#[test]
fn an_edge_of_more_hops_is_told_so() {
    let at = RECEIVED_AT.parse().unwrap();
    let raw = || {
        mail(&format!(
            "{HOP}{HOP}Authentication-Results: {EDGE}; {PASS}\r\n{HOP}"
        ))
    };
    let two = policy(&[("STICHTAG_AUTHENTICATE__AUTHSERV_HOPS", "2")]);
    assert!(judge_with(&two, &Evidence::default(), raw(), at).is_trusted);
    assert!(!judge(raw()).is_trusted);
    let none = policy(&[("STICHTAG_AUTHENTICATE__AUTHSERV_HOPS", "0")]);
    assert!(!judge_with(&none, &Evidence::default(), stamped(PASS), at).is_trusted);
}

#[test]
fn an_edges_word_about_a_signature_does_not_widen_what_it_covers() {
    let at = RECEIVED_AT.parse().unwrap();
    let unknown = |signature: DkimSignature| DkimSignature {
        finding: Finding::Unknown("no answer".to_owned()),
        ..signature
    };
    let sound = unknown(signature("denic.de"));
    let judge = |dkim: Vec<DkimSignature>| {
        let evidence = Evidence {
            dkim,
            ..Evidence::default()
        };
        judge_with(&policy(&[]), &evidence, stamped(PASS), at)
    };
    assert!(
        judge(vec![sound.clone()]).is_trusted,
        "DNS is not asked twice"
    );
    let mut partial = sound.clone();
    partial.has_length = true;
    let mut bare = sound.clone();
    bare.fields = vec!["from".to_owned()];
    let mut late = sound.clone();
    late.expires_at = Some(at - 1.second());
    for fault in [partial, bare, late] {
        assert!(!judge(vec![fault.clone()]).is_trusted, "{fault:?}");
        assert!(!judge(vec![sound.clone(), fault]).is_trusted);
    }
    let mut foreign = unknown(signature("list.example"));
    foreign.has_length = true;
    assert!(judge(vec![foreign, sound]).is_trusted);
}

#[test]
fn a_mail_whose_date_or_signature_is_older_than_the_window_is_held() {
    let sent: Timestamp = "2026-05-04T07:12:31Z".parse().unwrap();
    let week = SignedDuration::from_hours(7 * 24);
    let usual = policy(&[]);
    let aged = |received_at| judge_with(&usual, &Evidence::default(), stamped(PASS), received_at);
    for (received_at, expected) in [
        (sent, None),
        (sent + week, None),
        (sent + week + 1.second(), Some("R21")),
        (sent + SignedDuration::from_hours(24 * 365), Some("R21")),
        (sent - 24.hours(), None),
        (sent - 24.hours() - 1.second(), Some("R23")),
    ] {
        let verdict = aged(received_at);
        assert_eq!(
            codes(&verdict).first().copied(),
            expected,
            "{received_at}: {verdict:?}"
        );
    }
    // The signature dates the mail as well, whoever verified it.
    let at = RECEIVED_AT.parse::<Timestamp>().unwrap();
    for (signed_at, expected) in [(at, None), (at - week - 1.second(), Some("R21"))] {
        let mut signed = signature("denic.de");
        signed.signed_at = Some(signed_at);
        let evidence = Evidence {
            dkim: vec![signed],
            ..Evidence::default()
        };
        for raw in [mail(HOP), stamped(PASS)] {
            let verdict = judge_with(&usual, &evidence, raw, at);
            assert_eq!(codes(&verdict).first().copied(), expected, "{verdict:?}");
        }
    }
    // A signature that vouches for nobody dates nothing.
    let mut foreign = signature("list.example");
    foreign.signed_at = Some(at - week - 1.second());
    let evidence = Evidence {
        dkim: vec![foreign],
        ..Evidence::default()
    };
    assert!(judge_with(&usual, &evidence, stamped(PASS), at).is_trusted);
}

#[test]
fn the_window_is_the_operators_and_not_for_files_or_recorded_routes() {
    let late: Timestamp = "2027-05-04T07:12:31Z".parse().unwrap();
    let years = policy(&[("STICHTAG_AUTHENTICATE__REPLAY_WINDOW", "400d")]);
    assert!(judge_with(&years, &Evidence::default(), stamped(PASS), late).is_trusted);
    let record = policy(&[("STICHTAG_ROUTE__DENIC_LIVE__REQUIRE", "record")]);
    let verdict = judge_with(&record, &Evidence::default(), stamped(PASS), late);
    assert!(verdict.is_trusted);
    assert!(
        verdict
            .checked
            .iter()
            .any(|said| said.contains("its Date is of 2026-05-04"))
    );
    let archived = Inbound {
        source: Source::DenicMail,
        received_at: late,
        envelope: Envelope::default(),
        environment: None,
        raw: stamped(PASS),
    };
    let verdict = authenticate::authenticate(&policy(&[]), &archived, Some(&Evidence::default()));
    assert!(verdict.is_trusted, "{verdict:?}");
}

#[test]
fn what_a_machine_sent_back_is_held_however_well_it_is_proven() {
    let evidence = Evidence {
        client: Some(Client {
            address: "192.0.2.25".parse().unwrap(),
            helo: None,
        }),
        dkim: vec![signature("denic.de")],
        spf: Some(SpfCheck {
            domain: Some("denic.de".to_owned()),
            finding: Finding::Pass,
        }),
        ..Evidence::default()
    };
    let at = RECEIVED_AT.parse().unwrap();
    let usual = policy(&[]);
    for (header, expected) in [
        ("Auto-Submitted: auto-replied\r\n".to_owned(), Some("R22")),
        (
            "List-Id: <registrars.example.net>\r\n".to_owned(),
            Some("R22"),
        ),
        ("Precedence: list\r\n".to_owned(), Some("R22")),
        ("Precedence: bulk\r\n".to_owned(), None),
        (
            "X-Loop: denic@registry.example.net\r\n".to_owned(),
            Some("R22"),
        ),
        ("X-Stichtag-Notice: N-1\r\n".to_owned(), Some("R22")),
        (
            "In-Reply-To: <k7qf-2m9x.0123456789abcdef@bounce.example.net>\r\n".to_owned(),
            Some("R22"),
        ),
        (
            "Content-Type: multipart/report; boundary=b\r\n".to_owned(),
            Some("R22"),
        ),
        (HOP.repeat(110), Some("R22")),
        // What a registry's robot may say of itself.
        ("Auto-Submitted: auto-generated\r\n".to_owned(), None),
        (HOP.repeat(9), None),
    ] {
        // Its content type is signed where there is one.
        let mut evidence = evidence.clone();
        evidence.dkim[0].fields.push("content-type".to_owned());
        let verdict = judge_with(&usual, &evidence, mail(&header), at);
        assert_eq!(
            codes(&verdict).first().copied(),
            expected,
            "{header}: {verdict:?}"
        );
        assert_eq!(verdict.is_trusted, expected.is_none());
    }
}

#[test]
fn a_route_for_bounces_vouches_for_no_registry_mail() {
    // Whoever may write to the addresses of notices may not write for the registry there.
    let bounces = policy(&[
        (
            "STICHTAG_ROUTE__BOUNCES__RECIPIENTS",
            "[\"denic@registry.example.net\"]",
        ),
        (
            "STICHTAG_ROUTE__BOUNCES__HEADER_FROM",
            "[\"mailer-daemon@mx.example.net\"]",
        ),
        (
            "STICHTAG_ROUTE__BOUNCES__ENVELOPE_FROM",
            "[\"<>\", \"registry-response@denic.de\"]",
        ),
    ]);
    let raw = String::from_utf8(mail("Content-Type: multipart/report; boundary=b\r\n"))
        .unwrap()
        .replace(
            &format!("From: {FROM}"),
            "From: mailer-daemon@mx.example.net",
        );
    let verdict = judge_with(
        &bounces,
        &Evidence::default(),
        raw.into_bytes(),
        RECEIVED_AT.parse().unwrap(),
    );
    assert!(!verdict.is_trusted, "{verdict:?}");
    assert!(codes(&verdict).contains(&"R05"), "{verdict:?}");
    assert!(codes(&verdict).contains(&"R22"), "{verdict:?}");
}

/// Messages from `denic.de`, as `stichtag doctor` reads them.
mod rules {
    use stichtag::authenticate::{Advice, Level, Seen, propose};
    use stichtag::model::InboundId;

    use super::*;

    fn seen(number: i64, raw: Vec<u8>, evidence: Evidence) -> Seen {
        Seen {
            id: InboundId(number),
            inbound: Inbound {
                source: Source::DenicMail,
                received_at: RECEIVED_AT.parse().unwrap(),
                envelope: Envelope::default(),
                environment: None,
                raw,
            },
            evidence,
        }
    }

    fn signed(domain: &str) -> Evidence {
        Evidence {
            dkim: vec![signature(domain)],
            ..Evidence::default()
        }
    }

    fn from(address: &str) -> Evidence {
        Evidence {
            client: Some(Client {
                address: address.parse().unwrap(),
                helo: None,
            }),
            ..Evidence::default()
        }
    }

    fn advise(more: &[(&str, &str)], seen: &[Seen]) -> Vec<Advice> {
        let policy = policy(more);
        let route = policy
            .routes
            .iter()
            .find(|route| route.name == "denic-live");
        propose(&policy, route.unwrap(), seen)
    }

    const NO_EDGE: (&str, &str) = ("STICHTAG_AUTHENTICATE__AUTHSERV_IDS", "[]");
    const RECORD: (&str, &str) = ("STICHTAG_ROUTE__DENIC_LIVE__REQUIRE", "record");

    #[test]
    fn what_carries_proof_is_counted_and_what_does_not_is_named() {
        let mut all: Vec<Seen> = (1..=38)
            .map(|number| seen(number, mail(HOP), signed("denic.de")))
            .collect();
        all.push(seen(39, mail(HOP), signed("test.denic.de")));
        all.push(seen(40, mail(HOP), Evidence::default()));
        let advice = advise(&[RECORD], &all);
        assert_eq!(
            advice[0].text,
            "of 40 messages from denic.de, 38 carry a valid DKIM signature of denic.de: \
             `require = \"aligned\"` would pass 38; 2 would be held: 39, 40"
        );
        assert_eq!(
            advice[0].toml.as_deref(),
            Some("[route.denic-live]\nrequire = \"aligned\"")
        );
        assert_eq!(advice.len(), 1, "nothing looser is proposed: {advice:?}");
        let strict = advise(&[], &all[..38]);
        assert_eq!((strict.len(), strict[0].level), (1, Level::Ok));
        assert_eq!(strict[0].toml, None);
    }

    #[test]
    fn a_network_is_proposed_only_for_want_of_anything_better() {
        let of = |addresses: &[&str]| -> Vec<Seen> {
            (1..)
                .zip(addresses)
                .map(|(number, address)| seen(number, mail(HOP), from(address)))
                .collect()
        };
        let tomls = |all: &[Seen]| -> Vec<String> {
            let advice = advise(&[NO_EDGE], all).into_iter();
            advice.filter_map(|advice| advice.toml).collect()
        };
        let all = of(&["192.0.2.25", "192.0.2.26", "192.0.2.9"]);
        assert_eq!(
            tomls(&all),
            ["[route.denic-live]\nclient_networks = [\"192.0.2.0/24\"]"]
        );
        let six = of(&["2001:db8::1", "2001:db8::2", "2001:db8:0:0:9::1"]);
        assert_eq!(
            tomls(&six),
            ["[route.denic-live]\nclient_networks = [\"2001:db8::/64\"]"]
        );
        let none: Vec<String> = Vec::new();
        assert_eq!(tomls(&all[..2]), none, "two are no sample");
        assert_eq!(
            tomls(&of(&["192.0.2.1", "192.0.2.2", "198.51.100.1"])),
            none
        );
        assert_eq!(tomls(&of(&["127.0.0.1", "127.0.0.1", "127.0.0.1"])), none);
        assert_eq!(tomls(&of(&["10.0.0.1", "10.0.0.1", "10.0.0.1"])), none);
        // The domain itself disowns one of them.
        let mut disowned = all.clone();
        disowned[1].evidence.spf = Some(SpfCheck {
            domain: Some("denic.de".to_owned()),
            finding: Finding::Fail("softfail".to_owned()),
        });
        assert_eq!(tomls(&disowned), none);
        // There is better proof for some.
        let mut provable = all.clone();
        provable[0].evidence.dkim = vec![signature("denic.de")];
        assert_eq!(tomls(&provable), none);
    }

    #[test]
    fn an_edge_is_proposed_only_if_all_mail_bears_its_word() {
        let edge = |results: &str| stamped(results);
        let tomls = |raws: &[Vec<u8>]| -> Vec<String> {
            let all: Vec<Seen> = (1..)
                .zip(raws)
                .map(|(number, raw)| seen(number, raw.clone(), Evidence::default()))
                .collect();
            let advice = advise(&[NO_EDGE], &all).into_iter();
            advice.filter_map(|advice| advice.toml).collect()
        };
        let all = vec![
            edge(PASS),
            edge("spf=pass smtp.mailfrom=denic.de"),
            edge(PASS),
        ];
        let expected = ["[authenticate]\nauthserv_ids = [\"mx.example.net\"]"];
        assert_eq!(tomls(&all), expected);
        let none: Vec<String> = Vec::new();
        for other in [
            // One mail without it, with two of it, or about somebody else.
            mail(HOP),
            mail(&format!(
                "{HOP}{}",
                format!("Authentication-Results: {EDGE}; {PASS}\r\n").repeat(2)
            )),
            edge("dkim=pass header.d=example.org"),
            edge("dmarc=pass header.from=denic.de"),
            edge("spf=pass smtp.helo=denic.de"),
            // A name that none of our hops has.
            mail(&format!(
                "{HOP}Authentication-Results: mx.evil.example; {PASS}\r\n"
            )),
        ] {
            let mut all = all.clone();
            all.push(other.clone());
            assert_eq!(tomls(&all), none, "{:?}", String::from_utf8_lossy(&other));
        }
        let foreign = mail(&format!(
            "{HOP}Authentication-Results: mx.evil.example; {PASS}\r\n"
        ));
        assert_eq!(tomls(&[foreign.clone(), foreign.clone(), foreign]), none);
    }

    #[test]
    fn mail_of_other_senders_has_no_say() {
        let other = String::from_utf8(stamped(PASS))
            .unwrap()
            .replace(FROM, "evil@example.org");
        let all: Vec<Seen> = (1..=5)
            .map(|number| seen(number, other.clone().into_bytes(), from("192.0.2.25")))
            .collect();
        let advice = advise(&[NO_EDGE], &all);
        assert_eq!(advice.len(), 1);
        assert_eq!(
            advice[0].text,
            "no mail from registry-response@denic.de yet"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_text_makes_the_reader_panic(value in "\\PC{0,80}", bytes in "[ -~\\t\\r\\n]{0,80}") {
        let _ = authenticate::read_auth_results(&value);
        let _ = authenticate::read_auth_results(&bytes);
        let _ = judge(mail(&format!("Authentication-Results: {value}\r\n")));
    }

    /// Whatever is inserted or cut, a field about another domain never speaks for ours.
    #[test]
    fn no_change_makes_a_result_about_another_domain_speak_for_ours(
        cuts in proptest::collection::vec((any::<prop::sample::Index>(), "[ ;=.()\"\\\\@,/a-z]{0,3}", any::<bool>()), 1..6),
        is_spf: bool,
    ) {
        let mut results = if is_spf {
            "spf=pass (x) reason=\"y\" smtp.mailfrom=\"a b\"@example.org smtp.helo=mx".to_owned()
        } else {
            "dkim=pass (x) header.d=example.org header.i=@example.org header.s=s1".to_owned()
        };
        for (at, piece, is_replaced) in cuts {
            let at = at.index(results.len().max(1)).min(results.len());
            let end = if is_replaced { (at + piece.len()).min(results.len()) } else { at };
            results.replace_range(at..end, &piece);
        }
        prop_assert!(!judge(stamped(&results)).is_trusted, "{}", results);
    }

    /// A field about ours into which another domain is put next to ours never passes, unless the
    /// other one stands in a comment or a value of its own.
    #[test]
    fn our_domain_beside_another_in_one_value_never_passes(
        joint in "[^a-zA-Z0-9 \\t\\r\\n]{1,3}",
        is_spf: bool,
        is_first: bool,
    ) {
        let value = match is_first {
            true => format!("denic.de{joint}example.org"),
            false => format!("example.org{joint}denic.de"),
        };
        let results = match is_spf {
            true => format!("spf=pass smtp.mailfrom={value}"),
            false => format!("dkim=pass header.d={value}"),
        };
        // An address under our domain is one, whatever its local part.
        let is_local_part = is_spf && !is_first && joint.ends_with('@');
        prop_assume!(!is_local_part || joint.contains(['(', ';', '"', '\\']));
        prop_assert!(!judge(stamped(&results)).is_trusted, "{}", results);
    }
}
