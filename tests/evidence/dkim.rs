//! Every fault that a signature can have, and signatures that hold.

use stichtag::model::Finding;
use stichtag::simulate::signer::{Signer, Tags};

use super::dns::DnsServer;
use super::house::{House, at, codes, inbound, plain, registry, sent, signed, tags, why};

const DOMAIN: &str = "segelschule-bodden.de";

#[tokio::test]
async fn a_mail_signed_by_the_registry_is_trusted_and_its_signature_is_told() {
    let house = House::knowing([&registry()]);
    let (evidence, verdict) = house.judge(&inbound(signed(DOMAIN))).await;
    assert!(verdict.is_trusted, "{verdict:?}");
    let [signature] = evidence.dkim.as_slice() else {
        panic!("{evidence:?}");
    };
    assert_eq!(signature.finding, Finding::Pass);
    assert_eq!(
        (signature.domain.as_str(), signature.selector.as_str()),
        ("denic.de", "s1")
    );
    assert_eq!(signature.algorithm, "rsa-sha256");
    assert_eq!(signature.key_bits, Some(2_048));
    assert_eq!(
        (signature.signed_at, signature.expires_at),
        (Some(sent()), None)
    );
    assert!(signature.fields.contains(&"from".to_owned()) && !signature.has_length);
    let line = "DKIM denic.de (s1) vouches for denic.de";
    assert!(
        verdict.checked.iter().any(|step| step.contains(line)),
        "{:?}",
        verdict.checked
    );
    assert!(evidence.trouble.is_empty());
}

/// The mail is held for want of proof; `said` is why its signature is none.
async fn is_held(house: &House, raw: Vec<u8>, said: &str) {
    let (evidence, verdict) = house.judge(&inbound(raw)).await;
    assert!(!verdict.is_trusted, "{said}: {verdict:?}");
    assert!(
        codes(&verdict).contains(&"R09"),
        "{said}: {:?}",
        verdict.reasons
    );
    let told = verdict.checked.join("\n");
    assert!(told.contains(said), "{said}: {told}\n{evidence:?}");
}

fn changed(raw: &[u8], from: &str, to: &str) -> Vec<u8> {
    let text = String::from_utf8(raw.to_vec()).unwrap();
    assert!(text.contains(from), "{from}");
    text.replacen(from, to, 1).into_bytes()
}

fn without(field: &str) -> Tags {
    let mut tags = tags();
    tags.fields.retain(|name| name != field);
    tags
}

#[tokio::test]
async fn a_signature_with_a_fault_proves_nothing() {
    let signer = registry();
    let mail = plain(DOMAIN);
    let house = House::knowing([&signer]);
    let good = signed(DOMAIN);
    let with = |tags: &Tags| signer.sign_with(&mail, tags);

    is_held(
        &house,
        changed(&good, "connect", "failed"),
        "the body was changed",
    )
    .await;
    is_held(
        &house,
        changed(&good, "HANDLE:", "HANDLE :"),
        "the body was changed",
    )
    .await;
    is_held(
        &house,
        changed(&good, "Date: Tue, 05", "Date: Tue, 06"),
        "the header was changed",
    )
    .await;
    is_held(
        &house,
        changed(&good, "s=s1", "s=s2"),
        "there is no key record s2._domainkey.denic.de",
    )
    .await;
    is_held(&house, changed(&good, "v=1", "v=2"), "not of version 1").await;
    is_held(
        &house,
        changed(&good, "d=denic.de", "d=denic.de; d=evil.example"),
        "d= is there twice",
    )
    .await;
    let mut second = b"From: registry-response@denic.de\r\n".to_vec();
    second.extend(&good);
    let (_, verdict) = house.judge(&inbound(second)).await;
    assert!(codes(&verdict).contains(&"R03"));

    for field in ["From", "Subject", "Date", "To", "Content-Type"] {
        let said = format!("{} is not signed", field.to_lowercase());
        is_held(&house, with(&without(field)), &said).await;
    }
    let expired = Tags {
        expires_at: Some(at("2026-05-05T06:30:09Z")),
        ..tags()
    };
    is_held(&house, with(&expired), "it has expired").await;
    let backwards = Tags {
        expires_at: Some(sent()),
        ..tags()
    };
    is_held(&house, with(&backwards), "it expires before it was made").await;
    let nonsense = Tags {
        more: vec!["x=never".to_owned()],
        ..tags()
    };
    is_held(&house, with(&nonsense), "no time").await;
    let early = Tags {
        signed_at: Some(at("2026-05-05T09:00:00Z")),
        ..tags()
    };
    is_held(&house, with(&early), "made in the future").await;
    for length in [0, 20, 10_000] {
        let part = Tags {
            length: Some(length),
            ..tags()
        };
        is_held(&house, with(&part), "only the beginning of the body (l=)").await;
    }
    let elsewhere = Tags {
        more: vec!["i=@evil.example".to_owned()],
        ..tags()
    };
    is_held(&house, with(&elsewhere), "i= is not within d=").await;
    is_held(&house, mail.clone(), "DKIM: none seen").await;
}

#[tokio::test]
async fn a_signature_that_expires_after_the_mail_came_in_holds_for_ever() {
    let house = House::knowing([&registry()]);
    let mut tags = tags();
    // Long gone by the clock of this machine; the mail was here before.
    tags.expires_at = Some(at("2026-05-05T06:30:11Z"));
    let raw = registry().sign_with(&plain(DOMAIN), &tags);
    let (_, verdict) = house.judge(&inbound(raw)).await;
    assert!(verdict.is_trusted, "{:?}", verdict.checked);
}

#[tokio::test]
async fn only_the_from_domain_itself_vouches_for_it() {
    for domain in [
        "mail.denic.de",
        "test.denic.de",
        "de",
        "evil.example",
        "denic.de.evil.example",
    ] {
        let signer = Signer::registry(domain).unwrap();
        let house = House::knowing([&signer]);
        let raw = signer.sign(&plain(DOMAIN), sent());
        let (evidence, verdict) = house.judge(&inbound(raw)).await;
        assert_eq!(evidence.dkim[0].finding, Finding::Pass, "{domain}");
        assert!(
            codes(&verdict).contains(&"R09"),
            "{domain}: {:?}",
            verdict.reasons
        );
        let said = "speaks for another domain than denic.de";
        assert!(
            verdict.checked.join("\n").contains(said),
            "{domain}: {:?}",
            verdict.checked
        );
    }
    // And the other way round: live does not speak for test.
    let signer = registry();
    let house = House::knowing([&signer]);
    let raw = changed(
        &plain(DOMAIN),
        "@denic.de\r\nTo: registry@",
        "@test.denic.de\r\nTo: registry-test@",
    );
    let raw = changed(&raw, "UPDATE -", "UPDATE TEST -");
    let mut mail = inbound(signer.sign(&raw, sent()));
    mail.envelope.mail_from = Some("registry-response@test.denic.de".to_owned());
    mail.envelope.recipients = vec!["registry-test@registrar.example".to_owned()];
    let (_, verdict) = house.judge(&mail).await;
    assert!(codes(&verdict).contains(&"R09"), "{:?}", verdict.reasons);
}

#[tokio::test]
async fn a_key_that_is_revoked_on_trial_or_for_something_else_is_none() {
    let signer = registry();
    let key = signer.record.rsplit_once("p=").unwrap().1.to_owned();
    for (record, said) in [
        ("v=DKIM1; k=rsa; p=".to_owned(), "its key was revoked"),
        (format!("v=DKIM1; t=y; p={key}"), "its key is on trial"),
        (
            format!("v=DKIM1; s=tlsrpt; p={key}"),
            "its key is not for mail",
        ),
        (
            format!("v=DKIM1; h=sha1; p={key}"),
            "its key is not for SHA-256",
        ),
        (
            "v=DKIM1; k=rsa; p=AAAA".to_owned(),
            "another key has signed",
        ),
        ("hello".to_owned(), "the record of its key is no key"),
    ] {
        let mut signer = registry();
        signer.record = record;
        is_held(&House::knowing([&signer]), signed(DOMAIN), said).await;
    }
}

#[tokio::test]
async fn of_several_signatures_one_good_one_is_enough_and_all_are_told() {
    let signer = registry();
    let other = Signer::registry("list.example").unwrap();
    let house = House::knowing([&signer, &other]);
    let mut raw = signer.sign(&plain(DOMAIN), sent());
    raw = other.sign(&raw, sent());
    let broken = "DKIM-Signature: v=1; a=rsa-sha256; d=denic.de; s=s1; h=from; bh=AAAA; b=AAAA\r\n";
    let mut all = broken.as_bytes().to_vec();
    all.extend(raw);
    let (evidence, verdict) = house.judge(&inbound(all)).await;
    assert!(verdict.is_trusted, "{:?}", verdict.checked);
    let found: Vec<_> = evidence
        .dkim
        .iter()
        .map(|one| (one.domain.as_str(), one.finding == Finding::Pass))
        .collect();
    assert_eq!(
        found,
        [
            ("denic.de", false),
            ("list.example", true),
            ("denic.de", true)
        ]
    );
}

#[tokio::test]
async fn a_flood_of_signatures_is_cut_off() {
    let house = House::knowing([&registry()]);
    let one = "DKIM-Signature: v=1; a=rsa-sha256; d=denic.de; s=s1; h=from; bh=AAAA; b=AAAA\r\n";
    let mut raw = one.repeat(50).into_bytes();
    raw.extend(signed(DOMAIN));
    let (evidence, verdict) = house.judge(&inbound(raw)).await;
    assert_eq!(evidence.dkim.len(), 20);
    assert!(codes(&verdict).contains(&"R09"));
    let names = "from:".repeat(10_000);
    let long = changed(&signed(DOMAIN), "h=", &format!("h={names}"));
    let (evidence, _) = house.judge(&inbound(long)).await;
    assert!(
        why(&evidence.dkim[0].finding).contains("longer than"),
        "{:?}",
        evidence.dkim[0].finding
    );
}

#[tokio::test]
async fn dns_is_asked_about_the_domains_of_routes_alone() {
    let dns = DnsServer::start(stichtag::simulate::dns_static([&registry()])).await;
    let records = Default::default();
    let house = House::new(super::house::config(&dns.setting(), &records, &[]));
    let stranger = Signer::registry("slow.evil.example").unwrap();

    // From somebody else: nobody is asked.
    let raw = changed(
        &plain(DOMAIN),
        "From: registry-response@denic.de",
        "From: a@evil.example",
    );
    let raw = stranger.sign(&registry().sign(&raw, sent()), sent());
    let mut mail = inbound(raw);
    mail.envelope.client_address = Some("192.0.2.25".parse().unwrap());
    let evidence = house.gather(&mail).await;
    assert_eq!(evidence.dkim.len(), 2);
    assert!(
        evidence.trouble.is_empty() && dns.asked().is_empty(),
        "{:?}",
        dns.asked()
    );

    // From the registry, as a stranger says: the stranger's key is not asked for.
    let mut mail = inbound(stranger.sign(&signed(DOMAIN), sent()));
    mail.envelope.client_address = Some("192.0.2.25".parse().unwrap());
    mail.envelope.mail_from = Some("a@slow.evil.example".to_owned());
    let evidence = house.gather(&mail).await;
    assert!(why(&evidence.dkim[0].finding).contains("not asked for"));
    assert_eq!(evidence.dkim[1].finding, Finding::Pass, "{evidence:?}");
    let asked = dns.asked();
    assert!(asked.contains(&"s1._domainkey.denic.de".to_owned()));
    assert!(
        asked
            .iter()
            .all(|name| name == "de" || name.ends_with("denic.de") || name == "_dmarc.de"),
        "{asked:?}"
    );

    // A signature whose body does not fit is not worth a question either.
    let before = dns.asked().len();
    let raw = changed(&signed(DOMAIN), "connect", "failed");
    let house = House::new(super::house::config(&dns.setting(), &records, &[]));
    house.gather(&inbound(raw)).await;
    let after = dns.asked();
    assert!(
        !after[before..]
            .iter()
            .any(|name| name.contains("_domainkey")),
        "{:?}",
        &after[before..]
    );
}

#[tokio::test]
async fn a_key_that_dns_has_answered_with_is_kept_for_its_time_and_not_longer() {
    let dns = DnsServer::start(stichtag::simulate::dns_static([&registry()])).await;
    let house = House::new(super::house::config(
        &dns.setting(),
        &Default::default(),
        &[],
    ));
    let key_questions = || {
        let asked = dns.asked();
        asked
            .iter()
            .filter(|name| name.contains("_domainkey"))
            .count()
    };
    dns.keep_for(300);
    for number in 0..20 {
        let (_, verdict) = house
            .judge(&inbound(signed(&format!("domain-{number}.de"))))
            .await;
        assert!(verdict.is_trusted, "{verdict:?}");
    }
    assert_eq!(key_questions(), 1, "twenty mails, one question");
    // What may not be kept is asked for again.
    let house = House::new(super::house::config(
        &dns.setting(),
        &Default::default(),
        &[],
    ));
    dns.keep_for(0);
    for number in 0..3 {
        house
            .judge(&inbound(signed(&format!("domain-{number}.de"))))
            .await;
    }
    assert_eq!(key_questions(), 4);
}
